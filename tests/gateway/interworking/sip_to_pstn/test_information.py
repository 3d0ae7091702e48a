"""INFO in a call, both ways, as ladders (see `conftest`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.ss7.isup.call_indicators import SuspendResumeIndicators

if TYPE_CHECKING:
    from tests.gateway.interworking.conftest import Ladder

TAKES_ISUP = (("Accept", "application/sdp, application/ISUP"),)


class TestInfo:
    @pytest.mark.clause("RFC 6086", "4.2")
    def test_a_digit_before_the_answer_has_no_way(self, ladder: Ladder) -> None:
        ladder.ring()
        ladder.take()
        assert ladder.info("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n") == 403
        ladder.shows("""
            -> INFO body
            . INFO: 403: before the answer the forward path is closed [RFC 3398 §7.2.7]
            <- 403
        """)

    def test_a_digit_after_it_goes_onto_the_circuit(self, ladder: Ladder) -> None:
        ladder.connect()
        assert ladder.info("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n") == 200
        ladder.shows("""
            -> INFO body
            . INFO: DTMF '5' for 160 ms onto the circuit [RFC 6086 §4.2]
            ~ digit 5 on CIC 1
            <- 200
        """)

    @pytest.mark.parametrize("answered", [True, False])
    @pytest.mark.parametrize(
        ("content_type", "body", "headers", "status"),
        [
            ("application/dtmf-relay", b"Signal=55", (), 400),
            ("text/plain", b"hello", (), 415),
            ("application/isup;version=itu-t92+", b"\x0d\x02\x00", (), 200),
            ("", b"", (), 200),
            ("application/dtmf-relay", b"Signal=5", (("Info-Package", "dtmf"),), 469),
        ],
    )
    def test_what_else_comes_is_answered(
        self,
        ladder: Ladder,
        answered: bool,
        content_type: str,
        body: bytes,
        headers: tuple[tuple[str, str], ...],
        status: int,
    ) -> None:
        if answered:
            ladder.connect()
        else:
            ladder.ring()
        assert ladder.info(content_type, body, headers) == status
        assert "digit" not in ladder.take(decisions=False)


@pytest.mark.clause("RFC 3398", "9.1")
class TestSuspendAndResume:
    def suspend(self, ladder: Ladder) -> None:
        ladder.do(ladder.pstn.suspend, SuspendResumeIndicators(network_initiated=True))

    def test_a_caller_that_takes_isup_gets_them_in_info(self, ladder: Ladder) -> None:
        ladder.connect(headers=TAKES_ISUP)
        self.suspend(ladder)
        info = ladder.caller.got("INFO")
        ladder.caller.answer(info, 200)
        ladder.do(ladder.pstn.resume, SuspendResumeIndicators(network_initiated=True))
        ladder.caller.answer(ladder.caller.got("INFO"), 200)
        ladder.shows("""
            <= SUS
            . SUS: relayed in INFO: the caller takes ISUP [RFC 3398 §9.1]
            <- INFO body
            -> 200
            <= RES
            . RES: relayed in INFO: the caller takes ISUP [RFC 3398 §9.1]
            <- INFO body
            -> 200
        """)
        assert info.headers.get("Content-Type") == "application/ISUP;version=itu-t92+;base=itu-t92+"
        assert info.body[0] == 0x0D

    def test_others_are_not_bothered(self, ladder: Ladder) -> None:
        ladder.connect()
        self.suspend(ladder)
        ladder.shows("<= SUS\n. SUS: not relayed: the caller has never used ISUP [RFC 3398 §9.1]")
        assert list(ladder.gateway.calls) == ["call-1"]

    @pytest.mark.clause("RFC 3398", "5.6")
    @pytest.mark.parametrize("status", [405, 415, 501])
    def test_a_refused_info_does_not_end_the_call(self, ladder: Ladder, status: int) -> None:
        ladder.connect(headers=TAKES_ISUP)
        self.suspend(ladder)
        ladder.caller.answer(ladder.caller.got("INFO"), status)
        assert f". {status} to INFO: the call goes on [RFC 3398 §5.6]" in ladder.take()
        ladder.run(60)
        assert list(ladder.gateway.calls) == ["call-1"]

    @pytest.mark.clause("RFC 3261", "12.2.1.2")
    def test_an_info_that_finds_no_dialog_does_and_nothing_stays_behind(self, ladder: Ladder) -> None:
        ladder.connect(headers=TAKES_ISUP)
        self.suspend(ladder)
        ladder.caller.answer(ladder.caller.got("INFO"), 481)
        ladder.caller.answer(ladder.caller.got("BYE"), 481)
        ladder.shows("""
            <= SUS
            . SUS: relayed in INFO: the caller takes ISUP [RFC 3398 §9.1]
            <- INFO body
            -> 481
            . 481 to INFO: BYE, REL 41: the dialog is lost [RFC 3261 §12.2.1.2]
            ~ media released
            <- BYE
            => REL 41
            <= RLC
            -> 481
        """)
        assert not ladder.left()
