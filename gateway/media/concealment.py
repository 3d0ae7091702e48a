"""Packet loss concealment for G.711, in the spirit of ITU-T G.711 Appendix I.

What is missing is filled with the last pitch period, over and over, and fades: full for 10 ms, silent from 60 ms on.
What comes after the gap is faded in over what would have been repeated. Unlike the Appendix, nothing is delayed: the
seam at the beginning is closed by bending the first samples of the repetition to the last one that was played.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tones.g711 import Law, decode, encode, idle_octet

FULL_SAMPLES: Final = 80
"""For so long a gap is filled at full level."""
FADED_SAMPLES: Final = 480
"""From here on a gap is silent: 60 ms."""
HISTORY_SAMPLES: Final = 480
SHORTEST_PERIOD: Final = 32
LONGEST_PERIOD: Final = 240
_MATCHED: Final = 160
_SEAM: Final = 32
_BEND: Final = 24
_FADE_IN: Final = (40, 80)
_SILENT_POWER: Final = 1e-6

_GAIN: Final = np.clip((FADED_SAMPLES - np.arange(2 * FADED_SAMPLES)) / (FADED_SAMPLES - FULL_SAMPLES), 0.0, 1.0)
_BENDING: Final = np.arange(_BEND, 0, -1) / (_BEND + 1)

Samples = NDArray[np.float64]


def pitch_period(history: Samples) -> int:
    """The lag, 32 to 240 samples, at which the end of a history is most like what was before.

    Args:
        history: at least `LONGEST_PERIOD` + 160 samples; the last 160 are matched.
    """
    target = history[-_MATCHED:]
    earlier = history[-_MATCHED - LONGEST_PERIOD : -SHORTEST_PERIOD]
    energy = np.concatenate([[0.0], np.cumsum(np.square(earlier))])
    energy = energy[_MATCHED:] - energy[:-_MATCHED]
    likeness = np.correlate(earlier, target) / np.sqrt(np.maximum(energy, _SILENT_POWER) + _SILENT_POWER)
    return LONGEST_PERIOD - int(likeness.argmax())


class Concealment:
    """One stream: told what is played, asked for what is missing.

    Args:
        law: of the octets.

    Attributes:
        gap_samples: the length of the gap so far; 0 while nothing is missing.
    """

    __slots__ = ("_at", "_bend", "_history", "_idle", "_law", "_period", "gap_samples")

    def __init__(self, law: Law) -> None:
        self._law = law
        self._idle = bytes([idle_octet(law)])
        self._history = b""
        self._period: Samples = np.zeros(1)
        self._at = 0
        self._bend = 0.0
        self.gap_samples = 0

    def heard(self, octets: bytes) -> bytes:
        """Octets that came: what to play, which after a gap is not quite the same."""
        if self.gap_samples:
            octets = self._faded_in(octets)
            self.gap_samples = 0
        self._history = (self._history + octets)[-HISTORY_SAMPLES:]
        return octets

    def missing(self, samples: int) -> bytes:
        """Octets in place of so many that did not come."""
        gap = self.gap_samples
        if gap >= FADED_SAMPLES:
            self.gap_samples = gap + samples
            return self._idle * samples
        if gap == 0:
            self._begin()
        repeated = self._repeated(samples)
        if gap < _BEND:
            bend = _BENDING[gap : gap + samples] * self._bend
            repeated[: len(bend)] += bend
        self._at += samples
        self.gap_samples = gap + samples
        octets = self._encoded(repeated)
        self._history = (self._history + octets)[-HISTORY_SAMPLES:]
        return octets

    def quiet(self) -> None:
        """The gap is no loss: what comes next follows a pause, and owes nothing to what was before."""
        if self._history:
            self._history = b""
            self._period, self._at, self._bend = np.zeros(1), 0, 0.0
        self.gap_samples = 0

    def _begin(self) -> None:
        """Find what to repeat: the last period, its end bent towards what came before it, so that it joins itself."""
        self._at, self._bend = 0, 0.0
        if len(self._history) < SHORTEST_PERIOD:
            self._period = np.zeros(1)
            return
        history = np.zeros(HISTORY_SAMPLES)
        history[-len(self._history) :] = decode(self._history, self._law)
        length = pitch_period(history)
        period = history[-length:].copy()
        seam = min(_SEAM, length // 4)
        weight = np.arange(1, seam + 1) / (seam + 1)
        period[-seam:] = (1 - weight) * period[-seam:] + weight * history[-length - seam : -length]
        self._period = period
        self._bend = float(history[-1] - history[-length - 1])

    def _repeated(self, samples: int) -> Samples:
        """The next samples of the repetition, with their gain."""
        places = np.arange(self._at, self._at + samples) % len(self._period)
        gain = _GAIN[self.gap_samples : self.gap_samples + samples]
        repeated: Samples = self._period[places]
        repeated[: len(gain)] *= gain
        repeated[len(gain) :] = 0.0
        return repeated

    def _faded_in(self, octets: bytes) -> bytes:
        samples = min(_FADE_IN[self.gap_samples > _MATCHED], len(octets))
        weight = np.arange(1, samples + 1) / (samples + 1)
        fresh = decode(octets[:samples], self._law)
        return self._encoded((1 - weight) * self._repeated(samples) + weight * fresh) + octets[samples:]

    def _encoded(self, samples: Samples) -> bytes:
        return encode(np.clip(np.rint(samples), -32768, 32767).astype(np.int16), self._law).tobytes()
