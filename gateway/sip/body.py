"""Bodies and their parts: one part, or several in a multipart body (RFC 5621; RFC 2046 §5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

from gateway.core.clause import Clause
from gateway.core.errors import LocalProtocolError, ParseError
from gateway.sip.fields.content_disposition import REQUIRED, ContentDisposition
from gateway.sip.fields.grammar import WHITE, excerpt, is_token, quote
from gateway.sip.fields.media_type import MediaType
from gateway.sip.headers import Headers
from gateway.sip.typed import Message, read

MAX_PARTS = 64
MAX_DEPTH = 4

TEXT_PLAIN = MediaType("text", "plain")


@frozen
class BodyPart:
    """One body part, or a whole body that has no parts.

    Args:
        content_type: its media type.
        disposition: "session", "render", "signal", ...; in lower case.
        handling: "required" or "optional": what a receiver may do that does not understand it.
        octets: the body itself, untouched.
        headers: its other header fields (Content-ID, ...), as written.
    """

    content_type: MediaType
    disposition: str
    handling: str
    octets: bytes
    headers: tuple[tuple[str, str], ...] = ()


def default_disposition(content_type: MediaType) -> str:
    """What a body is for when nothing says so (RFC 5621 §8.2): session for SDP, render for all else."""
    return "session" if content_type.essence == "application/sdp" else "render"


def parts(message: Message) -> list[BodyPart]:
    """The parts of a message's body in order, multipart bodies inside multipart bodies taken apart as well.

    Returns:
        Nothing for an empty body, one part for a body that is not multipart.

    Raises:
        ParseError: a body without Content-Type (RFC 3261 §7.4.1), a broken Content-Type or Content-Disposition, a
            multipart body without boundary or without its end, more than 64 parts or four levels.
    """
    if not message.body:
        return []
    if message.content_type is None:
        raise ParseError("Content-Type: missing where there is a body", clause=Clause("RFC 3261", "7.4.1"))
    found: list[BodyPart] = []
    _collect(message.headers, message.body, message.content_type, found, 0)
    return found


def _collect(headers: Headers, octets: bytes, content_type: MediaType, found: list[BodyPart], depth: int) -> None:
    if content_type.type == "multipart":
        if depth == MAX_DEPTH:
            raise ParseError(f"multipart bodies more than {MAX_DEPTH} deep")
        for inner_headers, inner in _split(octets, content_type):
            line = inner_headers.get("Content-Type")
            inner_type = TEXT_PLAIN if line is None else read("Content-Type", line, MediaType.parse)
            _collect(inner_headers, inner, inner_type, found, depth + 1)
        return
    if len(found) == MAX_PARTS:
        raise ParseError(f"more than {MAX_PARTS} body parts")
    line = headers.get("Content-Disposition")
    disposition = None if line is None else read("Content-Disposition", line, ContentDisposition.parse)
    found.append(
        BodyPart(
            content_type,
            default_disposition(content_type) if disposition is None else disposition.type,
            REQUIRED if disposition is None else disposition.handling,
            octets,
            () if depth == 0 else tuple(item for item in headers if item[0].lower() not in _TYPED),
        )
    )


_TYPED = frozenset({"content-type", "content-disposition"})
_fold = re.compile(r"\r\n[ \t]++")


def _split(octets: bytes, content_type: MediaType) -> list[tuple[Headers, bytes]]:
    boundary = content_type.params.get("boundary")
    # RFC 2046 §5.1.1: boundary := 0*69<bchars> bcharsnospace
    if not boundary or len(boundary) > 70:
        raise ParseError(f"Content-Type: {content_type.essence} without a boundary of 1 to 70 characters")
    # delimiter := CRLF "--" boundary;  close-delimiter := delimiter "--"
    # The line end before a delimiter belongs to it and not to the part; that after it may belong to the next one.
    delimiter = re.compile(
        rb"(?:\A|\r\n)--" + re.escape(boundary.encode("utf-8", "surrogateescape")) + rb"(--)?[ \t]*+(?=\r\n|\Z)"
    )
    found: list[tuple[Headers, bytes]] = []
    start: int | None = None
    for match in delimiter.finditer(octets):
        if start is not None:
            if len(found) == MAX_PARTS:
                raise ParseError(f"more than {MAX_PARTS} body parts")
            found.append(_part(octets[start : match.start()], start))
        if match[1] is not None:
            return found
        start = match.end()
    what = "does not begin" if start is None else "has no end"
    raise ParseError(f"{content_type.essence} body {what}: boundary {excerpt(boundary)}", start or 0)


def _part(piece: bytes, offset: int) -> tuple[Headers, bytes]:
    # body-part := MIME-part-headers [CRLF *OCTET], after the line end of the delimiter
    head, _, octets = piece.partition(b"\r\n\r\n")
    headers = Headers()
    text = _fold.sub(" ", head.removeprefix(b"\r\n").decode("utf-8", "surrogateescape"))
    for line in text.split("\r\n") if text else ():
        name, colon, value = line.partition(":")
        if not colon or not is_token(name.rstrip(WHITE)):
            raise ParseError(f"body part: {excerpt(line)} is not a header field", offset)
        headers.add(name.rstrip(WHITE), value.strip(WHITE))
    return headers, octets


def multipart(parts: Sequence[BodyPart], subtype: str = "mixed") -> tuple[str, bytes]:
    """Several body parts as one multipart body (RFC 5621 §4; RFC 2046 §5.1).

    Returns:
        The Content-Type value, with a boundary that occurs in none of the parts, and the body's octets.

    Raises:
        LocalProtocolError: no parts.
    """
    if not parts:
        raise LocalProtocolError("a multipart body needs a part")
    number = 1
    while any(f"part-{number}".encode() in part.octets for part in parts):
        number += 1
    boundary = f"part-{number}"
    pieces = []
    for part in parts:
        lines = [f"--{boundary}", f"Content-Type: {part.content_type.serialize()}"]
        if part.disposition != default_disposition(part.content_type) or part.handling != REQUIRED:
            handling = part.handling if is_token(part.handling) else quote(part.handling)
            lines.append(f"Content-Disposition: {part.disposition};handling={handling}")
        lines += [f"{name}: {value}" for name, value in part.headers]
        pieces.append("\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + part.octets + b"\r\n")
    return f"multipart/{subtype};boundary={boundary}", b"".join(pieces) + f"--{boundary}--\r\n".encode()
