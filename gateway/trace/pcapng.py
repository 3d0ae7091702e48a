"""pcapng captures of SIP, RTP and ISUP in one file (draft-ietf-opsawg-pcapng), which Wireshark opens.

                            1                   2                   3
        0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
       +---------------------------------------------------------------+
       |                          Block Type                           |
       |                      Block Total Length                       |
       |             Block Body, padded to 32 bits ...                 |
       |                      Block Total Length                       |
       +---------------------------------------------------------------+

Two interfaces: 0 carries IP packets (LINKTYPE_RAW) whose headers are made, see `trace.ip`; 1 carries MTP3 messages
as they are on a link (LINKTYPE_MTP3), because Wireshark takes ISUP over IP only inside SCTP. Both count time in
nanoseconds. All numbers are little-endian.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import Struct
from typing import BinaryIO

from attrs import frozen

from gateway.core.errors import ParseError
from gateway.trace.ip import Address, Path, TcpConversation

Endpoint = tuple[str, int]


class BlockType(IntEnum):
    """The blocks that are written and read here."""

    SECTION_HEADER = 0x0A0D0D0A
    INTERFACE_DESCRIPTION = 1
    NAME_RESOLUTION = 4
    ENHANCED_PACKET = 6


class Option(IntEnum):
    """Option codes; those from 2 on depend on the block they stand in."""

    END = 0
    COMMENT = 1
    EPB_FLAGS = 2
    IF_NAME = 2
    IF_DESCRIPTION = 3
    SHB_USERAPPL = 4
    IF_TSRESOL = 9


class LinkType(IntEnum):
    """What the packets of an interface begin with (tcpdump.org/linktypes.html)."""

    RAW = 101
    MTP3 = 141


IP_INTERFACE = 0
MTP3_INTERFACE = 1

BYTE_ORDER_MAGIC = 0x1A2B3C4D
MAX_OPTION_OCTETS = 65535

INBOUND = 1
OUTBOUND = 2

_BLOCK = Struct("<II")
_PACKET = Struct("<IIIIIII")
_OPTION = Struct("<HH")
_LENGTH = Struct("<I")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")

_FIRST_STAND_IN = int(IPv4Address("198.18.0.1"))
_STAND_INS = 65534

_PATHS_KEPT = 20000
_CONVERSATIONS_KEPT = 4096


def _options(options: Iterable[tuple[int, bytes]]) -> bytes:
    parts = [
        part for code, value in options for part in (_OPTION.pack(code, len(value)), value, _PADDING[len(value) & 3])
    ]
    return b"".join((*parts, _OPTION.pack(Option.END, 0))) if parts else b""


def _text(text: str) -> bytes:
    """UTF-8, cut to what an option can hold, never within a character."""
    octets = text.encode("utf-8", "replace")
    return octets if len(octets) <= MAX_OPTION_OCTETS else octets[:MAX_OPTION_OCTETS].decode("utf-8", "ignore").encode()


class PcapngWriter:
    """Writes one capture.

    Times are `at_s`, seconds since the lab started; `outbound` says whether the gateway sent the packet (None: not
    known), `comments` are attached to the packet and shown by Wireshark as "Packet comments".

    Args:
        file: a binary file, open for writing; the caller buffers and closes it.
        started_epoch_s: wall time, seconds since 1970 UTC, at which `at_s` was 0.
        comment: about the whole capture.
    """

    def __init__(self, file: BinaryIO, started_epoch_s: float = 0.0, comment: str = "") -> None:
        self._file = file
        self._write = file.write
        self._started_ns = round(started_epoch_s * 1e6) * 1000  # a float of today holds no finer
        self._paths: dict[tuple[Endpoint, Endpoint], Path] = {}
        self._conversations: dict[tuple[Endpoint, Endpoint], tuple[TcpConversation, int]] = {}
        self._opened = 0
        self._stand_ins: dict[str, IPv4Address] = {}
        self.packets = 0
        about = [(Option.COMMENT, _text(comment))] if comment else []
        section = Struct("<IHHq").pack(BYTE_ORDER_MAGIC, 1, 0, -1)
        self._block(BlockType.SECTION_HEADER, section + _options([*about, (Option.SHB_USERAPPL, b"pstn-gateway")]))
        self._interface(LinkType.RAW, "ip", "SIP and RTP; IP, UDP and TCP headers are made")
        self._interface(LinkType.MTP3, "ss7", "ISUP over MTP3, as on the signalling link")

    def _block(self, block_type: int, body: bytes) -> None:
        octets = 12 + len(body)
        self._write(_BLOCK.pack(block_type, octets) + body + _LENGTH.pack(octets))

    def _interface(self, link_type: LinkType, name: str, description: str) -> None:
        options = _options(
            [
                (Option.IF_NAME, name.encode()),
                (Option.IF_DESCRIPTION, description.encode()),
                (Option.IF_TSRESOL, b"\x09"),
            ]
        )
        self._block(BlockType.INTERFACE_DESCRIPTION, Struct("<HHI").pack(link_type, 0, 0) + options)

    def _packet(
        self, interface: int, at_s: float, octets: bytes, comments: Sequence[str] = (), outbound: bool | None = None
    ) -> None:
        at_ns = self._started_ns + round(at_s * 1e9)
        options = b""
        if comments or outbound is not None:
            said = [(int(Option.COMMENT), _text(comment)) for comment in comments]
            if outbound is not None:
                said.append((Option.EPB_FLAGS, _LENGTH.pack(OUTBOUND if outbound else INBOUND)))
            options = _options(said)
        captured = len(octets)
        padding = _PADDING[captured & 3]
        length = 32 + captured + len(padding) + len(options)
        self._write(
            b"".join(
                (
                    _PACKET.pack(
                        BlockType.ENHANCED_PACKET,
                        length,
                        interface,
                        at_ns >> 32,
                        at_ns & 0xFFFFFFFF,
                        captured,
                        captured,
                    ),
                    octets,
                    padding,
                    options,
                    _LENGTH.pack(length),
                )
            )
        )
        self.packets += 1

    def sip_udp(
        self,
        at_s: float,
        source: Endpoint,
        destination: Endpoint,
        octets: bytes,
        comments: Sequence[str] = (),
        outbound: bool | None = None,
    ) -> None:
        """One SIP message, one UDP datagram; a large one is not fragmented.

        Raises:
            ValueError: it would not fit into a UDP datagram.
        """
        packet = self._path(source, destination).udp(octets)
        self._packet(IP_INTERFACE, at_s, packet, comments, outbound)

    def rtp(self, at_s: float, source: Endpoint, destination: Endpoint, octets: bytes | memoryview) -> None:
        """One RTP or RTCP packet; the fast way, without comments and direction."""
        path = self._paths.get((source, destination)) or self._path(source, destination)
        self._packet(IP_INTERFACE, at_s, path.udp(octets))

    def sip_tcp(
        self,
        at_s: float,
        source: Endpoint,
        destination: Endpoint,
        octets: bytes,
        comments: Sequence[str] = (),
        outbound: bool | None = None,
    ) -> None:
        """One SIP message on a TCP connection, in as many segments as it takes.

        The first message between two endpoints is preceded by a made handshake, opened by the sender. The comments
        go to the last segment, where Wireshark shows the message.
        """
        known = self._conversations.get((source, destination))
        if known is None:
            known = self._open(at_s, source, destination, outbound)
        conversation, side = known
        packets = list(conversation.sent(side, octets))
        last = max((index for index, (sender, _) in enumerate(packets) if sender == side), default=-1)
        for index, (sender, packet) in enumerate(packets):
            self._packet(
                IP_INTERFACE,
                at_s,
                packet,
                comments if index == last else (),
                outbound if sender == side or outbound is None else not outbound,
            )

    def _open(
        self, at_s: float, source: Endpoint, destination: Endpoint, outbound: bool | None
    ) -> tuple[TcpConversation, int]:
        if len(self._conversations) >= 2 * _CONVERSATIONS_KEPT:
            self.tcp_closed(at_s, *next(iter(self._conversations)))
        forth, back = self._path(source, destination), self._path(destination, source)
        self._opened += 1
        conversation = TcpConversation(forth, back, self._opened * 64000)
        self._conversations[source, destination] = conversation, 0
        self._conversations[destination, source] = conversation, 1
        comments: tuple[str, ...] = ("The capture has the messages only: handshake and acknowledgments are made.",)
        for sender, packet in conversation.opened():
            self._packet(
                IP_INTERFACE, at_s, packet, comments, outbound if sender == 0 or outbound is None else not outbound
            )
            comments = ()
        return conversation, 0

    def tcp_closed(self, at_s: float, source: Endpoint, destination: Endpoint) -> None:
        """The connection that carried messages between these two was closed by `source`; no harm if there is none."""
        conversation, side = self._conversations.pop((source, destination), (None, 0))
        if conversation is not None:
            self._conversations.pop((destination, source), None)
            for _, packet in conversation.closed(side):
                self._packet(IP_INTERFACE, at_s, packet)

    def mtp3(self, at_s: float, octets: bytes, comments: Sequence[str] = (), outbound: bool | None = None) -> None:
        """One MTP3 message, from its service information octet on."""
        self._packet(MTP3_INTERFACE, at_s, octets, comments, outbound)

    def flush(self) -> None:
        """Pass on what the file has buffered."""
        self._file.flush()

    def _path(self, source: Endpoint, destination: Endpoint) -> Path:
        path = self._paths.get((source, destination))
        if path is None:
            one, other = self._address(source[0]), self._address(destination[0])
            if one.version != other.version:
                one, other = _same_version(one, other)
            if len(self._paths) >= _PATHS_KEPT:
                self._paths.clear()
            path = self._paths[source, destination] = Path((one, source[1]), (other, destination[1]))
        return path

    def _address(self, host: str) -> Address:
        try:
            address = ip_address(host.strip("[]"))
        except ValueError:
            return self._stand_in(host)
        return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address

    def _stand_in(self, host: str) -> Address:
        """An address of the benchmarking range (RFC 2544) for a name, which the capture's name table resolves."""
        if host == "localhost":
            return IPv4Address("127.0.0.1")
        address = self._stand_ins.get(host)
        if address is None:
            if len(self._stand_ins) >= _STAND_INS:
                self._stand_ins.clear()
            address = IPv4Address(_FIRST_STAND_IN + len(self._stand_ins))
            self._stand_ins[host] = address
            entry = address.packed + host.encode("utf-8", "replace")[:255] + b"\0"
            record = Struct("<HH").pack(1, len(entry)) + entry + _PADDING[len(entry) & 3]
            self._block(BlockType.NAME_RESOLUTION, record + Struct("<HH").pack(0, 0))
        return address


def _same_version(one: Address, other: Address) -> tuple[Address, Address]:
    """Two addresses of one version: an unspecified one takes the other's, else IPv4 is mapped into IPv6."""
    if one.is_unspecified:
        return type(other)(0), other
    if other.is_unspecified:
        return one, type(one)(0)
    return _mapped(one), _mapped(other)


def _mapped(address: Address) -> IPv6Address:
    return address if isinstance(address, IPv6Address) else IPv6Address(f"::ffff:{address}")


@frozen
class CapturedPacket:
    """One packet of a capture.

    Args:
        link_type: of its interface, a `LinkType` where it is one of ours.
        at_ns: nanoseconds since 1970 UTC.
        octets: as captured.
        comments: in order.
        outbound: whether the gateway sent it; None where the capture does not say.
    """

    link_type: int
    at_ns: int
    octets: bytes
    comments: tuple[str, ...] = ()
    outbound: bool | None = None


def read_pcapng(octets: bytes) -> list[CapturedPacket]:
    """The packets of a capture that `PcapngWriter` wrote (little-endian, one section, nanoseconds).

    Raises:
        ParseError: it is not such a capture, or it ends within a block.
    """
    link_types: list[int] = []
    packets: list[CapturedPacket] = []
    offset = 0
    for offset, block_type, body in _blocks(octets):
        if offset == 0 and (block_type != BlockType.SECTION_HEADER or body[:4] != _LENGTH.pack(BYTE_ORDER_MAGIC)):
            raise ParseError("not a little-endian pcapng section header", 0)
        if block_type == BlockType.INTERFACE_DESCRIPTION:
            link_types.append(int.from_bytes(body[:2], "little"))
        elif block_type == BlockType.ENHANCED_PACKET:
            packets.append(_read_packet(body, link_types, offset))
    return packets


def _blocks(octets: bytes) -> Iterator[tuple[int, int, bytes]]:
    offset = 0
    while offset < len(octets):
        if len(octets) - offset < 12:
            raise ParseError(f"a block needs 12 octets, {len(octets) - offset} are left", offset)
        block_type, length = _BLOCK.unpack_from(octets, offset)
        if length < 12 or length % 4 or offset + length > len(octets):
            raise ParseError(f"block of {length} octets, {len(octets) - offset} are left", offset)
        if _LENGTH.unpack_from(octets, offset + length - 4)[0] != length:
            raise ParseError(f"block of {length} octets ends with another length", offset)
        yield offset, block_type, octets[offset + 8 : offset + length - 4]
        offset += length


def _read_packet(body: bytes, link_types: Sequence[int], offset: int) -> CapturedPacket:
    if len(body) < 20:
        raise ParseError(f"enhanced packet block with {len(body)} octets", offset)
    interface, high, low, captured, _ = Struct("<IIIII").unpack_from(body)
    if interface >= len(link_types):
        raise ParseError(f"packet of interface {interface}, {len(link_types)} are described", offset)
    if 20 + captured > len(body):
        raise ParseError(f"{captured} octets captured, the block holds {len(body) - 20}", offset)
    comments: list[str] = []
    outbound: bool | None = None
    at = 20 + captured + len(_PADDING[captured & 3])
    while at + 4 <= len(body):
        code, length = _OPTION.unpack_from(body, at)
        value = body[at + 4 : at + 4 + length]
        if len(value) < length:
            raise ParseError(f"option {code} of {length} octets, {len(value)} are left", offset)
        if code == Option.END:
            break
        if code == Option.COMMENT:
            comments.append(value.decode("utf-8", "replace"))
        elif code == Option.EPB_FLAGS:
            outbound = {INBOUND: False, OUTBOUND: True}.get(int.from_bytes(value, "little") & 3)
        at += 4 + length + len(_PADDING[length & 3])
    return CapturedPacket(
        link_types[interface], (high << 32) + low, body[20 : 20 + captured], tuple(comments), outbound
    )
