"""Cuts a recording into bursts: stretches of one steady tone, or of something else that is not silence.

A recording is first cut where sound begins and ends, then where its spectrum changes, so that tones which follow each
other without a pause come apart; then each piece is asked whether it is a sum of few sines.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from tones.detect.gaps import Sound, find_cuts
from tones.detect.spectrum import Lines, lines, middle
from tones.units import SAMPLE_RATE_HZ, amplitude, level_dbm0, level_of_power, samples

Samples = NDArray[np.float64]
Pcm = NDArray[np.int16]

ACTIVE_DBM0: Final = -46.0
"""Sound above this level is sound; the idle noise of either law is far below."""

_ABOVE_NOISE: Final = 10 ** (7 / 10)
_TONE_ABOVE_NOISE: Final = 10 ** (10 / 10)
_NOISE_BLOCKS: Final = 4
_DEAD: Final = 30.0**2
_FLAT: Final = 0.3
_SMOOTHED: Final = 16
_QUIETEST: Final = 24
_BLOCK: Final = samples(5)
_BRIDGED: Final = samples(10)
"""Pauses shorter than this are the zeros of a beat."""
_BRIDGED_IN_NOISE: Final = samples(20)
"""The same where noise hides what is around the zeros."""
LOST_PACKET: Final = (samples(15), samples(25))
"""A pause of this length in an otherwise steady tone is a lost packet."""
_MENDED: Final = samples(34)
"""So is one up to this length, if the line made both its ends."""
_LOST_PACKETS: Final = (LOST_PACKET, (samples(35), samples(45)))
_FRAGMENT: Final = samples(45)
_OF_THE_TONE: Final = 0.8
_SHORTEST: Final = samples(25)
_TONAL: Final = 0.04
_FRAME: Final = samples(20)
_SIDE: Final = 8
_CHANGE: Final = 0.35
_SEARCHED: Final = samples(30)
_WINDOW: Final = samples(8)
_CONTEXT: Final = samples(60)
_DOUBTFUL: Final = samples(250)
_LONG: Final = samples(350)


@frozen
class Burst:
    """A stretch of sound from sample `start` to sample `end` (not included); `lines` is None if it is no tone.

    `cut_on` and `cut_off` say that the line may have made its beginning or its end, by a lost packet most likely;
    `mended` that a pause in it was taken for a lost packet, but may have been its own.
    """

    start: int
    end: int
    lines: Lines | None
    level_dbm0: float
    cut_on: bool = False
    cut_off: bool = False
    mended: bool = False

    @property
    def is_doubtful(self) -> bool:
        """Whether its duration may not be the sound's own."""
        return self.cut_on or self.cut_off or self.mended

    @property
    def duration_ms(self) -> float:
        return (self.end - self.start) * 1000 / SAMPLE_RATE_HZ

    @property
    def frequencies_hz(self) -> tuple[float, ...]:
        return self.lines.frequencies_hz if self.lines is not None else ()


def _active_stretches(signal: Samples) -> tuple[list[tuple[int, int]], float]:
    """Where there is sound: (start, end) in samples, to about a millisecond; and the mean square of the noise."""
    blocks = signal.size // _BLOCK
    if blocks == 0:
        return [], 0.0
    power = np.square(signal[: blocks * _BLOCK]).reshape(blocks, _BLOCK).mean(axis=1)
    quiet, noise = amplitude(ACTIVE_DBM0) ** 2 / 2, _noise_power(signal, power)
    noisy = noise * _ABOVE_NOISE
    stretches = _runs(power > max(quiet, noisy))
    shortest_pause = _BRIDGED_IN_NOISE if noisy > quiet else _BRIDGED
    bridged: list[tuple[int, int]] = []
    for start, end in stretches:
        if bridged and (start - bridged[-1][1]) * _BLOCK < shortest_pause:
            bridged[-1] = bridged[-1][0], end
        else:
            bridged.append((start, end))
    exact = [_exact_ends(signal, start * _BLOCK, end * _BLOCK, noise) for start, end in bridged]
    return [(start, end) for start, end in exact if end - start >= samples(8)], noise


def _noise_power(signal: Samples, power: Samples) -> float:
    """The mean square of the noise in the pauses; 0 where they are silent, or where there are none.

    The quietest 20 ms are noise if there is much louder sound elsewhere and their spectrum is flat; they may be the
    trough of a beat, or a quieter tone. Lost packets, which are quieter than any noise, are passed over.
    """
    if power.size <= 2 * _NOISE_BLOCKS:
        return 0.0
    summed = np.cumsum(np.concatenate([[0.0], power]))
    averaged = (summed[_NOISE_BLOCKS:] - summed[:-_NOISE_BLOCKS]) / _NOISE_BLOCKS
    dead = np.cumsum(np.concatenate([[0], power < _DEAD]))
    alive = np.flatnonzero(dead[_NOISE_BLOCKS:] == dead[:-_NOISE_BLOCKS])
    if alive.size == 0:
        return 0.0
    order = alive[np.argsort(averaged[alive])]
    floor, top = float(averaged[order[0]]), float(averaged[order[-1]])
    if top < floor * _TONE_ABOVE_NOISE:
        return 0.0
    size = _NOISE_BLOCKS * _BLOCK
    places = order[averaged[order] < 2 * floor][:_QUIETEST]
    frames = signal[places[:, None] * _BLOCK + np.arange(size)]
    spectrum = np.square(np.abs(np.fft.rfft(frames * np.hanning(size), axis=1))).mean(axis=0)[4:72] + 1e-3
    flatness = float(np.exp(np.log(spectrum).mean()) / spectrum.mean())
    return float(averaged[places].mean()) if flatness > _FLAT else 0.0


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _exact_ends(signal: Samples, start: int, end: int, noise: float) -> tuple[int, int]:
    """Move both ends to where the sound passes a tenth of its peak nearby; in noise, to where its power does twice."""
    begin, stop = max(0, start - _BLOCK), min(signal.size, end + _BLOCK)
    head, tail = signal[begin : start + 4 * _BLOCK], signal[max(0, end - 4 * _BLOCK) : stop][::-1]
    first = begin + int(np.argmax(_passes(head, noise)))
    last = stop - int(np.argmax(_passes(tail, noise)))
    return first, max(last, first)


def _passes(stretch: Samples, noise: float) -> NDArray[np.bool_]:
    """Where sound is, not noise."""
    if noise == 0:
        level = np.abs(stretch)
        return np.asarray(level > 0.1 * level.max())
    power = np.convolve(np.square(stretch), np.full(_SMOOTHED, 1 / _SMOOTHED), mode="same")
    return np.asarray(power > min(max(0.01 * power.max(), _ABOVE_NOISE * noise), 0.5 * power.max()))


def _changes(stretch: Samples) -> list[int]:
    """Where the spectrum of a stretch changes, in samples from its start."""
    if stretch.size < 2 * _FRAME + 2 * _SIDE * _BLOCK:
        return []
    frames = np.lib.stride_tricks.sliding_window_view(stretch, _FRAME)[::_BLOCK]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_FRAME), 256, axis=1)))
    cumulative = np.concatenate([np.zeros((1, power.shape[1])), np.cumsum(power, axis=0)])
    # Frame k is centred on sample k * BLOCK + FRAME / 2. Leave out the frames that lie across the cut.
    across = _FRAME // _BLOCK // 2
    cuts = np.arange(_SIDE + across, len(frames) - _SIDE - across + 1)
    if cuts.size == 0:
        return []
    before = cumulative[cuts - across] - cumulative[cuts - across - _SIDE]
    after = cumulative[cuts + across + _SIDE - 1] - cumulative[cuts + across - 1]
    before /= before.sum(axis=1, keepdims=True) + 1e-9
    after /= after.sum(axis=1, keepdims=True) + 1e-9
    change = 1 - np.minimum(before, after).sum(axis=1)
    found: list[int] = []
    for first, last in _runs(change > _CHANGE):
        top = change[first:last]
        plateau = np.flatnonzero(top >= top.max() - 0.02)
        cut = cuts[first] + float(plateau.mean())
        found.append(int(cut * _BLOCK + _FRAME / 2 - _BLOCK / 2))
    return found


def tonal_lines(stretch: Samples, noise: float = 0.0) -> Lines | None:
    """The sines that a stretch is made of, or None if it is not a steady sum of few.

    Args:
        stretch: float samples.
        noise: the mean square of the noise that is known to be in it.
    """
    if stretch.size < _SHORTEST:
        return None
    # The ends may be ramps, or belong to what comes before or after.
    ends = samples(25) if stretch.size > samples(200) else samples(4) if stretch.size > samples(40) else 0
    trimmed = stretch[ends : stretch.size - ends]
    if not _worth_a_fit(trimmed):
        return None
    unexplained = _TONAL + noise / max(1.0, float(np.square(trimmed).mean()))
    whole = lines(trimmed)
    if _is_tone(whole, trimmed.size, unexplained):
        return whole
    if trimmed.size < samples(240):
        return None
    # A lost or repeated packet spoils the fit of the whole; then most of three parts must agree.
    parts = [lines(part) for part in np.array_split(middle(trimmed), 3)]
    good = [part for part in parts if _is_tone(part, trimmed.size // 3, unexplained)]
    if len(good) >= 2 and _same(good[0], good[1]):
        return good[0]
    return None


def _worth_a_fit(stretch: Samples) -> bool:
    """Whether a few peaks of the spectrum hold nearly all of its power: a cheap look before the fit."""
    part = middle(stretch, 2048)
    power = np.square(np.abs(np.fft.rfft(part * np.hanning(part.size), 4096)))
    total = power.sum()
    width = max(4, 2 * 4096 // part.size + 2)
    left = power.copy()
    taken = 0.0
    for _ in range(4):
        peak = int(np.argmax(left))
        low, high = max(0, peak - width), peak + width + 1
        taken += float(left[low:high].sum())
        left[low:high] = 0
    return taken > 0.8 * float(total)


def _is_tone(found: Lines, count: int, most_unexplained: float) -> bool:
    components = len(found.components)
    if found.unexplained > most_unexplained or components == 0:
        return False
    # Few cycles of many sines fit anything.
    if components * samples(20) > count:
        return False
    return count > _LONG or not _voiced(found)


def _voiced(found: Lines) -> bool:
    """Whether three or more sines are the equally spaced harmonics of a voice."""
    frequencies = found.frequencies_hz
    if len(frequencies) < 3:
        return False
    steps = np.diff(frequencies)
    step = float(np.median(steps))
    return 60 < step < 350 and bool(np.all(np.abs(steps / step - np.rint(steps / step)) < 0.06))


def _same(one: Lines, other: Lines) -> bool:
    return len(one.components) == len(other.components) and all(
        abs(a - b) < 0.01 * a + 2 for a, b in zip(one.frequencies_hz, other.frequencies_hz, strict=True)
    )


def find_bursts(pcm: Pcm) -> list[Burst]:
    """Cut a recording into bursts, in order."""
    signal = pcm.astype(np.float64)
    pieces: list[Burst] = []
    stretches, noise = _active_stretches(signal)
    for start, end in stretches:
        places = [start, *(start + change for change in _changes(signal[start:end])), end]
        for first, last in pairwise(places):
            stretch = signal[first:last]
            pieces.append(Burst(first, last, tonal_lines(stretch, noise), level_dbm0(stretch)))
    sharp = _sharpened(pieces, signal)
    cuts = find_cuts(signal, _sounds(sharp), noise)
    marked = [evolve(each, cut_on=on, cut_off=off) for each, (on, off) in zip(sharp, cuts, strict=True)]
    return _doubts(_joined(marked, signal))


def _sounds(pieces: list[Burst]) -> list[Sound]:
    """For `find_cuts`; what is too short to say what it is may be a part of its neighbour."""
    sounds: list[Sound] = []
    for number, each in enumerate(pieces):
        frequencies_hz = each.frequencies_hz
        if not frequencies_hz and each.end - each.start < _CONTEXT:
            beside = (*pieces[max(0, number - 1) : number], *pieces[number + 1 : number + 2])
            frequencies_hz = next((other.frequencies_hz for other in beside if other.frequencies_hz), ())
        sounds.append(Sound(each.start, each.end, frequencies_hz))
    return sounds


def _sharpened(pieces: list[Burst], signal: Samples) -> list[Burst]:
    """Where one sound follows another with no pause, move the cut to where the one gives way to the other."""
    sharp = list(pieces)
    for number in range(1, len(sharp)):
        left, right = sharp[number - 1], sharp[number]
        if left.end != right.start:
            continue
        begin, end = max(left.start, left.end - _SEARCHED), min(right.end, left.end + _SEARCHED)
        stretch = signal[begin:end]
        if stretch.size < 2 * _WINDOW:
            continue
        leaving = _telling(left.lines, right.lines)
        coming = _telling(right.lines, left.lines)
        if leaving is not None and coming is not None:
            passed = _envelope(stretch, coming) > _envelope(stretch, leaving)
        elif leaving is not None and right.lines is None:
            passed = _envelope(stretch, leaving) < _half_level(signal, left, leaving)
        elif coming is not None and left.lines is None:
            passed = _envelope(stretch, coming) > _half_level(signal, right, coming)
        else:
            continue
        if passed.any():
            cut = begin + _WINDOW // 2 + int(np.argmax(passed))
            sharp[number - 1], sharp[number] = evolve(left, end=cut), evolve(right, start=cut)
    return sharp


def _half_level(signal: Samples, burst: Burst, hz: float) -> float:
    """Half of what a frequency's envelope usually is in a burst."""
    return 0.5 * float(np.median(_envelope(middle(signal[burst.start : burst.end]), hz)))


def _telling(here: Lines | None, there: Lines | None) -> float | None:
    """The strongest sine of one tone that the other has not, in Hz."""
    if here is None:
        return None
    others = there.frequencies_hz if there is not None else ()
    strongest = sorted(here.components, key=lambda component: -component.level_dbm0)
    own = (
        component.frequency_hz for component in strongest if all(abs(component.frequency_hz - hz) > 60 for hz in others)
    )
    return next(own, None)


def _envelope(stretch: Samples, hz: float) -> Samples:
    """How strong a frequency is in each window of a stretch."""
    turning = stretch * np.exp(-2j * np.pi * hz / SAMPLE_RATE_HZ * np.arange(stretch.size))
    summed = np.concatenate([[0], np.cumsum(turning)])
    envelope: Samples = np.abs(summed[_WINDOW:] - summed[:-_WINDOW])
    return envelope


def _joined(pieces: list[Burst], signal: Samples) -> list[Burst]:
    """Put together what a lost packet, or a change that was none, has cut."""
    joined: list[Burst] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is None:
            joined.append(piece)
            continue
        pause = piece.start - last.end
        lost = (last.cut_off or piece.cut_on) and any(low <= pause <= high for low, high in _LOST_PACKETS)
        if last.lines is not None and piece.lines is not None:
            same = _same(last.lines, piece.lines)
            mended = last.cut_off and piece.cut_on and pause <= _MENDED
            if same and (pause == 0 or LOST_PACKET[0] <= pause <= LOST_PACKET[1] or mended):
                longer = max(last, piece, key=lambda burst: burst.end - burst.start)
                joined[-1] = _over(longer, last, piece)
                continue
            if lost and not same:
                # Lost where one sound gives way to the next; nobody knows where it did.
                middle_of_it = last.end + pause // 2
                joined[-1] = evolve(last, end=middle_of_it, cut_off=True)
                piece = evolve(piece, start=middle_of_it, cut_on=True)
        elif last.lines is not None:
            rest = pause == 0 and piece.end - piece.start < _SHORTEST
            if rest or (lost and _is_fragment(piece, last.lines, signal)):
                joined[-1] = _over(last, last, piece)
                continue
        elif piece.lines is not None and lost and _is_fragment(last, piece.lines, signal):
            joined[-1] = _over(piece, last, piece)
            continue
        joined.append(piece)
    return joined


def _over(kept: Burst, one: Burst, other: Burst) -> Burst:
    """Both as one, with the sound of `kept`."""
    mended = one.mended or other.mended or (other.start > one.end and not (one.cut_off and other.cut_on))
    return evolve(kept, start=one.start, end=other.end, cut_on=one.cut_on, cut_off=other.cut_off, mended=mended)


def _is_fragment(piece: Burst, tone: Lines, signal: Samples) -> bool:
    """Whether a piece too short to be a tone is what a lost packet has left over of one."""
    stretch = signal[piece.start : piece.end]
    if stretch.size > _FRAGMENT or stretch.size < 2 * len(tone.components):
        return False
    radians = 2 * np.pi * np.outer(np.arange(stretch.size), tone.frequencies_hz) / SAMPLE_RATE_HZ
    basis = np.concatenate([np.cos(radians), np.sin(radians)], axis=1)
    weights, *_ = np.linalg.lstsq(basis, stretch)
    return float(np.square(basis @ weights).sum()) > _OF_THE_TONE * float(np.square(stretch).sum())


def _doubts(pieces: list[Burst]) -> list[Burst]:
    """A short tonal piece amid speech is speech."""
    checked = list(pieces)
    for number, piece in enumerate(pieces):
        if piece.lines is None or piece.end - piece.start >= _DOUBTFUL:
            continue
        before = pieces[number - 1] if number else None
        after = pieces[number + 1] if number + 1 < len(pieces) else None
        amid = (before is not None and before.lines is None and piece.start - before.end < _CONTEXT) or (
            after is not None and after.lines is None and after.start - piece.end < _CONTEXT
        )
        if amid:
            checked[number] = evolve(piece, lines=None)
    return checked


def power_level(bursts: list[Burst]) -> float:
    """The level of several bursts by their mean power, in dBm0."""
    length = sum(burst.end - burst.start for burst in bursts)
    if length == 0:
        return level_of_power(0)
    mean = sum(10 ** (burst.level_dbm0 / 10) * (burst.end - burst.start) for burst in bursts) / length
    return float(10 * np.log10(mean))
