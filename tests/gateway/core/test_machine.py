"""Automat machines with a lookup of their own."""

from __future__ import annotations

from collections import deque
from typing import Protocol
from weakref import ref

import pytest
from automat import TypeMachineBuilder

from gateway.core.machine import build, ignore, state_name, transitions


class Inputs(Protocol):
    def pushed(self) -> None: ...

    def pulled(self) -> None: ...


def test_a_built_machine_runs_and_shows_its_table() -> None:
    log: deque[str] = deque()
    builder = TypeMachineBuilder(Inputs, deque)
    shut = builder.state("Shut")
    ajar = builder.state("Ajar")

    @shut.upon(Inputs.pushed).to(ajar)
    def _pushed(_: Inputs, core: deque[str]) -> None:
        core.append("creak")

    ajar.upon(Inputs.pulled).to(shut).returns(None)
    ignore(shut, Inputs.pulled)
    ignore(ajar, Inputs.pushed)
    machine = build(builder)
    assert transitions(machine) == {
        ("Shut", "pushed"): ("Ajar", True),
        ("Shut", "pulled"): ("Shut", False),
        ("Ajar", "pushed"): ("Ajar", False),
        ("Ajar", "pulled"): ("Shut", False),
    }
    one, other = machine(log), machine(log)
    one.pushed()
    one.pushed()
    assert (state_name(one), state_name(other)) == ("Ajar", "Shut")
    assert list(log) == ["creak"]


class Holder:
    def __init__(self) -> None:
        self.inputs = _build(self)


_builder = TypeMachineBuilder(Inputs, Holder)
ignore(_builder.state("Only"), Inputs.pushed, Inputs.pulled)
_build = build(_builder)


class TestTheCoreIsHeldWeakly:
    def test_a_machine_that_nobody_holds_is_gone_at_once(self) -> None:
        holder = Holder()
        gone = ref(holder)
        del holder
        assert gone() is None

    def test_an_input_that_outlives_it_is_an_error_that_names_the_machine(self) -> None:
        inputs = Holder().inputs
        with pytest.raises(ReferenceError, match="Typed<Inputs>: an input to a machine that nobody holds any longer"):
            inputs.pushed()
