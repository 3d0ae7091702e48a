"""What a `play` step puts on the circuit of a call: its script, with the numbers of that call in it."""

from __future__ import annotations

from gateway.exchange.behaviours import Play
from gateway.exchange.effects import Sound
from gateway.exchange.numbering import Destination, changed_number
from tones.announcement import DIGIT_NAMES

SILENCE = "pause 20"
"""What is played in place of an announcement that a digit has ended; its end is the announcement's."""

_NUMBERS = frozenset({"digits called", "digits new", "digits heard"})


def sound_of(step: Play, destination: Destination, heard: str) -> Sound:
    """The sound of a step.

    Args:
        step: its script.
        destination: of the call.
        heard: the digits that the caller has pressed; those that cannot be spoken are passed over.
    """
    parts = step.parts
    if not _NUMBERS.isdisjoint(parts):
        spoken = {
            "digits called": destination.digits,
            "digits new": changed_number(destination.digits),
            "digits heard": "".join(digit for digit in heard if digit in DIGIT_NAMES),
        }
        parts = tuple(f"digits {spoken[part]}" if part in spoken else part for part in parts if spoken.get(part, part))
    own = tuple([(part, announcement.digest) for part, announcement in step.own])
    return Sound(parts or (SILENCE,), destination.country, step.times, step.gap, step.fade, step.language, own)


def silence(destination: Destination) -> Sound:
    """What stands in place of an announcement that a digit has ended."""
    return Sound((SILENCE,), destination.country, 1)
