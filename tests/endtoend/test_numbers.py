"""Every number of the default plan, dialled over SIP on loopback: what is signalled, and what is heard in the RTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest
from twisted.internet.defer import Deferred

from gateway.media.rtp import signed_difference
from gateway.sdp.model import SessionDescription
from gateway.sip.message import Headers, Request, Response
from gateway.ss7.isup.codec import parse_body
from gateway.ss7.isup.messages import MessageType
from gateway.testing.call import PhoneCall
from gateway.testing.lab import Pstn
from gateway.testing.sync import SyncCall, SyncPhone
from gateway.trace.journal import IsupMessage
from tones.dtmf import render_digits

US, FR = "+121255501", "+331990000"

CHORUS = """
[trace]
calls_kept = 500
"""

NUMBERS = {
    "00": US + "00",
    "00 fr": FR + "00",
    "00 gb": "+441632960000",
    "00 de": "+493023125000",
    "00 jp": "+81355550100",
    "00 national": "2125550100",
    "01": US + "01",
    "02": US + "02",
    "03": US + "03",
    "03 fr": FR + "03",
    "04": US + "04",
    "05": US + "05",
    "05 fr": FR + "05",
    "06": US + "06",
    "07": US + "07",
    "08": US + "08",
    "09": US + "09",
    "11": US + "11",
    "13": US + "13",
    "13 isup": US + "13",
    "15": US + "15",
    "91001": "91001",
    "91017": "91017",
    "91021": "91021",
    "91034": "91034",
}


@pytest.fixture(scope="module")
def chorus(pstn_for: Callable[[str], Pstn]) -> Iterator[dict[str, SyncCall]]:
    """All these numbers, dialled at once: together they take as long as the longest of them."""
    with pstn_for(CHORUS).phone(patience_s=25.0) as phone:
        yield {name: phone.dial(number, accept_isup=name.endswith("isup")) for name, number in NUMBERS.items()}
        assert phone.let_go() == ""


class TestAtOnce:
    """What is over, or settled, before anything is heard."""

    def test_02_is_refused_with_busy_and_nothing_is_heard(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["02"]
        assert (call.status, call.cause) == (486, 17)
        assert call.statuses == [486]
        assert call.arrivals == []

    def test_09_is_answered_without_any_ringing(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["09"]
        assert call.status == 200
        assert call.statuses == [200]
        assert call.heard("hello")

    def test_11_is_a_thousand_and_four_hertz_at_minus_thirteen(self, chorus: dict[str, SyncCall]) -> None:
        tone = chorus["11"].heard("1004 Hz")
        assert tone
        assert tone.level_dbm0 == pytest.approx(-13.0, abs=0.2)


class TestRinging:
    """What rings, and how."""

    def test_00_rings_in_band_for_three_seconds_and_a_voice_answers(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["00"]
        ringing = call.heard("ringback", country="us")
        assert ringing
        voice = call.heard("hello")
        assert voice
        assert call.statuses == [183, 200]
        assert [provisional.had_sdp for provisional in call.provisionals] == [True]
        first, voiced = call.arrivals[0], call.arrivals[round(voice.onset_s / 0.02)]
        assert voiced.at_s - first.at_s == pytest.approx(3.0, abs=0.4)
        assert ringing.onset_s < 0.1
        assert not call.ended

    @pytest.mark.parametrize("country", ["fr", "gb", "de", "jp"])
    def test_00_rings_as_the_country_of_the_number_does(self, chorus: dict[str, SyncCall], country: str) -> None:
        call = chorus[f"00 {country}"]
        call.wait_for("answered")
        assert call.heard("ringback", country=country)

    def test_00_without_plus_is_a_national_number(self, chorus: dict[str, SyncCall]) -> None:
        assert chorus["00 national"].heard("ringback", country="us")

    def test_01_rings_and_is_not_answered(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["01"]
        assert call.heard("ringback", country="us")
        chorus["08"].wait_for("answered")
        assert not call.answered
        assert not call.ended

    def test_07_rings_by_itself_until_it_is_answered(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["07"]
        answered_s = call.wait_for("answered")
        assert call.statuses == [180, 200]
        assert [provisional.had_sdp for provisional in call.provisionals] == [False]
        assert call.wait_for("media") >= answered_s - 0.02
        assert call.heard("hello")
        assert next(str(sound.kind) for sound in call.sounds) == "recording"

    def test_08_rings_by_itself_and_then_in_band(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["08"]
        ringing, in_band = call.wait_for(180), call.wait_for(183)
        assert in_band - ringing == pytest.approx(2.0, abs=0.3)
        assert call.wait_for("media") >= in_band - 0.05
        assert call.heard("ringback", country="us")
        assert call.wait_for("answered") == pytest.approx(5.0, abs=0.5)
        assert [(each.status, each.had_sdp) for each in call.provisionals] == [(180, False), (183, True)]

    def test_15_is_forwarded_and_then_rings_in_band(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["15"]
        assert call.wait_for("answered") == pytest.approx(3.0, abs=0.5)
        assert [(each.status, each.had_sdp) for each in call.provisionals] == [(183, False), (181, False), (183, True)]
        assert call.heard("ringback", country="us")


class TestMidCall:
    """What ISUP says in mid-call."""

    @pytest.mark.clause("RFC 3398", "9.1")
    def test_13_tells_a_caller_that_takes_isup_of_suspend_and_resume(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["13 isup"]
        chorus["08"].wait_for("answered")
        bodies = [(info.content_type, parse_body(info.body).type) for info in call.infos]
        assert [kind for _, kind in bodies] == [MessageType.SUS, MessageType.RES]
        assert all(written.lower().startswith("application/isup") for written, _ in bodies)
        assert not call.ended

    @pytest.mark.clause("RFC 3398", "9.1")
    def test_13_does_not_trouble_a_caller_that_takes_none(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["13"]
        chorus["08"].wait_for("answered")
        assert call.infos == []
        assert call.answered and not call.ended


class TestFailing:
    """What is heard first, and refused then."""

    @pytest.mark.parametrize(("name", "country"), [("03", "us"), ("03 fr", "fr")])
    def test_03_is_busy_in_band_and_released_after_ten_seconds(
        self, chorus: dict[str, SyncCall], name: str, country: str
    ) -> None:
        call = chorus[name]
        assert call.heard("busy", country=country)
        assert (call.status, call.cause) == (486, 17)
        assert call.statuses == [183, 486]
        assert call.wait_for("ended") == pytest.approx(10.0, abs=0.7)

    def test_04_says_twice_that_the_number_is_not_in_service(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["04"]
        assert (call.status, call.cause) == (404, 1)
        assert call.heard("special-information", country="us")
        names = [sound.name for sound in call.sounds if str(sound.kind) != "silence"]
        assert names == ["special-information", "number-not-in-service"] * 2

    @pytest.mark.parametrize(("name", "country"), [("05", "us"), ("05 fr", "fr")])
    def test_05_is_congestion(self, chorus: dict[str, SyncCall], name: str, country: str) -> None:
        call = chorus[name]
        assert call.heard("congestion", country=country)
        assert (call.status, call.cause) == (503, 34)

    def test_06_speaks_the_new_number(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["06"]
        assert (call.status, call.cause) == (410, 22)
        assert call.heard("number-changed")
        assert call.heard("12125550100")

    def test_91001_is_the_tone_and_the_announcement_of_cause_1(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["91001"]
        assert call.heard("special-information", country="us")
        assert call.heard("number-not-in-service")
        assert (call.status, call.cause) == (404, 1)

    def test_91017_is_the_busy_tone(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["91017"]
        assert call.heard("busy", country="us")
        assert (call.status, call.cause) == (486, 17)

    def test_91021_says_that_the_call_is_not_accepted(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["91021"]
        assert call.heard("call-rejected")
        assert (call.status, call.cause) == (403, 21)

    def test_91034_is_congestion(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["91034"]
        assert call.heard("congestion", country="us")
        assert (call.status, call.cause) == (503, 34)


class TestStream:
    """The RTP of a whole call, from 183 to the voice after the answer."""

    @pytest.mark.clause("RFC 3550", "5.1")
    def test_it_is_one_stream_without_a_gap(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["00"]
        assert call.heard("hello")
        packets = [arrival.packet for arrival in call.arrivals]
        assert len({packet.ssrc for packet in packets}) == 1
        assert {packet.payload_type for packet in packets} == {0}
        assert {len(packet.payload) for packet in packets} == {160}
        pairs = list(pairwise(packets))
        assert {signed_difference(b.sequence, a.sequence, 1 << 16) for a, b in pairs} == {1}
        assert {signed_difference(b.timestamp, a.timestamp, 1 << 32) for a, b in pairs} == {160}

    @pytest.mark.clause("RFC 3551", "4.1")
    def test_the_marker_stands_where_a_sound_begins(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["00"]
        voice = call.heard("hello")
        marked = [number for number, arrival in enumerate(call.arrivals) if arrival.packet.marker]
        assert marked[0] == 0
        assert len(marked) == 2
        assert marked[1] * 0.02 == pytest.approx(voice.onset_s, abs=0.1)

    def test_packets_come_every_twenty_milliseconds(self, chorus: dict[str, SyncCall]) -> None:
        times = np.array([arrival.at_s for arrival in chorus["11"].arrivals])
        assert np.median(np.diff(times)) == pytest.approx(0.020, abs=0.003)

    @pytest.mark.clause("RFC 3261", "13.2.1")
    def test_the_answer_does_not_change_from_183_to_200(self, chorus: dict[str, SyncCall]) -> None:
        call = chorus["08"]
        call.wait_for("answered")
        assert len(set(call.call.descriptions)) == 1


class TestShortNumbers:
    """90ccc, and what is no number at all."""

    @pytest.mark.parametrize(
        ("cause", "status"),
        [
            (1, 404),
            (2, 404),
            (16, 500),
            (17, 486),
            (18, 408),
            (19, 480),
            (21, 403),
            (22, 410),
            (27, 502),
            (28, 484),
            (29, 501),
            (34, 503),
            (41, 503),
            (55, 403),
            (65, 488),
            (102, 504),
            (127, 500),
        ],
    )
    @pytest.mark.clause("RFC 3398", "7.2.4.1")
    def test_90ccc_is_released_with_that_cause(self, phone: SyncPhone, cause: int, status: int) -> None:
        call = phone.dial(f"90{cause:03}")
        assert (call.status, call.cause) == (status, cause)
        assert call.statuses == [status]

    @pytest.mark.parametrize(
        "number", ["1", "123", "12345", "92017", "90000", "90128", "9001", "+1999", "+33199000016"]
    )
    def test_any_other_number_is_not_found(self, phone: SyncPhone, number: str) -> None:
        call = phone.dial(number)
        assert (call.status, call.cause) == (404, 1)

    @pytest.mark.clause("RFC 3398", "7.2.1.1")
    def test_a_name_is_no_number(self, phone: SyncPhone) -> None:
        host, port = phone.pstn.address
        assert phone.dial(f"sip:alice@{host}:{port}").status == 404

    def test_a_tel_uri_is_a_number(self, phone: SyncPhone) -> None:
        assert phone.dial("90017", scheme="tel").status == 486
        assert phone.dial("tel:+1-212-555-0102").status == 486


STEPS = """
[isup]
t9 = 1.0
[exchange.behaviours.60]
steps = [{ wait = 20.0 }, { send = "REL", cause = 31 }]
[exchange.behaviours.61]
steps = [{ send = "ACM", called_party = "subscriber free" }, { stay = true }]
[exchange.behaviours.62]
steps = [{ send = "ACM", in_band = true }, { play = "tone ringback" }, { stay = true }]
[exchange.behaviours.63]
steps = [{ send = "CON" }, { play = "say hello", times = 1 }, { wait = 0.2 }, { send = "REL", cause = 16 }]
[exchange.behaviours.64]
steps = [{ send = "ACM", in_band = true }, { wait = 0.8 }, { send = "ANM" }, { echo = true }, { stay = true }]
[exchange.behaviours.65]
steps = [
    { send = "ACM", in_band = true }, { play = "tone ringback" }, { wait = 0.3 },
    { send = "ANM" }, { play = "say hello", times = 1 }, { stay = true },
]
"""


def released_with(phone: SyncPhone, call: SyncCall) -> list[str]:
    """The summaries of the RELs that the gateway sent for a call."""
    events = phone.pstn.events(call.call.call_id)
    return [event.summary for event in events if isinstance(event, IsupMessage) and event.name == "REL" and event.sent]


class CancelOutcome:
    """What becomes of a CANCEL of our own making."""

    def __init__(self) -> None:
        self.status: Deferred[int] = Deferred()

    def response_received(self, response: Response) -> None:
        self.status.callback(response.status)

    def request_timed_out(self) -> None:
        self.status.callback(408)

    def transport_failed(self, why: str) -> None:
        self.status.callback(503)


@pytest.mark.pstn(toml=STEPS)
class TestGivingUp:
    """CANCEL and BYE in each state (RFC 3261 §9, §15; RFC 3398 §7.2.3, §10)."""

    @pytest.mark.parametrize(("ending", "until"), [("60", None), ("61", 180), ("62", 183)])
    @pytest.mark.clause("RFC 3398", "7.2.3")
    def test_cancel_before_the_answer_ends_in_487(self, phone: SyncPhone, ending: str, until: int | None) -> None:
        call = phone.dial(US + ending, until=until)
        call.cancel()
        assert call.status == 487
        assert not call.answered
        assert phone.let_go() == ""
        assert [text.split(" ")[:3] for text in released_with(phone, call)] in ([], [["REL", "cause", "16"]])

    @pytest.mark.parametrize("ending", ["09", "02", "62"])
    @pytest.mark.clause("RFC 3261", "9.1")
    def test_cancel_that_crosses_the_final_response_leaves_nothing(self, phone: SyncPhone, ending: str) -> None:
        def dial_and_cancel() -> list[PhoneCall]:
            calls = [phone.phone.dial(US + ending) for _ in range(5)]
            for call in calls:
                call.cancel()
            return calls

        calls: list[PhoneCall] = phone.pstn.call(dial_and_cancel)
        for call in calls:
            phone.pstn.call(call.when_ended)
        assert phone.let_go() == ""
        assert {call.status for call in calls} <= {None, 200, 486, 487}

    @pytest.mark.clause("RFC 3261", "9.2")
    def test_cancel_after_the_answer_changes_nothing(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "10", until="answered")
        session = call.call.session
        invite = session.request
        assert invite is not None
        kept = ("From", "To", "Call-ID", "Max-Forwards")
        headers = Headers([(name, invite.headers.get(name) or "") for name in kept])
        headers.add("CSeq", "1 CANCEL")
        cancel = Request(method="CANCEL", uri=invite.uri, headers=headers)
        told = CancelOutcome()
        send, branch = session._core.layer.send_request, invite.via.branch or ""
        phone.pstn.call(lambda: call.call._runner.deliver(send, cancel, session.flow, told, branch))
        assert phone.pstn.call(lambda: told.status) == 200
        call.send_digit("5")
        assert call.heard_digit("5")
        assert not call.ended

    @pytest.mark.clause("RFC 3261", "15")
    def test_the_caller_hangs_up(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "10", until="answered")
        call.hang_up()
        assert phone.let_go() == ""
        assert [text.split(" ")[:3] for text in released_with(phone, call)] == [["REL", "cause", "16"]]

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    @pytest.mark.clause("RFC 3398", "10.2.1")
    def test_the_called_party_hangs_up(self, phone: SyncPhone, transport: str) -> None:
        call = phone.dial(US + "63", transport="tcp" if transport == "tcp" else "udp")
        assert call.status == 200
        assert call.cause == 16

    def test_nobody_answers(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "62")
        assert (call.status, call.cause) == (480, 19)
        assert call.wait_for("ended") == pytest.approx(1.0, abs=0.3)


@pytest.mark.pstn(toml=STEPS)
class TestOfferAndAnswer:
    """What is offered, how, and what comes of it."""

    @pytest.mark.parametrize("codecs", [("PCMU", "PCMA"), ("PCMA", "PCMU"), ("PCMA",), ("G729", "PCMA", "PCMU")])
    @pytest.mark.clause("RFC 3264", "6.1")
    def test_the_offer_says_which_codec_is_preferred(self, phone: SyncPhone, codecs: tuple[str, ...]) -> None:
        call = phone.dial(US + "11", codecs=codecs, until="media")
        tone = call.heard("1004 Hz")
        expected = next(name for name in codecs if name != "G729")
        assert tone.level_dbm0 == pytest.approx(-13.0, abs=0.2)
        assert {arrival.packet.payload_type for arrival in call.arrivals} == {{"PCMU": 0, "PCMA": 8}[expected]}

    @pytest.mark.clause("RFC 3261", "21.4.26")
    def test_an_offer_of_nothing_usable_is_not_acceptable(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "00", codecs=("G729", "GSM"))
        assert call.status == 488
        assert (call.call.responses[-1].headers.get("Warning") or "").startswith("305 ")

    @pytest.mark.clause("RFC 3262", "3")
    def test_100rel_required_makes_progress_reliable(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "65", reliable="required", until="answered")
        assert [(each.status, each.reliable) for each in call.provisionals] == [(183, True)]
        assert call.heard("hello")

    @pytest.mark.clause("RFC 3262", "3")
    def test_without_100rel_progress_is_not_reliable(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "65", reliable="none", until="answered")
        assert [(each.status, each.reliable, each.had_sdp) for each in call.provisionals] == [(183, False, True)]
        assert call.heard("hello")
        assert len(call.call.descriptions) == 2
        assert len(set(call.call.descriptions)) == 1

    @pytest.mark.clause("RFC 3262", "5")
    def test_an_invite_without_offer_hears_early_media_by_100rel(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "62", offers=False, until="media")
        assert call.provisionals[0].had_sdp
        assert call.heard("ringback", country="us")
        assert call.call.agreed is not None

    @pytest.mark.clause("RFC 3261", "13.2.2.4")
    def test_an_invite_without_offer_and_100rel_hears_nothing_before_the_answer(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "65", offers=False, reliable="none")
        assert call.status == 200
        assert [each.had_sdp for each in call.provisionals] == [False]
        assert call.wait_for("media") >= call.wait_for("answered") - 0.02
        assert call.heard("hello")
        assert not call.ended

    def test_a_call_over_tcp(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "65", transport="tcp", until="answered")
        assert call.statuses == [183, 200]
        assert call.heard("hello")
        assert call.call.responses[0].via.transport.upper() == "TCP"
        call.hang_up()
        assert phone.let_go() == ""

    def test_the_description_names_where_the_sound_comes_from(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "11", until="media")
        sdp = SessionDescription.parse(call.call.descriptions[0])
        assert {arrival.source for arrival in call.arrivals} == {("127.0.0.1", sdp.media[0].port)}


@pytest.mark.pstn(toml=STEPS)
class TestDigits:
    """Digits on their way to the far side and back: the number 10 echoes."""

    @pytest.mark.clause("RFC 6086", "4.2")
    def test_a_digit_in_info_sounds_on_the_circuit(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "10", until="answered")
        call.send_digit("5")
        call.send_digit("#")
        assert call.heard_digit("5#")
        assert call.call.refused_requests == []

    @pytest.mark.clause("RFC 4733", "2")
    def test_a_telephone_event_sounds_on_the_circuit(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "10", until="media")
        call.press_digit("7")
        assert call.heard_digit("7")

    def test_what_is_said_comes_back(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "10", until="media", telephone_event=False)
        call.speak(render_digits("42"))
        assert call.heard_digit("42")

    def test_nothing_goes_forward_before_the_answer(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "64", until="media")
        call.speak(render_digits("1"))
        assert not call.answered
        call.wait_for("answered")
        call.speak(render_digits("2"))
        assert call.heard_digit("2")
        assert "1" not in "".join(sound.name for sound in call.sounds if str(sound.kind) == "dtmf")

    @pytest.mark.clause("RFC 3398", "7.2.7")
    def test_a_digit_in_info_before_the_answer_is_refused(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "62", until=183)
        call.send_digit("5")
        call.wait_for("ended")
        assert call.call.refused_requests == [("INFO", 403)]

    @pytest.mark.clause("RFC 3261", "8.2.3")
    def test_an_unknown_info_is_refused_and_the_call_goes_on(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "10", until="answered")
        call.send_info("application/x-nonsense", b"nonsense")
        call.send_digit("9")
        assert call.heard_digit("9")
        assert call.call.refused_requests == [("INFO", 415)]
        assert not call.ended
