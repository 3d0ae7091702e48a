"""The calls of a capture: its SIP, the session descriptions in it, and where they say that media go (RFC 8866).

SIP is known by its first line, on any port, over UDP and TCP. What a session description announces at an address holds
for what is sent there: which payload type is which codec, and which is telephone-event (RFC 4733).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import define, field, frozen

from gateway.core.errors import ParseError
from gateway.media.receiver import STATIC_LAWS
from gateway.media.rtp import signed_difference
from gateway.sdp.model import SessionDescription
from gateway.sip.body import parts
from gateway.sip.framing import StreamFramer
from gateway.sip.message import Request, Response, parse_message
from gateway.trace.frames import Datagram, Segment
from gateway.trace.pcapng import Endpoint

TELEPHONE_EVENT: Final = "telephone-event"
_FIRST_LINE: Final = re.compile(rb"(?:SIP/2\.0 [1-6][0-9][0-9] |[A-Z]{2,24} [^ \r\n]+ SIP/2\.0\r?\n)")
_STATIC_CODECS: Final = {
    **{number: law.value for number, law in STATIC_LAWS.items()},
    3: "GSM",
    4: "G723",
    9: "G722",
    13: "CN",
    15: "G728",
    18: "G729",
}
_METHODS_OF_CALLS: Final = [[method] for method in ("INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO")]
_CONVERSATIONS_KEPT: Final = 4096
_SYN: Final = 0x02
_SEQUENCE_MODULUS: Final = 1 << 32
"""Of TCP (RFC 9293 §3.4)."""
_SOON_NS: Final = 500_000_000
"""Media may come a little before the description that announces them."""


@define(eq=False)
class Call:
    """One Call-ID of the capture.

    Attributes:
        number: from 1, in the order of the first message.
        caller, called: the From and To of its first request, as far as they can be read.
    """

    number: int
    call_id: str
    caller: str = ""
    called: str = ""

    def __str__(self) -> str:
        ends = f"{self.caller} to {self.called}" if self.caller or self.called else self.call_id
        return f"call {self.number}: {ends}"


@frozen
class Announced:
    """What a session description says of media at an address.

    Args:
        call: in which it was said.
        to_caller: whether the caller is there.
        codecs: payload type -> the codec's name, in upper case but for telephone-event.
    """

    call: Call
    to_caller: bool
    codecs: Mapping[int, str]


class Calls:
    """Reads the SIP of a capture."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}
        self._announced: dict[Endpoint, list[tuple[int, Announced]]] = {}
        self._conversations: OrderedDict[tuple[Endpoint, Endpoint], _Conversation] = OrderedDict()
        self.messages = 0
        self.unreadable = 0

    @property
    def calls(self) -> list[Call]:
        """In the order of their numbers."""
        return list(self._calls.values())

    def take(self, carried: Datagram | Segment, at_ns: int) -> None:
        """Look for SIP in what a frame carries."""
        if isinstance(carried, Datagram):
            if carried.payload[:1].isalpha() and _FIRST_LINE.match(carried.payload[:4096]):
                self._message(carried.payload, at_ns)
            return
        for message in self._from_tcp(carried):
            self._message(message, at_ns)

    def announced(self, endpoint: Endpoint, at_ns: int) -> Announced | None:
        """What was announced at an address at that time: the newest by then, or very soon; else the first."""
        known = self._announced.get(endpoint)
        if not known:
            return None
        number = bisect_right(known, at_ns + _SOON_NS, key=lambda each: each[0])
        return known[max(0, number - 1)][1]

    def _from_tcp(self, segment: Segment) -> Iterator[bytes]:
        ends = segment.source, segment.destination
        conversation = self._conversations.get(ends)
        if conversation is None:
            if not _FIRST_LINE.match(segment.payload[:4096]):
                return
            conversation = self._conversations[ends] = _Conversation(segment.sequence)
            if len(self._conversations) > _CONVERSATIONS_KEPT:
                self._conversations.popitem(last=False)
        yield from conversation.feed(segment)

    def _message(self, octets: bytes, at_ns: int) -> None:
        try:
            message = parse_message(octets)
            call_id = message.headers.get("Call-ID")
            bodies = parts(message)
        except ParseError:
            self.unreadable += 1
            return
        self.messages += 1
        if not call_id:
            return
        call = self._calls.get(call_id)
        if call is None:
            if (message.headers.get("CSeq") or "").split()[-1:] not in _METHODS_OF_CALLS:
                return
            call = self._calls[call_id] = Call(len(self._calls) + 1, call_id, *_ends(message))
        for body in bodies:
            if body.content_type.essence == "application/sdp":
                self._description(call, message, body.octets, at_ns)

    def _description(self, call: Call, message: Request | Response, octets: bytes, at_ns: int) -> None:
        try:
            description = SessionDescription.parse(octets)
        except ParseError:
            self.unreadable += 1
            return
        # Who described it: a request's sender, a response's answerer, seen from the call's first request.
        from_caller = isinstance(message, Request) == (_ends(message) == (call.caller, call.called))
        for media in description.media:
            connection = description.connection_of(media)
            if media.kind != "audio" or not media.port or connection is None or connection.ip is None:
                continue
            codecs = dict(_STATIC_CODECS)
            for number, rtpmap in media.rtpmap.items():
                name = rtpmap.encoding
                codecs[number] = TELEPHONE_EVENT if name.lower() == TELEPHONE_EVENT else name.upper()
            said = self._announced.setdefault((str(connection.ip), media.port), [])
            announced = Announced(call, from_caller, codecs)
            if not said or said[-1][1] != announced:
                said.append((max(at_ns, said[-1][0]) if said else at_ns, announced))


def _ends(message: Request | Response) -> tuple[str, str]:
    """Who is in From and To, in short."""
    return _user(message.headers.get("From") or ""), _user(message.headers.get("To") or "")


def _user(text: str) -> str:
    """What identifies somebody in a name-addr: the number or the user, without scheme, host and parameters."""
    found = re.search(r"(?:sips?|tel):([^@;>\s]+)", text, re.IGNORECASE)
    return found.group(1) if found else text[:40]


@define(eq=False)
class _Conversation:
    """One direction of a TCP connection that carries SIP; begins anew after a gap, at the next first line."""

    _next: int
    _framer: StreamFramer = field(factory=StreamFramer)
    _early: dict[int, Segment] = field(factory=dict)
    _lost: bool = False

    _MOST_EARLY: Final = 64

    def feed(self, segment: Segment) -> Iterator[bytes]:
        """A segment of any place: the messages that are whole by it."""
        if segment.flags & _SYN:
            self._begin((segment.sequence + 1) % _SEQUENCE_MODULUS)
            return
        if not segment.payload:
            return
        self._early[segment.sequence] = segment
        yield from self._read()
        if (len(self._early) > self._MOST_EARLY or self._lost) and self._resume():
            yield from self._read()

    def _read(self) -> Iterator[bytes]:
        while not self._lost and (ready := self._ready()) is not None:
            yield from self._framer.feed(ready.payload[(self._next - ready.sequence) % _SEQUENCE_MODULUS :])
            self._next = (ready.sequence + len(ready.payload)) % _SEQUENCE_MODULUS
            self._lost = not ready.whole or self._framer.error is not None

    def _begin(self, sequence: int) -> None:
        self._next, self._framer, self._lost = sequence, StreamFramer(), False
        self._early.clear()

    def _ready(self) -> Segment | None:
        """A segment that goes on where the last one ended; what is old is dropped."""
        for sequence in list(self._early):
            segment = self._early[sequence]
            ahead = self._ahead(sequence)
            if ahead > 0:
                continue
            del self._early[sequence]
            if ahead + len(segment.payload) > 0:
                return segment
        return None

    def _resume(self) -> bool:
        """Something is lost for good: go on with the first segment that begins a message, if there is one."""
        for sequence in sorted(self._early, key=self._ahead):
            if _FIRST_LINE.match(self._early[sequence].payload[:4096]):
                self._next, self._framer, self._lost = sequence, StreamFramer(), False
                return True
            del self._early[sequence]
        self._lost = True
        return False

    def _ahead(self, sequence: int) -> int:
        """How far a segment is from where the last one ended; negative: before it."""
        return signed_difference(sequence, self._next, _SEQUENCE_MODULUS)
