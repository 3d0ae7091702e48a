"""Reading a session description (RFC 8866 §5 and §9).

Strict where a mistake would change the meaning (version, origin, connection, media), tolerant where it would not: lines
may end in LF alone, a missing t= line and fields out of order are let through, and every line is kept as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from gateway.core.clause import Clause
from gateway.core.errors import ParseError
from gateway.core.values import value
from gateway.sdp.model import Attribute, Connection, Line, Media, Origin, SessionDescription

MAXIMUM_OCTETS = 65_535
MAXIMUM_LINES = 5_000

# token = 1*(token-char), RFC 8866 §9
_TOKEN = r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+"
_ATTRIBUTE_NAME = re.compile(_TOKEN)
_MEDIA = re.compile(rf"(?P<kind>{_TOKEN}) +(?P<port>[0-9]+)(?:/(?P<ports>[0-9]+))? +(?P<proto>{_TOKEN}(?:/{_TOKEN})*)")
# FQDN = 4*(alpha-numeric / "-" / "."), RFC 8866 §9; shorter names occur, and so do underscores.
_HOST_NAME = re.compile(r"[0-9A-Za-z_.\-]+")


LONGEST_REMEMBERED = 200
"""Characters of a line that is remembered: descriptions of one maker differ in two or three lines."""


@value
class _Numbered:
    """A line with where it stood."""

    number: int
    offset: int
    type: str
    value: str

    def error(self, what: str, section: str) -> ParseError:
        return ParseError(f"line {self.number}: {what}", self.offset, Clause("RFC 8866", section))


def parse(data: bytes) -> SessionDescription:
    """Read a description.

    Args:
        data: the octets of an application/sdp body.

    Raises:
        ParseError: with the line's number (from 1), what is wrong with it, its offset and the clause.
    """
    if len(data) > MAXIMUM_OCTETS:
        raise ParseError(f"session description of {len(data)} octets: more than {MAXIMUM_OCTETS} are not read")
    usual = read_usual(data)
    return read_carefully(data) if usual is None else usual


def read_usual(data: bytes) -> SessionDescription | None:
    """The description, if all its lines end in CRLF and nothing is wrong with any; else None."""
    lines = data.decode("utf-8", "surrogateescape").split("\r\n")
    ends = len(lines) - 1
    if lines.pop() or not 3 <= ends < MAXIMUM_LINES or data.count(b"\n") != ends or data.count(b"\r") != ends:
        return None
    version, origin, name, *rest = lines
    if version != "v=0" or origin[:2] != "o=" or name[:2] != "s=" or b"\0" in data:
        return None
    session_lines: list[Line] = []
    media: list[tuple[str, list[Line]]] = []
    current = session_lines
    for text in rest:
        if text[:2] == "m=":
            current = []
            media.append((text, current))
            continue
        line = _known_line(text) if len(text) <= LONGEST_REMEMBERED else _line(text)
        if line is None:
            return None
        current.append(line)
    try:
        return SessionDescription(
            _origin(_Numbered(2, 0, "o", origin[2:])),
            name[2:],
            tuple(session_lines),
            tuple([_media(_Numbered(0, 0, "m", text[2:]), below) for text, below in media]),
        )
    except ParseError:
        return None


def _line(text: str) -> Line | None:
    """One line below s= and other than m=; None if anything is wrong with it."""
    if text[1:2] != "=" or not text[0].isascii() or not text[0].isalpha():
        return None
    try:
        _check(_Numbered(0, 0, text[0], text[2:]))
    except ParseError:
        return None
    return Line(text[0], text[2:])


_known_line = lru_cache(maxsize=1024)(_line)


def read_carefully(data: bytes) -> SessionDescription:
    """The description, or what is wrong with it.

    Raises:
        ParseError: as `parse`.
    """
    lines = list(_numbered_lines(data))
    if not lines:
        raise ParseError("line 1: empty session description, v=0 expected", 0, Clause("RFC 8866", "5"))
    _expect_head(lines)
    origin = _origin(lines[1])
    session_lines: list[Line] = []
    media: list[Media] = []
    current: tuple[_Numbered, list[Line]] | None = None
    for line in lines[3:]:
        if line.type == "m":
            if current is not None:
                media.append(_media(*current))
            current = (line, [])
            continue
        _check(line)
        (session_lines if current is None else current[1]).append(Line(line.type, line.value))
    if current is not None:
        media.append(_media(*current))
    return SessionDescription(origin, lines[2].value, tuple(session_lines), tuple(media))


def _numbered_lines(data: bytes) -> Iterator[_Numbered]:
    """Split at CRLF or LF ("parsers SHOULD be tolerant", RFC 8866 §5); empty lines may only stand at the end."""
    offset = 0
    empty: int | None = None
    pieces = data.split(b"\n")
    if len(pieces) > MAXIMUM_LINES:
        raise ParseError(f"session description of {len(pieces)} lines: more than {MAXIMUM_LINES} are not read")
    for number, piece in enumerate(pieces, 1):
        octets = piece.removesuffix(b"\r")
        if not octets:
            empty = empty or number
        else:
            line = _Numbered(number, offset, "", "")
            if empty is not None:
                raise _Numbered(empty, offset, "", "").error("empty line inside the description", "5")
            if b"\0" in octets or b"\r" in octets:
                raise line.error(f"octet 0x{0 if 0 in octets else 13:02x} in a value", "5")
            text = octets.decode("utf-8", "surrogateescape")
            if text[1:2] != "=" or not text[0].isascii() or not text[0].isalpha():
                raise line.error(f"{text[:20]!r} is not of the form type=value", "5")
            yield _Numbered(number, offset, text[0], text[2:])
        offset += len(piece) + 1


def _expect_head(lines: list[_Numbered]) -> None:
    """The first three lines are v=, o= and s=, in this order (RFC 8866 §5)."""
    for index, (wanted, section) in enumerate((("v", "5.1"), ("o", "5.2"), ("s", "5.3"))):
        if index >= len(lines):
            last = lines[-1]
            raise _Numbered(last.number + 1, last.offset, "", "").error(f"{wanted}= expected, the end found", section)
        line = lines[index]
        if line.type != wanted:
            raise line.error(f"{wanted}= expected, {line.type}= found", section)
    if lines[0].value.strip() != "0":
        raise lines[0].error(f"version {lines[0].value[:20]!r} is not 0", "5.1")


def _check(line: _Numbered) -> None:
    # Deviation: RFC 8866 §5 has an unknown type letter make the whole description invalid. It is kept and passed on:
    # a gateway in a laboratory should not lose a call to a line that it has no use for.
    if line.type in "vos":
        raise line.error(f"a second {line.type}= line", "5")
    if line.type == "c":
        _check_connection(line)
    elif line.type == "a":
        name = Attribute.split(line.value).name
        if not _ATTRIBUTE_NAME.fullmatch(name):
            raise line.error(f"attribute name {name[:20]!r} is not a token", "5.13")
    elif line.type == "t" and len(line.value.split()) != 2:
        raise line.error(f"t= has {len(line.value.split())} fields, 2 expected", "5.9")


def _origin(line: _Numbered) -> Origin:
    fields = line.value.split()
    if len(fields) != 6:
        raise line.error(f"o= has {len(fields)} fields, 6 expected", "5.2")
    if " ".join(fields) != line.value:
        raise line.error("o= has more than single spaces between its fields", "5.2")
    for what, digits in (("session id", fields[1]), ("version", fields[2])):
        if not (digits.isascii() and digits.isdigit()):
            raise line.error(f"o= {what} {digits[:20]!r} is not a number", "5.2")
    return Origin(*fields)


def _check_connection(line: _Numbered) -> None:
    fields = line.value.split()
    if len(fields) != 3:
        raise line.error(f"c= has {len(fields)} fields, 3 expected", "5.7")
    connection = Connection(*fields)
    if connection.network_type != "IN" or connection.address_type not in ("IP4", "IP6"):
        return
    suffixes = connection.address.split("/")[1:]
    if not all(suffix.isascii() and suffix.isdigit() for suffix in suffixes):
        raise line.error(f"c= address {connection.address[:40]!r}: what follows the / is not a number", "5.7")
    ip = connection.ip
    if ip is None:
        looks_numeric = connection.address_type == "IP4" and re.fullmatch(r"[0-9.]+", connection.host)
        if looks_numeric or not _HOST_NAME.fullmatch(connection.host):
            raise line.error(f"c= address {connection.host[:40]!r} is neither an address nor a host name", "5.7")
    elif f"IP{ip.version}" != connection.address_type:
        raise line.error(f"c= address {connection.host} is not of type {connection.address_type}", "5.7")


def _media(line: _Numbered, lines: list[Line]) -> Media:
    match = _MEDIA.match(line.value)
    if match is None:
        raise line.error(f"m={line.value[:40]!r} is not media, port and protocol", "5.14")
    port, ports = int(match["port"][:7]), int((match["ports"] or "1")[:7])
    if port > 65_535:
        raise line.error(f"m= port {match['port'][:20]} is above 65535", "5.14")
    if not 1 <= ports <= 32_768:
        raise line.error(f"m= number of ports {match['ports'][:20]} is not between 1 and 32768", "5.14")
    rest = line.value[match.end() :]
    formats = rest.split()
    if not formats or not rest.startswith(" "):
        raise line.error("m= lists no format", "5.14")
    return Media(match["kind"], port, match["proto"], tuple(formats), tuple(lines), ports)
