"""Release of a circuit from this end, forward or backward alike (ITU-T Q.764 §2.3, §2.9.6).

    start / REL --> WaitForRlc -- RLC --> Idle

A call that is over hands its circuit to a `Release`. REL is repeated at T1 until RLC comes; after T5 the circuit is
reset. When both ends release at once the far end's REL is answered by RLC, and the answer to ours is still waited for:
only that makes the circuit idle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from automat import TypeMachineBuilder

from gateway.core.effects import Outbox, StartTimer, StopTimer, tell
from gateway.core.machine import build, state_name
from gateway.ss7.isup.messages import Message, MessageType
from gateway.ss7.isup.occupant import Prepared

if TYPE_CHECKING:
    from gateway.ss7.isup.circuit import Circuit


class ReleaseInputs(Protocol):
    """What a release under way reacts to."""

    def release_complete_received(self) -> None:
        """RLC: the circuit is idle."""

    def release_received(self) -> None:
        """REL, which crossed ours."""

    def other_message_received(self) -> None:
        """Whatever else was on its way when we sent REL."""

    def circuit_unequipped(self) -> None:
        """UCIC: the far end has no such circuit, so there is nothing to wait for."""

    def circuit_withdrawn(self) -> None:
        """We reset the circuit."""

    def t1_expired(self) -> None:
        """REL was not answered in T1."""

    def t5_expired(self) -> None:
        """REL was not answered in T5."""


class Release:
    """Holds a circuit from REL to RLC.

    Args:
        circuit: which; REL is sent at once.
        message: the REL.
        released: to be told when nothing of the call is left on the circuit.
        outbox: the circuit's.
    """

    __slots__ = ("__weakref__", "_circuit", "_machine", "_message", "_outbox", "_released")

    def __init__(
        self, circuit: Circuit, message: Prepared, released: Callable[[], None] | None, outbox: Outbox
    ) -> None:
        self._circuit = circuit
        self._message = message
        self._released = released
        self._outbox = outbox.fork(self)
        self._machine = _machine(self)
        circuit.transmit(message)
        self._outbox.append(StartTimer("T1", circuit.timers.T1))
        self._outbox.append(StartTimer("T5", circuit.timers.T5))

    @property
    def state(self) -> str:
        """ "release: WaitForRlc"."""
        return f"release: {state_name(self._machine)}"

    def message_received(self, message: Message) -> None:
        """See `Occupant`."""
        match message.type:
            case MessageType.RLC:
                self._machine.release_complete_received()
            case MessageType.REL:
                self._machine.release_received()
            case _:
                self._machine.other_message_received()

    def circuit_reset(self) -> None:
        """RSC came and is answered. Our REL was sent before that answer, so an RLC of its own is still to come."""

    def circuit_blocked(self) -> None:
        """Of no interest to a release."""

    def circuit_unequipped(self) -> None:
        """See `Occupant`."""
        self._machine.circuit_unequipped()

    def circuit_withdrawn(self, why: str) -> None:
        """See `Occupant`."""
        self._machine.circuit_withdrawn()

    def timer_fired(self, name: str) -> None:
        """T1 or T5 ran out."""
        if name == "T1":
            self._machine.t1_expired()
        elif name == "T5":
            self._machine.t5_expired()


def _over(inputs: ReleaseInputs, core: Release) -> None:
    core._outbox.append(StopTimer("T1"))
    core._outbox.append(StopTimer("T5"))
    if core._released is not None:
        core._outbox.append(tell(core._released))


def _idle(inputs: ReleaseInputs, core: Release) -> None:
    core._circuit.vacate()
    _over(inputs, core)


def _answer_release(inputs: ReleaseInputs, core: Release) -> None:
    core._circuit.send(MessageType.RLC)


def _repeat(inputs: ReleaseInputs, core: Release) -> None:
    core._circuit.transmit(core._message)
    core._outbox.append(StartTimer("T1", core._circuit.timers.T1))


def _give_up(inputs: ReleaseInputs, core: Release) -> None:
    _over(inputs, core)
    core._circuit.reset("alarm: no RLC to REL in T5", after_t5=True)


_builder = TypeMachineBuilder(ReleaseInputs, Release)
WaitForRlc = _builder.state("WaitForRlc")
Idle = _builder.state("Idle")

WaitForRlc.upon(ReleaseInputs.release_complete_received).to(Idle)(_idle)
WaitForRlc.upon(ReleaseInputs.release_received).loop()(_answer_release)
WaitForRlc.upon(ReleaseInputs.other_message_received).loop().returns(None)
WaitForRlc.upon(ReleaseInputs.circuit_unequipped).to(Idle)(_idle)
WaitForRlc.upon(ReleaseInputs.circuit_withdrawn).to(Idle)(_over)
WaitForRlc.upon(ReleaseInputs.t1_expired).loop()(_repeat)
WaitForRlc.upon(ReleaseInputs.t5_expired).to(Idle)(_give_up)

# The circuit is somebody else's by now; only a timer that was on its way can still come here.
Idle.upon(ReleaseInputs.release_complete_received).loop().returns(None)
Idle.upon(ReleaseInputs.release_received).loop().returns(None)
Idle.upon(ReleaseInputs.other_message_received).loop().returns(None)
Idle.upon(ReleaseInputs.circuit_unequipped).loop().returns(None)
Idle.upon(ReleaseInputs.circuit_withdrawn).loop().returns(None)
Idle.upon(ReleaseInputs.t1_expired).loop().returns(None)
Idle.upon(ReleaseInputs.t5_expired).loop().returns(None)

_machine = build(_builder)
