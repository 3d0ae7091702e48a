"""The timers of ISUP call control and circuit supervision (ITU-T Q.764, Annex A)."""

from __future__ import annotations

import attrs
from attrs import frozen


@frozen(kw_only=True)
class IsupTimers:
    """Values in seconds, named as Q.764 names the timers; the range that it gives stands behind each.

    Args:
        T1: REL sent, no RLC: REL again (15 to 60 s).
        T5: REL first sent, no RLC: RSC, alarm (5 to 15 min).
        T7: latest address message sent, neither ACM nor CON came: the call is released (20 to 30 s).
        T9: ACM came, no ANM: the call is released (90 s to 3 min, or by another authority); `None`: off.
        T12: BLO sent, no BLA: BLO again (15 to 60 s).
        T13: BLO first sent, no BLA: alarm, then BLO at this interval (5 to 15 min).
        T14: UBL sent, no UBA: UBL again (15 to 60 s).
        T15: UBL first sent, no UBA: alarm, then UBL at this interval (5 to 15 min).
        T16: RSC sent (not because of T5), no RLC: RSC again (15 to 60 s).
        T17: RSC first sent, no RLC: alarm, then RSC at this interval (5 to 15 min).
    """

    T1: float = 15.0
    T5: float = 300.0
    T7: float = 25.0
    T9: float | None = 180.0
    T12: float = 15.0
    T13: float = 300.0
    T14: float = 15.0
    T15: float = 300.0
    T16: float = 15.0
    T17: float = 300.0

    def __attrs_post_init__(self) -> None:
        for name, value in attrs.asdict(self).items():
            if value is None and name == "T9":
                continue
            if value is None or not value > 0:
                raise ValueError(f"{name}: {value} s, must be more than 0")
