"""SIP over UDP and TCP (RFC 3261 §18), on Twisted's fakes."""

from __future__ import annotations

import errno
import socket
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import error, testing, udp
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.python import failure

from gateway.core.errors import ParseError
from gateway.net import sip_transport
from gateway.net.runner import Runner
from gateway.net.sip_transport import SipTransport
from gateway.sip.effects import Flow, Transmit, Transport

LOCAL, PEER = ("127.0.0.1", 5060), ("192.0.2.9", 5062)
Failure: Any = failure.Failure
StringTransport: Any = testing.StringTransportWithDisconnection
REFUSED: Any = error.ConnectionRefusedError
DONE: Any = error.ConnectionDone
OPTIONS = (
    b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: %d\r\n\r\n"
)


class Layer:
    """Notes what comes."""

    def __init__(self) -> None:
        self.came: list[tuple[object, ...]] = []

    def octets_received(self, octets: bytes, flow: Flow) -> None:
        self.came.append(("octets", octets, flow))

    def ping_received(self, flow: Flow) -> None:
        self.came.append(("ping", flow))

    def broken_received(self, octets: bytes, flow: Flow, error: ParseError) -> None:
        self.came.append(("broken", error.message, flow))

    def transport_failed(self, flow: Flow, why: str) -> None:
        self.came.append(("failed", flow, why))


class UdpPort:
    """A bound port, and what is written to it."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.written: list[tuple[bytes, tuple[str, int]]] = []
        self.fault: Exception | None = None

    def getHost(self) -> Any:
        return self

    def getHandle(self) -> Any:
        return self

    def sendto(self, octets: bytes, remote: tuple[str, int]) -> None:
        if self.fault is not None:
            raise self.fault
        self.written.append((octets, remote))

    def stopListening(self) -> None:
        """As IListeningPort."""


class FakeReactor(MemoryReactorClock):
    """With UDP and names."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's fakes have no types
        self.udp: list[UdpPort] = []
        self.asked: list[tuple[str, Deferred[str]]] = []

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> UdpPort:
        opened = UdpPort(interface, port or 40000 + len(self.udp))
        protocol.transport = opened
        self.datagrams = protocol
        self.udp.append(opened)
        return opened

    def resolve(self, name: str, timeout: Any = ()) -> Deferred[str]:
        found: Deferred[str] = Deferred()
        self.asked.append((name, found))
        return found


class RealUdpReactor(MemoryReactorClock):
    """Whose UDP ports are real."""

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> Any:
        opened: Any = udp.Port(port, protocol, interface, maxPacketSize, self)  # type: ignore[no-untyped-call]
        opened.startListening()
        return opened


class Bench:
    """A transport that listens, and what is above it."""

    def __init__(self) -> None:
        self.reactor: Any = FakeReactor()
        self.runner = Runner(self.reactor)
        layer: Any = Layer()
        self.layer: Layer = layer
        self.transport = SipTransport(self.reactor, self.runner, layer)
        self.runner.performs(Transmit, self.transport.perform)
        assert self.transport.listen(*LOCAL) == 5060

    def send(self, octets: bytes, flow: Flow) -> None:
        """What a machine would ask for."""
        outbox = self.runner.outbox()
        self.runner.deliver(outbox.append, Transmit(octets, flow))

    def accept(self, remote: tuple[str, int] = PEER) -> tuple[Any, Any]:
        """A connection from a peer."""
        factory = self.reactor.tcpServers[-1][1]
        address: Any = type("Address", (), {"host": remote[0], "port": remote[1]})
        protocol = factory.buildProtocol(address)
        return protocol, self.connect(protocol)

    def connect(self, protocol: Any) -> Any:
        """Its transport comes up."""
        transport = StringTransport()
        transport.protocol = protocol
        transport.setTcpNoDelay = lambda yes: None
        transport.abortConnection = transport.loseConnection
        protocol.makeConnection(transport)
        return transport

    def outgoing(self) -> tuple[Any, Any]:
        """The factory and the protocol of the latest connection that was asked for."""
        factory = self.reactor.tcpClients[-1][2]
        return factory, factory.buildProtocol(None)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """One that listens."""
    made = Bench()
    yield made
    assert made.runner.mishaps == 0


class TestUdp:
    def test_a_datagram_comes_with_its_flow(self, bench: Bench) -> None:
        bench.reactor.datagrams.datagramReceived(b"x", (*PEER, 0, 0))
        assert bench.layer.came == [("octets", b"x", Flow(Transport.UDP, LOCAL, PEER))]

    def test_and_one_goes_back_along_it(self, bench: Bench) -> None:
        bench.send(b"y", Flow(Transport.UDP, LOCAL, PEER))
        assert bench.reactor.udp[0].written == [(b"y", PEER)]

    def test_what_cannot_be_sent_is_told(self, bench: Bench) -> None:
        flow = Flow(Transport.UDP, LOCAL, PEER)
        bench.reactor.udp[0].fault = OSError(errno.EMSGSIZE, "Message too long")
        bench.send(b"y" * 70000, flow)
        ((kind, failed, why),) = bench.layer.came
        assert (kind, failed) == ("failed", flow)
        assert "Message too long" in str(why)

    def test_that_a_peer_is_gone_its_transactions_notice(self, bench: Bench) -> None:
        bench.reactor.udp[0].fault = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        bench.send(b"y", Flow(Transport.UDP, LOCAL, PEER))
        assert bench.layer.came == []

    def test_a_name_is_resolved(self, bench: Bench) -> None:
        bench.send(b"y", Flow(Transport.UDP, LOCAL, ("phone.test", 5060)))
        assert bench.reactor.udp[0].written == []
        bench.reactor.asked[0][1].callback("192.0.2.7")
        assert bench.reactor.udp[0].written == [(b"y", ("192.0.2.7", 5060))]

    def test_one_that_is_not_found_or_not_reached_is_only_logged(self, bench: Bench) -> None:
        for _ in range(2):
            bench.send(b"y", Flow(Transport.UDP, LOCAL, ("phone.test", 5060)))
        bench.reactor.asked[0][1].errback(OSError("no such name"))
        bench.reactor.udp[0].fault = OSError(errno.ENETUNREACH, "Network is unreachable")
        bench.reactor.asked[1][1].callback("192.0.2.7")
        assert bench.layer.came == []

    def test_memory_is_taken_for_what_came_only(self) -> None:
        """Most of what is received is kept for 32 s (§17.2.1), and must not lie in a hole of 64 KB."""
        layer: Any = Layer()
        reactor: Any = RealUdpReactor()  # type: ignore[no-untyped-call]
        transport = SipTransport(reactor, Runner(reactor), layer)
        local = ("127.0.0.1", transport.listen("127.0.0.1", 0))
        (port,) = reactor.getReaders()
        sizes = [3, 1200, 1, 65_507]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for size in sizes:
                peer.sendto(bytes([size % 251]) * size, local)
                tracemalloc.start()
                port.doRead()
                _, most = tracemalloc.get_traced_memory()
                tracemalloc.stop()
                assert most < size + 8_000
        port.connectionLost()
        assert [octets for _, octets, _ in layer.came] == [bytes([size % 251]) * size for size in sizes]

    def test_the_same_port_for_both(self) -> None:
        bench = Bench()
        assert bench.reactor.udp[0].port == bench.reactor.tcpServers[0][0] == 5060


class TestTcp:
    @pytest.mark.clause("RFC 3261", "18.3")
    def test_messages_come_whole_however_they_are_cut(self, bench: Bench) -> None:
        protocol, _ = bench.accept()
        octets = OPTIONS % 2 + b"hi" + OPTIONS % 0
        for at in range(0, len(octets), 7):
            protocol.dataReceived(octets[at : at + 7])
        flow = Flow(Transport.TCP, LOCAL, PEER, 1)
        assert bench.layer.came == [("octets", OPTIONS % 2 + b"hi", flow), ("octets", OPTIONS % 0, flow)]

    def test_an_answer_goes_back_on_the_connection(self, bench: Bench) -> None:
        protocol, transport = bench.accept()
        bench.send(b"200", protocol.flow)
        assert transport.value() == b"200"
        assert bench.reactor.tcpClients == []

    @pytest.mark.clause("RFC 5626", "3.5.1")
    def test_a_ping_is_passed_up(self, bench: Bench) -> None:
        protocol, _ = bench.accept()
        protocol.dataReceived(b"\r\n\r\n")
        assert bench.layer.came == [("ping", protocol.flow)]

    def test_what_cannot_be_framed_ends_the_connection(self, bench: Bench) -> None:
        protocol, transport = bench.accept()
        flow = protocol.flow
        protocol.dataReceived((OPTIONS % 0).replace(b"Content-Length: 0\r\n", b""))
        assert bench.layer.came[0][0] == "broken"
        assert bench.layer.came[1][:2] == ("failed", flow)
        assert not transport.connected
        assert bench.transport.connections == {}

    @pytest.mark.clause("RFC 3261", "18.4")
    def test_a_lost_connection_is_told(self, bench: Bench) -> None:
        protocol, transport = bench.accept()
        transport.loseConnection()
        assert [each[:2] for each in bench.layer.came] == [("failed", protocol.flow)]
        assert (bench.transport.connections, bench.transport._by_remote) == ({}, {})

    def test_a_request_opens_one_and_waits_for_it(self, bench: Bench) -> None:
        flow = Flow(Transport.TCP, LOCAL, PEER)
        bench.send(b"INVITE", flow)
        bench.send(b"+", flow)
        assert len(bench.reactor.tcpClients) == 1
        assert bench.reactor.tcpClients[0][:2] == PEER
        _, protocol = bench.outgoing()
        transport = bench.connect(protocol)
        assert transport.value() == b"INVITE+"
        bench.send(b"ACK", flow)
        assert transport.value() == b"INVITE+ACK"

    def test_when_it_is_lost_the_flow_that_asked_for_it_is_told_too(self, bench: Bench) -> None:
        flow = Flow(Transport.TCP, LOCAL, PEER)
        bench.send(b"INVITE", flow)
        _, protocol = bench.outgoing()
        transport = bench.connect(protocol)
        transport.loseConnection()
        assert [each[1] for each in bench.layer.came] == [flow, Flow(Transport.TCP, LOCAL, PEER, 1)]
        assert bench.transport._by_remote == {}

    def test_one_that_is_refused_is_told(self, bench: Bench) -> None:
        flow = Flow(Transport.TCP, LOCAL, PEER)
        bench.send(b"INVITE", flow)
        factory, _ = bench.outgoing()
        factory.clientConnectionFailed(None, Failure(REFUSED()))
        assert [each[1] for each in bench.layer.came] == [flow]
        bench.send(b"again", flow)
        assert len(bench.reactor.tcpClients) == 2

    def test_an_answer_to_a_closed_connection_opens_another(self, bench: Bench) -> None:
        protocol, transport = bench.accept()
        old = protocol.flow
        transport.loseConnection()
        bench.layer.came.clear()
        bench.send(b"200", old)
        factory, _ = bench.outgoing()
        factory.clientConnectionFailed(None, Failure(REFUSED()))
        assert old in [each[1] for each in bench.layer.came]

    def test_there_is_a_limit(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sip_transport, "MOST_CONNECTIONS", 2)
        kept = [bench.accept(("192.0.2.9", port))[1] for port in (1, 2)]
        _, refused = bench.accept(("192.0.2.9", 3))
        assert not refused.connected
        assert [transport.connected for transport in kept] == [True, True]
        assert len(bench.transport.connections) == 2

    def test_stopping_drops_them(self, bench: Bench) -> None:
        _, transport = bench.accept()
        bench.transport.stop()
        assert not transport.connected

    def test_the_reason_of_a_loss_is_readable(self, bench: Bench) -> None:
        protocol, _ = bench.accept()
        protocol.connectionLost(Failure(DONE()))
        assert bench.layer.came[-1][2] == "Connection was closed cleanly."
