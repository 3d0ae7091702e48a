"""The wanted points of many streams at once: what `PlayoutPoint` is for one, in a fixed number of numpy calls."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.media.playout import KEPT, MEASURED_PACKETS, SLACK_SAMPLES, JitterSettings, Measured, PlayoutPoint
from gateway.media.rtp import PACKET_SAMPLES

_NEVER: Final = -(1 << 62)
"""In the place of a transit that is not there, where the longest is wanted."""
_EVER: Final = 1 << 62
"""In its place where the shortest is."""
# Numpy takes an array of one number in half the time that it takes a number.
_ONE: Final = np.array(1)
_FULL: Final = np.array(MEASURED_PACKETS)

Rows = NDArray[np.int64]


class PlayoutPoints:
    """All slots.

    Args:
        settings: the limits, the same for all.

    Attributes:
        least, point: `int64[slots]`, as in `PlayoutPoint`.
    """

    def __init__(self, settings: JitterSettings) -> None:
        self._initial, self._shortest, self._longest = PlayoutPoint(settings).limits
        self._share = settings.late_share
        self.least: Rows = np.zeros(0, np.int64)
        self.point: Rows = np.zeros(0, np.int64)
        self._packets: Rows = np.zeros(0, np.int64)
        self._latest: Rows = np.zeros((0, KEPT), np.int64)
        self._fourth: Rows = np.zeros(0, np.int64)
        self._window_least: Rows = np.zeros(0, np.int64)
        self._before_least: Rows = np.zeros(0, np.int64)
        self._before_kept: Rows = np.zeros(0, np.int64)

    def grow(self, slots: int) -> None:
        """Make room for so many slots."""
        for name, array in list(vars(self).items()):
            if isinstance(array, np.ndarray):
                larger = np.zeros((slots, *array.shape[1:]), np.int64)
                larger[: len(array)] = array
                setattr(self, name, larger)

    def take_on(self, slot: int, measured: Measured) -> None:
        """Go on from where a `PlayoutPoint` stands."""
        packets, latest, least, before, self.least[slot], self.point[slot] = measured
        self._packets[slot] = packets
        self._latest[slot] = [_NEVER] * (KEPT - len(latest)) + sorted(latest)
        self._fourth[slot] = latest[0] if len(latest) == KEPT else _NEVER
        self._window_least[slot] = _EVER if least is None else least
        self._before_least[slot], self._before_kept[slot] = (_EVER, _NEVER) if before is None else before

    def measured(self, slot: int) -> Measured:
        """Where a slot stands."""
        packets = int(self._packets[slot])
        latest: list[int] = self._latest[slot, KEPT - min(packets, KEPT) :].tolist()
        kept = int(self._before_kept[slot])
        return Measured(
            packets,
            latest,
            int(self._window_least[slot]) if packets else None,
            None if kept == _NEVER else (int(self._before_least[slot]), kept),
            int(self.least[slot]),
            int(self.point[slot]),
        )

    def measure(self, slots: Rows, transits: Rows) -> None:
        """Take a packet of each slot into account.

        Args:
            slots: `int64[n]`, each once.
            transits: `int64[n]`, samples.
        """
        packets = self._packets[slots] + _ONE
        self._packets[slots] = packets
        told = transits > self._fourth[slots]
        told |= transits < self._window_least[slots]
        told |= packets >= _FULL
        if np.count_nonzero(told):
            self._retarget(slots[told], transits[told])

    def _retarget(self, slots: Rows, transits: Rows) -> None:
        """A transit among the longest, or the shortest, or the last of 256."""
        packets = self._packets[slots]
        latest = self._latest[slots]
        np.maximum(latest[:, 0], transits, out=latest[:, 0])
        latest.sort(axis=1)
        shortest_transit = np.minimum(self._window_least[slots], transits)
        outliers = np.minimum((packets * self._share).astype(np.int64), np.minimum(packets, KEPT) - 1)
        kept_to = latest[np.arange(len(slots)), KEPT - 1 - outliers]
        before = self._before_kept[slots]
        least = np.minimum(shortest_transit, self._before_least[slots])
        delay = np.maximum(kept_to, before) - least + (PACKET_SAMPLES + SLACK_SAMPLES)
        np.maximum(delay, np.where(before == _NEVER, self._initial, self._shortest), out=delay)
        np.minimum(delay, self._longest, out=delay)
        self.least[slots] = least
        self.point[slots] = least + delay
        self._latest[slots] = latest
        self._fourth[slots] = latest[:, 0]
        self._window_least[slots] = shortest_transit
        full = packets >= _FULL
        if np.count_nonzero(full):
            over = slots[full]
            self._before_least[over], self._before_kept[over] = shortest_transit[full], kept_to[full]
            self._packets[over] = 0
            self._latest[over] = self._fourth[over] = _NEVER
            self._window_least[over] = _EVER
