"""Voice activity: stretches of sound that are no tone, as speech or as noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tones.detect.bursts import Burst, find_bursts
from tones.detect.heard import Heard, Kind
from tones.units import SAMPLE_RATE_HZ, level_dbm0, samples

Pcm = NDArray[np.int16]

_PAUSE: Final = samples(450)
"""Words closer than this belong together."""
_FRAME: Final = samples(20)
_STEADY_DB: Final = 3.0
_FLAT: Final = 0.25


def find_voice(pcm: Pcm) -> list[Heard]:
    """Speech and noise in a recording, in order."""
    return voice_of(pcm, [burst for burst in find_bursts(pcm) if burst.lines is None])


def voice_of(pcm: Pcm, bursts: Sequence[Burst]) -> list[Heard]:
    """Join bursts of sound that is no tone, and say of each group whether it is speech or noise."""
    groups: list[list[Burst]] = []
    for burst in bursts:
        if groups and burst.start - groups[-1][-1].end < _PAUSE:
            groups[-1].append(burst)
        else:
            groups.append([burst])
    return [_voice(pcm, group[0].start, group[-1].end) for group in groups]


def _voice(pcm: Pcm, start: int, end: int) -> Heard:
    stretch = pcm[start:end].astype(np.float64)
    kind = Kind.NOISE if _is_noise(stretch) else Kind.SPEECH
    return Heard(
        kind=kind,
        name=str(kind),
        onset_s=start / SAMPLE_RATE_HZ,
        duration_s=(end - start) / SAMPLE_RATE_HZ,
        level_dbm0=round(level_dbm0(stretch), 2),
        confidence=0.7,
    )


def _is_noise(stretch: NDArray[np.float64]) -> bool:
    """Whether the level is steady and the spectrum flat, which speech is not."""
    frames = stretch[: stretch.size // _FRAME * _FRAME].reshape(-1, _FRAME)
    if len(frames) < 5:
        return False
    levels = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-3)
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_FRAME), axis=1))).mean(axis=0)[8:66] + 1e-3
    flatness = float(np.exp(np.log(power).mean()) / power.mean())
    return float(levels.std()) < _STEADY_DB and flatness > _FLAT
