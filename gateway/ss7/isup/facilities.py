"""Information, facility, charging and user-to-user parameters (ITU-T Q.763 §3.3, §3.22, §3.28, §3.29, §3.57, §3.61)."""

from __future__ import annotations

from enum import IntEnum

from attrs import frozen

from gateway.ss7.isup.parameter import Indicators, OctetsParameter, bits, in_words
from gateway.ss7.isup.parameter_codes import ParameterCode


class Facility(IntEnum):
    """Facility indicator (ITU-T Q.763 §3.22)."""

    USER_TO_USER_SERVICE = 2


@frozen
class FacilityIndicator(Indicators):
    """Facility indicator (ITU-T Q.763 §3.22)."""

    code = ParameterCode.FACILITY_INDICATOR

    facility: Facility | int = bits("HGFEDCBA", Facility, Facility.USER_TO_USER_SERVICE)

    def brief(self) -> str:
        """The facility."""
        return in_words(self.facility) if isinstance(self.facility, Facility) else f"facility {self.facility}"


@frozen
class InformationRequestIndicators(Indicators):
    """Information request indicators (ITU-T Q.763 §3.29)."""

    code = ParameterCode.INFORMATION_REQUEST_INDICATORS
    length_octets = 2

    calling_party_address: bool = bits("A", bool)
    holding: bool = bits("B", bool)
    calling_partys_category: bool = bits("D", bool)
    charge_information: bool = bits("E", bool)
    malicious_call_identification: bool = bits("H", bool)

    def brief(self) -> str:
        """What is asked for."""
        asked = [name for name, value in self.fields() if value == "yes"]
        return f"requested: {', '.join(asked)}" if asked else ""


class CallingPartyAddressResponse(IntEnum):
    """Calling party address response indicator (ITU-T Q.763 §3.28 a)."""

    NOT_INCLUDED = 0
    NOT_AVAILABLE = 1
    INCLUDED = 3


@frozen
class InformationIndicators(Indicators):
    """Information indicators (ITU-T Q.763 §3.28)."""

    code = ParameterCode.INFORMATION_INDICATORS
    length_octets = 2

    calling_party_address: CallingPartyAddressResponse | int = bits("BA", CallingPartyAddressResponse)
    hold_provided: bool = bits("C", bool)
    calling_partys_category_included: bool = bits("F", bool)
    charge_information_included: bool = bits("G", bool)
    unsolicited: bool = bits("H", bool)

    def brief(self) -> str:
        """What the calling party address response is."""
        return f"calling party address: {in_words(self.calling_party_address)}"


@frozen
class UserToUserIndicators(Indicators):
    """User-to-user indicators (ITU-T Q.763 §3.60).

    Args:
        response: the type bit: these indicators answer a request.
        discarded_by_network: in a response: the network discarded the user-to-user information.
        service_1, service_2, service_3: two bits each, in a request 2 not essential, 3 essential; in a response 1 not
            provided, 2 provided.
    """

    code = ParameterCode.USER_TO_USER_INDICATORS

    response: bool = bits("A", bool)
    service_1: int = bits("CB")
    service_2: int = bits("ED")
    service_3: int = bits("GF")
    discarded_by_network: bool = bits("H", bool)


@frozen
class ClosedUserGroupInterlockCode(OctetsParameter):
    """Closed user group interlock code (ITU-T Q.763 §3.15): four network identity digits, two octets of binary code."""

    code = ParameterCode.CLOSED_USER_GROUP_INTERLOCK_CODE


@frozen
class EchoControlInformation(Indicators):
    """Echo control information (ITU-T Q.763 §3.19).

    Args:
        outgoing_information, incoming_information: 0 none, 1 not included and not available, 2 included, 3 available.
        outgoing_request, incoming_request: 0 none, 1 activation, 2 deactivation.
    """

    code = ParameterCode.ECHO_CONTROL_INFORMATION

    outgoing_information: int = bits("BA")
    incoming_information: int = bits("DC")
    outgoing_request: int = bits("FE")
    incoming_request: int = bits("HG")


class CongestionLevel(IntEnum):
    """Automatic congestion level (ITU-T Q.763 §3.4)."""

    LEVEL_1_EXCEEDED = 1
    LEVEL_2_EXCEEDED = 2


@frozen
class AutomaticCongestionLevel(Indicators):
    """Automatic congestion level (ITU-T Q.763 §3.4)."""

    code = ParameterCode.AUTOMATIC_CONGESTION_LEVEL

    level: CongestionLevel | int = bits("HGFEDCBA", CongestionLevel, CongestionLevel.LEVEL_1_EXCEEDED)

    def brief(self) -> str:
        """The level."""
        return f"congestion {in_words(self.level)}"


@frozen
class McidRequestIndicators(Indicators):
    """MCID request indicators (ITU-T Q.763 §3.31)."""

    code = ParameterCode.MCID_REQUEST_INDICATORS

    requested: bool = bits("A", bool)
    holding_requested: bool = bits("B", bool)


@frozen
class McidResponseIndicators(Indicators):
    """MCID response indicators (ITU-T Q.763 §3.32)."""

    code = ParameterCode.MCID_RESPONSE_INDICATORS

    included: bool = bits("A", bool)
    holding_provided: bool = bits("B", bool)


@frozen
class TransitNetworkSelection(OctetsParameter):
    """Transit network selection (ITU-T Q.763 §3.53): type and plan of network identification, then its digits."""

    code = ParameterCode.TRANSIT_NETWORK_SELECTION


@frozen
class UserServiceInformation(OctetsParameter):
    """User service information (ITU-T Q.763 §3.57): the bearer capability of ITU-T Q.931 §4.5.5 without its header."""

    code = ParameterCode.USER_SERVICE_INFORMATION


@frozen
class UserServiceInformationPrime(OctetsParameter):
    """User service information prime (ITU-T Q.763 §3.58)."""

    code = ParameterCode.USER_SERVICE_INFORMATION_PRIME


@frozen
class UserTeleserviceInformation(OctetsParameter):
    """User teleservice information (ITU-T Q.763 §3.59)."""

    code = ParameterCode.USER_TELESERVICE_INFORMATION


@frozen
class AccessTransport(OctetsParameter):
    """Access transport (ITU-T Q.763 §3.3): information elements of ITU-T Q.931, from terminal to terminal."""

    code = ParameterCode.ACCESS_TRANSPORT


@frozen
class UserToUserInformation(OctetsParameter):
    """User-to-user information (ITU-T Q.763 §3.61): protocol discriminator and user information."""

    code = ParameterCode.USER_TO_USER_INFORMATION


@frozen
class GenericDigits(OctetsParameter):
    """Generic digits (ITU-T Q.763 §3.24): encoding scheme and type of digits, then the digits."""

    code = ParameterCode.GENERIC_DIGITS


@frozen
class ApplicationTransportParameter(OctetsParameter):
    """Application transport parameter (ITU-T Q.763 §3.82)."""

    code = ParameterCode.APPLICATION_TRANSPORT


@frozen
class MessageCompatibilityInformation(OctetsParameter):
    """Message compatibility information (ITU-T Q.763 §3.33)."""

    code = ParameterCode.MESSAGE_COMPATIBILITY_INFORMATION


@frozen
class ParameterCompatibilityInformation(OctetsParameter):
    """Parameter compatibility information (ITU-T Q.763 §3.41)."""

    code = ParameterCode.PARAMETER_COMPATIBILITY_INFORMATION


@frozen
class RemoteOperations(OctetsParameter):
    """Remote operations (ITU-T Q.763 §3.48)."""

    code = ParameterCode.REMOTE_OPERATIONS


@frozen
class ServiceActivation(OctetsParameter):
    """Service activation (ITU-T Q.763 §3.49): one feature code an octet."""

    code = ParameterCode.SERVICE_ACTIVATION
