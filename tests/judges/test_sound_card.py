"""The sound card for real: PyAudio on PortAudio on ALSA on a PulseAudio that is started here, and has no hardware.

    loudspeaker of the command -> null sink "speaker" -> its monitor -> parec -> what was heard, named
    pacat -> null sink "mouth" -> its monitor = the default source -> microphone of the command

The null sinks have a clock, so all goes at the speed of sound cards. The commands are child processes, as users start
them; the gateway and the SIP phone are in this one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from attrs import define, field
from numpy.typing import NDArray

from gateway.exchange.ringer import HIGH_HZ, LOW_HZ
from gateway.testing.lab import Pstn
from gateway.testing.sync import SyncPhone
from tests.judges.service import child
from tones.announcement import announcement
from tones.detect import listen
from tones.detect.dtmf import detect
from tones.dtmf import render_digits
from tones.notation import Signal
from tones.oscillator import oscillate
from tones.plan import load_plan
from tones.units import level_dbm0, to_pcm
from tones.wav import read_wav

pytestmark = pytest.mark.judge

Pcm = NDArray[np.int16]
FR = "+331990000"
PATIENCE_S = 15.0
RAW = ("--format=s16le", "--rate=8000", "--channels=1", "--latency-msec=20")
ASOUNDRC = "pcm.!default { type pulse }\nctl.!default { type pulse }\n"
PULSE = """\
load-module module-native-protocol-unix socket={socket} auth-anonymous=1
load-module module-null-sink sink_name=speaker rate=8000 channels=1
load-module module-null-sink sink_name=mouth rate=8000 channels=1
set-default-sink speaker
set-default-source mouth.monitor
"""


def before_long(condition: Callable[[], bool]) -> bool:
    """Whether it comes true."""
    until_s = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < until_s:
        time.sleep(0.05)
    return condition()


def end(process: subprocess.Popen[str]) -> None:
    """Have it gone."""
    if process.poll() is None:
        process.terminate()
    process.communicate(timeout=PATIENCE_S)


@define(eq=False)
class SoundCard:
    """A PulseAudio of our own.

    Args:
        folder: its configuration, its socket and its log; and the home of the commands that use it.
    """

    folder: Path
    _daemon: subprocess.Popen[str] | None = None
    _children: list[subprocess.Popen[str]] = field(factory=list)

    @property
    def socket(self) -> Path:
        """Where it is spoken to."""
        return self.folder / "server"

    @property
    def environment(self) -> dict[str, str]:
        """In which a command finds this sound card and no other."""
        here = str(self.folder)
        own = {"HOME": here, "XDG_RUNTIME_DIR": here, "XDG_CONFIG_HOME": here, "PULSE_SERVER": f"unix:{self.socket}"}
        return {**os.environ, **own, "PYTHONUNBUFFERED": "1", "JACK_NO_START_SERVER": "1"}

    def start(self) -> None:
        """Start it and wait until it answers."""
        (self.folder / ".asoundrc").write_text(ASOUNDRC)
        script = self.folder / "script.pa"
        script.write_text(PULSE.format(socket=self.socket))
        options = ("-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "--use-pid-file=no")
        with (self.folder / "pulse.log").open("w") as log:
            self._daemon = child(
                ["pulseaudio", *options, "-F", str(script)], env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        answers = before_long(lambda: "mouth.monitor" in self._pactl("info"))
        assert answers, (self.folder / "pulse.log").read_text()

    def _pactl(self, *words: str) -> str:
        done = subprocess.run(["pactl", *words], env=self.environment, capture_output=True, text=True, check=False)
        return done.stdout

    def run(self, *command: str) -> subprocess.Popen[str]:
        """A command that has this sound card; what it says is to be read from its standard output."""
        started = child(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._children.append(started)
        return started

    def say(self, pcm: Pcm) -> None:
        """Into the microphone; returns when it is said."""
        said = subprocess.run(
            ["pacat", "--playback", "--device=mouth", *RAW], env=self.environment, input=pcm.tobytes(), check=True
        )
        assert said.returncode == 0

    def stop(self) -> None:
        """Everything that was started here is gone."""
        for each in self._children:
            end(each)
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait(PATIENCE_S)


class Recording:
    """What the loudspeaker plays, from now on."""

    def __init__(self, card: SoundCard) -> None:
        self._octets = bytearray()
        self._process = subprocess.Popen(
            ["parec", "--device=speaker.monitor", *RAW], env=card.environment, stdout=subprocess.PIPE
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while octets := self._process.stdout.read1(4096):  # type: ignore[attr-defined]  # it is buffered
            self._octets += octets

    @property
    def pcm(self) -> Pcm:
        """So far."""
        octets = bytes(self._octets)
        return np.frombuffer(octets[: len(octets) // 2 * 2], np.int16)

    def stop(self) -> None:
        """Record no more."""
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()


def rings(pcm: Pcm) -> bool:
    """Whether the ringer is what is heard most."""
    if np.abs(pcm).max(initial=0) < 1000:
        return False
    strongest_hz = float(np.argmax(np.abs(np.fft.rfft(pcm.astype(float))))) * 8000 / len(pcm)
    return min(abs(strongest_hz - each) for each in (LOW_HZ, HIGH_HZ)) < 60


@define(eq=False)
class Command:
    """`python -m gateway ...` on a sound card."""

    process: subprocess.Popen[str]
    said: list[str] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(line.rstrip() for line in iter(self.process.stdout.readline, ""))

    def says(self, words: str) -> None:
        """It says so before long."""
        assert before_long(lambda: any(words in line for line in list(self.said)) or self.process.poll() is not None)
        errors = "" if self.process.poll() is None or self.process.stderr is None else self.process.stderr.read()
        assert any(words in line for line in self.said), f"{self.said} {errors}"


@pytest.fixture(scope="module")
def sound_card(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoundCard]:
    """One with a loudspeaker and a microphone."""
    for program in ("pulseaudio", "pactl", "parec", "pacat"):
        package = "pulseaudio" if program == "pulseaudio" else "pulseaudio-utils"
        assert shutil.which(program), f"{program} is missing: apt-get install {package} libasound2-plugins"
    card = SoundCard(tmp_path_factory.mktemp("sound"))
    try:
        card.start()
        yield card
    finally:
        card.stop()


@pytest.fixture
def recording(sound_card: SoundCard) -> Iterator[Recording]:
    """What is played during the test."""
    made = Recording(sound_card)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def control(pstn: Pstn) -> Iterator[Path]:
    """The network's control socket; the path of such a socket has to be short."""
    with tempfile.TemporaryDirectory(prefix="pstn-") as folder:
        pstn.call(pstn.lab.monitor.listen, Path(folder) / "s")
        yield Path(folder) / "s"
        pstn.call(pstn.lab.monitor.stop)


@pytest.fixture
def command(sound_card: SoundCard, control: Path) -> Callable[[str], Command]:
    """Starts a command of the gateway's on the sound card."""

    def start(name: str) -> Command:
        started = subprocess.Popen(
            [sys.executable, "-m", "gateway", name, "--control", str(control)],
            env=sound_card.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        sound_card._children.append(started)
        return Command(started)

    return start


def test_listen_plays_what_the_caller_hears(
    phone: SyncPhone, recording: Recording, command: Callable[[str], Command], judge_note: list[str]
) -> None:
    listening = command("listen")
    listening.says("waiting for a call")
    call = phone.dial(FR + "03")
    listening.says("hearing call-")
    assert call.heard("busy", country="fr")
    time.sleep(3.0)
    call.hang_up()
    listening.says("the call is over")
    assert listening.process.wait(PATIENCE_S) == 0
    sounds = [each for each in listen(recording.pcm, [load_plan("fr")]) if each.name in ("busy", "congestion")]
    assert sounds, listen(recording.pcm, [load_plan("fr")])
    judge_note.append(f"PulseAudio's sink heard {sounds[0].name} (fr), {sounds[0].level_dbm0:.1f} dBm0, from `listen`")


def test_the_handset_rings_and_both_hear_each_other(
    phone: SyncPhone, sound_card: SoundCard, recording: Recording, command: Callable[[str], Command]
) -> None:
    handset = command("handset")
    assert handset.process.stdin is not None
    handset.says("plugged in")
    call = phone.dial(FR + "20")
    handset.says("ringing (fr)")
    assert call.heard("ringback", country="fr")
    assert before_long(lambda: rings(recording.pcm))
    handset.process.stdin.write("\n")
    handset.process.stdin.flush()
    handset.says("connected")
    call.wait_for("answered")
    sound_card.say(to_pcm(oscillate(Signal.parse("1004"), -13.0, 16000)))
    assert call.heard("1004 Hz")
    call.speak(render_digits("159"))
    assert before_long(lambda: "".join(each.digit for each in detect(recording.pcm)) == "159")
    handset.process.stdin.write("q")
    handset.process.stdin.flush()
    call.wait_for("ended")
    assert call.cause == 16
    handset.says("the call is over")
    handset.process.stdin.write("q")
    handset.process.stdin.flush()
    assert handset.process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("name", ["listen", "handset"])
def test_without_a_sound_device_it_says_so(name: str, control: Path, tmp_path: Path) -> None:
    said = _refused_without_a_device(tmp_path, "gateway", name, "--control", str(control))
    assert said.startswith(f"{name}: there is no sound device to play on")


def test_an_announcement_is_recorded_from_the_microphone(
    sound_card: SoundCard, tmp_path: Path, judge_note: list[str]
) -> None:
    said = announcement("all-circuits-busy")
    target = tmp_path / "busy.wav"
    seconds = str(len(said) / 8000 + 3)
    recording = sound_card.run(
        sys.executable, "-m", "tones", "record", "busy", "--seconds", seconds, "--out", str(target)
    )
    assert recording.stdout is not None
    assert recording.stdout.readline().startswith(f"recording {target}; it ends after")
    sound_card.say(said // 4)
    assert recording.wait(PATIENCE_S) == 0
    pcm = read_wav(target)
    (heard,) = [each for each in listen(pcm) if each.name != "silence"]
    assert heard.name == "all-circuits-busy"
    assert heard.confidence > 0.9
    assert len(pcm) < len(said) + 4000
    assert abs(level_dbm0(pcm) - level_dbm0(said)) < 1.5
    judge_note.append(f"`tones record` heard {heard.name} by PulseAudio's source, {level_dbm0(pcm):.1f} dBm0")


def test_without_a_microphone_recording_says_so(tmp_path: Path) -> None:
    said = _refused_without_a_device(tmp_path, "tones", "record", "x", "--out", str(tmp_path / "x.wav"))
    assert said.startswith("python -m tones: there is no sound device to record from")


def _refused_without_a_device(folder: Path, *command: str) -> str:
    """What a command says, and nothing but that, where there is no sound device."""
    nowhere = SoundCard(folder)
    (folder / ".asoundrc").write_text(ASOUNDRC)
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=nowhere.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    return done.stderr
