"""What is heard in whole captures."""

from __future__ import annotations

from io import BytesIO
from itertools import count

import numpy as np
import pytest

from gateway.core.errors import ParseError
from gateway.media.telephone_event import event_packets
from gateway.trace.capture_file import Frame, read_frames
from gateway.trace.frames import Skipped
from gateway.trace.hearing import Hearing, Source
from gateway.trace.stream_audio import Pcm
from tests.gateway.trace.captures import CALLER, GATEWAY, classic, description, ethernet, paced, sip, speech, udp
from tones.announcement import announcement
from tones.cadence import render
from tones.detect.heard import Heard
from tones.detect.stream import StreamListener
from tones.dtmf import render_digits
from tones.plan import load_plan

BUSY = render(load_plan("fr").tones["busy"]).take(32_000)
PHONE, SERVER = ("192.0.2.1", 5060), ("192.0.2.9", 5060)
BEGIN_S = 1_700_000_000.0


def call(
    pcm: object = BUSY, *, begin_s: float = BEGIN_S, call_id: str = "a@b", number: int = 0
) -> list[tuple[float, bytes]]:
    """A call with early media, as raw IP packets."""
    caller, gateway = (CALLER[0], CALLER[1] + 2 * number), (GATEWAY[0], GATEWAY[1] + 2 * number)
    assert isinstance(pcm, np.ndarray)
    rtp = [(at_s, udp(octets, gateway, caller)) for at_s, octets in paced(speech(pcm), begin_s + 0.1)]
    invite = sip("INVITE sip:+33199000003@192.0.2.9 SIP/2.0", description(caller), call_id=call_id)
    progress = sip("SIP/2.0 183 Session Progress", description(gateway), call_id=call_id)
    signalling = [(begin_s, udp(invite, PHONE, SERVER)), (begin_s + 0.05, udp(progress, SERVER, PHONE))]
    return [*signalling, *rtp]


def heard(octets: bytes, only: int | None = None) -> Hearing:
    hearing = Hearing([load_plan("fr"), load_plan("us")])
    hearing.signalling(read_frames(BytesIO(octets)))
    hearing.media(read_frames(BytesIO(octets)), only)
    return hearing


def test_a_tone_is_named_where_it_is_in_the_capture() -> None:
    (stream,) = heard(classic(call())).streams
    (sound,) = stream.sounds
    assert (sound.name, sound.words, sound.source, sound.kind) == ("busy", "busy or release", Source.AUDIO, "tone")
    assert "fr" in sound.countries
    assert sound.at_s == pytest.approx(0.1, abs=0.01)
    assert sound.level_dbm0 == pytest.approx(-10.0, abs=0.2)
    assert stream.begins_s == pytest.approx(0.1)


def test_announcements_digits_and_silence_follow_each_other() -> None:
    pcm = np.concatenate([announcement("hello"), np.zeros(8000, np.int16), render_digits("42")])
    (stream,) = heard(classic(call(pcm[: pcm.size // 160 * 160]))).streams
    assert [sound.words for sound in stream.sounds] == ["recording hello (en)", "silence", "dtmf 42"]
    assert stream.sounds[0].text.startswith("Hello. This is the simulated telephone network.")


def test_telephone_events_are_told_in_their_place() -> None:
    events = event_packets(7, 1600, payload_type=101, sequence=94, timestamp=16_000 - 0x1000, ssrc=0x1234ABCD)
    told = [packet.serialize() for packet in events]
    after = speech(BUSY[:16_000], sequence=94 + len(told), timestamp=16_000 - 0x1000 + 160 * len(told))
    signalling = call()[:2]
    rtp = paced([*speech(BUSY[:16_000]), *told, *after], BEGIN_S + 0.1)
    packets = [*signalling, *((at_s, udp(octets)) for at_s, octets in rtp)]
    (stream,) = heard(classic(packets)).streams
    (event,) = [sound for sound in stream.sounds if sound.source is Source.EVENT]
    assert (event.words, event.duration_s) == ("dtmf 7", 0.2)
    assert event.at_s == pytest.approx(2.1, abs=0.05)


def test_dropouts_are_counted_where_they_are() -> None:
    packets = call()
    del packets[12], packets[60]
    (stream,) = heard(classic(packets)).streams
    assert stream.stream.lost == 2
    assert sum(sound.dropouts for sound in stream.sounds) == stream.dropouts == 2


def test_without_signalling_the_same_is_heard() -> None:
    hearing = heard(classic([(at_s, ethernet(packet)) for at_s, packet in call()[2:]], 1))
    assert hearing.calls.calls == []
    (stream,) = hearing.streams
    assert stream.stream.announced is None
    assert [sound.name for sound in stream.sounds] == ["busy"]


def test_only_one_call() -> None:
    packets = [*call(), *call(announcement("hello")[:40_000], begin_s=BEGIN_S + 1, call_id="c@d", number=1)]
    hearing = heard(classic(sorted(packets)), 2)
    assert [str(each) for each in hearing.calls.calls] == ["call 1: 100 to +33199000003", "call 2: 100 to +33199000003"]
    assert [sound.name for stream in hearing.streams for sound in stream.sounds] == ["hello"]


def test_what_is_passed_over_is_counted() -> None:
    fragment = udp(bytes(20))
    fragment = fragment[:6] + b"\x20\0" + fragment[8:]
    packets = [*call(), (BEGIN_S + 9, fragment), (BEGIN_S + 9, fragment[:10])]
    hearing = heard(classic(packets))
    assert dict(hearing.skipped) == {Skipped.FRAGMENT: 1, Skipped.SHORT: 1}
    assert hearing.frames == len(packets)


def test_what_is_before_the_break_has_been_heard() -> None:
    octets = classic(call())[:-50]
    hearing = Hearing([load_plan("fr")])
    with pytest.raises(ParseError, match=r"cut short: a packet of 200 octets needs 200 more octets, 150 are left"):
        hearing.media(read_frames(BytesIO(octets)))
    assert [sound.name for stream in hearing.streams for sound in stream.sounds] == ["busy"]


def test_what_has_been_named_is_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    held = []
    tell = StreamListener.feed

    def feed(self: StreamListener, block: Pcm) -> list[Heard]:
        told = tell(self, block)
        held.append(self.held_samples)
        return told

    monkeypatch.setattr(StreamListener, "feed", feed)
    packets = speech(np.tile(BUSY, 50))
    hearing = Hearing([load_plan("fr")])
    hearing.media(Frame(101, at_ns, udp(octets), 200, 0) for at_ns, octets in zip(count(0, 20_000_000), packets))
    (stream,) = hearing.streams
    assert [sound.name for sound in stream.sounds] == ["busy"]
    assert stream.sounds[0].duration_s == pytest.approx(200, abs=0.1)
    assert max(held) <= 60 * 8000
