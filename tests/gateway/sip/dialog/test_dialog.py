from __future__ import annotations

import pytest

from gateway.core.errors import ParseError
from gateway.sip.dialog.dialog import Dialog, DialogId, dialog_id_of_request, dialog_id_of_response
from gateway.sip.effects import Flow, Transport
from gateway.sip.message import Request, Response, parse_message

FLOW = Flow(Transport.UDP, ("192.0.2.1", 5060), ("192.0.2.2", 5060))
TCP = Flow(Transport.TCP, ("192.0.2.1", 5060), ("192.0.2.2", 49152), 7)


def invite(*lines: str) -> Request:
    text = [
        "INVITE sip:bob@192.0.2.1 SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1",
        'From: "Alice" <sip:alice@example.com>;tag=a',
        "To: <sip:bob@example.com>",
        "Call-ID: 1@example.com",
        "CSeq: 314 INVITE",
        *lines,
        "",
        "",
    ]
    message = parse_message("\r\n".join(text).encode())
    assert isinstance(message, Request)
    return message


def response(*lines: str, status: int = 200) -> Response:
    text = [
        f"SIP/2.0 {status} OK",
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        'From: "Alice" <sip:alice@example.com>;tag=a',
        "To: <sip:bob@example.com>;tag=b",
        "Call-ID: 1@example.com",
        "CSeq: 314 INVITE",
        *lines,
        "",
        "",
    ]
    message = parse_message("\r\n".join(text).encode())
    assert isinstance(message, Response)
    return message


def of_server(*lines: str, flow: Flow = FLOW) -> Dialog:
    return Dialog.of_server(invite("Contact: <sip:alice@192.0.2.9:5070;x=1>", *lines), "b", flow)


def of_client(*lines: str) -> Dialog:
    return Dialog.of_client(invite(), response("Contact: <sip:bob@192.0.2.7>", *lines), FLOW)


class TestConstruction:
    """RFC 3261 §12.1."""

    @pytest.mark.clause("RFC 3261", "12.1.1")
    def test_the_callee_takes_its_state_from_the_invite_and_its_own_tag(self) -> None:
        dialog = of_server("Record-Route: <sip:p1;lr>, <sip:p2;lr;x>", "Record-Route: <sip:p3;lr>")
        assert dialog.id == DialogId("1@example.com", "b", "a")
        assert dialog.local == "<sip:bob@example.com>;tag=b"
        assert dialog.remote == '"Alice" <sip:alice@example.com>;tag=a'
        assert dialog.remote_target.serialize() == "sip:alice@192.0.2.9:5070;x=1"
        assert dialog.route_set == ("<sip:p1;lr>", "<sip:p2;lr;x>", "<sip:p3;lr>")
        assert (dialog.local_sequence, dialog.remote_sequence) == (None, 314)
        assert not dialog.owns_call_id

    @pytest.mark.clause("RFC 3261", "12.1.2")
    def test_the_caller_takes_its_state_from_the_response_with_the_route_set_reversed(self) -> None:
        dialog = of_client("Record-Route: <sip:p1;lr>, <sip:p2;lr;x>", "Record-Route: <sip:p3;lr>")
        assert dialog.id == DialogId("1@example.com", "a", "b")
        assert dialog.local == '"Alice" <sip:alice@example.com>;tag=a'
        assert dialog.remote == "<sip:bob@example.com>;tag=b"
        assert dialog.remote_target.serialize() == "sip:bob@192.0.2.7"
        assert dialog.route_set == ("<sip:p3;lr>", "<sip:p2;lr;x>", "<sip:p1;lr>")
        assert (dialog.local_sequence, dialog.remote_sequence) == (314, None)
        assert dialog.owns_call_id

    @pytest.mark.clause("RFC 3261", "12.1.1")
    def test_a_caller_without_a_tag_has_an_empty_one(self) -> None:
        request = invite("Contact: <sip:alice@192.0.2.9>")
        request.headers.set("From", "<sip:alice@example.com>")
        assert Dialog.of_server(request, "b", FLOW).id == DialogId("1@example.com", "b", "")

    def test_without_a_contact_there_is_no_dialog(self) -> None:
        with pytest.raises(ParseError, match="INVITE without Contact"):
            Dialog.of_server(invite(), "b", FLOW)
        with pytest.raises(ParseError, match="183 without Contact"):
            Dialog.of_client(invite(), response(status=183), FLOW)

    def test_both_ends_find_the_same_dialog(self) -> None:
        request = invite("Contact: <sip:alice@192.0.2.9>")
        request.headers.set("To", "<sip:bob@example.com>;tag=b")
        assert dialog_id_of_request(request) == of_server().id
        assert dialog_id_of_response(response()) == of_client().id


class TestRequests:
    """RFC 3261 §12.2.1.1."""

    @pytest.mark.clause("RFC 3261", "12.2.1.1")
    def test_sequence_numbers_rise_by_one(self) -> None:
        callee, caller = of_server(), of_client()
        assert [callee.request("INFO").cseq.number for _ in range(3)] == [1, 2, 3]
        assert [caller.request("INFO").cseq.number for _ in range(3)] == [315, 316, 317]

    @pytest.mark.clause("RFC 3261", "13.2.2.4")
    def test_an_ack_has_the_number_of_the_invite_and_takes_none(self) -> None:
        caller = of_client()
        assert caller.request("ACK", sequence=314).headers.get("CSeq") == "314 ACK"
        assert caller.request("BYE").cseq.number == 315

    def test_tags_and_call_id_are_the_dialog_s(self) -> None:
        request = of_server().request("BYE", [("Reason", "Q.850;cause=16")])
        assert request.headers.get("From") == "<sip:bob@example.com>;tag=b"
        assert request.headers.get("To") == '"Alice" <sip:alice@example.com>;tag=a'
        assert request.call_id == "1@example.com"
        assert request.headers.get("Reason") == "Q.850;cause=16"
        assert request.max_forwards == 70

    @pytest.mark.clause("RFC 3261", "12.2.1.1")
    def test_without_a_route_set_the_remote_target_is_the_request_uri(self) -> None:
        dialog = of_server()
        request = dialog.request("BYE")
        assert request.uri == "sip:alice@192.0.2.9:5070;x=1"
        assert "Route" not in request.headers
        assert dialog.next_hop == Flow(Transport.UDP, ("192.0.2.1", 5060), ("192.0.2.9", 5070))

    @pytest.mark.clause("RFC 3261", "12.2.1.1")
    def test_loose_routing_keeps_the_remote_target_in_the_request_uri(self) -> None:
        dialog = of_server("Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com>")
        request = dialog.request("BYE")
        assert request.uri == "sip:alice@192.0.2.9:5070;x=1"
        assert request.headers.values("Route") == ["<sip:p1.example.com;lr>", "<sip:p2.example.com>"]
        assert dialog.next_hop.remote == ("p1.example.com", 5060)

    @pytest.mark.clause("RFC 3261", "12.2.1.1")
    def test_strict_routing_as_in_the_example_of_the_clause(self) -> None:
        lines = "Record-Route: <sip:proxy1;method=INVITE>,<sip:proxy2>,<sip:proxy3;lr>,<sip:proxy4>"
        dialog = Dialog.of_server(invite("Contact: <sip:user@remoteua>", lines), "b", FLOW)
        request = dialog.request("INFO")
        assert request.uri == "sip:proxy1"
        assert request.headers.values("Route") == [
            "<sip:proxy2>",
            "<sip:proxy3;lr>",
            "<sip:proxy4>",
            "<sip:user@remoteua>",
        ]
        assert dialog.next_hop.remote == ("proxy1", 5060)

    def test_a_body_has_its_type(self) -> None:
        request = of_server().request("INFO", (), b"Signal=5", "application/dtmf-relay")
        assert request.headers.get("Content-Type") == "application/dtmf-relay"
        assert request.body == b"Signal=5"


class TestNextHop:
    """RFC 3261 §8.1.2, §18.1.1."""

    def test_over_tcp_the_connection_in_use_leads_to_the_same_host(self) -> None:
        request = invite("Contact: <sip:alice@192.0.2.2:5070;transport=tcp>")
        assert Dialog.of_server(request, "b", TCP).next_hop is TCP

    def test_over_tcp_another_host_gets_another_connection(self) -> None:
        request = invite("Contact: <sip:alice@192.0.2.9:5070;transport=tcp>")
        hop = Dialog.of_server(request, "b", TCP).next_hop
        assert (hop.transport, hop.remote, hop.connection) == (Transport.TCP, ("192.0.2.9", 5070), 0)

    def test_the_uri_may_ask_for_another_transport(self) -> None:
        request = invite("Contact: <sip:alice@192.0.2.2;transport=TCP>")
        assert Dialog.of_server(request, "b", FLOW).next_hop.transport is Transport.TCP

    def test_a_uri_without_a_host_leads_back_where_the_request_came_from(self) -> None:
        assert Dialog.of_server(invite("Contact: <tel:+12125550100>"), "b", FLOW).next_hop is FLOW

    def test_maddr_and_ipv6_references(self) -> None:
        one = Dialog.of_server(invite("Contact: <sip:a@example.com;maddr=192.0.2.44>"), "b", FLOW)
        other = Dialog.of_server(invite("Contact: <sip:a@[2001:db8::1]:5080>"), "b", FLOW)
        assert one.next_hop.remote == ("192.0.2.44", 5060)
        assert other.next_hop.remote == ("2001:db8::1", 5080)


class TestIncoming:
    """RFC 3261 §12.2.2."""

    @pytest.mark.clause("RFC 3261", "12.2.2")
    def test_a_lower_number_is_out_of_order_and_a_gap_is_not(self) -> None:
        dialog = of_server()
        assert not dialog.in_order(313)
        assert not dialog.in_order(314)
        assert dialog.in_order(400)
        assert not dialog.in_order(399)

    @pytest.mark.clause("RFC 3261", "12.2.2")
    def test_the_first_request_from_the_callee_sets_the_number(self) -> None:
        dialog = of_client()
        assert dialog.in_order(0)
        assert dialog.remote_sequence == 0

    @pytest.mark.clause("RFC 3261", "12.2.2")
    def test_a_target_refresh_moves_the_remote_target(self) -> None:
        dialog = of_server()
        assert dialog.request("INFO").uri == "sip:alice@192.0.2.9:5070;x=1"
        dialog.refresh_target(invite("Contact: <sip:alice@192.0.2.10>"))
        assert dialog.request("INFO").uri == "sip:alice@192.0.2.10"
        assert dialog.next_hop.remote == ("192.0.2.10", 5060)
        dialog.refresh_target(invite())
        assert dialog.request("INFO").uri == "sip:alice@192.0.2.10"

    @pytest.mark.clause("RFC 3261", "13.2.2.4")
    def test_a_2xx_recomputes_the_route_set_but_not_the_numbers(self) -> None:
        dialog = of_client()
        dialog.request("PRACK")
        dialog.confirm(response("Contact: <sip:bob@192.0.2.8>", "Record-Route: <sip:p1;lr>, <sip:p2;lr>"))
        assert dialog.route_set == ("<sip:p2;lr>", "<sip:p1;lr>")
        assert dialog.request("BYE").cseq.number == 316
