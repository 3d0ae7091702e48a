"""SIPp's files, as SIPp 3.6 writes them, to figures."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import attrs
import pytest

from gateway.cli.bench.sipp import (
    SCENARIO,
    Latency,
    Load,
    Sipp,
    SippError,
    epoch_s,
    last_row,
    read_load,
    response_times_ms,
)

STATISTICS = (
    "StartTime;LastResetTime;CurrentTime;ElapsedTime(C);TargetRate;CallRate(C);OutgoingCall(C);TotalCallCreated;"
    "SuccessfulCall(C);FailedCall(C);Retransmissions(C);\n"
    "2026-11-22\t19:50:43.819688\t1795377043.819688;2026-11-22\t19:50:44.1\t1795377044.1;"
    "2026-11-22\t19:50:44.819688\t1795377044.819688;00:00:01;300;100;100;100;80;0;0;\n"
    "2026-11-22\t19:50:43.819688\t1795377043.819688;2026-11-22\t19:50:47.1\t1795377047.1;"
    "2026-11-22\t19:50:46.569688\t1795377046.569688;00:00:02;300;300;600;600;598;2;1;\n"
)
COUNTS = (
    "CurrentTime;ElapsedTime;1_INVITE_Sent;1_INVITE_Retrans;1_INVITE_Timeout;5_200_Recv;5_200_Retrans;5_200_Timeout;\n"
    "2026-11-22\t19:50:46.5\t1795377046.5;00:00:02:750000;600;1;0;598;3;0;\n"
)
TIMES = "Date_ms;response_time_ms;rtd_no\n36.001;8.251;answer\n48.5;5.306;progress\n68.0;3.25;answer\n70.0;1.5;503\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


NO_TIMES = Latency(0, None, None)
GOOD = Load(100, 200, 200, 200, 0, 0, 2.3, NO_TIMES, NO_TIMES)


class TestFiles:
    def test_the_last_row_of_the_statistics_counts(self, tmp_path: Path) -> None:
        row = last_row(written(tmp_path / "stat.csv", STATISTICS))
        assert row["TotalCallCreated"] == "600"
        assert "" not in row

    def test_a_file_without_rows_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(SippError, match=r"stat.csv has no figures"):
            last_row(written(tmp_path / "stat.csv", STATISTICS.splitlines()[0] + "\n"))

    def test_a_time_is_read_from_its_epoch(self) -> None:
        assert epoch_s("2026-11-22\t19:50:43.819688\t1795377043.819688") == 1795377043.819688

    def test_response_times_are_sorted_by_their_name(self, tmp_path: Path) -> None:
        times = response_times_ms(written(tmp_path / "rtt.csv", TIMES))
        assert times == {"answer": [8.251, 3.25], "progress": [5.306], "503": [1.5]}

    def test_all_together(self, tmp_path: Path) -> None:
        seen = read_load(
            last_row(written(tmp_path / "stat.csv", STATISTICS)),
            last_row(written(tmp_path / "counts.csv", COUNTS)),
            response_times_ms(written(tmp_path / "rtt.csv", TIMES)),
            rate=300,
            planned=600,
        )
        assert (seen.created, seen.successful, seen.failed) == (600, 598, 2)
        assert seen.retransmissions == 4
        assert seen.elapsed_s == pytest.approx(2.75)
        assert seen.progress == Latency(1, 5.306, 5.306)
        assert seen.answer == Latency(2, 3.25, 8.251)
        assert seen.refused == {"503": 1}


class TestSustained:
    def test_a_rate_is_sustained_when_nothing_went_wrong(self) -> None:
        assert GOOD.sustained

    @pytest.mark.parametrize(
        "load",
        [
            attrs.evolve(GOOD, retransmissions=1),
            attrs.evolve(GOOD, successful=199),
            attrs.evolve(GOOD, elapsed_s=3.6),
        ],
    )
    def test_a_retransmission_a_failure_or_a_delay_is_the_end_of_it(self, load: Load) -> None:
        assert not load.sustained


class TestScenario:
    def test_it_is_xml_and_every_branch_ends_at_a_label(self) -> None:
        root = ET.fromstring(SCENARIO)
        labels = {element.attrib["id"] for element in root.iter("label")}
        assert {element.attrib["next"] for element in root if "next" in element.attrib} == labels

    def test_without_sipp_its_package_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(SippError, match="apt install sip-tester"):
            Sipp(tmp_path, 0)
