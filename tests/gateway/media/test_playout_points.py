"""Many playout points at once, held against one at a time."""

from __future__ import annotations

import random

import numpy as np
import pytest

from gateway.media.playout import JitterSettings, PlayoutPoint
from gateway.media.playout_points import PlayoutPoints

SLOTS = 7


@pytest.mark.parametrize(
    "settings", [JitterSettings(), JitterSettings(20, 60, 20, 0.002), JitterSettings(40, 500, 100)]
)
def test_they_want_what_single_points_want(settings: JitterSettings) -> None:
    chance = random.Random(3)
    singles, many = [PlayoutPoint(settings) for _ in range(SLOTS)], PlayoutPoints(settings)
    many.grow(SLOTS)
    for slot, single in enumerate(singles):
        for _ in range(slot):
            single.measure(slot)
        many.take_on(slot, single.measured)
    for number in range(1200):
        slots = chance.sample(range(SLOTS), chance.randrange(1, SLOTS + 1))
        transits = [number // 50 + chance.choice([0, 1, 40, chance.randrange(2000)]) for _ in slots]
        many.measure(np.array(slots), np.array(transits))
        for slot, transit in zip(slots, transits, strict=True):
            singles[slot].measure(transit)
        assert many.point.tolist() == [single.point for single in singles]
        assert many.least.tolist() == [single.least for single in singles]


def test_a_point_that_is_handed_back_and_forth_goes_on() -> None:
    chance = random.Random(4)
    one, other, many = PlayoutPoint(JitterSettings()), PlayoutPoint(JitterSettings()), PlayoutPoints(JitterSettings())
    many.grow(1)
    for number in range(900):
        transit = chance.randrange(500)
        one.measure(transit)
        if number % 3 and number:
            many.take_on(0, other.measured)
            many.measure(np.array([0]), np.array([transit]))
            other.resume(many.measured(0))
        else:
            other.measure(transit)
        assert (other.point, other.least, other.delay) == (one.point, one.least, one.delay)
