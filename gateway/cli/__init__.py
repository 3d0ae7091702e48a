"""`python -m gateway ...`: what can be done from the command line; one file a command, imported when asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Protocol, cast

COMMANDS = {
    "demo": "place calls to the built-in network and show what is signalled and heard",
    "check-config": "name every mistake in a configuration file",
    "listen": "hear the newest call's early media on the sound card",
    "identify": "name what is heard in every RTP stream of a capture",
    "handset": "be a telephone on the simulated network, with the sound card",
    "bench": "measure media and calls beside a yardstick",
}


class Command(Protocol):
    """A command's module."""

    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit status is returned."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="python -m gateway",
        description="A PSTN interworking gateway with 183 early media. The service itself: twistd -n pstn-gateway",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, summary in COMMANDS.items():
        subparser = commands.add_parser(name, help=summary, description=summary)
        if words[:1] == [name]:
            _command(name).add_arguments(subparser)
    parsed = parser.parse_args(words)
    return _command(parsed.command).run(parsed)


def _command(name: str) -> Command:
    return cast(Command, import_module(f"gateway.cli.{name.replace('-', '_')}"))
