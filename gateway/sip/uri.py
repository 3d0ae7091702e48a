"""URIs: sip and sips (RFC 3261 §19.1, §25.1), tel (RFC 3966); any other scheme is kept whole (RFC 3986 §3).

The parts hold what was written, escapes and all, so that `serialize` gives back the same octets and "%2B" never
turns into "+", which §19.1.4 holds to be something else. `username`, `parameter` and `telephone_number` say what
the parts mean.
"""

from __future__ import annotations

import re

from attrs import evolve

from gateway.core.clause import Clause
from gateway.core.errors import ParseError
from gateway.core.values import value
from gateway.sip.fields.grammar import excerpt
from gateway.sip.fields.memory import remembered
from gateway.sip.fields.parameters import NO_PARAMETERS, Parameters

_ESCAPED = "%[0-9A-Fa-f]{2}"
_UNRESERVED = r"A-Za-z0-9\-_.!~*'()"

# SIP-URI = "sip:" [ userinfo ] hostport uri-parameters [ headers ]
# user = 1*( unreserved / escaped / user-unreserved )
# password = *( unreserved / escaped / "&" / "=" / "+" / "$" / "," )
# Deviation: "#" is taken unescaped in the user part, as telephones dial it, and so are octets above 127; "_" in a host.
_sip = re.compile(
    rf"(?:(?P<user>(?:[{_UNRESERVED}&=+$,;?/#]|[^\x00-\x7f]|{_ESCAPED})++)"
    rf"(?::(?P<password>(?:[{_UNRESERVED}&=+$,]|{_ESCAPED})*+))?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9][A-Za-z0-9\-_.]*+)(?::(?P<port>[0-9]{1,9}+))?"
).match
# uri-parameter = pname [ "=" pvalue ].  Deviation: a value may hold further characters that end nothing ("=", ",").
_parameter = re.compile(
    rf'(?P<name>(?:[^;?=&%\s<>"\x00-\x1f]|{_ESCAPED})++)(?:=(?P<value>(?:[^;?%\s<>"\x00-\x1f]|{_ESCAPED})*+))?'
).fullmatch
_header = re.compile(
    rf'(?P<name>(?:[^&=%\s<>"\x00-\x1f]|{_ESCAPED})++)=(?P<value>(?:[^&%\s<>"\x00-\x1f]|{_ESCAPED})*+)'
).fullmatch
# scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+\-.]*+):").match
_opaque = re.compile(r'[^\s<>"\x00-\x1f\x7f]++').fullmatch
# global-number-digits = "+" *phonedigit DIGIT *phonedigit;  local-number-digits hold a hexadecimal digit, "*" or "#"
_tel_number = re.compile(r"\+(?=[\-.()]*+[0-9])[0-9\-.()]++|(?=[\-.()]*+[0-9A-Fa-f*#])[0-9A-Fa-f*#\-.()]++").fullmatch
_VISUAL_SEPARATORS = str.maketrans("", "", "-.()")

_escape = re.compile(_ESCAPED)
# What RFC 2396 §2.2 reserves: these characters and their escapes are not the same.
_RESERVED = frozenset(";/?:@&=+$,")

_NOT_USER = re.compile(rf"%(?![0-9A-Fa-f]{{2}})|[^{_UNRESERVED}&=+$,;?/%]", re.DOTALL)
_UNREADABLE_USER = re.compile(rf"%(?![0-9A-Fa-f]{{2}})|[^{_UNRESERVED}&=+$,;?/#%\x80-\U0010ffff]", re.DOTALL)
_NOT_PARAMETER = re.compile(rf"[^{_UNRESERVED}\[\]/:&+$]", re.DOTALL)


def unescape(text: str) -> str:
    """The text with its %HH escapes resolved; octets that are not UTF-8 stay as surrogate escapes."""
    if "%" not in text:
        return text
    octets = text.encode("utf-8", "surrogateescape")
    plain = re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes((int(match[1], 16),)), octets)
    return plain.decode("utf-8", "surrogateescape")


def _escape_octets(match: re.Match[str]) -> str:
    return "".join(f"%{octet:02X}" for octet in match[0].encode("utf-8", "surrogateescape"))


def escape_user(text: str) -> str:
    """A user name made fit for the user part (§19.1.2); an escape that is there already stays."""
    return _NOT_USER.sub(_escape_octets, text)


def _comparable(text: str, *, fold: bool = True) -> str:
    """The text with escapes of unreserved characters resolved and the others in capitals (§19.1.4)."""
    if "%" in text:

        def resolve(match: re.Match[str]) -> str:
            character = chr(int(match[0][1:], 16))
            return match[0].upper() if character in _RESERVED or character > "~" or character <= " " else character

        # In two steps, lest a resolved "%" make a new escape: "%25" is "%" and stays escaped.
        text = _escape.sub(lambda match: match[0] if match[0] == "%25" else resolve(match), text)
    return text.lower() if fold else text


@value
class Uri:
    """A URI.

    Args:
        scheme: in lower case.
        user: the user part as written; for tel the number as written; None where there is none.
        password: as written; None where there is none.
        host: a name or an address, an IPv6 reference in its brackets; "" for schemes other than sip and sips.
        port: 1 to 65535, None where it is not written.
        parameters: the uri-parameters as written: transport, user, lr, ...
        headers: the (name, value) pairs after "?", as written.
        opaque: for schemes other than sip, sips and tel, all that follows the colon.
    """

    scheme: str
    user: str | None = None
    password: str | None = None
    host: str = ""
    port: int | None = None
    parameters: Parameters = NO_PARAMETERS
    headers: tuple[tuple[str, str], ...] = ()
    opaque: str = ""

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Read a URI.

        Raises:
            ParseError: no scheme, or a sip, sips or tel URI that is not what its grammar says.
        """
        match = _scheme(text)
        if match is None:
            raise ParseError(f"{excerpt(text)} is not a URI: it has no scheme", 0)
        scheme = match[1].lower()
        if scheme in ("sip", "sips"):
            return _parse_sip(scheme, text, match.end())
        if scheme == "tel":
            return _parse_tel(text, match.end())
        rest = text[match.end() :]
        if _opaque(rest) is None:
            raise ParseError(f"{excerpt(text)} is not a URI: white space, quotes, brackets or nothing", match.end())
        return cls(scheme, opaque=rest)

    @property
    def username(self) -> str:
        """The user part with its escapes resolved; "" where there is none."""
        return "" if self.user is None else unescape(self.user)

    @property
    def telephone_number(self) -> str:
        """The telephone number in a tel URI or in the user part, without visual separators (RFC 3966 §5.1.1): "+33123".

        "" where the user part is not such a number. The user parameter is not asked for (RFC 3261 §19.1.1: recipients
        "MAY interpret the pre-@ part as a telephone number").
        """
        number = self.username.partition(";")[0]
        return "" if _tel_number(number) is None else number.translate(_VISUAL_SEPARATORS)

    def parameter(self, name: str) -> str | None:
        """A uri-parameter, escapes resolved: "" where it has no value, None where there is no such parameter."""
        wanted = name.lower()
        for written, text in self.parameters:
            if unescape(written).lower() == wanted:
                return unescape(text or "")
        return None

    @property
    def is_loose_router(self) -> bool:
        """Whether the URI has the lr parameter (§19.1.1)."""
        return self.parameter("lr") is not None

    def with_parameter(self, name: str, value: str | None) -> Uri:
        """The same with this uri-parameter, escaped where it must be."""
        written = None if value is None else _NOT_PARAMETER.sub(_escape_octets, value)
        items = [item for item in self.parameters if unescape(item[0]).lower() != name.lower()]
        return evolve(self, parameters=Parameters((*items, (name, written))))

    def is_equivalent(self, other: Uri) -> bool:
        """Whether both mean the same: RFC 3261 §19.1.4 for sip and sips, RFC 3966 §4 for tel; not transitive."""
        if self.scheme != other.scheme:
            return False
        if self.scheme == "tel":
            return _same_tel(self, other)
        if self.scheme not in ("sip", "sips"):
            return self == other
        return (
            _same_optional(self.user, other.user)
            and _same_optional(self.password, other.password)
            and self.host.lower() == other.host.lower()
            and self.port == other.port
            and _same_parameters(self.parameters, other.parameters)
            and _header_set(self) == _header_set(other)
        )

    def serialize(self) -> str:
        """The URI as it was written, but for the case of its scheme."""
        if self.opaque:
            return f"{self.scheme}:{self.opaque}"
        if self.scheme == "tel":
            return f"tel:{self.user or ''}{self.parameters.serialize()}"
        text = f"{self.scheme}:"
        if self.user is not None:
            text += _UNREADABLE_USER.sub(_escape_octets, self.user)
            if self.password is not None:
                text += f":{self.password}"
            text += "@"
        text += self.host
        if self.port is not None:
            text += f":{self.port}"
        text += self.parameters.serialize()
        if self.headers:
            text += "?" + "&".join([f"{name}={value}" for name, value in self.headers])
        return text

    def __str__(self) -> str:
        return self.serialize()


read_uri = remembered(Uri.parse)
"""`Uri.parse`, remembering what it has read."""


def _parse_sip(scheme: str, text: str, start: int) -> Uri:
    match = _sip(text, start)
    if match is None:
        raise ParseError(f"{excerpt(text)} is not a {scheme} URI: no host", start, Clause("RFC 3261", "19.1.1"))
    user, password, host, digits = match.groups()
    port = None if digits is None else int(digits)
    if port is not None and port > 65535:
        raise ParseError(f"{excerpt(text)}: port {digits} is more than 65535", match.start("port"))
    position = match.end()
    if position == len(text):
        return Uri(scheme, user, password, host, port)
    if text[position] not in ";?":
        raise ParseError(f"{excerpt(text)}: {excerpt(text[position:])} follows the host", position)
    written, question, query = text[position:].partition("?")
    return Uri(
        scheme,
        user,
        password,
        host,
        port,
        _parse_parameters(text, written, position),
        _parse_headers(text, query, position + len(written) + 1) if question else (),
    )


def _parse_parameters(text: str, written: str, position: int) -> Parameters:
    items: list[tuple[str, str | None]] = []
    for part in written.split(";")[1:]:
        match = _parameter(part)
        if match is None:
            raise ParseError(f"{excerpt(text)}: {excerpt(part)} is not a URI parameter", position)
        items.append((match["name"], match["value"]))
    if len(items) > 1 and len({name.lower() for name, _ in items}) != len(items):
        raise ParseError(f"{excerpt(text)}: a URI parameter appears twice", position, Clause("RFC 3261", "19.1.1"))
    return Parameters(tuple(items))


def _parse_headers(text: str, query: str, position: int) -> tuple[tuple[str, str], ...]:
    headers = []
    for part in query.split("&"):
        match = _header(part)
        if match is None:
            raise ParseError(f"{excerpt(text)}: {excerpt(part)} is not a header of a URI", position)
        headers.append((match["name"], match["value"]))
    return tuple(headers)


def _parse_tel(text: str, start: int) -> Uri:
    number, _, _ = text[start:].partition(";")
    if _tel_number(number) is None:
        raise ParseError(f"{excerpt(text)} is not a tel URI: {excerpt(number)} is not a telephone number", start)
    position = start + len(number)
    # Deviation: a local number without phone-context (RFC 3966 §5.1.5 asks for one) is taken, as telephones dial it.
    return Uri("tel", user=number, parameters=_parse_parameters(text, text[position:], position))


def _same_optional(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or _comparable(one, fold=False) == _comparable(other, fold=False)


def _parameter_table(parameters: Parameters) -> dict[str, str]:
    return {_comparable(name): _comparable(value or "") for name, value in parameters}


def _same_parameters(one: Parameters, other: Parameters) -> bool:
    if one == other:
        return True
    here, there = _parameter_table(one), _parameter_table(other)
    if any(here[name] != there[name] for name in here.keys() & there.keys()):
        return False
    # RFC 3261 §19.1.4 names user, ttl, method and maddr; its text above the list adds transport, with an example.
    return not (here.keys() ^ there.keys()) & {"user", "ttl", "method", "maddr", "transport"}


def _header_set(uri: Uri) -> list[tuple[str, str]]:
    return sorted((_comparable(name), _comparable(value, fold=False)) for name, value in uri.headers)


def _same_tel(one: Uri, other: Uri) -> bool:
    here, there = _parameter_table(one.parameters), _parameter_table(other.parameters)
    return one.telephone_number.lower() == other.telephone_number.lower() and here == there
