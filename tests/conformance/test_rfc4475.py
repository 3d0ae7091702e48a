"""The torture messages of RFC 4475, every one of the 49, as far as a parser decides about them.

What the RFC leaves to the layers above is not decided here; the facts they need are asserted instead:

- transaction layer: badbranch (400, or matching as in RFC 2543), dropping scalarlg, bigcode and bcast;
- user agent: 501 for the methods of intmeth, esc02 and mismatch02, 416 for unkscm and novelsc, 420 for bext01, 415 for
  invut, 406 or 400 for sdp01; the Date of baddate and the URI headers of escruri ignored; Max-Forwards of zero taken by
  an endpoint (zeromf); a dialog without tags (inv2543);
- registrar: escnull, unksm2, regaut01, cparam01, cparam02, regescrt.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.core.errors import ParseError
from gateway.sip.body import parts
from gateway.sip.fields.name_addr import NameAddr
from gateway.sip.framing import StreamFramer
from gateway.sip.message import Request, Response, UnsupportedVersion, parse_message, respond, salvage, validate

DATA = Path(__file__).parent.parent / "data" / "rfc4475"
NAMES = sorted(path.stem for path in DATA.glob("*.dat"))

UNREADABLE = {
    "baddn": "no empty line",
    "bigcode": "Status-Line: '4294967301' is not a status code",
    "clerr": "Content-Length: 9999 octets of body announced, 154 came",
    "lwsruri": "Request-Line: 'INVITE sip:user@example.com; lr SIP/2.0' is not a method, a URI and a version",
    "lwsstart": "Request-Line: 'INVITE  sip:user@example.com  SIP/2.0' is not a method",
    "mcl01": "Content-Length: appears twice",
    "multi01": "CSeq: appears twice",
    "ncl": "Content-Length: length '-999' is not a number",
    "trws": "Request-Line: 'OPTIONS sip:remote-target@example.com SIP/2.0  ' is not a method",
}
INVALID = {
    "badaspec": "To: ' sip:t.watson@example.org ' is not a URI",
    "badinv01": "Via: ';;' is not a parameter",
    "badvers": "'SIP/7.0' is not SIP/2.0",
    "insuf": "From: missing",
    "ltgtruri": "Request-URI: '<sip:user@example.com>' is not a URI",
    "mismatch01": "CSeq: method 'INVITE' in a request 'OPTIONS'",
    "mismatch02": "CSeq: method 'INVITE' in a request 'NEWMETHOD'",
    "quotbal": "To: '\"Mr. J. User <sip:j.user@example.com>' is neither",
    "regbadct": "Contact: 'sip:user@example.com?Route=%3Csip:sip.example.co'...: a URI with '?'",
    "scalar02": "CSeq: '36893488147419103232' is not below 2**31",
    "scalarlg": "CSeq: '9292394834772304023312' is not below 2**31",
}
VALID = [name for name in NAMES if name not in UNREADABLE and name not in INVALID]


def octets(name: str) -> bytes:
    return (DATA / f"{name}.dat").read_bytes()


def request(name: str) -> Request:
    message = parse_message(octets(name))
    assert isinstance(message, Request)
    validate(message)
    return message


def response(name: str) -> Response:
    message = parse_message(octets(name))
    assert isinstance(message, Response)
    validate(message)
    return message


def raw_lines(data: bytes) -> list[bytes]:
    """The header section without folding and without white space around the first colon."""
    head = data.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    lines = []
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        lines.append(b" ".join((name.strip() + b": " + value.strip()).split()))
    return lines


def test_there_are_forty_nine() -> None:
    assert len(NAMES) == 49
    assert set(UNREADABLE) | set(INVALID) <= set(NAMES)


@pytest.mark.parametrize("name", VALID)
class TestTheWellFormedOnes:
    def test_are_read_and_valid(self, name: str) -> None:
        validate(parse_message(octets(name)))

    def test_survive_serialize_header_for_header_and_octet_for_octet(self, name: str) -> None:
        message = parse_message(octets(name))
        written = message.serialize()
        ignored = b"content-length", b"l"
        before = [line for line in raw_lines(octets(name)) if line.partition(b":")[0].lower() not in ignored]
        after = [line for line in raw_lines(written) if line.partition(b":")[0].lower() not in ignored]
        assert after == before
        again = parse_message(written)
        assert again.body == message.body
        assert again.serialize() == written


@pytest.mark.parametrize(("name", "why"), UNREADABLE.items())
def test_what_cannot_be_read_says_why(name: str, why: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_message(octets(name))
    assert why in str(caught.value)
    assert caught.value.message.isascii() and caught.value.message.isprintable()


@pytest.mark.parametrize(("name", "why"), INVALID.items())
def test_what_is_read_but_wrong_says_why(name: str, why: str) -> None:
    message = parse_message(octets(name))
    with pytest.raises(ParseError) as caught:
        validate(message)
    assert caught.value.message.startswith(why)
    assert caught.value.message.isascii() and caught.value.message.isprintable()


@pytest.mark.parametrize("name", [name for name in {**UNREADABLE, **INVALID} if name not in ("bigcode", "scalarlg")])
def test_every_broken_request_can_be_answered_400(name: str) -> None:
    saved = salvage(octets(name))
    assert saved is not None
    answer = parse_message(respond(saved, 400, "because", to_tag="t1").serialize())
    assert isinstance(answer, Response)
    assert answer.cseq if name != "scalar02" else answer.headers.get("CSeq")
    assert answer.via.host
    assert (answer.headers.get("To") or "").count("tag=") == (0 if name == "insuf" else 1)


@pytest.mark.parametrize("name", ["bigcode", "scalarlg", "bcast", "noreason", "unreason"])
def test_a_response_is_never_answered(name: str) -> None:
    assert salvage(octets(name)) is None


@pytest.mark.clause("RFC 4475", "3.1.1")
class TestSyntaxOfValidMessages:
    def test_3_1_1_1_a_short_tortuous_invite(self) -> None:
        message = request("wsinv")
        assert message.request_uri.parameters.items == (("unknownparam", None),)
        assert message.to.uri.serialize() == "sip:vivekg@chair-dnrc.example.com"
        assert message.to.tag == "1918181833n"
        assert message.from_.display_name == 'J Rosenberg \\"'
        assert message.from_.tag == "98asjd8"
        assert message.max_forwards == 68
        assert (message.cseq.number, message.cseq.method) == (9, "INVITE")
        assert message.headers.get("Subject") == ""
        assert [(via.transport, via.host, via.branch) for via in message.vias] == [
            ("UDP", "192.0.2.2", "390skdjuw"),
            ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
            ("UDP", "192.168.255.111", "z9hG4bK30239"),
        ]
        assert {via.protocol for via in message.vias} == {"SIP/2.0"}
        assert message.headers.get("unknownheaderwithunusualvalue") == ";;,,;;,;"
        newfangled = message.headers.get("NewFangledHeader")
        assert newfangled is not None
        assert newfangled.split() == ["newfangled", "value", "continued", "newfangled", "value"]
        [route] = message.route
        assert route.uri.is_loose_router
        assert route.uri.parameter("unknownwith") == "value"
        assert route.uri.parameter("unknown-no-value") == ""
        contact = message.contact
        assert contact is not None
        assert contact.display_name == 'Quoted string ""'
        assert [name for name, _ in contact.params] == ["newparam", "secondparam", "q"]
        assert contact.params.get("newparam") == "newvalue"
        assert contact.params.get("q") == "0.33"
        assert message.content_length == 150 == len(message.body)

    def test_3_1_1_2_wide_range_of_valid_characters(self) -> None:
        message = request("intmeth")
        assert message.method == "!interesting-Method0123456789_*+`.%indeed'~" == message.cseq.method
        uri = message.request_uri
        assert uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
        assert uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
        assert uri.host == "example.com"
        assert message.via.branch == "z9hG4bK-.!%66*_+`'~"
        assert message.to.display_name == "BEL:\x07 NUL:\x00 DEL:\x7f"
        assert message.from_.display_name == "token1~` token2'+_ token3*%!.-"
        assert message.from_.params.get("fromParam''~+*_!.-%") == "работающий"
        assert message.from_.tag == "_token~1'+`*%!-."
        assert message.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
        assert message.max_forwards == 255
        assert message.headers.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"

    def test_3_1_1_3_valid_use_of_the_escaping_mechanism(self) -> None:
        message = request("esc01")
        assert message.request_uri.username == "sips:user@example.com"
        assert message.request_uri.host == "example.net"
        assert message.to.uri.username == "user"
        assert message.from_.uri.username == "I have spaces"
        contact = message.contact
        assert contact is not None
        assert contact.uri.username == "caller"
        assert [(name, value) for name, value in contact.uri.parameters] == [
            ("%6C%72", None),
            ("n%61me", "v%61lue%25%34%31"),
        ]
        assert contact.uri.parameter("name") == "value%41"
        assert contact.uri.is_loose_router
        plain = NameAddr.parse("<sip:caller@host5.example.net;lr;name=value%2541>").uri
        assert contact.uri.is_equivalent(plain)
        other = NameAddr.parse("<sip:caller@host5.example.net;lr;name=valueA>").uri
        assert not contact.uri.is_equivalent(other)

    def test_3_1_1_4_escaped_nulls_in_uris(self) -> None:
        message = request("escnull")
        assert message.to.uri.username == "null-\x00-null"
        first, second = message.contacts
        assert (first.uri.username, second.uri.username) == ("\x00", "\x00\x00")
        assert not first.uri.is_equivalent(second.uri)

    def test_3_1_1_5_use_of_percent_where_it_is_no_escape(self) -> None:
        message = request("esc02")
        assert message.method == "RE%47IST%45R"
        assert message.to.display_name == message.from_.display_name == "%Z%45"
        assert [contact.uri.user for contact in message.contacts] == ["alias1", "alias3"]
        assert message.headers.get("C%6Fntact") == "<sip:alias2@host2.example.com>"

    def test_3_1_1_6_no_white_space_between_display_name_and_bracket(self) -> None:
        message = request("lwsdisp")
        assert (message.from_.display_name, message.from_.tag) == ("caller", "323")

    def test_3_1_1_7_long_values(self) -> None:
        message = request("longreq")
        assert message.to.display_name == f"I have a user name of {'extreme' * 10} proportion"
        assert message.to.uri.port == 6000
        assert message.to.uri.parameter(f"longparam{'name' * 25}") == "shortvalue"
        assert message.to.uri.parameter(f"very{'long' * 25}ParameterNameWithNoValue") == ""
        assert message.from_.tag == f"12{'982' * 50}424"
        assert message.call_id == f"longreq.one{'really' * 20}longcallid"
        assert len(message.vias) == 34
        assert message.vias[0].host == "sip33.example.com"
        assert message.vias[-1].branch == f"very{'long' * 50}branchvalue"

    @pytest.mark.clause("RFC 3261", "18.3")
    def test_3_1_1_8_extra_octets_in_a_datagram_are_dropped(self) -> None:
        data = octets("dblreq")
        message = request("dblreq")
        assert (message.method, message.body) == ("REGISTER", b"")
        assert b"INVITE" in data
        assert b"INVITE" not in message.serialize()

    def test_3_1_1_9_semicolons_in_the_user_part(self) -> None:
        message = request("semiuri")
        assert message.request_uri.username == "user;par=u@example.net"
        assert message.request_uri.host == "example.com"
        assert message.accept[0] == "application/sdp"
        assert len(message.accept) == 6

    def test_3_1_1_10_unknown_transports(self) -> None:
        assert [via.transport for via in request("transports").vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]

    @pytest.mark.clause("RFC 5621", "4")
    def test_3_1_1_11_multipart(self) -> None:
        message = request("mpart01")
        text, binary = parts(message)
        assert (text.content_type.essence, text.octets) == ("text/plain", b"Hello")
        assert binary.content_type.essence == "application/octet-stream"
        assert binary.octets[:4] == bytes.fromhex("30820152")
        assert len(binary.octets) == 0x152 + 4
        assert b"\0" in binary.octets

    def test_3_1_1_12_unusual_reason_phrase(self) -> None:
        message = response("unreason")
        assert message.status == 200
        assert message.reason == "= 2**3 * 5**2 но сто девяносто девять - простое"

    def test_3_1_1_13_empty_reason_phrase(self) -> None:
        message = response("noreason")
        assert (message.status, message.reason) == (100, "")


@pytest.mark.clause("RFC 4475", "3.1.2")
class TestSyntaxOfInvalidMessages:
    def test_3_1_2_1_the_contact_is_as_broken_as_the_via(self) -> None:
        message = parse_message(octets("badinv01"))
        with pytest.raises(ParseError, match="Contact: ';;;;' is not a parameter"):
            _ = message.contacts
        saved = salvage(octets("badinv01"))
        assert saved is not None
        assert saved.via.serialize() == "SIP/2.0/UDP 192.0.2.15"

    @pytest.mark.parametrize(("name", "status"), [("ncl", 400), ("mcl01", 400)])
    def test_3_1_2_3_and_3_3_9_break_a_stream(self, name: str, status: int) -> None:
        framer = StreamFramer()
        assert framer.feed(octets(name)) == []
        assert framer.error is not None
        assert framer.error.sip_status == status
        assert salvage(framer.broken) is not None

    def test_3_1_2_2_a_stream_waits_for_the_missing_octets(self) -> None:
        framer = StreamFramer()
        assert framer.feed(octets("clerr")) == []
        assert framer.error is None
        assert len(framer.feed(bytes(9999))) == 1

    def test_3_1_2_4_each_scalar_is_out_of_its_range(self) -> None:
        message = parse_message(octets("scalar02"))
        reads: list[Callable[[], object]] = [
            lambda: message.cseq,
            lambda: message.max_forwards,
            lambda: message.expires,
        ]
        for read in reads:
            with pytest.raises(ParseError):
                read()
        assert message.contact is not None
        assert message.contact.params.get("expires") == "280297596632815"

    def test_3_1_2_8_a_space_in_the_request_uri_is_refused_and_the_rest_saved(self) -> None:
        saved = salvage(octets("lwsruri"))
        assert saved is not None
        assert saved.to.tag == "3xfe-9921883-z9f"

    def test_3_1_2_11_headers_in_the_request_uri_are_seen(self) -> None:
        assert request("escruri").request_uri.headers == (("Route", "%3Csip:example.com%3E"),)

    def test_3_1_2_12_the_date_is_kept_and_not_judged(self) -> None:
        assert request("baddate").headers.values("Date") == ["Fri, 01 Jan 2010 16:00:00 EST"]

    def test_3_1_2_15_an_unquoted_comma_in_a_display_name(self) -> None:
        # The archive of the RFC has this message without its empty line.
        message = parse_message(octets("baddn") + b"\r\n")
        with pytest.raises(
            ParseError, match=r"^From: 'Bell, Alexander <sip:a\.g\.bell@example\.com>;tag=4'\.\.\. is neither"
        ):
            validate(message)

    def test_3_1_2_16_another_version_is_told_apart(self) -> None:
        message = parse_message(octets("badvers"))
        assert message.version == "SIP/7.0"
        with pytest.raises(UnsupportedVersion):
            validate(message)

    def test_3_1_2_18_the_unknown_method_can_be_seen(self) -> None:
        message = parse_message(octets("mismatch02"))
        assert isinstance(message, Request)
        assert (message.method, message.cseq.method) == ("NEWMETHOD", "INVITE")


@pytest.mark.clause("RFC 4475", "3.3")
class TestSemantics:
    def test_3_2_1_missing_transaction_identifier(self) -> None:
        assert request("badbranch").via.branch == "z9hG4bK"

    def test_3_3_1_missing_header_fields_are_named(self) -> None:
        message = parse_message(octets("insuf"))
        for read, name in (("call_id", "Call-ID"), ("from_", "From"), ("to", "To")):
            with pytest.raises(ParseError, match=rf"^{name}: missing"):
                getattr(message, read)
        assert message.cseq.number == 193942

    @pytest.mark.parametrize(("name", "scheme"), [("unkscm", "nobodyknowsthisscheme"), ("novelsc", "soap.beep")])
    def test_3_3_2_and_3_3_3_unusual_schemes(self, name: str, scheme: str) -> None:
        message = request(name)
        assert message.request_uri.scheme == scheme
        assert message.to.uri.scheme == "sip"

    def test_3_3_4_unknown_schemes_in_header_fields(self) -> None:
        message = request("unksm2")
        contact = message.contact
        assert contact is not None
        assert [message.to.uri.scheme, message.from_.uri.scheme, contact.uri.scheme] == ["isbn", "http", "name"]
        assert message.from_.uri.serialize() == "http://www.example.com"

    def test_3_3_5_required_extensions(self) -> None:
        message = request("bext01")
        assert message.tokens("Require") == ("nothingSupportsThis", "nothingSupportsThisEither")
        assert message.tokens("Proxy-Require") == ("noProxiesSupportThis", "norDoAnyProxiesSupportThis")

    def test_3_3_6_unknown_content_type(self) -> None:
        [part] = parts(request("invut"))
        assert part.content_type.essence == "application/unknownformat"
        assert part.handling == "required"

    def test_3_3_7_unknown_authorization_scheme(self) -> None:
        assert request("regaut01").headers.values("Authorization") == ["NoOneKnowsThisScheme opaque-data=here"]

    @pytest.mark.clause("RFC 3261", "18.1.2")
    def test_3_3_10_the_second_via_is_the_broadcast_address(self) -> None:
        assert [via.host for via in response("bcast").vias] == ["192.0.2.198", "255.255.255.255"]

    def test_3_3_11_max_forwards_of_zero_is_legal(self) -> None:
        assert request("zeromf").max_forwards == 0

    def test_3_3_12_a_parameter_outside_brackets_is_the_contacts(self) -> None:
        contact = request("cparam01").contact
        assert contact is not None
        assert "unknownparam" in contact.params
        assert "unknownparam" not in contact.uri.parameters

    def test_3_3_13_a_parameter_inside_brackets_is_the_uris(self) -> None:
        contact = request("cparam02").contact
        assert contact is not None
        assert "unknownparam" not in contact.params
        assert "unknownparam" in contact.uri.parameters

    def test_3_3_14_an_escaped_header_in_a_contact(self) -> None:
        contact = request("regescrt").contact
        assert contact is not None
        assert contact.uri.headers == (("Route", "%3Csip:sip.example.com%3E"),)
        assert contact.uri.serialize() == "sip:user@example.com?Route=%3Csip:sip.example.com%3E"

    def test_3_3_15_unacceptable_accept(self) -> None:
        assert request("sdp01").accept == ("text/nobodyknowsthis",)

    @pytest.mark.clause("RFC 4475", "3.4.1")
    def test_3_4_1_invite_of_rfc_2543(self) -> None:
        message = request("inv2543")
        assert message.via.branch is None
        assert message.from_.tag is None
        assert message.content_length is None
        assert message.max_forwards is None
        assert message.body.endswith(b"m=audio 49217 RTP/AVP 0\r\n")
        assert message.record_route[0].uri.parameter("maddr") == "ss1.example.com"
        assert message.to.uri.telephone_number == "+16505552222"
        assert "user" in message.to.params
