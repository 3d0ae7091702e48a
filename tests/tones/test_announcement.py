"""Recordings, spoken numbers and scripts."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from tones.announcement import (
    DIGIT_NAMES,
    Clip,
    Pause,
    PushedDigits,
    Recording,
    Sounding,
    SpokenNumber,
    UnknownRecordingError,
    announcement,
    available_announcements,
    available_languages,
    compose,
    find_recording,
    recording_texts,
    spoken_digits,
)
from tones.cadence import render
from tones.detect.dtmf import detect
from tones.plan import all_plans, load_plan
from tones.units import level_dbm0

EVERY_LANGUAGE = ("en", "de", "es", "fr", "it", "ja", "pt", "zh")
FOR_EVERY_LANGUAGE = {
    "hello",
    "number-not-in-service",
    "number-changed",
    "number-incomplete",
    "all-circuits-busy",
    "subscriber-absent",
    "call-rejected",
    "temporary-failure",
    "no-route",
    "out-of-order",
    "facility-not-available",
    "press-a-digit",
    "goodbye",
    *DIGIT_NAMES.values(),
}


class TestLanguages:
    def test_there_are_eight(self) -> None:
        assert available_languages() == EVERY_LANGUAGE

    @pytest.mark.parametrize("language", EVERY_LANGUAGE[1:])
    def test_each_says_what_a_call_needs(self, language: str) -> None:
        assert set(recording_texts(language)) == FOR_EVERY_LANGUAGE
        for name in FOR_EVERY_LANGUAGE:
            clip = announcement(name, language).astype(np.float64)
            assert 0.2 < clip.size / 8000 < 10
            assert max(abs(clip[0]), abs(clip[-1])) < 50
            frames = clip[: clip.size // 160 * 160].reshape(-1, 160)
            power = np.square(frames).mean(axis=1)
            assert level_dbm0(frames[power > power.max() / 1000].ravel()) == pytest.approx(-16, abs=1.0)

    def test_a_plan_has_a_language(self) -> None:
        languages = {plan.country: plan.language for plan in all_plans()}
        assert [languages[country] for country in ("fr", "at", "mx", "br", "sm", "tw", "jp", "gb", "se")] == [
            "fr", "de", "es", "pt", "it", "zh", "ja", "en", "sv",
        ]  # fmt: skip

    @pytest.mark.parametrize("language", EVERY_LANGUAGE)
    def test_star_and_hash_are_spoken(self, language: str) -> None:
        star, hash_ = announcement("digit-star", language), announcement("digit-hash", language)
        spoken = spoken_digits("*#", language)
        assert (spoken[: star.size] == star).all()
        assert (spoken[-hash_.size :] == hash_).all()

    def test_what_a_language_has_is_in_it(self) -> None:
        found = find_recording("hello", load_plan("fr").language)
        assert (found.language, found.fallback) == ("fr", False)
        assert found.text.startswith("Bonjour")
        assert (found.pcm == announcement("hello", "fr")).all()

    @pytest.mark.parametrize(("name", "language"), [("please-hold", "fr"), ("hello", "sv")])
    def test_what_it_lacks_is_said_in_english_visibly(self, name: str, language: str) -> None:
        found = find_recording(name, language)
        assert (found.language, found.fallback) == ("en", True)
        assert (compose([Recording(name)], language) == announcement(name)).all()

    def test_what_no_language_has_is_an_error(self) -> None:
        with pytest.raises(UnknownRecordingError, match="no recording 'tea'"):
            find_recording("tea", "fr")

    @pytest.mark.parametrize("language", EVERY_LANGUAGE)
    def test_numbers_are_joined_without_clicks(self, language: str) -> None:
        joined = spoken_digits("5550199", language)
        steps = np.abs(np.diff(joined.astype(np.int64)))
        now = 0
        for digit in "555019":
            now += announcement(f"digit-{digit}", language).size
            assert max(steps[now - 1], steps[now + 479]) < 50
            now += 480

    def test_all_of_them_are_not_too_large(self) -> None:
        folder = resources.files("tones") / "recordings"
        octets = sum(
            len((folder / language / f"{name}.wav").read_bytes())
            for language in EVERY_LANGUAGE
            for name in recording_texts(language)
        )
        assert octets < 12e6


@pytest.mark.parametrize("name", recording_texts())
class TestEveryRecording:
    def test_is_there_and_not_too_long(self, name: str) -> None:
        assert 0.3 < announcement(name).size / 8000 < 8

    def test_does_not_clip(self, name: str) -> None:
        assert np.abs(announcement(name).astype(np.int64)).max() <= 30_000

    def test_begins_and_ends_at_rest(self, name: str) -> None:
        clip = announcement(name)
        assert abs(int(clip[0])) < 50
        assert abs(int(clip[-1])) < 50

    def test_speaks_at_about_minus_16_dbm0(self, name: str) -> None:
        clip = announcement(name).astype(np.float64)
        frames = clip[: clip.size // 160 * 160].reshape(-1, 160)
        power = np.square(frames).mean(axis=1)
        assert level_dbm0(frames[power > power.max() / 1000].ravel()) == pytest.approx(-16, abs=0.7)

    def test_keeps_to_the_telephone_band(self, name: str) -> None:
        power = np.square(np.abs(np.fft.rfft(announcement(name))))
        hertz = np.fft.rfftfreq(announcement(name).size, 1 / 8000)
        assert power[(hertz < 250) | (hertz > 3500)].sum() < 0.001 * power.sum()


def test_what_the_common_causes_need_is_there() -> None:
    needed = {
        "hello",
        "number-not-in-service",
        "number-changed",
        "all-circuits-busy",
        "call-rejected",
        "temporary-failure",
    }
    needed |= {"number-incomplete", "subscriber-absent", "facility-not-available"}
    assert needed <= set(available_announcements())
    assert recording_texts()["number-not-in-service"].startswith("The number you have dialled is not in service")


def test_an_unknown_name_is_told_which_there_are() -> None:
    with pytest.raises(UnknownRecordingError, match="no recording 'tea'; there are: hello"):
        announcement("tea")
    with pytest.raises(UnknownRecordingError, match="language 'xx'"):
        announcement("hello", "xx")


class TestSpokenDigits:
    def test_joins_digits_with_a_pause(self) -> None:
        one, two = announcement("digit-1"), announcement("digit-2")
        joined = spoken_digits("12")
        assert joined.size == one.size + 480 + two.size
        assert (joined[: one.size] == one).all()

    def test_joins_make_no_click(self) -> None:
        joined = spoken_digits("5550199").astype(np.int64)
        assert all(abs(int(joined[start - 1]) - int(joined[start])) < 50 for start in self.joins("5550199"))

    @staticmethod
    def joins(digits: str) -> list[int]:
        places, now = [], 0
        for digit in digits[:-1]:
            now += announcement(f"digit-{digit}").size
            places += [now, now + 480]
            now += 480
        return places

    def test_passes_over_punctuation(self) -> None:
        assert (spoken_digits("+1 (212) 555-0199") == spoken_digits("12125550199")).all()

    @pytest.mark.parametrize("number", ["", "12a", "A12"])
    def test_refuses_what_it_cannot_say(self, number: str) -> None:
        with pytest.raises(ValueError, match="is not a number that can be spoken"):
            spoken_digits(number)


class TestScript:
    def test_plays_its_items_in_order(self) -> None:
        tone = load_plan("us").tones["special-information"]
        clip = compose([tone, Pause(250), Recording("number-changed"), SpokenNumber("55")])
        expected = np.concatenate(
            [render(tone).introduction, np.zeros(2000, np.int16), announcement("number-changed"), spoken_digits("55")]
        )
        assert (clip == expected).all()

    def test_a_tone_can_be_given_a_time(self) -> None:
        clip = compose([Sounding(load_plan("us").tones["ringback"], 1000)])
        assert clip.size == 8000
        assert abs(int(clip[-1])) < 50

    @pytest.mark.parametrize("tone", ["dial", "ringback"])
    def test_a_tone_without_end_is_brought_to_rest_where_it_ends(self, tone: str) -> None:
        clip = compose([load_plan("us").tones[tone], Pause(10)])
        assert clip[0] == 0
        assert np.abs(clip[-84:-80]).max() < 200

    def test_push_button_digits_are_100_ms_each_and_100_ms_apart(self) -> None:
        clip = compose([PushedDigits("0123456789*#ABCD")])
        assert clip.size == (16 * 2 - 1) * 800
        assert "".join(digit.digit for digit in detect(clip)) == "0123456789*#ABCD"

    def test_what_is_there_already_is_left_as_it_is(self) -> None:
        tune = (1000 * np.sin(np.arange(800))).astype(np.int16)
        assert (compose([Clip(tune), Pause(100)])[:800] == tune).all()

    def test_nothing_is_nothing(self) -> None:
        assert compose([]).size == 0
