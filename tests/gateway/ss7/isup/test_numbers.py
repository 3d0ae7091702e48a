"""Address signals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.ss7.isup.numbers import canonical_digits, pack_signals, unpack_signals

DIGITS = st.text("0123456789A*#DEF", max_size=32)


@pytest.mark.clause("ITU-T Q.763", "3.9")
class TestAddressSignals:
    """Two address signals to an octet, the first in the low half."""

    @pytest.mark.parametrize(
        ("digits", "octets"), [("", ""), ("1", "01"), ("12", "21"), ("123", "2103"), ("12F", "210f"), ("*#", "cb")]
    )
    def test_digits_become_octets(self, digits: str, octets: str) -> None:
        assert pack_signals(digits).hex() == octets
        assert unpack_signals(bytes.fromhex(octets), bool(len(digits) % 2)) == (digits, 0)

    @given(DIGITS, st.integers(0, 15))
    def test_digits_and_filler_survive(self, digits: str, filler: int) -> None:
        odd = len(digits) % 2 == 1
        assert unpack_signals(pack_signals(digits, filler), odd) == (digits, filler if odd else 0)

    @given(DIGITS.filter(lambda digits: len(digits) % 2 == 0))
    def test_each_octet_holds_two_codes(self, digits: str) -> None:
        codes = ["0123456789A*#DEF".index(digit) for digit in digits]
        octets = bytes(low | high << 4 for low, high in zip(codes[::2], codes[1::2], strict=True))
        assert pack_signals(digits) == octets
        assert unpack_signals(octets, odd=False) == (digits, 0)

    def test_an_odd_count_needs_an_octet(self) -> None:
        with pytest.raises(ParseError, match="odd number of address signals in 0 octets"):
            unpack_signals(b"", odd=True)

    def test_codes_11_and_12_have_two_spellings(self) -> None:
        assert canonical_digits("1bC*#f") == "1*#*#F"

    @pytest.mark.parametrize("digits", ["1 2", "+33", "G", "٣"])
    def test_other_characters_are_refused(self, digits: str) -> None:
        with pytest.raises(ValueError, match="is none of 0-9"):
            canonical_digits(digits)
