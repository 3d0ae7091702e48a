"""The end of a call, either way (RFC 3398 §7.2.3, §7.2.4, §10; Reason: RFC 3326, RFC 6432)."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from gateway.core.clause import Decision
from gateway.core.errors import ParseError
from gateway.interworking.causes import RETRY_AFTER_STATUS, Profile
from gateway.sip.fields.reason import Reason
from gateway.ss7.isup.cause import Cause, CauseIndicators, Location, cause_phrase
from gateway.ss7.isup.messages import Message

Headers = tuple[tuple[str, str], ...]


@frozen
class Refusal:
    """How an INVITE that failed in the PSTN is answered.

    Args:
        status: the final response.
        headers: Reason, and Retry-After where it applies.
        decision: why; its outcome is what there is to say besides the messages that are sent.
    """

    status: int
    headers: Headers
    decision: Decision


def reason_header(cause: int) -> tuple[str, str]:
    """The Reason header field for a Q.850 cause value."""
    return ("Reason", Reason("Q.850", cause, cause_phrase(cause)).serialize())


def cause_of(message: Message) -> CauseIndicators:
    """The cause of a REL; a REL that has none is protocol error 111."""
    return message.get(CauseIndicators) or CauseIndicators(Cause.PROTOCOL_ERROR_UNSPECIFIED, Location.USER)


def refusal(cause: int, location: int, profile: Profile, rule: str = "REL before answer", why: str = "") -> Refusal:
    """The answer to the INVITE when the PSTN releases before the called party answers, or as if it had."""
    status = profile.status(cause, location)
    headers: Headers = (reason_header(cause),)
    if status == RETRY_AFTER_STATUS and profile.retry_after_s:
        headers = (*headers, ("Retry-After", str(profile.retry_after_s)))
    facts = (("cause", f"{cause} {cause_phrase(cause)}"), ("location", str(location)), ("profile", profile.name))
    return Refusal(status, headers, Decision(rule, why, profile.status_clause, facts))


def refused_here(cause: int, profile: Profile, rule: str, why: str) -> Refusal:
    """The answer to the INVITE when we, not the PSTN, cannot go on."""
    return refusal(cause, Location.PUBLIC_NETWORK_SERVING_LOCAL_USER, profile, rule, why)


def cause_from_reasons(reasons: Iterable[str], default: int = Cause.NORMAL_CALL_CLEARING) -> int:
    """The cause that a CANCEL or BYE gives: the first Q.850 value of its Reason headers, else normal call clearing.

    A Reason that cannot be read, or whose value no cause indicator can carry, is passed over.
    """
    for value in reasons:
        try:
            reason = Reason.parse(value)
        except ParseError:
            continue
        if reason.protocol.upper() == "Q.850" and reason.cause is not None and 1 <= reason.cause <= 127:
            return reason.cause
    return default
