"""Messages out of a TCP stream, however it is cut."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.framing import MAX_BODY_OCTETS, StreamFramer
from gateway.sip.message import MAX_HEADER_SECTION_OCTETS, parse_message, salvage

DATA = Path(__file__).parents[2] / "data" / "rfc4475"

FIRST = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nl: 0\r\n\r\n"
SECOND = (
    b"INFO sip:a@b SIP/2.0\r\nSubject:\r\n l: 99\r\nVia: SIP/2.0/TCP h\r\ncontent-LENGTH :\r\n  0012\r\nX: y\r\n\r\n"
    b"Hello\r\n\r\nyou"
)
THIRD = b"SIP/2.0 200 OK\r\nContent-Length: 4\r\n\r\n\r\n\r\n"


def fed(data: bytes, cuts: list[int]) -> tuple[list[bytes], int, str, bytes]:
    framer = StreamFramer()
    messages: list[bytes] = []
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        messages += framer.feed(data[start:end])
    return messages, framer.pings, str(framer.error), framer.broken


@pytest.mark.clause("RFC 3261", "18.3")
class TestFraming:
    def test_a_whole_message_comes_at_once(self) -> None:
        framer = StreamFramer()
        assert framer.feed(FIRST) == [FIRST]
        assert framer.pending_octets == 0

    def test_pipelined_messages_come_in_order(self) -> None:
        assert StreamFramer().feed(FIRST + SECOND + THIRD + FIRST[:9]) == [FIRST, SECOND, THIRD]

    def test_what_is_cut_off_is_one_message_to_the_parser_too(self) -> None:
        for octets in StreamFramer().feed(FIRST + SECOND + THIRD):
            message = parse_message(octets)
            assert octets.endswith(b"\r\n\r\n" + message.body)

    def test_every_split_point_gives_the_same(self) -> None:
        stream = b"\r\n\r\n" + FIRST + b"\r\n" + SECOND + b"\r\n\r\n\r\n\r\n" + THIRD + b"\r\n\r\n"
        for cut in range(len(stream) + 1):
            assert fed(stream, [cut]) == ([FIRST, SECOND, THIRD], 4, "None", b"")

    def test_octet_by_octet_gives_the_same(self) -> None:
        stream = FIRST + b"\r\n\r\n" + SECOND + THIRD
        assert fed(stream, list(range(len(stream)))) == ([FIRST, SECOND, THIRD], 1, "None", b"")

    @given(
        st.lists(
            st.sampled_from([FIRST, SECOND, THIRD, b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"junk", b"\r\n\r\n\r\n\r\nx"])
        ),
        st.lists(st.integers(min_value=0, max_value=2000), max_size=20),
    )
    def test_any_chunking_of_any_stream_gives_the_same(self, pieces: list[bytes], cuts: list[int]) -> None:
        stream = b"".join(pieces)
        assert fed(stream, cuts) == fed(stream, [])

    def test_a_torture_stream(self) -> None:
        stream = b"".join((DATA / f"{name}.dat").read_bytes() for name in ("esc01", "mpart01", "wsinv", "zeromf"))
        messages, _, error, _ = fed(stream, list(range(0, len(stream), 7)))
        assert error == "None"
        assert [parse_message(message).cseq.number for message in messages] == [234234, 1, 9, 39234321]

    def test_a_message_waits_for_its_body(self) -> None:
        framer = StreamFramer()
        assert framer.feed(SECOND[:-3]) == []
        assert framer.pending_octets == len(SECOND) - 3
        assert framer.feed(SECOND[-3:]) == [SECOND]


@pytest.mark.clause("RFC 3261", "20.14")
class TestContentLength:
    @pytest.mark.parametrize(
        ("line", "status", "why"),
        [
            (b"X: y", 400, "Content-Length: missing, and a stream cannot do without"),
            (b" l: 5", 400, "Content-Length: missing"),
            (b"Content-Length: -1", 400, "Content-Length: '-1' is not a number"),
            (b"Content-Length: five", 400, "Content-Length: 'five' is not a number"),
            (b"Content-Length:", 400, "Content-Length: '' is not a number"),
            (b"Content-Length: 1 2", 400, "Content-Length: '1 2' is not a number"),
            (b"Content-Length: \xb2", 400, "is not a number"),
            (b"Content-Length: 5\r\nl: 6", 400, "Content-Length: several that differ"),
            (b"Content-Length: 1048577", 413, "Content-Length: '1048577' is more than 1048576"),
            (b"Content-Length: " + b"9" * 5000, 413, "is more than 1048576"),
        ],
    )
    def test_a_stream_that_cannot_be_read_on_says_why(self, line: bytes, status: int, why: str) -> None:
        broken = b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nCSeq: 1 INVITE\r\n" + line + b"\r\n\r\n"
        framer = StreamFramer()
        assert framer.feed(FIRST + broken + FIRST) == [FIRST]
        assert framer.error is not None
        assert framer.error.sip_status == status
        assert why in str(framer.error)
        assert framer.broken == broken
        assert salvage(framer.broken) is not None
        assert framer.feed(FIRST) == []
        assert framer.pending_octets == 0

    def test_the_same_twice_is_one(self) -> None:
        octets = b"SIP/2.0 200 OK\r\nl: 2\r\nContent-Length: 2\r\n\r\nhi"
        assert StreamFramer().feed(octets) == [octets]

    def test_leading_zeros_are_nothing(self) -> None:
        octets = b"SIP/2.0 200 OK\r\nl: " + b"0" * 5000 + b"2\r\n\r\nhi"
        assert StreamFramer().feed(octets) == [octets]

    def test_the_limit_is_a_setting(self) -> None:
        framer = StreamFramer(max_body_octets=1)
        framer.feed(THIRD)
        assert framer.error is not None
        assert MAX_BODY_OCTETS == 1048576


class TestHeaderSection:
    def test_too_long_is_refused_as_soon_as_it_is_known(self) -> None:
        start = b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nCSeq: 1 INVITE\r\nX: "
        framer = StreamFramer()
        framer.feed(start + b"x" * (MAX_HEADER_SECTION_OCTETS + 3 - len(start)))
        assert framer.error is None
        assert framer.feed(b"x") == []
        assert framer.error is not None
        assert framer.error.sip_status == 413
        assert str(framer.error) == "header section is longer than 65536 octets"
        assert salvage(framer.broken) is not None

    def test_the_longest_is_taken(self) -> None:
        start = b"SIP/2.0 200 OK\r\nl: 0\r\nX: "
        octets = start + b"x" * (MAX_HEADER_SECTION_OCTETS - len(start)) + b"\r\n\r\n"
        assert fed(octets, [100, 60000, 65537, 65539])[0] == [octets]


@pytest.mark.clause("RFC 5626", "3.5.1")
class TestKeepalive:
    def test_two_line_ends_are_a_ping(self) -> None:
        framer = StreamFramer()
        assert framer.feed(b"\r\n\r") == []
        assert framer.pings == 0
        framer.feed(b"\n\r\n\r\n")
        assert framer.pings == 2

    @pytest.mark.clause("RFC 3261", "7.5")
    def test_one_line_end_before_a_message_is_passed_over(self) -> None:
        framer = StreamFramer()
        assert framer.feed(b"\r\n" + FIRST + b"\r\n" + FIRST + b"\r\n") == [FIRST, FIRST]
        assert framer.pings == 0

    def test_half_line_ends_are_no_ping(self) -> None:
        framer = StreamFramer()
        framer.feed(b"\r\r\n\n\r\n\n\r\n")
        assert framer.pings == 0
