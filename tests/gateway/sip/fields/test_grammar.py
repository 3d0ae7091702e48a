"""Tokens, quoted strings, lists, numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.sip.fields.grammar import excerpt, is_quoted, is_token, parse_number, quote, split_list, unquote


@pytest.mark.clause("RFC 3261", "25.1")
class TestTokens:
    @pytest.mark.parametrize("text", ["INVITE", "a-.!%*_+`'~9"])
    def test_these_are(self, text: str) -> None:
        assert is_token(text)

    @pytest.mark.parametrize("text", ["", " ", "a b", "a/b", "ü", "a\n", '"a"', "a;", "\udcff"])
    def test_these_are_not(self, text: str) -> None:
        assert not is_token(text)


@pytest.mark.clause("RFC 3261", "25.1")
class TestQuotedStrings:
    def test_escapes(self) -> None:
        assert unquote(r'"a \"b\" \\ \c"') == r'a "b" \ c'
        assert unquote("plain") == "plain"
        assert unquote('"') == '"'
        assert quote('a "b" \\') == r'"a \"b\" \\"'
        assert quote("a\r\nb") == '"a  b"'

    def test_whole_ones(self) -> None:
        assert is_quoted(r'"a\""')
        assert not is_quoted(r'"a\"')
        assert not is_quoted('"a"b"')

    @given(st.text(st.characters(exclude_characters="\r\n")))
    def test_any_text_comes_back(self, text: str) -> None:
        assert is_quoted(quote(text))
        assert unquote(quote(text)) == text


@pytest.mark.clause("RFC 3261", "7.3.1")
class TestLists:
    @pytest.mark.parametrize(
        ("text", "members"),
        [
            ("", [""]),
            (" a ", ["a"]),
            ("a,b ,\tc", ["a", "b", "c"]),
            ("a,,b,", ["a", "", "b", ""]),
            ('"a,b",c', ['"a,b"', "c"]),
            (r'"a\",b",c', [r'"a\",b"', "c"]),
            ("<sip:a,b@c>,d", ["<sip:a,b@c>", "d"]),
            ('"<",>,a', ['"<"', ">", "a"]),
            ('"open, b', ['"open, b']),
            ("a, <open, b", ["a", "<open, b"]),
        ],
    )
    def test_are_split_at_top_level_commas(self, text: str, members: list[str]) -> None:
        assert split_list(text) == members

    @given(st.lists(st.text(st.characters(exclude_characters="\r\n")), min_size=1))
    def test_any_quoted_members_come_back(self, texts: list[str]) -> None:
        assert split_list(" , ".join(quote(text) for text in texts)) == [quote(text) for text in texts]


class TestNumbers:
    def test_leading_zeros(self) -> None:
        assert parse_number("0068", "hops", 255) == 68
        assert parse_number("0" * 5000, "hops", 255) == 0

    @pytest.mark.parametrize("text", ["", "-1", "+1", "1_0", "1 ", "٣", "²", "0x1"])
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(ParseError, match=r"^hops .* is not a number"):
            parse_number(text, "hops", 255)

    @pytest.mark.parametrize("text", ["256", "9" * 5000])
    def test_too_many(self, text: str) -> None:
        with pytest.raises(ParseError, match=r"^hops .* is more than 255"):
            parse_number(text, "hops", 255)


class TestExcerpts:
    def test_are_printable_and_short(self) -> None:
        assert excerpt("a\r\nü") == r"'a\r\n\xfc'"
        assert excerpt("x" * 49) == "'" + "x" * 48 + "'..."
        assert excerpt("x" * 48) == "'" + "x" * 48 + "'"
        assert len(excerpt("\U00010000" * 40)) < 105
