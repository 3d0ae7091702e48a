"""RTCP packets (RFC 3550 §6): SR, RR, SDES, BYE, one after the other in a compound packet.

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|V=2|P|  count  |      PT       |             length            |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

Length is in 32-bit words less one. Packets of other types (APP, XR, ...) are kept as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from attrs import field, frozen
from attrs.validators import deep_iterable, ge, le, max_len

from gateway.core.clause import Clause
from gateway.core.errors import ParseError

_HEADER = struct.Struct("!BBH")
_BLOCK = struct.Struct("!IIIIII")
_SENDER = struct.Struct("!QIII")
_VERSION_2: Final = 0x80
_PADDING: Final = 0x20
_MOST: Final = 31
_WORD: Final = [ge(0), le(0xFFFFFFFF)]


class PacketType(IntEnum):
    """RTCP packet types (RFC 3550 §12.1)."""

    SR = 200
    RR = 201
    SDES = 202
    BYE = 203
    APP = 204


class SdesType(IntEnum):
    """SDES item types (RFC 3550 §12.2)."""

    CNAME = 1
    NAME = 2
    EMAIL = 3
    PHONE = 4
    LOC = 5
    TOOL = 6
    NOTE = 7
    PRIV = 8


@frozen
class ReportBlock:
    """How one source is received (RFC 3550 §6.4.1).

    Args:
        ssrc: the source.
        fraction_lost: since the last report, in 256ths.
        lost: packets since the beginning, -2^23 to 2^23 - 1.
        highest: the extended highest sequence number.
        jitter: in timestamp units.
        last_sr: the middle 32 bits of the NTP timestamp of the last SR; 0: none came.
        delay: since then, in 65536ths of a second; 0: none came.
    """

    ssrc: int = field(validator=_WORD)
    fraction_lost: int = field(validator=[ge(0), le(255)])
    lost: int = field(validator=[ge(-(1 << 23)), le((1 << 23) - 1)])
    highest: int = field(validator=_WORD)
    jitter: int = field(validator=_WORD)
    last_sr: int = field(default=0, validator=_WORD)
    delay: int = field(default=0, validator=_WORD)

    def serialize(self) -> bytes:
        """24 octets."""
        fraction_and_lost = self.fraction_lost << 24 | self.lost & 0xFFFFFF
        return _BLOCK.pack(self.ssrc, fraction_and_lost, self.highest, self.jitter, self.last_sr, self.delay)


@frozen
class SenderReport:
    """What a source has sent, and how it receives others (RFC 3550 §6.4.1).

    Args:
        ssrc: the source.
        ntp: the wallclock, seconds since 1900 with 32 bits of fraction: 64 bits.
        rtp_timestamp: of the same moment.
        packets: sent, modulo 2^32.
        octets: of their payloads, modulo 2^32.
        reports: up to 31.
        extension: profile-specific, a multiple of four octets (§6.4.3).
    """

    ssrc: int = field(validator=_WORD)
    ntp: int = field(validator=[ge(0), le((1 << 64) - 1)])
    rtp_timestamp: int = field(validator=_WORD)
    packets: int = field(validator=_WORD)
    octets: int = field(validator=_WORD)
    reports: tuple[ReportBlock, ...] = field(default=(), validator=max_len(_MOST))
    extension: bytes = b""

    def serialize(self) -> bytes:
        """The packet."""
        info = _SENDER.pack(self.ntp, self.rtp_timestamp, self.packets, self.octets)
        blocks = b"".join(block.serialize() for block in self.reports)
        body = struct.pack("!I", self.ssrc) + info + blocks + self.extension
        return _framed(PacketType.SR, len(self.reports), body)


@frozen
class ReceiverReport:
    """How a participant that sends nothing receives others (RFC 3550 §6.4.2); fields as in `SenderReport`."""

    ssrc: int = field(validator=_WORD)
    reports: tuple[ReportBlock, ...] = field(default=(), validator=max_len(_MOST))
    extension: bytes = b""

    def serialize(self) -> bytes:
        """The packet."""
        blocks = b"".join(block.serialize() for block in self.reports)
        return _framed(PacketType.RR, len(self.reports), struct.pack("!I", self.ssrc) + blocks + self.extension)


@frozen
class SdesChunk:
    """What is known of one source (RFC 3550 §6.5).

    Args:
        ssrc: the source.
        items: type (1 to 255) and text (up to 255 octets) of each, in order.
    """

    ssrc: int = field(validator=_WORD)
    items: tuple[tuple[int, bytes], ...] = ()

    @property
    def cname(self) -> str:
        """The canonical name (§6.5.1), "" if it is missing."""
        for kind, text in self.items:
            if kind == SdesType.CNAME:
                return text.decode("utf-8", "replace")
        return ""

    def serialize(self) -> bytes:
        """The chunk, ended by one to four null octets."""
        body = struct.pack("!I", self.ssrc)
        body += b"".join(bytes([kind, len(text)]) + text for kind, text in self.items)
        return body + bytes(4 - len(body) % 4)


@frozen
class SourceDescription:
    """SDES (RFC 3550 §6.5)."""

    chunks: tuple[SdesChunk, ...] = field(default=(), validator=max_len(_MOST))

    def serialize(self) -> bytes:
        """The packet."""
        return _framed(PacketType.SDES, len(self.chunks), b"".join(chunk.serialize() for chunk in self.chunks))


@frozen
class Goodbye:
    """BYE (RFC 3550 §6.6).

    Args:
        sources: who leaves.
        reason: why, up to 255 octets of UTF-8; "" for none.
    """

    sources: tuple[int, ...] = field(validator=[max_len(_MOST), deep_iterable(_WORD)])
    reason: bytes = field(default=b"", validator=max_len(255))

    def serialize(self) -> bytes:
        """The packet."""
        body = struct.pack(f"!{len(self.sources)}I", *self.sources)
        if self.reason:
            text = bytes([len(self.reason)]) + self.reason
            body += text + bytes(-len(text) % 4)
        return _framed(PacketType.BYE, len(self.sources), body)


@frozen
class OtherPacket:
    """A packet of a type that is not read here: its type, its count and its octets after the header."""

    kind: int = field(validator=[ge(0), le(255)])
    count: int = field(validator=[ge(0), le(_MOST)])
    octets: bytes = b""

    def serialize(self) -> bytes:
        """The packet."""
        return _framed(self.kind, self.count, self.octets)


RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Goodbye | OtherPacket


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram on a port shared with RTP is RTCP: its packet type is 192 to 223 (RFC 5761 §4)."""
    return len(data) >= 2 and data[0] >> 6 == 2 and 192 <= data[1] <= 223


def serialize_compound(packets: Iterable[RtcpPacket]) -> bytes:
    """A compound packet.

    Raises:
        ValueError: the first is no SR or RR.
    """
    packets = tuple(packets)
    if not packets or not isinstance(packets[0], SenderReport | ReceiverReport):
        raise ValueError("a compound RTCP packet begins with SR or RR")
    return b"".join(packet.serialize() for packet in packets)


def parse_compound(data: bytes) -> tuple[RtcpPacket, ...]:
    """Read a compound packet, with the checks of RFC 3550 §A.2.

    Raises:
        ParseError: a version other than 2, a first packet that is no report, padding before the last packet, or lengths
            that do not add up.
    """
    packets: list[RtcpPacket] = []
    start = 0
    while start < len(data) or not packets:
        if len(data) - start < _HEADER.size:
            raise ParseError(f"RTCP packet of {len(data) - start} octets, at least 4 expected", start, _CHECKS)
        first, kind, words = _HEADER.unpack_from(data, start)
        if first >> 6 != 2:
            raise ParseError(f"RTCP version {first >> 6} is not 2", start, _CHECKS)
        if start == 0 and kind not in (PacketType.SR, PacketType.RR):
            raise ParseError(f"compound RTCP packet begins with type {kind}, SR or RR expected", 1, _CHECKS)
        end = start + 4 * (words + 1)
        if end > len(data):
            raise ParseError(f"RTCP packet of {words + 1} words ends at {end} past {len(data)}", start + 2, _CHECKS)
        body_end = end
        if first & _PADDING:
            if end != len(data):
                raise ParseError("RTCP padding before the last packet of a compound", start, _CHECKS)
            padding = data[-1]
            if padding == 0 or padding % 4 or padding > end - start - 4:
                raise ParseError(f"RTCP padding of {padding} octets in {end - start - 4}", end - 1, _CHECKS)
            body_end -= padding
        packets.append(_parse_body(kind, first & 0x1F, data[start + 4 : body_end], start + 4))
        start = end
    return tuple(packets)


_CHECKS: Final = Clause("RFC 3550", "A.2")


def _framed(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(_VERSION_2 | count, kind, len(body) // 4) + body


def _parse_body(kind: int, count: int, body: bytes, offset: int) -> RtcpPacket:
    match kind:
        case PacketType.SR:
            return _parse_sender_report(count, body, offset)
        case PacketType.RR:
            if len(body) < 4:
                raise ParseError("RR without its SSRC", offset, Clause("RFC 3550", "6.4.2"))
            reports, extension = _parse_blocks(count, body, 4, offset)
            return ReceiverReport(int.from_bytes(body[:4], "big"), reports, extension)
        case PacketType.SDES:
            return _parse_description(count, body, offset)
        case PacketType.BYE:
            return _parse_goodbye(count, body, offset)
    return OtherPacket(kind, count, body)


def _parse_sender_report(count: int, body: bytes, offset: int) -> SenderReport:
    if len(body) < 24:
        raise ParseError(f"SR of {len(body)} octets, at least 24 expected", offset, Clause("RFC 3550", "6.4.1"))
    ntp, timestamp, packets, octets = _SENDER.unpack_from(body, 4)
    reports, extension = _parse_blocks(count, body, 24, offset)
    return SenderReport(int.from_bytes(body[:4], "big"), ntp, timestamp, packets, octets, reports, extension)


def _parse_blocks(count: int, body: bytes, start: int, offset: int) -> tuple[tuple[ReportBlock, ...], bytes]:
    end = start + count * _BLOCK.size
    if end > len(body):
        raise ParseError(
            f"{count} report blocks end at {end} past {len(body)}", offset + start, Clause("RFC 3550", "6.4.1")
        )
    blocks = []
    for ssrc, both, highest, jitter, last_sr, delay in _BLOCK.iter_unpack(body[start:end]):
        lost = (both & 0xFFFFFF) - ((both & 0x800000) << 1)
        blocks.append(ReportBlock(ssrc, both >> 24, lost, highest, jitter, last_sr, delay))
    return tuple(blocks), body[end:]


def _parse_description(count: int, body: bytes, offset: int) -> SourceDescription:
    clause = Clause("RFC 3550", "6.5")
    chunks, at = [], 0
    for _ in range(count):
        if at + 4 > len(body):
            raise ParseError(f"SDES chunk at {at} past {len(body)}", offset + at, clause)
        ssrc, at = int.from_bytes(body[at : at + 4], "big"), at + 4
        items = []
        while True:
            if at >= len(body):
                raise ParseError("SDES items without their end", offset + at, clause)
            kind = body[at]
            if kind == 0:
                break
            if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
                raise ParseError(f"SDES item {kind} at {at} ends past {len(body)}", offset + at, clause)
            items.append((kind, body[at + 2 : at + 2 + body[at + 1]]))
            at += 2 + body[at + 1]
        at += 4 - at % 4
        chunks.append(SdesChunk(ssrc, tuple(items)))
    return SourceDescription(tuple(chunks))


def _parse_goodbye(count: int, body: bytes, offset: int) -> Goodbye:
    clause = Clause("RFC 3550", "6.6")
    end = 4 * count
    if end > len(body):
        raise ParseError(f"BYE of {count} sources ends at {end} past {len(body)}", offset, clause)
    sources = struct.unpack_from(f"!{count}I", body)
    reason = b""
    if end < len(body):
        reason = body[end + 1 : end + 1 + body[end]]
        if len(reason) < body[end]:
            raise ParseError(f"BYE reason of {body[end]} octets in {len(body) - end - 1}", offset + end, clause)
    return Goodbye(sources, reason)
