"""Non-INVITE client transaction: the table against the figure, every input in every state, and its schedules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway.core.effects import Tell
from gateway.core.errors import LocalProtocolError
from gateway.core.machine import transitions
from gateway.sip.effects import Flow
from gateway.sip.message import Request, parse_message, respond
from gateway.sip.transaction.non_invite_client import MACHINE, NonInviteClientTransaction

if TYPE_CHECKING:
    from tests.gateway.sip.transaction.conftest import Bench, Lab

STATES = ["Trying", "Proceeding", "Completed", "Terminated"]

# Every arrow of RFC 3261 §17.1.2.2, Figure 6.
FIGURE_6 = {
    ("Trying", "timer_e_fired"): "Trying",
    ("Trying", "timer_f_fired"): "Terminated",
    ("Trying", "transport_failed"): "Terminated",
    ("Trying", "provisional_received"): "Proceeding",
    ("Trying", "final_received"): "Completed",
    ("Proceeding", "timer_e_fired"): "Proceeding",
    ("Proceeding", "timer_f_fired"): "Terminated",
    ("Proceeding", "transport_failed"): "Terminated",
    ("Proceeding", "provisional_received"): "Proceeding",
    ("Proceeding", "final_received"): "Completed",
    ("Completed", "timer_k_fired"): "Terminated",
}

INPUTS: dict[str, Callable[[NonInviteClientTransaction], None]] = {
    "provisional_received": lambda one: one.response_received(respond(one.request, 100)),
    "final_received": lambda one: one.response_received(respond(one.request, 200)),
    "transport_failed": lambda one: one.transport_failed("port unreachable"),
    "timer_e_fired": lambda one: one.timer_fired("E"),
    "timer_f_fired": lambda one: one.timer_fired("F"),
    "timer_k_fired": lambda one: one.timer_fired("K"),
}
WAY_TO = {
    "Trying": [],
    "Proceeding": ["provisional_received"],
    "Completed": ["final_received"],
    "Terminated": ["timer_f_fired"],
}


def transaction_in(state: str, bench: Bench, flow: Flow) -> NonInviteClientTransaction:
    request = bench.request("OPTIONS", flow)
    one = NonInviteClientTransaction(request, flow, bench.user, bench.surroundings, bench.outbox)
    for name in WAY_TO[state]:
        INPUTS[name](one)
    assert one.state == state
    bench.outbox.drain()
    return one


def ask(lab: Lab, flow: Flow | None = None) -> Request:
    request = parse_message(lab.octets("OPTIONS", without="Via"))
    assert isinstance(request, Request)
    lab.do(lab.layer.send_request, request, flow or lab.udp, lab.user)
    return request


@pytest.mark.clause("RFC 3261", "17.1.2.2")
class TestFigure6:
    def test_arrows_of_the_figure_and_no_others(self) -> None:
        drawn = {arrow: after for arrow, (after, acts) in transitions(MACHINE).items() if acts}
        assert drawn == FIGURE_6

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


@pytest.mark.clause("RFC 3261", "17.1.2.2")
class TestSchedules:
    def test_request_is_repeated_with_intervals_that_reach_T2_until_timer_F(self, lab: Lab) -> None:
        ask(lab)
        lab.run_out()
        at = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert lab.schedule() == [(moment, "OPTIONS") for moment in at]
        assert lab.user.take() == ["timed out"]
        assert lab.layer.open_transactions == 0

    def test_a_provisional_response_slows_the_repetition_to_T2(self, lab: Lab) -> None:
        request = ask(lab)
        lab.advance(0.1)
        lab.receive(lab.response_to(request, 100))
        lab.run_out()
        at = [0.0, 0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
        assert lab.schedule() == [(moment, "OPTIONS") for moment in at]
        assert lab.user.take() == ["response 100", "timed out"]

    def test_request_is_sent_once_over_tcp(self, lab: Lab) -> None:
        ask(lab, lab.tcp)
        lab.run_out()
        assert lab.schedule() == [(0.0, "OPTIONS")]
        assert lab.user.take() == ["timed out"]

    @pytest.mark.parametrize("first", [None, 100])
    def test_repeated_final_responses_are_absorbed_until_timer_K(self, first: int | None, lab: Lab) -> None:
        request = ask(lab)
        if first:
            lab.receive(lab.response_to(request, first))
            lab.user.take()
        lab.receive(lab.response_to(request, 200))
        lab.receive(lab.response_to(request, 200))
        assert lab.user.take() == ["response 200"]
        lab.advance(4.9)
        assert lab.layer.open_transactions == 1
        lab.advance(0.1)
        assert lab.layer.open_transactions == 0
        assert lab.sent() == ["OPTIONS"]

    def test_over_tcp_it_ends_at_once(self, lab: Lab) -> None:
        request = ask(lab, lab.tcp)
        lab.receive(lab.response_to(request, 200), lab.tcp)
        assert lab.user.take() == ["response 200"]
        assert lab.layer.open_transactions == 0
        assert not lab.timers

    @pytest.mark.clause("RFC 3261", "17.1.4")
    def test_transport_error_informs_the_tu_and_ends_it(self, lab: Lab) -> None:
        ask(lab)
        lab.do(lab.layer.transport_failed, lab.udp, "port unreachable")
        assert lab.user.take() == ["transport failed: port unreachable"]
        assert lab.layer.open_transactions == 0
        assert not lab.timers


def test_a_timer_it_does_not_have_is_our_own_mistake(bench: Bench) -> None:
    one = transaction_in("Trying", bench, bench.udp)
    with pytest.raises(LocalProtocolError, match="a non-INVITE client transaction has no timer 'B'"):
        one.timer_fired("B")
