"""What is heard in place of what was lost."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.media.concealment import FADED_SAMPLES, Concealment, pitch_period
from tones.g711 import Law, decode, encode, idle_octet

Pcm = NDArray[np.int16]


def wave(samples: int, *frequencies_hz: float, amplitude: float = 6000.0) -> Pcm:
    at = np.arange(samples)
    return np.rint(sum(amplitude * np.sin(2 * np.pi * hz * at / 8000) for hz in frequencies_hz)).astype(np.int16)


def octets_of(pcm: Pcm, law: Law = Law.ALAW) -> bytes:
    return encode(pcm, law).tobytes()


def rms(pcm: Pcm) -> float:
    return float(np.sqrt(np.mean(np.square(pcm.astype(np.float64)))))


def played(sound: bytes, lost: set[int], law: Law = Law.ALAW) -> Pcm:
    """The sound with some blocks of 20 ms lost and concealed."""
    concealment, out = Concealment(law), b""
    for block in range(len(sound) // 160):
        out += concealment.missing(160) if block in lost else concealment.heard(sound[160 * block : 160 * block + 160])
    return decode(out, law)


class TestPitch:
    @pytest.mark.parametrize("hz", [40.0, 80.0, 100.0, 160.0, 200.0])
    def test_a_voice_repeats_after_whole_periods(self, hz: float) -> None:
        at = np.arange(480)[:, np.newaxis] * np.arange(1, 8)
        pulses = (2000.0 / np.arange(1, 8) * np.sin(2 * np.pi * hz * at / 8000)).sum(axis=1)
        periods = pitch_period(pulses) * hz / 8000
        assert periods == pytest.approx(round(periods), abs=0.05)
        assert periods > 0.5


class TestGaps:
    @pytest.mark.parametrize("law", Law)
    @pytest.mark.parametrize("tones", [(425.0,), (350.0, 440.0), (697.0, 1209.0), (2600.0,)])
    def test_one_lost_block_is_hardly_heard(self, tones: tuple[float, ...], law: Law) -> None:
        sound = wave(4800, *tones)
        heard = played(octets_of(sound, law), {7, 15, 22}, law)
        # From 10 ms on it fades by a fifth each 10 ms, so the second half of a lost block is down by 1 dB.
        for block in (7, 15, 22):
            there = slice(160 * block, 160 * block + 160)
            assert abs(20 * np.log10(rms(heard[there]) / rms(sound[there]))) < 1.5

    def test_there_is_no_click_at_either_end(self) -> None:
        sound = wave(4800, 425.0)
        heard = played(octets_of(sound), {7, 15, 16, 22})
        steps = np.abs(np.diff(heard.astype(np.int64)))
        assert steps.max() < 1.7 * np.abs(np.diff(sound.astype(np.int64))).max()

    def test_it_fades_to_silence_in_60_ms(self) -> None:
        heard = played(octets_of(wave(3200, 425.0)), set(range(5, 20)))
        levels = [rms(heard[at : at + 80]) for at in range(800, 1600, 80)]
        assert levels[0] == pytest.approx(6000 / 2**0.5, rel=0.08)
        assert all(later < earlier for earlier, later in pairwise(levels[1:6]))
        assert max(levels[6:]) <= 8
        assert heard[800 + FADED_SAMPLES : 3200].max() <= 8

    def test_before_anything_was_heard_there_is_nothing_to_repeat(self) -> None:
        assert np.abs(decode(Concealment(Law.MULAW).missing(160), Law.MULAW)).max() <= 8

    def test_a_pause_is_not_filled_with_what_was_before_it(self) -> None:
        concealment = Concealment(Law.ALAW)
        concealment.heard(octets_of(wave(480, 425.0)))
        concealment.quiet()
        assert np.abs(decode(concealment.missing(160), Law.ALAW)).max() <= 8

    def test_what_comes_without_a_gap_is_not_touched(self) -> None:
        sound = octets_of(wave(1600, 425.0))
        concealment = Concealment(Law.ALAW)
        assert b"".join(concealment.heard(sound[at : at + 100]) for at in range(0, 1600, 100)) == sound

    def test_what_comes_after_a_gap_is_itself_after_10_ms(self) -> None:
        sound = octets_of(wave(3200, 425.0))
        heard = played(sound, {5, 6, 7})
        assert heard[160 * 8 + 80 :].tolist() == decode(sound, Law.ALAW)[160 * 8 + 80 :].tolist()

    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 900)), max_size=30))
    def test_any_pieces_give_as_many_octets(self, pieces: list[tuple[bool, int]]) -> None:
        concealment, sound = Concealment(Law.ALAW), octets_of(wave(900, 425.0))
        for there, samples in pieces:
            out = concealment.heard(sound[:samples]) if there else concealment.missing(samples)
            assert len(out) == samples
        concealment.missing(FADED_SAMPLES)
        assert concealment.missing(10) == bytes([idle_octet(Law.ALAW)]) * 10
