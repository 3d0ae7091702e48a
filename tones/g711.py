"""A-law and mu-law PCM of voice frequencies as look-up tables (ITU-T G.711).

Linear PCM is `int16`: A-law's 13-bit and mu-law's 14-bit uniform values of G.711 tables 1 and 2 are shifted up
to 16 bits, so that full scale is the same for both. A value between two decision values of the table gets the
character signal of that interval; one exactly on a decision value belongs to the interval above it.

Octets are as on the wire: A-law with the even bits inverted, mu-law with all bits inverted.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
Octets = NDArray[np.uint8]


class Law(Enum):
    """The two encoding laws; the value is the name that SDP uses (RFC 3551 §6: PCMA, PCMU)."""

    ALAW = "PCMA"
    MULAW = "PCMU"

    @property
    def payload_type(self) -> int:
        """The static RTP payload type (RFC 3551 §6, table 4)."""
        return 8 if self is Law.ALAW else 0


def _segments_and_steps() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Segment 0..7 and step 0..15 of each of the 128 magnitudes."""
    magnitudes = np.arange(128, dtype=np.int64)
    return magnitudes >> 4, magnitudes & 15


def _alaw_quantized() -> NDArray[np.int64]:
    """The 128 positive A-law values in 16 bits, by magnitude (G.711 table 1a)."""
    segment, step = _segments_and_steps()
    low = (2 * step + 1) * 8
    values: NDArray[np.int64] = np.where(segment == 0, low, (low + 256) << np.maximum(segment - 1, 0))
    return values


def _mulaw_quantized() -> NDArray[np.int64]:
    """The 128 positive mu-law values in 16 bits, by magnitude (G.711 table 2a)."""
    segment, step = _segments_and_steps()
    values: NDArray[np.int64] = (((2 * step + 33) << segment) - 33) * 4
    return values


def _alaw_decisions() -> NDArray[np.int64]:
    """The lower ends of A-law's 128 positive intervals, in 16 bits."""
    segment, step = _segments_and_steps()
    values: NDArray[np.int64] = np.where(segment == 0, step * 16, (step + 16) * 16 << np.maximum(segment - 1, 0))
    return values


def _mulaw_decisions() -> NDArray[np.int64]:
    """The lower ends of mu-law's 128 positive intervals, in 16 bits; the first interval is half as wide."""
    segment, step = _segments_and_steps()
    lower: NDArray[np.int64] = np.maximum(((2 * step + 32) << segment) - 33, 0) * 4
    return lower


def _octets(magnitude: NDArray[np.int64], positive: NDArray[np.bool_], law: Law) -> Octets:
    """Character signals for interval numbers 0..127 of either sign, with the law's bits inverted."""
    plain = magnitude | np.where(positive, 0x80, 0)
    return (plain ^ (0x55 if law is Law.ALAW else 0x7F)).astype(np.uint8)


def _tables(law: Law) -> tuple[Pcm, Octets]:
    quantized, lower = (
        (_alaw_quantized(), _alaw_decisions()) if law is Law.ALAW else (_mulaw_quantized(), _mulaw_decisions())
    )
    magnitudes = np.arange(128, dtype=np.int64)
    decode_table = np.zeros(256, np.int16)
    decode_table[_octets(magnitudes, np.ones(128, np.bool_), law)] = quantized
    decode_table[_octets(magnitudes, np.zeros(128, np.bool_), law)] = -quantized
    values = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int64)
    # The intervals are half open along the whole number line: -1 is in the first negative one.
    size = np.where(values >= 0, values, ~values)
    encode_table = _octets(np.searchsorted(lower, size, side="right") - 1, values >= 0, law)
    decode_table.flags.writeable = False
    encode_table.flags.writeable = False
    return decode_table, encode_table


_DECODE: Final[dict[Law, Pcm]] = {}
_ENCODE: Final[dict[Law, Octets]] = {}
for _law in Law:
    _DECODE[_law], _ENCODE[_law] = _tables(_law)

# G.711 table 3: mu-law decoder output value number (0..127) -> A-law encoder output value number (1..128).
_MU_TO_A: Final = (
    *(1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8),
    *range(9, 25),
    *(25, 27, 29, 31, *range(33, 45)),
    *(46, *range(48, 63)),
    *range(64, 80),
    *(80, *range(82, 97)),
    *range(97, 113),
    *range(113, 129),
)
# G.711 table 4: A-law decoder output value number (1..128) -> mu-law encoder output value number (0..127).
_A_TO_MU: Final = (
    *(1, 3, 5, 7, 9, 11, 13, 15, *range(16, 24)),
    *range(24, 32),
    *(32, 32, 33, 33, 34, 34, 35, 35),
    *(*range(36, 48), 48, 48, 49, 49),
    *(*range(50, 64), 64, 64),
    *(*range(65, 80), 80),
    *range(80, 96),
    *range(96, 112),
    *range(112, 128),
)


def _transcode_tables() -> dict[tuple[Law, Law], Octets]:
    same: Octets = np.arange(256, dtype=np.uint8)
    a_to_mu, mu_to_a = same.copy(), same.copy()
    numbers = np.arange(128, dtype=np.int64)
    for positive in (np.ones(128, np.bool_), np.zeros(128, np.bool_)):
        a_to_mu[_octets(numbers, positive, Law.ALAW)] = _octets(np.array(_A_TO_MU), positive, Law.MULAW)
        mu_to_a[_octets(numbers, positive, Law.MULAW)] = _octets(np.array(_MU_TO_A) - 1, positive, Law.ALAW)
    return {
        (Law.ALAW, Law.ALAW): same,
        (Law.MULAW, Law.MULAW): same,
        (Law.ALAW, Law.MULAW): a_to_mu,
        (Law.MULAW, Law.ALAW): mu_to_a,
    }


_TRANSCODE: Final = _transcode_tables()


def _as_octets(octets: bytes | bytearray | memoryview | Octets) -> Octets:
    if isinstance(octets, np.ndarray):
        return octets
    return np.frombuffer(octets, np.uint8)


def encode(pcm: Pcm, law: Law) -> Octets:
    """PCM, `int16` of any shape -> octets of the same shape."""
    return np.take(_ENCODE[law], np.asarray(pcm, np.int16).view(np.uint16))


def decode(octets: bytes | bytearray | memoryview | Octets, law: Law) -> Pcm:
    """Octets (`bytes`, or `uint8` of any shape) -> `int16` PCM of the same shape."""
    return np.take(_DECODE[law], _as_octets(octets))


def transcode(octets: bytes | bytearray | memoryview | Octets, from_law: Law, to_law: Law) -> Octets:
    """Octets of one law -> octets of the other (G.711 clause 3, tables 3 and 4); the same law copies."""
    return np.take(_TRANSCODE[from_law, to_law], _as_octets(octets))


def idle_octet(law: Law) -> int:
    """The octet of a quiet channel: the smallest positive value, 0xD5 in A-law and 0xFF in mu-law."""
    return 0xD5 if law is Law.ALAW else 0xFF
