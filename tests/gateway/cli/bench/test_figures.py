"""Lists of numbers on the command line, and percentiles."""

from __future__ import annotations

import argparse

import pytest

from gateway.cli.bench.figures import numbers, percentile, seconds


def test_a_list_of_numbers() -> None:
    assert numbers("50,1000") == (50, 1000)


@pytest.mark.parametrize("text", ["", "50,", "many", "0", "-5", "1.5"])
def test_what_is_no_list_of_numbers_is_told(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no list of numbers"):
        numbers(text)


def test_seconds() -> None:
    assert seconds("1.5") == 1.5


@pytest.mark.parametrize("text", ["", "soon", "0", "-1", "nan", "inf"])
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no time in seconds"):
        seconds(text)


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1.0), (0.5, 50.0), (0.505, 51.0), (0.99, 99.0), (0.991, 100.0), (1.0, 100.0)]
)
def test_a_percentile_is_one_of_the_values(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(1, 101)], share) == value


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile([], 0.5) is None
    assert percentile([7.0], 0.99) == 7.0
