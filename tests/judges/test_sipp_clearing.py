"""SIPp ends calls in every way: CANCEL at each stage, BYE from either side, timers, offers that nobody can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.judges.scenario import NOTHING_USABLE, OFFER, PCMA_FIRST, Scenario
from tests.judges.sipp import Plan

if TYPE_CHECKING:
    from tests.judges.conftest import Run

pytestmark = pytest.mark.judge

RINGS: Final = "sip:+33199000001@{gateway}"
RINGS_ITSELF: Final = "sip:+33199000007@{gateway}"
ANSWERS: Final = "sip:+33199000009@{gateway}"
SILENT: Final = "sip:+33199000061@{gateway}"
HANGS_UP: Final = "sip:+33199000060@{gateway}"
NO_ACK_S: Final = 35.0
VIDEO_ONLY: Final = OFFER.split("m=audio")[0] + "m=video [rtp] RTP/AVP 96\na=rtpmap:96 H264/90000\n"
NONSENSE: Final = "v=0\nthis is no session description\n"


def _crossing() -> Scenario:
    """CANCEL while the 200 is on its way: it changes nothing, and BYE ends the call."""
    return Scenario(ANSWERS).invite().answered(acknowledge=False).cancel().ack().pause(0.5).bye()


def _plans() -> list[Plan]:
    ringing, reliable = Scenario(RINGS).invite().progress(183, sdp=True), Scenario(RINGS, reliable="required").invite()
    free = Scenario(RINGS_ITSELF).invite().progress(180)
    reasoned = Scenario(RINGS).invite().progress(183, sdp=True)
    late = Scenario(ANSWERS).invite().answered().pause(0.3).bye().bye(481)
    nobody = Scenario(RINGS).cancels_nothing()
    unheard = Scenario(ANSWERS).invite().answered(acknowledge=False).receives("BYE")
    unheard_tcp = Scenario(ANSWERS).invite().answered(acknowledge=False).repeated_200().receives("BYE")
    unpracked = Scenario(RINGS, reliable="required").invite().progress(183, sdp=True, acknowledge=False).fails(504)
    return [
        Plan("cancel-ringing", ringing.pause(1.0).cancel().fails(487)),
        Plan("cancel-ringing-tcp", Scenario(RINGS).invite().progress(183, sdp=True).cancel().fails(487), "tcp"),
        Plan("cancel-reliable", reliable.progress(183, sdp=True).cancel().fails(487)),
        Plan("cancel-subscriber-free", free.pause(0.5).cancel().fails(487)),
        Plan("cancel-with-reason", reasoned.cancel('Q.850;cause=31;text="had enough"').fails(487)),
        Plan("cancel-crosses-200", _crossing()),
        Plan("cancel-crosses-200-tcp", _crossing(), "tcp"),
        Plan("cancel-of-nothing", nobody),
        Plan("bye-twice", late),
        Plan("no-ack", unheard, seconds=NO_ACK_S),
        Plan("no-ack-tcp", unheard_tcp, "tcp", seconds=NO_ACK_S),
        Plan("no-prack", unpracked, seconds=NO_ACK_S),
        Plan("nothing-usable", Scenario(RINGS, offer=NOTHING_USABLE).invite().fails(488, 65, Warning="30[45]")),
        Plan("video-only", Scenario(RINGS, offer=VIDEO_ONLY).invite().fails(488, 65, Warning="30[45]")),
        Plan("nonsense-offer", Scenario(RINGS, offer=NONSENSE).invite().fails(400)),
        Plan("unknown-extension", Scenario(RINGS, headers=["Require: foo"]).invite().fails(420, Unsupported="foo")),
        Plan("unknown-scheme", Scenario("http://example.com/").invite().fails(416)),
    ]


PLANS: Final = _plans()


@pytest.mark.parametrize("plan", [pytest.param(each, id=each.name) for each in PLANS])
def test_each_call_is_cleared_as_sipp_wants_it(whole_run: Run, plan: Plan) -> None:
    whole_run.outcomes[plan.name].assert_as_planned()


CONFIGURED: Final = [
    Plan(
        "cancel-before-address-complete", Scenario(SILENT).invite(trying=True).pause(1.0).cancel().fails(487), seconds=2
    ),
    Plan(
        "cancel-before-address-complete-tcp", Scenario(SILENT).invite(trying=True).pause(1.0).cancel().fails(487), "tcp"
    ),
    Plan(
        "cancel-after-late-progress", Scenario(SILENT).invite().progress(183, sdp=True).cancel().fails(487), seconds=3
    ),
    Plan("callee-releases", Scenario(HANGS_UP).invite().answered().released(16), seconds=3),
    Plan(
        "callee-releases-tcp", Scenario(HANGS_UP, offer=PCMA_FIRST).invite().answered().released(16), "tcp", seconds=3
    ),
    Plan("t9", Scenario(RINGS).invite().progress(183, sdp=True).fails(480, 19), seconds=6),
    Plan("t9-100rel", Scenario(RINGS, reliable="required").invite().progress(183, sdp=True).fails(480, 19), seconds=6),
]


@pytest.mark.parametrize("configured_plan", [pytest.param(each, id=each.name) for each in CONFIGURED])
def test_a_configured_gateway_clears_as_sipp_wants_it(configured_run: Run, configured_plan: Plan) -> None:
    configured_run.outcomes[configured_plan.name].assert_as_planned()
