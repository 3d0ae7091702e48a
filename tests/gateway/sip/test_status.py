"""Reason phrases."""

from __future__ import annotations

import re

import pytest

from gateway.sip.status import REASON_PHRASES, reason_phrase


@pytest.mark.clause("RFC 3261", "21")
class TestReasonPhrases:
    def test_every_code_is_in_range_and_every_phrase_is_printable(self) -> None:
        for status, phrase in REASON_PHRASES.items():
            assert 100 <= status <= 699
            assert re.fullmatch(r"[A-Z][A-Za-z/ -]+", phrase)

    @pytest.mark.parametrize(
        ("status", "phrase"),
        [
            (183, "Session Progress"),
            (481, "Call/Transaction Does Not Exist"),
            (504, "Server Time-out"),
            (603, "Decline"),
        ],
    )
    def test_well_known_ones(self, status: int, phrase: str) -> None:
        assert reason_phrase(status) == phrase

    @pytest.mark.clause("RFC 3261", "7.2")
    @pytest.mark.parametrize(
        ("status", "phrase"),
        [
            (199 - 10, "Provisional"),
            (299, "Success"),
            (399, "Redirection"),
            (499, "Request Failure"),
            (599, "Server Failure"),
            (699, "Global Failure"),
            (700, "Unknown"),
        ],
    )
    def test_unknown_codes_have_the_name_of_their_class(self, status: int, phrase: str) -> None:
        assert reason_phrase(status) == phrase
