"""How a telephone rings in a country: its ringing cadence, on an electronic ringer.

The exchange sends ringing current and ringing tone (ITU-T E.180) in the same cadence, so that of the country's ringing
tone is taken. The ringer's warble is not the tone that the caller hears, and cannot be taken for it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tones.notation import Segment
from tones.plan import GENERIC, load_plan
from tones.units import SAMPLE_RATE_HZ, amplitude, samples, to_pcm

Pcm = NDArray[np.int16]
LOW_HZ, HIGH_HZ = 1000.0, 1250.0
WARBLE_SAMPLES = 320
"""How long each of the two frequencies sounds, in turn: 40 ms."""
LEVEL_DBM0 = -12.0
RAMP_SAMPLES = 40
"""Of a burst's beginning and end: 5 ms, so that it does not click."""


@lru_cache(maxsize=8)
def ringing(country: str) -> Pcm:
    """One period of the ringing signal, `int16[samples]` at 8 kHz, to be repeated without end.

    Args:
        country: the name of a tone plan; where its ringing tone has no cadence, E.180's is taken.
    """
    cycle = load_plan(country).find("ringback").tone.cycle
    if not cycle or any(segment.on_ms is None for segment in cycle):
        cycle = load_plan(GENERIC).find("ringback").tone.cycle
    bursts = [part for segment in cycle for part in (_burst(segment), np.zeros(samples(segment.off_ms)))]
    sounding = np.concatenate(bursts)
    places = np.arange(len(sounding))
    frequency_hz = np.where(places // WARBLE_SAMPLES % 2 == 0, LOW_HZ, HIGH_HZ)
    warble = amplitude(LEVEL_DBM0) * np.sin(2 * np.pi * np.cumsum(frequency_hz) / SAMPLE_RATE_HZ)
    return to_pcm(warble * sounding)


def _burst(segment: Segment) -> NDArray[np.float64]:
    """Its envelope: 0 where it is silent, else 1 with ramps."""
    length = samples(segment.on_ms or 0.0)
    if segment.signal.silent:
        return np.zeros(length)
    ends = np.minimum(np.arange(length), np.arange(length)[::-1])
    return np.minimum(ends / RAMP_SAMPLES, 1.0)
