"""The measuring of accuracy measures."""

from __future__ import annotations

import numpy as np
import pytest

from tones.accuracy import (
    DIGIT_LINES,
    SURE,
    DigitLine,
    Line,
    Verdict,
    digit_table,
    digits_right,
    every_sound,
    table,
    verdicts,
)
from tones.detect.heard import Heard, Kind, Match
from tones.plan import load_plan
from tones.units import level_dbm0


def heard(tone: str, confidence: float, duration_s: float = 1.0) -> Heard:
    return Heard(Kind.TONE, tone, 0, duration_s, -10, confidence, ("xx",), (Match("xx", tone),))


class TestVerdict:
    @pytest.mark.parametrize(
        ("pieces", "word"),
        [
            ((), "unsure"),
            ((heard("busy", 0.3),), "right"),
            ((heard("dial", SURE),), "surely wrong"),
            ((heard("busy", 0.9, 60), heard("dial", SURE)), "surely wrong"),
            ((heard("dial", 0.6),), "unsure"),
            ((heard("busy", 0.9), heard("dial", 0.1, 2.0)), "unsure"),
        ],
    )
    def test_is_right_unsure_or_surely_wrong(self, pieces: tuple[Heard, ...], word: str) -> None:
        assert Verdict("xx", "busy", pieces).word == word

    def test_another_country_is_another_tone(self) -> None:
        assert Verdict("yy", "busy", (heard("busy", 0.9),)).word == "surely wrong"


class TestLine:
    def test_noise_is_as_far_below_as_it_says(self) -> None:
        noise = Line("", -20, (), noise_db=15).carry(np.zeros(80_000, np.int16), np.random.default_rng(1))
        assert level_dbm0(noise) == pytest.approx(-35, abs=0.1)

    def test_lost_packets_are_silence(self) -> None:
        carried = Line("", laws=(), loss=0.01).carry(np.full(8_000_000, 99, np.int16), np.random.default_rng(1))
        lost = (carried.reshape(-1, 160) == 0).all(axis=1)
        assert lost.mean() == pytest.approx(0.01, abs=0.002)
        assert (carried.reshape(-1, 160)[~lost] == 99).all()


def test_sounds_alike_are_heard_once() -> None:
    sounds = every_sound([load_plan("fr")])
    busy = next(sound for sound in sounds if ("fr", "busy") in sound.meanings)
    assert busy.meanings == (("fr", "busy"), ("fr", "release"))
    assert busy.count == 16_000
    assert [verdict.tone for verdict in verdicts([busy], Line("x"))] == ["busy", "release"]


def test_the_table_counts_every_tone() -> None:
    rows = list(table([Line("a line")], [load_plan("fr")]))
    assert rows[0] == "| line | tones | right | unsure | surely wrong |"
    assert rows[2] == f"| a line | {len(load_plan('fr').tones)} | 100.00 % | 0 | 0 |"
    assert len(rows) == 4


class TestDigits:
    @pytest.mark.parametrize("line", DIGIT_LINES, ids=lambda line: line.name)
    def test_are_received(self, line: DigitLine) -> None:
        right, besides = digits_right(line, 300)
        assert right == 300
        assert besides == 0

    def test_what_is_refused_is_not_counted(self) -> None:
        assert digits_right(DigitLine("3.5 % off", 50, 50, deviation=0.035), 50) == (0, 0)

    def test_the_table_has_a_row_for_each(self) -> None:
        assert list(digit_table(DIGIT_LINES[:1], 10))[2] == f"| {DIGIT_LINES[0].name} | 10 | 100.00 % | 0 |"
