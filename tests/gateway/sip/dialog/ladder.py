"""What the tests of sessions share: a called user agent against a caller that the test speaks for, and who is asked."""

from __future__ import annotations

from collections.abc import Callable

from gateway.sip.dialog.server_session import ServerSession
from gateway.sip.dialog.settings import Reliability
from gateway.sip.effects import Flow, Transport
from gateway.sip.message import Request, Response
from gateway.testing.simulation import Simulation
from gateway.testing.user_agents import ScriptedPeer, SimulatedUserAgent

OFFER, ANSWER, OTHER = b"v=0\r\no=offer\r\n", b"v=0\r\no=answer\r\n", b"v=0\r\no=other\r\n"
SUPPORTED = (("Supported", "100rel"),)
REQUIRED = (("Require", "100rel"),)


class Asked:
    """A server transaction that only remembers its answers."""

    def __init__(self, request: Request, flow: Flow) -> None:
        self.request = request
        self.flow = flow
        self.answers: list[int] = []

    def respond(self, response: Response) -> None:
        self.answers.append(response.status)


class Ladder:
    """A called user agent, and a caller that the test speaks for."""

    def __init__(
        self, reliability: Reliability = Reliability.WHEN_SUPPORTED, transport: Transport = Transport.UDP
    ) -> None:
        self.world = Simulation()
        self.bob = SimulatedUserAgent(self.world, "bob", ("192.0.2.2", 5060), reliability)
        self.alice = ScriptedPeer(self.world, ("192.0.2.1", 5060), self.bob.address, transport)
        self.invite: Request | None = None

    def call(self, sdp: bytes = OFFER, headers: tuple[tuple[str, str], ...] = ()) -> ServerSession:
        self.invite = self.alice.request("INVITE", sdp, headers)
        return self.bob.session

    def do(self, method: Callable[..., None], *arguments: object, **keywords: object) -> None:
        self.bob.do(method, *arguments, **keywords)
        self.world.run(0.002)

    def prack(self, body: bytes = b"", rack: str = "") -> None:
        rseq = self.alice.response(183).rseq if not rack else None
        assert self.invite is not None
        self.alice.request("PRACK", body, (("RAck", rack or f"{rseq} {self.invite.cseq.number} INVITE"),))

    def ack(self, body: bytes = b"") -> None:
        assert self.invite is not None
        self.alice.request("ACK", body, cseq=self.invite.cseq.number)

    def established(self) -> ServerSession:
        session = self.call()
        self.do(session.answer, ANSWER)
        self.ack()
        self.alice.take()
        return session

    def rest(self) -> None:
        """Nothing is left."""
        self.world.run_to_rest()
        assert self.bob.at_rest
        assert self.world.clock.running == []
