"""Announcements of the user's own in a configuration: read once, and every mistake told with file, line and key."""

from __future__ import annotations

import argparse
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gateway.cli import check_config
from gateway.config import announcements
from gateway.config.settings import Settings
from gateway.config.toml import ConfigErrors, load_settings
from gateway.exchange.behaviours import Play
from tones.dtmf import render_digits
from tones.user_announcement import Pcm, SpeechError
from tones.wav import write_wav

TABLE = "[exchange.announcements]\n"
STEPS = "[exchange.behaviours.42]\nsteps = [{ send = 'CON' }, { play = %s, times = 1 }]\n"
Load = Callable[[str], Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Read a configuration beside a WAV file, with an espeak-ng that says how it was asked."""

    def load(text: str) -> Settings:
        (tmp_path / "lab.toml").write_text(text, encoding="utf-8")
        return load_settings(tmp_path / "lab.toml")

    write_wav(tmp_path / "tune.wav", tone(1.0))
    return load


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path, str]]:
    """Speaks without espeak-ng, and notes what, where it is kept, and in which language."""
    asked: list[tuple[str, Path, str]] = []

    def speak(text: str, folder: Path, language: str) -> Pcm:
        asked.append((text, folder, language))
        return tone(0.5)

    monkeypatch.setattr(announcements, "announcement_from_text", speak)
    return asked


def tone(seconds: float) -> Pcm:
    sound: Pcm = np.rint(5000 * np.sin(np.arange(int(8000 * seconds)))).astype(np.int16)
    return sound


def mistakes(load: Load, text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(text)
    return [str(error).partition("lab.toml:")[2] for error in caught.value.errors]


def play_of(settings: Settings) -> Play:
    play = settings.exchange.behaviours["42"].steps[1]
    assert isinstance(play, Play)
    return play


class TestRecordings:
    def test_one_is_read_beside_the_file_and_said_by_its_name(self, load: Load, tmp_path: Path) -> None:
        settings = load(TABLE + 'welcome = { wav = "tune.wav", language = "fr" }\n' + STEPS % "'say welcome'")
        welcome = settings.exchange.announcements["welcome"]
        assert (welcome.name, welcome.language, welcome.has_digits) == ("welcome", "fr", False)
        assert np.array_equal(welcome.pcm[40:-40], tone(1.0)[40:-40])
        assert play_of(settings).own == (("say welcome", welcome),)
        assert settings.exchange.own_announcements == (welcome,)

    def test_where_the_tables_stand_does_not_matter(self, load: Load) -> None:
        text = STEPS % "'say welcome'" + "[exchange.announcements.welcome]\nwav = 'tune.wav'\n"
        assert play_of(load(text)).own[0][1].name == "welcome"

    def test_one_may_stand_in_a_step_with_spaces_in_its_name(self, load: Load, tmp_path: Path) -> None:
        (tmp_path / "tune.wav").rename(tmp_path / "our tune.wav")
        settings = load(STEPS % "['wav our tune.wav', 'say hello']")
        ((part, own),) = play_of(settings).own
        assert (part, own.name) == ("wav our tune.wav", "our tune.wav")
        assert settings.exchange.own_announcements == (own,)

    @pytest.mark.parametrize(("rate", "width", "channels"), [(44100, 2, 2), (48000, 3, 1), (11025, 1, 2), (8000, 4, 1)])
    def test_any_rate_width_and_channels(
        self, load: Load, tmp_path: Path, rate: int, width: int, channels: int
    ) -> None:
        with wave.open(str(tmp_path / "any.wav"), "wb") as file:
            file.setparams((channels, width, rate, 0, "NONE", ""))
            file.writeframes(bytes([128 if width == 1 else 0]) * width * channels * rate)
        welcome = load(TABLE + "welcome = { wav = 'any.wav' }\n").exchange.announcements["welcome"]
        assert welcome.pcm.size == pytest.approx(8000, abs=2)

    def test_digits_in_one_are_known(self, load: Load, tmp_path: Path) -> None:
        write_wav(tmp_path / "tune.wav", np.concatenate([np.zeros(400_000, np.int16), render_digits("5")]))
        assert load(TABLE + "code = { wav = 'tune.wav' }\n").exchange.announcements["code"].has_digits

    def test_after_that_the_file_is_not_needed(self, load: Load, tmp_path: Path) -> None:
        settings = load(TABLE + "welcome = { wav = 'tune.wav' }\n")
        (tmp_path / "tune.wav").unlink()
        assert settings.exchange.announcements["welcome"].pcm.size == 8000


class TestTexts:
    def test_one_is_spoken_and_kept_in_the_users_cache(
        self, load: Load, spoken: list[tuple[str, Path, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        closed = load(TABLE + 'closed = { text = "We are  closed.", language = "en" }\n').exchange.announcements[
            "closed"
        ]
        assert spoken == [("We are  closed.", tmp_path / "pstn-gateway" / "announcements", "en")]
        assert (closed.name, closed.language, closed.text) == ("closed", "en", "We are closed.")

    @pytest.mark.parametrize(
        ("country", "language"),
        [
            ("", "en"),
            ("[numbers]\ncountry = 'fr'\n", "fr"),
            ("[numbers]\ncountry = 'fr'\n[exchange]\ncountry = 'de'\n", "de"),
        ],
    )
    def test_where_nobody_says_it_is_in_the_language_of_the_exchange(
        self, load: Load, spoken: list[tuple[str, Path, str]], country: str, language: str
    ) -> None:
        load(country + TABLE + "closed = { text = 'x' }\n")
        assert [each[2] for each in spoken] == [language]

    def test_one_in_a_step_is_in_the_language_of_the_step(
        self, load: Load, spoken: list[tuple[str, Path, str]]
    ) -> None:
        settings = load(STEPS % "'text Bis morgen.', language = 'de'")
        assert [(text, language) for text, _, language in spoken] == [("Bis morgen.", "de")]
        assert play_of(settings).own[0][1].name == "Bis morgen."

    def test_one_that_is_said_twice_is_spoken_once(self, load: Load, spoken: list[tuple[str, Path, str]]) -> None:
        assert len(load(STEPS % "['text One.', 'text One.']").exchange.own_announcements) == 1
        assert len(spoken) == 1


class TestMistakes:
    @pytest.mark.parametrize(
        ("entry", "complaint"),
        [
            ("x = { wav = 'none.wav' }", "none.wav: No such file or directory"),
            ("x = { wav = '.' }", "Is a directory"),
            ("x = { wav = 'broken.wav' }", "broken.wav: not a WAV file: it begins with b'nonsense'"),
            ("x = { wav = 'long.wav' }", "long.wav: 7200 s long; at most 600 s are taken here"),
            ("x = { wav = 'empty.wav' }", "empty.wav: there is nothing in it"),
            ("x = { wav = 'tune.wav', text = 'both' }", 'write { wav = "FILE" } or { text = "WORDS"'),
            ("x = { language = 'en' }", 'write { wav = "FILE" } or { text = "WORDS"'),
            ("x = 'tune.wav'", 'write { wav = "FILE" } or { text = "WORDS"'),
            ("x = { wav = 'tune.wav', times = 2 }", "there is no key times here; there are wav, text, language"),
            ("x = { wav = 1 }", "wav: 1 is no text"),
            ("x = { text = ' ' }", "there is no text to speak"),
            ("hello = { wav = 'tune.wav' }", "there is a recording named hello already; choose another name"),
            ("digit-1 = { wav = 'tune.wav' }", "there is a recording named digit-1 already"),
            ("'our tune' = { wav = 'tune.wav' }", "'our tune': a name has letters, digits, hyphens and underscores"),
        ],
    )
    def test_each_is_told_with_line_and_key(self, load: Load, tmp_path: Path, entry: str, complaint: str) -> None:
        (tmp_path / "broken.wav").write_bytes(b"nonsense")
        write_wav(tmp_path / "empty.wav", np.zeros(0, np.int16))
        with wave.open(str(tmp_path / "long.wav"), "wb") as file:
            file.setparams((1, 1, 1000, 0, "NONE", ""))
            file.writeframes(bytes(7_200_000))
        name = entry.partition(" =")[0].strip("'")
        (found,) = mistakes(load, f"{TABLE}\n{entry}\n")
        assert found.startswith(f"3: exchange.announcements.{name}: ")
        assert complaint in found

    def test_without_espeak_it_is_said_how_to_get_it(
        self, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        (found,) = mistakes(load, TABLE + "closed = { text = 'We are closed.' }\n")
        assert found.startswith("2: exchange.announcements.closed: espeak-ng, which speaks texts, is not installed")
        assert "apt install espeak-ng" in found

    def test_a_cache_that_cannot_be_written_is_told(
        self, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> Pcm:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setattr(announcements, "announcement_from_text", refuse)
        (found,) = mistakes(load, TABLE + "closed = { text = 'x' }\n")
        assert "the spoken text cannot be kept in" in found
        assert found.endswith("Permission denied")

    def test_those_in_steps_name_the_step(self, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> Pcm:
            raise SpeechError("espeak-ng is hoarse")

        monkeypatch.setattr(announcements, "announcement_from_text", refuse)
        found = mistakes(
            load, STEPS % "'wav none.wav'" + (STEPS % "'text Hello.'").replace("42", "43") + "[sip]\nlistn = 1\n"
        )
        assert found[0].startswith("2: exchange.behaviours.42.steps[2]: 'wav none.wav': ")
        assert found[1] == "4: exchange.behaviours.43.steps[2]: 'text Hello.': espeak-ng is hoarse"
        assert found[2].startswith("6: sip.listn: ")

    def test_an_unknown_name_is_told_which_there_are(self, load: Load) -> None:
        (found,) = mistakes(load, TABLE + "welcome = { wav = 'tune.wav' }\n" + STEPS % "'say welcom'")
        assert found.startswith(
            "4: exchange.behaviours.42.steps[2]: 'say welcom': there are the recordings welcome, hello, "
        )

    @pytest.mark.parametrize("entry", ["announcements = 1", "behaviours = 1", "behaviours.42 = 1"])
    def test_what_is_no_table_is_told(self, load: Load, entry: str) -> None:
        (found,) = mistakes(load, f"[exchange]\n{entry}\n")
        assert found.startswith("2: exchange.")
        assert "table" in found


def test_check_config_says_it(load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(TABLE + "x = { wav = 'none.wav' }\n")
    assert check_config.run(argparse.Namespace(file=path)) == 1
    assert capsys.readouterr().err.startswith(
        f"{path}:2: exchange.announcements.x: {tmp_path / 'none.wav'}: No such file"
    )
    path.write_text(TABLE + "x = { wav = 'tune.wav' }\n")
    assert check_config.run(argparse.Namespace(file=path)) == 0
