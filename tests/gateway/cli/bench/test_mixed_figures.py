"""What the mixed bench says, and the data it leaves."""

from __future__ import annotations

import json

import attrs
import pytest

from gateway.cli.bench.arrivals import GapFigures
from gateway.cli.bench.machine import Machine
from gateway.cli.bench.mixed_figures import Figures, Holding, Side, as_data, summary, table
from gateway.cli.bench.sipp import Latency, Load

EVEN = GapFigures(streams=100, packets=5000, lost=0, due=4900, on_time=4900, p50_ms=0.1, p99_ms=0.2, max_ms=0.3)
LOAD = Load(10, 50, 50, 50, 0, 0, 5.2, Latency(50, 2.0, 9.0), Latency(0, None, None))
GATEWAY = Side(EVEN, 0, LOAD, {"gateway": 0.3, "worker 1": 0.2}, {"gateway": 0.01, "worker 1": 0.02})
YARDSTICK = Side(EVEN, 0, LOAD, {"C sender": 0.1, "SIPp": 0.02}, {"C sender": 0.0, "SIPp": 0.0})
GOOD = Figures(1, 5.0, Holding(100, 100, {}, 0, {}, 20480.0), GATEWAY, YARDSTICK)


class TestWords:
    def test_memory_and_cpu_are_told(self) -> None:
        assert summary(GOOD) == [
            "memory for each call held in early media, all included: 20.0 KB",
            "CPU, of a core: gateway 30 %, worker 1 20 %; waited for the core: gateway 1 %, worker 1 2 %",
            "CPU, of a core: C sender 10 %, SIPp 2 %; waited for the core: C sender 0 %, SIPp 0 %",
        ]

    def test_calls_that_were_not_held_are_told_by_status(self) -> None:
        holding = attrs.evolve(GOOD.holding, early=90, refused={"503": 12}, retransmissions=3, ended={"480": 2})
        lines = summary(attrs.evolve(GOOD, holding=holding))
        assert "90 of 100 calls came to early media" in lines
        assert "placing them: 12 were refused by 503" in lines
        assert "placing them: 3 INVITEs had to be sent again" in lines
        assert "2 held calls were ended by 480" in lines

    def test_calls_that_came_and_were_refused_are_told_by_status(self) -> None:
        refusing = attrs.evolve(GATEWAY, load=attrs.evolve(LOAD, refused={"503": 4}))
        assert "4 calls that came were refused by 503" in summary(attrs.evolve(GOOD, gateway=refusing))

    def test_a_receiver_that_was_late_and_a_missing_yardstick_are_told(self) -> None:
        spoilt = attrs.evolve(GOOD, gateway=attrs.evolve(GATEWAY, receiver_drops=7), yardstick=None, remark="no cc")
        assert [line for line in summary(spoilt) if "dropped 7 packets" in line]
        assert summary(spoilt)[-1] == "no cc"


def test_the_data_has_what_is_derived() -> None:
    data = as_data(Machine.here(), GOOD)
    assert data["bench"] == "mixed"
    assert data["gateway"]["gaps"]["on_time_share"] == 1.0
    assert data["gateway"]["cpu_share"] == pytest.approx(0.5)
    assert data["yardstick"]["load"]["sustained"] is True
    assert json.loads(json.dumps(data)) == data


@pytest.mark.parametrize(("yardstick", "columns"), [(YARDSTICK, 3), (None, 2)])
def test_the_table_has_a_column_for_each_side(yardstick: Side | None, columns: int) -> None:
    made = table(attrs.evolve(GOOD, yardstick=yardstick))
    assert len(made.columns) == columns
    assert made.columns[1].header == "gateway, 1 worker"
    assert "9.00 ms" in list(made.columns[1].cells)
