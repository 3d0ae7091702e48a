"""The sound of one RTP stream of a capture, put in order as it is read, so that hours of it are not held in memory.

The timestamp says where a packet belongs (RFC 3551 §4.1); what did not come is silence, as a quiet circuit would have
carried it. A few packets are held back, in case one comes late.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.media.rtp import TIMESTAMP_MODULUS, signed_difference
from tones.g711 import Law, decode
from tones.units import SAMPLE_RATE_HZ

Pcm = NDArray[np.int16]

HELD_PACKETS: Final = 8
"""As many as wait for one that is late."""
_NEW_CLOCK: Final = 2 * SAMPLE_RATE_HZ
"""A timestamp that differs by more from when its packet came is of another clock."""
_LONGEST_BLOCK: Final = 10 * SAMPLE_RATE_HZ


class StreamAudio:
    """Packets in, in any order; blocks of `int16` at 8000 Hz out.

    Attributes:
        samples: the length of what has been given out.
        late_packets: came when their place had been given out.
        jumps: how often the source took another clock.
    """

    def __init__(self) -> None:
        self._first_arrival_s: float | None = None
        self._reference = 0
        self._place = 0
        self._lag = 0
        self._held: list[tuple[int, int, bytes, Law]] = []
        self._count = 0
        self.samples = 0
        self.late_packets = 0
        self.jumps = 0

    def place(self, timestamp: int, arrival_s: float) -> int:
        """Where in the stream a timestamp is, in samples from the first packet; a new clock goes on by arrival."""
        if self._first_arrival_s is None:
            self._first_arrival_s, self._reference = arrival_s, timestamp
            return 0
        due = round((arrival_s - self._first_arrival_s) * SAMPLE_RATE_HZ)
        place = self._place + signed_difference(timestamp, self._reference, TIMESTAMP_MODULUS)
        if abs(place - due - self._lag) > _NEW_CLOCK:
            self.jumps += 1
            place = max(due + self._lag, self._end())
        elif place <= self._place:
            return place
        self._reference, self._place, self._lag = timestamp, place, place - due
        return place

    def add(self, place: int, octets: bytes, law: Law) -> list[Pcm]:
        """A packet's octets: the blocks that are now complete."""
        heappush(self._held, (place, self._count, octets, law))
        self._count += 1
        return self._release(HELD_PACKETS)

    def finish(self) -> list[Pcm]:
        """No more comes: what was held back."""
        return self._release(0)

    def _end(self) -> int:
        """Where the sound ends, with what is held back."""
        return max([self.samples, *(place + len(octets) for place, _, octets, _ in self._held)])

    def _release(self, kept: int) -> list[Pcm]:
        blocks: list[Pcm] = []
        while len(self._held) > kept:
            place, _, octets, law = heappop(self._held)
            gap = place - self.samples
            if gap + len(octets) <= 0 < len(octets):
                self.late_packets += 1
                continue
            while gap > 0:
                blocks.append(np.zeros(min(gap, _LONGEST_BLOCK), np.int16))
                self.samples += blocks[-1].size
                gap -= blocks[-1].size
            blocks.append(decode(octets[-gap:], law))
            self.samples += blocks[-1].size
        return blocks
