"""Pictures, drawn by a stand-in for matplotlib; the real one is an extra."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tones import plot
from tones.cadence import render
from tones.detect import Heard, Kind
from tones.plan import load_plan
from tones.plot import PictureError, draw, label, levels


class Canvas:
    """Notes what is drawn on it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **_: self.calls.append((name, arguments))

    def all(self, name: str) -> list[tuple[Any, ...]]:
        return [arguments for called, arguments in self.calls if called == name]


class Pyplot:
    def __init__(self) -> None:
        self.axes = [Canvas() for _ in range(5)]
        self.figure = Canvas()
        self.closed = 0

    def subplots(self, *_: Any, **__: Any) -> tuple[Canvas, list[Canvas]]:
        return self.figure, self.axes

    def close(self, _: Canvas) -> None:
        self.closed += 1


@pytest.fixture
def pyplot(monkeypatch: pytest.MonkeyPatch) -> Pyplot:
    fake = Pyplot()
    monkeypatch.setattr(plot, "_pyplot", lambda: fake)
    return fake


RINGBACK = render(load_plan("jp").tones["ringback"]).take(48_000)


class TestDraw:
    def test_names_the_segments_and_their_frequencies(self, pyplot: Pyplot) -> None:
        (heard,) = draw(RINGBACK, "x.png", "a title")
        assert heard.name == "ringback"
        assert [arguments[0] for arguments in pyplot.axes[1].all("annotate")] == ["ringback (jp)"]
        assert [arguments[0] for arguments in pyplot.axes[2].all("annotate")] == ["384+400+416 Hz"]
        assert pyplot.figure.all("suptitle") == [("a title",)]
        assert [arguments[0] for arguments in pyplot.figure.all("savefig")] == [Path("x.png")]
        assert pyplot.closed == 1

    def test_the_cadence_is_dark_where_there_is_sound(self, pyplot: Pyplot) -> None:
        draw(RINGBACK, "x.svg")
        whole, sounding = (arguments[0] for arguments in pyplot.axes[3].all("broken_barh"))
        assert whole == [(pytest.approx(0, abs=0.01), pytest.approx(6, abs=0.02))]
        assert sum(width for _, width in sounding) == pytest.approx(2.0, abs=0.06)

    def test_silence_has_no_name(self, pyplot: Pyplot) -> None:
        draw(np.zeros(8000, np.int16), "x.png")
        assert pyplot.axes[1].all("annotate") == pyplot.axes[2].all("annotate") == []
        assert pyplot.axes[3].all("broken_barh") == []

    def test_what_is_heard_can_be_given(self, pyplot: Pyplot) -> None:
        given = [Heard(Kind.SPEECH, "speech", 0, 1, -20, 0.7)]
        assert draw(RINGBACK, "x.png", heard=given) == given

    def test_a_figure_is_closed_whatever_happens(self, pyplot: Pyplot, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise OSError("disk full")

        monkeypatch.setattr(pyplot.figure, "savefig", fail, raising=False)
        with pytest.raises(OSError, match="disk full"):
            draw(RINGBACK, "x.png")
        assert pyplot.closed == 1

    @pytest.mark.parametrize(
        ("path", "samples", "complaint"),
        [
            ("x.gif", 8000, r"x.gif: a picture is a .png or a .svg file"),
            ("x.png", 0, r"0.0 s of sound; a picture shows up to 120 s"),
            ("x.png", 121 * 8000, r"121.0 s of sound; a picture shows up to 120 s"),
        ],
    )
    def test_what_cannot_be_drawn_is_said(self, path: str, samples: int, complaint: str) -> None:
        with pytest.raises(PictureError, match=complaint):
            draw(np.zeros(samples, np.int16), path)


def test_levels_are_those_of_20_milliseconds() -> None:
    seconds, decibels = levels(render(load_plan("fr").tones["ringback"]).take(40_000))
    assert seconds[0] == 0.01
    assert decibels[10] == pytest.approx(-10, abs=0.1)
    assert decibels[-1] == -70


def test_a_label_names_few_countries() -> None:
    many = Heard(Kind.TONE, "busy", 0, 1, -10, 1.0, countries=("fr", "ga", "gp", "mq", "pm"))
    assert label(many) == "busy (fr, ga, gp and 2 more)"
    assert label(Heard(Kind.DTMF, "123", 0, 1, -10, 1.0)) == "digits 123"
    assert label(Heard(Kind.DTMF, "5", 0, 1, -10, 1.0)) == "digit 5"
    assert label(Heard(Kind.NUMBER, "555", 0, 1, -10, 1.0)) == "spoken 555"
    assert label(Heard(Kind.RECORDING, "hello", 0, 1, -10, 1.0)) == "announcement hello"


class TestArrangement:
    """The names above the spectrogram; 100 characters on 10 s."""

    @staticmethod
    def arranged(*segments: tuple[str, float, float]) -> list[tuple[str, float, int]]:
        heard = [Heard(Kind.DTMF, name, onset_s, duration_s, -10, 1.0) for name, onset_s, duration_s in segments]
        return [(each.text, round(each.at_s, 2), each.row) for each in plot._arranged(heard, 10.0, 100)]

    def test_names_that_have_room_are_on_one_row(self) -> None:
        assert self.arranged(("1", 0, 1), ("2", 2, 1)) == [("digit 1", 0, 0), ("digit 2", 2, 0)]

    def test_names_that_would_cover_each_other_are_on_several(self) -> None:
        assert self.arranged(("1", 0, 0.1), ("2", 0.2, 0.1), ("3", 0.4, 3), ("4", 1.0, 1)) == [
            ("digit 1", 0, 0),
            ("digit 2", 0.2, 1),
            ("digit 3", 0.4, 2),
            ("digit 4", 1.0, 0),
        ]

    def test_a_name_near_the_end_is_moved_to_the_left(self) -> None:
        assert self.arranged(("123", 9.8, 0.2)) == [("digits 123", 9.0, 0)]

    def test_where_there_is_no_room_a_name_is_moved_or_cut(self) -> None:
        rows = self.arranged(*((str(number), 0.1 * number, 0.1) for number in range(1, 10)))
        spans = [(row, at_s, at_s + 0.1 * len(text)) for text, at_s, row in rows]
        assert all(
            one[0] != other[0] or one[2] <= other[1] + 1e-9 or other[2] <= one[1] + 1e-9
            for number, one in enumerate(spans)
            for other in spans[:number]
        )
        assert all(end_s <= 10 for _, _, end_s in spans)

    def test_silence_has_no_place(self) -> None:
        assert plot._arranged([Heard(Kind.SILENCE, "silence", 0, 1, -90, 1.0)], 1.0, 10) == []
