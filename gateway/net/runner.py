"""Runs machines on a Twisted clock: *input -> drain the outbox -> write, arm, cancel*, in that order, always."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from gateway.core.effects import Effect, Machine, Outbox, StartTimer, StopTimer
from gateway.core.errors import GatewayError
from gateway.core.pump import Pump, abandonment
from gateway.net.timers import Clock, Timers

Performer = Callable[[Machine | None, Any], None]


def _go_on() -> None:
    return None


class Runner:
    """The pump, its timers, and a table of who performs which effect.

    Args:
        clock: a reactor, or `twisted.internet.task.Clock`.

    Attributes:
        interrupt: called between any two effects: a message can set off a hundred, and what must not wait for the last
            of them looks here whether its time has come.
    """

    log = Logger()

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._timers = Timers(clock, self._fire)
        self._performers: dict[type[Effect], Performer] = {StartTimer: self._start_timer, StopTimer: self._stop_timer}
        self.pump = Pump(self._perform, self._mishap)
        self.deliver = self.pump.deliver
        self.mishaps = 0
        self.interrupt: Callable[[], None] = _go_on

    def performs(self, effect: type[Effect], performer: Performer) -> None:
        """Say who does an effect: `performer(owner, effect)`."""
        self._performers[effect] = performer

    def performs_last(self, effect: type[Effect], performer: Performer) -> None:
        """The same of an effect that nobody waits for: a message that goes out in the same turn does so before it."""

        def perform(owner: Machine | None, effect: Effect) -> None:
            self.interrupt()
            performer(owner, effect)

        self._performers[effect] = lambda owner, effect: self.pump.perform_last(owner, effect, perform)

    def ask(self, owner: Machine, effect: Effect) -> None:
        """Do an effect on behalf of a machine that lives elsewhere, and everything that follows from it."""
        self.outbox().fork(owner).append(effect)
        self.pump.run()

    def outbox(self) -> Outbox:
        """The root outbox; machines fork it."""
        return self.pump.outbox()

    @property
    def running_timers(self) -> int:
        """How many timers are armed: none once every call is gone."""
        return len(self._timers)

    def _perform(self, owner: Machine | None, effect: Effect) -> None:
        self.interrupt()
        self._performers[type(effect)](owner, effect)

    def _start_timer(self, owner: Machine | None, effect: StartTimer) -> None:
        if owner is None:
            raise GatewayError(f"timer {effect.name} has no owner")
        self._timers.start(owner, effect.name, effect.seconds)

    def _stop_timer(self, owner: Machine | None, effect: StopTimer) -> None:
        self._timers.stop(owner, effect.name)

    def _fire(self, owner: Machine, name: str) -> None:
        self.deliver(owner.timer_fired, name)

    def _mishap(self, owner: Machine | None, effect: Effect, error: Exception) -> None:
        self.mishaps += 1
        self.log.failure("{effect} of {owner} went wrong", effect=effect, owner=owner)
        abandon = abandonment(owner, effect)
        if abandon is not None:
            self.deliver(abandon, f"{type(error).__name__}: {error}")

    def stop(self) -> None:
        """Cancel every timer."""
        self._timers.stop_all()
