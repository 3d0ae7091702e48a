"""Received audio, put together by timestamp into one continuous stream of G.711 octets.

The timestamp, not the sequence number, says where a packet belongs: "to allow a receiver to distinguish between lost
packets and periods of time when no data was transmitted" (RFC 3551 §4.1) both are there. Either gap is filled with the
idle pattern, as a quiet circuit would have carried it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.media.rtp import TIMESTAMP_MODULUS, signed_difference
from tones.g711 import Law, idle_octet, transcode

SAMPLES_A_SECOND: Final = 8000


class StreamAssembler:
    """One stream in one law.

    Args:
        law: of the stream put together; packets of the other are transcoded.
        longest_gap_samples: a gap longer than this is cut down to it. None for a recording: all gaps stay. 0 for
            passing octets on as they come: the circuit fills in for itself what did not come in time.
        longest_jump_samples: a timestamp further off than this, either way, is taken for a new clock: the stream goes
            on without a gap.

    Attributes:
        gap_samples: filled with the idle pattern.
        late_samples: came after their place had been given away, and were dropped.
        jumps: how often a new clock was taken on.
    """

    def __init__(
        self,
        law: Law,
        longest_gap_samples: int | None = None,
        longest_jump_samples: int = 120 * SAMPLES_A_SECOND,
    ) -> None:
        self.law = law
        self._longest_gap = longest_gap_samples
        self._longest_jump = longest_jump_samples
        self._octets = bytearray()
        self._taken = 0
        self._next_timestamp: int | None = None
        self.gap_samples = 0
        self.late_samples = 0
        self.jumps = 0

    @property
    def samples(self) -> int:
        """The length of the stream so far, with what has been taken."""
        return self._taken + len(self._octets)

    def add(self, timestamp: int, octets: bytes, law: Law) -> None:
        """Put a packet's octets in their place."""
        if law is not self.law:
            octets = transcode(octets, law, self.law).tobytes()
        ahead = self._ahead_of_end(timestamp)
        if ahead >= 0:
            gap = ahead if self._longest_gap is None else min(ahead, self._longest_gap)
            self._octets += bytes([idle_octet(self.law)]) * gap + octets
            self.gap_samples += gap
            self._next_timestamp = (timestamp + len(octets)) % TIMESTAMP_MODULUS
        else:
            self._insert(len(self._octets) + ahead, timestamp, octets)

    def restart(self) -> None:
        """The source changed: the next packet follows without a gap, whatever its timestamp."""
        self._next_timestamp = None

    def take(self) -> bytes:
        """What has been put together since the last time; later packets can no longer change it."""
        octets = bytes(self._octets)
        self._taken += len(octets)
        self._octets.clear()
        return octets

    def read(self) -> NDArray[np.uint8]:
        """A copy of all that has not been taken, as `uint8[n]`."""
        return np.frombuffer(bytes(self._octets), np.uint8)

    def _ahead_of_end(self, timestamp: int) -> int:
        """How far past the end of the stream the timestamp is; negative: before it."""
        if self._next_timestamp is None:
            return 0
        ahead = signed_difference(timestamp, self._next_timestamp, TIMESTAMP_MODULUS)
        if abs(ahead) > self._longest_jump:
            self.jumps += 1
            return 0
        return ahead

    def _insert(self, place: int, timestamp: int, octets: bytes) -> None:
        """Overwrite from `place` on; what would stand before the beginning is dropped."""
        too_late = min(max(-place, 0), len(octets))
        self.late_samples += too_late
        octets, place = octets[too_late:], max(place, 0)
        beyond = place + len(octets) - len(self._octets)
        self._octets[place : place + len(octets)] = octets
        if octets and beyond > 0:
            assert self._next_timestamp is not None
            self._next_timestamp = (self._next_timestamp + beyond) % TIMESTAMP_MODULUS
