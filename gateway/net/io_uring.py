"""Linux io_uring by its system calls: many sends, or many receives, in one entry to the kernel.

Only what the media plane needs: a ring that sends octets on UDP sockets, and one that receives them. Requests are rows
of a numpy view of the submission queue, so that a group of any size is prepared by a fixed number of numpy calls.

Every request carries MSG_DONTWAIT: where a socket's buffer is full, or empty, the kernel answers EAGAIN at once instead
of keeping the request. So no memory is touched, no file held and nothing left to cancel after `send` or `receive` has
returned; and the set-up flags for when the kernel may finish requests (COOP_TASKRUN, DEFER_TASKRUN) change nothing.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.net.addresses import RAW_ADDRESS, RawAddresses

_SETUP, _ENTER = 425, 426
_OFF_SQ_RING, _OFF_SQES = 0, 0x10000000
_FEAT_SINGLE_MMAP = 1
_SETUP_CLAMP, _SETUP_SUBMIT_ALL = 1 << 4, 1 << 7
_OP_SEND, _OP_RECV = 26, 27
_ENTER_GETEVENTS = 1

_SQE = np.dtype(
    [
        ("opcode", "u1"),
        ("flags", "u1"),
        ("priority", "<u2"),
        ("fd", "<i4"),
        ("destination", "<u8"),
        ("address", "<u8"),
        ("length", "<u4"),
        ("message_flags", "<u4"),
        ("user_data", "<u8"),
        ("buffer_index", "<u2"),
        ("personality", "<u2"),
        ("destination_length", "<u2"),
        ("rest", "V18"),
    ]
)
_CQE = np.dtype([("user_data", "<u8"), ("result", "<i4"), ("flags", "<u4")])


_DESTINATION = "destination", "destination_length"


class _Offsets(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint32)
        for name in ("head", "tail", "ring_mask", "ring_entries", "field4", "field5", "field6", "field7")
    ] + [("user_address", ctypes.c_uint64)]


class _Parameters(ctypes.Structure):
    _fields_ = [
        ("sq_entries", ctypes.c_uint32),
        ("cq_entries", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("sq_thread_cpu", ctypes.c_uint32),
        ("sq_thread_idle", ctypes.c_uint32),
        ("features", ctypes.c_uint32),
        ("wq_fd", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
        # ring of submissions: flags, dropped, array, reserved are fields 4 to 7
        ("sq", _Offsets),
        # ring of completions: overflow, cqes, flags, reserved are fields 4 to 7
        ("cq", _Offsets),
    ]


class IoUringUnavailableError(OSError):
    """The kernel has no io_uring, or does not let us."""


def _places(position: int, count: int, mask: int) -> slice | NDArray[Any]:
    """So many places of a ring from a position that is never wound back: a slice, unless they go over its end."""
    first = position & mask
    if first + count <= mask + 1:
        return slice(first, first + count)
    return (first + np.arange(count)) & mask


class _Ring:
    """A ring whose requests are all of one kind and are all finished when the entry to the kernel returns.

    Args:
        entries: how many requests one entry to the kernel may carry.
        operation, message_flags: of every request.

    Raises:
        IoUringUnavailableError: there is none to be had.
    """

    def __init__(self, entries: int, operation: int, message_flags: int) -> None:
        self._libc: Any = ctypes.CDLL(None, use_errno=True)
        parameters = _Parameters()
        parameters.flags = _SETUP_CLAMP | _SETUP_SUBMIT_ALL
        self._fd = self._libc.syscall(_SETUP, ctypes.c_uint(entries), ctypes.byref(parameters))
        if self._fd < 0:
            number = ctypes.get_errno()
            raise IoUringUnavailableError(number, os.strerror(number))
        if not parameters.features & _FEAT_SINGLE_MMAP:
            os.close(self._fd)
            raise IoUringUnavailableError(errno.ENOSYS, "this kernel's io_uring is older than 5.4")
        self.entries = int(parameters.sq_entries)
        size = max(
            parameters.sq.field6 + 4 * parameters.sq_entries,
            parameters.cq.field5 + _CQE.itemsize * parameters.cq_entries,
        )
        self._ring = mmap.mmap(self._fd, size, mmap.MAP_SHARED, offset=_OFF_SQ_RING)
        self._requests = mmap.mmap(self._fd, self.entries * _SQE.itemsize, mmap.MAP_SHARED, offset=_OFF_SQES)
        sqes = np.frombuffer(self._requests, _SQE)
        cqes = np.frombuffer(self._ring, _CQE, parameters.cq_entries, parameters.cq.field5)
        self._words = memoryview(self._ring)[: size // 4 * 4].cast("I")
        self._sq_head, self._sq_tail = parameters.sq.head // 4, parameters.sq.tail // 4
        self._cq_head, self._cq_tail = parameters.cq.head // 4, parameters.cq.tail // 4
        first = parameters.sq.field6 // 4
        for number in range(self.entries):
            self._words[first + number] = number
        self._cq_mask = int(parameters.cq_entries) - 1
        self._numbers = np.arange(self.entries, dtype=np.uint64)
        # What does not change from entry to entry is written once; a request's user data is its place.
        sqes["opcode"] = operation
        sqes["message_flags"] = message_flags
        sqes["user_data"] = self._numbers
        self._requests_of = {name: sqes[name] for name in ("fd", "address", "length", *_DESTINATION)}
        self._places, self._results = cqes["user_data"], cqes["result"]
        self._octets, self._steps = -1, self._numbers

    def _prepare(self, fds: NDArray[np.int32], address: int, octets: int) -> slice | NDArray[Any]:
        """Request n is about row n of a matrix at an address, and socket n. Returns their places in the queue."""
        requests, count = self._requests_of, len(fds)
        if octets != self._octets:
            self._octets, self._steps = octets, octets * self._numbers
            requests["length"][:] = octets
        places = _places(self._words[self._sq_tail], count, self.entries - 1)
        requests["fd"][places] = fds
        requests["address"][places] = address + self._steps[:count]
        return places

    def _perform(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Have as many requests done as have been prepared. Returns which they were, in any order, and results."""
        words = self._words
        first = words[self._sq_tail]
        words[self._sq_tail] = (first + count) & 0xFFFFFFFF
        self._enter(count)
        head, end = words[self._cq_head], words[self._cq_tail]
        finished = _places(head, (end - head) & 0xFFFFFFFF, self._cq_mask)
        mask = self.entries - 1
        numbers = (self._places[finished] - (first & mask)) & mask
        results = self._results[finished].copy()
        words[self._cq_head] = end
        return numbers.astype(np.int64), results

    def _enter(self, count: int) -> None:
        while count > 0:
            done = self._libc.syscall(_ENTER, self._fd, count, count, _ENTER_GETEVENTS, None, 0)
            if done >= 0:
                count -= done
                continue
            number = ctypes.get_errno()
            if number != errno.EINTR:
                # What the kernel has not taken it shall not find at the next entry: its memory is gone by then.
                self._words[self._sq_tail] = self._words[self._sq_head]
                self._words[self._cq_head] = self._words[self._cq_tail]
                raise OSError(number, os.strerror(number))

    def close(self) -> None:
        """Give the ring back to the kernel."""
        if self._fd < 0:
            return
        self._words.release()
        del self._places, self._results, self._requests_of
        self._ring.close()
        self._requests.close()
        os.close(self._fd)
        self._fd = -1


class SendRing(_Ring):
    """A ring that sends.

    Args:
        entries: how many requests one entry to the kernel may carry; larger groups take several.

    Raises:
        IoUringUnavailableError: there is none to be had.
    """

    def __init__(self, entries: int = 1024) -> None:
        super().__init__(entries, _OP_SEND, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)

    def send(
        self, fds: NDArray[np.int32], packets: NDArray[np.uint8], addresses: RawAddresses | None = None
    ) -> NDArray[np.int64]:
        """Send row n of `packets` on socket n.

        Args:
            fds: int32[n], UDP sockets.
            packets: uint8[n, octets], C-contiguous.
            addresses: `RAW_ADDRESS[n]`, where to; a socket whose row is empty is connected. None: they all are. Linux
                takes addresses since 6.1; before, every packet is one that was not sent.

        Returns:
            The rows that were not sent: a full buffer, an unreachable receiver.
        """
        octets, address = packets.shape[1], packets.ctypes.data
        if addresses is not None:
            addresses = np.ascontiguousarray(addresses, RAW_ADDRESS)
        if len(fds) <= self.entries:
            return self._send_some(fds, address, octets, addresses)
        failed = [
            start
            + self._send_some(
                fds[start : start + self.entries],
                address + start * octets,
                octets,
                None if addresses is None else addresses[start : start + self.entries],
            )
            for start in range(0, len(fds), self.entries)
        ]
        return np.concatenate(failed)

    def _send_some(
        self, fds: NDArray[np.int32], address: int, octets: int, addresses: RawAddresses | None
    ) -> NDArray[np.int64]:
        places = self._prepare(fds, address, octets)
        if addresses is None:
            numbers, results = self._perform(len(fds))
        else:
            destinations, lengths = (self._requests_of[name] for name in _DESTINATION)
            where = addresses.ctypes.data + RAW_ADDRESS.itemsize * self._numbers[: len(fds)]
            destinations[places] = np.where(addresses["length"] > 0, where, 0)
            lengths[places] = addresses["length"]
            try:
                numbers, results = self._perform(len(fds))
            finally:
                destinations[places] = 0
                lengths[places] = 0
        return numbers[results < 0]


class ReceiveRing(_Ring):
    """A ring that receives.

    Args:
        entries: how many requests one entry to the kernel may carry; larger groups take several.

    Raises:
        IoUringUnavailableError: there is none to be had.
    """

    def __init__(self, entries: int = 1024) -> None:
        super().__init__(entries, _OP_RECV, socket.MSG_DONTWAIT | socket.MSG_TRUNC)

    def receive(self, fds: NDArray[np.int32], rows: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Receive one datagram from socket n into row n; what does not fit is cut off.

        Args:
            fds: int32[n], UDP sockets.
            rows: uint8[n, octets], C-contiguous; written to.

        Returns:
            int64[n]: how long each datagram was before it was cut, or the error's number below zero: -EAGAIN where
            there was none.
        """
        octets, address = rows.shape[1], rows.ctypes.data
        results = np.empty(len(fds), np.int64)
        for start in range(0, len(fds), self.entries):
            some = fds[start : start + self.entries]
            self._prepare(some, address + start * octets, octets)
            numbers, some_results = self._perform(len(some))
            results[start + numbers] = some_results
        return results
