"""Messages from octets and back, what is refused, what is answered."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import LocalProtocolError, ParseError
from gateway.sip.body import parts
from gateway.sip.framing import StreamFramer
from gateway.sip.message import (
    REASON_PHRASES,
    Headers,
    Request,
    Response,
    TooLarge,
    UnsupportedVersion,
    parse_message,
    respond,
    salvage,
    validate,
)

DATA = Path(__file__).parents[2] / "data" / "rfc4475"

TYPED = [
    "call_id", "cseq", "from_", "to", "via", "vias", "contacts", "contact", "is_wildcard_contact", "route",
    "record_route", "content_type", "content_length", "max_forwards", "expires", "require", "supported", "allow",
    "accept", "rack", "rseq", "reasons", "request_uri",
]  # fmt: skip


def wire(text: str, body: bytes = b"") -> bytes:
    return text.strip("\n").replace("\n", "\r\n").encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


INVITE = wire(
    """
INVITE sip:+12125550103@127.0.0.1:5060;user=phone SIP/2.0
Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-1;rport
Max-Forwards: 70
Contact: <sip:alice@192.0.2.10:5062;ob>
To: <sip:+12125550103@127.0.0.1>
From: "Alice" <sip:alice@example.com>;tag=9fxced76sl
Call-ID: 3848276298220188511@atlanta.example.com
CSeq: 1 INVITE
Supported: 100rel, timer
Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>
Timestamp: 54.2
Content-Type: application/sdp
Content-Length: 5
""",
    b"v=0\r\n",
)


def parsed(data: bytes = INVITE) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def without(name: str) -> bytes:
    return b"\r\n".join(line for line in INVITE.split(b"\r\n") if not line.startswith(name.encode() + b":"))


def changed(old: str, new: str) -> bytes:
    assert old.encode() in INVITE
    return INVITE.replace(old.encode(), new.encode("utf-8", "surrogateescape"), 1)


def everything(message: Request | Response) -> None:
    """Ask for every typed value; only ParseError may come."""
    for name in TYPED:
        try:
            getattr(message, name, None)
        except ParseError as error:
            assert error.message.isascii()
            assert error.message.isprintable()
            assert len(error.message) < 300
    for what in (validate, parts):
        try:
            what(message)
        except ParseError as error:
            assert error.message.isascii()
            assert error.message.isprintable()


@pytest.mark.clause("RFC 3261", "7.1")
class TestRequestLine:
    def test_method_uri_and_version(self) -> None:
        message = parsed()
        assert (message.method, message.version) == ("INVITE", "SIP/2.0")
        assert message.uri == "sip:+12125550103@127.0.0.1:5060;user=phone"
        assert message.request_uri.port == 5060

    def test_another_uri_is_read_anew(self) -> None:
        message = parsed()
        assert message.request_uri.user == "+12125550103"
        message.uri = "sip:b@c"
        assert message.request_uri.user == "b"

    @pytest.mark.parametrize("version", ["sip/2.0", "SIP/2.0", "Sip/2.0"])
    def test_the_version_has_no_case_but_is_sent_in_capitals(self, version: str) -> None:
        message = parsed(changed(" SIP/2.0", f" {version}"))
        assert message.version == "SIP/2.0"
        assert message.serialize() == INVITE

    @pytest.mark.parametrize(
        "line",
        ["INVITE", "INVITE sip:a@b", "INVITE  SIP/2.0", "INV(ITE sip:a@b SIP/2.0", "INVITE sip:a@b HTTP/1.1",
         " INVITE sip:a@b SIP/2.0", "INVITE sip:a@b SIP/2", "\ud8ff\udcff", "INVITE\tsip:a@b\tSIP/2.0"],
    )  # fmt: skip
    def test_what_is_none_is_refused(self, line: str) -> None:
        data = line.encode("utf-8", "surrogatepass") + b"\r\nVia: x\r\n\r\n"
        with pytest.raises(ParseError, match=r"^Request-Line: .* is not a method, a URI and a version with one space"):
            parse_message(data)


@pytest.mark.clause("RFC 3261", "7.2")
class TestStatusLine:
    def test_code_and_phrase(self) -> None:
        message = parse_message(b"SIP/2.0 183 Session  Progress\r\n\r\n")
        assert isinstance(message, Response)
        assert (message.status, message.reason) == (183, "Session  Progress")
        assert message.is_provisional
        assert not message.is_success

    def test_without_phrase_and_space(self) -> None:
        message = parse_message(b"sip/2.0 200\r\n\r\n")
        assert isinstance(message, Response)
        assert (message.status, message.reason, message.version) == (200, "", "SIP/2.0")
        assert message.is_success

    @pytest.mark.parametrize("code", ["", "99", "099", "700", "1000", "2xx", "-200", "²00", "20 0"])
    def test_codes_out_of_range(self, code: str) -> None:
        with pytest.raises(ParseError, match=r"^Status-Line: .* is not a status code"):
            parse_message(f"SIP/2.0 {code} OK\r\n\r\n".encode())


@pytest.mark.clause("RFC 3261", "7.3.1")
class TestHeaderFields:
    def test_written_back_octet_for_octet(self) -> None:
        assert parsed().serialize() == INVITE

    def test_kept_in_order_unfolded_and_as_written(self) -> None:
        message = parsed(
            wire(
                "INVITE sip:a@b SIP/2.0\nx-A:1\nX-B  :\t 2 ;\n\t3  \nm:\n <sip:a>\n ,<sip:b>\nX-a: \nContent-Length: 0"
            )
        )
        assert list(message.headers) == [
            ("x-A", "1"), ("X-B", "2 ; 3"), ("m", "<sip:a> ,<sip:b>"), ("X-a", ""), ("Content-Length", "0"),
        ]  # fmt: skip
        assert [contact.uri.host for contact in message.contacts] == ["a", "b"]
        assert b"X-B: 2 ; 3\r\nm: <sip:a> ,<sip:b>\r\nX-a: \r\n" in message.serialize()

    def test_octets_that_are_not_utf_8_survive(self) -> None:
        data = b"OPTIONS sip:a@b SIP/2.0\r\nX-\xc3\xbc: no\r\n\r\n"
        with pytest.raises(ParseError, match="is not a header field"):
            parse_message(data)
        data = b'OPTIONS sip:a@b SIP/2.0\r\nFrom: "\xff\xfe\\\xc3\xbc" <sip:a@b>;x="\xe9"\r\nContent-Length: 0\r\n\r\n'
        message = parse_message(data)
        assert message.serialize() == data
        assert message.from_.display_name == "\udcff\udcfeü"
        assert message.from_.params.get("x") == "\udce9"

    @pytest.mark.parametrize("name", ["Call-ID", "CSeq", "From", "To", "Max-Forwards"])
    def test_twice_where_once_is_the_rule(self, name: str) -> None:
        value = parsed().headers.get(name)
        data = INVITE.replace(b"\r\nSupported", f"\r\n{name.upper()}: {value}\r\nSupported".encode())
        with pytest.raises(ParseError, match=rf"^{name.upper()}: appears twice") as caught:
            parse_message(data)
        assert caught.value.offset == data.index(f"{name.upper()}: ".encode())

    def test_a_compact_form_is_the_same_header_field(self) -> None:
        with pytest.raises(ParseError, match=r"^i: appears twice"):
            parse_message(INVITE.replace(b"Supported", b"i: x\r\nSupported"))

    @pytest.mark.parametrize("line", ["NoColon", ": empty", "two words: x", "a\x00b: c", "ü: x"])
    def test_lines_that_are_no_header_field(self, line: str) -> None:
        with pytest.raises(ParseError) as caught:
            parse_message(wire(f"OPTIONS sip:a@b SIP/2.0\nVia: x\n{line}"))
        assert "is not a header field: no name and colon" in caught.value.message
        assert caught.value.offset == 33

    def test_white_space_in_the_place_of_the_first(self) -> None:
        with pytest.raises(ParseError, match="white space where the first header field should begin"):
            parse_message(wire("OPTIONS sip:a@b SIP/2.0\n Via: x"))

    @pytest.mark.parametrize("end", ["\r", "\n", "\n\r", "\r\r\n"])
    def test_a_line_end_by_halves_is_refused(self, end: str) -> None:
        data = f"OPTIONS sip:a@b SIP/2.0\r\nX: a{end}Y: b\r\n\r\n".encode()
        with pytest.raises(ParseError, match=r"^CR or LF alone in the header section") as caught:
            parse_message(data)
        assert caught.value.offset == 29


@pytest.mark.clause("RFC 3261", "18.3")
class TestBody:
    def test_octets_beyond_the_length_are_dropped(self) -> None:
        assert parsed(INVITE + b"more").body == b"v=0\r\n"

    def test_without_a_length_it_is_the_rest_of_the_datagram(self) -> None:
        assert parsed(without("Content-Length") + b"a=x").body == b"v=0\r\na=x"

    def test_too_short_is_an_error(self) -> None:
        with pytest.raises(ParseError, match=r"^Content-Length: 5 octets of body announced, 4 came") as caught:
            parse_message(INVITE[:-1])
        assert caught.value.offset == len(INVITE) - 5

    @pytest.mark.parametrize("value", ["-5", "+5", "0x5", "5.0", "five", "", "5 5", "٥"])
    def test_a_length_that_is_none(self, value: str) -> None:
        with pytest.raises(ParseError, match=r"^Content-Length: length .* is not a number"):
            parse_message(changed("Content-Length: 5", f"Content-Length: {value}"))

    def test_a_length_beyond_all_measure(self) -> None:
        with pytest.raises(ParseError, match=r"^Content-Length: length .* is more than 9223372036854775807"):
            parse_message(changed("Content-Length: 5", "Content-Length: " + "9" * 5000))

    def test_two_lengths_must_agree(self) -> None:
        assert parsed(changed("Content-Length: 5", "l: 5\r\nContent-Length: 5")).body == b"v=0\r\n"
        with pytest.raises(ParseError, match="appears twice"):
            parse_message(changed("Content-Length: 5", "l: 5\r\nContent-Length: 4"))

    def test_serialize_says_the_length_that_is(self) -> None:
        message = parsed()
        message.body = b"longer than it was"
        assert b"\r\nContent-Length: 18\r\n\r\nlonger" in message.serialize()
        message.headers.set("l", "1")
        message.headers.add("Content-length", "2")
        assert message.serialize().lower().count(b"content-length") == 0
        assert b"\r\nl: 18\r\n" in message.serialize()
        message.headers.remove("Content-Length")
        assert b"\r\nContent-Length: 18\r\n\r\n" in message.serialize()

    @given(st.binary(max_size=400))
    def test_any_body_survives(self, body: bytes) -> None:
        data = Request("MESSAGE", "sip:a@b", Headers([("Via", "x")]), body).serialize()
        assert parse_message(data).body == body


class TestLimits:
    def test_a_header_section_of_64_kib_and_more(self) -> None:
        line = b"X: " + b"x" * 8000 + b"\r\n"
        head = b"OPTIONS sip:a@b SIP/2.0\r\n"
        assert len(parsed(head + line * 8 + b"\r\n").headers) == 8
        for data in (head + line * 9 + b"\r\n", head + line * 9):
            with pytest.raises(TooLarge, match="header section is longer than 65536 octets"):
                parse_message(data)

    def test_a_line_of_more_than_16_kib(self) -> None:
        with pytest.raises(TooLarge, match=r"header field 'X: y.* is longer than 16384"):
            parse_message(wire("OPTIONS sip:a@b SIP/2.0\nX: " + "y" * 16384))
        with pytest.raises(TooLarge, match="start line is longer than 16384"):
            parse_message(wire("OPTIONS sip:" + "a" * 16384 + " SIP/2.0\nX: y"))
        with pytest.raises(TooLarge):
            parse_message(wire("OPTIONS sip:a@b SIP/2.0\n" + "y" * 16385))

    def test_more_than_256_header_fields(self) -> None:
        assert len(parsed(wire("OPTIONS sip:a@b SIP/2.0" + "\nX: y" * 256)).headers) == 256
        with pytest.raises(TooLarge, match="257 header fields are more than 256"):
            parse_message(wire("OPTIONS sip:a@b SIP/2.0" + "\nX: y" * 257))

    @pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n", b"\n\n\r"])
    @pytest.mark.clause("RFC 3261", "7.5")
    def test_nothing_but_line_ends(self, data: bytes) -> None:
        with pytest.raises(ParseError, match="nothing but line ends"):
            parse_message(data)

    @pytest.mark.clause("RFC 3261", "7.5")
    def test_line_ends_before_the_start_line_are_passed_over(self) -> None:
        assert parsed(b"\r\n\r\n" + INVITE).serialize() == INVITE

    def test_every_prefix_is_refused(self) -> None:
        for length in range(len(INVITE)):
            with pytest.raises(ParseError):
                parse_message(INVITE[:length])


@pytest.mark.clause("RFC 3261", "8.1.1")
class TestValidate:
    def test_a_good_request(self) -> None:
        validate(parsed())

    @pytest.mark.parametrize("name", ["To", "From", "CSeq", "Call-ID", "Via"])
    def test_what_must_be_there(self, name: str) -> None:
        message = parse_message(without(name))
        with pytest.raises(ParseError, match=rf"^{name}: missing"):
            validate(message)

    @pytest.mark.clause("RFC 3261", "16.3")
    def test_max_forwards_may_be_missing(self) -> None:
        validate(parsed(without("Max-Forwards")))

    @pytest.mark.parametrize(
        ("old", "new", "why"),
        [
            ("CSeq: 1 INVITE", "CSeq: 0x10 INVITE", "CSeq: '0x10 INVITE' is not a number and a method"),
            ("CSeq: 1 INVITE", "CSeq: 2147483648 INVITE", "CSeq: '2147483648' is not below 2**31"),
            ("CSeq: 1 INVITE", "CSeq: 1 invite", "CSeq: method 'invite' in a request 'INVITE'"),
            ("Max-Forwards: 70", "Max-Forwards: 256", "Max-Forwards: number of hops '256' is more than 255"),
            ("Max-Forwards: 70", "Max-Forwards: -1", "Max-Forwards: number of hops '-1' is not a number"),
            ("Via: SIP/2.0/UDP", "Via: SIP/2.0/", "Via: 'SIP/2.0/ 192.0.2.10:5062;branch=z9hG4bK-1;rport' does not"),
            ("To: <sip:", "To: <sip::", "To: 'sip::+12125550103@127.0.0.1' is not a sip URI: no host"),
            ("Contact: <sip:alice@", "Contact: <sip:al ice@", "Contact: 'sip:al ice@192.0.2.10:5062;ob': ' ice@"),
            ("Call-ID: 3", "Call-ID: 3 3", "Call-ID: '3 3848276298220188511@atlanta.example.com' is not one word"),
            ("INVITE sip:", "INVITE sip::", "Request-URI: 'sip::+12125550103@127.0.0.1:5060;user=phone' is not a sip"),
            ("p2.example.com;lr>", "p2.example.com;lr", "Record-Route: '<sip:p2.example.com;lr, <sip:p1.example.com;l"),
        ],
    )
    def test_what_must_be_right(self, old: str, new: str, why: str) -> None:
        with pytest.raises(ParseError) as caught:
            validate(parse_message(changed(old, new)))
        assert caught.value.message.startswith(why)

    def test_the_version(self) -> None:
        with pytest.raises(UnsupportedVersion, match=r"'SIP/3.0' is not SIP/2.0"):
            validate(parse_message(changed("phone SIP/2.0", "phone SIP/3.0")))

    def test_a_response_needs_no_contact_that_can_be_read(self) -> None:
        response = respond(parsed(), 200, to_tag="x", headers=[("Contact", "<<>>")])
        validate(response)
        with pytest.raises(ParseError, match=r"^Contact: "):
            _ = response.contact


@pytest.mark.clause("RFC 3261", "8.2.6")
class TestRespond:
    def test_copies_what_must_be_equal(self) -> None:
        request = parsed(INVITE.replace(b"Via: ", b"Via: SIP/2.0/TCP top;branch=z9hG4bK0, SIP/2.0/UDP mid\r\nv: ", 1))
        response = respond(request, 486, to_tag="abc")
        assert response.headers.lines("Via") == request.headers.lines("Via")
        for name in ("From", "Call-ID", "CSeq"):
            assert response.headers.get(name) == request.headers.get(name)
        assert response.headers.get("To") == "<sip:+12125550103@127.0.0.1>;tag=abc"
        assert (response.status, response.reason, response.version) == (486, "Busy Here", "SIP/2.0")
        assert [name for name, _ in response.headers] == ["Via", "Via", "From", "To", "Call-ID", "CSeq"]

    @pytest.mark.clause("RFC 3261", "8.2.6.2")
    def test_a_to_tag_is_added_once_and_never_to_100(self) -> None:
        request = parsed()
        assert respond(request, 100, to_tag="abc").to.tag is None
        assert respond(request, 180).to.tag is None
        tagged = parsed(changed("To: <sip:+12125550103@127.0.0.1>", "To: sip:a@b;x=1;Tag=old"))
        assert respond(tagged, 200, to_tag="abc").headers.get("To") == "sip:a@b;x=1;Tag=old"

    @pytest.mark.parametrize(
        ("to", "answered"),
        [("sip:a@b", "sip:a@b;tag=n"), ("<<", "<<;tag=n"), ('"x <sip:a>;tag = 1', '"x <sip:a>;tag = 1')],
    )
    def test_a_to_that_cannot_be_read_is_copied_all_the_same(self, to: str, answered: str) -> None:
        assert (
            respond(parsed(changed("To: <sip:+12125550103@127.0.0.1>", f"To: {to}")), 400, to_tag="n").headers.get("To")
            == answered
        )

    @pytest.mark.clause("RFC 3261", "8.2.6.1")
    def test_the_timestamp_goes_into_100_only(self) -> None:
        assert respond(parsed(), 100).headers.get("Timestamp") == "54.2"
        assert "Timestamp" not in respond(parsed(), 200).headers

    @pytest.mark.clause("RFC 3261", "12.1.1")
    def test_record_route_goes_into_what_may_make_a_dialog(self) -> None:
        wanted = ["<sip:p2.example.com;lr>, <sip:p1.example.com;lr>"]
        for status in (101, 183, 200, 299):
            assert respond(parsed(), status).headers.lines("Record-Route") == wanted
        for status in (100, 300, 486):
            assert "Record-Route" not in respond(parsed(), status).headers
        options = parsed(INVITE.replace(b"INVITE", b"OPTIONS"))
        assert "Record-Route" not in respond(options, 200).headers

    def test_headers_body_and_type(self) -> None:
        response = respond(
            parsed(),
            183,
            "Ringing soon",
            to_tag="t",
            headers=[("RSeq", "1")],
            body=b"v=0\r\n",
            content_type="application/sdp",
        )
        assert response.rseq == 1
        assert response.serialize().startswith(b"SIP/2.0 183 Ringing soon\r\n")
        assert response.serialize().endswith(
            b"RSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
        )

    def test_a_reason_phrase_cannot_break_the_line(self) -> None:
        response = respond(parsed(), 400, "one\r\nEvil: two\x00")
        assert response.reason == "one  Evil: two "
        parse_message(response.serialize())

    def test_the_table_is_here_too(self) -> None:
        assert REASON_PHRASES[180] == "Ringing"


class TestSerialize:
    @pytest.mark.parametrize(
        "message",
        [
            Request("INVITE", "sip:a\r\nX: y@b"),
            Request("INVITE", "sip:a@b", Headers([("Subject", "a\r\nEvil: b")])),
            Request("INVITE", "sip:a@b", Headers([("Subject", "a\nb")])),
            Request("INVITE", "sip:a@b", Headers([("Sub\rject", "a")])),
            Response(200, "a\nb"),
        ],
    )
    def test_a_line_end_inside_a_value_is_our_own_fault(self, message: Request | Response) -> None:
        with pytest.raises(LocalProtocolError, match="a line end inside the start line or a header field"):
            message.serialize()

    def test_copies_do_not_share_header_fields(self) -> None:
        request = parsed()
        copy = request.copy()
        assert copy == request
        copy.headers.set("To", "<sip:x@y>")
        assert request.to.uri.user == "+12125550103"
        response = respond(request, 200)
        other = response.copy()
        other.headers.remove("Via")
        assert response.via.host == "192.0.2.10"


class TestSalvage:
    def test_what_a_400_needs(self) -> None:
        saved = salvage(changed("Content-Length: 5", "Content-Length: -1\r\nbroken line\r\nCSeq: 2 BYE"))
        assert saved is not None
        assert [name for name, _ in saved.headers] == ["Via", "From", "To", "Call-ID", "CSeq"]
        assert (saved.method, saved.cseq.number, saved.body) == ("INVITE", 1, b"")
        assert saved.uri == "sip:+12125550103@127.0.0.1:5060;user=phone"

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\r\n",
            b"\xff\xfe",
            b"SIP/2.0 2000 OK\r\nVia: SIP/2.0/UDP h\r\nCSeq: 1 INVITE\r\n\r\n",
            without("Via"),
            without("CSeq"),
            INVITE.replace(b"INVITE", b"ACK"),
            INVITE.replace(b"SIP/2.0/UDP 192", b"SIP 192"),
        ],
    )
    def test_nothing_to_answer_by(self, data: bytes) -> None:
        assert salvage(data) is None

    def test_bare_line_ends_and_missing_end(self) -> None:
        saved = salvage(INVITE.replace(b"\r\n", b"\n")[:-60])
        assert saved is not None
        assert saved.from_.tag == "9fxced76sl"

    @pytest.mark.clause("RFC 3261", "17.1.3")
    def test_the_top_via_keeps_its_branch_whatever_else_is_broken(self) -> None:
        saved = salvage(changed(";branch=z9hG4bK-1;rport", ';;x="; branch = z9hG4bK-1 ,,'))
        assert saved is not None
        assert saved.via.serialize() == "SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-1"
        saved.via.with_param("received", "192.0.2.1")

    def test_the_answer_can_be_read(self) -> None:
        saved = salvage(without("To").replace(b"Max-Forwards", b"Max Forwards"))
        assert saved is not None
        answer = parse_message(respond(saved, 400, "Max Forwards", to_tag="x").serialize())
        assert "To" not in answer.headers
        assert answer.via.branch == "z9hG4bK-1"


def mutations(seed: int, count: int) -> Iterator[bytes]:
    dice = random.Random(seed)
    sources = [INVITE, *[path.read_bytes() for path in sorted(DATA.glob("*.dat"))]]
    spice = [
        b"\r\n",
        b"\r\n ",
        b"\x00",
        b'"',
        b"<",
        b">",
        b",",
        b";",
        b"=",
        b":",
        b"%",
        b"\\",
        b"\xff",
        b"@",
        b" ",
        b"[",
        b"*",
    ]
    for _ in range(count):
        data = bytearray(dice.choice(sources))
        for _ in range(dice.randint(1, 6)):
            place = dice.randrange(len(data) + 1)
            match dice.randrange(6):
                case 0:
                    data[place : place + dice.randint(1, 9)] = b""
                case 1:
                    data[place:place] = dice.choice(spice) * dice.randint(1, 3)
                case 2 if place < len(data):
                    data[place] = dice.randrange(256)
                case 3:
                    other = dice.choice(sources)
                    start = dice.randrange(len(other))
                    data[place:place] = other[start : start + dice.randint(1, 80)]
                case 4:
                    del data[place:]
                case _:
                    start = dice.randrange(len(data) + 1)
                    data[place:place] = data[start : start + 20]
        yield bytes(data)


class TestHostileInput:
    def test_mutated_messages_raise_nothing_but_parse_error(self) -> None:
        readable = 0
        for data in mutations(seed=3261, count=12000):
            framer = StreamFramer()
            for octets in (data, *framer.feed(data)):
                try:
                    message = parse_message(octets)
                except ParseError as error:
                    assert error.message.isascii()
                    assert error.message.isprintable()
                    saved = salvage(octets)
                    if saved is not None:
                        parse_message(respond(saved, 400, str(error), to_tag="t").serialize())
                    continue
                readable += 1
                everything(message)
                assert parse_message(message.serialize()).serialize() == message.serialize()
                if isinstance(message, Request):
                    parse_message(respond(message, 400, to_tag="t").serialize())
        assert readable > 2000

    @given(st.binary(max_size=300))
    def test_any_octets_are_read_or_refused(self, data: bytes) -> None:
        salvage(data)
        for octets in (data, b"INVITE sip:a@b SIP/2.0\r\n" + data + b"\r\n\r\n"):
            try:
                message = parse_message(octets)
            except ParseError:
                continue
            everything(message)

    @given(
        st.sampled_from(["Via", "From", "Contact", "CSeq", "RAck", "RSeq", "Reason", "Content-Type", "Accept"]),
        st.text(st.characters(exclude_characters="\r\n")),
    )
    def test_any_value_is_read_or_refused(self, name: str, value: str) -> None:
        everything(Request("INVITE", value, Headers([(name, value)])))

    def test_long_hostile_values_take_no_longer(self) -> None:
        for unit in ('"', '\\"', "<", ",", ";", ";a", "=", " ", "%41", "[", '"\\', "a ", "a,", "<>", '""'):
            value = (unit * 16000)[:16000]
            for name in ("Via", "From", "Contact", "CSeq", "RAck", "Reason", "Content-Type", "Accept", "Require"):
                everything(Request("INVITE", f"sip:{value}", Headers([(name, value)])))
            fold = b"OPTIONS sip:a@b SIP/2.0\r\nX: " + b" " * 8000 + b"\r\n " * 4000 + b"\r\n\r\n"
            parse_message(fold)


class TestSalvageOfMonsters:
    """What stands behind any number of lines is found, and the answer is no monster itself."""

    def test_a_cseq_behind_a_thousand_lines_is_found(self) -> None:
        junk = b"".join(b"X-%d: y\r\n" % number for number in range(1500))
        data = b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n" + junk + b"CSeq: 1 INVITE\r\n\r\n"
        request = salvage(data)
        assert request is not None
        assert request.cseq.number == 1

    def test_no_more_via_lines_are_kept_than_there_are_hops(self) -> None:
        vias = b"".join(b"Via: SIP/2.0/UDP h%d;branch=z9hG4bK%d\r\n" % (number, number) for number in range(300))
        request = salvage(b"INVITE sip:a@b SIP/2.0\r\n" + vias + b"CSeq: 1 INVITE\r\n\r\n")
        assert request is not None
        assert len(request.vias) == 70
        assert parse_message(respond(request, 413).serialize()).via.host == "h0"
