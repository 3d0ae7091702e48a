"""Content-Type and Accept values: `type/subtype;parameters` (RFC 3261 §20.15, §20.1)."""

from __future__ import annotations

import re

from attrs import frozen

from gateway.core.errors import ParseError
from gateway.sip.fields.grammar import TOKEN, excerpt
from gateway.sip.fields.memory import remembered
from gateway.sip.fields.parameters import NO_PARAMETERS, Parameters

_grammar = re.compile(rf"({TOKEN})[ \t]*+/[ \t]*+({TOKEN})").match


@frozen
class MediaType:
    """A media type; type and subtype are held in lower case, for they compare without regard to it."""

    type: str
    subtype: str
    params: Parameters = NO_PARAMETERS

    @classmethod
    def parse(cls, text: str) -> MediaType:
        """Read `application/sdp;charset=utf-8`.

        Raises:
            ParseError: there is no type and subtype, or a parameter is broken.
        """
        match = _grammar(text)
        if match is None:
            raise ParseError(f"{excerpt(text)} is not a media type", 0)
        return cls(match[1].lower(), match[2].lower(), Parameters.parse(text, match.end()))

    @property
    def essence(self) -> str:
        """`type/subtype` without the parameters: "application/sdp"."""
        return f"{self.type}/{self.subtype}"

    def serialize(self) -> str:
        """The media type as a header field value."""
        return self.essence + self.params.serialize()

    def __str__(self) -> str:
        return self.essence


read_media_type = remembered(MediaType.parse)
"""`MediaType.parse`, remembering what it has read."""
