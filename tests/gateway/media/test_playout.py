"""When to play."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.playout import MEASURED_PACKETS, JitterSettings, PlayoutPoint


def measured(transits: list[int], **settings: int) -> PlayoutPoint:
    point = PlayoutPoint(JitterSettings(**settings))
    for transit in transits:
        point.measure(transit)
    return point


class TestDelay:
    def test_the_first_packets_get_the_initial_delay(self) -> None:
        point = measured([1000], initial_ms=50)
        assert (point.least, point.delay) == (1000, 400)

    def test_a_packet_that_is_late_makes_it_longer_at_once(self) -> None:
        assert measured([0] * 10 + [400]).delay == 400 + 160 + 16

    def test_of_more_than_a_hundred_one_may_be_late(self) -> None:
        assert measured([0] * 150 + [1200]).delay == 320
        assert measured([0] * 150 + [1200, 1100]).delay == 1100 + 176

    def test_it_is_remembered_for_a_measure_and_forgotten_after_two(self) -> None:
        rough = [0, 400, 400, 400, 400]
        assert measured(rough + [0] * MEASURED_PACKETS).delay == 576
        assert measured(rough + [0] * 2 * MEASURED_PACKETS).delay == 176

    def test_a_clock_that_drifts_is_followed(self) -> None:
        point = measured([number // 10 for number in range(20_000)])
        assert 1900 < point.least < 2000
        assert point.delay < 300

    @given(st.lists(st.integers(-8000, 8000), min_size=1, max_size=700), st.integers(20, 60), st.integers(60, 300))
    def test_it_keeps_within_its_limits(self, transits: list[int], minimum_ms: int, maximum_ms: int) -> None:
        point = measured(transits, minimum_ms=minimum_ms, maximum_ms=maximum_ms)
        assert minimum_ms * 8 <= point.delay <= maximum_ms * 8
        assert point.least >= min(transits)

    @pytest.mark.parametrize("jitter", [80, 400, 900])
    def test_about_one_in_a_hundred_comes_later_than_its_last_moment(self, jitter: int) -> None:
        chance = random.Random(4)
        transits = [round(chance.random() * jitter) for _ in range(5000)]
        point = PlayoutPoint(JitterSettings())
        late = 0
        for number, transit in enumerate(transits):
            late += number > 256 and transit > point.point - 176
            point.measure(transit)
        assert late <= 75
        assert point.delay <= jitter + 176


class TestSettings:
    def test_the_least_is_not_more_than_the_greatest(self) -> None:
        with pytest.raises(ValueError, match="at least 80 ms is more than at most 60 ms"):
            JitterSettings(minimum_ms=80, maximum_ms=60)

    @pytest.mark.parametrize("changes", [{"minimum_ms": 19}, {"maximum_ms": 501}, {"late_share": 0.02}])
    def test_values_out_of_range_are_refused(self, changes: dict[str, int]) -> None:
        with pytest.raises(ValueError, match=str(next(iter(changes.values())))):
            JitterSettings(**changes)
