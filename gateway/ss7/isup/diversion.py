"""What tells of a diversion beside the numbers (ITU-T Q.763 §3.6, §3.45, §3.47)."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

from attrs import field, frozen

from gateway.ss7.isup.parameter import Indicators, bits, in_words
from gateway.ss7.isup.parameter_codes import ParameterCode


class RedirectingReason(IntEnum):
    """Why a call was diverted (ITU-T Q.763 §3.6, §3.45)."""

    UNKNOWN = 0
    USER_BUSY = 1
    NO_REPLY = 2
    UNCONDITIONAL = 3
    DEFLECTION_DURING_ALERTING = 4
    DEFLECTION_IMMEDIATE_RESPONSE = 5
    MOBILE_SUBSCRIBER_NOT_REACHABLE = 6


class NotificationSubscription(IntEnum):
    """Notification subscription option (ITU-T Q.763 §3.6 a)."""

    UNKNOWN = 0
    PRESENTATION_NOT_ALLOWED = 1
    PRESENTATION_WITH_NUMBER = 2
    PRESENTATION_WITHOUT_NUMBER = 3


@frozen
class CallDiversionInformation(Indicators):
    """Call diversion information (ITU-T Q.763 §3.6)."""

    code = ParameterCode.CALL_DIVERSION_INFORMATION

    notification_subscription: NotificationSubscription | int = bits("CBA", NotificationSubscription)
    reason: RedirectingReason | int = bits("GFED", RedirectingReason)

    def brief(self) -> str:
        """The reason."""
        return f"diverted: {in_words(self.reason)}"


class RedirectingIndicator(IntEnum):
    """Redirecting indicator (ITU-T Q.763 §3.45 a)."""

    NO_REDIRECTION = 0
    CALL_REROUTED = 1
    CALL_REROUTED_ALL_RESTRICTED = 2
    CALL_DIVERTED = 3
    CALL_DIVERTED_ALL_RESTRICTED = 4
    CALL_REROUTED_NUMBER_RESTRICTED = 5
    CALL_DIVERTED_NUMBER_RESTRICTED = 6


@frozen
class RedirectionInformation(Indicators):
    """Redirection information (ITU-T Q.763 §3.45).

    Args:
        one_octet: the second octet (counter and reason) is not there, as in early versions of the parameter.
    """

    code = ParameterCode.REDIRECTION_INFORMATION
    length_octets = 2

    indicator: RedirectingIndicator | int = bits("CBA", RedirectingIndicator)
    original_reason: RedirectingReason | int = bits("HGFE", RedirectingReason)
    counter: int = bits("KJI")
    reason: RedirectingReason | int = bits("PONM", RedirectingReason)
    one_octet: bool = field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.one_octet and (self.counter or self.reason or self.rest or self.spare_bits >> 8):
            raise ValueError(f"{self.name}: one octet has no room for counter and reason")

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Read one octet, or two.

        Raises:
            ParseError: none.
        """
        if not octets:
            raise cls.too_short(octets, 1)
        if len(octets) == 1:
            return cls(**cls.read_bits(octets + b"\0"), one_octet=True)
        return super().parse(octets)

    def serialize(self) -> bytes:
        """The octets."""
        octets = super().serialize()
        return octets[:1] if self.one_octet else octets

    def brief(self) -> str:
        """What happened, why and how often."""
        return f"{in_words(self.indicator)} ({in_words(self.reason)}), {self.counter} times"


class PresentationRestriction(IntEnum):
    """Presentation restricted indicator of the redirection number (ITU-T Q.763 §3.47)."""

    ALLOWED = 0
    RESTRICTED = 1


@frozen
class RedirectionNumberRestriction(Indicators):
    """Redirection number restriction (ITU-T Q.763 §3.47)."""

    code = ParameterCode.REDIRECTION_NUMBER_RESTRICTION

    presentation: PresentationRestriction | int = bits("BA", PresentationRestriction)
