"""Requests of ours in a dialog, each until its final response (RFC 3261 §12.2.1); CANCEL (§9.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gateway.core.effects import Outbox, StartTimer, StopTimer
from gateway.core.errors import LocalProtocolError
from gateway.sip.dialog.content import SDP
from gateway.sip.dialog.dialog import MAX_FORWARDS, Dialog
from gateway.sip.effects import Flow
from gateway.sip.message import Headers, Request, Response

ABANDONED = "abandoned"
"""The timer after which a re-INVITE that has no final response is cancelled, its session having ended meanwhile."""

HeaderFields = Iterable[tuple[str, str]]


class Sender(Protocol):
    """The session, as its requests see it."""

    def request_concluded(self, sent: SentRequest, status: int, response: Response | None) -> None:
        """The final response came; or none will, and `status` is what that counts as."""

    def cancel_abandoned(self, sent: SentRequest) -> None:
        """A re-INVITE has no final response long after the session has ended: cancel it."""


class NobodyCares:
    """Whoever sent a CANCEL: whatever comes of it, the INVITE's final response decides (RFC 3261 §9.1)."""

    def response_received(self, response: Response) -> None:
        """200 or 481: it makes no difference."""

    def request_timed_out(self) -> None:
        """The transaction layer ends the wait for the INVITE's final response."""

    def transport_failed(self, why: str) -> None:
        """As above."""


class SentRequest:
    """One request of ours in a dialog, until its final response; for a re-INVITE, until the last repeated 2xx.

    The final response to a re-INVITE can be lost for good, for the peer stops repeating it when the session ends.
    So a re-INVITE that outlives its session is cancelled after 64*T1, which gives its transaction an end (§9.1).
    """

    __slots__ = (
        "__weakref__",
        "_outbox",
        "_session",
        "ack",
        "again",
        "body",
        "content_type",
        "dialog",
        "flow",
        "headers",
        "method",
        "request",
    )

    def __init__(
        self,
        session: Sender,
        dialog: Dialog,
        method: str,
        headers: tuple[tuple[str, str], ...],
        body: bytes,
        content_type: str,
    ) -> None:
        self._session = session
        self.dialog = dialog
        self.method = method
        self.headers = headers
        self.body = body
        self.content_type = content_type
        self.ack: tuple[Request, Flow] | None = None
        self.request: Request | None = None
        self.again = False
        self.flow = dialog.flow
        self._outbox: Outbox | None = None

    def abandon(self, outbox: Outbox, seconds: float) -> None:
        """The session has ended: if this is a re-INVITE, cancel it after so many seconds."""
        if self.method == "INVITE":
            self._outbox = outbox.fork(self)
            self._outbox.append(StartTimer(ABANDONED, seconds))

    def timer_fired(self, name: str) -> None:
        """Time to cancel."""
        if name != ABANDONED:
            raise LocalProtocolError(f"a request has no timer {name!r}")
        self._outbox = None
        self._session.cancel_abandoned(self)

    def _concluded(self, status: int, response: Response | None) -> None:
        if self._outbox is not None:
            self._outbox.append(StopTimer(ABANDONED))
            self._outbox = None
        self._session.request_concluded(self, status, response)

    @property
    def offers(self) -> bool:
        """Whether the request carries an offer."""
        return self.content_type == SDP and bool(self.body) and self.method in ("INVITE", "UPDATE")

    def response_received(self, response: Response) -> None:
        """A provisional response says nothing here; a final one ends the transaction."""
        if response.status >= 200:
            self._concluded(response.status, response)

    def request_timed_out(self) -> None:
        """RFC 3261 §12.2.1.2: "this is treated as a 408 (Request Timeout) response"."""
        self._concluded(408, None)

    def transport_failed(self, why: str) -> None:
        """RFC 3261 §8.1.3.1: a transport error is treated as a 503 (Service Unavailable)."""
        self._concluded(503, None)


def cancel_of(invite: Request, headers: HeaderFields) -> Request:
    """The CANCEL for an INVITE of ours, without the Via that it shares with it (RFC 3261 §9.1)."""
    items = [("Max-Forwards", MAX_FORWARDS)]
    for name in ("Route", "From", "To", "Call-ID"):
        # §9.1: "Call-ID, To, the numeric part of CSeq, and From header fields in the CANCEL request MUST be identical
        # to those in the request being cancelled"; Route as well
        items.extend((name, line) for line in invite.headers.lines(name))
    items.append(("CSeq", f"{invite.cseq.number} CANCEL"))
    return Request(method="CANCEL", uri=invite.uri, headers=Headers([*items, *headers]))
