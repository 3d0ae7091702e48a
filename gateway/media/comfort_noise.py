"""Comfort noise (RFC 3389): the payload that says how silence sounds, and the sound.

 0               1               2               3
 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-- ... --+
|0|   level     |      N1       |      N2       |   NM    |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-- ... --+
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from attrs import field, frozen
from attrs.validators import deep_iterable, ge, le
from numpy.typing import NDArray
from scipy.signal import lfilter

from gateway.core.clause import Clause
from gateway.core.errors import ParseError
from tones.g711 import Law, encode, idle_octet

OVERLOAD_AMPLITUDE: Final = 8031 * 4
"""0 dBov: "a square wave with values +/- 8031" (§3.1), in 16 bits; about 6 dBm0."""
QUIETEST: Final = 127
MOST_COEFFICIENTS: Final = 32
_CENTRE: Final = 127
_STEP: Final = 258 / 32768
_RESERVED: Final = 255
_RENDERED_SAMPLES: Final = 8192
_SETTLING_SAMPLES: Final = 512
_CLAUSE: Final = Clause("RFC 3389", "3")


@frozen
class ComfortNoise:
    """One comfort-noise payload (RFC 3389 §3).

    Args:
        level: the noise's power, 0 to 127 for 0 to -127 dBov.
        coefficients: the reflection coefficients of its all-pole model as their indices, 0 to 255 each; none: white.
            255 is reserved and kept.
    """

    level: int = field(validator=[ge(0), le(QUIETEST)])
    coefficients: tuple[int, ...] = field(default=(), validator=deep_iterable([ge(0), le(255)]))

    @staticmethod
    def parse(payload: bytes) -> ComfortNoise:
        """Read a payload; the unused bit of the level is ignored.

        Raises:
            ParseError: there is not even a level.
        """
        if not payload:
            raise ParseError("comfort noise of 0 octets, at least 1 expected", 0, _CLAUSE)
        return ComfortNoise(payload[0] & 0x7F, tuple(payload[1:]))

    def serialize(self) -> bytes:
        """The payload: level and coefficients, an octet each."""
        return bytes([self.level, *self.coefficients])

    @property
    def reflection(self) -> tuple[float, ...]:
        """The reflection coefficients, each between -1 and 1 (§3.2); those past a reserved index count as 0."""
        values: list[float] = []
        for index in self.coefficients[:MOST_COEFFICIENTS]:
            if index == _RESERVED:
                break
            values.append((index - _CENTRE) * _STEP)
        return tuple(values)


def quantised(reflection: Iterable[float]) -> tuple[int, ...]:
    """Reflection coefficients, between -1 and 1 -> the nearest indices (§3.2)."""
    return tuple(min(max(round(value / _STEP) + _CENTRE, 0), 254) for value in reflection)


def prediction_polynomial(reflection: Iterable[float]) -> NDArray[np.float64]:
    """Reflection coefficients -> the denominator of the all-pole model, `float64[order + 1]`, the first 1."""
    polynomial = np.ones(1)
    for value in reflection:
        longer = np.append(polynomial, 0.0)
        polynomial = longer + value * longer[::-1]
    return polynomial


def render_noise(noise: ComfortNoise, samples: int, seed: int = 0) -> NDArray[np.int16]:
    """Noise of that spectrum, its power the payload's level to 0.1 dB.

    Args:
        noise: the payload.
        samples: how many, at least 1.
        seed: another seed gives another noise.
    """
    white = np.random.default_rng(seed).standard_normal(samples + _SETTLING_SAMPLES)
    shaped = lfilter([1.0], prediction_polynomial(noise.reflection), white)[_SETTLING_SAMPLES:]
    power = float(np.sqrt(np.mean(np.square(shaped))))
    wanted = OVERLOAD_AMPLITUDE * 10 ** (-noise.level / 20)
    return np.clip(np.rint(shaped * (wanted / power)), -32768, 32767).astype(np.int16)


class NoiseSource:
    """Noise for the pauses of one stream, block by block; a block costs less than a microsecond.

    Level-only noise is rendered once a level and law and shared by all streams.

    Args:
        law: of the octets.
        seed: where in the noise to begin.
    """

    __slots__ = ("_at", "_law", "_noise", "_octets")

    _white: Final[dict[tuple[Law, int], bytes]] = {}

    def __init__(self, law: Law, seed: int = 1) -> None:
        self._law = law
        self._noise: ComfortNoise | None = None
        self._octets = b""
        self._at = seed

    @property
    def noise(self) -> ComfortNoise | None:
        """What is being rendered; None: the idle pattern."""
        return self._noise

    def change(self, noise: ComfortNoise | None) -> None:
        """Go on with this noise, or with the idle pattern."""
        if noise == self._noise:
            return
        self._noise = noise
        if noise is None:
            self._octets = b""
        elif noise.reflection:
            self._octets = encode(render_noise(noise, _RENDERED_SAMPLES), self._law).tobytes()
        else:
            key = self._law, noise.level
            if key not in self._white:
                self._white[key] = encode(render_noise(noise, _RENDERED_SAMPLES), self._law).tobytes()
            self._octets = self._white[key]

    def block(self, samples: int) -> bytes:
        """The next octets, up to 4096; each block is taken from a place of its own, so that no period is heard."""
        if not self._octets:
            return bytes([idle_octet(self._law)]) * samples
        self._at = (self._at * 1103515245 + 12345) & 0x7FFFFFFF
        start = (self._at >> 8) % (_RENDERED_SAMPLES - samples)
        return self._octets[start : start + samples]
