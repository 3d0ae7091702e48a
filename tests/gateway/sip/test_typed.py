"""Typed access to header fields."""

from __future__ import annotations

import pytest

from gateway.core.errors import ParseError
from gateway.sip.fields.cseq import CSeq
from gateway.sip.fields.rack import RAck
from gateway.sip.fields.reason import Reason
from gateway.sip.fields.via import Via
from gateway.sip.message import Headers, Request


def request(*items: tuple[str, str]) -> Request:
    return Request("INVITE", "sip:a@b", Headers(items))


class TestValues:
    def test_absent_ones(self) -> None:
        message = request()
        for name in ("vias", "contacts", "route", "record_route", "reasons"):
            assert getattr(message, name) == []
        for name in ("contact", "content_type", "content_length", "max_forwards", "rack", "rseq", "expires"):
            assert getattr(message, name) is None
        assert message.require == message.supported == message.allow == frozenset()
        assert message.accept == ()
        assert not message.is_wildcard_contact

    def test_each_is_read_by_its_type(self) -> None:
        message = request(
            ("v", "SIP/2.0/UDP a;branch=z9hG4bK1 , SIP/2.0/TCP b"),
            ("Via", "SIP/2.0/TLS c"),
            ("m", "<sip:a@b>;q=1, sip:c@d"),
            ("Route", "<sip:r1;lr>,<sip:r2;lr>"),
            ("c", "Application/SDP ; charset=utf-8"),
            ("Expires", "3600"),
            ("Require", "100rel"),
            ("Require", "Timer , ,"),
            ("k", ""),
            ("Allow", "INVITE,ACK"),
            ("Accept", "application/sdp;level=1, Text/*"),
            ("RAck", "776656 1 INVITE"),
            ("RSeq", "988789"),
            ("Reason", 'SIP ;cause=600 ;text="Busy, everywhere", Q.850;cause=17'),
        )
        assert [via.transport for via in message.vias] == ["UDP", "TCP", "TLS"]
        assert message.via == message.vias[0]
        assert [contact.uri.host for contact in message.contacts] == ["b", "d"]
        assert message.contact == message.contacts[0]
        assert [route.uri.host for route in message.route] == ["r1", "r2"]
        assert message.content_type is not None
        assert str(message.content_type) == "application/sdp"
        assert message.expires == 3600
        assert message.require == {"100rel", "timer"}
        assert message.tokens("Require") == ("100rel", "Timer")
        assert message.supported == frozenset()
        assert message.allow == {"INVITE", "ACK"}
        assert message.accept == ("application/sdp", "text/*")
        assert message.rack == RAck(776656, CSeq(1, "INVITE"))
        assert message.rseq == 988789
        assert message.reasons == [Reason("SIP", 600, "Busy, everywhere"), Reason("Q.850", 17)]

    @pytest.mark.parametrize(
        ("name", "value", "read", "why"),
        [
            ("RSeq", "0", "rseq", "RSeq: response number 0 is less than 1"),
            ("RSeq", "4294967296", "rseq", "RSeq: response number '4294967296' is more than 4294967295"),
            ("Expires", "4294967296", "expires", "Expires: number of seconds '4294967296' is more than"),
            ("Require", "a b", "require", "Require: 'a b' is not a token"),
            ("Accept", "x", "accept", "Accept: 'x' is not a media type"),
            ("Contact", "", "contacts", "Contact: '' is not a URI: it has no scheme"),
            ("Via", ",SIP/2.0/UDP a", "via", "Via: '' does not begin with protocol/version/transport and a host"),
            ("Content-Type", "text", "content_type", "Content-Type: 'text' is not a media type"),
        ],
    )
    def test_a_broken_one_is_named(self, name: str, value: str, read: str, why: str) -> None:
        with pytest.raises(ParseError) as caught:
            getattr(request((name, value)), read)
        assert caught.value.message.startswith(why)

    @pytest.mark.clause("RFC 3261", "7.3.1")
    def test_two_where_there_may_be_one(self) -> None:
        with pytest.raises(ParseError, match=r"^Content-Type: appears 2 times"):
            _ = request(("Content-Type", "a/b"), ("c", "a/b")).content_type

    @pytest.mark.clause("RFC 3261", "10.2.2")
    def test_the_wildcard_contact(self) -> None:
        assert request(("Contact", "*")).is_wildcard_contact
        assert request(("Contact", "*")).contact is None
        with pytest.raises(ParseError):
            _ = request(("Contact", "*"), ("Contact", "<sip:a@b>")).contacts

    def test_via_below_a_broken_one_can_wait(self) -> None:
        message = request(("Via", "SIP/2.0/UDP a, nonsense"))
        assert message.via.host == "a"
        with pytest.raises(ParseError):
            _ = message.vias


class TestMemory:
    def test_a_value_is_parsed_once_until_something_changes(self) -> None:
        message = request(("From", "<sip:a@b>;tag=1"), ("Via", "SIP/2.0/UDP a"))
        assert message.from_ is message.from_
        assert message.via is message.via
        message.headers.set("From", "<sip:a@b>;tag=2")
        assert message.from_.tag == "2"

    def test_a_list_is_the_callers_own(self) -> None:
        message = request(("Route", "<sip:a>"))
        message.route.clear()
        assert len(message.route) == 1

    def test_any_header_field_can_be_typed(self) -> None:
        message = request(("Session-Expires", "90"))
        assert message.optional("Session-Expires", int) == 90
        assert message.one("Session-Expires", int) == 90
        with pytest.raises(ParseError, match=r"^Min-SE: missing"):
            message.one("Min-SE", int)


@pytest.mark.clause("RFC 3261", "18.2.1")
class TestViaChanges:
    def test_the_top_value_is_replaced_and_the_others_stay(self) -> None:
        message = request(("Via", "SIP/2.0/UDP a;rport, SIP/2.0/UDP b"), ("Via", "SIP/2.0/UDP c"))
        message.replace_via(message.via.with_param("rport", "5060").with_param("received", "::1"))
        assert message.headers.lines("Via") == ["SIP/2.0/UDP a;rport=5060;received=::1, SIP/2.0/UDP b", "SIP/2.0/UDP c"]
        assert message.via.rport == 5060
        assert message.vias[0] == message.via

    def test_push_and_pop(self) -> None:
        message = request(("From", "x"), ("Via", "SIP/2.0/UDP a, SIP/2.0/UDP b"))
        message.push_via(Via("UDP", "top", 5060))
        assert [via.host for via in message.vias] == ["top", "a", "b"]
        message.pop_via()
        message.pop_via()
        assert message.headers.lines("Via") == ["SIP/2.0/UDP b"]
        message.pop_via()
        assert "Via" not in message.headers
