"""Jitter buffers while nothing happens to them: each packet follows the one before, each block is there in time.

All buffers hold their octets in one matrix, a ring a slot. Where a buffer stands is copied from its object into arrays
(`take_on`) and back (`settle`); in between, packets are put into the rings and blocks taken out of them for many slots
in a fixed number of numpy calls. What is not as simple as that is left to the object.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from gateway.media.assembly import SAMPLES_A_SECOND
from gateway.media.concealment import HISTORY_SAMPLES
from gateway.media.jitter import (
    EARLY_SAMPLES,
    HOPELESS_SAMPLES,
    IS_QUIET,
    JUMP_SAMPLES,
    OVERDUE_SAMPLES,
    RING_SAMPLES,
    SKIPPED_SAMPLES,
    SPLICED_SAMPLES,
    JitterBuffer,
    spliced,
)
from gateway.media.jitter_counts import JitterCounts, Verdict
from gateway.media.playout import JitterSettings
from gateway.media.playout_points import PlayoutPoints
from gateway.media.rtp import PACKET_SAMPLES, TIMESTAMP_MODULUS
from gateway.media.steady_reception import LONGEST_SAMPLES
from gateway.media.store import LAW_INDEX, LAWS
from tones.g711 import Law, idle_octet

_NOWHERE: Final = -(1 << 60)
"""The end, and the end of the run, of a slot that only its object knows."""
_NO_HOLE: Final = 1 << 60
"""The end of a run that goes to the end, wherever that is."""
_FIRST_SLOTS: Final = 2048
"""For so many the rings' place in the address space is reserved; memory is taken when a ring is written to."""
_GLANCES: Final = slice(None, None, 20)
"""At which octets of a block to look first whether it is quiet."""
_IDLE: Final = np.array([idle_octet(law) for law in LAWS], np.uint8)
_QUIET: Final = np.array([IS_QUIET[law] for law in LAWS])
# Numpy takes an array of one number in half the time that it takes a number.
_SIZE: Final = np.array(PACKET_SAMPLES)
_RING: Final = np.array(RING_SAMPLES)
_IN_RING: Final = np.array(RING_SAMPLES - 1)
_LAST_STRAIGHT: Final = np.array(RING_SAMPLES - PACKET_SAMPLES)
_TOO_EARLY: Final = np.array(-JUMP_SAMPLES)
_NOTHING: Final = np.array(0)
_MOST_HELD: Final = np.array(RING_SAMPLES - HISTORY_SAMPLES - LONGEST_SAMPLES)
"""What was played last stays in the ring: concealment may want it."""
_EARLY: Final = np.array(EARLY_SAMPLES)
_OVERDUE: Final = np.array(-OVERDUE_SAMPLES)
_BEFORE_SAMPLES: Final = HISTORY_SAMPLES - PACKET_SAMPLES
"""What concealment may want besides the block that was played last."""

Rows = NDArray[np.int64]
Octets = NDArray[np.uint8]
Some = NDArray[np.bool_]


@cache
def octets_of(size: int) -> np.dtype[np.void]:
    """The type of so many octets in one."""
    return np.dtype((np.void, size))


class SteadyBuffers:
    """All slots, and one more at the end that is never any slot: index -1 has nothing and takes nothing.

    Between `_play` and `_end` all is there up to `_run_end`. Since the object was told, what came begins at `_since`,
    what was played at `_began`, and `_dropped` samples were left out.

    Args:
        settings: how the buffers adapt.

    Attributes:
        buffers: the object of each slot; None where there is none.
    """

    def __init__(self, settings: JitterSettings) -> None:
        self._settings = settings
        self._hopeless = np.array(settings.maximum_ms * SAMPLES_A_SECOND // 1000 + HOPELESS_SAMPLES)
        self.buffers: list[JitterBuffer | None] = []
        self._free: list[int] = []
        self._known: list[bool] = []
        self._points = PlayoutPoints(settings)
        self._rings: Octets = np.zeros((0, RING_SAMPLES), np.uint8)
        self._windows: dict[int, NDArray[np.void]] = {}
        self._law: Rows = np.zeros(0, np.int64)
        self._play: Rows = np.zeros(0, np.int64)
        self._end: Rows = np.zeros(0, np.int64)
        self._run_end: Rows = np.zeros(0, np.int64)
        self._since: Rows = np.zeros(0, np.int64)
        self._began: Rows = np.zeros(0, np.int64)
        self._dropped: Rows = np.zeros(0, np.int64)
        self._size: Rows = np.zeros(0, np.int64)
        self._idle_blocks: Rows = np.zeros(0, np.int64)
        self._is_silent: Some = np.zeros(0, np.bool_)
        self._grow()

    # --- slots --------------------------------------------------------------------------------------------------

    def open(self, law: Law) -> int:
        """A slot with a new buffer."""
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self.put(slot, JitterBuffer(law, self._settings, memoryview(self._rings[slot])))
        return slot

    def put(self, slot: int, buffer: JitterBuffer) -> None:
        """Let another buffer have the slot; its ring is the slot's already."""
        self.buffers[slot] = buffer
        self._forget(slot)

    def close(self, slot: int) -> None:
        """Give a slot back."""
        self.buffers[slot] = None
        self._forget(slot)
        self._free.append(slot)

    def buffer(self, slot: int) -> JitterBuffer:
        """The object of a slot that is open; what it says is true if it has been settled."""
        buffer = self.buffers[slot]
        assert buffer is not None
        return buffer

    def take_on(self, slot: int, size: int, next_timestamp: int) -> bool:
        """Copy where a buffer stands into the arrays.

        Args:
            slot: whose.
            size: octets of the last packet.
            next_timestamp: where that ends.

        Returns:
            Whether `fits` may be asked for the next packet, which begins there.
        """
        buffer = self.buffer(slot)
        play, end, run_end, offset, takes_next, measured = buffer.standing()
        self._play[slot] = self._began[slot] = play
        self._end[slot] = self._since[slot] = end
        self._run_end[slot] = _NOWHERE if run_end is None else (_NO_HOLE if run_end == end else run_end)
        self._size[slot] = size
        self._law[slot] = LAW_INDEX[buffer.law]
        self._points.take_on(slot, measured)
        self._known[slot] = True
        return takes_next and (end + offset) % TIMESTAMP_MODULUS == next_timestamp

    def take_on_silence(self, slot: int) -> None:
        """Let a buffer that has just given the idle pattern go on with it, until a packet comes."""
        buffer = self.buffer(slot)
        if buffer.is_silent:
            standing = buffer.standing()
            self._play[slot] = standing.play
            self._law[slot] = LAW_INDEX[buffer.law]
            self._points.take_on(slot, standing.measured)
            self._known[slot] = self._is_silent[slot] = True

    def is_known(self, slot: int) -> bool:
        """Whether the arrays say where the slot stands."""
        return self._known[slot]

    def settle(self, slot: int) -> None:
        """Tell the object where its slot stands; from here on only the object knows."""
        if not self._known[slot]:
            return
        if self._is_silent[slot]:
            self.buffer(slot).was_silent(int(self._idle_blocks[slot]), int(self._play[slot]))
            self._forget(slot)
            return
        play, end, size = int(self._play[slot]), int(self._end[slot]), int(self._size[slot])
        measured, dropped = self._points.measured(slot), int(self._dropped[slot])
        self.buffer(slot).went_on(self._untold(slot), size, play, end, measured, dropped)
        self._forget(slot)

    def counts(self, slot: int) -> JitterCounts:
        """What became of the stream, with what the object has not been told of."""
        counts = self.buffer(slot).counts
        packets, idle = counts.packets + self._untold(slot), counts.idle + int(self._idle_blocks[slot])
        discarded = counts.discarded_samples + int(self._dropped[slot])
        return attrs.evolve(counts, packets=packets, idle=idle, discarded_samples=discarded)

    @property
    def untold(self) -> JitterCounts:
        """What no object has been told of, of all slots."""
        packets = int(((self._end - self._since) // self._size).sum())
        idle, discarded = int(self._idle_blocks.sum()), int(self._dropped.sum())
        return JitterCounts(packets=packets, idle=idle, discarded_samples=discarded)

    def delay_ms(self, slot: int) -> float:
        """The delay that is wanted now."""
        if not self._known[slot]:
            return self.buffer(slot).delay_ms
        return int(self._points.point[slot] - self._points.least[slot]) * 1000 / SAMPLES_A_SECOND

    def _untold(self, slot: int) -> int:
        return int((self._end[slot] - self._since[slot]) // self._size[slot])

    def _forget(self, slot: int) -> None:
        self._known[slot] = self._is_silent[slot] = False
        self._idle_blocks[slot] = self._dropped[slot] = 0
        self._end[slot] = self._since[slot] = self._run_end[slot] = _NOWHERE

    def _grow(self) -> None:
        """Twice as many slots; the objects get the rings in their new place."""
        before = len(self.buffers)
        slots = max(2 * before, _FIRST_SLOTS)
        rings = np.zeros((slots, RING_SAMPLES), np.uint8)
        rings[:before] = self._rings
        self._rings = rings
        for slot, buffer in enumerate(self.buffers):
            if buffer is not None:
                buffer.ring = memoryview(rings[slot])
        self._windows = {}
        self._points.grow(slots)
        for name in (
            "_law",
            "_play",
            "_end",
            "_run_end",
            "_since",
            "_began",
            "_dropped",
            "_size",
            "_idle_blocks",
            "_is_silent",
        ):
            array = getattr(self, name)
            larger = np.zeros(slots, array.dtype)
            larger[:before] = array
            setattr(self, name, larger)
        self._end[before:] = self._since[before:] = self._run_end[before:] = _NOWHERE
        self._size[before:] = PACKET_SAMPLES
        self.buffers += [None] * (slots - before)
        self._known += [False] * (slots - before)
        self._free += range(slots - 2, max(before - 1, 0) - 1, -1)

    def _windows_of(self, octets: int) -> NDArray[np.void]:
        """All places of all rings: `void[places]`, each of so many octets that follow each other."""
        if octets not in self._windows:
            flat = self._rings.reshape(-1)
            every = np.lib.stride_tricks.sliding_window_view(flat, octets, writeable=True)
            self._windows[octets] = every.view(octets_of(octets))[:, 0]
        return self._windows[octets]

    # --- packets ------------------------------------------------------------------------------------------------

    def fits(self, slots: Rows, arrival_s: float) -> Some:
        """Whether the next packet of each slot would just be put at the end of what is there: `bool[n]`.

        Args:
            slots: `int64[n]`.
            arrival_s: of all of them.
        """
        end = self._end[slots]
        later = int(arrival_s * SAMPLES_A_SECOND) - end - self._points.least[slots]
        held = end - self._play[slots]
        fits: Some = later > _TOO_EARLY
        fits &= later < self._hopeless
        fits &= held >= _NOTHING
        fits &= held <= _MOST_HELD
        return fits

    def push(self, slots: Rows, size: int, payloads: NDArray[np.void], arrival_s: float) -> None:
        """Put the next packet of each slot into its place.

        Args:
            slots: `int64[n]`, each once, of packets that fit.
            size: octets of each packet, at most `LONGEST_SAMPLES`.
            payloads: `void[n]`, each of `size` octets.
            arrival_s: of all of them.
        """
        end = self._end[slots]
        self._points.measure(slots, int(arrival_s * SAMPLES_A_SECOND) - end)
        at = end & _IN_RING
        straight = at <= RING_SAMPLES - size
        places = slots * _RING + at
        if np.count_nonzero(straight) == len(slots):
            self._windows_of(size)[places] = payloads
        else:
            self._windows_of(size)[places[straight]] = payloads[straight]
            for each in np.flatnonzero(~straight).tolist():
                ring, first = self._rings[slots[each]], RING_SAMPLES - int(at[each])
                octets = np.frombuffer(payloads[each].tobytes(), np.uint8)
                ring[-first:], ring[: size - first] = octets[:first], octets[first:]
        self._end[slots] = end + size

    # --- blocks -------------------------------------------------------------------------------------------------

    def pull(self, slots: Rows, now_s: float, octets: Octets, verdicts: Octets) -> Rows:
        """Take the next block of each slot where it is there, is longer than it should be, or where all is silent.

        Args:
            slots: `int64[n]`, each once.
            now_s: when.
            octets: `uint8[n, 160]`, where they go.
            verdicts: `uint8[n]`, all PLAYED before.

        Returns:
            The places in `slots` of those that their objects must be asked for.
        """
        play = self._play[slots]
        early = self._points.point[slots] + play - int(now_s * SAMPLES_A_SECOND)
        there = np.minimum(self._run_end[slots], self._end[slots]) - play
        given: Some = there >= _SIZE
        at = play & _IN_RING
        straight = at <= _LAST_STRAIGHT
        places = slots * _RING + at
        blocks = octets.view(octets_of(PACKET_SAMPLES))[:, 0]
        if np.count_nonzero(straight) == len(slots):
            blocks[:] = self._windows_of(PACKET_SAMPLES)[places]
        else:
            blocks[straight] = self._windows_of(PACKET_SAMPLES)[places[straight]]
            for each in np.flatnonzero(~straight).tolist():
                ring, first = self._rings[slots[each]], RING_SAMPLES - int(at[each])
                octets[each, :first], octets[each, first:] = ring[-first:], ring[: PACKET_SAMPLES - first]
        off = (early > _EARLY) | (early < _OVERDUE)
        if np.count_nonzero(off):
            off &= given
            those = np.flatnonzero(off)
            stay, shorten = self._off_point(slots[those], early[those], there[those], octets[those])
            given[those] = stay | shorten
            if np.count_nonzero(shorten):
                shorter = those[shorten]
                dropped = np.minimum(-early[shorter], PACKET_SAMPLES)
                self._shorten(slots[shorter], at[shorter], dropped, octets, shorter)
                play[shorter] += dropped
        silent = self._is_silent[slots]
        if np.count_nonzero(silent):
            self._fall_silent(slots[silent], early[silent])
            octets[silent] = _IDLE[self._law[slots[silent]], np.newaxis]
            verdicts[silent] = Verdict.IDLE
            self._play[slots[given]] = play[given] + _SIZE
            return np.flatnonzero(~(given | silent))
        if np.count_nonzero(given) == len(slots):
            self._play[slots] = play + _SIZE
            return np.zeros(0, np.int64)
        self._play[slots[given]] = play[given] + PACKET_SAMPLES
        return np.flatnonzero(~given)

    def _fall_silent(self, slots: Rows, early: Rows) -> None:
        """Another block of nothing: what is played next becomes what is wanted next."""
        self._play[slots] += _SIZE - early
        self._idle_blocks[slots] += 1

    def _off_point(self, slots: Rows, early: Rows, there: Rows, octets: Octets) -> tuple[Some, Some]:
        """What is done with blocks that are there, but off the wanted point.

        Returns:
            Which are given as they are, because nothing could be done unheard; and which are given with the next ones,
            two blocks in the time of one.
        """
        laws, at = self._law[slots], self._play[slots] & _IN_RING
        quiet: Some = np.all(_QUIET[laws[:, np.newaxis], octets[:, _GLANCES]], axis=1)
        if np.count_nonzero(quiet):
            perhaps = np.flatnonzero(quiet)
            quiet[perhaps] = _QUIET[laws[perhaps][:, np.newaxis], octets[perhaps]].all(axis=1)
        dropped = np.minimum(-early, PACKET_SAMPLES)
        held_too_little = (early < 0) & (there < PACKET_SAMPLES + dropped)
        stay: Some = (early >= -SPLICED_SAMPLES) & (~quiet | held_too_little)
        shorten: Some = (early < 0) & ~stay & ~held_too_little & (early >= -SKIPPED_SAMPLES)
        shorten &= (at >= _BEFORE_SAMPLES) & (at + dropped <= RING_SAMPLES - PACKET_SAMPLES)
        shorten &= self._play[slots] - self._began[slots] >= _BEFORE_SAMPLES
        return stay, shorten

    def _shorten(self, slots: Rows, at: Rows, dropped: Rows, octets: Octets, places: Rows) -> None:
        """Let blocks begin as they are and end as what comes so much later; the ring has then what was played.

        Args:
            slots: `int64[k]`, each once.
            at: where in their rings the blocks begin.
            dropped: samples that are left out, at most a block.
            octets: `uint8[n, 160]`, the blocks of more slots.
            places: `int64[k]`, which of those these are.
        """
        begin = slots * _RING + at
        blocks, before = self._windows_of(PACKET_SAMPLES), self._windows_of(_BEFORE_SAMPLES)
        other = blocks[begin + dropped].view(np.uint8).reshape(-1, PACKET_SAMPLES)
        laws = self._law[slots]
        for index, law in enumerate(LAWS):
            these = laws == index
            if np.count_nonzero(these):
                octets[places[these]] = spliced(octets[places[these]], other[these], law)
        before[begin + dropped - _BEFORE_SAMPLES] = before[begin - _BEFORE_SAMPLES]
        blocks[begin + dropped] = octets[places].view(octets_of(PACKET_SAMPLES))[:, 0]
        self._dropped[slots] += dropped
