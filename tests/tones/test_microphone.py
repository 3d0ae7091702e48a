"""Recording, on a stand-in for PyAudio."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.tones import sound_card
from tones.announcement import announcement
from tones.cli import main
from tones.make_announcements import SPEECH_DBM0
from tones.microphone import Microphone, MicrophoneError, announcement_of, meter, record
from tones.notation import Signal
from tones.oscillator import oscillate
from tones.units import level_dbm0, to_pcm
from tones.wav import read_wav

Pcm = NDArray[np.int16]
HELLO = announcement("hello")
SPOKEN = np.concatenate([np.zeros(8000, np.int16), HELLO // 8, np.zeros(12_000, np.int16)])


class Audio(sound_card.Stream):
    """A sound card that hears what it is told to."""

    heard: Pcm
    place: int
    rates_hz: tuple[int, ...]
    has_microphone: bool
    fails_after: int
    interrupted_after: int

    def open(self, *arguments: Any, input: bool) -> Audio:
        assert (arguments[1:], input) == ((1, 8), True)
        if not Audio.has_microphone:
            raise OSError("No Default Input Device Available")
        if arguments[0] not in Audio.rates_hz:
            raise OSError("Invalid sample rate")
        return self

    def get_default_input_device_info(self) -> dict[str, Any]:
        return {"defaultSampleRate": float(Audio.rates_hz[0])}

    def read(self, frames: int, exception_on_overflow: bool) -> bytes:
        assert not exception_on_overflow
        if Audio.place >= Audio.interrupted_after:
            raise KeyboardInterrupt
        if Audio.place >= Audio.fails_after:
            raise OSError("unplugged")
        heard = Audio.heard[Audio.place : Audio.place + frames]
        Audio.place += frames
        return np.concatenate([heard, np.zeros(frames - heard.size, np.int16)]).astype("<i2").tobytes()


@pytest.fixture(autouse=True)
def card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Audio.heard, Audio.place, Audio.rates_hz, Audio.has_microphone = SPOKEN, 0, (8000,), True
    Audio.fails_after = Audio.interrupted_after = sys.maxsize
    Audio.ended = []
    monkeypatch.setitem(sys.modules, "pyaudio", sound_card.module(Audio))
    monkeypatch.chdir(tmp_path)


class TestRecord:
    def test_for_so_long(self) -> None:
        levels: list[tuple[float, float, bool]] = []
        recorded = record(Microphone(), 2.0, lambda *block: levels.append(block), lambda: False)
        assert np.array_equal(recorded, SPOKEN[:16_000])
        assert [round(seconds, 1) for seconds, _, _ in levels[:3]] == [0.1, 0.2, 0.3]
        assert levels[0][1] < -90
        assert max(level for _, level, _ in levels) > -40
        assert not any(too_loud for _, _, too_loud in levels)

    def test_until_it_is_stopped_or_interrupted(self) -> None:
        asked = iter([False, False, True])
        assert record(Microphone(), None, lambda *_: None, lambda: next(asked)).size == 3 * 800
        Audio.place, Audio.interrupted_after = 0, 4000
        assert record(Microphone(), None, lambda *_: None, lambda: False).size == 4000

    def test_what_is_too_loud_is_shown(self) -> None:
        Audio.heard = to_pcm(np.full(800, 40_000.0))
        loud: list[bool] = []
        record(Microphone(), 0.2, lambda _, __, too_loud: loud.append(too_loud), lambda: False)
        assert loud == [True, False]

    def test_a_device_that_fails(self) -> None:
        Audio.fails_after = 1600
        with pytest.raises(MicrophoneError, match="the sound device has failed: unplugged"):
            record(Microphone(), 1.0, lambda *_: None, lambda: False)

    def test_at_the_rate_that_the_device_has(self) -> None:
        Audio.rates_hz = (44_100,)
        microphone = Microphone()
        assert microphone.rate_hz == 44_100
        assert microphone.block().size == 4410


class TestAnnouncement:
    def test_is_trimmed_and_levelled(self) -> None:
        made = announcement_of(SPOKEN, 8000)
        assert HELLO.size - 4000 < made.size < HELLO.size + 1600
        assert level_dbm0(made) == pytest.approx(level_dbm0(HELLO), abs=1.5)
        assert not made[[0, -1]].any()

    def test_of_another_rate(self) -> None:
        tone = to_pcm(oscillate(Signal.parse("1004"), -30.0, 8000))
        made = announcement_of(np.repeat(tone, 2), 16_000)
        assert made.size == pytest.approx(8000, abs=400)
        assert level_dbm0(made[1000:-1000]) == pytest.approx(SPEECH_DBM0, abs=0.5)

    @pytest.mark.parametrize(
        ("recorded", "complaint"),
        [
            (SPOKEN[:800], "0.1 s were recorded; that is too short"),
            (np.zeros(8000, np.int16), "nothing was heard .at most -.* dBm0.: is the microphone muted"),
            (np.random.default_rng(1).integers(-20, 20, 8000).astype(np.int16), "nothing was heard"),
        ],
    )
    def test_of_nothing_is_none(self, recorded: Pcm, complaint: str) -> None:
        with pytest.raises(MicrophoneError, match=complaint):
            announcement_of(recorded, 8000)


def test_the_meter_is_longer_the_louder_it_is() -> None:
    assert meter(1.25, -30.0, False) == f"   1.2 s  {'#' * 20}{' ' * 20}  -30 dBm0 "
    assert meter(0.1, -120.0, False).split() == ["0.1", "s", "-99", "dBm0"]
    assert meter(0.1, 3.0, True) == f"   0.1 s  {'#' * 40}  too loud "


class TestCommand:
    @pytest.fixture
    def run(self, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
        def command(*arguments: str) -> tuple[int, str, str]:
            status = main(["record", *arguments])
            return status, *capsys.readouterr()

        return command

    def test_writes_a_wav_file_in_this_folder(self, run: Callable[..., tuple[int, str, str]]) -> None:
        status, out, err = run("closed", "--seconds", "7")
        assert (status, err) == (0, "")
        assert out.startswith("recording closed.wav; it ends after 7 s\nclosed.wav: ")
        assert out.endswith(" dBm0\n")
        assert read_wav("closed.wav").size == pytest.approx(HELLO.size, abs=4000)
        assert Audio.ended == ["stopped", "closed", "terminated"]

    def test_a_file_that_is_there_stays(self, run: Callable[..., tuple[int, str, str]]) -> None:
        Path("closed.wav").write_text("mine")
        assert (
            run("closed", "--seconds", "7")[2] == "python -m tones: closed.wav is there already; --force replaces it\n"
        )
        assert Path("closed.wav").read_text() == "mine"
        assert run("closed", "--seconds", "7", "--force")[0] == 0
        Audio.place = 0
        assert run("closed", "--seconds", "7", "--out", "other.wav")[0] == 0
        assert Path("other.wav").is_file()

    @pytest.mark.parametrize("name", ["../x", "a/b", "", "-x", "a b", "ä"])
    def test_names_that_are_no_files_in_this_folder(self, run: Callable[..., tuple[int, str, str]], name: str) -> None:
        with pytest.raises(SystemExit):
            run("--", name)

    def test_no_microphone(self, run: Callable[..., tuple[int, str, str]]) -> None:
        Audio.has_microphone = False
        status, out, err = run("closed")
        assert (status, out) == (1, "")
        assert "there is no sound device to record from (No Default Input Device Available): plug one in" in err
        assert Audio.ended == ["terminated"]

    def test_no_pyaudio(self, run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pyaudio", None)
        status, _, err = run("closed")
        assert status == 1
        assert "recording needs PyAudio: pip install 'pstn-gateway[audio]'" in err

    def test_silence_is_not_written(self, run: Callable[..., tuple[int, str, str]]) -> None:
        Audio.heard = np.zeros(0, np.int16)
        assert run("closed", "--seconds", "1")[0] == 1
        assert not Path("closed.wav").exists()
