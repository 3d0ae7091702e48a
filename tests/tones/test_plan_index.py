"""The index is what the plan files say."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources

import pytest

from tones.plan import all_plans, available_plans, read_all_plans
from tones.plan_index import PlanIndex, plan_index, serialize_index


def test_the_file_is_what_the_plans_make() -> None:
    file = resources.files("tones") / "plan_index.toml"
    assert file.read_text(encoding="utf-8") == serialize_index(read_all_plans())


def test_it_survives_being_written_and_read() -> None:
    assert PlanIndex.parse(serialize_index(all_plans())) == plan_index()


def test_every_plan_file_is_in_it() -> None:
    assert tuple(plan.country for plan in read_all_plans()) == available_plans()


def test_no_code_is_claimed_twice() -> None:
    codes = [code for plan in all_plans() for code in plan.calling_codes]
    assert sorted(codes) == sorted(plan_index().countries_by_code)


def test_every_plan_of_today_with_a_ringback_has_a_code() -> None:
    assert {plan.country for plan in all_plans() if not plan.calling_codes} == {"e180", "pr", "us-old", "yu"}


@pytest.mark.parametrize(
    ("number", "country"), [("18761234567", "jm"), ("12121234567", "us"), ("999", None), ("", None)]
)
def test_the_longest_prefix_wins(number: str, country: str | None) -> None:
    assert plan_index().country_of(number) == country


def test_one_plan_costs_the_reading_of_one_file() -> None:
    script = (
        "from tones.plan import plan_for_country_code, _read_plan as r;"
        "plan_for_country_code('33199000003'); print(r.cache_info().currsize)"
    )
    asked = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "1"
