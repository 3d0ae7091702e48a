"""The callers of `bench two-way`: a UDP socket each, a packet of G.711 every 20 ms, and count of what comes back.

`python -m gateway.cli.bench.callers CORE CALLS` prints its ports, reads the ports that they are to talk to, one line of
JSON, and talks until its input ends; then it prints how many packets it has sent and received, and what was missing of
those by their sequence numbers.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from typing import Final

import numpy as np

from gateway.cli.bench.machine import raise_file_limit
from gateway.media.sender import Sender
from gateway.media.store import SoundStore
from gateway.net.way_in import choose_way_in
from gateway.net.way_out import choose_way_out
from tones.g711 import Law, encode

PHASES: Final = 10
PACKET_S: Final = 0.020
SECONDS: Final = 4
"""Of the speech-like sound that all say over and over."""


def speech(law: Law) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Noise that comes and goes as syllables do."""
    chance = np.random.default_rng(1)
    envelope = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * np.arange(8000 * SECONDS) / 8000)
    return encode((4000 * envelope * chance.standard_normal(8000 * SECONDS)).astype(np.int16), law)


def main(arguments: list[str]) -> None:
    """Talk."""
    core, calls = map(int, arguments)
    os.sched_setaffinity(0, {core})
    raise_file_limit(calls)
    sockets = []
    for _ in range(calls):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        opened.bind(("127.0.0.1", 0))
        sockets.append(opened)
    print(json.dumps([opened.getsockname()[1] for opened in sockets]), flush=True)
    store, way_in, way_out = SoundStore(), choose_way_in(), choose_way_out()
    clip = store.add("speech", {law: speech(law) for law in Law}, repeat=True)
    sender = Sender(store, PHASES)
    fds = np.zeros(PHASES * calls, np.int32)
    for number, (opened, port) in enumerate(zip(sockets, json.loads(sys.stdin.readline()), strict=True)):
        opened.connect(("127.0.0.1", port))
        way_in.add(number, opened)
        row = sender.open(Law.MULAW, number % PHASES)
        sender.play(row, clip, 37 * number)
        sender.attach(row, number + 1, 0, 0, 0)
        fds[row] = opened.fileno()
    ending = select.poll()
    ending.register(sys.stdin, select.POLLIN | select.POLLHUP)
    sent = received = missing = tick = 0
    last = np.full(calls, -1, np.int64)
    due_s = time.monotonic()
    while not (tick % PHASES == 0 and ending.poll(0)):
        due_s += PACKET_S / PHASES
        # A process of its own: until the next phase is due it has nothing else to do.
        time.sleep(max(0.0, due_s - time.monotonic()))
        batch = sender.tick(tick % PHASES)
        tick += 1
        sent += len(batch.rows) - len(way_out.flush(fds[batch.rows], batch.packets))
        arrivals = way_in.take()
        received += len(arrivals.keys)
        sequences = arrivals.datagrams[:, 2].astype(np.int64) << 8 | arrivals.datagrams[:, 3]
        for key, sequence in zip(arrivals.keys.tolist(), sequences.tolist(), strict=True):
            missing += (sequence - last[key] - 1) % 65536 if last[key] >= 0 else 0
            last[key] = sequence
    print(json.dumps({"sent": sent, "received": received, "missing": int(missing)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
