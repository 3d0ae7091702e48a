"""Table 1 of ISUP: the parameters, each with its code, name and clause (ITU-T Q.763 §3.1, Table 5)."""

from __future__ import annotations

from enum import IntEnum

from attrs import frozen

from gateway.core.clause import Clause


class ParameterCode(IntEnum):
    """Parameter names as code points (ITU-T Q.763 Table 5)."""

    END_OF_OPTIONAL_PARAMETERS = 0x00
    CALL_REFERENCE = 0x01
    TRANSMISSION_MEDIUM_REQUIREMENT = 0x02
    ACCESS_TRANSPORT = 0x03
    CALLED_PARTY_NUMBER = 0x04
    SUBSEQUENT_NUMBER = 0x05
    NATURE_OF_CONNECTION_INDICATORS = 0x06
    FORWARD_CALL_INDICATORS = 0x07
    OPTIONAL_FORWARD_CALL_INDICATORS = 0x08
    CALLING_PARTYS_CATEGORY = 0x09
    CALLING_PARTY_NUMBER = 0x0A
    REDIRECTING_NUMBER = 0x0B
    REDIRECTION_NUMBER = 0x0C
    CONNECTION_REQUEST = 0x0D
    INFORMATION_REQUEST_INDICATORS = 0x0E
    INFORMATION_INDICATORS = 0x0F
    CONTINUITY_INDICATORS = 0x10
    BACKWARD_CALL_INDICATORS = 0x11
    CAUSE_INDICATORS = 0x12
    REDIRECTION_INFORMATION = 0x13
    CIRCUIT_GROUP_SUPERVISION_MESSAGE_TYPE = 0x15
    RANGE_AND_STATUS = 0x16
    FACILITY_INDICATOR = 0x18
    CLOSED_USER_GROUP_INTERLOCK_CODE = 0x1A
    USER_SERVICE_INFORMATION = 0x1D
    SIGNALLING_POINT_CODE = 0x1E
    USER_TO_USER_INFORMATION = 0x20
    CONNECTED_NUMBER = 0x21
    SUSPEND_RESUME_INDICATORS = 0x22
    TRANSIT_NETWORK_SELECTION = 0x23
    EVENT_INFORMATION = 0x24
    CIRCUIT_ASSIGNMENT_MAP = 0x25
    CIRCUIT_STATE_INDICATOR = 0x26
    AUTOMATIC_CONGESTION_LEVEL = 0x27
    ORIGINAL_CALLED_NUMBER = 0x28
    OPTIONAL_BACKWARD_CALL_INDICATORS = 0x29
    USER_TO_USER_INDICATORS = 0x2A
    ORIGINATION_ISC_POINT_CODE = 0x2B
    GENERIC_NOTIFICATION_INDICATOR = 0x2C
    CALL_HISTORY_INFORMATION = 0x2D
    ACCESS_DELIVERY_INFORMATION = 0x2E
    NETWORK_SPECIFIC_FACILITY = 0x2F
    USER_SERVICE_INFORMATION_PRIME = 0x30
    PROPAGATION_DELAY_COUNTER = 0x31
    REMOTE_OPERATIONS = 0x32
    SERVICE_ACTIVATION = 0x33
    USER_TELESERVICE_INFORMATION = 0x34
    TRANSMISSION_MEDIUM_USED = 0x35
    CALL_DIVERSION_INFORMATION = 0x36
    ECHO_CONTROL_INFORMATION = 0x37
    MESSAGE_COMPATIBILITY_INFORMATION = 0x38
    PARAMETER_COMPATIBILITY_INFORMATION = 0x39
    MLPP_PRECEDENCE = 0x3A
    MCID_REQUEST_INDICATORS = 0x3B
    MCID_RESPONSE_INDICATORS = 0x3C
    HOP_COUNTER = 0x3D
    TRANSMISSION_MEDIUM_REQUIREMENT_PRIME = 0x3E
    LOCATION_NUMBER = 0x3F
    REDIRECTION_NUMBER_RESTRICTION = 0x40
    CALL_TRANSFER_REFERENCE = 0x43
    LOOP_PREVENTION_INDICATORS = 0x44
    CALL_TRANSFER_NUMBER = 0x45
    CCSS = 0x4B
    FORWARD_GVNS = 0x4C
    BACKWARD_GVNS = 0x4D
    REDIRECT_CAPABILITY = 0x4E
    NETWORK_MANAGEMENT_CONTROLS = 0x5B
    CORRELATION_ID = 0x65
    SCF_ID = 0x66
    CALL_DIVERSION_TREATMENT_INDICATORS = 0x6E
    CALLED_IN_NUMBER = 0x6F
    CALL_OFFERING_TREATMENT_INDICATORS = 0x70
    CHARGED_PARTY_IDENTIFICATION = 0x71
    CONFERENCE_TREATMENT_INDICATORS = 0x72
    DISPLAY_INFORMATION = 0x73
    UID_ACTION_INDICATORS = 0x74
    UID_CAPABILITY_INDICATORS = 0x75
    REDIRECT_COUNTER = 0x77
    APPLICATION_TRANSPORT = 0x78
    COLLECT_CALL_REQUEST = 0x79
    CCNR_POSSIBLE_INDICATOR = 0x7A
    PIVOT_CAPABILITY = 0x7B
    PIVOT_ROUTING_INDICATORS = 0x7C
    CALLED_DIRECTORY_NUMBER = 0x7D
    ORIGINAL_CALLED_IN_NUMBER = 0x7F
    CALLING_GEODETIC_LOCATION = 0x81
    HTR_INFORMATION = 0x82
    NETWORK_ROUTING_NUMBER = 0x84
    QUERY_ON_RELEASE_CAPABILITY = 0x85
    PIVOT_STATUS = 0x86
    PIVOT_COUNTER = 0x87
    PIVOT_ROUTING_FORWARD_INFORMATION = 0x88
    PIVOT_ROUTING_BACKWARD_INFORMATION = 0x89
    REDIRECT_STATUS = 0x8A
    REDIRECT_FORWARD_INFORMATION = 0x8B
    REDIRECT_BACKWARD_INFORMATION = 0x8C
    NUMBER_PORTABILITY_FORWARD_INFORMATION = 0x8D
    GENERIC_NUMBER = 0xC0
    GENERIC_DIGITS = 0xC1


@frozen
class ParameterRow:
    """One row of the table: the name as ITU-T Q.763 prints it, and the clause that draws the parameter."""

    name: str
    section: str

    @property
    def clause(self) -> Clause:
        """The row's clause, as errors cite it."""
        return Clause("ITU-T Q.763", self.section)


_C = ParameterCode
PARAMETERS: dict[int, ParameterRow] = {
    _C.END_OF_OPTIONAL_PARAMETERS: ParameterRow("End of optional parameters", "3.20"),
    _C.CALL_REFERENCE: ParameterRow("Call reference", "3.8"),
    _C.TRANSMISSION_MEDIUM_REQUIREMENT: ParameterRow("Transmission medium requirement", "3.54"),
    _C.ACCESS_TRANSPORT: ParameterRow("Access transport", "3.3"),
    _C.CALLED_PARTY_NUMBER: ParameterRow("Called party number", "3.9"),
    _C.SUBSEQUENT_NUMBER: ParameterRow("Subsequent number", "3.51"),
    _C.NATURE_OF_CONNECTION_INDICATORS: ParameterRow("Nature of connection indicators", "3.35"),
    _C.FORWARD_CALL_INDICATORS: ParameterRow("Forward call indicators", "3.23"),
    _C.OPTIONAL_FORWARD_CALL_INDICATORS: ParameterRow("Optional forward call indicators", "3.38"),
    _C.CALLING_PARTYS_CATEGORY: ParameterRow("Calling party's category", "3.11"),
    _C.CALLING_PARTY_NUMBER: ParameterRow("Calling party number", "3.10"),
    _C.REDIRECTING_NUMBER: ParameterRow("Redirecting number", "3.44"),
    _C.REDIRECTION_NUMBER: ParameterRow("Redirection number", "3.46"),
    _C.CONNECTION_REQUEST: ParameterRow("Connection request", "3.17"),
    _C.INFORMATION_REQUEST_INDICATORS: ParameterRow("Information request indicators", "3.29"),
    _C.INFORMATION_INDICATORS: ParameterRow("Information indicators", "3.28"),
    _C.CONTINUITY_INDICATORS: ParameterRow("Continuity indicators", "3.18"),
    _C.BACKWARD_CALL_INDICATORS: ParameterRow("Backward call indicators", "3.5"),
    _C.CAUSE_INDICATORS: ParameterRow("Cause indicators", "3.12"),
    _C.REDIRECTION_INFORMATION: ParameterRow("Redirection information", "3.45"),
    _C.CIRCUIT_GROUP_SUPERVISION_MESSAGE_TYPE: ParameterRow("Circuit group supervision message type", "3.13"),
    _C.RANGE_AND_STATUS: ParameterRow("Range and status", "3.43"),
    _C.FACILITY_INDICATOR: ParameterRow("Facility indicator", "3.22"),
    _C.CLOSED_USER_GROUP_INTERLOCK_CODE: ParameterRow("Closed user group interlock code", "3.15"),
    _C.USER_SERVICE_INFORMATION: ParameterRow("User service information", "3.57"),
    _C.SIGNALLING_POINT_CODE: ParameterRow("Signalling point code", "3.50"),
    _C.USER_TO_USER_INFORMATION: ParameterRow("User-to-user information", "3.61"),
    _C.CONNECTED_NUMBER: ParameterRow("Connected number", "3.16"),
    _C.SUSPEND_RESUME_INDICATORS: ParameterRow("Suspend/resume indicators", "3.52"),
    _C.TRANSIT_NETWORK_SELECTION: ParameterRow("Transit network selection", "3.53"),
    _C.EVENT_INFORMATION: ParameterRow("Event information", "3.21"),
    _C.CIRCUIT_ASSIGNMENT_MAP: ParameterRow("Circuit assignment map", "3.69"),
    _C.CIRCUIT_STATE_INDICATOR: ParameterRow("Circuit state indicator", "3.14"),
    _C.AUTOMATIC_CONGESTION_LEVEL: ParameterRow("Automatic congestion level", "3.4"),
    _C.ORIGINAL_CALLED_NUMBER: ParameterRow("Original called number", "3.39"),
    _C.OPTIONAL_BACKWARD_CALL_INDICATORS: ParameterRow("Optional backward call indicators", "3.37"),
    _C.USER_TO_USER_INDICATORS: ParameterRow("User-to-user indicators", "3.60"),
    _C.ORIGINATION_ISC_POINT_CODE: ParameterRow("Origination ISC point code", "3.40"),
    _C.GENERIC_NOTIFICATION_INDICATOR: ParameterRow("Generic notification indicator", "3.25"),
    _C.CALL_HISTORY_INFORMATION: ParameterRow("Call history information", "3.7"),
    _C.ACCESS_DELIVERY_INFORMATION: ParameterRow("Access delivery information", "3.2"),
    _C.NETWORK_SPECIFIC_FACILITY: ParameterRow("Network specific facility", "3.36"),
    _C.USER_SERVICE_INFORMATION_PRIME: ParameterRow("User service information prime", "3.58"),
    _C.PROPAGATION_DELAY_COUNTER: ParameterRow("Propagation delay counter", "3.42"),
    _C.REMOTE_OPERATIONS: ParameterRow("Remote operations", "3.48"),
    _C.SERVICE_ACTIVATION: ParameterRow("Service activation", "3.49"),
    _C.USER_TELESERVICE_INFORMATION: ParameterRow("User teleservice information", "3.59"),
    _C.TRANSMISSION_MEDIUM_USED: ParameterRow("Transmission medium used", "3.56"),
    _C.CALL_DIVERSION_INFORMATION: ParameterRow("Call diversion information", "3.6"),
    _C.ECHO_CONTROL_INFORMATION: ParameterRow("Echo control information", "3.19"),
    _C.MESSAGE_COMPATIBILITY_INFORMATION: ParameterRow("Message compatibility information", "3.33"),
    _C.PARAMETER_COMPATIBILITY_INFORMATION: ParameterRow("Parameter compatibility information", "3.41"),
    _C.MLPP_PRECEDENCE: ParameterRow("MLPP precedence", "3.34"),
    _C.MCID_REQUEST_INDICATORS: ParameterRow("MCID request indicators", "3.31"),
    _C.MCID_RESPONSE_INDICATORS: ParameterRow("MCID response indicators", "3.32"),
    _C.HOP_COUNTER: ParameterRow("Hop counter", "3.80"),
    _C.TRANSMISSION_MEDIUM_REQUIREMENT_PRIME: ParameterRow("Transmission medium requirement prime", "3.55"),
    _C.LOCATION_NUMBER: ParameterRow("Location number", "3.30"),
    _C.REDIRECTION_NUMBER_RESTRICTION: ParameterRow("Redirection number restriction", "3.47"),
    _C.CALL_TRANSFER_REFERENCE: ParameterRow("Call transfer reference", "3.65"),
    _C.LOOP_PREVENTION_INDICATORS: ParameterRow("Loop prevention indicators", "3.67"),
    _C.CALL_TRANSFER_NUMBER: ParameterRow("Call transfer number", "3.64"),
    _C.CCSS: ParameterRow("CCSS", "3.63"),
    _C.FORWARD_GVNS: ParameterRow("Forward GVNS", "3.66"),
    _C.BACKWARD_GVNS: ParameterRow("Backward GVNS", "3.62"),
    _C.REDIRECT_CAPABILITY: ParameterRow("Redirect capability", "3.96"),
    _C.NETWORK_MANAGEMENT_CONTROLS: ParameterRow("Network management controls", "3.68"),
    _C.CORRELATION_ID: ParameterRow("Correlation id", "3.70"),
    _C.SCF_ID: ParameterRow("SCF id", "3.71"),
    _C.CALL_DIVERSION_TREATMENT_INDICATORS: ParameterRow("Call diversion treatment indicators", "3.72"),
    _C.CALLED_IN_NUMBER: ParameterRow("Called IN number", "3.73"),
    _C.CALL_OFFERING_TREATMENT_INDICATORS: ParameterRow("Call offering treatment indicators", "3.74"),
    _C.CHARGED_PARTY_IDENTIFICATION: ParameterRow("Charged party identification", "3.75"),
    _C.CONFERENCE_TREATMENT_INDICATORS: ParameterRow("Conference treatment indicators", "3.76"),
    _C.DISPLAY_INFORMATION: ParameterRow("Display information", "3.77"),
    _C.UID_ACTION_INDICATORS: ParameterRow("UID action indicators", "3.78"),
    _C.UID_CAPABILITY_INDICATORS: ParameterRow("UID capability indicators", "3.79"),
    _C.REDIRECT_COUNTER: ParameterRow("Redirect counter", "3.97"),
    _C.APPLICATION_TRANSPORT: ParameterRow("Application transport", "3.82"),
    _C.COLLECT_CALL_REQUEST: ParameterRow("Collect call request", "3.81"),
    _C.CCNR_POSSIBLE_INDICATOR: ParameterRow("CCNR possible indicator", "3.83"),
    _C.PIVOT_CAPABILITY: ParameterRow("Pivot capability", "3.84"),
    _C.PIVOT_ROUTING_INDICATORS: ParameterRow("Pivot routing indicators", "3.85"),
    _C.CALLED_DIRECTORY_NUMBER: ParameterRow("Called directory number", "3.86"),
    _C.ORIGINAL_CALLED_IN_NUMBER: ParameterRow("Original called IN number", "3.87"),
    _C.CALLING_GEODETIC_LOCATION: ParameterRow("Calling geodetic location", "3.88"),
    _C.HTR_INFORMATION: ParameterRow("HTR information", "3.89"),
    _C.NETWORK_ROUTING_NUMBER: ParameterRow("Network routing number", "3.90"),
    _C.QUERY_ON_RELEASE_CAPABILITY: ParameterRow("Query on release capability", "3.91"),
    _C.PIVOT_STATUS: ParameterRow("Pivot status", "3.92"),
    _C.PIVOT_COUNTER: ParameterRow("Pivot counter", "3.93"),
    _C.PIVOT_ROUTING_FORWARD_INFORMATION: ParameterRow("Pivot routing forward information", "3.94"),
    _C.PIVOT_ROUTING_BACKWARD_INFORMATION: ParameterRow("Pivot routing backward information", "3.95"),
    _C.REDIRECT_STATUS: ParameterRow("Redirect status", "3.98"),
    _C.REDIRECT_FORWARD_INFORMATION: ParameterRow("Redirect forward information", "3.99"),
    _C.REDIRECT_BACKWARD_INFORMATION: ParameterRow("Redirect backward information", "3.100"),
    _C.NUMBER_PORTABILITY_FORWARD_INFORMATION: ParameterRow("Number portability forward information", "3.101"),
    _C.GENERIC_NUMBER: ParameterRow("Generic number", "3.26"),
    _C.GENERIC_DIGITS: ParameterRow("Generic digits", "3.24"),
}


def parameter_name(code: int) -> str:
    """ "Called party number", or "parameter 0xF1" where the table has no such code."""
    row = PARAMETERS.get(code)
    return f"parameter {code:#04x}" if row is None else row.name


def parameter_clause(code: int) -> Clause:
    """The clause that draws the parameter; that of the parameter names where the table has no such code."""
    row = PARAMETERS.get(code)
    return Clause("ITU-T Q.763", "3.1") if row is None else row.clause
