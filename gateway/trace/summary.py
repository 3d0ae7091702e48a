"""One line about a message, for ladder and log; and the journal's events made from octets."""

from __future__ import annotations

from gateway.core.errors import ParseError
from gateway.sip.effects import Flow
from gateway.sip.message import Message, Request, Response, parse_message
from gateway.ss7.isup import codec
from gateway.ss7.isup.messages import Message as IsupContents
from gateway.ss7.mtp3 import Mtp3Message, ServiceIndicator
from gateway.trace.journal import NO_CALL, IsupMessage, Journal, SipMessage

UNREADABLE = "?"

_LONGEST_EXCERPT = 40

_BODIES = {"application/sdp": "SDP", "application/isup": "ISUP"}


def sip_summary(octets: bytes) -> str:
    """ "INVITE +33199000003 (SDP)", "183 Session Progress (reliable, SDP)", "200 OK (BYE)", "486 Busy Here (cause 17)".

    The first word is the method or the status code. What cannot be read is said to be unreadable, with the start
    of what came.
    """
    try:
        return _summary(parse_message(octets))
    except ParseError as error:
        start = octets[:_LONGEST_EXCERPT].decode("utf-8", "backslashreplace").split("\r\n", 1)[0]
        return f"unreadable ({error.message}): {start}"


def _summary(message: Message) -> str:
    said: list[str] = []
    if isinstance(message, Request):
        head = message.method
        if message.method == "INVITE" and (user := _user(message)):
            head = f"{head} {user}"
    elif isinstance(message, Response):
        head = f"{message.status} {message.reason}".rstrip()
        method = (message.headers.get("CSeq") or "").rpartition(" ")[2]
        if method not in ("INVITE", ""):
            said.append(method)
        if message.is_provisional and "RSeq" in message.headers:
            said.append("reliable")
    else:
        head = "message"
    if message.body:
        said.append(_body(message))
    said += _causes(message)
    return f"{head} ({', '.join(said)})" if said else head


def _user(request: Request) -> str:
    try:
        uri = request.request_uri
    except ParseError:
        return ""
    return uri.user or uri.host or ""


def _body(message: Message) -> str:
    try:
        media_type = message.content_type
    except ParseError:
        return "body"
    if media_type is None:
        return "body"
    return _BODIES.get(media_type.essence) or media_type.essence.removeprefix("application/")


def _causes(message: Message) -> list[str]:
    """The Q.850 causes of the Reason header fields (RFC 3326 §2)."""
    try:
        return [f"cause {reason.cause}" for reason in message.reasons if reason.protocol.upper() == "Q.850"]
    except ParseError:
        return []


def sip_message(
    journal: Journal, at_s: float, sent: bool, octets: bytes, flow: Flow, message: Message | None = None
) -> SipMessage:
    """The event of one SIP message; its Call-ID finds the call that it belongs to.

    Args:
        message: the same, where it has been parsed already; its summary is then left to whoever looks.
    """
    if message is not None:
        call_id = message.headers.get("Call-ID")
        return SipMessage(at_s, journal.call_of(call_id) if call_id else NO_CALL, sent, "", octets, flow)
    try:
        parsed = parse_message(octets)
    except ParseError:
        return SipMessage(at_s, NO_CALL, sent, sip_summary(octets), octets, flow)
    call_id = parsed.headers.get("Call-ID")
    return SipMessage(at_s, journal.call_of(call_id) if call_id else NO_CALL, sent, _summary(parsed), octets, flow)


def isup_message(
    journal: Journal, at_s: float, sent: bool, octets: bytes, message: IsupContents | None = None
) -> IsupMessage:
    """The event of one ISUP message, from its service information octet on; its circuit finds the call.

    What cannot be read gets the name `UNREADABLE` and a summary that says why.

    Args:
        message: the same, where it has been parsed already; its summary is then left to whoever looks.
    """
    if message is not None:
        return IsupMessage(at_s, journal.call_on(message.cic), sent, message.cic, message.name, "", octets)
    cic = 0
    try:
        mtp3 = Mtp3Message.parse(octets)
        if mtp3.service_indicator != ServiceIndicator.ISUP:
            why = f"service indicator {mtp3.service_indicator} is not ISUP"
        else:
            cic = int.from_bytes(mtp3.data[:2], "little") & 0xFFF
            contents = codec.parse(mtp3.data)
            return IsupMessage(at_s, journal.call_on(cic), sent, cic, contents.name, contents.describe(), octets)
    except ParseError as error:
        why = str(error)
    return IsupMessage(at_s, journal.call_on(cic), sent, cic, UNREADABLE, f"unreadable: {why}", octets)


def isup_summary(octets: bytes) -> str:
    """ "ACM called party status: no indication, in-band"; "" for what cannot be read."""
    try:
        return codec.parse(Mtp3Message.parse(octets).data).describe()
    except ParseError:
        return ""
