"""A session description as frozen values (RFC 8866 §5).

What parsing does not understand - attributes, other fields, their order - is kept line by line, so that a description
is written back octet for octet. Text is UTF-8 with surrogate escapes: any octet survives.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

import attrs
from attrs import frozen

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST_LINES_REMEMBERED: Final = 64
"""What the lines of a section say is remembered if there are no more of them: most descriptions are of few makers."""


class Direction(Enum):
    """Which way media flows, as the one who writes the description sees it (RFC 8866 §6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    def __init__(self, word: str) -> None:
        self.sends = word in ("sendrecv", "sendonly")
        """Whether the writer sends."""
        self.receives = word in ("sendrecv", "recvonly")
        """Whether the writer wants to receive."""

    @property
    def reversed(self) -> Direction:
        """The same flow as the other side sees it."""
        return Direction.of(sends=self.receives, receives=self.sends)

    def limited_to(self, other: Direction) -> Direction:
        """What both directions allow."""
        return Direction.of(sends=self.sends and other.sends, receives=self.receives and other.receives)

    @staticmethod
    def of(*, sends: bool, receives: bool) -> Direction:
        """The direction that sends and receives so."""
        if sends:
            return Direction.SENDRECV if receives else Direction.SENDONLY
        return Direction.RECVONLY if receives else Direction.INACTIVE


class Line(NamedTuple):
    """One line, `type=value`, as it was read."""

    type: str
    value: str


@frozen
class Attribute:
    """`a=name:value`, or the property attribute `a=name` with no value (RFC 8866 §5.13)."""

    name: str
    value: str | None = None

    @staticmethod
    def split(text: str) -> Attribute:
        """The attribute in the text after "a="."""
        name, colon, value = text.partition(":")
        return Attribute(name, value if colon else None)

    @property
    def line(self) -> Line:
        """The attribute as a line."""
        return Line("a", self.name if self.value is None else f"{self.name}:{self.value}")


@frozen
class Origin:
    """`o=`: who made the session, and which version of it this is (RFC 8866 §5.2).

    `session_id` and `version` are digits of any length, so they stay text.
    """

    username: str = "-"
    session_id: str = "0"
    version: str = "0"
    network_type: str = "IN"
    address_type: str = "IP4"
    address: str = "127.0.0.1"

    def __str__(self) -> str:
        return (
            f"{self.username} {self.session_id} {self.version} {self.network_type} {self.address_type} {self.address}"
        )


@frozen
class Connection:
    """`c=`: where media is to be sent (RFC 8866 §5.7).

    Args:
        network_type: "IN".
        address_type: "IP4" or "IP6".
        address: an address or a host name; for multicast with its "/ttl" or "/number" suffixes.
    """

    network_type: str
    address_type: str
    address: str

    @staticmethod
    def to(host: str) -> Connection:
        """The connection line for an IP address or a host name (a name counts as IP4)."""
        return Connection("IN", "IP6" if ":" in host else "IP4", host)

    def __str__(self) -> str:
        return f"{self.network_type} {self.address_type} {self.address}"

    @property
    def host(self) -> str:
        """The address or name without multicast suffixes."""
        return self.address.partition("/")[0]

    @property
    def ip(self) -> Address | None:
        """The IP address, or None for a host name."""
        return _ip_address(self.host)

    @property
    def is_multicast(self) -> bool:
        """Whether the address is a group's."""
        return _is_multicast(self.host)

    @property
    def is_unspecified(self) -> bool:
        """0.0.0.0 (or ::): neither RTP nor RTCP is to be sent to the peer (RFC 3264 §8.4)."""
        return _is_unspecified(self.host)


@frozen
class Rtpmap:
    """What a payload type number stands for (RFC 8866 §6.6); `encoding` as written, compared without case."""

    encoding: str
    clock_rate: int
    channels: int = 1

    def __str__(self) -> str:
        return f"{self.encoding}/{self.clock_rate}" + (f"/{self.channels}" if self.channels != 1 else "")


def _decimal(text: str) -> int | None:
    """The number, or None: ASCII digits only and few enough of them to be a number in SDP."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def _milliseconds(text: str | None) -> float | None:
    """`non-zero-int-or-real` in milliseconds, or None where it is none."""
    whole, _, fraction = (text or "").strip().partition(".")
    if _decimal(whole) is None or (fraction and _decimal(fraction) is None):
        return None
    value = float(f"{whole}.{fraction or 0}")
    return value if value > 0 else None


_DIRECTIONS: Final = {direction.value: direction for direction in Direction}


class Contents:
    """What the lines of one section say, read when somebody asks.

    Args:
        lines: all of them, in order.
    """

    def __init__(self, lines: tuple[Line, ...]) -> None:
        self._lines = lines

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """The `a=` lines, in order."""
        return tuple(Attribute.split(line.value) for line in self._lines if line.type == "a")

    @cached_property
    def connection(self) -> Connection | None:
        """The first `c=` line, if there is one that can be read."""
        for line in self._lines:
            if line.type == "c":
                fields = line.value.split()
                return Connection(*fields[:3]) if len(fields) >= 3 else None
        return None

    @cached_property
    def timing(self) -> tuple[Line, ...]:
        """The t=, r= and z= lines."""
        return tuple(line for line in self._lines if line.type in "trz")

    @cached_property
    def direction(self) -> Direction | None:
        """The first direction among the attributes."""
        return next((_DIRECTIONS[each.name] for each in self.attributes if each.name in _DIRECTIONS), None)

    @cached_property
    def rtpmap(self) -> Mapping[int, Rtpmap]:
        """The `a=rtpmap` lines that can be read; the first of each payload type counts."""
        maps: dict[int, Rtpmap] = {}
        for value in self.values("rtpmap"):
            number, _, encoding = value.strip().partition(" ")
            name, _, rest = encoding.strip().partition("/")
            rate, _, channels = rest.partition("/")
            payload_type, clock_rate = _decimal(number), _decimal(rate)
            if payload_type is None or payload_type > 127 or clock_rate is None or not name:
                continue
            maps.setdefault(payload_type, Rtpmap(name, clock_rate, _decimal(channels) or 1))
        return maps

    @cached_property
    def fmtp(self) -> Mapping[str, str]:
        """The `a=fmtp` lines by format."""
        parameters: dict[str, str] = {}
        for value in self.values("fmtp"):
            number, _, text = value.strip().partition(" ")
            parameters.setdefault(number, text.strip())
        return parameters

    @cached_property
    def ptime(self) -> float | None:
        """`a=ptime` in milliseconds."""
        return _milliseconds(self.value("ptime"))

    @cached_property
    def maxptime(self) -> float | None:
        """`a=maxptime` in milliseconds."""
        return _milliseconds(self.value("maxptime"))

    def values(self, name: str) -> list[str]:
        """The values of all attributes of that name, "" where one has none."""
        return [attribute.value or "" for attribute in self.attributes if attribute.name == name]

    def value(self, name: str) -> str | None:
        """The first attribute's value, "" where it has none, None where there is no such attribute."""
        return next(iter(self.values(name)), None)


_contents = lru_cache(maxsize=128)(Contents)


class _Section:
    """What the session level and a media description have in common: lines of many types."""

    lines: tuple[Line, ...]

    @cached_property
    def contents(self) -> Contents:
        """What the lines say; sections with the same lines share it."""
        return _contents(self.lines) if len(self.lines) <= MOST_LINES_REMEMBERED else Contents(self.lines)

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """The `a=` lines, in order."""
        return self.contents.attributes

    @property
    def connection(self) -> Connection | None:
        """The first `c=` line at this level, if there is one that can be read."""
        return self.contents.connection

    def values(self, name: str) -> list[str]:
        """The values of all attributes of that name, "" where one has none."""
        return self.contents.values(name)

    def value(self, name: str) -> str | None:
        """The first attribute's value, "" where it has none, None where there is no such attribute."""
        return self.contents.value(name)

    @property
    def direction(self) -> Direction | None:
        """The direction stated at this level; None leaves it to the level above (RFC 8866 §6.7)."""
        return self.contents.direction


@attrs.frozen(slots=False)
class Media(_Section):
    """One media description (RFC 8866 §5.14).

    Args:
        kind: "audio", "video", ...
        port: 0 to 65535; 0 rejects or disables the stream (RFC 3264 §6, §8.2).
        proto: "RTP/AVP", ...
        formats: for RTP payload type numbers, as text, most preferred first.
        lines: everything below the m= line, as it was read.
        ports: how many port pairs, 1 unless the port was written "port/number".
    """

    kind: str
    port: int
    proto: str
    formats: tuple[str, ...]
    lines: tuple[Line, ...] = ()
    ports: int = 1

    @staticmethod
    def of(kind: str, port: int, proto: str, formats: Iterable[str], attributes: Iterable[Attribute] = ()) -> Media:
        """A media description with nothing but attributes below its m= line."""
        return Media(kind, port, proto, tuple(formats), tuple(attribute.line for attribute in attributes))

    @property
    def rtpmap(self) -> Mapping[int, Rtpmap]:
        """Payload type number -> encoding, from the `a=rtpmap` lines that can be read; the first of each counts."""
        return self.contents.rtpmap

    @property
    def fmtp(self) -> Mapping[str, str]:
        """Format -> its parameters, from the `a=fmtp` lines (RFC 8866 §6.15)."""
        return self.contents.fmtp

    @property
    def ptime(self) -> float | None:
        """Milliseconds a packet that the writer would like to receive (RFC 8866 §6.4)."""
        return self.contents.ptime

    @property
    def maxptime(self) -> float | None:
        """Milliseconds a packet at most (RFC 8866 §6.5)."""
        return self.contents.maxptime


@attrs.frozen(slots=False)
class SessionDescription(_Section):
    """A whole description (RFC 8866 §5).

    Args:
        origin: the o= line.
        name: the s= line; may be empty.
        lines: the other session-level lines, in order.
        media: the media descriptions, in order.
    """

    origin: Origin
    name: str = "-"
    lines: tuple[Line, ...] = (Line("t", "0 0"),)
    media: tuple[Media, ...] = ()

    @staticmethod
    def parse(data: bytes) -> SessionDescription:
        """Read a description.

        Raises:
            ParseError: with the line's number and what is wrong with it.
        """
        from gateway.sdp.parse import parse

        return parse(data)

    def serialize(self) -> bytes:
        """The description as octets, each line ended by CRLF."""
        from gateway.sdp.serialize import serialize

        return serialize(self)

    @property
    def timing(self) -> tuple[Line, ...]:
        """The lines that say when the session is active: t=, r= and z= (RFC 8866 §5.9 to §5.11)."""
        return self.contents.timing

    def connection_of(self, media: Media) -> Connection | None:
        """Its own c= line, else the session's (RFC 8866 §5.7)."""
        return media.connection or self.connection

    def direction_of(self, media: Media) -> Direction:
        """Its own direction, else the session's, else sendrecv (RFC 8866 §6.7)."""
        return media.direction or self.direction or Direction.SENDRECV


@lru_cache(maxsize=4096)
def _ip_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _is_multicast(host: str) -> bool:
    ip = _ip_address(host)
    return ip is not None and ip.is_multicast


@lru_cache(maxsize=4096)
def _is_unspecified(host: str) -> bool:
    ip = _ip_address(host)
    return ip is not None and ip.is_unspecified
