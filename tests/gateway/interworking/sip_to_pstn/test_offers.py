"""Offers after the first, and hold, as ladders (RFC 3264 §8; RFC 3398 §9.2; see `conftest`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.sip.message import Request
from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    EventInformation,
    GenericNotificationIndicator,
    Notification,
    OptionalBackwardCallIndicators,
)

if TYPE_CHECKING:
    from tests.gateway.interworking.conftest import Ladder

NO_INDICATION = BackwardCallIndicators()
IN_BAND = OptionalBackwardCallIndicators(in_band_information=True)
RELIABLE = (("Supported", "100rel"),)


class TestNewOffersInTheCall:
    @pytest.mark.clause("RFC 3264", "8.4")
    def test_hold_and_retrieval(self, ladder: Ladder) -> None:
        ladder.connect()
        held = ladder.request("INVITE", ladder.described(direction="sendonly"))
        assert b"a=recvonly" in held.body
        assert not ladder.connected[-1].agreed.sends
        back = ladder.request("INVITE", ladder.described())
        assert b"a=sendrecv" in back.body
        assert ladder.connected[-1].agreed.sends

    @pytest.mark.clause("RFC 3261", "14.2")
    def test_one_that_cannot_be_taken_changes_nothing(self, ladder: Ladder) -> None:
        ladder.connect()
        before = len(ladder.connected)
        assert ladder.request("INVITE", ladder.described("G729")).status == 488
        assert ladder.request("INVITE", b"v=0\r\nm=?\r\n").status == 400
        assert len(ladder.connected) == before
        assert list(ladder.gateway.calls) == ["call-1"]

    def test_without_an_offer_ours_is_in_the_200(self, ladder: Ladder) -> None:
        ladder.connect()
        ladder.caller.late_answer = ladder.described(port=40004)
        ours = ladder.request("INVITE").body
        assert b"a=rtpmap:0 PCMU/8000" in ours
        ladder.run(0.1)
        assert ladder.connected[-1].agreed.remote == ("192.0.2.9", 40004)

    @pytest.mark.clause("RFC 3311", "5.2")
    def test_an_update_without_an_offer_is_only_answered(self, ladder: Ladder) -> None:
        ladder.connect()
        first = ladder.connected[-1].agreed.sdp
        answer = ladder.request("UPDATE")
        assert (answer.status, answer.body) == (200, b"")
        again = ladder.request("INVITE", ladder.described(port=40006)).body
        assert again.splitlines()[1].split()[:2] == first.splitlines()[1].split()[:2]


@pytest.mark.clause("RFC 3398", "9.2")
class TestTheCallerHolds:
    HELD = """
        -> INVITE sdp
        <- 100
        . INVITE: 200 with the answer [RFC 3264 §8]
        . hold: CPG remote hold [RFC 3398 §9.2]
        => CPG
        <- 200 sdp
        -> ACK
    """
    RETRIEVED = """
        -> INVITE sdp
        <- 100
        . INVITE: 200 with the answer [RFC 3264 §8]
        . retrieval: CPG remote retrieval [RFC 3398 §9.2]
        => CPG
        <- 200 sdp
        -> ACK
    """

    @pytest.mark.parametrize(
        "held", [{"direction": "sendonly"}, {"direction": "inactive"}, {"address": "0.0.0.0"}], ids=str
    )
    def test_the_pstn_is_told_and_told_again(self, ladder: Ladder, held: dict[str, str]) -> None:
        ladder.connect()
        ladder.request("INVITE", ladder.described(**held))  # type: ignore[arg-type]
        ladder.shows(self.HELD)
        ladder.request("INVITE", ladder.described())
        ladder.shows(self.RETRIEVED)
        assert ladder.far.told == ["CPG remote hold", "CPG remote retrieval"]  # type: ignore[union-attr]
        ladder.caller.request("BYE")
        assert not ladder.left()

    def test_by_update_too(self, ladder: Ladder) -> None:
        ladder.connect()
        ladder.request("UPDATE", ladder.described(direction="sendonly"))
        ladder.shows("-> UPDATE sdp\n=> CPG\n<- 200 sdp", decisions=False)

    def test_in_its_answer_to_our_offer_too(self, ladder: Ladder) -> None:
        ladder.connect()
        ladder.caller.late_answer = ladder.described(direction="sendonly")
        ladder.request("INVITE")
        ladder.run(0.1)
        ladder.shows("-> INVITE\n<- 100\n<- 200 sdp\n-> ACK sdp\n=> CPG", decisions=False)

    def test_what_changes_nothing_for_the_pstn_is_not_told(self, ladder: Ladder) -> None:
        ladder.connect()
        for direction, port in (("sendrecv", 40002), ("recvonly", 40002), ("sendrecv", 40004)):
            ladder.request("INVITE", ladder.described(port=port, direction=direction))
        assert "CPG" not in ladder.take()
        ladder.request("INVITE", ladder.described(direction="sendonly"))
        ladder.take()
        ladder.request("INVITE", ladder.described(direction="inactive"))
        assert "CPG" not in ladder.take()

    def test_before_the_answer_the_pstn_is_told_nothing(self, ladder: Ladder) -> None:
        ladder.invite(headers=RELIABLE)
        ladder.do(ladder.pstn.address_complete, NO_INDICATION, IN_BAND)
        ladder.prack()
        ladder.take()
        ladder.request("UPDATE", ladder.described(direction="sendonly"))
        assert "CPG" not in ladder.take()


@pytest.mark.clause("RFC 3398", "9.2")
class TestThePstnHolds:
    def hold(self, ladder: Ladder) -> None:
        ladder.do(ladder.pstn.progress, EventInformation(), GenericNotificationIndicator(Notification.REMOTE_HOLD))

    def retrieve(self, ladder: Ladder) -> None:
        notification = GenericNotificationIndicator(Notification.REMOTE_RETRIEVAL)
        ladder.do(ladder.pstn.progress, EventInformation(), notification)

    def accept(self, ladder: Ladder, direction: str) -> Request:
        """The caller takes our re-INVITE."""
        invite = ladder.caller.got("INVITE")
        ladder.caller.answer(invite, 200, body=ladder.described(direction=direction))
        ladder.run(0.01)
        return invite

    def test_the_caller_is_sent_nothing_and_asked_for_the_same(self, ladder: Ladder) -> None:
        ladder.connect()
        self.hold(ladder)
        assert not ladder.connected[-1].agreed.sends
        assert b"a=inactive" in self.accept(ladder, "inactive").body
        ladder.shows("""
            <= CPG
            . CPG remote hold: nothing is sent to the caller, INVITE asks it for the same [RFC 3398 §9.2]
            <- INVITE sdp
            -> 200 sdp
            <- ACK
        """)
        self.retrieve(ladder)
        assert b"a=sendrecv" in self.accept(ladder, "sendrecv").body
        ladder.shows("""
            <= CPG
            . CPG remote retrieval: INVITE asks the caller for both directions again [RFC 3398 §9.2]
            <- INVITE sdp
            -> 200 sdp
            <- ACK
        """)
        assert ladder.connected[-1].agreed.sends
        ladder.caller.request("BYE")
        assert not ladder.left()

    @pytest.mark.clause("RFC 3261", "14.1")
    def test_a_caller_that_refuses_is_sent_nothing_all_the_same(self, ladder: Ladder) -> None:
        ladder.connect()
        self.hold(ladder)
        ladder.take()
        ladder.caller.answer(ladder.caller.got("INVITE"), 488)
        ladder.shows("""
            -> 488
            <- ACK
            . 488 to INVITE: the call goes on as it was [RFC 3261 §14.1]
        """)
        assert not ladder.connected[-1].agreed.sends
        self.retrieve(ladder)
        assert ladder.connected[-1].agreed.sends

    def test_said_twice_it_is_one_hold_and_other_notifications_are_none(self, ladder: Ladder) -> None:
        ladder.connect()
        self.hold(ladder)
        self.accept(ladder, "inactive")
        ladder.take()
        self.hold(ladder)
        ladder.do(ladder.pstn.progress, EventInformation())
        ladder.do(ladder.pstn.progress, EventInformation(), GenericNotificationIndicator(0x60))
        ladder.shows("<= CPG\n<= CPG\n<= CPG")

    def test_retrieved_before_the_caller_has_answered_it_is_asked_afterwards(self, ladder: Ladder) -> None:
        ladder.connect()
        self.hold(ladder)
        self.retrieve(ladder)
        first = self.accept(ladder, "inactive")
        again = self.accept(ladder, "sendrecv")
        assert (b"a=inactive" in first.body, b"a=sendrecv" in again.body) == (True, True)
        assert first.cseq.number < again.cseq.number
        assert ladder.connected[-1].agreed.sends

    def test_before_the_ack_the_re_invite_waits_for_it(self, ladder: Ladder) -> None:
        ladder.caller.acknowledges = False
        ladder.connect()
        self.hold(ladder)
        ladder.shows("<= CPG", decisions=False)
        assert not ladder.connected[-1].agreed.sends
        ladder.caller.request("ACK")
        assert b"a=inactive" in self.accept(ladder, "inactive").body

    def test_while_it_holds_the_caller_may_hold_too(self, ladder: Ladder) -> None:
        ladder.connect()
        self.hold(ladder)
        self.accept(ladder, "inactive")
        assert b"a=inactive" in ladder.request("INVITE", ladder.described(direction="sendonly")).body
        assert "=> CPG" not in ladder.take()
        self.retrieve(ladder)
        self.accept(ladder, "sendonly")
        assert "=> CPG" in ladder.take()
        assert ladder.far.told == ["CPG remote hold"]  # type: ignore[union-attr]
