"""Which idle circuit is taken next."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ss7.isup.hunting import Hunting, IdleCircuits, controls, idle_circuits

HIGH, LOW = 200, 100


def filled(hunting: Hunting, *cics: int) -> IdleCircuits:
    circuits = idle_circuits(hunting, HIGH, LOW)
    for cic in cics:
        circuits.add(cic)
    return circuits


def taken(circuits: IdleCircuits) -> list[int]:
    order = []
    while (cic := circuits.choose()) is not None:
        circuits.discard(cic)
        order.append(cic)
    return order


@pytest.mark.clause("ITU-T Q.764", "2.9.1.4")
class TestControl:
    def test_the_higher_point_code_controls_the_even_circuits(self) -> None:
        assert [controls(HIGH, LOW, cic) for cic in (1, 2, 3, 4)] == [False, True, False, True]
        assert [controls(LOW, HIGH, cic) for cic in (1, 2, 3, 4)] == [True, False, True, False]

    @given(st.integers(0, 16383), st.integers(0, 16383), st.integers(0, 4095))
    def test_exactly_one_end_controls_a_circuit(self, one: int, other: int, cic: int) -> None:
        if one != other:
            assert controls(one, other, cic) is not controls(other, one, cic)


@pytest.mark.clause("ITU-T Q.764", "2.9.1.3")
class TestOrder:
    def test_controlled_circuits_come_first_longest_idle_first_then_the_others_last_released_first(self) -> None:
        assert taken(filled(Hunting.CONTROLLED_FIRST, 1, 2, 3, 4, 5, 6)) == [2, 4, 6, 5, 3, 1]

    def test_a_controlled_circuit_that_was_released_goes_to_the_end(self) -> None:
        circuits = filled(Hunting.CONTROLLED_FIRST, 2, 4)
        circuits.discard(2)
        circuits.add(2)
        assert taken(circuits) == [4, 2]

    def test_the_two_ends_meet_only_when_circuits_run_out(self) -> None:
        here = idle_circuits(Hunting.CONTROLLED_FIRST, HIGH, LOW)
        there = idle_circuits(Hunting.CONTROLLED_FIRST, LOW, HIGH)
        for cic in range(1, 31):
            here.add(cic)
            there.add(cic)
        assert not set(taken(here)[:15]) & set(taken(there)[:15])

    def test_lowest_and_highest_are_opposite(self) -> None:
        assert taken(filled(Hunting.LOWEST, 3, 1, 2)) == [1, 2, 3]
        assert taken(filled(Hunting.HIGHEST, 3, 1, 2)) == [3, 2, 1]

    def test_longest_idle_is_first_in_first_out(self) -> None:
        assert taken(filled(Hunting.LONGEST_IDLE, 3, 1, 2)) == [3, 1, 2]


@pytest.mark.parametrize("hunting", Hunting)
class TestCollection:
    def test_nothing_is_chosen_from_nothing(self, hunting: Hunting) -> None:
        assert filled(hunting).choose() is None

    def test_choosing_does_not_take(self, hunting: Hunting) -> None:
        circuits = filled(hunting, 1, 2)
        assert circuits.choose() == circuits.choose()

    @given(changes=st.lists(st.tuples(st.booleans(), st.integers(0, 9))))
    def test_what_can_be_taken_is_what_was_added_and_not_discarded(
        self, hunting: Hunting, changes: list[tuple[bool, int]]
    ) -> None:
        circuits = filled(hunting)
        expected: set[int] = set()
        for add, cic in changes:
            if add:
                circuits.add(cic)
                expected.add(cic)
            else:
                circuits.discard(cic)
                expected.discard(cic)
            assert (circuits.choose() in expected) if expected else circuits.choose() is None
        order = taken(circuits)
        assert set(order) == expected
        assert len(order) == len(expected)
        if hunting is Hunting.LOWEST:
            assert all(a < b for a, b in pairwise(order))
