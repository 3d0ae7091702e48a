"""The media clock: ticks at an even pace, on an absolute schedule.

With a reactor that watches files the ticks come from a timerfd, which the reactor waits for like for any socket: its
error is that of the kernel's timers, and there is no heap of delayed calls to go through. With any other clock (the
simulated one) each tick is a `callLater`. A tick that comes late by more than `latest_s` moves the schedule; it never
makes up for what was missed by a burst.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from zope.interface import implementer

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK, _TFD_CLOEXEC = 0o4000, 0o2000000


LATE_S = 0.010
_FADE = 0.002


class Ticker(Protocol):
    """Calls a function at an even pace."""

    late: int
    """How often the schedule was moved."""
    late_share: float
    """Which share of the last second's ticks, or so, came more than `LATE_S` late: 0 to 1; at rest 0."""

    def start(self) -> None:
        """Begin, if it does not run already."""

    def stop(self) -> None:
        """Rest."""

    def close(self) -> None:
        """Rest for good."""


def make_ticker(reactor: Any, period_s: float, latest_s: float, tick: Callable[[], None]) -> Ticker:
    """The best ticker that this reactor can have."""
    if IReactorFDSet.providedBy(reactor):
        try:
            return TimerfdTicker(reactor, period_s, latest_s, tick)
        except OSError:
            pass
    return CallLaterTicker(reactor, period_s, latest_s, tick)


@implementer(IReadDescriptor)
class TimerfdTicker:
    """Ticks from a timerfd in the reactor.

    Raises:
        OSError: the kernel has none to give.
    """

    def __init__(self, reactor: Any, period_s: float, latest_s: float, tick: Callable[[], None]) -> None:
        self._reactor = reactor
        self._period_ns = round(period_s * 1e9)
        self._most = max(1, round(latest_s / period_s))
        self._tick = tick
        self._libc: Any = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._running = False
        self._late_after = max(1, round(LATE_S / period_s))
        self.late = 0
        self.late_share = 0.0

    def start(self) -> None:
        if not self._running:
            self._running = True
            self._set(self._period_ns)
            self._reactor.addReader(self)

    def stop(self) -> None:
        if self._running:
            self._running = False
            self._reactor.removeReader(self)
            self._set(0)
            self.late_share = 0.0

    def close(self) -> None:
        """Give the timer back to the kernel."""
        self.stop()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def fileno(self) -> int:
        return int(self._fd)

    def logPrefix(self) -> str:
        return "media clock"

    def connectionLost(self, reason: Any) -> None:
        """The reactor stops."""

    def doRead(self) -> None:
        try:
            due = struct.unpack("Q", os.read(self._fd, 8))[0]
        except BlockingIOError:
            return
        self.late_share += _FADE * ((due > self._late_after) - self.late_share)
        if due > self._most:
            self.late += 1
            due = 1
        for _ in range(due):
            if self._running:
                self._tick()

    def _set(self, period_ns: int) -> None:
        """Interval and first expiry: two `struct timespec`."""
        seconds, rest = divmod(period_ns, 1_000_000_000)
        new = struct.pack("qqqq", seconds, rest, seconds, rest)
        if self._libc.timerfd_settime(self._fd, 0, new, None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")


class CallLaterTicker:
    """Ticks from delayed calls, each aimed at its place in the schedule."""

    def __init__(self, clock: Any, period_s: float, latest_s: float, tick: Callable[[], None]) -> None:
        self._clock = clock
        self._period_s = period_s
        self._latest_s = latest_s
        self._tick = tick
        self._next_s = 0.0
        self._delayed: Any = None
        self.late = 0
        self.late_share = 0.0

    def start(self) -> None:
        if self._delayed is None:
            self._next_s = self._clock.seconds() + self._period_s
            self._delayed = self._clock.callLater(self._period_s, self._due)

    def stop(self) -> None:
        if self._delayed is not None:
            if self._delayed.active():
                self._delayed.cancel()
            self._delayed = None
            self.late_share = 0.0

    def close(self) -> None:
        """Nothing to give back."""
        self.stop()

    def _due(self) -> None:
        now = self._clock.seconds()
        self.late_share += _FADE * ((now - self._next_s > LATE_S) - self.late_share)
        if now - self._next_s > self._latest_s:
            self.late += 1
            self._next_s = now
        while self._next_s <= now and self._delayed is not None:
            self._next_s += self._period_s
            self._tick()
        if self._delayed is not None:
            self._delayed = self._clock.callLater(max(0.0, self._next_s - self._clock.seconds()), self._due)
