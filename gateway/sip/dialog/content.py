"""Message bodies as the user agent core sees them: what is a session description, what is not understood
(RFC 3261 §8.2.3, §13.2.1; RFC 5621).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from attrs import frozen

from gateway.core.clause import Clause
from gateway.core.errors import ParseError
from gateway.core.values import value
from gateway.sip.fields.media_type import read_media_type
from gateway.sip.headers import Headers
from gateway.sip.message import Message

SDP = "application/sdp"
_MAX_PARTS = 32


@value
class Part:
    """One body, or one part of a multipart body.

    Args:
        media_type: "type/subtype" in lower case.
        disposition: "session", "render", ... in lower case; the default for the type where none is written.
        required: whether a user agent that does not understand it must refuse the message (RFC 5621 §8.4).
        encoding: the Content-Encoding, "" for none.
        octets: the body itself.
    """

    media_type: str
    disposition: str
    required: bool
    encoding: str
    octets: bytes


ALTERNATIVE = "multipart/alternative"


def _described(headers: Headers, default_type: str, octets: bytes) -> Part:
    written = headers.get("Content-Type")
    media_type = default_type if written is None else read_media_type(written).essence
    # RFC 3261 §13.2.1: "bodies of Content-Type application/sdp imply the disposition "session", while other content
    # types imply "render"."
    disposition, required = ("session" if media_type == SDP else "render"), True
    line = headers.get("Content-Disposition")
    if line:
        disposition, _, parameters = line.lower().partition(";")
        disposition = disposition.strip()
        required = re.search(r"(?:^|;)\s*handling\s*=\s*optional\s*(?:;|$)", parameters) is None
    return Part(media_type, disposition, required, (headers.get("Content-Encoding") or "").strip().lower(), octets)


def _multipart(body: bytes, boundary: str) -> Iterator[Part]:
    written = re.escape(boundary.encode("utf-8", "surrogateescape"))
    delimiter = re.compile(rb"(?:^|\r?\n)--" + written + rb"(--)?[ \t]*\r?\n?")
    pieces = [(match.end(), match.start(), match[1]) for match in delimiter.finditer(body)]
    if not pieces or len(pieces) > _MAX_PARTS:
        raise ParseError(f"multipart body has {len(pieces)} boundaries", 0, Clause("RFC 5621", "3.1"))
    for (start, _, last), (_, end, _) in zip(pieces, [*pieces[1:], (0, len(body), b"")], strict=True):
        if last:
            return
        head, blank, octets = body[start:end].partition(b"\r\n\r\n")
        if body[start:end].startswith(b"\r\n"):
            head, octets = b"", body[start + 2 : end]
        elif not blank:
            head, octets = b"", body[start:end]
        headers = Headers()
        for line in re.sub(rb"\r\n[ \t]+", b" ", head).decode("utf-8", "surrogateescape").split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                headers.add(name.strip(), value.strip())
        yield _described(headers, "text/plain", octets)


def parts(message: Message) -> list[Part]:
    """The bodies of a message: none, the one, or those of its multipart (one level; RFC 5621 §3.1).

    Raises:
        ParseError: Content-Type or the multipart's boundaries cannot be read.
    """
    if not message.body:
        return []
    typed = message.headers.typed
    known: tuple[bytes, list[Part]] | None = typed.get("body parts")
    if known is None or known[0] is not message.body:
        known = typed["body parts"] = message.body, _parts(message)
    return known[1].copy()


def _parts(message: Message) -> list[Part]:
    whole = _described(message.headers, "application/octet-stream", message.body)
    if not whole.media_type.startswith("multipart/") or whole.encoding not in ("", "identity"):
        return [whole]
    media_type = message.content_type
    boundary = None if media_type is None else media_type.params.get("boundary")
    if not boundary:
        raise ParseError("multipart body without a boundary parameter", 0, Clause("RFC 5621", "3.1"))
    return list(_multipart(message.body, boundary))


def session_description(message: Message) -> bytes:
    """The session description in a message, alone or as part of a multipart body; b"" where there is none.

    Raises:
        ParseError: the body's headers cannot be read.
    """
    if not message.body:
        return b""
    for part in parts(message):
        if part.media_type == SDP and part.disposition == "session" and part.encoding in ("", "identity"):
            return part.octets
    return b""


@frozen
class NotUnderstood:
    """Why a body is refused with 415: the header to add (RFC 3261 §8.2.3)."""

    header: tuple[str, str]


def not_understood(message: Message, accept: Container[str], accept_header: str) -> NotUnderstood | None:
    """Look for a body that is neither understood nor optional (RFC 3261 §8.2.3, RFC 5621 §8.4).

    Args:
        message: the request.
        accept: the media types that are understood.
        accept_header: the same as the Accept header says it.

    Raises:
        ParseError: the body's headers cannot be read.
    """
    found = parts(message)
    if len(found) > 1 and _described(message.headers, "", b"").media_type == ALTERNATIVE:
        # RFC 5621 §8.3: the receiver "SHOULD ignore the handling parameters of the body parts"; one is enough.
        understood = [part for part in found if part.media_type in accept and part.encoding in ("", "identity")]
        found = understood[:1] or found[:1]
    for part in found:
        if part.encoding not in ("", "identity") and part.required:
            return NotUnderstood(("Accept-Encoding", "identity"))
        if part.required and part.media_type not in accept:
            return NotUnderstood(("Accept", accept_header))
    return None
