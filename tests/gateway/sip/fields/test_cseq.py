"""CSeq."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.sip.fields.cseq import CSeq


@pytest.mark.clause("RFC 3261", "20.16")
class TestCSeq:
    @given(st.integers(min_value=0, max_value=2**31 - 1))
    def test_survives(self, number: int) -> None:
        assert CSeq.parse(CSeq(number, "INVITE").serialize()) == CSeq(number, "INVITE")

    def test_leading_zeros_and_white_space(self) -> None:
        assert CSeq.parse("0009 \t INVITE") == CSeq(9, "INVITE")
        assert CSeq.parse("0" * 30 + "1 a") == CSeq(1, "a")

    @pytest.mark.parametrize(
        "text", ["", "1", "INVITE", "0x10 INVITE", "1INVITE", "-1 INVITE", "1 IN VITE", "٣ INVITE", "1 "]
    )
    def test_what_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(ParseError, match="is not a number and a method"):
            CSeq.parse(text)

    @pytest.mark.clause("RFC 3261", "8.1.1.5")
    @pytest.mark.parametrize("number", [str(2**31), "36893488147419103232", "9" * 5000])
    def test_the_number_is_below_2_to_the_31(self, number: str) -> None:
        with pytest.raises(ParseError, match=r"is not below 2\*\*31"):
            CSeq.parse(f"{number} INVITE")

    @pytest.mark.parametrize("number", [-1, 2**31])
    def test_none_is_made_that_could_not_be_read(self, number: int) -> None:
        with pytest.raises(ValueError, match="number"):
            CSeq(number, "INVITE")
