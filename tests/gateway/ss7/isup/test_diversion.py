"""What tells of a diversion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.ss7.isup.diversion import (
    CallDiversionInformation,
    NotificationSubscription,
    PresentationRestriction,
    RedirectingIndicator,
    RedirectingReason,
    RedirectionInformation,
    RedirectionNumberRestriction,
)
from gateway.ss7.isup.parameter import Indicators


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (
            "12",
            CallDiversionInformation(NotificationSubscription.PRESENTATION_WITH_NUMBER, RedirectingReason.NO_REPLY),
        ),
        (
            "1322",
            RedirectionInformation(
                RedirectingIndicator.CALL_DIVERTED, RedirectingReason.USER_BUSY, 2, RedirectingReason.NO_REPLY
            ),
        ),
        ("04", RedirectionInformation(RedirectingIndicator.CALL_DIVERTED_ALL_RESTRICTED, one_octet=True)),
        ("01", RedirectionNumberRestriction(PresentationRestriction.RESTRICTED)),
    ],
)
def test_hex_becomes_fields_and_the_same_hex(octets: str, expected: Indicators) -> None:
    parameter = type(expected).parse(bytes.fromhex(octets))
    assert parameter == expected
    assert parameter.serialize().hex() == octets


@pytest.mark.clause("ITU-T Q.763", "3.45")
class TestRedirectionInformation:
    """Two octets, or one in early versions."""

    @given(st.binary(min_size=1, max_size=4))
    def test_whatever_can_be_read_is_written_back(self, octets: bytes) -> None:
        assert RedirectionInformation.parse(octets).serialize() == octets

    def test_no_octets_are_refused(self) -> None:
        with pytest.raises(ParseError, match="Redirection information: 0 octets, at least 1 needed"):
            RedirectionInformation.parse(b"")

    def test_one_octet_has_no_room_for_a_counter(self) -> None:
        with pytest.raises(ValueError, match="one octet has no room"):
            RedirectionInformation(counter=1, one_octet=True)

    def test_it_says_what_happened(self) -> None:
        information = RedirectionInformation(3, 1, 2, 3)
        assert information.brief() == "call diverted (unconditional), 2 times"
        assert CallDiversionInformation(reason=1).brief() == "diverted: user busy"
