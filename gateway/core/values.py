"""Values that are made by the dozen for each message."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import frozen as value
else:
    from functools import partial

    from attrs import define

    value = partial(define, unsafe_hash=True)

__all__ = ["value"]

"""`attrs.frozen` to the type checker, which sees to it that nothing assigns to such a value; at run time a plain class
with slots. Making a frozen one costs 400 ns instead of 150 (three fields), and a call makes more than a hundred."""
