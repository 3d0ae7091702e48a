"""SIPp dials every ending of the number plan, over UDP and TCP, with and without 100rel; what it hears is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from attrs import frozen

from tests.judges.ear import Ear
from tests.judges.scenario import PCMA_FIRST, PCMU_FIRST, Reliable, Scenario
from tests.judges.sipp import Plan
from tones.detect import Heard, Kind
from tones.dtmf import render_digit
from tones.notation import Signal
from tones.oscillator import oscillate
from tones.units import to_pcm

if TYPE_CHECKING:
    from tests.judges.conftest import Run

pytestmark = pytest.mark.judge

HELLO_S: Final = 6.2


@frozen(eq=False)
class Ending:
    """What SIPp gets and the caller hears.

    Args:
        progress: status and whether it brings a session description, one for each 18x.
        final: the final status.
        cause: the Q.850 cause of a failure.
        stays_s: how long an answered call is listened to.
        heard: the sounds in order, as `Heard.fits` takes them; tones have to be the country's.
        seconds: about how long it all takes.
        headers: of the final response.
    """

    progress: Sequence[tuple[int, bool]] = ()
    final: int = 200
    cause: int | None = None
    stays_s: float = 1.0
    heard: Sequence[str] = ()
    seconds: float = 1.0
    headers: tuple[tuple[str, str], ...] = ()


IN_BAND: Final = ((183, True),)
TWICE_VACANT: Final = ("special-information", "number-not-in-service") * 2
SAME_EVERYWHERE: Final = "special-information"
"""Recommendation ITU-T E.180 leaves countries no choice but of the pause after it, and here speech follows."""
RETRY_AFTER: Final = (("Retry_After", "[0-9]+"),)

ENDINGS: Final = {
    "00": Ending(IN_BAND, stays_s=HELLO_S, heard=("ringback", "hello"), seconds=10),
    "02": Ending((), 486, 17),
    "03": Ending(IN_BAND, 486, 17, heard=("busy",), seconds=10),
    "04": Ending(IN_BAND, 404, 1, heard=TWICE_VACANT, seconds=18),
    "05": Ending(IN_BAND, 503, 34, heard=("congestion",), seconds=10, headers=RETRY_AFTER),
    "06": Ending(IN_BAND, 410, 22, heard=("number-changed", "NEW NUMBER"), seconds=12),
    "07": Ending(((180, False),), stays_s=HELLO_S, heard=("hello",), seconds=10),
    "08": Ending(((180, False), (183, True)), stays_s=HELLO_S, heard=("ringback", "hello"), seconds=12),
    "09": Ending((), stays_s=HELLO_S, heard=("hello",), seconds=7),
    "10": Ending((), stays_s=3.0, seconds=3, heard=("1020 Hz",)),
    "11": Ending((), stays_s=3.0, seconds=3, heard=("1004 Hz",)),
    "12": Ending((), stays_s=3.5, heard=("0123456789*#",), seconds=4),
    "13": Ending((), stays_s=HELLO_S, heard=("hello",), seconds=7),
    "14": Ending((), stays_s=4.0, heard=("press-a-digit",), seconds=5),
    "15": Ending(((183, False), (181, False), (183, True)), stays_s=HELLO_S, heard=("ringback", "hello"), seconds=10),
}
WAYS: Final[tuple[tuple[str, str, Reliable], ...]] = (
    ("udp", "us", "none"),
    ("udp", "fr", "supported"),
    ("udp", "gb", "required"),
    ("tcp", "de", "none"),
    ("tcp", "jp", "required"),
)
NUMBERS: Final = {
    "us": "+121255501",
    "fr": "+331990000",
    "gb": "+442079460",
    "de": "+493023125",
    "jp": "+813123456",
}
SHORT: Final = {
    "90001": Ending((), 404, 1),
    "90016": Ending((), 500, 16),
    "90017": Ending((), 486, 17),
    "90018": Ending((), 408, 18),
    "90021": Ending((), 403, 21),
    "90022": Ending((), 410, 22),
    "90028": Ending((), 484, 28),
    "90034": Ending((), 503, 34, headers=RETRY_AFTER),
    "90102": Ending((), 504, 102),
    "90127": Ending((), 500, 127),
    "91017": Ending(IN_BAND, 486, 17, heard=("busy",), seconds=10),
    "91001": Ending(IN_BAND, 404, 1, heard=TWICE_VACANT[:2], seconds=9),
    "91020": Ending(IN_BAND, 480, 20, heard=("special-information", "subscriber-absent"), seconds=7),
    "91034": Ending(IN_BAND, 503, 34, heard=("congestion",), seconds=10, headers=RETRY_AFTER),
    "91027": Ending(IN_BAND, 502, 27, heard=("special-information", "out-of-order"), seconds=7),
    "91077": Ending(IN_BAND, 500, 77, heard=("congestion",), seconds=10),
}
NOBODY: Final = Ending((), 404, 1)
VACANT: Final = {
    "free": "sip:+12125550116@{gateway}",
    "no-such-ending": "sip:+12125550199@{gateway}",
    "too-short": "sip:+3300@{gateway}",
    "sip-users": "sip:+99912125550100@{gateway}",
    "cause-0": "sip:90000@{gateway}",
    "cause-128": "sip:90128@{gateway}",
    "a-name": "sip:alice@{gateway}",
    "no-user": "sip:{gateway}",
    "no-ending-tel": "tel:+44-20-7946-0199",
}


def _scenario(uri: str, ending: Ending, reliable: Reliable, offer: str = PCMU_FIRST) -> Scenario:
    call = Scenario(uri, reliable=reliable, offer=offer).invite()
    for status, sdp in ending.progress:
        call.progress(status, sdp=sdp)
    if ending.final == 200:
        return call.answered(sdp=None if reliable != "none" else True).pause(ending.stays_s).bye()
    return call.fails(ending.final, ending.cause, **dict(ending.headers))


def _says_1020_hz(ear: Ear) -> None:
    ear.say(to_pcm(oscillate(Signal.parse("1020"), -15.0, 8000)), after_s=0.5)


def _plans() -> list[tuple[Plan, Ending, str, str]]:
    found: list[tuple[Plan, Ending, str, str]] = []
    for number, (ending, what) in enumerate(ENDINGS.items()):
        for transport, country, reliable in WAYS:
            name = f"{ending}-{country}-{transport}-100rel-{reliable}"
            digits = NUMBERS[country] + ending
            offer = PCMA_FIRST if number % 2 else PCMU_FIRST
            scenario = _scenario(f"sip:{digits}@{{gateway}}", what, reliable, offer)
            says = _says_1020_hz if ending == "10" else None
            found.append((_plan(name, scenario, transport, what, says), what, country, digits))
    for number, (digits, what) in enumerate(SHORT.items()):
        transport, _, reliable = WAYS[number % len(WAYS)]
        name = f"{digits}-{transport}-100rel-{reliable}"
        scenario = _scenario(f"sip:{digits}@{{gateway}}", what, reliable)
        found.append((_plan(name, scenario, transport, what), what, "us", digits))
    for number, (name, uri) in enumerate(VACANT.items()):
        transport, _, reliable = WAYS[number % len(WAYS)]
        found.append((_plan(f"vacant-{name}", _scenario(uri, NOBODY, reliable), transport, NOBODY), NOBODY, "us", ""))
    national = _scenario("sip:2125550102@{gateway}", ENDINGS["02"], "none")
    found.append((_plan("national-02", national, "udp", ENDINGS["02"]), ENDINGS["02"], "us", "2125550102"))
    tel = _scenario("tel:+33-1-99-00-00-03", ENDINGS["03"], "supported")
    found.append((_plan("tel-03", tel, "udp", ENDINGS["03"]), ENDINGS["03"], "fr", "+33199000003"))
    return found


def _plan(name: str, scenario: Scenario, transport: str, what: Ending, says: object = None) -> Plan:
    return Plan(name, scenario, transport, seconds=what.seconds, says=says)  # type: ignore[arg-type]


PLANS: Final = _plans()


@pytest.mark.parametrize(
    ("plan", "ending", "country", "digits"), [pytest.param(*each, id=each[0].name) for each in PLANS]
)
def test_each_number_does_what_the_plan_says(
    whole_run: Run, plan: Plan, ending: Ending, country: str, digits: str
) -> None:
    outcome = whole_run.outcomes[plan.name]
    outcome.assert_as_planned()
    new_number = digits.lstrip("+")[:-2] + "00"
    wanted = [new_number if each == "NEW NUMBER" else each for each in ending.heard]
    heard = outcome.ear.heard()
    assert len(heard) == len(wanted), f"heard {[str(each) for each in heard]}, not {wanted}"
    for each, name in zip(heard, wanted, strict=True):
        where = country if each.kind is Kind.TONE and name != SAME_EVERYWHERE else None
        assert each.fits(name, where), f"{each} is not {name} of {country}"
    if plan.name.startswith("11-"):
        assert heard[0].level_dbm0 == pytest.approx(-13.0, abs=0.5)
        assert heard[0].frequencies_hz == pytest.approx([1004.0], abs=1.0)
    if ending.heard:
        assert outcome.ear.law.payload_type == (8 if "RTP/AVP 8 0" in plan.scenario.offer else 0)


# --- what else may happen in a call ----------------------------------------------------------------------------------

ISUP: Final = "Accept: application/sdp, application/ISUP"


def _digits(ear: Ear) -> None:
    tones = [render_digit("7", 120), np.zeros(1600, np.int16), render_digit("#", 120), np.zeros(1600, np.int16)]
    ear.say(np.concatenate(tones), after_s=0.5)


def _flows() -> list[tuple[Plan, Sequence[str]]]:
    echo = "sip:+12125550110@{gateway}"
    ringing = "sip:+33199000001@{gateway}"
    suspending = "sip:+12125550113@{gateway}"
    relay = Scenario(echo).invite().answered().digit("5").pause(0.5).digit("#", 300).pause(0.5).digit("0").pause(1.0)
    refused = Scenario(echo).invite().answered().info("application/dtmf-relay", "Signal=Z\n", 400)
    refused.info("text/plain", "hello\n", 415).digit("1").pause(0.6)
    early = Scenario(ringing, reliable="supported").invite().progress(183, sdp=True)
    early.info("application/dtmf-relay", "Signal=1\n", 403).cancel().fails(487)
    taken = Scenario(suspending, headers=[ISUP]).invite().answered().receives_isup().receives_isup().pause(0.5)
    not_taken = Scenario(suspending, headers=[ISUP]).invite().answered().receives_isup(415).receives_isup(415)
    late_offer = Scenario("sip:+12125550107@{gateway}", offer="").invite().progress(180).answered().pause(HELLO_S)
    in_prack = Scenario("sip:+33199000000@{gateway}", offer="", reliable="supported").invite()
    in_prack.progress(183, sdp=True).answered(sdp=None).pause(HELLO_S)
    no_early_media = Scenario("sip:+33199000000@{gateway}", offer="").invite().progress(183, sdp=False).answered()
    rings_long = Scenario(ringing).invite().progress(183, sdp=True).pause(7.0).cancel().fails(487)
    return [
        (Plan("info-digits", relay.bye(), seconds=3), ("5#0",)),
        (Plan("info-digits-tcp", relay, "tcp", seconds=3), ("5#0",)),
        (Plan("info-refused", refused.bye(), seconds=2), ("1",)),
        (Plan("info-before-the-answer", early), ()),
        (Plan("isup-in-info", taken.bye(), seconds=6), ("hello",)),
        (Plan("isup-in-info-refused", not_taken.pause(2.0).bye(), seconds=7), ("hello",)),
        (Plan("offer-in-200", late_offer.bye(), seconds=10), ("hello",)),
        (Plan("offer-in-200-tcp", late_offer, "tcp", seconds=10), ("hello",)),
        (Plan("offer-in-183-answer-in-prack", in_prack.bye(), seconds=10), ("ringback", "hello")),
        (Plan("no-offer-no-100rel", no_early_media.pause(HELLO_S).bye(), seconds=10), ("hello",)),
        (Plan("rings-long", rings_long, seconds=8), ("ringback",)),
        (Plan("digits-in-the-audio", Scenario(echo).invite().answered().pause(2.5).bye(), says=_digits), ("7#",)),
    ]


FLOWS: Final = _flows()


@pytest.mark.parametrize(("plan", "wanted"), [pytest.param(*each, id=each[0].name) for each in FLOWS])
def test_each_flow_is_as_sipp_wants_it(whole_run: Run, plan: Plan, wanted: Sequence[str]) -> None:
    outcome = whole_run.outcomes[plan.name]
    outcome.assert_as_planned()
    heard = outcome.ear.heard()
    assert [each.name for each in heard] == list(wanted) or _fit(heard, wanted), [str(each) for each in heard]


def _fit(heard: Sequence[Heard], wanted: Sequence[str]) -> bool:
    pairs = zip(heard, wanted, strict=False)
    return len(heard) == len(wanted) and all(each.fits(name) for each, name in pairs)
