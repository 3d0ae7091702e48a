"""What requests and responses have in common: header fields typed on access (RFC 3261 §20)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from gateway.core.clause import Clause
from gateway.core.errors import LocalProtocolError, ParseError
from gateway.sip.fields.cseq import CSeq, read_cseq
from gateway.sip.fields.grammar import excerpt, is_token, parse_number, split_list
from gateway.sip.fields.media_type import MediaType, read_media_type
from gateway.sip.fields.memory import remembered
from gateway.sip.fields.name_addr import NameAddr, read_name_addr
from gateway.sip.fields.rack import RAck
from gateway.sip.fields.reason import Reason
from gateway.sip.fields.via import Via
from gateway.sip.headers import Headers, key_of

T = TypeVar("T")

_NO_TAGS: Final[frozenset[str]] = frozenset()


def read(name: str, text: str, parse: Callable[[str], T]) -> T:
    """Read a value; what goes wrong is said with the header field's name before it.

    Raises:
        ParseError: `parse` raised it.
    """
    try:
        return parse(text)
    except ParseError as error:
        raise ParseError(f"{name}: {error.message}", error.offset, error.clause) from None


class Message:
    """What requests and responses have in common. The typed properties raise ParseError that names the header field.

    A property for a header field that every message must have raises when it is absent; the others are None or empty.
    The offset of such an error counts from the start of the header field's value.
    """

    __slots__ = ()

    headers: Headers
    body: bytes
    version: str

    def one(self, name: str, parse: Callable[[str], T]) -> T:
        """The value of a header field that must be there, once, read by `parse` and remembered.

        Raises:
            ParseError: it is absent, there are several, or it cannot be read.
        """
        value: T | None = self.headers.typed.get(name)
        if value is None:
            lines = self.headers.written(name)
            if len(lines) != 1:
                raise _not_once(name, lines)
            value = self.headers.typed[name] = read(name, lines[0], parse)
        return value

    def optional(self, name: str, parse: Callable[[str], T]) -> T | None:
        """The value of a header field that may be there once, read by `parse` and remembered.

        Raises:
            ParseError: there are several, or it cannot be read.
        """
        value: T | None = self.headers.typed.get(name)
        if value is None:
            lines = self.headers.written(name)
            if len(lines) > 1:
                raise _not_once(name, lines)
            if lines:
                value = self.headers.typed[name] = read(name, lines[0], parse)
        return value

    def every(self, name: str, parse: Callable[[str], T]) -> list[T]:
        """All values of a header field that is a list, read by `parse` and remembered.

        Raises:
            ParseError: one of them cannot be read, or is empty.
        """
        if not self.headers.written(name):
            return []
        typed = self.headers.typed
        key = f"{name}[]"
        known: list[T] | None = typed.get(key)
        if known is None:
            known = typed[key] = [read(name, value, parse) for value in self.headers.values(name)]
        return known.copy()

    def tokens(self, name: str) -> tuple[str, ...]:
        """All tokens of a header field that is a list of them, as written; empty members are passed over.

        Raises:
            ParseError: one of them is no token.
        """
        if not self.headers.written(name):
            return ()
        typed = self.headers.typed
        key = f"{name}[]"
        known: tuple[str, ...] | None = typed.get(key)
        if known is None:
            known = typed[key] = tuple([read(name, value, _token) for value in self.headers.values(name) if value])
        return known

    def _option_tags(self, name: str) -> frozenset[str]:
        tags = self.tokens(name)
        return frozenset([tag.lower() for tag in tags]) if tags else _NO_TAGS

    @property
    def call_id(self) -> str:
        """Call-ID (§20.8), compared octet by octet."""
        return self.one("Call-ID", _call_id)

    @property
    def cseq(self) -> CSeq:
        """CSeq (§20.16)."""
        return self.one("CSeq", read_cseq)

    @property
    def from_(self) -> NameAddr:
        """From (§20.20)."""
        return self.one("From", read_name_addr)

    @property
    def to(self) -> NameAddr:
        """To (§20.39)."""
        return self.one("To", read_name_addr)

    @property
    def via(self) -> Via:
        """The topmost Via value (§20.42); those below it need not be readable."""
        typed = self.headers.typed
        via: Via | None = typed.get("via")
        if via is None:
            lines = self.headers.written("Via")
            if not lines:
                raise ParseError("Via: missing", clause=Clause("RFC 3261", "8.1.1"))
            via = typed["via"] = read("Via", split_list(lines[0])[0], Via.parse)
        return via

    @property
    def vias(self) -> list[Via]:
        """All Via values, topmost first."""
        lines = self.headers.written("Via")
        if len(lines) == 1 and "," not in lines[0]:
            return [self.via]
        values = self.headers.values("Via")
        return [self.via, *[read("Via", value, Via.parse) for value in values[1:]]] if values else []

    @property
    def contacts(self) -> list[NameAddr]:
        """All Contact values (§20.10); none where it is "*"."""
        lines = self.headers.written("Contact")
        return [] if not lines or lines == ["*"] else self.every("Contact", read_name_addr)

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact value."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    @property
    def is_wildcard_contact(self) -> bool:
        """Whether the only Contact is "*" (§10.2.2)."""
        return self.headers.written("Contact") == ["*"]

    @property
    def route(self) -> list[NameAddr]:
        """All Route values (§20.34)."""
        return self.every("Route", read_name_addr)

    @property
    def record_route(self) -> list[NameAddr]:
        """All Record-Route values (§20.30)."""
        return self.every("Record-Route", read_name_addr)

    @property
    def content_type(self) -> MediaType | None:
        """Content-Type (§20.15)."""
        return self.optional("Content-Type", read_media_type)

    @property
    def content_length(self) -> int | None:
        """Content-Length in octets, as it was written (§20.14)."""
        line = self.headers.get("Content-Length")
        return None if line is None else read("Content-Length", line, parse_length)

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards, 0 to 255 (§20.22)."""
        return self.optional("Max-Forwards", _read_max_forwards)

    @property
    def expires(self) -> int | None:
        """Expires in seconds, below 2**32 (§20.19)."""
        return self.optional("Expires", _delta_seconds)

    @property
    def require(self) -> frozenset[str]:
        """The option tags of Require (§20.32), in lower case."""
        return self._option_tags("Require")

    @property
    def supported(self) -> frozenset[str]:
        """The option tags of Supported (§20.37), in lower case."""
        return self._option_tags("Supported")

    @property
    def allow(self) -> frozenset[str]:
        """The methods of Allow (§20.5); their case matters."""
        return frozenset(self.tokens("Allow"))

    @property
    def accept(self) -> tuple[str, ...]:
        """The media ranges of Accept (§20.1) without their parameters, in lower case: ("application/sdp",)."""
        return tuple(read("Accept", value, read_media_type).essence for value in self.headers.values("Accept") if value)

    @property
    def rack(self) -> RAck | None:
        """RAck (RFC 3262 §7.2)."""
        return self.optional("RAck", RAck.parse)

    @property
    def rseq(self) -> int | None:
        """RSeq, 1 to 2**32 - 1 (RFC 3262 §7.1)."""
        return self.optional("RSeq", _rseq)

    @property
    def reasons(self) -> list[Reason]:
        """All Reason values (RFC 3326 §2)."""
        return self.every("Reason", Reason.parse)

    def replace_via(self, via: Via) -> None:
        """Put another value in the place of the topmost Via: received, rport (§18.2.1, RFC 3581 §4)."""
        self.headers.replace_first_value("Via", via.serialize())
        self.headers.typed["via"] = via

    def push_via(self, via: Via) -> None:
        """Put a Via above the others (§18.1.1)."""
        self.headers.prepend("Via", via.serialize())

    def pop_via(self) -> None:
        """Take away the topmost Via value (§16.7)."""
        self.headers.replace_first_value("Via", None)

    def _serialize(self, start_line: str) -> bytes:
        lines = [start_line]
        if self.headers.get("Content-Length") is None:
            lines += [f"{name}: {value}" for name, value in self.headers]
            lines.append(f"Content-Length: {len(self.body)}")
        else:
            lines += self._counted_lines()
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
            raise LocalProtocolError(f"a line end inside the start line or a header field of {excerpt(start_line)}")
        return text.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body

    def _counted_lines(self) -> Iterator[str]:
        """The header fields, the first Content-Length as it should be and without any other."""
        counted = False
        for name, value in self.headers:
            if key_of(name) != "content-length":
                yield f"{name}: {value}"
            elif not counted:
                counted = True
                yield f"{name}: {len(self.body)}"


def _not_once(name: str, lines: Sequence[str]) -> ParseError:
    if lines:
        return ParseError(f"{name}: appears {len(lines)} times", clause=Clause("RFC 3261", "7.3.1"))
    return ParseError(f"{name}: missing", clause=Clause("RFC 3261", "8.1.1"))


def _token(text: str) -> str:
    if not is_token(text):
        raise ParseError(f"{excerpt(text)} is not a token", 0)
    return text


def _call_id(text: str) -> str:
    if not text or " " in text or "\t" in text:
        raise ParseError(f"{excerpt(text)} is not one word", 0, Clause("RFC 3261", "20.8"))
    return text


def parse_length(text: str) -> int:
    return parse_number(text, "length", 2**63 - 1)


def _max_forwards(text: str) -> int:
    return parse_number(text, "number of hops", 255)


_read_max_forwards = remembered(_max_forwards)


def _delta_seconds(text: str) -> int:
    return parse_number(text, "number of seconds", 2**32 - 1)


def _rseq(text: str) -> int:
    number = parse_number(text, "response number", 2**32 - 1)
    if number == 0:
        raise ParseError("response number 0 is less than 1", 0, Clause("RFC 3262", "7.1"))
    return number
