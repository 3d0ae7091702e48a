"""G.711 against its definition, worked out here by segments and steps rather than by tables."""

from __future__ import annotations

import numpy as np
import pytest

from tones.g711 import Law, decode, encode, idle_octet, transcode

EVERY_OCTET = np.arange(256, dtype=np.uint8)
EVERY_VALUE = np.arange(-32768, 32768).astype(np.int16)


def alaw_value(octet: int) -> int:
    """G.711 table 1: sign, three bits of segment, four of step; even bits inverted; 13 bits shifted to 16."""
    plain = octet ^ 0x55
    segment, step = (plain >> 4) & 7, plain & 15
    magnitude = 2 * step + 1 if segment == 0 else (2 * step + 33) << (segment - 1)
    return (magnitude if plain & 0x80 else -magnitude) * 8


def mulaw_value(octet: int) -> int:
    """G.711 table 2: all bits inverted; 14 bits shifted to 16; the biased magnitude is (33 + 2 step) 2^segment."""
    plain = octet ^ 0xFF
    segment, step = (plain >> 4) & 7, plain & 15
    magnitude = ((33 + 2 * step) << segment) - 33
    return (-magnitude if plain & 0x80 else magnitude) * 4


def alaw_octet(value: int) -> int:
    """Compress one 16-bit value by comparing with segment ends, one's complement for negative values."""
    size = (value if value >= 0 else ~value) >> 4
    segment = max(0, size.bit_length() - 4)
    step = size >> max(0, segment - 1)
    return ((0x80 if value >= 0 else 0) | segment << 4 | step & 15) ^ 0x55


def mulaw_octet(value: int) -> int:
    """Compress one 16-bit value after adding the bias of 33."""
    size = min(((value if value >= 0 else ~value) >> 2) + 33, 8191)
    segment = size.bit_length() - 6
    step = (size >> segment + 1) & 15
    return (0 if value >= 0 else 0x80) ^ (segment << 4 | step) ^ 0xFF


class TestDecoding:
    def test_alaw_has_the_values_of_table_1(self) -> None:
        assert decode(EVERY_OCTET, Law.ALAW).tolist() == [alaw_value(octet) for octet in range(256)]

    def test_mulaw_has_the_values_of_table_2(self) -> None:
        assert decode(EVERY_OCTET, Law.MULAW).tolist() == [mulaw_value(octet) for octet in range(256)]

    def test_the_load_capacity_is_just_below_full_scale(self) -> None:
        assert int(decode(EVERY_OCTET, Law.ALAW).max()) == 32256
        assert int(decode(EVERY_OCTET, Law.MULAW).max()) == 32124

    @pytest.mark.parametrize(
        ("law", "octets"), [(Law.ALAW, "342121 34b4a1a1b4"), (Law.MULAW, "1e0b0b1e9e8b8b9e")], ids=["A", "mu"]
    )
    def test_the_digital_milliwatt_is_0_dbm0(self, law: Law, octets: str) -> None:
        """G.711 tables 5 and 6: this sequence of eight octets is a 1 kHz sine at 0 dBm0."""
        period = decode(bytes.fromhex(octets), law).astype(np.float64)
        peak = np.sqrt(2 * np.mean(np.square(period)))
        capacity, overload = (32768, 3.14) if law is Law.ALAW else (4 * 8159, 3.17)
        assert 20 * np.log10(capacity / peak) == pytest.approx(overload, abs=0.01)

    def test_bytes_and_arrays_of_any_shape_decode_alike(self) -> None:
        matrix = EVERY_OCTET.reshape(4, 64)
        assert decode(matrix, Law.ALAW).shape == (4, 64)
        assert (decode(matrix, Law.ALAW).ravel() == decode(matrix.tobytes(), Law.ALAW)).all()


class TestEncoding:
    def test_alaw_agrees_with_the_segment_law_for_every_value(self) -> None:
        assert encode(EVERY_VALUE, Law.ALAW).tolist() == [alaw_octet(value) for value in range(-32768, 32768)]

    def test_mulaw_agrees_with_the_segment_law_for_every_value(self) -> None:
        assert encode(EVERY_VALUE, Law.MULAW).tolist() == [mulaw_octet(value) for value in range(-32768, 32768)]

    @pytest.mark.parametrize("law", Law)
    def test_decoded_values_encode_to_octets_that_decode_to_them(self, law: Law) -> None:
        values = decode(EVERY_OCTET, law)
        assert (decode(encode(values, law), law) == values).all()

    def test_every_octet_survives_but_negative_zero_of_mulaw(self) -> None:
        assert (encode(decode(EVERY_OCTET, Law.ALAW), Law.ALAW) == EVERY_OCTET).all()
        changed = np.flatnonzero(encode(decode(EVERY_OCTET, Law.MULAW), Law.MULAW) != EVERY_OCTET)
        assert changed.tolist() == [0x7F]

    @pytest.mark.parametrize("law", Law)
    def test_the_error_is_never_more_than_half_a_step(self, law: Law) -> None:
        values = EVERY_VALUE.astype(np.int64)
        error = np.abs(decode(encode(EVERY_VALUE, law), law) - values)
        inside = np.abs(values) < 32000
        assert (error[inside] <= np.maximum(8, np.abs(values[inside]) // 32 + 5)).all()

    @pytest.mark.parametrize(("law", "octet"), [(Law.ALAW, 0xD5), (Law.MULAW, 0xFF)])
    def test_silence_is_the_idle_octet(self, law: Law, octet: int) -> None:
        assert idle_octet(law) == octet
        assert encode(np.zeros(3, np.int16), law).tolist() == [octet] * 3


class TestTranscoding:
    """G.711 clause 3, tables 3 and 4."""

    def test_the_same_law_copies(self) -> None:
        for law in Law:
            assert (transcode(EVERY_OCTET, law, law) == EVERY_OCTET).all()

    @pytest.mark.parametrize("from_law", Law)
    def test_the_value_stays_within_one_step(self, from_law: Law) -> None:
        to_law = Law.MULAW if from_law is Law.ALAW else Law.ALAW
        before = decode(EVERY_OCTET, from_law).astype(np.int64)
        after = decode(transcode(EVERY_OCTET, from_law, to_law), to_law).astype(np.int64)
        assert (np.abs(after - before) <= np.maximum(24, np.abs(before) // 15)).all()

    def test_mu_to_a_to_mu_loses_only_the_lowest_values(self) -> None:
        """Only the seven most significant bits of the first segment can be carried, as the recommendation says."""
        there = transcode(EVERY_OCTET, Law.MULAW, Law.ALAW)
        back = transcode(there, Law.ALAW, Law.MULAW)
        changed = np.flatnonzero(back != EVERY_OCTET)
        assert sorted(set(changed & 0x7F)) == list(range(0x71, 0x80, 2))

    def test_known_pairs(self) -> None:
        assert transcode(bytes([0xFF, 0x00, 0x80]), Law.MULAW, Law.ALAW).tolist() == [0xD5, 0x2A, 0xAA]
        assert transcode(bytes([0xD5, 0x2A, 0xAA]), Law.ALAW, Law.MULAW).tolist() == [0xFE, 0x00, 0x80]


def test_the_laws_are_named_as_in_sdp() -> None:
    assert {law.value: law.payload_type for law in Law} == {"PCMU": 0, "PCMA": 8}
