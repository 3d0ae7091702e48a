"""Address signals and the code points that all numbers share (ITU-T Q.763 §3.9 and §3.10).

Address signals are four bits each, two to an octet, the first in the low half; an odd count leaves a filler in the last
high half and sets the odd/even indicator. In text here they are `0` to `9`, `*` for code 11, `#` for code 12, `F` for
ST (end of pulsing), and `A D E` for the spare codes 10, 13 and 14. `B` and `C` are read as `*` and `#`.
"""

from __future__ import annotations

from enum import IntEnum

from gateway.core.clause import Clause
from gateway.core.errors import ParseError

ST = "F"

_ALPHABET = "0123456789A*#DEF"
_SIGNALS = {character: signal for signal, character in enumerate(_ALPHABET)} | {"B": 11, "C": 12}
_CANONICAL = str.maketrans("BCabcdef", "*#A*#DEF")
_TO_HEX = str.maketrans("*#", "BC")
_FROM_HEX = str.maketrans("abcdef", "A*#DEF")
_HALVES_EXCHANGED = bytes((octet & 15) << 4 | octet >> 4 for octet in range(256))
_CLAUSE = Clause("ITU-T Q.763", "3.9")


class NatureOfAddress(IntEnum):
    """Nature of address indicator (ITU-T Q.763 §3.9 b)."""

    SPARE = 0
    SUBSCRIBER = 1
    UNKNOWN = 2
    NATIONAL = 3
    INTERNATIONAL = 4
    NETWORK_SPECIFIC = 5
    ROUTING_NUMBER_NATIONAL = 6
    ROUTING_NUMBER_NETWORK_SPECIFIC = 7
    ROUTING_NUMBER_WITH_CALLED_DIRECTORY_NUMBER = 8


class NumberingPlan(IntEnum):
    """Numbering plan indicator (ITU-T Q.763 §3.9 d)."""

    SPARE = 0
    ISDN = 1
    DATA = 3
    TELEX = 4
    PRIVATE = 5
    NATIONAL_USE = 6


class Presentation(IntEnum):
    """Address presentation restricted indicator (ITU-T Q.763 §3.10 e)."""

    ALLOWED = 0
    RESTRICTED = 1
    NOT_AVAILABLE = 2
    RESTRICTED_BY_NETWORK = 3


class Screening(IntEnum):
    """Screening indicator (ITU-T Q.763 §3.10 f; the values 0 and 2 are for generic numbers only, §3.26)."""

    USER_PROVIDED_NOT_VERIFIED = 0
    USER_PROVIDED_VERIFIED_AND_PASSED = 1
    USER_PROVIDED_VERIFIED_AND_FAILED = 2
    NETWORK_PROVIDED = 3


def canonical_digits(digits: str) -> str:
    """Digits as this module writes them: "12bF" becomes "12*F".

    Raises:
        ValueError: a character that no address signal stands for.
    """
    if digits.isascii() and digits.isdecimal():
        return digits
    text = digits.translate(_CANONICAL)
    for character in text:
        if character not in _SIGNALS:
            raise ValueError(f"address signals {digits!r}: {character!r} is none of 0-9 * # A-F")
    return text


def pack_signals(digits: str, filler: int = 0) -> bytes:
    """Digits as octets, the first of each pair in the low half; `filler` (4 bits) completes an odd count."""
    signals = digits.translate(_TO_HEX)
    if len(signals) % 2:
        signals += f"{filler:X}"
    return bytes.fromhex(signals).translate(_HALVES_EXCHANGED)


def unpack_signals(octets: bytes, odd: bool) -> tuple[str, int]:
    """The digits, and the filler where the count is odd (else 0).

    Raises:
        ParseError: an odd count, yet no octets.
    """
    text = octets.translate(_HALVES_EXCHANGED).hex().translate(_FROM_HEX)
    if not odd:
        return text, 0
    if not octets:
        raise ParseError("odd number of address signals in 0 octets", clause=_CLAUSE)
    return text[:-1], octets[-1] >> 4
