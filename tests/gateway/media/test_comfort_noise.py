"""Comfort noise: the payload, and its sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.core.errors import ParseError
from gateway.media.comfort_noise import ComfortNoise, NoiseSource, quantised, render_noise
from tones.g711 import Law, decode, idle_octet
from tones.units import REFERENCE_AMPLITUDE


def dbov(pcm: NDArray[np.int16]) -> float:
    return float(10 * np.log10(np.mean(np.square(pcm.astype(np.float64)))) - 20 * np.log10(32124))


@pytest.mark.clause("RFC 3389", "3")
class TestPayload:
    def test_octet_for_octet(self) -> None:
        noise = ComfortNoise.parse(bytes.fromhex("3c7f00fe"))
        assert noise == ComfortNoise(60, (0x7F, 0x00, 0xFE))
        assert noise.reflection == (0.0, -127 * 258 / 32768, 127 * 258 / 32768)
        assert noise.serialize() == bytes.fromhex("3c7f00fe")

    def test_the_unused_bit_is_ignored(self) -> None:
        assert ComfortNoise.parse(b"\xbc").level == 60

    def test_nothing_is_no_payload(self) -> None:
        with pytest.raises(ParseError, match="comfort noise of 0 octets"):
            ComfortNoise.parse(b"")

    def test_a_reserved_index_ends_the_model(self) -> None:
        assert len(ComfortNoise.parse(bytes([60, 10, 255, 20])).reflection) == 1

    @given(st.binary(min_size=1, max_size=200))
    def test_any_octets_survive(self, payload: bytes) -> None:
        noise = ComfortNoise.parse(payload)
        assert noise.serialize() == bytes([payload[0] & 0x7F]) + payload[1:]
        assert all(-1 < value < 1 for value in noise.reflection)

    @given(st.lists(st.floats(-0.99, 0.99), max_size=10))
    def test_coefficients_are_quantised_to_the_nearest(self, values: list[float]) -> None:
        back = ComfortNoise(60, quantised(values)).reflection
        assert back == pytest.approx(values, abs=258 / 32768 / 2 + 1e-9)


class TestSound:
    @pytest.mark.parametrize("level", [10, 30, 50, 60])
    @pytest.mark.parametrize("coefficients", [(), (200, 90, 140), (20,)])
    def test_its_power_is_the_level(self, level: int, coefficients: tuple[int, ...]) -> None:
        pcm = render_noise(ComfortNoise(level, coefficients), 16_000)
        assert dbov(pcm) == pytest.approx(-level, abs=0.2)

    def test_0_dbov_is_about_6_dbm0(self) -> None:
        over_a_sine = 20 * np.log10(32124) - 20 * np.log10(REFERENCE_AMPLITUDE / 2**0.5)
        # "This translates into 6.18dBm0" (§3.1), if the greatest sine is taken to have 3.17 dBm0 exactly.
        assert over_a_sine == pytest.approx(6.18, abs=0.25)

    def test_the_coefficients_shape_the_spectrum(self) -> None:
        def tilt(index: int) -> float:
            spectrum = np.abs(np.fft.rfft(render_noise(ComfortNoise(30, (index,)), 16_000).astype(np.float64))) ** 2
            return float(10 * np.log10(spectrum[:4000].sum() / spectrum[4000:].sum()))

        assert tilt(127) == pytest.approx(0, abs=0.5)
        assert tilt(20) > 10
        assert tilt(234) < -10

    @given(st.binary(min_size=1, max_size=40))
    def test_every_payload_can_be_heard(self, payload: bytes) -> None:
        source = NoiseSource(Law.ALAW)
        source.change(ComfortNoise.parse(payload))
        assert len(source.block(160)) == 160


class TestSource:
    @pytest.mark.parametrize("law", Law)
    def test_blocks_have_the_level_and_do_not_repeat(self, law: Law) -> None:
        source = NoiseSource(law)
        source.change(ComfortNoise(40))
        blocks = [source.block(160) for _ in range(200)]
        assert len(set(blocks)) > 190
        assert dbov(decode(b"".join(blocks), law)) == pytest.approx(-40, abs=0.5)

    def test_without_noise_it_is_idle(self) -> None:
        source = NoiseSource(Law.ALAW)
        assert source.block(3) == bytes([idle_octet(Law.ALAW)]) * 3
        source.change(ComfortNoise(40))
        source.change(None)
        assert source.block(3) == bytes([idle_octet(Law.ALAW)]) * 3
        assert source.noise is None
