"""Telephone events in place of audio (RFC 4733 §2.5.1), for the slots of one phase, a packet each tick.

"DTMF digits and other named telephone events are carried as part of the audio stream, and they MUST use the same
sequence number and timestamp base as the regular audio channel" (§2.5.1.2): the sender gives both.

    tick          1     2     3    ...  n     n+1   n+2
    duration      160   320   480  ...  all   all   all
    marker        1     0     0    ...  0     0     0
    end           0     0     0    ...  1     1     1

An event longer than 65535 samples is cut into segments; the last packet of each is sent three times, the last but the
final one's without the end bit, while the time goes on: the first packet of a segment reports what has passed by then.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.media.rtp import PACKET_SAMPLES
from gateway.media.telephone_event import MAXIMUM_DURATION

EVENT_OCTETS: Final = 16
_FINAL_PACKETS: Final = 3
_OPEN: Final = np.iinfo(np.int64).max
_PACKET: Final = np.dtype(
    [
        ("first", "u1"),
        ("second", "u1"),
        ("sequence", ">u2"),
        ("timestamp", ">u4"),
        ("ssrc", ">u4"),
        ("event", "u1"),
        ("flags", "u1"),
        ("duration", ">u2"),
    ]
)

Rows = NDArray[np.int64]


class EventSender:
    """The events that the slots of one phase are sending.

    `sending` says which slots they are. `elapsed` and `total` count from the beginning of the present segment.
    """

    def __init__(self) -> None:
        capacity = 8
        self.sending = np.zeros(capacity, np.bool_)
        self._event = np.zeros(capacity, np.uint8)
        self._payload_type = np.zeros(capacity, np.uint8)
        self._volume = np.zeros(capacity, np.uint8)
        self._fresh = np.zeros(capacity, np.bool_)
        self._began = np.zeros(capacity, np.uint32)
        self._elapsed = np.zeros(capacity, np.int64)
        self._total = np.zeros(capacity, np.int64)
        self._repeats = np.zeros(capacity, np.int64)
        self._repeated_at = np.zeros(capacity, np.uint32)
        self._repeated = np.zeros(capacity, np.int64)
        self._ending = np.zeros(capacity, np.bool_)

    def is_sending(self, slot: int) -> bool:
        """Whether the slot sends an event, or its last packet again."""
        return slot < len(self.sending) and bool(self.sending[slot])

    def begin(self, slot: int, event: int, duration: int | None, payload_type: int, volume: int) -> None:
        """Send an event from the next tick on.

        Args:
            slot: whose packets are replaced; it sends none.
            event: 0 to 255.
            duration: samples; None: until `end`.
            payload_type: 0 to 127.
            volume: -dBm0, 0 to 63.
        """
        while slot >= len(self.sending):
            for name, array in list(vars(self).items()):
                setattr(self, name, np.concatenate([array, np.zeros_like(array)]))
        self.sending[slot] = self._fresh[slot] = True
        self._ending[slot] = False
        self._event[slot], self._payload_type[slot], self._volume[slot] = event, payload_type, volume
        self._elapsed[slot] = self._repeats[slot] = 0
        self._total[slot] = _OPEN if duration is None else max(duration, 1)

    def end(self, slot: int) -> None:
        """The event is over: the next packet says so, with the duration that was reported last."""
        if not self._ending[slot]:
            self._total[slot] = min(self._total[slot], max(self._elapsed[slot], 1))

    def stop(self, slot: int) -> None:
        """Send nothing more of it, not even its end."""
        if slot < len(self.sending):
            self.sending[slot] = False

    def tick(
        self, slots: Rows, sequence: NDArray[np.uint16], timestamp: NDArray[np.uint32], ssrc: NDArray[np.uint32]
    ) -> tuple[NDArray[np.uint8], Rows]:
        """A packet of each slot.

        Args:
            slots: `int64[n]`, all of them sending.
            sequence, timestamp, ssrc: of each slot: the numbers of the audio packet that is replaced.

        Returns:
            `uint8[n, 16]`, and the slots whose last packet this was.
        """
        fresh = self._fresh[slots]
        self._began[slots[fresh]] = timestamp[fresh]
        elapsed = self._elapsed[slots] + PACKET_SAMPLES
        repeating = self._repeats[slots] > 0
        total = self._total[slots]
        over = ~repeating & (elapsed >= total) & (total <= MAXIMUM_DURATION)
        full = ~repeating & ~over & (elapsed >= MAXIMUM_DURATION)
        duration = np.where(over, total, np.minimum(elapsed, MAXIMUM_DURATION))
        last = slots[over | full]
        self._repeated_at[last] = self._began[last]
        self._repeated[last] = duration[over | full]
        self._ending[slots[over]] = True
        packets = np.empty(len(slots), _PACKET)
        packets["first"] = 0x80
        packets["second"] = self._payload_type[slots] | np.where(fresh, np.uint8(0x80), np.uint8(0))
        packets["sequence"] = sequence
        packets["timestamp"] = np.where(repeating, self._repeated_at[slots], self._began[slots])
        packets["ssrc"] = ssrc
        packets["event"] = self._event[slots]
        packets["flags"] = self._volume[slots] | np.where(self._ending[slots], np.uint8(0x80), np.uint8(0))
        packets["duration"] = np.where(repeating, self._repeated[slots], duration)
        self._fresh[slots] = False
        self._repeats[slots] -= repeating
        self._repeats[last] = _FINAL_PACKETS - 1
        self._elapsed[slots] = np.where(full, elapsed - MAXIMUM_DURATION, elapsed)
        self._total[slots] = np.where(full & (total != _OPEN), total - MAXIMUM_DURATION, total)
        self._began[slots[full]] += np.uint32(MAXIMUM_DURATION)
        done = slots[self._ending[slots] & (self._repeats[slots] == 0)]
        self.sending[done] = False
        return packets.view(np.uint8).reshape(len(slots), EVENT_OCTETS), done
