"""The default number plan: the country code says how it sounds, the last two digits what happens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange.behaviours import (
    Handset,
    Play,
    Send,
    Wait,
    WaitForSound,
    built_in_behaviours,
    built_in_treatments,
)
from gateway.exchange.numbering import Destination, NumberPlan, changed_number

PLAN = NumberPlan("1", built_in_behaviours(), built_in_treatments())
VACANT = (Send("REL", cause=1),)


@pytest.mark.parametrize(
    ("digits", "international", "country"),
    [
        ("12125550103", True, "us"),
        ("2125550103", False, "us"),
        ("33199000003", True, "fr"),
        ("442079460003", True, "gb"),
        ("49301234503", True, "de"),
        ("81312345603", True, "jp"),
        ("21012345603", True, "e180"),
    ],
)
def test_the_country_code_chooses_the_sounds(digits: str, international: bool, country: str) -> None:
    destination = PLAN.find(digits, international)
    assert (destination.country, destination.title) == (country, "busy, in band")
    assert destination.digits.endswith(digits)


@pytest.mark.parametrize("ending", sorted(built_in_behaviours()))
def test_the_last_two_digits_choose_what_happens(ending: str) -> None:
    assert PLAN.find("331990000" + ending, True).steps == built_in_behaviours()[ending].steps


@pytest.mark.parametrize(
    ("digits", "international"),
    [
        ("33199000016", True),
        ("33199000017", True),
        ("33199000099", True),
        ("99912345603", True),
        ("3319903", True),
        ("3319900000000003", True),
        ("123403", False),
        ("90017", True),
        ("190017", True),
        ("12345", False),
        ("9001", False),
        ("900170", False),
        ("92017", False),
        ("90000", False),
        ("90128", False),
        ("91999", False),
        ("", False),
        ("", True),
        ("*#", False),
        ("90*1#", False),
        ("90A1D", False),
        ("3319900000A", True),
    ],
)
def test_everything_else_is_vacant(digits: str, international: bool) -> None:
    assert PLAN.find(digits, international).steps == VACANT


@pytest.mark.parametrize(("length", "works"), [(7, False), (8, True), (15, True), (16, False)])
def test_eight_to_fifteen_digits(length: int, works: bool) -> None:
    assert (PLAN.find("33" + "0" * (length - 2), True).steps != VACANT) is works


@pytest.mark.parametrize("cause", range(1, 128))
def test_90ccc_releases_at_once_with_each_cause(cause: int) -> None:
    assert PLAN.find(f"90{cause:03}", False).steps == (Send("REL", cause=cause),)


@pytest.mark.parametrize("cause", range(1, 128))
def test_91ccc_plays_the_treatment_of_each_cause(cause: int) -> None:
    acm, play, wait, rel = PLAN.find(f"91{cause:03}", False).steps
    assert (acm, rel) == (Send("ACM", in_band=True), Send("REL", cause=cause))
    assert isinstance(play, Play)
    announced = any(part.startswith("say") for part in play.parts)
    assert (play.times, wait) == ((1, WaitForSound()) if announced else (0, Wait(10.0)))


def test_one_country_for_all() -> None:
    plan = NumberPlan("1", built_in_behaviours(), built_in_treatments(), country="de")
    assert {plan.find(digits, True).country for digits in ("12125550103", "33199000003", "99900000003")} == {"de"}
    assert plan.find("91017", False).country == "de"


class TestTheHandset:
    def test_it_is_every_number_that_ends_in_20(self) -> None:
        assert PLAN.find("33199000020", True).steps == (Handset(),)
        assert PLAN.find("33199000020", True).country == "fr"

    def test_or_the_only_one_that_is_configured(self) -> None:
        plan = NumberPlan("1", built_in_behaviours(), built_in_treatments(), handset="493023125000")
        assert plan.find("493023125000", True).steps == (Handset(),)
        assert plan.find("493023125000", True).country == "de"
        assert plan.find("33199000020", True).steps == VACANT
        assert plan.find("33199000000", True).title == "rings, then answers"

    def test_a_national_number_may_be_it(self) -> None:
        plan = NumberPlan("1", built_in_behaviours(), built_in_treatments(), handset="12125550120")
        assert plan.find("2125550120", False).steps == (Handset(),)


def test_the_changed_number_is_one_that_answers() -> None:
    assert changed_number("33199000006") == "33199000000"
    assert PLAN.find(changed_number("33199000006"), True).title == "rings, then answers"


@given(st.text("0123456789*#ADE", max_size=20), st.booleans())
def test_every_number_leads_somewhere(digits: str, international: bool) -> None:
    assert isinstance(PLAN.find(digits, international), Destination)
