"""Offers and answers for one stream of G.711 (RFC 3264; RFC 6337 on when which is sent).

The answer takes the first audio stream that can be used and rejects the others with port 0. Of PCMU and PCMA the
offer's order decides (RFC 3264 §6.1); only the one chosen is listed, so that nothing changes codec in mid-call.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from functools import lru_cache

import attrs
from attrs import field, frozen
from attrs.validators import ge, le

from gateway.core.errors import RemoteProtocolError
from gateway.core.values import value
from gateway.sdp.model import Attribute, Connection, Direction, Line, Media, Origin, Rtpmap, SessionDescription
from gateway.sdp.parse import parse
from gateway.sdp.serialize import serialize
from tones.g711 import Law

SUPPORTED_PTIMES_MS = (10, 20, 30, 40, 50, 60)
DTMF_EVENTS = frozenset(range(16))


@frozen
class Codec:
    """A codec that was, or may be, agreed upon.

    Args:
        name: "PCMU" or "PCMA" (RFC 3551 §4.5.14).
        payload_type: the number to send with.
        law: how its octets are read.
    """

    name: str
    payload_type: int = field(validator=[ge(0), le(127)])
    law: Law

    def numbered(self, payload_type: int) -> Codec:
        """The same under another number."""
        return self if payload_type == self.payload_type else attrs.evolve(self, payload_type=payload_type)


PCMU = Codec("PCMU", 0, Law.MULAW)
PCMA = Codec("PCMA", 8, Law.ALAW)

# The static payload types of RFC 3551 §6, table 4, that we know: they need no rtpmap.
_STATIC = {0: Rtpmap("PCMU", 8000), 8: Rtpmap("PCMA", 8000)}


@frozen
class LocalMedia:
    """Our side of the one audio stream.

    Args:
        address: the IP address to receive on.
        port: the RTP port, 1 to 65535.
        session_id: for the o= line; the same for the whole call.
        version: of the first description of the call; later ones follow from the one before.
        codecs: what we can do; their order counts only in our own offers.
        telephone_event: the payload type for telephone-event in our own offers; None refuses it altogether.
        direction: what we wish for.
        ptime_ms: the packets that we would like to receive.
    """

    address: str
    port: int = field(validator=[ge(1), le(65_535)])
    session_id: int = field(default=1, validator=ge(0))
    version: int = field(default=1, validator=ge(0))
    codecs: tuple[Codec, ...] = (PCMU, PCMA)
    telephone_event: int | None = 101
    direction: Direction = Direction.SENDRECV
    ptime_ms: int = 20

    @property
    def ip_version(self) -> int:
        """The version of the address.

        Raises:
            ValueError: it is none.
        """
        return _ip_version(self.address)


@value
class Agreed:
    """What an offer and its answer come to.

    Args:
        sdp: our own description, offer or answer, as sent.
        codec: what to send, with the number to send it under.
        telephone_event: the number to send telephone-event under, None where the peer takes none.
        remote: host (an address, or a name yet to be resolved) and port to send to.
        direction: as we see it.
        ptime: milliseconds a packet that the peer would like to receive, one of `SUPPORTED_PTIMES_MS`.
        receive_payload_type: the number under which the codec comes in; differs from the codec's only where the
            answer to an offer of ours uses another (RFC 3264 §5.1).
        receive_telephone_event: the same for telephone-event.
        remote_events: the events that the peer understands (RFC 4733 §2.4.1).
    """

    sdp: bytes
    codec: Codec
    telephone_event: int | None
    remote: tuple[str, int]
    direction: Direction
    ptime: int = 20
    receive_payload_type: int = 0
    receive_telephone_event: int | None = None
    remote_events: frozenset[int] = DTMF_EVENTS

    @property
    def sends(self) -> bool:
        """Whether media may be sent: the direction allows it, and the address is not 0.0.0.0 (RFC 3264 §8.4)."""
        return self.direction.sends and not Connection.to(self.remote[0]).is_unspecified


class NothingUsable(RemoteProtocolError):
    """No stream of the offer (or of the answer) can be used: 488 with a Warning (RFC 3261 §21.4.26, §20.43).

    Args:
        warn_code: 301, 302, 304, 305 or 330, as RFC 3261 §20.43 lists them.
        warn_text: what was missing.
    """

    def __init__(self, warn_code: int, warn_text: str) -> None:
        super().__init__(warn_text, sip_status=488)
        self.warn_code = warn_code
        self.warn_text = warn_text

    def warning(self, agent: str) -> str:
        """The value of the Warning header field; `agent` is our host name or address."""
        text = self.warn_text.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.warn_code} {agent} "{text}"'


@frozen
class _Unusable:
    """Why it cannot be used. Not yet an exception: one that is kept in a variable and raised holds its own frame."""

    warn_code: int
    warn_text: str


@value
class _Usable:
    """A stream of the peer's that we can use, and how."""

    index: int
    codec: Codec
    telephone_event: int | None
    connection: Connection


def answer(offer: SessionDescription | bytes, local: LocalMedia, previous: bytes = b"") -> Agreed:
    """Answer an offer (RFC 3264 §6).

    Args:
        offer: the peer's description.
        local: our side.
        previous: our last description in this session, if there was one: the answer keeps its o= line, with the
            version one higher where anything differs and not at all where nothing does (RFC 3264 §8).

    Raises:
        ParseError: the offer cannot be read.
        NothingUsable: no stream can be accepted.
    """
    offered = parse(offer) if isinstance(offer, bytes) else offer
    usable = _first_usable(offered, local)
    chosen = offered.media[usable.index]
    direction = offered.direction_of(chosen).reversed.limited_to(local.direction)
    media = tuple(
        _accepted(local, usable.codec, usable.telephone_event, direction) if index == usable.index else _rejected(each)
        for index, each in enumerate(offered.media)
    )
    # "The "t=" line in the answer MUST equal that of the offer." (RFC 3264 §6)
    timing = offered.timing or (Line("t", "0 0"),)
    return Agreed(
        sdp=_description(local, timing, media, previous),
        codec=usable.codec,
        telephone_event=usable.telephone_event,
        remote=(usable.connection.host, chosen.port),
        direction=direction,
        ptime=_ptime(chosen, local),
        receive_payload_type=usable.codec.payload_type,
        receive_telephone_event=usable.telephone_event,
        remote_events=_events(chosen, usable.telephone_event),
    )


def offer(local: LocalMedia, previous: bytes = b"") -> bytes:
    """An offer with all that we can do (RFC 3264 §5; RFC 6337 §5.2.2 for an INVITE that had none).

    Args:
        local: our side.
        previous: our last description in this session, if there was one. Its streams keep their places and its dynamic
            payload type numbers their meaning (RFC 3264 §8, §8.3.2); where nothing changes, neither does the version.
    """
    before = parse(previous) if previous else None
    in_use = None if before is None else next((m for m in before.media if m.kind == "audio" and m.port), None)
    event = local.telephone_event
    if in_use is not None and event is not None:
        event = _telephone_event(_offered_names(in_use)) or event
    stream = _offered(local, event, in_use)
    if before is None:
        media: tuple[Media, ...] = (stream,)
    elif in_use is None:
        media = (*before.media, stream)
    else:
        media = tuple(stream if each is in_use else _rejected(each) for each in before.media)
    return _description(local, (Line("t", "0 0"),), media, previous)


def agreed_from_answer(
    offer_sdp: SessionDescription | bytes, answer_sdp: SessionDescription | bytes, local: LocalMedia
) -> Agreed:
    """Read the answer to an offer of ours (RFC 3264 §7).

    Raises:
        ParseError: one of the two cannot be read.
        NothingUsable: the answer rejects the audio stream, or takes nothing that we offered.
    """
    offered = parse(offer_sdp) if isinstance(offer_sdp, bytes) else offer_sdp
    answered = parse(answer_sdp) if isinstance(answer_sdp, bytes) else answer_sdp
    ours = next((index for index, media in enumerate(offered.media) if media.kind == "audio" and media.port), None)
    if ours is None:
        raise NothingUsable(304, "the offer has no audio stream")
    if ours >= len(answered.media):
        raise NothingUsable(304, f"the answer has {len(answered.media)} media, the offer {len(offered.media)}")
    stream, reply = offered.media[ours], answered.media[ours]
    usable = _examine(answered, ours, local)
    if isinstance(usable, _Unusable):
        raise NothingUsable(usable.warn_code, usable.warn_text)
    receiving = {name: number for number, name in _offered_names(stream)}
    if usable.codec.name not in receiving:
        raise NothingUsable(305, f"the answer takes {usable.codec.name}, which was not offered")
    event = usable.telephone_event if "TELEPHONE-EVENT" in receiving else None
    return Agreed(
        sdp=serialize(offered),
        codec=usable.codec,
        telephone_event=event,
        remote=(usable.connection.host, reply.port),
        direction=answered.direction_of(reply).reversed.limited_to(offered.direction_of(stream)),
        ptime=_ptime(reply, local),
        receive_payload_type=receiving[usable.codec.name],
        receive_telephone_event=None if event is None else receiving["TELEPHONE-EVENT"],
        remote_events=_events(reply, event),
    )


def _first_usable(description: SessionDescription, local: LocalMedia) -> _Usable:
    """The first stream that can be used.

    Raises:
        NothingUsable: saying what the first audio stream lacks, or that there is none.
    """
    why: _Unusable | None = None
    for index, media in enumerate(description.media):
        if media.kind != "audio":
            continue
        result = _examine(description, index, local)
        if isinstance(result, _Usable):
            return result
        why = why or result
    kinds = ", ".join(dict.fromkeys(media.kind for media in description.media)) or "no media at all"
    why = why or _Unusable(304, f"audio is available, offered: {kinds[:80]}")
    raise NothingUsable(why.warn_code, why.warn_text)


def _examine(description: SessionDescription, index: int, local: LocalMedia) -> _Usable | _Unusable:
    media = description.media[index]
    connection = description.connection_of(media)
    if media.kind != "audio":
        return _Unusable(304, f"audio is available, not {media.kind[:20]}")
    if media.port == 0:
        return _Unusable(304, "the audio stream is disabled: its port is 0")
    if media.proto != "RTP/AVP":
        return _Unusable(302, f"transport RTP/AVP is available, not {media.proto[:30]}")
    if connection is None:
        return _Unusable(301, "the audio stream has no c= line")
    if connection.network_type != "IN" or connection.address_type not in ("IP4", "IP6"):
        return _Unusable(301, f"network IN IP4 or IN IP6 is available, not {str(connection)[:40]}")
    if connection.is_multicast:
        return _Unusable(330, f"{connection.host} is a multicast address")
    ip = connection.ip
    if ip is not None and not ip.is_unspecified and ip.version != local.ip_version:
        return _Unusable(301, f"{local.address} cannot send to {ip}: the address families differ")
    known = {codec.name: codec for codec in local.codecs}
    names = list(_offered_names(media))
    for number, name in names:
        codec = known.get(name)
        if codec is not None:
            event = None if local.telephone_event is None else _telephone_event(names)
            return _Usable(index, codec.numbered(number), event, connection)
    wanted = " or ".join(known)
    return _Unusable(305, f"{wanted} is available, offered: {', '.join(_names_for_people(media))[:120]}")


def _offered_names(media: Media) -> Iterator[tuple[int, str]]:
    """Payload type and encoding name in capitals of the 8000 Hz mono formats, in order of preference."""
    rtpmap = media.rtpmap
    for text in media.formats:
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 128
        encoding = rtpmap.get(number) or _STATIC.get(number)
        if number <= 127 and encoding is not None and encoding.clock_rate == 8000 and encoding.channels == 1:
            yield number, encoding.encoding.upper()


def _names_for_people(media: Media) -> Iterator[str]:
    for text in media.formats[:20]:
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else -1
        yield str(media.rtpmap.get(number) or _STATIC.get(number) or text)


def _telephone_event(names: Iterable[tuple[int, str]]) -> int | None:
    """The payload type of telephone-event/8000: the clock must be the audio's (RFC 4733 §2.5.1.2)."""
    for number, name in names:
        if name == "TELEPHONE-EVENT":
            return number
    return None


def _events(media: Media, payload_type: int | None) -> frozenset[int]:
    """The events in `a=fmtp:<format> 0-15,66,70`; none given stands for 0 to 15 (RFC 4733 §2.4.1, §2.5.1.1)."""
    return DTMF_EVENTS if payload_type is None else _events_in(media.fmtp.get(str(payload_type), ""))


@lru_cache(maxsize=64)
def _events_in(text: str) -> frozenset[int]:
    events: set[int] = set()
    for element in text.removeprefix("events=").strip('"').split(","):
        low, _, high = element.strip().partition("-")
        if all(part.isascii() and part.isdigit() and len(part) <= 3 for part in (low, high or low)):
            events.update(range(int(low), min(int(high or low), 255) + 1))
    return frozenset(events) or DTMF_EVENTS


def _ptime(media: Media, local: LocalMedia) -> int:
    """What to send: the peer's ptime, at most its maxptime (RFC 3264 §6.1), among those we can do."""
    wish = media.ptime or local.ptime_ms
    wish = min(wish, media.maxptime or wish)
    return max((ms for ms in SUPPORTED_PTIMES_MS if ms <= wish), default=SUPPORTED_PTIMES_MS[0])


@lru_cache(maxsize=64)
def _stream_lines(formats: tuple[tuple[int, str], ...], ptime_ms: int, direction: Direction) -> tuple[Line, ...]:
    attributes = []
    for number, name in formats:
        attributes.append(Attribute("rtpmap", f"{number} {name}/8000"))
        if name == "telephone-event":
            attributes.append(Attribute("fmtp", f"{number} 0-15"))
    attributes += [Attribute("ptime", str(ptime_ms)), Attribute(direction.value)]
    return tuple(attribute.line for attribute in attributes)


def _stream(local: LocalMedia, formats: list[tuple[int, str]], direction: Direction) -> Media:
    numbers = tuple([str(number) for number, _ in formats])
    return Media("audio", local.port, "RTP/AVP", numbers, _stream_lines(tuple(formats), local.ptime_ms, direction))


def _accepted(local: LocalMedia, codec: Codec, telephone_event: int | None, direction: Direction) -> Media:
    formats = [(codec.payload_type, codec.name)]
    if telephone_event is not None:
        formats.append((telephone_event, "telephone-event"))
    return _stream(local, formats, direction)


def _offered(local: LocalMedia, telephone_event: int | None, before: Media | None) -> Media:
    numbers = {} if before is None else {name: number for number, name in _offered_names(before)}
    formats = [(numbers.get(codec.name, codec.payload_type), codec.name) for codec in local.codecs]
    if telephone_event is not None:
        formats.append((telephone_event, "telephone-event"))
    return _stream(local, formats, local.direction)


def _rejected(media: Media) -> Media:
    """The stream with port 0 and nothing below: "Any media formats listed are ignored" (RFC 3264 §6)."""
    return Media(media.kind, 0, media.proto, media.formats)


def _description(local: LocalMedia, timing: tuple[Line, ...], media: tuple[Media, ...], previous: bytes) -> bytes:
    connection = Connection.to(local.address)
    origin = Origin("-", str(local.session_id), str(local.version), "IN", connection.address_type, local.address)
    if previous:
        origin = parse(previous).origin
    description = SessionDescription(origin, "-", (Line("c", str(connection)), *timing), media)
    octets = serialize(description)
    if not previous or octets == previous:
        return octets
    # "the version in the origin field MUST increment by one from the previous SDP" (RFC 3264 §8)
    origin = attrs.evolve(origin, version=str(int(origin.version) + 1))
    return serialize(attrs.evolve(description, origin=origin))


@lru_cache(maxsize=64)
def _ip_version(address: str) -> int:
    return ipaddress.ip_address(address).version
