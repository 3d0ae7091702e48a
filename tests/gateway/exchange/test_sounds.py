"""Words of a behaviour made audible."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.exchange.behaviours import Play, built_in_behaviours, built_in_treatments
from gateway.exchange.effects import Sound
from gateway.exchange.numbering import NumberPlan
from gateway.exchange.sounds import described, render_sound
from tones.announcement import UnknownRecordingError, announcement, available_languages, spoken_digits
from tones.cadence import render
from tones.detect import Kind, listen
from tones.detect.dtmf import detect
from tones.plan import UnknownToneError, all_plans, load_plan

PLAN = NumberPlan("1", built_in_behaviours(), built_in_treatments())
SECOND = 8000


def frequency_hz(pcm: np.ndarray[tuple[int], np.dtype[np.int16]]) -> float:
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(pcm.astype(np.float64)))
    return float(np.argmax(spectrum)) * SECOND / len(pcm)


def test_a_tone_is_one_period_for_ever() -> None:
    pcm, repeats, _ = render_sound(Sound(("tone busy",), "fr"))
    assert repeats
    assert len(pcm) == SECOND
    assert frequency_hz(pcm[: SECOND // 2]) == pytest.approx(440, abs=4)


def test_a_sine_is_seamless_and_at_its_level() -> None:
    pcm, repeats, _ = render_sound(Sound(("sine 1004 -13",), "us"))
    assert repeats
    twice = np.concatenate([pcm, pcm])
    assert frequency_hz(twice) == pytest.approx(1004, abs=0.5)
    rms = np.sqrt(np.mean(pcm.astype(np.float64) ** 2))
    reference = np.sqrt(np.mean(render_sound(Sound(("sine 1004 0",), "us"))[0].astype(np.float64) ** 2))
    assert 20 * np.log10(rms / reference) == pytest.approx(-13, abs=0.05)


def test_a_sine_before_something_else_lasts_a_second() -> None:
    pcm, repeats, _ = render_sound(Sound(("sine 1004 -13", "say hello"), "us", 1))
    assert not repeats
    assert frequency_hz(pcm[:SECOND]) == pytest.approx(1004, abs=1)
    assert not pcm[SECOND : SECOND + SECOND // 2].any()
    assert len(pcm) == SECOND + SECOND // 2 + len(announcement("hello"))


def test_what_is_played_n_times_is_so_often_there() -> None:
    once, repeats, _ = render_sound(Sound(("say hello",), "us", 1))
    thrice, _, _ = render_sound(Sound(("say hello",), "us", 3))
    assert not repeats
    assert np.array_equal(once, announcement("hello"))
    assert len(thrice) == 3 * len(once) + 2 * SECOND


def test_a_changed_number_is_spoken_digit_by_digit() -> None:
    pcm, _, _ = render_sound(Sound(("say number-changed", "digits 33199000000"), "fr", 1))
    spoken = spoken_digits("33199000000", "fr")
    assert np.array_equal(pcm[-len(spoken) :], spoken)
    said = announcement("number-changed", "fr")
    assert np.array_equal(pcm[: len(said)], said)


@pytest.mark.parametrize("country", ["us", "fr", "de", "es", "br", "it", "cn", "jp"])
@pytest.mark.parametrize("name", ["hello", "number-not-in-service"])
def test_announcements_are_in_the_language_of_the_country_and_are_known_in_it(country: str, name: str) -> None:
    plan = load_plan(country)
    pcm, *_ = render_sound(Sound((f"say {name}",), country, 1))
    (heard,) = [each for each in listen(pcm, [plan]) if each.kind is not Kind.SILENCE]
    assert (heard.kind, heard.name, heard.language) == (Kind.RECORDING, name, plan.language)


def test_what_a_language_lacks_is_said_in_english_and_says_so() -> None:
    lacking = next(plan for plan in all_plans() if plan.language not in available_languages())
    sound = Sound(("say hello",), lacking.country, 1)
    pcm, *_ = render_sound(sound)
    assert np.array_equal(pcm, announcement("hello"))
    assert described(sound) == f"say hello (in en) ({lacking.country})"
    (heard,) = [each for each in listen(pcm, [lacking]) if each.kind is not Kind.SILENCE]
    assert (heard.name, heard.language) == ("hello", "en")


def test_what_is_there_not_is_an_error() -> None:
    with pytest.raises(UnknownToneError):
        render_sound(Sound(("tone nonsense",), "us"))
    with pytest.raises(UnknownRecordingError):
        render_sound(Sound(("say nonsense",), "us"))


@pytest.mark.parametrize("country", ["us", "gb", "fr", "de", "jp", "e180"])
def test_every_treatment_is_heard(country: str) -> None:
    for cause in {*built_in_treatments(), 127} - {0}:
        play = PLAN.find(f"91{cause:03}", False).steps[1]
        assert isinstance(play, Play)
        parts = tuple("digits 33199000000" if part == "digits new" else part for part in play.parts)
        pcm, repeats, _ = render_sound(Sound(parts, country, play.times))
        assert repeats is (play.times == 0)
        assert np.abs(pcm).max() > 1000


def test_every_built_in_behaviour_is_heard() -> None:
    for behaviour in built_in_behaviours().values():
        for step in behaviour.steps:
            if isinstance(step, Play):
                parts = tuple("digits 12" if part.startswith("digits") else part for part in step.parts)
                assert render_sound(Sound(parts, "de", step.times))[0].any()


def test_in_words() -> None:
    assert described(Sound(("tone busy",), "fr")) == "tone busy (fr)"
    assert described(Sound(("say hello",), "us", 2)) == "say hello (us), twice"
    assert described(Sound(("say hello",), "us", 3)) == "say hello (us), 3 times"


def test_what_a_tone_begins_with_is_not_repeated() -> None:
    pcm, repeats, introduction = render_sound(Sound(("tone dial-recall",), "us"))
    tone = render(load_plan("us").find("dial-recall").tone)
    assert repeats
    assert introduction == len(tone.introduction) > 0
    assert np.array_equal(pcm[:introduction], tone.introduction)
    assert np.array_equal(pcm[introduction:], tone.period)


def test_digits_of_the_far_end_are_push_button_digits() -> None:
    pcm, repeats, _ = render_sound(Sound(("dtmf 0123456789*#",), "us", 1))
    assert not repeats
    assert "".join(each.digit for each in detect(pcm)) == "0123456789*#"


def test_pauses_and_gaps_are_as_long_as_they_should_be() -> None:
    hello = len(announcement("hello"))
    pcm, *_ = render_sound(Sound(("say hello", "pause 300", "say hello"), "us", 2, gap_ms=100))
    assert len(pcm) == 2 * (2 * hello + 8 * 300) + 8 * 200
    pcm, *_ = render_sound(Sound(("say hello", "say hello"), "us", 1, gap_ms=100))
    assert len(pcm) == 2 * hello + 8 * 100


def test_a_fade_comes_and_goes() -> None:
    sine, *_ = render_sound(Sound(("sine 1000 -10", "pause 1"), "us", 1, gap_ms=0))
    pcm, *_ = render_sound(Sound(("sine 1000 -10", "pause 1"), "us", 1, gap_ms=0, fade_ms=200))
    assert len(pcm) == len(sine)
    assert np.array_equal(pcm[1600:-1600], sine[1600:-1600])
    assert np.abs(pcm[:80]).max() < 0.06 * np.abs(sine).max()
    assert np.abs(pcm[-80:]).max() < 0.06 * np.abs(sine).max()


@pytest.mark.parametrize(
    "part", ["say number-changed", "digits 0123456789", "dtmf 12", "tone special-information", "sine 1004 -13"]
)
def test_every_part_begins_and_ends_at_rest_so_that_nothing_clicks_where_parts_meet(part: str) -> None:
    pcm, *_ = render_sound(Sound((part, "pause 100", part), "fr", 1, gap_ms=0))
    silent = np.flatnonzero(np.diff(np.flatnonzero(pcm)) > 700)
    assert len(silent) >= 1
    edges = np.flatnonzero(pcm)[np.concatenate([silent, silent + 1])]
    assert np.abs(pcm[edges]).max() <= 600
    assert np.abs(pcm[[0, -1]]).max() <= 600


def test_the_language_can_be_chosen() -> None:
    sound = Sound(("say hello",), "us", 1, language="de")
    pcm, *_ = render_sound(sound)
    assert np.array_equal(pcm, announcement("hello", "de"))
    assert described(sound) == "say hello (in de) (us)"
    assert described(Sound(("digits 12", "say hello"), "fr", 1, language="fr")) == "digits 12, say hello (fr)"
