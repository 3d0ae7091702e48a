"""Reset of a circuit from this end (ITU-T Q.764 §2.9.3.1).

    start / RSC --> WaitForRlc -- RLC --> Idle

Whatever had the circuit has lost it already. RSC is repeated at T16 (not after T5) until RLC comes; at T17 an alarm is
raised and from then on it is repeated at T17. Until RLC has come the circuit serves no call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from automat import TypeMachineBuilder

from gateway.core.effects import Outbox, StartTimer, StopTimer
from gateway.core.machine import build, state_name
from gateway.ss7.isup.messages import Message, MessageType

if TYPE_CHECKING:
    from gateway.ss7.isup.circuit import Circuit


class ResetInputs(Protocol):
    """What a reset under way reacts to."""

    def release_complete_received(self) -> None:
        """RLC: the far end has put the circuit to idle."""

    def release_received(self) -> None:
        """REL, which crossed our RSC."""

    def other_message_received(self) -> None:
        """Whatever else was on its way."""

    def circuit_unequipped(self) -> None:
        """UCIC: the far end has no such circuit."""

    def t16_expired(self) -> None:
        """RSC was not answered in T16."""

    def t17_expired(self) -> None:
        """RSC was not answered in T17."""


class Reset:
    """Holds a circuit until the far end has confirmed that it is idle.

    Args:
        circuit: which; RSC is sent at once.
        after_t5: the reset ends a release that T5 gave up: no T16.
        outbox: the circuit's.
    """

    __slots__ = ("__weakref__", "_circuit", "_machine", "_outbox")

    def __init__(self, circuit: Circuit, after_t5: bool, outbox: Outbox) -> None:
        self._circuit = circuit
        self._outbox = outbox.fork(self)
        self._machine = _machine(self)
        circuit.send(MessageType.RSC)
        if not after_t5:
            self._outbox.append(StartTimer("T16", circuit.timers.T16))
        self._outbox.append(StartTimer("T17", circuit.timers.T17))

    @property
    def state(self) -> str:
        """ "reset: WaitForRlc"."""
        return f"reset: {state_name(self._machine)}"

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
        """RSC crossed ours: it is answered, and ours will be."""

    def circuit_blocked(self) -> None:
        """Of no interest to a reset."""

    def circuit_unequipped(self) -> None:
        """See `Occupant`."""
        self._machine.circuit_unequipped()

    def circuit_withdrawn(self, why: str) -> None:
        """A new reset takes the place of this one."""
        self._machine.circuit_unequipped()

    def timer_fired(self, name: str) -> None:
        """T16 or T17 ran out."""
        if name == "T16":
            self._machine.t16_expired()
        elif name == "T17":
            self._machine.t17_expired()


def _finish(inputs: ResetInputs, core: Reset) -> None:
    core._outbox.append(StopTimer("T16"))
    core._outbox.append(StopTimer("T17"))
    core._circuit.vacate()


def _confirm(inputs: ResetInputs, core: Reset) -> None:
    _finish(inputs, core)
    core._circuit.reset_confirmed()


def _answer_release(inputs: ResetInputs, core: Reset) -> None:
    core._circuit.send(MessageType.RLC)


def _repeat(inputs: ResetInputs, core: Reset) -> None:
    core._circuit.send(MessageType.RSC)
    core._outbox.append(StartTimer("T16", core._circuit.timers.T16))


def _alarm(inputs: ResetInputs, core: Reset) -> None:
    core._circuit.event("alarm: no RLC to RSC in T17; RSC again at this interval")
    core._outbox.append(StopTimer("T16"))
    core._circuit.send(MessageType.RSC)
    core._outbox.append(StartTimer("T17", core._circuit.timers.T17))


_builder = TypeMachineBuilder(ResetInputs, Reset)
WaitForRlc = _builder.state("WaitForRlc")
Idle = _builder.state("Idle")

WaitForRlc.upon(ResetInputs.release_complete_received).to(Idle)(_confirm)
WaitForRlc.upon(ResetInputs.release_received).loop()(_answer_release)
WaitForRlc.upon(ResetInputs.other_message_received).loop().returns(None)
WaitForRlc.upon(ResetInputs.circuit_unequipped).to(Idle)(_finish)
WaitForRlc.upon(ResetInputs.t16_expired).loop()(_repeat)
WaitForRlc.upon(ResetInputs.t17_expired).loop()(_alarm)

# The circuit is somebody else's by now; only a timer that was on its way can still come here.
Idle.upon(ResetInputs.release_complete_received).loop().returns(None)
Idle.upon(ResetInputs.release_received).loop().returns(None)
Idle.upon(ResetInputs.other_message_received).loop().returns(None)
Idle.upon(ResetInputs.circuit_unequipped).loop().returns(None)
Idle.upon(ResetInputs.t16_expired).loop().returns(None)
Idle.upon(ResetInputs.t17_expired).loop().returns(None)

_machine = build(_builder)
