"""What is heard in a call: `listen` names every stretch of its audio, in order.

bursts spectrum     where sound begins, changes and ends; which sines it is made of
call_progress       tones of plans, by frequency and cadence; other steady frequencies
dtmf                push-button digits, in recordings and in streams
recordings          known announcements and spoken numbers
voice faults        speech, noise; clicks and dropouts
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from tones.announcement import LANGUAGE, available_languages
from tones.detect import dtmf
from tones.detect.bursts import Burst, find_bursts
from tones.detect.call_progress import identify, is_dtmf, name_bursts
from tones.detect.dtmf import DtmfReceiver
from tones.detect.faults import Fault, FaultKind, faults
from tones.detect.heard import Heard, Kind, Match
from tones.detect.recordings import find_recordings
from tones.detect.voice import voice_of
from tones.plan import TonePlan
from tones.units import SAMPLE_RATE_HZ, level_dbm0, samples
from tones.user_announcement import UserAnnouncement

__all__ = [
    "DtmfReceiver",
    "Fault",
    "FaultKind",
    "Heard",
    "Kind",
    "Match",
    "faults",
    "find_recordings",
    "identify",
    "listen",
]

Pcm = NDArray[np.int16]

_LEAST_SILENCE_S: Final = 0.2
_DIGITS_APART_S: Final = 2.0
_SPOKEN_MARGIN_S: Final = 0.25
_LEAST_SOUND_S: Final = 0.02


def listen(
    pcm: Pcm,
    candidates: Sequence[TonePlan] | None = None,
    *,
    language: str = "",
    own: Sequence[UserAnnouncement] = (),
) -> list[Heard]:
    """Name what is heard in a call, in order: tones, digits, recordings, speech, silence.

    Args:
        pcm: `int16` at 8000 Hz.
        candidates: the plans whose tones to look for; None is every plan there is.
        language: of the recordings to look for first, "" for that of the first candidate; where something is said that
            none of them is, those of all languages are looked for.
        own: announcements of the user's own to look for as well.

    Returns:
        Stretches that do not overlap. Pauses within a tone or a recording belong to it; silences of less than 0.2 s
        are left out.
    """
    bursts = find_bursts(pcm)
    digits = _digits(pcm, bursts)
    inside = [(digit.onset_s, digit.end_s) for digit in digits]
    others = [burst for burst in bursts if not _within(burst, inside)]
    tones = name_bursts(others, pcm.size, candidates)
    voices = [burst for burst in others if burst.lines is None]
    spoken: list[Heard] = []
    unknown = voices
    for languages in _languages(language, candidates):
        if unknown:
            spoken = find_recordings(_only(pcm, voices), language=languages, own=own)
            known = [(each.onset_s, each.end_s + _SPOKEN_MARGIN_S) for each in spoken]
            unknown = [burst for burst in voices if not _within(burst, known)]
    heard = [*digits, *tones, *spoken, *(each for each in voice_of(pcm, unknown) if each.duration_s > _LEAST_SOUND_S)]
    return _with_silence(sorted(heard, key=lambda each: each.onset_s), pcm)


def _languages(language: str, candidates: Sequence[TonePlan] | None) -> tuple[tuple[str, ...], ...]:
    """The one that is expected, and all of them: which fits best is seen only beside the others."""
    expected = language or (candidates[0].language if candidates else LANGUAGE)
    every = available_languages()
    return (expected if expected in every else LANGUAGE,), every


def _digits(pcm: Pcm, bursts: Sequence[Burst]) -> list[Heard]:
    """Digits, those less than two seconds apart as one. Nothing is looked at where nothing is like a digit."""
    if not any(burst.lines is None or is_dtmf(burst.lines) for burst in bursts):
        return []
    groups: list[list[dtmf.Digit]] = []
    for digit in dtmf.detect(pcm):
        if groups and digit.onset_s - (groups[-1][-1].onset_s + groups[-1][-1].duration_s) < _DIGITS_APART_S:
            groups[-1].append(digit)
        else:
            groups.append([digit])
    return [
        Heard(
            kind=Kind.DTMF,
            name="".join(digit.digit for digit in group),
            onset_s=group[0].onset_s,
            duration_s=group[-1].onset_s + group[-1].duration_s - group[0].onset_s,
            level_dbm0=round(max(digit.level_dbm0 for digit in group), 2),
            confidence=0.95,
        )
        for group in groups
    ]


def _within(burst: Burst, spans: Sequence[tuple[float, float]]) -> bool:
    """Whether the middle of a burst lies in one of these spans (seconds)."""
    centre = (burst.start + burst.end) / 2 / SAMPLE_RATE_HZ
    return any(start - 0.03 <= centre <= end + 0.03 for start, end in spans)


def _only(pcm: Pcm, bursts: Sequence[Burst]) -> Pcm:
    """The recording with nothing but these bursts and a little around them."""
    kept = np.zeros_like(pcm)
    margin = samples(20)
    for burst in bursts:
        start, end = max(0, burst.start - margin), burst.end + margin
        kept[start:end] = pcm[start:end]
    return kept


def _with_silence(heard: Sequence[Heard], pcm: Pcm) -> list[Heard]:
    """Cut what overlaps, and put silence where there is nothing."""
    whole: list[Heard] = []
    now_s = 0.0
    end_s = pcm.size / SAMPLE_RATE_HZ
    for number, each in enumerate(heard):
        limit_s = heard[number + 1].onset_s if number + 1 < len(heard) else end_s
        each = evolve(each, duration_s=max(0.0, min(each.end_s, limit_s) - each.onset_s))
        if each.onset_s - now_s >= _LEAST_SILENCE_S:
            whole.append(_silence(pcm, now_s, each.onset_s))
        whole.append(each)
        now_s = max(now_s, each.end_s)
    if end_s - now_s >= _LEAST_SILENCE_S:
        whole.append(_silence(pcm, now_s, end_s))
    return whole


def _silence(pcm: Pcm, start_s: float, end_s: float) -> Heard:
    stretch = pcm[int(start_s * SAMPLE_RATE_HZ) : int(end_s * SAMPLE_RATE_HZ)]
    return Heard(Kind.SILENCE, "silence", start_s, end_s - start_s, round(level_dbm0(stretch), 2), 1.0)
