"""What the benches have in common on the way in and out: lists of numbers, and tables of figures."""

from __future__ import annotations

import argparse

from rich.box import SIMPLE_HEAD
from rich.table import Table


def numbers(text: str) -> tuple[int, ...]:
    """ "1000,2000" on a command line."""
    try:
        values = tuple(int(part) for part in text.split(","))
    except ValueError:
        values = ()
    if not values or min(values) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers from 1 on; write 1000,2000")
    return values


def seconds(text: str) -> float:
    """ "2.5" on a command line."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no time in seconds, 0.1 to 86400")
    return value


def figures_table(title: str, caption: str) -> Table:
    """An empty table that fits a terminal of 80 columns."""
    return Table(title=title, caption=caption, caption_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))


def percentile(sorted_values: list[float], share: float) -> float | None:
    """The value that `share` of all do not exceed (nearest rank); None where there is none."""
    if not sorted_values:
        return None
    return sorted_values[min(max(-int(-share * len(sorted_values) // 1) - 1, 0), len(sorted_values) - 1)]
