"""Via."""

from __future__ import annotations

import pytest

from gateway.core.errors import ParseError
from gateway.sip.fields.parameters import Parameters
from gateway.sip.fields.via import MAGIC_COOKIE, Via


@pytest.mark.clause("RFC 3261", "20.42")
class TestParse:
    @pytest.mark.parametrize(
        "text",
        [
            "SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7",
            "SIP/2.0/UDP 192.0.2.1:5060;received=192.0.2.207;branch=z9hG4bK77asjd",
            "SIP/2.0/TCP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3-111",
            "SIP/2.0/UDP first.example.com:4000;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1",
            "SIP/2.0/UDP my_host;rport",
        ],
    )
    def test_text_survives(self, text: str) -> None:
        assert Via.parse(text).serialize() == text

    @pytest.mark.clause("RFC 3261", "7.3.1")
    def test_white_space_where_it_may_be(self) -> None:
        via = Via.parse("SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1")
        assert via.serialize() == "SIP/2.0/UDP first.example.com:4000;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1"

    def test_the_parts(self) -> None:
        via = Via.parse("SIP/2.0/udp Host.Example:5070;branch=z9hG4bKx;received=192.0.2.1")
        assert (via.protocol, via.transport, via.host, via.port) == ("SIP/2.0", "udp", "Host.Example", 5070)
        assert via.branch is not None
        assert via.branch.startswith(MAGIC_COOKIE)
        assert via.received == "192.0.2.1"
        assert via.sent_by == "host.example:5070"
        assert Via("UDP", "A").sent_by == "a"
        assert Via("UDP", "A").branch is None
        assert Via("UDP", "A").received is None

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "'' does not begin with protocol/version/transport and a host"),
            ("SIP/2.0/UDP", "does not begin with"),
            ("SIP/2.0/UDP ", "does not begin with"),
            ("SIP/2.0 host", "does not begin with"),
            ("SIP/2.0/UDP ;branch=x", "does not begin with"),
            ("SIP/2.0/UDP [::1;branch=x", "does not begin with"),
            ("SIP/2.0/UDP host:", "':' is not a parameter"),
            ("SIP/2.0/UDP host:65536", "port 65536 is more than 65535"),
            ("SIP/2.0/UDP host:12345678901", "port 123456789 is more than 65535"),
            ("SIP/2.0/UDP host:5060x", "'x' is not a parameter"),
            ("SIP/2.0/UDP host extra", "'extra' is not a parameter"),
            ("SIP/2.0/UDP host;branch=a;branch=b", "a parameter appears twice"),
        ],
    )
    def test_what_is_none_is_refused(self, text: str, why: str) -> None:
        with pytest.raises(ParseError) as caught:
            Via.parse(text)
        assert why in caught.value.message


@pytest.mark.clause("RFC 3581", "3")
class TestRport:
    @pytest.mark.parametrize(
        ("text", "wants", "value"),
        [(";rport", True, None), (";rport=5060", True, 5060), ("", False, None), (";rport=x", True, None)],
    )
    def test_asked_for_and_filled_in(self, text: str, wants: bool, value: int | None) -> None:
        via = Via.parse(f"SIP/2.0/UDP host{text}")
        assert (via.wants_rport, via.rport) == (wants, value)

    @pytest.mark.clause("RFC 3581", "4")
    def test_the_server_fills_it_in(self) -> None:
        via = Via("UDP", "10.1.1.1", 4540, Parameters.of(rport=None, branch="z9hG4bKkjshdyff"))
        filled = via.with_param("received", "192.0.2.1").with_param("rport", "9988")
        assert filled.serialize() == "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1"
