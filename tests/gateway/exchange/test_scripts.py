"""What a `play` step puts on a circuit: its script with the numbers of the call."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.exchange.behaviours import Play
from gateway.exchange.effects import Sound
from gateway.exchange.numbering import Destination
from gateway.exchange.scripts import silence, sound_of
from tones.user_announcement import UserAnnouncement

CALLED = Destination("33199000006", "fr", "a test", ())


@pytest.mark.parametrize(
    ("part", "heard", "becomes"),
    [
        ("digits called", "", ("digits 33199000006",)),
        ("digits new", "", ("digits 33199000000",)),
        ("digits heard", "12*#", ("digits 12*#",)),
        ("digits heard", "1A2D", ("digits 12",)),
        ("digits heard", "A", ("pause 20",)),
        ("digits heard", "", ("pause 20",)),
        ("digits 0815", "12", ("digits 0815",)),
        ("say hello", "12", ("say hello",)),
    ],
)
def test_numbers_of_the_call_stand_in_the_script(part: str, heard: str, becomes: tuple[str, ...]) -> None:
    assert sound_of(Play((part,), 1), CALLED, heard) == Sound(becomes, "fr", 1)


def test_what_cannot_be_spoken_is_passed_over() -> None:
    assert sound_of(Play(("digits heard", "say goodbye"), 1), CALLED, "").parts == ("say goodbye",)


def test_how_it_is_played_goes_along() -> None:
    tune = UserAnnouncement("tune", np.arange(800, dtype=np.int16))
    step = Play(("say tune", "say hello"), 3, 100, 20, "de", own=(("say tune", tune),))
    assert sound_of(step, CALLED, "") == Sound(
        ("say tune", "say hello"), "fr", 3, 100, 20, "de", (("say tune", tune.digest),)
    )


def test_the_silence_after_an_announcement_ends() -> None:
    assert silence(CALLED) == Sound(("pause 20",), "fr", 1)
