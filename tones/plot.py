"""Pictures of sound: waveform, spectrogram with the segments named, cadence, level. Needs matplotlib.

matplotlib is an extra and imported when the first picture is drawn; without it `PictureError` says how to get it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tones.detect import Heard, Kind, listen
from tones.detect.bursts import ACTIVE_DBM0
from tones.units import SAMPLE_RATE_HZ, level_dbm0, samples

Pcm = NDArray[np.int16]

FORMATS: Final = (".png", ".svg")
LONGEST_S: Final = 120.0
"""The longest recording that makes a readable picture."""

_FRAME: Final = samples(20)
_FLOOR_DBM0: Final = -70.0
_MOST_COUNTRIES: Final = 3
_COLOURS: Final = {
    Kind.TONE: "tab:blue",
    Kind.FREQUENCY: "tab:cyan",
    Kind.DTMF: "tab:purple",
    Kind.RECORDING: "tab:green",
    Kind.NUMBER: "tab:olive",
    Kind.SPEECH: "tab:orange",
    Kind.NOISE: "tab:gray",
}


class PictureError(RuntimeError):
    """A picture that cannot be drawn; the text says why, and what to do."""


def _pyplot() -> Any:
    try:
        matplotlib = import_module("matplotlib")
    except ImportError as error:
        raise PictureError("pictures need matplotlib: pip install matplotlib") from error
    matplotlib.use("Agg", force=False)
    matplotlib.rcParams["svg.hashsalt"] = "tones"
    return import_module("matplotlib.pyplot")


def label(heard: Heard) -> str:
    """What a segment is, in a few words: "ringback (fr, pm and 6 more)"."""
    if heard.kind is not Kind.TONE:
        return heard.name
    first, rest = heard.countries[:_MOST_COUNTRIES], heard.countries[_MOST_COUNTRIES:]
    more = f" and {len(rest)} more" if rest else ""
    return f"{heard.name} ({', '.join(first)}{more})"


def levels(pcm: Pcm) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The level of each 20 ms: seconds of their middles, dBm0."""
    frames = pcm[: pcm.size // _FRAME * _FRAME].reshape(-1, _FRAME)
    seconds = (np.arange(len(frames)) + 0.5) * _FRAME / SAMPLE_RATE_HZ
    return seconds, np.maximum([level_dbm0(frame) for frame in frames], _FLOOR_DBM0)


def draw(pcm: Pcm, path: str | Path, title: str = "", heard: Sequence[Heard] | None = None) -> list[Heard]:
    """Draw a recording into a PNG or SVG file.

    Args:
        pcm: `int16` at 8000 Hz.
        path: ends in .png or .svg.
        title: above the picture.
        heard: what is in it; None: what `tones.detect.listen` says.

    Returns:
        The segments that are named in the picture.

    Raises:
        PictureError: matplotlib is missing, another file format is wanted, or the recording is too long or empty.
    """
    target = Path(path)
    if target.suffix.lower() not in FORMATS:
        raise PictureError(f"{path}: a picture is a .png or a .svg file")
    if not 0 < pcm.size <= LONGEST_S * SAMPLE_RATE_HZ:
        raise PictureError(f"{pcm.size / SAMPLE_RATE_HZ:.1f} s of sound; a picture shows up to {LONGEST_S:.0f} s")
    pyplot = _pyplot()
    named = list(listen(pcm) if heard is None else heard)
    figure, axes = pyplot.subplots(
        4, 1, figsize=(12, 9), sharex=True, height_ratios=[2, 4, 0.7, 2], layout="constrained"
    )
    try:
        _waveform(axes[0], pcm)
        _spectrogram(axes[1], pcm, named)
        _cadence(axes[2], pcm, named)
        _level(axes[3], pcm)
        axes[0].set_title(title)
        axes[3].set_xlabel("seconds")
        axes[3].set_xlim(0, pcm.size / SAMPLE_RATE_HZ)
        dated = {"Date": None} if target.suffix.lower() == ".svg" else {}
        figure.savefig(target, dpi=110, metadata=dated)
    finally:
        pyplot.close(figure)
    return named


def _waveform(axes: Any, pcm: Pcm) -> None:
    """Lowest and highest sample of each pixel's worth."""
    size = max(1, pcm.size // 2400)
    whole = pcm[: pcm.size // size * size].reshape(-1, size)
    seconds = np.arange(len(whole)) * size / SAMPLE_RATE_HZ
    axes.fill_between(seconds, whole.min(axis=1), whole.max(axis=1), linewidth=0.4, color="tab:blue")
    axes.set_ylabel("sample")
    axes.set_ylim(-32768, 32767)


def _spectrogram(axes: Any, pcm: Pcm, heard: Sequence[Heard]) -> None:
    size, hop = 512, max(64, pcm.size // 2400)
    padded = np.concatenate([np.zeros(size // 2), pcm.astype(np.float64), np.zeros(size // 2)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)))
    decibels = 10 * np.log10(power.T / power.max() + 1e-7) if power.max() > 0 else np.full(power.T.shape, -70.0)
    end_s = pcm.size / SAMPLE_RATE_HZ
    axes.imshow(decibels, origin="lower", aspect="auto", extent=(0, end_s, 0, 4000), cmap="magma", vmin=-60, vmax=0)
    axes.set_ylabel("Hz")
    named = [each for each in heard if each.kind is not Kind.SILENCE]
    for number, each in enumerate(named):
        axes.axvspan(each.onset_s, each.end_s, facecolor="none", edgecolor="white", linestyle=":", linewidth=1)
        if each.frequencies_hz:
            words = "+".join(f"{hz:.0f}" for hz in each.frequencies_hz) + " Hz"
            place = (each.onset_s, each.frequencies_hz[-1] + 120)
            axes.annotate(words, place, color="white", fontsize=8, va="bottom", clip_on=True)
        # Names of neighbours are on two lines, so that a short stretch may have a long name.
        place = (each.onset_s, 3900 - 260 * (number % 2))
        axes.annotate(label(each), place, color="white", fontsize=9, va="top", clip_on=True)


def _cadence(axes: Any, pcm: Pcm, heard: Sequence[Heard]) -> None:
    """Dark where there is sound, in the colour of what it is; light over the whole of each stretch."""
    seconds, decibels = levels(pcm)
    half_s = _FRAME / SAMPLE_RATE_HZ / 2
    for each in heard:
        if each.kind is not Kind.SILENCE:
            colour = _COLOURS.get(each.kind, "black")
            axes.broken_barh([(each.onset_s, each.duration_s)], (0, 1), facecolors=colour, alpha=0.35)
            inside = (decibels > ACTIVE_DBM0) & (seconds >= each.onset_s) & (seconds <= each.end_s)
            bars = [(float(second) - half_s, 2 * half_s) for second in seconds[inside]]
            axes.broken_barh(bars, (0.15, 0.7), facecolors=colour, linewidth=0)
    axes.set_yticks([])
    axes.set_ylabel("cadence")


def _level(axes: Any, pcm: Pcm) -> None:
    seconds, decibels = levels(pcm)
    axes.plot(seconds, decibels, linewidth=1)
    axes.set_ylim(_FLOOR_DBM0, 5)
    axes.set_ylabel("dBm0")
    axes.grid(alpha=0.4)
