"""`python -m gateway check-config FILE`: file, line and key of every mistake."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gateway.config.toml import ConfigErrors, load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file."""
    parser.add_argument("file", type=Path, help="a TOML file")


def run(arguments: argparse.Namespace) -> int:
    """0: nothing wrong; 1: mistakes, on standard error."""
    try:
        load_settings(arguments.file)
    except ConfigErrors as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.file}: nothing wrong")
    return 0
