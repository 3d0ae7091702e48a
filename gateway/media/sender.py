"""The pacing of many streams, in numpy: every 20 ms one RTP packet for every stream that is cut through.

A stream is a row: one direction of one circuit. A row always carries something - a clip of the sound store, live
octets, or the idle pattern - and advances by 160 samples a tick whether anybody listens or not; while it is attached,
each tick also makes a packet of it. Rows are spread over phases; whoever owns the clock calls `tick(0)`, `tick(1)`, ...
in turn, each phase every 20 ms.

A row may send packets of another size than 20 ms (`packetization`), and telephone events in place of its audio for a
while (`event_sender`); its sound and its clock go on all the same.

What a tick does is a fixed number of numpy calls on the arrays of its phase for each size of packet, whatever the
number of rows.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from gateway.core.errors import LocalProtocolError
from gateway.media.phase_group import RING_OCTETS, RING_PACKETS, PhaseGroup, Rows, StreamNumbers
from gateway.media.rtp import PACKET_OCTETS
from gateway.media.store import Clip, SoundStore
from tones.g711 import Law

__all__ = ["RING_OCTETS", "RING_PACKETS", "Batch", "Packets", "Sender", "StreamNumbers"]


@frozen(eq=False)
class Packets:
    """Packets of one size.

    Args:
        rows: `int64[n]`, whose they are; with packets of 10 ms a row is there twice, in the order of sending.
        packets: `uint8[n, octets]`.
    """

    rows: Rows
    packets: NDArray[np.uint8]


@frozen(eq=False)
class Batch:
    """What one tick of one phase gave.

    Args:
        rows: `int64[n]`, the attached rows of the phase that send packets of 20 ms.
        packets: `uint8[n, 172]`, the packet of each of them; the receiver's to keep.
        ended: the rows, attached or not, whose clip ran out exactly now; they carry the idle pattern from here on.
        others: the packets of other sizes, a matrix each: audio of 10, 30, 40, 50 and 60 ms, and telephone events.
        events_over: the rows whose telephone event sent its last packet now; they send audio from here on.
    """

    rows: Rows
    packets: NDArray[np.uint8]
    ended: Rows
    others: tuple[Packets, ...] = ()
    events_over: Rows = field(factory=lambda: np.zeros(0, np.int64))


FEW_ROWS: Final = 200
"""A phase takes so many rows before the next one is begun: 0.8 ms, most of it the kernel's. To wake for a tick, with
all caches cold, costs 0.2 to 0.3 ms besides."""
_NO_ROWS: Final[Rows] = np.zeros(0, np.int64)
_NOTHING: Final = Batch(_NO_ROWS, np.zeros((0, PACKET_OCTETS), np.uint8), _NO_ROWS)


class Sender:
    """All rows.

    Args:
        store: where the clips are.
        phases: over how many phases the rows are spread.
    """

    def __init__(self, store: SoundStore, phases: int = 20) -> None:
        self.phases = phases
        self._groups = [PhaseGroup(store) for _ in range(phases)]
        self._in_order = [*range(0, phases, 2), *range(1, phases, 2)]

    def open(self, law: Law, phase: int | None = None) -> int:
        """A new row; it carries the idle pattern.

        Args:
            law: of its sound.
            phase: None for the first that has fewer than `FEW_ROWS`, every other one before those between them, or
                else the one with fewest: few rows keep few phases busy, many are spread.
        """
        if phase is None:
            rows = [group.open_rows for group in self._groups]
            phase = next((each for each in self._in_order if rows[each] < FEW_ROWS), None)
            if phase is None:
                phase = rows.index(min(rows))
        return self._groups[phase].open(law) * self.phases + phase

    def rows_in(self, phase: int) -> int:
        """How many rows of a phase are open."""
        return self._groups[phase].open_rows

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

    def position(self, row: int, clip: Clip) -> int | None:
        """How far the row is in the clip that it carries, samples; None: that is over, or it carries something else."""
        group, slot = self._find(row)
        return group.position(slot, clip)

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

    def feed_all(self, rows: Rows, blocks: NDArray[np.uint8]) -> None:
        """Append 20 ms to each of many live rows of one phase, as `feed` does, in a few numpy calls.

        Args:
            rows: `int64[n]`, of one phase, each once.
            blocks: `uint8[n, 160]`, a row each.
        """
        if len(rows):
            slots, phases = rows // self.phases, rows % self.phases
            if np.count_nonzero(phases - phases[0]):
                raise LocalProtocolError("rows of more than one phase were fed together")
            self._groups[phases[0]].feed_all(slots, blocks)

    def attach(self, row: int, ssrc: int, sequence: int, timestamp: int, payload_type: int, ptime_ms: int = 20) -> None:
        """Cut through: packets are made of the row from the next tick on, the first with these numbers and the marker.

        Args:
            row: from `open`.
            ssrc: 32 bits.
            sequence: of the first packet, 16 bits.
            timestamp: of the first packet, 32 bits.
            payload_type: 0 to 127.
            ptime_ms: how much a packet carries: 10, 20, 30, 40, 50 or 60 ms.
        """
        group, slot = self._find(row)
        group.attach(slot, ssrc, sequence, timestamp, payload_type, ptime_ms)

    def change_ptime(self, row: int, ptime_ms: int) -> None:
        """Send packets of another size from the next tick on; what was gathered of a longer one is dropped."""
        group, slot = self._find(row)
        group.change_ptime(slot, ptime_ms)

    def send_event(
        self, row: int, event: int, payload_type: int, duration: int | None = None, volume: int = 10
    ) -> None:
        """Send a telephone event in place of the row's audio from the next tick on (RFC 4733 §2.5.1): a packet a tick.

        Args:
            row: attached, and sending no event.
            event: 0 to 255.
            payload_type: as negotiated, 0 to 127.
            duration: samples; None: until `end_event`.
            volume: -dBm0, 0 to 63.
        """
        group, slot = self._find(row)
        group.send_event(slot, event, payload_type, duration, volume)

    def end_event(self, row: int) -> None:
        """The event that the row is sending is over: its last packet goes out three times. None: no change."""
        group, slot = self._find(row)
        if group.events.is_sending(slot):
            group.events.end(slot)

    def drop_event(self, row: int) -> None:
        """Send nothing more of the row's event, not even its end: the receiver takes none any longer."""
        group, slot = self._find(row)
        group.drop_event(slot)

    def sends_event(self, row: int) -> bool:
        """Whether events go out in place of the row's audio."""
        group, slot = self._find(row)
        return group.events.is_sending(slot)

    def numbers(self, row: int) -> StreamNumbers:
        """Where the row stands."""
        group, slot = self._find(row)
        return group.numbers(slot)

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
        group = self._groups[phase]
        if not group.open_rows:
            return _NOTHING
        slots, packets, ended = group.tick()
        if not group.others and not len(group.events_over):
            return Batch(slots * self.phases + phase, packets, ended * self.phases + phase)
        others = tuple(Packets(each * self.phases + phase, octets) for each, octets in group.others)
        events_over = group.events_over * self.phases + phase
        return Batch(slots * self.phases + phase, packets, ended * self.phases + phase, others, events_over)

    def _find(self, row: int) -> tuple[PhaseGroup, int]:
        group, slot = self._groups[row % self.phases], row // self.phases
        if row < 0 or not group.is_open(slot):
            raise LocalProtocolError(f"row {row} is not open")
        return group, slot
