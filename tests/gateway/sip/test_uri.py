"""URIs of RFC 3261 §19.1 and RFC 3966."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.sip.fields.parameters import Parameters
from gateway.sip.uri import Uri, escape_user, unescape


@pytest.mark.clause("RFC 3261", "19.1.3")
class TestExamples:
    @pytest.mark.parametrize(
        "text",
        [
            "sip:alice@atlanta.com",
            "sip:alice:secretword@atlanta.com;transport=tcp",
            "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:+1-212-555-1212:1234@gateway.com;user=phone",
            "sips:1212@gateway.com",
            "sip:alice@192.0.2.4",
            "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
            "sip:alice;day=tuesday@atlanta.com",
            "sip:alice@[2001:db8::10]:5070;lr",
            "sip:*98#@pbx.example.com",
            "sip:j%40s0n@example.com",
            "sip:example.com:5060",
            "sip:a@b;x=a=b==;y",
            "tel:+1-201-555-0123",
            "tel:7042;phone-context=example.com",
            "tel:863-1234;phone-context=+1-914-555",
            "tel:*69",
            "urn:service:sos",
            "http://www.example.com/a;b?c#d",
            "im:fred@example.com",
        ],
    )
    def test_text_survives(self, text: str) -> None:
        assert Uri.parse(text).serialize() == text == str(Uri.parse(text))

    def test_the_parts_of_a_full_one(self) -> None:
        uri = Uri.parse("SIP:alice:secret@Example.COM:5070;transport=TCP;lr?subject=x&a=")
        assert uri == Uri(
            "sip",
            "alice",
            "secret",
            "Example.COM",
            5070,
            Parameters((("transport", "TCP"), ("lr", None))),
            (("subject", "x"), ("a", "")),
        )
        assert uri.is_loose_router
        assert uri.parameter("Transport") == "TCP"
        assert uri.parameter("maddr") is None

    def test_a_semicolon_in_the_user_part_is_the_users(self) -> None:
        assert Uri.parse("sip:alice;day=tuesday@atlanta.com").user == "alice;day=tuesday"

    def test_an_ipv6_reference_keeps_its_brackets(self) -> None:
        uri = Uri.parse("sip:[2001:db8::9:1]:5061")
        assert (uri.host, uri.port, uri.user) == ("[2001:db8::9:1]", 5061, None)

    def test_other_schemes_are_kept_whole(self) -> None:
        uri = Uri.parse("URN:service:sos")
        assert (uri.scheme, uri.opaque, uri.host) == ("urn", "service:sos", "")


class TestBroken:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "it has no scheme"),
            ("alice@example.com", "it has no scheme"),
            ("sip:", "no host"),
            ("sip:@example.com", "no host"),
            ("sip:alice@", "'@' follows the host"),
            ("sip:alice@:5060", "'@:5060' follows the host"),
            ("sip:al ice@example.com", "follows the host"),
            ("sip:alice@example.com ", "' ' follows the host"),
            ("sip:alice@example.com:", "':' follows the host"),
            ("sip:alice@example.com:65536", "port 65536 is more than 65535"),
            ("sip:alice@example.com:1234567890", "port 123456789 is more than 65535"),
            ("sip:al%4ice@example.com", "follows the host"),
            ("sip:alice@exa%6Dple.com", "follows the host"),
            ("sip:alice@example.com;;lr", "'' is not a URI parameter"),
            ("sip:alice@example.com;a=%zz", "'a=%zz' is not a URI parameter"),
            ("sip:alice@example.com;lr;LR", "a URI parameter appears twice"),
            ("sip:alice@example.com?", "'' is not a header of a URI"),
            ("sip:alice@example.com?a", "'a' is not a header of a URI"),
            ("tel:", "'' is not a telephone number"),
            ("tel:+", "'+' is not a telephone number"),
            ("tel:+-", "is not a telephone number"),
            ("tel:1800FLOWERS", "is not a telephone number"),
            ("tel:123;", "'' is not a URI parameter"),
            ("http:", "white space, quotes, brackets or nothing"),
            ("http://a b", "white space, quotes, brackets or nothing"),
            ("http://<a>", "white space, quotes, brackets or nothing"),
        ],
    )
    def test_says_what_is_wrong(self, text: str, why: str) -> None:
        with pytest.raises(ParseError) as caught:
            Uri.parse(text)
        assert why in caught.value.message

    @given(st.text())
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        for candidate in (text, f"sip:{text}", f"tel:{text}", f"sip:a@b;{text}", f"sip:a@b?{text}"):
            try:
                uri = Uri.parse(candidate)
            except ParseError:
                continue
            assert Uri.parse(uri.serialize()) == uri

    def test_long_hostile_text_takes_no_longer(self) -> None:
        for text in (
            "tel:" + "1" * 60000 + "x",
            "tel:+" + "-" * 60000,
            "sip:" + "a" * 60000 + "\0",
            "sip:" + "%41" * 20000,
        ):
            try:
                Uri.parse(text)
            except ParseError:
                continue


@pytest.mark.clause("RFC 3261", "19.1.4")
class TestComparison:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
            ("sip:a%3bb@c", "sip:a%3Bb@c"),
            ("tel:+1-201-555-0123", "tel:+12015550123"),
            ("tel:7042;phone-context=Example.com;isub=1", "tel:7042;isub=1;phone-context=example.com"),
            ("urn:service:sos", "URN:service:sos"),
        ],
    )
    def test_these_are_equivalent(self, one: str, other: str) -> None:
        assert Uri.parse(one).is_equivalent(Uri.parse(other))
        assert Uri.parse(other).is_equivalent(Uri.parse(one))

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a@b", "sips:a@b"),
            ("sip:a@b", "sip:b"),
            ("sip:a:x@b", "sip:a@b"),
            ("sip:a@b;user=phone", "sip:a@b"),
            ("sip:a@b;ttl=1", "sip:a@b"),
            ("sip:a@b;maddr=1.2.3.4", "sip:a@b"),
            ("sip:a%3Bb@c", "sip:a;b@c"),
            ("sip:a%2541@c", "sip:aA@c"),
            ("tel:123", "tel:+123"),
            ("tel:123;ext=4", "tel:123"),
            ("urn:service:sos", "urn:service:SOS"),
        ],
    )
    def test_these_are_not(self, one: str, other: str) -> None:
        assert not Uri.parse(one).is_equivalent(Uri.parse(other))
        assert not Uri.parse(other).is_equivalent(Uri.parse(one))


@pytest.mark.clause("RFC 3966", "5.1.1")
class TestTelephoneNumber:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("tel:+1-201-555-0123", "+12015550123"),
            ("tel:(020)7946.0123", "02079460123"),
            ("sip:+12125550103@127.0.0.1", "+12125550103"),
            ("sip:+1-212-555-1212:1234@gateway.com;user=phone", "+12125551212"),
            ("sip:%2B12125550103@gw", "+12125550103"),
            ("sip:90017@gw", "90017"),
            ("sip:+358-555-1234567;phone-context=5@gw;user=phone", "+3585551234567"),
            ("sip:*98%23@gw", "*98#"),
            ("sip:alice@gw", ""),
            ("sip:gw", ""),
            ("urn:service:sos", ""),
        ],
    )
    def test_is_found_without_visual_separators(self, text: str, number: str) -> None:
        assert Uri.parse(text).telephone_number == number


@pytest.mark.clause("RFC 3261", "19.1.2")
class TestEscapes:
    def test_octets_beyond_utf_8_survive(self) -> None:
        assert unescape("a%FFb%25") == "a\udcffb%"
        assert unescape("%d0%bf") == "п"

    def test_a_user_name_is_escaped_where_it_must_be(self) -> None:
        assert escape_user("j@s0n ü") == "j%40s0n%20%C3%BC"
        assert escape_user("already%40there") == "already%40there"
        assert escape_user("100%") == "100%25"
        assert Uri("sip", user="a b", host="c").serialize() == "sip:a%20b@c"

    def test_a_parameter_is_escaped_where_it_must_be(self) -> None:
        uri = Uri.parse("sip:a@b;X=1;lr").with_parameter("x", "a;b")
        assert uri.serialize() == "sip:a@b;lr;x=a%3Bb"
        assert uri.parameter("X") == "a;b"
        assert Uri.parse("sip:a@b").with_parameter("lr", None).serialize() == "sip:a@b;lr"

    @given(st.text(min_size=1))
    def test_any_user_name_comes_back(self, name: str) -> None:
        if any("\ud800" <= character <= "\udfff" for character in name) or "%" in name:
            return
        assert Uri.parse(Uri("sip", user=escape_user(name), host="h").serialize()).username == name
