"""A lab on simulated time: its UDP port is a list of datagrams, and the test is the caller."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from gateway.config.settings import IsupSettings, MediaSettings, Settings, TraceSettings
from gateway.sdp.offer_answer import LocalMedia, offer
from gateway.service.compose import Lab, compose
from gateway.sip.message import Request, Response, parse_message, respond

CALLER = ("127.0.0.1", 5999)
RTP_PORTS = (42000, 42399)


class ListeningPort:
    """What listening gives; what its protocol writes is kept."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port or 5060
        self.written: list[bytes] = []
        self.open = True

    def getHost(self) -> IPv4Address:
        """As IListeningPort."""
        return IPv4Address("UDP", self.host, self.port)

    def getHandle(self) -> ListeningPort:
        """As ISystemHandle."""
        return self

    def sendto(self, octets: bytes, remote: tuple[str, int]) -> None:
        """As a socket."""
        assert self.open
        self.written.append(octets)

    def stopListening(self) -> Deferred[None]:
        """As IListeningPort."""
        self.open = False
        return succeed(None)


class SteppedReactor(Clock):
    """A reactor whose time passes when it is told to, and that has no network."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: list[ListeningPort] = []
        self.readers: list[Any] = []

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 0) -> ListeningPort:
        """As IReactorUDP."""
        self.datagrams = protocol
        self.ports.append(ListeningPort(interface, port))
        protocol.transport = self.ports[-1]
        return self.ports[-1]

    def listenTCP(self, port: int, factory: Any, backlog: int = 0, interface: str = "") -> ListeningPort:
        """As IReactorTCP."""
        self.ports.append(ListeningPort(interface, port))
        return self.ports[-1]

    def addReader(self, reader: Any) -> None:
        """As IReactorFDSet."""
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """As IReactorFDSet."""
        if reader in self.readers:
            self.readers.remove(reader)


class World:
    """A lab, and a caller who says nothing but what it is told to, but for ACK to what is no 2xx."""

    def __init__(self, settings: Settings) -> None:
        self.reactor = SteppedReactor()
        self.lab: Lab = compose(settings, self.reactor)
        self.lab.start()
        self.received: list[Request | Response] = []
        self._numbers = itertools.count(1)
        self._sdp = offer(LocalMedia(CALLER[0], 40000))

    def request(self, method: str, number: int, to: str, *, cseq: int = 1, tag: str = "", branch: str = "") -> None:
        """Send a request of call `number`."""
        body = self._sdp if method == "INVITE" else b""
        head = (
            f"{method} sip:{to}@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{CALLER[1]};branch=z9hG4bK-{branch or f'{number}-{cseq}-{method}'}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:+12125550199@127.0.0.1>;tag=a{number}\r\n"
            f"To: <sip:{to}@127.0.0.1>{f';tag={tag}' if tag else ''}\r\nCall-ID: {number}@test\r\n"
            f"CSeq: {cseq} {method}\r\nContact: <sip:{CALLER[0]}:{CALLER[1]}>\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.send(head.encode() + body)

    def send(self, octets: bytes) -> None:
        """A datagram from the caller, and what follows."""
        self.reactor.datagrams.datagramReceived(octets, CALLER)
        self.take()

    def take(self) -> None:
        """Read what the gateway has sent."""
        written = self.reactor.ports[0].written
        self.received += map(parse_message, written)
        written.clear()

    def dial(self, to: str) -> int:
        """A new call; its number."""
        number = next(self._numbers)
        self.request("INVITE", number, to)
        return number

    def dial_in_vain(self, to: str = "90017") -> str:
        """A whole call to a number that releases at once; its Call-ID."""
        number = self.dial(to)
        final = self.received[-1]
        assert isinstance(final, Response)
        assert final.status == 486
        self.request("ACK", number, to, tag=final.to.tag or "", branch=f"{number}-1-INVITE")
        self.received.clear()
        return f"{number}@test"

    def answer(self, request: Request) -> None:
        """200 to a request of the gateway's."""
        self.send(respond(request, 200).serialize())

    def pass_time(self, seconds: float, step_s: float = 1.0) -> None:
        """Let so much time pass, in steps."""
        for _ in range(round(seconds / step_s)):
            self.reactor.advance(step_s)
        self.take()

    def of(self, method: str) -> list[Request]:
        """The requests of that method that have come."""
        return [each for each in self.received if isinstance(each, Request) and each.method == method]

    def statuses(self) -> list[int]:
        """The responses that have come."""
        return [each.status for each in self.received if isinstance(each, Response)]


@pytest.fixture
def settings() -> Settings:
    """Few calls kept, few circuits, no socket for listeners."""
    return Settings(
        media=MediaSettings(rtp_ports=RTP_PORTS, way_out="plain"),
        isup=IsupSettings(circuits=(1, 30)),
        trace=TraceSettings(calls_kept=20, control="off"),
    )


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    """A lab that runs."""
    world = World(settings)
    yield world
    world.lab.media.stop()


@pytest.fixture
def captured(settings: Settings, tmp_path: Path) -> Iterator[World]:
    """A lab that writes `capture.pcapng`."""
    trace = attrs.evolve(settings.trace, capture=str(tmp_path / "capture.pcapng"))
    world = World(attrs.evolve(settings, trace=trace))
    yield world
    world.lab.media.stop()
