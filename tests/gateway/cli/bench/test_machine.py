"""The machine's statement, children that end, and what a process costs."""

from __future__ import annotations

import os
import resource
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.cli.bench.machine import (
    CannotCompileError,
    Machine,
    child,
    children_of,
    compile_c,
    cpu_s,
    first_ephemeral_port,
    raise_file_limit,
    resident_octets,
    staying_on,
    two_cores,
    waited_s,
    without_orphans,
)

SLEEPER = [sys.executable, "-c", "input()"]


def test_the_statement_names_cores_kernel_and_python() -> None:
    text = str(Machine.here())
    assert f"{len(os.sched_getaffinity(0))} core" in text
    assert os.uname().release in text
    assert sys.version.split()[0] in text
    assert "\n" not in text


class TestChildren:
    def test_a_child_is_gone_when_its_block_is_left(self) -> None:
        with child(SLEEPER, two_cores()[0], stdin=subprocess.PIPE) as process:
            assert process.poll() is None
            assert os.sched_getaffinity(process.pid) == {two_cores()[0]}
        assert process.returncode is not None

    def test_a_child_is_gone_when_its_block_fails(self) -> None:
        with (
            pytest.raises(RuntimeError, match="broken"),
            child(SLEEPER, two_cores()[0], stdin=subprocess.PIPE) as process,
        ):
            raise RuntimeError("broken")
        assert process.returncode is not None

    def test_this_process_goes_back_to_its_cores(self) -> None:
        before = os.sched_getaffinity(0)
        with staying_on(two_cores()[1]):
            assert os.sched_getaffinity(0) == {two_cores()[1]}
        assert os.sched_getaffinity(0) == before


class TestCosts:
    def test_work_costs_cpu(self) -> None:
        """The kernel counts a running process at its ticks only, so the work is done until one comes."""
        before = cpu_s(os.getpid())
        assert any(sum(range(200_000)) and cpu_s(os.getpid()) > before for _ in range(1000))

    def test_a_process_has_memory(self) -> None:
        assert resident_octets(os.getpid()) > 1_000_000

    def test_a_process_that_is_gone_is_not_found(self) -> None:
        with child(SLEEPER, two_cores()[0], stdin=subprocess.PIPE) as process:
            pass
        with pytest.raises(FileNotFoundError):
            cpu_s(process.pid)


class TestLimits:
    def test_the_limit_of_open_files_is_never_lowered(self) -> None:
        before, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert raise_file_limit(1) > 0
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= before

    def test_ephemeral_ports_begin_somewhere(self) -> None:
        assert 1024 <= first_ephemeral_port() < 65536


class TestCompiling:
    def test_without_a_compiler_the_package_to_install_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(CannotCompileError, match=r"no C compiler here .*apt install gcc"):
            compile_c("yardstick", tmp_path)

    def test_a_compiler_that_fails_is_quoted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        broken = tmp_path / "cc"
        broken.write_text("#!/bin/sh\necho 'stdio.h: No such file or directory' >&2\nexit 1\n")
        broken.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        with pytest.raises(CannotCompileError, match=r"cannot compile yardstick.c: stdio.h: No such file"):
            compile_c("yardstick", tmp_path)

    @pytest.mark.judge
    @pytest.mark.parametrize(("name", "options"), [("yardstick", []), ("stopwatch", ["-shared", "-fPIC", "-ldl"])])
    def test_the_sources_compile_without_a_warning(self, tmp_path: Path, name: str, options: list[str]) -> None:
        program = compile_c(name, tmp_path, "-Werror", *options)
        assert os.access(program, os.X_OK)


class TestOrphans:
    def test_those_of_a_process_are_found(self) -> None:
        with child(["/bin/sleep", "60"], two_cores()[0]) as process:
            assert process.pid in children_of(os.getpid())
        assert process.pid not in children_of(os.getpid())

    def test_orphans_do_not_outlive_their_parent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gateway.cli.bench.machine.ORPHANS_END_S", 0.0)
        command = ["/bin/sh", "-c", "sleep 60 & echo $!; wait"]
        with child(command, two_cores()[0], stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            orphan = int(parent.stdout.readline())
            watched = os.pidfd_open(orphan)
            with without_orphans(parent.pid):
                parent.kill()
                parent.wait()
            assert select.select([watched], [], [], 5)[0]
            os.close(watched)


def test_two_that_share_a_core_wait_for_each_other() -> None:
    busy = ["/bin/sh", "-c", "while :; do :; done"]
    core = two_cores()[0]
    with child(busy, core) as one, child(busy, core) as other:
        until = time.monotonic() + 5
        while (waited := waited_s(one.pid) + waited_s(other.pid)) < 0.02 and time.monotonic() < until:
            select.select([], [], [], 0.02)
    assert waited >= 0.02
