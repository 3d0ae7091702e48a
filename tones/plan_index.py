"""What is known of every plan without reading it: its name, its other names, its country codes, its language.

The index is a file made from the plans by `python -m tones.plan_index`, so that finding the plan of a country code
costs the reading of one small file and not of 180.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import field, frozen

if TYPE_CHECKING:
    from tones.plan import TonePlan

_FILE: Final = "plan_index.toml"
_HEAD: Final = "# Made from the plans by `python -m tones.plan_index`; a test compares the two.\n"


@frozen
class PlanIndex:
    """Each mapping is by the plan's own name (`country`), but for `countries_by_code` and `countries_by_alias`."""

    names: Mapping[str, str] = field(repr=False)
    languages: Mapping[str, str] = field(repr=False)
    countries_by_alias: Mapping[str, str] = field(repr=False)
    countries_by_code: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> PlanIndex:
        """Read what `serialize_index` wrote."""
        data = tomllib.loads(text)
        codes = {code: country for country, codes in data["calling_codes"].items() for code in codes.split()}
        aliases = {alias: country for country, aliases in data["aliases"].items() for alias in aliases.split()}
        return cls(data["names"], data["languages"], aliases, codes)

    def country_of(self, number: str) -> str | None:
        """The plan for an international number without "+", by its longest known prefix; None for none."""
        longest = min(len(number), max(map(len, self.countries_by_code)))
        codes = (number[:length] for length in range(longest, 0, -1))
        return next((self.countries_by_code[code] for code in codes if code in self.countries_by_code), None)


def serialize_index(plans: Iterable[TonePlan]) -> str:
    """The index of these plans as TOML."""
    every = tuple(plans)
    parts = {
        "names": {plan.country: plan.name for plan in every},
        "languages": {plan.country: plan.language for plan in every},
        "aliases": {plan.country: " ".join(plan.aliases) for plan in every if plan.aliases},
        "calling_codes": {plan.country: " ".join(plan.calling_codes) for plan in every if plan.calling_codes},
    }
    lines = [_HEAD]
    for name, table in parts.items():
        lines.append(f"[{name}]\n")
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items()]
        lines.append("\n")
    return "".join(lines).rstrip("\n") + "\n"


@cache
def plan_index() -> PlanIndex:
    """The index of the plans of this package; read once."""
    return PlanIndex.parse(resources.files("tones").joinpath(_FILE).read_text(encoding="utf-8"))


def main() -> None:
    """Make the index anew from the plan files."""
    from tones.plan import read_all_plans

    path = Path(__file__).with_name(_FILE)
    path.write_text(serialize_index(read_all_plans()), encoding="utf-8")
    print(f"{path}: {path.stat().st_size} octets")


if __name__ == "__main__":
    main()
