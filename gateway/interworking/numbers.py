"""Telephone numbers between SIP URIs and ISUP address signals (RFC 3398 §12; RFC 3966)."""

from __future__ import annotations

import re

from gateway.core.errors import ParseError, RemoteProtocolError
from gateway.core.values import value
from gateway.sip.fields.name_addr import NameAddr
from gateway.sip.uri import Uri
from gateway.ss7.isup.numbers import NatureOfAddress

VISUAL_SEPARATORS = str.maketrans("", "", "-.() ")
LONGEST = 18
LONGEST_SHORT_NUMBER = 5
_DIGITS = re.compile(r"[0-9*#]+")


@value
class TelephoneNumber:
    """A number as ISUP carries it.

    Args:
        digits: address signals "0".."9" (and "*", "#" in national numbers), without "+".
        nature_of_address: international or national (significant).
    """

    digits: str
    nature_of_address: NatureOfAddress

    def __str__(self) -> str:
        return ("+" if self.nature_of_address == NatureOfAddress.INTERNATIONAL else "") + self.digits


def telephone_number(uri: Uri, country_code: str) -> TelephoneNumber:
    """The number that a tel: URI, or the user part of a sip: URI, stands for (RFC 3398 §12.2).

    Args:
        uri: of the Request-URI, From or P-Asserted-Identity.
        country_code: of the switches that the gateway's trunks lead to; numbers of that country lose it.

    Raises:
        RemoteProtocolError: it is none; status 404 and cause 1.
    """
    user = uri.username.split(";", 1)[0].translate(VISUAL_SEPARATORS)
    digits = user.removeprefix("+")
    # Deviation: §12.2 gives 484 to a Request-URI that is no number; here it is what a number that nobody has gets.
    international = user != digits
    if not _DIGITS.fullmatch(digits) or len(digits) > LONGEST or (international and not digits.isdigit()):
        raise RemoteProtocolError(f"{user[:32]!r} is not a telephone number", sip_status=404, cause=1)
    if not international:
        return TelephoneNumber(digits, NatureOfAddress.NATIONAL)
    # "If the country code is local to the gateway [...] the gateway SHOULD set the NoA to reflect
    # 'national (significant) number' and strip the country code"
    # What would be left of "+190017" is no national number but one of the short numbers, which are dialled without "+".
    national = digits.removeprefix(country_code)
    if national != digits and len(national) > LONGEST_SHORT_NUMBER:
        return TelephoneNumber(national, NatureOfAddress.NATIONAL)
    return TelephoneNumber(digits, NatureOfAddress.INTERNATIONAL)


def calling_number(address: NameAddr, country_code: str) -> TelephoneNumber | None:
    """The caller's number, or None where the From header has none ("the CIN parameter SHOULD be omitted", §7.2.1.1)."""
    try:
        return telephone_number(address.uri, country_code)
    except (RemoteProtocolError, ParseError):
        return None
