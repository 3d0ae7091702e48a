"""Digits lifted out of the sound."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.media.digit_lifting import DELAY_BLOCKS, DigitLifter
from gateway.media.sender import Sender
from gateway.media.store import SoundStore
from gateway.media.telephone_event import DIGITS, EventReceiver, ReceivedEvent
from tones.detect.dtmf import detect
from tones.dtmf import render_digit
from tones.g711 import Law, decode, encode


def dialled(digits: str, on_ms: int = 80, off_ms: int = 80) -> bytes:
    pause = np.zeros(8 * off_ms, np.int16)
    parts = [np.zeros(1600, np.int16)]
    for digit in digits:
        parts += [render_digit(digit, on_ms), pause]
    parts.append(np.zeros(3200, np.int16))
    return encode(np.concatenate(parts), Law.ALAW).tobytes()


def blocks(octets: bytes) -> list[bytes]:
    return [octets[at : at + 160] for at in range(0, len(octets) - 159, 160)]


class TestLifting:
    @pytest.mark.parametrize("law", Law)
    def test_sound_without_digits_is_only_delayed(self, law: Law) -> None:
        noise = encode(np.random.default_rng(1).integers(-3000, 3000, 8000).astype(np.int16), law).tobytes()
        lifter = DigitLifter(law)
        out = b"".join(lifter.feed(block).octets for block in blocks(noise))
        assert out[160 * DELAY_BLOCKS :] == noise[: -160 * DELAY_BLOCKS]

    @pytest.mark.parametrize("on_ms", [50, 80, 200, 1000])
    @pytest.mark.parametrize("phase", [0, 37, 111])
    def test_digits_are_told_with_their_ends_and_nothing_of_them_is_left(self, on_ms: int, phase: int) -> None:
        lifter = DigitLifter(Law.ALAW)
        lifted = [lifter.feed(block) for block in blocks(dialled("159D", on_ms)[phase:])]
        assert "".join(each.began for each in lifted) == "159D"
        assert sum(each.ended for each in lifted) == 4
        left = decode(b"".join(each.octets for each in lifted), Law.ALAW)
        assert detect(left) == []
        assert np.abs(left.astype(np.int64)).max() <= 8
        assert lifter.digit == ""

    def test_the_same_digit_twice_is_two(self) -> None:
        lifter = DigitLifter(Law.ALAW)
        assert "".join(lifter.feed(block).began for block in blocks(dialled("5555"))) == "5555"

    def test_digits_heard_on_a_circuit_leave_as_events_only(self) -> None:
        sender, lifter, receiver = Sender(SoundStore(), phases=1), DigitLifter(Law.ALAW), EventReceiver()
        row = sender.open(Law.ALAW)
        sender.live(row)
        sender.attach(row, 1, 1, 0, 8)
        heard: list[ReceivedEvent] = []
        audio = b""
        for block in blocks(dialled("07#", 100, 120)):
            lifted = lifter.feed(block)
            if lifted.ended:
                sender.end_event(row)
            if lifted.began:
                sender.send_event(row, DIGITS.index(lifted.began), 101)
            sender.feed(row, lifted.octets)
            batch = sender.tick(0)
            for packets in (batch.packets, *(each.packets for each in batch.others)):
                for packet in packets:
                    octets = packet.tobytes()
                    if octets[1] & 0x7F == 101:
                        heard += receiver.event_received(int.from_bytes(octets[4:8], "big"), octets[12:])
                    else:
                        audio += octets[12:]
        assert "".join(each.digit for each in heard) == "07#"
        assert all(80 * 8 <= each.duration <= 160 * 8 and each.ended for each in heard)
        assert detect(decode(audio, Law.ALAW)) == []
