"""The capture file: what was written is read back, and every truncation is refused."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.trace.pcapng import LinkType, PcapngWriter, read_pcapng

HERE = ("192.0.2.1", 5060)
THERE = ("192.0.2.2", 5070)


def capture(started_epoch_s: float = 0.0) -> tuple[PcapngWriter, BytesIO]:
    file = BytesIO()
    return PcapngWriter(file, started_epoch_s), file


class TestFile:
    def test_it_begins_with_a_section_header_and_two_interfaces(self) -> None:
        octets = capture()[1].getvalue()
        assert octets[:4].hex() == "0a0d0d0a"
        assert octets[8:16].hex() == "4d3c2b1a" + "01000000"
        assert int.from_bytes(octets[16:24], "little", signed=True) == -1
        first = int.from_bytes(octets[4:8], "little")
        second = first + int.from_bytes(octets[first + 4 : first + 8], "little")
        assert [octets[at : at + 4].hex() for at in (first, second)] == ["01000000", "01000000"]
        assert [int.from_bytes(octets[at + 8 : at + 10], "little") for at in (first, second)] == [101, 141]

    def test_packets_carry_nanoseconds_since_1970(self) -> None:
        writer, file = capture(1_700_000_000.25)
        writer.mtp3(1.000000001, b"\x85")
        assert [packet.at_ns for packet in read_pcapng(file.getvalue())] == [1_700_000_001_250_000_001]

    @given(
        st.lists(
            st.tuples(
                st.binary(max_size=70), st.lists(st.text(max_size=20), max_size=3), st.sampled_from([None, True, False])
            )
        )
    )
    def test_packets_comments_and_directions_survive(
        self, messages: list[tuple[bytes, list[str], bool | None]]
    ) -> None:
        writer, file = capture()
        for octets, comments, outbound in messages:
            writer.mtp3(0.0, octets, comments, outbound)
        packets = read_pcapng(file.getvalue())
        assert [(p.octets, list(p.comments), p.outbound) for p in packets] == [
            (octets, [c.encode("utf-8", "replace").decode() for c in comments], outbound)
            for octets, comments, outbound in messages
        ]
        assert {packet.link_type for packet in packets} <= {LinkType.MTP3}
        assert writer.packets == len(messages)

    def test_a_comment_beyond_an_option_is_cut_between_characters(self) -> None:
        writer, file = capture()
        writer.mtp3(0.0, b"\x85", ["x" + "é" * 40000])
        (packet,) = read_pcapng(file.getvalue())
        assert packet.comments == ("x" + "é" * 32767,)

    def test_every_prefix_that_ends_within_a_block_is_refused(self) -> None:
        writer, file = capture()
        writer.mtp3(0.0, b"\x85\x01\x02", ["why"], True)
        whole = file.getvalue()
        ends = {0}
        while max(ends) < len(whole):
            at = max(ends)
            ends.add(at + int.from_bytes(whole[at + 4 : at + 8], "little"))
        for size in range(len(whole)):
            if size in ends:
                read_pcapng(whole[:size])
            else:
                with pytest.raises(ParseError):
                    read_pcapng(whole[:size])

    @given(st.binary(max_size=80))
    def test_garbage_is_refused_or_holds_no_packet(self, octets: bytes) -> None:
        with suppress(ParseError):
            assert read_pcapng(octets) == []

    def test_a_packet_of_an_interface_that_nobody_described_is_refused(self) -> None:
        writer, file = capture()
        writer.mtp3(0.0, b"\x85")
        octets = bytearray(file.getvalue())
        octets[-28] = 9
        with pytest.raises(ParseError, match="packet of interface 9, 2 are described"):
            read_pcapng(bytes(octets))


class TestIp:
    def test_sip_over_udp_is_one_packet(self) -> None:
        writer, file = capture()
        writer.sip_udp(0.5, HERE, THERE, b"OPTIONS", ["why"], True)
        (packet,) = read_pcapng(file.getvalue())
        assert packet.link_type == LinkType.RAW
        assert packet.octets[28:] == b"OPTIONS"
        assert packet.comments == ("why",)
        assert packet.outbound is True

    def test_a_message_beyond_udp_is_refused(self) -> None:
        writer, file = capture()
        with pytest.raises(ValueError, match="do not fit into a UDP datagram"):
            writer.sip_udp(0.0, HERE, THERE, bytes(65508))
        assert read_pcapng(file.getvalue()) == []

    def test_rtp_of_two_calls_keeps_its_addresses(self) -> None:
        writer, file = capture()
        for port in (4000, 4002, 4000):
            writer.rtp(0.0, ("192.0.2.1", port), THERE, memoryview(bytes(172)))
        ports = [int.from_bytes(packet.octets[20:22], "big") for packet in read_pcapng(file.getvalue())]
        assert ports == [4000, 4002, 4000]

    def test_the_first_message_on_tcp_opens_the_connection_and_the_answer_uses_it(self) -> None:
        writer, file = capture()
        writer.sip_tcp(0.0, THERE, HERE, b"INVITE", ["why"], False)
        writer.sip_tcp(0.1, HERE, THERE, b"100", outbound=True)
        packets = read_pcapng(file.getvalue())
        assert [packet.octets[33] for packet in packets] == [0x02, 0x12, 0x10, 0x18, 0x10, 0x18, 0x10]
        assert [packet.outbound for packet in packets] == [False, True, False, False, True, True, False]
        assert [packet.comments for packet in packets][3] == ("why",)
        assert "made" in packets[0].comments[0]

    def test_the_comment_of_a_long_message_stands_on_its_last_segment(self) -> None:
        writer, file = capture()
        writer.sip_tcp(0.0, THERE, HERE, bytes(4000), ["why"])
        commented = [index for index, packet in enumerate(read_pcapng(file.getvalue())) if packet.comments == ("why",)]
        assert commented == [5]

    def test_a_connection_closed_is_opened_afresh(self) -> None:
        writer, file = capture()
        writer.sip_tcp(0.0, THERE, HERE, b"INVITE")
        writer.tcp_closed(1.0, HERE, THERE)
        writer.tcp_closed(1.0, HERE, THERE)
        writer.sip_tcp(2.0, HERE, THERE, b"BYE")
        flags = [packet.octets[33] for packet in read_pcapng(file.getvalue())]
        assert flags == [0x02, 0x12, 0x10, 0x18, 0x10, 0x11, 0x10, 0x11, 0x10, 0x02, 0x12, 0x10, 0x18, 0x10]

    def test_an_empty_message_on_tcp_is_no_segment(self) -> None:
        writer, file = capture()
        writer.sip_tcp(0.0, THERE, HERE, b"")
        assert len(read_pcapng(file.getvalue())) == 3


class TestAddresses:
    @pytest.mark.parametrize(
        ("source", "destination", "first", "second"),
        [
            ("127.0.0.1", "127.0.0.2", "7f000001", "7f000002"),
            ("0.0.0.0", "127.0.0.2", "00000000", "7f000002"),
            ("::", "127.0.0.2", "00000000", "7f000002"),
            ("::ffff:127.0.0.1", "127.0.0.2", "7f000001", "7f000002"),
            ("localhost", "127.0.0.2", "7f000001", "7f000002"),
            ("::1", "0.0.0.0", "0" * 31 + "1", "0" * 32),
            ("[::1]", "::2", "0" * 31 + "1", "0" * 31 + "2"),
            ("fe80::1%eth0", "fe80::2", "fe80" + "0" * 27 + "1", "fe80" + "0" * 27 + "2"),
            ("::1", "127.0.0.2", "0" * 31 + "1", "0" * 20 + "ffff7f000002"),
        ],
    )
    def test_both_ends_are_of_one_version(self, source: str, destination: str, first: str, second: str) -> None:
        writer, file = capture()
        writer.sip_udp(0.0, (source, 1), (destination, 2), b"x")
        (packet,) = read_pcapng(file.getvalue())
        addresses = packet.octets[12:20] if packet.octets[0] >> 4 == 4 else packet.octets[8:40]
        assert addresses.hex() == first + second

    def test_a_name_gets_an_address_that_the_name_table_resolves(self) -> None:
        writer, file = capture()
        writer.sip_udp(0.0, HERE, ("proxy.example.com", 5060), b"x")
        writer.sip_udp(0.0, HERE, ("other.example.com", 5060), b"x")
        writer.sip_udp(0.0, ("proxy.example.com", 5060), HERE, b"x")
        octets = file.getvalue()
        packets = read_pcapng(octets)
        assert [packet.octets[16:20].hex() for packet in packets] == ["c6120001", "c6120002", "c0000201"]
        assert octets.count(bytes.fromhex("c6120001") + b"proxy.example.com\0") == 1
