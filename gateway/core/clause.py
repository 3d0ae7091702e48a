"""References to the clause of a specification, as decisions and errors carry them."""

from __future__ import annotations

from gateway.core.values import value


@value
class Clause:
    """One clause of one document: `Clause("RFC 3398", "7.2.6")` prints as "RFC 3398 §7.2.6".

    Args:
        document: the document's usual name, "RFC 3261" or "ITU-T Q.764".
        section: the section number, or "" for the document as a whole.
    """

    document: str
    section: str = ""

    def __str__(self) -> str:
        return f"{self.document} §{self.section}" if self.section else self.document


@value
class Decision:
    """A rule was chosen: what it is called, which facts it looked at, what it led to, and which clause says so."""

    rule: str
    outcome: str
    clause: Clause
    facts: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.rule}: {self.outcome} [{self.clause}]"
