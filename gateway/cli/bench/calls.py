"""`python -m gateway bench calls`: calls a second, CPU a call and latency of the gateway as users run it.

SIPp calls a gateway started by `twistd`, from another core: one number that answers at once, and one that gives early
media for a moment before. So each call is SIP, ISUP at both ends, the exchange, and the record of decisions; RTP goes
to a socket that nobody reads. SIPp's own user agent server under the same load is the yardstick.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import frozen
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from gateway.cli.bench.figures import figures_table, numbers, seconds
from gateway.cli.bench.hot_spots import hot_spots, hot_spots_table
from gateway.cli.bench.machine import (
    CannotCompileError,
    Machine,
    child,
    compile_c,
    cpu_s,
    resident_octets,
    staying_on,
    two_cores,
    wait_until_idle,
)
from gateway.cli.bench.sipp import Latency, Load, Sipp, SippError

RATES: Final = (10, 100, 200, 400, 600)
SECONDS: Final = 2.5
WARM_UP_CALLS: Final = 20
WARM_UP_RATE: Final = 20
STARTING_S: Final = 15.0
HOST: Final = "127.0.0.1"
ANSWERED_AT_ONCE: Final = "+12125550109"
EARLY_MEDIA: Final = "+12125550130"
DIALLED: Final = {
    "both": [ANSWERED_AT_ONCE, EARLY_MEDIA],
    "answered": [ANSWERED_AT_ONCE],
    "early-media": [EARLY_MEDIA],
}
CONFIGURATION: Final = """\
[isup]
circuits = "1-4000"

[trace]
control = "off"

[exchange.behaviours.30]
title = "early media for a moment"
steps = [
    { send = "ACM", in_band = true },
    { play = "tone ringback" },
    { wait = 0.2 },
    { send = "ANM" },
    { stay = true },
]
"""
"""The defaults, but for circuits enough at any rate and a call whose early media is short."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many calls a second, how long."""
    listed = ",".join(map(str, RATES))
    parser.add_argument("--rate", type=numbers, default=RATES, metavar="R,R,...", help=f"calls a second: {listed}")
    parser.add_argument("--seconds", type=seconds, default=SECONDS, help="of each measurement (%(default)g)")
    parser.add_argument("--calls", choices=DIALLED, default="both", help="which calls, in turn (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument(
        "--profile", type=Path, metavar="FILE", help="run the gateway under cProfile; FILE is for pstats or snakeviz"
    )


class ServerError(Exception):
    """The server to be measured does not run; the text says why."""


@frozen
class CallFigures:
    """What a server did under a load.

    Args:
        load: what SIPp saw.
        cpu_ms: of the server's process, for each call.
        resident_octets: the server's memory afterwards.
        growth_octets: how much more that is than before.
    """

    load: Load
    cpu_ms: float
    resident_octets: int
    growth_octets: int


@frozen
class Comparison:
    """The gateway and SIPp's user agent server under the same load; None: not measured."""

    rate: int
    gateway: CallFigures
    uas: CallFigures | None

    @property
    def cpu_ratio(self) -> float | None:
        """CPU a call, gateway to SIPp."""
        return self.gateway.cpu_ms / self.uas.cpu_ms if self.uas and self.uas.cpu_ms else None


@frozen
class Server:
    """A process that answers calls.

    Args:
        pid: its own.
        address: where.
        sipp: who calls.
        numbers: which are dialled, in turn.
        rtp_port: where it is told to send RTP to.
    """

    pid: int
    address: tuple[str, int]
    sipp: Sipp
    numbers: list[str]
    rtp_port: int

    def measure(self, rate: int, calls: int) -> CallFigures:
        """Load it.

        Raises:
            SippError: that could not be.
            ServerError: it has died of it.
        """
        try:
            cpu_before, memory_before = cpu_s(self.pid), resident_octets(self.pid)
            load = self.sipp.run(self.address, self.numbers, self.rtp_port, rate, calls)
            wait_until_idle(self.pid)
            used, memory = cpu_s(self.pid) - cpu_before, resident_octets(self.pid)
        except FileNotFoundError:
            raise ServerError(f"the server has died under {rate} calls a second") from None
        return CallFigures(load, used * 1000 / max(load.created, 1), memory, memory - memory_before)


def gateway_command(port: int, configuration: Path, profile: Path | None) -> list[str]:
    """`twistd`, as users start it."""
    script = Path(sys.executable).with_name("twistd")
    twistd = [str(script)] if script.exists() else [sys.executable, "-c", "import twisted.scripts.twistd as t; t.run()"]
    profiling = [] if profile is None else [f"--profile={profile.absolute()}", "--savestats", "--profiler=cProfile"]
    service = ["pstn-gateway", "--config", str(configuration), "--sip", f"{HOST}:{port}"]
    return [*twistd, "-n", "--pidfile=", *profiling, *service]


@contextmanager
def serving(command: list[str], port: int, core: int, log: Path) -> Iterator[int]:
    """A server, from when it listens; its process number.

    Raises:
        ServerError: it ended instead, or did not listen in time.
    """
    with log.open("wb") as file, child(command, core, stdin=subprocess.DEVNULL, stdout=file, stderr=file) as process:
        until = time.monotonic() + STARTING_S
        while not _is_bound(port):
            if process.poll() is not None or time.monotonic() > until:
                said = log.read_text(errors="replace").strip().splitlines() or ["nothing said"]
                raise ServerError(f"{Path(command[0]).name} does not listen on port {port}: {said[-1]}")
            # Nobody tells when another process has bound its port.
            time.sleep(0.05)
        yield process.pid


def _is_bound(port: int) -> bool:
    wanted = f":{port:04X}"
    return any(line.split()[1].endswith(wanted) for line in Path("/proc/net/udp").read_text().splitlines()[1:])


def free_port() -> int:
    """A port that is free for UDP and TCP now."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        tcp.bind((HOST, 0))
        udp.bind(tcp.getsockname())
        return int(tcp.getsockname()[1])


@contextmanager
def unread_socket() -> Iterator[int]:
    """A port to send RTP to: nobody reads it, and nobody says that it is unreachable."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sink.bind((HOST, 0))
        yield sink.getsockname()[1]


class CallsBench:
    """Measures; what it starts ends with the `ExitStack`.

    Args:
        stack: whose end is the servers' end.
        folder: for everybody's files.
        dialled: the numbers, in turn.
        profile: a file for the gateway's profile; None: no profile, but a yardstick.
        cores: the servers' and that of their load.
    """

    def __init__(
        self, stack: ExitStack, folder: Path, dialled: list[str], profile: Path | None, cores: tuple[int, int]
    ) -> None:
        self.steps_of_time = ""
        core, load_core = cores
        try:
            stopwatch = compile_c("stopwatch", folder, "-shared", "-fPIC", "-ldl")
        except CannotCompileError as error:
            stopwatch = None
            self.steps_of_time = f"latencies are SIPp's own, in steps of a jiffy (4 ms on most kernels): {error}"
        sipp = Sipp(folder, load_core, stopwatch)
        rtp_port = stack.enter_context(unread_socket())
        configuration = folder / "bench.toml"
        configuration.write_text(CONFIGURATION)

        def start(make_command: Callable[[int], list[str]], log: str) -> Server:
            port = free_port()
            pid = stack.enter_context(serving(make_command(port), port, core, folder / log))
            return Server(pid, (HOST, port), sipp, dialled, rtp_port)

        self.gateway = start(lambda port: gateway_command(port, configuration, profile), "gateway.log")
        self.uas = None if profile else start(lambda port: sipp.answering((HOST, port)), "uas.log")
        self._log = folder / "gateway.log"

    def warm_up(self) -> None:
        """Render the sounds, fill the caches, and see that calls go through at all.

        Raises:
            ServerError: they do not.
        """
        for server in (self.gateway, self.uas):
            load = None if server is None else server.measure(WARM_UP_RATE, WARM_UP_CALLS).load
            if load and load.successful < WARM_UP_CALLS:
                said = self._log.read_text(errors="replace").strip().splitlines()[-1:]
                raise ServerError(f"{WARM_UP_CALLS - load.successful} of the first {WARM_UP_CALLS} calls failed {said}")

    def compare(self, rate: int, calls: int) -> Comparison:
        """Both under the same load, one after the other."""
        gateway = self.gateway.measure(rate, calls)
        return Comparison(rate, gateway, None if self.uas is None else self.uas.measure(rate, calls))


def run(arguments: argparse.Namespace) -> int:
    """0: measured; 1: it could not be, and why."""
    machine, console, cores = Machine.here(), Console(), two_cores()
    console.print(f"bench calls: {machine}", highlight=False)
    comparisons: list[Comparison] = []
    try:
        with (
            staying_on(cores[1]),
            tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder,
            ExitStack() as stack,
        ):
            bench = CallsBench(stack, Path(folder), DIALLED[arguments.calls], arguments.profile, cores)
            comparisons.extend(_measured(bench, arguments.rate, arguments.seconds))
    except (SippError, ServerError) as error:
        print(f"bench calls: {error}", file=sys.stderr)
        return 1
    console.print(table(comparisons, arguments.seconds))
    skipped = [rate for rate in arguments.rate if rate not in {comparison.rate for comparison in comparisons}]
    for line in summary(comparisons, skipped, bench.steps_of_time):
        console.print(line, highlight=False)
    if arguments.profile:
        _print_profile(console, arguments.profile, sum(one.gateway.load.created for one in comparisons) + WARM_UP_CALLS)
    if arguments.json:
        arguments.json.write_text(json.dumps(as_data(machine, comparisons), indent=2) + "\n")
    return 0


def _measured(bench: CallsBench, rates: tuple[int, ...], lasting_s: float) -> Iterator[Comparison]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("the first calls", total=len(rates) + 1)
        bench.warm_up()
        progress.advance(task)
        for rate in sorted(rates):
            progress.update(task, description=f"{rate} calls a second")
            comparison = bench.compare(rate, max(round(rate * lasting_s), 1))
            yield comparison
            progress.advance(task)
            if not comparison.gateway.load.sustained:
                return


def _print_profile(console: Console, path: Path, calls: int) -> None:
    spots = hot_spots(path)
    for by in ("own_s", "cumulative_s"):
        console.print(hot_spots_table(spots, by, calls))
    console.print(f"all of it: python -m pstats {path}", highlight=False)


def table(comparisons: list[Comparison], lasting_s: float) -> Table:
    """The figures, two rows for each rate."""
    caption = (
        "rate: calls a second; 18x: INVITE to the first 18x; 200: INVITE to the 200 of calls without 18x; "
        "again: retransmissions; + KB: the server's memory grew by"
    )
    made = figures_table(f"calls through SIP and ISUP, {lasting_s:g} s each", caption)
    for heading in ("rate", "server", "CPU ms", "18x p50", "p99 ms", "200 p50", "p99 ms", "again", "failed", "+ KB"):
        made.add_column(heading, justify="left" if heading == "server" else "right")
    for comparison in comparisons:
        made.add_row(str(comparison.rate), "gateway", *_cells(comparison.gateway))
        if comparison.uas is not None:
            made.add_row("", "SIPp", *_cells(comparison.uas))
    return made


def _cells(figures: CallFigures) -> list[str]:
    load = figures.load
    missing = load.planned - load.successful
    return [
        f"{figures.cpu_ms:.2f}",
        *_times(load.progress),
        *_times(load.answer),
        f"[red]{load.retransmissions}[/red]" if load.retransmissions else "0",
        f"[red]{missing}[/red]" if missing else "0",
        f"{figures.growth_octets / 1024:.0f}",
    ]


def _times(latency: Latency) -> list[str]:
    return [
        "" if value is None else f"{value:.{2 if value < 100 else 0}f}" for value in (latency.p50_ms, latency.p99_ms)
    ]


def rate_sustained(comparisons: list[Comparison]) -> int:
    """The highest rate at which nothing failed and nothing was sent twice; 0 where there is none."""
    return max((one.rate for one in comparisons if one.gateway.load.sustained), default=0)


def summary(comparisons: list[Comparison], skipped: list[int], steps_of_time: str) -> list[str]:
    """In words."""
    sustained = rate_sustained(comparisons)
    lines = [f"calls a second without a retransmission: {sustained}"]
    for comparison in comparisons:
        if comparison.rate == sustained:
            ratio = comparison.cpu_ratio
            beside = "" if ratio is None else f", {ratio:.1f} times that of SIPp's user agent server, which has no ISUP"
            lines.append(f"CPU a call at {sustained} calls a second: {comparison.gateway.cpu_ms:.2f} ms{beside}")
        for status, count in comparison.gateway.load.refused.items():
            lines.append(f"{comparison.rate} calls a second: {count} calls were refused by {status}")
    calls = sum(comparison.gateway.load.created for comparison in comparisons)
    growth = sum(comparison.gateway.growth_octets for comparison in comparisons)
    if comparisons:
        resident = comparisons[-1].gateway.resident_octets
        lines.append(
            f"memory: {resident / 2**20:.0f} MB after {calls} calls, {growth / 1024:.0f} KB more than before; the last "
            "1000 calls are kept for the trace, and each call's last timers run for 32 s"
        )
    if skipped:
        lines.append(f"not tried, because a lower rate was not sustained: {', '.join(map(str, sorted(skipped)))}")
    return lines + [steps_of_time] * bool(steps_of_time)


def as_data(machine: Machine, comparisons: list[Comparison]) -> dict[str, Any]:
    """Everything, for JSON."""
    rows = []
    for comparison in comparisons:
        row = attrs.asdict(comparison) | {"cpu_ratio": comparison.cpu_ratio}
        row["gateway"]["load"]["sustained"] = comparison.gateway.load.sustained
        rows.append(row)
    return {
        "bench": "calls",
        "machine": attrs.asdict(machine),
        "rate_sustained": rate_sustained(comparisons),
        "rows": rows,
    }
