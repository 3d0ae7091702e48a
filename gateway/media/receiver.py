"""Reception of one RTP stream: checks, statistics, digits, and what was heard (RFC 3550, RFC 4733)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

import numpy as np
from attrs import define, frozen
from numpy.typing import NDArray

from gateway.core.errors import ParseError
from gateway.media.assembly import SAMPLES_A_SECOND, StreamAssembler
from gateway.media.comfort_noise import ComfortNoise
from gateway.media.jitter import JitterBuffer
from gateway.media.reception import ReceptionStatistics
from gateway.media.rtp import RtpPacket, read_audio
from gateway.media.telephone_event import EventReceiver, ReceivedEvent
from tones.g711 import Law, transcode

STATIC_LAWS: Final[Mapping[int, Law]] = {law.payload_type: law for law in Law}
COMFORT_NOISE: Final = 13
"""The static payload type of RFC 3389 §4: it says that nothing is said."""

Address = tuple[str, int]


@frozen
class Reception:
    """What one packet brought.

    Args:
        datagram: as it came.
        events: telephone events that are over by it.
    """

    datagram: bytes
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


@frozen
class _Described:
    """What was negotiated; streams of the same description share it."""

    payload_types: Mapping[int, Law]
    telephone_events: frozenset[int]
    known: frozenset[int]


@lru_cache(maxsize=256)
def _described(payload_types: tuple[tuple[int, Law], ...], telephone_events: frozenset[int]) -> _Described:
    laws = dict(payload_types)
    return _Described(laws, telephone_events, frozenset(laws) | telephone_events | {COMFORT_NOISE})


class Receiver:
    """One incoming stream.

    Args:
        law: of what is put together.
        payload_types: payload type -> law of the audio that was negotiated.
        telephone_events: the payload types of telephone-event.
        source: the one address to hear; None hears all.
        records: True: everything is kept, gaps are filled with the idle pattern. False: what comes is checked and
            counted.
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
    """

    __slots__ = (
        "_assembler",
        "_candidate_ssrc",
        "_cut_off",
        "_described",
        "_events",
        "_law",
        "_make_buffer",
        "_source",
        "events",
        "jitter",
        "refusals",
        "ssrc",
        "ssrc_changes",
        "statistics",
    )

    def __init__(
        self,
        law: Law,
        payload_types: Mapping[int, Law] = STATIC_LAWS,
        telephone_events: frozenset[int] = frozenset(),
        source: Address | None = None,
        *,
        records: bool = True,
        jitter: JitterBuffer | None = None,
    ) -> None:
        if jitter is not None and jitter.law is not law:
            raise ValueError(f"a jitter buffer of {jitter.law.value} in a receiver of {law.value}")
        self._law = law
        self.jitter = jitter
        self._make_buffer: Callable[[Law], JitterBuffer] | None = None
        self._described = _described(tuple(payload_types.items()), telephone_events)
        self._source = source
        self._candidate_ssrc: int | None = None
        self._events: EventReceiver | None = None
        self._cut_off: tuple[ReceivedEvent, ...] = ()
        self._assembler = StreamAssembler(law) if records else None
        self.ssrc: int | None = None
        self.ssrc_changes = 0
        self.statistics = ReceptionStatistics()
        self.refusals = Refusals()
        self.events: tuple[ReceivedEvent, ...] = ()

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
        if payload_type not in self._described.known:
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
        law = self._described.payload_types.get(payload_type)
        if self.jitter is None and self._make_buffer is not None:
            self.jitter = self._make_buffer(self._law)
        if law is not None:
            self.statistics.arrived(timestamp, round(arrival_s * SAMPLES_A_SECOND))
            if self.jitter is not None:
                octets_in_law = payload if law is self._law else transcode(payload, law, self._law).tobytes()
                self.jitter.push(timestamp, octets_in_law, arrival_s, marker)
            elif self._assembler is not None:
                self._assembler.add(timestamp, payload, law)
        elif self.jitter is not None:
            noise = ComfortNoise.parse(payload) if payload_type == COMFORT_NOISE and payload else None
            self.jitter.pause(timestamp, arrival_s, noise)
        events = self._events_by(payload_type, timestamp, payload)
        if events is None:
            self.refusals.malformed += 1
            return None
        if self._assembler is not None:
            self.events += events
        return Reception(octets, events)

    def went_on(self, packets: int, transit: int, jitter_samples: float) -> None:
        """Audio packets came, each following the one before; the buffer is told by others.

        Args:
            packets: how many, at least 1.
            transit, jitter_samples: as `ReceptionStatistics` has them, now.
        """
        self._candidate_ssrc = None
        self.statistics.went_on(packets, transit, jitter_samples)

    def takes_as_it_is(self, payload_type: int) -> bool:
        """Whether a packet of this type is audio that needs no transcoding, and ends no event."""
        waits = self._cut_off or (self._events is not None and self._events.is_waiting)
        return not waits and self._described.payload_types.get(payload_type) is self._law

    def renegotiate(self, law: Law, payload_types: Mapping[int, Law], telephone_events: frozenset[int]) -> None:
        """Another description of the same stream (RFC 3264 §8): what was heard of the source so far still counts."""
        self._described = _described(tuple(payload_types.items()), telephone_events)
        if law is not self._law:
            self._law = law
            if self._assembler is not None:
                self._assembler = StreamAssembler(law)
            if self.jitter is not None:
                counts = self.jitter.counts
                self.jitter = JitterBuffer(law, self.jitter.settings, self.jitter.ring)
                self.jitter.counts = counts

    def hear(self, make_buffer: Callable[[Law], JitterBuffer]) -> None:
        """From now on audio goes into a jitter buffer, made when the first packet comes; one that is there stays."""
        self._make_buffer = make_buffer

    def deaf(self) -> None:
        """From now on audio is only counted."""
        self.jitter = self._make_buffer = None

    @property
    def law(self) -> Law:
        """Of what is put together or buffered."""
        return self._law

    def finish(self) -> tuple[ReceivedEvent, ...]:
        """The stream is over: the event that was going on, if any."""
        over = self._finish_events()
        self._cut_off = ()
        if self._assembler is not None:
            self.events += over
        return over

    @property
    def heard(self) -> NDArray[np.uint8]:
        """The recording so far: `uint8[n]` G.711 octets in the receiver's law, from the first packet on."""
        return self.assembler.read()

    @property
    def assembler(self) -> StreamAssembler:
        """How the stream was put together: gaps, late samples, jumps."""
        assert self._assembler is not None
        return self._assembler

    def _is_new_source(self, ssrc: int) -> bool:
        """Whether to hear another SSRC: the first one, or one that sends twice running (a source that restarted)."""
        if self.ssrc is not None:
            if ssrc != self._candidate_ssrc:
                self._candidate_ssrc = ssrc
                return False
            self.ssrc_changes += 1
            self.statistics = ReceptionStatistics()
            if self._assembler is not None:
                self._assembler.restart()
            if self.jitter is not None:
                self.jitter.restart()
            self._cut_off = self._finish_events()
            self._events = None
        self.ssrc = ssrc
        return True

    def _finish_events(self) -> tuple[ReceivedEvent, ...]:
        return self._cut_off if self._events is None else (*self._cut_off, *self._events.finish())

    def _events_by(self, payload_type: int, timestamp: int, payload: bytes) -> tuple[ReceivedEvent, ...] | None:
        """The events that are over by a packet; None: it was one of telephone-event, and broken."""
        # Deviation: RFC 4733 §2.5.2.2 has event packets count in the jitter. All those of one event carry the same
        # timestamp, so they would only show how long the digit was.
        events: Iterable[ReceivedEvent] = ()
        if payload_type in self._described.telephone_events:
            if self._events is None:
                self._events = EventReceiver()
            try:
                events = self._events.event_received(timestamp, payload)
            except ParseError:
                return None
        elif self._events is not None:
            events = self._events.audio_received(timestamp)
        over, self._cut_off = (*self._cut_off, *events), ()
        return over
