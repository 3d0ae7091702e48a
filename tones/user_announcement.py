"""Announcements of the user's own: from WAV files of any rate and width, and from text spoken by espeak-ng."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from tones.make_announcements import level, speak, telephone
from tones.oscillator import fade
from tones.units import to_pcm
from tones.wav import read_wav, write_wav

Pcm = NDArray[np.int16]

LONGEST_S: Final = 600.0
"""The longest announcement; longer ones are most likely the wrong file."""

_FADE_SAMPLES: Final = 40
_VOICES: Final = {"en": "en-us", "fr": "fr-fr", "zh": "cmn"}
_WORDS_PER_MINUTE: Final = 145
_PITCH: Final = 42
_LONGEST_TEXT: Final = 5000


def announcements_folder() -> Path:
    """Where spoken texts are kept: the user's cache (XDG base directories: a relative one is none)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "pstn-gateway" / "announcements"


@frozen
class UserAnnouncement:
    """An announcement of the user's own, known by its name wherever it is heard.

    Args:
        name: of one word, or a file's, or the text itself.
        pcm: `int16` at 8000 Hz; what else is equal counts as the same by `digest`.
        language: ISO 639-1; "" if nobody said.
        text: what it says; "" if nobody said.
        has_digits: whether push-button digits are heard in it.

    Attributes:
        digest: of the sound.
    """

    name: str
    pcm: Pcm = field(eq=False, repr=False)
    language: str = ""
    text: str = ""
    has_digits: bool = False
    digest: str = field(init=False)

    @digest.default
    def _digest(self) -> str:
        return hashlib.sha256(self.pcm.astype("<i2").tobytes()).hexdigest()[:16]


class SpeechError(RuntimeError):
    """A text that cannot be spoken; the text says why, and what to do."""


def announcement_from_wav(path: str | Path) -> Pcm:
    """A WAV file as an announcement, at rest at both ends; its level is kept.

    Raises:
        WavError: it cannot be read, is empty, or longer than `LONGEST_S`.
        OSError: it cannot be opened.
    """
    samples = read_wav(path, LONGEST_S).astype(np.float64)
    fade(samples, _FADE_SAMPLES)
    return to_pcm(samples)


def announcement_from_text(text: str, folder: str | Path, language: str = "en") -> Pcm:
    """A text spoken by espeak-ng, kept as a WAV file in `folder` so that it is spoken once only.

    Args:
        text: at most 5,000 characters.
        folder: made if it is not there.
        language: ISO 639-1, or the name of any voice of espeak-ng.

    Raises:
        SpeechError: espeak-ng is not installed, or has no such voice, or there is nothing to say.
    """
    spoken = " ".join(text.split())
    if not spoken:
        raise SpeechError("there is no text to speak")
    if len(spoken) > _LONGEST_TEXT:
        raise SpeechError(f"a text of {len(spoken)} characters; at most {_LONGEST_TEXT} are spoken")
    voice = _VOICES.get(language, language)
    name = hashlib.sha256(f"{voice}\n{_WORDS_PER_MINUTE}\n{_PITCH}\n{spoken}".encode()).hexdigest()[:32]
    path = Path(folder) / f"{name}.wav"
    if not path.is_file():
        if shutil.which("espeak-ng") is None:
            raise SpeechError(
                "espeak-ng, which speaks texts, is not installed (Debian: apt install espeak-ng);"
                " without it, announcements are WAV files"
            )
        try:
            rate_hz, speech = speak(spoken, voice, _WORDS_PER_MINUTE, _PITCH)
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip()
            raise SpeechError(f"espeak-ng cannot speak with the voice {voice!r}: {said}") from error
        if not np.any(speech):
            raise SpeechError(f"espeak-ng says nothing for {spoken!r} with the voice {voice!r}")
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".part")
        write_wav(fresh, to_pcm(level(telephone(speech, rate_hz))))
        fresh.replace(path)
    return announcement_from_wav(path)
