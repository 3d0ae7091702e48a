"""The timers of RFC 3261 §17 (Table 4 of its Appendix A; L and M: RFC 6026 §8.11), with their names as written there.

    timer  value             who                     meaning
    A      initially T1      INVITE client           request retransmit interval, unreliable transports only
    B      64*T1             INVITE client           transaction timeout
    D      > 32 s            INVITE client           wait for response retransmits; 0 s on reliable transports
    E      initially T1      non-INVITE client       request retransmit interval, unreliable transports only
    F      64*T1             non-INVITE client       transaction timeout
    G      initially T1      INVITE server           response retransmit interval, unreliable transports only
    H      64*T1             INVITE server           wait for the ACK
    I      T4                INVITE server           wait for ACK retransmits; 0 s on reliable transports
    J      64*T1             non-INVITE server       wait for request retransmits; 0 s on reliable transports
    K      T4                non-INVITE client       wait for response retransmits; 0 s on reliable transports
    L      64*T1             INVITE server           wait for retransmits of an accepted INVITE
    M      64*T1             INVITE client           wait for retransmits of the 2xx, or 2xx of other branches

Timer C is a proxy's (§16.6). "0 s" is not here: it is the machines that know whether their transport is reliable.
"""

from __future__ import annotations

from attrs import Attribute, field, frozen


def _positive(_: object, attribute: Attribute[float], value: float) -> None:
    if not value > 0:
        raise ValueError(f"{attribute.name} must be more than 0 s, not {value}")


@frozen
class TransactionTimers:
    """The three times that everything else is reckoned from, in seconds.

    Args:
        T1: estimate of the round-trip time.
        T2: the longest interval between retransmissions of non-INVITE requests and INVITE responses.
        T4: how long a message can remain in the network.

    Raises:
        ValueError: one of them is not positive, or T2 is less than T1.
    """

    T1: float = field(default=0.5, validator=_positive)
    T2: float = field(default=4.0, validator=_positive)
    T4: float = field(default=5.0, validator=_positive)

    A: float = field(init=False)
    B: float = field(init=False)
    D: float = field(init=False)
    E: float = field(init=False)
    F: float = field(init=False)
    G: float = field(init=False)
    H: float = field(init=False)
    I: float = field(init=False)  # noqa: E741 - the RFC's letter
    J: float = field(init=False)
    K: float = field(init=False)
    L: float = field(init=False)
    M: float = field(init=False)

    @A.default
    @E.default
    @G.default
    def _initial_interval(self) -> float:
        return self.T1

    @B.default
    @F.default
    @H.default
    @J.default
    @L.default
    @M.default
    def _timeout(self) -> float:
        return 64 * self.T1

    @D.default
    def _response_retransmits(self) -> float:
        # §17.1.1.2: "an absolute minimum of 32s is used instead of basing Timer D on T1"
        return max(32.0, 64 * self.T1)

    @I.default
    @K.default
    def _cleared_from_the_network(self) -> float:
        return self.T4

    def __attrs_post_init__(self) -> None:
        if self.T2 < self.T1:
            raise ValueError(f"T2 ({self.T2} s) is less than T1 ({self.T1} s)")

    def doubled(self, interval: float) -> float:
        """The interval after this one, where it doubles until it reaches T2 (timers E and G)."""
        return min(2 * interval, self.T2)

    @property
    def E_reaches_T2(self) -> float:
        """After how many seconds a client's timer E is reset to T2 (RFC 4320 §4.1): 3.5 s by default, at most F."""
        elapsed = interval = self.T1
        while (interval := self.doubled(interval)) < self.T2:
            elapsed += interval
        return min(elapsed, self.F)
