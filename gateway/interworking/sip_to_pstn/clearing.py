"""The end of a call, whoever brings it about (RFC 3398 §7.2.2 to §7.2.4, §7.2.8, §10, §11.1).

However a call ends, the input `give_up` ends it: one decision that names what goes out, the media first, then the
circuit ("All the resources in the gateway SHOULD be released before the gateway sends any REL message", §7.2.3).
What the session sends by itself - 487 to a cancelled INVITE, say - is named by the decision like the rest.
"""

from __future__ import annotations

from attrs import evolve

from gateway.core.clause import Clause, Decision
from gateway.core.effects import Record, tell
from gateway.interworking.effects import ReleaseMedia
from gateway.interworking.release import (
    Refusal,
    cause_from_reasons,
    cause_of,
    reason_header,
    refusal,
    refused_here,
)
from gateway.interworking.sip_to_pstn.core import CallCore, CallInputs
from gateway.interworking.sip_to_pstn.establishment import stop_interwork_timer
from gateway.sip.transaction.user import ServerTransaction
from gateway.ss7.isup.cause import Cause, Location
from gateway.ss7.isup.messages import Message
from gateway.ss7.isup.outgoing import OutgoingCall

MOST_CIRCUITS_TRIED = 3
_HUNG_UP = Clause("RFC 3398", "10.1")


# --- what goes out ----------------------------------------------------------------------------------------------


def refuse(inputs: CallInputs, core: CallCore, refusal: Refusal, cause: int) -> None:
    """Before the answer: a final response to the INVITE, and REL where a circuit is ours."""
    _decide(core, refusal, str(refusal.status), cause)
    if not core.sip_over:
        core.outbox.append(tell(core.session.reject, refusal.status, headers=refusal.headers))
    _let_go(core, cause)


def hang_up(inputs: CallInputs, core: CallCore, refusal: Refusal, cause: int) -> None:
    """After the answer: BYE, and REL."""
    _decide(core, refusal, "" if core.by_caller else "BYE", cause)
    if not core.sip_over:
        core.outbox.append(tell(core.session.bye, headers=(reason_header(cause),)))
    _let_go(core, cause)


def _decide(core: CallCore, refusal: Refusal, to_sip: str, cause: int) -> None:
    """Record the decision, its outcome headed by just the messages that will be sent: "486", "504, REL 102"."""
    why = refusal.decision
    to_pstn = "" if core.circuit is None else f"REL {int(cause)}"
    sent = ", ".join(part for part in (to_sip, to_pstn) if part)
    outcome = ": ".join(part for part in (sent, why.outcome) if part) or "nothing more to send"
    core.outbox.append(Record(core.name, Decision(why.rule, outcome, why.clause, why.facts)))


def _let_go(core: CallCore, cause: int) -> None:
    stop_interwork_timer(core)
    core.ringback.over()
    core.outbox.append(ReleaseMedia())
    circuit, core.circuit = core.circuit, None
    if circuit is not None:
        location = Location.USER if core.by_caller else Location.PUBLIC_NETWORK_SERVING_LOCAL_USER
        core.outbox.append(tell(circuit.release, cause, location))
    core.outbox.append(tell(core.ended, core.user))
    # The call holds its core; from here on nobody needs the way back.
    del core.user


# --- the PSTN ends it -------------------------------------------------------------------------------------------


def t7_expired(inputs: CallInputs, core: CallCore) -> None:
    """Neither ACM nor CON has come."""
    cause = Cause.RECOVERY_ON_TIMER_EXPIRY
    why = Decision("T7 expired", "", Clause("RFC 3398", "7.2.2"))
    inputs.give_up(Refusal(504, (reason_header(cause),), why), cause)


def t9_expired(inputs: CallInputs, core: CallCore) -> None:
    """Nobody answers."""
    cause = Cause.NO_ANSWER_FROM_USER
    why = Decision("T9 expired", "", Clause("RFC 3398", "7.2.8"))
    inputs.give_up(Refusal(480, (reason_header(cause),), why), cause)


def interwork_timer_expired(inputs: CallInputs, core: CallCore) -> None:
    """The caller has heard why the call fails; the ACM's cause chooses the response (RFC 3398 §7.1.6)."""
    if core.announced is not None:
        cause = core.announced
        refused = refusal(cause.value, cause.location, core.settings.profile)
        why = evolve(refused.decision, rule="interwork timer expired", clause=Clause("RFC 3398", "7.1.6"))
        inputs.give_up(evolve(refused, decision=why), cause.value)


def released_while_trying(inputs: CallInputs, core: CallCore, message: Message) -> None:
    """REL in answer to the IAM: where only the circuit is to blame another one is tried."""
    if cause_of(message).value == Cause.REQUESTED_CIRCUIT_NOT_AVAILABLE and core.circuits_tried < MOST_CIRCUITS_TRIED:
        inputs.try_another_circuit()
    else:
        released(inputs, core, message)


def released(inputs: CallInputs, core: CallCore, message: Message) -> None:
    """REL before the answer."""
    core.circuit = None
    cause = cause_of(message)
    inputs.give_up(refusal(cause.value, cause.location, core.settings.profile), cause.value)


def released_after_answer(inputs: CallInputs, core: CallCore, message: Message) -> None:
    """REL after the answer."""
    core.circuit = None
    value = cause_of(message).value
    why = Decision("REL after answer", "", Clause("RFC 3398", "10.2"), (("cause", str(int(value))),))
    inputs.give_up(Refusal(0, (), why), value)


def call_failed(inputs: CallInputs, core: CallCore, cause: int, why: str) -> None:
    """The circuit is lost."""
    core.circuit = None
    refused = refused_here(cause, core.settings.profile, "circuit lost", why)
    inputs.give_up(evolve(refused, decision=evolve(refused.decision, clause=Clause("RFC 3398", "11.1"))), cause)


# --- SIP ends it ------------------------------------------------------------------------------------------------


def hung_up_before_answer(inputs: CallInputs, core: CallCore, reasons: tuple[str, ...], method: str) -> None:
    """CANCEL, or BYE in the early dialog; the session answers the INVITE with 487."""
    core.sip_over = core.by_caller = True
    why = Decision(method, "", Clause("RFC 3398", "7.2.3"))
    inputs.give_up(Refusal(487, (), why), cause_from_reasons(reasons))


def invitation_expired(inputs: CallInputs, core: CallCore) -> None:
    """The INVITE's Expires has run out: as if the caller had given up; the session answers with 487."""
    core.sip_over = core.by_caller = True
    why = Decision("Expires has run out", "", Clause("RFC 3261", "13.3.1"))
    inputs.give_up(Refusal(487, (), why), Cause.NORMAL_CALL_CLEARING)


def hung_up_after_answer(inputs: CallInputs, core: CallCore, reasons: tuple[str, ...], method: str) -> None:
    """BYE."""
    core.sip_over = core.by_caller = True
    why = Decision(method, "", _HUNG_UP)
    inputs.give_up(Refusal(0, (), why), cause_from_reasons(reasons))


def sip_side_failed(inputs: CallInputs, core: CallCore, refusal: Refusal, cause: int) -> None:
    """The session has given up; `refusal` says what it sends."""
    core.sip_over = True
    inputs.give_up(refusal, cause)


def dialog_lost(inputs: CallInputs, core: CallCore, method: str, status: int) -> None:
    """The caller does not know the dialog any more, or does not answer (RFC 3261 §12.2.1.2)."""
    why = Decision(f"{status} to {method}", "the dialog is lost", Clause("RFC 3261", "12.2.1.2"))
    inputs.give_up(Refusal(0, (), why), core.settings.profile.cause(status))


def clear(inputs: CallInputs, core: CallCore, cause: int, why: str) -> None:
    """The gateway ends it."""
    inputs.give_up(refused_here(cause, core.settings.profile, "gateway", why), cause)


# --- what comes after the end -----------------------------------------------------------------------------------


def circuit_too_late(inputs: CallInputs, core: CallCore, circuit: OutgoingCall) -> None:
    """A circuit is seized for a call that is over: it is given back."""
    core.outbox.append(tell(circuit.release, int(Cause.NORMAL_CALL_CLEARING)))


def port_too_late(inputs: CallInputs, core: CallCore, address: str, port: int) -> None:
    """A port is reserved for a call that is over: it is given back."""
    core.outbox.append(ReleaseMedia())


def nobody_there(inputs: CallInputs, core: CallCore, transaction: ServerTransaction) -> None:
    """A request finds no call any more."""
    core.outbox.append(tell(core.session.respond, transaction, 481))
