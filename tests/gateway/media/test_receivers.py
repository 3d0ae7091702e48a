"""The bank of receivers: held against one object a row, flooded, and weighed."""

from __future__ import annotations

import gc
import itertools
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.jitter import RING_SAMPLES, JitterCounts, JitterSettings, Verdict
from gateway.media.receivers import Receivers
from gateway.media.reception import ReceptionStatistics
from gateway.media.rtp import RtpPacket
from gateway.media.telephone_event import event_packets
from tests.gateway.media.streams import BAD, EVENTS, LAWS, MILD, NO_HARM, Batch, Harm, OneByOne, Stream
from tones.g711 import Law, idle_octet

NO_EVENTS: frozenset[int] = frozenset()


def all_of(statistics: ReceptionStatistics) -> dict[str, Any]:
    return {name: getattr(statistics, name) for name in ReceptionStatistics.__slots__}


class Both:
    """The bank and the model, given the same."""

    def __init__(self, rows: int, jitter: JitterSettings | None = None) -> None:
        jitter = jitter or JitterSettings()
        self.bank, self.model = Receivers(jitter), OneByOne(jitter)
        self.rows = [self.open(Law.ALAW) for _ in range(rows)]

    def open(self, law: Law) -> int:
        row = self.bank.open(law, LAWS, frozenset({EVENTS}))
        self.model.open(row, law, LAWS, frozenset({EVENTS}))
        return row

    def hear(self, row: int) -> None:
        self.bank.hear(row)
        self.model.hear(row)

    def deaf(self, row: int) -> None:
        self.bank.deaf(row)
        self.model.deaf(row)

    def renegotiate(self, row: int, law: Law) -> None:
        self.bank.renegotiate(row, law, LAWS, frozenset({EVENTS}))
        self.model.receivers[row].renegotiate(law, LAWS, frozenset({EVENTS}))

    def received(self, datagrams: list[tuple[int, bytes]], now_s: float) -> None:
        batch = Batch.of(datagrams)
        told = self.bank.received(batch.rows, batch.datagrams, batch.lengths, now_s)
        assert sorted(told, key=lambda each: each[0]) == sorted(
            self.model.received(batch, now_s), key=lambda each: each[0]
        )

    def pull(self, rows: list[int], now_s: float) -> list[Verdict]:
        pulled = self.bank.pull(np.array(rows, np.int64), now_s)
        wanted = [self.model.pull(row, now_s) for row in rows]
        assert pulled.verdicts.tolist() == [verdict for _, verdict in wanted]
        assert [block.tobytes() for block in pulled.octets] == [octets for octets, _ in wanted]
        return [verdict for _, verdict in wanted]

    def compare(self, row: int) -> None:
        model = self.model.receivers[row]
        assert all_of(self.bank.statistics(row)) == all_of(model.statistics)
        assert self.bank.ssrc(row) == model.ssrc
        assert self.bank.refusals(row) == model.refusals
        assert self.bank.counts(row) == self.model.counts(row)
        assert self.bank.delay_ms(row) == (0.0 if model.jitter is None else model.jitter.delay_ms)

    def report(self, row: int) -> None:
        assert self.bank.statistics(row).fraction_lost() == self.model.receivers[row].statistics.fraction_lost()


def run(both: Both, harms: list[Harm], seed: int, seconds: float, phases: int = 2, calls: float = 0.0) -> int:
    """Streams to all rows, pulled in turn; `calls`: how often a row is changed in some way. Returns blocks played."""
    chance = random.Random(seed)
    arriving: list[tuple[float, int, bytes]] = []
    for place, row in enumerate(both.rows):
        stream = Stream(
            chance, harms[place % len(harms)], 1.0 + chance.random() * 0.1, chance.choice([10, 20, 20, 20, 30, 40, 60])
        )
        arriving += [(at_s, row, octets) for at_s, octets in stream.packets(1.0 + seconds)]
        if chance.random() < 0.8:
            both.hear(row)
    arriving.sort(key=lambda each: each[0])
    played, at, slot_s, stalled_until_s = 0, 0, 0.02 / phases, 0.0
    for tick in range(round((seconds + 0.8) / slot_s)):
        now_s = 1.0 + tick * slot_s
        stalled_until_s = now_s + chance.random() * 0.1 if chance.random() < 0.002 else stalled_until_s
        if now_s < stalled_until_s:
            continue
        until = at
        while until < len(arriving) and arriving[until][0] <= now_s:
            until += 1
        both.received([(row, octets) for _, row, octets in arriving[at:until]], now_s)
        at = until
        played += both.pull(both.rows[tick % phases :: phases], now_s + 0.0005).count(Verdict.PLAYED)
        if chance.random() < calls:
            row = chance.choice(both.rows)
            change: Callable[[int], object] = chance.choice(
                [
                    both.hear,
                    both.deaf,
                    both.compare,
                    both.report,
                    lambda row: both.renegotiate(row, chance.choice(list(Law))),
                ]
            )
            change(row)
    for row in both.rows:
        both.compare(row)
    return played


def datagram(row: int, number: int, size: int = 160, payload_type: int = 8) -> bytes:
    """The `number`th packet of a stream of good manners."""
    octets = bytes([number % 256]) * size
    return RtpPacket(payload_type, (65000 + number) % 65536, size * number + 7, 0x1000 + row, octets).serialize()


def heard_rows(bank: Receivers, rows: int) -> list[int]:
    opened = [bank.open(Law.ALAW, LAWS, frozenset({EVENTS})) for _ in range(rows)]
    for row in opened:
        bank.hear(row)
    return opened


def receive(bank: Receivers, datagrams: list[tuple[int, bytes]], now_s: float, width: int = 512) -> None:
    batch = Batch.of(datagrams, width)
    bank.received(batch.rows, batch.datagrams, batch.lengths, now_s)


class TestAgainstTheModel:
    @settings(max_examples=10, deadline=None)
    @given(st.integers(0, 1 << 32), st.sampled_from([1, 4, 12, 25]), st.sampled_from([1, 2, 5]))
    def test_whatever_comes_the_bank_and_the_objects_say_the_same(self, seed: int, rows: int, phases: int) -> None:
        run(Both(rows), [NO_HARM, MILD, BAD], seed, 3.0, phases, calls=0.05)

    @pytest.mark.parametrize("jitter", [JitterSettings(20, 60, 20), JitterSettings(40, 500, 100)])
    def test_so_they_do_for_longer_and_with_other_settings(self, jitter: JitterSettings) -> None:
        assert run(Both(12, jitter), [NO_HARM, MILD], 77, 12.0) > 3000

    def test_good_streams_are_hardly_ever_given_to_the_objects(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = begun = 0
        one_by_one = Receivers._take_one

        def count(*args: Any, **options: Any) -> None:
            nonlocal asked
            asked += 1
            one_by_one(*args, **options)

        monkeypatch.setattr(Receivers, "_take_one", count)
        both = Both(20)
        for row in both.rows:
            both.hear(row)
        for number in range(700):
            if number == 20:
                begun = asked
            now_s = 1.0 + number * 0.02
            both.received([(row, datagram(row, number)) for row in both.rows[::2]], now_s)
            if number % 2:
                both.received([(row, datagram(row, number // 2, 320)) for row in both.rows[1::2]], now_s)
            both.pull(both.rows, now_s + 0.001)
        assert 20 <= begun == asked

    @pytest.mark.parametrize("pause_s", [0.3, 0.6, 2.0, 5.0])
    @pytest.mark.parametrize("is_pulled", [False, True])
    def test_streams_that_stop_and_go_on_where_they_were(self, pause_s: float, is_pulled: bool) -> None:
        both = Both(8)
        for row in both.rows:
            both.hear(row)
        for number in range(300):
            now_s = 1.0 + number * 0.02
            coming = number if number <= 20 else number - round(pause_s / 0.02)
            goes = number <= 20 or coming > 20
            if goes:
                both.received([(row, datagram(row, coming)) for row in both.rows], now_s)
            if goes or (is_pulled and number % 4):
                both.pull(both.rows, now_s + 0.001 * (number % 5))
            for row in both.rows:
                both.compare(row)

    @pytest.mark.parametrize("stall_s", [0.1, 0.14, 0.18, 0.3])
    @pytest.mark.parametrize("loss", [0, 1])
    def test_after_a_stall_all_catch_up_together(
        self, monkeypatch: pytest.MonkeyPatch, stall_s: float, loss: int
    ) -> None:
        asked = 0
        one_by_one = Receivers._pull_one

        def count(bank: Receivers, row: int, slot: int, now_s: float) -> tuple[bytes, Verdict]:
            nonlocal asked
            asked += 1
            return one_by_one(bank, row, slot, now_s)

        monkeypatch.setattr(Receivers, "_pull_one", count)
        both, chance = Both(20), random.Random(stall_s)
        both.rows += [both.open(Law.MULAW) for _ in range(20)]
        for row in both.rows:
            both.hear(row)
        before = 0
        for number in range(400):
            now_s = 1.0 + number * 0.02
            coming = []
            for row in both.rows:
                if not loss or (number - row) % 37:
                    octets = chance.randbytes(160)
                    packet = RtpPacket(8 * (row < 20), 65000 + number & 0xFFFF, 160 * number + 7, row + 1, octets)
                    coming.append((row, packet.serialize()))
            both.received(coming, now_s)
            before = asked if number == 40 else before
            if (number - 40) % 90 >= stall_s / 0.02 or number < 40:
                both.pull(both.rows, now_s + 0.001)
        for row in both.rows:
            both.compare(row)
        discarded = both.bank.totals().jitter.discarded_samples
        assert discarded > (0 if stall_s < 0.11 else 40 * 160)
        if not loss:
            assert asked - before < 200

    def test_a_packet_that_comes_twice_in_a_batch_is_a_duplicate(self) -> None:
        both = Both(8)
        both.received([(row, datagram(row, 0)) for row in both.rows], 1.0)
        both.received([(row, datagram(row, 1)) for row in both.rows * 2], 1.02)
        both.received([(row, datagram(row, number)) for number in (4, 3, 2) for row in both.rows], 1.04)
        for row in both.rows:
            both.compare(row)
        assert both.bank.statistics(0).duplicates == 1

    def test_a_buffer_that_a_broken_event_has_brought_is_the_rows(self) -> None:
        both = Both(8)
        for row in both.rows:
            both.hear(row)
        for number in range(20):
            broken = datagram(0, 0, 3, EVENTS)
            both.received([(row, datagram(row, number) if number else broken) for row in both.rows], 1 + number * 0.02)
            both.pull(both.rows, 1 + number * 0.02)
        assert both.bank.refusals(3).malformed == 1


class TestRows:
    def test_nothing_is_nothing(self) -> None:
        bank = Receivers()
        receive(bank, [], 1.0)
        pulled = bank.pull(np.zeros(0, np.int64), 1.0)
        assert (pulled.octets.shape, pulled.verdicts.shape) == ((0, 160), (0,))
        assert bank.totals().datagrams == 0

    def test_a_row_that_nobody_speaks_to_is_idle_in_its_law(self) -> None:
        bank = Receivers()
        rows = [bank.open(law, LAWS, NO_EVENTS) for law in Law] * 4
        bank.hear(rows[0])
        pulled = bank.pull(np.array(rows), 1.0)
        assert pulled.octets[:, 7].tolist() == [idle_octet(law) for law in Law] * 4
        assert set(pulled.verdicts.tolist()) == {Verdict.IDLE}

    @pytest.mark.parametrize("copies", [1, 6])
    def test_datagrams_of_rows_that_are_closed_are_dropped(self, copies: int) -> None:
        bank = Receivers()
        open_row, closed_row = heard_rows(bank, 2)
        for number in range(5):
            receive(bank, [(row, datagram(row, number)) for row in (open_row, closed_row)] * copies, 1.0)
        bank.close(closed_row)
        receive(bank, [(row, datagram(0, 9)) for row in (-1, closed_row, open_row)] * copies, 1.1)
        assert bank.totals().datagrams == 11 * copies

    def test_a_row_that_is_opened_again_knows_nothing_of_its_last_call(self) -> None:
        bank = Receivers()
        for _ in range(3):
            rows = heard_rows(bank, 8)
            for number in range(30):
                receive(bank, [(row, datagram(row, number)) for row in rows], 1 + number * 0.02)
                blocks = bank.pull(np.array(rows), 1 + number * 0.02).octets
                assert blocks.max(initial=0) in {0xD5, number % 256, *range(number)}
            assert [bank.statistics(row).received for row in rows] == [30] * 8
            for row in rows:
                bank.close(row)
        assert bank.totals().jitter.packets == 720

    def test_totals_are_of_all_rows_and_never_go_back(self) -> None:
        bank, before = Receivers(), 0
        rows = heard_rows(bank, 10)
        for number in range(40):
            receive(bank, [(row, datagram(row, number)) for row in rows], 1 + number * 0.02)
            receive(bank, [(rows[0], b"no RTP")], 1 + number * 0.02)
            if number == 20:
                bank.close(rows.pop())
                bank.deaf(rows[1])
            if number == 30:
                bank.hear(rows[1])
            totals = bank.totals()
            assert totals.jitter.packets >= before
            before = totals.jitter.packets
        assert (totals.datagrams, totals.refusals.malformed) == (10 * 21 + 9 * 19 + 40, 40)
        assert (before, bank.counts(rows[1]).packets) == (10 * 21 + 8 * 19 + 9, 30)

    def test_what_is_longer_than_the_matrix_is_never_taken_for_what_was_expected(self) -> None:
        bank = Receivers()
        rows = heard_rows(bank, 8)
        for number in range(4):
            receive(bank, [(row, datagram(row, number, 480)) for row in rows], 1 + number * 0.06)
        receive(bank, [(row, datagram(row, 4, 480)) for row in rows], 1.24, width=172)
        assert [bank.statistics(row).received for row in rows] == [5] * 8

    @pytest.mark.clause("RFC 4733", "2.5.1.4")
    def test_digits_are_told_with_their_row_in_order(self) -> None:
        bank = Receivers()
        rows = heard_rows(bank, 8)
        told = []
        packets = [
            list(event_packets(digit, 320, payload_type=EVENTS, sequence=5 * n, timestamp=320 * n, ssrc=1))
            for n, digit in enumerate((1, 2, 3))
        ]
        for number, packet in enumerate(itertools.chain(*packets)):
            batch = Batch.of([(row, packet.serialize()) for row in rows])
            told += bank.received(batch.rows, batch.datagrams, batch.lengths, 1 + number * 0.02)
        assert [event.digit for row, event in told if row == rows[5]] == ["1", "2", "3"]
        assert len(told) == 24


class TestFlood:
    def test_one_row_at_a_hundred_times_the_rate_does_not_disturb_the_others(self) -> None:
        both = Both(12)
        flooding, *others = both.rows
        for row in both.rows:
            both.hear(row)
        verdicts: list[Verdict] = []
        for number in range(150):
            now_s = 1.0 + number * 0.02
            flood = [(flooding, datagram(flooding, 100 * number + each)) for each in range(100)]
            good = [(row, datagram(row, number)) for row in others]
            both.received(flood[:50] + good + flood[50:], now_s)
            pulled = both.pull(both.rows, now_s + 0.001)
            verdicts += pulled[1:] if number > 5 else []
            buffer = both.bank._receivers[flooding].jitter
            assert buffer is not None
            assert buffer.held_ms <= RING_SAMPLES / 8
        assert set(verdicts) == {Verdict.PLAYED}
        for row in both.rows:
            both.compare(row)

    def test_garbage_is_counted_and_brings_no_buffer(self) -> None:
        bank = Receivers()
        rows = heard_rows(bank, 10)
        chance = random.Random(1)
        for number in range(50):
            noise = [(row, b"\x1f" + chance.randbytes(chance.randrange(200))) for row in rows * 3]
            receive(bank, noise, 1 + number * 0.02)
        assert bank.totals().refusals.malformed == bank.totals().datagrams == 1500
        assert bank.totals().jitter == JitterCounts()
        assert not any(bank._receivers[row].jitter for row in rows)


class TestMemory:
    def test_a_deaf_row_takes_less_than_a_kilobyte_and_a_heard_one_its_ring(self) -> None:
        bank = Receivers()
        streams = range(1000)

        def come(numbers: range) -> None:
            for number in numbers:
                receive(bank, [(row, datagram(row, number)) for row in rows], 1 + number * 0.02, width=172)

        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            rows = [bank.open(Law.ALAW, {8: Law.ALAW}, frozenset({EVENTS})) for _ in streams]
            come(range(30))
            received = sum(bank.statistics(row).received for row in rows)
            deaf = tracemalloc.get_traced_memory()[0] - before
            for row in rows:
                bank.hear(row)
            come(range(30, 40))
            heard = tracemalloc.get_traced_memory()[0] - before - deaf
        finally:
            tracemalloc.stop()
        assert received == 30_000
        assert deaf < 1000 * 1024
        # The octets' ring is in the address space that the bank has reserved: 16 KB more.
        assert heard < 1000 * (RING_SAMPLES + 3 * 1024)
