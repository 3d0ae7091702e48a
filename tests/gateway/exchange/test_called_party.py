"""One call in the far exchange: its table, and the steps it plays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gateway.core.effects import Effect, Outbox, Record, StartTimer, StopTimer, Tell
from gateway.core.machine import state_name, transitions
from gateway.exchange import called_party
from gateway.exchange.behaviours import Echo, Handset, Play, Send, Stay, Step, Wait, WaitForSound
from gateway.exchange.called_party import CalledParty, CalledPartyInputs
from gateway.exchange.effects import (
    ConnectHandset,
    EchoCircuit,
    LeaveCircuit,
    ListenToCircuit,
    PlaySound,
    ReleaseHandset,
    RingHandset,
    Sound,
)
from gateway.exchange.numbering import Destination
from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    CalledPartyStatus,
    EventInformation,
    GenericNotificationIndicator,
    Notification,
    OptionalBackwardCallIndicators,
)
from gateway.ss7.isup.messages import Message, MessageType
from tones.user_announcement import UserAnnouncement

STATES = ("Running", "HandsetOffered", "HandsetRinging", "HandsetTalking", "WaitForRlc", "Over")
INPUTS = [name for name in vars(CalledPartyInputs) if not name.startswith("_")]
HELLO = Play(("say hello",), 1)
ARGUMENTS = {"digit_heard": ("5",), "release": (17, 0), "ring_handset": (60.0,), "handset_absent": ("unplugged",)}


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
            ("Running", "ring_handset"): "HandsetOffered",
            ("HandsetOffered", "handset_ringing"): "HandsetRinging",
            ("HandsetOffered", "handset_busy"): "WaitForRlc",
            ("HandsetOffered", "handset_absent"): "WaitForRlc",
            ("HandsetOffered", "gone"): "Over",
            ("HandsetOffered", "circuit_released"): "Over",
            ("HandsetOffered", "release"): "WaitForRlc",
            ("HandsetRinging", "handset_answered"): "HandsetTalking",
            ("HandsetRinging", "no_answer_timer"): "WaitForRlc",
            ("HandsetRinging", "handset_hung_up"): "WaitForRlc",
            ("HandsetRinging", "handset_absent"): "WaitForRlc",
            ("HandsetRinging", "gone"): "Over",
            ("HandsetRinging", "circuit_released"): "Over",
            ("HandsetRinging", "release"): "WaitForRlc",
            ("HandsetTalking", "handset_hung_up"): "WaitForRlc",
            ("HandsetTalking", "handset_absent"): "WaitForRlc",
            ("HandsetTalking", "gone"): "Over",
            ("HandsetTalking", "circuit_released"): "Over",
            ("HandsetTalking", "release"): "WaitForRlc",
            ("WaitForRlc", "gone"): "Over",
            ("WaitForRlc", "circuit_released"): "Over",
        }

    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("name", INPUTS)
    def test_no_input_surprises(self, state: str, name: str) -> None:
        to_talking: list[tuple[str, *tuple[object, ...]]] = [("handset_ringing",), ("handset_answered",)]
        if state.startswith("Handset"):
            bench = Bench(Handset())
            bench.give("start")
            for each in to_talking[: ("HandsetOffered", "HandsetRinging", "HandsetTalking").index(state)]:
                bench.give(*each)
        else:
            bench = Bench(Send("ACM"), Play(("tone busy",)), Wait(3.0), Stay())
            bench.give("start")
        if state in ("WaitForRlc", "Over"):
            bench.give("release", 16, 0)
        if state == "Over":
            bench.give("circuit_released")
        assert bench.state == state
        getattr(bench.party._inputs, name)(*ARGUMENTS.get(name, ()))
        after = bench.outbox.drain()
        if bench.state in ("WaitForRlc", "Over") and state not in ("WaitForRlc", "Over"):
            assert StopTimer("step") in after
            assert LeaveCircuit(7) in after
            assert (ReleaseHandset(7) in after) is state.startswith("Handset")
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


class TestHandset:
    """The local handset (ITU-T Q.850 for the causes)."""

    ENDED = (StopTimer("no answer"), ReleaseHandset(7), StopTimer("step"), LeaveCircuit(7), "release")

    def ringing(self, no_answer: float = 60.0) -> Bench:
        bench = Bench(Handset(no_answer))
        assert bench.give("start") == [RingHandset(7, "fr")]
        rings = bench.give("handset_ringing")
        ringback = PlaySound(7, Sound(("tone ringback",), "fr"))
        assert rings == [StartTimer("no answer", no_answer), ringback, "address_complete"]
        return bench

    def talking(self) -> Bench:
        bench = self.ringing()
        answered = [StopTimer("no answer"), "answer", ListenToCircuit(7), ConnectHandset(7)]
        assert bench.give("handset_answered") == answered
        return bench

    def test_it_rings_and_the_caller_hears_ringback_of_the_exchange(self) -> None:
        bench = self.ringing()
        ((_, acm),) = bench.isup.asked
        indicators = next(each for each in acm if isinstance(each, BackwardCallIndicators))
        optional = next(each for each in acm if isinstance(each, OptionalBackwardCallIndicators))
        assert indicators.called_party_status == CalledPartyStatus.SUBSCRIBER_FREE
        assert optional.in_band_information

    def test_it_answers_and_talks_and_hangs_up_with_16(self) -> None:
        bench = self.talking()
        assert bench.give("handset_hung_up") == list(self.ENDED)
        assert bench.isup.asked[-1] == ("release", (16, 0))
        assert bench.give("circuit_released") == []
        assert bench.state == "Over"

    def test_nobody_answers(self) -> None:
        bench = self.ringing(12.5)
        assert bench.give("timer_fired", "no answer") == list(self.ENDED)
        assert bench.isup.asked[-1] == ("release", (19, 4))

    def test_it_is_put_down_while_it_rings(self) -> None:
        bench = self.ringing()
        assert bench.give("handset_hung_up") == list(self.ENDED)
        assert bench.isup.asked[-1] == ("release", (21, 0))

    def test_it_is_in_another_call(self) -> None:
        bench = Bench(Handset())
        bench.give("start")
        assert bench.give("handset_busy") == list(self.ENDED)
        assert bench.isup.asked == [("release", (17, 0))]

    def test_there_is_none(self) -> None:
        bench = Bench(Handset())
        bench.give("start")
        record, *rest = bench.give("handset_absent", "no handset is connected")
        assert isinstance(record, Record)
        assert record.decision.outcome == "cause 20: no handset is connected"
        assert rest == list(self.ENDED)
        assert bench.isup.asked == [("release", (20, 4))]

    @pytest.mark.parametrize("answered", [False, True])
    def test_it_is_unplugged(self, answered: bool) -> None:
        bench = self.talking() if answered else self.ringing()
        record, *rest = bench.give("handset_absent", "unplugged")
        assert isinstance(record, Record)
        assert rest == list(self.ENDED)
        assert bench.isup.asked[-1] == ("release", (27, 4))

    @pytest.mark.parametrize("stage", ["offered", "ringing", "talking"])
    def test_the_caller_hangs_up_first(self, stage: str) -> None:
        bench = {"ringing": self.ringing, "talking": self.talking}.get(stage, lambda: Bench(Handset()))()
        if stage == "offered":
            bench.give("start")
        assert bench.give("released", Message.of(MessageType.REL, 7)) == list(self.ENDED[:-1])
        assert bench.give("handset_answered") == bench.give("handset_hung_up") == []
        assert bench.give("timer_fired", "no answer") == []


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


class TestBargeIn:
    GREETING = Play(("say hello",), 10, barge_in=True)

    def test_a_digit_ends_the_announcement_and_the_next_step_follows(self) -> None:
        bench = Bench(self.GREETING, WaitForSound(), Play(("digits heard",), 1))
        bench.give("start")
        decided, nothing = bench.give("digit_heard", "5")
        assert isinstance(decided, Record)
        assert decided.decision.outcome == "the exchange hears '5', which ends the announcement"
        assert nothing == PlaySound(7, Sound(("pause 20",), "fr", 1))
        assert bench.give("sound_ended") == [PlaySound(7, Sound(("digits 5",), "fr", 1))]

    def test_only_where_it_is_allowed_and_only_once(self) -> None:
        bench = Bench(self.GREETING, WaitForSound(), HELLO, WaitForSound())
        bench.give("start")
        assert len(bench.give("digit_heard", "5")) == 2
        assert len(bench.give("digit_heard", "6")) == 1
        bench.give("sound_ended")
        assert len(bench.give("digit_heard", "7")) == 1

    def test_who_has_pressed_nothing_hears_nothing(self) -> None:
        bench = Bench(Play(("digits heard",), 1))
        assert bench.give("start") == [PlaySound(7, Sound(("pause 20",), "fr", 1))]

    def test_after_the_end_nothing_is_played(self) -> None:
        bench = Bench(self.GREETING, WaitForSound(), Stay())
        bench.give("start")
        bench.give("released", Message.of(MessageType.REL, 7))
        assert bench.give("digit_heard", "5") == []

    def test_digits_are_those_since_the_announcement_began(self) -> None:
        bench = Bench(Wait(1.0), self.GREETING, WaitForSound(), Wait(1.0), Play(("digits heard",), 1))
        bench.give("start")
        bench.give("digit_heard", "1")
        bench.give("timer_fired", "step")
        bench.give("digit_heard", "2")
        bench.give("sound_ended")
        bench.give("digit_heard", "A")
        bench.give("digit_heard", "#")
        assert of(PlaySound, bench.give("timer_fired", "step")) == [PlaySound(7, Sound(("digits 2#",), "fr", 1))]

    def test_a_call_that_waits_for_something_else_goes_on_waiting(self) -> None:
        bench = Bench(self.GREETING, Wait(9.0), WaitForSound(), Send("REL"))
        bench.give("start")
        assert len(of(PlaySound, bench.give("digit_heard", "5"))) == 1
        assert bench.give("sound_ended") == []
        assert bench.give("timer_fired", "step")[-1] == "release"

    def test_a_script_carries_what_is_the_users_own(self) -> None:
        tune = UserAnnouncement("tune", np.arange(800, dtype=np.int16))
        bench = Bench(Play(("say tune", "wav x.wav"), 1, 300, 20, "de", own=(("say tune", tune), ("wav x.wav", tune))))
        own = (("say tune", tune.digest), ("wav x.wav", tune.digest))
        assert of(PlaySound, bench.give("start"))[0].sound == Sound(
            ("say tune", "wav x.wav"), "fr", 1, 300, 20, "de", own
        )


class TestHold:
    @pytest.mark.clause("RFC 3398", "9.2")
    def test_what_the_called_party_is_told_is_said(self) -> None:
        bench = Bench(Stay())
        bench.give("start")
        told = GenericNotificationIndicator(Notification.REMOTE_HOLD)
        (record,) = bench.give("call_progress", Message.of(MessageType.CPG, 7, EventInformation(), told))
        assert isinstance(record, Record)
        assert str(record.decision) == "CPG: the called party is told: remote hold [ITU-T Q.733.2]"
        assert bench.give("call_progress", Message.of(MessageType.CPG, 7, EventInformation())) == []
