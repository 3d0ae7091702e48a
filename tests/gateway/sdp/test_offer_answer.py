"""Offers, answers and what they come to."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.sdp.model import Direction, SessionDescription
from gateway.sdp.offer_answer import (
    DTMF_EVENTS,
    PCMA,
    PCMU,
    SUPPORTED_PTIMES_MS,
    Agreed,
    LocalMedia,
    NothingUsable,
    agreed_from_answer,
    answer,
    offer,
)
from tones.g711 import Law

OFFERS = {path.stem: path.read_bytes() for path in sorted((Path(__file__).parent / "offers").glob("*.sdp"))}
LOCAL = LocalMedia("192.0.2.99", 20000, session_id=77, version=5)


def offered(*lines: str, connection: str = "c=IN IP4 192.0.2.1") -> bytes:
    head = ("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", *([connection] if connection else []), "t=0 0")
    return "".join(f"{line}\r\n" for line in (*head, *lines)).encode()


def refusal(sdp: bytes, local: LocalMedia = LOCAL) -> tuple[int, str]:
    with pytest.raises(NothingUsable) as caught:
        answer(sdp, local)
    assert caught.value.sip_status == 488
    return caught.value.warn_code, caught.value.warn_text


def with_version(sdp: bytes, version: str) -> bytes:
    read = SessionDescription.parse(sdp)
    return attrs.evolve(read, origin=attrs.evolve(read.origin, version=version)).serialize()


@pytest.mark.clause("RFC 3264", "6")
class TestSection6Answer:
    def test_an_answer_to_a_plain_offer(self) -> None:
        agreed = answer(OFFERS["baresip"], LOCAL)
        assert agreed.sdp == (
            b"v=0\r\n"
            b"o=- 77 5 IN IP4 192.0.2.99\r\n"
            b"s=-\r\n"
            b"c=IN IP4 192.0.2.99\r\n"
            b"t=0 0\r\n"
            b"m=audio 20000 RTP/AVP 8 101\r\n"
            b"a=rtpmap:8 PCMA/8000\r\n"
            b"a=rtpmap:101 telephone-event/8000\r\n"
            b"a=fmtp:101 0-15\r\n"
            b"a=ptime:20\r\n"
            b"a=sendrecv\r\n"
        )
        assert agreed == Agreed(
            sdp=agreed.sdp,
            codec=PCMA,
            telephone_event=101,
            remote=("192.0.2.20", 16852),
            direction=Direction.SENDRECV,
            ptime=20,
            receive_payload_type=8,
            receive_telephone_event=101,
        )
        assert agreed.sends

    @pytest.mark.parametrize(
        ("name", "codec", "event", "remote", "ptime", "ports"),
        [
            ("linphone", PCMU, 100, ("192.0.2.10", 7078), 20, [20000, 0]),
            ("zoiper", PCMA, 101, ("192.0.2.30", 8000), 20, [20000]),
            ("cisco", PCMU, 101, ("192.0.2.51", 18434), 30, [20000, 0]),
            ("webrtc-with-plain-rtp", PCMU, 126, ("192.0.2.40", 58779), 20, [20000, 0]),
            ("microsoft-srtp-first", PCMA, 101, ("192.0.2.60", 50014), 20, [0, 20000]),
        ],
    )
    def test_offers_of_many_makes(
        self, name: str, codec: object, event: int, remote: tuple[str, int], ptime: int, ports: list[int]
    ) -> None:
        agreed = answer(OFFERS[name], LOCAL)
        assert (agreed.codec, agreed.telephone_event, agreed.remote, agreed.ptime) == (codec, event, remote, ptime)
        assert [media.port for media in SessionDescription.parse(agreed.sdp).media] == ports

    def test_every_media_line_is_answered_in_its_place_with_kind_and_transport(self) -> None:
        for name, data in OFFERS.items():
            if name == "webrtc":
                continue
            asked = SessionDescription.parse(data).media
            told = SessionDescription.parse(answer(data, LOCAL).sdp).media
            assert [(m.kind, m.proto) for m in told] == [(m.kind, m.proto) for m in asked], name
            assert all(set(ours.formats) <= set(theirs.formats) for ours, theirs in zip(told, asked, strict=True))

    def test_nothing_of_ice_bundle_or_extensions_is_repeated(self) -> None:
        told = answer(OFFERS["webrtc-with-plain-rtp"], LOCAL).sdp
        assert not any(word in told for word in (b"ice", b"group", b"mid", b"fingerprint", b"rtcp", b"extmap"))

    def test_the_time_line_equals_the_offers(self) -> None:
        sdp = offered("m=audio 4000 RTP/AVP 0").replace(b"t=0 0", b"t=3724394400 3724398000\r\nr=7d 1h 0 25h")
        assert b"\r\nt=3724394400 3724398000\r\nr=7d 1h 0 25h\r\n" in answer(sdp, LOCAL).sdp

    def test_a_missing_time_line_is_answered_with_the_unbounded_one(self) -> None:
        sdp = offered("m=audio 4000 RTP/AVP 0").replace(b"t=0 0\r\n", b"")
        assert b"\r\nt=0 0\r\n" in answer(sdp, LOCAL).sdp

    def test_the_first_usable_of_several_audio_streams_is_taken(self) -> None:
        told = answer(offered("m=audio 0 RTP/AVP 0", "m=audio 10 RTP/AVP 8", "m=audio 20 RTP/AVP 0"), LOCAL)
        assert told.remote == ("192.0.2.1", 10)
        assert [media.port for media in SessionDescription.parse(told.sdp).media] == [0, 20000, 0]


@pytest.mark.clause("RFC 3264", "6.1")
class TestSection61Formats:
    @pytest.mark.parametrize(("formats", "codec"), [("0 8", PCMU), ("8 0", PCMA), ("18 3 8 0", PCMA), ("0", PCMU)])
    def test_the_offers_order_decides_and_static_types_need_no_rtpmap(self, formats: str, codec: object) -> None:
        assert answer(offered(f"m=audio 4000 RTP/AVP {formats}"), LOCAL).codec == codec

    def test_our_own_order_does_not_count(self) -> None:
        local = attrs.evolve(LOCAL, codecs=(PCMA, PCMU))
        assert answer(offered("m=audio 4000 RTP/AVP 0 8"), local).codec == PCMU

    def test_a_codec_we_are_not_to_use_is_passed_over(self) -> None:
        local = attrs.evolve(LOCAL, codecs=(PCMA,))
        assert answer(offered("m=audio 4000 RTP/AVP 0 8"), local).codec == PCMA

    def test_a_dynamic_number_for_g711_is_used_as_offered(self) -> None:
        agreed = answer(offered("m=audio 4000 RTP/AVP 97", "a=rtpmap:97 pcma/8000/1"), LOCAL)
        assert (agreed.codec.name, agreed.codec.payload_type, agreed.codec.law) == ("PCMA", 97, Law.ALAW)
        assert agreed.receive_payload_type == 97
        assert b"m=audio 20000 RTP/AVP 97\r\na=rtpmap:97 PCMA/8000\r\n" in agreed.sdp

    def test_a_static_number_may_be_bound_anew(self) -> None:
        agreed = answer(offered("m=audio 4000 RTP/AVP 0 8", "a=rtpmap:0 G722/8000"), LOCAL)
        assert agreed.codec == PCMA

    @pytest.mark.parametrize("rtpmap", ["PCMU/16000", "PCMU/8000/2", "PCMU"])
    def test_another_clock_or_two_channels_is_another_codec(self, rtpmap: str) -> None:
        assert refusal(offered("m=audio 4000 RTP/AVP 97", f"a=rtpmap:97 {rtpmap}"))[0] == 305

    def test_telephone_event_is_left_out_where_not_offered_or_not_wanted(self) -> None:
        assert answer(offered("m=audio 4000 RTP/AVP 0"), LOCAL).telephone_event is None
        local = attrs.evolve(LOCAL, telephone_event=None)
        agreed = answer(OFFERS["baresip"], local)
        assert agreed.telephone_event is None
        assert b"telephone-event" not in agreed.sdp

    @pytest.mark.clause("RFC 4733", "2.5.1.2")
    def test_telephone_event_on_another_clock_is_left_out(self) -> None:
        agreed = answer(offered("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/48000"), LOCAL)
        assert agreed.telephone_event is None

    @pytest.mark.clause("RFC 4733", "2.4.1")
    @pytest.mark.parametrize(
        ("fmtp", "events"),
        [
            ("0-15", DTMF_EVENTS),
            ("0-15,66,70", DTMF_EVENTS | {66, 70}),
            ("0-16", DTMF_EVENTS | {16}),
            ("10,0-2", frozenset({0, 1, 2, 10})),
            ("250-999", frozenset(range(250, 256))),
            ("nonsense", DTMF_EVENTS),
            ("9999999999999-3", DTMF_EVENTS),
        ],
    )
    def test_the_events_that_the_peer_takes_are_known(self, fmtp: str, events: frozenset[int]) -> None:
        sdp = offered("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", f"a=fmtp:101 {fmtp}")
        assert answer(sdp, LOCAL).remote_events == events

    @pytest.mark.parametrize(
        ("attributes", "ptime"),
        [
            ((), 20),
            (("a=ptime:20",), 20),
            (("a=ptime:30",), 30),
            (("a=ptime:30", "a=maxptime:20"), 20),
            (("a=maxptime:10",), 10),
            (("a=maxptime:150",), 20),
            (("a=ptime:35",), 30),
            (("a=ptime:2",), 10),
            (("a=ptime:240",), 60),
            (("a=ptime:0",), 20),
        ],
    )
    def test_packets_are_as_long_as_the_offer_would_like(self, attributes: tuple[str, ...], ptime: int) -> None:
        agreed = answer(offered("m=audio 4000 RTP/AVP 0", *attributes), LOCAL)
        assert agreed.ptime == ptime
        assert agreed.ptime in SUPPORTED_PTIMES_MS
        assert b"a=ptime:20\r\n" in agreed.sdp


@pytest.mark.clause("RFC 3264", "6.1")
class TestSection61Direction:
    @pytest.mark.parametrize(
        ("theirs", "ours"),
        [
            ("sendrecv", Direction.SENDRECV),
            ("sendonly", Direction.RECVONLY),
            ("recvonly", Direction.SENDONLY),
            ("inactive", Direction.INACTIVE),
        ],
    )
    def test_the_answer_is_as_full_as_the_offer_allows(self, theirs: str, ours: Direction) -> None:
        agreed = answer(offered("m=audio 4000 RTP/AVP 0", f"a={theirs}"), LOCAL)
        assert agreed.direction is ours
        assert agreed.sdp.endswith(f"a={ours.value}\r\n".encode())

    def test_the_session_level_direction_counts(self) -> None:
        assert answer(offered("a=sendonly", "m=audio 4000 RTP/AVP 0"), LOCAL).direction is Direction.RECVONLY

    def test_our_own_wish_limits_it(self) -> None:
        local = attrs.evolve(LOCAL, direction=Direction.SENDONLY)
        assert answer(offered("m=audio 4000 RTP/AVP 0"), local).direction is Direction.SENDONLY
        assert answer(offered("m=audio 4000 RTP/AVP 0", "a=sendonly"), local).direction is Direction.INACTIVE

    @pytest.mark.clause("RFC 6337", "5.4")
    def test_the_old_hold_is_answered_by_direction_and_nothing_is_sent(self) -> None:
        agreed = answer(offered("m=audio 4000 RTP/AVP 0", connection="c=IN IP4 0.0.0.0"), LOCAL)
        assert agreed.direction is Direction.SENDRECV
        assert not agreed.sends


class TestConnection:
    def test_the_media_level_goes_before_the_session_level(self) -> None:
        sdp = offered("m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.200")
        assert answer(sdp, LOCAL).remote == ("192.0.2.200", 4000)

    def test_host_names_are_passed_on(self) -> None:
        sdp = offered("m=audio 4000 RTP/AVP 0", connection="c=IN IP4 phone.example.com")
        assert answer(sdp, LOCAL).remote == ("phone.example.com", 4000)

    def test_ipv6_is_answered_with_ipv6(self) -> None:
        local = attrs.evolve(LOCAL, address="2001:db8::99")
        agreed = answer(offered("m=audio 4000 RTP/AVP 0", connection="c=IN IP6 2001:db8::1"), local)
        assert agreed.remote == ("2001:db8::1", 4000)
        assert b"o=- 77 5 IN IP6 2001:db8::99\r\ns=-\r\nc=IN IP6 2001:db8::99\r\n" in agreed.sdp


@pytest.mark.clause("RFC 3261", "20.43")
class TestNothingUsable:
    @pytest.mark.parametrize(
        ("sdp", "code", "text"),
        [
            (offered("m=video 4000 RTP/AVP 31"), 304, "audio is available, offered: video"),
            (offered(), 304, "audio is available, offered: no media at all"),
            (offered("m=audio 0 RTP/AVP 0"), 304, "the audio stream is disabled: its port is 0"),
            (
                offered("m=audio 4000 RTP/AVP 18 97", "a=rtpmap:97 iLBC/8000"),
                305,
                "PCMU or PCMA is available, offered: 18, iLBC/8000",
            ),
            (offered("m=audio 4000 RTP/SAVP 0"), 302, "transport RTP/AVP is available, not RTP/SAVP"),
            (OFFERS["webrtc"], 302, "transport RTP/AVP is available, not UDP/TLS/RTP/SAVPF"),
            (offered("m=audio 4000 RTP/AVP 0", connection=""), 301, "the audio stream has no c= line"),
            (
                offered("m=audio 4000 RTP/AVP 0", connection="c=IN IP6 2001:db8::1"),
                301,
                "192.0.2.99 cannot send to 2001:db8::1: the address families differ",
            ),
            (
                offered("m=audio 4000 RTP/AVP 0", connection="c=ATM NSAP 47.0091"),
                301,
                "network IN IP4 or IN IP6 is available, not ATM NSAP 47.0091",
            ),
            (
                offered("m=audio 4000 RTP/AVP 0", connection="c=IN IP4 233.252.0.1/127"),
                330,
                "233.252.0.1 is a multicast address",
            ),
        ],
    )
    def test_the_warning_says_what_is_missing(self, sdp: bytes, code: int, text: str) -> None:
        assert refusal(sdp) == (code, text)

    def test_the_first_audio_stream_gives_the_reason(self) -> None:
        assert refusal(offered("m=audio 4000 RTP/AVP 9", "m=audio 4002 RTP/SAVP 0"))[0] == 305

    def test_the_header_value_is_quoted(self) -> None:
        assert NothingUsable(305, 'no "x" \\').warning("192.0.2.99") == r'305 192.0.2.99 "no \"x\" \\"'


@pytest.mark.clause("RFC 3264", "8")
class TestSection8Modifying:
    FIRST = answer(OFFERS["baresip"], LOCAL)

    def test_the_same_offer_gets_the_same_answer_octet_for_octet(self) -> None:
        assert answer(OFFERS["baresip"], LOCAL, self.FIRST.sdp).sdp == self.FIRST.sdp

    def test_hold_and_resume_each_raise_the_version_by_one(self) -> None:
        hold = answer(OFFERS["baresip"].replace(b"sendrecv", b"sendonly"), LOCAL, self.FIRST.sdp)
        assert hold.direction is Direction.RECVONLY
        assert b"o=- 77 6 IN IP4 192.0.2.99" in hold.sdp
        resumed = answer(OFFERS["baresip"], LOCAL, hold.sdp)
        assert resumed.sdp == with_version(self.FIRST.sdp, "7")

    def test_a_new_stream_is_rejected_below_the_one_in_use(self) -> None:
        more = answer(OFFERS["baresip"] + b"m=video 4002 RTP/AVP 31\r\n", LOCAL, self.FIRST.sdp)
        assert more.sdp == with_version(self.FIRST.sdp, "6") + b"m=video 0 RTP/AVP 31\r\n"


@pytest.mark.clause("RFC 3264", "5")
class TestSection5Offer:
    def test_an_offer_lists_all_that_we_can_do(self) -> None:
        assert offer(LOCAL) == (
            b"v=0\r\n"
            b"o=- 77 5 IN IP4 192.0.2.99\r\n"
            b"s=-\r\n"
            b"c=IN IP4 192.0.2.99\r\n"
            b"t=0 0\r\n"
            b"m=audio 20000 RTP/AVP 0 8 101\r\n"
            b"a=rtpmap:0 PCMU/8000\r\n"
            b"a=rtpmap:8 PCMA/8000\r\n"
            b"a=rtpmap:101 telephone-event/8000\r\n"
            b"a=fmtp:101 0-15\r\n"
            b"a=ptime:20\r\n"
            b"a=sendrecv\r\n"
        )

    def test_the_same_offer_again_keeps_its_version(self) -> None:
        assert offer(LOCAL, offer(LOCAL)) == offer(LOCAL)

    @pytest.mark.clause("RFC 6337", "5.2.5")
    def test_a_later_offer_has_all_codecs_but_keeps_streams_and_dynamic_numbers(self) -> None:
        before = answer(OFFERS["linphone"], LOCAL)
        again = SessionDescription.parse(offer(LOCAL, before.sdp))
        assert again.origin.version == "6"
        assert [(media.kind, media.port) for media in again.media] == [("audio", 20000), ("video", 0)]
        assert again.media[0].formats == ("0", "8", "100")
        assert again.media[0].rtpmap[100].encoding == "telephone-event"


@pytest.mark.clause("RFC 3264", "7")
class TestSection7ReadingTheAnswer:
    def test_a_plain_answer(self) -> None:
        ours = offer(LOCAL)
        reply = offered("m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", "a=ptime:30")
        agreed = agreed_from_answer(ours, reply, LOCAL)
        assert agreed == Agreed(
            sdp=ours,
            codec=PCMA,
            telephone_event=101,
            remote=("192.0.2.1", 4000),
            direction=Direction.SENDRECV,
            ptime=30,
            receive_payload_type=8,
            receive_telephone_event=101,
        )

    def test_the_first_format_of_the_answer_is_used(self) -> None:
        assert agreed_from_answer(offer(LOCAL), offered("m=audio 4000 RTP/AVP 8 0"), LOCAL).codec == PCMA

    @pytest.mark.clause("RFC 3264", "5.1")
    def test_numbers_may_differ_between_the_directions(self) -> None:
        reply = offered("m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000")
        agreed = agreed_from_answer(offer(LOCAL), reply, LOCAL)
        assert (agreed.telephone_event, agreed.receive_telephone_event) == (96, 101)

    def test_the_direction_is_seen_from_our_side(self) -> None:
        reply = offered("m=audio 4000 RTP/AVP 0", "a=recvonly")
        assert agreed_from_answer(offer(LOCAL), reply, LOCAL).direction is Direction.SENDONLY
        hold = attrs.evolve(LOCAL, direction=Direction.SENDONLY)
        broken = offered("m=audio 4000 RTP/AVP 0", "a=sendrecv")
        assert agreed_from_answer(offer(hold), broken, hold).direction is Direction.SENDONLY

    @pytest.mark.parametrize(
        ("reply", "code", "text"),
        [
            (offered("m=audio 0 RTP/AVP 0"), 304, "the audio stream is disabled: its port is 0"),
            (offered(), 304, "the answer has 0 media, the offer 1"),
            (offered("m=video 4000 RTP/AVP 31"), 304, "audio is available, not video"),
            (offered("m=audio 4000 RTP/AVP 18"), 305, "PCMU or PCMA is available, offered: 18"),
        ],
    )
    def test_an_answer_that_takes_nothing(self, reply: bytes, code: int, text: str) -> None:
        with pytest.raises(NothingUsable) as caught:
            agreed_from_answer(offer(LOCAL), reply, LOCAL)
        assert (caught.value.warn_code, caught.value.warn_text) == (code, text)

    def test_an_answer_with_a_codec_that_was_not_offered(self) -> None:
        only_pcma = attrs.evolve(LOCAL, codecs=(PCMA,))
        with pytest.raises(NothingUsable) as caught:
            agreed_from_answer(offer(only_pcma), offered("m=audio 4000 RTP/AVP 0"), LOCAL)
        assert caught.value.warn_text == "the answer takes PCMU, which was not offered"

    def test_two_of_ours_agree_with_each_other(self) -> None:
        peer = LocalMedia("192.0.2.5", 30000)
        told = answer(offer(LOCAL), peer)
        ours = agreed_from_answer(offer(LOCAL), told.sdp, LOCAL)
        assert (ours.codec, ours.telephone_event) == (told.codec, told.telephone_event)
        assert ours.remote == ("192.0.2.5", 30000)
        assert told.remote == ("192.0.2.99", 20000)


class TestAnyOctets:
    @settings(max_examples=300)
    @given(st.data())
    def test_mutated_offers_are_answered_or_refused_and_nothing_else(self, data: st.DataObject) -> None:
        octets = bytearray(data.draw(st.sampled_from(list(OFFERS.values()))))
        for _ in range(data.draw(st.integers(1, 5))):
            at = data.draw(st.integers(0, len(octets) - 1))
            octets[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
        try:
            agreed = answer(bytes(octets), LOCAL)
        except (ParseError, NothingUsable):
            return
        asked = SessionDescription.parse(bytes(octets))
        told = SessionDescription.parse(agreed.sdp)
        assert [media.kind for media in told.media] == [media.kind for media in asked.media]
        assert sum(media.port != 0 for media in told.media) == 1
        assert answer(bytes(octets), LOCAL, agreed.sdp).sdp == agreed.sdp
        offer(LOCAL, agreed.sdp)
