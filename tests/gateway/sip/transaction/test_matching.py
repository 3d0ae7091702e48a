"""Which transaction a message belongs to: the two rules as keys."""

from __future__ import annotations

import pytest

from gateway.core.errors import ParseError
from gateway.sip.fields.via import Via
from gateway.sip.message import Request, Response, parse_message, respond
from gateway.sip.transaction.matching import ack_keys, acknowledges, client_key, is_rfc3261, server_key

GOOD = {
    "Via": "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKone",
    "From": "<sip:a@example.org>;tag=from",
    "To": "<sip:b@example.org>",
    "Call-ID": "call",
    "CSeq": "1 INVITE",
}
OLD_VIA = "SIP/2.0/UDP 192.0.2.9:5070"


def request(method: str = "INVITE", uri: str = "sip:b@example.org", **fields: str) -> Request:
    changed = {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{name}: {value}" for name, value in ({**GOOD, "CSeq": f"1 {method}"} | changed).items() if value]
    message = parse_message("\r\n".join([f"{method} {uri} SIP/2.0", *lines, "", ""]).encode())
    assert isinstance(message, Request)
    return message


@pytest.mark.clause("RFC 3261", "17.2.3")
class TestMagicCookie:
    def test_branch_and_sent_by_decide(self) -> None:
        assert server_key(request()) == ("z9hG4bKone", "192.0.2.9:5070")
        other = request(uri="sip:c@example.org", Call_ID="another", To="<sip:c@example.org>;tag=x")
        assert server_key(other) == server_key(request())

    @pytest.mark.parametrize("via", ["192.0.2.8:5070;branch=z9hG4bKone", "192.0.2.9:5070;branch=z9hG4bKtwo"])
    def test_another_branch_or_sent_by_is_another_transaction(self, via: str) -> None:
        assert server_key(request(Via=f"SIP/2.0/UDP {via}")) != server_key(request())

    def test_sent_by_compares_without_regard_to_case(self) -> None:
        one, two = (request(Via=f"SIP/2.0/UDP {host};branch=z9hG4bKone") for host in ("GW.example", "gw.EXAMPLE"))
        assert server_key(one) == server_key(two)

    def test_ack_and_cancel_have_the_key_of_the_invite(self) -> None:
        assert ack_keys(request("ACK", To="<sip:b@example.org>;tag=x")) == (server_key(request()),)
        assert server_key(request("CANCEL")) == server_key(request())

    def test_nothing_but_the_via_need_be_readable(self) -> None:
        assert server_key(request(From="<", To="<", CSeq="x")) == server_key(request())


@pytest.mark.clause("RFC 3261", "17.2.3")
class TestRfc2543:
    @pytest.mark.parametrize("via", [OLD_VIA, f"{OLD_VIA};branch=1", f"{OLD_VIA};branch=xz9hG4bK"])
    def test_a_branch_without_the_cookie_is_none(self, via: str) -> None:
        assert not is_rfc3261(Via.parse(via))

    def test_a_retransmission_matches(self) -> None:
        assert server_key(request(Via=OLD_VIA)) == server_key(request(Via=OLD_VIA))

    @pytest.mark.parametrize(
        "other",
        [
            {"uri": "sip:c@example.org"},
            {"To": "<sip:b@example.org>;tag=x"},
            {"From": "<sip:a@example.org>;tag=other"},
            {"Call_ID": "another"},
            {"CSeq": "2 INVITE"},
            {"Via": f"{OLD_VIA};branch=2"},
        ],
    )
    def test_each_of_the_six_tells_requests_apart(self, other: dict[str, str]) -> None:
        assert server_key(request(**({"Via": OLD_VIA} | other))) != server_key(request(Via=OLD_VIA))

    def test_ack_looks_for_an_invite_without_to_tag_and_with_it(self) -> None:
        first = server_key(request(Via=OLD_VIA))
        later = server_key(request(Via=OLD_VIA, To="<sip:b@example.org>;tag=x"))
        assert ack_keys(request("ACK", Via=OLD_VIA, To="<sip:b@example.org>;tag=x")) == (first, later)
        assert ack_keys(request("ACK", Via=OLD_VIA)) == (first,)

    def test_ack_is_for_the_response_whose_to_tag_it_has(self) -> None:
        response = respond(request(), 486, to_tag="x")
        assert acknowledges(request("ACK", To="<sip:b@example.org>;tag=x"), response)
        assert not acknowledges(request("ACK", To="<sip:b@example.org>;tag=y"), response)
        assert not acknowledges(request("ACK", To="<sip:b@example.org>;tag=x"), None)

    def test_what_cannot_be_read_is_said(self) -> None:
        with pytest.raises(ParseError, match=r"^CSeq: 'x' is not a number and a method"):
            server_key(request(Via=OLD_VIA, CSeq="x"))


@pytest.mark.clause("RFC 3261", "17.1.3")
class TestResponses:
    def test_branch_and_the_method_of_CSeq_decide(self) -> None:
        assert client_key(respond(request(), 200)) == ("z9hG4bKone", "INVITE")
        assert client_key(respond(request("CANCEL"), 200)) == ("z9hG4bKone", "CANCEL")

    def test_without_a_branch(self) -> None:
        assert client_key(respond(request(Via=OLD_VIA), 200)) == ("", "INVITE")

    def test_without_a_via(self) -> None:
        message = parse_message(b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n")
        assert isinstance(message, Response)
        with pytest.raises(ParseError, match="Via: missing"):
            client_key(message)
