"""Silence for PortAudio, which asks ALSA for every device there might be, and ALSA complains of each on standard error.

with quiet_alsa():
    audio = pyaudio.PyAudio()
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_alsa() -> Iterator[None]:
    """Standard error of the whole process, C libraries and all, goes nowhere."""
    ctypes.CDLL(None).fflush(None)
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
