"""Set-up, progress and answer as ladders (RFC 3398 §7.1.1, §7.1.2, §7.2; see `conftest`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.sip.message import Response
from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    CalledPartyStatus,
    EventInformation,
    OptionalBackwardCallIndicators,
)
from gateway.ss7.isup.cause import Location
from gateway.ss7.isup.numbers import NatureOfAddress
from gateway.ss7.isup.party_numbers import CalledPartyNumber

if TYPE_CHECKING:
    from tests.gateway.interworking.conftest import Ladder

NO_INDICATION = BackwardCallIndicators()
FREE = BackwardCallIndicators(called_party_status=CalledPartyStatus.SUBSCRIBER_FREE)
IN_BAND = OptionalBackwardCallIndicators(in_band_information=True)
NETWORK = Location.PUBLIC_NETWORK_SERVING_REMOTE_USER
RELIABLE = (("Supported", "100rel"),)
SET_UP = """
    -> INVITE sdp
    <- 100
    . Request-URI: called party number 2125550103 [RFC 3398 §7.2.1.1]
    . offer: answered: PCMU [RFC 3264 §6.1]
    . circuit: IAM: circuit and RTP port are had [RFC 3398 §7.2.1]
    => IAM
"""


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
        ladder.ring()
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
        ladder.ring()
        ladder.take()
        ladder.do(ladder.pstn.release, 44, NETWORK)
        ladder.shows("<= REL 44\n=> RLC\n~ media released\n<- 503\n-> ACK", decisions=False)


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
        assert ladder.final.headers.get("Reason") == 'Q.850;cause=34;text="No circuit/channel available"'

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
        assert (ladder.final.headers.get("Reason") or "").startswith("Q.850;cause=42;")
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
        assert (ladder.final.headers.get("Reason") or "").startswith("Q.850;cause=1;")
        assert not ladder.left()

    @pytest.mark.clause("RFC 3261", "21.4.26")
    def test_an_offer_with_nothing_usable(self, ladder: Ladder) -> None:
        ladder.invite(sdp=ladder.described("G729"))
        assert ladder.take().endswith("~ media released\n<- 488\n-> ACK")
        assert (ladder.final.headers.get("Warning") or "").startswith("305 127.0.0.1 ")
        assert not ladder.left()

    def test_an_offer_that_cannot_be_read(self, ladder: Ladder) -> None:
        ladder.invite(sdp=b'v=0\r\nm="nonsense\r\n')
        assert ladder.take().endswith("~ media released\n<- 400\n-> ACK")
        assert (ladder.final.headers.get("Warning") or "").startswith("399 127.0.0.1 ")
        assert not ladder.left()


class TestInviteWithoutOffer:
    @pytest.mark.clause("RFC 3261", "13.2.1")
    def test_without_100rel_the_offer_is_in_the_200(self, ladder: Ladder) -> None:
        ladder.caller.late_answer = ladder.described()
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
        ladder.prack(ladder.described())
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
            ladder.caller.late_answer = ladder.described("G729")
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
            ladder.prack(ladder.described("G729"))
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
            . SIP: 504, REL 102: not acknowledged within 64*T1 [RFC 3262 §3]
            ~ media released
            <- 504
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
        answer = ladder.request("UPDATE", ladder.described("PCMA", 40002))
        assert (answer.status, answer.body[:3]) == (200, b"v=0")
        assert ladder.connected[-1].agreed.remote == ("192.0.2.9", 40002)
        ladder.shows("""
            -> UPDATE sdp
            . UPDATE: 200 with the answer [RFC 3264 §8]
            <- 200 sdp
        """)


def test_the_number_reaches_the_pstn_as_a_national_one(ladder: Ladder) -> None:
    ladder.invite("tel:+1-212-555-0103")
    number = ladder.iam[CalledPartyNumber]
    assert (number.digits, number.nature_of_address) == ("2125550103F", NatureOfAddress.NATIONAL)
