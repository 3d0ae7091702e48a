"""Speech and noise."""

from __future__ import annotations

import numpy as np
import pytest

from tones.announcement import Pause, Recording, compose
from tones.detect.heard import Kind
from tones.detect.voice import find_voice
from tones.units import amplitude, to_pcm


def test_speech_is_one_stretch_in_spite_of_its_pauses() -> None:
    (heard,) = find_voice(compose([Pause(500), Recording("no-answer"), Pause(500)]))
    assert heard.kind is Kind.SPEECH
    assert heard.onset_s == pytest.approx(0.5, abs=0.1)
    assert heard.level_dbm0 == pytest.approx(-16.5, abs=1.5)


def test_noise_is_noise() -> None:
    noise = np.random.default_rng(4).normal(0, amplitude(-25) / 2**0.5, 16_000)
    (heard,) = find_voice(to_pcm(noise))
    assert heard.kind is Kind.NOISE
    assert heard.level_dbm0 == pytest.approx(-25, abs=0.3)


def test_silence_is_neither() -> None:
    assert find_voice(np.zeros(16_000, np.int16)) == []
