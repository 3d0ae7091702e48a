"""What the exchange plays, made audible: words of a behaviour to PCM (the tones themselves are `tones`')."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gateway.exchange.effects import ECHO, HANDSET, Sound
from gateway.exchange.own_sounds import kept
from tones.announcement import (
    Clip,
    Item,
    Pause,
    PushedDigits,
    Recording,
    Sounding,
    SpokenNumber,
    compose,
    faded,
    find_recording,
)
from tones.cadence import render
from tones.notation import Signal
from tones.oscillator import oscillate, seamless_period
from tones.plan import Tone, load_plan
from tones.units import to_pcm

Pcm = NDArray[np.int16]
SINE_MS = 1000.0
"""How long a sine lasts where something follows it."""


@lru_cache(maxsize=64)
def render_sound(sound: Sound) -> tuple[Pcm, bool, int]:
    """The sound as `int16[samples]` at 8 kHz, whether it is to be repeated without end, and from which sample on.

    Raises:
        tones.plan.UnknownToneError, tones.announcement.UnknownRecordingError: there is no such tone or recording.
    """
    if len(sound.parts) == 1 and sound.times == 0:
        kind, *words = sound.parts[0].split()
        if kind == "sine":
            signal, period = seamless_period(Signal.parse(words[0]))
            return to_pcm(oscillate(signal, float(words[1]), period)), True, 0
        if kind == "tone":
            rendered = render(load_plan(sound.country).find(words[0]).tone)
            if rendered.repeats:
                whole = np.concatenate([rendered.introduction, rendered.period])
                return whole, True, len(rendered.introduction)
    once = compose(_script(sound), _language(sound))
    if sound.fade_ms:
        once = faded(once, sound.fade_ms)
    gap = compose([Pause(2 * sound.gap_ms)])
    if sound.times == 0:
        return np.concatenate([once, gap]), True, 0
    return np.concatenate([part for _ in range(sound.times) for part in (gap, once)][1:]), False, 0


def _script(sound: Sound) -> Iterator[Item]:
    """Its parts, and a gap between two of them that are no pauses."""
    own = dict(sound.own)
    before: Item = Pause(0)
    for part in sound.parts:
        item = Clip(kept(own[part]).pcm) if part in own else _item(part, sound.country)
        if not isinstance(before, Pause) and not isinstance(item, Pause):
            yield Pause(sound.gap_ms)
        yield item
        before = item


def _item(part: str, country: str) -> Item:
    kind, word, *rest = part.split()
    match kind:
        case "say":
            return Recording(word)
        case "digits":
            return SpokenNumber(word)
        case "dtmf":
            return PushedDigits(word)
        case "pause":
            return Pause(float(word))
        case "sine":
            return Sounding(Tone.parse(part, f"{word}/*/0", float(rest[0])), SINE_MS)
    return Sounding(load_plan(country).find(word).tone)


def may_have_digits(sound: Sound) -> bool | None:
    """Whether push-button digits are in a sound; None: that has to be listened for."""
    own = dict(sound.own)
    if any(part.startswith("dtmf") or (part in own and kept(own[part]).has_digits) for part in sound.parts):
        return True
    return None if any(part.startswith(("tone", "sine")) for part in sound.parts) else False


def _language(sound: Sound) -> str:
    return sound.language or load_plan(sound.country).language


def spoken_language(part: str, sound: Sound) -> str:
    """The language in which "say NAME" or "digits 123" is heard: where the one wanted lacks it, English."""
    kind, _, word = part.partition(" ")
    return find_recording(word if kind == "say" else "digit-0", _language(sound)).language


def described(sound: Sound) -> str:
    """In words, for the trace: "tone busy (fr)", "say hello, twice"."""
    if sound == ECHO:
        return "echo"
    if sound == HANDSET:
        return "the handset's microphone"
    how_often = {0: "", 1: "", 2: ", twice"}.get(sound.times, f", {sound.times} times")
    return f"{', '.join(_described_part(part, sound) for part in sound.parts)} ({sound.country}){how_often}"


def _described_part(part: str, sound: Sound) -> str:
    """With the language where it is not the country's."""
    if part in dict(sound.own) or not part.startswith(("say ", "digits ")):
        return part
    language = spoken_language(part, sound)
    return part if language == load_plan(sound.country).language else f"{part} (in {language})"
