"""Reception of one stream."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.receiver import Receiver
from gateway.media.rtp import RtpPacket
from gateway.media.sender import Sender
from gateway.media.store import SoundStore
from gateway.media.telephone_event import event_packets
from tones.g711 import Law

PEER = ("192.0.2.1", 4000)


def packet(number: int, **changes: object) -> RtpPacket:
    plain = RtpPacket(8, number, 160 * number, 0xAAAA, bytes([number % 256]) * 160)
    return attrs.evolve(plain, **changes)  # type: ignore[arg-type]


def receive(receiver: Receiver, *packets: RtpPacket) -> list[bool]:
    return [receiver.received(each.serialize(), PEER, each.sequence * 0.02) is not None for each in packets]


class TestChecks:
    def test_good_packets_are_taken(self) -> None:
        receiver = Receiver(Law.ALAW)
        assert receive(receiver, packet(1, marker=True), packet(2), packet(3)) == [True] * 3
        assert (receiver.ssrc, receiver.markers, receiver.refusals.total) == (0xAAAA, 1, 0)
        assert receiver.heard.tobytes() == bytes([1]) * 160 + bytes([2]) * 160 + bytes([3]) * 160
        assert (receiver.first_arrival_s, receiver.last_arrival_s) == (0.02, 0.06)
        assert receiver.statistics.jitter_samples == 0

    def test_what_is_not_rtp_is_counted(self) -> None:
        receiver = Receiver(Law.ALAW)
        assert receiver.received(b"\0\1\0\0", PEER, 0.0) is None
        assert receiver.refusals.malformed == 1

    def test_another_source_is_not_heard(self) -> None:
        receiver = Receiver(Law.ALAW, source=PEER)
        assert receive(receiver, packet(1)) == [True]
        assert receiver.received(packet(2).serialize(), ("192.0.2.66", 4000), 0.0) is None
        assert receiver.refusals.source == 1

    def test_payload_types_that_were_not_negotiated_are_not_heard(self) -> None:
        receiver = Receiver(Law.ALAW, {8: Law.ALAW})
        assert receive(receiver, packet(1), packet(2, payload_type=0), packet(3, payload_type=101)) == [
            True,
            False,
            False,
        ]
        assert receiver.refusals.payload_type == 2

    def test_one_packet_of_another_ssrc_is_not_heard_and_two_take_over(self) -> None:
        receiver = Receiver(Law.ALAW)
        strange = [packet(500 + number, ssrc=0xBBBB) for number in range(3)]
        assert receive(receiver, packet(1), strange[0], packet(2)) == [True, False, True]
        assert receive(receiver, strange[0], strange[1], strange[2]) == [False, True, True]
        assert (receiver.ssrc, receiver.ssrc_changes, receiver.refusals.ssrc) == (0xBBBB, 1, 2)
        assert receiver.heard[::160].tolist() == [1, 2, 501 % 256, 502 % 256]

    def test_duplicates_and_sequence_jumps_are_told_apart(self) -> None:
        receiver = Receiver(Law.ALAW)
        receive(receiver, packet(1), packet(1), packet(2, sequence=40000))
        assert (receiver.refusals.duplicate, receiver.refusals.sequence) == (1, 1)

    @given(st.lists(st.binary(max_size=60), max_size=20), st.booleans())
    def test_noise_is_taken_or_counted(self, datagrams: list[bytes], passes_on: bool) -> None:
        receiver = Receiver(Law.ALAW, telephone_events=frozenset({101}), passes_on=passes_on)
        taken = sum(receiver.received(octets, PEER, 0.0) is not None for octets in datagrams)
        assert taken + receiver.refusals.total == len(datagrams)


class TestHearing:
    def test_what_a_sender_plays_is_heard_sample_for_sample(self) -> None:
        octets = (np.arange(3333) % 199).astype(np.uint8)
        store = SoundStore()
        clip = store.add("sound", dict.fromkeys(Law, octets), repeat=True)
        sender = Sender(store, phases=1)
        row = sender.open(Law.MULAW)
        sender.play(row, clip)
        sender.attach(row, 7, 65500, 0xFFFFFF00, 0)
        receiver = Receiver(Law.MULAW)
        for number in range(100):
            receiver.received(sender.tick(0).packets[0].tobytes(), PEER, number * 0.02)
        assert np.array_equal(receiver.heard, np.tile(octets, 5)[:16000])
        assert (receiver.statistics.lost, receiver.statistics.jitter_samples) == (0, 0)

    @pytest.mark.clause("RFC 3551", "4.1")
    def test_suppressed_silence_and_lost_packets_are_idle_but_only_one_is_loss(self) -> None:
        silent, lossy = Receiver(Law.ALAW), Receiver(Law.ALAW)
        receive(silent, packet(1), packet(2, timestamp=160 * 5, marker=True))
        receive(lossy, packet(1), packet(5))
        for receiver in (silent, lossy):
            assert receiver.heard.tobytes()[160:640] == b"\xd5" * 480
            assert len(receiver.heard) == 800
        assert (silent.statistics.lost, lossy.statistics.lost) == (0, 3)

    @pytest.mark.clause("RFC 3389", "4")
    def test_comfort_noise_is_silence(self) -> None:
        receiver = Receiver(Law.ALAW)
        assert receive(receiver, packet(1), packet(2, payload_type=13, payload=b"\x40"), packet(3)) == [True] * 3
        assert receiver.heard.tobytes()[160:320] == b"\xd5" * 160

    def test_the_other_law_is_transcoded(self) -> None:
        receiver = Receiver(Law.ALAW)
        receive(receiver, packet(1, payload_type=0, payload=b"\xff" * 160))
        assert receiver.heard.tobytes() == b"\xd5" * 160


@pytest.mark.clause("RFC 4733", "2.5.2.2")
class TestDigits:
    def digit(self, sequence: int, timestamp: int, number: int = 5) -> list[RtpPacket]:
        return list(
            event_packets(number, 400, payload_type=101, sequence=sequence, timestamp=timestamp, ssrc=0xAAAA, volume=10)
        )

    def test_a_digit_is_told_once(self) -> None:
        receiver = Receiver(Law.ALAW, telephone_events=frozenset({101}))
        told = []
        for each in [packet(1), *self.digit(2, 320), packet(7)]:
            reception = receiver.received(each.serialize(), PEER, each.sequence * 0.02)
            assert reception is not None
            told += [event.digit for event in reception.events]
        assert told == ["5"]
        assert [event.digit for event in receiver.events] == ["5"]
        assert len(receiver.heard) == 7 * 160

    def test_a_digit_without_an_end_is_told_by_later_audio_or_at_the_end(self) -> None:
        receiver = Receiver(Law.ALAW, telephone_events=frozenset({101}))
        receive(receiver, self.digit(2, 320)[0], packet(8), self.digit(9, 9 * 160, 6)[0])
        assert [event.digit for event in receiver.events] == ["5"]
        assert [event.digit for event in receiver.finish()] == ["6"]
        assert [event.digit for event in receiver.events] == ["5", "6"]

    def test_a_digit_that_a_new_source_cuts_off_is_told(self) -> None:
        receiver = Receiver(Law.ALAW, telephone_events=frozenset({101}), passes_on=True)
        receive(receiver, self.digit(2, 320)[0], packet(50, ssrc=1))
        reception = receiver.received(packet(51, ssrc=1).serialize(), PEER, 0.0)
        assert reception is not None
        assert [event.digit for event in reception.events] == ["5"]

    def test_a_broken_event_is_counted(self) -> None:
        receiver = Receiver(Law.ALAW, telephone_events=frozenset({101}))
        assert receive(receiver, packet(1, payload_type=101, payload=b"abc")) == [False]
        assert receiver.refusals.malformed == 1


class TestPassingOn:
    def test_octets_come_with_their_packet_and_nothing_is_kept(self) -> None:
        receiver = Receiver(Law.ALAW, passes_on=True)
        taken = [receiver.received(packet(number).serialize(), PEER, 0.0) for number in (1, 2, 9, 8)]
        assert [reception.octets if reception else None for reception in taken] == [
            bytes([1]) * 160,
            bytes([2]) * 160,
            bytes([9]) * 160,
            b"",
        ]
        assert len(receiver.heard) == 0
