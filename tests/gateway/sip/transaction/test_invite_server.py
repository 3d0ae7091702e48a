"""INVITE server transaction: the table against the figure, every input in every state, and its schedules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.effects import Effect, StartTimer, StopTimer, Tell
from gateway.core.errors import LocalProtocolError
from gateway.core.machine import transitions
from gateway.sip.effects import Flow, Transmit
from gateway.sip.message import respond
from gateway.sip.transaction.invite_server import MACHINE, InviteServerTransaction
from gateway.sip.transaction.layer import TransactionSettings

if TYPE_CHECKING:
    from tests.gateway.sip.transaction.conftest import Bench, Lab

STATES = ["Proceeding", "Completed", "Accepted", "Confirmed", "Terminated"]

# Every arrow of RFC 6026 §8.6, Figure 7.
FIGURE_7 = {
    ("Proceeding", "invite_received"): "Proceeding",
    ("Proceeding", "provisional_from_tu"): "Proceeding",
    ("Proceeding", "transport_failed"): "Proceeding",
    ("Proceeding", "failure_from_tu"): "Completed",
    ("Proceeding", "success_from_tu"): "Accepted",
    ("Completed", "invite_received"): "Completed",
    ("Completed", "timer_g_fired"): "Completed",
    ("Completed", "transport_failed"): "Completed",
    ("Completed", "ack_received"): "Confirmed",
    ("Completed", "timer_h_fired"): "Terminated",
    ("Accepted", "invite_received"): "Accepted",
    ("Accepted", "transport_failed"): "Accepted",
    ("Accepted", "ack_received"): "Accepted",
    ("Accepted", "success_from_tu"): "Accepted",
    ("Accepted", "timer_l_fired"): "Terminated",
    ("Confirmed", "timer_i_fired"): "Terminated",
}
# Arrows whose action is "-" and which lead nowhere else.
ABSORBED = {("Accepted", "invite_received")}
# "send 100 if TU won't in 200 ms", at the top of the figure.
TRYING = {("Proceeding", "passed_up"): "Proceeding", ("Proceeding", "timer_trying_fired"): "Proceeding"}

INPUTS: dict[str, Callable[[InviteServerTransaction], None]] = {
    "invite_received": lambda one: one.request_received(),
    "ack_received": lambda one: one.ack_received(one.request, one.flow),
    "transport_failed": lambda one: one.transport_failed("port unreachable"),
    "passed_up": lambda one: one.passed_up(),
    "provisional_from_tu": lambda one: one.respond(respond(one.request, 183)),
    "success_from_tu": lambda one: one.respond(respond(one.request, 200)),
    "failure_from_tu": lambda one: one.respond(respond(one.request, 486)),
    "timer_trying_fired": lambda one: one.timer_fired("100"),
    "timer_g_fired": lambda one: one.timer_fired("G"),
    "timer_h_fired": lambda one: one.timer_fired("H"),
    "timer_i_fired": lambda one: one.timer_fired("I"),
    "timer_l_fired": lambda one: one.timer_fired("L"),
}
WAY_TO = {
    "Proceeding": [],
    "Completed": ["failure_from_tu"],
    "Accepted": ["success_from_tu"],
    "Confirmed": ["failure_from_tu", "ack_received"],
    "Terminated": ["success_from_tu", "timer_l_fired"],
}


def transaction_in(state: str, bench: Bench, flow: Flow) -> InviteServerTransaction:
    request = bench.request("INVITE", flow)
    one = InviteServerTransaction(request, flow, flow, bench.user, bench.surroundings, bench.outbox)
    for name in WAY_TO[state]:
        INPUTS[name](one)
    assert one.state == state
    bench.outbox.drain()
    return one


def told(effects: list[Effect]) -> list[Any]:
    return [effect.method for effect in effects if isinstance(effect, Tell)]


def sent(effects: list[Effect]) -> list[str]:
    return [effect.octets.split(b" ", 2)[1].decode() for effect in effects if isinstance(effect, Transmit)]


@pytest.mark.clause("RFC 6026", "8.6")
class TestFigure7:
    def test_arrows_of_the_figure_and_no_others(self) -> None:
        drawn = {arrow: after for arrow, (after, acts) in transitions(MACHINE).items() if acts or arrow in ABSORBED}
        assert drawn == FIGURE_7 | TRYING

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


@pytest.mark.clause("RFC 3261", "17.2.1")
class TestProceeding:
    def test_100_follows_at_once_when_the_tu_has_said_nothing(self, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE"))
        assert lab.user.take() == ["request INVITE"]
        assert lab.schedule() == [(0.0, "100")]

    def test_100_has_no_to_tag_and_copies_the_timestamp(self, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE", extra=["Timestamp: 54"]))
        trying = lab.last()
        assert trying.to.tag is None
        assert trying.headers.lines("Timestamp") == ["54"]

    def test_no_100_when_the_tu_answers_in_its_first_turn(self, lab: Lab) -> None:
        lab.user.answers["INVITE"] = 404
        lab.receive(lab.octets("INVITE"))
        assert lab.sent() == ["404"]

    def test_100_after_the_time_the_tu_was_given(self, make_lab: Callable[[TransactionSettings], Lab]) -> None:
        lab = make_lab(TransactionSettings(trying_after_s=0.2))
        lab.receive(lab.octets("INVITE"))
        assert lab.sent() == []
        lab.advance(1.0)
        assert lab.schedule() == [(0.2, "100")]

    @pytest.mark.parametrize("status", [183, 200, 486])
    def test_no_100_when_the_tu_is_quicker(self, status: int, make_lab: Callable[[TransactionSettings], Lab]) -> None:
        lab = make_lab(TransactionSettings(trying_after_s=0.2))
        lab.receive(lab.octets("INVITE"))
        invite = lab.user.transactions[0]
        lab.do(invite.respond, respond(invite.request, status))
        lab.advance(0.3)
        assert lab.sent() == [str(status)]

    def test_a_retransmitted_invite_brings_100_forward(self, make_lab: Callable[[TransactionSettings], Lab]) -> None:
        lab = make_lab(TransactionSettings(trying_after_s=0.2))
        lab.receive(lab.octets("INVITE"))
        lab.receive(lab.octets("INVITE"))
        lab.advance(0.3)
        assert lab.schedule() == [(0.0, "100")]

    def test_invite_retransmission_repeats_the_last_provisional(self, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE"))
        invite = lab.user.transactions[0]
        lab.do(invite.respond, respond(invite.request, 180))
        lab.do(invite.respond, respond(invite.request, 183))
        before = lab.wire[-1][1]
        lab.sent()
        lab.user.take()
        lab.receive(lab.octets("INVITE"))
        assert lab.wire[-1][1] == before
        assert lab.sent() == ["183"]
        assert lab.user.take() == []

    def test_transport_error_informs_the_tu_and_changes_nothing(self, lab: Lab) -> None:
        lab.receive(lab.octets("INVITE"))
        lab.user.take()
        lab.do(lab.layer.transport_failed, lab.udp, "port unreachable")
        assert lab.user.take() == ["failed: port unreachable"]
        assert lab.layer.open_transactions == 1


@pytest.mark.clause("RFC 3261", "17.2.1")
class TestCompleted:
    def refused(self, lab: Lab, flow: Flow | None = None) -> None:
        lab.user.answers["INVITE"] = 486
        lab.receive(lab.octets("INVITE"), flow or lab.udp)
        lab.user.take()

    def test_failure_is_retransmitted_until_timer_H(self, lab: Lab) -> None:
        self.refused(lab)
        lab.run_out()
        at = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert lab.schedule() == [(moment, "486") for moment in at]
        assert lab.user.take() == ["failed: no ACK to the 486 within 32 s (timer H)"]
        assert lab.layer.open_transactions == 0

    def test_failure_is_sent_once_over_tcp(self, lab: Lab) -> None:
        self.refused(lab, lab.tcp)
        lab.run_out()
        assert lab.schedule() == [(0.0, "486")]
        assert lab.now >= 32.0
        assert lab.user.take() == ["failed: no ACK to the 486 within 32 s (timer H)"]

    def test_invite_retransmission_repeats_the_failure(self, lab: Lab) -> None:
        self.refused(lab)
        lab.receive(lab.octets("INVITE"))
        assert lab.sent() == ["486", "486"]
        assert lab.user.take() == []

    def test_ack_ends_the_retransmissions_and_is_absorbed(self, lab: Lab) -> None:
        self.refused(lab)
        lab.advance(0.7)
        lab.receive(lab.octets("ACK", to_tag="ours"))
        assert lab.sent() == ["486", "486"]
        assert {name: due for (_, name), (due, _, _) in lab.timers.items()} == {"I": pytest.approx(5.7)}
        lab.receive(lab.octets("ACK", to_tag="ours"))
        lab.receive(lab.octets("INVITE"))
        lab.run_out()
        assert lab.sent() == []
        assert lab.user.take() == []
        assert lab.layer.open_transactions == 0

    def test_ack_over_tcp_ends_it_at_once(self, lab: Lab) -> None:
        self.refused(lab, lab.tcp)
        lab.receive(lab.octets("ACK", to_tag="ours"), lab.tcp)
        assert lab.layer.open_transactions == 0
        assert not lab.timers

    def test_a_second_final_response_is_discarded(self, lab: Lab) -> None:
        self.refused(lab)
        invite = lab.user.transactions[0]
        for status in (487, 200, 183):
            lab.do(invite.respond, respond(invite.request, status))
        assert lab.sent() == ["486"]


@pytest.mark.clause("RFC 6026", "7.1")
class TestAccepted:
    def answered(self, lab: Lab, flow: Flow | None = None) -> None:
        lab.user.answers["INVITE"] = 200
        lab.receive(lab.octets("INVITE"), flow or lab.udp)
        lab.user.take()

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_2xx_is_sent_once_and_timer_L_ends_it(self, transport: str, lab: Lab) -> None:
        self.answered(lab, getattr(lab, transport))
        assert [due for due, _, _ in lab.timers.values()] == [32.0]
        lab.run_out()
        assert lab.schedule() == [(0.0, "200")]
        assert lab.user.take() == []
        assert lab.layer.open_transactions == 0

    def test_invite_retransmissions_are_absorbed(self, lab: Lab) -> None:
        self.answered(lab)
        for _ in range(3):
            lab.receive(lab.octets("INVITE"))
        assert lab.sent() == ["200"]
        assert lab.user.take() == []

    def test_the_tus_own_retransmission_of_the_2xx_goes_out(self, lab: Lab) -> None:
        self.answered(lab)
        invite = lab.user.transactions[0]
        again = respond(invite.request, 200, to_tag="ours")
        lab.do(invite.respond, again)
        lab.do(invite.respond, again)
        assert lab.sent() == ["200", "200", "200"]
        assert lab.wire == []

    def test_an_ack_that_matches_goes_to_the_tu(self, lab: Lab) -> None:
        self.answered(lab)
        lab.receive(lab.octets("ACK", to_tag="ours"))
        assert lab.user.take() == ["ack"]
        assert lab.layer.open_transactions == 1

    def test_transport_error_informs_the_tu_and_invites_are_still_absorbed(self, lab: Lab) -> None:
        self.answered(lab)
        lab.do(lab.layer.transport_failed, lab.udp, "port unreachable")
        lab.receive(lab.octets("INVITE"))
        assert lab.user.take() == ["failed: port unreachable"]


def test_a_timer_it_does_not_have_is_our_own_mistake(bench: Bench) -> None:
    one = transaction_in("Proceeding", bench, bench.udp)
    with pytest.raises(LocalProtocolError, match="an INVITE server transaction has no timer 'K'"):
        one.timer_fired("K")


def test_leaving_a_state_stops_its_timers(bench: Bench) -> None:
    one = transaction_in("Completed", bench, bench.udp)
    one.ack_received(one.request, one.flow)
    effects = bench.outbox.drain()
    assert [effect.name for effect in effects if isinstance(effect, StopTimer)] == ["G", "H"]
    assert [effect for effect in effects if isinstance(effect, StartTimer)] == [StartTimer("I", 5.0)]
    assert told(effects) == []
    assert sent(effects) == []
