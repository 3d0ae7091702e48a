"""Who sits above a SIP session: the words between a dialog and whoever makes the call (RFC 3261 §12 to §15).

The session answers at its own level what needs no thought (100, 200 to CANCEL and BYE and PRACK, 481, 405,
retransmissions); what means something to the call it tells its user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.sip.message import Response
from gateway.sip.transaction.user import ServerTransaction

if TYPE_CHECKING:
    from gateway.sip.dialog.server_session import ServerSession


class UserAgentUser(Protocol):
    """Whoever takes new calls."""

    def session_offered(self, session: ServerSession) -> None:
        """A new INVITE that passed the checks of RFC 3261 §8.2; 100 is sent. `session.attach(user)`, then answer it."""


class SessionUser(Protocol):
    """What any session, whichever side sent the INVITE, tells its user."""

    def bye_received(self, reasons: tuple[str, ...]) -> None:
        """The peer hung up; answered 200. `reasons`: the values of its Reason headers (RFC 3326)."""

    def info_received(self, transaction: ServerTransaction) -> None:
        """INFO in the dialog (RFC 6086): the user answers it by `session.respond(transaction, ...)`."""

    def offer_received(self, transaction: ServerTransaction) -> None:
        """A re-INVITE or UPDATE in the dialog: the user answers it by `session.respond(transaction, ...)`."""

    def answer_received(self, sdp: bytes) -> None:
        """The answer to an offer of ours, b"" if it had none.

        It came in PRACK (RFC 3262 §5), in ACK (RFC 3261 §13.3.1.4), or in the 2xx to a re-INVITE or UPDATE of ours.
        """

    def request_failed(self, method: str, status: int) -> None:
        """A request of ours in the dialog got a final response of 300 or more.

        408: none came; 503: it could not be sent; 481 or 491 also where the session's own state forbids the request.
        An INFO that is refused never ends the call. After 408 or 481 to another request the session should be ended
        (RFC 3261 §12.2.1.2); that is the user's to do.
        """


class ServerSessionUser(SessionUser, Protocol):
    """What the called side of an INVITE is told besides.

    When the session ends by itself the user is told before the last message goes out, and whatever it records of that
    stands before the message.
    """

    def cancel_received(self, reasons: tuple[str, ...]) -> None:
        """The caller gave up before the answer: 200 to the CANCEL is sent, 487 to the INVITE follows."""

    def invitation_expired(self) -> None:
        """The INVITE's Expires has run out before the answer (RFC 3261 §13.3.1): 487 follows."""

    def response_undeliverable(self) -> None:
        """A response before the answer could not be sent (RFC 6026 §8.8): 500 follows, and the session is over."""

    def acknowledged(self) -> None:
        """The first ACK to our 2xx came."""

    def acknowledgement_timed_out(self) -> None:
        """No ACK within 64*T1 of the 2xx: the session sends BYE (RFC 3261 §13.3.1.4) and is over."""

    def acceptance_timed_out(self) -> None:
        """No PRACK within 64*T1 (RFC 3262 §3): 504 follows, and the session is over."""


class ClientSessionUser(SessionUser, Protocol):
    """What the calling side of an INVITE is told besides."""

    def progress_received(self, response: Response) -> None:
        """A provisional response above 100; PRACK is sent where it was reliable (RFC 3262 §4).

        If our INVITE had no offer and this one brings it reliably, PRACK waits for `session.acknowledge(sdp)`.
        """

    def answered(self, response: Response) -> None:
        """The first 2xx; ACK is sent. If the 2xx brings the offer, ACK waits for `session.acknowledge(sdp)`."""

    def rejected(self, response: Response) -> None:
        """A final response of 300 or more."""

    def failed(self, why: str) -> None:
        """No final response, the transport failed, or the 2xx crossed our CANCEL (ACK and BYE are sent)."""
