"""How tones are written."""

from __future__ import annotations

import pytest

from tones.notation import NotationError, Segment, Signal, parse_segments, serialize_segments


def test_a_simple_cadence() -> None:
    assert parse_segments("440/1500/3500") == (Segment((Signal((440.0,)),), 1500.0, 3500.0),)


def test_sums_modulation_alternatives_and_silence() -> None:
    (segment,) = parse_segments("!480+620//400*16//0/250/0")
    assert segment.signals == (Signal((480.0, 620.0)), Signal((400.0,), 16.0), Signal())
    assert segment.once
    assert segment.signal == Signal((480.0, 620.0))


def test_a_group_is_repeated() -> None:
    segments = parse_segments("3x(!350+440/100/100); 350+440/*/0")
    assert len(segments) == 4
    assert [segment.once for segment in segments] == [True, True, True, False]
    assert segments[-1].on_ms is None


def test_groups_may_have_several_segments() -> None:
    assert len(parse_segments("2x(400/250/250; 450/100/0); 400/250/5000")) == 5


def test_an_endless_segment_is_not_played_once() -> None:
    assert parse_segments("!350+440/*/0") == parse_segments("350+440/*/0")


@pytest.mark.parametrize(
    "text", ["440/1500/3500", "!400*16/500/0; 400/50/450", "480+620//480+720/250/250", "0/20/0; 425/*/0", "913.8/274/0"]
)
def test_what_is_written_reads_back_the_same(text: str) -> None:
    assert serialize_segments(parse_segments(text)) == text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "at least one segment"),
        ("440", "not freq/on_ms/off_ms"),
        ("x/1/1", "'x' in 'x' is not a frequency"),
        ("440/a/1", "'a' in '440/a/1' is not a number of milliseconds"),
        ("440/0/1", "sounds for no time"),
        ("5000/1/1", "not between 0 and 4000 Hz"),
        ("440+480*16/1/1", "only one carrier"),
        ("440/*/0; 480/1/1", "nothing can follow '440/*/0'"),
        ("3x(440/1/1", "not a segment"),
    ],
)
def test_mistakes_are_named(text: str, complaint: str) -> None:
    with pytest.raises(NotationError) as caught:
        parse_segments(text)
    assert complaint in str(caught.value)
