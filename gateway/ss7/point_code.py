"""Signalling point codes of 14 bits (ITU-T Q.704 §2.2; the written form is that of ITU-T Q.708)."""

from __future__ import annotations

from gateway.core.clause import Clause
from gateway.core.errors import ParseError

BITS = 14
GREATEST = (1 << BITS) - 1

_CLAUSE = Clause("ITU-T Q.708")


def parse_point_code(text: str) -> int:
    """The number behind "2-100-3" (3, 8 and 3 bits: zone, network, signalling point) or behind plain "4899".

    Raises:
        ParseError: neither form, or a part is out of its range.
    """
    parts = text.strip().split("-")
    if not all(part.isascii() and part.isdigit() for part in parts) or len(parts) not in (1, 3):
        raise ParseError(f"point code {text!r}: neither a number nor zone-network-point", clause=_CLAUSE)
    if len(parts) == 1:
        value = int(parts[0])
        if value > GREATEST:
            raise ParseError(f"point code {value}: greatest is {GREATEST}", clause=_CLAUSE)
        return value
    zone, network, point = (int(part) for part in parts)
    for name, number, greatest in (("zone", zone, 7), ("network", network, 255), ("point", point, 7)):
        if number > greatest:
            raise ParseError(f"point code {text!r}: {name} {number}, greatest is {greatest}", clause=_CLAUSE)
    return zone << 11 | network << 3 | point


def format_point_code(value: int) -> str:
    """ "2-100-3" for 4899.

    Raises:
        ValueError: `value` does not fit into 14 bits.
    """
    if not 0 <= value <= GREATEST:
        raise ValueError(f"point code {value}: 0 to {GREATEST}")
    return f"{value >> 11}-{value >> 3 & 0xFF}-{value & 7}"
