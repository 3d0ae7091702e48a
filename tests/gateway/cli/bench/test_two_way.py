"""`bench two-way`: a handful of calls talk, and what comes back is counted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.bench.callers import speech
from gateway.cli.bench.machine import two_cores
from gateway.cli.bench.media import MeasurementError
from gateway.cli.bench.two_way import measure
from tones.g711 import Law


def test_a_few_calls_are_measured_beside_c(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "gateway", "bench", "two-way", "--calls", "10", "--seconds", "0.5"]
    done = subprocess.run([*command, "--json", str(figures)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "answered calls that echo" in done.stdout
    (row,) = json.loads(figures.read_text())["rows"]
    assert row["calls"] == 10
    assert row["gateway"]["received"] > 0
    assert row["gateway"]["sent"] > 0
    assert row["gateway"]["callers"]["received"] > 0


def test_an_echo_that_ends_at_once_is_an_error() -> None:
    with pytest.raises(MeasurementError, match="the echo ended with status"):
        measure([sys.executable, "-c", "pass"], 2, 0.5, two_cores(), is_c=True)


@pytest.mark.parametrize("law", list(Law))
def test_what_the_callers_say_is_sound(law: Law) -> None:
    octets = speech(law)
    assert len(set(octets.tolist())) > 100
