"""With media in a process of its own nothing sounds different, and its death takes no more than its calls with it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest

from gateway.exchange.effects import Sound
from gateway.testing.lab import Pstn
from gateway.testing.sync import SyncPhone

TOML = "[media]\nworkers = 2\n"

pytestmark = pytest.mark.pstn(toml=TOML)


@pytest.fixture
def network(pstn_for: Callable[[str], Pstn]) -> Pstn:
    return pstn_for(TOML)


@pytest.fixture
def workers(network: Pstn) -> Iterator[Any]:
    yield network.lab.media


def pids(workers: Any) -> list[int]:
    return [worker.transport.pid for worker in workers._workers]


def test_a_busy_tone_and_its_end(phone: SyncPhone) -> None:
    call = phone.dial("+33199000003")
    assert call.heard("busy", country="fr")
    call.hang_up()


def test_an_announcement_ends_where_it_ends(phone: SyncPhone) -> None:
    call = phone.dial("91001", until="ended")
    assert call.status == 404
    assert call.heard("number-not-in-service")


def test_a_digit_reaches_the_far_side_and_comes_back(phone: SyncPhone) -> None:
    call = phone.dial("+12125550110", until="answered")
    call.send_digit("7")
    assert call.heard_digit("7")
    assert "the exchange hears '7'" in call.ladder()


def test_two_calls_live_on_two_workers(phone: SyncPhone, workers: Any) -> None:
    calls = [phone.dial("+12125550111", until="answered") for _ in range(2)]
    assert [len(worker.calls) for worker in workers._workers] == [1, 1]
    for call in calls:
        assert call.heard("1004 Hz")


def test_a_worker_that_dies_takes_its_calls_with_it_and_nothing_else(
    phone: SyncPhone, network: Pstn, workers: Any
) -> None:
    first, second = (phone.dial("+12125550111", until="answered") for _ in range(2))
    victim = next(worker for worker in workers._workers if worker.calls)
    os.kill(victim.transport.pid, signal.SIGKILL)
    doomed, spared = (first, second)
    doomed.wait_for("ended")
    assert doomed.cause == 41
    assert not spared.ended
    assert spared.heard("1004 Hz")
    assert workers.restarted == 1
    assert len(set(pids(workers))) == 2
    network.failures.clear()
    again = phone.dial("+33199000003")
    assert again.heard("busy", country="fr")


def test_listening_in_works_through_a_worker(phone: SyncPhone, network: Pstn, workers: Any) -> None:
    call = phone.dial("+12125550111", until="answered")
    begun: list[str] = []
    octets: list[bytes] = []
    ended = Event()
    network.call(workers.listen_in, None, begun.append, octets.append, ended.set)
    assert call.heard("1004 Hz")
    call.hang_up()
    call.wait_for("ended")
    assert begun[0].endswith(" PCMU")
    assert octets
    assert {len(each) for each in octets} == {160}
    assert phone.let_go() == ""
    assert ended.wait(10.0)


def test_what_the_exchange_plays_is_told_as_ever(phone: SyncPhone, network: Pstn) -> None:
    told: list[Sound] = []
    network.lab.sound_observer = lambda call, sound: told.append(sound)
    phone.dial("+33199000003", until=183).hang_up()
    assert told == [Sound(("tone busy",), "fr")]
