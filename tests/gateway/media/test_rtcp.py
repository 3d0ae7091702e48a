"""RTCP packets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.media.rtcp import (
    Goodbye,
    OtherPacket,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SdesChunk,
    SdesType,
    SenderReport,
    SourceDescription,
    is_rtcp,
    parse_compound,
    serialize_compound,
)

BLOCK = ReportBlock(0x22222222, 64, -2, 0x00010005, 17, 0xB7052000, 0x00054000)
BLOCK_HEX = "22222222 40fffffe 00010005 00000011 b7052000 00054000"
REPORT = SenderReport(0x11111111, 0xB44DB70520000000, 160, 7, 1120, (BLOCK,))
REPORT_HEX = "81c8000c 11111111 b44db705 20000000 000000a0 00000007 00000460" + BLOCK_HEX
NAMES = SourceDescription((SdesChunk(0x11111111, ((SdesType.CNAME, b"gw@192.0.2.9"),)),))
NAMES_HEX = "81ca0005 11111111 010c 6777403139322e302e322e39 0000"
BYE = Goodbye((0x11111111,), b"over")
BYE_HEX = "81cb0003 11111111 04 6f766572 000000"

words = st.integers(0, 0xFFFFFFFF)
blocks = st.builds(
    ReportBlock, words, st.integers(0, 255), st.integers(-(1 << 23), (1 << 23) - 1), words, words, words, words
)
reports = st.lists(blocks, max_size=31).map(tuple)
extensions = st.binary(max_size=5).map(lambda octets: octets * 4)
items = st.tuples(st.integers(1, 255), st.binary(max_size=255))
chunks = st.builds(SdesChunk, words, st.lists(items, max_size=4).map(tuple))
first_packets = st.one_of(
    st.builds(SenderReport, words, st.integers(0, (1 << 64) - 1), words, words, words, reports, extensions),
    st.builds(ReceiverReport, words, reports, extensions),
)
other_packets = st.one_of(
    first_packets,
    st.builds(SourceDescription, st.lists(chunks, max_size=31).map(tuple)),
    st.builds(Goodbye, st.lists(words, max_size=31).map(tuple), st.binary(max_size=255)),
    st.builds(OtherPacket, st.integers(204, 255), st.integers(0, 31), extensions),
)


@pytest.mark.clause("RFC 3550", "6.4.1")
class TestOctetForOctet:
    @pytest.mark.parametrize(
        ("packet", "text"), [(REPORT, REPORT_HEX), (NAMES, NAMES_HEX), (BYE, BYE_HEX)], ids=["SR", "SDES", "BYE"]
    )
    def test_packets(self, packet: RtcpPacket, text: str) -> None:
        assert packet.serialize().hex() == text.replace(" ", "")

    def test_a_compound(self) -> None:
        data = bytes.fromhex(REPORT_HEX + NAMES_HEX + BYE_HEX)
        assert parse_compound(data) == (REPORT, NAMES, BYE)
        assert serialize_compound((REPORT, NAMES, BYE)) == data

    def test_an_empty_report_is_one(self) -> None:
        assert parse_compound(bytes.fromhex("80c90001 11111111")) == (ReceiverReport(0x11111111),)

    def test_types_that_are_not_read_survive(self) -> None:
        data = bytes.fromhex("80c90001 11111111 82cc0002 11111111 74657374 80cf0001 11111111")
        assert parse_compound(data)[1:] == (
            OtherPacket(204, 2, bytes.fromhex("1111111174657374")),
            OtherPacket(207, 0, bytes.fromhex("11111111")),
        )
        assert serialize_compound(parse_compound(data)) == data

    def test_padding_of_the_last_packet_is_left_out(self) -> None:
        data = bytes.fromhex("80c90001 11111111 a1cb0002 11111111 00000004")
        assert parse_compound(data) == (ReceiverReport(0x11111111), Goodbye((0x11111111,)))

    def test_the_name_of_a_chunk(self) -> None:
        assert NAMES.chunks[0].cname == "gw@192.0.2.9"
        assert SdesChunk(1, ((SdesType.TOOL, b"x"),)).cname == ""


@pytest.mark.clause("RFC 3550", "A.2")
class TestBadPackets:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "RTCP packet of 0 octets, at least 4 expected"),
            ("80c9", "RTCP packet of 2 octets, at least 4 expected"),
            ("40c90001 11111111", "RTCP version 1 is not 2"),
            ("81ca0001 11111111", "begins with type 202, SR or RR expected"),
            ("80c90002 11111111", "RTCP packet of 3 words ends at 12 past 8"),
            ("80c90000", "RR without its SSRC"),
            ("80c80001 11111111", "SR of 4 octets, at least 24 expected"),
            ("81c90001 11111111", "1 report blocks end at 28 past 4"),
            ("a0c90001 11111111 80c90001 11111111", "RTCP padding before the last packet"),
            ("a0c90001 00000000", "RTCP padding of 0 octets"),
            ("a0c90001 00000003", "RTCP padding of 3 octets"),
            ("a0c90001 00000008", "RTCP padding of 8 octets in 4"),
            ("80c90001 11111111 81ca0000", "SDES chunk at 0 past 0"),
            ("80c90001 11111111 81ca0001 11111111", "SDES items without their end"),
            ("80c90001 11111111 81ca0002 11111111 01096161", "SDES item 1 at 4 ends past 8"),
            ("80c90001 11111111 82cb0001 11111111", "BYE of 2 sources ends at 8 past 4"),
            ("80c90001 11111111 81cb0002 11111111 09616161", "BYE reason of 9 octets in 3"),
        ],
    )
    def test_they_are_refused_and_the_error_says_why(self, text: str, message: str) -> None:
        with pytest.raises(ParseError) as caught:
            parse_compound(bytes.fromhex(text))
        assert message in str(caught.value)

    def test_every_prefix_that_ends_within_a_packet_is_refused(self) -> None:
        data = bytes.fromhex(REPORT_HEX + NAMES_HEX + BYE_HEX)
        whole = {len(bytes.fromhex(text)) for text in (REPORT_HEX, REPORT_HEX + NAMES_HEX)}
        for length in set(range(len(data))) - whole:
            with pytest.raises(ParseError):
                parse_compound(data[:length])

    @given(st.binary(max_size=200))
    def test_any_octets_are_read_or_refused(self, data: bytes) -> None:
        try:
            parse_compound(data)
        except ParseError:
            return

    @given(st.lists(st.tuples(st.integers(0, 91), st.integers(0, 255)), min_size=1, max_size=6))
    def test_so_are_damaged_packets(self, damages: list[tuple[int, int]]) -> None:
        data = bytearray(bytes.fromhex(REPORT_HEX + NAMES_HEX + BYE_HEX))
        for place, value in damages:
            data[place % len(data)] = value
        try:
            parse_compound(bytes(data))
        except ParseError as error:
            assert error.clause is not None

    def test_a_compound_begins_with_a_report(self) -> None:
        for packets in ((), (BYE,)):
            with pytest.raises(ValueError, match="begins with SR or RR"):
                serialize_compound(packets)

    @pytest.mark.parametrize("lost", [-(1 << 23) - 1, 1 << 23])
    def test_what_does_not_fit_the_wire_is_no_value(self, lost: int) -> None:
        with pytest.raises(ValueError, match="lost"):
            ReportBlock(1, 0, lost, 0, 0)


@given(first_packets, st.lists(other_packets, max_size=4))
def test_what_was_written_is_read_again(first: RtcpPacket, others: list[RtcpPacket]) -> None:
    packets = (first, *others)
    data = serialize_compound(packets)
    assert len(data) % 4 == 0
    assert parse_compound(data) == packets


def test_rtcp_is_told_from_rtp() -> None:
    assert is_rtcp(REPORT.serialize())
    assert not is_rtcp(bytes.fromhex("8088ffff"))
    assert not is_rtcp(b"\x80")
