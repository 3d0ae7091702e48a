"""Linux io_uring by its three system calls: many sends of one phase group in one entry to the kernel.

Only what the media plane needs: a ring that sends octets on connected UDP sockets. Requests are rows of a numpy view of
the submission queue, so that a group of any size is prepared by a fixed number of numpy calls.

Every send carries MSG_DONTWAIT: where a socket's buffer is full the kernel answers EAGAIN at once instead of
keeping the request, so no memory is touched after `send` has returned.
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

_SETUP, _ENTER = 425, 426
_OFF_SQ_RING, _OFF_SQES = 0, 0x10000000
_FEAT_SINGLE_MMAP = 1
_SETUP_CLAMP, _SETUP_SUBMIT_ALL = 1 << 4, 1 << 7
_OP_SEND = 26
_ENTER_GETEVENTS = 1

_SQE = np.dtype(
    [
        ("opcode", "u1"),
        ("flags", "u1"),
        ("priority", "<u2"),
        ("fd", "<i4"),
        ("offset", "<u8"),
        ("address", "<u8"),
        ("length", "<u4"),
        ("message_flags", "<u4"),
        ("user_data", "<u8"),
        ("rest", "V24"),
    ]
)
_CQE = np.dtype([("user_data", "<u8"), ("result", "<i4"), ("flags", "<u4")])


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


class SendRing:
    """A ring that sends.

    Args:
        entries: how many requests one entry to the kernel may carry; larger groups take several.

    Raises:
        IoUringUnavailableError: there is none to be had.
    """

    def __init__(self, entries: int = 1024) -> None:
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
        self._sqes = np.frombuffer(self._requests, _SQE)
        self._words = np.frombuffer(self._ring, np.uint32, size // 4)
        self._sq_tail = parameters.sq.tail // 4
        self._cq_head, self._cq_tail = parameters.cq.head // 4, parameters.cq.tail // 4
        first = parameters.sq.field6 // 4
        self._words[first : first + self.entries] = np.arange(self.entries, dtype=np.uint32)
        self._sq_mask = self.entries - 1
        self._cqes = np.frombuffer(self._ring, _CQE, parameters.cq_entries, parameters.cq.field5)
        self._cq_mask = int(parameters.cq_entries) - 1
        self._numbers = np.arange(self.entries, dtype=np.uint64)
        self._sqes["opcode"] = _OP_SEND
        self._sqes["message_flags"] = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL

    def send(self, fds: NDArray[np.int32], packets: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Send row n of `packets` on socket n.

        Args:
            fds: int32[n], connected UDP sockets.
            packets: uint8[n, octets], C-contiguous.

        Returns:
            The rows that were not sent: a full buffer, an unreachable receiver.
        """
        octets, address = packets.shape[1], packets.ctypes.data
        if len(fds) <= self.entries:
            return self._send_some(fds, address, octets)
        failed = [
            start + self._send_some(fds[start : start + self.entries], address + start * octets, octets)
            for start in range(0, len(fds), self.entries)
        ]
        return np.concatenate(failed)

    def _send_some(self, fds: NDArray[np.int32], address: int, octets: int) -> NDArray[np.int64]:
        count = len(fds)
        tail = int(self._words[self._sq_tail])
        numbers = self._numbers[:count]
        places = (tail + numbers) & self._sq_mask
        requests = self._sqes
        requests["fd"][places] = fds
        requests["address"][places] = address + octets * numbers
        requests["length"][places] = octets
        requests["user_data"][places] = numbers
        self._words[self._sq_tail] = (tail + count) & 0xFFFFFFFF
        self._enter(count)
        head, end = int(self._words[self._cq_head]), int(self._words[self._cq_tail])
        finished = self._cqes[(head + np.arange((end - head) & 0xFFFFFFFF)) & self._cq_mask]
        self._words[self._cq_head] = end
        failed: NDArray[np.int64] = finished["user_data"][finished["result"] < 0].astype(np.int64)
        return failed

    def _enter(self, count: int) -> None:
        while True:
            done = self._libc.syscall(_ENTER, self._fd, count, count, _ENTER_GETEVENTS, None, 0)
            if done >= 0:
                return
            number = ctypes.get_errno()
            if number != errno.EINTR:
                raise OSError(number, os.strerror(number))

    def close(self) -> None:
        """Give the ring back to the kernel."""
        if self._fd < 0:
            return
        del self._words, self._sqes, self._cqes
        self._ring.close()
        self._requests.close()
        os.close(self._fd)
        self._fd = -1
