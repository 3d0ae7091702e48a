"""RTP ports: a dedicated, connected UDP socket for each call on an even port (RFC 3550 §11)."""

from __future__ import annotations

import errno
import resource
import socket
from collections import deque

from gateway.core.errors import GatewayError

FILES_WANTED = 65536


class NoPortLeftError(GatewayError):
    """Every port of the range is in use, or the process may open no more files."""


class RtpPorts:
    """Hands out sockets from a range of ports, and takes them back.

    A port is used again only after all others have had their turn, so that late packets of an old call do not meet a
    new one.

    Args:
        address: the local IP address to bind, which the session description names.
        first, last: the range, inclusive; even ports of it are used.
    """

    def __init__(self, address: str, first: int, last: int) -> None:
        self.address = address
        self._free = deque(range(first + first % 2, last + 1, 2))
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.in_use = 0

    def open(self) -> tuple[socket.socket, int]:
        """A bound, non-blocking socket and its port.

        Raises:
            NoPortLeftError: there is none.
        """
        for _ in range(len(self._free)):
            port = self._free.popleft()
            try:
                opened = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            except OSError as error:
                self._free.appendleft(port)
                raise NoPortLeftError(
                    f"no socket for RTP: {error.strerror}; raise the limit of open files (ulimit -n)"
                ) from error
            try:
                opened.bind((self.address, port))
            except OSError as error:
                opened.close()
                self._free.append(port)
                if error.errno != errno.EADDRINUSE:
                    raise NoPortLeftError(f"RTP port {port} of {self.address}: {error.strerror}") from error
                continue
            self.in_use += 1
            return opened, port
        raise NoPortLeftError(f"all RTP ports are in use ({self.in_use}); widen media.rtp_ports")

    def open_rtcp(self, port: int) -> socket.socket | None:
        """A socket on the port above a call's, for its reports (RFC 3550 §11); None where it cannot be had."""
        try:
            opened = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError:
            return None
        try:
            opened.bind((self.address, port + 1))
        except OSError:
            opened.close()
            return None
        return opened

    def close(self, opened: socket.socket, port: int) -> None:
        """Give a socket back."""
        opened.close()
        self._free.append(port)
        self.in_use -= 1


def raise_file_limit() -> None:
    """A socket a call: let the process open as many files as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(FILES_WANTED, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
