"""The media clock in the reactor: what drives the schedule."""

from __future__ import annotations

import os
import select
import time
from collections import Counter

import pytest
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.task import Clock
from zope.interface import implementer

from gateway.net.ticker import EVERY_S, PIECES, CallLaterTicker, Ticker, TimerfdTicker, make_ticker

SLOTS, ROUND_S = 10, 0.020
PERIOD_S = ROUND_S / SLOTS


class TestCallLater:
    def test_it_ticks_at_its_pace_while_somebody_is_awake(self) -> None:
        ticks: list[tuple[int, float]] = []
        clock = Clock()
        ticker = CallLaterTicker(clock, SLOTS, ROUND_S, lambda slot: ticks.append((slot, clock.seconds())))
        for slot in range(SLOTS):
            ticker.wake(slot)
        clock.pump([PERIOD_S / 2] * 43)
        assert [slot for slot, _ in ticks] == [*range(SLOTS)] * 2 + [0]
        for slot in range(SLOTS):
            ticker.rest(slot)
        clock.advance(1.0)
        assert (len(ticks), clock.getDelayedCalls()) == (21, [])

    def test_a_tick_may_let_it_rest(self) -> None:
        clock = Clock()
        ticker: Ticker = CallLaterTicker(clock, SLOTS, ROUND_S, lambda slot: ticker.rest(slot))
        ticker.wake(4)
        clock.advance(5 * PERIOD_S)
        assert clock.getDelayedCalls() == []

    def test_one_busy_slot_is_one_call_a_round(self) -> None:
        ticks: list[int] = []
        clock = Clock()
        ticker = CallLaterTicker(clock, SLOTS, ROUND_S, ticks.append)
        ticker.wake(3)
        clock.pump([PERIOD_S] * 501)
        assert len(ticks) in (50, 51)
        assert len(clock.getDelayedCalls()) == 1
        ticker.close()
        assert clock.getDelayedCalls() == []


class TestWhatCanWait:
    def run_for(
        self, tick_takes_s: float, pieces: int, duration_s: float, piece_takes_s: float = 0.0
    ) -> tuple[list[float], int]:
        """When pieces of what can wait were done, and how many ticks there were."""
        clock = Clock()
        done: list[float] = []
        ticks = 0

        def tick(_slot: int) -> None:
            nonlocal ticks
            ticks += 1
            clock.rightNow += tick_takes_s

        def work() -> bool:
            if len(done) == pieces:
                return False
            done.append(clock.seconds())
            clock.rightNow += piece_takes_s
            return True

        ticker = CallLaterTicker(clock, SLOTS, ROUND_S, tick, work)
        for slot in range(SLOTS):
            ticker.wake(slot)
        while clock.seconds() < duration_s:
            clock.advance(PERIOD_S - tick_takes_s)
        ticker.close()
        return done, ticks

    def test_it_is_done_some_at_a_time_between_ticks_of_two_rounds(self) -> None:
        done, ticks = self.run_for(0.0, PIECES + 10, 3 * ROUND_S)
        assert ticks == 3 * SLOTS
        (first_s, first), (then_s, then) = Counter(done).items()
        assert (first, then) == (PIECES, 10)
        assert then_s - first_s == pytest.approx(EVERY_S, abs=1.1 * PERIOD_S)

    def test_it_ends_when_the_next_tick_is_near(self) -> None:
        done, _ = self.run_for(0.0, 1000, 2.5 * ROUND_S, piece_takes_s=0.0004)
        first_s = done[0]
        assert [round(at_s - first_s, 6) for at_s in done[:6]] == [0, 0.0004, 0.0008, 0.0012, 0.0016, 0.02]

    def test_where_a_tick_leaves_no_time_it_waits_a_second(self) -> None:
        done, ticks = self.run_for(PERIOD_S - 0.00004, 1000, 2.5)
        assert ticks > 1000
        assert [round(at_s, 1) for at_s in done] == [1.0, 2.0]


@implementer(IReactorFDSet)
class WatchingReactor:
    """As much of a reactor as the ticker needs: it waits for one reader."""

    def __init__(self) -> None:
        self.readers: list[TimerfdTicker] = []

    def addReader(self, reader: TimerfdTicker) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: TimerfdTicker) -> None:
        self.readers.remove(reader)

    def wait(self) -> None:
        ready, _, _ = select.select(self.readers, [], [], 2.0)
        for reader in ready:
            reader.doRead()


class TestTimerfd:
    def test_a_reactor_that_watches_files_gets_it_and_it_keeps_its_pace(self) -> None:
        ticks: list[int] = []
        reactor = WatchingReactor()
        ticker = make_ticker(reactor, SLOTS, ROUND_S, ticks.append)
        assert isinstance(ticker, TimerfdTicker)
        begin = time.monotonic()
        for slot in range(SLOTS):
            ticker.wake(slot)
        while len(ticks) < 50:
            reactor.wait()
        took = time.monotonic() - begin
        assert ticks[:12] == [*range(SLOTS), 0, 1] or ticker.late
        assert took >= 49 * PERIOD_S
        for slot in range(SLOTS):
            ticker.rest(slot)
        reactor.wait()
        assert reactor.readers == []
        number = ticker.fileno()
        ticker.close()
        ticker.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)

    def test_very_late_gives_one_tick_and_is_counted(self) -> None:
        ticks: list[int] = []
        reactor = WatchingReactor()
        ticker = TimerfdTicker(reactor, SLOTS, 0.0005, ticks.append)
        for slot in range(SLOTS):
            ticker.wake(slot)
        begin = time.monotonic()
        while time.monotonic() - begin < 0.01:
            pass
        reactor.wait()
        assert (len(ticks), ticker.late) == (1, 1)
        ticker.close()
        assert reactor.readers == []

    def test_who_is_busy_otherwise_can_be_interrupted_by_what_is_due(self) -> None:
        ticks: list[int] = []

        def tick(slot: int) -> None:
            ticks.append(slot)
            time.sleep(0.15)
            ticker.wake(4)
            ticker.interrupt()

        ticker = make_ticker(WatchingReactor(), SLOTS, 1.0, tick)
        ticker.interrupt()
        ticker.wake(2)
        ticker.wake(3)
        ticker.interrupt()
        assert ticks == []
        time.sleep(0.12)
        ticker.interrupt()
        assert ticks == [2]
        ticker.interrupt()
        assert ticks == [2, 3]
        ticker.close()
        time.sleep(0.2)
        ticker.interrupt()
        assert ticks == [2, 3]

    def test_one_that_sleeps_is_not_woken(self) -> None:
        ticks: list[int] = []
        reactor = WatchingReactor()
        ticker = TimerfdTicker(reactor, SLOTS, 0.1, ticks.append)
        ticker.wake(2)
        for _ in range(3):
            reactor.wait()
        assert ticks == [2, 2, 2]
        ticker.close()

    def test_any_other_clock_gets_delayed_calls(self) -> None:
        assert isinstance(make_ticker(Clock(), SLOTS, ROUND_S, lambda slot: None), CallLaterTicker)
