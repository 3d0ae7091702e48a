"""How RTP comes in: everything that waits in the sockets of all calls, taken at once at each tick of the media clock.

A socket is a call's own and connected, so that what is taken is from whom it should be. What waits too long is dropped
by the kernel; what one socket floods with waits its turn: each round takes one datagram from every socket that has any,
and there are only so many rounds.

An epoll of our own says which sockets have something, in both ways; they differ in how one round is read.
`UringReceives` hands it to the kernel as one entry of an io_uring, straight into the rows that the receiver gets;
`PlainReceives` does one `recv_into` a datagram. Nothing is under way between two takes: a socket that is removed is let
go of at once.

Why not multishot receives into a ring of provided buffers, which need no epoll? They were measured beside this, and
cost as much: 1.4 us a packet against 1.2 at 100 packets a take, 1.6 against 1.8 at 20, and sending and receiving
together the same with all set-up flags: in the kernel each packet's wake-up is a task of its own, and the octets are
copied once more. And to arm and cancel a request for each call, which holds on to its socket as long as it lives,
costs 20 us instead of 4.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import select
import socket
from abc import ABC, abstractmethod
from typing import Any, Final, Protocol

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from twisted.logger import Logger

from gateway.net.io_uring import IoUringUnavailableError, ReceiveRing

log = Logger()

WIDTH: Final = 512
"""So much of a datagram is taken: 60 ms of G.711 with its header are 492 octets."""
AT_ONCE: Final = 4096
"""So many datagrams at most."""
OF_ONE_AT_ONCE: Final = 16
"""So many of them from one socket."""

_NOT_REFUSALS: Final = [-errno.EAGAIN, -errno.EINTR, -errno.ENOMEM, -errno.ENOBUFS]
"""Nothing there after all (a wrong checksum), or the kernel has not the means to say."""

_PACKED: Final = platform.machine() in ("x86_64", "AMD64")
_EVENT: Final = np.dtype(
    {
        "names": ["events", "fd"],
        "formats": ["u4", "i4"],
        "offsets": [0, 4 if _PACKED else 8],
        "itemsize": 12 if _PACKED else 16,
    }
)
"""A `struct epoll_event`, which is packed on x86-64 alone."""

# Not to let the interpreter go is right for a call that never waits.
_libc: Final[Any] = ctypes.PyDLL(None, use_errno=True)

Fds = NDArray[np.int32]
Rows = NDArray[np.uint8]
Results = NDArray[np.int64]


@frozen(eq=False)
class Arrivals:
    """What has come.

    Args:
        keys: `int64[n]`, whose sockets; the datagrams of one socket are in the order of their coming.
        lengths: `int64[n]`, octets that were sent: more than `WIDTH` where the rest was cut off.
        datagrams: `uint8[n, WIDTH]`, the receiver's to keep; what stands beyond the length is no matter.
        refused: sockets that were told that nobody receives what they send (ICMP).
    """

    keys: NDArray[np.int64]
    lengths: NDArray[np.int64]
    datagrams: NDArray[np.uint8]
    refused: tuple[int, ...] = ()


_NOTHING: Final = Arrivals(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, WIDTH), np.uint8))


class WayIn(Protocol):
    """Takes datagrams."""

    name: str

    def add(self, key: int, opened: socket.socket) -> None:
        """From now on what comes to a connected, non-blocking socket is taken; what waits in it, too."""

    def remove(self, key: int) -> None:
        """No more; what has not been taken stays in the socket. To be called before the socket is closed."""

    def take(self, of_one: int = OF_ONE_AT_ONCE) -> Arrivals:
        """What has come since the last time.

        Args:
            of_one: so many datagrams of one socket at most, up to `OF_ONE_AT_ONCE`: what waits longer is not lost.
        """

    def close(self) -> None:
        """Give back what the kernel lent."""


class _Takes(ABC):
    """The rounds, whatever way one of them is read.

    Args:
        at_once: so many datagrams at most are taken.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._poll = select.epoll()
        self._events = np.zeros(at_once, _EVENT)
        self._events_address = ctypes.c_void_p(self._events.ctypes.data)
        self._fds: dict[int, int] = {}
        self._key_of = np.zeros(1024, np.int64)

    def add(self, key: int, opened: socket.socket) -> None:
        """Watch it.

        Raises:
            ValueError: the key is another socket's.
        """
        fd = opened.fileno()
        if key in self._fds:
            raise ValueError(f"key {key} is that of socket {self._fds[key]}, which has not been removed")
        self._poll.register(fd, select.EPOLLIN)
        if fd >= len(self._key_of):
            self._key_of = np.concatenate([self._key_of, np.zeros(fd + 1, np.int64)])
        self._fds[key] = fd
        self._key_of[fd] = key

    def remove(self, key: int) -> None:
        """Watch it no more."""
        self._poll.unregister(self._fds.pop(key))

    def take(self, of_one: int = OF_ONE_AT_ONCE) -> Arrivals:
        """Read what is there, one from each in turn."""
        ready = self._ready(self._at_once)
        if not ready:
            return _NOTHING
        read: list[tuple[Fds, Results, Rows]] = []
        left = self._at_once
        for more in reversed(range(min(of_one, OF_ONE_AT_ONCE))):
            fds = self._events["fd"][:ready].copy()
            rows = np.empty((ready, WIDTH), np.uint8)
            read.append((fds, self._read(fds, rows), rows))
            left -= ready
            ready = self._ready(left) if left and more else 0
            if not ready:
                break
        if len(read) == 1:
            fds, results, rows = read[0]
        else:
            fds, results, rows = (np.concatenate(parts) for parts in zip(*read, strict=True))
        keys = self._key_of[fds]
        arrived = results >= 0
        if arrived.all():
            return Arrivals(keys, results, rows)
        refused = keys[~arrived & ~np.isin(results, _NOT_REFUSALS)]
        return Arrivals(keys[arrived], results[arrived], rows[arrived], tuple(refused.tolist()))

    def close(self) -> None:
        """Close the epoll."""
        self._poll.close()

    def _ready(self, most: int) -> int:
        """How many sockets have something, at most; the first events name them. Each time others come first."""
        count: int = _libc.epoll_wait(self._poll.fileno(), self._events_address, most, 0)
        if count < 0:
            number = ctypes.get_errno()
            if number != errno.EINTR:
                raise OSError(number, os.strerror(number))
            return 0
        return count

    @abstractmethod
    def _read(self, fds: Fds, rows: Rows) -> Results:
        """Read one datagram from each socket into its row: lengths, or the error's number below zero."""


class PlainReceives(_Takes):
    """One `recv_into` a datagram."""

    name = "plain receives"

    def __init__(self, at_once: int = AT_ONCE) -> None:
        super().__init__(at_once)
        self._sockets: dict[int, socket.socket] = {}

    def add(self, key: int, opened: socket.socket) -> None:
        """Watch it."""
        super().add(key, opened)
        self._sockets[opened.fileno()] = opened

    def remove(self, key: int) -> None:
        """Watch it no more."""
        fd = self._fds[key]
        super().remove(key)
        del self._sockets[fd]

    def close(self) -> None:
        """Close the epoll."""
        super().close()
        self._sockets.clear()

    def _read(self, fds: Fds, rows: Rows) -> Results:
        flat, at, flags = rows.reshape(-1).data, 0, socket.MSG_TRUNC
        lengths = []
        for fd in fds.tolist():
            try:
                lengths.append(self._sockets[fd].recv_into(flat[at : at + WIDTH], WIDTH, flags))
            except OSError as error:
                lengths.append(-(error.errno or errno.EIO))
            at += WIDTH
        return np.array(lengths, np.int64)


class UringReceives(_Takes):
    """One io_uring entry a round.

    Raises:
        IoUringUnavailableError: the kernel has none, or does not let us, or it cannot receive.
    """

    name = "io_uring"

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._ring = ReceiveRing()
        try:
            self._probe()
        except IoUringUnavailableError:
            self._ring.close()
            raise
        super().__init__(at_once)

    def _probe(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with ours, theirs:
            theirs.send(b"probe")
            row = np.zeros((1, 2), np.uint8)
            result = self._ring.receive(np.array([ours.fileno()], np.int32), row)
        if result.tolist() != [5] or row.tobytes() != b"pr":
            raise IoUringUnavailableError(errno.ENOSYS, "this kernel's io_uring does not receive (Linux 5.6 does)")

    def close(self) -> None:
        """Close the ring and the epoll."""
        super().close()
        self._ring.close()

    def _read(self, fds: Fds, rows: Rows) -> Results:
        return self._ring.receive(fds, rows)


def choose_way_in(wanted: str = "auto") -> WayIn:
    """The best way that a probe finds.

    Args:
        wanted: "io_uring", "plain" or "auto".

    Raises:
        IoUringUnavailableError: io_uring was wanted and cannot be had.
    """
    if wanted != "plain":
        try:
            way = UringReceives()
        except IoUringUnavailableError as error:
            if wanted == "io_uring":
                raise
            log.info("RTP comes in by plain receives: no io_uring ({why})", why=error.strerror)
        else:
            log.info("RTP comes in by io_uring")
            return way
    return PlainReceives()
