"""Header parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.sip.fields.parameters import NO_PARAMETERS, Parameters


@pytest.mark.clause("RFC 3261", "7.3.1")
class TestParse:
    def test_order_case_and_quotes_are_kept(self) -> None:
        parameters = Parameters.parse(r' ; Tag = x ;lr;t="a;b=\"c\"" ; v6=[::1]:5060')
        assert list(parameters) == [("Tag", "x"), ("lr", None), ("t", r'"a;b=\"c\""'), ("v6", "[::1]:5060")]
        assert parameters.get("tag") == "x"
        assert parameters.get("LR") == ""
        assert parameters.get("t") == 'a;b="c"'
        assert parameters.get("nothing") is None
        assert "tAG" in parameters
        assert 1 not in parameters
        assert len(parameters) == 4
        assert parameters.serialize() == r';Tag=x;lr;t="a;b=\"c\"";v6=[::1]:5060'

    def test_nothing_is_none(self) -> None:
        assert Parameters.parse("") == Parameters.parse("  ") == NO_PARAMETERS
        assert Parameters.parse("host;a", 4).items == (("a", None),)

    @pytest.mark.parametrize(
        "text", [";", ";;a", ";a;", ";a=", ';a="x', "x", ";a=b c", ";a b", ";a=b=c", ";ü", ";=", "; ;"]
    )
    def test_what_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(ParseError, match=r"is not a parameter$|is not a parameter at"):
            Parameters.parse(text)

    def test_a_name_twice_is_refused(self) -> None:
        with pytest.raises(ParseError, match="a parameter appears twice in ';tag=1;x;TAG=2'"):
            Parameters.parse(";tag=1;x;TAG=2")


class TestChange:
    def test_set_in_place_or_at_the_end(self) -> None:
        parameters = Parameters.parse(";Rport;branch=z")
        assert parameters.with_("rport", "5060").serialize() == ";Rport=5060;branch=z"
        assert parameters.with_("received", "2001:db8::1").serialize() == ";Rport;branch=z;received=2001:db8::1"
        assert parameters.with_("x", 'a "b"').serialize() == r';Rport;branch=z;x="a \"b\""'
        assert parameters.with_("branch", None).serialize() == ";Rport;branch"

    def test_without(self) -> None:
        assert Parameters.parse(";a;B=1").without("b").serialize() == ";a"

    def test_of_keywords(self) -> None:
        assert Parameters.of(branch="z9", refresh_rate=3, lr=None).serialize() == ";branch=z9;refresh-rate=3;lr"

    @given(st.text(st.characters(exclude_characters="\r\n")))
    def test_any_value_comes_back(self, text: str) -> None:
        assert Parameters.parse(NO_PARAMETERS.with_("a", text).serialize()).get("a") == text
