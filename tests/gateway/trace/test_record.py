"""Call records: what became of a call, from its journal."""

from __future__ import annotations

import pytest

from gateway.sip.effects import Flow, Transport
from gateway.trace.journal import Event, IsupMessage, Journal, Note, SipMessage, Sound
from gateway.trace.record import CallRecord
from gateway.trace.summary import isup_message, sip_message

FLOW = Flow(Transport.UDP, ("127.0.0.1", 5060), ("127.0.0.1", 5070))
CALL = "call-1"
CIC = 5
LABEL = "8502400050"
IAM = "0500010020000a03020a0884103391090000030a0884112121550501 0000".replace(" ", "")
ACM = "05000612040129010100"
ANM = "05000900"
CON = "050007120400"
RLC = "05001000"


def rel(cause: int) -> str:
    return f"05000c02000284{0x80 | cause:02x}"


def journal() -> Journal:
    made = Journal()
    made.bind("x@host", CALL)
    made.bind_circuit(CIC, CALL)
    return made


def sip(at_s: float, sent: bool, start_line: str, method: str = "INVITE") -> SipMessage:
    octets = (
        f"{start_line}\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n"
        "From: <sip:+12125550100@example.com>;tag=1\r\nTo: <sip:other@127.0.0.1>\r\nCall-ID: x@host\r\n"
        f"CSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    return sip_message(journal(), at_s, sent, octets, FLOW)


def isup(at_s: float, sent: bool, octets: str) -> IsupMessage:
    return isup_message(journal(), at_s, sent, bytes.fromhex(LABEL + octets))


INVITE = sip(1.0, False, "INVITE sip:+33199000003@127.0.0.1 SIP/2.0")


class TestRecord:
    def test_a_call_that_was_busy(self) -> None:
        events: list[Event] = [
            INVITE,
            sip(1.01, True, "SIP/2.0 100 Trying"),
            isup(1.02, True, IAM),
            isup(1.03, False, ACM),
            sip(1.04, True, "SIP/2.0 183 Session Progress"),
            Sound(1.6, CALL, "caller", "busy (fr)"),
            Sound(1.6, CALL, "network", "busy (fr)"),
            isup(11.0, False, rel(17)),
            isup(11.0, True, RLC),
            sip(11.01, True, "SIP/2.0 486 Busy Here"),
            sip(11.02, False, "ACK sip:+33199000003@127.0.0.1 SIP/2.0", "ACK"),
        ]
        record = CallRecord.of(CALL, events)
        assert record == CallRecord(
            call=CALL,
            from_="+12125550100",
            to="+33199000003",
            cic=CIC,
            started_s=1.0,
            answered_s=None,
            ended_s=11.0,
            cause=17,
            sip_status=486,
            heard=("busy (fr)",),
        )
        assert record.duration_s is None

    def test_a_call_that_was_answered(self) -> None:
        events: list[Event] = [
            INVITE,
            isup(1.02, True, IAM),
            isup(4.0, False, ANM),
            sip(4.01, True, "SIP/2.0 200 OK"),
            sip(9.0, False, "BYE sip:1@h SIP/2.0", "BYE"),
            sip(9.0, True, "SIP/2.0 200 OK", "BYE"),
            isup(9.01, True, rel(16)),
        ]
        record = CallRecord.of(CALL, events)
        assert (record.answered_s, record.ended_s, record.duration_s) == (4.0, 9.0, 5.0)
        assert (record.cause, record.sip_status) == (16, 200)

    def test_a_call_that_the_exchange_connects_at_once(self) -> None:
        assert CallRecord.of(CALL, [INVITE, isup(1.02, True, IAM), isup(1.1, False, CON)]).answered_s == 1.1

    def test_a_call_that_never_reached_the_exchange(self) -> None:
        record = CallRecord.of(CALL, [INVITE, sip(1.1, True, "SIP/2.0 488 Not Acceptable Here")])
        assert (record.sip_status, record.cause, record.cic, record.ended_s) == (488, None, None, 1.1)

    def test_a_later_invite_in_the_dialog_changes_nothing(self) -> None:
        events: list[Event] = [
            INVITE,
            sip(2.0, True, "SIP/2.0 200 OK"),
            sip(3.0, False, "INVITE sip:gateway@127.0.0.1 SIP/2.0"),
            sip(3.1, True, "SIP/2.0 491 Request Pending"),
        ]
        record = CallRecord.of(CALL, events)
        assert (record.to, record.started_s, record.sip_status, record.ended_s) == ("+33199000003", 1.0, 200, None)

    def test_after_dual_seizure_the_circuit_is_the_last_one(self) -> None:
        events: list[Event] = [
            INVITE,
            isup(1.0, True, IAM),
            isup_message(_bound(7), 1.1, True, bytes.fromhex(LABEL + "07" + IAM[2:])),
        ]
        assert CallRecord.of(CALL, events).cic == 7

    def test_other_calls_and_remarks_are_passed_over(self) -> None:
        record = CallRecord.of(CALL, [Note(0.0, CALL, "x"), Sound(0.0, "call-2", "caller", "busy (fr)")])
        assert record == CallRecord(CALL)

    @pytest.mark.parametrize(
        "event",
        [
            SipMessage(0.0, CALL, False, "INVITE", b"INVITE sip:x SIP/2.0\r\n\r\n", FLOW),
            SipMessage(0.0, CALL, False, "garbage", b"\xff", FLOW),
            IsupMessage(0.0, CALL, False, CIC, "ACM", "ACM", b"\x85"),
        ],
    )
    def test_messages_that_cannot_be_read_change_nothing(self, event: Event) -> None:
        assert CallRecord(CALL).after(event) == CallRecord(CALL)

    def test_a_release_that_cannot_be_read_ends_the_call_without_a_cause(self) -> None:
        record = CallRecord(CALL).after(IsupMessage(3.0, CALL, False, CIC, "REL", "REL", b"\x85"))
        assert (record.ended_s, record.cause) == (3.0, None)


def _bound(cic: int) -> Journal:
    made = journal()
    made.bind_circuit(cic, CALL)
    return made
