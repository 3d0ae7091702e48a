"""Recordings, spoken numbers and scripts."""

from __future__ import annotations

import numpy as np
import pytest

from tones.announcement import (
    Pause,
    Recording,
    Sounding,
    SpokenNumber,
    UnknownRecordingError,
    announcement,
    available_announcements,
    compose,
    recording_texts,
    spoken_digits,
)
from tones.cadence import render
from tones.plan import load_plan
from tones.units import level_dbm0


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

    @pytest.mark.parametrize("number", ["", "12a", "*12"])
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

    def test_nothing_is_nothing(self) -> None:
        assert compose([]).size == 0
