"""Values that are remembered by their text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.sip.fields.cseq import CSeq, read_cseq
from gateway.sip.fields.media_type import MediaType, read_media_type
from gateway.sip.fields.memory import REMEMBERED_CHARACTERS, forget_values, remembered
from gateway.sip.fields.name_addr import NameAddr, read_name_addr
from gateway.sip.uri import Uri, read_uri

PIECES = st.sampled_from(
    ["1", " ", "INVITE", "sip:", "+1", "a", "@", "b", ":", "5060", "<", ">", ";", "tag=x", '"', "application", "/", "%"]
)


def test_a_text_is_read_once_until_it_is_forgotten() -> None:
    asked: list[str] = []

    def parse(text: str) -> str:
        asked.append(text)
        return text.upper()

    read = remembered(parse)
    assert [read("a"), read("a"), read("b")] == ["A", "A", "B"]
    assert asked == ["a", "b"]
    forget_values()
    assert read("a") == "A"
    assert asked == ["a", "b", "a"]


def test_a_long_text_and_an_error_are_not_remembered() -> None:
    asked: list[str] = []

    def parse(text: str) -> str:
        asked.append(text)
        if text == "bad":
            raise ParseError("bad")
        return text

    read = remembered(parse)
    long = "x" * (REMEMBERED_CHARACTERS + 1)
    assert read(long) is read(long)
    for _ in range(2):
        with pytest.raises(ParseError):
            read("bad")
    assert asked == [long, long, "bad", "bad"]


@given(st.lists(PIECES, max_size=12).map("".join))
def test_what_is_remembered_is_what_would_be_read(text: str) -> None:
    for read, parse in (
        (read_cseq, CSeq.parse),
        (read_media_type, MediaType.parse),
        (read_name_addr, NameAddr.parse),
        (read_uri, Uri.parse),
    ):
        try:
            wanted: object = parse(text)
        except ParseError as error:
            with pytest.raises(ParseError) as caught:
                read(text)
            assert str(caught.value) == str(error)
        else:
            assert read(text) == wanted == read(text)
