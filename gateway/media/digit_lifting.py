"""Digits lifted out of the sound of a circuit, so that they can be sent as telephone events instead (RFC 4733 §2.1).

A digit is recognised some 50 ms after it began. So the sound is delayed by three blocks, and none of the tone gets out:
a receiver that heard both the beginning of the tone and the event might take them for two digits.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from attrs import frozen

from gateway.media.rtp import PACKET_SAMPLES
from tones.detect.dtmf import DtmfReceiver
from tones.dtmf import DIGITS
from tones.g711 import Law, decode, idle_octet
from tones.units import SAMPLE_RATE_HZ

DELAY_BLOCKS: Final = 3
_ABSENT_BLOCKS: Final = 2
_PRESENT: Final = 0.5


@frozen
class Lifted:
    """What 20 ms of sound became.

    Args:
        octets: 160 octets, 60 ms late, without digits.
        began: the digit that was recognised now, "" for none: the event begins.
        ended: whether the digit that was going on is over, before `began`: the event ends.
    """

    octets: bytes
    began: str = ""
    ended: bool = False


class DigitLifter:
    """One direction of one circuit.

    Args:
        law: of its octets.

    Attributes:
        digit: the digit that is going on, "" for none.
    """

    def __init__(self, law: Law) -> None:
        self._law = law
        self._idle = bytes([idle_octet(law)]) * PACKET_SAMPLES
        self._held = deque([self._idle] * DELAY_BLOCKS)
        self._receiver = DtmfReceiver(law)
        self._absent = 0
        self._passed_over = b""
        self.digit = ""

    def feed(self, octets: bytes, *, may_be_digit: bool = True) -> Lifted:
        """Take the next 20 ms.

        Args:
            octets: 160 G.711 octets.
            may_be_digit: False: somebody has looked, and there is none in this block, nor in the three before.
        """
        if not may_be_digit and not self.digit:
            self._passed_over = octets
            self._held.append(octets)
            return Lifted(self._held.popleft())
        if self._passed_over:
            self._receiver.feed(self._passed_over)
            self._passed_over = b""
        # Two digits in 20 ms there are not: each takes 40.
        recognised = self._receiver.feed(octets)[-1:]
        ended = bool(recognised and self.digit)
        if recognised:
            self.digit, self._absent = recognised, 0
            self._held = deque([self._idle] * DELAY_BLOCKS)
        elif self.digit:
            self._absent = 0 if self._present(octets) else self._absent + 1
            if self._absent == _ABSENT_BLOCKS:
                self.digit, ended = "", True
        self._held.append(self._idle if self.digit else octets)
        return Lifted(self._held.popleft(), recognised, ended)

    def _present(self, octets: bytes) -> bool:
        """Whether the digit's two frequencies hold most of a block's power."""
        sound = decode(octets, self._law).astype(np.float64)
        power = float(sound @ sound)
        turns = np.outer(DIGITS[self.digit], np.arange(len(sound))) * (2j * np.pi / SAMPLE_RATE_HZ)
        explained = float(np.square(np.abs(np.exp(turns) @ sound)).sum()) * 2 / len(sound)
        return power > 0 and explained > _PRESENT * power
