"""Streams that go wrong in every way, and the plain model that receives them one packet at a time."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Mapping

import numpy as np
from attrs import define, frozen
from numpy.typing import NDArray

from gateway.media.comfort_noise import ComfortNoise
from gateway.media.jitter import JitterBuffer, JitterCounts, JitterSettings, Verdict
from gateway.media.receiver import Receiver
from gateway.media.rtp import RtpPacket
from gateway.media.telephone_event import ReceivedEvent, event_packets
from tones.g711 import Law, idle_octet

EVENTS = 101
LAWS = {law.payload_type: law for law in Law}
WIDTH = 512


@frozen
class Harm:
    """What happens to a stream: each the share of its packets that it happens to.

    Args:
        loss, duplication, reordering: on the way.
        jumps: of the sequence number, of the timestamp, or of the SSRC.
        others: comfort noise, telephone events, the other law, payload types that nobody knows.
        malformed: what is no RTP, or more than there is room for.
        jitter_s: how late a packet is at most.
    """

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    jumps: float = 0.0
    others: float = 0.0
    malformed: float = 0.0
    jitter_s: float = 0.0


NO_HARM = Harm()
MILD = Harm(0.005, 0.003, 0.003, 0.002, 0.005, 0.002, 0.01)
BAD = Harm(0.03, 0.02, 0.03, 0.01, 0.03, 0.01, 0.03)


@define
class Stream:
    """One source: `packets` gives when each datagram comes, and what it is, in the order of sending."""

    chance: random.Random
    harm: Harm
    begin_s: float
    ptime_ms: int = 20
    law: Law = Law.ALAW

    def packets(self, until_s: float) -> Iterator[tuple[float, bytes]]:
        """Until then."""
        chance, harm, size = self.chance, self.harm, self.ptime_ms * 8
        sequence = chance.choice([chance.getrandbits(16), 65530])
        timestamp = chance.choice([chance.getrandbits(32), (1 << 32) - 1000])
        ssrc, at_s, drift = chance.getrandbits(32), self.begin_s, 1 + chance.choice([0.0, 0.0, 3e-3, -3e-3])
        while at_s < until_s:
            quiet = chance.random() < 0.3
            for _ in range(chance.randrange(5, 60)):
                payload = bytes([idle_octet(self.law)]) * size if quiet else chance.randbytes(size)
                marker = chance.random() < 0.02
                packet = RtpPacket(self.law.payload_type, sequence, timestamp, ssrc, payload, marker)
                for octets in self._harmed(packet):
                    late_s = chance.random() * harm.jitter_s
                    late_s += 0.05 if chance.random() < harm.reordering else 0.0
                    yield at_s + late_s, octets
                sequence, timestamp, at_s = sequence + 1, timestamp + size, at_s + size / 8000 * drift
                if chance.random() < harm.jumps:
                    what = chance.randrange(4)
                    sequence += chance.choice([3, 200, 5000, -50]) if what == 0 else 0
                    timestamp += chance.choice([160, 1600, 100_000, -800, 1 << 31]) if what == 1 else 0
                    ssrc = chance.getrandbits(32) if what == 2 else ssrc
                    at_s += chance.choice([0.1, 0.7, 3.0]) if what == 3 else 0.0
                if chance.random() < harm.others / 4:
                    length = chance.choice([320, 800])
                    begins = {
                        "payload_type": EVENTS,
                        "sequence": sequence & 0xFFFF,
                        "timestamp": timestamp & 0xFFFFFFFF,
                    }
                    for event in event_packets(chance.randrange(16), length, ssrc=ssrc, **begins):
                        if chance.random() >= harm.loss * 5:
                            yield at_s, event.serialize()
                        sequence, at_s = sequence + 1, at_s + 0.02
                    timestamp += length
                sequence, timestamp = sequence & 0xFFFF, timestamp & 0xFFFFFFFF

    def _harmed(self, packet: RtpPacket) -> Iterator[bytes]:
        chance, harm = self.chance, self.harm
        octets = packet.serialize()
        if chance.random() < harm.others:
            header, other = octets[2:12], bytes([packet.payload_type ^ 8])
            octets = chance.choice(
                [
                    b"\x80\x0d" + header + ComfortNoise(chance.randrange(30, 70)).serialize(),
                    b"\x80\x0d" + header,
                    b"\x80" + other + octets[2:],
                    b"\x80\x60" + octets[2:],
                    b"\x80\x65" + octets[2:14],
                    b"\x90" + octets[1:12] + struct.pack("!HHI", 1, 1, 7) + octets[12:],
                    octets[: 12 + chance.choice([0, 1, 37, 80])],
                    octets + bytes(chance.choice([80, 1000])),
                ]
            )
        if chance.random() < harm.malformed:
            octets = chance.choice([b"", octets[:7], b"\0" + octets[1:], b"\xa0" + octets[1:], chance.randbytes(172)])
        if chance.random() >= harm.loss:
            yield octets
        if chance.random() < harm.duplication:
            yield octets


@frozen
class Batch:
    """Datagrams as the bank is given them."""

    rows: NDArray[np.int64]
    datagrams: NDArray[np.uint8]
    lengths: NDArray[np.int64]

    @staticmethod
    def of(datagrams: list[tuple[int, bytes]], width: int = WIDTH) -> Batch:
        """Rows and octets, those cut off that are longer than the width."""
        matrix = np.full((len(datagrams), width), 0xEE, np.uint8)
        for place, (_, octets) in enumerate(datagrams):
            kept = octets[:width]
            matrix[place, : len(kept)] = np.frombuffer(kept, np.uint8)
        rows, lengths = [row for row, _ in datagrams], [len(octets) for _, octets in datagrams]
        return Batch(np.array(rows, np.int64), matrix, np.array(lengths, np.int64))


class OneByOne:
    """The model: an object a row, a call a packet."""

    def __init__(self, settings: JitterSettings) -> None:
        self.settings = settings
        self.receivers: dict[int, Receiver] = {}
        self.counts_before: dict[int, JitterCounts] = {}

    def open(self, row: int, law: Law, payload_types: Mapping[int, Law], telephone_events: frozenset[int]) -> None:
        self.receivers[row] = Receiver(law, payload_types, telephone_events, records=False)
        self.counts_before.pop(row, None)

    def hear(self, row: int) -> None:
        def make_buffer(law: Law) -> JitterBuffer:
            buffer = JitterBuffer(law, self.settings)
            buffer.counts = self.counts_before.get(row, JitterCounts())
            return buffer

        self.receivers[row].hear(make_buffer)

    def deaf(self, row: int) -> None:
        buffer = self.receivers[row].jitter
        if buffer is not None:
            self.counts_before[row] = buffer.counts
        self.receivers[row].deaf()

    def received(self, batch: Batch, arrival_s: float) -> list[tuple[int, ReceivedEvent]]:
        over: list[tuple[int, ReceivedEvent]] = []
        for row, octets, length in zip(batch.rows.tolist(), batch.datagrams, batch.lengths.tolist(), strict=True):
            reception = self.receivers[row].received(octets[:length].tobytes(), ("", 0), arrival_s)
            over += [] if reception is None else [(row, event) for event in reception.events]
        return over

    def pull(self, row: int, now_s: float) -> tuple[bytes, Verdict]:
        buffer = self.receivers[row].jitter
        if buffer is None:
            return bytes([idle_octet(self.receivers[row].law)]) * 160, Verdict.IDLE
        return buffer.pull(now_s)

    def counts(self, row: int) -> JitterCounts:
        buffer = self.receivers[row].jitter
        return self.counts_before.get(row, JitterCounts()) if buffer is None else buffer.counts
