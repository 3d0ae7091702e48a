"""The live ladder: rows appear as events come, on a terminal and without one."""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

from gateway.cli.ladder_view import LadderView
from gateway.core.clause import Clause, Decision
from gateway.sip.effects import Flow, Transport
from gateway.trace.journal import NO_CALL, Decided, IsupMessage, Journal, Note, SipMessage, Sound
from gateway.trace.ladder import Layout, ladder

FLOW = Flow(Transport.UDP, ("127.0.0.1", 5060), ("127.0.0.1", 5070))
DECISION = Decision("invite-to-iam", "IAM", Clause("RFC 3398", "7.2.1"))


def events(call: str) -> list[SipMessage | Decided | IsupMessage | Sound]:
    return [
        SipMessage(0.0, call, False, "INVITE +33199000003 (SDP)", b"", FLOW),
        Decided(0.1, call, DECISION),
        IsupMessage(0.1, call, True, 1, "IAM", "IAM +33199000003", b""),
        Sound(0.5, call, "caller", "busy (fr) [440 Hz]"),
        Decided(0.6, call, DECISION),
    ]


def plain(encoding: str = "utf-8") -> tuple[io.TextIOWrapper, Console]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    return file, Console(file=file)


def printed(file: io.TextIOWrapper) -> str:
    buffer = file.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(file.encoding)


class TestLadderView:
    def test_without_a_terminal_it_prints_what_the_layout_does(self) -> None:
        file, console = plain()
        view = LadderView(console)
        for event in events("c1"):
            view(event)
        view.finish("c1")
        view.finish("c1")
        assert printed(file) == Layout(118).text(ladder(events("c1")))

    def test_rows_are_there_as_soon_as_they_happen(self) -> None:
        file, console = plain()
        journal = Journal()
        journal.observe(LadderView(console))
        counts = []
        for event in events("c1"):
            journal.append(event)
            counts.append(len(printed(file).splitlines()))
        assert counts == [2, 2, 4, 5, 5]

    def test_ascii_where_the_output_takes_no_more(self) -> None:
        file, console = plain("ascii")
        view = LadderView(console)
        view.title("Busy — in band")
        for event in events("c1"):
            view(event)
        view.remark("heard: ♪")
        lines = printed(file).splitlines()
        assert lines[:2] == ["", "Busy - in band"]
        assert lines[-1] == "heard: ~"
        assert any("> " in line or line.endswith(">|") for line in lines)

    def test_a_terminal_gets_colours_and_the_same_text(self) -> None:
        file = io.StringIO()
        view = LadderView(
            Console(file=file, force_terminal=True, width=110, color_system="standard", legacy_windows=False)
        )
        for event in events("c1"):
            view(event)
        assert "\x1b[36m" in file.getvalue()
        bare = io.StringIO()
        view = LadderView(Console(file=bare, force_terminal=False, width=110), width=110)
        for event in events("c1"):
            view(event)
        assert Text.from_ansi(file.getvalue()).plain.rstrip() == bare.getvalue().rstrip()

    def test_a_narrow_terminal_still_gets_80_columns(self) -> None:
        file = io.StringIO()
        view = LadderView(Console(file=file, force_terminal=True, width=40, color_system=None))
        view(events("c1")[0])
        assert max(len(line) for line in file.getvalue().splitlines()) > 70

    def test_calls_that_interleave_are_told_apart(self) -> None:
        file, console = plain()
        view = LadderView(console)
        for first, second in zip(events("c1")[:2], events("c2")[:2], strict=True):
            view(first)
            view(second)
        view.finish("c1")
        lines = [line for line in printed(file).splitlines() if line.startswith("call ")]
        assert lines == ["call c2", "call c1"]

    def test_only_the_calls_asked_for_are_shown(self) -> None:
        file, console = plain()
        view = LadderView(console, only=lambda call: call == "c2")
        view(events("c1")[0])
        view(Note(0.0, NO_CALL, "circuit 3 blocked"))
        assert printed(file) == ""

    def test_a_call_that_was_kept_is_shown_again(self) -> None:
        journal = Journal()
        for event in events("c1"):
            journal.append(event)
        file, console = plain()
        LadderView(console, facts=True).replay(journal, "c1")
        assert printed(file) == Layout(118, facts=True).text(ladder(events("c1")))

    def test_markup_in_what_a_peer_says_is_only_text(self) -> None:
        file, console = plain()
        LadderView(console)(SipMessage(0.0, "c1", True, "486 [bold]Busy[/bold]", b"", FLOW))
        assert "486 [bold]Busy[/bold]" in printed(file)
