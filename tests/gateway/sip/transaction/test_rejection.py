"""Answers to broken requests."""

from __future__ import annotations

import pytest

from gateway.core.clause import Clause
from gateway.core.errors import GatewayError, ParseError, RemoteProtocolError
from gateway.sip.message import Headers, Request, TooLarge, UnsupportedVersion
from gateway.sip.transaction.rejection import rejection


def request(call_id: str = "call", to: str = "<sip:b@example.org>") -> Request:
    fields = [
        ("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1"),
        ("From", "<sip:a@example.org>;tag=from"),
        ("To", to),
        ("Call-ID", call_id),
        ("CSeq", "1 INVITE"),
    ]
    return Request("INVITE", "sip:b@example.org", Headers(fields))


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (
            ParseError("CSeq: missing", clause=Clause("RFC 3261", "8.1.1")),
            400,
            "Bad Request: CSeq: missing [RFC 3261 §8.1.1]",
        ),
        (ParseError("no colon", 17), 400, "Bad Request: no colon at octet 17"),
        (TooLarge("300 header fields are more than 256"), 413, "Request Entity Too Large: 300 header fields are more"),
        (UnsupportedVersion("'SIP/3.0' is not SIP/2.0"), 505, "Version Not Supported: 'SIP/3.0' is not SIP/2.0"),
        (RemoteProtocolError("too long", sip_status=413), 413, "Request Entity Too Large: too long"),
        (RemoteProtocolError("too strange"), 400, "Bad Request: too strange"),
        (ParseError("x\r\ny\x00z"), 400, "Bad Request: x  y z"),
        (ParseError("x" * 1000), 400, "Bad Request: xxx"),
    ],
)
def test_status_and_reason_follow_the_error(error: GatewayError, status: int, reason: str) -> None:
    response = rejection(request(), error)
    assert response.status == status
    assert response.reason.startswith(reason)
    assert len(response.reason) <= 200
    assert response.reason.isprintable()


@pytest.mark.clause("RFC 3261", "8.2.7")
def test_the_same_request_gets_the_same_to_tag_and_another_one_another() -> None:
    error = ParseError("wrong")
    tags = [rejection(request(call_id), error).to.tag for call_id in ("one", "one", "two")]
    assert tags[0] == tags[1]
    assert tags[0] != tags[2]


@pytest.mark.clause("RFC 3261", "8.2.6.2")
def test_a_to_tag_of_the_request_is_kept() -> None:
    assert rejection(request(to="<sip:b@example.org>;tag=x"), ParseError("wrong")).to.tag == "x"
