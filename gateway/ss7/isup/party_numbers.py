"""The parameters that hold a number (ITU-T Q.763 §3.9, §3.10, §3.16, §3.26, §3.30, §3.39, §3.44, §3.46, §3.51, ...).

  8     7   6   5   4   3   2   1
+-----+---------------------------+
| O/E |     nature of address     |   generic numbers have a qualifier octet before this one
+-----+-----------+-------+-------+
| INN | numbering | pres. | scr.  |   which of these fields exist differs from number to number
+-----+-----------+-------+-------+
| 2nd address sig.| 1st address s.|
+-----------------+---------------+
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, Self

from attrs import field, frozen

from gateway.core.errors import ParseError
from gateway.ss7.isup.numbers import (
    ST,
    NatureOfAddress,
    NumberingPlan,
    Presentation,
    Screening,
    canonical_digits,
    pack_signals,
    unpack_signals,
)
from gateway.ss7.isup.parameter import BitFields, bits, in_words
from gateway.ss7.isup.parameter_codes import ParameterCode


@frozen
class AddressNumber(BitFields):
    """What all numbers have: address signals behind an octet or more of indicators.

    Args:
        digits: the address signals as text, see `numbers`; the odd/even indicator follows from their count.
        filler: the 4 bits after an odd count, 0 by the book.
    """

    derived_bits: ClassVar[int] = 0x80

    digits: str = field(default="", converter=canonical_digits)
    filler: int = field(default=0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not 0 <= self.filler <= (15 if len(self.digits) % 2 else 0):
            raise ValueError(f"{self.name}: filler {self.filler} after {len(self.digits)} address signals")

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Read the indicators and the address signals.

        Raises:
            ParseError: too few octets, or an odd count of address signals in none.
        """
        values = cls.read_bits(octets)
        odd = bool(int.from_bytes(octets[: cls.length_octets], "little") & cls.derived_bits)
        try:
            digits, filler = unpack_signals(octets[cls.length_octets :], odd)
        except ParseError as error:
            raise cls.malformed(error.message) from None
        return cls(digits=digits, filler=filler, **values)

    def serialize(self) -> bytes:
        """Indicators, then address signals two to an octet."""
        odd = self.derived_bits if len(self.digits) % 2 else 0
        return self.write_bits(odd) + pack_signals(self.digits, self.filler)

    @property
    def address(self) -> str:
        """The digits without ST."""
        return self.digits.removesuffix(ST)

    @property
    def sending_finished(self) -> bool:
        """Whether ST ends the number: no subsequent address message will follow."""
        return self.digits.endswith(ST)

    def fields(self) -> list[tuple[str, str]]:
        """The digits, then the indicators."""
        return [("digits", self.digits), *super().fields()]

    def brief(self) -> str:
        """The name's first word and the digits: "called +33199000003" for an international number."""
        return f"{self.name.lower().removesuffix(' number').removesuffix(' party')} {self.written()}".rstrip()

    def written(self) -> str:
        """The digits without ST, with "+" before those of an international number."""
        international = getattr(self, "nature_of_address", None) == NatureOfAddress.INTERNATIONAL
        return f"+{self.address}" if international and self.address else self.address


@frozen
class CalledPartyNumber(AddressNumber):
    """Called party number (ITU-T Q.763 §3.9).

    Args:
        internal_number_not_allowed: the INN indicator: routing to an internal network number is not allowed.
    """

    code = ParameterCode.CALLED_PARTY_NUMBER
    length_octets = 2

    nature_of_address: NatureOfAddress | int = bits("GFEDCBA", NatureOfAddress, NatureOfAddress.INTERNATIONAL)
    numbering_plan: NumberingPlan | int = bits("ONM", NumberingPlan, NumberingPlan.ISDN)
    internal_number_not_allowed: bool = bits("P", bool)


@frozen
class RedirectionNumber(CalledPartyNumber):
    """Redirection number: where the call is forwarded to (ITU-T Q.763 §3.46, drawn as §3.9)."""

    code = ParameterCode.REDIRECTION_NUMBER


@frozen
class CallingPartyNumber(AddressNumber):
    """Calling party number (ITU-T Q.763 §3.10).

    Args:
        incomplete: the number incomplete indicator (NI).
    """

    code = ParameterCode.CALLING_PARTY_NUMBER
    length_octets = 2

    nature_of_address: NatureOfAddress | int = bits("GFEDCBA", NatureOfAddress, NatureOfAddress.INTERNATIONAL)
    numbering_plan: NumberingPlan | int = bits("ONM", NumberingPlan, NumberingPlan.ISDN)
    presentation: Presentation | int = bits("LK", Presentation)
    screening: Screening | int = bits("JI", Screening, Screening.NETWORK_PROVIDED)
    incomplete: bool = bits("P", bool)

    def brief(self) -> str:
        """The number, marked where it is not to be shown."""
        if self.presentation == Presentation.ALLOWED:
            return super().brief()
        return f"{super().brief()} ({in_words(self.presentation)})"


@frozen
class ConnectedNumber(AddressNumber):
    """Connected number (ITU-T Q.763 §3.16)."""

    code = ParameterCode.CONNECTED_NUMBER
    length_octets = 2

    nature_of_address: NatureOfAddress | int = bits("GFEDCBA", NatureOfAddress, NatureOfAddress.INTERNATIONAL)
    numbering_plan: NumberingPlan | int = bits("ONM", NumberingPlan, NumberingPlan.ISDN)
    presentation: Presentation | int = bits("LK", Presentation)
    screening: Screening | int = bits("JI", Screening, Screening.NETWORK_PROVIDED)


@frozen
class CallTransferNumber(ConnectedNumber):
    """Call transfer number (ITU-T Q.763 §3.64)."""

    code = ParameterCode.CALL_TRANSFER_NUMBER


@frozen
class LocationNumber(AddressNumber):
    """Location number: where the calling side is (ITU-T Q.763 §3.30)."""

    code = ParameterCode.LOCATION_NUMBER
    length_octets = 2

    nature_of_address: NatureOfAddress | int = bits("GFEDCBA", NatureOfAddress, NatureOfAddress.INTERNATIONAL)
    numbering_plan: NumberingPlan | int = bits("ONM", NumberingPlan, NumberingPlan.ISDN)
    presentation: Presentation | int = bits("LK", Presentation)
    screening: Screening | int = bits("JI", Screening, Screening.NETWORK_PROVIDED)
    internal_number_not_allowed: bool = bits("P", bool)


@frozen
class OriginalCalledNumber(AddressNumber):
    """Original called number: who was called before the first diversion (ITU-T Q.763 §3.39)."""

    code = ParameterCode.ORIGINAL_CALLED_NUMBER
    length_octets = 2

    nature_of_address: NatureOfAddress | int = bits("GFEDCBA", NatureOfAddress, NatureOfAddress.INTERNATIONAL)
    numbering_plan: NumberingPlan | int = bits("ONM", NumberingPlan, NumberingPlan.ISDN)
    presentation: Presentation | int = bits("LK", Presentation)


@frozen
class RedirectingNumber(OriginalCalledNumber):
    """Redirecting number: who diverted the call last (ITU-T Q.763 §3.44, drawn as §3.39)."""

    code = ParameterCode.REDIRECTING_NUMBER


@frozen
class CalledInNumber(OriginalCalledNumber):
    """Called IN number (ITU-T Q.763 §3.73, drawn as §3.39)."""

    code = ParameterCode.CALLED_IN_NUMBER


@frozen
class OriginalCalledInNumber(OriginalCalledNumber):
    """Original called IN number (ITU-T Q.763 §3.87, drawn as §3.39)."""

    code = ParameterCode.ORIGINAL_CALLED_IN_NUMBER


@frozen
class SubsequentNumber(AddressNumber):
    """Subsequent number: more digits of the called party number (ITU-T Q.763 §3.51)."""

    code = ParameterCode.SUBSEQUENT_NUMBER

    def brief(self) -> str:
        """The digits."""
        return f"digits {self.digits}"


class NumberQualifier(IntEnum):
    """Number qualifier indicator of a generic number (ITU-T Q.763 §3.26 a)."""

    DIALLED_DIGITS = 0
    ADDITIONAL_CALLED_NUMBER = 1
    SUPPLEMENTAL_CALLING_NUMBER_FAILED_NETWORK_SCREENING = 2
    SUPPLEMENTAL_CALLING_NUMBER_NOT_SCREENED = 3
    REDIRECTING_TERMINATING_NUMBER = 4
    ADDITIONAL_CONNECTED_NUMBER = 5
    ADDITIONAL_CALLING_PARTY_NUMBER = 6
    ADDITIONAL_ORIGINAL_CALLED_NUMBER = 7
    ADDITIONAL_REDIRECTING_NUMBER = 8
    ADDITIONAL_REDIRECTION_NUMBER = 9
    RESERVED_1992 = 10
    EXPANSION = 255


@frozen
class GenericNumber(AddressNumber):
    """Generic number: a second number beside the called, calling, connected, ... one (ITU-T Q.763 §3.26)."""

    code = ParameterCode.GENERIC_NUMBER
    length_octets = 3
    derived_bits = 0x8000

    qualifier: NumberQualifier | int = bits(
        "HGFEDCBA", NumberQualifier, NumberQualifier.ADDITIONAL_CALLING_PARTY_NUMBER
    )
    nature_of_address: NatureOfAddress | int = bits("ONMLKJI", NatureOfAddress, NatureOfAddress.INTERNATIONAL)
    numbering_plan: NumberingPlan | int = bits("WVU", NumberingPlan, NumberingPlan.ISDN)
    presentation: Presentation | int = bits("TS", Presentation)
    screening: Screening | int = bits("RQ", Screening)
    incomplete: bool = bits("X", bool)

    def brief(self) -> str:
        """Which number it adds, and its digits."""
        return f"{in_words(self.qualifier)} {self.written()}"
