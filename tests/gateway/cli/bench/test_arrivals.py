"""Gap statistics, from arrival times that are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.cli.bench.arrivals import ARRIVAL, gap_figures

SECOND_NS = 1_000_000_000
INTERVAL_NS = 20_000_000
BEGIN_NS = 1_700_000_000 * SECOND_NS


def stream(port: int, packets: int, interval_ns: int = INTERVAL_NS, first_sequence: int = 0) -> NDArray[np.void]:
    made = np.zeros(packets, ARRIVAL)
    made["ns"] = BEGIN_NS + 1_000_000 + np.arange(packets) * interval_ns
    made["stream"] = port
    made["sequence"] = (first_sequence + np.arange(packets)) % 65536
    return made


def together(*streams: NDArray[np.void]) -> NDArray[np.void]:
    """As a receiver writes them: by arrival."""
    made = np.concatenate(streams)
    return made[np.argsort(made["ns"], kind="stable")]


class TestEvenStreams:
    def test_every_gap_of_20_ms_is_on_time(self) -> None:
        figures = gap_figures(together(stream(1000, 50), stream(1002, 50)), 2, BEGIN_NS, BEGIN_NS + SECOND_NS)
        assert (figures.streams, figures.packets, figures.lost) == (2, 100, 0)
        assert (figures.due, figures.on_time) == (98, 98)
        assert (figures.p50_ms, figures.p99_ms, figures.max_ms) == (0.0, 0.0, 0.0)
        assert figures.held

    def test_a_sequence_number_that_wraps_is_no_loss(self) -> None:
        figures = gap_figures(stream(1000, 50, first_sequence=65520), 1, BEGIN_NS, BEGIN_NS + SECOND_NS)
        assert figures.lost == 0

    def test_packets_outside_the_window_do_not_count(self) -> None:
        figures = gap_figures(stream(1000, 200), 1, BEGIN_NS + SECOND_NS, BEGIN_NS + 2 * SECOND_NS)
        assert figures.packets == 50
        assert figures.held


class TestUnevenStreams:
    def test_the_deviation_is_that_of_the_gap_either_way(self) -> None:
        arrivals = stream(1000, 50)
        arrivals["ns"][10] += 3_000_000
        figures = gap_figures(arrivals, 1, BEGIN_NS, BEGIN_NS + SECOND_NS)
        assert figures.max_ms == pytest.approx(3.0)
        assert figures.p50_ms == 0.0
        assert figures.on_time == 49

    @pytest.mark.parametrize(("late_ms", "on_time"), [(10, 49), (11, 47)])
    def test_up_to_10_ms_is_on_time(self, late_ms: int, on_time: int) -> None:
        arrivals = stream(1000, 50)
        arrivals["ns"][10] += late_ms * 1_000_000
        assert gap_figures(arrivals, 1, BEGIN_NS, BEGIN_NS + SECOND_NS).on_time == on_time

    def test_a_slow_stream_is_not_held_though_every_gap_is_within_the_tolerance(self) -> None:
        figures = gap_figures(stream(1000, 45, interval_ns=22_000_000), 1, BEGIN_NS, BEGIN_NS + SECOND_NS)
        assert figures.max_ms == pytest.approx(2.0)
        assert (figures.due, figures.on_time) == (48, 44)
        assert not figures.held

    def test_lost_packets_are_counted_by_their_numbers_and_their_gap_is_late(self) -> None:
        arrivals = np.delete(stream(1000, 50), [20, 21])
        figures = gap_figures(arrivals, 1, BEGIN_NS, BEGIN_NS + SECOND_NS)
        assert figures.lost == 2
        assert figures.max_ms == pytest.approx(40.0)
        assert not figures.held

    def test_one_stream_among_many_does_not_hide(self) -> None:
        streams = [stream(1000 + 2 * number, 50) for number in range(100)]
        streams[50]["ns"][10:] += 15_000_000
        figures = gap_figures(together(*streams), 100, BEGIN_NS, BEGIN_NS + SECOND_NS)
        assert figures.max_ms == pytest.approx(15.0)
        assert figures.on_time == figures.due - 1


class TestMissingStreams:
    def test_a_stream_that_never_came_was_due_all_the_same(self) -> None:
        figures = gap_figures(stream(1000, 50), 2, BEGIN_NS, BEGIN_NS + SECOND_NS)
        assert figures.streams == 1
        assert figures.due == 49 + 48
        assert not figures.held

    def test_nothing_at_all_is_not_held(self) -> None:
        figures = gap_figures(np.zeros(0, ARRIVAL), 3, BEGIN_NS, BEGIN_NS + SECOND_NS)
        assert (figures.streams, figures.packets, figures.on_time) == (0, 0, 0)
        assert figures.on_time_share == 0.0
        assert not figures.held
