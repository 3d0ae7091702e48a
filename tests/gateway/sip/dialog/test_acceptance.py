from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.core.effects import Effect, Machine, Outbox, StartTimer, StopTimer, Tell
from gateway.core.errors import LocalProtocolError
from gateway.sip.dialog.acceptance import RETRANSMIT, Acceptance, AcceptanceInputs
from gateway.sip.effects import Flow, Transport
from gateway.sip.message import Headers, Request, Response
from gateway.sip.transaction.timers import TransactionTimers

FLOW = Flow(Transport.TCP, ("192.0.2.1", 5060), ("192.0.2.2", 5060))
OK = Response(200, "OK")


class Invite:
    """A server transaction that only remembers what it was told to send."""

    def __init__(self) -> None:
        self.request = Request(method="INVITE", uri="sip:a", headers=Headers([("CSeq", "1 INVITE")]))
        self.flow = FLOW
        self.sent: list[Response] = []

    def respond(self, response: Response) -> None:
        self.sent.append(response)


class Accepted:
    """An acceptance with its surroundings."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.invite = Invite()
        self.timed_out = 0
        self.machine = Acceptance(self.invite, OK, True, TransactionTimers(), self.gave_up, self.outbox)

    def gave_up(self) -> None:
        self.timed_out += 1

    def drain(self) -> list[Effect]:
        effects = self.outbox.drain()
        for effect in effects:
            if isinstance(effect, Tell):
                effect.method(*effect.arguments)
        return [effect for effect in effects if not isinstance(effect, Tell)]


class TestRetransmission:
    """RFC 3261 §13.3.1.4."""

    @pytest.mark.clause("RFC 3261", "13.3.1.4")
    def test_intervals_double_from_t1_to_t2_until_64_t1_over_any_transport(self) -> None:
        accepted = Accepted()
        intervals = []
        while accepted.machine.pending:
            (timer,) = accepted.drain()
            assert isinstance(timer, StartTimer)
            intervals.append(timer.seconds)
            accepted.machine.timer_fired(RETRANSMIT)
        accepted.drain()
        assert intervals == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 0.5]
        assert sum(intervals) == 32.0
        assert accepted.timed_out == 1
        assert all(response is OK for response in accepted.invite.sent)
        assert len(accepted.invite.sent) == 11

    @pytest.mark.clause("RFC 3261", "13.3.1.4")
    def test_the_ack_ends_it(self) -> None:
        accepted = Accepted()
        accepted.drain()
        accepted.machine.ack_received()
        assert accepted.drain() == [StopTimer(RETRANSMIT)]
        assert not accepted.machine.pending
        accepted.machine.timer_fired(RETRANSMIT)
        accepted.machine.ack_received()
        assert accepted.drain() == []
        assert accepted.timed_out == 0

    def test_the_end_of_the_session_ends_it(self) -> None:
        accepted = Accepted()
        accepted.drain()
        accepted.machine.abandon()
        assert accepted.drain() == [StopTimer(RETRANSMIT)]

    def test_it_has_one_timer(self) -> None:
        with pytest.raises(LocalProtocolError, match="no timer 'x'"):
            Accepted().machine.timer_fired("x")


def _acknowledged() -> Accepted:
    accepted = Accepted()
    accepted.machine.ack_received()
    return accepted


def _abandoned() -> Accepted:
    accepted = Accepted()
    accepted.machine.abandon()
    return accepted


@pytest.mark.parametrize(
    ("make", "state"), [(Accepted, "AwaitingAck"), (_acknowledged, "Acknowledged"), (_abandoned, "Abandoned")]
)
@pytest.mark.parametrize("name", [name for name in vars(AcceptanceInputs) if not name.startswith("_")])
def test_no_input_surprises_in_any_state(make: Callable[[], Accepted], state: str, name: str) -> None:
    accepted = make()
    assert accepted.machine.state == state
    accepted.drain()
    getattr(accepted.machine._inputs, name)()
    accepted.drain()
    if state != "AwaitingAck":
        assert accepted.machine.state == state
        assert accepted.timed_out == 0


def test_timers_belong_to_the_acceptance() -> None:
    queue: Outbox = Outbox()
    owners: list[Machine | None] = []
    machine = Acceptance(Invite(), OK, False, TransactionTimers(), lambda: None, queue)
    owners.extend(owner for owner, effect in queue._queue if isinstance(effect, StartTimer))
    assert owners == [machine]
