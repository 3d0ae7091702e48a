"""Causes and locations (ITU-T Q.850), and the cause indicators parameter (ITU-T Q.763 §3.12).

  8    7   6    5    4   3   2   1
+-----+-------+-----+---------------+
| ext |coding | spr |   location    |
+-----+-------+-----+---------------+
|  1  |       recommendation        |   only where the first octet's extension bit is 0
+-----+-----------------------------+
|  1  |         cause value         |
+-----+-----------------------------+
|            diagnostics            |   any number of octets, none included
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Self

from attrs import field, frozen

from gateway.ss7.isup.parameter import TypedParameter, as_known, in_words
from gateway.ss7.isup.parameter_codes import ParameterCode


class Cause(IntEnum):
    """Cause values of the ITU-T coding standard (ITU-T Q.850 Table 1)."""

    phrase: str

    def __new__(cls, value: int, phrase: str = "") -> Self:
        member = int.__new__(cls, value)
        member._value_ = value
        member.phrase = phrase
        return member

    UNALLOCATED_NUMBER = 1, "Unallocated (unassigned) number"
    NO_ROUTE_TO_SPECIFIED_TRANSIT_NETWORK = 2, "No route to specified transit network"
    NO_ROUTE_TO_DESTINATION = 3, "No route to destination"
    SEND_SPECIAL_INFORMATION_TONE = 4, "Send special information tone"
    MISDIALLED_TRUNK_PREFIX = 5, "Misdialled trunk prefix"
    CHANNEL_UNACCEPTABLE = 6, "Channel unacceptable"
    CALL_AWARDED_IN_ESTABLISHED_CHANNEL = 7, "Call awarded and being delivered in an established channel"
    PREEMPTION = 8, "Preemption"
    PREEMPTION_CIRCUIT_RESERVED = 9, "Preemption - circuit reserved for reuse"
    QOR_PORTED_NUMBER = 14, "QoR: ported number"
    NORMAL_CALL_CLEARING = 16, "Normal call clearing"
    USER_BUSY = 17, "User busy"
    NO_USER_RESPONDING = 18, "No user responding"
    NO_ANSWER_FROM_USER = 19, "No answer from user (user alerted)"
    SUBSCRIBER_ABSENT = 20, "Subscriber absent"
    CALL_REJECTED = 21, "Call rejected"
    NUMBER_CHANGED = 22, "Number changed"
    REDIRECTION_TO_NEW_DESTINATION = 23, "Redirection to new destination"
    CALL_REJECTED_DUE_TO_FEATURE_AT_DESTINATION = 24, "Call rejected due to feature at the destination"
    EXCHANGE_ROUTING_ERROR = 25, "Exchange routing error"
    NON_SELECTED_USER_CLEARING = 26, "Non-selected user clearing"
    DESTINATION_OUT_OF_ORDER = 27, "Destination out of order"
    INVALID_NUMBER_FORMAT = 28, "Invalid number format (address incomplete)"
    FACILITY_REJECTED = 29, "Facility rejected"
    RESPONSE_TO_STATUS_ENQUIRY = 30, "Response to STATUS ENQUIRY"
    NORMAL_UNSPECIFIED = 31, "Normal, unspecified"
    NO_CIRCUIT_AVAILABLE = 34, "No circuit/channel available"
    NETWORK_OUT_OF_ORDER = 38, "Network out of order"
    PERMANENT_FRAME_MODE_CONNECTION_OUT_OF_SERVICE = 39, "Permanent frame mode connection out of service"
    PERMANENT_FRAME_MODE_CONNECTION_OPERATIONAL = 40, "Permanent frame mode connection operational"
    TEMPORARY_FAILURE = 41, "Temporary failure"
    SWITCHING_EQUIPMENT_CONGESTION = 42, "Switching equipment congestion"
    ACCESS_INFORMATION_DISCARDED = 43, "Access information discarded"
    REQUESTED_CIRCUIT_NOT_AVAILABLE = 44, "Requested circuit/channel not available"
    PRECEDENCE_CALL_BLOCKED = 46, "Precedence call blocked"
    RESOURCE_UNAVAILABLE_UNSPECIFIED = 47, "Resource unavailable, unspecified"
    QUALITY_OF_SERVICE_NOT_AVAILABLE = 49, "Quality of service not available"
    REQUESTED_FACILITY_NOT_SUBSCRIBED = 50, "Requested facility not subscribed"
    OUTGOING_CALLS_BARRED_WITHIN_CUG = 53, "Outgoing calls barred within CUG"
    INCOMING_CALLS_BARRED_WITHIN_CUG = 55, "Incoming calls barred within CUG"
    BEARER_CAPABILITY_NOT_AUTHORIZED = 57, "Bearer capability not authorized"
    BEARER_CAPABILITY_NOT_PRESENTLY_AVAILABLE = 58, "Bearer capability not presently available"
    INCONSISTENCY_IN_ACCESS_INFORMATION = (
        62,
        "Inconsistency in designated outgoing access information and subscriber class",
    )
    SERVICE_NOT_AVAILABLE_UNSPECIFIED = 63, "Service or option not available, unspecified"
    BEARER_CAPABILITY_NOT_IMPLEMENTED = 65, "Bearer capability not implemented"
    CHANNEL_TYPE_NOT_IMPLEMENTED = 66, "Channel type not implemented"
    REQUESTED_FACILITY_NOT_IMPLEMENTED = 69, "Requested facility not implemented"
    ONLY_RESTRICTED_DIGITAL_INFORMATION_AVAILABLE = (
        70,
        "Only restricted digital information bearer capability is available",
    )
    SERVICE_NOT_IMPLEMENTED_UNSPECIFIED = 79, "Service or option not implemented, unspecified"
    INVALID_CALL_REFERENCE = 81, "Invalid call reference value"
    IDENTIFIED_CHANNEL_DOES_NOT_EXIST = 82, "Identified channel does not exist"
    SUSPENDED_CALL_EXISTS = 83, "A suspended call exists, but this call identity does not"
    CALL_IDENTITY_IN_USE = 84, "Call identity in use"
    NO_CALL_SUSPENDED = 85, "No call suspended"
    CALL_WITH_THIS_IDENTITY_CLEARED = 86, "Call having the requested call identity has been cleared"
    USER_NOT_MEMBER_OF_CUG = 87, "User not member of CUG"
    INCOMPATIBLE_DESTINATION = 88, "Incompatible destination"
    NON_EXISTENT_CUG = 90, "Non-existent CUG"
    INVALID_TRANSIT_NETWORK_SELECTION = 91, "Invalid transit network selection"
    INVALID_MESSAGE_UNSPECIFIED = 95, "Invalid message, unspecified"
    MANDATORY_INFORMATION_ELEMENT_MISSING = 96, "Mandatory information element is missing"
    MESSAGE_TYPE_NON_EXISTENT = 97, "Message type non-existent or not implemented"
    MESSAGE_NOT_COMPATIBLE_OR_NON_EXISTENT = (
        98,
        "Message not compatible with call state or message type non-existent or not implemented",
    )
    PARAMETER_NON_EXISTENT = 99, "Information element/parameter non-existent or not implemented"
    INVALID_INFORMATION_ELEMENT_CONTENTS = 100, "Invalid information element contents"
    MESSAGE_NOT_COMPATIBLE_WITH_CALL_STATE = 101, "Message not compatible with call state"
    RECOVERY_ON_TIMER_EXPIRY = 102, "Recovery on timer expiry"
    PARAMETER_PASSED_ON = 103, "Parameter non-existent or not implemented, passed on"
    MESSAGE_WITH_UNRECOGNIZED_PARAMETER_DISCARDED = 110, "Message with unrecognized parameter, discarded"
    PROTOCOL_ERROR_UNSPECIFIED = 111, "Protocol error, unspecified"
    INTERWORKING_UNSPECIFIED = 127, "Interworking, unspecified"


class Location(IntEnum):
    """Who generated the cause (ITU-T Q.850)."""

    USER = 0
    PRIVATE_NETWORK_SERVING_LOCAL_USER = 1
    PUBLIC_NETWORK_SERVING_LOCAL_USER = 2
    TRANSIT_NETWORK = 3
    PUBLIC_NETWORK_SERVING_REMOTE_USER = 4
    PRIVATE_NETWORK_SERVING_REMOTE_USER = 5
    INTERNATIONAL_NETWORK = 7
    NETWORK_BEYOND_INTERWORKING_POINT = 10


class CodingStandard(IntEnum):
    """Whose list the cause value is from (ITU-T Q.850)."""

    ITU_T = 0
    ISO_IEC = 1
    NATIONAL = 2
    LOCATION_SPECIFIC = 3


def cause_phrase(value: int) -> str:
    """ "User busy" for 17; "cause 10" for a value that the table has not."""
    known = as_known(Cause, value)
    return known.phrase if isinstance(known, Cause) else f"cause {value}"


@frozen
class CauseIndicators(TypedParameter):
    """Cause indicators (ITU-T Q.763 §3.12).

    Args:
        value: the cause value, 7 bits, a `Cause` where the coding standard is ITU-T's.
        location: 4 bits.
        coding_standard: 2 bits.
        recommendation: the 7 bits of octet 1a, or None where there is no such octet.
        diagnostics: what follows the cause value, as octets.
        spare: bit 5 of the first octet.
        extension: bit 8 of the cause value's octet, 1 by the book.
    """

    code = ParameterCode.CAUSE_INDICATORS

    value: Cause | int = field()
    location: Location | int = Location.USER
    diagnostics: bytes = b""
    coding_standard: CodingStandard | int = CodingStandard.ITU_T
    recommendation: int | None = None
    spare: int = field(default=0, kw_only=True)
    extension: int = field(default=1, kw_only=True)

    def __attrs_post_init__(self) -> None:
        for name, value, greatest in (
            ("value", self.value, 127),
            ("location", self.location, 15),
            ("coding standard", self.coding_standard, 3),
            ("recommendation", self.recommendation or 0, 127),
            ("spare", self.spare, 1),
            ("extension", self.extension, 1),
        ):
            if not 0 <= value <= greatest:
                raise ValueError(f"{self.name}: {name} {value}, 0 to {greatest}")
        if self.coding_standard == CodingStandard.ITU_T:
            object.__setattr__(self, "value", as_known(Cause, self.value))
        object.__setattr__(self, "location", as_known(Location, self.location))
        object.__setattr__(self, "coding_standard", as_known(CodingStandard, self.coding_standard))

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Read the indicators.

        Raises:
            ParseError: the cause value is missing, or octet 1a announces an octet 1b.
        """
        if not octets:
            raise cls.too_short(octets, 2)
        first = octets[0]
        recommendation = None
        at = 1
        if not first & 0x80:
            if len(octets) < 3:
                raise cls.too_short(octets, 3)
            if not octets[1] & 0x80:
                raise cls.malformed(f"octet 1a {octets[1]:#04x} announces an octet 1b, which does not exist")
            recommendation = octets[1] & 0x7F
            at = 2
        if len(octets) <= at:
            raise cls.too_short(octets, at + 1)
        return cls(
            octets[at] & 0x7F,
            first & 0x0F,
            bytes(octets[at + 1 :]),
            first >> 5 & 3,
            recommendation,
            spare=first >> 4 & 1,
            extension=octets[at] >> 7,
        )

    def serialize(self) -> bytes:
        """The octets."""
        first = (self.recommendation is None) << 7 | self.coding_standard << 5 | self.spare << 4 | self.location
        octet_1a = b"" if self.recommendation is None else bytes((0x80 | self.recommendation,))
        return bytes((first,)) + octet_1a + bytes((self.extension << 7 | self.value,)) + self.diagnostics

    @property
    def phrase(self) -> str:
        """The cause in the words of ITU-T Q.850."""
        if self.coding_standard != CodingStandard.ITU_T:
            return f"cause {int(self.value)} ({in_words(self.coding_standard)} coding)"
        return cause_phrase(self.value)

    def fields(self) -> list[tuple[str, str]]:
        """Value, location and coding standard; the others where they are there."""
        found = [
            ("value", f"{int(self.value)} {self.phrase}"),
            ("location", in_words(self.location)),
            ("coding standard", in_words(self.coding_standard)),
        ]
        if self.recommendation is not None:
            found.append(("recommendation", str(self.recommendation)))
        if self.diagnostics:
            found.append(("diagnostics", self.diagnostics.hex()))
        return found

    def brief(self) -> str:
        """The value and its words: "cause 17 user busy"."""
        phrase = self.phrase[0].lower() + self.phrase[1:]
        return phrase if phrase.startswith("cause") else f"cause {int(self.value)} {phrase}"


@lru_cache(maxsize=256)
def cause_indicators(value: int, location: int) -> CauseIndicators:
    """The parameter with this cause value and location and nothing else: there are few that occur."""
    return CauseIndicators(value, location)
