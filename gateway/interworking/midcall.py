"""ISUP messages that mean nothing to SIP, carried to a peer that takes them as INFO (RFC 3398 §9.1; RFC 3204 §3.1)."""

from __future__ import annotations

from gateway.core.errors import ParseError
from gateway.sip.dialog.content import parts
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
        return any(part.media_type == _ISUP for part in parts(invite))
    except ParseError:
        return False
