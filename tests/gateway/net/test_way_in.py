"""Every way in takes the same datagrams, in order, and lets go of what it is told to."""

from __future__ import annotations

import select
import socket
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from attrs import define, field

from gateway.net import way_in
from gateway.net.io_uring import IoUringUnavailableError, ReceiveRing
from gateway.net.rtp_ports import raise_file_limit
from gateway.net.way_in import OF_ONE_AT_ONCE, WIDTH, Arrivals, PlainReceives, UringReceives, WayIn, choose_way_in

PATIENCE_S = 5.0
Address = tuple[str, int]


def _make(name: str, at_once: int = way_in.AT_ONCE) -> WayIn:
    if name == "plain":
        return PlainReceives(at_once)
    try:
        return UringReceives(at_once)
    except IoUringUnavailableError as error:
        pytest.skip(f"this kernel lends no io_uring: {error}")


@pytest.fixture(params=["plain", "io_uring"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def way(name: str) -> Iterator[WayIn]:
    made = _make(name)
    yield made
    made.close()


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """Those in it are closed at the end."""
    opened: list[socket.socket] = []
    yield opened
    for each in opened:
        each.close()


def udp(sockets: list[socket.socket], address: Address = ("127.0.0.1", 0)) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sockets.append(made)
    made.bind(address)
    return made


def pair(sockets: list[socket.socket], host: str = "127.0.0.1") -> tuple[socket.socket, socket.socket]:
    """A socket to be taken from, and the one that it hears."""
    ours, theirs = udp(sockets, (host, 0)), udp(sockets, (host, 0))
    ours.connect(theirs.getsockname())
    theirs.connect(ours.getsockname())
    return ours, theirs


@define
class Taken:
    """What several takes have brought."""

    by_key: dict[int, list[bytes]] = field(factory=lambda: defaultdict(list))
    lengths: dict[int, list[int]] = field(factory=lambda: defaultdict(list))
    refused: list[int] = field(factory=list)

    def note(self, arrivals: Arrivals) -> int:
        """Returns how many."""
        assert arrivals.datagrams.shape == (len(arrivals.keys), WIDTH)
        assert arrivals.datagrams.dtype == np.uint8
        assert arrivals.keys.dtype == arrivals.lengths.dtype == np.int64
        lengths = arrivals.lengths.tolist()
        for key, length, row in zip(arrivals.keys.tolist(), lengths, arrivals.datagrams, strict=True):
            self.by_key[key].append(row[:length].tobytes())
            self.lengths[key].append(length)
        self.refused += arrivals.refused
        return len(lengths)


def take(way: WayIn, count: int) -> Taken:
    """Take until so many datagrams have come, and see that no more do."""
    taken, got, until_s = Taken(), 0, time.monotonic() + PATIENCE_S
    while got < count and time.monotonic() < until_s:
        got += taken.note(way.take())
    got += taken.note(way.take())
    assert got == count
    return taken


def await_arrival(*waiting: socket.socket) -> None:
    """Until each has something: what was sent before has come, too."""
    for each in waiting:
        assert select.select([each], [], [], PATIENCE_S)[0]


def numbered(number: int) -> bytes:
    return number.to_bytes(4, "big") * 43


class TestTaking:
    def test_datagrams_of_a_socket_come_in_order(self, way: WayIn, sockets: list[socket.socket]) -> None:
        pairs = [pair(sockets) for _ in range(5)]
        for key, (ours, _) in enumerate(pairs):
            way.add(100 + key, ours)
        for number in range(40):
            for key, (_, theirs) in enumerate(pairs):
                theirs.send(numbered(1000 * key + number))
        taken = take(way, 200)
        for key in range(5):
            assert taken.by_key[100 + key] == [numbered(1000 * key + number) for number in range(40)]

    def test_of_a_longer_one_the_rest_is_cut_off_and_the_length_says_so(
        self, way: WayIn, sockets: list[socket.socket]
    ) -> None:
        ours, theirs = pair(sockets)
        way.add(7, ours)
        lengths = [0, 1, 12, 172, WIDTH - 1, WIDTH, WIDTH + 1, 1500, 0, 2000]
        octets = np.random.default_rng(1).integers(0, 256, 2000, np.uint8).tobytes()
        for length in lengths:
            theirs.send(octets[:length])
        taken = take(way, len(lengths))
        assert taken.lengths[7] == lengths
        assert taken.by_key[7] == [octets[: min(length, WIDTH)] for length in lengths]
        assert taken.refused == []

    def test_what_was_taken_is_the_receivers_to_keep(self, way: WayIn, sockets: list[socket.socket]) -> None:
        ours, theirs = pair(sockets)
        way.add(7, ours)
        kept = []
        for number in range(50):
            theirs.send(numbered(number))
            until_s = time.monotonic() + PATIENCE_S
            while not len((arrivals := way.take()).keys) and time.monotonic() < until_s:
                pass
            kept.append(arrivals)
        assert [each.datagrams[0, :172].tobytes() for each in kept] == [numbered(number) for number in range(50)]

    def test_what_waits_when_a_socket_is_added_is_taken(self, way: WayIn, sockets: list[socket.socket]) -> None:
        ours, theirs = pair(sockets)
        theirs.send(b"early")
        way.add(7, ours)
        assert take(way, 1).by_key == {7: [b"early"]}

    def test_nothing_is_no_trouble(self, way: WayIn, sockets: list[socket.socket]) -> None:
        assert take(way, 0) == Taken()
        way.add(7, pair(sockets)[0])
        assert take(way, 0) == Taken()

    def test_a_thousand_sockets(self, way: WayIn, sockets: list[socket.socket]) -> None:
        raise_file_limit()
        theirs = udp(sockets)
        for key in range(1000):
            ours = udp(sockets)
            ours.connect(theirs.getsockname())
            way.add(3 * key, ours)
        for number in range(3):
            for ours in sockets[1:]:
                theirs.sendto(numbered(ours.fileno() + number), ours.getsockname())
        taken = take(way, 3000)
        for key, ours in enumerate(sockets[1:]):
            assert taken.by_key[3 * key] == [numbered(ours.fileno() + number) for number in range(3)]

    def test_thousands_at_once_lose_nothing(self, way: WayIn, sockets: list[socket.socket]) -> None:
        pairs = [pair(sockets) for _ in range(10)]
        for key, (ours, _) in enumerate(pairs):
            way.add(key, ours)
        for number in range(1000):
            for _, theirs in pairs:
                theirs.send(numbered(number))
        taken = take(way, 10_000)
        for key in range(10):
            assert taken.by_key[key] == [numbered(number) for number in range(1000)]

    def test_ipv6(self, way: WayIn, sockets: list[socket.socket]) -> None:
        try:
            ours, theirs = pair(sockets, "::1")
        except OSError as error:
            pytest.skip(f"this machine has no ::1: {error}")
        way.add(7, ours)
        theirs.send(b"six")
        assert take(way, 1).by_key == {7: [b"six"]}

    def test_the_ring_takes_more_sockets_than_it_has_entries(self, sockets: list[socket.socket]) -> None:
        try:
            ring = ReceiveRing(8)
        except IoUringUnavailableError as error:
            pytest.skip(f"this kernel lends no io_uring: {error}")
        pairs = [pair(sockets) for _ in range(37)]
        for number, (_, theirs) in enumerate(pairs):
            if number != 20:
                theirs.send(numbered(number))
        await_arrival(*(ours for number, (ours, _) in enumerate(pairs) if number != 20))
        fds = np.array([ours.fileno() for ours, _ in pairs], np.int32)
        rows = np.zeros((37, 172), np.uint8)
        results = ring.receive(fds, rows)
        assert results[20] < 0
        assert set(np.delete(results, 20).tolist()) == {172}
        assert [row.tobytes() for row in rows] == [numbered(n) if n != 20 else bytes(172) for n in range(37)]
        ring.close()


class TestFairness:
    def test_a_flood_does_not_hold_up_the_others(self, way: WayIn, sockets: list[socket.socket]) -> None:
        flooded, flooding = pair(sockets)
        others = [pair(sockets) for _ in range(20)]
        way.add(0, flooded)
        for number in range(2000):
            flooding.send(numbered(number))
        for key, (ours, theirs) in enumerate(others, 1):
            way.add(key, ours)
            theirs.send(numbered(key))
        await_arrival(*(ours for ours, _ in others))
        taken = Taken()
        taken.note(way.take())
        assert len(taken.by_key[0]) == OF_ONE_AT_ONCE
        assert all(taken.by_key[key] == [numbered(key)] for key in range(1, 21))
        rest = take(way, 2000 - OF_ONE_AT_ONCE)
        assert taken.by_key[0] + rest.by_key[0] == [numbered(number) for number in range(2000)]

    def test_more_sockets_than_a_take_may_read_have_their_turns(self, name: str, sockets: list[socket.socket]) -> None:
        way = _make(name, at_once=8)
        pairs = [pair(sockets) for _ in range(20)]
        for key, (ours, theirs) in enumerate(pairs):
            way.add(key, ours)
            for number in range(6):
                theirs.send(numbered(number))
        await_arrival(*(ours for ours, _ in pairs))
        taken = Taken()
        assert [taken.note(way.take()) for _ in range(3)] == [8, 8, 8]
        assert sorted(taken.by_key) == list(range(20))
        assert [taken.note(way.take()) for _ in range(13)] == [8] * 12 + [0]
        assert all(taken.by_key[key] == [numbered(number) for number in range(6)] for key in range(20))
        way.close()


class TestRefusals:
    def test_a_socket_whose_receiver_has_gone_is_named_and_the_others_go_on(
        self, way: WayIn, sockets: list[socket.socket]
    ) -> None:
        (lonely, gone), (ours, theirs) = pair(sockets), pair(sockets)
        way.add(1, lonely)
        way.add(2, ours)
        gone.close()
        lonely.send(b"anybody?")
        theirs.send(b"yes")
        taken = take(way, 1)
        until_s = time.monotonic() + PATIENCE_S
        while not taken.refused and time.monotonic() < until_s:
            taken.note(way.take())
        assert taken.refused == [1]
        assert taken.by_key == {2: [b"yes"]}

    def test_it_is_heard_again_when_somebody_is_there(self, way: WayIn, sockets: list[socket.socket]) -> None:
        lonely, gone = pair(sockets)
        where = gone.getsockname()
        way.add(1, lonely)
        gone.close()
        for _ in range(3):
            lonely.send(b"anybody?")
            taken, until_s = Taken(), time.monotonic() + PATIENCE_S
            while not taken.refused and time.monotonic() < until_s:
                taken.note(way.take())
            assert taken.refused == [1]
        udp(sockets, where).sendto(b"back", lonely.getsockname())
        assert take(way, 1).by_key == {1: [b"back"]}


class TestRemoving:
    def test_the_port_can_be_bound_again_at_once(self, way: WayIn, sockets: list[socket.socket]) -> None:
        ours, theirs = pair(sockets)
        where = ours.getsockname()
        for number in range(20):
            way.add(7, ours)
            theirs.send(numbered(number))
            assert take(way, 1).by_key == {7: [numbered(number)]}
            way.remove(7)
            ours.close()
            ours = udp(sockets, where)
            ours.connect(theirs.getsockname())

    def test_it_can_be_bound_again_though_nothing_was_ever_taken(
        self, way: WayIn, sockets: list[socket.socket]
    ) -> None:
        ours, theirs = pair(sockets)
        where = ours.getsockname()
        way.add(7, ours)
        theirs.send(b"unheard")
        way.remove(7)
        ours.close()
        udp(sockets, where)

    def test_a_later_socket_of_the_same_key_and_number_gets_nothing_stale(
        self, way: WayIn, sockets: list[socket.socket]
    ) -> None:
        ours, theirs = pair(sockets)
        way.add(7, ours)
        assert take(way, 0) == Taken()
        theirs.send(b"stale")
        await_arrival(ours)
        number = ours.fileno()
        way.remove(7)
        ours.close()
        later, others = pair(sockets)
        assert number in (later.fileno(), others.fileno())
        way.add(7, later)
        way.add(8, others)
        assert take(way, 0) == Taken()
        others.send(b"fresh")
        assert take(way, 1).by_key == {7: [b"fresh"]}

    def test_what_was_not_taken_stays_in_the_socket(self, way: WayIn, sockets: list[socket.socket]) -> None:
        ours, theirs = pair(sockets)
        way.add(7, ours)
        way.remove(7)
        theirs.send(b"waits")
        await_arrival(ours)
        assert take(way, 0) == Taken()
        way.add(9, ours)
        assert take(way, 1).by_key == {9: [b"waits"]}

    def test_a_key_that_is_in_use_is_not_given_twice(self, way: WayIn, sockets: list[socket.socket]) -> None:
        ours, theirs = pair(sockets)
        way.add(7, ours)
        with pytest.raises(ValueError, match=rf"key 7 is that of socket {ours.fileno()}, which has not been removed"):
            way.add(7, theirs)
        with pytest.raises(KeyError):
            way.remove(8)
        theirs.send(b"still")
        assert take(way, 1).by_key == {7: [b"still"]}

    def test_close_gives_back_every_file(self, name: str, sockets: list[socket.socket]) -> None:
        def files() -> set[str]:
            return {each.name for each in Path("/proc/self/fd").iterdir() if each.exists()}

        ours, theirs = pair(sockets)
        where, before = ours.getsockname(), files()
        for _ in range(5):
            way = _make(name)
            way.add(7, ours)
            theirs.send(b"heard")
            take(way, 1)
            way.close()
        assert files() - before == set()
        ours.close()
        udp(sockets, where)


class TestChoice:
    def test_without_io_uring_plain_receives_are_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unavailable() -> UringReceives:
            raise IoUringUnavailableError(38, "Function not implemented")

        monkeypatch.setattr(way_in, "UringReceives", unavailable)
        chosen = choose_way_in()
        assert chosen.name == "plain receives"
        chosen.close()
        with pytest.raises(IoUringUnavailableError):
            choose_way_in("io_uring")

    def test_a_ring_that_does_not_receive_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        try:
            ReceiveRing(1).close()
        except IoUringUnavailableError as error:
            pytest.skip(f"this kernel lends no io_uring: {error}")
        monkeypatch.setattr(ReceiveRing, "receive", lambda *_: np.array([-22]))
        with pytest.raises(IoUringUnavailableError, match="does not receive"):
            choose_way_in("io_uring")
        chosen = choose_way_in()
        assert chosen.name == "plain receives"
        chosen.close()

    def test_plain_can_be_asked_for(self) -> None:
        chosen = choose_way_in("plain")
        assert chosen.name == "plain receives"
        chosen.close()
