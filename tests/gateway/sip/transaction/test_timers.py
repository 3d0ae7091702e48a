"""The table of timers."""

from __future__ import annotations

import pytest

from gateway.sip.transaction.timers import TransactionTimers


@pytest.mark.clause("RFC 3261", "A")
class TestTable4:
    def test_values_by_default(self) -> None:
        timers = TransactionTimers()
        assert (timers.T1, timers.T2, timers.T4) == (0.5, 4.0, 5.0)
        assert (timers.A, timers.E, timers.G) == (0.5, 0.5, 0.5)
        assert (timers.B, timers.F, timers.H, timers.J, timers.L, timers.M) == (32.0,) * 6
        assert timers.D == 32.0
        assert (timers.I, timers.K) == (5.0, 5.0)

    def test_all_but_D_scale_with_T1(self) -> None:
        timers = TransactionTimers(T1=0.1)
        assert timers.A == 0.1
        assert timers.B == timers.L == pytest.approx(6.4)

    @pytest.mark.clause("RFC 3261", "17.1.1.2")
    def test_D_is_never_less_than_32_seconds(self) -> None:
        assert TransactionTimers(T1=0.1).D == 32.0
        assert TransactionTimers(T1=1.0).D == 64.0


@pytest.mark.clause("RFC 3261", "17.1.2.2")
def test_intervals_double_until_they_reach_T2() -> None:
    timers = TransactionTimers()
    intervals = [timers.T1]
    while len(intervals) < 6:
        intervals.append(timers.doubled(intervals[-1]))
    assert intervals == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


@pytest.mark.clause("RFC 4320", "4.1")
@pytest.mark.parametrize(
    ("T1", "T2", "seconds"), [(0.5, 4.0, 3.5), (1.0, 4.0, 3.0), (4.0, 4.0, 4.0), (0.5, 500.0, 32.0)]
)
def test_time_until_timer_E_is_reset_to_T2(T1: float, T2: float, seconds: float) -> None:
    assert TransactionTimers(T1=T1, T2=T2).E_reaches_T2 == seconds


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"T1": 0.0}, "T1 must be more than 0 s, not 0.0"),
        ({"T4": -1.0}, "T4 must be more than 0 s, not -1.0"),
        ({"T1": 2.0, "T2": 1.0}, r"T2 \(1.0 s\) is less than T1 \(2.0 s\)"),
    ],
)
def test_impossible_values_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TransactionTimers(**wrong)
