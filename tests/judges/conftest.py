"""The judges: SIPp calls a gateway that runs as its users run it, tshark reads what was captured."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.judges.service import Service
from tests.judges.sipp import Outcome, Plan, place_calls

MACHINE_CANNOT_HAVE: Final[tuple[tuple[str, str], ...]] = (
    ("kernel SCTP", "no test needs it yet: ISUP runs over the link in the process"),
)
"""What a test may be skipped for, and nothing else."""

_notes: list[str] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was run by whom, and what this machine cannot have."""
    if not _notes:
        return
    terminalreporter.section("judges")
    for note in _notes:
        terminalreporter.write_line(note)
    for what, why in MACHINE_CANNOT_HAVE:
        terminalreporter.write_line(f"cannot be had on every machine: {what} ({why})")


@pytest.fixture(scope="session")
def judge_note() -> list[str]:
    """Lines for the end of the run."""
    return _notes


def _needs(program: str, package: str) -> str:
    found = shutil.which(program)
    assert found is not None, f"{program} is missing: apt-get install {package}"
    return found


@pytest.fixture(scope="session")
def sipp() -> str:
    """SIPp, Debian's `sip-tester`."""
    return _needs("sipp", "sip-tester")


@pytest.fixture(scope="session")
def tshark() -> str:
    """tshark, Debian's."""
    return _needs("tshark", "tshark")


def _planned(request: pytest.FixtureRequest, name: str) -> list[Plan]:
    """The plans of every selected test that has a parameter of that name."""
    plans: dict[str, Plan] = {}
    for item in request.session.items:
        callspec = getattr(item, "callspec", None)
        plan = None if callspec is None else callspec.params.get(name)
        if isinstance(plan, Plan):
            assert plans.setdefault(plan.name, plan) is plan, f"two calls are named {plan.name}"
    return list(plans.values())


class Run:
    """Every call that the selected tests want of one gateway, and the gateway, stopped.

    Attributes:
        service: with its log and its capture.
        outcomes: by the plan's name.
    """

    def __init__(self, service: Service, outcomes: dict[str, Outcome]) -> None:
        self.service = service
        self.outcomes = outcomes


def _run(plans: list[Plan], service: Service, folder: Path) -> Iterator[Run]:
    began_s = time.monotonic()
    service.start()
    try:
        outcomes = place_calls(plans, service.sip, folder / "calls")
        service.assert_running()
        service.stop()
    finally:
        service.kill()
    said = f"SIPp placed {len(outcomes)} calls in {time.monotonic() - began_s:.0f} s ({folder.name})"
    _notes.append(said)
    yield Run(service, outcomes)
    service.assert_ended_well()


@pytest.fixture(scope="session")
def whole_run(request: pytest.FixtureRequest, sipp: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """All calls to a gateway without a configuration (parameter `plan`), placed at once, before the first test."""
    folder = tmp_path_factory.mktemp("default-gateway")
    yield from _run(_planned(request, "plan"), Service(folder / "service"), folder)


CONFIGURATION = """\
[isup]
t9 = 5.0

[exchange.behaviours.60]
title = "answers, hangs up after 2 s"
steps = [{ send = "CON" }, { play = "say hello", times = 1 }, { wait = 2.0 }, { send = "REL", cause = 16 }]

[exchange.behaviours.61]
title = "says nothing for 2 s, then rings"
steps = [{ wait = 2.0 }, { send = "ACM", in_band = true }, { play = "tone ringback" }, { stay = true }]

[exchange.behaviours.62]
title = "rings, and answers after 1 s"
steps = [{ send = "ACM", called_party = "subscriber free" }, { wait = 1.0 }, { send = "ANM" }, { stay = true }]
"""


@pytest.fixture(scope="session")
def configured_run(
    request: pytest.FixtureRequest, sipp: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    """All calls to a gateway with a configuration file (parameter `configured_plan`), placed at once."""
    folder = tmp_path_factory.mktemp("configured-gateway")
    configuration = folder / "lab.toml"
    configuration.write_text(CONFIGURATION)
    service = Service(folder / "service", ("--config", str(configuration)))
    yield from _run(_planned(request, "configured_plan"), service, folder)


@pytest.fixture(scope="session")
def version_of(tshark: str) -> str:
    """What tshark says it is."""
    done = subprocess.run([tshark, "-v"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]
