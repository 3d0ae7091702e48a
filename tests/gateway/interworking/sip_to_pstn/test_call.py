"""The state machine of a call: its table against the figure of RFC 3398 §7.2, and every input in every state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.clause import Clause, Decision
from gateway.core.effects import Effect, Outbox, Record, Tell
from gateway.core.machine import state_name, transitions
from gateway.interworking.causes import load_profile
from gateway.interworking.effects import CircuitTaken, PlayDigit, ReleaseMedia, ReserveMedia
from gateway.interworking.release import Refusal
from gateway.interworking.setup import SetupSettings
from gateway.interworking.sip_to_pstn import call as machine
from gateway.interworking.sip_to_pstn.call import Call
from gateway.interworking.sip_to_pstn.core import CallInputs, CallSettings
from gateway.sdp.offer_answer import LocalMedia, offer
from gateway.sip.effects import Flow, Transport
from gateway.sip.headers import Headers
from gateway.sip.message import Request
from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    CalledPartyStatus,
    EventInformation,
    GenericNotificationIndicator,
    Notification,
    OptionalBackwardCallIndicators,
    SuspendResumeIndicators,
)
from gateway.ss7.isup.cause import CauseIndicators, Location
from gateway.ss7.isup.messages import Message, MessageType

STATES = ("Reserving", "Seizing", "Trying", "NotAlerting", "Alerting", "WaitingForAck", "Connected", "Over")
UNANSWERED, ANSWERED = STATES[:5], STATES[5:7]
SDP = offer(LocalMedia("192.0.2.9", 40000, session_id=7))
HOLD, RETRIEVAL = (
    Message.of(MessageType.CPG, 1, EventInformation(), GenericNotificationIndicator(notification))
    for notification in (Notification.REMOTE_HOLD, Notification.REMOTE_RETRIEVAL)
)
FREE = BackwardCallIndicators(called_party_status=CalledPartyStatus.SUBSCRIBER_FREE)


def request(method: str, body: bytes = b"", content_type: str = "application/sdp") -> Request:
    """As little of a request as the call looks at."""
    headers = Headers(
        [("From", "<sip:+12125550199@192.0.2.9>;tag=a"), ("To", "<sip:+12125550103@192.0.2.1>"), ("Call-ID", "id")]
    )
    if body:
        headers.add("Content-Type", content_type)
    return Request(method=method, uri="sip:+12125550103@192.0.2.1", headers=headers, body=body)


class Transaction:
    """A request that waits for its answer."""

    def __init__(self, request: Request) -> None:
        self.request = request


class Session:
    """The SIP side: notes what it is asked for."""

    sends_reliably = False
    flow = Flow(Transport.UDP, ("192.0.2.1", 5060), ("192.0.2.2", 5060))

    def __init__(self, sdp: bytes) -> None:
        self.invite = request("INVITE", sdp)
        self.offer = sdp
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **keywords: self.asked.append(
            " ".join([name, *(str(each) for each in arguments if isinstance(each, int))])
        )


class Circuit:
    """The PSTN side: notes what it is asked for."""

    cic = 1

    def __init__(self) -> None:
        self.asked: list[str] = []

    def setup(self, *parameters: object) -> None:
        """As OutgoingCall."""
        self.asked.append("setup")

    def progress(self, *parameters: object) -> None:
        """As OutgoingCall."""
        self.asked.append("CPG")

    def release(self, cause: int, location: int = Location.USER) -> None:
        """As OutgoingCall."""
        self.asked.append(f"release {cause} {Location(location).name}")


class Node:
    """Asked for circuits."""

    def __init__(self) -> None:
        self.seized = 0

    def seize(self, user: object) -> None:
        """As Node."""
        self.seized += 1


class Bench:
    """A call between stubs, in any state."""

    def __init__(self, state: str = "Reserving", sdp: bytes = SDP) -> None:
        self.outbox = Outbox()
        self.session, self.node, self.circuit = Session(sdp), Node(), Circuit()
        self.ended = 0
        settings = CallSettings(SetupSettings("1"), load_profile())
        session: Any = self.session
        node: Any = self.node
        self.call = Call("call-1", session, node, settings, 1, self._ended, self.outbox)
        self.done: list[Effect] = []
        self.reach(state)

    def _ended(self, call: Call) -> None:
        self.ended += 1

    @property
    def state(self) -> str:
        return state_name(self.call._inputs)

    def give(self, name: str, *arguments: object) -> list[str]:
        """Give an input; what the session and the circuit were asked for because of it is returned."""
        self.session.asked.clear()
        self.circuit.asked.clear()
        getattr(self.call._inputs, name)(*arguments)
        self.pump()
        return self.session.asked + self.circuit.asked

    def pump(self) -> None:
        """Drain the outbox, as the pump does."""
        while effects := self.outbox.drain():
            for effect in effects:
                self.done.append(effect)
                if isinstance(effect, Tell):
                    effect.give()

    def reach(self, state: str) -> None:
        """Go there by the shortest way."""
        ways: dict[str, list[tuple[str, tuple[object, ...]]]] = {
            "Reserving": [],
            "Seizing": [("start", ()), ("media_reserved", ("192.0.2.1", 16384))],
            "Trying": [("circuit_seized", (self.circuit,))],
            "NotAlerting": [("address_complete", (Message.of(MessageType.ACM, 1, BackwardCallIndicators()),))],
            "Alerting": [("alerting", ())],
            "WaitingForAck": [("pstn_answered", (Message.of(MessageType.ANM, 1),))],
            "Connected": [("acknowledged", ())],
        }
        for each in STATES[:7]:
            if state == "Over" and each == "Seizing":
                self.give("clear", 41, "")
                break
            for name, arguments in ways[each]:
                self.give(name, *arguments)
            if each == state:
                break
        assert self.state == state
        self.session.asked.clear()
        self.circuit.asked.clear()


def arguments_of(name: str, bench: Bench) -> list[tuple[object, ...]]:
    """What an input may bring, the odd ones too."""
    refusal = Refusal(486, (), Decision("test", "", Clause("RFC 3261")))
    nothing = BackwardCallIndicators()
    relay = "application/dtmf-relay"
    possible: dict[str, list[tuple[object, ...]]] = {
        "media_reserved": [("192.0.2.1", 16384)],
        "media_refused": [("none left",)],
        "circuit_seized": [(bench.circuit,)],
        "address_complete": [
            (Message.of(MessageType.ACM, 1, nothing),),
            (Message.of(MessageType.ACM, 1, FREE, OptionalBackwardCallIndicators(in_band_information=True)),),
            (Message.of(MessageType.ACM, 1, nothing, CauseIndicators(1, Location.TRANSIT_NETWORK)),),
            (Message.of(MessageType.ACM, 1),),
        ],
        "call_progress": [
            *((Message.of(MessageType.CPG, 1, EventInformation(event)),) for event in range(8)),
            (Message.of(MessageType.CPG, 1, EventInformation(1), FREE),),
            (HOLD,),
            (RETRIEVAL,),
        ],
        "pstn_answered": [(Message.of(MessageType.ANM, 1),), (Message.of(MessageType.CON, 1, FREE),)],
        "released": [
            *((Message.of(MessageType.REL, 1, CauseIndicators(value, 0)),) for value in (0, 1, 16, 17, 44, 127)),
            (Message.of(MessageType.REL, 1),),
        ],
        "call_failed": [(31, "reset"), (0, "")],
        "suspension": [(Message.of(MessageType.SUS, 1, SuspendResumeIndicators(network_initiated=True)),)],
        "answer_received": [(SDP,), (b"",), (b"nonsense",)],
        "hung_up": [(("Q.850;cause=31", "what?"), "CANCEL"), ((), "BYE")],
        "offer_refused": [(488,), (491,)],
        "sip_side_failed": [(refusal, 102)],
        "dialog_lost": [("INFO", 481), ("UPDATE", 408)],
        "info_received": [
            (Transaction(request("INFO", body, kind)),)
            for body, kind in ((b"Signal=5", relay), (b"?", relay), (b"\x0d", "application/isup"), (b"x", "a/b"))
        ],
        "offer_received": [
            (Transaction(request(method, body)),)
            for method in ("INVITE", "UPDATE", "PRACK")
            for body in (SDP, b"", b"nonsense", SDP.replace(b"RTP/AVP 0 8", b"RTP/AVP 18"))
        ],
        "clear": [(41, "because")],
        "give_up": [(refusal, 17)],
    }  # fmt: skip
    return possible.get(name, [()])


INPUTS = [name for name in vars(CallInputs) if not name.startswith("_")]


class TestTable:
    def test_every_input_is_written_down_for_every_state(self) -> None:
        table = transitions(machine._machine)
        assert set(table) == {(state, name) for state in STATES for name in INPUTS}

    @pytest.mark.clause("RFC 3398", "7.2")
    def test_it_is_the_figure(self) -> None:
        moves = {
            (state, name): after
            for (state, name), (after, _) in transitions(machine._machine).items()
            if after != state
        }
        answered = {(state, "pstn_answered"): "WaitingForAck" for state in ("Trying", "NotAlerting", "Alerting")}
        assert moves == {
            ("Reserving", "media_reserved"): "Seizing",
            ("Seizing", "circuit_seized"): "Trying",
            ("Trying", "try_another_circuit"): "Seizing",
            ("Trying", "address_complete"): "NotAlerting",
            ("NotAlerting", "alerting"): "Alerting",
            **answered,
            ("WaitingForAck", "acknowledged"): "Connected",
            **{(state, "give_up"): "Over" for state in STATES[:7]},
        }

    def test_over_only_gives_back_what_comes_too_late_and_answers(self) -> None:
        table = transitions(machine._machine)
        does = {name for (state, name), (_, acts) in table.items() if state == "Over" and acts}
        assert does == {"media_reserved", "circuit_seized", "info_received", "offer_received"}


class TestSweep:
    @pytest.mark.parametrize("name", INPUTS)
    @pytest.mark.parametrize("state", STATES)
    def test_no_input_surprises(self, state: str, name: str) -> None:
        for number in range(len(arguments_of(name, Bench()))):
            bench = Bench(state)
            before = bench.ended
            asked = bench.give(name, *arguments_of(name, bench)[number])
            assert bench.state in STATES
            assert bench.ended == (1 if bench.state == "Over" else 0)
            if bench.ended and not before:
                self.nothing_is_left(bench, state, asked)

    def nothing_is_left(self, bench: Bench, state: str, asked: list[str]) -> None:
        """The call has just ended: SIP was told at most once, and what was had is given back."""
        final = [each for each in asked if each.startswith(("reject", "bye"))]
        assert len(final) <= 1
        if final:
            assert final[0].startswith("reject" if state in UNANSWERED else "bye")
        assert bench.call._core.circuit is None
        assert bench.call.ringback_owner == "nobody"
        released = [place for place, effect in enumerate(bench.done) if isinstance(effect, ReleaseMedia)]
        assert released
        rel = [each for each in asked if each.startswith("release")]
        assert len(rel) <= 1

    @pytest.mark.clause("RFC 3398", "7.2.3")
    @pytest.mark.parametrize("state", STATES[2:7])
    def test_media_goes_before_the_circuit(self, state: str) -> None:
        bench = Bench(state)
        bench.done.clear()
        bench.give("hung_up", (), "BYE")
        names = [
            getattr(effect.method, "__name__", "") if isinstance(effect, Tell) else type(effect).__name__
            for effect in bench.done
        ]
        assert names.index("ReleaseMedia") < names.index("release")

    @pytest.mark.parametrize("state", STATES[2:7])
    @pytest.mark.parametrize("name", INPUTS)
    def test_what_is_recorded_names_the_messages_that_are_sent(self, state: str, name: str) -> None:
        for number in range(len(arguments_of(name, Bench()))):
            bench = Bench(state)
            bench.done.clear()
            asked = bench.give(name, *arguments_of(name, bench)[number])
            outcomes = " ".join(effect.decision.outcome for effect in bench.done if isinstance(effect, Record))
            for each in asked:
                verb, *numbers = each.split()
                if verb == "release":
                    assert f"REL {numbers[0]}" in outcomes
                elif verb in ("reject", "progress"):
                    assert numbers[0] in outcomes
                elif verb in ("bye", "reinvite", "CPG"):
                    assert {"reinvite": "INVITE"}.get(verb, verb.upper()) in outcomes
            if not any(each.startswith("release") for each in asked):
                assert "REL " not in outcomes


class TestLocations:
    @pytest.mark.parametrize("state", STATES[2:7])
    def test_what_the_caller_does_is_the_users(self, state: str) -> None:
        assert "release 16 USER" in Bench(state).give("hung_up", (), "BYE")

    @pytest.mark.parametrize("state", STATES[2:7])
    def test_what_the_gateway_does_is_the_networks(self, state: str) -> None:
        why = Decision("SIP", "no PRACK", Clause("RFC 3262", "3"))
        network = "PUBLIC_NETWORK_SERVING_LOCAL_USER"
        assert f"release 41 {network}" in Bench(state).give("clear", 41, "")
        assert f"release 102 {network}" in Bench(state).give("sip_side_failed", Refusal(504, (), why), 102)


class TestTooLate:
    def test_a_circuit_is_released(self) -> None:
        assert Bench("Over").give("circuit_seized", Circuit()) == []
        bench = Bench("Over")
        assert bench.give("circuit_seized", bench.circuit) == ["release 16 USER"]

    def test_a_port_is_given_back(self) -> None:
        bench = Bench("Over")
        bench.done.clear()
        bench.give("media_reserved", "192.0.2.1", 16384)
        assert bench.done == [ReleaseMedia()]

    def test_requests_find_no_call(self) -> None:
        assert Bench("Over").give("info_received", Transaction(request("INFO"))) == ["respond 481"]


class TestBeforeTheIam:
    @pytest.mark.clause("RFC 3398", "7.2.1")
    def test_port_and_circuit_are_had_first(self) -> None:
        bench = Bench()
        bench.give("start")
        assert isinstance(bench.done[-1], ReserveMedia)
        assert bench.give("media_reserved", "192.0.2.1", 16384) == []
        assert bench.node.seized == 1
        assert bench.give("circuit_seized", bench.circuit) == ["setup"]

    def test_a_call_that_moves_says_so(self) -> None:
        bench = Bench("Trying")
        moved: Any = bench.circuit
        bench.circuit.cic = 9
        bench.call.circuit_changed(moved)
        bench.pump()
        assert bench.done[-1] == CircuitTaken("call-1", 9)
        bench.give("pstn_answered", Message.of(MessageType.CON, 9, FREE))
        bench.give("info_received", Transaction(request("INFO", b"1", "application/dtmf")))
        assert PlayDigit(9, "1", 160) in bench.done
