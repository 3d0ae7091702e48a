"""The tones of plans as a listener meets them: bursts and pauses, equal ones together.

Silent segments lengthen the pause before them; segments of one sound with no pause between are one burst, also where
the last of a cycle runs into the first. Of some 1,500 tones in all plans about 600 patterns are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from attrs import evolve, field, frozen

from tones.detect.heard import Match
from tones.notation import Segment, Signal
from tones.plan import Tone, TonePlan

TEST_TONES: Final = frozenset({"test-number", "dial-transmission"})
"""Steady sines for measuring, of about 1000 Hz, which are named by their frequency: they say nothing of a country."""


@frozen
class Step:
    """A burst and the pause after it, as defined; None is endless."""

    signals: tuple[Signal, ...]
    on_ms: float | None
    off_ms: float | None


@frozen
class Pattern:
    """The steps of a tone; after the last, the step numbered `again` follows, if any."""

    steps: tuple[Step, ...]
    again: int | None
    matches: tuple[Match, ...] = field(eq=False)
    """Every tone that is so."""

    def following(self, number: int) -> int | None:
        return number + 1 if number + 1 < len(self.steps) else self.again


def _steps(segments: Sequence[Segment]) -> list[Step]:
    steps: list[Step] = []
    for segment in segments:
        last = steps[-1] if steps else None
        if segment.signal.silent:
            if last is not None:
                endless = segment.on_ms is None or last.off_ms is None
                longer = None if endless else (last.off_ms or 0) + (segment.on_ms or 0) + segment.off_ms
                steps[-1] = evolve(last, off_ms=longer)
        elif last is not None and _runs_on(last, segment.signals):
            steps[-1] = _joined(last, Step(segment.signals, segment.on_ms, segment.off_ms))
        else:
            steps.append(Step(segment.signals, segment.on_ms, segment.off_ms))
    return steps


def _runs_on(step: Step, signals: tuple[Signal, ...]) -> bool:
    return step.off_ms == 0 and step.signals == signals


def _joined(one: Step, other: Step) -> Step:
    endless = one.on_ms is None or other.on_ms is None
    return Step(one.signals, None if endless else (one.on_ms or 0) + (other.on_ms or 0), other.off_ms)


def _lead_ms(segments: Sequence[Segment]) -> float:
    """The silence that a cycle begins with."""
    lead = 0.0
    for segment in segments:
        if not segment.signal.silent or segment.on_ms is None:
            break
        lead += segment.on_ms + segment.off_ms
    return lead


def _shape(tone: Tone) -> tuple[tuple[Step, ...], int | None]:
    once, cycle = _steps(tone.introduction), _steps(tone.cycle)
    if not cycle:
        if once:
            once[-1] = evolve(once[-1], off_ms=None)
        return tuple(once), None
    last = cycle[-1]
    if last.on_ms is not None and last.off_ms is not None:
        lead_ms = _lead_ms(tone.cycle)
        last = cycle[-1] = evolve(last, off_ms=last.off_ms + lead_ms)
        if _runs_on(last, cycle[0].signals):
            if len(cycle) == 1:
                cycle = [evolve(last, on_ms=None)]
            else:
                # A cycle whose end runs into its beginning: the first burst is shorter than when it comes again.
                once.append(cycle[0])
                cycle = [*cycle[1:-1], _joined(last, cycle[0])]
    if once and _runs_on(once[-1], cycle[0].signals) and cycle[0].on_ms is None:
        cycle, once = [cycle[0]], [*once[:-1]]
    return (*once, *cycle), len(once)


@lru_cache(maxsize=64)
def patterns_of(plans: tuple[TonePlan, ...]) -> tuple[Pattern, ...]:
    """The patterns of all the tones of these plans."""
    found: dict[tuple[tuple[Step, ...], int | None], list[Match]] = {}
    for plan in plans:
        for tone in plan.tones.values():
            steps, again = _shape(tone)
            if steps and tone.name not in TEST_TONES:
                found.setdefault((steps, again), []).append(Match(plan.country, tone.name))
    return tuple(Pattern(steps, again, tuple(matches)) for (steps, again), matches in found.items())
