"""Reads a configuration file and names the file, line and key of every mistake in it."""

from __future__ import annotations

import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import attrs

from gateway.config.announcements import with_announcements
from gateway.config.settings import Settings
from gateway.core.errors import ConfigError

_TABLE = re.compile(r"^\s*\[+\s*([^\]]+?)\s*\]+")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_TOML_LINE = re.compile(r"\(at line (\d+), column \d+\)")


class ConfigErrors(ConfigError):
    """Every mistake of one file; `errors` has them one by one."""

    def __init__(self, errors: list[ConfigError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


def load_settings(path: Path) -> Settings:
    """The settings of a file.

    Raises:
        ConfigErrors: what is wrong, all of it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigErrors([ConfigError(f"cannot be read: {why}", path=str(path))]) from None
    return read_settings(text, str(path))


def read_settings(text: str, path: str = "", folder: Path | None = None) -> Settings:
    """The settings of a file's text.

    Args:
        text: TOML.
        path: of the file, for what is said of mistakes.
        folder: what file names in it are relative to; None: to the file.

    Raises:
        ConfigErrors: what is wrong, all of it.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _TOML_LINE.search(str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        message = _TOML_LINE.sub("", str(error)).strip()
        raise ConfigErrors([ConfigError(f"not TOML: {message}", path=path, line=line)]) from None
    errors: list[ConfigError] = []
    if isinstance(data.get("exchange"), dict):
        data["exchange"] = with_announcements(data, Path(path).parent if folder is None else folder, errors)
    tables = {}
    for name, table in data.items():
        try:
            if name not in _classes():
                raise ConfigError(f"there is no such table{_perhaps(name, list(_classes()))}", key=name)
            if not isinstance(table, dict):
                raise ConfigError(f"a table [{name}] is needed", key=name)
            tables[name] = _table(name, table, errors)
        except ConfigError as error:
            errors.append(error)
    if errors:
        lines = _lines(text)
        raise ConfigErrors([_located(error, path, lines) for error in errors])
    return Settings(**tables)


def _classes() -> dict[str, type[Any]]:
    return {field.name: type(getattr(Settings(), field.name)) for field in attrs.fields(Settings)}


def _table(name: str, table: dict[str, Any], errors: list[ConfigError]) -> Any:
    """The settings object of one table; its mistakes go to `errors`, key by key."""
    cls = _classes()[name]
    known = [field.name for field in attrs.fields(cls)]
    good = {}
    for key, value in table.items():
        try:
            if key not in known:
                raise ConfigError(f"there is no such key{_perhaps(key, known)}", key=f"{name}.{key}")
            cls(**{key: value})
            good[key] = value
        except ConfigError as error:
            errors.append(error)
        except (ValueError, TypeError) as error:
            errors.append(ConfigError(_plain(error), key=f"{name}.{key}"))
    try:
        return cls(**good)
    except ValueError as error:
        errors.append(ConfigError(_plain(error), key=name))
        return cls()


def _plain(error: Exception) -> str:
    """The part of an attrs message that is for people."""
    text = str(error.args[0]) if error.args else str(error)
    return re.sub(r"^'(\w+)' must be <class '(\w+)'>.*", r"\1 must be of type \2", text.split(" (got", 1)[0])


def _perhaps(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, 1)
    return f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(known)}"


def _lines(text: str) -> dict[str, int]:
    """Dotted key or table -> its line."""
    found: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := _TABLE.match(line):
            table = _bare(match[1])
            found.setdefault(table, number)
        elif match := _KEY.match(line):
            found.setdefault(f"{table}.{_bare(match[1])}" if table else _bare(match[1]), number)
    return found


def _bare(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))


def _located(error: ConfigError, path: str, lines: dict[str, int]) -> ConfigError:
    """The same error with its line: that of the key, or of the nearest table around it."""
    key = re.sub(r"\[\d+\]", "", error.key)
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return ConfigError(error.message, path=path, line=lines.get(key), key=error.key)
