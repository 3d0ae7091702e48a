"""The receiving process of `bench media`: notes when each packet came, by the kernel's own clock (SO_TIMESTAMPNS).

`python -m gateway.cli.bench.receiving CORE SOCKETS PACKETS` prints its ports and then obeys its standard input, one
line a command: `start` forgets what has come, `stop FILE` writes it to a file (`arrivals.ARRIVAL`) and prints how many.
At the end of its input it ends.

The kernel stamps a packet as it is sent on the loopback interface, so that it does not matter when the packet is read:
this process looks every two milliseconds and reads hundreds at a time, the twelve octets of the RTP header of each. So
it neither is the bottleneck nor costs the sender a wake-up a packet.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gateway.cli.bench.arrivals import ARRIVAL

BATCH: Final = 512
PAUSE_MS: Final = 2
RTP_HEADER_OCTETS: Final = 12
BUFFER_OCTETS: Final = 4 << 20
SO_RCVBUFFORCE: Final = 33
SO_TIMESTAMPNS: Final = 35

_HEADER: Final = np.dtype([("first", "u2"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")])
_SOURCE: Final = np.dtype([("family", "u2"), ("port", ">u2"), ("address", "u4"), ("zero", "u8")])
_STAMP: Final = np.dtype([("length", np.uintp), ("level", "i4"), ("type", "i4"), ("s", np.intp), ("ns", np.intp)])
_MESSAGE_HEADER: Final = np.dtype(
    [
        ("name", np.uintp),
        ("name_octets", "u4"),
        ("vector", np.uintp),
        ("vector_length", np.uintp),
        ("control", np.uintp),
        ("control_octets", np.uintp),
        ("flags", "i4"),
    ],
    align=True,
)
_MESSAGE: Final = np.dtype([("header", _MESSAGE_HEADER), ("octets", "u4")], align=True)


class ArrivalRecorder:
    """Sockets on the loopback interface, and what came to them.

    Args:
        sockets: how many; each stream should go to one of them only.
        packets: how many can be noted; later ones are counted as dropped.
    """

    def __init__(self, sockets: int, packets: int) -> None:
        self._sockets = [_opened() for _ in range(sockets)]
        self._noted = np.zeros(packets, ARRIVAL)
        self._count = 0
        self._unnoted = self._kernel_drops_before = 0
        self._receive = ctypes.CDLL(None, use_errno=True).recvmmsg
        self._headers = np.zeros(BATCH, _HEADER)
        self._sources = np.zeros(BATCH, _SOURCE)
        self._stamps = np.zeros(BATCH, _STAMP)
        self._vectors = np.zeros((BATCH, 2), np.uintp)
        self._vectors[:, 0] = _addresses(self._headers)
        self._vectors[:, 1] = RTP_HEADER_OCTETS
        self._messages = np.zeros(BATCH, _MESSAGE)
        self._prepared = self._messages["header"]
        self._prepared["name"] = _addresses(self._sources)
        self._prepared["name_octets"] = _SOURCE.itemsize
        self._prepared["vector"] = _addresses(self._vectors)
        self._prepared["vector_length"] = 1
        self._prepared["control"] = _addresses(self._stamps)

    @property
    def ports(self) -> list[int]:
        """Where to send to."""
        return [opened.getsockname()[1] for opened in self._sockets]

    @property
    def drops(self) -> int:
        """Packets without room since `start`: here, or in the kernel because they were not read in time."""
        return self._kernel_drops() - self._kernel_drops_before + self._unnoted

    def start(self) -> None:
        """Forget what has come."""
        self.read()
        self._count = 0
        self._unnoted = 0
        self._kernel_drops_before = self._kernel_drops()

    def read(self) -> None:
        """Note what has come."""
        for opened in self._sockets:
            while self._read_batch(opened.fileno()) == BATCH:
                pass

    def arrivals(self) -> NDArray[np.void]:
        """What has come since `start`."""
        return self._noted[: self._count]

    def close(self) -> None:
        """Close the sockets."""
        for opened in self._sockets:
            opened.close()

    def _read_batch(self, number: int) -> int:
        self._prepared["control_octets"] = _STAMP.itemsize
        count: int = self._receive(
            number, ctypes.c_void_p(self._messages.ctypes.data), BATCH, socket.MSG_DONTWAIT, None
        )
        room = len(self._noted) - self._count
        if count <= 0:
            return 0
        if room < count:
            self._unnoted += count
            return count
        noted = self._noted[self._count : self._count + count]
        noted["ns"] = self._stamps["s"][:count] * 1_000_000_000 + self._stamps["ns"][:count]
        noted["stream"] = self._sources["port"][:count]
        noted["sequence"] = self._headers["sequence"][:count]
        noted["timestamp"] = self._headers["timestamp"][:count]
        self._count += count
        return count

    def _kernel_drops(self) -> int:
        ours = {f"{port:04X}" for port in self.ports}
        rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
        return sum(int(row[-1]) for row in rows if row[1].rpartition(":")[2] in ours)


def _opened() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_OCTETS)
    with suppress(PermissionError):
        opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_OCTETS)
    opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    opened.bind(("127.0.0.1", 0))
    return opened


def _addresses(array: NDArray[Any]) -> NDArray[np.uintp]:
    """Where in memory each row of an array is."""
    return np.uintp(array.ctypes.data) + np.arange(len(array), dtype=np.uintp) * np.uintp(array.strides[0])


def main(arguments: list[str]) -> None:
    """Obey the standard input."""
    core, sockets, packets = map(int, arguments)
    os.sched_setaffinity(0, {core})
    recorder = ArrivalRecorder(sockets, packets)
    print(json.dumps(recorder.ports), flush=True)
    commands = select.poll()
    commands.register(sys.stdin, select.POLLIN)
    while True:
        recorder.read()
        if not commands.poll(PAUSE_MS):
            continue
        verb, _, path = sys.stdin.readline().strip().partition(" ")
        if verb == "start":
            recorder.start()
        elif verb == "stop":
            recorder.read()
            recorder.arrivals().tofile(path)
        else:
            return
        print(json.dumps({"packets": len(recorder.arrivals()), "drops": recorder.drops}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
