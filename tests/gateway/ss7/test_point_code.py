"""Point codes in writing."""

from __future__ import annotations

import pytest

from gateway.core.errors import ParseError
from gateway.ss7.point_code import GREATEST, format_point_code, parse_point_code


class TestPointCode:
    """The 3-8-3 form and the plain number."""

    @pytest.mark.parametrize(
        ("text", "value"),
        [("0-0-0", 0), ("0-0-1", 1), ("2-100-3", 4899), ("7-255-7", 16383), ("4899", 4899), (" 1 ", 1)],
    )
    def test_text_becomes_the_number(self, text: str, value: int) -> None:
        assert parse_point_code(text) == value

    def test_every_point_code_survives_being_written(self) -> None:
        for value in range(0, GREATEST + 1, 7):
            assert parse_point_code(format_point_code(value)) == value

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("8-0-0", "point code '8-0-0': zone 8, greatest is 7"),
            ("0-256-0", "point code '0-256-0': network 256, greatest is 255"),
            ("0-0-8", "point code '0-0-8': point 8, greatest is 7"),
            ("16384", "point code 16384: greatest is 16383"),
            ("1-2", "point code '1-2': neither a number nor zone-network-point"),
            ("", "point code '': neither a number nor zone-network-point"),
            ("-1", "point code '-1': neither a number nor zone-network-point"),
            ("1-٢-3", "point code '1-٢-3': neither a number nor zone-network-point"),
        ],
    )
    def test_what_is_wrong_is_said_with_its_numbers(self, text: str, message: str) -> None:
        with pytest.raises(ParseError) as raised:
            parse_point_code(text)
        assert raised.value.message == message

    def test_a_number_of_more_than_14_bits_cannot_be_written(self) -> None:
        with pytest.raises(ValueError, match="point code 16384: 0 to 16383"):
            format_point_code(16384)
