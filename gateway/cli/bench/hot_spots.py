"""Where a profiled process spent its time: the statistics of cProfile as a table."""

from __future__ import annotations

import pstats
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from rich.table import Table

from gateway.cli.bench.figures import figures_table

SHOWN: Final = 15
WAITING: Final = "select.epoll"


@frozen
class HotSpot:
    """A function: where it is, how often it was called, seconds in itself and with what it called."""

    place: str
    calls: int
    own_s: float
    cumulative_s: float


def hot_spots(path: Path) -> list[HotSpot]:
    """Every function of a profile but the reactor's waiting, the costliest by itself first."""
    statistics: Any = pstats.Stats(str(path))
    found = [
        HotSpot(_place(*function), calls, own, cumulative)
        for function, (_, calls, own, cumulative, _) in statistics.stats.items()
        if not (function[0] == "~" and WAITING in function[2])
    ]
    return sorted(found, key=lambda spot: -spot.own_s)


def _place(file: str, line: int, name: str) -> str:
    if file == "~":
        return name
    parts = Path(file).parts
    return f"{'/'.join(parts[-3:])}:{line} {name}"


def hot_spots_table(spots: list[HotSpot], by: str, calls: int) -> Table:
    """The costliest functions, `by` "own_s" or "cumulative_s", their time spread over so many calls."""
    title = "most time by itself" if by == "own_s" else "most time with what it calls"
    made = figures_table(title, f"under the profiler, which makes every function dearer; {calls} calls")
    made.add_column("function")
    for heading in ("times a call", "own us a call", "all us a call"):
        made.add_column(heading, justify="right")
    for spot in sorted(spots, key=lambda spot: -getattr(spot, by))[:SHOWN]:
        each = [spot.own_s * 1e6 / calls, spot.cumulative_s * 1e6 / calls]
        made.add_row(spot.place, f"{spot.calls / calls:.1f}", *(f"{value:.1f}" for value in each))
    return made
