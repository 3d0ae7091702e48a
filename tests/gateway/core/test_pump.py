"""The pump: first in, first out, never re-entered; and whom an exception abandons."""

from __future__ import annotations

from typing import Protocol

import pytest
from automat import TypeMachineBuilder

from gateway.core.effects import Effect, Machine, Outbox, StartTimer, StopTimer, Tell, tell
from gateway.core.machine import build, machine_behind
from gateway.core.pump import Pump, abandonment


class World:
    """A pump, and what it did."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.mishaps: list[str] = []
        self.pump = Pump(self.perform, self.mishap)

    def perform(self, owner: Machine | None, effect: Effect) -> None:
        assert isinstance(effect, StartTimer)
        if effect.name == "broken":
            raise ValueError("broken")
        self.log.append(effect.name)
        if effect.name == "again":
            self.pump.deliver(self.log.append, "delivered by a performer")

    def mishap(self, owner: Machine | None, effect: Effect, error: Exception) -> None:
        self.mishaps.append(f"{type(effect).__name__}: {error}")


class Talker:
    """A machine that says what it is told to."""

    def __init__(self, outbox: Outbox, log: list[str]) -> None:
        self.outbox = outbox.fork(self)
        self.log = log

    def speak(self, *names: str) -> None:
        self.log.append("speak")
        self.outbox.extend(StartTimer(name, 1.0) for name in names)

    def raise_(self) -> None:
        raise KeyError("what?")

    def timer_fired(self, name: str) -> None:
        """As Machine."""


def test_effects_are_done_in_the_order_of_asking() -> None:
    world = World()
    one, two = (Talker(world.pump.outbox(), world.log) for _ in range(2))
    one.outbox.append(tell(two.speak, "b"))
    world.pump.deliver(one.speak, "a", "c")
    assert world.log == ["speak", "speak", "b", "a", "c"] or world.log == ["speak", "speak", "a", "c", "b"]
    assert world.log.index("a") < world.log.index("c")


def test_what_a_performer_delivers_waits_for_its_turn() -> None:
    world = World()
    talker = Talker(world.pump.outbox(), world.log)
    world.pump.deliver(talker.speak, "again", "last")
    assert world.log == ["speak", "again", "last", "delivered by a performer"]


def test_a_mishap_does_not_stop_the_rest() -> None:
    world = World()
    talker = Talker(world.pump.outbox(), world.log)
    world.pump.deliver(talker.speak, "a", "broken", "b")
    world.pump.deliver(talker.raise_)
    world.pump.deliver(talker.speak, "c")
    assert world.log == ["speak", "a", "b", "speak", "c"]
    assert world.mishaps == ["StartTimer: broken", "Tell: 'what?'"]


def test_what_ends_the_process_is_not_held_up() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    world = World()
    with pytest.raises(KeyboardInterrupt):
        world.pump.deliver(stop)
    world.pump.deliver(world.log.append, "goes on")
    assert world.log == ["goes on"]


def test_an_outbox_remembers_who_wrote() -> None:
    pump_log: list[tuple[Machine | None, Effect]] = []
    pump = Pump(lambda owner, effect: pump_log.append((owner, effect)), lambda *_: None)
    talker = Talker(pump.outbox(), [])
    pump.deliver(talker.speak, "a")
    assert pump_log == [(talker, StartTimer("a", 1.0))]
    talker.outbox.append(StopTimer("a"))
    assert talker.outbox.drain() == [StopTimer("a")]
    assert talker.outbox.drain() == []


def test_keywords_reach_the_method() -> None:
    found: list[object] = []

    def method(one: int, *, two: int) -> None:
        found.append((one, two))

    told = tell(method, 1, two=2)
    assert told == Tell(method, (1,), (("two", 2),))
    told.give()
    assert found == [(1, 2)]


class Inputs(Protocol):
    def poke(self) -> None: ...


class Wrapped:
    """An Automat machine with an outbox, as they all are here."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox.fork(self)
        self.poke = _build(self).poke
        self.abandoned: list[str] = []

    def abandon(self, why: str) -> None:
        self.abandoned.append(why)

    def timer_fired(self, name: str) -> None:
        """As Machine."""


_builder = TypeMachineBuilder(Inputs, Wrapped)
_builder.state("Only").upon(Inputs.poke).loop().returns(None)
_build = build(_builder)


class TestAbandonment:
    def test_an_automat_input_belongs_to_the_machine_around_it(self) -> None:
        machine = Wrapped(Outbox())
        assert machine_behind(machine.poke) is machine
        assert machine_behind(machine.abandon) is machine
        assert machine_behind(print) is not machine

    def test_the_machine_that_was_told_comes_first(self) -> None:
        asked, told = Wrapped(Outbox()), Wrapped(Outbox())
        assert abandonment(asked, tell(told.poke)) == told.abandon
        assert abandonment(None, tell(told.poke)) == told.abandon
        assert abandonment(asked, tell(Talker(Outbox(), []).raise_)) == asked.abandon
        assert abandonment(asked, StartTimer("a", 1.0)) == asked.abandon
        assert abandonment(None, tell(print)) is None

    def test_what_cannot_even_be_abandoned_is_left_alone(self) -> None:
        machine = Wrapped(Outbox())
        assert abandonment(None, tell(machine.abandon, "why")) is None
