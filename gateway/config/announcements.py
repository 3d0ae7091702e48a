"""The user's own announcements: read, or spoken, with the configuration, so that no call waits for a file.

    [exchange.announcements]
    welcome = { wav = "welcome.wav" }                           any rate, width and channels; at most ten minutes
    closed = { text = "We are closed.", language = "en" }       spoken by espeak-ng, and kept in the user's cache

Names of files are relative to the configuration file. A language is ISO 639-1, or the name of a voice of espeak-ng;
without one, texts are spoken in the language of the country that the exchange stands in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gateway.core.errors import ConfigError
from gateway.exchange.behaviours import Behaviour, read_behaviour
from tones.announcement import LANGUAGE, available_announcements, recording_texts
from tones.detect.dtmf import DtmfReceiver
from tones.g711 import Law, encode
from tones.plan import UnknownPlanError, load_plan
from tones.user_announcement import (
    Pcm,
    SpeechError,
    UserAnnouncement,
    announcement_from_text,
    announcement_from_wav,
    announcements_folder,
)
from tones.wav import WavError

KEYS: Final = ("wav", "text", "language")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_DEFAULT_COUNTRY: Final = "us"
_BLOCK_OCTETS: Final = 80_000


class Announcements:
    """The announcements of one configuration; implements `OwnSounds`.

    Args:
        folder: what names of files are relative to.
        language: of texts that give none.

    Attributes:
        named: what `say` can say.
    """

    def __init__(self, folder: Path, language: str) -> None:
        self._folder = folder
        self._language = language
        self._found: dict[tuple[str, str], UserAnnouncement] = {}
        self.named: dict[str, UserAnnouncement] = {}

    def add(self, name: str, table: object) -> None:
        """Read one.

        Raises:
            ValueError: what is wrong with it.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r}: a name has letters, digits, hyphens and underscores")
        if name in recording_texts():
            raise ValueError(f"there is a recording named {name} already; choose another name")
        if not isinstance(table, Mapping) or ("wav" in table) == ("text" in table):
            raise ValueError('write { wav = "FILE" } or { text = "WORDS", language = "en" }')
        unknown = [key for key in table if key not in KEYS]
        if unknown:
            raise ValueError(f"there is no key {unknown[0]} here; there are {', '.join(KEYS)}")
        wrong = next((key for key, value in table.items() if not isinstance(value, str)), None)
        if wrong:
            raise ValueError(f"{wrong}: {table[wrong]!r} is no text")
        language = table.get("language", "")
        if "wav" in table:
            self.named[name] = self._recorded(name, table["wav"], language)
        else:
            self.named[name] = self._spoken(name, table["text"], language)

    def find(self, part: str, language: str) -> UserAnnouncement | None:
        """What a part of a script is, if it is one of these.

        Raises:
            ValueError: it is none, although it should be.
        """
        kind, _, rest = part.partition(" ")
        rest = rest.strip()
        if kind == "say" and rest in self.named:
            return self.named[rest]
        if kind == "say" and rest and rest not in available_announcements():
            names = ", ".join((*self.named, *available_announcements()))
            raise ValueError(f"{part!r}: there are the recordings {names}")
        if kind not in ("wav", "text") or not rest:
            return None
        known = self._found.get((part, language))
        if known is None:
            read = self._recorded if kind == "wav" else self._spoken
            try:
                known = self._found[part, language] = read(rest, rest, language)
            except ValueError as error:
                raise ValueError(f"{part!r}: {error}") from None
        return known

    def _recorded(self, name: str, file: str, language: str) -> UserAnnouncement:
        path = self._folder / file
        try:
            pcm = announcement_from_wav(path)
        except WavError as error:
            raise ValueError(str(error)) from None
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from None
        if not pcm.size:
            raise ValueError(f"{path}: there is nothing in it")
        return UserAnnouncement(name, pcm, language, has_digits=_has_digits(pcm))

    def _spoken(self, name: str, text: str, language: str) -> UserAnnouncement:
        language = language or self._language
        folder = announcements_folder()
        try:
            pcm = announcement_from_text(text, folder, language)
        except (SpeechError, WavError) as error:
            raise ValueError(str(error)) from None
        except OSError as error:
            raise ValueError(f"the spoken text cannot be kept in {folder}: {error.strerror}") from None
        return UserAnnouncement(name, pcm, language, " ".join(text.split()))


def _has_digits(pcm: Pcm) -> bool:
    receiver, octets = DtmfReceiver(Law.ALAW), encode(pcm, Law.ALAW)
    blocks = (octets[at : at + _BLOCK_OCTETS] for at in range(0, octets.size, _BLOCK_OCTETS))
    return any(receiver.feed(block) for block in blocks)


def with_announcements(data: Mapping[str, Any], folder: Path, errors: list[ConfigError]) -> dict[str, Any]:
    """The table [exchange] with its announcements read, and the behaviours that may play them.

    Args:
        data: the whole file.
        folder: what names of files are relative to.
        errors: where mistakes go; what has them is left out.
    """
    exchange: dict[str, Any] = dict(data["exchange"])
    own = Announcements(folder, _home_language(data))
    if isinstance(exchange.get("announcements"), dict):
        for name, table in exchange["announcements"].items():
            try:
                own.add(name, table)
            except ValueError as error:
                errors.append(ConfigError(str(error), key=f"exchange.announcements.{name}"))
        exchange["announcements"] = own.named
    if isinstance(exchange.get("behaviours"), dict):
        read: dict[str, Behaviour] = {}
        for ending, table in exchange["behaviours"].items():
            try:
                read[ending] = read_behaviour(ending, table, f"exchange.behaviours.{ending}", own)
            except ConfigError as error:
                errors.append(error)
        exchange["behaviours"] = read
    return exchange


def _home_language(data: Mapping[str, Any]) -> str:
    """The language of the country whose sounds the exchange makes, where the file says so well."""
    tables = [data.get(name) for name in ("exchange", "numbers")]
    countries = [table.get("country") for table in tables if isinstance(table, dict)]
    for country in countries:
        if country:
            try:
                return load_plan(str(country)).language
            except UnknownPlanError:
                return LANGUAGE
    return load_plan(_DEFAULT_COUNTRY).language
