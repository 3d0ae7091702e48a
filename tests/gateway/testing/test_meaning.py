"""Whether what was heard is what was meant."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.exchange.effects import Sound
from gateway.exchange.own_sounds import keep
from gateway.exchange.sounds import render_sound
from gateway.testing.meaning import not_heard, parts_of
from tones.detect import listen
from tones.plan import GENERIC, load_plan
from tones.user_announcement import UserAnnouncement

BUSY = Sound(("tone busy",), "fr")
VACANT = Sound(("tone special-information", "say number-not-in-service"), "gb", 2)
CHANGED = Sound(("say number-changed", "digits 5550100"), "us", 1)
TEST_TONE = Sound(("sine 1004 -13",), "us")


def heard(sound: Sound, country: str) -> list[str]:
    pcm, repeat, *_ = render_sound(sound)
    if repeat:
        pcm = np.tile(pcm, -(-40_000 // pcm.size))
    return not_heard([sound], listen(pcm, [load_plan(country), load_plan(GENERIC)]))


@pytest.mark.parametrize(
    ("sound", "country"), [(BUSY, "fr"), (VACANT, "gb"), (CHANGED, "us"), (TEST_TONE, "us")], ids=lambda each: str(each)
)
def test_a_sound_that_was_played_was_heard(sound: Sound, country: str) -> None:
    assert heard(sound, country) == []


def test_what_was_not_played_is_named() -> None:
    pcm, *_ = render_sound(CHANGED)
    sounds = listen(pcm, [load_plan("us")])
    assert not_heard([BUSY], sounds) == ["tone busy (fr)"]
    assert not_heard([Sound(("say hello",), "us", 1), CHANGED], sounds) == ["say hello (us)"]


def test_the_order_counts() -> None:
    pcm, *_ = render_sound(CHANGED)
    other = Sound(("digits 5550100", "say number-changed"), "us", 1)
    assert not_heard([other], listen(pcm, [load_plan("us")])) == ["say number-changed (us)"]


def test_the_language_counts() -> None:
    german = Sound(("say hello", "digits 12"), "us", 1, language="de")
    assert heard(german, "us") == []
    pcm, *_ = render_sound(german)
    english = Sound(german.parts, "us", 1)
    assert not_heard([english], listen(pcm, [load_plan("us")])) == ["say hello (us)", "digits 12 (us)"]


def test_pauses_and_push_button_digits() -> None:
    assert heard(Sound(("pause 500", "dtmf 12#", "pause 3000", "say hello"), "us", 1), "us") == []


def test_the_users_own_is_known_by_its_name() -> None:
    tune = UserAnnouncement("tune", render_sound(Sound(("say echo",), "us", 1))[0][::-1].copy())
    keep(tune)
    sound = Sound(("wav tune.wav", "say hello"), "us", 1, own=(("wav tune.wav", tune.digest),))
    pcm, *_ = render_sound(sound)
    assert not_heard([sound], listen(pcm, [load_plan("us")], own=[tune])) == []
    assert not_heard([sound], listen(pcm, [load_plan("us")])) == ["wav tune.wav (us)"]


def test_once_is_not_twice() -> None:
    once = Sound(VACANT.parts, "gb", 1)
    pcm, *_ = render_sound(once)
    assert len(not_heard([VACANT], listen(pcm, [load_plan("gb"), load_plan(GENERIC)]))) == 2


def test_a_level_that_is_off_is_not_what_was_meant() -> None:
    pcm, *_ = render_sound(Sound(("sine 1004 -20",), "us"))
    assert not_heard([TEST_TONE], listen(np.tile(pcm, 40), [load_plan("us")])) == ["sine 1004 -13 (us)"]


def test_parts_are_repeated_as_often_as_they_are_played() -> None:
    assert len(list(parts_of([VACANT]))) == 4
    assert list(parts_of([BUSY])) == [("tone busy", BUSY)]
