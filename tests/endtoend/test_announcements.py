"""Announcements in calls: in the language of the country, the user's own, and those that a digit ends."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from gateway.config.toml import load_settings
from gateway.testing.lab import Pstn
from gateway.testing.sync import SyncCall, SyncPhone, summary
from gateway.trace.journal import Sound
from tones.announcement import announcement, available_announcements
from tones.detect import Kind
from tones.dtmf import render_digits
from tones.user_announcement import Pcm
from tones.wav import write_wav

LANGUAGES = {
    "us": ("+121255501", "en"),
    "fr": ("+331990000", "fr"),
    "de": ("+493023125", "de"),
    "es": ("+349112345", "es"),
    "br": ("+551155501", "pt"),
    "it": ("+390655501", "it"),
    "jp": ("+813555501", "ja"),
    "cn": ("+861055501", "zh"),
}
SWEDEN = "+468555501"
"""Of whose language there are no recordings."""
LANGUAGE = "\n# by language\n"


@pytest.fixture(scope="module")
def chorus(pstn_for: Callable[[str], Pstn]) -> Iterator[dict[str, SyncCall]]:
    """Calls to the numbers of many countries, at once."""
    numbers = {f"04 {country}": number + "04" for country, (number, _) in LANGUAGES.items()}
    numbers |= {f"06 {country}": LANGUAGES[country][0] + "06" for country in ("fr", "cn")}
    numbers["04 se"] = SWEDEN + "04"
    with pstn_for(LANGUAGE).phone(patience_s=25.0) as phone:
        yield {name: phone.dial(number) for name, number in numbers.items()}


class TestLanguages:
    @pytest.mark.parametrize("country", LANGUAGES)
    def test_the_exchange_speaks_the_language_of_the_country(self, chorus: dict[str, SyncCall], country: str) -> None:
        call = chorus[f"04 {country}"]
        said = call.heard("number-not-in-service", country=country)
        assert said
        assert said.language == LANGUAGES[country][1]
        assert f"announcement number-not-in-service ({said.language})" in summary(call.sounds)
        other = "de" if said.language == "fr" else "fr"
        assert not call.heard("number-not-in-service", language=other, timeout=0.0)

    @pytest.mark.parametrize(("country", "number"), [("fr", "33199000000"), ("cn", "86105550100")])
    def test_a_changed_number_is_spoken_in_it(self, chorus: dict[str, SyncCall], country: str, number: str) -> None:
        call = chorus[f"06 {country}"]
        assert call.heard("number-changed", country=country)
        assert call.heard(number, country=country)
        assert call.cause == 22

    def test_where_there_is_none_it_is_english_and_the_ladder_says_so(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["04 se"]
        said = call.heard("number-not-in-service", country="se")
        assert said
        assert said.language == "en"
        assert played(call) == ["tone special-information, say number-not-in-service (in en) (se), twice"]


class TestDigits:
    def test_12_sends_digits_to_a_telephone_as_events(self, phone: SyncPhone) -> None:
        call = phone.dial("+12125550112")
        assert call.heard_digit("0123456789*#")
        assert call.call.rtp.digits == "0123456789*#"

    def test_and_as_sound_to_one_that_takes_no_events(self, phone: SyncPhone) -> None:
        call = phone.dial("+12125550112", telephone_event=False)
        assert call.heard_digit("0123456789*#")
        assert call.call.rtp.digits == ""

    @pytest.mark.parametrize("way", ["INFO", "event", "sound"])
    @pytest.mark.parametrize(("number", "language"), [("+12125550114", "en"), ("+33199000014", "fr")])
    def test_14_asks_for_a_digit_speaks_it_and_says_goodbye(
        self, phone: SyncPhone, way: str, number: str, language: str
    ) -> None:
        call = phone.dial(number, until="media", telephone_event=way != "sound")
        assert call.heard("press-a-digit", language=language)
        press(call, way, "7")
        assert call.heard("7", language=language)
        assert call.heard("goodbye", language=language)
        assert call.cause == 16
        assert "the exchange hears '7', which ends the announcement" in call.ladder()

    def test_14_speaks_star_and_hash(self, phone: SyncPhone) -> None:
        call = phone.dial("+12125550114", until="media")
        call.press_digit("#")
        assert call.heard("#")
        assert call.cause == 16


def played(call: SyncCall) -> list[str]:
    """What the exchange has put on the circuit, as the trace has it."""
    events = call._pstn.events(call.call.call_id)
    return [event.text for event in events if isinstance(event, Sound) and event.side == "network"]


def press(call: SyncCall, way: str, digit: str) -> None:
    """Press a digit, sent in one of three ways."""
    match way:
        case "INFO":
            call.send_digit(digit)
        case "event":
            call.press_digit(digit)
        case "sound":
            call.speak(render_digits(digit))


LAB = """
[exchange.announcements]
welcome = { wav = "welcome.wav" }
menu = { wav = "menu.wav" }

[exchange.behaviours.42]
steps = [
    { send = "CON" },
    { play = ["say welcome", "pause 800", "say hello"], times = 1, fade = 20, language = "de" },
    { wait = "sound" },
    { send = "REL", cause = 16 },
]

[exchange.behaviours.43]
steps = [
    { send = "CON" },
    { play = "say menu", barge_in = true },
    { wait = "sound" },
    { play = "digits heard", times = 1 },
    { wait = "sound" },
    { send = "REL", cause = 31 },
]

[exchange.behaviours.44]
steps = [{ send = "CON" }, { play = "wav tones/tune 620.wav", times = 1 }, { stay = true }]
"""


def backwards(seconds: float, rate_hz: int = 8000) -> Pcm:
    """Speech that nobody knows."""
    every = np.concatenate([announcement(name) for name in available_announcements()])[::-1]
    speech = signal.resample_poly(every[: int(seconds * 8000)].astype(np.float64), rate_hz, 8000)
    return np.rint(0.8 * speech).astype(np.int16)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration, and the recordings beside it."""
    folder = tmp_path_factory.mktemp("lab")
    with wave.open(str(folder / "welcome.wav"), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        file.writeframes(np.repeat(backwards(3.0, 44100).astype("<i2"), 2).tobytes())
    write_wav(folder / "menu.wav", backwards(40.0)[4 * 8000 :])
    (folder / "tones").mkdir()
    seconds = np.arange(2 * 44100) / 44100
    with wave.open(str(folder / "tones" / "tune 620.wav"), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        sound = np.rint(9000 * np.sin(2 * np.pi * 620 * seconds)).astype("<i2")
        file.writeframes(np.repeat(sound, 2).tobytes())
    (folder / "lab.toml").write_text(LAB, encoding="utf-8")
    return folder / "lab.toml"


@pytest.fixture(scope="module")
def lab(own: Path) -> Iterator[Pstn]:
    """A network with these announcements; its files are gone once it has started."""
    settings = load_settings(own)
    with Pstn(settings).start() as pstn:
        yield pstn


class TestOwn:
    def test_a_recording_is_heard_by_its_name(self, lab: Pstn) -> None:
        with lab.phone() as phone:
            call = phone.dial("+12125550142")
            assert call.heard("welcome")
            assert call.heard("hello", language="de")
            assert call.cause == 16
            assert [each.name for each in call.sounds if each.kind is Kind.RECORDING] == ["welcome", "hello"]
            assert played(call) == ["say welcome, pause 800, say hello (in de) (us)"]
            assert "announcement welcome" in call.ladder()

    def test_a_name_that_is_none_is_a_mistake_of_the_test(self, lab: Pstn) -> None:
        with lab.phone() as phone:
            call = phone.dial("90017")
            with pytest.raises(ValueError, match="did you mean welcome"):
                call.heard("welcom")

    def test_a_digit_ends_one_that_would_go_on_for_ever(self, lab: Pstn) -> None:
        with lab.phone() as phone:
            call = phone.dial("+33199000043")
            assert call.heard("menu")
            call.press_digit("4")
            assert call.heard("4", country="fr")
            assert call.cause == 31
            (menu,) = [each for each in call.sounds if each.name == "menu"]
            (digit,) = [each for each in call.sounds if each.kind is Kind.NUMBER]
            assert menu.whole_s > 30
            assert menu.end_s < digit.onset_s < 20
            assert call.audio.size / 8000 < 25

    def test_a_file_in_a_step_is_played_as_it_is(self, lab: Pstn) -> None:
        with lab.phone() as phone:
            call = phone.dial("+12125550144")
            assert call.heard("620 Hz")
            assert call.heard_silence(1.0)
            (tone,) = [each for each in call.sounds if each.kind is not Kind.SILENCE]
            assert tone.name == "620 Hz"
            assert tone.duration_s == pytest.approx(2.0, abs=0.1)

    def test_media_workers_have_them_too(self, own: Path, tmp_path: Path) -> None:
        for name in ("welcome.wav", "menu.wav", "tones"):
            (tmp_path / name).symlink_to(own.parent / name)
        (tmp_path / "lab.toml").write_text(LAB + "[media]\nworkers = 1\n", encoding="utf-8")
        settings = load_settings(tmp_path / "lab.toml")
        for name in ("welcome.wav", "menu.wav", "tones"):
            (tmp_path / name).unlink()
        with Pstn(settings).start() as pstn, pstn.phone() as phone:
            call = phone.dial("+12125550142")
            assert call.heard("welcome")
            assert call.heard("hello", language="de")
            assert call.cause == 16
