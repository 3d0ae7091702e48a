"""Independent readers of what the codec writes: pycrate (a library) and tshark (a program)."""

from __future__ import annotations

import struct
import subprocess
from typing import Any
from xml.etree import ElementTree

import pytest

from gateway.ss7.isup.codec import parse, serialize
from gateway.ss7.isup.messages import MESSAGES, Message, MessageType
from gateway.ss7.isup.parameters import (
    PARAMETER_TYPES,
    AccessDeliveryInformation,
    AccessTransport,
    AddressNumber,
    ApplicationTransportParameter,
    AutomaticCongestionLevel,
    BackwardCallIndicators,
    CallDiversionInformation,
    CalledInNumber,
    CalledPartyNumber,
    CalledPartyStatus,
    CallingPartyNumber,
    CallingPartysCategory,
    CallingPartysCategoryValue,
    CallTransferNumber,
    Cause,
    CauseIndicators,
    Charge,
    CircuitGroupSupervisionMessageType,
    CircuitStateIndicator,
    ClosedUserGroupCall,
    ClosedUserGroupInterlockCode,
    ConnectedNumber,
    ContinuityCheck,
    ContinuityIndicators,
    EchoControlInformation,
    Event,
    EventInformation,
    FacilityIndicator,
    ForwardCallIndicators,
    GenericDigits,
    GenericNotificationIndicator,
    GenericNumber,
    HopCounter,
    InformationIndicators,
    InformationRequestIndicators,
    Location,
    LocationNumber,
    McidRequestIndicators,
    McidResponseIndicators,
    MessageCompatibilityInformation,
    NatureOfAddress,
    NatureOfConnectionIndicators,
    Notification,
    NotificationSubscription,
    NumberQualifier,
    OptionalBackwardCallIndicators,
    OptionalForwardCallIndicators,
    OriginalCalledInNumber,
    OriginalCalledNumber,
    Parameter,
    ParameterCompatibilityInformation,
    Presentation,
    PresentationRestriction,
    PropagationDelayCounter,
    RangeAndStatus,
    RedirectingIndicator,
    RedirectingNumber,
    RedirectingReason,
    RedirectionInformation,
    RedirectionNumber,
    RedirectionNumberRestriction,
    RemoteOperations,
    Satellite,
    Screening,
    ServiceActivation,
    SubsequentNumber,
    SupervisionType,
    SuspendResumeIndicators,
    TransitNetworkSelection,
    TransmissionMedium,
    TransmissionMediumRequirement,
    TransmissionMediumRequirementPrime,
    TransmissionMediumUsed,
    TypedParameter,
    UserServiceInformation,
    UserServiceInformationPrime,
    UserTeleserviceInformation,
    UserToUserIndicators,
    UserToUserInformation,
)
from gateway.ss7.mtp3 import Mtp3Message, NetworkIndicator, RoutingLabel, ServiceIndicator

EXAMPLES: tuple[TypedParameter, ...] = (
    NatureOfConnectionIndicators(Satellite.ONE, ContinuityCheck.PERFORMED_ON_PREVIOUS_CIRCUIT, True),
    ForwardCallIndicators(international_call=True, isdn_access=True),
    CallingPartysCategory(CallingPartysCategoryValue.PAYPHONE),
    TransmissionMediumRequirement(TransmissionMedium.SPEECH),
    TransmissionMediumRequirementPrime(TransmissionMedium.AUDIO_3_1_KHZ),
    TransmissionMediumUsed(TransmissionMedium.SPEECH),
    CalledPartyNumber("33199000003", NatureOfAddress.INTERNATIONAL, internal_number_not_allowed=True),
    CallingPartyNumber("2125550101", NatureOfAddress.NATIONAL, presentation=Presentation.RESTRICTED),
    SubsequentNumber("0123F"),
    ConnectedNumber("49301234567", screening=Screening.NETWORK_PROVIDED),
    CallTransferNumber("4930123456"),
    RedirectionNumber("441134960000"),
    RedirectingNumber("4411349600", presentation=Presentation.RESTRICTED),
    OriginalCalledNumber("81312345678"),
    CalledInNumber("800123"),
    OriginalCalledInNumber("800124"),
    LocationNumber("33140000000", internal_number_not_allowed=True),
    GenericNumber("2125550199", NumberQualifier.ADDITIONAL_CALLING_PARTY_NUMBER, NatureOfAddress.NATIONAL),
    OptionalForwardCallIndicators(ClosedUserGroupCall.OUTGOING_ACCESS_ALLOWED, connected_line_identity_requested=True),
    BackwardCallIndicators(Charge.NO_CHARGE, CalledPartyStatus.SUBSCRIBER_FREE, isdn_access=True),
    OptionalBackwardCallIndicators(in_band_information=True, call_diversion_may_occur=True),
    EventInformation(Event.IN_BAND_INFORMATION, True),
    CauseIndicators(Cause.NUMBER_CHANGED, Location.PUBLIC_NETWORK_SERVING_REMOTE_USER, b"\x04\x13\x21\x43"),
    SuspendResumeIndicators(network_initiated=True),
    GenericNotificationIndicator(Notification.REMOTE_HOLD),
    CallDiversionInformation(NotificationSubscription.PRESENTATION_WITH_NUMBER, RedirectingReason.NO_REPLY),
    RedirectionInformation(
        RedirectingIndicator.CALL_DIVERTED, RedirectingReason.USER_BUSY, 2, RedirectingReason.NO_REPLY
    ),
    RedirectionNumberRestriction(PresentationRestriction.RESTRICTED),
    AccessDeliveryInformation(True),
    PropagationDelayCounter.of(300),
    HopCounter(19),
    ContinuityIndicators(True),
    CircuitGroupSupervisionMessageType(SupervisionType.HARDWARE_FAILURE_ORIENTED),
    RangeAndStatus.of(5, (5, 7, 14)),
    CircuitStateIndicator(bytes.fromhex("0c 03 1c 00 04 08 0c 0c 0c 0c")),
    FacilityIndicator(),
    InformationRequestIndicators(calling_party_address=True, malicious_call_identification=True),
    InformationIndicators(unsolicited=True),
    UserToUserIndicators(service_1=2),
    EchoControlInformation(1, 2, 1, 2),
    AutomaticCongestionLevel(),
    McidRequestIndicators(requested=True, holding_requested=True),
    McidResponseIndicators(included=True),
    TransitNetworkSelection(bytes.fromhex("20 21 43")),
    ClosedUserGroupInterlockCode(bytes.fromhex("12 34 00 07")),
    UserServiceInformation(bytes.fromhex("90 90 a2")),
    UserServiceInformationPrime(bytes.fromhex("80 90 a3")),
    UserTeleserviceInformation(bytes.fromhex("91 81")),
    AccessTransport(bytes.fromhex("1e 02 81 88")),
    UserToUserInformation(bytes.fromhex("04 68 69")),
    GenericDigits(bytes.fromhex("00 21 43")),
    ApplicationTransportParameter(bytes.fromhex("81 80 c0 00 00 01 02 03")),
    MessageCompatibilityInformation(b"\x80"),
    ParameterCompatibilityInformation(bytes.fromhex("31 80")),
    RemoteOperations(bytes.fromhex("91 a1 06 02 01 01 02 01 05")),
    ServiceActivation(b"\x01"),
)
EXAMPLE_BY_CODE: dict[int, Parameter] = {example.code: example for example in EXAMPLES}


def full(message_type: MessageType) -> Message:
    """A message with every parameter that its format lists and that a class here knows."""
    layout = MESSAGES[message_type]
    codes = (*layout.mandatory, *(layout.optional or ()))
    return Message.of(message_type, 5, *(EXAMPLE_BY_CODE[code] for code in codes if code in EXAMPLE_BY_CODE))


def test_every_typed_parameter_has_an_example() -> None:
    assert set(EXAMPLE_BY_CODE) == set(PARAMETER_TYPES)


# Parameters whose bits pycrate names one by one: our class, its class, our field -> its field.
PYCRATE_FIELDS: tuple[tuple[type[TypedParameter], str, dict[str, str]], ...] = (
    (
        NatureOfConnectionIndicators,
        "NatureConnectionInd",
        {
            "satellite": "SatelliteInd",
            "continuity_check": "ContinuityCheckInd",
            "outgoing_echo_control": "EchoControlDeviceInd",
        },
    ),
    (
        ForwardCallIndicators,
        "ForwardCallInd",
        {
            "international_call": "InternatCallInd",
            "end_to_end_method": "EtoEMethodInd",
            "interworking_encountered": "InterworkingInd",
            "end_to_end_information": "EtoEInfoInd",
            "isup_all_the_way": "ISDNUserPartInd",
            "isup_preference": "ISDNUserPartPrefInd",
            "isdn_access": "ISDNAccessInd",
            "sccp_method": "SCCPMethodInd",
        },
    ),
    (
        BackwardCallIndicators,
        "BackwardCallInd",
        {
            "charge": "ChargeInd",
            "called_party_status": "CalledPartyStatusInd",
            "called_party_category": "CalledPartyCatInd",
            "end_to_end_method": "EtoEMethodInd",
            "interworking_encountered": "InterworkingInd",
            "end_to_end_information": "EtoEInfoInd",
            "isup_all_the_way": "ISDNUserPartInd",
            "holding_requested": "HoldingInd",
            "isdn_access": "ISDNAccessInd",
            "incoming_echo_control": "EchoControlDeviceInd",
            "sccp_method": "SCCPMethodInd",
        },
    ),
    (
        OptionalBackwardCallIndicators,
        "OptBackwardCallInd",
        {
            "in_band_information": "InbandInfoInd",
            "call_diversion_may_occur": "CallDiversionMayOccurInd",
            "simple_segmentation": "SimpleSegmentationInd",
            "mlpp_user": "MLPPUsedInd",
        },
    ),
    (
        OptionalForwardCallIndicators,
        "OptForwardCallInd",
        {
            "closed_user_group_call": "ClosedUserGroupCallInd",
            "simple_segmentation": "SimpleSegmentationInd",
            "connected_line_identity_requested": "ConnectedLineIdentReqInd",
        },
    ),
    (EventInformation, "EventInfo", {"event": "EventInd", "presentation_restricted": "EventPresInd"}),
    (GenericNotificationIndicator, "GenericNotifInd", {"notification": "Value", "last": "ext"}),
    (
        CallDiversionInformation,
        "CallDiversionInfo",
        {"notification_subscription": "NotifSubsOptions", "reason": "RedirectingReason"},
    ),
    (
        RedirectionInformation,
        "RedirectionInfo",
        {
            "indicator": "RedirectingInd",
            "original_reason": "OriginalRedirectReason",
            "counter": "RedirectCounter",
            "reason": "RedirectingReason",
        },
    ),
    (CircuitGroupSupervisionMessageType, "CircuitGroupSupervis", {"type": "Value"}),
    (ContinuityIndicators, "ContinuityInd", {"successful": "Value"}),
    (HopCounter, "HopCounter", {"hops": "Value"}),
    (
        EchoControlInformation,
        "EchoControlInfo",
        {
            "outgoing_information": "OutgoingEchoControlDeviceInfoInd",
            "incoming_information": "IncomingEchoControlDeviceInfoInd",
            "outgoing_request": "OutgoingEchoControlDeviceReqInd",
            "incoming_request": "IncomingEchoControlDeviceReqInd",
        },
    ),
    (
        InformationRequestIndicators,
        "InformationReqInd",
        {
            "calling_party_address": "CallingPartyAddrReqInd",
            "holding": "HoldingInd",
            "calling_partys_category": "CallingPartyCatReqInd",
            "charge_information": "ChargeInfoReqInd",
            "malicious_call_identification": "MaliciousCallIdReqInd",
        },
    ),
    (McidRequestIndicators, "MCIDReqInd", {"requested": "MCIDReqInd", "holding_requested": "HoldingProvidedInd"}),
    (McidResponseIndicators, "MCIDRespInd", {"included": "MCIDRespInd", "holding_provided": "HoldingInd"}),
)

PYCRATE_NUMBERS: tuple[tuple[AddressNumber, str, dict[str, int]], ...] = (
    (
        CalledPartyNumber("33199000003", NatureOfAddress.NATIONAL, internal_number_not_allowed=True),
        "CalledPartyNum",
        {"NAI": 3, "INN": 1, "NumPlan": 1},
    ),
    (
        CallingPartyNumber("2125550101", presentation=Presentation.RESTRICTED, incomplete=True),
        "CallingPartyNum",
        {"NAI": 4, "NI": 1, "NumPlan": 1, "AddrPresInd": 1, "ScreeningInd": 3},
    ),
    (
        ConnectedNumber("49301234567", screening=Screening.USER_PROVIDED_VERIFIED_AND_PASSED),
        "ConnectedNum",
        {"NAI": 4, "NumPlan": 1, "AddrPresInd": 0, "ScreeningInd": 1},
    ),
    (
        OriginalCalledNumber("81312345678", presentation=Presentation.RESTRICTED),
        "OriginalCalledNum",
        {"NAI": 4, "NumPlan": 1, "AddrPresInd": 1},
    ),
    (RedirectingNumber("44113496"), "RedirectingNum", {"NAI": 4, "NumPlan": 1, "AddrPresInd": 0}),
    (RedirectionNumber("441134960"), "RedirectionNum", {"NAI": 4, "INN": 0, "NumPlan": 1}),
    (
        GenericNumber("2125550199", NumberQualifier.ADDITIONAL_CONNECTED_NUMBER, screening=Screening.NETWORK_PROVIDED),
        "GenericNum",
        {"NumQualifInd": 5, "NAI": 4, "NumPlan": 1, "AddrPresInd": 0, "ScreeningInd": 3},
    ),
    (SubsequentNumber("0123"), "SubsequentNum", {}),
)


@pytest.fixture(scope="module")
def pycrate() -> Any:
    from pycrate_mobile import ISUP

    return ISUP


KNOWN_TYPES = [message_type for message_type in MessageType if message_type in MESSAGES]


# Where pycrate 0.8 itself departs from Q.763: it takes the information indicators for 12 bits instead of 16, wants a
# third octet of user teleservice information, reads no diagnostics behind a cause value whose extension bit is 1, and
# gives the segmentation message a message where its user-to-user information should be.
PYCRATE_CANNOT: dict[MessageType, tuple[type[Parameter], ...]] = {
    MessageType.INF: (CallingPartysCategory, CallingPartyNumber, ParameterCompatibilityInformation),
    MessageType.IAM: (UserTeleserviceInformation,),
    MessageType.SGM: (UserToUserInformation,),
}


def full_for_pycrate(message_type: MessageType) -> Message:
    message = full(message_type)
    parameters = [
        CauseIndicators(parameter.value, parameter.location) if isinstance(parameter, CauseIndicators) else parameter
        for parameter in message.parameters
        if not isinstance(parameter, PYCRATE_CANNOT.get(message_type, ()))
    ]
    return Message.of(message_type, message.cic, *parameters)


class TestPycrate:
    """The library pycrate as the second reader and writer."""

    @pytest.mark.parametrize("message_type", KNOWN_TYPES, ids=lambda t: t.name)
    def test_it_reads_every_message_and_writes_the_same_octets(self, pycrate: Any, message_type: MessageType) -> None:
        octets = serialize(full_for_pycrate(message_type))
        element, error = pycrate.parse_ISUP(octets)
        assert error == 0
        assert element["Type"].get_val() == message_type
        assert element["CIC"].get_val() == 5
        assert element.to_bytes() == octets

    @pytest.mark.parametrize("message_type", KNOWN_TYPES, ids=lambda t: t.name)
    def test_the_pointers_that_it_computes_are_ours(self, pycrate: Any, message_type: MessageType) -> None:
        octets = serialize(full_for_pycrate(message_type))
        element, error = pycrate.parse_ISUP(octets)
        assert error == 0
        if "Pointers" in element._by_name:
            element["Pointers"].reautomate()
        assert element.to_bytes() == octets

    @pytest.mark.parametrize(("ours", "theirs", "names"), PYCRATE_FIELDS, ids=lambda v: getattr(v, "__name__", ""))
    def test_each_bit_field_stands_where_it_has_it(
        self, pycrate: Any, ours: type[TypedParameter], theirs: str, names: dict[str, str]
    ) -> None:
        for our_name, their_name in names.items():
            element = getattr(pycrate, theirs)()
            for name in names.values():
                element[name].set_val(0)
            greatest = (1 << element[their_name].get_bl()) - 1
            element[their_name].set_val(greatest)
            octets = element.to_bytes()
            parameter = ours.parse(octets)
            assert {name: int(getattr(parameter, name)) for name in names} == dict.fromkeys(names, 0) | {
                our_name: greatest
            }
            assert parameter.serialize() == octets

    @pytest.mark.parametrize(("number", "theirs", "values"), PYCRATE_NUMBERS, ids=lambda v: type(v).__name__)
    def test_it_reads_the_numbers(
        self, pycrate: Any, number: AddressNumber, theirs: str, values: dict[str, int]
    ) -> None:
        element = getattr(pycrate, theirs)()
        element.from_bytes(number.serialize())
        assert {name: element[name].get_val() for name in values} == values
        assert element.get_num() == number.digits
        assert element["OE"].get_val() == len(number.digits) % 2

    @pytest.mark.parametrize(("number", "theirs", "values"), PYCRATE_NUMBERS, ids=lambda v: type(v).__name__)
    def test_it_writes_the_numbers(
        self, pycrate: Any, number: AddressNumber, theirs: str, values: dict[str, int]
    ) -> None:
        element = getattr(pycrate, theirs)(val=dict(values))
        element.set_num(number.digits)
        assert type(number).parse(element.to_bytes()) == number

    @pytest.mark.parametrize("cause", list(Cause), ids=lambda c: c.name)
    def test_it_reads_the_causes(self, pycrate: Any, cause: Cause) -> None:
        element = pycrate.CauseInd()
        element.from_bytes(CauseIndicators(cause, Location.TRANSIT_NETWORK).serialize())
        assert element["Class"].get_val() << 4 | element["Cause"].get_val() == cause
        assert element["Location"].get_val() == Location.TRANSIT_NETWORK

    def test_it_builds_a_release_that_we_read(self, pycrate: Any) -> None:
        element = pycrate.Release(val={"CIC": 77})
        cause = element["CauseInd"]["CauseInd"]
        cause.set_val([1, 0, 0, 10, 1, 1, 1, b""])
        message = parse(element.to_bytes())
        assert message == Message.of(
            MessageType.REL, 77, CauseIndicators(Cause.USER_BUSY, Location.NETWORK_BEYOND_INTERWORKING_POINT)
        )


TSHARK_FIELDS: tuple[tuple[MessageType, str, str], ...] = (
    (MessageType.IAM, "isup.satellite_indicator", "1"),
    (MessageType.IAM, "isup.continuity_check_indicator", "2"),
    (MessageType.IAM, "isup.echo_control_device_indicator", "1"),
    (MessageType.IAM, "isup.forw_call_natnl_inatnl_call_indicator", "1"),
    (MessageType.IAM, "isup.forw_call_interworking_indicator", "0"),
    (MessageType.IAM, "isup.forw_call_isdn_user_part_indicator", "1"),
    (MessageType.IAM, "isup.forw_call_preferences_indicator", "0"),
    (MessageType.IAM, "isup.forw_call_isdn_access_indicator", "1"),
    (MessageType.IAM, "isup.calling_partys_category", "15"),
    (MessageType.IAM, "isup.transmission_medium_requirement", "0"),
    (MessageType.IAM, "isup.called", "33199000003"),
    (MessageType.IAM, "isup.called_party_nature_of_address_indicator", "4"),
    (MessageType.IAM, "isup.calling", "2125550101"),
    (MessageType.IAM, "isup.calling_party_nature_of_address_indicator", "3"),
    (MessageType.IAM, "isup.address_presentation_restricted_indicator", "1"),
    (MessageType.IAM, "isup.screening_indicator", "3"),
    (MessageType.IAM, "isup.clg_call_ind", "2"),
    (MessageType.IAM, "isup.connected_line_identity_request_ind", "1"),
    (MessageType.IAM, "isup.redirecting", "4411349600"),
    (MessageType.IAM, "isup.redirecting_ind", "3"),
    (MessageType.IAM, "isup.original_redirection_reason", "1"),
    (MessageType.IAM, "isup.redirection_counter", "2"),
    (MessageType.IAM, "isup.redirection_reason", "2"),
    (MessageType.IAM, "isup.hop_counter", "19"),
    (MessageType.IAM, "isup.propagation_delay_counter", "300"),
    (MessageType.IAM, "isup.generic_number", "2125550199"),
    (MessageType.IAM, "isup.number_qualifier_indicator", "6"),
    (MessageType.SAM, "isup.subsequent_number", "0123F"),
    (MessageType.COT, "isup.continuity_indicator", "1"),
    (MessageType.ACM, "isup.charge_indicator", "1"),
    (MessageType.ACM, "isup.called_partys_status_indicator", "1"),
    (MessageType.ACM, "isup.called_partys_category_indicator", "1"),
    (MessageType.ACM, "isup.backw_call_end_to_end_method_indicator", "0"),
    (MessageType.ACM, "isup.backw_call_interworking_indicator", "0"),
    (MessageType.ACM, "isup.backw_call_isdn_user_part_indicator", "1"),
    (MessageType.ACM, "isup.backw_call_isdn_access_indicator", "1"),
    (MessageType.ACM, "isup.inband_information_ind", "1"),
    (MessageType.ACM, "isup.call_diversion_may_occur_ind", "1"),
    (MessageType.ACM, "isup.mlpp_user", "0"),
    (MessageType.ACM, "isup.redirection_number", "441134960000"),
    (MessageType.CPG, "isup.event_ind", "3"),
    (MessageType.CPG, "isup.event_presentation_restr_ind", "1"),
    (MessageType.CPG, "isup.notification_indicator", "121"),
    (MessageType.CON, "isup.connected_number", "49301234567"),
    (MessageType.REL, "isup.cause_indicator", "22"),
    (MessageType.REL, "q931.cause_location", "4"),
    (MessageType.REL, "q931.cause_call.diagnostic", "04:13:21:43"),
    (MessageType.SUS, "isup.suspend_resume_indicator", "1"),
    (MessageType.RES, "isup.suspend_resume_indicator", "1"),
    # tshark shows the number of circuits, one more than the range code.
    (MessageType.GRS, "isup.range_indicator", "10"),
    (MessageType.CGB, "isup.range_indicator", "10"),
    (MessageType.CGB, "isup.cgs_message_type", "1"),
)


def number_or_text(shown: str) -> str:
    """tshark shows some numbers in hexadecimal."""
    return str(int(shown, 16)) if shown.startswith("0x") else shown


@pytest.fixture(scope="module")
def dissected(tmp_path_factory: pytest.TempPathFactory) -> dict[MessageType, ElementTree.Element]:
    """What tshark makes of one packet of each type, on the MTP3 link type."""
    capture = tmp_path_factory.mktemp("tshark") / "isup.pcap"
    packets = [
        Mtp3Message(
            ServiceIndicator.ISUP,
            NetworkIndicator.NATIONAL,
            0,
            RoutingLabel(4899, 1234, 5),
            serialize(full(message_type)),
        ).serialize()
        for message_type in KNOWN_TYPES
    ]
    linktype_mtp3 = 141
    capture.write_bytes(
        struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, linktype_mtp3)
        + b"".join(struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet for packet in packets)
    )
    found = subprocess.run(["tshark", "-n", "-r", str(capture), "-T", "pdml"], capture_output=True, check=True)
    shown = list(ElementTree.fromstring(found.stdout).iter("packet"))
    assert len(shown) == len(KNOWN_TYPES)
    return dict(zip(KNOWN_TYPES, shown, strict=True))


def shown_values(packet: ElementTree.Element, field: str) -> list[str]:
    return [number_or_text(element.get("show", "")) for element in packet.iter("field") if element.get("name") == field]


@pytest.mark.judge
class TestTshark:
    """The program tshark as the second reader."""

    @pytest.mark.parametrize("message_type", KNOWN_TYPES, ids=lambda t: t.name)
    def test_it_finds_nothing_malformed(
        self, dissected: dict[MessageType, ElementTree.Element], message_type: MessageType
    ) -> None:
        names = {element.get("name") for element in dissected[message_type].iter()}
        assert not {name for name in names if name and "malformed" in name}

    @pytest.mark.parametrize("message_type", KNOWN_TYPES, ids=lambda t: t.name)
    def test_it_names_the_message(
        self, dissected: dict[MessageType, ElementTree.Element], message_type: MessageType
    ) -> None:
        (field,) = [e for e in dissected[message_type].iter("field") if e.get("name") == "isup.message_type"]
        assert field.get("show") == str(int(message_type))
        named = field.get("showname", "").lower().replace("-", " ")
        assert MESSAGES[message_type].name.lower().replace("-", " ").split()[0] in named
        assert shown_values(dissected[message_type], "isup.cic") == ["5"]

    @pytest.mark.parametrize("message_type", [t for t in KNOWN_TYPES if t is not MessageType.SDM], ids=lambda t: t.name)
    def test_it_finds_the_parameters_in_our_order(
        self, dissected: dict[MessageType, ElementTree.Element], message_type: MessageType
    ) -> None:
        found = [int(code) for code in shown_values(dissected[message_type], "isup.parameter_type")]
        assert [code for code in found if code] == [parameter.code for parameter in full(message_type).parameters]

    @pytest.mark.parametrize(("message_type", "field", "value"), TSHARK_FIELDS, ids=str)
    def test_it_reads_the_value_that_we_wrote(
        self, dissected: dict[MessageType, ElementTree.Element], message_type: MessageType, field: str, value: str
    ) -> None:
        assert shown_values(dissected[message_type], field)[:1] == [value]

    def test_it_reads_the_routing_label(self, dissected: dict[MessageType, ElementTree.Element]) -> None:
        packet = dissected[MessageType.IAM]
        assert shown_values(packet, "mtp3.dpc") == ["4899"]
        assert shown_values(packet, "mtp3.opc") == ["1234"]
        assert shown_values(packet, "mtp3.sls") == ["5"]
        assert shown_values(packet, "mtp3.network_indicator") == ["2"]
        assert shown_values(packet, "mtp3.service_indicator") == ["5"]
