"""Tones as bursts and pauses."""

from __future__ import annotations

import pytest

from tones.detect.patterns import Pattern, patterns_of
from tones.plan import Tone, TonePlan, all_plans


def pattern(text: str, name: str = "x") -> Pattern:
    (found,) = patterns_of((TonePlan("xx", text, {name: Tone.parse(name, text)}),))
    return found


def times(found: Pattern) -> list[tuple[float | None, float | None]]:
    return [(step.on_ms, step.off_ms) for step in found.steps]


@pytest.mark.parametrize(
    ("text", "expected", "again"),
    [
        ("440/1500/3500", [(1500, 3500)], 0),
        ("440/*/0", [(None, 0)], 0),
        ("!950/330/0; !1400/330/0; !1800/330/0", [(330, 0), (330, 0), (330, None)], None),
        ("!950/330/0; 0/*/0", [(330, None)], None),
        ("0/20/0; 425/100/100; 425/100/20", [(100, 100), (100, 40)], 0),
        ("440/300/0; 440/200/500", [(500, 500)], 0),
        ("450/150/150; 450/8150/0", [(150, 150), (8300, 150)], 1),
        ("400/100/100; 400/100/100; 400/50/0", [(100, 100), (100, 100), (150, 100)], 1),
        ("440/500/0", [(None, 0)], 0),
        ("3x(!440/100/100); 440/*/0", [(100, 100), (100, 100), (100, 100), (None, 0)], 3),
    ],
)
def test_steps(text: str, expected: list[tuple[float | None, float | None]], again: int | None) -> None:
    found = pattern(text)
    assert (times(found), found.again) == (expected, again)


def test_equal_tones_are_one_pattern_with_all_their_names() -> None:
    found = patterns_of(all_plans())
    assert len(found) < 650
    assert sum(len(each.matches) for each in found) > 1480
    assert max(len(each.matches) for each in found) > 30


def test_test_tones_are_no_patterns() -> None:
    assert patterns_of((TonePlan("xx", "test", {"test-number": Tone.parse("test-number", "1004/*/0")}),)) == ()
