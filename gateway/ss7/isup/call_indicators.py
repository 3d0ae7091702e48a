"""Indicators of call set-up, progress and suspension (ITU-T Q.763 §3.5, §3.11, §3.21, §3.23, §3.25, §3.35, ...)."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

from attrs import frozen

from gateway.ss7.isup.parameter import Indicators, bits, in_words
from gateway.ss7.isup.parameter_codes import ParameterCode


class Satellite(IntEnum):
    """Satellite indicator (ITU-T Q.763 §3.35 a)."""

    NONE = 0
    ONE = 1
    TWO = 2


class ContinuityCheck(IntEnum):
    """Continuity check indicator (ITU-T Q.763 §3.35 b)."""

    NOT_REQUIRED = 0
    REQUIRED = 1
    PERFORMED_ON_PREVIOUS_CIRCUIT = 2


class EndToEndMethod(IntEnum):
    """End-to-end method indicator (ITU-T Q.763 §3.5 d, §3.23 b)."""

    NONE = 0
    PASS_ALONG = 1
    SCCP = 2
    PASS_ALONG_AND_SCCP = 3


class SccpMethod(IntEnum):
    """SCCP method indicator (ITU-T Q.763 §3.5, §3.23)."""

    NO_INDICATION = 0
    CONNECTIONLESS = 1
    CONNECTION_ORIENTED = 2
    BOTH = 3


class IsupPreference(IntEnum):
    """ISDN user part preference indicator (ITU-T Q.763 §3.23 f)."""

    PREFERRED = 0
    NOT_REQUIRED = 1
    REQUIRED = 2


class Charge(IntEnum):
    """Charge indicator (ITU-T Q.763 §3.5 a)."""

    NO_INDICATION = 0
    NO_CHARGE = 1
    CHARGE = 2


class CalledPartyStatus(IntEnum):
    """Called party's status indicator (ITU-T Q.763 §3.5 b)."""

    NO_INDICATION = 0
    SUBSCRIBER_FREE = 1
    CONNECT_WHEN_FREE = 2


class CalledPartyCategory(IntEnum):
    """Called party's category indicator (ITU-T Q.763 §3.5 c)."""

    NO_INDICATION = 0
    ORDINARY_SUBSCRIBER = 1
    PAYPHONE = 2


@frozen
class NatureOfConnectionIndicators(Indicators):
    """Nature of connection indicators (ITU-T Q.763 §3.35)."""

    code = ParameterCode.NATURE_OF_CONNECTION_INDICATORS

    satellite: Satellite | int = bits("BA", Satellite)
    continuity_check: ContinuityCheck | int = bits("DC", ContinuityCheck)
    outgoing_echo_control: bool = bits("E", bool)

    def brief(self) -> str:
        """The continuity check, where there is or was one."""
        if self.continuity_check == ContinuityCheck.NOT_REQUIRED:
            return ""
        return f"continuity check: {in_words(self.continuity_check)}"


@frozen
class ForwardCallIndicators(Indicators):
    """Forward call indicators (ITU-T Q.763 §3.23).

    The defaults are those of RFC 3398 §7.2.1.1 for a call from SIP: no interworking, ISDN user part all the way,
    originating access non-ISDN. `number_translated` is that clause's bit M, for number portability.
    """

    code = ParameterCode.FORWARD_CALL_INDICATORS
    length_octets = 2

    international_call: bool = bits("A", bool)
    end_to_end_method: EndToEndMethod | int = bits("CB", EndToEndMethod)
    interworking_encountered: bool = bits("D", bool)
    end_to_end_information: bool = bits("E", bool)
    isup_all_the_way: bool = bits("F", bool, True)
    isup_preference: IsupPreference | int = bits("HG", IsupPreference)
    isdn_access: bool = bits("I", bool)
    sccp_method: SccpMethod | int = bits("KJ", SccpMethod)
    number_translated: bool = bits("M", bool)
    query_on_release_attempt: bool = bits("N", bool)

    def brief(self) -> str:
        """Interworking, where it was met."""
        return "interworking encountered" if self.interworking_encountered else ""


class CallingPartysCategoryValue(IntEnum):
    """Values of the calling party's category (ITU-T Q.763 §3.11)."""

    UNKNOWN = 0
    OPERATOR_FRENCH = 1
    OPERATOR_ENGLISH = 2
    OPERATOR_GERMAN = 3
    OPERATOR_RUSSIAN = 4
    OPERATOR_SPANISH = 5
    ORDINARY = 10
    PRIORITY = 11
    DATA_CALL = 12
    TEST_CALL = 13
    PAYPHONE = 15


@frozen
class CallingPartysCategory(Indicators):
    """Calling party's category (ITU-T Q.763 §3.11)."""

    code = ParameterCode.CALLING_PARTYS_CATEGORY

    category: CallingPartysCategoryValue | int = bits(
        "HGFEDCBA", CallingPartysCategoryValue, CallingPartysCategoryValue.ORDINARY
    )

    def brief(self) -> str:
        """The category, unless it is the ordinary one."""
        if self.category == CallingPartysCategoryValue.ORDINARY:
            return ""
        return f"category: {in_words(self.category)}"


class TransmissionMedium(IntEnum):
    """Values of the transmission medium parameters (ITU-T Q.763 §3.54); other multiples of 64 kbit/s stay numbers."""

    SPEECH = 0
    UNRESTRICTED_64_KBIT_S = 2
    AUDIO_3_1_KHZ = 3
    PREFERRED_64_KBIT_S = 6
    UNRESTRICTED_2_X_64_KBIT_S = 7
    UNRESTRICTED_384_KBIT_S = 8
    UNRESTRICTED_1536_KBIT_S = 9
    UNRESTRICTED_1920_KBIT_S = 10


@frozen
class TransmissionMediumRequirement(Indicators):
    """Transmission medium requirement (ITU-T Q.763 §3.54); by default 3.1 kHz audio."""

    code = ParameterCode.TRANSMISSION_MEDIUM_REQUIREMENT

    medium: TransmissionMedium | int = bits("HGFEDCBA", TransmissionMedium, TransmissionMedium.AUDIO_3_1_KHZ)

    def brief(self) -> str:
        """The medium, unless it is one for voices."""
        if self.medium in (TransmissionMedium.SPEECH, TransmissionMedium.AUDIO_3_1_KHZ):
            return ""
        return f"medium: {in_words(self.medium)}"


@frozen
class TransmissionMediumRequirementPrime(TransmissionMediumRequirement):
    """Transmission medium requirement prime: the fallback (ITU-T Q.763 §3.55)."""

    code = ParameterCode.TRANSMISSION_MEDIUM_REQUIREMENT_PRIME


@frozen
class TransmissionMediumUsed(TransmissionMediumRequirement):
    """Transmission medium used after fallback (ITU-T Q.763 §3.56)."""

    code = ParameterCode.TRANSMISSION_MEDIUM_USED


class ClosedUserGroupCall(IntEnum):
    """Closed user group call indicator (ITU-T Q.763 §3.38 a)."""

    NON_CUG_CALL = 0
    OUTGOING_ACCESS_ALLOWED = 2
    OUTGOING_ACCESS_NOT_ALLOWED = 3


@frozen
class OptionalForwardCallIndicators(Indicators):
    """Optional forward call indicators (ITU-T Q.763 §3.38)."""

    code = ParameterCode.OPTIONAL_FORWARD_CALL_INDICATORS

    closed_user_group_call: ClosedUserGroupCall | int = bits("BA", ClosedUserGroupCall)
    simple_segmentation: bool = bits("C", bool)
    connected_line_identity_requested: bool = bits("H", bool)


@frozen
class BackwardCallIndicators(Indicators):
    """Backward call indicators (ITU-T Q.763 §3.5).

    The defaults are those of RFC 3398 §8.2.3: charge, no indication of the called party's status, ordinary subscriber,
    no interworking, ISDN user part all the way, terminating access non-ISDN.
    """

    code = ParameterCode.BACKWARD_CALL_INDICATORS
    length_octets = 2

    charge: Charge | int = bits("BA", Charge, Charge.CHARGE)
    called_party_status: CalledPartyStatus | int = bits("DC", CalledPartyStatus)
    called_party_category: CalledPartyCategory | int = bits(
        "FE", CalledPartyCategory, CalledPartyCategory.ORDINARY_SUBSCRIBER
    )
    end_to_end_method: EndToEndMethod | int = bits("HG", EndToEndMethod)
    interworking_encountered: bool = bits("I", bool)
    end_to_end_information: bool = bits("J", bool)
    isup_all_the_way: bool = bits("K", bool, True)
    holding_requested: bool = bits("L", bool)
    isdn_access: bool = bits("M", bool)
    incoming_echo_control: bool = bits("N", bool)
    sccp_method: SccpMethod | int = bits("PO", SccpMethod)

    def brief(self) -> str:
        """The called party's status, and interworking where it was met."""
        status = f"called party status: {in_words(self.called_party_status)}"
        return f"{status}, interworking encountered" if self.interworking_encountered else status


@frozen
class OptionalBackwardCallIndicators(Indicators):
    """Optional backward call indicators (ITU-T Q.763 §3.37)."""

    code = ParameterCode.OPTIONAL_BACKWARD_CALL_INDICATORS

    in_band_information: bool = bits("A", bool)
    call_diversion_may_occur: bool = bits("B", bool)
    simple_segmentation: bool = bits("C", bool)
    mlpp_user: bool = bits("D", bool)

    def brief(self) -> str:
        """The indicators that are set."""
        said = (
            (self.in_band_information, "in-band"),
            (self.call_diversion_may_occur, "call diversion may occur"),
            (self.simple_segmentation, "segmentation"),
            (self.mlpp_user, "MLPP user"),
        )
        return ", ".join(words for flag, words in said if flag)


class Event(IntEnum):
    """Event indicator (ITU-T Q.763 §3.21 a)."""

    ALERTING = 1
    PROGRESS = 2
    IN_BAND_INFORMATION = 3
    FORWARDED_ON_BUSY = 4
    FORWARDED_ON_NO_REPLY = 5
    FORWARDED_UNCONDITIONAL = 6


@frozen
class EventInformation(Indicators):
    """Event information (ITU-T Q.763 §3.21)."""

    code = ParameterCode.EVENT_INFORMATION

    event: Event | int = bits("GFEDCBA", Event, Event.PROGRESS)
    presentation_restricted: bool = bits("H", bool)

    def brief(self) -> str:
        """The event."""
        words = (
            f"event {int(self.event)} {in_words(self.event)}"
            if isinstance(self.event, Event)
            else f"event {self.event}"
        )
        return f"{words} (presentation restricted)" if self.presentation_restricted else words


@frozen
class SuspendResumeIndicators(Indicators):
    """Suspend/resume indicators (ITU-T Q.763 §3.52)."""

    code = ParameterCode.SUSPEND_RESUME_INDICATORS

    network_initiated: bool = bits("A", bool)

    def brief(self) -> str:
        """Who did it."""
        return "network initiated" if self.network_initiated else "ISDN subscriber initiated"


class Notification(IntEnum):
    """Notification indicator (ITU-T Q.763 §3.25)."""

    USER_SUSPENDED = 0x00
    USER_RESUMED = 0x01
    BEARER_SERVICE_CHANGE = 0x02
    DISCRIMINATOR_FOR_EXTENSION = 0x03
    CALL_COMPLETION_DELAY = 0x04
    OTHER_PARTY_DISCONNECTED = 0x40
    CONFERENCE_FLOATING = 0x41
    CONFERENCE_ESTABLISHED = 0x42
    CONFERENCE_DISCONNECTED = 0x43
    OTHER_PARTY_ADDED = 0x44
    ISOLATED = 0x45
    REATTACHED = 0x46
    OTHER_PARTY_ISOLATED = 0x47
    OTHER_PARTY_REATTACHED = 0x48
    OTHER_PARTY_SPLIT = 0x49
    CALL_IS_A_WAITING_CALL = 0x60
    DIVERSION_ACTIVATED = 0x68
    CALL_TRANSFER_ALERTING = 0x69
    CALL_TRANSFER_ACTIVE = 0x6A
    REMOTE_HOLD = 0x79
    REMOTE_RETRIEVAL = 0x7A
    CALL_IS_DIVERTING = 0x7B


@frozen
class GenericNotificationIndicator(Indicators):
    """Generic notification indicator (ITU-T Q.763 §3.25)."""

    code = ParameterCode.GENERIC_NOTIFICATION_INDICATOR

    notification: Notification | int = bits("GFEDCBA", Notification)
    last: bool = bits("H", bool, True)

    def brief(self) -> str:
        """The notification."""
        return (
            in_words(self.notification)
            if isinstance(self.notification, Notification)
            else f"notification {self.notification}"
        )


@frozen
class AccessDeliveryInformation(Indicators):
    """Access delivery information (ITU-T Q.763 §3.2)."""

    code = ParameterCode.ACCESS_DELIVERY_INFORMATION

    no_set_up_message_generated: bool = bits("A", bool)


@frozen
class PropagationDelayCounter(Indicators):
    """Propagation delay counter, in milliseconds, most significant octet first (ITU-T Q.763 §3.42)."""

    code = ParameterCode.PROPAGATION_DELAY_COUNTER
    length_octets = 2

    high: int = bits("HGFEDCBA")
    low: int = bits("PONMLKJI")

    @classmethod
    def of(cls, delay_ms: int) -> Self:
        """The counter for a delay of 0 to 65,535 ms."""
        return cls(delay_ms >> 8, delay_ms & 0xFF)

    @property
    def delay_ms(self) -> int:
        """The delay."""
        return self.high << 8 | self.low


@frozen
class HopCounter(Indicators):
    """Hop counter (ITU-T Q.763 §3.80): how many more exchanges may pass the call on, 0 to 31."""

    code = ParameterCode.HOP_COUNTER

    hops: int = bits("EDCBA", default=31)
