"""The jitter buffer: held against a plain model, listened to, and abused."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.media.comfort_noise import ComfortNoise
from gateway.media.jitter import RING_SAMPLES, JitterBuffer, JitterSettings, Verdict
from tones.cadence import render
from tones.detect.call_progress import identify
from tones.g711 import Law, decode, encode, idle_octet
from tones.plan import load_plan
from tones.units import REFERENCE_AMPLITUDE

TICK_S = 0.02
IDLE = bytes([idle_octet(Law.ALAW)]) * 160


@frozen
class Sent:
    """One packet on its way: when it comes, its timestamp, its octets, and whether it has the marker."""

    arrival_s: float
    timestamp: int
    octets: bytes
    marker: bool = False


def packets(
    octets: bytes,
    *,
    ptime_ms: int = 20,
    loss: float = 0.0,
    jitter_s: float = 0.0,
    duplicates: float = 0.0,
    start: int = 0xFFFFF000,
    begin_s: float = 1.0,
    drift: float = 0.0,
    seed: int = 1,
) -> list[Sent]:
    """A stream as it comes through a network; the first packet comes unharmed and at once."""
    chance = random.Random(seed)
    size = ptime_ms * 8
    sent = []
    for at in range(0, len(octets) - size + 1, size):
        on_time_s = begin_s + at / 8000 * (1 + drift)
        for copy in range(1 + (chance.random() < duplicates)):
            late_s = chance.random() * jitter_s + copy * 0.005 if at else 0.0
            if at == 0 or chance.random() >= loss:
                timestamp = (start + at) % (1 << 32)
                sent.append(Sent(on_time_s + late_s, timestamp, octets[at : at + size], at == 0))
    return sorted(sent, key=lambda packet: packet.arrival_s)


def pulls(
    buffer: JitterBuffer, sent: list[Sent], until_s: float, first_s: float = 1.007
) -> Iterator[tuple[bytes, Verdict]]:
    """Give the packets when they come, and ask every 20 ms."""
    coming = iter([*sent, Sent(1e9, 0, b"")])
    packet = next(coming)
    for tick in range(round((until_s - first_s) / TICK_S)):
        now_s = first_s + tick * TICK_S
        while packet.arrival_s <= now_s:
            buffer.push(packet.timestamp, packet.octets, packet.arrival_s, packet.marker)
            packet = next(coming)
        yield buffer.pull(now_s)


def tone(seconds: float, hz: float = 425.0, dbm0: float = -10.0) -> bytes:
    at = np.arange(round(seconds * 8000))
    wave = REFERENCE_AMPLITUDE * 10 ** (dbm0 / 20) * np.sin(2 * np.pi * hz * at / 8000)
    return encode(np.rint(wave).astype(np.int16), Law.ALAW).tobytes()


def level_db(pcm: NDArray[np.int16]) -> float:
    return float(10 * np.log10(np.mean(np.square(pcm.astype(np.float64))) + 1e-9))


def counting(blocks: int) -> bytes:
    """Octets by which each sample of a stream is known again."""
    return np.random.default_rng(5).integers(0, 256, 160 * blocks, dtype=np.uint8).tobytes()


class TestAGoodNetwork:
    @pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 50, 60])
    def test_what_comes_in_time_is_played_whole_and_unchanged(self, ptime_ms: int) -> None:
        octets = counting(120)
        buffer = JitterBuffer(Law.ALAW)
        given_out = list(pulls(buffer, packets(octets, ptime_ms=ptime_ms), 3.6))
        heard = b"".join(block for block, _ in given_out)
        begin = heard.index(octets[80:400])
        assert heard[begin : begin + len(octets) - 80] == octets[80:]
        assert buffer.counts.missing_samples == buffer.counts.late == buffer.counts.inserted_samples == 0
        assert 20 <= begin / 8 - 3 <= 80

    def test_before_the_first_packet_the_line_is_idle(self) -> None:
        assert JitterBuffer(Law.ALAW).pull(5.0) == (IDLE, Verdict.IDLE)

    def test_after_the_last_it_fades_and_is_idle(self) -> None:
        buffer = JitterBuffer(Law.ALAW)
        given_out = list(pulls(buffer, packets(tone(1.0)), 2.5))
        verdicts = [verdict for _, verdict in given_out]
        end = max(place for place, verdict in enumerate(verdicts) if verdict is Verdict.PLAYED) + 1
        assert set(verdicts[end : end + 4]) <= {Verdict.CONCEALED, Verdict.IDLE}
        assert set(verdicts[end + 5 :]) == {Verdict.IDLE}
        assert all(block == IDLE for block, _ in given_out[end + 5 :])
        assert buffer.counts.missing_samples < 160

    def test_the_delay_shrinks_to_the_least_that_is_allowed_in_a_pause(self) -> None:
        silence = bytes([idle_octet(Law.ALAW)]) * 8000
        buffer = JitterBuffer(Law.ALAW)
        list(pulls(buffer, packets(silence * 8), 8.9))
        assert buffer.delay_ms == pytest.approx(22, abs=0.5)
        assert 140 <= buffer.counts.discarded_samples <= 160


class TestAgainstAModel:
    @settings(max_examples=60, deadline=None)
    @given(
        seed=st.integers(0, 10_000),
        loss=st.sampled_from([0.0, 0.02, 0.2, 0.6]),
        jitter_ms=st.integers(0, 12),
        ptime_ms=st.sampled_from([10, 20, 30, 60]),
        duplicates=st.sampled_from([0.0, 0.3]),
        phase_ms=st.integers(0, 19),
    )
    def test_each_sample_is_played_at_its_time_if_it_has_come(
        self, seed: int, loss: float, jitter_ms: int, ptime_ms: int, duplicates: float, phase_ms: int
    ) -> None:
        octets = counting(100)
        sent = packets(
            octets, ptime_ms=ptime_ms, loss=loss, jitter_s=jitter_ms / 1000, duplicates=duplicates, seed=seed
        )
        first_s = 1.0005 + phase_ms / 1000
        buffer = JitterBuffer(Law.ALAW)
        coming = list(sent)
        came: dict[int, int] = {}
        played_before = False
        for tick, (block, verdict) in enumerate(pulls(buffer, sent, 3.2, first_s)):
            now_s = first_s + tick * TICK_S
            while coming and coming[0].arrival_s <= now_s:
                packet = coming.pop(0)
                place = (packet.timestamp - 0xFFFFF000) % (1 << 32)
                came.update(zip(range(place, place + len(packet.octets)), packet.octets, strict=True))
            wanted = int(now_s * 8000) - 8000 - 320
            candidates = range(wanted - 3, wanted + 4)
            there = [bytes(came.get(place + n, 0) for n in range(160)) for place in candidates]
            whole = [all(place + n in came for n in range(160)) for place in candidates]
            assert not all(whole) or verdict is Verdict.PLAYED
            if verdict is Verdict.PLAYED and any(whole):
                assert not played_before or block in there
            played_before = verdict is Verdict.PLAYED
        assert buffer.counts.late == 0
        assert buffer.counts.inserted_samples == 0


class TestListening:
    @pytest.mark.parametrize(("loss", "jitter_ms"), [(0.0, 60), (0.05, 0), (0.05, 40), (0.05, 90)])
    @pytest.mark.parametrize("ptime_ms", [20, 30])
    def test_busy_through_loss_and_jitter_is_still_busy(self, loss: float, jitter_ms: int, ptime_ms: int) -> None:
        found = load_plan("fr").find("busy")
        pcm = render(found.tone).take(8 * 8000)
        sent = packets(encode(pcm, Law.ALAW).tobytes(), ptime_ms=ptime_ms, loss=loss, jitter_s=jitter_ms / 1000, seed=7)
        buffer = JitterBuffer(Law.ALAW)
        heard = decode(b"".join(block for block, _ in pulls(buffer, sent, 9.0)), Law.ALAW)
        names = {each.name for each in identify(heard) if each.name}
        assert names & {"busy", "congestion"}
        assert not names & {"ringback", "dial"}

    @pytest.mark.parametrize(("loss", "jitter_ms"), [(0.0, 50), (0.05, 0), (0.05, 50), (0.05, 120)])
    @pytest.mark.parametrize("hz", [350.0, 425.0, 1004.0])
    def test_a_tone_keeps_its_level_to_one_db(self, loss: float, jitter_ms: int, hz: float) -> None:
        octets = tone(6.0, hz)
        buffer = JitterBuffer(Law.ALAW)
        sent = packets(octets, loss=loss, jitter_s=jitter_ms / 1000, seed=3)
        heard = decode(b"".join(block for block, _ in pulls(buffer, sent, 6.5)), Law.ALAW)
        assert abs(level_db(heard[8000:40_000]) - level_db(decode(octets, Law.ALAW))) < 1.0


class TestAdaptation:
    def test_the_delay_grows_with_the_jitter_so_that_hardly_anything_is_late(self) -> None:
        buffer = JitterBuffer(Law.ALAW)
        list(pulls(buffer, packets(counting(1500), jitter_s=0.1), 31.0))
        assert 100 <= buffer.delay_ms <= 125
        assert buffer.counts.late <= 15

    def test_the_delay_shrinks_again(self) -> None:
        silence = bytes([idle_octet(Law.ALAW)]) * 8000
        rough = packets(silence * 8, jitter_s=0.1)
        calm = packets(silence * 20, start=0xFFFFF000 + 64000, begin_s=9.0)
        buffer = JitterBuffer(Law.ALAW)
        list(pulls(buffer, [*rough, *calm], 28.5))
        assert buffer.delay_ms == pytest.approx(22, abs=1)
        assert buffer.held_ms <= 45

    def test_the_delay_keeps_within_its_limits(self) -> None:
        buffer = JitterBuffer(Law.ALAW, JitterSettings(minimum_ms=30, maximum_ms=60, initial_ms=30))
        list(pulls(buffer, packets(counting(400), jitter_s=0.2), 9.0))
        assert buffer.delay_ms == 60
        assert buffer.counts.late > 50

    def test_limits_that_contradict_each_other_are_refused(self) -> None:
        with pytest.raises(ValueError, match="at least 80 ms is more than at most 60 ms"):
            JitterSettings(minimum_ms=80, maximum_ms=60)

    @pytest.mark.parametrize("drift", [-0.001, 0.001])
    def test_drift_is_made_up_for_in_silence_and_no_sound_is_touched(self, drift: float) -> None:
        spurt = tone(0.5)
        stream = (spurt + bytes([idle_octet(Law.ALAW)]) * 4000) * 40
        buffer = JitterBuffer(Law.ALAW)
        heard = b"".join(block for block, _ in pulls(buffer, packets(stream, drift=drift), 40.0))
        assert buffer.counts.missing_samples == 0
        assert buffer.counts.discarded_samples + buffer.counts.inserted_samples >= 160
        assert heard.count(spurt) == 39
        assert buffer.held_ms < 80

    def test_drift_under_sound_costs_little(self) -> None:
        buffer = JitterBuffer(Law.ALAW)
        octets = tone(60.0)
        heard = decode(b"".join(block for block, _ in pulls(buffer, packets(octets, drift=-0.001), 60.0)), Law.ALAW)
        assert abs(level_db(heard[8000:400_000]) - level_db(decode(octets, Law.ALAW))) < 1.0
        assert buffer.held_ms < 200


class TestJumps:
    def test_a_new_clock_with_the_marker_is_taken_on_at_once(self) -> None:
        first, second = counting(50), counting(101)[160 * 51 :]
        sent = [*packets(first), *packets(second, start=0x12345678, begin_s=2.0)]
        buffer = JitterBuffer(Law.ALAW)
        heard = b"".join(block for block, _ in pulls(buffer, sent, 3.5))
        assert second in heard or second[80:] in heard
        assert (buffer.counts.resyncs, buffer.counts.refused) == (1, 0)

    def test_without_it_three_packets_must_agree(self) -> None:
        octets = counting(60)
        buffer = JitterBuffer(Law.ALAW)
        shifted = [Sent(p.arrival_s, (p.timestamp + 900_000) % (1 << 32), p.octets) for p in packets(octets)[30:]]
        verdicts = [verdict for _, verdict in pulls(buffer, [*packets(octets)[:30], *shifted], 2.6)]
        assert (buffer.counts.resyncs, buffer.counts.refused) == (1, 2)
        assert verdicts.count(Verdict.PLAYED) >= 55

    def test_single_wild_timestamps_change_nothing(self) -> None:
        octets = counting(60)
        sent = [
            Sent(p.arrival_s, 0xABCD0000 + 77_777 * n if n % 5 == 4 else p.timestamp, p.octets)
            for n, p in enumerate(packets(octets))
        ]
        buffer = JitterBuffer(Law.ALAW)
        list(pulls(buffer, sent, 2.6))
        assert (buffer.counts.resyncs, buffer.counts.refused) == (0, 12)

    def test_a_path_that_becomes_half_a_second_longer_is_followed(self) -> None:
        octets = counting(200)
        sent = [Sent(p.arrival_s + 0.5 * (n >= 100), p.timestamp, p.octets) for n, p in enumerate(packets(octets))]
        verdicts = [verdict for _, verdict in pulls(JitterBuffer(Law.ALAW), sent, 6.0)]
        assert verdicts[150:210] == [Verdict.PLAYED] * 60
        assert verdicts.count(Verdict.PLAYED) >= 190

    def test_a_burst_after_an_outage_leaves_a_short_delay(self) -> None:
        octets = counting(1000)
        sent = [
            Sent(max(p.arrival_s, 6.0) if 4.0 < p.arrival_s < 6.0 else p.arrival_s, p.timestamp, p.octets)
            for p in packets(octets)
        ]
        buffer = JitterBuffer(Law.ALAW)
        list(pulls(buffer, sent, 20.5))
        assert buffer.held_ms <= 220

    def test_another_source_begins_anew(self) -> None:
        buffer = JitterBuffer(Law.ALAW)
        list(pulls(buffer, packets(counting(20)), 1.3))
        buffer.restart()
        assert buffer.pull(1.32)[1] is Verdict.IDLE
        assert buffer.held_ms == buffer.delay_ms == 0
        assert Verdict.PLAYED in [v for _, v in pulls(buffer, packets(counting(20), begin_s=1.4), 2.0, 1.34)]


class TestBadPackets:
    def test_duplicates_are_counted_and_do_no_harm(self) -> None:
        buffer = JitterBuffer(Law.ALAW)
        assert buffer.push(0, counting(1), 1.0)
        assert not buffer.push(0, counting(1), 1.001)
        assert buffer.counts.duplicate == 1

    @pytest.mark.parametrize("size", [0, 1601, 60_000])
    def test_packets_of_no_reasonable_size_are_refused(self, size: int) -> None:
        buffer = JitterBuffer(Law.ALAW)
        assert not buffer.push(0, bytes(size), 1.0)
        assert buffer.counts.refused == 1

    def test_a_flood_at_a_hundred_times_the_rate_is_bounded(self) -> None:
        buffer = JitterBuffer(Law.ALAW)
        octets = tone(1.0)[:160]
        for number in range(20_000):
            buffer.push(160 * number, octets, 1.0 + number * 0.0002)
            if number % 100 == 99:
                buffer.pull(1.0 + number * 0.0002)
        assert buffer.held_ms <= RING_SAMPLES / 8

    def test_a_stream_that_nobody_pulls_does_not_grow(self) -> None:
        buffer = JitterBuffer(Law.ALAW)
        for number in range(2000):
            buffer.push(160 * number, counting(1), 1.0 + number * TICK_S)
        assert buffer.held_ms <= RING_SAMPLES / 8
        buffer.pull(41.0)
        assert buffer.held_ms <= 60

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["push", "pull", "pause"]),
                st.one_of(st.integers(0, 0xFFFFFFFF), st.integers(0, 4000)),
                st.integers(0, 1700),
                st.floats(0, 0.3),
                st.booleans(),
            ),
            max_size=120,
        )
    )
    def test_whatever_comes_there_are_160_octets(self, steps: list[tuple[str, int, int, float, bool]]) -> None:
        buffer, now_s = JitterBuffer(Law.MULAW), 10.0
        for what, timestamp, size, later_s, marker in steps:
            now_s += later_s
            if what == "push":
                buffer.push(timestamp, b"\x20" * size, now_s, marker)
            elif what == "pause":
                buffer.pause(timestamp, now_s, ComfortNoise(60) if marker else None)
            else:
                block, _ = buffer.pull(now_s)
                assert len(block) == 160
            assert 0 <= buffer.delay_ms <= 200


class TestPauses:
    def test_comfort_noise_sounds_where_the_sender_says_nothing(self) -> None:
        buffer = JitterBuffer(Law.ALAW)
        sent = packets(tone(0.4))
        given_out = []
        for tick in range(60):
            now_s = 1.0 + tick * TICK_S
            if tick < 20:
                buffer.push(sent[tick].timestamp, sent[tick].octets, now_s)
            if tick == 20:
                buffer.pause((0xFFFFF000 + 3200) % (1 << 32), now_s, ComfortNoise(50))
            given_out.append(buffer.pull(now_s + 0.001))
        assert Verdict.CONCEALED not in {verdict for _, verdict in given_out}
        noise = decode(b"".join(block for block, _ in given_out[26:]), Law.ALAW)
        assert level_db(noise) == pytest.approx(20 * np.log10(32124) - 50, abs=1.0)

    def test_sound_after_it_is_sound_again_and_its_losses_are_concealed(self) -> None:
        buffer = JitterBuffer(Law.ALAW)
        octets = tone(2.0)
        verdicts = []
        for tick in range(100):
            now_s = 1.0 + tick * TICK_S
            if tick == 20:
                buffer.pause(160 * tick, now_s)
            elif not 20 <= tick < 40 and tick != 60:
                buffer.push(160 * tick, octets[160 * tick : 160 * tick + 160], now_s, tick == 40)
            verdicts.append(buffer.pull(now_s + 0.001)[1])
        assert verdicts[24:40] == [Verdict.IDLE] * 16
        assert verdicts[45:60] == [Verdict.PLAYED] * 15
        assert Verdict.CONCEALED in verdicts[60:66]
        assert buffer.counts.missing_samples == 160

    def test_a_pause_from_another_clock_is_not_believed(self) -> None:
        buffer = JitterBuffer(Law.ALAW)
        buffer.push(0, tone(1.0)[:160], 1.0)
        buffer.pause(0x40000000, 1.01, ComfortNoise(20))
        assert [buffer.pull(1.0 + n * TICK_S)[0] for n in range(12)][-1] == IDLE


class TestGoingOn:
    """Told of packets and blocks that somebody else has looked at."""

    @pytest.mark.parametrize(("packets", "blocks"), [(1, 0), (1, 1), (7, 6), (7, 7), (7, 9), (150, 149), (400, 399)])
    def test_it_is_as_if_they_had_been_pushed_and_pulled(self, packets: int, blocks: int) -> None:
        ring = memoryview(bytearray(RING_SAMPLES))
        one, told = JitterBuffer(Law.ALAW), JitterBuffer(Law.ALAW, ring=ring)
        octets = counting(500)

        def push(buffer: JitterBuffer, number: int) -> None:
            buffer.push(160 * number, octets[160 * number : 160 * number + 160], 1.0 + number * TICK_S)

        for buffer in (one, told):
            for number in range(8):
                push(buffer, number)
                if number >= 3:
                    buffer.pull(1.0 + number * TICK_S)
            buffer.push(1 << 30, bytes(160), 1.15)
        before = told.standing()
        for number in range(max(packets, blocks)):
            if number < packets:
                push(one, 8 + number)
            if number < blocks:
                one.pull(1.16 + number * TICK_S)
        after = one.standing()
        assert before.takes_next
        assert after.play - before.play == 160 * blocks
        told.ring[:] = one.ring
        told.went_on(packets, 160, after.play, after.end, after.measured)
        for name in set(JitterBuffer.__slots__) - {"ring", "_playout", "_noise", "_concealment"}:
            assert getattr(told, name) == getattr(one, name), name
        assert told.standing() == after
        assert told._concealment._history == one._concealment._history
