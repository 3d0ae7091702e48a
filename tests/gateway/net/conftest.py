"""A reactor whose time passes when it is told to, with what the media plane asks of one besides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher

from tests.gateway.net.plane import Bench


class SteppedReactor(Clock):
    """Twisted's `Clock`, with readers and names."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []
        self.asked: list[tuple[str, Deferred[str]]] = []

    def addReader(self, reader: Any) -> None:
        """As IReactorFDSet."""
        if reader not in self.readers:
            self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """As IReactorFDSet."""
        if reader in self.readers:
            self.readers.remove(reader)

    def resolve(self, host: str) -> Deferred[str]:
        """As IReactorCore; the test answers."""
        found: Deferred[str] = Deferred()
        self.asked.append((host, found))
        return found

    def pass_time(self, seconds: float) -> None:
        """In steps of a millisecond, reading what has come at each."""
        for _ in range(round(seconds * 1000)):
            self.advance(0.001)
            for reader in list(self.readers):
                reader.doRead()


@pytest.fixture
def reactor() -> SteppedReactor:
    """One whose time has not begun."""
    return SteppedReactor()


@pytest.fixture
def failures() -> Iterator[list[LogEvent]]:
    """The failures that were logged; a test that expects them clears the list."""
    logged: list[LogEvent] = []

    def observe(event: LogEvent) -> None:
        if "log_failure" in event:
            logged.append(event)

    publisher: Any = globalLogPublisher
    publisher.addObserver(observe)
    yield logged
    publisher.removeObserver(observe)
    assert not logged


@pytest.fixture
def bench(reactor: SteppedReactor, failures: list[LogEvent]) -> Iterator[Bench]:
    """A bench, cleared away afterwards."""
    made = Bench(reactor)
    yield made
    made.plane.stop()
    made.phone.socket.close()
    assert made.ports.in_use == 0
