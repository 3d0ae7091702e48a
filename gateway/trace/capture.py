"""The capture of a journal: each message becomes a packet, and what was decided becomes its comment."""

from __future__ import annotations

from collections import OrderedDict

from gateway.core.clause import Decision
from gateway.sip.effects import Transport
from gateway.trace.journal import Decided, Event, IsupMessage, Note, SipMessage, Sound
from gateway.trace.pcapng import Endpoint, PcapngWriter

_CALLS_WAITING = 1000
_COMMENTS_WAITING = 32


def decision_comment(decision: Decision) -> str:
    """A decision as one packet comment: rule, outcome, clause and the facts looked at."""
    facts = ", ".join(f"{name}: {value}" for name, value in decision.facts)
    return f"{decision} ({facts})" if facts else str(decision)


class Capture:
    """A journal's observer that writes a capture: `journal.observe(Capture(writer))`.

    Decisions, notes and sounds are attached to the next packet of their call. A full disk ends the capture, not
    the calls: `failure` then says why.

    Args:
        writer: the file; its `started_epoch_s` should be the journal's.
    """

    def __init__(self, writer: PcapngWriter) -> None:
        self._writer = writer
        self._waiting: OrderedDict[str, list[str]] = OrderedDict()
        self.failure: OSError | None = None
        self.left_out = 0
        """Messages that no packet can hold: SIP over UDP beyond 65,507 octets."""

    def __call__(self, event: Event) -> None:
        """Write the event's packet, or keep what it says for the next one."""
        if isinstance(event, SipMessage | IsupMessage):
            if self.failure is None:
                try:
                    self._write(event)
                except OSError as error:
                    self.failure = error
        else:
            self._wait(event)

    def rtp(self, at_s: float, source: Endpoint, destination: Endpoint, octets: bytes | memoryview) -> None:
        """Write one RTP or RTCP packet; media does not go through the journal."""
        if self.failure is None:
            try:
                self._writer.rtp(at_s, source, destination, octets)
            except OSError as error:
                self.failure = error

    def tcp_closed(self, at_s: float, source: Endpoint, destination: Endpoint) -> None:
        """A TCP connection was closed by `source`."""
        if self.failure is None:
            try:
                self._writer.tcp_closed(at_s, source, destination)
            except OSError as error:
                self.failure = error

    def _write(self, event: SipMessage | IsupMessage) -> None:
        comments = self._waiting.pop(event.call, ())
        if isinstance(event, IsupMessage):
            self._writer.mtp3(event.at_s, event.octets, comments, event.sent)
            return
        write = self._writer.sip_udp if event.flow.transport is Transport.UDP else self._writer.sip_tcp
        try:
            write(event.at_s, event.source, event.destination, event.octets, comments, event.sent)
        except ValueError:
            self.left_out += 1

    def _wait(self, event: Decided | Sound | Note) -> None:
        waiting = self._waiting.setdefault(event.call, [])
        if len(waiting) < _COMMENTS_WAITING:
            waiting.append(_comment(event))
        if len(self._waiting) > _CALLS_WAITING:
            self._waiting.popitem(last=False)


def _comment(event: Decided | Sound | Note) -> str:
    match event:
        case Decided(decision=decision):
            return decision_comment(decision)
        case Sound(at_s=at_s, side=side, text=text, detail=detail):
            said = {"caller": "the caller hears", "exchange": "the far side hears", "network": "on the circuit"}[side]
            return f"{at_s:.3f} s: {said}: {text}" + (f" ({detail})" if detail else "")
        case Note(at_s=at_s, text=text):
            return f"{at_s:.3f} s: {text}"
