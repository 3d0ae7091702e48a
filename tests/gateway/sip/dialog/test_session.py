from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.sip.dialog.client_session import ClientSession
from gateway.sip.dialog.server_session import ServerSession
from gateway.sip.message import Request
from gateway.sip.transaction.user import ServerTransaction
from gateway.testing.simulation import Simulation
from gateway.testing.user_agents import ScriptedPeer, SimulatedUserAgent

OFFER, ANSWER, OTHER = b"v=0\r\no=offer\r\n", b"v=0\r\no=answer\r\n", b"v=0\r\no=other\r\n"


def asked(agent: SimulatedUserAgent) -> ServerTransaction:
    """What a user was asked last."""
    _, (transaction, *_) = agent.told[-1]
    return transaction  # type: ignore[return-value]


class Ladder:
    """A called user agent in an established dialog, and a caller that the test speaks for."""

    def __init__(self, *, sdp: bytes = OFFER, acknowledged: bool = True) -> None:
        self.world = Simulation(seed=3)
        self.bob = SimulatedUserAgent(self.world, "bob", ("192.0.2.2", 5060))
        self.alice = ScriptedPeer(self.world, ("192.0.2.1", 5060), self.bob.address)
        self.invite = self.alice.request("INVITE", sdp)
        self.session: ServerSession = self.bob.session
        self.do(self.session.answer, ANSWER if sdp else OFFER)
        if acknowledged:
            self.alice.request("ACK", b"" if sdp else ANSWER)
        self.alice.take()
        self.bob.told.clear()

    def do(self, method: Callable[..., None], *arguments: object, **keywords: object) -> None:
        self.bob.do(method, *arguments, **keywords)
        self.world.run(0.0025)

    def asked(self) -> ServerTransaction:
        """What the user was asked last."""
        return asked(self.bob)

    def rest(self) -> None:
        self.do(self.session.bye)
        self.world.run_to_rest()
        assert self.bob.at_rest
        assert self.world.clock.running == []


class TestRequestsOfThePeer:
    """RFC 3261 §12.2.2."""

    @pytest.mark.clause("RFC 3261", "12.2.2")
    def test_one_out_of_order_gets_500(self) -> None:
        ladder = Ladder()
        ladder.alice.request("OPTIONS", cseq=9)
        ladder.alice.request("OPTIONS", cseq=8)
        ladder.alice.request("BYE", cseq=7)
        ladder.alice.request("OPTIONS", cseq=20)
        assert ladder.alice.take_summaries() == ["200 OPTIONS", "500 OPTIONS", "500 BYE", "200 OPTIONS"]

    @pytest.mark.clause("RFC 3261", "11.2")
    def test_options_gets_its_answer(self) -> None:
        ladder = Ladder()
        ladder.alice.request("OPTIONS")
        response = ladder.alice.response(200)
        assert "INFO" in response.allow
        assert response.accept == ("application/sdp", "multipart/mixed")
        assert response.headers.get("Server") == "bob/1"

    def test_an_unknown_dialog_gets_481(self) -> None:
        ladder = Ladder()
        ladder.alice.tag = "another"
        ladder.alice.request("INFO", b"x", content_type="text/plain")
        assert ladder.alice.take_summaries() == ["481 INFO"]

    @pytest.mark.clause("RFC 6086", "4.2.2")
    def test_info_is_the_user_s_to_answer(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INFO", b"Signal=5", content_type="application/dtmf-relay")
        assert ladder.bob.heard == ["info_received"]
        transaction = ladder.asked()
        assert transaction.request.body == b"Signal=5"
        ladder.do(ladder.session.respond, transaction, 415, "", (("Accept", "application/dtmf"),))
        assert ladder.alice.response(415).accept == ("application/dtmf",)
        ladder.alice.take()
        ladder.do(ladder.session.respond, transaction, 200)
        assert ladder.alice.take() == []

    @pytest.mark.clause("RFC 3261", "15.1.2")
    def test_what_is_unanswered_when_the_peer_hangs_up_gets_487(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INFO", b"x", content_type="text/plain")
        ladder.alice.request("INVITE", OTHER)
        ladder.alice.take()
        ladder.alice.request("BYE")
        assert ladder.alice.take_summaries() == ["200 BYE", "487 INFO", "487 INVITE"]
        ladder.do(ladder.session.respond, ladder.bob.told[0][1][0], 200)
        assert ladder.alice.take() == []
        ladder.alice.request("ACK", cseq=3)
        ladder.rest()

    def test_a_body_that_cannot_be_read_gets_400(self) -> None:
        ladder = Ladder()
        ladder.alice.request("UPDATE", b"--x", content_type="multipart/mixed;boundary=y")
        assert ladder.alice.response(400).reason.startswith("Bad Request: multipart body has 0 boundaries")


class TestOffersOfThePeer:
    """RFC 3261 §14.2, RFC 3311 §5.2."""

    @pytest.mark.clause("RFC 3261", "14.2")
    def test_a_re_invite_is_answered_and_repeated_until_its_ack(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INVITE", OTHER)
        transaction = ladder.asked()
        ladder.do(ladder.session.respond, transaction, 200, body=ANSWER)
        ladder.world.run(2)
        copies = ladder.alice.take()
        assert [each.body for each in copies[1:]] == [ANSWER] * 3
        assert copies[-1].headers.get("Contact") == "<sip:bob@192.0.2.2:5060>"
        assert copies[-1].headers.get("Content-Type") == "application/sdp"
        ladder.alice.request("ACK")
        ladder.world.run(10)
        assert ladder.alice.take() == []
        assert ladder.bob.heard == ["offer_received"]
        ladder.rest()

    def test_a_re_invite_without_an_offer_gets_one_and_the_answer_comes_in_the_ack(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INVITE")
        ladder.do(ladder.session.respond, ladder.asked(), 200, body=OFFER)
        ladder.alice.request("ACK", ANSWER)
        assert ladder.bob.told[-1] == ("answer_received", (ANSWER,))

    @pytest.mark.clause("RFC 3261", "14.2")
    def test_a_re_invite_whose_200_is_never_acknowledged_ends_the_call(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INVITE", OTHER)
        ladder.do(ladder.session.respond, ladder.asked(), 200, body=ANSWER)
        ladder.world.run(33)
        assert ladder.alice.got("BYE")
        assert ladder.bob.heard == ["offer_received", "acknowledgement_timed_out"]
        ladder.rest()

    @pytest.mark.clause("RFC 3261", "12.2.2")
    def test_the_remote_target_moves_only_if_it_is_accepted(self) -> None:
        ladder = Ladder()
        for status, target in ((488, "sip:script@192.0.2.1:5060;transport=udp"), (200, "sip:new@192.0.2.1:5060")):
            update = ladder.alice.compose("UPDATE", OTHER)
            update.headers.set("Contact", "<sip:new@192.0.2.1:5060>")
            ladder.alice.send(update)
            ladder.do(ladder.session.respond, ladder.asked(), status)
            ladder.do(ladder.session.info, "text/plain", b"x")
            assert ladder.alice.got("INFO").uri == target

    @pytest.mark.clause("RFC 3261", "14.2")
    def test_a_second_re_invite_before_the_first_is_answered_gets_500_with_retry_after(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INVITE", OTHER)
        ladder.alice.request("INVITE", OTHER)
        refused = ladder.alice.response(500)
        assert refused.cseq.number == 3
        assert 0 <= int(refused.headers.get("Retry-After") or "x") <= 10

    @pytest.mark.clause("RFC 3261", "14.2")
    def test_a_re_invite_before_the_invite_is_answered_gets_500(self) -> None:
        world = Simulation()
        bob = SimulatedUserAgent(world, "bob", ("192.0.2.2", 5060))
        alice = ScriptedPeer(world, ("192.0.2.1", 5060), bob.address)
        alice.request("INVITE", OFFER)
        bob.do(bob.session.progress, 180)
        world.run(0.0025)
        alice.request("INVITE", OTHER)
        assert alice.response(500).headers.get("Retry-After") is not None

    @pytest.mark.clause("RFC 3311", "5.2")
    def test_update_is_the_user_s_to_answer(self) -> None:
        ladder = Ladder()
        ladder.alice.request("UPDATE", OTHER)
        ladder.do(ladder.session.respond, ladder.asked(), 200, body=ANSWER)
        response = ladder.alice.response(200)
        assert (response.body, response.cseq.method) == (ANSWER, "UPDATE")
        assert response.contact is not None

    @pytest.mark.clause("RFC 3311", "5.2")
    def test_a_second_update_before_the_first_is_answered_gets_500(self) -> None:
        ladder = Ladder()
        ladder.alice.request("UPDATE", OTHER)
        ladder.alice.request("UPDATE")
        assert ladder.alice.take_summaries() == ["500 UPDATE"]

    @pytest.mark.clause("RFC 3311", "5.2")
    def test_an_update_with_an_offer_before_ours_is_answered_gets_491(self) -> None:
        ladder = Ladder()
        ladder.do(ladder.session.update, OFFER)
        ladder.alice.take()
        ladder.alice.request("UPDATE", OTHER)
        assert ladder.alice.take_summaries() == ["491 UPDATE"]
        ladder.alice.request("UPDATE")
        assert ladder.bob.heard == ["offer_received"]

    @pytest.mark.clause("RFC 3311", "5.2")
    def test_an_update_with_an_offer_before_the_invite_s_is_answered_gets_500(self) -> None:
        world = Simulation()
        bob = SimulatedUserAgent(world, "bob", ("192.0.2.2", 5060))
        alice = ScriptedPeer(world, ("192.0.2.1", 5060), bob.address)
        alice.request("INVITE", OFFER)
        bob.do(bob.session.progress, 183, sdp=ANSWER)
        world.run(0.0025)
        alice.request("UPDATE", OTHER)
        assert alice.response(500).cseq.method == "UPDATE"
        alice.request("UPDATE")
        assert bob.heard[-1] == "offer_received"

    @pytest.mark.clause("RFC 3261", "9.2")
    def test_a_cancelled_re_invite_gets_487_and_the_call_goes_on(self) -> None:
        ladder = Ladder()
        again = ladder.alice.request("INVITE", OTHER)
        ladder.alice.take()
        ladder.alice.cancel(again)
        assert ladder.alice.take_summaries() == ["200 CANCEL", "487 INVITE"]
        ladder.do(ladder.session.respond, ladder.asked(), 200, body=ANSWER)
        assert ladder.alice.take() == []
        ladder.alice.request("ACK", cseq=2)
        ladder.alice.request("INVITE", OTHER)
        assert ladder.bob.heard == ["offer_received", "offer_received"]
        assert ladder.session.state == "Established"


class TestOffersOfOurs:
    """RFC 3261 §14.1, RFC 3311 §5.1."""

    @pytest.mark.clause("RFC 3261", "14.1")
    def test_a_re_invite_is_acknowledged_for_each_200(self) -> None:
        ladder = Ladder()
        ladder.do(ladder.session.reinvite, OFFER)
        invite = ladder.alice.got("INVITE")
        assert (invite.body, invite.contact is not None) == (OFFER, True)
        ladder.alice.take()
        ladder.alice.answer(invite, 200, ANSWER)
        ladder.alice.answer(invite, 200, ANSWER)
        acks = ladder.alice.take()
        assert [each.headers.get("CSeq") for each in acks] == ["1 ACK", "1 ACK"]
        assert ladder.bob.told == [("answer_received", (ANSWER,))]
        ladder.rest()

    def test_an_update_gets_its_answer(self) -> None:
        ladder = Ladder()
        ladder.do(ladder.session.update, OFFER)
        ladder.alice.answer(ladder.alice.got("UPDATE"), 200, ANSWER)
        assert ladder.bob.told == [("answer_received", (ANSWER,))]
        ladder.do(ladder.session.update)
        ladder.alice.answer(ladder.alice.got("UPDATE"), 200)
        assert ladder.bob.told == [("answer_received", (ANSWER,))]

    @pytest.mark.parametrize("method", ["reinvite", "update"])
    def test_a_refusal_is_told(self, method: str) -> None:
        ladder = Ladder()
        ladder.do(getattr(ladder.session, method), OFFER)
        (request,) = ladder.alice.take()
        assert isinstance(request, Request)
        ladder.alice.answer(request, 488)
        assert ladder.bob.told == [("request_failed", (request.method, 488))]
        ladder.do(getattr(ladder.session, method), OFFER)
        assert "ACK" not in ladder.alice.take_summaries()[1:]

    def test_no_answer_at_all_is_told_as_408(self) -> None:
        ladder = Ladder()
        ladder.do(ladder.session.update, OFFER)
        ladder.world.run(33)
        assert ladder.bob.told == [("request_failed", ("UPDATE", 408))]

    def test_a_transport_error_is_told_as_503(self) -> None:
        ladder = Ladder()
        ladder.do(ladder.session.info, "text/plain", b"x")
        ladder.do(ladder.bob.layer.transport_failed, ladder.session.flow, "unreachable")
        assert ladder.bob.told == [("request_failed", ("INFO", 503))]

    @pytest.mark.clause("RFC 3261", "14.1")
    def test_another_one_while_one_is_open_fails_with_491_at_once(self) -> None:
        ladder = Ladder()
        ladder.do(ladder.session.reinvite, OFFER)
        ladder.alice.take()
        ladder.do(ladder.session.reinvite, OTHER)
        ladder.do(ladder.session.update, OTHER)
        assert ladder.alice.take() == []
        assert ladder.bob.told == [("request_failed", ("INVITE", 491)), ("request_failed", ("UPDATE", 491))]

    @pytest.mark.clause("RFC 3261", "14.1")
    def test_a_re_invite_waits_for_the_ack_of_the_first_invite(self) -> None:
        ladder = Ladder(acknowledged=False)
        ladder.do(ladder.session.reinvite, OFFER)
        assert ladder.bob.told == [("request_failed", ("INVITE", 491))]

    @pytest.mark.clause("RFC 3311", "5.1")
    def test_an_update_with_an_offer_waits_for_the_prack(self) -> None:
        world = Simulation()
        bob = SimulatedUserAgent(world, "bob", ("192.0.2.2", 5060))
        alice = ScriptedPeer(world, ("192.0.2.1", 5060), bob.address)
        alice.request("INVITE", OFFER, (("Supported", "100rel"),))
        bob.do(bob.session.progress, 183, sdp=ANSWER)
        world.run(0.0025)
        bob.do(bob.session.update, OTHER)
        assert bob.told[-1] == ("request_failed", ("UPDATE", 491))
        alice.request("PRACK", headers=(("RAck", f"{alice.response(183).rseq} 1 INVITE"),))
        bob.do(bob.session.update, OTHER)
        world.run(0.0025)
        assert alice.got("UPDATE").body == OTHER

    @pytest.mark.clause("RFC 3261", "14.1")
    @pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
    def test_after_491_who_does_not_own_the_call_id_tries_once_more_within_2_s(self, method: str) -> None:
        ladder = Ladder()
        ladder.do(ladder.session.reinvite if method == "INVITE" else ladder.session.update, OFFER)
        first = ladder.alice.got(method)
        ladder.alice.take()
        ladder.alice.answer(first, 491)
        assert ladder.bob.told == []
        ladder.world.run(2.01)
        again = ladder.alice.got(method)
        assert (again.cseq.number, again.body) == (first.cseq.number + 1, OFFER)
        ladder.alice.answer(again, 491)
        assert ladder.bob.told == [("request_failed", (method, 491))]
        ladder.world.run(10)
        sent = [each.cseq.number for each in ladder.alice.take() if isinstance(each, Request) and each.method == method]
        assert set(sent) == {again.cseq.number}
        ladder.rest()

    def test_hanging_up_forgets_the_retry(self) -> None:
        ladder = Ladder()
        ladder.do(ladder.session.update, OFFER)
        ladder.alice.answer(ladder.alice.got("UPDATE"), 491)
        ladder.alice.take()
        ladder.do(ladder.session.bye)
        ladder.alice.answer(ladder.alice.got("BYE"), 200)
        ladder.world.run(5)
        assert "UPDATE" not in ladder.alice.take_summaries()
        ladder.rest()


class TestReinviteThatOutlivesItsSession:
    """Its final response may never come: the peer stops repeating it when the session ends."""

    def outlive(self) -> Ladder:
        ladder = Ladder()
        ladder.do(ladder.session.reinvite, OFFER)
        invite = ladder.alice.got("INVITE")
        ladder.alice.answer(invite, 100)
        ladder.alice.request("BYE")
        ladder.alice.take()
        return ladder

    @pytest.mark.clause("RFC 3261", "9.1")
    def test_it_is_cancelled_after_64_t1(self) -> None:
        ladder = self.outlive()
        ladder.world.run(31)
        assert "CANCEL" not in ladder.alice.take_summaries()
        ladder.world.run(2)
        cancel = ladder.alice.got("CANCEL")
        assert cancel.headers.get("CSeq") == "1 CANCEL"
        ladder.rest()

    def test_it_is_not_if_the_final_response_comes(self) -> None:
        ladder = Ladder()
        ladder.do(ladder.session.reinvite, OFFER)
        invite = ladder.alice.got("INVITE")
        ladder.alice.answer(invite, 100)
        ladder.alice.request("BYE")
        ladder.alice.answer(invite, 200, ANSWER)
        assert "ACK" in ladder.alice.take_summaries()
        assert ("SentRequest", "abandoned") not in ladder.world.clock.running
        ladder.rest()
        assert "CANCEL" not in ladder.alice.take_summaries()


class TestBothEnds:
    """The same between two user agents, as the caller sees it."""

    def talk(self) -> tuple[Simulation, SimulatedUserAgent, SimulatedUserAgent, ClientSession]:
        world = Simulation(seed=9)
        alice = SimulatedUserAgent(world, "alice", ("192.0.2.1", 5060))
        bob = SimulatedUserAgent(world, "bob", ("192.0.2.2", 5060))
        call = alice.call(bob, OFFER)
        world.run(0.1)
        bob.do(bob.session.answer, ANSWER)
        world.run(0.1)
        for side in (alice, bob):
            side.told.clear()
        return world, alice, bob, call

    def test_the_callee_s_re_invite(self) -> None:
        world, alice, bob, call = self.talk()
        bob.do(bob.session.reinvite, OTHER)
        world.run(0.1)
        assert alice.heard == ["offer_received"]
        alice.do(call.respond, asked(alice), 200, "", (), ANSWER, "application/sdp")
        world.run(0.1)
        assert bob.told == [("answer_received", (ANSWER,))]
        alice.do(call.bye)
        world.run_to_rest()
        assert alice.at_rest
        assert bob.at_rest

    @pytest.mark.clause("RFC 3261", "14.2")
    def test_a_caller_whose_200_is_never_acknowledged_hangs_up(self) -> None:
        world, alice, bob, call = self.talk()
        bob.do(bob.session.reinvite, OTHER)
        world.run(0.1)
        world.network.lose = lambda sent: sent.summary == "ACK"
        alice.do(call.respond, asked(alice), 200, "", (), ANSWER, "application/sdp")
        world.run(40)
        assert alice.told[-1] == ("bye_received", ((),))
        assert bob.heard == ["answer_received", "bye_received"]
        world.run_to_rest()
        assert alice.at_rest
        assert bob.at_rest

    def test_the_owner_of_the_call_id_waits_longer(self) -> None:
        world, alice, bob, call = self.talk()
        began_s = world.clock.now_s
        bob.on["offer_received"] = lambda transaction: bob.do(
            bob.session.respond, transaction, 491 if world.clock.now_s - began_s < 1 else 200
        )
        alice.do(call.update, OTHER)
        world.run(5)
        first, again = [sent.at_s for sent in world.network.sent if sent.summary == "UPDATE"]
        assert 2.1 <= again - first <= 4.01
