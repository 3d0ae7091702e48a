"""Packets of other sizes than 20 ms, and telephone events in place of audio."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from functools import cache

import numpy as np
import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import LocalProtocolError
from gateway.media.packetization import PTIMES_MS
from gateway.media.rtp import RtpPacket
from gateway.media.sender import Batch, Sender
from gateway.media.store import SoundStore
from gateway.media.telephone_event import EventReceiver, ReceivedEvent, TelephoneEvent, event_packets
from tones.g711 import Law, idle_octet, transcode


@cache
def sound(length: int) -> bytes:
    return bytes((number * 7) % 211 for number in range(length))


@pytest.fixture
def store() -> SoundStore:
    store = SoundStore()
    store.add("long", {law: np.frombuffer(sound(50_000), np.uint8) for law in Law}, repeat=True)
    return store


def packets_of(batch: Batch) -> dict[int, list[RtpPacket]]:
    found: dict[int, list[RtpPacket]] = defaultdict(list)
    for rows, matrix in [(batch.rows, batch.packets), *((each.rows, each.packets) for each in batch.others)]:
        for row, octets in zip(rows.tolist(), matrix, strict=True):
            found[row].append(RtpPacket.parse(octets.tobytes()))
    return found


def stream(sender: Sender, row: int, ticks: int) -> list[list[RtpPacket]]:
    return [packets_of(sender.tick(sender.phase_of(row)))[row] for _ in range(ticks)]


def opened(sender: Sender, store: SoundStore, ptime_ms: int = 20) -> int:
    row = sender.open(Law.MULAW)
    clip = store.get("long")
    assert clip is not None
    sender.play(row, clip)
    sender.attach(row, 0xABCD, 0xFFFE, 0xFFFFFF00, 0, ptime_ms)
    return row


class TestPacketSizes:
    @pytest.mark.parametrize(
        ("ptime_ms", "pattern"),
        [
            (10, "222222"),
            (20, "111111"),
            (30, "011011"),
            (40, "010101"),
            (50, "0010100101"),
            (60, "001001"),
        ],
    )
    def test_packets_leave_in_the_tick_that_completes_them(
        self, store: SoundStore, ptime_ms: int, pattern: str
    ) -> None:
        sender = Sender(store)
        ticks = stream(sender, opened(sender, store, ptime_ms), len(pattern))
        assert "".join(str(len(packets)) for packets in ticks) == pattern

    @pytest.mark.parametrize("ptime_ms", PTIMES_MS)
    def test_numbers_and_sound_are_exact_whatever_the_size(self, store: SoundStore, ptime_ms: int) -> None:
        sender = Sender(store)
        row = opened(sender, store, ptime_ms)
        packets = [packet for tick in stream(sender, row, 60) for packet in tick]
        samples = ptime_ms * 8
        assert len(packets) == 60 * 160 // samples
        assert [p.sequence for p in packets] == [(0xFFFE + n) % 65536 for n in range(len(packets))]
        assert [p.timestamp for p in packets] == [(0xFFFFFF00 + n * samples) % (1 << 32) for n in range(len(packets))]
        assert b"".join(p.payload for p in packets) == sound(60 * 160)
        assert [p.marker for p in packets] == [True] + [False] * (len(packets) - 1)
        assert {(p.ssrc, p.payload_type) for p in packets} == {(0xABCD, 0)}
        numbers = sender.numbers(row)
        assert (numbers.packets, numbers.octets) == (len(packets), 60 * 160)
        assert (numbers.ssrc, numbers.sequence) == (0xABCD, (0xFFFE + len(packets)) % 65536)
        assert numbers.timestamp == (0xFFFFFF00 + 60 * 160) % (1 << 32)

    @pytest.mark.parametrize("ptime_ms", [0, 5, 15, 70, -20])
    def test_other_sizes_are_refused(self, store: SoundStore, ptime_ms: int) -> None:
        sender = Sender(store)
        with pytest.raises(LocalProtocolError, match=f"packets of {ptime_ms} ms"):
            opened(sender, store, ptime_ms)

    def test_the_size_may_change_within_a_stream(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = opened(sender, store)
        first = [p for tick in stream(sender, row, 3) for p in tick]
        sender.change_ptime(row, 60)
        second = [p for tick in stream(sender, row, 4) for p in tick]
        sender.change_ptime(row, 10)
        third = [p for tick in stream(sender, row, 2) for p in tick]
        packets = [*first, *second, *third]
        assert [len(p.payload) for p in packets] == [160, 160, 160, 480, 80, 80, 80, 80]
        assert [p.sequence for p in packets] == [(0xFFFE + n) % 65536 for n in range(8)]
        assert third[0].timestamp == (0xFFFFFF00 + 7 * 160) % (1 << 32)
        for packet in packets:
            place = (packet.timestamp - 0xFFFFFF00) % (1 << 32)
            assert packet.payload == sound(20_000)[place : place + len(packet.payload)]

    def test_a_law_that_changes_within_a_packet_is_carried_over(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = opened(sender, store, 40)
        stream(sender, row, 1)
        sender.change_law(row, Law.ALAW, 8)
        ((packet,),) = stream(sender, row, 1)
        begun = transcode(sound(160), Law.MULAW, Law.ALAW).tobytes()
        assert (packet.payload_type, packet.payload) == (8, begun + sound(320)[160:])

    def test_live_octets_fill_packets_of_any_size(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        rows = [sender.open(Law.MULAW) for _ in PTIMES_MS]
        for row, ptime_ms in zip(rows, PTIMES_MS, strict=True):
            sender.live(row)
            sender.attach(row, row, 1, 1, 0, ptime_ms)
        heard: dict[int, bytes] = defaultdict(bytes)
        for tick in range(30):
            block = np.frombuffer(sound(4800)[160 * tick : 160 * tick + 160], np.uint8)
            sender.feed_all(np.array(rows), np.tile(block, (len(rows), 1)))
            for row, packets in packets_of(sender.tick(0)).items():
                heard[row] += b"".join(packet.payload for packet in packets)
        assert all(heard[row] == sound(4800) for row in rows)

    def test_after_a_pause_a_packet_begins_anew(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = opened(sender, store, 40)
        stream(sender, row, 3)
        sender.detach(row)
        assert stream(sender, row, 4) == [[]] * 4
        sender.reattach(row)
        ticks = stream(sender, row, 2)
        assert [len(tick) for tick in ticks] == [0, 1]
        packet = ticks[1][0]
        assert (packet.sequence, packet.timestamp, packet.marker) == (0xFFFF, (0xFFFFFF00 + 7 * 160) % (1 << 32), True)


class TestFeedingMany:
    def test_it_is_the_same_as_feeding_one_by_one(self, store: SoundStore) -> None:
        sender = Sender(store, phases=2)
        rows = [sender.open(Law.ALAW, 0) for _ in range(3)]
        for row in rows:
            sender.live(row)
            sender.attach(row, 1, 1, 1, 8)
        sender.feed(rows[1], sound(50))
        for _ in range(3):
            sender.feed_all(np.array(rows), np.frombuffer(sound(480), np.uint8).reshape(3, 160))
        heard = dict.fromkeys(rows, b"")
        for _ in range(4):
            for row, (packet,) in packets_of(sender.tick(0)).items():
                heard[row] += packet.payload
        idle = bytes([idle_octet(Law.ALAW)])
        assert heard[rows[0]] == sound(160) * 3 + idle * 160
        assert heard[rows[1]] == (sound(50) + sound(480)[160:320] * 3 + idle * 160)[:640]
        assert heard[rows[2]] == sound(480)[320:] * 3 + idle * 160

    def test_rows_of_two_phases_are_refused(self, store: SoundStore) -> None:
        sender = Sender(store, phases=2)
        rows = [sender.open(Law.ALAW, phase) for phase in range(2)]
        with pytest.raises(LocalProtocolError, match="more than one phase"):
            sender.feed_all(np.array(rows), np.zeros((2, 160), np.uint8))

    def test_no_rows_are_no_matter(self, store: SoundStore) -> None:
        Sender(store).feed_all(np.zeros(0, np.int64), np.zeros((0, 160), np.uint8))


@pytest.mark.clause("RFC 4733", "2.5.1")
class TestEvents:
    @pytest.mark.parametrize("ptime_ms", PTIMES_MS)
    @pytest.mark.parametrize("duration", [1, 160, 161, 800, 1000])
    def test_an_event_replaces_the_audio_packet_by_packet(
        self, store: SoundStore, duration: int, ptime_ms: int
    ) -> None:
        sender = Sender(store)
        row = opened(sender, store, ptime_ms)
        before = sum(len(tick) for tick in stream(sender, row, 6))
        sender.send_event(row, 5, 101, duration, volume=7)
        wanted = list(
            event_packets(
                5,
                duration,
                payload_type=101,
                sequence=(0xFFFE + before) % 65536,
                timestamp=(0xFFFFFF00 + 960) % (1 << 32),
                ssrc=0xABCD,
                volume=7,
            )
        )
        assert [tick[0] for tick in stream(sender, row, len(wanted))] == wanted
        assert not sender.sends_event(row)
        after = [p for tick in stream(sender, row, 6) for p in tick]
        place = 960 + 160 * len(wanted)
        assert after[0].sequence == (wanted[-1].sequence + 1) % 65536
        assert after[0].timestamp == (0xFFFFFF00 + place) % (1 << 32)
        assert after[0].payload == sound(20_000)[place : place + ptime_ms * 8]
        assert [p.marker for p in after] == [True] + [False] * (len(after) - 1)

    def test_its_end_is_told_once(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = opened(sender, store)
        sender.send_event(row, 5, 101, 160)
        assert [sender.tick(0).events_over.tolist() for _ in range(5)] == [[], [], [row], [], []]

    def test_an_event_may_last_until_it_is_ended(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = opened(sender, store)
        sender.send_event(row, 11, 101)
        reports = [TelephoneEvent.parse(tick[0].payload)[0] for tick in stream(sender, row, 10)]
        assert [(r.duration, r.end) for r in reports] == [(160 * n, False) for n in range(1, 11)]
        sender.end_event(row)
        sender.end_event(row)
        ends = [TelephoneEvent.parse(tick[0].payload)[0] for tick in stream(sender, row, 3)]
        assert [(r.duration, r.end) for r in ends] == [(1600, True)] * 3
        assert len(stream(sender, row, 1)[0][0].payload) == 160

    @pytest.mark.clause("RFC 4733", "2.5.1.3")
    @pytest.mark.parametrize("open_ended", [False, True])
    def test_a_long_event_is_cut_into_segments_and_heard_as_one(self, store: SoundStore, open_ended: bool) -> None:
        sender = Sender(store, phases=1)
        row = opened(sender, store)
        duration = 900 * 160
        sender.send_event(row, 3, 101, None if open_ended else duration)
        receiver = EventReceiver()
        heard: list[ReceivedEvent] = []
        packets = []
        for tick in range(902 + open_ended):
            if tick == 900:
                sender.end_event(row)
            (packet,) = packets_of(sender.tick(0))[row]
            packets.append(packet)
            heard += receiver.event_received(packet.timestamp, packet.payload)
        assert [(e.event, e.timestamp, e.duration, e.ended) for e in heard] == [(3, 0xFFFFFF00, duration, True)]
        assert [p.marker for p in packets] == [True] + [False] * (len(packets) - 1)
        full = [p for p in packets if TelephoneEvent.parse(p.payload)[0].duration == 0xFFFF]
        assert len(full) == 6
        assert len({p.timestamp for p in packets}) == 3
        assert not any(TelephoneEvent.parse(p.payload)[0].end for p in full)

    def test_one_event_at_a_time(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = opened(sender, store)
        sender.send_event(row, 1, 101)
        with pytest.raises(LocalProtocolError, match="cannot begin another"):
            sender.send_event(row, 2, 101)

    def test_only_an_attached_row_sends_events(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = sender.open(Law.ALAW)
        with pytest.raises(LocalProtocolError, match="not attached"):
            sender.send_event(row, 2, 101)
        sender.end_event(row)

    def test_an_event_ends_with_the_stream(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = opened(sender, store)
        sender.send_event(row, 1, 101)
        stream(sender, row, 2)
        sender.detach(row)
        assert stream(sender, row, 2) == [[], []]
        sender.reattach(row)
        assert len(stream(sender, row, 1)[0][0].payload) == 160
        sender.send_event(row, 1, 101)
        sender.close(row)
        assert sender.open(Law.MULAW) == row
        sender.attach(row, 1, 1, 1, 0)
        assert len(stream(sender, row, 1)[0][0].payload) == 160

    def test_live_audio_under_an_event_is_not_heard_later(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = sender.open(Law.MULAW)
        sender.live(row)
        sender.attach(row, 1, 1, 1, 0)
        sender.send_event(row, 1, 101, 160)
        for _ in range(3):
            sender.feed(row, b"\x01" * 160)
            sender.tick(0)
        sender.feed(row, b"\x02" * 160)
        assert stream(sender, row, 1)[0][0].payload == b"\x02" * 160


@define
class ModelRow:
    """A row as one would write it without numpy: sound, events and packets of a size."""

    ptime_ms: int
    sequence: int
    timestamp: int
    place: int = 0
    waiting: bytes = b""
    marker: bool = True
    events: list[RtpPacket] = field(factory=list)

    def tick(self) -> list[RtpPacket]:
        if self.events:
            packets = [self.events.pop(0)]
            self.marker = True
        else:
            self.waiting += (sound(50_000) * 2)[self.place : self.place + 160]
            packets, size = [], self.ptime_ms * 8
            began = self.timestamp + 160 - len(self.waiting)
            while len(self.waiting) >= size:
                payload, self.waiting = self.waiting[:size], self.waiting[size:]
                number = (self.sequence + len(packets)) % 65536
                packets.append(RtpPacket(0, number, began % (1 << 32), 9, payload, self.marker))
                self.marker, began = False, began + size
        self.sequence = (self.sequence + len(packets)) % 65536
        self.timestamp = (self.timestamp + 160) % (1 << 32)
        self.place = (self.place + 160) % 50_000
        return packets


class TestAgainstAModel:
    @settings(max_examples=40, deadline=None)
    @given(seed=st.integers(0, 100_000))
    def test_any_sizes_and_events_side_by_side(self, seed: int) -> None:
        chance = random.Random(seed)
        store = SoundStore()
        clip = store.add("long", {law: np.frombuffer(sound(50_000), np.uint8) for law in Law}, repeat=True)
        sender = Sender(store, phases=1)
        model: dict[int, ModelRow] = {}
        for _ in range(chance.randint(1, 14)):
            row = sender.open(Law.MULAW)
            ptime_ms, sequence = chance.choice(PTIMES_MS), chance.randint(0xFFF0, 0xFFFF)
            sender.play(row, clip)
            sender.attach(row, 9, sequence, 0xFFFFF000, 0, ptime_ms)
            model[row] = ModelRow(ptime_ms, sequence, 0xFFFFF000)
        for _ in range(80):
            for row, each in model.items():
                if chance.random() < 0.03 and not each.events:
                    duration = chance.randint(1, 1500)
                    numbers = {"sequence": each.sequence, "timestamp": each.timestamp, "ssrc": 9}
                    each.events = list(event_packets(7, duration, payload_type=101, **numbers))
                    each.waiting = b""
                    sender.send_event(row, 7, 101, duration)
                if chance.random() < 0.02 and not each.events:
                    each.ptime_ms, each.waiting = chance.choice(PTIMES_MS), b""
                    sender.change_ptime(row, each.ptime_ms)
            got = packets_of(sender.tick(0))
            for row, each in model.items():
                wanted = each.tick()
                assert got[row] == wanted


class TestCost:
    def calls(self, store: SoundStore, rows: int) -> int:
        """How many functions one tick calls with that many rows, of two sizes and with events among them."""
        sender = Sender(store, phases=1)
        for number in range(rows):
            row = opened(sender, store, (20, 40, 40, 20)[number % 4])
            if number % 4 == 3:
                sender.send_event(row, 1, 101)
        sender.tick(0)
        count = 0

        def profile(frame: object, event: str, argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(profile)
        try:
            sender.tick(0)
        finally:
            sys.setprofile(None)
        return count

    def test_a_tick_calls_as_many_functions_for_a_thousand_rows_as_for_four(self, store: SoundStore) -> None:
        assert self.calls(store, 1000) == self.calls(store, 4) < 120
