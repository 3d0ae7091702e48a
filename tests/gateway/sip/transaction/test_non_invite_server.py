"""Non-INVITE server transaction: the table against the figure, every input in every state, and RFC 4320."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway.core.effects import Tell
from gateway.core.errors import LocalProtocolError
from gateway.core.machine import transitions
from gateway.sip.effects import Flow
from gateway.sip.message import respond
from gateway.sip.transaction.non_invite_server import MACHINE, NonInviteServerTransaction

if TYPE_CHECKING:
    from tests.gateway.sip.transaction.conftest import Bench, Lab

STATES = ["Trying", "Proceeding", "Completed", "Terminated"]

# Every arrow of RFC 3261 §17.2.2, Figure 8. "1xx from TU" is 100 only (RFC 4320 §4.1).
FIGURE_8 = {
    ("Trying", "trying_from_tu"): "Proceeding",
    ("Trying", "final_from_tu"): "Completed",
    ("Proceeding", "trying_from_tu"): "Proceeding",
    ("Proceeding", "request_received"): "Proceeding",
    ("Proceeding", "final_from_tu"): "Completed",
    ("Proceeding", "transport_failed"): "Terminated",
    ("Completed", "request_received"): "Completed",
    ("Completed", "transport_failed"): "Terminated",
    ("Completed", "timer_j_fired"): "Terminated",
}
RFC_4320 = {
    ("Trying", "passed_up"): "Trying",
    ("Proceeding", "passed_up"): "Proceeding",
    ("Trying", "timer_trying_fired"): "Proceeding",
    ("Proceeding", "timer_trying_fired"): "Proceeding",
    ("Trying", "timeout_from_tu"): "Terminated",
    ("Proceeding", "timeout_from_tu"): "Terminated",
    ("Proceeding", "timer_f_fired"): "Terminated",
}

INPUTS: dict[str, Callable[[NonInviteServerTransaction], None]] = {
    "request_received": lambda one: one.request_received(),
    "transport_failed": lambda one: one.transport_failed("port unreachable"),
    "passed_up": lambda one: one.passed_up(),
    "trying_from_tu": lambda one: one.respond(respond(one.request, 100)),
    "forbidden_from_tu": lambda one: one.respond(respond(one.request, 183)),
    "timeout_from_tu": lambda one: one.respond(respond(one.request, 408)),
    "final_from_tu": lambda one: one.respond(respond(one.request, 200)),
    "timer_trying_fired": lambda one: one.timer_fired("100"),
    "timer_f_fired": lambda one: one.timer_fired("F"),
    "timer_j_fired": lambda one: one.timer_fired("J"),
}
WAY_TO = {
    "Trying": [],
    "Proceeding": ["timer_trying_fired"],
    "Completed": ["final_from_tu"],
    "Terminated": ["final_from_tu", "timer_j_fired"],
}


def transaction_in(state: str, bench: Bench, flow: Flow) -> NonInviteServerTransaction:
    request = bench.request("OPTIONS", flow)
    one = NonInviteServerTransaction(request, flow, flow, bench.user, bench.surroundings, bench.outbox)
    for name in WAY_TO[state]:
        INPUTS[name](one)
    assert one.state == state
    bench.outbox.drain()
    return one


@pytest.mark.clause("RFC 3261", "17.2.2")
class TestFigure8:
    def test_arrows_of_the_figure_and_no_others(self) -> None:
        drawn = {arrow: after for arrow, (after, acts) in transitions(MACHINE).items() if acts}
        assert drawn == FIGURE_8 | RFC_4320

    def test_every_other_input_is_written_down_as_ignored(self) -> None:
        table = transitions(MACHINE)
        assert set(table) == {(state, name) for state in STATES for name in INPUTS}
        assert all(after == arrow[0] for arrow, (after, acts) in table.items() if not acts)

    @pytest.mark.parametrize("name", INPUTS)
    @pytest.mark.parametrize("state", STATES)
    def test_sweep(self, state: str, name: str, bench: Bench) -> None:
        one = transaction_in(state, bench, bench.tcp)
        after, acts = transitions(MACHINE)[state, name]
        INPUTS[name](one)
        effects = bench.outbox.drain()
        assert one.state == after
        assert acts or not effects
        ends = [effect for effect in effects if isinstance(effect, Tell) and effect.method == bench.ended.append]
        assert bool(ends) == (after == "Terminated" != state)


@pytest.mark.clause("RFC 3261", "17.2.2")
class TestCompleted:
    def test_a_retransmitted_request_gets_the_same_octets_and_timer_J_ends_it(self, lab: Lab) -> None:
        lab.user.answers["OPTIONS"] = 200
        lab.receive(lab.octets("OPTIONS"))
        lab.advance(31.0)
        lab.receive(lab.octets("OPTIONS"))
        assert lab.wire[0][1] == lab.wire[1][1]
        assert lab.sent() == ["200", "200"]
        assert lab.user.take() == ["request OPTIONS"]
        lab.advance(1.0)
        assert lab.layer.open_transactions == 0

    @pytest.mark.parametrize("by_effect", [False, True])
    def test_an_answer_in_the_first_turn_starts_no_other_timer(self, by_effect: bool, lab: Lab) -> None:
        lab.user.answers["OPTIONS"] = 200
        lab.user.later = lab.pump.outbox() if by_effect else None
        lab.receive(lab.octets("OPTIONS"))
        assert lab.sent() == ["200"]
        assert lab.started == ["J"]

    def test_over_tcp_it_ends_at_once(self, lab: Lab) -> None:
        lab.user.answers["OPTIONS"] = 200
        lab.receive(lab.octets("OPTIONS"), lab.tcp)
        assert lab.sent() == ["200"]
        assert lab.layer.open_transactions == 0
        assert not lab.timers

    def test_a_second_final_response_is_discarded(self, lab: Lab) -> None:
        lab.user.answers["OPTIONS"] = 200
        lab.receive(lab.octets("OPTIONS"))
        options = lab.user.transactions[0]
        lab.do(options.respond, respond(options.request, 500))
        lab.do(options.respond, respond(options.request, 408))
        assert lab.sent() == ["200"]

    @pytest.mark.clause("RFC 3261", "17.2.4")
    def test_transport_error_informs_the_tu_and_ends_it(self, lab: Lab) -> None:
        lab.user.answers["OPTIONS"] = 200
        lab.receive(lab.octets("OPTIONS"))
        lab.do(lab.layer.transport_failed, lab.udp, "port unreachable")
        assert lab.user.take() == ["request OPTIONS", "failed: port unreachable"]
        assert lab.layer.open_transactions == 0
        assert not lab.timers


class TestRfc4320:
    @pytest.mark.clause("RFC 3261", "17.2.2")
    def test_a_request_retransmitted_before_any_answer_is_discarded(self, lab: Lab) -> None:
        lab.receive(lab.octets("OPTIONS"))
        lab.receive(lab.octets("OPTIONS"))
        assert lab.sent() == []
        assert lab.user.take() == ["request OPTIONS"]

    @pytest.mark.clause("RFC 4320", "4.1")
    @pytest.mark.parametrize("status", [101, 180, 183])
    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_no_provisional_but_100_is_ever_sent(self, status: int, transport: str, lab: Lab) -> None:
        lab.receive(lab.octets("OPTIONS"), getattr(lab, transport))
        options = lab.user.transactions[0]
        lab.do(options.respond, respond(options.request, status))
        assert lab.sent() == []

    @pytest.mark.clause("RFC 4320", "4.1")
    def test_over_udp_100_waits_until_timer_E_has_reached_T2(self, lab: Lab) -> None:
        lab.receive(lab.octets("OPTIONS"))
        options = lab.user.transactions[0]
        lab.do(options.respond, respond(options.request, 100))
        lab.advance(5.0)
        assert lab.schedule() == [(3.5, "100")]
        lab.do(options.respond, respond(options.request, 100))
        lab.receive(lab.octets("OPTIONS"))
        assert lab.sent() == ["100", "100"]
        lab.do(options.respond, respond(options.request, 200))
        lab.advance(31.9)
        assert lab.layer.open_transactions == 1
        lab.advance(0.2)
        assert lab.sent() == ["200"]
        assert lab.layer.open_transactions == 0

    @pytest.mark.clause("RFC 4320", "4.1")
    def test_over_tcp_the_tu_may_say_100_at_any_time(self, lab: Lab) -> None:
        lab.receive(lab.octets("OPTIONS"), lab.tcp)
        options = lab.user.transactions[0]
        lab.do(options.respond, respond(options.request, 100))
        lab.advance(5.0)
        assert lab.schedule() == [(0.0, "100")]

    @pytest.mark.clause("RFC 4320", "4.1")
    def test_over_tcp_100_goes_out_too_when_the_tu_is_silent(self, lab: Lab) -> None:
        lab.receive(lab.octets("OPTIONS"), lab.tcp)
        lab.advance(5.0)
        assert lab.schedule() == [(3.5, "100")]

    @pytest.mark.clause("RFC 4320", "4.2")
    @pytest.mark.parametrize("after_s", [0.0, 10.0])
    def test_408_is_never_sent(self, after_s: float, lab: Lab) -> None:
        lab.receive(lab.octets("OPTIONS"))
        lab.advance(after_s)
        lab.sent()
        options = lab.user.transactions[0]
        lab.do(options.respond, respond(options.request, 408))
        assert lab.sent() == []
        assert lab.layer.open_transactions == 0
        assert not lab.timers

    @pytest.mark.clause("RFC 4320", "4.2")
    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_a_request_never_answered_ends_without_a_word(self, transport: str, lab: Lab) -> None:
        lab.receive(lab.octets("OPTIONS"), getattr(lab, transport))
        lab.run_out()
        assert lab.sent() == ["100"]
        assert lab.user.take() == ["request OPTIONS", "failed: OPTIONS not answered within 32 s"]
        assert lab.layer.open_transactions == 0


def test_a_timer_it_does_not_have_is_our_own_mistake(bench: Bench) -> None:
    one = transaction_in("Trying", bench, bench.udp)
    with pytest.raises(LocalProtocolError, match="a non-INVITE server transaction has no timer 'H'"):
        one.timer_fired("H")
