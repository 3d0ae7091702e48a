"""The sieve lets every digit through, and hardly anything else."""

from __future__ import annotations

import numpy as np
import pytest

from tones.announcement import announcement
from tones.detect.digit_candidates import may_be_digits
from tones.dtmf import DIGITS, render_digit

BLOCK = 160


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("level_dbm0", [-3.0, -10.0, -30.0])
@pytest.mark.parametrize("twist_db", [-8.0, 0.0, 4.0])
def test_every_block_of_a_digit_passes(digit: str, level_dbm0: float, twist_db: float) -> None:
    pcm = render_digit(digit, 200.0, level_dbm0=level_dbm0, twist_db=twist_db)
    assert may_be_digits(pcm[:1600].reshape(-1, BLOCK)).all()


def test_so_do_those_off_frequency_and_in_noise() -> None:
    chance = np.random.default_rng(1)
    for deviation in (-0.018, 0.018):
        pcm = render_digit("5", 200.0, deviation=deviation)[:1600].astype(np.float64)
        noise = chance.standard_normal(1600) * np.sqrt(np.mean(np.square(pcm))) * 10 ** (-15 / 20)
        assert may_be_digits((pcm + noise).astype(np.int16).reshape(-1, BLOCK)).all()


def test_a_digit_that_begins_in_the_middle_passes_after_silence() -> None:
    pcm = np.zeros(1600, np.int16)
    pcm[700:] = render_digit("9", 200.0)[:900]
    passed = may_be_digits(pcm.reshape(-1, BLOCK))
    assert passed.tolist() == [False] * 4 + [True] * 6


def test_silence_noise_and_most_speech_do_not() -> None:
    chance = np.random.default_rng(2)
    assert not may_be_digits(np.zeros((50, BLOCK), np.int16)).any()
    assert not may_be_digits((1000 * chance.standard_normal((500, BLOCK))).astype(np.int16)).any()
    speech = announcement("number-not-in-service")
    blocks = speech[: len(speech) // BLOCK * BLOCK].reshape(-1, BLOCK)
    assert may_be_digits(blocks).mean() < 0.35


def test_no_blocks_are_no_matter() -> None:
    assert may_be_digits(np.zeros((0, BLOCK), np.int16)).tolist() == []
