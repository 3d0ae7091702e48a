"""How indicator bits are declared and read."""

from __future__ import annotations

from enum import IntEnum

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.ss7.isup.parameter import Indicators, OctetsParameter, UnknownParameter, bits, in_words
from gateway.ss7.isup.parameter_codes import ParameterCode


class Colour(IntEnum):
    """Not all of the four values that two bits have."""

    RED = 0
    LIGHT_BLUE = 2


@frozen
class Sample(Indicators):
    """Two octets, with spare bits in both."""

    code = ParameterCode.CCSS
    length_octets = 2

    colour: Colour | int = bits("BA", Colour)
    flag: bool = bits("D", bool)
    count: int = bits("LKJ", default=5)


class TestBits:
    """Bits by the letters of ITU-T Q.763."""

    def test_letters_give_the_places(self) -> None:
        assert Sample(2, True, 0).serialize() == bytes((0b0000_1010, 0))
        assert Sample(0, False, 7).serialize() == bytes((0, 0b0000_1110))
        assert Sample().serialize() == bytes((0, 0b0000_1010))

    def test_fields_have_their_types(self) -> None:
        sample = Sample.parse(bytes((0b1010, 0)))
        assert sample.colour is Colour.LIGHT_BLUE
        assert sample.flag is True
        assert sample.count == 0

    def test_a_code_point_without_a_name_stays_a_number(self) -> None:
        sample = Sample.parse(bytes((0b0011, 0)))
        assert sample.colour == 3
        assert not isinstance(sample.colour, Colour)
        assert sample.serialize() == bytes((0b0011, 0))

    @given(st.binary(min_size=2, max_size=6))
    def test_spare_bits_and_further_octets_survive(self, octets: bytes) -> None:
        sample = Sample.parse(octets)
        assert sample.serialize() == octets
        assert sample.spare_bits == int.from_bytes(octets[:2], "little") & 0b1111_0001_1111_0100
        assert sample.rest == octets[2:]

    def test_too_few_octets_are_refused(self) -> None:
        with pytest.raises(ParseError, match="CCSS: 1 octets, at least 2 needed"):
            Sample.parse(b"\0")

    def test_values_out_of_range_are_refused(self) -> None:
        with pytest.raises(ValueError, match="CCSS: count 8, 0 to 7"):
            Sample(count=8)
        with pytest.raises(ValueError, match="CCSS: colour -1, 0 to 3"):
            Sample(colour=-1)
        with pytest.raises(ValueError, match="CCSS: spare bits 0x1 touch named ones"):
            Sample(spare_bits=1)

    def test_letters_that_are_not_adjacent_are_refused(self) -> None:
        with pytest.raises(ValueError, match="bits 'CA' are not adjacent"):
            bits("CA")
        with pytest.raises(ValueError, match="bits 'AB' are not adjacent"):
            bits("AB")

    def test_a_change_keeps_the_rest(self) -> None:
        sample = Sample.parse(bytes.fromhex("f40a99"))
        assert evolve(sample, flag=True).serialize().hex() == "fc0a99"

    def test_fields_are_said_in_words(self) -> None:
        assert Sample(2, True).fields() == [("colour", "light blue"), ("flag", "yes"), ("count", "5")]
        assert Sample.parse(bytes.fromhex("f400ab")).fields()[3:] == [
            ("spare bits", "0xf4"),
            ("further octets", "ab"),
        ]
        assert in_words(False) == "no"


class TestOctets:
    """Parameters that are carried and not looked into."""

    @given(st.integers(1, 255), st.binary(max_size=255))
    def test_an_unknown_parameter_is_its_octets(self, code: int, octets: bytes) -> None:
        parameter = UnknownParameter(code, octets)
        assert parameter.serialize() == octets
        assert parameter.fields() == [("octets", octets.hex())]
        assert parameter.brief() == ""

    def test_an_unknown_parameter_has_the_table_s_name_or_its_code(self) -> None:
        assert UnknownParameter(0x4B, b"").name == "CCSS"
        assert UnknownParameter(0xF1, b"").name == "parameter 0xf1"

    @pytest.mark.parametrize("code", [0, 256, -1])
    def test_a_code_is_1_to_255(self, code: int) -> None:
        with pytest.raises(ValueError, match="1 to 255"):
            UnknownParameter(code, b"")

    def test_an_octets_parameter_takes_any_octets(self) -> None:
        assert OctetsParameter.parse(b"xy") == OctetsParameter(b"xy")
