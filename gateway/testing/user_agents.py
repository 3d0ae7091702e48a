"""SIP user agents for a `Simulation`: a whole one whose user notes what it is told, and one that a test speaks for.

world = Simulation()
alice = SimulatedUserAgent(world, "alice", ("192.0.2.1", 5060))
bob = SimulatedUserAgent(world, "bob", ("192.0.2.2", 5060))
call = alice.call(bob, sdp=b"v=0...")
world.run(0.1)
bob.do(bob.session.progress, 183, sdp=b"v=0...")
world.run(0.1)
assert alice.heard == ["progress_received"]

carol = ScriptedPeer(world, ("192.0.2.3", 5060), bob.address)
carol.request("INVITE", b"v=0...")
assert carol.take_summaries() == ["100 INVITE"]
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import ParamSpec

from gateway.core.errors import ParseError
from gateway.sip.dialog.client_session import ClientSession
from gateway.sip.dialog.content import SDP
from gateway.sip.dialog.server_session import ServerSession
from gateway.sip.dialog.settings import Reliability, UserAgentSettings
from gateway.sip.effects import Flow, Transport
from gateway.sip.message import Headers, Request, Response, parse_message, respond
from gateway.sip.transaction.layer import TransactionLayer, TransactionSettings
from gateway.sip.transaction.user import ServerTransaction
from gateway.sip.user_agent import UserAgent
from gateway.testing.simulation import Address, Simulation

P = ParamSpec("P")

HeaderFields = Iterable[tuple[str, str]]


class SimulatedUserAgent:
    """A user agent with its transaction layer on a simulated network, and a user that notes what it is told.

    Args:
        world: where it lives.
        name: begins all its identifiers, and is the user part of its URI.
        address: its address.
        reliability: its use of 100rel.
        transport: what it calls over.
    """

    def __init__(
        self,
        world: Simulation,
        name: str,
        address: Address,
        reliability: Reliability = Reliability.WHEN_SUPPORTED,
        transport: Transport = Transport.UDP,
    ) -> None:
        self.world = world
        self.address = address
        self.uri = f"sip:{name}@{address[0]}:{address[1]}"
        self.told: list[tuple[str, tuple[object, ...]]] = []
        """What its user was told: the name of the method and its arguments."""
        self.sessions: list[ServerSession] = []
        """The sessions that were offered to it."""
        self._transport = transport
        numbers = itertools.count(1)
        outbox = world.outbox()

        def identify() -> str:
            return f"{name}-{next(numbers)}"

        settings = UserAgentSettings(
            random_int=world.chance.randint,
            contact_uri=self.uri,
            product=f"{name}/1",
            reliability=reliability,
        )
        self.agent = UserAgent(settings, self, identify, outbox)
        self.layer = TransactionLayer(TransactionSettings(), self.agent, identify, outbox)
        self.agent.layer = self.layer
        self.on: dict[str, Callable[..., None]] = {}
        """What its user does when it is told something: by the method's name, with the method's arguments."""
        world.network.attach(address, lambda data, flow: world.deliver(self.layer.octets_received, data, flow))

    @property
    def heard(self) -> list[str]:
        """The names of what its user was told."""
        return [name for name, _ in self.told]

    @property
    def session(self) -> ServerSession:
        """The latest session that was offered to it."""
        return self.sessions[-1]

    @property
    def at_rest(self) -> bool:
        """Whether it has no session, dialog or transaction left."""
        return not (self.agent.open_sessions or self.agent.open_dialogs or self.layer.open_transactions)

    def call(
        self, to: SimulatedUserAgent | str, sdp: bytes = b"", headers: Iterable[tuple[str, str]] = ()
    ) -> ClientSession:
        """Call another one, or a URI with its host's address."""
        uri = to if isinstance(to, str) else to.uri
        host, _, port = uri.partition("@")[2].partition(":")
        flow = Flow(self._transport, self.address, (host, int(port or 5060)))
        session = self.agent.client_session(self)
        self.world.deliver(session.invite, uri, flow, f"<{self.uri}>", f"<{uri}>", "", sdp, tuple(headers))
        return session

    def do(self, method: Callable[P, None], *arguments: P.args, **keywords: P.kwargs) -> None:
        """Let its user ask a session for something."""
        self.world.deliver(method, *arguments, **keywords)

    def _tell(self, name: str, *arguments: object) -> None:
        self.told.append((name, arguments))
        then = self.on.get(name)
        if then is not None:
            then(*arguments)

    def session_offered(self, session: ServerSession) -> None:
        """As UserAgentUser."""
        session.attach(self)
        self.sessions.append(session)
        self._tell("session_offered", session)

    def bye_received(self, reasons: tuple[str, ...]) -> None:
        """As SessionUser."""
        self._tell("bye_received", reasons)

    def info_received(self, transaction: ServerTransaction) -> None:
        """As SessionUser."""
        self._tell("info_received", transaction)

    def offer_received(self, transaction: ServerTransaction) -> None:
        """As SessionUser."""
        self._tell("offer_received", transaction)

    def answer_received(self, sdp: bytes) -> None:
        """As SessionUser."""
        self._tell("answer_received", sdp)

    def request_failed(self, method: str, status: int) -> None:
        """As SessionUser."""
        self._tell("request_failed", method, status)

    def cancel_received(self, reasons: tuple[str, ...]) -> None:
        """As ServerSessionUser."""
        self._tell("cancel_received", reasons)

    def invitation_expired(self) -> None:
        """As ServerSessionUser."""
        self._tell("invitation_expired")

    def response_undeliverable(self) -> None:
        """As ServerSessionUser."""
        self._tell("response_undeliverable")

    def acknowledged(self) -> None:
        """As ServerSessionUser."""
        self._tell("acknowledged")

    def acknowledgement_timed_out(self) -> None:
        """As ServerSessionUser."""
        self._tell("acknowledgement_timed_out")

    def acceptance_timed_out(self) -> None:
        """As ServerSessionUser."""
        self._tell("acceptance_timed_out")

    def progress_received(self, response: Response) -> None:
        """As ClientSessionUser."""
        self._tell("progress_received", response)

    def answered(self, response: Response) -> None:
        """As ClientSessionUser."""
        self._tell("answered", response)

    def rejected(self, response: Response) -> None:
        """As ClientSessionUser."""
        self._tell("rejected", response)

    def failed(self, why: str) -> None:
        """As ClientSessionUser."""
        self._tell("failed", why)


class ScriptedPeer:
    """A peer without any logic: a test writes its messages and reads what it gets.

    It keeps what is tedious to write: one Call-ID, its tag, CSeq numbers, and the other side's tag as the latest
    message had it.

    Args:
        world: where it lives.
        address: its address.
        towards: the address that it sends to.
        transport: what it sends over.
        tag: its tag.
    """

    def __init__(
        self,
        world: Simulation,
        address: Address,
        towards: Address,
        transport: Transport = Transport.UDP,
        tag: str = "script",
    ) -> None:
        self.received: list[Request | Response] = []
        """What has come and has not been taken, retransmissions too."""
        self.call_id = f"script@{address[0]}"
        self.remote_tag = ""
        self.tag = tag
        self.cseq = 0
        self._world = world
        self._flow = Flow(transport, address, towards)
        self._branches = itertools.count(1)
        world.network.attach(address, self._receive)

    def _receive(self, data: bytes, flow: Flow) -> None:
        message = parse_message(data)
        self.received.append(message)
        with suppress(ParseError):
            tag = message.to.tag if isinstance(message, Response) else message.from_.tag
            self.remote_tag = tag or self.remote_tag

    def send(self, message: Request | Response | bytes) -> None:
        """Send a message, let it arrive, and what it brings about come back."""
        octets = message if isinstance(message, bytes) else message.serialize()
        self._world.network.transmit(octets, self._flow)
        self._world.run(2.5 * self._world.network.weather.most_delay_s)

    def compose(
        self,
        method: str,
        body: bytes = b"",
        headers: HeaderFields = (),
        *,
        content_type: str = SDP,
        cseq: int | None = None,
        in_dialog: bool = True,
        branch: str = "",
    ) -> Request:
        """A request: the first one of the call or, once the other side's tag is known, one in the dialog.

        Args:
            method: its method.
            body: its body.
            headers: further header fields.
            content_type: the body's type.
            cseq: its number, None for the next one; ACK and CANCEL have the latest one by default.
            in_dialog: False leaves out the other side's tag.
            branch: the Via branch, "" for a new one.
        """
        if cseq is None:
            self.cseq += method not in ("ACK", "CANCEL")
            cseq = self.cseq
        host, port = self._flow.local
        tag = f";tag={self.remote_tag}" if in_dialog and self.remote_tag else ""
        transport = self._flow.transport.value
        items = [
            ("Via", f"SIP/2.0/{transport} {host}:{port};branch={branch or f'z9hG4bK-{host}-{next(self._branches)}'}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:script@{host}>;tag={self.tag}"),
            ("To", f"<sip:{self._flow.remote[0]}>{tag}"),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            *headers,
        ]
        if method in ("INVITE", "UPDATE"):
            items.append(("Contact", f"<sip:script@{host}:{port};transport={transport.lower()}>"))
        if body:
            items.append(("Content-Type", content_type))
        return Request(method=method, uri=f"sip:{self._flow.remote[0]}", headers=Headers(items), body=body)

    def request(self, method: str, body: bytes = b"", headers: HeaderFields = (), **options: object) -> Request:
        """Compose a request as `compose` does, and send it."""
        request = self.compose(method, body, headers, **options)  # type: ignore[arg-type]
        self.send(request)
        return request

    def cancel(self, invite: Request) -> None:
        """Send the CANCEL for an INVITE."""
        cancel = Request(method="CANCEL", uri=invite.uri, headers=invite.headers.copy())
        for name in ("Contact", "Content-Type", "Require", "Supported", "Expires"):
            cancel.headers.remove(name)
        cancel.headers.set("CSeq", f"{invite.cseq.number} CANCEL")
        self.send(cancel)

    def answer(
        self, request: Request, status: int, body: bytes = b"", headers: HeaderFields = (), *, tag: str = ""
    ) -> Response:
        """Answer a request, with a Contact and this or our own tag."""
        host, port = self._flow.local
        response = respond(
            request,
            status,
            to_tag=tag or self.tag,
            headers=(("Contact", f"<sip:script@{host}:{port}>"), *headers),
            body=body,
            content_type=SDP if body else "",
        )
        self.send(response)
        return response

    def take(self) -> list[Request | Response]:
        """What has come since the last time."""
        taken, self.received = self.received, []
        return taken

    def take_summaries(self) -> list[str]:
        """What has come since the last time, in words: ["100 INVITE", "BYE"]."""
        return [
            message.method if isinstance(message, Request) else f"{message.status} {message.cseq.method}"
            for message in self.take()
        ]

    def got(self, method: str) -> Request:
        """The latest request of this method that has come and has not been taken.

        Raises:
            AssertionError: there is none.
        """
        for each in reversed(self.received):
            if isinstance(each, Request) and each.method == method:
                return each
        raise AssertionError(f"no {method} among {[each.serialize()[:40] for each in self.received]}")

    def response(self, status: int) -> Response:
        """The latest response of this status that has come and has not been taken.

        Raises:
            AssertionError: there is none.
        """
        for each in reversed(self.received):
            if isinstance(each, Response) and each.status == status:
                return each
        raise AssertionError(f"no {status} among {[each.serialize()[:40] for each in self.received]}")
