"""What may have a circuit to itself: a call, the release of one, a reset; and the messages these exchange with it."""

from __future__ import annotations

from typing import Protocol

from gateway.core.values import value
from gateway.ss7.isup.messages import Message


@value
class Prepared:
    """A message for one circuit together with its octets, which were made only once.

    Args:
        message: as the trace shows it.
        octets: as the link takes it, from the service information octet on.
    """

    message: Message
    octets: bytes


class Occupant(Protocol):
    """A circuit is idle, or exactly one occupant has it and gets what the far end sends on it."""

    @property
    def state(self) -> str:
        """The state's name, for people."""

    def message_received(self, message: Message) -> None:
        """Anything but circuit supervision (RSC, BLO, UBL and their answers, UCIC, CFN)."""

    def circuit_reset(self) -> None:
        """RSC came; RLC is sent."""

    def circuit_blocked(self) -> None:
        """BLO came for a circuit that was not blocked from there before; BLA is sent."""

    def circuit_unequipped(self) -> None:
        """UCIC came: the far end has no such circuit."""

    def circuit_withdrawn(self, why: str) -> None:
        """We are about to reset the circuit ourselves."""
