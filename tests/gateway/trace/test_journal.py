"""The journal: order, bounds, observers, and whose a Call-ID or a circuit is."""

from __future__ import annotations

import pytest
from attrs.exceptions import FrozenInstanceError

from gateway.core.clause import Clause, Decision
from gateway.sip.effects import Flow, Transport
from gateway.trace.journal import NO_CALL, Decided, Event, Journal, JournalSettings, Note, SipMessage

FLOW = Flow(Transport.UDP, ("127.0.0.1", 5060), ("127.0.0.1", 5070))


def note(call: str, at_s: float = 0.0, text: str = "") -> Note:
    return Note(at_s, call, text)


class TestEvents:
    def test_a_message_received_comes_from_the_remote_end(self) -> None:
        event = SipMessage(0.0, "c1", False, "INVITE", b"", FLOW)
        assert event.source == ("127.0.0.1", 5070)
        assert event.destination == ("127.0.0.1", 5060)

    def test_a_message_sent_comes_from_the_local_end(self) -> None:
        event = SipMessage(0.0, "c1", True, "100 Trying", b"", FLOW)
        assert event.source == ("127.0.0.1", 5060)
        assert event.destination == ("127.0.0.1", 5070)

    def test_events_are_frozen(self) -> None:
        with pytest.raises(FrozenInstanceError):
            note("c1").text = "other"  # type: ignore[misc]


class TestKeeping:
    def test_the_events_of_a_call_come_back_in_order_and_apart_from_other_calls(self) -> None:
        journal = Journal()
        events = [note("a", 0.1), note("b", 0.2), note("a", 0.3)]
        for event in events:
            journal.append(event)
        assert journal.events("a") == (events[0], events[2])
        assert journal.events("b") == (events[1],)
        assert journal.events("c") == ()

    def test_the_call_that_was_quiet_longest_is_dropped_and_counted(self) -> None:
        journal = Journal(JournalSettings(calls_kept=2))
        for call in ("a", "b", "a", "c"):
            journal.append(note(call))
        assert journal.calls == ("a", "c")
        assert journal.events("b") == ()
        assert (journal.dropped_calls, journal.dropped_events) == (1, 1)

    def test_a_call_keeps_its_newest_events_and_the_others_are_counted(self) -> None:
        journal = Journal(JournalSettings(events_per_call=3))
        for index in range(5):
            journal.append(note("a", index))
        assert [event.at_s for event in journal.events("a")] == [2, 3, 4]
        assert (journal.dropped_calls, journal.dropped_events) == (0, 2)

    def test_what_belongs_to_no_call_is_kept_but_is_no_call(self) -> None:
        journal = Journal(JournalSettings(calls_kept=1, events_per_call=2))
        for index in range(3):
            journal.append(note(NO_CALL, index))
        journal.append(note("a"))
        assert journal.calls == ("a",)
        assert [event.at_s for event in journal.events(NO_CALL)] == [1, 2]

    @pytest.mark.parametrize("settings", [{"calls_kept": 0}, {"events_per_call": 0}])
    def test_a_journal_that_keeps_nothing_is_refused(self, settings: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="must be >= 1"):
            JournalSettings(**settings)

    def test_wall_time_counts_from_the_start(self) -> None:
        assert Journal(started_epoch_s=1_700_000_000.0).wall_s(2.5) == 1_700_000_002.5


class TestObservers:
    def test_each_is_told_at_once_and_in_order(self) -> None:
        journal = Journal()
        told: list[tuple[str, Event]] = []
        journal.observe(lambda event: told.append(("first", event)))
        journal.observe(lambda event: told.append(("second", event)))
        event = Decided(0.0, "a", Decision("rule", "outcome", Clause("RFC 3398")))
        journal.append(event)
        assert told == [("first", event), ("second", event)]

    def test_one_that_stopped_is_told_no_more(self) -> None:
        journal = Journal()
        told: list[Event] = []
        stop = journal.observe(told.append)
        journal.append(note("a"))
        stop()
        stop()
        journal.append(note("b"))
        assert [event.call for event in told] == ["a"]

    def test_one_may_stop_while_it_is_told(self) -> None:
        journal = Journal()
        told: list[str] = []

        def once(event: Event) -> None:
            told.append("once")
            stop()

        stop = journal.observe(once)
        journal.observe(lambda event: told.append("other"))
        journal.append(note("a"))
        journal.append(note("a"))
        assert told == ["once", "other", "other"]

    def test_the_event_is_kept_though_an_observer_fails(self) -> None:
        def fail(event: Event) -> None:
            raise RuntimeError("disk full")

        journal = Journal()
        journal.observe(fail)
        with pytest.raises(RuntimeError, match="disk full"):
            journal.append(note("a"))
        assert len(journal.events("a")) == 1


class TestCorrelation:
    def test_a_call_id_finds_its_call_until_it_is_unbound(self) -> None:
        journal = Journal()
        journal.bind("x@host", "call-1")
        assert journal.call_of("x@host") == "call-1"
        journal.unbind("x@host")
        journal.unbind("x@host")
        assert journal.call_of("x@host") == NO_CALL

    def test_a_circuit_finds_the_call_that_seized_it_last(self) -> None:
        journal = Journal()
        journal.bind_circuit(7, "call-1")
        journal.bind_circuit(7, "call-2")
        assert journal.call_on(7) == "call-2"
        assert journal.call_on(8) == NO_CALL

    def test_a_late_release_does_not_unbind_the_next_call(self) -> None:
        journal = Journal()
        journal.bind_circuit(7, "call-1")
        journal.bind_circuit(7, "call-2")
        journal.unbind_circuit(7, "call-1")
        assert journal.call_on(7) == "call-2"
        journal.unbind_circuit(7)
        assert journal.call_on(7) == NO_CALL

    def test_unbinding_a_call_forgets_all_its_names_and_no_others(self) -> None:
        journal = Journal()
        journal.bind("in@host", "call-1")
        journal.bind("out@host", "call-1")
        journal.bind("else@host", "call-2")
        journal.bind_circuit(1, "call-1")
        journal.bind_circuit(2, "call-2")
        journal.unbind_call("call-1")
        journal.unbind_call("call-1")
        assert [journal.call_of(name) for name in ("in@host", "out@host", "else@host")] == [NO_CALL, NO_CALL, "call-2"]
        assert [journal.call_on(cic) for cic in (1, 2)] == [NO_CALL, "call-2"]

    def test_a_name_that_moved_to_another_call_stays_there_when_the_first_ends(self) -> None:
        journal = Journal()
        journal.bind("x@host", "call-1")
        journal.bind("x@host", "call-2")
        journal.unbind_call("call-1")
        assert journal.call_of("x@host") == "call-2"
