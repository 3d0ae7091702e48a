"""Header fields in order, by name, by compact form."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.sip.headers import COMPACT_FORMS, Headers


def sample() -> Headers:
    return Headers(
        [
            ("Via", "a"),
            ("v", "b, c"),
            ("From", "<sip:x>"),
            ("Subject", "one, two"),
            ("x-Custom", "1"),
            ("X-CUSTOM", "2"),
        ]
    )


@pytest.mark.clause("RFC 3261", "7.3.1")
class TestNames:
    def test_case_does_not_matter(self) -> None:
        headers = sample()
        assert headers.get("FROM") == "<sip:x>"
        assert headers.lines("X-custom") == ["1", "2"]
        assert "via" in headers
        assert "To" not in headers
        assert 3 not in headers

    def test_missing_ones(self) -> None:
        assert sample().get("To") is None
        assert sample().lines("To") == []
        assert sample().values("To") == []

    def test_values_are_taken_apart_at_top_level_commas(self) -> None:
        assert sample().values("Via") == ["a", "b", "c"]
        assert Headers([("m", '"a,b" <sip:x,y@z>, <sip:c>;q="1,2"')]).values("Contact") == [
            '"a,b" <sip:x,y@z>',
            '<sip:c>;q="1,2"',
        ]

    def test_commas_that_separate_nothing(self) -> None:
        headers = Headers([("Date", "Sat, 13 Nov 2010 23:29:00 GMT"), ("Authorization", 'Digest a="b", c="d"')])
        assert headers.values("Date") == ["Sat, 13 Nov 2010 23:29:00 GMT"]
        assert headers.values("authorization") == ['Digest a="b", c="d"']
        assert sample().values("s") == ["one, two"]


@pytest.mark.clause("RFC 3261", "7.3.3")
class TestCompactForms:
    @pytest.mark.parametrize(("compact", "full"), COMPACT_FORMS.items())
    def test_stand_for_the_full_name(self, compact: str, full: str) -> None:
        assert Headers([(compact, "x")]).get(full.title()) == "x"
        assert Headers([(full.upper(), "x")]).get(compact.upper()) == "x"


class TestChanges:
    def test_add_goes_to_the_end(self) -> None:
        headers = sample()
        headers.add("Via", "d")
        assert list(headers)[-1] == ("Via", "d")
        assert headers.lines("v") == ["a", "b, c", "d"]

    def test_prepend_goes_before_its_like(self) -> None:
        headers = Headers([("From", "x"), ("Via", "a")])
        headers.prepend("v", "top")
        assert list(headers) == [("From", "x"), ("v", "top"), ("Via", "a")]
        headers.prepend("Route", "r")
        assert next(iter(headers)) == ("Route", "r")

    def test_set_leaves_one_in_the_first_place(self) -> None:
        headers = sample()
        headers.set("Via", "only")
        assert [name for name, _ in headers] == ["Via", "From", "Subject", "x-Custom", "X-CUSTOM"]
        headers.set("To", "new")
        assert headers.get("t") == "new"
        assert list(headers)[-1] == ("To", "new")

    def test_remove_takes_all(self) -> None:
        headers = sample()
        headers.remove("v")
        headers.remove("Nothing")
        assert "Via" not in headers
        assert len(headers) == 4

    def test_the_first_value_is_replaced_or_taken_and_its_line_kept(self) -> None:
        headers = Headers([("Via", "a, b"), ("Via", "c")])
        headers.replace_first_value("v", "A")
        assert list(headers) == [("Via", "A, b"), ("Via", "c")]
        headers.replace_first_value("Via", None)
        assert list(headers) == [("Via", "b"), ("Via", "c")]
        headers.replace_first_value("Via", None)
        assert list(headers) == [("Via", "c")]
        headers.replace_first_value("Route", "x")
        assert list(headers) == [("Via", "c")]

    def test_every_change_forgets_what_was_parsed(self) -> None:
        headers = sample()
        changes: list[Callable[[], None]] = [
            lambda: headers.add("a", "b"),
            lambda: headers.prepend("a", "b"),
            lambda: headers.set("a", "b"),
            lambda: headers.remove("a"),
            lambda: headers.replace_first_value("Via", "x"),
        ]
        for change in changes:
            headers.typed["known"] = 1
            change()
            assert headers.typed == {}

    def test_a_copy_is_its_own(self) -> None:
        headers = sample()
        copy = headers.copy()
        assert copy == headers
        copy.add("To", "x")
        assert copy != headers
        assert "To" not in headers

    def test_shows_itself(self) -> None:
        assert repr(Headers([("a", "b")])) == "Headers([('a', 'b')])"
        assert Headers() != 1
