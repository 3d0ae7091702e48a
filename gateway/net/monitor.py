"""The control socket: a UNIX socket by which other processes on this machine hear a call, or are a telephone.

The client sends one line:

- `listen newest` or `listen CALL` (`python -m gateway listen`). The server answers one line, `CALL PCMA` or
  `CALL PCMU`, as soon as there is such a call with media, and then the G.711 octets that its caller is sent, as they
  are sent; a client that does not take them misses them.
- `handset` (`python -m gateway handset`). The server answers the line `ready`; after it both send the frames of
  `gateway.net.handset` until the client goes. The client waits for the answer before its first frame.

`error WHY` instead ends the connection.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from gateway.net.handset import READY, HandsetConnection, HandsetLine, HandsetRefusedError
from gateway.net.media import MediaPlane
from gateway.net.media_worker import MediaWorkers

NEWEST = "newest"


def default_path() -> Path:
    """Where the socket is unless the configuration says otherwise: private to the user."""
    folder = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(folder) / f"pstn-gateway-{os.getuid()}.sock"


class Monitor:
    """The server.

    Args:
        media: whose packets are heard.
        owner_of: the call of that name, as it owns its media; None: there is none.
        handset: where a handset is plugged in.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        media: MediaPlane | MediaWorkers,
        owner_of: Callable[[str], object | None],
        handset: HandsetLine,
    ) -> None:
        self._reactor = reactor
        self.media = media
        self.owner_of = owner_of
        self.handset = handset
        self._port: Any = None

    def listen(self, path: Path) -> None:
        """Open the socket; where that cannot be, the gateway runs on without."""
        factory = Factory.forProtocol(_Listener)
        factory.noisy = False
        factory.monitor = self  # type: ignore[attr-defined]  # Twisted's way to give a protocol its surroundings
        try:
            self._port = self._reactor.listenUNIX(str(path), factory, mode=0o600, wantPID=True)
        except (CannotListenError, OSError) as error:
            why = getattr(error, "socketError", error)
            self.log.info("nobody can listen in: {path}: {why}", path=path, why=why)

    def stop(self) -> Any:
        """Close it."""
        return None if self._port is None else self._port.stopListening()


class _Listener(LineOnlyReceiver):
    delimiter = b"\n"
    MAX_LENGTH = 200
    transport: Any
    factory: Any

    def connectionMade(self) -> None:
        self._stop: Callable[[], None] | None = None
        self._behind = False
        self._handset: HandsetConnection | None = None
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        if self._handset is None:
            super().dataReceived(data)  # type: ignore[no-untyped-call]  # Twisted's
        else:
            self._handset.data_received(data)

    def lineReceived(self, line: bytes) -> None:
        verb, _, name = line.decode("ascii", "replace").strip().partition(" ")
        monitor: Monitor = self.factory.monitor
        if self._stop is not None or self._handset is not None or verb not in ("listen", "handset"):
            self._refuse("write: listen newest, listen CALL, or handset")
            return
        if verb == "handset":
            self._plug_in(monitor.handset)
            return
        owner = None
        if name not in ("", NEWEST):
            owner = monitor.owner_of(name)
            if owner is None:
                self._refuse(f"there is no call {name!r} now")
                return
        self._stop = monitor.media.listen_in(owner, self._begin, self._octets, self._end)

    def _plug_in(self, line: HandsetLine) -> None:
        try:
            self._handset = HandsetConnection(line, self.transport)
        except HandsetRefusedError as error:
            self._refuse(str(error))
            return
        self.transport.write(f"{READY}\n".encode())

    def _refuse(self, why: str) -> None:
        self.transport.write(f"error {why}\n".encode())
        self._end()

    def _begin(self, codec: str) -> None:
        self.transport.write(f"{codec}\n".encode())

    def _octets(self, octets: bytes) -> None:
        if not self._behind:
            self.transport.write(octets)

    def pauseProducing(self) -> None:
        """The client does not keep up."""
        self._behind = True
        if self._handset is not None:
            self._handset.is_behind = True

    def resumeProducing(self) -> None:
        """It has caught up."""
        self._behind = False
        if self._handset is not None:
            self._handset.is_behind = False

    def stopProducing(self) -> None:
        """The connection is lost."""

    def _end(self) -> None:
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._stop is not None:
            self._stop()
        if self._handset is not None:
            self._handset.lost()
