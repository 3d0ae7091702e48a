"""A receiver that puts what comes into a jitter buffer."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from gateway.media.comfort_noise import ComfortNoise
from gateway.media.jitter import JitterBuffer, Verdict
from gateway.media.receiver import Receiver
from gateway.media.rtp import RtpPacket
from gateway.media.telephone_event import event_packets
from tones.g711 import Law, decode, idle_octet, transcode

PEER = ("192.0.2.1", 4000)


def packet(number: int, **changes: object) -> RtpPacket:
    return attrs.evolve(RtpPacket(8, number, 160 * number, 0xAAAA, bytes([number % 256]) * 160), **changes)  # type: ignore[arg-type]


def receiver(law: Law = Law.ALAW) -> tuple[Receiver, JitterBuffer]:
    jitter = JitterBuffer(law)
    return Receiver(law, telephone_events=frozenset({101}), records=False, jitter=jitter), jitter


def run(each: Receiver, jitter: JitterBuffer, packets: list[RtpPacket | None]) -> list[tuple[bytes, Verdict]]:
    pulled = []
    for number, one in enumerate(packets):
        if one is not None:
            each.received(one.serialize(), PEER, number * 0.02)
        pulled.append(jitter.pull(number * 0.02 + 0.001))
    return pulled


def test_audio_is_pulled_from_the_buffer() -> None:
    each, jitter = receiver()
    pulled = run(each, jitter, [packet(number) for number in range(20)])
    assert [verdict for _, verdict in pulled[3:]] == [Verdict.PLAYED] * 17
    assert jitter.counts.packets == 20


def test_the_other_law_is_transcoded() -> None:
    each, jitter = receiver(Law.MULAW)
    pulled = run(each, jitter, [packet(number, payload=b"\x13" * 160) for number in range(10)])
    assert pulled[-1][0] == transcode(b"\x13" * 160, Law.ALAW, Law.MULAW).tobytes()


def test_duplicates_do_not_get_there() -> None:
    each, jitter = receiver()
    run(each, jitter, [packet(1), packet(1), packet(2)])
    assert (jitter.counts.packets, each.refusals.duplicate) == (2, 1)


def test_comfort_noise_is_heard_after_it() -> None:
    each, jitter = receiver()
    noise = packet(10, payload_type=13, payload=ComfortNoise(40).serialize())
    pulled = run(each, jitter, [*[packet(n) for n in range(10)], noise, *[None] * 30])
    sound = decode(b"".join(octets for octets, _ in pulled[15:]), Law.ALAW).astype(np.float64)
    assert 20 * np.log10(np.sqrt(np.mean(np.square(sound))) / 32124) == pytest.approx(-40, abs=1)
    assert jitter.counts.concealed == 0


def test_an_event_is_no_loss() -> None:
    each, jitter = receiver()
    digit = list(event_packets(5, 800, payload_type=101, sequence=10, timestamp=1600, ssrc=0xAAAA))
    later = [packet(10 + n, timestamp=160 * (10 + n)) for n in range(len(digit), len(digit) + 10)]
    pulled = run(each, jitter, [*[packet(n) for n in range(10)], *digit, *later])
    assert jitter.counts.concealed == 0
    assert bytes([idle_octet(Law.ALAW)]) * 160 in [octets for octets, _ in pulled[12:18]]
    assert pulled[-1][1] is Verdict.PLAYED


def test_another_source_starts_the_buffer_anew() -> None:
    each, jitter = receiver()
    strange = [packet(n, ssrc=0xBBBB, timestamp=0x70000000 + 160 * n, sequence=500 + n) for n in range(20)]
    pulled = run(each, jitter, [*[packet(n) for n in range(10)], *strange])
    assert [verdict for _, verdict in pulled[-10:]] == [Verdict.PLAYED] * 10
    assert jitter.counts.resyncs == 0


def test_a_buffer_of_the_other_law_is_refused() -> None:
    with pytest.raises(ValueError, match="a jitter buffer of PCMU in a receiver of PCMA"):
        Receiver(Law.ALAW, jitter=JitterBuffer(Law.MULAW))
