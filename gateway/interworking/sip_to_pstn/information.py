"""INFO in a call, both ways: DTMF from the caller (RFC 6086 §4.2); SUS and RES to it (RFC 3398 §9.1)."""

from __future__ import annotations

from gateway.core.clause import Clause
from gateway.core.effects import tell
from gateway.core.errors import ParseError
from gateway.interworking.effects import PlayDigit
from gateway.interworking.info import DTMF, DTMF_RELAY, DtmfRelay
from gateway.interworking.midcall import ISUP_BODY, ISUP_DISPOSITION
from gateway.interworking.sip_to_pstn.core import CallCore, CallInputs
from gateway.sip.transaction.user import ServerTransaction
from gateway.ss7.isup.codec import serialize_body
from gateway.ss7.isup.messages import Message, message_name


def information(inputs: CallInputs, core: CallCore, transaction: ServerTransaction) -> None:
    """INFO after the answer: a digit goes onto the circuit."""
    relay = _digit(core, transaction)
    if relay is not None:
        outcome = f"DTMF {relay.signal!r} for {relay.duration_ms} ms onto the circuit"
        core.decide("INFO", outcome, Clause("RFC 6086", "4.2"))
        core.outbox.append(PlayDigit(core.cic, relay.signal, relay.duration_ms))
        core.outbox.append(tell(core.session.respond, transaction, 200))


def information_too_early(inputs: CallInputs, core: CallCore, transaction: ServerTransaction) -> None:
    """INFO before the answer: a digit has no way."""
    if _digit(core, transaction) is not None:
        core.decide("INFO", "403: before the answer the forward path is closed", Clause("RFC 3398", "7.2.7"))
        core.outbox.append(tell(core.session.respond, transaction, 403, "Forward path closed before answer"))


def _digit(core: CallCore, transaction: ServerTransaction) -> DtmfRelay | None:
    """The digit of an INFO that has one; any other is answered."""
    request, respond = transaction.request, core.session.respond
    try:
        if "Info-Package" in request.headers:
            # RFC 6086 §4.2.2: "the UA MUST send a 469 (Bad Info Package) response (...), which contains a Recv-Info
            # header"
            core.decide("INFO", "469: no Info Package is welcome", Clause("RFC 6086", "4.2.2"))
            core.outbox.append(tell(respond, transaction, 469, headers=(("Recv-Info", ""),)))
            return None
        content_type = request.content_type
        essence = "" if content_type is None else content_type.essence
        if essence in (DTMF_RELAY, DTMF):
            return DtmfRelay.parse(request.body)
    except ParseError as error:
        core.outbox.append(tell(respond, transaction, 400, str(error)))
        return None
    if not request.body or essence == "application/isup":
        core.outbox.append(tell(respond, transaction, 200))
    else:
        accept = (("Accept", f"{DTMF_RELAY}, {DTMF}, application/ISUP"),)
        core.decide("INFO", f"415: no use for {essence or 'a body without a type'}", Clause("RFC 3261", "8.2.3"))
        core.outbox.append(tell(respond, transaction, 415, headers=accept))
    return None


def suspension(inputs: CallInputs, core: CallCore, message: Message) -> None:
    """SUS or RES: relayed in INFO to a caller that takes ISUP, kept from any other."""
    name, clause = message_name(message.type), Clause("RFC 3398", "9.1")
    if not core.isup_peer:
        core.decide(name, "not relayed: the caller has never used ISUP", clause)
        return
    core.decide(name, "relayed in INFO: the caller takes ISUP", clause)
    body = serialize_body(message)
    core.outbox.append(tell(core.session.info, ISUP_BODY, body, headers=(ISUP_DISPOSITION,)))
