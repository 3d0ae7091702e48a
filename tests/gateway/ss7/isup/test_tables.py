"""The transition tables: nothing is left to chance."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.machine import transitions
from gateway.ss7.isup import blocking, incoming, outgoing, release, reset

MACHINES: list[tuple[Any, type[Any]]] = [
    (outgoing, outgoing.OutgoingInputs),
    (incoming, incoming.IncomingInputs),
    (release, release.ReleaseInputs),
    (reset, reset.ResetInputs),
    (blocking, blocking.BlockingInputs),
]


@pytest.mark.parametrize(("module", "inputs"), MACHINES)
class TestTables:
    def test_every_input_is_written_down_for_every_state(self, module: Any, inputs: type[Any]) -> None:
        table = transitions(module._machine)
        names = {name for name in vars(inputs) if not name.startswith("_")}
        states = {state for state, _ in table}
        assert len(states) > 1
        assert set(table) == {(state, name) for state in states for name in names}

    def test_every_state_can_be_reached(self, module: Any, inputs: type[Any]) -> None:
        table = transitions(module._machine)
        reached = {module._machine.__automat_automaton__.initialState.name}
        while more := {after for (state, _), (after, _) in table.items() if state in reached} - reached:
            reached |= more
        assert reached == {state for state, _ in table}

    def test_nothing_leads_out_of_idle(self, module: Any, inputs: type[Any]) -> None:
        leaving = {after for (state, _), (after, _) in transitions(module._machine).items() if state == "Idle"}
        assert leaving <= {"Idle"}


@pytest.mark.parametrize("module", [outgoing, incoming])
class TestCalls:
    def test_rel_rlc_and_our_release_end_every_call(self, module: Any) -> None:
        table = transitions(module._machine)
        for state in ("WaitForAcm", "WaitForAnm", "Answered"):
            for ending in ("release", "release_received", "release_complete_received", "circuit_withdrawn"):
                assert table[state, ending][0] == "Idle"
