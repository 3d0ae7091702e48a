"""The media plane: circuits, RTP sockets and the schedule.

One 64 kbit/s circuit has a backward direction (`Backward`), whose packets leave by the call's own socket, and from the
answer on a forward direction (`Forward`), which carries what the caller says, and digits from INFO, to the exchange's
ears. At each tick of the media clock what has come in is taken, and the circuits of one phase move on by 20 ms.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from heapq import heappop, heappush
from ipaddress import ip_address
from itertools import count
from typing import Any, Final, Protocol

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from twisted.logger import Logger

from gateway.core.effects import Machine
from gateway.exchange.effects import ECHO, HANDSET, EchoCircuit, LeaveCircuit, ListenToCircuit, PlaySound, Sound
from gateway.interworking.effects import (
    ConnectMedia,
    CutThroughBackward,
    CutThroughForward,
    PlayDigit,
    ReleaseMedia,
    ReserveMedia,
)
from gateway.media.playout import JitterSettings
from gateway.media.quality import MediaQuality
from gateway.media.receivers import Receivers
from gateway.media.reporting import Reporting, first_report_after_s
from gateway.media.store import SoundStore
from gateway.net.backward import Backward, RtpTap
from gateway.net.call_port import CallPort, PortSettings
from gateway.net.circuit import Circuit, Octets, Speaking
from gateway.net.forward import Forward
from gateway.net.listening import Listener, Listeners
from gateway.net.rtp_ports import NoPortLeftError, RtpPorts
from gateway.net.runner import Runner
from gateway.net.ticker import make_ticker
from gateway.net.way_in import Arrivals, choose_way_in
from gateway.net.way_out import choose_way_out
from tones.detect.dtmf import DtmfReceiver
from tones.g711 import Law, idle_octet, transcode

PHASES: Final = 10
PACKET_S: Final = 0.020
SHORT_OF_A_PACKET_S: Final = 0.005
"""One datagram of each caller is taken at a time, or one for each such while since the last time."""
HANDSET_DELAY_OCTETS: Final = 320
"""So much silence goes before what the handset says: its frames may come that much late, or 40 ms."""
SoundObserver = Callable[[int, Sound], None]
QualityObserver = Callable[[Any, MediaQuality], None]


@frozen
class PlaneSettings:
    """How a media plane works.

    Args:
        law: of circuits before a codec is agreed upon.
        way_out, way_in: "io_uring", "plain", or "auto" for the best there is.
        jitter: how the jitter buffers adapt.
        port: what the calls' sockets hear and report.
    """

    law: Law = Law.ALAW
    way_out: str = "auto"
    way_in: str = "auto"
    jitter: JitterSettings = field(factory=JitterSettings)
    port: PortSettings = field(factory=PortSettings)


class MediaUser(Protocol):
    """Who reserves media."""

    def media_reserved(self, address: str, port: int) -> None:
        """A port is bound."""

    def media_refused(self, why: str) -> None:
        """There is none."""


class SoundUser(Protocol):
    """Who plays on a circuit and listens to it."""

    def sound_ended(self) -> None:
        """What was played has been heard to its end."""

    def digit_heard(self, digit: str) -> None:
        """A DTMF digit on the forward direction."""


class MediaPlane:
    """Performs the media effects of calls and of the exchange.

    Args:
        reactor: Twisted's; its clock is the media clock.
        runner: whose effects are performed.
        ports: where RTP sockets come from.
        settings: how it works.

    Attributes:
        sound_observer: told what the exchange puts on which circuit.
        quality_observer: told, when a call's media is over, whose and how it went.
        received: datagrams that were taken.
    """

    log = Logger()

    def __init__(self, reactor: Any, runner: Runner, ports: RtpPorts, settings: PlaneSettings | None = None) -> None:
        self._settings = settings = settings or PlaneSettings()
        self._reactor = reactor
        self._runner = runner
        self._ports = ports
        self._random = random.SystemRandom()
        store, self._listeners = SoundStore(), Listeners()
        self._receivers = Receivers(settings.jitter)
        self._way_out = choose_way_out(settings.way_out)
        self._way_in = choose_way_in(settings.way_in)
        self._backward = Backward(reactor, store, PHASES, self._way_out, self._listeners, self._sound_ended)
        self._forward = Forward(runner, store, self._receivers, self._backward, PHASES, self._somebody_speaks)
        self._circuits: dict[int, Circuit] = {}
        self._calls: dict[int, CallPort] = {}
        self._by_row: dict[int, CallPort] = {}
        self._taken: set[CallPort] = set()
        self._taken_s = reactor.seconds()
        self._ticker = make_ticker(reactor, PHASES, PACKET_S, self._tick, self._send_report)
        runner.interrupt = self._ticker.interrupt
        self._reports: list[tuple[float, int, CallPort]] = []
        self._numbers = count()
        self.sound_observer: SoundObserver | None = None
        self.quality_observer: QualityObserver | None = None
        self.received = 0
        runner.performs(ReserveMedia, self._reserve)
        for effect, performer in (
            (ConnectMedia, self._connect),
            (CutThroughBackward, self._cut_through_backward),
            (CutThroughForward, self._cut_through_forward),
            (PlayDigit, self._play_digit),
            (ReleaseMedia, self._release),
            (PlaySound, self._play_sound),
            (EchoCircuit, self._echo),
            (ListenToCircuit, self._listen),
            (LeaveCircuit, self._leave),
        ):
            runner.performs_last(effect, performer)

    @property
    def tap(self) -> RtpTap | None:
        """Told of each packet sent or received: source, destination, octets. None: nobody looks."""
        return self._backward.tap

    @tap.setter
    def tap(self, tap: RtpTap | None) -> None:
        self._backward.tap = tap

    @property
    def sent(self) -> int:
        """Packets that left."""
        return self._backward.sent

    @property
    def unreachable(self) -> int:
        """Packets that did not leave: ICMP errors, full buffers."""
        return self._backward.unreachable

    @property
    def stopped(self) -> int:
        """Streams that were stopped because their receiver had gone."""
        return self._backward.stopped

    @property
    def late(self) -> int:
        """How often the schedule was moved because a tick came late by more than a packet."""
        return self._ticker.late

    @property
    def ports_in_use(self) -> int:
        """RTP sockets that are open."""
        return self._ports.in_use

    @property
    def circuits_in_use(self) -> int:
        """Circuits that carry a sound or a call."""
        return len(self._circuits)

    def circuit_taken(self, owner: Machine | None, cic: int) -> None:
        """A call has a circuit: here both live in the same place already."""

    def stop(self) -> None:
        """No more ticks; every socket is closed."""
        self._ticker.close()
        for port in list(self._calls.values()):
            self._close(port)
        self._way_out.close()
        self._way_in.close()

    # --- what calls ask for -------------------------------------------------------------------------------------

    def _reserve(self, owner: Machine | None, effect: ReserveMedia) -> None:
        user: MediaUser = owner  # type: ignore[assignment]  # whoever asks takes the answer
        if self._ticker.overloaded:
            late = f"{self._ticker.late_share:.0%} of the media clock's ticks are late"
            self._runner.deliver(user.media_refused, f"the streams that there are would suffer: {late}")
            return
        try:
            opened, number = self._ports.open()
        except NoPortLeftError as error:
            self._runner.deliver(user.media_refused, str(error))
            return
        local = (self._ports.address, number)
        port = CallPort(
            self._reactor, self._settings.port, opened, local, owner, self._latched, self._aimed, self._has_heard
        )
        self._calls[id(owner)] = port
        self._runner.deliver(user.media_reserved, *local)

    def _connect(self, owner: Machine | None, effect: ConnectMedia) -> None:
        port = self._calls[id(owner)]
        agreed = effect.agreed
        before, port.agreed = port.agreed, agreed
        events = frozenset(() if agreed.receive_telephone_event is None else (agreed.receive_telephone_event,))
        known = {agreed.codec.payload_type: agreed.codec.law, agreed.receive_payload_type: agreed.codec.law}
        if port.row < 0:
            port.row = self._receivers.open(agreed.codec.law, known, events)
            self._by_row[port.row] = port
        else:
            self._receivers.renegotiate(port.row, agreed.codec.law, known, events)
        if before is None or before.remote != agreed.remote:
            self._aim(port, agreed.remote, effect.signalled_from)
        circuit = port.circuit
        if circuit is not None:
            if circuit.law is not agreed.codec.law or (before is not None and before.codec != agreed.codec):
                self._change_law(circuit, agreed.codec.law, agreed.codec.payload_type)
            if before is None:
                self._attach(port, circuit)
            elif before.ptime != agreed.ptime:
                self._backward.sender.change_ptime(circuit.row, agreed.ptime)
            self._backward.aim(circuit)
            self._backward.agreed(circuit)
            self._forward.changed(circuit)
            if before is None and circuit.through:
                self._forward.expect(circuit)

    def _aim(self, port: CallPort, remote: tuple[str, int], signalled_from: str) -> None:
        host, number = remote
        port.aim_nowhere()
        try:
            address = ip_address(host)
        except ValueError:
            self._reactor.resolve(host).addCallbacks(
                lambda found: (
                    self._aim(port, (found, number), signalled_from) if self._still_wanted(port, remote) else None
                ),
                lambda failure: self.log.warn("no media for {host}: {why}", host=host, why=failure.getErrorMessage()),
            )
            return
        if address.is_unspecified:
            return
        try:
            port.aim((host, number), signalled_from)
        except OSError as error:
            self.log.warn("no media for {host}: {why}", host=host, why=error.strerror)

    @staticmethod
    def _still_wanted(port: CallPort, remote: tuple[str, int]) -> bool:
        return not port.closed and port.agreed is not None and port.agreed.remote == remote

    def _aimed(self, port: CallPort) -> None:
        """A port's way has changed: who takes what comes, and by what its circuit's packets leave."""
        if port.connected and port not in self._taken:
            self._way_in.add(port.row, port.socket)
            self._taken.add(port)
        elif not port.connected and port in self._taken:
            self._way_in.remove(port.row)
            self._taken.discard(port)
        if port.circuit is not None:
            self._backward.aim(port.circuit)

    def _has_heard(self, port: CallPort) -> bool:
        return self._receivers.ssrc(port.row) is not None

    def _cut_through_backward(self, owner: Machine | None, effect: CutThroughBackward) -> None:
        port = self._calls[id(owner)]
        circuit = self._circuit(effect.cic)
        port.circuit, circuit.port = circuit, port
        if port.agreed is not None:
            if circuit.law is not port.agreed.codec.law:
                self._change_law(circuit, port.agreed.codec.law, port.agreed.codec.payload_type)
            self._attach(port, circuit)
        self._backward.aim(circuit)
        self._backward.agreed(circuit)
        self._forward.changed(circuit)

    def _attach(self, port: CallPort, circuit: Circuit) -> None:
        agreed = port.agreed
        assert agreed is not None
        bits = self._random.getrandbits(78)
        numbers = bits & 0xFFFFFFFF, bits >> 32 & 0x7FFF, bits >> 47
        self._backward.sender.attach(circuit.row, *numbers, agreed.codec.payload_type, agreed.ptime)
        port.attached = True
        if self._settings.port.rtcp:
            due_s = self._reactor.seconds() + first_report_after_s((bits & 0xFFFF) / 0x10000)
            heappush(self._reports, (due_s, next(self._numbers), port))
        self._listeners.attached(port)

    def _cut_through_forward(self, owner: Machine | None, effect: CutThroughForward) -> None:
        port = self._calls[id(owner)]
        circuit = self._circuit(effect.cic)
        port.circuit, circuit.port = circuit, port
        circuit.through = True
        port.expect()
        self._forward.expect(circuit)

    def _play_digit(self, owner: Machine | None, effect: PlayDigit) -> None:
        circuit = self._circuits.get(effect.cic)
        if circuit is not None and circuit.through:
            self._forward.play_digit(circuit, self._backward.clips.of_digit(effect.digit, effect.duration_ms))

    def _release(self, owner: Machine | None, effect: ReleaseMedia) -> None:
        port = self._calls.get(id(owner))
        if port is None:
            return
        circuit = port.circuit
        self._tell_quality(port)
        self._close(port)
        if circuit is None:
            return
        self._forward.close(circuit, port)
        circuit.port = circuit.lifter = None
        circuit.events, circuit.through = "", False
        self._backward.aim(circuit)
        self._backward.sender.detach(circuit.row)
        if circuit.player is None:
            self._forget(circuit)

    def _tell_quality(self, port: CallPort) -> None:
        if self.quality_observer is None or not port.attached or port.circuit is None:
            return
        receivers, row = self._receivers, port.row
        sent = self._backward.sender.numbers(port.circuit.row).packets
        view = None if port.reporting is None else port.reporting.remote_view
        refused = receivers.refusals(row).total + port.foreign
        quality = MediaQuality.of(sent, receivers.statistics(row), receivers.counts(row), refused, view)
        if quality.sent or quality.received:
            self.quality_observer(port.owner, quality)

    def listen_in(
        self,
        owner: object | None,
        begin: Callable[[str], None],
        octets: Callable[[bytes], None],
        end: Callable[[], None],
    ) -> Callable[[], None]:
        """Hear what a call's caller is sent; call what is returned to stop.

        Args:
            owner: the call; None: the newest that has media, now or next.
            begin: told once the name of the call and its codec, "call-3 PCMA", before the first octets.
            octets: told the payload of each packet.
            end: told that the call's media is over.
        """
        attached = [port for port in self._calls.values() if port.attached]
        return self._listeners.add(Listener(owner, begin, octets, end), attached)

    def _close(self, port: CallPort) -> None:
        del self._calls[id(port.owner)]
        if port in self._taken:
            self._way_in.remove(port.row)
            self._taken.discard(port)
        if port.row >= 0:
            self._receivers.close(port.row)
            del self._by_row[port.row]
        port.close()
        self._ports.close(port.socket, port.local[1])
        self._listeners.closed(port)
        port.let_go()

    # --- what the exchange asks for -----------------------------------------------------------------------------

    def _play_sound(self, owner: Machine | None, effect: PlaySound) -> None:
        circuit = self._circuit(effect.cic)
        circuit.player = owner
        self._backward.play(circuit, self._backward.clips.of_sound(effect.sound))
        self._forward.changed(circuit)
        if self.sound_observer is not None:
            self.sound_observer(effect.cic, effect.sound)

    def _echo(self, owner: Machine | None, effect: EchoCircuit) -> None:
        circuit = self._circuit(effect.cic)
        self._backward.end_what_is_on(circuit)
        circuit.player, circuit.echo = owner, True
        self._backward.sender.live(circuit.row)
        self._forward.changed(circuit)
        if self.sound_observer is not None:
            self.sound_observer(effect.cic, ECHO)

    def _listen(self, owner: Machine | None, effect: ListenToCircuit) -> None:
        circuit = self._circuit(effect.cic)
        circuit.player = circuit.listener = owner
        circuit.ear = DtmfReceiver(circuit.law)
        self._forward.changed(circuit)

    def converse(self, cic: int, hear: Speaking) -> Speaking:
        """Let somebody talk with the caller, until the exchange plays something else or leaves the circuit.

        Args:
            cic: the circuit.
            hear: told every 20 ms what the caller says, once the forward direction is through.

        Returns:
            What is told what is to be said to the caller: fed as it is spoken; what comes faster is dropped.
        """
        circuit = self._circuit(cic)
        self._backward.end_what_is_on(circuit)
        circuit.handset = hear
        if circuit.through:
            self._forward.open(circuit)
        self._backward.sender.live(circuit.row)
        self._backward.sender.feed(circuit.row, bytes([idle_octet(circuit.law)]) * HANDSET_DELAY_OCTETS)
        if self.sound_observer is not None:
            self.sound_observer(cic, HANDSET)

        def say(law: Law, octets: bytes) -> None:
            if circuit.handset is hear:
                self._backward.sender.feed(circuit.row, transcode(octets, law, circuit.law))

        return say

    def _leave(self, owner: Machine | None, effect: LeaveCircuit) -> None:
        circuit = self._circuits.get(effect.cic)
        if circuit is None or circuit.player is not owner:
            return
        self._backward.silence(circuit)
        circuit.player = circuit.listener = circuit.ear = None
        self._forward.changed(circuit)
        if circuit.port is None:
            self._forget(circuit)

    # --- circuits -----------------------------------------------------------------------------------------------

    def _circuit(self, cic: int) -> Circuit:
        circuit = self._circuits.get(cic)
        if circuit is None:
            circuit = self._circuits[cic] = self._backward.open(cic, self._settings.law)
            self._ticker.wake(circuit.phase)
        return circuit

    def _forget(self, circuit: Circuit) -> None:
        self._backward.close(circuit)
        del self._circuits[circuit.cic]

    def _change_law(self, circuit: Circuit, law: Law, payload_type: int) -> None:
        self._backward.change_law(circuit, law, payload_type)
        if circuit.ear is not None:
            circuit.ear = DtmfReceiver(law)

    # --- the schedule -------------------------------------------------------------------------------------------

    def _tick(self, phase: int) -> None:
        now_s = self._reactor.seconds()
        arrivals = self._way_in.take(1 + int((now_s - self._taken_s) / SHORT_OF_A_PACKET_S))
        self._taken_s = now_s
        if len(arrivals.keys) or arrivals.refused:
            self._arrived(arrivals)
        self._forward.tick(phase, now_s)
        self._backward.tick(phase)
        if not self._backward.sender.rows_in(phase) and not self._forward.open_rows:
            self._ticker.rest(phase)

    def _somebody_speaks(self) -> None:
        """What comes in is taken at every tick: while somebody speaks there is one at least every 4 ms."""
        for phase in range(0, PHASES, 2):
            self._ticker.wake(phase)

    def _sound_ended(self, circuit: Circuit) -> None:
        if circuit.player is not None:
            self._runner.deliver(circuit.player.sound_ended)

    # --- what callers send --------------------------------------------------------------------------------------

    def _arrived(self, arrivals: Arrivals) -> None:
        """Datagrams from the addresses that were negotiated, or latched on to."""
        if self.tap is not None:
            for key, datagram, length in zip(
                arrivals.keys.tolist(), arrivals.datagrams, arrivals.lengths.tolist(), strict=True
            ):
                self.tap(self._by_row[key].remote, self._by_row[key].local, datagram[:length].tobytes())
        for key in arrivals.refused:
            circuit = self._by_row[key].circuit
            if circuit is not None:
                self._backward.packets_failed([circuit.row])
        self._received(arrivals.keys, arrivals.datagrams, arrivals.lengths)

    def _latched(self, port: CallPort, datagram: bytes) -> None:
        """A datagram to a socket that is not connected; its source has been looked at."""
        if self.tap is not None:
            self.tap(port.remote, port.local, datagram)
        octets = np.frombuffer(datagram, np.uint8).reshape(1, -1)
        self._received(np.array([port.row]), octets, np.array([len(datagram)]))

    def _received(self, rows: NDArray[np.int64], datagrams: Octets, lengths: NDArray[np.int64]) -> None:
        self.received += len(rows)
        self._forward.arrived(rows)
        for row, event in self._receivers.received(rows, datagrams, lengths, self._reactor.seconds()):
            circuit = self._by_row[row].circuit
            if event.digit and circuit is not None:
                duration_ms = min(max(event.duration // 8, 40), 5000)
                self._play_digit(None, PlayDigit(circuit.cic, event.digit, duration_ms))

    # --- reports ------------------------------------------------------------------------------------------------

    def _send_report(self) -> bool:
        """One that is due; those of calls that are over go for nothing. Returns whether there was one."""
        reports, now_s = self._reports, self._reactor.seconds()
        while reports and reports[0][0] <= now_s:
            port = heappop(reports)[2]
            if not port.closed:
                self._report(port, now_s)
                return True
        return False

    def _report(self, port: CallPort, now_s: float) -> None:
        """The RTCP report that is due (RFC 3550 §6.2); the first opens the socket, which short calls never need."""
        reporting, circuit = port.reporting, port.circuit
        if circuit is None:
            return
        if reporting is None:
            opened = self._ports.open_rtcp(port.local[1])
            if opened is None:
                return
            name = f"{getattr(port.owner, 'name', 'call')}@{self._ports.address}"
            reporting = port.reporting = Reporting(name, self._random.random, now_s)
            port.open_rtcp(opened)
        receivers, row = self._receivers, port.row
        numbers = self._backward.sender.numbers(circuit.row)
        heard = receivers.ssrc(row)
        statistics = None if heard is None else receivers.statistics(row)
        port.send_report(reporting.report(now_s, port.wallclock_s(), numbers, heard, statistics))
        heappush(self._reports, (reporting.next_s, next(self._numbers), port))
