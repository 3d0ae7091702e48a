"""Timers in one heap: order, starting afresh, stopping, and how little is asked of the reactor."""

from __future__ import annotations

import random

import pytest
from twisted.internet.task import Clock

from gateway.net.timers import FEWEST_TO_TIDY, Timers


class Owner:
    """A machine that notes when its timers fire, and may start more."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.fired: list[tuple[str, float]] = []

    def timer_fired(self, name: str) -> None:
        self.fired.append((name, self.clock.seconds()))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timers(clock: Clock) -> Timers:
    return Timers(clock, lambda owner, name: owner.timer_fired(name))


@pytest.fixture
def owner(clock: Clock) -> Owner:
    return Owner(clock)


class TestTimers:
    def test_they_fire_in_the_order_of_their_times(self, timers: Timers, owner: Owner, clock: Clock) -> None:
        for name, seconds in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
            timers.start(owner, name, seconds)
        clock.pump([0.5] * 8)
        assert owner.fired == [("a", 1.0), ("b", 2.0), ("c", 3.0)]
        assert len(timers) == 0
        assert not clock.getDelayedCalls()

    def test_one_that_is_started_again_starts_afresh(self, timers: Timers, owner: Owner, clock: Clock) -> None:
        timers.start(owner, "G", 1.0)
        clock.advance(0.9)
        timers.start(owner, "G", 1.0)
        clock.advance(0.9)
        assert owner.fired == []
        clock.advance(0.1)
        assert [name for name, _ in owner.fired] == ["G"]

    def test_one_that_is_stopped_never_fires(self, timers: Timers, owner: Owner, clock: Clock) -> None:
        timers.start(owner, "G", 1.0)
        timers.start(owner, "H", 2.0)
        timers.stop(owner, "G")
        timers.stop(owner, "never started")
        clock.pump([1.0, 1.0])
        assert [name for name, _ in owner.fired] == ["H"]

    def test_what_a_timer_starts_and_stops_when_it_fires_counts(self, clock: Clock) -> None:
        fired: list[str] = []

        def fire(owner: object, name: str) -> None:
            fired.append(name)
            if name == "first":
                timers.stop(one, "second")
                timers.start(one, "third", 0.0)
                timers.start(one, "fourth", 0.5)

        timers, one = Timers(clock, fire), Owner(clock)
        timers.start(one, "first", 1.0)
        timers.start(one, "second", 1.0)
        clock.advance(1.0)
        assert fired == ["first", "third"]
        clock.advance(0.5)
        assert fired == ["first", "third", "fourth"]

    def test_the_reactor_is_asked_for_the_earliest_only(self, timers: Timers, owner: Owner, clock: Clock) -> None:
        for number in range(100):
            timers.start(owner, f"{number}", 10.0 + number)
        assert len(clock.getDelayedCalls()) == 1
        timers.start(owner, "sooner", 1.0)
        assert len(clock.getDelayedCalls()) == 1
        clock.advance(1.0)
        assert owner.fired == [("sooner", 1.0)]

    def test_stopped_ones_do_not_gather(self, timers: Timers, owner: Owner) -> None:
        for number in range(10 * FEWEST_TO_TIDY):
            timers.start(owner, "H", 32.0 + number)
            timers.stop(owner, "H")
        assert len(timers._heap) <= FEWEST_TO_TIDY + 1

    def test_after_stop_all_nothing_is_left(self, timers: Timers, owner: Owner, clock: Clock) -> None:
        timers.start(owner, "G", 1.0)
        timers.stop_all()
        assert len(timers) == 0
        assert not clock.getDelayedCalls()

    @pytest.mark.parametrize("seed", range(20))
    def test_whatever_is_started_and_stopped_fires_when_it_should(self, seed: int) -> None:
        chance, clock = random.Random(seed), Clock()
        timers = Timers(clock, lambda owner, name: owner.timer_fired(name))
        owners = [Owner(clock) for _ in range(3)]
        due: dict[tuple[int, str], float] = {}
        expected: list[list[tuple[str, float]]] = [[], [], []]
        for _ in range(2000):
            place, name = chance.randrange(3), chance.choice("ABCDE")
            match chance.randrange(3):
                case 0:
                    seconds = chance.randrange(1, 40) / 8
                    timers.start(owners[place], name, seconds)
                    due[place, name] = clock.seconds() + seconds
                case 1:
                    timers.stop(owners[place], name)
                    due.pop((place, name), None)
                case 2:
                    clock.advance(0.125)
                    for key in [key for key, at_s in due.items() if at_s <= clock.seconds()]:
                        expected[key[0]].append((key[1], due.pop(key)))
        assert [sorted(owner.fired, key=lambda each: (each[1], each[0])) for owner in owners] == [
            sorted(each, key=lambda each: (each[1], each[0])) for each in expected
        ]
        assert len(timers) == len(due)
