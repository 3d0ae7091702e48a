"""Automat machines as they are used here: a lookup independent of their size, and their tables as data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar
from weakref import ref

from automat import TypeMachineBuilder

from gateway.core.effects import Outbox

Inputs = TypeVar("Inputs")
Core = TypeVar("Core")

_IGNORED = "returns(None)"
"""What Automat calls the output of a transition that does nothing."""


class _State(Protocol):
    def upon(self, input: Callable[..., Any], /) -> Any: ...


def build(builder: TypeMachineBuilder[Inputs, Core]) -> Callable[[Core], Inputs]:
    """Finish a machine, give it inputs that do not slow down with the number of transitions, and a weak core.

    Automat searches its transitions one by one, and goes through four functions for each: with every input written down
    for every state that costs more than what the transition does. So each input gets its rows of the table, by state.

    The core, or whoever holds it, holds the machine's inputs. Were it held by them in turn, no machine could end
    without the garbage collector's help; so it is held weakly, and what is given to others to be told is a method of
    the core or of its holder, never one of the inputs.
    """
    machine = builder.build()
    kind: Any = machine.__automat_type__
    kind.__automat_core__ = property(_core, _hold_weakly)
    automaton: Any = machine.__automat_automaton__
    rows: dict[str, dict[int, tuple[object, tuple[Callable[..., object], ...]]]] = {}
    for state, name, after, outputs in automaton.allTransitions():
        methods = tuple(output.method for output in outputs if output.name != _IGNORED)
        rows.setdefault(name, {})[id(state)] = after, methods
    for name, of_input in rows.items():
        setattr(kind, name, _input(of_input))
    return machine


def _input(rows: dict[int, tuple[object, tuple[Callable[..., object], ...]]]) -> Callable[..., None]:
    """One input of a machine. What is put in while an output runs waits for its end, as Automat has it.

    Args:
        rows: by the `id` of the state before: the state after, and what is done.
    """

    def give(inputs: Any, *arguments: object, **keywords: object) -> None:
        waiting = inputs.__automat_postponed__
        if waiting is not None:
            waiting.append(partial(give, inputs, *arguments, **keywords))
            return
        core = inputs.weak_core()
        if core is None:
            raise _forgotten(inputs)
        transitioner = inputs.__automat_transitioner__
        transitioner._state, methods = rows[id(transitioner._state)]
        if not methods:
            return
        waiting = inputs.__automat_postponed__ = []
        try:
            for method in methods:
                method(inputs, core, *arguments, **keywords)
        finally:
            inputs.__automat_postponed__ = None
        while waiting:
            waiting.pop(0)()

    return give


def _core(inputs: Any) -> object:
    core: object = inputs.weak_core()
    if core is None:
        raise _forgotten(inputs)
    return core


def _forgotten(inputs: Any) -> ReferenceError:
    return ReferenceError(f"{type(inputs).__name__}: an input to a machine that nobody holds any longer")


def _hold_weakly(inputs: Any, core: object) -> None:
    inputs.weak_core = ref(core)


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
    name: str = machine.__automat_transitioner__._state.name  # type: ignore[attr-defined]  # another
    return name


def machine_behind(method: Callable[..., None]) -> object:
    """Whose input a bound method is: for an input of an Automat machine, whatever owns the outbox of its core."""
    bound_to: object = getattr(method, "__self__", None)
    core: object = getattr(bound_to, "__automat_core__", bound_to)
    for name in ("outbox", "_outbox"):
        outbox = getattr(core, name, None)
        if isinstance(outbox, Outbox):
            return outbox.owner
    return core
