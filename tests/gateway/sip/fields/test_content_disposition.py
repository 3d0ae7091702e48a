"""Content-Disposition."""

from __future__ import annotations

import pytest

from gateway.core.errors import ParseError
from gateway.sip.fields.content_disposition import OPTIONAL, REQUIRED, ContentDisposition


@pytest.mark.clause("RFC 3261", "20.11")
class TestContentDisposition:
    def test_type_and_handling(self) -> None:
        value = ContentDisposition.parse("Signal;handling=Optional")
        assert (value.type, value.handling) == ("signal", OPTIONAL)
        assert value.serialize() == "signal;handling=Optional"

    @pytest.mark.clause("RFC 5621", "8")
    def test_handling_is_required_where_nothing_is_said(self) -> None:
        assert ContentDisposition.parse("session").handling == REQUIRED

    @pytest.mark.parametrize("text", ["", ";handling=optional", "session;", "session render"])
    def test_what_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(ParseError, match=r"is not a disposition|is not a parameter"):
            ContentDisposition.parse(text)
