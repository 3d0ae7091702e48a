"""The end of a call, whoever brings it about, as ladders (RFC 3398 §7.1.3 to §7.1.7, §10, §11; see `conftest`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.ss7.isup.call_indicators import BackwardCallIndicators, CalledPartyStatus
from gateway.ss7.isup.cause import CauseIndicators, Location

if TYPE_CHECKING:
    from tests.gateway.interworking.conftest import Ladder

NO_INDICATION = BackwardCallIndicators()
FREE = BackwardCallIndicators(called_party_status=CalledPartyStatus.SUBSCRIBER_FREE)
NETWORK = Location.PUBLIC_NETWORK_SERVING_REMOTE_USER


@pytest.mark.clause("RFC 3398", "7.1.3")
def test_t7_expires(ladder: Ladder) -> None:
    ladder.invite()
    ladder.take()
    ladder.run(24.9)
    ladder.shows("")
    ladder.run(0.2)
    ladder.shows("""
        . T7 expired: 504, REL 102 [RFC 3398 §7.2.2]
        ~ media released
        <- 504
        => REL 102
        <= RLC
        -> ACK
    """)
    assert ladder.final.headers.get("Reason") == 'Q.850;cause=102;text="Recovery on timer expiry"'
    assert not ladder.left()


@pytest.mark.clause("RFC 3398", "7.1.4")
def test_no_ack_ends_the_call_after_64_t1(ladder: Ladder) -> None:
    ladder.caller.acknowledges = False
    ladder.connect()
    ladder.run(31.9)
    repeated = ladder.take().splitlines()
    assert set(repeated) == {"<- 200 sdp"}
    assert len(repeated) == 10
    ladder.run(0.2)
    bye = ladder.caller.got("BYE")
    ladder.caller.answer(bye, 200)
    ladder.shows("""
        . SIP: BYE, REL 102: not acknowledged within 64*T1 [RFC 3398 §7.1.4]
        ~ media released
        <- BYE
        => REL 102
        <= RLC
        -> 200
    """)
    assert not ladder.left()


@pytest.mark.clause("RFC 3398", "7.1.5")
@pytest.mark.parametrize(
    ("cause", "location", "status"),
    [(17, NETWORK, 486), (1, NETWORK, 404), (21, NETWORK, 403), (21, Location.USER, 603), (34, NETWORK, 503)],
)
def test_setup_failure(ladder: Ladder, cause: int, location: Location, status: int) -> None:
    ladder.invite()
    ladder.take()
    ladder.do(ladder.pstn.release, cause, location)
    ladder.shows(f"""
        <= REL {cause}
        => RLC
        . REL before answer: {status} [RFC 3398 §7.2.4.1]
        ~ media released
        <- {status}
        -> ACK
    """)
    assert (ladder.final.headers.get("Reason") or "").startswith(f"Q.850;cause={cause};")
    assert (ladder.final.headers.get("Retry-After") is not None) == (status == 503)
    assert not ladder.left()


@pytest.mark.clause("RFC 3398", "7.1.6")
class TestCausePresentInAcm:
    def test_the_caller_hears_it_until_the_interwork_timer_expires(self, ladder: Ladder) -> None:
        ladder.invite()
        ladder.take()
        ladder.do(ladder.pstn.address_complete, NO_INDICATION, CauseIndicators(1, NETWORK))
        ladder.shows("""
            <= ACM 1
            . ACM with cause: 183 with session description, caller hears the circuit [RFC 3398 §7.1.6]
            ~ caller hears CIC 1
            . ringback: the network owns ringback [RFC 3398 §7.2.6]
            <- 183 sdp
        """)
        ladder.run(30)
        ladder.shows("""
            . interwork timer expired: 404, REL 1 [RFC 3398 §7.1.6]
            ~ media released
            <- 404
            => REL 1
            <= RLC
            -> ACK
        """)
        assert not ladder.left()

    @pytest.mark.parametrize("end", ["answer", "CANCEL", "REL"])
    def test_whatever_comes_before_stops_the_timer(self, ladder: Ladder, end: str) -> None:
        invite = ladder.invite()
        ladder.do(ladder.pstn.address_complete, NO_INDICATION, CauseIndicators(1, NETWORK))
        if end == "answer":
            ladder.do(ladder.pstn.answer)
            ladder.caller.request("BYE")
        elif end == "CANCEL":
            ladder.caller.cancel(invite)
        else:
            ladder.do(ladder.pstn.release, 1, NETWORK)
        assert ("Call", "interwork") not in ladder.sim.clock.running
        ladder.take()
        ladder.run(60)
        ladder.shows("")
        assert not ladder.left()


@pytest.mark.clause("RFC 3398", "7.1.7")
class TestCallCanceledBySip:
    ENDED = """
        -> CANCEL
        <- 200
        . CANCEL: 487, REL 16 [RFC 3398 §7.2.3]
        ~ media released
        <- 487
        => REL 16
        <= RLC
        -> ACK
    """

    @pytest.mark.parametrize("state", ["Trying", "NotAlerting", "Alerting"])
    def test_in_each_state_before_the_answer(self, ladder: Ladder, state: str) -> None:
        invite = ladder.invite()
        if state != "Trying":
            ladder.do(ladder.pstn.address_complete, FREE if state == "Alerting" else NO_INDICATION)
        ladder.take()
        ladder.caller.cancel(invite)
        ladder.shows(self.ENDED)
        assert not ladder.left()

    def test_its_reason_becomes_the_cause(self, ladder: Ladder) -> None:
        invite = ladder.invite()
        invite.headers.add("Reason", 'SIP;cause=200;text="elsewhere"')
        invite.headers.add("Reason", "Q.850;cause=26")
        ladder.caller.cancel(invite)
        assert "=> REL 26" in ladder.take()
        assert ladder.far.told == ["released 26 by <Location.USER: 0>"]  # type: ignore[union-attr]

    def test_a_200_that_crosses_it_stands_and_the_caller_hangs_up(self, ladder: Ladder) -> None:
        invite = ladder.invite()
        ladder.take()
        ladder.sim.deliver(ladder.pstn.connect, FREE)
        ladder.caller.cancel(invite)
        ladder.shows(
            """
            <= CON
            ~ caller hears CIC 1
            ~ CIC 1 hears caller
            <- 200 sdp
            -> CANCEL
            <- 200
            -> ACK
            """,
            decisions=False,
        )
        ladder.caller.request("BYE")
        ladder.shows("-> BYE\n<- 200\n~ media released\n=> REL 16\n<= RLC", decisions=False)
        assert not ladder.left()

    def test_a_bye_in_the_early_dialog_ends_the_call_too(self, ladder: Ladder) -> None:
        ladder.ring()
        ladder.take()
        ladder.caller.request("BYE")
        ladder.shows("""
            -> BYE
            <- 200
            . BYE: 487, REL 16 [RFC 3398 §7.2.3]
            ~ media released
            <- 487
            => REL 16
            <= RLC
            -> ACK
        """)
        assert not ladder.left()


class TestTheInvitationComesToNothing:
    @pytest.mark.clause("RFC 3261", "13.3.1")
    def test_its_expires_runs_out(self, ladder: Ladder) -> None:
        ladder.invite(headers=(("Expires", "20"),))
        ladder.take()
        ladder.run(19.9)
        ladder.shows("")
        ladder.run(0.2)
        ladder.shows("""
            . Expires has run out: 487, REL 16 [RFC 3261 §13.3.1]
            ~ media released
            <- 487
            => REL 16
            <= RLC
            -> ACK
        """)
        assert ladder.far.told == ["released 16 by <Location.USER: 0>"]  # type: ignore[union-attr]
        assert not ladder.left()

    @pytest.mark.clause("RFC 6026", "8.8")
    def test_the_caller_cannot_be_reached(self, ladder: Ladder) -> None:
        ladder.ring()
        ladder.take()
        (session,) = {call._core.session for call in ladder.gateway.calls.values()}
        ladder.sim.deliver(ladder.layer.transport_failed, session.flow, "port unreachable")
        ladder.shows("""
            . SIP: 500, REL 41: a response to the INVITE could not be delivered [RFC 6026 §8.8]
            ~ media released
            <- 500
            => REL 41
            <= RLC
            -> ACK
        """)
        assert not ladder.left()


@pytest.mark.clause("RFC 3398", "7.2.8")
def test_t9_expires_after_three_minutes(ladder: Ladder) -> None:
    ladder.ring()
    ladder.take()
    ladder.run(180)
    ladder.shows("""
        <- 183 sdp
        <- 183 sdp
        . T9 expired: 480, REL 19 [RFC 3398 §7.2.8]
        ~ media released
        <- 480
        => REL 19
        <= RLC
        -> ACK
    """)
    assert not ladder.left()


@pytest.mark.clause("RFC 3398", "10.2")
class TestRelAfterAnswer:
    def test_the_caller_gets_bye_with_the_cause(self, ladder: Ladder) -> None:
        ladder.connect()
        ladder.do(ladder.pstn.release, 16, NETWORK)
        bye = ladder.caller.got("BYE")
        ladder.caller.answer(bye, 200)
        ladder.shows("""
            <= REL 16
            => RLC
            . REL after answer: BYE [RFC 3398 §10.2]
            ~ media released
            <- BYE
            -> 200
        """)
        assert bye.headers.get("Reason") == 'Q.850;cause=16;text="Normal call clearing"'
        assert not ladder.left()

    @pytest.mark.clause("RFC 3261", "15")
    def test_before_the_ack_the_bye_waits_for_it(self, ladder: Ladder) -> None:
        ladder.caller.acknowledges = False
        ladder.connect()
        ladder.do(ladder.pstn.release, 16, NETWORK)
        ladder.shows("<= REL 16\n=> RLC\n~ media released", decisions=False)
        ladder.caller.request("ACK")
        ladder.caller.answer(ladder.caller.got("BYE"), 200)
        ladder.shows("-> ACK\n<- BYE\n-> 200", decisions=False)
        assert not ladder.left()

    def test_a_bye_that_crosses_it_is_answered(self, ladder: Ladder) -> None:
        ladder.connect()
        ladder.sim.deliver(ladder.pstn.release, 16, NETWORK)
        ladder.caller.request("BYE")
        ladder.caller.answer(ladder.caller.got("BYE"), 200)
        ladder.shows("<= REL 16\n=> RLC\n~ media released\n<- BYE\n-> BYE\n<- 200\n-> 200", decisions=False)
        assert not ladder.left()


class TestMaintenance:
    @pytest.mark.clause("RFC 3398", "11.1")
    def test_a_reset_after_the_answer_is_a_bye(self, ladder: Ladder) -> None:
        ladder.connect()
        ladder.do(ladder.far_node.reset, ladder.pstn.cic)
        ladder.caller.answer(ladder.caller.got("BYE"), 200)
        ladder.shows("""
            <= RSC
            => RLC
            . circuit lost: BYE: the far end reset the circuit [RFC 3398 §11.1]
            ~ media released
            <- BYE
            -> 200
        """)
        assert not ladder.left()

    @pytest.mark.clause("RFC 3398", "11.1")
    def test_a_reset_before_the_answer_is_a_refusal(self, ladder: Ladder) -> None:
        ladder.ring()
        ladder.take()
        ladder.do(ladder.far_node.reset, ladder.pstn.cic)
        ladder.shows("""
            <= RSC
            => RLC
            . circuit lost: 480: the far end reset the circuit [RFC 3398 §11.1]
            ~ media released
            <- 480
            -> ACK
        """)
        assert not ladder.left()

    @pytest.mark.clause("RFC 3398", "11.2")
    def test_blocking_leaves_the_call_alone(self, ladder: Ladder) -> None:
        ladder.connect()
        ladder.do(ladder.far_node.block, ladder.pstn.cic)
        ladder.shows("<= BLO\n=> BLA", decisions=False)

    def test_the_gateway_is_cleared_in_each_state(self, ladder: Ladder) -> None:
        ladder.ring()
        ladder.take()
        ladder.do(ladder.gateway.clear)
        ladder.shows("""
            . gateway: 503, REL 41: the gateway is cleared [RFC 3398 §7.2.4.1]
            ~ media released
            <- 503
            => REL 41
            <= RLC
            -> ACK
        """)
        assert (ladder.final.headers.get("Reason") or "").startswith("Q.850;cause=41;")
        ladder.caller.call_id, ladder.caller.remote_tag = "another", ""
        ladder.connect()
        ladder.do(ladder.gateway.clear)
        ladder.caller.answer(ladder.caller.got("BYE"), 200)
        ladder.shows("""
            . gateway: BYE, REL 41: the gateway is cleared [RFC 3398 §7.2.4.1]
            ~ media released
            <- BYE
            => REL 41
            <= RLC
            -> 200
        """)
        assert not ladder.left()
