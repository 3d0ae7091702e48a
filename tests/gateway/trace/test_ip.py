"""Made IP packets: header fields in their places, and checksums that a receiver's sum confirms."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.trace.ip import (
    ACK,
    FIN,
    MAX_UDP_PAYLOAD,
    PSH,
    SYN,
    TCP,
    UDP,
    Path,
    TcpConversation,
    checksum,
    ones_complement_sum,
)

V4 = Path((ip_address("192.0.2.1"), 5060), (ip_address("198.51.100.2"), 40000))
V4_BACK = Path((ip_address("198.51.100.2"), 40000), (ip_address("192.0.2.1"), 5060))
V6 = Path((ip_address("2001:db8::1"), 5060), (ip_address("2001:db8::2"), 40000))
V6_BACK = Path((ip_address("2001:db8::2"), 40000), (ip_address("2001:db8::1"), 5060))


def naive_sum(octets: bytes) -> int:
    """RFC 1071's loop, word by word."""
    total = 0
    for index in range(0, len(octets), 2):
        total += int.from_bytes(octets[index : index + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def upper_layer(packet: bytes) -> tuple[int, bytes, bytes]:
    """Protocol, pseudo-header and upper-layer octets of a packet, whose IP header is checked."""
    if packet[0] >> 4 == 4:
        assert int.from_bytes(packet[2:4], "big") == len(packet)
        assert naive_sum(packet[:20]) == 0xFFFF
        body = packet[20:]
        return packet[9], packet[12:20] + bytes((0, packet[9])) + len(body).to_bytes(2, "big"), body
    body = packet[40:]
    assert int.from_bytes(packet[4:6], "big") == len(body)
    return packet[6], packet[8:40] + len(body).to_bytes(4, "big") + bytes((0, 0, 0, packet[6])), body


class TestChecksum:
    @given(st.binary(max_size=300))
    def test_the_sum_equals_the_loop_over_words(self, octets: bytes) -> None:
        assert ones_complement_sum(octets) == naive_sum(octets)

    def test_the_example_of_the_memo(self) -> None:
        assert ones_complement_sum(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2
        assert checksum(0xDDF2) == 0x220D

    @pytest.mark.parametrize(
        ("total", "made"), [(0, 0xFFFF), (0xFFFF, 0), (0x1FFFE, 0), (1, 0xFFFE), (0x10000, 0xFFFE)]
    )
    def test_zero_and_minus_zero_are_told_apart(self, total: int, made: int) -> None:
        assert checksum(total) == made


class TestUdp:
    @pytest.mark.parametrize("path", [V4, V6], ids=["IPv4", "IPv6"])
    @given(payload=st.binary(max_size=400))
    def test_a_receiver_confirms_every_checksum(self, path: Path, payload: bytes) -> None:
        protocol, pseudo, body = upper_layer(path.udp(payload))
        assert protocol == UDP
        assert body[8:] == payload
        assert int.from_bytes(body[4:6], "big") == 8 + len(payload)
        assert body[6:8] != b"\0\0"
        assert naive_sum(pseudo + body) == 0xFFFF

    def test_a_checksum_that_comes_to_zero_is_sent_as_all_ones(self) -> None:
        _, _, body = upper_layer(V4.udp(b"\0\0"))
        lacking = int.from_bytes(body[6:8], "big")
        _, pseudo, body = upper_layer(V4.udp(lacking.to_bytes(2, "big")))
        assert body[6:8] == b"\xff\xff"
        assert naive_sum(pseudo + body) == 0xFFFF

    def test_addresses_and_ports_stand_where_they_belong(self) -> None:
        packet = V4.udp(b"x")
        assert packet[12:20] == bytes((192, 0, 2, 1, 198, 51, 100, 2))
        assert packet[20:24] == (5060).to_bytes(2, "big") + (40000).to_bytes(2, "big")

    def test_the_largest_datagram_fits_and_no_larger(self) -> None:
        assert len(V4.udp(bytes(MAX_UDP_PAYLOAD))) == 65535
        with pytest.raises(ValueError, match="65508 octets do not fit"):
            V4.udp(bytes(MAX_UDP_PAYLOAD + 1))

    def test_ends_of_different_versions_are_refused(self) -> None:
        with pytest.raises(ValueError, match="different IP versions"):
            Path((ip_address("192.0.2.1"), 1), (ip_address("::1"), 2))


def conversation(version: int) -> TcpConversation:
    # Close to the end of the sequence numbers, so that they wrap.
    return TcpConversation(*((V4, V4_BACK) if version == 4 else (V6, V6_BACK)), initial=0xFFFFFFF0)


def numbers(packet: bytes) -> tuple[int, int, int, bytes]:
    """Sequence, acknowledgment, flags and payload of a segment."""
    _, _, body = upper_layer(packet)
    start = body[12] >> 4 << 2
    return int.from_bytes(body[4:8], "big"), int.from_bytes(body[8:12], "big"), body[13], body[start:]


class TestTcp:
    @pytest.mark.parametrize("version", [4, 6])
    def test_a_receiver_confirms_every_checksum(self, version: int) -> None:
        made = conversation(version)
        packets = [*made.opened(), *made.sent(0, bytes(range(251)) * 20), *made.sent(1, b"odd"), *made.closed(1)]
        for _, packet in packets:
            protocol, pseudo, body = upper_layer(packet)
            assert protocol == TCP
            assert naive_sum(pseudo + body) == 0xFFFF

    def test_the_handshake_has_three_steps_and_announces_the_segment_size(self) -> None:
        steps = list(conversation(4).opened())
        assert [(side, numbers(packet)[2]) for side, packet in steps] == [(0, SYN), (1, SYN | ACK), (0, ACK)]
        _, _, body = upper_layer(steps[0][1])
        assert body[20:24] == b"\x02\x04" + (1460).to_bytes(2, "big")

    @pytest.mark.parametrize("version", [4, 6])
    @given(sizes=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 80_000)), max_size=6))
    def test_octets_arrive_whole_in_order_and_are_acknowledged(
        self, version: int, sizes: list[tuple[int, int]]
    ) -> None:
        made = conversation(version)
        expected = [0, 0]
        received = [b"", b""]
        outstanding = [0, 0]
        for side, packet in made.opened():
            sequence, _, flags, _ = numbers(packet)
            if flags & SYN:
                expected[side] = (sequence + 1) % 2**32
        sent = [b"", b""]
        for side, size in sizes:
            octets = bytes(index % 251 for index in range(size))
            sent[side] += octets
            for sender, packet in made.sent(side, octets):
                sequence, acknowledgment, flags, payload = numbers(packet)
                assert len(packet) <= TcpConversation.MTU
                assert sequence == expected[sender]
                assert acknowledgment == expected[1 - sender]
                assert flags & ACK
                expected[sender] = (expected[sender] + len(payload)) % 2**32
                received[sender] += payload
                outstanding[sender] += len(payload)
                outstanding[1 - sender] = 0
                assert outstanding[sender] <= 0xFFFF
        assert received == sent
        assert [count for count in outstanding if count] == []

    def test_the_last_segment_of_a_message_is_pushed(self) -> None:
        made = conversation(4)
        list(made.opened())
        flags = [numbers(packet)[2] for side, packet in made.sent(0, bytes(3000)) if side == 0]
        assert flags == [ACK, ACK, ACK | PSH]

    def test_both_sides_close(self) -> None:
        made = conversation(4)
        list(made.opened())
        steps = [(side, numbers(packet)[2]) for side, packet in made.closed(1)]
        assert steps == [(1, FIN | ACK), (0, ACK), (0, FIN | ACK), (1, ACK)]
