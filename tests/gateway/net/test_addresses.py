"""Raw addresses are what the kernel reads, and a dissolved socket keeps its place."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import numpy as np
import pytest

from gateway.net.addresses import RAW_ADDRESS, dissolve, raw_address

PATIENCE_S = 5.0


def raw(host: str, port: int) -> bytes:
    made = raw_address(host, port)
    assert made["octets"][int(made["length"]) :].tobytes().strip(b"\0") == b""
    return made["octets"][: int(made["length"])].tobytes()


class TestRawAddress:
    def test_ipv4(self) -> None:
        family = struct.pack("=H", socket.AF_INET)
        assert raw("192.0.2.1", 5004) == family + bytes.fromhex("138c c0000201 0000000000000000")

    def test_ipv6(self) -> None:
        family = struct.pack("=H", socket.AF_INET6)
        expected = "138c 00000000 20010db8000000000000000000000001 00000000"
        assert raw("2001:db8::1", 5004) == family + bytes.fromhex(expected)

    def test_the_scope_of_an_ipv6_address_is_an_interfaces_number_or_name(self) -> None:
        number, name = socket.if_nameindex()[0]
        assert raw(f"fe80::1%{name}", 5004) == raw(f"fe80::1%{number}", 5004)
        assert raw(f"fe80::1%{number}", 5004)[-4:] == struct.pack("=I", number)
        with pytest.raises(OSError):
            raw_address("fe80::1%nosuchname", 5004)

    def test_a_name_is_no_address(self) -> None:
        with pytest.raises(ValueError, match="example"):
            raw_address("example.org", 5004)

    def test_it_fits_into_a_row_of_many(self) -> None:
        addresses = np.zeros(3, RAW_ADDRESS)
        addresses[1] = raw_address("192.0.2.1", 5004)
        assert addresses["length"].tolist() == [0, 16, 0]
        assert addresses[1] == raw_address("192.0.2.1", 5004)


@pytest.fixture(params=["127.0.0.1", "0.0.0.0", "::1"])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def udp(host: str, port: int = 0) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        pytest.skip(f"this machine has no {host}: {error}")
    made.settimeout(PATIENCE_S)
    return made


@pytest.fixture(params=["port asked for", "port chosen by the kernel"])
def bound(request: pytest.FixtureRequest, host: str) -> Iterator[socket.socket]:
    opened = udp(host)
    if request.param == "port asked for":
        port = opened.getsockname()[1]
        opened.close()
        opened = udp(host, port)
    yield opened
    opened.close()


class TestDissolve:
    def test_the_socket_hears_everybody_and_stays_where_it_is(self, bound: socket.socket) -> None:
        loopback = "::1" if bound.family == socket.AF_INET6 else "127.0.0.1"
        port = bound.getsockname()[1]
        first, second = udp(loopback), udp(loopback)
        for _ in range(3):
            bound.connect(first.getsockname())
            assert bound.getpeername() == first.getsockname()
            dissolve(bound)
            assert bound.getsockname()[:2] in ((loopback, port), ("0.0.0.0", port))
            with pytest.raises(OSError):
                bound.getpeername()
            for each in (first, second):
                each.sendto(b"heard", (loopback, port))
                assert bound.recvfrom(99) == (b"heard", each.getsockname())
        bound.connect(second.getsockname())
        first.sendto(b"foreign", (loopback, port))
        second.sendto(b"negotiated", (loopback, port))
        assert bound.recv(99) == b"negotiated"
        first.close()
        second.close()

    def test_one_that_was_never_connected_stays_as_it_is(self, bound: socket.socket) -> None:
        before = bound.getsockname()
        dissolve(bound)
        assert bound.getsockname() == before

    def test_a_closed_one_is_an_error(self, bound: socket.socket) -> None:
        bound.close()
        with pytest.raises(OSError):
            dissolve(bound)
