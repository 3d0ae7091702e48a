"""A profile read back."""

from __future__ import annotations

import cProfile
import io
from pathlib import Path

from rich.console import Console

from gateway.cli.bench.hot_spots import hot_spots, hot_spots_table


def work() -> int:
    return sum(more() for _ in range(20))


def more() -> int:
    return len(sorted(range(1000), reverse=True))


def profile(folder: Path) -> Path:
    profiler = cProfile.Profile()
    profiler.runcall(work)
    path = folder / "profile"
    profiler.dump_stats(path)
    return path


def test_functions_are_named_by_their_place(tmp_path: Path) -> None:
    [spot] = [spot for spot in hot_spots(profile(tmp_path)) if spot.place.endswith(" more")]
    assert spot.place.startswith("cli/bench/test_hot_spots.py:")
    assert spot.calls == 20
    assert 0 < spot.own_s <= spot.cumulative_s


def test_the_costliest_stands_first(tmp_path: Path) -> None:
    spots = hot_spots(profile(tmp_path))
    assert [spot.own_s for spot in spots] == sorted((spot.own_s for spot in spots), reverse=True)


def test_the_table_spreads_the_time_over_the_calls(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=100)
    console.print(hot_spots_table(hot_spots(profile(tmp_path)), "cumulative_s", 10))
    assert isinstance(console.file, io.StringIO)
    [line] = [line for line in console.file.getvalue().splitlines() if " more" in line]
    assert " 2.0 " in line
