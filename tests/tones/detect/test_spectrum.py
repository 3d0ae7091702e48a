"""Sines are found to a tenth of a hertz and of a decibel."""

from __future__ import annotations

import numpy as np
import pytest

from tones.detect.spectrum import lines, strongest_line, total_level
from tones.g711 import Law, decode, encode
from tones.notation import Signal
from tones.oscillator import oscillate
from tones.units import to_pcm


def heard(signal: Signal, level_dbm0: float, law: Law, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return decode(encode(to_pcm(oscillate(signal, level_dbm0, count, start=17)), law), law).astype(np.float64)


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("frequencies", [(1004.0,), (440.0, 480.0), (400.0, 425.0), (350.0, 440.0), (1400.0, 2060.3)])
def test_frequencies_and_levels(law: Law, frequencies: tuple[float, ...]) -> None:
    found = lines(heard(Signal(frequencies), -13, law, 2400))
    assert found.frequencies_hz == pytest.approx(frequencies, abs=0.1)
    assert total_level(found.components) == pytest.approx(-13, abs=0.1)
    assert found.unexplained < 0.003


@pytest.mark.parametrize("hz", np.arange(300.0, 3400.0, 97.3))
def test_a_milliwatt_is_measured_at_any_frequency(hz: float) -> None:
    found = lines(heard(Signal((float(hz),)), 0, Law.MULAW, 800))
    assert found.frequencies_hz == pytest.approx((hz,), abs=0.1)
    assert found.components[0].level_dbm0 == pytest.approx(0, abs=0.1)


def test_modulation_is_three_sines() -> None:
    found = lines(heard(Signal((400.0,), 16.0), -10, Law.ALAW, 8000))
    assert found.frequencies_hz == pytest.approx((384, 400, 416), abs=0.1)


def test_noise_is_not_explained_by_sines() -> None:
    noise = np.random.default_rng(1).normal(0, 1000, 4000)
    assert lines(noise).unexplained > 0.8


def test_silence_has_no_sines() -> None:
    assert lines(np.zeros(800)).components == ()


def test_the_strongest_line_can_be_looked_for_in_a_band() -> None:
    both = heard(Signal((500.0, 1500.0)), -10, Law.ALAW, 1600)
    assert strongest_line(both, 1000, 2000) == pytest.approx(1500, abs=1)
