"""How a tone is written, and read: `freq/on_ms/off_ms`.

    tone    = item *( "; " item )            played in this order
    item    = segment / count "x(" segment *( "; " segment ) ")"
    segment = [ "!" ] signals "/" on "/" off
    signals = signal *( "//" signal )        any one of these, by exchange; the first is the one we play
    signal  = freq *( "+" freq )             a sum of sines of equal level
            / freq "*" freq                  the first amplitude-modulated by the second
            / "0"                            silence
    on      = "*" / milliseconds             "*" is: until something else happens
    off     = milliseconds

A leading "!" is: not repeated; on an endless segment it means nothing. What follows the last such segment repeats for
ever; if nothing follows, the tone is played once. So "3x(!350+440/100/100); 350+440/*/0" is three bursts of dial tone,
then steady dial tone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import field, frozen
from attrs.validators import ge, gt, optional

_ITEM = re.compile(r"\s*(?:(\d+)x\(([^()]*)\)|([^();]+))\s*(?:;|$)")
_SEGMENT = re.compile(r"\s*(!?)([^/]+(?://[^/]+)*)/([^/]+)/([^/]+?)\s*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class NotationError(ValueError):
    """A tone that does not follow the notation; the text says which part."""


@frozen
class Signal:
    """What sounds at one time: sines of equal level, or a carrier with amplitude modulation; nothing: silence."""

    frequencies_hz: tuple[float, ...] = ()
    modulation_hz: float | None = field(default=None, validator=optional(gt(0)))

    @property
    def silent(self) -> bool:
        return not self.frequencies_hz

    @classmethod
    def parse(cls, text: str) -> Signal:
        """Read "440", "350+440", "400*16" or "0".

        Raises:
            NotationError: anything else, or a frequency that 8 kHz cannot carry.
        """
        carrier, star, modulation = text.strip().partition("*")
        numbers = carrier.split("+")
        for number in (*numbers, modulation) if star else numbers:
            if not _NUMBER.fullmatch(number.strip()):
                raise NotationError(f"{number!r} in {text!r} is not a frequency in Hz")
        frequencies = tuple(sorted(float(number) for number in numbers))
        if frequencies == (0.0,):
            return cls()
        if not (frequencies[0] > 0 and frequencies[-1] < 4000):
            raise NotationError(f"{text!r} is not between 0 and 4000 Hz")
        if star and len(frequencies) != 1:
            raise NotationError(f"{text!r} modulates a sum; only one carrier can be modulated")
        return cls(frequencies, float(modulation) if star else None)

    def serialize(self) -> str:
        """The notation of this signal."""
        if self.silent:
            return "0"
        carrier = "+".join(f"{hz:g}" for hz in self.frequencies_hz)
        return carrier if self.modulation_hz is None else f"{carrier}*{self.modulation_hz:g}"


SILENCE = Signal()


@frozen
class Segment:
    """One signal and the pause after it.

    `signals` are alternatives, the first being the one we play; `on_ms` is None for "until something else
    happens"; `once` segments are not repeated.
    """

    signals: tuple[Signal, ...]
    on_ms: float | None = field(validator=optional(gt(0)))
    off_ms: float = field(default=0.0, validator=ge(0))
    once: bool = False

    @property
    def signal(self) -> Signal:
        """The alternative that we play."""
        return self.signals[0]

    @classmethod
    def parse(cls, text: str) -> Segment:
        """Read one `freq/on_ms/off_ms`.

        Raises:
            NotationError: the text is not one.
        """
        match = _SEGMENT.fullmatch(text)
        if match is None:
            raise NotationError(f"{text!r} is not freq/on_ms/off_ms")
        once, signals, on, off = match.groups()
        for number in (off,) if on == "*" else (on, off):
            if not _NUMBER.fullmatch(number):
                raise NotationError(f"{number!r} in {text!r} is not a number of milliseconds")
        alternatives = tuple(Signal.parse(signal) for signal in signals.split("//"))
        if on != "*" and float(on) == 0:
            raise NotationError(f"{text!r} sounds for no time")
        endless = on == "*"
        return cls(alternatives, None if endless else float(on), float(off), bool(once) and not endless)

    def serialize(self) -> str:
        """The notation of this segment."""
        on = "*" if self.on_ms is None else f"{self.on_ms:g}"
        signals = "//".join(signal.serialize() for signal in self.signals)
        return f"{'!' if self.once else ''}{signals}/{on}/{self.off_ms:g}"


def parse_segments(text: str) -> tuple[Segment, ...]:
    """Read a whole tone.

    Raises:
        NotationError: the text does not follow the notation, or something follows an endless segment.
    """
    segments: list[Segment] = []
    position = 0
    while position < len(text):
        match = _ITEM.match(text, position)
        if match is None:
            raise NotationError(f"{text[position:]!r} is not a segment or n x (segments)")
        count, group, single = match.groups()
        parts = [single] if group is None else group.split(";") * int(count)
        segments.extend(Segment.parse(part) for part in parts)
        position = match.end()
    if not segments:
        raise NotationError("a tone has at least one segment")
    for segment in segments[:-1]:
        if segment.on_ms is None:
            raise NotationError(f"nothing can follow {segment.serialize()!r}, which does not end")
    return tuple(segments)


def serialize_segments(segments: Iterable[Segment]) -> str:
    """The notation of a whole tone, with no groups."""
    return "; ".join(segment.serialize() for segment in segments)
