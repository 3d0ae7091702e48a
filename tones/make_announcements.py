"""Make the recordings: `python -m tones.make_announcements [language ...]`. Needs espeak-ng; nothing else here does.

Each text of `recordings/<language>/texts.toml` is spoken, brought to 8 kHz and to 300-3400 Hz, trimmed, set to
-16 dBm0 of active speech, and written as a WAV file beside the texts.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tomllib
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from tones.units import SAMPLE_RATE_HZ, level_dbm0, samples, to_pcm

Samples = NDArray[np.float64]

SPEECH_DBM0: Final = -16.0
"""The level of a recording while somebody speaks."""

_BAND_HZ: Final = (300.0, 3400.0)
_FRAME: Final = samples(20)
_ACTIVE_DB: Final = 30.0
"""A frame within this of the loudest frame counts as speech."""
_PEAK: Final = 30000.0


def speak(text: str, voice: str, words_per_minute: int, pitch: int) -> tuple[int, Samples]:
    """Have espeak-ng say a text.

    Returns:
        The sample rate and the samples.
    """
    command = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "-p", str(pitch), "--stdout", text]
    octets = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(octets)) as reader:
        frames = reader.readframes(len(octets))
        return reader.getframerate(), np.frombuffer(frames[: len(frames) // 2 * 2], "<i2").astype(np.float64)


def telephone(speech: Samples, rate_hz: int) -> Samples:
    """Bring speech to the telephone's sample rate and band."""
    resampled = signal.resample_poly(speech, SAMPLE_RATE_HZ, rate_hz)
    band = signal.firwin(401, _BAND_HZ, pass_zero=False, fs=SAMPLE_RATE_HZ)
    filtered: Samples = signal.fftconvolve(resampled, band, mode="same")
    return filtered


def level(speech: Samples) -> Samples:
    """Cut the silence off both ends and set the level of what is left; fades of 10 ms."""
    frames = speech[: speech.size // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.mean(np.square(frames), axis=1)
    active = power > power.max() * 10 ** (-_ACTIVE_DB / 10)
    first, last = np.flatnonzero(active)[[0, -1]]
    begin, end = max(0, int(first) - 1) * _FRAME, min(len(frames), int(last) + 3) * _FRAME
    gain_db = SPEECH_DBM0 - level_dbm0(frames[active].ravel())
    trimmed = speech[begin:end] * 10 ** (gain_db / 20)
    trimmed *= min(1.0, _PEAK / float(np.abs(trimmed).max()))
    ramp = samples(10)
    trimmed[:ramp] *= np.linspace(0, 1, ramp)
    trimmed[-ramp:] *= np.linspace(1, 0, ramp)
    return trimmed


def make(folder: Path) -> list[Path]:
    """Make every recording that `folder/texts.toml` lists.

    Returns:
        The files written.
    """
    data: dict[str, Any] = tomllib.loads((folder / "texts.toml").read_text(encoding="utf-8"))
    written = []
    for name, text in data["texts"].items():
        rate_hz, speech = speak(text, data["voice"], data["words_per_minute"], data["pitch"])
        path = folder / f"{name}.wav"
        with wave.open(str(path), "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(SAMPLE_RATE_HZ)
            writer.writeframes(to_pcm(level(telephone(speech, rate_hz))).astype("<i2").tobytes())
        written.append(path)
    return written


def main(arguments: Sequence[str]) -> None:
    """Make the recordings of the languages named, or of all."""
    root = Path(__file__).parent / "recordings"
    for folder in sorted(root / name for name in arguments) if arguments else sorted(root.iterdir()):
        for path in make(folder):
            print(f"{path}: {path.stat().st_size} octets")


if __name__ == "__main__":
    main(sys.argv[1:])
