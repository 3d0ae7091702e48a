"""CSeq: sequence number and method (RFC 3261 §8.1.1.5, §20.16)."""

from __future__ import annotations

import re

from attrs import field, frozen
from attrs.validators import and_, ge, lt

from gateway.core.errors import ParseError
from gateway.sip.fields.grammar import TOKEN, excerpt
from gateway.sip.fields.memory import remembered

_grammar = re.compile(rf"([0-9]++)[ \t]++({TOKEN})").fullmatch

LIMIT = 2**31


@frozen
class CSeq:
    """The sequence number, below 2**31, and the request's method, whose case matters."""

    number: int = field(validator=and_(ge(0), lt(LIMIT)))
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Read `4711 INVITE`.

        Raises:
            ParseError: it is not a number and a method, or the number is not below 2**31.
        """
        match = _grammar(text)
        if match is None:
            raise ParseError(f"{excerpt(text)} is not a number and a method", 0)
        digits, method = match.groups()
        # RFC 3261 §8.1.1.5: "MUST be expressible as a 32-bit unsigned integer and MUST be less than 2**31"
        if (len(digits) > 10 and len(digits.lstrip("0")) > 10) or (number := int(digits)) >= LIMIT:
            raise ParseError(f"{excerpt(digits)} is not below 2**31", 0)
        return cls(number, method)

    def serialize(self) -> str:
        """`4711 INVITE`."""
        return f"{self.number} {self.method}"


read_cseq = remembered(CSeq.parse)
"""`CSeq.parse`, remembering what it has read."""
