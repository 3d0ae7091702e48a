"""Reception of one stream."""

from __future__ import annotations

import itertools

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.receiver import Receiver
from gateway.media.reception import ReceptionStatistics
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
        assert (receiver.ssrc, receiver.refusals.total) == (0xAAAA, 0)
        assert receiver.heard.tobytes() == bytes([1]) * 160 + bytes([2]) * 160 + bytes([3]) * 160
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
    def test_noise_is_taken_or_counted(self, datagrams: list[bytes], records: bool) -> None:
        receiver = Receiver(Law.ALAW, telephone_events=frozenset({101}), records=records)
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
        receiver = Receiver(Law.ALAW, telephone_events=frozenset({101}), records=False)
        receive(receiver, self.digit(2, 320)[0], packet(50, ssrc=1))
        reception = receiver.received(packet(51, ssrc=1).serialize(), PEER, 0.0)
        assert reception is not None
        assert [event.digit for event in reception.events] == ["5"]

    def test_a_broken_event_is_counted(self) -> None:
        receiver = Receiver(Law.ALAW, telephone_events=frozenset({101}))
        assert receive(receiver, packet(1, payload_type=101, payload=b"abc")) == [False]
        assert receiver.refusals.malformed == 1


class TestWithoutARecording:
    def test_packets_are_counted_and_nothing_is_kept(self) -> None:
        receiver = Receiver(Law.ALAW, telephone_events=frozenset({101}), records=False)
        assert receive(receiver, *[packet(number) for number in (1, 2, 9, 8)]) == [True] * 4
        assert (receiver.statistics.received, receiver.statistics.missing, receiver.events) == (4, 5, ())


class TestGoingOn:
    """Told of packets that somebody else has looked at."""

    def test_it_is_as_if_the_packets_had_been_received(self) -> None:
        one, told = Receiver(Law.ALAW, records=False), Receiver(Law.ALAW, records=False)
        packets = [packet(number, sequence=(65530 + number) % 65536, marker=number == 3) for number in range(150)]
        for number, each in enumerate(packets):
            for strange in ({"sequence": 40_000}, {"ssrc": 7}) if number == 2 else ():
                for receiver in (one, told):
                    assert not receive(receiver, packet(2, **strange))[0]
            one.received(each.serialize(), PEER, number * 0.021)
            if number < 2:
                told.received(each.serialize(), PEER, number * 0.021)
        transits = [round(at * 0.021 * 8000) - 160 * at for at in range(150)]
        jitter = 0.0
        for before, after in itertools.pairwise(transits):
            jitter += (abs(after - before) - jitter) / 16
        told.went_on(148, transits[-1], jitter)
        assert not one._candidate_ssrc
        assert not told._candidate_ssrc
        for name in ReceptionStatistics.__slots__:
            assert getattr(told.statistics, name) == getattr(one.statistics, name)
