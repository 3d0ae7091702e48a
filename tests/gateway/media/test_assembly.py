"""Received audio put together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.assembly import StreamAssembler
from tones.g711 import Law, transcode


def block(number: int, size: int = 160) -> bytes:
    return bytes([number % 256]) * size


@pytest.mark.clause("RFC 3551", "4.1")
class TestRecording:
    def test_packets_in_order_are_joined(self) -> None:
        stream = StreamAssembler(Law.ALAW)
        for number in range(5):
            stream.add((0xFFFFFF00 + 160 * number) % (1 << 32), block(number), Law.ALAW)
        assert stream.read().tobytes() == b"".join(block(number) for number in range(5))
        assert (stream.samples, stream.gap_samples) == (800, 0)

    def test_gaps_are_idle_and_late_packets_fall_into_their_place(self) -> None:
        stream = StreamAssembler(Law.MULAW)
        stream.add(1000, block(1), Law.MULAW)
        stream.add(1000 + 480, block(4), Law.MULAW)
        assert stream.read().tobytes() == block(1) + b"\xff" * 320 + block(4)
        stream.add(1000 + 160, block(2), Law.MULAW)
        assert stream.read().tobytes() == block(1) + block(2) + b"\xff" * 160 + block(4)
        stream.add(1000 + 640, block(5), Law.MULAW)
        assert stream.read().tobytes()[-320:] == block(4) + block(5)

    def test_packets_of_any_size_and_overlap(self) -> None:
        stream = StreamAssembler(Law.ALAW)
        stream.add(0, block(1, 80), Law.ALAW)
        stream.add(80, block(2, 240), Law.ALAW)
        stream.add(240, block(3, 160), Law.ALAW)
        stream.add(400, block(4, 80), Law.ALAW)
        assert stream.read().tobytes() == block(1, 80) + block(2, 160) + block(3, 160) + block(4, 80)

    def test_what_would_stand_before_the_beginning_is_dropped(self) -> None:
        stream = StreamAssembler(Law.ALAW)
        stream.add(1000, block(1), Law.ALAW)
        stream.add(840, block(9), Law.ALAW)
        stream.add(920, block(2), Law.ALAW)
        assert stream.read().tobytes() == block(2, 80) + block(1, 80)
        assert stream.late_samples == 240

    def test_the_other_law_is_transcoded(self) -> None:
        stream = StreamAssembler(Law.ALAW)
        stream.add(0, bytes(range(256)), Law.MULAW)
        assert stream.read().tobytes() == transcode(bytes(range(256)), Law.MULAW, Law.ALAW).tobytes()

    def test_a_new_clock_goes_on_without_a_gap(self) -> None:
        stream = StreamAssembler(Law.ALAW)
        stream.add(0, block(1), Law.ALAW)
        stream.add(2_000_000, block(2), Law.ALAW)
        stream.add(2_000_160, block(3), Law.ALAW)
        assert stream.read().tobytes() == block(1) + block(2) + block(3)
        assert stream.jumps == 1
        stream.restart()
        stream.add(5, block(4), Law.ALAW)
        assert stream.read().tobytes()[480:] == block(4)

    @given(st.integers(0, 0xFFFFFFFF), st.permutations(range(12)), st.sets(st.integers(1, 11)))
    def test_any_order_and_any_loss(self, start: int, order: list[int], lost: set[int]) -> None:
        stream = StreamAssembler(Law.ALAW)
        stream.add(start, block(0), Law.ALAW)
        for number in order:
            if number not in lost and number:
                stream.add((start + 160 * number) % (1 << 32), block(number), Law.ALAW)
        last = max(set(range(12)) - lost)
        wanted = b"".join(block(0xD5 if number in lost else number) for number in range(last + 1))
        assert stream.read().tobytes() == wanted


class TestPassingOn:
    def test_octets_are_taken_as_they_come_and_gaps_left_out(self) -> None:
        stream = StreamAssembler(Law.ALAW, longest_gap_samples=0)
        taken = []
        for number in (0, 1, 4, 3, 5):
            stream.add(160 * number, block(number), Law.ALAW)
            taken.append(stream.take())
        assert taken == [block(0), block(1), block(4), b"", block(5)]
        assert stream.late_samples == 160
        assert stream.samples == 640

    def test_a_gap_may_be_cut_down(self) -> None:
        stream = StreamAssembler(Law.ALAW, longest_gap_samples=100)
        stream.add(0, block(1), Law.ALAW)
        stream.add(8000, block(2), Law.ALAW)
        assert stream.take() == block(1) + b"\xd5" * 100 + block(2)
