"""Naming what is heard in a recording of any length, or as it comes, holding a minute of it at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from tones.detect import listen
from tones.detect.bursts import ACTIVE_DBM0
from tones.detect.faults import Fault, faults
from tones.detect.heard import Heard, Kind
from tones.plan import TonePlan
from tones.units import SAMPLE_RATE_HZ, amplitude, samples

Pcm = NDArray[np.int16]

WINDOW_S: Final = 60.0
_OPEN_S: Final = 15.0
"""A sound that ends this near to the end of a window may go on in the next."""
_APART_S: Final = 0.1
_FRAME: Final = samples(20)
_FAULT_MARGIN: Final = samples(250)
"""As much as a dropout and what is after it."""


class StreamListener:
    """Takes sound as it comes, and says what it was as soon as that is over.

    Args:
        candidates, language: as for `tones.detect.listen`.
        with_faults: look for clicks and dropouts, too.

    Attributes:
        faults: those that have been found so far, in order.
    """

    def __init__(
        self,
        candidates: Sequence[TonePlan] | None = None,
        *,
        language: str = "",
        with_faults: bool = False,
    ) -> None:
        self._candidates, self._language, self._with_faults = candidates, language, with_faults
        self._blocks: list[Pcm] = []
        self._size = 0
        self._start = 0
        self._waiting: Heard | None = None
        self.faults: list[Fault] = []

    @property
    def held_samples(self) -> int:
        """How much is kept because it may go on."""
        return self._size

    def feed(self, block: Pcm) -> list[Heard]:
        """Take the next block, `int16` at 8000 Hz, of any size: what is over by it."""
        self._blocks.append(block)
        self._size += block.size
        over: list[Heard] = []
        while self._size > WINDOW_S * SAMPLE_RATE_HZ:
            over += self._told(self._window())
        return over

    def finish(self) -> list[Heard]:
        """There is no more: the rest."""
        window = self._joined_blocks()
        over = self._told(self._later(each) for each in self._listen(window))
        self._find_faults(window, window.size)
        self._blocks, self._size = [], 0
        waiting, self._waiting = self._waiting, None
        return over if waiting is None else [*over, waiting]

    def _listen(self, pcm: Pcm) -> list[Heard]:
        return listen(pcm, self._candidates, language=self._language)

    def _joined_blocks(self) -> Pcm:
        return np.concatenate([np.zeros(0, np.int16), *self._blocks])

    def _window(self) -> list[Heard]:
        """Listen to a minute, and keep of it what may go on."""
        window = self._joined_blocks()
        part = window[: int(WINDOW_S * SAMPLE_RATE_HZ)]
        sure = part.size - int(_OPEN_S * SAMPLE_RATE_HZ)
        heard = self._listen(part)
        over = [each for each in heard if each.end_s * SAMPLE_RATE_HZ <= sure]
        rest = heard[len(over) :]
        taken = min(int(rest[0].onset_s * SAMPLE_RATE_HZ), sure) if rest else sure
        if taken <= 0:
            # One sound fills the window: say what there is of it up to where it may change.
            taken = _before_a_burst(part, sure)
            over = [evolve(rest[0], duration_s=taken / SAMPLE_RATE_HZ)]
        self._find_faults(part, taken)
        over = [self._later(each) for each in over]
        self._blocks, self._size = [window[taken:].copy()], window.size - taken
        self._start += taken
        return over

    def _later(self, heard: Heard) -> Heard:
        return evolve(heard, onset_s=heard.onset_s + self._start / SAMPLE_RATE_HZ)

    def _find_faults(self, pcm: Pcm, taken: int) -> None:
        """Those before sample `taken`; what comes after it is looked at again with the next window."""
        if not self._with_faults:
            return
        start_s, end_s = self._start / SAMPLE_RATE_HZ, taken / SAMPLE_RATE_HZ
        found = faults(pcm[: taken + _FAULT_MARGIN])
        self.faults += [evolve(each, onset_s=each.onset_s + start_s) for each in found if each.onset_s < end_s]

    def _told(self, pieces: Iterable[Heard]) -> list[Heard]:
        """Join what goes on over the edge of a window."""
        over: list[Heard] = []
        for each in pieces:
            if self._waiting is not None and _goes_on(self._waiting, each):
                self._waiting = _joined(self._waiting, each)
                continue
            if self._waiting is not None:
                over.append(self._waiting)
            self._waiting = each
        return over


def listen_to_stream(
    blocks: Iterable[Pcm], candidates: Sequence[TonePlan] | None = None, *, language: str = ""
) -> Iterator[Heard]:
    """Name what is heard, in order, as soon as it is over.

    Args:
        blocks: `int16` at 8000 Hz, of any sizes.
        candidates, language: as for `tones.detect.listen`.
    """
    listener = StreamListener(candidates, language=language)
    for block in blocks:
        yield from listener.feed(block)
    yield from listener.finish()


def _before_a_burst(pcm: Pcm, limit: int) -> int:
    """The last place before `limit` where sound begins, so that a cadence goes on in the next window as it should."""
    frames = pcm[: limit // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    sounding = np.sqrt(2 * np.square(frames).mean(axis=1)) > amplitude(ACTIVE_DBM0)
    onsets = np.flatnonzero(~sounding[:-1] & sounding[1:])
    place = int(onsets[-1]) * _FRAME if onsets.size else 0
    return place if place >= limit // 2 else limit


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
