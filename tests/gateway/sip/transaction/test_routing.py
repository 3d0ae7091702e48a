"""Where a request came from and where its responses go."""

from __future__ import annotations

import pytest

from gateway.sip.effects import Flow, Transport
from gateway.sip.fields.via import Via
from gateway.sip.message import Headers, Request
from gateway.sip.transaction.routing import bare_host, host_text, is_sent_by, mark_source, reply_flow

UDP = Flow(Transport.UDP, ("192.0.2.1", 5060), ("192.0.2.4", 9988))
UDP6 = Flow(Transport.UDP, ("2001:db8::1", 5060), ("2001:db8::4", 9988))
TCP = Flow(Transport.TCP, ("192.0.2.1", 5060), ("192.0.2.4", 41000), connection=3)


def marked(via: str, flow: Flow = UDP) -> str | None:
    request = Request("OPTIONS", "sip:bob@biloxi.com", Headers([("Via", via)]))
    mark_source(request, flow)
    assert request.via == Via.parse(request.headers.values("Via")[0])
    return request.headers.get("Via")


@pytest.mark.clause("RFC 3261", "18.2.1")
class TestReceived:
    def test_example_of_the_rfc(self) -> None:
        assert marked("SIP/2.0/UDP bobspc.biloxi.com:5060") == "SIP/2.0/UDP bobspc.biloxi.com:5060;received=192.0.2.4"

    def test_another_address(self) -> None:
        assert marked("SIP/2.0/UDP 10.1.1.1;branch=z9hG4bK1") == (
            "SIP/2.0/UDP 10.1.1.1;branch=z9hG4bK1;received=192.0.2.4"
        )

    @pytest.mark.parametrize("via", ["SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK1", "SIP / 2.0 / UDP 192.0.2.4:5061"])
    def test_the_same_address_leaves_the_via_as_it_was_written(self, via: str) -> None:
        assert marked(via) == via

    def test_ipv6_reference_is_the_address_without_brackets(self) -> None:
        via = "SIP/2.0/UDP [2001:DB8::4]:5060;branch=z9hG4bK1"
        assert marked(via, UDP6) == via

    def test_a_received_that_the_peer_wrote_itself_is_corrected(self) -> None:
        assert marked("SIP/2.0/UDP 192.0.2.4;received=203.0.113.5") == "SIP/2.0/UDP 192.0.2.4;received=192.0.2.4"

    def test_the_vias_below_stay(self) -> None:
        assert marked("SIP/2.0/UDP a.example, SIP/2.0/UDP b.example;branch=z9hG4bKb") == (
            "SIP/2.0/UDP a.example;received=192.0.2.4, SIP/2.0/UDP b.example;branch=z9hG4bKb"
        )


@pytest.mark.clause("RFC 3581", "4")
class TestRport:
    def test_example_of_the_rfc(self) -> None:
        assert marked("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff") == (
            "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.4"
        )

    def test_received_is_written_even_if_it_is_the_sent_by(self) -> None:
        assert marked("SIP/2.0/UDP 192.0.2.4:9988;rport") == "SIP/2.0/UDP 192.0.2.4:9988;rport=9988;received=192.0.2.4"

    def test_independent_of_the_transport(self) -> None:
        assert marked("SIP/2.0/TCP 192.0.2.4;rport", TCP) == "SIP/2.0/TCP 192.0.2.4;rport=41000;received=192.0.2.4"


class TestReplyFlow:
    @pytest.mark.clause("RFC 3581", "4")
    def test_with_rport_to_the_source(self) -> None:
        assert reply_flow(Via.parse("SIP/2.0/UDP 10.1.1.1:4540;rport=9988;received=192.0.2.4"), UDP) is UDP

    @pytest.mark.clause("RFC 3261", "18.2.2")
    @pytest.mark.parametrize(
        ("via", "remote"),
        [
            ("SIP/2.0/UDP 10.1.1.1:4540;received=192.0.2.4", ("192.0.2.4", 4540)),
            ("SIP/2.0/UDP 10.1.1.1;received=192.0.2.4", ("192.0.2.4", 5060)),
            ("SIP/2.0/UDP 192.0.2.4:9988", ("192.0.2.4", 9988)),
            ("SIP/2.0/UDP 192.0.2.4", ("192.0.2.4", 5060)),
            ("SIP/2.0/UDP 192.0.2.4:0", ("192.0.2.4", 5060)),
            ("SIP/2.0/UDP 192.0.2.4:5070;maddr=239.255.255.1;rport", ("239.255.255.1", 5070)),
            ("SIP/2.0/UDP 192.0.2.4;maddr=[2001:db8::9]", ("2001:db8::9", 5060)),
        ],
    )
    def test_without_it_to_the_port_of_sent_by(self, via: str, remote: tuple[str, int]) -> None:
        assert reply_flow(Via.parse(via), UDP) == Flow(Transport.UDP, UDP.local, remote)

    @pytest.mark.clause("RFC 3261", "18.2.2")
    def test_over_tcp_by_the_same_connection(self) -> None:
        assert reply_flow(Via.parse("SIP/2.0/TCP 192.0.2.77:4540;maddr=192.0.2.5"), TCP) is TCP


@pytest.mark.clause("RFC 3261", "18.1.2")
@pytest.mark.parametrize(
    ("via", "host", "port", "ours"),
    [
        ("SIP/2.0/UDP 192.0.2.1:5060", "192.0.2.1", 5060, True),
        ("SIP/2.0/UDP 192.0.2.1", "192.0.2.1", 5060, True),
        ("SIP/2.0/UDP GW.example", "gw.EXAMPLE", 5060, True),
        ("SIP/2.0/UDP [2001:DB8::1]:5060", "2001:db8::1", 5060, True),
        ("SIP/2.0/UDP 192.0.2.1:5061", "192.0.2.1", 5060, False),
        ("SIP/2.0/UDP 192.0.2.2:5060", "192.0.2.1", 5060, False),
    ],
)
def test_is_sent_by(via: str, host: str, port: int, ours: bool) -> None:
    assert is_sent_by(Via.parse(via), host, port) is ours


def test_hosts_with_and_without_brackets() -> None:
    assert host_text("2001:db8::1") == host_text("[2001:db8::1]") == "[2001:db8::1]"
    assert host_text("192.0.2.1") == "192.0.2.1"
    assert bare_host("[2001:DB8::1]") == "2001:db8::1"
