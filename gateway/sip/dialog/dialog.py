"""Dialogs: the peer-to-peer relationship between two user agents (RFC 3261 §12).

A `Dialog` is the state of §12 and nothing else: identifiers, sequence numbers, route set, remote target. It builds the
requests that go out in it and says whether one that came in is in order. Who may send what, and when, is the
session's affair.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from attrs import define, evolve, field

from gateway.core.clause import Clause
from gateway.core.errors import ParseError
from gateway.sip.effects import Flow, Transport
from gateway.sip.fields.name_addr import NameAddr
from gateway.sip.headers import Headers
from gateway.sip.message import Message, Request, Response
from gateway.sip.uri import Uri

MAX_FORWARDS = "70"
"""RFC 3261 §8.1.1.6: "This value SHOULD be 70"."""

_NOT_IN_A_REQUEST_URI = ("method",)


class DialogId(NamedTuple):
    """Call-ID, local tag and remote tag (RFC 3261 §12); a tag that a peer of RFC 2543 left out is ""."""

    call_id: str
    local_tag: str
    remote_tag: str


def dialog_id_of_request(request: Request) -> DialogId:
    """The dialog that an incoming request belongs to, by its Call-ID, To tag and From tag (RFC 3261 §12)."""
    return DialogId(request.call_id, request.to.tag or "", request.from_.tag or "")


def dialog_id_of_response(response: Response) -> DialogId:
    """The dialog that an incoming response belongs to, by its Call-ID, From tag and To tag (RFC 3261 §12)."""
    return DialogId(response.call_id, response.from_.tag or "", response.to.tag or "")


def _contact_of(message: Message, where: str) -> Uri:
    contact = message.contact
    if contact is None:
        raise ParseError(f"{where} without Contact", None, Clause("RFC 3261", "12.1"))
    return contact.uri


def _raw(message: Message, name: str) -> str:
    value = message.headers.get(name)
    if value is None:
        raise ParseError(f"no {name}", None, Clause("RFC 3261", "8.1.1"))
    return value


@define(eq=False)
class Dialog:
    """One dialog.

    Args:
        id: its identifier.
        local: the From header field value of our requests, tag and all.
        remote: the To header field value of our requests, tag and all.
        remote_target: where requests go (§12.1, §12.2.1.2).
        route_set: the route set's values as they were written, in the order of the Route header.
        flow: where the request or response that made the dialog came from.
        owns_call_id: whether we made the Call-ID: it decides who retries first after 491 (§14.1).
        local_sequence: the CSeq number of our latest request, None before the first.
        remote_sequence: the CSeq number of the peer's latest request, None before the first.
    """

    id: DialogId
    local: str
    remote: str
    remote_target: Uri
    route_set: tuple[str, ...]
    flow: Flow
    owns_call_id: bool
    local_sequence: int | None = None
    remote_sequence: int | None = None
    _routed: tuple[str, tuple[tuple[str, str], ...], Flow] | None = field(default=None, init=False)

    @classmethod
    def of_server(cls, request: Request, local_tag: str, flow: Flow) -> Dialog:
        """The dialog that a response with `local_tag` to this INVITE makes (§12.1.1).

        Raises:
            ParseError: the request has no Contact, or a header that cannot be read.
        """
        to = _raw(request, "To")
        return cls(
            DialogId(request.call_id, local_tag, request.from_.tag or ""),
            local=to if request.to.tag is not None else f"{to};tag={local_tag}",
            remote=_raw(request, "From"),
            remote_target=_contact_of(request, "INVITE"),
            # §12.1.1: "taken in order and preserving all URI parameters"
            route_set=tuple(request.headers.values("Record-Route")),
            flow=flow,
            owns_call_id=False,
            remote_sequence=request.cseq.number,
        )

    @classmethod
    def of_client(cls, request: Request, response: Response, flow: Flow) -> Dialog:
        """The dialog that this response to our INVITE makes (§12.1.2).

        Raises:
            ParseError: the response has no Contact, or a header that cannot be read.
        """
        return cls(
            DialogId(request.call_id, request.from_.tag or "", response.to.tag or ""),
            local=_raw(request, "From"),
            remote=_raw(response, "To"),
            remote_target=_contact_of(response, str(response.status)),
            # §12.1.2: "taken in reverse order and preserving all URI parameters"
            route_set=tuple(reversed(response.headers.values("Record-Route"))),
            flow=flow,
            owns_call_id=True,
            local_sequence=request.cseq.number,
        )

    def in_order(self, sequence: int) -> bool:
        """Take note of an incoming request's CSeq number; False if it is out of order: answer 500 (§12.2.2)."""
        if self.remote_sequence is not None and sequence <= self.remote_sequence:
            return False
        self.remote_sequence = sequence
        return True

    def refresh_target(self, message: Message) -> None:
        """A target refresh request or its 2xx: its Contact, where present, is the new remote target (§12.2)."""
        contact = message.contact
        if contact is not None:
            self.remote_target = contact.uri
            self._routed = None

    def confirm(self, response: Response) -> None:
        """A 2xx to our INVITE matches this early dialog: the route set is computed anew (§13.2.2.4)."""
        self.route_set = tuple(reversed(response.headers.values("Record-Route")))
        self._routed = None
        self.refresh_target(response)

    def request(
        self,
        method: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str = "",
        *,
        sequence: int | None = None,
    ) -> Request:
        """A request in this dialog (§12.2.1.1), without the Via that the transaction layer adds.

        Args:
            method: its method.
            headers: further header fields.
            body: its body.
            content_type: the body's type.
            sequence: the INVITE's number, for ACK; others get the next number.
        """
        if sequence is None:
            # §12.2.1.1: "the value of the local sequence number MUST be incremented by one"
            sequence = self.local_sequence = (self.local_sequence or 0) + 1
        uri, routes, _ = self._routed or self._route()
        items = [
            ("Max-Forwards", MAX_FORWARDS),
            *routes,
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.id.call_id),
            ("CSeq", f"{sequence} {method}"),
            *headers,
        ]
        if content_type and body:
            items.append(("Content-Type", content_type))
        return Request(method=method, uri=uri, headers=Headers(items), body=body)

    @property
    def next_hop(self) -> Flow:
        """Where a request in this dialog goes: to its topmost Route, else to its Request-URI (§8.1.2)."""
        return (self._routed or self._route())[2]

    def _route(self) -> tuple[str, tuple[tuple[str, str], ...], Flow]:
        target = self.remote_target.serialize()
        uri, routes, hop = target, self.route_set, self.remote_target
        if routes:
            hop = NameAddr.parse(routes[0]).uri
            if not hop.is_loose_router:
                # §12.2.1.1: "stripping any parameters that are not allowed in a Request-URI"
                kept = hop.parameters
                for name in _NOT_IN_A_REQUEST_URI:
                    kept = kept.without(name)
                uri = evolve(hop, parameters=kept, headers=()).serialize()
                routes = (*routes[1:], f"<{target}>")
        self._routed = (uri, tuple(("Route", route) for route in routes), _flow_towards(hop, self.flow))
        return self._routed


def _flow_towards(uri: Uri, known: Flow) -> Flow:
    """The flow to a URI's host (RFC 3261 §8.1.2); over TCP the connection in use, where it leads to the same host."""
    if not uri.host:
        return known
    asked = (uri.parameters.get("transport") or "").upper()
    # Deviation: RFC 3263 §4.1 would fall back to UDP where the URI names no transport. A peer that has come over TCP
    # has shown that it speaks that.
    transport = Transport(asked) if asked in Transport.__members__ else known.transport
    host = (uri.parameters.get("maddr") or uri.host).strip("[]")
    remote = (host, uri.port or 5060)
    if transport is known.transport and transport.reliable and host == known.remote[0]:
        # Deviation: RFC 3261 §18 would open another connection to the Contact's port. Callers that listen on no
        # port of their own could not be reached by that.
        return known
    return Flow(transport, known.local, remote)
