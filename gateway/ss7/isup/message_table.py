"""Table 2 of ISUP: the messages with their mandatory and optional parameters (ITU-T Q.763 §1.3, §4)."""

from __future__ import annotations

from enum import IntEnum

from attrs import frozen

from gateway.core.clause import Clause
from gateway.ss7.isup.parameter_codes import ParameterCode as P


class MessageType(IntEnum):
    """Message types under their acronyms (ITU-T Q.763 Table 4)."""

    IAM = 0x01
    SAM = 0x02
    INR = 0x03
    INF = 0x04
    COT = 0x05
    ACM = 0x06
    CON = 0x07
    FOT = 0x08
    ANM = 0x09
    REL = 0x0C
    SUS = 0x0D
    RES = 0x0E
    RLC = 0x10
    CCR = 0x11
    RSC = 0x12
    BLO = 0x13
    UBL = 0x14
    BLA = 0x15
    UBA = 0x16
    GRS = 0x17
    CGB = 0x18
    CGU = 0x19
    CGBA = 0x1A
    CGUA = 0x1B
    FAR = 0x1F
    FAA = 0x20
    FRJ = 0x21
    LPA = 0x24
    PAM = 0x28
    GRA = 0x29
    CQM = 0x2A
    CQR = 0x2B
    CPG = 0x2C
    USR = 0x2D
    UCIC = 0x2E
    CFN = 0x2F
    OLM = 0x30
    CRG = 0x31
    NRM = 0x32
    FAC = 0x33
    UPT = 0x34
    UPA = 0x35
    IDR = 0x36
    IRS = 0x37
    SGM = 0x38
    LOP = 0x40
    APM = 0x41
    PRI = 0x42
    SDM = 0x43


@frozen
class MessageFormat:
    """One row of the table.

    Args:
        name: the message's name as ITU-T Q.763 prints it.
        table: the table of ITU-T Q.763 §4 that draws it, where its number is known for sure.
        fixed: the mandatory fixed parameters in order, each with its length in octets.
        variable: the mandatory variable parameters in order.
        optional: the optional parameters it may have; None where it has no optional part and so no pointer to one.
    """

    name: str
    table: int | None
    fixed: tuple[tuple[P, int], ...] = ()
    variable: tuple[P, ...] = ()
    optional: tuple[P, ...] | None = None

    @property
    def clause(self) -> Clause:
        """The row's clause, as errors cite it."""
        return Clause("ITU-T Q.763", "4" if self.table is None else f"4, Table {self.table}")

    @property
    def mandatory(self) -> tuple[P, ...]:
        """All mandatory parameters in the order of the message."""
        return (*(code for code, _ in self.fixed), *self.variable)


# Not in it: CRG, whose format is national, and PAM, which carries another message.
MESSAGES: dict[int, MessageFormat] = {
    MessageType.IAM: MessageFormat(
        "Initial address",
        32,
        fixed=(
            (P.NATURE_OF_CONNECTION_INDICATORS, 1),
            (P.FORWARD_CALL_INDICATORS, 2),
            (P.CALLING_PARTYS_CATEGORY, 1),
            (P.TRANSMISSION_MEDIUM_REQUIREMENT, 1),
        ),
        variable=(P.CALLED_PARTY_NUMBER,),
        optional=(
            P.CALL_REFERENCE,
            P.ACCESS_TRANSPORT,
            P.OPTIONAL_FORWARD_CALL_INDICATORS,
            P.CALLING_PARTY_NUMBER,
            P.REDIRECTING_NUMBER,
            P.CONNECTION_REQUEST,
            P.REDIRECTION_INFORMATION,
            P.CLOSED_USER_GROUP_INTERLOCK_CODE,
            P.USER_SERVICE_INFORMATION,
            P.USER_TO_USER_INFORMATION,
            P.TRANSIT_NETWORK_SELECTION,
            P.CIRCUIT_ASSIGNMENT_MAP,
            P.ORIGINAL_CALLED_NUMBER,
            P.USER_TO_USER_INDICATORS,
            P.ORIGINATION_ISC_POINT_CODE,
            P.GENERIC_NOTIFICATION_INDICATOR,
            P.NETWORK_SPECIFIC_FACILITY,
            P.USER_SERVICE_INFORMATION_PRIME,
            P.PROPAGATION_DELAY_COUNTER,
            P.REMOTE_OPERATIONS,
            P.SERVICE_ACTIVATION,
            P.USER_TELESERVICE_INFORMATION,
            P.ECHO_CONTROL_INFORMATION,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
            P.MLPP_PRECEDENCE,
            P.HOP_COUNTER,
            P.TRANSMISSION_MEDIUM_REQUIREMENT_PRIME,
            P.LOCATION_NUMBER,
            P.CCSS,
            P.FORWARD_GVNS,
            P.REDIRECT_CAPABILITY,
            P.NETWORK_MANAGEMENT_CONTROLS,
            P.CORRELATION_ID,
            P.SCF_ID,
            P.CALL_DIVERSION_TREATMENT_INDICATORS,
            P.CALLED_IN_NUMBER,
            P.CALL_OFFERING_TREATMENT_INDICATORS,
            P.CONFERENCE_TREATMENT_INDICATORS,
            P.UID_CAPABILITY_INDICATORS,
            P.REDIRECT_COUNTER,
            P.APPLICATION_TRANSPORT,
            P.COLLECT_CALL_REQUEST,
            P.PIVOT_CAPABILITY,
            P.CALLED_DIRECTORY_NUMBER,
            P.ORIGINAL_CALLED_IN_NUMBER,
            P.CALLING_GEODETIC_LOCATION,
            P.NETWORK_ROUTING_NUMBER,
            P.QUERY_ON_RELEASE_CAPABILITY,
            P.PIVOT_COUNTER,
            P.PIVOT_ROUTING_FORWARD_INFORMATION,
            P.REDIRECT_STATUS,
            P.REDIRECT_FORWARD_INFORMATION,
            P.NUMBER_PORTABILITY_FORWARD_INFORMATION,
            P.GENERIC_NUMBER,
            P.GENERIC_DIGITS,
        ),
    ),
    MessageType.SAM: MessageFormat("Subsequent address", 35, variable=(P.SUBSEQUENT_NUMBER,), optional=()),
    MessageType.INR: MessageFormat(
        "Information request",
        31,
        fixed=((P.INFORMATION_REQUEST_INDICATORS, 2),),
        optional=(
            P.CALL_REFERENCE,
            P.NETWORK_SPECIFIC_FACILITY,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
        ),
    ),
    MessageType.INF: MessageFormat(
        "Information",
        30,
        fixed=((P.INFORMATION_INDICATORS, 2),),
        optional=(
            P.CALL_REFERENCE,
            P.CALLING_PARTYS_CATEGORY,
            P.CALLING_PARTY_NUMBER,
            P.CONNECTION_REQUEST,
            P.NETWORK_SPECIFIC_FACILITY,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
        ),
    ),
    MessageType.COT: MessageFormat("Continuity", 28, fixed=((P.CONTINUITY_INDICATORS, 1),)),
    MessageType.ACM: MessageFormat(
        "Address complete",
        21,
        fixed=((P.BACKWARD_CALL_INDICATORS, 2),),
        optional=(
            P.CALL_REFERENCE,
            P.ACCESS_TRANSPORT,
            P.REDIRECTION_NUMBER,
            P.CAUSE_INDICATORS,
            P.USER_TO_USER_INFORMATION,
            P.OPTIONAL_BACKWARD_CALL_INDICATORS,
            P.USER_TO_USER_INDICATORS,
            P.GENERIC_NOTIFICATION_INDICATOR,
            P.ACCESS_DELIVERY_INFORMATION,
            P.NETWORK_SPECIFIC_FACILITY,
            P.REMOTE_OPERATIONS,
            P.SERVICE_ACTIVATION,
            P.TRANSMISSION_MEDIUM_USED,
            P.CALL_DIVERSION_INFORMATION,
            P.ECHO_CONTROL_INFORMATION,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
            P.REDIRECTION_NUMBER_RESTRICTION,
            P.CONFERENCE_TREATMENT_INDICATORS,
            P.UID_ACTION_INDICATORS,
            P.APPLICATION_TRANSPORT,
            P.CCNR_POSSIBLE_INDICATOR,
            P.HTR_INFORMATION,
            P.PIVOT_ROUTING_BACKWARD_INFORMATION,
            P.REDIRECT_STATUS,
        ),
    ),
    MessageType.CON: MessageFormat(
        "Connect",
        27,
        fixed=((P.BACKWARD_CALL_INDICATORS, 2),),
        optional=(
            P.CALL_REFERENCE,
            P.ACCESS_TRANSPORT,
            P.USER_TO_USER_INFORMATION,
            P.CONNECTED_NUMBER,
            P.OPTIONAL_BACKWARD_CALL_INDICATORS,
            P.USER_TO_USER_INDICATORS,
            P.GENERIC_NOTIFICATION_INDICATOR,
            P.CALL_HISTORY_INFORMATION,
            P.ACCESS_DELIVERY_INFORMATION,
            P.NETWORK_SPECIFIC_FACILITY,
            P.REMOTE_OPERATIONS,
            P.SERVICE_ACTIVATION,
            P.TRANSMISSION_MEDIUM_USED,
            P.ECHO_CONTROL_INFORMATION,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
            P.REDIRECTION_NUMBER_RESTRICTION,
            P.BACKWARD_GVNS,
            P.CONFERENCE_TREATMENT_INDICATORS,
            P.APPLICATION_TRANSPORT,
            P.HTR_INFORMATION,
            P.PIVOT_ROUTING_BACKWARD_INFORMATION,
            P.REDIRECT_STATUS,
            P.GENERIC_NUMBER,
        ),
    ),
    MessageType.FOT: MessageFormat("Forward transfer", 37, optional=(P.CALL_REFERENCE,)),
    MessageType.ANM: MessageFormat(
        "Answer",
        22,
        optional=(
            P.CALL_REFERENCE,
            P.ACCESS_TRANSPORT,
            P.REDIRECTION_NUMBER,
            P.BACKWARD_CALL_INDICATORS,
            P.USER_TO_USER_INFORMATION,
            P.CONNECTED_NUMBER,
            P.OPTIONAL_BACKWARD_CALL_INDICATORS,
            P.USER_TO_USER_INDICATORS,
            P.GENERIC_NOTIFICATION_INDICATOR,
            P.CALL_HISTORY_INFORMATION,
            P.ACCESS_DELIVERY_INFORMATION,
            P.NETWORK_SPECIFIC_FACILITY,
            P.REMOTE_OPERATIONS,
            P.SERVICE_ACTIVATION,
            P.TRANSMISSION_MEDIUM_USED,
            P.ECHO_CONTROL_INFORMATION,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
            P.REDIRECTION_NUMBER_RESTRICTION,
            P.BACKWARD_GVNS,
            P.CONFERENCE_TREATMENT_INDICATORS,
            P.DISPLAY_INFORMATION,
            P.APPLICATION_TRANSPORT,
            P.PIVOT_ROUTING_BACKWARD_INFORMATION,
            P.REDIRECT_STATUS,
            P.GENERIC_NUMBER,
        ),
    ),
    MessageType.REL: MessageFormat(
        "Release",
        33,
        variable=(P.CAUSE_INDICATORS,),
        optional=(
            P.ACCESS_TRANSPORT,
            P.REDIRECTION_NUMBER,
            P.REDIRECTION_INFORMATION,
            P.SIGNALLING_POINT_CODE,
            P.USER_TO_USER_INFORMATION,
            P.AUTOMATIC_CONGESTION_LEVEL,
            P.USER_TO_USER_INDICATORS,
            P.ACCESS_DELIVERY_INFORMATION,
            P.NETWORK_SPECIFIC_FACILITY,
            P.REMOTE_OPERATIONS,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
            P.DISPLAY_INFORMATION,
            P.REDIRECT_COUNTER,
            P.HTR_INFORMATION,
            P.REDIRECT_BACKWARD_INFORMATION,
        ),
    ),
    MessageType.SUS: MessageFormat(
        "Suspend", None, fixed=((P.SUSPEND_RESUME_INDICATORS, 1),), optional=(P.CALL_REFERENCE,)
    ),
    MessageType.RES: MessageFormat(
        "Resume", None, fixed=((P.SUSPEND_RESUME_INDICATORS, 1),), optional=(P.CALL_REFERENCE,)
    ),
    MessageType.RLC: MessageFormat("Release complete", 34, optional=(P.CAUSE_INDICATORS,)),
    MessageType.CCR: MessageFormat("Continuity check request", None),
    MessageType.RSC: MessageFormat("Reset circuit", None),
    MessageType.BLO: MessageFormat("Blocking", None),
    MessageType.UBL: MessageFormat("Unblocking", None),
    MessageType.BLA: MessageFormat("Blocking acknowledgement", None),
    MessageType.UBA: MessageFormat("Unblocking acknowledgement", None),
    MessageType.GRS: MessageFormat("Circuit group reset", None, variable=(P.RANGE_AND_STATUS,)),
    MessageType.CGB: MessageFormat(
        "Circuit group blocking",
        None,
        fixed=((P.CIRCUIT_GROUP_SUPERVISION_MESSAGE_TYPE, 1),),
        variable=(P.RANGE_AND_STATUS,),
    ),
    MessageType.CGU: MessageFormat(
        "Circuit group unblocking",
        None,
        fixed=((P.CIRCUIT_GROUP_SUPERVISION_MESSAGE_TYPE, 1),),
        variable=(P.RANGE_AND_STATUS,),
    ),
    MessageType.CGBA: MessageFormat(
        "Circuit group blocking acknowledgement",
        None,
        fixed=((P.CIRCUIT_GROUP_SUPERVISION_MESSAGE_TYPE, 1),),
        variable=(P.RANGE_AND_STATUS,),
    ),
    MessageType.CGUA: MessageFormat(
        "Circuit group unblocking acknowledgement",
        None,
        fixed=((P.CIRCUIT_GROUP_SUPERVISION_MESSAGE_TYPE, 1),),
        variable=(P.RANGE_AND_STATUS,),
    ),
    MessageType.FAR: MessageFormat(
        "Facility request",
        None,
        fixed=((P.FACILITY_INDICATOR, 1),),
        optional=(
            P.CALL_REFERENCE,
            P.CONNECTION_REQUEST,
            P.USER_TO_USER_INDICATORS,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
        ),
    ),
    MessageType.FAA: MessageFormat(
        "Facility accepted",
        None,
        fixed=((P.FACILITY_INDICATOR, 1),),
        optional=(
            P.CALL_REFERENCE,
            P.CONNECTION_REQUEST,
            P.USER_TO_USER_INDICATORS,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
        ),
    ),
    MessageType.FRJ: MessageFormat(
        "Facility reject",
        29,
        fixed=((P.FACILITY_INDICATOR, 1),),
        variable=(P.CAUSE_INDICATORS,),
        optional=(P.USER_TO_USER_INDICATORS,),
    ),
    MessageType.LPA: MessageFormat("Loop back acknowledgement", None),
    MessageType.GRA: MessageFormat("Circuit group reset acknowledgement", 25, variable=(P.RANGE_AND_STATUS,)),
    MessageType.CQM: MessageFormat("Circuit group query", None, variable=(P.RANGE_AND_STATUS,)),
    MessageType.CQR: MessageFormat(
        "Circuit group query response",
        24,
        variable=(
            P.RANGE_AND_STATUS,
            P.CIRCUIT_STATE_INDICATOR,
        ),
    ),
    MessageType.CPG: MessageFormat(
        "Call progress",
        23,
        fixed=((P.EVENT_INFORMATION, 1),),
        optional=(
            P.CALL_REFERENCE,
            P.ACCESS_TRANSPORT,
            P.REDIRECTION_NUMBER,
            P.BACKWARD_CALL_INDICATORS,
            P.CAUSE_INDICATORS,
            P.USER_TO_USER_INFORMATION,
            P.CONNECTED_NUMBER,
            P.OPTIONAL_BACKWARD_CALL_INDICATORS,
            P.USER_TO_USER_INDICATORS,
            P.GENERIC_NOTIFICATION_INDICATOR,
            P.CALL_HISTORY_INFORMATION,
            P.ACCESS_DELIVERY_INFORMATION,
            P.NETWORK_SPECIFIC_FACILITY,
            P.REMOTE_OPERATIONS,
            P.SERVICE_ACTIVATION,
            P.TRANSMISSION_MEDIUM_USED,
            P.CALL_DIVERSION_INFORMATION,
            P.ECHO_CONTROL_INFORMATION,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
            P.REDIRECTION_NUMBER_RESTRICTION,
            P.CALL_TRANSFER_NUMBER,
            P.BACKWARD_GVNS,
            P.CONFERENCE_TREATMENT_INDICATORS,
            P.UID_ACTION_INDICATORS,
            P.APPLICATION_TRANSPORT,
            P.CCNR_POSSIBLE_INDICATOR,
            P.PIVOT_ROUTING_BACKWARD_INFORMATION,
            P.REDIRECT_STATUS,
            P.GENERIC_NUMBER,
        ),
    ),
    MessageType.USR: MessageFormat(
        "User-to-user information", 36, variable=(P.USER_TO_USER_INFORMATION,), optional=(P.ACCESS_TRANSPORT,)
    ),
    MessageType.UCIC: MessageFormat("Unequipped circuit identification code", None),
    MessageType.CFN: MessageFormat("Confusion", 26, variable=(P.CAUSE_INDICATORS,), optional=()),
    MessageType.OLM: MessageFormat("Overload", None),
    MessageType.NRM: MessageFormat(
        "Network resource management",
        None,
        optional=(
            P.ECHO_CONTROL_INFORMATION,
            P.MESSAGE_COMPATIBILITY_INFORMATION,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
        ),
    ),
    MessageType.FAC: MessageFormat(
        "Facility",
        None,
        optional=(
            P.ACCESS_TRANSPORT,
            P.REDIRECTION_NUMBER,
            P.GENERIC_NOTIFICATION_INDICATOR,
            P.REMOTE_OPERATIONS,
            P.SERVICE_ACTIVATION,
            P.MESSAGE_COMPATIBILITY_INFORMATION,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
            P.CALL_TRANSFER_NUMBER,
            P.PIVOT_ROUTING_INDICATORS,
            P.PIVOT_STATUS,
            P.PIVOT_COUNTER,
            P.PIVOT_ROUTING_BACKWARD_INFORMATION,
            P.REDIRECT_STATUS,
        ),
    ),
    MessageType.UPT: MessageFormat("User part test", None, optional=(P.PARAMETER_COMPATIBILITY_INFORMATION,)),
    MessageType.UPA: MessageFormat("User part available", None, optional=(P.PARAMETER_COMPATIBILITY_INFORMATION,)),
    MessageType.IDR: MessageFormat(
        "Identification request",
        None,
        optional=(
            P.MESSAGE_COMPATIBILITY_INFORMATION,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
            P.MCID_REQUEST_INDICATORS,
        ),
    ),
    MessageType.IRS: MessageFormat(
        "Identification response",
        None,
        optional=(
            P.ACCESS_TRANSPORT,
            P.CALLING_PARTY_NUMBER,
            P.MESSAGE_COMPATIBILITY_INFORMATION,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
            P.MCID_RESPONSE_INDICATORS,
            P.CHARGED_PARTY_IDENTIFICATION,
            P.GENERIC_NUMBER,
        ),
    ),
    MessageType.SGM: MessageFormat(
        "Segmentation",
        None,
        optional=(
            P.ACCESS_TRANSPORT,
            P.USER_TO_USER_INFORMATION,
            P.GENERIC_NOTIFICATION_INDICATOR,
            P.MESSAGE_COMPATIBILITY_INFORMATION,
            P.GENERIC_NUMBER,
            P.GENERIC_DIGITS,
        ),
    ),
    MessageType.LOP: MessageFormat(
        "Loop prevention",
        None,
        optional=(
            P.MESSAGE_COMPATIBILITY_INFORMATION,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
            P.CALL_TRANSFER_REFERENCE,
            P.LOOP_PREVENTION_INDICATORS,
        ),
    ),
    MessageType.APM: MessageFormat(
        "Application transport",
        None,
        optional=(
            P.MESSAGE_COMPATIBILITY_INFORMATION,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
            P.APPLICATION_TRANSPORT,
        ),
    ),
    MessageType.PRI: MessageFormat(
        "Pre-release information",
        None,
        optional=(
            P.OPTIONAL_FORWARD_CALL_INDICATORS,
            P.OPTIONAL_BACKWARD_CALL_INDICATORS,
            P.MESSAGE_COMPATIBILITY_INFORMATION,
            P.PARAMETER_COMPATIBILITY_INFORMATION,
            P.APPLICATION_TRANSPORT,
        ),
    ),
    MessageType.SDM: MessageFormat(
        "Subsequent directory number",
        None,
        optional=(
            P.SUBSEQUENT_NUMBER,
            P.MESSAGE_COMPATIBILITY_INFORMATION,
        ),
    ),
}


def message_name(message_type: int) -> str:
    """ "IAM", or "message type 0x7f" for one without an acronym here."""
    return _NAMES.get(message_type) or f"message type {message_type:#04x}"


_NAMES = {int(each): each.name for each in MessageType}
