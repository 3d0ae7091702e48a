from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.sip.dialog.content import SDP, NotUnderstood, not_understood, parts, session_description
from gateway.sip.message import Headers, Request

ACCEPT = {SDP, "multipart/mixed"}
ACCEPT_HEADER = "application/sdp, multipart/mixed"

SIP_T = (
    b"preamble\r\n--unique-boundary-1\r\n"
    b"Content-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n\r\n"
    b"--unique-boundary-1\r\n"
    b"Content-Type: application/ISUP; version=itu-t92+\r\nContent-Disposition: signal;\r\n  handling=optional\r\n\r\n"
    b"\x01\x00\x49\x00\r\n--unique-boundary-1--\r\nepilogue"
)


def request(body: bytes, *headers: tuple[str, str]) -> Request:
    return Request(method="INVITE", uri="sip:a", headers=Headers(headers), body=body)


def sip_t(body: bytes = SIP_T) -> Request:
    return request(body, ("Content-Type", 'multipart/mixed; boundary="unique-boundary-1"'))


class TestSessionDescription:
    """RFC 3261 §13.2.1, RFC 5621 §3."""

    def test_none(self) -> None:
        assert session_description(request(b"")) == b""

    def test_alone(self) -> None:
        assert session_description(request(b"v=0\r\n", ("Content-Type", "Application/SDP;charset=utf-8"))) == b"v=0\r\n"

    def test_in_the_compact_form(self) -> None:
        assert session_description(request(b"v=0\r\n", ("c", "application/sdp"))) == b"v=0\r\n"

    @pytest.mark.clause("RFC 3261", "13.2.1")
    def test_with_another_disposition_it_is_no_session_description(self) -> None:
        other = request(b"v=0\r\n", ("Content-Type", SDP), ("Content-Disposition", "early-session"))
        assert session_description(other) == b""

    def test_beside_isup_in_a_multipart_body(self) -> None:
        assert session_description(sip_t()) == b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"

    def test_the_other_parts_survive(self) -> None:
        isup = parts(sip_t())[1]
        assert (isup.media_type, isup.disposition, isup.required) == ("application/isup", "signal", False)
        assert isup.octets == b"\x01\x00\x49\x00"

    def test_a_part_without_headers_is_text(self) -> None:
        message = request(b"--x\r\n\r\nhello\r\n--x--", ("Content-Type", "multipart/mixed;boundary=x"))
        assert [(part.media_type, part.octets) for part in parts(message)] == [("text/plain", b"hello")]

    def test_a_multipart_body_without_its_boundary_cannot_be_read(self) -> None:
        with pytest.raises(ParseError, match="without a boundary"):
            session_description(request(b"--x", ("Content-Type", "multipart/mixed")))
        with pytest.raises(ParseError, match="0 boundaries"):
            session_description(sip_t(b"nothing"))
        with pytest.raises(ParseError, match="boundaries"):
            session_description(sip_t(b"\r\n--unique-boundary-1\r\n" * 50))

    @given(st.binary(max_size=200))
    def test_no_body_brings_another_error(self, body: bytes) -> None:
        try:
            parts(sip_t(SIP_T[:40] + body))
        except ParseError:
            return


class TestNotUnderstood:
    """RFC 3261 §8.2.3, RFC 5621 §8.4."""

    def test_what_is_understood(self) -> None:
        assert not_understood(request(b""), ACCEPT, ACCEPT_HEADER) is None
        assert not_understood(request(b"v=0", ("Content-Type", SDP)), ACCEPT, ACCEPT_HEADER) is None
        assert not_understood(sip_t(), ACCEPT, ACCEPT_HEADER) is None

    @pytest.mark.clause("RFC 3261", "8.2.3")
    def test_another_type_is_answered_with_accept(self) -> None:
        assert not_understood(request(b"x", ("Content-Type", "image/png")), ACCEPT, ACCEPT_HEADER) == NotUnderstood(
            ("Accept", ACCEPT_HEADER)
        )

    @pytest.mark.clause("RFC 3261", "8.2.3")
    def test_an_encoding_is_answered_with_accept_encoding(self) -> None:
        message = request(b"x", ("Content-Type", SDP), ("Content-Encoding", "gzip"))
        assert not_understood(message, ACCEPT, ACCEPT_HEADER) == NotUnderstood(("Accept-Encoding", "identity"))

    @pytest.mark.clause("RFC 5621", "8.4")
    @pytest.mark.parametrize("disposition", ["render; handling=optional", "render;x=1;HANDLING = Optional"])
    def test_what_is_optional_is_passed_over(self, disposition: str) -> None:
        message = request(b"x", ("Content-Type", "image/png"), ("Content-Disposition", disposition))
        assert not_understood(message, ACCEPT, ACCEPT_HEADER) is None

    @pytest.mark.clause("RFC 5621", "8.4")
    def test_what_is_required_in_a_multipart_body_is_not(self) -> None:
        message = sip_t(SIP_T.replace(b"optional", b"required"))
        assert not_understood(message, ACCEPT, ACCEPT_HEADER) == NotUnderstood(("Accept", ACCEPT_HEADER))

    def test_an_encoded_multipart_body_is_not_taken_apart(self) -> None:
        message = sip_t()
        message.headers.add("Content-Encoding", "deflate")
        assert not_understood(message, ACCEPT, ACCEPT_HEADER) == NotUnderstood(("Accept-Encoding", "identity"))

    @pytest.mark.clause("RFC 5621", "8.3")
    def test_of_alternatives_one_is_enough(self) -> None:
        message = sip_t(SIP_T.replace(b"optional", b"required"))
        message.headers.set("Content-Type", "multipart/alternative;boundary=unique-boundary-1")
        assert not_understood(message, ACCEPT, ACCEPT_HEADER) is None
        assert not_understood(message, {"text/html"}, "text/html") == NotUnderstood(("Accept", "text/html"))
