"""Which phase is due when: even, absolute, only those that are needed, and never a burst."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gateway.media.schedule import MOST_LATE, REMEMBERED_S, Schedule

SLOTS, ROUND_S = 10, 0.020
PERIOD_S = ROUND_S / SLOTS


def ticks(schedule: Schedule, begin_s: float, seconds: float) -> list[tuple[int, float]]:
    """Each slot with its time, as long as time passes by the schedule's own wishes."""
    taken = []
    now = begin_s
    while (next_s := schedule.next_s()) is not None and next_s <= begin_s + seconds:
        now = next_s
        taken += [(slot, now) for slot in schedule.take(now)]
    return taken


class TestTheRound:
    def test_each_slot_that_is_awake_is_due_once_a_round(self) -> None:
        schedule = Schedule(SLOTS, ROUND_S)
        for slot in (3, 4, 9):
            assert schedule.wake(slot, 5.0)
        assert not schedule.wake(3, 5.0)
        taken = ticks(schedule, 5.0, 1.0)
        assert [slot for slot, _ in taken[:6]] == [3, 4, 9, 3, 4, 9]
        for slot in (3, 4, 9):
            times = [at for each, at in taken if each == slot]
            assert len(times) == 50
            assert [after - before for before, after in pairwise(times)] == pytest.approx([ROUND_S] * 49)

    def test_the_first_that_wakes_is_due_after_one_slots_time(self) -> None:
        schedule = Schedule(SLOTS, ROUND_S)
        schedule.wake(7, 2.0)
        assert schedule.next_s() == pytest.approx(2.0 + PERIOD_S)
        assert schedule.take(2.0 + PERIOD_S) == [7]

    def test_one_that_rests_is_due_no_more_and_when_all_rest_nothing_is(self) -> None:
        schedule = Schedule(SLOTS, ROUND_S)
        schedule.wake(0, 0.0)
        schedule.wake(5, 0.0)
        schedule.rest(0)
        schedule.rest(0)
        assert not schedule.is_busy(0)
        assert {slot for slot, _ in ticks(schedule, 0.0, 0.1)} == {5}
        schedule.rest(5)
        assert schedule.next_s() is None
        assert schedule.take(1000.0) == []


class TestLateness:
    def test_the_time_of_slots_that_rest_is_no_lateness(self) -> None:
        schedule = Schedule(SLOTS, ROUND_S)
        schedule.wake(0, 0.0)
        for number in range(200):
            assert schedule.take(PERIOD_S + number * ROUND_S + 0.003) == [0]
        assert (schedule.late, schedule.late_share) == (0, 0.0)

    def test_a_little_late_is_made_up_for(self) -> None:
        schedule = Schedule(SLOTS, ROUND_S)
        for slot in range(SLOTS):
            schedule.wake(slot, 0.0)
        assert schedule.take(5 * PERIOD_S + 0.0001) == [0, 1, 2, 3, 4]
        assert schedule.late == 0

    def test_very_late_moves_the_schedule_and_gives_no_burst(self) -> None:
        schedule = Schedule(SLOTS, ROUND_S)
        for slot in range(SLOTS):
            schedule.wake(slot, 0.0)
        assert len(schedule.take(1.0)) == 1
        assert schedule.late == 1
        assert schedule.next_s() == pytest.approx(1.0 + PERIOD_S)

    @pytest.mark.parametrize("busy", [1, 10])
    def test_the_share_of_late_ticks_follows_and_is_forgotten_within_seconds(self, busy: int) -> None:
        schedule = Schedule(SLOTS, ROUND_S)
        for slot in range(busy):
            schedule.wake(slot, 0.0)
        for _ in range(200 * busy):
            due_s = schedule.next_s()
            assert due_s is not None
            schedule.take(due_s + 0.015)
        assert 0.3 < schedule.late_share <= 1.0
        ticks(schedule, schedule.next_s() or 0.0, REMEMBERED_S + 0.6)
        assert schedule.late_share == 0.0

    def test_one_late_tick_is_no_overload(self) -> None:
        schedule = Schedule(SLOTS, ROUND_S)
        schedule.wake(0, 0.0)
        schedule.take(1.0, worked_s=1.0)
        assert 0.0 < schedule.late_share < MOST_LATE
        assert not schedule.overloaded

    @pytest.mark.parametrize(("of_a_core", "overloaded"), [(0.9, True), (0.3, True), (0.1, False)])
    def test_overload_is_lateness_that_is_made_here(self, of_a_core: float, overloaded: bool) -> None:
        schedule = Schedule(SLOTS, ROUND_S)
        schedule.wake(0, 0.0)
        for _ in range(400):
            now_s = (schedule.next_s() or 0.0) + 0.015
            schedule.take(now_s, worked_s=of_a_core * now_s)
        assert schedule.late_share == pytest.approx(1.0, abs=0.2)
        assert schedule.overloaded is overloaded

    def test_at_rest_nothing_is_late(self) -> None:
        schedule = Schedule(SLOTS, ROUND_S)
        schedule.wake(0, 0.0)
        for number in range(100):
            schedule.take(10.0 + 0.05 * number)
        assert schedule.late_share > 0.0
        schedule.rest(0)
        assert schedule.late_share == 0.0
