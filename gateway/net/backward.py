"""The backward direction of all circuits: what callers hear, and how its packets leave.

clip of the store ------------------------------------> row of the sender --> way out --> the call's own socket
clip with digits, echo, handset --> to_caller --> lifter --^   (digits leave as telephone events)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from twisted.logger import Logger

from gateway.media.digit_lifting import DELAY_BLOCKS, DigitLifter
from gateway.media.rtp import HEADER_OCTETS, PACKET_SAMPLES
from gateway.media.sender import Sender
from gateway.media.store import Clip, SoundStore, idle_pattern
from gateway.media.telephone_event import DIGITS
from gateway.net.circuit import ByHand, Circuit, Octets
from gateway.net.clips import Clips
from gateway.net.listening import Listeners
from gateway.net.way_out import WayOut
from tones.g711 import Law, transcode

FAILURES_UNTIL_GONE: Final = 50
FAILURES_APART_S: Final = 1.0
"""A receiver is gone when so many packets to it have failed, none of them longer than this after the one before."""
NO_SOCKET: Final = -1
LATCHING: Final = -2
"""In the place of a socket: none, or one that is not connected, so that packets leave one by one."""
EVENT_SAMPLES: Final = 800
"""How long a telephone event is whose digit was over before it could begin: 100 ms."""

RtpTap = Callable[[tuple[str, int], tuple[str, int], bytes], None]
Rows = NDArray[np.int64]


class Backward:
    """All circuits.

    Args:
        reactor: Twisted's.
        store: where the sounds are.
        phases: over how many the rows are spread.
        way_out: how packets leave.
        listeners: who listens in.
        sound_ended: told when what a circuit plays has been heard to its end.

    Attributes:
        clips: what is in the store, by the sounds' names.
        sender: whose rows these are.
        tap: told of each packet that left: source, destination, octets. None: nobody looks.
        sent, unreachable: packets that left, and that did not (ICMP errors, full buffers).
        stopped: streams that were stopped because their receiver had gone.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        store: SoundStore,
        phases: int,
        way_out: WayOut,
        listeners: Listeners,
        sound_ended: Callable[[Circuit], None],
    ) -> None:
        self._reactor = reactor
        self._store = store
        self._way_out = way_out
        self._listeners = listeners
        self._sound_ended = sound_ended
        self.clips = Clips(store, self._carried)
        self.sender = Sender(store, phases)
        self._circuits: dict[int, Circuit] = {}
        self._by_hand: list[dict[int, Circuit]] = [{} for _ in range(phases)]
        self._fds = np.full(64, NO_SOCKET, np.int32)
        self._failures: dict[int, tuple[int, float]] = {}
        self.tap: RtpTap | None = None
        self.sent = self.unreachable = self.stopped = 0

    # --- circuits -----------------------------------------------------------------------------------------------

    def open(self, cic: int, law: Law) -> Circuit:
        """A circuit that carries silence."""
        row = self.sender.open(law)
        circuit = self._circuits[row] = Circuit(cic, law, row, self.sender.phase_of(row))
        self.aim(circuit)
        return circuit

    def close(self, circuit: Circuit) -> None:
        """Give its row back."""
        self._leave_by_hand(circuit)
        self.sender.close(circuit.row)
        del self._circuits[circuit.row]

    def aim(self, circuit: Circuit) -> None:
        """Say by which socket the circuit's packets leave: none while the caller takes none (hold, 0.0.0.0)."""
        row, port = circuit.row, circuit.port
        self._failures.pop(row, None)
        if row >= len(self._fds):
            larger = np.full(2 * max(row, len(self._fds)), NO_SOCKET, np.int32)
            larger[: len(self._fds)] = self._fds
            self._fds = larger
        if port is None or port.agreed is None or not port.agreed.sends or not port.remote[1]:
            self._fds[row] = NO_SOCKET
        else:
            self._fds[row] = LATCHING if port.is_latching else port.socket.fileno()

    def change_law(self, circuit: Circuit, law: Law, payload_type: int) -> None:
        """The same sound in another law, or under another payload type."""
        before, circuit.law = circuit.law, law
        self.sender.change_law(circuit.row, law, payload_type)
        if circuit.by_hand is not None and before is not law:
            circuit.by_hand.octets = transcode(circuit.by_hand.octets.tobytes(), before, law)
        circuit.lifter = None

    def _carried(self) -> set[str]:
        carried = {circuit.clip.name for circuit in self._circuits.values() if circuit.clip is not None}
        carried.update(clip.name for circuit in self._circuits.values() for clip in circuit.digits)
        return carried

    # --- what is heard ------------------------------------------------------------------------------------------

    def play(self, circuit: Circuit, clip: Clip) -> None:
        """Play a clip from its beginning, in place of all else."""
        self.end_what_is_on(circuit)
        circuit.clip = clip
        if self._must_be_fed(circuit):
            self._feed_by_hand(circuit, 0)
        else:
            self.sender.play(circuit.row, clip)

    def agreed(self, circuit: Circuit) -> None:
        """Whether the caller takes telephone events may be another matter now."""
        if circuit.event_type is None and circuit.events:
            self.sender.drop_event(circuit.row)
            circuit.events, circuit.lifter = "", None
        if circuit.clip is None or self._must_be_fed(circuit) is (circuit.by_hand is not None):
            return
        if circuit.by_hand is None:
            position = self.sender.position(circuit.row, circuit.clip)
            if position is not None:
                self._feed_by_hand(circuit, position)
        else:
            at = circuit.by_hand.at
            self._leave_by_hand(circuit)
            self.sender.play(circuit.row, circuit.clip, at)

    def silence(self, circuit: Circuit) -> None:
        """Nothing more."""
        self.end_what_is_on(circuit)
        self.sender.silence(circuit.row)

    def end_what_is_on(self, circuit: Circuit) -> None:
        """Forget what is played, echoed, spoken or fed by hand; the row is for what comes next."""
        circuit.echo, circuit.handset, circuit.clip = False, None, None
        self._leave_by_hand(circuit)

    def to_caller(self, circuit: Circuit, block: Octets, *, may_be_digit: bool = True) -> None:
        """20 ms of live sound, digits lifted out of it where the caller takes them as events (RFC 4733)."""
        payload_type = circuit.event_type
        if payload_type is None:
            self.sender.feed(circuit.row, block)
            return
        if circuit.lifter is None:
            circuit.lifter = DigitLifter(circuit.law)
        lifted = circuit.lifter.feed(block.tobytes(), may_be_digit=may_be_digit)
        self.sender.feed(circuit.row, lifted.octets)
        if lifted.ended and len(circuit.events) == 1:
            self.sender.end_event(circuit.row)
        if lifted.began and circuit.port is not None and circuit.port.attached:
            circuit.events += lifted.began
            if len(circuit.events) == 1:
                self.sender.send_event(circuit.row, DIGITS.index(lifted.began), payload_type)

    def _must_be_fed(self, circuit: Circuit) -> bool:
        """Whether there are digits in what is played, and the caller takes them as events."""
        return circuit.event_type is not None and circuit.clip is not None and self.clips.has_digits(circuit.clip)

    def _feed_by_hand(self, circuit: Circuit, at: int) -> None:
        assert circuit.clip is not None
        circuit.by_hand = ByHand(circuit.clip, self._store.read(circuit.clip, circuit.law), at)
        self._by_hand[circuit.phase][circuit.row] = circuit
        self.sender.live(circuit.row)

    def _leave_by_hand(self, circuit: Circuit) -> None:
        if circuit.by_hand is not None:
            circuit.by_hand = None
            del self._by_hand[circuit.phase][circuit.row]

    def _play_by_hand(self, circuit: Circuit) -> None:
        played = circuit.by_hand
        assert played is not None
        octets, clip = played.octets, played.clip
        block = octets[played.at : played.at + PACKET_SAMPLES]
        played.at += PACKET_SAMPLES
        if clip.repeat and played.at >= len(octets):
            period = octets[clip.introduction :]
            block = np.concatenate([block, np.resize(period, PACKET_SAMPLES - len(block))])
            played.at = clip.introduction + (played.at - len(octets)) % len(period)
        elif len(block) < PACKET_SAMPLES:
            block = np.concatenate([block, idle_pattern(circuit.law, PACKET_SAMPLES - len(block))])
        self.to_caller(circuit, block)
        if played.at >= len(octets) + DELAY_BLOCKS * PACKET_SAMPLES:
            self.end_what_is_on(circuit)
            self._sound_ended(circuit)

    def _event_over(self, row: int) -> None:
        circuit = self._circuits.get(row)
        payload_type = None if circuit is None else circuit.event_type
        if circuit is None or payload_type is None:
            return
        circuit.events = circuit.events[1:]
        if circuit.events:
            # Its digit may be over already, so it is as long as digits mostly are.
            self.sender.send_event(row, DIGITS.index(circuit.events[0]), payload_type, EVENT_SAMPLES)

    # --- the schedule -------------------------------------------------------------------------------------------

    def tick(self, phase: int) -> None:
        """Send the next packet of each circuit of a phase."""
        for circuit in tuple(self._by_hand[phase].values()):
            self._play_by_hand(circuit)
        batch = self.sender.tick(phase)
        if len(batch.rows):
            self._flush(batch.rows, batch.packets)
        for others in batch.others:
            self._flush(others.rows, others.packets)
        for row in batch.events_over.tolist():
            self._event_over(row)
        for row in batch.ended.tolist():
            if row in self._circuits:
                self._sound_ended(self._circuits[row])

    def _flush(self, rows: Rows, packets: Octets) -> None:
        fds = self._fds[rows]
        if np.count_nonzero(fds < 0):
            if LATCHING in fds:
                self._send_one_by_one(rows[fds == LATCHING].tolist(), packets[fds == LATCHING])
            going = fds >= 0
            rows, packets, fds = rows[going], packets[going], fds[going]
            if not len(rows):
                return
        failed = self._way_out.flush(fds, packets)
        self.sent += len(rows) - len(failed)
        if len(failed):
            self.packets_failed(rows[failed].tolist())
        if self.tap is not None or self._listeners:
            self._show(rows.tolist(), packets, set(failed.tolist()))

    def _send_one_by_one(self, rows: list[int], packets: Octets) -> None:
        failed = set()
        for place, row in enumerate(rows):
            port = self._circuits[row].port
            if port is None or not port.send(packets[place].tobytes()):
                failed.add(place)
        self.sent += len(rows) - len(failed)
        if self.tap is not None or self._listeners:
            self._show(rows, packets, failed)

    def packets_failed(self, rows: list[int]) -> None:
        """Packets of these did not go; a stream whose receiver has gone (ICMP) is stopped until it is aimed again."""
        now_s = self._reactor.seconds()
        self.unreachable += len(rows)
        for row in rows:
            count, last_s = self._failures.get(row, (0, now_s))
            count = count + 1 if now_s - last_s < FAILURES_APART_S else 1
            self._failures[row] = (count, now_s)
            if count == FAILURES_UNTIL_GONE:
                self._fds[row] = NO_SOCKET
                self.stopped += 1
                port = self._circuits[row].port
                self.log.info("RTP to {remote} is stopped: nobody receives it", remote=port and port.remote)

    def _show(self, rows: list[int], packets: Octets, failed: set[int]) -> None:
        """Let the tap and the listeners see what left."""
        for place, row in enumerate(rows):
            port = self._circuits[row].port
            if port is None or place in failed:
                continue
            packet = packets[place].tobytes()
            if self.tap is not None:
                self.tap(port.local, port.remote, packet)
            if port.agreed is not None and packet[1] & 0x7F == port.agreed.codec.payload_type:
                self._listeners.sent(port, packet[HEADER_OCTETS:])
