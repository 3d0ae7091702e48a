"""Tone plans: the data, the lookup and the visible fallback."""

from __future__ import annotations

import random
from importlib import resources

import pytest

from tones.notation import serialize_segments
from tones.plan import (
    GENERIC,
    PlanError,
    Tone,
    TonePlan,
    UnknownPlanError,
    UnknownToneError,
    all_plans,
    available_plans,
    load_plan,
    parse_plan,
    plan_for_country_code,
)

KNOWN = {
    ("us", "ringback"): "440+480/2000/4000",
    ("us", "busy"): "480+620/500/500",
    ("us", "congestion"): "480+620/250/250",
    ("us", "dial"): "350+440/*/0",
    ("gb", "ringback"): "400+450/400/200; 400+450/400/2000",
    ("gb", "busy"): "400/375/375",
    ("gb", "congestion"): "400/400/350; 400/225/525",
    ("gb", "number-unobtainable"): "400/*/0",
    ("fr", "ringback"): "440/1500/3500",
    ("fr", "busy"): "440/500/500",
    ("fr", "congestion"): "440/250/250",
    ("de", "ringback"): "425/1000/4000",
    ("de", "busy"): "425/480/480",
    ("de", "congestion"): "425/240/240",
    ("jp", "ringback"): "400*16/1000/2000",
    ("jp", "busy"): "400/500/500",
    ("jp", "dial"): "400/*/0",
    ("e180", "ringback"): "425/1000/4000",
    ("e180", "busy"): "425/500/500",
    ("e180", "congestion"): "425/250/250",
    ("e180", "special-information"): "950/330/0; 1400/330/0; 1800/330/1000",
}


@pytest.mark.parametrize(
    ("where", "segments"), KNOWN.items(), ids=lambda item: "-".join(item) if len(item) == 2 else ""
)
def test_the_tones_that_everybody_knows(where: tuple[str, str], segments: str) -> None:
    country, name = where
    assert load_plan(country).tones[name].serialize() == segments


EVERY_TONE = [(plan.country, tone) for plan in all_plans() for tone in plan.tones.values()]


class TestEveryPlan:
    def test_has_what_a_call_needs(self) -> None:
        assert [plan.country for plan in all_plans() if "ringback" not in plan.tones] == ["pr"]
        for plan in all_plans():
            for name in ("ringback", "busy", "congestion", "special-information", "dial", "number-unobtainable"):
                assert plan.find(name).fallback == (name not in plan.tones), plan

    def test_names_the_sources_of_every_tone(self) -> None:
        assert [(country, tone.name) for country, tone in EVERY_TONE if not tone.sources] == []

    def test_says_why_where_sources_disagree(self) -> None:
        assert [(country, tone.name) for country, tone in EVERY_TONE if tone.others and not tone.why] == []

    def test_keeps_what_the_others_say_apart_from_what_was_chosen(self) -> None:
        for country, tone in EVERY_TONE:
            assert all(serialize_segments(other.segments) != tone.serialize() for other in tone.others), country

    def test_has_levels_that_a_line_can_carry(self) -> None:
        assert all(plan.level_note for plan in all_plans())
        assert all(-30 <= tone.level_dbm0 <= -6 for _, tone in EVERY_TONE)

    def test_marks_its_variants(self) -> None:
        for country, tone in EVERY_TONE:
            assert tone.name.endswith(f"-{tone.variant}") or not tone.variant, country
        assert [plan.country for plan in all_plans() if plan.variant_of] == ["us-old"]

    def test_says_what_was_left_out_and_why(self) -> None:
        every = [each for plan in all_plans() for each in plan.left_out]
        assert len(every) > 5
        assert all(each.tone and each.source and each.segments and each.why for each in every)

    def test_does_not_play_what_is_outside_the_band_where_there_is_another(self) -> None:
        for country, tone in EVERY_TONE:
            for segment in tone.segments:
                audible = [min(signal.frequencies_hz, default=300) >= 200 for signal in segment.signals]
                assert audible[0] or not any(audible), (country, tone)


class TestTheWholeWorld:
    def test_has_179_countries_and_variants(self) -> None:
        assert len(all_plans()) == 179 + 1
        assert sum(len(plan.tones) for plan in all_plans()) >= 1490

    def test_busy_is_known_nearly_everywhere(self) -> None:
        assert [plan.country for plan in all_plans() if "busy" not in plan.tones] == ["bj", "pr", "rs", "ws"]

    @pytest.mark.parametrize(
        ("country", "tone", "segments"),
        [
            ("th", "callwaiting", "1000/400/10000"),
            ("es", "special-information", "!950/333/0; !1400/333/0; !1800/333/1000"),
            ("us", "reorder", "480+620/300/200"),
            ("gb", "congestion", "400/400/350; 400/225/525"),
            ("jp", "ringback", "400*16/1000/2000"),
            ("dz", "ringback", "425/1500/3500"),
        ],
    )
    def test_mistakes_of_the_sources_are_put_right_and_told(self, country: str, tone: str, segments: str) -> None:
        found = load_plan(country).tones[tone]
        assert (found.serialize(), bool(found.why)) == (segments, True)

    def test_kiribati_and_korea_have_their_own_codes(self) -> None:
        assert load_plan("ki").name == "Kiribati"
        assert load_plan("kg").name == "Kyrgyzstan"
        assert load_plan("ko") is load_plan("kr")

    def test_what_no_telephone_can_carry_is_left_out(self) -> None:
        assert [each.tone for each in load_plan("cf").left_out] == ["pay"]
        assert "pay" not in load_plan("cf").tones


class TestLookup:
    def test_the_generic_plan_is_last(self) -> None:
        assert available_plans()[-1] == GENERIC
        assert {"de", "fr", "gb", "jp", "us"} <= set(available_plans())

    def test_uk_is_another_name_of_gb(self) -> None:
        assert load_plan("UK") is load_plan("gb")

    def test_an_unknown_country_is_told_which_there_are(self) -> None:
        with pytest.raises(UnknownPlanError, match=r"no tone plan 'zz'; there are: .*fr.*e180"):
            load_plan("zz")

    @pytest.mark.parametrize(
        ("digits", "country"),
        [
            ("1", "us"),
            ("44", "gb"),
            ("33", "fr"),
            ("49", "de"),
            ("81", "jp"),
            ("+33199000003", "fr"),
            ("12125550103", "us"),
            ("+18765550103", "jm"),
            ("1 868".replace(" ", ""), "tt"),
            ("14165550103", "ca"),
            ("15145550103", "ca"),
            ("+441534555010", "je"),
            ("262639", "yt"),
            ("262262", "re"),
            ("+77", "ru"),
        ],
    )
    def test_country_codes_lead_to_plans(self, digits: str, country: str) -> None:
        assert plan_for_country_code(digits).country == country

    @pytest.mark.parametrize("digits", ["999", "", "+"])
    def test_an_unknown_code_leads_visibly_to_the_generic_plan(self, digits: str) -> None:
        assert plan_for_country_code(digits).generic

    def test_no_calling_code_is_claimed_twice(self) -> None:
        codes = [code for plan in all_plans() for code in plan.calling_codes]
        assert len(codes) == len(set(codes))


class TestFallback:
    def test_a_tone_of_the_plan_is_no_fallback(self) -> None:
        found = load_plan("fr").find("congestion")
        assert (found.plan.country, found.fallback) == ("fr", False)

    def test_a_tone_that_is_missing_comes_from_the_generic_plan(self) -> None:
        plan = TonePlan("xx", "Nowhere", {})
        found = plan.find("busy")
        assert found.fallback
        assert found.plan.generic
        assert found.tone.serialize() == "425/500/500"

    def test_a_tone_that_nobody_has_is_replaced_by_what_means_the_same(self) -> None:
        found = load_plan("fr").find("number-unobtainable")
        assert (found.tone.name, found.plan.country, found.fallback) == ("special-information", "fr", True)

    def test_a_tone_that_does_not_exist_is_an_error(self) -> None:
        with pytest.raises(UnknownToneError, match="no tone 'whistle' in the plan of 'fr'"):
            load_plan("fr").find("whistle")


class TestTone:
    def test_what_is_played_once_comes_before_what_repeats(self) -> None:
        tone = Tone.parse("x", "2x(!440/100/100); 440/*/0")
        assert (len(tone.introduction), len(tone.cycle), tone.repeats) == (2, 1, True)

    @pytest.mark.parametrize("text", ["!950/330/0; !1400/330/0", "!950/330/0; 0/*/0"])
    def test_a_tone_that_ends_in_silence_does_not_repeat(self, text: str) -> None:
        assert not Tone.parse("x", text).repeats


class TestFiles:
    HEAD = 'country = "xx"\nname = "X"\nlevel_dbm0 = -10\n'

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ('country = "xx"\nname =', "xx.toml: Invalid value (at end of document)"),
            ('country = "xx"\nname = X\n', "xx.toml:2: Invalid value"),
            (HEAD + "[tones.busy\n", "xx.toml:4: Expected ']'"),
            ("\x00", "xx.toml:1: Invalid statement"),
            ("", "xx.toml:1: level_dbm0: is missing"),
            (HEAD + "level_dbm0 = -11\n", "xx.toml:4: Cannot overwrite a value"),
            ('country = "xx"\nname = "X"\nlevel_dbm0 = nan\n[tones]\n', "xx.toml:3: level_dbm0: nan"),
            ('country = "xx"\nname = "X"\nlevel_dbm0 = true\n[tones]\n', "xx.toml:3: level_dbm0: "),
            (HEAD + '[tones.busy]\nsegments = "1e9/1/1"\nsources = []\n', "xx.toml:5: tones.busy.segments: "),
            (HEAD + '[tones.busy]\nsegments = "425/-1/1"\nsources = []\n', "xx.toml:5: tones.busy.segments: "),
            (HEAD + '[tones.busy]\nsegments = "425/nan/1"\nsources = []\n', "xx.toml:5: tones.busy.segments: "),
            (HEAD + '[tones.busy]\nsegments = ""\nsources = []\n', "xx.toml:5: tones.busy.segments: "),
            ('country = "xx"\n', "xx.toml:1: level_dbm0: is missing"),
            (
                HEAD + '[tones.busy]\nsegments = "425/1"\nsources = []\n',
                "xx.toml:5: tones.busy.segments: '425/1' is not",
            ),
            (HEAD + '[tones.busy]\nsegments = "425/1/1"\n', "xx.toml:4: tones.busy.sources: is missing"),
            (HEAD + "[tones.busy]\nsegments = 425\n", "xx.toml:5: tones.busy.segments: 425 is not a text"),
            (HEAD + '[tones.busy]\nsegment = "425/1/1"\n', "xx.toml:5: tones.busy.segment: no such key; there are: "),
            (
                HEAD + '[tones.busy]\nsegments = "425/1/1"\nsources = []\n\nlevel_dbm0 = 3\n',
                "xx.toml:8: tones.busy.level_dbm0: 3 dBm0 is not between -60 and 0",
            ),
            (HEAD + "colour = 3\n", "xx.toml:4: colour: no such key"),
            (HEAD + "tones = 3\n", "xx.toml:4: tones: not a table of tones"),
            (HEAD + 'calling_codes = ["+33"]\n[tones]\n', "xx.toml:4: calling_codes: '+33' is not a country code"),
            ('country = "X X"\nname = "X"\nlevel_dbm0 = -10\n[tones]\n', "xx.toml:1: country: 'X X' is not"),
            (HEAD + "others = 1\n[tones]\n", "xx.toml:4: others: no such key"),
            (HEAD + '[tones.x]\nsegments = "1/1/1"\nsources = []\nothers = [1]\n', "xx.toml:7: tones.x.others: not a"),
            (HEAD + "left_out = [3]\n[tones]\n", "xx.toml:4: left_out: not a list of"),
        ],
    )
    def test_mistakes_name_the_file_the_line_and_the_key(self, text: str, complaint: str) -> None:
        with pytest.raises(PlanError) as caught:
            parse_plan(text, "xx.toml")
        assert str(caught.value).startswith(complaint)

    def test_nonsense_is_a_plan_or_names_the_file(self) -> None:
        text = resources.files("tones").joinpath("plans/fr.toml").read_text(encoding="utf-8")
        rng = random.Random(1)
        for _ in range(500):
            broken = list(text)
            for _ in range(rng.randint(1, 4)):
                place = rng.randrange(len(broken))
                broken[place : place + rng.choice((0, 1, 1, 30))] = rng.choice(
                    ("", '"', "[", "=", "\n", "-1", "nan", "\0")
                )
            try:
                parse_plan("".join(broken), "xx.toml")
            except PlanError as error:
                assert str(error).startswith("xx.toml:")
