"""Reception of one RTP stream: checks, statistics, digits, and what was heard (RFC 3550, RFC 4733)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from attrs import define, frozen
from numpy.typing import NDArray

from gateway.core.errors import ParseError
from gateway.media.assembly import SAMPLES_A_SECOND, StreamAssembler
from gateway.media.comfort_noise import ComfortNoise
from gateway.media.jitter import JitterBuffer, JitterSettings, Verdict
from gateway.media.reception import ReceptionStatistics
from gateway.media.rtp import PACKET_SAMPLES, RtpPacket, read_audio
from gateway.media.telephone_event import EventReceiver, ReceivedEvent
from tones.g711 import Law, idle_octet, transcode

STATIC_LAWS: Final[Mapping[int, Law]] = {law.payload_type: law for law in Law}
COMFORT_NOISE: Final = 13
"""The static payload type of RFC 3389 §4: it says that nothing is said."""

Address = tuple[str, int]


@frozen
class Reception:
    """What one packet brought.

    Args:
        datagram: as it came.
        octets: G.711 octets in the receiver's law that are now ready to be passed on, if it passes on.
        events: telephone events that are over by it.
    """

    datagram: bytes
    octets: bytes = b""
    events: tuple[ReceivedEvent, ...] = ()

    @property
    def packet(self) -> RtpPacket:
        """The datagram, read."""
        return RtpPacket.parse(self.datagram)


@define
class Refusals:
    """Packets that were not taken, by reason."""

    malformed: int = 0
    source: int = 0
    payload_type: int = 0
    ssrc: int = 0
    sequence: int = 0
    duplicate: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.malformed + self.source + self.payload_type + self.ssrc + self.sequence + self.duplicate


class Receiver:
    """One incoming stream.

    Args:
        law: of what is put together or passed on.
        payload_types: payload type -> law of the audio that was negotiated.
        telephone_events: the payload types of telephone-event.
        source: the one address to hear; None hears all.
        passes_on: False records: everything stays, gaps are filled with the idle pattern. True passes octets on as they
            come: each `Reception` has them, gaps are left to whoever plays them, nothing is kept.
        jitter: a buffer of the receiver's law that audio, comfort noise and pauses go into instead; whoever plays the
            stream pulls from it.

    Raises:
        ValueError: the buffer is of the other law.

    Attributes:
        jitter: the buffer, if one was given.
        ssrc: the source that is heard, None before the first packet.
        ssrc_changes: how often another took over.
        statistics: of the present SSRC.
        refusals: what was not taken, and why.
        events: of a recording, the telephone events so far.
        markers: packets with the marker bit.
        first_arrival_s: when the first packet came.
        last_arrival_s: when the newest came.
    """

    def __init__(
        self,
        law: Law,
        payload_types: Mapping[int, Law] = STATIC_LAWS,
        telephone_events: frozenset[int] = frozenset(),
        source: Address | None = None,
        *,
        passes_on: bool = False,
        jitter: JitterBuffer | None = None,
    ) -> None:
        if jitter is not None and jitter.law is not law:
            raise ValueError(f"a jitter buffer of {jitter.law.value} in a receiver of {law.value}")
        self._law = law
        self.jitter = jitter
        self._jitter_settings: JitterSettings | None = None
        self._payload_types = dict(payload_types)
        self._telephone_events = telephone_events
        self._known = frozenset(payload_types) | telephone_events | {COMFORT_NOISE}
        self._source = source
        self._passes_on = passes_on
        self._candidate_ssrc: int | None = None
        self._events = EventReceiver()
        self._cut_off: list[ReceivedEvent] = []
        self._assembler = StreamAssembler(law, 0 if passes_on else None)
        self.ssrc: int | None = None
        self.ssrc_changes = 0
        self.statistics = ReceptionStatistics()
        self.refusals = Refusals()
        self.events: list[ReceivedEvent] = []
        self.markers = 0
        self.first_arrival_s: float | None = None
        self.last_arrival_s: float | None = None

    def received(self, octets: bytes, source: Address, arrival_s: float) -> Reception | None:
        """A datagram came. None: it was not taken, and `refusals` says why.

        Args:
            octets: the datagram.
            source: where it came from.
            arrival_s: when, on any clock that runs in seconds.
        """
        if self._source is not None and source != self._source:
            self.refusals.source += 1
            return None
        try:
            marker, payload_type, sequence, timestamp, ssrc, payload = read_audio(octets)
        except ParseError:
            self.refusals.malformed += 1
            return None
        if payload_type not in self._known:
            self.refusals.payload_type += 1
            return None
        if ssrc != self.ssrc and not self._is_new_source(ssrc):
            self.refusals.ssrc += 1
            return None
        self._candidate_ssrc = None
        refused = self.statistics.refused
        if not self.statistics.update(sequence):
            if self.statistics.refused > refused:
                self.refusals.sequence += 1
            else:
                self.refusals.duplicate += 1
            return None
        self.first_arrival_s = arrival_s if self.first_arrival_s is None else self.first_arrival_s
        self.last_arrival_s = arrival_s
        self.markers += marker
        law = self._payload_types.get(payload_type)
        if self.jitter is None and self._jitter_settings is not None:
            self.jitter = JitterBuffer(self._law, self._jitter_settings)
        if law is not None:
            self.statistics.arrived(timestamp, round(arrival_s * SAMPLES_A_SECOND))
            if self.jitter is None:
                self._assembler.add(timestamp, payload, law)
            else:
                octets_in_law = payload if law is self._law else transcode(payload, law, self._law).tobytes()
                self.jitter.push(timestamp, octets_in_law, arrival_s, marker)
        elif self.jitter is not None:
            noise = ComfortNoise.parse(payload) if payload_type == COMFORT_NOISE and payload else None
            self.jitter.pause(timestamp, arrival_s, noise)
        events = self._events_by(payload_type, timestamp, payload)
        if events is None:
            self.refusals.malformed += 1
            return None
        if self._passes_on:
            return Reception(octets, self._assembler.take(), tuple(events))
        self.events += events
        return Reception(octets, b"", tuple(events))

    def renegotiate(self, law: Law, payload_types: Mapping[int, Law], telephone_events: frozenset[int]) -> None:
        """Another description of the same stream (RFC 3264 §8): what was heard of the source so far still counts."""
        self._payload_types = dict(payload_types)
        self._telephone_events = telephone_events
        self._known = frozenset(payload_types) | telephone_events | {COMFORT_NOISE}
        if law is not self._law:
            self._law = law
            self._assembler = StreamAssembler(law, 0 if self._passes_on else None)
            if self.jitter is not None:
                counts = self.jitter.counts
                self.jitter = JitterBuffer(law, self.jitter.settings)
                self.jitter.counts = counts

    def hear(self, settings: JitterSettings) -> None:
        """From now on audio goes into a jitter buffer, made when the first comes; one that is there stays."""
        self._jitter_settings = settings

    def pull(self, now_s: float) -> tuple[bytes, Verdict]:
        """The next 20 ms out of the jitter buffer; the idle pattern before anything has come."""
        if self.jitter is None:
            return bytes([idle_octet(self._law)]) * PACKET_SAMPLES, Verdict.IDLE
        return self.jitter.pull(now_s)

    def finish(self) -> tuple[ReceivedEvent, ...]:
        """The stream is over: the event that was going on, if any."""
        over = (*self._cut_off, *self._events.finish())
        self._cut_off = []
        if not self._passes_on:
            self.events += over
        return over

    @property
    def heard(self) -> NDArray[np.uint8]:
        """The recording so far: `uint8[n]` G.711 octets in the receiver's law, from the first packet on."""
        return self._assembler.read()

    @property
    def assembler(self) -> StreamAssembler:
        """How the stream was put together: gaps, late samples, jumps."""
        return self._assembler

    def _is_new_source(self, ssrc: int) -> bool:
        """Whether to hear another SSRC: the first one, or one that sends twice running (a source that restarted)."""
        if self.ssrc is not None:
            if ssrc != self._candidate_ssrc:
                self._candidate_ssrc = ssrc
                return False
            self.ssrc_changes += 1
            self.statistics = ReceptionStatistics()
            self._assembler.restart()
            if self.jitter is not None:
                self.jitter.restart()
            self._cut_off += self._events.finish()
            self._events = EventReceiver()
        self.ssrc = ssrc
        return True

    def _events_by(self, payload_type: int, timestamp: int, payload: bytes) -> list[ReceivedEvent] | None:
        """The events that are over by a packet; None: it was one of telephone-event, and broken."""
        # Deviation: RFC 4733 §2.5.2.2 has event packets count in the jitter. All those of one event carry the same
        # timestamp, so they would only show how long the digit was.
        if payload_type in self._telephone_events:
            try:
                events = self._events.event_received(timestamp, payload)
            except ParseError:
                return None
        else:
            events = self._events.audio_received(timestamp)
        if self._cut_off:
            events, self._cut_off = [*self._cut_off, *events], []
        return events
