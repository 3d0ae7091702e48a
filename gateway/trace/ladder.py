"""The ladder of one call: three columns - SIP, ISUP, what the caller hears - and beneath each step why it was taken.

`Ladder` turns a call's events into rows, one at a time as they come; `Layout` turns rows into lines of text:

     time  caller            SIP             gateway          ISUP          exchange  what the caller hears
    0.000  │────────── INVITE (SDP) ───────────▶│                                │
    0.002  │                                    │───── IAM +33199000003 ────────▶│
           │ ╰ invite-to-iam: IAM [RFC 3398 §7.2.1]
    0.031  │                                    │◀┈┈┈┈┈ ♪ busy (fr) ┈┈┈┈┈┈┈┈┈┈┈│
    0.650  │                                    │                                │  ♪ busy (fr) 440 Hz

Solid arrows are messages; dotted ones are sound on the circuit, as the network sent it or the far side heard it.
The third column has only what was found in the RTP that the caller received.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from textwrap import wrap

from attrs import define, evolve, frozen

from gateway.core.clause import Decision
from gateway.trace.journal import Decided, Event, IsupMessage, Note, SipMessage, Sound

PATIENCE_S = 0.2
"""A decision that no step follows within this time stands alone."""


class RowKind(Enum):
    """What a row shows."""

    SIP = auto()
    ISUP = auto()
    SOUND = auto()
    NOTE = auto()
    DECIDED = auto()


@frozen
class Row:
    """One step.

    Args:
        at_s: when.
        kind: what it shows.
        text: the message, sound or remark; "" for a decision that led to no step.
        to_right: the direction of its arrow, caller -> gateway -> exchange; None where it has none.
        detail: more about a sound.
        reasons: the decisions that chose it.
    """

    at_s: float
    kind: RowKind
    text: str = ""
    to_right: bool | None = None
    detail: str = ""
    reasons: tuple[Decision, ...] = ()


_SIP_NAMES = "INVITE ACK BYE CANCEL PRACK INFO UPDATE OPTIONS REGISTER REFER SUBSCRIBE NOTIFY MESSAGE PUBLISH"
_ISUP_NAMES = "IAM SAM ACM CPG ANM CON REL RLC SUS RES RSC BLO BLA UBL UBA FOT FAC INR INF COT CCR LPA"
_NAMES = frozenset(f"{_SIP_NAMES} {_ISUP_NAMES}".split())
# A status code is no cause ("REL 102", "cause 102") and no quantity ("160 ms").
_NAME = re.compile(r"\b(?:(?<!REL )(?<!cause )[1-6][0-9]{2}(?! *(?:ms|s|Hz|octets)\b)|[A-Z]{3,9})\b")


def _names(decision: Decision) -> frozenset[str]:
    """The messages that a decision's outcome names: SIP methods and status codes, ISUP acronyms."""
    found = _NAME.findall(decision.outcome)
    return frozenset(name for name in found if name.isdigit() or name in _NAMES)


@define
class _Waiting:
    """A decision, the messages that it names and that have not come, and whether any step has shown it."""

    decided: Decided
    names: set[str]
    shown: bool = False

    def explains(self, name: str) -> bool:
        """Whether it explains a step of that name; told of one that it does."""
        if self.names and name not in self.names:
            return False
        self.names.discard(name)
        self.shown = True
        return True

    def rows(self) -> list[Row]:
        """What is still to be shown of it, now that no step is awaited any more."""
        return [] if self.shown else [Row(self.decided.at_s, RowKind.DECIDED, reasons=(self.decided.decision,))]


class Ladder:
    """Turns the events of one call into rows, as they come.

    A decision explains the step that follows it. One whose outcome names messages ("504, REL 102") waits for those,
    when others go out first, and explains each; what the other side does is never explained by it.
    """

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def feed(self, event: Event) -> list[Row]:
        """The rows that can be shown now that this has happened."""
        if isinstance(event, Decided):
            overdue = self._overdue(event.at_s)
            self._waiting.append(_Waiting(event, set(_names(event.decision))))
            return overdue
        step = _step(event)
        if not _may_be_chosen(event):
            return [*self.close(), step]
        rows = self._overdue(event.at_s)
        name = _name_of(event)
        reasons = tuple(waiting.decided.decision for waiting in self._waiting if waiting.explains(name))
        self._waiting = [waiting for waiting in self._waiting if waiting.names or not waiting.shown]
        return [*rows, evolve(step, reasons=reasons)]

    def close(self) -> list[Row]:
        """The decisions that no step has shown, each as a row of its own: nothing more is coming."""
        rows = [row for waiting in self._waiting for row in waiting.rows()]
        self._waiting.clear()
        return rows

    def _overdue(self, now_s: float) -> list[Row]:
        overdue = [waiting for waiting in self._waiting if now_s - waiting.decided.at_s > PATIENCE_S]
        self._waiting = [waiting for waiting in self._waiting if now_s - waiting.decided.at_s <= PATIENCE_S]
        return [row for waiting in overdue for row in waiting.rows()]


def ladder(events: Iterable[Event]) -> list[Row]:
    """The rows of a whole call."""
    rows = Ladder()
    return [row for event in events for row in rows.feed(event)] + rows.close()


def _may_be_chosen(event: SipMessage | IsupMessage | Sound | Note) -> bool:
    match event:
        case SipMessage(sent=sent) | IsupMessage(sent=sent):
            return sent
        case Sound(side=side):
            return side == "caller"
        case Note():
            return True


def _name_of(event: SipMessage | IsupMessage | Sound | Note) -> str:
    match event:
        case SipMessage(summary=summary):
            return summary.split(" ", 1)[0]
        case IsupMessage(name=name):
            return name
    return ""


def _step(event: SipMessage | IsupMessage | Sound | Note) -> Row:
    match event:
        case SipMessage(at_s=at_s, sent=sent, summary=summary):
            return Row(at_s, RowKind.SIP, summary, to_right=not sent)
        case IsupMessage(at_s=at_s, sent=sent, summary=summary, name=name):
            return Row(at_s, RowKind.ISUP, summary or name, to_right=sent)
        case Sound(at_s=at_s, side=side, text=text, detail=detail):
            to_right = {"caller": None, "exchange": True, "network": False}[side]
            return Row(at_s, RowKind.SOUND, text, to_right, detail)
        case Note(at_s=at_s, text=text):
            return Row(at_s, RowKind.NOTE, text)


class Role(Enum):
    """What a piece of a line is; a terminal view gives each its colour."""

    HEADING = auto()
    TIME = auto()
    LIFELINE = auto()
    SIP = auto()
    ISUP = auto()
    CIRCUIT = auto()
    HEARD = auto()
    NOTE = auto()
    RULE = auto()
    CLAUSE = auto()


@frozen
class Piece:
    """Some text of one role; the pieces of a line, joined, are the line."""

    text: str
    role: Role


Line = tuple[Piece, ...]

_ASCII = str.maketrans(
    {"│": "|", "─": "-", "┈": ".", "▶": ">", "◀": "<", "♪": "~", "╰": "`", "…": "~", "§": "", "→": ">", "·": "-"}
    | {"–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "é": "e", "\u00a0": " "}
)

_TIME_CELLS = 8


def cells(text: str) -> int:
    """How many columns of a terminal the text takes: East Asian wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def printable(text: str) -> str:
    """The text on one line without anything that would steer a terminal: peers choose reason phrases."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "\ufffd" for char in text)


class Layout:
    """Lays rows out as lines of a fixed width.

    Args:
        width: columns of a line, at least 80.
        ascii_only: no character beyond ASCII, for terminals and files that cannot take them.
        facts: show also the facts that each decision looked at.
    """

    def __init__(self, width: int = 118, *, ascii_only: bool = False, facts: bool = False) -> None:
        if width < 80:
            raise ValueError(f"a ladder needs 80 columns, {width} were given")
        self.width = width
        self._ascii_only = ascii_only
        self._facts = facts
        # time, a space, three lifelines, two spaces before the last column
        columns = width - _TIME_CELLS - 6
        self._sip = columns * 35 // 100
        self._isup = columns * 30 // 100
        self._heard = columns - self._sip - self._isup

    def heading(self) -> list[Line]:
        """The names of the columns."""
        sip = "caller" + "SIP".center(self._sip - 6 - 3) + "gat"
        isup = "eway" + "ISUP".center(self._isup - 4 - 7) + "exchange"
        text = "time".rjust(_TIME_CELLS) + " " + sip + isup + "  what the caller hears"
        return [self._line(Piece(text, Role.HEADING))]

    def lines(self, row: Row) -> list[Line]:
        """The lines of one row."""
        time = f"{row.at_s:{_TIME_CELLS}.3f} "
        made = [self._line(Piece(time, Role.TIME), *rest) for rest in self._first(row)]
        blank = " " * len(time)
        made[1:] = [self._line(Piece(blank, Role.TIME), *line[1:]) for line in made[1:]]
        for reason in row.reasons:
            lead = time if not made else blank
            made += [
                self._line(Piece(lead if index == 0 else blank, Role.TIME), *rest)
                for index, rest in enumerate(self._why(reason))
            ]
        return made

    def text(self, rows: Iterable[Row]) -> str:
        """Heading and rows as plain text, each line ending in a newline, no blanks before it."""
        lines = [*self.heading(), *(line for row in rows for line in self.lines(row))]
        return "".join("".join(piece.text for piece in line).rstrip() + "\n" for line in lines)

    def words(self, text: str) -> str:
        """Other text as this layout may print it: ASCII where it must be."""
        return _ascii(text) if self._ascii_only else text

    def _first(self, row: Row) -> list[Line]:
        text = printable(row.text)
        match row.kind:
            case RowKind.SIP:
                return [self._across(sip, Role.SIP) for sip in _arrow(text, bool(row.to_right), self._sip, "─")]
            case RowKind.ISUP:
                return [
                    self._across("", Role.SIP, isup, Role.ISUP)
                    for isup in _arrow(text, bool(row.to_right), self._isup, "─")
                ]
            case RowKind.SOUND if row.to_right is not None:
                sound = _arrow("♪ " + text, row.to_right, self._isup, "┈")
                return [self._across("", Role.SIP, isup, Role.CIRCUIT) for isup in sound]
            case RowKind.SOUND:
                heard = _wrapped("♪ " + text, self._heard) + _wrapped(printable(row.detail), self._heard - 2, "  ")
                return [self._across("", Role.SIP, "", Role.ISUP, part) for part in heard]
            case RowKind.NOTE:
                room = self.width - _TIME_CELLS - 4
                return [(Piece("│ ", Role.LIFELINE), Piece(part, Role.NOTE)) for part in _wrapped("· " + text, room)]
            case RowKind.DECIDED:
                return []

    def _across(self, sip: str, sip_role: Role, isup: str = "", isup_role: Role = Role.ISUP, heard: str = "") -> Line:
        return (
            Piece("│", Role.LIFELINE),
            Piece(_padded(sip, self._sip), sip_role),
            Piece("│", Role.LIFELINE),
            Piece(_padded(isup, self._isup), isup_role),
            Piece("│", Role.LIFELINE),
            Piece("  " + heard if heard else "", Role.HEARD),
        )

    def _why(self, reason: Decision) -> Iterator[Line]:
        room = self.width - _TIME_CELLS - 5
        clause = f"[{reason.clause}]"
        facts = "; ".join(f"{name}: {value}" for name, value in reason.facts) if self._facts else ""
        said = printable(f"{reason.rule}: {reason.outcome}" + (f" ({facts})" if facts else ""))
        parts = _wrapped(f"{said} {clause.replace(' ', _HARD_SPACE)}", room)
        for index, part in enumerate(parts):
            rule = part.replace(_HARD_SPACE, " ")
            lead = Piece("│ " + ("╰ " if index == 0 else "  "), Role.LIFELINE)
            if index == len(parts) - 1 and rule.endswith(clause):
                yield lead, Piece(rule.removesuffix(clause), Role.RULE), Piece(clause, Role.CLAUSE)
            else:
                yield lead, Piece(rule, Role.RULE)

    def _line(self, *pieces: Piece) -> Line:
        return tuple(Piece(_ascii(piece.text), piece.role) for piece in pieces) if self._ascii_only else pieces


_HARD_SPACE = "\u00a0"


def _ascii(text: str) -> str:
    """ASCII of the same width, but for wide characters, of which each becomes one question mark."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


def _wrapped(text: str, width: int, lead: str = "") -> list[str]:
    """Lines of at most `width` columns; the text is measured in characters unless it has wide ones."""
    narrow = width if cells(text) <= len(text) else width // 2
    return [lead + part for part in wrap(text, narrow, break_on_hyphens=False)]


def _arrow(text: str, to_right: bool, width: int, stroke: str) -> list[str]:
    """An arrow across a column with the text in it; what does not fit follows beneath, centred."""
    parts = _wrapped(text, width - 6) or [""]
    rest = width - 1 - cells(parts[0]) - 2
    left, right = stroke * (rest // 2), stroke * (rest - rest // 2)
    label = f" {parts[0]} " if parts[0] else stroke * 2
    first = f"{left}{label}{right}▶" if to_right else f"◀{left}{label}{right}"
    return [first, *(" " * ((width - cells(part)) // 2) + part for part in parts[1:])]
