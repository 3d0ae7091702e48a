"""How speech becomes a recording; the speaking itself needs espeak-ng and is not done here."""

from __future__ import annotations

import numpy as np
import pytest

from tones.make_announcements import SPEECH_DBM0, level, telephone
from tones.units import level_dbm0


def test_speech_is_brought_to_the_telephone_band() -> None:
    seconds = np.arange(22050) / 22050
    speech = sum(1000 * np.sin(2 * np.pi * hz * seconds) for hz in (100, 1000, 3800))
    assert isinstance(speech, np.ndarray)
    slow = telephone(speech, 22050)
    assert slow.size == 8000
    spectrum = np.abs(np.fft.rfft(slow)) / 4000
    assert spectrum[1000] == pytest.approx(1000, rel=0.01)
    assert max(spectrum[100], spectrum[3800]) < 10


def test_silence_is_cut_off_and_the_level_set() -> None:
    tone = 500 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    levelled = level(np.concatenate([np.zeros(4000), tone, np.zeros(4000)]))
    assert 8000 <= levelled.size <= 8000 + 4 * 160
    assert levelled[0] == levelled[-1] == 0
    assert level_dbm0(levelled[400:7600]) == pytest.approx(SPEECH_DBM0, abs=0.1)


def test_peaks_are_kept_off_the_limit() -> None:
    impulses = np.zeros(8000)
    impulses[::800] = 20_000.0
    assert np.abs(level(impulses)).max() <= 30_000
