"""Writing a session description (RFC 8866 §5)."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.sdp.model import Media, SessionDescription


def serialize(description: SessionDescription) -> bytes:
    """The description as octets, lines in the order in which they are held, each ended by CRLF."""
    lines = "".join(f"{line}\r\n" for line in _lines(description))
    return lines.encode("utf-8", "surrogateescape")


def _lines(description: SessionDescription) -> Iterator[str]:
    yield "v=0"
    yield f"o={description.origin}"
    yield f"s={description.name}"
    for line in description.lines:
        yield f"{line.type}={line.value}"
    for media in description.media:
        yield _media_line(media)
        for line in media.lines:
            yield f"{line.type}={line.value}"


def _media_line(media: Media) -> str:
    ports = f"{media.port}/{media.ports}" if media.ports != 1 else f"{media.port}"
    return f"m={media.kind} {ports} {media.proto} {' '.join(media.formats)}"
