"""The whole lab on simulated time: what it holds after thousands of calls, and how it ends."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.service.compose import LAST_MESSAGES_S, MOST_UNNAMED
from gateway.sip.effects import Flow, Transport
from gateway.sip.fields.memory import forget_values
from gateway.sip.message import parse_message
from gateway.sip.transaction.base import Direction
from gateway.trace.journal import NO_CALL, IsupMessage, SipMessage
from gateway.trace.pcapng import read_pcapng
from gateway.trace.summary import sip_summary

if TYPE_CHECKING:
    from tests.gateway.service.conftest import World

GROWTH_OCTETS = 40
"""What a call may leave behind: rounding of the measurement."""


def isup_sent(world: World, call: str) -> list[str]:
    """What the gateway has said to the PSTN about a call."""
    events = world.lab.journal.events(call)
    return [event.name for event in events if isinstance(event, IsupMessage) and event.sent]


class TestWhatStaysBehind:
    def test_calls_are_known_while_messages_may_come_and_no_longer(self, world: World) -> None:
        journal = world.lab.journal
        call_ids = []
        objects = {}
        for number in range(5000):
            call_ids.append(world.dial_in_vain())
            world.reactor.advance(1.0)
            if number in (2999, 4999):
                gc.collect()
                objects[number] = len(gc.get_objects())
        known = [each for each in call_ids if journal.call_of(each) != NO_CALL]
        assert known == call_ids[-len(known) :]
        assert LAST_MESSAGES_S <= len(known) <= LAST_MESSAGES_S + 2
        assert len(journal.calls) == 20
        assert objects[4999] - objects[2999] < 20

    def test_memory_does_not_grow(self, world: World) -> None:
        def place(calls: int) -> None:
            for _ in range(calls):
                world.dial_in_vain()
                world.reactor.advance(1.0)

        def octets() -> int:
            forget_values()
            gc.collect()
            # The interpreter's table of strings may be made anew, of 4 MB after all other tests, and is nobody's call.
            return sum(each.size for each in tracemalloc.take_snapshot().traces if each.size < 1 << 20)

        place(100)
        tracemalloc.start()
        try:
            place(400)  # until the timers that were stopped before have gone
            before = octets()
            place(1500)
            after = octets()
        finally:
            tracemalloc.stop()
        assert (after - before) / 1500 < GROWTH_OCTETS

    def test_nothing_runs_after_the_last_call(self, world: World) -> None:
        world.dial_in_vain()
        world.pass_time(60)
        lab = world.lab
        assert not lab.gateway.calls
        assert not lab.user_agent.open_sessions
        assert not lab.layer.open_transactions
        assert not lab.runner.running_timers
        assert not lab.media.ports_in_use
        assert not lab.media.circuits_in_use
        assert len(lab.node.idle_circuits) == len(lab.exchange_node.idle_circuits) == 30
        assert not world.reactor.getDelayedCalls()


class TestInvitesThatBecomeNoCall:
    def test_one_that_is_refused_stands_in_the_journal_outside_any_call(self, world: World) -> None:
        world.send(
            b"INVITE sip:1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bK-x\r\n"
            b"From: <sip:a@b>;tag=1\r\nTo: <sip:1@127.0.0.1>\r\nCall-ID: refused\r\nCSeq: 1 INVITE\r\n"
            b"Max-Forwards: 70\r\nRequire: magic\r\nContact: <sip:a@127.0.0.1:5999>\r\nContent-Length: 0\r\n\r\n"
        )
        assert world.statuses()[-1] == 420
        said = [sip_summary(each.octets) for each in world.lab.journal.events(NO_CALL) if isinstance(each, SipMessage)]
        assert [each.split()[0] for each in said] == ["INVITE", "420"]
        assert not world.lab._unnamed

    def test_those_that_nobody_answers_are_bounded(self, world: World) -> None:
        """None is known, so they come in by the trace's own door."""
        flow = Flow(Transport.UDP, ("127.0.0.1", 5060), ("127.0.0.1", 5999))
        for number in range(3 * MOST_UNNAMED):
            octets = (
                f"INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{number}\r\nFrom: <sip:a@b>;tag=1\r\n"
                f"To: <sip:1@h>\r\nCall-ID: {number}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
            ).encode()
            world.lab._sip_message(Direction.RECEIVED, parse_message(octets), flow, octets)
        assert len(world.lab._unnamed) == MOST_UNNAMED


class TestTheEnd:
    def test_calls_are_cleared_on_both_sides_before_it_closes(self, world: World) -> None:
        ringing, talking = world.dial("+12125550101"), world.dial("+12125550109")
        ok = next(each for each in world.received if getattr(each, "status", 0) == 200)
        world.request("ACK", talking, "+12125550109", tag=ok.to.tag or "")
        stopped = self.stop(world)
        (bye,) = world.of("BYE")
        assert bye.call_id == f"{talking}@test"
        assert world.statuses()[-1] == 503
        assert [isup_sent(world, call)[-1] for call in ("call-1", "call-2")] == ["REL", "REL"]
        world.request("ACK", ringing, "+12125550101", branch=f"{ringing}-1-INVITE")
        world.answer(bye)
        world.pass_time(0.5, 0.05)
        assert stopped
        assert not any(port.open for port in world.reactor.ports)
        assert not world.lab.runner.running_timers

    def test_new_calls_are_refused_meanwhile(self, world: World) -> None:
        world.dial("+12125550109")
        stopped = self.stop(world)
        world.received.clear()
        world.dial("+12125550100")
        assert world.statuses()[-1] == 503
        assert not stopped

    def test_a_peer_that_answers_nothing_does_not_hold_it_up(self, world: World) -> None:
        world.dial("+12125550109")
        stopped = self.stop(world)
        world.pass_time(1.9, 0.05)
        assert not stopped
        world.pass_time(0.4, 0.05)
        assert stopped

    def test_the_capture_is_whole_and_closed(self, captured: World, tmp_path: Path) -> None:
        captured.dial_in_vain()
        self.stop(captured)
        captured.pass_time(0.5, 0.05)
        file = captured.lab._capture_file
        assert file is not None
        assert file.closed
        assert len(read_pcapng((tmp_path / "capture.pcapng").read_bytes())) == 6

    def stop(self, world: World) -> list[object]:
        """Begin to stop it; something is in the list when all is closed."""
        stopped: list[object] = []
        world.lab.stop().addCallback(stopped.append)
        world.take()
        return stopped
