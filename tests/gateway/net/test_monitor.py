"""Listening in over a UNIX socket: the protocol of `monitor`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import error, testing
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock

from gateway.net import monitor
from gateway.net.handset import Frame, HandsetLine, Kind
from gateway.net.monitor import Monitor, default_path
from gateway.net.runner import Runner
from tones.g711 import Law


class Media:
    """A media plane with one call; notes who listens."""

    def __init__(self) -> None:
        self.listening: list[tuple[object, Callable[[str], None], Callable[[bytes], None], Callable[[], None]]] = []
        self.stopped = 0

    def listen_in(
        self,
        owner: object,
        begin: Callable[[str], None],
        octets: Callable[[bytes], None],
        end: Callable[[], None],
    ) -> Callable[[], None]:
        self.listening.append((owner, begin, octets, end))
        return self.stop

    def stop(self) -> None:
        self.stopped += 1


CALL = object()
CannotListenError: Any = error.CannotListenError
StringTransport: Any = testing.StringTransportWithDisconnection


def line() -> HandsetLine:
    """One that nobody has plugged a handset into."""
    media: Any = Media()
    return HandsetLine(Runner(Clock()), media)


class Bench:
    """A connection to a monitor."""

    def __init__(self) -> None:
        media: Any = Media()
        self.media: Media = media
        self.line = line()
        served: Any = Factory.forProtocol(monitor._Listener)
        served.monitor = Monitor(None, media, {"call-3": CALL}.get, self.line)
        self.protocol: Any = served.buildProtocol(None)
        self.transport = StringTransport()
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)

    def say(self, line: bytes) -> bytes:
        """A line from the client; what has come back so far."""
        self.protocol.dataReceived(line)
        return bytes(self.transport.value())


@pytest.fixture
def bench() -> Bench:
    """A connection on which nothing has been said."""
    return Bench()


@pytest.mark.parametrize(
    ("line", "owner"), [(b"listen newest\n", None), (b"listen\n", None), (b"listen call-3\r\n", CALL)]
)
def test_a_call_is_heard(bench: Bench, line: bytes, owner: object) -> None:
    assert bench.say(line) == b""
    ((asked, begin, octets, end),) = bench.media.listening
    assert asked is owner
    begin("call-3 PCMA")
    octets(b"\xd5" * 160)
    assert bytes(bench.transport.value()) == b"call-3 PCMA\n" + b"\xd5" * 160
    end()
    assert not bench.transport.connected
    assert bench.media.stopped == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"hello\n", b"error write: listen newest, listen CALL, or handset\n"),
        (b"\n", b"error write: listen newest, listen CALL, or handset\n"),
        (b"\xff\n", b"error write: listen newest, listen CALL, or handset\n"),
        (b"listen call-9\n", b"error there is no call 'call-9' now\n"),
    ],
)
def test_what_cannot_be_is_refused(bench: Bench, line: bytes, why: bytes) -> None:
    assert bench.say(line) == why
    assert not bench.transport.connected
    assert bench.media.listening == []


def test_one_connection_hears_one_call(bench: Bench) -> None:
    bench.say(b"listen newest\n")
    assert bench.say(b"listen newest\n").startswith(b"error write")
    assert (len(bench.media.listening), bench.media.stopped) == (1, 1)


def test_a_handset_is_plugged_in_and_speaks_in_frames(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    came: list[Frame] = []
    monkeypatch.setattr(bench.line, "frame_received", came.append)
    assert bench.say(b"handset\n") == b"ready\n"
    bench.say(Frame(Kind.LIFTED).serialize() + Frame(Kind.PCMU, b"\n" * 160).serialize()[:5])
    bench.say(Frame(Kind.PCMU, b"\n" * 160).serialize()[5:])
    assert came == [Frame(Kind.LIFTED), Frame(Kind.PCMU, b"\n" * 160)]
    bench.say(b"nonsense")
    assert not bench.transport.connected


def test_there_is_room_for_one_handset_until_it_goes() -> None:
    first, second, third = Bench(), Bench(), Bench()
    for each in (second, third):
        each.protocol.factory.monitor.handset = first.line
    assert first.say(b"handset\n") == b"ready\n"
    assert second.say(b"handset\n") == b"error another handset is connected; there is one line\n"
    assert not second.transport.connected
    first.transport.loseConnection()
    assert third.say(b"handset\n") == b"ready\n"


def test_a_handset_that_does_not_keep_up_misses_speech_and_nothing_else(bench: Bench) -> None:
    bench.say(b"handset\n")
    bench.transport.clear()
    handset = bench.protocol._handset
    bench.transport.producer.pauseProducing()
    handset.speak(Law.ALAW, b"1")
    handset.send(Frame(Kind.OVER))
    bench.transport.producer.resumeProducing()
    handset.speak(Law.MULAW, b"2")
    assert bytes(bench.transport.value()) == b"O\0\0" + b"\0\0\x012"


def test_a_line_without_end_is_not_waited_for(bench: Bench) -> None:
    bench.say(b"x" * 1000)
    assert not bench.transport.connected


def test_who_does_not_keep_up_misses_some(bench: Bench) -> None:
    bench.say(b"listen newest\n")
    _, _, octets, _ = bench.media.listening[0]
    octets(b"1")
    bench.transport.producer.pauseProducing()
    octets(b"2")
    bench.transport.producer.resumeProducing()
    octets(b"3")
    assert bytes(bench.transport.value()) == b"13"


def test_who_goes_away_is_forgotten(bench: Bench) -> None:
    bench.say(b"listen newest\n")
    bench.transport.loseConnection()
    assert bench.media.stopped == 1


class Port:
    def stopListening(self) -> str:
        return "stopped"


class Reactor:
    """One that listens, or cannot."""

    fault: Exception | None = None

    def listenUNIX(self, path: str, factory: Any, **options: Any) -> Port:
        if self.fault is not None:
            raise self.fault
        self.asked = path, options
        return Port()


def test_the_socket_is_private(tmp_path: Path) -> None:
    reactor = Reactor()
    media: Any = Media()
    served = Monitor(reactor, media, lambda name: None, line())
    assert served.stop() is None
    served.listen(tmp_path / "s")
    assert reactor.asked == (str(tmp_path / "s"), {"mode": 0o600, "wantPID": True})
    assert served.stop() == "stopped"


@pytest.mark.parametrize("fault", [CannotListenError(None, "s", OSError("in use")), FileNotFoundError("no folder")])
def test_where_there_can_be_none_the_gateway_goes_on(fault: Exception) -> None:
    reactor = Reactor()
    reactor.fault = fault
    media: Any = Media()
    served = Monitor(reactor, media, lambda name: None, line())
    served.listen(Path("s"))
    assert served.stop() is None


def test_it_is_where_the_user_keeps_such_things(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert default_path() == Path(f"/run/user/7/pstn-gateway-{os.getuid()}.sock")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert default_path().name == f"pstn-gateway-{os.getuid()}.sock"
