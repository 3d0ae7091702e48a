"""Special information tones: three rising tones before an announcement (ITU-T E.180), and the North American codes.

Elsewhere the three tones only say "listen". In North America their lengths and pitches also say why: each of the first
two is low or high and short or long, the third is always 1776.7 Hz for 380 ms.
"""

from __future__ import annotations

from typing import Final

from tones.plan import SPECIAL_INFORMATION, Tone, TonePlan, load_plan

_LOW_1, _HIGH_1 = "913.8", "985.2"
_LOW_2, _HIGH_2 = "1370.6", "1428.5"
_SHORT, _LONG = "274", "380"
_LEVEL_DBM0 = -13.0

_CODES: Final = {
    "sit-intercept": (_LOW_1, _SHORT, _LOW_2, _SHORT),
    "sit-vacant-code": (_HIGH_1, _LONG, _LOW_2, _SHORT),
    "sit-reorder-intralata": (_LOW_1, _SHORT, _HIGH_2, _LONG),
    "sit-reorder-interlata": (_HIGH_1, _SHORT, _LOW_2, _LONG),
    "sit-no-circuit-intralata": (_HIGH_1, _LONG, _HIGH_2, _LONG),
    "sit-no-circuit-interlata": (_LOW_1, _LONG, _LOW_2, _LONG),
    "sit-ineffective-other": (_LOW_1, _LONG, _HIGH_2, _SHORT),
    "sit-reserved": (_HIGH_1, _SHORT, _HIGH_2, _SHORT),
}

NORTH_AMERICAN: Final = TonePlan(
    country="us-sit",
    name="North American special information tones",
    tones={
        name: Tone.parse(name, f"!{hz_1}/{ms_1}/0; !{hz_2}/{ms_2}/0; !1776.7/{_LONG}/0", _LEVEL_DBM0)
        for name, (hz_1, ms_1, hz_2, ms_2) in _CODES.items()
    },
)
"""The eight codes as a plan of their own: a detector names them beside the tones of countries."""


def special_information_tone(country: str) -> Tone:
    """The three tones as this country's plan has them, else those of E.180.

    Raises:
        UnknownPlanError: there is no such plan.
    """
    return load_plan(country).find(SPECIAL_INFORMATION).tone
