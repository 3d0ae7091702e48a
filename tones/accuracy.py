"""How often the detectors are right: `python -m tones accuracy` prints the table that `docs/tones.md` holds.

Every tone of every plan is rendered for two periods, sent through a line (level, law, noise, lost packets) and named
among the tones of all plans. Tones that sound alike are one sound, heard once and counted for each.

    right           what was named has the tone, in its country, in its class, and nothing else was named surely
    unsure          not right, but nothing was named surely either
    surely wrong    something was named with a confidence of at least `SURE` that the tone is not
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from tones.cadence import render
from tones.detect.call_progress import identify
from tones.detect.dtmf import detect
from tones.detect.heard import Heard, Kind
from tones.detect.patterns import TEST_TONES
from tones.dtmf import DIGITS, render_digit
from tones.g711 import Law, decode, encode
from tones.plan import Tone, TonePlan, all_plans
from tones.sit import NORTH_AMERICAN
from tones.units import SAMPLE_RATE_HZ, amplitude, samples, to_pcm

Pcm = NDArray[np.int16]

SURE: Final = 0.7
"""A name with this confidence is given as certain."""

_PACKET: Final = samples(20)
_LEAST_S, _MOST_S = 2.0, 30.0
_STEADY_S: Final = 3.0


@frozen
class Line:
    """What a sound goes through on its way.

    Args:
        name: for the table.
        level_dbm0: total power of the tone as it is sent.
        laws: encoded and decoded by each in turn.
        noise_db: white noise this far below the tone; None: none.
        loss: the proportion of packets of 20 ms that arrive as silence.
    """

    name: str
    level_dbm0: float = -10.0
    laws: tuple[Law, ...] = (Law.ALAW,)
    noise_db: float | None = None
    loss: float = 0.0

    def carry(self, pcm: Pcm, rng: np.random.Generator) -> Pcm:
        """What arrives of `pcm`."""
        if self.noise_db is not None:
            sigma = amplitude(self.level_dbm0 - self.noise_db) / 2**0.5
            pcm = to_pcm(pcm + rng.normal(0, sigma, pcm.size))
        for law in self.laws:
            pcm = decode(encode(pcm, law), law)
        if self.loss:
            pcm = pcm.copy()
            for packet in np.flatnonzero(rng.random(-(-pcm.size // _PACKET)) < self.loss):
                pcm[packet * _PACKET : (packet + 1) * _PACKET] = 0
        return pcm


BOTH: Final = (Law.ALAW, Law.MULAW, Law.ALAW)
LINES: Final = (
    *(
        Line(f"{level} dBm0, {law.name}", level, (law,))
        for law in (Law.ALAW, Law.MULAW)
        for level in (0, -10, -20, -30)
    ),
    Line("-10 dBm0, A-law to mu-law to A-law", -10, BOTH),
    *(Line(f"{level} dBm0, noise 20 dB below", level, noise_db=20) for level in (-10, -30)),
    *(Line(f"{level} dBm0, noise 15 dB below", level, noise_db=15) for level in (0, -10, -20, -30)),
    Line("-10 dBm0, 1 % of packets lost", -10, loss=0.01),
    Line("-20 dBm0, noise 15 dB below, 1 % lost, transcoded", -20, BOTH, 15, 0.01),
)
QUICK: Final = (LINES[1], LINES[-2])


@frozen
class Sound:
    """One sound, and every tone that it is."""

    tone: Tone
    meanings: tuple[tuple[str, str], ...]
    """(country, tone) of each."""

    @property
    def count(self) -> int:
        """Samples of two periods: at least two seconds, three of what does not end, at most thirty."""
        sound = render(self.tone)
        endless = bool(self.tone.cycle) and self.tone.cycle[-1].on_ms is None
        wanted = sound.introduction.size + (_STEADY_S * SAMPLE_RATE_HZ if endless else 2 * sound.period.size)
        return int(np.clip(wanted, _LEAST_S * SAMPLE_RATE_HZ, _MOST_S * SAMPLE_RATE_HZ))


def every_sound(plans: Iterable[TonePlan] | None = None) -> list[Sound]:
    """The sounds of these plans, or of all and the North American codes."""
    meanings: dict[str, list[tuple[str, str]]] = {}
    first: dict[str, Tone] = {}
    for plan in (*all_plans(), NORTH_AMERICAN) if plans is None else plans:
        for tone in plan.tones.values():
            first.setdefault(tone.serialize(), tone)
            meanings.setdefault(tone.serialize(), []).append((plan.country, tone.name))
    return [Sound(first[text], tuple(each)) for text, each in meanings.items()]


@frozen
class Verdict:
    """What was made of one tone on one line."""

    country: str
    tone: str
    heard: tuple[Heard, ...] = field(repr=False)

    def _fits(self, heard: Heard) -> bool:
        return heard.fits(self.tone, self.country) or (self.tone in TEST_TONES and heard.kind is Kind.FREQUENCY)

    @property
    def surely_wrong(self) -> bool:
        return any(each.kind is Kind.TONE and each.confidence >= SURE and not self._fits(each) for each in self.heard)

    @property
    def right(self) -> bool:
        known = sum(each.duration_s for each in self.heard if self._fits(each))
        return not self.surely_wrong and known > 0 and known >= sum(each.duration_s for each in self.heard) / 2

    @property
    def word(self) -> str:
        return "right" if self.right else "surely wrong" if self.surely_wrong else "unsure"


def verdicts(sounds: Sequence[Sound], line: Line, seed: int = 1) -> Iterator[Verdict]:
    """Send every sound over a line and name it, each with a random beginning of the noise and the losses."""
    for number, sound in enumerate(sounds):
        rng = np.random.default_rng([seed, number])
        clean = render(evolve(sound.tone, level_dbm0=line.level_dbm0)).take(sound.count)
        heard = tuple(identify(line.carry(clean, rng)))
        for country, tone in sound.meanings:
            yield Verdict(country, tone, heard)


@frozen
class DigitLine:
    """How digits are sent: to the receiver's limits."""

    name: str
    on_ms: float
    off_ms: float
    level_dbm0: float = -10.0
    twist_db: float = 0.0
    deviation: float = 0.0
    line: Line = Line("")


DIGIT_LINES: Final = (
    *(
        DigitLine(f"{level} dBm0, {law.name}", 50, 50, level, line=Line("", level, (law,)))
        for law in (Law.ALAW, Law.MULAW)
        for level in (-3, -10, -20, -30)
    ),
    DigitLine("40 ms on, 40 ms off", 40, 40),
    DigitLine("1.5 % high", 50, 50, deviation=0.015),
    DigitLine("1.5 % low", 50, 50, deviation=-0.015),
    DigitLine("low frequency 8 dB louder", 50, 50, twist_db=-8),
    DigitLine("high frequency 4 dB louder", 50, 50, twist_db=4),
    DigitLine("noise 15 dB below, 50 ms", 50, 50, line=Line("", -7, noise_db=15)),
    DigitLine("1 % of packets lost, 100 ms on and off", 100, 100, line=Line("", loss=0.01)),
)


def digits_right(sent: DigitLine, count: int, seed: int = 1) -> tuple[int, int]:
    """Send random digits.

    Returns:
        How many were received in their place, and how many there were besides.
    """
    rng = np.random.default_rng(seed)
    digits = "".join(rng.choice(list(DIGITS), count))
    sounds = {
        digit: render_digit(
            digit,
            sent.on_ms,
            level_dbm0=sent.level_dbm0,
            twist_db=sent.twist_db,
            deviation=sent.deviation,
        )
        for digit in DIGITS
    }
    parts: list[Pcm] = []
    onsets: list[int] = []
    position = 0
    for digit in digits:
        gap = samples(sent.off_ms) + int(rng.integers(0, _PACKET))
        onsets.append(position + gap)
        parts += [np.zeros(gap, np.int16), sounds[digit]]
        position += gap + sounds[digit].size
    pcm = sent.line.carry(np.concatenate([*parts, np.zeros(SAMPLE_RATE_HZ, np.int16)]), rng)
    received = detect(pcm)
    right = 0
    taken: set[int] = set()
    places = np.array([each.onset_s * SAMPLE_RATE_HZ for each in received])
    for digit, onset in zip(digits, onsets, strict=True):
        near = np.flatnonzero(np.abs(places - onset) < samples(sent.on_ms / 2))
        if near.size and received[near[0]].digit == digit:
            right += 1
            taken.add(int(near[0]))
    return right, len(received) - len(taken)


def table(lines: Sequence[Line] = LINES, plans: Iterable[TonePlan] | None = None, seed: int = 1) -> Iterator[str]:
    """The accuracy of naming tones, as the rows of a Markdown table, one as soon as it is known."""
    sounds = every_sound(plans)
    yield "| line | tones | right | unsure | surely wrong |"
    yield "|---|---:|---:|---:|---:|"
    total: Counter[str] = Counter()
    for line in lines:
        counted = Counter(verdict.word for verdict in verdicts(sounds, line, seed))
        total += counted
        yield _row(line.name, counted)
    yield _row("**all**", total)


def _row(name: str, counted: Counter[str]) -> str:
    whole = counted.total()
    share = 100 * counted["right"] / max(1, whole)
    return f"| {name} | {whole} | {share:.2f} % | {counted['unsure']} | {counted['surely wrong']} |"


def digit_table(lines: Sequence[DigitLine] = DIGIT_LINES, count: int = 2000, seed: int = 1) -> Iterator[str]:
    """The accuracy of receiving digits, as the rows of a Markdown table."""
    yield "| digits | sent | received | besides |"
    yield "|---|---:|---:|---:|"
    for line in lines:
        right, besides = digits_right(line, count, seed)
        yield f"| {line.name} | {count} | {100 * right / count:.2f} % | {besides} |"
