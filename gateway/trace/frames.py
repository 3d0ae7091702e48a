"""What a captured frame carries: link layer (tcpdump.org/linktypes.html), IPv4, IPv6, UDP and TCP.

    Ethernet, with any number of VLAN tags      Linux "any" (SLL, SLL2)     BSD loopback     raw IP     PPPoE sessions
        +- IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200)
            +- UDP (RFC 768), TCP (RFC 9293)

What has no UDP or TCP in it is not an error: `Skipped` says what it is, so that it can be counted.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address
from struct import Struct
from typing import Final

from attrs import field, frozen

from gateway.trace.ip import TCP, UDP
from gateway.trace.pcapng import Endpoint, LinkType

_NULL, _ETHERNET, _RAW_BSD, _RAW_OPENBSD, _RAW = 0, 1, 12, 14, 101
_LOOP, _LINUX_SLL, _IPV4, _IPV6, _LINUX_SLL2 = 108, 113, 228, 229, 276
_BARE: Final = frozenset({_RAW_BSD, _RAW_OPENBSD, _RAW, _IPV4, _IPV6})
_ETHERTYPE_AT: Final = {_ETHERNET: (12, 14), _LINUX_SLL: (14, 16), _LINUX_SLL2: (0, 20)}
"""Link type: where the EtherType stands, and where what it announces begins."""

_ETHERTYPE_IPV4, _ETHERTYPE_IPV6, _ETHERTYPE_PPPOE = 0x0800, 0x86DD, 0x8864
_VLAN: Final = frozenset({0x8100, 0x88A8, 0x9100, 0x9200})
_EXTENSIONS: Final = frozenset({0, 43, 60, 135, 139, 140})
"""Hop-by-hop options, routing, destination options, ...: next header, and the length in units of eight octets."""
_FRAGMENT, _AUTHENTICATION = 44, 51
_MOST_HEADERS: Final = 16

_IPV4_HEAD = Struct("!BxHxxHxB")
_TWO = Struct("!H")
_UDP_HEAD = Struct("!HHH")
_TCP_HEAD = Struct("!HHIxxxxBB")


class Skipped(StrEnum):
    """Why a frame has no UDP or TCP to look at; the value is the words for it."""

    LINK = "of a link type that is not read"
    OTHER = "not UDP or TCP over IP"
    FRAGMENT = "IP fragments"
    SHORT = "cut off within their headers"


@frozen
class Datagram:
    """One UDP datagram.

    Args:
        source, destination: address and port.
        payload: what was captured of it.
        whole: False: more of it was sent than was captured.
    """

    source: Endpoint
    destination: Endpoint
    payload: bytes = field(repr=False)
    whole: bool = True


@frozen
class Segment:
    """One TCP segment; `sequence` is that of the payload's first octet, or of the SYN."""

    source: Endpoint
    destination: Endpoint
    payload: bytes = field(repr=False)
    sequence: int
    flags: int
    whole: bool = True


def dissect(link_type: int, octets: bytes) -> Datagram | Segment | Skipped:
    """What a frame carries.

    Args:
        link_type: as its capture says.
        octets: the frame, as far as it was captured.
    """
    if link_type in _BARE:
        return _ip(octets, 0)
    if link_type in (_NULL, _LOOP):
        return _ip(octets, 4)
    if link_type not in _ETHERTYPE_AT:
        return Skipped.OTHER if link_type == LinkType.MTP3 else Skipped.LINK
    type_at, at = _ETHERTYPE_AT[link_type]
    if len(octets) < at:
        return Skipped.SHORT
    (ethertype,) = _TWO.unpack_from(octets, type_at)
    while ethertype in _VLAN:
        if len(octets) < at + 4:
            return Skipped.SHORT
        (ethertype,) = _TWO.unpack_from(octets, at + 2)
        at += 4
    if ethertype == _ETHERTYPE_PPPOE and octets[at + 6 : at + 8] in (b"\x00\x21", b"\x00\x57"):
        return _ip(octets, at + 8)
    return _ip(octets, at) if ethertype in (_ETHERTYPE_IPV4, _ETHERTYPE_IPV6) else Skipped.OTHER


def _ip(octets: bytes, at: int) -> Datagram | Segment | Skipped:
    """The packet that begins at `at`; its own version field counts, whatever the link layer says."""
    if len(octets) <= at:
        return Skipped.SHORT
    match octets[at] >> 4:
        case 4:
            return _ipv4(octets, at)
        case 6:
            return _ipv6(octets, at)
    return Skipped.OTHER


def _ipv4(octets: bytes, at: int) -> Datagram | Segment | Skipped:
    if len(octets) < at + 20:
        return Skipped.SHORT
    first, length, fragment, protocol = _IPV4_HEAD.unpack_from(octets, at)
    header = (first & 0x0F) * 4
    if header < 20:
        return Skipped.OTHER
    # More fragments, or an offset: not the whole of a datagram.
    if fragment & 0x3FFF:
        return Skipped.FRAGMENT
    # A length of 0 is left to the network card to fill in.
    end = at + length if length else len(octets)
    return _transport(octets, at + header, end, protocol, octets[at + 12 : at + 16], octets[at + 16 : at + 20])


def _ipv6(octets: bytes, at: int) -> Datagram | Segment | Skipped:
    if len(octets) < at + 40:
        return Skipped.SHORT
    (length,) = _TWO.unpack_from(octets, at + 4)
    end = at + 40 + length if length else len(octets)
    source, destination = octets[at + 8 : at + 24], octets[at + 24 : at + 40]
    following, at = octets[at + 6], at + 40
    for _ in range(_MOST_HEADERS):
        if following in (UDP, TCP):
            break
        if following not in _EXTENSIONS and following not in (_FRAGMENT, _AUTHENTICATION):
            return Skipped.OTHER
        if len(octets) < at + 8:
            return Skipped.SHORT
        if following == _FRAGMENT:
            # An atomic fragment is a whole datagram (RFC 6946).
            if _TWO.unpack_from(octets, at + 2)[0] & 0xFFF9:
                return Skipped.FRAGMENT
            size = 8
        elif following == _AUTHENTICATION:
            size = (octets[at + 1] + 2) * 4
        else:
            size = (octets[at + 1] + 1) * 8
        following, at = octets[at], at + size
    return _transport(octets, at, end, following, source, destination)


def _transport(
    octets: bytes, at: int, end: int, protocol: int, source: bytes, destination: bytes
) -> Datagram | Segment | Skipped:
    captured = len(octets)
    if protocol == UDP:
        if captured < at + 8:
            return Skipped.SHORT
        from_port, to_port, length = _UDP_HEAD.unpack_from(octets, at)
        # 0 is a jumbogram's length (RFC 2675 §4), or a network card's to fill in.
        end = min(end, at + length) if length >= 8 else end
        ends = (_text(source), from_port), (_text(destination), to_port)
        return Datagram(*ends, octets[at + 8 : end], captured >= end)
    if protocol == TCP:
        if captured < at + 20:
            return Skipped.SHORT
        from_port, to_port, sequence, offset, flags = _TCP_HEAD.unpack_from(octets, at)
        ends = (_text(source), from_port), (_text(destination), to_port)
        return Segment(*ends, octets[at + (offset >> 4) * 4 : end], sequence, flags, captured >= end)
    return Skipped.OTHER


@lru_cache(maxsize=65536)
def _text(address: bytes) -> str:
    """An address as text; an IPv4 address that IPv6 carries as itself."""
    made = ip_address(address)
    mapped = getattr(made, "ipv4_mapped", None)
    return str(mapped or made)
