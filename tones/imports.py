"""Tones as other programs write them, in and out: Asterisk's indications.conf, and the ToneScript of Cisco and Sipura.

indications.conf

    [fr]                                ; a country
    description = France
    ring = 440/1500,0/3500              ; element *( "," element )
    info = !950/330,!1400/330,!1800/330,0

    element = [ "!" ] ( f | f1+f2 | f1*f2 ) [ "/" ms ]      "!" is: not repeated; no time is: for ever; f = 0: silence

ToneScript

    Busy_Tone = 480@-21,620@-21;10(.5/.5/1+2)

    script  = f "@" dBm *( "," f "@" dBm ) 1*2( ";" section )
    section = seconds "(" segment *( "," segment ) ")"          "*" is: for ever; at most six segments
    segment = on "/" off "/" n *( "+" n )                       seconds; n-th frequency, 0: none

A ToneScript has a time after which it ends, which is none of the tone's: `ToneScript.limit_s`. Levels are each
frequency's there, and total power here. What a format cannot say is an `ExportError` that names it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Final

from attrs import evolve, frozen

from tones.notation import NotationError, Segment, Signal
from tones.plan import Tone, TonePlan


class ImportedTonesError(ValueError):
    """A file that does not follow its format; the text is "file:line: what is wrong"."""


class ExportError(ValueError):
    """A tone that a format cannot express; the text says what it is that cannot."""


_ASTERISK: Final = {
    "ring": "ringback",
    "info": "special-information",
    "dialrecall": "dial-recall",
    "stutter": "dial-stutter",
}
_ASTERISK_OUT: Final = {ours: theirs for theirs, ours in _ASTERISK.items()}
_NO_TONES: Final = ("description", "ringcadence", "country", "alias")
_ELEMENT: Final = re.compile(r"\s*(!?)\s*([\d.]+(?:\s*[+*]\s*[\d.]+)?)\s*(?:/\s*(\d+))?\s*")


def parse_asterisk_tone(text: str) -> tuple[Segment, ...]:
    """One tone of an indications.conf.

    Raises:
        NotationError: the text does not follow the format.
    """
    segments: list[Segment] = []
    elements = text.split(",")
    for number, element in enumerate(elements, 1):
        match = _ELEMENT.fullmatch(element)
        if match is None:
            raise NotationError(f"element {number}, {element.strip()!r}, is not [!]frequency[/milliseconds]")
        once, signal, milliseconds = bool(match[1]), Signal.parse(match[2].replace(" ", "")), match[3]
        if milliseconds is None and number < len(elements):
            raise NotationError(f"element {number}, {element.strip()!r}, never ends, but something follows")
        if milliseconds is not None and int(milliseconds) == 0:
            raise NotationError(f"element {number}, {element.strip()!r}, lasts for no time")
        last = segments[-1] if segments else None
        pause = signal.silent and milliseconds is not None
        if pause and last is not None and last.on_ms is not None and last.once == once and not last.signal.silent:
            segments[-1] = evolve(last, off_ms=last.off_ms + float(milliseconds))
        else:
            duration = None if milliseconds is None else float(milliseconds)
            segments.append(Segment((signal,), duration, once=once and duration is not None))
    return tuple(segments)


def serialize_asterisk_tone(tone: Tone) -> str:
    """One tone for an indications.conf; of alternatives, the one that we play.

    Raises:
        ExportError: more than two frequencies at once, or a frequency or a time that is no whole number.
    """
    elements = []
    for segment in tone.segments:
        mark = "!" if segment.once else ""
        if len(segment.signal.frequencies_hz) > 2:
            raise ExportError(f"{tone.name}: {segment.signal.serialize()}: more than two frequencies at once")
        wanted = [*segment.signal.frequencies_hz, segment.signal.modulation_hz or 0, segment.on_ms or 0, segment.off_ms]
        if any(value != int(value) for value in wanted):
            raise ExportError(f"{tone.name}: {segment.serialize()}: only whole numbers of Hz and ms can be written")
        signal = segment.signal.serialize()
        elements.append(f"{mark}{signal}" if segment.on_ms is None else f"{mark}{signal}/{segment.on_ms:.0f}")
        if segment.off_ms:
            elements.append(f"{mark}0/{segment.off_ms:.0f}")
    if not tone.repeats and elements[-1] != "0":
        elements.append("0")
    return ",".join(elements)


def parse_indications(text: str, where: str = "indications.conf") -> list[TonePlan]:
    """Read an indications.conf: a plan for each of its countries.

    Raises:
        ImportedTonesError: a line that does not follow the format, or a country or a tone that is there twice.
    """
    plans: dict[str, dict[str, Tone]] = {}
    names: dict[str, str] = {}
    country: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        content = line.split(";")[0].strip()
        if not content:
            continue
        if content.startswith("["):
            if not re.fullmatch(r"\[[A-Za-z0-9_-]+\](\([!+]\))?", content):
                raise ImportedTonesError(f"{where}:{number}: {content!r} is not [country]")
            section = content[1 : content.index("]")].lower()
            country = None if section == "general" else section
            if country in plans:
                raise ImportedTonesError(f"{where}:{number}: the country {country!r} is there twice")
            if country is not None:
                plans[country] = {}
            continue
        key, equals, value = (part.strip() for part in content.replace("=>", "=", 1).partition("="))
        if not equals:
            raise ImportedTonesError(f"{where}:{number}: {content!r} is neither [country] nor name = tone")
        if key.lower() in _NO_TONES or country is None:
            if key.lower() == "description" and country is not None:
                names[country] = value
            continue
        name = _ASTERISK.get(key.lower(), key.lower())
        if name in plans[country]:
            raise ImportedTonesError(f"{where}:{number}: the tone {key!r} of {country!r} is there twice")
        try:
            plans[country][name] = Tone(name, parse_asterisk_tone(value), sources=(where,))
        except NotationError as error:
            raise ImportedTonesError(f"{where}:{number}: {key}: {error}") from error
    return [TonePlan(country, names.get(country, country), tones) for country, tones in plans.items()]


def serialize_indications(plans: Iterable[TonePlan]) -> str:
    """Write an indications.conf; what it cannot say is there as a comment that says why."""
    lines: list[str] = []
    for plan in plans:
        ringback = plan.tones.get("ringback")
        lines += [f"[{plan.country}]", f"description = {plan.name}"]
        if ringback is not None and ringback.cycle:
            times = [f"{time:.0f}" for segment in ringback.cycle for time in (segment.on_ms or 0, segment.off_ms)]
            lines.append(f"ringcadence = {','.join(times)}")
        for name, tone in plan.tones.items():
            try:
                lines.append(f"{_ASTERISK_OUT.get(name, name)} = {serialize_asterisk_tone(tone)}")
            except ExportError as error:
                lines.append(f"; {error}")
        lines.append("")
    return "\n".join(lines)


_SCRIPT_NAMES: Final = {
    "Dial_Tone": "dial",
    "Second_Dial_Tone": "dial-second",
    "Outside_Dial_Tone": "dial-outside",
    "Prompt_Tone": "prompt",
    "Busy_Tone": "busy",
    "Reorder_Tone": "congestion",
    "Off_Hook_Warning_Tone": "howler",
    "Ring_Back_Tone": "ringback",
    "Call_Waiting_Tone": "callwaiting",
    "Confirm_Tone": "confirmation",
    "SIT1_Tone": "special-information",
    "MWI_Dial_Tone": "message-waiting-dial",
    "Cfwd_Dial_Tone": "dial-special",
    "Holding_Tone": "holding",
}
_SCRIPT_NAMES_OUT: Final = {ours: theirs for theirs, ours in _SCRIPT_NAMES.items()}
_MOST_SEGMENTS: Final = 6
_MOST_SECTIONS: Final = 2
_MOST_FREQUENCIES: Final = 6
_NUMBER: Final = r"\d*\.?\d+|\d+\."
_SECTION: Final = re.compile(rf"\s*(\*|{_NUMBER})\s*\(([^()]*)\)\s*")
_SCRIPT_SEGMENT: Final = re.compile(rf"\s*(\*|{_NUMBER})\s*/\s*({_NUMBER})\s*(?:/\s*(\d+(?:\s*\+\s*\d+)*))?\s*")
_TAGGED: Final = re.compile(r"<(\w+)[^>]*>([^<]*)</\1>")


@frozen
class ToneScript:
    """A tone, and after how many seconds a telephone ends it (None: never)."""

    tone: Tone
    limit_s: float | None = None


def parse_tonescript(text: str, name: str = "tone") -> ToneScript:
    """Read one ToneScript.

    Raises:
        NotationError: the text does not follow the format.
    """
    head, *sections = text.strip().rstrip(";").split(";")
    frequencies, levels = _frequencies(head)
    if not 1 <= len(sections) <= _MOST_SECTIONS:
        raise NotationError(f"{len(sections)} sections; a script has one or two, seconds(on/off/frequencies)")
    segments: list[Segment] = []
    limit_s: float | None = None
    used: set[int] = set()
    for number, section in enumerate(sections):
        match = _SECTION.fullmatch(section)
        if match is None:
            raise NotationError(f"{section.strip()!r} is not seconds(on/off/frequencies)")
        parts = [_script_segment(part, frequencies, used) for part in match[2].split(",")]
        if len(parts) > _MOST_SEGMENTS:
            raise NotationError(f"{len(parts)} segments; a section has at most {_MOST_SEGMENTS}")
        duration_s = None if match[1] == "*" else float(match[1])
        if number + 1 == len(sections) and not _is_one_pass(parts, duration_s):
            segments += parts
            limit_s = duration_s
        elif duration_s is None:
            raise NotationError(f"{section.strip()!r} never ends, but a section follows")
        else:
            segments += _played_once(parts, duration_s * 1000)
    if any(segment.on_ms is None for segment in segments[:-1]):
        raise NotationError("a segment that never ends is followed by another")
    total = sum(10 ** (levels[number] / 10) for number in used)
    level_dbm0 = round(10 * math.log10(total / max(1, _voices(segments, used))), 2) if used else -10.0
    return ToneScript(Tone(name, tuple(segments), level_dbm0), limit_s)


def _is_one_pass(parts: list[Segment], duration_s: float | None) -> bool:
    """Whether the last section ends when its segments have been played once."""
    if duration_s is None or any(part.on_ms is None for part in parts):
        return False
    return duration_s * 1000 <= sum((part.on_ms or 0) + part.off_ms for part in parts) + 0.5


def _voices(segments: Iterable[Segment], used: set[int]) -> float:
    """By how much all frequencies together are louder than those that sound at one time."""
    most = max((len(segment.signal.frequencies_hz) for segment in segments), default=1)
    return len(used) / max(1, most)


def _frequencies(head: str) -> tuple[list[float], list[float]]:
    frequencies, levels = [], []
    for part in head.split(","):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*@\s*([+-]?\d+(?:\.\d+)?)\s*", part)
        if match is None:
            raise NotationError(f"{part.strip()!r} is not frequency@level")
        frequencies.append(float(match[1]))
        levels.append(float(match[2]))
    if len(frequencies) > _MOST_FREQUENCIES:
        raise NotationError(f"{len(frequencies)} frequencies; at most {_MOST_FREQUENCIES} can be used")
    return frequencies, levels


def _script_segment(text: str, frequencies: list[float], used: set[int]) -> Segment:
    match = _SCRIPT_SEGMENT.fullmatch(text)
    if match is None:
        raise NotationError(f"{text.strip()!r} is not on/off/frequencies")
    on, off, which = match[1], float(match[2]) * 1000, match[3]
    numbers = [int(number) for number in which.split("+")] if which else list(range(1, len(frequencies) + 1))
    if any(number > len(frequencies) for number in numbers):
        raise NotationError(f"{text.strip()!r}: there are only {len(frequencies)} frequencies")
    on_ms = None if on == "*" else float(on) * 1000
    if numbers == [0] or on_ms == 0:
        silence_ms = None if on_ms is None else on_ms + off
        return Segment((Signal(),), silence_ms)
    if 0 in numbers:
        raise NotationError(f"{text.strip()!r}: silence (0) cannot sound together with a frequency")
    used.update(number - 1 for number in numbers)
    signal = Signal.parse("+".join(f"{frequencies[number - 1]:g}" for number in numbers))
    return Segment((signal,), None if on_ms is None else round(on_ms, 3), round(off, 3))


def _played_once(parts: list[Segment], duration_ms: float) -> list[Segment]:
    """The segments that are heard in so much time, the last cut off."""
    segments: list[Segment] = []
    left = duration_ms
    while left > 0.5:
        for part in parts:
            if left <= 0.5:
                break
            on_ms = left if part.on_ms is None else min(part.on_ms, left)
            off_ms = min(part.off_ms, left - on_ms)
            segments.append(evolve(part, on_ms=round(on_ms, 3), off_ms=round(off_ms, 3), once=True))
            left -= on_ms + off_ms
    return segments


def serialize_tonescript(script: ToneScript) -> str:
    """Write one ToneScript; of alternatives, the one that we play.

    Raises:
        ExportError: a modulated signal, more than six frequencies, or more segments than two sections hold.
    """
    tone = script.tone
    frequencies: list[float] = []
    for segment in tone.segments:
        if segment.signal.modulation_hz is not None:
            raise ExportError(f"{tone.name}: {segment.signal.serialize()}: ToneScript has no modulation")
        frequencies += [hz for hz in segment.signal.frequencies_hz if hz not in frequencies]
    if not 1 <= len(frequencies) <= _MOST_FREQUENCIES:
        raise ExportError(f"{tone.name}: {len(frequencies)} frequencies; ToneScript has 1 to {_MOST_FREQUENCIES}")
    most = max(len(segment.signal.frequencies_hz) for segment in tone.segments)
    level = tone.level_dbm0 - 10 * math.log10(most)
    sections = []
    if tone.introduction:
        total_s = sum((segment.on_ms or 0) + segment.off_ms for segment in tone.introduction) / 1000
        # What is the whole tone is written out, so that it is read as played once.
        fits = not tone.cycle and len(tone.introduction) <= _MOST_SEGMENTS
        parts = tone.introduction if fits else _least_period(tone.introduction)
        sections.append(f"{total_s:g}({_script_segments(tone, parts, frequencies)})")
    if tone.cycle:
        limit = "*" if script.limit_s is None else f"{script.limit_s:g}"
        sections.append(f"{limit}({_script_segments(tone, tone.cycle, frequencies)})")
    head = ",".join(f"{hz:g}@{round(level, 2):g}" for hz in frequencies)
    return ";".join([head, *sections])


def _least_period(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """The fewest segments that, repeated, are these."""
    for size in range(1, len(segments) + 1):
        if len(segments) % size == 0 and segments[:size] * (len(segments) // size) == segments:
            return segments[:size]
    return segments


def _script_segments(tone: Tone, segments: tuple[Segment, ...], frequencies: list[float]) -> str:
    if len(segments) > _MOST_SEGMENTS:
        raise ExportError(f"{tone.name}: {len(segments)} segments in a row; ToneScript has {_MOST_SEGMENTS}")
    texts = []
    for segment in segments:
        numbers = "+".join(str(frequencies.index(hz) + 1) for hz in segment.signal.frequencies_hz) or "0"
        on = "*" if segment.on_ms is None else f"{segment.on_ms / 1000:g}"
        texts.append(f"{on}/{segment.off_ms / 1000:g}/{numbers}")
    return ",".join(texts)


def parse_tonescripts(text: str, where: str = "tones.txt") -> TonePlan:
    """Read a file of ToneScripts, each `Busy_Tone = script` or `<Busy_Tone>script</Busy_Tone>`.

    Raises:
        ImportedTonesError: a line that does not follow the format, or no tone at all.
    """
    tones: dict[str, Tone] = {}
    for number, line in enumerate(text.splitlines(), 1):
        content = line.strip()
        if not content or content.startswith("#") or ("<" in content and not _TAGGED.search(content)):
            continue
        found = [*_TAGGED.findall(content)]
        if not found:
            key, equals, script = content.replace(":", "=", 1).partition("=")
            if not equals:
                raise ImportedTonesError(f"{where}:{number}: {content!r} is not name = script")
            found = [(key.strip(), script.strip().strip('"'))]
        for key, script in found:
            if "@" not in script:
                continue
            name = _SCRIPT_NAMES.get(key, key.removesuffix("_Tone").lower().replace("_", "-"))
            if name in tones:
                raise ImportedTonesError(f"{where}:{number}: the tone {key!r} is there twice")
            try:
                tones[name] = evolve(parse_tonescript(script, name).tone, sources=(where,))
            except NotationError as error:
                raise ImportedTonesError(f"{where}:{number}: {key}: {error}") from error
    if not tones:
        raise ImportedTonesError(f"{where}:1: there is no tone in it")
    return TonePlan("xx", where, tones)


def serialize_tonescripts(plan: TonePlan) -> str:
    """Write a plan as ToneScripts, one a line; what they cannot say is there as a comment that says why."""
    lines = [f"# {plan.name}"]
    written: set[str] = set()
    for name, tone in plan.tones.items():
        key = _SCRIPT_NAMES_OUT.get(name, "_".join(word.capitalize() for word in name.split("-")) + "_Tone")
        key = key.replace("_Tone", "2_Tone") if key in written else key
        written.add(key)
        try:
            lines.append(f"{key} = {serialize_tonescript(ToneScript(tone))}")
        except ExportError as error:
            lines.append(f"# {error}")
    return "\n".join(lines) + "\n"


def serialize_plan(plan: TonePlan) -> str:
    """Write a plan file, as `tones.plan.parse_plan` reads it."""
    lines = [f"country = {_toml(plan.country)}", f"name = {_toml(plan.name)}"]
    optional: Mapping[str, object] = {
        "aliases": plan.aliases,
        "variant_of": plan.variant_of,
        "language": plan.language,
        "calling_codes": plan.calling_codes,
        "level_note": plan.level_note,
        "notes": plan.notes,
    }
    lines += [f"{key} = {_toml(value)}" for key, value in optional.items() if value]
    lines.append("level_dbm0 = -10")
    if plan.left_out:
        lines.append("left_out = [")
        for each in plan.left_out:
            parts = {"tone": each.tone, "source": each.source, "segments": each.segments, "why": each.why}
            lines.append(f"    {{ {', '.join(f'{key} = {_toml(value)}' for key, value in parts.items())} }},")
        lines.append("]")
    for name, tone in plan.tones.items():
        lines += ["", f"[tones.{name if re.fullmatch('[A-Za-z0-9_-]+', name) else _toml(name)}]"]
        lines += [f"variant = {_toml(tone.variant)}"] if tone.variant else []
        lines += [f"segments = {_toml(tone.serialize())}", f"level_dbm0 = {tone.level_dbm0:g}"]
        lines.append(f"sources = {_toml(tone.sources)}")
        lines += [f"why = {_toml(tone.why)}"] if tone.why else []
        if tone.others:
            lines.append("others = [")
            for other in tone.others:
                segments = "; ".join(segment.serialize() for segment in other.segments)
                lines.append(f"    {{ source = {_toml(other.source)}, segments = {_toml(segments)} }},")
            lines.append("]")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
