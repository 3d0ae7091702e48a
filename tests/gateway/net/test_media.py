"""The media plane: loopback sockets, and a clock that the tests move."""

from __future__ import annotations

import gc
import socket
import time
import weakref
from collections.abc import Iterator
from itertools import pairwise, permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gateway.core.effects import Effect, Outbox
from gateway.exchange.effects import ECHO, HANDSET, EchoCircuit, LeaveCircuit, ListenToCircuit, PlaySound, Sound
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
from gateway.net.media import MediaPlane
from gateway.net.rtp_ports import RtpPorts
from gateway.net.runner import Runner
from gateway.sdp.model import Direction
from gateway.sdp.offer_answer import PCMA, PCMU, Agreed, Codec
from tones.announcement import announcement
from tones.detect.dtmf import detect
from tones.dtmf import render_digit
from tones.g711 import Law, decode, encode, idle_octet

if TYPE_CHECKING:
    from twisted.logger import LogEvent

    from tests.gateway.net.conftest import SteppedReactor

SINE = Sound(("sine 1000 -10",), "us")
HELLO = Sound(("say hello",), "us", 1)


class Party:
    """A call, or the exchange's end of one: asks for effects and notes what it is told."""

    def __init__(self, name: str, runner: Runner) -> None:
        self.name = name
        self.runner = runner
        self.outbox: Outbox = runner.outbox().fork(self)
        self.told: list[tuple[object, ...]] = []

    def ask(self, *effects: Effect) -> None:
        self.runner.deliver(self.outbox.extend, effects)

    def media_reserved(self, address: str, port: int) -> None:
        self.told.append(("reserved", address, port))

    def media_refused(self, why: str) -> None:
        self.told.append(("refused", why))

    def sound_ended(self) -> None:
        self.told.append(("sound ended",))

    def digit_heard(self, digit: str) -> None:
        self.told.append(("digit", digit))

    def timer_fired(self, name: str) -> None:
        """As Machine."""


class Phone:
    """The caller's RTP socket."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(("127.0.0.1", 0))
        self.address: tuple[str, int] = self.socket.getsockname()

    def packets(self) -> list[RtpPacket]:
        """What has come since the last time."""
        found = []
        while True:
            try:
                found.append(RtpPacket.parse(self.socket.recv(2048)))
            except BlockingIOError:
                return found

    def heard(self, law: Law = Law.MULAW) -> np.ndarray[Any, np.dtype[np.int16]]:
        """As sound."""
        octets = b"".join(packet.payload for packet in self.packets())
        return decode(np.frombuffer(octets, np.uint8), law)

    def agreed(
        self,
        codec: Codec = PCMU,
        direction: Direction = Direction.SENDRECV,
        remote: tuple[str, int] | None = None,
        telephone_event: int | None = 101,
        ptime: int = 20,
    ) -> Agreed:
        """What was agreed upon with the gateway."""
        return Agreed(
            sdp=b"",
            codec=codec,
            ptime=ptime,
            telephone_event=telephone_event,
            remote=remote or self.address,
            direction=direction,
            receive_payload_type=codec.payload_type,
            receive_telephone_event=101,
        )


class Bench:
    """A media plane with one call and the exchange at the other end of circuit 7."""

    def __init__(self, reactor: SteppedReactor) -> None:
        self.reactor = reactor
        self.runner = Runner(reactor)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            first = min(probe.getsockname()[1], 65000)
        self.ports = RtpPorts("127.0.0.1", first, first + 200)
        self.plane = MediaPlane(reactor, self.runner, self.ports)
        self.call, self.party = Party("call-1", self.runner), Party("circuit 7", self.runner)
        self.phone = Phone()

    def up(self, sound: Sound = SINE, codec: Codec = PCMU) -> None:
        """Both directions are through."""
        self.call.ask(ReserveMedia(), ConnectMedia(self.phone.agreed(codec)))
        self.party.ask(PlaySound(7, sound), ListenToCircuit(7))
        self.call.ask(CutThroughBackward(7), CutThroughForward(7))

    @property
    def gateway_address(self) -> tuple[str, int]:
        """Where the call's RTP port is."""
        return next(("127.0.0.1", int(str(each[2]))) for each in self.call.told if each[0] == "reserved")

    def send(self, *datagrams: bytes, every_s: float = 0.02) -> None:
        """From the phone, one at a time."""
        for datagram in datagrams:
            self.phone.socket.sendto(datagram, self.gateway_address)
            self.reactor.pass_time(every_s)

    @property
    def left(self) -> tuple[int, ...]:
        """Ports, circuits, rows backward and forward, calls and readers that are still there."""
        plane = self.plane
        return (
            plane.ports_in_use,
            plane.circuits_in_use,
            plane._backward.sender.open_rows,
            plane._forward.open_rows,
            len(plane._calls),
            len(self.reactor.readers),
        )


@pytest.fixture
def bench(reactor: SteppedReactor, failures: list[LogEvent]) -> Iterator[Bench]:
    """A bench, cleared away afterwards."""
    made = Bench(reactor)
    yield made
    made.plane.stop()
    made.phone.socket.close()
    assert made.ports.in_use == 0


def speech(pcm: np.ndarray[Any, np.dtype[np.int16]], law: Law, payload_type: int) -> list[bytes]:
    """As RTP packets."""
    octets = encode(pcm, law).tobytes()
    return [
        RtpPacket(payload_type, at // 160, at, 99, octets[at : at + 160], marker=not at).serialize()
        for at in range(0, len(octets) - 159, 160)
    ]


class TestCutThrough:
    def test_nothing_is_sent_before_it(self, bench: Bench) -> None:
        bench.call.ask(ReserveMedia(), ConnectMedia(bench.phone.agreed()))
        bench.party.ask(PlaySound(7, SINE))
        bench.reactor.pass_time(0.1)
        assert bench.phone.packets() == []

    def test_then_a_packet_every_20_ms_as_one_stream(self, bench: Bench) -> None:
        bench.up()
        bench.reactor.pass_time(1.0)
        packets = bench.phone.packets()
        assert len(packets) == pytest.approx(50, abs=1)
        assert len({packet.ssrc for packet in packets}) == 1
        assert {len(packet.payload) for packet in packets} == {160}
        first = packets[0]
        for number, packet in enumerate(packets):
            assert packet.sequence == (first.sequence + number) & 0xFFFF
            assert packet.timestamp == (first.timestamp + 160 * number) & 0xFFFFFFFF
        assert [packet.marker for packet in packets].count(True) == 1
        assert first.marker

    def test_the_caller_hears_the_circuit_from_where_it_is(self, bench: Bench) -> None:
        bench.up()
        bench.reactor.pass_time(0.5)
        pcm = bench.phone.heard()
        spectrum = np.abs(np.fft.rfft(pcm.astype(float)))
        assert np.argmax(spectrum) * 8000 / len(pcm) == pytest.approx(1000, abs=3)

    def test_it_may_come_before_the_address_is_known(self, bench: Bench) -> None:
        bench.call.ask(ReserveMedia())
        bench.party.ask(PlaySound(7, SINE))
        bench.call.ask(CutThroughBackward(7))
        bench.reactor.pass_time(0.1)
        bench.call.ask(ConnectMedia(bench.phone.agreed(PCMA)))
        bench.reactor.pass_time(0.1)
        assert {packet.payload_type for packet in bench.phone.packets()} == {8}

    def test_a_name_is_resolved_first(self, bench: Bench) -> None:
        tapped: list[object] = []
        bench.plane.tap = lambda source, destination, octets: tapped.append(destination)
        bench.call.ask(ReserveMedia(), ConnectMedia(bench.phone.agreed(remote=("phone.test", bench.phone.address[1]))))
        bench.party.ask(PlaySound(7, SINE))
        bench.call.ask(CutThroughBackward(7))
        bench.reactor.pass_time(0.1)
        assert (bench.phone.packets(), tapped) == ([], [])
        ((host, found),) = bench.reactor.asked
        assert host == "phone.test"
        found.callback("127.0.0.1")
        bench.reactor.pass_time(0.1)
        assert bench.phone.packets()
        assert set(tapped) == {bench.phone.address}

    @pytest.mark.parametrize("released", [True, False])
    def test_a_name_that_is_found_too_late_changes_nothing(self, bench: Bench, released: bool) -> None:
        bench.call.ask(ReserveMedia(), ConnectMedia(bench.phone.agreed(remote=("slow.test", 9))))
        bench.call.ask(ReleaseMedia() if released else ConnectMedia(bench.phone.agreed()))
        ((_, found),) = bench.reactor.asked
        found.callback("127.0.0.2")
        assert bench.left[0] == (0 if released else 1)
        if not released:
            (port,) = bench.plane._calls.values()
            assert port.remote == bench.phone.address

    def test_a_name_that_is_not_found_leaves_silence(self, bench: Bench) -> None:
        bench.call.ask(ReserveMedia(), ConnectMedia(bench.phone.agreed(remote=("nobody.test", 9))))
        bench.reactor.asked[0][1].errback(OSError("no such name"))
        bench.call.ask(ReleaseMedia())
        assert bench.left == (0,) * 6


class TestNewOffers:
    def test_the_law_changes_and_the_stream_goes_on(self, bench: Bench) -> None:
        bench.up()
        bench.reactor.pass_time(0.2)
        before = bench.phone.packets()
        bench.call.ask(ConnectMedia(bench.phone.agreed(PCMA)))
        bench.reactor.pass_time(0.2)
        after = bench.phone.packets()
        assert {packet.payload_type for packet in after} == {8}
        assert after[0].ssrc == before[0].ssrc
        assert after[0].sequence == (before[-1].sequence + 1) & 0xFFFF
        pcm = decode(np.frombuffer(b"".join(packet.payload for packet in after), np.uint8), Law.ALAW)
        assert np.abs(pcm).max() == pytest.approx(8159 * 10 ** (-13.17 / 20) * 4, rel=0.1)

    def test_a_new_number_for_the_same_codec_is_used(self, bench: Bench) -> None:
        bench.up()
        bench.call.ask(ConnectMedia(bench.phone.agreed(Codec("PCMU", 97, Law.MULAW))))
        bench.reactor.pass_time(0.1)
        assert {packet.payload_type for packet in bench.phone.packets()} == {97}

    def test_on_hold_nothing_is_sent(self, bench: Bench) -> None:
        bench.up()
        bench.call.ask(ConnectMedia(bench.phone.agreed(direction=Direction.RECVONLY)))
        bench.phone.packets()
        bench.reactor.pass_time(0.1)
        assert bench.phone.packets() == []
        bench.call.ask(ConnectMedia(bench.phone.agreed()))
        bench.reactor.pass_time(0.1)
        assert bench.phone.packets()

    def test_hold_by_an_unspecified_address_too(self, bench: Bench) -> None:
        bench.up()
        bench.call.ask(ConnectMedia(bench.phone.agreed(remote=("0.0.0.0", 9))))
        bench.phone.packets()
        bench.reactor.pass_time(0.1)
        assert bench.phone.packets() == []
        bench.call.ask(ConnectMedia(bench.phone.agreed()))
        bench.reactor.pass_time(0.1)
        assert bench.phone.packets()

    def test_a_new_address_is_sent_to(self, bench: Bench) -> None:
        bench.up()
        other = Phone()
        with other.socket:
            bench.call.ask(ConnectMedia(other.agreed()))
            bench.phone.packets()
            bench.reactor.pass_time(0.1)
            assert bench.phone.packets() == []
            assert other.packets()


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


class TestRelease:
    STEPS = (
        ("call", ReleaseMedia()),
        ("party", LeaveCircuit(7)),
        ("party", LeaveCircuit(7)),
        ("call", ReleaseMedia()),
    )

    @pytest.mark.parametrize("order", sorted(set(permutations(range(4)))))
    @pytest.mark.parametrize("stage", range(6))
    def test_in_every_order_at_every_stage_nothing_is_left(
        self, bench: Bench, order: tuple[int, ...], stage: int
    ) -> None:
        steps: tuple[tuple[Party, Effect], ...] = (
            (bench.call, ReserveMedia()),
            (bench.call, ConnectMedia(bench.phone.agreed())),
            (bench.party, PlaySound(7, SINE)),
            (bench.call, CutThroughBackward(7)),
            (bench.party, ListenToCircuit(7)),
            (bench.call, CutThroughForward(7)),
        )
        for party, effect in steps[: stage + 1]:
            party.ask(effect)
        bench.call.ask(*([PlayDigit(7, "1", 100)] * 2 if stage == 5 else []))
        for place in order:
            party_name, effect = self.STEPS[place]
            getattr(bench, party_name).ask(effect)
        assert bench.left == (0,) * 6
        bench.reactor.pass_time(0.05)
        assert bench.reactor.getDelayedCalls() == []
        assert bench.runner.mishaps == 0

    def test_a_circuit_and_a_port_can_be_used_again(self, bench: Bench) -> None:
        for _ in range(3):
            bench.call.told.clear()
            bench.up()
            bench.reactor.pass_time(0.1)
            assert bench.phone.packets()
            bench.call.ask(ReleaseMedia())
            bench.party.ask(LeaveCircuit(7))
            assert bench.left == (0,) * 6

    def test_no_port_is_told(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        bench.ports._free.clear()
        bench.call.ask(ReserveMedia(), ReleaseMedia())
        assert bench.call.told[0][0] == "refused"
        assert bench.left == (0,) * 6

    def test_stopping_closes_everything(self, bench: Bench) -> None:
        bench.up()
        bench.plane.stop()
        assert bench.ports.in_use == 0
        assert bench.reactor.getDelayedCalls() == []


class TestSchedule:
    def test_a_call_that_has_ended_does_not_wait_for_its_report(self, bench: Bench) -> None:
        """Few rows, few ticks: reports of many short calls come due faster than one a tick."""
        bench.up()
        owners = []
        for number in range(400):
            owner = Party(f"call {number + 2}", bench.runner)
            owners.append(weakref.ref(owner))
            owner.ask(ReserveMedia(), ConnectMedia(bench.phone.agreed()))
            owner.ask(CutThroughBackward(8), ReleaseMedia())
            bench.reactor.pass_time(0.005)
        del owner
        gc.collect()
        assert [each for each in owners if each() is not None] == []
        assert len(bench.plane._reports) > 200
        bench.reactor.pass_time(8.0)
        assert len(bench.plane._reports) == 1

    def test_a_late_tick_moves_the_schedule_and_sends_no_burst(self, bench: Bench) -> None:
        bench.up()
        bench.reactor.pass_time(0.1)
        bench.phone.packets()
        bench.reactor.advance(1.0)
        assert len(bench.phone.packets()) <= 1
        assert bench.plane.late == 1
        bench.reactor.pass_time(0.2)
        assert len(bench.phone.packets()) == pytest.approx(10, abs=1)

    def test_what_breaks_in_a_tick_does_not_stop_the_clock(self, bench: Bench, failures: list[LogEvent]) -> None:
        def tap(*arguments: object) -> None:
            raise ValueError("a full disk")

        bench.up()
        bench.plane.tap = tap
        bench.reactor.pass_time(0.05)
        assert failures
        failures.clear()
        bench.plane.tap = None
        bench.phone.packets()
        bench.reactor.pass_time(0.1)
        assert len(bench.phone.packets()) == pytest.approx(5, abs=1)


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


class TestTooMuch:
    """New calls are refused before the old ones suffer, and a receiver that has gone costs nothing more."""

    def test_with_a_late_clock_no_new_stream_is_taken_and_later_it_is(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(time, "thread_time", bench.reactor.seconds)
        bench.up()
        for _ in range(200):
            bench.reactor.advance(0.015)
        late = Party("call-2", bench.runner)
        late.ask(ReserveMedia())
        assert late.told[0][0] == "refused"
        assert "ticks are late" in str(late.told[0])
        assert bench.plane.ports_in_use == 1
        bench.reactor.pass_time(5.0)
        again = Party("call-3", bench.runner)
        again.ask(ReserveMedia())
        assert again.told[0][0] == "reserved"
        again.ask(ReleaseMedia())

    def test_where_others_make_the_clock_late_a_call_is_taken(self, bench: Bench) -> None:
        bench.up()
        for _ in range(200):
            bench.reactor.advance(0.015)
        late = Party("call-2", bench.runner)
        late.ask(ReserveMedia())
        assert late.told[0][0] == "reserved"
        late.ask(ReleaseMedia())

    def test_a_receiver_that_has_gone_has_its_stream_stopped_until_it_is_aimed_again(self, bench: Bench) -> None:
        bench.up()
        bench.reactor.pass_time(0.1)
        bench.phone.socket.close()
        bench.reactor.pass_time(8.0)  # it is looked for elsewhere first
        plane = bench.plane
        assert plane.stopped == 1
        sent, unreachable = plane.sent, plane.unreachable
        assert unreachable >= 50
        bench.reactor.pass_time(1.0)
        assert (plane.sent, plane.unreachable) == (sent, unreachable)
        bench.phone = Phone()
        bench.call.ask(ConnectMedia(bench.phone.agreed(PCMU)))
        bench.reactor.pass_time(0.2)
        assert plane.sent >= sent + 9


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
