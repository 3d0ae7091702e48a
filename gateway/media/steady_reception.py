"""Reception of many streams while nothing happens to them: each packet is the one that was to be expected.

For each row the header of the next packet is known: the payload type of the last, the next sequence number, the
timestamp where the last ended, and the length. Packets that are as expected are found, counted and taken into the
jitter (RFC 3550 §A.1, §A.8) for many rows in a fixed number of numpy calls; a `Receiver` is told of them later
(`settle`). All others are the `Receiver`'s.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.media.assembly import SAMPLES_A_SECOND
from gateway.media.receiver import Receiver
from gateway.media.rtp import HEADER_OCTETS, SEQUENCE_MODULUS, TIMESTAMP_MODULUS

LONGEST_SAMPLES: Final = 480
SIZES: Final = frozenset(range(80, LONGEST_SAMPLES + 1, 80))
"""Octets of a payload that is foreseen: 10 to 60 ms."""
_NOTHING: Final = -1
"""What no first word of a packet is equal to."""
_VERSION_2: Final = 0x80000000
# Numpy takes an array of one number in half the time that it takes a number.
_ALL_BUT_MARKER: Final = np.array(~0x00800000)
_SEQUENCE: Final = np.array(0xFFFF)
_TIMESTAMP: Final = np.array(0xFFFFFFFF)
_ZERO: Final = np.array(0)
_ONE: Final = np.array(1)
_SIXTEENTH: Final = np.array(1 / 16)
_NETWORK_32: Final = np.dtype(">u4")
_FIRST_ROWS: Final = 8

Rows = NDArray[np.int64]


class Arrived(NamedTuple):
    """Datagrams of many rows.

    Args:
        rows: `int64[n]`.
        datagrams: `uint8[n, width]`.
        lengths: `int64[n]`.
        at_s: when they came, all of them.
    """

    rows: Rows
    datagrams: NDArray[np.uint8]
    lengths: Rows
    at_s: float

    def those(self, which: NDArray[np.bool_]) -> Arrived:
        """Some of them."""
        return Arrived(self.rows[which], self.datagrams[which], self.lengths[which], self.at_s)


class SteadyReception:
    """All rows, and one more at the end that is never any row: index -1 expects nothing.

    `_timestamp` does not wrap, so that what came since `_since` can be told from it. `_due` is the arrival, in samples,
    by which the next packet would be neither early nor late.

    Attributes:
        slot: `int64[rows]`, the slot of each row's jitter buffer; -1: it has none.
        idle: `uint8[rows]`, the octet of silence in each row's law.
    """

    def __init__(self) -> None:
        self._word: Rows = np.full(_FIRST_ROWS, _NOTHING, np.int64)
        self._timestamp: Rows = np.zeros(_FIRST_ROWS, np.int64)
        self._ssrc: Rows = np.zeros(_FIRST_ROWS, np.int64)
        self._length: Rows = np.zeros(_FIRST_ROWS, np.int64)
        self._since: Rows = np.zeros(_FIRST_ROWS, np.int64)
        self._due: Rows = np.zeros(_FIRST_ROWS, np.int64)
        self._jitter: NDArray[np.float64] = np.zeros(_FIRST_ROWS)
        self.slot: Rows = np.full(_FIRST_ROWS, -1, np.int64)
        self.idle: NDArray[np.uint8] = np.zeros(_FIRST_ROWS, np.uint8)

    def make_room(self, row: int) -> None:
        """Let there be such a row."""
        before = len(self._word)
        if row < before - 1:
            return
        for name, array in list(vars(self).items()):
            larger = np.zeros(2 * before, array.dtype)
            larger[:before] = array
            setattr(self, name, larger)
        self._word[before:] = _NOTHING
        self.slot[before:] = -1

    def expects(self, row: int) -> bool:
        """Whether it is known what the row's next packet will be."""
        return bool(self._word[row] != _NOTHING)

    def expect(self, row: int, receiver: Receiver, payload_type: int, timestamp: int, size: int) -> None:
        """Foresee the next packet of a row.

        Args:
            row: whose.
            receiver: its object, which has just taken a packet, the newest of its stream.
            payload_type: of that packet.
            timestamp: where the packet ended, not wrapped.
            size: octets of its payload.
        """
        statistics = receiver.statistics
        assert receiver.ssrc is not None
        assert statistics.transit is not None
        self._word[row] = _VERSION_2 | payload_type << 16 | (statistics.highest + 1) % SEQUENCE_MODULUS
        self._timestamp[row] = self._since[row] = timestamp
        self._ssrc[row] = receiver.ssrc
        self._length[row] = HEADER_OCTETS + size
        self._due[row] = statistics.transit + timestamp
        self._jitter[row] = statistics.jitter_samples

    def size(self, row: int) -> int:
        """Octets of the payload that is foreseen."""
        return int(self._length[row]) - HEADER_OCTETS

    def next_timestamp(self, row: int) -> int:
        """The timestamp that is foreseen."""
        return int(self._timestamp[row]) % TIMESTAMP_MODULUS

    def expect_nothing(self, row: int) -> None:
        """The row's next packet is its object's, whatever it is."""
        self._word[row] = _NOTHING

    def settle(self, row: int, receiver: Receiver) -> None:
        """Tell the object what has come; what is expected still is."""
        timestamp, size = int(self._timestamp[row]), self.size(row)
        samples = timestamp - int(self._since[row])
        if samples:
            transit = int(self._due[row]) - size - (timestamp - size) % TIMESTAMP_MODULUS
            receiver.went_on(samples // size, transit, float(self._jitter[row]))
            self._since[row] = timestamp

    def fits(self, arrived: Arrived) -> NDArray[np.bool_]:
        """Which packets are as expected: `bool[n]`. Of a row that is there twice both may seem so."""
        rows = arrived.rows
        words = arrived.datagrams[:, :HEADER_OCTETS].view(_NETWORK_32).astype(np.int64)
        fits: NDArray[np.bool_] = words[:, 0] & _ALL_BUT_MARKER == self._word[rows]
        fits &= words[:, 1] == self._timestamp[rows] & _TIMESTAMP
        fits &= words[:, 2] == self._ssrc[rows]
        fits &= arrived.lengths == self._length[rows]
        if arrived.datagrams.shape[1] < HEADER_OCTETS + LONGEST_SAMPLES:
            fits &= arrived.lengths <= arrived.datagrams.shape[1]
        return fits

    def take(self, arrived: Arrived, size: int) -> None:
        """Count packets that are as expected, of each row one, all with a payload of `size` octets."""
        rows, arrival = arrived.rows, round(arrived.at_s * SAMPLES_A_SECOND)
        word = self._word[rows] + _ONE
        over = word & _SEQUENCE == _ZERO
        if np.count_nonzero(over):
            word[over] -= _SEQUENCE + _ONE
        self._word[rows] = word
        self._timestamp[rows] += size
        # |D| of RFC 3550 §A.8: the timestamps differ by just the size.
        jitter = self._jitter[rows]
        jitter += (np.abs(self._due[rows] - arrival) - jitter) * _SIXTEENTH
        self._jitter[rows] = jitter
        self._due[rows] = arrival + size
