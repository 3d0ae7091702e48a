"""Reliable provisional responses (RFC 3262): the sending side, and the receiving side's count.

The sending side has at most one response on its way. It repeats it after T1, then after twice as long each time,
until the matching PRACK comes; the next one waits in a queue. (§3 forbids a second one before the first is
acknowledged, and recommends as much for the others.)

    +------+  send                        +----------------+
    | Idle | ---------------------------> | Unacknowledged |  retransmit: the response again
    +------+ <--------------------------- +----------------+  send: queued
       |        PRACK, nothing queued       |    |    |  ^  PRACK: the next of the queue
       |                                    |    |    +--+
       | settle                      settle |    | 64*T1: inform user
       v                                    |    |
    +---------+   PRACK, 64*T1              |    |
    | Settled | <------------ Lingering <---+    |
    +---------+                                  |
       ^-----------------------------------------+

`settle` is the final response going out: nothing is repeated or sent any more, but the PRACK that is under way will
still be answered ("it MUST be prepared to process PRACK requests for those outstanding responses").
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from automat import TypeMachineBuilder

from gateway.core.clause import Clause
from gateway.core.effects import Outbox, StartTimer, StopTimer, tell
from gateway.core.errors import LocalProtocolError, ParseError
from gateway.core.machine import build, state_name
from gateway.core.values import value
from gateway.sip.fields.rack import RAck
from gateway.sip.message import Response
from gateway.sip.transaction.timers import TransactionTimers
from gateway.sip.transaction.user import ServerTransaction

RETRANSMIT = "1xx"
"""The timer until the next repetition; after the final response, until PRACK is no longer awaited."""

LARGEST_FIRST_RSEQ = 2**31 - 1
"""§3: the first RSeq "MUST be between 1 and 2**31 - 1"."""


@value
class Provisional:
    """A provisional response to send: what becomes of its session description is decided when its turn comes."""

    status: int
    reason: str = ""
    sdp: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Composer(Protocol):
    """The session, as its reliable provisional responses see it."""

    def compose_reliable(self, provisional: Provisional, rseq: int) -> Response:
        """The response with this RSeq: its turn has come, it is going to be sent."""

    def provisionals_settled(self) -> None:
        """PRACK came and nothing is queued; or, after the final response, none is awaited any longer."""

    def provisional_timed_out(self) -> None:
        """No PRACK within 64*T1."""


class ReliableInputs(Protocol):
    """What can happen to it."""

    def send(self, provisional: Provisional) -> None:
        """From the session: send this one, as soon as the one before is acknowledged."""

    def acknowledged_next(self) -> None:
        """From the network: the matching PRACK, and another response is queued."""

    def acknowledged_last(self) -> None:
        """From the network: the matching PRACK, and nothing is queued."""

    def settle(self) -> None:
        """From the session: the final response goes out."""

    def abandon(self) -> None:
        """From the session: it is over; no PRACK matters any more."""

    def retransmit_fired(self) -> None:
        """Time to send it again."""

    def timed_out(self) -> None:
        """64*T1 have gone by."""


class ReliableProvisionals:
    """The reliable provisional responses to one INVITE. A part of its session, which alone calls it.

    Args:
        transaction: the INVITE's.
        first_rseq: the first one's RSeq, 1 to 2**31 - 1.
        timers: T1.
        composer: the session.
        outbox: the session's.
    """

    __slots__ = (
        "__weakref__",
        "_composer",
        "_cseq",
        "_current",
        "_elapsed",
        "_inputs",
        "_interval",
        "_outbox",
        "_queue",
        "_rseq",
        "_timers",
        "_transaction",
    )

    def __init__(
        self,
        transaction: ServerTransaction,
        first_rseq: int,
        timers: TransactionTimers,
        composer: Composer,
        outbox: Outbox,
    ) -> None:
        if not 1 <= first_rseq <= LARGEST_FIRST_RSEQ:
            raise LocalProtocolError(f"the first RSeq must be 1 to {LARGEST_FIRST_RSEQ}, not {first_rseq}")
        self._transaction = transaction
        self._cseq = transaction.request.cseq
        self._rseq = first_rseq - 1
        self._timers = timers
        self._composer = composer
        self._outbox = outbox.fork(self)
        self._queue: deque[Provisional] = deque()
        self._current: tuple[Provisional, Response] | None = None
        self._interval = self._elapsed = 0.0
        self._inputs = _machine(self)

    @property
    def state(self) -> str:
        """Idle, Unacknowledged, Lingering or Settled."""
        return state_name(self._inputs)

    @property
    def outstanding(self) -> bool:
        """Whether a PRACK is still awaited."""
        return self._current is not None

    @property
    def describing(self) -> bool:
        """Whether the response that awaits its PRACK carries a session description (§3: the 2xx must wait for it)."""
        return self._current is not None and bool(self._current[1].body)

    def awaits(self, rack: RAck) -> bool:
        """Whether a PRACK with this RAck matches the response that awaits one (§3)."""
        return self._current is not None and rack.rseq == self._rseq and rack.cseq == self._cseq

    def send(self, provisional: Provisional) -> None:
        """Send a response, now or in its turn."""
        self._inputs.send(provisional)

    def acknowledged(self) -> None:
        """The PRACK that `awaits` said yes to."""
        if self._queue:
            self._inputs.acknowledged_next()
        else:
            self._inputs.acknowledged_last()

    def settle(self) -> None:
        """The final response goes out: what is queued is dropped, nothing is repeated."""
        self._inputs.settle()

    def abandon(self) -> None:
        """The session is over."""
        self._inputs.abandon()

    def timer_fired(self, name: str) -> None:
        """Send again, or give up."""
        if name != RETRANSMIT:
            raise LocalProtocolError(f"reliable provisional responses have no timer {name!r}")
        self._elapsed += self._interval
        if self._elapsed >= self._timers.H:
            self._inputs.timed_out()
        else:
            self._inputs.retransmit_fired()

    def _transmit(self, provisional: Provisional) -> None:
        # §3: "The value of the RSeq in each subsequent reliable provisional response for the same request MUST be
        # greater by exactly one."
        self._rseq += 1
        response = self._composer.compose_reliable(provisional, self._rseq)
        self._current = (provisional, response)
        self._elapsed = 0.0
        self._interval = self._timers.T1
        self._outbox.append(tell(self._transaction.respond, response))
        self._outbox.append(StartTimer(RETRANSMIT, self._interval))

    def _send_again(self) -> None:
        if self._current is not None:
            self._outbox.append(tell(self._transaction.respond, self._current[1]))
        # §3: "an interval that starts at T1 seconds and doubles for each retransmission"; here T2 is no limit
        self._interval = min(2 * self._interval, self._timers.H - self._elapsed)
        self._outbox.append(StartTimer(RETRANSMIT, self._interval))

    def _done(self) -> None:
        self._current = None
        self._queue.clear()
        self._outbox.append(StopTimer(RETRANSMIT))


_builder = TypeMachineBuilder(ReliableInputs, ReliableProvisionals)
idle = _builder.state("Idle")
unacknowledged = _builder.state("Unacknowledged")
lingering = _builder.state("Lingering")
settled = _builder.state("Settled")


@idle.upon(ReliableInputs.send).to(unacknowledged)
def _send(_: ReliableInputs, self: ReliableProvisionals, provisional: Provisional) -> None:
    self._transmit(provisional)


@unacknowledged.upon(ReliableInputs.send).loop()
def _queue(_: ReliableInputs, self: ReliableProvisionals, provisional: Provisional) -> None:
    self._queue.append(provisional)


@unacknowledged.upon(ReliableInputs.acknowledged_next).loop()
def _next(_: ReliableInputs, self: ReliableProvisionals) -> None:
    self._transmit(self._queue.popleft())


@unacknowledged.upon(ReliableInputs.acknowledged_last).to(idle)
def _last(_: ReliableInputs, self: ReliableProvisionals) -> None:
    self._done()
    self._outbox.append(tell(self._composer.provisionals_settled))


@unacknowledged.upon(ReliableInputs.retransmit_fired).loop()
def _again(_: ReliableInputs, self: ReliableProvisionals) -> None:
    self._send_again()


@unacknowledged.upon(ReliableInputs.timed_out).to(settled)
def _gave_up(_: ReliableInputs, self: ReliableProvisionals) -> None:
    self._done()
    self._outbox.append(tell(self._composer.provisional_timed_out))


@unacknowledged.upon(ReliableInputs.settle).to(lingering)
def _linger(_: ReliableInputs, self: ReliableProvisionals) -> None:
    self._queue.clear()
    self._interval = self._timers.H - self._elapsed
    self._outbox.append(StartTimer(RETRANSMIT, self._interval))


@lingering.upon(ReliableInputs.acknowledged_last).to(settled)
@lingering.upon(ReliableInputs.acknowledged_next).to(settled)
@lingering.upon(ReliableInputs.timed_out).to(settled)
@lingering.upon(ReliableInputs.retransmit_fired).to(settled)
def _no_longer_awaited(_: ReliableInputs, self: ReliableProvisionals) -> None:
    self._done()
    self._outbox.append(tell(self._composer.provisionals_settled))


@unacknowledged.upon(ReliableInputs.abandon).to(settled)
@lingering.upon(ReliableInputs.abandon).to(settled)
def _abandoned(_: ReliableInputs, self: ReliableProvisionals) -> None:
    self._done()


idle.upon(ReliableInputs.settle).to(settled).returns(None)
idle.upon(ReliableInputs.abandon).to(settled).returns(None)
settled.upon(ReliableInputs.abandon).loop().returns(None)

# Ignored. "A UAS MUST NOT send new reliable provisional responses ... after sending a final response" (§3).
lingering.upon(ReliableInputs.send).loop().returns(None)
settled.upon(ReliableInputs.send).loop().returns(None)

# Ignored. The final response comes once; a timer that fired as it was being stopped.
lingering.upon(ReliableInputs.settle).loop().returns(None)
settled.upon(ReliableInputs.settle).loop().returns(None)
idle.upon(ReliableInputs.retransmit_fired).loop().returns(None)
idle.upon(ReliableInputs.timed_out).loop().returns(None)
settled.upon(ReliableInputs.retransmit_fired).loop().returns(None)
settled.upon(ReliableInputs.timed_out).loop().returns(None)

# Ignored. Nothing awaits a PRACK here: `awaits` has said no.
idle.upon(ReliableInputs.acknowledged_next).loop().returns(None)
idle.upon(ReliableInputs.acknowledged_last).loop().returns(None)
settled.upon(ReliableInputs.acknowledged_next).loop().returns(None)
settled.upon(ReliableInputs.acknowledged_last).loop().returns(None)

_machine = build(_builder)


class ReceivedProvisionals:
    """The caller's count of reliable provisional responses in one early dialog (RFC 3262 §4)."""

    __slots__ = ("_latest",)

    def __init__(self) -> None:
        self._latest: int | None = None

    def is_next(self, response: Response) -> bool:
        """Whether to process and acknowledge this response: the first, or exactly one higher than the one before.

        Raises:
            ParseError: it has no RSeq that can be read.
        """
        rseq = response.rseq
        if rseq is None:
            raise ParseError("RSeq: missing", clause=Clause("RFC 3262", "3"))
        # §4: "if ... its RSeq value is not one higher than the value of the sequence number, that response MUST NOT be
        # acknowledged with a PRACK, and MUST NOT be processed further"
        if self._latest is not None and rseq != self._latest + 1:
            return False
        self._latest = rseq
        return True


def is_reliable(response: Response) -> bool:
    """Whether a provisional response was sent reliably: Require: 100rel in any but 100 (RFC 3262 §4).

    Raises:
        ParseError: Require cannot be read.
    """
    return 101 <= response.status <= 199 and "100rel" in response.require
