"""Which steady sines a stretch of audio is made of, to a tenth of a hertz.

Peaks of a windowed spectrum give a first guess; then frequencies, amplitudes and phases of all of them are fitted
together by least squares (Gauss-Newton). What the fit leaves over tells tones from speech and noise.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from tones.units import SAMPLE_RATE_HZ, SILENCE_DBM0, level_of_amplitude

Samples = NDArray[np.float64]

LONGEST: Final = 4000
"""Samples looked at; more would not make the answer better."""

_MOST_COMPONENTS: Final = 4
_CLEAN: Final = 10 ** (-27 / 10)
_WEAKEST: Final = 10 ** (-22 / 10)


@frozen
class Component:
    """One sine."""

    frequency_hz: float
    level_dbm0: float


@frozen
class Lines:
    """The sines found, lowest first, and the part of the power (0 to 1) that they do not explain."""

    components: tuple[Component, ...]
    unexplained: float

    @property
    def frequencies_hz(self) -> tuple[float, ...]:
        return tuple(component.frequency_hz for component in self.components)


def middle(stretch: Samples, longest: int = LONGEST) -> Samples:
    """The middle of a stretch, at most `longest` samples."""
    spare = max(0, stretch.size - longest) // 2
    return stretch[spare : spare + longest]


def strongest_line(stretch: Samples, low_hz: float = 20.0, high_hz: float = 3900.0) -> float:
    """The frequency in Hz of the highest peak of the windowed spectrum between two frequencies."""
    size = 1 << max(10, (4 * stretch.size - 1).bit_length())
    power = np.square(np.abs(np.fft.rfft(stretch * np.hanning(stretch.size), size)))
    first, last = int(low_hz * size / SAMPLE_RATE_HZ) + 1, int(high_hz * size / SAMPLE_RATE_HZ)
    peak = first + int(np.argmax(power[first:last]))
    left, here, right = np.log(power[peak - 1 : peak + 2] + 1e-9)
    bend = left - 2 * here + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float((peak + np.clip(shift, -0.5, 0.5)) * SAMPLE_RATE_HZ / size)


def fit(stretch: Samples, guesses_hz: list[float], rounds: int = 3) -> tuple[list[float], Samples, Samples]:
    """Fit sines near the guesses to a stretch.

    Returns:
        Frequencies in Hz, amplitudes, and what is left of the stretch.
    """
    seconds = (np.arange(stretch.size) - (stretch.size - 1) / 2) / SAMPLE_RATE_HZ
    count = len(guesses_hz)
    omega = 2 * np.pi * np.array(guesses_hz)
    limit = 2 * np.pi * SAMPLE_RATE_HZ / max(stretch.size, 1)
    cosines, sines, weights = _amplitudes(stretch, seconds, omega)
    for _ in range(rounds):
        a, b = weights[:count], weights[count:]
        slopes = (b * cosines.T - a * sines.T) * seconds[:, None]
        basis = np.concatenate([cosines.T, sines.T, slopes], axis=1)
        solution = _solve(basis, stretch)
        omega = omega + np.clip(solution[2 * count :], -limit, limit)
        cosines, sines, weights = _amplitudes(stretch, seconds, omega)
    left_over = stretch - weights[:count] @ cosines - weights[count:] @ sines
    return list(omega / (2 * np.pi)), np.hypot(weights[:count], weights[count:]), left_over


def _amplitudes(stretch: Samples, seconds: Samples, omega: Samples) -> tuple[Samples, Samples, Samples]:
    phases = omega[:, None] * seconds[None, :]
    cosines, sines = np.cos(phases), np.sin(phases)
    return cosines, sines, _solve(np.concatenate([cosines, sines]).T, stretch)


def _solve(basis: Samples, wanted: Samples) -> Samples:
    """Least squares by the normal equations, a little damped so that equal columns do no harm."""
    scale = np.sqrt(np.square(basis).sum(axis=0)) + 1e-12
    unit = basis / scale
    gram = unit.T @ unit + 1e-9 * np.eye(basis.shape[1])
    solution: Samples = np.linalg.solve(gram, unit.T @ wanted) / scale
    return solution


def lines(stretch: Samples, most: int = _MOST_COMPONENTS) -> Lines:
    """Find the sines in a stretch, at most `most`, none weaker than 22 dB below the whole."""
    stretch = middle(stretch)
    total = float(np.square(stretch).sum())
    if total <= 0 or stretch.size < 64:
        return Lines((), 1.0)
    frequencies: list[float] = []
    amplitudes: Samples = np.zeros(0)
    left_over = stretch
    while len(frequencies) < most:
        trial, sizes, rest = fit(stretch, [*frequencies, strongest_line(left_over)])
        gain = (float(np.square(left_over).sum()) - float(np.square(rest).sum())) / total
        if gain < _WEAKEST or not all(10 < hz < 3990 for hz in trial) or _too_close(trial, stretch.size):
            break
        frequencies, amplitudes, left_over = trial, sizes, rest
        if float(np.square(left_over).sum()) < _CLEAN * total:
            break
    found = sorted(zip(frequencies, amplitudes, strict=True))
    unexplained = float(np.square(left_over).sum()) / total
    return Lines(tuple(Component(float(hz), level_of_amplitude(float(peak))) for hz, peak in found), unexplained)


def _too_close(frequencies_hz: list[float], count: int) -> bool:
    """Whether two frequencies lie closer than a stretch of `count` samples can tell apart."""
    ordered = np.sort(frequencies_hz)
    return bool(np.any(np.diff(ordered) < 0.7 * SAMPLE_RATE_HZ / count))


def total_level(components: tuple[Component, ...]) -> float:
    """The level of several sines together, in dBm0."""
    if not components:
        return SILENCE_DBM0
    return float(10 * np.log10(sum(10 ** (component.level_dbm0 / 10) for component in components)))
