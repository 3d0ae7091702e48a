"""Causes, locations and the cause indicators."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.ss7.isup.cause import Cause, CauseIndicators, CodingStandard, Location, cause_phrase


class TestCause:
    """ITU-T Q.850 Table 1."""

    def test_every_cause_has_a_value_of_7_bits_and_its_own_phrase(self) -> None:
        assert all(1 <= cause <= 127 for cause in Cause)
        assert len({cause.phrase for cause in Cause}) == len(Cause)

    @pytest.mark.parametrize(
        ("value", "phrase"),
        [
            (1, "Unallocated (unassigned) number"),
            (16, "Normal call clearing"),
            (17, "User busy"),
            (28, "Invalid number format (address incomplete)"),
            (102, "Recovery on timer expiry"),
            (127, "Interworking, unspecified"),
            (33, "cause 33"),
        ],
    )
    def test_a_value_has_words(self, value: int, phrase: str) -> None:
        assert cause_phrase(value) == phrase

    def test_a_cause_is_its_value(self) -> None:
        busy: int = 17
        assert Cause(busy) is Cause.USER_BUSY
        assert busy == Cause.USER_BUSY


@pytest.mark.clause("ITU-T Q.763", "3.12")
class TestCauseIndicators:
    """Location, coding standard, value, diagnostics."""

    @pytest.mark.parametrize(
        ("octets", "expected"),
        [
            ("8091", CauseIndicators(Cause.USER_BUSY)),
            ("8490", CauseIndicators(Cause.NORMAL_CALL_CLEARING, Location.PUBLIC_NETWORK_SERVING_REMOTE_USER)),
            ("8a9c", CauseIndicators(Cause.INVALID_NUMBER_FORMAT, Location.NETWORK_BEYOND_INTERWORKING_POINT)),
            ("8296041321", CauseIndicators(22, 2, b"\x04\x13\x21")),
            ("008591", CauseIndicators(17, 0, recommendation=5)),
            ("c0e3", CauseIndicators(0x63, 0, coding_standard=CodingStandard.NATIONAL)),
            ("9011", CauseIndicators(17, 0, spare=1, extension=0)),
            ("86a1", CauseIndicators(33, 6)),
        ],
    )
    def test_hex_becomes_fields_and_the_same_hex(self, octets: str, expected: CauseIndicators) -> None:
        parameter = CauseIndicators.parse(bytes.fromhex(octets))
        assert parameter == expected
        assert parameter.serialize().hex() == octets

    def test_a_value_of_another_standard_is_no_cause_of_ours(self) -> None:
        parameter = CauseIndicators.parse(bytes.fromhex("c091"))
        assert not isinstance(parameter.value, Cause)
        assert parameter.phrase == "cause 17 (national coding)"
        assert parameter.brief() == "cause 17 (national coding)"

    @pytest.mark.parametrize(
        ("octets", "message"),
        [
            ("", "Cause indicators: 0 octets, at least 2 needed"),
            ("80", "Cause indicators: 1 octets, at least 2 needed"),
            ("0080", "Cause indicators: 2 octets, at least 3 needed"),
            ("000591", "Cause indicators: octet 1a 0x05 announces an octet 1b, which does not exist"),
        ],
    )
    def test_what_cannot_be_read_is_said_with_its_numbers(self, octets: str, message: str) -> None:
        with pytest.raises(ParseError) as raised:
            CauseIndicators.parse(bytes.fromhex(octets))
        assert raised.value.message == message
        assert str(raised.value.clause) == "ITU-T Q.763 §3.12"

    @given(st.binary(max_size=8))
    def test_whatever_can_be_read_is_written_back(self, octets: bytes) -> None:
        try:
            parameter = CauseIndicators.parse(octets)
        except ParseError:
            return
        assert parameter.serialize() == octets

    def test_values_out_of_range_are_refused(self) -> None:
        with pytest.raises(ValueError, match="value 128, 0 to 127"):
            CauseIndicators(128)
        with pytest.raises(ValueError, match="location 16, 0 to 15"):
            CauseIndicators(16, 16)

    def test_it_speaks_of_itself(self) -> None:
        parameter = CauseIndicators(22, Location.USER, b"\x04", recommendation=3)
        assert parameter.brief() == "cause 22 number changed"
        assert parameter.fields() == [
            ("value", "22 Number changed"),
            ("location", "user"),
            ("coding standard", "itu t"),
            ("recommendation", "3"),
            ("diagnostics", "04"),
        ]
        assert CauseIndicators(33).brief() == "cause 33"
