"""The service as its users start it, `twistd -n pstn-gateway`, and the commands beside it: child processes, all."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from attrs import define, field
from twisted.internet.task import LoopingCall

from gateway.ss7.isup import codec
from gateway.ss7.mtp3 import Mtp3Message
from gateway.testing.call import ENDED, MEDIA, PhoneCall
from gateway.testing.phone import Phone
from gateway.testing.reactor_thread import ReactorThread
from gateway.trace.pcapng import LinkType, read_pcapng
from tones.detect import listen
from tones.plan import load_plan

WITHIN_S: Final = 30.0
WHERE: Final = re.compile(r"SIP on UDP and TCP (\S+):(\d+);")
TROUBLE: Final = re.compile(r"Traceback|Unhandled|went wrong|ResourceWarning")

FAKE_PYAUDIO: Final = '''\
"""A sound card that is a file."""
import os
paInt16 = 8
class PyAudio:
    def open(self, **options):
        assert options["rate"] == 8000 and options["channels"] == 1 and options["format"] == paInt16
        return Stream()
    def terminate(self): pass
class Stream:
    def __init__(self): self.file = open(os.environ["SOUND_CARD"], "wb", 0)
    def write(self, octets, *_, **__): self.file.write(octets)
    def get_write_available(self): return 8000
    def stop_stream(self): pass
    def close(self): self.file.close()
'''


@define(eq=False)
class Child:
    """A process and what it says, standard error included."""

    process: subprocess.Popen[bytes]
    said: bytes = field(default=b"")

    @property
    def text(self) -> str:
        """What it has said so far."""
        return self.said.decode("utf-8", "replace")

    def says(self, words: str) -> str:
        """Wait until it has said this; everything it has said is returned."""
        until_s = time.monotonic() + WITHIN_S
        while words not in self.text:
            assert self._read(until_s), f"{words!r} never came, but:\n{self.text}"
        return self.text

    def ends(self) -> int:
        """Wait for its end; the exit status is returned."""
        until_s = time.monotonic() + WITHIN_S
        while self._read(until_s):
            pass
        return self.process.wait(max(0.1, until_s - time.monotonic()))

    def _read(self, until_s: float) -> bytes:
        assert self.process.stdout is not None
        fd = self.process.stdout.fileno()
        ready, _, _ = select.select([fd], [], [], max(0.0, until_s - time.monotonic()))
        octets = os.read(fd, 65536) if ready else b""
        self.said += octets
        return octets

    def kill(self) -> None:
        """However it is, it is gone."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def start(folder: Path, *command: str, **environment: str) -> Child:
    """A process in a folder of its own; its control socket is there too."""
    folder.mkdir(exist_ok=True)
    surroundings = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "PYTHONUNBUFFERED": "1", **environment}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=surroundings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return Child(process)


def twistd(folder: Path, *options: str) -> Child:
    """The service."""
    program = str(Path(sys.executable).with_name("twistd"))
    return start(folder, program, "-n", "--pidfile=", "pstn-gateway", *options)


def gateway(folder: Path, *words: str, **environment: str) -> Child:
    """`python -m gateway ...`."""
    return start(folder, sys.executable, "-m", "gateway", *words, **environment)


@pytest.fixture
def children() -> Iterator[list[Child]]:
    """Processes that must be gone after the test."""
    found: list[Child] = []
    yield found
    for child in found:
        child.kill()


@define
class Telephone:
    """A phone in this process."""

    thread: ReactorThread
    phone: Phone

    def dial(self, number: str, milestone: Any) -> PhoneCall:
        """Dial, and wait until the call has got so far."""
        call: PhoneCall = self.thread.call(self.phone.dial, number)
        self.wait(call, milestone)
        return call

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until this holds."""
        looking = LoopingCall(lambda: looking.stop() if holds() else None)
        self.thread.call(lambda: looking.start(0.05).addTimeout(WITHIN_S, self.thread.reactor))

    def wait(self, call: PhoneCall, milestone: Any) -> None:
        """Wait until the call has got so far."""
        self.thread.call(lambda: call.when(milestone).addTimeout(WITHIN_S, self.thread.reactor))


def telephone(address: tuple[str, int]) -> Telephone:
    """A phone whose gateway is there."""
    thread = ReactorThread.shared()
    return Telephone(thread, thread.call(Phone, thread.reactor, address))


def where(child: Child) -> tuple[str, int]:
    """The address that the service says it takes SIP at."""
    match = WHERE.search(child.says("90ccc"))
    assert match is not None
    return match[1], int(match[2])


class TestTwistd:
    def test_without_a_configuration_it_says_what_can_be_dialled_and_sigterm_clears_the_calls(
        self, tmp_path: Path, children: list[Child]
    ) -> None:
        service = twistd(tmp_path / "service", "--sip", "127.0.0.1:0", "--capture", "capture.pcapng")
        children.append(service)
        phone = telephone(where(service))
        assert "...00  " in service.text
        assert "90ccc" in service.text
        try:
            talking = phone.dial("+12125550109", "answered")
            ringing = phone.dial("+12125550101", 183)
            service.process.send_signal(signal.SIGTERM)
            for call in (talking, ringing):
                phone.wait(call, ENDED)
            # twistd raises the signal once more when all is closed, so that its parent sees why it ended.
            assert service.ends() in (0, -signal.SIGTERM)
        finally:
            phone.thread.call(phone.phone.stop)
        assert (talking.state, ringing.state) == ("ended: after the answer, cause 41", "ended: 503, cause 41")
        assert "Server Shut Down." in service.text
        assert not TROUBLE.search(service.text), service.text
        packets = read_pcapng((tmp_path / "service" / "capture.pcapng").read_bytes())
        isup = [codec.parse(Mtp3Message.parse(each.octets).data) for each in packets if each.link_type == LinkType.MTP3]
        assert sorted(each.name for each in isup if each.name in ("REL", "RLC")) == ["REL", "REL", "RLC", "RLC"]

    def test_a_port_that_is_taken_is_said_and_the_exit_status_tells_it(
        self, tmp_path: Path, children: list[Child]
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            service = twistd(tmp_path / "service", "--sip", f"127.0.0.1:{port}")
            children.append(service)
            assert service.ends() == 1
        assert f"pstn-gateway: SIP cannot listen on 127.0.0.1:{port}" in service.text
        assert "choose another by --sip" in service.text
        assert "Traceback" not in service.text

    def test_a_mistake_in_the_configuration_is_named(self, tmp_path: Path, children: list[Child]) -> None:
        (tmp_path / "lab.toml").write_text('[sip]\nlisten = "here"\n')
        service = twistd(tmp_path / "service", "--config", str(tmp_path / "lab.toml"))
        children.append(service)
        assert service.ends() == 1
        assert "lab.toml:2: sip.listen: 'here' is no address and port" in service.text
        assert "Traceback" not in service.text


class TestCheckConfig:
    def test_a_good_one(self, tmp_path: Path, children: list[Child]) -> None:
        (tmp_path / "lab.toml").write_text('[numbers]\ncountry = "fr"\n')
        children.append(gateway(tmp_path, "check-config", "lab.toml"))
        assert children[-1].ends() == 0
        assert children[-1].text == "lab.toml: nothing wrong\n"

    def test_a_bad_one(self, tmp_path: Path, children: list[Child]) -> None:
        (tmp_path / "lab.toml").write_text('[numbers]\ncountry = "atlantis"\n\n[isup]\nt7 = -1\nt77 = 1\n')
        children.append(gateway(tmp_path, "check-config", "lab.toml"))
        assert children[-1].ends() == 1
        first, *others = children[-1].text.splitlines()
        assert first.startswith("lab.toml:2: numbers.country: ")
        assert [line.split(": ")[:2] for line in others] == [["lab.toml:5", "isup.t7"], ["lab.toml:6", "isup.t77"]]


class TestListen:
    def test_without_pyaudio_it_says_what_is_missing(self, tmp_path: Path, children: list[Child]) -> None:
        (tmp_path / "pyaudio.py").write_text("raise ModuleNotFoundError(\"No module named 'pyaudio'\")\n")
        children.append(gateway(tmp_path, "listen", PYTHONPATH=str(tmp_path)))
        assert children[-1].ends() == 1
        assert children[-1].text.startswith("listen: PyAudio is not installed.")
        assert "portaudio19-dev" in children[-1].text
        assert "pip install 'pstn-gateway[audio]'" in children[-1].text

    def test_without_a_gateway_it_says_how_to_start_one(self, tmp_path: Path, children: list[Child]) -> None:
        (tmp_path / "pyaudio.py").write_text(FAKE_PYAUDIO)
        card = str(tmp_path / "sound")
        children.append(gateway(tmp_path, "listen", PYTHONPATH=str(tmp_path), SOUND_CARD=card))
        assert children[-1].ends() == 1
        assert "twistd -n pstn-gateway" in children[-1].text

    def test_it_hears_the_early_media_of_the_next_call(self, tmp_path: Path, children: list[Child]) -> None:
        folder = tmp_path / "service"
        service = twistd(folder, "--sip", "127.0.0.1:0")
        children.append(service)
        phone = telephone(where(service))
        (tmp_path / "pyaudio.py").write_text(FAKE_PYAUDIO)
        environment = {"PYTHONPATH": str(tmp_path), "SOUND_CARD": str(tmp_path / "sound")}
        listener = gateway(folder, "listen", **environment)
        children.append(listener)
        try:
            listener.says("waiting for a call with media")
            call = phone.dial("+33199000003", MEDIA)
            listener.says("hearing call-1, PCMU")
            phone.until(lambda: (tmp_path / "sound").stat().st_size > 2.6 * 8000 * 2)
            phone.thread.call(call.hang_up)
            assert listener.ends() == 0
        finally:
            phone.thread.call(phone.phone.stop)
        assert listener.text.endswith("the call is over\n")
        pcm = np.fromfile(tmp_path / "sound", dtype="<i2")
        assert any(heard.fits("busy", "fr") for heard in listen(pcm, [load_plan("fr")])), len(pcm)
