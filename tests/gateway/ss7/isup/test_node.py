"""Nodes: what they let in, what they do with what they do not know, and two of them over a bad link."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.effects import Machine, Outbox, Tell
from gateway.core.errors import LocalProtocolError
from gateway.ss7.effects import Transfer
from gateway.ss7.isup import codec
from gateway.ss7.isup.cause import CauseIndicators
from gateway.ss7.isup.incoming import IncomingCall
from gateway.ss7.isup.messages import Message, MessageType
from gateway.ss7.isup.node import Node, NodeSettings
from gateway.ss7.isup.outgoing import OutgoingCall
from gateway.ss7.isup.parameter import Parameter
from gateway.ss7.isup.user import NO_CIRCUIT
from gateway.ss7.mtp3 import Mtp3Message, RoutingLabel

if TYPE_CHECKING:
    from tests.gateway.ss7.isup.conftest import Bench, Simulation

M = MessageType
MakeBench = Callable[..., "Bench"]
Parameters = Callable[[MessageType], tuple[Parameter, ...]]


class TestWhatIsLetIn:
    @pytest.mark.parametrize(
        ("envelope", "why"),
        [
            ((3, 2, RoutingLabel(200, 100, 1)), "service indicator 3, ISUP is 5"),
            ((5, 0, RoutingLabel(200, 100, 1)), "network indicator 0, ours is 2"),
            ((5, 2, RoutingLabel(201, 100, 1)), "destination point code 201, ours is 200"),
            ((5, 2, RoutingLabel(200, 101, 1)), "originating point code 101, the peer's is 100"),
        ],
    )
    def test_messages_for_or_from_others_are_dropped_and_reported(
        self, bench: Bench, envelope: tuple[int, int, RoutingLabel], why: str
    ) -> None:
        indicator, network, label = envelope
        data = codec.serialize(Message.of(M.RSC, 1))
        bench.request(bench.node.transfer_received, Mtp3Message(indicator, network, 0, label, data).serialize())
        assert bench.said() == []
        assert bench.user.events() == [f"{NO_CIRCUIT} dropped: {why}"]

    @pytest.mark.parametrize("priority", range(4))
    @pytest.mark.parametrize("selection", [0, 1, 15])
    def test_any_priority_and_any_link_will_do(self, bench: Bench, priority: int, selection: int) -> None:
        data = codec.serialize(Message.of(M.RSC, 1))
        envelope = Mtp3Message(5, 2, priority, RoutingLabel(200, 100, selection), data)
        bench.request(bench.node.transfer_received, envelope.serialize())
        assert bench.said() == ["RLC 1"]

    def test_every_prefix_of_an_iam_is_dropped_or_understood_and_never_raises(self, bench: Bench) -> None:
        octets = bench.octets(M.IAM, 1)
        for end in range(len(octets) - 2):
            bench.request(bench.node.transfer_received, octets[:end])
            assert "dropped: " in bench.user.events()[0]
        assert bench.said() == []
        assert bench.node.idle_circuits == (1, 2, 3, 4)

    def test_a_malformed_message_is_reported_with_its_circuit(self, bench: Bench) -> None:
        bench.request(bench.node.transfer_received, bench.octets(M.IAM, 3)[:12])
        (event,) = bench.user.events()
        assert event.startswith("3 dropped: IAM: ")

    @given(data=st.data())
    @settings(max_examples=200)
    def test_noise_behind_a_good_label_never_raises(self, data: st.DataObject) -> None:
        outbox = Outbox()
        node = Node(NodeSettings(own_point_code=2, peer_point_code=1, cics=tuple(range(64))), _Deaf(), outbox)
        label = RoutingLabel(2, 1, 0)
        for _ in range(5):
            cic = bytes((data.draw(st.integers(0, 80)), 0))
            message_type = data.draw(st.sampled_from(MessageType) | st.integers(0, 255))
            noise = cic + bytes((message_type,)) + data.draw(st.binary(max_size=24))
            node.transfer_received(Mtp3Message(5, 2, 0, label, noise).serialize())
        for effect in outbox.drain():
            if isinstance(effect, Transfer):
                codec.parse(Mtp3Message.parse(effect.octets).data)

    @given(st.binary(max_size=40))
    def test_pure_noise_never_raises(self, noise: bytes) -> None:
        Node(NodeSettings(own_point_code=2, peer_point_code=1, cics=(1,)), _Deaf(), Outbox()).transfer_received(noise)


class _Deaf:
    def call_offered(self, call: IncomingCall, message: Message) -> None: ...

    def circuit_event(self, cic: int, event: str) -> None: ...


class TestWhatIsNotKnown:
    def test_a_circuit_that_is_not_equipped_is_answered_by_ucic(self, bench: Bench) -> None:
        bench.receive(M.IAM, 31)
        assert bench.said() == ["UCIC 31"]
        assert bench.user.events() == ["31 IAM for a circuit that is not equipped"]

    @pytest.mark.parametrize("message_type", [M.UCIC, M.CFN])
    def test_two_nodes_cannot_answer_each_other_for_ever(self, bench: Bench, message_type: MessageType) -> None:
        bench.receive(message_type, 31)
        assert bench.said() == []

    @pytest.mark.clause("ITU-T Q.764", "2.9.5.2")
    @pytest.mark.parametrize("state", ["WaitForAcm", "Answered"])
    def test_an_unknown_message_type_is_answered_by_cfn_and_changes_nothing(self, bench: Bench, state: str) -> None:
        call, user = bench.call_out(state=state)
        octets = bench.octets(M.RLC, 2)
        bench.request(bench.node.transfer_received, octets[:7] + b"\xee" + octets[8:])
        assert bench.sent[-1][CauseIndicators].value == 97
        assert bench.sent[-1][CauseIndicators].diagnostics == b"\xee"
        assert bench.said() == ["CFN 2"]
        assert bench.user.events() == ["2 dropped: message type 0xee is unknown"]
        assert user.names() == []
        assert call.state == f"outgoing: {state}"


class TestSeizing:
    def test_no_circuit_is_left(self, make_bench: MakeBench) -> None:
        bench = make_bench(cics=(1,))
        bench.seize()
        bench.pump.deliver(bench.node.seize, bench.user)
        assert bench.user.names() == ["no_circuit_available"]

    def test_two_calls_never_get_the_same_circuit(self, bench: Bench) -> None:
        calls = [bench.seize()[0] for _ in range(4)]
        assert sorted(call.cic for call in calls) == [1, 2, 3, 4]

    def test_maintenance_of_a_circuit_that_does_not_exist_is_refused(self, bench: Bench) -> None:
        for request in (bench.node.block, bench.node.unblock, bench.node.reset):
            with pytest.raises(LocalProtocolError, match="CIC 9 is not among the 4 circuits"):
                bench.request(request, 9)


class TestSettings:
    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"own_point_code": 16384}, "own point code 16384: 0 to 16383"),
            ({"peer_point_code": 200}, "point code 200 at both ends"),
            ({"cics": (1, 4096)}, "CIC 4096: 0 to 4095"),
            ({"cics": (1, 1)}, "2 CICs, 1 different ones"),
            ({"network_indicator": 4}, "network indicator 4: 0 to 3"),
            ({"law": "x-law"}, "law 'x-law': a-law or mu-law"),
            ({"repeat_attempts": -1}, "repeat attempts -1: 0 or more"),
        ],
    )
    def test_values_are_checked(self, make_bench: MakeBench, changes: dict[str, Any], error: str) -> None:
        with pytest.raises(ValueError, match=error):
            make_bench(**changes)


class TestObserver:
    def test_it_sees_every_message_once_with_its_octets_in_order(self, bench: Bench) -> None:
        seen: list[tuple[str, str, bytes]] = []
        outbox = Outbox()

        def observe(direction: str, message: Message, octets: bytes) -> None:
            seen.append((direction, message.name, octets))

        node = Node(bench.node.settings, _Deaf(), outbox, observe)
        received = bench.octets(M.IAM, 1)
        node.transfer_received(received)
        node.transfer_received(bench.octets(M.REL, 1))
        effects = outbox.drain()
        for effect in effects:
            if isinstance(effect, Tell):
                effect.method(*effect.arguments)
        (sent,) = [effect.octets for effect in effects if isinstance(effect, Transfer)]
        assert [(direction, name) for direction, name, _ in seen] == [
            ("received", "IAM"),
            ("received", "REL"),
            ("sent", "RLC"),
        ]
        assert seen[0][2] == received
        assert seen[2][2] == sent


class Party:
    """One end of a call with a life of its own: does what its state allows, at random times, and hangs up."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.call: OutgoingCall | IncomingCall | None = None
        self.endings: list[str] = []
        self.after_the_end: list[str] = []

    def later(self, greatest_s: float, action: Callable[[], None]) -> None:
        self.world.simulation.at(self.world.random.uniform(0, greatest_s), action)

    def do(self, method: Callable[..., None], *arguments: object) -> None:
        self.world.simulation.pump.deliver(method, *arguments)

    def hang_up(self) -> None:
        if self.call is not None:
            self.do(self.call.release, 16)

    def told(self, what: str) -> None:
        if self.endings:
            self.after_the_end.append(what)

    def ended(self, how: str) -> None:
        self.told(how)
        self.endings.append(how)

    def released(self, message: Message) -> None:
        self.ended("released")

    def call_failed(self, cause: int, why: str) -> None:
        self.ended("call_failed")

    def circuit_released(self) -> None:
        self.ended("circuit_released")

    def suspended(self, message: Message) -> None:
        self.told("suspended")

    def resumed(self, message: Message) -> None:
        self.told("resumed")


class Caller(Party):
    def circuit_seized(self, call: OutgoingCall) -> None:
        self.call = call
        self.later(0.5, lambda: self.do(call.setup, *self.world.parameters(M.IAM)))
        self.later(120, self.hang_up)

    def circuit_changed(self, call: OutgoingCall) -> None:
        self.told("circuit_changed")

    def no_circuit_available(self) -> None:
        self.ended("no_circuit_available")

    def address_complete(self, message: Message) -> None:
        self.told("address_complete")

    def call_progress(self, message: Message) -> None:
        self.told("call_progress")

    def answered(self, message: Message) -> None:
        self.told("answered")
        assert isinstance(self.call, OutgoingCall)
        self.do(self.call.suspend, *self.world.parameters(M.SUS))

    def awaiting_address_complete_timed_out(self) -> None:
        self.told("T7")
        self.hang_up()

    def awaiting_answer_timed_out(self) -> None:
        self.told("T9")
        self.hang_up()


class Called(Party):
    def offered(self, call: IncomingCall) -> None:
        self.call = call
        self.do(call.attach, self)
        of = self.world.parameters
        self.later(150, self.hang_up)
        match self.world.random.randrange(4):
            case 0:
                self.do(call.connect, *of(M.CON))
            case 1:
                self.do(call.release, 17)
            case 2:
                self.do(call.address_complete, *of(M.ACM))
                self.later(10, lambda: self.do(call.progress, *of(M.CPG)))
                self.later(40, lambda: self.do(call.answer))
            case 3:
                self.later(30, lambda: self.do(call.address_complete, *of(M.ACM)))

    def subsequent_address(self, message: Message) -> None:
        self.told("subsequent_address")

    def call_progress(self, message: Message) -> None:
        self.told("call_progress")


class World:
    """Two nodes, a link that drops, doubles and delays, and parties that call each other."""

    def __init__(self, simulation: Simulation, parameters: Parameters, seed: int, *, maintenance: bool) -> None:
        self.simulation = simulation
        self.parameters = parameters
        self.random = random.Random(seed)
        self.bad_until_s = 600.0
        self.parties: list[Party] = []
        simulation.on_transfer = self.carry
        self.nodes = [
            Node(
                NodeSettings(own_point_code=own, peer_point_code=peer, cics=range(1, 7)),
                self,
                simulation.pump.outbox(),
            )
            for own, peer in ((1, 2), (2, 1))
        ]
        for _ in range(25):
            simulation.at(self.random.uniform(0, 500), self.new_call)
        if maintenance:
            for _ in range(12):
                simulation.at(self.random.uniform(0, 600), self.maintain)

    def carry(self, owner: Machine | None, octets: bytes) -> None:
        receiver = self.nodes[0] if Mtp3Message.parse(octets).label.destination == 1 else self.nodes[1]
        bad = self.simulation.now_s < self.bad_until_s
        copies = self.random.choices((1, 0, 2), (0.8, 0.1, 0.1))[0] if bad else 1
        for _ in range(copies):
            delay_s = 0.01 if not bad or self.random.random() < 0.7 else self.random.uniform(0.01, 20)
            self.simulation.at(delay_s, lambda: self.simulation.pump.deliver(receiver.transfer_received, octets))

    def new_call(self) -> None:
        caller = Caller(self)
        self.parties.append(caller)
        self.simulation.pump.deliver(self.random.choice(self.nodes).seize, caller)

    def maintain(self) -> None:
        node = self.random.choice(self.nodes)
        request = self.random.choice((node.block, node.unblock, node.reset))
        self.simulation.pump.deliver(request, self.random.randrange(1, 7))

    def call_offered(self, call: IncomingCall, message: Message) -> None:
        called = Called(self)
        self.parties.append(called)
        called.offered(call)

    def circuit_event(self, cic: int, event: str) -> None:
        assert 1 <= cic <= 6, event


class TestNoCircuitIsEverLost:
    @given(seed=st.integers(0, 2**32), maintenance=st.booleans())
    @settings(max_examples=60, deadline=None)
    def test_over_a_link_that_drops_doubles_and_reorders(
        self,
        new_simulation: Callable[[], Simulation],
        parameters: Parameters,
        seed: int,
        maintenance: bool,
    ) -> None:
        simulation = new_simulation()
        world = World(simulation, parameters, seed, maintenance=maintenance)
        simulation.advance(600)
        for node in world.nodes:
            for cic in range(1, 7):
                simulation.pump.deliver(node.unblock, cic)
        simulation.advance(3000)
        assert simulation.mishaps == []
        for node in world.nodes:
            assert node.idle_circuits == tuple(range(1, 7)), node.circuits
        assert simulation.timers() == {}
        for party in world.parties:
            assert len(party.endings) == 1, party.endings
            assert party.after_the_end == []

        for cic in range(1, 7):
            simulation.pump.deliver(world.nodes[0].reset, cic)
        simulation.advance(1)
        for node in world.nodes:
            assert {(s.locally_blocked, s.remotely_blocked) for s in node.circuits.values()} == {("Unblocked", False)}
            callers = [Caller(world) for _ in range(6)]
            for caller in callers:
                simulation.pump.deliver(node.seize, caller)
            assert all(caller.call for caller in callers)
            for caller in callers:
                caller.hang_up()

    def test_dual_seizure_of_every_circuit_ends_with_every_call_served_or_told(
        self, new_simulation: Callable[[], Simulation], parameters: Parameters
    ) -> None:
        simulation = new_simulation()
        world = World(simulation, parameters, 0, maintenance=False)
        world.bad_until_s = 0
        for _ in range(6):
            for node in world.nodes:
                caller = Caller(world)
                world.parties.append(caller)
                simulation.pump.deliver(node.seize, caller)
        simulation.advance(3000)
        assert simulation.mishaps == []
        for node in world.nodes:
            assert node.idle_circuits == tuple(range(1, 7))
        for party in world.parties:
            assert len(party.endings) == 1
