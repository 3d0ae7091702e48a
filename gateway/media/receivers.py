"""The incoming streams of many calls, by row: checked, counted, buffered (RFC 3550, RFC 4733).

Each row has a `Receiver`, and while it is heard a `JitterBuffer`: they are right about every packet, one at a time. But
of a hundred packets ninety-nine are what was to be expected. Those are taken in batches (`SteadyReception`,
`SteadyBuffers`), and the objects are told of them before the next packet that is theirs, or when somebody asks.

    packet  --> as expected, and its buffer steady?  -- yes --> the arrays: a fixed number of numpy calls for all rows
                        | no
                        v
            settle --> Receiver, JitterBuffer --> what is to be expected now

Batches of a few packets are given to the objects at once, which is quicker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import attrs
import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gateway.media.jitter import JitterBuffer
from gateway.media.jitter_counts import JitterCounts, Pulled, Verdict
from gateway.media.playout import JitterSettings
from gateway.media.receiver import Receiver, Refusals
from gateway.media.reception import ReceptionStatistics
from gateway.media.rtp import HEADER_OCTETS, PACKET_SAMPLES, TIMESTAMP_MODULUS, read_audio
from gateway.media.steady_buffers import SteadyBuffers, octets_of
from gateway.media.steady_reception import SIZES, Arrived, SteadyReception
from gateway.media.telephone_event import ReceivedEvent
from tones.g711 import Law, idle_octet

FEW: Final = 5
"""Fewer packets than that are given to the objects one by one."""
# Numpy takes an array of one number in half the time that it takes a number.
_FIRST_SLOT: Final = np.array(0)
_CHECKED: Final = ("", 0)

Rows = NDArray[np.int64]
_Counts = TypeVar("_Counts", JitterCounts, Refusals)


@frozen
class Totals:
    """What became of all that came, since the beginning: of rows that are open, and of those that were.

    Args:
        datagrams: given to `received`, of rows that were open.
        refusals: not taken, and why.
        jitter: what became of the audio that was heard.
    """

    datagrams: int
    refusals: Refusals
    jitter: JitterCounts


class Receivers:
    """All rows.

    Args:
        settings: how their jitter buffers adapt.
    """

    def __init__(self, settings: JitterSettings | None = None) -> None:
        self._receivers: dict[int, Receiver] = {}
        self._free: list[int] = []
        self._reception = SteadyReception()
        self._buffers = SteadyBuffers(settings or JitterSettings())
        self._nth: Rows = np.zeros(0, np.int64)
        self._heard_before: dict[int, JitterCounts] = {}
        self._datagrams = 0
        self._made = -1
        self._closed_refusals = Refusals()
        self._closed_counts = JitterCounts()

    # --- rows ---------------------------------------------------------------------------------------------------

    def open(self, law: Law, payload_types: Mapping[int, Law], telephone_events: frozenset[int]) -> int:
        """A new row: what comes is checked and counted, and not heard yet.

        Args:
            law: of what is pulled.
            payload_types: payload type -> law of the audio that was negotiated.
            telephone_events: the payload types of telephone-event.
        """
        row = self._free.pop() if self._free else len(self._receivers)
        self._reception.make_room(row)
        self._receivers[row] = Receiver(law, payload_types, telephone_events, records=False)
        self._reception.idle[row] = idle_octet(law)
        return row

    def close(self, row: int) -> None:
        """Give the row back; its number will be used again."""
        self.deaf(row)
        counts = self._heard_before.pop(row, None)
        if counts is not None:
            _add(self._closed_counts, [counts])
        self._settled(row)
        self._reception.expect_nothing(row)
        _add(self._closed_refusals, [self._receivers.pop(row).refusals])
        self._free.append(row)

    def renegotiate(
        self, row: int, law: Law, payload_types: Mapping[int, Law], telephone_events: frozenset[int]
    ) -> None:
        """Another description of the same stream: what has been heard of the source still counts.

        Args:
            row: whose.
            law: of what is pulled from now on; what was buffered in another is dropped.
            payload_types, telephone_events: as in `open`.
        """
        receiver = self._settled(row)
        self._reception.expect_nothing(row)
        receiver.renegotiate(law, payload_types, telephone_events)
        self._reception.idle[row] = idle_octet(law)
        if receiver.jitter is not None:
            self._buffers.put(int(self._reception.slot[row]), receiver.jitter)

    def hear(self, row: int) -> None:
        """Put the audio that comes from now on into a jitter buffer, to be pulled; it is made when the first comes."""
        self._receivers[row].hear(self._make_buffer)
        if self._reception.slot[row] < 0:
            self._reception.expect_nothing(row)

    def deaf(self, row: int) -> None:
        """Let go of the jitter buffer and what it holds; what comes from now on is only checked and counted."""
        receiver = self._receivers[row]
        if receiver.jitter is not None:
            self._settled(row)
            self._heard_before[row] = receiver.jitter.counts
            self._buffers.close(int(self._reception.slot[row]))
            self._reception.slot[row] = -1
        receiver.deaf()

    def _make_buffer(self, law: Law) -> JitterBuffer:
        self._made = self._buffers.open(law)
        return self._buffers.buffer(self._made)

    # --- packets ------------------------------------------------------------------------------------------------

    def received(
        self, rows: Rows, datagrams: NDArray[np.uint8], lengths: NDArray[np.int64], arrival_s: float
    ) -> list[tuple[int, ReceivedEvent]]:
        """Datagrams came, from whom they should come.

        Args:
            rows: `int64[n]`, whose they are, in the order of coming; a row may be there several times. Those of rows
                that are closed, or -1, are dropped.
            datagrams: `uint8[n, width]`, the octets of each side by side.
            lengths: `int64[n]`; of those longer than `width` the rest is not there.
            arrival_s: when, on the clock of `pull`.

        Returns:
            The telephone events that are over by them, each with its row, those of one row in order.
        """
        over: list[tuple[int, ReceivedEvent]] = []
        if not len(rows):
            return over
        left = Arrived(rows, datagrams, lengths, arrival_s)
        while len(left.rows) >= FEW and datagrams.shape[1] >= HEADER_OCTETS:
            first = self._first_of_each(left.rows)
            now = left if first is None else left.those(first)
            fits = self._reception.fits(now)
            if self._take(now, fits) < len(fits):
                for place in np.flatnonzero(~fits).tolist():
                    self._take_one(now, place, over, steady=True)
            if first is None:
                return over
            left = left.those(~first)
            if len(fits) < FEW:
                break
        for place in range(len(left.rows)):
            self._take_one(left, place, over, steady=False)
        return over

    def _first_of_each(self, rows: Rows) -> NDArray[np.bool_] | None:
        """Where each row is there for the first time: `bool[n]`; None: no row is there twice."""
        if len(self._nth) < len(self._reception.slot):
            self._nth = np.zeros(len(self._reception.slot), np.int64)
        places = np.arange(len(rows))
        nth = self._nth
        nth[rows] = places
        if np.count_nonzero(nth[rows] == places) == len(rows):
            return None
        # Where a row is there several times, numpy keeps what is assigned last.
        nth[rows[::-1]] = places[::-1]
        first: NDArray[np.bool_] = nth[rows] == places
        return first

    def _take(self, arrived: Arrived, fits: NDArray[np.bool_]) -> int:
        """Take the packets that fit, and say how many; those whose buffers are not steady are struck out."""
        slots, lengths = self._reception.slot[arrived.rows], arrived.lengths
        steady = self._buffers.fits(slots, arrived.at_s)
        steady &= fits
        taken, length = int(np.count_nonzero(steady)), int(lengths[0])
        if taken == len(fits) and np.count_nonzero(lengths == length) == taken:
            self._buffers.push(slots, length - HEADER_OCTETS, _payloads(arrived, length), arrived.at_s)
            self._reception.take(arrived, length - HEADER_OCTETS)
        else:
            fits &= steady | (slots < _FIRST_SLOT)
            taken = int(np.count_nonzero(fits))
            for length in set(lengths[fits].tolist()):
                self._take_some(arrived, slots, fits & (lengths == length), length)
        self._datagrams += taken
        return taken

    def _take_some(self, arrived: Arrived, slots: Rows, which: NDArray[np.bool_], length: int) -> None:
        """Take packets of one length, heard or not."""
        heard = which & (slots >= _FIRST_SLOT)
        if np.count_nonzero(heard):
            payloads = _payloads(arrived, length)[heard]
            self._buffers.push(slots[heard], length - HEADER_OCTETS, payloads, arrived.at_s)
        self._reception.take(arrived.those(which), length - HEADER_OCTETS)

    def _take_one(self, arrived: Arrived, place: int, over: list[tuple[int, ReceivedEvent]], *, steady: bool) -> None:
        """Give a packet to its row's object; `steady`: and see what is to be expected then."""
        row = int(arrived.rows[place])
        if row not in self._receivers:
            return
        self._datagrams += 1
        receiver = self._settled(row)
        datagram = arrived.datagrams[place, : arrived.lengths[place]].tobytes()
        reception = receiver.received(datagram, _CHECKED, arrived.at_s)
        if reception is not None:
            over.extend((row, event) for event in reception.events)
        if receiver.jitter is not None and self._reception.slot[row] < 0:
            self._begin_to_hear(row, receiver.jitter)
        if not (steady and reception is not None and self._foresee(row, receiver, datagram)):
            self._reception.expect_nothing(row)

    def _begin_to_hear(self, row: int, buffer: JitterBuffer) -> None:
        """The row's object has made a buffer."""
        self._reception.slot[row] = self._made
        before = self._heard_before.pop(row, None)
        if before is not None:
            _add(buffer.counts, [before])

    def _foresee(self, row: int, receiver: Receiver, datagram: bytes) -> bool:
        """Whether the next packet can be foreseen after this one, which was taken."""
        _, payload_type, sequence, timestamp, _, payload = read_audio(datagram)
        size = len(payload)
        if size not in SIZES or not receiver.takes_as_it_is(payload_type) or sequence != receiver.statistics.highest:
            return False
        slot = int(self._reception.slot[row])
        if slot >= 0 and not self._buffers.take_on(slot, size, (timestamp + size) % TIMESTAMP_MODULUS):
            return False
        self._reception.expect(row, receiver, payload_type, timestamp + size, size)
        return True

    # --- blocks -------------------------------------------------------------------------------------------------

    def pull(self, rows: Rows, now_s: float) -> Pulled:
        """The next 20 ms of rows, in that order: of one that is not heard, or has sent nothing yet, the idle pattern.

        Args:
            rows: `int64[n]`, open, each once.
            now_s: on the clock of `received`.
        """
        octets = np.empty((len(rows), PACKET_SAMPLES), np.uint8)
        verdicts = np.zeros(len(rows), np.uint8)
        if len(rows):
            slots = self._reception.slot[rows]
            if len(rows) >= FEW or any(map(self._buffers.is_known, slots.tolist())):
                others = self._buffers.pull(slots, now_s, octets, verdicts)
            else:
                others = np.arange(len(rows))
            if len(others):
                nothing = slots < _FIRST_SLOT
                if np.count_nonzero(nothing):
                    octets[nothing] = self._reception.idle[rows[nothing], np.newaxis]
                    verdicts[nothing] = Verdict.IDLE
                    others = others[~nothing[others]]
                for place in others.tolist():
                    block, verdict = self._pull_one(int(rows[place]), int(slots[place]), now_s)
                    octets[place], verdicts[place] = np.frombuffer(block, np.uint8), verdict
                    if verdict is Verdict.IDLE and len(rows) >= FEW:
                        self._buffers.take_on_silence(int(slots[place]))
        return Pulled(octets, verdicts)

    def _pull_one(self, row: int, slot: int, now_s: float) -> tuple[bytes, Verdict]:
        self._buffers.settle(slot)
        block, verdict = self._buffers.buffer(slot).pull(now_s)
        if verdict is not Verdict.IDLE and self._reception.expects(row):
            self._buffers.take_on(slot, self._reception.size(row), self._reception.next_timestamp(row))
        return block, verdict

    # --- what became of it --------------------------------------------------------------------------------------

    def ssrc(self, row: int) -> int | None:
        """Who is heard, None before the first packet."""
        return self._receivers[row].ssrc

    def statistics(self, row: int) -> ReceptionStatistics:
        """What came of that source, up to now; to be asked for again, not kept."""
        return self._told(row).statistics

    def refusals(self, row: int) -> Refusals:
        """What was not taken, and why."""
        return self._receivers[row].refusals

    def counts(self, row: int) -> JitterCounts:
        """What became of a row's audio, up to now; all 0 for one that was never heard."""
        receiver = self._receivers[row]
        if receiver.jitter is None:
            return self._heard_before.get(row, JitterCounts())
        return self._buffers.counts(int(self._reception.slot[row]))

    def delay_ms(self, row: int) -> float:
        """The delay that is wanted now of the row's jitter buffer; 0 for one that holds nothing yet."""
        buffer = self._receivers[row].jitter
        return 0.0 if buffer is None else self._buffers.delay_ms(int(self._reception.slot[row]))

    def totals(self) -> Totals:
        """All rows together; a millisecond for a thousand of them."""
        counts, refusals = JitterCounts(), Refusals()
        buffers = [receiver.jitter.counts for receiver in self._receivers.values() if receiver.jitter is not None]
        _add(counts, [self._closed_counts, *self._heard_before.values(), *buffers, self._buffers.untold])
        _add(refusals, [self._closed_refusals, *(receiver.refusals for receiver in self._receivers.values())])
        return Totals(self._datagrams, refusals, counts)

    def _told(self, row: int) -> Receiver:
        """The object of a row, told of all packets; what is to be expected stays so."""
        receiver = self._receivers[row]
        self._reception.settle(row, receiver)
        return receiver

    def _settled(self, row: int) -> Receiver:
        """The object of a row and that of its buffer, told of everything; from here on the arrays know nothing."""
        receiver = self._told(row)
        slot = int(self._reception.slot[row])
        if slot >= 0:
            self._buffers.settle(slot)
        return receiver


def _payloads(arrived: Arrived, length: int) -> NDArray[np.void]:
    """What stands behind the headers of datagrams of that length."""
    return arrived.datagrams[:, HEADER_OCTETS:length].view(octets_of(length - HEADER_OCTETS))[:, 0]


def _add(total: _Counts, more: Iterable[_Counts]) -> None:
    names = [each.name for each in attrs.fields(type(total))]
    for each in more:
        for name in names:
            setattr(total, name, getattr(total, name) + getattr(each, name))
