"""Playing PCM on the sound card. Needs PyAudio, an extra; without it `PlaybackError` says how to get it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tones.quiet_alsa import quiet_alsa
from tones.units import SAMPLE_RATE_HZ, samples

_BLOCK: Final = samples(100)


class PlaybackError(RuntimeError):
    """Nothing can be played; the text says why, and what to do."""


def play(pcm: NDArray[np.int16]) -> None:
    """Play 8 kHz mono to its end.

    Raises:
        PlaybackError: PyAudio is missing, or there is no sound device.
    """
    try:
        import pyaudio
    except ImportError as error:
        raise PlaybackError(
            "playing needs PyAudio: pip install 'pstn-gateway[audio]' (it is built from source:"
            " apt install portaudio19-dev gcc python3-dev first); or `render` to a WAV file"
        ) from error
    with quiet_alsa():
        audio: Any = pyaudio.PyAudio()
        try:
            stream = audio.open(SAMPLE_RATE_HZ, 1, pyaudio.paInt16, output=True)
        except OSError as error:
            audio.terminate()
            raise PlaybackError(
                f"there is no sound device to play on: {error}; `render` to a WAV file instead"
            ) from error
    try:
        for start in range(0, pcm.size, _BLOCK):
            stream.write(pcm[start : start + _BLOCK].astype("<i2").tobytes())
        stream.stop_stream()
    finally:
        stream.close()
        audio.terminate()
