"""The cause tables of the default profile against the tables of RFC 3398."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.core.errors import ConfigError
from gateway.interworking.causes import load_profile

DATA = Path(__file__).parents[2] / "data" / "causes"
PROFILE = load_profile()
USER, NETWORK = 0, 4


def rows(name: str) -> dict[str, str]:
    """The rows of a table, without its comment and heading."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()[2:]
    return {key: value for key, _, value in (line.partition("\t") for line in lines)}


TO_SIP, TO_ISUP = rows("isup_to_sip.tsv"), rows("sip_to_isup.tsv")


@pytest.mark.clause("RFC 3398", "7.2.4.1")
class TestToSip:
    @pytest.mark.parametrize("cause", [key for key, value in TO_SIP.items() if value.isdigit() and key.isdigit()])
    def test_each_plain_row(self, cause: str) -> None:
        assert PROFILE.status(int(cause), NETWORK) == int(TO_SIP[cause])
        assert PROFILE.status(int(cause), USER) == int(TO_SIP[cause])

    def test_only_these_rows_are_not_plain(self) -> None:
        assert {key for key, value in TO_SIP.items() if not value.isdigit()} == {"16", "21", "22", "44"}

    def test_rejected_by_the_user_is_rejected_everywhere(self) -> None:
        assert (PROFILE.status(21, NETWORK), PROFILE.status(21, USER)) == (403, 603)

    def test_number_changed_is_a_redirection_where_the_new_one_is_known(self) -> None:
        assert (PROFILE.status(22, NETWORK), PROFILE.status(22, NETWORK, has_diagnostic=True)) == (410, 301)

    def test_normal_clearing_and_no_other_circuit_have_answers_of_their_own(self) -> None:
        assert (PROFILE.status(16, NETWORK), PROFILE.status(44, NETWORK)) == (500, 503)

    def test_every_other_cause_is_500(self) -> None:
        others = [cause for cause in range(1, 128) if str(cause) not in TO_SIP]
        assert len(others) > 90
        assert {PROFILE.status(cause, location) for cause in others for location in range(16)} == {500}

    def test_nothing_but_the_rows_is_in_the_profile(self) -> None:
        assert {str(cause) for cause in PROFILE.status_by_cause} == {key for key in TO_SIP if key.isdigit()}


@pytest.mark.clause("RFC 3398", "8.2.6.1")
class TestToIsup:
    @pytest.mark.parametrize("status", [key for key, value in TO_ISUP.items() if value.isdigit() and key.isdigit()])
    def test_each_plain_row(self, status: str) -> None:
        assert PROFILE.cause(int(status)) == int(TO_ISUP[status])

    def test_by_warning_is_31_until_there_is_one(self) -> None:
        assert (PROFILE.cause(488), PROFILE.cause(606)) == (31, 31)

    def test_every_other_status_is_31(self) -> None:
        others = [status for status in range(300, 700) if str(status) not in TO_ISUP]
        assert {PROFILE.cause(status) for status in others} == {31}


def test_every_status_has_a_cause_that_can_be_sent() -> None:
    assert all(1 <= PROFILE.cause(status) <= 127 for status in range(300, 700))


def test_an_unknown_profile_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no profile 'yate'; there is: rfc3398"):
        load_profile("yate")
