"""Pictures of sound: waveform, spectrogram with the segments named, cadence, level. Needs matplotlib.

matplotlib is an extra and imported when the first picture is drawn; without it `PictureError` says how to get it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from tones.detect import Heard, Kind, listen
from tones.detect.bursts import ACTIVE_DBM0
from tones.plan import SPECIAL_INFORMATION
from tones.units import SAMPLE_RATE_HZ, level_dbm0, samples

Pcm = NDArray[np.int16]

FORMATS: Final = (".png", ".svg")
LONGEST_S: Final = 120.0
"""The longest recording that makes a readable picture."""

_FRAME: Final = samples(20)
_FLOOR_DBM0: Final = -70.0
_MOST_COUNTRIES: Final = 3
_MOST_ROWS: Final = 4
_NARROWEST, _WIDEST = 12.0, 20.0
"""Inches."""
_CHARACTERS_AN_INCH: Final = 10.5
"""Of bold letters of ten points, on the part of the width that is not the scale."""
_LEAST_TOP: Final = 1000.0
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
    match heard.kind:
        case Kind.TONE:
            first, rest = heard.countries[:_MOST_COUNTRIES], heard.countries[_MOST_COUNTRIES:]
            more = f" and {len(rest)} more" if rest else ""
            return f"{heard.name} ({', '.join(first)}{more})"
        case Kind.DTMF:
            return f"digit{'s' if len(heard.name) > 1 else ''} {heard.name}"
        case Kind.NUMBER:
            return f"spoken {heard.name}"
        case Kind.RECORDING:
            return f"announcement {heard.name}"
    return heard.name


@frozen
class _Label:
    """A name in its place, in seconds from the left, on a row from the top; and where its segment begins."""

    text: str
    at_s: float
    begin_s: float
    row: int
    kind: Kind


def _arranged(heard: Sequence[Heard], end_s: float, characters: int) -> list[_Label]:
    """The names above the places where their segments begin, on as few rows as it takes for none to cover another.

    Args:
        heard: in order.
        end_s: where the picture ends.
        characters: as many as fit beside each other.
    """
    width_s = end_s / characters
    free_from_s = [0.0] * _MOST_ROWS
    arranged: list[_Label] = []
    for each in heard:
        if each.kind is Kind.SILENCE:
            continue
        text = label(each)
        at_s = max(0.0, min(each.onset_s, end_s - len(text) * width_s))
        row = next((row for row, free_s in enumerate(free_from_s) if free_s <= at_s), None)
        if row is None:
            # There is no room: as much as there is on the row that is free first.
            row = min(range(_MOST_ROWS), key=free_from_s.__getitem__)
            at_s = free_from_s[row]
            text = text[: max(0, int((end_s - at_s) / width_s))]
        free_from_s[row] = at_s + (len(text) + 2) * width_s
        arranged.append(_Label(text, at_s, each.onset_s, row, each.kind))
    return arranged


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
    end_s = pcm.size / SAMPLE_RATE_HZ
    width = min(_WIDEST, max(_NARROWEST, 10 + end_s / 8))
    labels = _arranged(named, end_s, round(_CHARACTERS_AN_INCH * width))
    rows = max([1, *(each.row + 1 for each in labels)])
    heights = [1.6, 0.28 * rows, 4, 0.6, 1.6]
    figure, axes = pyplot.subplots(
        len(heights), 1, figsize=(width, sum(heights)), sharex=True, height_ratios=heights, layout="constrained"
    )
    try:
        _waveform(axes[0], pcm)
        _names(axes[1], labels, rows)
        _spectrogram(axes[2], pcm, named)
        _cadence(axes[3], pcm, named)
        _level(axes[4], pcm)
        _boundaries(axes, named)
        figure.suptitle(title, fontsize=12)
        axes[4].set_xlabel("seconds")
        axes[4].set_xlim(0, end_s)
        figure.align_ylabels()
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
    top = max(_LEAST_TOP, 1.15 * float(np.abs(pcm.astype(np.int32)).max()))
    axes.set_ylim(-top, top)
    axes.grid(axis="x", alpha=0.3)


def _names(axes: Any, labels: Sequence[_Label], rows: int) -> None:
    """What the segments are, each above the place in the spectrogram where it begins."""
    for each in labels:
        place = each.at_s, rows - each.row - 0.5
        colour = _COLOURS.get(each.kind, "black")
        top = place[1] + (0.4 if each.at_s == each.begin_s else 0.0)
        axes.plot((each.begin_s, each.begin_s), (0, top), color=colour, linewidth=1.5)
        axes.annotate(
            each.text,
            place,
            xytext=(3, 0),
            textcoords="offset points",
            color=colour,
            fontsize=10,
            fontweight="bold",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            va="center",
            annotation_clip=False,
        )
    axes.set_ylim(0, rows)
    axes.axis("off")


def _spectrogram(axes: Any, pcm: Pcm, heard: Sequence[Heard]) -> None:
    size, hop = 512, max(64, pcm.size // 2400)
    padded = np.concatenate([np.zeros(size // 2), pcm.astype(np.float64), np.zeros(size // 2)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)))
    decibels = 10 * np.log10(power.T / power.max() + 1e-7) if power.max() > 0 else np.full(power.T.shape, -70.0)
    end_s = pcm.size / SAMPLE_RATE_HZ
    axes.imshow(decibels, origin="lower", aspect="auto", extent=(0, end_s, 0, 4000), cmap="magma", vmin=-60, vmax=0)
    axes.set_ylabel("Hz")
    axes.set_yticks(range(0, 4001, 500))
    free_from_s = 0.0
    for each in heard:
        # The bursts of a special information tone have a frequency each.
        if not each.frequencies_hz or each.name == SPECIAL_INFORMATION or each.onset_s < free_from_s:
            continue
        words = "+".join(f"{hz:.0f}" for hz in each.frequencies_hz) + " Hz"
        place = (each.onset_s, min(each.frequencies_hz[-1] + 120, 3700))
        axes.annotate(
            words,
            place,
            xytext=(4, 0),
            textcoords="offset points",
            color="white",
            fontsize=9,
            va="bottom",
            clip_on=True,
        )
        free_from_s = each.onset_s + len(words) * end_s / (_CHARACTERS_AN_INCH * _NARROWEST)


def _boundaries(axes: Sequence[Any], heard: Sequence[Heard]) -> None:
    """Where each segment begins and ends, in the waveform and the spectrogram."""
    for each in heard:
        if each.kind is not Kind.SILENCE:
            for second in (each.onset_s, each.end_s):
                axes[0].axvline(second, color="gray", linestyle=":", linewidth=0.8)
                axes[2].axvline(second, color="white", linestyle=":", linewidth=0.8)


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
    axes.fill_between(seconds, decibels, _FLOOR_DBM0, linewidth=0, color="tab:blue", alpha=0.25)
    axes.plot(seconds, decibels, linewidth=1, color="tab:blue")
    axes.set_ylim(_FLOOR_DBM0, 5)
    axes.set_yticks(range(-60, 1, 20))
    axes.set_ylabel("dBm0")
    axes.grid(alpha=0.4)
