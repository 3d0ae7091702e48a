"""What callers say: digits, echo, the handset, and nonsense."""

from __future__ import annotations

import socket
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gateway.core.effects import Effect
from gateway.exchange.effects import HANDSET, EchoCircuit, LeaveCircuit, ListenToCircuit, PlaySound, Sound
from gateway.interworking.effects import (
    ConnectMedia,
    CutThroughBackward,
    CutThroughForward,
    PlayDigit,
    ReleaseMedia,
    ReserveMedia,
)
from gateway.media.rtp import RtpPacket
from gateway.media.telephone_event import EventReceiver, event_packets
from gateway.net import clips, forward
from gateway.sdp.offer_answer import PCMA, PCMU, Codec
from tests.gateway.net.plane import SINE, Bench, Party, Phone, speech
from tones.detect.dtmf import detect
from tones.dtmf import render_digit
from tones.g711 import Law, decode, encode, idle_octet

if TYPE_CHECKING:
    pass


class TestDigits:
    def test_those_from_info_follow_one_another_and_are_heard(self, bench: Bench) -> None:
        bench.up()
        bench.call.ask(*(PlayDigit(7, digit, 100) for digit in "159#"))
        bench.reactor.pass_time(1.0)
        assert [each[1] for each in bench.party.told if each[0] == "digit"] == ["1", "5", "9", "#"]

    @pytest.mark.parametrize("codec", [PCMU, PCMA], ids=lambda codec: codec.name)
    def test_so_are_those_that_the_caller_sends_in_band(self, bench: Bench, codec: Codec) -> None:
        bench.up(codec=codec)
        pcm = np.concatenate([np.zeros(800, np.int16), render_digit("7", 100.0), np.zeros(1600, np.int16)])
        bench.send(*speech(pcm, codec.law, codec.payload_type))
        assert ("digit", "7") in bench.party.told

    @pytest.mark.clause("RFC 4733", "2.5")
    def test_and_those_as_telephone_events(self, bench: Bench) -> None:
        bench.up()
        packets = event_packets(5, 800, payload_type=101, sequence=1, timestamp=1, ssrc=99)
        bench.send(*(packet.serialize() for packet in packets))
        bench.reactor.pass_time(0.5)
        assert [each for each in bench.party.told if each[0] == "digit"] == [("digit", "5")]

    def test_before_the_answer_nothing_goes_forward(self, bench: Bench) -> None:
        bench.call.ask(ReserveMedia(), ConnectMedia(bench.phone.agreed()))
        bench.party.ask(PlaySound(7, SINE))
        bench.call.ask(CutThroughBackward(7), PlayDigit(7, "5", 100), PlayDigit(9, "5", 100))
        bench.send(*speech(render_digit("7", 100.0), Law.MULAW, 0))
        assert bench.plane._forward.open_rows == 0

    def test_a_flood_of_them_is_cut_off(self, bench: Bench) -> None:
        bench.up()
        bench.call.ask(*(PlayDigit(7, "5", 5000) for _ in range(500)))
        assert len(bench.plane._circuits[7].digits) == forward.MOST_DIGITS_WAITING

    def test_rare_sounds_are_forgotten_but_not_those_that_play(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clips, "RARE_SOUNDS_KEPT", 4)
        bench.up()
        bench.call.ask(PlayDigit(7, "1", 100))
        spoken = Sound(("digits 42",), "us", 1)
        bench.party.ask(PlaySound(7, spoken))
        other = Party("circuit 8", bench.runner)
        for number in range(20):
            other.ask(PlaySound(8, Sound((f"digits {number}",), "us", 1)))
        assert len(bench.plane._backward.clips._rare) <= 6
        bench.reactor.pass_time(3.0)
        assert ("digit", "1") in bench.party.told
        assert ("sound ended",) in bench.party.told
        other.ask(LeaveCircuit(8))


class TestForward:
    def test_a_description_that_comes_after_the_answer_is_not_too_late(self, bench: Bench) -> None:
        """An INVITE without an offer has its answer in the ACK (RFC 3261 §13.2.1)."""
        bench.call.ask(ReserveMedia())
        bench.party.ask(EchoCircuit(7), ListenToCircuit(7))
        bench.call.ask(CutThroughBackward(7), CutThroughForward(7), PlayDigit(7, "7", 100))
        bench.reactor.pass_time(0.5)
        assert ("digit", "7") in bench.party.told
        bench.call.ask(ConnectMedia(bench.phone.agreed(telephone_event=None)))
        bench.send(*speech(render_digit("5", 200.0), Law.MULAW, 0))
        bench.reactor.pass_time(0.3)
        assert ("digit", "5") in bench.party.told
        assert "".join(digit.digit for digit in detect(bench.phone.heard())) == "5"

    def test_echo(self, bench: Bench) -> None:
        bench.up()
        bench.call.ask(ConnectMedia(bench.phone.agreed(telephone_event=None)))
        bench.party.ask(EchoCircuit(7))
        bench.phone.packets()
        bench.send(*speech(render_digit("3", 200.0), Law.MULAW, 0))
        bench.reactor.pass_time(0.2)
        assert [found.digit for found in detect(bench.phone.heard())] == ["3"]

    @pytest.mark.clause("RFC 4733", "2.1")
    def test_digits_come_back_as_events_to_a_caller_that_takes_them(self, bench: Bench) -> None:
        bench.up()
        bench.party.ask(EchoCircuit(7))
        bench.phone.packets()
        pause = np.zeros(1600, np.int16)
        said = [part for digit in "37" for part in (render_digit(digit, 200.0), pause)]
        bench.send(*speech(np.concatenate(said), Law.MULAW, 0))
        bench.reactor.pass_time(0.5)
        packets = bench.phone.packets()
        receiver, digits = EventReceiver(), ""
        for packet in packets:
            over = (
                receiver.event_received(packet.timestamp, packet.payload)
                if packet.payload_type == 101
                else receiver.audio_received(packet.timestamp)
            )
            digits += "".join(event.digit for event in over)
        assert digits == "37"
        audio = b"".join(packet.payload for packet in packets if packet.payload_type == 0)
        assert detect(decode(np.frombuffer(audio, np.uint8), Law.MULAW)) == []

    def test_silence_is_the_idle_pattern(self, bench: Bench) -> None:
        bench.up()
        bench.party.ask(EchoCircuit(7))
        bench.phone.packets()
        bench.reactor.pass_time(0.1)
        (pattern,) = {octet for packet in bench.phone.packets() for octet in packet.payload}
        assert pattern == idle_octet(Law.MULAW)

    @pytest.mark.parametrize("datagram", [b"", b"\x80", b"\x00" * 172, b"\xff" * 2000, b"\x80\x00" + b"\x01" * 10])
    def test_garbage_is_dropped(self, bench: Bench, datagram: bytes) -> None:
        bench.up()
        bench.send(datagram, datagram)
        assert bench.runner.mishaps == 0

    def test_strangers_are_not_heard(self, bench: Bench) -> None:
        bench.up()
        tapped: list[object] = []
        bench.plane.tap = lambda source, destination, octets: tapped.append(source)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for datagram in speech(render_digit("7", 100.0), Law.MULAW, 0):
                stranger.sendto(datagram, bench.gateway_address)
        bench.reactor.pass_time(0.2)
        assert ("digit", "7") not in bench.party.told
        assert set(tapped) == {bench.gateway_address}

    def test_a_phone_that_is_gone_does_no_harm(self, bench: Bench) -> None:
        bench.up()
        bench.phone.socket.close()
        bench.reactor.pass_time(0.2)
        assert bench.plane.unreachable
        bench.call.ask(ReleaseMedia())
        bench.party.ask(LeaveCircuit(7))
        assert bench.left == (0,) * 6


class TestTheHandset:
    """Who talks with the caller from the far end."""

    def test_both_hear_each_other_each_in_its_law(self, bench: Bench) -> None:
        heard: list[tuple[Law, bytes]] = []
        bench.up(codec=PCMA)
        say = bench.plane.converse(7, lambda law, octets: heard.append((law, octets)))
        bench.phone.packets()
        digit = render_digit("7", 200)
        mine = encode(render_digit("4", 200), Law.MULAW).tobytes()
        for at, datagram in enumerate(speech(digit, Law.ALAW, 8)):
            say(Law.MULAW, mine[at * 160 : at * 160 + 160])
            bench.send(datagram)
        bench.reactor.pass_time(0.1)
        assert {law for law, _ in heard} == {Law.ALAW}
        assert {len(octets) for _, octets in heard} == {160}
        said = decode(b"".join(octets for _, octets in heard), Law.ALAW)
        assert [each.digit for each in detect(said)] == ["7"]
        assert [each.digit for each in detect(bench.phone.heard(Law.ALAW))] == ["4"]

    def test_silence_goes_before_what_it_says(self, bench: Bench) -> None:
        bench.up()
        bench.reactor.pass_time(0.04)
        bench.phone.packets()
        say = bench.plane.converse(7, lambda law, octets: None)
        say(Law.MULAW, b"\x12" * 160)
        bench.reactor.pass_time(0.1)
        assert b"".join(packet.payload for packet in bench.phone.packets()).count(0xFF) >= 320

    def test_a_flood_is_cut_off(self, bench: Bench) -> None:
        bench.up()
        say = bench.plane.converse(7, lambda law, octets: None)
        for _ in range(1000):
            say(Law.ALAW, b"\x12" * 1600)
        bench.phone.packets()
        bench.reactor.pass_time(0.5)
        assert 20 <= len(bench.phone.packets()) <= 30

    @pytest.mark.parametrize("effect", [LeaveCircuit(7), PlaySound(7, SINE)])
    def test_until_the_exchange_wants_the_circuit_for_itself(self, bench: Bench, effect: Effect) -> None:
        heard: list[bytes] = []
        bench.up()
        say = bench.plane.converse(7, lambda law, octets: heard.append(octets))
        bench.party.ask(effect)
        say(Law.ALAW, b"\x12" * 160)
        bench.reactor.pass_time(0.1)
        assert heard == []

    def test_the_observer_is_told(self, bench: Bench) -> None:
        seen: list[tuple[int, Sound]] = []
        bench.plane.sound_observer = lambda cic, sound: seen.append((cic, sound))
        bench.plane.converse(7, lambda law, octets: None)
        assert seen == [(7, HANDSET)]


class TestNonsenseFromTheCaller:
    """Whatever comes in, the others hear what they should, and nothing grows."""

    def test_a_flood_at_a_hundred_times_the_rate_disturbs_nobody(self, bench: Bench) -> None:
        bench.up()
        other, other_party = Party("call-2", bench.runner), Party("circuit 8", bench.runner)
        listening = Phone()
        other.ask(ReserveMedia(), ConnectMedia(listening.agreed()))
        other_party.ask(PlaySound(8, SINE))
        other.ask(CutThroughBackward(8), CutThroughForward(8))
        octets = bytes(range(160))
        sequence = 0
        for _ in range(50):
            for _ in range(100):
                packet = RtpPacket(0, sequence % 65536, 160 * sequence % 2**32, 99, octets)
                bench.phone.socket.sendto(packet.serialize(), bench.gateway_address)
                sequence += 1
            bench.reactor.pass_time(0.02)
        packets = listening.packets()
        assert len(packets) == pytest.approx(50, abs=2)
        assert [later.sequence - earlier.sequence for earlier, later in pairwise(packets)] == [1] * (len(packets) - 1)
        (row,) = [row for row, port in bench.plane._by_row.items() if port.owner is bench.call]
        assert bench.plane._receivers.delay_ms(row) <= 500
        other.ask(ReleaseMedia())
        other_party.ask(LeaveCircuit(8))
        listening.socket.close()

    @pytest.mark.parametrize("jump", [1000, 40_000, 2**31, 2**32 - 8000])
    def test_jumps_of_the_clock_are_followed(self, bench: Bench, jump: int) -> None:
        bench.up()
        bench.call.ask(ConnectMedia(bench.phone.agreed(telephone_event=None)))
        bench.party.ask(EchoCircuit(7))
        pause, digits = np.zeros(4000, np.int16), []
        for part, digit in enumerate("37"):
            pcm = np.concatenate([pause, render_digit(digit, 200.0), pause])
            octets = encode(pcm, Law.MULAW).tobytes()
            for at in range(0, len(octets), 160):
                number = part * len(octets) + at
                timestamp = (number + part * jump) % 2**32
                packet = RtpPacket(0, number // 160, timestamp, 99, octets[at : at + 160])
                bench.send(packet.serialize())
            digits.append(digit)
        bench.reactor.pass_time(0.4)
        assert "".join(found.digit for found in detect(bench.phone.heard())) == "37"

    @pytest.mark.parametrize("payload_type", [3, 18, 34, 96, 127])
    def test_other_payload_types_are_counted_and_not_heard(self, bench: Bench, payload_type: int) -> None:
        bench.up()
        bench.send(*speech(render_digit("3", 200.0), Law.MULAW, payload_type))
        (row,) = bench.plane._by_row
        assert bench.plane._receivers.refusals(row).payload_type == 10
        assert ("digit", "3") not in bench.party.told
