"""One call in the far exchange: it plays the steps of the number that was called.

      Running --release or end of steps with REL--> WaitForRlc --circuit_released--> Over
        |`----released (REL from the caller), call_failed---------------------------------^
        |ring_handset
        v                 ACM                               ANM
      HandsetOffered --handset_ringing--> HandsetRinging --handset_answered--> HandsetTalking
        |REL 17: handset_busy              |REL 19: no_answer_timer             |REL 16: handset_hung_up
        |REL 20: handset_absent            |REL 21: handset_hung_up             |REL 27: handset_absent
        |                                  |REL 27: handset_absent              |
        `----------------------------------`------------------------------------`--> WaitForRlc

In Running a step either does something at once and the next one follows, or waits: for a timer (`wait`), or for the end
of what is played. A sound that ends while nobody waits for it is remembered. What the caller sends in the forward
direction is listened to from the answer on: digits are kept for "digits heard", and one ends what is played if it lets
itself be interrupted (`barge_in`). A short silence is played in its place, whose end is that of the announcement.

The causes of the handset are those of ITU-T Q.850. A handset that is not there is a subscriber who is absent (20): the
number is good, the telephone would answer if it were plugged in, and trying later makes sense; 27 (destination out of
order) is kept for one that is unplugged during a call. Both are sent as a bare REL, so that a SIP caller gets its final
response with the cause at once; what a network says for them can be heard at 91020 and 91027.
"""

from __future__ import annotations

from typing import Protocol

from attrs import define
from automat import TypeMachineBuilder

from gateway.core.clause import Clause, Decision
from gateway.core.effects import Outbox, Record, StartTimer, StopTimer, tell
from gateway.core.machine import build, ignore
from gateway.exchange.backward import backward_message
from gateway.exchange.behaviours import LOCATIONS, Echo, Handset, Play, Send, Stay, Step, Wait, WaitForSound
from gateway.exchange.effects import (
    ConnectHandset,
    EchoCircuit,
    LeaveCircuit,
    ListenToCircuit,
    PlaySound,
    ReleaseHandset,
    RingHandset,
)
from gateway.exchange.numbering import Destination
from gateway.exchange.scripts import silence, sound_of
from gateway.ss7.isup.call_indicators import GenericNotificationIndicator
from gateway.ss7.isup.cause import Cause
from gateway.ss7.isup.incoming import IncomingCall
from gateway.ss7.isup.messages import Message

STEP_TIMER, NO_ANSWER_TIMER = "step", "no answer"
HANDSET_ACM = Send("ACM", called_party="subscriber free", in_band=True)
RINGBACK = Play(("tone ringback",))


class CalledPartyInputs(Protocol):
    """What moves a call along."""

    def start(self) -> None:
        """Begin with the first step."""

    def step_timer(self) -> None:
        """A `wait` is over."""

    def sound_ended(self) -> None:
        """What was played has been heard to its end."""

    def digit_heard(self, digit: str) -> None:
        """The caller's DTMF arrived on the circuit."""

    def gone(self) -> None:
        """The caller's side released, or the circuit was reset."""

    def circuit_released(self) -> None:
        """Our REL was answered."""

    def release(self, cause: int, location: int) -> None:
        """End the call from this side."""

    def ring_handset(self, no_answer_s: float) -> None:
        """The step is reached that calls the local handset."""

    def no_answer_timer(self) -> None:
        """The handset has rung long enough."""

    def handset_ringing(self) -> None:
        """It rings."""

    def handset_busy(self) -> None:
        """It is in another call."""

    def handset_absent(self, why: str) -> None:
        """There is none, or no longer."""

    def handset_answered(self) -> None:
        """It was lifted."""

    def handset_hung_up(self) -> None:
        """It was put down; while it rang: the call was rejected."""


@define
class _Core:
    call: IncomingCall
    destination: Destination
    outbox: Outbox
    name: str
    step: int = 0
    waits_for_sound: bool = False
    sound_over: bool = False
    barge_in: bool = False
    heard: str = ""
    no_answer_s: float = 0.0


_builder = TypeMachineBuilder(CalledPartyInputs, _Core)
_running = _builder.state("Running")
_handset_offered = _builder.state("HandsetOffered")
_handset_ringing = _builder.state("HandsetRinging")
_handset_talking = _builder.state("HandsetTalking")
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
    core.sound_over, core.barge_in = True, False
    if core.waits_for_sound:
        core.waits_for_sound = False
        _go_on(inputs, core)


@_running.upon(CalledPartyInputs.digit_heard).loop()
def _digit_heard(inputs: CalledPartyInputs, core: _Core, digit: str) -> None:
    core.heard += digit
    _say_what_is_heard(core, digit, ", which ends the announcement" if core.barge_in else "")
    if core.barge_in:
        core.barge_in = False
        core.outbox.append(PlaySound(core.call.cic, silence(core.destination)))


@_handset_talking.upon(CalledPartyInputs.digit_heard).loop()
def _digit_heard_in_passing(inputs: CalledPartyInputs, core: _Core, digit: str) -> None:
    _say_what_is_heard(core, digit)


def _say_what_is_heard(core: _Core, digit: str, what: str = "") -> None:
    heard = Decision("DTMF receiver", f"the exchange hears {digit!r}{what}", Clause("ITU-T Q.24"))
    core.outbox.append(Record(core.name, heard))


@_running.upon(CalledPartyInputs.gone).to(_over)
@_running.upon(CalledPartyInputs.circuit_released).to(_over)
def _leave(inputs: CalledPartyInputs, core: _Core) -> None:
    core.outbox.append(StopTimer(STEP_TIMER))
    core.outbox.append(LeaveCircuit(core.call.cic))


@_running.upon(CalledPartyInputs.release).to(_wait_for_rlc)
def _release(inputs: CalledPartyInputs, core: _Core, cause: int, location: int) -> None:
    _leave(inputs, core)
    core.outbox.append(tell(core.call.release, cause, location))


@_running.upon(CalledPartyInputs.ring_handset).to(_handset_offered)
def _ring_handset(inputs: CalledPartyInputs, core: _Core, no_answer_s: float) -> None:
    core.no_answer_s = float(no_answer_s)
    core.outbox.append(RingHandset(core.call.cic, core.destination.country))


@_handset_offered.upon(CalledPartyInputs.handset_ringing).to(_handset_ringing)
def _handset_rings(inputs: CalledPartyInputs, core: _Core) -> None:
    core.outbox.append(StartTimer(NO_ANSWER_TIMER, core.no_answer_s))
    _do(core, inputs, RINGBACK)
    _do(core, inputs, HANDSET_ACM)


@_handset_ringing.upon(CalledPartyInputs.handset_answered).to(_handset_talking)
def _handset_lifted(inputs: CalledPartyInputs, core: _Core) -> None:
    core.outbox.append(StopTimer(NO_ANSWER_TIMER))
    _do(core, inputs, Send("ANM"))
    core.outbox.append(ConnectHandset(core.call.cic))


@_handset_offered.upon(CalledPartyInputs.gone).to(_over)
@_handset_offered.upon(CalledPartyInputs.circuit_released).to(_over)
@_handset_ringing.upon(CalledPartyInputs.gone).to(_over)
@_handset_ringing.upon(CalledPartyInputs.circuit_released).to(_over)
@_handset_talking.upon(CalledPartyInputs.gone).to(_over)
@_handset_talking.upon(CalledPartyInputs.circuit_released).to(_over)
def _leave_handset(inputs: CalledPartyInputs, core: _Core) -> None:
    core.outbox.append(StopTimer(NO_ANSWER_TIMER))
    core.outbox.append(ReleaseHandset(core.call.cic))
    _leave(inputs, core)


@_handset_offered.upon(CalledPartyInputs.release).to(_wait_for_rlc)
@_handset_ringing.upon(CalledPartyInputs.release).to(_wait_for_rlc)
@_handset_talking.upon(CalledPartyInputs.release).to(_wait_for_rlc)
def _release_handset(inputs: CalledPartyInputs, core: _Core, cause: int, location: int) -> None:
    _leave_handset(inputs, core)
    core.outbox.append(tell(core.call.release, cause, location))


@_handset_offered.upon(CalledPartyInputs.handset_busy).to(_wait_for_rlc)
def _handset_is_busy(inputs: CalledPartyInputs, core: _Core) -> None:
    _release_handset(inputs, core, Cause.USER_BUSY, LOCATIONS["user"])


@_handset_offered.upon(CalledPartyInputs.handset_absent).to(_wait_for_rlc)
def _handset_is_absent(inputs: CalledPartyInputs, core: _Core, why: str) -> None:
    _decide(core, Cause.SUBSCRIBER_ABSENT, why)
    _release_handset(inputs, core, Cause.SUBSCRIBER_ABSENT, LOCATIONS["remote"])


@_handset_ringing.upon(CalledPartyInputs.no_answer_timer).to(_wait_for_rlc)
def _nobody_answers(inputs: CalledPartyInputs, core: _Core) -> None:
    _release_handset(inputs, core, Cause.NO_ANSWER_FROM_USER, LOCATIONS["remote"])


@_handset_ringing.upon(CalledPartyInputs.handset_hung_up).to(_wait_for_rlc)
def _call_rejected(inputs: CalledPartyInputs, core: _Core) -> None:
    _release_handset(inputs, core, Cause.CALL_REJECTED, LOCATIONS["user"])


@_handset_talking.upon(CalledPartyInputs.handset_hung_up).to(_wait_for_rlc)
def _handset_put_down(inputs: CalledPartyInputs, core: _Core) -> None:
    _release_handset(inputs, core, Cause.NORMAL_CALL_CLEARING, LOCATIONS["user"])


@_handset_ringing.upon(CalledPartyInputs.handset_absent).to(_wait_for_rlc)
@_handset_talking.upon(CalledPartyInputs.handset_absent).to(_wait_for_rlc)
def _handset_unplugged(inputs: CalledPartyInputs, core: _Core, why: str) -> None:
    _decide(core, Cause.DESTINATION_OUT_OF_ORDER, why)
    _release_handset(inputs, core, Cause.DESTINATION_OUT_OF_ORDER, LOCATIONS["remote"])


def _decide(core: _Core, cause: Cause, why: str) -> None:
    outcome = f"cause {int(cause)}: {why}"
    core.outbox.append(Record(core.name, Decision("handset", outcome, Clause("ITU-T Q.850"))))


_In = CalledPartyInputs
_FROM_HANDSET = (_In.handset_ringing, _In.handset_busy, _In.handset_absent, _In.handset_answered, _In.handset_hung_up)
_STEPS = (_In.start, _In.step_timer, _In.sound_ended)
for _input in (_In.gone, _In.circuit_released):
    _wait_for_rlc.upon(_input).to(_over).returns(None)
ignore(_running, _In.no_answer_timer, *_FROM_HANDSET)
ignore(
    _handset_offered,
    *_STEPS,
    _In.digit_heard,
    _In.ring_handset,
    _In.no_answer_timer,
    _In.handset_answered,
    _In.handset_hung_up,
)
ignore(_handset_ringing, *_STEPS, _In.digit_heard, _In.ring_handset, _In.handset_ringing, _In.handset_busy)
ignore(_handset_talking, *_STEPS, _In.ring_handset, _In.no_answer_timer, *_FROM_HANDSET[:2], _In.handset_answered)
ignore(_wait_for_rlc, *_STEPS, _In.digit_heard, _In.release, _In.ring_handset, _In.no_answer_timer, *_FROM_HANDSET)
ignore(_over, *_STEPS, _In.digit_heard, _In.release, _In.ring_handset, _In.no_answer_timer, *_FROM_HANDSET)
ignore(_over, _In.gone, _In.circuit_released)

_build = build(_builder)


def _do(core: _Core, inputs: CalledPartyInputs, step: Step) -> bool:
    """Do one step; whether the next one has to wait."""
    match step:
        case Send():
            return _send(core, inputs, step)
        case Play():
            core.sound_over, core.barge_in = False, step.barge_in
            if step.barge_in:
                core.heard = ""
            core.outbox.append(PlaySound(core.call.cic, sound_of(step, core.destination, core.heard)))
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
        case Handset(no_answer):
            inputs.ring_handset(no_answer)
            return True
    return False


def _send(core: _Core, inputs: CalledPartyInputs, step: Send) -> bool:
    if step.message == "REL":
        inputs.release(step.cause, LOCATIONS[step.location])
        return True
    core.outbox.append(backward_message(step, core.call))
    if step.message in ("ANM", "CON"):
        core.outbox.append(ListenToCircuit(core.call.cic))
    return False


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

    @property
    def cic(self) -> int:
        """The circuit that the call is on."""
        return self._core.call.cic

    def start(self) -> None:
        """Begin with the first step."""
        self._inputs.start()

    def sound_ended(self) -> None:
        """What was played has been heard to its end."""
        self._inputs.sound_ended()

    def circuit_released(self) -> None:
        """Our REL was answered."""
        self._inputs.circuit_released()

    def release(self, cause: int, location: int) -> None:
        """End the call from this side."""
        self._inputs.release(cause, location)

    def handset_ringing(self) -> None:
        """The handset rings."""
        self._inputs.handset_ringing()

    def handset_busy(self) -> None:
        """The handset is in another call."""
        self._inputs.handset_busy()

    def handset_absent(self, why: str) -> None:
        """There is no handset, or no longer."""
        self._inputs.handset_absent(why)

    def handset_answered(self) -> None:
        """The handset was lifted."""
        self._inputs.handset_answered()

    def handset_hung_up(self) -> None:
        """The handset was put down; while it rang: the call was rejected."""
        self._inputs.handset_hung_up()

    def digit_heard(self, digit: str) -> None:
        """The caller's DTMF arrived on the circuit."""
        self._inputs.digit_heard(digit)

    def abandon(self, why: str) -> None:
        """Something here broke, a recording that is not there for one: this call ends, the others go on."""
        cause = Cause.TEMPORARY_FAILURE
        broken = Decision("exchange", f"cause {int(cause)}: {why}", Clause("ITU-T Q.850"))
        self._core.outbox.append(Record(self._core.name, broken))
        self._inputs.release(cause, LOCATIONS["remote"])

    def timer_fired(self, name: str) -> None:
        """A `wait` step is over, or the handset was not answered."""
        if name == NO_ANSWER_TIMER:
            self._inputs.no_answer_timer()
        else:
            self._inputs.step_timer()

    def call_progress(self, message: Message) -> None:
        """The caller put the call on hold or took it back: say so."""
        told = message.get(GenericNotificationIndicator)
        if told is not None:
            heard = Decision("CPG", f"the called party is told: {told.brief()}", Clause("ITU-T Q.733.2"))
            self._core.outbox.append(Record(self._core.name, heard))

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
