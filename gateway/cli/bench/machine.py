"""The machine: what it is, who runs on which core, what a process costs, and what can be compiled."""

from __future__ import annotations

import os
import platform
import resource
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from attrs import frozen

SPARE_FILES = 100
ORPHANS_END_S = 2.0
EPHEMERAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


@frozen
class Machine:
    """Where figures come from.

    Args:
        cores: that this process may use.
        processor, kernel, python: their names.
        load: the mean number of processes that ran or wanted to, in the minute before: above a tenth or so, others
            are in the figures.
    """

    cores: int
    processor: str
    kernel: str
    python: str
    load: float

    @classmethod
    def here(cls) -> Machine:
        """This one."""
        return cls(
            len(os.sched_getaffinity(0)),
            _processor(),
            f"{platform.system()} {platform.release()}",
            f"{platform.python_implementation()} {platform.python_version()}",
            os.getloadavg()[0],
        )

    def __str__(self) -> str:
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{cores}, {self.processor}, {self.kernel}, {self.python}; load before {self.load:.2f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def two_cores() -> tuple[int, int]:
    """The core for what is measured, and the core for what loads it; the same where there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[-1], cores[0]


@contextmanager
def staying_on(core: int) -> Iterator[None]:
    """Keep this process, and what it starts meanwhile, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used, all its threads: to the nanosecond where the kernel counts so."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except FileNotFoundError:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def waited_s(pid: int) -> float:
    """Seconds that a process, all its threads, could have run but had no core; 0 where the kernel does not count."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[1]) for task in tasks) / 1e9
    except FileNotFoundError:
        return 0.0


def resident_octets(pid: int) -> int:
    """The memory that a process has in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that still run, in the order of their numbers."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(after_name[1]) == pid and after_name[0] != "Z":
            found.append(int(folder.name))
    return sorted(found)


@contextmanager
def without_orphans(pid: int) -> Iterator[None]:
    """Enter once a process has started its children: those that are left when it has gone are killed."""
    orphans = []
    for each in children_of(pid):
        with suppress(ProcessLookupError):
            orphans.append(os.pidfd_open(each))
    try:
        yield
    finally:
        for orphan in orphans:
            if not select.select([orphan], [], [], ORPHANS_END_S)[0]:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(orphan, signal.SIGKILL)
            os.close(orphan)


def raise_file_limit(wanted: int) -> int:
    """Allow this process `wanted` open files and some more, as far as it may; how many it may use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted += SPARE_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft - SPARE_FILES


def first_ephemeral_port() -> int:
    """Where the ports begin that the kernel gives to sockets which do not ask for one."""
    try:
        return int(EPHEMERAL_PORTS.read_text().split()[0])
    except OSError:
        return 32768


class CannotCompileError(Exception):
    """There is no C compiler, or it cannot; the text says how to get one."""


def compile_c(name: str, folder: Path, *options: str) -> Path:
    """Compile one of this package's C sources into `folder`.

    Raises:
        CannotCompileError: it cannot be.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise CannotCompileError("there is no C compiler here (Debian: apt install gcc libc6-dev)")
    source, program = folder / f"{name}.c", folder / name
    source.write_bytes((files("gateway.cli.bench") / source.name).read_bytes())
    command = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(program), str(source), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        first = (done.stderr.strip() or "no reason given").splitlines()[0]
        raise CannotCompileError(f"{compiler} cannot compile {source.name}: {first} (Debian: apt install libc6-dev)")
    return program


@contextmanager
def child(command: list[str], core: int, **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process on one core; it is gone when the block is left, whatever happens."""
    started = subprocess.Popen(command, **options)
    try:
        os.sched_setaffinity(started.pid, {core})
        yield started
    finally:
        stop(started)


def stop(process: subprocess.Popen[Any], patience_s: float = 10.0) -> None:
    """End a process: politely first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def wait_until_idle(pid: int, at_most_s: float = 2.0, slice_s: float = 0.1) -> None:
    """Until a process takes less than a twentieth of its core."""
    until, used = time.monotonic() + at_most_s, cpu_s(pid)
    while time.monotonic() < until:
        # The load of another process is only known over a while.
        time.sleep(slice_s)
        before, used = used, cpu_s(pid)
        if used - before < slice_s / 20:
            return
