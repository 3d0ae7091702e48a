"""Reading captures of any origin, packet by packet: pcapng (draft-ietf-opsawg-pcapng) and classic pcap.

pcapng is a row of blocks, see `trace.pcapng`; each section has its own byte order and its own interfaces. A classic
capture (draft-ietf-opsawg-pcap) is one header and a row of records:

        0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
       +---------------------------------------------------------------+
     0 |                          Magic Number                         |   its octets say byte order and resolution
     4 |          Major Version        |         Minor Version         |
     8 |                          (two unused words)                   |
    16 |                            SnapLen                            |
    20 | FCS |f|0 0 0 0 0 0 0 0 0 0 0 0|           LinkType            |
       +===============================================================+
       |   Timestamp (Seconds)   |   Timestamp (Micro- or nanoseconds) |
       |   Captured Length       |   Original Length                   |
       |   Packet Data ...                                             |
       +---------------------------------------------------------------+

One packet is in memory at a time, so that the length of the file does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO, Final

from attrs import define, field, frozen

from gateway.core.errors import ParseError
from gateway.trace.pcapng import BYTE_ORDER_MAGIC, BlockType, Option

LARGEST_BLOCK_OCTETS: Final = 1 << 26
"""Whatever claims to be larger is no block, but the place where the file is broken."""
LARGEST_PACKET_OCTETS: Final = 1 << 24

_SIMPLE_PACKET: Final = 3
_OBSOLETE_PACKET: Final = 2
_IF_TSOFFSET: Final = 14
_NANOSECONDS: Final = 10**9
_CLASSIC: Final = {
    bytes.fromhex("a1b2c3d4"): (">", 1000, 0),
    bytes.fromhex("d4c3b2a1"): ("<", 1000, 0),
    bytes.fromhex("a1b23c4d"): (">", 1, 0),
    bytes.fromhex("4d3cb2a1"): ("<", 1, 0),
    bytes.fromhex("a1b2cd34"): (">", 1000, 8),
    bytes.fromhex("34cdb2a1"): ("<", 1000, 8),
}
"""Magic number: byte order, nanoseconds a fraction, and octets that a patched libpcap puts after each record header."""


@frozen
class Frame:
    """One packet as it was captured.

    Args:
        link_type: what it begins with (tcpdump.org/linktypes.html).
        at_ns: nanoseconds since 1970 UTC; that of the packet before where the capture does not say.
        octets: what was captured of it.
        wire_octets: how long it was.
        offset: where its record begins in the file.
    """

    link_type: int
    at_ns: int
    octets: bytes = field(repr=False)
    wire_octets: int
    offset: int


@frozen
class _Interface:
    link_type: int
    snap_octets: int
    units_a_second: int = 10**6
    offset_s: int = 0

    def at_ns(self, units: int) -> int:
        return self.offset_s * _NANOSECONDS + units * _NANOSECONDS // self.units_a_second


def read_frames(file: BinaryIO) -> Iterator[Frame]:
    """The packets of a capture, in order.

    Args:
        file: at the capture's first octet; it is read onward only.

    Raises:
        ParseError: it is no capture, or it is broken or cut short: with the offset of the block or record. What is
            before that place has been told by then.
    """
    magic = file.read(4)
    if len(magic) < 4:
        raise ParseError(f"a file of {len(magic)} octets is no capture", 0)
    if int.from_bytes(magic, "big") == BlockType.SECTION_HEADER:
        return _Pcapng(_Octets(file, 4)).frames(magic)
    if magic in _CLASSIC:
        return _classic(_Octets(file, 4), *_CLASSIC[magic])
    raise ParseError(f"not a capture: it begins with {magic.hex(' ')}; pcapng and pcap are read", 0)


@define
class _Octets:
    """A file that is read onward, and how far it is."""

    _file: BinaryIO
    position: int

    def upto(self, count: int) -> bytes:
        """So many octets, or what is left."""
        octets = self._file.read(count)
        self.position += len(octets)
        return octets

    def exactly(self, count: int, what: str, begin: int) -> bytes:
        """So many octets of what begins at `begin`."""
        octets = self.upto(count)
        if len(octets) < count:
            raise ParseError(f"cut short: {what} needs {count} more octets, {len(octets)} are left", begin)
        return octets


def _classic(octets: _Octets, order: str, unit_ns: int, extra: int) -> Iterator[Frame]:
    head = octets.exactly(20, "the header of a pcap file", 0)
    link_type = Struct(f"{order}HHIIII").unpack(head)[-1] & 0xFFFF
    record = Struct(f"{order}IIII")
    while head := octets.upto(record.size + extra):
        begin = octets.position - len(head)
        if len(head) < record.size + extra:
            raise ParseError(f"cut short: {len(head)} octets of a record's header", begin)
        seconds, fraction, captured, whole = record.unpack_from(head)
        if captured > LARGEST_PACKET_OCTETS:
            raise ParseError(f"a record of {captured} octets: no packet is so long", begin)
        packet = octets.exactly(captured, f"a packet of {captured} octets", begin)
        yield Frame(link_type, seconds * _NANOSECONDS + fraction * unit_ns, packet, max(whole, captured), begin)


class _Pcapng:
    """The sections of a pcapng file."""

    def __init__(self, octets: _Octets) -> None:
        self._octets = octets
        self._order = "<"
        self._interfaces: list[_Interface] = []
        self._at_ns = 0

    def frames(self, magic: bytes) -> Iterator[Frame]:
        """The packets; the first four octets have been read."""
        octets, head = self._octets, magic + self._octets.upto(4)
        while head:
            begin = octets.position - len(head)
            if len(head) < 8:
                raise ParseError(f"cut short: {len(head)} octets of a block's header", begin)
            block_type, body = self._block(head, begin)
            if block_type in (BlockType.ENHANCED_PACKET, _OBSOLETE_PACKET):
                yield self._packet(body, begin, obsolete=block_type == _OBSOLETE_PACKET)
            elif block_type == _SIMPLE_PACKET:
                yield self._simple_packet(body, begin)
            elif block_type == BlockType.INTERFACE_DESCRIPTION:
                self._interfaces.append(self._interface(body, begin))
            elif block_type == BlockType.SECTION_HEADER:
                self._interfaces.clear()
            head = octets.upto(8)

    def _block(self, head: bytes, begin: int) -> tuple[int, bytes]:
        """A block's type and body."""
        octets = self._octets
        start = b""
        if int.from_bytes(head[:4], "big") == BlockType.SECTION_HEADER:
            start = octets.exactly(4, "a section header", begin)
            orders = {BYTE_ORDER_MAGIC.to_bytes(4, "little"): "<", BYTE_ORDER_MAGIC.to_bytes(4, "big"): ">"}
            if start not in orders:
                raise ParseError(f"a section header with the byte order {start.hex(' ')}", begin)
            self._order = orders[start]
        block_type, length = Struct(f"{self._order}II").unpack(head)
        if length < 12 + len(start) or length % 4 or length > LARGEST_BLOCK_OCTETS:
            raise ParseError(f"a block of {length} octets: no block is so long", begin)
        rest = octets.exactly(length - 8 - len(start), f"a block of {length} octets", begin)
        (again,) = Struct(f"{self._order}I").unpack(rest[-4:])
        if again != length:
            raise ParseError(f"a block of {length} octets ends with the length {again}", begin)
        return block_type, start + rest[:-4]

    def _interface(self, body: bytes, begin: int) -> _Interface:
        if len(body) < 8:
            raise ParseError(f"an interface description of {len(body)} octets, at least 8 expected", begin)
        link_type, _, snap_octets = Struct(f"{self._order}HHI").unpack_from(body)
        units_a_second, offset_s = 10**6, 0
        for code, value in self._options(body, 8):
            if code == Option.IF_TSRESOL and value:
                power = value[0] & 0x7F
                units_a_second = 2**power if value[0] & 0x80 else 10**power
            elif code == _IF_TSOFFSET and len(value) == 8:
                (offset_s,) = Struct(f"{self._order}q").unpack(value)
        return _Interface(link_type, snap_octets, units_a_second, offset_s)

    def _options(self, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        option = Struct(f"{self._order}HH")
        while at + option.size <= len(body):
            code, length = option.unpack_from(body, at)
            if code == Option.END:
                return
            yield code, body[at + 4 : at + 4 + length]
            at += 4 + length + -length % 4

    def _packet(self, body: bytes, begin: int, *, obsolete: bool) -> Frame:
        if len(body) < 20:
            raise ParseError(f"a packet block with {len(body)} octets, at least 20 expected", begin)
        interface, high, low, captured, whole = Struct(f"{self._order}IIIII").unpack_from(body)
        if obsolete:
            (interface,) = Struct(f"{self._order}H").unpack_from(body)
        described = self._described(interface, begin)
        self._at_ns = described.at_ns(high << 32 | low)
        return self._frame(described, body[20:], captured, whole, begin)

    def _simple_packet(self, body: bytes, begin: int) -> Frame:
        if len(body) < 4:
            raise ParseError(f"a simple packet block with {len(body)} octets, at least 4 expected", begin)
        (whole,) = Struct(f"{self._order}I").unpack_from(body)
        described = self._described(0, begin)
        captured = min(whole, described.snap_octets or whole)
        return self._frame(described, body[4:], captured, whole, begin)

    def _described(self, interface: int, begin: int) -> _Interface:
        if interface >= len(self._interfaces):
            raise ParseError(f"a packet of interface {interface}, {len(self._interfaces)} are described", begin)
        return self._interfaces[interface]

    def _frame(self, interface: _Interface, held: bytes, captured: int, whole: int, begin: int) -> Frame:
        if captured > len(held):
            raise ParseError(f"a packet of {captured} octets in a block that holds {len(held)}", begin)
        return Frame(interface.link_type, self._at_ns, held[:captured], max(whole, captured), begin)
