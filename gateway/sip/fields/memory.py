"""Values that are read again and again: the messages of one call, and those of one peer, repeat most of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar

T = TypeVar("T")

REMEMBERED_VALUES: Final = 1024
REMEMBERED_CHARACTERS: Final = 200
"""So many values of a kind, up to this length, are remembered with what they say."""

_forget: Final[list[Callable[[], None]]] = []


def remembered(parse: Callable[[str], T]) -> Callable[[str], T]:
    """`parse`, which makes a value of a text, remembering what it has made; its errors are not remembered."""
    known = lru_cache(maxsize=REMEMBERED_VALUES)(parse)
    _forget.append(known.cache_clear)

    def read(text: str) -> T:
        return known(text) if len(text) <= REMEMBERED_CHARACTERS else parse(text)

    return read


def forget_values() -> None:
    """Forget what has been read, for whoever counts what is kept."""
    for forget in _forget:
        forget()
