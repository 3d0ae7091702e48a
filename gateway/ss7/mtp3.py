"""MTP level 3 message signal units as user parts see them: service information octet and routing label (ITU-T Q.704).

 8   7   6   5   4   3   2   1
+-------+-------+---------------+
|  NI   | prio  |      SI       |   service information octet (§14.2)
+-------+-------+---------------+
|        DPC, low 8 bits        |   routing label (§2.2): 14 + 14 + 4 bits, least significant first
| OPC 2 |    DPC, high 6        |
|        OPC, bits 3 to 10      |
|     SLS       |  OPC, high 4  |
+---------------+---------------+
|  user data: for ISUP the CIC  |
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

from attrs import evolve

from gateway.core.clause import Clause
from gateway.core.errors import ParseError
from gateway.core.values import value
from gateway.ss7.point_code import GREATEST

_LABEL_CLAUSE = Clause("ITU-T Q.704", "2.2")
_LABEL_OCTETS = 4


class ServiceIndicator(IntEnum):
    """Which user part a message is for (ITU-T Q.704 §14.2.1)."""

    MANAGEMENT = 0
    TESTING = 1
    SCCP = 3
    TUP = 4
    ISUP = 5


class NetworkIndicator(IntEnum):
    """Which network the point codes belong to (ITU-T Q.704 §14.2.2)."""

    INTERNATIONAL = 0
    INTERNATIONAL_SPARE = 1
    NATIONAL = 2
    NATIONAL_SPARE = 3


def _within(name: str, value: int, greatest: int) -> None:
    if not 0 <= value <= greatest:
        raise ValueError(f"{name} {value}: 0 to {greatest}")


@value
class RoutingLabel:
    """Where a message goes, whence it comes, and which link it takes (ITU-T Q.704 §2.2).

    Args:
        destination: destination point code, 14 bits.
        origin: originating point code, 14 bits.
        selection: signalling link selection, 4 bits; for ISUP the low bits of the CIC, so that a circuit's
            messages stay in order.
    """

    destination: int
    origin: int
    selection: int = 0

    def __attrs_post_init__(self) -> None:
        _within("destination point code", self.destination, GREATEST)
        _within("originating point code", self.origin, GREATEST)
        _within("signalling link selection", self.selection, 15)

    @classmethod
    def parse(cls, octets: bytes) -> RoutingLabel:
        """Read the label from the first four octets.

        Raises:
            ParseError: fewer than four.
        """
        if len(octets) < _LABEL_OCTETS:
            raise ParseError(
                f"routing label: {len(octets)} octets, {_LABEL_OCTETS} needed", len(octets), clause=_LABEL_CLAUSE
            )
        return _label(bytes(octets[:_LABEL_OCTETS]))

    def serialize(self) -> bytes:
        """The label's four octets."""
        return (self.destination | self.origin << 14 | self.selection << 28).to_bytes(_LABEL_OCTETS, "little")

    def reversed(self) -> RoutingLabel:
        """The label of an answer: destination and origin changed over, same link selection."""
        return evolve(self, destination=self.origin, origin=self.destination)


@lru_cache(maxsize=256)
def _label(octets: bytes) -> RoutingLabel:
    """A link carries few labels: sixteen each way."""
    word = int.from_bytes(octets, "little")
    return RoutingLabel(word & GREATEST, word >> 14 & GREATEST, word >> 28)


@value
class Mtp3Message:
    """One message as MTP-TRANSFER carries it.

    Args:
        service_indicator: 4 bits, see `ServiceIndicator`.
        network_indicator: 2 bits, see `NetworkIndicator`.
        priority: 2 bits, spare in most networks.
        label: the routing label.
        data: the user part's own octets; an ISUP message from its CIC on.
    """

    service_indicator: int
    network_indicator: int
    priority: int
    label: RoutingLabel
    data: bytes

    def __attrs_post_init__(self) -> None:
        _within("service indicator", self.service_indicator, 15)
        _within("network indicator", self.network_indicator, 3)
        _within("priority", self.priority, 3)

    @classmethod
    def parse(cls, octets: bytes) -> Mtp3Message:
        """Read a message from its service information octet on.

        Raises:
            ParseError: shorter than the octet and the label.
        """
        if len(octets) < 1 + _LABEL_OCTETS:
            raise ParseError(
                f"MTP3 message: {len(octets)} octets, {1 + _LABEL_OCTETS} needed", len(octets), clause=_LABEL_CLAUSE
            )
        information = octets[0]
        return cls(
            information & 0x0F,
            information >> 6,
            information >> 4 & 3,
            RoutingLabel.parse(octets[1:]),
            bytes(octets[1 + _LABEL_OCTETS :]),
        )

    def serialize(self) -> bytes:
        """Service information octet, label, data."""
        information = self.network_indicator << 6 | self.priority << 4 | self.service_indicator
        return bytes((information,)) + self.label.serialize() + self.data
