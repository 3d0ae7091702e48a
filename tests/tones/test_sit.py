"""Special information tones."""

from __future__ import annotations

from tones.sit import NORTH_AMERICAN, special_information_tone


def test_the_eight_codes_differ_and_end_alike() -> None:
    written = {tone.serialize() for tone in NORTH_AMERICAN.tones.values()}
    assert len(written) == 8
    assert all(text.endswith("!1776.7/380/0") for text in written)


def test_vacant_code_is_high_long_low_short() -> None:
    assert NORTH_AMERICAN.tones["sit-vacant-code"].serialize() == "!985.2/380/0; !1370.6/274/0; !1776.7/380/0"


def test_a_country_without_one_gets_that_of_e180() -> None:
    assert special_information_tone("us").serialize().startswith("!950/330/0; !1400/330/0; !1800/330/0")
    assert special_information_tone("e180").serialize() == "950/330/0; 1400/330/0; 1800/330/1000"
