"""What both ends of an INVITE session have in common: requests in the dialog, either way (RFC 3261 §12.2, §14, §15).

A session keeps
- the dialogs that are open (a caller may have several early ones, §13.2.2.1),
- the requests of the peer that its user has yet to answer: INFO (RFC 6086), UPDATE (RFC 3311), re-INVITE (§14.2),
- its own requests that have no final response yet,
- whether an offer is open, ours or the peer's: what arrives meanwhile is refused by the rules of §14.2 and
  RFC 3311 §5.2, and what the peer refuses with 491 is tried again after the time that §14.1 gives.

Whether a request may be served or sent at all depends on the state of the session, and that is the affair of the
machines in `server_session` and `client_session`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.core.effects import Outbox, StartTimer, StopTimer, tell
from gateway.core.errors import LocalProtocolError, ParseError
from gateway.core.values import value
from gateway.sip.dialog.acceptance import Acceptance
from gateway.sip.dialog.content import SDP, session_description
from gateway.sip.dialog.dialog import Dialog
from gateway.sip.dialog.sent_request import HeaderFields, NobodyCares, SentRequest, cancel_of
from gateway.sip.dialog.settings import UserAgentSettings
from gateway.sip.dialog.user import SessionUser
from gateway.sip.effects import Flow
from gateway.sip.message import Request, Response, respond
from gateway.sip.transaction.user import ClientUser, ServerTransaction

RETRY = "retry"
"""The timer after which an offer that met 491 is made again."""


class RequestSender(Protocol):
    """The transaction layer, as a session sees it."""

    def send_request(self, request: Request, flow: Flow, user: ClientUser, branch: str = "") -> None:
        """Send a request in a client transaction of its own; a CANCEL names the INVITE's branch (RFC 3261 §9.1).

        An ACK to a 2xx is only sent.
        """

    def repeat_ack(self, request: Request, flow: Flow) -> None:
        """Send an ACK to a 2xx that has been sent before, as it was (RFC 3261 §13.2.2.4)."""

    def new_branch(self) -> str:
        """A branch for a request that may have to be cancelled."""


class SessionCore(Protocol):
    """The user agent core, as its sessions see it."""

    @property
    def settings(self) -> UserAgentSettings:
        """What it was told when it was made."""

    @property
    def identifiers(self) -> Callable[[], str]:
        """Makes a new unguessable token: tags, Call-IDs, branches (RFC 3261 §19.3)."""

    @property
    def layer(self) -> RequestSender:
        """The transaction layer below."""

    def dialog_opened(self, dialog: Dialog, session: Session) -> None:
        """Requests in this dialog are the session's from now on."""

    def dialog_closed(self, dialog: Dialog) -> None:
        """The dialog is terminated (RFC 3261 §12.3): requests in it get 481."""

    def session_ended(self, session: Session) -> None:
        """Nothing of the session is left."""


@value
class _Served:
    """A request of the peer's that the user has yet to answer."""

    transaction: ServerTransaction
    dialog: Dialog
    offers: bool


class Session:
    """The root of the two sessions. The methods that are not underlined are its user's, its core's and its timers'.

    Args:
        core: the user agent core.
        call_id: the Call-ID of the INVITE, "" if it has yet to be made.
        flow: where the INVITE came from or goes to.
        outbox: the user agent core's.
    """

    def __init__(self, core: SessionCore, call_id: str, flow: Flow, outbox: Outbox) -> None:
        self.call_id = call_id
        self.flow = flow
        self._core = core
        self._settings = core.settings
        self._outbox = outbox.fork(self)
        self._dialogs: dict[str, Dialog] = {}
        self._served: dict[int, _Served] = {}
        self._sent: list[SentRequest] = []
        self._acceptances: dict[int, Acceptance] = {}
        self._retry: SentRequest | None = None
        self._offer_sent = False
        self._offer_received = False

    # What the two kinds of session add.

    def timer_fired(self, name: str) -> None:
        """One of the session's timers has run out."""
        raise NotImplementedError

    def _listener(self) -> SessionUser | None:
        raise NotImplementedError

    def _bye_received(self, transaction: ServerTransaction) -> None:
        raise NotImplementedError

    def _prack_received(self, transaction: ServerTransaction, dialog: Dialog) -> None:
        self._answer(transaction, 481)

    def _request_received(self, transaction: ServerTransaction, dialog: Dialog) -> None:
        raise NotImplementedError

    def _ack_received(self, acceptance: Acceptance, answer: bytes) -> None:
        raise NotImplementedError

    def _bye_concluded(self, dialog: Dialog) -> None:
        raise NotImplementedError

    def _acknowledgement_timed_out(self) -> None:
        raise NotImplementedError

    # From the core: what the peer sent.

    def request_received(self, transaction: ServerTransaction) -> None:
        """A request in one of the session's dialogs (RFC 3261 §12.2.2)."""
        request = transaction.request
        try:
            dialog = self._dialogs.get(request.from_.tag or "")
            if dialog is None:
                self._answer(transaction, 481)
            elif not dialog.in_order(request.cseq.number):
                # §12.2.2: "out of order and MUST be rejected with a 500 (Server Internal Error) response"
                self._answer(transaction, 500, "CSeq Out of Order")
            elif request.method == "BYE":
                self._bye_received(transaction)
            elif request.method == "PRACK":
                self._prack_received(transaction, dialog)
            else:
                self._request_received(transaction, dialog)
        except ParseError as error:
            self._answer(transaction, 400, f"Bad Request: {error}")

    def ack_received(self, request: Request) -> None:
        """An ACK in one of the session's dialogs: to a 2xx of ours, once or again (RFC 3261 §13.3.1.4)."""
        acceptance = self._acceptances.pop(request.cseq.number, None)
        if acceptance is None:
            return
        acceptance.ack_received()
        answer = b""
        if acceptance.offered:
            self._offer_sent = False
            try:
                answer = session_description(request)
            except ParseError:
                answer = b""
        self._ack_received(acceptance, answer)

    def served_invite_cancelled(self, invite: ServerTransaction) -> None:
        """A CANCEL for a re-INVITE (RFC 3261 §9.2); 200 to it has been sent."""
        served = self._served.pop(id(invite), None)
        if served is not None:
            self._offer_received = self._offer_received and not served.offers
            self._answer(invite, 487)

    # From the user: answers and requests.

    def respond(
        self,
        transaction: ServerTransaction,
        status: int,
        reason: str = "",
        headers: HeaderFields = (),
        body: bytes = b"",
        content_type: str = "",
    ) -> None:
        """Answer an INFO, UPDATE, re-INVITE or PRACK that the user was given.

        One that has been answered meanwhile (487, as the peer hung up or cancelled it) is passed over.

        Args:
            transaction: as the user was given it.
            status: 100 to 699.
            reason: the reason phrase, "" for the usual one.
            headers: further header fields.
            body: the body: the answer, or to a re-INVITE without an offer the offer.
            content_type: the body's type; "" for a session description.
        """
        served = self._served.get(id(transaction))
        if served is None:
            return
        content_type = content_type or (SDP if body else "")
        method = transaction.request.method
        if 200 <= status < 300 and method in ("INVITE", "UPDATE"):
            # RFC 3261 §12.2.2: a target refresh request replaces the remote target; if it is rejected, none of the
            # state changes are performed.
            served.dialog.refresh_target(transaction.request)
            headers = (("Contact", self._settings.contact(self.flow)), *self._settings.capabilities, *headers)
        if status >= 200:
            del self._served[id(transaction)]
            if served.offers:
                self._offer_received = False
        if 200 <= status < 300 and method == "INVITE":
            self._accept(transaction, self._response(transaction, status, reason, headers, body, content_type),
                         offered=bool(body) and not served.offers)  # fmt: skip
        else:
            self._answer(transaction, status, reason, headers, body, content_type)

    # The parts that the two kinds of session are put together from.

    def _response(
        self,
        transaction: ServerTransaction,
        status: int,
        reason: str = "",
        headers: HeaderFields = (),
        body: bytes = b"",
        content_type: str = "",
        to_tag: str | None = None,
    ) -> Response:
        product = self._settings.product
        if product:
            headers = (*headers, ("Server", product))
        return respond(
            transaction.request, status, reason, to_tag=to_tag, headers=headers, body=body, content_type=content_type
        )

    def _answer(
        self,
        transaction: ServerTransaction,
        status: int,
        reason: str = "",
        headers: HeaderFields = (),
        body: bytes = b"",
        content_type: str = "",
    ) -> None:
        response = self._response(transaction, status, reason, headers, body, content_type)
        self._outbox.append(tell(transaction.respond, response))

    def _accept(self, transaction: ServerTransaction, response: Response, *, offered: bool) -> Acceptance:
        """Send a 2xx to INVITE until its ACK comes."""
        acceptance = Acceptance(
            transaction, response, offered, self._settings.timers, self._acknowledgement_timed_out, self._outbox
        )
        self._acceptances[transaction.request.cseq.number] = acceptance
        if offered:
            self._offer_sent = True
        return acceptance

    def _refuse_glare(self, transaction: ServerTransaction, status: int) -> None:
        # §14.2: "MUST include a Retry-After header field with a randomly chosen value of between 0 and 10 seconds"
        seconds = self._settings.random_int(0, 10)
        self._answer(transaction, status, headers=(("Retry-After", str(seconds)),) if status == 500 else ())

    def _serve(self, transaction: ServerTransaction, dialog: Dialog, *, invite_from: str = "") -> None:
        """Serve a request in a dialog that is open.

        Args:
            transaction: the request's.
            dialog: the dialog.
            invite_from: "peer" or "us" while the first INVITE, the peer's or ours, has no final response.
        """
        method = transaction.request.method
        if method == "OPTIONS":
            accept = ("Accept", ", ".join(self._settings.accept))
            self._answer(transaction, 200, headers=(*self._settings.capabilities, accept))
            return
        user = self._listener()
        if user is None:
            self._answer(transaction, 480)
        elif method == "INFO":
            self._served[id(transaction)] = _Served(transaction, dialog, offers=False)
            self._outbox.append(tell(user.info_received, transaction))
        elif method in ("INVITE", "UPDATE"):
            self._serve_offer(transaction, dialog, user, invite_from)
        else:
            self._answer(transaction, 501)

    def _serve_offer(self, transaction: ServerTransaction, dialog: Dialog, user: SessionUser, invite_from: str) -> None:
        request = transaction.request
        method = request.method
        offers = bool(session_description(request))
        if any(served.transaction.request.method == method for served in self._served.values()):
            # §14.2: "a second INVITE before it sends the final response to a first INVITE"; RFC 3311 §5.2 likewise
            self._refuse_glare(transaction, 500)
        elif method == "INVITE" and invite_from == "peer":
            self._refuse_glare(transaction, 500)
        elif method == "INVITE" and (invite_from == "us" or any(sent.method == "INVITE" for sent in self._sent)):
            # §14.2: "MUST return a 491 (Request Pending) response to the received INVITE"
            self._refuse_glare(transaction, 491)
        elif self._offer_sent and (offers or method == "INVITE"):
            # RFC 3311 §5.2: an offer "to which it has not yet received an answer" -> 491; RFC 5407 §3.1.5
            self._refuse_glare(transaction, 491)
        elif self._offer_received and (offers or method == "INVITE"):
            # RFC 3311 §5.2: an offer "to which it has not yet generated an answer" -> 500
            self._refuse_glare(transaction, 500)
        else:
            self._delegate(transaction, dialog, user, offers)

    def _delegate(self, transaction: ServerTransaction, dialog: Dialog, user: SessionUser, offers: bool) -> None:
        self._served[id(transaction)] = _Served(transaction, dialog, offers)
        self._offer_received = self._offer_received or offers
        self._outbox.append(tell(user.offer_received, transaction))

    def _send(
        self, dialog: Dialog, method: str, headers: HeaderFields = (), body: bytes = b"", content_type: str = ""
    ) -> SentRequest:
        """Send a request in a dialog."""
        sent = SentRequest(self, dialog, method, tuple(headers), body, content_type)
        self._transmit(sent)
        return sent

    def _transmit(self, sent: SentRequest) -> None:
        headers: tuple[tuple[str, str], ...] = sent.headers
        if sent.method in ("INVITE", "UPDATE"):
            headers = (("Contact", self._settings.contact(self.flow)), *self._settings.capabilities, *headers)
        if self._settings.product:
            headers = (*headers, ("User-Agent", self._settings.product))
        sent.request = sent.dialog.request(sent.method, headers, sent.body, sent.content_type)
        self._sent.append(sent)
        if sent.offers:
            self._offer_sent = True
        sent.flow = sent.dialog.next_hop
        self._outbox.append(tell(self._core.layer.send_request, sent.request, sent.flow, sent))

    def _send_for_user(
        self, dialog: Dialog, method: str, headers: HeaderFields, body: bytes, content_type: str, *, invite_open: bool
    ) -> None:
        """Send INFO, UPDATE or re-INVITE, unless §14.1 or RFC 3311 §5.1 forbid it for now: then it fails with 491."""
        self._send_unless_glaring(
            SentRequest(self, dialog, method, tuple(headers), body, content_type), invite_open=invite_open
        )

    def _send_unless_glaring(self, sent: SentRequest, *, invite_open: bool) -> None:
        invite_pending = (
            invite_open
            or any(each.method == "INVITE" for each in self._sent)
            or any(each.transaction.request.method == "INVITE" for each in self._served.values())
        )
        offer_pending = self._offer_sent or self._offer_received
        if (sent.method == "INVITE" and (invite_pending or offer_pending)) or (sent.offers and offer_pending):
            self._fail(sent.method, 491)
        else:
            self._transmit(sent)

    def _fail(self, method: str, status: int) -> None:
        user = self._listener()
        if user is not None:
            self._outbox.append(tell(user.request_failed, method, status))

    def cancel_abandoned(self, sent: SentRequest) -> None:
        """A re-INVITE has no final response long after the session has ended."""
        if sent.request is not None:
            branch = sent.request.via.branch or ""
            cancel = cancel_of(sent.request, ())
            self._outbox.append(tell(self._core.layer.send_request, cancel, sent.flow, NobodyCares(), branch))

    def request_concluded(self, sent: SentRequest, status: int, response: Response | None) -> None:
        """A request of ours in a dialog got its final response; a re-INVITE perhaps once more its 2xx."""
        awaited = sent in self._sent
        if awaited:
            self._sent.remove(sent)
        if response is not None and sent.method == "INVITE" and response.is_success:
            # §14.1: "The rules for ... generating an ACK for a 2xx response to re-INVITE are the same as for the
            # initial INVITE"; RFC 5407 §3.2.3: also when the session has ended meanwhile.
            self._acknowledge(sent)
        if sent.method == "BYE":
            self._bye_concluded(sent.dialog)
            return
        if not awaited:
            return
        if sent.offers:
            self._offer_sent = False
        if status == 491 and sent.offers and not sent.again and self._retry is None:
            self._retry_later(sent)
        elif status >= 300:
            self._fail(sent.method, status)
        elif response is not None and sent.method in ("INVITE", "UPDATE"):
            self._offer_answered(sent, response)

    def _offer_answered(self, sent: SentRequest, response: Response) -> None:
        user = self._listener()
        try:
            sent.dialog.refresh_target(response)
            answer = session_description(response)
        except ParseError:
            answer = b""
        if sent.offers and user is not None:
            self._outbox.append(tell(user.answer_received, answer))

    def _acknowledge(self, sent: SentRequest) -> None:
        if sent.ack is not None:
            self._outbox.append(tell(self._core.layer.repeat_ack, *sent.ack))
        elif sent.request is not None:
            sent.ack = (sent.dialog.request("ACK", sequence=sent.request.cseq.number), sent.dialog.next_hop)
            self._outbox.append(tell(self._core.layer.send_request, *sent.ack, sent))

    def _retry_later(self, sent: SentRequest) -> None:
        # §14.1: the owner of the Call-ID waits "between 2.1 and 4 seconds in units of 10 ms", the other "0 and 2"
        least, most = (210, 400) if sent.dialog.owns_call_id else (0, 200)
        self._retry = sent
        self._outbox.append(StartTimer(RETRY, self._settings.random_int(least, most) / 100))

    def _retry_fired(self, *, invite_open: bool) -> None:
        sent, self._retry = self._retry, None
        if sent is not None:
            again = SentRequest(self, sent.dialog, sent.method, sent.headers, sent.body, sent.content_type)
            # §14.1: "the UAC SHOULD attempt the re-INVITE once more"
            again.again = True
            self._send_unless_glaring(again, invite_open=invite_open)

    def _open(self, dialog: Dialog) -> None:
        self._dialogs[dialog.id.remote_tag] = dialog
        self._outbox.append(tell(self._core.dialog_opened, dialog, self))

    def _close(self, dialog: Dialog) -> None:
        if self._dialogs.get(dialog.id.remote_tag) is dialog:
            del self._dialogs[dialog.id.remote_tag]
            self._outbox.append(tell(self._core.dialog_closed, dialog))

    def _quieten(self) -> None:
        """The session has ended, if not the dialog: answer what is unanswered, expect nothing any more."""
        for acceptance in self._acceptances.values():
            acceptance.abandon()
        self._acceptances.clear()
        for served in self._served.values():
            # §15.1.2: "It is RECOMMENDED that a 487 (Request Terminated) response be generated to those pending
            # requests."
            self._answer(served.transaction, 487)
        self._served.clear()
        for sent in self._sent:
            sent.abandon(self._outbox, self._settings.timers.B)
        self._sent.clear()
        self._forget_retry()

    def _forget_retry(self) -> None:
        if self._retry is not None:
            self._retry = None
            self._outbox.append(StopTimer(RETRY))

    def _end(self) -> None:
        """Nothing is left."""
        self._quieten()
        for dialog in list(self._dialogs.values()):
            self._close(dialog)
        self._outbox.append(tell(self._core.session_ended, self))


def reasons_of(request: Request) -> tuple[str, ...]:
    """The values of a request's Reason headers, as they were written (RFC 3326 §2)."""
    return tuple(request.headers.values("Reason"))


def check_status(status: int, least: int, most: int) -> None:
    """See that a status code given by our own side is in its range.

    Raises:
        LocalProtocolError: it is not.
    """
    if not least <= status <= most:
        raise LocalProtocolError(f"status {status} is not {least} to {most}")
