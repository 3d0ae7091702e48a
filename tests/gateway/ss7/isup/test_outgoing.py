"""Outgoing calls, message by message: what the far end sends, what we send, what the user is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway.core.errors import LocalProtocolError
from gateway.ss7.isup.cause import CauseIndicators
from gateway.ss7.isup.messages import Message, MessageType
from gateway.ss7.isup.timers import IsupTimers

if TYPE_CHECKING:
    from tests.gateway.ss7.isup.conftest import Bench

M = MessageType
LIVE = ("WaitForAcm", "WaitForAnm", "Answered")
STATES = ("WaitForSetup", *LIVE, "Idle")
MakeBench = Callable[..., "Bench"]


@pytest.mark.clause("ITU-T Q.764", "2.1")
class TestSetUp:
    def test_acm_then_anm(self, bench: Bench) -> None:
        call, user = bench.call_out(state="WaitForSetup")
        assert bench.said() == []
        bench.request(call.setup, *bench.of(M.IAM))
        assert bench.said() == ["IAM 2"]
        assert bench.timers() == {"T7": 25.0}
        bench.receive(M.ACM, 2)
        assert bench.timers() == {"T9": 180.0}
        bench.receive(M.CPG, 2)
        bench.receive(M.ANM, 2)
        assert bench.timers() == {}
        assert bench.said() == []
        assert user.names() == ["address_complete", "call_progress", "answered"]
        assert call.state == "outgoing: Answered"

    def test_con_answers_at_once(self, bench: Bench) -> None:
        call, user = bench.call_out()
        bench.receive(M.CON, call.cic)
        assert user.names() == ["answered"]
        assert bench.timers() == {}
        assert call.state == "outgoing: Answered"

    def test_the_user_is_given_the_message_itself(self, bench: Bench) -> None:
        call, user = bench.call_out()
        bench.receive(M.REL, call.cic, CauseIndicators(17))
        (name, message) = user.notes[0]
        assert name == "released"
        assert isinstance(message, Message)
        assert message[CauseIndicators].value == 17

    def test_a_sam_restarts_t7(self, bench: Bench) -> None:
        call, user = bench.call_out()
        bench.advance(20)
        bench.request(call.subsequent_address, *bench.of(M.SAM))
        assert bench.said() == ["SAM 2"]
        bench.advance(20)
        assert user.names() == []
        bench.advance(5)
        assert user.names() == ["awaiting_address_complete_timed_out"]

    def test_cpg_before_acm_is_discarded_and_reported(self, bench: Bench) -> None:
        call, user = bench.call_out()
        bench.receive(M.CPG, call.cic)
        assert user.names() == []
        assert bench.said() == []
        assert bench.user.events() == ["2 CPG discarded in outgoing: WaitForAcm"]
        assert call.state == "outgoing: WaitForAcm"

    def test_a_message_that_lacks_a_mandatory_parameter_is_refused_and_changes_nothing(self, bench: Bench) -> None:
        call, _ = bench.call_out(state="WaitForSetup")
        with pytest.raises(LocalProtocolError, match="mandatory"):
            bench.request(call.setup)
        assert call.state == "outgoing: WaitForSetup"
        bench.request(call.setup, *bench.of(M.IAM))
        assert bench.said() == ["IAM 2"]


class TestTimers:
    def test_t7_tells_the_user_who_releases(self, bench: Bench) -> None:
        call, user = bench.call_out()
        bench.advance(24.9)
        assert user.names() == []
        bench.advance(0.1)
        assert user.names() == ["awaiting_address_complete_timed_out"]
        assert bench.said() == []
        bench.request(call.release, 102)
        assert bench.said() == ["REL 2"]

    def test_t9_tells_the_user_who_releases(self, bench: Bench) -> None:
        call, user = bench.call_out(state="WaitForAnm")
        bench.advance(180)
        assert user.names() == ["awaiting_answer_timed_out"]
        bench.request(call.release, 19)
        assert bench.said() == ["REL 2"]

    def test_t9_can_be_off(self, make_bench: MakeBench) -> None:
        bench = make_bench(timers=IsupTimers(T9=None))
        _, user = bench.call_out(state="WaitForAnm")
        bench.advance(3600)
        assert user.names() == []
        assert bench.timers() == {}


@pytest.mark.clause("ITU-T Q.764", "2.3")
class TestRelease:
    @pytest.mark.parametrize("state", LIVE)
    def test_rel_is_answered_by_rlc_in_every_state(self, bench: Bench, state: str) -> None:
        call, user = bench.call_out(state=state)
        bench.receive(M.REL, call.cic)
        assert bench.said() == ["RLC 2"]
        assert user.names() == ["released"]
        assert bench.state(2) == "Idle"
        assert bench.timers() == {}

    @pytest.mark.parametrize("state", LIVE)
    def test_the_circuit_is_idle_only_after_rlc(self, bench: Bench, state: str) -> None:
        call, user = bench.call_out(state=state)
        bench.request(call.release, 16, 0)
        rel = bench.sent[-1]
        assert bench.said() == ["REL 2"]
        assert rel[CauseIndicators] == CauseIndicators(16, 0)
        assert bench.state(2) == "release: WaitForRlc"
        assert user.names() == []
        bench.receive(M.RLC, 2)
        assert bench.state(2) == "Idle"
        assert user.names() == ["circuit_released"]
        assert bench.timers() == {}

    def test_a_circuit_that_no_iam_used_is_released_silently(self, bench: Bench) -> None:
        call, user = bench.call_out(state="WaitForSetup")
        bench.request(call.release, 16)
        assert bench.said() == []
        assert user.names() == ["circuit_released"]
        assert bench.state(2) == "Idle"

    def test_messages_that_cross_our_rel_are_discarded(self, bench: Bench) -> None:
        call, user = bench.call_out()
        bench.request(call.release, 16)
        bench.said()
        for crossing in (M.ACM, M.CPG, M.ANM, M.CON, M.SUS, M.RES):
            bench.receive(crossing, 2)
        assert bench.said() == []
        assert user.names() == []
        assert bench.state(2) == "release: WaitForRlc"

    def test_a_request_that_crosses_the_news_is_ignored(self, bench: Bench) -> None:
        call, user = bench.call_out()
        bench.receive(M.REL, call.cic)
        bench.said()
        user.notes.clear()
        bench.request(call.release, 16)
        bench.request(call.suspend, *bench.of(M.SUS))
        assert bench.said() == []
        assert user.names() == []

    @pytest.mark.clause("ITU-T Q.764", "2.9.5.1")
    @pytest.mark.parametrize("state", LIVE)
    def test_rlc_without_rel_is_answered_by_rel(self, bench: Bench, state: str) -> None:
        call, user = bench.call_out(state=state)
        bench.receive(M.RLC, call.cic)
        assert bench.said() == ["REL 2"]
        assert user.notes == [("call_failed", (111, "RLC without REL"))]
        bench.receive(M.RLC, 2)
        assert bench.state(2) == "Idle"
        assert len(user.notes) == 1


@pytest.mark.clause("ITU-T Q.764", "2.5")
class TestSuspendResume:
    def test_both_ways(self, bench: Bench) -> None:
        call, user = bench.call_out(state="Answered")
        bench.receive(M.SUS, call.cic)
        bench.receive(M.RES, call.cic)
        assert user.names() == ["suspended", "resumed"]
        bench.request(call.suspend, *bench.of(M.SUS))
        bench.request(call.resume, *bench.of(M.RES))
        assert bench.said() == ["SUS 2", "RES 2"]

    def test_not_before_the_answer(self, bench: Bench) -> None:
        call, _ = bench.call_out(state="WaitForAnm")
        with pytest.raises(LocalProtocolError, match="SUS on CIC 2 in outgoing: WaitForAnm"):
            bench.request(call.suspend, *bench.of(M.SUS))
        bench.receive(M.SUS, call.cic)
        assert bench.user.events() == ["2 SUS discarded in outgoing: WaitForAnm"]


class TestSweep:
    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("message_type", MessageType)
    def test_no_message_raises_in_any_state_and_the_circuit_is_not_lost(
        self, bench: Bench, state: str, message_type: MessageType
    ) -> None:
        call, _ = bench.call_out(state=state)
        bench.receive(message_type, 2)
        assert bench.mishaps == []
        bench.request(call.release, 16)
        for _ in range(3):
            bench.receive(M.RLC, 2)
            bench.receive(M.REL, 2)
            bench.receive(M.RLC, call.cic)
        bench.receive(M.UBA, 2)
        assert bench.node.idle_circuits == (1, 2, 3, 4)
        assert bench.timers() == {}

    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("timer", ["T1", "T5", "T7", "T9", "T99"])
    def test_no_stale_timer_raises_in_any_state(self, bench: Bench, state: str, timer: str) -> None:
        call, _ = bench.call_out(state=state)
        bench.request(call.timer_fired, timer)
        assert bench.said() == []
        assert call.state == f"outgoing: {state}"

    @pytest.mark.parametrize(
        ("request_", "allowed"),
        [
            ("setup", ("WaitForSetup",)),
            ("subsequent_address", ("WaitForAcm",)),
            ("suspend", ("Answered",)),
            ("progress", ("Answered",)),
            ("resume", ("Answered",)),
            ("release", ("WaitForSetup", *LIVE)),
        ],
    )
    @pytest.mark.parametrize("state", STATES)
    def test_requests_are_obeyed_refused_or_too_late(
        self, bench: Bench, state: str, request_: str, allowed: tuple[str, ...]
    ) -> None:
        call, _ = bench.call_out(state=state)
        types = {"setup": M.IAM, "subsequent_address": M.SAM, "suspend": M.SUS, "resume": M.RES, "progress": M.CPG}
        arguments = (16,) if request_ == "release" else bench.of(types[request_])
        method = getattr(call, request_)
        if state == "Idle" or state in allowed:
            bench.request(method, *arguments)
            assert bool(bench.said()) is (state != "Idle" and (state, request_) != ("WaitForSetup", "release"))
        else:
            with pytest.raises(LocalProtocolError, match=f"on CIC 2 in outgoing: {state}"):
                bench.request(method, *arguments)
            assert call.state == f"outgoing: {state}"
