from __future__ import annotations

import pytest
from attrs import frozen

from gateway.core.clause import Clause, Decision
from gateway.core.effects import Effect, Outbox, Record, StartTimer, StopTimer, tell
from gateway.sip.effects import Flow, Transmit, Transport
from gateway.testing.simulation import SimulatedClock, Simulation, Weather

A, B = ("192.0.2.1", 5060), ("192.0.2.2", 5060)
UDP = Flow(Transport.UDP, A, B)
TCP = Flow(Transport.TCP, A, B, 4)


def octets(number: int) -> bytes:
    return (
        f"OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK{number}\r\nCSeq: {number} OPTIONS\r\n\r\n"
    ).encode()


class Machine:
    """Notes when its timers fire."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox.fork(self)
        self.fired: list[str] = []

    def timer_fired(self, name: str) -> None:
        self.fired.append(name)

    def ask(self, *effects: Effect) -> None:
        self.outbox.extend(effects)


class TestClock:
    def test_timers_fire_in_their_order_and_time_stands_still_between(self) -> None:
        world = Simulation()
        machine = Machine(world.outbox())
        world.deliver(machine.ask, StartTimer("b", 2.0), StartTimer("a", 1.0), StartTimer("c", 2.0))
        assert world.clock.running == [("Machine", "a"), ("Machine", "b"), ("Machine", "c")]
        world.run(1.5)
        assert (machine.fired, world.clock.now_s) == (["a"], 1.5)
        assert world.run_to_rest() == 0.5
        assert machine.fired == ["a", "b", "c"]
        assert world.clock.running == []

    def test_a_timer_is_started_afresh_and_stopped(self) -> None:
        world = Simulation()
        machine = Machine(world.outbox())
        world.deliver(machine.ask, StartTimer("a", 1.0), StartTimer("b", 1.0), StopTimer("b"), StopTimer("never"))
        world.run(0.5)
        world.deliver(machine.ask, StartTimer("a", 1.0))
        world.run(0.9)
        assert machine.fired == []
        world.run(0.2)
        assert machine.fired == ["a"]

    def test_a_callback_may_ask_for_another(self) -> None:
        clock = SimulatedClock()
        seen: list[float] = []

        def again() -> None:
            clock.call_later(1, lambda: seen.append(clock.now_s))

        clock.call_later(1, again)
        clock.advance(3)
        assert seen == [2.0]
        assert not clock.step()

    def test_the_rest_that_never_comes_is_noticed(self) -> None:
        world = Simulation()
        machine = Machine(world.outbox())
        world.deliver(machine.ask, StartTimer("slow", 5000))
        with pytest.raises(
            AssertionError, match=r"not at rest after 3600.0 s; timers running: \[\('Machine', 'slow'\)"
        ):
            world.run_to_rest()


class TestNetwork:
    def test_what_is_sent_arrives_with_the_flow_turned_round(self) -> None:
        world = Simulation()
        arrived: list[tuple[bytes, Flow]] = []
        world.network.attach(B, lambda data, flow: arrived.append((data, flow)))
        world.deliver(Machine(world.outbox()).ask, Transmit(octets(1), TCP))
        assert arrived == []
        world.run(0.001)
        assert arrived == [(octets(1), Flow(Transport.TCP, B, A, 4))]
        assert world.network.summaries() == ["OPTIONS"]
        assert world.network.summaries(B) == []

    def test_bad_weather_loses_repeats_and_reorders_the_same_way_for_the_same_seed(self) -> None:
        def run(seed: int) -> list[bytes]:
            world = Simulation(seed, Weather(loss=0.3, duplication=0.3, least_delay_s=0.01, most_delay_s=0.5))
            arrived: list[bytes] = []
            world.network.attach(B, lambda data, flow: arrived.append(data))
            for number in range(100):
                world.network.transmit(octets(number), UDP)
            world.run_to_rest()
            lost = sum(1 for sent in world.network.sent if sent.copies == 0)
            twice = sum(1 for sent in world.network.sent if sent.copies == 2)
            assert 15 < lost < 45
            assert 8 < twice < 40
            assert len(arrived) == 100 - lost + twice
            assert arrived != sorted(arrived)
            return arrived

        assert run(1) == run(1)
        assert run(1) != run(2)

    def test_tcp_suffers_nothing_of_it(self) -> None:
        world = Simulation(1, Weather(loss=1.0, duplication=1.0, least_delay_s=0.01, most_delay_s=0.5))
        arrived: list[bytes] = []
        world.network.attach(B, lambda data, flow: arrived.append(data))
        for number in range(20):
            world.network.transmit(octets(number), TCP)
        world.run_to_rest()
        assert arrived == [octets(number) for number in range(20)]

    def test_one_certain_loss(self) -> None:
        world = Simulation()
        arrived: list[bytes] = []
        world.network.attach(B, lambda data, flow: arrived.append(data))
        world.network.lose = lambda sent: sent.message.cseq.number == 2
        for number in range(4):
            world.network.transmit(octets(number), UDP)
        world.network.transmit(octets(9), Flow(Transport.UDP, A, ("192.0.2.9", 5060)))
        world.run_to_rest()
        assert arrived == [octets(0), octets(1), octets(3)]
        assert [sent.copies for sent in world.network.sent] == [1, 1, 0, 1, 1]

    @pytest.mark.parametrize("share", [-0.1, 1.1])
    def test_shares_are_shares(self, share: float) -> None:
        with pytest.raises(ValueError, match="loss"):
            Weather(loss=share)
        with pytest.raises(ValueError, match="duplication"):
            Weather(duplication=share)


@frozen
class Whistle(Effect):
    """An effect of another package."""

    tune: str


class TestSimulation:
    def test_records_are_kept(self) -> None:
        world = Simulation()
        decision = Decision("rule", "outcome", Clause("RFC 3261"))
        world.deliver(Machine(world.outbox()).ask, Record("call", decision))
        assert world.records == [("call", decision)]

    def test_other_effects_need_a_performer(self) -> None:
        world = Simulation()
        machine = Machine(world.outbox())
        with pytest.raises(AssertionError, match="nobody performs Whistle"):
            world.deliver(machine.ask, Whistle("la"))
        heard: list[str] = []
        world.perform(Whistle, lambda owner, whistle: heard.append(whistle.tune))
        world.deliver(machine.ask, Whistle("la"))
        assert heard == ["la"]

    def test_an_exception_comes_out_at_once(self) -> None:
        world = Simulation()

        def fail() -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            world.deliver(Machine(world.outbox()).ask, tell(fail))
