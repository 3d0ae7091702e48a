"""Indicators of call set-up, progress and suspension."""

from __future__ import annotations

import pytest

from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    CalledPartyCategory,
    CalledPartyStatus,
    CallingPartysCategory,
    CallingPartysCategoryValue,
    Charge,
    ContinuityCheck,
    Event,
    EventInformation,
    ForwardCallIndicators,
    GenericNotificationIndicator,
    HopCounter,
    IsupPreference,
    NatureOfConnectionIndicators,
    Notification,
    OptionalBackwardCallIndicators,
    OptionalForwardCallIndicators,
    PropagationDelayCounter,
    Satellite,
    SccpMethod,
    SuspendResumeIndicators,
    TransmissionMedium,
    TransmissionMediumRequirement,
)
from gateway.ss7.isup.parameter import Indicators


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("00", NatureOfConnectionIndicators()),
        ("14", NatureOfConnectionIndicators(continuity_check=ContinuityCheck.REQUIRED, outgoing_echo_control=True)),
        ("02", NatureOfConnectionIndicators(Satellite.TWO)),
        ("2000", ForwardCallIndicators()),
        ("2101", ForwardCallIndicators(international_call=True, isdn_access=True)),
        ("0800", ForwardCallIndicators(interworking_encountered=True, isup_all_the_way=False)),
        ("a006", ForwardCallIndicators(isup_preference=IsupPreference.REQUIRED, sccp_method=SccpMethod.BOTH)),
        ("2010", ForwardCallIndicators(number_translated=True)),
        ("0a", CallingPartysCategory()),
        ("0d", CallingPartysCategory(CallingPartysCategoryValue.TEST_CALL)),
        ("e0", CallingPartysCategory(0xE0)),
        ("03", TransmissionMediumRequirement()),
        ("00", TransmissionMediumRequirement(TransmissionMedium.SPEECH)),
        ("1204", BackwardCallIndicators()),
        ("1604", BackwardCallIndicators(called_party_status=CalledPartyStatus.SUBSCRIBER_FREE)),
        (
            "1505",
            BackwardCallIndicators(Charge.NO_CHARGE, CalledPartyStatus.SUBSCRIBER_FREE, interworking_encountered=True),
        ),
        ("2214", BackwardCallIndicators(called_party_category=CalledPartyCategory.PAYPHONE, isdn_access=True)),
        ("1224", BackwardCallIndicators(incoming_echo_control=True)),
        ("01", OptionalBackwardCallIndicators(in_band_information=True)),
        ("03", OptionalBackwardCallIndicators(True, True)),
        ("80", OptionalForwardCallIndicators(connected_line_identity_requested=True)),
        ("01", EventInformation(Event.ALERTING)),
        ("83", EventInformation(Event.IN_BAND_INFORMATION, presentation_restricted=True)),
        ("00", SuspendResumeIndicators()),
        ("01", SuspendResumeIndicators(network_initiated=True)),
        ("f9", GenericNotificationIndicator(Notification.REMOTE_HOLD)),
        ("012c", PropagationDelayCounter.of(300)),
        ("1f", HopCounter()),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_hex_becomes_fields_and_the_same_hex(octets: str, expected: Indicators) -> None:
    parameter = type(expected).parse(bytes.fromhex(octets))
    assert parameter == expected
    assert parameter.serialize().hex() == octets


@pytest.mark.clause("RFC 3398", "8.2.3")
def test_backward_call_indicators_by_default_are_those_of_the_mapping() -> None:
    indicators = BackwardCallIndicators()
    assert indicators.charge is Charge.CHARGE
    assert indicators.called_party_status is CalledPartyStatus.NO_INDICATION
    assert indicators.called_party_category is CalledPartyCategory.ORDINARY_SUBSCRIBER
    assert indicators.isup_all_the_way
    assert not indicators.interworking_encountered
    assert not indicators.isdn_access


@pytest.mark.clause("RFC 3398", "7.2.1.1")
def test_forward_call_indicators_by_default_claim_isup_all_the_way() -> None:
    indicators = ForwardCallIndicators()
    assert indicators.isup_all_the_way
    assert not indicators.interworking_encountered
    assert not indicators.isdn_access


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (NatureOfConnectionIndicators(), ""),
        (NatureOfConnectionIndicators(continuity_check=1), "continuity check: required"),
        (ForwardCallIndicators(), ""),
        (ForwardCallIndicators(interworking_encountered=True), "interworking encountered"),
        (CallingPartysCategory(), ""),
        (CallingPartysCategory(15), "category: payphone"),
        (TransmissionMediumRequirement(), ""),
        (TransmissionMediumRequirement(2), "medium: unrestricted 64 kbit s"),
        (BackwardCallIndicators(), "called party status: no indication"),
        (
            BackwardCallIndicators(called_party_status=1, interworking_encountered=True),
            "called party status: subscriber free, interworking encountered",
        ),
        (OptionalBackwardCallIndicators(), ""),
        (
            OptionalBackwardCallIndicators(True, True, True, True),
            "in-band, call diversion may occur, segmentation, MLPP user",
        ),
        (EventInformation(Event.FORWARDED_ON_BUSY), "event 4 forwarded on busy"),
        (EventInformation(9, True), "event 9 (presentation restricted)"),
        (SuspendResumeIndicators(), "ISDN subscriber initiated"),
        (SuspendResumeIndicators(True), "network initiated"),
        (GenericNotificationIndicator(Notification.REMOTE_RETRIEVAL), "remote retrieval"),
        (GenericNotificationIndicator(17), "notification 17"),
    ],
)
def test_it_says_little_in_a_ladder(parameter: Indicators, words: str) -> None:
    assert parameter.brief() == words


def test_the_delay_is_in_milliseconds() -> None:
    assert PropagationDelayCounter.parse(bytes.fromhex("012c")).delay_ms == 300
    with pytest.raises(ValueError, match="high 256, 0 to 255"):
        PropagationDelayCounter.of(65536)
