"""The header fields of one message, in order and as they were written (RFC 3261 §7.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from gateway.sip.fields.grammar import is_token, split_list

# RFC 3261 §7.3.3, §20 Table 2; the others by their own documents: o u (RFC 6665), r b (RFC 3515, RFC 3892),
# j a d (RFC 3841), x (RFC 4028), y (RFC 8224).
COMPACT_FORMS = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}

# Headers whose grammar has commas that separate no values (RFC 3261 §7.3.1, §20.17).
NOT_LISTS = frozenset(
    {"authorization", "authentication-info", "date", "proxy-authenticate", "proxy-authorization", "www-authenticate",
     "subject", "organization", "server", "user-agent", "call-id", "retry-after", "identity"}
)  # fmt: skip


class _Keys(dict[str, str]):
    """Name as written -> full name in lower case; remembered for tokens as short as real names are, up to a limit."""

    def __missing__(self, name: str) -> str:
        lower = name.lower()
        key = COMPACT_FORMS.get(lower, lower)
        if len(self) < 2048 and len(name) <= 32 and is_token(name):
            self[name] = key
        return key


KNOWN_KEYS: dict[str, str] = _Keys()


def key_of(name: str) -> str:
    """What a header field is known by: its full name in lower case."""
    return KNOWN_KEYS[name]


class Headers:
    """Ordered (name, value) pairs; names compare without regard to case, and compact forms count as the full ones.

    Values are unfolded text without white space at either end. Octets that are not UTF-8 are surrogate escapes.
    """

    __slots__ = ("_index", "_items", "typed")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items = list(items)
        self._index: dict[str, list[str]] | None = None
        self.typed: dict[str, Any] = {}
        """What has been parsed from the values so far; emptied by every change."""

    @classmethod
    def adopt(cls, items: list[tuple[str, str]], index: dict[str, list[str]]) -> Headers:
        """For the parser: take over pairs and an index of them by key, both already built."""
        made = cls.__new__(cls)
        made._items = items
        made._index = index
        made.typed = {}
        return made

    def _by_key(self) -> dict[str, list[str]]:
        if self._index is None:
            index: dict[str, list[str]] = {}
            for name, value in self._items:
                index.setdefault(key_of(name), []).append(value)
            self._index = index
        return self._index

    def _changed(self) -> None:
        self._index = None
        self.typed = {}

    def written(self, name: str) -> Sequence[str]:
        """All header fields of this name, as they were written; not to be kept."""
        index = self._index
        return (self._by_key() if index is None else index).get(KNOWN_KEYS[name], ())

    def rest(self) -> None:
        """Keep only what was written: what was found and read is found and read again when somebody asks."""
        self._changed()

    def get(self, name: str) -> str | None:
        """The first header field of this name, as it was written; None where there is none."""
        key = KNOWN_KEYS[name]
        if self._index is not None:
            lines = self._index.get(key)
            return lines[0] if lines else None
        # Of a message of our own little is asked: to look through it costs less than an index.
        for written, value in self._items:
            if KNOWN_KEYS[written] == key:
                return value
        return None

    def lines(self, name: str) -> list[str]:
        """All header fields of this name, as they were written."""
        return list(self.written(name))

    def values(self, name: str) -> list[str]:
        """All values of this name: comma-separated fields taken apart (§7.3.1), but for those that are no lists."""
        lines = self.written(name)
        if not lines or key_of(name) in NOT_LISTS:
            return list(lines)
        return [value for line in lines for value in split_list(line)]

    def add(self, name: str, value: str) -> None:
        """Append a header field."""
        self._items.append((name, value))
        self._changed()

    def prepend(self, name: str, value: str) -> None:
        """Put a header field before all others of its name (a Via, a Route), or else at the top."""
        key = key_of(name)
        self._items.insert(next((n for n, item in enumerate(self._items) if key_of(item[0]) == key), 0), (name, value))
        self._changed()

    def set(self, name: str, value: str) -> None:
        """Make this the only header field of its name, where the first one stood or else at the end."""
        key = key_of(name)
        place = next((n for n, item in enumerate(self._items) if key_of(item[0]) == key), len(self._items))
        self._items = [item for item in self._items if key_of(item[0]) != key]
        self._items.insert(place, (name, value))
        self._changed()

    def remove(self, name: str) -> None:
        """Take away every header field of this name; no harm if there is none."""
        key = key_of(name)
        self._items = [item for item in self._items if key_of(item[0]) != key]
        self._changed()

    def replace_first_value(self, name: str, value: str | None) -> None:
        """Put another value, or none, for the first value of this name, whatever stands behind it on its line."""
        key = key_of(name)
        for place, (written, line) in enumerate(self._items):
            if key_of(written) == key:
                rest = split_list(line)[1:]
                kept = rest if value is None else [value, *rest]
                self._items[place : place + 1] = [(written, ", ".join(kept))] if kept else []
                self._changed()
                return

    def copy(self) -> Headers:
        """Another one with the same header fields."""
        return Headers(self._items)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and key_of(name) in self._by_key()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return self._items == other._items if isinstance(other, Headers) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({self._items!r})"
