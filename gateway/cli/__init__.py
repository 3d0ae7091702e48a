"""`python -m gateway ...`: what can be done from the command line; one file a command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from gateway.cli import bench, check_config, demo, listen

COMMANDS = {
    "demo": (demo, "place calls to the built-in network and show what is signalled and heard"),
    "check-config": (check_config, "name every mistake in a configuration file"),
    "listen": (listen, "hear the newest call's early media on the sound card"),
    "bench": (bench, "measure media and calls beside a yardstick"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit status is returned."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway",
        description="A PSTN interworking gateway with 183 early media. The service itself: twistd -n pstn-gateway",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (module, summary) in COMMANDS.items():
        module.add_arguments(commands.add_parser(name, help=summary, description=summary))
    parsed = parser.parse_args(arguments)
    return COMMANDS[parsed.command][0].run(parsed)
