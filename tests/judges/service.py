"""The gateway as its users start it: a child process of `twistd`, on a loopback address of its own."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import define, field

SIP_PORT: Final = 5060
RTP_PORTS: Final = "16384-32766"
STARTS_WITHIN_S: Final = 20.0
STOPS_WITHIN_S: Final = 20.0
TROUBLE: Final = re.compile(r"Traceback|critical\]|Unhandled|went wrong|ResourceWarning", re.IGNORECASE)
"""What no log may have: neither peers nor SIGTERM may bring it about."""

_addresses = itertools.count(1)


def own_address() -> str:
    """A loopback address that nobody else uses: every port of it is free. Another one at each call."""
    number = next(_addresses)
    return f"127.{64 + os.getpid() % 128}.{number // 250}.{1 + number % 250}"


def child(arguments: Sequence[str], **options: object) -> subprocess.Popen[str]:
    """Start a program that dies with us, however we die. To be called in the main thread, whose end it watches."""
    setpriv = shutil.which("setpriv")
    before = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
    return subprocess.Popen([*before, *arguments], stdin=subprocess.DEVNULL, text=True, **options)  # type: ignore[call-overload,no-any-return]


def options_request(source: tuple[str, int], target: tuple[str, int]) -> bytes:
    """An OPTIONS that asks whether anybody is there."""
    here, there = f"{source[0]}:{source[1]}", f"{target[0]}:{target[1]}"
    lines = [
        f"OPTIONS sip:{there} SIP/2.0",
        f"Via: SIP/2.0/UDP {here};rport;branch=z9hG4bK-{time.monotonic_ns()}",
        "Max-Forwards: 70",
        f"From: <sip:judge@{here}>;tag=judge",
        f"To: <sip:{there}>",
        f"Call-ID: {time.monotonic_ns()}@{here}",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def answers_options(address: tuple[str, int], within_s: float) -> bool:
    """Whether 200 comes for an OPTIONS, asked for every 0.2 s."""
    until_s = time.monotonic() + within_s
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind((own_address(), 0))
        asking.settimeout(0.2)
        while time.monotonic() < until_s:
            asking.sendto(options_request(asking.getsockname(), address), address)
            try:
                if asking.recv(65535).startswith(b"SIP/2.0 200 "):
                    return True
            except TimeoutError:
                continue
    return False


@define(eq=False)
class Service:
    """A running `twistd -n pstn-gateway`.

    Args:
        folder: an empty one of its own.
        options: further ones of the command line.
        program: what to run instead of twistd, given `--sip HOST:PORT` and the like all the same.
    """

    folder: Path
    options: Sequence[str] = ()
    program: Sequence[str] = ()
    host: str = field(factory=own_address)
    exit_status: int | None = None
    _process: subprocess.Popen[str] | None = None

    @property
    def sip(self) -> tuple[str, int]:
        """Where it takes SIP, on UDP and TCP."""
        return self.host, SIP_PORT

    @property
    def capture(self) -> Path:
        """Its pcapng file; whole once it has stopped."""
        return self.folder / "capture.pcapng"

    @property
    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def troubles(self) -> list[str]:
        """Lines of the log that should not be there, each with what follows it."""
        lines = self.log.splitlines()
        return ["\n".join(lines[at : at + 25]) for at, line in enumerate(lines) if TROUBLE.search(line)]

    def start(self) -> None:
        """Start it and wait until it answers OPTIONS."""
        self.folder.mkdir(parents=True, exist_ok=True)
        twistd = str(Path(sys.executable).with_name("twistd"))
        program = self.program or (twistd, "-n", "--pidfile=", "pstn-gateway")
        own = ("--sip", f"{self.host}:{SIP_PORT}", "--rtp-ports", RTP_PORTS, "--capture", str(self.capture))
        with (self.folder / "log").open("w") as log:
            self._process = child(
                [*program, *own, *self.options],
                cwd=self.folder,
                env={**os.environ, "XDG_RUNTIME_DIR": str(self.folder), "PYTHONUNBUFFERED": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if not answers_options(self.sip, STARTS_WITHIN_S):
            self.kill()
            raise AssertionError(f"no answer to OPTIONS within {STARTS_WITHIN_S} s; the log:\n{self.log}")

    def assert_running(self) -> None:
        """Nobody has stopped it behind our back, and it has not ended of itself."""
        assert self._process is not None
        status = self._process.poll()
        assert status is None, f"it ended with {status} while calls were going on; the log ends:\n{self.log[-3000:]}"

    def stop(self) -> None:
        """SIGTERM, and wait; see `exit_status`. Does nothing the second time."""
        if self._process is None or self.exit_status is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self.exit_status = self._process.wait(STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still there {STOPS_WITHIN_S} s after SIGTERM; the log:\n{self.log}") from None

    def kill(self) -> None:
        """However it is, it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def assert_ended_well(self) -> None:
        """It shut down in good order after SIGTERM, and its log is clean."""
        self.stop()
        assert not self.troubles, "\n----\n".join(self.troubles[:5])
        # twistd raises the signal again when all is closed, so that its parent sees why it ended.
        good = self.exit_status in (0, -signal.SIGTERM) and (self.program or "Server Shut Down." in self.log)
        assert good, f"exit status {self.exit_status}; the log ends:\n{self.log[-3000:]}"
