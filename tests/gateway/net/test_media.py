"""The media plane: ports, cut-through, new offers, release, the schedule, and too much."""

from __future__ import annotations

import gc
import time
import weakref
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gateway.core.effects import Effect
from gateway.exchange.effects import LeaveCircuit, ListenToCircuit, PlaySound
from gateway.interworking.effects import (
    ConnectMedia,
    CutThroughBackward,
    CutThroughForward,
    PlayDigit,
    ReleaseMedia,
    ReserveMedia,
)
from gateway.sdp.model import Direction
from gateway.sdp.offer_answer import PCMA, PCMU, Codec
from tests.gateway.net.plane import SINE, Bench, Party, Phone
from tones.g711 import Law, decode

if TYPE_CHECKING:
    from twisted.logger import LogEvent


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
        """Its report stays in the heap until it is due, and holds nothing of it."""
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

    def test_nor_does_a_report_that_breaks(
        self, bench: Bench, failures: list[LogEvent], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def report(*arguments: object) -> bytes:
            raise ValueError("an odd number")

        monkeypatch.setattr("gateway.media.reporting.Reporting.report", report)
        bench.up()
        bench.reactor.pass_time(4.0)
        assert failures
        failures.clear()
        bench.phone.packets()
        bench.reactor.pass_time(0.2)
        assert len(bench.phone.packets()) == pytest.approx(10, abs=1)


class TestTooMuch:
    """New calls are refused before the old ones suffer, and a receiver that has gone costs nothing more."""

    @staticmethod
    def call_on_a_late_clock(bench: Bench) -> Party:
        bench.up()
        for _ in range(200):
            bench.reactor.advance(0.015)
        late = Party("call-2", bench.runner)
        late.ask(ReserveMedia())
        return late

    def test_with_a_late_clock_no_new_stream_is_taken_and_later_it_is(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(time, "thread_time", bench.reactor.seconds)
        late = self.call_on_a_late_clock(bench)
        assert late.told[0][0] == "refused"
        assert "ticks are late" in str(late.told[0])
        assert bench.plane.ports_in_use == 1
        bench.reactor.pass_time(5.0)
        again = Party("call-3", bench.runner)
        again.ask(ReserveMedia())
        assert again.told[0][0] == "reserved"
        again.ask(ReleaseMedia())

    def test_where_others_make_the_clock_late_a_call_is_taken(self, bench: Bench) -> None:
        late = self.call_on_a_late_clock(bench)
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
