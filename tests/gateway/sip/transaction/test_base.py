"""What the four machines share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway.core.effects import StartTimer, Tell
from gateway.core.machine import transitions
from gateway.sip.transaction import invite_client, invite_server, non_invite_client, non_invite_server
from gateway.sip.transaction.base import Transaction

if TYPE_CHECKING:
    from tests.gateway.sip.transaction.conftest import Bench


@pytest.mark.parametrize("module", [invite_server, non_invite_server, invite_client, non_invite_client])
def test_every_machine_has_every_input_in_every_state(module: object) -> None:
    table = transitions(module.MACHINE)  # type: ignore[attr-defined]
    states = {state for state, _ in table}
    inputs = {name for _, name in table}
    assert len(table) == len(states) * len(inputs)
    assert "Terminated" in states
    assert all(table["Terminated", name] == ("Terminated", False) for name in inputs)


def test_a_timer_of_no_time_fires_after_what_is_already_asked_for(bench: Bench) -> None:
    class Plain(Transaction):
        __slots__ = ()

        def start(self, seconds: float) -> None:
            self._start("K", seconds)

        def timer_fired(self, name: str) -> None: ...

    one = Plain(bench.request("OPTIONS"), bench.udp, bench.surroundings, bench.outbox)
    one.start(0.0)
    one.start(0.1)
    assert bench.outbox.drain() == [Tell(one.timer_fired, ("K",)), StartTimer("K", 0.1)]


def test_the_root_has_nothing_to_offer_by_itself(bench: Bench) -> None:
    root = Transaction(bench.request("OPTIONS"), bench.udp, bench.surroundings, bench.outbox)
    calls: list[Callable[[], object]] = [
        lambda: root.state,
        lambda: root.timer_fired("A"),
        lambda: root.transport_failed("no route"),
    ]
    for call in calls:
        with pytest.raises(NotImplementedError):
            call()
