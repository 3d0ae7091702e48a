"""What a machine wants done, as frozen values in its outbox. Only the generic ones; each package has its own.

The contract of every state machine here: inputs are methods that return `None`; what the machine wants done
it appends to its `Outbox`; time comes in as `timer_fired(name)`; there is no clock and no socket inside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import ParamSpec, Protocol
from weakref import ref

from gateway.core.clause import Decision
from gateway.core.values import value

P = ParamSpec("P")


class Effect:
    """The root of all effects; subclasses are `attrs.frozen` values."""

    __slots__ = ()


class Machine(Protocol):
    """Whatever owns an outbox and may start timers."""

    def timer_fired(self, name: str) -> None:
        """The timer that this machine started under `name` has run out."""


@value
class StartTimer(Effect):
    """Call the owner's `timer_fired(name)` in `seconds`; a running timer of that name starts afresh."""

    name: str
    seconds: float


@value
class StopTimer(Effect):
    """Forget the owner's timer `name`; no harm if it does not run."""

    name: str


@value
class Tell(Effect):
    """Give an input to another machine: the bound method and its arguments. Build it with `tell`."""

    method: Callable[..., None]
    arguments: tuple[object, ...] = ()
    keywords: tuple[tuple[str, object], ...] = ()

    def give(self) -> None:
        """Give the input now. Only the pump does this."""
        if self.keywords:
            self.method(*self.arguments, **dict(self.keywords))
        else:
            self.method(*self.arguments)


def tell(method: Callable[P, None], *arguments: P.args, **keywords: P.kwargs) -> Tell:
    """A `Tell` whose arguments the type checker has seen."""
    return Tell(method, arguments, tuple(keywords.items()) if keywords else ())


@value
class Record(Effect):
    """Keep a decision in the trace of the call that `call` names (as the call's machines were given it)."""

    call: str
    decision: Decision


def _nobody() -> None:
    return None


class Outbox:
    """A machine's only way out: effects go in at one end and leave, in order, at the other.

    All the machines of one pump share a single queue; each writes to it through an `Outbox` of its own, which
    remembers who wrote (timers belong to their owner). A machine's constructor takes its parent's outbox and
    keeps `outbox.fork(self)`.

    The owner is remembered weakly, so that a machine that nobody holds any longer is gone at once; what it has asked
    for, in the queue or of a clock, holds it.
    """

    __slots__ = ("_owner", "_queue")

    def __init__(self, owner: Machine | None = None, queue: deque[tuple[Machine | None, Effect]] | None = None) -> None:
        self._owner: Callable[[], Machine | None] = _nobody if owner is None else ref(owner)
        self._queue = deque() if queue is None else queue

    @property
    def owner(self) -> Machine | None:
        """Who writes here; None for the root outbox, and once the owner is gone."""
        return self._owner()

    def fork(self, owner: Machine) -> Outbox:
        """An outbox on the same queue for another owner."""
        return Outbox(owner, self._queue)

    def append(self, effect: Effect) -> None:
        """Ask for one thing to be done."""
        self._queue.append((self._owner(), effect))

    def extend(self, effects: Iterable[Effect]) -> None:
        """Ask for several, in order."""
        for effect in effects:
            self.append(effect)

    def drain(self) -> list[Effect]:
        """For tests: what has been asked for since the last drain, by any owner on this queue."""
        taken = [effect for _, effect in self._queue]
        self._queue.clear()
        return taken
