"""Known recordings are found, where they are, whatever the line did to them."""

from __future__ import annotations

import numpy as np
import pytest

from tones.announcement import (
    Clip,
    Pause,
    Recording,
    SpokenNumber,
    announcement,
    available_announcements,
    available_languages,
    compose,
    recording_texts,
    spoken_digits,
)
from tones.detect import listen
from tones.detect.heard import Kind
from tones.detect.recordings import find_recordings
from tones.g711 import Law, decode, encode
from tones.user_announcement import UserAnnouncement

Pcm = np.ndarray[tuple[int, ...], np.dtype[np.int16]]


def through(pcm: Pcm, law: Law = Law.ALAW) -> Pcm:
    return decode(encode(pcm, law), law)


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("name", available_announcements())
def test_each_recording_with_one_percent_of_packets_lost(name: str, law: Law) -> None:
    pcm = through(compose([Pause(1234), Recording(name), Pause(500)]), law).copy()
    for frame in np.flatnonzero(np.random.default_rng(len(name)).random(pcm.size // 160) < 0.01):
        pcm[frame * 160 : frame * 160 + 160] = decode(b"\xd5", Law.ALAW)[0]
    (heard,) = find_recordings(pcm)
    assert (heard.kind, heard.name) == (Kind.RECORDING, name)
    assert heard.onset_s == pytest.approx(1.234, abs=0.001)
    assert heard.duration_s == pytest.approx(announcement(name).size / 8000, abs=0.15)
    assert heard.confidence > 0.9


def test_a_recording_played_twice_is_found_twice() -> None:
    pcm = compose([Recording("out-of-order"), Pause(500), Recording("out-of-order")])
    assert [heard.name for heard in find_recordings(through(pcm))] == ["out-of-order"] * 2


def test_the_end_alone_is_enough() -> None:
    (heard,) = find_recordings(through(announcement("number-not-in-service")[14_000:]))
    assert heard.name == "number-not-in-service"
    assert heard.onset_s == 0


def test_the_beginning_alone_may_be_one_of_several() -> None:
    """ "The number you have dialled is" begins more than one recording."""
    (heard,) = find_recordings(through(announcement("number-not-in-service")[:9_000]))
    assert heard.fits("number-not-in-service")
    assert heard.fits("number-incomplete")
    assert heard.confidence < 0.5


@pytest.mark.parametrize("number", ["5550199", "0123456789", "8888", "33199000003"])
def test_spoken_numbers_are_read(number: str) -> None:
    (heard,) = find_recordings(through(spoken_digits(number)))
    assert (heard.kind, heard.name) == (Kind.NUMBER, number)


def test_a_changed_number_is_a_recording_and_a_number() -> None:
    heard = find_recordings(through(compose([Recording("number-changed"), Pause(100), SpokenNumber("5550199")])))
    assert [(each.kind, each.name) for each in heard] == [
        (Kind.RECORDING, "number-changed"),
        (Kind.NUMBER, "5550199"),
    ]


def test_the_search_can_be_kept_to_some_recordings() -> None:
    assert find_recordings(announcement("hello"), ["goodbye"]) == []


@pytest.mark.parametrize("cut_s", [1.6, 2.0])
@pytest.mark.parametrize("language", ["en", "fr", "ja"])
def test_one_that_was_cut_off_leaves_room_for_what_follows(cut_s: float, language: str) -> None:
    begun = announcement("press-a-digit", language)[: int(8000 * cut_s)]
    pcm = through(compose([Clip(begun), Pause(300), SpokenNumber("7"), Pause(500), Recording("goodbye")], language))
    heard = find_recordings(pcm, language=language)
    assert [each.name for each in heard] == ["press-a-digit", "7", "goodbye"]
    assert heard[0].end_s == pytest.approx(cut_s, abs=0.1)
    assert heard[0].whole_s == announcement("press-a-digit", language).size / 8000


def test_noise_and_silence_are_no_recording() -> None:
    noise = np.random.default_rng(3).normal(0, 1000, 40_000).astype(np.int16)
    assert find_recordings(noise) == []
    assert find_recordings(np.zeros(8000, np.int16)) == []
    assert find_recordings(np.zeros(0, np.int16)) == []


def test_a_recording_backwards_is_another() -> None:
    assert find_recordings(announcement("hello")[::-1].copy()) == []


@pytest.mark.parametrize("number", ["0123456789", "66666", "81312345600", "442079460000", "9876543210", "16061616"])
@pytest.mark.parametrize("law", list(Law))
def test_no_digit_of_a_spoken_number_is_left_out_in_a_call(number: str, law: Law) -> None:
    pcm = compose([Recording("number-changed"), Pause(500.0), SpokenNumber(number)])
    heard = listen(decode(encode(pcm, law), law))
    assert [each.name for each in heard if each.kind is Kind.NUMBER] == [number]


class TestLanguages:
    """Each stretch is in the language that fits it best."""

    @pytest.mark.parametrize("language", available_languages())
    @pytest.mark.parametrize("number", ["0123456789*#", "5550199", "16061616"])
    def test_a_number_is_in_the_language_it_was_spoken_in(self, language: str, number: str) -> None:
        (heard,) = find_recordings(through(spoken_digits(number, language)), language=available_languages())
        assert (heard.name, heard.language) == (number, language)

    @pytest.mark.parametrize("language", available_languages())
    def test_so_is_every_recording(self, language: str) -> None:
        for name, text in recording_texts(language).items():
            if not name.startswith("digit-"):
                pcm = announcement(name, language)
                (heard,) = find_recordings(through(pcm), language=available_languages())
                assert (heard.name, heard.language, heard.text) == (name, language, text)
                assert heard.whole_s == pcm.size / 8000


class TestOwn:
    """Announcements of the user's own."""

    TUNE = UserAnnouncement("tune", announcement("echo")[::-1].copy(), "fr", "Backwards.")

    def test_one_is_known_by_its_name(self) -> None:
        pcm = compose([Recording("hello"), Pause(700), Clip(self.TUNE.pcm), Pause(500)])
        heard = find_recordings(through(pcm), own=[self.TUNE])
        assert [(each.name, each.language) for each in heard] == [("hello", "en"), ("tune", "fr")]
        assert (heard[1].text, heard[1].whole_s) == ("Backwards.", self.TUNE.pcm.size / 8000)
        assert [each.name for each in find_recordings(through(pcm))] == ["hello"]

    def test_a_long_one_is_known_by_its_beginning(self) -> None:
        hour = UserAnnouncement("hour", np.random.default_rng(1).normal(0, 2000, 90 * 8000).astype(np.int16))
        (heard,) = find_recordings(through(hour.pcm[: 8 * 8000]), own=[hour])
        assert (heard.name, heard.whole_s) == ("hour", 90.0)

    def test_an_empty_one_is_never_heard(self) -> None:
        assert find_recordings(np.zeros(8000, np.int16), own=[UserAnnouncement("x", np.zeros(0, np.int16))]) == []
