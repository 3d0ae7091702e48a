"""Where the parts of a script meet nothing clicks: `tones.detect.faults` listens, after either law."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.exchange.effects import Sound
from gateway.exchange.own_sounds import keep
from gateway.exchange.sounds import render_sound
from tones.announcement import DIGIT_NAMES, announcement, available_languages, spoken_digits
from tones.detect.faults import clicks, faults
from tones.g711 import Law, decode, encode
from tones.notation import Signal
from tones.oscillator import oscillate
from tones.units import to_pcm
from tones.user_announcement import UserAnnouncement, announcement_from_wav
from tones.wav import write_wav

Pcm = NDArray[np.int16]

NEAR_S = 0.003
DIGITS = "0123456789*#"
PARTS = (
    "tone dial", "say hello", "sine 1004 -13", "dtmf 5#", "digits 0123", "sine 440 -3", "sine 2000 -10", "tone busy",
    "dtmf 12", "tone special-information", "tone congestion", "say goodbye",
)  # fmt: skip


def through(pcm: Pcm, law: Law) -> Pcm:
    return decode(encode(pcm, law), law)


def clicks_near(pcm: Pcm, places: Sequence[int], law: Law) -> list[float]:
    """Clicks within 3 ms of a place (in samples)."""
    found = [click.onset_s for click in clicks(through(pcm, law))]
    return [at_s for at_s in found if any(abs(at_s - place / 8000) < NEAR_S for place in places)]


def edges(lengths: Sequence[int], gap: int = 0) -> list[int]:
    """Where parts of these lengths begin and end, with gaps between them."""
    starts = accumulate((length + gap for length in lengths), initial=0)
    return [edge for start, length in zip(starts, lengths, strict=False) for edge in (start, start + length)]


@pytest.mark.parametrize("law", Law)
class TestJoins:
    @pytest.mark.parametrize("country", ["us", "fr", "de", "jp", "gb", "in"])
    def test_of_all_sorts_of_parts(self, country: str, law: Law) -> None:
        pcm, *_ = render_sound(Sound(PARTS, country, 2, gap_ms=0))
        alone = [len(render_sound(Sound((part,), country, 1))[0]) for part in PARTS]
        assert len(pcm) == 2 * sum(alone)
        assert clicks_near(pcm, edges(alone * 2), law) == []
        assert faults(through(pcm, law)) == []

    def test_of_endless_tones_that_follow_each_other(self, law: Law) -> None:
        pcm, *_ = render_sound(Sound(("sine 440 -10", "sine 1004 -10", "tone dial"), "us", 2, gap_ms=0))
        assert clicks(through(pcm[8000 - 400 : -400], law)) == []

    @pytest.mark.parametrize("language", available_languages())
    def test_of_spoken_digits(self, language: str, law: Law) -> None:
        lengths = [announcement(DIGIT_NAMES[digit], language).size for digit in DIGITS]
        assert clicks_near(spoken_digits(DIGITS, language), edges(lengths, gap=480), law) == []

    def test_of_the_users_own_cut_off_in_full_sound(self, law: Law, tmp_path: object) -> None:
        path = f"{tmp_path}/tune.wav"
        write_wav(path, to_pcm(oscillate(Signal.parse("620"), -10.0, 8000, start=7)))
        tune = UserAnnouncement("tune", announcement_from_wav(path))
        keep(tune)
        pcm, *_ = render_sound(Sound(("say tune", "say tune"), "us", 2, gap_ms=0, own=(("say tune", tune.digest),)))
        assert len(pcm) == 4 * 8000
        assert clicks(through(pcm[200:-200], law)) == []

    def test_a_join_without_rest_would_click(self, law: Law) -> None:
        """What is found where parts are put together as they are."""
        pieces = [to_pcm(oscillate(Signal.parse("620"), -10.0, 8003, start=start)) for start in (0, 9, 6)]
        joins = list(accumulate(piece.size for piece in pieces))[:-1]
        assert len(clicks_near(np.concatenate(pieces), joins, law)) == len(joins)


@pytest.mark.parametrize("law", Law)
def test_a_script_that_goes_on_for_ever_does_not_click_where_it_starts_over(law: Law) -> None:
    pcm, repeats, _ = render_sound(Sound(("tone dial", "sine 620 -10"), "us", gap_ms=0, fade_ms=50))
    assert repeats
    assert clicks(through(np.tile(pcm, 3)[100:-100], law)) == []


def test_the_edges_of_parts() -> None:
    assert edges([10, 20], gap=5) == [0, 10, 15, 35]
    assert [b - a for a, b in pairwise(edges([10, 20]))] == [10, 0, 20]
