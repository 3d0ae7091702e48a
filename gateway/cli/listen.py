"""`python -m gateway listen [CALL]`: the early media of a running gateway's call, on the sound card."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

from gateway.net.monitor import NEWEST, default_path
from gateway.net.sound_card import Loudspeaker, NoSoundCardError
from tones.g711 import Law, decode

LAWS = {"PCMA": Law.ALAW, "PCMU": Law.MULAW}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which call."""
    parser.add_argument("call", nargs="?", default=NEWEST, help="call-1, ...; without it the newest, or the next")
    parser.add_argument("--control", type=Path, default=default_path(), help="the gateway's socket (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """0: heard to its end; 1: it could not be, and why."""
    try:
        loudspeaker = Loudspeaker()
    except NoSoundCardError as error:
        return _fail(str(error))
    try:
        return _listen(arguments.call, arguments.control, loudspeaker)
    except KeyboardInterrupt:
        return 0
    finally:
        loudspeaker.close()


def _listen(call: str, control: Path, loudspeaker: Loudspeaker) -> int:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(control))
        except OSError as error:
            return _fail(f"no gateway at {control} ({error.strerror}); start one: twistd -n pstn-gateway")
        connection.sendall(f"listen {call}\n".encode())
        print("waiting for a call with media; Ctrl-C ends", flush=True)
        stream = connection.makefile("rb", buffering=0)
        name, _, codec = stream.readline().decode().strip().partition(" ")
        if name == "error" or codec not in LAWS:
            return _fail(codec or "the gateway has closed the connection")
        print(f"hearing {name}, {codec}", flush=True)
        while octets := stream.read(160):
            loudspeaker.play(decode(octets, LAWS[codec]).tobytes())
    print("the call is over")
    return 0


def _fail(why: str) -> int:
    print(f"listen: {why}", file=sys.stderr)
    return 1
