"""The rows of one phase of a sender, as arrays: what each carries, and the packets of a tick.

A tick gathers 160 octets for every slot that sends audio into one matrix, those that send packets of 20 ms first: their
part is the batch. The blocks of the others go on to the packetizer; slots that send a telephone event go to the event
sender instead.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gateway.core.errors import LocalProtocolError
from gateway.media.event_sender import EventSender
from gateway.media.packetization import HALF_SAMPLES, Completed, Packetizer, halves_of
from gateway.media.rtp import HEADER_OCTETS, PACKET_OCTETS, PACKET_SAMPLES
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
_OCTETS: Final = np.dtype(("V", HEADER_OCTETS))
"""A header as what it is made of: numpy gathers these as a whole, and a structure field by field."""
_PACKET: Final = np.dtype([("header", _OCTETS), ("payload", "V", PACKET_SAMPLES)])
_MARKER: Final = 0x80
_TICK_HALVES: Final = 2
_PLACES: Final = np.arange(PACKET_SAMPLES)
_NOBODY: Final = np.zeros(0, np.int64)

Rows = NDArray[np.int64]


@frozen
class StreamNumbers:
    """Where an attached row stands, for sender reports (RFC 3550 §6.4.1).

    Args:
        ssrc: 32 bits.
        sequence: of the next packet.
        timestamp: of the next tick.
        packets: how many were made since it was attached.
        octets: of their payloads.
    """

    ssrc: int
    sequence: int
    timestamp: int
    packets: int
    octets: int


class PhaseGroup:
    """The rows of one phase, by slot: a structure of arrays with a free list.

    `clip` is the index of the sound, `cursor` where in the store the slot reads next, `end` where its clip ends, `span`
    what to go back by then (0: one-shot), `step` 160 or, for the idle pattern, 0. `headers` holds each slot's next RTP
    header; only a slot that is live has a ring, `ring_of` it. What a tick makes that is no packet of 20 ms is in
    `others`, and whose event is over in `events_over`.
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
        self._header_octets = self._headers.view(_OCTETS)
        self._sequence_due = np.zeros(capacity, np.uint16)
        self._is_live = np.zeros(capacity, np.bool_)
        self._ring = np.zeros((1, RING_PACKETS, PACKET_SAMPLES), np.uint8)
        self._ring_of = np.zeros(capacity, np.int64)
        self._free_rings = [0]
        self._read_packet = np.zeros(capacity, np.int64)
        self._fill = np.zeros(capacity, np.int64)
        self.underruns = np.zeros(capacity, np.int64)
        self.overruns = np.zeros(capacity, np.int64)
        self._halves = np.full(capacity, _TICK_HALVES, np.int64)
        self._marker_due = np.zeros(capacity, np.uint8)
        self._whole_sent = np.zeros(capacity, np.int64)
        self._packets_sent = np.zeros(capacity, np.int64)
        self._octets_sent = np.zeros(capacity, np.int64)
        self._packetizer = Packetizer()
        self.events = EventSender()
        self.others: list[tuple[Rows, NDArray[np.uint8]]] = []
        self.events_over: Rows = np.zeros(0, np.int64)
        self._changed = True
        self._whole = 0
        self._sizes: list[tuple[int, slice]] = []
        self._event_slots: Rows = np.zeros(0, np.int64)
        self._audio_slots: Rows = np.zeros(0, np.int64)
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
        self.events.stop(slot)
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
        if clip.repeat and start >= clip.length:
            start = clip.introduction + (start - clip.introduction) % (clip.length - clip.introduction)
        self._cursor[slot] = begin + min(start, clip.length)
        self._end[slot] = begin + (clip.introduction + span if span else clip.length)
        self._span[slot] = span
        self._step[slot] = PACKET_SAMPLES
        self._headers["second"][slot] |= _MARKER

    def position(self, slot: int, clip: Clip) -> int | None:
        if self._clip[slot] != clip.index or not self._step[slot]:
            return None
        at = int(self._cursor[slot]) - self._store.starts[self._law[slot]][clip.index]
        if at < clip.length or not clip.repeat:
            return at
        return clip.introduction + (at - clip.introduction) % (clip.length - clip.introduction)

    def silence(self, slot: int) -> None:
        self._leave_live(slot)
        self._idle(slot)

    def live(self, slot: int) -> None:
        if self._is_live[slot]:
            return
        self._idle(slot)
        self._is_live[slot] = True
        if not self._free_rings:
            rings = len(self._ring)
            self._ring = np.concatenate([self._ring, np.zeros_like(self._ring)])
            self._free_rings.extend(range(rings, 2 * rings))
        self._ring_of[slot] = self._free_rings.pop()
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
        ring = self._ring[self._ring_of[slot]]
        if excess > 0:
            packets = -(-excess // PACKET_SAMPLES)
            gone = min(packets * PACKET_SAMPLES, fill)
            if gone < fill:
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

    def feed_all(self, slots: Rows, blocks: NDArray[np.uint8]) -> None:
        fill = self._fill[slots]
        odd = fill % PACKET_SAMPLES
        odd |= fill == RING_OCTETS
        if np.count_nonzero(odd) or np.count_nonzero(self._is_live[slots]) < len(slots):
            for slot, block in zip(slots.tolist(), blocks, strict=True):
                self.feed(slot, block)
            return
        places = (self._read_packet[slots] + fill // PACKET_SAMPLES) % RING_PACKETS
        self._ring[self._ring_of[slots], places] = blocks
        self._fill[slots] = fill + PACKET_SAMPLES

    def change_law(self, slot: int, law: Law, payload_type: int) -> None:
        before, after = int(self._law[slot]), LAW_INDEX[law]
        clip = int(self._clip[slot])
        further = self._store.starts[after][clip] - self._store.starts[before][clip]
        self._cursor[slot] += further
        if self._step[slot]:
            self._end[slot] += further
        if self._is_live[slot]:
            waiting = np.arange(int(self._fill[slot])) + int(self._read_packet[slot]) * PACKET_SAMPLES
            ring = self._ring[self._ring_of[slot]].reshape(-1)
            ring[waiting % RING_OCTETS] = transcode(ring[waiting % RING_OCTETS], LAWS[before], law)
        if self._attached[slot] and self._halves[slot] != _TICK_HALVES:
            self._packetizer.replace(slot, transcode(np.arange(256, dtype=np.uint8), LAWS[before], law))
        self._law[slot] = after
        marker = int(self._headers["second"][slot]) & _MARKER
        self._headers["second"][slot] = payload_type | marker

    def attach(self, slot: int, ssrc: int, sequence: int, timestamp: int, payload_type: int, ptime_ms: int) -> None:
        self.change_ptime(slot, ptime_ms)
        self._headers[slot] = (0x80, payload_type | _MARKER, 0, 0, ssrc)
        self._sequence[slot] = sequence
        self._timestamp[slot] = timestamp
        self._attached[slot] = True
        self._whole_sent[slot] = self._packets_sent[slot] = self._octets_sent[slot] = 0
        self.events.stop(slot)

    def change_ptime(self, slot: int, ptime_ms: int) -> None:
        self._halves[slot] = halves_of(ptime_ms)
        self._gather_anew(slot)
        self._changed = True

    def send_event(self, slot: int, event: int, payload_type: int, duration: int | None, volume: int) -> None:
        if not self._attached[slot]:
            raise LocalProtocolError("a row that is not attached cannot send an event")
        if self.events.is_sending(slot):
            raise LocalProtocolError("a row that is sending an event cannot begin another")
        self.events.begin(slot, event, duration, payload_type, volume)
        self._gather_anew(slot)
        self._changed = True

    def drop_event(self, slot: int) -> None:
        self.events.stop(slot)
        self._changed = True

    def numbers(self, slot: int) -> StreamNumbers:
        whole = int(self._whole_sent[slot])
        return StreamNumbers(
            int(self._headers["ssrc"][slot]),
            int(self._sequence[slot] if self._attached[slot] else self._sequence_due[slot]),
            int(self._timestamp[slot]),
            whole + int(self._packets_sent[slot]),
            whole * PACKET_SAMPLES + int(self._octets_sent[slot]),
        )

    def detach(self, slot: int) -> None:
        if self._attached[slot]:
            self._attached[slot] = False
            self._sequence_due[slot] = self._sequence[slot]
            self.events.stop(slot)
            self._gather_anew(slot)
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
        """Slots of the packets of 20 ms, these packets, slots whose clip ended; the rest is left in `others`."""
        if self._changed:
            self._find_slots()
        slots, used, whole = self._audio_slots, self._used, self._whole
        packets = np.empty(len(slots), _PACKET)
        headers = self._headers[:used]
        headers["sequence"] = self._sequence[:used]
        headers["timestamp"] = self._timestamp[:used]
        packets["header"] = self._header_octets[slots]
        packets["payload"] = self._store.windows(PACKET_SAMPLES)[self._cursor[slots]]
        if len(self._live_slots):
            self._read_live(packets["payload"])
        octets = packets.view(np.uint8).reshape(len(slots), PACKET_OCTETS)
        if self.others or len(self.events_over):
            self.others, self.events_over = [], _NOBODY
        self._whole_sent[slots[:whole]] += 1
        if len(slots) > whole:
            self._gather(octets)
        if len(self._event_slots):
            self._send_events()
        headers["second"] &= 0x7F
        if len(self.events_over):
            headers["second"][self.events_over] |= _MARKER
        self._sequence[:used] += 1
        self._timestamp[:used] += PACKET_SAMPLES
        cursor = self._cursor[:used]
        cursor += self._step[:used]
        over = np.flatnonzero(cursor >= self._end[:used])
        ended = self._turn_over(over) if len(over) else over
        return slots[:whole], octets[:whole], ended

    def _gather(self, octets: NDArray[np.uint8]) -> None:
        """Make packets of other sizes, one size after the other, of the blocks of their slots."""
        gathering = self._audio_slots[self._whole :]
        self._marker_due[gathering] |= octets[self._whole :, 1] & np.uint8(_MARKER)
        for halves, place in self._sizes:
            slots = self._audio_slots[place]
            done = self._packetizer.add(halves, slots, octets[place, HEADER_OCTETS:], self._timestamp[slots])
            if len(done.slots):
                self.others.append((done.slots, self._packets_of(done)))
                self._sequence[done.slots] += done.nth + 1 if halves > 1 else np.uint16(2)
                self._marker_due[done.slots] = 0
        # Every slot's sequence number goes on by one a tick; these have had their own.
        self._sequence[gathering] -= 1

    def _packets_of(self, done: Completed) -> NDArray[np.uint8]:
        samples = done.payloads.shape[1]
        packets = np.empty((len(done.slots), HEADER_OCTETS + samples), np.uint8)
        headers = self._headers[done.slots]
        headers["second"] = (headers["second"] & 0x7F) | np.where(done.nth == 0, self._marker_due[done.slots], 0)
        headers["sequence"] = self._sequence[done.slots] + done.nth
        headers["timestamp"] = done.timestamps
        packets[:, :HEADER_OCTETS] = headers.view(np.uint8).reshape(len(done.slots), HEADER_OCTETS)
        packets[:, HEADER_OCTETS:] = done.payloads
        sent = 2 if samples == HALF_SAMPLES else 1
        self._packets_sent[done.slots] += sent
        self._octets_sent[done.slots] += sent * samples
        return packets

    def _send_events(self) -> None:
        slots = self._event_slots
        ssrc = self._headers["ssrc"][slots].astype(np.uint32)
        packets, over = self.events.tick(slots, self._sequence[slots], self._timestamp[slots], ssrc)
        self.others.append((slots, packets))
        self._packets_sent[slots] += 1
        self._octets_sent[slots] += packets.shape[1] - HEADER_OCTETS
        if len(over):
            self.events_over = over
            self._changed = True

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
        """Put a packet of each live slot into its place, idle where the ring has no more, and move on."""
        slots = self._live_slots
        read, fill, rings = self._read_packet[slots], self._fill[slots], self._ring_of[slots]
        taken = self._ring[rings, read]
        hungry = fill < PACKET_SAMPLES
        if np.count_nonzero(hungry):
            short = np.flatnonzero(hungry)
            missing = fill[short, np.newaxis] <= _PLACES
            taken[short] = np.where(missing, _IDLE_OCTETS[self._law[slots[short]], np.newaxis], taken[short])
            self.underruns[slots[short]] += 1
            fill[short] = PACKET_SAMPLES
        payloads[self._live_places] = taken[self._live_heard].view(payloads.dtype)[:, 0]
        self._fill[slots] = fill - PACKET_SAMPLES
        self._read_packet[slots] = (read + 1) % RING_PACKETS

    def _find_slots(self) -> None:
        """The index arrays that the ticks use until something changes: slots of 20 ms first, then size by size."""
        used = self._used
        event = np.zeros(used, np.bool_)
        sending = self.events.sending
        event[: len(sending)] = sending[:used]
        self._event_slots = np.flatnonzero(event)
        audio = self._attached[:used] & ~event
        halves = np.where(audio, self._halves[:used], 0)
        slots = np.flatnonzero(halves == _TICK_HALVES)
        self._whole = len(slots)
        self._sizes = []
        others = set() if np.count_nonzero(halves) == len(slots) else {*halves.tolist()} - {0, _TICK_HALVES}
        for size in sorted(others):
            these = np.flatnonzero(halves == size)
            self._sizes.append((size, slice(len(slots), len(slots) + len(these))))
            slots = np.concatenate([slots, these])
        self._audio_slots = slots
        places = np.zeros(used, np.int64)
        places[slots] = np.arange(len(slots))
        self._live_slots = np.flatnonzero(self._is_live[:used])
        self._live_heard = audio[self._live_slots]
        self._live_places = places[self._live_slots[self._live_heard]]
        self._changed = False

    def _gather_anew(self, slot: int) -> None:
        if self._halves[slot] != _TICK_HALVES:
            self._packetizer.begin(slot)
        self._headers["second"][slot] |= self._marker_due[slot]
        self._marker_due[slot] = 0

    def _idle(self, slot: int) -> None:
        self._clip[slot] = self._store.idle.index
        self._cursor[slot] = self._store.starts[self._law[slot]][self._store.idle.index]
        self._end[slot] = _NO_END
        self._step[slot] = self._span[slot] = 0

    def _leave_live(self, slot: int) -> None:
        if self._is_live[slot]:
            self._is_live[slot] = False
            self._free_rings.append(int(self._ring_of[slot]))
            self._changed = True

    def _grow(self) -> None:
        """Twice as many slots."""
        for name, array in list(vars(self).items()):
            if isinstance(array, np.ndarray) and name not in _NOT_BY_SLOT:
                larger = np.zeros((2 * len(array), *array.shape[1:]), array.dtype)
                larger[: len(array)] = array
                setattr(self, name, larger)
        self._header_octets = self._headers.view(_OCTETS)
        self._end[self._used - 1 :] = _NO_END


_NOT_BY_SLOT: Final = frozenset(
    {
        *("_audio_slots", "_event_slots", "_live_slots", "_live_places", "_live_heard"),
        *("_header_octets", "_ring", "events_over"),
    }
)
