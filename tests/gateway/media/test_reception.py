"""Reception statistics."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.reception import MAX_DROPOUT, ReceptionStatistics


def after(sequences: list[int], min_sequential: int = 0) -> ReceptionStatistics:
    statistics = ReceptionStatistics(min_sequential)
    for sequence in sequences:
        statistics.update(sequence)
    return statistics


@pytest.mark.clause("RFC 3550", "A.1")
class TestAppendixA1Validity:
    def test_in_order_all_are_used(self) -> None:
        statistics = ReceptionStatistics()
        assert all(statistics.update(sequence % 65536) for sequence in range(65500, 65600))
        assert (statistics.received, statistics.expected, statistics.lost) == (100, 100, 0)
        assert statistics.extended_highest == 65599

    def test_a_source_that_was_not_announced_is_believed_at_its_second_packet_in_sequence(self) -> None:
        statistics = ReceptionStatistics(min_sequential=2)
        assert [statistics.update(sequence) for sequence in (10, 50, 52, 53, 54)] == [False, False, False, True, True]
        assert statistics.received == 2

    def test_duplicates_are_counted_and_not_used(self) -> None:
        statistics = ReceptionStatistics()
        assert [statistics.update(sequence) for sequence in (1, 2, 2, 3, 1)] == [True, True, False, True, False]
        assert (statistics.duplicates, statistics.received, statistics.lost, statistics.missing) == (2, 5, -2, 0)

    def test_packets_out_of_order_are_counted_and_used(self) -> None:
        statistics = ReceptionStatistics()
        assert [statistics.update(sequence) for sequence in (65535, 1, 0, 2)] == [True] * 4
        assert (statistics.out_of_order, statistics.duplicates, statistics.lost) == (1, 0, 0)

    def test_one_packet_far_off_is_refused_and_two_in_sequence_start_anew(self) -> None:
        statistics = ReceptionStatistics()
        told = [statistics.update(sequence) for sequence in (1, 2, 30000, 3, 30000, 30001, 30002)]
        assert told == [True, True, False, True, False, True, True]
        assert (statistics.refused, statistics.resynchronised) == (2, 1)
        assert (statistics.expected, statistics.received) == (2, 2)

    def test_a_gap_up_to_the_largest_dropout_is_loss(self) -> None:
        assert after([0, MAX_DROPOUT - 1]).lost == MAX_DROPOUT - 2
        assert after([0, MAX_DROPOUT]).refused == 1


@pytest.mark.clause("RFC 3550", "A.3")
class TestAppendixA3Loss:
    def test_expected_less_received(self) -> None:
        statistics = after([65534, 1, 2, 5])
        assert (statistics.expected, statistics.received, statistics.lost) == (8, 4, 4)

    def test_the_fraction_is_of_the_interval(self) -> None:
        statistics = after([0, 1, 2, 3])
        assert statistics.fraction_lost() == 0
        for sequence in (4, 6, 8, 10, 11):
            statistics.update(sequence)
        assert statistics.fraction_lost() == (3 << 8) // 8
        assert statistics.fraction_lost() == 0

    def test_nothing_heard_is_nothing_lost(self) -> None:
        statistics = ReceptionStatistics()
        assert (statistics.expected, statistics.lost, statistics.missing, statistics.fraction_lost()) == (0, 0, 0, 0)

    @given(st.integers(0, 65535), st.integers(0, 2**32))
    def test_losses_duplicates_and_reordering_are_told_apart(self, first: int, seed: int) -> None:
        rng = random.Random(seed)
        sent = [(number, number) for number in range(300)]
        kept = [each for each in sent if each[0] in (0, 299) or rng.random() > 0.1]
        stream = [(number + rng.randrange(5) * (number not in (0, 299)), number) for _, number in kept]
        doubled = [(at + rng.randrange(5), number) for at, number in stream[1:-5] if rng.random() < 0.05]
        arrivals = sorted([*stream, *doubled])
        if arrivals[0][1] != 0:
            arrivals.remove((0, 0))
            arrivals.insert(0, (0, 0))
        statistics = after([(first + number) % 65536 for _, number in arrivals])
        assert statistics.expected == 300
        assert statistics.missing == 300 - len(kept)
        assert statistics.duplicates == len(doubled)


@pytest.mark.clause("RFC 3550", "A.8")
class TestAppendixA8Jitter:
    def test_an_even_stream_has_none(self) -> None:
        statistics = ReceptionStatistics()
        for number in range(100):
            statistics.arrived((0xFFFFF000 + 160 * number) % (1 << 32), 12345 + 160 * number)
        assert statistics.jitter_samples == 0.0

    def test_the_estimate_follows_the_formula(self) -> None:
        statistics = ReceptionStatistics()
        wanted = 0.0
        for number, late in enumerate([0, 16, 0, 80, 80]):
            statistics.arrived(160 * number, 1000 + 160 * number + late)
        for difference in (16, 16, 80, 0):
            wanted += (difference - wanted) / 16
        assert statistics.jitter_samples == pytest.approx(wanted)
