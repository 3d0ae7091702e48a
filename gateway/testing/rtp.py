"""The sound of a telephone: one RTP socket, what came in on it, and what the telephone says (RFC 3550, RFC 4733)."""

from __future__ import annotations

import math
import random
import socket
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol

from gateway.core.errors import LocalProtocolError, ParseError
from gateway.media.receiver import Receiver
from gateway.media.rtp import PACKET_SAMPLES, TIMESTAMP_MODULUS, RtpPacket, signed_difference
from gateway.media.telephone_event import DIGITS, ReceivedEvent, event_packets
from gateway.sdp.offer_answer import Agreed
from tones.dtmf import render_digit
from tones.g711 import Law, decode, encode, idle_octet

Pcm = NDArray[np.int16]

PACKET_S: Final = 0.020
TRIES_FOR_AN_EVEN_PORT: Final = 20
SAMPLES_A_SECOND: Final = 8000
_LAWS: Final = {law.payload_type: law for law in Law}


@frozen
class Arrival:
    """One RTP packet as it came.

    Args:
        at_s: when, on the reactor's clock.
        packet: what it was.
        source: the host and port it came from.
    """

    at_s: float
    packet: RtpPacket = field(repr=False)
    source: tuple[str, int]


@define
class _Spurt:
    """What is said without a pause; `packets` is given the first packet's sequence number and timestamp."""

    packets: Callable[[int, int], list[RtpPacket]]
    said: Deferred[None]


def with_digits(pcm: Pcm, events: Iterable[ReceivedEvent], first_timestamp: int) -> Pcm:
    """A recording with the digits in it that came as telephone events, in their places.

    Args:
        pcm: what came as audio; it is changed.
        events: what came besides.
        first_timestamp: of the recording's first sample.
    """
    for event in events:
        begin = signed_difference(event.timestamp, first_timestamp, TIMESTAMP_MODULUS)
        if event.digit and 0 <= begin < len(pcm):
            tone = render_digit(event.digit, event.duration / 8)
            place = pcm[begin : begin + len(tone)]
            place[:] = tone[: len(place)]
    return pcm


class RtpSocket(DatagramProtocol):
    """One stream in, one stream out, on a port of its own.

    Args:
        reactor: Twisted's.
        host: the IP address to receive on.
        telephone_event: the payload type under which digits are welcome, None for none.

    Attributes:
        port: the UDP port, once open.
        arrivals: every RTP packet that came, in the order of coming.
        unreadable: datagrams that were no RTP.
        first_heard: called when the first packet comes.
    """

    transport: Any
    noisy = False

    def __init__(self, reactor: Any, host: str, telephone_event: int | None) -> None:
        self._reactor = reactor
        self._host = host
        self._events = frozenset(() if telephone_event is None else (telephone_event,))
        self._listening: Any = None
        self._receiver: Receiver | None = None
        self._first_timestamp = 0
        self._law = Law.MULAW
        self._agreed: Agreed | None = None
        self._spurts: deque[_Spurt] = deque()
        self._now_saying: deque[RtpPacket] = deque()
        self._said: Deferred[None] | None = None
        self._ticking: Any = None
        self._began_s: float | None = None
        self._ticks = 0
        generator = random.SystemRandom()
        self._ssrc, self._first_timestamp = generator.getrandbits(32), generator.getrandbits(31)
        self._sequence = generator.getrandbits(15)
        self.port = 0
        self.arrivals: list[Arrival] = []
        self.unreadable = 0
        self.first_heard: Callable[[], None] = lambda: None

    def open(self) -> int:
        """Bind a free port, an even one (RFC 3550 §11), and say which."""
        bound = _bound_to_even_port(self._host)
        try:
            self._listening = self._reactor.adoptDatagramPort(bound.fileno(), bound.family, self, maxPacketSize=2048)
            self.port = int(bound.getsockname()[1])
        finally:
            bound.close()
        return self.port

    def close(self) -> None:
        """Hear and say nothing more; what has been heard stays."""
        if self._ticking is not None and self._ticking.active():
            self._ticking.cancel()
        self._ticking = None
        waiting = [] if self._said is None else [self._said]
        waiting += [spurt.said for spurt in self._spurts]
        self._spurts.clear()
        self._now_saying.clear()
        self._said = None
        if self._listening is not None:
            self._listening.stopListening()
            self._listening = None
        for said in waiting:
            said.callback(None)

    # ---- in

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """A packet, from whomever."""
        now_s = self._reactor.seconds()
        source = addr[:2]
        try:
            packet = RtpPacket.parse(datagram)
        except ParseError:
            self.unreadable += 1
            return
        self.arrivals.append(Arrival(now_s, packet, source))
        receiver = self._receiver
        if receiver is None:
            self._law = _LAWS.get(packet.payload_type, Law.MULAW)
            receiver = self._receiver = Receiver(self._law, telephone_events=self._events)
            self._first_timestamp = packet.timestamp
        receiver.received(datagram, source, now_s)
        if len(self.arrivals) == 1:
            self.first_heard()

    def connectionRefused(self) -> None:
        """The gateway has closed its port: it no longer listens."""

    @property
    def receiver(self) -> Receiver | None:
        """The stream that is heard, with its statistics; None before the first packet."""
        return self._receiver

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will be heard."""
        return self._listening is None

    @property
    def audio(self) -> Pcm:
        """What has been heard: `int16` at 8000 Hz, from the first packet on, without gaps.

        Digits that came as telephone events are heard too, as a telephone lets its user hear them.
        """
        if self._receiver is None:
            return np.zeros(0, np.int16)
        return with_digits(decode(self._receiver.heard, self._law), self._receiver.events, self._first_timestamp)

    @property
    def digits(self) -> str:
        """The digits that have come as telephone events, in order."""
        return "" if self._receiver is None else "".join(event.digit for event in self._receiver.events)

    @property
    def heard_s(self) -> float:
        """How much has been heard, in seconds."""
        return 0.0 if self._receiver is None else self._receiver.assembler.samples / SAMPLES_A_SECOND

    # ---- out

    def aim(self, agreed: Agreed) -> None:
        """Say from now on what is to be said where the gateway wants it."""
        self._agreed = agreed

    def speak(self, pcm: Pcm) -> Deferred[None]:
        """Say something: a packet every 20 ms; fires once the last one is sent.

        Raises:
            LocalProtocolError: the gateway has not told yet where to.
        """
        agreed = self._ready()
        octets = encode(pcm, agreed.codec.law).tobytes()
        octets += bytes([idle_octet(agreed.codec.law)]) * (-len(octets) % PACKET_SAMPLES)
        number = agreed.codec.payload_type

        def packets(sequence: int, timestamp: int) -> list[RtpPacket]:
            return [
                RtpPacket(
                    number,
                    (sequence + at // PACKET_SAMPLES) & 0xFFFF,
                    (timestamp + at) & 0xFFFFFFFF,
                    self._ssrc,
                    octets[at : at + PACKET_SAMPLES],
                    marker=at == 0,
                )
                for at in range(0, len(octets), PACKET_SAMPLES)
            ]

        return self._say(packets)

    def press(self, digit: str, duration_ms: int) -> Deferred[None]:
        """Send a digit as a telephone-event; fires once its last packet is sent.

        Raises:
            LocalProtocolError: the gateway has not told yet where to, or takes no telephone-event.
            ValueError: there is no such digit.
        """
        agreed = self._ready()
        number = agreed.telephone_event
        if number is None:
            raise LocalProtocolError("telephone-event was not agreed upon")
        event = DIGITS.index(digit.upper())

        def packets(sequence: int, timestamp: int) -> list[RtpPacket]:
            return list(
                event_packets(
                    event,
                    duration_ms * SAMPLES_A_SECOND // 1000,
                    payload_type=number,
                    sequence=sequence,
                    timestamp=timestamp,
                    ssrc=self._ssrc,
                )
            )

        return self._say(packets)

    def _ready(self) -> Agreed:
        if self._listening is None:
            raise LocalProtocolError("the call is over")
        if self._agreed is None:
            raise LocalProtocolError("nothing can be said yet: the gateway has sent no session description")
        return self._agreed

    def _say(self, packets: Callable[[int, int], list[RtpPacket]]) -> Deferred[None]:
        said: Deferred[None] = Deferred()
        self._spurts.append(_Spurt(packets, said))
        if self._ticking is None:
            now_s = self._reactor.seconds()
            if self._began_s is None:
                self._began_s = now_s
            # The media clock goes on through the pauses.
            self._ticks = max(self._ticks, math.ceil((now_s - self._began_s) / PACKET_S))
            self._schedule()
        return said

    def _schedule(self) -> None:
        assert self._began_s is not None
        due_s = self._began_s + self._ticks * PACKET_S
        self._ticking = self._reactor.callLater(max(0.0, due_s - self._reactor.seconds()), self._tick)

    def _tick(self) -> None:
        self._ticking = None
        if not self._now_saying and self._spurts:
            spurt = self._spurts.popleft()
            timestamp = (self._first_timestamp + self._ticks * PACKET_SAMPLES) & 0xFFFFFFFF
            self._now_saying.extend(spurt.packets(self._sequence, timestamp))
            self._sequence = (self._sequence + len(self._now_saying)) & 0xFFFF
            self._said = spurt.said
        if self._now_saying and self._agreed is not None:
            self.transport.write(self._now_saying.popleft().serialize(), self._agreed.remote)
        self._ticks += 1
        said = self._said
        if not self._now_saying:
            self._said = None
        if self._now_saying or self._spurts:
            self._schedule()
        if self._said is None and said is not None:
            said.callback(None)


def _bound_to_even_port(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    odd = []
    try:
        for _ in range(TRIES_FOR_AN_EVEN_PORT):
            tried = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            tried.bind((host, 0))
            if tried.getsockname()[1] % 2 == 0:
                return tried
            odd.append(tried)
        return odd.pop()
    finally:
        for other in odd:
            other.close()
