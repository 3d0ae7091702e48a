"""What the SIP of a capture says of media."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from gateway.trace.frames import Datagram, Segment, dissect
from gateway.trace.ip import Path, TcpConversation
from gateway.trace.sip_media import Calls
from tests.gateway.trace.captures import CALLER, GATEWAY, description, sip

PHONE, SERVER = ("192.0.2.1", 5060), ("192.0.2.9", 5060)
INVITE = sip("INVITE sip:+33199000003@192.0.2.9 SIP/2.0", description(CALLER))
PROGRESS = sip("SIP/2.0 183 Session Progress", description(GATEWAY))


def over_udp(calls: Calls, *messages: bytes, at_ns: int = 0) -> None:
    for message in messages:
        calls.take(Datagram(PHONE, SERVER, message), at_ns)


class TestCalls:
    def test_a_call_has_its_ends_and_where_each_wants_media(self) -> None:
        calls = Calls()
        over_udp(calls, INVITE, PROGRESS)
        (call,) = calls.calls
        assert str(call) == "call 1: 100 to +33199000003"
        to_caller, to_called = calls.announced(CALLER, 0), calls.announced(GATEWAY, 0)
        assert to_caller is not None and to_called is not None
        assert (to_caller.call, to_caller.to_caller, to_called.to_caller) == (call, True, False)
        assert (to_caller.codecs[8], to_caller.codecs[101], to_caller.codecs[18]) == ("PCMA", "telephone-event", "G729")

    def test_who_describes_what_does_not_depend_on_who_asks(self) -> None:
        calls = Calls()
        again = sip("INVITE sip:100@192.0.2.1 SIP/2.0", description(("192.0.2.9", 30000)), reverse=True)
        answer = sip("SIP/2.0 200 OK", description(("192.0.2.1", 30002)), reverse=True)
        over_udp(calls, INVITE, again, answer)
        told = [calls.announced(endpoint, 0) for endpoint in (("192.0.2.9", 30000), ("192.0.2.1", 30002))]
        assert [each is not None and each.to_caller for each in told] == [False, True]

    def test_an_address_that_is_used_again_means_the_newest_call(self) -> None:
        calls = Calls()
        over_udp(calls, INVITE, at_ns=10**9)
        over_udp(calls, sip("INVITE sip:1@x SIP/2.0", description(CALLER), call_id="c@d"), at_ns=100 * 10**9)
        numbers = []
        for at_s in (0, 50, 99.7, 200):
            announced = calls.announced(CALLER, int(at_s * 10**9))
            assert announced is not None
            numbers.append(announced.call.number)
        assert numbers == [1, 1, 2, 2]

    def test_what_belongs_to_no_call_is_none(self) -> None:
        calls = Calls()
        over_udp(calls, sip("OPTIONS sip:x SIP/2.0", cseq="1 OPTIONS"), sip("SIP/2.0 200 OK", cseq="7 REGISTER"))
        assert (calls.calls, calls.messages) == ([], 2)
        assert calls.announced(CALLER, 0) is None

    def test_what_cannot_be_read_is_counted(self) -> None:
        calls = Calls()
        over_udp(calls, INVITE[:-20], sip("INVITE sip:x SIP/2.0", "v=0\r\nnonsense"))
        assert calls.unreadable == 2
        assert calls.announced(CALLER, 0) is None

    @pytest.mark.parametrize("octets", [b"", b"\x80\x08" + bytes(170), b"GET / HTTP/1.1\r\n\r\n", b"\r\n\r\n", b"SIP"])
    def test_what_is_no_sip_is_none(self, octets: bytes) -> None:
        calls = Calls()
        over_udp(calls, octets)
        assert (calls.messages, calls.unreadable) == (0, 0)

    def test_a_stream_that_is_refused_or_nowhere_is_none(self) -> None:
        calls = Calls()
        refused = description(CALLER).replace("m=audio 40000", "m=audio 0")
        video = description(CALLER).replace("m=audio", "m=video")
        named = description(CALLER).replace("c=IN IP4 192.0.2.1", "c=IN IP4 phone.example.org")
        over_udp(calls, *(sip("INVITE sip:x SIP/2.0", body) for body in (refused, video, named)))
        assert calls.announced(CALLER, 0) is None


class TestTcp:
    """The segments of a connection, in any order."""

    @staticmethod
    def segments(*messages: bytes) -> list[Segment]:
        paths = (
            Path((ip_address(PHONE[0]), 5062), (ip_address(SERVER[0]), 5060)),
            Path((ip_address(SERVER[0]), 5060), (ip_address(PHONE[0]), 5062)),
        )
        conversation = TcpConversation(*paths, 0xFFFFFF00)
        packets = [*conversation.opened(), *(each for octets in messages for each in conversation.sent(0, octets))]
        found = [dissect(101, packet) for side, packet in packets if side == 0]
        return [each for each in found if isinstance(each, Segment)]

    LONG = sip("INVITE sip:x SIP/2.0", description(CALLER, *(f"a=x:{number:0100}" for number in range(40))))

    def test_a_message_of_several_segments(self) -> None:
        calls = Calls()
        for segment in self.segments(self.LONG, INVITE):
            calls.take(segment, 0)
        assert (calls.messages, calls.unreadable) == (2, 0)
        assert calls.announced(CALLER, 0) is not None

    def test_segments_in_disorder_and_twice(self) -> None:
        calls = Calls()
        carrying = [each for each in self.segments(self.LONG) if each.payload]
        assert len(carrying) == 4
        for number in (0, 2, 0, 3, 2, 1):
            calls.take(carrying[number], 0)
        assert calls.messages == 1

    def test_it_goes_on_at_the_next_message_after_a_gap(self) -> None:
        calls = Calls()
        first, *rest = [each for each in self.segments(self.LONG, *[INVITE] * 80) if each.payload]
        calls.take(first, 0)
        for segment in rest[1:]:
            calls.take(segment, 0)
        assert 10 < calls.messages < 81
        assert calls.announced(CALLER, 0) is not None
