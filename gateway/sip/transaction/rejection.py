"""Answers to requests that are turned away without a transaction (RFC 3261 §8.2.7)."""

from __future__ import annotations

import zlib

from gateway.core.errors import GatewayError, RemoteProtocolError
from gateway.sip.message import Request, Response, TooLarge, UnsupportedVersion, reason_phrase, respond

MAX_REASON_CHARACTERS = 200


def rejection(request: Request, error: GatewayError) -> Response:
    """The response to a broken request, whose reason phrase says what is wrong and where.

    Args:
        request: the request, or what could be saved of it; not an ACK.
        error: what is wrong. 505 for another version than ours, 413 for too much of anything, what a
            `RemoteProtocolError` says, else 400.
    """
    status = 400
    if isinstance(error, UnsupportedVersion):
        status = 505
    elif isinstance(error, TooLarge):
        status = 413
    elif isinstance(error, RemoteProtocolError) and error.sip_status is not None:
        status = error.sip_status
    reason = f"{reason_phrase(status)}: {error}"[:MAX_REASON_CHARACTERS]
    return respond(request, status, reason, to_tag=_stateless_tag(request))


def _stateless_tag(request: Request) -> str:
    # "To header tags MUST be generated for responses in a stateless manner - in a manner that will generate the same
    # tag for the same request consistently."
    headers = request.headers
    text = "\n".join([headers.get("Via") or "", headers.get("Call-ID") or "", headers.get("CSeq") or ""])
    return f"{zlib.crc32(text.encode('utf-8', 'surrogateescape')):08x}"
