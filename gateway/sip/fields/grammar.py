"""The lexical ground of header field values (RFC 3261 §25.1): tokens, quoted strings, top-level commas.

Values reach this module unfolded, so white space here is SP and HTAB only. Every pattern is possessive where it
repeats: no input, however unbalanced, makes it look at an octet more than a fixed number of times.
"""

from __future__ import annotations

import re

from gateway.core.errors import ParseError

# token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" )
TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]++"
# quoted-string = SWS DQUOTE *(qdtext / quoted-pair ) DQUOTE
QUOTED_STRING = r'"(?:[^"\\]++|\\.)*+"'
WHITE = " \t"

_is_token = re.compile(TOKEN).fullmatch
_is_quoted = re.compile(QUOTED_STRING, re.DOTALL).fullmatch
_quoted_pair = re.compile(r"\\(.)", re.DOTALL)
# What is opened and never closed runs to the end: the typed field then says what is wrong with it.
_list_marks = re.compile(r'"(?:[^"\\]++|\\.)*+"?|<[^>]*+>?|,', re.DOTALL)

EXCERPT_CHARACTERS = 48


def excerpt(text: str) -> str:
    """A piece of the peer's text, quoted, printable and short enough for a reason phrase."""
    kept = EXCERPT_CHARACTERS
    shown = ascii(text[:kept])
    if len(shown) > 2 * EXCERPT_CHARACTERS:
        # An escape takes up to ten characters.
        kept = EXCERPT_CHARACTERS // 5
        shown = ascii(text[:kept])
    return f"{shown}..." if len(text) > kept else shown


def is_token(text: str) -> bool:
    """Whether the text is one `token` (RFC 3261 §25.1)."""
    return _is_token(text) is not None


def split_list(text: str) -> list[str]:
    """The members of a comma-separated header field value (RFC 3261 §7.3.1), white space around them removed.

    A comma inside a quoted string or inside angle brackets separates nothing. Empty members are kept, for the
    field's own parser to judge.
    """
    if "," not in text:
        return [text.strip(WHITE)]
    if '"' not in text and "<" not in text:
        return [member.strip(WHITE) for member in text.split(",")]
    members = []
    start = 0
    for mark in _list_marks.finditer(text):
        if mark[0] == ",":
            members.append(text[start : mark.start()].strip(WHITE))
            start = mark.end()
    members.append(text[start:].strip(WHITE))
    return members


def quote(text: str) -> str:
    """The text as a quoted-string (RFC 3261 §25.1); CR and LF, which no quoted-pair may carry, become spaces."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", " ").replace("\n", " ")
    return f'"{escaped}"'


def unquote(text: str) -> str:
    """What a quoted-string says; text that is none is returned as it is."""
    if len(text) >= 2 and text[0] == '"' == text[-1]:
        inner = text[1:-1]
        return _quoted_pair.sub(r"\1", inner) if "\\" in inner else inner
    return text


def is_quoted(text: str) -> bool:
    """Whether the text is one whole quoted-string."""
    return _is_quoted(text) is not None


def parse_number(text: str, what: str, maximum: int) -> int:
    """A decimal number from 0 to `maximum`.

    Raises:
        ParseError: it is not all ASCII digits, or is more than `maximum`.
    """
    if not (text.isascii() and text.isdigit()):
        raise ParseError(f"{what} {excerpt(text)} is not a number", 0)
    # Twenty digits are more than any maximum here; longer ones need not be converted to be refused.
    significant = text.lstrip("0")
    if len(significant) > 20 or (number := int(significant or "0")) > maximum:
        raise ParseError(f"{what} {excerpt(text)} is more than {maximum}", 0)
    return number
