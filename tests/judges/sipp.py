"""SIPp places calls, many at once, each from a loopback address of its own and with an ear for its RTP."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Literal

from attrs import define, field, frozen

from tests.judges.ear import Ear, Ears
from tests.judges.scenario import Scenario
from tests.judges.service import child, own_address
from tests.judges.weather import Relay, Weather

MOST_AT_ONCE: Final = 40
CALLER_PORT: Final = 5062
LIMIT_S: Final = 75


@frozen(eq=False)
class Plan:
    """One call to be placed.

    Args:
        name: of the call, unique.
        scenario: what SIPp does.
        transport: of SIP.
        options: further ones of SIPp's.
        seconds: about how long it takes; the longest are begun first.
        says: what the caller says; given its ear, in a thread, once the first packet has come.
        weather: what the network between does.
    """

    name: str
    scenario: Scenario
    transport: Literal["udp", "tcp"] = "udp"
    options: Sequence[str] = ()
    seconds: float = 1.0
    says: Callable[[Ear], None] | None = None
    weather: Weather | None = None


@define(eq=False)
class Outcome:
    """A call that is over.

    Attributes:
        exit_status: SIPp's: 0 if everything was as the scenario wants it.
        said: what SIPp had to say, its error log first.
        messages: every SIP message, as SIPp saw it.
        ear: what the caller heard.
        seconds: how long it took.
    """

    plan: Plan
    exit_status: int
    said: str
    messages: str
    ear: Ear
    seconds: float

    @property
    def host(self) -> str:
        """The caller's address."""
        return self.ear.host

    def assert_as_planned(self) -> None:
        """SIPp found everything as its scenario wants it, and no RTP was lost."""
        tail = self.messages[-6000:]
        assert self.exit_status == 0, f"{self.plan.name}: SIPp ended with {self.exit_status}\n{self.said}\n{tail}"
        assert self.ear.missing == 0, f"{self.plan.name}: {self.ear.missing} RTP packets missing"


@define(eq=False)
class _Running:
    plan: Plan
    process: subprocess.Popen[str]
    ear: Ear
    folder: Path
    began_s: float = field(factory=time.monotonic)


def place_calls(plans: Iterable[Plan], target: tuple[str, int], folder: Path) -> dict[str, Outcome]:
    """Place all the calls, at most `MOST_AT_ONCE` at a time, and wait until the last one is over.

    Args:
        plans: which; the longest are begun first.
        target: the gateway.
        folder: for scenarios and logs.

    Returns:
        What came of each, by name.
    """
    waiting = sorted(plans, key=lambda plan: plan.seconds)
    running: list[_Running] = []
    over: dict[str, Outcome] = {}
    with Ears() as ears, Relay(target) as relay:
        try:
            while waiting or running:
                while waiting and len(running) < MOST_AT_ONCE:
                    plan = waiting.pop()
                    towards = target if plan.weather is None else relay.open(plan.weather)
                    running.append(_start(plan, towards, folder / plan.name, ears))
                time.sleep(0.02)
                for each in [each for each in running if each.process.poll() is not None]:
                    running.remove(each)
                    ears.close(each.ear)
                    over[each.plan.name] = _outcome(each)
        finally:
            for each in running:
                each.process.kill()
                each.process.wait()
    return over


def _start(plan: Plan, target: tuple[str, int], folder: Path, ears: Ears) -> _Running:
    folder.mkdir(parents=True)
    host = own_address()
    ear = ears.open(host)
    ear.says = plan.says
    scenario = folder / "scenario.xml"
    scenario.write_text(plan.scenario.xml(plan.name), encoding="latin-1")
    arguments = [
        *("sipp", "-sf", str(scenario), f"{target[0]}:{target[1]}", "-m", "1", "-nostdin"),
        *("-t", {"udp": "u1", "tcp": "t1"}[plan.transport]),
        *("-i", host, "-p", str(CALLER_PORT), "-mi", host, "-mp", "6000"),
        *("-key", "rtp", str(ear.port)),
        *("-timeout", f"{LIMIT_S}s", "-timeout_error"),
        *("-trace_err", "-error_file", str(folder / "errors"), "-trace_msg", "-message_file", str(folder / "messages")),
        *plan.options,
    ]
    with (folder / "output").open("w") as output:
        process = child(
            arguments,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TERM": "dumb"},
        )
    return _Running(plan, process, ear, folder)


def _outcome(each: _Running) -> Outcome:
    errors, messages = (_text(each.folder / name) for name in ("errors", "messages"))
    said = errors or _text(each.folder / "output")[-2000:]
    status = each.process.returncode
    return Outcome(each.plan, status, said, messages, each.ear, time.monotonic() - each.began_s)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
