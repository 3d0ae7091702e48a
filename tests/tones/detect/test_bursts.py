"""Recordings are cut where sound begins, changes and ends."""

from __future__ import annotations

import numpy as np
import pytest

from tones.announcement import Item, Pause, Recording, Sounding, compose
from tones.detect.bursts import find_bursts
from tones.g711 import Law, decode, encode
from tones.plan import Tone, load_plan
from tones.units import amplitude, to_pcm


def through(script: list[Item], law: Law = Law.ALAW) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return decode(encode(compose(script), law), law)


def tone(text: str) -> Tone:
    return Tone.parse("x", text)


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize(("on_ms", "off_ms"), [(50, 50), (100, 30), (240, 240), (1500, 3500)])
def test_times_are_found_to_two_milliseconds(law: Law, on_ms: int, off_ms: int) -> None:
    bursts = find_bursts(through([tone(f"2x(!425/{on_ms}/{off_ms})")], law))
    assert len(bursts) == 2
    assert [burst.duration_ms for burst in bursts] == pytest.approx([on_ms] * 2, abs=2)
    assert (bursts[1].start - bursts[0].start) / 8 == pytest.approx(on_ms + off_ms, abs=1)


def test_tones_without_a_pause_between_come_apart() -> None:
    bursts = find_bursts(through([tone("!950/330/0; !1400/330/0; !1800/330/0")]))
    assert [round(burst.frequencies_hz[0]) for burst in bursts] == [950, 1400, 1800]
    assert [burst.duration_ms for burst in bursts] == pytest.approx([330] * 3, abs=3)


def test_a_tone_is_told_from_the_speech_that_follows_at_once() -> None:
    bursts = find_bursts(through([tone("!1800/330/0"), Recording("number-not-in-service")]))
    assert bursts[0].duration_ms == pytest.approx(330, abs=8)
    assert [burst for burst in bursts[1:] if burst.lines is not None] == []


@pytest.mark.parametrize("text", ["!440+480/2000/0", "!400+425/1000/0", "!400*16/1000/0", "!400+425+450/1000/0"])
def test_beats_do_not_cut(text: str) -> None:
    assert len(find_bursts(through([tone(text), Pause(300)]))) == 1


def test_a_lost_packet_does_not_cut() -> None:
    pcm = through([Sounding(load_plan("fr").tones["dial"], 1000)]).copy()
    pcm[3200:3360] = 0
    (burst,) = find_bursts(pcm)
    assert burst.duration_ms == pytest.approx(1000, abs=3)


def test_noise_in_the_pauses_is_not_sound() -> None:
    pcm = through([tone("4x(!425/250/250)")])
    noise = np.random.default_rng(2).normal(0, amplitude(-33) / 2**0.5, pcm.size)
    bursts = find_bursts(to_pcm(pcm + noise))
    assert [burst.duration_ms for burst in bursts] == pytest.approx([250] * 4, abs=8)


@pytest.mark.parametrize("size", [0, 10, 100])
def test_next_to_nothing_has_no_bursts(size: int) -> None:
    assert find_bursts(np.zeros(size, np.int16)) == []
