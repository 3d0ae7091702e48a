"""What the exchange plays, made audible: words of a behaviour to PCM (the tones themselves are `tones`')."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from gateway.exchange.effects import ECHO, HANDSET, Sound
from tones.announcement import LANGUAGE, Pause, Recording, Sounding, SpokenNumber, compose, find_recording
from tones.cadence import render
from tones.dtmf import render_digit
from tones.notation import Signal
from tones.oscillator import oscillate, seamless_period
from tones.plan import Tone, load_plan
from tones.units import samples, to_pcm
from tones.user_announcement import announcement_from_text, announcement_from_wav, announcements_folder

Pcm = NDArray[np.int16]
DIGIT_MS = 100.0
"""How long a digit of the far end lasts, and the pause behind it."""
RAMP_MS = 5
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
    language = sound.language or load_plan(sound.country).language
    gap = compose([Pause(sound.gap_ms)])
    once = np.concatenate([each for part in sound.parts for each in (gap, _part(part, sound.country, language))][1:])
    if sound.fade_ms:
        once = faded(once, sound.fade_ms)
    if sound.times == 0:
        return np.concatenate([once, gap]), True, 0
    return np.concatenate([part for _ in range(sound.times) for part in (gap, gap, once)][2:]), False, 0


def own_announcement(part: str, language: str) -> Pcm | None:
    """The user's own recording or text, if the part is one: "wav PATH", "text WORDS".

    Raises:
        tones.wav.WavError, OSError: the recording cannot be read.
        tones.user_announcement.SpeechError: the text cannot be spoken.
    """
    kind, _, rest = part.partition(" ")
    match kind:
        case "wav":
            return _own_recording(rest.strip())
        case "text":
            return _own_text(rest.strip(), language or LANGUAGE)
    return None


@lru_cache(maxsize=256)
def _own_recording(path: str) -> Pcm:
    return announcement_from_wav(path)


@lru_cache(maxsize=256)
def _own_text(text: str, language: str) -> Pcm:
    return announcement_from_text(text, announcements_folder(), language)


def faded(pcm: Pcm, fade_ms: int) -> Pcm:
    """The same, coming and going in so many milliseconds."""
    ramp = min(samples(fade_ms), len(pcm) // 2)
    gain = np.ones(len(pcm))
    gain[:ramp] = np.linspace(0.0, 1.0, ramp)
    gain[len(pcm) - ramp :] = np.linspace(1.0, 0.0, ramp)
    return to_pcm(pcm * gain)


def _part(part: str, country: str, language: str) -> Pcm:
    own = own_announcement(part, language)
    if own is not None:
        return own
    kind, word, *_ = part.split()
    if kind == "dtmf":
        pause = compose([Pause(DIGIT_MS)])
        return np.concatenate([each for digit in word for each in (pause, render_digit(digit, DIGIT_MS))][1:])
    pcm = compose([_item(part, country)], language)
    return faded(pcm, RAMP_MS) if kind == "sine" else pcm


def _item(part: str, country: str) -> Recording | Sounding | SpokenNumber | Pause:
    kind, word, *_ = part.split()
    if kind == "pause":
        return Pause(float(word))
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
    return f"{', '.join(map(partial(_described_part, sound.country, sound.language), sound.parts))} ({sound.country}){how_often}"


def _described_part(country: str, language: str, part: str) -> str:
    """With the language where it is not the country's."""
    kind, word, *_ = part.split()
    if kind == "wav":
        return f"wav {PurePath(part.partition(' ')[2]).name}"
    if kind not in ("say", "digits"):
        return part
    found = find_recording(word if kind == "say" else "digit-0", language or load_plan(country).language)
    return f"{part} (in {found.language})" if found.fallback else part
