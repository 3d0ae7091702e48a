"""Whom to hear: symmetric RTP latching, protected.

A caller behind a NAT cannot name the address that its packets will come from. So, for a short while after a
negotiation, the first other source may be taken for it, if nothing comes from the negotiated one.

    state         heard               packet from
                                      the negotiated     the candidate                   any other
    Open          nobody              -> Confirmed       refused; after the grace        refused; the first in the
                                                         period -> Latched               window is the candidate
    Confirmed     the negotiated      heard              refused                         refused
    Latched       the latched one     -> Confirmed       heard                           refused

The negotiated source may speak up at any time: signalling has named it, and what had latched is dropped for good. No
second source ever latches. `negotiated` begins anew, but for an address that stays the same.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from attrs import field, frozen
from attrs.validators import ge

Address = tuple[str, int]
NOWHERE: Final[Address] = ("", 0)


@frozen
class LatchSettings:
    """How far to trust a source that was not negotiated.

    Args:
        strict: never.
        window_s: how long after the negotiation its first packet may come.
        grace_s: for how long after that packet the negotiated source has the chance to speak up.
    """

    strict: bool = False
    window_s: float = field(default=5.0, validator=ge(0.0))
    grace_s: float = field(default=0.1, validator=ge(0.0))


DEFAULT_SETTINGS: Final = LatchSettings()


class LatchState(Enum):
    """Whom we hear."""

    OPEN = "nobody yet"
    CONFIRMED = "the negotiated source"
    LATCHED = "another source, latched on to"


class SourceLatch:
    """The latch of one stream. No sockets, no clock: both are told.

    Args:
        settings: whether and how long to latch.

    Attributes:
        state: whom we hear.
        source: its address, which packets go to as well; before anybody is heard, the negotiated one.
        refused: packets that were not heard.
        latched: how often a source that was not negotiated was taken.
    """

    __slots__ = (
        "_candidate",
        "_candidate_s",
        "_negotiated",
        "_settings",
        "_since_s",
        "latched",
        "refused",
        "source",
        "state",
    )

    def __init__(self, settings: LatchSettings = DEFAULT_SETTINGS) -> None:
        self._settings = settings
        self._negotiated = self.source = NOWHERE
        self._since_s = self._candidate_s = 0.0
        self._candidate: Address | None = None
        self.state = LatchState.OPEN
        self.refused = 0
        self.latched = 0

    def negotiated(self, source: Address, now_s: float) -> None:
        """An offer and its answer say where packets come from; the same address again changes nothing.

        Args:
            source: address and port; `NOWHERE` while it is not known, or on hold: then nobody can be confirmed.
            now_s: the window begins.
        """
        if source == self._negotiated and source != NOWHERE:
            return
        self._negotiated = self.source = source
        self._since_s, self._candidate = now_s, None
        self.state = LatchState.OPEN

    def extend(self, now_s: float) -> None:
        """The window begins anew, if nobody has been heard: only now may the caller be expected to speak."""
        if self.state is LatchState.OPEN and self._candidate is None:
            self._since_s = now_s

    def packet_received(self, source: Address, now_s: float) -> bool:
        """A packet came. Returns whether to hear it.

        Args:
            source: where it came from.
            now_s: on the clock of `negotiated`.
        """
        if source == self.source and self.state is not LatchState.OPEN:
            return True
        if source == self._negotiated and source != NOWHERE:
            self.state, self.source = LatchState.CONFIRMED, source
            self._candidate = None
            return True
        if self.state is LatchState.OPEN and self._may_latch(source, now_s):
            self.state, self.source = LatchState.LATCHED, source
            self.latched += 1
            return True
        self.refused += 1
        return False

    def open_until_s(self) -> float | None:
        """When the window closes for sources that have not been heard of; None: nobody else can latch any more."""
        if self.state is not LatchState.OPEN or self._settings.strict or self._candidate is not None:
            return None
        return self._since_s + self._settings.window_s

    def _may_latch(self, source: Address, now_s: float) -> bool:
        settings = self._settings
        if settings.strict:
            return False
        if self._candidate is None:
            if now_s - self._since_s > settings.window_s:
                return False
            self._candidate, self._candidate_s = source, now_s
        return source == self._candidate and now_s - self._candidate_s >= settings.grace_s
