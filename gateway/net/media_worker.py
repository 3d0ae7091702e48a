"""The media plane in processes of its own, as media gateways stand beside their controller.

The controller keeps no media: the effects that calls and the exchange ask for go to a worker as they are, and what the
worker's `MediaPlane` tells their owners comes back as an event. Both are few and small. On the pipes between the two
each message is a pickle behind its length:

    controller -> worker    (what, owner's number, effect or argument)
    worker -> controller    (input, owner's number, arguments); number 0: the worker about itself

A call and its circuit live on one worker: the one with the fewest calls when the port was reserved. A worker that dies
is started again; its calls are abandoned, and nothing else notices.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any

from attrs import define, field
from twisted.internet import process, stdio
from twisted.internet.protocol import ProcessProtocol, Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.core.collector import let_the_collector_rest
from gateway.core.effects import Effect, Machine
from gateway.exchange.effects import ECHO, HANDSET, EchoCircuit, LeaveCircuit, ListenToCircuit, PlaySound
from gateway.exchange.own_sounds import keep
from gateway.interworking.effects import (
    ConnectMedia,
    CutThroughBackward,
    CutThroughForward,
    PlayDigit,
    ReleaseMedia,
    ReserveMedia,
)
from gateway.media.quality import MediaQuality
from gateway.net.backward import RtpTap
from gateway.net.circuit import Speaking
from gateway.net.media import MediaPlane, PlaneSettings, QualityObserver, SoundObserver
from gateway.net.rtp_ports import RtpPorts, raise_file_limit
from gateway.net.runner import Runner
from tones.g711 import Law
from tones.user_announcement import UserAnnouncement

COMMANDS_FD, EVENTS_FD = 3, 4
REPORT_EVERY_S = 0.5
REAP_AFTER_S = 0.5
MOST_ENDING = 1000
"""Calls whose media is over and whose quality may still be told."""
PERFORM, TAP, LISTEN, LISTEN_NO_MORE = "perform", "tap", "listen", "listen no more"
CONVERSE, SAY, KEEP = "converse", "say", "keep"
_LENGTH = struct.Struct(">I")


class _Messages:
    """Messages out of a stream of octets."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, octets: bytes) -> Iterator[tuple[str, int, Any]]:
        waiting = self._waiting
        waiting += octets
        while len(waiting) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(waiting)[0]
            if len(waiting) < end:
                return
            message: tuple[str, int, Any] = pickle.loads(waiting[_LENGTH.size : end])
            del waiting[:end]
            yield message


def _packed(what: str, number: int, argument: object) -> bytes:
    octets = pickle.dumps((what, number, argument), pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(octets)) + octets


@define(eq=False)
class _Worker(ProcessProtocol):
    """One worker as the controller sees it."""

    workers: MediaWorkers
    place: int
    calls: set[int] = field(factory=set)
    messages: _Messages = field(factory=_Messages)
    figures: tuple[int, int, int, int] = (0, 0, 0, 0)
    transport: Any = None

    def tell(self, what: str, number: int, argument: object) -> None:
        if self.transport is not None:
            self.transport.writeToChild(COMMANDS_FD, _packed(what, number, argument))

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        for what, number, arguments in self.messages.feed(data):
            self.workers.event(self, what, number, arguments)

    def childConnectionLost(self, childFD: int) -> None:
        if childFD == EVENTS_FD:
            self.workers.ended(self)


class MediaWorkers:
    """Performs the media effects by telling worker processes to. Takes the place of a `MediaPlane`.

    Args:
        reactor, runner: the controller's.
        number: how many workers.
        address, first, last: where RTP is received; each worker gets its share of the ports.
        settings: of each worker's `MediaPlane`.
        announcements: of the user's own; each worker is given them before anything else.

    Attributes:
        sound_observer, quality_observer, tap: as those of `MediaPlane`; a tap brings every packet here.
        restarted: workers that had to be started again.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        runner: Runner,
        number: int,
        address: str,
        first: int,
        last: int,
        settings: PlaneSettings | None = None,
        announcements: Sequence[UserAnnouncement] = (),
    ) -> None:
        self._reactor = reactor
        self._runner = runner
        self._announcements = announcements
        self._settings = pickle.dumps(settings or PlaneSettings()).hex()
        self._address = address
        share = (last - first + 1) // number // 2 * 2
        self._shares = [(first + place * share, first + (place + 1) * share - 1) for place in range(number)]
        self._numbers: dict[int, int] = {}
        self._owners: dict[int, Any] = {}
        self._homes: dict[int, _Worker] = {}
        self._circuits: dict[int, _Worker] = {}
        self._codecs: dict[int, str] = {}
        self._ending: dict[int, Any] = {}
        self._listeners: dict[int, tuple[Callable[[str], None], Callable[[bytes], None], Callable[[], None]]] = {}
        self._hearing: dict[int, Speaking] = {}
        self._next = count(1)
        self._stopping = False
        self._tap: RtpTap | None = None
        self.sound_observer: SoundObserver | None = None
        self.quality_observer: QualityObserver | None = None
        self.restarted = 0
        self._workers = [self._start(place) for place in range(number)]
        for of_call in (ReserveMedia, ConnectMedia, CutThroughBackward, CutThroughForward, PlayDigit, ReleaseMedia):
            runner.performs(of_call, self._for_call)
        for of_circuit in (PlaySound, EchoCircuit, ListenToCircuit, LeaveCircuit):
            runner.performs(of_circuit, self._for_circuit)

    def _start(self, place: int) -> _Worker:
        worker = _Worker(self, place)
        first, last = self._shares[place]
        arguments = [sys.executable, "-m", __name__, self._address, str(first), str(last), self._settings]
        nothing = os.open(os.devnull, os.O_RDONLY)
        fds = {0: nothing, 1: 1, 2: 2, COMMANDS_FD: "w", EVENTS_FD: "r"}
        self._reactor.spawnProcess(worker, sys.executable, arguments, env=None, childFDs=fds)
        os.close(nothing)
        for announcement in self._announcements:
            worker.tell(KEEP, 0, announcement)
        if self._tap is not None:
            worker.tell(TAP, 0, True)
        return worker

    # --- effects out --------------------------------------------------------------------------------------------

    def _for_call(self, owner: Machine | None, effect: Effect) -> None:
        number = self._number(owner)
        worker = self._homes.get(number)
        if worker is None:
            if not isinstance(effect, ReserveMedia):
                self._forget(owner)
                return
            worker = self._homes[number] = min(self._workers, key=lambda each: len(each.calls))
            worker.calls.add(number)
        if isinstance(effect, ConnectMedia):
            self._codecs[number] = effect.agreed.codec.name
        if isinstance(effect, CutThroughBackward | CutThroughForward):
            self._circuits[effect.cic] = worker
        worker.tell(PERFORM, number, effect)
        if isinstance(effect, ReleaseMedia):
            worker.calls.discard(number)
            self._ending[number] = owner
            if len(self._ending) > MOST_ENDING:
                del self._ending[next(iter(self._ending))]
            self._forget(owner)

    def _for_circuit(self, owner: Machine | None, effect: Any) -> None:
        worker = self._circuits.get(effect.cic, self._workers[0])
        worker.tell(PERFORM, self._number(owner), effect)
        if isinstance(effect, LeaveCircuit):
            self._hearing.pop(effect.cic, None)
            self._forget(owner)
        elif self.sound_observer is not None and isinstance(effect, PlaySound | EchoCircuit):
            self.sound_observer(effect.cic, effect.sound if isinstance(effect, PlaySound) else ECHO)

    def circuit_taken(self, owner: Machine | None, cic: int) -> None:
        """The circuit belongs to the worker that has the call's port."""
        worker = self._homes.get(self._numbers.get(id(owner), 0))
        if worker is not None:
            self._circuits[cic] = worker

    def _number(self, owner: Machine | None) -> int:
        number = self._numbers.get(id(owner))
        if number is None:
            number = self._numbers[id(owner)] = next(self._next)
            self._owners[number] = owner
        return number

    def _forget(self, owner: Machine | None) -> None:
        number = self._numbers.pop(id(owner), 0)
        self._owners.pop(number, None)
        self._homes.pop(number, None)
        self._codecs.pop(number, None)

    # --- events in ----------------------------------------------------------------------------------------------

    def event(self, worker: _Worker, what: str, number: int, arguments: Any) -> None:
        """A worker says something."""
        if what == "quality":
            if self.quality_observer is not None:
                self.quality_observer(self._ending.pop(number, None), arguments)
        elif number:
            owner = self._owners.get(number)
            if owner is not None:
                self._runner.deliver(getattr(owner, what), *arguments)
        elif what == "figures":
            worker.figures = arguments
        elif what == "packet" and self._tap is not None:
            self._tap(*arguments)
        elif what == "begin" and arguments[0] in self._listeners:
            self._listeners[arguments[0]][0](arguments[1])
        elif what == "octets" and arguments[0] in self._listeners:
            self._listeners[arguments[0]][1](arguments[1])
        elif what == "hear" and arguments[0] in self._hearing:
            self._hearing[arguments[0]](*arguments[1:])
        elif what == "end" and arguments[0] in self._listeners:
            self._listeners.pop(arguments[0])[2]()

    def ended(self, worker: _Worker) -> None:
        """A worker is gone: its calls are abandoned, and another takes its place."""
        worker.transport = None
        # A reactor that runs without signal handlers is not told of its children.
        self._reactor.callLater(REAP_AFTER_S, process.reapAllProcesses)
        if self._stopping:
            return
        self.restarted += 1
        calls = list(worker.calls)
        self.log.error(
            "media worker {place} has gone; {calls} calls are released", place=worker.place, calls=len(calls)
        )
        self._circuits = {cic: each for cic, each in self._circuits.items() if each is not worker}
        for number in calls:
            owner = self._owners.get(number)
            self._forget(owner)
            if owner is not None:
                self._runner.deliver(owner.abandon, "its media worker has gone")
        self._workers[worker.place] = self._start(worker.place)

    # --- what a MediaPlane has besides --------------------------------------------------------------------------

    @property
    def tap(self) -> RtpTap | None:
        """Told of each packet."""
        return self._tap

    @tap.setter
    def tap(self, tap: RtpTap | None) -> None:
        self._tap = tap
        for worker in self._workers:
            worker.tell(TAP, 0, tap is not None)

    @property
    def ports_in_use(self) -> int:
        """RTP sockets that calls hold."""
        return sum(len(worker.calls) for worker in self._workers)

    @property
    def circuits_in_use(self) -> int:
        """Circuits that carry a sound or a call, as last reported."""
        return sum(worker.figures[3] for worker in self._workers)

    @property
    def sent(self) -> int:
        """Packets that left, as last reported."""
        return sum(worker.figures[0] for worker in self._workers)

    @property
    def late(self) -> int:
        """Schedules moved, as last reported."""
        return sum(worker.figures[1] for worker in self._workers)

    @property
    def unreachable(self) -> int:
        """Packets that did not leave, as last reported."""
        return sum(worker.figures[2] for worker in self._workers)

    def listen_in(
        self,
        owner: object | None,
        begin: Callable[[str], None],
        octets: Callable[[bytes], None],
        end: Callable[[], None],
    ) -> Callable[[], None]:
        """As `MediaPlane.listen_in`; the newest call is that which was connected last."""
        listener = next(self._next)
        self._listeners[listener] = (begin, octets, end)
        number = self._numbers.get(id(owner), 0) if owner is not None else next(reversed(self._codecs), 0)
        workers = [self._homes[number]] if number in self._homes else self._workers
        name = getattr(self._owners.get(number), "name", "call")
        for worker in workers:
            worker.tell(LISTEN, number, (listener, name))

        def stop() -> None:
            self._listeners.pop(listener, None)
            for worker in self._workers:
                worker.tell(LISTEN_NO_MORE, 0, listener)

        return stop

    def converse(self, cic: int, hear: Speaking) -> Speaking:
        """As `MediaPlane.converse`."""
        worker = self._circuits.get(cic, self._workers[0])
        self._hearing[cic] = hear
        worker.tell(CONVERSE, cic, None)
        if self.sound_observer is not None:
            self.sound_observer(cic, HANDSET)

        def say(law: Law, octets: bytes) -> None:
            if self._hearing.get(cic) is hear:
                worker.tell(SAY, cic, (law, octets))

        return say

    def stop(self) -> None:
        """End the workers."""
        self._stopping = True
        for worker in self._workers:
            if worker.transport is not None:
                worker.transport.closeChildFD(COMMANDS_FD)


# --- the worker's side ----------------------------------------------------------------------------------------------


@define(eq=False)
class _Owner:
    """Stands in the worker for a call or a called party: what it is told goes back to the controller."""

    number: int
    say: Callable[[str, int, object], None]
    name: str = "call"

    def media_reserved(self, address: str, port: int) -> None:
        self.say("media_reserved", self.number, (address, port))

    def media_refused(self, why: str) -> None:
        self.say("media_refused", self.number, (why,))

    def sound_ended(self) -> None:
        self.say("sound_ended", self.number, ())

    def digit_heard(self, digit: str) -> None:
        self.say("digit_heard", self.number, (digit,))

    def abandon(self, why: str) -> None:
        self.say("abandon", self.number, (why,))

    def timer_fired(self, name: str) -> None:
        """It starts none."""


class _Commands(Protocol):
    """The worker's end of the pipes: commands in, events out; it ends when the controller does."""

    transport: Any

    def __init__(self, reactor: Any, address: str, first: int, last: int, settings: PlaneSettings) -> None:
        self._reactor = reactor
        self._runner = Runner(reactor)
        self._plane = MediaPlane(reactor, self._runner, RtpPorts(address, first, last), settings)
        self._plane.quality_observer = self._quality
        self._messages = _Messages()
        self._owners: dict[int, _Owner] = {}
        self._stops: dict[int, Callable[[], None]] = {}
        self._conversations: dict[int, Speaking] = {}
        self._reports = LoopingCall(self._report)

    def connectionMade(self) -> None:
        self._reports.clock = self._reactor
        self._reports.start(REPORT_EVERY_S)

    def dataReceived(self, data: bytes) -> None:
        for what, number, argument in self._messages.feed(data):
            if what == PERFORM:
                self._perform(number, argument)
            elif what == TAP:
                self._plane.tap = self._packet if argument else None
            elif what == CONVERSE:
                self._conversations[number] = self._plane.converse(number, partial(self._hear, number))
            elif what == SAY:
                self._conversations[number](*argument)
            elif what == KEEP:
                keep(argument)
            elif what == LISTEN:
                self._listen(number, *argument)
            elif argument in self._stops:
                self._stops.pop(argument)()

    def _perform(self, number: int, effect: Effect) -> None:
        owner = self._owners.get(number)
        if owner is None:
            owner = self._owners[number] = _Owner(number, self._say)
        self._runner.ask(owner, effect)
        if isinstance(effect, ReleaseMedia | LeaveCircuit):
            del self._owners[number]

    def _quality(self, owner: Any, quality: MediaQuality) -> None:
        self._say("quality", owner.number, quality)

    def _hear(self, cic: int, law: Law, octets: bytes) -> None:
        self._say("hear", 0, (cic, law, octets))

    def _listen(self, number: int, listener: int, name: str) -> None:
        owner = self._owners.get(number)
        if owner is not None:
            owner.name = name
        self._stops[listener] = self._plane.listen_in(
            owner,
            lambda codec: self._say("begin", 0, (listener, codec)),
            lambda octets: self._say("octets", 0, (listener, octets)),
            lambda: self._say("end", 0, (listener,)),
        )

    def _say(self, what: str, number: int, arguments: object) -> None:
        self.transport.write(_packed(what, number, arguments))

    def _packet(self, source: tuple[str, int], destination: tuple[str, int], octets: bytes) -> None:
        self._say("packet", 0, (source, destination, octets))

    def _report(self) -> None:
        plane = self._plane
        self._say("figures", 0, (plane.sent, plane.late, plane.unreachable, plane.circuits_in_use))

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._plane.stop()
        if self._reactor.running:
            self._reactor.stop()


def main(arguments: list[str]) -> None:
    """Run a worker: address, first and last port, the plane's settings."""
    from twisted.internet import reactor

    address, first, last, settings = arguments
    clock: Any = reactor
    commands = _Commands(clock, address, int(first), int(last), pickle.loads(bytes.fromhex(settings)))
    pipes: Any = stdio
    pipes.StandardIO(commands, stdin=COMMANDS_FD, stdout=EVENTS_FD)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the controller's: it clears the calls first
    raise_file_limit()
    let_the_collector_rest()
    clock.run(installSignalHandlers=False)


if __name__ == "__main__":
    # The class of the effects' stand-ins must be that of the module as others import it.
    from gateway.net import media_worker

    media_worker.main(sys.argv[1:])
