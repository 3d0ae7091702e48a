"""The `;name=value` parameters that follow most header field values (RFC 3261 §7.3.1, §25.1 generic-param)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.core.errors import ParseError
from gateway.core.values import value as _value
from gateway.sip.fields.grammar import QUOTED_STRING, TOKEN, WHITE, excerpt, is_token, quote, unquote

# generic-param = token [ EQUAL gen-value ];  gen-value = token / host / quoted-string
# An IPv6 reference is a host, and so brackets and colons are taken; so is every other octet that cannot end the value.
_parameter = re.compile(
    rf'[ \t]*+;[ \t]*+(?P<name>{TOKEN})(?:[ \t]*+=[ \t]*+(?P<value>{QUOTED_STRING}|[^\s;,"<>=]++))?[ \t]*+', re.DOTALL
)


@_value
class Parameters:
    """Parameters in their order, each with its value as it was written (quotes kept), or None where it had none.

    Names compare without regard to case (RFC 3261 §7.3.1). Changes make a new value: `with_`, `without`.
    """

    items: tuple[tuple[str, str | None], ...] = ()

    @classmethod
    def parse(cls, text: str, start: int = 0) -> Parameters:
        """Read `;a=1;b` from `start` to the end of the text; nothing there is no parameters.

        Raises:
            ParseError: an empty parameter, an unbalanced quote, or text that belongs to no parameter; or a name twice.
        """
        items: list[tuple[str, str | None]] = []
        position = start
        end = len(text)
        while position < end:
            match = _parameter.match(text, position)
            if match is None:
                if not text[position:].strip(WHITE):
                    break
                raise ParseError(f"{excerpt(text[position:].strip(WHITE))} is not a parameter", position)
            items.append((match["name"], match["value"]))
            position = match.end()
        if len(items) > 1 and len({name.lower() for name, _ in items}) != len(items):
            # RFC 3261 §7.3.1: "any given parameter-name MUST NOT appear more than once"
            raise ParseError(f"a parameter appears twice in {excerpt(text[start:])}", start)
        return cls(tuple(items))

    @classmethod
    def of(cls, **values: str | int | None) -> Parameters:
        """Parameters from keywords, an underscore standing for a hyphen; a value that is no token is quoted."""
        made = cls()
        for name, value in values.items():
            made = made.with_(name.replace("_", "-"), None if value is None else str(value))
        return made

    def get(self, name: str) -> str | None:
        """The parameter's value without its quotes: "" where it has none, None where there is no such parameter."""
        for present, value in self.items:
            if present == name or present.lower() == name.lower():
                return "" if value is None else unquote(value)
        return None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[str, str | None]]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def with_(self, name: str, value: str | None) -> Parameters:
        """The same with this parameter set, in its old place or at the end; quoted where it must be."""
        if value is not None and not _is_plain(value):
            value = quote(value)
        wanted = name.lower()
        if name in self:
            changed = ((old, value if old.lower() == wanted else kept) for old, kept in self.items)
            return Parameters(tuple(changed))
        return Parameters((*self.items, (name, value)))

    def without(self, name: str) -> Parameters:
        """The same without this parameter."""
        wanted = name.lower()
        return Parameters(tuple(item for item in self.items if item[0].lower() != wanted))

    def serialize(self) -> str:
        """`;a=1;b`, or "" when there are none."""
        return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in self.items])


_plain_host = re.compile(r"[A-Za-z0-9\-.:\[\]]++").fullmatch


def _is_plain(value: str) -> bool:
    return is_token(value) or _plain_host(value) is not None


NO_PARAMETERS = Parameters()
