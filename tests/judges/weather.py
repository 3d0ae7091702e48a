"""Bad weather between caller and gateway: UDP that gets lost or comes twice, the same in each run."""

from __future__ import annotations

import random
import selectors
import socket
import threading
from types import TracebackType
from typing import Final, Self

from attrs import frozen

from tests.judges.service import own_address

_LONGEST: Final = 65535


@frozen
class Weather:
    """What happens to each datagram, either way.

    Args:
        lost: the probability that it never arrives.
        doubled: the probability that it arrives twice.
        seed: of the chance that decides.
    """

    lost: float = 0.0
    doubled: float = 0.0
    seed: int = 0


class _Path:
    def __init__(self, weather: Weather, target: tuple[str, int]) -> None:
        self.chance = random.Random(weather.seed)
        self.weather = weather
        host = own_address()
        self.near = _bound(host, 5060)
        self.far = _bound(host, 5062)
        self.target = target
        self.caller: tuple[str, int] | None = None

    def read(self, arrived_at: socket.socket) -> None:
        datagram, source = arrived_at.recvfrom(_LONGEST)
        if arrived_at is self.near:
            self.caller = source
        if self.chance.random() < self.weather.lost:
            return
        for _ in range(1 + (self.chance.random() < self.weather.doubled)):
            if arrived_at is self.near:
                self.far.sendto(datagram, self.target)
            elif self.caller is not None:
                self.near.sendto(datagram, self.caller)

    def close(self) -> None:
        self.near.close()
        self.far.close()


def _bound(host: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((host, port))
    return opened


class Relay:
    """Stands between callers and the gateway; a context manager.

    Args:
        target: the gateway.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._selector = selectors.DefaultSelector()
        self._paths: list[_Path] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="weather", daemon=True)

    def open(self, weather: Weather) -> tuple[str, int]:
        """Where one caller has to send to."""
        path = _Path(weather, self._target)
        self._paths.append(path)
        for side in (path.near, path.far):
            self._selector.register(side, selectors.EVENT_READ, path)
        address: tuple[str, int] = path.near.getsockname()
        return address

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        for path in self._paths:
            path.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(0.05):
                side = key.fileobj
                assert isinstance(side, socket.socket)
                key.data.read(side)
