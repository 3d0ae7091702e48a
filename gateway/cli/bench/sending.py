"""The sending process of `bench media`: the gateway's own media plane, driven by the effects that calls ask for.

`python -m gateway.cli.bench.sending WAY_OUT CORE STREAMS SECONDS FIRST_PORT LAST_PORT RECEIVER_PORT...` prints what it
cost, as JSON. Everything from the effect to the packet is the product's; only the calls are stubs.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from importlib import import_module
from typing import Any, Final

from gateway.cli.bench.machine import raise_file_limit, resident_octets
from gateway.core.collector import let_the_collector_rest
from gateway.core.effects import Outbox
from gateway.exchange.effects import PlaySound, Sound
from gateway.interworking.effects import ConnectMedia, CutThroughBackward, ReserveMedia
from gateway.net.media import MediaPlane, PlaneSettings
from gateway.net.rtp_ports import RtpPorts
from gateway.net.runner import Runner
from gateway.net.way_out import choose_way_out
from gateway.sdp.model import Direction
from gateway.sdp.offer_answer import PCMA, PCMU, Agreed

SOUNDS: Final = (
    Sound(("tone ringback",), "us"),
    Sound(("tone busy",), "us"),
    Sound(("tone ringback",), "fr"),
    Sound(("tone congestion",), "gb"),
    Sound(("tone ringback",), "de"),
    Sound(("tone special-information", "say number-not-in-service"), "us"),
    Sound(("sine 1004 -13",), "us"),
    Sound(("tone busy",), "jp"),
)
CODECS: Final = (PCMA, PCMU)
OPENED_AT_ONCE: Final = 5
OPENING_PAUSE_S: Final = 0.002
AGAIN_AFTER_S: Final = 0.25
REFUSALS_TAKEN: Final = 8
SETTLING_S: Final = 0.5


class EarlyMediaCall:
    """A call in early media, as far as the media plane can tell: it owns the effects and takes the answers.

    Args:
        number: of the call: chooses its circuit, sound and codec.
        remote: where it wants to hear.
    """

    def __init__(self, number: int, remote: tuple[str, int], outbox: Outbox) -> None:
        self.number = number
        self.remote = remote
        self.refused = ""
        self._outbox = outbox.fork(self)

    def begin(self) -> None:
        """Ask for a port."""
        self._outbox.append(ReserveMedia())

    def media_reserved(self, address: str, port: int) -> None:
        """Let the circuit sound, and the caller hear it."""
        codec = CODECS[self.number % len(CODECS)]
        sound = SOUNDS[self.number // len(CODECS) % len(SOUNDS)]
        self._outbox.append(PlaySound(self.number, sound))
        self._outbox.append(ConnectMedia(Agreed(b"", codec, 101, self.remote, Direction.SENDRECV)))
        self._outbox.append(CutThroughBackward(self.number))

    def media_refused(self, why: str) -> None:
        """There is no port."""
        self.refused = why

    def sound_ended(self) -> None:
        """Never: every sound is for ever."""

    def digit_heard(self, digit: str) -> None:
        """Never: nobody listens."""

    def timer_fired(self, name: str) -> None:
        """Never: there is no timer."""


class Sending:
    """One measurement.

    Args:
        reactor: Twisted's.
        streams: how many.
        seconds: how long to measure once they all sound.
        ports: for RTP, inclusive.
        receivers: ports of the receiver.
        way_out: the gateway's setting: "auto", "io_uring", "plain".
    """

    def __init__(
        self,
        reactor: Any,
        streams: int,
        seconds: float,
        ports: tuple[int, int],
        receivers: list[int],
        way_out: str = "auto",
    ) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._resident_before = resident_octets(os.getpid())
        self.runner = Runner(reactor)
        self.plane = MediaPlane(reactor, self.runner, RtpPorts("127.0.0.1", *ports), PlaneSettings(way_out=way_out))
        outbox = self.runner.outbox()
        self.calls = [
            EarlyMediaCall(number, ("127.0.0.1", receivers[number % len(receivers)]), outbox)
            for number in range(streams)
        ]
        self.report: dict[str, object] = {}
        self._opened = 0
        self._refusals = 0

    def open_some(self) -> None:
        """Open some streams, then some more, and let what already sounds go on in between.

        A refusal is asked again a little later, a few times; then those that there are will be measured.
        """
        for call in self.calls[self._opened : self._opened + OPENED_AT_ONCE]:
            call.refused = ""
            self.runner.deliver(call.begin)
            if call.refused:
                self._refused(call.refused)
                return
            self._opened += 1
            self._refusals = 0
        if self._opened < len(self.calls):
            self._reactor.callLater(OPENING_PAUSE_S, self.open_some)
        else:
            self._reactor.callLater(SETTLING_S, self._begin, "")

    def _refused(self, why: str) -> None:
        self._refusals += 1
        if self._refusals <= REFUSALS_TAKEN:
            self._reactor.callLater(AGAIN_AFTER_S, self.open_some)
        elif self._opened:
            self._begin(why)
        else:
            self._end(error=why)

    def _begin(self, refusal: str) -> None:
        plane = self.plane
        resident = (resident_octets(os.getpid()) - self._resident_before) / self._opened
        before = (time.time_ns(), _used_cpu_s(), plane.sent, plane.late, plane.unreachable)
        self._reactor.callLater(self._seconds, self._finish, refusal, resident, *before)

    def _finish(
        self, refusal: str, resident: float, begin_ns: int, cpu_before_s: float, sent: int, late: int, unreachable: int
    ) -> None:
        plane = self.plane
        self._end(
            begin_ns=begin_ns,
            end_ns=time.time_ns(),
            cpu_s=_used_cpu_s() - cpu_before_s,
            packets=plane.sent - sent,
            failed=plane.unreachable - unreachable,
            schedule_moves=plane.late - late,
            octets_a_stream=resident,
            opened=self._opened,
            refusal=refusal,
        )

    def _end(self, **report: object) -> None:
        self.report = report
        self.plane.stop()
        self._reactor.stop()


def _used_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(arguments: list[str]) -> None:
    """Send, measure, print."""
    reactor: Any = import_module("twisted.internet.reactor")
    way_out, *words = arguments
    seconds = float(words.pop(2))
    core, streams, first, last, *receivers = map(int, words)
    os.sched_setaffinity(0, {core})
    raise_file_limit(streams)
    chosen = choose_way_out(way_out)
    chosen.close()
    sending = Sending(reactor, streams, seconds, (first, last), receivers, way_out)
    let_the_collector_rest()
    reactor.callLater(0, sending.open_some)
    reactor.run()
    print(json.dumps({**sending.report, "way_out": chosen.name}))


if __name__ == "__main__":
    main(sys.argv[1:])
