"""ACM and CPG towards SIP, row by row (RFC 3398 §7.1.6, §7.2.5, §7.2.6, §7.2.9)."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.interworking.progress import ACM_RULES, CPG_RULES, Facts, facts_of, rule_for
from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    CalledPartyStatus,
    EventInformation,
    OptionalBackwardCallIndicators,
)
from gateway.ss7.isup.cause import CauseIndicators, Location
from gateway.ss7.isup.messages import Message, MessageType
from gateway.ss7.isup.parameter import Parameter

NOTHING = BackwardCallIndicators()
FREE = BackwardCallIndicators(called_party_status=CalledPartyStatus.SUBSCRIBER_FREE)
WHEN_FREE = BackwardCallIndicators(called_party_status=CalledPartyStatus.CONNECT_WHEN_FREE)
INTERWORKING = BackwardCallIndicators(interworking_encountered=True)
NOT_ALL_THE_WAY = BackwardCallIndicators(isup_all_the_way=False)
IN_BAND = OptionalBackwardCallIndicators(in_band_information=True)
DIVERSION = OptionalBackwardCallIndicators(call_diversion_may_occur=True)
CAUSE = CauseIndicators(17, Location.TRANSIT_NETWORK)


def chosen(message_type: MessageType, *parameters: Parameter) -> tuple[int, bool, str]:
    """Status, cut-through and clause of the row for a message."""
    rule = rule_for(facts_of(Message.of(message_type, 1, *parameters)))
    return rule.status, rule.cut_through, rule.clause.section


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ((NOTHING,), (183, False, "7.2.5")),
        ((WHEN_FREE,), (183, False, "7.2.5")),
        ((NOTHING, DIVERSION), (183, False, "7.2.5")),
        ((FREE,), (180, False, "7.2.6")),
        ((FREE, DIVERSION), (180, False, "7.2.6")),
        ((NOTHING, IN_BAND), (183, True, "7.2.6")),
        ((FREE, IN_BAND), (183, True, "7.2.6")),
        ((INTERWORKING,), (183, True, "7.2.6")),
        ((NOT_ALL_THE_WAY,), (183, True, "7.2.6")),
        ((NOTHING, CAUSE), (183, True, "7.1.6")),
        ((FREE, CAUSE, IN_BAND), (183, True, "7.1.6")),
        ((), (183, False, "7.2.5")),
    ],
)
def test_acm(parameters: tuple[Parameter, ...], expected: tuple[int, bool, str]) -> None:
    assert chosen(MessageType.ACM, *parameters) == expected


@pytest.mark.clause("RFC 3398", "7.2.9")
@pytest.mark.parametrize(
    ("event", "status"), [(1, 180), (2, 183), (3, 183), (4, 181), (5, 181), (6, 181), (0, 183), (99, 183)]
)
def test_cpg_by_its_event_code(event: int, status: int) -> None:
    assert chosen(MessageType.CPG, EventInformation(event)) == (status, event == 3, "7.2.9")


@pytest.mark.clause("RFC 3398", "7.2.9")
@pytest.mark.parametrize(("event", "status"), [(1, 180), (2, 183), (3, 183), (4, 181), (5, 181), (6, 181)])
def test_cpg_with_in_band_information_is_heard_whatever_its_event(event: int, status: int) -> None:
    assert chosen(MessageType.CPG, EventInformation(event), IN_BAND) == (status, True, "7.2.9")


def test_there_is_a_row_for_everything() -> None:
    for free, in_band, interworking, event, cause in product(
        (True, False), (True, False), (True, False), (None, *range(8)), (None, 1)
    ):
        facts = Facts(free, in_band, interworking, event, cause)
        assert rule_for(facts).status in (180, 181, 183)
        silent = rule_for(facts.without_media)
        assert not silent.cut_through
        assert (silent.status == 180) == free


def test_each_row_is_chosen_for_something() -> None:
    facts = [
        Facts(*each)
        for each in product((True, False), (True, False), (True, False), (None, 1, 2, 3, 4, 5, 6), (None, 1))
    ]
    assert {rule_for(each).name for each in facts} == {rule.name for rule in (*ACM_RULES, *CPG_RULES)}


def test_the_decision_shows_what_was_looked_at() -> None:
    assert Facts(in_band=True, event=3).shown() == (
        ("event", "3"),
        ("subscriber free", "no"),
        ("in-band", "yes"),
        ("interworking", "no"),
    )
    assert Facts(cause=17).shown()[0] == ("cause", "17")
