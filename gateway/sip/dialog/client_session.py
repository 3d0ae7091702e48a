"""The calling side of an INVITE session (RFC 3261 §13.2, §9.1, §15; RFC 3262 §4; RFC 5407 Figure 1).

One INVITE may reach several phones (§13.2.2.1, §13.2.2.4): each provisional response with another To tag makes another
early dialog. The first 2xx makes the session; whatever other phone answers gets ACK and BYE.

    +------+ invite  +---------+  1xx    +------------+  2xx                    +-------------+
    | Idle |-------->| Calling |-------->| Proceeding |------------------------>| Established |
    +------+         +---------+         +------------+  2xx with an offer:     +-------------+
                       |  |                |       |     +------------+ answer    ^  |   |
                       |  | cancel         | cancel+---->| Moratorium |-----------+  |   | BYE received
                       |  v                v             +------------+ given: ACK   |   |
                       | +------------+  +------------+        | bye: ACK, BYE       |   |
                       | | Abandoning |->| Cancelling |        |                     |   |
                       | +------------+  +------------+        v                     |   |
                       |  |         1xx    |  | 2xx: ACK, BYE  +--------+  bye: BYE  |   |
                       |  | 2xx            |  +--------------->|        |<-----------+   |
                       |  +----------------|------------------>| Mortal |                |
                       |  300-699, no      |                   +--------+                |
                       |  response         |                       | BYE concluded       |
                       v                   v                       v                     v
                     +---------------------------------------------------------------------+
                     |                              Morgue                                 |
                     +---------------------------------------------------------------------+

- Calling: the INVITE is sent, nobody has answered anything. (Figure 1: Preparative.)
- Abandoning: cancelled, but "If no provisional response has been received, the CANCEL request MUST NOT be sent" (§9.1).
- Proceeding: a provisional response has come; CANCEL may go out at once. (Preparative after a 100, else Early.)
- Cancelling: CANCEL is sent. A 2xx that crossed it is acknowledged and hung up; the transaction layer ends the wait.
- Moratorium: the 2xx brought the offer, and ACK waits for the user's answer.
- Established: ACK is sent; it is sent again for each repeated 2xx.
- Mortal: our BYE has no final response yet.
- Morgue: over; late 2xx are still acknowledged, and hung up if they are another phone's.
"""

from __future__ import annotations

from typing import Protocol

from attrs import define, field
from automat import TypeMachineBuilder

from gateway.core.clause import Clause
from gateway.core.effects import Outbox, tell
from gateway.core.errors import LocalProtocolError, ParseError
from gateway.core.machine import build, ignore, state_name
from gateway.sip.dialog.acceptance import Acceptance
from gateway.sip.dialog.content import SDP, session_description
from gateway.sip.dialog.dialog import MAX_FORWARDS, Dialog
from gateway.sip.dialog.reliable import ReceivedProvisionals, is_reliable
from gateway.sip.dialog.sent_request import HeaderFields, NobodyCares, cancel_of
from gateway.sip.dialog.session import RETRY, Session, SessionCore, reasons_of
from gateway.sip.dialog.settings import Reliability
from gateway.sip.dialog.user import ClientSessionUser
from gateway.sip.effects import Flow, Transport
from gateway.sip.message import Headers, Request, Response
from gateway.sip.transaction.user import ServerTransaction

_NOWHERE = Flow(Transport.UDP, ("", 0), ("", 0))


class ClientSessionInputs(Protocol):
    """What can happen to it."""

    def invite(self, request: Request, flow: Flow) -> None:
        """From the user: call."""

    def cancel(self, headers: HeaderFields) -> None:
        """From the user: give up; or hang up."""

    def acknowledge(self, sdp: bytes) -> None:
        """From the user: the answer to the offer in a reliable provisional response or in the 2xx."""

    def send(self, method: str, headers: HeaderFields, body: bytes, content_type: str) -> None:
        """From the user: send INFO, UPDATE or re-INVITE."""

    def provisional_received(self, response: Response) -> None:
        """From the network: 100 to 199."""

    def success_received(self, response: Response) -> None:
        """From the network: a 2xx."""

    def offering_success_received(self, response: Response) -> None:
        """From the network: a 2xx with the offer that our INVITE asked for."""

    def failure_received(self, response: Response) -> None:
        """From the network: 300 to 699."""

    def invite_failed(self, why: str) -> None:
        """From the network: no final response will come."""

    def bye_received(self, transaction: ServerTransaction) -> None:
        """From the network: BYE."""

    def request_received(self, transaction: ServerTransaction, dialog: Dialog) -> None:
        """From the network: any other request in a dialog."""

    def bye_concluded(self) -> None:
        """Our BYE has its final response, or will get none."""


@define(eq=False)
class _Branch:
    """What one of the phones that the INVITE has reached has told us.

    Args:
        dialog: the dialog with it.
        provisionals: the count of its reliable provisional responses.
        negotiated: whether offer and answer have been exchanged reliably.
        held_rack: the RAck of a PRACK that waits for the user's answer.
        ack: the ACK to its 2xx, and where that goes.
    """

    dialog: Dialog
    provisionals: ReceivedProvisionals = field(factory=ReceivedProvisionals)
    negotiated: bool = False
    held_rack: str = ""
    ack: tuple[Request, Flow] | None = None


class ClientSession(Session):
    """One INVITE of ours, and the session that may come of it.

    Args:
        core: the user agent core.
        user: is told what comes of it.
        outbox: the core's.
    """

    def __init__(self, core: SessionCore, user: ClientSessionUser, outbox: Outbox) -> None:
        super().__init__(core, "", _NOWHERE, outbox)
        self.request: Request | None = None
        """The INVITE, once it is sent."""
        self._user: ClientSessionUser | None = user
        self._branches: dict[str, _Branch] = {}
        self._chosen: _Branch | None = None
        self._offered = False
        self._branch_parameter = ""
        self._sequence = 0
        self._cancel_headers: HeaderFields = ()
        self._inputs = _machine(self)

    @property
    def state(self) -> str:
        """The state's name, as in the figure."""
        return state_name(self._inputs)

    # ---- from the user

    def invite(
        self,
        request_uri: str,
        flow: Flow,
        from_: str,
        to: str,
        contact: str = "",
        sdp: bytes = b"",
        headers: HeaderFields = (),
    ) -> None:
        """Call somebody.

        Args:
            request_uri: where to.
            flow: the way of the INVITE.
            from_: the From value without a tag: `"Alice" <sip:alice@example.com>`.
            to: the To value.
            contact: the Contact value; "" for that of the settings.
            sdp: the offer; b"" asks the other side for one.
            headers: further header fields.
        """
        self.call_id = self._core.identifiers()
        self.flow = flow
        self._offered = bool(sdp)
        items = [
            ("Max-Forwards", MAX_FORWARDS),
            ("From", f"{from_};tag={self._core.identifiers()}"),
            ("To", to),
            ("Call-ID", self.call_id),
            ("CSeq", "1 INVITE"),
            ("Contact", contact or self._settings.contact(flow)),
            *self._settings.capabilities,
            *headers,
        ]
        if self._settings.product:
            items.append(("User-Agent", self._settings.product))
        if sdp:
            items.append(("Content-Type", SDP))
        self._inputs.invite(Request(method="INVITE", uri=request_uri, headers=Headers(items), body=sdp), flow)

    def cancel(self, headers: HeaderFields = ()) -> None:
        """Give up: CANCEL, as soon as the other side has shown any sign of life; BYE if it has answered.

        The user is told the outcome still: `rejected` (487), or `failed`.
        """
        self._inputs.cancel(tuple(headers))

    def bye(self, headers: HeaderFields = ()) -> None:
        """Hang up. Before the answer that is `cancel`: a BYE would end one branch of a fork only (RFC 5407 App. A)."""
        self._inputs.cancel(tuple(headers))

    def acknowledge(self, sdp: bytes) -> None:
        """Give the answer that a PRACK or the ACK waits for, as our INVITE had no offer (RFC 3261 §13.2.2.4)."""
        self._inputs.acknowledge(sdp)

    def info(self, content_type: str, body: bytes, headers: HeaderFields = ()) -> None:
        """Send INFO, in an early dialog too (RFC 6086). A refusal is told by `request_failed`."""
        self._inputs.send("INFO", tuple(headers), body, content_type)

    def update(self, sdp: bytes = b"", headers: HeaderFields = ()) -> None:
        """Send UPDATE (RFC 3311), with an offer or without; the answer is told by `answer_received`."""
        self._inputs.send("UPDATE", tuple(headers), sdp, SDP if sdp else "")

    def reinvite(self, sdp: bytes, headers: HeaderFields = ()) -> None:
        """Send a re-INVITE with an offer (RFC 3261 §14.1); the answer is told by `answer_received`."""
        self._inputs.send("INVITE", tuple(headers), sdp, SDP)

    # ---- from the INVITE's transaction

    def response_received(self, response: Response) -> None:
        """A response to the INVITE; repeated and forked 2xx too (RFC 6026 §7.2)."""
        try:
            if response.is_provisional:
                self._inputs.provisional_received(response)
            elif not response.is_success:
                self._inputs.failure_received(response)
            else:
                # Read before any state changes what the transitions rely on.
                branch, sdp = self._branch_of(response), session_description(response)
                _ = response.contacts, response.record_route
                if sdp and not self._offered and not branch.negotiated:
                    self._inputs.offering_success_received(response)
                else:
                    self._inputs.success_received(response)
        except ParseError as error:
            self._inputs.invite_failed(f"{response.status} that cannot be read: {error}")

    def request_timed_out(self) -> None:
        """Timer B, or no final response after CANCEL (RFC 3261 §9.1)."""
        self._inputs.invite_failed("no response")

    def transport_failed(self, why: str) -> None:
        """The INVITE could not be sent."""
        self._inputs.invite_failed(why)

    # ---- from the core and the timers

    def timer_fired(self, name: str) -> None:
        """An offer to make again."""
        if name != RETRY:
            raise LocalProtocolError(f"a client session has no timer {name!r}")
        self._retry_fired(invite_open=False)

    def _listener(self) -> ClientSessionUser | None:
        return self._user

    def _bye_received(self, transaction: ServerTransaction) -> None:
        self._inputs.bye_received(transaction)

    def _request_received(self, transaction: ServerTransaction, dialog: Dialog) -> None:
        self._inputs.request_received(transaction, dialog)

    def _ack_received(self, acceptance: Acceptance, answer: bytes) -> None:
        if acceptance.offered and self._user is not None:
            self._outbox.append(tell(self._user.answer_received, answer))

    def _acknowledgement_timed_out(self) -> None:
        # §14.2: "If a UAS generates a 2xx response and never receives an ACK, it SHOULD generate a BYE"
        if self._user is not None:
            self._outbox.append(tell(self._user.bye_received, ()))
        self._inputs.cancel(())

    def _bye_concluded(self, dialog: Dialog) -> None:
        if self._chosen is not None and dialog is self._chosen.dialog:
            self._inputs.bye_concluded()

    # ---- what the transitions do

    def _branch_of(self, response: Response) -> _Branch:
        """The branch that a tagged response belongs to, made if it is new.

        Raises:
            ParseError: a response that makes a dialog has no Contact.
        """
        tag = response.to.tag or ""
        branch = self._branches.get(tag)
        if branch is None:
            if self.request is None:
                raise ParseError("a response before the request")
            branch = self._branches[tag] = _Branch(Dialog.of_client(self.request, response, self.flow))
        return branch

    def _take_provisional(self, response: Response) -> None:
        if response.status == 100:
            return
        reliable = False
        try:
            reliable = is_reliable(response) and self._settings.reliability is not Reliability.NEVER
            if response.to.tag is None:
                raise ParseError("To: no tag", clause=Clause("RFC 3261", "12.1"))
            known = response.to.tag in self._branches
            branch = self._branch_of(response)
            if not known:
                self._open(branch.dialog)
            if reliable and not self._acknowledge_provisional(branch, response):
                return
        except ParseError:
            # Without a tag and a Contact there is no dialog to send PRACK in; what it says of the call still counts.
            if reliable:
                return
        if self._user is not None:
            self._outbox.append(tell(self._user.progress_received, response))

    def _acknowledge_provisional(self, branch: _Branch, response: Response) -> bool:
        if not branch.provisionals.is_next(response):
            return False
        rack = f"{response.rseq} {self._sequence} INVITE"
        sdp = session_description(response)
        if sdp and not self._offered and not branch.negotiated:
            # RFC 3262 §5: "it MUST generate an answer in the PRACK"
            branch.held_rack = rack
            self._offer_received = True
        else:
            if sdp:
                branch.negotiated = True
                self._offer_sent = False
            self._send(branch.dialog, "PRACK", (("RAck", rack),))
        return True

    def _answer_provisional(self, sdp: bytes) -> None:
        self._offer_received = False
        for branch in self._branches.values():
            if branch.held_rack:
                self._send(branch.dialog, "PRACK", (("RAck", branch.held_rack),), sdp, SDP)
                branch.held_rack = ""
                branch.negotiated = True

    def _choose(self, response: Response) -> _Branch:
        """The first 2xx: this branch it is; the other early dialogs are given up."""
        branch = self._branches[response.to.tag or ""]
        branch.dialog.confirm(response)
        branch.held_rack = ""
        self._chosen = branch
        self._offer_sent = self._offer_received = False
        for other in list(self._dialogs.values()):
            if other is not branch.dialog:
                self._close(other)
        if branch.dialog.id.remote_tag not in self._dialogs:
            self._open(branch.dialog)
        return branch

    def _acknowledge_success(self, branch: _Branch, sdp: bytes = b"") -> None:
        """§13.2.2.4: ACK "with the exception of the CSeq": the INVITE's number."""
        ack = branch.dialog.request("ACK", (), sdp, SDP if sdp else "", sequence=self._sequence)
        branch.ack = (ack, branch.dialog.next_hop)
        self._outbox.append(tell(self._core.layer.send_request, ack, branch.ack[1], self))

    def _take_another_success(self, response: Response) -> None:
        """A 2xx again, or another phone's."""
        branch = self._branches[response.to.tag or ""]
        if branch.ack is not None:
            # §13.2.2.4: "The ACK MUST be passed to the client transport every time a retransmission of the 2xx final
            # response that triggered the ACK arrives."
            self._outbox.append(tell(self._core.layer.repeat_ack, *branch.ack))
        elif branch is not self._chosen:
            branch.dialog.confirm(response)
            self._acknowledge_success(branch)
            # "If, after acknowledging any 2xx response to an INVITE, the UAC does not want to continue with that
            # dialog, then the UAC MUST terminate the dialog by sending a BYE request"
            self._send(branch.dialog, "BYE")

    def _hang_up(self, headers: HeaderFields) -> None:
        self._user = None
        self._quieten()
        if self._chosen is not None:
            self._send(self._chosen.dialog, "BYE", headers)

    def _send_cancel(self) -> None:
        if self.request is not None:
            cancel = cancel_of(self.request, self._cancel_headers)
            self._outbox.append(
                tell(self._core.layer.send_request, cancel, self.flow, NobodyCares(), self._branch_parameter)
            )

    def _bury(self) -> None:
        self._user = None
        self._end()


_builder = TypeMachineBuilder(ClientSessionInputs, ClientSession)
idle = _builder.state("Idle")
calling = _builder.state("Calling")
abandoning = _builder.state("Abandoning")
proceeding = _builder.state("Proceeding")
cancelling = _builder.state("Cancelling")
moratorium = _builder.state("Moratorium")
established = _builder.state("Established")
mortal = _builder.state("Mortal")
morgue = _builder.state("Morgue")


@idle.upon(ClientSessionInputs.invite).to(calling)
def _invite(_: ClientSessionInputs, self: ClientSession, request: Request, flow: Flow) -> None:
    self.request = request
    self._sequence = request.cseq.number
    self._offer_sent = self._offered
    self._branch_parameter = self._core.layer.new_branch()
    self._outbox.append(tell(self._core.layer.send_request, request, flow, self, self._branch_parameter))


@idle.upon(ClientSessionInputs.cancel).to(morgue)
def _never_called(_: ClientSessionInputs, self: ClientSession, headers: HeaderFields) -> None:
    self._bury()


@calling.upon(ClientSessionInputs.provisional_received).to(proceeding)
@proceeding.upon(ClientSessionInputs.provisional_received).loop()
@cancelling.upon(ClientSessionInputs.provisional_received).loop()
def _provisional(_: ClientSessionInputs, self: ClientSession, response: Response) -> None:
    self._take_provisional(response)


@calling.upon(ClientSessionInputs.cancel).to(abandoning)
def _cancel_later(_: ClientSessionInputs, self: ClientSession, headers: HeaderFields) -> None:
    self._cancel_headers = headers


@proceeding.upon(ClientSessionInputs.cancel).to(cancelling)
def _cancel(_: ClientSessionInputs, self: ClientSession, headers: HeaderFields) -> None:
    self._cancel_headers = headers
    self._send_cancel()


@abandoning.upon(ClientSessionInputs.provisional_received).to(cancelling)
def _cancel_now(_: ClientSessionInputs, self: ClientSession, response: Response) -> None:
    # §9.1: "the client MUST wait for the arrival of a provisional response before sending the request"
    self._send_cancel()
    self._take_provisional(response)


@proceeding.upon(ClientSessionInputs.acknowledge).loop()
@cancelling.upon(ClientSessionInputs.acknowledge).loop()
def _answer_in_prack(_: ClientSessionInputs, self: ClientSession, sdp: bytes) -> None:
    self._answer_provisional(sdp)


@calling.upon(ClientSessionInputs.success_received).to(established)
@proceeding.upon(ClientSessionInputs.success_received).to(established)
def _answered(_: ClientSessionInputs, self: ClientSession, response: Response) -> None:
    self._acknowledge_success(self._choose(response))
    if self._user is not None:
        self._outbox.append(tell(self._user.answered, response))


@calling.upon(ClientSessionInputs.offering_success_received).to(moratorium)
@proceeding.upon(ClientSessionInputs.offering_success_received).to(moratorium)
def _answered_with_offer(_: ClientSessionInputs, self: ClientSession, response: Response) -> None:
    self._choose(response)
    self._offer_received = True
    if self._user is not None:
        self._outbox.append(tell(self._user.answered, response))


@moratorium.upon(ClientSessionInputs.acknowledge).to(established)
def _answer_in_ack(_: ClientSessionInputs, self: ClientSession, sdp: bytes) -> None:
    # §13.2.2.4: "If the 2xx contains an offer ..., the ACK MUST carry an answer in its body."
    self._offer_received = False
    if self._chosen is not None:
        self._acknowledge_success(self._chosen, sdp)


@abandoning.upon(ClientSessionInputs.success_received).to(mortal)
@abandoning.upon(ClientSessionInputs.offering_success_received).to(mortal)
@cancelling.upon(ClientSessionInputs.success_received).to(mortal)
@cancelling.upon(ClientSessionInputs.offering_success_received).to(mortal)
def _answered_too_late(_: ClientSessionInputs, self: ClientSession, response: Response) -> None:
    # RFC 5407 §3.1.2: "if she receives 200 to the INVITE request she immediately sends a BYE"
    self._acknowledge_success(self._choose(response))
    if self._user is not None:
        self._outbox.append(tell(self._user.failed, "answered while it was being cancelled"))
    self._hang_up(self._cancel_headers)


@moratorium.upon(ClientSessionInputs.success_received).loop()
@moratorium.upon(ClientSessionInputs.offering_success_received).loop()
@established.upon(ClientSessionInputs.success_received).loop()
@established.upon(ClientSessionInputs.offering_success_received).loop()
@mortal.upon(ClientSessionInputs.success_received).loop()
@mortal.upon(ClientSessionInputs.offering_success_received).loop()
@morgue.upon(ClientSessionInputs.success_received).loop()
@morgue.upon(ClientSessionInputs.offering_success_received).loop()
def _another_success(_: ClientSessionInputs, self: ClientSession, response: Response) -> None:
    self._take_another_success(response)


@calling.upon(ClientSessionInputs.failure_received).to(morgue)
@abandoning.upon(ClientSessionInputs.failure_received).to(morgue)
@proceeding.upon(ClientSessionInputs.failure_received).to(morgue)
@cancelling.upon(ClientSessionInputs.failure_received).to(morgue)
def _rejected(_: ClientSessionInputs, self: ClientSession, response: Response) -> None:
    if self._user is not None:
        self._outbox.append(tell(self._user.rejected, response))
    # §13.2.2.3: "All early dialogs are considered terminated upon reception of the non-2xx final response."
    self._bury()


@calling.upon(ClientSessionInputs.invite_failed).to(morgue)
@abandoning.upon(ClientSessionInputs.invite_failed).to(morgue)
@proceeding.upon(ClientSessionInputs.invite_failed).to(morgue)
@cancelling.upon(ClientSessionInputs.invite_failed).to(morgue)
def _failed(_: ClientSessionInputs, self: ClientSession, why: str) -> None:
    if self._user is not None:
        self._outbox.append(tell(self._user.failed, why))
    self._bury()


@established.upon(ClientSessionInputs.cancel).to(mortal)
def _hung_up(_: ClientSessionInputs, self: ClientSession, headers: HeaderFields) -> None:
    self._hang_up(headers)


@moratorium.upon(ClientSessionInputs.cancel).to(mortal)
def _hung_up_unanswered(_: ClientSessionInputs, self: ClientSession, headers: HeaderFields) -> None:
    if self._chosen is not None:
        self._acknowledge_success(self._chosen)
    self._hang_up(headers)


@moratorium.upon(ClientSessionInputs.bye_received).to(morgue)
@established.upon(ClientSessionInputs.bye_received).to(morgue)
def _bye(_: ClientSessionInputs, self: ClientSession, transaction: ServerTransaction) -> None:
    self._answer(transaction, 200)
    if self._user is not None:
        self._outbox.append(tell(self._user.bye_received, reasons_of(transaction.request)))
    self._bury()


@mortal.upon(ClientSessionInputs.bye_received).loop()
def _crossing_bye(_: ClientSessionInputs, self: ClientSession, transaction: ServerTransaction) -> None:
    # RFC 5407 §3.2.1: "the UA shall return a 200 OK to the BYE"
    self._answer(transaction, 200)


@idle.upon(ClientSessionInputs.bye_received).loop()
@calling.upon(ClientSessionInputs.bye_received).loop()
@abandoning.upon(ClientSessionInputs.bye_received).loop()
@proceeding.upon(ClientSessionInputs.bye_received).loop()
@cancelling.upon(ClientSessionInputs.bye_received).loop()
@morgue.upon(ClientSessionInputs.bye_received).loop()
def _bye_refused(_: ClientSessionInputs, self: ClientSession, transaction: ServerTransaction) -> None:
    # §15: the callee's UA "MUST NOT send a BYE on early dialogs"; the final response to the INVITE is still to come.
    self._answer(transaction, 481)


@proceeding.upon(ClientSessionInputs.request_received).loop()
@cancelling.upon(ClientSessionInputs.request_received).loop()
def _request_in_early_dialog(
    _: ClientSessionInputs, self: ClientSession, transaction: ServerTransaction, dialog: Dialog
) -> None:
    self._serve(transaction, dialog, invite_from="us")


@moratorium.upon(ClientSessionInputs.request_received).loop()
@established.upon(ClientSessionInputs.request_received).loop()
def _request(_: ClientSessionInputs, self: ClientSession, transaction: ServerTransaction, dialog: Dialog) -> None:
    self._serve(transaction, dialog)


@idle.upon(ClientSessionInputs.request_received).loop()
@calling.upon(ClientSessionInputs.request_received).loop()
@abandoning.upon(ClientSessionInputs.request_received).loop()
@mortal.upon(ClientSessionInputs.request_received).loop()
@morgue.upon(ClientSessionInputs.request_received).loop()
def _no_such_dialog(
    _: ClientSessionInputs, self: ClientSession, transaction: ServerTransaction, dialog: Dialog
) -> None:
    self._answer(transaction, 481)


@proceeding.upon(ClientSessionInputs.send).loop()
def _send_in_early_dialog(
    _: ClientSessionInputs, self: ClientSession, method: str, headers: HeaderFields, body: bytes, content_type: str
) -> None:
    if self._dialogs:
        dialog = list(self._dialogs.values())[-1]
        self._send_for_user(dialog, method, headers, body, content_type, invite_open=True)
    else:
        self._fail(method, 481)


@moratorium.upon(ClientSessionInputs.send).loop()
@established.upon(ClientSessionInputs.send).loop()
def _send(
    _: ClientSessionInputs, self: ClientSession, method: str, headers: HeaderFields, body: bytes, content_type: str
) -> None:
    if self._chosen is not None:
        self._send_for_user(
            self._chosen.dialog, method, headers, body, content_type, invite_open=bool(self._acceptances)
        )


@idle.upon(ClientSessionInputs.send).loop()
@calling.upon(ClientSessionInputs.send).loop()
def _nowhere_to_send(
    _: ClientSessionInputs, self: ClientSession, method: str, headers: HeaderFields, body: bytes, content_type: str
) -> None:
    self._fail(method, 481)


@mortal.upon(ClientSessionInputs.bye_concluded).to(morgue)
def _over(_: ClientSessionInputs, self: ClientSession) -> None:
    self._bury()


_I = ClientSessionInputs

# Ignored. There is one INVITE; before it nothing can come, after its final response nothing but 2xx counts.
for _state in (calling, abandoning, proceeding, cancelling, moratorium, established, mortal, morgue):
    ignore(_state, _I.invite)
ignore(
    idle,
    _I.provisional_received,
    _I.success_received,
    _I.offering_success_received,
    _I.failure_received,
    _I.invite_failed,
)
for _state in (moratorium, established, mortal, morgue):
    ignore(_state, _I.provisional_received, _I.failure_received, _I.invite_failed)

# Ignored. No offer awaits an answer of the user's.
for _state in (idle, calling, abandoning, established, mortal, morgue):
    ignore(_state, _I.acknowledge)

# Ignored. The user has given up already.
ignore(abandoning, _I.cancel, _I.send)
ignore(cancelling, _I.cancel, _I.send)
ignore(mortal, _I.cancel, _I.send)
ignore(morgue, _I.cancel, _I.send)

# Ignored. A BYE that has not been sent is not concluded.
for _state in (idle, calling, abandoning, proceeding, cancelling, moratorium, established, morgue):
    ignore(_state, _I.bye_concluded)

_machine = build(_builder)
