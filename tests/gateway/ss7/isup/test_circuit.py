"""Circuits: release, reset, blocking, and what they do with messages that make no sense."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.effects import Outbox, StartTimer
from gateway.ss7.isup.incoming import IncomingCall
from gateway.ss7.isup.messages import Message, MessageType
from gateway.ss7.isup.node import Node, NodeSettings
from gateway.ss7.isup.timers import IsupTimers

if TYPE_CHECKING:
    from tests.gateway.ss7.isup.conftest import Bench

M = MessageType
MakeBench = Callable[..., "Bench"]


class Deaf:
    """A user whom nothing interests."""

    def call_offered(self, call: IncomingCall, message: Message) -> None: ...

    def circuit_event(self, cic: int, event: str) -> None: ...


@pytest.fixture
def releasing(bench: Bench) -> Bench:
    """A bench whose circuit 2 waits for RLC to our REL."""
    call, user = bench.call_out(state="Answered")
    bench.request(call.release, 16)
    bench.said()
    bench.user = user
    return bench


@pytest.fixture
def resetting(bench: Bench) -> Bench:
    """A bench whose circuit 2 waits for RLC to our RSC."""
    bench.request(bench.node.reset, 2)
    bench.said()
    return bench


@pytest.mark.clause("ITU-T Q.764", "2.9.6")
class TestRelease:
    def test_rel_is_repeated_at_t1_until_rlc(self, releasing: Bench) -> None:
        releasing.advance(14.9)
        assert releasing.said() == []
        releasing.advance(0.1)
        assert releasing.said() == ["REL 2"]
        releasing.advance(30)
        assert releasing.said() == ["REL 2", "REL 2"]
        releasing.receive(M.RLC, 2)
        releasing.advance(1000)
        assert releasing.said() == []
        assert releasing.user.names() == ["circuit_released"]

    def test_t5_ends_it_with_rsc_and_the_user_is_done_with_it(self, releasing: Bench) -> None:
        releasing.advance(299)
        releasing.said()
        releasing.advance(1)
        assert "RSC 2" in releasing.said()
        assert releasing.user.names() == ["circuit_released"]
        assert releasing.state(2) == "reset: WaitForRlc"
        assert releasing.timers() == {"T17": 300.0}
        releasing.receive(M.RLC, 2)
        assert releasing.state(2) == "Idle"
        assert releasing.timers() == {}

    @pytest.mark.clause("ITU-T Q.764", "2.3.1")
    def test_when_both_ends_release_theirs_is_answered_and_ours_still_waited_for(self, releasing: Bench) -> None:
        releasing.receive(M.REL, 2)
        assert releasing.said() == ["RLC 2"]
        assert releasing.state(2) == "release: WaitForRlc"
        assert releasing.user.names() == []
        releasing.receive(M.RLC, 2)
        assert releasing.state(2) == "Idle"
        assert releasing.user.names() == ["circuit_released"]

    def test_rsc_is_answered_and_our_rlc_still_waited_for(self, releasing: Bench) -> None:
        releasing.receive(M.RSC, 2)
        assert releasing.said() == ["RLC 2"]
        assert releasing.state(2) == "release: WaitForRlc"
        releasing.advance(15)
        assert releasing.said() == ["REL 2"]

    def test_ucic_ends_it(self, releasing: Bench) -> None:
        releasing.receive(M.UCIC, 2)
        assert releasing.state(2) == "Idle"
        assert releasing.timers() == {}
        assert releasing.user.names() == ["circuit_released"]

    def test_maintenance_turns_it_into_a_reset(self, releasing: Bench) -> None:
        releasing.request(releasing.node.reset, 2)
        assert releasing.said() == ["RSC 2"]
        assert releasing.user.names() == ["circuit_released"]
        assert releasing.timers() == {"T16": 15.0, "T17": 300.0}

    @pytest.mark.parametrize("message_type", [t for t in MessageType if t not in (M.RLC, M.UCIC)])
    def test_nothing_else_ends_it(self, releasing: Bench, message_type: MessageType) -> None:
        releasing.receive(message_type, 2)
        assert releasing.mishaps == []
        assert releasing.state(2) == "release: WaitForRlc"

    def test_no_call_takes_the_circuit_meanwhile(self, make_bench: MakeBench) -> None:
        bench = make_bench(cics=(2,))
        call, _ = bench.call_out()
        bench.request(call.release, 16)
        bench.pump.deliver(bench.node.seize, bench.user)
        assert "no_circuit_available" in bench.user.names()


@pytest.mark.clause("ITU-T Q.764", "2.9.3.1")
class TestReset:
    def test_rsc_is_repeated_at_t16_and_after_t17_at_t17_with_an_alarm(self, resetting: Bench) -> None:
        resetting.advance(15)
        assert resetting.said() == ["RSC 2"]
        resetting.advance(284)
        assert resetting.said() == ["RSC 2"] * 18
        resetting.user.notes.clear()
        resetting.advance(1)
        assert resetting.user.events() == ["2 alarm: no RLC to RSC in T17; RSC again at this interval"]
        resetting.said()
        resetting.advance(299)
        assert resetting.said() == []
        resetting.advance(1)
        assert resetting.said() == ["RSC 2"]
        resetting.receive(M.RLC, 2)
        resetting.advance(3600)
        assert resetting.said() == []
        assert resetting.node.idle_circuits == (1, 2, 3, 4)

    def test_rsc_crossing_ours_is_answered_and_ours_still_waited_for(self, resetting: Bench) -> None:
        resetting.receive(M.RSC, 2)
        assert resetting.said() == ["RLC 2"]
        assert resetting.state(2) == "reset: WaitForRlc"

    def test_rel_is_answered_but_does_not_end_it(self, resetting: Bench) -> None:
        resetting.receive(M.REL, 2)
        assert resetting.said() == ["RLC 2"]
        assert resetting.state(2) == "reset: WaitForRlc"

    @pytest.mark.parametrize("message_type", [t for t in MessageType if t not in (M.RLC, M.UCIC)])
    def test_nothing_else_ends_it_and_no_call_comes_of_it(self, resetting: Bench, message_type: MessageType) -> None:
        resetting.receive(message_type, 2)
        assert resetting.mishaps == []
        assert resetting.state(2) == "reset: WaitForRlc"
        assert resetting.user.offered == []

    def test_a_second_reset_starts_afresh(self, resetting: Bench) -> None:
        resetting.advance(10)
        resetting.request(resetting.node.reset, 2)
        assert resetting.said() == ["RSC 2"]
        resetting.advance(14)
        assert resetting.said() == []

    def test_rsc_received_on_an_idle_circuit_is_answered(self, bench: Bench) -> None:
        bench.receive(M.RSC, 1)
        assert bench.said() == ["RLC 1"]
        assert bench.state(1) == "Idle"

    def test_rsc_received_lifts_the_far_ends_blocking(self, bench: Bench) -> None:
        bench.receive(M.BLO, 1)
        bench.receive(M.RSC, 1)
        assert bench.said() == ["BLA 1", "RLC 1"]
        assert not bench.node.circuits[1].remotely_blocked

    def test_rsc_received_on_a_circuit_that_we_block_is_answered_by_blo_and_rlc(self, bench: Bench) -> None:
        bench.request(bench.node.block, 1)
        bench.receive(M.BLA, 1)
        bench.said()
        bench.receive(M.RSC, 1)
        assert bench.said() == ["BLO 1", "RLC 1"]
        bench.receive(M.BLA, 1)
        assert bench.node.circuits[1].locally_blocked == "Blocked"

    def test_after_our_reset_our_blocking_is_said_again(self, bench: Bench) -> None:
        bench.request(bench.node.block, 1)
        bench.receive(M.BLA, 1)
        bench.request(bench.node.reset, 1)
        bench.said()
        bench.receive(M.RLC, 1)
        assert bench.said() == ["BLO 1"]

    def test_ucic_ends_it_and_takes_the_circuit_out_of_service(self, resetting: Bench) -> None:
        resetting.receive(M.UCIC, 2)
        assert resetting.state(2) == "Idle"
        assert resetting.timers() == {}
        assert resetting.node.circuits[2].unequipped
        resetting.receive(M.RSC, 2)
        assert not resetting.node.circuits[2].unequipped


@pytest.mark.clause("ITU-T Q.764", "2.9.5.1")
class TestIdle:
    @pytest.mark.parametrize("message_type", [M.SAM, M.ACM, M.CPG, M.ANM, M.CON, M.SUS, M.RES])
    def test_a_message_that_belongs_to_a_call_is_answered_by_rsc(self, bench: Bench, message_type: MessageType) -> None:
        bench.receive(message_type, 1)
        assert bench.said() == ["RSC 1"]
        assert bench.user.events() == [f"1 reset: {message_type.name} on an idle circuit"]

    def test_rel_is_answered_by_rlc(self, bench: Bench) -> None:
        bench.receive(M.REL, 1)
        assert bench.said() == ["RLC 1"]
        assert bench.state(1) == "Idle"

    def test_rlc_is_discarded(self, bench: Bench) -> None:
        bench.receive(M.RLC, 1)
        assert bench.said() == []
        assert bench.user.events() == ["1 RLC discarded in Idle"]

    @pytest.mark.parametrize("message_type", [M.GRS, M.FAC, M.INF, M.CRG, M.USR, M.COT, M.CCR])
    def test_what_this_version_does_not_act_on_is_discarded(self, bench: Bench, message_type: MessageType) -> None:
        bench.receive(message_type, 1)
        assert bench.said() == []
        assert bench.state(1) == "Idle"
        assert len(bench.user.events()) == 1

    def test_cfn_is_reported(self, bench: Bench) -> None:
        bench.receive(M.CFN, 1)
        assert bench.said() == []
        assert bench.user.events() == ["1 the far end is confused (CFN)"]


@pytest.mark.clause("ITU-T Q.764", "2.8.2")
class TestBlockingByUs:
    def test_blo_bla_ubl_uba(self, make_bench: MakeBench) -> None:
        bench = make_bench(cics=(2,))
        states = []

        def note() -> None:
            states.append(bench.node.circuits[2].locally_blocked)

        bench.request(bench.node.block, 2)
        note()
        bench.receive(M.BLA, 2)
        note()
        bench.pump.deliver(bench.node.seize, bench.user)
        assert "no_circuit_available" in bench.user.names()
        bench.request(bench.node.unblock, 2)
        note()
        bench.receive(M.UBA, 2)
        note()
        assert states == ["WaitForBla", "Blocked", "WaitForUba", "Unblocked"]
        assert bench.said() == ["BLO 2", "UBL 2"]
        assert bench.timers() == {}
        bench.seize()

    @pytest.mark.parametrize(("first", "message", "again"), [("block", "BLO", "T12"), ("unblock", "UBL", "T14")])
    @pytest.mark.clause("ITU-T Q.764", "2.9.4")
    def test_repeated_until_acknowledged_then_an_alarm_and_slower(
        self, bench: Bench, first: str, message: str, again: str
    ) -> None:
        if first == "unblock":
            bench.request(bench.node.block, 1)
            bench.receive(M.BLA, 1)
            bench.said()
        bench.request(getattr(bench.node, first), 1)
        assert again in bench.timers()
        bench.advance(299)
        assert bench.said() == [f"{message} 1"] * 20
        bench.user.notes.clear()
        bench.advance(1)
        assert "alarm" in bench.user.events()[0]
        bench.said()
        bench.advance(900)
        assert bench.said() == [f"{message} 1"] * 3
        bench.receive(M.BLA if first == "block" else M.UBA, 1)
        assert bench.timers() == {}

    def test_an_iam_on_a_blocked_circuit_is_discarded_and_blo_sent_again(self, bench: Bench) -> None:
        bench.request(bench.node.block, 1)
        bench.receive(M.BLA, 1)
        bench.said()
        bench.receive(M.IAM, 1)
        assert bench.said() == ["BLO 1"]
        assert bench.user.offered == []

    def test_changing_ones_mind_before_the_answer(self, bench: Bench) -> None:
        bench.request(bench.node.block, 1)
        bench.request(bench.node.unblock, 1)
        bench.receive(M.BLA, 1)
        bench.receive(M.UBA, 1)
        assert bench.said() == ["BLO 1", "UBL 1"]
        assert bench.node.circuits[1].locally_blocked == "Unblocked"
        assert bench.timers() == {}

    @pytest.mark.clause("ITU-T Q.764", "2.9.4")
    def test_an_acknowledgement_that_contradicts_us_is_set_right(self, bench: Bench) -> None:
        bench.receive(M.BLA, 1)
        assert bench.said() == ["UBL 1"]
        bench.receive(M.UBA, 1)
        assert bench.said() == []
        bench.request(bench.node.block, 1)
        bench.receive(M.BLA, 1)
        bench.said()
        bench.receive(M.UBA, 1)
        assert bench.said() == ["BLO 1"]

    @given(
        st.lists(
            st.sampled_from(
                (
                    *("block", "unblock", "blocking_acknowledged", "unblocking_acknowledged", "assert_again"),
                    *("T12", "T13", "T14", "T15"),
                )
            )
        )
    )
    def test_no_input_in_any_state_surprises(self, inputs: list[str]) -> None:
        outbox = Outbox()
        settings = NodeSettings(own_point_code=1, peer_point_code=2, cics=(1,))
        blocking = Node(settings, Deaf(), outbox)._circuits[1].blocking
        for name in inputs:
            if name.startswith("T"):
                blocking.timer_fired(name)
            else:
                getattr(blocking, name)()
        state = blocking.state
        timers = {effect.name for effect in outbox.drain() if isinstance(effect, StartTimer)}
        assert state in ("Unblocked", "WaitForBla", "Blocked", "WaitForUba")
        assert timers <= {"T12", "T13", "T14", "T15"}
        assert blocking.unblocked is (state == "Unblocked")


@pytest.mark.clause("ITU-T Q.764", "2.8.2")
class TestBlockingByTheFarEnd:
    def test_blo_and_ubl_are_acknowledged_each_time(self, bench: Bench) -> None:
        bench.receive(M.BLO, 1)
        bench.receive(M.BLO, 1)
        assert bench.node.circuits[1].remotely_blocked
        bench.receive(M.UBL, 1)
        bench.receive(M.UBL, 1)
        assert bench.said() == ["BLA 1", "BLA 1", "UBA 1", "UBA 1"]
        assert not bench.node.circuits[1].remotely_blocked
        assert bench.user.events() == ["1 blocked by the far end", "1 unblocked by the far end"]

    def test_our_calls_keep_off(self, make_bench: MakeBench) -> None:
        bench = make_bench(cics=(1, 2))
        bench.receive(M.BLO, 2)
        call, _ = bench.seize()
        assert call.cic == 1

    def test_their_iam_lifts_it(self, bench: Bench) -> None:
        bench.receive(M.BLO, 1)
        bench.receive(M.IAM, 1)
        assert not bench.node.circuits[1].remotely_blocked
        assert len(bench.user.offered) == 1

    def test_a_seized_circuit_that_no_iam_used_is_left_for_another(self, bench: Bench) -> None:
        call, user = bench.call_out(state="WaitForSetup")
        bench.receive(M.BLO, 2)
        assert call.cic == 4
        assert user.names() == ["circuit_changed"]
        assert bench.said() == ["BLA 2"]


class TestTimerValues:
    def test_values_are_checked(self) -> None:
        with pytest.raises(ValueError, match="T7: 0 s, must be more than 0"):
            IsupTimers(T7=0)
        assert IsupTimers(T9=None).T9 is None
