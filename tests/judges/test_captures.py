"""Captures that Wireshark's own programs have written, and what tshark says of their streams."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.gateway.trace.captures import classic, ethernet
from tests.gateway.trace.test_hearing import call
from tones.announcement import announcement

pytestmark = pytest.mark.judge

HELLO = announcement("hello")[:40_000]


def ran(*command: str) -> str:
    """What a program says."""
    assert shutil.which(command[0]) or Path(command[0]).is_file(), f"{command[0]} is missing: apt-get install tshark"
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def count(stream: dict[str, object], name: str) -> int:
    """One of its numbers."""
    number = stream[name]
    assert isinstance(number, int)
    return number


def identified(path: Path) -> list[dict[str, object]]:
    """The streams that are found in it."""
    told = json.loads(ran(sys.executable, "-m", "gateway", "identify", "--json", str(path)))
    streams: list[dict[str, object]] = told["streams"]
    return streams


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Two calls on Ethernet, with losses, a duplicate, packets in disorder and jitter."""
    packets = [*call(), *call(HELLO, begin_s=1_700_000_001.0, call_id="c@d", number=1)]
    rng = np.random.default_rng(1)
    rtp = sorted((at_s + float(rng.uniform(0, 0.004)), octets) for at_s, octets in packets[2:] if octets[9] == 17)
    del rtp[50], rtp[90], rtp[91]
    rtp.insert(120, rtp[119])
    rtp[140], rtp[144] = (rtp[140][0], rtp[144][1]), (rtp[144][0], rtp[140][1])
    path = tmp_path / "made.pcap"
    path.write_bytes(classic([(at_s, ethernet(octets, [7])) for at_s, octets in sorted([*packets[:2], *rtp])], 1))
    return path


@pytest.mark.parametrize("form", ["pcapng", "pcap", "nsecpcap", "modpcap"])
def test_every_form_that_editcap_writes(capture: Path, tmp_path: Path, form: str, judge_note: list[str]) -> None:
    other = tmp_path / "other"
    ran("editcap", "-F", form, str(capture), str(other))
    assert identified(other) == identified(capture)
    judge_note.append(f"a {form} file of editcap's is heard like ours")


def test_counts_are_those_of_tshark(capture: Path, judge_note: list[str]) -> None:
    said = ran("tshark", "-r", str(capture), "-q", "-z", "rtp,streams")
    rows = re.findall(r"0x([0-9A-F]{8})\s+\S+\s+(\d+)\s+(-?\d+) \(", said)
    ours = identified(capture)
    theirs = sorted((int(packets), int(lost)) for _, packets, lost in rows)
    # tshark takes a duplicate for one lost less.
    assert theirs == sorted((count(each, "packets"), count(each, "lost") - count(each, "duplicates")) for each in ours)
    judge_note.append(f"tshark counts {theirs} packets and losses, as we do")


def test_a_part_that_editcap_has_cut_out(capture: Path, tmp_path: Path) -> None:
    ran("editcap", "-r", str(capture), str(tmp_path / "part"), "100-300")
    assert [stream["found_by"] for stream in identified(tmp_path / "part")] == ["heuristics", "heuristics"]


def test_packets_that_editcap_has_cut_short(capture: Path, tmp_path: Path) -> None:
    ran("editcap", "-s", "70", str(capture), str(tmp_path / "short"))
    for stream in identified(tmp_path / "short"):
        assert count(stream, "cut_packets") == count(stream, "packets") - count(stream, "duplicates")
