"""Announcements in calls: in the language of the country, the user's own, and those that a digit ends."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from gateway.config.toml import load_settings
from gateway.testing.lab import Pstn
from gateway.testing.sync import SyncPhone
from tones.detect import Kind


@pytest.mark.parametrize(
    ("number", "language"), [("+33199000009", "fr"), ("+4930550009", "de"), ("+81355550009", "ja")]
)
def test_the_exchange_speaks_the_language_of_the_country(phone: SyncPhone, number: str, language: str) -> None:
    call = phone.dial(number)
    assert call.heard("hello")
    assert [each.language for each in call.sounds if each.kind is Kind.RECORDING] == [language]


class TestDigits:
    def test_12_sends_digits_to_a_telephone_as_events(self, phone: SyncPhone) -> None:
        call = phone.dial("+12125550112")
        assert call.heard_digit("0123456789*#")
        assert call.call.rtp.digits == "0123456789*#"

    def test_and_as_sound_to_one_that_takes_no_events(self, phone: SyncPhone) -> None:
        call = phone.dial("+12125550112", telephone_event=False)
        assert call.heard_digit("0123456789*#")
        assert call.call.rtp.digits == ""

    @pytest.mark.parametrize("way", ["INFO", "event"])
    def test_14_greets_until_a_digit_is_pressed_and_speaks_it(self, phone: SyncPhone, way: str) -> None:
        call = phone.dial("+12125550114", until="answered")
        (call.send_digit if way == "INFO" else call.press_digit)("7")
        assert call.heard("7")
        call.wait_for("ended")
        assert call.cause == 16
        assert "hello" not in [each.name for each in call.sounds]

    def test_who_presses_none_hears_it_again(self, phone: SyncPhone) -> None:
        call = phone.dial("+12125550114", until="answered")
        call.heard_silence(1.5)
        assert call.heard("hello")
        assert not call.ended


def test_a_recording_of_the_users_own(tmp_path: Path) -> None:
    seconds = np.arange(2 * 44100) / 44100
    with wave.open(str(tmp_path / "tune.wav"), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        sound = np.rint(9000 * np.sin(2 * np.pi * 620 * seconds)).astype("<i2")
        file.writeframes(np.repeat(sound, 2).tobytes())
    (tmp_path / "lab.toml").write_text(
        '[exchange.behaviours.42]\nsteps = [{ send = "CON" }, { play = "wav tune.wav", times = 1 }, { stay = true }]\n'
    )
    with Pstn(load_settings(tmp_path / "lab.toml")).start() as pstn, pstn.phone() as phone:
        call = phone.dial("+12125550142")
        assert call.heard_silence(0.3)
        (tone,) = [each for each in call.sounds if each.name == "620 Hz"]
        assert tone.duration_s == pytest.approx(2.0, abs=0.1)
