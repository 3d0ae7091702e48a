"""The ladder on a terminal, live: each row is printed as it comes, with colours where the terminal has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Console
from rich.text import Text

from gateway.trace.journal import NO_CALL, Event, Journal
from gateway.trace.ladder import Ladder, Layout, Line, Role, Row, printable

NARROWEST = 80
WIDEST = 120
WIDTH_OF_A_FILE = 118

STYLES = {
    Role.HEADING: "bold",
    Role.TIME: "dim",
    Role.LIFELINE: "dim",
    Role.SIP: "cyan",
    Role.ISUP: "yellow",
    Role.CIRCUIT: "magenta",
    Role.HEARD: "bold green",
    Role.NOTE: "italic",
    Role.RULE: "dim",
    Role.CLAUSE: "blue",
}


class LadderView:
    """A journal's observer that prints ladders: `journal.observe(LadderView())`.

    Without a terminal it prints plain text of a fixed width, in ASCII where the output cannot take more. Rows of
    several calls at once are told apart by a heading whenever the call changes.

    Args:
        console: where to print; None for standard output.
        width: columns; None for those of the terminal.
        facts: show also what each decision looked at.
        only: show only the calls for which this is true; None for all.
    """

    def __init__(
        self,
        console: Console | None = None,
        width: int | None = None,
        *,
        facts: bool = False,
        only: Callable[[str], bool] | None = None,
    ) -> None:
        self.console = console or Console()
        if width is None:
            width = self.console.width if self.console.is_terminal else WIDTH_OF_A_FILE
            width = min(max(width, NARROWEST), WIDEST)
        self._layout = Layout(width, ascii_only=not self.console.encoding.lower().startswith("utf"), facts=facts)
        self._only = only
        self._ladders: dict[str, Ladder] = {}
        self._shown: str | None = None

    def __call__(self, event: Event) -> None:
        """Print what the event adds to the ladder of its call; what belongs to no call is not shown."""
        if event.call == NO_CALL or (self._only is not None and not self._only(event.call)):
            return
        ladder = self._ladders.get(event.call)
        if ladder is None:
            ladder = self._ladders[event.call] = Ladder()
        self._show(event.call, ladder.feed(event))

    def title(self, text: str) -> None:
        """A headline above the next ladder."""
        self._shown = None
        self._print(Text(""))
        self._print(Text(self._words(text), style="bold underline"))

    def remark(self, text: str, style: str = "") -> None:
        """A line of text below the rows."""
        self._print(Text(self._words(text), style=style))

    def finish(self, call: str) -> None:
        """The call is over: print the decisions that led to no step, and forget it."""
        ladder = self._ladders.pop(call, None)
        if ladder is not None:
            self._show(call, ladder.close())

    def replay(self, journal: Journal, call: str) -> None:
        """Print a whole call that the journal has kept."""
        for event in journal.events(call):
            self(event)
        self.finish(call)

    def _show(self, call: str, rows: Iterable[Row]) -> None:
        for row in rows:
            if self._shown != call:
                if self._shown is not None:
                    self.remark(f"call {call}")
                self._shown = call
                self._print_lines(self._layout.heading())
            self._print_lines(self._layout.lines(row))

    def _print_lines(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._print(Text.assemble(*((piece.text, STYLES[piece.role]) for piece in line)))

    def _print(self, text: Text) -> None:
        text.rstrip()
        self.console.print(text, soft_wrap=True, highlight=False)

    def _words(self, text: str) -> str:
        return self._layout.words(printable(text))
