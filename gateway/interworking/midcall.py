"""ISUP messages that mean nothing to SIP, carried to a peer that takes them as INFO (RFC 3398 §9.1; RFC 3204 §3.1)."""

from __future__ import annotations

from gateway.core.errors import ParseError
from gateway.sip.body import parts
from gateway.sip.message import Request

ISUP_BODY = "application/ISUP;version=itu-t92+;base=itu-t92+"
ISUP_DISPOSITION = ("Content-Disposition", "signal;handling=optional")
_ISUP = "application/isup"


def takes_isup(invite: Request) -> bool:
    """Whether the caller has used ISUP bodies, or says by Accept that it takes them.

    "if a prospective destination for an INFO-encapsulated SUS has not used encapsulated ISUP in any messages it has
    previously sent, the gateway SHOULD NOT relay the INFO method"
    """
    try:
        if any(accepted.split(";", 1)[0].strip().lower() == _ISUP for accepted in invite.accept):
            return True
        content_type = invite.content_type
        if content_type is not None and content_type.type != "multipart" and content_type.essence != _ISUP:
            return False
        return any(f"{part.content_type.type}/{part.content_type.subtype}".lower() == _ISUP for part in parts(invite))
    except ParseError:
        return False
