"""The level law."""

from __future__ import annotations

import numpy as np
import pytest

from tones import units


def test_a_sine_of_full_scale_is_the_load_capacity() -> None:
    assert units.level_of_amplitude(32768) == pytest.approx(3.14)


@pytest.mark.parametrize("level", [3.0, 0.0, -13.0, -40.0])
def test_amplitude_and_level_are_inverse(level: float) -> None:
    assert units.level_of_amplitude(units.amplitude(level)) == pytest.approx(level)


def test_the_level_of_a_sine_is_that_of_its_peak() -> None:
    sine = units.amplitude(-13) * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    assert units.level_dbm0(units.to_pcm(sine)) == pytest.approx(-13, abs=0.01)


def test_silence_has_a_level_too() -> None:
    assert units.level_dbm0(np.zeros(160, np.int16)) == units.SILENCE_DBM0
    assert units.level_dbm0(np.zeros(0, np.int16)) == units.SILENCE_DBM0
    assert units.level_of_amplitude(0) == units.SILENCE_DBM0


def test_samples_are_eight_a_millisecond() -> None:
    assert units.samples(20) == 160
    assert units.samples(0.3) == 2


def test_pcm_is_limited_not_wrapped() -> None:
    assert units.to_pcm(np.array([1e6, -1e6, 0.6])).tolist() == [32767, -32768, 1]
