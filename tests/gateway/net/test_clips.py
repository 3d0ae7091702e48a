"""Sounds in words become clips of the store; whether digits are in them is known without listening, where words say."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.exchange.effects import Sound
from gateway.exchange.own_sounds import keep
from gateway.media.store import SoundStore
from gateway.net.clips import Clips
from tones.dtmf import render_digits
from tones.user_announcement import UserAnnouncement


@pytest.mark.parametrize(
    ("parts", "digits"),
    [
        (("dtmf 12",), True),
        (("say hello", "pause 100", "digits 12"), False),
        (("tone dial", "say hello"), False),
        (("sine 697 -10",), False),
        (("say code",), True),
        (("say quiet",), False),
    ],
)
def test_digits_are_known(parts: tuple[str, ...], digits: bool) -> None:
    code = UserAnnouncement("code", render_digits("5"), has_digits=True)
    quiet = UserAnnouncement("quiet", np.zeros(800, np.int16))
    for each in (code, quiet):
        keep(each)
    own = tuple((f"say {each.name}", each.digest) for each in (code, quiet) if f"say {each.name}" in parts)
    clips = Clips(SoundStore(), set)
    clip = clips.of_sound(Sound(parts, "us", 1, own=own))
    assert clips.has_digits(clip) is digits
    assert clips.of_sound(Sound(parts, "us", 1, own=own)) is clip
