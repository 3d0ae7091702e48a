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
from attrs import define, evolve, field, frozen
from numpy.typing import NDArray

from tones.detect.bursts import Burst, find_bursts, power_level
from tones.detect.heard import Heard, Kind
from tones.detect.patterns import Pattern, Step, patterns_of
from tones.detect.spectrum import Lines
from tones.dtmf import HIGH_GROUP_HZ, LOW_GROUP_HZ
from tones.notation import Signal
from tones.plan import BUSY, CONGESTION, DIAL, NUMBER_UNOBTAINABLE, RINGBACK, SPECIAL_INFORMATION, TonePlan, all_plans
from tones.sit import NORTH_AMERICAN
from tones.units import SAMPLE_RATE_HZ

Pcm = NDArray[np.int16]

FREQUENCY_TOLERANCE: Final = 0.01
"""Tones within this proportion of each other count as the same; plans differ by more (425 and 420 Hz, say)."""

_TIME_TOLERANCE: Final = 0.05
_TIME_TOLERANCE_MS: Final = 14.0
_LOST_PACKET_MS: Final = 36.0
"""How far a packet of 20 ms that is lost at the end of a burst can move a time."""
_ANOTHER_PACKET_MS: Final = 20.0
_SAME_PACKET_MS: Final = 8.0
_UNHEARD_PAUSE_MS: Final = 32.0
"""The pause that E.180 allows between the three special information tones, and a little more."""
_WEAK_DB: Final = 15.0
_ENDLESS_MS: Final = (2700.0, 6500.0)
"""A burst longer than this, with no pause, is more and more surely of a tone that does not pause."""
_EDGE_SAMPLES: Final = 3
_AS_NEAR_MS: Final = 2.0
_AT_ONCE_S: Final = 0.3
_STANDS_ALONE: Final = 4
_STANDS_ALONE_AMID_FAULTS: Final = 6
_SOON_S: Final = 1.0
_NOT_SURE: Final = 0.6
_SHORT: Final = int(0.98 * SAMPLE_RATE_HZ)
_ADJACENT_MS: Final = 80.0
_NAMES_FIRST: Final = (RINGBACK, BUSY, CONGESTION, SPECIAL_INFORMATION, DIAL, NUMBER_UNOBTAINABLE)


class _Fit(Enum):
    EXACT = auto()
    NEAR = auto()
    SHORT = auto()
    LONG = auto()


@frozen
class _Run:
    """How far a pattern explains the bursts from one on."""

    pattern: Pattern
    bursts: int
    confirmed: int
    """How many times of the definition were found as defined."""
    found: int
    """The same, and those that were off by no more than a lost packet makes them."""
    rest_ms: float
    """The pause that should follow the last burst."""
    error_ms: float
    """The mean error of the times that were found."""

    @property
    def rank(self) -> tuple[int, int]:
        return self.bursts, self.confirmed


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


def _step_fits(step: Step, burst: Burst) -> bool:
    lines = burst.lines
    return lines is not None and any(_signal_fits(signal, lines, burst.duration_ms) for signal in step.signals)


def _compare(actual_ms: float, expected_ms: float, cuts: int = 0) -> _Fit:
    """How a time that was heard is to the one in the definition; at each of the cuts more packets may be lost."""
    off_ms = actual_ms - expected_ms
    if abs(off_ms) <= max(_TIME_TOLERANCE_MS, _TIME_TOLERANCE * expected_ms):
        return _Fit.EXACT
    if abs(off_ms) <= _LOST_PACKET_MS + _ANOTHER_PACKET_MS * cuts:
        return _Fit.NEAR
    return _Fit.SHORT if off_ms < 0 else _Fit.LONG


def _pause_ms(bursts: Sequence[Burst], number: int) -> float | None:
    """From the end of a burst to the next; None after the last."""
    if number + 1 >= len(bursts):
        return None
    return (bursts[number + 1].start - bursts[number].end) * 1000 / SAMPLE_RATE_HZ


def _cut_off(step: Step, bursts: Sequence[Burst], number: int) -> bool:
    """Whether a burst that is too short can have been cut off: not if the same sound comes back soon."""
    pause = _pause_ms(bursts, number)
    if pause is None or pause < _ADJACENT_MS:
        return True
    return pause > 1000 or not _step_fits(step, bursts[number + 1])


def _compare_pause(pattern: Pattern, step_number: int, pause_ms: float, cuts: int) -> _Fit:
    """How a pause is to the definition's. Between different frequencies nobody hears one of up to 30 ms."""
    step, following = pattern.steps[step_number], pattern.following(step_number)
    if step.off_ms is None:
        return _Fit.LONG
    unheard = max(pause_ms, step.off_ms) <= _UNHEARD_PAUSE_MS
    if unheard and following is not None and pattern.steps[following].signals != step.signals:
        return _Fit.EXACT
    return _compare(pause_ms, step.off_ms, cuts)


def _at_edge(burst: Burst, total: int) -> bool:
    """Whether a burst may have been longer than the recording shows: it does not rise from, or fall to, rest."""
    return burst.start < _EDGE_SAMPLES or burst.end > total - _EDGE_SAMPLES


@define
class _Tally:
    """What has been found of the times of a definition, one after the other."""

    confirmed: int = 0
    near: int = 0
    """Packets that must have been lost, though nothing is heard of it."""
    uncertain: int = 0
    last_error_ms: float = 0.0
    errors_ms: list[float] = field(factory=list)

    def take(
        self, fit: _Fit, actual_ms: float, expected_ms: float | None, *, whole: bool = True, cut: bool = False
    ) -> None:
        """One time.

        Args:
            whole: it is not longer than was heard.
            cut: a fault of the line is at one of its ends, so that it confirms nothing.
        """
        if fit in (_Fit.EXACT, _Fit.NEAR) and whole:
            error_ms = actual_ms - (expected_ms or 0.0)
            # What is lost at the end of a burst the pause is longer by.
            same_packet = abs(error_ms + self.last_error_ms) < _SAME_PACKET_MS
            sure = fit is _Fit.EXACT and not cut
            self.confirmed += sure
            self.uncertain += not sure
            self.near += fit is _Fit.NEAR and not cut and not same_packet
            self.errors_ms.append(abs(error_ms))
            self.last_error_ms = error_ms

    def take_steady(self, duration_ms: float, least_ms: float) -> None:
        """A long burst confirms every definition that goes on for so long."""
        self.confirmed += sum(least_ms > longer and duration_ms > longer for longer in _ENDLESS_MS)


def _run_from(pattern: Pattern, first: int, bursts: Sequence[Burst], start: int, total: int) -> _Run | None:
    """Lay bursts from `start` on along a pattern's steps from step `first` on."""
    number, step_number = start, first
    tally, rest_ms = _Tally(), 0.0
    while True:
        step, burst = pattern.steps[step_number], bursts[number]
        if not _step_fits(step, burst):
            break
        if step.on_ms is None:
            tally.take_steady(burst.duration_ms, math.inf)
            number, rest_ms = number + 1, 0.0
            break
        on = _compare(burst.duration_ms, step.on_ms, burst.cut_on + burst.cut_off)
        if on is _Fit.LONG or (on is _Fit.SHORT and number > start and not _cut_off(step, bursts, number)):
            break
        whole = on is _Fit.NEAR or not _at_edge(burst, total)
        tally.take(on, burst.duration_ms, step.on_ms, whole=whole, cut=burst.is_doubtful)
        tally.take_steady(burst.duration_ms, step.on_ms)
        pause_ms = _pause_ms(bursts, number)
        number += 1
        rest_ms = math.inf if step.off_ms is None else step.off_ms
        if on is _Fit.SHORT and number - 1 > start:
            rest_ms = 0.0
            break
        if pause_ms is None:
            break
        following = pattern.following(step_number)
        cuts = burst.cut_off + bursts[number].cut_on
        off = _compare_pause(pattern, step_number, pause_ms, cuts)
        if off is _Fit.LONG:
            # It should have gone on, if it goes on at all.
            tally.confirmed -= following is not None
            break
        if off is _Fit.SHORT or following is None:
            rest_ms = 0.0 if on is _Fit.SHORT and pause_ms < _ADJACENT_MS else rest_ms
            break
        if not _step_fits(pattern.steps[following], bursts[number]):
            break
        tally.take(off, pause_ms, step.off_ms, cut=cuts > 0)
        step_number = following
    if number == start or tally.near > max(1, tally.confirmed // 2):
        return None
    error_ms = float(np.mean(tally.errors_ms)) if tally.errors_ms else 0.0
    found = tally.confirmed + tally.uncertain
    return _Run(pattern, number - start, tally.confirmed, found, rest_ms, error_ms)


def _best_runs(patterns: Sequence[Pattern], bursts: Sequence[Burst], start: int, total: int) -> list[_Run]:
    """The runs of the patterns that explain most bursts from `start` on, and of these most surely."""
    best: list[_Run] = []
    for pattern in patterns:
        runs = [
            run
            for first, step in enumerate(pattern.steps)
            if _step_fits(step, bursts[start]) and (run := _run_from(pattern, first, bursts, start, total)) is not None
        ]
        if runs:
            best.append(max(runs, key=lambda run: run.rank))
    if not best:
        return []
    most = max(run.rank for run in best)
    return [run for run in best if run.bursts == most[0] and run.found >= most[1]]


def _rank(name: str) -> int:
    return _NAMES_FIRST.index(name) if name in _NAMES_FIRST else len(_NAMES_FIRST)


def _nearest(runs: Sequence[_Run]) -> list[_Run]:
    """The runs whose times are nearest to what was heard; definitions within the tolerance of each other differ."""
    least = min(run.error_ms for run in runs)
    return [run for run in runs if run.error_ms <= 1.5 * least + _AS_NEAR_MS]


def _tone_heard(runs: Sequence[_Run], bursts: Sequence[Burst], total: int) -> Heard:
    """One answer for all the patterns that fit the same bursts."""
    nearest = _nearest(runs)
    votes = Counter(match.tone for run in nearest for match in run.pattern.matches)
    name = min(votes, key=lambda tone: (_rank(tone), -votes[tone], tone))
    matches = tuple(
        sorted((match for run in runs for match in run.pattern.matches), key=lambda match: (match.country, match.tone))
    )
    confirmed = max(0, *(run.confirmed for run in runs))
    # Tones defined alike are no doubt; tones that a longer hearing would tell apart are.
    same = [run for run in runs if any(match.tone == name for match in run.pattern.matches)]
    rivals = sum(len(run.pattern.matches) for run in runs if run not in same)
    doubt = rivals / len(matches)
    confidence = (1 - 0.5 ** (1 + confirmed)) * (1 - doubt * (1.0 if confirmed < 2 else 0.2))
    if confirmed <= 1 and bursts[-1].end - bursts[0].start < _SHORT:
        # It may be the end of a longer burst whose beginning was cut off.
        confidence = min(confidence, _NOT_SURE)
    last = bursts[-1]
    rests = [run.rest_ms for run in same if math.isfinite(run.rest_ms)]
    end = min(total, last.end + int(min(max(rests), 60000) * SAMPLE_RATE_HZ / 1000)) if rests else last.end
    return Heard(
        kind=Kind.TONE,
        name=name,
        onset_s=bursts[0].start / SAMPLE_RATE_HZ,
        duration_s=(end - bursts[0].start) / SAMPLE_RATE_HZ,
        level_dbm0=round(power_level(list(bursts)), 2),
        confidence=round(confidence, 3),
        countries=tuple(sorted({match.country for match in matches if match.tone == name})),
        matches=matches,
        alternatives=tuple(sorted({match.tone for match in matches} - {name})),
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
    patterns = patterns_of(chosen)
    heard: list[Heard] = []
    number, broken = 0, False
    while number < len(bursts):
        lines = bursts[number].lines
        if lines is None:
            number += 1
            continue
        runs = [] if is_dtmf(lines) else _best_runs(patterns, bursts, number, total)
        if runs:
            taken = bursts[number : number + runs[0].bursts]
            limit = bursts[number + len(taken)].start if number + len(taken) < len(bursts) else total
            tone = _tone_heard(runs, taken, limit)
            broken = bool(heard) and _breaks_off(heard[-1], tone, broken)
            part = _is_part(bursts, number, number + len(taken))
            alone = _STANDS_ALONE_AMID_FAULTS if part else _STANDS_ALONE
            heard.append(_less_sure(tone, runs, alone) if broken or part else tone)
            number += len(taken)
            continue
        first = number
        number += 1
        while number < len(bursts) and _continues(bursts[number - 1], bursts[number]):
            number += 1
        heard.append(_frequency_heard(bursts[first:number]))
    return _without_changes_back(heard)


def _without_changes_back(heard: list[Heard]) -> list[Heard]:
    """Less sure of what is amid another tone of the same pitch: networks do not change there and back."""
    doubted = list(heard)
    for number in range(1, len(heard) - 1):
        before, each, after = heard[number - 1 : number + 2]
        goes_on = not (set(before.matches) & set(after.matches)) <= set(each.matches)
        if goes_on and _at_once(before, each) and _at_once(each, after):
            doubted[number] = evolve(each, confidence=min(each.confidence, _NOT_SURE))
    return doubted


def _breaks_off(one: Heard, other: Heard, broken: bool) -> bool:
    """Whether a tone that does not fit follows another of the same pitch at once: the line may be to blame.

    Args:
        one, other: what is heard, and what is heard next.
        broken: whether the former itself did so.
    """
    return (broken or set(one.matches).isdisjoint(other.matches)) and _at_once(one, other)


def _at_once(one: Heard, other: Heard) -> bool:
    """Whether one tone is followed by another of the same pitch with hardly a pause."""
    return (
        other.onset_s - one.end_s < _AT_ONCE_S
        and len(one.frequencies_hz) == len(other.frequencies_hz)
        and all(
            abs(a - b) < FREQUENCY_TOLERANCE * a for a, b in zip(one.frequencies_hz, other.frequencies_hz, strict=True)
        )
    )


def _is_part(bursts: Sequence[Burst], first: int, last: int) -> bool:
    """Whether a fault of the line may have made the beginning or the end of a tone, which then is part of another, or
    hidden a pause in it."""
    before = bursts[first - 1] if first and _soon(bursts[first - 1], bursts[first]) else None
    after = bursts[last] if last < len(bursts) and _soon(bursts[last - 1], bursts[last]) else None
    return (
        any(burst.mended for burst in bursts[first:last])
        or (before is not None and (before.is_doubtful or bursts[first].cut_on))
        or (after is not None and (after.is_doubtful or bursts[last - 1].cut_off))
    )


def _soon(one: Burst, other: Burst) -> bool:
    return other.start - one.end < _SOON_S * SAMPLE_RATE_HZ


def _less_sure(tone: Heard, runs: Sequence[_Run], enough: int) -> Heard:
    """The same with little confidence, until enough of it has been heard to stand alone."""
    if max(run.confirmed for run in runs) >= enough:
        return tone
    return evolve(tone, confidence=min(tone.confidence, _NOT_SURE))


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
