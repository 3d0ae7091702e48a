"""In the place of PyAudio: what both directions of a sound card have in common."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar


class Stream:
    """A stream, and the PyAudio that it came from: it notes how it ends.

    Attributes:
        ended: "stopped", "closed", "terminated", in their order.
    """

    ended: ClassVar[list[str]] = []

    def stop_stream(self) -> None:
        """As PyAudio's stream."""
        self.ended.append("stopped")

    def close(self) -> None:
        """As PyAudio's stream."""
        self.ended.append("closed")

    def terminate(self) -> None:
        """As PyAudio."""
        self.ended.append("terminated")


def module(audio: type[Stream]) -> SimpleNamespace:
    """What `import pyaudio` gives."""
    return SimpleNamespace(PyAudio=audio, paInt16=8)
