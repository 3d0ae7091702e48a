"""What SIP machines want done."""

from __future__ import annotations

from enum import Enum

from gateway.core.effects import Effect
from gateway.core.values import value


class Transport(Enum):
    """The transports of RFC 3261 §18 that are built so far; the value is the Via token."""

    UDP = "UDP"
    TCP = "TCP"

    @property
    def reliable(self) -> bool:
        """Whether the transport itself delivers: no retransmission, and the waiting timers are zero."""
        return self is not Transport.UDP


@value
class Flow:
    """Where a message came from, or should go to.

    Args:
        transport: UDP or TCP.
        local: our host and port.
        remote: the peer's host (an IP address, or a name that the network layer resolves) and port.
        connection: for TCP the number of the open connection to use, 0 for "whichever leads to `remote`, or a new one".
    """

    transport: Transport
    local: tuple[str, int]
    remote: tuple[str, int]
    connection: int = 0


@value
class Transmit(Effect):
    """Send these octets, one whole SIP message, along this flow."""

    octets: bytes
    flow: Flow
