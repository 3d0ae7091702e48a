"""Whole calls, named piece by piece."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

from tones.announcement import Item, Pause, Recording, Sounding, SpokenNumber, compose
from tones.cadence import render
from tones.detect import Heard, Kind, listen
from tones.dtmf import render_digits
from tones.g711 import Law, decode, encode
from tones.plan import Tone, load_plan

Pcm = np.ndarray[tuple[int, ...], np.dtype[np.int16]]
US, GB, FR = load_plan("us"), load_plan("gb"), load_plan("fr")


def heard(*script: Item, law: Law = Law.ALAW) -> list[Heard]:
    return listen(decode(encode(compose(script), law), law))


def named(pieces: list[Heard]) -> list[tuple[Kind, str]]:
    return [(piece.kind, piece.name) for piece in pieces]


@pytest.mark.parametrize("law", Law)
class TestCalls:
    def test_rings_and_answers(self, law: Law) -> None:
        pieces = heard(Sounding(US.tones["ringback"], 3000), Recording("hello"), Pause(1500), law=law)
        assert named(pieces) == [(Kind.TONE, "ringback"), (Kind.RECORDING, "hello"), (Kind.SILENCE, "silence")]
        assert "us" in pieces[0].countries
        assert pieces[1].onset_s == pytest.approx(3.0, abs=0.001)
        assert pieces[2].duration_s == pytest.approx(1.5, abs=0.15)

    def test_busy_in_band(self, law: Law) -> None:
        (piece,) = heard(Sounding(FR.tones["busy"], 10_000), law=law)
        assert piece.fits("busy", "fr")
        assert piece.duration_s == pytest.approx(10, abs=0.01)

    def test_vacant_number_twice(self, law: Law) -> None:
        once: list[Item] = [US.tones["special-information"], Recording("number-not-in-service"), Pause(800)]
        assert named(heard(*once, *once, law=law)) == 2 * [
            (Kind.TONE, "special-information"),
            (Kind.RECORDING, "number-not-in-service"),
            (Kind.SILENCE, "silence"),
        ]

    def test_changed_number(self, law: Law) -> None:
        pieces = heard(
            FR.tones["special-information"], Recording("number-changed"), Pause(100), SpokenNumber("5550199"), law=law
        )
        assert named(pieces) == [
            (Kind.TONE, "special-information"),
            (Kind.RECORDING, "number-changed"),
            (Kind.NUMBER, "5550199"),
        ]

    def test_digits_between_silences(self, law: Law) -> None:
        pcm = np.concatenate([np.zeros(4000, np.int16), render_digits("123#"), np.zeros(8000, np.int16)])
        pieces = listen(decode(encode(pcm, law), law))
        assert named(pieces) == [(Kind.SILENCE, "silence"), (Kind.DTMF, "123#"), (Kind.SILENCE, "silence")]

    def test_test_tone(self, law: Law) -> None:
        (piece,) = heard(Sounding(Tone.parse("x", "1004/*/0", -13), 5000), law=law)
        assert (piece.kind, piece.name) == (Kind.FREQUENCY, "1004 Hz")
        assert piece.level_dbm0 == pytest.approx(-13, abs=0.1)

    def test_voice_nobody_knows(self, law: Law) -> None:
        backwards = compose([Recording("hello")])[::-1].copy()
        (piece,) = listen(decode(encode(backwards, law), law))
        assert piece.kind is Kind.SPEECH


def test_tone_after_answer_and_tone_again() -> None:
    pieces = heard(
        Sounding(GB.tones["ringback"], 9000), Recording("hello"), Pause(1000), Sounding(GB.tones["busy"], 5000)
    )
    assert named(pieces) == [
        (Kind.TONE, "ringback"),
        (Kind.RECORDING, "hello"),
        (Kind.SILENCE, "silence"),
        (Kind.TONE, "busy"),
    ]


def test_pieces_neither_overlap_nor_leave_the_recording() -> None:
    pcm = compose([Sounding(US.tones["ringback"], 7000), Recording("echo"), Sounding(US.tones["congestion"], 3000)])
    pieces = listen(pcm)
    assert all(one.end_s <= other.onset_s + 1e-9 for one, other in pairwise(pieces))
    assert pieces[-1].end_s <= pcm.size / 8000 + 1e-9


def test_what_was_heard_can_be_read() -> None:
    (piece,) = heard(Sounding(FR.tones["busy"], 2000))
    assert str(piece).startswith("0.00-2.00 s tone busy (cm, fr, ")
    assert str(piece).endswith(") -10.0 dBm0")


@pytest.mark.parametrize("size", [0, 1, 39, 160, 1000])
def test_short_and_empty_recordings(size: int) -> None:
    assert all(piece.kind is Kind.SILENCE for piece in listen(np.zeros(size, np.int16)))
    listen(np.random.default_rng(1).integers(-3000, 3000, size).astype(np.int16))


class TestCost:
    """With the plans of the whole world."""

    @staticmethod
    def cost_s(pcm: Pcm) -> float:
        began = time.process_time()
        listen(pcm)
        return time.process_time() - began

    def test_25_seconds_take_less_than_half_a_second(self) -> None:
        script: list[Item] = [Sounding(GB.tones["ringback"], 8000), Recording("hello"), SpokenNumber("5550199")]
        pcm = np.concatenate([compose(script), render(GB.tones["busy"]).take(60_000)])
        listen(pcm)
        assert pcm.size > 24 * 8000
        assert min(self.cost_s(pcm) for _ in range(3)) < 0.5

    def test_a_look_at_2_seconds_takes_less_than_10_milliseconds(self) -> None:
        pcm = render(US.tones["ringback"]).take(16_000)
        self.cost_s(pcm)
        assert min(self.cost_s(np.roll(pcm, shift)) for shift in range(1, 8)) < 0.01
