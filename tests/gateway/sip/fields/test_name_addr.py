"""From, To, Contact, Route."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.sip.fields.name_addr import NameAddr
from gateway.sip.uri import Uri


@pytest.mark.clause("RFC 3261", "20.10")
class TestParse:
    @pytest.mark.parametrize(
        ("text", "display", "uri", "params"),
        [
            (
                '"Mr. Watson" <sip:watson@a.com>;q=0.7; expires=3600',
                "Mr. Watson",
                "sip:watson@a.com",
                ";q=0.7;expires=3600",
            ),
            ("Bob <sip:bob@b.com>;tag=a6", "Bob", "sip:bob@b.com", ";tag=a6"),
            ("The Operator<sips:op@c.com;transport=tcp>", "The Operator", "sips:op@c.com;transport=tcp", ""),
            ("<sip:a,b@c?x=y>", "", "sip:a,b@c?x=y", ""),
            ("sip:+12125551212@phone2net.com;tag=887s", "", "sip:+12125551212@phone2net.com", ";tag=887s"),
            ("tel:+123;x=1", "", "tel:+123", ";x=1"),
            (r'"A \"B\" \\" <sip:a@b> ;tag=1', 'A "B" \\', "sip:a@b", ";tag=1"),
            ('"" <sip:a@b>', "", "sip:a@b", ""),
            ('"<sip:x@y>, Joe;tag=0" <sip:a@b>', "<sip:x@y>, Joe;tag=0", "sip:a@b", ""),
            ("Jürgen M. <sip:a@b>", "Jürgen M.", "sip:a@b", ""),
            ("  <sip:a@b>", "", "sip:a@b", ""),
        ],
    )
    def test_forms(self, text: str, display: str, uri: str, params: str) -> None:
        value = NameAddr.parse(text)
        assert (value.display_name, value.uri.serialize(), value.params.serialize()) == (display, uri, params)

    @pytest.mark.clause("RFC 3261", "20")
    def test_parameters_without_brackets_are_the_headers(self) -> None:
        assert NameAddr.parse("sip:a@b;lr").uri.is_loose_router is False
        assert NameAddr.parse("<sip:a@b;lr>").uri.is_loose_router is True

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "'' is not a URI: it has no scheme"),
            ("<>", "'' is not a URI"),
            ("Bob", "'Bob' is not a URI"),
            ('"Bob <sip:a@b>', "is neither"),
            ("Bob <sip:a@b", "is neither"),
            ("Bob sip:a@b>", "is neither"),
            ("<sip:a@b>>", "'>' is not a parameter"),
            ("<<sip:a@b>>", "is neither"),
            ("<sip:a@b> x", "'x' is not a parameter"),
            ("<sip:a@b>;", "';' is not a parameter"),
            ("sip:a@b;", "';' is not a parameter"),
            ("sip:a@b?x=y", "needs angle brackets"),
            ("sip:a,b@c", "needs angle brackets"),
            ("< sip:a@b>", "is not a URI"),
            ("<sip:a@b >", "follows the host"),
        ],
    )
    def test_what_is_none_is_refused(self, text: str, why: str) -> None:
        with pytest.raises(ParseError) as caught:
            NameAddr.parse(text)
        assert why in caught.value.message

    def test_the_offset_counts_from_the_start_of_the_value(self) -> None:
        with pytest.raises(ParseError) as caught:
            NameAddr.parse("Bob <sip:a@b:99999>")
        assert caught.value.offset == 13


class TestSerialize:
    def test_a_tag_is_added_or_replaced(self) -> None:
        assert NameAddr.parse("sip:a@b").with_tag("x").serialize() == "<sip:a@b>;tag=x"
        assert NameAddr.parse("<sip:a@b>;Tag=1;y").with_tag("x").serialize() == "<sip:a@b>;Tag=x;y"
        assert NameAddr.parse("<sip:a@b>;Tag=1").tag == "1"
        assert NameAddr.parse("<sip:a@b>").tag is None

    def test_a_display_name_is_quoted_where_it_must_be(self) -> None:
        uri = Uri.parse("sip:a@b")
        assert NameAddr(uri, "Bob").serialize() == "Bob <sip:a@b>"
        assert NameAddr(uri, "Bob B.").serialize() == "Bob B. <sip:a@b>"
        assert NameAddr(uri, "Bell, A.").serialize() == '"Bell, A." <sip:a@b>'
        assert NameAddr(uri).serialize() == "<sip:a@b>"

    @given(st.text(st.characters(exclude_characters="\r\n"), min_size=1))
    def test_any_display_name_comes_back(self, name: str) -> None:
        value = NameAddr(Uri.parse("sip:a@b;x"), name).with_tag("t")
        assert NameAddr.parse(value.serialize()) == value
