"""No digit in music; speech needs espeak-ng, and is listened to by `python -m tones accuracy`."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from tones import talk_off
from tones.announcement import announcement, available_languages, recording_texts
from tones.detect.dtmf import detect
from tones.talk_off import NoVoiceError, false_digits, music, sent, speech, table


def test_music_of_some_minutes_has_no_digit() -> None:
    for seed in range(6):
        rng = np.random.default_rng([1, seed])
        assert detect(sent(music(rng), rng)) == []


def test_a_chord_that_is_a_digit_for_a_while_is_none() -> None:
    """770 and 1336 Hz with weak harmonics, after other notes: no pause, and not as pure as a keypad."""
    seconds = np.arange(8000) / 8000

    def chord(*hertz: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        notes = [np.sin(2 * np.pi * n * hz * seconds) * n**-2.2 for hz in hertz for n in (1, 2, 3)]
        return np.asarray(4000 * sum(notes))

    assert detect(np.concatenate([chord(660, 990), chord(770, 1336), chord(660, 990)]).astype(np.int16)) == []


@pytest.mark.parametrize("language", available_languages())
def test_the_recordings_have_no_digit(language: str) -> None:
    whole = np.concatenate([announcement(name, language) for name in recording_texts(language)])
    assert detect(whole) == []


def test_pieces_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk_off, "speech", lambda rng: np.tile(announcement("echo").astype(float), 5))
    spoken, played, digits = false_digits(1.5)
    assert spoken > 0.5 > 0.4 < played
    assert digits == 0


def test_without_espeak_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(NoVoiceError, match="apt install espeak-ng"):
        speech(np.random.default_rng(1))
    with pytest.raises(NoVoiceError):
        list(table(1.0))
