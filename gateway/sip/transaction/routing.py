"""Where a request came from, written into its top Via, and where its responses go (RFC 3261 §18.2; RFC 3581 §4)."""

from __future__ import annotations

from gateway.sip.effects import Flow
from gateway.sip.fields.via import Via
from gateway.sip.message import Request

DEFAULT_PORT = 5060
"""§18.1.1: "If the port is absent, ... It is 5060 for UDP, TCP and SCTP"."""


def bare_host(host: str) -> str:
    """A Via's host as an address or a name: an IPv6 reference without its brackets, in lower case."""
    return host.strip("[]").lower()


def host_text(host: str) -> str:
    """An address or a name as a Via writes it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def is_sent_by(via: Via, host: str, port: int) -> bool:
    """Whether the Via's sent-by is this host and port."""
    return (via.port or DEFAULT_PORT) == port and (via.host == host or bare_host(via.host) == bare_host(host))


def mark_source(request: Request, flow: Flow) -> None:
    """Write into the request's top Via where it came from.

    Args:
        request: as it was received; its top Via must be readable. It is changed only where it must be.
        flow: the way it came.
    """
    via = request.via
    host, port = flow.remote
    marked = via
    if via.wants_rport:
        # RFC 3581 §4: "it MUST set the value of the parameter to the source port of the request"; and "the server MUST
        # insert a "received" parameter ..., even if it is identical to the value of the "sent-by" component"
        marked = via.with_param("received", host).with_param("rport", str(port))
    elif via.host != host and bare_host(via.host) != bare_host(host):
        # RFC 3261 §18.2.1: "If the host portion of the "sent-by" parameter contains a domain name, or if it contains
        # an IP address that differs from the packet source address, the server MUST add a "received" parameter"
        marked = via.with_param("received", host)
    elif via.received is not None:
        marked = via.with_param("received", host)
    if marked is not via:
        request.replace_via(marked)
        request.headers.typed["via"] = marked


def reply_flow(via: Via, flow: Flow) -> Flow:
    """The way the responses to a request go.

    Args:
        via: the request's top Via.
        flow: the way the request came. "The response MUST be sent from the same address and port that the
            corresponding request was received on" (RFC 3581 §4), and on the same connection (RFC 3261 §18.2.2).
    """
    if flow.transport.reliable:
        return flow
    maddr = via.params.get("maddr")
    if maddr:
        # RFC 3261 §18.2.2: "if the Via header field value contains a "maddr" parameter, the response MUST be forwarded
        # to the address listed there, using the port indicated in "sent-by", or port 5060 if none is present"
        remote = (bare_host(maddr), via.port or DEFAULT_PORT)
    elif via.wants_rport:
        # RFC 3581 §4: "the response MUST be sent to the IP address listed in the "received" parameter, and the port in
        # the "rport" parameter"
        return flow
    else:
        # RFC 3261 §18.2.2: "the response MUST be sent to the address in the "received" parameter, using the port
        # indicated in the "sent-by" value"; where there is no received, sent-by is that address
        remote = (flow.remote[0], via.port or DEFAULT_PORT)
    return flow if remote == flow.remote else Flow(flow.transport, flow.local, remote)
