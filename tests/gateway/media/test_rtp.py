"""RTP packets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.media.rtp import HeaderExtension, RtpPacket, read_audio, read_headers, signed_difference

PLAIN = bytes.fromhex("80 88 0001 00000002 deadbeef d5d5")
FULL = bytes.fromhex("b2 60 ffff fffffffe 01020304 0a0b0c0d 11121314 bede 0001 10aa0000 01020304 000003")

PACKETS = st.builds(
    RtpPacket,
    st.integers(0, 127),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=30),
    st.booleans(),
    st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    st.one_of(
        st.none(),
        st.builds(
            HeaderExtension,
            st.integers(0, 0xFFFF),
            st.binary(max_size=12).map(lambda octets: octets[: len(octets) // 4 * 4]),
        ),
    ),
    st.integers(0, 9),
)


@pytest.mark.clause("RFC 3550", "5.1")
class TestSection51Header:
    def test_a_plain_packet(self) -> None:
        packet = RtpPacket.parse(PLAIN)
        assert packet == RtpPacket(8, 1, 2, 0xDEADBEEF, b"\xd5\xd5", marker=True)
        assert packet.serialize() == PLAIN

    def test_a_packet_with_all_there_can_be(self) -> None:
        packet = RtpPacket.parse(FULL)
        assert packet == RtpPacket(
            96,
            0xFFFF,
            0xFFFFFFFE,
            0x01020304,
            bytes.fromhex("01020304"),
            csrc=(0x0A0B0C0D, 0x11121314),
            extension=HeaderExtension(0xBEDE, bytes.fromhex("10aa0000")),
            padding_octets=3,
        )
        assert packet.serialize() == FULL

    @given(PACKETS)
    def test_what_is_written_is_read_back(self, packet: RtpPacket) -> None:
        assert RtpPacket.parse(packet.serialize()) == packet

    @pytest.mark.clause("RFC 3550", "A.1")
    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (PLAIN[:11], "RTP packet of 11 octets, at least 12 expected"),
            (b"\x40" + PLAIN[1:], "RTP version 1 is not 2"),
            (b"\x84" + PLAIN[1:], "RTP packet: 4 contributing sources end at 28 past 14"),
            (b"\x90" + PLAIN[1:], "RTP header extension at 12 past end 14"),
            (b"\x90" + PLAIN[1:12] + b"\xbe\xde\x00\x02abcd", "RTP header extension of 2 words ends at 24 past 20"),
            (b"\xa0" + PLAIN[1:12] + b"\x00", "RTP padding of 0 octets in 1"),
            (b"\xa0" + PLAIN[1:12] + b"\x00\x03", "RTP padding of 3 octets in 2"),
            (b"\xa0" + PLAIN[1:12], "RTP padding of 239 octets in 0"),
        ],
    )
    def test_lengths_that_contradict_each_other_are_errors(self, data: bytes, message: str) -> None:
        with pytest.raises(ParseError) as caught:
            RtpPacket.parse(data)
        assert caught.value.message == message

    @given(st.binary(max_size=40))
    def test_noise_is_read_or_refused(self, data: bytes) -> None:
        try:
            packet = RtpPacket.parse(data)
        except ParseError:
            return
        assert len(packet.serialize()) == len(data)


class TestReadAudio:
    @given(st.one_of(PACKETS.map(RtpPacket.serialize), st.binary(max_size=40)))
    def test_it_reads_what_parse_reads(self, data: bytes) -> None:
        try:
            packet = RtpPacket.parse(data)
        except ParseError as error:
            with pytest.raises(ParseError) as caught:
                read_audio(data)
            assert caught.value.message == error.message
            return
        wanted = (packet.marker, packet.payload_type, packet.sequence, packet.timestamp, packet.ssrc, packet.payload)
        assert read_audio(data) == wanted


class TestBatches:
    @given(
        st.lists(
            st.one_of(
                PACKETS.map(RtpPacket.serialize),
                st.binary(max_size=40),
                st.tuples(PACKETS.map(RtpPacket.serialize), st.integers(0, 60)).map(lambda pair: pair[0][: pair[1]]),
            ),
            max_size=12,
        )
    )
    def test_a_batch_is_read_as_one_by_one(self, datagrams: list[bytes]) -> None:
        width = 160
        packets = np.full((len(datagrams), width), 0x5A, np.uint8)
        for row, data in enumerate(datagrams):
            packets[row, : len(data)] = np.frombuffer(data, np.uint8)
        lengths = np.array([len(data) for data in datagrams], np.int64)
        headers = read_headers(packets, lengths)
        for row, data in enumerate(datagrams):
            try:
                packet = RtpPacket.parse(data)
            except ParseError:
                assert not headers.valid[row]
                continue
            assert headers.valid[row]
            start, octets = headers.payload_start[row], headers.payload_octets[row]
            assert bytes(packets[row, start : start + octets]) == packet.payload
            assert (
                headers.payload_type[row],
                headers.sequence[row],
                headers.timestamp[row],
                headers.ssrc[row],
                headers.marker[row],
            ) == (packet.payload_type, packet.sequence, packet.timestamp, packet.ssrc, packet.marker)


class TestWrappingCounters:
    @pytest.mark.parametrize(
        ("later", "earlier", "difference"),
        [(5, 3, 2), (3, 5, -2), (0, 65535, 1), (65535, 0, -1), (32767, 0, 32767), (32768, 0, -32768)],
    )
    def test_the_nearer_way_round_is_taken(self, later: int, earlier: int, difference: int) -> None:
        assert signed_difference(later, earlier, 1 << 16) == difference
