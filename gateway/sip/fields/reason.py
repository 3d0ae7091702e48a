"""Reason: why a request was sent or a response given (RFC 3326 §2)."""

from __future__ import annotations

import re

from attrs import frozen

from gateway.core.errors import ParseError
from gateway.sip.fields.grammar import TOKEN, excerpt, quote
from gateway.sip.fields.parameters import NO_PARAMETERS, Parameters

_grammar = re.compile(TOKEN).match


@frozen
class Reason:
    """One reason value.

    Args:
        protocol: "SIP" or "Q.850", or another; as written.
        cause: a status code or a Q.850 cause value; None where there is none.
        text: what it means, for people; "" where there is none.
        params: whatever other parameters it has.
    """

    protocol: str
    cause: int | None = None
    text: str = ""
    params: Parameters = NO_PARAMETERS

    @classmethod
    def parse(cls, value: str) -> Reason:
        """Read `Q.850;cause=16;text="Terminated"`.

        Raises:
            ParseError: there is no protocol, a parameter is broken, or the cause is not a number.
        """
        match = _grammar(value)
        if match is None:
            raise ParseError(f"{excerpt(value)} does not begin with a protocol", 0)
        params = Parameters.parse(value, match.end())
        written = params.get("cause")
        if written is not None and not (written.isascii() and written.isdigit() and len(written) <= 9):
            raise ParseError(f"cause {excerpt(written)} is not a number", match.end())
        return cls(
            match[0],
            None if written is None else int(written),
            params.get("text") or "",
            params.without("cause").without("text"),
        )

    def serialize(self) -> str:
        """The reason as a header field value."""
        cause = "" if self.cause is None else f";cause={self.cause}"
        text = f";text={quote(self.text)}" if self.text else ""
        return f"{self.protocol}{cause}{text}{self.params.serialize()}"
