"""Which idle circuit the next call takes (ITU-T Q.764 §2.9.1).

Both ends of a both-way group may seize the same circuit at once. Each circuit has one end that controls it: the one
with the higher point code controls the even CICs, the other the odd ones (§2.9.1.4). A node that looks among the
circuits it controls first makes dual seizure rare; of those it takes the one that has been idle longest, and of the
others the one that was released last, because the far end is least likely to be taking just that one (§2.9.1.3,
method 2). With an order of selection opposite at the two ends (method 1) the same comes about by `LOWEST` at one end
and `HIGHEST` at the other.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from enum import Enum
from typing import Protocol


class Hunting(Enum):
    """The order in which idle circuits are taken (ITU-T Q.764 §2.9.1.3)."""

    CONTROLLED_FIRST = "controlled-first"
    """Method 2: controlled circuits first in first out, then the others last in first out."""
    LOWEST = "lowest"
    """Method 1, one end: the lowest CIC."""
    HIGHEST = "highest"
    """Method 1, other end: the highest CIC."""
    LONGEST_IDLE = "longest-idle"
    """First in first out over all circuits, whoever controls them."""


def controls(own_point_code: int, peer_point_code: int, cic: int) -> bool:
    """Whether the node at `own_point_code` is the controlling exchange of `cic` (ITU-T Q.764 §2.9.1.4).

    The exchange with the higher point code controls the even circuits, the other one the odd ones.
    """
    return (own_point_code > peer_point_code) == (cic % 2 == 0)


class IdleCircuits(Protocol):
    """The circuits that a call may take now, in some order of preference."""

    def add(self, cic: int) -> None:
        """The circuit became available."""

    def discard(self, cic: int) -> None:
        """The circuit is taken, blocked or being reset; no harm if it was not here."""

    def choose(self) -> int | None:
        """The circuit to take next, still in the collection; `None` when there is none."""


class ByControl:
    """Controlled circuits, longest idle first; then the others, latest released first.

    Args:
        own_point_code: of this node.
        peer_point_code: of the node at the other end.
    """

    def __init__(self, own_point_code: int, peer_point_code: int) -> None:
        self._own = own_point_code
        self._peer = peer_point_code
        self._controlled: OrderedDict[int, None] = OrderedDict()
        self._others: OrderedDict[int, None] = OrderedDict()

    def _half(self, cic: int) -> OrderedDict[int, None]:
        return self._controlled if controls(self._own, self._peer, cic) else self._others

    def add(self, cic: int) -> None:
        """To the end of its half, unless it is there already."""
        self._half(cic).setdefault(cic)

    def discard(self, cic: int) -> None:
        """Out of its half."""
        self._half(cic).pop(cic, None)

    def choose(self) -> int | None:
        """By control; constant time."""
        if self._controlled:
            return next(iter(self._controlled))
        return next(reversed(self._others), None)


class LongestIdle:
    """First in, first out."""

    def __init__(self) -> None:
        self._circuits: OrderedDict[int, None] = OrderedDict()

    def add(self, cic: int) -> None:
        """To the end, unless it is there already."""
        self._circuits.setdefault(cic)

    def discard(self, cic: int) -> None:
        """Out of the queue."""
        self._circuits.pop(cic, None)

    def choose(self) -> int | None:
        """The head of the queue; constant time."""
        return next(iter(self._circuits), None)


class InOrder:
    """By CIC.

    Args:
        descending: highest first.
    """

    def __init__(self, descending: bool = False) -> None:
        self._sign = -1 if descending else 1
        self._idle: set[int] = set()
        self._heap: list[int] = []
        self._in_heap: set[int] = set()

    def add(self, cic: int) -> None:
        """Into its place."""
        self._idle.add(cic)
        if cic not in self._in_heap:
            self._in_heap.add(cic)
            heapq.heappush(self._heap, cic * self._sign)

    def discard(self, cic: int) -> None:
        """Marked only; `choose` clears the heap of those that are gone."""
        self._idle.discard(cic)

    def choose(self) -> int | None:
        """The first in order; logarithmic time on the average."""
        heap = self._heap
        while heap:
            cic = heap[0] * self._sign
            if cic in self._idle:
                return cic
            heapq.heappop(heap)
            self._in_heap.discard(cic)
        return None


def idle_circuits(hunting: Hunting, own_point_code: int, peer_point_code: int) -> IdleCircuits:
    """The empty collection that goes with a policy."""
    match hunting:
        case Hunting.CONTROLLED_FIRST:
            return ByControl(own_point_code, peer_point_code)
        case Hunting.LONGEST_IDLE:
            return LongestIdle()
        case Hunting.LOWEST:
            return InOrder()
        case Hunting.HIGHEST:
            return InOrder(descending=True)
