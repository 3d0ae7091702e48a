"""Where sound is missing: dead stretches at whose ends it is cut off, as lost packets do it.

A tone's own edges rise from rest and fall back to it, or else all of them are hard. So a hard edge at a dead stretch of
a few packets is a fault of the line; at a longer one it is a fault if the other long pauses of the recording are not
like that. Between noise there is no dead stretch that is not a fault. Where a sound is cut, nobody knows when it began
or ended.

Whether an edge is hard is seen from the sines that the sound is made of: a beat or a low frequency may be at rest just
where it is cut, and would be without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from tones.units import SAMPLE_RATE_HZ, amplitude, samples

Samples = NDArray[np.float64]

IDLE: Final = 24
"""No larger sample is made by the idle octet of either law, or by noise of a few steps."""

_SHORTEST: Final = samples(4)
_FEW_PACKETS: Final = samples(65)
_NEAR: Final = samples(8)
_SIDE: Final = samples(1.25)
_BODY: Final = samples(12)
_ABRUPT: Final = 0.5
_SOUNDING: Final = amplitude(-43.0)
_EDGE: Final = samples(2)
_RAMP: Final = samples(4)
_LEARNED: Final = samples(40)
_AT_REST: Final = 0.03
_ALL_HARD: Final = 0.9


@frozen
class Sound:
    """A stretch of sound from sample `start` to `end` (not included), and the sines it is made of, if it is."""

    start: int
    end: int
    frequencies_hz: tuple[float, ...] = ()


def dead_stretches(signal: Samples, shortest: int = _SHORTEST) -> NDArray[np.intp]:
    """Where there is nothing at all: rows of start and end, in samples."""
    quiet = np.abs(signal) <= IDLE
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(np.int8))).reshape(-1, 2)
    return edges[edges[:, 1] - edges[:, 0] >= shortest]


def find_cuts(signal: Samples, sounds: Sequence[Sound], noise: float = 0.0) -> list[tuple[bool, bool]]:
    """Of each sound, whether the line may have made its beginning, and whether its end.

    Args:
        signal: at 8000 Hz.
        sounds: in order.
        noise: the mean square of the noise in the pauses; 0: they are silent.
    """
    dead = dead_stretches(signal)
    cut = [[False, False] for _ in sounds]
    if not dead.size:
        return [(on, off) for on, off in cut]
    edges: list[tuple[int, int, bool, bool | None]] = []
    for number, sound in enumerate(sounds):
        for side, places in ((0, dead[:, 1]), (1, dead[:, 0])):
            row = _near(places, sound.end if side else sound.start)
            if row is None:
                continue
            long = bool(dead[row, 1] - dead[row, 0] > _FEW_PACKETS)
            edges.append((number, side, long, _is_hard(signal, sound, int(places[row]), at_end=bool(side))))
    known = [hard for _, _, long, hard in edges if long and hard is not None]
    soft = sum(known) < _ALL_HARD * len(known) or not known
    for number, side, long, hard in edges:
        if noise > 4 * IDLE**2:
            cut[number][side] = True
        elif long:
            cut[number][side] = soft and hard is True
        else:
            cut[number][side] = hard is not False
    return [(on, off) for on, off in cut]


def _near(places: NDArray[np.intp], sample: int) -> int | None:
    """Which of the places is next to a sample."""
    nearest = int(np.argmin(np.abs(places - sample)))
    return nearest if abs(int(places[nearest]) - sample) <= _NEAR else None


def _is_hard(signal: Samples, sound: Sound, place: int, *, at_end: bool) -> bool | None:
    """Whether sound stops, or begins, without a ramp; None: it is at rest just there, so that nobody can tell.

    Args:
        place: where the dead stretch begins or ends.
        at_end: it begins there, and the sound ends.
    """
    beyond = sound.start if at_end else sound.end
    length = min(_LEARNED, abs(place - beyond))
    side = signal[place - length : place][::-1] if at_end else signal[place : place + length]
    if sound.frequencies_hz and length >= _RAMP + _BODY + samples(4) * len(sound.frequencies_hz):
        return _differs_little(side, sound.frequencies_hz)
    if length < _SIDE:
        return None
    body = np.abs(side[:_BODY])
    return bool(body.max() > _SOUNDING and body[:_SIDE].max() > _ABRUPT * body.max())


def _differs_little(side: Samples, frequencies_hz: tuple[float, ...]) -> bool | None:
    """Whether the sound next to an edge, where `side` begins, is as strong as the same sines a little further away."""
    radians = 2 * np.pi * np.outer(np.arange(side.size), frequencies_hz) / SAMPLE_RATE_HZ
    basis = np.concatenate([np.cos(radians), np.sin(radians)], axis=1)
    weights, *_ = np.linalg.lstsq(basis[_RAMP:], side[_RAMP:])
    expected = float(np.square(basis[:_EDGE] @ weights).mean())
    if expected < _AT_REST * float(np.square(side[_RAMP:]).mean()):
        return None
    return float(np.square(side[:_EDGE]).mean()) > _ABRUPT * expected
