from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.core.effects import Effect, Outbox, StartTimer, StopTimer, Tell
from gateway.core.errors import LocalProtocolError, ParseError
from gateway.sip.dialog.reliable import (
    RETRANSMIT,
    Provisional,
    ReceivedProvisionals,
    ReliableInputs,
    ReliableProvisionals,
    is_reliable,
)
from gateway.sip.effects import Flow, Transport
from gateway.sip.fields.rack import RAck
from gateway.sip.message import Headers, Request, Response
from gateway.sip.transaction.timers import TransactionTimers


class Invite:
    """A server transaction that only remembers what it was told to send."""

    def __init__(self) -> None:
        self.request = Request(method="INVITE", uri="sip:a", headers=Headers([("CSeq", "7 INVITE")]))
        self.flow = Flow(Transport.UDP, ("192.0.2.1", 5060), ("192.0.2.2", 5060))
        self.sent: list[Response] = []

    def respond(self, response: Response) -> None:
        self.sent.append(response)


class Sender:
    """The sending side with its surroundings; it composes as a session does."""

    def __init__(self, first_rseq: int = 100) -> None:
        self.outbox = Outbox()
        self.invite = Invite()
        self.events: list[str] = []
        self.machine = ReliableProvisionals(self.invite, first_rseq, TransactionTimers(), self, self.outbox)

    def compose_reliable(self, provisional: Provisional, rseq: int) -> Response:
        return Response(provisional.status, "", Headers([("RSeq", str(rseq))]), provisional.sdp)

    def provisionals_settled(self) -> None:
        self.events.append("settled")

    def provisional_timed_out(self) -> None:
        self.events.append("timed out")

    def drain(self) -> list[Effect]:
        effects = self.outbox.drain()
        for effect in effects:
            if isinstance(effect, Tell):
                effect.method(*effect.arguments)
        return [effect for effect in effects if not isinstance(effect, Tell)]

    @property
    def rseqs(self) -> list[int | None]:
        return [response.rseq for response in self.invite.sent]


RINGING = Provisional(180)
EARLY_MEDIA = Provisional(183, sdp=b"v=0")


class TestSending:
    """RFC 3262 §3."""

    @pytest.mark.clause("RFC 3262", "3")
    def test_intervals_double_from_t1_without_a_limit_until_64_t1(self) -> None:
        sender = Sender()
        sender.machine.send(RINGING)
        intervals = []
        while sender.machine.outstanding:
            (timer,) = sender.drain()
            assert isinstance(timer, StartTimer)
            intervals.append(timer.seconds)
            sender.machine.timer_fired(RETRANSMIT)
        sender.drain()
        assert intervals == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 0.5]
        assert sender.events == ["timed out"]
        assert sender.rseqs == [100] * 7

    @pytest.mark.clause("RFC 3262", "3")
    def test_the_second_waits_for_the_prack_of_the_first_and_counts_one_more(self) -> None:
        sender = Sender()
        sender.machine.send(RINGING)
        sender.machine.send(EARLY_MEDIA)
        sender.machine.send(Provisional(182))
        sender.drain()
        assert sender.rseqs == [100]
        sender.machine.acknowledged()
        sender.drain()
        assert sender.rseqs == [100, 101]
        assert sender.machine.describing
        sender.machine.acknowledged()
        sender.machine.acknowledged()
        sender.drain()
        assert sender.rseqs == [100, 101, 102]
        assert sender.events == ["settled"]
        assert not sender.machine.outstanding

    @pytest.mark.clause("RFC 3262", "3")
    def test_a_prack_matches_by_rseq_cseq_and_method(self) -> None:
        sender = Sender()
        assert not sender.machine.awaits(RAck.parse("99 7 INVITE"))
        sender.machine.send(RINGING)
        assert sender.machine.awaits(RAck.parse("100 7 INVITE"))
        for other in ("101 7 INVITE", "100 8 INVITE", "100 7 UPDATE", "99 7 INVITE"):
            assert not sender.machine.awaits(RAck.parse(other)), other
        sender.machine.acknowledged()
        assert not sender.machine.awaits(RAck.parse("100 7 INVITE"))

    @pytest.mark.clause("RFC 3262", "3")
    def test_after_the_final_response_nothing_is_repeated_but_the_prack_still_matches(self) -> None:
        sender = Sender()
        sender.machine.send(RINGING)
        sender.machine.send(EARLY_MEDIA)
        sender.drain()
        sender.machine.timer_fired(RETRANSMIT)
        sender.drain()
        sender.machine.settle()
        assert sender.drain() == [StartTimer(RETRANSMIT, 31.5)]
        assert sender.machine.awaits(RAck.parse("100 7 INVITE"))
        sender.machine.send(RINGING)
        sender.machine.acknowledged()
        assert sender.drain() == [StopTimer(RETRANSMIT)]
        assert sender.events == ["settled"]
        assert sender.rseqs == [100, 100]

    def test_a_prack_that_never_comes_after_the_final_response_is_given_up(self) -> None:
        sender = Sender()
        sender.machine.send(RINGING)
        sender.machine.settle()
        sender.machine.timer_fired(RETRANSMIT)
        sender.drain()
        assert sender.events == ["settled"]
        assert sender.machine.state == "Settled"

    @pytest.mark.clause("RFC 3262", "3")
    @pytest.mark.parametrize("first", [0, 2**31])
    def test_the_first_number_is_in_its_range(self, first: int) -> None:
        with pytest.raises(LocalProtocolError, match="first RSeq"):
            Sender(first)

    def test_it_has_one_timer(self) -> None:
        with pytest.raises(LocalProtocolError, match="no timer 'x'"):
            Sender().machine.timer_fired("x")


def _in(*steps: str) -> Callable[[], Sender]:
    def make() -> Sender:
        sender = Sender()
        for step in steps:
            if step == "send":
                sender.machine.send(RINGING)
            else:
                getattr(sender.machine, step)()
        return sender

    return make


STATES = {
    "Idle": _in(),
    "Unacknowledged": _in("send"),
    "Lingering": _in("send", "settle"),
    "Settled": _in("send", "settle", "acknowledged"),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", [name for name in vars(ReliableInputs) if not name.startswith("_")])
def test_no_input_surprises_in_any_state(state: str, name: str) -> None:
    sender = STATES[state]()
    assert sender.machine.state == state
    if (state, name) == ("Unacknowledged", "acknowledged_next"):
        sender.machine.send(RINGING)
    sender.drain()
    getattr(sender.machine._inputs, name)(*([EARLY_MEDIA] if name == "send" else []))
    sender.drain()
    assert sender.machine.state in STATES
    assert sender.machine.outstanding == (sender.machine.state in ("Unacknowledged", "Lingering"))


def response(status: int, *headers: tuple[str, str]) -> Response:
    return Response(status, "", Headers(headers))


class TestReceiving:
    """RFC 3262 §4."""

    @pytest.mark.clause("RFC 3262", "4")
    def test_the_first_and_each_that_is_one_higher(self) -> None:
        count = ReceivedProvisionals()
        wanted = [("5", True), ("5", False), ("7", False), ("6", True), ("5", False), ("7", True)]
        assert [count.is_next(response(183, ("RSeq", rseq))) for rseq, _ in wanted] == [good for _, good in wanted]

    @pytest.mark.parametrize("written", [(), (("RSeq", "x"),), (("RSeq", "0"),), (("RSeq", str(2**32)),)])
    def test_without_a_good_rseq_it_cannot_be_read(self, written: tuple[tuple[str, str], ...]) -> None:
        with pytest.raises(ParseError, match="RSeq"):
            ReceivedProvisionals().is_next(response(183, *written))

    @pytest.mark.clause("RFC 3262", "4")
    def test_what_is_reliable(self) -> None:
        assert is_reliable(response(183, ("Require", "foo, 100REL")))
        assert not is_reliable(response(183, ("Supported", "100rel")))
        assert not is_reliable(response(100, ("Require", "100rel")))
        assert not is_reliable(response(200, ("Require", "100rel")))
