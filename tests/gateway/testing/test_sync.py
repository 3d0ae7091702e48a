"""The telephone for code that waits: what its calls answer."""

from __future__ import annotations

import pytest
from attrs import evolve

from gateway.testing.lab import Holdings, Pstn
from gateway.testing.sync import CallFailureError, Hearing, SyncPhone, summary
from gateway.trace.journal import IsupMessage, SipMessage
from tones.detect import Heard, Kind

US = "+121255501"
BUSY = Heard(Kind.TONE, "busy", 0.0, 3.0, -10.0, 0.98, ("fr",), frequencies_hz=(440.0,))
HELLO = Heard(Kind.RECORDING, "hello", 3.0, 2.0, -17.0, 1.0)


class TestHearing:
    def test_what_was_heard_is_true_and_says_when(self) -> None:
        hearing = Hearing("busy (fr)", BUSY, (BUSY, HELLO), 3.0)
        assert hearing
        assert (hearing.onset_s, hearing.duration_s, hearing.level_dbm0, hearing.countries) == (0, 3, -10, ("fr",))
        assert repr(hearing) == "<heard busy (fr): 0.00-3.00 s tone busy (fr) -10.0 dBm0>"

    def test_what_was_not_is_false_and_says_what_was(self) -> None:
        hearing = Hearing("ringback", None, (BUSY, HELLO), 4.5)
        assert not hearing
        assert repr(hearing) == "<ringback not heard in 4.5 s, but 0.0 s busy (fr), 3.0 s announcement hello>"
        with pytest.raises(CallFailureError, match="ringback not heard"):
            _ = hearing.onset_s

    def test_of_an_announcement_it_knows_the_language(self) -> None:
        assert Hearing("hello", evolve(HELLO, language="fr"), (), 3.0).language == "fr"
        assert summary([evolve(HELLO, language="fr")]) == "3.0 s announcement hello (fr)"

    def test_the_summary_is_short(self) -> None:
        assert summary([]) == "nothing"
        assert summary([BUSY] * 6).endswith("0.0 s busy (fr), and 2 more")


class TestAsking:
    def test_a_sound_that_does_not_exist_is_a_mistake_of_the_test(self, phone: SyncPhone) -> None:
        call = phone.dial("90017")
        with pytest.raises(ValueError, match=r"'bussy' is no tone .*; did you mean busy"):
            call.heard("bussy")

    def test_so_is_a_language_in_which_nothing_is_said(self, phone: SyncPhone) -> None:
        call = phone.dial("90017")
        with pytest.raises(ValueError, match="nothing is said in 'xx'; there are: en, de, "):
            call.heard("hello", language="xx")

    def test_announcements_that_begin_alike_are_told_apart(self, phone: SyncPhone) -> None:
        call = phone.dial("91028")
        assert not call.heard("number-not-in-service")
        assert call.heard("number-incomplete", country="us", language="en")

    def test_a_call_that_is_over_is_not_waited_for(self, phone: SyncPhone) -> None:
        call = phone.dial("90017")
        hearing = call.heard("busy")
        assert not hearing
        assert hearing.waited_s < 5
        assert repr(hearing).endswith("but nothing>")

    def test_time_is_up(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "11", until="media")
        hearing = call.heard("busy", country="us", timeout=0.5)
        assert repr(hearing).startswith("<busy (us) not heard in 0.")
        assert "1004 Hz" in repr(hearing)

    def test_a_country_without_the_tone_has_the_generic_one(self, phone: SyncPhone) -> None:
        call = phone.dial("+493023125003", until="media")
        assert call.heard("busy", country="de")

    def test_a_status_that_does_not_come(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "11", until="answered")
        with pytest.raises(CallFailureError, match=r"ended has not come within 0.1 s; .* is: answered"):
            call.wait_for("ended", timeout=0.1)
        with pytest.raises(CallFailureError, match="a 183 response never came"):
            phone.dial("90017").wait_for(183)

    def test_silence(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "10", until="media")
        assert call.heard_silence(0.4)
        assert not call.heard_silence(60.0, timeout=0.3)


class TestLettingGo:
    def test_a_call_that_stays_is_found(self, pstn: Pstn) -> None:
        with pstn.phone() as phone, pstn.phone() as other:
            assert phone.let_go() == ""
            other.dial(US + "10", until="answered")
            assert phone.let_go() == ("calls: 1, sessions: 1, circuits: 1, exchange_circuits: 1, ports: 1, sounding: 1")
            other.hang_up()
            assert phone.let_go() == ""

    def test_holdings_beyond_others(self) -> None:
        assert Holdings(calls=3, ports=1).beyond(Holdings(calls=1, ports=2)) == {"calls": 2}


class TestTrace:
    def test_the_events_of_a_call_are_found_by_its_call_id(self, phone: SyncPhone) -> None:
        one, other = phone.dial("90017"), phone.dial("90034")
        assert (one.status, other.status) == (486, 503)
        events = phone.pstn.events(one.call.call_id)
        assert [event.name for event in events if isinstance(event, IsupMessage)] == ["IAM", "REL", "RLC"]
        assert any(isinstance(event, SipMessage) and event.summary.startswith("486") for event in events)

    def test_the_ladder_has_all_three_columns(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "11", until="media")
        assert call.heard("1004 Hz")
        ladder = call.ladder()
        for text in ("INVITE", "IAM", "CON", "200 OK", "♪ 1004 Hz", "[RFC 3398 §7.2.7]"):
            assert text in ladder

    def test_a_call_that_nobody_knows(self, pstn: Pstn) -> None:
        assert pstn.ladder("nobody") == "nothing is known of a call nobody\n"
        assert pstn.events("nobody") == ()


class TestMishaps:
    def test_an_exception_in_a_machine_is_found(self) -> None:
        def fails() -> None:
            raise ZeroDivisionError

        with Pstn() as pstn:
            pstn.start()
            with pstn.phone() as phone:
                pstn.call(lambda: pstn.lab.runner.deliver(fails))
                assert phone.let_go() == "mishaps: 1"
            assert "ZeroDivisionError" in pstn.failures[0]
