"""The media clock: ticks of the phases that are needed, on an absolute schedule (`gateway.media.schedule`).

With a reactor that watches files the ticks come from a timerfd, which the reactor waits for like for any socket: its
error is that of the kernel's timers, and there is no heap of delayed calls to go through. With any other clock (the
simulated one) each tick is a `callLater`.
"""

from __future__ import annotations

import ctypes
import math
import os
import struct
import time
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from gateway.media.schedule import Schedule

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK, _TFD_CLOEXEC = 0o4000, 0o2000000
_TFD_TIMER_ABSTIME = 1

EVERY_S: Final = 0.020
"""So often at most there is time for what can wait: ten pieces one after the other take 0.3 ms, ten alone 0.7."""
ROOM_S: Final = 0.0002
"""The first is begun only if there is so much time before the next tick..."""
MORE_ROOM_S: Final = 0.00005
"""...and each that follows, if there is so much."""
PIECES: Final = 32
"""So many of them between two ticks: whoever else uses the reactor has his turn, too."""
PATIENCE_S: Final = 1.0
"""One of them is done after so long, even if ticks are late all the time."""

Work = Callable[[], bool]
"""Does a piece of what can wait; returns whether there was one."""


class Ticker:
    """Calls a function for each slot that is due; what breaks there is logged, and the clock goes on.

    Args:
        reactor: whose clock it is.
        slots: of a round.
        round_s: how long it is, seconds.
        tick: told the slot.
        between: done between the ticks, where there is time for it.
    """

    log = Logger()

    def __init__(
        self, reactor: Any, slots: int, round_s: float, tick: Callable[[int], None], between: Work | None = None
    ) -> None:
        self._reactor = reactor
        self._schedule = Schedule(slots, round_s)
        self._tick = tick
        self._between = between
        self._worked_s = 0.0

    @property
    def late(self) -> int:
        """How often the schedule was moved."""
        return self._schedule.late

    @property
    def overloaded(self) -> bool:
        """Whether more streams would harm those that there are (`Schedule.overloaded`)."""
        return self._schedule.overloaded

    @property
    def late_share(self) -> float:
        """Which share of the last seconds' ticks came late: 0 to 1; at rest 0."""
        return self._schedule.late_share

    def wake(self, slot: int) -> None:
        """Tick a slot from now on."""
        if self._schedule.wake(slot, self._now_s()):
            self._arm()

    def rest(self, slot: int) -> None:
        """Tick it no more."""
        self._schedule.rest(slot)

    def close(self) -> None:
        """Rest for good."""

    def interrupt(self) -> None:
        """What is due now, before whatever else goes on. Delayed calls keep their order: there it does nothing."""

    def _due(self) -> None:
        schedule = self._schedule
        for slot in schedule.take(self._now_s(), time.thread_time()):
            if schedule.is_busy(slot):
                self._do(self._tick, slot)
        if self._between is not None:
            self._work(self._between)
        self._arm()

    def _work(self, between: Work) -> None:
        next_s, now_s = self._schedule.next_s(), self._now_s()
        waited_s = now_s - self._worked_s
        if waited_s < EVERY_S or (next_s is not None and next_s - now_s < ROOM_S and waited_s < PATIENCE_S):
            return
        self._worked_s = now_s
        for _ in range(PIECES):
            if not self._do(between) or (next_s is not None and next_s - self._now_s() < MORE_ROOM_S):
                return

    def _do(self, work: Callable[..., object], *arguments: int) -> object:
        try:
            return work(*arguments)
        except Exception:  # noqa: BLE001  # the clock of all calls does not stop for one of them
            self.log.failure("a tick of the media clock went wrong")
            return None

    def _now_s(self) -> float:
        return float(self._reactor.seconds())

    def _arm(self) -> None:
        """See to it that `_due` is called when the next slot is due, if one is."""
        raise NotImplementedError


def make_ticker(
    reactor: Any, slots: int, round_s: float, tick: Callable[[int], None], between: Work | None = None
) -> Ticker:
    """The best ticker that this reactor can have."""
    if IReactorFDSet.providedBy(reactor):
        try:
            return TimerfdTicker(reactor, slots, round_s, tick, between)
        except OSError:
            pass
    return CallLaterTicker(reactor, slots, round_s, tick, between)


@implementer(IReadDescriptor)
class TimerfdTicker(Ticker):
    """Ticks from a timerfd in the reactor.

    Raises:
        OSError: the kernel has none to give.
    """

    def __init__(
        self, reactor: Any, slots: int, round_s: float, tick: Callable[[int], None], between: Work | None = None
    ) -> None:
        super().__init__(reactor, slots, round_s, tick, between)
        self._libc: Any = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._time = ctypes.create_string_buffer(32)
        self._reads = self._is_ticking = False
        self._next_s = math.inf

    def close(self) -> None:
        """Give the timer back to the kernel."""
        self._next_s = math.inf
        if self._fd >= 0:
            if self._reads:
                self._reactor.removeReader(self)
            os.close(self._fd)
            self._fd = -1

    def fileno(self) -> int:
        return int(self._fd)

    def logPrefix(self) -> str:
        return "media clock"

    def connectionLost(self, reason: Any) -> None:
        """The reactor stops."""

    def doRead(self) -> None:
        # Setting the timer anew makes it unreadable again: there is no need to read it.
        self._is_ticking = True
        try:
            self._due()
        finally:
            self._is_ticking = False

    def interrupt(self) -> None:
        if time.monotonic() >= self._next_s and not self._is_ticking:
            self.doRead()

    def _now_s(self) -> float:
        return time.monotonic()

    def _arm(self) -> None:
        """Interval and first expiry: two `struct timespec`."""
        if self._fd < 0:
            return
        next_s = self._schedule.next_s()
        reads = next_s is not None
        self._next_s = math.inf if next_s is None else next_s
        # A time of 0 disarms the timer, and one in the past is due at once.
        nanoseconds = max(round((next_s or 0.0) * 1e9), int(reads))
        struct.pack_into("qqqq", self._time, 0, 0, 0, *divmod(nanoseconds, 1_000_000_000))
        if self._libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, self._time, None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")
        if reads is not self._reads:
            self._reads = reads
            (self._reactor.addReader if reads else self._reactor.removeReader)(self)


class CallLaterTicker(Ticker):
    """Ticks from delayed calls, each aimed at its place in the schedule."""

    _delayed: Any = None

    def close(self) -> None:
        """No more of them."""
        if self._delayed is not None and self._delayed.active():
            self._delayed.cancel()
        self._delayed = None

    def _arm(self) -> None:
        if self._delayed is not None and self._delayed.active():
            self._delayed.cancel()
        next_s = self._schedule.next_s()
        self._delayed = None if next_s is None else self._reactor.callLater(max(0.0, next_s - self._now_s()), self._due)
