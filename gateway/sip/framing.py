"""Messages out of a TCP stream (RFC 3261 §18.3, §7.5) and the keepalives between them (RFC 5626 §3.5.1).

A stream has no edges of its own: where a message ends is what its Content-Length says (§20.14). When that cannot
be known, nothing after it can be read either; the framer then says what is wrong and takes no more.
"""

from __future__ import annotations

import re

from gateway.core.errors import RemoteProtocolError
from gateway.sip.fields.grammar import excerpt
from gateway.sip.message import MAX_HEADER_SECTION_OCTETS

MAX_BODY_OCTETS = 1 << 20

_END = b"\r\n\r\n"
# The name stands at the start of a line, so neither the start line nor a folded one can be mistaken for it.
_content_length = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*+:((?:[^\r\n]++|\r(?!\n)|\n|\r\n[ \t])*+)", re.IGNORECASE
).finditer


class StreamFramer:
    """One direction of one connection: octets in as they come, whole messages out.

    Args:
        max_body_octets: a Content-Length above it is refused with 413.
    """

    def __init__(self, max_body_octets: int = MAX_BODY_OCTETS) -> None:
        self._max_body_octets = max_body_octets
        self._buffer = bytearray()
        self._searched = 0
        self._needed: int | None = None
        self._line_end_octets = 0
        self.pings = 0
        """How many keepalives (two CRLFs) have come; whoever answers them, with one CRLF each, counts this down."""
        self.error: RemoteProtocolError | None = None
        """What broke the stream, with the status to answer; the connection is to be closed then."""
        self.broken = b""
        """The octets of the message that broke it, as far as they are known: for `salvage`."""

    @property
    def pending_octets(self) -> int:
        """How many octets of an unfinished message are held."""
        return len(self._buffer)

    def feed(self, octets: bytes) -> list[bytes]:
        """Take what the connection brought; see `error` afterwards.

        Returns:
            The messages that are now whole, in order, each from its start line to the last octet of its body.
        """
        messages: list[bytes] = []
        if self.error is not None:
            return messages
        self._buffer += octets
        while self._take_one(messages):
            pass
        return messages

    def _take_one(self, messages: list[bytes]) -> bool:
        if self._needed is None and not self._find_end():
            return False
        if self._needed is None or len(self._buffer) < self._needed:
            return False
        messages.append(bytes(self._buffer[: self._needed]))
        del self._buffer[: self._needed]
        self._needed = None
        self._searched = 0
        return True

    def _find_end(self) -> bool:
        buffer = self._buffer
        if self._searched == 0:
            self._drop_line_ends()
        end = buffer.find(_END, max(0, self._searched - 3), MAX_HEADER_SECTION_OCTETS + 4)
        if end < 0:
            self._searched = len(buffer)
            if len(buffer) >= MAX_HEADER_SECTION_OCTETS + 4:
                self._break(
                    413, f"header section is longer than {MAX_HEADER_SECTION_OCTETS} octets", MAX_HEADER_SECTION_OCTETS
                )
            return False
        written = {b" ".join(match[1].split()) for match in _content_length(buffer, 0, end)}
        if len(written) != 1:
            # RFC 3261 §18.3: "The Content-Length header field MUST be used with stream oriented transports."
            what = "missing, and a stream cannot do without" if not written else "several that differ"
            self._break(400, f"Content-Length: {what}", end + 4)
            return False
        text = written.pop().decode("latin-1")
        if not (text.isascii() and text.isdigit()):
            self._break(400, f"Content-Length: {excerpt(text)} is not a number", end + 4)
            return False
        significant = text.lstrip("0") or "0"
        if len(significant) > 18 or int(significant) > self._max_body_octets:
            self._break(413, f"Content-Length: {excerpt(text)} is more than {self._max_body_octets}", end + 4)
            return False
        self._needed = end + 4 + int(significant)
        return True

    def _drop_line_ends(self) -> None:
        # RFC 3261 §7.5: "MUST ignore any CRLF appearing before the start-line"; two of them are a keepalive.
        buffer = self._buffer
        run = len(buffer) - len(buffer.lstrip(b"\r\n"))
        for octet in buffer[:run]:
            if octet == b"\r\n"[self._line_end_octets % 2]:
                self._line_end_octets += 1
            else:
                self._line_end_octets = 1 if octet == 0x0D else 0
            if self._line_end_octets == 4:
                self.pings += 1
                self._line_end_octets = 0
        if run < len(buffer):
            self._line_end_octets = 0
        del buffer[:run]

    def _break(self, status: int, message: str, known_octets: int) -> None:
        self.error = RemoteProtocolError(message, sip_status=status)
        self.broken = bytes(self._buffer[:known_octets])
        self._buffer.clear()
