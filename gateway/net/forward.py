"""The forward direction of all circuits: what callers say, and digits from INFO, to the exchange's ears.

    caller --RTP--> Receivers (checked, jitter buffer) --> 20 ms --> DTMF receiver, echo, handset
    INFO digit --------------------------------------------^ in its place

Circuits are taken phase by phase, all of one phase together. What is known of each stays as it is from tick to tick, so
it is looked up only after something has changed (`Forward.changed`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from gateway.media.receivers import Receivers
from gateway.media.rtp import PACKET_SAMPLES
from gateway.media.store import Clip, SoundStore, idle_pattern
from gateway.net.backward import Backward
from gateway.net.call_port import CallPort
from gateway.net.circuit import Circuit, Octets
from gateway.net.runner import Runner
from tones.detect.digit_candidates import may_be_digits
from tones.g711 import Law, decode

Places = NDArray[np.int64]

BLOCKS_AFTER_ACTIVITY: Final = 4
MOST_DIGITS_WAITING: Final = 32
"""Digits that a caller may have waiting; more are dropped."""

_NOBODY: Final = np.zeros(0, np.int64)


@define(eq=False)
class _Speakers:
    """The circuits of a phase that have something to carry, and what is to be done with their sound, by place.

    Attributes:
        heard: which of them have a row of the receivers; `rows` has these.
        alaw: which are in A-law.
        echoing: which are given back as they are; `echo_rows` has their rows of the backward sender.
        lifted: which are given back without their digits, which go as events.
        handsets: which somebody listens to.
        dialling: which carry digits instead.
        attentive: whose ears listen now.
        is_sieved: whether anybody wants to know what may be digits.
        blocks: `uint8[n, 160]`, what they have carried last; None: nothing yet.
    """

    circuits: tuple[Circuit, ...] = ()
    heard: Places = _NOBODY
    rows: Places = _NOBODY
    alaw: Places = _NOBODY
    echoing: Places = _NOBODY
    echo_rows: Places = _NOBODY
    lifted: tuple[int, ...] = ()
    handsets: tuple[int, ...] = ()
    dialling: tuple[int, ...] = ()
    attentive: set[int] = field(factory=set)
    is_sieved: bool = False
    blocks: Octets | None = None

    @classmethod
    def of(cls, circuits: tuple[Circuit, ...]) -> _Speakers:
        """Look at them."""
        ports = [circuit.port for circuit in circuits]
        receivers = np.array([-1 if port is None else port.row for port in ports], np.int64)
        heard = np.flatnonzero(receivers >= 0)
        echoing = [place for place, circuit in enumerate(circuits) if circuit.echo]
        plainly = [place for place in echoing if circuits[place].event_type is None]
        lifted = tuple(place for place in echoing if circuits[place].event_type is not None)
        return cls(
            circuits,
            heard=heard,
            rows=receivers[heard],
            alaw=np.flatnonzero([circuit.law is Law.ALAW for circuit in circuits]),
            echoing=np.array(plainly, np.int64),
            echo_rows=np.array([circuits[place].row for place in plainly], np.int64),
            lifted=lifted,
            handsets=tuple(place for place, circuit in enumerate(circuits) if circuit.handset is not None),
            dialling=tuple(place for place, circuit in enumerate(circuits) if circuit.digits),
            attentive={place for place, circuit in enumerate(circuits) if circuit.blocks_to_hear},
            is_sieved=bool(lifted) or any(circuit.ear is not None for circuit in circuits),
        )

    def block_of(self, circuit: Circuit) -> Octets | None:
        """What a circuit has carried last, if it was there."""
        if self.blocks is None or circuit not in self.circuits:
            return None
        block: Octets = self.blocks[self.circuits.index(circuit)]
        return block


class Forward:
    """All circuits.

    Args:
        runner: by which listeners are told of digits.
        store: where the digits are.
        receivers: what callers say.
        backward: where echoes go.
        phases: how many there are.
        begins: told when a circuit has something to carry, and none had before.
    """

    def __init__(
        self,
        runner: Runner,
        store: SoundStore,
        receivers: Receivers,
        backward: Backward,
        phases: int,
        begins: Callable[[], None],
    ) -> None:
        self._runner = runner
        self._store = store
        self._receivers = receivers
        self._backward = backward
        self._begins = begins
        self._members: list[dict[Circuit, None]] = [{} for _ in range(phases)]
        self._changed = [False] * phases
        self._speakers = [_Speakers() for _ in range(phases)]
        self._silent: dict[int, Circuit] = {}

    @property
    def open_rows(self) -> int:
        """How many circuits have something to carry."""
        return sum(map(len, self._members))

    def expect(self, circuit: Circuit) -> None:
        """The caller may speak now: that costs nothing until it does."""
        port = circuit.port
        if circuit in self._members[circuit.phase] or circuit.handset is not None:
            self.open(circuit)
        elif port is not None and port.row >= 0:
            self._silent[port.row] = circuit

    def open(self, circuit: Circuit) -> None:
        """There is something to carry: the caller's sound, a digit, or a handset that listens."""
        port = circuit.port
        if port is None:
            return
        if port.row >= 0:
            self._silent.pop(port.row, None)
            self._receivers.hear(port.row)
        members = self._members[circuit.phase]
        if circuit not in members:
            members[circuit] = None
            if self.open_rows == 1:
                self._begins()
        self.changed(circuit)

    def close(self, circuit: Circuit, port: CallPort) -> None:
        """The call is over."""
        self._silent.pop(port.row, None)
        if circuit in self._members[circuit.phase]:
            del self._members[circuit.phase][circuit]
            circuit.digits = ()
            circuit.blocks_to_hear = 0
            self.changed(circuit)

    def changed(self, circuit: Circuit) -> None:
        """Something of a circuit, or of its port, is no longer as it was."""
        self._changed[circuit.phase] = True

    def arrived(self, rows: Places) -> None:
        """Packets came: who was silent until now speaks."""
        if self._silent:
            for row in self._silent.keys() & rows.tolist():
                self.open(self._silent[row])

    def play_digit(self, circuit: Circuit, digit: Clip) -> None:
        """Let a digit go forward, after those that wait already."""
        if len(circuit.digits) < MOST_DIGITS_WAITING:
            circuit.digits += (digit,)
            if len(circuit.digits) == 1:
                circuit.digit_at = 0
                self.open(circuit)

    def tick(self, phase: int, now_s: float) -> None:
        """The next 20 ms of each circuit of a phase."""
        before = speakers = self._speakers[phase]
        if self._changed[phase]:
            self._changed[phase] = False
            members = self._members[phase]
            speakers = self._speakers[phase] = _Speakers.of(tuple(members)) if members else _Speakers()
        if not speakers.circuits:
            return
        blocks = self._pulled(speakers, now_s)
        for place in speakers.dialling:
            blocks[place] = self._digit_block(speakers.circuits[place])
        if speakers.is_sieved:
            self._listen(speakers, blocks, before)
        speakers.blocks = blocks
        for place in speakers.handsets:
            circuit = speakers.circuits[place]
            if circuit.handset is not None:
                circuit.handset(circuit.law, blocks[place].tobytes())
        self._give_back(speakers, blocks)

    def _pulled(self, speakers: _Speakers, now_s: float) -> Octets:
        if len(speakers.rows) == len(speakers.circuits):
            return self._receivers.pull(speakers.rows, now_s).octets
        blocks = np.array([idle_pattern(circuit.law, PACKET_SAMPLES) for circuit in speakers.circuits])
        blocks[speakers.heard] = self._receivers.pull(speakers.rows, now_s).octets
        return blocks

    def _digit_block(self, circuit: Circuit) -> Octets:
        """The next 20 ms of the digits that wait."""
        clip, at = circuit.digits[0], circuit.digit_at
        block = idle_pattern(circuit.law, PACKET_SAMPLES)
        left = self._store.read(clip, circuit.law)[at : at + PACKET_SAMPLES]
        block[: len(left)] = left
        circuit.digit_at += PACKET_SAMPLES
        if circuit.digit_at >= clip.length:
            circuit.digits, circuit.digit_at = circuit.digits[1:], 0
            if not circuit.digits:
                self.changed(circuit)
        return block

    def _listen(self, speakers: _Speakers, blocks: Octets, before: _Speakers) -> None:
        """Give to the ears what may be digits, and the blocks before and behind it."""
        pcm = decode(blocks, Law.MULAW)
        if len(speakers.alaw):
            pcm[speakers.alaw] = decode(blocks[speakers.alaw], Law.ALAW)
        for place in np.flatnonzero(may_be_digits(pcm)).tolist():
            circuit = speakers.circuits[place]
            if not circuit.blocks_to_hear:
                speakers.attentive.add(place)
                block = before.block_of(circuit)
                if block is not None:
                    self._hear(circuit, block)
            circuit.blocks_to_hear = BLOCKS_AFTER_ACTIVITY + 1
        for place in tuple(speakers.attentive):
            circuit = speakers.circuits[place]
            circuit.blocks_to_hear -= 1
            if circuit.blocks_to_hear:
                self._hear(circuit, blocks[place])
            else:
                speakers.attentive.discard(place)

    def _hear(self, circuit: Circuit, block: Octets) -> None:
        if circuit.ear is not None:
            for digit in circuit.ear.feed(block):
                self._runner.deliver(circuit.listener.digit_heard, digit)

    def _give_back(self, speakers: _Speakers, blocks: Octets) -> None:
        """Echo; what has been heard may have ended it."""
        changed = self._changed[speakers.circuits[0].phase]
        echoing = speakers.echoing
        for place in (*speakers.lifted, *(echoing.tolist() if changed else ())):
            circuit = speakers.circuits[place]
            if circuit.echo:
                self._backward.to_caller(circuit, blocks[place], may_be_digit=place in speakers.attentive)
        if len(echoing) and not changed:
            every = len(echoing) == len(blocks)
            self._backward.sender.feed_all(speakers.echo_rows, blocks if every else blocks[echoing])
