"""The commands of `python -m tones`: list, show, play, plot, render, export, import, identify, record, accuracy."""

from __future__ import annotations

import argparse
import re
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

import numpy as np
from numpy.typing import NDArray

from tones import accuracy, imports, talk_off
from tones.announcement import UnknownRecordingError, available_languages, find_recording
from tones.cadence import render
from tones.detect import Heard, Kind
from tones.detect.stream import listen_to_stream
from tones.g711 import Law, encode
from tones.microphone import Microphone, MicrophoneError, announcement_of, meter, record
from tones.plan import (
    FoundTone,
    PlanError,
    TonePlan,
    UnknownPlanError,
    UnknownToneError,
    all_plans,
    available_plans,
    load_plan,
    parse_plan,
)
from tones.plan_index import plan_index
from tones.playback import PlaybackError, play
from tones.plot import LONGEST_S, PictureError, draw
from tones.units import SAMPLE_RATE_HZ, level_dbm0
from tones.wav import WavError, read_blocks, read_wav, write_wav

Pcm = NDArray[np.int16]

_LAWS: Final = {"a": Law.ALAW, "u": Law.MULAW}
_TROUBLES: Final = (
    MicrophoneError,
    OSError,
    PictureError,
    PlanError,
    PlaybackError,
    UnknownPlanError,
    UnknownRecordingError,
    UnknownToneError,
    WavError,
    imports.ImportedTonesError,
    talk_off.NoVoiceError,
)
_MOST_COUNTRIES: Final = 6


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None) -> int:
    """Do one command.

    Args:
        arguments: None is those of the process.
        out: where the answer goes; None is standard output.

    Returns:
        0; 1 where it cannot be done, with the reason on standard error; argparse leaves with 2.
    """
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], Iterator[str]] = options.command
    try:
        for line in command(options):
            print(line, file=out or sys.stdout, flush=True)
    except BrokenPipeError:
        return 0
    except _TROUBLES as error:
        print(f"python -m tones: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tones", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], Iterator[str]], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    add("list", _list, "every plan: code, name, country codes, language")
    sub = add("show", _show, "a plan: its tones, levels, sources, and why these")
    sub.add_argument("country")
    for name, command, text in (
        ("play", _play, "play a tone on the sound card"),
        ("plot", _plot, "draw a tone: waveform, spectrogram, cadence, level"),
        ("render", _render, "write a tone as a WAV file"),
    ):
        sub = add(name, command, text)
        sub.add_argument("country", help="the plan")
        sub.add_argument("tone")
        sub.add_argument("--seconds", type=_seconds, default=10.0)
        if name == "plot":
            sub.add_argument("-o", "--out", required=True, help="a .png or .svg file")
        if name == "render":
            sub.add_argument("file")
            sub.add_argument("--law", choices=sorted(_LAWS), help="G.711 A-law or mu-law; else 16-bit PCM")
    sub = add("export", _export, "write plans as another program's file")
    sub.add_argument("country", nargs="*", help="none: all")
    sub.add_argument("--format", choices=("indications.conf", "tonescript", "toml"), default="indications.conf")
    sub = add("import", _import, "read another program's file (or a plan file) and write plan files")
    sub.add_argument("file")
    sub.add_argument("--format", choices=("indications.conf", "tonescript", "toml"), help="else by what is in it")
    sub.add_argument("-o", "--out", help="a folder for the plan files; else they are printed")
    sub = add("identify", _identify, "name what is heard in WAV files of any rate, width and length")
    sub.add_argument("file", nargs="+")
    sub.add_argument("--country", action="append", help="look among the tones of this plan only (may be repeated)")
    sub.add_argument(
        "--language", default="en", choices=available_languages(), help="of the recordings looked for first"
    )
    sub.add_argument("--plot", metavar="FILE", help="draw the (first) recording, too")
    sub = add("record", _record, "record an announcement from the microphone; Enter or Ctrl-C ends it")
    sub.add_argument("name", type=_file_name, help="what it is called: NAME.wav in this folder")
    sub.add_argument("--seconds", type=_seconds, help="how long; else until it is ended")
    sub.add_argument("--out", metavar="FILE", help="write it there instead")
    sub.add_argument("--force", action="store_true", help="replace a file that is there")
    sub = add("accuracy", _accuracy, "measure how often the detectors are right; takes minutes")
    sub.add_argument("--quick", action="store_true", help="two lines and no talk-off")
    sub.add_argument("--seed", type=int, default=1, help="of the noise, the losses, the digits and the speech")
    sub.add_argument("--talk-off-minutes", type=float, default=60.0, help="speech and music that must have no digit")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} s is not between 0 and an hour")
    return seconds


def _file_name(text: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z_][0-9A-Za-z_.-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name: letters, digits, '_', '-' and '.' make one")
    return text.removesuffix(".wav")


def _list(_: argparse.Namespace) -> Iterator[str]:
    index = plan_index()
    codes: dict[str, list[str]] = {}
    for code, country in index.countries_by_code.items():
        codes.setdefault(country, []).append(code)
    for country, name in index.names.items():
        own = codes.get(country, [])
        shown = ", ".join(f"+{code}" for code in own[:4]) + (f" and {len(own) - 4} more" if len(own) > 4 else "")
        yield f"{country:7}{name:46}{index.languages[country]:4}{shown}".rstrip()


def _show(options: argparse.Namespace) -> Iterator[str]:
    plan = load_plan(options.country)
    yield f"{plan.name} ({plan.country})" + (f", a variant of {plan.variant_of}" if plan.variant_of else "")
    if plan.calling_codes:
        yield f"  country codes: {', '.join('+' + code for code in plan.calling_codes)}"
    first = find_recording("hello", plan.language)
    yield f"  language: {plan.language}" + (f" (announcements in {first.language})" if first.fallback else "")
    yield f"  levels: {plan.level_note}"
    yield from (f"  note: {note}" for note in plan.notes)
    for name, tone in plan.tones.items():
        yield f"{name}: {tone.serialize()}   {tone.level_dbm0:g} dBm0   [{', '.join(tone.sources)}]"
        if tone.why:
            yield f"    why: {tone.why}"
        for other in tone.others:
            yield f"    {other.source}: {'; '.join(segment.serialize() for segment in other.segments)}"
    yield from (f"left out: {each.tone} of {each.source}, {each.segments}: {each.why}" for each in plan.left_out)


def _sound(options: argparse.Namespace) -> tuple[FoundTone, Pcm]:
    found = load_plan(options.country).find(options.tone)
    return found, render(found.tone).take(round(options.seconds * SAMPLE_RATE_HZ))


def _named(found: FoundTone, asked: str) -> str:
    level = f"{found.tone.level_dbm0:g} dBm0"
    words = f"{found.tone.name} of {found.plan.name}: {found.tone.serialize()}, {level}"
    return f"{words} (there is no {asked} in the plan that was asked)" if found.fallback else words


def _play(options: argparse.Namespace) -> Iterator[str]:
    found, pcm = _sound(options)
    yield _named(found, options.tone)
    play(pcm)


def _plot(options: argparse.Namespace) -> Iterator[str]:
    found, pcm = _sound(options)
    draw(pcm, options.out, _named(found, options.tone))
    yield f"{options.out}: {_named(found, options.tone)}"


def _render(options: argparse.Namespace) -> Iterator[str]:
    found, pcm = _sound(options)
    law = _LAWS.get(options.law)
    write_wav(options.file, pcm if law is None else encode(pcm, law), law)
    yield f"{options.file}: {_named(found, options.tone)}"


def _export(options: argparse.Namespace) -> Iterator[str]:
    plans = [load_plan(country) for country in options.country or available_plans()]
    match options.format:
        case "indications.conf":
            yield imports.serialize_indications(plans)
        case "tonescript":
            yield from (imports.serialize_tonescripts(plan) for plan in plans)
        case _:
            yield from (imports.serialize_plan(plan) for plan in plans)


def _format_of(text: str) -> str:
    lines = [line.strip() for line in text.splitlines()]
    if any("@" in line and "(" in line for line in lines):
        return "tonescript"
    return "toml" if any(line.startswith("[tones.") for line in lines) else "indications.conf"


def _read_plans(path: Path, wanted: str | None) -> list[TonePlan]:
    text = path.read_text(encoding="utf-8", errors="replace")
    match wanted or _format_of(text):
        case "tonescript":
            return [imports.parse_tonescripts(text, str(path))]
        case "toml":
            return [parse_plan(text, str(path))]
        case _:
            return imports.parse_indications(text, str(path))


def _import(options: argparse.Namespace) -> Iterator[str]:
    for plan in _read_plans(Path(options.file), options.format):
        if options.out is None:
            yield imports.serialize_plan(plan)
            continue
        folder = Path(options.out)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{plan.country}.toml"
        target.write_text(imports.serialize_plan(plan), encoding="utf-8")
        yield f"{target}: {len(plan.tones)} tones"


def _identify(options: argparse.Namespace) -> Iterator[str]:
    plans = [load_plan(country) for country in options.country] if options.country else None
    drawn: list[Heard] = []
    for number, path in enumerate(options.file):
        if len(options.file) > 1:
            yield f"{path}:"
        for heard in listen_to_stream(read_blocks(path), plans, language=options.language):
            yield _described(heard)
            if options.plot and number == 0:
                drawn.append(heard)
    if options.plot:
        draw(read_wav(options.file[0], LONGEST_S), options.plot, Path(options.file[0]).name, drawn)


def _described(heard: Heard) -> str:
    """ "   1.20-   5.20 s  busy or congestion   440 Hz  -10.0 dBm0   98 %   fr, ga and 8 more"."""
    words = [f"{heard.onset_s:8.2f} -{heard.end_s:8.2f} s", f"{heard.words:32}", f"{heard.level_dbm0:6.1f} dBm0"]
    if heard.kind is not Kind.SILENCE:
        words.append(f"{100 * heard.confidence:3.0f} %")
    if heard.kind is Kind.TONE:
        first, rest = heard.countries[:_MOST_COUNTRIES], heard.countries[_MOST_COUNTRIES:]
        words.append("+".join(f"{hz:.0f}" for hz in heard.frequencies_hz) + " Hz")
        words.append(", ".join(first) + (f" and {len(rest)} more" if rest else ""))
    return "  ".join(words).rstrip()


def _record(options: argparse.Namespace) -> Iterator[str]:
    path = Path(options.out or f"{options.name}.wav")
    if path.exists() and not options.force:
        raise MicrophoneError(f"{path} is there already; --force replaces it")
    microphone = Microphone()
    show = sys.stderr.isatty()
    try:
        ends = f"after {options.seconds:g} s" if options.seconds else "with Enter or Ctrl-C"
        yield f"recording {path}; it ends {ends}"
        recorded = record(
            microphone,
            options.seconds,
            lambda *block: print(f"\r{meter(*block)}", end="", file=sys.stderr, flush=True) if show else None,
            _enter_pressed,
        )
    finally:
        microphone.close()
        if show:
            print(file=sys.stderr)
    pcm = announcement_of(recorded, microphone.rate_hz)
    write_wav(path, pcm)
    said_s, whole_s = pcm.size / SAMPLE_RATE_HZ, recorded.size / microphone.rate_hz
    yield f"{path}: {said_s:.1f} s of the {whole_s:.1f} s, {level_dbm0(pcm):.1f} dBm0"


def _enter_pressed() -> bool:
    """Whether a line has been typed; never where nobody can type."""
    if not sys.stdin.isatty():
        return False
    ready, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(ready) and bool(sys.stdin.readline())


def _accuracy(options: argparse.Namespace) -> Iterator[str]:
    plans = all_plans()
    yield f"{len(plans)} plans, {sum(len(plan.tones) for plan in plans)} tones"
    yield ""
    yield from accuracy.table(accuracy.QUICK if options.quick else accuracy.LINES, seed=options.seed)
    yield ""
    yield from accuracy.digit_table(count=200 if options.quick else 2000, seed=options.seed)
    if not options.quick and options.talk_off_minutes > 0:
        yield ""
        yield from talk_off.table(options.talk_off_minutes, options.seed)
