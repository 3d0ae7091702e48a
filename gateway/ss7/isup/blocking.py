"""Blocking and unblocking a circuit from this end (ITU-T Q.764 §2.8.2, §2.9.4).

    Unblocked -- block / BLO --> WaitForBla -- BLA --> Blocked -- unblock / UBL --> WaitForUba -- UBA --> Unblocked

A blocked circuit is not seized by the far end; a call that is on it goes on. BLO is repeated at T12 until BLA comes;
after T13 an alarm is raised and it is repeated at T13. T14 and T15 do the same for UBL. An answer that does not fit
shows that the two ends disagree; the state at this end is then sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from automat import TypeMachineBuilder

from gateway.core.effects import Outbox, StartTimer, StopTimer
from gateway.core.machine import build, state_name
from gateway.ss7.isup.messages import MessageType

if TYPE_CHECKING:
    from gateway.ss7.isup.circuit import Circuit


class BlockingInputs(Protocol):
    """What the local blocking of a circuit reacts to."""

    def block(self) -> None:
        """Maintenance: the far end shall not seize the circuit."""

    def unblock(self) -> None:
        """Maintenance: it may again."""

    def blocking_acknowledged(self) -> None:
        """BLA came."""

    def unblocking_acknowledged(self) -> None:
        """UBA came."""

    def assert_again(self) -> None:
        """The far end has forgotten, or acts as if it had: RSC, or an IAM, came."""

    def t12_expired(self) -> None:
        """BLO was not answered in T12."""

    def t13_expired(self) -> None:
        """BLO was not answered in T13."""

    def t14_expired(self) -> None:
        """UBL was not answered in T14."""

    def t15_expired(self) -> None:
        """UBL was not answered in T15."""


class LocalBlocking:
    """The blocking of one circuit by this end.

    Args:
        circuit: whose; its timers T12 to T15.
        outbox: the circuit's.
    """

    __slots__ = ("__weakref__", "_circuit", "_machine", "_outbox")

    def __init__(self, circuit: Circuit, outbox: Outbox) -> None:
        self._circuit = circuit
        self._outbox = outbox.fork(self)
        self._machine = _machine(self)

    @property
    def state(self) -> str:
        """The state's name."""
        return state_name(self._machine)

    @property
    def unblocked(self) -> bool:
        """Whether calls may take the circuit as far as this end is concerned."""
        return self.state == Unblocked.name

    @property
    def blocks(self) -> bool:
        """Whether the far end must not seize the circuit."""
        return self.state in (WaitForBla.name, Blocked.name)

    def block(self) -> None:
        """See `BlockingInputs`."""
        self._machine.block()

    def unblock(self) -> None:
        """See `BlockingInputs`."""
        self._machine.unblock()

    def blocking_acknowledged(self) -> None:
        """See `BlockingInputs`."""
        self._machine.blocking_acknowledged()

    def unblocking_acknowledged(self) -> None:
        """See `BlockingInputs`."""
        self._machine.unblocking_acknowledged()

    def assert_again(self) -> None:
        """See `BlockingInputs`."""
        self._machine.assert_again()

    def timer_fired(self, name: str) -> None:
        """T12 to T15 ran out."""
        match name:
            case "T12":
                self._machine.t12_expired()
            case "T13":
                self._machine.t13_expired()
            case "T14":
                self._machine.t14_expired()
            case "T15":
                self._machine.t15_expired()


def _send_blocking(inputs: BlockingInputs, core: LocalBlocking) -> None:
    core._outbox.append(StopTimer("T14"))
    core._outbox.append(StopTimer("T15"))
    core._circuit.send(MessageType.BLO)
    core._outbox.append(StartTimer("T12", core._circuit.timers.T12))
    core._outbox.append(StartTimer("T13", core._circuit.timers.T13))
    core._circuit.availability_changed()


def _send_unblocking(inputs: BlockingInputs, core: LocalBlocking) -> None:
    core._outbox.append(StopTimer("T12"))
    core._outbox.append(StopTimer("T13"))
    core._circuit.send(MessageType.UBL)
    core._outbox.append(StartTimer("T14", core._circuit.timers.T14))
    core._outbox.append(StartTimer("T15", core._circuit.timers.T15))


def _blocked(inputs: BlockingInputs, core: LocalBlocking) -> None:
    core._outbox.append(StopTimer("T12"))
    core._outbox.append(StopTimer("T13"))
    core._circuit.event("blocked by this end")


def _unblocked(inputs: BlockingInputs, core: LocalBlocking) -> None:
    core._outbox.append(StopTimer("T14"))
    core._outbox.append(StopTimer("T15"))
    core._circuit.event("unblocked by this end")
    core._circuit.availability_changed()


def _repeat_blocking(inputs: BlockingInputs, core: LocalBlocking) -> None:
    core._circuit.send(MessageType.BLO)
    core._outbox.append(StartTimer("T12", core._circuit.timers.T12))


def _alarm_blocking(inputs: BlockingInputs, core: LocalBlocking) -> None:
    core._circuit.event("alarm: no BLA in T13; BLO again at this interval")
    core._outbox.append(StopTimer("T12"))
    core._circuit.send(MessageType.BLO)
    core._outbox.append(StartTimer("T13", core._circuit.timers.T13))


def _repeat_unblocking(inputs: BlockingInputs, core: LocalBlocking) -> None:
    core._circuit.send(MessageType.UBL)
    core._outbox.append(StartTimer("T14", core._circuit.timers.T14))


def _alarm_unblocking(inputs: BlockingInputs, core: LocalBlocking) -> None:
    core._circuit.event("alarm: no UBA in T15; UBL again at this interval")
    core._outbox.append(StopTimer("T14"))
    core._circuit.send(MessageType.UBL)
    core._outbox.append(StartTimer("T15", core._circuit.timers.T15))


_builder = TypeMachineBuilder(BlockingInputs, LocalBlocking)
Unblocked = _builder.state("Unblocked")
WaitForBla = _builder.state("WaitForBla")
Blocked = _builder.state("Blocked")
WaitForUba = _builder.state("WaitForUba")

Unblocked.upon(BlockingInputs.block).to(WaitForBla)(_send_blocking)
Unblocked.upon(BlockingInputs.unblock).loop().returns(None)
Unblocked.upon(BlockingInputs.blocking_acknowledged).to(WaitForUba)(_send_unblocking)
Unblocked.upon(BlockingInputs.unblocking_acknowledged).loop().returns(None)
Unblocked.upon(BlockingInputs.assert_again).loop().returns(None)

WaitForBla.upon(BlockingInputs.block).loop().returns(None)
WaitForBla.upon(BlockingInputs.unblock).to(WaitForUba)(_send_unblocking)
WaitForBla.upon(BlockingInputs.blocking_acknowledged).to(Blocked)(_blocked)
WaitForBla.upon(BlockingInputs.unblocking_acknowledged).loop().returns(None)
WaitForBla.upon(BlockingInputs.assert_again).loop()(_repeat_blocking)
WaitForBla.upon(BlockingInputs.t12_expired).loop()(_repeat_blocking)
WaitForBla.upon(BlockingInputs.t13_expired).loop()(_alarm_blocking)

Blocked.upon(BlockingInputs.block).loop().returns(None)
Blocked.upon(BlockingInputs.unblock).to(WaitForUba)(_send_unblocking)
Blocked.upon(BlockingInputs.blocking_acknowledged).loop().returns(None)
Blocked.upon(BlockingInputs.unblocking_acknowledged).to(WaitForBla)(_send_blocking)
Blocked.upon(BlockingInputs.assert_again).to(WaitForBla)(_send_blocking)

WaitForUba.upon(BlockingInputs.block).to(WaitForBla)(_send_blocking)
WaitForUba.upon(BlockingInputs.unblock).loop().returns(None)
WaitForUba.upon(BlockingInputs.blocking_acknowledged).loop().returns(None)
WaitForUba.upon(BlockingInputs.unblocking_acknowledged).to(Unblocked)(_unblocked)
WaitForUba.upon(BlockingInputs.assert_again).loop().returns(None)
WaitForUba.upon(BlockingInputs.t14_expired).loop()(_repeat_unblocking)
WaitForUba.upon(BlockingInputs.t15_expired).loop()(_alarm_unblocking)

# A timer that was stopped may already have been on its way.
for _state in (Unblocked, Blocked, WaitForUba):
    _state.upon(BlockingInputs.t12_expired).loop().returns(None)
    _state.upon(BlockingInputs.t13_expired).loop().returns(None)
for _state in (Unblocked, WaitForBla, Blocked):
    _state.upon(BlockingInputs.t14_expired).loop().returns(None)
    _state.upon(BlockingInputs.t15_expired).loop().returns(None)

_machine = build(_builder)
