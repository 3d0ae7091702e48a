"""Whether what was heard is what the exchange meant: its sounds, in order, against what a listener names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway.exchange.effects import Sound
from gateway.exchange.own_sounds import kept
from gateway.exchange.sounds import spoken_language
from tones.detect import Heard, Kind
from tones.plan import load_plan

LEVEL_TOLERANCE_DB = 1.0
FREQUENCY_TOLERANCE_HZ = 2.0


def parts_of(sounds: Iterable[Sound]) -> Iterator[tuple[str, Sound]]:
    """Each thing to be heard, in order, with the sound that it is a part of; pauses are nothing to be heard."""
    for sound in sounds:
        for _ in range(max(1, sound.times)):
            for part in sound.parts:
                if not part.startswith("pause "):
                    yield part, sound


def fits(part: str, sound: Sound, heard: Heard) -> bool:
    """Whether one stretch of audio is one part of a sound."""
    kind, _, rest = part.partition(" ")
    match kind:
        case "tone":
            found = load_plan(sound.country).find(rest)
            return heard.kind is Kind.TONE and heard.fits(found.tone.name, found.plan.country)
        case "say" | "wav" | "text" if part in dict(sound.own):
            return heard.kind is Kind.RECORDING and heard.fits(kept(dict(sound.own)[part]).name)
        case "say" | "digits":
            wanted = Kind.RECORDING if kind == "say" else Kind.NUMBER
            return heard.kind is wanted and heard.fits(rest) and heard.language == spoken_language(part, sound)
        case "sine":
            hertz, level_dbm0 = map(float, rest.split())
            near = any(abs(hz - hertz) <= FREQUENCY_TOLERANCE_HZ for hz in heard.frequencies_hz)
            return near and abs(heard.level_dbm0 - level_dbm0) <= LEVEL_TOLERANCE_DB
        case "dtmf":
            return heard.kind is Kind.DTMF and heard.fits(rest)
    return False


def not_heard(sounds: Iterable[Sound], heard: Sequence[Heard]) -> list[str]:
    """What was meant and not heard, in words; empty where all of it was, in the order that was meant."""
    missing, position = [], 0
    for part, sound in parts_of(sounds):
        at = next((n for n in range(position, len(heard)) if fits(part, sound, heard[n])), None)
        if at is None:
            missing.append(f"{part} ({sound.country})")
        else:
            position = at + 1
    return missing
