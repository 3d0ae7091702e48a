"""Information, facility and user-to-user parameters."""

from __future__ import annotations

import pytest

from gateway.ss7.isup.facilities import (
    AccessTransport,
    AutomaticCongestionLevel,
    CallingPartyAddressResponse,
    CongestionLevel,
    EchoControlInformation,
    FacilityIndicator,
    InformationIndicators,
    InformationRequestIndicators,
    McidRequestIndicators,
    McidResponseIndicators,
    UserServiceInformation,
    UserToUserIndicators,
    UserToUserInformation,
)
from gateway.ss7.isup.parameter import TypedParameter


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("02", FacilityIndicator()),
        ("8900", InformationRequestIndicators(True, calling_partys_category=True, malicious_call_identification=True)),
        ("2300", InformationIndicators(CallingPartyAddressResponse.INCLUDED, calling_partys_category_included=True)),
        ("8000", InformationIndicators(unsolicited=True)),
        ("04", UserToUserIndicators(service_1=2)),
        ("83", UserToUserIndicators(True, 1, discarded_by_network=True)),
        ("99", EchoControlInformation(1, 2, 1, 2)),
        ("02", AutomaticCongestionLevel(CongestionLevel.LEVEL_2_EXCEEDED)),
        ("03", McidRequestIndicators(True, True)),
        ("01", McidResponseIndicators(True)),
        ("9090a3", UserServiceInformation(b"\x90\x90\xa3")),
        ("1e028188", AccessTransport(b"\x1e\x02\x81\x88")),
        ("046869", UserToUserInformation(b"\x04hi")),
        ("", UserToUserInformation(b"")),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_hex_becomes_fields_and_the_same_hex(octets: str, expected: TypedParameter) -> None:
    parameter = type(expected).parse(bytes.fromhex(octets))
    assert parameter == expected
    assert parameter.serialize().hex() == octets


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (FacilityIndicator(), "user to user service"),
        (FacilityIndicator(7), "facility 7"),
        (InformationRequestIndicators(), ""),
        (InformationRequestIndicators(True, True), "requested: calling party address, holding"),
        (InformationIndicators(1), "calling party address: not available"),
        (AutomaticCongestionLevel(), "congestion level 1 exceeded"),
        (AccessTransport(b"\x1e"), ""),
    ],
)
def test_it_says_little_in_a_ladder(parameter: TypedParameter, words: str) -> None:
    assert parameter.brief() == words
