"""Long recordings, a minute at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from tones.announcement import Pause, Recording, Sounding, compose
from tones.cadence import render
from tones.detect import Kind, listen
from tones.detect.faults import FaultKind
from tones.detect.stream import WINDOW_S, StreamListener, listen_to_stream
from tones.plan import load_plan

Pcm = NDArray[np.int16]
US, FR = load_plan("us"), load_plan("fr")


def blocks(pcm: Pcm, size: int = 80_000) -> Iterator[Pcm]:
    for start in range(0, pcm.size, size):
        yield pcm[start : start + size]


def test_a_short_recording_is_what_listen_says() -> None:
    pcm = compose([Sounding(US.tones["ringback"], 9000), Recording("hello"), Pause(2000)])
    assert list(listen_to_stream(blocks(pcm, 1234))) == listen(pcm)


def test_a_call_of_three_minutes_is_named_in_order() -> None:
    pcm = compose(
        [
            Sounding(US.tones["ringback"], 72_000),
            Recording("hello"),
            Pause(40_000),
            Sounding(FR.tones["busy"], 61_000),
        ]
    )
    heard = list(listen_to_stream(blocks(pcm)))
    assert [(each.kind, each.name) for each in heard] == [
        (Kind.TONE, "ringback"),
        (Kind.RECORDING, "hello"),
        (Kind.SILENCE, "silence"),
        (Kind.TONE, "busy"),
    ]
    assert heard[0].duration_s == pytest.approx(72, abs=0.1)
    assert heard[-1].end_s == pytest.approx(pcm.size / 8000, abs=0.1)
    assert all(one.end_s <= other.onset_s + 0.1 for one, other in pairwise(heard))


@pytest.mark.parametrize("country", ["us", "fr"])
def test_a_steady_tone_of_minutes_is_one(country: str) -> None:
    pcm = compose([Sounding(load_plan(country).tones["dial"], 200_000)])
    (heard,) = listen_to_stream(blocks(pcm))
    assert heard.fits("dial", country)
    assert heard.duration_s == pytest.approx(200, abs=0.1)


def test_silence_of_an_hour_is_one_and_only_a_minute_is_held() -> None:
    held = 0

    def hour() -> Iterator[Pcm]:
        nonlocal held
        for _ in range(360):
            held += 1
            yield np.zeros(80_000, np.int16)

    heard = listen_to_stream(hour())
    (silence,) = heard
    assert silence.kind is Kind.SILENCE
    assert silence.duration_s == pytest.approx(3600)
    assert held == 360


def test_what_is_over_is_told_before_the_recording_ends() -> None:
    taken = 0

    def call() -> Iterator[Pcm]:
        nonlocal taken
        for block in blocks(compose([Sounding(FR.tones["busy"], 10_000), Pause(300_000)])):
            taken += 1
            yield block

    first = next(listen_to_stream(call()))
    assert first.fits("busy", "fr")
    assert taken * 10 <= 2 * WINDOW_S + 10


def test_nothing_is_nothing() -> None:
    assert list(listen_to_stream([])) == []


def test_faults_are_told_once_wherever_a_window_ends() -> None:
    pcm = np.tile(render(load_plan("us").tones["dial"]).take(8000 * 10), 15)
    places = [8000 * second + 3 for second in range(2, 149, 7)]
    for place in places:
        pcm[place : place + 160] = 0
    listener = StreamListener([load_plan("us")], with_faults=True)
    for block in np.split(pcm, 100):
        listener.feed(block)
        assert listener.held_samples <= 60 * 8000
    listener.finish()
    holes = [fault.onset_s for fault in listener.faults if fault.kind is FaultKind.DROPOUT]
    assert holes == pytest.approx([place / 8000 for place in places], abs=0.003)
