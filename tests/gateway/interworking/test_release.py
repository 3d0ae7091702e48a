"""Reason header fields and causes, both ways (RFC 3326, RFC 6432; RFC 3398 §7.2.3, §7.2.4)."""

from __future__ import annotations

import pytest

from gateway.interworking.causes import load_profile
from gateway.interworking.release import cause_from_reasons, cause_of, reason_header, refusal
from gateway.sip.fields.reason import Reason
from gateway.ss7.isup.cause import CauseIndicators, Location
from gateway.ss7.isup.messages import Message, MessageType

PROFILE = load_profile()


@pytest.mark.clause("RFC 3398", "7.2.3")
@pytest.mark.parametrize(
    ("reasons", "cause"),
    [
        ((), 16),
        (("Q.850;cause=17",), 17),
        (('q.850 ;cause=21;text="no"',), 21),
        (("SIP;cause=200", "Q.850;cause=26"), 26),
        (("Q.850;cause=1", "Q.850;cause=2"), 1),
        (("Q.850",), 16),
        (("Q.850;cause=0", "Q.850;cause=128", "Q.850;cause=31"), 31),
        (("Q.850;cause=x",), 16),
        (("", ";", "\x00"), 16),
        (("SIP;cause=486",), 16),
    ],
)
def test_the_first_cause_that_can_be_sent(reasons: tuple[str, ...], cause: int) -> None:
    assert cause_from_reasons(reasons) == cause


@pytest.mark.clause("RFC 3326", "2")
@pytest.mark.parametrize("cause", range(128))
def test_what_is_written_is_read_again(cause: int) -> None:
    name, value = reason_header(cause)
    reason = Reason.parse(value)
    assert (name, reason.protocol, reason.cause) == ("Reason", "Q.850", cause)


def test_a_rel_without_a_cause_is_a_protocol_error() -> None:
    assert cause_of(Message.of(MessageType.REL, 1)).value == 111
    assert cause_of(Message.of(MessageType.REL, 1, CauseIndicators(17, Location.USER))).value == 17


@pytest.mark.clause("RFC 3398", "7.2.4.1")
def test_a_refusal_says_why_and_when_to_try_again() -> None:
    busy = refusal(17, Location.USER, PROFILE)
    assert (busy.status, busy.headers) == (486, (("Reason", 'Q.850;cause=17;text="User busy"'),))
    assert busy.decision.facts == (("cause", "17 User busy"), ("location", "0"), ("profile", "rfc3398"))
    congested = refusal(42, Location.TRANSIT_NETWORK, PROFILE, "gateway", "too much")
    assert (congested.status, congested.headers[-1]) == (503, ("Retry-After", "5"))
    assert (congested.decision.rule, congested.decision.outcome) == ("gateway", "too much")


@pytest.mark.parametrize("cause", range(128))
@pytest.mark.parametrize("location", [0, 4, 15])
def test_every_cause_can_be_answered(cause: int, location: int) -> None:
    assert 300 <= refusal(cause, location, PROFILE).status <= 699
