"""Recorded announcements, spoken numbers, and scripts that join them with tones into one clip.

Recordings are 8 kHz 16-bit mono WAV files in `tones/recordings/<language>`, made by `tones.make_announcements`:
speech at -16 dBm0, 300 to 3400 Hz. English has all of them; what another language lacks is said in English, and says
so: `FoundRecording.fallback`.
"""

from __future__ import annotations

import tomllib
import wave
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, matches_re
from numpy.typing import NDArray

from tones.cadence import render
from tones.dtmf import render_digits
from tones.oscillator import fade
from tones.plan import Tone
from tones.units import SAMPLE_RATE_HZ, samples, to_pcm

Pcm = NDArray[np.int16]

LANGUAGE: Final = "en"
DIGIT_GAP_MS: Final = 60.0
"""The pause between two spoken digits."""
DIGIT_NAMES: Final = {**{digit: f"digit-{digit}" for digit in "0123456789"}, "*": "digit-star", "#": "digit-hash"}
"""What can be spoken digit by digit, and the recordings of it."""

DIGIT_MS: Final = 100.0
"""How long a push-button digit sounds, and the pause between two."""
FADE_MS: Final = 5.0


class UnknownRecordingError(LookupError):
    """There is no recording of that name in that language."""


@cache
def recording_texts(language: str = LANGUAGE) -> Mapping[str, str]:
    """The name of every recording and what it says, spoken digits ("digit-7") included.

    Raises:
        UnknownRecordingError: there are no recordings in that language.
    """
    file = resources.files("tones") / "recordings" / language / "texts.toml"
    if not file.is_file():
        raise UnknownRecordingError(f"no recordings in the language {language!r}")
    texts: dict[str, str] = tomllib.loads(file.read_text(encoding="utf-8"))["texts"]
    return texts


def available_announcements(language: str = LANGUAGE) -> tuple[str, ...]:
    """The names that `announcement` takes, spoken digits left out."""
    return tuple(name for name in recording_texts(language) if not name.startswith("digit-"))


@cache
def available_languages() -> tuple[str, ...]:
    """The languages (ISO 639-1) that there are recordings in, English first."""
    folder = resources.files("tones") / "recordings"
    found = {entry.name for entry in folder.iterdir() if (entry / "texts.toml").is_file()}
    return (LANGUAGE, *sorted(found - {LANGUAGE}))


@frozen
class FoundRecording:
    """A recording, the language it is in, and whether that is not the one that was asked (a visible fallback)."""

    name: str
    language: str
    fallback: bool

    @property
    def pcm(self) -> Pcm:
        """What is heard."""
        return announcement(self.name, self.language)

    @property
    def text(self) -> str:
        """What is said, as it was written for the voice."""
        return recording_texts(self.language)[self.name]


def find_recording(name: str, language: str) -> FoundRecording:
    """A recording in a language, such as a plan's `language`, else in English.

    Raises:
        UnknownRecordingError: there is none of that name in either.
    """
    if language in available_languages() and name in recording_texts(language):
        return FoundRecording(name, language, fallback=False)
    if name not in recording_texts(LANGUAGE):
        raise UnknownRecordingError(f"no recording {name!r}; there are: {', '.join(recording_texts(LANGUAGE))}")
    return FoundRecording(name, LANGUAGE, fallback=True)


@cache
def announcement(name: str, language: str = LANGUAGE) -> Pcm:
    """A recording, at rest at both ends; read-only, read once.

    Raises:
        UnknownRecordingError: there is none of that name; the text says which there are.
    """
    if name not in recording_texts(language):
        raise UnknownRecordingError(f"no recording {name!r}; there are: {', '.join(recording_texts(language))}")
    file = resources.files("tones") / "recordings" / language / f"{name}.wav"
    with file.open("rb") as stream, wave.open(stream) as reader:
        shape = reader.getframerate(), reader.getsampwidth(), reader.getnchannels()
        if shape != (SAMPLE_RATE_HZ, 2, 1):
            raise UnknownRecordingError(f"recording {name!r} is not 8 kHz 16-bit mono but {shape}")
        octets = reader.readframes(reader.getnframes())
    pcm = faded(np.frombuffer(octets, "<i2").astype(np.int16))
    pcm.flags.writeable = False
    return pcm


def spoken_digits(digits: str, language: str = LANGUAGE) -> Pcm:
    """A number, digit by digit; each digit begins and ends at rest, so that the joins make no click.

    Args:
        digits: 0-9, *, #; spaces, hyphens, dots and a leading plus sign are passed over.

    Raises:
        ValueError: something else is in it.
    """
    plain = digits.translate(str.maketrans("", "", " -.+()"))
    if not plain or not set(plain) <= set(DIGIT_NAMES):
        raise ValueError(f"{digits!r} is not a number that can be spoken digit by digit")
    gap = np.zeros(samples(DIGIT_GAP_MS), np.int16)
    parts = [part for digit in plain for part in (gap, find_recording(DIGIT_NAMES[digit], language).pcm)]
    return np.concatenate(parts[1:])


@frozen
class Recording:
    """A script's item: a recording by its name."""

    name: str


@frozen
class SpokenNumber:
    """A script's item: a number spoken digit by digit."""

    digits: str = field(validator=matches_re(r"[0-9*# ().+-]*[0-9*#][0-9*# ().-]*"))


@frozen
class Pause:
    """A script's item: silence."""

    duration_ms: float = field(validator=ge(0))


@frozen
class Sounding:
    """A script's item: a tone for a time; for None, what it plays once and one period of what it repeats."""

    tone: Tone
    duration_ms: float | None = None


@frozen
class PushedDigits:
    """A script's item: push-button digits (ITU-T Q.23), 100 ms each and 100 ms apart."""

    digits: str = field(validator=matches_re(r"[0-9*#A-Da-d]+"))


@frozen(eq=False)
class Clip:
    """A script's item: sound that is there already, `int16` at 8000 Hz."""

    pcm: Pcm = field(repr=False)


Item = Tone | Sounding | Recording | SpokenNumber | PushedDigits | Clip | Pause


def compose(script: Iterable[Item], language: str = LANGUAGE) -> Pcm:
    """Play a script's items one after the other into one clip; what the language lacks is said in English.

    Raises:
        UnknownRecordingError: a recording that is not there.
    """
    return np.concatenate([np.zeros(0, np.int16), *(_play(item, language) for item in script)])


def _play(item: Item, language: str) -> Pcm:
    match item:
        case Recording(name):
            return find_recording(name, language).pcm
        case SpokenNumber(digits):
            return spoken_digits(digits, language)
        case PushedDigits(digits):
            # Without the pause behind the last one: what follows has its own.
            return render_digits(digits, DIGIT_MS, DIGIT_MS)[: -samples(DIGIT_MS)]
        case Clip(pcm):
            return pcm
        case Pause(duration_ms):
            return np.zeros(samples(duration_ms), np.int16)
        case Tone():
            return _once(item)
        case Sounding(tone, duration_ms):
            return _once(tone) if duration_ms is None else faded(render(tone).take(samples(duration_ms)))


def faded(pcm: Pcm, duration_ms: float = FADE_MS) -> Pcm:
    """The same, brought up from rest and back to it, by a raised cosine of that length."""
    signal = pcm.astype(np.float64)
    fade(signal, samples(duration_ms))
    return to_pcm(signal)


def _once(tone: Tone) -> Pcm:
    sound = render(tone)
    once = np.concatenate([sound.introduction, sound.period])
    # What goes on for ever has no ramps of its own.
    endless = any(segment.on_ms is None and not segment.signal.silent for segment in tone.segments)
    return faded(once) if endless else once
