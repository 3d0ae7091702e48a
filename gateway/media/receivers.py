"""The incoming streams of many calls, by row: checked, counted, buffered (RFC 3550, RFC 4733)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gateway.media.jitter import JitterCounts, Pulled
from gateway.media.playout import JitterSettings
from gateway.media.receiver import Receiver, Refusals
from gateway.media.reception import ReceptionStatistics
from gateway.media.rtp import PACKET_SAMPLES
from gateway.media.telephone_event import ReceivedEvent
from tones.g711 import Law

Rows = NDArray[np.int64]
_CHECKED = ("", 0)


class Receivers:
    """All rows.

    Args:
        settings: how their jitter buffers adapt.
    """

    def __init__(self, settings: JitterSettings | None = None) -> None:
        self._settings = settings or JitterSettings()
        self._receivers: dict[int, Receiver] = {}
        self._free: list[int] = []

    def open(self, law: Law, payload_types: Mapping[int, Law], telephone_events: frozenset[int]) -> int:
        """A new row: what comes is checked and counted, and not heard yet.

        Args:
            law: of what is pulled.
            payload_types: payload type -> law of the audio that was negotiated.
            telephone_events: the payload types of telephone-event.
        """
        row = self._free.pop() if self._free else len(self._receivers)
        self._receivers[row] = Receiver(law, payload_types, telephone_events, passes_on=True)
        return row

    def close(self, row: int) -> None:
        """Give the row back; its number will be used again."""
        del self._receivers[row]
        self._free.append(row)

    def renegotiate(
        self, row: int, law: Law, payload_types: Mapping[int, Law], telephone_events: frozenset[int]
    ) -> None:
        """Another description: what has been heard of the source still counts."""
        self._receivers[row].renegotiate(law, payload_types, telephone_events)

    def hear(self, row: int) -> None:
        """Put the audio that comes from now on into a jitter buffer, to be pulled."""
        self._receivers[row].hear(self._settings)

    def received(
        self, rows: Rows, datagrams: NDArray[np.uint8], lengths: NDArray[np.int64], arrival_s: float
    ) -> list[tuple[int, ReceivedEvent]]:
        """Datagrams came, from whom they should come.

        Args:
            rows: `int64[n]`, whose they are, in the order of coming; a row may be there several times.
            datagrams: `uint8[n, width]`.
            lengths: `int64[n]`; of those longer than `width` the rest is not there.
            arrival_s: when, on the clock of `pull`.

        Returns:
            The telephone events that are over by them, each with its row.
        """
        over: list[tuple[int, ReceivedEvent]] = []
        for row, datagram, length in zip(rows.tolist(), datagrams, lengths.tolist(), strict=True):
            receiver = self._receivers.get(row)
            if receiver is not None:
                reception = receiver.received(datagram[:length].tobytes(), _CHECKED, arrival_s)
                if reception is not None and reception.events:
                    over.extend((row, event) for event in reception.events)
        return over

    def pull(self, rows: Rows, now_s: float) -> Pulled:
        """The next 20 ms of rows that are heard, in that order.

        Args:
            rows: `int64[n]`.
            now_s: on the clock of `received`.
        """
        receivers = self._receivers
        pulled = [receivers[row].pull(now_s) for row in rows.tolist()]
        octets = np.frombuffer(b"".join([each[0] for each in pulled]), np.uint8).reshape(len(pulled), PACKET_SAMPLES)
        return Pulled(octets, np.array([each[1] for each in pulled], np.uint8))

    def counts(self, row: int) -> JitterCounts:
        """What became of a row's audio; all 0 for one that is not heard."""
        buffer = self._receivers[row].jitter
        return JitterCounts() if buffer is None else buffer.counts

    def ssrc(self, row: int) -> int | None:
        """Who is heard, None before the first packet."""
        return self._receivers[row].ssrc

    def statistics(self, row: int) -> ReceptionStatistics:
        """What came of that source."""
        return self._receivers[row].statistics

    def refusals(self, row: int) -> Refusals:
        """What was not taken, and why."""
        return self._receivers[row].refusals
