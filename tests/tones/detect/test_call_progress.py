"""Every tone of every plan is found again, in its class of equal tones."""

from __future__ import annotations

import numpy as np
import pytest

from tones.accuracy import LINES, SURE, Line, Verdict, every_sound, verdicts
from tones.cadence import render
from tones.detect.call_progress import identify
from tones.detect.heard import Kind, Match
from tones.g711 import Law, decode, encode
from tones.plan import Tone, load_plan
from tones.sit import NORTH_AMERICAN
from tones.units import amplitude, to_pcm

Pcm = np.ndarray[tuple[int, ...], np.dtype[np.int16]]

SOUNDS = every_sound()
MAIN = ("ringback", "busy", "congestion", "special-information", "dial")
BY_NAME = {line.name: line for line in LINES}


def through(pcm: Pcm, law: Law) -> Pcm:
    return decode(encode(pcm, law), law)


class TestEveryToneOfEveryPlan:
    """A slice of what `python -m tones accuracy` measures."""

    def test_is_named_rightly_at_99_percent_on_a_clean_line(self) -> None:
        heard = list(verdicts(SOUNDS, BY_NAME["-10 dBm0, MULAW"]))
        assert len(heard) == sum(len(sound.meanings) for sound in SOUNDS) >= 1490
        assert [verdict for verdict in heard if verdict.surely_wrong] == []
        assert sum(verdict.right for verdict in heard) >= 0.99 * len(heard)

    @pytest.mark.parametrize(
        "name",
        ["0 dBm0, ALAW", "-30 dBm0, ALAW", "-30 dBm0, noise 15 dB below", "-10 dBm0, 1 % of packets lost"],
    )
    def test_is_named_rightly_on_worse_lines(self, name: str) -> None:
        some = SOUNDS[len(name) % 8 :: 8]
        heard = list(verdicts(some, BY_NAME[name]))
        assert [verdict for verdict in heard if verdict.surely_wrong] == []
        assert sum(verdict.right for verdict in heard) >= 0.98 * len(heard)

    def test_a_part_is_not_named_wrongly_with_confidence(self) -> None:
        random = np.random.default_rng(11)
        wrong = []
        for sound in SOUNDS[::4]:
            whole = render(sound.tone)
            start = int(random.integers(0, whole.introduction.size + max(1, whole.period.size)))
            part = whole.take(int(random.integers(2_000, 60_000)), start)
            heard = tuple(identify(through(np.concatenate([np.zeros(1_000, np.int16), part]), Law.ALAW)))
            wrong += [(meaning, heard) for meaning in sound.meanings if Verdict(*meaning, heard).surely_wrong]
        assert wrong == []

    def test_its_level_is_measured(self) -> None:
        for sound in SOUNDS[::16]:
            for verdict in verdicts([sound], Line("", -20.0)):
                assert all(each.level_dbm0 == pytest.approx(-20, abs=0.5) for each in verdict.heard), verdict


class TestClasses:
    """E.180: many countries share their tones; the answer names them all."""

    def test_french_busy_is_busy_in_france(self) -> None:
        (heard,) = identify(render(load_plan("fr").tones["busy"]).take(40_000))
        assert (heard.kind, heard.name) == (Kind.TONE, "busy")
        assert {"fr", "gp", "re"} <= set(heard.countries)
        assert "release" in heard.alternatives
        assert heard.confidence > 0.95
        assert not heard.fits("busy", "de")
        assert not heard.fits("congestion", "fr")

    def test_german_ringback_is_that_of_the_generic_plan(self) -> None:
        (heard,) = identify(render(load_plan("de").tones["ringback"]).take(80_000))
        assert heard.name == "ringback"
        assert {"de", "e180", "nl", "no", "ch"} <= set(heard.countries)

    def test_japanese_busy_is_also_congestion(self) -> None:
        (heard,) = identify(render(load_plan("jp").tones["congestion"]).take(40_000))
        assert heard.name == "busy"
        assert {Match("jp", "busy"), Match("jp", "congestion")} <= set(heard.matches)

    def test_definitions_nearly_alike_are_one_class_named_by_the_nearest(self) -> None:
        (heard,) = identify(render(load_plan("de").tones["congestion"]).take(40_000))
        assert heard.name == "congestion"
        assert heard.fits("busy", "br")

    def test_the_search_can_be_kept_to_some_plans(self) -> None:
        (heard,) = identify(render(load_plan("gb").tones["number-unobtainable"]).take(40_000), [load_plan("gb")])
        assert (heard.name, heard.countries) == ("number-unobtainable", ("gb",))

    def test_the_north_american_codes_are_told_apart(self) -> None:
        for name, tone in NORTH_AMERICAN.tones.items():
            (heard,) = identify(through(render(tone).take(16_000), Law.MULAW))
            assert (heard.name, heard.countries) == (name, ("us-sit",))


class TestParts:
    """What is cut off at either end is never named wrongly with confidence."""

    @pytest.mark.parametrize("country", ["us", "gb", "fr", "de", "jp", "e180"])
    @pytest.mark.parametrize("name", MAIN)
    def test_any_part_of_a_tone(self, country: str, name: str) -> None:
        tone = load_plan(country).tones[name]
        sound = render(tone)
        random = np.random.default_rng([*country.encode(), *name.encode()])
        for _ in range(4):
            start = int(random.integers(0, sound.introduction.size + sound.period.size))
            part = sound.take(int(random.integers(2_000, 60_000)), start)
            for heard in identify(through(part, Law.ALAW)):
                assert heard.fits(name, country) or heard.confidence < SURE, heard

    def test_three_seconds_of_ringback_are_enough(self) -> None:
        (heard,) = identify(render(load_plan("us").tones["ringback"]).take(24_000))
        assert heard.name == "ringback"
        assert heard.confidence > SURE
        assert {"us", "ca", "jm"} <= set(heard.countries)
        assert heard.onset_s == pytest.approx(0, abs=0.01)
        assert heard.duration_s == pytest.approx(3.0, abs=0.01)

    def test_one_second_of_a_steady_tone_is_not_yet_dial_tone(self) -> None:
        (heard,) = identify(render(load_plan("fr").tones["dial"]).take(8_000))
        assert heard.confidence < 0.5

    def test_ringback_and_then_busy(self) -> None:
        plan = load_plan("fr")
        pcm = np.concatenate([render(plan.tones["ringback"]).take(88_000), render(plan.tones["busy"]).take(32_000)])
        ringback, busy = identify(through(pcm, Law.ALAW))
        assert (ringback.name, busy.name) == ("ringback", "busy")
        assert busy.onset_s == pytest.approx(12.0, abs=1.1)


class TestImpairments:
    @pytest.mark.parametrize("name", MAIN[:3])
    @pytest.mark.parametrize("country", ["us", "gb", "fr", "de", "jp"])
    def test_one_percent_of_packets_lost(self, country: str, name: str) -> None:
        pcm = through(render(load_plan(country).tones[name]).take(80_000), Law.ALAW).copy()
        for frame in np.flatnonzero(np.random.default_rng(5).random(500) < 0.01):
            pcm[frame * 160 : frame * 160 + 160] = 0
        heard = identify(pcm)
        right = sum(each.duration_s for each in heard if each.fits(name, country))
        assert right > 8
        assert [each for each in heard if not each.fits(name, country) and each.confidence >= SURE] == []

    @pytest.mark.parametrize("name", MAIN)
    @pytest.mark.parametrize("country", ["us", "gb", "fr", "de", "jp"])
    def test_noise_20_db_below(self, country: str, name: str) -> None:
        tone = load_plan(country).tones[name]
        clean = render(tone).take(64_000)
        noise = np.random.default_rng(6).normal(0, amplitude(tone.level_dbm0 - 20) / 2**0.5, clean.size)
        heard = identify(through(to_pcm(clean + noise), Law.MULAW))
        assert any(each.fits(name, country) for each in heard)


class TestFrequencies:
    def test_the_test_tone_is_named_by_its_frequency(self) -> None:
        (heard,) = identify(through(render(Tone.parse("x", "1004/*/0", -13)).take(24_000), Law.MULAW))
        assert (heard.kind, heard.name) == (Kind.FREQUENCY, "1004 Hz")
        assert heard.frequencies_hz[0] == pytest.approx(1004, abs=0.1)
        assert heard.level_dbm0 == pytest.approx(-13, abs=0.1)
        assert heard.duration_s == pytest.approx(3, abs=0.01)

    def test_bursts_of_no_known_tone_are_one(self) -> None:
        (heard,) = identify(render(Tone.parse("x", "700+900/300/300")).take(24_000))
        assert (heard.kind, heard.name) == (Kind.FREQUENCY, "700+900 Hz")

    def test_a_frequency_one_and_a_half_percent_off_is_another(self) -> None:
        (heard,) = identify(render(Tone.parse("x", "487.2+629.3/500/500")).take(24_000))
        assert heard.kind is Kind.FREQUENCY


def test_silence_is_passed_over() -> None:
    assert identify(np.zeros(8000, np.int16)) == []
