"""What callers hear, and who listens in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from gateway.exchange.effects import ECHO, EchoCircuit, LeaveCircuit, PlaySound, Sound
from gateway.interworking.effects import ConnectMedia, ReleaseMedia, ReserveMedia
from gateway.net.media import MediaPlane
from tests.gateway.net.plane import HELLO, SINE, Bench, speech
from tones.announcement import announcement
from tones.dtmf import render_digit
from tones.g711 import Law

if TYPE_CHECKING:
    from twisted.logger import LogEvent


class TestSounds:
    def test_the_end_of_one_is_told_once_heard_or_not(self, bench: Bench) -> None:
        bench.party.ask(PlaySound(7, HELLO))
        bench.reactor.pass_time(len(announcement("hello")) / 8000 + 0.1)
        assert bench.party.told == [("sound ended",)]

    def test_the_observer_is_told_what_is_on_the_circuit(self, bench: Bench) -> None:
        seen: list[tuple[int, Sound]] = []
        bench.plane.sound_observer = lambda cic, sound: seen.append((cic, sound))
        bench.party.ask(PlaySound(7, SINE), EchoCircuit(7))
        assert seen == [(7, SINE), (7, ECHO)]

    def test_one_that_is_not_there_is_a_mishap_of_its_player(self, bench: Bench, failures: list[LogEvent]) -> None:
        bench.party.ask(PlaySound(7, Sound(("say nonsense",), "us")))
        assert bench.runner.mishaps == 1
        bench.party.ask(LeaveCircuit(7))
        failures.clear()


class TestEvents:
    def test_a_caller_that_takes_no_events_any_more_gets_no_more_of_one(self, bench: Bench) -> None:
        bench.up()
        bench.party.ask(EchoCircuit(7))
        pause = np.zeros(1600, np.int16)
        said = speech(np.concatenate([render_digit("3", 200.0), pause, render_digit("8", 200.0), pause]), Law.MULAW, 0)
        bench.send(*said[:8])
        assert bench.phone.packets()[-1].payload_type == 101
        bench.call.ask(ConnectMedia(bench.phone.agreed(telephone_event=None)))
        bench.send(*said[8:20])
        assert {packet.payload_type for packet in bench.phone.packets()} == {0}
        bench.call.ask(ConnectMedia(bench.phone.agreed()))
        bench.send(*said[20:])
        events = [packet for packet in bench.phone.packets() if packet.payload_type == 101]
        assert {packet.payload[0] for packet in events} == {8}
        assert events[-1].payload[1] & 0x80


class TestListeningIn:
    class Ear:
        """Somebody who listens in."""

        def __init__(self, plane: MediaPlane, owner: object | None = None) -> None:
            self.heard: list[object] = []
            self.stop = plane.listen_in(
                owner,
                self.heard.append,
                lambda octets: self.heard.append(len(octets)),
                lambda: self.heard.append("end"),
            )

    def test_to_the_newest_call_that_has_media(self, bench: Bench) -> None:
        bench.up()
        ear = self.Ear(bench.plane)
        assert ear.heard == ["call-1 PCMU"]
        bench.reactor.pass_time(0.1)
        assert ear.heard.count(160) == pytest.approx(5, abs=1)
        bench.call.ask(ReleaseMedia())
        assert ear.heard[-1] == "end"
        assert not bench.plane._listeners

    def test_or_to_the_next_one(self, bench: Bench) -> None:
        ear = self.Ear(bench.plane)
        bench.party.ask(PlaySound(7, SINE))
        assert ear.heard == []
        bench.up()
        assert ear.heard[0] == "call-1 PCMU"

    def test_two_hear_everything_once(self, bench: Bench) -> None:
        one = self.Ear(bench.plane)
        bench.up()
        other = self.Ear(bench.plane, bench.call)
        bench.reactor.pass_time(0.1)
        assert one.heard.count("call-1 PCMU") == other.heard.count("call-1 PCMU") == 1
        assert one.heard.count(160) == other.heard.count(160) == pytest.approx(5, abs=1)

    def test_who_stops_hears_no_more(self, bench: Bench) -> None:
        ear, other = self.Ear(bench.plane), self.Ear(bench.plane, object())
        bench.up()
        ear.stop()
        other.stop()
        ear.stop()
        bench.reactor.pass_time(0.1)
        bench.call.ask(ReleaseMedia())
        assert ear.heard == ["call-1 PCMU"]
        assert other.heard == []

    def test_a_call_that_ends_without_media_ends_it(self, bench: Bench) -> None:
        ear = self.Ear(bench.plane, bench.call)
        bench.call.ask(ReserveMedia(), ReleaseMedia())
        assert ear.heard == ["end"]
