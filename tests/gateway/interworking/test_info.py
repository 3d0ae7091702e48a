"""DTMF in INFO: every dialect that users have reported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.interworking.info import DtmfRelay


@pytest.mark.parametrize(
    ("body", "signal", "duration_ms"),
    [
        (b"Signal=5\r\nDuration=160\r\n", "5", 160),
        (b"Signal= 5\r\nDuration= 250\r\n", "5", 250),
        (b"Signal = #\r\nDuration = 100", "#", 100),
        (b"Signal=*\nDuration=100\n", "*", 100),
        (b"signal=10\r\nduration=100\r\n", "*", 100),
        (b"Signal=11\r\n", "#", 160),
        (b"s=a\r\nd=90\r\n", "A", 90),
        (b"X-Vendor: 1\r\nSignal=7\r\nVolume=10\r\nDuration=200\r\n", "7", 200),
        (b"9", "9", 160),
        (b" # \r\n", "#", 160),
        (b"Signal=1\r\nDuration=1\r\n", "1", 40),
        (b"Signal=1\r\nDuration=99999999999999\r\n", "1", 160),
        (b"Signal=1\r\nDuration=long\r\n", "1", 160),
        (b"Signal=1\r\nDuration=600000\r\n", "1", 5000),
    ],
)
def test_each_dialect_is_read(body: bytes, signal: str, duration_ms: int) -> None:
    assert DtmfRelay.parse(body) == DtmfRelay(signal, duration_ms)


@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b"Signal=\r\n", b"Signal=55\r\n", b"Duration=100\r\n", b"\xff\xfe", b"hello"]
)
def test_a_body_without_a_digit_is_an_error_that_shows_it(body: bytes) -> None:
    with pytest.raises(ParseError, match="no digit"):
        DtmfRelay.parse(body)


@given(st.binary(max_size=80))
def test_nothing_but_parse_error_is_raised(body: bytes) -> None:
    try:
        relay = DtmfRelay.parse(body)
    except ParseError:
        return
    assert DtmfRelay.parse(relay.serialize()) == relay
