"""Link layers, IP and what is in it."""

from __future__ import annotations

from ipaddress import ip_address
from struct import pack

import pytest

from gateway.trace.frames import Datagram, Segment, Skipped, dissect
from gateway.trace.ip import PSH, SYN, Path
from tests.gateway.trace.captures import CALLER, GATEWAY, ethernet, udp

V4 = udp(b"payload")
V6_ENDS = ("2001:db8::9", 20000), ("2001:db8::1", 40000)
V6 = udp(b"payload", *V6_ENDS)
SLL = pack("!HHH8sH", 0, 1, 6, bytes(8), 0x0800)
SLL2 = pack("!HHIHBB8s", 0x0800, 0, 1, 1, 0, 6, bytes(8))
PPPOE = bytes(12) + pack("!H", 0x8864) + bytes(6) + b"\x00\x21"


class TestLinkLayers:
    @pytest.mark.parametrize(
        ("link_type", "octets"),
        [
            (1, ethernet(V4)),
            (1, ethernet(V4, [7])),
            (1, ethernet(V4, [7, 8])),
            (1, PPPOE + V4),
            (1, ethernet(V4) + bytes(6)),
            (0, b"\2\0\0\0" + V4),
            (108, b"\0\0\0\2" + V4),
            (101, V4),
            (12, V4),
            (228, V4),
            (113, SLL + V4),
            (113, SLL[:-2] + pack("!HHH", 0x8100, 7, 0x0800) + V4),
            (276, SLL2 + V4),
        ],
    )
    def test_a_datagram_is_found_in_each(self, link_type: int, octets: bytes) -> None:
        assert dissect(link_type, octets) == Datagram(GATEWAY, CALLER, b"payload")

    @pytest.mark.parametrize(
        ("link_type", "octets"),
        [(1, ethernet(V6)), (229, V6), (0, b"\x1e\0\0\0" + V6), (276, pack("!H", 0x86DD) + SLL2[2:] + V6)],
    )
    def test_in_ipv6_too(self, link_type: int, octets: bytes) -> None:
        assert dissect(link_type, octets) == Datagram(*V6_ENDS, b"payload")

    def test_what_is_not_read_is_said(self) -> None:
        assert dissect(105, V4) is Skipped.LINK
        assert dissect(141, b"\x85") is Skipped.OTHER
        assert dissect(1, bytes(12) + b"\x08\x06" + bytes(28)) is Skipped.OTHER
        assert dissect(101, b"\x00" * 40) is Skipped.OTHER


class TestInternetProtocol:
    def test_options_of_ipv4(self) -> None:
        longer = b"\x46" + V4[1:2] + pack("!H", len(V4) + 4) + V4[4:20] + b"\1\1\1\0" + V4[20:]
        assert dissect(101, longer) == Datagram(GATEWAY, CALLER, b"payload")

    @pytest.mark.parametrize("fragment", [0x2000, 0x0010, 0x2010])
    def test_fragments_are_passed_over(self, fragment: int) -> None:
        assert dissect(101, V4[:6] + pack("!H", fragment) + V4[8:]) is Skipped.FRAGMENT

    @pytest.mark.parametrize("kind", [0, 43, 60])
    def test_extension_headers_of_ipv6(self, kind: int) -> None:
        longer = V6[:4] + pack("!H", len(V6) - 40 + 16) + bytes([kind]) + V6[7:40] + b"\x11\x01" + bytes(14) + V6[40:]
        assert dissect(101, longer) == Datagram(*V6_ENDS, b"payload")

    @pytest.mark.parametrize(("offset", "atomic"), [(0, True), (1, False), (8, False)])
    def test_fragments_of_ipv6(self, offset: int, atomic: bool) -> None:
        extension = b"\x11\0" + pack("!H", offset) + bytes(4)
        longer = V6[:4] + pack("!H", len(V6) - 40 + 8) + b"\x2c" + V6[7:40] + extension + V6[40:]
        assert dissect(101, longer) == (Datagram(*V6_ENDS, b"payload") if atomic else Skipped.FRAGMENT)

    def test_a_mapped_address_is_an_ipv4_address(self) -> None:
        packet = udp(b"x", ("::ffff:192.0.2.9", 1), ("::ffff:192.0.2.1", 2))
        assert dissect(101, packet) == Datagram(("192.0.2.9", 1), ("192.0.2.1", 2), b"x")

    def test_other_protocols(self) -> None:
        assert dissect(101, V4[:9] + b"\x01" + V4[10:]) is Skipped.OTHER
        assert dissect(101, V6[:6] + b"\x3a" + V6[7:]) is Skipped.OTHER


class TestTransport:
    def test_a_segment(self) -> None:
        path = Path((ip_address(GATEWAY[0]), 5060), (ip_address(CALLER[0]), 5062))
        there = GATEWAY[0], 5060
        here = CALLER[0], 5062
        assert dissect(101, path.tcp(7, 9, PSH, b"SIP")) == Segment(there, here, b"SIP", 7, PSH)
        assert dissect(101, path.tcp(7, 0, SYN, options=b"\2\4\5\xb4")) == Segment(there, here, b"", 7, SYN)

    def test_what_was_captured_in_part_says_so(self) -> None:
        assert dissect(101, V4[:-3]) == Datagram(GATEWAY, CALLER, b"payl", whole=False)

    @pytest.mark.parametrize("whole", [ethernet(V4), ethernet(V6), ethernet(V4, [1])])
    def test_every_prefix_is_short_or_a_part(self, whole: bytes) -> None:
        for size in range(len(whole)):
            found = dissect(1, whole[:size])
            assert found is Skipped.SHORT or (isinstance(found, Datagram) and not found.whole)
