"""The media plane: circuits, RTP sockets and the schedule.

One 64 kbit/s circuit has a backward row (what the exchange plays) in one `Sender` and, from the answer on, a forward
row (what the caller says, and digits from INFO) in another. The backward row's packets leave by the call's own
connected socket; the forward row's octets go to the exchange's ear: its DTMF receiver, and back where it echoes.

Ticks are on an absolute schedule: phase groups of 2 ms, each group every 20 ms. A tick that comes late by more than a
packet moves the schedule; it never sends a burst to catch up.
"""

from __future__ import annotations

import random
import socket
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Protocol

import numpy as np
from attrs import define, field
from numpy.typing import NDArray
from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from gateway.core.effects import Machine
from gateway.exchange.effects import ECHO, HANDSET, EchoCircuit, LeaveCircuit, ListenToCircuit, PlaySound, Sound
from gateway.exchange.sounds import render_sound
from gateway.interworking.effects import (
    ConnectMedia,
    CutThroughBackward,
    CutThroughForward,
    PlayDigit,
    ReleaseMedia,
    ReserveMedia,
)
from gateway.media.receiver import Receiver
from gateway.media.sender import Batch, Sender
from gateway.media.store import LAWS, Clip, SoundStore
from gateway.net.rtp_ports import NoPortLeftError, RtpPorts
from gateway.net.runner import Runner
from gateway.net.ticker import make_ticker
from gateway.net.way_out import choose_way_out
from gateway.sdp.offer_answer import Agreed
from tones.detect.dtmf import DtmfReceiver
from tones.dtmf import render_digit
from tones.g711 import Law, encode, idle_octet, transcode

PHASES = 10
PACKET_S = 0.020
HEADER_OCTETS = 12
MOST_LATE_TICKS = 0.05
"""With more ticks late than this no new stream is taken: the old ones would suffer."""
FAILURES_UNTIL_GONE = 50
FAILURES_APART_S = 1.0
"""A receiver is gone when so many packets to it have failed, none of them longer than this after the one before."""
NO_SOCKET = -1
NOWHERE = ("", 0)
DIGIT_PAUSE_MS = 60
BLOCKS_AFTER_ACTIVITY = 3
READS_AT_ONCE = 32
MOST_DIGITS_WAITING = 32
"""Digits that a caller may have waiting; more are dropped."""
HANDSET_DELAY_OCTETS = 320
"""So much silence goes before what the handset says: its frames may come that much late, or 40 ms."""
RARE_SOUNDS_KEPT = 128
"""Sounds that few calls share: spoken numbers, digits of an unusual length."""

Pcm = NDArray[np.int16]
Octets = NDArray[np.uint8]
RtpTap = Callable[[tuple[str, int], tuple[str, int], bytes], None]
SoundObserver = Callable[[int, Sound], None]
Speaking = Callable[[Law, bytes], None]
"""Told, or tells, what is said: the law, and octets in it."""


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
class _Circuit:
    cic: int
    law: Law
    backward: int
    sound: str = ""
    player: Any = None
    echo: bool = False
    handset: Speaking | None = None
    listener: Any = None
    ear: DtmfReceiver | None = None
    blocks_to_hear: int = 0
    forward: int | None = None
    digits: deque[Clip] = field(factory=deque)
    port: _Port | None = None


@define(eq=False)
class _ListenerIn:
    owner: object | None
    begin: Callable[[str], None]
    octets: Callable[[bytes], None]
    end: Callable[[], None]


@implementer(IReadDescriptor)
class _Port:
    """The socket of one call, as the reactor sees it."""

    def __init__(self, plane: MediaPlane, opened: socket.socket, number: int, owner: Any) -> None:
        self.plane = plane
        self.socket = opened
        self.number = number
        self.owner = owner
        self.agreed: Agreed | None = None
        self.remote = NOWHERE
        self.receiver: Receiver | None = None
        self.circuit: _Circuit | None = None
        self.forward_open = False
        self.attached = False
        self.heard_by: list[_ListenerIn] = []
        self.closed = False

    def fileno(self) -> int:
        return self.socket.fileno()

    def logPrefix(self) -> str:
        return "rtp"

    def connectionLost(self, reason: Any) -> None:
        """The reactor stops."""

    def doRead(self) -> None:
        for _ in range(READS_AT_ONCE):
            try:
                datagram = self.socket.recv(2048)
            except BlockingIOError:
                return
            except OSError:
                self.plane.refused(self)
                return
            self.plane.received(self, datagram)


class MediaPlane:
    """Performs the media effects of calls and of the exchange.

    Args:
        reactor: Twisted's; its clock is the media clock.
        runner: whose effects are performed.
        ports: where RTP sockets come from.
        law: of circuits before a codec is agreed upon.
        way_out: "io_uring", "plain", or "auto" for the best there is.

    Attributes:
        tap: told of each packet sent or received: source, destination, octets. None: nobody looks.
        sound_observer: told what the exchange puts on which circuit.
        sent, unreachable: packets that left, and that did not (ICMP errors, full buffers).
        stopped: streams that were stopped because their receiver had gone.
    """

    log = Logger()

    def __init__(
        self, reactor: Any, runner: Runner, ports: RtpPorts, law: Law = Law.ALAW, way_out: str = "auto"
    ) -> None:
        self._reactor = reactor
        self._runner = runner
        self._ports = ports
        self._law = law
        self._random = random.SystemRandom()
        self._store = SoundStore()
        self._backward = Sender(self._store, PHASES)
        self._forward = Sender(self._store, PHASES)
        self._circuits: dict[int, _Circuit] = {}
        self._by_backward: dict[int, _Circuit] = {}
        self._by_forward: dict[int, _Circuit] = {}
        self._calls: dict[int, _Port] = {}
        self._ticker = make_ticker(reactor, PHASES, PACKET_S, self._tick)
        self._way_out = choose_way_out(way_out)
        self._fds = np.full(64, NO_SOCKET, np.int32)
        self._rare: OrderedDict[str, None] = OrderedDict()
        self._listeners: list[_ListenerIn] = []
        self._listened_to: set[_Port] = set()
        self.tap: RtpTap | None = None
        self.sound_observer: SoundObserver | None = None
        self._failures: dict[int, tuple[int, float]] = {}
        self.sent = self.unreachable = self.stopped = 0
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
        self._way_out.close()
        for port in list(self._calls.values()):
            self._close(port)

    # --- what calls ask for -------------------------------------------------------------------------------------

    def _reserve(self, owner: Machine | None, effect: ReserveMedia) -> None:
        user: MediaUser = owner  # type: ignore[assignment]  # whoever asks takes the answer
        if self._ticker.late_share > MOST_LATE_TICKS:
            late = f"{self._ticker.late_share:.0%} of the media clock's ticks are late"
            self._runner.deliver(user.media_refused, f"the streams that there are would suffer: {late}")
            return
        try:
            opened, number = self._ports.open()
        except NoPortLeftError as error:
            self._runner.deliver(user.media_refused, str(error))
            return
        port = _Port(self, opened, number, owner)
        self._calls[id(owner)] = port
        self._runner.deliver(user.media_reserved, self._ports.address, number)

    def _connect(self, owner: Machine | None, effect: ConnectMedia) -> None:
        port = self._calls[id(owner)]
        agreed = effect.agreed
        before, port.agreed = port.agreed, agreed
        events = frozenset(() if agreed.receive_telephone_event is None else (agreed.receive_telephone_event,))
        known = {agreed.codec.payload_type: agreed.codec.law, agreed.receive_payload_type: agreed.codec.law}
        port.receiver = Receiver(agreed.codec.law, known, events, passes_on=True)
        if before is None or before.remote != agreed.remote:
            self._aim(port, agreed.remote)
        circuit = port.circuit
        if circuit is not None:
            if circuit.law is not agreed.codec.law or (before is not None and before.codec != agreed.codec):
                self._change_law(circuit, agreed.codec.law, agreed.codec.payload_type)
            if before is None:
                self._attach(port, circuit)
            self._aim_row(circuit)

    def _aim(self, port: _Port, remote: tuple[str, int]) -> None:
        host, number = remote
        port.remote = NOWHERE
        try:
            address = ip_address(host)
        except ValueError:
            self._reactor.resolve(host).addCallbacks(
                lambda found: self._aim(port, (found, number)) if self._still_wanted(port, remote) else None,
                lambda failure: self.log.warn("no media for {host}: {why}", host=host, why=failure.getErrorMessage()),
            )
            return
        if address.is_unspecified:
            return
        try:
            port.socket.connect((host, number))
        except OSError as error:
            self.log.warn("no media for {host}: {why}", host=host, why=error.strerror)
            return
        port.remote = (host, number)
        self._reactor.addReader(port)
        if port.circuit is not None:
            self._aim_row(port.circuit)

    @staticmethod
    def _still_wanted(port: _Port, remote: tuple[str, int]) -> bool:
        return not port.closed and port.agreed is not None and port.agreed.remote == remote

    def _cut_through_backward(self, owner: Machine | None, effect: CutThroughBackward) -> None:
        port = self._calls[id(owner)]
        circuit = self._circuit(effect.cic)
        port.circuit, circuit.port = circuit, port
        if port.agreed is not None:
            if circuit.law is not port.agreed.codec.law:
                self._change_law(circuit, port.agreed.codec.law, port.agreed.codec.payload_type)
            self._attach(port, circuit)
        self._aim_row(circuit)

    def _attach(self, port: _Port, circuit: _Circuit) -> None:
        assert port.agreed is not None
        bits = self._random.getrandbits
        self._backward.attach(circuit.backward, bits(32), bits(15), bits(31), port.agreed.codec.payload_type)
        port.attached = True
        waiting = [each for each in self._listeners if each.owner is None or each.owner is port.owner]
        for listener in waiting:
            self._listeners.remove(listener)
            self._begin_listening(port, listener)

    def _cut_through_forward(self, owner: Machine | None, effect: CutThroughForward) -> None:
        port = self._calls[id(owner)]
        circuit = self._circuit(effect.cic)
        port.circuit, circuit.port = circuit, port
        port.forward_open = True
        row = self._forward.open(circuit.law, self._backward.phase_of(circuit.backward))
        circuit.forward = row
        self._by_forward[row] = circuit
        self._forward.live(row)
        self._forward.attach(row, 0, 0, 0, 0)

    def _play_digit(self, owner: Machine | None, effect: PlayDigit) -> None:
        circuit = self._circuits.get(effect.cic)
        if circuit is None or circuit.forward is None:
            return
        if len(circuit.digits) >= MOST_DIGITS_WAITING:
            return
        name = f"dtmf {effect.digit} {effect.duration_ms} ms"
        clip = self._store.get(name)
        if clip is None:
            tone = render_digit(effect.digit, effect.duration_ms)
            pause = np.zeros(DIGIT_PAUSE_MS * 8, np.int16)
            clip = self._add(name, np.concatenate([tone, pause]), repeat=False, rare=True)
        elif name in self._rare:
            self._rare.move_to_end(name)
        circuit.digits.append(clip)
        if len(circuit.digits) == 1:
            self._forward.play(circuit.forward, clip)

    def _release(self, owner: Machine | None, effect: ReleaseMedia) -> None:
        port = self._calls.get(id(owner))
        if port is None:
            return
        circuit = port.circuit
        self._close(port)
        if circuit is None:
            return
        circuit.port = None
        self._aim_row(circuit)
        self._backward.detach(circuit.backward)
        if circuit.forward is not None:
            self._forward.close(circuit.forward)
            del self._by_forward[circuit.forward]
            circuit.forward = None
            circuit.digits.clear()
        if circuit.player is None:
            self._forget(circuit)

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
        listener = _ListenerIn(owner, begin, octets, end)
        attached = [port for port in self._calls.values() if port.attached and (owner is None or owner is port.owner)]
        if attached:
            self._begin_listening(attached[-1], listener)
        else:
            self._listeners.append(listener)
        return lambda: self._stop_listening(listener)

    def _begin_listening(self, port: _Port, listener: _ListenerIn) -> None:
        assert port.agreed is not None
        port.heard_by.append(listener)
        self._listened_to.add(port)
        listener.begin(f"{getattr(port.owner, 'name', 'call')} {port.agreed.codec.name}")

    def _stop_listening(self, listener: _ListenerIn) -> None:
        for listeners in (self._listeners, *(port.heard_by for port in self._calls.values())):
            if listener in listeners:
                listeners.remove(listener)
        self._listened_to = {port for port in self._listened_to if port.heard_by}

    def _close(self, port: _Port) -> None:
        port.closed = True
        del self._calls[id(port.owner)]
        self._reactor.removeReader(port)
        self._ports.close(port.socket, port.number)
        waiting = [each for each in self._listeners if each.owner is port.owner]
        for listener in (*port.heard_by, *waiting):
            self._stop_listening(listener)
            listener.end()
        port.heard_by.clear()
        self._listened_to.discard(port)

    # --- what the exchange asks for -----------------------------------------------------------------------------

    def _play_sound(self, owner: Machine | None, effect: PlaySound) -> None:
        circuit = self._circuit(effect.cic)
        circuit.player = owner
        circuit.echo, circuit.handset = False, None
        clip = self._clip(effect.sound)
        circuit.sound = clip.name
        self._backward.play(circuit.backward, clip)
        if self.sound_observer is not None:
            self.sound_observer(effect.cic, effect.sound)

    def _echo(self, owner: Machine | None, effect: EchoCircuit) -> None:
        circuit = self._circuit(effect.cic)
        circuit.player, circuit.echo, circuit.sound = owner, True, ""
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
        circuit.handset, circuit.echo, circuit.sound = hear, False, ""
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
        circuit.player = circuit.listener = circuit.ear = None
        circuit.echo, circuit.sound, circuit.handset = False, "", None
        self._backward.silence(circuit.backward)
        if circuit.port is None:
            self._forget(circuit)

    # --- circuits and sounds ------------------------------------------------------------------------------------

    def _circuit(self, cic: int) -> _Circuit:
        circuit = self._circuits.get(cic)
        if circuit is None:
            row = self._backward.open(self._law)
            circuit = self._circuits[cic] = self._by_backward[row] = _Circuit(cic, self._law, row)
            self._ticker.wake(self._backward.phase_of(row))
        return circuit

    def _forget(self, circuit: _Circuit) -> None:
        self._backward.close(circuit.backward)
        del self._by_backward[circuit.backward]
        del self._circuits[circuit.cic]

    def _change_law(self, circuit: _Circuit, law: Law, payload_type: int) -> None:
        circuit.law = law
        self._backward.change_law(circuit.backward, law, payload_type)
        if circuit.forward is not None:
            self._forward.change_law(circuit.forward, law, 0)
        if circuit.ear is not None:
            circuit.ear = DtmfReceiver(law)

    def _clip(self, sound: Sound) -> Clip:
        name = repr(sound)
        clip = self._store.get(name)
        if clip is None:
            pcm, repeat = render_sound(sound)
            clip = self._add(name, pcm, repeat, rare=any(part.startswith("digits") for part in sound.parts))
        elif name in self._rare:
            self._rare.move_to_end(name)
        return clip

    def _add(self, name: str, pcm: Pcm, repeat: bool, rare: bool) -> Clip:
        if rare:
            self._rare[name] = None
            if len(self._rare) > RARE_SOUNDS_KEPT:
                self._forget_rare_sounds()
        return self._store.add(name, {law: encode(pcm, law) for law in LAWS}, repeat)

    def _forget_rare_sounds(self) -> None:
        """Take those that were played longest ago out of the store, but none that some circuit carries."""
        carried = {circuit.sound for circuit in self._circuits.values()}
        carried.update(clip.name for circuit in self._circuits.values() for clip in circuit.digits)
        idle = [name for name in self._rare if name not in carried and self._store.get(name) is not None]
        for name in idle[: len(self._rare) - RARE_SOUNDS_KEPT]:
            del self._rare[name]
            self._store.remove(name)

    # --- the schedule -------------------------------------------------------------------------------------------

    def _tick(self, phase: int) -> None:
        try:
            self._phase(phase)
        except Exception:  # noqa: BLE001  # the clock of all calls does not stop for one of them
            self.log.failure("a tick of the media clock went wrong")
        if not self._backward.rows_in(phase):
            self._ticker.rest(phase)

    def _phase(self, phase: int) -> None:
        heard = self._forward.tick(phase)
        if len(heard.rows):
            self._to_the_ear(heard)
        for row in heard.ended.tolist():
            self._digit_played(self._by_forward.get(row))
        batch = self._backward.tick(phase)
        if len(batch.rows):
            self._flush(batch)
        for row in batch.ended.tolist():
            circuit = self._by_backward.get(row)
            if circuit is not None and circuit.player is not None:
                self._runner.deliver(circuit.player.sound_ended)

    def _flush(self, batch: Batch) -> None:
        rows, packets = batch.rows, batch.packets
        fds = self._fds[rows]
        held = fds == NO_SOCKET
        if held.any():
            going = ~held
            rows, packets, fds = rows[going], packets[going], fds[going]
        failed = self._way_out.flush(fds, packets)
        self.sent += len(rows) - len(failed)
        if len(failed):
            self._packets_failed(rows[failed].tolist())
        if self.tap is not None or self._listened_to:
            self._show(rows.tolist(), packets, set(failed.tolist()))

    def refused(self, port: _Port) -> None:
        """ICMP told the socket that nobody receives there: of the two, reading and sending, one is told of each."""
        if port.circuit is not None:
            self._packets_failed([port.circuit.backward])

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
                self.tap((self._ports.address, port.number), port.remote, packet)
            for listener in port.heard_by:
                listener.octets(packet[HEADER_OCTETS:])

    def _aim_row(self, circuit: _Circuit) -> None:
        """Say by which socket the circuit's packets leave: none while the caller takes none (hold, 0.0.0.0)."""
        row, port = circuit.backward, circuit.port
        self._failures.pop(row, None)
        if row >= len(self._fds):
            larger = np.full(2 * max(row, len(self._fds)), NO_SOCKET, np.int32)
            larger[: len(self._fds)] = self._fds
            self._fds = larger
        sends = port is not None and port.agreed is not None and port.agreed.sends and port.remote[1]
        self._fds[row] = port.socket.fileno() if port is not None and sends else NO_SOCKET

    def _to_the_ear(self, heard: Batch) -> None:
        blocks = heard.packets[:, HEADER_OCTETS:]
        speaking = (blocks != blocks[:, :1]).any(axis=1).tolist()
        for row, block, speaks in zip(heard.rows.tolist(), blocks, speaking, strict=True):
            circuit = self._by_forward.get(row)
            if circuit is None:
                continue
            if circuit.echo:
                self._backward.feed(circuit.backward, block)
            if circuit.handset is not None:
                circuit.handset(circuit.law, block.tobytes())
            if speaks:
                circuit.blocks_to_hear = BLOCKS_AFTER_ACTIVITY
            if circuit.ear is not None and circuit.blocks_to_hear:
                circuit.blocks_to_hear -= 1
                for digit in circuit.ear.feed(block):
                    self._runner.deliver(circuit.listener.digit_heard, digit)

    def _digit_played(self, circuit: _Circuit | None) -> None:
        if circuit is None or circuit.forward is None or not circuit.digits:
            return
        circuit.digits.popleft()
        if circuit.digits:
            self._forward.play(circuit.forward, circuit.digits[0])
        else:
            self._forward.live(circuit.forward)

    # --- what callers send --------------------------------------------------------------------------------------

    def received(self, port: _Port, datagram: bytes) -> None:
        """A datagram from the address that was negotiated (the socket is connected; others never get here)."""
        if self.tap is not None:
            self.tap(port.remote, (self._ports.address, port.number), datagram)
        receiver, circuit = port.receiver, port.circuit
        if receiver is None:
            return
        reception = receiver.received(datagram, port.remote, self._reactor.seconds())
        if reception is None or not port.forward_open or circuit is None or circuit.forward is None:
            return
        for event in reception.events:
            if event.digit:
                duration_ms = min(max(event.duration // 8, 40), 5000)
                self._play_digit(None, PlayDigit(circuit.cic, event.digit, duration_ms))
        if reception.octets and not circuit.digits:
            self._forward.feed(circuit.forward, reception.octets)
