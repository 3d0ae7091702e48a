"""Offers and answers after the first offer, and hold, both ways (RFC 3264 §8; RFC 3398 §9.2).

The caller holds by an offer under which it receives nothing any more (sendonly, inactive, 0.0.0.0), and retrieves by
one under which it does: the PSTN is told by CPG with a generic notification. The PSTN holds and retrieves by the same
CPG: the caller is sent nothing meanwhile, and asked by re-INVITE to send nothing. While the PSTN holds, it is not told
what the caller wants; that shows when it has retrieved the call.
"""

from __future__ import annotations

from attrs import evolve

from gateway.core.clause import Clause, Decision
from gateway.core.effects import tell
from gateway.core.errors import ParseError
from gateway.interworking.effects import ConnectMedia
from gateway.interworking.release import Refusal, reason_header
from gateway.interworking.sip_to_pstn.core import CallCore, CallInputs
from gateway.sdp.model import Direction
from gateway.sdp.offer_answer import NothingUsable, agreed_from_answer, answer, offer
from gateway.sip.dialog.content import SDP, session_description
from gateway.sip.transaction.user import ServerTransaction
from gateway.ss7.isup.call_indicators import Event, EventInformation, GenericNotificationIndicator, Notification
from gateway.ss7.isup.cause import Cause
from gateway.ss7.isup.messages import Message

_HOLD = Clause("RFC 3398", "9.2")


# --- the caller's offers ----------------------------------------------------------------------------------------


def new_offer(inputs: CallInputs, core: CallCore, transaction: ServerTransaction) -> None:
    """Re-INVITE or UPDATE after the answer."""
    _answer(core, transaction, connected=True)


def offer_before_answer(inputs: CallInputs, core: CallCore, transaction: ServerTransaction) -> None:
    """UPDATE or PRACK in the early dialog (RFC 3311 §5.2; RFC 3262 §5): once the first offer has its answer."""
    if core.agreed is not None:
        _answer(core, transaction, connected=False)
    else:
        core.decide(transaction.request.method, "491: the first offer has no answer yet", Clause("RFC 3311", "5.2"))
        core.outbox.append(tell(core.session.respond, transaction, 491))


def _answer(core: CallCore, transaction: ServerTransaction, *, connected: bool) -> None:
    request, session = transaction.request, core.session
    assert core.local is not None
    try:
        description = session_description(request)
        if not description and request.method != "INVITE":
            core.outbox.append(tell(session.respond, transaction, 200))
            return
        if description:
            core.agreed = answer(description, core.local, core.local_sdp)
            core.local_sdp = core.agreed.sdp
            facts = (("codec", core.agreed.codec.name), ("direction", core.agreed.direction.value))
            core.decide(request.method, "200 with the answer", Clause("RFC 3264", "8"), *facts)
            _connect(core, connected=connected)
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


def _connect(core: CallCore, *, connected: bool) -> None:
    """Obey what is agreed, as far as the PSTN does not hold; and tell it, in a call that is up, if the caller does."""
    agreed, local = core.agreed, core.local
    assert agreed is not None
    assert local is not None
    limited = evolve(agreed, direction=agreed.direction.limited_to(local.direction))
    core.outbox.append(ConnectMedia(limited, core.session.flow.remote[0]))
    if not connected or local.direction is not Direction.SENDRECV or core.held == (not agreed.sends):
        return
    core.held = not agreed.sends
    notification = Notification.REMOTE_HOLD if core.held else Notification.REMOTE_RETRIEVAL
    core.decide("hold" if core.held else "retrieval", f"CPG {_words(notification)}", _HOLD)
    if core.circuit is not None:
        parameters = EventInformation(Event.PROGRESS), GenericNotificationIndicator(notification)
        core.outbox.append(tell(core.circuit.progress, *parameters))


# --- the answers to ours ----------------------------------------------------------------------------------------


def early_answer_received(inputs: CallInputs, core: CallCore, sdp: bytes) -> None:
    """The answer to the offer in a reliable provisional response."""
    _answered(inputs, core, sdp, connected=False)


def answer_received(inputs: CallInputs, core: CallCore, sdp: bytes) -> None:
    """The answer to the offer in our 200, or in our re-INVITE."""
    _answered(inputs, core, sdp, connected=True)
    renegotiate(core)


def _answered(inputs: CallInputs, core: CallCore, sdp: bytes, *, connected: bool) -> None:
    assert core.local is not None
    ours, core.offered = core.offered or core.local_sdp, b""
    try:
        core.agreed = agreed_from_answer(ours, sdp, core.local)
    except (NothingUsable, ParseError) as error:
        cause = Cause.BEARER_CAPABILITY_NOT_IMPLEMENTED
        why = Decision("answer", f"cannot be used: {error}", Clause("RFC 3264", "7"))
        inputs.give_up(Refusal(488, (reason_header(cause),), why), cause)
        return
    core.local_sdp = ours
    _connect(core, connected=connected)


def offer_refused(inputs: CallInputs, core: CallCore, status: int) -> None:
    """Our re-INVITE was refused: the session parameters remain unchanged (RFC 3261 §14.1)."""
    core.offered = b""
    core.decide(f"{status} to INVITE", "the call goes on as it was", Clause("RFC 3261", "14.1"))
    renegotiate(core)


# --- the PSTN holds ---------------------------------------------------------------------------------------------


def notified(inputs: CallInputs, core: CallCore, message: Message) -> None:
    """CPG between answer and ACK: of interest if the PSTN holds or retrieves; the re-INVITE has to wait for the ACK."""
    _notified(core, message)


def notified_when_connected(inputs: CallInputs, core: CallCore, message: Message) -> None:
    """CPG in a call that is up: the same, and the caller is asked at once."""
    if _notified(core, message):
        renegotiate(core)


def _notified(core: CallCore, message: Message) -> bool:
    """Whether something has changed."""
    assert core.local is not None
    said = {
        parameter.notification
        for parameter in message.parameters
        if isinstance(parameter, GenericNotificationIndicator)
    }
    for notification, wanted, outcome in (
        (Notification.REMOTE_HOLD, Direction.INACTIVE, "nothing is sent to the caller, INVITE asks it for the same"),
        (Notification.REMOTE_RETRIEVAL, Direction.SENDRECV, "INVITE asks the caller for both directions again"),
    ):
        if notification in said and core.local.direction is not wanted:
            core.local = evolve(core.local, direction=wanted)
            core.decide(f"CPG {_words(notification)}", outcome, _HOLD)
            if core.agreed is not None:
                _connect(core, connected=False)
            return True
    return False


def renegotiate(core: CallCore) -> None:
    """Ask the caller by re-INVITE for the direction that the PSTN wants, unless that was the last one asked for."""
    assert core.local is not None
    if core.offered or core.asked is core.local.direction or core.circuit is None:
        return
    core.asked = core.local.direction
    core.offered = offer(core.local, core.local_sdp)
    core.outbox.append(tell(core.session.reinvite, core.offered))


def _words(notification: Notification) -> str:
    return notification.name.lower().replace("_", " ")
