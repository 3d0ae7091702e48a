"""`python -m gateway handset`: the sound card as a telephone of the simulated network.

It rings as telephones of the called country do. Enter answers, `q` hangs up or rejects, and ends the command when there
is no call. One thread reads the line, one plays, one speaks, and one waits for keys; the state is `Telephone`'s.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import socket
import sys
import termios
import threading
import tty
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from gateway.core.errors import GatewayError, ParseError
from gateway.exchange.ringer import ringing
from gateway.net.handset import KINDS, READY, SPEECH, Frame, Frames, Kind
from gateway.net.monitor import default_path
from gateway.net.sound_card import FRAMES, Loudspeaker, Microphone, NoSoundCardError
from tones.g711 import Law, decode, encode

ANSWER_KEYS: Final = "\r\n"
HANG_UP_KEYS: Final = "qQ\x04"
MOST_WAITING: Final = 10
"""Packets of speech that wait for the loudspeaker; older ones are dropped, so that the delay stays below 200 ms."""
KEYS_LOOKED_FOR_EVERY_S: Final = 0.1


class Plays(Protocol):
    """A loudspeaker: takes 16-bit PCM at 8 kHz at the speed at which it plays."""

    def play(self, pcm: bytes) -> None: ...


class Records(Protocol):
    """A microphone: 160 samples of 16-bit PCM at 8 kHz, as they are spoken."""

    def record(self) -> bytes: ...


class NoLineError(GatewayError):
    """There is no gateway, or it takes no handset."""


class Telephone:
    """A handset at the end of a line.

    Args:
        control: the gateway's socket.
        loudspeaker, microphone: what it sounds by and hears by.
        say: told in words what happens.

    Raises:
        NoLineError: it cannot be plugged in.
    """

    def __init__(self, control: Path, loudspeaker: Plays, microphone: Records, say: Callable[[str], None]) -> None:
        self._loudspeaker, self._microphone, self._say = loudspeaker, microphone, say
        self._frames = Frames()
        self._heard: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._law = Law.ALAW
        self._unplugged_here = False
        self._ring = np.zeros(0, np.int16)
        self._rung = 0
        self.state = "idle"
        self._connection = _connected(control)
        self._threads = [
            threading.Thread(target=self._work, args=(work,), name=f"handset {work.__name__}", daemon=True)
            for work in (self._read, self._play, self._speak)
        ]
        for thread in self._threads:
            thread.start()

    def lift(self) -> None:
        """Answer, if it rings."""
        if self.state == "ringing":
            self._send(Frame(Kind.LIFTED))

    def hang_up(self) -> bool:
        """End the call, or reject it while it rings; False: there is none."""
        if self.state == "idle":
            return False
        self._send(Frame(Kind.HUNG_UP))
        return True

    def wait_for(self, state: str, timeout_s: float) -> bool:
        """Whether it comes to that state in time: "idle", "ringing", "talking", "unplugged"."""
        with self._changed:
            return self._changed.wait_for(lambda: self.state == state, timeout_s)

    def close(self) -> None:
        """Unplug it."""
        self._unplugged_here = True
        self._shut_down()
        for thread in self._threads:
            thread.join()
        self._connection.close()

    def _shut_down(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _send(self, frame: Frame) -> None:
        with contextlib.suppress(OSError), self._sending:
            self._connection.sendall(frame.serialize())

    def _become(self, state: str, words: str) -> None:
        with self._changed:
            self.state = state
            self._heard.clear()
            self._changed.notify_all()
        self._say(words)

    # --- the threads --------------------------------------------------------------------------------------------

    def _work(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self._say(f"the sound card has failed: {error}")
            self._shut_down()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ParseError):
            while octets := self._connection.recv(4096):
                for frame in self._frames.feed(octets):
                    self._frame_received(frame)
        self._become("unplugged", "" if self._unplugged_here else "the gateway has gone")

    def _frame_received(self, frame: Frame) -> None:
        if frame.kind in SPEECH:
            self._law = SPEECH[frame.kind]
            with self._changed:
                self._heard.append(decode(frame.payload, self._law).tobytes())
                self._changed.notify_all()
        elif frame.kind is Kind.RING:
            country = frame.payload.decode("utf-8", "replace")
            self._ring, self._rung = ringing(country), 0
            self._become("ringing", f"ringing ({country}): Enter answers, q rejects")
        elif frame.kind is Kind.CONNECTED:
            self._become("talking", "connected: q hangs up")
        elif frame.kind is Kind.OVER:
            self._become("idle", "the call is over")

    def _play(self) -> None:
        while self.state != "unplugged":
            if self.state == "ringing":
                places = (self._rung + np.arange(FRAMES)) % len(self._ring)
                self._rung += FRAMES
                self._loudspeaker.play(self._ring[places].tobytes())
                continue
            with self._changed:
                self._changed.wait_for(lambda: self._heard or self.state in ("ringing", "unplugged"))
                pcm = self._heard.popleft() if self._heard else b""
            if pcm:
                self._loudspeaker.play(pcm)

    def _speak(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self.state != "idle")
            if self.state == "unplugged":
                return
            # While it rings too: what the device has kept since the last call is not for this one.
            pcm = np.frombuffer(self._microphone.record(), "<i2")
            if self.state == "talking":
                self._send(Frame(KINDS[self._law], encode(pcm, self._law).tobytes()))


def _connected(control: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(control))
        connection.sendall(b"handset\n")
        answer = b""
        while not answer.endswith(b"\n"):
            octet = connection.recv(1)
            if not octet:
                break
            answer += octet
    except OSError as error:
        connection.close()
        raise NoLineError(f"no gateway at {control} ({error.strerror}); start one: twistd -n pstn-gateway") from None
    said = answer.decode("utf-8", "replace").strip()
    if said != READY:
        connection.close()
        raise NoLineError(said.removeprefix("error ") or "the gateway has closed the connection")
    return connection


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which gateway."""
    parser.add_argument("--control", type=Path, default=default_path(), help="the gateway's socket (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """0: hung up for good; 1: it could not be, and why."""
    with contextlib.ExitStack() as devices:
        try:
            loudspeaker = Loudspeaker()
            devices.callback(loudspeaker.close)
            microphone = Microphone()
            devices.callback(microphone.close)
            telephone = Telephone(arguments.control, loudspeaker, microphone, _print)
        except (NoSoundCardError, NoLineError) as error:
            print(f"handset: {error}", file=sys.stderr)
            return 1
        devices.callback(telephone.close)
        _print("plugged in; Enter answers, q hangs up, and ends this when there is no call")
        with contextlib.suppress(KeyboardInterrupt):
            for key in _keys(telephone):
                if key in ANSWER_KEYS:
                    telephone.lift()
                elif key in HANG_UP_KEYS and not telephone.hang_up():
                    break
        return 1 if telephone.state == "unplugged" else 0


def _keys(telephone: Telephone) -> Iterator[str]:
    """Keys as they are pressed, where there is a terminal; ends with the input, or when the line is gone."""
    with _at_once():
        while telephone.state != "unplugged":
            if not select.select([sys.stdin], [], [], KEYS_LOOKED_FOR_EVERY_S)[0]:
                continue
            key = os.read(sys.stdin.fileno(), 1)
            if not key:
                return
            yield key.decode("ascii", "replace")


@contextlib.contextmanager
def _at_once() -> Iterator[None]:
    """Without waiting for Enter."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _print(words: str) -> None:
    if words:
        print(words, flush=True)
