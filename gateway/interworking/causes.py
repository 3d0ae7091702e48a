"""The cause tables of a profile: ITU-T Q.850 cause value to SIP status and back (RFC 3398 §7.2.4.1, §8.2.6.1)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import frozen

from gateway.core.clause import Clause
from gateway.core.errors import ConfigError

LOCATION_USER = 0
RETRY_AFTER_STATUS = 503


@frozen
class Profile:
    """One way to translate causes: the tables of one specification or product.

    Args:
        status_by_cause: Q.850 cause value (1..127) to SIP status (300..699).
        status_by_cause_at_user: the same, where the REL's location says "user".
        status_by_cause_with_diagnostic: the same, where the REL carries a usable diagnostic.
        cause_by_status: SIP status to Q.850 cause value.
        retry_after_s: what a 503 tells the caller to wait, in seconds; 0 for no Retry-After.
    """

    name: str
    title: str
    status_by_cause: Mapping[int, int]
    status_by_cause_at_user: Mapping[int, int]
    status_by_cause_with_diagnostic: Mapping[int, int]
    default_status: int
    retry_after_s: int
    status_clause: Clause
    cause_by_status: Mapping[int, int]
    default_cause: int
    cause_clause: Clause

    def status(self, cause: int, location: int, has_diagnostic: bool = False) -> int:
        """The SIP status for a REL that comes before the answer."""
        if has_diagnostic and cause in self.status_by_cause_with_diagnostic:
            return self.status_by_cause_with_diagnostic[cause]
        if location == LOCATION_USER and cause in self.status_by_cause_at_user:
            return self.status_by_cause_at_user[cause]
        return self.status_by_cause.get(cause, self.default_status)

    def cause(self, status: int) -> int:
        """The Q.850 cause value for a final SIP response of 300 or more."""
        return self.cause_by_status.get(status, self.default_cause)


@cache
def load_profile(name: str = "rfc3398") -> Profile:
    """A profile that comes with the gateway, by the name of its file.

    Raises:
        ConfigError: there is none of that name.
    """
    folder = files("gateway.interworking.profiles")
    file = folder / f"{name}.toml"
    if not file.is_file():
        known = ", ".join(sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")))
        raise ConfigError(f"there is no profile {name!r}; there is: {known}", key="interworking.profile")
    return read_profile(tomllib.loads(file.read_text(encoding="utf-8")))


def read_profile(data: Mapping[str, Any]) -> Profile:
    """A profile from its TOML tables (see `profiles/rfc3398.toml`)."""
    to_sip, to_isup = data["isup_to_sip"], data["sip_to_isup"]
    return Profile(
        name=data["name"],
        title=data["title"],
        status_by_cause=_numbers(to_sip["causes"]),
        status_by_cause_at_user=_numbers(to_sip.get("location_user", {})),
        status_by_cause_with_diagnostic=_numbers(to_sip.get("with_diagnostic", {})),
        default_status=to_sip["default"],
        retry_after_s=to_sip.get("retry_after_s", 0),
        status_clause=Clause(*to_sip["clause"]),
        cause_by_status=_numbers(to_isup["statuses"]),
        default_cause=to_isup["default"],
        cause_clause=Clause(*to_isup["clause"]),
    )


def _numbers(table: Mapping[str, int]) -> dict[int, int]:
    return {int(key): value for key, value in table.items()}
