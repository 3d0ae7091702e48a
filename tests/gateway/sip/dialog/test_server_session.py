from __future__ import annotations

import pytest

from gateway.core.clause import Clause
from gateway.core.errors import LocalProtocolError
from gateway.sip.dialog.settings import Reliability
from gateway.sip.effects import Transport
from gateway.sip.message import Response
from tests.gateway.sip.dialog.ladder import ANSWER, OFFER, OTHER, REQUIRED, SUPPORTED, Ladder


class TestProgress:
    """RFC 3261 §13.3.1.1."""

    def test_ringing_without_100rel(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.progress, 180, headers=(("Alert-Info", "<urn:alert:1>"),))
        ringing = ladder.alice.response(180)
        assert (ringing.reason, ringing.body, ringing.require) == ("Ringing", b"", frozenset())
        assert ringing.to.tag == session.local_tag
        assert ringing.headers.get("Contact") == "<sip:bob@192.0.2.2:5060>"
        assert ringing.headers.get("Alert-Info") == "<urn:alert:1>"
        assert session.state == "Early"
        assert ladder.bob.agent.open_dialogs == 1

    @pytest.mark.clause("RFC 3261", "12.1.1")
    def test_record_route_is_copied_into_it(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=(("Record-Route", "<sip:p1;lr>, <sip:p2;lr>"), ("Record-Route", "<sip:p3;lr>")))
        ladder.do(session.progress, 180)
        assert ladder.alice.response(180).headers.values("Record-Route") == [
            "<sip:p1;lr>",
            "<sip:p2;lr>",
            "<sip:p3;lr>",
        ]

    @pytest.mark.clause("RFC 3261", "13.3.1.1")
    def test_an_unreliable_one_is_repeated_every_minute(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.alice.take()
        ladder.world.run(59)
        assert ladder.alice.take() == []
        ladder.world.run(122)
        repeated = ladder.alice.take()
        assert [each.body for each in repeated] == [ANSWER] * 3
        ladder.do(session.reject, 486)
        ladder.alice.take()
        ladder.ack()
        ladder.rest()

    @pytest.mark.clause("RFC 3262", "3")
    def test_a_reliable_one_is_followed_by_another_after_two_and_a_half_minutes(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 183, sdp=ANSWER)
        first = ladder.alice.response(183)
        ladder.prack()
        ladder.alice.take()
        ladder.world.run(151)
        again = ladder.alice.response(183)
        assert again.rseq == (first.rseq or 0) + 1
        assert again.body == b""

    def test_a_status_that_is_not_provisional_is_our_own_fault(self) -> None:
        session = Ladder().call()
        for status in (100, 200):
            with pytest.raises(LocalProtocolError, match="101 to 199"):
                session.progress(status)
        with pytest.raises(LocalProtocolError, match="300 to 699"):
            session.reject(200)


class TestEarlyMedia:
    """RFC 3261 §13.2.1, RFC 6337 §3.1.1."""

    @pytest.mark.clause("RFC 3261", "13.2.1")
    def test_the_200_repeats_what_an_unreliable_183_said(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.do(session.progress, 183, sdp=OTHER)
        ladder.do(session.answer, OTHER)
        assert [each.body for each in ladder.alice.take()[1:]] == [ANSWER] * 3

    @pytest.mark.clause("RFC 6337", "3.1.1")
    def test_after_a_reliable_183_the_200_says_nothing_more(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.prack()
        ladder.do(session.progress, 183, sdp=ANSWER)
        assert ladder.alice.response(183).body == b""
        ladder.prack()
        ladder.do(session.answer, ANSWER)
        assert ladder.alice.response(200).cseq.method == "INVITE"
        assert ladder.alice.response(200).body == b""

    @pytest.mark.clause("RFC 3261", "13.2.1")
    def test_an_invite_without_an_offer_and_without_100rel_gets_no_early_media_and_the_trace_says_so(self) -> None:
        ladder = Ladder()
        session = ladder.call(b"")
        ladder.do(session.progress, 183, sdp=OFFER)
        assert ladder.alice.response(183).body == b""
        call, decision = ladder.world.records[-1]
        assert call == session.call_id
        assert decision.outcome == "no session description before the 200"
        assert decision.clause == Clause("RFC 3261", "13.2.1")
        ladder.do(session.answer)
        assert ladder.alice.response(200).body == OFFER
        ladder.ack(ANSWER)
        assert ladder.bob.told[1:] == [("answer_received", (ANSWER,)), ("acknowledged", ())]


class TestReliableProvisional:
    """RFC 3262 §3, §5."""

    @pytest.mark.clause("RFC 3262", "3")
    def test_it_is_repeated_until_the_prack(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.world.run(1.6)
        copies = [each for each in ladder.alice.received if isinstance(each, Response) and each.status == 183]
        assert len(copies) == 3
        assert len({each.serialize() for each in copies}) == 1
        assert copies[0].require == {"100rel"}
        assert 1 <= (copies[0].rseq or 0) < 2**31
        ladder.prack()
        assert ladder.alice.response(200).cseq.method == "PRACK"
        ladder.alice.take()
        ladder.world.run(20)
        assert ladder.alice.take() == []

    @pytest.mark.clause("RFC 3262", "3")
    def test_the_next_one_waits_for_the_prack(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.do(session.progress, 180)
        assert ladder.alice.take_summaries() == ["100 INVITE", "183 INVITE"]
        ladder.alice.request("PRACK", headers=(("RAck", f"{_rseq(ladder)} 1 INVITE"),))
        assert ladder.alice.take_summaries() == ["200 PRACK", "180 INVITE"]

    @pytest.mark.clause("RFC 3262", "3")
    @pytest.mark.parametrize("rack", ["1 1 INVITE", "{} 2 INVITE", "{} 1 UPDATE"])
    def test_a_prack_that_does_not_match_gets_481(self, rack: str) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.prack(rack=rack.format(ladder.alice.response(183).rseq))
        assert ladder.alice.response(481).cseq.method == "PRACK"
        assert session.state == "Early"

    def test_a_prack_without_rack_gets_481_and_one_that_cannot_be_read_400(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.alice.request("PRACK")
        ladder.alice.request("PRACK", headers=(("RAck", "nonsense"),))
        assert ladder.alice.take_summaries()[-2:] == ["481 PRACK", "400 PRACK"]

    @pytest.mark.clause("RFC 3262", "3")
    def test_without_a_prack_the_invite_gets_504(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.world.run(33)
        assert ladder.alice.response(504).cseq.method == "INVITE"
        assert ladder.bob.heard == ["session_offered", "acceptance_timed_out"]
        ladder.ack()
        ladder.rest()

    @pytest.mark.clause("RFC 3262", "3")
    def test_the_200_is_held_back_while_a_description_awaits_its_prack(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.do(session.answer, ANSWER)
        assert session.state == "Accepting"
        ladder.prack()
        assert ladder.alice.take_summaries() == ["100 INVITE", "183 INVITE", "200 PRACK", "200 INVITE"]
        assert session.state == "Moratorium"

    @pytest.mark.clause("RFC 3262", "3")
    def test_the_200_overtakes_a_ringing_without_a_description_and_its_prack_is_still_answered(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 180)
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.do(session.answer)
        success = ladder.alice.response(200)
        assert success.body == ANSWER
        ladder.prack(rack=f"{ladder.alice.response(180).rseq} 1 INVITE")
        assert ladder.alice.response(200).cseq.method == "PRACK"
        ladder.ack()
        assert session.state == "Established"

    @pytest.mark.clause("RFC 3262", "3")
    def test_after_a_refusal_the_prack_under_way_is_still_answered(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.do(session.reject, 486)
        assert session.state == "Rejected"
        ladder.prack()
        assert ladder.alice.response(200).cseq.method == "PRACK"
        assert session.state == "Morgue"
        ladder.ack()
        ladder.rest()

    def test_after_a_refusal_a_prack_that_never_comes_is_given_up(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.do(session.reject, 486)
        ladder.rest()
        assert session.state == "Morgue"

    @pytest.mark.clause("RFC 3262", "5")
    def test_an_invite_without_an_offer_gets_it_in_the_183_and_answers_in_prack(self) -> None:
        ladder = Ladder()
        session = ladder.call(b"", SUPPORTED)
        ladder.do(session.progress, 180)
        assert ladder.alice.response(180).require == frozenset()
        ladder.do(session.progress, 183, sdp=OFFER)
        assert ladder.alice.response(183).body == OFFER
        ladder.prack(ANSWER)
        assert ladder.bob.told[-1] == ("answer_received", (ANSWER,))
        ladder.do(session.answer, OTHER)
        assert ladder.alice.response(200).body == b""
        ladder.ack()
        assert ladder.bob.heard == ["session_offered", "answer_received", "acknowledged"]

    @pytest.mark.clause("RFC 3262", "5")
    def test_required_and_no_offer_from_either_side_nothing_is_sent_before_there_is_one(self) -> None:
        ladder = Ladder()
        session = ladder.call(b"", REQUIRED)
        assert session.prack == "required"
        ladder.do(session.progress, 180)
        assert ladder.alice.take_summaries() == ["100 INVITE"]
        assert ladder.world.records[-1][1].outcome == "not sent"
        ladder.do(session.progress, 183, sdp=OFFER)
        assert ladder.alice.response(183).body == OFFER

    @pytest.mark.clause("RFC 3262", "5")
    def test_an_offer_in_prack_is_the_user_s_to_answer_in_its_200(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.prack(OTHER)
        name, (transaction, *_) = ladder.bob.told[-1]
        assert name == "offer_received"
        ladder.do(session.respond, transaction, 200, body=ANSWER)
        assert ladder.alice.response(200).cseq.method == "PRACK"
        assert ladder.alice.response(200).body == ANSWER

    @pytest.mark.parametrize(
        ("reliability", "headers", "reliable"),
        [
            (Reliability.WHEN_SUPPORTED, (), False),
            (Reliability.WHEN_SUPPORTED, SUPPORTED, True),
            (Reliability.WHEN_SUPPORTED, REQUIRED, True),
            (Reliability.WHEN_REQUIRED, SUPPORTED, False),
            (Reliability.WHEN_REQUIRED, REQUIRED, True),
            (Reliability.NEVER, SUPPORTED, False),
        ],
    )
    def test_the_settings_and_the_caller_decide(
        self, reliability: Reliability, headers: tuple[tuple[str, str], ...], reliable: bool
    ) -> None:
        ladder = Ladder(reliability)
        session = ladder.call(headers=headers)
        assert session.prack == ("unsupported" if not headers else "supported" if headers == SUPPORTED else "required")
        ladder.do(session.progress, 180)
        assert ("RSeq" in ladder.alice.response(180).headers) is reliable


class TestAnswer:
    """RFC 3261 §13.3.1.4."""

    @pytest.mark.clause("RFC 3261", "13.3.1.4")
    @pytest.mark.parametrize("transport", list(Transport))
    def test_the_200_is_repeated_until_the_ack_over_any_transport(self, transport: Transport) -> None:
        ladder = Ladder(transport=transport)
        session = ladder.call()
        ladder.do(session.answer, ANSWER)
        ladder.world.run(7.6)
        copies = [each for each in ladder.alice.received if isinstance(each, Response) and each.status == 200]
        assert len(copies) == 5
        assert len({each.serialize() for each in copies}) == 1
        assert copies[0].body == ANSWER
        assert {"INVITE", "PRACK", "UPDATE"} < copies[0].allow
        ladder.ack()
        ladder.alice.take()
        ladder.world.run(20)
        assert ladder.alice.take() == []
        assert ladder.bob.heard == ["session_offered", "acknowledged"]

    def test_a_second_ack_says_nothing_new(self) -> None:
        ladder = Ladder()
        ladder.established()
        ladder.ack()
        assert ladder.bob.heard == ["session_offered", "acknowledged"]

    @pytest.mark.clause("RFC 3261", "13.3.1.4")
    def test_without_an_ack_the_session_ends_with_bye(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.answer, ANSWER)
        ladder.world.run(33)
        assert ladder.bob.heard == ["session_offered", "acknowledgement_timed_out"]
        ladder.alice.answer(ladder.alice.got("BYE"), 200)
        assert session.state == "Morgue"
        ladder.rest()

    def test_an_ack_without_the_answer_is_told_as_none(self) -> None:
        ladder = Ladder()
        session = ladder.call(b"")
        ladder.do(session.answer, OFFER)
        ladder.ack()
        assert ladder.bob.told[1:] == [("answer_received", (b"",)), ("acknowledged", ())]


class TestRefusal:
    """RFC 3261 §13.3.1.3."""

    @pytest.mark.clause("RFC 3261", "13.3.1.3")
    def test_reason_and_headers_are_the_user_s(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.progress, 180)
        ladder.do(session.reject, 404, "Unallocated", (("Reason", "Q.850;cause=1"),))
        refused = ladder.alice.response(404)
        assert (refused.reason, refused.headers.get("Reason")) == ("Unallocated", "Q.850;cause=1")
        assert refused.to.tag == ladder.alice.response(180).to.tag
        assert ladder.bob.agent.open_dialogs == ladder.bob.agent.open_sessions == 0
        ladder.ack()
        ladder.rest()

    @pytest.mark.clause("RFC 3261", "15")
    def test_hanging_up_before_the_answer_is_a_refusal(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.bye, (("Reason", "Q.850;cause=19"),))
        assert ladder.alice.response(480).headers.get("Reason") == "Q.850;cause=19"

    @pytest.mark.clause("RFC 3261", "13.3.1")
    @pytest.mark.parametrize("ringing", [False, True])
    def test_an_invitation_expires(self, ringing: bool) -> None:
        ladder = Ladder()
        session = ladder.call(headers=(("Expires", "10"),))
        if ringing:
            ladder.do(session.progress, 180)
        ladder.world.run(9.9)
        assert ladder.bob.heard == ["session_offered"]
        ladder.world.run(0.2)
        assert ladder.alice.response(487).cseq.method == "INVITE"
        assert ladder.bob.told[-1] == ("invitation_expired", ())
        ladder.ack()
        ladder.rest()

    def test_an_invitation_that_was_accepted_does_not_expire(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=(("Expires", "10"),))
        ladder.do(session.answer, ANSWER)
        ladder.ack()
        ladder.world.run(60)
        assert session.state == "Established"

    @pytest.mark.clause("RFC 3261", "8.2.2")
    def test_an_expires_that_cannot_be_read_is_ignored(self) -> None:
        ladder = Ladder()
        assert ladder.call(headers=(("Expires", "soon"),)).state == "Preparative"

    def test_a_caller_that_cannot_be_reached_has_gone(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.progress, 180)
        flow = session.flow
        ladder.do(ladder.bob.layer.transport_failed, flow, "port unreachable")
        assert ladder.bob.told[-1] == ("response_undeliverable", ())
        ladder.rest()


class TestCancel:
    """RFC 3261 §9.2, in every state."""

    def cancel(self, ladder: Ladder) -> list[str]:
        ladder.alice.take()
        assert ladder.invite is not None
        ladder.alice.cancel(ladder.invite)
        return ladder.alice.take_summaries()

    @pytest.mark.clause("RFC 3261", "9.2")
    def test_before_anything_is_sent(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        assert self.cancel(ladder) == ["200 CANCEL", "487 INVITE"]
        assert session.state == "Morgue"
        assert ladder.bob.told[-1] == ("cancel_received", ((),))
        ladder.ack()
        ladder.rest()

    @pytest.mark.clause("RFC 3261", "9.2")
    def test_while_ringing_with_the_reason_told_and_the_same_tag(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.progress, 180)
        assert ladder.invite is not None
        ladder.invite.headers.add("Reason", 'SIP;cause=200;text="Call completed elsewhere"')
        ladder.alice.cancel(ladder.invite)
        assert {ladder.alice.response(status).to.tag for status in (180, 200, 487)} == {session.local_tag}
        assert ladder.bob.told[-1] == ("cancel_received", (('SIP;cause=200;text="Call completed elsewhere"',),))

    def test_while_the_answer_is_held_back(self) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.do(session.answer)
        assert self.cancel(ladder) == ["200 CANCEL", "487 INVITE"]
        assert session.state == "Rejected"
        ladder.ack()
        ladder.rest()

    @pytest.mark.clause("RFC 3261", "9.2")
    def test_after_the_200_it_gets_its_200_and_has_no_effect(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.answer, ANSWER)
        assert self.cancel(ladder) == ["200 CANCEL"]
        assert session.state == "Moratorium"
        ladder.ack()
        assert session.state == "Established"
        assert ladder.bob.heard == ["session_offered", "acknowledged"]

    def test_after_the_ack_it_gets_its_200_and_has_no_effect(self) -> None:
        ladder = Ladder()
        session = ladder.established()
        assert self.cancel(ladder) == ["200 CANCEL"]
        assert session.state == "Established"

    def test_after_a_refusal_it_gets_its_200_and_has_no_effect(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.reject, 486)
        assert self.cancel(ladder) == ["200 CANCEL"]
        assert ladder.bob.heard == ["session_offered"]
        ladder.ack()
        ladder.rest()

    def test_what_the_user_asks_for_after_it_comes_too_late(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        self.cancel(ladder)
        ladder.do(session.progress, 183, sdp=ANSWER)
        ladder.do(session.answer, ANSWER)
        ladder.do(session.reject, 486)
        ladder.do(session.bye)
        assert ladder.alice.take_summaries() == []


class TestBye:
    """RFC 3261 §15.1."""

    @pytest.mark.clause("RFC 3261", "15.1.2")
    @pytest.mark.parametrize("held_back", [False, True])
    def test_from_the_caller_in_an_early_dialog(self, held_back: bool) -> None:
        ladder = Ladder()
        session = ladder.call(headers=SUPPORTED)
        ladder.do(session.progress, 183, sdp=ANSWER)
        if held_back:
            ladder.do(session.answer)
        ladder.alice.take()
        ladder.alice.request("BYE", headers=(("Reason", "Q.850;cause=16"),))
        assert ladder.alice.take_summaries() == ["200 BYE", "487 INVITE"]
        assert ladder.bob.told[-1] == ("bye_received", (("Q.850;cause=16",),))
        ladder.ack()
        ladder.rest()

    def test_from_the_caller_in_the_call(self) -> None:
        ladder = Ladder()
        session = ladder.established()
        ladder.alice.request("BYE", headers=(("Reason", 'Q.850;cause=16;text="a, b", SIP;cause=200'),))
        assert ladder.alice.take_summaries() == ["200 BYE"]
        assert ladder.bob.told[-1] == ("bye_received", (('Q.850;cause=16;text="a, b"', "SIP;cause=200"),))
        assert session.state == "Morgue"
        ladder.rest()

    def test_to_the_caller(self) -> None:
        ladder = Ladder()
        session = ladder.established()
        ladder.do(session.bye, (("Reason", "Q.850;cause=16"),))
        bye = ladder.alice.got("BYE")
        assert bye.headers.get("Reason") == "Q.850;cause=16"
        assert bye.uri == "sip:script@192.0.2.1:5060;transport=udp"
        assert session.state == "Mortal"
        ladder.alice.answer(bye, 200)
        assert session.state == "Morgue"
        ladder.rest()

    @pytest.mark.clause("RFC 3261", "15.1.1")
    @pytest.mark.parametrize("status", [481, 408, 500, None])
    def test_whatever_comes_of_it_the_session_ends(self, status: int | None) -> None:
        ladder = Ladder()
        session = ladder.established()
        ladder.do(session.bye)
        if status is not None:
            ladder.alice.answer(ladder.alice.got("BYE"), status)
        ladder.rest()
        assert session.state == "Morgue"
        assert ladder.bob.heard == ["session_offered", "acknowledged"]

    @pytest.mark.clause("RFC 3261", "15")
    def test_it_waits_for_the_ack(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.answer, ANSWER)
        ladder.do(session.bye, (("Reason", "Q.850;cause=16"),))
        assert session.state == "HangingUp"
        ladder.world.run(1.0)
        assert "BYE" not in ladder.alice.take_summaries()
        ladder.ack()
        assert ladder.alice.got("BYE").headers.get("Reason") == "Q.850;cause=16"
        ladder.rest()

    @pytest.mark.clause("RFC 3261", "15")
    def test_or_until_the_transaction_times_out(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.answer, ANSWER)
        ladder.do(session.bye)
        ladder.world.run(33)
        assert ladder.alice.got("BYE")
        assert ladder.bob.heard == ["session_offered"]
        ladder.rest()

    def test_a_bye_that_comes_while_ours_waits_ends_it_too(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.answer, ANSWER)
        ladder.do(session.bye)
        ladder.alice.take()
        ladder.alice.request("BYE")
        assert ladder.alice.take_summaries() == ["200 BYE"]
        assert session.state == "Morgue"
        ladder.rest()


def _rseq(ladder: Ladder) -> int | None:
    return [sent.message for sent in ladder.world.network.sent if sent.summary == "183 INVITE"][-1].rseq
