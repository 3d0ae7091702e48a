"""RTP in a capture: found with signalling and without, counted, and put in order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gateway.media.telephone_event import event_packets
from gateway.trace.frames import Datagram
from gateway.trace.pcapng import Endpoint
from gateway.trace.rtp_streams import Stream, Streams
from gateway.trace.sip_media import Announced, Call
from gateway.trace.stream_audio import Pcm
from tests.gateway.trace.captures import CALLER, GATEWAY, speech
from tones.cadence import render
from tones.g711 import Law, decode, encode
from tones.plan import load_plan

BUSY = render(load_plan("fr").tones["busy"]).take(16_000)
PACKETS = speech(BUSY)


class Listening:
    """Streams, and what is heard of them."""

    def __init__(self, announced: Callable[[Endpoint, int], Announced | None] = lambda *_: None) -> None:
        self.found: list[Stream] = []
        self._blocks: list[Pcm] = []
        self.streams = Streams(announced, self.found.append, lambda _, block: self._blocks.append(block))

    def take(self, packets: list[bytes], *, source: Endpoint = GATEWAY, whole: bool = True) -> Listening:
        for number, octets in enumerate(packets):
            self.streams.take(Datagram(source, CALLER, octets, whole), 10**18 + 20_000_000 * number)
        self.streams.finish()
        return self

    @property
    def pcm(self) -> Pcm:
        return np.concatenate([np.zeros(0, np.int16), *self._blocks])


def announced(**codecs: str) -> Callable[[Endpoint, int], Announced | None]:
    """Signalling that knows of the caller's address."""
    said = Announced(Call(1, "a@b"), True, {int(number[2:]): name for number, name in codecs.items()})
    return lambda endpoint, _: said if endpoint == CALLER else None


class TestWithoutSignalling:
    def test_three_packets_alike_are_a_stream_from_the_first(self) -> None:
        heard = Listening().take(PACKETS)
        (stream,) = heard.found
        assert (stream.source, stream.destination, stream.ssrc) == (GATEWAY, CALLER, 0x1234ABCD)
        assert (stream.codecs, stream.packets, stream.lost, stream.duplicates) == ({"PCMA": 100}, 100, 0, 0)
        assert stream.duration_s == pytest.approx(1.98)
        assert stream.jitter_ms == pytest.approx(0, abs=0.1)
        assert np.array_equal(heard.pcm, decode(encode(BUSY, Law.ALAW), Law.ALAW))

    @pytest.mark.parametrize(
        "packets",
        [
            PACKETS[:2],
            [packet[:1] + b"\x12" + packet[2:] for packet in PACKETS],
            [b"\x40" + packet[1:] for packet in PACKETS],
            [packet[:8] + number.to_bytes(4, "big") + packet[12:] for number, packet in enumerate(PACKETS)],
            PACKETS[::-1],
            PACKETS[::20],
            [b"\x80\x08"] * 10,
        ],
        ids=["two", "another codec", "version 1", "many sources", "backwards", "gaps", "short"],
    )
    def test_what_is_not_alike_is_none(self, packets: list[bytes]) -> None:
        assert Listening().take(packets).found == []

    def test_events_are_guessed_in_a_stream(self) -> None:
        events = [
            packet.serialize()
            for packet in event_packets(
                5, 800, payload_type=96, sequence=4, timestamp=0xFFFFF000 + 1600, ssrc=0x1234ABCD
            )
        ]
        (stream,) = Listening().take([*PACKETS[:10], *events, *PACKETS[10:]]).found
        (event,) = stream.events
        assert (event.name, event.duration_s, event.level_dbm0) == ("5", 0.1, -10.0)
        assert event.onset_s == pytest.approx(0.2)


class TestWithSignalling:
    def test_one_packet_is_enough(self) -> None:
        (stream,) = Listening(announced(pt8="PCMA")).take(PACKETS[:1]).found
        assert stream.is_awaited

    def test_what_was_announced_at_the_sender_counts_else(self) -> None:
        heard = Listening(
            lambda endpoint, _: Announced(Call(1, "x"), True, {8: "PCMA"}) if endpoint == GATEWAY else None
        )
        (stream,) = heard.take(PACKETS).found
        assert not stream.is_awaited

    def test_payload_types_are_what_the_description_says(self) -> None:
        packets = [packet[:1] + bytes([97]) + packet[2:] for packet in speech(BUSY, Law.MULAW)]
        heard = Listening(announced(pt97="PCMU")).take(packets)
        assert heard.found[0].codecs == {"PCMU": 100}
        assert np.array_equal(heard.pcm, decode(encode(BUSY, Law.MULAW), Law.MULAW))

    def test_a_codec_that_is_not_decoded_is_counted(self) -> None:
        packets = [packet[:1] + bytes([18]) + packet[2:32] for packet in PACKETS]
        heard = Listening(announced(pt18="G729")).take(packets)
        (stream,) = heard.found
        assert (stream.codecs, stream.decoded, heard.pcm.size) == ({"G729": 100}, False, 0)

    def test_rtcp_on_the_same_port_is_passed_over(self) -> None:
        report = b"\x80\xc8\x00\x06" + bytes(24)
        (stream,) = Listening(announced(pt8="PCMA")).take([report, *PACKETS, report]).found
        assert stream.packets == 100

    def test_only_the_streams_that_are_wanted(self) -> None:
        found: list[Stream] = []
        streams = Streams(announced(pt8="PCMA"), found.append, lambda *_: None, lambda said: said is None)
        for packet in PACKETS:
            streams.take(Datagram(GATEWAY, CALLER, packet), 0)
        assert found == []
        assert list(streams.streams.values()) == [None]


class TestCounts:
    def test_lost_and_duplicate_packets(self) -> None:
        heard = Listening().take([*PACKETS[:20], PACKETS[19], *PACKETS[23:]])
        (stream,) = heard.found
        assert (stream.packets, stream.lost, stream.duplicates) == (98, 3, 1)
        assert heard.pcm.size == 16_000
        assert not heard.pcm[3200:3680].any()

    def test_a_source_that_begins_anew_keeps_what_was_counted(self) -> None:
        heard = Listening().take([*PACKETS[:20], *PACKETS[22:50], *speech(BUSY, sequence=20_000)])
        (stream,) = heard.found
        assert stream.lost == 2

    def test_packets_in_part_are_silence(self) -> None:
        heard = Listening(announced(pt8="PCMA")).take([packet[:30] for packet in PACKETS], whole=False)
        (stream,) = heard.found
        assert (stream.packets, stream.cut_packets, heard.pcm.size) == (100, 100, 0)

    def test_packets_without_a_header_are_passed_over(self) -> None:
        heard = Listening(announced(pt8="PCMA")).take([PACKETS[0], PACKETS[1][:11], PACKETS[2][:1] + b"\x08"])
        assert heard.found[0].packets == 1

    def test_broken_events_are_counted(self) -> None:
        broken = b"\x80\x65\x00\x01" + bytes(8) + b"\5\x0a\0"
        (stream,) = Listening(announced(pt101="telephone-event")).take([broken]).found
        assert (stream.broken_events, stream.events) == (1, [])
