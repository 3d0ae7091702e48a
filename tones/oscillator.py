"""Sines, exact to the sample: sums, amplitude modulation, ramps without clicks.

Modulation, which sources write in three ways, is amplitude modulation with the carrier present here: "400*16" is
(1 + 0.85 cos 2 pi 16 t) sin 2 pi 400 t, three spectral lines of which the outer are 7.4 dB down. Where an exchange
suppresses the carrier, its plan says "384+416".
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tones.notation import Signal
from tones.units import SAMPLE_RATE_HZ, amplitude

Samples = NDArray[np.float64]

MODULATION_DEPTH: Final = 0.85
RAMP_SAMPLES: Final = 24
"""How long a burst takes to reach, and to leave, its full level: 3 ms of raised cosine, inside the burst."""

_LONGEST_PERIOD: Final = 10 * SAMPLE_RATE_HZ


def oscillate(signal: Signal, level_dbm0: float, count: int, start: int = 0) -> Samples:
    """`count` samples of a steady signal from sample `start` on; all phases are zero at sample 0.

    Args:
        level_dbm0: total power, whatever the number of frequencies.
        count, start: samples.

    Returns:
        Float samples in 16-bit PCM units.
    """
    if signal.silent:
        return np.zeros(count)
    seconds = (start + np.arange(count)) / SAMPLE_RATE_HZ
    peak = amplitude(level_dbm0) / math.sqrt(len(signal.frequencies_hz))
    total = np.zeros(count)
    for hz in signal.frequencies_hz:
        total += np.sin(2 * np.pi * hz * seconds)
    if signal.modulation_hz is not None:
        total *= 1 + MODULATION_DEPTH * np.cos(2 * np.pi * signal.modulation_hz * seconds)
        total /= math.sqrt(1 + MODULATION_DEPTH**2 / 2)
    return peak * total


def burst(signal: Signal, level_dbm0: float, count: int) -> Samples:
    """`count` samples that begin and end at rest, by ramps of `RAMP_SAMPLES` (shorter in very short bursts)."""
    samples = oscillate(signal, level_dbm0, count)
    fade(samples, RAMP_SAMPLES)
    return samples


def fade(samples: Samples, ramp: int) -> None:
    """Ramp the first and the last `ramp` samples in place, by a raised cosine."""
    length = min(ramp, samples.size // 2)
    slope = 0.5 - 0.5 * np.cos(np.pi * np.arange(length) / length) if length else np.zeros(0)
    samples[:length] *= slope
    samples[samples.size - length :] *= slope[::-1]


def seamless_period(signal: Signal) -> tuple[Signal, int]:
    """How long a stretch of a steady signal must be so that repeating it makes no click.

    Returns:
        The signal, and the least whole number of seconds' samples, at most 10 s, that holds whole cycles of
        everything in it. Where no such number is short enough each frequency is moved by at most 0.05 Hz, to
        fit in 10 s; that is 0.01 % at most of any tone in use.
    """
    parts = [*signal.frequencies_hz, *([] if signal.modulation_hz is None else [signal.modulation_hz])]
    exact = [Fraction(part).limit_denominator(1000) for part in parts]
    seconds = math.lcm(*(part.denominator for part in exact)) if exact else 1
    if seconds * SAMPLE_RATE_HZ <= _LONGEST_PERIOD:
        return signal, seconds * SAMPLE_RATE_HZ
    frequencies = tuple(round(hz, 1) for hz in signal.frequencies_hz)
    modulation = None if signal.modulation_hz is None else round(signal.modulation_hz, 1)
    return Signal(frequencies, modulation), _LONGEST_PERIOD
