"""INVITE to IAM (RFC 3398 §7.2.1.1)."""

from __future__ import annotations

from functools import cache, lru_cache

from attrs import frozen

from gateway.interworking.numbers import TelephoneNumber, calling_number, telephone_number
from gateway.sip.message import Request
from gateway.ss7.isup.call_indicators import (
    CallingPartysCategory,
    ForwardCallIndicators,
    NatureOfConnectionIndicators,
    TransmissionMediumRequirement,
)
from gateway.ss7.isup.numbers import Presentation, Screening
from gateway.ss7.isup.parameter import Parameter
from gateway.ss7.isup.party_numbers import CalledPartyNumber, CallingPartyNumber, OriginalCalledNumber


@frozen
class SetupSettings:
    """What an IAM says that no INVITE tells ("Gateways MUST be provisioned with default values").

    Args:
        country_code: E.164 code of the country whose switches the trunks lead to.
        interworking_encountered: claim so in the forward call indicators; networks then tend to use announcements
            where they would otherwise release with a cause.
    """

    country_code: str = "1"
    interworking_encountered: bool = False


def called_number(invite: Request, settings: SetupSettings) -> TelephoneNumber:
    """The number in the Request-URI, which beats every other.

    Raises:
        RemoteProtocolError: there is none in it (status 404, cause 1).
        ParseError: the Request-URI cannot be read.
    """
    return telephone_number(invite.request_uri, settings.country_code)


def initial_address(invite: Request, called: TelephoneNumber, settings: SetupSettings) -> tuple[Parameter, ...]:
    """The parameters of the IAM: the five that every IAM has, and the numbers that the INVITE gives besides.

    Raises:
        ParseError: the From or To header cannot be read.
    """
    parameters: list[Parameter] = [
        *_indicators(settings.interworking_encountered),
        _called_party(called),
    ]
    calling = calling_number(invite.from_, settings.country_code)
    if calling is not None:
        parameters.append(_calling_party(calling, _presentation(invite)))
    # "If the primary telephone number in the Request-URI and that of the To header are at variance, then the To
    # header SHOULD be used to populate an OCN parameter."
    original = None
    if invite.to.uri != invite.request_uri:
        original = calling_number(invite.to, settings.country_code)
    if original is not None and original != called:
        parameters.append(OriginalCalledNumber(digits=original.digits, nature_of_address=original.nature_of_address))
    return tuple(parameters)


@cache
def _indicators(interworking_encountered: bool) -> tuple[Parameter, ...]:
    """What stands before the numbers, the same in every IAM."""
    return (
        NatureOfConnectionIndicators(),
        ForwardCallIndicators(
            interworking_encountered=interworking_encountered, isup_all_the_way=not interworking_encountered
        ),
        CallingPartysCategory(),
        TransmissionMediumRequirement(),
    )


@lru_cache(maxsize=1024)
def _called_party(number: TelephoneNumber) -> CalledPartyNumber:
    return CalledPartyNumber(digits=number.digits + "F", nature_of_address=number.nature_of_address)


@lru_cache(maxsize=1024)
def _calling_party(number: TelephoneNumber, presentation: Presentation) -> CallingPartyNumber:
    return CallingPartyNumber(
        digits=number.digits,
        nature_of_address=number.nature_of_address,
        presentation=presentation,
        # §12.2: "the screening indicator to 'network provided'"
        screening=Screening.NETWORK_PROVIDED,
    )


def _presentation(invite: Request) -> Presentation:
    """Restricted where the caller asks for it (RFC 3323 §4.2)."""
    lines = invite.headers.written("Privacy")
    if not lines:
        return Presentation.ALLOWED
    wishes = {wish.strip().lower() for line in lines for wish in line.split(";")}
    return Presentation.RESTRICTED if wishes & {"id", "user", "header"} else Presentation.ALLOWED
