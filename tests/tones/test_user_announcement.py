"""Announcements of the user's own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tones import user_announcement
from tones.announcement import announcement
from tones.user_announcement import SpeechError, announcement_from_text, announcement_from_wav
from tones.wav import WavError, write_wav


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Speaks without espeak-ng, and notes what."""
    said: list[tuple[str, str]] = []

    def speak(
        text: str, voice: str, words_per_minute: int, pitch: int
    ) -> tuple[int, np.ndarray[tuple[int], np.dtype[np.float64]]]:
        said.append((text, voice))
        return 22050, np.random.default_rng(1).normal(0, 3000, 22050)

    monkeypatch.setattr(user_announcement, "speak", speak)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/espeak-ng")
    return said


class TestFromWav:
    def test_is_what_is_in_the_file_at_rest_at_both_ends(self, tmp_path: Path) -> None:
        write_wav(tmp_path / "x.wav", np.full(8000, 5000, np.int16))
        clip = announcement_from_wav(tmp_path / "x.wav")
        assert clip.size == 8000
        assert abs(int(clip[0])) < 50
        assert abs(int(clip[-1])) < 50
        assert (clip[100:-100] == 5000).all()

    def test_more_than_ten_minutes_are_refused(self, tmp_path: Path) -> None:
        write_wav(tmp_path / "x.wav", np.zeros(8000 * 601, np.int16))
        with pytest.raises(WavError, match="601 s long; at most 600 s"):
            announcement_from_wav(tmp_path / "x.wav")


class TestFromText:
    def test_is_spoken_once_and_kept(self, tmp_path: Path, spoken: list[tuple[str, str]]) -> None:
        first = announcement_from_text("Good  morning.\n", tmp_path / "cache", "fr")
        again = announcement_from_text("Good morning.", tmp_path / "cache", "fr")
        assert spoken == [("Good morning.", "fr-fr")]
        assert (first == again).all()
        assert first.size > 7000
        (file,) = (tmp_path / "cache").iterdir()
        assert file.suffix == ".wav"

    def test_another_language_is_another_recording(self, tmp_path: Path, spoken: list[tuple[str, str]]) -> None:
        announcement_from_text("Hello", tmp_path, "en")
        announcement_from_text("Hello", tmp_path, "de")
        assert [voice for _, voice in spoken] == ["en-us", "de"]

    def test_without_espeak_it_is_said_how_to_get_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda _: None)
        with pytest.raises(SpeechError, match=r"espeak-ng, which speaks texts, is not installed .*apt install"):
            announcement_from_text("Hello", tmp_path)

    def test_what_was_spoken_before_needs_no_espeak(
        self, tmp_path: Path, spoken: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        announcement_from_text("Hello", tmp_path)
        monkeypatch.setattr(shutil, "which", lambda _: None)
        assert announcement_from_text("Hello", tmp_path).size > 7000

    def test_an_unknown_voice_is_told(
        self, tmp_path: Path, spoken: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise subprocess.CalledProcessError(1, "espeak-ng", stderr=b"The specified voice does not exist.")

        monkeypatch.setattr(user_announcement, "speak", fail)
        with pytest.raises(SpeechError, match="the voice 'xx': The specified voice does not exist"):
            announcement_from_text("Hello", tmp_path, "xx")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("text", "complaint"), [(" \n", "no text"), ("a" * 5001, "5001 characters; at most 5000")])
    def test_what_cannot_be_said_is_told(self, tmp_path: Path, text: str, complaint: str) -> None:
        with pytest.raises(SpeechError, match=complaint):
            announcement_from_text(text, tmp_path)


def test_a_recording_of_ours_is_one_of_the_users_too(tmp_path: Path) -> None:
    clip = announcement("hello")
    write_wav(tmp_path / "x.wav", clip)
    assert np.abs(announcement_from_wav(tmp_path / "x.wav").astype(int) - clip).max() < 200
