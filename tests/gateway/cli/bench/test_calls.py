"""The calls bench: its words, what it says when it cannot, and a small real run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NoReturn

import attrs
import pytest

from gateway.cli import main
from gateway.cli.bench.calls import (
    CONFIGURATION,
    CallFigures,
    Comparison,
    ServerError,
    free_port,
    rate_sustained,
    serving,
    summary,
)
from gateway.cli.bench.machine import two_cores
from gateway.cli.bench.sipp import Latency, Load
from gateway.config.toml import read_settings

NO_TIMES = Latency(0, None, None)
GOOD = CallFigures(Load(100, 200, 200, 200, 0, 0, 2.3, NO_TIMES, NO_TIMES), 2.0, 100 << 20, 512 << 10)
UAS = attrs.evolve(GOOD, cpu_ms=0.1)
OVERLOADED = attrs.evolve(GOOD, load=attrs.evolve(GOOD.load, rate=400, retransmissions=9))


def test_the_configuration_is_a_good_one() -> None:
    settings = read_settings(CONFIGURATION)
    assert settings.isup.circuits == (1, 4000)
    assert "30" in settings.exchange.behaviours


class TestWords:
    def test_the_highest_rate_without_a_retransmission_is_sustained(self) -> None:
        assert rate_sustained([Comparison(100, GOOD, None), Comparison(400, OVERLOADED, None)]) == 100

    def test_the_yardstick_stands_beside_it(self) -> None:
        lines = summary([Comparison(100, GOOD, UAS)], [], "")
        assert lines[0] == "calls a second without a retransmission: 100"
        assert lines[1].startswith("CPU a call at 100 calls a second: 2.00 ms, 20.0 times that of SIPp's")
        assert lines[2].startswith("memory: 100 MB after 200 calls, 512 KB more than before")

    def test_refusals_are_told_with_their_status(self) -> None:
        busy = attrs.evolve(GOOD, load=attrs.evolve(GOOD.load, successful=190, refused={"503": 10}))
        assert "100 calls a second: 10 calls were refused by 503" in summary([Comparison(100, busy, None)], [], "")

    def test_what_was_not_tried_is_told(self) -> None:
        lines = summary([Comparison(400, OVERLOADED, None)], [800, 600], "")
        assert lines[0] == "calls a second without a retransmission: 0"
        assert lines[-1] == "not tried, because a lower rate was not sustained: 600, 800"


class TestFailures:
    def test_without_sipp_its_package_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert main(["bench", "calls"]) == 1
        assert "no sipp here (Debian: apt install sip-tester)" in capsys.readouterr().err

    def test_a_server_that_ends_at_once_is_quoted(self, tmp_path: Path) -> None:
        command = ["/bin/sh", "-c", "echo the port is taken; exit 1"]
        with (
            pytest.raises(ServerError, match="the port is taken"),
            serving(command, free_port(), two_cores()[0], tmp_path / "log"),
        ):
            pass


@pytest.mark.judge
class TestSmallRun:
    @pytest.mark.parametrize("bench", ["calls", "mixed"])
    def test_the_load_has_a_core_of_its_own(
        self, bench: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def serve(_command: list[str], _port: int, core: int, _log: Path) -> NoReturn:
            raise ServerError(f"served on {core}, loaded from {os.sched_getaffinity(0)}")

        monkeypatch.setattr(f"gateway.cli.bench.{bench}.serving", serve)
        core, load_core = two_cores()
        assert main(["bench", bench]) == 1
        assert f"served on {core}, loaded from {{{load_core}}}" in capsys.readouterr().err

    def test_the_gateway_and_sipps_server_are_called(self, tmp_path: Path) -> None:
        file = tmp_path / "figures.json"
        assert main(["bench", "calls", "--rate", "10", "--seconds", "1", "--json", str(file)]) == 0
        [row] = json.loads(file.read_text())["rows"]
        for server in ("gateway", "uas"):
            assert row[server]["load"]["successful"] == 10
            assert row[server]["cpu_ms"] > 0
        assert row["gateway"]["load"]["progress"]["count"] == 5
        assert row["gateway"]["load"]["answer"]["count"] == 5
        assert row["gateway"]["load"]["progress"]["p50_ms"] > 0

    def test_a_profile_names_the_pump(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        profile = tmp_path / "profile"
        assert main(["bench", "calls", "--rate", "10", "--seconds", "1", "--profile", str(profile)]) == 0
        assert "_drain" in capsys.readouterr().out
        assert profile.stat().st_size > 0
