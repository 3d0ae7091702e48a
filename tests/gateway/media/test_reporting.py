"""The reports of one call."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.phase_group import StreamNumbers
from gateway.media.reception import ReceptionStatistics
from gateway.media.reporting import (
    COMPENSATION,
    Reporting,
    middle_32,
    ntp_timestamp,
    round_trip_s,
    rtcp_interval_s,
)
from gateway.media.rtcp import Goodbye, ReceiverReport, ReportBlock, SenderReport, SourceDescription, parse_compound

WALLCLOCK_S = 1_700_000_000.0


def interval(random: float = 0.5, **changes: float | bool) -> float:
    plain: dict[str, float | bool] = {
        "members": 2,
        "senders": 2,
        "octets_a_second": 1000.0,
        "average_octets": 120.0,
        "we_sent": True,
        "initial": False,
    }
    return rtcp_interval_s(random=random, **{**plain, **changes})  # type: ignore[arg-type]


def received(*sequences: int) -> ReceptionStatistics:
    statistics = ReceptionStatistics()
    for sequence in sequences:
        statistics.update(sequence)
        statistics.arrived(160 * sequence, 160 * sequence)
    return statistics


@pytest.mark.clause("RFC 3550", "6.3.1")
class TestInterval:
    def test_it_is_around_five_seconds_at_least_and_half_of_it_at_first(self) -> None:
        assert interval() == pytest.approx(5 / COMPENSATION)
        assert interval(initial=True) == pytest.approx(2.5 / COMPENSATION)

    def test_it_varies_from_half_to_one_and_a_half(self) -> None:
        assert interval(0.0) == pytest.approx(2.5 / COMPENSATION)
        assert interval(0.999999) == pytest.approx(7.5 / COMPENSATION, rel=1e-4)

    def test_it_grows_with_the_members(self) -> None:
        assert interval(members=1000, senders=1000) == pytest.approx(120 / COMPENSATION)

    def test_few_senders_share_a_quarter_of_the_bandwidth(self) -> None:
        few = {"members": 1000, "senders": 100}
        assert interval(**few) == pytest.approx(100 * 120 / 250 / COMPENSATION)
        assert interval(**few, we_sent=False) == pytest.approx(900 * 120 / 750 / COMPENSATION)


@pytest.mark.clause("RFC 3550", "6.4.1")
class TestRoundTrip:
    def test_the_example_of_figure_2(self) -> None:
        block = ReportBlock(1, 0, 0, 0, 0, last_sr=0xB7052000, delay=0x00054000)
        assert round_trip_s(0xB710_8000 << 16, block) == 6.125

    def test_without_a_report_of_ours_it_is_not_known(self) -> None:
        assert round_trip_s(0xB7108000 << 16, ReportBlock(1, 0, 0, 0, 0)) is None

    def test_a_delay_that_cannot_be_is_not_believed(self) -> None:
        assert round_trip_s(0xB7052000 << 16, ReportBlock(1, 0, 0, 0, 0, 0xB7052000, 0x10000)) is None

    @given(st.floats(0, 4e9), st.floats(0.001, 100), st.floats(0, 3))
    def test_it_is_found_whatever_the_time(self, sent_s: float, held_s: float, travelled_s: float) -> None:
        last_sr = middle_32(ntp_timestamp(sent_s))
        block = ReportBlock(1, 0, 0, 0, 0, last_sr, round(held_s * 65536))
        found = round_trip_s(ntp_timestamp(sent_s + travelled_s + held_s), block)
        assert last_sr == 0 or found is None or found == pytest.approx(travelled_s, abs=1e-4)

    def test_the_wallclock_counts_from_1900(self) -> None:
        assert ntp_timestamp(0.5) == 2_208_988_800 << 32 | 1 << 31


class TestReports:
    def test_a_sender_reports_what_it_sent_and_heard(self) -> None:
        reporting = Reporting("gw@192.0.2.9", lambda: 0.5, 100.0)
        assert reporting.next_s == pytest.approx(100 + 2.5 / COMPENSATION)
        sent = StreamNumbers(0xAAAA, 50, 8000, 50, 8000)
        data = reporting.report(102.0, WALLCLOCK_S, sent, 0xBBBB, received(1, 2, 4, 5, 5))
        report, names = parse_compound(data)
        assert report == SenderReport(
            0xAAAA, ntp_timestamp(WALLCLOCK_S), 8000, 50, 8000, (ReportBlock(0xBBBB, 0, 0, 5, 0),)
        )
        assert isinstance(names, SourceDescription)
        assert names.chunks[0].cname == "gw@192.0.2.9"
        assert reporting.next_s == pytest.approx(102 + 5 / COMPENSATION)

    def test_who_sent_nothing_since_the_last_report_is_a_receiver(self) -> None:
        reporting = Reporting("gw", lambda: 0.5, 100.0)
        sent = StreamNumbers(0xAAAA, 50, 8000, 50, 8000)
        reporting.report(102.0, WALLCLOCK_S, sent)
        assert parse_compound(reporting.report(107.0, WALLCLOCK_S, sent))[0] == ReceiverReport(0xAAAA)

    def test_lost_packets_are_told(self) -> None:
        reporting = Reporting("gw", lambda: 0.5, 100.0)
        report = parse_compound(reporting.report(102.0, WALLCLOCK_S, None, 0xBBBB, received(65533, 65534, 1, 2)))[0]
        assert isinstance(report, ReceiverReport)
        assert report.reports == (ReportBlock(0xBBBB, 256 * 2 // 6, 2, 65538, 0),)

    def test_two_sides_measure_the_round_trip(self) -> None:
        one, other = (Reporting(name, random.Random(1).random, 0.0) for name in ("one", "other"))
        sent = StreamNumbers(0xAAAA, 50, 8000, 50, 8000)
        other.received(one.report(2.0, WALLCLOCK_S + 2.0, sent), 2.040, WALLCLOCK_S + 9)
        answer = other.report(3.0, WALLCLOCK_S + 9, None, 0xAAAA, received(1, 2, 4))
        one.received(answer, 3.030, WALLCLOCK_S + 3.030)
        view = one.remote_view
        assert view is not None
        assert view.round_trip_s == pytest.approx(0.070, abs=1e-4)
        assert (view.lost, view.fraction_lost, view.at_s) == (1, 0.25, 3.030)
        assert (one.remote_cname, other.remote_cname) == ("other", "one")

    def test_a_report_on_somebody_else_is_nothing_to_us(self) -> None:
        reporting = Reporting("gw", lambda: 0.5, 0.0)
        reporting.report(2.0, WALLCLOCK_S, StreamNumbers(0xAAAA, 1, 1, 1, 160))
        reporting.received(ReceiverReport(1, (ReportBlock(0xCCCC, 9, 9, 9, 9),)).serialize(), 3.0, WALLCLOCK_S)
        assert reporting.remote_view is None

    def test_what_cannot_be_read_is_counted(self) -> None:
        reporting = Reporting("gw", lambda: 0.5, 0.0)
        reporting.received(b"\x80\xc8\x00\x00", 1.0, WALLCLOCK_S)
        assert (reporting.malformed, reporting.reports_received) == (1, 0)

    def test_a_goodbye_is_a_compound_and_is_noticed(self) -> None:
        one, other = (Reporting(name, lambda: 0.5, 0.0) for name in ("one", "other"))
        one.report(2.0, WALLCLOCK_S, StreamNumbers(0xAAAA, 1, 1, 1, 160))
        data = one.goodbye()
        assert parse_compound(data)[-1] == Goodbye((0xAAAA,))
        other.received(data, 3.0, WALLCLOCK_S)
        assert other.left
