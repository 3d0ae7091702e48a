"""What can be set, with its default: the built-in configuration is `Settings()`.

Each class is one table of the file. A converter reads the value as written and says what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address

from attrs import field, frozen
from attrs.validators import ge, in_, instance_of, le

from gateway.core.errors import ConfigError, ParseError
from gateway.exchange.behaviours import Behaviour, Play, built_in_behaviours, read_behaviour
from gateway.interworking.causes import load_profile
from gateway.sip.dialog.settings import Reliability
from gateway.ss7.isup.timers import IsupTimers
from gateway.ss7.point_code import parse_point_code
from tones.plan import UnknownPlanError, load_plan
from tones.user_announcement import UserAnnouncement

HostPort = tuple[str, int]


def host_port(value: object) -> HostPort:
    """ "127.0.0.1:5060" or "[::1]:5060"; the port may be left out (5060)."""
    if isinstance(value, tuple):
        return value
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::(\d{1,5}))?", str(value))
    if match is None or int(match[3] or 5060) > 65535:
        raise ValueError(f'{value!r} is no address and port; write "127.0.0.1:5060" or "[::1]:5060"')
    host = match[1] or match[2]
    ip_address(host)
    return host, int(match[3] or 5060)


def number_range(value: object) -> tuple[int, int]:
    """ "16384-32766", both ends included."""
    if isinstance(value, tuple):
        return value
    match = re.fullmatch(r"\s*(\d{1,5})\s*-\s*(\d{1,5})\s*", str(value))
    if match is None or int(match[1]) > int(match[2]):
        raise ValueError(f'{value!r} is no range; write it "first-last"')
    return int(match[1]), int(match[2])


def port_range(value: object) -> tuple[int, int]:
    """A range of UDP ports with room for at least one call."""
    first, last = number_range(value)
    if first < 1024 or last > 65535 or last - first < 1:
        raise ValueError(f"{value!r}: ports are 1024 to 65535, two for each call")
    return first, last


def cic_range(value: object) -> tuple[int, int]:
    """A range of circuit identification codes (12 bits)."""
    first, last = number_range(value)
    if first < 1 or last > 4095:
        raise ValueError(f"{value!r}: circuits are 1 to 4095")
    return first, last


def country(value: object) -> str:
    """The name of a tone plan, or "" for none in particular."""
    text = str(value)
    try:
        return load_plan(text).country if text else ""
    except UnknownPlanError as error:
        raise ValueError(str(error)) from None


def home_country(value: object) -> str:
    """A tone plan that has an E.164 country code."""
    name = country(value)
    if not name or not load_plan(name).calling_codes:
        raise ValueError(f"{value!r} has no country code")
    return name


def point_code(value: object) -> int:
    """ "2-100-3" or a number."""
    try:
        return parse_point_code(str(value))
    except ParseError as error:
        raise ValueError(str(error)) from None


def local_address(value: object) -> str:
    """An IP address, or "" for the one that SIP listens on."""
    text = str(value)
    if text:
        ip_address(text)
    return text


def international_number(value: object) -> str:
    """ "+12125550120", or "" for none in particular; kept with its "+"."""
    text = str(value)
    if text and re.fullmatch(r"\+[1-9][0-9]{7,14}", text) is None:
        raise ValueError(f'{value!r} is no international number of 8 to 15 digits; write "+12125550120"')
    return text


def behaviours(value: object) -> Mapping[str, Behaviour]:
    """The user's endings, over the built-in ones."""
    if not isinstance(value, Mapping):
        raise ValueError("a table for each ending is needed")
    own = {
        ending: table
        if isinstance(table, Behaviour)
        else read_behaviour(ending, table, f"exchange.behaviours.{ending}")
        for ending, table in value.items()
    }
    return {**built_in_behaviours(), **own}


def announcements(value: object) -> Mapping[str, UserAnnouncement]:
    """The user's own announcements; `config.announcements` has read them."""
    if not isinstance(value, Mapping) or not all(isinstance(each, UserAnnouncement) for each in value.values()):
        raise ValueError('a table of announcements is needed: welcome = { wav = "welcome.wav" }')
    return value


def profile(value: object) -> str:
    """The name of an interworking profile."""
    try:
        return load_profile(str(value)).name
    except ConfigError as error:
        raise ValueError(error.message) from None


_text = instance_of(str)
_flag = instance_of(bool)


@frozen
class SipSettings:
    """[sip]; "trying_after" is how many seconds the PSTN may take to say something before 100 is sent; 0: none."""

    listen: HostPort = field(default=("127.0.0.1", 5060), converter=host_port)
    reliable_provisional: str = field(default="when supported", validator=in_([r.value for r in Reliability]))
    product: str = field(default="pstn-gateway", validator=_text)
    trying_after: float = field(default=0.02, validator=[instance_of((int, float)), ge(0), le(0.2)])


@frozen
class MediaSettings:
    """[media]; "address" is what session descriptions name; "workers": processes for media, 0 for none beside this one;
    "way_out", "way_in": "io_uring", "plain", or "auto" for the best there is; "latching": "auto", "always" or "never",
    whether a source that no description names may be heard, in its first "latch_window" seconds; "jitter_minimum",
    "jitter_maximum": the delay of the jitter buffers, in ms; "rtcp": whether reports are sent and read."""

    address: str = field(default="", converter=local_address)
    rtp_ports: tuple[int, int] = field(default=(16384, 32766), converter=port_range)
    workers: int = field(default=0, validator=[instance_of(int), ge(0), le(64)])
    way_out: str = field(default="auto", validator=in_(("auto", "io_uring", "plain")))
    way_in: str = field(default="auto", validator=in_(("auto", "io_uring", "plain")))
    latching: str = field(default="auto", validator=in_(("auto", "always", "never")))
    latch_window: float = field(default=5.0, validator=[instance_of((int, float)), ge(0), le(60)])
    jitter_minimum: int = field(default=20, validator=[instance_of(int), ge(20), le(500)])
    jitter_maximum: int = field(default=200, validator=[instance_of(int), ge(20), le(500)])
    rtcp: bool = field(default=True, validator=_flag)

    @jitter_maximum.validator
    def _not_less(self, attribute: object, value: int) -> None:
        if value < self.jitter_minimum:
            raise ValueError(f"{value} ms is less than the minimum, {self.jitter_minimum} ms")


@frozen
class NumbersSettings:
    """[numbers]; "country" is where the gateway stands: numbers without "+" are its national numbers."""

    country: str = field(default="us", converter=home_country)


@frozen
class InterworkingSettings:
    """[interworking]"""

    profile: str = field(default="rfc3398", converter=profile)
    interworking_encountered: bool = field(default=False, validator=_flag)


@frozen
class IsupSettings:
    """[isup]; the timers are in seconds, t9 = 0 switches it off."""

    circuits: tuple[int, int] = field(default=(1, 480), converter=cic_range)
    own_point_code: int = field(default=parse_point_code("2-100-1"), converter=point_code)
    exchange_point_code: int = field(default=parse_point_code("2-100-2"), converter=point_code)
    t1: float = field(default=IsupTimers().T1, validator=[instance_of((int, float)), ge(0.1)])
    t5: float = field(default=IsupTimers().T5, validator=[instance_of((int, float)), ge(0.1)])
    t7: float = field(default=IsupTimers().T7, validator=[instance_of((int, float)), ge(0.1)])
    t9: float = field(default=180.0, validator=[instance_of((int, float)), ge(0)])

    @exchange_point_code.validator
    def _two_ends(self, attribute: object, value: int) -> None:
        if value == self.own_point_code:
            raise ValueError("the exchange has the gateway's own point code")

    @property
    def timers(self) -> IsupTimers:
        """The values that were set, and the defaults of the others."""
        return IsupTimers(T1=self.t1, T5=self.t5, T7=self.t7, T9=self.t9 or None)


@frozen
class ExchangeSettings:
    """[exchange]; "country" makes every number sound like one country, whatever its country code; "announcements" are
    the user's own: `welcome = { wav = "welcome.wav" }`, `closed = { text = "We are closed.", language = "en" }`."""

    country: str = field(default="", converter=country)
    announcements: Mapping[str, UserAnnouncement] = field(factory=dict, converter=announcements)
    behaviours: Mapping[str, Behaviour] = field(factory=built_in_behaviours, converter=behaviours)

    @property
    def own_announcements(self) -> tuple[UserAnnouncement, ...]:
        """All that can be played: those that have names, and those that stand in steps."""
        plays = (step for each in self.behaviours.values() for step in each.steps if isinstance(step, Play))
        in_steps = (announcement for play in plays for _, announcement in play.own)
        return tuple(dict.fromkeys((*self.announcements.values(), *in_steps)))


@frozen
class HandsetSettings:
    """[handset]; "number" is the only one of the local handset, "" every number that ends in 20."""

    number: str = field(default="", converter=international_number)


@frozen
class TraceSettings:
    """[trace]; "capture" is a pcapng file for SIP, ISUP and RTP; "control" the UNIX socket of `listen` and
    `handset`, or "off"."""

    capture: str = field(default="", validator=_text)
    calls_kept: int = field(default=1000, validator=[instance_of(int), ge(1), le(1_000_000)])
    control: str = field(default="", validator=_text)


@frozen
class Settings:
    """The whole file."""

    sip: SipSettings = field(factory=SipSettings)
    media: MediaSettings = field(factory=MediaSettings)
    numbers: NumbersSettings = field(factory=NumbersSettings)
    interworking: InterworkingSettings = field(factory=InterworkingSettings)
    isup: IsupSettings = field(factory=IsupSettings)
    exchange: ExchangeSettings = field(factory=ExchangeSettings)
    handset: HandsetSettings = field(factory=HandsetSettings)
    trace: TraceSettings = field(factory=TraceSettings)
