from __future__ import annotations

import random

import pytest

from gateway.core.effects import Outbox
from gateway.core.errors import LocalProtocolError
from gateway.sip.dialog.server_session import ServerSession
from gateway.sip.dialog.settings import Reliability, UserAgentSettings
from gateway.sip.effects import Flow, Transport
from gateway.sip.message import Response
from gateway.sip.user_agent import UserAgent
from gateway.testing.simulation import Simulation
from gateway.testing.user_agents import ScriptedPeer, SimulatedUserAgent

OFFER, ANSWER = b"v=0\r\no=offer\r\n", b"v=0\r\no=answer\r\n"
ALLOW = frozenset({"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE"})


class Ladder:
    """A user agent, and a peer that the test speaks for."""

    def __init__(self, reliability: Reliability = Reliability.WHEN_SUPPORTED) -> None:
        self.world = Simulation()
        self.bob = SimulatedUserAgent(self.world, "bob", ("192.0.2.2", 5060), reliability)
        self.alice = ScriptedPeer(self.world, ("192.0.2.1", 5060), self.bob.address)

    def refused(self) -> Response:
        """The response that has come; the user heard nothing of the request, and it left nothing behind."""
        (response,) = [each for each in self.alice.take() if isinstance(each, Response) and each.status >= 200]
        assert self.bob.told == []
        assert self.bob.agent.open_sessions == self.bob.agent.open_dialogs == 0
        assert response.to.tag
        return response


class TestMethod:
    """RFC 3261 §8.2.1."""

    @pytest.mark.clause("RFC 3261", "8.2.1")
    @pytest.mark.parametrize("method", ["REGISTER", "SUBSCRIBE", "REFER", "MESSAGE", "invite", "X"])
    def test_one_that_is_not_supported_gets_405_with_allow(self, method: str) -> None:
        ladder = Ladder()
        ladder.alice.request(method)
        response = ladder.refused()
        assert (response.status, response.allow) == (405, ALLOW)
        assert response.headers.get("Server") == "bob/1"


class TestHeaders:
    """RFC 3261 §8.2.2."""

    @pytest.mark.clause("RFC 3261", "8.2.2.1")
    @pytest.mark.parametrize(
        ("uri", "status"),
        [
            ("sip:bob@192.0.2.2", 100),
            ("sips:bob@192.0.2.2", 100),
            ("tel:+12125550100", 100),
            ("http://example.com/", 416),
            ("nobodyKnowsThisScheme:totallyopaquecontent", 416),
        ],
    )
    def test_the_scheme_of_the_request_uri(self, uri: str, status: int) -> None:
        ladder = Ladder()
        invite = ladder.alice.compose("INVITE", OFFER)
        invite.uri = uri
        ladder.alice.send(invite)
        assert ladder.alice.response(status)

    @pytest.mark.clause("RFC 3261", "8.2.2.1")
    def test_any_to_is_taken(self) -> None:
        ladder = Ladder()
        invite = ladder.alice.compose("INVITE", OFFER)
        invite.headers.set("To", "<isbn:2983792873>")
        ladder.alice.send(invite)
        assert ladder.bob.heard == ["session_offered"]

    @pytest.mark.clause("RFC 3261", "8.2.2.2")
    def test_a_merged_request_gets_482(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INVITE", OFFER)
        ladder.alice.take()
        ladder.alice.request("INVITE", OFFER, cseq=1, in_dialog=False)
        assert ladder.alice.response(482)
        ladder.alice.request("INVITE", OFFER, cseq=2, in_dialog=False)
        assert ladder.bob.heard == ["session_offered"] * 2

    @pytest.mark.clause("RFC 3261", "8.2.2.3")
    def test_an_extension_that_is_not_known_gets_420(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INVITE", OFFER, (("Require", "100rel, precondition"), ("Require", "nothingSupportsThis")))
        response = ladder.refused()
        assert (response.status, response.headers.get("Unsupported")) == (420, "nothingsupportsthis, precondition")

    @pytest.mark.clause("RFC 3262", "3")
    def test_who_is_unwilling_to_send_reliably_refuses_who_requires_it(self) -> None:
        ladder = Ladder(Reliability.NEVER)
        ladder.alice.request("INVITE", OFFER, (("Require", "100rel"),))
        response = ladder.refused()
        assert (response.status, response.headers.get("Unsupported")) == (420, "100rel")

    @pytest.mark.clause("RFC 3261", "8.1.1.8")
    def test_an_invite_without_a_contact_gets_400(self) -> None:
        ladder = Ladder()
        invite = ladder.alice.compose("INVITE", OFFER)
        invite.headers.remove("Contact")
        ladder.alice.send(invite)
        response = ladder.refused()
        assert (response.status, response.reason) == (400, "Bad Request: INVITE without Contact")

    def test_a_header_that_cannot_be_read_gets_400_with_its_name(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INVITE", OFFER, (("Require", "a b"),))
        response = ladder.refused()
        assert response.status == 400
        assert response.reason.startswith("Bad Request: Require:")

    def test_a_caller_of_rfc_2543_without_a_tag_is_served(self) -> None:
        ladder = Ladder()
        invite = ladder.alice.compose("INVITE", OFFER)
        invite.headers.set("From", "<sip:old@192.0.2.1>")
        ladder.alice.send(invite)
        ladder.bob.do(ladder.bob.session.answer, ANSWER)
        ladder.world.run(0.0025)
        ack = ladder.alice.compose("ACK")
        ack.headers.set("From", "<sip:old@192.0.2.1>")
        ladder.alice.send(ack)
        assert ladder.bob.heard == ["session_offered", "acknowledged"]


class TestContent:
    """RFC 3261 §8.2.3."""

    @pytest.mark.clause("RFC 3261", "8.2.3")
    def test_a_type_that_is_not_understood_gets_415_with_accept(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INVITE", b"x", content_type="text/plain")
        response = ladder.refused()
        assert (response.status, response.accept) == (415, ("application/sdp", "multipart/mixed"))

    @pytest.mark.clause("RFC 3261", "8.2.3")
    def test_an_encoding_that_is_not_understood_gets_415_with_accept_encoding(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INVITE", b"x", (("Content-Encoding", "gzip"),))
        response = ladder.refused()
        assert (response.status, response.headers.get("Accept-Encoding")) == (415, "identity")

    @pytest.mark.clause("RFC 5621", "8.4")
    def test_what_is_optional_is_passed_over(self) -> None:
        ladder = Ladder()
        optional = (("Content-Disposition", "render;handling=optional"),)
        ladder.alice.request("INVITE", b"x", optional, content_type="text/plain")
        assert ladder.bob.session.offer == b""

    def test_the_offer_in_a_multipart_body_is_found(self) -> None:
        ladder = Ladder()
        body = (
            b"--b\r\nContent-Type: application/sdp\r\n\r\n" + OFFER + b"\r\n--b\r\nContent-Type: application/isup\r\n"
            b"Content-Disposition: signal;handling=optional\r\n\r\n\x01\r\n--b--"
        )
        ladder.alice.request("INVITE", body, content_type="multipart/mixed;boundary=b")
        assert ladder.bob.session.offer == OFFER

    def test_a_multipart_body_that_cannot_be_read_gets_400(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INVITE", b"x", content_type="multipart/mixed")
        response = ladder.refused()
        assert response.reason == "Bad Request: multipart body without a boundary parameter at octet 0 [RFC 5621 §3.1]"


class TestOutOfDialog:
    @pytest.mark.clause("RFC 3261", "11.2")
    def test_options(self) -> None:
        ladder = Ladder()
        ladder.alice.request("OPTIONS")
        response = ladder.refused()
        assert (response.status, response.allow, response.supported) == (200, ALLOW, frozenset({"100rel"}))
        assert response.accept == ("application/sdp", "multipart/mixed")
        assert response.headers.get("Accept-Encoding") == "identity"

    @pytest.mark.clause("RFC 3261", "15.1.2")
    @pytest.mark.parametrize("method", ["BYE", "INFO", "PRACK", "UPDATE"])
    def test_what_belongs_into_a_dialog_gets_481(self, method: str) -> None:
        ladder = Ladder()
        ladder.alice.request(method)
        assert ladder.refused().status == 481

    @pytest.mark.clause("RFC 3261", "12.2.2")
    @pytest.mark.parametrize("method", ["INVITE", "BYE", "INFO", "PRACK", "UPDATE", "OPTIONS"])
    def test_a_dialog_that_does_not_exist_gets_481(self, method: str) -> None:
        ladder = Ladder()
        ladder.alice.remote_tag = "gone"
        ladder.alice.request(method)
        assert ladder.refused().status == 481

    @pytest.mark.clause("RFC 3261", "9.2")
    def test_a_cancel_without_its_invite_gets_481(self) -> None:
        ladder = Ladder()
        ladder.alice.cancel(ladder.alice.compose("INVITE"))
        assert ladder.refused().status == 481

    def test_an_ack_to_nothing_is_passed_over(self) -> None:
        ladder = Ladder()
        ladder.alice.request("ACK", cseq=1)
        assert ladder.alice.take() == []

    def test_a_stray_response_is_passed_over(self) -> None:
        ladder = Ladder()
        invite = ladder.alice.compose("INVITE")
        invite.headers.set("Via", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKlate")
        ladder.alice.answer(invite, 200, ANSWER)
        assert ladder.alice.take() == []
        assert ladder.bob.at_rest

    @pytest.mark.clause("RFC 3261", "21.5.4")
    def test_when_closed_new_calls_get_503_and_the_others_go_on(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INVITE", OFFER)
        ladder.bob.do(ladder.bob.session.answer, ANSWER)
        ladder.world.run(0.0025)
        ladder.alice.request("ACK")
        ladder.bob.agent.close()
        carol = ScriptedPeer(ladder.world, ("192.0.2.3", 5060), ladder.bob.address)
        carol.request("INVITE", OFFER)
        assert carol.response(503).headers.get("Retry-After")
        assert ladder.bob.session.state == "Established"

    @pytest.mark.clause("RFC 3261", "21.5.4")
    def test_beyond_the_limit_new_calls_get_503(self) -> None:
        ladder = Ladder()
        settings = UserAgentSettings(random_int=lambda least, most: least, session_limit=1)
        offered: list[ServerSession] = []

        class User:
            def session_offered(self, session: ServerSession) -> None:
                offered.append(session)

        agent = UserAgent(settings, User(), lambda: "id", ladder.world.outbox())
        ladder.bob.layer._user = agent
        ladder.alice.request("INVITE", OFFER)
        ladder.alice.call_id = "another"
        ladder.alice.request("INVITE", OFFER)
        assert ladder.alice.response(503).headers.get("Retry-After") == "1"
        assert len(offered) == agent.open_sessions == 1


class TestCore:
    def test_without_a_layer_nothing_can_be_sent(self) -> None:
        settings = UserAgentSettings(random_int=lambda least, most: least)
        agent = UserAgent(settings, Ladder().bob, lambda: "id", Outbox())
        with pytest.raises(LocalProtocolError, match="no transaction layer"):
            _ = agent.layer
        with pytest.raises(LocalProtocolError, match="no timer 'x'"):
            agent.timer_fired("x")

    def test_no_ack_to_a_failure_changes_nothing(self) -> None:
        ladder = Ladder()
        ladder.alice.request("INVITE", OFFER)
        ladder.bob.do(ladder.bob.session.reject, 486)
        ladder.world.run_to_rest()
        assert ladder.bob.at_rest

    def test_over_tcp_responses_and_requests_take_the_connection(self) -> None:
        world = Simulation()
        bob = SimulatedUserAgent(world, "bob", ("192.0.2.2", 5060))
        alice = ScriptedPeer(world, ("192.0.2.1", 49152), bob.address, Transport.TCP)
        alice.request("INVITE", OFFER)
        bob.do(bob.session.answer, ANSWER)
        world.run(0.0025)
        assert alice.response(200).headers.get("Contact") == "<sip:bob@192.0.2.2:5060;transport=tcp>"
        alice.request("ACK")
        bob.do(bob.session.bye)
        world.run(0.0025)
        alice.answer(alice.got("BYE"), 200)
        flows = {sent.flow for sent in world.network.sent if sent.flow.local == bob.address}
        assert flows == {Flow(Transport.TCP, bob.address, ("192.0.2.1", 49152))}
        world.run_to_rest()
        assert bob.at_rest


MUTATIONS = 400


def test_mutated_requests_get_an_answer_or_silence_and_never_an_exception() -> None:
    chance = random.Random(20)
    ladder = Ladder()
    ladder.alice.request("INVITE", OFFER, (("Supported", "100rel"), ("Expires", "300")))
    ladder.bob.do(ladder.bob.session.progress, 183, sdp=ANSWER)
    ladder.world.run(0.0025)
    rseq = ladder.alice.response(183).rseq
    headers = {
        "PRACK": (("RAck", f"{rseq} 1 INVITE"),),
        "INVITE": (("Expires", "30"), ("Require", "100rel"), ("Record-Route", "<sip:p1;lr>")),
        "BYE": (("Reason", 'Q.850;cause=16;text="x"'),),
    }
    for number in range(MUTATIONS):
        method = chance.choice(("INVITE", "INFO", "UPDATE", "PRACK", "BYE", "CANCEL", "ACK", "OPTIONS"))
        request = ladder.alice.compose(
            method,
            OFFER if method in ("INVITE", "UPDATE") else b"x",
            headers.get(method, ()),
            cseq=number + 10,
            in_dialog=chance.random() < 0.5,
        )
        octets = bytearray(request.serialize())
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(octets))
            match chance.randrange(3):
                case 0:
                    octets[place] = chance.randrange(256)
                case 1:
                    del octets[place : place + chance.randint(1, 20)]
                case _:
                    octets[place:place] = octets[max(0, place - chance.randint(1, 40)) : place]
        ladder.alice.send(bytes(octets))
    for session in ladder.bob.sessions:
        ladder.bob.do(session.bye)
    ladder.world.run_to_rest()
    assert ladder.bob.at_rest
    assert ladder.world.clock.running == []

    ladder.alice.take()
    good = ScriptedPeer(ladder.world, ("192.0.2.9", 5060), ladder.bob.address)
    good.request("INVITE", OFFER)
    ladder.bob.do(ladder.bob.session.answer, ANSWER)
    ladder.world.run(0.0025)
    assert good.response(200).body == ANSWER
