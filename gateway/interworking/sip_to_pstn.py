"""One call from SIP to the PSTN: the state machine of RFC 3398 §7.2, and everything around it.

      Reserving --media_reserved--> Seizing --circuit_seized--> Trying --ACM--> NotAlerting --alerting--> Alerting
                                       ^--cause 44, another circuit--'  |               |                    |
                                                                  ANM/CON -----------> WaitingForAck --ACK--> Connected
      any state --CANCEL, BYE, REL, T7, T9, no ACK, ...--> Over

`Reserving` and `Seizing` stand before the figure's `Trying`: the RTP port and the circuit are had before the IAM is
sent (§7.2.1). The other states are the figure's; note that the figure cites sections 6.x and 9.x for 7.x and 10.x.
`Over` still answers: a circuit or port that arrives late is given back. However a call ends, `give_up` ends it: one
decision that names what goes out, the media first, then the circuit ("All the resources in the gateway SHOULD be
released before the gateway sends any REL message", §7.2.3).

Everything that decides something is a rule that names its clause: `progress`, `release`, `causes`, `numbers`, `setup`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define, evolve, frozen
from automat import TypeMachineBuilder

from gateway.core.clause import Clause, Decision
from gateway.core.effects import Outbox, Record, StartTimer, StopTimer, tell
from gateway.core.errors import ParseError, RemoteProtocolError
from gateway.core.machine import build
from gateway.interworking.causes import Profile
from gateway.interworking.effects import (
    CircuitTaken,
    ConnectMedia,
    CutThroughBackward,
    CutThroughForward,
    PlayDigit,
    ReleaseMedia,
    ReserveMedia,
)
from gateway.interworking.info import DTMF, DTMF_RELAY, DtmfRelay
from gateway.interworking.midcall import ISUP_BODY, ISUP_DISPOSITION, takes_isup
from gateway.interworking.numbers import TelephoneNumber
from gateway.interworking.progress import ProgressRule, facts_of, rule_for
from gateway.interworking.release import Headers, Refusal, cause_from_reasons, cause_of, reason_header, refusal
from gateway.interworking.ringback import RingbackOwner
from gateway.interworking.setup import SetupSettings, called_number, initial_address
from gateway.sdp.offer_answer import Agreed, LocalMedia, NothingUsable, agreed_from_answer, answer, offer
from gateway.sip.dialog.content import SDP, session_description
from gateway.sip.dialog.server_session import ServerSession
from gateway.sip.transaction.user import ServerTransaction
from gateway.ss7.isup.cause import Cause, CauseIndicators, Location
from gateway.ss7.isup.codec import serialize_body
from gateway.ss7.isup.messages import Message, message_name
from gateway.ss7.isup.node import Node
from gateway.ss7.isup.outgoing import OutgoingCall

MOST_CIRCUITS_TRIED = 3
INTERWORK_TIMER = "interwork"
_SETUP = Clause("RFC 3398", "7.2.1")
_TO_IAM = Clause("RFC 3398", "7.2.1.1")
_ANSWER = Clause("RFC 3398", "7.2.7")
_INFO = Clause("RFC 6086", "4.2")


@frozen
class CallSettings:
    """What all calls share.

    Args:
        setup: for the IAM.
        profile: the cause tables.
        agent: our host, for Warning headers.
        interwork_s: how long, in seconds, the caller may hear why the call fails after an ACM with a cause.
    """

    setup: SetupSettings
    profile: Profile
    agent: str = "127.0.0.1"
    interwork_s: float = 30.0


class CallInputs(Protocol):
    """What moves a call, grouped by who says it. Last, what the machine says to itself."""

    def start(self) -> None: ...
    def media_reserved(self, address: str, port: int) -> None: ...
    def media_refused(self, why: str) -> None: ...

    # the PSTN
    def circuit_seized(self, circuit: OutgoingCall) -> None: ...
    def no_circuit_available(self) -> None: ...
    def address_complete(self, message: Message) -> None: ...
    def call_progress(self, message: Message) -> None: ...
    def pstn_answered(self, message: Message) -> None: ...
    def t7_expired(self) -> None: ...
    def t9_expired(self) -> None: ...
    def released(self, message: Message) -> None: ...
    def call_failed(self, cause: int, why: str) -> None: ...
    def suspension(self, message: Message) -> None: ...

    # SIP
    def answer_received(self, sdp: bytes) -> None: ...
    def hung_up(self, reasons: tuple[str, ...], method: str) -> None: ...
    def acknowledged(self) -> None: ...
    def sip_side_failed(self, why: str, clause: Clause) -> None: ...
    def dialog_lost(self, method: str, status: int) -> None: ...
    def info_received(self, transaction: ServerTransaction) -> None: ...
    def offer_received(self, transaction: ServerTransaction) -> None: ...
    def clear(self, cause: int, why: str) -> None: ...

    # itself
    def interwork_timer_expired(self) -> None: ...
    def alerting(self) -> None: ...
    def try_another_circuit(self) -> None: ...
    def give_up(self, refusal: Refusal, cause: int) -> None: ...


@define
class _Core:
    name: str
    session: ServerSession
    node: Node
    settings: CallSettings
    outbox: Outbox
    user: Call
    ringback: RingbackOwner
    session_number: int
    ended: Callable[[Call], None]
    called: TelephoneNumber | None = None
    local: LocalMedia | None = None
    local_sdp: bytes = b""
    agreed: Agreed | None = None
    circuit: OutgoingCall | None = None
    circuits_tried: int = 0
    in_band: bool = False
    announced: CauseIndicators | None = None
    sip_over: bool = False
    by_caller: bool = False
    isup_peer: bool = False

    def decide(self, rule: str, outcome: str, clause: Clause, *facts: tuple[str, str]) -> None:
        self.outbox.append(Record(self.name, Decision(rule, outcome, clause, facts)))

    @property
    def cic(self) -> int:
        return 0 if self.circuit is None else self.circuit.cic


_builder = TypeMachineBuilder(CallInputs, _Core)
_reserving = _builder.state("Reserving")
_seizing = _builder.state("Seizing")
_trying = _builder.state("Trying")
_not_alerting = _builder.state("NotAlerting")
_alerting = _builder.state("Alerting")
_waiting_for_ack = _builder.state("WaitingForAck")
_connected = _builder.state("Connected")
_over = _builder.state("Over")

_PENDING = (_trying, _not_alerting, _alerting)
_UNANSWERED = (_reserving, _seizing, *_PENDING)
_ANSWERED = (_waiting_for_ack, _connected)


# --- before the IAM ---------------------------------------------------------------------------------------------


@_reserving.upon(CallInputs.start).loop()
def _start(inputs: CallInputs, core: _Core) -> None:
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


@_reserving.upon(CallInputs.media_refused).loop()
def _no_port(inputs: CallInputs, core: _Core, why: str) -> None:
    cause = Cause.SWITCHING_EQUIPMENT_CONGESTION
    inputs.give_up(_refused_here(core, cause, "RTP port", why), cause)


@_reserving.upon(CallInputs.media_reserved).to(_seizing)
def _describe(inputs: CallInputs, core: _Core, address: str, port: int) -> None:
    core.local = LocalMedia(address, port, session_id=core.session_number)
    try:
        if core.session.offer:
            core.agreed = answer(core.session.offer, core.local)
            core.local_sdp = core.agreed.sdp
            core.outbox.append(ConnectMedia(core.agreed))
            host, port = core.agreed.remote
            remote = ("to", f"{host}:{port}")
            core.decide("offer", f"answered: {core.agreed.codec.name}", Clause("RFC 3264", "6.1"), remote)
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


@_seizing.upon(CallInputs.no_circuit_available).loop()
def _no_circuit(inputs: CallInputs, core: _Core) -> None:
    cause = Cause.NO_CIRCUIT_AVAILABLE
    inputs.give_up(_refused_here(core, cause, "circuit", "none is idle"), cause)


@_seizing.upon(CallInputs.circuit_seized).to(_trying)
def _send_iam(inputs: CallInputs, core: _Core, circuit: OutgoingCall) -> None:
    assert core.called is not None
    core.circuit = circuit
    core.circuits_tried += 1
    core.outbox.append(CircuitTaken(core.name, circuit.cic))
    core.decide("circuit", "IAM: circuit and RTP port are had", _SETUP, ("CIC", str(circuit.cic)))
    parameters = initial_address(core.session.invite, core.called, core.settings.setup)
    core.outbox.append(tell(circuit.setup, *parameters))


# --- progress ---------------------------------------------------------------------------------------------------


@_trying.upon(CallInputs.address_complete).to(_not_alerting)
def _address_complete(inputs: CallInputs, core: _Core, message: Message) -> None:
    _progress(inputs, core, message)


@_not_alerting.upon(CallInputs.call_progress).loop()
@_alerting.upon(CallInputs.call_progress).loop()
def _call_progress(inputs: CallInputs, core: _Core, message: Message) -> None:
    _progress(inputs, core, message)


_not_alerting.upon(CallInputs.alerting).to(_alerting).returns(None)


def _progress(inputs: CallInputs, core: _Core, message: Message) -> None:
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


def _can_be_heard(core: _Core) -> bool:
    """Whether the caller can have early media: its address is known, or an offer of ours can be sent reliably."""
    return core.agreed is not None or core.session.sends_reliably


def _cut_through_backward(core: _Core, rule: ProgressRule) -> bool:
    """Start backward media where the rule asks for it and it can be; whether the response carries a description.

    A response that follows an in-band one repeats its description, so that no phone takes the tone away again.
    """
    if not rule.cut_through or core.in_band:
        return core.in_band
    core.in_band = True
    core.outbox.append(CutThroughBackward(core.cic))
    return True


# --- answer -----------------------------------------------------------------------------------------------------


@_trying.upon(CallInputs.pstn_answered).to(_waiting_for_ack)
@_not_alerting.upon(CallInputs.pstn_answered).to(_waiting_for_ack)
@_alerting.upon(CallInputs.pstn_answered).to(_waiting_for_ack)
def _answered(inputs: CallInputs, core: _Core, message: Message) -> None:
    core.decide("answered", "200, both directions through", _ANSWER, ("by", message_name(message.type)))
    _stop_interwork_timer(core)
    core.ringback.over()
    if not core.in_band:
        core.outbox.append(CutThroughBackward(core.cic))
    core.in_band = True
    core.outbox.append(CutThroughForward(core.cic))
    core.outbox.append(tell(core.session.answer, sdp=core.local_sdp))


@_waiting_for_ack.upon(CallInputs.acknowledged).to(_connected)
def _acknowledged(inputs: CallInputs, core: _Core) -> None:
    core.decide("ACK", "connected; nothing is sent to the PSTN", Clause("RFC 3398", "7.3"))


@_seizing.upon(CallInputs.answer_received).loop()
@_trying.upon(CallInputs.answer_received).loop()
@_not_alerting.upon(CallInputs.answer_received).loop()
@_alerting.upon(CallInputs.answer_received).loop()
@_waiting_for_ack.upon(CallInputs.answer_received).loop()
@_connected.upon(CallInputs.answer_received).loop()
def _answer_received(inputs: CallInputs, core: _Core, sdp: bytes) -> None:
    assert core.local is not None
    try:
        core.agreed = agreed_from_answer(core.local_sdp, sdp, core.local)
    except (NothingUsable, ParseError) as error:
        cause = Cause.BEARER_CAPABILITY_NOT_IMPLEMENTED
        why = Decision("answer", f"cannot be used: {error}", Clause("RFC 3264", "7"))
        inputs.give_up(Refusal(488, (reason_header(cause),), why), cause)
        return
    core.outbox.append(ConnectMedia(core.agreed))


# --- mid-call ---------------------------------------------------------------------------------------------------


def _dtmf(core: _Core, transaction: ServerTransaction) -> DtmfRelay | None:
    request = transaction.request
    if "Info-Package" in request.headers:
        # RFC 6086 §4.2.2: "the UA MUST send a 469 (Bad Info Package) response (...), which contains a Recv-Info header"
        core.decide("INFO", "469: no Info Package is welcome", Clause("RFC 6086", "4.2.2"))
        core.outbox.append(tell(core.session.respond, transaction, 469, headers=(("Recv-Info", ""),)))
        return None
    content_type = request.content_type
    essence = "" if content_type is None else content_type.essence
    if essence in (DTMF_RELAY, DTMF):
        return DtmfRelay.parse(request.body)
    if not request.body or essence == "application/isup":
        core.outbox.append(tell(core.session.respond, transaction, 200))
    else:
        accept = (("Accept", f"{DTMF_RELAY}, {DTMF}, application/ISUP"),)
        core.decide("INFO", f"415: no use for {essence or 'a body without a type'}", Clause("RFC 3261", "8.2.3"))
        core.outbox.append(tell(core.session.respond, transaction, 415, headers=accept))
    return None


@_waiting_for_ack.upon(CallInputs.info_received).loop()
@_connected.upon(CallInputs.info_received).loop()
def _info(inputs: CallInputs, core: _Core, transaction: ServerTransaction) -> None:
    try:
        relay = _dtmf(core, transaction)
    except ParseError as error:
        core.outbox.append(tell(core.session.respond, transaction, 400, str(error)))
        return
    if relay is not None:
        core.decide("INFO", f"DTMF {relay.signal!r} for {relay.duration_ms} ms onto the circuit", _INFO)
        core.outbox.append(PlayDigit(core.cic, relay.signal, relay.duration_ms))
        core.outbox.append(tell(core.session.respond, transaction, 200))


def _info_too_early(inputs: CallInputs, core: _Core, transaction: ServerTransaction) -> None:
    try:
        relay = _dtmf(core, transaction)
    except ParseError as error:
        core.outbox.append(tell(core.session.respond, transaction, 400, str(error)))
        return
    if relay is not None:
        core.decide("INFO", "403: before the answer the forward path is closed", _ANSWER)
        core.outbox.append(tell(core.session.respond, transaction, 403, "Forward path closed before answer"))


for _state in _UNANSWERED:
    _state.upon(CallInputs.info_received).loop()(_info_too_early)


def _new_offer(inputs: CallInputs, core: _Core, transaction: ServerTransaction) -> None:
    request, session = transaction.request, core.session
    assert core.local is not None
    clause = Clause("RFC 3264", "8")
    try:
        description = session_description(request)
        if not description and request.method != "INVITE":
            core.outbox.append(tell(session.respond, transaction, 200))
            return
        if description:
            core.agreed = answer(description, core.local, core.local_sdp)
            core.local_sdp = core.agreed.sdp
            core.outbox.append(ConnectMedia(core.agreed))
            facts = (("codec", core.agreed.codec.name), ("direction", core.agreed.direction.value))
            core.decide(request.method, "200 with the answer", clause, *facts)
        else:
            core.local_sdp = offer(core.local, core.local_sdp)
            core.decide(request.method, "200 with an offer", Clause("RFC 3261", "14.2"))
    except NothingUsable as error:
        core.decide(request.method, f"488, and all stays as it was: {error}", Clause("RFC 3261", "14.2"))
        warning = (("Warning", error.warning(core.settings.agent)),)
        core.outbox.append(tell(session.respond, transaction, 488, headers=warning))
    except ParseError as error:
        core.decide(request.method, f"400: {error}", Clause("RFC 8866", "5"))
        core.outbox.append(tell(session.respond, transaction, 400, f"SDP: {error}"))
    else:
        core.outbox.append(tell(session.respond, transaction, 200, body=core.local_sdp, content_type=SDP))


def _offer_before_answer(inputs: CallInputs, core: _Core, transaction: ServerTransaction) -> None:
    """UPDATE or PRACK in the early dialog (RFC 3311 §5.2; RFC 3262 §5): once the first offer has its answer."""
    if core.agreed is not None:
        _new_offer(inputs, core, transaction)
    else:
        core.decide(transaction.request.method, "491: the first offer has no answer yet", Clause("RFC 3311", "5.2"))
        core.outbox.append(tell(core.session.respond, transaction, 491))


for _state in _ANSWERED:
    _state.upon(CallInputs.offer_received).loop()(_new_offer)
for _state in _UNANSWERED:
    _state.upon(CallInputs.offer_received).loop()(_offer_before_answer)


@_waiting_for_ack.upon(CallInputs.suspension).loop()
@_connected.upon(CallInputs.suspension).loop()
def _suspension(inputs: CallInputs, core: _Core, message: Message) -> None:
    name, clause = message_name(message.type), Clause("RFC 3398", "9.1")
    if not core.isup_peer:
        core.decide(name, "not relayed: the caller has never used ISUP", clause)
        return
    core.decide(name, "relayed in INFO: the caller takes ISUP", clause)
    body = serialize_body(message)
    core.outbox.append(tell(core.session.info, ISUP_BODY, body, headers=(ISUP_DISPOSITION,)))


# --- the end ----------------------------------------------------------------------------------------------------


def _give_up(inputs: CallInputs, core: _Core, refusal: Refusal, cause: int) -> None:
    """Before the answer: an answer to the INVITE, and REL where a circuit is ours."""
    _decide_the_end(core, refusal, str(refusal.status), cause)
    if not core.sip_over:
        core.outbox.append(tell(core.session.reject, refusal.status, headers=refusal.headers))
    _let_go(core, cause)


def _hang_up(inputs: CallInputs, core: _Core, refusal: Refusal, cause: int) -> None:
    """After the answer: BYE, and REL."""
    _decide_the_end(core, refusal, "BYE", cause)
    if not core.sip_over:
        core.outbox.append(tell(core.session.bye, headers=(reason_header(cause),)))
    _let_go(core, cause)


def _decide_the_end(core: _Core, refusal: Refusal, to_sip: str, cause: int) -> None:
    """Record the decision, its outcome headed by just the messages that will be sent: "486", "504, REL 102"."""
    why = refusal.decision
    to_pstn = "" if core.circuit is None else f"REL {int(cause)}"
    sent = ", ".join(part for part in ("" if core.sip_over else to_sip, to_pstn) if part)
    outcome = ": ".join(part for part in (sent, why.outcome) if part) or "nothing more to send"
    core.outbox.append(Record(core.name, evolve(why, outcome=outcome)))


def _let_go(core: _Core, cause: int) -> None:
    _stop_interwork_timer(core)
    core.ringback.over()
    core.outbox.append(ReleaseMedia())
    circuit, core.circuit = core.circuit, None
    if circuit is not None:
        location = Location.USER if core.by_caller else Location.PUBLIC_NETWORK_SERVING_LOCAL_USER
        core.outbox.append(tell(circuit.release, cause, location))
    core.outbox.append(tell(core.ended, core.user))


def _stop_interwork_timer(core: _Core) -> None:
    if core.announced is not None:
        core.outbox.append(StopTimer(INTERWORK_TIMER))


for _state in _UNANSWERED:
    _state.upon(CallInputs.give_up).to(_over)(_give_up)
for _state in _ANSWERED:
    _state.upon(CallInputs.give_up).to(_over)(_hang_up)


@_trying.upon(CallInputs.t7_expired).loop()
def _t7(inputs: CallInputs, core: _Core) -> None:
    cause = Cause.RECOVERY_ON_TIMER_EXPIRY
    inputs.give_up(
        Refusal(504, (reason_header(cause),), Decision("T7 expired", "", Clause("RFC 3398", "7.2.2"))), cause
    )


@_not_alerting.upon(CallInputs.t9_expired).loop()
@_alerting.upon(CallInputs.t9_expired).loop()
def _t9(inputs: CallInputs, core: _Core) -> None:
    cause = Cause.NO_ANSWER_FROM_USER
    inputs.give_up(
        Refusal(480, (reason_header(cause),), Decision("T9 expired", "", Clause("RFC 3398", "7.2.8"))), cause
    )


@_not_alerting.upon(CallInputs.interwork_timer_expired).loop()
@_alerting.upon(CallInputs.interwork_timer_expired).loop()
def _interwork_timer_expired(inputs: CallInputs, core: _Core) -> None:
    """The caller has heard why the call fails; the ACM's cause chooses the response (RFC 3398 §7.1.6)."""
    if core.announced is not None:
        cause = core.announced
        refused = refusal(cause.value, cause.location, core.settings.profile)
        why = evolve(refused.decision, rule="interwork timer expired", clause=Clause("RFC 3398", "7.1.6"))
        inputs.give_up(evolve(refused, decision=why), cause.value)


@_trying.upon(CallInputs.released).loop()
def _released_while_trying(inputs: CallInputs, core: _Core, message: Message) -> None:
    if cause_of(message).value == Cause.REQUESTED_CIRCUIT_NOT_AVAILABLE and core.circuits_tried < MOST_CIRCUITS_TRIED:
        inputs.try_another_circuit()
    else:
        _released(inputs, core, message)


@_trying.upon(CallInputs.try_another_circuit).to(_seizing)
def _another_circuit(inputs: CallInputs, core: _Core) -> None:
    core.decide("cause 44", "not for SIP: the IAM goes out again on another circuit", Clause("RFC 3398", "7.2.4.1"))
    core.circuit = None
    core.outbox.append(tell(core.node.seize, core.user))


def _released(inputs: CallInputs, core: _Core, message: Message) -> None:
    core.circuit = None
    cause = cause_of(message)
    inputs.give_up(refusal(cause.value, cause.location, core.settings.profile), cause.value)


_not_alerting.upon(CallInputs.released).loop()(_released)
_alerting.upon(CallInputs.released).loop()(_released)


@_waiting_for_ack.upon(CallInputs.released).loop()
@_connected.upon(CallInputs.released).loop()
def _released_after_answer(inputs: CallInputs, core: _Core, message: Message) -> None:
    core.circuit = None
    value = cause_of(message).value
    why = Decision("REL after answer", "", Clause("RFC 3398", "10.2"), (("cause", str(int(value))),))
    inputs.give_up(Refusal(0, (), why), value)


def _circuit_failed(inputs: CallInputs, core: _Core, cause: int, why: str) -> None:
    core.circuit = None
    refused = _refused_here(core, cause, "circuit lost", why)
    inputs.give_up(evolve(refused, decision=evolve(refused.decision, clause=Clause("RFC 3398", "11.1"))), cause)


for _state in (*_PENDING, *_ANSWERED):
    _state.upon(CallInputs.call_failed).loop()(_circuit_failed)


def _hung_up_before_answer(inputs: CallInputs, core: _Core, reasons: tuple[str, ...], method: str) -> None:
    _hung_up(inputs, core, reasons, method, "7.2.3")


def _hung_up_after_answer(inputs: CallInputs, core: _Core, reasons: tuple[str, ...], method: str) -> None:
    _hung_up(inputs, core, reasons, method, "10.1")


def _hung_up(inputs: CallInputs, core: _Core, reasons: tuple[str, ...], method: str, section: str) -> None:
    core.sip_over = core.by_caller = True
    inputs.give_up(Refusal(0, (), Decision(method, "", Clause("RFC 3398", section))), cause_from_reasons(reasons))


def _sip_side_failed(inputs: CallInputs, core: _Core, why: str, clause: Clause) -> None:
    core.sip_over = True
    inputs.give_up(Refusal(0, (), Decision("SIP", why, clause)), Cause.RECOVERY_ON_TIMER_EXPIRY)


@_waiting_for_ack.upon(CallInputs.dialog_lost).loop()
@_connected.upon(CallInputs.dialog_lost).loop()
def _dialog_lost(inputs: CallInputs, core: _Core, method: str, status: int) -> None:
    why = Decision(f"{status} to {method}", "the dialog is lost", Clause("RFC 3261", "12.2.1.2"))
    inputs.give_up(Refusal(0, (), why), core.settings.profile.cause(status))


def _clear(inputs: CallInputs, core: _Core, cause: int, why: str) -> None:
    inputs.give_up(_refused_here(core, cause, "gateway", why), cause)


for _state in _UNANSWERED:
    _state.upon(CallInputs.hung_up).loop()(_hung_up_before_answer)
for _state in _ANSWERED:
    _state.upon(CallInputs.hung_up).loop()(_hung_up_after_answer)
for _state in (*_UNANSWERED, *_ANSWERED):
    _state.upon(CallInputs.sip_side_failed).loop()(_sip_side_failed)
    _state.upon(CallInputs.clear).loop()(_clear)


def _refused_here(core: _Core, cause: int, rule: str, why: str) -> Refusal:
    """The answer to the INVITE when we, not the PSTN, cannot go on."""
    return refusal(cause, Location.PUBLIC_NETWORK_SERVING_LOCAL_USER, core.settings.profile, rule, why)


def _quotable(error: ParseError) -> str:
    return str(error).replace("\\", "\\\\").replace('"', '\\"')


# --- what is too late, or cannot be ------------------------------------------------------------------------------


@_over.upon(CallInputs.circuit_seized).loop()
def _circuit_too_late(inputs: CallInputs, core: _Core, circuit: OutgoingCall) -> None:
    core.outbox.append(tell(circuit.release, int(Cause.NORMAL_CALL_CLEARING)))


@_over.upon(CallInputs.media_reserved).loop()
def _port_too_late(inputs: CallInputs, core: _Core, address: str, port: int) -> None:
    core.outbox.append(ReleaseMedia())


@_over.upon(CallInputs.info_received).loop()
@_over.upon(CallInputs.offer_received).loop()
def _nobody_there(inputs: CallInputs, core: _Core, transaction: ServerTransaction) -> None:
    core.outbox.append(tell(core.session.respond, transaction, 481))


_INPUTS = [name for name in vars(CallInputs) if not name.startswith("_")]
_TAKEN: dict[str, tuple[object, ...]] = {
    "start": (_reserving,),
    "media_reserved": (_reserving, _over),
    "media_refused": (_reserving,),
    "circuit_seized": (_seizing, _over),
    "no_circuit_available": (_seizing,),
    "address_complete": (_trying,),
    "call_progress": (_not_alerting, _alerting),
    "pstn_answered": _PENDING,
    "t7_expired": (_trying,),
    "t9_expired": (_not_alerting, _alerting),
    "released": (*_PENDING, *_ANSWERED),
    "call_failed": (*_PENDING, *_ANSWERED),
    "suspension": _ANSWERED,
    "answer_received": (*_UNANSWERED[1:], *_ANSWERED),
    "hung_up": (*_UNANSWERED, *_ANSWERED),
    "acknowledged": (_waiting_for_ack,),
    "sip_side_failed": (*_UNANSWERED, *_ANSWERED),
    "dialog_lost": _ANSWERED,
    "info_received": (*_UNANSWERED, *_ANSWERED, _over),
    "offer_received": (*_UNANSWERED, *_ANSWERED, _over),
    "clear": (*_UNANSWERED, *_ANSWERED),
    "interwork_timer_expired": (_not_alerting, _alerting),
    "alerting": (_not_alerting,),
    "try_another_circuit": (_trying,),
    "give_up": (*_UNANSWERED, *_ANSWERED),
}
"""Which states take which input; in every other state it is ignored, on purpose."""

for _name in _INPUTS:
    for _state in (*_UNANSWERED, *_ANSWERED, _over):
        if _state not in _TAKEN[_name]:
            _state.upon(getattr(CallInputs, _name)).loop().returns(None)

_build = build(_builder)


class Call:
    """A call from SIP to the PSTN; implements `ServerSessionUser` and `OutgoingUser`.

    Args:
        name: in the trace.
        session: the SIP side.
        node: where circuits are had.
        settings: what all calls share.
        number: a number of the call's own, for the o= line.
        ended: an input to tell, once, with this call, when nothing more will come of it.
        outbox: the gateway's.
    """

    def __init__(
        self,
        name: str,
        session: ServerSession,
        node: Node,
        settings: CallSettings,
        number: int,
        ended: Callable[[Call], None],
        outbox: Outbox,
    ) -> None:
        own = outbox.fork(self)
        self._core = _Core(name, session, node, settings, own, self, RingbackOwner(name, own), number, ended)
        inputs = _build(self._core)
        self.start = inputs.start
        self.media_reserved = inputs.media_reserved
        self.media_refused = inputs.media_refused
        self.circuit_seized = inputs.circuit_seized
        self.no_circuit_available = inputs.no_circuit_available
        self.address_complete = inputs.address_complete
        self.call_progress = inputs.call_progress
        self.answered = inputs.pstn_answered
        self.awaiting_address_complete_timed_out = inputs.t7_expired
        self.awaiting_answer_timed_out = inputs.t9_expired
        self.released = inputs.released
        self.call_failed = inputs.call_failed
        self.suspended = self.resumed = inputs.suspension
        self.answer_received = inputs.answer_received
        self.acknowledged = inputs.acknowledged
        self.info_received = inputs.info_received
        self.offer_received = inputs.offer_received
        self._inputs = inputs

    @property
    def name(self) -> str:
        """The call in the trace."""
        return self._core.name

    @property
    def ringback_owner(self) -> str:
        """Who makes the ringing tone now."""
        return self._core.ringback.owner

    def circuit_changed(self, call: OutgoingCall) -> None:
        """The call has moved to another circuit; no sound was on the old one yet."""
        self._core.outbox.append(CircuitTaken(self._core.name, call.cic))

    def circuit_released(self) -> None:
        """RLC came: nothing more to do."""

    def cancel_received(self, reasons: tuple[str, ...]) -> None:
        """The caller gave up."""
        self._inputs.hung_up(reasons, "CANCEL")

    def bye_received(self, reasons: tuple[str, ...]) -> None:
        """The caller hung up."""
        self._inputs.hung_up(reasons, "BYE")

    def acknowledgement_timed_out(self) -> None:
        """No ACK came for the 200; the session has sent BYE."""
        self._inputs.sip_side_failed("not acknowledged within 64*T1", Clause("RFC 3398", "7.1.4"))

    def acceptance_timed_out(self) -> None:
        """No PRACK came for a reliable 18x; the session has sent 504."""
        self._inputs.sip_side_failed("not acknowledged within 64*T1", Clause("RFC 3262", "3"))

    def request_failed(self, method: str, status: int) -> None:
        """A request of ours was refused: by 408 and 481 the dialog is lost (RFC 3261 §12.2.1.2), by others nothing.

        RFC 3398 §5.6: gateways "MUST accept "405 Method Not Allowed" and "501 Not Implemented" as non-fatal responses
        to INFO requests".
        """
        if method == "BYE":
            return
        if status in (408, 481):
            self._inputs.dialog_lost(method, status)
        else:
            self._core.decide(f"{status} to {method}", "the call goes on", Clause("RFC 3398", "5.6"))

    def clear(self, cause: int, why: str = "the gateway is cleared") -> None:
        """End the call from here, in whatever state it is."""
        self._inputs.clear(cause, why)

    def abandon(self, why: str) -> None:
        """Something here broke: this call ends, the others go on."""
        self._inputs.clear(Cause.TEMPORARY_FAILURE, why)

    def timer_fired(self, name: str) -> None:
        """The interwork timer; ISUP's and SIP's machines have their own."""
        self._inputs.interwork_timer_expired()
