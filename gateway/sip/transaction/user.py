"""Who sits above and below the transaction layer (RFC 3261 §5, §17): the words between it and its users."""

from __future__ import annotations

from typing import Protocol

from gateway.sip.effects import Flow
from gateway.sip.message import Request, Response


class ServerTransaction(Protocol):
    """One request that somebody sent us, and the way to answer it."""

    @property
    def request(self) -> Request:
        """The request that created the transaction."""

    @property
    def flow(self) -> Flow:
        """Where it came from; responses go back there (RFC 3261 §18.2.2, RFC 3581)."""

    def respond(self, response: Response) -> None:
        """Send a response; the transaction retransmits and absorbs as §17.2 says."""


class TransactionUser(Protocol):
    """The TU of RFC 3261 §5 for everything that arrives unasked."""

    def request_received(self, transaction: ServerTransaction) -> None:
        """A new request other than ACK and CANCEL; answer it by `transaction.respond`."""

    def cancel_received(self, transaction: ServerTransaction, invite: ServerTransaction | None) -> None:
        """A CANCEL, with the INVITE server transaction that it matches (RFC 3261 §9.2), or None (answer 481)."""

    def ack_received(self, request: Request, flow: Flow) -> None:
        """An ACK to a 2xx (RFC 6026 §7.1: it belongs to no transaction, or to one in Accepted)."""

    def stray_response_received(self, response: Response, flow: Flow) -> None:
        """A response that matches no client transaction: a late or forked 2xx to INVITE, perhaps."""

    def transaction_failed(self, transaction: ServerTransaction, why: str) -> None:
        """The response could not be delivered: transport error, or no ACK to a non-2xx within timer H."""


class ClientUser(Protocol):
    """Whoever sent a request."""

    def response_received(self, response: Response) -> None:
        """A provisional or final response. For INVITE every 2xx (also repeated or forked ones, RFC 6026 §7.2)."""

    def request_timed_out(self) -> None:
        """Timer B or F: no final response came."""

    def transport_failed(self, why: str) -> None:
        """The request could not be sent."""
