"""What was heard: one named stretch of a call's audio."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from attrs import frozen


class Kind(StrEnum):
    """What sort of sound it is; the value is the word for it."""

    TONE = "tone"
    """A tone of a plan; `name` is the plan's name for it."""
    FREQUENCY = "frequency"
    """A steady tone of no plan; `name` is its frequencies: "1004 Hz", "697+1209 Hz"."""
    DTMF = "dtmf"
    """Push-button digits; `name` is the digits in order."""
    RECORDING = "recording"
    """A known recording; `name` is its name."""
    NUMBER = "number"
    """A number spoken digit by digit by the known voice; `name` is the digits."""
    SPEECH = "speech"
    NOISE = "noise"
    SILENCE = "silence"


_SELF_EXPLAINED: Final = (Kind.SILENCE, Kind.SPEECH, Kind.NOISE)
_MOST_NAMES: Final = 3


@frozen
class Match:
    """A tone of a plan that fits what was heard."""

    country: str
    tone: str


@frozen
class Heard:
    """One stretch of audio and what it is.

    For tones the answer is a class of equal sounds: `matches` has every tone of every plan that fits, `name` is what
    most of them are called, and `countries` are those in which that name fits.

    Attributes:
        onset_s, duration_s: from the start of the recording. A tone's last pause belongs to it.
        level_dbm0: total power while it sounds.
        confidence: 0 to 1. What fits several different tones because too little of it was heard has little.
        matches: empty but for tones; for recordings the other names that fit as well are in `alternatives`.
        frequencies_hz: of tones, as measured.
        language: of recordings and spoken numbers, ISO 639-1.
        text: of a recording, what it says, if that is known.
        whole_s: of a recording, how long it is, however much of it was heard.
    """

    kind: Kind
    name: str
    onset_s: float
    duration_s: float
    level_dbm0: float
    confidence: float
    countries: tuple[str, ...] = ()
    matches: tuple[Match, ...] = ()
    alternatives: tuple[str, ...] = ()
    frequencies_hz: tuple[float, ...] = ()
    language: str = ""
    text: str = ""
    whole_s: float = 0.0

    @property
    def end_s(self) -> float:
        """When it ended."""
        return self.onset_s + self.duration_s

    @property
    def words(self) -> str:
        """What it is, with the other names that it has in the same countries: "busy or congestion"."""
        if self.kind is Kind.TONE:
            here = {match.tone for match in self.matches if match.country in self.countries}
            return " or ".join([self.name, *sorted(here - {self.name})][:_MOST_NAMES])
        if self.kind in _SELF_EXPLAINED:
            return self.name
        return f"{self.kind} {self.name}" + (f" ({self.language})" if self.language else "")

    def fits(self, name: str, country: str | None = None) -> bool:
        """Whether it can be what `name` says, in `country` if given: the right class of equal sounds."""
        if self.kind is Kind.TONE:
            return any(match.tone == name and country in (None, match.country) for match in self.matches)
        return country is None and name in (self.name, *self.alternatives, str(self.kind))

    def __str__(self) -> str:
        of = ", ".join(self.countries) or self.language
        where = f" ({of})" if of else ""
        return f"{self.onset_s:.2f}-{self.end_s:.2f} s {self.kind} {self.name}{where} {self.level_dbm0:.1f} dBm0"
