"""The sound card by PyAudio: what is asked of it, and what is said where it is missing. The judges hear a real one."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.net.sound_card import Loudspeaker, Microphone, NoSoundCardError


class PortAudio:
    """PyAudio's module, its class and its stream in one; notes what is asked of it."""

    paInt16 = 8

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.asked: list[str] = []
        self.options: dict[str, object] = {}

    def PyAudio(self) -> PortAudio:
        return self

    def open(self, **options: object) -> PortAudio:
        self.options = options
        if self.fault is not None:
            raise self.fault
        return self

    def read(self, frames: int, exception_on_overflow: bool = True) -> bytes:
        assert not exception_on_overflow
        return bytes(2 * frames)

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.asked.append(" ".join([name, *map(str, arguments)]))


@pytest.fixture
def port_audio(monkeypatch: pytest.MonkeyPatch) -> PortAudio:
    """One with every device."""
    made = PortAudio()
    monkeypatch.setitem(sys.modules, "pyaudio", made)
    return made


def test_a_loudspeaker_plays_until_it_is_closed(port_audio: PortAudio) -> None:
    loudspeaker = Loudspeaker()
    assert port_audio.options == {"format": 8, "channels": 1, "rate": 8000, "frames_per_buffer": 160, "output": True}
    loudspeaker.play(b"ab")
    loudspeaker.close()
    assert port_audio.asked == ["write b'ab'", "stop_stream", "close", "terminate"]


def test_a_microphone_gives_20_ms_and_overlooks_what_was_lost(port_audio: PortAudio) -> None:
    microphone = Microphone()
    assert port_audio.options["input"] is True
    assert microphone.record() == bytes(320)


@pytest.mark.parametrize(("device", "purpose"), [(Loudspeaker, "to play on"), (Microphone, "to hear by")])
def test_without_a_device_it_says_how_to_get_one(port_audio: PortAudio, device: type, purpose: str) -> None:
    port_audio.fault = OSError("Invalid output device")
    with pytest.raises(NoSoundCardError, match=rf"no sound device {purpose} \(Invalid output device\).*null-sink"):
        device()
    assert port_audio.asked == ["terminate"]


def test_without_pyaudio_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    with pytest.raises(NoSoundCardError, match=r"portaudio19-dev gcc python3-dev, then pip install .*\[audio\]"):
        Loudspeaker()


def test_a_pyaudio_that_does_not_load_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def find_spec(self, name: str, *_: object) -> SimpleNamespace | None:
            if name == "pyaudio":
                raise ImportError("libportaudio.so.2: cannot open shared object file")
            return None

    monkeypatch.delitem(sys.modules, "pyaudio", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(NoSoundCardError, match=r"\(libportaudio.so.2: cannot open"):
        Loudspeaker()
