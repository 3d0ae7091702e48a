"""Q.23 digits as sound."""

from __future__ import annotations

import numpy as np
import pytest

from tones.dtmf import DIGITS, render_digit, render_digits


def strengths(
    pcm: np.ndarray[tuple[int, ...], np.dtype[np.int16]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    spectrum: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = np.abs(np.fft.rfft(pcm[:8000])) / 4000
    return spectrum


@pytest.mark.parametrize("digit", DIGITS)
def test_each_digit_is_its_two_frequencies(digit: str) -> None:
    spectrum = strengths(render_digit(digit, 1000))
    assert tuple(map(float, sorted(np.argsort(spectrum)[-2:]))) == DIGITS[digit]


def test_there_are_sixteen() -> None:
    assert "".join(sorted(DIGITS)) == "#*0123456789ABCD"
    assert DIGITS["5"] == (770.0, 1336.0)
    assert DIGITS["#"] == (941.0, 1477.0)


def test_twist_lowers_one_of_the_two() -> None:
    spectrum = strengths(render_digit("1", 1000, twist_db=4, level_dbm0=-10))
    assert 20 * np.log10(spectrum[1209] / spectrum[697]) == pytest.approx(4, abs=0.05)


def test_digits_in_a_row_have_their_pauses() -> None:
    assert render_digits("12", 50, 70).size == 2 * 120 * 8
    assert render_digits("").size == 0


def test_what_is_no_digit_is_refused() -> None:
    with pytest.raises(ValueError, match="'x' is not one of the digits 123A456B"):
        render_digit("x")
