from __future__ import annotations

import pytest

from gateway.sip.message import Request
from gateway.testing.simulation import Simulation
from gateway.testing.user_agents import ScriptedPeer, SimulatedUserAgent

OFFER, ANSWER = b"v=0\r\no=offer\r\n", b"v=0\r\no=answer\r\n"


def test_two_user_agents_have_a_call() -> None:
    world = Simulation()
    alice = SimulatedUserAgent(world, "alice", ("192.0.2.1", 5060))
    bob = SimulatedUserAgent(world, "bob", ("192.0.2.2", 5060))
    bob.on["session_offered"] = lambda session: bob.do(session.answer, ANSWER)
    call = alice.call(bob, OFFER, (("Subject", "tea"),))
    world.run(0.1)
    assert (alice.heard, bob.heard) == (["answered"], ["session_offered", "acknowledged"])
    assert bob.session.invite.headers.get("Subject") == "tea"
    assert not alice.at_rest
    alice.do(call.bye)
    world.run_to_rest()
    assert alice.at_rest
    assert bob.at_rest


def test_a_scripted_peer_keeps_count_of_what_is_tedious() -> None:
    world = Simulation()
    bob = SimulatedUserAgent(world, "bob", ("192.0.2.2", 5060))
    peer = ScriptedPeer(world, ("192.0.2.1", 5060), bob.address)
    invite = peer.request("INVITE", OFFER)
    assert peer.take_summaries() == ["100 INVITE"]
    bob.do(bob.session.answer, ANSWER)
    world.run(0.0025)
    ack = peer.request("ACK")
    assert (ack.cseq.number, ack.to.tag) == (invite.cseq.number, bob.session.local_tag)
    bye = peer.request("BYE")
    assert bye.cseq.number == 2
    assert peer.response(200).cseq.method == "BYE"
    with pytest.raises(AssertionError, match="no 404 among"):
        peer.response(404)
    with pytest.raises(AssertionError, match="no BYE among"):
        peer.got("BYE")


def test_a_scripted_peer_answers() -> None:
    world = Simulation()
    alice = SimulatedUserAgent(world, "alice", ("192.0.2.1", 5060))
    peer = ScriptedPeer(world, ("192.0.2.2", 5060), alice.address)
    alice.call("sip:peer@192.0.2.2:5060", OFFER)
    world.run(0.0025)
    invite = peer.got("INVITE")
    assert isinstance(invite, Request)
    peer.answer(invite, 200, ANSWER)
    assert peer.got("ACK")
    assert alice.heard == ["answered"]
