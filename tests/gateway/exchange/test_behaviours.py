"""Behaviours read from TOML, and every mistake that can be made in them."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import numpy as np
import pytest

from gateway.core.errors import ConfigError
from gateway.exchange.behaviours import (
    Echo,
    Play,
    Send,
    Stay,
    Wait,
    WaitForSound,
    built_in_behaviours,
    built_in_treatments,
    check_sound,
    read_behaviour,
)
from tones.user_announcement import UserAnnouncement


def read(steps: str, ending: str = "77") -> tuple[object, ...]:
    """The steps of a behaviour as they stand in a file."""
    return read_behaviour(ending, tomllib.loads(f"steps = {steps}"), "exchange.behaviours.77").steps


def test_each_kind_of_step() -> None:
    assert read(
        """[
        { send = "ACM", called_party = "subscriber free", in_band = true, diversion = true, interworking = true },
        { send = "CPG", event = "forwarded on busy" },
        { play = "tone busy" },
        { wait = 1.5 },
        { play = ["say hello", "digits new"], times = 2 },
        { wait = "sound" },
        { send = "ANM" },
        { echo = true },
        { stay = true },
        { send = "REL", cause = 17, location = "user" },
    ]"""
    ) == (
        Send("ACM", called_party="subscriber free", in_band=True, diversion=True, interworking=True),
        Send("CPG", event="forwarded on busy"),
        Play(("tone busy",)),
        Wait(1.5),
        Play(("say hello", "digits new"), 2),
        WaitForSound(),
        Send("ANM"),
        Echo(),
        Stay(),
        Send("REL", cause=17, location="user"),
    )


@pytest.mark.parametrize(
    ("steps", "where", "what"),
    [
        ("[]", "steps", "a list of at least one step"),
        ('"ACM"', "steps", "a list of at least one step"),
        ("[1]", "steps[1]", "a step is a table"),
        ("[{}]", "steps[1]", "a step is a table"),
        ("[{ hum = true }]", "steps[1]", "is no step"),
        ("[{ echo = false }]", "steps[1]", "is no step"),
        ("[{ stay = true, wait = 1 }]", "steps[1]", "is no step"),
        ('[{ send = "IAM" }]', "steps[1]", "'message' must be in"),
        ('[{ send = "ACM", called_party = "busy" }]', "steps[1]", "'called_party' must be in"),
        ('[{ send = "ACM", in_band = 1 }]', "steps[1]", "'in_band' must be <class 'bool'>"),
        ('[{ send = "ACM", colour = 1 }]', "steps[1]", "send got an unexpected keyword argument 'colour'"),
        ('[{ send = "REL", cause = 0 }]', "steps[1]", "'cause' must be >= 1"),
        ('[{ send = "REL", cause = 128 }]', "steps[1]", "'cause' must be <= 127"),
        ('[{ send = "REL", location = "moon" }]', "steps[1]", "'location' must be in"),
        ("[{ wait = -1 }]", "steps[1]", "neither a number of seconds"),
        ("[{ wait = nan }]", "steps[1]", "neither a number of seconds"),
        ("[{ wait = inf }]", "steps[1]", "neither a number of seconds"),
        ("[{ wait = true }]", "steps[1]", "neither a number of seconds"),
        ('[{ wait = "a while" }]', "steps[1]", "neither a number of seconds"),
        ("[{ play = [] }]", "steps[1]", "there has to be something to play"),
        ("[{ play = 440 }]", "steps[1]", "440 is no sound"),
        ('[{ play = "busy" }]', "steps[1]", "'busy' is no sound"),
        ('[{ play = "tone" }]', "steps[1]", "is no sound"),
        ('[{ play = "tone bussy" }]', "steps[1]", "no tone plan has such a tone"),
        ('[{ play = "say helo" }]', "steps[1]", "there are the recordings"),
        (
            '[{ play = "digits twelve" }]',
            "steps[1]",
            'there are "digits called", "digits new", "digits heard", and a number of 0123456789*#',
        ),
        ('[{ play = "sine 1004" }]', "steps[1]", "is no sound"),
        ('[{ play = "sine 4000 -13" }]', "steps[1]", "20 to 3900 Hz"),
        ('[{ play = "sine 1004 4" }]', "steps[1]", "-70 to 3 dBm0"),
        ('[{ play = "sine nan 0" }]', "steps[1]", "20 to 3900 Hz"),
        ('[{ play = "sine high 0" }]', "steps[1]", "could not convert"),
        ('[{ play = "tone busy", times = -1 }]', "steps[1]", "'times' must be >= 0"),
        ('[{ play = "tone busy", times = 101 }]', "steps[1]", "'times' must be <= 100"),
        ('[{ play = "tone busy" }, { wait = "sound" }]', "steps[2]", "nothing that ends is played before"),
        ('[{ wait = "sound" }]', "steps[1]", "nothing that ends is played before"),
        ('[{ send = "CPG" }]', "steps[1]", "CPG cannot be sent here, but ACM, CON, REL"),
        ('[{ send = "ANM" }]', "steps[1]", "ANM cannot be sent here"),
        ('[{ send = "ACM" }, { send = "ACM" }]', "steps[2]", "ACM cannot be sent here, but CPG, ANM, REL"),
        ('[{ send = "CON" }, { send = "ANM" }]', "steps[2]", "ANM cannot be sent here, but CPG, SUS, RES, REL"),
        ('[{ send = "REL" }, { stay = true }]', "steps[2]", "nothing can follow REL"),
        ("[{ handset = true }, { stay = true }]", "steps[2]", "nothing can follow handset"),
        ('[{ send = "ACM" }, { handset = true }]', "steps[2]", "handset cannot follow ACM or CON"),
        ("[{ handset = false }]", "steps[1]", "is no step"),
        ("[{ handset = true, no_answer = 0 }]", "steps[1]", "no_answer: 0 is not a number of seconds"),
        ("[{ handset = true, no_answer = true }]", "steps[1]", "no_answer: True is not a number of seconds"),
        ("[{ handset = true, times = 2 }]", "steps[1]", "handset got an unexpected keyword argument 'times'"),
    ],
)
def test_a_mistake_is_named_with_its_place(steps: str, where: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(steps)
    assert caught.value.key == f"exchange.behaviours.77.{where}"
    assert what in caught.value.message


@pytest.mark.parametrize("ending", ["7", "777", "", "a1", "١٢"])
def test_an_ending_is_two_digits(ending: str) -> None:
    with pytest.raises(ConfigError, match="is not two digits"):
        read("[{ stay = true }]", ending)


def test_unknown_keys_are_named() -> None:
    table: dict[str, Any] = {"step": [], "title": "x"}
    with pytest.raises(ConfigError) as caught:
        read_behaviour("77", table)
    assert caught.value.key == "77.step"


def test_a_behaviour_without_a_title_has_one() -> None:
    assert read_behaviour("77", {"steps": [{"stay": True}]}).title == "as configured for 77"


def test_the_built_in_ones_are_those_of_the_number_plan() -> None:
    assert sorted(built_in_behaviours()) == [
        "00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15",
        "20",
    ]  # fmt: skip
    assert all(behaviour.title for behaviour in built_in_behaviours().values())


def test_every_treatment_is_a_sound() -> None:
    for parts in built_in_treatments().values():
        for part in parts:
            check_sound(part)
    assert all(0 <= cause <= 127 for cause in built_in_treatments())


@pytest.mark.parametrize(
    ("steps", "wrong"),
    [
        ("{ play = 'dtmf 12x' }", "the digits are"),
        ("{ play = 'pause 0' }", "1 to 60000 ms"),
        ("{ play = 'pause x' }", "1 to 60000 ms"),
        ("{ play = 'wav' }", "is no sound"),
        ("{ play = 'wav nowhere.wav' }", "only a configuration has announcements of its own"),
        ("{ play = 'text Hello.' }", "only a configuration has announcements of its own"),
        ("{ play = 'say hello', own = [] }", "unexpected keyword argument 'own'"),
        ("{ play = 'say hello', language = 'xx' }", "language: there are recordings in en, de, es"),
        ("{ play = 'tone busy', fade = 100 }", "fade: a single tone that is played for ever"),
        ("{ play = 'say hello', barge_in = true }", "barge_in: no digit comes before ANM or CON"),
        ("{ play = 'say hello', gap = -1 }", "gap"),
        ("{ play = 'say hello', fade = 'x' }", "fade"),
        ("{ play = 'say hello', barge_in = 1 }", "barge_in"),
    ],
)
def test_a_part_that_cannot_be_played_is_refused(steps: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(wrong)):
        read_behaviour("77", tomllib.loads(f"steps = [{steps}]"))


def test_an_announcement_that_a_digit_ends_may_go_on_for_ever() -> None:
    assert read("[{ send = 'CON' }, { play = 'say hello', barge_in = true }, { wait = 'sound' }]")[1:] == (
        Play(("say hello",), barge_in=True),
        WaitForSound(),
    )


def test_a_number_may_be_given() -> None:
    assert read('[{ play = "digits 0123*#", times = 1 }]') == (Play(("digits 0123*#",), 1),)


class OneTune:
    """A configuration with one announcement."""

    tune = UserAnnouncement("tune", np.arange(800, dtype=np.int16))

    def find(self, part: str, language: str) -> UserAnnouncement | None:
        return self.tune if part in ("say tune", "wav tune.wav") and language == "de" else None


def test_the_users_own_are_found_where_they_are_named() -> None:
    table = {"steps": [{"play": ["say tune", "say hello", "wav tune.wav"], "times": 1, "language": "de"}]}
    (play,) = read_behaviour("77", table, own=OneTune()).steps
    assert isinstance(play, Play)
    assert play.parts == ("say tune", "say hello", "wav tune.wav")
    assert play.own == (("say tune", OneTune.tune), ("wav tune.wav", OneTune.tune))
