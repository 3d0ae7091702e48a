"""The handset's command: a line that is a socket of the test's, a sound card that is not one, and keys."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gateway.cli import handset
from gateway.cli.handset import NoLineError, Telephone
from gateway.net.handset import Frame, Frames, Kind
from gateway.net.sound_card import NoSoundCardError
from tones.g711 import Law, decode, encode

SPEECH = np.full(160, 1000, np.int16)
PATIENCE_S = 5.0


class Line:
    """The gateway's end of the control socket; it hangs up where it has no answer."""

    def __init__(self, path: Path, answer: bytes = b"ready\n") -> None:
        self.path = path
        self._answer = answer
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen(1)
        self._frames = Frames()
        self._came: list[Frame] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        self.connection, _ = self._listening.accept()
        self.connection.settimeout(PATIENCE_S)
        self.asked = self.connection.recv(100)
        self.connection.sendall(self._answer)
        if not self._answer:
            self.connection.shutdown(socket.SHUT_RDWR)

    def send(self, *frames: Frame) -> None:
        """To the handset."""
        self._thread.join()
        self.connection.sendall(b"".join(frame.serialize() for frame in frames))

    def comes(self, kind: Kind) -> Frame:
        """The next frame of that kind."""
        while True:
            for place, frame in enumerate(self._came):
                if frame.kind is kind:
                    del self._came[: place + 1]
                    return frame
            octets = self.connection.recv(4096)
            assert octets, f"no {kind.name} came"
            self._came.extend(self._frames.feed(octets))

    def close(self) -> None:
        """The gateway goes."""
        self._thread.join()
        self.connection.close()
        self._listening.close()


class Card:
    """A loudspeaker and a microphone."""

    fault: Exception | None = None

    def __init__(self) -> None:
        self.played: list[bytes] = []
        self.plays = threading.Event()
        self.closed = 0
        self._pace = threading.Event()

    def play(self, pcm: bytes) -> None:
        if self.fault is not None:
            raise self.fault
        self.played.append(pcm)
        self.plays.set()
        self._pace.wait(0.001)

    def record(self) -> bytes:
        self._pace.wait(0.001)
        return SPEECH.tobytes()

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def folder() -> Iterator[Path]:
    """One with a short name, as UNIX sockets need."""
    with tempfile.TemporaryDirectory(prefix="pstn-") as name:
        yield Path(name)


@pytest.fixture
def line(folder: Path) -> Iterator[Line]:
    """One that takes the handset."""
    made = Line(folder / "s")
    yield made
    made.close()


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    """The sound card of the command."""
    made = Card()
    monkeypatch.setattr(handset, "Loudspeaker", lambda: made)
    monkeypatch.setattr(handset, "Microphone", lambda: made)
    return made


class Keyboard:
    """A terminal of the test's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ours, self._theirs = os.openpty()
        self._input = os.fdopen(self._theirs, "r")
        monkeypatch.setattr(sys, "stdin", self._input)

    def press(self, key: str) -> None:
        os.write(self._ours, key.encode())

    def close(self) -> None:
        self._input.close()
        os.close(self._ours)


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keyboard]:
    """One without a key pressed."""
    made = Keyboard(monkeypatch)
    yield made
    made.close()


class Running:
    """The command, in a thread."""

    def __init__(self, control: Path) -> None:
        self.status: int | None = None
        self._thread = threading.Thread(target=self._run, args=(control,), daemon=True)
        self._thread.start()

    def _run(self, control: Path) -> None:
        self.status = handset.run(argparse.Namespace(control=control))

    def ends(self) -> int | None:
        """Its exit status."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self.status


def test_keys_answer_hang_up_and_end_it(
    line: Line, card: Card, keyboard: Keyboard, capsys: pytest.CaptureFixture[str]
) -> None:
    running = Running(line.path)
    line.send(Frame(Kind.RING, b"fr"))
    assert card.plays.wait(PATIENCE_S)
    keyboard.press("\n")
    line.comes(Kind.LIFTED)
    said = encode(SPEECH, Law.MULAW).tobytes()
    line.send(Frame(Kind.CONNECTED), Frame(Kind.PCMU, said))
    while line.comes(Kind.PCMU).payload != said:
        pass
    until_s = time.monotonic() + PATIENCE_S
    while decode(said, Law.MULAW).tobytes() not in card.played:
        assert time.monotonic() < until_s
    keyboard.press("q")
    line.comes(Kind.HUNG_UP)
    line.send(Frame(Kind.OVER))
    until_s = time.monotonic() + PATIENCE_S
    while "the call is over" not in capsys.readouterr().out:
        assert time.monotonic() < until_s
    keyboard.press("q")
    assert running.ends() == 0
    assert card.closed == 2
    assert line.asked == b"handset\n"


def test_it_ends_when_the_gateway_goes(
    line: Line, card: Card, keyboard: Keyboard, capsys: pytest.CaptureFixture[str]
) -> None:
    running = Running(line.path)
    line._thread.join()
    line.connection.shutdown(socket.SHUT_RDWR)
    assert running.ends() == 1
    assert "the gateway has gone" in capsys.readouterr().out


def test_a_gateway_that_takes_no_handset_is_quoted(
    folder: Path, card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line(folder / "s", b"error another handset is connected; there is one line\n")
    assert handset.run(argparse.Namespace(control=line.path)) == 1
    assert capsys.readouterr().err == "handset: another handset is connected; there is one line\n"
    line.close()


def test_no_gateway_is_said(folder: Path, card: Card, capsys: pytest.CaptureFixture[str]) -> None:
    assert handset.run(argparse.Namespace(control=folder / "s")) == 1
    assert "(No such file or directory); start one: twistd -n pstn-gateway" in capsys.readouterr().err
    assert card.closed == 2


def test_no_sound_card_is_said(
    folder: Path, card: Card, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise NoSoundCardError("there is no sound device to hear by")

    monkeypatch.setattr(handset, "Microphone", missing)
    assert handset.run(argparse.Namespace(control=folder / "s")) == 1
    assert capsys.readouterr().err == "handset: there is no sound device to hear by\n"
    assert card.closed == 1


def test_a_sound_card_that_fails_pulls_the_handset_out(line: Line, card: Card) -> None:
    said: list[str] = []
    card.fault = OSError("Stream closed")
    telephone = Telephone(line.path, card, card, said.append)
    line.send(Frame(Kind.RING, b"us"))
    assert telephone.wait_for("unplugged", PATIENCE_S)
    assert "the sound card has failed: Stream closed" in said
    telephone.close()


def test_a_line_that_talks_nonsense_is_left(line: Line, card: Card) -> None:
    telephone = Telephone(line.path, card, card, lambda words: None)
    line._thread.join()
    line.connection.sendall(b"HTTP/1.1 400 Bad Request\r\n")
    assert telephone.wait_for("unplugged", PATIENCE_S)
    telephone.close()


def test_without_a_call_there_is_nothing_to_lift_or_to_hang_up(line: Line, card: Card) -> None:
    telephone = Telephone(line.path, card, card, lambda words: None)
    telephone.lift()
    assert not telephone.hang_up()
    telephone.close()
    line._thread.join()
    assert line.connection.recv(100) == b""


def test_a_line_that_closes_without_a_word(folder: Path, card: Card) -> None:
    line = Line(folder / "s", b"")
    with pytest.raises(NoLineError, match="the gateway has closed the connection"):
        Telephone(line.path, card, card, lambda words: None)
    line.close()
