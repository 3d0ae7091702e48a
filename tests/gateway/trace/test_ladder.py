"""The ladder: which decision explains which step, and how rows look as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.clause import Clause, Decision
from gateway.sip.effects import Flow, Transport
from gateway.trace.journal import Decided, Event, IsupMessage, Note, Side, SipMessage, Sound
from gateway.trace.ladder import Ladder, Layout, Role, Row, RowKind, cells, ladder, printable

FLOW = Flow(Transport.UDP, ("127.0.0.1", 5060), ("127.0.0.1", 5070))
CALL = "call-1"


def sip(at_s: float, sent: bool, summary: str) -> SipMessage:
    return SipMessage(at_s, CALL, sent, summary, b"", FLOW)


def isup(at_s: float, sent: bool, summary: str) -> IsupMessage:
    return IsupMessage(at_s, CALL, sent, 1, summary.split()[0], summary, b"")


def decided(at_s: float, rule: str, outcome: str, section: str = "7.2.1") -> Decided:
    return Decided(at_s, CALL, Decision(rule, outcome, Clause("RFC 3398", section), (("called", "+33199000003"),)))


def sound(at_s: float, side: Side, text: str, detail: str = "") -> Sound:
    return Sound(at_s, CALL, side, text, detail)


def rules(rows: list[Row]) -> list[tuple[str, tuple[str, ...]]]:
    """Each row's text and the rules that explain it."""
    return [(row.text, tuple(reason.rule for reason in row.reasons)) for row in rows]


BUSY: list[Event] = [
    sip(0.0, False, "INVITE +33199000003 (SDP)"),
    sip(0.001, True, "100 Trying"),
    decided(0.002, "invite-to-iam", "IAM", "7.2.1"),
    isup(0.002, True, "IAM +33199000003"),
    isup(0.003, False, "ACM in-band"),
    sound(0.003, "network", "busy (fr)"),
    decided(0.004, "acm-in-band", "183 with SDP", "7.2.5"),
    sip(0.004, True, "183 Session Progress (SDP)"),
    sound(0.65, "caller", "busy (fr) 440 Hz", "-13.0 dBm0"),
    isup(10.0, False, "REL cause 17 (user busy)"),
    decided(10.001, "release", "486 Busy Here (cause 17)", "7.2.4.1"),
    isup(10.001, True, "RLC"),
    sip(10.002, True, "486 Busy Here"),
    sip(10.003, False, "ACK"),
]

BUSY_TEXT = """\
    time caller            SIP            gateway        ISUP        exchange  what the caller hears
   0.000 │──── INVITE +33199000003 (SDP) ────▶│                               │
   0.001 │◀─────────── 100 Trying ────────────│                               │
   0.002 │                                    │────── IAM +33199000003 ──────▶│
         │ ╰ invite-to-iam: IAM [RFC 3398 §7.2.1]
   0.003 │                                    │◀──────── ACM in-band ─────────│
   0.003 │                                    │◀┈┈┈┈┈┈┈┈ ♪ busy (fr) ┈┈┈┈┈┈┈┈┈│
   0.004 │◀─── 183 Session Progress (SDP) ────│                               │
         │ ╰ acm-in-band: 183 with SDP [RFC 3398 §7.2.5]
   0.650 │                                    │                               │  ♪ busy (fr) 440 Hz
         │                                    │                               │    -13.0 dBm0
  10.000 │                                    │◀── REL cause 17 (user busy) ──│
  10.001 │                                    │──────────── RLC ─────────────▶│
  10.002 │◀────────── 486 Busy Here ──────────│                               │
         │ ╰ release: 486 Busy Here (cause 17) [RFC 3398 §7.2.4.1]
  10.003 │─────────────── ACK ───────────────▶│                               │
"""


class TestReasons:
    def test_a_decision_explains_the_step_that_follows(self) -> None:
        rows = ladder([decided(0.0, "a", "go on"), isup(0.0, True, "IAM"), isup(0.1, True, "SAM")])
        assert rules(rows) == [("IAM", ("a",)), ("SAM", ())]

    def test_several_decisions_explain_one_step(self) -> None:
        rows = ladder([decided(0.0, "a", "go on"), decided(0.0, "b", "183"), sip(0.0, True, "183 Session Progress")])
        assert rules(rows) == [("183 Session Progress", ("a", "b"))]

    def test_one_that_names_a_message_waits_for_it(self) -> None:
        rows = ladder([decided(0.0, "a", "486 Busy Here"), isup(0.0, True, "RLC"), sip(0.0, True, "486 Busy Here")])
        assert rules(rows) == [("RLC", ()), ("486 Busy Here", ("a",))]

    def test_one_that_names_several_messages_explains_each_of_them(self) -> None:
        rows = ladder(
            [
                decided(0.0, "t9", "480, REL 102"),
                isup(0.0, True, "REL"),
                sip(0.0, True, "183 X"),
                sip(0.0, True, "480 Gone"),
                isup(0.0, True, "REL"),
            ]
        )
        assert rules(rows) == [("REL", ("t9",)), ("183 X", ()), ("480 Gone", ("t9",)), ("REL", ())]

    @pytest.mark.parametrize("outcome", ["digit for 160 ms", "440 Hz", "as cause 127", "160 octets"])
    def test_quantities_and_causes_are_no_status_codes(self, outcome: str) -> None:
        rows = ladder([decided(0.0, "a", outcome), sip(0.0, True, "200 OK (INFO)")])
        assert rules(rows) == [("200 OK (INFO)", ("a",))]

    def test_abbreviations_that_are_no_messages_name_none(self) -> None:
        rows = ladder([decided(0.0, "a", "RTP cut through, SDP 8000 Hz"), sip(0.0, True, "180 Ringing")])
        assert rules(rows) == [("180 Ringing", ("a",))]

    @pytest.mark.parametrize(
        "event",
        [
            sip(0.0, False, "CANCEL"),
            isup(0.0, False, "CPG"),
            sound(0.0, "network", "busy"),
            sound(0.0, "exchange", "5"),
        ],
    )
    def test_what_the_other_side_does_is_not_explained(self, event: Event) -> None:
        rows = ladder([decided(0.0, "a", "wait for the answer"), event])
        assert [reasons for _, reasons in rules(rows)] == [("a",), ()]
        assert rows[0].kind is RowKind.DECIDED

    @pytest.mark.parametrize("event", [sound(0.1, "caller", "ringback"), Note(0.1, CALL, "T9 ran out")])
    def test_what_the_caller_hears_and_remarks_are_explained(self, event: Event) -> None:
        assert [reasons for _, reasons in rules(ladder([decided(0.0, "a", "cut through"), event]))] == [("a",)]

    def test_one_that_waited_too_long_stands_alone_before_what_follows(self) -> None:
        rows = ladder([decided(1.0, "a", "nothing to send"), decided(1.3, "b", "REL 19"), isup(1.3, True, "REL")])
        assert rules(rows) == [("", ("a",)), ("REL", ("b",))]
        assert [row.at_s for row in rows] == [1.0, 1.3]

    def test_rows_come_as_soon_as_they_can(self) -> None:
        live = Ladder()
        assert live.feed(decided(0.0, "a", "IAM")) == []
        assert len(live.feed(isup(0.0, True, "IAM"))) == 1
        assert live.feed(decided(0.1, "b", "nothing")) == []
        assert rules(live.close()) == [("", ("b",))]
        assert live.close() == []

    events = st.lists(
        st.one_of(
            st.builds(sip, st.floats(0, 3), st.booleans(), st.sampled_from(["183 X", "INVITE", "200 OK"])),
            st.builds(isup, st.floats(0, 3), st.booleans(), st.sampled_from(["ACM", "REL cause 17"])),
            st.builds(sound, st.floats(0, 3), st.sampled_from(["caller", "exchange", "network"]), st.just("busy")),
            st.builds(decided, st.floats(0, 3), st.uuids().map(str), st.sampled_from(["183", "REL or ACM", "none"])),
            st.builds(Note, st.floats(0, 3), st.just(CALL), st.just("remark")),
        ),
        max_size=20,
    ).map(lambda events: sorted(events, key=lambda event: event.at_s))

    @given(events)
    def test_every_step_has_one_row_in_order_and_no_decision_is_lost(self, events: list[Event]) -> None:
        rows = ladder(events)
        assert [row.at_s for row in rows if row.kind is not RowKind.DECIDED] == [
            event.at_s for event in events if not isinstance(event, Decided)
        ]
        shown = [reason.rule for row in rows for reason in row.reasons]
        assert set(shown) == {event.decision.rule for event in events if isinstance(event, Decided)}
        alone = [reason.rule for row in rows if row.kind is RowKind.DECIDED for reason in row.reasons]
        assert all(shown.count(rule) == 1 for rule in alone)
        assert all(row.reasons for row in rows if row.kind is RowKind.DECIDED)


class TestText:
    def test_a_call_as_text(self) -> None:
        assert Layout(118).text(ladder(BUSY)) == BUSY_TEXT

    def test_arrows_point_where_the_message_goes(self) -> None:
        text = Layout(100, ascii_only=True).text(
            ladder([sip(0, False, "BYE"), sip(0, True, "200 OK"), isup(0, True, "REL"), isup(0, False, "RLC")])
        )
        received, sent, to_exchange, from_exchange = text.splitlines()[1:]
        assert received.index("BYE") < received.index(">")
        assert sent.index("<") < sent.index("200 OK")
        assert to_exchange.index("REL") < to_exchange.index(">")
        assert from_exchange.index("<") < from_exchange.index("RLC")

    def test_what_the_far_side_hears_is_a_dotted_arrow_to_the_exchange(self) -> None:
        line = Layout(100).text(ladder([sound(2, "exchange", "digit 5")])).splitlines()[1]
        assert "┈ ♪ digit 5 ┈" in line
        assert line.endswith("┈▶│")

    def test_a_decision_alone_shows_its_time(self) -> None:
        assert Layout(100).text(ladder([decided(3, "hold", "nothing yet")])).splitlines()[1] == (
            "   3.000 │ ╰ hold: nothing yet [RFC 3398 §7.2.1]"
        )

    def test_facts_are_shown_when_asked_for(self) -> None:
        rows = ladder([decided(0, "a", "IAM"), isup(0, True, "IAM")])
        assert "(called: +33199000003) [RFC 3398 §7.2.1]" in Layout(118, facts=True).text(rows)
        assert "called" not in Layout(118).text(rows).replace("what the caller hears", "")

    def test_a_remark_has_a_line_of_its_own(self) -> None:
        assert "   1.000 │ · T9 ran out\n" in Layout(100).text(ladder([Note(1, CALL, "T9 ran out")]))

    def test_a_clause_is_never_broken_across_lines(self) -> None:
        for length in range(40, 130):
            rows = ladder([decided(0, "rule", "x" * 5 + " y" * (length // 2)), isup(0, True, "IAM")])
            assert "[RFC 3398 §7.2.1]" in Layout(100).text(rows)

    def test_ascii_has_no_other_character_and_the_same_shape(self) -> None:
        plain = Layout(118, ascii_only=True).text(ladder(BUSY))
        assert plain.isascii()
        assert [len(line) for line in plain.splitlines()] == [
            len(line.replace("§", "")) for line in BUSY_TEXT.splitlines()
        ]
        assert "|---- INVITE +33199000003 (SDP) ---->|" in plain

    def test_a_terminal_narrower_than_80_columns_is_refused(self) -> None:
        with pytest.raises(ValueError, match="needs 80 columns, 79 were given"):
            Layout(79)

    def test_pieces_tell_what_they_are(self) -> None:
        first, why = Layout(118).lines(ladder([decided(0, "a", "IAM"), isup(0, True, "IAM")])[0])
        assert [piece.role for piece in first][:5] == [Role.TIME, Role.LIFELINE, Role.SIP, Role.LIFELINE, Role.ISUP]
        assert (why[-1].text, why[-1].role) == ("[RFC 3398 §7.2.1]", Role.CLAUSE)

    @given(
        st.text(max_size=200),
        st.sampled_from(["sip", "isup", "caller", "exchange", "network", "note", "decided"]),
        st.integers(80, 130),
        st.booleans(),
    )
    def test_no_text_of_a_peer_breaks_the_shape_or_steers_the_terminal(
        self, text: str, what: str, width: int, ascii_only: bool
    ) -> None:
        events: dict[str, Event] = {
            "sip": sip(0, True, text),
            "isup": IsupMessage(0, CALL, False, 1, "ACM", text, b""),
            "caller": sound(0, "caller", text, text),
            "exchange": sound(0, "exchange", text),
            "network": sound(0, "network", text),
            "note": Note(0, CALL, text),
            "decided": decided(0, text, text),
        }
        rendered = Layout(width, ascii_only=ascii_only).text(ladder([events[what]]))
        for line in rendered.split("\n"):
            assert cells(line) <= width
            assert line.isprintable()
        assert not ascii_only or rendered.isascii()


class TestCharacters:
    @pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("", 0), ("♪│▶", 3)])
    def test_columns_are_counted_as_a_terminal_does(self, text: str, columns: int) -> None:
        assert cells(text) == columns

    def test_control_characters_do_not_reach_the_terminal(self) -> None:
        assert printable("486 \x1b[2J\tBusy\r\n\u202e") == "486 \ufffd[2J Busy  \ufffd"
