"""A 2xx to INVITE on its way to the caller (RFC 3261 §13.3.1.4, RFC 6026 §7.1).

The 2xx is delivered end to end: the transaction sends it once, and whoever accepted the INVITE repeats it, after T1,
then after twice as long each time up to T2, over every transport, until the ACK comes or 64*T1 have gone by.

    +-------------+   ACK                      +--------------+
    | AwaitingAck | -------------------------> | Acknowledged |
    +-------------+                            +--------------+
      |    ^  | retransmit: the 2xx again
      |    +--+
      | 64*T1: inform user        BYE from the peer, or the session is over
      +--------------------------------------> Abandoned
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from automat import TypeMachineBuilder

from gateway.core.effects import Outbox, StartTimer, StopTimer, tell
from gateway.core.errors import LocalProtocolError
from gateway.core.machine import build, state_name
from gateway.sip.message import Response
from gateway.sip.transaction.timers import TransactionTimers
from gateway.sip.transaction.user import ServerTransaction

RETRANSMIT = "2xx"
"""The timer until the next repetition."""


class AcceptanceInputs(Protocol):
    """What can happen to it."""

    def ack_received(self) -> None:
        """From the network: the ACK."""

    def abandon(self) -> None:
        """From the session: it is over; the ACK does not matter any more."""

    def retransmit_fired(self) -> None:
        """Time to send the 2xx again."""

    def timed_out(self) -> None:
        """64*T1 have gone by."""


class Acceptance:
    """One 2xx to INVITE until its ACK.

    Args:
        transaction: the INVITE's.
        response: the 2xx.
        offered: whether the 2xx carries an offer, so that the ACK brings the answer.
        timers: T1 and T2.
        timed_out: told when 64*T1 have gone by without an ACK.
        outbox: the session's.
    """

    __slots__ = ("__weakref__", "_elapsed", "_inputs", "_interval", "_outbox", "_timed_out", "_timers", "offered",
                 "response", "transaction")  # fmt: skip

    def __init__(
        self,
        transaction: ServerTransaction,
        response: Response,
        offered: bool,
        timers: TransactionTimers,
        timed_out: Callable[[], None],
        outbox: Outbox,
    ) -> None:
        self.transaction = transaction
        self.response = response
        self.offered = offered
        self._timers = timers
        self._timed_out = timed_out
        self._outbox = outbox.fork(self)
        self._interval = timers.T1
        self._elapsed = 0.0
        self._inputs = _machine(self)
        self._outbox.append(tell(transaction.respond, response))
        self._outbox.append(StartTimer(RETRANSMIT, self._interval))

    @property
    def state(self) -> str:
        """AwaitingAck, Acknowledged or Abandoned."""
        return state_name(self._inputs)

    @property
    def pending(self) -> bool:
        """Whether the ACK is still awaited."""
        return self.state == "AwaitingAck"

    def ack_received(self) -> None:
        """The ACK came, for the first time or again."""
        self._inputs.ack_received()

    def abandon(self) -> None:
        """The session is over: send no more."""
        self._inputs.abandon()

    def timer_fired(self, name: str) -> None:
        """Send again, or give up."""
        if name != RETRANSMIT:
            raise LocalProtocolError(f"a 2xx on its way has no timer {name!r}")
        self._elapsed += self._interval
        if self._elapsed >= self._timers.H:
            self._inputs.timed_out()
        else:
            self._inputs.retransmit_fired()

    def _send_again(self) -> None:
        self._outbox.append(tell(self.transaction.respond, self.response))
        # §13.3.1.4: "an interval that starts at T1 seconds and doubles for each retransmission until it reaches T2"
        self._interval = min(self._timers.doubled(self._interval), self._timers.H - self._elapsed)
        self._outbox.append(StartTimer(RETRANSMIT, self._interval))


_builder = TypeMachineBuilder(AcceptanceInputs, Acceptance)
awaiting_ack = _builder.state("AwaitingAck")
acknowledged = _builder.state("Acknowledged")
abandoned = _builder.state("Abandoned")


@awaiting_ack.upon(AcceptanceInputs.ack_received).to(acknowledged)
def _acknowledged(_: AcceptanceInputs, self: Acceptance) -> None:
    # §13.3.1.4: "Response retransmissions cease when an ACK request for the response is received."
    self._outbox.append(StopTimer(RETRANSMIT))


@awaiting_ack.upon(AcceptanceInputs.abandon).to(abandoned)
def _abandoned(_: AcceptanceInputs, self: Acceptance) -> None:
    self._outbox.append(StopTimer(RETRANSMIT))


@awaiting_ack.upon(AcceptanceInputs.retransmit_fired).loop()
def _again(_: AcceptanceInputs, self: Acceptance) -> None:
    self._send_again()


@awaiting_ack.upon(AcceptanceInputs.timed_out).to(abandoned)
def _gave_up(_: AcceptanceInputs, self: Acceptance) -> None:
    self._outbox.append(tell(self._timed_out))


# Ignored. An ACK that comes again; a timer that fired as it was being stopped; an end that comes twice.
acknowledged.upon(AcceptanceInputs.ack_received).loop().returns(None)
acknowledged.upon(AcceptanceInputs.abandon).loop().returns(None)
acknowledged.upon(AcceptanceInputs.retransmit_fired).loop().returns(None)
acknowledged.upon(AcceptanceInputs.timed_out).loop().returns(None)
abandoned.upon(AcceptanceInputs.ack_received).loop().returns(None)
abandoned.upon(AcceptanceInputs.abandon).loop().returns(None)
abandoned.upon(AcceptanceInputs.retransmit_fired).loop().returns(None)
abandoned.upon(AcceptanceInputs.timed_out).loop().returns(None)

_machine = build(_builder)
