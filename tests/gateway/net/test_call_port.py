"""Whom a call's sockets hear, where they send, and what they report."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gateway.core.effects import Effect
from gateway.exchange.effects import EchoCircuit, PlaySound, Sound
from gateway.interworking.effects import ConnectMedia, CutThroughBackward, CutThroughForward, ReleaseMedia, ReserveMedia
from gateway.media.quality import MediaQuality
from gateway.media.rtcp import (
    Goodbye,
    ReceiverReport,
    ReportBlock,
    SdesChunk,
    SdesType,
    SenderReport,
    SourceDescription,
    parse_compound,
    serialize_compound,
)
from gateway.media.rtp import RtpPacket
from gateway.net.call_port import Latching, PortSettings
from gateway.net.media import MediaPlane, PlaneSettings
from gateway.net.rtp_ports import RtpPorts
from gateway.net.runner import Runner
from tests.gateway.net.plane import SINE, Party, Phone
from tones.detect import listen
from tones.detect.dtmf import detect
from tones.dtmf import render_digit
from tones.g711 import Law, decode, encode

if TYPE_CHECKING:
    from tests.gateway.net.conftest import SteppedReactor

ELSEWHERE = "192.0.2.99"
"""Where signalling comes from, if not from the phone itself."""


class Bench:
    """A media plane, a call, the exchange, and a phone with RTP and RTCP."""

    def __init__(self, reactor: SteppedReactor, settings: PlaneSettings) -> None:
        self.reactor = reactor
        self.runner = Runner(reactor)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            first = min(probe.getsockname()[1], 65000)
        self.plane = MediaPlane(reactor, self.runner, RtpPorts("127.0.0.1", first, first + 200), settings)
        self.qualities: list[tuple[object, MediaQuality]] = []
        self.plane.quality_observer = lambda owner, quality: self.qualities.append((owner, quality))
        self.call, self.party = Party("call-1", self.runner), Party("circuit 7", self.runner)
        self.phone = Phone()
        self.phones = [self.phone]
        self.sequence = 0

    def up(self, *, answered: bool = True, signalled_from: str = "", sound: Effect | None = None) -> None:
        agreed = self.phone.agreed(telephone_event=None)
        self.call.ask(ReserveMedia(), ConnectMedia(agreed, signalled_from))
        self.party.ask(sound or PlaySound(7, SINE))
        self.call.ask(CutThroughBackward(7))
        if answered:
            self.answer()

    def answer(self) -> None:
        self.call.ask(CutThroughForward(7))

    def stranger(self) -> Phone:
        self.phones.append(Phone())
        return self.phones[-1]

    @property
    def address(self) -> tuple[str, int]:
        return next(("127.0.0.1", int(str(each[2]))) for each in self.call.told if each[0] == "reserved")

    def say(self, phone: Phone, packets: int = 1, ssrc: int = 99) -> None:
        for _ in range(packets):
            self.sequence += 1
            packet = RtpPacket(0, self.sequence, 160 * self.sequence, ssrc, bytes([ssrc]) * 160)
            phone.socket.sendto(packet.serialize(), self.address)
            self.reactor.pass_time(0.02)

    @property
    def heard(self) -> int:
        """Packets that were taken."""
        (port,) = self.plane._calls.values()
        return self.plane._receivers.statistics(port.row).received


@pytest.fixture
def make(reactor: SteppedReactor) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(latching: Latching = Latching.AUTO, rtcp: bool = True) -> Bench:
        made.append(Bench(reactor, PlaneSettings(port=PortSettings(latching, rtcp=rtcp))))
        return made[-1]

    yield make
    for bench in made:
        bench.plane.stop()
        assert bench.plane.ports_in_use == 0
        assert not reactor.readers
        for phone in bench.phones:
            phone.socket.close()


@pytest.mark.clause("RFC 4961", "4")
class TestLatching:
    def test_a_phone_that_signals_from_where_it_hears_is_connected_at_once(self, make: Callable[..., Bench]) -> None:
        bench = make()
        bench.up(signalled_from="127.0.0.1")
        (port,) = bench.plane._calls.values()
        assert port.connected
        bench.say(bench.stranger(), 10)
        assert bench.heard == 0
        bench.say(bench.phone, 3)
        assert bench.heard == 3
        bench.reactor.pass_time(1.0)
        assert port.connected

    def test_one_that_is_silent_after_the_answer_is_looked_for_elsewhere(self, make: Callable[..., Bench]) -> None:
        bench = make()
        bench.up(signalled_from="127.0.0.1")
        (port,) = bench.plane._calls.values()
        bench.reactor.pass_time(0.4)
        assert port.is_latching
        caller = bench.stranger()
        bench.say(caller, 20)
        assert bench.heard > 10
        bench.reactor.pass_time(6.0)
        assert port.connected
        assert port.remote == caller.address

    def test_behind_a_translation_the_first_source_is_heard_and_sent_to(self, make: Callable[..., Bench]) -> None:
        bench = make()
        bench.up(signalled_from=ELSEWHERE)
        caller = bench.stranger()
        bench.say(caller, 20)
        assert bench.heard > 10
        bench.phone.packets()
        caller.packets()
        bench.reactor.pass_time(0.2)
        assert len(caller.packets()) >= 9
        assert bench.phone.packets() == []

    def test_a_second_source_never_takes_over(self, make: Callable[..., Bench]) -> None:
        bench = make()
        bench.up(signalled_from=ELSEWHERE)
        caller, thief = bench.stranger(), bench.stranger()
        bench.say(caller, 20)
        heard = bench.heard
        bench.say(thief, 20, ssrc=7)
        bench.reactor.pass_time(6.0)
        bench.say(thief, 20, ssrc=7)
        assert bench.heard == heard
        caller.packets()
        bench.say(caller, 5)
        assert bench.heard == heard + 5
        assert caller.packets()
        assert thief.packets() == []

    def test_the_negotiated_source_confirms_itself_and_others_are_shut_out(self, make: Callable[..., Bench]) -> None:
        bench = make()
        bench.up(signalled_from=ELSEWHERE)
        (port,) = bench.plane._calls.values()
        assert port.is_latching
        bench.say(bench.phone)
        assert port.connected
        bench.say(bench.stranger(), 20, ssrc=7)
        assert bench.heard == 1

    def test_what_others_had_sent_before_it_was_connected_is_not_heard(self, make: Callable[..., Bench]) -> None:
        bench = make()
        bench.up(signalled_from=ELSEWHERE)
        thief = bench.stranger()
        own = RtpPacket(0, 1, 160, 99, bytes(160)).serialize()
        other = RtpPacket(0, 2, 320, 99, bytes(160)).serialize()
        for source, datagram in ((bench.phone, own), (thief, other)):
            source.socket.sendto(datagram, bench.address)
        (port,) = bench.plane._calls.values()
        port._connect(bench.phone.address)
        assert bench.heard == 1

    def test_before_the_answer_it_waits_however_long_that_takes(self, make: Callable[..., Bench]) -> None:
        bench = make()
        bench.up(answered=False, signalled_from=ELSEWHERE)
        bench.reactor.pass_time(10.0)
        bench.answer()
        bench.say(bench.stranger(), 20)
        assert bench.heard > 10

    def test_once_the_window_is_over_only_the_negotiated_source_is_heard(self, make: Callable[..., Bench]) -> None:
        bench = make()
        bench.up(signalled_from=ELSEWHERE)
        bench.reactor.pass_time(5.1)
        (port,) = bench.plane._calls.values()
        assert port.connected
        bench.say(bench.stranger(), 20)
        assert bench.heard == 0
        bench.say(bench.phone, 3)
        assert bench.heard == 3

    @pytest.mark.parametrize(("mode", "latches"), [(Latching.NEVER, False), (Latching.ALWAYS, True)])
    def test_it_can_be_chosen(self, make: Callable[..., Bench], mode: Latching, latches: bool) -> None:
        bench = make(latching=mode)
        bench.up(signalled_from=ELSEWHERE if mode is Latching.NEVER else "127.0.0.1")
        bench.say(bench.stranger(), 20)
        assert (bench.heard > 0) is latches

    def test_a_new_address_begins_anew(self, make: Callable[..., Bench]) -> None:
        bench = make()
        bench.up(signalled_from="127.0.0.1")
        bench.say(bench.phone)
        other = bench.stranger()
        bench.call.ask(ConnectMedia(other.agreed(telephone_event=None), ELSEWHERE))
        (port,) = bench.plane._calls.values()
        assert port.is_latching
        bench.say(other)
        assert (port.connected, bench.heard) == (True, 2)
        bench.call.ask(ReleaseMedia())
        bench.plane.stop()


@pytest.mark.clause("RFC 3550", "6.4")
class TestReports:
    @pytest.fixture
    def bench(self, make: Callable[..., Bench]) -> Iterator[Bench]:
        bench = make()
        self.rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        while True:
            try:
                self.rtcp.bind(("127.0.0.1", bench.phone.address[1] + 1))
                break
            except OSError:
                bench.phone.socket.close()
                bench.phone = Phone()
                bench.phones.append(bench.phone)
        yield bench
        self.rtcp.close()

    def reports(self) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        while True:
            try:
                found.append(tuple(parse_compound(self.rtcp.recv(2048))))
            except BlockingIOError:
                return found

    def test_a_short_call_has_no_rtcp_socket(self, bench: Bench) -> None:
        bench.up()
        bench.reactor.pass_time(0.5)
        bench.call.ask(ReleaseMedia())
        assert self.reports() == []

    def test_sender_reports_say_what_was_sent_and_how_the_caller_is_heard(self, bench: Bench) -> None:
        bench.up()
        bench.say(bench.phone, 100)
        bench.sequence += 5  # five are lost
        bench.say(bench.phone, 300)
        (first, *_), last = self.reports()[0], self.reports()
        assert isinstance(first, SenderReport)
        bench.reactor.pass_time(7.0)
        report = next(packet for compound in self.reports() for packet in compound if isinstance(packet, SenderReport))
        assert report.packets > 400
        assert report.octets == 160 * report.packets
        (block,) = report.reports
        assert (block.ssrc, block.lost) == (99, 5)
        assert last == []

    def test_the_round_trip_and_what_the_caller_reports_are_told_at_the_end(self, bench: Bench) -> None:
        bench.up()
        bench.say(bench.phone, 150)
        (port,) = bench.plane._calls.values()
        (compound,) = self.reports()
        (sent,) = [packet for packet in compound if isinstance(packet, SenderReport)]
        block = ReportBlock(sent.ssrc, 26, 12, 1000, 80, (sent.ntp >> 16) & 0xFFFFFFFF, 0)
        answer = (ReceiverReport(99, (block,)), SourceDescription((SdesChunk(99, ((SdesType.CNAME, b"phone"),)),)))
        self.rtcp.sendto(serialize_compound(answer), ("127.0.0.1", bench.address[1] + 1))
        bench.reactor.pass_time(0.05)
        assert port.reporting is not None
        assert port.reporting.remote_cname == "phone"
        bench.call.ask(ReleaseMedia())
        ((owner, quality),) = bench.qualities
        assert owner is bench.call
        assert (quality.received, quality.lost) == (150, 0)
        assert quality.remote is not None
        assert (quality.remote.lost, quality.remote.jitter_s) == (12, 0.01)
        assert quality.remote.round_trip_s is not None
        assert 0 <= quality.remote.round_trip_s < 5
        assert "150 received, 0 lost" in str(quality)
        assert "the caller reports 12 lost, jitter 10.0 ms, round trip" in str(quality)
        (goodbye,) = self.reports()
        assert any(isinstance(packet, Goodbye) for packet in goodbye)

    def test_reports_of_strangers_and_garbage_change_nothing(self, bench: Bench) -> None:
        bench.up()
        bench.reactor.pass_time(4.0)
        (port,) = bench.plane._calls.values()
        for datagram in (b"", b"\x80", b"\xff" * 40, b"\x80\xc8\x00\x06" + bytes(3)):
            self.rtcp.sendto(datagram, ("127.0.0.1", bench.address[1] + 1))
        bench.reactor.pass_time(0.05)
        assert port.reporting is not None
        assert port.reporting.malformed == 4
        assert port.reporting.remote_view is None

    def test_it_can_be_switched_off(self, make: Callable[..., Bench]) -> None:
        bench = make(rtcp=False)
        bench.up()
        bench.reactor.pass_time(5.0)
        assert self.plain(bench)

    @staticmethod
    def plain(bench: Bench) -> bool:
        (port,) = bench.plane._calls.values()
        return port.reporting is None and not port.has_rtcp


class TestPacketTimes:
    @pytest.mark.clause("RFC 3264", "6.1")
    @pytest.mark.parametrize("ptime", [10, 20, 30, 40, 50, 60])
    def test_packets_are_as_long_as_the_caller_wishes(self, make: Callable[..., Bench], ptime: int) -> None:
        bench = make()
        agreed = bench.phone.agreed(telephone_event=None, ptime=ptime)
        bench.call.ask(ReserveMedia(), ConnectMedia(agreed))
        bench.party.ask(PlaySound(7, SINE))
        bench.call.ask(CutThroughBackward(7))
        bench.reactor.pass_time(1.2)
        packets = bench.phone.packets()
        assert {len(packet.payload) for packet in packets} == {8 * ptime}
        assert len(packets) == pytest.approx(1200 / ptime, abs=2)
        assert [packet.timestamp - packets[0].timestamp for packet in packets] == [
            8 * ptime * number for number in range(len(packets))
        ]
        sound = decode(np.frombuffer(b"".join(packet.payload for packet in packets), np.uint8), Law.MULAW)
        (heard,) = listen(sound)
        assert heard.name == "1000 Hz"

    def test_another_one_is_used_from_the_next_description_on(self, make: Callable[..., Bench]) -> None:
        bench = make()
        bench.up()
        bench.reactor.pass_time(0.2)
        bench.call.ask(ConnectMedia(bench.phone.agreed(telephone_event=None, ptime=40)))
        bench.phone.packets()
        bench.reactor.pass_time(0.4)
        assert {len(packet.payload) for packet in bench.phone.packets()} == {320}

    @pytest.mark.parametrize("ptime", [10, 20, 30, 40, 50, 60])
    def test_the_callers_may_be_as_long_too(self, make: Callable[..., Bench], ptime: int) -> None:
        bench = make()
        bench.up(sound=EchoCircuit(7))
        size = 8 * ptime
        tone = np.rint(8000 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 8000)).astype(np.int16)
        octets = encode(tone, Law.MULAW).tobytes()
        bench.phone.packets()
        for number in range(16000 // size):
            packet = RtpPacket(0, number, number * size, 99, octets[number * size : (number + 1) * size])
            bench.phone.socket.sendto(packet.serialize(), bench.address)
            bench.reactor.pass_time(ptime / 1000)
        sound = bench.phone.heard()
        names = [heard.name for heard in listen(sound) if heard.duration_s > 1.0]
        assert names == ["1000 Hz"]
        quality = bench.plane._receivers.counts(0)
        assert (quality.late, quality.concealed) == (0, 0)


def test_digits_that_the_exchange_plays_reach_the_caller_as_events(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.call.ask(ReserveMedia(), ConnectMedia(bench.phone.agreed()))
    bench.call.ask(CutThroughBackward(7))
    bench.plane._backward.clips._add(repr(Sound(("dtmf 42",), "us", 1)), _two_digits(), repeat=False, rare=False)
    bench.party.ask(PlaySound(7, Sound(("dtmf 42",), "us", 1)))
    bench.reactor.pass_time(1.0)
    events = [packet for packet in bench.phone.packets() if packet.payload_type == 101]
    assert {packet.payload[0] for packet in events} == {4, 2}
    assert ("sound ended",) in bench.party.told


@pytest.mark.parametrize("repeats", [False, True])
def test_so_they_do_when_the_caller_says_only_while_they_play_how_it_wants_them(
    make: Callable[..., Bench], repeats: bool
) -> None:
    bench = make()
    sound = Sound(("dtmf 42",), "us", 1)
    introduced = np.concatenate([_two_digits(), np.zeros(8000, np.int16)])
    bench.plane._backward.clips._add(repr(sound), introduced, repeats, False, len(_two_digits()) if repeats else 0)
    bench.call.ask(ReserveMedia(), ConnectMedia(bench.phone.agreed(telephone_event=None)))
    bench.call.ask(CutThroughBackward(7))
    bench.party.ask(PlaySound(7, sound))
    bench.reactor.pass_time(0.2)  # the first digit is over, the second is not
    bench.call.ask(ConnectMedia(bench.phone.agreed()))
    bench.reactor.pass_time(0.25)
    bench.call.ask(ConnectMedia(bench.phone.agreed(telephone_event=None)))
    bench.reactor.pass_time(1.5)
    packets = bench.phone.packets()
    assert {packet.payload[0] for packet in packets if packet.payload_type == 101} == {2}
    sound_heard = decode(b"".join(packet.payload for packet in packets if packet.payload_type == 0), Law.MULAW)
    assert "".join(digit.digit for digit in detect(sound_heard)) == "4"
    assert (("sound ended",) in bench.party.told) is not repeats


def _two_digits() -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    pause = np.zeros(800, np.int16)
    return np.concatenate([render_digit("4", 100.0), pause, render_digit("2", 100.0), pause])
