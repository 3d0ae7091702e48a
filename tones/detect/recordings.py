"""Which known recording is heard, and from when: normalised cross-correlation, by FFT, at a quarter of the rate.

A recording that was cut off at either end, or of which packets were lost, still correlates in what is left. Recordings
that begin with the same words are told apart by what follows; if the call was cut off before that, the answer names
the others as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy import signal as filters

from tones.announcement import LANGUAGE, announcement, recording_texts
from tones.detect.heard import Heard, Kind
from tones.units import SAMPLE_RATE_HZ, level_dbm0

Pcm = NDArray[np.int16]
Samples = NDArray[np.float64]

_DECIMATION: Final = 4
_RATE_HZ: Final = SAMPLE_RATE_HZ // _DECIMATION
_LOW_PASS: Final = filters.firwin(63, 900.0, fs=SAMPLE_RATE_HZ)
_LEAST_SCORE: Final = 0.45
_LEAST_DIGIT_SCORE: Final = 0.7
_LEAST_MATCH: Final = 0.6
_LEAST_HEARD_S: Final = 0.3
_LEAST_DIGIT_S: Final = 0.15
"""A "six" is little more than its vowel once what is above 900 Hz is gone."""
_OVERLAP: Final = 0.3
_DIGITS_APART_S: Final = 0.6
_QUIET: Final = 30.0


@frozen
class _Found:
    """A recording at a place; all in samples at the low rate."""

    name: str
    start: int
    length: int
    score: float


def _slow(pcm: Samples) -> Samples:
    """To a quarter of the rate, below 900 Hz."""
    filtered = filters.fftconvolve(pcm, _LOW_PASS, mode="same")
    slow: Samples = filtered[::_DECIMATION]
    return slow


@lru_cache(maxsize=256)
def _template(name: str, language: str) -> Samples:
    return _slow(announcement(name, language).astype(np.float64))


@lru_cache(maxsize=512)
def _spectrum(name: str, language: str, size: int) -> NDArray[np.complex64]:
    return np.conj(np.fft.rfft(_template(name, language), size)).astype(np.complex64)


class _Heard:
    """A recording prepared for correlation with many templates."""

    def __init__(self, slow: Samples, longest: int) -> None:
        self.slow = slow
        self.size = 1 << (slow.size + longest - 1).bit_length()
        self.spectrum = np.fft.rfft(slow, self.size)
        self.energy = np.concatenate([[0.0], np.cumsum(np.square(slow))])

    def scores(self, name: str, language: str) -> Samples:
        """How well the template fits, for every place where it may begin: -1 to 1."""
        template = _template(name, language)
        raw = np.fft.irfft(self.spectrum * _spectrum(name, language, self.size), self.size)[: self.slow.size]
        starts = np.arange(self.slow.size)
        ends = np.minimum(starts + template.size, self.slow.size)
        energy = self.energy[ends] - self.energy[starts]
        own = float(np.square(template).sum())
        # Where there is next to no sound there is nothing to fit.
        floor = template.size * _QUIET**2 * 0.1
        scores: Samples = raw / np.sqrt(np.maximum(energy, floor) * own)
        return scores

    def match(self, found: _Found, language: str) -> tuple[float, float, int]:
        """How well what was heard of a recording fits it.

        Returns:
            The correlation over the part that has sound, the part of the recording's energy that was heard, and the
            length to the last sound.
        """
        template = _template(found.name, language)[: self.slow.size - found.start]
        heard = self.slow[found.start : found.start + template.size]
        frame = _RATE_HZ // 50
        frames = template.size // frame
        if frames == 0:
            return 0.0, 0.0, 0
        by_frame = heard[: frames * frame].reshape(frames, frame)
        present = np.repeat(np.square(by_frame).mean(axis=1) > _QUIET**2, frame)
        if not present.any():
            return 0.0, 0.0, 0
        template, heard = template[: present.size], heard[: present.size]
        own = float(np.square(template[present]).sum())
        product = float((heard * template)[present].sum())
        energy = float(np.square(heard[present]).sum())
        whole = float(np.square(_template(found.name, language)).sum())
        correlation = product / np.sqrt(own * energy) if own > 0 and energy > 0 else 0.0
        return float(correlation), own / whole, int(np.flatnonzero(present)[-1]) + 1


def _peaks(scores: Samples, least: float, apart: int) -> list[int]:
    """Places of the peaks, each the highest within `apart` samples."""
    places, _ = filters.find_peaks(scores, height=least, distance=max(1, apart))
    if scores.size and scores[0] >= least and (scores.size < 2 or scores[0] > scores[1]):
        return [0, *(int(place) for place in places)]
    return [int(place) for place in places]


def _overlaps(one: _Found, other: _Found) -> bool:
    shared = min(one.start + one.length, other.start + other.length) - max(one.start, other.start)
    return shared > _OVERLAP * min(one.length, other.length)


def _search(
    heard: _Heard, names: Iterable[str], language: str, least: float, least_s: float = _LEAST_HEARD_S
) -> list[_Found]:
    found = []
    for name in names:
        template = _template(name, language)
        scores = heard.scores(name, language)
        for start in _peaks(scores, least, template.size // 3):
            candidate = _Found(name, start, template.size, float(scores[start]))
            correlation, _, length = heard.match(candidate, language)
            if correlation >= _LEAST_MATCH and length > least_s * _RATE_HZ:
                found.append(_Found(name, start, length, float(scores[start])))
    return found


def _best(found: Sequence[_Found]) -> list[_Found]:
    """The best that do not overlap, in order of time."""
    taken: list[_Found] = []
    for candidate in sorted(found, key=lambda each: -each.score):
        if not any(_overlaps(candidate, other) for other in taken):
            taken.append(candidate)
    return sorted(taken, key=lambda each: each.start)


def find_recordings(pcm: Pcm, names: Sequence[str] | None = None, language: str = LANGUAGE) -> list[Heard]:
    """The known recordings, and the numbers spoken digit by digit, in a call's audio, in order.

    Args:
        pcm: `int16` at 8000 Hz.
        names: which recordings to look for; None is all of the language. Digits are looked for in the latter case
            only, or when one is named.

    Returns:
        `Kind.RECORDING` and `Kind.NUMBER`.
    """
    wanted = tuple(recording_texts(language)) if names is None else tuple(names)
    phrases = [name for name in wanted if not name.startswith("digit-")]
    digits = [name for name in wanted if name.startswith("digit-")]
    if pcm.size < SAMPLE_RATE_HZ // 10 or not wanted or not np.any(np.abs(pcm.astype(np.int32)) > _QUIET):
        return []
    longest = max(_template(name, language).size for name in wanted)
    # Room for a recording that began before this one did.
    slow = np.concatenate([np.zeros(longest), _slow(pcm.astype(np.float64))])
    whole = _Heard(slow, longest)
    candidates = _search(whole, phrases, language, _LEAST_SCORE)
    chosen = _best(candidates)
    heard = [_recording_heard(pcm, whole, each, candidates, longest, language) for each in chosen]
    if digits:
        rest = slow.copy()
        for each in chosen:
            rest[each.start : each.start + each.length] = 0
        if np.any(np.abs(rest) > _QUIET):
            spoken = _best(_search(_Heard(rest, longest), digits, language, _LEAST_DIGIT_SCORE, _LEAST_DIGIT_S))
            heard += [_number_heard(pcm, group, longest, language) for group in _groups(spoken)]
    return sorted(heard, key=lambda each: each.onset_s)


def _recording_heard(
    pcm: Pcm, whole: _Heard, found: _Found, candidates: Sequence[_Found], lead: int, language: str
) -> Heard:
    correlation, share, _ = whole.match(found, language)
    rivals = {
        other.name
        for other in candidates
        if other.name != found.name
        and abs(other.start - found.start) < _RATE_HZ // 50
        and whole.match(other, language)[0] > correlation - 0.05
    }
    start, end = _place(found, lead), min(pcm.size, _place(found, lead, at_end=True))
    return Heard(
        kind=Kind.RECORDING,
        name=found.name,
        onset_s=start / SAMPLE_RATE_HZ,
        duration_s=(end - start) / SAMPLE_RATE_HZ,
        level_dbm0=round(level_dbm0(pcm[start:end]), 2),
        confidence=round(min(1.0, max(0.0, correlation)) / (1 + len(rivals)) * min(1.0, 0.5 + share), 3),
        alternatives=tuple(sorted(rivals)),
        language=language,
    )


def _place(found: _Found, lead: int, at_end: bool = False) -> int:
    """Where what was found begins or ends in the recording, in its own samples; `lead` slow ones are before it."""
    return max(0, found.start + (found.length if at_end else 0) - lead) * _DECIMATION


def _groups(spoken: Sequence[_Found]) -> list[list[_Found]]:
    groups: list[list[_Found]] = []
    for digit in spoken:
        if groups:
            last = groups[-1][-1]
            if digit.start - (last.start + last.length) < _DIGITS_APART_S * _RATE_HZ:
                groups[-1].append(digit)
                continue
        groups.append([digit])
    return groups


def _number_heard(pcm: Pcm, group: Sequence[_Found], lead: int, language: str) -> Heard:
    start = _place(group[0], lead)
    end = min(pcm.size, _place(group[-1], lead, at_end=True))
    return Heard(
        kind=Kind.NUMBER,
        name="".join(digit.name.removeprefix("digit-") for digit in group),
        onset_s=start / SAMPLE_RATE_HZ,
        duration_s=(end - start) / SAMPLE_RATE_HZ,
        level_dbm0=round(level_dbm0(pcm[start:end]), 2),
        confidence=round(min(1.0, min(digit.score for digit in group)), 3),
        language=language,
    )
