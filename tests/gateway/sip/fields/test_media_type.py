"""Content-Type and Accept."""

from __future__ import annotations

import pytest

from gateway.core.errors import ParseError
from gateway.sip.fields.media_type import MediaType


@pytest.mark.clause("RFC 3261", "20.15")
class TestMediaType:
    def test_type_and_subtype_have_no_case(self) -> None:
        value = MediaType.parse("Application / SDP ;Charset=UTF-8")
        assert (value.type, value.subtype, value.essence, str(value)) == (
            "application",
            "sdp",
            "application/sdp",
            "application/sdp",
        )
        assert value.params.get("charset") == "UTF-8"
        assert value.serialize() == "application/sdp;Charset=UTF-8"

    def test_isup_as_sip_carries_it(self) -> None:
        text = "application/isup;base=itu-t92+;version=itu-t92+"
        assert MediaType.parse(text).serialize() == text

    @pytest.mark.parametrize("text", ["", "text", "text/", "/plain", "te xt/plain", "text/plain x", "text/plain;"])
    def test_what_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(ParseError, match=r"is not a media type|is not a parameter"):
            MediaType.parse(text)
