"""A tone as sound: what is played once, then one exact period that repeats without a seam.

Every segment lasts its exact number of samples: `on_ms` from the first sample of its ramp to the last, then
`off_ms` of silence. An endless segment is given a period that holds whole cycles of each of its frequencies.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from tones.notation import Segment
from tones.oscillator import Samples, burst, oscillate, seamless_period
from tones.plan import Tone
from tones.units import samples, to_pcm

Pcm = NDArray[np.int16]


@frozen(eq=False)
class Sound:
    """PCM that is played once (`introduction`) and then PCM that repeats (`period`); either may be empty."""

    introduction: Pcm = field(repr=False)
    period: Pcm = field(repr=False)

    @property
    def repeats(self) -> bool:
        """Whether it goes on until something else is played."""
        return self.period.size > 0

    def take(self, count: int, start: int = 0) -> Pcm:
        """`count` samples from sample `start` on; zeros after the end of a sound that does not repeat."""
        taken = np.zeros(count, np.int16)
        once = self.introduction[start : start + count]
        taken[: once.size] = once
        if self.repeats and once.size < count:
            first = start + once.size - self.introduction.size
            positions = (first + np.arange(count - once.size)) % self.period.size
            taken[once.size :] = self.period[positions]
        return taken


@lru_cache(maxsize=1024)
def render(tone: Tone) -> Sound:
    """Make the sound of a tone."""
    return Sound(_concatenate(tone.introduction, tone.level_dbm0), _concatenate(tone.cycle, tone.level_dbm0))


def _concatenate(segments: Iterable[Segment], level_dbm0: float) -> Pcm:
    parts: list[Samples] = []
    for segment in segments:
        parts.extend(_segment(segment, level_dbm0))
    pcm = to_pcm(np.concatenate(parts)) if parts else np.zeros(0, np.int16)
    pcm.flags.writeable = False
    return pcm


def _segment(segment: Segment, level_dbm0: float) -> tuple[Samples, Samples]:
    silence = np.zeros(samples(segment.off_ms))
    if segment.on_ms is None:
        signal, period = seamless_period(segment.signal)
        return oscillate(signal, level_dbm0, period), silence
    return burst(segment.signal, level_dbm0, samples(segment.on_ms)), silence
