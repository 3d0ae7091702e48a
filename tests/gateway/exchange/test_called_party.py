"""One call in the far exchange: its table, and the steps it plays."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.effects import Effect, Outbox, Record, StartTimer, StopTimer, Tell
from gateway.core.machine import state_name, transitions
from gateway.exchange import called_party
from gateway.exchange.behaviours import Echo, Play, Send, Stay, Step, Wait, WaitForSound
from gateway.exchange.called_party import CalledParty, CalledPartyInputs
from gateway.exchange.effects import EchoCircuit, LeaveCircuit, ListenToCircuit, PlaySound
from gateway.exchange.numbering import Destination
from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    CalledPartyStatus,
    EventInformation,
    OptionalBackwardCallIndicators,
)
from gateway.ss7.isup.messages import Message, MessageType

STATES = ("Running", "WaitForRlc", "Over")
INPUTS = [name for name in vars(CalledPartyInputs) if not name.startswith("_")]
HELLO = Play(("say hello",), 1)


class IncomingCall:
    """The ISUP side: notes what it is asked for."""

    cic = 7

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.asked.append((name, arguments))


class Bench:
    """A call that plays these steps."""

    def __init__(self, *steps: Step) -> None:
        self.outbox = Outbox()
        isup: Any = IncomingCall()
        self.isup: IncomingCall = isup
        destination = Destination("33199000006", "fr", "a test", steps)
        self.party = CalledParty(isup, destination, "circuit 7", self.outbox)

    @property
    def state(self) -> str:
        return state_name(self.party._inputs)

    def give(self, name: str, *arguments: object) -> list[object]:
        """Give an input; what was asked for: names of ISUP requests, and effects."""
        getattr(self.party, name)(*arguments)
        found: list[object] = []
        for effect in self.outbox.drain():
            if isinstance(effect, Tell):
                effect.give()
                found.append(self.isup.asked[-1][0])
            else:
                found.append(effect)
        return found


def of(kind: type[Effect], found: list[object]) -> list[Any]:
    """Those of a kind."""
    return [each for each in found if isinstance(each, kind)]


class TestTable:
    def test_it_is_the_figure(self) -> None:
        table = transitions(called_party._build)
        assert set(table) == {(state, name) for state in STATES for name in INPUTS}
        assert {key: after for key, (after, _) in table.items() if key[0] != after} == {
            ("Running", "gone"): "Over",
            ("Running", "circuit_released"): "Over",
            ("Running", "release"): "WaitForRlc",
            ("WaitForRlc", "gone"): "Over",
            ("WaitForRlc", "circuit_released"): "Over",
        }

    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("name", INPUTS)
    def test_no_input_surprises(self, state: str, name: str) -> None:
        bench = Bench(Send("ACM"), Play(("tone busy",)), Wait(3.0), Stay())
        bench.give("start")
        if state != "Running":
            bench.give("release", 16, 0)
        if state == "Over":
            bench.give("circuit_released")
        assert bench.state == state
        getattr(bench.party._inputs, name)(*((17, 0) if name == "release" else ()))
        after = bench.outbox.drain()
        if bench.state != state and state == "Running":
            assert StopTimer("step") in after
            assert LeaveCircuit(7) in after
        if state == "Over":
            assert after == []


class TestSteps:
    def test_one_follows_the_other_until_one_waits(self) -> None:
        bench = Bench(Send("ACM"), Wait(3.0), Send("ANM"), Stay())
        assert bench.give("start") == ["address_complete", StartTimer("step", 3.0)]
        assert bench.give("timer_fired", "step") == ["answer", ListenToCircuit(7)]
        assert bench.state == "Running"
        assert bench.give("timer_fired", "step") == []

    def test_rel_ends_it(self) -> None:
        bench = Bench(Send("REL", cause=17, location="user"))
        assert bench.give("start") == [StopTimer("step"), LeaveCircuit(7), "release"]
        assert bench.isup.asked == [("release", (17, 0))]
        assert bench.state == "WaitForRlc"

    def test_each_message_carries_what_the_step_says(self) -> None:
        bench = Bench(
            Send("ACM", called_party="subscriber free", in_band=True, diversion=True, interworking=True),
            Send("CPG", event="forwarded unconditional"),
            Send("ANM"),
            Send("SUS"),
            Send("RES"),
        )
        bench.give("start")
        (_, acm), (_, cpg), (answer, _), (sus, _), (res, _) = bench.isup.asked
        indicators = next(each for each in acm if isinstance(each, BackwardCallIndicators))
        optional = next(each for each in acm if isinstance(each, OptionalBackwardCallIndicators))
        assert indicators.called_party_status == CalledPartyStatus.SUBSCRIBER_FREE
        assert (indicators.interworking_encountered, indicators.isup_all_the_way) == (True, False)
        assert (optional.in_band_information, optional.call_diversion_may_occur) == (True, True)
        assert cpg == (EventInformation(6),)
        assert (answer, sus, res) == ("answer", "suspend", "resume")

    def test_an_acm_with_nothing_to_add_has_no_optional_indicators(self) -> None:
        bench = Bench(Send("ACM"), Stay())
        bench.give("start")
        assert [type(each) for each in bench.isup.asked[0][1]] == [BackwardCallIndicators]

    def test_a_sound_is_waited_for(self) -> None:
        bench = Bench(HELLO, WaitForSound(), Send("REL"))
        assert of(PlaySound, bench.give("start"))[0].sound.parts == ("say hello",)
        assert bench.give("sound_ended")[-1] == "release"

    def test_a_sound_that_ended_before_is_remembered(self) -> None:
        bench = Bench(HELLO, Wait(9.0), WaitForSound(), Send("REL"))
        bench.give("start")
        assert bench.give("sound_ended") == []
        assert bench.give("timer_fired", "step")[-1] == "release"

    def test_a_new_sound_is_waited_for_anew(self) -> None:
        bench = Bench(HELLO, WaitForSound(), HELLO, WaitForSound(), Send("REL"))
        bench.give("start")
        assert len(of(PlaySound, bench.give("sound_ended"))) == 1
        assert bench.give("sound_ended")[-1] == "release"

    def test_numbers_are_spoken_as_they_are_and_as_they_have_become(self) -> None:
        bench = Bench(Play(("say number-changed", "digits called", "digits new"), 1), Stay())
        sound = of(PlaySound, bench.give("start"))[0].sound
        assert sound.parts == ("say number-changed", "digits 33199000006", "digits 33199000000")
        assert (sound.country, sound.times) == ("fr", 1)

    def test_con_listens_and_echo_echoes(self) -> None:
        assert Bench(Send("CON"), Echo(), Stay()).give("start") == ["connect", ListenToCircuit(7), EchoCircuit(7)]


class TestEnd:
    @pytest.mark.parametrize(
        ("name", "arguments"), [("released", (Message.of(MessageType.REL, 7),)), ("call_failed", (31, "reset"))]
    )
    def test_when_the_callers_side_goes_nothing_is_left(self, name: str, arguments: tuple[object, ...]) -> None:
        bench = Bench(Send("ACM"), Wait(3.0), Send("ANM"))
        bench.give("start")
        assert bench.give(name, *arguments) == [StopTimer("step"), LeaveCircuit(7)]
        assert bench.give("timer_fired", "step") == []
        assert bench.state == "Over"

    def test_what_breaks_releases_the_call(self) -> None:
        bench = Bench(Play(("say hello",)), Stay())
        bench.give("start")
        record, *rest = bench.give("abandon", "UnknownRecordingError: no recording")
        assert isinstance(record, Record)
        assert record.decision.outcome == "cause 41: UnknownRecordingError: no recording"
        assert rest == [StopTimer("step"), LeaveCircuit(7), "release"]
        assert bench.isup.asked[-1] == ("release", (41, 4))

    def test_what_does_not_concern_it_changes_nothing(self) -> None:
        bench = Bench(Stay())
        message = Message.of(MessageType.SUS, 7)
        for name in ("suspended", "resumed", "subsequent_address"):
            assert bench.give(name, message) == []


def test_a_digit_is_said_to_be_heard() -> None:
    (record,) = Bench(Stay()).give("digit_heard", "5")
    assert isinstance(record, Record)
    assert (record.call, record.decision.outcome) == ("circuit 7", "the exchange hears '5'")
