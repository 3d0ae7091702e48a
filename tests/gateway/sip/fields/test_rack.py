"""RAck."""

from __future__ import annotations

import pytest

from gateway.core.errors import ParseError
from gateway.sip.fields.cseq import CSeq
from gateway.sip.fields.rack import RAck


@pytest.mark.clause("RFC 3262", "7.2")
class TestRAck:
    def test_survives(self) -> None:
        assert RAck.parse("776656 1 INVITE") == RAck(776656, CSeq(1, "INVITE"))
        assert RAck(776656, CSeq(1, "INVITE")).serialize() == "776656 1 INVITE"

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "is not two numbers and a method"),
            ("1 INVITE", "is not two numbers and a method"),
            ("x 1 INVITE", "is not two numbers and a method"),
            ("1 1", "'1' is not a number and a method"),
            ("4294967296 1 INVITE", "response number '4294967296' is more than 4294967295"),
            ("1 2147483648 INVITE", "is not below 2**31"),
        ],
    )
    def test_what_is_none_is_refused(self, text: str, why: str) -> None:
        with pytest.raises(ParseError) as caught:
            RAck.parse(text)
        assert why in caught.value.message
