"""INVITE to IAM (RFC 3398 §7.2.1.1)."""

from __future__ import annotations

import pytest

from gateway.interworking.setup import SetupSettings, called_number, initial_address
from gateway.sip.headers import Headers
from gateway.sip.message import Request
from gateway.ss7.isup.call_indicators import (
    CallingPartysCategory,
    ForwardCallIndicators,
    NatureOfConnectionIndicators,
    TransmissionMediumRequirement,
)
from gateway.ss7.isup.codec import parse, serialize
from gateway.ss7.isup.messages import Message, MessageType
from gateway.ss7.isup.numbers import NatureOfAddress, NumberingPlan, Presentation, Screening
from gateway.ss7.isup.party_numbers import CalledPartyNumber, CallingPartyNumber, OriginalCalledNumber


def iam(
    uri: str = "sip:+33199000003@192.0.2.1",
    from_: str = "<sip:+12125550199@192.0.2.9>",
    to: str = "",
    settings: SetupSettings | None = None,
    **headers: str,
) -> Message:
    """The IAM of an INVITE, as the far end reads it."""
    fields = [("From", from_ + ";tag=a"), ("To", to or f"<{uri}>"), *headers.items()]
    invite = Request(method="INVITE", uri=uri, headers=Headers(fields), body=b"")
    settings = settings or SetupSettings()
    parameters = initial_address(invite, called_number(invite, settings), settings)
    return parse(serialize(Message.of(MessageType.IAM, 1, *parameters)))


@pytest.mark.clause("RFC 3398", "7.2.1.1")
class TestInviteToIam:
    def test_the_five_that_every_iam_has(self) -> None:
        message = iam()
        for kind in (
            NatureOfConnectionIndicators,
            ForwardCallIndicators,
            CallingPartysCategory,
            TransmissionMediumRequirement,
            CalledPartyNumber,
        ):
            assert message.get(kind) is not None

    def test_the_called_number_ends_in_st(self) -> None:
        number = iam()[CalledPartyNumber]
        assert number.digits == "33199000003F"
        assert number.nature_of_address == NatureOfAddress.INTERNATIONAL
        assert number.numbering_plan == NumberingPlan.ISDN

    def test_no_interworking_and_isup_all_the_way_unless_configured(self) -> None:
        indicators = iam()[ForwardCallIndicators]
        assert (indicators.interworking_encountered, indicators.isup_all_the_way) == (False, True)
        other = iam(settings=SetupSettings(interworking_encountered=True))[ForwardCallIndicators]
        assert (other.interworking_encountered, other.isup_all_the_way) == (True, False)

    @pytest.mark.clause("RFC 3398", "12.2")
    def test_the_caller_is_allowed_and_network_provided(self) -> None:
        number = iam()[CallingPartyNumber]
        assert (number.digits, number.nature_of_address) == ("2125550199", NatureOfAddress.NATIONAL)
        assert (number.presentation, number.screening) == (Presentation.ALLOWED, Screening.NETWORK_PROVIDED)

    @pytest.mark.parametrize("from_", ["<sip:alice@192.0.2.9>", "Anonymous <sip:anonymous@anonymous.invalid>"])
    def test_without_a_usable_from_there_is_no_calling_number(self, from_: str) -> None:
        assert iam(from_=from_).get(CallingPartyNumber) is None

    @pytest.mark.clause("RFC 3323", "4.2")
    @pytest.mark.parametrize(
        ("privacy", "presentation"),
        [
            ("id", Presentation.RESTRICTED),
            ("user;critical", Presentation.RESTRICTED),
            ("session; ID", Presentation.RESTRICTED),
            ("header", Presentation.RESTRICTED),
            ("none", Presentation.ALLOWED),
            ("session", Presentation.ALLOWED),
        ],
    )
    def test_privacy_restricts_presentation(self, privacy: str, presentation: Presentation) -> None:
        assert iam(Privacy=privacy)[CallingPartyNumber].presentation == presentation

    def test_a_to_that_differs_is_the_original_called_number(self) -> None:
        number = iam(to="<sip:+12125550100@192.0.2.1>")[OriginalCalledNumber]
        assert (number.digits, number.nature_of_address) == ("2125550100", NatureOfAddress.NATIONAL)

    @pytest.mark.parametrize("to", ["", "<tel:+33-199-000-003>", "<sip:bob@192.0.2.1>"])
    def test_a_to_that_says_the_same_or_nothing_is_ignored(self, to: str) -> None:
        assert iam(to=to).get(OriginalCalledNumber) is None

    def test_star_and_hash_are_sent_as_they_are(self) -> None:
        assert iam("sip:*21%23@192.0.2.1", from_="<sip:*9@192.0.2.9>")[CalledPartyNumber].digits == "*21#F"
