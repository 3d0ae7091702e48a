"""Writing session descriptions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sdp.model import Attribute, Line, Media, Origin, SessionDescription

TOKEN = st.text("abcXYZ019-._", min_size=1, max_size=8)
VALUE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=20)


@pytest.mark.clause("RFC 8866", "5")
class TestSection5Description:
    def test_a_description_is_written_in_order_with_crlf(self) -> None:
        written = SessionDescription(
            Origin("-", "7", "8", "IN", "IP6", "2001:db8::1"),
            "name",
            (Line("c", "IN IP6 2001:db8::1"), Line("t", "0 0"), Line("a", "tool:x")),
            (Media.of("audio", 4000, "RTP/AVP", ("0",), (Attribute("ptime", "20"), Attribute("sendrecv"))),),
        ).serialize()
        assert written == (
            b"v=0\r\no=- 7 8 IN IP6 2001:db8::1\r\ns=name\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\na=tool:x\r\n"
            b"m=audio 4000 RTP/AVP 0\r\na=ptime:20\r\na=sendrecv\r\n"
        )

    @given(
        st.lists(st.builds(Attribute, TOKEN, st.one_of(st.none(), VALUE)), max_size=4),
        st.lists(
            st.builds(
                Media.of,
                st.sampled_from(["audio", "video", "image"]),
                st.integers(0, 65535),
                st.sampled_from(["RTP/AVP", "udptl", "UDP/TLS/RTP/SAVPF"]),
                st.lists(TOKEN, min_size=1, max_size=5),
                st.lists(st.builds(Attribute, TOKEN, st.one_of(st.none(), VALUE)), max_size=4),
            ),
            max_size=4,
        ),
        VALUE,
    )
    def test_what_is_written_is_read_back(self, attributes: list[Attribute], media: list[Media], name: str) -> None:
        lines = (Line("t", "0 0"), *(attribute.line for attribute in attributes))
        description = SessionDescription(Origin(), name, lines, tuple(media))
        assert SessionDescription.parse(description.serialize()) == description
        assert SessionDescription.parse(description.serialize()).attributes == tuple(attributes)
