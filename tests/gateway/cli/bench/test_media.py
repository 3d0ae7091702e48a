"""The media bench: its figures, its words, and a small real run."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import numpy as np
import pytest

from gateway.cli import main
from gateway.cli.bench.arrivals import ARRIVAL, GapFigures
from gateway.cli.bench.machine import first_ephemeral_port
from gateway.cli.bench.media import (
    Comparison,
    MeasurementError,
    MediaFigures,
    read_figures,
    rtp_ports,
    streams_held,
    summary,
)

EVEN = GapFigures(streams=100, packets=5000, lost=0, due=4900, on_time=4900, p50_ms=0.1, p99_ms=0.2, max_ms=0.3)
HELD = MediaFigures(100, EVEN, 6.0, failed=0, schedule_moves=0, receiver_drops=0, opened=100, octets_a_stream=7000.0)
LATE = attrs.evolve(HELD, streams=200, opened=200, gaps=attrs.evolve(EVEN, on_time=4000))


class TestPorts:
    @pytest.mark.parametrize("streams", [50, 5000, 10_000])
    def test_they_are_clear_of_the_ephemeral_ones_and_enough(self, streams: int) -> None:
        first, last = rtp_ports(streams)
        assert first >= 1024
        assert last < first_ephemeral_port()
        assert (last - first) // 2 >= streams

    def test_few_streams_use_the_ports_of_the_gateway(self) -> None:
        assert rtp_ports(50)[0] == 16384


class TestFigures:
    def test_cpu_is_spread_over_the_packets_sent(self) -> None:
        report = {"begin_ns": 0, "end_ns": 1_000_000_000, "cpu_s": 0.5, "packets": 100_000, "failed": 3}
        figures = read_figures({**report, "schedule_moves": 2}, np.zeros(0, ARRIVAL), 2000, drops=1)
        assert figures.cpu_us == pytest.approx(5.0)
        assert (figures.failed, figures.schedule_moves, figures.receiver_drops) == (3, 2, 1)
        assert figures.octets_a_stream is None

    def test_a_sender_that_could_not_says_why(self) -> None:
        with pytest.raises(MeasurementError, match="50 streams: all RTP ports are in use"):
            read_figures({"error": "all RTP ports are in use"}, np.zeros(0, ARRIVAL), 50, drops=0)

    def test_the_largest_number_on_time_is_held(self) -> None:
        assert streams_held([HELD, LATE, None]) == 100
        assert streams_held([LATE]) == 0


class TestWords:
    def test_the_ratio_is_that_of_the_largest_number_held(self) -> None:
        c = attrs.evolve(HELD, cpu_us=3.0)
        lines = summary([Comparison(100, HELD, c), Comparison(200, LATE, attrs.evolve(c, streams=200, opened=200))], "")
        assert lines == ["streams held: 100; the C sender holds 200", "CPU a packet at 100 streams: 2.00 times C's"]

    def test_without_a_yardstick_it_says_why(self) -> None:
        assert summary([Comparison(100, HELD, None)], "no yardstick: no cc") == [
            "streams held: 100; no yardstick: no cc"
        ]

    def test_streams_that_were_refused_are_not_held(self) -> None:
        refused = attrs.evolve(HELD, streams=300, refusal="the others would suffer", way_out="io_uring")
        lines = summary([Comparison(300, refused, None)], "no yardstick: no cc")
        assert lines[0] == "streams held by io_uring: 0; no yardstick: no cc"
        assert lines[1] == "300 streams, gateway: 100 taken, then: the others would suffer"

    def test_packets_that_the_receiver_dropped_are_not_held_against_the_sender(self) -> None:
        spoilt = attrs.evolve(HELD, receiver_drops=7)
        assert any("the receiver dropped 7 packets" in line for line in summary([Comparison(100, spoilt, None)], ""))


class TestSmallRun:
    def test_without_a_compiler_the_gateway_is_measured_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        file = tmp_path / "figures.json"
        assert main(["bench", "media", "--streams", "50", "--seconds", "1", "--json", str(file)]) == 0
        assert "no yardstick: there is no C compiler here" in " ".join(capsys.readouterr().out.split())
        [row] = json.loads(file.read_text())["rows"]
        assert row["gateway"]["gaps"]["streams"] == 50
        assert row["gateway"]["gaps"]["packets"] > 0
        assert row["gateway"]["octets_a_stream"] > 0
        assert row["c"] is None

    @pytest.mark.judge
    def test_both_senders_are_measured(self, tmp_path: Path) -> None:
        file = tmp_path / "figures.json"
        assert main(["bench", "media", "--streams", "50", "--seconds", "1", "--json", str(file)]) == 0
        [row] = json.loads(file.read_text())["rows"]
        for sender in ("gateway", "c"):
            assert row[sender]["gaps"]["streams"] == 50
            assert row[sender]["failed"] == 0
            assert row[sender]["receiver_drops"] == 0
        assert row["cpu_ratio"] > 0
