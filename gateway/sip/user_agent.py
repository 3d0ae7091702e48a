"""The user agent core (RFC 3261 §8.2, §12.2.2): what arrives is checked, and given to the session it belongs to.

Every request passes the steps of §8.2 in their order; the first that it fails answers it:

    method known?          405 + Allow                §8.2.1
    Request-URI's scheme?  416                        §8.2.2.1
    merged request?        482                        §8.2.2.2
    Require understood?    420 + Unsupported          §8.2.2.3
    body understood?       415 + Accept, ...          §8.2.3, RFC 5621 §8.4
    in a dialog?           481, or to its session     §12.2.2

Out of a dialog INVITE makes a session, or gets 503 where no more are taken (§21.5.4), and OPTIONS gets its answer
(§11.2); the rest belongs into dialogs: 481.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.core.effects import Outbox, tell
from gateway.core.errors import LocalProtocolError, ParseError
from gateway.sip.dialog.client_session import ClientSession
from gateway.sip.dialog.content import not_understood
from gateway.sip.dialog.dialog import Dialog, DialogId, dialog_id_of_request
from gateway.sip.dialog.sent_request import HeaderFields
from gateway.sip.dialog.server_session import ServerSession
from gateway.sip.dialog.session import RequestSender, Session, reasons_of
from gateway.sip.dialog.settings import ALLOW, Reliability, UserAgentSettings
from gateway.sip.dialog.user import ClientSessionUser, UserAgentUser
from gateway.sip.effects import Flow
from gateway.sip.message import Request, Response, respond
from gateway.sip.transaction.user import ServerTransaction

__all__ = ["Reliability", "UserAgent", "UserAgentSettings"]

SCHEMES = frozenset({"sip", "sips", "tel"})
_METHODS = frozenset(ALLOW)
# INFO's user says itself what it takes (RFC 6086 §4.2.2), and a BYE is not refused for what it brings along.
_BODY_IS_THE_USERS = frozenset({"INFO", "BYE"})

RequestKey = tuple[str, str, int]
"""From tag, Call-ID and CSeq number: what §8.2.2.2 tells a merged request by."""


class _Refused(Exception):
    """A request fails one of the steps of §8.2."""

    def __init__(self, status: int, reason: str = "", headers: HeaderFields = ()) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.headers = headers


class _Layer(RequestSender, Protocol):
    """The transaction layer, as far as the core sees it."""


def _key(request: Request) -> RequestKey:
    return request.from_.tag or "", request.call_id, request.cseq.number


class UserAgent:
    """One user agent: all its sessions and dialogs. It is the transaction layer's user.

    Args:
        settings: how it presents itself and behaves.
        user: whoever takes new calls.
        identifiers: makes a new random word, unique for good, at each call: for tags and Call-IDs.
        outbox: where effects go.
    """

    def __init__(
        self, settings: UserAgentSettings, user: UserAgentUser, identifiers: Callable[[], str], outbox: Outbox
    ) -> None:
        self.settings = settings
        self.identifiers = identifiers
        self._user = user
        self._outbox = outbox.fork(self)
        self._layer: _Layer | None = None
        self._dialogs: dict[DialogId, Session] = {}
        self._invites: dict[RequestKey, ServerSession] = {}
        self._sessions: dict[Session, RequestKey | None] = {}
        self._closed = False
        self._accepted = frozenset(settings.accept)
        self._accept_header = ", ".join(settings.accept)
        self._supported = frozenset(settings.supported)

    @property
    def layer(self) -> RequestSender:
        """The transaction layer below; to be set before anything is sent.

        Raises:
            LocalProtocolError: it has not been set.
        """
        if self._layer is None:
            raise LocalProtocolError("the user agent has no transaction layer yet")
        return self._layer

    @layer.setter
    def layer(self, layer: RequestSender) -> None:
        self._layer = layer

    @property
    def open_sessions(self) -> int:
        """How many sessions there are, from INVITE to the end of BYE."""
        return len(self._sessions)

    @property
    def open_dialogs(self) -> int:
        """How many dialogs there are, early ones too."""
        return len(self._dialogs)

    def close(self) -> None:
        """Take no new calls from now on: they get 503. Those that there are go on."""
        self._closed = True

    def timer_fired(self, name: str) -> None:
        """The core starts no timers: its sessions have their own.

        Raises:
            LocalProtocolError: always.
        """
        raise LocalProtocolError(f"the user agent core has no timer {name!r}")

    def client_session(self, user: ClientSessionUser) -> ClientSession:
        """A session for a call of ours: `session.invite(...)` makes it."""
        session = ClientSession(self, user, self._outbox)
        self._sessions[session] = None
        return session

    # ---- from the transaction layer

    def request_received(self, transaction: ServerTransaction) -> None:
        """A new request other than ACK and CANCEL (RFC 3261 §8.2)."""
        request = transaction.request
        try:
            in_dialog = request.to.tag is not None
            self._check(request, in_dialog)
            if in_dialog:
                session = self._dialogs.get(dialog_id_of_request(request))
                if session is None:
                    # §12.2.2: "it MUST respond to the request with a 481 (Call/Transaction Does Not Exist)"
                    raise _Refused(481)
                self._outbox.append(tell(session.request_received, transaction))
            elif request.method == "INVITE":
                self._offer_session(transaction)
            elif request.method == "OPTIONS":
                self._answer(transaction, 200, headers=self._capabilities())
            else:
                raise _Refused(481)
        except _Refused as refused:
            self._answer(transaction, refused.status, refused.reason, refused.headers)
        except ParseError as error:
            self._answer(transaction, 400, f"Bad Request: {error}")

    def cancel_received(self, transaction: ServerTransaction, invite: ServerTransaction | None) -> None:
        """A CANCEL, and the INVITE that it matches (RFC 3261 §9.2)."""
        if invite is None:
            self._answer(transaction, 481)
            return
        request = invite.request
        session: Session | None
        if request.to.tag is not None:
            session = self._dialogs.get(dialog_id_of_request(request))
            self._answer(transaction, 200)
            if session is not None:
                self._outbox.append(tell(session.served_invite_cancelled, invite))
            return
        offered = self._invites.get(_key(request))
        # §9.2: "the To tag of the response to the CANCEL and the To tag in the response to the original request SHOULD
        # be the same"
        self._answer(transaction, 200, to_tag=None if offered is None else offered.local_tag)
        if offered is not None:
            self._outbox.append(tell(offered.cancel_received, reasons_of(transaction.request)))

    def ack_received(self, request: Request, flow: Flow) -> None:
        """An ACK to a 2xx of ours; one that belongs to no dialog is passed over."""
        session = self._dialogs.get(dialog_id_of_request(request))
        if session is not None:
            self._outbox.append(tell(session.ack_received, request))

    def stray_response_received(self, response: Response, flow: Flow) -> None:
        """A response without a transaction, which ended 64*T1 ago: it is dropped (RFC 6026 §7.2).

        Repeated and forked 2xx come through the INVITE's client transaction until then, to its session.
        """

    def transaction_failed(self, transaction: ServerTransaction, why: str) -> None:
        """A response could not be delivered, or no ACK came to a failure."""
        request = transaction.request
        if request.method == "INVITE" and request.to.tag is None:
            session = self._invites.get(_key(request))
            if session is not None:
                self._outbox.append(tell(session.transaction_failed, transaction))

    # ---- from the sessions

    def dialog_opened(self, dialog: Dialog, session: Session) -> None:
        """Requests in this dialog are the session's from now on."""
        self._dialogs[dialog.id] = session

    def dialog_closed(self, dialog: Dialog) -> None:
        """The dialog is terminated."""
        self._dialogs.pop(dialog.id, None)

    def session_ended(self, session: Session) -> None:
        """Nothing of the session is left."""
        key = self._sessions.pop(session, None)
        if key is not None:
            self._invites.pop(key, None)

    # ---- within

    def _check(self, request: Request, in_dialog: bool) -> None:
        """The steps of §8.2.

        Raises:
            _Refused: the request fails one.
            ParseError: a header that a step looks at cannot be read.
        """
        if request.method not in _METHODS:
            raise _Refused(405, headers=(("Allow", ", ".join(ALLOW)),))
        if not in_dialog:
            if request.request_uri.scheme not in SCHEMES:
                raise _Refused(416)
            if request.method == "INVITE" and _key(request) in self._invites:
                # §8.2.2.2: "The same request has arrived at the UAS more than once, following different paths"
                raise _Refused(482, "Merged Request")
        unknown = request.require - self._supported
        if unknown:
            raise _Refused(420, headers=(("Unsupported", ", ".join(sorted(unknown))),))
        if request.body and request.method not in _BODY_IS_THE_USERS:
            why = not_understood(request, self._accepted, self._accept_header)
            if why is not None:
                raise _Refused(415, headers=(why.header,))

    def _offer_session(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if request.contact is None:
            # §8.1.1.8: the Contact header field "MUST be present and contain exactly one SIP or SIPS URI"
            raise _Refused(400, "Bad Request: INVITE without Contact")
        limit = self.settings.session_limit
        if self._closed or (limit is not None and len(self._sessions) >= limit):
            # §21.5.4: "temporarily unable to process the request due to a temporary overloading or maintenance"
            raise _Refused(503, headers=(("Retry-After", str(self.settings.random_int(1, 10))),))
        session = ServerSession(self, transaction, self._outbox)
        key = self._sessions[session] = _key(request)
        self._invites[key] = session
        self._outbox.append(tell(self._user.session_offered, session))

    def _capabilities(self) -> tuple[tuple[str, str], ...]:
        # §11.2: "Allow, Accept, Accept-Encoding, Accept-Language, and Supported header fields SHOULD be present"
        return (
            *self.settings.capabilities,
            ("Accept", self._accept_header),
            ("Accept-Encoding", "identity"),
        )

    def _answer(
        self,
        transaction: ServerTransaction,
        status: int,
        reason: str = "",
        headers: HeaderFields = (),
        to_tag: str | None = None,
    ) -> None:
        if self.settings.product:
            headers = (*headers, ("Server", self.settings.product))
        response = respond(transaction.request, status, reason, to_tag=to_tag or self.identifiers(), headers=headers)
        self._outbox.append(tell(transaction.respond, response))
