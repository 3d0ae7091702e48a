"""Announcements of the user's own: loaded once, before any call, and found again by what they sound like.

A behaviour has the announcements themselves; a `Sound`, which may go to another process with every call, only says
which (`Sound.own`). Whoever plays sounds has been given the announcements before.
"""

from __future__ import annotations

from typing import Final, Protocol

from tones.user_announcement import UserAnnouncement

OWN_WORDS: Final = ("wav", "text")
"""Parts of a script that are always the user's own."""

_kept: dict[str, UserAnnouncement] = {}


class OwnSounds(Protocol):
    """Where the user's own announcements come from; the configuration has one."""

    def find(self, part: str, language: str) -> UserAnnouncement | None:
        """What a part of a script is, if it is one of the user's own: "say welcome", "wav welcome.wav", "text ...".

        Args:
            part: as written.
            language: of the script: ISO 639-1; "" for none in particular.

        Raises:
            ValueError: it should be one, but is not; what is wrong with it.
        """


class NoOwnSounds:
    """Where there is no configuration there are none."""

    def find(self, part: str, language: str) -> UserAnnouncement | None:
        """None."""
        kind, _, rest = part.partition(" ")
        if kind in OWN_WORDS and rest.strip():
            raise ValueError(f"{part!r}: only a configuration has announcements of its own")
        return None


def keep(announcement: UserAnnouncement) -> None:
    """Have an announcement at hand from now on."""
    _kept[announcement.digest] = announcement


def kept(digest: str) -> UserAnnouncement:
    """An announcement that was given to `keep`.

    Raises:
        LookupError: it was not.
    """
    try:
        return _kept[digest]
    except KeyError:
        raise LookupError(f"the announcement {digest} has not been loaded here") from None
