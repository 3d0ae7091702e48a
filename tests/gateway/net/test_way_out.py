"""Every way out sends the same packets and says which did not go."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from gateway.net import way_out
from gateway.net.addresses import RAW_ADDRESS, RawAddresses, raw_address
from gateway.net.io_uring import IoUringUnavailableError, SendRing
from gateway.net.way_out import PlainSends, UringSends, WayOut, choose_way_out

PACKET = 172


def _uring() -> UringSends:
    try:
        return UringSends()
    except IoUringUnavailableError as error:
        pytest.skip(f"this kernel lends no io_uring: {error}")


@pytest.fixture(params=["plain", "io_uring"])
def way(request: pytest.FixtureRequest) -> Iterator[WayOut]:
    chosen: WayOut = PlainSends() if request.param == "plain" else _uring()
    yield chosen
    chosen.close()


def udp(host: str = "127.0.0.1") -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    try:
        made.bind((host, 0))
    except OSError as error:
        made.close()
        pytest.skip(f"this machine has no {host}: {error}")
    made.settimeout(2.0)
    return made


def packets(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    made = np.random.default_rng(1).integers(0, 256, (count, PACKET), np.uint8)
    made[:, 0] = np.arange(count) & 0xFF
    return made


def group(count: int, host: str = "127.0.0.1") -> tuple[list[socket.socket], list[socket.socket], RawAddresses]:
    """Receivers, senders that are not connected, and where each is to send."""
    receivers, senders = [udp(host) for _ in range(count)], [udp(host) for _ in range(count)]
    addresses = np.zeros(count, RAW_ADDRESS)
    for place, receiver in enumerate(receivers):
        addresses[place] = raw_address(*receiver.getsockname()[:2])
    return receivers, senders, addresses


@pytest.mark.parametrize("count", [1, 3, 200])
def test_each_socket_sends_its_own_row(way: WayOut, count: int) -> None:
    receivers = [udp() for _ in range(count)]
    senders = [udp() for _ in range(count)]
    for sender, receiver in zip(senders, receivers, strict=True):
        sender.connect(receiver.getsockname())
    sent = packets(count)
    for turn in range(3):
        rows = np.roll(sent, turn, axis=0)
        failed = way.flush(np.array([each.fileno() for each in senders], np.int32), np.ascontiguousarray(rows))
        assert failed.tolist() == []
        for receiver, sender, row in zip(receivers, senders, rows, strict=True):
            octets, source = receiver.recvfrom(2048)
            assert octets == row.tobytes()
            assert source == sender.getsockname()
    for each in (*receivers, *senders):
        each.close()


def test_a_receiver_that_has_gone_is_named_and_the_others_go_on(way: WayOut) -> None:
    receivers, senders = [udp() for _ in range(3)], [udp() for _ in range(3)]
    for sender, receiver in zip(senders, receivers, strict=True):
        sender.connect(receiver.getsockname())
    receivers[1].close()
    fds = np.array([each.fileno() for each in senders], np.int32)
    named = [way.flush(fds, packets(3)).tolist() for _ in range(4)]
    assert named[0] == []
    assert [1] in named
    assert all(failed in ([], [1]) for failed in named)
    for receiver in (receivers[0], receivers[2]):
        assert len([receiver.recv(2048) for _ in range(4)]) == 4
        receiver.close()
    for sender in senders:
        sender.close()


def test_a_group_larger_than_the_ring_goes_in_several_entries() -> None:
    try:
        ring = SendRing(8)
    except IoUringUnavailableError as error:
        pytest.skip(f"this kernel lends no io_uring: {error}")
    receiver, sender = udp(), udp()
    sender.connect(receiver.getsockname())
    sent = packets(37)
    assert ring.send(np.full(37, sender.fileno(), np.int32), sent).tolist() == []
    assert [receiver.recv(2048) for _ in range(37)] == [row.tobytes() for row in sent]
    ring.close()
    sender.close()
    receiver.close()


def test_no_packets_at_all_are_no_trouble(way: WayOut) -> None:
    assert way.flush(np.zeros(0, np.int32), np.zeros((0, PACKET), np.uint8)).tolist() == []


class TestAddresses:
    @pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
    def test_connected_and_other_sockets_send_in_one_group(self, way: WayOut, host: str) -> None:
        receivers, senders, addresses = group(6, host)
        fds, sent = np.array([each.fileno() for each in senders], np.int32), packets(6)
        for connected in (0, 3, 5):
            senders[connected].connect(receivers[connected].getsockname())
            addresses[connected] = np.zeros((), RAW_ADDRESS)
        for turn in range(3):
            rows = np.roll(sent, turn, axis=0)
            assert way.flush(fds, rows, addresses).tolist() == []
            for receiver, sender, row in zip(receivers, senders, rows, strict=True):
                assert receiver.recvfrom(2048) == (row.tobytes(), sender.getsockname())
        for each in (*receivers, *senders):
            each.close()

    def test_every_other_row_of_many_addresses_is_as_good(self, way: WayOut) -> None:
        receivers, senders, addresses = group(3)
        twice = np.repeat(addresses, 2)
        sent = packets(3)
        assert way.flush(np.array([each.fileno() for each in senders], np.int32), sent, twice[::2]).tolist() == []
        assert [each.recv(2048) for each in receivers] == [row.tobytes() for row in sent]
        for each in (*receivers, *senders):
            each.close()

    def test_an_address_does_not_stay_for_the_next_group(self, way: WayOut) -> None:
        receivers, senders, addresses = group(4)
        fds, sent = np.array([each.fileno() for each in senders], np.int32), packets(4)
        for _ in range(1024 // 4 + 1):
            assert way.flush(fds, sent, addresses).tolist() == []
            for each in receivers:
                each.recv(2048)
        assert way.flush(fds, sent).tolist() == [0, 1, 2, 3]
        assert way.flush(fds, sent, np.zeros(4, RAW_ADDRESS)).tolist() == [0, 1, 2, 3]
        for each in (*receivers, *senders):
            each.close()

    def test_the_row_whose_address_cannot_be_sent_to_is_named(self, way: WayOut) -> None:
        receivers, senders, addresses = group(4)
        addresses[2] = raw_address("2001:db8::1", 5004)
        fds, sent = np.array([each.fileno() for each in senders], np.int32), packets(4)
        addresses[1]["octets"][2:4] = 0
        assert way.flush(fds, sent, addresses).tolist() == [1, 2]
        assert [receivers[place].recv(2048) for place in (0, 3)] == [sent[0].tobytes(), sent[3].tobytes()]
        for each in (*receivers, *senders):
            each.close()

    def test_a_group_larger_than_the_ring(self) -> None:
        try:
            ring = SendRing(8)
        except IoUringUnavailableError as error:
            pytest.skip(f"this kernel lends no io_uring: {error}")
        receivers, senders, addresses = group(37)
        sent = packets(37)
        fds = np.array([each.fileno() for each in senders], np.int32)
        failed = ring.send(fds, sent, addresses)
        if len(failed) == 37:
            pytest.skip("this kernel's io_uring takes no addresses: it is older than Linux 6.1")
        assert failed.tolist() == []
        assert [each.recv(2048) for each in receivers] == [row.tobytes() for row in sent]
        ring.close()
        for each in (*receivers, *senders):
            each.close()

    def test_where_io_uring_takes_no_addresses_plain_sends_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(UringSends, "_probe", lambda _: False)
        way = _uring()
        monkeypatch.delattr(SendRing, "send")
        receivers, senders, addresses = group(3)
        sent = packets(3)
        assert way.flush(np.array([each.fileno() for each in senders], np.int32), sent, addresses).tolist() == []
        assert [each.recv(2048) for each in receivers] == [row.tobytes() for row in sent]
        way.close()
        for each in (*receivers, *senders):
            each.close()


class TestChoice:
    def test_without_io_uring_plain_sends_are_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unavailable() -> UringSends:
            raise IoUringUnavailableError(38, "Function not implemented")

        monkeypatch.setattr(way_out, "UringSends", unavailable)
        assert choose_way_out().name == "plain sends"
        with pytest.raises(IoUringUnavailableError):
            choose_way_out("io_uring")

    def test_plain_can_be_asked_for(self) -> None:
        assert choose_way_out("plain").name == "plain sends"
