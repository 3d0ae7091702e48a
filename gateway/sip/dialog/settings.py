"""What a user agent is told when it is made."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from attrs import field, frozen
from attrs.validators import ge, gt

from gateway.sip.effects import Flow
from gateway.sip.transaction.timers import TransactionTimers

ALLOW = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE")
"""The methods that the user agent takes, in the order of its Allow header (RFC 3261 §20.5)."""


class Reliability(Enum):
    """When provisional responses are sent reliably (RFC 3262 §3)."""

    WHEN_SUPPORTED = "when supported"
    """Whenever the caller supports 100rel (RFC 3398 §5.4 wants nothing less of a gateway)."""

    WHEN_REQUIRED = "when required"
    """Only when the caller requires 100rel."""

    NEVER = "never"
    """100rel is neither offered nor taken: an INVITE that requires it is refused with 420."""


@frozen
class UserAgentSettings:
    """How a user agent presents itself and behaves.

    Args:
        random_int: a random integer between two bounds, both included: `random.Random(seed).randint`, for example.
        contact_uri: the sip URI at which in-dialog requests reach us; "" makes one of the flow's local address.
        product: the value of Server and User-Agent; "" leaves them out.
        timers: T1 and T2 (RFC 3261 §17.1.1.1), in seconds.
        reliability: when provisional responses are sent reliably, and whether a client session acknowledges them.
        accept: the media types whose bodies are understood in INVITE, UPDATE and PRACK (RFC 3261 §8.2.3).
        session_limit: how many sessions there may be before new ones are refused with 503; None for no limit.
        progress_interval_s: how often an unreliable provisional response is repeated (RFC 3261 §13.3.1.1).
        reliable_progress_interval_s: how often a reliable one is sent to keep the transaction alive (RFC 3262 §3).
    """

    random_int: Callable[[int, int], int]
    contact_uri: str = ""
    product: str = ""
    timers: TransactionTimers = field(factory=TransactionTimers)
    reliability: Reliability = Reliability.WHEN_SUPPORTED
    accept: tuple[str, ...] = ("application/sdp", "multipart/mixed")
    session_limit: int | None = None
    progress_interval_s: float = field(default=60.0, validator=gt(0))
    reliable_progress_interval_s: float = field(default=150.0, validator=ge(1))
    capabilities: tuple[tuple[str, str], ...] = field(init=False)
    """Allow and Supported (RFC 3261 §13.2.1, §13.3.1.4)."""

    @property
    def supported(self) -> tuple[str, ...]:
        """The option tags of the Supported header (RFC 3261 §20.37)."""
        return () if self.reliability is Reliability.NEVER else ("100rel",)

    @capabilities.default
    def _allow_and_supported(self) -> tuple[tuple[str, str], ...]:
        supported = (("Supported", ", ".join(self.supported)),) if self.supported else ()
        return (("Allow", ", ".join(ALLOW)), *supported)

    def contact(self, flow: Flow) -> str:
        """The value of the Contact header for a dialog on this flow (RFC 3261 §12.1.1)."""
        uri = self.contact_uri or f"sip:{flow.local[0]}:{flow.local[1]}"
        if flow.transport.reliable and ";transport=" not in uri.lower():
            uri += f";transport={flow.transport.value.lower()}"
        return f"<{uri}>"
