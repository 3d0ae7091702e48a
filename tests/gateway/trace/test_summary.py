"""One line about a message, and whose it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.effects import Flow, Transport
from gateway.trace.journal import NO_CALL, Journal
from gateway.trace.summary import UNREADABLE, isup_message, sip_message, sip_summary

FLOW = Flow(Transport.UDP, ("127.0.0.1", 5060), ("127.0.0.1", 5070))
SDP = "v=0\r\n"

ISUP = bytes.fromhex("8502400010")
"""Service information octet (national, ISUP) and routing label: 1 -> 2, link 1."""


def sip(start_line: str, *headers: str, body: str = "", method: str = "INVITE") -> bytes:
    lines = [
        start_line,
        "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1",
        "From: <sip:alice@example.com>;tag=1",
        "To: <sip:+33199000003@127.0.0.1>",
        "Call-ID: x@host",
        f"CSeq: 1 {method}",
        *headers,
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


class TestSip:
    @pytest.mark.parametrize(
        ("octets", "summary"),
        [
            (sip("INVITE sip:+33199000003@127.0.0.1 SIP/2.0"), "INVITE +33199000003"),
            (sip("INVITE tel:+33199000003 SIP/2.0"), "INVITE +33199000003"),
            (sip("INVITE sip:127.0.0.1 SIP/2.0"), "INVITE 127.0.0.1"),
            (
                sip("INVITE sip:1@h SIP/2.0", "Content-Type: application/sdp", body=SDP),
                "INVITE 1 (SDP)",
            ),
            (sip("SIP/2.0 100 Trying"), "100 Trying"),
            (sip("SIP/2.0 183 Session Progress", "c: application/SDP", body=SDP), "183 Session Progress (SDP)"),
            (sip("SIP/2.0 180 Ringing", "RSeq: 1"), "180 Ringing (reliable)"),
            (sip("SIP/2.0 200 OK", method="BYE"), "200 OK (BYE)"),
            (sip("SIP/2.0 200 "), "200"),
            (sip("SIP/2.0 486 Busy Here", "Reason: Q.850;cause=17"), "486 Busy Here (cause 17)"),
            (sip("SIP/2.0 486 Busy Here", "Reason: SIP;cause=600"), "486 Busy Here"),
            (sip("SIP/2.0 486 Busy Here", "Reason: ;;"), "486 Busy Here"),
            (sip("BYE sip:1@h SIP/2.0", "Reason: q.850 ;cause=16", method="BYE"), "BYE (cause 16)"),
            (
                sip("INFO sip:1@h SIP/2.0", "Content-Type: application/dtmf-relay", body="Signal=5", method="INFO"),
                "INFO (dtmf-relay)",
            ),
            (
                sip("INFO sip:1@h SIP/2.0", "Content-Type: application/ISUP;version=itu-t", body="x", method="INFO"),
                "INFO (ISUP)",
            ),
            (sip("INFO sip:1@h SIP/2.0", body="x", method="INFO"), "INFO (body)"),
            (sip("INFO sip:1@h SIP/2.0", "Content-Type: none", body="x", method="INFO"), "INFO (body)"),
        ],
    )
    def test_the_first_word_is_method_or_status_and_bodies_and_causes_are_named(
        self, octets: bytes, summary: str
    ) -> None:
        assert sip_summary(octets) == summary

    def test_what_cannot_be_read_is_shown_with_the_reason(self) -> None:
        summary = sip_summary(b"\xff\x00garbage\r\nmore")
        assert summary.startswith("unreadable (")
        assert summary.endswith("\\xff\x00garbage")

    @given(st.binary(max_size=200))
    def test_no_octets_are_too_bad(self, octets: bytes) -> None:
        assert sip_message(Journal(), 0.0, False, octets, FLOW).octets == octets

    def test_the_call_id_finds_the_call(self) -> None:
        journal = Journal()
        journal.bind("x@host", "call-1")
        event = sip_message(journal, 1.5, True, sip("SIP/2.0 100 Trying"), FLOW)
        assert (event.at_s, event.call, event.sent, event.summary) == (1.5, "call-1", True, "100 Trying")

    @pytest.mark.parametrize("octets", [b"", sip("OPTIONS sip:h SIP/2.0", method="OPTIONS")])
    def test_others_belong_to_no_call(self, octets: bytes) -> None:
        assert sip_message(Journal(), 0.0, False, octets, FLOW).call == NO_CALL


class TestIsup:
    def test_the_circuit_finds_the_call(self) -> None:
        journal = Journal()
        journal.bind_circuit(1, "call-1")
        event = isup_message(journal, 1.5, False, ISUP + bytes.fromhex("01000c020002 8491".replace(" ", "")))
        assert (event.call, event.cic, event.name) == ("call-1", 1, "REL")
        assert event.summary.startswith("REL ")
        assert "17" in event.summary

    def test_a_circuit_that_no_call_has(self) -> None:
        event = isup_message(Journal(), 0.0, True, ISUP + bytes.fromhex("220112"))
        assert (event.call, event.cic, event.name) == (NO_CALL, 0x122, "RSC")

    @pytest.mark.parametrize(
        ("octets", "cic", "why"),
        [
            (b"", 0, "MTP3 message: 0 octets"),
            (bytes.fromhex("8302400010"), 0, "service indicator 3 is not ISUP"),
            (ISUP + bytes.fromhex("01000c"), 1, "REL"),
        ],
    )
    def test_what_cannot_be_read_is_kept_with_the_reason(self, octets: bytes, cic: int, why: str) -> None:
        event = isup_message(Journal(), 0.0, False, octets)
        assert (event.name, event.cic, event.octets) == (UNREADABLE, cic, octets)
        assert event.summary.startswith("unreadable: ")
        assert why in event.summary

    @given(st.binary(max_size=60))
    def test_no_octets_are_too_bad(self, octets: bytes) -> None:
        assert isup_message(Journal(), 0.0, False, ISUP + octets).octets == ISUP + octets
