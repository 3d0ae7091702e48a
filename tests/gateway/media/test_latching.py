"""Whom to hear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.latching import NOWHERE, LatchSettings, LatchState, SourceLatch

NAMED = ("192.0.2.1", 4000)
OTHER = ("198.51.100.7", 61000)
THIRD = ("203.0.113.66", 5000)


def latch(**settings: float) -> SourceLatch:
    made = SourceLatch(LatchSettings(**settings))  # type: ignore[arg-type]
    made.negotiated(NAMED, 100.0)
    return made


class TestOpen:
    def test_the_negotiated_source_is_heard_at_once_and_whenever_it_comes(self) -> None:
        for at_s in (100.0, 160.0):
            each = latch()
            assert each.packet_received(NAMED, at_s)
            assert (each.state, each.source) == (LatchState.CONFIRMED, NAMED)

    def test_another_is_heard_after_the_grace_period_if_the_negotiated_one_is_silent(self) -> None:
        each = latch()
        heard = [each.packet_received(OTHER, 100.5 + n * 0.02) for n in range(8)]
        assert heard == [False] * 5 + [True] * 3 or heard == [False] * 6 + [True] * 2
        assert (each.state, each.source, each.latched) == (LatchState.LATCHED, OTHER, 1)
        assert each.refused == heard.count(False)

    def test_without_a_grace_period_the_first_packet_is_heard(self) -> None:
        assert latch(grace_s=0.0).packet_received(OTHER, 100.5)

    def test_after_the_window_nobody_else_is(self) -> None:
        each = latch(window_s=2.0, grace_s=0.0)
        assert each.open_until_s() == 102.0
        assert not each.packet_received(OTHER, 102.5)
        assert not each.packet_received(OTHER, 105.0)
        assert (each.state, each.refused) == (LatchState.OPEN, 2)

    def test_a_second_candidate_is_refused_and_does_not_disturb_the_first(self) -> None:
        each = latch(grace_s=0.1)
        assert not each.packet_received(OTHER, 100.0)
        assert not each.packet_received(THIRD, 100.05)
        assert not each.packet_received(THIRD, 100.2)
        assert each.packet_received(OTHER, 100.2)
        assert each.open_until_s() is None

    def test_strictly_nobody_but_the_negotiated_source_is_heard(self) -> None:
        each = latch(strict=True, grace_s=0.0)
        assert not any(each.packet_received(OTHER, 100.0 + n) for n in range(5))
        assert (each.refused, each.latched, each.open_until_s()) == (5, 0, None)
        assert each.packet_received(NAMED, 110.0)


class TestConfirmed:
    def test_nobody_takes_over(self) -> None:
        each = latch(grace_s=0.0)
        each.packet_received(NAMED, 100.0)
        assert not each.packet_received(OTHER, 100.01)
        assert not each.packet_received(OTHER, 200.0)
        assert each.packet_received(NAMED, 200.0)
        assert (each.source, each.refused) == (NAMED, 2)


class TestLatched:
    def test_a_second_source_never_takes_over(self) -> None:
        each = latch(grace_s=0.0)
        assert each.packet_received(OTHER, 100.0)
        assert not any(each.packet_received(THIRD, 100.0 + n) for n in range(100))
        assert each.packet_received(OTHER, 300.0)

    def test_the_negotiated_source_does_and_for_good(self) -> None:
        each = latch(grace_s=0.0)
        each.packet_received(OTHER, 100.0)
        assert each.packet_received(NAMED, 101.0)
        assert not each.packet_received(OTHER, 101.0)
        assert (each.state, each.source) == (LatchState.CONFIRMED, NAMED)


class TestNegotiation:
    def test_the_same_address_again_changes_nothing(self) -> None:
        each = latch(grace_s=0.0)
        each.packet_received(OTHER, 100.0)
        each.negotiated(NAMED, 150.0)
        assert (each.state, each.source) == (LatchState.LATCHED, OTHER)

    def test_another_address_begins_anew(self) -> None:
        each = latch(grace_s=0.0)
        each.packet_received(OTHER, 100.0)
        each.negotiated(THIRD, 150.0)
        assert (each.state, each.source) == (LatchState.OPEN, THIRD)
        assert each.packet_received(THIRD, 150.1)
        assert not each.packet_received(OTHER, 150.2)

    def test_nowhere_confirms_nobody_but_a_source_may_latch(self) -> None:
        each = SourceLatch(LatchSettings(grace_s=0.0))
        each.negotiated(NOWHERE, 100.0)
        assert each.packet_received(OTHER, 100.0)


@given(
    st.lists(st.tuples(st.sampled_from([NAMED, OTHER, THIRD, NOWHERE]), st.floats(0, 1)), max_size=60),
    st.booleans(),
    st.floats(0, 3),
    st.floats(0, 1),
)
def test_at_most_one_stranger_is_ever_heard(
    packets: list[tuple[tuple[str, int], float]], strict: bool, window_s: float, grace_s: float
) -> None:
    each = SourceLatch(LatchSettings(strict, window_s, grace_s))
    each.negotiated(NAMED, 0.0)
    now_s, heard = 0.0, []
    for source, later_s in packets:
        now_s += later_s
        if each.packet_received(source, now_s):
            heard.append(source)
    strangers = {source for source in heard if source != NAMED}
    assert len(strangers) <= (0 if strict else 1)
    assert each.refused == len(packets) - len(heard)
    if NAMED in heard:
        assert set(heard[heard.index(NAMED) :]) == {NAMED}


@pytest.mark.parametrize("changes", [{"window_s": -1.0}, {"grace_s": -0.1}])
def test_times_are_not_negative(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be >= 0"):
        LatchSettings(**changes)  # type: ignore[arg-type]
