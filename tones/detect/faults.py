"""What a network should not do to sound: clicks and dropouts.

A dropout is silence that begins and ends at once, amid full sound: a lost packet. A click is a spike of high
frequencies far above what is around it: a seam in a tone, a packet out of its place. Speech is full of such spikes, so
clicks count as faults in tones only. Digits sent with hard edges look like dropouts.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy import ndimage
from scipy import signal as filters

from tones.detect.bursts import find_bursts
from tones.detect.gaps import dead_stretches
from tones.units import SAMPLE_RATE_HZ, amplitude, samples

Pcm = NDArray[np.int16]
Samples = NDArray[np.float64]

_SHORTEST_DROPOUT: Final = samples(4)
_LONGEST_DROPOUT: Final = samples(200)
_SIDE: Final = samples(1)
_BODY: Final = samples(12)
_ABRUPT: Final = 0.5
_SOUNDING: Final = amplitude(-38.0)
_HIGH_PASS: Final = filters.firwin(65, 2600.0, pass_zero=False, fs=SAMPLE_RATE_HZ)
_CLICK_RATIO: Final = 10.0
_CLICK_LEAST: Final = amplitude(-44.0)
_STEP: Final = 0.025
_AROUND: Final = samples(40)
_SPIKE: Final = samples(10)


class FaultKind(StrEnum):
    """What is wrong."""

    CLICK = "click"
    DROPOUT = "dropout"


@frozen
class Fault:
    """Something wrong with the sound; the duration of a click is 0."""

    kind: FaultKind
    onset_s: float
    duration_s: float


def dropouts(pcm: Pcm) -> list[Fault]:
    """Silences of 4 to 200 ms that begin and end abruptly, with sound before and after."""
    signal = pcm.astype(np.float64)
    found = []
    for start, end in dead_stretches(signal, _SHORTEST_DROPOUT):
        if end - start > _LONGEST_DROPOUT or start < _BODY or end + _BODY > pcm.size:
            continue
        before, after = signal[start - _BODY : start], signal[end : end + _BODY]
        peak_before, peak_after = np.abs(before).max(), np.abs(after).max()
        abrupt = (
            np.abs(before[-_SIDE:]).max() > _ABRUPT * peak_before,
            np.abs(after[:_SIDE]).max() > _ABRUPT * peak_after,
        )
        if min(peak_before, peak_after) > _SOUNDING and all(abrupt):
            found.append(Fault(FaultKind.DROPOUT, int(start) / SAMPLE_RATE_HZ, int(end - start) / SAMPLE_RATE_HZ))
    return found


def clicks(pcm: Pcm) -> list[Fault]:
    """Isolated spikes above 2600 Hz, in whatever sound."""
    if pcm.size < _AROUND:
        return []
    high = np.abs(filters.fftconvolve(pcm.astype(np.float64), _HIGH_PASS, mode="same"))
    decimated = ndimage.maximum_filter1d(high, 8)[::8]
    usual = np.repeat(ndimage.median_filter(decimated, size=2 * _AROUND // 8 + 1, mode="nearest"), 8)[: high.size]
    # The steps of either law are so large a part of the sound that they are made from.
    steps = _STEP * ndimage.maximum_filter1d(np.abs(pcm.astype(np.float64)), _SPIKE)
    spikes = np.flatnonzero((high > _CLICK_RATIO * usual) & (high > np.maximum(_CLICK_LEAST, steps)))
    found: list[Fault] = []
    last = -_SPIKE
    for place in spikes:
        if place - last >= _SPIKE:
            found.append(Fault(FaultKind.CLICK, float(place) / SAMPLE_RATE_HZ, 0.0))
        last = int(place)
    return found


def faults(pcm: Pcm) -> list[Fault]:
    """Dropouts, and the clicks in tones that are not the edges of one, in order."""
    lost = dropouts(pcm)
    near = samples(10) / SAMPLE_RATE_HZ
    tones = [burst for burst in find_bursts(pcm) if burst.lines is not None]
    inside = [(burst.start / SAMPLE_RATE_HZ + near, burst.end / SAMPLE_RATE_HZ - near) for burst in tones]
    alone = [
        click
        for click in clicks(pcm)
        if any(start < click.onset_s < end for start, end in inside)
        and not any(hole.onset_s - near <= click.onset_s <= hole.onset_s + hole.duration_s + near for hole in lost)
    ]
    return sorted([*lost, *alone], key=lambda fault: fault.onset_s)
