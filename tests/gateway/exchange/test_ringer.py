"""How a telephone rings: the country's cadence, by ear."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.exchange.ringer import HIGH_HZ, LEVEL_DBM0, LOW_HZ, ringing
from tones.cadence import render
from tones.detect import listen
from tones.plan import all_plans
from tones.units import amplitude


def bursts_ms(pcm: NDArray[np.int16]) -> list[tuple[int, int]]:
    """Where it sounds: beginning and end of each burst, by 10 ms."""
    sounds = np.abs(pcm[: len(pcm) // 80 * 80].reshape(-1, 80)).max(axis=1) > 500
    edges = np.flatnonzero(np.diff(np.concatenate([[False], sounds, [False]]).astype(int)))
    return [(int(start) * 10, int(end) * 10) for start, end in edges.reshape(-1, 2)]


@pytest.mark.parametrize(
    ("country", "bursts", "period_s"),
    [("us", [(0, 2000)], 6.0), ("gb", [(0, 400), (600, 1000)], 3.0), ("fr", [(0, 1500)], 5.0)],
)
def test_it_rings_in_the_cadence_of_the_country(country: str, bursts: list[tuple[int, int]], period_s: float) -> None:
    pcm = ringing(country)
    assert len(pcm) == period_s * 8000
    assert bursts_ms(pcm) == bursts


def test_it_is_the_cadence_of_the_ringing_tone_everywhere() -> None:
    for plan in all_plans():
        tone = plan.find("ringback").tone
        pcm = ringing(plan.country)
        assert np.abs(pcm).max() <= amplitude(LEVEL_DBM0) + 1
        assert bursts_ms(pcm)
        if tone.cycle and all(segment.on_ms is not None for segment in tone.cycle):
            assert len(pcm) == len(render(tone).period)


def test_nobody_takes_it_for_ringback() -> None:
    assert "ringback" not in [each.name for each in listen(np.tile(ringing("us"), 2))]


def test_it_warbles_between_two_frequencies_without_a_click() -> None:
    pcm = ringing("us")[:16000].astype(float)
    blocks = np.abs(np.fft.rfft(pcm.reshape(-1, 320), axis=1)).argmax(axis=1) * 25
    assert blocks[:4].tolist() == [LOW_HZ, HIGH_HZ, LOW_HZ, HIGH_HZ]
    assert set(blocks.tolist()) == {LOW_HZ, HIGH_HZ}
    assert np.abs(np.diff(pcm)).max() < 2 * np.pi * HIGH_HZ / 8000 * amplitude(LEVEL_DBM0) * 1.1
