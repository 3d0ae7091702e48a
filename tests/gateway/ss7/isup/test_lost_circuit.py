"""What becomes of an outgoing call when its circuit is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway.ss7.isup.messages import MessageType

if TYPE_CHECKING:
    from tests.gateway.ss7.isup.conftest import Bench

M = MessageType
LIVE = ("WaitForAcm", "WaitForAnm", "Answered")
STATES = ("WaitForSetup", *LIVE, "Idle")
MakeBench = Callable[..., "Bench"]


@pytest.mark.clause("ITU-T Q.764", "2.9.1.4")
class TestDualSeizure:
    def test_on_a_circuit_of_ours_the_far_iam_is_disregarded(self, bench: Bench) -> None:
        _, user = bench.call_out()
        bench.receive(M.IAM, 2)
        assert bench.said() == []
        assert user.names() == []
        assert bench.user.offered == []
        assert bench.user.events() == ["2 dual seizure: ours goes on, this end controls the circuit"]
        bench.receive(M.ACM, 2)
        assert user.names() == ["address_complete"]

    def test_on_a_circuit_of_theirs_we_back_off_without_rel_and_try_another(self, make_bench: MakeBench) -> None:
        bench = make_bench(cics=(1, 3, 5))
        call, user = bench.call_out()
        assert call.cic == 5
        bench.request(call.subsequent_address, *bench.of(M.SAM))
        bench.said()
        bench.advance(10)
        bench.receive(M.IAM, 5)
        assert call.cic == 3
        assert bench.said() == ["IAM 3", "SAM 3"]
        assert user.names() == ["circuit_changed"]
        assert [offered.cic for offered in bench.user.offered] == [5]
        assert bench.state(5) == "incoming: WaitForAcm"
        bench.advance(24)
        assert user.names() == []
        bench.receive(M.ACM, 3)
        assert user.names() == ["address_complete"]

    def test_the_repeated_iam_has_the_same_parameters(self, make_bench: MakeBench) -> None:
        bench = make_bench(cics=(1, 3))
        call, _ = bench.seize()
        bench.request(call.setup, *bench.of(M.IAM))
        bench.receive(M.IAM, 3)
        first, second = bench.sent
        assert (first.cic, second.cic) == (3, 1)
        assert first.parameters == second.parameters

    def test_without_another_circuit_the_call_fails_with_34(self, make_bench: MakeBench) -> None:
        bench = make_bench(cics=(3,))
        call, user = bench.call_out()
        bench.receive(M.IAM, 3)
        assert bench.said() == []
        assert user.notes == [("call_failed", (34, "the far end seized the circuit, and no other circuit"))]
        assert call.state == "outgoing: Idle"
        assert bench.state(3) == "incoming: WaitForAcm"
        assert bench.timers() == {}

    def test_before_our_iam_the_call_just_moves_even_from_a_circuit_of_ours(self, bench: Bench) -> None:
        call, user = bench.call_out(state="WaitForSetup")
        bench.receive(M.IAM, 2)
        assert call.cic == 4
        assert user.names() == ["circuit_changed"]
        assert bench.said() == []
        bench.request(call.setup, *bench.of(M.IAM))
        assert bench.said() == ["IAM 4"]

    def test_after_a_backward_message_an_iam_is_discarded(self, make_bench: MakeBench) -> None:
        bench = make_bench(cics=(1, 3))
        call, user = bench.call_out(state="WaitForAnm")
        bench.receive(M.IAM, call.cic)
        assert bench.said() == []
        assert user.names() == []
        assert bench.user.offered == []

    def test_repeat_attempts_come_to_an_end(self, make_bench: MakeBench) -> None:
        bench = make_bench(cics=range(1, 20, 2), repeat_attempts=2)
        call, user = bench.call_out()
        for _ in range(3):
            bench.receive(M.IAM, call.cic)
        assert user.names() == ["circuit_changed", "circuit_changed", "call_failed"]
        assert call.state == "outgoing: Idle"


class TestCircuitLostDuringSetUp:
    @pytest.mark.clause("ITU-T Q.764", "2.9.3.1")
    def test_rsc_is_answered_and_the_call_tried_again_elsewhere(self, bench: Bench) -> None:
        call, user = bench.call_out()
        bench.receive(M.RSC, 2)
        assert bench.said() == ["RLC 2", "IAM 4"]
        assert user.names() == ["circuit_changed"]
        assert call.cic == 4
        assert bench.state(2) == "Idle"

    def test_rsc_fails_the_call_when_there_are_no_repeat_attempts(self, make_bench: MakeBench) -> None:
        bench = make_bench(repeat_attempts=0)
        _, user = bench.call_out()
        bench.receive(M.RSC, 2)
        assert bench.said() == ["RLC 2"]
        assert user.notes == [("call_failed", (31, "the far end reset the circuit, and no other circuit"))]

    @pytest.mark.clause("ITU-T Q.764", "2.8.2")
    def test_blo_is_acknowledged_the_circuit_released_and_the_call_tried_again(self, bench: Bench) -> None:
        call, user = bench.call_out()
        bench.receive(M.BLO, 2)
        assert bench.said() == ["BLA 2", "REL 2", "IAM 4"]
        assert user.names() == ["circuit_changed"]
        bench.receive(M.RLC, 2)
        assert bench.state(2) == "Idle"
        assert user.names() == []
        bench.receive(M.ACM, 4)
        assert user.names() == ["address_complete"]
        assert call.cic == 4

    @pytest.mark.clause("ITU-T Q.764", "2.9.5.1")
    @pytest.mark.parametrize("unreasonable", [M.ANM, M.SUS, M.RES, M.SAM])
    def test_an_unreasonable_message_resets_the_circuit_and_the_call_is_tried_again(
        self, bench: Bench, unreasonable: MessageType
    ) -> None:
        call, user = bench.call_out()
        bench.receive(unreasonable, 2)
        assert bench.said() == ["RSC 2", "IAM 4"]
        assert user.names() == ["circuit_changed"]
        assert call.cic == 4
        bench.receive(M.RLC, 2)
        assert bench.state(2) == "Idle"

    def test_ucic_takes_the_circuit_out_of_service_and_the_call_elsewhere(self, bench: Bench) -> None:
        call, user = bench.call_out()
        bench.receive(M.UCIC, 2)
        assert bench.said() == ["IAM 4"]
        assert user.names() == ["circuit_changed"]
        assert bench.node.circuits[2].unequipped
        assert call.cic == 4


@pytest.mark.parametrize("state", ["WaitForAnm", "Answered"])
class TestCircuitEventsLater:
    def test_rsc_ends_the_call(self, bench: Bench, state: str) -> None:
        call, user = bench.call_out(state=state)
        bench.receive(M.RSC, 2)
        assert bench.said() == ["RLC 2"]
        assert user.notes == [("call_failed", (31, "the far end reset the circuit"))]
        assert bench.state(2) == "Idle"
        assert bench.timers() == {}
        assert call.state == "outgoing: Idle"

    def test_the_call_survives_blocking_from_either_end(self, bench: Bench, state: str) -> None:
        call, user = bench.call_out(state=state)
        bench.receive(M.BLO, 2)
        bench.request(bench.node.block, 2)
        assert bench.said() == ["BLA 2", "BLO 2"]
        bench.receive(M.REL, 2)
        assert bench.said() == ["RLC 2"]
        assert user.names() == ["released"]
        assert call.state == "outgoing: Idle"

    def test_maintenance_takes_the_circuit_away(self, bench: Bench, state: str) -> None:
        call, user = bench.call_out(state=state)
        bench.request(bench.node.reset, 2)
        assert bench.said() == ["RSC 2"]
        assert user.notes == [("call_failed", (31, "circuit reset by maintenance"))]
        assert bench.state(2) == "reset: WaitForRlc"
        assert call.state == "outgoing: Idle"
