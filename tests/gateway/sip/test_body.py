"""Bodies, whole and in parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import LocalProtocolError, ParseError
from gateway.sip.body import MAX_PARTS, BodyPart, default_disposition, multipart, parts
from gateway.sip.fields.media_type import MediaType
from gateway.sip.message import Headers, Request

SDP = MediaType("application", "sdp")
ISUP = MediaType.parse("application/ISUP;version=itu-t92+;base=itu-t92+")


def message(content_type: str, body: bytes, *more: tuple[str, str]) -> Request:
    return Request("INVITE", "sip:a@b", Headers([("Content-Type", content_type), *more]), body)


@pytest.mark.clause("RFC 3261", "20.11")
class TestOneBody:
    def test_none_is_no_part(self) -> None:
        assert parts(message("application/sdp", b"")) == []

    def test_sdp_is_for_the_session_and_all_else_to_render(self) -> None:
        assert parts(message("application/sdp", b"v=0")) == [BodyPart(SDP, "session", "required", b"v=0")]
        assert default_disposition(ISUP) == "render"

    def test_its_disposition(self) -> None:
        [part] = parts(message("application/isup", b"\x01", ("Content-Disposition", "Signal ;Handling=Optional")))
        assert (part.disposition, part.handling) == ("signal", "optional")

    @pytest.mark.clause("RFC 3261", "7.4.1")
    def test_a_body_without_a_type_is_refused(self) -> None:
        with pytest.raises(ParseError, match=r"^Content-Type: missing where there is a body"):
            parts(Request("INVITE", "sip:a@b", Headers(), b"x"))

    def test_a_broken_disposition_is_named(self) -> None:
        with pytest.raises(ParseError, match=r"^Content-Disposition: ';' is not a disposition"):
            parts(message("a/b", b"x", ("Content-Disposition", ";")))


@pytest.mark.clause("RFC 5621", "4")
class TestMultipart:
    BODY = (
        b"ignored\r\n--b 1\r\ncontent-type: application/SDP\r\n\r\nv=0\r\n\r\n--b 1  \r\n"
        b"Content-Type: application/ISUP\r\nContent-Disposition:\r\n signal;handling=optional\r\nContent-ID: <1>\r\n"
        b"\r\n\x01\x00\r\n--b 12\r\n--b 1\r\n\r\nplain\r\n--b 1--\r\nignored too"
    )

    def test_parts_in_their_order(self) -> None:
        sdp, isup, text = parts(message('multipart/mixed;boundary="b 1"', self.BODY))
        assert sdp == BodyPart(SDP, "session", "required", b"v=0\r\n")
        assert isup.octets == b"\x01\x00\r\n--b 12"
        assert (isup.disposition, isup.handling, isup.headers) == ("signal", "optional", (("Content-ID", "<1>"),))
        assert (text.content_type.essence, text.octets) == ("text/plain", b"plain")

    def test_parts_inside_parts_come_out_flat(self) -> None:
        inner_type, inner = multipart([BodyPart(SDP, "session", "required", b"v=0")])
        outer = BodyPart(MediaType.parse(inner_type), "render", "required", inner)
        body = multipart([outer, BodyPart(ISUP, "signal", "optional", b"\x01")])
        assert [part.content_type.essence for part in parts(message(*body))] == ["application/sdp", "application/isup"]

    def test_an_empty_part(self) -> None:
        for body in (b"--x\r\n--x--", b"--x\r\n\r\n--x--", b"--x\r\n\r\n\r\n--x--", b"--x\r\nA: b\r\n--x--"):
            [part] = parts(message("multipart/mixed;boundary=x", body))
            assert part.octets == b""

    @pytest.mark.parametrize(
        ("content_type", "body", "why"),
        [
            ("multipart/mixed", b"x", "Content-Type: multipart/mixed without a boundary of 1 to 70 characters"),
            ('multipart/mixed;boundary=""', b"x", "without a boundary"),
            ("multipart/mixed;boundary=" + "x" * 71, b"x", "without a boundary"),
            ("multipart/mixed;boundary=x", b"nothing", "multipart/mixed body does not begin: boundary 'x'"),
            ("multipart/mixed;boundary=x", b"--x\r\n\r\nhello", "multipart/mixed body has no end: boundary 'x'"),
            ("multipart/mixed;boundary=x", b"--x\r\nno header\r\n\r\nhello\r\n--x--", "'no header' is not a header"),
            ("multipart/mixed;boundary=x", b"--x\r\nc t: y\r\n\r\nhello\r\n--x--", "'c t: y' is not a header"),
            (
                "multipart/mixed;boundary=x",
                b"--x\r\nContent-Type: y\r\n\r\n\r\n--x--",
                "Content-Type: 'y' is not a media",
            ),
            ("multipart/mixed;boundary=x", b"--x" + b"\r\n\r\n\r\n--x" * 65, "more than 64 body parts"),
        ],
    )
    def test_broken_ones(self, content_type: str, body: bytes, why: str) -> None:
        with pytest.raises(ParseError) as caught:
            parts(message(content_type, body))
        assert why in caught.value.message

    def test_there_is_an_end_to_depth_and_number(self) -> None:
        part = BodyPart(SDP, "session", "required", b"v=0")
        for _ in range(5):
            content_type, body = multipart([part])
            part = BodyPart(MediaType.parse(content_type), "render", "required", body)
        with pytest.raises(ParseError, match="multipart bodies more than 4 deep"):
            parts(message(content_type, body))
        one = BodyPart(SDP, "session", "required", b"")
        inner_type, inner = multipart([one] * MAX_PARTS)
        assert len(parts(message(inner_type, inner))) == MAX_PARTS
        nested = BodyPart(MediaType.parse(inner_type), "render", "required", inner)
        with pytest.raises(ParseError, match="more than 64 body parts"):
            parts(message(*multipart([nested, one])))

    def test_every_prefix_is_refused(self) -> None:
        content_type, body = multipart(
            [BodyPart(SDP, "session", "required", b"v=0"), BodyPart(ISUP, "signal", "optional", b"1")]
        )
        assert body.endswith(b"--\r\n")
        for length in range(1, len(body) - 3):
            with pytest.raises(ParseError):
                parts(message(content_type, body[:length]))

    def test_what_is_written(self) -> None:
        content_type, body = multipart(
            [
                BodyPart(SDP, "session", "required", b"v=0"),
                BodyPart(ISUP, "signal", "optional", b"part-1", (("A", "b"),)),
            ]
        )
        assert content_type == "multipart/mixed;boundary=part-2"
        assert body == (
            b"--part-2\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"
            b"--part-2\r\nContent-Type: application/isup;version=itu-t92+;base=itu-t92+\r\n"
            b"Content-Disposition: signal;handling=optional\r\nA: b\r\n\r\npart-1\r\n--part-2--\r\n"
        )

    def test_no_parts_is_our_own_fault(self) -> None:
        with pytest.raises(LocalProtocolError, match="needs a part"):
            multipart([])

    @given(st.lists(st.binary(max_size=60), min_size=1, max_size=5))
    def test_any_octets_come_back(self, bodies: list[bytes]) -> None:
        made = [BodyPart(ISUP, "signal", "optional", octets) for octets in bodies]
        assert parts(message(*multipart(made))) == made

    @given(st.binary(max_size=200))
    def test_any_octets_are_read_or_refused(self, body: bytes) -> None:
        try:
            parts(message("multipart/mixed;boundary=x", b"--x\r\n" + body + b"\r\n--x--"))
        except ParseError:
            return
