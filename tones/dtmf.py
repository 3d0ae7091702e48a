"""Multifrequency push-button signals: sixteen digits, each a pair of frequencies (ITU-T Q.23)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tones.notation import Signal
from tones.oscillator import RAMP_SAMPLES, Samples, fade, oscillate
from tones.units import samples, to_pcm

LOW_GROUP_HZ: Final = (697.0, 770.0, 852.0, 941.0)
HIGH_GROUP_HZ: Final = (1209.0, 1336.0, 1477.0, 1633.0)
KEYPAD: Final = ("123A", "456B", "789C", "*0#D")
"""Rows by low frequency, columns by high frequency."""

DIGITS: Final = {
    digit: (LOW_GROUP_HZ[row], HIGH_GROUP_HZ[column])
    for row, digits in enumerate(KEYPAD)
    for column, digit in enumerate(digits)
}
LEVEL_DBM0: Final = -10.0
"""The level of each frequency."""


def _tone(hz: float, level_dbm0: float, count: int) -> Samples:
    return oscillate(Signal((hz,)), level_dbm0, count)


def render_digit(
    digit: str,
    on_ms: float = 100.0,
    off_ms: float = 0.0,
    *,
    level_dbm0: float = LEVEL_DBM0,
    twist_db: float = 0.0,
    deviation: float = 0.0,
) -> NDArray[np.int16]:
    """The sound of one digit, and the pause after it.

    Args:
        digit: 0-9, *, #, A-D; small letters will do.
        on_ms, off_ms: how long it sounds, and the pause.
        level_dbm0: of the louder frequency.
        twist_db: how much the high frequency is above the low one; negative: below it (reverse twist).
        deviation: both frequencies off by this proportion: 0.015 is 1.5 % high.

    Raises:
        ValueError: there is no such digit.
    """
    if digit.upper() not in DIGITS:
        raise ValueError(f"{digit!r} is not one of the digits {''.join(DIGITS)}")
    low_hz, high_hz = DIGITS[digit.upper()]
    count = samples(on_ms)
    low = _tone(low_hz * (1 + deviation), level_dbm0 - max(0.0, twist_db), count)
    high = _tone(high_hz * (1 + deviation), level_dbm0 + min(0.0, twist_db), count)
    both = low + high
    fade(both, RAMP_SAMPLES)
    return to_pcm(np.concatenate([both, np.zeros(samples(off_ms))]))


def render_digits(digits: str, on_ms: float = 100.0, off_ms: float = 100.0) -> NDArray[np.int16]:
    """Several digits in a row, each followed by the pause.

    Raises:
        ValueError: one of them is not a digit.
    """
    return np.concatenate([np.zeros(0, np.int16), *(render_digit(digit, on_ms, off_ms) for digit in digits)])
