"""The sound card, by PyAudio: the extra `audio`. Where it is missing, the error says what, and how to get it."""

from __future__ import annotations

from typing import Any

from gateway.core.errors import GatewayError
from tones.quiet_alsa import quiet_alsa

RATE_HZ = 8000
FRAMES = 160


class NoSoundCardError(GatewayError):
    """No PyAudio, no PortAudio, or no device."""


class _Device:
    """A stream of PortAudio's, 16-bit mono at 8 kHz.

    Args:
        direction: "input" or "output".
        purpose: what it is for, in words.

    Raises:
        NoSoundCardError: there is none, and what to do about it.
    """

    def __init__(self, direction: str, purpose: str) -> None:
        try:
            import pyaudio
        except ImportError as error:
            raise NoSoundCardError(
                "PyAudio is not installed. It is built on PortAudio: apt-get install portaudio19-dev gcc python3-dev, "
                "then pip install 'pstn-gateway[audio]'" + ("" if "No module" in str(error) else f" ({error})")
            ) from None
        with quiet_alsa():
            self._audio: Any = pyaudio.PyAudio()
            try:
                self._stream: Any = self._audio.open(
                    format=pyaudio.paInt16, channels=1, rate=RATE_HZ, frames_per_buffer=FRAMES, **{direction: True}
                )
            except OSError as error:
                self._audio.terminate()
                raise NoSoundCardError(
                    f"there is no sound device {purpose} ({error}). Plug one in, or start PulseAudio or PipeWire; "
                    "without hardware a null sink will do: pactl load-module module-null-sink"
                ) from None

    def close(self) -> None:
        """Let the last samples out and close the device."""
        self._stream.stop_stream()
        self._stream.close()
        self._audio.terminate()


class Loudspeaker(_Device):
    """Plays 16-bit mono at 8 kHz.

    Raises:
        NoSoundCardError: it cannot, and what to do about it.
    """

    def __init__(self) -> None:
        super().__init__("output", "to play on")

    def play(self, pcm: bytes) -> None:
        """16-bit little-endian samples; returns when the device has taken them."""
        self._stream.write(pcm)


class Microphone(_Device):
    """Hears 16-bit mono at 8 kHz.

    Raises:
        NoSoundCardError: it cannot, and what to do about it.
    """

    def __init__(self) -> None:
        super().__init__("input", "to hear by")

    def record(self) -> bytes:
        """The next 160 samples, 16-bit little-endian; what nobody has taken in time is lost."""
        heard: bytes = self._stream.read(FRAMES, exception_on_overflow=False)
        return heard
