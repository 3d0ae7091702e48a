"""What is heard in the RTP streams of a capture: read once for its signalling, once for its sound.

    frames -> dissect -> Calls (SIP, SDP)                      the first time
    frames -> dissect -> Streams (RTP) -> StreamListener       the second time

Every stream is listened to as it is read, a minute at a time, so that neither the number of packets nor the length of
the capture matters to the memory it takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from attrs import define, field, frozen

from gateway.trace.capture_file import Frame
from gateway.trace.frames import Datagram, Segment, Skipped, dissect
from gateway.trace.rtp_streams import Stream, Streams
from gateway.trace.sip_media import Announced, Calls
from gateway.trace.stream_audio import Pcm
from tones.announcement import LANGUAGE, recording_texts
from tones.detect.faults import FaultKind
from tones.detect.heard import Heard, Kind
from tones.detect.stream import StreamListener
from tones.plan import TonePlan
from tones.plan_index import plan_index


class Source(StrEnum):
    """Where a sound is known from; the value is the word for it."""

    AUDIO = "audio"
    EVENT = "event"


@frozen
class Sound:
    """One sound of a stream.

    Args:
        at_s: when it begins, in seconds from the capture's first packet.
        duration_s: how long it lasts.
        source: heard in the audio, or told by telephone events (RFC 4733).
        kind, name: as `tones.detect` has them.
        words: what it is, for people.
        countries: where this tone is so called.
        frequencies_hz: of tones.
        level_dbm0: total power while it sounds.
        confidence: 0 to 1.
        text: what an announcement says.
        clicks, dropouts: in it.
    """

    at_s: float
    duration_s: float
    source: Source
    kind: str
    name: str
    words: str
    countries: tuple[str, ...] = ()
    frequencies_hz: tuple[float, ...] = ()
    level_dbm0: float = 0.0
    confidence: float = 1.0
    text: str = ""
    clicks: int = 0
    dropouts: int = 0


def country_of(stream: Stream) -> str:
    """The country of the number that was called, "" where signalling does not say it."""
    called = "" if stream.announced is None else stream.announced.call.called
    return plan_index().country_of(called[1:]) or "" if called.startswith("+") else ""


def _language_of(stream: Stream) -> str:
    return plan_index().languages.get(country_of(stream), "")


@define(eq=False)
class HeardStream:
    """A stream, and what has been heard in it so far."""

    stream: Stream
    begins_s: float
    """From the capture's first packet."""
    _listener: StreamListener
    _heard: list[Heard] = field(factory=list)

    def feed(self, block: Pcm) -> None:
        """The next of its sound."""
        self._heard += self._listener.feed(block)

    def finish(self) -> None:
        """That was all."""
        self._heard += self._listener.finish()

    @property
    def clicks(self) -> int:
        """How many there are in its tones."""
        return sum(fault.kind is FaultKind.CLICK for fault in self._listener.faults)

    @property
    def dropouts(self) -> int:
        """How often its sound was missing for a moment."""
        return sum(fault.kind is FaultKind.DROPOUT for fault in self._listener.faults)

    @property
    def sounds(self) -> list[Sound]:
        """In order of time."""
        heard = [self._sound(each) for each in self._heard]
        told = [
            Sound(
                self.begins_s + event.onset_s,
                event.duration_s,
                Source.EVENT,
                str(Kind.DTMF),
                event.name,
                f"{Kind.DTMF} {event.name}",
                level_dbm0=event.level_dbm0,
            )
            for event in self.stream.events
        ]
        return sorted([*heard, *told], key=lambda each: each.at_s)

    def _sound(self, heard: Heard) -> Sound:
        inside = Counter(fault.kind for fault in self._listener.faults if heard.onset_s <= fault.onset_s < heard.end_s)
        spoken = heard.kind is Kind.RECORDING
        return Sound(
            self.begins_s + heard.onset_s,
            heard.duration_s,
            Source.AUDIO,
            str(heard.kind),
            heard.name,
            heard.words,
            heard.countries,
            heard.frequencies_hz,
            heard.level_dbm0,
            heard.confidence,
            recording_texts(heard.language or LANGUAGE).get(heard.name, "") if spoken else "",
            inside[FaultKind.CLICK],
            inside[FaultKind.DROPOUT],
        )


class Hearing:
    """Listens to a capture that is read twice.

    Args:
        candidates: the plans whose tones to look for; None: all.
        language: of the recordings to look for, besides English; "": that of the country that is called.

    Attributes:
        calls: of its SIP; complete after `signalling`.
        streams: in the order of their first packets.
        frames: how many the capture has.
        skipped: of them, those that could not be looked at, by reason.
    """

    def __init__(self, candidates: Sequence[TonePlan] | None = None, language: str = "") -> None:
        self._candidates, self._language = candidates, language
        self._first_ns: int | None = None
        self._by_stream: dict[int, HeardStream] = {}
        self.calls = Calls()
        self.streams: list[HeardStream] = []
        self.frames = 0
        self.skipped: Counter[Skipped] = Counter()

    def signalling(self, frames: Iterable[Frame]) -> None:
        """Read it the first time.

        Raises:
            ParseError: it is broken; what is before that place counts.
        """
        for frame in frames:
            carried = dissect(frame.link_type, frame.octets)
            if isinstance(carried, Datagram | Segment):
                self.calls.take(carried, frame.at_ns)

    def media(self, frames: Iterable[Frame], call: int | None = None) -> None:
        """Read it the second time, and listen.

        Args:
            frames: the same as before.
            call: listen to the streams of this call only.

        Raises:
            ParseError: as before; every stream is finished nevertheless.
        """

        def wanted(announced: Announced | None) -> bool:
            return call is None or (announced is not None and announced.call.number == call)

        streams = Streams(self.calls.announced, self._found, self._heard, wanted)
        try:
            for frame in frames:
                self.frames += 1
                if self._first_ns is None:
                    self._first_ns = frame.at_ns
                carried = dissect(frame.link_type, frame.octets)
                if isinstance(carried, Datagram):
                    streams.take(carried, frame.at_ns)
                elif isinstance(carried, Skipped):
                    self.skipped[carried] += 1
        finally:
            streams.finish()
            for each in self.streams:
                each.finish()

    def _found(self, stream: Stream) -> None:
        language = self._language or _language_of(stream)
        listener = StreamListener(self._candidates, language=language, with_faults=True)
        begins_s = stream.first_s - (self._first_ns or 0) / 1e9
        heard = self._by_stream[id(stream)] = HeardStream(stream, begins_s, listener)
        self.streams.append(heard)

    def _heard(self, stream: Stream, block: Pcm) -> None:
        self._by_stream[id(stream)].feed(block)
