"""The ISUP messages that `send` steps send backwards (ITU-T Q.764 §2.1); REL is the call's own affair."""

from __future__ import annotations

from functools import lru_cache

from gateway.core.effects import Effect, tell
from gateway.exchange.behaviours import CALLED_PARTY, EVENTS, Send
from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    CalledPartyStatus,
    EventInformation,
    OptionalBackwardCallIndicators,
    SuspendResumeIndicators,
)
from gateway.ss7.isup.incoming import IncomingCall
from gateway.ss7.isup.parameter import Parameter


def backward_message(step: Send, call: IncomingCall) -> Effect:
    """What the ISUP side of a call is told for a step.

    Raises:
        ValueError: REL is not sent this way.
    """
    match step.message:
        case "ACM":
            said = _backward_indicators(step.called_party, step.interworking, step.in_band, step.diversion)
            return tell(call.address_complete, *said)
        case "CPG":
            return tell(call.progress, EventInformation(EVENTS[step.event]))
        case "ANM":
            return tell(call.answer)
        case "CON":
            free = BackwardCallIndicators(called_party_status=CalledPartyStatus.SUBSCRIBER_FREE)
            return tell(call.connect, free)
        case "SUS":
            return tell(call.suspend, SuspendResumeIndicators(network_initiated=True))
        case "RES":
            return tell(call.resume, SuspendResumeIndicators(network_initiated=True))
    raise ValueError(f"{step.message} is not sent by a step alone")


@lru_cache(maxsize=64)
def _backward_indicators(
    called_party: str, interworking: bool, in_band: bool, diversion: bool
) -> tuple[Parameter, ...]:
    backward = BackwardCallIndicators(
        called_party_status=CalledPartyStatus(CALLED_PARTY.index(called_party)),
        interworking_encountered=interworking,
        isup_all_the_way=not interworking,
    )
    if in_band or diversion:
        return backward, OptionalBackwardCallIndicators(in_band_information=in_band, call_diversion_may_occur=diversion)
    return (backward,)
