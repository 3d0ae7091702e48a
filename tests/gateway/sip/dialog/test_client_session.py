from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.sip.dialog.client_session import ClientSession, ClientSessionInputs
from gateway.sip.dialog.settings import Reliability
from gateway.sip.effects import Flow, Transport
from gateway.sip.message import Request, Response
from gateway.testing.simulation import Simulation
from gateway.testing.user_agents import ScriptedPeer, SimulatedUserAgent
from tests.gateway.sip.dialog.ladder import Asked

OFFER, ANSWER, OTHER = b"v=0\r\no=offer\r\n", b"v=0\r\no=answer\r\n", b"v=0\r\no=other\r\n"
RELIABLE = (("Require", "100rel"), ("RSeq", "500"))


class Ladder:
    """A calling user agent, and a callee that the test speaks for."""

    def __init__(self, reliability: Reliability = Reliability.WHEN_SUPPORTED) -> None:
        self.world = Simulation()
        self.alice = SimulatedUserAgent(self.world, "alice", ("192.0.2.1", 5060), reliability)
        self.bob = ScriptedPeer(self.world, ("192.0.2.2", 5060), self.alice.address, tag="bob")
        self.invite: Request = Request(method="", uri="")

    def call(self, sdp: bytes = OFFER, headers: tuple[tuple[str, str], ...] = ()) -> ClientSession:
        session = self.alice.call("sip:bob@192.0.2.2:5060", sdp, headers)
        self.world.run(0.0015)
        self.invite = self.bob.got("INVITE")
        self.bob.call_id = self.invite.call_id
        self.bob.take()
        return session

    def do(self, method: Callable[..., None], *arguments: object, **keywords: object) -> None:
        self.alice.do(method, *arguments, **keywords)
        self.world.run(0.0025)

    def answer(self, status: int, body: bytes = b"", *headers: tuple[str, str], tag: str = "bob") -> None:
        self.bob.answer(self.invite, status, body, headers, tag=tag)

    def established(self) -> ClientSession:
        session = self.call()
        self.answer(200, ANSWER)
        self.bob.take()
        return session

    def rest(self) -> None:
        """Nothing is left."""
        self.world.run_to_rest()
        assert self.alice.at_rest
        assert self.world.clock.running == []


class TestInvite:
    """RFC 3261 §8.1.1, §13.2.1."""

    @pytest.mark.clause("RFC 3261", "13.2.1")
    def test_what_it_says(self) -> None:
        ladder = Ladder()
        session = ladder.call(OFFER, (("Subject", "tea"),))
        invite = ladder.invite
        assert (invite.uri, invite.body) == ("sip:bob@192.0.2.2:5060", OFFER)
        assert invite.from_.tag
        assert invite.to.tag is None
        assert invite.call_id == session.call_id
        assert invite.max_forwards == 70
        assert invite.headers.get("Contact") == "<sip:alice@192.0.2.1:5060>"
        assert invite.supported == {"100rel"}
        assert {"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE"} == invite.allow
        assert invite.headers.get("Subject") == "tea"
        assert invite.headers.get("Content-Type") == "application/sdp"

    def test_a_contact_of_one_s_own(self) -> None:
        ladder = Ladder()
        session = ladder.alice.agent.client_session(ladder.alice)
        flow = Flow(Transport.UDP, ladder.alice.address, ("192.0.2.2", 5060))
        ladder.do(session.invite, "sip:bob@192.0.2.2", flow, "<sip:a@b>", "<tel:+1>", "<sip:other@192.0.2.1>")
        assert ladder.bob.got("INVITE").headers.get("Contact") == "<sip:other@192.0.2.1>"
        assert "Content-Type" not in ladder.bob.got("INVITE").headers

    def test_no_response_is_a_failure(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.rest()
        assert ladder.alice.told == [("failed", ("no response",))]
        assert session.state == "Morgue"

    def test_a_transport_error_is_a_failure(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(ladder.alice.layer.transport_failed, session.flow, "connection refused")
        assert ladder.alice.told == [("failed", ("connection refused",))]
        ladder.rest()

    def test_a_session_that_never_called_is_ended_by_cancel(self) -> None:
        ladder = Ladder()
        session = ladder.alice.agent.client_session(ladder.alice)
        assert ladder.alice.agent.open_sessions == 1
        ladder.do(session.cancel)
        ladder.rest()


class TestProgress:
    """RFC 3261 §13.2.2.1, RFC 3262 §4."""

    def test_each_but_100_is_told(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.answer(100)
        assert (ladder.alice.heard, session.state) == ([], "Proceeding")
        ladder.answer(180)
        ladder.answer(183, ANSWER)
        assert [(name, response.status) for name, (response, *_) in _responses(ladder.alice)] == [
            ("progress_received", 180),
            ("progress_received", 183),
        ]
        assert ladder.alice.agent.open_dialogs == 1

    @pytest.mark.clause("RFC 3262", "4")
    def test_a_reliable_one_gets_prack_in_its_dialog(self) -> None:
        ladder = Ladder()
        ladder.call()
        ladder.answer(183, ANSWER, *RELIABLE)
        prack = ladder.bob.got("PRACK")
        assert prack.headers.get("RAck") == "500 1 INVITE"
        assert (prack.to.tag, prack.cseq.number, prack.uri) == ("bob", 2, "sip:script@192.0.2.2:5060")
        ladder.bob.answer(prack, 200)
        ladder.answer(200)
        assert ladder.alice.heard == ["progress_received", "answered"]
        assert ladder.bob.got("ACK").cseq.number == 1

    @pytest.mark.clause("RFC 3262", "4")
    def test_one_that_comes_again_or_too_early_gets_none(self) -> None:
        ladder = Ladder()
        ladder.call()
        ladder.answer(183, ANSWER, *RELIABLE)
        ladder.answer(183, ANSWER, *RELIABLE)
        ladder.answer(180, b"", ("Require", "100rel"), ("RSeq", "502"))
        assert ladder.alice.heard == ["progress_received"]
        assert ladder.bob.take_summaries() == ["PRACK"]
        ladder.answer(180, b"", ("Require", "100rel"), ("RSeq", "501"))
        assert ladder.bob.got("PRACK").headers.get("RAck") == "501 1 INVITE"

    @pytest.mark.clause("RFC 3262", "4")
    def test_each_early_dialog_has_its_own_count(self) -> None:
        ladder = Ladder()
        ladder.call()
        ladder.answer(183, ANSWER, *RELIABLE, tag="bob")
        ladder.answer(183, ANSWER, *RELIABLE, tag="carol")
        assert [request.to.tag for request in ladder.bob.take() if isinstance(request, Request)] == ["bob", "carol"]
        assert ladder.alice.agent.open_dialogs == 2

    def test_without_100rel_nothing_is_acknowledged(self) -> None:
        ladder = Ladder(Reliability.NEVER)
        ladder.call()
        assert "Supported" not in ladder.invite.headers
        ladder.answer(183, ANSWER, *RELIABLE)
        assert ladder.bob.take_summaries() == []
        assert ladder.alice.heard == ["progress_received"]

    def test_a_reliable_one_without_rseq_is_dropped(self) -> None:
        ladder = Ladder()
        ladder.call()
        ladder.answer(183, ANSWER, ("Require", "100rel"))
        assert ladder.bob.take_summaries() == []
        assert ladder.alice.heard == []

    @pytest.mark.clause("RFC 3261", "12.1")
    def test_one_without_a_tag_is_told_and_makes_no_dialog(self) -> None:
        ladder = Ladder()
        ladder.call()
        ringing = ladder.bob.answer(ladder.invite, 100)
        ringing.status = 180
        ladder.bob.send(ringing)
        assert ladder.alice.heard == ["progress_received"]
        assert ladder.alice.agent.open_dialogs == 0

    def test_a_refused_prack_is_told(self) -> None:
        ladder = Ladder()
        ladder.call()
        ladder.answer(183, ANSWER, *RELIABLE)
        ladder.bob.answer(ladder.bob.got("PRACK"), 481)
        assert ladder.alice.told[-1] == ("request_failed", ("PRACK", 481))


class TestAnswered:
    """RFC 3261 §13.2.2.4."""

    @pytest.mark.clause("RFC 3261", "13.2.2.4")
    def test_every_repeated_200_gets_the_same_ack(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        for _ in range(3):
            ladder.answer(200, ANSWER, ("Record-Route", "<sip:192.0.2.2;lr>"))
        acks = ladder.bob.take()
        assert [each.serialize() for each in acks] == [acks[0].serialize()] * 3
        assert acks[0].headers.values("Route") == ["<sip:192.0.2.2;lr>"]
        assert acks[0].headers.get("CSeq") == "1 ACK"
        assert acks[0].via.branch != ladder.invite.via.branch
        assert ladder.alice.heard == ["answered"]
        assert session.state == "Established"

    @pytest.mark.clause("RFC 3261", "13.2.2.4")
    def test_another_phone_s_200_gets_ack_and_bye(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.answer(180, tag="bob")
        ladder.answer(183, ANSWER, *RELIABLE, tag="carol")
        ladder.bob.answer(ladder.bob.got("PRACK"), 200)
        ladder.answer(200, ANSWER, tag="bob")
        ladder.bob.take()
        ladder.answer(200, OTHER, tag="carol")
        ack, bye = ladder.bob.take()
        assert (ack.to.tag, bye.to.tag) == ("carol", "carol")
        assert ack.headers.get("CSeq") == "1 ACK"
        assert bye.headers.get("CSeq") == "3 BYE"
        ladder.answer(200, OTHER, tag="carol")
        assert "ACK" in ladder.bob.take_summaries()
        assert isinstance(bye, Request)
        ladder.bob.answer(bye, 200)
        assert ladder.alice.heard == ["progress_received", "progress_received", "answered"]
        assert session.state == "Established"
        assert ladder.alice.agent.open_dialogs == 1

    def test_the_other_early_dialogs_are_given_up(self) -> None:
        ladder = Ladder()
        ladder.call()
        for tag in ("bob", "carol", "dave"):
            ladder.answer(180, tag=tag)
        assert ladder.alice.agent.open_dialogs == 3
        ladder.answer(200, ANSWER, tag="carol")
        assert ladder.alice.agent.open_dialogs == 1

    @pytest.mark.clause("RFC 3261", "13.2.2.4")
    def test_the_offer_in_the_200_waits_for_the_answer_in_the_ack(self) -> None:
        ladder = Ladder()
        session = ladder.call(b"")
        ladder.answer(200, OFFER)
        ladder.answer(200, OFFER)
        assert (session.state, ladder.bob.take_summaries(), ladder.alice.heard) == ("Moratorium", [], ["answered"])
        ladder.do(session.acknowledge, ANSWER)
        assert ladder.bob.got("ACK").body == ANSWER
        ladder.answer(200, OFFER)
        assert [each.body for each in ladder.bob.take()] == [ANSWER, ANSWER]
        assert session.state == "Established"

    @pytest.mark.clause("RFC 3262", "5")
    def test_the_offer_in_a_reliable_183_waits_for_the_answer_in_prack(self) -> None:
        ladder = Ladder()
        session = ladder.call(b"")
        ladder.answer(183, OFFER, *RELIABLE)
        assert ladder.bob.take_summaries() == []
        ladder.do(session.acknowledge, ANSWER)
        assert ladder.bob.got("PRACK").body == ANSWER
        ladder.bob.answer(ladder.bob.got("PRACK"), 200)
        ladder.answer(200, OFFER)
        assert ladder.bob.got("ACK").body == b""
        assert session.state == "Established"

    def test_hanging_up_without_the_answer_acknowledges_first(self) -> None:
        ladder = Ladder()
        session = ladder.call(b"")
        ladder.answer(200, OFFER)
        ladder.do(session.bye)
        assert ladder.bob.take_summaries() == ["ACK", "BYE"]
        ladder.rest()

    def test_a_200_without_a_contact_is_a_failure(self) -> None:
        ladder = Ladder()
        ladder.call()
        response = ladder.bob.answer(ladder.invite, 100)
        response.status = 200
        response.headers.remove("Contact")
        response.headers.set("To", "<sip:bob@192.0.2.2:5060>;tag=bob")
        ladder.bob.send(response)
        assert ladder.alice.heard == ["failed"]
        ladder.rest()


class TestRejected:
    """RFC 3261 §13.2.2.2, §13.2.2.3."""

    @pytest.mark.parametrize("status", [302, 404, 503, 603])
    def test_the_response_is_told_and_early_dialogs_end(self, status: int) -> None:
        ladder = Ladder()
        ladder.call()
        ladder.answer(180)
        ladder.answer(status, b"", ("Reason", "Q.850;cause=1"))
        name, (response, *_) = ladder.alice.told[-1]
        assert isinstance(response, Response)
        assert (name, response.status, response.headers.get("Reason")) == ("rejected", status, "Q.850;cause=1")
        assert ladder.bob.take_summaries() == ["ACK"]
        assert ladder.alice.agent.open_dialogs == ladder.alice.agent.open_sessions == 0
        ladder.rest()


class TestCancel:
    """RFC 3261 §9.1."""

    @pytest.mark.clause("RFC 3261", "9.1")
    def test_it_waits_for_a_provisional_response(self) -> None:
        ladder = Ladder()
        session = ladder.call(OFFER, (("Route", "<sip:192.0.2.2;lr>"), ("Require", "100rel")))
        ladder.do(session.cancel, (("Reason", "SIP;cause=487"),))
        assert (session.state, ladder.bob.take_summaries()) == ("Abandoning", [])
        ladder.answer(100)
        cancel = ladder.bob.got("CANCEL")
        assert session.state == "Cancelling"
        assert cancel.via.serialize() == ladder.invite.via.serialize()
        assert len(cancel.vias) == 1
        for name in ("From", "To", "Call-ID", "Route"):
            assert cancel.headers.lines(name) == ladder.invite.headers.lines(name)
        assert (cancel.uri, cancel.headers.get("CSeq")) == (ladder.invite.uri, "1 CANCEL")
        assert cancel.headers.get("Reason") == "SIP;cause=487"
        assert "Require" not in cancel.headers
        ladder.bob.answer(cancel, 200)
        ladder.answer(487)
        assert ladder.alice.heard == ["rejected"]
        ladder.rest()

    @pytest.mark.clause("RFC 3261", "9.1")
    @pytest.mark.parametrize("hang_up", [ClientSession.cancel, ClientSession.bye])
    def test_it_goes_out_at_once_when_it_rings(self, hang_up: Callable[[ClientSession], None]) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.answer(180)
        ladder.do(hang_up, session)
        assert ladder.bob.take_summaries() == ["CANCEL"]

    @pytest.mark.clause("RFC 3261", "9.1")
    def test_without_any_final_response_it_is_over_after_64_t1(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.answer(180)
        ladder.do(session.cancel)
        ladder.rest()
        assert ladder.alice.heard == ["progress_received", "failed"]

    @pytest.mark.parametrize("abandoned_early", [False, True])
    @pytest.mark.parametrize("sdp", [OFFER, b""])
    def test_a_200_that_crosses_it_gets_ack_and_bye(self, abandoned_early: bool, sdp: bytes) -> None:
        ladder = Ladder()
        session = ladder.call(sdp)
        if not abandoned_early:
            ladder.answer(180)
        ladder.do(session.cancel)
        ladder.bob.take()
        ladder.answer(200, ANSWER)
        assert ladder.bob.take_summaries() == ["ACK", "BYE"]
        assert ladder.alice.told[-1] == ("failed", ("answered while it was being cancelled",))
        ladder.rest()
        assert session.state == "Morgue"

    def test_a_reliable_183_that_crosses_it_is_still_acknowledged(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.cancel)
        ladder.answer(183, ANSWER, *RELIABLE)
        assert ladder.bob.take_summaries() == ["CANCEL", "PRACK"]


class TestInTheCall:
    def test_hanging_up(self) -> None:
        ladder = Ladder()
        session = ladder.established()
        ladder.do(session.bye, (("Reason", "Q.850;cause=16"),))
        bye = ladder.bob.got("BYE")
        assert (bye.cseq.number, bye.headers.get("Reason")) == (2, "Q.850;cause=16")
        ladder.bob.answer(bye, 200)
        assert session.state == "Morgue"
        ladder.rest()

    def test_the_peer_hangs_up(self) -> None:
        ladder = Ladder()
        session = ladder.established()
        ladder.bob.request("BYE", headers=(("Reason", "Q.850;cause=16"),))
        assert ladder.alice.told[-1] == ("bye_received", (("Q.850;cause=16",),))
        assert session.state == "Morgue"
        ladder.rest()

    @pytest.mark.clause("RFC 3261", "15")
    def test_a_bye_in_an_early_dialog_is_not_the_callee_s_to_send(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.answer(180)
        ladder.bob.remote_tag = ladder.invite.from_.tag or ""
        ladder.bob.request("BYE")
        assert ladder.bob.take_summaries() == ["481 BYE"]
        assert session.state == "Proceeding"

    def test_info_from_the_callee_in_an_early_dialog(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.answer(183, ANSWER)
        ladder.bob.remote_tag = ladder.invite.from_.tag or ""
        ladder.bob.request("INFO", b"\x2c", content_type="application/isup")
        name, (transaction, *_) = ladder.alice.told[-1]
        assert name == "info_received"
        ladder.do(session.respond, transaction, 200)
        assert ladder.bob.take_summaries() == ["200 INFO"]

    def test_info_to_the_callee_in_an_early_dialog_and_before_there_is_one(self) -> None:
        ladder = Ladder()
        session = ladder.call()
        ladder.do(session.info, "text/plain", b"1")
        ladder.answer(100)
        ladder.do(session.info, "text/plain", b"2")
        assert ladder.alice.told == [("request_failed", ("INFO", 481))] * 2
        ladder.answer(180)
        ladder.do(session.info, "text/plain", b"3")
        assert ladder.bob.got("INFO").body == b"3"

    @pytest.mark.parametrize(("status", "told"), [(200, []), (415, [("request_failed", ("INFO", 415))])])
    def test_a_refused_info_does_not_end_the_call(self, status: int, told: list[object]) -> None:
        ladder = Ladder()
        session = ladder.established()
        ladder.do(session.info, "application/isup", b"\x0d\x01")
        ladder.bob.answer(ladder.bob.got("INFO"), status)
        assert ladder.alice.told[1:] == told
        assert session.state == "Established"


def _responses(agent: SimulatedUserAgent) -> list[tuple[str, tuple[Response, ...]]]:
    return [(name, tuple(each for each in arguments if isinstance(each, Response))) for name, arguments in agent.told]


def _calling(ladder: Ladder) -> ClientSession:
    return ladder.call()


def _idle(ladder: Ladder) -> ClientSession:
    return ladder.alice.agent.client_session(ladder.alice)


def _proceeding(ladder: Ladder) -> ClientSession:
    session = ladder.call()
    ladder.answer(180)
    return session


def _abandoning(ladder: Ladder) -> ClientSession:
    session = ladder.call()
    ladder.do(session.cancel)
    return session


def _cancelling(ladder: Ladder) -> ClientSession:
    session = _proceeding(ladder)
    ladder.do(session.cancel)
    return session


def _moratorium(ladder: Ladder) -> ClientSession:
    session = ladder.call(b"")
    ladder.answer(200, OFFER)
    return session


def _mortal(ladder: Ladder) -> ClientSession:
    session = ladder.established()
    ladder.do(session.bye)
    return session


def _morgue(ladder: Ladder) -> ClientSession:
    session = _proceeding(ladder)
    ladder.answer(486)
    return session


STATES: dict[str, Callable[[Ladder], ClientSession]] = {
    "Idle": _idle,
    "Calling": _calling,
    "Abandoning": _abandoning,
    "Proceeding": _proceeding,
    "Cancelling": _cancelling,
    "Moratorium": _moratorium,
    "Established": Ladder.established,
    "Mortal": _mortal,
    "Morgue": _morgue,
}
INPUTS = [name for name in vars(ClientSessionInputs) if not name.startswith("_")]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", INPUTS)
def test_no_input_surprises_in_any_state(state: str, name: str) -> None:
    ladder = Ladder()
    session = STATES[state](ladder)
    assert session.state == state
    if name.endswith("_received") and name not in ("bye_received", "request_received"):
        if state == "Idle":
            session.response_received(Response(200, "OK"))
        else:
            status = {"provisional_received": 183, "failure_received": 486}.get(name, 200)
            ladder.answer(status, OFFER if name == "offering_success_received" else b"", tag="another")
    else:
        transaction = Asked(ladder.bob.compose("BYE" if name == "bye_received" else "INFO"), session.flow)
        dialog = next(iter(session._dialogs.values()), None)
        arguments: dict[str, tuple[object, ...]] = {
            "invite": (_invite(), Flow(Transport.UDP, ladder.alice.address, ("192.0.2.2", 5060))),
            "cancel": ((),),
            "acknowledge": (ANSWER,),
            "send": ("INFO", (), b"x", "text/plain"),
            "invite_failed": ("why",),
            "bye_received": (transaction,),
            "request_received": (transaction, dialog),
        }
        ladder.do(getattr(session._inputs, name), *arguments.get(name, ()))
    assert session.state in STATES
    # The wind-up: whatever happened, nothing is left at the end.
    ladder.do(session.bye)
    if (state, name) == ("Proceeding", "invite_failed"):
        ladder.answer(486)
    ladder.rest()
    assert session.state == "Morgue"


def _invite() -> Request:
    ladder = Ladder()
    ladder.call()
    ladder.invite.headers.remove("Via")
    return ladder.invite
