"""The circuit of an outgoing call is lost: the call goes on with another, or fails (ITU-T Q.764 §2.8.2, §2.9).

**The call may change its circuit** until the first backward message has come: an *automatic repeat attempt*. The user
has one `OutgoingCall` throughout; `call.cic` changes, the user is told `circuit_changed`, and the IAM (with any SAMs)
is sent again on the new circuit. It comes about by

    an IAM, on a circuit that the far end controls      dual seizure: we back off without REL, and the far
                                                        end's call is taken instead (§2.9.1.4)
    RSC                                                 the circuit is idle at once (§2.9.3.1)
    BLO                                                 the circuit is released in the normal way (§2.8.2)
    a message that is unreasonable so early             the circuit is reset (§2.9.5.1)
    UCIC                                                there is no such circuit

When there is no other circuit, or too many were tried, the call fails. Before the IAM is sent, a circuit can be lost
in the same ways; then the call only moves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.core.effects import StartTimer, StopTimer, tell
from gateway.ss7.isup.cause import Cause, CauseIndicators, Location
from gateway.ss7.isup.messages import Message, MessageType
from gateway.ss7.isup.release import Release

if TYPE_CHECKING:
    from gateway.ss7.isup.circuit import Circuit
    from gateway.ss7.isup.outgoing import OutgoingCall, OutgoingInputs


def _move(inputs: OutgoingInputs, call: OutgoingCall, cause: Cause, why: str, leave: Callable[[Circuit], None]) -> None:
    """Leave the circuit and go on with another one.

    The other is looked for first, so that it is not the same again.
    """
    lost = call._circuit
    other = call._elsewhere() if call._attempts_left or not call._sent else None
    leave(lost)
    if other is None:
        if call._attempts_left:
            cause = Cause.NO_CIRCUIT_AVAILABLE
        inputs.no_other_circuit(cause, f"{why}, and no other circuit")
        return
    call._circuit = other
    other.hand_over(call)
    other.event(f"call moved here from CIC {lost.cic}: {why}")
    call._outbox.append(tell(call._user.circuit_changed, call))
    if call._sent:
        call._attempts_left -= 1
        call._sent = [_again(other, message) for message in call._sent]
        call._outbox.append(StartTimer("T7", other.timers.T7))


def _again(circuit: Circuit, message: Message) -> Message:
    prepared = circuit.prepare(message.type, *message.parameters)
    circuit.transmit(prepared)
    return prepared.message


def _vacate(circuit: Circuit) -> None:
    circuit.vacate()


def met_by_far_call(inputs: OutgoingInputs, call: OutgoingCall, message: Message) -> None:
    """The far end has seized the circuit too, and its call is taken."""
    _move(
        inputs,
        call,
        Cause.NO_CIRCUIT_AVAILABLE,
        "the far end seized the circuit",
        lambda circuit: circuit.accept(message),
    )


def dual_seizure(inputs: OutgoingInputs, call: OutgoingCall, message: Message) -> None:
    """An IAM has met ours (§2.9.1.4): the end that controls the circuit goes on."""
    if call._circuit.controlled:
        call._circuit.event("dual seizure: ours goes on, this end controls the circuit")
        return
    call._circuit.event("dual seizure: ours backs off, the far end controls the circuit")
    met_by_far_call(inputs, call, message)


def unreasonable(inputs: OutgoingInputs, call: OutgoingCall, message: Message) -> None:
    """A message that cannot be meant for this call (§2.9.5.1): the circuit is reset."""
    why = f"{message.name} in {call.state}"
    _move(inputs, call, Cause.PROTOCOL_ERROR_UNSPECIFIED, why, lambda circuit: circuit.reset(why))


def move_after_reset(inputs: OutgoingInputs, call: OutgoingCall) -> None:
    """RSC (§2.9.3.1): the circuit is idle at once."""
    _move(inputs, call, Cause.NORMAL_UNSPECIFIED, "the far end reset the circuit", _vacate)


def move_after_blocking(inputs: OutgoingInputs, call: OutgoingCall) -> None:
    """BLO (§2.8.2): the circuit is released in the normal way."""

    def leave(circuit: Circuit) -> None:
        release = circuit.prepare(
            MessageType.REL, CauseIndicators(Cause.REQUESTED_CIRCUIT_NOT_AVAILABLE, Location.TRANSIT_NETWORK)
        )
        circuit.hand_over(Release(circuit, release, None, call._outbox))

    _move(inputs, call, Cause.REQUESTED_CIRCUIT_NOT_AVAILABLE, "the far end blocked the circuit", leave)


def move_unused_after_blocking(inputs: OutgoingInputs, call: OutgoingCall) -> None:
    """BLO before our IAM: there is nothing to release."""
    _move(inputs, call, Cause.REQUESTED_CIRCUIT_NOT_AVAILABLE, "the far end blocked the circuit", _vacate)


def move_from_unequipped(inputs: OutgoingInputs, call: OutgoingCall) -> None:
    """UCIC: there is no such circuit."""
    _move(inputs, call, Cause.REQUESTED_CIRCUIT_NOT_AVAILABLE, "the far end has no such circuit", _vacate)


def out_of_circuits(inputs: OutgoingInputs, call: OutgoingCall, cause: Cause, why: str) -> None:
    """There is no other circuit, or too many were tried."""
    fail(call, cause, why)


def reset(inputs: OutgoingInputs, call: OutgoingCall) -> None:
    """RSC when it is too late for another circuit."""
    call._circuit.vacate()
    fail(call, Cause.NORMAL_UNSPECIFIED, "the far end reset the circuit")


def withdrawn(inputs: OutgoingInputs, call: OutgoingCall, why: str) -> None:
    """Maintenance has reset the circuit."""
    fail(call, Cause.NORMAL_UNSPECIFIED, why)


def fail(call: OutgoingCall, cause: Cause, why: str) -> None:
    """The call is over, for a reason that is not a REL of the far end."""
    stop_timers(call)
    call._outbox.append(tell(call._user.call_failed, int(cause), why))


def stop_timers(call: OutgoingCall) -> None:
    """The call waits for nothing any more."""
    call._outbox.append(StopTimer("T7"))
    call._outbox.append(StopTimer("T9"))


def released_without_release(inputs: OutgoingInputs, call: OutgoingCall, message: Message) -> None:
    """RLC on a busy circuit for which no REL was sent (§2.9.5.1): the circuit is released, and REL is sent."""
    fail(call, Cause.PROTOCOL_ERROR_UNSPECIFIED, f"{message.name} without REL")
    circuit = call._circuit
    release = circuit.prepare(
        MessageType.REL, CauseIndicators(Cause.PROTOCOL_ERROR_UNSPECIFIED, Location.TRANSIT_NETWORK)
    )
    circuit.hand_over(Release(circuit, release, None, call._outbox))
