"""Where push-button digits may be, in blocks of many streams at once: a sieve before the receiver of each (ITU-T Q.24).

A block passes if its strongest low and its strongest high DTMF frequency hold a good part of its power. What sounds for
only a third of a block after speech may be held back; so whoever sieves gives the receiver the block before as well.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tones.dtmf import HIGH_GROUP_HZ, LOW_GROUP_HZ
from tones.units import SAMPLE_RATE_HZ

LEAST_SHARE: Final = 0.3
"""So much of a block's power is in the two frequencies; a digit with 10 dB of noise has 0.9."""
LEAST_POWER: Final = 400.0
"""Mean square below which nothing is a digit: about -64 dBm0."""


@lru_cache(maxsize=8)
def _turns(size: int) -> NDArray[np.float32]:
    """Cosines and sines of the eight frequencies, as a matrix to multiply blocks by: `float32[size, 16]`."""
    angles = 2 * np.pi * np.outer(np.arange(size), (*LOW_GROUP_HZ, *HIGH_GROUP_HZ)) / SAMPLE_RATE_HZ
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def may_be_digits(pcm: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Which blocks are worth a receiver's attention.

    Args:
        pcm: `int16[n, samples]`, a block a row.

    Returns:
        `bool[n]`.
    """
    sound = pcm.astype(np.float32)
    size = sound.shape[1]
    power = np.einsum("ij,ij->i", sound, sound)
    spectrum = np.square(sound @ _turns(size))
    lines = spectrum[:, :8] + spectrum[:, 8:]
    explained = (lines[:, :4].max(axis=1) + lines[:, 4:].max(axis=1)) * (2 / size)
    passed: NDArray[np.bool_] = (explained > LEAST_SHARE * power) & (power > LEAST_POWER * size)
    return passed
