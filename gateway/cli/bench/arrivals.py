"""From arrival times to figures: how evenly the packets of many streams came."""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

ARRIVAL: Final = np.dtype([("ns", "i8"), ("stream", "u2"), ("sequence", "u2"), ("timestamp", "u4")])
"""One packet: when it came (nanoseconds since the epoch), its source port, its RTP sequence number and timestamp."""
INTERVAL_NS: Final = 20_000_000
TOLERANCE_NS: Final = 10_000_000
ENOUGH_ON_TIME: Final = 0.999
DEFINITION: Final = (
    "on time: |gap - 20 ms| <= 10 ms between a stream's neighbouring packets, of as many as are due in the time; "
    "held: 99.9 % on time"
)


@frozen
class GapFigures:
    """How the packets of a measurement came.

    Args:
        streams: how many were heard of.
        packets: that came.
        lost: that did not come, though a later one of their stream did.
        due: gaps that there should have been.
        on_time: gaps of 20 ms, give or take 10.
        p50_ms, p99_ms, max_ms: of |gap - 20 ms|.
    """

    streams: int
    packets: int
    lost: int
    due: int
    on_time: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def on_time_share(self) -> float:
        """Of the gaps that were due, 0 to 1."""
        return self.on_time / self.due if self.due else 0.0

    @property
    def held(self) -> bool:
        """Whether the streams were held."""
        return self.on_time_share >= ENOUGH_ON_TIME


def gap_figures(arrivals: NDArray[np.void], streams: int, begin_ns: int, end_ns: int) -> GapFigures:
    """The figures of the packets that came from `begin_ns` to `end_ns`.

    A stream that falls behind has fewer gaps than are due, so that being slow evenly is not being on time. One packet
    less than due is nobody's fault: the window opens and closes anywhere.

    Args:
        arrivals: `ARRIVAL[n]`, the packets of each stream in their order.
        streams: how many there should be.
        begin_ns, end_ns: the window.
    """
    taken = arrivals[(arrivals["ns"] >= begin_ns) & (arrivals["ns"] < end_ns)]
    taken = taken[np.argsort(taken["stream"], kind="stable")]
    same = taken["stream"][1:] == taken["stream"][:-1]
    deviation_ns = np.abs(np.diff(taken["ns"])[same] - INTERVAL_NS)
    steps = np.diff(taken["sequence"])[same].view(np.int16)
    _, packets = np.unique(taken["stream"], return_counts=True)
    least = max((end_ns - begin_ns) // INTERVAL_NS - 2, 0)
    due = int(np.maximum(packets - 1, least).sum()) + least * max(streams - len(packets), 0)
    p50, p99, longest = np.percentile(deviation_ns, [50, 99, 100]) / 1e6 if len(deviation_ns) else [0.0] * 3
    return GapFigures(
        streams=len(packets),
        packets=len(taken),
        lost=int((steps[steps > 1] - 1).sum(dtype=np.int64)),
        due=due,
        on_time=int((deviation_ns <= TOLERANCE_NS).sum()),
        p50_ms=float(p50),
        p99_ms=float(p99),
        max_ms=float(longest),
    )
