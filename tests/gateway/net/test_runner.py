"""Timers and performers on a Twisted clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gateway.core.effects import Effect, Machine, Outbox, StartTimer, StopTimer, tell
from gateway.net.link import InProcessLink
from gateway.net.runner import Runner
from gateway.ss7.effects import Transfer

if TYPE_CHECKING:
    from twisted.logger import LogEvent

    from tests.gateway.net.conftest import SteppedReactor


@frozen
class Say(Effect):
    """For a performer."""

    word: str


@frozen
class Hum(Effect):
    """For a performer that nobody waits for."""

    word: str


class Bell:
    """A machine with timers."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox.fork(self)
        self.rung: list[str] = []
        self.abandoned: list[str] = []

    def ask(self, *effects: Effect) -> None:
        self.outbox.extend(effects)

    def timer_fired(self, name: str) -> None:
        """As Machine."""
        if name == "broken":
            raise RuntimeError("no bell")
        self.rung.append(name)

    def abandon(self, why: str) -> None:
        self.abandoned.append(why)
        if why.startswith("ValueError"):
            raise ValueError("not even that")


class TestTimers:
    def test_one_fires_once(self, reactor: SteppedReactor) -> None:
        runner = Runner(reactor)
        bell = Bell(runner.outbox())
        runner.deliver(bell.ask, StartTimer("a", 2.0))
        reactor.advance(1.9)
        assert (bell.rung, runner.running_timers) == ([], 1)
        reactor.advance(0.2)
        reactor.advance(9.0)
        assert (bell.rung, runner.running_timers) == (["a"], 0)

    def test_started_again_it_starts_afresh(self, reactor: SteppedReactor) -> None:
        runner = Runner(reactor)
        bell = Bell(runner.outbox())
        runner.deliver(bell.ask, StartTimer("a", 2.0))
        reactor.advance(1.5)
        runner.deliver(bell.ask, StartTimer("a", 2.0))
        reactor.advance(1.5)
        assert bell.rung == []
        reactor.advance(0.5)
        assert bell.rung == ["a"]

    def test_shorter_too(self, reactor: SteppedReactor) -> None:
        runner = Runner(reactor)
        bell = Bell(runner.outbox())
        runner.deliver(bell.ask, StartTimer("a", 20.0), StartTimer("a", 1.0))
        reactor.advance(1.0)
        assert bell.rung == ["a"]

    def test_stopped_it_does_not_fire(self, reactor: SteppedReactor) -> None:
        runner = Runner(reactor)
        bell, other = Bell(runner.outbox()), Bell(runner.outbox())
        runner.deliver(bell.ask, StartTimer("a", 1.0), StopTimer("a"), StopTimer("never"))
        runner.deliver(other.ask, StartTimer("a", 1.0))
        reactor.advance(2.0)
        assert (bell.rung, other.rung) == ([], ["a"])

    def test_when_the_runner_stops_all_do(self, reactor: SteppedReactor) -> None:
        runner = Runner(reactor)
        bell = Bell(runner.outbox())
        runner.deliver(bell.ask, StartTimer("a", 1.0), StartTimer("b", 1.0))
        runner.stop()
        reactor.advance(2.0)
        assert (bell.rung, runner.running_timers, reactor.getDelayedCalls()) == ([], 0, [])


class TestMishaps:
    def test_the_owner_is_abandoned_and_the_rest_goes_on(
        self, reactor: SteppedReactor, failures: list[LogEvent]
    ) -> None:
        runner = Runner(reactor)
        said: list[str] = []

        def say(owner: Machine | None, effect: Say) -> None:
            if effect.word == "fault":
                raise KeyError("fault")
            said.append(effect.word)

        runner.performs(Say, say)
        bell, other = Bell(runner.outbox()), Bell(runner.outbox())
        other.ask(Say("other"))
        runner.deliver(bell.ask, Say("one"), Say("fault"), Say("two"))
        assert said == ["other", "one", "two"]
        assert (bell.abandoned, other.abandoned) == (["KeyError: 'fault'"], [])
        assert (runner.mishaps, len(failures)) == (1, 1)
        failures.clear()

    def test_so_is_a_machine_whose_timer_broke_it(self, reactor: SteppedReactor, failures: list[LogEvent]) -> None:
        runner = Runner(reactor)
        bell = Bell(runner.outbox())
        runner.deliver(bell.ask, StartTimer("broken", 1.0))
        reactor.advance(1.0)
        assert bell.abandoned == ["RuntimeError: no bell"]
        failures.clear()

    def test_what_cannot_be_abandoned_does_not_go_round_for_ever(
        self, reactor: SteppedReactor, failures: list[LogEvent]
    ) -> None:
        def say(owner: Machine | None, effect: Say) -> None:
            raise ValueError(effect.word)

        runner = Runner(reactor)
        runner.performs(Say, say)
        bell = Bell(runner.outbox())
        runner.deliver(bell.ask, Say("fault"))
        assert bell.abandoned == ["ValueError: fault"]
        assert runner.mishaps == 2
        failures.clear()

    def test_an_effect_that_nobody_performs_is_one(self, reactor: SteppedReactor, failures: list[LogEvent]) -> None:
        runner = Runner(reactor)
        bell = Bell(runner.outbox())
        runner.deliver(bell.ask, Say("x"))
        runner.outbox().append(StartTimer("nobody's", 1.0))
        runner.deliver(bell.ask)
        assert runner.mishaps == 2
        failures.clear()


def test_between_two_effects_it_can_be_interrupted(reactor: SteppedReactor) -> None:
    runner = Runner(reactor)
    bell = Bell(runner.outbox())
    done: list[str] = []
    runner.performs(Say, lambda _owner, effect: done.append(effect.word))
    runner.interrupt = lambda: done.append("-")
    runner.deliver(bell.ask, Say("one"), Say("two"))
    assert done == ["-", "one", "-", "two"]


def test_what_nobody_waits_for_is_done_last_in_its_own_order(reactor: SteppedReactor, failures: list[LogEvent]) -> None:
    runner = Runner(reactor)
    bell = Bell(runner.outbox())
    done: list[str] = []

    def hum(_owner: Machine | None, effect: Hum) -> None:
        done.append(effect.word)
        if effect.word == "first":
            bell.ask(Say("what came of it"))
        if effect.word == "broken":
            raise RuntimeError

    runner.performs(Say, lambda _owner, effect: done.append(effect.word))
    runner.performs_last(Hum, hum)
    runner.interrupt = lambda: done.append("-")
    runner.deliver(bell.ask, Hum("first"), Say("one"), Hum("broken"), tell(bell.ask, Say("two")), Hum("last"))
    said = "one two first what came of it broken last"
    assert " ".join(each for each in done if each != "-") == said
    assert done.count("-") >= 6
    assert bell.abandoned == ["RuntimeError: "]
    assert len(failures) == 1
    failures.clear()


def test_a_link_carries_octets_both_ways_in_order(reactor: SteppedReactor) -> None:
    class End:
        def __init__(self, outbox: Outbox) -> None:
            self.outbox = outbox.fork(self)
            self.received: list[bytes] = []

        def send(self, *octets: bytes) -> None:
            self.outbox.extend(Transfer(each) for each in octets)

        def receive(self, octets: bytes) -> None:
            self.received.append(octets)
            if octets == b"ping":
                self.send(b"pong")

        def timer_fired(self, name: str) -> None:
            """As Machine."""

    runner = Runner(reactor)
    one, other = End(runner.outbox()), End(runner.outbox())
    InProcessLink(runner).join(one, one.receive, other, other.receive)
    runner.deliver(one.send, b"a", b"ping", b"b")
    assert (one.received, other.received) == ([b"pong"], [b"a", b"ping", b"b"])
