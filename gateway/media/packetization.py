"""Packets of 10, 30, 40, 50 and 60 ms, made of the 20 ms that every stream yields a tick.

    packet     packets in successive ticks
    10 ms      2 2 2 2 2 2
    30 ms      0 1 1 0 1 1
    40 ms      0 1 0 1 0 1
    50 ms      0 0 1 0 1 0 0 1 0 1
    60 ms      0 0 1 0 0 1

A packet leaves in the tick that completes it, so what is live is not waited for. What a slot has gathered is counted in
halves of a tick, 80 samples: all packets are whole numbers of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gateway.core.errors import LocalProtocolError
from gateway.media.rtp import PACKET_SAMPLES

PTIMES_MS: Final = (10, 20, 30, 40, 50, 60)
HALF_SAMPLES: Final = PACKET_SAMPLES // 2
_MOST_HALVES: Final = 8

Rows = NDArray[np.int64]
Octets = NDArray[np.uint8]


@frozen(eq=False)
class Completed:
    """The packets of one size that a tick completed.

    Args:
        slots: `int64[n]`; with packets of 10 ms each slot is there twice, all first packets before all second ones.
        payloads: `uint8[n, samples]`.
        timestamps: `uint32[n]`, of the first sample of each.
        nth: `uint16[n]`, how many packets of the same tick and slot are before it.
    """

    slots: Rows
    payloads: Octets
    timestamps: NDArray[np.uint32]
    nth: NDArray[np.uint16]


def halves_of(ptime_ms: int) -> int:
    """A packet time in halves of a tick.

    Raises:
        LocalProtocolError: it is not one of `PTIMES_MS`.
    """
    if ptime_ms not in PTIMES_MS:
        raise LocalProtocolError(f"packets of {ptime_ms} ms: only 10, 20, 30, 40, 50 and 60 ms can be sent")
    return ptime_ms // 10


class Packetizer:
    """What has been gathered of the longer packets of the slots of one phase."""

    def __init__(self) -> None:
        self._gathered: Octets = np.zeros((8, _MOST_HALVES, HALF_SAMPLES), np.uint8)
        self._filled = np.zeros(8, np.int64)

    def begin(self, slot: int) -> None:
        """The slot's next packet begins with the next tick; what it had gathered is dropped."""
        while slot >= len(self._filled):
            self._gathered = np.concatenate([self._gathered, np.zeros_like(self._gathered)])
            self._filled = np.concatenate([self._filled, np.zeros_like(self._filled)])
        self._filled[slot] = 0

    def replace(self, slot: int, table: Octets) -> None:
        """Translate what the slot has gathered, octet by octet."""
        self._gathered[slot] = table[self._gathered[slot]]

    def add(self, halves: int, slots: Rows, blocks: Octets, timestamps: NDArray[np.uint32]) -> Completed:
        """A tick of the slots that send packets of one size.

        Args:
            halves: the size, in halves of a tick, not 2.
            slots: `int64[n]`, each once.
            blocks: `uint8[n, 160]`.
            timestamps: `uint32[n]`, of the blocks.
        """
        pairs = np.ascontiguousarray(blocks).reshape(len(slots), 2, HALF_SAMPLES)
        if halves == 1:
            nth = np.repeat(np.arange(2, dtype=np.uint16), len(slots))
            both = np.concatenate([timestamps, timestamps + np.uint32(HALF_SAMPLES)])
            return Completed(np.tile(slots, 2), pairs.transpose(1, 0, 2).reshape(-1, HALF_SAMPLES), both, nth)
        filled = self._filled[slots]
        self._gathered[slots, filled] = pairs[:, 0]
        self._gathered[slots, filled + 1] = pairs[:, 1]
        began = timestamps - (filled * HALF_SAMPLES).astype(np.uint32)
        filled += 2
        complete = filled >= halves
        done = slots[complete]
        payloads = self._gathered[done, :halves].reshape(len(done), halves * HALF_SAMPLES)
        self._gathered[done, 0] = self._gathered[done, halves]
        self._filled[slots] = np.where(complete, filled - halves, filled)
        return Completed(done, payloads, began[complete], np.zeros(len(done), np.uint16))
