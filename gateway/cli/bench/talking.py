"""The gateway of `bench two-way`: its own media plane, with answered calls to an exchange that echoes.

`python -m gateway.cli.bench.talking CORE CALLS SECONDS FIRST_PORT LAST_PORT CALLER_PORT...` prints the ports that it
listens on, waits until the callers talk, measures, and prints what it cost, as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from importlib import import_module
from typing import Any, Final

from gateway.cli.bench.machine import raise_file_limit, resident_octets
from gateway.cli.bench.sending import EarlyMediaCall
from gateway.core.collector import let_the_collector_rest
from gateway.core.effects import Outbox
from gateway.exchange.effects import EchoCircuit, ListenToCircuit
from gateway.interworking.effects import ConnectMedia, CutThroughBackward, CutThroughForward
from gateway.media.jitter import JitterCounts
from gateway.net.media import MediaPlane
from gateway.net.rtp_ports import RtpPorts
from gateway.net.runner import Runner
from gateway.sdp.model import Direction
from gateway.sdp.offer_answer import PCMU, Agreed

OPENED_AT_ONCE: Final = 20
SETTLING_S: Final = 2.0


class AnsweredCall(EarlyMediaCall):
    """A call that is up: what the caller says goes through a jitter buffer to the exchange's ear, and back."""

    def __init__(self, number: int, remote: tuple[str, int], outbox: Outbox) -> None:
        super().__init__(number, remote, outbox)
        self.port = 0

    def media_reserved(self, address: str, port: int) -> None:
        """Both directions through."""
        self.port = port
        self._outbox.append(EchoCircuit(self.number))
        self._outbox.append(ListenToCircuit(self.number))
        self._outbox.append(ConnectMedia(Agreed(b"", PCMU, None, self.remote, Direction.SENDRECV)))
        self._outbox.append(CutThroughBackward(self.number))
        self._outbox.append(CutThroughForward(self.number))


class Talking:
    """One measurement.

    Args:
        reactor: Twisted's.
        seconds: how long to measure.
        ports: for RTP, inclusive.
        callers: their ports.
    """

    def __init__(self, reactor: Any, seconds: float, ports: tuple[int, int], callers: list[int]) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._resident_before = resident_octets(os.getpid())
        self.runner = Runner(reactor)
        self.plane = MediaPlane(reactor, self.runner, RtpPorts("127.0.0.1", *ports))
        outbox = self.runner.outbox()
        self.calls = [AnsweredCall(number, ("127.0.0.1", port), outbox) for number, port in enumerate(callers)]
        self._opened = 0

    def open_some(self) -> None:
        """Open some, then some more."""
        for call in self.calls[self._opened : self._opened + OPENED_AT_ONCE]:
            self.runner.deliver(call.begin)
        self._opened += OPENED_AT_ONCE
        if self._opened < len(self.calls):
            self._reactor.callLater(0.005, self.open_some)
        else:
            let_the_collector_rest()
            print(json.dumps([call.port for call in self.calls]), flush=True)
            self._reactor.callLater(SETTLING_S, self._begin)

    def _begin(self) -> None:
        plane, before = self.plane, self._counts()
        figures = (_used_cpu_s(), plane.sent, plane.received, plane.late, before.late, before.concealed)
        resident = (resident_octets(os.getpid()) - self._resident_before) / len(self.calls)
        self._reactor.callLater(self._seconds, self._finish, resident, *figures)

    def _finish(
        self, resident: float, cpu_s: float, sent: int, received: int, moved: int, late: int, concealed: int
    ) -> None:
        plane, counts = self.plane, self._counts()
        report = {
            "cpu_s": _used_cpu_s() - cpu_s,
            "sent": plane.sent - sent,
            "received": plane.received - received,
            "schedule_moves": plane.late - moved,
            "late": counts.late - late,
            "concealed": counts.concealed - concealed,
            "octets_a_call": resident,
        }
        print(json.dumps(report), flush=True)
        plane.stop()
        self._reactor.stop()

    def _counts(self) -> JitterCounts:
        found = [self.plane._receivers.counts(row) for row in self.plane._by_row]
        return JitterCounts(late=sum(each.late for each in found), concealed=sum(each.concealed for each in found))


def _used_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(arguments: list[str]) -> None:
    """Talk, measure, print."""
    reactor: Any = import_module("twisted.internet.reactor")
    core, calls, seconds, first, last, *callers = arguments
    os.sched_setaffinity(0, {int(core)})
    raise_file_limit(2 * int(calls))
    talking = Talking(reactor, float(seconds), (int(first), int(last)), [int(port) for port in callers])
    reactor.callLater(0, talking.open_some)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
