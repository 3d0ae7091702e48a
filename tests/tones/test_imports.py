"""indications.conf and ToneScript, in and out."""

from __future__ import annotations

import pytest

from tones.imports import (
    ExportError,
    ImportedTonesError,
    ToneScript,
    parse_asterisk_tone,
    parse_indications,
    parse_tonescript,
    parse_tonescripts,
    serialize_asterisk_tone,
    serialize_indications,
    serialize_plan,
    serialize_tonescript,
    serialize_tonescripts,
)
from tones.notation import NotationError, serialize_segments
from tones.plan import Tone, TonePlan, all_plans, load_plan, parse_plan

INDICATIONS = """\
; a comment
[general]
country = fr

[fr]
description = France
ringcadence = 1500,3500
dial = 440
busy = 440/500,0/500        ; half a second
ring => 440/1500,0/3500
dialrecall = !350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440
info = !950/330,!1400/330,!1800/330,0

[in]
description = India
ring = 400*25/400,0/200,400*25/400,0/2000
"""


class TestIndications:
    def test_is_read(self) -> None:
        france, india = parse_indications(INDICATIONS)
        assert (france.country, france.name) == ("fr", "France")
        assert {name: tone.serialize() for name, tone in france.tones.items()} == {
            "dial": "440/*/0",
            "busy": "440/500/500",
            "ringback": "440/1500/3500",
            "dial-recall": "!350+440/100/100; !350+440/100/100; !350+440/100/100; 350+440/*/0",
            "special-information": "!950/330/0; !1400/330/0; !1800/330/0; 0/*/0",
        }
        assert india.tones["ringback"].serialize() == "400*25/400/200; 400*25/400/2000"

    def test_reads_our_plans_as_we_have_them(self) -> None:
        (plan,) = parse_indications(serialize_indications([load_plan("gb")]))
        for name in ("ringback", "busy", "congestion", "dial", "special-information", "number-unobtainable"):
            assert plan.tones[name].segments == load_plan("gb").tones[name].segments

    def test_every_tone_survives_the_round_trip(self) -> None:
        written = 0
        for plan in all_plans():
            for tone in plan.tones.values():
                try:
                    text = serialize_asterisk_tone(tone)
                except ExportError:
                    continue
                written += 1
                again = Tone("x", parse_asterisk_tone(text))
                assert serialize_asterisk_tone(again) == text
                assert again.cycle == parse_asterisk_tone(text)[len(again.introduction) :] or not again.repeats
        assert written > 1450

    def test_what_it_cannot_say_is_a_comment(self) -> None:
        text = serialize_indications([load_plan("us"), load_plan("fj")])
        assert "; receiver-off-hook: 1400+2060+2450+2600: more than two frequencies at once" in text
        assert "; ringback-pabx: 383.33+416.67/400/200: only whole numbers of Hz and ms can be written" in text
        assert [plan.country for plan in parse_indications(text)] == ["us", "fj"]

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("[fr\n", "x.conf:1: '[fr' is not [country]"),
            ("[fr]\nbusy\n", "x.conf:2: 'busy' is neither [country] nor name = tone"),
            ("[fr]\n\nbusy = 440/500,,0/500\n", "x.conf:3: busy: element 2, '', is not [!]frequency[/milliseconds]"),
            ("[fr]\nbusy = 440/5x\n", "x.conf:2: busy: element 1, '440/5x', is not"),
            ("[fr]\nbusy = 440,0/500\n", "x.conf:2: busy: element 1, '440', never ends, but something follows"),
            ("[fr]\nbusy = 440/0\n", "x.conf:2: busy: element 1, '440/0', lasts for no time"),
            ("[fr]\nbusy = 10000/400\n", "x.conf:2: busy: '10000' is not between 0 and 4000 Hz"),
            ("[fr]\nbusy = 440\nbusy = 441\n", "x.conf:3: the tone 'busy' of 'fr' is there twice"),
            ("[fr]\n[FR]\n", "x.conf:2: the country 'fr' is there twice"),
        ],
    )
    def test_mistakes_name_the_line(self, text: str, complaint: str) -> None:
        with pytest.raises(ImportedTonesError) as caught:
            parse_indications(text, "x.conf")
        assert str(caught.value).startswith(complaint)


class TestToneScript:
    @pytest.mark.parametrize(
        ("text", "segments", "level", "limit"),
        [
            ("350@-19,440@-19;10(*/0/1+2)", "350+440/*/0", -15.99, 10),
            ("480@-19,620@-19;10(.5/.5/1+2)", "480+620/500/500", -15.99, 10),
            ("440@-19,480@-19;*(2/4/1+2)", "440+480/2000/4000", -15.99, None),
            ("520@-19;10(*/0/1)", "520/*/0", -19, 10),
            (
                "985@-16,1428@-16,1777@-16;20(.380/0/1,.380/0/2,.380/0/3,0/4/0)",
                "985/380/0; 1428/380/0; 1777/380/0; 0/4000/0",
                -16,
                20,
            ),
            (
                "350@-19,440@-19;2(.1/.1/1+2);10(*/0/1+2)",
                "; ".join(["!350+440/100/100"] * 10 + ["350+440/*/0"]),
                -15.99,
                10,
            ),
            ("600@-16;1(.25/.25/1)", "600/250/250", -16, 1),
        ],
    )
    def test_is_read(self, text: str, segments: str, level: float, limit: float | None) -> None:
        script = parse_tonescript(text)
        assert serialize_segments(script.tone.segments) == segments
        assert script.tone.level_dbm0 == pytest.approx(level, abs=0.01)
        assert script.limit_s == limit

    def test_all_frequencies_sound_where_none_is_named(self) -> None:
        assert parse_tonescript("480@-19,620@-19;10(.5/.5)").tone.serialize() == "480+620/500/500"

    @pytest.mark.parametrize(
        "text", ["350@-13,440@-13;10(*/0/1+2)", "480@-24,620@-24;*(0.5/0.5/1+2)", "440@-10;1.2(0.1/0.1/1);10(*/0/1)"]
    )
    def test_what_is_read_is_written_the_same(self, text: str) -> None:
        assert serialize_tonescript(parse_tonescript(text)) == text

    def test_every_tone_survives_the_round_trip(self) -> None:
        written = 0
        for plan in all_plans():
            for tone in plan.tones.values():
                try:
                    text = serialize_tonescript(ToneScript(tone))
                except ExportError:
                    continue
                written += 1
                assert serialize_tonescript(parse_tonescript(text)) == text
        assert written > 1450

    def test_a_file_is_read_and_written(self) -> None:
        plan = load_plan("us")
        again = parse_tonescripts(serialize_tonescripts(plan))
        for name in ("dial", "busy", "congestion", "ringback", "special-information"):
            assert again.tones[name].introduction == plan.tones[name].introduction
            assert again.tones[name].cycle == plan.tones[name].cycle
            assert again.tones[name].level_dbm0 == pytest.approx(plan.tones[name].level_dbm0, abs=0.02)

    def test_a_configuration_of_a_telephone_is_read(self) -> None:
        text = '<flat-profile>\n<Busy_Tone ua="na">480@-19,620@-19;10(.5/.5/1+2)</Busy_Tone>\n</flat-profile>\n'
        assert parse_tonescripts(text).tones["busy"].serialize() == "480+620/500/500"

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("Busy_Tone\n", "x.txt:1: 'Busy_Tone' is not name = script"),
            ("# none\n", "x.txt:1: there is no tone in it"),
            ("\nBusy_Tone = 480@x;10(1/1/1)\n", "x.txt:2: Busy_Tone: '480@x' is not frequency@level"),
            ("Busy_Tone = 480@-19\n", "x.txt:1: Busy_Tone: 0 sections; a script has one or two"),
            ("Busy_Tone = 480@-19;10\n", "x.txt:1: Busy_Tone: '10' is not seconds(on/off/frequencies)"),
            ("Busy_Tone = 480@-19;10(1)\n", "x.txt:1: Busy_Tone: '1' is not on/off/frequencies"),
            ("Busy_Tone = 480@-19;10(1/1/2)\n", "x.txt:1: Busy_Tone: '1/1/2': there are only 1 frequencies"),
            ("Busy_Tone = 480@-19;10(1/1/0+1)\n", "x.txt:1: Busy_Tone: '1/1/0+1': silence (0) cannot sound together"),
            ("Busy_Tone = 480@-19;*(1/1/1);1(1/1/1)\n", "x.txt:1: Busy_Tone: '*(1/1/1)' never ends, but a section"),
            ("A_Tone = 480@-19;1(*/0/1,1/1/1)\n", "x.txt:1: A_Tone: a segment that never ends is followed"),
            ("A_Tone = 480@-19;1(1/1/1)\nA_Tone = 480@-19;1(1/1/1)\n", "x.txt:2: the tone 'A_Tone' is there twice"),
        ],
    )
    def test_mistakes_name_the_line(self, text: str, complaint: str) -> None:
        with pytest.raises(ImportedTonesError) as caught:
            parse_tonescripts(text, "x.txt")
        assert str(caught.value).startswith(complaint)

    def test_too_much_for_a_section_is_an_error_both_ways(self) -> None:
        with pytest.raises(NotationError, match="7 segments; a section has at most 6"):
            parse_tonescript(f"480@-19;10({','.join(['1/1/1'] * 7)})")
        with pytest.raises(ExportError, match="x: 7 segments in a row"):
            serialize_tonescript(
                ToneScript(Tone.parse("x", "; ".join(f"{400 + n}/1/1" for n in (0, 0, 0, 1, 1, 1, 2))))
            )

    def test_modulation_cannot_be_written(self) -> None:
        with pytest.raises(ExportError, match=r"ringback: 400\*16: ToneScript has no modulation"):
            serialize_tonescript(ToneScript(load_plan("jp").tones["ringback"]))


class TestPlanFiles:
    def test_every_plan_survives_the_round_trip(self) -> None:
        for plan in all_plans():
            again = parse_plan(serialize_plan(plan))
            assert (again, again.tones) == (plan, plan.tones)

    def test_an_imported_plan_is_a_plan_file(self) -> None:
        for plan in parse_indications(INDICATIONS):
            assert parse_plan(serialize_plan(plan)).tones == plan.tones

    def test_awkward_names_survive(self) -> None:
        plan = TonePlan("xx", 'a "b" ü', {"a b": Tone.parse("a b", "440/1/1")})
        assert parse_plan(serialize_plan(plan)).tones["a b"].serialize() == "440/1/1"
