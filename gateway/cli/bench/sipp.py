"""SIPp as the caller: what it is told, and what it says it saw."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from attrs import field, frozen

from gateway.cli.bench.figures import percentile
from gateway.cli.bench.machine import child

PATIENCE_S: Final = 8
"""How long calls may go on after the last one has begun."""

STOPWATCH_TIMES: Final = "times.csv"
PROGRESS: Final = "progress"
ANSWER: Final = "answer"

_CALLER_FIELDS: Final = """\
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:bench@[local_ip]:[local_port]>;tag=[pid]bench[call_number]
To: <sip:[field0]@[remote_ip]:[remote_port]>"""

SCENARIO: Final = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="bench">
  <nop start_rtd="{PROGRESS}"/>
  <send retrans="500" start_rtd="{ANSWER}"><![CDATA[
INVITE sip:[field0]@[remote_ip]:[remote_port] SIP/2.0
{_CALLER_FIELDS}
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:bench@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=bench 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[local_ip_type] [local_ip]
t=0 0
m=audio [field1] RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true" rtd="{PROGRESS}" next="1"/>
  <recv response="183" optional="true" rtd="{PROGRESS}" next="1"/>
  <recv response="200" rtd="{ANSWER}" rrs="true" next="2"/>
  <label id="1"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" rrs="true"/>
  <label id="2"/>
  <send><![CDATA[
ACK [next_url] SIP/2.0
{_CALLER_FIELDS}[peer_tag_param]
[routes]
Call-ID: [call_id]
CSeq: 1 ACK
Content-Length: 0

]]></send>
  <send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
{_CALLER_FIELDS}[peer_tag_param]
[routes]
Call-ID: [call_id]
CSeq: 2 BYE
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
"""
"""INVITE with an offer, [18x], 200, ACK, BYE, 200. Field 0 is the number to dial, field 1 the port for RTP."""


class SippError(Exception):
    """SIPp is not there, or has not done what it was asked to; the text says why."""


@frozen
class Latency:
    """Times from the INVITE on, in milliseconds; None where there was none."""

    count: int
    p50_ms: float | None
    p99_ms: float | None

    @classmethod
    def of(cls, times_ms: Iterable[float]) -> Latency:
        """The figures of these times."""
        ordered = sorted(times_ms)
        return cls(len(ordered), percentile(ordered, 0.5), percentile(ordered, 0.99))


@frozen
class Load:
    """What SIPp saw of a run.

    Args:
        rate: calls a second that were asked for.
        planned: calls that were to be made.
        created, successful, failed: of them.
        retransmissions: messages sent or received again, of either side.
        elapsed_s: from the first call to the end of the last.
        progress: from the INVITE to the first 18x, of the calls that have one.
        answer: from the INVITE to the 200, of the calls without an 18x.
        refused: how many calls got which final status, "503", and nothing before; without a stopwatch not known.
    """

    rate: int
    planned: int
    created: int
    successful: int
    failed: int
    retransmissions: int
    elapsed_s: float
    progress: Latency
    answer: Latency
    refused: dict[str, int] = field(factory=dict)

    @property
    def sustained(self) -> bool:
        """Whether every call came to its good end in time and nothing had to be said twice."""
        in_time = self.elapsed_s <= self.planned / self.rate + 1.5
        return in_time and self.successful == self.planned and not self.retransmissions


@frozen
class Sipp:
    """SIPp, ready to be started.

    Args:
        folder: for its scenario and its figures.
        core: to run on.
        stopwatch: a library that times its calls at its socket; None: SIPp's own times, in steps of a jiffy.
    """

    folder: Path
    core: int
    stopwatch: Path | None = None
    program: str = field(factory=lambda: _program())

    def run(self, remote: tuple[str, int], numbers: list[str], rtp_port: int, rate: int, calls: int) -> Load:
        """Place calls to the numbers in turn.

        Raises:
            SippError: it could not.
        """
        scenario, dialled = self.folder / "bench.xml", self.folder / "numbers.csv"
        scenario.write_text(SCENARIO)
        dialled.write_text("SEQUENTIAL\n" + "".join(f"{number};{rtp_port}\n" for number in numbers))
        for left in (*self.folder.glob("bench_*.csv"), self.folder / "stat.csv"):
            left.unlink(missing_ok=True)
        host, port = remote
        command = [self.program, f"{host}:{port}", "-sf", scenario.name, "-inf", dialled.name, "-i", host, "-nostdin"]
        command += ["-r", str(rate), "-m", str(calls), "-l", str(calls), "-timeout", f"{calls // rate + PATIENCE_S}s"]
        command += ["-trace_stat", "-stf", "stat.csv", "-fd", "3600", "-trace_counts", "-trace_rtt", "-rtt_freq", "1"]
        self._finish(command, calls / rate + 2 * PATIENCE_S)
        try:
            final = last_row(self.folder / "stat.csv")
            counts = last_row(next(self.folder.glob("bench_*_counts.csv")))
            own_times = next(self.folder.glob("bench_*_rtt.csv"))
            times = response_times_ms(own_times if self.stopwatch is None else self.folder / STOPWATCH_TIMES)
        except (OSError, StopIteration):
            raise SippError("sipp has left no figures") from None
        return read_load(final, counts, times, rate, calls)

    def answering(self, address: tuple[str, int]) -> list[str]:
        """The command of SIPp's own user agent server."""
        return [self.program, "-sn", "uas", "-i", address[0], "-p", str(address[1]), "-nostdin"]

    def _finish(self, command: list[str], at_most_s: float) -> None:
        environment = dict(os.environ)
        if self.stopwatch is not None:
            environment |= {"LD_PRELOAD": str(self.stopwatch), "STOPWATCH": str(self.folder / STOPWATCH_TIMES)}
        quiet = subprocess.DEVNULL
        with child(
            command, self.core, cwd=self.folder, env=environment, stdin=quiet, stdout=quiet, stderr=subprocess.PIPE
        ) as process:
            try:
                _, errors = process.communicate(timeout=at_most_s)
            except subprocess.TimeoutExpired:
                raise SippError("sipp has not ended") from None
        if process.returncode not in SIPP_ENDS:
            said = errors.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise SippError(f"sipp has ended with status {process.returncode}: {said[-1]}")


SIPP_ENDS: Final = frozenset({0, 1, 97, 99})
"""Exit statuses: all calls well, some not, ended by the time limit, ended without calls."""


def _program() -> str:
    program = shutil.which("sipp")
    if program is None:
        raise SippError("there is no sipp here (Debian: apt install sip-tester)")
    return program


def last_row(path: Path) -> dict[str, str]:
    """The last line of one of SIPp's CSV files, by the names in its first."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    if not rows:
        raise SippError(f"{path.name} has no figures")
    return {name: value for name, value in rows[-1].items() if name and value is not None}


def response_times_ms(path: Path) -> dict[str, list[float]]:
    """The times of a `-trace_rtt` file, by the name of what was timed."""
    times: dict[str, list[float]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            times.setdefault(row["rtd_no"], []).append(float(row["response_time_ms"]))
    return times


def epoch_s(stamp: str) -> float:
    """The time in a cell like "2026-01-31<tab>12:00:00.000000<tab>1769860800.000000"."""
    return float(stamp.split()[-1])


def read_load(
    final: Mapping[str, str], counts: Mapping[str, str], times_ms: Mapping[str, list[float]], rate: int, planned: int
) -> Load:
    """What the last lines of SIPp's statistics and message counts, and its response times, come to."""
    return Load(
        rate=rate,
        planned=planned,
        created=int(final["TotalCallCreated"]),
        successful=int(final["SuccessfulCall(C)"]),
        failed=int(final["FailedCall(C)"]),
        retransmissions=sum(int(value) for name, value in counts.items() if name.endswith("_Retrans")),
        elapsed_s=epoch_s(final["CurrentTime"]) - epoch_s(final["StartTime"]),
        progress=Latency.of(times_ms.get(PROGRESS, ())),
        answer=Latency.of(times_ms.get(ANSWER, ())),
        refused={name: len(times) for name, times in sorted(times_ms.items()) if name.isdigit()},
    )
