"""Tone plans: what each country's network sounds like (ITU-T E.180 and its supplement 2).

The data are TOML files in `tones/plans`, one a country, each tone with its sources; they are read once. A tone
that a plan lacks is taken from the generic plan of E.180, and says so: `FoundTone.fallback`.

A file:

    country = "fr"                  # ISO 3166 code, lower case; the name of the file
    name = "France"
    calling_codes = ["33"]          # E.164 country codes whose numbers sound so
    level_dbm0 = -10                # total power of the tones that give no level of their own
    level_note = "..."              # where the levels come from

    [tones.congestion]
    segments = "440/250/250"        # see tones.notation
    level_dbm0 = -10                # optional
    sources = ["asterisk", "dahdi", "yate"]
    why = "..."                     # where sources disagree: why this one
    others = [{ source = "opal", segments = "440/500/500" }]
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from attrs import field, frozen

from tones.notation import NotationError, Segment, parse_segments, serialize_segments

GENERIC: Final = "e180"
"""The name of the generic plan."""

RINGBACK: Final = "ringback"
BUSY: Final = "busy"
CONGESTION: Final = "congestion"
SPECIAL_INFORMATION: Final = "special-information"
DIAL: Final = "dial"
NUMBER_UNOBTAINABLE: Final = "number-unobtainable"

_SUBSTITUTES: Final = {NUMBER_UNOBTAINABLE: SPECIAL_INFORMATION, "reorder": CONGESTION, "release": BUSY}


class PlanError(ValueError):
    """A plan file that cannot be used; the text names the file and the tone."""


class UnknownPlanError(LookupError):
    """No plan of that name."""


class UnknownToneError(LookupError):
    """Neither the plan nor the generic one has this tone."""


@frozen
class Definition:
    """What one source says that a tone is, where it is not what we chose."""

    source: str
    segments: tuple[Segment, ...]


@frozen
class Tone:
    """A named sequence of segments, first those that are played once, then those that repeat.

    `level_dbm0` is the total power while it sounds.
    """

    name: str
    segments: tuple[Segment, ...]
    level_dbm0: float = -10.0
    sources: tuple[str, ...] = ()
    why: str = ""
    others: tuple[Definition, ...] = ()

    @classmethod
    def parse(cls, name: str, text: str, level_dbm0: float = -10.0) -> Tone:
        """A tone from the notation of `tones.notation`.

        Raises:
            NotationError: the text does not follow it.
        """
        return cls(name, parse_segments(text), level_dbm0)

    @property
    def introduction(self) -> tuple[Segment, ...]:
        """The segments played once, at the start."""
        once = [number for number, segment in enumerate(self.segments) if segment.once]
        return self.segments[: once[-1] + 1] if once else ()

    @property
    def cycle(self) -> tuple[Segment, ...]:
        """The segments that repeat; none if the tone ends."""
        rest = self.segments[len(self.introduction) :]
        return () if all(segment.signal.silent for segment in rest) else rest

    @property
    def repeats(self) -> bool:
        """Whether the tone goes on until something else happens."""
        return bool(self.cycle)

    def serialize(self) -> str:
        """The notation of its segments."""
        return serialize_segments(self.segments)


@frozen
class FoundTone:
    """A tone, the plan it is from, and whether that is not the plan that was asked (a visible fallback)."""

    tone: Tone
    plan: TonePlan
    fallback: bool


@frozen
class TonePlan:
    """The tones of one country or of a generic set."""

    country: str
    name: str
    tones: Mapping[str, Tone] = field(repr=False, eq=False)
    calling_codes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    level_note: str = ""

    @property
    def generic(self) -> bool:
        """Whether this is the plan of no country."""
        return self.country == GENERIC

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source named by a tone of this plan."""
        return tuple(sorted({source for tone in self.tones.values() for source in tone.sources}))

    def get(self, name: str) -> Tone | None:
        """The plan's own tone of this name."""
        return self.tones.get(name)

    def find(self, name: str) -> FoundTone:
        """The plan's own tone of this name, else the generic plan's, else what E.180 would have instead of it.

        Raises:
            UnknownToneError: there is no such tone anywhere.
        """
        generic = self if self.generic else load_plan(GENERIC)
        for wanted in (name, *([_SUBSTITUTES[name]] if name in _SUBSTITUTES else [])):
            for plan in (self, generic):
                tone = plan.tones.get(wanted)
                if tone is not None:
                    return FoundTone(tone, plan, fallback=plan is not self or wanted != name)
        raise UnknownToneError(f"no tone {name!r} in the plan of {self.country!r}, nor in the generic one")


def parse_plan(text: str, where: str = "a plan") -> TonePlan:
    """Read a plan file.

    Raises:
        PlanError: not TOML, a missing key, or a tone that does not follow the notation.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"{where}: {error}") from error
    try:
        level = float(data["level_dbm0"])
        tones = {name: _parse_tone(name, table, level, where) for name, table in data["tones"].items()}
        return TonePlan(
            country=data["country"],
            name=data["name"],
            tones=tones,
            calling_codes=tuple(data.get("calling_codes", ())),
            aliases=tuple(data.get("aliases", ())),
            level_note=data.get("level_note", ""),
        )
    except KeyError as error:
        raise PlanError(f"{where}: {error.args[0]} is missing") from error


def _parse_tone(name: str, table: Mapping[str, Any], level_dbm0: float, where: str) -> Tone:
    try:
        return Tone(
            name=name,
            segments=parse_segments(table["segments"]),
            level_dbm0=float(table.get("level_dbm0", level_dbm0)),
            sources=tuple(table["sources"]),
            why=table.get("why", ""),
            others=tuple(
                Definition(other["source"], parse_segments(other["segments"])) for other in table.get("others", ())
            ),
        )
    except NotationError as error:
        raise PlanError(f"{where}: tones.{name}: {error}") from error
    except KeyError as error:
        raise PlanError(f"{where}: tones.{name}: {error.args[0]} is missing") from error


@cache
def all_plans() -> tuple[TonePlan, ...]:
    """Every plan, the generic one last."""
    folder = resources.files("tones") / "plans"
    plans = [
        parse_plan(entry.read_text(encoding="utf-8"), entry.name)
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    ]
    return tuple(sorted(plans, key=lambda plan: (plan.generic, plan.country)))


@cache
def available_plans() -> tuple[str, ...]:
    """The names that `load_plan` takes, without aliases, the generic one last."""
    return tuple(plan.country for plan in all_plans())


@cache
def load_plan(country: str) -> TonePlan:
    """The plan of a country: "fr"; "uk" is known as another name of "gb"; "e180" is the generic one.

    Raises:
        UnknownPlanError: there is none; the text says which there are.
    """
    wanted = country.lower()
    for plan in all_plans():
        if wanted == plan.country or wanted in plan.aliases:
            return plan
    raise UnknownPlanError(f"no tone plan {country!r}; there are: {', '.join(available_plans())}")


@cache
def _plans_by_calling_code() -> Mapping[str, TonePlan]:
    return {code: plan for plan in all_plans() for code in plan.calling_codes}


def plan_for_country_code(digits: str) -> TonePlan:
    """The plan for an E.164 country code, or for a whole international number, by its longest known prefix.

    A leading "+" is allowed. An unknown code gives the generic plan (`TonePlan.generic` is true).
    """
    number = digits.removeprefix("+")
    known = _plans_by_calling_code()
    for length in range(len(number), 0, -1):
        if number[:length] in known:
            return known[number[:length]]
    return load_plan(GENERIC)
