"""What the four transaction machines share: the way out and the timers."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from attrs import define

from gateway.core.effects import Outbox, StartTimer, StopTimer, tell
from gateway.sip.effects import Flow, Transmit
from gateway.sip.message import Message, Request
from gateway.sip.transaction.timers import TransactionTimers


class Direction(Enum):
    """Which way a message went, seen from us."""

    RECEIVED = "received"
    SENT = "sent"


Observer = Callable[[Direction, Message, Flow, bytes], None]
"""Told of each message that came or went, with its octets as they were on the wire; it must not change the message."""


@define
class Surroundings:
    """What all the transactions of one layer have in common.

    Args:
        timers: the values of the RFC's timers.
        trying_after_s: how long after an INVITE the 100 goes out if the TU has sent nothing (RFC 3261 §17.2.1).
        ended: told, by an effect, of each transaction that has reached Terminated.
        observer: told of each message sent, retransmissions too.
    """

    timers: TransactionTimers
    trying_after_s: float
    ended: Callable[[Transaction], None]
    observer: Observer | None = None


class Transaction:
    """The root of the four machines.

    Args:
        request: what began it.
        flow: where the request came from, or is sent to.
        surroundings: what it shares with its layer.
        outbox: the layer's.
    """

    __slots__ = ("__weakref__", "_outbox", "_request", "_surroundings", "_timers", "flow", "key", "method",
                 "reliable")  # fmt: skip

    def __init__(self, request: Request, flow: Flow, surroundings: Surroundings, outbox: Outbox) -> None:
        self._request: Request | None = request
        self.method = request.method
        self.flow = flow
        self.reliable = flow.transport.reliable
        self.key: tuple[str, ...] = ()
        self._surroundings = surroundings
        self._timers = surroundings.timers
        self._outbox = outbox.fork(self)

    @property
    def request(self) -> Request:
        """What began it."""
        assert self._request is not None
        return self._request

    @property
    def way(self) -> Flow:
        """Along which its messages go out."""
        return self.flow

    @property
    def state(self) -> str:
        """The state's name, as in the figure."""
        raise NotImplementedError

    def timer_fired(self, name: str) -> None:
        """One of the RFC's timers, by its letter, has run out."""
        raise NotImplementedError

    def transport_failed(self, why: str) -> None:
        """What was sent could not be delivered (RFC 3261 §17.1.4, §17.2.4)."""
        raise NotImplementedError

    def _transmit(self, message: Message, octets: bytes, flow: Flow) -> None:
        self._outbox.append(Transmit(octets, flow))
        if self._surroundings.observer is not None:
            self._surroundings.observer(Direction.SENT, message, flow, octets)

    def _start(self, name: str, seconds: float) -> None:
        """Start a timer; one of zero seconds fires as soon as everything already asked for is done."""
        if seconds > 0:
            self._outbox.append(StartTimer(name, seconds))
        else:
            self._outbox.append(tell(self.timer_fired, name))

    def _stop(self, *names: str) -> None:
        for name in names:
            self._outbox.append(StopTimer(name))

    def _end(self) -> None:
        """RFC 3261 §17: in the Terminated state a transaction "MUST be destroyed immediately"."""
        self._outbox.append(tell(self._surroundings.ended, self))
