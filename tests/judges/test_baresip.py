"""baresip, a telephone that others have written, hears the network, and the network hears it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from attrs import frozen

from tests.judges.service import Service, child, own_address
from tones.detect import Heard, Kind, listen
from tones.dtmf import render_digit
from tones.plan import load_plan
from tones.wav import read_wav, write_wav

pytestmark = pytest.mark.judge

MODULES: Final = Path("/usr/lib/baresip/modules")
ENDS_WITHIN_S: Final = 30.0
SAYS: Final = np.concatenate(
    [
        np.zeros(12000, np.int16),
        np.rint(6000 * np.sin(2 * np.pi * 700 * np.arange(8000) / 8000)).astype(np.int16),
        np.zeros(6000, np.int16),
        render_digit("7", 300.0),
        np.zeros(80000, np.int16),
    ]
)
"""A tone of 700 Hz, and a digit."""
CONFIGURATION: Final = """\
sip_listen {host}:5060
net_interface {host}
module_path {modules}
module account.so
module g711.so
module aufile.so
module sndfile.so
module menu.so
audio_source aufile,{folder}/says.wav
audio_player aufile,{folder}/played.wav
audio_alert aufile,{folder}/alert.wav
snd_path {folder}
rtp_ports 20000-20100
"""


@frozen
class Outcome:
    """What became of a call of baresip's."""

    heard: list[Heard]
    log: str

    @property
    def names(self) -> list[str]:
        """What was heard, silence left out."""
        return [each.name for each in self.heard if each.kind is not Kind.SILENCE]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("gateway") / "service")
    service.start()
    yield service
    service.assert_running()
    service.assert_ended_well()


def call(service: Service, folder: Path, number: str, seconds: int, codec: str = "pcmu") -> Outcome:
    """Let baresip dial, listen, and hang up."""
    program = shutil.which("baresip")
    assert program is not None, "baresip is missing: apt-get install baresip-core"
    host = own_address()
    (folder / "config").write_text(CONFIGURATION.format(host=host, folder=folder, modules=MODULES))
    (folder / "contacts").write_text("")
    write_wav(folder / "says.wav", SAYS)
    account = f'<sip:me@{host}>;regint=0;outbound="sip:{service.host}:5060";audio_codecs={codec}'
    dialling = ["-e", f"/uanew {account}", "-e", f"/dial sip:{number}@{service.host}"]
    arguments = [program, "-4", "-f", str(folder), "-t", str(seconds), *dialling]
    with (folder / "log").open("w") as log:
        process = child(arguments, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            process.wait(ENDS_WITHIN_S)
        finally:
            process.kill()
    said = (folder / "log").read_text(errors="replace")
    recordings = sorted(folder.glob("dump-*-dec.wav"))
    assert recordings, f"baresip has recorded nothing:\n{said[-3000:]}"
    plans = [load_plan(country) for country in ("us", "fr", "e180")]
    return Outcome(listen(read_wav(recordings[0]), plans), said)


@pytest.mark.parametrize(
    ("number", "seconds", "names"),
    [
        ("+12125550101", 8, ["ringback"]),
        ("+33199000003", 6, ["busy"]),
        ("+12125550104", 9, ["special-information", "number-not-in-service"]),
        ("+12125550111", 5, ["1004 Hz"]),
    ],
)
def test_it_hears_what_the_network_plays(
    service: Service, tmp_path: Path, number: str, seconds: int, names: list[str], judge_note: list[str]
) -> None:
    outcome = call(service, tmp_path, number, seconds)
    assert outcome.names[: len(names)] == names, outcome.heard
    judge_note.append(f"baresip heard {', '.join(outcome.names)} at {number}")


@pytest.mark.parametrize("codec", ["pcmu", "pcma"])
def test_what_it_says_comes_back_sound_as_sound_and_digits_as_events(
    service: Service, tmp_path: Path, codec: str
) -> None:
    outcome = call(service, tmp_path, "+12125550110", 8, codec)
    assert "700 Hz" in outcome.names, outcome.heard
    (tone,) = [each for each in outcome.heard if each.name == "700 Hz"]
    assert tone.duration_s == pytest.approx(1.0, abs=0.15)
    assert re.search(r"[Ee]vent: *'?7|DTMF[^\n]*7", outcome.log), outcome.log[-2000:]
