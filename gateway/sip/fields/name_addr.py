"""name-addr and addr-spec with header parameters: From, To, Contact, Route, Record-Route, ... (RFC 3261 §20.10)."""

from __future__ import annotations

import re

from attrs import evolve

from gateway.core.errors import ParseError
from gateway.core.values import value
from gateway.sip.fields.grammar import QUOTED_STRING, TOKEN, excerpt, quote, unquote
from gateway.sip.fields.memory import remembered
from gateway.sip.fields.parameters import NO_PARAMETERS, Parameters
from gateway.sip.uri import Uri, read_uri

# name-addr = [ display-name ] LAQUOT addr-spec RAQUOT;  display-name = *(token LWS) / quoted-string
# Deviation: octets above 127 are taken in an unquoted display name, as many phones write them.
_bracketed = re.compile(
    rf"(?P<display>{QUOTED_STRING}|(?:[A-Za-z0-9\-.!%*_+`'~ \t]|[^\x00-\x7f])*+)[ \t]*+<(?P<uri>[^<>]*+)>[ \t]*+",
    re.DOTALL,
).match
_plain_display = re.compile(rf"{TOKEN}(?: {TOKEN})*+").fullmatch


@value
class NameAddr:
    """A URI with an optional display name and the header's parameters.

    Args:
        display_name: what it says, without quotes; "" for none.
        uri: the URI.
        params: the header's parameters (outside the angle brackets): tag, q, expires, ...
    """

    uri: Uri
    display_name: str = ""
    params: Parameters = NO_PARAMETERS

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Read `"Bob" <sip:bob@example.com>;tag=a6c85cf` or `sip:bob@example.com;tag=a6c85cf`.

        Raises:
            ParseError: unbalanced quotes or brackets, a broken URI or broken parameters.
        """
        match = _bracketed(text)
        if match is not None:
            display = match["display"].strip(" \t")
            uri, start = match["uri"], match.start("uri")
            params = Parameters.parse(text, match.end())
        else:
            # RFC 3261 §20: without brackets "any semicolon-delimited parameters are header-parameters", and a URI
            # that has a comma, question mark or semicolon needs them.
            written, semicolon, _ = text.partition(";")
            uri, start, display = written.rstrip(" \t"), 0, ""
            if '"' in uri or "<" in uri or ">" in uri:
                raise ParseError(f"{excerpt(text)} is neither a URI nor a name with a URI in angle brackets", 0)
            if "?" in uri or "," in uri:
                raise ParseError(f"{excerpt(text)}: a URI with '?' or ',' needs angle brackets", 0)
            params = Parameters.parse(text, len(written)) if semicolon else Parameters()
        try:
            parsed = read_uri(uri)
        except ParseError as error:
            raise ParseError(error.message, start + (error.offset or 0), error.clause) from None
        return cls(parsed, unquote(display) if display[:1] == '"' else display, params)

    @property
    def tag(self) -> str | None:
        """The dialog's tag (§19.3), None where there is none."""
        return self.params.get("tag")

    def with_tag(self, tag: str) -> NameAddr:
        """The same with this tag."""
        return evolve(self, params=self.params.with_("tag", tag))

    def serialize(self) -> str:
        """The value, its URI always in angle brackets."""
        display = ""
        if self.display_name:
            plain = _plain_display(self.display_name) is not None
            display = f"{self.display_name} " if plain else f"{quote(self.display_name)} "
        return f"{display}<{self.uri.serialize()}>{self.params.serialize()}"


read_name_addr = remembered(NameAddr.parse)
"""`NameAddr.parse`, remembering what it has read."""
