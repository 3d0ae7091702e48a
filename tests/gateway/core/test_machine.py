"""Automat machines with a lookup of their own."""

from __future__ import annotations

from typing import Protocol

from automat import TypeMachineBuilder

from gateway.core.machine import build, ignore, state_name, transitions


class Inputs(Protocol):
    def pushed(self) -> None: ...

    def pulled(self) -> None: ...


def test_a_built_machine_runs_and_shows_its_table() -> None:
    log: list[str] = []
    builder = TypeMachineBuilder(Inputs, list)
    shut = builder.state("Shut")
    ajar = builder.state("Ajar")

    @shut.upon(Inputs.pushed).to(ajar)
    def _pushed(_: Inputs, core: list[str]) -> None:
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
    assert log == ["creak"]
