"""One call in the far exchange: it plays the steps of the number that was called.

      Running --release or end of steps with REL--> WaitForRlc --circuit_released--> Over
         `----released (REL from the caller), call_failed--------------------------------^

In Running a step either does something at once and the next one follows, or waits: for a timer (`wait`), or for the end
of what is played. A sound that ends while nobody waits for it is remembered. What the caller sends in the forward
direction is listened to from the answer on.
"""

from __future__ import annotations

from typing import Protocol

from attrs import define
from automat import TypeMachineBuilder

from gateway.core.clause import Clause, Decision
from gateway.core.effects import Outbox, Record, StartTimer, StopTimer, tell
from gateway.core.machine import build
from gateway.exchange.behaviours import (
    CALLED_PARTY,
    EVENTS,
    LOCATIONS,
    Echo,
    Play,
    Send,
    Stay,
    Step,
    Wait,
    WaitForSound,
)
from gateway.exchange.effects import EchoCircuit, LeaveCircuit, ListenToCircuit, PlaySound, Sound
from gateway.exchange.numbering import Destination, changed_number
from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    CalledPartyStatus,
    EventInformation,
    OptionalBackwardCallIndicators,
    SuspendResumeIndicators,
)
from gateway.ss7.isup.cause import Cause
from gateway.ss7.isup.incoming import IncomingCall
from gateway.ss7.isup.messages import Message
from gateway.ss7.isup.parameter import Parameter

STEP_TIMER = "step"


class CalledPartyInputs(Protocol):
    """What moves a call along."""

    def start(self) -> None:
        """Begin with the first step."""

    def step_timer(self) -> None:
        """A `wait` is over."""

    def sound_ended(self) -> None:
        """What was played has been heard to its end."""

    def gone(self) -> None:
        """The caller's side released, or the circuit was reset."""

    def circuit_released(self) -> None:
        """Our REL was answered."""

    def release(self, cause: int, location: int) -> None:
        """End the call from this side."""


@define
class _Core:
    call: IncomingCall
    destination: Destination
    outbox: Outbox
    name: str
    step: int = 0
    waits_for_sound: bool = False
    sound_over: bool = False
    answered: bool = False


_builder = TypeMachineBuilder(CalledPartyInputs, _Core)
_running = _builder.state("Running")
_wait_for_rlc = _builder.state("WaitForRlc")
_over = _builder.state("Over")


@_running.upon(CalledPartyInputs.start).loop()
@_running.upon(CalledPartyInputs.step_timer).loop()
def _go_on(inputs: CalledPartyInputs, core: _Core) -> None:
    steps = core.destination.steps
    while core.step < len(steps):
        step = steps[core.step]
        core.step += 1
        if _do(core, inputs, step):
            return


@_running.upon(CalledPartyInputs.sound_ended).loop()
def _sound_ended(inputs: CalledPartyInputs, core: _Core) -> None:
    core.sound_over = True
    if core.waits_for_sound:
        core.waits_for_sound = False
        _go_on(inputs, core)


@_running.upon(CalledPartyInputs.gone).to(_over)
@_running.upon(CalledPartyInputs.circuit_released).to(_over)
def _leave(inputs: CalledPartyInputs, core: _Core) -> None:
    core.outbox.append(StopTimer(STEP_TIMER))
    core.outbox.append(LeaveCircuit(core.call.cic))


@_running.upon(CalledPartyInputs.release).to(_wait_for_rlc)
def _release(inputs: CalledPartyInputs, core: _Core, cause: int, location: int) -> None:
    _leave(inputs, core)
    core.outbox.append(tell(core.call.release, cause, location))


for _input in (CalledPartyInputs.gone, CalledPartyInputs.circuit_released):
    _wait_for_rlc.upon(_input).to(_over).returns(None)
for _input in (CalledPartyInputs.start, CalledPartyInputs.step_timer, CalledPartyInputs.sound_ended):
    _wait_for_rlc.upon(_input).loop().returns(None)
    _over.upon(_input).loop().returns(None)
_wait_for_rlc.upon(CalledPartyInputs.release).loop().returns(None)
_over.upon(CalledPartyInputs.release).loop().returns(None)
_over.upon(CalledPartyInputs.gone).loop().returns(None)
_over.upon(CalledPartyInputs.circuit_released).loop().returns(None)

_build = build(_builder)


def _do(core: _Core, inputs: CalledPartyInputs, step: Step) -> bool:
    """Do one step; whether the next one has to wait."""
    match step:
        case Send():
            return _send(core, inputs, step)
        case Play():
            core.sound_over = False
            core.outbox.append(PlaySound(core.call.cic, _sound(core.destination, step)))
        case Wait(seconds):
            core.outbox.append(StartTimer(STEP_TIMER, float(seconds)))
            return True
        case WaitForSound():
            core.waits_for_sound = not core.sound_over
            return core.waits_for_sound
        case Echo():
            core.outbox.append(EchoCircuit(core.call.cic))
        case Stay():
            return True
    return False


def _send(core: _Core, inputs: CalledPartyInputs, step: Send) -> bool:
    call, outbox = core.call, core.outbox
    match step.message:
        case "ACM":
            outbox.append(tell(call.address_complete, *_backward_indicators(step)))
        case "CPG":
            outbox.append(tell(call.progress, EventInformation(EVENTS[step.event])))
        case "ANM" | "CON":
            core.answered = True
            if step.message == "ANM":
                outbox.append(tell(call.answer))
            else:
                outbox.append(
                    tell(call.connect, BackwardCallIndicators(called_party_status=CalledPartyStatus.SUBSCRIBER_FREE))
                )
            outbox.append(ListenToCircuit(call.cic))
        case "SUS":
            outbox.append(tell(call.suspend, SuspendResumeIndicators(network_initiated=True)))
        case "RES":
            outbox.append(tell(call.resume, SuspendResumeIndicators(network_initiated=True)))
        case "REL":
            inputs.release(step.cause, LOCATIONS[step.location])
            return True
    return False


def _backward_indicators(step: Send) -> list[Parameter]:
    found: list[Parameter] = [
        BackwardCallIndicators(
            called_party_status=CalledPartyStatus(CALLED_PARTY.index(step.called_party)),
            interworking_encountered=step.interworking,
            isup_all_the_way=not step.interworking,
        )
    ]
    if step.in_band or step.diversion:
        found.append(
            OptionalBackwardCallIndicators(in_band_information=step.in_band, call_diversion_may_occur=step.diversion)
        )
    return found


def _sound(destination: Destination, step: Play) -> Sound:
    spoken = {"digits called": destination.digits, "digits new": changed_number(destination.digits)}
    parts = tuple(f"digits {spoken[part]}" if part in spoken else part for part in step.parts)
    return Sound(parts, destination.country, step.times)


class CalledParty:
    """One incoming call of the exchange; implements `IncomingUser`.

    Args:
        call: the ISUP side.
        destination: what the number means.
        name: of the call, for the trace.
        outbox: the exchange's.
    """

    def __init__(self, call: IncomingCall, destination: Destination, name: str, outbox: Outbox) -> None:
        self._core = _Core(call, destination, outbox.fork(self), name)
        self._inputs = _build(self._core)
        self.start = self._inputs.start
        self.sound_ended = self._inputs.sound_ended
        self.circuit_released = self._inputs.circuit_released
        self.release = self._inputs.release

    @property
    def cic(self) -> int:
        """The circuit that the call is on."""
        return self._core.call.cic

    def digit_heard(self, digit: str) -> None:
        """The caller's DTMF arrived on the circuit: say so."""
        heard = Decision("DTMF receiver", f"the exchange hears {digit!r}", Clause("ITU-T Q.24"))
        self._core.outbox.append(Record(self._core.name, heard))

    def abandon(self, why: str) -> None:
        """Something here broke, a recording that is not there for one: this call ends, the others go on."""
        cause = Cause.TEMPORARY_FAILURE
        broken = Decision("exchange", f"cause {int(cause)}: {why}", Clause("ITU-T Q.850"))
        self._core.outbox.append(Record(self._core.name, broken))
        self._inputs.release(cause, LOCATIONS["remote"])

    def timer_fired(self, name: str) -> None:
        """A `wait` step is over."""
        self._inputs.step_timer()

    def released(self, message: Message) -> None:
        """The gateway's side hung up."""
        self._inputs.gone()

    def call_failed(self, cause: int, why: str) -> None:
        """The circuit was reset under the call."""
        self._inputs.gone()

    def suspended(self, message: Message) -> None:
        """The caller suspended: nothing changes for the called party."""

    def resumed(self, message: Message) -> None:
        """The caller resumed."""

    def subsequent_address(self, message: Message) -> None:
        """More digits than the number needs are ignored: numbers here arrive en bloc."""
