"""Announcements of the user's own: given once, found by what they sound like."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from gateway.exchange.own_sounds import NoOwnSounds, keep, kept
from tones.user_announcement import UserAnnouncement

TUNE = UserAnnouncement("tune", np.arange(800, dtype=np.int16))


def test_what_was_given_is_found_again() -> None:
    keep(TUNE)
    assert kept(TUNE.digest) is TUNE


def test_what_was_not_given_is_an_error() -> None:
    with pytest.raises(LookupError, match="the announcement 0123 has not been loaded here"):
        kept("0123")


def test_it_goes_to_another_process_as_it_is() -> None:
    there = pickle.loads(pickle.dumps(TUNE))
    assert there == TUNE
    assert np.array_equal(there.pcm, TUNE.pcm)


def test_another_sound_is_another_announcement() -> None:
    assert UserAnnouncement("tune", TUNE.pcm[::-1]) != TUNE
    assert hash(UserAnnouncement("tune", TUNE.pcm.copy())) == hash(TUNE)


@pytest.mark.parametrize("part", ["wav tune.wav", "text Hello."])
def test_without_a_configuration_there_are_none(part: str) -> None:
    assert NoOwnSounds().find("say hello", "") is None
    with pytest.raises(ValueError, match="only a configuration has announcements of its own"):
        NoOwnSounds().find(part, "")
