"""How the packets of one phase group leave: one replaceable call, `flush(fds, packets)`, chosen at start and logged.

`UringSends` hands the whole group to the kernel at once; `PlainSends` does one system call a packet. Both send on the
connected, dedicated socket of each stream, and say which packets did not go.
"""

from __future__ import annotations

import os
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from twisted.logger import Logger

from gateway.net.io_uring import IoUringUnavailableError, SendRing

log = Logger()

Fds = NDArray[np.int32]
Packets = NDArray[np.uint8]
Places = NDArray[np.int64]


class WayOut(Protocol):
    """Sends packets."""

    name: str

    def flush(self, fds: Fds, packets: Packets) -> Places:
        """Send row n of `packets` (uint8[n, octets], C-contiguous) on socket n; the rows that were not sent."""

    def close(self) -> None:
        """Give back what the kernel lent."""


class PlainSends:
    """One `write` a packet."""

    name = "plain sends"

    def flush(self, fds: Fds, packets: Packets) -> Places:
        """Send them one by one."""
        failed, at, octets = [], 0, packets.shape[1]
        flat = packets.reshape(-1).data
        for place, fd in enumerate(fds.tolist()):
            try:
                os.write(fd, flat[at : at + octets])
            except OSError:
                failed.append(place)
            at += octets
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

    def flush(self, fds: Fds, packets: Packets) -> Places:
        """Send them all at once."""
        return self._ring.send(fds, packets)

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
