"""Telephone numbers from URIs (RFC 3398 §12.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError, RemoteProtocolError
from gateway.interworking.numbers import TelephoneNumber, calling_number, telephone_number
from gateway.sip.fields.name_addr import NameAddr
from gateway.sip.uri import Uri
from gateway.ss7.isup.numbers import NatureOfAddress, canonical_digits

NATIONAL, INTERNATIONAL = NatureOfAddress.NATIONAL, NatureOfAddress.INTERNATIONAL


@pytest.mark.clause("RFC 3398", "12.2")
@pytest.mark.parametrize(
    ("uri", "country_code", "digits", "nature"),
    [
        ("sip:+33199000003@192.0.2.1", "1", "33199000003", INTERNATIONAL),
        ("sip:+12125550103@192.0.2.1", "1", "2125550103", NATIONAL),
        ("sip:+33199000003@192.0.2.1", "33", "199000003", NATIONAL),
        ("sip:+12125550103@192.0.2.1;user=phone", "33", "12125550103", INTERNATIONAL),
        ("tel:+1-212-555-0103", "1", "2125550103", NATIONAL),
        ("tel:+33.1(99)00-00-03", "1", "33199000003", INTERNATIONAL),
        ("sip:2125550103@192.0.2.1", "1", "2125550103", NATIONAL),
        ("sip:90017@192.0.2.1", "1", "90017", NATIONAL),
        ("tel:90017;phone-context=+1", "1", "90017", NATIONAL),
        ("sip:%2B12125550103@192.0.2.1", "1", "2125550103", NATIONAL),
        ("sip:+12125550103;npdi=yes@192.0.2.1", "1", "2125550103", NATIONAL),
        ("sip:*21%23@192.0.2.1", "1", "*21#", NATIONAL),
        ("sips:+12125550103:secret@192.0.2.1", "1", "2125550103", NATIONAL),
    ],
)
def test_a_number(uri: str, country_code: str, digits: str, nature: NatureOfAddress) -> None:
    number = telephone_number(Uri.parse(uri), country_code)
    assert (number.digits, number.nature_of_address) == (digits, nature)


def test_five_digits_with_a_plus_are_no_short_number() -> None:
    assert telephone_number(Uri.parse("sip:+90017@192.0.2.1"), "1").nature_of_address == INTERNATIONAL
    assert telephone_number(Uri.parse("sip:+190017@192.0.2.1"), "1") == TelephoneNumber("190017", INTERNATIONAL)


@pytest.mark.clause("RFC 3398", "7.2.1.1")
@pytest.mark.parametrize(
    "uri",
    ["sip:alice@192.0.2.1", "sip:192.0.2.1", "sip:+@192.0.2.1", "sip:+1*2@h", "sip:1234567890123456789@h", "sip:++1@h"],
)
def test_what_is_none_is_404_with_cause_1(uri: str) -> None:
    with pytest.raises(RemoteProtocolError, match="is not a telephone number") as caught:
        telephone_number(Uri.parse(uri), "1")
    assert (caught.value.sip_status, caught.value.cause) == (404, 1)


def test_a_number_shows_as_it_is_dialled() -> None:
    assert [str(TelephoneNumber("33199", nature)) for nature in (INTERNATIONAL, NATIONAL)] == ["+33199", "33199"]


@pytest.mark.clause("RFC 3398", "7.2.1.1")
@pytest.mark.parametrize("address", ["<sip:alice@192.0.2.9>", "Anonymous <sip:anonymous@anonymous.invalid>", "<urn:x>"])
def test_a_from_without_a_number_is_no_calling_number(address: str) -> None:
    assert calling_number(NameAddr.parse(address), "1") is None


@given(st.text(max_size=30))
def test_whatever_is_a_number_can_be_sent(user: str) -> None:
    try:
        number = telephone_number(Uri.parse(f"sip:{user}@192.0.2.1"), "1")
    except (ParseError, RemoteProtocolError):
        return
    assert canonical_digits(number.digits) == number.digits
