"""The flows of RFC 3398 §7.1 and §10, and what can go wrong in them, as ladders (see `conftest`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.sip.message import Response
from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    CalledPartyStatus,
    EventInformation,
    OptionalBackwardCallIndicators,
    SuspendResumeIndicators,
)
from gateway.ss7.isup.cause import CauseIndicators, Location
from gateway.ss7.isup.numbers import NatureOfAddress
from gateway.ss7.isup.party_numbers import CalledPartyNumber

if TYPE_CHECKING:
    from tests.gateway.interworking.conftest import Ladder

NO_INDICATION = BackwardCallIndicators()
FREE = BackwardCallIndicators(called_party_status=CalledPartyStatus.SUBSCRIBER_FREE)
IN_BAND = OptionalBackwardCallIndicators(in_band_information=True)
NETWORK = Location.PUBLIC_NETWORK_SERVING_REMOTE_USER
RELIABLE = (("Supported", "100rel"),)
TAKES_ISUP = (("Accept", "application/sdp, application/ISUP"),)
SET_UP = """
    -> INVITE sdp
    <- 100
    . Request-URI: called party number 2125550103 [RFC 3398 §7.2.1.1]
    . offer: answered: PCMU [RFC 3264 §6.1]
    . circuit: IAM: circuit and RTP port are had [RFC 3398 §7.2.1]
    => IAM
"""


def described(codec: str = "PCMU", port: int = 40000, direction: str = "sendrecv") -> bytes:
    """A caller's session description."""
    number = {"PCMU": 0, "PCMA": 8, "G729": 18}[codec]
    return (
        "v=0\r\no=- 7 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {number}\r\na=rtpmap:{number} {codec}/8000\r\na={direction}\r\n"
    ).encode()


def ringing(ladder: Ladder) -> None:
    """A call whose called party is alerted, in band."""
    ladder.invite()
    ladder.do(ladder.pstn.address_complete, NO_INDICATION, IN_BAND)


def connected(ladder: Ladder, **options: object) -> None:
    """A call that is up; what led to it is not shown."""
    ladder.invite(**options)  # type: ignore[arg-type]
    ladder.do(ladder.pstn.connect, FREE)
    ladder.take()


def final(ladder: Ladder) -> Response:
    """The final response to the INVITE."""
    found = [each for each in ladder.caller.received if isinstance(each, Response) and each.cseq.method == "INVITE"]
    assert found[-1].status >= 200
    return found[-1]


@pytest.mark.clause("RFC 3398", "7.1.1")
class TestEnBlocCallSetup:
    def test_acm_cpg_and_anm_become_18x_18x_and_200(self, ladder: Ladder) -> None:
        ladder.invite()
        ladder.shows(SET_UP)
        ladder.do(ladder.pstn.address_complete, NO_INDICATION)
        ladder.shows("""
            <= ACM
            . early ACM: 183 [RFC 3398 §7.2.5]
            <- 183
        """)
        ladder.do(ladder.pstn.progress, EventInformation(1), IN_BAND)
        ladder.shows("""
            <= CPG
            . CPG alerting, in band: 180 with session description, caller hears the circuit [RFC 3398 §7.2.9]
            ~ caller hears CIC 1
            . ringback: the network owns ringback [RFC 3398 §7.2.6]
            <- 180 sdp
        """)
        ladder.do(ladder.pstn.answer)
        ladder.shows("""
            <= ANM
            . answered: 200, both directions through [RFC 3398 §7.2.7]
            ~ CIC 1 hears caller
            <- 200 sdp
            -> ACK
            . ACK: connected; nothing is sent to the PSTN [RFC 3398 §7.3]
        """)
        ladder.caller.request("BYE")
        ladder.shows("""
            -> BYE
            <- 200
            . BYE: REL 16 [RFC 3398 §10.1]
            ~ media released
            => REL 16
            <= RLC
        """)
        assert not ladder.left()

    def test_subscriber_free_is_a_180_and_the_phone_rings_by_itself(self, ladder: Ladder) -> None:
        ladder.invite()
        ladder.take()
        ladder.do(ladder.pstn.address_complete, FREE)
        ladder.shows("""
            <= ACM
            . ACM, subscriber free: 180 [RFC 3398 §7.2.6]
            . ringback: the caller's phone owns ringback [RFC 3398 §7.2.6]
            <- 180
        """)
        ladder.do(ladder.pstn.progress, EventInformation(3))
        ladder.shows("""
            <= CPG
            . CPG in-band information: 183 with session description, caller hears the circuit [RFC 3398 §7.2.9]
            ~ caller hears CIC 1
            . ringback: the network owns ringback [RFC 3960 §3.2]
            <- 183 sdp
        """)

    def test_what_follows_early_media_repeats_its_description(self, ladder: Ladder) -> None:
        ringing(ladder)
        ladder.take()
        ladder.do(ladder.pstn.progress, EventInformation(6))
        ladder.do(ladder.pstn.progress, EventInformation(1))
        ladder.do(ladder.pstn.answer)
        ladder.shows(
            """
            <= CPG
            <- 181 sdp
            <= CPG
            <- 180 sdp
            <= ANM
            ~ CIC 1 hears caller
            <- 200 sdp
            -> ACK
            """,
            decisions=False,
        )
        bodies = {each.body for each in ladder.caller.received if isinstance(each, Response) and each.body}
        assert len(bodies) == 1


@pytest.mark.clause("RFC 3398", "7.1.2")
def test_auto_answer(ladder: Ladder) -> None:
    ladder.invite()
    ladder.take()
    ladder.do(ladder.pstn.connect, FREE)
    ladder.shows("""
        <= CON
        . answered: 200, both directions through [RFC 3398 §7.2.7]
        ~ caller hears CIC 1
        ~ CIC 1 hears caller
        <- 200 sdp
        -> ACK
        . ACK: connected; nothing is sent to the PSTN [RFC 3398 §7.3]
    """)


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
    assert final(ladder).headers.get("Reason") == 'Q.850;cause=102;text="Recovery on timer expiry"'
    assert not ladder.left()


@pytest.mark.clause("RFC 3398", "7.1.4")
def test_no_ack_ends_the_call_after_64_t1(ladder: Ladder) -> None:
    ladder.caller.acknowledges = False
    connected(ladder)
    ladder.run(31.9)
    repeated = ladder.take().splitlines()
    assert set(repeated) == {"<- 200 sdp"}
    assert len(repeated) == 10
    ladder.run(0.2)
    bye = ladder.caller.got("BYE")
    ladder.caller.answer(bye, 200)
    ladder.shows("""
        <- BYE
        . SIP: REL 102: not acknowledged within 64*T1 [RFC 3398 §7.1.4]
        ~ media released
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
    assert (final(ladder).headers.get("Reason") or "").startswith(f"Q.850;cause={cause};")
    assert (final(ladder).headers.get("Retry-After") is not None) == (status == 503)
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
        <- 487
        . CANCEL: REL 16 [RFC 3398 §7.2.3]
        ~ media released
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
        ringing(ladder)
        ladder.take()
        ladder.caller.request("BYE")
        ladder.shows("""
            -> BYE
            <- 200
            <- 487
            . BYE: REL 16 [RFC 3398 §7.2.3]
            ~ media released
            => REL 16
            <= RLC
            -> ACK
        """)
        assert not ladder.left()


@pytest.mark.clause("RFC 3398", "7.2.8")
def test_t9_expires_after_three_minutes(ladder: Ladder) -> None:
    ringing(ladder)
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


@pytest.mark.clause("RFC 3398", "7.2.4.1")
class TestCause44:
    def test_the_iam_goes_out_again_on_another_circuit(self, ladder: Ladder) -> None:
        ladder.invite()
        ladder.take()
        ladder.do(ladder.pstn.release, 44, NETWORK)
        ladder.shows("""
            <= REL 44
            => RLC
            . cause 44: not for SIP: the IAM goes out again on another circuit [RFC 3398 §7.2.4.1]
            . circuit: IAM: circuit and RTP port are had [RFC 3398 §7.2.1]
            => IAM
        """)
        assert ladder.iam.cic != 1

    def test_the_third_is_the_last(self, ladder: Ladder) -> None:
        ladder.invite()
        for _ in range(3):
            ladder.take()
            ladder.do(ladder.pstn.release, 44, NETWORK)
        ladder.shows("<= REL 44\n=> RLC\n~ media released\n<- 503\n-> ACK", decisions=False)
        assert not ladder.left()

    def test_after_acm_it_is_a_cause_like_others(self, ladder: Ladder) -> None:
        ringing(ladder)
        ladder.take()
        ladder.do(ladder.pstn.release, 44, NETWORK)
        ladder.shows("<= REL 44\n=> RLC\n~ media released\n<- 503\n-> ACK", decisions=False)


@pytest.mark.clause("RFC 3398", "10.2")
class TestRelAfterAnswer:
    def test_the_caller_gets_bye_with_the_cause(self, ladder: Ladder) -> None:
        connected(ladder)
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
        connected(ladder)
        ladder.do(ladder.pstn.release, 16, NETWORK)
        ladder.shows("<= REL 16\n=> RLC\n~ media released", decisions=False)
        ladder.caller.request("ACK")
        ladder.caller.answer(ladder.caller.got("BYE"), 200)
        ladder.shows("-> ACK\n<- BYE\n-> 200", decisions=False)
        assert not ladder.left()

    def test_a_bye_that_crosses_it_is_answered(self, ladder: Ladder) -> None:
        connected(ladder)
        ladder.sim.deliver(ladder.pstn.release, 16, NETWORK)
        ladder.caller.request("BYE")
        ladder.caller.answer(ladder.caller.got("BYE"), 200)
        ladder.shows("<= REL 16\n=> RLC\n~ media released\n<- BYE\n-> BYE\n<- 200\n-> 200", decisions=False)
        assert not ladder.left()


class TestNothingToBeHad:
    def test_no_circuit(self, ladder: Ladder) -> None:
        for cic in ladder.world.cics:
            ladder.do(ladder.node.block, cic)
        ladder.take()
        ladder.invite()
        ladder.shows("""
            -> INVITE sdp
            <- 100
            . Request-URI: called party number 2125550103 [RFC 3398 §7.2.1.1]
            . offer: answered: PCMU [RFC 3264 §6.1]
            . circuit: 503: none is idle [RFC 3398 §7.2.4.1]
            ~ media released
            <- 503
            -> ACK
        """)
        assert final(ladder).headers.get("Reason") == 'Q.850;cause=34;text="No circuit/channel available"'

    def test_no_rtp_port(self, ladder: Ladder) -> None:
        object.__setattr__(ladder.world, "ports", 0)
        ladder.invite()
        ladder.shows("""
            -> INVITE sdp
            <- 100
            . Request-URI: called party number 2125550103 [RFC 3398 §7.2.1.1]
            . RTP port: 503: all RTP ports are in use [RFC 3398 §7.2.4.1]
            <- 503
            -> ACK
        """)
        assert (final(ladder).headers.get("Reason") or "").startswith("Q.850;cause=42;")
        assert not ladder.left()

    def test_no_telephone_number(self, ladder: Ladder) -> None:
        ladder.invite("sip:alice@192.0.2.1")
        ladder.shows("""
            -> INVITE sdp
            <- 100
            . Request-URI: 404: 'alice' is not a telephone number [RFC 3398 §7.2.1.1]
            <- 404
            -> ACK
        """)
        assert (final(ladder).headers.get("Reason") or "").startswith("Q.850;cause=1;")
        assert not ladder.left()

    @pytest.mark.clause("RFC 3261", "21.4.26")
    def test_an_offer_with_nothing_usable(self, ladder: Ladder) -> None:
        ladder.invite(sdp=described("G729"))
        assert ladder.take().endswith("~ media released\n<- 488\n-> ACK")
        assert (final(ladder).headers.get("Warning") or "").startswith("305 127.0.0.1 ")
        assert not ladder.left()

    def test_an_offer_that_cannot_be_read(self, ladder: Ladder) -> None:
        ladder.invite(sdp=b'v=0\r\nm="nonsense\r\n')
        assert ladder.take().endswith("~ media released\n<- 400\n-> ACK")
        assert (final(ladder).headers.get("Warning") or "").startswith("399 127.0.0.1 ")
        assert not ladder.left()


class TestMaintenance:
    @pytest.mark.clause("RFC 3398", "11.1")
    def test_a_reset_after_the_answer_is_a_bye(self, ladder: Ladder) -> None:
        connected(ladder)
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
        ringing(ladder)
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
        connected(ladder)
        ladder.do(ladder.far_node.block, ladder.pstn.cic)
        ladder.shows("<= BLO\n=> BLA", decisions=False)

    def test_the_gateway_is_cleared_in_each_state(self, ladder: Ladder) -> None:
        ringing(ladder)
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
        assert (final(ladder).headers.get("Reason") or "").startswith("Q.850;cause=41;")
        ladder.caller.call_id, ladder.caller.remote_tag = "another", ""
        connected(ladder)
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


class TestInviteWithoutOffer:
    @pytest.mark.clause("RFC 3261", "13.2.1")
    def test_without_100rel_the_offer_is_in_the_200(self, ladder: Ladder) -> None:
        ladder.caller.late_answer = described()
        ladder.invite(sdp=b"")
        ladder.do(ladder.pstn.address_complete, NO_INDICATION, IN_BAND)
        ladder.do(ladder.pstn.answer)
        ladder.shows("""
            -> INVITE
            <- 100
            . Request-URI: called party number 2125550103 [RFC 3398 §7.2.1.1]
            . INVITE without offer: no early media: no 100rel [RFC 3262 §5]
            . circuit: IAM: circuit and RTP port are had [RFC 3398 §7.2.1]
            => IAM
            <= ACM
            . early media: none: INVITE without offer, no 100rel [RFC 3262 §5]
            . early ACM: 183 [RFC 3398 §7.2.5]
            <- 183
            <= ANM
            . answered: 200, both directions through [RFC 3398 §7.2.7]
            ~ caller hears CIC 1
            ~ CIC 1 hears caller
            <- 200 sdp
            -> ACK sdp
            . ACK: connected; nothing is sent to the PSTN [RFC 3398 §7.3]
        """)
        assert ladder.connected[-1].agreed.remote == ("192.0.2.9", 40000)
        ladder.caller.request("BYE")
        assert not ladder.left()

    def test_the_phone_rings_itself_where_it_cannot_hear_the_network(self, ladder: Ladder) -> None:
        ladder.invite(sdp=b"")
        ladder.take()
        ladder.do(ladder.pstn.address_complete, FREE, IN_BAND)
        ladder.shows("""
            <= ACM
            . early media: none: INVITE without offer, no 100rel [RFC 3262 §5]
            . ACM, subscriber free: 180 [RFC 3398 §7.2.6]
            . ringback: the caller's phone owns ringback [RFC 3398 §7.2.6]
            <- 180
        """)

    @pytest.mark.clause("RFC 3262", "5")
    def test_with_100rel_the_offer_is_in_the_183_and_the_answer_in_the_prack(self, ladder: Ladder) -> None:
        ladder.invite(sdp=b"", headers=RELIABLE)
        ladder.take()
        ladder.do(ladder.pstn.address_complete, NO_INDICATION, IN_BAND)
        ladder.prack(described())
        ladder.do(ladder.pstn.answer)
        ladder.shows(
            """
            <= ACM
            ~ caller hears CIC 1
            <- 183 sdp
            -> PRACK sdp
            <- 200
            <= ANM
            ~ CIC 1 hears caller
            <- 200
            -> ACK
            """,
            decisions=False,
        )
        assert ladder.connected[-1].agreed.remote == ("192.0.2.9", 40000)

    @pytest.mark.parametrize("answered", [False, True])
    def test_an_answer_that_cannot_be_used_ends_the_call(self, ladder: Ladder, answered: bool) -> None:
        if answered:
            ladder.caller.late_answer = described("G729")
            ladder.invite(sdp=b"")
            ladder.take()
            ladder.do(ladder.pstn.connect, FREE)
            ladder.caller.answer(ladder.caller.got("BYE"), 200)
            expected = "<= CON\n~ caller hears CIC 1\n~ CIC 1 hears caller\n<- 200 sdp\n-> ACK sdp\n"
            expected += "~ media released\n<- BYE\n=> REL 65\n<= RLC\n-> 200"
        else:
            ladder.invite(sdp=b"", headers=RELIABLE)
            ladder.do(ladder.pstn.address_complete, NO_INDICATION, IN_BAND)
            ladder.take()
            ladder.prack(described("G729"))
            expected = "-> PRACK sdp\n<- 200\n~ media released\n<- 488\n=> REL 65\n<= RLC\n-> ACK"
        ladder.shows(expected, decisions=False)
        assert not ladder.left()


class TestReliableProvisionalResponses:
    @pytest.mark.clause("RFC 3262", "3")
    @pytest.mark.parametrize("header", ["Supported", "Require"])
    def test_the_200_waits_for_the_prack(self, ladder: Ladder, header: str) -> None:
        ladder.invite(headers=((header, "100rel"),))
        ladder.do(ladder.pstn.address_complete, NO_INDICATION, IN_BAND)
        ladder.take()
        ladder.do(ladder.pstn.answer)
        ladder.shows("<= ANM\n~ CIC 1 hears caller", decisions=False)
        assert ladder.prack().headers.get("Require") == "100rel"
        ladder.shows("-> PRACK\n<- 200\n<- 200\n-> ACK", decisions=False)

    @pytest.mark.clause("RFC 3262", "3")
    def test_no_prack_is_a_504(self, ladder: Ladder) -> None:
        ladder.invite(headers=RELIABLE)
        ladder.do(ladder.pstn.address_complete, FREE)
        ladder.run(31.9)
        ladder.take()
        ladder.run(0.2)
        ladder.shows("""
            <- 504
            . SIP: REL 102: not acknowledged within 64*T1 [RFC 3262 §3]
            ~ media released
            => REL 102
            <= RLC
            -> ACK
        """)
        assert not ladder.left()

    @pytest.mark.clause("RFC 3311", "5.2")
    def test_an_update_after_the_first_answer_changes_the_early_media(self, ladder: Ladder) -> None:
        ladder.invite(headers=RELIABLE)
        ladder.do(ladder.pstn.address_complete, NO_INDICATION, IN_BAND)
        ladder.prack()
        ladder.take()
        answer = ladder.request("UPDATE", described("PCMA", 40002))
        assert (answer.status, answer.body[:3]) == (200, b"v=0")
        assert ladder.connected[-1].agreed.remote == ("192.0.2.9", 40002)
        ladder.shows("""
            -> UPDATE sdp
            . UPDATE: 200 with the answer [RFC 3264 §8]
            <- 200 sdp
        """)


class TestInfo:
    @pytest.mark.clause("RFC 6086", "4.2")
    def test_a_digit_before_the_answer_has_no_way(self, ladder: Ladder) -> None:
        ringing(ladder)
        ladder.take()
        assert ladder.info("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n") == 403
        ladder.shows("""
            -> INFO body
            . INFO: 403: before the answer the forward path is closed [RFC 3398 §7.2.7]
            <- 403
        """)

    def test_a_digit_after_it_goes_onto_the_circuit(self, ladder: Ladder) -> None:
        connected(ladder)
        assert ladder.info("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n") == 200
        ladder.shows("""
            -> INFO body
            . INFO: DTMF '5' for 160 ms onto the circuit [RFC 6086 §4.2]
            ~ digit 5 on CIC 1
            <- 200
        """)

    @pytest.mark.parametrize("answered", [True, False])
    @pytest.mark.parametrize(
        ("content_type", "body", "headers", "status"),
        [
            ("application/dtmf-relay", b"Signal=55", (), 400),
            ("text/plain", b"hello", (), 415),
            ("application/isup;version=itu-t92+", b"\x0d\x02\x00", (), 200),
            ("", b"", (), 200),
            ("application/dtmf-relay", b"Signal=5", (("Info-Package", "dtmf"),), 469),
        ],
    )
    def test_what_else_comes_is_answered(
        self,
        ladder: Ladder,
        answered: bool,
        content_type: str,
        body: bytes,
        headers: tuple[tuple[str, str], ...],
        status: int,
    ) -> None:
        if answered:
            connected(ladder)
        else:
            ringing(ladder)
        assert ladder.info(content_type, body, headers) == status
        assert "digit" not in ladder.take(decisions=False)


@pytest.mark.clause("RFC 3398", "9.1")
class TestSuspendAndResume:
    def suspend(self, ladder: Ladder) -> None:
        ladder.do(ladder.pstn.suspend, SuspendResumeIndicators(network_initiated=True))

    def test_a_caller_that_takes_isup_gets_them_in_info(self, ladder: Ladder) -> None:
        connected(ladder, headers=TAKES_ISUP)
        self.suspend(ladder)
        info = ladder.caller.got("INFO")
        ladder.caller.answer(info, 200)
        ladder.do(ladder.pstn.resume, SuspendResumeIndicators(network_initiated=True))
        ladder.caller.answer(ladder.caller.got("INFO"), 200)
        ladder.shows("""
            <= SUS
            . SUS: relayed in INFO: the caller takes ISUP [RFC 3398 §9.1]
            <- INFO body
            -> 200
            <= RES
            . RES: relayed in INFO: the caller takes ISUP [RFC 3398 §9.1]
            <- INFO body
            -> 200
        """)
        assert info.headers.get("Content-Type") == "application/ISUP;version=itu-t92+;base=itu-t92+"
        assert info.body[0] == 0x0D

    def test_others_are_not_bothered(self, ladder: Ladder) -> None:
        connected(ladder)
        self.suspend(ladder)
        ladder.shows("<= SUS\n. SUS: not relayed: the caller has never used ISUP [RFC 3398 §9.1]")
        assert list(ladder.gateway.calls) == ["call-1"]

    @pytest.mark.clause("RFC 3398", "5.6")
    @pytest.mark.parametrize("status", [405, 415, 501])
    def test_a_refused_info_does_not_end_the_call(self, ladder: Ladder, status: int) -> None:
        connected(ladder, headers=TAKES_ISUP)
        self.suspend(ladder)
        ladder.caller.answer(ladder.caller.got("INFO"), status)
        assert f". {status} to INFO: the call goes on [RFC 3398 §5.6]" in ladder.take()
        ladder.run(60)
        assert list(ladder.gateway.calls) == ["call-1"]

    @pytest.mark.clause("RFC 3261", "12.2.1.2")
    def test_an_info_that_finds_no_dialog_does_and_nothing_stays_behind(self, ladder: Ladder) -> None:
        connected(ladder, headers=TAKES_ISUP)
        self.suspend(ladder)
        ladder.caller.answer(ladder.caller.got("INFO"), 481)
        ladder.caller.answer(ladder.caller.got("BYE"), 481)
        ladder.shows("""
            <= SUS
            . SUS: relayed in INFO: the caller takes ISUP [RFC 3398 §9.1]
            <- INFO body
            -> 481
            . 481 to INFO: BYE, REL 41: the dialog is lost [RFC 3261 §12.2.1.2]
            ~ media released
            <- BYE
            => REL 41
            <= RLC
            -> 481
        """)
        assert not ladder.left()


class TestNewOffersInTheCall:
    @pytest.mark.clause("RFC 3264", "8.4")
    def test_hold_and_retrieval(self, ladder: Ladder) -> None:
        connected(ladder)
        held = ladder.request("INVITE", described(direction="sendonly"))
        assert b"a=recvonly" in held.body
        assert not ladder.connected[-1].agreed.sends
        back = ladder.request("INVITE", described())
        assert b"a=sendrecv" in back.body
        assert ladder.connected[-1].agreed.sends

    @pytest.mark.clause("RFC 3261", "14.2")
    def test_one_that_cannot_be_taken_changes_nothing(self, ladder: Ladder) -> None:
        connected(ladder)
        before = len(ladder.connected)
        assert ladder.request("INVITE", described("G729")).status == 488
        assert ladder.request("INVITE", b"v=0\r\nm=?\r\n").status == 400
        assert len(ladder.connected) == before
        assert list(ladder.gateway.calls) == ["call-1"]

    def test_without_an_offer_ours_is_in_the_200(self, ladder: Ladder) -> None:
        connected(ladder)
        ladder.caller.late_answer = described(port=40004)
        ours = ladder.request("INVITE").body
        assert b"a=rtpmap:0 PCMU/8000" in ours
        ladder.run(0.1)
        assert ladder.connected[-1].agreed.remote == ("192.0.2.9", 40004)

    @pytest.mark.clause("RFC 3311", "5.2")
    def test_an_update_without_an_offer_is_only_answered(self, ladder: Ladder) -> None:
        connected(ladder)
        first = ladder.connected[-1].agreed.sdp
        answer = ladder.request("UPDATE")
        assert (answer.status, answer.body) == (200, b"")
        again = ladder.request("INVITE", described(port=40006)).body
        assert again.splitlines()[1].split()[:2] == first.splitlines()[1].split()[:2]


def test_the_number_reaches_the_pstn_as_a_national_one(ladder: Ladder) -> None:
    ladder.invite("tel:+1-212-555-0103")
    number = ladder.iam[CalledPartyNumber]
    assert (number.digits, number.nature_of_address) == ("2125550103F", NatureOfAddress.NATIONAL)


def test_an_iam_from_the_pstn_finds_nobody(ladder: Ladder) -> None:
    class Far:
        def circuit_seized(self, call: object) -> None:
            self.call = call

        def __getattr__(self, name: str) -> object:
            return lambda *arguments: told.append((name, arguments))

    from gateway.interworking.setup import SetupSettings, called_number, initial_address

    told: list[tuple[str, tuple[object, ...]]] = []
    invite = ladder.caller.compose("INVITE")
    settings = SetupSettings("1")
    far = Far()
    ladder.do(ladder.far_node.seize, far)
    ladder.do(far.call.setup, *initial_address(invite, called_number(invite, settings), settings))  # type: ignore[attr-defined]
    ladder.shows("""
        <= IAM
        . IAM from the PSTN: REL 3: no route into SIP [ITU-T Q.850]
        => REL 3
        <= RLC
    """)
    assert [name for name, _ in told] == ["released"]
    assert not ladder.left()
