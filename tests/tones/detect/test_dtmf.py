"""Q.24 reception, whole and streaming."""

from __future__ import annotations

import numpy as np
import pytest

from tones.announcement import announcement, available_announcements
from tones.cadence import render
from tones.detect.dtmf import DtmfReceiver, detect
from tones.dtmf import DIGITS, render_digit, render_digits
from tones.g711 import Law, decode, encode, idle_octet
from tones.plan import load_plan

Pcm = np.ndarray[tuple[int, ...], np.dtype[np.int16]]
QUIET = np.zeros(431, np.int16)


def received(*parts: Pcm, law: Law = Law.ALAW) -> str:
    pcm = np.concatenate([QUIET, *parts, np.zeros(800, np.int16)])
    return "".join(digit.digit for digit in detect(decode(encode(pcm, law), law)))


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("digit", DIGITS)
def test_each_digit(digit: str, law: Law) -> None:
    pcm = np.concatenate([QUIET, render_digit(digit, 80, 80)])
    (found,) = detect(decode(encode(pcm, law), law))
    assert found.digit == digit
    assert found.onset_s == pytest.approx(431 / 8000, abs=0.012)
    assert found.duration_s == pytest.approx(0.08, abs=0.02)
    assert found.level_dbm0 == pytest.approx(-7, abs=0.3)


class TestFrequency:
    @pytest.mark.parametrize("deviation", [-0.015, 0.015])
    @pytest.mark.parametrize("digit", DIGITS)
    def test_one_and_a_half_percent_off_is_taken(self, digit: str, deviation: float) -> None:
        assert received(render_digit(digit, 80, deviation=deviation)) == digit

    @pytest.mark.parametrize("deviation", [-0.035, 0.035])
    @pytest.mark.parametrize("digit", DIGITS)
    def test_three_and_a_half_percent_off_is_refused(self, digit: str, deviation: float) -> None:
        assert received(render_digit(digit, 80, deviation=deviation)) == ""


class TestPower:
    @pytest.mark.parametrize("twist_db", [-8, -4, 4])
    def test_twist_is_taken(self, twist_db: float) -> None:
        assert all(received(render_digit(digit, 60, twist_db=twist_db)) == digit for digit in DIGITS)

    @pytest.mark.parametrize("twist_db", [-14, 9])
    def test_too_much_twist_is_refused(self, twist_db: float) -> None:
        assert all(received(render_digit(digit, 60, twist_db=twist_db)) == "" for digit in DIGITS)

    @pytest.mark.parametrize(("level", "taken"), [(-3, True), (-25, True), (-45, False)])
    def test_levels(self, level: float, taken: bool) -> None:
        assert received(render_digit("5", 80, level_dbm0=level)) == ("5" if taken else "")


class TestTime:
    @pytest.mark.parametrize("offset", range(0, 160, 13))
    def test_forty_milliseconds_are_enough(self, offset: int) -> None:
        assert received(np.zeros(offset, np.int16), render_digits("159D", 40, 40)) == "159D"

    @pytest.mark.parametrize("offset", range(0, 160, 13))
    def test_less_than_23_are_not(self, offset: int) -> None:
        assert received(np.zeros(offset, np.int16), render_digits("159D", 22, 60)) == ""

    def test_the_same_digit_twice_is_two(self) -> None:
        assert received(render_digits("5500", 50, 45)) == "5500"

    @pytest.mark.parametrize("hole", range(0, 1000, 37))
    def test_a_lost_packet_does_not_make_two_of_one(self, hole: int) -> None:
        pcm = render_digit("7", 160).copy()
        pcm[hole : hole + 160] = 0
        assert received(pcm) == "7"


class TestTalkOff:
    @pytest.mark.parametrize("name", available_announcements())
    def test_speech_has_no_digits(self, name: str) -> None:
        assert detect(announcement(name)) == []

    def test_other_tones_are_no_digits(self) -> None:
        for tone in load_plan("us").tones.values():
            assert detect(render(tone).take(24_000)) == []


class TestReceiver:
    @pytest.mark.parametrize("law", Law)
    @pytest.mark.parametrize("size", [80, 160, 240, 161])
    def test_blocks_of_octets(self, law: Law, size: int) -> None:
        digits = "0123456789*#ABCD"
        octets = encode(np.concatenate([QUIET, render_digits(digits, 50, 50), QUIET]), law)
        receiver = DtmfReceiver(law)
        told = [receiver.feed(octets[start : start + size].tobytes()) for start in range(0, octets.size, size)]
        assert "".join(told) == digits

    def test_a_digit_is_told_while_it_sounds(self) -> None:
        receiver = DtmfReceiver()
        pcm = render_digit("9", 1000)
        told = [receiver.feed(pcm[start : start + 160]) for start in range(0, 8000, 160)]
        assert "".join(told[:3]) == "9"
        assert "".join(told[3:]) == ""

    def test_hears_the_same_as_the_whole_recording(self) -> None:
        rng = np.random.default_rng(7)
        digits = "".join(rng.choice(list(DIGITS), 30))
        pcm = np.concatenate(
            [render_digit(str(digit), float(rng.integers(45, 150)), float(rng.integers(45, 200))) for digit in digits]
        )
        receiver = DtmfReceiver()
        told = "".join(receiver.feed(pcm[start : start + 160]) for start in range(0, pcm.size, 160))
        assert told == digits == "".join(found.digit for found in detect(pcm))

    def test_silence_says_nothing(self) -> None:
        receiver = DtmfReceiver(Law.MULAW)
        assert {receiver.feed(bytes([idle_octet(Law.MULAW)]) * 160) for _ in range(200)} == {""}

    def test_octets_need_a_law(self) -> None:
        with pytest.raises(ValueError, match="octets need a law"):
            DtmfReceiver().feed(b"\xd5" * 160)


@pytest.mark.parametrize("country", ["us", "fr", "gb"])
@pytest.mark.parametrize("more", range(0, 160, 31))
def test_the_first_digit_is_heard_at_the_end_of_dial_tone(country: str, more: int) -> None:
    dial = render(load_plan(country).tones["dial"]).take(16_000 + more)
    assert "".join(each.digit for each in detect(np.concatenate([dial, render_digits("123")]))) == "123"


@pytest.mark.parametrize(
    "lines",
    [{680.6: 0.25, 1361.2: 0.09, 2041.8: 0.03}, {682.2: 0.3, 1217.0: 0.2, 2434.0: 0.08}],
    ids=["a note and its octave", "a chord, and more than a chord"],
)
def test_music_that_is_nearly_a_digit_is_none(lines: dict[float, float]) -> None:
    seconds = np.arange(4000) / 8000
    sound = sum(peak * np.sin(2 * np.pi * hz * seconds) for hz, peak in lines.items())
    assert detect(np.concatenate([np.zeros(800), np.asarray(sound) * 32000]).astype(np.int16)) == []
