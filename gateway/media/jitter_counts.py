"""What jitter buffers say: of what each block was made, and what became of a stream."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from attrs import define, frozen
from numpy.typing import NDArray


class Verdict(IntEnum):
    """What 20 ms were made of."""

    PLAYED = 0
    CONCEALED = 1
    IDLE = 2


@define
class JitterCounts:
    """What became of a stream.

    Attributes:
        packets: audio packets given to the buffer.
        late: of these, came when their place had been played.
        duplicate: came again.
        refused: were too far off to be believed, or too long.
        missing_samples: were not there when they had to be played; a gap of more than 60 ms is taken for a pause.
        late_samples: came when they had been given up.
        discarded_samples: left out to shorten the delay.
        inserted_samples: put in to lengthen it.
        concealed, idle: blocks of 20 ms with that verdict.
        resyncs: how often another clock was taken on.
    """

    packets: int = 0
    late: int = 0
    duplicate: int = 0
    refused: int = 0
    missing_samples: int = 0
    late_samples: int = 0
    discarded_samples: int = 0
    inserted_samples: int = 0
    concealed: int = 0
    idle: int = 0
    resyncs: int = 0

    @property
    def lost_samples(self) -> int:
        """Missing, and never came."""
        return max(self.missing_samples - self.late_samples, 0)


@frozen(eq=False)
class Pulled:
    """20 ms of many streams.

    Args:
        octets: `uint8[n, 160]`, a stream a row.
        verdicts: `uint8[n]`, each a `Verdict`.
    """

    octets: NDArray[np.uint8]
    verdicts: NDArray[np.uint8]
