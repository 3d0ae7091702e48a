"""Tones as sound: exact to the sample, of the right level, without clicks."""

from __future__ import annotations

import numpy as np
import pytest

from tones.cadence import render
from tones.detect.spectrum import lines
from tones.notation import SILENCE, Segment
from tones.oscillator import RAMP_SAMPLES
from tones.plan import Tone, all_plans, load_plan
from tones.sit import NORTH_AMERICAN, special_information_tone
from tones.units import level_dbm0

EVERY_TONE = {
    tone.serialize(): tone for plan in (*all_plans(), NORTH_AMERICAN) for tone in plan.tones.values()
}.values()


def defined_samples(tone: Tone, cycle: bool) -> int:
    segments = tone.cycle if cycle else tone.introduction
    return sum(round((segment.on_ms or 0) * 8) + round(segment.off_ms * 8) for segment in segments)


class TestEveryTone:
    """Equal ones once."""

    def test_lasts_its_exact_number_of_samples(self) -> None:
        for tone in EVERY_TONE:
            sound = render(tone)
            assert sound.introduction.size == defined_samples(tone, cycle=False), tone
            if tone.cycle and tone.cycle[-1].on_ms is not None:
                assert sound.period.size == defined_samples(tone, cycle=True), tone

    def test_repeats_without_a_seam(self) -> None:
        """Across the seam, the second difference is never larger than it is within the sound."""
        for tone in EVERY_TONE:
            sound = render(tone)
            if not sound.repeats:
                assert int(sound.introduction[-1]) == 0 or abs(int(sound.introduction[-1])) < 200, tone
                continue
            twice = np.concatenate([sound.period, sound.period]).astype(np.int64)
            bends = np.abs(np.diff(twice, 2))
            seam = bends[sound.period.size - 3 : sound.period.size + 2]
            assert seam.max() <= bends[: sound.period.size - 3].max() + 2, tone

    def test_does_not_clip_and_is_not_louder_than_0_dbm0(self) -> None:
        for tone in EVERY_TONE:
            sound = render(tone)
            assert (
                max(np.abs(part.astype(np.int64)).max(initial=0) for part in (sound.introduction, sound.period)) < 32000
            )
            assert tone.level_dbm0 <= 0

    def test_has_its_frequencies_to_a_tenth_of_a_hertz(self) -> None:
        signals = {signal for tone in EVERY_TONE for segment in tone.segments for signal in segment.signals}
        for signal in signals - {SILENCE}:
            low_hz = min(hz for hz in signal.frequencies_hz)
            if low_hz < 100 or len(signal.frequencies_hz) > 3:
                continue
            heard = lines(render(Tone("x", (Segment((signal,), None),))).period[:8000].astype(np.float64))
            expected = list(signal.frequencies_hz)
            if signal.modulation_hz is not None:
                expected += [expected[0] - signal.modulation_hz, expected[0] + signal.modulation_hz]
            assert heard.frequencies_hz == pytest.approx(sorted(expected), abs=0.1), signal


def test_bursts_and_pauses_begin_and_end_where_they_should() -> None:
    period = render(load_plan("fr").tones["ringback"]).period
    assert period.size == 40_000
    sounding = np.flatnonzero(period)
    assert sounding[0] <= 2
    assert 11_997 <= sounding[-1] <= 11_999
    assert not period[12_000:].any()


@pytest.mark.parametrize(
    ("country", "name", "level"),
    [("us", "ringback", -16), ("us", "busy", -21), ("us", "dial", -10), ("fr", "busy", -10)],
)
def test_levels_are_total_power(country: str, name: str, level: float) -> None:
    tone = load_plan(country).tones[name]
    on = round((tone.segments[0].on_ms or 1000) * 8)
    assert level_dbm0(render(tone).period[RAMP_SAMPLES : on - RAMP_SAMPLES]) == pytest.approx(level, abs=0.05)


def test_us_ringback_is_440_and_480_hz_at_minus_19_each() -> None:
    spectrum = np.abs(np.fft.rfft(render(load_plan("us").tones["ringback"]).period[4000:12000])) / 4000
    strong = np.flatnonzero(spectrum > 100)
    assert strong.tolist() == [440, 480]
    assert 20 * np.log10(spectrum[440] / 22827) == pytest.approx(-19, abs=0.05)


class TestTake:
    SOUND = render(Tone.parse("x", "!440/100/0; 480/50/50"))

    def test_goes_on_from_the_introduction_into_the_period(self) -> None:
        taken = self.SOUND.take(2400)
        expected = np.concatenate([self.SOUND.introduction, self.SOUND.period, self.SOUND.period])
        assert (taken == expected).all()

    @pytest.mark.parametrize("start", [0, 3, 799, 800, 801, 1600, 5000])
    def test_can_start_anywhere(self, start: int) -> None:
        assert (self.SOUND.take(500, start) == self.SOUND.take(start + 500)[start:]).all()

    def test_is_silent_after_a_sound_that_ends(self) -> None:
        sound = render(special_information_tone("fr"))
        assert not sound.repeats
        assert not sound.take(1000, sound.introduction.size).any()


def test_a_rendered_tone_is_shared_and_cannot_be_changed() -> None:
    tone = load_plan("us").tones["busy"]
    assert render(tone) is render(tone)
    with pytest.raises(ValueError, match="read-only"):
        render(tone).period[0] = 1
