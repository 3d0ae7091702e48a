"""The race conditions of RFC 5407 §3, each as the dialogue in its figure. Alice calls Bob; what crosses, crosses.

A line of a dialogue is who sends what; the arrow's direction is the figure's.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.sip.dialog.client_session import ClientSession
from gateway.sip.dialog.server_session import ServerSession
from gateway.sip.message import Request
from gateway.sip.transaction.user import ServerTransaction
from gateway.testing.simulation import Sent, Simulation, Weather
from gateway.testing.user_agents import ScriptedPeer, SimulatedUserAgent

OFFER, ANSWER, OFFER2, ANSWER2 = b"v=0\r\no=1\r\n", b"v=0\r\no=2\r\n", b"v=0\r\no=3\r\n", b"v=0\r\no=4\r\n"
DELAY_S = 0.05


class Dialogue:
    """Alice and Bob, 50 ms apart, and what they say to each other."""

    def __init__(self) -> None:
        self.world = Simulation(seed=5407, weather=Weather(least_delay_s=DELAY_S, most_delay_s=DELAY_S))
        self.alice = SimulatedUserAgent(self.world, "alice", ("192.0.2.101", 5060))
        self.bob = SimulatedUserAgent(self.world, "bob", ("192.0.2.201", 5060))
        self.call: ClientSession = None  # type: ignore[assignment]

    @property
    def callee(self) -> ServerSession:
        return self.bob.session

    def invite(self, sdp: bytes = OFFER) -> None:
        self.call = self.alice.call(self.bob, sdp)
        self.settle()

    def settle(self) -> None:
        """Let everything that is under way arrive, and what it brings about, but no retransmission begin."""
        self.world.run(0.45)

    def establish(self) -> None:
        self.invite()
        self.bob_does(self.callee.progress, 180)
        self.settle()
        self.bob_does(self.callee.answer, ANSWER)
        self.settle()
        self.world.network.sent.clear()

    def alice_does(self, method: Callable[..., None], *arguments: object) -> None:
        self.alice.do(method, *arguments)

    def bob_does(self, method: Callable[..., None], *arguments: object) -> None:
        self.bob.do(method, *arguments)

    def lose_once(self, summary: str) -> None:
        """The next message of this kind is lost."""

        def lose(sent: Sent) -> bool:
            if sent.summary == summary:
                self.world.network.lose = None
                return True
            return False

        self.world.network.lose = lose

    def said(self) -> list[str]:
        """What has been said since the last time: ["A INVITE", "B 200 INVITE"]; lost messages in brackets."""
        lines = []
        for sent in self.world.network.sent:
            line = f"{'A' if sent.flow.local == self.alice.address else 'B'} {sent.summary}"
            lines.append(line if sent.copies else f"({line})")
        self.world.network.sent.clear()
        return lines

    def ends(self) -> None:
        """Both come to rest, and nothing is left."""
        self.alice_does(self.call.bye)
        self.bob_does(self.callee.bye)
        self.world.run_to_rest()
        assert self.alice.at_rest
        assert self.bob.at_rest
        assert self.world.clock.running == []


def asked(agent: SimulatedUserAgent) -> ServerTransaction:
    _, (transaction, *_) = agent.told[-1]
    return transaction  # type: ignore[return-value]


class TestMoratorium:
    """§3.1: the callee has sent 200 and has no ACK."""

    @pytest.mark.clause("RFC 5407", "3.1.1")
    def test_the_initial_invite_again(self) -> None:
        talk = Dialogue()
        talk.world.network.lose = lambda sent: sent.summary in ("100 INVITE", "180 INVITE")
        talk.call = talk.alice.call(talk.bob, OFFER)
        talk.world.run(0.1)
        talk.bob_does(talk.callee.progress, 180)
        talk.world.run(0.38)
        talk.bob_does(talk.callee.answer, ANSWER)
        talk.world.network.lose = None
        talk.settle()
        said = talk.said()
        assert "A INVITE" in said[1:], "F4: the retransmission"
        assert [line for line in said if line in ("B 200 INVITE", "A ACK")] == ["B 200 INVITE", "A ACK"]
        assert talk.bob.heard == ["session_offered", "acknowledged"]
        assert (talk.call.state, talk.callee.state) == ("Established", "Established")
        talk.ends()

    @pytest.mark.clause("RFC 5407", "3.1.2")
    def test_cancel_crosses_the_200(self) -> None:
        talk = Dialogue()
        talk.invite()
        talk.bob_does(talk.callee.progress, 180)
        talk.settle()
        talk.said()
        talk.bob_does(talk.callee.answer, ANSWER)
        talk.alice_does(talk.call.cancel)
        talk.settle()
        assert talk.said() == [
            *("B 200 INVITE", "A CANCEL"),
            *("A ACK", "A BYE", "B 200 CANCEL"),
            "B 200 BYE",
        ]
        assert talk.bob.heard == ["session_offered", "acknowledged", "bye_received"]
        assert talk.alice.heard == ["progress_received", "failed"]
        talk.ends()

    @pytest.mark.clause("RFC 5407", "3.1.3")
    def test_bye_for_the_early_dialog_crosses_the_200(self) -> None:
        world = Simulation()
        bob = SimulatedUserAgent(world, "bob", ("192.0.2.201", 5060))
        alice = ScriptedPeer(world, ("192.0.2.101", 5060), bob.address)
        alice.request("INVITE", OFFER)
        bob.do(bob.session.progress, 180)
        world.run(0.0025)
        bob.do(bob.session.answer, ANSWER)
        alice.request("BYE")
        assert alice.take_summaries() == ["100 INVITE", "180 INVITE", "200 INVITE", "200 BYE"]
        alice.request("ACK", cseq=1)
        world.run_to_rest()
        assert alice.take() == []
        assert bob.heard == ["session_offered", "bye_received"]
        assert bob.at_rest

    @pytest.mark.clause("RFC 5407", "3.1.4")
    def test_re_invite_while_the_ack_is_lost(self) -> None:
        talk = Dialogue()
        talk.invite()
        talk.lose_once("ACK")
        talk.bob_does(talk.callee.answer, ANSWER)
        talk.settle()
        talk.said()
        talk.alice_does(talk.call.reinvite, OFFER2)
        talk.bob.on["offer_received"] = lambda transaction: talk.bob.do(
            talk.callee.respond, transaction, 200, body=ANSWER2
        )
        talk.settle()
        assert talk.said() == ["A INVITE", "B 200 INVITE", "B 100 INVITE", "B 200 INVITE", "A ACK", "A ACK"]
        assert talk.bob.heard == ["session_offered", "offer_received", "acknowledged"]
        assert talk.alice.told[-1] == ("answer_received", (ANSWER2,))
        talk.ends()

    @pytest.mark.clause("RFC 5407", "3.1.5")
    def test_re_invite_while_the_ack_with_the_answer_is_lost(self) -> None:
        talk = Dialogue()
        talk.invite(b"")
        talk.alice.on["answered"] = lambda response: talk.alice.do(talk.call.acknowledge, ANSWER)
        talk.lose_once("ACK")
        talk.bob_does(talk.callee.answer, OFFER)
        talk.settle()
        talk.said()
        talk.alice_does(talk.call.reinvite, OFFER2)
        talk.settle()
        said = talk.said()
        assert "B 491 INVITE" in said
        assert said.count("A ACK") == 2, "one for the 200, one for the 491"
        assert talk.bob.told[1:] == [("answer_received", (ANSWER,)), ("acknowledged", ())]
        talk.world.run(4.1)
        assert talk.said()[:2] == ["A INVITE", "B 100 INVITE"], "tried once more"
        talk.ends()

    @pytest.mark.clause("RFC 5407", "3.1.6")
    def test_bye_while_the_ack_is_lost(self) -> None:
        talk = Dialogue()
        talk.invite()
        talk.lose_once("ACK")
        talk.bob_does(talk.callee.answer, ANSWER)
        talk.settle()
        talk.said()
        talk.alice_does(talk.call.bye)
        talk.settle()
        assert talk.said() == ["A BYE", "B 200 INVITE", "B 200 BYE", "A ACK"]
        assert talk.bob.heard == ["session_offered", "bye_received"]
        assert talk.alice.heard == ["answered"]
        talk.ends()


class TestMortal:
    """§3.2: BYE has been sent."""

    @pytest.mark.clause("RFC 5407", "3.2.1")
    def test_bye_crosses_bye(self) -> None:
        talk = Dialogue()
        talk.establish()
        talk.alice_does(talk.call.bye)
        talk.bob_does(talk.callee.bye)
        talk.settle()
        assert talk.said() == ["A BYE", "B BYE", "B 200 BYE", "A 200 BYE"]
        assert "bye_received" not in talk.alice.heard + talk.bob.heard
        assert (talk.call.state, talk.callee.state) == ("Morgue", "Morgue")
        talk.ends()

    @pytest.mark.clause("RFC 5407", "3.2.2")
    def test_re_invite_crosses_bye(self) -> None:
        talk = Dialogue()
        talk.establish()
        talk.alice_does(talk.call.bye)
        talk.bob_does(talk.callee.reinvite, OFFER2)
        talk.settle()
        said = talk.said()
        assert said[:2] == ["A BYE", "B INVITE"]
        assert sorted(line for line in said[2:] if "100" not in line) == ["A 481 INVITE", "B 200 BYE", "B ACK"]
        assert talk.bob.heard[-1] == "bye_received"
        assert "offer_received" not in talk.alice.heard
        talk.ends()

    @pytest.mark.clause("RFC 5407", "3.2.3")
    def test_the_200_to_a_re_invite_crosses_bye(self) -> None:
        talk = Dialogue()
        talk.establish()
        talk.alice.on["offer_received"] = lambda transaction: talk.alice.do(
            talk.call.respond, transaction, 200, "", (), ANSWER2, "application/sdp"
        )
        talk.bob_does(talk.callee.reinvite, OFFER2)
        talk.world.run(0.02)
        talk.bob_does(talk.callee.bye)
        talk.settle()
        said = [line for line in talk.said() if "100" not in line]
        assert said == ["B INVITE", "B BYE", "A 200 INVITE", "A 200 BYE", "B ACK"]
        assert "answer_received" not in talk.bob.heard
        talk.ends()

    @pytest.mark.clause("RFC 5407", "3.2.4")
    def test_ack_crosses_bye(self) -> None:
        # RFC 3261 §15 forbids the callee to send BYE before the ACK; so it is held back, and nothing crosses.
        talk = Dialogue()
        talk.invite(b"")
        talk.said()
        talk.bob_does(talk.callee.answer, OFFER)
        talk.alice.on["answered"] = lambda response: talk.alice.do(talk.call.acknowledge, ANSWER)
        talk.world.run(DELAY_S + 0.01)
        talk.bob_does(talk.callee.bye)
        talk.settle()
        assert talk.said() == ["B 200 INVITE", "A ACK", "B BYE", "A 200 BYE"]
        assert talk.bob.heard == ["session_offered"], "the answer in the ACK is just ignored"
        talk.ends()


class TestOther:
    """§3.3: offers that cross."""

    @pytest.mark.clause("RFC 5407", "3.3.1")
    def test_re_invite_crosses_re_invite(self) -> None:
        talk = Dialogue()
        talk.establish()
        self.let_both_answer(talk)
        talk.alice_does(talk.call.reinvite, OFFER)
        talk.bob_does(talk.callee.reinvite, OFFER2)
        talk.world.run(0.2)
        said = [line for line in talk.said() if "100" not in line]
        assert said[:2] == ["A INVITE", "B INVITE"]
        assert sorted(said[2:]) == ["A 491 INVITE", "A ACK", "B 491 INVITE", "B ACK"]
        talk.world.run(2.0)
        assert [line for line in talk.said() if "100" not in line] == ["B INVITE", "A 200 INVITE", "B ACK"]
        talk.world.run(2.2)
        assert [line for line in talk.said() if "100" not in line] == ["A INVITE", "B 200 INVITE", "A ACK"]
        assert talk.alice.told[-1] == talk.bob.told[-2] == ("answer_received", (ANSWER2,))
        talk.ends()

    @pytest.mark.clause("RFC 5407", "3.3.2")
    def test_update_crosses_re_invite(self) -> None:
        talk = Dialogue()
        talk.establish()
        self.let_both_answer(talk)
        talk.alice_does(talk.call.update, OFFER)
        talk.bob_does(talk.callee.reinvite, OFFER2)
        talk.world.run(0.2)
        said = [line for line in talk.said() if "100" not in line]
        assert said[:2] == ["A UPDATE", "B INVITE"]
        assert sorted(said[2:]) == ["A 491 INVITE", "B 491 UPDATE", "B ACK"]
        talk.world.run(2.0)
        assert [line for line in talk.said() if "100" not in line] == ["B INVITE", "A 200 INVITE", "B ACK"]
        talk.world.run(2.2)
        assert talk.said() == ["A UPDATE", "B 200 UPDATE"]
        talk.ends()

    @pytest.mark.clause("RFC 5407", "3.3.2")
    def test_update_without_an_offer_crosses_re_invite_and_both_succeed(self) -> None:
        talk = Dialogue()
        talk.establish()
        self.let_both_answer(talk)
        talk.alice_does(talk.call.update)
        talk.bob_does(talk.callee.reinvite, OFFER2)
        talk.settle()
        said = [line for line in talk.said() if "100" not in line]
        assert sorted(said) == ["A 200 INVITE", "A UPDATE", "B 200 UPDATE", "B ACK", "B INVITE"]
        talk.ends()

    @pytest.mark.clause("RFC 5407", "3.3.3")
    def test_refer_crosses_bye(self) -> None:
        # REFER is not supported: 405, which like 481 tells the peer that nothing came of it.
        world = Simulation()
        bob = SimulatedUserAgent(world, "bob", ("192.0.2.201", 5060))
        alice = ScriptedPeer(world, ("192.0.2.101", 5060), bob.address)
        alice.request("INVITE", OFFER)
        bob.do(bob.session.answer, ANSWER)
        world.run(0.0025)
        alice.request("ACK")
        bob.do(bob.session.bye)
        alice.take()
        alice.request("REFER", headers=(("Refer-To", "<sip:carol@chicago.example.com>"),))
        bye, refused = alice.take()
        assert isinstance(bye, Request)
        assert refused.cseq.method == "REFER"
        alice.answer(bye, 200)
        world.run_to_rest()
        assert bob.at_rest

    def let_both_answer(self, talk: Dialogue) -> None:
        talk.alice.on["offer_received"] = lambda transaction: talk.alice.do(
            talk.call.respond, transaction, 200, "", (), ANSWER2, "application/sdp"
        )
        talk.bob.on["offer_received"] = lambda transaction: talk.bob.do(
            talk.callee.respond, transaction, 200, "", (), ANSWER2, "application/sdp"
        )


class TestAppendix:
    @pytest.mark.clause("RFC 5407", "A")
    def test_bye_in_one_early_dialog_leaves_the_other_branch_to_answer(self) -> None:
        # Our caller gives up by CANCEL, and treats the branch that answers all the same as the appendix says.
        world = Simulation()
        alice = SimulatedUserAgent(world, "alice", ("192.0.2.101", 5060))
        proxy = ScriptedPeer(world, ("192.0.2.111", 5060), alice.address)
        call = alice.call("sip:bob@192.0.2.111:5060", OFFER)
        world.run(0.0025)
        invite = proxy.got("INVITE")
        proxy.answer(invite, 180, tag="A")
        alice.do(call.bye)
        world.run(0.0025)
        proxy.take()
        proxy.answer(invite, 200, ANSWER, tag="B")
        assert proxy.take_summaries() == ["ACK", "BYE"]
        world.run_to_rest()
        assert alice.at_rest

    @pytest.mark.clause("RFC 5407", "B")
    def test_bye_overlaps_a_re_invite_without_a_response(self) -> None:
        talk = Dialogue()
        talk.establish()
        talk.lose_once("INVITE")
        talk.alice_does(talk.call.reinvite, OFFER2)
        talk.alice_does(talk.call.bye)
        talk.world.run(0.9)
        said = [line for line in talk.said() if "100" not in line]
        assert said == ["(A INVITE)", "A BYE", "B 200 BYE", "A INVITE", "B 481 INVITE", "A ACK"]
        talk.ends()

    @pytest.mark.clause("RFC 5407", "C")
    def test_cancel_ends_the_early_dialog_at_once_with_487(self) -> None:
        talk = Dialogue()
        talk.invite()
        talk.bob_does(talk.callee.progress, 180)
        talk.settle()
        talk.said()
        talk.alice_does(talk.call.cancel)
        talk.settle()
        assert talk.said() == ["A CANCEL", "B 200 CANCEL", "B 487 INVITE", "A ACK"]
        assert (talk.alice.heard[-1], talk.bob.heard[-1]) == ("rejected", "cancel_received")
        talk.ends()
