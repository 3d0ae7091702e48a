"""Naming what is heard in a recording of any length, holding a minute of it at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from tones.announcement import LANGUAGE
from tones.detect import listen
from tones.detect.bursts import ACTIVE_DBM0
from tones.detect.heard import Heard, Kind
from tones.plan import TonePlan
from tones.units import SAMPLE_RATE_HZ, amplitude, samples

Pcm = NDArray[np.int16]

WINDOW_S: Final = 60.0
_OPEN_S: Final = 15.0
"""A sound that ends this near to the end of a window may go on in the next."""
_APART_S: Final = 0.1
_FRAME: Final = samples(20)


def listen_to_stream(
    blocks: Iterable[Pcm], candidates: Sequence[TonePlan] | None = None, *, language: str = LANGUAGE
) -> Iterator[Heard]:
    """Name what is heard, in order, as soon as it is over.

    Args:
        blocks: `int16` at 8000 Hz, of any sizes.
        candidates, language: as for `tones.detect.listen`.
    """
    waiting: Heard | None = None
    for each in _pieces(blocks, candidates, language):
        if waiting is not None and _goes_on(waiting, each):
            waiting = _joined(waiting, each)
            continue
        if waiting is not None:
            yield waiting
        waiting = each
    if waiting is not None:
        yield waiting


def _pieces(blocks: Iterable[Pcm], candidates: Sequence[TonePlan] | None, language: str) -> Iterator[Heard]:
    window: Pcm = np.zeros(0, np.int16)
    start = 0
    for block in blocks:
        window = np.concatenate([window, block])
        while window.size > WINDOW_S * SAMPLE_RATE_HZ:
            part = window[: int(WINDOW_S * SAMPLE_RATE_HZ)]
            sure = part.size - int(_OPEN_S * SAMPLE_RATE_HZ)
            heard = listen(part, candidates, language=language)
            over = [each for each in heard if each.end_s * SAMPLE_RATE_HZ <= sure]
            rest = heard[len(over) :]
            taken = min(int(rest[0].onset_s * SAMPLE_RATE_HZ), sure) if rest else sure
            if taken <= 0:
                # One sound fills the window: say what there is of it up to where it may change.
                taken = _before_a_burst(part, sure)
                over = [evolve(rest[0], duration_s=taken / SAMPLE_RATE_HZ)]
            yield from (_later(each, start) for each in over)
            window, start = window[taken:], start + taken
    yield from (_later(each, start) for each in listen(window, candidates, language=language))


def _before_a_burst(pcm: Pcm, limit: int) -> int:
    """The last place before `limit` where sound begins, so that a cadence goes on in the next window as it should."""
    frames = pcm[: limit // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    sounding = np.sqrt(2 * np.square(frames).mean(axis=1)) > amplitude(ACTIVE_DBM0)
    onsets = np.flatnonzero(~sounding[:-1] & sounding[1:])
    place = int(onsets[-1]) * _FRAME if onsets.size else 0
    return place if place >= limit // 2 else limit


def _later(heard: Heard, start: int) -> Heard:
    return evolve(heard, onset_s=heard.onset_s + start / SAMPLE_RATE_HZ)


def _goes_on(one: Heard, other: Heard) -> bool:
    if one.kind is not other.kind or other.onset_s - one.end_s > _APART_S:
        return False
    if one.kind is Kind.TONE:
        return not set(one.matches).isdisjoint(other.matches)
    return one.kind in (Kind.SILENCE, Kind.NOISE, Kind.SPEECH) or (
        one.kind is Kind.FREQUENCY and one.name == other.name
    )


def _joined(one: Heard, other: Heard) -> Heard:
    """What went on over the edge of a window; the one that was surer says what it is."""
    surer = max(one, other, key=lambda each: each.confidence)
    return evolve(surer, onset_s=one.onset_s, duration_s=other.end_s - one.onset_s)
