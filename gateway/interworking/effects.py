"""What a call asks of the media plane, and tells the trace.

The owner of a `ReserveMedia` gets `media_reserved` or `media_refused`.
"""

from __future__ import annotations

from gateway.core.effects import Effect
from gateway.core.values import value
from gateway.sdp.offer_answer import Agreed


@value
class ReserveMedia(Effect):
    """An RTP port for this call, before the IAM (RFC 3398 §7.2.1)."""


@value
class ConnectMedia(Effect):
    """Where the caller wants to hear, and in which codec; nothing is sent yet.

    Args:
        agreed: what the latest offer and answer came to.
        signalled_from: the address that the caller's signalling comes from, "" where it is not known.
    """

    agreed: Agreed
    signalled_from: str = ""


@value
class CutThroughBackward(Effect):
    """From now on the caller hears what is on the circuit."""

    cic: int


@value
class CutThroughForward(Effect):
    """From now on the circuit carries what the caller says."""

    cic: int


@value
class PlayDigit(Effect):
    """A DTMF digit (ITU-T Q.23) on the forward direction of the circuit."""

    cic: int
    digit: str
    duration_ms: int


@value
class ReleaseMedia(Effect):
    """The port and the caller's side of the circuit are not needed any more."""


@value
class CallStarted(Effect):
    """A call has a name now; the trace finds it by its SIP Call-ID."""

    call: str
    sip_call_id: str


@value
class CircuitTaken(Effect):
    """From now on what happens on this circuit belongs to the call."""

    call: str
    cic: int


@value
class CallEnded(Effect):
    """Nothing more will come of the call but its last messages."""

    call: str
