"""Made IP packets around messages whose own headers the kernel kept: IPv4 and IPv6, UDP and TCP, checksums right.

A socket gives the gateway the payload only. For a capture the headers are made again from the addresses of both
ends. Checksums are the Internet checksum (RFC 1071): a one's complement sum is the number modulo 65535.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from struct import Struct

UDP = 17
TCP = 6

HOP_LIMIT = 64
DO_NOT_FRAGMENT = 0x4000

MAX_UDP_PAYLOAD = 65507
"""65535 less an IPv4 header (20) and a UDP header (8); IPv6 would carry 20 more."""

_IPV4 = Struct("!BBHHHBBH")
_IPV6 = Struct("!IHBB")
_UDP = Struct("!HHHH")
_TCP = Struct("!HHIIBBHHH")

Address = IPv4Address | IPv6Address


def ones_complement_sum(octets: bytes | memoryview) -> int:
    """The sum of the 16 bit words (RFC 1071), an odd last octet padded with zero; 0 only for all zeros."""
    value = int.from_bytes(octets, "big")
    if len(octets) & 1:
        value <<= 8
    return value and (value - 1) % 0xFFFF + 1


def checksum(total: int) -> int:
    """The checksum for a total of `ones_complement_sum`s: 0 to 65534, or 65535 for a total of 0."""
    return 0xFFFF - (total and (total - 1) % 0xFFFF + 1)


class Path:
    """One direction between two ends; keeps the sums that do not change, so that a packet costs little.

    Args:
        source: address and port.
        destination: address of the same version, and port.
    """

    __slots__ = ("_destination", "_ports", "_ports_sum", "_source", "_version_4")

    def __init__(self, source: tuple[Address, int], destination: tuple[Address, int]) -> None:
        if source[0].version != destination[0].version:
            raise ValueError(f"{source[0]} and {destination[0]} are of different IP versions")
        self._version_4 = source[0].version == 4
        self._source = source[0].packed
        self._destination = destination[0].packed
        self._ports = (source[1], destination[1])
        self._ports_sum = ones_complement_sum(self._source + self._destination) + source[1] + destination[1]

    @property
    def overhead_octets(self) -> int:
        """Octets of the IP header."""
        return 20 if self._version_4 else 40

    def _ip(self, protocol: int, octets: int) -> bytes:
        if self._version_4:
            # RFC 6864: with "don't fragment" set the identification may be any value.
            fixed = (0x45, 0, 20 + octets, 0, DO_NOT_FRAGMENT, HOP_LIMIT, protocol)
            total = 0x4500 + 20 + octets + DO_NOT_FRAGMENT + (HOP_LIMIT << 8) + protocol
            total += ones_complement_sum(self._source + self._destination)
            return _IPV4.pack(*fixed, checksum(total)) + self._source + self._destination
        return _IPV6.pack(6 << 28, octets, protocol, HOP_LIMIT) + self._source + self._destination

    def udp(self, payload: bytes | memoryview) -> bytes:
        """One UDP datagram, however large, as one IP packet.

        Raises:
            ValueError: more than `MAX_UDP_PAYLOAD` octets.
        """
        octets = 8 + len(payload)
        if octets > MAX_UDP_PAYLOAD + 8:
            raise ValueError(f"{len(payload)} octets do not fit into a UDP datagram")
        total = self._ports_sum + UDP + 2 * octets + ones_complement_sum(payload)
        # RFC 768: a computed checksum of zero is transmitted as all ones.
        made = checksum(total) or 0xFFFF
        return b"".join((self._ip(UDP, octets), _UDP.pack(*self._ports, octets, made), payload))

    def tcp(
        self,
        sequence: int,
        acknowledgment: int,
        flags: int,
        payload: bytes = b"",
        options: bytes = b"",
        window: int = 0xFFFF,
    ) -> bytes:
        """One TCP segment (RFC 9293).

        Args:
            sequence: of the first octet, modulo 2**32.
            acknowledgment: next octet expected from the other side.
            flags: SYN, ACK, ... as the bits of the header.
            payload: at most what an IP packet holds.
            options: a multiple of 4 octets.
            window: octets the sender is ready to take, unscaled.
        """
        header = _TCP.pack(
            *self._ports,
            sequence & 0xFFFFFFFF,
            acknowledgment & 0xFFFFFFFF,
            (20 + len(options)) << 2,
            flags,
            window,
            0,
            0,
        )
        octets = 20 + len(options) + len(payload)
        # The ports stand in the kept sum already; the header repeats them, hence the words after them only.
        total = self._ports_sum + TCP + octets + ones_complement_sum(header[4:] + options)
        made = checksum(total + ones_complement_sum(payload))
        return b"".join((self._ip(TCP, octets), header[:16], made.to_bytes(2, "big"), header[18:], options, payload))


FIN = 0x01
SYN = 0x02
RST = 0x04
PSH = 0x08
ACK = 0x10


class TcpConversation:
    """A made TCP connection: handshake, segments of at most one MSS, an acknowledgment after each message.

    Args:
        to_server: the path from the side that opened the connection.
        to_client: the way back.
        initial: the client's initial sequence number; the server's is derived from it.
    """

    MTU = 1500
    _ACKNOWLEDGE_AFTER = 32768

    def __init__(self, to_server: Path, to_client: Path, initial: int) -> None:
        self._paths = (to_server, to_client)
        self._next = [initial & 0xFFFFFFFF, (initial + 0x40000000) & 0xFFFFFFFF]
        self._mss = self.MTU - to_server.overhead_octets - 20

    def opened(self) -> Iterator[tuple[int, bytes]]:
        """The handshake (RFC 9293), each packet with its sender: 0 client, 1 server."""
        mss_option = b"\x02\x04" + self._mss.to_bytes(2, "big")
        client, server = self._next
        yield 0, self._paths[0].tcp(client, 0, SYN, options=mss_option)
        yield 1, self._paths[1].tcp(server, client + 1, SYN | ACK, options=mss_option)
        self._next = [(client + 1) & 0xFFFFFFFF, (server + 1) & 0xFFFFFFFF]
        yield 0, self._segment(0, ACK)

    def sent(self, side: int, octets: bytes) -> Iterator[tuple[int, bytes]]:
        """The segments of one message from `side` (0 client, 1 server), and the other side's acknowledgments."""
        unacknowledged = 0
        for start in range(0, len(octets), self._mss):
            part = octets[start : start + self._mss]
            last = start + len(part) == len(octets)
            yield side, self._segment(side, ACK | PSH if last else ACK, part)
            self._next[side] = (self._next[side] + len(part)) & 0xFFFFFFFF
            unacknowledged += len(part)
            if last or unacknowledged > self._ACKNOWLEDGE_AFTER:
                unacknowledged = 0
                yield 1 - side, self._segment(1 - side, ACK)

    def closed(self, side: int) -> Iterator[tuple[int, bytes]]:
        """`side` closes first, the other follows (RFC 9293)."""
        for closing in (side, 1 - side):
            yield closing, self._segment(closing, FIN | ACK)
            self._next[closing] = (self._next[closing] + 1) & 0xFFFFFFFF
            yield 1 - closing, self._segment(1 - closing, ACK)

    def _segment(self, side: int, flags: int, payload: bytes = b"") -> bytes:
        return self._paths[side].tcp(self._next[side], self._next[1 - side], flags, payload)
