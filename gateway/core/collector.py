"""Python's garbage collector, for processes whose objects end by themselves."""

from __future__ import annotations

import gc

COLLECTIONS = 2_000, 1_000, 1_000
"""Finished calls are gone without the collector; it only looks for what nobody has thought of, and mostly among the
newest objects, where that takes less than a millisecond."""


def let_the_collector_rest() -> None:
    """What is loaded stays: the collector need not look at it again; and all calls there are, hardly ever.

    To look at a thousand calls takes tens of milliseconds: a packet of each would be late.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)
