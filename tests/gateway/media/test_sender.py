"""The pacing of many streams, held against a plain model of one."""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pytest
from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from gateway.core.errors import LocalProtocolError
from gateway.media.rtp import RtpPacket
from gateway.media.sender import FEW_ROWS, RING_OCTETS, Batch, Sender
from gateway.media.store import Clip, SoundStore
from tones.g711 import Law, idle_octet, transcode


def sound(length: int, first: int = 0) -> bytes:
    return bytes((first + number * 7) % 211 for number in range(length))


def filled_store(*lengths: tuple[str, int, bool]) -> SoundStore:
    store = SoundStore(capacity_octets=1)
    for name, length, repeat in lengths:
        laws = {law: np.frombuffer(sound(length, law.payload_type), np.uint8) for law in Law}
        store.add(name, laws, repeat)
    return store


def clip_of(store: SoundStore, name: str) -> Clip:
    clip = store.get(name)
    assert clip is not None
    return clip


def packets_of(batch: Batch) -> dict[int, RtpPacket]:
    return {int(row): RtpPacket.parse(octets.tobytes()) for row, octets in zip(batch.rows, batch.packets, strict=True)}


def payloads(sender: Sender, row: int, ticks: int) -> bytes:
    return b"".join(packets_of(sender.tick(sender.phase_of(row)))[row].payload for _ in range(ticks))


@pytest.fixture
def store() -> SoundStore:
    return filled_store(("period", 333, True), ("tiny", 7, True), ("long", 1000, True), ("once", 500, False))


@pytest.mark.clause("RFC 3550", "5.1")
class TestPackets:
    def test_the_first_packets_octet_for_octet(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = sender.open(Law.ALAW)
        sender.play(row, clip_of(store, "long"))
        sender.attach(row, ssrc=0xDEADBEEF, sequence=0xFFFF, timestamp=0xFFFFFFB0, payload_type=8)
        first, second = sender.tick(0).packets, sender.tick(0).packets
        assert first.shape == (1, 172)
        assert first.dtype == np.uint8
        assert first.tobytes() == bytes.fromhex("8088 ffff ffffffb0 deadbeef") + sound(1000, 8)[:160]
        assert second.tobytes() == bytes.fromhex("8008 0000 00000050 deadbeef") + sound(1000, 8)[160:320]

    def test_each_law_has_its_own_octets(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        for law in Law:
            row = sender.open(law)
            sender.play(row, clip_of(store, "period"))
            sender.attach(row, 1, 1, 1, law.payload_type)
        for packet in packets_of(sender.tick(0)).values():
            assert packet.payload == sound(333, packet.payload_type)[:160]

    def test_a_batch_is_the_receivers_to_keep(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = sender.open(Law.ALAW)
        sender.play(row, clip_of(store, "long"))
        sender.attach(row, 1, 1, 1, 8)
        kept = sender.tick(0)
        before = kept.packets.tobytes()
        sender.tick(0)
        assert kept.packets.tobytes() == before

    def test_an_attached_row_sends_the_idle_pattern_when_nothing_plays(self, store: SoundStore) -> None:
        for law in Law:
            sender = Sender(store)
            row = sender.open(law)
            sender.attach(row, 1, 1, 1, law.payload_type)
            assert payloads(sender, row, 3) == bytes([idle_octet(law)]) * 480

    def test_an_empty_phase_gives_an_empty_batch(self, store: SoundStore) -> None:
        batch = Sender(store).tick(3)
        assert (len(batch.rows), batch.packets.shape, len(batch.ended)) == (0, (0, 172), 0)


class TestClips:
    @pytest.mark.parametrize("name", ["period", "tiny", "long"])
    @pytest.mark.parametrize("start", [0, 1, 6, 159, 161, 4000])
    def test_a_repeating_clip_has_no_seam(self, store: SoundStore, name: str, start: int) -> None:
        clip = clip_of(store, name)
        sender = Sender(store)
        row = sender.open(Law.ALAW)
        sender.play(row, clip, start)
        sender.attach(row, 1, 1, 1, 8)
        period = sound(clip.length, 8)
        begin = start % clip.length
        assert payloads(sender, row, 40) == (period * 2000)[begin : begin + 40 * 160]

    def test_a_clip_goes_on_unheard_and_is_heard_from_the_middle(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = sender.open(Law.ALAW)
        sender.play(row, clip_of(store, "long"))
        for _ in range(3):
            assert len(sender.tick(sender.phase_of(row)).rows) == 0
        sender.attach(row, 1, 1, 1, 8)
        assert payloads(sender, row, 1) == sound(1000, 8)[480:640]

    @pytest.mark.parametrize(("start", "ticks"), [(0, 4), (20, 3), (340, 1), (499, 1), (500, 1), (10_000, 1)])
    def test_a_one_shot_clip_ends_in_the_idle_pattern_and_is_told_once(
        self, store: SoundStore, start: int, ticks: int
    ) -> None:
        sender = Sender(store)
        row = sender.open(Law.MULAW)
        sender.play(row, clip_of(store, "once"), start)
        sender.attach(row, 1, 1, 1, 0)
        heard, ended = b"", []
        for tick in range(6):
            batch = sender.tick(sender.phase_of(row))
            heard += packets_of(batch)[row].payload
            ended += [(tick, int(each)) for each in batch.ended]
        assert heard == (sound(500)[start:] + b"\xff" * 960)[:960]
        assert ended == [(ticks - 1, row)]

    def test_the_end_of_an_unheard_clip_is_told_too(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = sender.open(Law.MULAW)
        sender.play(row, clip_of(store, "once"))
        assert [list(sender.tick(0).ended) for _ in range(5)] == [[], [], [], [row], []]

    def test_a_clip_cannot_start_before_its_beginning(self, store: SoundStore) -> None:
        sender = Sender(store)
        with pytest.raises(LocalProtocolError, match="a clip cannot start at sample -1"):
            sender.play(sender.open(Law.ALAW), clip_of(store, "long"), -1)

    def test_sounds_added_later_do_not_disturb_those_that_play(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = sender.open(Law.ALAW)
        sender.play(row, clip_of(store, "long"))
        sender.attach(row, 1, 1, 1, 8)
        payloads(sender, row, 1)
        store.add("large", {law: np.zeros(100_000, np.uint8) for law in Law}, repeat=True)
        assert payloads(sender, row, 1) == sound(1000, 8)[160:320]


@pytest.mark.clause("RFC 3551", "4.1")
class TestMarker:
    def test_the_marker_stands_at_the_beginning_of_each_spurt_and_nowhere_else(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = sender.open(Law.ALAW)
        sender.attach(row, 1, 1, 1, 8)

        def markers(ticks: int) -> list[bool]:
            return [packets_of(sender.tick(0))[row].marker for _ in range(ticks)]

        assert markers(2) == [True, False]
        sender.play(row, clip_of(store, "period"))
        assert markers(2) == [True, False]
        sender.play(row, clip_of(store, "once"))
        assert markers(5) == [True, False, False, False, False]
        sender.live(row)
        assert markers(2) == [True, False]
        sender.silence(row)
        assert markers(2) == [False, False]


class TestOneStream:
    def test_numbers_go_on_whatever_plays(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = sender.open(Law.ALAW)
        sender.attach(row, 0xABCD, 65530, 0xFFFFFFFF - 500, 8)
        seen = []
        for step in range(20):
            if step == 3:
                sender.play(row, clip_of(store, "once"))
            if step == 10:
                sender.live(row)
            if step == 15:
                sender.silence(row)
            seen.append(packets_of(sender.tick(0))[row])
        assert {packet.ssrc for packet in seen} == {0xABCD}
        assert [packet.sequence for packet in seen] == [(65530 + step) % 65536 for step in range(20)]
        assert [packet.timestamp for packet in seen] == [(0xFFFFFFFF - 500 + 160 * n) % (1 << 32) for n in range(20)]

    def test_after_a_pause_the_clock_has_gone_on_and_the_sequence_has_not(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = sender.open(Law.ALAW)
        sender.attach(row, 5, 100, 1000, 8)
        sender.tick(0)
        sender.detach(row)
        sender.detach(row)
        assert all(len(sender.tick(0).rows) == 0 for _ in range(4))
        sender.reattach(row)
        sender.reattach(row)
        packet = packets_of(sender.tick(0))[row]
        assert (packet.ssrc, packet.sequence, packet.timestamp, packet.marker) == (5, 101, 1000 + 5 * 160, True)

    def test_only_what_was_attached_can_be_attached_again(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = sender.open(Law.ALAW)
        sender.attach(row, 5, 100, 1000, 8)
        sender.close(row)
        assert sender.open(Law.ALAW) == row
        with pytest.raises(LocalProtocolError, match="never was attached"):
            sender.reattach(row)


class TestChangeOfLaw:
    def test_the_sound_goes_on_where_it_is_and_so_do_the_numbers(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = sender.open(Law.ALAW)
        sender.play(row, clip_of(store, "long"))
        sender.attach(row, 5, 100, 1000, 8)
        sender.tick(0)
        sender.change_law(row, Law.MULAW, 0)
        packet = packets_of(sender.tick(0))[row]
        assert packet == RtpPacket(0, 101, 1160, 5, sound(1000)[160:320])

    def test_what_was_fed_is_transcoded(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = sender.open(Law.ALAW)
        sender.attach(row, 5, 100, 1000, 8)
        sender.live(row)
        sender.feed(row, sound(160))
        sender.change_law(row, Law.MULAW, 0)
        assert payloads(sender, row, 2) == transcode(sound(160), Law.ALAW, Law.MULAW).tobytes() + b"\xff" * 160


class TestLive:
    def test_what_is_fed_is_sent_in_whole_packets(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = sender.open(Law.ALAW)
        sender.attach(row, 1, 1, 1, 8)
        sender.live(row)
        sender.feed(row, sound(100))
        sender.feed(row, np.frombuffer(sound(220, 3), np.uint8))
        assert payloads(sender, row, 2) == sound(100) + sound(220, 3)
        assert sender.underruns(row) == 0

    def test_what_is_missing_is_idle_and_counted(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = sender.open(Law.ALAW)
        sender.attach(row, 1, 1, 1, 8)
        sender.live(row)
        sender.feed(row, sound(200))
        assert payloads(sender, row, 3) == sound(200) + b"\xd5" * 280
        assert sender.underruns(row) == 2
        sender.feed(row, sound(160, 9))
        assert payloads(sender, row, 1) == sound(160, 9)

    def test_what_has_been_read_is_not_heard_again(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = sender.open(Law.MULAW)
        sender.attach(row, 1, 1, 1, 0)
        sender.live(row)
        sender.feed(row, sound(RING_OCTETS))
        assert payloads(sender, row, 12) == sound(RING_OCTETS)
        assert payloads(sender, row, 12) == b"\xff" * RING_OCTETS

    def test_the_oldest_packets_are_dropped_and_counted(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = sender.open(Law.ALAW)
        sender.attach(row, 1, 1, 1, 8)
        sender.live(row)
        sender.feed(row, sound(RING_OCTETS))
        sender.feed(row, sound(200, 5))
        assert sender.overruns(row) == 320
        assert payloads(sender, row, 12) == (sound(RING_OCTETS)[320:] + sound(200, 5) + b"\xd5" * 160)[:RING_OCTETS]

    def test_a_flood_leaves_the_newest(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = sender.open(Law.ALAW)
        sender.attach(row, 1, 1, 1, 8)
        sender.live(row)
        sender.feed(row, sound(50))
        sender.feed(row, sound(10 * RING_OCTETS))
        assert sender.overruns(row) == 9 * RING_OCTETS + 50
        assert payloads(sender, row, 12) == sound(10 * RING_OCTETS)[-RING_OCTETS:]

    def test_going_live_again_starts_from_nothing(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = sender.open(Law.ALAW)
        sender.attach(row, 1, 1, 1, 8)
        sender.live(row)
        sender.feed(row, sound(1000))
        sender.live(row)
        assert payloads(sender, row, 1) == sound(1000)[:160]
        sender.silence(row)
        sender.live(row)
        assert payloads(sender, row, 1) == b"\xd5" * 160

    def test_only_live_rows_are_fed(self, store: SoundStore) -> None:
        sender = Sender(store)
        with pytest.raises(LocalProtocolError, match="not live"):
            sender.feed(sender.open(Law.ALAW), b"x")


class TestRows:
    def test_rows_are_spread_evenly_over_the_phases(self, store: SoundStore) -> None:
        sender = Sender(store)
        number, most = 20 * FEW_ROWS + 200, FEW_ROWS + 10
        rows = [sender.open(Law.ALAW) for _ in range(number)]
        assert len(set(rows)) == number
        assert [sender.rows_in(phase) for phase in range(20)] == [most] * 20
        assert set(Counter(sender.phase_of(row) for row in rows).values()) == {most}
        for row in rows:
            sender.attach(row, row, 1, 1, 8)
        sent = [packets_of(sender.tick(phase)) for phase in range(20)]
        assert sorted(row for batch in sent for row in batch) == sorted(rows)
        assert all(packet.ssrc == row for batch in sent for row, packet in batch.items())

    def test_closed_rows_are_used_again_and_even_out(self, store: SoundStore) -> None:
        sender = Sender(store, phases=4)
        rows = [sender.open(Law.ALAW, number % 4) for number in range(4 * FEW_ROWS)]
        for row in rows:
            if sender.phase_of(row) == 2:
                sender.close(row)
        assert sender.open_rows == 3 * FEW_ROWS
        again = [sender.open(Law.MULAW) for _ in range(10)]
        assert {sender.phase_of(row) for row in again} == {2}
        assert set(again) < set(rows)

    def test_few_rows_keep_few_phases_busy(self, store: SoundStore) -> None:
        sender = Sender(store, phases=4)
        rows = [sender.open(Law.ALAW) for _ in range(2 * FEW_ROWS + 1)]
        assert [sender.rows_in(phase) for phase in range(4)] == [FEW_ROWS, 1, FEW_ROWS, 0]
        sender.close(rows[0])
        assert sender.phase_of(sender.open(Law.ALAW)) == 0

    def test_a_reused_row_remembers_nothing(self, store: SoundStore) -> None:
        sender = Sender(store, phases=1)
        row = sender.open(Law.ALAW)
        sender.attach(row, 1, 1, 1, 8)
        sender.live(row)
        sender.feed(row, sound(1000))
        sender.close(row)
        assert len(sender.tick(0).rows) == 0
        assert sender.open(Law.MULAW) == row
        sender.attach(row, 2, 2, 2, 0)
        assert payloads(sender, row, 1) == b"\xff" * 160
        assert (sender.underruns(row), sender.overruns(row)) == (0, 0)

    @pytest.mark.parametrize("row", [-1, 0, 19, 20, 10_000])
    def test_a_row_that_is_not_open_cannot_be_touched(self, store: SoundStore, row: int) -> None:
        sender = Sender(store)
        with pytest.raises(LocalProtocolError, match=f"row {row} is not open"):
            sender.silence(row)

    def test_a_row_is_closed_once(self, store: SoundStore) -> None:
        sender = Sender(store)
        row = sender.open(Law.ALAW)
        sender.close(row)
        with pytest.raises(LocalProtocolError, match="is not open"):
            sender.close(row)


class TestCost:
    def calls(self, store: SoundStore, rows: int, fed: int) -> int:
        """How many functions one tick calls, in C or in Python, with that many rows in it."""
        sender = Sender(store, phases=1)
        for number in range(rows):
            row = sender.open(Law.ALAW)
            sender.play(row, clip_of(store, "long"), 10)
            sender.attach(row, 1, 1, 1, 8)
            if number % 2:
                sender.live(row)
                sender.feed(row, bytes(fed))
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

    @pytest.mark.parametrize(("fed", "most"), [(480, 40), (0, 55)])
    def test_a_tick_calls_as_many_functions_for_a_thousand_rows_as_for_two(
        self, store: SoundStore, fed: int, most: int
    ) -> None:
        assert self.calls(store, 1000, fed) == self.calls(store, 2, fed) < most


@define
class ModelRow:
    """One row as one would write it without numpy."""

    law: Law
    source: str = "idle"
    octets: bytes = b""
    repeat: bool = False
    position: int = 0
    ring: bytearray = field(factory=bytearray)
    attached: bool = False
    sequence: int = 0
    timestamp: int = 0
    ssrc: int = 0
    payload_type: int = 0
    marker: bool = False
    underruns: int = 0
    overruns: int = 0

    def tick(self) -> tuple[RtpPacket | None, bool]:
        idle = bytes([idle_octet(self.law)])
        ended = False
        if self.source == "clip":
            if self.repeat:
                size = len(self.octets)
                payload = bytes(self.octets[(self.position + n) % size] for n in range(160))
            else:
                payload = self.octets[self.position : self.position + 160]
                ended = self.position + 160 >= len(self.octets)
            self.position += 160
            if ended:
                self.source = "idle"
        elif self.source == "live":
            self.underruns += len(self.ring) < 160
            payload = bytes(self.ring[:160])
            del self.ring[:160]
        else:
            payload = b""
        payload += idle * (160 - len(payload))
        packet = None
        if self.attached:
            packet = RtpPacket(self.payload_type, self.sequence, self.timestamp, self.ssrc, payload, self.marker)
            self.sequence = (self.sequence + 1) % (1 << 16)
            self.marker = False
        self.timestamp = (self.timestamp + 160) % (1 << 32)
        return packet, ended

    def feed(self, octets: bytes) -> None:
        before = len(self.ring) + len(octets)
        octets = octets[-RING_OCTETS:]
        excess = len(self.ring) + len(octets) - RING_OCTETS
        if excess > 0:
            del self.ring[: -(-excess // 160) * 160]
        self.ring += octets
        self.overruns += before - len(self.ring)


class SenderAgainstModel(RuleBasedStateMachine):
    """Any operations in any order: the packets, the ends and the counts are the model's."""

    rows = Bundle("rows")

    def __init__(self) -> None:
        super().__init__()
        self.store = filled_store(
            ("a", 1, True), ("b", 159, True), ("c", 160, True), ("d", 1777, True), ("e", 1, False), ("f", 901, False)
        )
        self.sender = Sender(self.store, phases=3)
        self.model: dict[int, ModelRow] = {}

    @rule(target=rows, law=st.sampled_from(Law))
    def open(self, law: Law) -> int:
        row = self.sender.open(law)
        assert row not in self.model
        self.model[row] = ModelRow(law)
        return row

    @rule(row=consumes(rows))
    def close(self, row: int) -> None:
        self.sender.close(row)
        del self.model[row]

    @rule(row=rows, name=st.sampled_from("abcdef"), start=st.integers(0, 2000))
    def play(self, row: int, name: str, start: int) -> None:
        clip = clip_of(self.store, name)
        self.sender.play(row, clip, start)
        model = self.model[row]
        model.source, model.repeat, model.marker = "clip", clip.repeat, True
        model.octets = sound(clip.length, model.law.payload_type)
        model.position = start

    @rule(row=rows)
    def silence(self, row: int) -> None:
        self.sender.silence(row)
        self.model[row].source = "idle"

    @rule(row=rows)
    def live(self, row: int) -> None:
        self.sender.live(row)
        model = self.model[row]
        if model.source != "live":
            model.source, model.ring, model.marker = "live", bytearray(), True
            model.underruns = model.overruns = 0

    @rule(row=rows, length=st.integers(0, 2300), first=st.integers(0, 200))
    def feed(self, row: int, length: int, first: int) -> None:
        if self.model[row].source == "live":
            self.sender.feed(row, sound(length, first))
            self.model[row].feed(sound(length, first))

    @rule(
        row=rows,
        ssrc=st.integers(0, 0xFFFFFFFF),
        sequence=st.integers(0xFFF8, 0xFFFF),
        timestamp=st.integers(0xFFFFFF00, 0xFFFFFFFF),
        payload_type=st.integers(0, 127),
    )
    def attach(self, row: int, ssrc: int, sequence: int, timestamp: int, payload_type: int) -> None:
        self.sender.attach(row, ssrc, sequence, timestamp, payload_type)
        model = self.model[row]
        model.attached = model.marker = True
        model.ssrc, model.sequence, model.timestamp, model.payload_type = ssrc, sequence, timestamp, payload_type

    @rule(row=rows, law=st.sampled_from(Law), payload_type=st.integers(0, 127))
    def change_law(self, row: int, law: Law, payload_type: int) -> None:
        self.sender.change_law(row, law, payload_type)
        model = self.model[row]
        model.ring = bytearray(transcode(bytes(model.ring), model.law, law).tobytes())
        model.octets = sound(len(model.octets), law.payload_type)
        model.law, model.payload_type = law, payload_type

    @rule(row=rows)
    def detach(self, row: int) -> None:
        self.sender.detach(row)
        self.model[row].attached = False

    @rule(row=rows)
    def reattach(self, row: int) -> None:
        model = self.model[row]
        if model.ssrc or model.attached:
            self.sender.reattach(row)
            model.marker = model.marker or not model.attached
            model.attached = True

    @rule(length=st.integers(1, 3000))
    def add_a_sound(self, length: int) -> None:
        laws = {law: np.frombuffer(sound(length), np.uint8) for law in Law}
        self.store.add(f"more {len(self.store.spans)}", laws, repeat=True)

    @rule(phase=st.integers(0, 2), times=st.integers(1, 15))
    def tick(self, phase: int, times: int) -> None:
        for _ in range(times):
            batch = self.sender.tick(phase)
            wanted, ended = {}, []
            for row in sorted(self.model):
                if self.sender.phase_of(row) != phase:
                    continue
                packet, over = self.model[row].tick()
                if packet is not None:
                    wanted[row] = packet
                if over:
                    ended.append(row)
            assert packets_of(batch) == wanted
            assert sorted(int(row) for row in batch.ended) == ended

    @invariant()
    def counts_agree(self) -> None:
        assert self.sender.open_rows == len(self.model)
        for row, model in self.model.items():
            if model.source == "live":
                assert (self.sender.underruns(row), self.sender.overruns(row)) == (model.underruns, model.overruns)


SenderAgainstModel.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestSenderAgainstModel = SenderAgainstModel.TestCase
