"""Captures made here, octet by octet, in every form that is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from struct import pack

import numpy as np
from numpy.typing import NDArray

from gateway.media.rtp import RtpPacket
from gateway.trace.ip import Path
from gateway.trace.pcapng import Endpoint
from tones.g711 import Law, encode

Pcm = NDArray[np.int16]
Timed = Sequence[tuple[float, bytes]]

CALLER: Endpoint = ("192.0.2.1", 40000)
GATEWAY: Endpoint = ("192.0.2.9", 20000)


def udp(octets: bytes, source: Endpoint = GATEWAY, destination: Endpoint = CALLER) -> bytes:
    """A raw IP packet."""
    return Path((ip_address(source[0]), source[1]), (ip_address(destination[0]), destination[1])).udp(octets)


def ethernet(packet: bytes, vlans: Iterable[int] = ()) -> bytes:
    """The same on Ethernet."""
    tags = b"".join(pack("!HH", 0x8100, vlan) for vlan in vlans)
    return bytes(12) + tags + pack("!H", 0x0800 if packet[0] >> 4 == 4 else 0x86DD) + packet


def classic(packets: Timed, link_type: int = 101, *, order: str = "<", magic: int = 0xA1B2C3D4, snap: int = 0) -> bytes:
    """A pcap file."""
    unit = 1e9 if magic == 0xA1B23C4D else 1e6
    extra = bytes(8) if magic == 0xA1B2CD34 else b""
    parts = [pack(f"{order}IHHIIII", magic, 2, 4, 0, 0, 262144, link_type)]
    for at_s, octets in packets:
        kept = octets[:snap] if snap else octets
        seconds = int(at_s)
        fraction = round((at_s - seconds) * unit)
        parts.append(pack(f"{order}IIII", seconds, fraction, len(kept), len(octets)) + extra + kept)
    return b"".join(parts)


def block(block_type: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    length = pack(f"{order}I", 12 + len(body))
    return pack(f"{order}I", block_type) + length + body + length


def section(order: str = "<") -> bytes:
    """A section header block."""
    return block(0x0A0D0D0A, pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link_type: int = 101, options: bytes = b"", order: str = "<", snap: int = 0) -> bytes:
    """An interface description block."""
    return block(1, pack(f"{order}HHI", link_type, 0, snap) + options, order)


def enhanced(octets: bytes, units: int = 0, number: int = 0, order: str = "<", whole: int | None = None) -> bytes:
    """An enhanced packet block."""
    sizes = len(octets), len(octets) if whole is None else whole
    return block(6, pack(f"{order}IIIII", number, units >> 32, units & 0xFFFFFFFF, *sizes) + octets, order)


def speech(pcm: Pcm, law: Law = Law.ALAW, *, sequence: int = 65530, timestamp: int = 0xFFFFF000) -> list[bytes]:
    """RTP packets of 20 ms."""
    octets = encode(pcm, law).tobytes()
    return [
        RtpPacket(
            law.payload_type,
            (sequence + number) & 0xFFFF,
            (timestamp + 160 * number) & 0xFFFFFFFF,
            0x1234ABCD,
            octets[160 * number : 160 * number + 160],
        ).serialize()
        for number in range(len(octets) // 160)
    ]


def paced(packets: Iterable[bytes], begin_s: float = 1_700_000_000.0) -> list[tuple[float, bytes]]:
    """One each 20 ms."""
    return [(begin_s + 0.02 * number, packet) for number, packet in enumerate(packets)]


def description(endpoint: Endpoint, *lines: str, formats: str = "8 101") -> str:
    """A session description."""
    told = lines or ("a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000")
    host = f"IP{ip_address(endpoint[0]).version} {endpoint[0]}"
    head = ["v=0", f"o=- 1 1 IN {host}", "s=-", f"c=IN {host}", "t=0 0", f"m=audio {endpoint[1]} RTP/AVP {formats}"]
    return "".join(f"{line}\r\n" for line in (*head, *told))


def sip(
    start_line: str, body: str = "", *, call_id: str = "a@b", cseq: str = "1 INVITE", reverse: bool = False
) -> bytes:
    """A message of a call from 100 to +33199000003."""
    ends = ("sip:100@192.0.2.1", "sip:+33199000003@192.0.2.9")
    one, other = ends[::-1] if reverse else ends
    fields = [
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        f"From: <{one}>;tag=1",
        f"To: <{other}>",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq}",
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return (start_line + "\r\n" + "".join(f"{field}\r\n" for field in fields) + "\r\n" + body).encode()
