"""When to play: how late the packets of a stream are, and what delay that asks for.

A packet's transit is its arrival less its timestamp, both in samples; only differences of transits mean something. Of
each 256 packets the transit that all but 1 % keep to is known (of fewer than 100 packets: all). Sample `p` is wanted at
`p + point`, where `point` is the greater of that transit in this and the last 256 packets, plus a tick and 2 ms; the
delay, `point` less the shortest transit, is kept within its limits. So a delay grows with the first packet that is
late, and shrinks again after 5 to 10 s.
"""

from __future__ import annotations

from heapq import heapify, heappush, heapreplace
from typing import Final, NamedTuple

from attrs import field, frozen
from attrs.validators import ge, gt, le, lt

from gateway.media.rtp import PACKET_SAMPLES

MEASURED_PACKETS: Final = 256
KEPT: Final = 4
"""So many of the longest transits are kept: enough for 1.5 % of 256."""
SLACK_SAMPLES: Final = 16
"""For clocks that drift and ticks that are early: 2 ms."""
_SAMPLES_A_MS: Final = 8


@frozen
class JitterSettings:
    """How a jitter buffer adapts.

    Args:
        minimum_ms: the least delay, 20 at least: one tick.
        maximum_ms: the greatest; what is later than that is lost.
        initial_ms: the least delay for the first 256 packets, as long as little is known.
        late_share: how much of the packets may come too late, at most 1.5 %.

    Raises:
        ValueError: the least is more than the greatest.
    """

    minimum_ms: int = field(default=20, validator=[ge(20), le(500)])
    maximum_ms: int = field(default=200, validator=[ge(20), le(500)])
    initial_ms: int = field(default=40, validator=[ge(20), le(500)])
    late_share: float = field(default=0.01, validator=[gt(0.0), lt(0.015)])

    def __attrs_post_init__(self) -> None:
        if self.maximum_ms < self.minimum_ms:
            raise ValueError(f"jitter buffer: at least {self.minimum_ms} ms is more than at most {self.maximum_ms} ms")


class Measured(NamedTuple):
    """What a playout point goes by.

    Args:
        packets: measured since the last 256 were full.
        latest: the longest transits of these, up to four.
        least: the shortest of these; None: of none.
        before: the shortest transit of the 256 before, and what they kept to; None: there are none.
        overall_least, point: see `PlayoutPoint`.
    """

    packets: int
    latest: list[int]
    least: int | None
    before: tuple[int, int] | None
    overall_least: int
    point: int


class PlayoutPoint:
    """The wanted point of one stream.

    Args:
        settings: the limits.

    Attributes:
        limits: the least delay while little is known, the least and the greatest, samples.
        least: the shortest transit of late, samples.
        point: sample `p` is wanted at `p + point`.
    """

    __slots__ = ("_before", "_latest", "_least", "_measured", "_share", "least", "limits", "point")

    def __init__(self, settings: JitterSettings) -> None:
        greatest = settings.maximum_ms * _SAMPLES_A_MS
        initial = min(max(settings.initial_ms, settings.minimum_ms) * _SAMPLES_A_MS, greatest)
        self.limits = initial, settings.minimum_ms * _SAMPLES_A_MS, greatest
        self._share = settings.late_share
        self.forget()

    def forget(self) -> None:
        """Another clock, another path: begin anew."""
        self._measured = 0
        self._latest: list[int] = []
        self._least: int | None = None
        self._before: tuple[int, int] | None = None
        self.least = self.point = 0

    @property
    def delay(self) -> int:
        """Samples from the arrival of the fastest packet to its sound."""
        return self.point - self.least

    @property
    def measured(self) -> Measured:
        """All that it goes by."""
        return Measured(self._measured, self._latest, self._least, self._before, self.least, self.point)

    def resume(self, measured: Measured) -> None:
        """Go on from there."""
        self._measured, self._latest, self._least, self._before, self.least, self.point = measured
        heapify(self._latest)

    def measure(self, transit: int) -> None:
        """Take a packet's transit into account, samples."""
        latest = self._latest
        self._measured += 1
        changed = False
        if self._least is None or transit < self._least:
            self._least, changed = transit, True
        if len(latest) < KEPT:
            heappush(latest, transit)
            changed = True
        elif transit > latest[0]:
            heapreplace(latest, transit)
            changed = True
        if self._measured >= MEASURED_PACKETS:
            self._retarget()
            self._before = self._least, self._kept_to()
            self._measured, self._latest, self._least = 0, [], None
        elif changed:
            self._retarget()

    def _kept_to(self) -> int:
        """The transit that all but the permitted share of the packets measured now kept to."""
        outliers = min(int(self._measured * self._share), len(self._latest) - 1)
        return sorted(self._latest)[-1 - outliers]

    def _retarget(self) -> None:
        assert self._least is not None
        initial, shortest, longest = self.limits
        least, kept_to = self._least, self._kept_to()
        if self._before is None:
            shortest = initial
        else:
            least, kept_to = min(least, self._before[0]), max(kept_to, self._before[1])
        self.least = least
        self.point = least + min(max(kept_to - least + PACKET_SAMPLES + SLACK_SAMPLES, shortest), longest)
