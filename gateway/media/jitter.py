"""The adaptive jitter buffer: packets in as they come, 160 octets out every 20 ms.

A packet's place is its timestamp; when its place is played is decided by how late packets are (`playout`).

The buffer follows the wanted point where nobody hears it: in pauses at once, in quiet passages by repeating or leaving
out a few milliseconds of silence, under sound only when there is nothing left to play, or far too much of it. Drift of
clocks is followed by the same rule.

    what stands at the place to be played       what is given                                   verdict
    all of it                                   itself                                          PLAYED
    part, next to a pause                       itself, and comfort noise or the idle pattern   PLAYED
    part or none, for less than 60 ms           the last pitch period again, fading             CONCEALED
    none: for longer, or the sender pauses      comfort noise, or the idle pattern              IDLE
"""

from __future__ import annotations

import itertools
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.media.assembly import SAMPLES_A_SECOND
from gateway.media.comfort_noise import ComfortNoise, NoiseSource
from gateway.media.concealment import FADED_SAMPLES, HISTORY_SAMPLES, Concealment
from gateway.media.jitter_counts import JitterCounts as JitterCounts
from gateway.media.jitter_counts import Verdict as Verdict
from gateway.media.playout import JitterSettings as JitterSettings
from gateway.media.playout import Measured, PlayoutPoint
from gateway.media.rtp import PACKET_SAMPLES, TIMESTAMP_MODULUS
from tones.g711 import Law, decode, encode, idle_octet

LONGEST_PACKET_SAMPLES: Final = 1600
RING_SAMPLES: Final = 16384
"""What a buffer holds at most, in timestamps: 2 s."""
JUMP_SAMPLES: Final = SAMPLES_A_SECOND
"""A packet that is a second too early is no early packet: the clock is another."""

DEFAULT_SETTINGS: Final = JitterSettings()
_HALF: Final = TIMESTAMP_MODULUS // 2
HOPELESS_SAMPLES: Final = 800
"""A packet that is so much later than the longest delay is no late packet."""
_AGREEING: Final = 3
_AGREE_SAMPLES: Final = 1600
EARLY_SAMPLES: Final = 8
OVERDUE_SAMPLES: Final = 80
"""Earlier or later than wanted by more than that: nearer to the wanted point, where nobody hears it."""
SPLICED_SAMPLES: Final = 640
"""Later by more than that: nearer to it at once, heard or not."""
SKIPPED_SAMPLES: Final = 1600
"""Later by more than that: at the wanted point at once."""
_ALL: Final = b"\1" * PACKET_SAMPLES
_NONE: Final = bytes(PACKET_SAMPLES)
_QUIET_AMPLITUDE: Final = 260
"""About -39 dBm0: what is below may be made longer or shorter unheard."""
IS_QUIET: Final = {law: np.abs(decode(bytes(range(256)), law).astype(np.int64)) < _QUIET_AMPLITUDE for law in Law}
"""For each law `bool[256]`: which octets are quiet."""
_QUIET_OCTETS: Final = {law: bytes(np.flatnonzero(quiet).tolist()) for law, quiet in IS_QUIET.items()}
_FALLING: Final = np.linspace(1.0, 0.0, PACKET_SAMPLES)


def spliced(one: bytes | NDArray[np.uint8], other: bytes | NDArray[np.uint8], law: Law) -> NDArray[np.uint8]:
    """What begins as one block of 160 octets and ends as the other: `uint8[..., 160]`."""
    mixed = decode(one, law) * _FALLING + decode(other, law) * (1 - _FALLING)
    return encode(np.rint(mixed).astype(np.int16), law)


class Standing(NamedTuple):
    """Where a buffer stands.

    Args:
        play: the place that is played next.
        end: where the newest packet ends.
        run_end: all from `play` to here is there, and would be given as it is; None: it would not.
        offset: timestamp less place.
        takes_next: whether a packet that begins at `end` would just be put there.
        measured: what the playout point goes by.
    """

    play: int
    end: int
    run_end: int | None
    offset: int
    takes_next: bool
    measured: Measured


class JitterBuffer:
    """One stream in one law.

    Args:
        law: of all octets, in and out.
        settings: how it adapts.
        ring: `RING_SAMPLES` octets to hold the stream's in; None: its own.

    Attributes:
        counts: what became of the stream.
        ring: where the octets are: place `p` at `p % RING_SAMPLES`.
    """

    __slots__ = (
        "_concealment",
        "_end",
        "_gap",
        "_hopeless",
        "_idle",
        "_noise",
        "_odd",
        "_odd_transit",
        "_play",
        "_playout",
        "_position",
        "_present",
        "_quiet_from",
        "_quiet_until",
        "_running",
        "_timestamp",
        "_unsettled",
        "counts",
        "law",
        "ring",
        "settings",
    )

    def __init__(self, law: Law, settings: JitterSettings = DEFAULT_SETTINGS, ring: memoryview | None = None) -> None:
        self.law = law
        self.settings = settings
        self._hopeless = settings.maximum_ms * SAMPLES_A_SECOND // 1000 + HOPELESS_SAMPLES
        self._playout = PlayoutPoint(settings)
        self._idle = bytes([idle_octet(law)]) * PACKET_SAMPLES
        self.ring = memoryview(bytearray(RING_SAMPLES)) if ring is None else ring
        self._present = bytearray(RING_SAMPLES)
        self._concealment = Concealment(law)
        self._noise = NoiseSource(law)
        self.counts = JitterCounts()
        self.restart()

    def restart(self) -> None:
        """Another source: what is held is forgotten, the next packet begins anew. The counts go on."""
        self._running = False
        self._timestamp = self._position = 0
        self._play = self._end = 0
        self._odd = 0
        self._odd_transit = 0
        self._quiet_from: int | None = None
        self._quiet_until: int | None = None
        self._gap = FADED_SAMPLES
        self._unsettled = 0
        self._present[:] = bytes(RING_SAMPLES)
        self._noise.change(None)
        self._playout.forget()

    @property
    def delay_ms(self) -> float:
        """The delay that is wanted now: of the fastest packet, from its arrival to its sound."""
        return self._playout.delay * 1000 / SAMPLES_A_SECOND if self._running else 0.0

    @property
    def held_ms(self) -> float:
        """From the place that is played next to the end of the newest packet."""
        return max(self._end - self._play, 0) * 1000 / SAMPLES_A_SECOND if self._running else 0.0

    def push(self, timestamp: int, octets: bytes, arrival_s: float, marker: bool = False) -> bool:
        """An audio packet came. Returns whether some of it is still to be played.

        Args:
            timestamp: of the packet, 32 bits.
            octets: its G.711 octets.
            arrival_s: when, on the clock that `pull` is given.
            marker: whether it begins a talk spurt (RFC 3551 §4.1): a jump of the clock is then believed at once.
        """
        counts = self.counts
        counts.packets += 1
        size = len(octets)
        if not 0 < size <= LONGEST_PACKET_SAMPLES:
            counts.refused += 1
            return False
        position = self._position + (timestamp - self._timestamp + _HALF) % TIMESTAMP_MODULUS - _HALF
        arrival = int(arrival_s * SAMPLES_A_SECOND)
        transit = arrival - position
        if not self._running:
            self._start(timestamp, arrival)
            position = self._position
        elif not -JUMP_SAMPLES < transit - self._playout.least < self._hopeless:
            if not self._jumps(transit, marker):
                counts.refused += 1
                return False
            self._start(timestamp, arrival)
            position = self._position
        else:
            self._odd = 0
            self._timestamp, self._position = timestamp, position
            self._playout.measure(transit)
        ahead = position - self._play
        if ahead < 0:
            if ahead + size <= 0:
                counts.late += 1
                counts.late_samples += size
                return False
            counts.late_samples -= ahead
            octets, size, position = octets[-ahead:], size + ahead, self._play
        elif ahead + size > RING_SAMPLES:
            self._skip_to(position + size - RING_SAMPLES // 2)
        return self._place(position, octets, size)

    def pause(self, timestamp: int, arrival_s: float, noise: ComfortNoise | None = None) -> None:
        """From this timestamp on the sender says nothing on purpose: comfort noise (RFC 3389), or a telephone event.

        Args:
            timestamp: of that packet.
            arrival_s: when it came.
            noise: how silence sounds; None: the idle pattern.
        """
        position = self._position + (timestamp - self._timestamp + _HALF) % TIMESTAMP_MODULUS - _HALF
        transit = int(arrival_s * SAMPLES_A_SECOND) - position
        if self._running and not -JUMP_SAMPLES < transit - self._playout.least < self._hopeless:
            return
        self._noise.change(noise)
        self._quiet_from = position
        self._quiet_until = None

    def pull(self, now_s: float) -> tuple[bytes, Verdict]:
        """The next 160 octets, and what they are made of; to be asked for every 20 ms, in time or a little late."""
        if not self._running:
            self.counts.idle += 1
            if self._quiet_from is None:
                return self._idle, Verdict.IDLE
            return self._noise.block(PACKET_SAMPLES), Verdict.IDLE
        play = self._play
        early = play - int(now_s * SAMPLES_A_SECOND) + self._playout.point
        if early < -SKIPPED_SAMPLES:
            self._skip_to(play - early)
            play, early = self._play, 0
        at = play % RING_SAMPLES
        end = at + PACKET_SAMPLES
        if end > RING_SAMPLES:
            present, octets = self._read_wrapped(at)
        else:
            present, octets = self._present[at:end], bytes(self.ring[at:end])
        if present != _ALL:
            return self._incomplete(play, present, octets, early)
        if early > EARLY_SAMPLES or early < -OVERDUE_SAMPLES:
            played = self._adjusted(play, octets, early)
        else:
            played = octets
            self._clear(play, PACKET_SAMPLES)
            self._play = play + PACKET_SAMPLES
        if self._gap:
            self._gap_is_over()
        return self._concealment.heard(played), Verdict.PLAYED

    # --- many at once -------------------------------------------------------------------------------------------

    def standing(self) -> Standing:
        """Where it stands, for whoever takes it on from here (`went_on`)."""
        play, end = self._play, self._end
        until = self._quiet_until
        takes_next = self._running and (self._quiet_from is None or (until is not None and until <= end))
        run_end = None
        if self._running and not self._gap and not self._concealment.gap_samples and end > play:
            run_end = self._run_end(play)
        offset = (self._timestamp - self._position) % TIMESTAMP_MODULUS
        return Standing(play, end, run_end, offset, takes_next, self._playout.measured)

    def went_on(self, packets: int, size: int, play: int, end: int, measured: Measured, discarded: int = 0) -> None:
        """Packets came, each `size` octets from where the one before had ended, and blocks were given.

        Args:
            packets: how many; their octets are in the ring already.
            size: of each.
            play, end, measured: as in `Standing`, now; what was played last stands in the ring before `play`.
            discarded: samples that were left out to come nearer to the wanted point.
        """
        first, before = self._end, self._play
        self.counts.discarded_samples += discarded
        if packets:
            self.counts.packets += packets
            self._odd = 0
            moved = end - size - self._position
            self._position, self._timestamp = end - size, (self._timestamp + moved) % TIMESTAMP_MODULUS
            self._playout.resume(measured)
            self._end = end
        played = play - before
        if played:
            self._play = play
            recent = min(played, HISTORY_SAMPLES)
            self._concealment.heard(self._read(play - recent, recent))
            if played < RING_SAMPLES:
                self._clear(before, played)
            else:
                self._present[:] = bytes(RING_SAMPLES)
        if packets and end > max(first, play):
            self._mark(max(first, play), end)

    @property
    def is_silent(self) -> bool:
        """After an idle block: whether there is nothing but the idle pattern until the next packet."""
        waits = self._quiet_until is not None or self._noise.noise is not None
        return self._running and self._end <= self._play and not waits

    def was_silent(self, blocks: int, play: int) -> None:
        """Blocks of the idle pattern were given, each from the wanted point; the place to be played next is this."""
        self.counts.idle += blocks
        self._play = play

    def _read(self, place: int, samples: int) -> bytes:
        at = place % RING_SAMPLES
        return bytes(self.ring[at : at + samples]) + bytes(self.ring[: max(at + samples - RING_SAMPLES, 0)])

    def _mark(self, first: int, end: int) -> None:
        """All from one place to another is there."""
        at, samples = first % RING_SAMPLES, end - first
        before_wrap = min(samples, RING_SAMPLES - at)
        self._present[at : at + before_wrap] = b"\1" * before_wrap
        self._present[: samples - before_wrap] = b"\1" * (samples - before_wrap)

    def _run_end(self, play: int) -> int:
        """The first place from here on that holds nothing."""
        at = play % RING_SAMPLES
        found = self._present.find(0, at)
        if found < 0:
            found = self._present.find(0, 0, at) + RING_SAMPLES
        return play + max(found - at, 0)

    # --- where packets belong -----------------------------------------------------------------------------------

    def _start(self, timestamp: int, arrival: int) -> None:
        """The first packet of a clock: its place is put ahead of all that was there before."""
        if self._running:
            self.counts.resyncs += 1
            self._skip_to(self._end)
        self._timestamp, self._position = timestamp, max(self._end, self._play)
        self._running = True
        self._quiet_from = self._quiet_until = None
        self._odd = 0
        self._playout.forget()
        self._playout.measure(arrival - self._position)
        self._play = self._position - self._playout.delay
        self._end = self._position

    def _jumps(self, transit: int, marker: bool) -> bool:
        """Whether a packet that is far off is to be believed: it begins a spurt, or it is the third to say the same."""
        agrees = self._odd > 0 and abs(transit - self._odd_transit) <= _AGREE_SAMPLES
        self._odd, self._odd_transit = (self._odd + 1 if agrees else 1), transit
        return marker or self._odd >= _AGREEING

    def _place(self, position: int, octets: bytes, size: int) -> bool:
        at = position % RING_SAMPLES
        end = at + size
        present = self._present
        if end > RING_SAMPLES:
            first = RING_SAMPLES - at
            later = self._place(position + first, octets[first:], size - first)
            return self._place(position, octets[:first], first) or later
        if present[at] and present[end - 1]:
            self.counts.duplicate += 1
            return False
        present[at:end] = _ALL if size == PACKET_SAMPLES else b"\1" * size
        self.ring[at:end] = octets
        if position + size > self._end:
            self._end = position + size
        if self._quiet_from is not None and position > self._quiet_from:
            until = self._quiet_until
            self._quiet_until = position if until is None else min(until, position)
        return True

    def _read_wrapped(self, at: int) -> tuple[bytearray, bytes]:
        end = at + PACKET_SAMPLES
        present = self._present[at:end] + self._present[: max(end - RING_SAMPLES, 0)]
        return present, self._read(at, PACKET_SAMPLES)

    def _clear(self, play: int, samples: int) -> None:
        at = play % RING_SAMPLES
        end = at + samples
        nothing = _NONE if samples == PACKET_SAMPLES else bytes(samples)
        if end > RING_SAMPLES:
            self._present[at:] = nothing[: RING_SAMPLES - at]
            self._present[: end - RING_SAMPLES] = nothing[RING_SAMPLES - at :]
        else:
            self._present[at:end] = nothing

    def _skip_to(self, position: int) -> None:
        """Leave out all that is held before a place."""
        held = self._present.count(1)
        if position - self._play >= RING_SAMPLES:
            self._present[:] = bytes(RING_SAMPLES)
        elif position > self._play:
            self._clear(self._play, position - self._play)
        self.counts.discarded_samples += held - self._present.count(1)
        self._play = max(position, self._play)

    # --- what to do about it ------------------------------------------------------------------------------------

    def _adjusted(self, play: int, octets: bytes, early: int) -> bytes:
        """Play a block that is there, and come nearer to the wanted point if that can be done unheard."""
        quiet = not octets.translate(None, _QUIET_OCTETS[self.law])
        if early > 0:
            held = min(early, PACKET_SAMPLES) if quiet else 0
            self._clear(play, PACKET_SAMPLES - held)
            self._play = play + PACKET_SAMPLES - held
            self.counts.inserted_samples += held
            return octets[:held] + octets[: PACKET_SAMPLES - held]
        dropped = min(-early, PACKET_SAMPLES)
        present, other = self._read_wrapped((play + dropped) % RING_SAMPLES)
        shorter = present == _ALL and (quiet or early < -SPLICED_SAMPLES)
        taken = PACKET_SAMPLES + dropped if shorter else PACKET_SAMPLES
        self._clear(play, taken)
        self._play = play + taken
        if not shorter:
            return octets
        self.counts.discarded_samples += dropped
        return spliced(octets, other, self.law).tobytes()

    def _incomplete(self, play: int, present: bytearray, octets: bytes, early: int) -> tuple[bytes, Verdict]:
        """Part of the block is not there, or nothing of it."""
        paused = self._pauses_at(play)
        if 1 not in present and (paused or self._gap >= FADED_SAMPLES):
            return self._silent(play, early), Verdict.IDLE
        pieces, place, concealed = [], 0, 0
        for there, run in itertools.groupby(present):
            samples = len(list(run))
            if there:
                if self._gap:
                    self._gap_is_over()
                pieces.append(self._concealment.heard(octets[place : place + samples]))
            elif paused or self._gap >= FADED_SAMPLES:
                pieces.append(self._noise.block(samples))
                self._concealment.quiet()
            else:
                pieces.append(self._concealment.missing(samples))
                self._gap += samples
                self._unsettled += samples
                concealed += samples
            place += samples
        held = 0
        if concealed and early > EARLY_SAMPLES:
            # The delay is shorter than wanted, so what is missing may be late and not lost: wait for it.
            held = min(early, PACKET_SAMPLES - 1 - present.rfind(1))
            self.counts.inserted_samples += held
            self._unsettled -= min(held, self._unsettled)
        self._clear(play, PACKET_SAMPLES - held)
        self._play = play + PACKET_SAMPLES - held
        self.counts.concealed += concealed > 0
        return b"".join(pieces), Verdict.CONCEALED if concealed else Verdict.PLAYED

    def _gap_is_over(self) -> None:
        """Audio follows, so what was missing before it was missed."""
        self.counts.missing_samples += self._unsettled
        self._gap = self._unsettled = 0

    def _pauses_at(self, play: int) -> bool:
        """Whether what is missing from here on is missing on purpose."""
        if self._quiet_from is None or play + PACKET_SAMPLES <= self._quiet_from:
            return False
        if self._quiet_until is not None and play >= self._quiet_until:
            self._quiet_from = self._quiet_until = None
            self._noise.change(None)
            return False
        return True

    def _silent(self, play: int, early: int) -> bytes:
        """Nothing is heard: the place to be played next becomes the wanted one, but no audio that waits is left out."""
        following = play + PACKET_SAMPLES - early
        if following > play + PACKET_SAMPLES:
            following = min(following, self._next_held(play + PACKET_SAMPLES))
        self._play = following
        self._unsettled = 0
        self._concealment.quiet()
        self.counts.idle += 1
        return self._noise.block(PACKET_SAMPLES)

    def _next_held(self, position: int) -> int:
        """The first place from here on that holds audio; where the newest packet ends, if there is none."""
        if self._end <= position:
            return position + RING_SAMPLES
        at = position % RING_SAMPLES
        found = self._present.find(1, at)
        if found < 0:
            found = self._present.find(1, 0, at) + RING_SAMPLES
        return position + max(found - at, 0)
