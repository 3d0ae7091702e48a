"""`python -m gateway bench two-way`: answered calls, both ways, each with a jitter buffer, a DTMF receiver and an echo.

The callers talk from another core, a packet every 20 ms; the gateway's media plane takes what they say through its
jitter buffers to the exchange, which listens for digits and echoes. A C program that gives every datagram straight
back, without any buffer, is the yardstick.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress

from gateway.cli.bench.figures import figures_table, numbers, seconds
from gateway.cli.bench.machine import CannotCompileError, Machine, child, compile_c, staying_on, two_cores
from gateway.cli.bench.media import MeasurementError, rtp_ports

CALLS: Final = (200, 500, 1000)
SECONDS: Final = 5.0
_Report = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many calls, how long."""
    listed = ",".join(map(str, CALLS))
    parser.add_argument("--calls", type=numbers, default=CALLS, metavar="N,N,...", help=f"default: {listed}")
    parser.add_argument("--seconds", type=seconds, default=SECONDS, help="of each measurement (%(default)g)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")


def measure(command: list[str], calls: int, lasting_s: float, cores: tuple[int, int], *, is_c: bool) -> _Report:
    """The figures of one echo under so many calls.

    Raises:
        MeasurementError: it could not be.
    """
    core, load_core = cores
    callers_command = [sys.executable, "-m", "gateway.cli.bench.callers", str(load_core), str(calls)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stdin": subprocess.PIPE, "text": True}
    with child(callers_command, load_core, **pipes) as callers:
        theirs = _line(callers, "the callers")
        words = [str(core), str(calls), str(lasting_s)]
        if not is_c:
            words += [str(port) for port in (*rtp_ports(calls), *theirs)]
        with child([*command, *words], core, stdout=subprocess.PIPE, text=True) as echo:
            ours = _line(echo, "the echo")
            assert callers.stdin is not None
            callers.stdin.write(json.dumps(ours) + "\n")
            callers.stdin.flush()
            report: _Report = _line(echo, "the echo")
            callers.stdin.close()
            return report | {"callers": _line(callers, "the callers")}


def _line(process: subprocess.Popen[str], who: str) -> Any:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise MeasurementError(f"{who} ended with status {process.poll()}")
    return json.loads(line)


def run(arguments: argparse.Namespace) -> int:
    """0: measured; 1: it could not be, and why."""
    machine, console, cores = Machine.here(), Console(), two_cores()
    console.print(f"bench two-way: {machine}", highlight=False)
    rows: list[tuple[int, _Report, _Report | None]] = []
    remark = ""
    gateway = [sys.executable, "-m", "gateway.cli.bench.talking"]
    try:
        with (
            staying_on(cores[1]),
            tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder,
            Progress(console=Console(stderr=True), transient=True) as progress,
        ):
            try:
                yardstick = [str(compile_c("echo", Path(folder)))]
            except CannotCompileError as error:
                yardstick, remark = [], f"no yardstick: {error}"
            task = progress.add_task("two-way", total=len(arguments.calls))
            for calls in arguments.calls:
                progress.update(task, description=f"{calls} calls")
                ours = measure(gateway, calls, arguments.seconds, cores, is_c=False)
                theirs = measure(yardstick, calls, arguments.seconds, cores, is_c=True) if yardstick else None
                rows.append((calls, ours, theirs))
                progress.advance(task)
    except MeasurementError as error:
        print(f"bench two-way: {error}", file=sys.stderr)
        return 1
    table = figures_table(
        f"answered calls that echo, {arguments.seconds:g} s each",
        "us: CPU for each packet that came in and went out again; late, made up: packets too late for their jitter "
        "buffer, and blocks of 20 ms in place of missing ones; missing: echoed packets that never came",
    )
    for heading in ("calls", "echo", "core", "us", "in", "out", "late", "made up", "missing", "KB"):
        table.add_column(heading, justify="left" if heading == "echo" else "right")
    for calls, ours, theirs in rows:
        table.add_row(str(calls), "gateway", *_cells(ours, arguments.seconds))
        if theirs is not None:
            table.add_row("", "C", *_cells(theirs, arguments.seconds))
    console.print(table)
    if remark:
        console.print(remark, highlight=False)
    if arguments.json:
        data = [{"calls": calls, "gateway": ours, "c": theirs} for calls, ours, theirs in rows]
        arguments.json.write_text(
            json.dumps({"bench": "two-way", "machine": str(machine), "rows": data}, indent=2) + "\n"
        )
    return 0


def _cells(report: _Report, lasting_s: float) -> list[str]:
    packets = max(int(report.get("received") or report.get("packets") or 0), 1)
    counts = [str(report[name]) if name in report else "" for name in ("received", "sent", "late", "concealed")]
    if "packets" in report:
        counts[:2] = [str(report["packets"])] * 2
    memory = report.get("octets_a_call")
    return [
        f"{100 * report['cpu_s'] / lasting_s:.0f} %",
        f"{report['cpu_s'] * 1e6 / packets:.2f}",
        *counts,
        str(report["callers"]["missing"]),
        "" if memory is None else f"{memory / 1024:.1f}",
    ]
