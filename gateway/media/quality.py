"""How the media of one call went, both ways, by our count and by the other side's reports (RFC 3550 §6.4)."""

from __future__ import annotations

from attrs import frozen

from gateway.media.jitter import JitterCounts
from gateway.media.reception import ReceptionStatistics
from gateway.media.reporting import RemoteView


@frozen
class MediaQuality:
    """The figures of a call that is over.

    Args:
        sent: packets to the caller.
        received: packets from the caller, duplicates included.
        lost: packets of the caller's that never came.
        jitter_ms: interarrival jitter of what came.
        late: audio packets that came when their place had been played.
        concealed: blocks of 20 ms that were made up in place of what was missing.
        refused: datagrams that were not taken: malformed, of a wrong payload type or source.
        remote: how the caller received us, by its last report; None: it sent none.
    """

    sent: int
    received: int
    lost: int
    jitter_ms: float
    late: int
    concealed: int
    refused: int
    remote: RemoteView | None = None

    @staticmethod
    def of(
        sent: int, statistics: ReceptionStatistics, counts: JitterCounts, refused: int, remote: RemoteView | None
    ) -> MediaQuality:
        """From what was counted."""
        return MediaQuality(
            sent,
            statistics.received,
            statistics.missing,
            statistics.jitter_samples / 8,
            counts.late,
            counts.concealed,
            refused,
            remote,
        )

    def __str__(self) -> str:
        parts = [f"{self.sent} packets sent"]
        if self.received:
            share = self.lost / (self.received + self.lost)
            parts.append(f"{self.received} received, {self.lost} lost ({share:.1%}), jitter {self.jitter_ms:.1f} ms")
        if self.concealed:
            parts.append(f"{20 * self.concealed} ms concealed, {self.late} too late")
        if self.refused:
            parts.append(f"{self.refused} refused")
        if self.remote is not None:
            trip = self.remote.round_trip_s
            there = "" if trip is None else f", round trip {1000 * trip:.1f} ms"
            lost, jitter_ms = self.remote.lost, 1000 * self.remote.jitter_s
            parts.append(f"the caller reports {lost} lost, jitter {jitter_ms:.1f} ms{there}")
        return "; ".join(parts)
