"""`python -m gateway bench mixed`: many callers hear the network at once while others come and go.

A gateway started by `twistd`, as users run it, holds calls in early media; their RTP goes to a process that notes when
each packet came. Beside them SIPp places calls that have early media for a moment. The C sender of `bench media`, with
as many streams, beside SIPp's own user agent server, called as often, is the yardstick: afterwards, on the same core.

The gateway and its media workers share one core; the callers and the receiver have the other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from gateway.cli.bench.arrivals import gap_figures
from gateway.cli.bench.calls import (
    CONFIGURATION,
    EARLY_MEDIA,
    HOST,
    WARM_UP_CALLS,
    WARM_UP_RATE,
    ServerError,
    free_port,
    gateway_command,
    serving,
    unread_socket,
)
from gateway.cli.bench.figures import numbers, seconds
from gateway.cli.bench.held import HeldCalls
from gateway.cli.bench.machine import (
    CannotCompileError,
    Machine,
    child,
    children_of,
    compile_c,
    cpu_s,
    raise_file_limit,
    resident_octets,
    staying_on,
    two_cores,
    wait_until_idle,
    waited_s,
    without_orphans,
)
from gateway.cli.bench.media import (
    OPENING_S,
    PACKETS_A_SECOND,
    MeasurementError,
    Receiver,
    read_figures,
    receiving,
    rtp_ports,
)
from gateway.cli.bench.mixed_figures import Figures, Holding, Side, as_data, summary, table
from gateway.cli.bench.sipp import PATIENCE_S, Sipp, SippError

STREAMS: Final = 2000
RATE: Final = 100
SECONDS: Final = 5.0
PLACING_RATE: Final = 150
SETTLING_S: Final = 0.5
LAST_CALLS_S: Final = 0.5
CIRCUITS: Final = 4095
CIRCUITS_A_RATE: Final = 2
MOST_WORKERS: Final = 64
STARTING_S: Final = 5.0
HELD: Final = {
    "+12125550131": "tone ringback",
    "+12125550132": "tone busy",
    "+12125550133": "tone congestion",
    "+12125550134": "tone special-information",
}
"""The numbers of the calls that are held, and what they hear."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many are held, how many come and go, how long."""
    parser.add_argument("--streams", type=_one, default=STREAMS, metavar="N", help="calls held (%(default)s)")
    parser.add_argument("--rate", type=_one, default=RATE, metavar="R", help="calls a second beside (%(default)s)")
    parser.add_argument("--seconds", type=seconds, default=SECONDS, help="of each measurement (%(default)g)")
    parser.add_argument(
        "--workers", type=_workers, default=0, metavar="N", help="media processes of the gateway (%(default)s: none)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")


def _one(text: str) -> int:
    values = numbers(text)
    if len(values) != 1:
        raise argparse.ArgumentTypeError(f"{text!r}: one number is needed")
    return values[0]


def _workers(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes, 0 to {MOST_WORKERS}")
    return int(text)


def configuration(streams: int, rate: int, workers: int) -> str:
    """The gateway's: room for all calls, and endings whose early media has no end."""
    first, last = rtp_ports(streams + CIRCUITS_A_RATE * rate)
    room = f'circuits = "1-{CIRCUITS}"\nt9 = 0'
    text = CONFIGURATION.replace('circuits = "1-4000"', room)
    text += f'\n[media]\nworkers = {workers}\nrtp_ports = "{first}-{last}"\n'
    for number, sound in HELD.items():
        steps = f'{{ send = "ACM", in_band = true }}, {{ play = "{sound}" }}, {{ stay = true }}'
        text += f'\n[exchange.behaviours.{number[-2:]}]\ntitle = "early media for ever"\nsteps = [{steps}]\n'
    return text


def of_even_ports(arrivals: NDArray[np.void]) -> NDArray[np.void]:
    """What came from RTP ports: RTCP's are odd, and one that is sent to may be another socket of the receiver's."""
    even: NDArray[np.void] = arrivals[arrivals["stream"] % 2 == 0]
    return even


class MixedBench:
    """Measures, once the receiver stands ready.

    Args:
        folder: for everybody's files.
        receiver: where the held streams go.
        streams, rate: as asked for.
        seconds: of each measurement.
        workers: media processes of the gateway.
        cores: the gateway's with its workers, and that of those who call and receive.
    """

    def __init__(
        self,
        folder: Path,
        receiver: Receiver,
        streams: int,
        rate: int,
        seconds: float,
        workers: int,
        cores: tuple[int, int],
    ) -> None:
        self._folder = folder
        self._receiver = receiver
        self._streams = streams
        self._rate = rate
        self._seconds = seconds
        self._workers = workers
        self._core, load_core = cores
        self.remark = ""
        try:
            stopwatch: Path | None = compile_c("stopwatch", folder, "-shared", "-fPIC", "-ldl")
            self._sender: Path | None = compile_c("yardstick", folder)
        except CannotCompileError as error:
            stopwatch = self._sender = None
            self.remark = f"no yardstick, and latencies are SIPp's own, in steps of a jiffy: {error}"
        self._sipp = Sipp(folder, load_core, stopwatch)

    def gateway(self, placed: Callable[[int], None]) -> tuple[Holding, Side]:
        """The gateway's side; `placed` is told how many calls are held.

        Raises:
            ServerError, SippError, MeasurementError: it could not be measured.
        """
        file, log, port = self._folder / "mixed.toml", self._folder / "gateway.log", free_port()
        file.write_text(configuration(self._streams, self._rate, self._workers))
        with ExitStack() as stack:
            orphans = stack.enter_context(ExitStack())
            pid = stack.enter_context(serving(gateway_command(port, file, None), port, self._core, log))
            processes = {"gateway": pid} | {
                f"worker {place}": each for place, each in enumerate(self._workers_of(pid), start=1)
            }
            orphans.enter_context(without_orphans(pid))
            rtp_port = stack.enter_context(unread_socket())
            try:
                return self._loaded(processes, (HOST, port), rtp_port, placed)
            except (FileNotFoundError, ProcessLookupError):
                said = log.read_text(errors="replace").strip().splitlines() or ["nothing said"]
                raise ServerError(f"the gateway or a worker of its has died: {said[-1]}") from None

    def _workers_of(self, pid: int) -> list[int]:
        until = time.monotonic() + STARTING_S
        while len(found := children_of(pid)) < self._workers and time.monotonic() < until:
            # Nobody tells when another process has children.
            time.sleep(0.05)
        if len(found) < self._workers:
            raise ServerError(f"of {self._workers} workers {len(found)} have been started")
        return found

    def _loaded(
        self, processes: dict[str, int], address: tuple[str, int], rtp_port: int, placed: Callable[[int], None]
    ) -> tuple[Holding, Side]:
        warm = self._sipp.run(address, [EARLY_MEDIA], rtp_port, WARM_UP_RATE, WARM_UP_CALLS)
        if warm.successful < WARM_UP_CALLS:
            raise ServerError(f"{WARM_UP_CALLS - warm.successful} of the first {WARM_UP_CALLS} calls failed")
        wait_until_idle(processes["gateway"])
        memory_before = _resident(processes)
        held = HeldCalls(address, list(HELD), self._receiver.ports, self._streams)
        try:
            held.place(PLACING_RATE)
            # Placing is a load of its own, which is not to be measured.
            time.sleep(SETTLING_S)
            held.listen()
            if not (early := held.early):
                raise MeasurementError(f"no call came to early media: {dict(held.placing.refused) or 'no answer'}")
            memory = _resident(processes) - memory_before
            placed(early)
            side = self._measured(processes, address, rtp_port, early)
            held.listen()
        finally:
            held.close()
        refused = dict(sorted(held.placing.refused.items()))
        holding = Holding(
            self._streams, early, refused, held.placing.retransmissions, held.ended, max(memory, 0) / early
        )
        return holding, side

    def _measured(self, processes: dict[str, int], address: tuple[str, int], rtp_port: int, streams: int) -> Side:
        self._receiver.start()
        begin_ns, cpu_before, waited_before = time.time_ns(), _each(cpu_s, processes), _each(waited_s, processes)
        load = self._sipp.run(address, [EARLY_MEDIA], rtp_port, self._rate, self._calls(self._seconds))
        cpu_after, waited_after, end_ns = _each(cpu_s, processes), _each(waited_s, processes), time.time_ns()
        arrivals, drops = self._receiver.stop()
        lasted_s = (end_ns - begin_ns) / 1e9
        cpu = {name: (cpu_after[name] - cpu_before[name]) / lasted_s for name in processes}
        waited = {name: (waited_after[name] - waited_before[name]) / lasted_s for name in processes}
        while_they_came = min(end_ns, begin_ns + round((self._seconds + LAST_CALLS_S) * 1e9))
        gaps = gap_figures(of_even_ports(arrivals), streams, begin_ns, while_they_came)
        return Side(gaps, drops, load, cpu, waited)

    def yardstick(self) -> Side | None:
        """The C sender beside SIPp's user agent server; None without a compiler.

        Raises:
            ServerError, SippError, MeasurementError: it could not be measured.
        """
        if self._sender is None:
            return None
        port, streams = free_port(), self._streams
        with ExitStack() as stack:
            rtp_port = stack.enter_context(unread_socket())
            uas = stack.enter_context(
                serving(self._sipp.answering((HOST, port)), port, self._core, self._folder / "uas.log")
            )
            words = [self._core, streams, self._seconds, *rtp_ports(streams), *self._receiver.ports]
            self._receiver.start()
            command = [str(self._sender), *map(str, words)]
            sender = stack.enter_context(child(command, self._core, stdout=subprocess.PIPE, text=True))
            processes = {"C sender": sender.pid, "SIPp": uas}
            began_s, cpu_before, waited_before = time.monotonic(), cpu_s(uas), _each(waited_s, processes)
            load = self._sipp.run((HOST, port), [EARLY_MEDIA], rtp_port, self._rate, self._calls(self._seconds + 1))
            took_s = time.monotonic() - began_s
            share, waited_after = (cpu_s(uas) - cpu_before) / took_s, _each(waited_s, processes)
            try:
                output, _ = sender.communicate(timeout=self._seconds + OPENING_S)
            except subprocess.TimeoutExpired:
                raise MeasurementError("the C sender has not ended") from None
            arrivals, drops = self._receiver.stop()
        if sender.returncode or not output:
            raise MeasurementError(f"the C sender has ended with status {sender.returncode}")
        report = json.loads(output)
        figures = read_figures(report, arrivals, streams, drops)
        lasted_s = (report["end_ns"] - report["begin_ns"]) / 1e9
        cpu = {"C sender": report["cpu_s"] / lasted_s, "SIPp": share}
        waited = {name: (waited_after[name] - waited_before[name]) / took_s for name in processes}
        return Side(figures.gaps, drops, load, cpu, waited)

    def _calls(self, lasting_s: float) -> int:
        return max(round(self._rate * lasting_s), 1)


def _resident(processes: dict[str, int]) -> int:
    return sum(resident_octets(pid) for pid in processes.values())


def _each(figure: Callable[[int], float], processes: dict[str, int]) -> dict[str, float]:
    return {name: figure(pid) for name, pid in processes.items()}


def run(arguments: argparse.Namespace) -> int:
    """0: measured; 1: it could not be, and why."""
    machine, console = Machine.here(), Console()
    streams, rate = arguments.streams, arguments.rate
    try:
        _check(streams, rate)
        console.print(f"bench mixed: {machine}", highlight=False)
        figures = _run(streams, rate, arguments.seconds, arguments.workers)
    except (ServerError, SippError, MeasurementError) as error:
        print(f"bench mixed: {error}", file=sys.stderr)
        return 1
    console.print(table(figures))
    for line in summary(figures):
        console.print(line, highlight=False)
    if arguments.json:
        arguments.json.write_text(json.dumps(as_data(machine, figures), indent=2) + "\n")
    return 0


def _check(streams: int, rate: int) -> None:
    if streams + CIRCUITS_A_RATE * rate > CIRCUITS:
        raise MeasurementError(
            f"{streams} calls held and {rate} a second beside need more than the {CIRCUITS} circuits that there are; "
            "ask for fewer"
        )
    if raise_file_limit(streams + CIRCUITS_A_RATE * rate) < streams:
        raise MeasurementError(f"{streams} streams need as many files: raise the limit (ulimit -n)")


def _run(streams: int, rate: int, lasting_s: float, workers: int) -> Figures:
    cores = two_cores()
    packets = round(streams * PACKETS_A_SECOND * (lasting_s + 2 * PATIENCE_S))
    with (
        staying_on(cores[1]),
        tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder,
        receiving(Path(folder), cores[1], packets) as receiver,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        bench = MixedBench(Path(folder), receiver, streams, rate, lasting_s, workers, cores)
        task = progress.add_task(f"placing {streams} calls", total=3)

        def placed(early: int) -> None:
            progress.update(task, advance=1, description=f"{early} calls held, {rate} a second beside")

        holding, gateway = bench.gateway(placed)
        progress.update(task, advance=1, description="the C sender beside SIPp's server")
        remark = bench.remark
        try:
            yardstick = bench.yardstick()
        except (ServerError, SippError, MeasurementError) as error:
            yardstick, remark = None, f"no yardstick: {error}"
        return Figures(workers, lasting_s, holding, gateway, yardstick, remark)
