"""`python -m gateway identify FILE`: what is heard in every RTP stream of a capture, ours or taken elsewhere.

pcapng and pcap, also compressed by gzip. Its signalling says which packets are sound; where there is none, what looks
like G.711 in RTP is taken for it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import attrs
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from gateway.cli.ladder_view import WIDTH_OF_A_FILE
from gateway.core.errors import GatewayError, ParseError
from gateway.trace.capture_file import Frame, read_frames
from gateway.trace.frames import Skipped
from gateway.trace.hearing import HeardStream, Hearing, Sound, Source, country_of
from gateway.trace.ladder import printable
from gateway.trace.pcapng import Endpoint
from tones.announcement import available_languages
from tones.detect.heard import Kind
from tones.plan import UnknownPlanError, load_plan

SURE: Final = 0.7
_MOST_COUNTRIES: Final = 6
_SHOWN_EVERY: Final = 2000
_GZIP: Final = b"\x1f\x8b"
_WORTH_TELLING: Final = (Skipped.FRAGMENT, Skipped.SHORT, Skipped.LINK)


class NothingHeardError(GatewayError):
    """There is nothing to listen to."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and what to look for."""
    parser.add_argument("file", type=Path, help="a capture: .pcapng or .pcap, or either as .gz")
    parser.add_argument("--call", type=int, metavar="N", help="only the streams of the Nth call of its SIP")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--country", action="append", help="look among the tones of this plan only (may be repeated)")
    parser.add_argument(
        "--language", default="", choices=available_languages(), help="of announcements; else the called country's"
    )


def run(arguments: argparse.Namespace) -> int:
    """0: listened to all of it; 1: it is broken, or there is nothing to hear in it; standard error says what."""
    try:
        plans = [load_plan(country) for country in arguments.country] if arguments.country else None
        hearing = Hearing(plans, arguments.language)
        error = _listen(hearing, arguments.file, arguments.call)
        _check(hearing, arguments.call, error)
    except (OSError, EOFError, zlib.error, GatewayError, UnknownPlanError) as failed:
        print(f"identify: {_in_file(arguments.file, failed)}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(as_json(hearing, str(arguments.file), error), indent=2, ensure_ascii=False))
    else:
        console = Console()
        Report(console if console.is_terminal else Console(width=WIDTH_OF_A_FILE)).show(hearing)
    if error is not None:
        print(f"identify: {_in_file(arguments.file, error)}; what is before it was listened to", file=sys.stderr)
    return 0 if error is None else 1


def _in_file(path: Path, error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
        return f"{path}: {error.strerror or error}"
    if isinstance(error, gzip.BadGzipFile | EOFError | zlib.error):
        return f"{path}: broken gzip file: {error}"
    return str(error) if isinstance(error, UnknownPlanError) else f"{path}: {error}"


def _check(hearing: Hearing, call: int | None, error: ParseError | None) -> None:
    calls = hearing.calls.calls
    if error is not None and not hearing.frames:
        raise error
    if call is not None and not 1 <= call <= len(calls):
        raise NothingHeardError(f"there is no call {call}: the capture has {len(calls)}")
    if not hearing.streams:
        of_it = "" if call is None else f" of call {call}"
        skipped = "".join(f"; {count} {why}" for why, count in hearing.skipped.items())
        raise NothingHeardError(f"no RTP{of_it} in {hearing.frames} packets{skipped}")


def _listen(hearing: Hearing, path: Path, call: int | None) -> ParseError | None:
    """Read the file twice; what broke it off, if something did."""
    error = None
    readings: tuple[Callable[[Iterator[Frame]], None], ...] = (
        hearing.signalling,
        lambda frames: hearing.media(frames, call),
    )
    with _progress(path) as shown:
        for number, reading in enumerate(readings):
            with path.open("rb") as raw:
                compressed = raw.read(2) == _GZIP
                raw.seek(0)
                file = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if compressed else raw
                try:
                    reading(_shown(read_frames(file), raw, number, shown))
                except ParseError as failed:
                    error = failed
    return error


def _shown(frames: Iterator[Frame], raw: BinaryIO, number: int, shown: Callable[[int, int], None]) -> Iterator[Frame]:
    for count, frame in enumerate(frames):
        if count % _SHOWN_EVERY == 0:
            shown(number, raw.tell())
        yield frame


@contextmanager
def _progress(path: Path) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal, gone at the end; elsewhere nothing."""
    console = Console(stderr=True)
    size = path.stat().st_size
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("signalling", total=size)

        def shown(number: int, position: int) -> None:
            progress.update(task, description=("signalling", "sound")[number], completed=position)

        yield shown


def as_json(hearing: Hearing, file: str, error: ParseError | None = None) -> dict[str, Any]:
    """Everything that is known, in values of JSON."""
    return {
        "file": file,
        "packets": hearing.frames,
        "skipped": {why.name.lower(): count for why, count in hearing.skipped.items()},
        "error": None if error is None else str(error),
        "calls": [
            {"number": call.number, "call_id": call.call_id, "caller": call.caller, "called": call.called}
            for call in hearing.calls.calls
        ],
        "streams": [_stream_as_json(each) for each in hearing.streams],
    }


def _stream_as_json(heard: HeardStream) -> dict[str, Any]:
    stream = heard.stream
    announced = stream.announced
    return {
        "call": None if announced is None else announced.call.number,
        "found_by": "heuristics" if announced is None else "sdp",
        "source": _address(stream.source),
        "destination": _address(stream.destination),
        "ssrc": stream.ssrc,
        "codecs": list(stream.codecs),
        "decoded": stream.decoded,
        "begins_s": round(heard.begins_s, 6),
        "duration_s": round(stream.duration_s, 6),
        "packets": stream.packets,
        "lost": stream.lost,
        "duplicates": stream.duplicates,
        "out_of_order": stream.statistics.out_of_order,
        "cut_packets": stream.cut_packets,
        "jitter_ms": round(stream.jitter_ms, 3),
        "clicks": heard.clicks,
        "dropouts": heard.dropouts,
        "sounds": [
            attrs.asdict(sound) | {"at_s": round(sound.at_s, 3), "duration_s": round(sound.duration_s, 3)}
            for sound in heard.sounds
        ],
    }


def _address(endpoint: Endpoint) -> str:
    host, port = endpoint
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Report:
    """Prints what was heard, stream by stream."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, hearing: Hearing) -> None:
        """All of it."""
        for heard in hearing.streams:
            self._line(self._title(heard), "bold")
            self._line(self._numbers(heard), "dim")
            if not heard.stream.decoded and heard.stream.codecs:
                self._line(f"  {', '.join(heard.stream.codecs)} is not decoded: only its packets are counted", "yellow")
            if heard.stream.cut_packets:
                self._line(f"  {heard.stream.cut_packets} packets were captured in part only: silence here", "yellow")
            if sounds := heard.sounds:
                self._console.print(_table(sounds, country_of(heard.stream)))
            self._line("")
        passed = [f"{hearing.skipped[why]} {why}" for why in _WORTH_TELLING if hearing.skipped[why]]
        if hearing.calls.unreadable:
            passed.append(f"{hearing.calls.unreadable} SIP messages that cannot be read")
        if passed:
            self._line(f"Passed over: {', '.join(passed)}", "yellow")

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(printable(text), style=style), soft_wrap=True, highlight=False)

    def _title(self, heard: HeardStream) -> str:
        stream = heard.stream
        announced = stream.announced
        words = f"{_address(stream.source)} to {_address(stream.destination)}"
        if announced is None:
            return f"{words}, found without signalling"
        who = "the caller" if announced.to_caller else "the called party"
        return f"{announced.call}: what {who} {'hears' if stream.is_awaited else 'says'}, {words}"

    def _numbers(self, heard: HeardStream) -> str:
        stream = heard.stream
        expected = stream.packets - stream.duplicates + stream.lost
        share = f" ({100 * stream.lost / expected:.1f} %)" if stream.lost else ""
        return (
            f"  SSRC {stream.ssrc:#010x}, {' + '.join(stream.codecs) or 'no audio'}, {stream.packets} packets, "
            f"{stream.lost} lost{share}, {stream.duplicates} duplicates, jitter {stream.jitter_ms:.1f} ms, "
            f"{stream.duration_s:.2f} s from {heard.begins_s:.3f} s"
        )


def _table(sounds: list[Sound], country: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading, justify in (("", "left"), ("at", "right"), ("for", "right"), ("what", "left"), ("where", "left")):
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]  # one of rich's words
    for heading in ("dBm0", "sure"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("faults", overflow="fold")
    for sound in sounds:
        table.add_row(
            "",
            f"{sound.at_s:.2f} s",
            f"{sound.duration_s:.2f} s",
            Text(printable(_what(sound)), style=_style(sound)),
            _where(sound, country),
            "" if sound.kind == Kind.SILENCE else f"{sound.level_dbm0:.1f}",
            "" if sound.kind == Kind.SILENCE else f"{100 * sound.confidence:.0f} %",
            _faults(sound),
        )
    return table


def _what(sound: Sound) -> str:
    words = f"{sound.words} (telephone-event)" if sound.source is Source.EVENT else sound.words
    hertz = "+".join(f"{hz:.0f}" for hz in sound.frequencies_hz) if sound.kind == Kind.TONE else ""
    return f'{words}: "{sound.text}"' if sound.text else f"{words}, {hertz} Hz" if hertz else words


def _style(sound: Sound) -> str:
    if sound.kind == Kind.SILENCE:
        return "dim"
    return "bold green" if sound.confidence >= SURE else "yellow"


def _where(sound: Sound, country: str) -> str:
    """The countries, first that in which it is most likely."""
    ordered = sorted(sound.countries, key=lambda each: each != country)
    first, rest = ordered[:_MOST_COUNTRIES], ordered[_MOST_COUNTRIES:]
    return ", ".join(first) + (f" and {len(rest)} more" if rest else "")


def _faults(sound: Sound) -> str:
    counted = ((sound.dropouts, "dropout"), (sound.clicks, "click"))
    return ", ".join(f"{count} {what}{'s' if count > 1 else ''}" for count, what in counted if count)
