"""INVITE client transaction: the table against the figure, every input in every state, schedules, the ACK."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway.core.effects import StartTimer, Tell
from gateway.core.errors import LocalProtocolError
from gateway.core.machine import transitions
from gateway.sip.effects import Flow
from gateway.sip.message import Request, parse_message, respond
from gateway.sip.transaction.invite_client import MACHINE, InviteClientTransaction, acknowledge

if TYPE_CHECKING:
    from tests.gateway.sip.transaction.conftest import Bench, Lab

STATES = ["Calling", "Proceeding", "Completed", "Accepted", "Terminated"]

# Every arrow of RFC 6026 §8.4, Figure 5.
FIGURE_5 = {
    ("Calling", "timer_a_fired"): "Calling",
    ("Calling", "timer_b_fired"): "Terminated",
    ("Calling", "transport_failed"): "Terminated",
    ("Calling", "provisional_received"): "Proceeding",
    ("Calling", "success_received"): "Accepted",
    ("Calling", "failure_received"): "Completed",
    ("Proceeding", "provisional_received"): "Proceeding",
    ("Proceeding", "success_received"): "Accepted",
    ("Proceeding", "failure_received"): "Completed",
    ("Completed", "failure_received"): "Completed",
    ("Completed", "transport_failed"): "Terminated",
    ("Completed", "timer_d_fired"): "Terminated",
    ("Accepted", "success_received"): "Accepted",
    ("Accepted", "timer_m_fired"): "Terminated",
}
# RFC 3261 §9.1, last paragraph.
CANCELLED = {
    ("Calling", "cancel_sent"): "Calling",
    ("Proceeding", "cancel_sent"): "Proceeding",
    ("Proceeding", "timer_cancelled_fired"): "Terminated",
}

INPUTS: dict[str, Callable[[InviteClientTransaction], None]] = {
    "provisional_received": lambda one: one.response_received(respond(one.request, 180)),
    "success_received": lambda one: one.response_received(respond(one.request, 200)),
    "failure_received": lambda one: one.response_received(respond(one.request, 486)),
    "transport_failed": lambda one: one.transport_failed("port unreachable"),
    "cancel_sent": lambda one: one.cancel_sent(),
    "timer_a_fired": lambda one: one.timer_fired("A"),
    "timer_b_fired": lambda one: one.timer_fired("B"),
    "timer_d_fired": lambda one: one.timer_fired("D"),
    "timer_m_fired": lambda one: one.timer_fired("M"),
    "timer_cancelled_fired": lambda one: one.timer_fired("CANCEL"),
}
WAY_TO = {
    "Calling": [],
    "Proceeding": ["provisional_received"],
    "Completed": ["failure_received"],
    "Accepted": ["success_received"],
    "Terminated": ["timer_b_fired"],
}


def transaction_in(state: str, bench: Bench, flow: Flow) -> InviteClientTransaction:
    request = bench.request("INVITE", flow)
    one = InviteClientTransaction(request, flow, bench.user, bench.surroundings, bench.outbox)
    for name in WAY_TO[state]:
        INPUTS[name](one)
    assert one.state == state
    bench.outbox.drain()
    return one


def invite(lab: Lab, flow: Flow | None = None) -> Request:
    """Send an INVITE through the layer; what was sent is taken from the wire."""
    request = parse_message(lab.octets("INVITE", without="Via"))
    assert isinstance(request, Request)
    lab.do(lab.layer.send_request, request, flow or lab.udp, lab.user)
    return request


@pytest.mark.clause("RFC 6026", "8.4")
class TestFigure5:
    def test_arrows_of_the_figure_and_no_others(self) -> None:
        drawn = {arrow: after for arrow, (after, acts) in transitions(MACHINE).items() if acts}
        assert drawn == FIGURE_5 | CANCELLED

    def test_every_other_input_is_written_down_as_ignored(self) -> None:
        table = transitions(MACHINE)
        assert set(table) == {(state, name) for state in STATES for name in INPUTS}
        assert all(after == arrow[0] for arrow, (after, acts) in table.items() if not acts)

    @pytest.mark.parametrize("name", INPUTS)
    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_sweep(self, state: str, name: str, transport: str, bench: Bench) -> None:
        one = transaction_in(state, bench, getattr(bench, transport))
        after, acts = transitions(MACHINE)[state, name]
        INPUTS[name](one)
        effects = bench.outbox.drain()
        assert one.state == after
        assert acts or not effects
        ends = [effect for effect in effects if isinstance(effect, Tell) and effect.method == bench.ended.append]
        assert bool(ends) == (after == "Terminated" != state)


@pytest.mark.clause("RFC 3261", "17.1.1.2")
class TestCalling:
    def test_invite_is_sent_seven_times_until_timer_B(self, lab: Lab) -> None:
        invite(lab)
        first = lab.wire[0][1]
        lab.run_out()
        assert all(octets == first for _, octets, _ in lab.wire)
        assert lab.schedule() == [(at, "INVITE") for at in (0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5)]
        assert lab.user.take() == ["timed out"]
        assert lab.now >= 32.0
        assert lab.layer.open_transactions == 0

    def test_invite_is_sent_once_over_tcp(self, lab: Lab) -> None:
        invite(lab, lab.tcp)
        lab.advance(31.9)
        assert lab.user.take() == []
        lab.advance(0.1)
        assert lab.schedule() == [(0.0, "INVITE")]
        assert lab.user.take() == ["timed out"]
        assert lab.layer.open_transactions == 0

    @pytest.mark.clause("RFC 3261", "17.1.4")
    def test_transport_error_informs_the_tu_and_ends_it(self, lab: Lab) -> None:
        invite(lab)
        lab.do(lab.layer.transport_failed, lab.udp, "port unreachable")
        assert lab.user.take() == ["transport failed: port unreachable"]
        assert lab.layer.open_transactions == 0
        assert not lab.timers


@pytest.mark.clause("RFC 3261", "17.1.1.2")
class TestProceeding:
    def test_a_provisional_response_ends_the_retransmissions_and_timer_B(self, lab: Lab) -> None:
        request = invite(lab)
        lab.advance(0.7)
        lab.receive(lab.response_to(request, 100))
        lab.receive(lab.response_to(request, 180))
        lab.advance(1000.0)
        assert lab.sent() == ["INVITE", "INVITE"]
        assert lab.user.take() == ["response 100", "response 180"]
        assert lab.layer.open_transactions == 1

    @pytest.mark.clause("RFC 3261", "9.1")
    @pytest.mark.parametrize("heard", [False, True])
    def test_a_cancelled_invite_is_given_up_after_64_T1(self, heard: bool, lab: Lab) -> None:
        request = invite(lab)
        if heard:
            lab.receive(lab.response_to(request, 180))
            lab.user.take()
        cancel = parse_message(lab.octets("CANCEL", without="Via"))
        lab.do(lab.layer.send_request, cancel, lab.udp, lab.user, request.via.branch)
        assert cancel.via == request.via
        lab.receive(lab.response_to(request, 180))
        lab.receive(respond(parse_cancel(cancel.serialize()), 200).serialize())
        lab.user.take()
        lab.advance(31.9)
        assert lab.user.take() == []
        lab.advance(0.1)
        assert lab.user.take() == ["timed out"]
        assert lab.layer.open_transactions == 0

    @pytest.mark.clause("RFC 3261", "9.1")
    @pytest.mark.parametrize("status", [200, 487])
    def test_a_final_response_to_a_cancelled_invite_counts(self, status: int, lab: Lab) -> None:
        request = invite(lab)
        lab.receive(lab.response_to(request, 180))
        cancel = parse_message(lab.octets("CANCEL", without="Via"))
        lab.do(lab.layer.send_request, cancel, lab.udp, lab.user, request.via.branch)
        lab.receive(respond(parse_cancel(cancel.serialize()), 200).serialize())
        lab.receive(lab.response_to(request, status))
        lab.run_out()
        assert lab.user.take() == ["response 180", "response 200", f"response {status}"]
        assert lab.layer.open_transactions == 0


def parse_cancel(octets: bytes) -> Request:
    request = parse_message(octets)
    assert isinstance(request, Request)
    return request


@pytest.mark.clause("RFC 6026", "8.4")
class TestCompleted:
    @pytest.mark.parametrize("first", [None, 180])
    def test_failure_is_acknowledged_and_so_is_each_retransmission(self, first: int | None, lab: Lab) -> None:
        request = invite(lab)
        if first:
            lab.receive(lab.response_to(request, first))
        lab.user.take()
        for _ in range(3):
            lab.receive(lab.response_to(request, 486))
            lab.advance(1.0)
        acks = [octets for _, octets, _ in lab.wire if octets.startswith(b"ACK")]
        assert len(acks) == 3
        assert len(set(acks)) == 1
        assert all(flow == lab.udp for _, _, flow in lab.wire)
        assert lab.user.take() == ["response 486"]
        lab.advance(28.9)
        assert lab.layer.open_transactions == 1
        lab.advance(0.1)
        assert lab.layer.open_transactions == 0

    def test_over_tcp_the_ack_is_sent_and_timer_D_is_zero(self, lab: Lab) -> None:
        request = invite(lab, lab.tcp)
        lab.receive(lab.response_to(request, 486), lab.tcp)
        assert lab.sent() == ["INVITE", "ACK"]
        assert lab.user.take() == ["response 486"]
        assert lab.layer.open_transactions == 0
        assert not lab.timers

    def test_an_ack_that_cannot_be_sent_ends_it(self, lab: Lab) -> None:
        request = invite(lab)
        lab.receive(lab.response_to(request, 486))
        lab.do(lab.layer.transport_failed, lab.udp, "port unreachable")
        assert lab.user.take() == ["response 486", "transport failed: port unreachable"]
        assert lab.layer.open_transactions == 0


@pytest.mark.clause("RFC 6026", "7.2")
class TestAccepted:
    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_every_2xx_goes_to_the_tu_until_timer_M_and_none_is_acknowledged(self, transport: str, lab: Lab) -> None:
        flow = getattr(lab, transport)
        request = invite(lab, flow)
        for tag in ("one", "one", "two"):
            lab.receive(lab.response_to(request, 200, to_tag=tag), flow)
        assert lab.user.take() == ["response 200"] * 3
        assert [response.to.tag for response in lab.user.responses] == ["one", "one", "two"]
        assert lab.sent() == ["INVITE"]
        lab.advance(31.9)
        assert lab.layer.open_transactions == 1
        lab.advance(0.1)
        assert lab.layer.open_transactions == 0
        lab.receive(lab.response_to(request, 200), flow)
        assert lab.user.take() == ["stray 200"]


@pytest.mark.clause("RFC 3261", "17.1.1.3")
class TestAck:
    def test_example_of_the_rfc(self) -> None:
        """Beyond the RFC's text: Content-Length, and the RFC's order of header fields, which does not matter."""
        request = parse_message(
            b"INVITE sip:bob@biloxi.com SIP/2.0\r\n"
            b"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff\r\n"
            b"To: Bob <sip:bob@biloxi.com>\r\n"
            b"From: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n"
            b"Max-Forwards: 70\r\n"
            b"Call-ID: 987asjd97y7atg\r\n"
            b"CSeq: 986759 INVITE\r\n\r\n"
        )
        assert isinstance(request, Request)
        response = respond(request, 486, to_tag="99sa0xk")
        lines = acknowledge(request, response).serialize().decode().split("\r\n")
        assert lines[0] == "ACK sip:bob@biloxi.com SIP/2.0"
        assert sorted(lines[1:]) == sorted(
            [
                "Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff",
                "To: Bob <sip:bob@biloxi.com>;tag=99sa0xk",
                "From: Alice <sip:alice@atlanta.com>;tag=88sja8x",
                "Max-Forwards: 70",
                "Call-ID: 987asjd97y7atg",
                "CSeq: 986759 ACK",
                "Content-Length: 0",
                "",
                "",
            ]
        )

    def test_route_and_only_the_top_via_are_copied(self) -> None:
        request = parse_message(
            b"INVITE sip:bob@biloxi.com SIP/2.0\r\n"
            b"Via: SIP/2.0/UDP one.example;branch=z9hG4bKtop, SIP/2.0/UDP two.example;branch=z9hG4bKbelow\r\n"
            b"Via: SIP/2.0/UDP three.example;branch=z9hG4bKlast\r\n"
            b"Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\n"
            b"Route: <sip:p3.example;lr>\r\n"
            b"To: <sip:bob@biloxi.com>\r\n"
            b"From: <sip:alice@atlanta.com>;tag=88sja8x\r\n"
            b"Call-ID: 987asjd97y7atg\r\n"
            b"Require: 100rel\r\n"
            b"CSeq: 1 INVITE\r\n"
            b"Content-Type: application/sdp\r\n\r\nv=0\r\n"
        )
        assert isinstance(request, Request)
        ack = acknowledge(request, respond(request, 404, to_tag="x"))
        assert ack.headers.lines("Via") == ["SIP/2.0/UDP one.example;branch=z9hG4bKtop"]
        assert ack.headers.lines("Route") == ["<sip:p1.example;lr>, <sip:p2.example;lr>", "<sip:p3.example;lr>"]
        assert "Require" not in ack.headers
        assert ack.body == b""

    def test_as_it_goes_out(self, lab: Lab) -> None:
        request = invite(lab)
        lab.receive(lab.response_to(request, 503, to_tag="theirs"))
        ack = lab.last()
        assert isinstance(ack, Request)
        assert (ack.method, ack.uri) == ("ACK", request.uri)
        assert ack.headers.lines("Via") == request.headers.lines("Via")
        assert ack.to.tag == "theirs"
        assert (ack.cseq.number, ack.cseq.method) == (request.cseq.number, "ACK")
        assert ack.call_id == request.call_id
        assert ack.headers.get("From") == request.headers.get("From")


def test_a_timer_it_does_not_have_is_our_own_mistake(bench: Bench) -> None:
    one = transaction_in("Calling", bench, bench.udp)
    with pytest.raises(LocalProtocolError, match="an INVITE client transaction has no timer 'K'"):
        one.timer_fired("K")


def test_begins_by_sending_and_starting_A_and_B(bench: Bench) -> None:
    request = bench.request("INVITE")
    InviteClientTransaction(request, bench.udp, bench.user, bench.surroundings, bench.outbox)
    timers = [effect for effect in bench.outbox.drain() if isinstance(effect, StartTimer)]
    assert timers == [StartTimer("A", 0.5), StartTimer("B", 32.0)]
