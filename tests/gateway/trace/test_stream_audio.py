"""The sound of a stream, put in order."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.trace.stream_audio import Pcm, StreamAudio
from tones.g711 import Law, decode

OCTETS = [bytes([number]) * 160 for number in range(1, 41)]
START = 0xFFFFFF00


def put_together(
    numbers: list[int], late_s: float = 0.0, shift_from: int = 1000, shift: int = 0
) -> tuple[Pcm, StreamAudio]:
    """Packets by number, each arriving when it should."""
    audio = StreamAudio()
    blocks: list[Pcm] = []
    for number in numbers:
        timestamp = (START + 160 * number + (shift if number >= shift_from else 0)) & 0xFFFFFFFF
        place = audio.place(timestamp, 100.0 + 0.02 * number + late_s)
        blocks += audio.add(place, OCTETS[number], Law.ALAW)
    return np.concatenate([*blocks, *audio.finish()]), audio


WHOLE = decode(b"".join(OCTETS), Law.ALAW)


def test_in_order() -> None:
    pcm, audio = put_together(list(range(40)))
    assert np.array_equal(pcm, WHOLE)
    assert audio.samples == 6400


def test_a_late_packet_is_put_in_its_place() -> None:
    order = list(range(40))
    order.insert(9, order.pop(5))
    assert np.array_equal(put_together(order)[0], WHOLE)


def test_one_that_is_too_late_is_dropped() -> None:
    order = list(range(40))
    order.append(order.pop(5))
    pcm, audio = put_together(order)
    assert audio.late_packets == 1
    assert not pcm[800:960].any()
    assert np.array_equal(np.delete(pcm, slice(800, 960)), np.delete(WHOLE, slice(800, 960)))


def test_what_did_not_come_is_silence() -> None:
    pcm, _ = put_together([*range(10), *range(12, 40)])
    assert not pcm[1600:1920].any()
    assert np.array_equal(pcm[1920:], WHOLE[1920:])


def test_a_pause_of_an_hour_is_silence_in_small_blocks() -> None:
    audio = StreamAudio()
    audio.add(audio.place(0, 0.0), OCTETS[0], Law.ALAW)
    audio.add(audio.place(3600 * 8000, 3600.0), OCTETS[1], Law.ALAW)
    blocks = audio.finish()
    assert sum(block.size for block in blocks) == 3600 * 8000 + 160
    assert max(block.size for block in blocks) == 80_000
    assert audio.jumps == 0


@pytest.mark.parametrize("shift", [10**6, -(10**6), 1 << 31])
def test_another_clock_goes_on_by_arrival(shift: int) -> None:
    pcm, audio = put_together(list(range(40)), shift_from=20, shift=shift)
    assert audio.jumps == 1
    assert np.array_equal(pcm, WHOLE)
