"""SIP over UDP and TCP (RFC 3261 §18): octets in, with the flow they came on; octets out along a flow."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, DatagramProtocol, Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.core.effects import Machine
from gateway.net.runner import Runner
from gateway.sip.effects import Flow, Transmit, Transport
from gateway.sip.framing import StreamFramer
from gateway.sip.transaction.layer import TransactionLayer

CONNECT_TIMEOUT_S = 10.0
MOST_CONNECTIONS = 5000
OCTETS_AT_ONCE = 1200
"""Of what waits in the UDP socket so much is read before others, the media clock above all, have their turn: a few
messages, a millisecond or so of work."""
LONGEST_DATAGRAM = 65_535
_ROOM = memoryview(bytearray(LONGEST_DATAGRAM))


class SipTransport:
    """Listens on one host and port over UDP and TCP, and sends what `Transmit` effects ask for.

    Args:
        reactor: Twisted's.
        runner: whose `Transmit` effects are performed.
        layer: where messages go.
    """

    log = Logger()

    def __init__(self, reactor: Any, runner: Runner, layer: TransactionLayer) -> None:
        self._reactor = reactor
        self.runner = runner
        self.layer = layer
        self._udp: dict[tuple[str, int], _Datagrams] = {}
        self._ports: list[Any] = []
        self.connections: dict[int, _Connection] = {}
        self._by_remote: dict[tuple[str, int], _Connection] = {}
        self._numbers = count(1)

    def listen(self, host: str, port: int) -> int:
        """Open UDP and TCP on the same port; which one it became is returned (0 asks for any).

        Raises:
            twisted.internet.error.CannotListenError: it is taken.
        """
        datagrams = _Datagrams(self)
        udp = self._reactor.listenUDP(port, datagrams, interface=host, maxPacketSize=LONGEST_DATAGRAM)
        udp.maxThroughput = OCTETS_AT_ONCE
        datagrams.socket = udp.getHandle()
        udp.socket = _Inlet(datagrams.socket)
        local = (host, udp.getHost().port)
        datagrams.local = local
        self._udp[local] = datagrams
        self._ports.append(udp)
        self._ports.append(self._reactor.listenTCP(local[1], _Connections(self, local), interface=host, backlog=500))
        return int(local[1])

    def stop(self) -> list[Deferred[None] | None]:
        """Stop listening and drop the connections."""
        for connection in list(self.connections.values()):
            connection.drop()
        return [port.stopListening() for port in self._ports]

    def perform(self, owner: Machine | None, effect: Transmit) -> None:
        """Send one message along its flow."""
        flow = effect.flow
        if flow.transport is Transport.TCP:
            self._stream(flow, effect.octets)
            return
        datagrams = self._udp.get(flow.local) or next(iter(self._udp.values()))
        try:
            datagrams.send(effect.octets, flow.remote)
        except (OSError, ValueError) as error:
            self.runner.deliver(self.layer.transport_failed, flow, str(error))

    def _stream(self, flow: Flow, octets: bytes) -> None:
        connection = self.connections.get(flow.connection) or self._by_remote.get(flow.remote)
        if connection is None:
            connection = _Connection(self, flow.local, flow.remote)
            self._by_remote[flow.remote] = connection
            host, port = flow.remote
            self._reactor.connectTCP(host, port, _Outgoing(connection), timeout=CONNECT_TIMEOUT_S)
        connection.send(octets, flow)

    def opened(self, connection: _Connection) -> bool:
        """A connection came up; whether it may stay."""
        if len(self.connections) >= MOST_CONNECTIONS:
            return False
        connection.number = next(self._numbers)
        self.connections[connection.number] = connection
        self._by_remote.setdefault(connection.remote, connection)
        return True

    def closed(self, connection: _Connection, why: str) -> None:
        """A connection went down, or did not come up: whatever flows went over it failed."""
        self.connections.pop(connection.number, None)
        if self._by_remote.get(connection.remote) is connection:
            del self._by_remote[connection.remote]
        for flow in connection.flows | {connection.flow: None}:
            self.runner.deliver(self.layer.transport_failed, flow, why)


@lru_cache(maxsize=10_000)
def is_address(host: str) -> bool:
    """Whether it is an IP address, and not a name to be resolved."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class _Inlet:
    """A UDP socket that is read where there is room for any datagram; what it gives is as large as what came.

    The socket's own `recvfrom` makes room for 64 KB each time and shrinks it afterwards: a datagram that is kept for
    32 s (§17.2.1) would stand where 64 KB were free, and the next one need 64 KB elsewhere.
    """

    def __init__(self, udp_socket: Any) -> None:
        self._socket = udp_socket

    def recvfrom(self, most: int) -> tuple[bytes, Any]:
        octets, source = self._socket.recvfrom_into(_ROOM, most)
        return bytes(_ROOM[:octets]), source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class _Datagrams(DatagramProtocol):
    socket: Any
    """The port's own: Twisted's `write` looks at the address three times before it sends, `is_address` once for all."""

    def __init__(self, owner: SipTransport) -> None:
        self._owner = owner
        self.local = ("", 0)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self._owner.runner.deliver(
            self._owner.layer.octets_received, datagram, Flow(Transport.UDP, self.local, addr[:2])
        )

    def send(self, octets: bytes, remote: tuple[str, int]) -> None:
        host, port = remote
        if is_address(host):
            self._write(octets, remote)
        else:
            found = self._resolve(host).addCallback(lambda address: self._write(octets, (address, port)))
            found.addErrback(self._unsent)

    def _write(self, octets: bytes, remote: tuple[str, int]) -> None:
        try:
            self.socket.sendto(octets, remote)
        except ConnectionRefusedError:
            # ICMP port unreachable, for something sent before: the transaction's own timers notice.
            return

    def _resolve(self, host: str) -> Deferred[str]:
        found: Deferred[str] = self._owner._reactor.resolve(host)
        return found

    def _unsent(self, failure: Failure) -> None:
        self._owner.log.warn("cannot send: {why}", why=failure.getErrorMessage())


class _Connection(Protocol):
    transport: Any = None

    def __init__(self, owner: SipTransport, local: tuple[str, int], remote: tuple[str, int]) -> None:
        self._owner = owner
        self.local = local
        self.remote = remote
        self.number = 0
        self.flows: dict[Flow, None] = {}
        """The flows by which it was chosen: the transactions know it by those."""
        self._framer = StreamFramer()
        self._waiting: list[bytes] = []

    @property
    def flow(self) -> Flow:
        return Flow(Transport.TCP, self.local, self.remote, self.number)

    def connectionMade(self) -> None:
        if not self._owner.opened(self):
            self.transport.abortConnection()
            return
        self.transport.setTcpNoDelay(True)
        waiting, self._waiting = self._waiting, []
        for octets in waiting:
            self.transport.write(octets)

    def dataReceived(self, data: bytes) -> None:
        owner, framer = self._owner, self._framer
        for message in framer.feed(data):
            owner.runner.deliver(owner.layer.octets_received, message, self.flow)
        while framer.pings:
            framer.pings -= 1
            owner.runner.deliver(owner.layer.ping_received, self.flow)
        if framer.error is not None:
            owner.runner.deliver(owner.layer.broken_received, framer.broken, self.flow, framer.error)
            self.drop()

    def send(self, octets: bytes, flow: Flow) -> None:
        self.flows[flow] = None
        if self.number and self.transport is not None:
            self.transport.write(octets)
        else:
            self._waiting.append(octets)

    def drop(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._owner.closed(self, reason.getErrorMessage())


class _Connections(Factory):
    noisy = False

    def __init__(self, owner: SipTransport, local: tuple[str, int]) -> None:
        self._owner = owner
        self._local = local

    def buildProtocol(self, addr: Any) -> _Connection:
        return _Connection(self._owner, self._local, (addr.host, addr.port))


class _Outgoing(ClientFactory):
    noisy = False

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def buildProtocol(self, addr: Any) -> _Connection:
        return self._connection

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self._connection._owner.closed(self._connection, reason.getErrorMessage())
