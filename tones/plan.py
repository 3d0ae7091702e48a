"""Tone plans: what each country's network sounds like (ITU-T E.180 and its supplement 2).

The data are TOML files in `tones/plans`, one a country, each tone with its sources; a file is read when its plan is
first asked for. A tone that a plan lacks is taken from the generic plan of E.180, and says so: `FoundTone.fallback`.

A file:

    country = "fr"                  # ISO 3166 code, lower case; the name of the file
    name = "France"
    aliases = ["..."]               # optional: other names to load it by
    variant_of = "us"               # optional: another state of a plan ("us-old"), reached by its name only
    language = "fr"                 # ISO 639-1: the announcements'
    calling_codes = ["33"]          # E.164 codes whose numbers sound so; the longest that fits wins ("1", "1876")
    level_dbm0 = -10                # total power of the tones that give no level of their own
    level_note = "..."              # where the levels come from
    notes = ["..."]                 # optional: what else there is to say of the sources
    left_out = [{ tone = "...", source = "...", segments = "...", why = "..." }]    # what cannot be a tone here

    [tones.congestion]
    segments = "440/250/250"        # see tones.notation
    variant = "analogue"            # optional: where the plan has this tone twice, what this one is for
    level_dbm0 = -10                # optional
    sources = ["asterisk", "dahdi", "yate"]
    why = "..."                     # where sources disagree: why this one
    others = [{ source = "opal", segments = "440/500/500" }]

**Modulation.** Lists write `400x25`, Asterisk `400*25`, spandsp `375+425`. These are two sounds: amplitude modulation
with the carrier present (three spectral lines; the envelope beats at 25 Hz), and with the carrier suppressed (two
lines; it beats at 50 Hz). Here `400*25` is the former and is what a plan has wherever any source says that a tone is
modulated; `375+425` is the latter and is kept where no source says so. The detector takes either for the former.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, TypeVar

from attrs import field, frozen

from tones.notation import NotationError, Segment, parse_segments, serialize_segments
from tones.plan_index import plan_index

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
    """A plan file that cannot be used; the text names the file, the line and the key."""


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
class LeftOut:
    """What a source says and no tone can be: beyond 4000 Hz, or an announcement. `segments` are as the source has."""

    tone: str
    source: str
    segments: str
    why: str


@frozen
class Tone:
    """A named sequence of segments, first those that are played once, then those that repeat.

    `level_dbm0` is the total power while it sounds. `variant` says what a tone is for that the plan has in its usual
    form too: "busy-pabx" has the variant "pabx".
    """

    name: str
    segments: tuple[Segment, ...]
    level_dbm0: float = -10.0
    sources: tuple[str, ...] = ()
    why: str = ""
    others: tuple[Definition, ...] = ()
    variant: str = ""

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
    language: str = "en"
    variant_of: str = ""
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

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


_T = TypeVar("_T")
_PLAN_KEYS: Final = frozenset(
    [
        "country",
        "name",
        "aliases",
        "variant_of",
        "language",
        "calling_codes",
        "level_dbm0",
        "level_note",
        "notes",
        "left_out",
        "tones",
    ]
)
_TONE_KEYS: Final = frozenset(["segments", "variant", "level_dbm0", "sources", "why", "others"])
_NOT_GIVEN: Final = object()
_COUNTRY: Final = re.compile(r"[a-z0-9-]+")
_CODE: Final = re.compile(r"[0-9]{1,7}")


@frozen
class _Place:
    """Where in a plan file, for complaints: the file, and the table ("" is the head)."""

    text: str
    file: str
    table: str = ""

    def line(self, key: str) -> int:
        """The line of a key, else that of its table, else 1."""
        here, at = "", 1
        for number, line in enumerate(self.text.splitlines(), 1):
            if line.lstrip().startswith("["):
                here = line.strip().strip("[]").replace('"', "")
                at = number if here == self.table else at
            elif here == self.table and re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line):
                return number
        return at

    def error(self, key: str, complaint: str) -> PlanError:
        whole = ".".join(part for part in (self.table, key) if part)
        return PlanError(f"{self.file}:{self.line(key)}: {whole}: {complaint}")

    def read(self, table: Mapping[str, Any], key: str, take: Callable[[Any], _T], absent: Any = _NOT_GIVEN) -> _T:
        """A key's value through `take`.

        Raises:
            PlanError: it is missing and has no value for that, or `take` does not take it.
        """
        value = table.get(key, absent)
        if value is _NOT_GIVEN:
            raise self.error(key, "is missing")
        try:
            return take(value)
        except (NotationError, TypeError, ValueError) as error:
            raise self.error(key, str(error)) from error

    def refuse_others(self, table: Mapping[str, Any], known: frozenset[str]) -> None:
        for key in table.keys() - known:
            raise self.error(key, f"no such key; there are: {', '.join(sorted(known))}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r} is not a list of texts")
    return tuple(_text(each) for each in value)


def _country(value: Any) -> str:
    if not _COUNTRY.fullmatch(_text(value)):
        raise ValueError(f"{value!r} is not a country code in small letters")
    return str(value)


def _calling_codes(value: Any) -> tuple[str, ...]:
    for code in _texts(value):
        if not _CODE.fullmatch(code):
            raise ValueError(f"{code!r} is not a country code of one to seven digits")
    return tuple(value)


def _level(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a level in dBm0")
    if not -60 <= value <= 0:
        raise ValueError(f"{value} dBm0 is not between -60 and 0")
    return float(value)


def _segments(value: Any) -> tuple[Segment, ...]:
    return parse_segments(_text(value))


def _tables(value: Any) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(value, dict) or not all(isinstance(each, dict) for each in value.values()):
        raise TypeError("not a table of tones")
    return value


def _definitions(value: Any) -> tuple[Definition, ...]:
    if not isinstance(value, list | tuple) or not all(
        isinstance(other, dict) and {"source", "segments"} == set(other) for other in value
    ):
        raise TypeError("not a list of { source, segments }")
    return tuple(Definition(_text(other["source"]), _segments(other["segments"])) for other in value)


def _left_out(value: Any) -> tuple[LeftOut, ...]:
    wanted = {"tone", "source", "segments", "why"}
    if not isinstance(value, list | tuple) or not all(
        isinstance(each, dict) and wanted == set(each) and all(isinstance(part, str) for part in each.values())
        for each in value
    ):
        raise TypeError("not a list of { tone, source, segments, why }")
    return tuple(LeftOut(**each) for each in value)


def parse_plan(text: str, where: str = "a plan") -> TonePlan:
    """Read a plan file.

    Raises:
        PlanError: not TOML, a missing or unknown key, a value of the wrong kind, or a tone that does not follow the
            notation; the text is "file:line: key: what is wrong".
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", str(error))
        raise PlanError(f"{where}:{said[2]}: {said[1]}" if said else f"{where}: {error}") from error
    place = _Place(text, where)
    place.refuse_others(data, _PLAN_KEYS)
    level_dbm0 = place.read(data, "level_dbm0", _level)
    tables = place.read(data, "tones", _tables)
    return TonePlan(
        country=place.read(data, "country", _country),
        name=place.read(data, "name", _text),
        tones={
            name: _parse_tone(name, table, level_dbm0, _Place(text, where, f"tones.{name}"))
            for name, table in tables.items()
        },
        calling_codes=place.read(data, "calling_codes", _calling_codes, ()),
        aliases=place.read(data, "aliases", _texts, ()),
        level_note=place.read(data, "level_note", _text, ""),
        language=place.read(data, "language", _text, "en"),
        variant_of=place.read(data, "variant_of", _text, ""),
        notes=place.read(data, "notes", _texts, ()),
        left_out=place.read(data, "left_out", _left_out, ()),
    )


def _parse_tone(name: str, table: Mapping[str, Any], level_dbm0: float, place: _Place) -> Tone:
    place.refuse_others(table, _TONE_KEYS)
    return Tone(
        name=name,
        segments=place.read(table, "segments", _segments),
        level_dbm0=place.read(table, "level_dbm0", _level, level_dbm0),
        sources=place.read(table, "sources", _texts),
        why=place.read(table, "why", _text, ""),
        others=place.read(table, "others", _definitions, ()),
        variant=place.read(table, "variant", _text, ""),
    )


def available_plans() -> tuple[str, ...]:
    """The names that `load_plan` takes, without aliases, the generic one last."""
    return tuple(plan_index().names)


@cache
def _read_plan(country: str) -> TonePlan:
    entry = resources.files("tones") / "plans" / f"{country}.toml"
    return parse_plan(entry.read_text(encoding="utf-8"), entry.name)


def load_plan(country: str) -> TonePlan:
    """The plan of a country: "fr"; "uk" is known as another name of "gb"; "e180" is the generic one.

    Raises:
        UnknownPlanError: there is none; the text says which there are.
    """
    wanted = country.lower()
    wanted = plan_index().countries_by_alias.get(wanted, wanted)
    if wanted not in plan_index().names:
        raise UnknownPlanError(f"no tone plan {country!r}; there are: {', '.join(available_plans())}")
    return _read_plan(wanted)


@cache
def all_plans() -> tuple[TonePlan, ...]:
    """Every plan, the generic one last."""
    return tuple(_read_plan(country) for country in available_plans())


def read_all_plans() -> tuple[TonePlan, ...]:
    """Every plan file there is, whether the index knows it or not, the generic one last."""
    folder = resources.files("tones") / "plans"
    names = [entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return tuple(_read_plan(name) for name in sorted(names, key=lambda name: (name == GENERIC, name)))


def plan_for_country_code(digits: str) -> TonePlan:
    """The plan for an E.164 country code, or for a whole international number, by its longest known prefix.

    A leading "+" is allowed. An unknown code gives the generic plan (`TonePlan.generic` is true).
    """
    return load_plan(plan_index().country_of(digits.removeprefix("+")) or GENERIC)
