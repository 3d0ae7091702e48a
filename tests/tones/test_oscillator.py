"""Sines, bursts and seamless periods."""

from __future__ import annotations

import numpy as np
import pytest

from tones.notation import SILENCE, Signal
from tones.oscillator import MODULATION_DEPTH, burst, fade, oscillate, seamless_period
from tones.units import level_dbm0


def test_a_signal_can_be_begun_anywhere() -> None:
    signal = Signal((350.0, 440.0))
    assert oscillate(signal, -10, 100, start=300) == pytest.approx(oscillate(signal, -10, 400)[300:])


def test_silence_is_zeros() -> None:
    assert not oscillate(SILENCE, 0, 10).any()


@pytest.mark.parametrize(
    "frequencies", [(425.0,), (350.0, 440.0), (400.0, 425.0, 450.0), (1400.0, 2060.0, 2450.0, 2600.0)]
)
def test_the_level_is_the_total_of_all_frequencies(frequencies: tuple[float, ...]) -> None:
    assert level_dbm0(oscillate(Signal(frequencies), -13, 8000)) == pytest.approx(-13, abs=0.01)


def test_modulation_keeps_the_carrier_and_the_power() -> None:
    tone = oscillate(Signal((400.0,), 16.0), -10, 8000)
    spectrum = np.abs(np.fft.rfft(tone))
    assert np.flatnonzero(spectrum > 1000).tolist() == [384, 400, 416]
    assert spectrum[384] / spectrum[400] == pytest.approx(MODULATION_DEPTH / 2)
    assert level_dbm0(tone) == pytest.approx(-10, abs=0.01)


class TestBurst:
    def test_begins_and_ends_at_rest(self) -> None:
        samples = burst(Signal((425.0,)), 0, 803)
        assert samples[0] == 0
        assert abs(samples[-1]) < 1

    def test_may_be_shorter_than_its_ramps(self) -> None:
        assert burst(Signal((425.0,)), 0, 10).size == 10
        assert burst(Signal((425.0,)), 0, 1).size == 1


class TestSeamlessPeriod:
    @pytest.mark.parametrize("frequencies", [(440.0,), (350.0, 440.0), (913.8,), (333.25, 400.0)])
    def test_holds_whole_cycles(self, frequencies: tuple[float, ...]) -> None:
        signal, count = seamless_period(Signal(frequencies))
        for hz in signal.frequencies_hz:
            assert hz * count / 8000 == pytest.approx(round(hz * count / 8000), abs=1e-6)

    def test_moves_awkward_frequencies_by_almost_nothing(self) -> None:
        signal, count = seamless_period(Signal((383.33, 416.67)))
        assert count == 80_000
        assert signal.frequencies_hz == (383.3, 416.7)


def test_a_fade_leaves_the_middle_alone() -> None:
    samples = np.ones(20)
    fade(samples, 5)
    assert samples[0] == 0
    assert (samples[5:15] == 1).all()
    assert samples[:5] == pytest.approx(samples[-1:-6:-1])
