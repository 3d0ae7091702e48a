"""What the exchange plays, made audible: words of a behaviour to PCM (the tones themselves are `tones`')."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from gateway.exchange.effects import ECHO, HANDSET, Sound
from tones.announcement import Pause, Recording, Sounding, SpokenNumber, compose, find_recording
from tones.cadence import render
from tones.notation import Signal
from tones.oscillator import oscillate, seamless_period
from tones.plan import Tone, load_plan
from tones.units import to_pcm

Pcm = NDArray[np.int16]
GAP_MS = 500.0
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
    script = [item for part in sound.parts for item in (_item(part, sound.country), Pause(GAP_MS))][:-1]
    once = compose(script, load_plan(sound.country).language)
    if sound.times == 0:
        return np.concatenate([once, compose([Pause(GAP_MS)])]), True, 0
    gap = compose([Pause(2 * GAP_MS)])
    return np.concatenate([part for _ in range(sound.times) for part in (gap, once)][1:]), False, 0


def _item(part: str, country: str) -> Recording | Sounding | SpokenNumber:
    kind, word, *_ = part.split()
    if kind == "say":
        return Recording(word)
    if kind == "digits":
        return SpokenNumber(word)
    if kind == "sine":
        return Sounding(Tone.parse(part, f"{word}/*/0", float(part.split()[2])), SINE_MS)
    return Sounding(load_plan(country).find(word).tone)


def described(sound: Sound) -> str:
    """In words, for the trace: "tone busy (fr)", "say hello, twice"."""
    if sound == ECHO:
        return "echo"
    if sound == HANDSET:
        return "the handset's microphone"
    how_often = {0: "", 1: "", 2: ", twice"}.get(sound.times, f", {sound.times} times")
    return f"{', '.join(map(partial(_described_part, sound.country), sound.parts))} ({sound.country}){how_often}"


def _described_part(country: str, part: str) -> str:
    """With the language where it is not the country's."""
    kind, word, *_ = part.split()
    if kind not in ("say", "digits"):
        return part
    found = find_recording(word if kind == "say" else "digit-0", load_plan(country).language)
    return f"{part} (in {found.language})" if found.fallback else part
