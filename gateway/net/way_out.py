"""How the packets of one phase group leave: one replaceable call, `flush(fds, packets)`, chosen at start and logged.

`UringSends` hands the whole group to the kernel at once; `PlainSends` does one system call a packet. Both send on the
dedicated socket of each stream, connected or, where an address is given, not; and say which packets did not go.
"""

from __future__ import annotations

import ctypes
import os
import socket
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from twisted.logger import Logger

from gateway.net.addresses import RAW_ADDRESS, RawAddresses, raw_address
from gateway.net.io_uring import IoUringUnavailableError, SendRing

log = Logger()

_libc: Final[Any] = ctypes.CDLL(None)
_sendto: Final[Any] = _libc.sendto
_sendto.restype = ctypes.c_ssize_t

Fds = NDArray[np.int32]
Packets = NDArray[np.uint8]
Places = NDArray[np.int64]


class WayOut(Protocol):
    """Sends packets."""

    name: str

    def flush(self, fds: Fds, packets: Packets, addresses: RawAddresses | None = None) -> Places:
        """Send row n of `packets` (uint8[n, octets], C-contiguous) on socket n; the rows that were not sent.

        Args:
            addresses: `RAW_ADDRESS[n]`, where to; a socket whose row is empty is connected. None: they all are.
        """

    def close(self) -> None:
        """Give back what the kernel lent."""


class PlainSends:
    """One `write` a packet."""

    name = "plain sends"

    def flush(self, fds: Fds, packets: Packets, addresses: RawAddresses | None = None) -> Places:
        """Send them one by one."""
        if addresses is not None:
            return self._flush_to(fds, packets, np.ascontiguousarray(addresses, RAW_ADDRESS))
        failed, at, octets = [], 0, packets.shape[1]
        flat = packets.reshape(-1).data
        for place, fd in enumerate(fds.tolist()):
            try:
                os.write(fd, flat[at : at + octets])
            except OSError:
                failed.append(place)
            at += octets
        return np.array(failed, np.int64)

    @staticmethod
    def _flush_to(fds: Fds, packets: Packets, addresses: RawAddresses) -> Places:
        failed, octets = [], ctypes.c_size_t(packets.shape[1])
        flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
        at, where = packets.ctypes.data, addresses.ctypes.data
        for place, (fd, length) in enumerate(zip(fds.tolist(), addresses["length"].tolist(), strict=True)):
            to = ctypes.c_void_p(where if length else None)
            if _sendto(fd, ctypes.c_void_p(at), octets, flags, to, length) < 0:
                failed.append(place)
            at += packets.shape[1]
            where += RAW_ADDRESS.itemsize
        return np.array(failed, np.int64)

    def close(self) -> None:
        """Nothing was lent."""


class UringSends:
    """One io_uring entry a group.

    Raises:
        IoUringUnavailableError: the kernel has none, or does not let us.
    """

    name = "io_uring"

    def __init__(self) -> None:
        self._ring = SendRing()
        self._takes_addresses = self._probe()
        self._plain = PlainSends()

    def _probe(self) -> bool:
        """Whether this kernel's io_uring sends to an address (Linux 6.1 does)."""
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probing:
                probing.bind(("127.0.0.1", 0))
                to = raw_address(*probing.getsockname()).reshape(1)
                failed = self._ring.send(np.array([probing.fileno()], np.int32), np.zeros((1, 1), np.uint8), to)
        except OSError:
            return False
        return not len(failed)

    def flush(self, fds: Fds, packets: Packets, addresses: RawAddresses | None = None) -> Places:
        """Send them all at once."""
        if addresses is not None and not self._takes_addresses:
            return self._plain.flush(fds, packets, addresses)
        return self._ring.send(fds, packets, addresses)

    def close(self) -> None:
        """Close the ring."""
        self._ring.close()


def choose_way_out(wanted: str = "auto") -> WayOut:
    """The best way that a probe finds.

    Args:
        wanted: "io_uring", "plain" or "auto".

    Raises:
        IoUringUnavailableError: io_uring was wanted and cannot be had.
    """
    if wanted != "plain":
        try:
            way = UringSends()
        except IoUringUnavailableError as error:
            if wanted == "io_uring":
                raise
            log.info("RTP leaves by plain sends: no io_uring ({why})", why=error.strerror)
        else:
            log.info("RTP leaves by io_uring")
            return way
    return PlainSends()
