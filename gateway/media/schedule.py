"""When which phase is due: the media clock without a clock.

A round of 20 ms has a slot for each phase, on an absolute schedule. Only slots that somebody needs are ticked; where
all rest, the schedule does. A tick that comes late by more than a round moves the schedule; it never makes up for what
was missed by a burst.
"""

from __future__ import annotations

from collections import deque
from typing import Final

LATE_S: Final = 0.010
"""Ticks that come later than this count as late."""
REMEMBERED_S: Final = 4.0
"""Over so long the share of late ticks is taken: one hiccup is no overload."""
MARKS: Final = 8
"""So often in that time the counts are marked."""
MOST_LATE: Final = 0.05
"""With more ticks late than this there is overload..."""
LEAST_WORK: Final = 0.25
"""...if so much of a core was used here: where others starve the machine, refusing work here would help nobody."""


class Schedule:
    """The slots of a round.

    Args:
        slots: how many.
        round_s: how long a round is, seconds.

    Attributes:
        late: how often the schedule was moved.
    """

    def __init__(self, slots: int, round_s: float) -> None:
        self._period_s = round_s / slots
        self._round_s = round_s
        self._busy = [False] * slots
        self._number_busy = 0
        self._slot = 0
        self._due_s = 0.0
        self.late = 0
        self._ticks_late = 0
        self._worked_s = 0.0
        self._marks: deque[tuple[float, float, int]] = deque(maxlen=MARKS + 1)

    @property
    def late_share(self) -> float:
        """Which share of the last seconds' ticks came more than `LATE_S` late: 0 to 1; at rest 0."""
        if not self._marks:
            return 0.0
        all_ticks = self._number_busy * REMEMBERED_S / self._round_s
        return min(1.0, (self._ticks_late - self._marks[0][2]) / all_ticks)

    @property
    def overloaded(self) -> bool:
        """Whether more work would harm what there is: ticks come late, and it is the work done here that makes them."""
        if self.late_share <= MOST_LATE:
            return False
        begin_s, worked_s, _ = self._marks[0]
        return self._worked_s - worked_s >= LEAST_WORK * (self._due_s - begin_s)

    def wake(self, slot: int, now_s: float) -> bool:
        """Tick a slot from now on. Returns whether that changed anything.

        Args:
            slot: which.
            now_s: on the clock of `take`. Where all rested, the slot is first due one slot's time later.
        """
        if self._busy[slot]:
            return False
        if not self._number_busy:
            self._slot, self._due_s = slot, now_s + self._period_s
        self._busy[slot] = True
        self._number_busy += 1
        return True

    def rest(self, slot: int) -> None:
        """Tick it no more."""
        if self._busy[slot]:
            self._busy[slot] = False
            self._number_busy -= 1
            if not self._number_busy:
                self._marks.clear()

    def is_busy(self, slot: int) -> bool:
        """Whether a slot is ticked."""
        return self._busy[slot]

    def take(self, now_s: float, worked_s: float = 0.0) -> list[int]:
        """The slots that are due, in order; they are the caller's to tick now.

        Args:
            now_s: what time it is.
            worked_s: how much CPU whoever ticks has used until now, seconds.
        """
        if not self._number_busy:
            return []
        self._worked_s = worked_s
        if not self._marks or now_s - self._marks[-1][0] >= REMEMBERED_S / MARKS:
            self._marks.append((now_s, worked_s, self._ticks_late))
        self._pass_over()
        if now_s - self._due_s > self._round_s:
            self.late += 1
            self._ticks_late += 1
            self._due_s = now_s
        due = []
        while self._due_s <= now_s:
            due.append(self._slot)
            self._ticks_late += now_s - self._due_s > LATE_S
            self._go_on()
            self._pass_over()
        return due

    def next_s(self) -> float | None:
        """When the next slot is due that is ticked; None: all rest."""
        if not self._number_busy:
            return None
        self._pass_over()
        return self._due_s

    def _pass_over(self) -> None:
        """On to the next slot that is ticked."""
        while not self._busy[self._slot]:
            self._go_on()

    def _go_on(self) -> None:
        self._slot = (self._slot + 1) % len(self._busy)
        self._due_s += self._period_s
