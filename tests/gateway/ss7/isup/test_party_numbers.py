"""The parameters that hold a number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.ss7.isup.numbers import NatureOfAddress, NumberingPlan, Presentation, Screening
from gateway.ss7.isup.parameters import (
    PARAMETER_TYPES,
    AddressNumber,
    CalledPartyNumber,
    CallingPartyNumber,
    ConnectedNumber,
    GenericNumber,
    LocationNumber,
    NumberQualifier,
    OriginalCalledNumber,
    RedirectingNumber,
    RedirectionNumber,
    SubsequentNumber,
)

NUMBERS = [parameter for parameter in PARAMETER_TYPES.values() if issubclass(parameter, AddressNumber)]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("8410339109000003", CalledPartyNumber("33199000003")),
        ("8310214305", CalledPartyNumber("12345", NatureOfAddress.NATIONAL)),
        ("039021430f", CalledPartyNumber("1234F0", NatureOfAddress.NATIONAL, internal_number_not_allowed=True)),
        ("83102143f5", CalledPartyNumber("12345", NatureOfAddress.NATIONAL, filler=15)),
        ("0210", CalledPartyNumber("", NatureOfAddress.UNKNOWN)),
        ("0410", CalledPartyNumber()),
        ("0313212155", CallingPartyNumber("121255", NatureOfAddress.NATIONAL)),
        ("0417212155", CallingPartyNumber("121255", presentation=Presentation.RESTRICTED)),
        ("0491", CallingPartyNumber(incomplete=True, screening=Screening.USER_PROVIDED_VERIFIED_AND_PASSED)),
        (
            "000b",
            CallingPartyNumber(
                "", NatureOfAddress.SPARE, NumberingPlan.SPARE, Presentation.NOT_AVAILABLE, Screening.NETWORK_PROVIDED
            ),
        ),
        ("041321", ConnectedNumber("12")),
        ("041421", OriginalCalledNumber("12", presentation=Presentation.RESTRICTED)),
        ("041021", RedirectingNumber("12")),
        ("049021", RedirectionNumber("12", internal_number_not_allowed=True)),
        ("049321", LocationNumber("12", internal_number_not_allowed=True)),
        ("06031321", GenericNumber("12", nature_of_address=3, screening=3)),
        ("05841301", GenericNumber("1", NumberQualifier.ADDITIONAL_CONNECTED_NUMBER, screening=3)),
        ("802103", SubsequentNumber("123")),
        ("0021f3", SubsequentNumber("123F")),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_hex_becomes_fields_and_the_same_hex(octets: str, expected: AddressNumber) -> None:
    parameter = type(expected).parse(bytes.fromhex(octets))
    assert parameter == expected
    assert parameter.serialize().hex() == octets


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: n.__name__)
class TestEveryNumber:
    """What holds for all of them."""

    @given(octets=st.binary(max_size=12))
    def test_whatever_can_be_read_is_written_back(self, number: type[AddressNumber], octets: bytes) -> None:
        try:
            parameter = number.parse(octets)
        except ParseError:
            return
        assert parameter.serialize() == octets

    def test_too_few_octets_are_refused(self, number: type[AddressNumber]) -> None:
        for length in range(number.length_octets):
            with pytest.raises(ParseError, match=f"{length} octets, at least {number.length_octets} needed"):
                number.parse(b"\x80" * length)

    def test_an_odd_count_in_no_octets_is_refused(self, number: type[AddressNumber]) -> None:
        with pytest.raises(ParseError, match="odd number of address signals in 0 octets"):
            number.parse(b"\x80" * number.length_octets)

    def test_the_odd_even_indicator_follows_from_the_digits(self, number: type[AddressNumber]) -> None:
        octet = number.length_octets - (2 if number.length_octets > 1 else 1)
        assert number(digits="12").serialize()[octet] & 0x80 == 0
        assert number(digits="123").serialize()[octet] & 0x80 == 0x80

    def test_a_filler_needs_an_odd_count(self, number: type[AddressNumber]) -> None:
        with pytest.raises(ValueError, match="filler 1 after 2 address signals"):
            number(digits="12", filler=1)


class TestWords:
    """What a number says of itself."""

    def test_st_ends_the_sending(self) -> None:
        number = CalledPartyNumber("33199F")
        assert number.sending_finished
        assert number.address == "33199"
        assert not CalledPartyNumber("33199").sending_finished

    @pytest.mark.parametrize(
        ("number", "words"),
        [
            (CalledPartyNumber("33199"), "called +33199"),
            (CalledPartyNumber("199", NatureOfAddress.NATIONAL), "called 199"),
            (CalledPartyNumber(), "called"),
            (CallingPartyNumber("33199", presentation=Presentation.RESTRICTED), "calling +33199 (restricted)"),
            (RedirectionNumber("33199"), "redirection +33199"),
            (SubsequentNumber("19"), "digits 19"),
            (GenericNumber("33199"), "additional calling party number +33199"),
        ],
    )
    def test_it_says_its_digits(self, number: AddressNumber, words: str) -> None:
        assert number.brief() == words

    def test_it_says_every_field(self) -> None:
        assert CalledPartyNumber("33199").fields() == [
            ("digits", "33199"),
            ("nature of address", "international"),
            ("numbering plan", "isdn"),
            ("internal number not allowed", "no"),
        ]

    def test_digits_that_do_not_exist_are_refused(self) -> None:
        with pytest.raises(ValueError, match="'x' is none of"):
            CalledPartyNumber("12x")
