"""Two user agents over a bad network: whatever is lost, repeated or late, both come to rest, and nothing leaks."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from gateway.sip.dialog.settings import Reliability
from gateway.sip.effects import Transport
from gateway.sip.transaction.user import ServerTransaction
from gateway.testing.simulation import Simulation, Weather
from gateway.testing.user_agents import SimulatedUserAgent

OFFER = b"v=0\r\no=alice 1 1 IN IP4 192.0.2.1\r\n"
ANSWER = b"v=0\r\no=bob 1 1 IN IP4 192.0.2.2\r\n"

ENDINGS = {"bye_received", "cancel_received", "acknowledgement_timed_out", "acceptance_timed_out"}


class Call:
    """One call with everything left to chance: who does what, when, and what becomes of the messages."""

    def __init__(self, seed: int, weather: Weather, transport: Transport = Transport.UDP) -> None:
        self.world = world = Simulation(seed, weather)
        self.plan = random.Random(seed * 7919)
        choices = list(Reliability)
        self.alice = SimulatedUserAgent(
            world, "alice", ("192.0.2.1", 5060), self.plan.choice(choices), transport=transport
        )
        self.bob = SimulatedUserAgent(world, "bob", ("192.0.2.2", 5060), self.plan.choice(choices))
        self.bob.on["session_offered"] = lambda session: self.plan_bob()
        for side in (self.alice, self.bob):
            side.on["info_received"] = self.answer_later(side)
            side.on["offer_received"] = self.answer_later(side)
        self.offer = self.plan.choice((OFFER, b""))
        self.client = self.alice.call(self.bob, self.offer)
        self.alice.on["progress_received"] = self.alice.on["answered"] = lambda response: self.later(
            self.alice, 0.3, self.client.acknowledge, ANSWER
        )
        for _ in range(3):
            self.later(self.alice, 20, self.client.info, "application/dtmf-relay", b"Signal=1")
        self.later(self.alice, 40, self.client.update, OFFER)
        self.later(self.alice, 60, self.client.reinvite, OFFER)
        self.later(self.alice, self.plan.choice((2, 60, 200)), self.client.cancel)

    def later(self, side: SimulatedUserAgent, within_s: float, method: Callable[..., None], *arguments: object) -> None:
        """Do something at some time."""
        self.world.clock.call_later(self.plan.uniform(0, within_s), lambda: side.do(method, *arguments))

    def answer_later(self, side: SimulatedUserAgent) -> Callable[..., None]:
        """A user that answers what it is asked, sooner or later."""

        def ask(transaction: ServerTransaction) -> None:
            session = self.client if side is self.alice else self.bob.session
            status = self.plan.choice((200, 200, 488))
            self.later(side, 2, session.respond, transaction, status, "", (), ANSWER, "application/sdp")

        return ask

    def plan_bob(self) -> None:
        """The called side's part."""
        session = self.bob.session
        self.later(self.bob, 2, session.progress, 180)
        self.later(self.bob, 4, session.progress, 183, "", ANSWER)
        self.later(self.bob, 60, session.info, "application/isup", b"\x0d")
        self.later(self.bob, 60, session.reinvite, OFFER)
        if self.plan.random() < 0.7:
            self.later(self.bob, 30, session.answer, ANSWER)
        else:
            self.later(self.bob, 60, session.reject, 486)
        self.later(self.bob, self.plan.choice((60, 200)), session.bye)

    def run(self) -> None:
        """Until nothing is due; and it must not take longer than the last timers."""
        self.world.run(200)
        self.alice.do(self.client.bye)
        for session in self.bob.sessions:
            self.bob.do(session.bye)
        assert self.world.run_to_rest() <= 64 * 0.5 * 4

    def check(self) -> None:
        """Nothing is left, and each user heard one ending at most."""
        assert self.world.clock.running == []
        for side in (self.alice, self.bob):
            assert (side.agent.open_sessions, side.agent.open_dialogs, side.layer.open_transactions) == (0, 0, 0)
        outcomes = [name for name in self.alice.heard if name in ("answered", "rejected", "failed")]
        assert len(outcomes) == 1
        assert len([name for name in self.alice.heard if name in ENDINGS]) <= 1
        assert len([name for name in self.bob.heard if name in ENDINGS]) <= len(self.bob.sessions)
        assert self.client.state == "Morgue"
        assert {session.state for session in self.bob.sessions} <= {"Morgue"}


@pytest.mark.parametrize("seed", range(80))
def test_a_call_over_a_bad_network_comes_to_rest(seed: int) -> None:
    call = Call(seed, Weather(loss=0.3, duplication=0.2, least_delay_s=0.005, most_delay_s=0.9))
    call.run()
    call.check()


@pytest.mark.parametrize("seed", range(20))
def test_a_call_over_a_terrible_network_comes_to_rest(seed: int) -> None:
    call = Call(seed + 1000, Weather(loss=0.75, duplication=0.1, least_delay_s=0.005, most_delay_s=2.0))
    call.run()
    call.check()


@pytest.mark.parametrize("seed", range(10))
def test_whatever_the_weather_a_call_comes_to_rest(seed: int) -> None:
    chance = random.Random(seed)
    for number in range(seed * 40, seed * 40 + 40):
        loss, duplication = chance.choice((0, 0.1, 0.3, 0.6, 0.8, 0.95)), chance.choice((0, 0.2, 0.5))
        call = Call(number, Weather(loss, duplication, 0.001, chance.choice((0.001, 0.2, 1, 3, 6))))
        call.run()
        call.check()


@pytest.mark.parametrize("seed", range(20))
def test_a_call_over_a_good_network_comes_to_rest(seed: int) -> None:
    call = Call(seed + 2000, Weather())
    call.run()
    call.check()
    assert len(call.bob.sessions) == 1


@pytest.mark.parametrize("seed", range(10))
def test_a_call_over_tcp_comes_to_rest(seed: int) -> None:
    call = Call(seed + 3000, Weather(loss=0.5), Transport.TCP)
    call.run()
    call.check()
    assert not [sent for sent in call.world.network.sent if not sent.copies]


@pytest.mark.parametrize("seed", range(10))
def test_when_the_callee_vanishes_the_caller_comes_to_rest(seed: int) -> None:
    call = Call(seed + 4000, Weather(most_delay_s=0.2))
    call.world.run(random.Random(seed).uniform(0, 40))
    call.world.network.lose = lambda sent: True
    call.run()
    call.check()


def test_what_is_lost_is_the_same_for_the_same_seed() -> None:
    def octets() -> list[bytes]:
        call = Call(5, Weather(loss=0.3, duplication=0.2, most_delay_s=0.9))
        call.run()
        return [sent.octets for sent in call.world.network.sent]

    assert octets() == octets()
