"""The timers of all machines, in one heap, under one delayed call of the reactor.

Most timers of signalling are stopped before they run out, or run for 32 s (64*T1) after the call is over. So starting
and stopping must cost next to nothing: a stopped timer stays in the heap until its time comes, unless the heap is
mostly such, and the reactor is only ever asked for the earliest one.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, Protocol

from gateway.core.effects import Machine

FEWEST_TO_TIDY: Final = 200

Key = tuple[int, str]


class DelayedCall(Protocol):
    """What `Clock.callLater` gives (Twisted's `IDelayedCall`)."""

    def cancel(self) -> None: ...
    def active(self) -> bool: ...


class Clock(Protocol):
    """A reactor, or `twisted.internet.task.Clock` (Twisted's `IReactorTime`)."""

    def seconds(self) -> float: ...
    def callLater(self, delay: float, callable: Callable[..., object], /, *args: object) -> DelayedCall: ...


class Timers:
    """Timers by owner and name.

    Args:
        clock: what they run on.
        fire: told of each that runs out, in the order of their times: the owner and the name.
    """

    def __init__(self, clock: Clock, fire: Callable[[Machine, str], None]) -> None:
        self._clock = clock
        self._fire = fire
        self._heap: list[tuple[float, int, Key]] = []
        self._running: dict[Key, tuple[int, Machine]] = {}
        self._numbers = count()
        self._call: DelayedCall | None = None
        self._call_s = 0.0

    def __len__(self) -> int:
        return len(self._running)

    def start(self, owner: Machine, name: str, seconds: float) -> None:
        """Start a timer; a running one of that owner and name starts afresh."""
        key = id(owner), name
        number = next(self._numbers)
        due_s = self._clock.seconds() + seconds
        self._running[key] = number, owner
        heappush(self._heap, (due_s, number, key))
        if self._call is None:
            self._arrange(due_s, seconds)
        elif due_s < self._call_s:
            self._call.cancel()
            self._arrange(due_s, seconds)

    def stop(self, owner: Machine | None, name: str) -> None:
        """Forget a timer; no harm if it does not run."""
        if self._running.pop((id(owner), name), None) is not None:
            heap = self._heap
            if len(heap) > FEWEST_TO_TIDY and len(heap) > 2 * len(self._running):
                self._tidy()

    def stop_all(self) -> None:
        """Forget every timer."""
        self._running.clear()
        self._heap.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _arrange(self, due_s: float, seconds: float) -> None:
        self._call_s = due_s
        self._call = self._clock.callLater(max(seconds, 0.0), self._due)

    def _due(self) -> None:
        """Fire what is due now; what that starts with no time to wait comes in the reactor's next round."""
        self._call = None
        now_s = max(self._clock.seconds(), self._call_s)
        heap, running = self._heap, self._running
        due: list[tuple[int, Key]] = []
        while heap and heap[0][0] <= now_s:
            _, number, key = heappop(heap)
            due.append((number, key))
        for number, key in due:
            found = running.get(key)
            if found is not None and found[0] == number:
                del running[key]
                self._fire(found[1], key[1])
        if self._call is None or (heap and heap[0][0] < self._call_s):
            self._arrange_earliest()

    def _arrange_earliest(self) -> None:
        heap, running = self._heap, self._running
        while heap:
            due_s, number, key = heap[0]
            found = running.get(key)
            if found is not None and found[0] == number:
                if self._call is not None:
                    self._call.cancel()
                self._arrange(due_s, due_s - self._clock.seconds())
                return
            heappop(heap)

    def _tidy(self) -> None:
        """Leave out what was stopped or started afresh."""
        running = self._running
        self._heap = [entry for entry in self._heap if running.get(entry[2], (None,))[0] == entry[1]]
        heapify(self._heap)
