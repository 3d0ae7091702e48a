"""WAV files of what was heard: 16 bit linear PCM, mono, 8000 Hz."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000


def write_wav(target: Path | BinaryIO, pcm: NDArray[np.int16], rate_hz: int = RATE_HZ) -> None:
    """Write one channel of 16 bit PCM.

    Args:
        target: the path, or a binary file that stays open.
        pcm: shape (n,), int16; n may be 0.
        rate_hz: sampling rate.

    Raises:
        ValueError: `pcm` is not one row of int16.
    """
    if pcm.dtype != np.int16 or pcm.ndim != 1:
        raise ValueError(f"wanted one row of int16 samples, got {pcm.dtype} of shape {pcm.shape}")
    octets = pcm.astype("<i2").tobytes()
    if isinstance(target, Path):
        with target.open("wb") as file:
            _write(file, octets, rate_hz)
    else:
        _write(target, octets, rate_hz)


def _write(file: BinaryIO, octets: bytes, rate_hz: int) -> None:
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(octets)


def read_wav(source: Path | BinaryIO) -> tuple[NDArray[np.int16], int]:
    """Read back what `write_wav` wrote: the samples, shape (n,), and the sampling rate in Hz.

    Raises:
        ValueError: it has several channels or another sample width.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return read_wav(file)
    with wave.open(source, "rb") as wav:
        if wav.getnchannels() != 1 or wav.getsampwidth() != 2:
            raise ValueError(f"wanted mono 16 bit, got {wav.getnchannels()} channels of {8 * wav.getsampwidth()} bit")
        octets = wav.readframes(wav.getnframes())
        return np.frombuffer(octets, dtype="<i2").astype(np.int16), wav.getframerate()
