"""The telephone's RTP socket: what it hears, and what it says when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from twisted.internet.task import Clock

from gateway.core.errors import LocalProtocolError
from gateway.media.rtp import RtpPacket
from gateway.media.telephone_event import TelephoneEvent
from gateway.sdp.model import Direction
from gateway.sdp.offer_answer import PCMA, PCMU, Agreed, Codec
from gateway.testing.rtp import RtpSocket
from tones.g711 import Law, decode, encode

GATEWAY = ("127.0.0.1", 16384)


class _Port:
    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        self.listening = True

    def write(self, octets: bytes, address: tuple[str, int]) -> None:
        self.sent.append((octets, address))

    def stopListening(self) -> None:
        self.listening = False


class _Reactor(Clock):
    def __init__(self) -> None:
        super().__init__()
        self.port = _Port()

    def adoptDatagramPort(self, fileno: int, family: int, protocol: Any, maxPacketSize: int) -> _Port:
        protocol.transport = self.port
        return self.port


def agreed(codec: Codec = PCMU, telephone_event: int | None = 101) -> Agreed:
    return Agreed(b"", codec, telephone_event, GATEWAY, Direction.SENDRECV)


@pytest.fixture
def reactor() -> _Reactor:
    return _Reactor()


@pytest.fixture
def rtp(reactor: _Reactor) -> RtpSocket:
    socket = RtpSocket(reactor, "127.0.0.1", 101)
    socket.open()
    return socket


def sent(reactor: _Reactor) -> list[RtpPacket]:
    assert {address for _, address in reactor.port.sent} <= {GATEWAY}
    return [RtpPacket.parse(octets) for octets, _ in reactor.port.sent]


class TestHearing:
    @pytest.mark.clause("RFC 3550", "11")
    def test_the_port_is_even(self, rtp: RtpSocket) -> None:
        assert rtp.port % 2 == 0

    @pytest.mark.parametrize("law", list(Law))
    def test_the_law_is_that_of_the_first_packet(self, rtp: RtpSocket, law: Law) -> None:
        pcm = (8000 * np.sin(np.arange(160) / 5)).astype(np.int16)
        octets = encode(pcm, law)
        rtp.datagramReceived(RtpPacket(law.payload_type, 1, 0, 7, octets.tobytes()).serialize(), GATEWAY)
        assert np.array_equal(rtp.audio, decode(octets, law))
        assert rtp.heard_s == 0.02

    def test_a_gap_is_silence(self, rtp: RtpSocket) -> None:
        for sequence in (1, 3):
            packet = RtpPacket(0, sequence, 160 * sequence, 7, b"\x80" * 160)
            rtp.datagramReceived(packet.serialize(), GATEWAY)
        assert rtp.audio.size == 480
        assert not rtp.audio[160:320].any()

    def test_every_packet_is_kept_with_its_time(self, reactor: _Reactor, rtp: RtpSocket) -> None:
        heard: list[float] = []
        rtp.first_heard = lambda: heard.append(reactor.seconds())
        for sequence in (1, 1, 2):
            reactor.advance(0.02)
            rtp.datagramReceived(RtpPacket(0, sequence, 0, 7, b"\xff" * 160).serialize(), GATEWAY)
        assert [round(arrival.at_s, 2) for arrival in rtp.arrivals] == [0.02, 0.04, 0.06]
        assert heard == [0.02]

    def test_what_is_no_rtp_is_counted(self, rtp: RtpSocket) -> None:
        rtp.datagramReceived(b"nonsense", GATEWAY)
        assert rtp.unreadable == 1
        assert rtp.audio.size == 0


class TestSpeaking:
    def test_nothing_can_be_said_before_it_is_known_where_to(self, rtp: RtpSocket) -> None:
        with pytest.raises(LocalProtocolError, match="no session description"):
            rtp.speak(np.zeros(160, np.int16))

    def test_a_packet_every_twenty_milliseconds(self, reactor: _Reactor, rtp: RtpSocket) -> None:
        rtp.aim(agreed(PCMA))
        said = rtp.speak(np.full(400, 1000, np.int16))
        reactor.pump([0.0, 0.019, 0.001])
        assert len(sent(reactor)) == 2
        assert not said.called
        reactor.advance(0.02)
        assert said.called
        packets = sent(reactor)
        assert [packet.marker for packet in packets] == [True, False, False]
        assert {len(packet.payload) for packet in packets} == {160}
        assert {packet.payload_type for packet in packets} == {8}
        assert [(packet.sequence - packets[0].sequence) & 0xFFFF for packet in packets] == [0, 1, 2]
        assert [(packet.timestamp - packets[0].timestamp) & 0xFFFFFFFF for packet in packets] == [0, 160, 320]

    def test_the_timestamp_counts_the_pause(self, reactor: _Reactor, rtp: RtpSocket) -> None:
        rtp.aim(agreed())
        rtp.speak(np.zeros(160, np.int16))
        reactor.pump([0.0, 0.98])
        rtp.speak(np.zeros(160, np.int16))
        reactor.pump([0.0, 0.02])
        first, second = sent(reactor)
        assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == pytest.approx(8000, abs=320)
        assert (second.sequence - first.sequence) & 0xFFFF == 1

    @pytest.mark.clause("RFC 4733", "2.5.1.4")
    def test_a_digit_is_an_event_whose_end_is_sent_three_times(self, reactor: _Reactor, rtp: RtpSocket) -> None:
        rtp.aim(agreed())
        said = rtp.press("#", 100)
        reactor.pump([0.02] * 10)
        assert said.called
        packets = sent(reactor)
        reports = [TelephoneEvent.parse(packet.payload)[0] for packet in packets]
        assert {packet.payload_type for packet in packets} == {101}
        assert {packet.timestamp for packet in packets} == {packets[0].timestamp}
        assert {report.event for report in reports} == {11}
        assert [report.end for report in reports] == [False] * 4 + [True] * 3
        assert reports[-1].duration == 800

    def test_no_digit_where_none_was_agreed(self, rtp: RtpSocket) -> None:
        rtp.aim(agreed(telephone_event=None))
        with pytest.raises(LocalProtocolError, match="not agreed"):
            rtp.press("5", 100)

    def test_closing_ends_what_is_being_said(self, reactor: _Reactor, rtp: RtpSocket) -> None:
        rtp.aim(agreed())
        said = [rtp.speak(np.zeros(1600, np.int16)), rtp.speak(np.zeros(160, np.int16))]
        reactor.advance(0.0)
        rtp.close()
        assert [each.called for each in said] == [True, True]
        assert reactor.getDelayedCalls() == []
        assert rtp.is_closed
        assert not reactor.port.listening
        with pytest.raises(LocalProtocolError, match="over"):
            rtp.speak(np.zeros(160, np.int16))
