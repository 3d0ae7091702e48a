"""Captures of other programs, whole and broken."""

from __future__ import annotations

from io import BytesIO
from struct import pack

import pytest

from gateway.core.errors import ParseError
from gateway.trace.capture_file import Frame, read_frames
from gateway.trace.pcapng import PcapngWriter, read_pcapng
from tests.gateway.trace.captures import block, classic, enhanced, interface, section


def frames(octets: bytes) -> list[Frame]:
    return list(read_frames(BytesIO(octets)))


def told(octets: bytes) -> tuple[list[Frame], str]:
    """What is told before the error, and the error."""
    found: list[Frame] = []
    with pytest.raises(ParseError) as caught:
        found.extend(read_frames(BytesIO(octets)))
    return found, str(caught.value)


class TestClassic:
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34])
    def test_every_magic_number(self, order: str, magic: int) -> None:
        (one, other) = frames(classic([(5.25, b"one"), (6.5, b"other")], 1, order=order, magic=magic))
        assert (one.link_type, one.at_ns, one.octets, one.wire_octets) == (1, 5_250_000_000, b"one", 3)
        assert (other.at_ns, other.octets) == (6_500_000_000, b"other")
        assert one.offset == 24

    def test_the_length_of_the_frame_check_sequence_is_no_part_of_the_link_type(self) -> None:
        assert frames(classic([(0, b"x")], 0xF400_0071))[0].link_type == 113

    def test_a_packet_of_which_a_part_was_captured(self) -> None:
        (frame,) = frames(classic([(0, bytes(100))], snap=64))
        assert (len(frame.octets), frame.wire_octets) == (64, 100)

    def test_no_packets(self) -> None:
        assert frames(classic([])) == []

    def test_every_prefix_tells_what_is_whole_and_where_it_breaks_off(self) -> None:
        whole = classic([(0, b"first"), (1, b"second")])
        second = 24 + 16 + 5
        for size in range(25, len(whole)):
            if size == second:
                assert len(frames(whole[:size])) == 1
                continue
            found, error = told(whole[:size])
            assert len(found) == (size > second)
            assert error.startswith("cut short") and error.endswith(f"at octet {24 if size < second else second}")

    def test_a_record_of_nonsense_is_where_it_is_broken(self) -> None:
        found, error = told(classic([(0, b"first")]) + b"\xff" * 16)
        assert len(found) == 1
        assert error == "a record of 4294967295 octets: no packet is so long at octet 45"


class TestPcapng:
    @pytest.mark.parametrize("order", ["<", ">"])
    def test_both_byte_orders(self, order: str) -> None:
        octets = section(order) + interface(1, order=order) + enhanced(b"abcde", 1_500_000, order=order)
        (frame,) = frames(octets)
        assert (frame.link_type, frame.at_ns, frame.octets) == (1, 1_500_000_000, b"abcde")

    def test_sections_follow_each_other(self) -> None:
        octets = b"".join(
            section(order) + interface(link, order=order) + enhanced(b"x", order=order)
            for order, link in (("<", 1), (">", 113))
        )
        assert [frame.link_type for frame in frames(octets)] == [1, 113]

    @pytest.mark.parametrize(
        ("options", "units", "at_ns"),
        [
            (pack("<HHI", 9, 1, 9), 1_000_000_007, 1_000_000_007),
            (pack("<HHI", 9, 1, 0x80 | 10), 1536, 1_500_000_000),
            (pack("<HHI", 9, 1, 3) + pack("<HHq", 14, 8, 100), 250, 100_250_000_000),
            (pack("<HH4s", 2, 4, b"eth0") + pack("<HHI", 0, 0, 0), 1, 1000),
        ],
    )
    def test_resolution_and_offset_of_time(self, options: bytes, units: int, at_ns: int) -> None:
        assert frames(section() + interface(1, options) + enhanced(b"x", units))[0].at_ns == at_ns

    def test_other_packet_blocks(self) -> None:
        simple = block(3, pack("<I", 9) + b"sim")
        obsolete = block(2, pack("<HHIIII", 0, 0, 0, 7, 3, 3) + b"old")
        found = frames(section() + interface(1, snap=3) + obsolete + simple)
        assert [(frame.octets, frame.wire_octets, frame.at_ns) for frame in found] == [
            (b"old", 3, 7000),
            (b"sim", 9, 7000),
        ]

    def test_unknown_blocks_are_passed_over(self) -> None:
        assert len(frames(section() + block(5, bytes(20)) + interface() + block(0xBAD, b"") + enhanced(b"x"))) == 1

    def test_our_own_are_read_as_ever(self) -> None:
        file = BytesIO()
        writer = PcapngWriter(file, 1_700_000_000.0)
        writer.sip_udp(0.5, ("192.0.2.1", 5060), ("192.0.2.2", 5060), b"OPTIONS", ["a comment"], True)
        writer.mtp3(1.0, b"\x85123")
        known = [(each.link_type, each.at_ns, each.octets) for each in read_pcapng(file.getvalue())]
        assert [(each.link_type, each.at_ns, each.octets) for each in frames(file.getvalue())] == known

    @pytest.mark.parametrize(
        ("octets", "error"),
        [
            (b"", "a file of 0 octets is no capture at octet 0"),
            (b"RIFF1234", "not a capture: it begins with 52 49 46 46; pcapng and pcap are read at octet 0"),
            (section()[:8], "cut short: a section header needs 4 more octets, 0 are left at octet 0"),
            (section()[:8] + bytes(20), "a section header with the byte order 00 00 00 00 at octet 0"),
            (
                section() + interface()[:-6],
                "cut short: a block of 20 octets needs 12 more octets, 6 are left at octet 28",
            ),
            (section() + b"\1\0\0\0\x0b\0\0\0" + bytes(8), "a block of 11 octets: no block is so long at octet 28"),
            (section() + b"\1\0\0\0\0\0\0\x7f", "a block of 2130706432 octets: no block is so long at octet 28"),
            (section() + b"\1\0", "cut short: 2 octets of a block's header at octet 28"),
            (
                section() + block(1, bytes(8))[:-4] + b"\7\0\0\0",
                "a block of 20 octets ends with the length 7 at octet 28",
            ),
            (section() + block(1, b""), "an interface description of 0 octets, at least 8 expected at octet 28"),
            (section() + enhanced(b"x"), "a packet of interface 0, 0 are described at octet 28"),
            (section() + block(6, bytes(8)), "a packet block with 8 octets, at least 20 expected at octet 28"),
            (section() + block(3, b""), "a simple packet block with 0 octets, at least 4 expected at octet 28"),
            (
                section() + interface() + block(6, pack("<IIIII", 0, 0, 0, 99, 99) + b"x"),
                "a packet of 99 octets in a block that holds 4 at octet 48",
            ),
        ],
    )
    def test_what_is_wrong_is_said_and_where(self, octets: bytes, error: str) -> None:
        assert told(octets)[1] == error

    def test_every_prefix_tells_what_is_whole(self) -> None:
        whole = section() + interface() + enhanced(b"first") + enhanced(b"second")
        edges = {len(section()), len(section() + interface()), len(section() + interface() + enhanced(b"first"))}
        for size in range(4, len(whole)):
            if size in edges:
                assert len(frames(whole[:size])) == (size == max(edges))
            else:
                assert len(told(whole[:size])[0]) == (size > max(edges))


def test_only_one_packet_is_held_at_a_time() -> None:
    class Endless(BytesIO):
        largest = 0

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert size >= 0
            self.largest = max(self.largest, size)
            return super().read(size)

    file = Endless(classic([(number, bytes(200)) for number in range(1000)]))
    assert sum(1 for _ in read_frames(file)) == 1000
    assert file.largest == 200
