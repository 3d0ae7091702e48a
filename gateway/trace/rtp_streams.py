"""The RTP streams of a capture (RFC 3550): found, counted, and put in order to be listened to.

A stream is one SSRC from one address to another. Where a session description announced media, every RTP packet with a
payload type that it names is taken. Elsewhere three packets in a row must look alike: version 2, one SSRC, sequence
numbers that follow each other, payload type 0 or 8; and a payload type from 96 on in such a stream is telephone-event
if it has four octets that can be a digit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

from attrs import define, field, frozen

from gateway.core.errors import ParseError
from gateway.media.reception import ReceptionStatistics
from gateway.media.rtp import HEADER_OCTETS, SEQUENCE_MODULUS, TIMESTAMP_MODULUS, read_audio, signed_difference
from gateway.media.telephone_event import DIGITS, EventReceiver, ReceivedEvent
from gateway.trace.frames import Datagram
from gateway.trace.pcapng import Endpoint
from gateway.trace.sip_media import TELEPHONE_EVENT, Announced
from gateway.trace.stream_audio import Pcm, StreamAudio
from tones.g711 import Law
from tones.units import SAMPLE_RATE_HZ

ALIKE: Final = 3
"""So many packets in a row are RTP, where nothing says so."""
_MOST_APART: Final = 10
_GUESSED: Final = {law.payload_type: law.value for law in Law}
_LAWS: Final = {law.value: law for law in Law}
_COMFORT_NOISE: Final = "CN"
_CANDIDATES_KEPT: Final = 4096
_DYNAMIC: Final = 96
_EVENT_OCTETS: Final = 4

Key = tuple[Endpoint, Endpoint, int]


@frozen
class Event:
    """A telephone event; `onset_s` is from the stream's first packet."""

    name: str
    onset_s: float
    duration_s: float
    level_dbm0: float


@define(eq=False)
class Stream:
    """One stream, and what is known of it so far.

    Attributes:
        source, destination: where it goes.
        ssrc: the source's number.
        announced: what signalling says of it; None: nothing does.
        is_awaited: it goes where it was announced; False: it comes from there.
        first_s, last_s: when its packets came, since 1970.
        codecs: of its audio, by name, with packets of each.
        packets: that came, duplicates among them.
        cut_packets: captured in part only; what they carried is silence here.
        events: telephone events that are over.
    """

    source: Endpoint
    destination: Endpoint
    ssrc: int
    announced: Announced | None
    is_awaited: bool
    first_s: float
    last_s: float
    statistics: ReceptionStatistics = field(factory=ReceptionStatistics)
    audio: StreamAudio = field(factory=StreamAudio)
    codecs: dict[str, int] = field(factory=dict)
    packets: int = 0
    earlier_lost: int = 0
    earlier_duplicates: int = 0
    cut_packets: int = 0
    broken_events: int = 0
    events: list[Event] = field(factory=list)
    _receiver: EventReceiver = field(factory=EventReceiver)
    _event_clock: tuple[int, int] = (0, 0)

    @property
    def lost(self) -> int:
        """Sequence numbers that never came."""
        return self.earlier_lost + self.statistics.missing

    @property
    def duplicates(self) -> int:
        """Packets that came again."""
        return self.earlier_duplicates + self.statistics.duplicates

    @property
    def jitter_ms(self) -> float:
        """At its end (RFC 3550 §A.8)."""
        return self.statistics.jitter_samples * 1000 / SAMPLE_RATE_HZ

    @property
    def duration_s(self) -> float:
        """From the first packet to the last."""
        return self.last_s - self.first_s

    @property
    def decoded(self) -> bool:
        """Whether any of it can be listened to."""
        return any(codec in _LAWS for codec in self.codecs)

    def codec_of(self, payload_type: int, payload: bytes) -> str | None:
        """The codec's name; None: it is none of this stream's."""
        if self.announced is not None:
            return self.announced.codecs.get(payload_type)
        if payload_type >= _DYNAMIC:
            looks_so = len(payload) == _EVENT_OCTETS and payload[0] < len(DIGITS) and not payload[1] & 0x40
            return TELEPHONE_EVENT if looks_so else None
        return _COMFORT_NOISE if payload_type == 13 else _GUESSED.get(payload_type)

    def take(self, carried: Datagram, at_s: float) -> list[Pcm]:
        """One packet of it: the blocks of sound that are now complete.

        Raises:
            ParseError: it is no RTP.
        """
        whole = carried.whole
        _, payload_type, sequence, timestamp, _, payload = (
            read_audio(carried.payload) if whole else _cut_packet(carried.payload)
        )
        codec = self.codec_of(payload_type, payload)
        if codec is None:
            return []
        self.packets += 1
        self.last_s = max(self.last_s, at_s)
        before = self.statistics.missing, self.statistics.duplicates, self.statistics.resynchronised
        taken = self.statistics.update(sequence)
        if self.statistics.resynchronised > before[2]:
            self.earlier_lost += before[0]
            self.earlier_duplicates += before[1]
        if not taken:
            return []
        place = self.audio.place(timestamp, at_s)
        if codec == TELEPHONE_EVENT:
            self._event(timestamp, payload, place)
            return []
        self.codecs[codec] = self.codecs.get(codec, 0) + 1
        self._tell(self._receiver.audio_received(timestamp))
        if codec != _COMFORT_NOISE:
            self.statistics.arrived(timestamp, round(at_s * SAMPLE_RATE_HZ))
        law = _LAWS.get(codec)
        self.cut_packets += not whole
        return self.audio.add(place, payload, law) if law is not None and whole else []

    def finish(self) -> list[Pcm]:
        """The capture is over."""
        self._tell(self._receiver.finish())
        return self.audio.finish()

    def _event(self, timestamp: int, payload: bytes, place: int) -> None:
        try:
            over = self._receiver.event_received(timestamp, payload)
        except ParseError:
            self.broken_events += 1
            return
        self._event_clock = timestamp, place
        self._tell(over)

    def _tell(self, over: list[ReceivedEvent]) -> None:
        for event in over:
            timestamp, place = self._event_clock
            begin = place - signed_difference(timestamp, event.timestamp, TIMESTAMP_MODULUS)
            name = event.digit or f"event {event.event}"
            self.events.append(
                Event(name, max(0, begin) / SAMPLE_RATE_HZ, event.duration / SAMPLE_RATE_HZ, -float(event.volume))
            )


def _cut_packet(octets: bytes) -> tuple[bool, int, int, int, int, bytes]:
    """What is left of a packet whose end was not captured: its fixed header."""
    if len(octets) < HEADER_OCTETS:
        raise ParseError(f"RTP packet of which {len(octets)} octets were captured, at least 12 expected", len(octets))
    return read_audio(bytes([octets[0] & 0xC0]) + octets[1:HEADER_OCTETS])


@define
class _Candidate:
    """What looks like RTP so far."""

    ssrc: int
    sequence: int
    seen: list[tuple[Datagram, float]] = field(factory=list)


class Streams:
    """Finds the streams of a capture, packet by packet.

    Args:
        announced: what signalling says of an address at a time (nanoseconds since 1970).
        found: told of each new stream.
        heard: given each stream's sound, block by block.
        wanted: False passes a stream over, given what is announced of it.
    """

    def __init__(
        self,
        announced: Callable[[Endpoint, int], Announced | None],
        found: Callable[[Stream], None],
        heard: Callable[[Stream, Pcm], None],
        wanted: Callable[[Announced | None], bool] = lambda _: True,
    ) -> None:
        self._announced, self._found, self._heard, self._wanted = announced, found, heard, wanted
        self._candidates: OrderedDict[tuple[Endpoint, Endpoint], _Candidate] = OrderedDict()
        self._streams: dict[Key, Stream | None] = {}

    @property
    def streams(self) -> Mapping[Key, Stream | None]:
        """By addresses and SSRC, in the order of their first packets; None: passed over."""
        return self._streams

    def take(self, carried: Datagram, at_ns: int) -> None:
        """Look for RTP in a datagram."""
        octets = carried.payload
        if len(octets) < HEADER_OCTETS or octets[0] >> 6 != 2:
            return
        ssrc = int.from_bytes(octets[8:12], "big")
        key = carried.source, carried.destination, ssrc
        if key in self._streams:
            self._give(self._streams[key], carried, at_ns / 1e9)
            return
        awaited = self._announced(carried.destination, at_ns)
        announced = awaited or self._announced(carried.source, at_ns)
        if announced is not None:
            # RTCP may share the port (RFC 5761 §4); its packet types are no description's payload types.
            if octets[1] & 0x7F in announced.codecs:
                self._begin(key, announced, awaited is not None, [(carried, at_ns / 1e9)])
            return
        self._guess(key, carried, at_ns / 1e9)

    def finish(self) -> None:
        """The capture is over."""
        for stream in self._streams.values():
            if stream is not None:
                for block in stream.finish():
                    self._heard(stream, block)

    def _guess(self, key: Key, carried: Datagram, at_s: float) -> None:
        payload_type, sequence = carried.payload[1] & 0x7F, int.from_bytes(carried.payload[2:4], "big")
        if payload_type not in _GUESSED:
            return
        ends = key[:2]
        candidate = self._candidates.get(ends)
        apart = 0 if candidate is None else (sequence - candidate.sequence) % SEQUENCE_MODULUS
        if candidate is None or candidate.ssrc != key[2] or apart > _MOST_APART:
            candidate = self._candidates[ends] = _Candidate(key[2], sequence)
            if len(self._candidates) > _CANDIDATES_KEPT:
                self._candidates.popitem(last=False)
        candidate.sequence = sequence
        candidate.seen.append((carried, at_s))
        if len(candidate.seen) >= ALIKE:
            del self._candidates[ends]
            self._begin(key, None, False, candidate.seen)

    def _begin(
        self, key: Key, announced: Announced | None, is_awaited: bool, seen: list[tuple[Datagram, float]]
    ) -> None:
        if not self._wanted(announced):
            self._streams[key] = None
            return
        at_s = seen[0][1]
        stream = self._streams[key] = Stream(*key, announced, is_awaited, at_s, at_s)
        self._found(stream)
        for carried, when_s in seen:
            self._give(stream, carried, when_s)

    def _give(self, stream: Stream | None, carried: Datagram, at_s: float) -> None:
        if stream is None:
            return
        try:
            blocks = stream.take(carried, at_s)
        except ParseError:
            return
        for block in blocks:
            self._heard(stream, block)
