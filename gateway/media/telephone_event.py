"""Telephone events in RTP (RFC 4733 §2): DTMF digits by name instead of by sound.

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|     event     |E|R| volume    |          duration             |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import attrs
from attrs import field, frozen
from attrs.validators import ge, le

from gateway.core.clause import Clause
from gateway.core.errors import ParseError
from gateway.media.rtp import PACKET_SAMPLES, SEQUENCE_MODULUS, TIMESTAMP_MODULUS, RtpPacket, signed_difference

DIGITS: Final = "0123456789*#ABCD"
"""The characters of events 0 to 15 (RFC 4733 §3.2)."""
MAXIMUM_DURATION: Final = 0xFFFF
_EVENT = struct.Struct("!BBH")
_CLAUSE = Clause("RFC 4733", "2.3")
_REMEMBERED = 16
_PATIENCE_SAMPLES = 3 * PACKET_SAMPLES


@frozen
class TelephoneEvent:
    """One event report.

    Args:
        event: 0 to 255; 0 to 15 are DTMF.
        duration: timestamp units so far, 0 to 65535.
        end: whether the event is over.
        volume: the level, 0 to 63 for 0 to -63 dBm0.
    """

    event: int = field(validator=[ge(0), le(255)])
    duration: int = field(validator=[ge(0), le(MAXIMUM_DURATION)])
    end: bool = False
    volume: int = field(default=10, validator=[ge(0), le(63)])

    @staticmethod
    def parse(payload: bytes) -> tuple[TelephoneEvent, ...]:
        """The reports of a payload, mostly one; several follow each other without a pause (RFC 4733 §2.5.1.5).

        Raises:
            ParseError: the payload is not one or more times four octets.
        """
        if not payload or len(payload) % _EVENT.size:
            raise ParseError(f"telephone-event payload of {len(payload)} octets, a multiple of 4 expected", 0, _CLAUSE)
        # "This field is reserved for future use. ... the receiver MUST ignore it." (RFC 4733 §2.3.3)
        return tuple(
            TelephoneEvent(event, duration, bool(flags & 0x80), flags & 0x3F)
            for event, flags, duration in _EVENT.iter_unpack(payload)
        )

    def serialize(self) -> bytes:
        """The report as four octets."""
        return _EVENT.pack(self.event, (0x80 if self.end else 0) | self.volume, self.duration)


@frozen
class ReceivedEvent:
    """An event that is over, told once.

    Args:
        event: 0 to 255.
        timestamp: when it began, on the stream's clock.
        duration: samples, over all its segments, as far as was reported.
        volume: -dBm0.
        ended: whether an end packet said so; False where all of them were lost.
    """

    event: int
    timestamp: int
    duration: int
    volume: int
    ended: bool = True

    @property
    def digit(self) -> str:
        """The DTMF character, "" for other events."""
        return DIGITS[self.event] if self.event < len(DIGITS) else ""


class EventReceiver:
    """Turns event packets into events, each told once however often it was reported or how much was lost.

    An event is known by its timestamp (RFC 4733 §2.5.1.2). It is told when its end is reported, when the next event
    begins, or when the stream's clock has moved three packets past what was reported last (RFC 4733 §2.5.2.2).
    """

    __slots__ = ("_current", "_segment_duration", "_segment_start", "_told")

    def __init__(self) -> None:
        self._current: ReceivedEvent | None = None
        self._segment_start = 0
        self._segment_duration = 0
        self._told: tuple[int, ...] = ()

    @property
    def is_waiting(self) -> bool:
        """Whether an event is going on, so that audio may end it."""
        return self._current is not None

    def event_received(self, timestamp: int, payload: bytes) -> list[ReceivedEvent]:
        """An event packet: the events that are over by it, mostly none or one.

        Raises:
            ParseError: the payload cannot be read.
        """
        over: list[ReceivedEvent] = []
        for report in TelephoneEvent.parse(payload):
            # "The receiver SHOULD ignore an event report with zero duration if the event is not a state." (§2.3.5)
            if report.duration or report.end:
                over += self._reported(timestamp, report)
            timestamp = (timestamp + report.duration) % TIMESTAMP_MODULUS
        return over

    def audio_received(self, timestamp: int) -> list[ReceivedEvent]:
        """An audio packet: the event whose end was lost, if it must be over by now."""
        if self._current is None:
            return []
        reported_to = self._segment_start + self._segment_duration
        if signed_difference(timestamp, reported_to, TIMESTAMP_MODULUS) < _PATIENCE_SAMPLES:
            return []
        return self.finish()

    def finish(self) -> list[ReceivedEvent]:
        """The stream is over, or silent for long: the event that was going on, if any."""
        if self._current is None:
            return []
        current, self._current = self._current, None
        return [current]

    def _reported(self, timestamp: int, report: TelephoneEvent) -> list[ReceivedEvent]:
        over: list[ReceivedEvent] = []
        current = self._current
        if current is not None and timestamp == self._segment_start:
            if report.event != current.event:
                return []
        elif current is not None and self._continues(timestamp, report):
            self._told = (*self._told[1 - _REMEMBERED :], timestamp)
            self._segment_start, self._segment_duration = timestamp, 0
        elif timestamp in self._told:
            return []
        else:
            if current is not None and signed_difference(timestamp, self._segment_start, TIMESTAMP_MODULUS) < 0:
                self._told = (*self._told[1 - _REMEMBERED :], timestamp)
                return [ReceivedEvent(report.event, timestamp, report.duration, report.volume, report.end)]
            over = self.finish()
            self._told = (*self._told[1 - _REMEMBERED :], timestamp)
            self._segment_start, self._segment_duration = timestamp, 0
            current = ReceivedEvent(report.event, timestamp, 0, report.volume, ended=False)
        assert current is not None
        grown = max(report.duration - self._segment_duration, 0)
        self._segment_duration += grown
        self._current = attrs.evolve(current, duration=current.duration + grown, volume=report.volume, ended=report.end)
        return over + self.finish() if report.end else over

    def _continues(self, timestamp: int, report: TelephoneEvent) -> bool:
        """Whether the report is of the next segment of the event that is going on (RFC 4733 §2.5.2.3)."""
        return (
            self._current is not None
            and report.event == self._current.event
            and self._segment_duration == MAXIMUM_DURATION
            and timestamp == (self._segment_start + MAXIMUM_DURATION) % TIMESTAMP_MODULUS
        )


def event_packets(
    event: int,
    duration: int,
    *,
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    volume: int = 10,
    interval: int = PACKET_SAMPLES,
) -> Iterator[RtpPacket]:
    """The packets of one event, to be sent one each `interval` (RFC 4733 §2.5.1).

    All carry the timestamp of the beginning while the duration grows; the first has the marker, the last is sent three
    times, each with the E bit. An event longer than 65535 samples is split into segments, whose last packets are also
    sent three times.

    Args:
        event: 0 to 255.
        duration: samples, at least 1.
        payload_type: as negotiated.
        sequence: of the first packet.
        timestamp: when the event begins, on the audio's clock.
        ssrc: the audio's.
        volume: -dBm0, 0 to 63.
        interval: samples between packets.
    """
    reports: list[tuple[int, TelephoneEvent]] = []
    start, left = timestamp, duration
    while left > MAXIMUM_DURATION:
        reports += _segment_reports(start, event, MAXIMUM_DURATION, volume, interval, end=False)
        start, left = (start + MAXIMUM_DURATION) % TIMESTAMP_MODULUS, left - MAXIMUM_DURATION
    reports += _segment_reports(start, event, left, volume, interval, end=True)
    for index, (at, report) in enumerate(reports):
        number = (sequence + index) % SEQUENCE_MODULUS
        yield RtpPacket(payload_type, number, at, ssrc, report.serialize(), marker=index == 0)


def _segment_reports(
    start: int, event: int, duration: int, volume: int, interval: int, *, end: bool
) -> list[tuple[int, TelephoneEvent]]:
    growing = [TelephoneEvent(event, so_far, False, volume) for so_far in range(interval, duration, interval)]
    # "The final packet for each event and for each segment SHOULD be sent a total of three times" (RFC 4733 §2.5.1.4)
    return [(start, report) for report in [*growing, *[TelephoneEvent(event, duration, end, volume)] * 3]]
