"""Every ending of the default number plan, as a ladder: gateway and exchange, on simulated time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.exchange.behaviours import built_in_behaviours
from gateway.sip.message import Response

if TYPE_CHECKING:
    from tests.gateway.interworking.conftest import Ladder


UP = "~ CIC 1 hears caller\n<- 200 sdp\n-> ACK"
HELLO = "~ say hello (us) on CIC 1"
UNANSWERED_BYE = "<- BYE\n" * 11 + "-> BYE\n<- 481"
EARLY = "<= ACM\n~ caller hears CIC 1\n<- 183 sdp"


def refused(cause: int, status: int) -> str:
    """REL before the answer."""
    return f"<= REL {cause}\n=> RLC\n~ media released\n<- {status}\n-> ACK"


ENDINGS = {
    "00": f"~ tone ringback (us) on CIC 1\n{EARLY}\n{HELLO}\n<= ANM\n{UP}",
    "01": f"~ tone ringback (us) on CIC 1\n{EARLY}\n<- 183 sdp\n<- 183 sdp\n"
    "~ media released\n<- 480\n=> REL 19\n<= RLC\n-> ACK",
    "02": refused(17, 486),
    "03": f"~ tone busy (us) on CIC 1\n{EARLY}\n{refused(17, 486)}",
    "04": f"~ tone special-information, say number-not-in-service (us) on CIC 1\n{EARLY}\n{refused(1, 404)}",
    "05": f"~ tone congestion (us) on CIC 1\n{EARLY}\n{refused(34, 503)}",
    "06": f"~ say number-changed, digits 12125550100 (us) on CIC 1\n{EARLY}\n{refused(22, 410)}",
    "07": f"<= ACM\n<- 180\n{HELLO}\n<= ANM\n~ caller hears CIC 1\n{UP}",
    "08": "<= ACM\n<- 180\n~ tone ringback (us) on CIC 1\n<= CPG\n~ caller hears CIC 1\n<- 183 sdp\n"
    f"{HELLO}\n<= ANM\n{UP}",
    "09": f"{HELLO}\n<= CON\n~ caller hears CIC 1\n{UP}",
    "10": f"<= CON\n~ caller hears CIC 1\n{UP}",
    "11": f"~ sine 1004 -13 (us) on CIC 1\n<= CON\n~ caller hears CIC 1\n{UP}",
    "12": f"<= CON\n~ caller hears CIC 1\n{UP}\n~ dtmf 0123456789*# (us) on CIC 1",
    "13": f"{HELLO}\n<= CON\n~ caller hears CIC 1\n{UP}\n<= SUS\n<= RES",
    "14": f"~ say press-a-digit (us) on CIC 1\n<= CON\n~ caller hears CIC 1\n{UP}\n"
    f"~ pause 300, say goodbye, pause 300 (us) on CIC 1\n<= REL 16\n=> RLC\n~ media released\n{UNANSWERED_BYE}",
    "15": "~ tone ringback (us) on CIC 1\n<= ACM\n<= CPG\n<= CPG\n~ caller hears CIC 1\n<- 183\n<- 181\n<- 183 sdp\n"
    f"{HELLO}\n<= ANM\n{UP}",
    "20": refused(20, 480),
}


@pytest.fixture
def world(request: pytest.FixtureRequest, ladder_world: type) -> object:
    """With the simulated exchange at the far end."""
    return ladder_world(far_end="exchange")


def lasted(ladder: Ladder) -> list[str]:
    """Let the call run its course, and hang up if it is still there."""
    ladder.run(240)
    if any(isinstance(each, Response) and each.status == 200 for each in ladder.caller.received):
        ladder.caller.request("BYE")
    return ladder.left()


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_happens(ladder: Ladder, ending: str) -> None:
    ladder.invite(f"+121255501{ending}")
    assert not lasted(ladder)
    expected = "-> INVITE sdp\n<- 100\n=> IAM\n" + ENDINGS[ending]
    if UP in expected and UNANSWERED_BYE not in expected:
        expected += "\n-> BYE\n<- 200\n~ media released\n=> REL 16\n<= RLC"
    ladder.shows(expected, decisions=False)


def test_there_is_a_ladder_for_each() -> None:
    assert set(ENDINGS) == set(built_in_behaviours())


@pytest.mark.parametrize(
    ("number", "cause", "status"),
    [
        ("90017", 17, 486),
        ("90127", 127, 500),
        ("90000", 1, 404),
        ("90128", 1, 404),
        ("+90017", 1, 404),
        ("12345", 1, 404),
    ],
)
def test_short_numbers_release_at_once(ladder: Ladder, number: str, cause: int, status: int) -> None:
    ladder.invite(number)
    assert not lasted(ladder)
    ladder.shows("-> INVITE sdp\n<- 100\n=> IAM\n" + refused(cause, status), decisions=False)


def test_short_numbers_play_the_treatment(ladder: Ladder) -> None:
    ladder.invite("91034")
    assert not lasted(ladder)
    ladder.shows(
        f"-> INVITE sdp\n<- 100\n=> IAM\n~ tone congestion (us) on CIC 1\n{EARLY}\n{refused(34, 503)}", decisions=False
    )


def test_a_caller_that_hangs_up_at_any_moment_leaves_nothing(ladder: Ladder) -> None:
    for number, ending in enumerate(ENDINGS):
        for tenths in (0, 5, 15, 25, 35, 50):
            ladder.caller.call_id, ladder.caller.remote_tag = f"{number}-{tenths}", ""
            invite = ladder.invite(f"+121255501{ending}")
            ladder.run(tenths / 10)
            ladder.caller.cancel(invite)
            if not any(isinstance(each, Response) and each.status == 487 for each in ladder.caller.received):
                ladder.caller.request("BYE")
            ladder.caller.take()
            assert not ladder.left(), (ending, tenths)
