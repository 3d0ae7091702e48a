"""What the exchange puts on a circuit, and asks to hear; the effect's owner gets `sound_ended` and `digit_heard`.

The owner of a `RingHandset` gets `handset_ringing`, `handset_busy` or `handset_absent`, and from then on what the local
handset does: `handset_answered`, `handset_hung_up`, or `handset_absent` when it is unplugged.
"""

from __future__ import annotations

from gateway.core.effects import Effect
from gateway.core.values import value


@value
class Sound:
    """What is to be heard, in words.

    Args:
        parts: "tone busy", "say hello", "digits 5550100", "sine 1004 -13", "dtmf 42#", "pause 500", "wav FILE",
            "text WORDS", one after the other.
        country: whose tone plan and language: the name of a tone plan, "fr"; "e180" is the generic one.
        times: how often the whole is played; 0 for ever.
        gap_ms: the pause between parts, unless one of them is a pause; twice as long between repetitions.
        fade_ms: how long the whole takes to come and to go.
        language: of what is spoken, ISO 639-1; "" for the country's.
        own: the parts that are announcements of the user's own, and which (`own_sounds.kept`).
    """

    parts: tuple[str, ...]
    country: str
    times: int = 0
    gap_ms: int = 500
    fade_ms: int = 0
    language: str = ""
    own: tuple[tuple[str, str], ...] = ()


ECHO = Sound((), "")
"""What a listener to the circuit is told when the exchange gives the caller back what the caller says."""
HANDSET = Sound(("handset",), "")
"""What a listener to the circuit is told when the local handset speaks on it."""


@value
class PlaySound(Effect):
    """Put a sound on the backward direction of a circuit, in place of what was there."""

    cic: int
    sound: Sound


@value
class EchoCircuit(Effect):
    """From now on the backward direction carries what the forward direction brings."""

    cic: int


@value
class ListenToCircuit(Effect):
    """Tell the owner `digit_heard(digit)` for each DTMF digit on the forward direction (ITU-T Q.24)."""

    cic: int


@value
class LeaveCircuit(Effect):
    """The call is over: nothing of ours is on the circuit any more."""

    cic: int


@value
class RingHandset(Effect):
    """Let the local handset ring, as telephones of the country do (the name of a tone plan)."""

    cic: int
    country: str


@value
class ConnectHandset(Effect):
    """The handset has answered: its microphone on the backward direction, the forward direction on its loudspeaker."""

    cic: int


@value
class ReleaseHandset(Effect):
    """The handset's call on this circuit is over."""

    cic: int
