"""Telephone events."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.media.rtp import RtpPacket
from gateway.media.telephone_event import (
    DIGITS,
    EventReceiver,
    ReceivedEvent,
    TelephoneEvent,
    event_packets,
)


def packets(event: int, duration: int, timestamp: int = 1000, sequence: int = 7) -> list[RtpPacket]:
    return list(
        event_packets(event, duration, payload_type=101, sequence=sequence, timestamp=timestamp, ssrc=0xABCD, volume=8)
    )


def receive(stream: list[RtpPacket]) -> list[ReceivedEvent]:
    receiver = EventReceiver()
    return [event for packet in stream for event in receiver.event_received(packet.timestamp, packet.payload)]


@pytest.mark.clause("RFC 4733", "2.3")
class TestSection23Payload:
    @pytest.mark.parametrize(
        ("octets", "report"),
        [
            ("050a00a0", TelephoneEvent(5, 160)),
            ("0b8a0320", TelephoneEvent(11, 800, end=True)),
            ("ffbfffff", TelephoneEvent(255, 65535, end=True, volume=63)),
        ],
    )
    def test_a_report_is_four_octets(self, octets: str, report: TelephoneEvent) -> None:
        assert TelephoneEvent.parse(bytes.fromhex(octets)) == (report,)
        assert report.serialize().hex() == octets

    def test_the_reserved_bit_is_ignored(self) -> None:
        assert TelephoneEvent.parse(bytes.fromhex("054a00a0")) == (TelephoneEvent(5, 160),)

    @pytest.mark.parametrize("octets", [b"", b"\5", b"\5\12\0", b"\5\12\0\xa0\0"])
    def test_other_lengths_are_errors(self, octets: bytes) -> None:
        with pytest.raises(ParseError, match=f"telephone-event payload of {len(octets)} octets"):
            TelephoneEvent.parse(octets)


@pytest.mark.clause("RFC 4733", "2.5.1.2")
class TestSection251Sending:
    def test_a_digit_octet_for_octet(self) -> None:
        assert [packet.serialize().hex(" ", -4) for packet in packets(5, 400)] == [
            "80e50007 000003e8 0000abcd 050800a0",
            "80650008 000003e8 0000abcd 05080140",
            "80650009 000003e8 0000abcd 05880190",
            "8065000a 000003e8 0000abcd 05880190",
            "8065000b 000003e8 0000abcd 05880190",
        ]

    def test_a_digit_as_short_as_a_packet_has_its_end_three_times(self) -> None:
        stream = packets(1, 160)
        assert [TelephoneEvent.parse(packet.payload)[0].end for packet in stream] == [True, True, True]
        assert [packet.marker for packet in stream] == [True, False, False]

    def test_sequence_numbers_wrap(self) -> None:
        assert [packet.sequence for packet in packets(1, 320, sequence=0xFFFE)] == [0xFFFE, 0xFFFF, 0, 1]

    @pytest.mark.clause("RFC 4733", "2.5.1.3")
    def test_a_long_event_is_split_into_segments_without_a_gap(self) -> None:
        stream = packets(3, 65535 + 400, timestamp=0xFFFFFF00)
        reports = [(packet.timestamp, TelephoneEvent.parse(packet.payload)[0]) for packet in stream]
        assert [report for report in reports if report[1].duration == 65535] == [
            (0xFFFFFF00, TelephoneEvent(3, 65535, volume=8))
        ] * 3
        assert reports[-1] == (0xFEFF, TelephoneEvent(3, 400, end=True, volume=8))
        assert [packet.marker for packet in stream].count(True) == 1


@pytest.mark.clause("RFC 4733", "2.5.2.2")
class TestSection252Receiving:
    def test_a_digit_is_told_once_at_its_first_end_packet(self) -> None:
        receiver = EventReceiver()
        told = [receiver.event_received(packet.timestamp, packet.payload) for packet in packets(5, 400)]
        assert told == [[], [], [ReceivedEvent(5, 1000, 400, 8)], [], []]
        assert told[2][0].digit == "5"

    def test_every_digit_has_its_character(self) -> None:
        heard = [event for number in range(16) for event in receive(packets(number, 800, 1000 * number))]
        assert "".join(event.digit for event in heard) == DIGITS
        assert ReceivedEvent(16, 0, 1, 0).digit == ""

    def test_lost_beginnings_do_not_lose_the_digit(self) -> None:
        assert receive(packets(5, 400)[2:]) == [ReceivedEvent(5, 1000, 400, 8)]

    def test_without_its_end_a_digit_is_told_when_the_next_begins(self) -> None:
        stream = packets(5, 400)[:2] + packets(5, 400, timestamp=3000)
        assert receive(stream) == [ReceivedEvent(5, 1000, 320, 8, ended=False), ReceivedEvent(5, 3000, 400, 8)]

    def test_without_its_end_a_digit_is_told_when_audio_has_gone_on_for_three_packets(self) -> None:
        receiver = EventReceiver()
        for packet in packets(5, 400)[:2]:
            receiver.event_received(packet.timestamp, packet.payload)
        assert receiver.audio_received(1000 + 320 + 479) == []
        assert receiver.audio_received(1000 + 320 + 480) == [ReceivedEvent(5, 1000, 320, 8, ended=False)]
        assert receiver.audio_received(9000) == []
        late = packets(5, 400)[-1]
        assert receiver.event_received(late.timestamp, late.payload) == []

    def test_without_its_end_a_digit_is_told_at_the_end_of_the_stream(self) -> None:
        receiver = EventReceiver()
        receiver.event_received(1000, packets(5, 400)[0].payload)
        assert receiver.finish() == [ReceivedEvent(5, 1000, 160, 8, ended=False)]
        assert receiver.finish() == []

    def test_the_same_digit_twice_is_two_digits(self) -> None:
        assert [event.timestamp for event in receive(packets(5, 400, 1000) + packets(5, 400, 2000))] == [1000, 2000]

    def test_a_digit_that_was_overtaken_whole_is_still_told_once(self) -> None:
        heard = receive(packets(6, 400, 3000)[:1] + packets(5, 400, 1000)[-3:] + packets(6, 400, 3000)[1:])
        assert [(event.event, event.duration) for event in heard] == [(5, 400), (6, 400)]

    @pytest.mark.clause("RFC 4733", "2.3.5")
    def test_a_duration_of_zero_is_ignored(self) -> None:
        receiver = EventReceiver()
        assert receiver.event_received(1000, TelephoneEvent(5, 0).serialize()) == []
        assert receiver.finish() == []

    @pytest.mark.clause("RFC 4733", "2.5.2.3")
    def test_segments_of_a_long_digit_are_one_digit(self) -> None:
        heard = receive(packets(3, 2 * 65535 + 400, timestamp=0xFFFFFF00))
        assert heard == [ReceivedEvent(3, 0xFFFFFF00, 2 * 65535 + 400, 8)]

    @pytest.mark.clause("RFC 4733", "2.5.2.4")
    def test_digits_packed_into_one_packet_follow_each_other(self) -> None:
        payload = TelephoneEvent(1, 400, end=True).serialize() + TelephoneEvent(2, 800, end=True).serialize()
        receiver = EventReceiver()
        heard = receiver.event_received(1000, payload)
        assert [(event.digit, event.timestamp, event.duration) for event in heard] == [
            ("1", 1000, 400),
            ("2", 1400, 800),
        ]
        assert receiver.event_received(1000, payload) == []

    @settings(max_examples=200)
    @given(
        st.lists(st.integers(0, 15), min_size=1, max_size=8),
        st.integers(0, 0xFFFFFFFF),
        st.data(),
    )
    def test_any_losses_and_duplicates_leave_each_digit_told_once(
        self, digits: list[int], start: int, data: st.DataObject
    ) -> None:
        receiver = EventReceiver()
        heard = []
        for place, digit in enumerate(digits):
            timestamp = (start + 2000 * place) % (1 << 32)
            stream = packets(digit, 800, timestamp)
            kept = data.draw(st.lists(st.integers(0, len(stream) - 1), min_size=1, max_size=12).map(sorted))
            for index in kept:
                heard += receiver.event_received(timestamp, stream[index].payload)
        heard += receiver.finish()
        assert [event.event for event in heard] == digits

    @given(st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.binary(max_size=12))))
    def test_noise_is_read_or_refused(self, stream: list[tuple[int, bytes]]) -> None:
        receiver = EventReceiver()
        for timestamp, payload in stream:
            try:
                receiver.event_received(timestamp, payload)
            except ParseError:
                assert len(payload) % 4 or not payload
