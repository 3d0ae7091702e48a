"""The local handset's line: the exchange's end of it, and the frames in which the two talk over the control socket.

    +------+----------------+---------------------+
    | kind | length, 16 bit | payload             |   length in network byte order, of the payload alone
    +------+----------------+---------------------+

       line -> handset                              handset -> line
    "R"  ring; payload: the country, "fr"        "L"  lifted: the answer
    "C"  connected: both hear each other         "H"  hung up; while it rings: the call is rejected
    "O"  over
    0    G.711 mu-law, what the caller says      0    G.711 mu-law, what the microphone hears
    8    G.711 A-law, the same                   8    G.711 A-law

The kinds of speech are the payload types of RFC 3551. The handset may speak either law at any time; it is spoken to in
that of the circuit. Frames have 20 ms when they come from the line, and at most `MOST_OCTETS` when they go to it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any, Final, Protocol

from attrs import frozen

from gateway.core.effects import Machine
from gateway.core.errors import GatewayError, ParseError
from gateway.exchange.effects import ConnectHandset, ReleaseHandset, RingHandset
from gateway.net.media import MediaPlane
from gateway.net.media_worker import MediaWorkers
from gateway.net.runner import Runner
from tones.g711 import Law

MOST_OCTETS: Final = 1600
"""200 ms: nothing that a frame carries is longer."""
READY: Final = "ready"
"""What the line says to a handset that it takes."""
ABSENT: Final = "no handset is connected; connect one: python -m gateway handset"
UNPLUGGED: Final = "the handset was unplugged"
_HEADER: Final = struct.Struct(">BH")


class Kind(IntEnum):
    """What a frame is."""

    PCMU = 0
    PCMA = 8
    CONNECTED = ord("C")
    HUNG_UP = ord("H")
    LIFTED = ord("L")
    OVER = ord("O")
    RING = ord("R")


SPEECH: Final = {Kind.PCMU: Law.MULAW, Kind.PCMA: Law.ALAW}
KINDS: Final = {law: kind for kind, law in SPEECH.items()}


@frozen
class Frame:
    """One message between the line and the handset."""

    kind: Kind
    payload: bytes = b""

    def serialize(self) -> bytes:
        """As it is sent."""
        return _HEADER.pack(self.kind, len(self.payload)) + self.payload


class Frames:
    """Frames out of a stream of octets."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, octets: bytes) -> Iterator[Frame]:
        """The frames that are whole now.

        Raises:
            ParseError: what came is none.
        """
        waiting = self._waiting
        waiting += octets
        while len(waiting) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(waiting)
            if kind not in iter(Kind):
                raise ParseError(f"there is no frame of kind {kind}", 0)
            if length > MOST_OCTETS:
                raise ParseError(f"a frame of {length} octets; there may be {MOST_OCTETS}", 1)
            end = _HEADER.size + length
            if len(waiting) < end:
                return
            frame = Frame(Kind(kind), bytes(waiting[_HEADER.size : end]))
            del waiting[:end]
            yield frame


class HandsetRefusedError(GatewayError):
    """The line takes no handset now, and why."""


class HandsetUser(Protocol):
    """Who lets the handset ring; see `RingHandset`."""

    def handset_ringing(self) -> None:
        """It rings."""

    def handset_busy(self) -> None:
        """It is in another call."""

    def handset_absent(self, why: str) -> None:
        """There is none, or no longer."""

    def handset_answered(self) -> None:
        """It was lifted."""

    def handset_hung_up(self) -> None:
        """It was put down."""


@frozen(eq=False)
class _Call:
    user: HandsetUser
    cic: int


class HandsetLine:
    """The line that one handset can be plugged into; performs the exchange's effects for it.

    Args:
        runner: whose effects are performed.
        media: where its calls' circuits are.
    """

    def __init__(self, runner: Runner, media: MediaPlane | MediaWorkers) -> None:
        self._runner = runner
        self._media = media
        self._handset: HandsetConnection | None = None
        self._call: _Call | None = None
        self._say: Callable[[Law, bytes], None] | None = None
        runner.performs(RingHandset, self._ring)
        # In their turn among the media effects.
        runner.performs_last(ConnectHandset, self._connect)
        runner.performs_last(ReleaseHandset, self._release)

    # --- what the exchange asks for -----------------------------------------------------------------------------

    def _ring(self, owner: Machine | None, effect: RingHandset) -> None:
        user: HandsetUser = owner  # type: ignore[assignment]  # whoever lets it ring takes what it does
        if self._handset is None:
            self._runner.deliver(user.handset_absent, ABSENT)
        elif self._call is not None:
            self._runner.deliver(user.handset_busy)
        else:
            self._call = _Call(user, effect.cic)
            self._handset.send(Frame(Kind.RING, effect.country.encode()))
            self._runner.deliver(user.handset_ringing)

    def _connect(self, owner: Machine | None, effect: ConnectHandset) -> None:
        if self._handset is not None and self._is_in_call(owner):
            self._say = self._media.converse(effect.cic, self._handset.speak)
            self._handset.send(Frame(Kind.CONNECTED))

    def _release(self, owner: Machine | None, effect: ReleaseHandset) -> None:
        if self._is_in_call(owner):
            self._call = self._say = None
            if self._handset is not None:
                self._handset.send(Frame(Kind.OVER))

    def _is_in_call(self, owner: object) -> bool:
        return self._call is not None and self._call.user is owner

    # --- what the handset does ----------------------------------------------------------------------------------

    def plug_in(self, handset: HandsetConnection) -> None:
        """A handset is there.

        Raises:
            HandsetRefusedError: so is another.
        """
        if self._handset is not None:
            raise HandsetRefusedError("another handset is connected; there is one line")
        self._handset = handset

    def unplug(self, handset: HandsetConnection) -> None:
        """It is no longer there; no harm if it never was."""
        if self._handset is handset:
            self._handset = None
            if self._call is not None:
                self._runner.deliver(self._call.user.handset_absent, UNPLUGGED)

    def frame_received(self, frame: Frame) -> None:
        """The handset says something; what does not fit the moment (lifted without a call) is of no effect."""
        if self._call is None:
            return
        if frame.kind is Kind.LIFTED:
            self._runner.deliver(self._call.user.handset_answered)
        elif frame.kind is Kind.HUNG_UP:
            self._runner.deliver(self._call.user.handset_hung_up)
        elif frame.kind in SPEECH and self._say is not None:
            self._say(SPEECH[frame.kind], frame.payload)


class HandsetConnection:
    """A handset on a transport of Twisted's.

    Args:
        line: where it is plugged in.
        transport: to the handset; speech is left out while it is behind.

    Raises:
        HandsetRefusedError: the line does not take it.
    """

    def __init__(self, line: HandsetLine, transport: Any) -> None:
        self._line = line
        self._transport = transport
        self._frames = Frames()
        self.is_behind = False
        line.plug_in(self)

    def data_received(self, data: bytes) -> None:
        """Octets from the handset; nonsense ends the connection."""
        try:
            for frame in self._frames.feed(data):
                self._line.frame_received(frame)
        except ParseError:
            self._transport.loseConnection()

    def send(self, frame: Frame) -> None:
        """To the handset."""
        self._transport.write(frame.serialize())

    def speak(self, law: Law, octets: bytes) -> None:
        """What the caller says, 20 ms of it."""
        if not self.is_behind:
            self.send(Frame(KINDS[law], octets))

    def lost(self) -> None:
        """The connection is gone."""
        self._line.unplug(self)
