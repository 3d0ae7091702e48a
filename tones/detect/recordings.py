"""Which known recording is heard, and from when: normalised cross-correlation, by FFT, at a quarter of the rate.

A recording that was cut off at either end, or of which packets were lost, still correlates in what is left. Recordings
that begin with the same words are told apart by what follows; if the call was cut off before that, the answer names
the others as well. Where several languages are looked for, each stretch is in the language that fits it best.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray
from scipy import fft
from scipy import signal as filters

from tones.announcement import DIGIT_NAMES, LANGUAGE, announcement, recording_texts
from tones.detect.heard import Heard, Kind
from tones.units import SAMPLE_RATE_HZ, level_dbm0
from tones.user_announcement import UserAnnouncement

Pcm = NDArray[np.int16]
Samples = NDArray[np.float64]

_DECIMATION: Final = 4
_RATE_HZ: Final = SAMPLE_RATE_HZ // _DECIMATION
_FRAME: Final = _RATE_HZ // 50
_LOW_PASS: Final = filters.firwin(63, 900.0, fs=SAMPLE_RATE_HZ)
_LEAST_SCORE: Final = 0.45
_LEAST_DIGIT_SCORE: Final = 0.7
_LEAST_MATCH: Final = 0.6
_LEAST_BEGUN: Final = 0.85
_CUT_OFF: Final = 0.9
"""A recording was cut off, and something else follows, where so much less of it fits, and that so well."""
_LEAST_HEARD_S: Final = 0.3
_LEAST_DIGIT_S: Final = 0.15
"""A "six" is little more than its vowel once what is above 900 Hz is gone."""
_OVERLAP: Final = 0.3
_DIGITS_APART_S: Final = 0.6
_QUIET: Final = 30.0
_KNOWN_BY_S: Final = 10.0
"""A longer recording is looked for by so much of its beginning."""
_DIGITS: Final = {name: digit for digit, name in DIGIT_NAMES.items()}


@frozen
class _Known:
    """A recording that is looked for; one of the user's own, or of ours."""

    name: str
    language: str
    own: UserAnnouncement | None = None

    @property
    def pcm(self) -> Pcm:
        """What it sounds like."""
        return announcement(self.name, self.language) if self.own is None else self.own.pcm

    @property
    def text(self) -> str:
        """What it says."""
        return recording_texts(self.language)[self.name] if self.own is None else self.own.text

    @property
    def whole_s(self) -> float:
        """How long it is."""
        return self.pcm.size / SAMPLE_RATE_HZ

    @property
    def is_digit(self) -> bool:
        """Whether it is a digit of a spoken number."""
        return self.own is None and self.name in _DIGITS


@frozen
class _Found:
    """A recording at a place; all in samples at the low rate."""

    known: _Known
    start: int
    length: int
    score: float


def _slow(pcm: Samples) -> Samples:
    """To a quarter of the rate, below 900 Hz."""
    filtered = filters.fftconvolve(pcm, _LOW_PASS, mode="same")
    slow: Samples = filtered[::_DECIMATION]
    return slow


@lru_cache(maxsize=512)
def _whole_template(known: _Known) -> Samples:
    return _slow(known.pcm.astype(np.float64))


def _template(known: _Known) -> Samples:
    """What is looked for."""
    return _whole_template(known)[: int(_KNOWN_BY_S * _RATE_HZ)]


@lru_cache(maxsize=512)
def _spectrum(known: _Known, size: int) -> NDArray[np.complex64]:
    return np.conj(fft.rfft(_template(known).astype(np.float32), size)).astype(np.complex64)


@frozen
class _Match:
    """How well what was heard of a recording fits it.

    Args:
        overall: the correlation where there is sound, to the recording's end.
        correlation: the same, up to where it was cut off, if it was.
        share: the part of the recording's energy that was heard.
        length: to the last sound of it, in samples at the low rate.
    """

    overall: float = 0.0
    correlation: float = 0.0
    share: float = 0.0
    length: int = 0


class _Heard:
    """A recording prepared for correlation with many templates."""

    def __init__(self, slow: Samples, longest: int) -> None:
        self.slow = slow
        # Few different sizes: templates are transformed once for each.
        self.size = _transform_size(slow.size + longest)
        self.spectrum = fft.rfft(slow.astype(np.float32), self.size)
        self.energy = np.concatenate([[0.0], np.cumsum(np.square(slow))])

    def scores(self, known: _Known) -> Samples:
        """How well the template fits, for every place where it may begin: -1 to 1."""
        template = _template(known)
        raw = fft.irfft(self.spectrum * _spectrum(known, self.size), self.size)[: self.slow.size]
        starts = np.arange(self.slow.size)
        ends = np.minimum(starts + template.size, self.slow.size)
        energy = self.energy[ends] - self.energy[starts]
        own = float(np.square(template).sum())
        # Where there is next to no sound there is nothing to fit.
        floor = template.size * _QUIET**2 * 0.1
        scores: Samples = raw / np.sqrt(np.maximum(energy, floor) * own)
        return scores

    def match(self, found: _Found) -> _Match:
        """How well what was heard of a recording fits it."""
        template = _whole_template(found.known)[: self.slow.size - found.start]
        heard = self.slow[found.start : found.start + template.size]
        frames = template.size // _FRAME
        both = [each[: frames * _FRAME].reshape(frames, _FRAME) for each in (template, heard)]
        own, energy = (np.square(each).sum(axis=1) for each in both)
        product = (both[0] * both[1]).sum(axis=1)
        present = energy > _FRAME * _QUIET**2
        if not present.any() or not own[present].any():
            return _Match()
        whole = float(np.square(_whole_template(found.known)).sum())
        end = _end_of_fit(own, product, present)

        def fit(until: int) -> tuple[float, float, int]:
            there = present[:until]
            if not there.any():
                return 0.0, 0.0, 0
            its, sounding = float(own[:until][there].sum()), float(energy[:until][there].sum())
            correlation = float(product[:until][there].sum()) / np.sqrt(its * sounding) if its > 0 else 0.0
            return float(correlation), its / whole, (int(np.flatnonzero(there)[-1]) + 1) * _FRAME

        correlation, share, length = fit(frames)
        begun, begun_share, begun_length = fit(end)
        if begun >= _LEAST_BEGUN and begun_length < _CUT_OFF * length:
            return _Match(correlation, begun, begun_share, begun_length)
        return _Match(correlation, correlation, share, length)


def _end_of_fit(own: Samples, product: Samples, present: NDArray[np.bool_]) -> int:
    """The frame up to which a recording is heard, by frames' energies: there, taking it out leaves least behind."""
    end = len(own)
    for _ in range(2):
        there = present[:end]
        energy = float(own[:end][there].sum())
        gain = float(product[:end][there].sum()) / energy if energy > 0 else 0.0
        if gain <= 0:
            return len(own)
        end = int(np.argmax(np.cumsum(2 * gain * product - gain**2 * own))) + 1
    return end


def _transform_size(least: int) -> int:
    power = 1 << (least - 1).bit_length()
    return power // 4 * 3 if power // 4 * 3 >= least else power


def _peaks(scores: Samples, least: float, apart: int) -> list[int]:
    """Places of the peaks, each the highest within `apart` samples."""
    if not scores.size or scores.max() < least:
        return []
    places, _ = filters.find_peaks(scores, height=least, distance=max(1, apart))
    if scores[0] >= least and (scores.size < 2 or scores[0] > scores[1]):
        return [0, *(int(place) for place in places)]
    return [int(place) for place in places]


def _overlaps(one: _Found, other: _Found) -> bool:
    shared = min(one.start + one.length, other.start + other.length) - max(one.start, other.start)
    return shared > _OVERLAP * min(one.length, other.length)


def _search(heard: _Heard, wanted: Iterable[_Known], least: float, least_s: float = _LEAST_HEARD_S) -> list[_Found]:
    found = []
    for known in wanted:
        template = _template(known)
        scores = heard.scores(known)
        for start in _peaks(scores, least, template.size // 3):
            candidate = _Found(known, start, template.size, float(scores[start]))
            match = heard.match(candidate)
            if match.correlation >= _LEAST_MATCH and match.length > least_s * _RATE_HZ:
                found.append(evolve(candidate, length=match.length))
    return found


def _best(found: Sequence[_Found]) -> list[_Found]:
    """The best that do not overlap, in order of time."""
    taken: list[_Found] = []
    for candidate in sorted(found, key=lambda each: -each.score):
        if not any(_overlaps(candidate, other) for other in taken):
            taken.append(candidate)
    return sorted(taken, key=lambda each: each.start)


def find_recordings(
    pcm: Pcm,
    names: Sequence[str] | None = None,
    language: str | Sequence[str] = LANGUAGE,
    own: Sequence[UserAnnouncement] = (),
) -> list[Heard]:
    """The known recordings, and the numbers spoken digit by digit, in a call's audio, in order.

    Args:
        pcm: `int16` at 8000 Hz.
        names: which recordings to look for; None is all of the language. Digits are looked for in the latter case
            only, or when one is named.
        language: one, or several.
        own: announcements of the user's own to look for as well.

    Returns:
        `Kind.RECORDING` and `Kind.NUMBER`.
    """
    languages = (language,) if isinstance(language, str) else language
    wanted = [
        _Known(name, each) for each in languages for name in recording_texts(each) if names is None or name in names
    ]
    wanted += [_Known(each.name, each.language, each) for each in own if each.pcm.size]
    if pcm.size < SAMPLE_RATE_HZ // 10 or not wanted or not np.any(np.abs(pcm.astype(np.int32)) > _QUIET):
        return []
    longest = max(_template(known).size for known in wanted)
    # Room for a recording that began before this one did.
    slow = np.concatenate([np.zeros(longest), _slow(pcm.astype(np.float64))])
    whole = _Heard(slow, longest)
    candidates = _search(whole, (known for known in wanted if not known.is_digit), _LEAST_SCORE)
    chosen = _best(candidates)
    heard = [_recording_heard(pcm, whole, each, candidates, longest) for each in chosen]
    digits = [known for known in wanted if known.is_digit]
    if digits:
        rest = slow.copy()
        for each in chosen:
            rest[each.start : each.start + each.length] = 0
        if np.any(np.abs(rest) > _QUIET):
            spoken = _best(_search(_Heard(rest, longest), digits, _LEAST_DIGIT_SCORE, _LEAST_DIGIT_S))
            heard += [_number_heard(pcm, group, longest) for group in _groups(spoken)]
    return sorted(heard, key=lambda each: each.onset_s)


def _recording_heard(pcm: Pcm, whole: _Heard, found: _Found, candidates: Sequence[_Found], lead: int) -> Heard:
    match = whole.match(found)
    rivals = {
        other.known.name
        for other in candidates
        if other.known.name != found.known.name
        and abs(other.start - found.start) < _RATE_HZ // 50
        and whole.match(other).overall > match.overall - 0.05
    }
    start, end = _place(found, lead), min(pcm.size, _place(found, lead, at_end=True))
    return Heard(
        kind=Kind.RECORDING,
        name=found.known.name,
        onset_s=start / SAMPLE_RATE_HZ,
        duration_s=(end - start) / SAMPLE_RATE_HZ,
        level_dbm0=round(level_dbm0(pcm[start:end]), 2),
        confidence=round(min(1.0, max(0.0, match.correlation)) / (1 + len(rivals)) * min(1.0, 0.5 + match.share), 3),
        alternatives=tuple(sorted(rivals)),
        language=found.known.language,
        text=found.known.text,
        whole_s=found.known.whole_s,
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


def _number_heard(pcm: Pcm, group: Sequence[_Found], lead: int) -> Heard:
    start = _place(group[0], lead)
    end = min(pcm.size, _place(group[-1], lead, at_end=True))
    languages = [digit.known.language for digit in group]
    return Heard(
        kind=Kind.NUMBER,
        name="".join(_DIGITS[digit.known.name] for digit in group),
        onset_s=start / SAMPLE_RATE_HZ,
        duration_s=(end - start) / SAMPLE_RATE_HZ,
        level_dbm0=round(level_dbm0(pcm[start:end]), 2),
        confidence=round(min(1.0, min(digit.score for digit in group)), 3),
        language=max(languages, key=languages.count),
    )
