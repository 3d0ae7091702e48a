"""Which tone of which plan is this? Call progress tones by frequency and cadence (ITU-T E.180, E.182).

Many countries share their tones, so the answer is a class: every tone of every plan that fits what was heard. Bursts
are laid along each tone's steps, from any step on, for as long as they fit; the longest run wins, and among equals the
one of which most was confirmed. The first burst may have begun before the recording, and the last may be cut off; such
bursts, and silence that went on, confirm nothing, and what little is confirmed is what `confidence` says.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from tones.detect.bursts import Burst, find_bursts, power_level
from tones.detect.heard import Heard, Kind, Match
from tones.detect.spectrum import Lines
from tones.dtmf import HIGH_GROUP_HZ, LOW_GROUP_HZ
from tones.notation import Segment, Signal
from tones.plan import BUSY, CONGESTION, DIAL, NUMBER_UNOBTAINABLE, RINGBACK, SPECIAL_INFORMATION, TonePlan, all_plans
from tones.sit import NORTH_AMERICAN
from tones.units import SAMPLE_RATE_HZ

Pcm = NDArray[np.int16]

FREQUENCY_TOLERANCE: Final = 0.01
"""Tones within this proportion of each other count as the same; plans differ by more (425 and 420 Hz, say)."""

_TIME_TOLERANCE: Final = 0.05
_TIME_TOLERANCE_MS: Final = 14.0
_LOST_PACKET_MS: Final = 27.0
"""How far a packet of 20 ms that is lost at the end of a burst can move a time."""
_UNHEARD_PAUSE_MS: Final = 32.0
"""The pause that E.180 allows between the three special information tones, and a little more."""
_WEAK_DB: Final = 15.0
_ENDLESS_MS: Final = (2700.0, 6500.0)
"""A burst longer than this, with no pause, is more and more surely of a tone that does not pause."""
_EDGE_SAMPLES: Final = 3
_ADJACENT_MS: Final = 80.0
_NAMES_FIRST: Final = (RINGBACK, BUSY, CONGESTION, SPECIAL_INFORMATION, DIAL, NUMBER_UNOBTAINABLE)


class _Fit(Enum):
    EXACT = auto()
    NEAR = auto()
    SHORT = auto()
    LONG = auto()


@frozen
class _Step:
    """A burst as a tone's definition has it; None is endless."""

    signals: tuple[Signal, ...]
    on_ms: float | None
    off_ms: float | None


@frozen
class _Candidate:
    """A tone's steps; after the last, the step numbered `again` follows, if any."""

    match: Match
    steps: tuple[_Step, ...]
    again: int | None

    def following(self, number: int) -> int | None:
        return number + 1 if number + 1 < len(self.steps) else self.again


@frozen
class _Run:
    """How far a candidate explains the bursts from one on."""

    candidate: _Candidate
    bursts: int
    confirmed: int
    """How many times of the definition were found as defined."""
    near: int
    """How many were off by no more than a lost packet makes them."""
    rest_ms: float
    """The pause that should follow the last burst."""

    @property
    def rank(self) -> tuple[int, int]:
        return self.bursts, self.confirmed


def _steps(segments: Sequence[Segment]) -> list[_Step]:
    """Bursts and pauses; silent segments lengthen the pause before them."""
    steps: list[_Step] = []
    for segment in segments:
        if not segment.signal.silent:
            steps.append(_Step(segment.signals, segment.on_ms, segment.off_ms))
        elif steps:
            last = steps[-1]
            pause = (
                None if segment.on_ms is None or last.off_ms is None else last.off_ms + segment.on_ms + segment.off_ms
            )
            steps[-1] = _Step(last.signals, last.on_ms, pause)
    return steps


def _lead_ms(segments: Sequence[Segment]) -> float:
    """The silence that a cycle begins with."""
    lead = 0.0
    for segment in segments:
        if not segment.signal.silent or segment.on_ms is None:
            break
        lead += segment.on_ms + segment.off_ms
    return lead


@lru_cache(maxsize=64)
def _candidates(plans: tuple[TonePlan, ...]) -> tuple[_Candidate, ...]:
    found = []
    for plan in plans:
        for tone in plan.tones.values():
            once, cycle = _steps(tone.introduction), _steps(tone.cycle)
            lead = _lead_ms(tone.cycle)
            if cycle and cycle[-1].off_ms is not None:
                cycle[-1] = _Step(cycle[-1].signals, cycle[-1].on_ms, cycle[-1].off_ms + lead)
            if once and not cycle:
                once[-1] = _Step(once[-1].signals, once[-1].on_ms, None)
            if once or cycle:
                again = len(once) if cycle else None
                found.append(_Candidate(Match(plan.country, tone.name), (*once, *cycle), again))
    return tuple(found)


@lru_cache(maxsize=8192)
def _signal_fits(signal: Signal, lines: Lines, duration_ms: float) -> bool:
    """Whether the sines heard are those of a signal; a modulated one may come with or without its carrier."""
    strongest = max(component.level_dbm0 for component in lines.components)
    heard = [c.frequency_hz for c in lines.components if c.level_dbm0 > strongest - _WEAK_DB]
    wanted = [signal.frequencies_hz]
    if signal.modulation_hz is not None:
        (carrier,) = signal.frequencies_hz
        sides = carrier - signal.modulation_hz, carrier + signal.modulation_hz
        wanted = [(sides[0], carrier, sides[1]), sides]
    blur_hz = 100 / duration_ms
    return any(
        len(heard) == len(expected)
        and all(abs(a - b) <= max(FREQUENCY_TOLERANCE * b, 2.5) + blur_hz for a, b in zip(heard, expected, strict=True))
        for expected in wanted
    )


def _step_fits(step: _Step, burst: Burst) -> bool:
    lines = burst.lines
    return lines is not None and any(_signal_fits(signal, lines, burst.duration_ms) for signal in step.signals)


def _compare(actual_ms: float, expected_ms: float) -> _Fit:
    """How a time that was heard is to the one in the definition."""
    off_ms = actual_ms - expected_ms
    if abs(off_ms) <= max(_TIME_TOLERANCE_MS, _TIME_TOLERANCE * expected_ms):
        return _Fit.EXACT
    if abs(off_ms) <= _LOST_PACKET_MS:
        return _Fit.NEAR
    return _Fit.SHORT if off_ms < 0 else _Fit.LONG


def _pause_ms(bursts: Sequence[Burst], number: int) -> float | None:
    """From the end of a burst to the next; None after the last."""
    if number + 1 >= len(bursts):
        return None
    return (bursts[number + 1].start - bursts[number].end) * 1000 / SAMPLE_RATE_HZ


def _cut_off(step: _Step, bursts: Sequence[Burst], number: int) -> bool:
    """Whether a burst that is too short can have been cut off: not if the same sound comes back soon."""
    pause = _pause_ms(bursts, number)
    if pause is None or pause < _ADJACENT_MS:
        return True
    return pause > 1000 or not _step_fits(step, bursts[number + 1])


def _compare_pause(candidate: _Candidate, step_number: int, pause_ms: float) -> _Fit:
    """How a pause is to the definition's. Between different frequencies nobody hears one of up to 30 ms."""
    step, following = candidate.steps[step_number], candidate.following(step_number)
    if step.off_ms is None:
        return _Fit.LONG
    unheard = max(pause_ms, step.off_ms) <= _UNHEARD_PAUSE_MS
    if unheard and following is not None and candidate.steps[following].signals != step.signals:
        return _Fit.EXACT
    return _compare(pause_ms, step.off_ms)


def _at_edge(burst: Burst, total: int) -> bool:
    """Whether a burst may have been longer than the recording shows: it does not rise from, or fall to, rest."""
    return burst.start < _EDGE_SAMPLES or burst.end > total - _EDGE_SAMPLES


def _run_from(candidate: _Candidate, first: int, bursts: Sequence[Burst], start: int, total: int) -> _Run | None:
    """Lay bursts from `start` on along a candidate's steps from step `first` on."""
    number, step_number = start, first
    confirmed, near, rest_ms = 0, 0, 0.0
    while True:
        step, burst = candidate.steps[step_number], bursts[number]
        if not _step_fits(step, burst):
            break
        if step.on_ms is None:
            confirmed += sum(burst.duration_ms > longer for longer in _ENDLESS_MS)
            number, rest_ms = number + 1, 0.0
            break
        on = _compare(burst.duration_ms, step.on_ms)
        if on is _Fit.LONG or (on is _Fit.SHORT and number > start and not _cut_off(step, bursts, number)):
            break
        confirmed += on is _Fit.EXACT and not _at_edge(burst, total)
        near += on is _Fit.NEAR
        pause_ms = _pause_ms(bursts, number)
        number += 1
        rest_ms = math.inf if step.off_ms is None else step.off_ms
        if on is _Fit.SHORT and number - 1 > start:
            rest_ms = 0.0
            break
        if pause_ms is None:
            break
        following = candidate.following(step_number)
        off = _compare_pause(candidate, step_number, pause_ms)
        if off is _Fit.LONG:
            # It should have gone on, if it goes on at all.
            confirmed -= following is not None
            break
        if off is _Fit.SHORT or following is None:
            rest_ms = 0.0 if on is _Fit.SHORT and pause_ms < _ADJACENT_MS else rest_ms
            break
        confirmed += off is _Fit.EXACT
        near += off is _Fit.NEAR
        step_number = following
    if number == start or near > max(0, confirmed) // 2:
        return None
    return _Run(candidate, number - start, confirmed, near, rest_ms)


def _best_runs(candidates: Sequence[_Candidate], bursts: Sequence[Burst], start: int, total: int) -> list[_Run]:
    """The runs of the candidates that explain most bursts from `start` on, and of these most surely."""
    best: dict[Match, _Run] = {}
    for candidate in candidates:
        for first in range(len(candidate.steps)):
            if not _step_fits(candidate.steps[first], bursts[start]):
                continue
            run = _run_from(candidate, first, bursts, start, total)
            known = best.get(candidate.match)
            if run is not None and (known is None or run.rank > known.rank):
                best[candidate.match] = run
    if not best:
        return []
    most = max(run.rank for run in best.values())
    return [run for run in best.values() if run.bursts == most[0] and run.confirmed + run.near >= most[1]]


def _rank(name: str) -> int:
    return _NAMES_FIRST.index(name) if name in _NAMES_FIRST else len(_NAMES_FIRST)


def _tone_heard(runs: Sequence[_Run], bursts: Sequence[Burst], total: int) -> Heard:
    """One answer for all the candidates that fit the same bursts."""
    votes = Counter(run.candidate.match.tone for run in runs)
    name = min(votes, key=lambda tone: (_rank(tone), -votes[tone], tone))
    matches = tuple(sorted((run.candidate.match for run in runs), key=lambda match: (match.country, match.tone)))
    confirmed = max(0, *(run.confirmed for run in runs))
    # Tones defined alike are no doubt; tones that a longer hearing would tell apart are.
    shapes = {run.candidate.steps for run in runs if run.candidate.match.tone == name}
    rivals = [run for run in runs if run.candidate.steps not in shapes]
    doubt = len(rivals) / len(runs)
    confidence = (1 - 0.5 ** (1 + confirmed)) * (1 - doubt * (1.0 if confirmed < 2 else 0.2))
    last = bursts[-1]
    rest = max(run.rest_ms for run in runs)
    end = min(total, last.end + int(min(rest, 60000) * SAMPLE_RATE_HZ / 1000)) if np.isfinite(rest) else last.end
    return Heard(
        kind=Kind.TONE,
        name=name,
        onset_s=bursts[0].start / SAMPLE_RATE_HZ,
        duration_s=(end - bursts[0].start) / SAMPLE_RATE_HZ,
        level_dbm0=round(power_level(list(bursts)), 2),
        confidence=round(confidence, 3),
        countries=tuple(sorted({match.country for match in matches if match.tone == name})),
        matches=matches,
        alternatives=tuple(sorted(set(votes) - {name})),
        frequencies_hz=tuple(round(hz, 2) for hz in bursts[0].frequencies_hz),
    )


def frequency_name(frequencies_hz: Sequence[float]) -> str:
    """ "1004 Hz", "440+480 Hz": rounded to whole hertz."""
    return "+".join(f"{hz:.0f}" for hz in frequencies_hz) + " Hz"


def is_dtmf(lines: Lines) -> bool:
    """Whether these are the two frequencies of a digit (ITU-T Q.24: within 1.5 %, with a margin)."""
    if len(lines.components) != 2:
        return False
    low, high = lines.frequencies_hz
    return any(abs(low - hz) < 0.024 * hz for hz in LOW_GROUP_HZ) and any(
        abs(high - hz) < 0.024 * hz for hz in HIGH_GROUP_HZ
    )


def _frequency_heard(bursts: Sequence[Burst]) -> Heard:
    longest = max(bursts, key=lambda burst: burst.duration_ms)
    return Heard(
        kind=Kind.FREQUENCY,
        name=frequency_name(longest.frequencies_hz),
        onset_s=bursts[0].start / SAMPLE_RATE_HZ,
        duration_s=(bursts[-1].end - bursts[0].start) / SAMPLE_RATE_HZ,
        level_dbm0=round(power_level(list(bursts)), 2),
        confidence=round(1 - (longest.lines.unexplained if longest.lines is not None else 1.0), 3),
        frequencies_hz=tuple(round(hz, 2) for hz in longest.frequencies_hz),
    )


def name_bursts(bursts: Sequence[Burst], total: int, plans: Sequence[TonePlan] | None = None) -> list[Heard]:
    """Name the tones in a recording that is already cut into bursts.

    Args:
        bursts: tonal ones and others, in order.
        total: samples of the whole recording.
        plans: where to look; None is everywhere.
    """
    chosen = (*all_plans(), NORTH_AMERICAN) if plans is None else tuple(plans)
    candidates = _candidates(chosen)
    heard: list[Heard] = []
    number = 0
    while number < len(bursts):
        lines = bursts[number].lines
        if lines is None:
            number += 1
            continue
        runs = [] if is_dtmf(lines) else _best_runs(candidates, bursts, number, total)
        if runs:
            taken = bursts[number : number + runs[0].bursts]
            limit = bursts[number + len(taken)].start if number + len(taken) < len(bursts) else total
            heard.append(_tone_heard(runs, taken, limit))
            number += len(taken)
            continue
        first = number
        number += 1
        while number < len(bursts) and _continues(bursts[number - 1], bursts[number]):
            number += 1
        heard.append(_frequency_heard(bursts[first:number]))
    return heard


def _continues(one: Burst, other: Burst) -> bool:
    """Whether a burst of no plan's tone is followed by another of the same frequencies, within a second."""
    return (
        other.lines is not None
        and other.start - one.end < SAMPLE_RATE_HZ
        and len(one.frequencies_hz) == len(other.frequencies_hz)
        and all(
            abs(a - b) < FREQUENCY_TOLERANCE * a for a, b in zip(one.frequencies_hz, other.frequencies_hz, strict=True)
        )
    )


def identify(pcm: Pcm, plans: Sequence[TonePlan] | None = None) -> list[Heard]:
    """Name the tones in a recording, in order; speech, noise and silence are passed over.

    Args:
        pcm: `int16` at 8000 Hz.
        plans: where to look; None is every plan there is.

    Returns:
        `Kind.TONE` for tones of a plan, `Kind.FREQUENCY` for any other steady tone.
    """
    return name_bursts(find_bursts(pcm), pcm.size, plans)
