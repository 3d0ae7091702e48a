"""A 64 kbit/s circuit as the media plane sees it: what goes backward to the caller, and forward to the exchange."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import define
from numpy.typing import NDArray

from gateway.media.digit_lifting import DigitLifter
from gateway.media.store import Clip
from gateway.net.call_port import CallPort
from tones.detect.dtmf import DtmfReceiver
from tones.g711 import Law

Octets = NDArray[np.uint8]
Speaking = Callable[[Law, bytes], None]
"""Told, or tells, what is said: the law, and octets in it."""


@define(eq=False)
class ByHand:
    """A clip with digits in it, for a caller that wants them as events: fed block by block, at `at` in `octets`."""

    clip: Clip
    octets: Octets
    at: int = 0


@define(eq=False)
class Circuit:
    """One circuit.

    Args:
        cic: circuit identification code.
        law: of both directions.
        row: of the sender.
        phase: when its 20 ms are due.

    Attributes:
        port: the call's, once it is cut through.
        player: who plays, and is told when that is over.
        clip: what is played; None: silence, or live sound.
        echo, handset: what the caller says is given back, or to somebody who answers.
        by_hand, lifter, events: how digits become telephone events; of `events` the first is under way.
        listener, ear: who is told of DTMF digits, and what finds them.
        blocks_to_hear: so many blocks more the ear is given.
        through: whether the forward direction is.
        digits, digit_at: those that are to go forward, and how much of the first has gone.
    """

    cic: int
    law: Law
    row: int
    phase: int
    port: CallPort | None = None
    player: Any = None
    clip: Clip | None = None
    echo: bool = False
    handset: Speaking | None = None
    by_hand: ByHand | None = None
    lifter: DigitLifter | None = None
    events: str = ""
    listener: Any = None
    ear: DtmfReceiver | None = None
    blocks_to_hear: int = 0
    through: bool = False
    digits: tuple[Clip, ...] = ()
    digit_at: int = 0

    @property
    def event_type(self) -> int | None:
        """The payload type under which the caller takes digits as telephone events; None: it takes none."""
        port = self.port
        return None if port is None or port.agreed is None else port.agreed.telephone_event
