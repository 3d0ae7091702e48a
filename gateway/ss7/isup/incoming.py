"""Call control at the incoming exchange (ITU-T Q.764 §2.1 to §2.3, §2.9).

    IAM --> WaitForAcm -- address_complete / ACM --> WaitForAnm -- answer / ANM --> Answered
                |                                                                      ^
                +------------------------------ connect / CON -------------------------+

In every state REL is answered by RLC and ends the call; a release of ours hands the circuit to a `Release`, which
sends REL and waits for RLC. Both lead to Idle, where the call no longer has a circuit.

The far end may send more before the user is attached: what the user is to be told waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from automat import TypeMachineBuilder

from gateway.core.effects import Outbox, Tell, tell
from gateway.core.errors import LocalProtocolError
from gateway.core.machine import build, state_name
from gateway.ss7.isup.cause import Cause, CauseIndicators, Location, cause_indicators
from gateway.ss7.isup.messages import Message, MessageType
from gateway.ss7.isup.occupant import Prepared
from gateway.ss7.isup.parameter import Parameter
from gateway.ss7.isup.release import Release

if TYPE_CHECKING:
    from gateway.ss7.isup.circuit import Circuit
    from gateway.ss7.isup.user import IncomingUser


class IncomingInputs(Protocol):
    """What an incoming call reacts to."""

    # The user

    def address_complete(self, message: Prepared) -> None:
        """Send ACM."""

    def progress(self, message: Prepared) -> None:
        """Send CPG."""

    def answer(self, message: Prepared) -> None:
        """Send ANM."""

    def connect(self, message: Prepared) -> None:
        """Send CON."""

    def suspend(self, message: Prepared) -> None:
        """Send SUS: the called user has hung up, or suspended the call."""

    def resume(self, message: Prepared) -> None:
        """Send RES."""

    def release(self, message: Prepared) -> None:
        """Send REL: the call is over."""

    # The far end

    def subsequent_address_received(self, message: Message) -> None:
        """SAM: more digits."""

    def suspend_received(self, message: Message) -> None:
        """SUS."""

    def resume_received(self, message: Message) -> None:
        """RES."""

    def call_progress_received(self, message: Message) -> None:
        """CPG in the forward direction."""

    def release_received(self, message: Message) -> None:
        """REL."""

    def release_complete_received(self, message: Message) -> None:
        """RLC, though we sent no REL."""

    def unreasonable_message_received(self, message: Message) -> None:
        """IAM again, or a backward message: ACM, ANM, CON."""

    def other_message_received(self, message: Message) -> None:
        """A message that this version does not act on (FAC, INF, ...)."""

    # The circuit

    def circuit_reset(self) -> None:
        """RSC came."""

    def circuit_withdrawn(self, why: str) -> None:
        """Maintenance resets the circuit."""


class IncomingCall:
    """One call from the far end. The circuit makes it when an IAM seizes it.

    Args:
        circuit: the circuit.
        outbox: the node's.
    """

    __slots__ = ("__weakref__", "_circuit", "_machine", "_outbox", "_untold", "_user")

    def __init__(self, circuit: Circuit, outbox: Outbox) -> None:
        self._circuit = circuit
        self._user: IncomingUser | None = None
        self._untold: list[Callable[[IncomingUser], Tell]] = []
        self._outbox = outbox.fork(self)
        self._machine = _machine(self)

    @property
    def cic(self) -> int:
        """The circuit's identification code."""
        return self._circuit.cic

    @property
    def state(self) -> str:
        """ "incoming: WaitForAcm"."""
        return f"incoming: {state_name(self._machine)}"

    # For the user

    def attach(self, user: IncomingUser) -> None:
        """Whom to tell of this call; what has happened since the IAM is told at once.

        Raises:
            LocalProtocolError: the call has a user already.
        """
        if self._user is not None:
            raise LocalProtocolError(f"second user for the call on CIC {self.cic}")
        if state_name(self._machine) != "Idle":
            self._user = user
        self._outbox.extend(notice(user) for notice in self._untold)
        self._untold.clear()

    def address_complete(self, *parameters: Parameter) -> None:
        """Send ACM with these parameters.

        Raises:
            LocalProtocolError: ACM or CON was sent before.
        """
        self._machine.address_complete(self._circuit.prepare(MessageType.ACM, *parameters))

    def progress(self, *parameters: Parameter) -> None:
        """Send CPG.

        Raises:
            LocalProtocolError: before ACM or CON.
        """
        self._machine.progress(self._circuit.prepare(MessageType.CPG, *parameters))

    def answer(self, *parameters: Parameter) -> None:
        """Send ANM.

        Raises:
            LocalProtocolError: before ACM (that is what `connect` is for), or the call is answered.
        """
        self._machine.answer(self._circuit.prepare(MessageType.ANM, *parameters))

    def connect(self, *parameters: Parameter) -> None:
        """Send CON: ACM and ANM in one.

        Raises:
            LocalProtocolError: ACM or CON was sent before.
        """
        self._machine.connect(self._circuit.prepare(MessageType.CON, *parameters))

    def suspend(self, *parameters: Parameter) -> None:
        """Send SUS.

        Raises:
            LocalProtocolError: the call is not answered.
        """
        self._machine.suspend(self._circuit.prepare(MessageType.SUS, *parameters))

    def resume(self, *parameters: Parameter) -> None:
        """Send RES.

        Raises:
            LocalProtocolError: the call is not answered.
        """
        self._machine.resume(self._circuit.prepare(MessageType.RES, *parameters))

    def release(self, cause: int, location: int = Location.USER, *parameters: Parameter) -> None:
        """Send REL; `circuit_released` follows when RLC has come. No harm if the call is over.

        Args:
            cause: ITU-T Q.850 cause value.
            location: ITU-T Q.850 location.
            parameters: optional parameters of REL.
        """
        self._machine.release(self._circuit.prepare(MessageType.REL, cause_indicators(cause, location), *parameters))

    # For the circuit

    def message_received(self, message: Message) -> None:
        """See `Occupant`."""
        chosen = _INPUTS.get(message.type)
        if chosen is None:
            self._machine.other_message_received(message)
        else:
            chosen(self._machine, message)

    def circuit_reset(self) -> None:
        """See `Occupant`."""
        self._machine.circuit_reset()

    def circuit_blocked(self) -> None:
        """A call in progress survives the blocking of its circuit (ITU-T Q.764 §2.8.2)."""

    def circuit_unequipped(self) -> None:
        """The far end has seized the circuit, so it has it: of no effect on the call."""

    def circuit_withdrawn(self, why: str) -> None:
        """See `Occupant`."""
        self._machine.circuit_withdrawn(why)

    def timer_fired(self, name: str) -> None:
        """No timer runs on this side; those of the release are the release's."""


_INPUTS: Final[Mapping[int, Callable[[IncomingInputs, Message], None]]] = {
    MessageType.SAM: lambda machine, message: machine.subsequent_address_received(message),
    MessageType.SUS: lambda machine, message: machine.suspend_received(message),
    MessageType.RES: lambda machine, message: machine.resume_received(message),
    MessageType.REL: lambda machine, message: machine.release_received(message),
    MessageType.RLC: lambda machine, message: machine.release_complete_received(message),
    MessageType.IAM: lambda machine, message: machine.unreasonable_message_received(message),
    MessageType.ACM: lambda machine, message: machine.unreasonable_message_received(message),
    MessageType.CPG: lambda machine, message: machine.call_progress_received(message),
    MessageType.ANM: lambda machine, message: machine.unreasonable_message_received(message),
    MessageType.CON: lambda machine, message: machine.unreasonable_message_received(message),
}


def _tell(call: IncomingCall, notice: Callable[[IncomingUser], Tell]) -> None:
    if call._user is None:
        call._untold.append(notice)
    else:
        call._outbox.append(notice(call._user))


def _tell_last(call: IncomingCall, notice: Callable[[IncomingUser], Tell]) -> None:
    """The call is over; its user, who holds it, is held no longer."""
    _tell(call, notice)
    call._user = None


# Requests of the user


def _send(inputs: IncomingInputs, call: IncomingCall, message: Prepared) -> None:
    call._circuit.transmit(message)


def _refuse(inputs: IncomingInputs, call: IncomingCall, message: Prepared) -> None:
    raise LocalProtocolError(f"{message.message.name} on CIC {call.cic} in {call.state}")


def _release(inputs: IncomingInputs, call: IncomingCall, message: Prepared) -> None:
    released = None if call._user is None else call._user.circuit_released
    call._circuit.hand_over(Release(call._circuit, message, released, call._outbox))
    call._user = None


# Messages of the far end


def _subsequent_address(inputs: IncomingInputs, call: IncomingCall, message: Message) -> None:
    _tell(call, lambda user: tell(user.subsequent_address, message))


def _suspended(inputs: IncomingInputs, call: IncomingCall, message: Message) -> None:
    _tell(call, lambda user: tell(user.suspended, message))


def _resumed(inputs: IncomingInputs, call: IncomingCall, message: Message) -> None:
    _tell(call, lambda user: tell(user.resumed, message))


def _call_progress(inputs: IncomingInputs, call: IncomingCall, message: Message) -> None:
    _tell(call, lambda user: tell(user.call_progress, message))


def _released(inputs: IncomingInputs, call: IncomingCall, message: Message) -> None:
    call._circuit.send(MessageType.RLC)
    call._circuit.vacate()
    _tell_last(call, lambda user: tell(user.released, message))


def _discard(inputs: IncomingInputs, call: IncomingCall, message: Message) -> None:
    call._circuit.discarded(message)


def _unreasonable(inputs: IncomingInputs, call: IncomingCall, message: Message) -> None:
    # Q.764 §2.9.5.1: before a backward message was sent the circuit is reset and the incoming call released.
    why = f"{message.name} during the set-up of an incoming call"
    _fail(call, Cause.PROTOCOL_ERROR_UNSPECIFIED, why)
    call._circuit.reset(why)


def _released_without_release(inputs: IncomingInputs, call: IncomingCall, message: Message) -> None:
    # Q.764 §2.9.5.1: RLC on a busy circuit for which no REL was sent: the circuit is released, and REL is sent.
    _fail(call, Cause.PROTOCOL_ERROR_UNSPECIFIED, f"{message.name} without REL")
    circuit = call._circuit
    release = circuit.prepare(
        MessageType.REL, CauseIndicators(Cause.PROTOCOL_ERROR_UNSPECIFIED, Location.TRANSIT_NETWORK)
    )
    circuit.hand_over(Release(circuit, release, None, call._outbox))


# The circuit is lost


def _reset(inputs: IncomingInputs, call: IncomingCall) -> None:
    call._circuit.vacate()
    _fail(call, Cause.NORMAL_UNSPECIFIED, "the far end reset the circuit")


def _withdrawn(inputs: IncomingInputs, call: IncomingCall, why: str) -> None:
    _fail(call, Cause.NORMAL_UNSPECIFIED, why)


def _fail(call: IncomingCall, cause: Cause, why: str) -> None:
    _tell_last(call, lambda user: tell(user.call_failed, int(cause), why))


_In = IncomingInputs
_builder = TypeMachineBuilder(IncomingInputs, IncomingCall)
WaitForAcm = _builder.state("WaitForAcm")
WaitForAnm = _builder.state("WaitForAnm")
Answered = _builder.state("Answered")
Idle = _builder.state("Idle")

WaitForAcm.upon(_In.address_complete).to(WaitForAnm)(_send)
WaitForAcm.upon(_In.connect).to(Answered)(_send)
WaitForAcm.upon(_In.progress).loop()(_refuse)
WaitForAcm.upon(_In.answer).loop()(_refuse)
WaitForAcm.upon(_In.suspend).loop()(_refuse)
WaitForAcm.upon(_In.resume).loop()(_refuse)
WaitForAcm.upon(_In.subsequent_address_received).loop()(_subsequent_address)
WaitForAcm.upon(_In.call_progress_received).to(Idle)(_unreasonable)
WaitForAcm.upon(_In.suspend_received).to(Idle)(_unreasonable)
WaitForAcm.upon(_In.resume_received).to(Idle)(_unreasonable)
WaitForAcm.upon(_In.unreasonable_message_received).to(Idle)(_unreasonable)

WaitForAnm.upon(_In.address_complete).loop()(_refuse)
WaitForAnm.upon(_In.connect).loop()(_refuse)
WaitForAnm.upon(_In.progress).loop()(_send)
WaitForAnm.upon(_In.answer).to(Answered)(_send)
WaitForAnm.upon(_In.suspend).loop()(_refuse)
WaitForAnm.upon(_In.resume).loop()(_refuse)
WaitForAnm.upon(_In.subsequent_address_received).loop()(_discard)
WaitForAnm.upon(_In.call_progress_received).loop()(_discard)
WaitForAnm.upon(_In.suspend_received).loop()(_discard)
WaitForAnm.upon(_In.resume_received).loop()(_discard)
WaitForAnm.upon(_In.unreasonable_message_received).loop()(_discard)

Answered.upon(_In.address_complete).loop()(_refuse)
Answered.upon(_In.connect).loop()(_refuse)
Answered.upon(_In.progress).loop()(_send)
Answered.upon(_In.answer).loop()(_refuse)
Answered.upon(_In.suspend).loop()(_send)
Answered.upon(_In.resume).loop()(_send)
Answered.upon(_In.subsequent_address_received).loop()(_discard)
Answered.upon(_In.call_progress_received).loop()(_call_progress)
Answered.upon(_In.suspend_received).loop()(_suspended)
Answered.upon(_In.resume_received).loop()(_resumed)
Answered.upon(_In.unreasonable_message_received).loop()(_discard)

for _state in (WaitForAcm, WaitForAnm, Answered):
    _state.upon(_In.release).to(Idle)(_release)
    _state.upon(_In.release_received).to(Idle)(_released)
    _state.upon(_In.release_complete_received).to(Idle)(_released_without_release)
    _state.upon(_In.other_message_received).loop()(_discard)
    _state.upon(_In.circuit_reset).to(Idle)(_reset)
    _state.upon(_In.circuit_withdrawn).to(Idle)(_withdrawn)

# Idle: the circuit is somebody else's. A request of the user may have crossed the news that the call is over.
for _request in (
    _In.address_complete,
    _In.connect,
    _In.progress,
    _In.answer,
    _In.suspend,
    _In.resume,
    _In.release,
):
    Idle.upon(_request).loop().returns(None)
for _message in (
    _In.subsequent_address_received,
    _In.call_progress_received,
    _In.suspend_received,
    _In.resume_received,
    _In.release_received,
    _In.release_complete_received,
    _In.unreasonable_message_received,
    _In.other_message_received,
):
    Idle.upon(_message).loop().returns(None)
Idle.upon(_In.circuit_reset).loop().returns(None)
Idle.upon(_In.circuit_withdrawn).loop().returns(None)

_machine = build(_builder)
