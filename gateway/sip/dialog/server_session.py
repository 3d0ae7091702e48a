"""The called side of an INVITE session (RFC 3261 §13.3, §15; RFC 3262 §3, §5; RFC 5407 Figure 2).

The states are those of RFC 5407's figure for the callee, with three more where the figure says too little:

    INVITE   +-------------+  101-199          +-------+  answer, but a session description in a reliable
    -------->| Preparative |------------------>| Early |--------------+  1xx awaits its PRACK (RFC 3262 §3)
             +-------------+                   +-------+              v
                 |      |  2xx                  |  |  | 2xx      +-----------+
                 |      +---------------------- | -|- | ---+     | Accepting |
     300-699:    |                              |  |  |    |     +-----------+
     refusal,    |   300-699, CANCEL, BYE,      |  |  |    |      | PRACK: 2xx |  refusal, CANCEL, BYE,
     CANCEL,     |   Expires, no PRACK (504)    |  |  |    |      |            |  no PRACK (504)
     Expires     |  +---------------------------+  |  v    v      v            |
                 v  v                              | +------------+            |
             +----------+                          | | Moratorium |            |
             | Rejected |<-------------------------|-|            |------------+---> (Rejected)
             +----------+                          | +------------+
                  | no PRACK awaited any more      |   |  |  |  | hang up: BYE must wait for the ACK (§15)
                  v                                |   |  |  |  +---------> +-----------+
             +----------+      BYE received        |   |  | ACK             | HangingUp |
             |  Morgue  |<-------------------------+---+  v                 +-----------+
             |          |<---------------------- +-------------+  BYE sent    |      |
             |          |     BYE received       | Established |----+   ACK,  |      | BYE received
             |          |                        +-------------+    v   64*T1 v      v
             |          |   BYE concluded                      +----------+        (Morgue)
             |          |<-------------------------------------|  Mortal  |<--- 64*T1 without an ACK (Moratorium)
             +----------+                                      +----------+

- Preparative: nothing but 100 has been sent; the dialog does not exist.
- Early: a tagged provisional response has been sent. CANCEL, BYE (200, and 487 to the INVITE), Expires end it.
- Accepting: answered, but the 2xx is held back until the PRACK.
- Moratorium: the 2xx is being repeated; CANCEL gets its 200 and has no effect.
- HangingUp: our user has hung up; the callee "MUST NOT send a BYE on a confirmed dialog until it has received an ACK
  for its 2xx response or until the server transaction times out" (§15).
- Established: the ACK has come.
- Mortal: our BYE has no final response yet; a crossing BYE gets 200, anything else 481.
- Rejected: a final response of 300 or more has been sent; a PRACK under way is still answered (RFC 3262 §3).
- Morgue: over.

What the user asks for too late, because something from the network came first, is passed over. Where the session ends
by itself, what it sends goes out one step after the user is told: what the user says to that comes before it.
"""

from __future__ import annotations

from typing import Protocol

from automat import TypeMachineBuilder

from gateway.core.clause import Clause, Decision
from gateway.core.effects import Outbox, Record, StartTimer, StopTimer, tell
from gateway.core.errors import LocalProtocolError, ParseError
from gateway.core.machine import build, ignore, state_name
from gateway.sip.dialog.acceptance import Acceptance
from gateway.sip.dialog.content import SDP, session_description
from gateway.sip.dialog.dialog import Dialog
from gateway.sip.dialog.reliable import LARGEST_FIRST_RSEQ, Provisional, ReliableProvisionals
from gateway.sip.dialog.sent_request import HeaderFields
from gateway.sip.dialog.session import RETRY, Session, SessionCore, check_status, reasons_of
from gateway.sip.dialog.settings import Reliability
from gateway.sip.dialog.user import ServerSessionUser
from gateway.sip.message import Request, Response
from gateway.sip.transaction.user import ServerTransaction

EXPIRES = "expires"
"""The timer of the INVITE's Expires header (RFC 3261 §13.3.1)."""
PROGRESS = "progress"
"""The timer until the provisional response is sent again (RFC 3261 §13.3.1.1)."""


class ServerSessionInputs(Protocol):
    """What can happen to it."""

    def progress(self, provisional: Provisional) -> None:
        """From the user: send a provisional response."""

    def answer(self, sdp: bytes, headers: HeaderFields) -> None:
        """From the user: send the 2xx; nothing stands in its way."""

    def answer_withheld(self, sdp: bytes, headers: HeaderFields) -> None:
        """From the user: send the 2xx once the PRACK has come."""

    def reject(self, status: int, reason: str, headers: HeaderFields) -> None:
        """From the user: send a final response of 300 or more."""

    def bye(self, headers: HeaderFields) -> None:
        """From the user: hang up."""

    def send(self, method: str, headers: HeaderFields, body: bytes, content_type: str) -> None:
        """From the user: send INFO, UPDATE or re-INVITE."""

    def cancel_received(self, reasons: tuple[str, ...]) -> None:
        """From the network: CANCEL."""

    def bye_received(self, transaction: ServerTransaction) -> None:
        """From the network: BYE."""

    def request_received(self, transaction: ServerTransaction, dialog: Dialog) -> None:
        """From the network: any other request in the dialog but PRACK."""

    def ack_received(self, answer: bytes) -> None:
        """From the network: the ACK to our 2xx."""

    def provisionals_settled(self) -> None:
        """No reliable provisional response awaits its PRACK any longer."""

    def provisional_timed_out(self) -> None:
        """No PRACK within 64*T1."""

    def acknowledgement_timed_out(self) -> None:
        """No ACK within 64*T1."""

    def transport_failed(self) -> None:
        """From the network: a response to the INVITE could not be delivered."""

    def expired(self) -> None:
        """The invitation has expired."""

    def progress_due(self) -> None:
        """Time to send the provisional response again."""

    def bye_concluded(self) -> None:
        """Our BYE has its final response, or will get none."""


class ServerSession(Session):
    """One INVITE that somebody sent us, and the session that may come of it.

    Args:
        core: the user agent core.
        transaction: the INVITE's.
        outbox: the core's.

    Raises:
        ParseError: the INVITE's headers or body cannot be read.
    """

    def __init__(self, core: SessionCore, transaction: ServerTransaction, outbox: Outbox) -> None:
        invite = transaction.request
        super().__init__(core, invite.call_id, transaction.flow, outbox)
        self.invite = invite
        """The INVITE."""
        self.offer = session_description(invite)
        """The session description in the INVITE, b"" if there is none."""
        self.prack = (
            "required" if "100rel" in invite.require else "supported" if "100rel" in invite.supported else "unsupported"
        )
        """What the caller says of 100rel (RFC 3262): "unsupported", "supported" or "required"."""
        self.local_tag = core.identifiers()
        self._transaction = transaction
        self._user: ServerSessionUser | None = None
        self._dialog: Dialog | None = None
        self._reliable: ReliableProvisionals | None = None
        self._sdp = b""
        self._described_reliably = False
        self._latest: tuple[Provisional, bytes | None] | None = None
        self._withheld: tuple[bytes, HeaderFields] = (b"", ())
        self._acceptance: Acceptance | None = None
        self._running: list[str] = []
        self._offer_received = bool(self.offer)
        self._inputs = _machine(self)
        reliability = self._settings.reliability
        if self.prack == "required" or (self.prack == "supported" and reliability is Reliability.WHEN_SUPPORTED):
            first_rseq = self._settings.random_int(1, LARGEST_FIRST_RSEQ)
            self._reliable = ReliableProvisionals(transaction, first_rseq, self._settings.timers, self, self._outbox)
        expires = _expires_of(invite)
        if expires is not None:
            self._start(EXPIRES, float(expires))

    @property
    def state(self) -> str:
        """The state's name, as in the figure."""
        return state_name(self._inputs)

    @property
    def sends_reliably(self) -> bool:
        """Whether its provisional responses are sent reliably (RFC 3262), and so may carry an offer."""
        return self._reliable is not None

    # ---- from the user

    def attach(self, user: ServerSessionUser) -> None:
        """From now on `user` is told what happens; do it in `session_offered`."""
        self._user = user

    def progress(self, status: int, reason: str = "", sdp: bytes = b"", headers: HeaderFields = ()) -> None:
        """Send a provisional response, reliably where the caller and our settings allow it.

        The first session description given is the session's: the INVITE's answer, or its offer if it had none, and
        later ones are sent as the first was. It is left out where the rules do not let it stand (RFC 6337 §3.1).

        Args:
            status: 101 to 199.
            reason: the reason phrase, "" for the usual one.
            sdp: a session description, for early media.
            headers: further header fields.

        Raises:
            LocalProtocolError: the status is not 101 to 199.
        """
        check_status(status, 101, 199)
        self._inputs.progress(Provisional(status, reason, sdp, tuple(headers)))

    def answer(self, sdp: bytes = b"", headers: HeaderFields = ()) -> None:
        """Send 200, once a session description that is under way reliably has been acknowledged (RFC 3262 §3).

        Args:
            sdp: the session description, unless a provisional response has carried one: that is the session's.
            headers: further header fields.
        """
        headers = tuple(headers)
        if self._reliable is not None and self._reliable.describing:
            self._inputs.answer_withheld(sdp, headers)
        else:
            self._inputs.answer(sdp, headers)

    def reject(self, status: int, reason: str = "", headers: HeaderFields = ()) -> None:
        """Send a final response other than 2xx; the user is told nothing any more.

        Args:
            status: 300 to 699.
            reason: the reason phrase, "" for the usual one.
            headers: further header fields: Reason, Warning, Contact, Retry-After.

        Raises:
            LocalProtocolError: the status is not 300 to 699.
        """
        check_status(status, 300, 699)
        self._inputs.reject(status, reason, tuple(headers))

    def bye(self, headers: HeaderFields = ()) -> None:
        """Hang up: BYE, after the ACK if that has yet to come; before an answer 480. The user is told nothing more."""
        self._inputs.bye(tuple(headers))

    def info(self, content_type: str, body: bytes, headers: HeaderFields = ()) -> None:
        """Send INFO, in an early dialog too (RFC 6086). A refusal is told by `request_failed`."""
        self._inputs.send("INFO", tuple(headers), body, content_type)

    def update(self, sdp: bytes = b"", headers: HeaderFields = ()) -> None:
        """Send UPDATE (RFC 3311), with an offer or without; the answer is told by `answer_received`."""
        self._inputs.send("UPDATE", tuple(headers), sdp, SDP if sdp else "")

    def reinvite(self, sdp: bytes, headers: HeaderFields = ()) -> None:
        """Send a re-INVITE with an offer (RFC 3261 §14.1); the answer is told by `answer_received`."""
        self._inputs.send("INVITE", tuple(headers), sdp, SDP)

    # ---- from the core and the timers

    def cancel_received(self, reasons: tuple[str, ...]) -> None:
        """A CANCEL for the INVITE (RFC 3261 §9.2); the core has answered it."""
        self._inputs.cancel_received(reasons)

    def transaction_failed(self, transaction: ServerTransaction) -> None:
        """A response to the INVITE could not be delivered (RFC 6026 §8.8)."""
        if transaction is self._transaction:
            self._inputs.transport_failed()

    def timer_fired(self, name: str) -> None:
        """Expires, the repeated provisional response, or an offer to make again."""
        if name in self._running:
            self._running.remove(name)
        if name == EXPIRES:
            self._inputs.expired()
        elif name == PROGRESS:
            self._inputs.progress_due()
        elif name == RETRY:
            self._retry_fired(invite_open=False)
        else:
            raise LocalProtocolError(f"a server session has no timer {name!r}")

    # ---- from its parts

    def compose_reliable(self, provisional: Provisional, rseq: int) -> Response:
        """A reliable provisional response whose turn has come (RFC 3262 §3, §5)."""
        body = b""
        if provisional.sdp and not self._described_reliably:
            body = self._sdp
            self._described_reliably = True
            self._offer_received = False
            self._offer_sent = not self.offer
        response = self._provisional(provisional, body, (("Require", "100rel"), ("RSeq", str(rseq))))
        self._latest = (provisional, None)
        return response

    def provisionals_settled(self) -> None:
        """No reliable provisional response awaits its PRACK any longer."""
        self._inputs.provisionals_settled()

    def provisional_timed_out(self) -> None:
        """No PRACK within 64*T1."""
        self._inputs.provisional_timed_out()

    def _listener(self) -> ServerSessionUser | None:
        return self._user

    def _bye_received(self, transaction: ServerTransaction) -> None:
        self._inputs.bye_received(transaction)

    def _request_received(self, transaction: ServerTransaction, dialog: Dialog) -> None:
        self._inputs.request_received(transaction, dialog)

    def _acknowledgement_timed_out(self) -> None:
        self._inputs.acknowledgement_timed_out()

    def _bye_concluded(self, dialog: Dialog) -> None:
        self._inputs.bye_concluded()

    def _ack_received(self, acceptance: Acceptance, answer: bytes) -> None:
        if acceptance is self._acceptance:
            self._inputs.ack_received(answer)
        elif acceptance.offered and self._user is not None:
            self._outbox.append(tell(self._user.answer_received, answer))

    def _prack_received(self, transaction: ServerTransaction, dialog: Dialog) -> None:
        rack = transaction.request.rack
        reliable = self._reliable
        if reliable is None or rack is None or not reliable.awaits(rack):
            # RFC 3262 §3: a PRACK that "does not match any unacknowledged reliable provisional response" -> 481
            self._answer(transaction, 481)
            return
        sdp = session_description(transaction.request)
        if self._offer_sent and reliable.describing and not self.offer:
            self._offer_sent = False
            if self._user is not None:
                self._outbox.append(tell(self._user.answer_received, sdp))
            self._answer(transaction, 200)
        elif sdp and self._user is not None:
            # RFC 3262 §5: "If the UAS receives a PRACK with an offer, it MUST place the answer in the 2xx"
            self._delegate(transaction, dialog, self._user, offers=True)
        else:
            self._answer(transaction, 200)
        reliable.acknowledged()

    # ---- what the transitions do

    def _start(self, name: str, seconds: float) -> None:
        if name not in self._running:
            self._running.append(name)
        self._outbox.append(StartTimer(name, seconds))

    def _stop_timers(self) -> None:
        for name in sorted(self._running):
            self._outbox.append(StopTimer(name))
        self._running.clear()

    def _record(self, rule: str, outcome: str, clause: Clause) -> None:
        facts = (("100rel", self.prack), ("offer", "in INVITE" if self.offer else "none"))
        self._outbox.append(Record(self.call_id, Decision(rule, outcome, clause, facts)))

    def _ensure_dialog(self) -> None:
        if self._dialog is None:
            self._dialog = Dialog.of_server(self.invite, self.local_tag, self.flow)
            self._open(self._dialog)

    def _provisional(self, provisional: Provisional, body: bytes, headers: HeaderFields) -> Response:
        return self._response(
            self._transaction,
            provisional.status,
            provisional.reason,
            (("Contact", self._settings.contact(self.flow)), *self._settings.capabilities, *headers,
             *provisional.headers),
            body,
            SDP if body else "",
            self.local_tag,
        )  # fmt: skip

    def _send_provisional(self, provisional: Provisional) -> None:
        self._ensure_dialog()
        self._sdp = self._sdp or provisional.sdp
        if self._reliable is not None and (self.offer or self._sdp):
            self._reliable.send(provisional)
            self._start(PROGRESS, self._settings.reliable_progress_interval_s)
        elif self._reliable is not None and self.prack == "required":
            # RFC 3262 §3: the response must be reliable; §5: the first reliable one must carry the offer.
            self._record("provisional response without an offer", "not sent", Clause("RFC 3262", "5"))
        else:
            body = b""
            if provisional.sdp and self.offer:
                body = self._sdp
            elif provisional.sdp:
                # An offer has to be in a reliable response, so there is no early media.
                self._record("INVITE without an offer, caller without 100rel", "no session description before the 200",
                             Clause("RFC 3261", "13.2.1"))  # fmt: skip
            self._latest = (provisional, body)
            self._send_unreliably(provisional, body)

    def _send_unreliably(self, provisional: Provisional, body: bytes) -> None:
        self._outbox.append(tell(self._transaction.respond, self._provisional(provisional, body, ())))
        self._start(PROGRESS, self._settings.progress_interval_s)

    def _repeat_provisional(self) -> None:
        if self._latest is None:
            return
        provisional, body = self._latest
        if body is not None:
            # §13.3.1.1: "the UAS MUST send a non-100 provisional response at every minute"
            self._send_unreliably(provisional, body)
        elif self._reliable is not None:
            # RFC 3262 §3: "the UAS SHOULD send provisional responses once every two and a half minutes"
            if not self._reliable.outstanding:
                self._reliable.send(Provisional(provisional.status, provisional.reason, b"", provisional.headers))
            self._start(PROGRESS, self._settings.reliable_progress_interval_s)

    def _send_success(self, sdp: bytes, headers: HeaderFields) -> None:
        self._ensure_dialog()
        self._stop_timers()
        self._latest = None
        if self._reliable is not None:
            self._reliable.settle()
        # RFC 6337 §3.1.1: after the answer in a reliable provisional response no session description should follow;
        # else it is the one that went before, if there was one.
        body = b"" if self._described_reliably else self._sdp or sdp
        self._offer_received = False
        response = self._response(
            self._transaction,
            200,
            "",
            (("Contact", self._settings.contact(self.flow)), *self._settings.capabilities, *headers),
            body,
            SDP if body else "",
            self.local_tag,
        )
        self._acceptance = self._accept(self._transaction, response, offered=bool(body) and not self.offer)

    def _refuse(self, status: int, reason: str = "", headers: HeaderFields = ()) -> None:
        self._stop_timers()
        self._user = None
        self._quieten()
        if self._reliable is not None:
            self._reliable.settle()
        response = self._response(self._transaction, status, reason, headers, to_tag=self.local_tag)
        self._outbox.append(tell(self._transaction.respond, response))
        if self._reliable is None or not self._reliable.outstanding:
            self._inputs.provisionals_settled()

    def _hang_up(self, headers: HeaderFields) -> None:
        self._user = None
        self._quieten()
        if self._dialog is not None:
            self._send(self._dialog, "BYE", headers)

    def _bury(self) -> None:
        self._stop_timers()
        self._user = None
        if self._reliable is not None:
            self._reliable.abandon()
        # These hold the session, to tell it; nothing can come from them any more.
        self._reliable = self._acceptance = None
        self._end()


def _expires_of(invite: Request) -> int | None:
    try:
        return invite.expires
    except ParseError:
        # §8.2.2: "A UAS SHOULD ignore any malformed header fields that are not necessary for processing requests."
        return None


_builder = TypeMachineBuilder(ServerSessionInputs, ServerSession)
preparative = _builder.state("Preparative")
early = _builder.state("Early")
accepting = _builder.state("Accepting")
moratorium = _builder.state("Moratorium")
hanging_up = _builder.state("HangingUp")
established = _builder.state("Established")
mortal = _builder.state("Mortal")
rejected = _builder.state("Rejected")
morgue = _builder.state("Morgue")


@preparative.upon(ServerSessionInputs.progress).to(early)
@early.upon(ServerSessionInputs.progress).loop()
def _progress(_: ServerSessionInputs, self: ServerSession, provisional: Provisional) -> None:
    self._send_provisional(provisional)


@preparative.upon(ServerSessionInputs.answer).to(moratorium)
@early.upon(ServerSessionInputs.answer).to(moratorium)
def _answered(_: ServerSessionInputs, self: ServerSession, sdp: bytes, headers: HeaderFields) -> None:
    self._send_success(sdp, headers)


@early.upon(ServerSessionInputs.answer_withheld).to(accepting)
def _withheld(_: ServerSessionInputs, self: ServerSession, sdp: bytes, headers: HeaderFields) -> None:
    self._withheld = (sdp, headers)
    self._record("answer while a session description awaits its PRACK", "200 held back", Clause("RFC 3262", "3"))


@accepting.upon(ServerSessionInputs.provisionals_settled).to(moratorium)
def _no_longer_withheld(_: ServerSessionInputs, self: ServerSession) -> None:
    self._send_success(*self._withheld)


@preparative.upon(ServerSessionInputs.reject).to(rejected)
@early.upon(ServerSessionInputs.reject).to(rejected)
@accepting.upon(ServerSessionInputs.reject).to(rejected)
def _rejected(_: ServerSessionInputs, self: ServerSession, status: int, reason: str, headers: HeaderFields) -> None:
    self._refuse(status, reason, headers)


@preparative.upon(ServerSessionInputs.bye).to(rejected)
@early.upon(ServerSessionInputs.bye).to(rejected)
@accepting.upon(ServerSessionInputs.bye).to(rejected)
def _hung_up_early(_: ServerSessionInputs, self: ServerSession, headers: HeaderFields) -> None:
    # §15: the callee's UA "MUST NOT send a BYE on early dialogs"
    self._refuse(480, headers=headers)


@preparative.upon(ServerSessionInputs.cancel_received).to(rejected)
@early.upon(ServerSessionInputs.cancel_received).to(rejected)
@accepting.upon(ServerSessionInputs.cancel_received).to(rejected)
def _cancelled(_: ServerSessionInputs, self: ServerSession, reasons: tuple[str, ...]) -> None:
    if self._user is not None:
        self._outbox.append(tell(self._user.cancel_received, reasons))
    # §9.2: "the UAS SHOULD immediately respond to the INVITE with a 487 (Request Terminated)"
    self._outbox.append(tell(self._refuse, 487))


@preparative.upon(ServerSessionInputs.expired).to(rejected)
@early.upon(ServerSessionInputs.expired).to(rejected)
@accepting.upon(ServerSessionInputs.expired).to(rejected)
def _expired(_: ServerSessionInputs, self: ServerSession) -> None:
    if self._user is not None:
        self._outbox.append(tell(self._user.invitation_expired))
    # §13.3.1: "If the invitation expires before the UAS has generated a final response, a 487 ... SHOULD be generated"
    self._outbox.append(tell(self._refuse, 487))


@preparative.upon(ServerSessionInputs.transport_failed).to(rejected)
@early.upon(ServerSessionInputs.transport_failed).to(rejected)
@accepting.upon(ServerSessionInputs.transport_failed).to(rejected)
def _unreachable(_: ServerSessionInputs, self: ServerSession) -> None:
    if self._user is not None:
        self._outbox.append(tell(self._user.response_undeliverable))
    # The transaction stays where it is (RFC 6026 §8.8) until it gets a final response.
    self._outbox.append(tell(self._refuse, 500))


@early.upon(ServerSessionInputs.provisional_timed_out).to(rejected)
@accepting.upon(ServerSessionInputs.provisional_timed_out).to(rejected)
def _no_prack(_: ServerSessionInputs, self: ServerSession) -> None:
    if self._user is not None:
        self._outbox.append(tell(self._user.acceptance_timed_out))
    # RFC 3262 §3: "the UAS SHOULD reject the original request with a 5xx response"
    self._outbox.append(tell(self._refuse, 504))


@early.upon(ServerSessionInputs.bye_received).to(rejected)
@accepting.upon(ServerSessionInputs.bye_received).to(rejected)
def _bye_in_early_dialog(_: ServerSessionInputs, self: ServerSession, transaction: ServerTransaction) -> None:
    self._answer(transaction, 200)
    if self._user is not None:
        self._outbox.append(tell(self._user.bye_received, reasons_of(transaction.request)))
    self._outbox.append(tell(self._refuse, 487))


@moratorium.upon(ServerSessionInputs.bye_received).to(morgue)
@established.upon(ServerSessionInputs.bye_received).to(morgue)
@hanging_up.upon(ServerSessionInputs.bye_received).to(morgue)
def _bye(_: ServerSessionInputs, self: ServerSession, transaction: ServerTransaction) -> None:
    self._answer(transaction, 200)
    if self._user is not None:
        self._outbox.append(tell(self._user.bye_received, reasons_of(transaction.request)))
    self._bury()


@mortal.upon(ServerSessionInputs.bye_received).loop()
@rejected.upon(ServerSessionInputs.bye_received).loop()
def _crossing_bye(_: ServerSessionInputs, self: ServerSession, transaction: ServerTransaction) -> None:
    # RFC 5407 §3.2.1: "the UA shall return a 200 OK to the BYE"
    self._answer(transaction, 200)


@early.upon(ServerSessionInputs.request_received).loop()
@accepting.upon(ServerSessionInputs.request_received).loop()
def _request_in_early_dialog(
    _: ServerSessionInputs, self: ServerSession, transaction: ServerTransaction, dialog: Dialog
) -> None:
    self._serve(transaction, dialog, invite_from="peer")


@moratorium.upon(ServerSessionInputs.request_received).loop()
@established.upon(ServerSessionInputs.request_received).loop()
def _request(_: ServerSessionInputs, self: ServerSession, transaction: ServerTransaction, dialog: Dialog) -> None:
    self._serve(transaction, dialog)


@preparative.upon(ServerSessionInputs.request_received).loop()
@hanging_up.upon(ServerSessionInputs.request_received).loop()
@mortal.upon(ServerSessionInputs.request_received).loop()
@rejected.upon(ServerSessionInputs.request_received).loop()
@morgue.upon(ServerSessionInputs.request_received).loop()
def _no_such_dialog(
    _: ServerSessionInputs, self: ServerSession, transaction: ServerTransaction, dialog: Dialog
) -> None:
    self._answer(transaction, 481)


@preparative.upon(ServerSessionInputs.bye_received).loop()
@morgue.upon(ServerSessionInputs.bye_received).loop()
def _bye_to_nobody(_: ServerSessionInputs, self: ServerSession, transaction: ServerTransaction) -> None:
    self._answer(transaction, 481)


@moratorium.upon(ServerSessionInputs.ack_received).to(established)
def _acknowledged(_: ServerSessionInputs, self: ServerSession, answer: bytes) -> None:
    acceptance, self._acceptance = self._acceptance, None
    if self._user is None or acceptance is None:
        return
    if acceptance.offered:
        self._outbox.append(tell(self._user.answer_received, answer))
    self._outbox.append(tell(self._user.acknowledged))


@hanging_up.upon(ServerSessionInputs.ack_received).to(mortal)
def _acknowledged_too_late(_: ServerSessionInputs, self: ServerSession, answer: bytes) -> None:
    self._hang_up(self._withheld[1])


@hanging_up.upon(ServerSessionInputs.acknowledgement_timed_out).to(mortal)
def _hang_up_without_ack(_: ServerSessionInputs, self: ServerSession) -> None:
    self._hang_up(self._withheld[1])


@moratorium.upon(ServerSessionInputs.acknowledgement_timed_out).to(mortal)
@established.upon(ServerSessionInputs.acknowledgement_timed_out).to(mortal)
def _no_ack(_: ServerSessionInputs, self: ServerSession) -> None:
    if self._user is not None:
        self._outbox.append(tell(self._user.acknowledgement_timed_out))
    # §13.3.1.4: "the dialog is confirmed, but the session SHOULD be terminated. This is accomplished with a BYE"
    self._outbox.append(tell(self._hang_up, ()))


@moratorium.upon(ServerSessionInputs.bye).to(hanging_up)
def _hung_up_before_ack(_: ServerSessionInputs, self: ServerSession, headers: HeaderFields) -> None:
    self._user = None
    self._forget_retry()
    self._withheld = (b"", headers)


@established.upon(ServerSessionInputs.bye).to(mortal)
def _hung_up(_: ServerSessionInputs, self: ServerSession, headers: HeaderFields) -> None:
    self._hang_up(headers)


@early.upon(ServerSessionInputs.send).loop()
@accepting.upon(ServerSessionInputs.send).loop()
def _send_in_early_dialog(
    _: ServerSessionInputs, self: ServerSession, method: str, headers: HeaderFields, body: bytes, content_type: str
) -> None:
    if self._dialog is None:
        return
    if self._reliable is not None and self._reliable.describing and method == "UPDATE" and body:
        # RFC 3311 §5.1: an UPDATE with an offer only once the callee "has received a PRACK for that reliable
        # provisional response"
        self._fail(method, 491)
    else:
        self._send_for_user(self._dialog, method, headers, body, content_type, invite_open=True)


@moratorium.upon(ServerSessionInputs.send).loop()
@established.upon(ServerSessionInputs.send).loop()
def _send(
    _: ServerSessionInputs, self: ServerSession, method: str, headers: HeaderFields, body: bytes, content_type: str
) -> None:
    if self._dialog is not None:
        # §14.1: a re-INVITE waits until an INVITE server transaction "reaches the confirmed or terminated state"
        self._send_for_user(self._dialog, method, headers, body, content_type, invite_open=bool(self._acceptances))


@preparative.upon(ServerSessionInputs.send).loop()
def _nowhere_to_send(
    _: ServerSessionInputs, self: ServerSession, method: str, headers: HeaderFields, body: bytes, content_type: str
) -> None:
    self._fail(method, 481)


@preparative.upon(ServerSessionInputs.progress_due).loop()
@early.upon(ServerSessionInputs.progress_due).loop()
@accepting.upon(ServerSessionInputs.progress_due).loop()
def _progress_due(_: ServerSessionInputs, self: ServerSession) -> None:
    self._repeat_provisional()


@rejected.upon(ServerSessionInputs.provisionals_settled).to(morgue)
@mortal.upon(ServerSessionInputs.bye_concluded).to(morgue)
def _over(_: ServerSessionInputs, self: ServerSession) -> None:
    self._bury()


_I = ServerSessionInputs
_answers = (_I.progress, _I.answer, _I.answer_withheld, _I.reject)
_first_transaction = (_I.cancel_received, _I.provisional_timed_out, _I.transport_failed, _I.expired, _I.progress_due)

# Ignored before there is an answer: what belongs to the 2xx and to BYE. `answer_withheld` needs a provisional response.
ignore(preparative, _I.answer_withheld, _I.provisionals_settled, _I.provisional_timed_out)
ignore(early, _I.provisionals_settled)
ignore(accepting, _I.progress, _I.answer, _I.answer_withheld)
for _state in (preparative, early, accepting):
    ignore(_state, _I.ack_received, _I.acknowledgement_timed_out, _I.bye_concluded)

# Ignored once the INVITE has its final response: what would answer it or end it (§9.2: the CANCEL "has no effect").
for _state in (moratorium, hanging_up, established, mortal, rejected, morgue):
    ignore(_state, *_answers, *_first_transaction)
for _state in (moratorium, hanging_up, established, mortal, morgue):
    ignore(_state, _I.provisionals_settled)

# Ignored: a BYE that has not been sent is not concluded; the 2xx is acknowledged once.
ignore(moratorium, _I.bye_concluded)
ignore(hanging_up, _I.bye_concluded, _I.bye, _I.send)
ignore(established, _I.bye_concluded, _I.ack_received)
ignore(mortal, _I.bye, _I.send, _I.ack_received, _I.acknowledgement_timed_out)
ignore(rejected, _I.bye, _I.send, _I.ack_received, _I.acknowledgement_timed_out, _I.bye_concluded)
ignore(morgue, _I.bye, _I.send, _I.ack_received, _I.acknowledgement_timed_out, _I.bye_concluded)

_machine = build(_builder)
