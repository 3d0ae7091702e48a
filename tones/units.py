"""Units: samples, milliseconds, and the level law (dBm0 <-> amplitude).

**The level law.** G.711 gives a sine of the load capacity of A-law, peak 4096 on its 13-bit scale, the level
+3.14 dBm0. Linear PCM here is that scale shifted to 16 bits, so a 0 dBm0 sine has the amplitude
32768 / 10^(3.14/20) = 22827. Mu-law's capacity (8159 on 14 bits, 32636 on 16) is +3.17 dBm0: read through mu-law, the
same PCM is 0.07 dB louder. One linear scale for both laws is worth more than those 0.07 dB.

Levels of sounds are *total power*, so a pair of equal frequencies at -10 dBm0 has each at -13.01 dBm0.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ: Final = 8000
CAPACITY_DBM0: Final = 3.14
REFERENCE_AMPLITUDE: Final = 32768 / 10 ** (CAPACITY_DBM0 / 20)
"""The peak of a 0 dBm0 sine in 16-bit PCM."""

SILENCE_DBM0: Final = -96.0
"""The level reported for digital silence."""


def samples(milliseconds: float) -> int:
    """Milliseconds -> the nearest whole number of samples."""
    return round(milliseconds * SAMPLE_RATE_HZ / 1000)


def amplitude(level_dbm0: float) -> float:
    """The peak of a sine of this level, in 16-bit PCM units."""
    return float(REFERENCE_AMPLITUDE * 10 ** (level_dbm0 / 20))


def level_of_amplitude(peak: float) -> float:
    """The level in dBm0 of a sine of this peak; `SILENCE_DBM0` for none."""
    if peak <= 0:
        return SILENCE_DBM0
    return max(SILENCE_DBM0, 20 * math.log10(peak / REFERENCE_AMPLITUDE))


def level_of_power(mean_square: float) -> float:
    """The level in dBm0 of a signal of this mean square, in squared 16-bit PCM units."""
    return level_of_amplitude(math.sqrt(2 * mean_square)) if mean_square > 0 else SILENCE_DBM0


def level_dbm0(pcm: NDArray[np.int16] | NDArray[np.float64]) -> float:
    """The level of the whole signal by its mean power; `SILENCE_DBM0` for none."""
    if pcm.size == 0:
        return SILENCE_DBM0
    return level_of_power(float(np.mean(np.square(pcm.astype(np.float64)))))


def to_pcm(signal: NDArray[np.float64]) -> NDArray[np.int16]:
    """Round to `int16`, limiting at full scale."""
    return np.clip(np.rint(signal), -32768, 32767).astype(np.int16)
