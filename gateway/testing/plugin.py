"""The pytest plugin: a telephone network on loopback and a telephone, as fixtures.

    def test_busy(phone):
        call = phone.dial("+33199000003")
        assert call.heard("busy", country="fr")
        assert call.status == 486 and call.cause == 17

`pstn` is one network for the whole session, with the built-in configuration; `phone` is a telephone for one test.
After the test the phone hangs up, and the network must hold nothing for its calls any more. Where a test fails, the
ladders of its calls stand in the report.

The configuration is a file that the option `pstn_config` of the ini-file names, or what a fixture of the project's own,
`pstn_settings`, gives: TOML text. For a single test, class or module: `@pytest.mark.pstn(toml="[isup]\\nt9 = 2.0")`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    # At run time these come when a fixture asks for them: whoever uses none shall not pay for Twisted.
    from gateway.testing.lab import Pstn
    from gateway.testing.sync import SyncPhone

MARKER = "pstn(toml): a configuration for the simulated telephone network, over the built-in one"

PstnFor = Callable[[str], "Pstn"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option of the ini-file."""
    parser.addini("pstn_config", "TOML file for the simulated telephone network, relative to the ini-file", default="")


def pytest_configure(config: pytest.Config) -> None:
    """The marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def pstn_settings(pytestconfig: pytest.Config) -> str:
    """The configuration as TOML text: "", or the file that `pstn_config` names. Override it to choose another."""
    name = pytestconfig.getini("pstn_config")
    return (pytestconfig.rootpath / Path(name)).read_text(encoding="utf-8") if name else ""


@pytest.fixture(scope="session")
def pstn_for(pytestconfig: pytest.Config) -> Iterator[PstnFor]:
    """Gives the telephone network for a configuration in TOML; the same one each time it is asked for the same.

    Files that it names are beside the one that `pstn_config` names, or beside the ini-file.
    """
    named = pytestconfig.getini("pstn_config")
    folder = (pytestconfig.rootpath / named).parent if named else pytestconfig.rootpath
    running: dict[str, Pstn] = {}

    def pstn_for(toml: str) -> Pstn:
        if toml not in running:
            from gateway.config.toml import read_settings
            from gateway.testing.lab import Pstn

            running[toml] = Pstn(read_settings(toml, folder=folder)).start()
        return running[toml]

    yield pstn_for
    for each in running.values():
        each.stop()


@pytest.fixture(scope="session")
def pstn(pstn_for: PstnFor, pstn_settings: str) -> Pstn:
    """A gateway and a simulated exchange on free ports of the loopback interface, for the whole session."""
    return pstn_for(pstn_settings)


@pytest.fixture
def phone(request: pytest.FixtureRequest, pstn_for: PstnFor, pstn_settings: str) -> Iterator[SyncPhone]:
    """A telephone. After the test it hangs up, and nothing may be left of its calls."""
    marker = request.node.get_closest_marker("pstn")
    network = pstn_for(pstn_settings if marker is None else marker.kwargs.get("toml", "") or "".join(marker.args))
    logged = len(network.failures)
    with network.phone() as phone:
        yield phone
        left = phone.let_go()
        complaints = [f"the calls are over, but left: {left}"] if left else []
        complaints += [f"logged meanwhile:\n{traceback}" for traceback in network.failures[logged:]]
        if complaints:
            raise AssertionError("\n\n".join(complaints))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Where a test fails, show the ladders of its calls."""
    report = yield
    used: dict[str, Any] = getattr(item, "funcargs", {})
    if report.failed and call.when in ("call", "teardown") and used:
        report.sections.extend(_ladders(used))
    return report


def _ladders(used: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if not any(type(each).__name__ == "SyncPhone" for each in used.values()):
        return
    from gateway.testing.sync import SyncPhone

    for each in used.values():
        if isinstance(each, SyncPhone):
            for number, call in enumerate(each.calls, 1):
                yield f"call {number}, to {call.number}: {call.state}", call.ladder()
