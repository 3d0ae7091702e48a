"""The one place that wires everything: settings in, a laboratory out - a gateway and an exchange, joined by a link."""

from __future__ import annotations

import random
import secrets
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.logger import Logger

from gateway.config.settings import Settings
from gateway.core.effects import Machine, Record
from gateway.exchange.behaviours import built_in_treatments
from gateway.exchange.effects import Sound as PlayedSound
from gateway.exchange.numbering import NumberPlan
from gateway.exchange.own_sounds import keep
from gateway.exchange.sounds import described
from gateway.exchange.switch import Exchange
from gateway.interworking.causes import load_profile
from gateway.interworking.effects import CallEnded, CallStarted, CircuitTaken
from gateway.interworking.gateway import Gateway
from gateway.interworking.setup import SetupSettings
from gateway.interworking.sip_to_pstn.core import CallSettings
from gateway.media.latching import LatchSettings
from gateway.media.playout import JitterSettings
from gateway.media.quality import MediaQuality
from gateway.net.call_port import Latching, PortSettings
from gateway.net.handset import HandsetLine
from gateway.net.link import InProcessLink
from gateway.net.media import MediaPlane, PlaneSettings
from gateway.net.media_worker import MediaWorkers
from gateway.net.monitor import Monitor, default_path
from gateway.net.rtp_ports import RtpPorts, raise_file_limit
from gateway.net.runner import Runner
from gateway.net.sip_transport import SipTransport
from gateway.sip.dialog.settings import Reliability, UserAgentSettings
from gateway.sip.effects import Flow, Transmit
from gateway.sip.message import Message, Request, Response
from gateway.sip.transaction.base import Direction
from gateway.sip.transaction.layer import TransactionLayer, TransactionSettings
from gateway.sip.user_agent import UserAgent
from gateway.ss7.isup.messages import Message as IsupContents
from gateway.ss7.isup.node import Node, NodeSettings
from gateway.trace.capture import Capture
from gateway.trace.journal import NO_CALL, Decided, Journal, JournalSettings, Note, SipMessage, Sound
from gateway.trace.pcapng import PcapngWriter
from gateway.trace.summary import isup_message, sip_message
from tones.plan import load_plan

CLEARING_S = 2.0
LINGERING_S = 0.1
MOST_UNNAMED = 100
LAST_MESSAGES_S = 40.0
"""How long after its end a call's last messages may come: more than 64*T1."""


class Lab:
    """A gateway and a simulated exchange in one process.

    Args:
        settings: what `config` read, or `Settings()`.
        reactor: Twisted's.

    Attributes:
        journal: everything that happens, call by call.
        gateway, exchange, node, exchange_node, layer, media, runner, transport: the parts.
        sip_address: host and port, once started.
        sound_observer: told what the exchange plays in which call.
    """

    log = Logger()

    def __init__(self, settings: Settings, reactor: Any) -> None:
        self.settings = settings
        self.reactor = reactor
        self.runner = Runner(reactor)
        self._started_s = reactor.seconds()
        epoch_s = time.time()
        self.journal = Journal(JournalSettings(calls_kept=settings.trace.calls_kept), epoch_s)
        self.sound_observer: Callable[[str, PlayedSound], None] | None = None
        self._capture_file: BinaryIO | None = None
        self._ended: deque[tuple[float, str]] = deque()
        self._unnamed: dict[str, list[SipMessage]] = {}
        self.sip_address = settings.sip.listen
        self._compose_pstn()
        self._compose_sip()
        self.media = self._media_plane()
        self.media.sound_observer = self._sound_on_circuit
        self.media.quality_observer = self._media_over
        self.handset = HandsetLine(self.runner, self.media)
        self.monitor = Monitor(reactor, self.media, self.gateway.calls.get, self.handset)
        self.runner.performs(Record, self._record)
        self.runner.performs(CallStarted, self._call_started)
        self.runner.performs(CircuitTaken, self._circuit_taken)
        self.runner.performs(CallEnded, self._call_ended)
        if settings.trace.capture:
            self.capture_to(Path(settings.trace.capture).open("wb"), epoch_s)  # noqa: SIM115  # `stop` closes it

    # --- wiring -------------------------------------------------------------------------------------------------

    def _compose_pstn(self) -> None:
        settings, outbox = self.settings, self.runner.outbox()
        country_code = load_plan(settings.numbers.country).calling_codes[0]
        first, last = settings.isup.circuits
        timers = settings.isup.timers
        ours, theirs = settings.isup.own_point_code, settings.isup.exchange_point_code
        numbers = NumberPlan(
            country_code,
            settings.exchange.behaviours,
            built_in_treatments(),
            settings.exchange.country,
            settings.handset.number.removeprefix("+"),
        )
        self.exchange = Exchange(numbers, outbox)
        cics = tuple(range(first, last + 1))
        far = NodeSettings(own_point_code=theirs, peer_point_code=ours, cics=cics, timers=timers)
        self.exchange_node = Node(far, self.exchange, outbox)
        call_settings = CallSettings(
            SetupSettings(country_code, settings.interworking.interworking_encountered),
            load_profile(settings.interworking.profile),
            settings.sip.listen[0],
        )
        self.gateway = Gateway(call_settings, outbox)
        own = NodeSettings(own_point_code=ours, peer_point_code=theirs, cics=cics, timers=timers)
        self.node = Node(own, self.gateway, outbox, self._isup_message)
        self.gateway.node = self.node
        link = InProcessLink(self.runner)
        link.join(self.node, self.node.transfer_received, self.exchange_node, self.exchange_node.transfer_received)

    def _compose_sip(self) -> None:
        settings, outbox = self.settings, self.runner.outbox()
        agent = UserAgentSettings(
            random.SystemRandom().randint,
            product=settings.sip.product,
            reliability=Reliability(settings.sip.reliable_provisional),
            accept=("application/sdp", "multipart/mixed", "application/isup"),
        )
        self.user_agent = UserAgent(agent, self.gateway, _identifier, outbox)
        timing = TransactionSettings(trying_after_s=settings.sip.trying_after)
        self.layer = TransactionLayer(timing, self.user_agent, _identifier, outbox, self._sip_message)
        self.user_agent.layer = self.layer
        self.transport = SipTransport(self.reactor, self.runner, self.layer)
        self.runner.performs(Transmit, self.transport.perform)

    def _media_plane(self) -> MediaPlane | MediaWorkers:
        media = self.settings.media
        address, (first, last) = media.address or self.settings.sip.listen[0], media.rtp_ports
        settings = PlaneSettings(
            way_out=media.way_out,
            way_in=media.way_in,
            jitter=JitterSettings(
                minimum_ms=media.jitter_minimum,
                maximum_ms=media.jitter_maximum,
                initial_ms=min(max(JitterSettings().initial_ms, media.jitter_minimum), media.jitter_maximum),
            ),
            port=PortSettings(Latching(media.latching), LatchSettings(window_s=media.latch_window), media.rtcp),
        )
        announcements = self.settings.exchange.own_announcements
        for announcement in announcements:
            keep(announcement)
        if media.workers:
            return MediaWorkers(self.reactor, self.runner, media.workers, address, first, last, settings, announcements)
        return MediaPlane(self.reactor, self.runner, RtpPorts(address, first, last), settings)

    # --- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Listen.

        Raises:
            twisted.internet.error.CannotListenError: the SIP port is taken.
        """
        raise_file_limit()
        host, port = self.settings.sip.listen
        self.sip_address = (host, self.transport.listen(host, port))
        if self.settings.trace.control != "off":
            self.monitor.listen(Path(self.settings.trace.control or default_path()))

    def clear(self) -> None:
        """Take no more calls, and end every one there is: 503 or BYE towards SIP, REL towards the PSTN."""
        self.user_agent.close()
        self.runner.deliver(self.gateway.clear)

    def stop(self) -> Deferred[Any]:
        """Clear the calls, wait until both sides have answered (or two seconds), and close everything."""
        self.clear()
        return self._when_cleared(self.reactor.seconds() + CLEARING_S).addCallback(self._close)

    def _when_cleared(self, until_s: float) -> Deferred[Any]:
        quiet = not self.user_agent.open_sessions and len(self.node.idle_circuits) == self._circuits
        if quiet or self.reactor.seconds() >= until_s:
            return deferLater(self.reactor, LINGERING_S, lambda: None)
        return deferLater(self.reactor, LINGERING_S, lambda: None).addCallback(lambda _: self._when_cleared(until_s))

    @property
    def _circuits(self) -> int:
        first, last = self.settings.isup.circuits
        return last - first + 1

    def _close(self, _: object) -> Deferred[Any]:
        self.media.stop()
        self.runner.stop()
        closed = DeferredList(
            [closing for closing in (self.monitor.stop(), *self.transport.stop()) if closing is not None]
        )
        if self._capture_file is not None:
            self._capture_file.close()
        return closed

    # --- what happens, for the trace ----------------------------------------------------------------------------

    def now_s(self) -> float:
        """Seconds since the lab began: the time of the journal's events."""
        return float(self.reactor.seconds() - self._started_s)

    def capture_to(self, file: BinaryIO, started_epoch_s: float | None = None) -> None:
        """Write SIP, ISUP and RTP to a pcapng file from now on; it is closed by `stop`."""
        self._capture_file = file
        epoch_s = self.journal.started_epoch_s if started_epoch_s is None else started_epoch_s
        capture = Capture(PcapngWriter(file, epoch_s))
        self.journal.observe(capture)
        self.media.tap = lambda source, destination, octets: capture.rtp(self.now_s(), source, destination, octets)

    def _sip_message(self, direction: Direction, message: Message, flow: Flow, octets: bytes) -> None:
        event = sip_message(self.journal, self.now_s(), direction is Direction.SENT, octets, flow, message)
        if event.call != NO_CALL:
            self.journal.append(event)
            return
        call_id = message.headers.get("Call-ID") or ""
        if isinstance(message, Request) and message.method == "INVITE":
            # The call that it begins has no name yet.
            self._unnamed.setdefault(call_id, []).append(event)
        elif call_id in self._unnamed:
            self._unnamed[call_id].append(event)
            if isinstance(message, Response) and message.status >= 200:
                self._name_call(call_id, NO_CALL)
        else:
            self.journal.append(event)
        while len(self._unnamed) > MOST_UNNAMED:
            self._name_call(next(iter(self._unnamed)), NO_CALL)

    def _name_call(self, sip_call_id: str, call: str) -> None:
        for event in self._unnamed.pop(sip_call_id, ()):
            self.journal.append(event.in_call(call))

    def _isup_message(self, direction: str, message: IsupContents, octets: bytes) -> None:
        self.journal.append(isup_message(self.journal, self.now_s(), direction == "sent", octets, message))

    def _record(self, owner: Machine | None, effect: Record) -> None:
        self.journal.append(Decided(self.now_s(), self._call_named(effect.call), effect.decision))

    def _call_named(self, name: str) -> str:
        kind, _, number = name.partition(" ")
        if kind == "circuit":
            return self.journal.call_on(int(number))
        return self.journal.call_of(name) or name

    def _call_started(self, owner: Machine | None, effect: CallStarted) -> None:
        self.journal.bind(effect.sip_call_id, effect.call)
        self._name_call(effect.sip_call_id, effect.call)
        now = self.now_s()
        while self._ended and self._ended[0][0] < now - LAST_MESSAGES_S:
            self.journal.unbind_call(self._ended.popleft()[1])

    def _circuit_taken(self, owner: Machine | None, effect: CircuitTaken) -> None:
        self.journal.bind_circuit(effect.cic, effect.call)
        self.media.circuit_taken(owner, effect.cic)

    def _call_ended(self, owner: Machine | None, effect: CallEnded) -> None:
        self._ended.append((self.now_s(), effect.call))

    def _media_over(self, owner: Any, quality: MediaQuality) -> None:
        name = getattr(owner, "name", NO_CALL)
        self.journal.append(Note(self.now_s(), name, f"media: {quality}"))

    def _sound_on_circuit(self, cic: int, sound: PlayedSound) -> None:
        call = self.journal.call_on(cic)
        if self.sound_observer is not None:
            self.sound_observer(call, sound)
        self.journal.append(Sound(self.now_s(), call, "network", described(sound)))


def compose(settings: Settings, reactor: Any) -> Lab:
    """A laboratory, ready to start."""
    return Lab(settings, reactor)


def _identifier() -> str:
    return secrets.token_hex(8)
