"""A media plane on loopback sockets, with a call, an exchange and a phone; the tests move its clock."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import numpy as np

from gateway.core.effects import Effect, Outbox
from gateway.exchange.effects import ListenToCircuit, PlaySound, Sound
from gateway.interworking.effects import (
    ConnectMedia,
    CutThroughBackward,
    CutThroughForward,
    ReserveMedia,
)
from gateway.media.rtp import RtpPacket
from gateway.net.media import MediaPlane
from gateway.net.rtp_ports import RtpPorts
from gateway.net.runner import Runner
from gateway.sdp.model import Direction
from gateway.sdp.offer_answer import PCMU, Agreed, Codec
from tones.g711 import Law, decode, encode

if TYPE_CHECKING:
    from tests.gateway.net.conftest import SteppedReactor


SINE = Sound(("sine 1000 -10",), "us")
HELLO = Sound(("say hello",), "us", 1)


class Party:
    """A call, or the exchange's end of one: asks for effects and notes what it is told."""

    def __init__(self, name: str, runner: Runner) -> None:
        self.name = name
        self.runner = runner
        self.outbox: Outbox = runner.outbox().fork(self)
        self.told: list[tuple[object, ...]] = []

    def ask(self, *effects: Effect) -> None:
        self.runner.deliver(self.outbox.extend, effects)

    def media_reserved(self, address: str, port: int) -> None:
        self.told.append(("reserved", address, port))

    def media_refused(self, why: str) -> None:
        self.told.append(("refused", why))

    def sound_ended(self) -> None:
        self.told.append(("sound ended",))

    def digit_heard(self, digit: str) -> None:
        self.told.append(("digit", digit))

    def timer_fired(self, name: str) -> None:
        """As Machine."""


class Phone:
    """The caller's RTP socket."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(("127.0.0.1", 0))
        self.address: tuple[str, int] = self.socket.getsockname()

    def packets(self) -> list[RtpPacket]:
        """What has come since the last time."""
        found = []
        while True:
            try:
                found.append(RtpPacket.parse(self.socket.recv(2048)))
            except BlockingIOError:
                return found

    def heard(self, law: Law = Law.MULAW) -> np.ndarray[Any, np.dtype[np.int16]]:
        """As sound."""
        octets = b"".join(packet.payload for packet in self.packets())
        return decode(np.frombuffer(octets, np.uint8), law)

    def agreed(
        self,
        codec: Codec = PCMU,
        direction: Direction = Direction.SENDRECV,
        remote: tuple[str, int] | None = None,
        telephone_event: int | None = 101,
        ptime: int = 20,
    ) -> Agreed:
        """What was agreed upon with the gateway."""
        return Agreed(
            sdp=b"",
            codec=codec,
            ptime=ptime,
            telephone_event=telephone_event,
            remote=remote or self.address,
            direction=direction,
            receive_payload_type=codec.payload_type,
            receive_telephone_event=101,
        )


class Bench:
    """A media plane with one call and the exchange at the other end of circuit 7."""

    def __init__(self, reactor: SteppedReactor) -> None:
        self.reactor = reactor
        self.runner = Runner(reactor)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            first = min(probe.getsockname()[1], 65000)
        self.ports = RtpPorts("127.0.0.1", first, first + 200)
        self.plane = MediaPlane(reactor, self.runner, self.ports)
        self.call, self.party = Party("call-1", self.runner), Party("circuit 7", self.runner)
        self.phone = Phone()

    def up(self, sound: Sound = SINE, codec: Codec = PCMU) -> None:
        """Both directions are through."""
        self.call.ask(ReserveMedia(), ConnectMedia(self.phone.agreed(codec)))
        self.party.ask(PlaySound(7, sound), ListenToCircuit(7))
        self.call.ask(CutThroughBackward(7), CutThroughForward(7))

    @property
    def gateway_address(self) -> tuple[str, int]:
        """Where the call's RTP port is."""
        return next(("127.0.0.1", int(str(each[2]))) for each in self.call.told if each[0] == "reserved")

    def send(self, *datagrams: bytes, every_s: float = 0.02) -> None:
        """From the phone, one at a time."""
        for datagram in datagrams:
            self.phone.socket.sendto(datagram, self.gateway_address)
            self.reactor.pass_time(every_s)

    @property
    def left(self) -> tuple[int, ...]:
        """Ports, circuits, rows backward and forward, calls and readers that are still there."""
        plane = self.plane
        return (
            plane.ports_in_use,
            plane.circuits_in_use,
            plane._backward.sender.open_rows,
            plane._forward.open_rows,
            len(plane._calls),
            len(self.reactor.readers),
        )


def speech(pcm: np.ndarray[Any, np.dtype[np.int16]], law: Law, payload_type: int) -> list[bytes]:
    """As RTP packets."""
    octets = encode(pcm, law).tobytes()
    return [
        RtpPacket(payload_type, at // 160, at, 99, octets[at : at + 160], marker=not at).serialize()
        for at in range(0, len(octets) - 159, 160)
    ]
