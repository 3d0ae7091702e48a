"""`python -m gateway bench media | two-way | calls | mixed`: what the gateway does here, beside a yardstick.

Both are measured in the same run.

The figures are those of one machine at one time; the yardstick, measured by the same instrument a moment later, says
how much of them is the machine's. One core is left to what is measured, another to what loads and receives.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gateway.cli.bench import calls, media, mixed, two_way

BENCHES = {
    "media": (media, "streams of RTP, beside a sender in C"),
    "two-way": (two_way, "answered calls, both ways, with jitter buffers, beside an echo in C"),
    "calls": (calls, "calls through SIP and ISUP, beside SIPp's own user agent server"),
    "mixed": (mixed, "streams that are held while calls come and go, beside the C sender and SIPp's user agent server"),
}
TERMINATED = 128 + signal.SIGTERM


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is to be measured, and how much of it."""
    benches = parser.add_subparsers(dest="bench", required=True, metavar="bench")
    for name, (module, summary) in BENCHES.items():
        module.add_arguments(benches.add_parser(name, help=summary, description=summary))


def run(arguments: argparse.Namespace) -> int:
    """0: measured; 1: it could not be, and why."""
    try:
        with _terminated_politely():
            status: int = BENCHES[arguments.bench][0].run(arguments)
            return status
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


@contextmanager
def _terminated_politely() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that no child is left behind."""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
