"""Playing, on a stand-in for PyAudio."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from tests.tones import sound_card
from tones.playback import PlaybackError, play


class Audio(sound_card.Stream):
    """A sound card that remembers."""

    broken = False
    played: bytes

    def open(self, *arguments: Any, output: bool) -> Audio:
        assert (arguments, output) == ((8000, 1, 8), True)
        if Audio.broken:
            raise OSError("no default output device")
        return self

    def write(self, octets: bytes) -> None:
        Audio.played += octets


@pytest.fixture(autouse=True)
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    Audio.broken, Audio.played, Audio.ended = False, b"", []
    monkeypatch.setitem(sys.modules, "pyaudio", sound_card.module(Audio))


def test_plays_every_sample() -> None:
    pcm = np.arange(2001, dtype=np.int16)
    play(pcm)
    assert Audio.played == pcm.astype("<i2").tobytes()
    assert Audio.ended == ["stopped", "closed", "terminated"]


def test_no_sound_device_is_said() -> None:
    Audio.broken = True
    with pytest.raises(PlaybackError, match="no sound device to play on: no default output device; `render`"):
        play(np.zeros(10, np.int16))
    assert Audio.ended == ["terminated"]
