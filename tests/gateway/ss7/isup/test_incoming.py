"""Incoming calls, message by message: what the far end sends, what the user is told, what we send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.core.errors import LocalProtocolError
from gateway.ss7.isup.cause import CauseIndicators
from gateway.ss7.isup.messages import Message, MessageType
from gateway.ss7.isup.party_numbers import CalledPartyNumber, SubsequentNumber

if TYPE_CHECKING:
    from tests.gateway.ss7.isup.conftest import Bench

M = MessageType
LIVE = ("WaitForAcm", "WaitForAnm", "Answered")
STATES = (*LIVE, "Idle")


@pytest.mark.clause("ITU-T Q.764", "2.1")
class TestSetUp:
    def test_iam_is_offered_to_the_user_of_the_node(self, bench: Bench) -> None:
        bench.receive(M.IAM, 3)
        (name, message) = bench.user.notes[0]
        assert name == "call_offered"
        assert isinstance(message, Message)
        assert message[CalledPartyNumber].digits == "33199000003"
        assert bench.user.offered[0].cic == 3
        assert bench.state(3) == "incoming: WaitForAcm"
        assert bench.said() == []

    def test_acm_cpg_anm(self, bench: Bench) -> None:
        call, user = bench.call_in(1)
        bench.request(call.address_complete, *bench.of(M.ACM))
        bench.request(call.progress, *bench.of(M.CPG))
        bench.request(call.answer)
        bench.request(call.progress, *bench.of(M.CPG))
        assert bench.said() == ["ACM 1", "CPG 1", "ANM 1", "CPG 1"]
        assert user.names() == []
        assert call.state == "incoming: Answered"

    def test_con(self, bench: Bench) -> None:
        call, _ = bench.call_in(1)
        bench.request(call.connect, *bench.of(M.CON))
        assert bench.said() == ["CON 1"]
        assert call.state == "incoming: Answered"

    def test_sam_is_told_until_the_address_is_complete(self, bench: Bench) -> None:
        call, user = bench.call_in(1)
        bench.receive(M.SAM, 1, SubsequentNumber(digits="45"))
        (name, message) = user.notes.pop()
        assert name == "subsequent_address"
        assert isinstance(message, Message)
        assert message[SubsequentNumber].digits == "45"
        bench.request(call.address_complete, *bench.of(M.ACM))
        bench.receive(M.SAM, 1)
        assert user.names() == []
        assert bench.user.events() == ["1 SAM discarded in incoming: WaitForAnm"]

    def test_no_cpg_and_no_anm_before_acm(self, bench: Bench) -> None:
        call, _ = bench.call_in(1)
        with pytest.raises(LocalProtocolError, match="CPG on CIC 1 in incoming: WaitForAcm"):
            bench.request(call.progress, *bench.of(M.CPG))
        with pytest.raises(LocalProtocolError, match="ANM on CIC 1 in incoming: WaitForAcm"):
            bench.request(call.answer)
        assert bench.said() == []

    def test_what_comes_before_the_user_is_attached_is_told_then_in_order(self, bench: Bench) -> None:
        bench.receive(M.IAM, 1)
        bench.receive(M.SAM, 1)
        bench.receive(M.REL, 1)
        user = bench.notebook()
        bench.request(bench.user.offered[0].attach, user)
        assert user.names() == ["subsequent_address", "released"]
        assert bench.said() == ["RLC 1"]

    def test_a_second_user_is_refused(self, bench: Bench) -> None:
        call, user = bench.call_in(1)
        with pytest.raises(LocalProtocolError, match="second user for the call on CIC 1"):
            bench.request(call.attach, user)


@pytest.mark.clause("ITU-T Q.764", "2.3")
class TestRelease:
    @pytest.mark.parametrize("state", LIVE)
    def test_rel_is_answered_by_rlc_in_every_state(self, bench: Bench, state: str) -> None:
        _, user = bench.call_in(1, state=state)
        bench.receive(M.REL, 1)
        assert bench.said() == ["RLC 1"]
        assert user.names() == ["released"]
        assert bench.state(1) == "Idle"

    @pytest.mark.parametrize("state", LIVE)
    def test_the_circuit_is_idle_only_after_rlc(self, bench: Bench, state: str) -> None:
        call, user = bench.call_in(1, state=state)
        bench.request(call.release, 17, 4)
        assert bench.sent[-1][CauseIndicators] == CauseIndicators(17, 4)
        assert bench.said() == ["REL 1"]
        assert bench.state(1) == "release: WaitForRlc"
        bench.receive(M.RLC, 1)
        assert bench.state(1) == "Idle"
        assert user.names() == ["circuit_released"]

    def test_a_call_may_be_released_without_ever_having_a_user(self, bench: Bench) -> None:
        bench.receive(M.IAM, 1)
        bench.request(bench.user.offered[0].release, 34)
        assert bench.said() == ["REL 1"]
        bench.receive(M.RLC, 1)
        assert bench.state(1) == "Idle"

    @pytest.mark.clause("ITU-T Q.764", "2.9.5.1")
    @pytest.mark.parametrize("state", LIVE)
    def test_rlc_without_rel_is_answered_by_rel(self, bench: Bench, state: str) -> None:
        _, user = bench.call_in(1, state=state)
        bench.receive(M.RLC, 1)
        assert bench.said() == ["REL 1"]
        assert user.notes == [("call_failed", (111, "RLC without REL"))]
        bench.receive(M.RLC, 1)
        assert bench.state(1) == "Idle"


class TestProgressFromTheCaller:
    @pytest.mark.clause("ITU-T Q.733.2")
    def test_after_the_answer_the_user_is_told(self, bench: Bench) -> None:
        _, user = bench.call_in(1, state="Answered")
        bench.receive(M.CPG, 1)
        assert user.names() == ["call_progress"]
        assert bench.said() == []

    def test_before_it_is_discarded(self, bench: Bench) -> None:
        _, user = bench.call_in(1, state="WaitForAnm")
        bench.receive(M.CPG, 1)
        assert user.names() == []
        assert bench.user.events() == ["1 CPG discarded in incoming: WaitForAnm"]


@pytest.mark.clause("ITU-T Q.764", "2.5")
class TestSuspendResume:
    def test_both_ways(self, bench: Bench) -> None:
        call, user = bench.call_in(1, state="Answered")
        bench.request(call.suspend, *bench.of(M.SUS))
        bench.request(call.resume, *bench.of(M.RES))
        assert bench.said() == ["SUS 1", "RES 1"]
        bench.receive(M.SUS, 1)
        bench.receive(M.RES, 1)
        assert user.names() == ["suspended", "resumed"]


@pytest.mark.clause("ITU-T Q.764", "2.9.5.1")
class TestUnreasonableMessages:
    @pytest.mark.parametrize("unreasonable", [M.IAM, M.ACM, M.CPG, M.ANM, M.CON, M.SUS, M.RES])
    def test_before_a_backward_message_the_circuit_is_reset_and_the_call_released(
        self, bench: Bench, unreasonable: MessageType
    ) -> None:
        call, user = bench.call_in(1)
        bench.receive(unreasonable, 1)
        assert bench.said() == ["RSC 1"]
        assert user.notes == [("call_failed", (111, f"{unreasonable.name} during the set-up of an incoming call"))]
        assert call.state == "incoming: Idle"
        bench.receive(M.RLC, 1)
        assert bench.state(1) == "Idle"

    @pytest.mark.parametrize("state", ["WaitForAnm", "Answered"])
    @pytest.mark.parametrize("unreasonable", [M.IAM, M.SAM, M.ACM, M.ANM, M.CON])
    def test_after_one_they_are_discarded(self, bench: Bench, state: str, unreasonable: MessageType) -> None:
        call, user = bench.call_in(1, state=state)
        bench.receive(unreasonable, 1)
        assert bench.said() == []
        assert user.names() == []
        assert bench.user.events() == [f"1 {unreasonable.name} discarded in incoming: {state}"]
        assert call.state == f"incoming: {state}"


@pytest.mark.parametrize("state", LIVE)
class TestCircuitEvents:
    @pytest.mark.clause("ITU-T Q.764", "2.9.3.1")
    def test_rsc_ends_the_call(self, bench: Bench, state: str) -> None:
        call, user = bench.call_in(1, state=state)
        bench.receive(M.RSC, 1)
        assert bench.said() == ["RLC 1"]
        assert user.notes == [("call_failed", (31, "the far end reset the circuit"))]
        assert bench.state(1) == "Idle"
        assert call.state == "incoming: Idle"

    @pytest.mark.clause("ITU-T Q.764", "2.8.2")
    def test_the_call_survives_blocking_from_either_end(self, bench: Bench, state: str) -> None:
        call, user = bench.call_in(1, state=state)
        bench.receive(M.BLO, 1)
        bench.request(bench.node.block, 1)
        assert bench.said() == ["BLA 1", "BLO 1"]
        assert user.names() == []
        assert call.state == f"incoming: {state}"

    def test_maintenance_takes_the_circuit_away(self, bench: Bench, state: str) -> None:
        _, user = bench.call_in(1, state=state)
        bench.request(bench.node.reset, 1)
        assert bench.said() == ["RSC 1"]
        assert user.notes == [("call_failed", (31, "circuit reset by maintenance"))]


class TestSweep:
    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("message_type", MessageType)
    def test_no_message_raises_in_any_state_and_the_circuit_is_not_lost(
        self, bench: Bench, state: str, message_type: MessageType
    ) -> None:
        call, _ = bench.call_in(1, state=state)
        bench.receive(message_type, 1)
        assert bench.mishaps == []
        bench.request(call.release, 16)
        for late in bench.user.offered[1:]:
            bench.request(late.release, 16)
        for _ in range(3):
            bench.receive(M.RLC, 1)
            bench.receive(M.REL, 1)
        bench.receive(M.UBA, 1)
        assert bench.node.idle_circuits == (1, 2, 3, 4)
        assert bench.timers() == {}

    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("timer", ["T1", "T5", "T7", "T9"])
    def test_no_timer_does_anything(self, bench: Bench, state: str, timer: str) -> None:
        call, _ = bench.call_in(1, state=state)
        bench.request(call.timer_fired, timer)
        assert bench.said() == []
        assert call.state == f"incoming: {state}"

    @pytest.mark.parametrize(
        ("request_", "message_type", "allowed"),
        [
            ("address_complete", M.ACM, ("WaitForAcm",)),
            ("connect", M.CON, ("WaitForAcm",)),
            ("progress", M.CPG, ("WaitForAnm", "Answered")),
            ("answer", M.ANM, ("WaitForAnm",)),
            ("suspend", M.SUS, ("Answered",)),
            ("resume", M.RES, ("Answered",)),
        ],
    )
    @pytest.mark.parametrize("state", STATES)
    def test_requests_are_obeyed_refused_or_too_late(
        self, bench: Bench, state: str, request_: str, message_type: MessageType, allowed: tuple[str, ...]
    ) -> None:
        call, _ = bench.call_in(1, state=state)
        method = getattr(call, request_)
        if state in allowed:
            bench.request(method, *bench.of(message_type))
            assert bench.said() == [f"{message_type.name} 1"]
        elif state == "Idle":
            bench.request(method, *bench.of(message_type))
            assert bench.said() == []
        else:
            with pytest.raises(LocalProtocolError, match=f"{message_type.name} on CIC 1 in incoming: {state}"):
                bench.request(method, *bench.of(message_type))
            assert bench.said() == []
            assert call.state == f"incoming: {state}"
