"""From the INVITE to the answer: RTP port, circuit, IAM, progress (RFC 3398 §7.2.1, §7.2.5 to §7.2.9)."""

from __future__ import annotations

from gateway.core.clause import Clause, Decision
from gateway.core.effects import Record, StartTimer, StopTimer, tell
from gateway.core.errors import ParseError, RemoteProtocolError
from gateway.interworking.effects import (
    CircuitTaken,
    ConnectMedia,
    CutThroughBackward,
    CutThroughForward,
    ReserveMedia,
)
from gateway.interworking.midcall import takes_isup
from gateway.interworking.progress import ProgressRule, facts_of, rule_for
from gateway.interworking.release import Headers, Refusal, reason_header, refused_here
from gateway.interworking.setup import called_number, initial_address
from gateway.interworking.sip_to_pstn.core import INTERWORK_TIMER, CallCore, CallInputs
from gateway.interworking.sip_to_pstn.offers import renegotiate
from gateway.sdp.offer_answer import LocalMedia, NothingUsable, answer, offer
from gateway.ss7.isup.cause import Cause, CauseIndicators
from gateway.ss7.isup.messages import Message, message_name
from gateway.ss7.isup.outgoing import OutgoingCall

_SETUP = Clause("RFC 3398", "7.2.1")
_TO_IAM = Clause("RFC 3398", "7.2.1.1")
_OFFER = Clause("RFC 3264", "6.1")
_ANSWER = Clause("RFC 3398", "7.2.7")
_ACK = Clause("RFC 3398", "7.3")


# --- before the IAM ---------------------------------------------------------------------------------------------


def start(inputs: CallInputs, core: CallCore) -> None:
    """Read the number that is dialled, and ask for an RTP port."""
    invite = core.session.invite
    try:
        core.called = called_number(invite, core.settings.setup)
        core.isup_peer = takes_isup(invite)
    except (RemoteProtocolError, ParseError) as error:
        cause, status = Cause.UNALLOCATED_NUMBER, getattr(error, "sip_status", None) or 400
        why = Decision("Request-URI", str(error), _TO_IAM)
        inputs.give_up(Refusal(status, (reason_header(cause),), why), cause)
        return
    core.decide("Request-URI", f"called party number {core.called}", _TO_IAM, ("uri", invite.uri))
    core.outbox.append(ReserveMedia())


def media_refused(inputs: CallInputs, core: CallCore, why: str) -> None:
    """No RTP port is to be had."""
    cause = Cause.SWITCHING_EQUIPMENT_CONGESTION
    inputs.give_up(refused_here(cause, core.settings.profile, "RTP port", why), cause)


def media_reserved(inputs: CallInputs, core: CallCore, address: str, port: int) -> None:
    """Answer the offer, or make one, and ask for a circuit."""
    core.local = LocalMedia(address, port, session_id=core.session_number)
    try:
        if core.session.offer:
            core.agreed = answer(core.session.offer, core.local)
            core.local_sdp = core.agreed.sdp
            core.outbox.append(ConnectMedia(core.agreed, core.session.flow.remote[0]))
            host, port = core.agreed.remote
            remote = ("to", f"{host}:{port}")
            core.decide("offer", f"answered: {core.agreed.codec.name}", _OFFER, remote)
        else:
            core.local_sdp = offer(core.local)
            if not core.session.sends_reliably:
                core.decide("INVITE without offer", "no early media: no 100rel", Clause("RFC 3262", "5"))
    except NothingUsable as error:
        headers: Headers = (
            ("Warning", error.warning(core.settings.agent)),
            reason_header(Cause.BEARER_CAPABILITY_NOT_IMPLEMENTED),
        )
        why = Decision("offer", str(error), Clause("RFC 3264", "6"))
        inputs.give_up(Refusal(488, headers, why), Cause.BEARER_CAPABILITY_NOT_IMPLEMENTED)
        return
    except ParseError as error:
        why = Decision("offer", str(error), Clause("RFC 8866", "5"))
        warning = ("Warning", f'399 {core.settings.agent} "{_quotable(error)}"')
        inputs.give_up(Refusal(400, (warning,), why), Cause.PROTOCOL_ERROR_UNSPECIFIED)
        return
    core.outbox.append(tell(core.node.seize, core.user))


def _quotable(error: ParseError) -> str:
    return str(error).replace("\\", "\\\\").replace('"', '\\"')


def no_circuit_available(inputs: CallInputs, core: CallCore) -> None:
    """No circuit is idle."""
    cause = Cause.NO_CIRCUIT_AVAILABLE
    inputs.give_up(refused_here(cause, core.settings.profile, "circuit", "none is idle"), cause)


def circuit_seized(inputs: CallInputs, core: CallCore, circuit: OutgoingCall) -> None:
    """Send the IAM."""
    assert core.called is not None
    core.circuit = circuit
    core.circuits_tried += 1
    core.outbox.append(CircuitTaken(core.name, circuit.cic))
    core.decide("circuit", "IAM: circuit and RTP port are had", _SETUP, ("CIC", str(circuit.cic)))
    parameters = initial_address(core.session.invite, core.called, core.settings.setup)
    core.outbox.append(tell(circuit.setup, *parameters))


def try_another_circuit(inputs: CallInputs, core: CallCore) -> None:
    """The circuit was not available: ask for another one."""
    core.decide("cause 44", "not for SIP: the IAM goes out again on another circuit", Clause("RFC 3398", "7.2.4.1"))
    core.circuit = None
    core.outbox.append(tell(core.node.seize, core.user))


# --- progress ---------------------------------------------------------------------------------------------------


def progress(inputs: CallInputs, core: CallCore, message: Message) -> None:
    """ACM or CPG: the provisional response that its rule names, and backward media where the rule starts it."""
    facts = facts_of(message)
    rule = rule_for(facts)
    if rule.cut_through and not _can_be_heard(core):
        core.decide("early media", "none: INVITE without offer, no 100rel", Clause("RFC 3262", "5"))
        rule = rule_for(facts.without_media)
    if facts.cause is not None:
        core.announced = message.get(CauseIndicators)
        core.outbox.append(StartTimer(INTERWORK_TIMER, core.settings.interwork_s))
    core.outbox.append(Record(core.name, Decision(rule.name, rule.outcome, rule.clause, facts.shown())))
    heard = _cut_through_backward(core, rule)
    sdp = core.local_sdp if heard else b""
    core.outbox.append(tell(core.session.progress, rule.status, sdp=sdp))
    if heard:
        core.ringback.in_band()
    elif facts.subscriber_free:
        core.ringback.subscriber_free()
    if facts.subscriber_free:
        inputs.alerting()


def _can_be_heard(core: CallCore) -> bool:
    """Whether the caller can have early media: its address is known, or an offer of ours can be sent reliably."""
    return core.agreed is not None or core.session.sends_reliably


def _cut_through_backward(core: CallCore, rule: ProgressRule) -> bool:
    """Start backward media where the rule asks for it and it can be; whether the response carries a description.

    A response that follows an in-band one repeats its description, so that no phone takes the tone away again.
    """
    if not rule.cut_through or core.in_band:
        return core.in_band
    core.in_band = True
    core.outbox.append(CutThroughBackward(core.cic))
    return True


# --- answer -----------------------------------------------------------------------------------------------------


def answered(inputs: CallInputs, core: CallCore, message: Message) -> None:
    """ANM or CON: 200, and both directions are through."""
    core.decide("answered", "200, both directions through", _ANSWER, ("by", message_name(message.type)))
    stop_interwork_timer(core)
    core.ringback.over()
    if not core.in_band:
        core.outbox.append(CutThroughBackward(core.cic))
    core.in_band = True
    core.outbox.append(CutThroughForward(core.cic))
    core.outbox.append(tell(core.session.answer, sdp=core.local_sdp))


def acknowledged(inputs: CallInputs, core: CallCore) -> None:
    """ACK: the PSTN is told nothing."""
    core.decide("ACK", "connected; nothing is sent to the PSTN", _ACK)
    renegotiate(core)


def stop_interwork_timer(core: CallCore) -> None:
    """Whatever happens now, it is not the ACM's cause that ends the call."""
    if core.announced is not None:
        core.outbox.append(StopTimer(INTERWORK_TIMER))
