"""RAck: which reliable provisional response a PRACK acknowledges (RFC 3262 §7.2)."""

from __future__ import annotations

import re

from attrs import frozen

from gateway.core.errors import ParseError
from gateway.sip.fields.cseq import CSeq
from gateway.sip.fields.grammar import excerpt, parse_number

_grammar = re.compile(r"([0-9]++)[ \t]++([0-9].*+)", re.DOTALL).fullmatch


@frozen
class RAck:
    """The RSeq value of the response, and its CSeq number and method."""

    rseq: int
    cseq: CSeq

    @classmethod
    def parse(cls, text: str) -> RAck:
        """Read `776656 1 INVITE`.

        Raises:
            ParseError: it is not two numbers and a method, or a number is out of its range.
        """
        match = _grammar(text)
        if match is None:
            raise ParseError(f"{excerpt(text)} is not two numbers and a method", 0)
        return cls(parse_number(match[1], "response number", 2**32 - 1), CSeq.parse(match[2]))

    def serialize(self) -> str:
        """`776656 1 INVITE`."""
        return f"{self.rseq} {self.cseq.serialize()}"
