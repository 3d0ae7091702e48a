"""Multifrequency push-button reception (ITU-T Q.24): in whole recordings, and block by block as they arrive.

Windows of 20 ms are looked at every 10 ms. A window hits when two peaks, one in each group, hold nearly all of its
power and a least-squares fit puts both within tolerance of a digit's frequencies. A digit begins with two hits in a
row, and ends after five misses in a row, or when another digit begins: tones of 40 ms are taken, of less than 23 ms
refused; pauses of 40 ms divide, a lost packet of 20 ms does not.

Music has chords that are digits for a while. What is before a digit is a pause, or another sound that stops when the
key is pressed; a digit that does not rise out of a pause must be as pure as only a keypad makes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from tones.detect.spectrum import fit
from tones.dtmf import DIGITS, HIGH_GROUP_HZ, LOW_GROUP_HZ
from tones.g711 import Law, decode
from tones.units import REFERENCE_AMPLITUDE, SAMPLE_RATE_HZ, amplitude, level_of_amplitude, samples

Pcm = NDArray[np.int16]
Samples = NDArray[np.float64]

FREQUENCY_TOLERANCE: Final = 0.024
"""Q.24 takes +-1.5 % at least, and administrations refuse +-3.5 %; this is between."""
LEAST_DBM0: Final = -36.0
"""The weakest frequency that counts."""
TWIST_DB: Final = (-10.0, 6.0)
"""How far the high frequency may be below and above the low one."""

_WINDOW: Final = samples(20)
_HOP: Final = samples(10)
_HITS_TO_BEGIN: Final = 2
_MISSES_TO_END: Final = 5
_TRANSFORM: Final = 1024
_PURITY: Final = 0.65
_UNEXPLAINED: Final = 0.09
_FAIR_UNEXPLAINED: Final = 0.05
"""What one of the windows must do with; the others may be filled in part only."""
_PURE_UNEXPLAINED: Final = 0.012
_PURE_TOLERANCE: Final = 0.017
_OFF_UNEXPLAINED: Final = 0.03
"""A pair that is further off than a keypad may be must have little besides: music is off and has more."""
_OCTAVE: Final = 0.012
"""A note and its octave: no pair of a keypad's within 1.5 % comes nearer than 0.023 to twice the frequency."""
_PAUSE: Final = 0.3
"""A window before a digit with less than this part of its power is a pause."""
_BEFORE: Final = (3, 4, 5)
"""The windows before the second hit that hold nothing of the digit, or little."""
_QUIET: Final = amplitude(LEAST_DBM0) / 2
_HANN: Final = np.hanning(_WINDOW)
_BAND: Final = tuple(
    slice(int(low * _TRANSFORM / SAMPLE_RATE_HZ), int(high * _TRANSFORM / SAMPLE_RATE_HZ) + 1)
    for low, high in ((650.0, 1000.0), (1150.0, 1720.0))
)
_BY_FREQUENCIES: Final = {pair: digit for digit, pair in DIGITS.items()}


@frozen
class Digit:
    """A digit that was received; times in seconds from the start, the level of both frequencies together."""

    digit: str
    onset_s: float
    duration_s: float
    level_dbm0: float


@frozen
class _Hit:
    digit: str
    level_dbm0: float
    pure: bool
    fair: bool


@frozen
class _Window:
    """A window's energy, and what it hits."""

    energy: float
    hit: _Hit | None


def _nearest(hz: float, group: tuple[float, ...]) -> float | None:
    """The group's frequency that this is, within tolerance."""
    nominal = min(group, key=lambda candidate: abs(candidate - hz))
    return nominal if abs(hz - nominal) <= FREQUENCY_TOLERANCE * nominal else None


def _look_at(windows: Samples) -> Iterator[_Window]:
    """Look at windows, one a row."""
    energy = np.square(windows).sum(axis=1)
    loud = energy > _WINDOW * _QUIET**2
    if not loud.any():
        yield from (_Window(float(its_energy), None) for its_energy in energy)
        return
    power = np.square(np.abs(np.fft.rfft(windows[loud] * _HANN, _TRANSFORM, axis=1)))
    peaks = [power[:, band].argmax(axis=1) + band.start for band in _BAND]
    rows = np.arange(len(power))
    # A sine of peak A has the energy A^2 N / 2 in the window and the windowed peak (A N / 4)^2.
    explained = sum(power[rows, peak] for peak in peaks) * 8 / _WINDOW
    places = iter(zip(explained, *peaks, strict=True))
    for window, its_energy, is_loud in zip(windows, energy, loud, strict=True):
        hit = None
        if is_loud:
            its_explained, low, high = next(places)
            if its_explained > _PURITY * its_energy:
                hit = _fitted(window, float(its_energy), int(low), int(high))
        yield _Window(float(its_energy), hit)


def _fitted(window: Samples, energy: float, low_peak: int, high_peak: int) -> _Hit | None:
    """Fit two sines to a window that looks like a digit."""
    guesses = [peak * SAMPLE_RATE_HZ / _TRANSFORM for peak in (low_peak, high_peak)]
    (low_hz, high_hz), (low_peak_amplitude, high_peak_amplitude), left_over = fit(window, guesses, rounds=2)
    unexplained = float(np.square(left_over).sum()) / energy
    if unexplained > _UNEXPLAINED:
        return None
    low, high = _nearest(low_hz, LOW_GROUP_HZ), _nearest(high_hz, HIGH_GROUP_HZ)
    if low is None or high is None or abs(high_hz / low_hz - 2) < _OCTAVE:
        return None
    low_dbm0, high_dbm0 = level_of_amplitude(float(low_peak_amplitude)), level_of_amplitude(float(high_peak_amplitude))
    if not TWIST_DB[0] <= high_dbm0 - low_dbm0 <= TWIST_DB[1] or min(low_dbm0, high_dbm0) < LEAST_DBM0:
        return None
    both = float(np.hypot(low_peak_amplitude, high_peak_amplitude))
    off = max(abs(low_hz / low - 1), abs(high_hz / high - 1))
    if off > _PURE_TOLERANCE and unexplained > _OFF_UNEXPLAINED:
        return None
    pure = unexplained < _PURE_UNEXPLAINED and off < _PURE_TOLERANCE
    return _Hit(
        _BY_FREQUENCIES[low, high],
        float(20 * np.log10(both / REFERENCE_AMPLITUDE)),
        pure,
        unexplained < _FAIR_UNEXPLAINED,
    )


class _Reception:
    """Turns hits and misses, one every 10 ms, into digits with a beginning and an end."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[Digit] = []
        self._current = ""
        self._candidate = ""
        self._streak = 0
        self._misses = 0
        self._first = 0
        self._last = 0
        self._level_dbm0 = 0.0
        self._pure_hits = 0
        self._fair = False
        self._rises = False
        self._energies: dict[int, float] = {}

    @property
    def at_rest(self) -> bool:
        """Whether silence would change nothing."""
        return not self._current and not self._streak

    def take(self, number: int, window: _Window) -> None:
        """The window that starts at `number` hops."""
        hit = window.hit
        self._energies[number] = window.energy
        self._energies.pop(number - max(_BEFORE) - 1, None)
        if hit is None:
            self._streak = 0
            if self._current:
                self._misses += 1
                if self._misses >= _MISSES_TO_END:
                    self.end()
            return
        if hit.digit == self._current:
            self._misses, self._last, self._streak = 0, number, 0
            self._level_dbm0 = max(self._level_dbm0, hit.level_dbm0)
            return
        again = hit.digit == self._candidate and self._streak > 0
        self._streak = self._streak + 1 if again else 1
        if not again:
            self._pure_hits = 0
        # The first window may hold the end of what was before.
        self._pure_hits = self._pure_hits + 1 if hit.pure and (self._pure_hits or self._streak <= 2) else 0
        self._rises = self._rises and again
        self._fair = hit.fair or (self._fair and again)
        self._candidate = hit.digit
        if self._streak == _HITS_TO_BEGIN:
            self._rises = self._rose(number)
        pure = self._pure_hits >= _HITS_TO_BEGIN
        if self._streak >= _HITS_TO_BEGIN and self._fair and (self._rises or pure or self._current):
            if self._current:
                self.end()
            self._current, self._first, self._last = hit.digit, number - self._streak + 1, number
            self._misses, self._streak, self._level_dbm0 = 0, 0, hit.level_dbm0
            self.begun.append(hit.digit)

    def _rose(self, number: int) -> bool:
        """Whether there was a pause before the digit that the window `number` is the second of."""
        before = [self._energies.get(number - back, 0.0) for back in _BEFORE]
        return min(before) < _PAUSE * self._energies[number]

    def forget(self) -> None:
        """There has been silence."""
        self._energies.clear()

    def end(self) -> None:
        """The digit that was being received, if any, is over."""
        if self._current:
            onset_s = self._first * _HOP / SAMPLE_RATE_HZ
            end_s = (self._last * _HOP + _WINDOW) / SAMPLE_RATE_HZ
            self.ended.append(Digit(self._current, onset_s, end_s - onset_s, self._level_dbm0))
        self._current = ""


def detect(pcm: Pcm) -> list[Digit]:
    """The digits in a recording, in order; times to about 10 ms."""
    if pcm.size < _WINDOW:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(pcm.astype(np.float64), _WINDOW)[::_HOP]
    reception = _Reception()
    for number, window in enumerate(_look_at(windows)):
        reception.take(number, window)
    reception.end()
    return reception.ended


class DtmfReceiver:
    """Receives digits from a stream; costs a few microseconds a block while there is no sound.

    Args:
        law: how `feed` reads octets; PCM needs none.
    """

    def __init__(self, law: Law | None = None) -> None:
        self._law = law
        self._rest: Pcm = np.zeros(0, np.int16)
        self._number = 0
        self._reception = _Reception()

    def feed(self, block: bytes | bytearray | memoryview | NDArray[np.uint8] | Pcm) -> str:
        """Take the next block of any length.

        Args:
            block: `int16` PCM, or octets of the receiver's law.

        Returns:
            The digits that began in it, most often none; each is told once, some 40 ms after it begins.

        Raises:
            ValueError: octets, and no law to read them by.
        """
        fresh = self._pcm(block)
        if self._reception.at_rest and not self._loud(self._rest) and not self._loud(fresh):
            size = self._rest.size + fresh.size
            hops = max(0, (size - _WINDOW) // _HOP + 1)
            self._number += hops
            self._reception.forget()
            kept = size - hops * _HOP
            self._rest = fresh[fresh.size - kept :] if kept <= fresh.size else np.concatenate([self._rest, fresh])
            return ""
        joined = np.concatenate([self._rest, fresh])
        if joined.size < _WINDOW:
            self._rest = joined
            return ""
        windows = np.lib.stride_tricks.sliding_window_view(joined, _WINDOW)[::_HOP].astype(np.float64)
        for window in _look_at(windows):
            self._reception.take(self._number, window)
            self._number += 1
        self._rest = joined[len(windows) * _HOP :]
        begun, self._reception.begun = "".join(self._reception.begun), []
        self._reception.ended.clear()
        return begun

    @staticmethod
    def _loud(pcm: Pcm) -> bool:
        return pcm.size > 0 and bool(max(int(pcm.max()), -int(pcm.min())) > _QUIET)

    def _pcm(self, block: bytes | bytearray | memoryview | NDArray[np.uint8] | Pcm) -> Pcm:
        if isinstance(block, np.ndarray) and block.dtype == np.int16:
            return block.astype(np.int16, copy=False)
        if self._law is None:
            raise ValueError("octets need a law to be read by: DtmfReceiver(law)")
        return decode(block.astype(np.uint8, copy=False) if isinstance(block, np.ndarray) else block, self._law)
