"""Recording announcements from the microphone, by PyAudio: an extra; without it `MicrophoneError` says how to get it.

What is recorded is brought into the telephone's band, cut to where somebody speaks, and set to the level of the
announcements that are here already, so that a user's own sound like them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tones.make_announcements import level, telephone
from tones.quiet_alsa import quiet_alsa
from tones.units import SAMPLE_RATE_HZ, level_dbm0, to_pcm
from tones.user_announcement import LONGEST_S

Pcm = NDArray[np.int16]
Shown = Callable[[float, float, bool], None]
"""Told after each block: seconds so far, its level in dBm0, and whether it was too loud."""

BLOCK_S: Final = 0.1
LEAST_DBM0: Final = -45.0
"""Below this it is the noise of a microphone, and nobody speaks."""
_CLIPPED: Final = 32_700
_BAR_FROM_DBM0, _BAR_TO_DBM0, _BAR_WIDTH = -60.0, 0.0, 40
_SHORTEST_S: Final = 0.2
_HOW: Final = (
    "recording needs PyAudio: pip install 'pstn-gateway[audio]' (it is built from source:"
    " apt install portaudio19-dev gcc python3-dev first); or record a WAV file with any other program"
)


class MicrophoneError(RuntimeError):
    """Nothing can be recorded, or nothing was; the text says why, and what to do."""


class Microphone:
    """The default microphone, 16-bit mono, at 8 kHz or else at the rate it has.

    Raises:
        MicrophoneError: PyAudio is missing, or there is no sound device.
    """

    def __init__(self) -> None:
        try:
            import pyaudio
        except ImportError as error:
            raise MicrophoneError(_HOW) from error
        with quiet_alsa():
            self._audio: Any = pyaudio.PyAudio()
            try:
                self.rate_hz, self._stream = self._opened(pyaudio.paInt16)
            except OSError as error:
                self._audio.terminate()
                raise MicrophoneError(
                    f"there is no sound device to record from ({error}): plug one in, or start PulseAudio or PipeWire;"
                    " or record a WAV file on another machine"
                ) from error

    def _opened(self, form: int) -> tuple[int, Any]:
        try:
            return SAMPLE_RATE_HZ, self._audio.open(SAMPLE_RATE_HZ, 1, form, input=True)
        except OSError:
            rate_hz = int(self._audio.get_default_input_device_info()["defaultSampleRate"])
            return rate_hz, self._audio.open(rate_hz, 1, form, input=True)

    def block(self) -> Pcm:
        """The next `BLOCK_S` seconds."""
        octets = self._stream.read(round(BLOCK_S * self.rate_hz), exception_on_overflow=False)
        return np.frombuffer(octets, "<i2").astype(np.int16)

    def close(self) -> None:
        """Hear no more."""
        self._stream.stop_stream()
        self._stream.close()
        self._audio.terminate()


def record(microphone: Microphone, seconds: float | None, shown: Shown, stopped: Callable[[], bool]) -> Pcm:
    """Record until it is long enough, `stopped`, or interrupted from the keyboard.

    Args:
        microphone: it is left open.
        seconds: None: until it is stopped, ten minutes at most.
        shown: told of each block.
        stopped: asked after each block.

    Returns:
        What was said, at the microphone's rate.

    Raises:
        MicrophoneError: the device has failed.
    """
    most_s = min(seconds or LONGEST_S, LONGEST_S)
    blocks: list[Pcm] = []
    try:
        while (len(blocks) + 0.5) * BLOCK_S < most_s and not (blocks and stopped()):
            blocks.append(microphone.block())
            loudest = int(np.abs(blocks[-1].astype(np.int32)).max(initial=0))
            shown(len(blocks) * BLOCK_S, level_dbm0(blocks[-1]), loudest >= _CLIPPED)
    except KeyboardInterrupt:
        pass
    except OSError as error:
        raise MicrophoneError(f"the sound device has failed: {error}") from error
    return np.concatenate([np.zeros(0, np.int16), *blocks])


def announcement_of(recorded: Pcm, rate_hz: int) -> Pcm:
    """What was recorded as an announcement: in the telephone's band, trimmed, at the level that announcements have.

    Raises:
        MicrophoneError: nobody speaks in it.
    """
    if recorded.size < _SHORTEST_S * rate_hz:
        raise MicrophoneError(f"{recorded.size / rate_hz:.1f} s were recorded; that is too short")
    speech = telephone(recorded.astype(np.float64), rate_hz)
    frames = speech[: speech.size // 160 * 160].reshape(-1, 160)
    loudest_dbm0 = max(level_dbm0(frame) for frame in frames)
    if loudest_dbm0 < LEAST_DBM0:
        raise MicrophoneError(
            f"nothing was heard (at most {loudest_dbm0:.0f} dBm0): is the microphone muted, or another one the default?"
        )
    return to_pcm(level(speech))


def meter(seconds: float, level_dbm0: float, too_loud: bool) -> str:
    """One line that shows how loud it is: `  1.2 s  ##############            -24 dBm0`."""
    share = (level_dbm0 - _BAR_FROM_DBM0) / (_BAR_TO_DBM0 - _BAR_FROM_DBM0)
    bar = "#" * round(_BAR_WIDTH * min(1.0, max(0.0, share)))
    words = "too loud" if too_loud else f"{max(level_dbm0, -99.0):.0f} dBm0"
    return f"{seconds:6.1f} s  {bar:{_BAR_WIDTH}}  {words:9}"
