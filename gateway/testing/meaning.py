"""Whether what was heard is what the exchange meant: its sounds, in order, against what a listener names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway.exchange.effects import Sound
from tones.detect import Heard, Kind
from tones.plan import load_plan

LEVEL_TOLERANCE_DB = 1.0
FREQUENCY_TOLERANCE_HZ = 2.0


def parts_of(sounds: Iterable[Sound]) -> Iterator[tuple[str, str]]:
    """Each thing to be heard, in order, with the country whose it is: ("tone busy", "fr")."""
    for sound in sounds:
        for _ in range(max(1, sound.times)):
            for part in sound.parts:
                if not part.startswith("pause "):
                    yield part, sound.country


def fits(part: str, country: str, heard: Heard) -> bool:
    """Whether one stretch of audio is one part of a sound."""
    kind, word, *rest = part.split()
    match kind:
        case "tone":
            found = load_plan(country).find(word)
            return heard.kind is Kind.TONE and heard.fits(found.tone.name, found.plan.country)
        case "say":
            return heard.kind is Kind.RECORDING and heard.fits(word)
        case "digits":
            return heard.kind is Kind.NUMBER and heard.fits(word)
        case "sine":
            near = any(abs(hz - float(word)) <= FREQUENCY_TOLERANCE_HZ for hz in heard.frequencies_hz)
            return near and abs(heard.level_dbm0 - float(rest[0])) <= LEVEL_TOLERANCE_DB
        case "wav" | "text":
            return heard.kind in (Kind.SPEECH, Kind.RECORDING, Kind.NUMBER, Kind.NOISE)
        case "dtmf":
            return heard.kind is Kind.DTMF and heard.fits(word)
    return False


def not_heard(sounds: Iterable[Sound], heard: Sequence[Heard]) -> list[str]:
    """What was meant and not heard, in words; empty where all of it was, in the order that was meant."""
    missing, position = [], 0
    for part, country in parts_of(sounds):
        at = next((n for n in range(position, len(heard)) if fits(part, country, heard[n])), None)
        if at is None:
            missing.append(f"{part} ({country})")
        else:
            position = at + 1
    return missing
