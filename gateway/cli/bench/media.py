"""`python -m gateway bench media`: how many streams one process sends on time, and what a packet costs it.

N streams of mixed tones leave one process by N connected UDP sockets, through the gateway's own media plane, for a
receiver in another process and on another core. A sender in C, doing the same by the same schedule, is the yardstick.
What a packet costs has on the loopback interface the kernel's reception in it, for both.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np
from attrs import frozen
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from gateway.cli.bench.arrivals import ARRIVAL, DEFINITION, GapFigures, gap_figures
from gateway.cli.bench.figures import figures_table, numbers, seconds
from gateway.cli.bench.machine import (
    CannotCompileError,
    Machine,
    child,
    compile_c,
    first_ephemeral_port,
    raise_file_limit,
    staying_on,
    two_cores,
)
from gateway.config.settings import MediaSettings

STREAMS: Final = (1000, 2000, 3000, 4000, 5000)
SECONDS: Final = 1.5
WAYS_OUT: Final = ("auto", "io_uring", "plain")
RECEIVING_SOCKETS: Final = 16
OPENING_S: Final = 30.0
PACKETS_A_SECOND: Final = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many streams, how long."""
    listed = ",".join(map(str, STREAMS))
    parser.add_argument("--streams", type=numbers, default=STREAMS, metavar="N,N,...", help=f"default: {listed}")
    parser.add_argument("--seconds", type=seconds, default=SECONDS, help="of each measurement (%(default)g)")
    parser.add_argument("--way-out", choices=WAYS_OUT, default=WAYS_OUT[0], help="how packets leave (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")


class MeasurementError(Exception):
    """A measurement could not be made; the text says why."""


@frozen
class MediaFigures:
    """What one sender did with so many streams.

    Args:
        streams: that were asked for.
        opened: of them; fewer where the sender refused the rest rather than let these suffer.
        refusal: why it did.
        gaps: how those that were opened came.
        cpu_us: of the sending process for a packet, user and system.
        failed: sends that the kernel refused.
        schedule_moves: how often the sender came late by more than a packet, and moved its schedule.
        receiver_drops: packets that were sent but not read in time: above 0 the receiver has spoiled the figures.
        octets_a_stream: the process's memory over what it was before the first stream, engine and sounds included,
            sockets in the kernel not; None where it is not measured.
        way_out: how the packets left, if there is a choice.
    """

    streams: int
    gaps: GapFigures
    cpu_us: float
    failed: int
    schedule_moves: int
    receiver_drops: int
    opened: int
    refusal: str = ""
    octets_a_stream: float | None = None
    way_out: str = ""

    @property
    def held(self) -> bool:
        """Whether all streams were opened and held."""
        return self.opened == self.streams and self.gaps.held


@frozen
class Comparison:
    """The gateway's sender and the C sender with as many streams; None: not measured, the remark says why."""

    streams: int
    gateway: MediaFigures | None
    c: MediaFigures | None
    remark: str = ""

    @property
    def cpu_ratio(self) -> float | None:
        """CPU a packet, gateway to C."""
        return self.gateway.cpu_us / self.c.cpu_us if self.gateway and self.c and self.c.cpu_us else None


class Receiver:
    """The receiving process, from outside."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._file = folder / "arrivals"
        self.ports: list[int] = self._answer()

    def start(self) -> None:
        """Forget what has come."""
        self._tell("start")
        self._answer()

    def stop(self) -> tuple[np.ndarray[Any, np.dtype[np.void]], int]:
        """What has come, and how many packets were lost for not being read in time."""
        self._tell(f"stop {self._file}")
        drops = int(self._answer()["drops"])
        return np.fromfile(self._file, ARRIVAL), drops

    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise MeasurementError("the receiving process has ended")
        return json.loads(line)


class MediaBench:
    """Measures, once its processes stand ready.

    Args:
        folder: for the compiled sender and the arrivals.
        receiver: where the streams go.
        seconds: of each measurement.
        core: for the senders.
        way_out: the gateway's setting.
    """

    def __init__(self, folder: Path, receiver: Receiver, seconds: float, core: int, way_out: str) -> None:
        self._receiver = receiver
        self._way_out = way_out
        self._seconds = seconds
        self._core = core
        self.without_c = ""
        try:
            self._yardstick: Path | None = compile_c("yardstick", folder)
        except CannotCompileError as error:
            self._yardstick = None
            self.without_c = f"no yardstick: {error}"

    def compare(self, streams: int) -> Comparison:
        """Both senders with so many streams, one after the other."""
        remarks = []
        figures: list[MediaFigures | None] = []
        for command in (self.gateway_command(), self.c_command()):
            try:
                figures.append(None if command is None else self.measure(command, streams))
            except MeasurementError as error:
                figures.append(None)
                remarks.append(str(error))
        return Comparison(streams, figures[0], figures[1], "; ".join(dict.fromkeys(remarks)))

    def gateway_command(self) -> list[str]:
        """What starts the gateway's sender."""
        return [sys.executable, "-m", "gateway.cli.bench.sending", self._way_out]

    def c_command(self) -> list[str] | None:
        """What starts the C sender, if there is one."""
        return None if self._yardstick is None else [str(self._yardstick)]

    def measure(self, command: list[str], streams: int) -> MediaFigures:
        """The figures of one sender.

        Raises:
            MeasurementError: it could not open its streams, or has not ended.
        """
        if raise_file_limit(streams) < streams:
            raise MeasurementError(f"{streams} streams need as many files: raise the limit (ulimit -n)")
        ports = rtp_ports(streams)
        words = [self._core, streams, self._seconds, *ports, *self._receiver.ports]
        self._receiver.start()
        with child([*command, *map(str, words)], self._core, stdout=subprocess.PIPE, text=True) as sender:
            try:
                output, _ = sender.communicate(timeout=self._seconds * 2 + OPENING_S)
            except subprocess.TimeoutExpired:
                raise MeasurementError(f"{streams} streams: the sender has not ended") from None
        arrivals, drops = self._receiver.stop()
        if sender.returncode or not output:
            raise MeasurementError(f"{streams} streams: the sender has ended with status {sender.returncode}")
        return read_figures(json.loads(output), arrivals, streams, drops)


def read_figures(report: dict[str, Any], arrivals: Any, streams: int, drops: int) -> MediaFigures:
    """The figures from a sender's report and from what arrived.

    Raises:
        MeasurementError: the report is that it could not be.
    """
    if "error" in report:
        raise MeasurementError(f"{streams} streams: {report['error']}")
    opened = report.get("opened", streams)
    return MediaFigures(
        streams=streams,
        opened=opened,
        refusal=report.get("refusal", ""),
        way_out=report.get("way_out", ""),
        gaps=gap_figures(arrivals, opened, report["begin_ns"], report["end_ns"]),
        cpu_us=report["cpu_s"] * 1e6 / max(report["packets"], 1),
        failed=report["failed"],
        schedule_moves=report["schedule_moves"],
        receiver_drops=drops,
        octets_a_stream=report.get("octets_a_stream"),
    )


def rtp_ports(streams: int) -> tuple[int, int]:
    """Ports for so many streams, as the gateway has them by default; more of them further down.

    All are below the ports that the kernel gives to anybody. Each stream takes an even one; some room is left for those
    that others have.
    """
    first, last = MediaSettings().rtp_ports
    last = min(last, first_ephemeral_port() - 1)
    return max(min(first, last - 2 * streams - 200), 1024), last


@contextmanager
def receiving(folder: Path, core: int, packets: int) -> Iterator[Receiver]:
    """A receiving process."""
    command = [sys.executable, "-m", "gateway.cli.bench.receiving", str(core), str(RECEIVING_SOCKETS), str(packets)]
    with child(command, core, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Receiver(process, folder)


def run(arguments: argparse.Namespace) -> int:
    """0: measured; 1: it could not be, and why."""
    machine, console = Machine.here(), Console()
    core, load_core = two_cores()
    console.print(f"bench media: {machine}", highlight=False)
    most = max(arguments.streams)
    packets = round(most * PACKETS_A_SECOND * (arguments.seconds + OPENING_S))
    try:
        with (
            staying_on(load_core),
            tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder,
            receiving(Path(folder), load_core, packets) as receiver,
        ):
            bench = MediaBench(Path(folder), receiver, arguments.seconds, core, arguments.way_out)
            comparisons = list(_measured(bench, arguments.streams))
    except MeasurementError as error:
        print(f"bench media: {error}", file=sys.stderr)
        return 1
    console.print(table(comparisons, arguments.seconds))
    for line in summary(comparisons, bench.without_c):
        console.print(line, highlight=False)
    if arguments.json:
        arguments.json.write_text(json.dumps(as_data(machine, comparisons), indent=2) + "\n")
    return 0 if any(comparison.gateway for comparison in comparisons) else 1


def _measured(bench: MediaBench, streams: tuple[int, ...]) -> Iterator[Comparison]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("media", total=len(streams))
        for count in streams:
            progress.update(task, description=f"{count} streams")
            yield bench.compare(count)
            progress.advance(task)


def table(comparisons: list[Comparison], lasting_s: float) -> Table:
    """The figures, two rows for each number of streams."""
    made = figures_table(f"one-way RTP, mixed tones, {lasting_s:g} s each", DEFINITION)
    for heading in ("streams", "sender", "on time %", "p50 ms", "p99 ms", "max ms", "lost", "CPU us", "x C", "KB each"):
        made.add_column(heading, justify="left" if heading == "sender" else "right")
    for comparison in comparisons:
        made.add_row(str(comparison.streams), "gateway", *_cells(comparison.gateway, comparison.cpu_ratio))
        if comparison.c is not None:
            made.add_row("", "C", *_cells(comparison.c))
    return made


def _cells(figures: MediaFigures | None, cpu_ratio: float | None = None) -> list[str]:
    if figures is None:
        return ["-"] * 8
    gaps, memory = figures.gaps, figures.octets_a_stream
    on_time = f"{100 * gaps.on_time_share:.2f}"
    return [
        on_time if figures.held else f"[red]{on_time}[/red]",
        *(f"{value:.2f}" for value in (gaps.p50_ms, gaps.p99_ms, gaps.max_ms)),
        str(gaps.lost),
        f"{figures.cpu_us:.2f}",
        "" if cpu_ratio is None else f"{cpu_ratio:.2f}",
        "" if memory is None else f"{memory / 1024:.1f}",
    ]


def streams_held(figures: list[MediaFigures | None]) -> int:
    """The largest number of streams with 99.9 % on time; 0 where there is none."""
    return max((one.streams for one in figures if one is not None and one.held), default=0)


def summary(comparisons: list[Comparison], without_c: str) -> list[str]:
    """In words."""
    held = streams_held([comparison.gateway for comparison in comparisons])
    held_by_c = streams_held([comparison.c for comparison in comparisons])
    beside = without_c or f"the C sender holds {held_by_c}"
    ways = dict.fromkeys(one.gateway.way_out for one in comparisons if one.gateway and one.gateway.way_out)
    by = f" by {', '.join(ways)}" if ways else ""
    lines = [f"streams held{by}: {held}; {beside}"]
    at_held = [comparison for comparison in comparisons if comparison.streams == held]
    if at_held and (ratio := at_held[0].cpu_ratio) is not None:
        lines.append(f"CPU a packet at {held} streams: {ratio:.2f} times C's")
    lines += [comparison.remark for comparison in comparisons if comparison.remark]
    for comparison in comparisons:
        for name, figures in (("gateway", comparison.gateway), ("C", comparison.c)):
            if figures is None:
                continue
            if figures.opened < figures.streams:
                lines.append(f"{comparison.streams} streams, {name}: {figures.opened} taken, then: {figures.refusal}")
            if figures.receiver_drops:
                lines.append(
                    f"{comparison.streams} streams, {name}: the receiver dropped {figures.receiver_drops} packets; "
                    "its figures are not the sender's"
                )
            if figures.schedule_moves or figures.failed:
                lines.append(
                    f"{comparison.streams} streams, {name}: the schedule was moved {figures.schedule_moves} times, "
                    f"{figures.failed} sends failed"
                )
    return lines


def as_data(machine: Machine, comparisons: list[Comparison]) -> dict[str, Any]:
    """Everything, for JSON."""
    rows = []
    for comparison in comparisons:
        row = attrs.asdict(comparison) | {"cpu_ratio": comparison.cpu_ratio}
        for name, figures in (("gateway", comparison.gateway), ("c", comparison.c)):
            if figures is not None:
                row[name]["gaps"]["on_time_share"] = figures.gaps.on_time_share
        rows.append(row)
    return {
        "bench": "media",
        "machine": attrs.asdict(machine),
        "definition": DEFINITION,
        "streams_held": streams_held([comparison.gateway for comparison in comparisons]),
        "streams_held_by_c": streams_held([comparison.c for comparison in comparisons]),
        "rows": rows,
    }
