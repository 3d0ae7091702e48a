"""The media plane: circuits, RTP sockets and the schedule.

One 64 kbit/s circuit has a backward row (what the exchange plays) in one `Sender` and, from the answer on, a forward
row (what the caller says, and digits from INFO) in another. The backward row's packets leave by the call's own
socket; the forward row's octets go to the exchange's ear: its DTMF receiver, and back where it echoes.

    caller --RTP--> way in --> Receivers (checked, jitter buffer) --> forward row --> ear, echo, handset
    caller <--RTP-- way out <-- backward row <-- clip of the sound store; or echo, handset: live, digits lifted out

At each tick of the media clock what has come in is taken, and the rows of one phase move on by 20 ms.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from heapq import heappop, heappush
from ipaddress import ip_address
from itertools import count
from typing import Any, Final, Protocol

import numpy as np
from attrs import define, field, frozen
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
from gateway.media.digit_lifting import DELAY_BLOCKS, DigitLifter
from gateway.media.playout import JitterSettings
from gateway.media.quality import MediaQuality
from gateway.media.receivers import Receivers
from gateway.media.reporting import Reporting, first_report_after_s
from gateway.media.rtp import HEADER_OCTETS, PACKET_SAMPLES
from gateway.media.sender import Batch, Sender
from gateway.media.store import Clip, SoundStore
from gateway.media.telephone_event import DIGITS
from gateway.net.call_port import CallPort, PortSettings
from gateway.net.clips import Clips
from gateway.net.listening import Listener, Listeners
from gateway.net.rtp_ports import NoPortLeftError, RtpPorts
from gateway.net.runner import Runner
from gateway.net.ticker import make_ticker
from gateway.net.way_in import Arrivals, choose_way_in
from gateway.net.way_out import choose_way_out
from tones.detect.digit_candidates import may_be_digits
from tones.detect.dtmf import DtmfReceiver
from tones.g711 import Law, decode, idle_octet, transcode

PHASES: Final = 10
PACKET_S: Final = 0.020
FAILURES_UNTIL_GONE: Final = 50
FAILURES_APART_S: Final = 1.0
"""A receiver is gone when so many packets to it have failed, none of them longer than this after the one before."""
NO_SOCKET: Final = -1
LATCHING: Final = -2
"""In the place of a socket: none, or one that is not connected, so that packets leave one by one."""
BLOCKS_AFTER_ACTIVITY: Final = 4
MOST_DIGITS_WAITING: Final = 32
"""Digits that a caller may have waiting; more are dropped."""
HANDSET_DELAY_OCTETS: Final = 320
"""So much silence goes before what the handset says: its frames may come that much late, or 40 ms."""
EVENT_SAMPLES: Final = 800
"""How long a telephone event is whose digit was over before it could begin: 100 ms."""

Octets = NDArray[np.uint8]
RtpTap = Callable[[tuple[str, int], tuple[str, int], bytes], None]
SoundObserver = Callable[[int, Sound], None]
QualityObserver = Callable[[Any, MediaQuality], None]
Speaking = Callable[[Law, bytes], None]
"""Told, or tells, what is said: the law, and octets in it."""


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


@define(eq=False)
class _ByHand:
    """A clip with digits in it, for a caller that wants them as events: fed block by block, at `at` in `octets`."""

    octets: Octets
    repeat: bool
    at: int = 0


@define(eq=False)
class _Circuit:
    cic: int
    law: Law
    backward: int
    sound: str = ""
    player: Any = None
    echo: bool = False
    handset: Speaking | None = None
    by_hand: _ByHand | None = None
    lifter: DigitLifter | None = None
    events: str = ""
    """Digits that are being sent as telephone events: the one under way, and those that wait for its end."""
    listener: Any = None
    ear: DtmfReceiver | None = None
    blocks_to_hear: int = 0
    through: bool = False
    """Whether the forward direction is; its row is opened once there is something to carry."""
    forward: int | None = None
    digits: tuple[Clip, ...] = ()
    port: CallPort | None = None


class MediaPlane:
    """Performs the media effects of calls and of the exchange.

    Args:
        reactor: Twisted's; its clock is the media clock.
        runner: whose effects are performed.
        ports: where RTP sockets come from.
        settings: how it works.

    Attributes:
        tap: told of each packet sent or received: source, destination, octets. None: nobody looks.
        sound_observer: told what the exchange puts on which circuit.
        quality_observer: told, when a call's media is over, whose and how it went.
        sent, unreachable: packets that left, and that did not (ICMP errors, full buffers).
        stopped: streams that were stopped because their receiver had gone.
        received: datagrams that were taken.
    """

    log = Logger()

    def __init__(self, reactor: Any, runner: Runner, ports: RtpPorts, settings: PlaneSettings | None = None) -> None:
        self._settings = settings = settings or PlaneSettings()
        self._reactor = reactor
        self._runner = runner
        self._ports = ports
        self._random = random.SystemRandom()
        self._store = SoundStore()
        self._clips = Clips(self._store, self._carried)
        self._backward = Sender(self._store, PHASES)
        self._forward = Sender(self._store, PHASES)
        self._receivers = Receivers(settings.jitter)
        self._circuits: dict[int, _Circuit] = {}
        self._by_backward: dict[int, _Circuit] = {}
        self._by_forward: dict[int, _Circuit] = {}
        self._speaking: list[dict[int, _Circuit]] = [{} for _ in range(PHASES)]
        self._calls: dict[int, CallPort] = {}
        self._by_row: dict[int, CallPort] = {}
        self._taken: set[CallPort] = set()
        self._silent: set[int] = set()
        self._by_hand: list[dict[int, _Circuit]] = [{} for _ in range(PHASES)]
        self._heard_before: list[Batch | None] = [None] * PHASES
        self._ticker = make_ticker(reactor, PHASES, PACKET_S, self._tick)
        self._way_out = choose_way_out(settings.way_out)
        self._way_in = choose_way_in(settings.way_in)
        self._fds = np.full(64, NO_SOCKET, np.int32)
        self._reports: list[tuple[float, int, CallPort]] = []
        self._numbers = count()
        self._listeners = Listeners()
        self.tap: RtpTap | None = None
        self.sound_observer: SoundObserver | None = None
        self.quality_observer: QualityObserver | None = None
        self._failures: dict[int, tuple[int, float]] = {}
        self.sent = self.unreachable = self.stopped = self.received = 0
        for effect, performer in (
            (ReserveMedia, self._reserve),
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
            runner.performs(effect, performer)

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
                self._backward.change_ptime(circuit.backward, agreed.ptime)
            self._aim_row(circuit)

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
            self._aim_row(port.circuit)

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
        self._aim_row(circuit)

    def _attach(self, port: CallPort, circuit: _Circuit) -> None:
        agreed = port.agreed
        assert agreed is not None
        bits = self._random.getrandbits(78)
        numbers = bits & 0xFFFFFFFF, bits >> 32 & 0x7FFF, bits >> 47
        self._backward.attach(circuit.backward, *numbers, agreed.codec.payload_type, agreed.ptime)
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
        if port.row >= 0:
            self._silent.add(port.row)
        if circuit.handset is not None:
            self._open_forward(circuit)

    def _open_forward(self, circuit: _Circuit) -> None:
        """The forward direction has something to carry: the caller's sound, a digit, or a handset that listens."""
        port = circuit.port
        if circuit.forward is not None or port is None:
            return
        phase = self._backward.phase_of(circuit.backward)
        row = circuit.forward = self._forward.open(circuit.law, phase)
        self._by_forward[row] = circuit
        self._forward.live(row)
        self._forward.attach(row, 0, 0, 0, 0)
        if port.row >= 0:
            self._silent.discard(port.row)
            self._receivers.hear(port.row)
            self._speaking[phase][row] = circuit
        if len(self._by_forward) == 1:
            # What comes in is taken at every tick: while somebody speaks no phase sleeps.
            for each in range(PHASES):
                self._ticker.wake(each)

    def _play_digit(self, owner: Machine | None, effect: PlayDigit) -> None:
        circuit = self._circuits.get(effect.cic)
        if circuit is None or not circuit.through or len(circuit.digits) >= MOST_DIGITS_WAITING:
            return
        self._open_forward(circuit)
        assert circuit.forward is not None
        circuit.digits += (self._clips.of_digit(effect.digit, effect.duration_ms),)
        if len(circuit.digits) == 1:
            self._forward.play(circuit.forward, circuit.digits[0])

    def _release(self, owner: Machine | None, effect: ReleaseMedia) -> None:
        port = self._calls.get(id(owner))
        if port is None:
            return
        circuit = port.circuit
        self._tell_quality(port)
        self._close(port)
        if circuit is None:
            return
        circuit.port = circuit.lifter = None
        circuit.events, circuit.through = "", False
        self._aim_row(circuit)
        self._backward.detach(circuit.backward)
        if circuit.forward is not None:
            self._forward.close(circuit.forward)
            del self._by_forward[circuit.forward]
            circuit.forward = None
            circuit.digits = ()
        if circuit.player is None:
            self._forget(circuit)

    def _tell_quality(self, port: CallPort) -> None:
        if self.quality_observer is None or not port.attached or port.circuit is None:
            return
        receivers, row = self._receivers, port.row
        sent = self._backward.numbers(port.circuit.backward).packets
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
        circuit = port.circuit
        if circuit is not None and circuit.forward is not None:
            self._speaking[self._forward.phase_of(circuit.forward)].pop(circuit.forward, None)
        if port.row >= 0:
            self._silent.discard(port.row)
            self._receivers.close(port.row)
            del self._by_row[port.row]
        port.close()
        self._ports.close(port.socket, port.local[1])
        self._listeners.closed(port)

    # --- what the exchange asks for -----------------------------------------------------------------------------

    def _play_sound(self, owner: Machine | None, effect: PlaySound) -> None:
        circuit = self._circuit(effect.cic)
        self._end_what_is_live(circuit)
        circuit.player = owner
        clip = self._clips.of_sound(effect.sound)
        circuit.sound = clip.name
        if self._event_type(circuit) is not None and self._clips.has_digits(clip):
            circuit.by_hand = _ByHand(self._store.read(clip, circuit.law), clip.repeat)
            self._by_hand[self._backward.phase_of(circuit.backward)][circuit.backward] = circuit
            self._backward.live(circuit.backward)
        else:
            self._backward.play(circuit.backward, clip)
        if self.sound_observer is not None:
            self.sound_observer(effect.cic, effect.sound)

    def _echo(self, owner: Machine | None, effect: EchoCircuit) -> None:
        circuit = self._circuit(effect.cic)
        self._end_what_is_live(circuit)
        circuit.player, circuit.echo = owner, True
        self._backward.live(circuit.backward)
        if self.sound_observer is not None:
            self.sound_observer(effect.cic, ECHO)

    def _listen(self, owner: Machine | None, effect: ListenToCircuit) -> None:
        circuit = self._circuit(effect.cic)
        circuit.player = circuit.listener = owner
        circuit.ear = DtmfReceiver(circuit.law)

    def converse(self, cic: int, hear: Speaking) -> Speaking:
        """Let somebody talk with the caller, until the exchange plays something else or leaves the circuit.

        Args:
            cic: the circuit.
            hear: told every 20 ms what the caller says, once the forward direction is through.

        Returns:
            What is told what is to be said to the caller: fed as it is spoken; what comes faster is dropped.
        """
        circuit = self._circuit(cic)
        self._end_what_is_live(circuit)
        circuit.handset = hear
        if circuit.through:
            self._open_forward(circuit)
        self._backward.live(circuit.backward)
        self._backward.feed(circuit.backward, bytes([idle_octet(circuit.law)]) * HANDSET_DELAY_OCTETS)
        if self.sound_observer is not None:
            self.sound_observer(cic, HANDSET)

        def say(law: Law, octets: bytes) -> None:
            if circuit.handset is hear:
                self._backward.feed(circuit.backward, transcode(octets, law, circuit.law))

        return say

    def _leave(self, owner: Machine | None, effect: LeaveCircuit) -> None:
        circuit = self._circuits.get(effect.cic)
        if circuit is None or circuit.player is not owner:
            return
        self._end_what_is_live(circuit)
        circuit.player = circuit.listener = circuit.ear = None
        self._backward.silence(circuit.backward)
        if circuit.port is None:
            self._forget(circuit)

    def _end_what_is_live(self, circuit: _Circuit) -> None:
        circuit.echo, circuit.handset, circuit.sound = False, None, ""
        if circuit.by_hand is not None:
            circuit.by_hand = None
            del self._by_hand[self._backward.phase_of(circuit.backward)][circuit.backward]

    # --- circuits -----------------------------------------------------------------------------------------------

    def _circuit(self, cic: int) -> _Circuit:
        circuit = self._circuits.get(cic)
        if circuit is None:
            row = self._backward.open(self._settings.law)
            circuit = self._circuits[cic] = self._by_backward[row] = _Circuit(cic, self._settings.law, row)
            self._ticker.wake(self._backward.phase_of(row))
        return circuit

    def _forget(self, circuit: _Circuit) -> None:
        self._backward.close(circuit.backward)
        del self._by_backward[circuit.backward]
        del self._circuits[circuit.cic]

    def _change_law(self, circuit: _Circuit, law: Law, payload_type: int) -> None:
        before, circuit.law = circuit.law, law
        self._backward.change_law(circuit.backward, law, payload_type)
        if circuit.by_hand is not None and before is not law:
            circuit.by_hand.octets = transcode(circuit.by_hand.octets.tobytes(), before, law)
        circuit.lifter = None
        if circuit.forward is not None:
            self._forward.change_law(circuit.forward, law, 0)
        if circuit.ear is not None:
            circuit.ear = DtmfReceiver(law)

    def _carried(self) -> set[str]:
        carried = {circuit.sound for circuit in self._circuits.values()}
        carried.update(clip.name for circuit in self._circuits.values() for clip in circuit.digits)
        return carried

    # --- the schedule -------------------------------------------------------------------------------------------

    def _tick(self, phase: int) -> None:
        try:
            self._phase(phase)
        except Exception:  # noqa: BLE001  # the clock of all calls does not stop for one of them
            self.log.failure("a tick of the media clock went wrong")
        if not self._backward.rows_in(phase) and not self._by_forward:
            self._ticker.rest(phase)

    def _phase(self, phase: int) -> None:
        arrivals = self._way_in.take()
        if len(arrivals.keys) or arrivals.refused:
            self._arrived(arrivals)
        if self._speaking[phase]:
            self._hear(self._speaking[phase])
        heard = self._forward.tick(phase)
        if len(heard.rows):
            self._to_the_ear(phase, heard)
        for row in heard.ended.tolist():
            self._digit_played(self._by_forward.get(row))
        for circuit in list(self._by_hand[phase].values()):
            self._play_by_hand(circuit)
        batch = self._backward.tick(phase)
        if len(batch.rows):
            self._flush(batch.rows, batch.packets)
        for others in batch.others:
            self._flush(others.rows, others.packets)
        for row in batch.events_over.tolist():
            self._event_over(row)
        for row in batch.ended.tolist():
            self._sound_ended(self._by_backward.get(row))
        if self._reports and self._reports[0][0] <= self._reactor.seconds():
            self._report(heappop(self._reports)[2])

    def _sound_ended(self, circuit: _Circuit | None) -> None:
        if circuit is not None and circuit.player is not None:
            self._runner.deliver(circuit.player.sound_ended)

    def _flush(self, rows: NDArray[np.int64], packets: Octets) -> None:
        fds = self._fds[rows]
        if (fds < 0).any():
            if LATCHING in fds:
                self._send_one_by_one(rows[fds == LATCHING].tolist(), packets[fds == LATCHING])
            going = fds >= 0
            rows, packets, fds = rows[going], packets[going], fds[going]
            if not len(rows):
                return
        failed = self._way_out.flush(fds, packets)
        self.sent += len(rows) - len(failed)
        if len(failed):
            self._packets_failed(rows[failed].tolist())
        if self.tap is not None or self._listeners:
            self._show(rows.tolist(), packets, set(failed.tolist()))

    def _send_one_by_one(self, rows: list[int], packets: Octets) -> None:
        failed = set()
        for place, row in enumerate(rows):
            port = self._by_backward[row].port
            if port is None or not port.send(packets[place].tobytes()):
                failed.add(place)
        self.sent += len(rows) - len(failed)
        if self.tap is not None or self._listeners:
            self._show(rows, packets, failed)

    def _packets_failed(self, rows: list[int]) -> None:
        """Count them; a stream whose receiver has gone (ICMP unreachable) is stopped until it is aimed again."""
        now_s = self._reactor.seconds()
        self.unreachable += len(rows)
        for row in rows:
            count, last_s = self._failures.get(row, (0, now_s))
            count = count + 1 if now_s - last_s < FAILURES_APART_S else 1
            self._failures[row] = (count, now_s)
            if count == FAILURES_UNTIL_GONE:
                self._fds[row] = NO_SOCKET
                self.stopped += 1
                port = self._by_backward[row].port
                self.log.info("RTP to {remote} is stopped: nobody receives it", remote=port and port.remote)

    def _show(self, rows: list[int], packets: Octets, failed: set[int]) -> None:
        """Let the tap and the listeners see what left."""
        for place, row in enumerate(rows):
            port = self._by_backward[row].port
            if port is None or place in failed:
                continue
            packet = packets[place].tobytes()
            if self.tap is not None:
                self.tap(port.local, port.remote, packet)
            if port.agreed is not None and packet[1] & 0x7F == port.agreed.codec.payload_type:
                self._listeners.sent(port, packet[HEADER_OCTETS:])

    def _aim_row(self, circuit: _Circuit) -> None:
        """Say by which socket the circuit's packets leave: none while the caller takes none (hold, 0.0.0.0)."""
        row, port = circuit.backward, circuit.port
        self._failures.pop(row, None)
        if row >= len(self._fds):
            larger = np.full(2 * max(row, len(self._fds)), NO_SOCKET, np.int32)
            larger[: len(self._fds)] = self._fds
            self._fds = larger
        if port is None or port.agreed is None or not port.agreed.sends or not port.remote[1]:
            self._fds[row] = NO_SOCKET
        else:
            self._fds[row] = LATCHING if port.is_latching else port.socket.fileno()

    # --- what the caller is sent live ---------------------------------------------------------------------------

    @staticmethod
    def _event_type(circuit: _Circuit) -> int | None:
        """The payload type under which the caller takes digits as telephone events; None: it takes none."""
        port = circuit.port
        return None if port is None or port.agreed is None else port.agreed.telephone_event

    def _to_caller(self, circuit: _Circuit, block: Octets, *, may_be_digit: bool = True) -> None:
        """20 ms of live sound, digits lifted out of it where the caller takes them as events (RFC 4733)."""
        payload_type = self._event_type(circuit)
        if payload_type is None:
            self._backward.feed(circuit.backward, block)
            return
        if circuit.lifter is None:
            circuit.lifter = DigitLifter(circuit.law)
        lifted = circuit.lifter.feed(block.tobytes(), may_be_digit=may_be_digit)
        self._backward.feed(circuit.backward, lifted.octets)
        if lifted.ended and len(circuit.events) == 1:
            self._backward.end_event(circuit.backward)
        if lifted.began and circuit.port is not None and circuit.port.attached:
            circuit.events += lifted.began
            if len(circuit.events) == 1:
                self._backward.send_event(circuit.backward, DIGITS.index(lifted.began), payload_type)

    def _event_over(self, row: int) -> None:
        circuit = self._by_backward.get(row)
        payload_type = None if circuit is None else self._event_type(circuit)
        if circuit is None or payload_type is None:
            return
        circuit.events = circuit.events[1:]
        if circuit.events:
            # Its digit may be over already, so it is as long as digits mostly are.
            self._backward.send_event(row, DIGITS.index(circuit.events[0]), payload_type, EVENT_SAMPLES)

    def _play_by_hand(self, circuit: _Circuit) -> None:
        played = circuit.by_hand
        assert played is not None
        block = played.octets[played.at : played.at + PACKET_SAMPLES]
        played.at += PACKET_SAMPLES
        over = played.at >= len(played.octets)
        if over and played.repeat:
            played.at -= len(played.octets)
            block = np.concatenate([block, np.resize(played.octets, played.at)]) if played.at else block
        elif len(block) < PACKET_SAMPLES:
            idle = np.full(PACKET_SAMPLES - len(block), idle_octet(circuit.law), np.uint8)
            block = np.concatenate([block, idle])
        self._to_caller(circuit, block)
        if played.at >= len(played.octets) + DELAY_BLOCKS * PACKET_SAMPLES:
            self._end_what_is_live(circuit)
            self._sound_ended(circuit)

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
                self._packets_failed([circuit.backward])
        self._received(arrivals.keys, arrivals.datagrams, arrivals.lengths)

    def _latched(self, port: CallPort, datagram: bytes) -> None:
        """A datagram to a socket that is not connected; its source has been looked at."""
        if self.tap is not None:
            self.tap(port.remote, port.local, datagram)
        octets = np.frombuffer(datagram, np.uint8).reshape(1, -1)
        self._received(np.array([port.row]), octets, np.array([len(datagram)]))

    def _received(self, rows: NDArray[np.int64], datagrams: Octets, lengths: NDArray[np.int64]) -> None:
        self.received += len(rows)
        for row in self._silent.intersection(rows.tolist()) if self._silent else ():
            speaker = self._by_row[row].circuit
            if speaker is not None:
                self._open_forward(speaker)
        for row, event in self._receivers.received(rows, datagrams, lengths, self._reactor.seconds()):
            circuit = self._by_row[row].circuit
            if event.digit and circuit is not None:
                duration_ms = min(max(event.duration // 8, 40), 5000)
                self._play_digit(None, PlayDigit(circuit.cic, event.digit, duration_ms))

    def _hear(self, speaking: dict[int, _Circuit]) -> None:
        """The next 20 ms of each caller of a phase, out of the jitter buffer on to the circuit."""
        circuits = list(speaking.values())
        rows = np.array([circuit.port.row for circuit in circuits if circuit.port is not None], np.int64)
        octets = self._receivers.pull(rows, self._reactor.seconds()).octets
        forward = np.fromiter(speaking, np.int64, len(speaking))
        free = [not circuit.digits for circuit in circuits]
        if not all(free):
            forward, octets = forward[free], octets[free]
        self._forward.feed_all(forward, octets)

    def _to_the_ear(self, phase: int, heard: Batch) -> None:
        """20 ms of each forward direction of a phase: to the exchange's DTMF receivers, and back where it echoes.

        Receivers are told of what may be a digit, and of the blocks before and behind it.
        """
        blocks = heard.packets[:, HEADER_OCTETS:]
        circuits = [self._by_forward[row] for row in heard.rows.tolist()]
        is_alaw = np.fromiter((circuit.law is Law.ALAW for circuit in circuits), np.bool_, len(circuits))
        pcm = decode(blocks, Law.MULAW)
        pcm[is_alaw] = decode(blocks[is_alaw], Law.ALAW)
        echoing: list[int] = []
        for place, (circuit, candidate) in enumerate(zip(circuits, may_be_digits(pcm).tolist(), strict=True)):
            if candidate:
                if not circuit.blocks_to_hear:
                    self._hear_block_before(phase, circuit)
                circuit.blocks_to_hear = BLOCKS_AFTER_ACTIVITY
            listens = circuit.blocks_to_hear > 0
            if listens:
                circuit.blocks_to_hear -= 1
                self._hear_block(circuit, blocks[place])
            if circuit.echo and self._event_type(circuit) is None:
                echoing.append(place)
            elif circuit.echo:
                self._to_caller(circuit, blocks[place], may_be_digit=listens)
            if circuit.handset is not None:
                circuit.handset(circuit.law, blocks[place].tobytes())
        if echoing:
            rows = np.array([circuits[place].backward for place in echoing], np.int64)
            self._backward.feed_all(rows, blocks[echoing])
        self._heard_before[phase] = heard

    def _hear_block(self, circuit: _Circuit, block: Octets) -> None:
        if circuit.ear is not None:
            for digit in circuit.ear.feed(block):
                self._runner.deliver(circuit.listener.digit_heard, digit)

    def _hear_block_before(self, phase: int, circuit: _Circuit) -> None:
        before = self._heard_before[phase]
        if before is not None:
            for place in np.flatnonzero(before.rows == circuit.forward):
                self._hear_block(circuit, before.packets[place, HEADER_OCTETS:])

    def _digit_played(self, circuit: _Circuit | None) -> None:
        if circuit is None or circuit.forward is None or not circuit.digits:
            return
        circuit.digits = circuit.digits[1:]
        if circuit.digits:
            self._forward.play(circuit.forward, circuit.digits[0])
        else:
            self._forward.live(circuit.forward)

    # --- reports ------------------------------------------------------------------------------------------------

    def _report(self, port: CallPort) -> None:
        """The RTCP report that is due (RFC 3550 §6.2); the first opens the socket, which short calls never need."""
        reporting, circuit, now_s = port.reporting, port.circuit, self._reactor.seconds()
        if port.closed or circuit is None:
            return
        if reporting is None:
            opened = self._ports.open_rtcp(port.local[1])
            if opened is None:
                return
            name = f"{getattr(port.owner, 'name', 'call')}@{self._ports.address}"
            reporting = port.reporting = Reporting(name, self._random.random, now_s)
            port.open_rtcp(opened)
        receivers, row = self._receivers, port.row
        numbers = self._backward.numbers(circuit.backward)
        heard = receivers.ssrc(row)
        statistics = None if heard is None else receivers.statistics(row)
        port.send_report(reporting.report(now_s, port.wallclock_s(), numbers, heard, statistics))
        heappush(self._reports, (reporting.next_s, next(self._numbers), port))
