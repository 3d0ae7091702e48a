"""The pacing of many streams, in numpy: every 20 ms one RTP packet for every stream that is cut through.

A stream is a row: one direction of one circuit. A row always carries something - a clip of the sound store, live
octets, or the idle pattern - and advances by 160 samples a tick whether anybody listens or not; while it is attached,
each tick also makes a packet of it. Rows are spread over phases; whoever owns the clock calls `tick(0)`, `tick(1)`, ...
in turn, each phase every 20 ms.

What a tick does is a fixed number of numpy calls on the arrays of its phase, whatever the number of rows.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gateway.core.errors import LocalProtocolError
from gateway.media.rtp import PACKET_OCTETS, PACKET_SAMPLES
from gateway.media.store import LAW_INDEX, LAWS, Clip, SoundStore
from tones.g711 import Law, idle_octet, transcode

RING_PACKETS: Final = 12
RING_OCTETS: Final = RING_PACKETS * PACKET_SAMPLES
"""What a live row holds at most: 240 ms."""

_NO_END: Final = np.iinfo(np.int64).max
_IDLE_OCTETS: Final = np.array([idle_octet(law) for law in LAWS], np.uint8)
_HEADER: Final = np.dtype(
    [("first", "u1"), ("second", "u1"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")]
)
_PACKET: Final = np.dtype([("header", _HEADER), ("payload", "V", PACKET_SAMPLES)])
_MARKER: Final = 0x80

Rows = NDArray[np.int64]


@frozen(eq=False)
class Batch:
    """What one tick of one phase gave.

    Args:
        rows: `int64[n]`, the attached rows of the phase.
        packets: `uint8[n, 172]`, the packet of each of them; the receiver's to keep.
        ended: the rows, attached or not, whose clip ran out exactly now; they carry the idle pattern from here on.
    """

    rows: Rows
    packets: NDArray[np.uint8]
    ended: Rows


class Sender:
    """All rows.

    Args:
        store: where the clips are.
        phases: over how many phases the rows are spread.
    """

    def __init__(self, store: SoundStore, phases: int = 20) -> None:
        self.phases = phases
        self._groups = [_PhaseGroup(store) for _ in range(phases)]

    def open(self, law: Law) -> int:
        """A new row in the phase that has fewest; it carries the idle pattern."""
        phase = min(range(self.phases), key=lambda phase: self._groups[phase].open_rows)
        return self._groups[phase].open(law) * self.phases + phase

    def close(self, row: int) -> None:
        """Give the row back; its number will be used again."""
        group, slot = self._find(row)
        group.close(slot)

    def phase_of(self, row: int) -> int:
        """The phase whose ticks advance the row."""
        return row % self.phases

    def play(self, row: int, clip: Clip, start: int = 0) -> None:
        """Let the row carry a clip from the next tick on, beginning `start` samples into it (modulo its period)."""
        group, slot = self._find(row)
        group.play(slot, clip, start)

    def silence(self, row: int) -> None:
        """Let the row carry the idle pattern."""
        group, slot = self._find(row)
        group.silence(slot)

    def live(self, row: int) -> None:
        """Let the row carry what is fed to it, and the idle pattern where nothing is. Already live: no change."""
        group, slot = self._find(row)
        group.live(slot)

    def feed(self, row: int, octets: bytes | NDArray[np.uint8]) -> None:
        """Append octets, in the row's law, to a live row. Beyond 240 ms the oldest are dropped, in whole packets."""
        group, slot = self._find(row)
        group.feed(slot, octets)

    def change_law(self, row: int, law: Law, payload_type: int) -> None:
        """Let the row carry the same sound, from where it is, in another law; the stream's other numbers go on."""
        group, slot = self._find(row)
        group.change_law(slot, law, payload_type)

    def attach(self, row: int, ssrc: int, sequence: int, timestamp: int, payload_type: int) -> None:
        """Cut through: packets are made of the row from the next tick on, the first with these numbers and the marker.

        Args:
            row: from `open`.
            ssrc: 32 bits.
            sequence: of the first packet, 16 bits.
            timestamp: of the first packet, 32 bits.
            payload_type: 0 to 127.
        """
        group, slot = self._find(row)
        group.attach(slot, ssrc, sequence, timestamp, payload_type)

    def detach(self, row: int) -> None:
        """Make no more packets; the row's sound and its timestamp clock go on unheard."""
        group, slot = self._find(row)
        group.detach(slot)

    def reattach(self, row: int) -> None:
        """Cut through again after `detach`, as the same stream: its SSRC, its clock, the next sequence number."""
        group, slot = self._find(row)
        group.reattach(slot)

    def underruns(self, row: int) -> int:
        """Ticks at which the row was live and had less than a packet to give, since it last went live."""
        group, slot = self._find(row)
        return int(group.underruns[slot])

    def overruns(self, row: int) -> int:
        """Octets dropped because the row was fed faster than it was read, since it last went live."""
        group, slot = self._find(row)
        return int(group.overruns[slot])

    @property
    def open_rows(self) -> int:
        """How many rows are open."""
        return sum(group.open_rows for group in self._groups)

    def tick(self, phase: int) -> Batch:
        """Advance the rows of a phase by 160 samples."""
        slots, packets, ended = self._groups[phase].tick()
        return Batch(slots * self.phases + phase, packets, ended * self.phases + phase)

    def _find(self, row: int) -> tuple[_PhaseGroup, int]:
        group, slot = self._groups[row % self.phases], row // self.phases
        if row < 0 or not group.is_open(slot):
            raise LocalProtocolError(f"row {row} is not open")
        return group, slot


class _PhaseGroup:
    """The rows of one phase, by slot: a structure of arrays with a free list.

    `clip` is the index of the sound, `cursor` where in the store the slot reads next, `end` where its clip ends, `span`
    what to go back by then (0: one-shot), `step` 160 or, for the idle pattern, 0. `headers` holds each slot's next RTP
    header.
    """

    def __init__(self, store: SoundStore) -> None:
        self._store = store
        self._free: list[int] = []
        self._used = 0
        self.open_rows = 0
        capacity = 8
        self._is_open = np.zeros(capacity, np.bool_)
        self._law = np.zeros(capacity, np.uint8)
        self._clip = np.zeros(capacity, np.int64)
        self._cursor = np.zeros(capacity, np.int64)
        self._step = np.zeros(capacity, np.int64)
        self._end = np.full(capacity, _NO_END, np.int64)
        self._span = np.zeros(capacity, np.int64)
        self._attached = np.zeros(capacity, np.bool_)
        self._sequence = np.zeros(capacity, np.uint16)
        self._timestamp = np.zeros(capacity, np.uint32)
        self._headers = np.zeros(capacity, _HEADER)
        self._sequence_due = np.zeros(capacity, np.uint16)
        self._is_live = np.zeros(capacity, np.bool_)
        self._ring = np.zeros((capacity, RING_PACKETS, PACKET_SAMPLES), np.uint8)
        self._read_packet = np.zeros(capacity, np.int64)
        self._fill = np.zeros(capacity, np.int64)
        self.underruns = np.zeros(capacity, np.int64)
        self.overruns = np.zeros(capacity, np.int64)
        self._changed = True
        self._attached_slots: Rows = np.zeros(0, np.int64)
        self._live_slots: Rows = np.zeros(0, np.int64)
        self._live_places: Rows = np.zeros(0, np.int64)
        self._live_heard: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def is_open(self, slot: int) -> bool:
        return slot < self._used and bool(self._is_open[slot])

    def open(self, law: Law) -> int:
        if self._free:
            slot = self._free.pop()
        else:
            slot, self._used = self._used, self._used + 1
            if slot == len(self._cursor):
                self._grow()
        self._is_open[slot] = True
        self._headers[slot] = (0, 0, 0, 0, 0)
        self._law[slot] = LAW_INDEX[law]
        self._idle(slot)
        self.underruns[slot] = self.overruns[slot] = 0
        self._changed = True
        self.open_rows += 1
        return slot

    def close(self, slot: int) -> None:
        self._leave_live(slot)
        self._idle(slot)
        self._is_open[slot] = self._attached[slot] = False
        self._changed = True
        self._free.append(slot)
        self.open_rows -= 1

    def play(self, slot: int, clip: Clip, start: int) -> None:
        if start < 0:
            raise LocalProtocolError(f"a clip cannot start at sample {start}")
        self._leave_live(slot)
        begin = self._store.starts[self._law[slot]][clip.index]
        span = self._store.spans[clip.index]
        self._clip[slot] = clip.index
        self._cursor[slot] = begin + (start % clip.length if clip.repeat else min(start, clip.length))
        self._end[slot] = begin + (span or clip.length)
        self._span[slot] = span
        self._step[slot] = PACKET_SAMPLES
        self._headers["second"][slot] |= _MARKER

    def silence(self, slot: int) -> None:
        self._leave_live(slot)
        self._idle(slot)

    def live(self, slot: int) -> None:
        if self._is_live[slot]:
            return
        self._idle(slot)
        self._is_live[slot] = True
        self._ring[slot] = _IDLE_OCTETS[self._law[slot]]
        self._read_packet[slot] = self._fill[slot] = 0
        self.underruns[slot] = self.overruns[slot] = 0
        self._headers["second"][slot] |= _MARKER
        self._changed = True

    def feed(self, slot: int, octets: bytes | NDArray[np.uint8]) -> None:
        if not self._is_live[slot]:
            raise LocalProtocolError("a row that is not live was fed")
        new = np.frombuffer(octets, np.uint8) if isinstance(octets, bytes) else octets
        dropped = max(len(new) - RING_OCTETS, 0)
        new = new[dropped:]
        fill, read = int(self._fill[slot]), int(self._read_packet[slot])
        excess = fill + len(new) - RING_OCTETS
        ring = self._ring[slot]
        if excess > 0:
            packets = -(-excess // PACKET_SAMPLES)
            gone = min(packets * PACKET_SAMPLES, fill)
            if gone == fill:
                ring[:] = _IDLE_OCTETS[self._law[slot]]
            else:
                ring[(read + np.arange(packets)) % RING_PACKETS] = _IDLE_OCTETS[self._law[slot]]
                read = (read + packets) % RING_PACKETS
            fill -= gone
            dropped += gone
            self._read_packet[slot] = read
        flat = ring.reshape(-1)
        at = (read * PACKET_SAMPLES + fill) % RING_OCTETS
        before_wrap = min(len(new), RING_OCTETS - at)
        flat[at : at + before_wrap] = new[:before_wrap]
        flat[: len(new) - before_wrap] = new[before_wrap:]
        self._fill[slot] = fill + len(new)
        self.overruns[slot] += dropped

    def change_law(self, slot: int, law: Law, payload_type: int) -> None:
        before, after = int(self._law[slot]), LAW_INDEX[law]
        clip = int(self._clip[slot])
        further = self._store.starts[after][clip] - self._store.starts[before][clip]
        self._cursor[slot] += further
        if self._step[slot]:
            self._end[slot] += further
        if self._is_live[slot]:
            waiting = np.arange(int(self._fill[slot])) + int(self._read_packet[slot]) * PACKET_SAMPLES
            ring = self._ring[slot].reshape(-1)
            kept = ring[waiting % RING_OCTETS]
            ring[:] = idle_octet(law)
            ring[waiting % RING_OCTETS] = transcode(kept, LAWS[before], law)
        self._law[slot] = after
        marker = int(self._headers["second"][slot]) & _MARKER
        self._headers["second"][slot] = payload_type | marker

    def attach(self, slot: int, ssrc: int, sequence: int, timestamp: int, payload_type: int) -> None:
        self._headers[slot] = (0x80, payload_type | _MARKER, 0, 0, ssrc)
        self._sequence[slot] = sequence
        self._timestamp[slot] = timestamp
        self._attached[slot] = True
        self._changed = True

    def detach(self, slot: int) -> None:
        if self._attached[slot]:
            self._attached[slot] = False
            self._sequence_due[slot] = self._sequence[slot]
            self._changed = True

    def reattach(self, slot: int) -> None:
        if self._attached[slot]:
            return
        if not self._headers["first"][slot]:
            raise LocalProtocolError("a row that never was attached cannot be attached again")
        self._headers["second"][slot] |= _MARKER
        self._sequence[slot] = self._sequence_due[slot]
        self._attached[slot] = True
        self._changed = True

    def tick(self) -> tuple[Rows, NDArray[np.uint8], Rows]:
        """Slots of the packets, the packets, slots whose clip ended."""
        if self._changed:
            self._find_slots()
        slots, used = self._attached_slots, self._used
        packets = np.empty(len(slots), _PACKET)
        headers = self._headers[:used]
        headers["sequence"] = self._sequence[:used]
        headers["timestamp"] = self._timestamp[:used]
        packets["header"] = headers[slots]
        packets["payload"] = self._store.windows(PACKET_SAMPLES)[self._cursor[slots]]
        if len(self._live_slots):
            self._read_live(packets["payload"])
        headers["second"] &= 0x7F
        self._sequence[:used] += 1
        self._timestamp[:used] += PACKET_SAMPLES
        cursor = self._cursor[:used]
        cursor += self._step[:used]
        over = np.flatnonzero(cursor >= self._end[:used])
        ended = self._turn_over(over) if len(over) else over
        return slots, packets.view(np.uint8).reshape(len(slots), PACKET_OCTETS), ended

    def _turn_over(self, over: Rows) -> Rows:
        """Send repeating clips back by their span and one-shot clips to the idle pattern; the latter are returned."""
        span = self._span[over]
        self._cursor[over] -= span
        ended: Rows = over[span == 0]
        if len(ended):
            idle = self._store.idle.index
            self._clip[ended] = idle
            self._cursor[ended] = np.array([starts[idle] for starts in self._store.starts])[self._law[ended]]
            self._step[ended] = 0
            self._end[ended] = _NO_END
        return ended

    def _read_live(self, payloads: NDArray[np.void]) -> None:
        """Put a packet of each live slot into its place, clear it to idle in the ring, and move on."""
        slots = self._live_slots
        read, fill = self._read_packet[slots], self._fill[slots]
        taken = self._ring[slots, read]
        payloads[self._live_places] = taken[self._live_heard].view(payloads.dtype)[:, 0]
        self._ring[slots, read] = _IDLE_OCTETS[self._law[slots], np.newaxis]
        self.underruns[slots] += fill < PACKET_SAMPLES
        self._fill[slots] = np.maximum(fill - PACKET_SAMPLES, 0)
        self._read_packet[slots] = (read + 1) % RING_PACKETS

    def _find_slots(self) -> None:
        """The index arrays that the ticks use until something changes."""
        self._attached_slots = np.flatnonzero(self._attached[: self._used])
        self._live_slots = np.flatnonzero(self._is_live[: self._used])
        self._live_heard = self._attached[self._live_slots]
        self._live_places = np.searchsorted(self._attached_slots, self._live_slots[self._live_heard])
        self._changed = False

    def _idle(self, slot: int) -> None:
        self._clip[slot] = self._store.idle.index
        self._cursor[slot] = self._store.starts[self._law[slot]][self._store.idle.index]
        self._end[slot] = _NO_END
        self._step[slot] = self._span[slot] = 0

    def _leave_live(self, slot: int) -> None:
        if self._is_live[slot]:
            self._is_live[slot] = False
            self._changed = True

    def _grow(self) -> None:
        """Twice as many slots."""
        for name, array in list(vars(self).items()):
            if isinstance(array, np.ndarray) and name not in _INDEX_ARRAYS:
                larger = np.zeros((2 * len(array), *array.shape[1:]), array.dtype)
                larger[: len(array)] = array
                setattr(self, name, larger)
        self._end[self._used - 1 :] = _NO_END


_INDEX_ARRAYS: Final = frozenset({"_attached_slots", "_live_slots", "_live_places", "_live_heard"})
