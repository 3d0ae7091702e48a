"""ACM and CPG towards SIP: which provisional response, and whether the circuit is heard (RFC 3398 §7.2.5-7.2.9).

The rules are rows: the first whose condition holds is chosen, and says why.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen

from gateway.core.clause import Clause
from gateway.core.values import value
from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    CalledPartyStatus,
    Event,
    EventInformation,
    OptionalBackwardCallIndicators,
)
from gateway.ss7.isup.cause import CauseIndicators
from gateway.ss7.isup.messages import Message


@value
class Facts:
    """What the rules look at.

    Args:
        subscriber_free: called party's status indicator, or event "alerting".
        in_band: "in-band information or an appropriate pattern is now available", or event 3.
        interworking: interworking encountered, or ISUP not used all the way.
        event: the event indicator of a CPG, None for an ACM.
        cause: of an ACM that says the call will fail and that the network tells the caller so in band.
    """

    subscriber_free: bool = False
    in_band: bool = False
    interworking: bool = False
    event: int | None = None
    cause: int | None = None

    @property
    def without_media(self) -> Facts:
        """The same call, where the caller cannot be given early media: what is in band counts for nothing."""
        return evolve(self, in_band=False, interworking=False, cause=None)

    def shown(self) -> tuple[tuple[str, str], ...]:
        """For the decision."""
        words = {"subscriber free": self.subscriber_free, "in-band": self.in_band, "interworking": self.interworking}
        pairs = tuple((name, "yes" if value else "no") for name, value in words.items())
        numbers = {"event": self.event, "cause": self.cause}
        return (*((name, str(value)) for name, value in numbers.items() if value is not None), *pairs)


@frozen
class ProgressRule:
    """One row.

    Args:
        name: for the trace.
        holds: whether it is this row's case.
        status: the provisional response to send.
        cut_through: whether backward media starts.
        clause: who says so.
    """

    name: str
    holds: Callable[[Facts], bool]
    status: int
    cut_through: bool
    clause: Clause

    @property
    def outcome(self) -> str:
        """What it leads to, in words."""
        return f"{self.status}" + (" with session description, caller hears the circuit" if self.cut_through else "")


_IN_BAND = Clause("RFC 3398", "7.2.6")
_EVENT = Clause("RFC 3398", "7.2.9")
FORWARDED = (Event.FORWARDED_ON_BUSY, Event.FORWARDED_ON_NO_REPLY, Event.FORWARDED_UNCONDITIONAL)

ACM_RULES = (
    ProgressRule("ACM with cause", lambda facts: facts.cause is not None, 183, True, Clause("RFC 3398", "7.1.6")),
    ProgressRule("ACM with in-band information", lambda facts: facts.in_band, 183, True, _IN_BAND),
    ProgressRule("ACM, interworking encountered", lambda facts: facts.interworking, 183, True, _IN_BAND),
    ProgressRule("ACM, subscriber free", lambda facts: facts.subscriber_free, 180, False, _IN_BAND),
    ProgressRule("early ACM", lambda facts: True, 183, False, Clause("RFC 3398", "7.2.5")),
)

CPG_RULES = (
    ProgressRule("CPG alerting, in band", lambda facts: facts.subscriber_free and facts.in_band, 180, True, _EVENT),
    ProgressRule("CPG alerting", lambda facts: facts.subscriber_free, 180, False, _EVENT),
    ProgressRule("CPG forwarded, in band", lambda facts: facts.event in FORWARDED and facts.in_band, 181, True, _EVENT),
    ProgressRule("CPG forwarded", lambda facts: facts.event in FORWARDED, 181, False, _EVENT),
    ProgressRule("CPG in-band information", lambda facts: facts.in_band, 183, True, _EVENT),
    ProgressRule("CPG progress", lambda facts: True, 183, False, _EVENT),
)


def facts_of(message: Message) -> Facts:
    """What an ACM or a CPG says."""
    backward = message.get(BackwardCallIndicators)
    optional = message.get(OptionalBackwardCallIndicators)
    information = message.get(EventInformation)
    event = None if information is None else int(information.event)
    cause = None if information is not None else message.get(CauseIndicators)
    return Facts(
        subscriber_free=event == Event.ALERTING
        or (backward is not None and backward.called_party_status == CalledPartyStatus.SUBSCRIBER_FREE),
        in_band=event == Event.IN_BAND_INFORMATION or (optional is not None and optional.in_band_information),
        interworking=backward is not None and (backward.interworking_encountered or not backward.isup_all_the_way),
        event=event,
        cause=None if cause is None else int(cause.value),
    )


def rule_for(facts: Facts) -> ProgressRule:
    """The row for an ACM (no event) or a CPG."""
    rules = ACM_RULES if facts.event is None else CPG_RULES
    return next(rule for rule in rules if rule.holds(facts))
