"""RTP ports: even ones, in turn, and every way in which there can be none."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

import pytest

from gateway.net.rtp_ports import NoPortLeftError, RtpPorts


class Socket:
    """One that binds as the test wants."""

    taken: frozenset[int] = frozenset()
    fault = errno.EADDRINUSE
    opened = 0

    def __init__(self, family: int, kind: int) -> None:
        assert kind & socket.SOCK_NONBLOCK
        type(self).opened += 1

    def bind(self, address: tuple[str, int]) -> None:
        if address[1] in self.taken:
            raise OSError(self.fault, os.strerror(self.fault))

    def close(self) -> None:
        type(self).opened -= 1


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> type[Socket]:
    """The sockets that the ports are made of."""

    class Fresh(Socket):
        pass

    monkeypatch.setattr("gateway.net.rtp_ports.socket.socket", Fresh)
    return Fresh


@pytest.mark.clause("RFC 3550", "11")
def test_even_ports_of_the_range(sockets: type[Socket]) -> None:
    ports = RtpPorts("127.0.0.1", 5001, 5007)
    assert [ports.open()[1] for _ in range(3)] == [5002, 5004, 5006]
    assert ports.in_use == 3


def test_when_all_are_in_use_it_says_so(sockets: type[Socket]) -> None:
    ports = RtpPorts("127.0.0.1", 5000, 5003)
    ports.open()
    opened, number = ports.open()
    with pytest.raises(NoPortLeftError, match=r"all RTP ports are in use \(2\); widen media.rtp_ports"):
        ports.open()
    ports.close(opened, number)
    assert ports.open()[1] == number
    assert sockets.opened == 2


def test_a_port_is_used_again_after_all_others(sockets: type[Socket]) -> None:
    ports = RtpPorts("127.0.0.1", 5000, 5006)
    taken = []
    for _ in range(9):
        opened, number = ports.open()
        taken.append(number)
        ports.close(opened, number)
    assert taken == [5000, 5002, 5004, 5006, 5000, 5002, 5004, 5006, 5000]
    assert (ports.in_use, sockets.opened) == (0, 0)


def test_a_port_that_somebody_else_has_is_passed_over(sockets: type[Socket]) -> None:
    sockets.taken = frozenset({5000, 5004})
    ports = RtpPorts("127.0.0.1", 5000, 5006)
    assert [ports.open()[1] for _ in range(2)] == [5002, 5006]
    with pytest.raises(NoPortLeftError, match="all RTP ports"):
        ports.open()
    sockets.taken = frozenset()
    assert [ports.open()[1] for _ in range(2)] == [5000, 5004]
    assert sockets.opened == 4


def test_an_address_that_is_not_ours_is_told_at_once(sockets: type[Socket]) -> None:
    sockets.taken, sockets.fault = frozenset({5000}), errno.EADDRNOTAVAIL
    ports = RtpPorts("192.0.2.1", 5000, 5006)
    with pytest.raises(NoPortLeftError, match=r"RTP port 5000 of 192\.0\.2\.1: Cannot assign requested address"):
        ports.open()
    assert (ports.in_use, sockets.opened) == (0, 0)


def test_no_more_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> Any:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    ports = RtpPorts("127.0.0.1", 5000, 5000)
    with monkeypatch.context() as patch:
        patch.setattr("gateway.net.rtp_ports.socket.socket", refuse)
        with pytest.raises(NoPortLeftError, match="Too many open files; raise the limit of open files"):
            ports.open()
    monkeypatch.setattr("gateway.net.rtp_ports.socket.socket", Socket)
    assert ports.open()[1] == 5000


def test_a_real_socket_is_bound_and_does_not_block() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1] & ~1
    opened, number = RtpPorts("127.0.0.1", free, free + 40).open()
    with opened:
        assert opened.getsockname() == ("127.0.0.1", number)
        with pytest.raises(BlockingIOError):
            opened.recv(1)
