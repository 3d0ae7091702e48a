"""The mixed bench: its configuration, what it cannot, and small real runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gateway.cli import main
from gateway.cli.bench.arrivals import ARRIVAL
from gateway.cli.bench.machine import first_ephemeral_port
from gateway.cli.bench.mixed import HELD, configuration, of_even_ports
from gateway.config.toml import read_settings
from gateway.exchange.behaviours import Stay


class TestConfiguration:
    @pytest.mark.parametrize("workers", [0, 1, 3])
    def test_it_is_a_good_one(self, workers: int) -> None:
        settings = read_settings(configuration(2000, 100, workers))
        assert settings.media.workers == workers
        first, last = settings.media.rtp_ports
        assert last < first_ephemeral_port()
        assert (last - first) // 2 >= 2200
        assert settings.isup.circuits == (1, 4095)

    def test_early_media_has_no_end(self) -> None:
        settings = read_settings(configuration(20, 5, 0))
        assert settings.isup.timers.T9 is None
        for number in HELD:
            assert settings.exchange.behaviours[number[-2:]].steps[-1] == Stay()


def test_packets_from_odd_ports_are_no_media() -> None:
    arrivals = np.zeros(3, ARRIVAL)
    arrivals["stream"] = 16384, 16385, 16386
    assert of_even_ports(arrivals)["stream"].tolist() == [16384, 16386]


class TestFailures:
    def test_more_calls_than_circuits_are_not_tried(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["bench", "mixed", "--streams", "4000"]) == 1
        assert "more than the 4095 circuits" in capsys.readouterr().err

    @pytest.mark.parametrize("words", [["--workers", "-1"], ["--workers", "65"], ["--streams", "1,2"], ["--rate", "0"]])
    def test_what_is_no_number_is_no_number(self, words: list[str]) -> None:
        with pytest.raises(SystemExit):
            main(["bench", "mixed", *words])

    def test_without_sipp_its_package_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert main(["bench", "mixed", "--streams", "20", "--rate", "5"]) == 1
        assert "no sipp here (Debian: apt install sip-tester)" in capsys.readouterr().err


@pytest.mark.judge
class TestSmallRun:
    @pytest.mark.parametrize("workers", [0, 1])
    def test_both_sides_are_measured(self, workers: int, tmp_path: Path) -> None:
        file = tmp_path / "figures.json"
        words = ["--streams", "20", "--rate", "5", "--seconds", "2", "--workers", str(workers), "--json", str(file)]
        assert main(["bench", "mixed", *words]) == 0
        figures = json.loads(file.read_text())
        assert figures["holding"]["early"] == 20
        assert figures["holding"]["ended"] == {}
        for side in ("gateway", "yardstick"):
            assert figures[side]["gaps"]["streams"] == 20
            assert figures[side]["gaps"]["packets"] > 20 * 50
            assert figures[side]["receiver_drops"] == 0
            assert figures[side]["cpu_share"] > 0
        assert figures["gateway"]["load"]["successful"] == 10
        assert figures["gateway"]["load"]["progress"]["count"] == 10
        assert list(figures["gateway"]["cpu"]) == ["gateway", "worker 1"][: workers + 1]
