"""Content-Disposition: what a body is for, and whether it must be understood (RFC 3261 §20.11; RFC 5621 §8)."""

from __future__ import annotations

import re

from attrs import frozen

from gateway.core.errors import ParseError
from gateway.sip.fields.grammar import TOKEN, excerpt
from gateway.sip.fields.parameters import NO_PARAMETERS, Parameters

_grammar = re.compile(TOKEN).match

REQUIRED = "required"
OPTIONAL = "optional"


@frozen
class ContentDisposition:
    """A disposition type, in lower case, and its parameters."""

    type: str
    params: Parameters = NO_PARAMETERS

    @classmethod
    def parse(cls, text: str) -> ContentDisposition:
        """Read `signal;handling=optional`.

        Raises:
            ParseError: there is no type, or a parameter is broken.
        """
        match = _grammar(text)
        if match is None:
            raise ParseError(f"{excerpt(text)} is not a disposition", 0)
        return cls(match[0].lower(), Parameters.parse(text, match.end()))

    @property
    def handling(self) -> str:
        """ "required", which is the default (RFC 5621 §8), "optional", or another word; in lower case."""
        return (self.params.get("handling") or REQUIRED).lower()

    def serialize(self) -> str:
        """The disposition as a header field value."""
        return self.type + self.params.serialize()
