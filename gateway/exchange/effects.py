"""What the exchange puts on a circuit, and asks to hear; the effect's owner gets `sound_ended` and `digit_heard`."""

from __future__ import annotations

from attrs import frozen

from gateway.core.effects import Effect


@frozen
class Sound:
    """What is to be heard, in words.

    Args:
        parts: "tone busy", "say hello", "digits 5550100", "sine 1004 -13", one after the other.
        country: whose tone plan and language: the name of a tone plan, "fr"; "e180" is the generic one.
        times: how often the whole is played; 0 for ever.
    """

    parts: tuple[str, ...]
    country: str
    times: int = 0


ECHO = Sound((), "")
"""What a listener to the circuit is told when the exchange gives the caller back what the caller says."""


@frozen
class PlaySound(Effect):
    """Put a sound on the backward direction of a circuit, in place of what was there."""

    cic: int
    sound: Sound


@frozen
class EchoCircuit(Effect):
    """From now on the backward direction carries what the forward direction brings."""

    cic: int


@frozen
class ListenToCircuit(Effect):
    """Tell the owner `digit_heard(digit)` for each DTMF digit on the forward direction (ITU-T Q.24)."""

    cic: int


@frozen
class LeaveCircuit(Effect):
    """The call is over: nothing of ours is on the circuit any more."""

    cic: int
