"""Talk-off (ITU-T Q.24): in speech and music, of any length, no digit may be received that nobody pressed.

Speech is spoken by espeak-ng, many voices and languages at many speeds and pitches, all of it different words; music is
made here: melodies and chords of instruments with harmonics, vibrato and decay. Both go through A-law at a level that
varies from piece to piece.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tones.announcement import available_languages, recording_texts
from tones.detect.dtmf import detect
from tones.g711 import Law, decode, encode
from tones.make_announcements import speak, telephone
from tones.units import SAMPLE_RATE_HZ, amplitude, level_dbm0, to_pcm

Pcm = NDArray[np.int16]
Samples = NDArray[np.float64]

PIECE_S: Final = 30.0
_LEVELS_DBM0: Final = (-25.0, -8.0)
_VOICES: Final = {"en": "en-us", "fr": "fr-fr", "zh": "cmn-latn-pinyin"}
_VARIANTS: Final = ("", "+f1", "+f2", "+f3", "+f4", "+m1", "+m2", "+m3", "+m5", "+m7")
_HARMONICS: Final = 12


class NoVoiceError(RuntimeError):
    """espeak-ng is not there."""


def speech(rng: np.random.Generator, seconds: float = PIECE_S) -> Samples:
    """Somebody talking, words in random order; 8 kHz, telephone band.

    Raises:
        NoVoiceError: espeak-ng is not installed.
    """
    if shutil.which("espeak-ng") is None:
        raise NoVoiceError("the talk-off test speaks with espeak-ng (Debian: apt install espeak-ng)")
    language = str(rng.choice(available_languages()))
    words = " ".join(recording_texts(language).values()).split()
    # A voice says about three words a second.
    text = " ".join(rng.choice(words, int(4 * seconds)))
    voice = _VOICES.get(language, language) + str(rng.choice(_VARIANTS))
    try:
        rate_hz, spoken = speak(text, voice, int(rng.integers(110, 220)), int(rng.integers(10, 90)))
    except subprocess.CalledProcessError as error:
        raise NoVoiceError(f"espeak-ng cannot speak with the voice {voice!r}") from error
    return telephone(spoken[: int(seconds * rate_hz)], rate_hz)


def music(rng: np.random.Generator, seconds: float = PIECE_S) -> Samples:
    """Melodies and chords; 8 kHz."""
    total = int(seconds * SAMPLE_RATE_HZ)
    sound = np.zeros(total + 2 * SAMPLE_RATE_HZ)
    root = float(rng.uniform(110, 440))
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 19, 24])
    slope, decay = float(rng.uniform(0.6, 2.2)), float(rng.uniform(0.3, 3.0))
    at = 0
    while at < total:
        length = int(rng.choice([0.125, 0.25, 0.5, 1.0]) * SAMPLE_RATE_HZ)
        seconds_of_note = np.arange(length) / SAMPLE_RATE_HZ
        envelope = np.minimum(1, seconds_of_note / 0.01) * np.exp(-seconds_of_note * decay)
        for step in rng.choice(scale, int(rng.integers(1, 5)), replace=False):
            hz = root * 2 ** (float(step) / 12)
            bend = rng.uniform(0, 0.006) * np.sin(2 * np.pi * rng.uniform(4, 7) * seconds_of_note)
            phase = 2 * np.pi * hz * np.cumsum(1 + bend) / SAMPLE_RATE_HZ
            for harmonic in range(1, _HARMONICS + 1):
                if harmonic * hz < 3400:
                    sound[at : at + length] += envelope * harmonic**-slope * np.sin(harmonic * phase)
        at += length
    return sound[:total]


def sent(sound: Samples, rng: np.random.Generator) -> Pcm:
    """The piece at a random level, through A-law."""
    level = level_dbm0(sound)
    gain = amplitude(float(rng.uniform(*_LEVELS_DBM0))) / amplitude(level)
    return decode(encode(to_pcm(sound * gain), Law.ALAW), Law.ALAW)


def false_digits(minutes: float, seed: int = 1) -> tuple[float, float, int]:
    """Listen to speech and music, two pieces of the former to one of the latter.

    Returns:
        Minutes of speech, minutes of music, and the digits that were received.
    """
    rng = np.random.default_rng(seed)
    heard = {True: 0, False: 0}
    digits = piece = 0
    while sum(heard.values()) < minutes * 60 * SAMPLE_RATE_HZ:
        spoken = piece % 3 < 2
        pcm = sent(speech(rng) if spoken else music(rng), rng)
        heard[spoken] += pcm.size
        digits += len(detect(pcm))
        piece += 1
    return heard[True] / SAMPLE_RATE_HZ / 60, heard[False] / SAMPLE_RATE_HZ / 60, digits


def table(minutes: float, seed: int = 1) -> Iterator[str]:
    """The talk-off as the rows of a Markdown table.

    Raises:
        NoVoiceError: espeak-ng is not installed.
    """
    spoken, played, digits = false_digits(minutes, seed)
    yield "| talk-off | minutes | false digits |"
    yield "|---|---:|---:|"
    yield f"| speech and music | {spoken:.0f} + {played:.0f} | {digits} |"
