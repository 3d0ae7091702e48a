"""Where the callers' RTP goes: one socket for each call, all read by one thread, and each stream named by ear."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from gateway.media.receiver import STATIC_LAWS, Receiver
from gateway.media.rtp import PACKET_SAMPLES, RtpPacket
from gateway.testing.rtp import with_digits
from tones.detect import Heard, Kind, listen
from tones.g711 import Law, decode, encode
from tones.plan import load_plan

RECEIVE_BUFFER_OCTETS: Final = 1 << 20
PACKET_S: Final = 0.020
TELEPHONE_EVENT: Final = 101
"""As the scenarios offer it."""
COUNTRIES: Final = ("us", "gb", "fr", "de", "jp", "e180")


class Ear:
    """One caller's RTP: what comes in, and what the caller says to where it comes from.

    Args:
        host: the address to listen on.
    """

    def __init__(self, host: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
        self.socket.bind((host, 0))
        self.host = host
        self.socket.setblocking(False)
        self.port = int(self.socket.getsockname()[1])
        self.law = Law.MULAW
        self.receiver: Receiver | None = None
        self.first_timestamp = 0
        self.source: tuple[str, int] | None = None
        self.arrivals: list[tuple[float, int, bytes]] = []
        """When, in which order, and what."""
        self.says: Callable[[Ear], None] | None = None
        """What the caller says, once the first packet has shown where to."""

    def read(self) -> None:
        """Take what has come."""
        while True:
            try:
                datagram, source = self.socket.recvfrom(2048)
            except BlockingIOError:
                return
            now_s = time.monotonic()
            self.arrivals.append((now_s, len(self.arrivals), datagram))
            if self.receiver is None:
                self.law = STATIC_LAWS.get(RtpPacket.parse(datagram).payload_type, Law.MULAW)
                self.receiver = Receiver(self.law, telephone_events=frozenset({TELEPHONE_EVENT}))
                self.first_timestamp = RtpPacket.parse(datagram).timestamp
                self.source = source
                if self.says is not None:
                    threading.Thread(target=self._speak, args=(self.says,), daemon=True).start()
            self.receiver.received(datagram, source, now_s)

    def _speak(self, says: Callable[[Ear], None]) -> None:
        with contextlib.suppress(OSError):  # the call ended first
            says(self)

    def say(self, pcm: NDArray[np.int16], after_s: float = 0.0) -> None:
        """Send speech, a packet every 20 ms; returns when it is said."""
        assert self.source is not None
        octets = encode(pcm, self.law).tobytes()
        began_s = time.monotonic() + after_s
        for number, at in enumerate(range(0, len(octets) - PACKET_SAMPLES + 1, PACKET_SAMPLES)):
            time.sleep(max(0.0, began_s + number * PACKET_S - time.monotonic()))
            payload = octets[at : at + PACKET_SAMPLES]
            packet = RtpPacket(self.law.payload_type, 1000 + number, at, 0xCA11E4, payload, marker=number == 0)
            self.socket.sendto(packet.serialize(), self.source)

    @property
    def pcm(self) -> NDArray[np.int16]:
        """What was heard, from the first packet on, as `int16` at 8000 Hz."""
        if self.receiver is None:
            return np.zeros(0, np.int16)
        return with_digits(decode(self.receiver.heard, self.law), self.receiver.events, self.first_timestamp)

    def heard(self) -> list[Heard]:
        """What was heard, named, as far as the countries that are dialled know it; silence left out."""
        plans = [load_plan(country) for country in COUNTRIES]
        return [each for each in listen(self.pcm, plans) if each.kind is not Kind.SILENCE]

    @property
    def missing(self) -> int:
        """How many packets never came, by their sequence numbers."""
        return 0 if self.receiver is None else self.receiver.statistics.missing


class Ears:
    """Reads the sockets of all callers in a thread of its own; a context manager."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="ears", daemon=True)

    def open(self, host: str) -> Ear:
        """One more."""
        ear = Ear(host)
        with self._lock:
            self._selector.register(ear.socket, selectors.EVENT_READ, ear)
        return ear

    def close(self, ear: Ear) -> None:
        """One less; what it has heard stays."""
        with self._lock:
            self._selector.unregister(ear.socket)
            ear.read()
            ear.socket.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()

    def _read(self) -> None:
        while not self._over.is_set():
            with self._lock:
                for key, _ in self._selector.select(0.005):
                    key.data.read()
            time.sleep(0.005)
