"""What the line has cut off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from attrs import evolve
from numpy.typing import NDArray

from tones.accuracy import SURE, Line, every_sound
from tones.cadence import render
from tones.detect.bursts import find_bursts
from tones.detect.call_progress import identify
from tones.detect.gaps import Sound, dead_stretches, find_cuts
from tones.g711 import Law
from tones.notation import Signal
from tones.oscillator import oscillate
from tones.plan import Tone, load_plan
from tones.units import to_pcm

Pcm = NDArray[np.int16]


def rendered(text: str, seconds: float) -> Pcm:
    return render(evolve(Tone.parse("x", text), level_dbm0=-10.0)).take(round(seconds * 8000))


def lost(pcm: Pcm, packets: Sequence[int], packet_ms: int = 20) -> Pcm:
    holed = pcm.copy()
    for packet in packets:
        holed[packet * packet_ms * 8 : (packet + 1) * packet_ms * 8] = 0
    return holed


def hard(hz: str, *bursts: tuple[int, int]) -> Pcm:
    """A tone without ramps, from and to so many milliseconds, in two seconds."""
    pcm = np.zeros(16_000, np.int16)
    tone = to_pcm(oscillate(Signal.parse(hz), -10.0, 20_000))[1000:]
    for begin, end in bursts:
        pcm[8 * begin : 8 * end] = tone[8 * begin : 8 * end]
    return pcm


def cuts(pcm: Pcm) -> list[tuple[bool, bool]]:
    return [(burst.cut_on, burst.cut_off) for burst in find_bursts(pcm)]


def test_dead_stretches_are_where_nothing_is() -> None:
    pcm = np.array([100] * 10 + [24, -24] * 20 + [100] + [0] * 31 + [100], float)
    assert dead_stretches(pcm).tolist() == [[10, 50]]
    assert dead_stretches(np.zeros(0)).size == 0


class TestEdges:
    @pytest.mark.parametrize("tone", ["425/400/200", "440+480/400/200", "400*30/400/200", "50/400/200"])
    def test_the_edges_of_a_tone_are_no_cuts(self, tone: str) -> None:
        assert set(cuts(rendered(tone, 3.0))) == {(False, False)}

    @pytest.mark.parametrize("tone", ["425/400/200", "440+480/400/200", "400*30/400/200", "50/400/200"])
    @pytest.mark.parametrize("packet", [18, 19])
    def test_a_packet_at_the_end_of_a_burst_is_one(self, tone: str, packet: int) -> None:
        found = cuts(lost(rendered(tone, 3.0), [packet]))
        assert found[0] == (False, packet == 19)
        assert set(found[1:]) <= {(False, False)}

    def test_packets_at_the_beginning_of_a_burst(self) -> None:
        assert cuts(lost(rendered("425/400/200", 2.0), [30, 31, 32, 33, 34]))[:2] == [(False, False), (True, False)]

    def test_a_tone_whose_edges_are_all_hard_has_no_cuts(self) -> None:
        assert set(cuts(hard("425", (100, 350), (600, 850), (1100, 1350)))) == {(False, False)}

    def test_but_short_pauses_may_be_lost_packets(self) -> None:
        found = cuts(hard("425", (100, 350), (390, 640), (1100, 1350)))
        assert found == [(False, True), (True, False), (False, False)]

    def test_between_noise_every_dead_stretch_is_a_cut(self) -> None:
        noise = np.random.default_rng(1).normal(0, 300, 24_000)
        pcm = to_pcm(rendered("425/400/200", 3.0) + noise)
        assert set(cuts(pcm)) == {(False, False)}
        assert cuts(lost(pcm, [20]))[0] == (False, True)

    def test_what_is_too_short_to_say_is_taken_for_cut_only_in_short_pauses(self) -> None:
        signal = np.zeros(4000)
        signal[800:805] = signal[900:905] = 5000
        assert find_cuts(signal, [Sound(800, 805), Sound(900, 905)]) == [(False, True), (True, False)]


class TestConfidence:
    """A name is not sure where the times that it rests on were made by the line."""

    @pytest.mark.parametrize(
        ("country", "tone", "packets"),
        [
            ("tr", "confirmation", [40]),
            ("tr", "special-information", [13]),
            ("pg", "special-information", [15]),
            ("si", "special-information", [16, 34]),
            ("ke", "dial-second", [20, 21, 28]),
            ("tw", "dial-stutter", [20, 21, 22, 52, 75, 97, 108, 118, 119, 123]),
        ],
    )
    def test_what_lost_packets_have_made_is_never_sure(self, country: str, tone: str, packets: list[int]) -> None:
        pcm = render(evolve(load_plan(country).tones[tone], level_dbm0=-10.0)).take(16_000)
        for heard in identify(lost(pcm, packets)):
            assert heard.confidence < SURE or heard.fits(tone, country)

    @pytest.mark.parametrize("packets", [(), (10,), (10, 40, 41)])
    def test_a_tone_heard_for_long_stays_sure(self, packets: Sequence[int]) -> None:
        heard = identify(lost(rendered("440/500/500", 8.0), packets))
        assert [each.name for each in heard] == ["busy"]
        assert heard[0].confidence > 0.9

    @pytest.mark.parametrize("packet_ms", [10, 20, 30])
    def test_a_steady_tone_with_holes_is_one_tone(self, packet_ms: int) -> None:
        (burst,) = find_bursts(lost(rendered("425/*/0", 3.0), [11, 40, 73], packet_ms))
        assert burst.duration_ms == pytest.approx(3000, abs=5)


def test_a_pause_that_may_be_the_tones_own_is_not_mended_without_a_doubt() -> None:
    clean = render(evolve(load_plan("se").tones["dial-special"], level_dbm0=-10.0)).take(16_000)
    first, *_ = find_bursts(lost(clean, [16]))
    assert first.mended
    assert first.is_doubtful
    for heard in identify(lost(clean, [16])):
        assert heard.confidence < SURE or heard.fits("dial-special", "se")


def test_lost_packets_on_both_sides_of_a_pause_do_not_rule_a_tone_out() -> None:
    pcm = lost(render(evolve(load_plan("de").tones["congestion"], level_dbm0=-10.0)).take(16_000), [35, 48, 57, 78])
    assert all(heard.fits("congestion", "de") for heard in identify(pcm))


def test_what_stands_in_the_middle_of_another_tone_is_not_sure() -> None:
    tone = load_plan("tr").tones["confirmation"]
    line = Line("", -20, (Law.MULAW,), 15, 0.03)
    number, sound = next((n, each) for n, each in enumerate(every_sound()) if ("tr", "confirmation") in each.meanings)
    clean = render(evolve(tone, level_dbm0=-20.0)).take(sound.count)
    for heard in identify(line.carry(clean, np.random.default_rng([71, number]))):
        assert heard.confidence < SURE or heard.fits("confirmation", "tr")
