"""The media clock is even, and never makes up for lost time by a burst."""

from __future__ import annotations

import os
import select
import time

import pytest
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.task import Clock
from zope.interface import implementer

from gateway.net.ticker import CallLaterTicker, TimerfdTicker, make_ticker

PERIOD_S, LATEST_S = 0.002, 0.020


class TestCallLater:
    def test_it_ticks_at_its_pace_from_start_to_stop(self) -> None:
        clock, ticks = Clock(), [0.0]
        ticker = CallLaterTicker(clock, PERIOD_S, LATEST_S, lambda: ticks.append(clock.seconds()))
        ticker.start()
        ticker.start()
        clock.pump([PERIOD_S / 2] * 41)
        assert len(ticks) == 21
        ticker.stop()
        clock.advance(1.0)
        assert (len(ticks), clock.getDelayedCalls()) == (21, [])

    def test_a_tick_may_stop_it(self) -> None:
        clock = Clock()
        ticker = CallLaterTicker(clock, PERIOD_S, LATEST_S, lambda: ticker.stop())
        ticker.start()
        clock.advance(5 * PERIOD_S)
        assert clock.getDelayedCalls() == []

    def test_a_little_late_is_made_up_for(self) -> None:
        clock, ticks = Clock(), []
        ticker = CallLaterTicker(clock, PERIOD_S, LATEST_S, lambda: ticks.append(clock.seconds()))
        ticker.start()
        clock.advance(5 * PERIOD_S + 0.0001)
        assert len(ticks) == 5
        assert ticker.late == 0

    def test_very_late_moves_the_schedule(self) -> None:
        clock, ticks = Clock(), []
        ticker = CallLaterTicker(clock, PERIOD_S, LATEST_S, lambda: ticks.append(clock.seconds()))
        ticker.start()
        clock.advance(1.0)
        assert (len(ticks), ticker.late) == (1, 1)

    def test_at_rest_nothing_is_late(self) -> None:
        clock = Clock()
        ticker = CallLaterTicker(clock, PERIOD_S, LATEST_S, lambda: None)
        ticker.start()
        clock.pump([1.0] * 100)
        assert ticker.late_share > 0.1
        ticker.stop()
        assert ticker.late_share == 0.0


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
        reactor, ticks = WatchingReactor(), []
        ticker = make_ticker(reactor, PERIOD_S, LATEST_S, lambda: ticks.append(time.monotonic()))
        assert isinstance(ticker, TimerfdTicker)
        begin = time.monotonic()
        ticker.start()
        while len(ticks) < 50:
            reactor.wait()
        took = time.monotonic() - begin
        ticker.stop()
        assert reactor.readers == []
        assert took >= 49 * PERIOD_S
        number = ticker.fileno()
        ticker.close()
        ticker.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)

    def test_very_late_gives_one_tick_and_is_counted(self) -> None:
        reactor, ticks = WatchingReactor(), []
        ticker = TimerfdTicker(reactor, 0.0001, 0.0005, lambda: ticks.append(0))
        ticker.start()
        begin = time.monotonic()
        while time.monotonic() - begin < 0.01:
            pass
        reactor.wait()
        assert (len(ticks), ticker.late) == (1, 1)
        ticker.close()

    def test_at_rest_nothing_is_late(self) -> None:
        ticker = TimerfdTicker(WatchingReactor(), 0.0001, 0.0005, lambda: None)
        ticker.start()
        ticker.late_share = 0.5
        ticker.stop()
        assert ticker.late_share == 0.0
        ticker.close()

    def test_any_other_clock_gets_delayed_calls(self) -> None:
        assert isinstance(make_ticker(Clock(), PERIOD_S, LATEST_S, lambda: None), CallLaterTicker)
