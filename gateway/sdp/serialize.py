"""Writing a session description (RFC 8866 §5)."""

from __future__ import annotations

from gateway.sdp.model import Media, SessionDescription


def serialize(description: SessionDescription) -> bytes:
    """The description as octets, lines in the order in which they are held, each ended by CRLF."""
    lines = ["v=0", f"o={description.origin}", f"s={description.name}"]
    lines += [f"{kind}={value}" for kind, value in description.lines]
    for media in description.media:
        lines.append(_media_line(media))
        lines += [f"{kind}={value}" for kind, value in media.lines]
    lines.append("")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def _media_line(media: Media) -> str:
    ports = f"{media.port}/{media.ports}" if media.ports != 1 else f"{media.port}"
    return f"m={media.kind} {ports} {media.proto} {' '.join(media.formats)}"
