"""Clicks and dropouts."""

from __future__ import annotations

import numpy as np
import pytest

from tones.announcement import Pause, Recording, Sounding, compose
from tones.cadence import render
from tones.detect.faults import FaultKind, faults
from tones.dtmf import render_digits
from tones.g711 import Law, decode, encode
from tones.plan import load_plan

Pcm = np.ndarray[tuple[int, ...], np.dtype[np.int16]]


def through(pcm: Pcm, law: Law = Law.MULAW) -> Pcm:
    return decode(encode(pcm, law), law)


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("country", ["de", "e180", "fr", "gb", "in", "jp", "sg", "th", "us", "us-old", "za"])
def test_no_tone_of_ours_has_a_fault(country: str, law: Law) -> None:
    for tone in load_plan(country).tones.values():
        assert faults(through(render(tone).take(40_000), law)) == [], tone.name


def test_speech_and_digits_have_no_fault() -> None:
    assert faults(through(compose([Recording("hello"), Pause(300), Recording("number-changed")]))) == []
    assert faults(through(render_digits("159D", 60, 60))) == []


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("country", ["us", "fr", "de", "gb"])
def test_a_lost_packet_is_a_dropout(country: str, law: Law) -> None:
    pcm = compose([Sounding(load_plan(country).tones["dial"], 2000)]).copy()
    pcm[8000:8160] = 0
    (fault,) = faults(through(pcm, law))
    assert fault.kind is FaultKind.DROPOUT
    assert fault.onset_s == pytest.approx(1.0, abs=0.001)
    assert fault.duration_s == pytest.approx(0.02, abs=0.001)


def test_a_seam_in_a_tone_is_a_click() -> None:
    pcm = render(load_plan("fr").tones["dial"]).take(16_000)
    broken = np.concatenate([pcm[:8004], pcm[8013:]])
    (fault,) = faults(through(broken))
    assert fault.kind is FaultKind.CLICK
    assert fault.onset_s == pytest.approx(1.0, abs=0.005)


def test_silence_has_no_fault() -> None:
    assert faults(np.zeros(8000, np.int16)) == []
    assert faults(np.zeros(10, np.int16)) == []
