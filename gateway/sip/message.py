"""SIP messages: one pass from octets to raw header fields, types on access (RFC 3261 §7, §18.3, §20, §25).

`parse_message` reads the start line, takes the header fields apart and keeps them as they were written, unfolded and
in order; what a value means is worked out by the typed properties when somebody asks, and remembered until the
header fields change. `serialize` writes the same text again. Octets that are not UTF-8 travel as surrogate escapes
(PEP 383), so that each of them survives.

Two errors are told apart from the other `ParseError`s, for the answer they deserve: `TooLarge` (413 or 400) and
`UnsupportedVersion` (505).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from sys import intern

from attrs import define, evolve, field

from gateway.core.clause import Clause
from gateway.core.errors import ParseError
from gateway.sip.fields.grammar import TOKEN, WHITE, excerpt, is_token, split_list
from gateway.sip.fields.via import Via
from gateway.sip.headers import KNOWN_KEYS, Headers, key_of
from gateway.sip.status import REASON_PHRASES, reason_phrase
from gateway.sip.typed import Message, parse_length, read
from gateway.sip.uri import Uri, read_uri

__all__ = [
    "REASON_PHRASES",
    "Headers",
    "Message",
    "Request",
    "Response",
    "TooLarge",
    "UnsupportedVersion",
    "parse_message",
    "reason_phrase",
    "respond",
    "salvage",
    "validate",
]

VERSION = "SIP/2.0"
MAX_HEADER_SECTION_OCTETS = 65536
MAX_LINE_CHARACTERS = 16384
MAX_HEADER_FIELDS = 256

# Header fields of which every message has one at most, and without which no transaction can be told from another.
_SINGLE = frozenset({"call-id", "cseq", "from", "to", "max-forwards", "content-length"})
# RFC 3261 §12.1.1, RFC 6665 §4.1, RFC 3515 §2.4.4: requests whose responses make a dialog.
_DIALOG_CREATING = frozenset({"INVITE", "SUBSCRIBE", "REFER"})

_is_version = re.compile(r"SIP/[0-9]{1,9}\.[0-9]{1,9}", re.IGNORECASE).fullmatch
_fold = re.compile(r"\r\n[ \t]++")
_bare_line_end = re.compile(rb"\r(?!\n)|(?<!\r)\n").search
_is_status = re.compile("[1-6][0-9]{2}").fullmatch


class TooLarge(ParseError):
    """A header section, a line or a number of header fields beyond what is read."""


class UnsupportedVersion(ParseError):
    """The message is of another version than SIP/2.0 (RFC 3261 §21.5.6)."""


@define
class Request(Message):
    """A request (§7.1): the method, whose case matters, and the Request-URI as it was written."""

    method: str
    uri: str
    headers: Headers = field(factory=Headers)
    body: bytes = b""
    version: str = VERSION

    @property
    def request_uri(self) -> Uri:
        """The Request-URI.

        Raises:
            ParseError: it is none.
        """
        typed = self.headers.typed
        known: tuple[str, Uri] | None = typed.get("request-uri")
        if known is None or known[0] != self.uri:
            known = (self.uri, read("Request-URI", self.uri, read_uri))
            typed["request-uri"] = known
        return known[1]

    def copy(self) -> Request:
        """Another one with header fields of its own."""
        return evolve(self, headers=self.headers.copy())

    def serialize(self) -> bytes:
        """The request's octets; Content-Length is what the body's length is.

        Raises:
            LocalProtocolError: a line end stands where none may be.
        """
        return self._serialize(f"{self.method} {self.uri} {self.version}")


@define
class Response(Message):
    """A response (§7.2): the status code, 100 to 699, and the reason phrase."""

    status: int
    reason: str
    headers: Headers = field(factory=Headers)
    body: bytes = b""
    version: str = VERSION

    @property
    def is_provisional(self) -> bool:
        """Whether it is a 1xx."""
        return self.status < 200

    @property
    def is_success(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300

    def copy(self) -> Response:
        """Another one with header fields of its own."""
        return evolve(self, headers=self.headers.copy())

    def serialize(self) -> bytes:
        """The response's octets; Content-Length is what the body's length is.

        Raises:
            LocalProtocolError: a line end stands where none may be.
        """
        return self._serialize(f"{self.version} {self.status} {self.reason}")


def parse_message(data: bytes) -> Request | Response:
    """Read one whole message by the rules for datagrams (§18.3): octets beyond Content-Length are dropped.

    Line ends before the start line are passed over (§7.5). The version is not judged here; see `validate`.

    Raises:
        TooLarge: the header section, a line of it or the number of header fields is beyond the limits.
        ParseError: no start line, no end of the header section, a header field without a colon or a name, a second
            Call-ID, CSeq, From, To or Max-Forwards, a Content-Length that is none or that announces more than came.
    """
    start = len(data) - len(data.lstrip(b"\r\n")) if data[:1] in (b"\r", b"\n") else 0
    end = data.find(b"\r\n\r\n", start, start + MAX_HEADER_SECTION_OCTETS + 4)
    if end < 0:
        raise _endless(data, start)
    start_line, _, section = data[start:end].decode("utf-8", "surrogateescape").partition("\r\n")
    folded = "\r\n " in section or "\r\n\t" in section
    lines = (_fold.sub(" ", section) if folded else section).split("\r\n") if section else []
    pairs = data.count(b"\r\n", start, end)
    if data.count(b"\n", start, end) != pairs or data.count(b"\r", start, end) != pairs or section[:1] in (" ", "\t"):
        raise _badly_ended(data, start, end)
    if len(lines) > MAX_HEADER_FIELDS:
        raise TooLarge(f"{len(lines)} header fields are more than {MAX_HEADER_FIELDS}", start)
    items: list[tuple[str, str]] = []
    index: dict[str, list[str]] = {}
    may_be_long = end - start > MAX_LINE_CHARACTERS
    for line in lines:
        name, colon, value = line.partition(":")
        key = KNOWN_KEYS.get(name)
        if key is None:
            name = name.rstrip(WHITE)
            key = key_of(name)
            if not is_token(name):
                raise _unreadable(data, line)
        if not colon or (may_be_long and len(line) > MAX_LINE_CHARACTERS):
            raise _unreadable(data, line)
        value = value.strip(WHITE)
        items.append((intern(name), value))
        values = index.get(key)
        if values is None:
            index[key] = [value]
        elif key in _SINGLE and not (key == "content-length" and values[0] == value):
            raise ParseError(f"{name}: appears twice", _offset(data, line), Clause("RFC 3261", "7.3.1"))
        else:
            values.append(value)
    body = data[end + 4 :]
    if "content-length" in index:
        length = read("Content-Length", index["content-length"][0], parse_length)
        if length > len(body):
            # RFC 3261 §18.3: "If the transport packet ends before the end of the message body, this is considered
            # an error."
            missing = f"Content-Length: {length} octets of body announced, {len(body)} came"
            raise ParseError(missing, end + 4, Clause("RFC 3261", "18.3"))
        if length < len(body):
            body = body[:length]
    return _message(start_line, start, Headers.adopt(items, index), body)


def _message(start_line: str, offset: int, headers: Headers, body: bytes) -> Request | Response:
    if len(start_line) > MAX_LINE_CHARACTERS:
        raise TooLarge(f"start line is longer than {MAX_LINE_CHARACTERS} characters", offset)
    words = start_line.split(" ", 2)
    if _is_version(words[0]):
        # Status-Line = SIP-Version SP Status-Code SP Reason-Phrase CRLF
        code = words[1] if len(words) > 1 else ""
        if _is_status(code) is None:
            raise ParseError(f"Status-Line: {excerpt(code)} is not a status code", offset, Clause("RFC 3261", "7.2"))
        return Response(int(code), words[2] if len(words) > 2 else "", headers, body, words[0].upper())
    # Request-Line = Method SP Request-URI SP SIP-Version CRLF
    if len(words) != 3 or not words[1] or not is_token(words[0]) or not _is_version(words[2]):
        wanted = "a method, a URI and a version with one space between"
        raise ParseError(f"Request-Line: {excerpt(start_line)} is not {wanted}", offset, Clause("RFC 3261", "7.1"))
    return Request(words[0], words[1], headers, body, words[2].upper())


def _endless(data: bytes, start: int) -> ParseError:
    if len(data) - start > MAX_HEADER_SECTION_OCTETS:
        return TooLarge(f"header section is longer than {MAX_HEADER_SECTION_OCTETS} octets", start)
    if start == len(data):
        return ParseError("nothing but line ends", 0)
    return ParseError("header section has no end: no empty line", len(data), Clause("RFC 3261", "7"))


def _badly_ended(data: bytes, start: int, end: int) -> ParseError:
    bare = _bare_line_end(data, start, end)
    if bare is not None:
        return ParseError("CR or LF alone in the header section", bare.start(), Clause("RFC 3261", "7"))
    return ParseError("white space where the first header field should begin", start, Clause("RFC 3261", "7.3.1"))


def _unreadable(data: bytes, line: str) -> ParseError:
    if len(line) > MAX_LINE_CHARACTERS:
        return TooLarge(f"header field {excerpt(line)} is longer than {MAX_LINE_CHARACTERS}", _offset(data, line))
    return ParseError(f"{excerpt(line)} is not a header field: no name and colon", _offset(data, line))


def _offset(data: bytes, line: str) -> int | None:
    place = data.rfind(line.encode("utf-8", "surrogateescape"))
    return None if place < 0 else place


def validate(message: Request | Response) -> None:
    """Judge what every message must have right before anybody acts on it (§8.1.1, §8.2, §16.3).

    Max-Forwards may be absent, as in RFC 2543 (§16.3: the check is then passed).

    Raises:
        UnsupportedVersion: it is not SIP/2.0.
        ParseError: To, From, CSeq, Call-ID or Via is absent or cannot be read; or, in a request, the Request-URI,
            Max-Forwards, Contact, Route or Record-Route cannot be, or CSeq has another method.
    """
    if message.version != VERSION:
        raise UnsupportedVersion(f"{excerpt(message.version)} is not {VERSION}", 0, Clause("RFC 3261", "21.5.6"))
    cseq = message.cseq
    _ = message.vias or message.via
    _ = message.from_, message.to, message.call_id
    if isinstance(message, Response):
        return
    _ = message.request_uri, message.max_forwards, message.contacts, message.route, message.record_route
    if cseq.method != message.method:
        # RFC 3261 §8.1.1.5: "The method MUST match that of the request."
        raise ParseError(
            f"CSeq: method {excerpt(cseq.method)} in a request {excerpt(message.method)}",
            clause=Clause("RFC 3261", "8.1.1.5"),
        )


_MOST_HOPS = 70
"""RFC 3261 §8.1.1.6: Max-Forwards begins at 70; nothing has come further."""


def salvage(data: bytes) -> Request | None:
    """What a 400 needs of a request that cannot be read: its Via lines, CSeq, From, To and Call-ID, without body.

    The topmost Via can be read in what comes back: where it could not, only its beginning and its branch are kept.

    Returns:
        A request with no other header fields than these, and without those of From, To and Call-ID that are missing
        (a client finds its transaction by Via and CSeq, §17.1.3). None for a response, for an ACK, which gets no
        answer, and where there is no Via or CSeq to answer by.
    """
    head = data.lstrip(b"\r\n")[:MAX_HEADER_SECTION_OCTETS].partition(b"\r\n\r\n")[0]
    text = _fold.sub(" ", head.decode("utf-8", "surrogateescape")).replace("\r\n", "\n").replace("\r", " ")
    start_line, *lines = text.split("\n")
    words = start_line.split()
    if not words or not is_token(words[0]) or words[0] == "ACK":
        return None
    found: dict[str, list[str]] = {"via": [], "from": [], "to": [], "call-id": [], "cseq": []}
    for line in lines:
        name, _, value = line.partition(":")
        kept = found.get(key_of(name.strip(WHITE)))
        value = value.strip(WHITE)
        if kept is not None and value and len(value) <= MAX_LINE_CHARACTERS and len(kept) < _MOST_HOPS:
            kept.append(value)
    if not found["via"] or not found["cseq"]:
        return None
    top = split_list(found["via"][0])[0]
    try:
        Via.parse(top)
    except ParseError:
        repaired = _beginning_of_via(top)
        if repaired is None:
            return None
        found["via"][0] = repaired
    items = [("Via", value) for value in found["via"]]
    items += [(name, found[name.lower()][0]) for name in ("From", "To", "Call-ID", "CSeq") if found[name.lower()]]
    return Request(words[0], words[1] if len(words) > 1 else "", Headers(items))


_branch = re.compile(rf";[ \t]*+branch[ \t]*+=[ \t]*+({TOKEN})", re.IGNORECASE).search


def _beginning_of_via(text: str) -> str | None:
    beginning = text.partition(";")[0].rstrip(WHITE)
    try:
        Via.parse(beginning)
    except ParseError:
        return None
    branch = _branch(text)
    return beginning if branch is None else f"{beginning};branch={branch[1]}"


def respond(
    request: Request,
    status: int,
    reason: str = "",
    *,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str = "",
) -> Response:
    """A response to a request (§8.2.6): its Via, From, To, Call-ID and CSeq are the request's.

    Args:
        request: as it came, or what `salvage` saved of it.
        status: 100 to 699.
        reason: the reason phrase; "" for the usual one. What is not printable in it becomes a space.
        to_tag: added to a To that has none, except in a 100.
        headers: further header fields, in order.
        body: the body.
        content_type: its type.
    """
    source = request.headers
    copied = [("Via", line) for line in source.written("Via")]
    if 100 < status < 300 and request.method in _DIALOG_CREATING:
        copied += [("Record-Route", line) for line in source.written("Record-Route")]
    for name in ("From", "To", "Call-ID", "CSeq"):
        lines = source.written(name)
        if lines:
            copied.append((name, lines[0]))
            if name == "To" and to_tag and status != 100 and not _has_tag(request, lines[0]):
                copied[-1] = (name, f"{lines[0]};tag={to_tag}")
    if status == 100 and (timestamp := source.get("Timestamp")) is not None:
        # RFC 3261 §8.2.6.1: "any Timestamp header field present in the request MUST be copied into this 100"
        copied.append(("Timestamp", timestamp))
    copied.extend(headers)
    if content_type:
        copied.append(("Content-Type", content_type))
    phrase = reason or reason_phrase(status)
    if not phrase.isprintable():
        phrase = "".join(character if character.isprintable() else " " for character in phrase)
    return Response(status, phrase, Headers(copied), body)


_tag_parameter = re.compile(r";[ \t]*+tag[ \t]*+=", re.IGNORECASE).search


def _has_tag(request: Request, line: str) -> bool:
    try:
        return request.to.tag is not None
    except ParseError:
        return _tag_parameter(line, line.rfind(">") + 1) is not None
