"""DTMF in INFO bodies: liberal in what is read, strict in what is written.

There is no specification of `application/dtmf-relay` and `application/dtmf`, only habit: `Signal=5` and
`Duration=160` on lines of their own. Readers meet spaces around "=", no final line end, extra lines, `10` and `11`
for "*" and "#", and a bare digit. RFC 6086 §4.2.2 leaves this "legacy" INFO usage to itself.
"""

from __future__ import annotations

import re

from attrs import frozen

from gateway.core.errors import ParseError

DTMF_RELAY = "application/dtmf-relay"
DTMF = "application/dtmf"
DEFAULT_DURATION_MS = 160
SHORTEST_MS, LONGEST_MS = 40, 5000

_DIGITS = "0123456789*#ABCD"
_NAMED = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D", "star": "*", "pound": "#", "hash": "#"}
_LINE = re.compile(r"^\s*(signal|s|duration|d)\s*[=:]\s*(\S.*?)?\s*$", re.IGNORECASE)


@frozen
class DtmfRelay:
    """One digit that somebody pressed.

    Args:
        signal: one of 0-9 * # A B C D.
        duration_ms: how long, 40..5000.
    """

    signal: str
    duration_ms: int = DEFAULT_DURATION_MS

    @classmethod
    def parse(cls, body: bytes) -> DtmfRelay:
        """Read the body of an `application/dtmf-relay` or `application/dtmf` INFO.

        Raises:
            ParseError: there is no digit in it.
        """
        text = body.decode("utf-8", "replace")
        found: dict[str, str] = {}
        for line in text.splitlines():
            if match := _LINE.match(line):
                found.setdefault(match[1].lower()[0], match[2] or "")
        signal = found.get("s", text.strip() if "=" not in text else "")
        signal = signal.strip("\"' ")
        digit = _NAMED.get(signal.lower(), signal.upper())
        if len(digit) != 1 or digit not in _DIGITS:
            shown = signal[:16] or text.strip()[:16]
            raise ParseError(f"dtmf-relay: no digit 0-9 * # A-D in Signal, but {shown!r}")
        duration = found.get("d", "")
        number = (
            int(duration) if duration.isascii() and duration.isdigit() and len(duration) < 7 else DEFAULT_DURATION_MS
        )
        return cls(digit, min(max(number, SHORTEST_MS), LONGEST_MS))

    def serialize(self) -> bytes:
        """The form that the most readers take."""
        return f"Signal={self.signal}\r\nDuration={self.duration_ms}\r\n".encode()
