"""Parameters of circuits and circuit groups (ITU-T Q.763 §3.13, §3.14, §3.18, §3.43)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Self

from attrs import field, frozen

from gateway.ss7.isup.parameter import Indicators, TypedParameter, bits, in_words
from gateway.ss7.isup.parameter_codes import ParameterCode


@frozen
class ContinuityIndicators(Indicators):
    """Continuity indicators (ITU-T Q.763 §3.18)."""

    code = ParameterCode.CONTINUITY_INDICATORS

    successful: bool = bits("A", bool)

    def brief(self) -> str:
        """The outcome of the check."""
        return "continuity check successful" if self.successful else "continuity check failed"


class SupervisionType(IntEnum):
    """Why a group of circuits is blocked or unblocked (ITU-T Q.763 §3.13)."""

    MAINTENANCE_ORIENTED = 0
    HARDWARE_FAILURE_ORIENTED = 1


@frozen
class CircuitGroupSupervisionMessageType(Indicators):
    """Circuit group supervision message type indicator (ITU-T Q.763 §3.13)."""

    code = ParameterCode.CIRCUIT_GROUP_SUPERVISION_MESSAGE_TYPE

    type: SupervisionType | int = bits("BA", SupervisionType)

    def brief(self) -> str:
        """Maintenance, or hardware failure."""
        return in_words(self.type)


@frozen
class RangeAndStatus(TypedParameter):
    """Range and status (ITU-T Q.763 §3.43).

    The message's CIC is the first circuit; `range` says how many follow it. The status bits, where the message has any,
    stand for the circuits in order, the least significant bit of the first octet for the first.

    Args:
        range: the range code, 0 to 255: one less than the number of circuits.
        status: the status octets, none (GRS, CQM) or enough for `range` + 1 bits.
    """

    code = ParameterCode.RANGE_AND_STATUS

    range: int = field()
    status: bytes = b""

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.range <= 255:
            raise ValueError(f"{self.name}: range {self.range}, 0 to 255")
        if self.status and len(self.status) < self._status_octets(self.range):
            raise ValueError(self._status_too_short(self.range, self.status))

    @staticmethod
    def _status_octets(range_code: int) -> int:
        return (range_code + 8) // 8

    @classmethod
    def _status_too_short(cls, range_code: int, status: bytes) -> str:
        return f"status of {len(status)} octets for range {range_code}, {cls._status_octets(range_code)} needed"

    @classmethod
    def of(cls, first_cic: int, cics: Iterable[int]) -> Self:
        """The parameter whose status bits mark `cics`, the last of which sets the range.

        Raises:
            ValueError: none given, one before `first_cic`, or one more than 255 after it.
        """
        offsets = sorted({cic - first_cic for cic in cics})
        if not offsets or offsets[0] < 0 or offsets[-1] > 255:
            raise ValueError(f"circuits {offsets} after the first: 0 to 255, at least one")
        marks = sum(1 << offset for offset in offsets)
        return cls(offsets[-1], marks.to_bytes(cls._status_octets(offsets[-1]), "little"))

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Read range and status.

        Raises:
            ParseError: no octets, or status bits for fewer circuits than the range says.
        """
        if not octets:
            raise cls.too_short(octets, 1)
        status = bytes(octets[1:])
        if status and len(status) < cls._status_octets(octets[0]):
            raise cls.malformed(cls._status_too_short(octets[0], status))
        return cls(octets[0], status)

    def serialize(self) -> bytes:
        """The octets."""
        return bytes((self.range,)) + self.status

    def circuits(self, first_cic: int) -> list[int]:
        """All circuits of the group, where `first_cic` is the message's CIC."""
        return [first_cic + offset for offset in range(self.range + 1)]

    def marked(self, first_cic: int) -> list[int]:
        """The circuits whose status bit is 1."""
        marks = int.from_bytes(self.status, "little")
        return [first_cic + offset for offset in range(self.range + 1) if marks >> offset & 1]

    def fields(self) -> list[tuple[str, str]]:
        """Range, and the offsets of the circuits that are marked."""
        found = [("range", str(self.range))]
        if self.status:
            found.append(("status", self.status.hex()))
            found.append(("marked", " ".join(f"+{offset}" for offset in self.marked(0)) or "none"))
        return found

    def brief(self) -> str:
        """How many circuits, how many of them marked."""
        circuits = f"{self.range + 1} circuit{'' if self.range == 0 else 's'}"
        return f"{circuits}, {len(self.marked(0))} marked" if self.status else circuits


@frozen
class CircuitStateIndicator(TypedParameter):
    """Circuit state indicator: one octet a circuit (ITU-T Q.763 §3.14)."""

    code = ParameterCode.CIRCUIT_STATE_INDICATOR

    states: bytes = field()

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Read the states.

        Raises:
            ParseError: no circuit at all.
        """
        if not octets:
            raise cls.too_short(octets, 1)
        return cls(bytes(octets))

    def serialize(self) -> bytes:
        """The octets."""
        return self.states
