"""Reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.sip.fields.reason import Reason


@pytest.mark.clause("RFC 3326", "2")
class TestReason:
    @pytest.mark.parametrize(
        "text",
        [
            'SIP;cause=200;text="Call completed elsewhere"',
            'Q.850;cause=16;text="Terminated"',
            'SIP;cause=600;text="Busy Everywhere"',
            "Q.850;cause=17",
            "Preemption;x=1;y",
        ],
    )
    def test_text_survives(self, text: str) -> None:
        assert Reason.parse(text).serialize() == text

    def test_the_parts(self) -> None:
        value = Reason.parse('Q.850 ;location=LN; Cause=16 ;text="a \\"b\\""')
        assert (value.protocol, value.cause, value.text) == ("Q.850", 16, 'a "b"')
        assert value.params.get("location") == "LN"
        assert Reason.parse("SIP").cause is None

    @given(st.text(st.characters(exclude_characters="\r\n")))
    def test_any_text_comes_back(self, text: str) -> None:
        assert Reason.parse(Reason("SIP", 200, text).serialize()) == Reason("SIP", 200, text)

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "'' does not begin with a protocol"),
            (";cause=1", "does not begin with a protocol"),
            ("SIP;cause=x", "cause 'x' is not a number"),
            ("SIP;cause", "cause '' is not a number"),
            ("SIP;cause=9999999999", "is not a number"),
            ("SIP cause=1", "'cause=1' is not a parameter"),
        ],
    )
    def test_what_is_none_is_refused(self, text: str, why: str) -> None:
        with pytest.raises(ParseError) as caught:
            Reason.parse(text)
        assert why in caught.value.message
