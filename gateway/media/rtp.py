"""RTP packets (RFC 3550 §5.1), one at a time and in numpy batches.

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|V=2|P|X|  CC   |M|     PT      |       sequence number         |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|                           timestamp                           |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|           synchronization source (SSRC) identifier            |
+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
|            contributing source (CSRC) identifiers             |
|                             ....                              |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, le, max_len
from numpy.typing import NDArray

from gateway.core.clause import Clause
from gateway.core.errors import ParseError

HEADER_OCTETS: Final = 12
PACKET_SAMPLES: Final = 160
"""Samples of one 20 ms packet at 8000 Hz; in G.711 also its octets (RFC 3551 §4.2)."""
PACKET_OCTETS: Final = HEADER_OCTETS + PACKET_SAMPLES
SEQUENCE_MODULUS: Final = 1 << 16
TIMESTAMP_MODULUS: Final = 1 << 32

_HEADER = struct.Struct("!BBHII")
_VERSION_2 = 0x80
_PADDING = 0x20
_EXTENSION = 0x10
_MARKER = 0x80
_CLAUSE = Clause("RFC 3550", "5.1")


def signed_difference(later: int, earlier: int, modulus: int) -> int:
    """`later - earlier` on a counter that wraps: the nearer way round, -modulus/2 .. modulus/2 - 1."""
    half = modulus // 2
    return (later - earlier + half) % modulus - half


@frozen
class HeaderExtension:
    """The one header extension of a packet (RFC 3550 §5.3.1): `octets` is a whole number of 32-bit words."""

    profile: int = field(validator=[ge(0), le(0xFFFF)])
    octets: bytes = b""


@frozen
class RtpPacket:
    """One RTP packet.

    Args:
        payload_type: 0 to 127.
        sequence: 0 to 65535.
        timestamp: in sampling instants, 32 bits.
        ssrc: the synchronization source, 32 bits.
        payload: what the packet carries, without padding.
        marker: for audio, the first packet of a talkspurt (RFC 3551 §4.1).
        csrc: up to 15 contributing sources.
        extension: the header extension, if there is one.
        padding_octets: octets of padding at the end, its count octet included; 0 for none.
    """

    payload_type: int = field(validator=[ge(0), le(127)])
    sequence: int = field(validator=[ge(0), le(0xFFFF)])
    timestamp: int = field(validator=[ge(0), le(0xFFFFFFFF)])
    ssrc: int = field(validator=[ge(0), le(0xFFFFFFFF)])
    payload: bytes = b""
    marker: bool = False
    csrc: tuple[int, ...] = field(default=(), validator=max_len(15))
    extension: HeaderExtension | None = None
    padding_octets: int = field(default=0, validator=[ge(0), le(255)])

    @staticmethod
    def parse(data: bytes) -> RtpPacket:
        """Read a packet, with the checks of RFC 3550 §A.1.

        Raises:
            ParseError: too short, not version 2, or lengths that contradict each other.
        """
        if len(data) < HEADER_OCTETS:
            raise ParseError(f"RTP packet of {len(data)} octets, at least 12 expected", len(data), _CLAUSE)
        first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        if first >> 6 != 2:
            raise ParseError(f"RTP version {first >> 6} is not 2", 0, _CLAUSE)
        start, end = HEADER_OCTETS + 4 * (first & 0x0F), len(data)
        if start > end:
            raise ParseError(f"RTP packet: {first & 15} contributing sources end at {start} past {end}", 0, _CLAUSE)
        csrc = struct.unpack_from(f"!{first & 0x0F}I", data, HEADER_OCTETS)
        extension = None
        if first & _EXTENSION:
            if start + 4 > end:
                raise ParseError(f"RTP header extension at {start} past end {end}", start, Clause("RFC 3550", "5.3.1"))
            profile, words = struct.unpack_from("!HH", data, start)
            body, start = start + 4, start + 4 + 4 * words
            if start > end:
                raise ParseError(
                    f"RTP header extension of {words} words ends at {start} past {end}",
                    body,
                    Clause("RFC 3550", "5.3.1"),
                )
            extension = HeaderExtension(profile, data[body:start])
        padding = data[-1] if first & _PADDING else 0
        if first & _PADDING and not 1 <= padding <= end - start:
            raise ParseError(f"RTP padding of {padding} octets in {end - start}", end - 1, _CLAUSE)
        return RtpPacket(
            second & 0x7F,
            sequence,
            timestamp,
            ssrc,
            data[start : end - padding],
            bool(second & _MARKER),
            csrc,
            extension,
            padding,
        )

    def serialize(self) -> bytes:
        """The packet as octets; padding is zeros and its count."""
        first = _VERSION_2 | len(self.csrc)
        pieces = [struct.pack(f"!{len(self.csrc)}I", *self.csrc)]
        if self.extension is not None:
            first |= _EXTENSION
            pieces.append(struct.pack("!HH", self.extension.profile, len(self.extension.octets) // 4))
            pieces.append(self.extension.octets)
        pieces.append(self.payload)
        if self.padding_octets:
            first |= _PADDING
            pieces.append(bytes(self.padding_octets - 1) + bytes([self.padding_octets]))
        second = self.payload_type | (_MARKER if self.marker else 0)
        return _HEADER.pack(first, second, self.sequence, self.timestamp, self.ssrc) + b"".join(pieces)


def read_audio(data: bytes) -> tuple[bool, int, int, int, int, bytes]:
    """What a receiver of audio needs of a packet, read in a third of the time that `RtpPacket.parse` takes.

    Returns:
        Marker, payload type, sequence number, timestamp, SSRC and payload.

    Raises:
        ParseError: as `RtpPacket.parse`.
    """
    if len(data) < HEADER_OCTETS or data[0] != _VERSION_2:
        packet = RtpPacket.parse(data)
        return packet.marker, packet.payload_type, packet.sequence, packet.timestamp, packet.ssrc, packet.payload
    _, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    return second >= _MARKER, second & 0x7F, sequence, timestamp, ssrc, data[HEADER_OCTETS:]


@frozen(eq=False)
class Headers:
    """The headers of a batch, an array each; a row that is not `valid` holds nothing of meaning.

    `payload_start` and `payload_octets` leave out contributing sources, extension and padding.
    """

    valid: NDArray[np.bool_]
    marker: NDArray[np.bool_]
    payload_type: NDArray[np.uint8]
    sequence: NDArray[np.uint16]
    timestamp: NDArray[np.uint32]
    ssrc: NDArray[np.uint32]
    payload_start: NDArray[np.int64]
    payload_octets: NDArray[np.int64]


def read_headers(packets: NDArray[np.uint8], lengths: NDArray[np.int64]) -> Headers:
    """Check and read the headers of many packets at once; the rules are those of `RtpPacket.parse`.

    Args:
        packets: `uint8[n, width]`, one datagram a row, width at least 12; nothing beyond a row's length is looked at.
        lengths: `int64[n]`, the octets of each datagram, at most `width`.
    """
    rows = np.arange(len(packets))
    last = packets.shape[1] - 1
    first, second = packets[:, 0], packets[:, 1]
    valid = (lengths >= HEADER_OCTETS) & (first >> 6 == 2)
    start = HEADER_OCTETS + 4 * (first & 0x0F).astype(np.int64)
    extended = (first & _EXTENSION) != 0
    if extended.any():
        words = packets[rows, np.minimum(start + 2, last)].astype(np.int64) << 8
        words |= packets[rows, np.minimum(start + 3, last)]
        valid &= ~extended | (start + 4 <= lengths)
        start = np.where(extended, start + 4 + 4 * words, start)
    valid &= start <= lengths
    padded = (first & _PADDING) != 0
    padding = np.zeros(len(packets), np.int64)
    if padded.any():
        padding = np.where(padded, packets[rows, np.clip(lengths - 1, 0, last)], 0).astype(np.int64)
        valid &= ~padded | ((padding >= 1) & (padding <= lengths - start))
    words32 = np.ascontiguousarray(packets[:, :HEADER_OCTETS])
    return Headers(
        valid=valid,
        marker=second >= _MARKER,
        payload_type=second & np.uint8(0x7F),
        sequence=words32[:, 2:4].copy().view(">u2")[:, 0].astype(np.uint16),
        timestamp=words32.view(">u4")[:, 1].astype(np.uint32),
        ssrc=words32.view(">u4")[:, 2].astype(np.uint32),
        payload_start=np.where(valid, start, 0),
        payload_octets=np.where(valid, lengths - padding - start, 0),
    )
