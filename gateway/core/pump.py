"""The pump: one first-in-first-out queue of effects, drained to quiescence before anything else, never re-entered.

*Input -> drain the outbox -> write, arm, cancel*, in that order, always. Whoever owns a clock and sockets gives the
pump a `perform` for the effects that touch the world; the pump itself only knows `Tell`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ParamSpec

from gateway.core.effects import Effect, Machine, Outbox, Tell, tell
from gateway.core.machine import machine_behind

P = ParamSpec("P")

Perform = Callable[[Machine | None, Effect], None]
Mishap = Callable[[Machine | None, Effect, Exception], None]


class Pump:
    """Runs machines.

    Args:
        perform: does an effect other than `Tell`; given the machine that asked and the effect.
        mishap: told of an exception that an input or a performer raised. The pump goes on with the next effect:
            one broken call must not take the others with it.
    """

    def __init__(self, perform: Perform, mishap: Mishap) -> None:
        self._perform = perform
        self._mishap = mishap
        self._queue: deque[tuple[Machine | None, Effect]] = deque()
        self._last: deque[tuple[Machine | None, Effect, Perform]] = deque()
        self._draining = False

    def outbox(self) -> Outbox:
        """The root outbox: fork it for each machine."""
        return Outbox(None, self._queue)

    def deliver(self, method: Callable[P, None], *arguments: P.args, **keywords: P.kwargs) -> None:
        """Give a machine an input and run everything that follows from it.

        Called from within a performer it only queues: the drain under way comes to it in its turn.
        """
        self._queue.append((None, tell(method, *arguments, **keywords)))
        self.run()

    def run(self) -> None:
        """Do what has been asked for, and everything that follows; under way already, it comes in its turn."""
        if not self._draining:
            self._drain()

    def perform_last(self, owner: Machine | None, effect: Effect, perform: Perform) -> None:
        """Do an effect once nothing else is to be done, after others of this kind: nobody waits for it.

        Called from within a performer.
        """
        self._last.append((owner, effect, perform))

    def _drain(self) -> None:
        self._draining = True
        queue, last, perform = self._queue, self._last, self._perform
        try:
            while queue or last:
                if queue:
                    (owner, effect), performer = queue.popleft(), perform
                else:
                    owner, effect, performer = last.popleft()
                try:
                    if type(effect) is Tell:
                        effect.give()
                    else:
                        performer(owner, effect)
                except Exception as error:  # noqa: BLE001  # the one place: log it, end that call, go on
                    self._mishap(owner, effect, error)
        finally:
            self._draining = False


def abandonment(owner: Machine | None, effect: Effect) -> Callable[[str], None] | None:
    """What ends the call that broke: the `abandon` of the machine that was told, else of the one that asked.

    Args:
        owner: who asked for the effect.
        effect: what was being done when the exception came; if that was an `abandon`, there is no more to be done.
    """
    told = machine_behind(effect.method) if isinstance(effect, Tell) else None
    for machine in (told, owner):
        abandon: Callable[[str], None] | None = getattr(machine, "abandon", None)
        if abandon is not None:
            return None if isinstance(effect, Tell) and effect.method == abandon else abandon
    return None
