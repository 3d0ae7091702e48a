"""Reception statistics of one RTP source (RFC 3550 §A.1, §A.3, §A.8)."""

from __future__ import annotations

from typing import Final

from gateway.media.rtp import SEQUENCE_MODULUS, TIMESTAMP_MODULUS, signed_difference

MAX_DROPOUT: Final = 3000
MAX_MISORDER: Final = 100
_RECENT: Final = 1 << 128


class ReceptionStatistics:
    """What came of one source, and how.

    Attributes:
        received: packets, duplicates included, as RFC 3550 §A.3 counts them.
        duplicates: packets whose sequence number had been received within the last 128.
        out_of_order: packets that came after one with a higher sequence number, duplicates not among them.
        resynchronised: how often the source restarted its sequence without telling (§A.1).
        refused: packets whose sequence number was too far off to be believed.
        jitter_samples: the interarrival jitter, in timestamp units (§A.8).

    Args:
        min_sequential: packets in sequence before a source is believed. RFC 3550 §A.1 has 2 for sources that just turn
            up; one that signalling has announced needs none.
    """

    __slots__ = (
        "_bad",
        "_base",
        "_cycles",
        "_expected_prior",
        "_heard",
        "_highest",
        "_min_sequential",
        "_probation",
        "_received_prior",
        "_recent",
        "_transit",
        "duplicates",
        "jitter_samples",
        "out_of_order",
        "received",
        "refused",
        "resynchronised",
    )

    def __init__(self, min_sequential: int = 0) -> None:
        self._min_sequential = min_sequential
        self._probation = min_sequential
        self._heard = False
        self._base = 0
        self._highest = 0
        self._cycles = 0
        self._bad: int | None = None
        self._recent = 0
        self._transit: int | None = None
        self._expected_prior = 0
        self._received_prior = 0
        self.received = 0
        self.duplicates = 0
        self.out_of_order = 0
        self.resynchronised = 0
        self.refused = 0
        self.jitter_samples = 0.0

    @property
    def extended_highest(self) -> int:
        """The highest sequence number received, with the number of its wraps above it."""
        return self._cycles * SEQUENCE_MODULUS + self._highest

    @property
    def highest(self) -> int:
        """The highest sequence number received, 16 bits."""
        return self._highest

    @property
    def transit(self) -> int | None:
        """Of the last packet that was taken into the jitter: arrival less timestamp; None: of none yet."""
        return self._transit

    @property
    def expected(self) -> int:
        """Packets that should have come, from the first to the highest sequence number."""
        return self.extended_highest - self._base + 1 if self._heard else 0

    @property
    def lost(self) -> int:
        """Expected less received; duplicates can make it negative (§A.3)."""
        return self.expected - self.received

    @property
    def missing(self) -> int:
        """Sequence numbers that never came: what a listener would call lost."""
        return max(self.lost + self.duplicates, 0)

    def fraction_lost(self) -> int:
        """Lost in 256ths since this was asked last (§A.3)."""
        expected, received = self.expected - self._expected_prior, self.received - self._received_prior
        self._expected_prior, self._received_prior = self.expected, self.received
        lost = expected - received
        return 0 if expected <= 0 or lost <= 0 else min((lost << 8) // expected, 255)

    def update(self, sequence: int) -> bool:
        """A packet came. Returns whether it is to be used: believed, and not a duplicate (`update_seq` in §A.1)."""
        if not self._heard:
            if self._min_sequential and not self._on_probation(sequence):
                return False
            self._start(sequence)
            return True
        ahead = (sequence - self._highest) % SEQUENCE_MODULUS
        if ahead == 0:
            self.received += 1
            self.duplicates += 1
            return False
        if ahead < MAX_DROPOUT:
            self._cycles += sequence < self._highest
            self._highest = sequence
            self._recent = ((self._recent << ahead) | 1) % _RECENT
        elif ahead <= SEQUENCE_MODULUS - MAX_MISORDER:
            if sequence != self._bad:
                self._bad = (sequence + 1) % SEQUENCE_MODULUS
                self.refused += 1
                return False
            self.resynchronised += 1
            self._start(sequence)
            return True
        else:
            return self._late(SEQUENCE_MODULUS - ahead)
        self.received += 1
        self._bad = None
        return True

    def arrived(self, timestamp: int, arrival_samples: int) -> None:
        """Take a packet into the jitter: its timestamp, and its arrival on any clock of the same rate (§A.8)."""
        transit = arrival_samples - timestamp
        if self._transit is not None:
            difference = abs(signed_difference(transit, self._transit, TIMESTAMP_MODULUS))
            self.jitter_samples += (difference - self.jitter_samples) / 16
        self._transit = transit

    def went_on(self, packets: int, transit: int, jitter_samples: float) -> None:
        """As many packets came as say so, each with the next sequence number, and the jitter has become this."""
        highest = self._highest + packets
        self._cycles += highest // SEQUENCE_MODULUS
        self._highest = highest % SEQUENCE_MODULUS
        shift = min(packets, 128)
        self._recent = ((self._recent << shift) | ((1 << shift) - 1)) % _RECENT
        self._bad = None
        self.received += packets
        self._transit, self.jitter_samples = transit, jitter_samples

    def _on_probation(self, sequence: int) -> bool:
        in_sequence = sequence == (self._highest + 1) % SEQUENCE_MODULUS
        self._probation = self._probation - 1 if in_sequence else self._min_sequential - 1
        self._highest = sequence
        return self._probation <= 0

    def _start(self, sequence: int) -> None:
        """`init_seq`: the counts begin anew."""
        self._heard = True
        self._base = self._highest = sequence
        self._cycles = 0
        self._bad = None
        self._recent = 1
        self._expected_prior = self._received_prior = 0
        self.received = 1
        self.duplicates = self.out_of_order = 0

    def _late(self, behind: int) -> bool:
        self.received += 1
        bit = 1 << behind
        if self._recent & bit:
            self.duplicates += 1
            return False
        self._recent |= bit
        self.out_of_order += 1
        return True
