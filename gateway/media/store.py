"""The sound store: every deterministic sound, rendered once per law into one array of G.711 octets.

A clip is kept so that `MAXIMUM_PACKET_SAMPLES` octets may be read from any position without thought of its end: after a
repeating clip stands its own beginning, after a one-shot clip the idle pattern. Reading a packet is then one gather.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from tones.g711 import Law, idle_octet

MAXIMUM_PACKET_SAMPLES: Final = 480
"""The longest packet that may be cut out of a clip: 60 ms."""
LAWS: Final = (Law.ALAW, Law.MULAW)
LAW_INDEX: Final = {law: index for index, law in enumerate(LAWS)}

Octets = NDArray[np.uint8]


@frozen
class Clip:
    """A sound in the store.

    Args:
        index: its place in the store's tables.
        length: samples of one period (repeating) or of the whole (one-shot).
        repeat: whether it starts over at its end.
        name: what it was added as.
        introduction: samples at its beginning that a repetition leaves out.
    """

    index: int
    length: int
    repeat: bool
    name: str = ""
    introduction: int = 0


class SoundStore:
    """All sounds, for all senders of the process.

    Attributes:
        octets: `uint8[...]`, the whole store; replaced by a larger copy when it grows, so do not keep it.
        starts: for each law (`LAW_INDEX`) and clip, where the clip begins.
        spans: for each clip, what to go back by at its end: a multiple of its period, at least the longest packet; 0
            for one-shot.
    """

    def __init__(self, capacity_octets: int = 1 << 16) -> None:
        self.octets: Octets = np.zeros(max(capacity_octets, 4 * MAXIMUM_PACKET_SAMPLES), np.uint8)
        self._used = 0
        self._holes: list[tuple[int, int]] = []
        self._free_indexes: list[int] = []
        self._clips: dict[str, Clip] = {}
        self.starts: tuple[list[int], list[int]] = ([], [])
        self.spans: list[int] = []
        self._windows: dict[int, NDArray[np.void]] = {}
        self.idle = self.add("idle", {law: idle_pattern(law, 1) for law in LAWS}, repeat=True)

    def add(self, name: str, pcm_by_law: Mapping[Law, Octets], repeat: bool, introduction: int = 0) -> Clip:
        """Put a sound into the store.

        Args:
            name: unique; sounds are found again by it.
            pcm_by_law: for both laws its G.711 octets, of the same length, at least one.
            repeat: whether the sound is a period to be repeated without a seam.
            introduction: how many samples go before that period, once.

        Raises:
            ValueError: the name is taken, or the octets do not fit each other.
        """
        if name in self._clips:
            raise ValueError(f"there is a sound named {name!r} already")
        missing = [law.name for law in LAWS if law not in pcm_by_law]
        if missing:
            raise ValueError(f"sound {name!r} lacks {' and '.join(missing)}")
        lengths = {law: len(pcm_by_law[law]) for law in LAWS}
        length = lengths[Law.ALAW]
        if length == 0 or lengths[Law.MULAW] != length:
            raise ValueError(f"sound {name!r}: {length} octets of A-law, {lengths[Law.MULAW]} of mu-law")
        if not 0 <= introduction < length:
            raise ValueError(f"sound {name!r}: an introduction of {introduction} samples in {length}")
        period = length - introduction
        span = period * -(-MAXIMUM_PACKET_SAMPLES // period) if repeat else 0
        if not self._free_indexes:
            self._free_indexes.append(len(self.spans))
            self.spans.append(0)
            for starts in self.starts:
                starts.append(0)
        index = self._free_indexes.pop()
        for law in LAWS:
            octets = np.asarray(pcm_by_law[law], np.uint8)
            if repeat:
                repeated = np.resize(octets[introduction:], span + MAXIMUM_PACKET_SAMPLES)
                kept = np.concatenate([octets[:introduction], repeated])
            else:
                kept = np.concatenate([octets, idle_pattern(law, MAXIMUM_PACKET_SAMPLES)])
            self.starts[LAW_INDEX[law]][index] = self._place(kept)
        self.spans[index] = span
        clip = Clip(index, length, repeat, name, introduction)
        self._clips[name] = clip
        return clip

    def remove(self, name: str) -> None:
        """Forget a sound and use its room again. No row may be carrying it, and its `Clip` is void.

        Raises:
            KeyError: there is no such sound.
        """
        clip = self._clips.pop(name)
        kept = clip.introduction + (self.spans[clip.index] or clip.length) + MAXIMUM_PACKET_SAMPLES
        for starts in self.starts:
            self._holes.append((starts[clip.index], kept))
        self._free_indexes.append(clip.index)
        self._join_holes()

    def get(self, name: str) -> Clip | None:
        """The clip of that name, or None."""
        return self._clips.get(name)

    def read(self, clip: Clip, law: Law) -> Octets:
        """The clip's own octets: one period, or the whole."""
        start = self.starts[LAW_INDEX[law]][clip.index]
        return self.octets[start : start + clip.length].copy()

    def windows(self, samples: int) -> NDArray[np.void]:
        """The store as overlapping items of `samples` octets: `windows(160)[starts]` gathers a packet a start."""
        windows = self._windows.get(samples)
        if windows is None:
            count = len(self.octets) - samples + 1
            windows = np.ndarray((count,), np.dtype(("V", samples)), self.octets.data, strides=(1,))
            self._windows[samples] = windows
        return windows

    def _place(self, octets: Octets) -> int:
        """Put octets into the first hole that is large enough, else at the end; where they begin."""
        for place, (start, room) in enumerate(self._holes):
            if room >= len(octets):
                self._holes[place] = (start + len(octets), room - len(octets))
                self.octets[start : start + len(octets)] = octets
                return start
        return self._append(octets)

    def _join_holes(self) -> None:
        joined: list[tuple[int, int]] = []
        for start, room in sorted(hole for hole in self._holes if hole[1]):
            if joined and sum(joined[-1]) == start:
                joined[-1] = (joined[-1][0], joined[-1][1] + room)
            else:
                joined.append((start, room))
        self._holes = joined

    def _append(self, octets: Octets) -> int:
        start, self._used = self._used, self._used + len(octets)
        if self._used > len(self.octets):
            larger = np.zeros(max(self._used, 2 * len(self.octets)), np.uint8)
            larger[:start] = self.octets[:start]
            self.octets = larger
            self._windows.clear()
        self.octets[start : self._used] = octets
        return start


def idle_pattern(law: Law, samples: int) -> Octets:
    """What a quiet channel carries."""
    return np.full(samples, idle_octet(law), np.uint8)
