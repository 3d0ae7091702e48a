"""The transaction layer: what it turns away, what it matches, what it sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway.core.errors import LocalProtocolError, RemoteProtocolError
from gateway.sip.effects import Flow, Transport
from gateway.sip.message import Request, Response, parse_message, respond
from gateway.sip.transaction.base import Direction
from gateway.sip.transaction.layer import TransactionCounts, TransactionSettings

if TYPE_CHECKING:
    from tests.gateway.sip.transaction.conftest import Lab

OLD = "SIP/2.0/UDP 192.0.2.9:5070"
"""A top Via of RFC 2543: no branch."""


def request_of(lab: Lab, method: str) -> Request:
    """A request of ours, not yet sent."""
    request = parse_message(lab.octets(method, without="Via"))
    assert isinstance(request, Request)
    return request


def answer(lab: Lab) -> Response:
    """The only thing that was sent."""
    assert len(lab.wire) == 1
    response = lab.last()
    assert isinstance(response, Response)
    return response


class TestBrokenRequests:
    @pytest.mark.clause("RFC 3261", "21.4.1")
    @pytest.mark.parametrize(
        ("wrong", "reason"),
        [
            ({"extra": ["no colon here"]}, "Bad Request: 'no colon here' is not a header field: no name and colon"),
            ({"cseq": "1 BYE"}, "Bad Request: CSeq: method 'BYE' in a request 'INVITE' [RFC 3261 §8.1.1.5]"),
            ({"cseq": "one INVITE"}, "Bad Request: CSeq: 'one INVITE' is not a number and a method at octet 0"),
            ({"extra": ["Max-Forwards: 70"]}, "Bad Request: Max-Forwards: appears twice at octet"),
            ({"extra": ["Route: <sip:x"]}, "Bad Request: Route: "),
            ({"cseq": "4294967296 INVITE"}, "Bad Request: CSeq: '4294967296' is not below 2**31"),
        ],
    )
    def test_400_says_what_and_where(self, wrong: dict[str, object], reason: str, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE", **wrong))  # type: ignore[arg-type]
        response = answer(lab)
        assert response.status == 400
        assert response.reason.startswith(reason)
        assert response.reason.isprintable()
        assert lab.user.take() == []
        assert lab.layer.open_transactions == 0
        assert lab.layer.counts == TransactionCounts(rejected=1)

    @pytest.mark.clause("RFC 3261", "18.3")
    def test_a_body_cut_short(self, lab: Lab) -> None:
        data = lab.octets("INVITE").replace(b"Content-Length: 0", b"Content-Length: 12") + b"v=0\r\n"
        lab.receive(data)
        assert answer(lab).reason.startswith("Bad Request: Content-Length: 12 octets of body announced, 5 came")

    @pytest.mark.clause("RFC 3261", "8.2.6.2")
    def test_the_answer_goes_back_by_the_via_with_a_to_tag_that_stays_the_same(self, lab: Lab) -> None:
        data = lab.octets("INVITE", sent_by="10.1.1.1:4000", cseq="1 BYE")
        lab.receive(data)
        lab.receive(data)
        (_, first, flow), (_, second, _) = lab.wire
        assert first == second
        assert flow == Flow(Transport.UDP, lab.udp.local, ("192.0.2.9", 4000))
        response = parse_message(first)
        assert response.to.tag
        assert response.via.received == "192.0.2.9"
        assert response.headers.get("CSeq") == "1 BYE"

    @pytest.mark.parametrize("octet", [b"\x00", b"\x1b", b"\xff", b"\x7f", "\u202e".encode(), b"\x85"])
    def test_the_reason_phrase_stays_one_printable_line(self, octet: bytes, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE", cseq="x INVITE").replace(b"x INVITE", octet + b" INVITE"))
        assert answer(lab).reason.isprintable()

    def test_a_very_long_mistake_makes_no_long_reason_phrase(self, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE", extra=["x" * 9000]))
        assert len(answer(lab).reason) <= 200

    @pytest.mark.clause("RFC 3261", "21.5.6")
    def test_another_version_gets_505(self, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE").replace(b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia"))
        response = answer(lab)
        assert response.status == 505
        assert response.reason.startswith("Version Not Supported: 'SIP/7.0' is not SIP/2.0")

    @pytest.mark.clause("RFC 3261", "21.4.11")
    @pytest.mark.parametrize("extra", [["X: " + "x" * 70000], [f"X-{n}: x" for n in range(1000)]])
    def test_a_header_monster_gets_413(self, extra: list[str], lab: Lab) -> None:
        lab.receive(lab.octets("INVITE", extra=extra))
        assert answer(lab).status == 413

    def test_what_a_stream_cannot_frame_is_answered_as_its_error_says(self, lab: Lab) -> None:
        error = RemoteProtocolError("Content-Length: 2000000 is more than 1048576", sip_status=413)
        lab.do(lab.layer.broken_received, lab.octets("INVITE"), lab.tcp, error)
        response = answer(lab)
        assert response.status == 413
        assert response.reason.endswith("Content-Length: 2000000 is more than 1048576")

    @pytest.mark.clause("RFC 3261", "17")
    @pytest.mark.parametrize(
        "wrong", [{"cseq": "1 BYE"}, {"without": "Call-ID"}, {"extra": ["no colon"]}, {"via": "nonsense"}]
    )
    def test_an_ack_is_never_answered(self, wrong: dict[str, object], lab: Lab) -> None:
        lab.receive(lab.octets("ACK", **wrong))  # type: ignore[arg-type]
        assert lab.sent() == []
        assert lab.user.take() == []
        assert lab.layer.counts.unreadable == 1

    @pytest.mark.parametrize(
        "data",
        [
            b"\x80\x12\x00\x01" + bytes(range(256)),
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"INVITE",
            b"INVITE sip:x SIP/2.0\r\n\r\n",
            b"INVITE sip:x SIP/2.0\r\nVia: nonsense\r\nFrom: x\r\nTo: x\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n",
            b"SIP/2.0 200 OK\r\n\r\n",
            b"SIP/2.0 99999999999999 OK\r\n\r\n",
        ],
    )
    def test_what_shows_no_sender_is_dropped_and_counted(self, data: bytes, lab: Lab) -> None:
        lab.receive(data)
        assert lab.sent() == []
        assert lab.user.take() == []
        assert lab.layer.counts == TransactionCounts(unreadable=1)


class TestKeepalives:
    @pytest.mark.clause("RFC 5626", "4.4.1")
    def test_a_ping_on_a_stream_gets_a_pong(self, lab: Lab) -> None:
        lab.receive(b"\r\n\r\n", lab.tcp)
        assert [(octets, flow) for _, octets, flow in lab.wire] == [(b"\r\n", lab.tcp)]
        lab.do(lab.layer.ping_received, lab.tcp)
        assert lab.sent() == ["CRLF", "CRLF"]
        assert lab.layer.counts == TransactionCounts(keepalives=2)

    @pytest.mark.parametrize("data", [b"\r\n\r\n", b"\r\n", b"", b"\0\0\0\0", b"\0"])
    def test_on_udp_it_gets_none(self, data: bytes, lab: Lab) -> None:
        lab.receive(data)
        assert lab.sent() == []
        assert lab.layer.counts == TransactionCounts(keepalives=1)


@pytest.mark.clause("RFC 3261", "17.2.3")
class TestRequests:
    def test_the_tu_sees_where_it_came_from(self, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE", via="SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff"))
        request = lab.user.transactions[0].request
        assert request.headers.get("Via") == (
            "SIP/2.0/UDP 10.1.1.1:4540;rport=5070;branch=z9hG4bKkjshdyff;received=192.0.2.9"
        )
        assert lab.user.transactions[0].flow == lab.udp
        assert lab.wire[0][2] == lab.udp

    def test_the_same_branch_of_another_sender_is_another_transaction(self, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE"))
        lab.receive(lab.octets("INVITE", sent_by="192.0.2.9:5071"))
        lab.receive(lab.octets("INVITE", branch="z9hG4bKtwo"))
        assert lab.user.take() == ["request INVITE"] * 3
        assert lab.layer.open_transactions == 3

    def test_another_method_with_the_same_branch_is_another_transaction(self, lab: Lab) -> None:
        lab.receive(lab.octets("INFO"))
        lab.receive(lab.octets("BYE"))
        assert lab.user.take() == ["request INFO", "request BYE"]

    def test_a_peer_of_rfc_2543_is_matched_by_the_six_header_fields(self, lab: Lab) -> None:
        lab.user.answers["INVITE"] = 486
        lab.receive(lab.octets("INVITE", via=OLD))
        lab.receive(lab.octets("INVITE", via=OLD))
        assert lab.sent() == ["486", "486"]
        lab.receive(lab.octets("ACK", via=OLD, to_tag="someone-else"))
        assert lab.user.take() == ["request INVITE", "ack"]
        lab.receive(lab.octets("ACK", via=OLD, to_tag="ours"))
        assert lab.user.take() == []
        lab.run_out()
        assert lab.sent() == []
        assert lab.layer.open_transactions == 0

    def test_a_later_invite_of_such_a_peer_is_another(self, lab: Lab) -> None:
        lab.user.answers["INVITE"] = 488
        lab.receive(lab.octets("INVITE", via=OLD, to_tag="ours", number=2))
        lab.receive(lab.octets("ACK", via=OLD, to_tag="ours", number=2))
        assert lab.user.take() == ["request INVITE"]

    @pytest.mark.clause("RFC 6026", "6")
    def test_its_ack_to_a_2xx_goes_to_the_tu(self, lab: Lab) -> None:
        lab.user.answers["INVITE"] = 200
        lab.receive(lab.octets("INVITE", via=OLD))
        lab.receive(lab.octets("ACK", via=OLD, to_tag="ours"))
        assert lab.user.take() == ["request INVITE", "ack"]

    @pytest.mark.clause("RFC 3261", "13.3.1.4")
    def test_an_ack_of_its_own_branch_goes_to_the_tu(self, lab: Lab) -> None:
        lab.user.answers["INVITE"] = 200
        lab.receive(lab.octets("INVITE"))
        lab.receive(lab.octets("ACK", branch="z9hG4bKack", to_tag="ours"))
        assert lab.user.take() == ["request INVITE", "ack"]
        assert lab.user.acks[0].to.tag == "ours"
        assert lab.layer.counts.stray == 1

    def test_ack_before_the_final_response_is_ignored(self, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE"))
        lab.receive(lab.octets("ACK"))
        assert lab.user.take() == ["request INVITE"]
        assert lab.sent() == ["100"]


@pytest.mark.clause("RFC 3261", "9.2")
class TestCancel:
    def test_it_comes_with_the_invite_it_matches(self, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE"))
        lab.user.answers["CANCEL"] = 200
        lab.receive(lab.octets("CANCEL"))
        assert lab.user.take() == ["request INVITE", "cancel"]
        assert lab.user.invites == [lab.user.transactions[0]]
        lab.receive(lab.octets("CANCEL"))
        assert lab.user.take() == []
        assert lab.sent() == ["100", "200", "200"]
        invite = lab.user.transactions[0]
        lab.do(invite.respond, respond(invite.request, 487, to_tag="ours"))
        lab.receive(lab.octets("ACK", to_tag="ours"))
        lab.run_out()
        assert lab.layer.open_transactions == 0

    def test_of_a_peer_of_rfc_2543(self, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE", via=OLD))
        lab.receive(lab.octets("CANCEL", via=OLD))
        assert lab.user.take() == ["request INVITE", "cancel"]

    @pytest.mark.parametrize("other", [{"branch": "z9hG4bKtwo"}, {"sent_by": "192.0.2.9:5071"}])
    def test_of_nothing(self, other: dict[str, str], lab: Lab) -> None:
        lab.receive(lab.octets("INVITE"))
        lab.receive(lab.octets("CANCEL", **other))  # type: ignore[arg-type]
        assert lab.user.take() == ["request INVITE", "cancel of nothing"]

    def test_of_another_request_is_answered_200_and_changes_nothing(self, lab: Lab) -> None:
        lab.receive(lab.octets("OPTIONS"))
        lab.receive(lab.octets("CANCEL"))
        assert lab.sent() == ["200"]
        assert lab.user.take() == ["request OPTIONS"]
        assert lab.layer.open_transactions == 2


class TestResponses:
    @pytest.mark.clause("RFC 3261", "18.1.2")
    @pytest.mark.parametrize("sent_by", [b"192.0.2.1:5061", b"192.0.2.2:5060", b"elsewhere.example"])
    def test_what_was_not_sent_by_us_is_dropped(self, sent_by: bytes, lab: Lab) -> None:
        request = request_of(lab, "OPTIONS")
        lab.do(lab.layer.send_request, request, lab.udp, lab.user)
        lab.receive(lab.response_to(request, 200).replace(b"192.0.2.1:5060", sent_by))
        assert lab.user.take() == []
        assert lab.layer.counts == TransactionCounts(foreign=1)

    @pytest.mark.clause("RFC 3261", "8.1.3.3")
    def test_a_response_with_a_via_too_many_is_dropped(self, lab: Lab) -> None:
        request = request_of(lab, "OPTIONS")
        lab.do(lab.layer.send_request, request, lab.udp, lab.user)
        data = lab.response_to(request, 200).replace(b"\r\nFrom", b"\r\nVia: SIP/2.0/UDP other.example\r\nFrom", 1)
        lab.receive(data)
        assert lab.user.take() == []
        assert lab.layer.counts == TransactionCounts(foreign=1)

    @pytest.mark.clause("RFC 3261", "17.1.3")
    @pytest.mark.parametrize("change", [(b"1 OPTIONS", b"1 INFO"), (b"z9hG4bKid1", b"z9hG4bKid2")])
    def test_another_method_or_branch_is_a_stray(self, change: tuple[bytes, bytes], lab: Lab) -> None:
        request = request_of(lab, "OPTIONS")
        lab.do(lab.layer.send_request, request, lab.udp, lab.user)
        lab.receive(lab.response_to(request, 200).replace(*change))
        assert lab.user.take() == ["stray 200"]
        assert lab.layer.counts == TransactionCounts(stray=1)

    @pytest.mark.parametrize("without", [b"To: ", b"From: ", b"Call-ID: ", b"CSeq: ", b"Via: "])
    def test_a_response_that_cannot_be_read_is_dropped(self, without: bytes, lab: Lab) -> None:
        request = request_of(lab, "OPTIONS")
        lab.do(lab.layer.send_request, request, lab.udp, lab.user)
        lab.sent()
        lab.receive(lab.response_to(request, 200).replace(b"\r\n" + without, b"\r\nX: "))
        assert lab.user.take() == []
        assert lab.sent() == []
        assert lab.layer.counts == TransactionCounts(unreadable=1)


class TestSending:
    @pytest.mark.clause("RFC 3261", "8.1.1.7")
    def test_our_via_goes_on_top(self, lab: Lab) -> None:
        request = request_of(lab, "OPTIONS")
        lab.do(lab.layer.send_request, request, lab.udp, lab.user)
        assert lab.last().headers.lines("Via") == ["SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKid1;rport"]
        assert request.via.branch == "z9hG4bKid1"

    def test_the_name_we_were_given(self, make_lab: Callable[[TransactionSettings], Lab]) -> None:
        lab = make_lab(TransactionSettings(sent_by=("gw.example", 5080)))
        request = request_of(lab, "OPTIONS")
        lab.do(lab.layer.send_request, request, lab.tcp, lab.user)
        assert lab.last().headers.get("Via") == "SIP/2.0/TCP gw.example:5080;branch=z9hG4bKid1;rport"
        lab.receive(lab.response_to(request, 200), lab.tcp)
        assert lab.user.take() == ["response 200"]

    def test_ipv6(self, lab: Lab) -> None:
        request = request_of(lab, "OPTIONS")
        flow = Flow(Transport.UDP, ("2001:db8::1", 5060), ("2001:db8::9", 5060))
        lab.do(lab.layer.send_request, request, flow, lab.user)
        assert lab.last().headers.get("Via") == "SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKid1;rport"
        lab.receive(lab.response_to(request, 200), flow)
        assert lab.user.take() == ["response 200"]

    @pytest.mark.clause("RFC 3261", "9.1")
    def test_a_cancel_has_the_via_of_its_invite(self, lab: Lab) -> None:
        invite, cancel = request_of(lab, "INVITE"), request_of(lab, "CANCEL")
        lab.do(lab.layer.send_request, invite, lab.udp, lab.user)
        lab.receive(lab.response_to(invite, 180))
        lab.do(lab.layer.send_request, cancel, lab.udp, lab.user, invite.via.branch)
        assert cancel.headers.get("Via") == invite.headers.get("Via")
        lab.receive(lab.response_to(cancel, 200))
        lab.receive(lab.response_to(invite, 487))
        assert lab.user.take() == ["response 180", "response 200", "response 487"]

    @pytest.mark.clause("RFC 3261", "17.1")
    def test_an_ack_makes_no_transaction_and_can_be_repeated(self, lab: Lab) -> None:
        ack = request_of(lab, "ACK")
        lab.do(lab.layer.send_request, ack, lab.udp, lab.user)
        lab.do(lab.layer.repeat_ack, ack, lab.udp)
        assert lab.layer.open_transactions == 0
        assert lab.wire[0] == lab.wire[1]
        assert lab.sent() == ["ACK", "ACK"]

    def test_a_branch_may_be_made_beforehand_and_used_once(self, lab: Lab) -> None:
        branch = lab.layer.new_branch()
        lab.do(lab.layer.send_request, request_of(lab, "OPTIONS"), lab.udp, lab.user, branch)
        with pytest.raises(LocalProtocolError, match=f"a OPTIONS with branch {branch} is under way"):
            lab.do(lab.layer.send_request, request_of(lab, "OPTIONS"), lab.udp, lab.user, branch)


@pytest.mark.clause("RFC 3261", "18.4")
class TestTransportErrors:
    def test_only_what_goes_that_way_has_failed(self, lab: Lab) -> None:
        elsewhere = Flow(Transport.UDP, lab.udp.local, ("192.0.2.77", 5060))
        lab.do(lab.layer.send_request, request_of(lab, "OPTIONS"), lab.udp, lab.user)
        lab.do(lab.layer.send_request, request_of(lab, "OPTIONS"), elsewhere, lab.user)
        lab.do(lab.layer.transport_failed, elsewhere, "no route")
        assert lab.user.take() == ["transport failed: no route"]
        assert lab.layer.open_transactions == 1

    def test_a_connection_is_known_by_its_number(self, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE", transport="TCP"), lab.tcp)
        lab.user.take()
        lab.do(lab.layer.transport_failed, Flow(Transport.TCP, lab.tcp.local, lab.tcp.remote, 8), "closed")
        assert lab.user.take() == []
        lab.do(lab.layer.transport_failed, Flow(Transport.TCP, lab.tcp.local, ("192.0.2.9", 1), 7), "closed")
        assert lab.user.take() == ["failed: closed"]

    def test_what_is_over_does_not_fail_with_its_connection_and_leaves_nothing(self, lab: Lab) -> None:
        lab.user.answers["OPTIONS"] = 200
        lab.receive(lab.octets("OPTIONS", transport="TCP"), lab.tcp)
        ours = request_of(lab, "OPTIONS")
        lab.do(lab.layer.send_request, ours, lab.tcp, lab.user)
        lab.receive(lab.response_to(ours, 200), lab.tcp)
        lab.advance(40.0)
        lab.user.take()
        lab.do(lab.layer.transport_failed, lab.tcp, "closed")
        assert lab.user.take() == []
        assert lab.layer.open_transactions == len(lab.layer._by_connection) == 0

    def test_all_that_goes_by_a_connection_fails_with_it(self, lab: Lab) -> None:
        for _ in range(2):
            lab.do(lab.layer.send_request, request_of(lab, "OPTIONS"), lab.tcp, lab.user)
        lab.do(lab.layer.send_request, request_of(lab, "OPTIONS"), lab.udp, lab.user)
        lab.do(lab.layer.transport_failed, lab.tcp, "closed")
        assert lab.user.take() == ["transport failed: closed"] * 2
        assert (lab.layer.open_transactions, len(lab.layer._by_connection)) == (1, 0)


def test_the_observer_sees_every_message_with_its_octets(lab: Lab) -> None:
    lab.user.answers["INVITE"] = 486
    data = lab.octets("INVITE")
    lab.receive(data)
    lab.advance(0.6)
    lab.receive(lab.octets("ACK", to_tag="ours"))
    lab.receive(lab.octets("INFO", cseq="1 BYE", branch="z9hG4bKthree"))
    ours = request_of(lab, "OPTIONS")
    lab.do(lab.layer.send_request, ours, lab.udp, lab.user)
    lab.receive(lab.response_to(ours, 200))
    seen = [
        (direction.value, message.method if isinstance(message, Request) else str(getattr(message, "status", "")))
        for direction, message, _, _ in lab.seen
    ]
    assert seen == [
        ("received", "INVITE"),
        ("sent", "486"),
        ("sent", "486"),
        ("received", "ACK"),
        ("received", "INFO"),
        ("sent", "400"),
        ("sent", "OPTIONS"),
        ("received", "200"),
    ]
    assert lab.seen[0][3] == data
    sent = [octets for direction, _, _, octets in lab.seen if direction is Direction.SENT]
    assert sent == [octets for _, octets, _ in lab.wire]


def test_settings_refuse_a_100_that_comes_too_late() -> None:
    with pytest.raises(ValueError, match=r"trying_after_s must be 0 to 0\.2, not 0\.3"):
        TransactionSettings(trying_after_s=0.3)


def test_the_layer_has_no_timers_of_its_own(lab: Lab) -> None:
    with pytest.raises(LocalProtocolError, match="the transaction layer has no timer 'A'"):
        lab.layer.timer_fired("A")
