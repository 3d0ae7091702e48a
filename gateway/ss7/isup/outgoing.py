"""Call control at the outgoing exchange (ITU-T Q.764 §2.1 to §2.3, §2.9).

    WaitForSetup -- setup / IAM, T7 --> WaitForAcm -- ACM / T9 --> WaitForAnm -- ANM --> Answered
                                            |                                               ^
                                            +------------------- CON -----------------------+

In every state REL is answered by RLC and ends the call; a release of ours hands the circuit to a `Release`, which
sends REL and waits for RLC. Both lead to Idle, where the call no longer has a circuit.

Until the first backward message the call may change its circuit: see `lost_circuit`.

T7 and T9 do not end the call by themselves: the user is told, and releases it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from automat import TypeMachineBuilder

from gateway.core.effects import Outbox, StartTimer, StopTimer, tell
from gateway.core.errors import LocalProtocolError
from gateway.core.machine import build, state_name
from gateway.ss7.isup import lost_circuit
from gateway.ss7.isup.cause import Cause, Location, cause_indicators
from gateway.ss7.isup.messages import Message, MessageType
from gateway.ss7.isup.occupant import Prepared
from gateway.ss7.isup.parameter import Parameter
from gateway.ss7.isup.release import Release

if TYPE_CHECKING:
    from gateway.ss7.isup.circuit import Circuit
    from gateway.ss7.isup.user import OutgoingUser


class OutgoingInputs(Protocol):
    """What an outgoing call reacts to."""

    # The user

    def setup(self, message: Prepared) -> None:
        """Send the IAM."""

    def subsequent_address(self, message: Prepared) -> None:
        """Send a SAM: more digits."""

    def suspend(self, message: Prepared) -> None:
        """Send SUS: the calling user has suspended the call."""

    def resume(self, message: Prepared) -> None:
        """Send RES."""

    def progress(self, message: Prepared) -> None:
        """Send CPG."""

    def release(self, message: Prepared) -> None:
        """Send REL: the call is over."""

    # The far end

    def address_complete_received(self, message: Message) -> None:
        """ACM."""

    def call_progress_received(self, message: Message) -> None:
        """CPG."""

    def answer_received(self, message: Message) -> None:
        """ANM."""

    def connect_received(self, message: Message) -> None:
        """CON: ACM and ANM in one."""

    def suspend_received(self, message: Message) -> None:
        """SUS."""

    def resume_received(self, message: Message) -> None:
        """RES."""

    def release_received(self, message: Message) -> None:
        """REL."""

    def release_complete_received(self, message: Message) -> None:
        """RLC, though we sent no REL."""

    def initial_address_received(self, message: Message) -> None:
        """IAM on the circuit that we took."""

    def subsequent_address_received(self, message: Message) -> None:
        """SAM: a forward message, unreasonable here."""

    def other_message_received(self, message: Message) -> None:
        """A message that this version does not act on (FAC, INF, ...)."""

    # The circuit

    def circuit_reset(self) -> None:
        """RSC came."""

    def circuit_blocked(self) -> None:
        """BLO came."""

    def circuit_unequipped(self) -> None:
        """UCIC came."""

    def circuit_withdrawn(self, why: str) -> None:
        """Maintenance resets the circuit."""

    def no_other_circuit(self, cause: Cause, why: str) -> None:
        """The circuit is lost and the repeat attempt finds none."""

    # Time

    def t7_expired(self) -> None:
        """Neither ACM nor CON came in T7."""

    def t9_expired(self) -> None:
        """No ANM came in T9."""


class OutgoingCall:
    """One call towards the far end. The node makes it when its user asks for a circuit (`Node.seize`).

    Args:
        circuit: the circuit that was found for it.
        user: whoever makes the call.
        elsewhere: finds another idle circuit.
        repeat_attempts: how often the IAM may be sent again on another circuit.
        outbox: the node's.
    """

    __slots__ = ("__weakref__", "_attempts_left", "_circuit", "_elsewhere", "_machine", "_outbox", "_sent", "_user")

    def __init__(
        self,
        circuit: Circuit,
        user: OutgoingUser,
        elsewhere: Callable[[], Circuit | None],
        repeat_attempts: int,
        outbox: Outbox,
    ) -> None:
        self._circuit = circuit
        self._user = user
        self._elsewhere = elsewhere
        self._attempts_left = repeat_attempts
        self._sent: list[Message] = []
        self._outbox = outbox.fork(self)
        self._machine = _machine(self)

    @property
    def cic(self) -> int:
        """The circuit's identification code; of the last circuit, once the call is over."""
        return self._circuit.cic

    @property
    def state(self) -> str:
        """ "outgoing: WaitForAcm"."""
        return f"outgoing: {state_name(self._machine)}"

    # For the user

    def setup(self, *parameters: Parameter) -> None:
        """Send the IAM with these parameters and start T7.

        Raises:
            LocalProtocolError: it has been sent already.
        """
        self._machine.setup(self._circuit.prepare(MessageType.IAM, *parameters))

    def subsequent_address(self, *parameters: Parameter) -> None:
        """Send a SAM and start T7 afresh.

        Raises:
            LocalProtocolError: before the IAM, or after ACM or CON.
        """
        self._machine.subsequent_address(self._circuit.prepare(MessageType.SAM, *parameters))

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

    def progress(self, *parameters: Parameter) -> None:
        """Send CPG: the calling user has put the call on hold, say (ITU-T Q.733.2).

        Raises:
            LocalProtocolError: the call is not answered.
        """
        self._machine.progress(self._circuit.prepare(MessageType.CPG, *parameters))

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
        """See `Occupant`."""
        self._machine.circuit_blocked()

    def circuit_unequipped(self) -> None:
        """See `Occupant`."""
        self._machine.circuit_unequipped()

    def circuit_withdrawn(self, why: str) -> None:
        """See `Occupant`."""
        self._machine.circuit_withdrawn(why)

    def timer_fired(self, name: str) -> None:
        """T7 or T9 ran out."""
        if name == "T7":
            self._machine.t7_expired()
        elif name == "T9":
            self._machine.t9_expired()


_INPUTS: Final[Mapping[int, Callable[[OutgoingInputs, Message], None]]] = {
    MessageType.ACM: lambda machine, message: machine.address_complete_received(message),
    MessageType.CPG: lambda machine, message: machine.call_progress_received(message),
    MessageType.ANM: lambda machine, message: machine.answer_received(message),
    MessageType.CON: lambda machine, message: machine.connect_received(message),
    MessageType.SUS: lambda machine, message: machine.suspend_received(message),
    MessageType.RES: lambda machine, message: machine.resume_received(message),
    MessageType.REL: lambda machine, message: machine.release_received(message),
    MessageType.RLC: lambda machine, message: machine.release_complete_received(message),
    MessageType.IAM: lambda machine, message: machine.initial_address_received(message),
    MessageType.SAM: lambda machine, message: machine.subsequent_address_received(message),
}


# Requests of the user


def _send_initial_address(inputs: OutgoingInputs, call: OutgoingCall, message: Prepared) -> None:
    call._sent.append(message.message)
    call._circuit.transmit(message)
    call._outbox.append(StartTimer("T7", call._circuit.timers.T7))


def _send_subsequent_address(inputs: OutgoingInputs, call: OutgoingCall, message: Prepared) -> None:
    call._sent.append(message.message)
    call._circuit.transmit(message)
    call._outbox.append(StartTimer("T7", call._circuit.timers.T7))


def _send(inputs: OutgoingInputs, call: OutgoingCall, message: Prepared) -> None:
    call._circuit.transmit(message)


def _refuse(inputs: OutgoingInputs, call: OutgoingCall, message: Prepared) -> None:
    raise LocalProtocolError(f"{message.message.name} on CIC {call.cic} in {call.state}")


def _release_unused(inputs: OutgoingInputs, call: OutgoingCall, message: Prepared) -> None:
    call._circuit.vacate()
    call._outbox.append(tell(call._user.circuit_released))


def _release(inputs: OutgoingInputs, call: OutgoingCall, message: Prepared) -> None:
    lost_circuit.stop_timers(call)
    call._circuit.hand_over(Release(call._circuit, message, call._user.circuit_released, call._outbox))


# Messages of the far end


def _address_complete(inputs: OutgoingInputs, call: OutgoingCall, message: Message) -> None:
    call._outbox.append(StopTimer("T7"))
    if call._circuit.timers.T9 is not None:
        call._outbox.append(StartTimer("T9", call._circuit.timers.T9))
    call._outbox.append(tell(call._user.address_complete, message))


def _call_progress(inputs: OutgoingInputs, call: OutgoingCall, message: Message) -> None:
    call._outbox.append(tell(call._user.call_progress, message))


def _connected(inputs: OutgoingInputs, call: OutgoingCall, message: Message) -> None:
    call._outbox.append(StopTimer("T7"))
    call._outbox.append(tell(call._user.answered, message))


def _answered(inputs: OutgoingInputs, call: OutgoingCall, message: Message) -> None:
    call._outbox.append(StopTimer("T9"))
    call._outbox.append(tell(call._user.answered, message))


def _suspended(inputs: OutgoingInputs, call: OutgoingCall, message: Message) -> None:
    call._outbox.append(tell(call._user.suspended, message))


def _resumed(inputs: OutgoingInputs, call: OutgoingCall, message: Message) -> None:
    call._outbox.append(tell(call._user.resumed, message))


def _released(inputs: OutgoingInputs, call: OutgoingCall, message: Message) -> None:
    lost_circuit.stop_timers(call)
    call._circuit.send(MessageType.RLC)
    call._circuit.vacate()
    call._outbox.append(tell(call._user.released, message))


def _answer_release(inputs: OutgoingInputs, call: OutgoingCall, message: Message) -> None:
    call._circuit.send(MessageType.RLC)


def _discard(inputs: OutgoingInputs, call: OutgoingCall, message: Message) -> None:
    call._circuit.discarded(message)


# Time


def _no_address_complete(inputs: OutgoingInputs, call: OutgoingCall) -> None:
    call._outbox.append(tell(call._user.awaiting_address_complete_timed_out))


def _no_answer(inputs: OutgoingInputs, call: OutgoingCall) -> None:
    call._outbox.append(tell(call._user.awaiting_answer_timed_out))


_In = OutgoingInputs
_builder = TypeMachineBuilder(OutgoingInputs, OutgoingCall)
WaitForSetup = _builder.state("WaitForSetup")
WaitForAcm = _builder.state("WaitForAcm")
WaitForAnm = _builder.state("WaitForAnm")
Answered = _builder.state("Answered")
Idle = _builder.state("Idle")

# WaitForSetup: a circuit is taken but the far end knows nothing of it; its messages are those to an idle circuit.
WaitForSetup.upon(_In.setup).to(WaitForAcm)(_send_initial_address)
WaitForSetup.upon(_In.subsequent_address).loop()(_refuse)
WaitForSetup.upon(_In.suspend).loop()(_refuse)
WaitForSetup.upon(_In.resume).loop()(_refuse)
WaitForSetup.upon(_In.progress).loop()(_refuse)
WaitForSetup.upon(_In.release).to(Idle)(_release_unused)
for _message in (
    _In.address_complete_received,
    _In.call_progress_received,
    _In.answer_received,
    _In.connect_received,
    _In.suspend_received,
    _In.resume_received,
    _In.subsequent_address_received,
):
    WaitForSetup.upon(_message).loop()(lost_circuit.unreasonable)
WaitForSetup.upon(_In.release_received).loop()(_answer_release)
WaitForSetup.upon(_In.release_complete_received).loop()(_discard)
WaitForSetup.upon(_In.initial_address_received).loop()(lost_circuit.met_by_far_call)
WaitForSetup.upon(_In.other_message_received).loop()(_discard)
WaitForSetup.upon(_In.circuit_reset).loop().returns(None)
WaitForSetup.upon(_In.circuit_blocked).loop()(lost_circuit.move_unused_after_blocking)
WaitForSetup.upon(_In.circuit_unequipped).loop()(lost_circuit.move_from_unequipped)
WaitForSetup.upon(_In.circuit_withdrawn).to(Idle)(lost_circuit.withdrawn)
WaitForSetup.upon(_In.no_other_circuit).to(Idle)(lost_circuit.out_of_circuits)
WaitForSetup.upon(_In.t7_expired).loop().returns(None)
WaitForSetup.upon(_In.t9_expired).loop().returns(None)

WaitForAcm.upon(_In.setup).loop()(_refuse)
WaitForAcm.upon(_In.subsequent_address).loop()(_send_subsequent_address)
WaitForAcm.upon(_In.suspend).loop()(_refuse)
WaitForAcm.upon(_In.resume).loop()(_refuse)
WaitForAcm.upon(_In.progress).loop()(_refuse)
WaitForAcm.upon(_In.release).to(Idle)(_release)
WaitForAcm.upon(_In.address_complete_received).to(WaitForAnm)(_address_complete)
# Deviation: a CPG before ACM is discarded; Q.764 §2.9.5.1 would reset the circuit, for a harmless message.
WaitForAcm.upon(_In.call_progress_received).loop()(_discard)
WaitForAcm.upon(_In.answer_received).loop()(lost_circuit.unreasonable)
WaitForAcm.upon(_In.connect_received).to(Answered)(_connected)
WaitForAcm.upon(_In.suspend_received).loop()(lost_circuit.unreasonable)
WaitForAcm.upon(_In.resume_received).loop()(lost_circuit.unreasonable)
WaitForAcm.upon(_In.subsequent_address_received).loop()(lost_circuit.unreasonable)
WaitForAcm.upon(_In.release_received).to(Idle)(_released)
WaitForAcm.upon(_In.release_complete_received).to(Idle)(lost_circuit.released_without_release)
WaitForAcm.upon(_In.initial_address_received).loop()(lost_circuit.dual_seizure)
WaitForAcm.upon(_In.other_message_received).loop()(_discard)
WaitForAcm.upon(_In.circuit_reset).loop()(lost_circuit.move_after_reset)
WaitForAcm.upon(_In.circuit_blocked).loop()(lost_circuit.move_after_blocking)
WaitForAcm.upon(_In.circuit_unequipped).loop()(lost_circuit.move_from_unequipped)
WaitForAcm.upon(_In.circuit_withdrawn).to(Idle)(lost_circuit.withdrawn)
WaitForAcm.upon(_In.no_other_circuit).to(Idle)(lost_circuit.out_of_circuits)
WaitForAcm.upon(_In.t7_expired).loop()(_no_address_complete)
WaitForAcm.upon(_In.t9_expired).loop().returns(None)

WaitForAnm.upon(_In.setup).loop()(_refuse)
WaitForAnm.upon(_In.subsequent_address).loop()(_refuse)
WaitForAnm.upon(_In.suspend).loop()(_refuse)
WaitForAnm.upon(_In.resume).loop()(_refuse)
WaitForAnm.upon(_In.progress).loop()(_refuse)
WaitForAnm.upon(_In.release).to(Idle)(_release)
WaitForAnm.upon(_In.address_complete_received).loop()(_discard)
WaitForAnm.upon(_In.call_progress_received).loop()(_call_progress)
WaitForAnm.upon(_In.answer_received).to(Answered)(_answered)
WaitForAnm.upon(_In.connect_received).loop()(_discard)
WaitForAnm.upon(_In.suspend_received).loop()(_discard)
WaitForAnm.upon(_In.resume_received).loop()(_discard)
WaitForAnm.upon(_In.t9_expired).loop()(_no_answer)

Answered.upon(_In.setup).loop()(_refuse)
Answered.upon(_In.subsequent_address).loop()(_refuse)
Answered.upon(_In.suspend).loop()(_send)
Answered.upon(_In.resume).loop()(_send)
Answered.upon(_In.progress).loop()(_send)
Answered.upon(_In.release).to(Idle)(_release)
Answered.upon(_In.address_complete_received).loop()(_discard)
Answered.upon(_In.call_progress_received).loop()(_call_progress)
Answered.upon(_In.answer_received).loop()(_discard)
Answered.upon(_In.connect_received).loop()(_discard)
Answered.upon(_In.suspend_received).loop()(_suspended)
Answered.upon(_In.resume_received).loop()(_resumed)
Answered.upon(_In.t9_expired).loop().returns(None)

for _state in (WaitForAnm, Answered):
    _state.upon(_In.subsequent_address_received).loop()(_discard)
    _state.upon(_In.release_received).to(Idle)(_released)
    _state.upon(_In.release_complete_received).to(Idle)(lost_circuit.released_without_release)
    _state.upon(_In.initial_address_received).loop()(_discard)
    _state.upon(_In.other_message_received).loop()(_discard)
    _state.upon(_In.circuit_reset).to(Idle)(lost_circuit.reset)
    # A call in progress survives the blocking of its circuit (§2.8.2).
    _state.upon(_In.circuit_blocked).loop().returns(None)
    _state.upon(_In.circuit_unequipped).loop().returns(None)
    _state.upon(_In.circuit_withdrawn).to(Idle)(lost_circuit.withdrawn)
    _state.upon(_In.no_other_circuit).loop().returns(None)
    _state.upon(_In.t7_expired).loop().returns(None)

# Idle: the circuit is somebody else's. A request of the user may have crossed the news that the call is over, and a
# timer that was stopped may have been on its way.
for _request in (_In.setup, _In.subsequent_address, _In.suspend, _In.resume, _In.progress, _In.release):
    Idle.upon(_request).loop().returns(None)
for _message in (
    _In.address_complete_received,
    _In.call_progress_received,
    _In.answer_received,
    _In.connect_received,
    _In.suspend_received,
    _In.resume_received,
    _In.release_received,
    _In.release_complete_received,
    _In.initial_address_received,
    _In.subsequent_address_received,
    _In.other_message_received,
):
    Idle.upon(_message).loop().returns(None)
for _fact in (_In.circuit_reset, _In.circuit_blocked, _In.circuit_unequipped, _In.t7_expired, _In.t9_expired):
    Idle.upon(_fact).loop().returns(None)
Idle.upon(_In.circuit_withdrawn).loop().returns(None)
Idle.upon(_In.no_other_circuit).loop().returns(None)

_machine = build(_builder)
