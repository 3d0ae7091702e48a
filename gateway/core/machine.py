"""Automat machines as they are used here: a lookup independent of their size, and their tables as data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar, cast
from weakref import ref

from automat import TypeMachineBuilder

from gateway.core.effects import Outbox

Inputs = TypeVar("Inputs")
Core = TypeVar("Core")

_Rows: TypeAlias = dict[str, tuple[str, Callable[..., object] | None]]

_IGNORED = "returns(None)"
"""What Automat calls the output of a transition that does nothing."""


class _State(Protocol):
    def upon(self, input: Callable[..., Any], /) -> Any: ...


class _Running:
    """One machine that runs: its inputs, the state it is in, and its core."""

    __slots__ = ("_core", "_postponed", "_state")

    __automat_automaton__: Any
    _initial: str

    def __init__(self, core: object) -> None:
        self._core = ref(core)
        self._state = self._initial
        self._postponed: list[Callable[[], None]] | None = None


def build(builder: TypeMachineBuilder[Inputs, Core]) -> Callable[[Core], Inputs]:
    """Finish a machine, give it inputs that do not slow down with the number of transitions, and a weak core.

    Automat searches its transitions one by one, and goes through four functions for each: with every input written down
    for every state that costs more than what the transition does. So each input gets its rows of the table, by state;
    and a machine that runs is three slots, where Automat's are two objects with dictionaries.

    The core, or whoever holds it, holds the machine's inputs. Were it held by them in turn, no machine could end
    without the garbage collector's help; so it is held weakly, and what is given to others to be told is a method of
    the core or of its holder, never one of the inputs.
    """
    machine = builder.build()
    automaton: Any = machine.__automat_automaton__
    rows: dict[str, _Rows] = {}
    for state, name, after, (output,) in automaton.allTransitions():
        act = None if output.name == _IGNORED else output.method
        rows.setdefault(name, {})[state.name] = after.name, act
    contents: dict[str, object] = {name: _input(of_input) for name, of_input in rows.items()}
    contents |= {"__slots__": (), "__automat_automaton__": automaton, "_initial": automaton.initialState.name}
    running: Any = type(machine.__automat_type__.__name__, (_Running,), contents)
    return cast("Callable[[Core], Inputs]", running)


def _input(rows: _Rows) -> Callable[..., None]:
    """One input of a machine. What is put in while an output runs waits for its end, as Automat has it.

    Args:
        rows: by the state before: the state after, and what is done.
    """

    def give(inputs: _Running, *arguments: object, **keywords: object) -> None:
        postponed = inputs._postponed
        if postponed is not None:
            postponed.append(partial(give, inputs, *arguments, **keywords))
            return
        core = inputs._core()
        if core is None:
            raise _forgotten(inputs)
        inputs._state, act = rows[inputs._state]
        if act is None:
            return
        postponed = inputs._postponed = []
        try:
            act(inputs, core, *arguments, **keywords)
        finally:
            inputs._postponed = None
        while postponed:
            postponed.pop(0)()

    return give


def _forgotten(inputs: _Running) -> ReferenceError:
    return ReferenceError(f"{type(inputs).__name__}: an input to a machine that nobody holds any longer")


def ignore(state: _State, *inputs: Callable[..., None]) -> None:
    """Write down that these inputs change nothing in this state and lead to nothing."""
    for each in inputs:
        state.upon(each).loop().returns(None)


def transitions(machine: object) -> dict[tuple[str, str], tuple[str, bool]]:
    """What a built machine does, as data: (state, input) -> (next state, whether anything is done besides)."""
    automaton: Any = machine.__automat_automaton__  # type: ignore[attr-defined]  # an inner name
    return {
        (before.name, name): (after.name, any(output.name != _IGNORED for output in outputs))
        for before, name, after, outputs in automaton.allTransitions()
    }


def state_name(machine: object) -> str:
    """The name of the state that a built machine is in."""
    assert isinstance(machine, _Running)
    return machine._state


def machine_behind(method: Callable[..., None]) -> object:
    """Whose input a bound method is: for an input of an Automat machine, whatever owns the outbox of its core."""
    bound_to: object = getattr(method, "__self__", None)
    core = bound_to
    if isinstance(bound_to, _Running):
        core = bound_to._core()
        if core is None:
            raise _forgotten(bound_to)
    for name in ("outbox", "_outbox"):
        outbox = getattr(core, name, None)
        if isinstance(outbox, Outbox):
            return outbox.owner
    return core
