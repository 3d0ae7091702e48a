"""Via: where the request has been and where its response goes (RFC 3261 §20.42; RFC 3581)."""

from __future__ import annotations

import re

from attrs import evolve

from gateway.core.errors import ParseError
from gateway.core.values import value
from gateway.sip.fields.grammar import TOKEN, excerpt
from gateway.sip.fields.parameters import NO_PARAMETERS, Parameters

MAGIC_COOKIE = "z9hG4bK"
"""What every branch of RFC 3261 begins with (§8.1.1.7)."""

# via-parm = sent-protocol LWS sent-by *( SEMI via-params );  sent-protocol = name SLASH version SLASH transport
_grammar = re.compile(
    rf"(?P<protocol>{TOKEN})[ \t]*+/[ \t]*+(?P<version>{TOKEN})[ \t]*+/[ \t]*+(?P<transport>{TOKEN})[ \t]++"
    r"(?P<host>\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9_\-.]++)(?:[ \t]*+:[ \t]*+(?P<port>[0-9]{1,9}+))?"
).match


@value
class Via:
    """One Via value.

    Args:
        transport: "UDP", "TCP", ...; as written.
        host: the sent-by host; an IPv6 reference keeps its brackets.
        port: the sent-by port, None where it is not written.
        params: branch, received, rport and the rest.
        protocol: the sent-protocol's name and version.
    """

    transport: str
    host: str
    port: int | None = None
    params: Parameters = NO_PARAMETERS
    protocol: str = "SIP/2.0"

    @classmethod
    def parse(cls, text: str) -> Via:
        """Read `SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776asdhds`.

        Raises:
            ParseError: no sent-protocol or sent-by, a port out of range, or broken parameters.
        """
        match = _grammar(text)
        if match is None:
            raise ParseError(f"{excerpt(text)} does not begin with protocol/version/transport and a host", 0)
        protocol, version, transport, host, digits = match.groups()
        port = None if digits is None else int(digits)
        if port is not None and port > 65535:
            raise ParseError(f"port {digits} is more than 65535", match.start("port"))
        return cls(transport, host, port, Parameters.parse(text, match.end()), f"{protocol}/{version}")

    @property
    def branch(self) -> str | None:
        """The transaction's identifier, None where there is none."""
        return self.params.get("branch")

    @property
    def received(self) -> str | None:
        """The address the request came from, where the receiver has noted one (§18.2.1)."""
        return self.params.get("received")

    @property
    def rport(self) -> int | None:
        """The port the request came from (RFC 3581 §4); None where absent, and where asked for but not filled in."""
        written = self.params.get("rport")
        return int(written) if written and written.isascii() and written.isdigit() and len(written) <= 5 else None

    @property
    def wants_rport(self) -> bool:
        """Whether the client asks for the response at the port it sent from (RFC 3581 §3): rport, filled in or not."""
        return "rport" in self.params

    @property
    def sent_by(self) -> str:
        """`host[:port]` in lower case, for comparison (§17.2.3)."""
        return self.host.lower() if self.port is None else f"{self.host.lower()}:{self.port}"

    def with_param(self, name: str, value: str | None) -> Via:
        """The same with this parameter set."""
        return evolve(self, params=self.params.with_(name, value))

    def serialize(self) -> str:
        """The Via as a header field value."""
        port = "" if self.port is None else f":{self.port}"
        return f"{self.protocol}/{self.transport} {self.host}{port}{self.params.serialize()}"
