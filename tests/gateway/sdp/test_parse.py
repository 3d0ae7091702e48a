"""Reading session descriptions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.sdp.model import Attribute, Connection, Direction, Line, Origin, Rtpmap, SessionDescription
from gateway.sdp.parse import MAXIMUM_OCTETS, parse, read_carefully, read_usual

OFFERS = sorted((Path(__file__).parent / "offers").glob("*.sdp"))
MINIMAL = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


def description(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in ("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", *lines)).encode()


def mutated(data: st.DataObject) -> bytes:
    octets = bytearray(data.draw(st.sampled_from(OFFERS)).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(octets)))
        cut = data.draw(st.integers(0, 8))
        octets[at : at + cut] = data.draw(st.one_of(st.binary(max_size=6), st.just(b"\r\n"), st.just(b"9" * 5000)))
    return bytes(octets)


def parse_error(data: bytes) -> ParseError:
    with pytest.raises(ParseError) as caught:
        parse(data)
    return caught.value


@pytest.mark.clause("RFC 8866", "5")
class TestSection5Description:
    @pytest.mark.parametrize("path", OFFERS, ids=lambda path: path.stem)
    def test_offers_of_many_makes_are_written_back_octet_for_octet(self, path: Path) -> None:
        data = path.read_bytes()
        assert parse(data).serialize() == data

    def test_lines_may_end_in_lf_alone(self) -> None:
        assert parse(MINIMAL.replace(b"\r\n", b"\n")) == parse(MINIMAL)

    def test_the_last_line_may_lack_its_end_and_empty_lines_may_follow(self) -> None:
        assert parse(MINIMAL.rstrip()) == parse(MINIMAL + b"\r\n\r\n") == parse(MINIMAL)

    def test_an_empty_line_inside_is_an_error(self) -> None:
        error = parse_error(description("t=0 0", "", "m=audio 1 RTP/AVP 0"))
        assert error.message == "line 5: empty line inside the description"

    def test_unknown_fields_and_attributes_survive(self) -> None:
        data = description("x=what?", "t=0 0", "a=unheard-of:some thing:else", "m=audio 1 RTP/AVP 0", "q=1", "a=odd")
        read = parse(data)
        assert read.lines[0] == Line("x", "what?")
        assert read.attributes == (Attribute("unheard-of", "some thing:else"),)
        assert read.media[0].lines == (Line("q", "1"), Line("a", "odd"))
        assert read.serialize() == data

    def test_octets_that_are_not_utf_8_survive(self) -> None:
        data = description("t=0 0").replace(b"s=-", b"s=Gespr\xe4ch \xff")
        assert parse(data).serialize() == data

    def test_the_examples_of_the_rfc(self) -> None:
        data = (
            b"v=0\r\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\ns=Call to John Smith\r\ni=SDP Offer #1\r\n"
            b"u=http://www.jdoe.example.com/home.html\r\ne=Jane Doe <jane@jdoe.example.com>\r\np=+1 617 555-6011\r\n"
            b"c=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0\r\nm=audio 49180 RTP/AVP 0\r\n"
            b"m=video 51372 RTP/AVP 99\r\nc=IN IP6 2001:db8::2\r\na=rtpmap:99 h263-1998/90000\r\n"
        )
        read = parse(data)
        assert read.origin == Origin("jdoe", "3724394400", "3724394405", "IN", "IP4", "198.51.100.1")
        assert [read.connection_of(media) for media in read.media] == [
            Connection("IN", "IP4", "198.51.100.1"),
            Connection("IN", "IP4", "198.51.100.1"),
            Connection("IN", "IP6", "2001:db8::2"),
        ]
        assert read.media[2].rtpmap == {99: Rtpmap("h263-1998", 90000)}
        assert read.serialize() == data

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "line 1: empty session description, v=0 expected"),
            (b"o=- 1 1 IN IP4 1.2.3.4\r\n", "line 1: v= expected, o= found"),
            (b"v=1\r\n", "line 2: o= expected, the end found"),
            (b"v=1\r\no=- 1 1 IN IP4 h\r\ns=-\r\n", "line 1: version '1' is not 0"),
            (b"v=0\r\no=- 1 1 IN IP4\r\ns=-\r\n", "line 2: o= has 5 fields, 6 expected"),
            (b"v=0\r\no=- one 1 IN IP4 h\r\ns=-\r\n", "line 2: o= session id 'one' is not a number"),
            (b"v=0\r\no=- 1 -1 IN IP4 h\r\ns=-\r\n", "line 2: o= version '-1' is not a number"),
            (b"v=0\r\nnonsense\r\n", "line 2: 'nonsense' is not of the form type=value"),
            (description("s=again"), "line 4: a second s= line"),
            (description("t=0"), "line 4: t= has 1 fields, 2 expected"),
            (description("a=:x"), "line 4: attribute name '' is not a token"),
            (description("a=b c"), "line 4: attribute name 'b c' is not a token"),
            (description("i=a\0b"), "line 4: octet 0x00 in a value"),
            (description("i=a\rb"), "line 4: octet 0x0d in a value"),
        ],
    )
    def test_a_mistake_is_named_with_its_line(self, data: bytes, message: str) -> None:
        assert parse_error(data).message == message

    def test_an_error_has_the_offset_of_its_line_and_the_clause(self) -> None:
        error = parse_error(description("t=0 0", "c=IN IP4"))
        assert str(error) == "line 5: c= has 2 fields, 3 expected at octet 43 [RFC 8866 §5.7]"

    def test_monsters_are_not_read(self) -> None:
        assert "65536 octets" in parse_error(b"v" * (MAXIMUM_OCTETS + 1)).message
        assert "lines" in parse_error(b"\n" * 6000).message


@pytest.mark.clause("RFC 8866", "5.7")
class TestSection57Connection:
    def test_host_names_and_both_kinds_of_address_are_read(self) -> None:
        for text, host in (
            ("IN IP4 media.example.com", "media.example.com"),
            ("IN IP4 192.0.2.7", "192.0.2.7"),
            ("IN IP6 2001:db8::9", "2001:db8::9"),
        ):
            connection = parse(description(f"c={text}")).connection
            assert connection is not None
            assert (connection.host, str(connection)) == (host, text)
            assert not connection.is_multicast
            assert not connection.is_unspecified

    def test_multicast_suffixes_are_not_part_of_the_host(self) -> None:
        connection = parse(description("c=IN IP4 233.252.0.1/127/3")).connection
        assert connection is not None
        assert connection.host == "233.252.0.1"
        assert connection.is_multicast

    @pytest.mark.parametrize("text", ["IN IP4 0.0.0.0", "IN IP6 ::"])
    def test_the_unspecified_address_is_told(self, text: str) -> None:
        connection = parse(description(f"c={text}")).connection
        assert connection is not None
        assert connection.is_unspecified

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("IN IP4 192.0.2.256", "c= address '192.0.2.256' is neither an address nor a host name"),
            ("IN IP4 2001:db8::1", "c= address 2001:db8::1 is not of type IP4"),
            ("IN IP6 192.0.2.1", "c= address 192.0.2.1 is not of type IP6"),
            ("IN IP4 a@b", "c= address 'a@b' is neither an address nor a host name"),
            ("IN IP4 233.252.0.1/x", "c= address '233.252.0.1/x': what follows the / is not a number"),
        ],
    )
    def test_what_is_no_address_is_an_error(self, text: str, message: str) -> None:
        assert parse_error(description(f"c={text}")).message == f"line 4: {message}"

    def test_other_networks_are_left_alone(self) -> None:
        read = parse(description("c=ATM NSAP 47.0091.8100"))
        assert read.connection == Connection("ATM", "NSAP", "47.0091.8100")


@pytest.mark.clause("RFC 8866", "5.14")
class TestSection514Media:
    def test_a_media_line_has_kind_port_protocol_and_formats(self) -> None:
        media = parse(description("m=audio 49170/2 RTP/AVP 0 96")).media[0]
        assert (media.kind, media.port, media.ports, media.proto) == ("audio", 49170, 2, "RTP/AVP")
        assert media.formats == ("0", "96")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("audio x RTP/AVP 0", "m='audio x RTP/AVP 0' is not media, port and protocol"),
            ("audio 65536 RTP/AVP 0", "m= port 65536 is above 65535"),
            ("audio 99999999999999999999999 RTP/AVP 0", "m= port 99999999999999999999 is above 65535"),
            ("audio 1/0 RTP/AVP 0", "m= number of ports 0 is not between 1 and 32768"),
            ("audio 1 RTP/AVP", "m= lists no format"),
            ("audio 1 RTP/AVP/ 0", "m= lists no format"),
            ("audio", "m='audio' is not media, port and protocol"),
        ],
    )
    def test_a_broken_media_line_is_an_error(self, text: str, message: str) -> None:
        assert parse_error(description(f"m={text}")).message == f"line 4: {message}"

    def test_rtpmap_fmtp_and_packet_times_are_typed(self) -> None:
        media = parse(
            description(
                "m=audio 1 RTP/AVP 96 97 98",
                "a=rtpmap:96 L16/44100/2",
                "a=rtpmap:97 telephone-event/8000",
                "a=rtpmap:96 again/8000",
                "a=rtpmap:98 nonsense",
                "a=rtpmap:300 x/8000",
                "a=fmtp:97 0-15,66",
                "a=ptime:30",
                "a=maxptime:37.5",
            )
        ).media[0]
        assert media.rtpmap == {96: Rtpmap("L16", 44100, 2), 97: Rtpmap("telephone-event", 8000)}
        assert media.fmtp == {"97": "0-15,66"}
        assert (media.ptime, media.maxptime) == (30.0, 37.5)

    @pytest.mark.parametrize("text", ["0", "-20", "twenty", "", "1e3", "9" * 30])
    def test_a_packet_time_that_is_none_is_ignored(self, text: str) -> None:
        assert parse(description("m=audio 1 RTP/AVP 0", f"a=ptime:{text}")).media[0].ptime is None


@pytest.mark.clause("RFC 8866", "6.7")
class TestSection67Direction:
    def test_the_media_level_goes_before_the_session_level(self) -> None:
        read = parse(
            description("a=recvonly", "m=audio 1 RTP/AVP 0", "m=audio 3 RTP/AVP 0", "a=inactive", "m=audio 5 RTP/AVP 0")
        )
        assert [read.direction_of(media) for media in read.media] == [
            Direction.RECVONLY,
            Direction.INACTIVE,
            Direction.RECVONLY,
        ]

    def test_without_any_it_is_sendrecv(self) -> None:
        read = parse(MINIMAL)
        assert read.direction_of(read.media[0]) is Direction.SENDRECV

    def test_reversing_twice_changes_nothing(self) -> None:
        assert [direction.reversed for direction in Direction] == [
            Direction.SENDRECV,
            Direction.RECVONLY,
            Direction.SENDONLY,
            Direction.INACTIVE,
        ]


class TestAnyOctets:
    @given(st.binary(max_size=400))
    def test_noise_is_read_or_refused_and_nothing_else(self, data: bytes) -> None:
        try:
            read = parse(data)
        except ParseError:
            return
        assert parse(read.serialize()) == read

    @settings(max_examples=300)
    @given(st.data())
    def test_mutated_offers_are_read_or_refused_and_nothing_else(self, data: st.DataObject) -> None:
        try:
            read = parse(mutated(data))
        except ParseError as error:
            assert error.message
            return
        for media in read.media:
            assert read.direction_of(media) in Direction
            assert all(0 <= number <= 127 for number in media.rtpmap)
            assert (media.ptime or 1) > 0
            assert isinstance(media.fmtp, dict)
        assert SessionDescription.parse(read.serialize()) == read

    def test_every_prefix_of_an_offer_is_read_or_refused(self) -> None:
        whole = OFFERS[0].read_bytes()
        for end in range(len(whole)):
            try:
                parse(whole[:end])
            except ParseError as error:
                assert error.message.startswith("line ")


class TestTheUsualWay:
    """Most descriptions are read a line at a time from what is known; what comes out is what the careful way gives."""

    @pytest.mark.parametrize("path", OFFERS, ids=lambda path: path.stem)
    def test_offers_of_many_makes_are_read_so(self, path: Path) -> None:
        data = path.read_bytes()
        assert read_usual(data) == read_carefully(data)

    @settings(max_examples=300)
    @given(st.data())
    def test_it_reads_the_same_or_leaves_it_to_the_careful_way(self, data: st.DataObject) -> None:
        octets = mutated(data)
        usual = read_usual(octets)
        assert usual is None or usual == read_carefully(octets)

    @pytest.mark.parametrize(
        "line",
        ["", "a", "a=", "c=IN IP4", "c=IN IP4 1.2.3", "c=IN IP6 1.2.3.4", "t=0", "v=0", "=x", "\u00e9=x", "m=audio"],
    )
    def test_a_line_that_is_broken_is_left_to_the_careful_way(self, line: str) -> None:
        data = description("t=0 0", line, "m=audio 1 RTP/AVP 0")
        assert read_usual(data) is None
        with pytest.raises(ParseError):
            read_carefully(data)

    @pytest.mark.parametrize(
        "data", [b"", b"\r\n" * 4, MINIMAL[:-2], MINIMAL.replace(b"\r\n", b"\n"), MINIMAL + b"\0\r\n"]
    )
    def test_so_are_unusual_line_ends_and_octets(self, data: bytes) -> None:
        assert read_usual(data) is None
