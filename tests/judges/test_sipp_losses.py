"""SIPp's calls get through although messages are lost and doubled, and retransmissions make nothing happen twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pytest

from tests.judges.scenario import Reliable, Scenario
from tests.judges.sipp import Plan
from tests.judges.weather import Weather

if TYPE_CHECKING:
    from tests.judges.conftest import Run

pytestmark = pytest.mark.judge

SIPP_LOSES_PERCENT: Final = 12
MANY_TRIES: Final = ("-max_retrans", "9", "-max_invite_retrans", "9")


def _answered(uri: str, reliable: Reliable, progress: Sequence[tuple[int, bool]]) -> Scenario:
    call = Scenario(uri, reliable=reliable, lossy=True).invite()
    for status, sdp in progress:
        call.progress(status, sdp=sdp)
    return call.answered(sdp=None).pause(1.0).bye()


def _failed(uri: str, reliable: Reliable, status: int, cause: int) -> Scenario:
    return Scenario(uri, reliable=reliable, lossy=True).invite().fails(status, cause)


def _cancelled(uri: str, reliable: Reliable) -> Scenario:
    call = Scenario(uri, reliable=reliable, lossy=True).invite()
    return call.progress(183, sdp=True).pause(0.5).cancel().fails(487)


def _scenarios(reliable: Reliable) -> dict[str, tuple[Scenario, str]]:
    ring, free = (183, True), (180, False)
    return {
        "rings-in-band": (_answered("sip:+33199000000@{gateway}", reliable, [ring]), "ringback"),
        "rings-itself": (_answered("sip:+33199000007@{gateway}", reliable, [free]), ""),
        "answers-at-once": (_answered("sip:+33199000009@{gateway}", reliable, []), ""),
        "busy-at-once": (_failed("sip:+33199000002@{gateway}", reliable, 486, 17), ""),
        "congestion": (_failed("sip:90034@{gateway}", reliable, 503, 34), ""),
    }


def _plans() -> list[tuple[Plan, str]]:
    found: list[tuple[Plan, str]] = []
    kinds: tuple[Reliable, ...] = ("none", "supported", "required")
    for number, reliable in enumerate(kinds):
        for name, (scenario, heard) in _scenarios(reliable).items():
            title = f"{name}-100rel-{reliable}"
            own = ("-lost", str(SIPP_LOSES_PERCENT), *MANY_TRIES)
            found.append((Plan(f"{title}-sipp-loses", scenario, options=own, seconds=12), heard))
            rain = Weather(lost=0.2, seed=number)
            found.append((Plan(f"{title}-network-loses", scenario, "udp", MANY_TRIES, 12, weather=rain), heard))
            echo = Weather(doubled=0.5, seed=10 + number)
            found.append((Plan(f"{title}-network-doubles", scenario, "udp", MANY_TRIES, 5, weather=echo), heard))
    for reliable in ("supported", "required"):
        name = f"cancelled-100rel-{reliable}-network-loses"
        scenario = _cancelled("sip:+33199000001@{gateway}", reliable)
        found.append((Plan(name, scenario, "udp", MANY_TRIES, 5, weather=Weather(lost=0.2, seed=20)), "ringback"))
    everything = Weather(lost=0.15, doubled=0.25, seed=30)
    scenario = _scenarios("supported")["rings-in-band"][0]
    found.append((Plan("all-at-once", scenario, "udp", MANY_TRIES, 12, weather=everything), "ringback"))
    return found


PLANS: Final = _plans()


@pytest.mark.parametrize(("plan", "heard"), [pytest.param(*each, id=each[0].name) for each in PLANS])
def test_a_call_gets_through_bad_weather(whole_run: Run, plan: Plan, heard: str) -> None:
    outcome = whole_run.outcomes[plan.name]
    outcome.assert_as_planned()
    if heard:
        assert any(each.fits(heard, "fr") for each in outcome.ear.heard())
