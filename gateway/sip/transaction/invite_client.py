"""INVITE client transaction (RFC 3261 §17.1.1, Figure 5, as replaced by RFC 6026 §8.4).

It sends the INVITE, over UDP again and again (timer A) until somebody says anything at all or timer B gives up. After
the first provisional response it waits without limit: the far end rings, and only the TU knows how long that may
take. A failure it acknowledges itself; a success is acknowledged by the TU, end to end, and the machine stays in
Accepted to let through the repeated 2xx and those of other branches of a fork, until timer M.

                             +---------+  timer A: INVITE again
                             | Calling |----------------------------------+
                             +---------+                                  |
              300-699: ACK    |   | 1xx   | 2xx                           |
              +---------------+   v       |                               | timer B, transport error:
              |        +------------+     |                               | inform TU
              |        | Proceeding |     |                               |
              |        +------------+     |                               |
              | 300-699: ACK |  | 2xx     |                               |
              v              |  v         v                               |
        +-----------+ <------+ +----------+                               |
        | Completed |          | Accepted |  2xx: to TU                   |
        +-----------+          +----------+                               |
       300-699: ACK again           | timer M                             |
              | timer D,            |                                     |
              | transport error     v                                     v
              +----------------> +------------------------------------------+
                                 |                Terminated                |
                                 +------------------------------------------+

Besides the figure: a CANCEL for this INVITE starts a clock of 64*T1. §9.1: "If there is no final response for the
original request in 64*T1 seconds ..., the client SHOULD then consider the original transaction cancelled and SHOULD
destroy the client transaction handling the original request."
"""

from __future__ import annotations

from typing import Protocol

from automat import TypeMachineBuilder

from gateway.core.effects import Outbox, tell
from gateway.core.errors import LocalProtocolError
from gateway.core.machine import build, ignore, state_name
from gateway.sip.effects import Flow
from gateway.sip.message import Headers, Request, Response
from gateway.sip.transaction.base import Surroundings, Transaction
from gateway.sip.transaction.user import ClientUser

CANCELLED = "CANCEL"
"""The timer until a cancelled INVITE is given up."""


def acknowledge(request: Request, response: Response) -> Request:
    """The ACK to a response of 300 to 699 (RFC 3261 §17.1.1.3).

    Args:
        request: the INVITE as it was sent.
        response: what it got.
    """
    sent = request.headers
    headers = Headers()
    # "The ACK MUST contain a single Via header field, and this MUST be equal to the top Via header field of the
    # original request"
    headers.add("Via", sent.values("Via")[0])
    # "If the INVITE request ... had Route header fields, those header fields MUST appear in the ACK"
    for route in sent.lines("Route"):
        headers.add("Route", route)
    headers.add("Max-Forwards", sent.get("Max-Forwards") or "70")
    # "MUST contain values for the Call-ID, From, and Request-URI that are equal to the values ... in the request"
    headers.add("From", sent.get("From") or "")
    # "The To header field in the ACK MUST equal the To header field in the response being acknowledged"
    headers.add("To", response.headers.get("To") or sent.get("To") or "")
    headers.add("Call-ID", request.call_id)
    # "the same value for the sequence number ..., but the method parameter MUST be equal to "ACK""
    headers.add("CSeq", f"{request.cseq.number} ACK")
    return Request(headers=headers, body=b"", method="ACK", uri=request.uri)


class InviteClientInputs(Protocol):
    """What can happen to it."""

    def provisional_received(self, response: Response) -> None:
        """From the network: 100 to 199."""

    def success_received(self, response: Response) -> None:
        """From the network: 200 to 299."""

    def failure_received(self, response: Response) -> None:
        """From the network: 300 to 699."""

    def transport_failed(self, why: str) -> None:
        """From the network: the INVITE or the ACK could not be sent."""

    def cancel_sent(self) -> None:
        """From the layer: a CANCEL for this INVITE is on its way."""

    def timer_a_fired(self) -> None:
        """Retransmit the INVITE."""

    def timer_b_fired(self) -> None:
        """Nobody said anything."""

    def timer_d_fired(self) -> None:
        """No more retransmitted failures are to be expected."""

    def timer_m_fired(self) -> None:
        """No more 2xx are to be expected."""

    def timer_cancelled_fired(self) -> None:
        """The CANCEL led to nothing."""


class InviteClientTransaction(Transaction):
    """One INVITE of ours. Made, it has sent it.

    Args:
        request: the INVITE, with its top Via.
        flow: where it goes.
        user: who wants to know what comes of it.
        surroundings: what it shares with its layer.
        outbox: the layer's.
    """

    __slots__ = ("_ack", "_ack_octets", "_cancelling", "_inputs", "_interval", "_octets", "_user")

    def __init__(
        self, request: Request, flow: Flow, user: ClientUser, surroundings: Surroundings, outbox: Outbox
    ) -> None:
        super().__init__(request, flow, surroundings, outbox)
        self._user = user
        self._octets = request.serialize()
        self._ack: Request | None = None
        self._ack_octets = b""
        self._cancelling = False
        self._interval = self._timers.A
        self._inputs = MACHINE(self)
        # §17.1.1.2: "The client transaction MUST pass the request to the transport layer for transmission"
        self._transmit(request, self._octets, flow)
        # "If an unreliable transport is being used, the client transaction MUST start timer A with a value of T1."
        if not self.reliable:
            self._start("A", self._interval)
        # "For any transport, the client transaction MUST start timer B with a value of 64*T1 seconds"
        self._start("B", self._timers.B)

    @property
    def state(self) -> str:
        """Calling, Proceeding, Completed, Accepted or Terminated."""
        return state_name(self._inputs)

    def response_received(self, response: Response) -> None:
        """A response that matches (§17.1.3)."""
        if response.status < 200:
            self._inputs.provisional_received(response)
        elif response.status < 300:
            self._inputs.success_received(response)
        else:
            self._inputs.failure_received(response)

    def transport_failed(self, why: str) -> None:
        """The INVITE or the ACK could not be sent."""
        self._inputs.transport_failed(why)

    def cancel_sent(self) -> None:
        """A CANCEL for this INVITE is on its way (§9.1)."""
        self._inputs.cancel_sent()

    def timer_fired(self, name: str) -> None:
        """A, B, D, M, or CANCEL: the time until a cancelled INVITE is given up."""
        match name:
            case "A":
                self._inputs.timer_a_fired()
            case "B":
                self._inputs.timer_b_fired()
            case "D":
                self._inputs.timer_d_fired()
            case "M":
                self._inputs.timer_m_fired()
            case "CANCEL":
                self._inputs.timer_cancelled_fired()
            case _:
                raise LocalProtocolError(f"an INVITE client transaction has no timer {name!r}")

    def _invite_again(self) -> None:
        self._transmit(self.request, self._octets, self.flow)

    def _acknowledge(self, response: Response) -> None:
        # "The ACK MUST be sent to the same address, port, and transport to which the original request was sent"
        if self._ack is None:
            self._ack = acknowledge(self.request, response)
            self._ack_octets = self._ack.serialize()
        self._transmit(self._ack, self._ack_octets, self.flow)

    def _pass_up(self, response: Response) -> None:
        self._outbox.append(tell(self._user.response_received, response))

    def _stop_calling(self) -> None:
        if self.reliable:
            self._stop("B")
        else:
            self._stop("A", "B")

    def _stop_cancelling(self) -> None:
        if self._cancelling:
            self._cancelling = False
            self._stop(CANCELLED)

    def _start_cancelling(self) -> None:
        if not self._cancelling:
            self._cancelling = True
            self._start(CANCELLED, 64 * self._timers.T1)


_builder = TypeMachineBuilder(InviteClientInputs, InviteClientTransaction)
calling = _builder.state("Calling")
proceeding = _builder.state("Proceeding")
completed = _builder.state("Completed")
accepted = _builder.state("Accepted")
terminated = _builder.state("Terminated")


@calling.upon(InviteClientInputs.timer_a_fired).loop()
def _a_fired(_: InviteClientInputs, self: InviteClientTransaction) -> None:
    # "When timer A fires, the client transaction MUST retransmit the request ..., and MUST reset the timer with a
    # value of 2*T1"; "with intervals that double after each transmission"
    self._invite_again()
    self._interval *= 2
    self._start("A", self._interval)


@calling.upon(InviteClientInputs.timer_b_fired).to(terminated)
def _b_fired(_: InviteClientInputs, self: InviteClientTransaction) -> None:
    # "the client transaction SHOULD inform the TU that a timeout has occurred"
    if not self.reliable:
        self._stop("A")
    self._stop_cancelling()
    self._outbox.append(tell(self._user.request_timed_out))
    self._end()


@calling.upon(InviteClientInputs.transport_failed).to(terminated)
def _transport_failed(_: InviteClientInputs, self: InviteClientTransaction, why: str) -> None:
    # §17.1.4: "SHOULD inform the TU ..., and the client transaction SHOULD transition directly to the "Terminated"
    # state"
    self._stop_calling()
    self._stop_cancelling()
    self._outbox.append(tell(self._user.transport_failed, why))
    self._end()


@calling.upon(InviteClientInputs.provisional_received).to(proceeding)
def _first_provisional(_: InviteClientInputs, self: InviteClientTransaction, response: Response) -> None:
    # "the client transaction SHOULD NOT retransmit the request any longer"; "the provisional response MUST be passed
    # to the TU"
    self._stop_calling()
    self._pass_up(response)


@proceeding.upon(InviteClientInputs.provisional_received).loop()
def _provisional(_: InviteClientInputs, self: InviteClientTransaction, response: Response) -> None:
    # "Any further provisional responses MUST be passed up to the TU while in the "Proceeding" state"
    self._pass_up(response)


def _accept(self: InviteClientTransaction, response: Response) -> None:
    # RFC 6026 §8.4: "Timer M MUST be started with a value of 64*T1. The 2xx response MUST be passed up to the TU. The
    # client transaction MUST NOT generate an ACK to the 2xx response"
    self._stop_cancelling()
    self._start("M", self._timers.M)
    self._pass_up(response)


@calling.upon(InviteClientInputs.success_received).to(accepted)
def _success_at_once(_: InviteClientInputs, self: InviteClientTransaction, response: Response) -> None:
    self._stop_calling()
    _accept(self, response)


@proceeding.upon(InviteClientInputs.success_received).to(accepted)
def _success(_: InviteClientInputs, self: InviteClientTransaction, response: Response) -> None:
    _accept(self, response)


def _complete(self: InviteClientTransaction, response: Response) -> None:
    # RFC 6026 §8.4: "MUST pass the received response up to the TU, and the client transaction MUST generate an ACK
    # request, even if the transport is reliable"
    self._stop_cancelling()
    self._acknowledge(response)
    self._pass_up(response)
    # "at least 32 seconds for unreliable transports, and a value of zero seconds for reliable transports"
    self._start("D", 0.0 if self.reliable else self._timers.D)


@calling.upon(InviteClientInputs.failure_received).to(completed)
def _failure_at_once(_: InviteClientInputs, self: InviteClientTransaction, response: Response) -> None:
    self._stop_calling()
    _complete(self, response)


@proceeding.upon(InviteClientInputs.failure_received).to(completed)
def _failure(_: InviteClientInputs, self: InviteClientTransaction, response: Response) -> None:
    _complete(self, response)


@completed.upon(InviteClientInputs.failure_received).loop()
def _failure_again(_: InviteClientInputs, self: InviteClientTransaction, response: Response) -> None:
    # "MUST cause the ACK to be re-passed to the transport layer for retransmission, but the newly received response
    # MUST NOT be passed up to the TU"
    self._acknowledge(response)


@completed.upon(InviteClientInputs.transport_failed).to(terminated)
def _ack_failed(_: InviteClientInputs, self: InviteClientTransaction, why: str) -> None:
    self._stop("D")
    self._outbox.append(tell(self._user.transport_failed, why))
    self._end()


@accepted.upon(InviteClientInputs.success_received).loop()
def _success_again(_: InviteClientInputs, self: InviteClientTransaction, response: Response) -> None:
    # RFC 6026 §7.2: "A 2xx response received while in the "Accepted" state MUST be passed to the TU"
    self._pass_up(response)


@completed.upon(InviteClientInputs.timer_d_fired).to(terminated)
@accepted.upon(InviteClientInputs.timer_m_fired).to(terminated)
def _waited_long_enough(_: InviteClientInputs, self: InviteClientTransaction) -> None:
    self._end()


@calling.upon(InviteClientInputs.cancel_sent).loop()
@proceeding.upon(InviteClientInputs.cancel_sent).loop()
def _cancel_sent(_: InviteClientInputs, self: InviteClientTransaction) -> None:
    self._start_cancelling()


@proceeding.upon(InviteClientInputs.timer_cancelled_fired).to(terminated)
def _cancelled(_: InviteClientInputs, self: InviteClientTransaction) -> None:
    self._cancelling = False
    self._outbox.append(tell(self._user.request_timed_out))
    self._end()


# Timer B is running and ends it sooner.
ignore(calling, InviteClientInputs.timer_cancelled_fired)

# Nothing is being sent; the response may yet come another way (§18.2.2).
ignore(proceeding, InviteClientInputs.transport_failed)
ignore(accepted, InviteClientInputs.transport_failed)

# What comes after the final response: late provisionals, and finals of the other kind.
ignore(completed, InviteClientInputs.provisional_received, InviteClientInputs.success_received)
ignore(accepted, InviteClientInputs.provisional_received, InviteClientInputs.failure_received)

# A CANCEL that crossed the final response.
for _state in (completed, accepted):
    ignore(_state, InviteClientInputs.cancel_sent, InviteClientInputs.timer_cancelled_fired)

# Timers of other states, which fired as they were being stopped.
ignore(calling, InviteClientInputs.timer_d_fired, InviteClientInputs.timer_m_fired)
for _state in (proceeding, completed, accepted):
    ignore(_state, InviteClientInputs.timer_a_fired, InviteClientInputs.timer_b_fired)
ignore(proceeding, InviteClientInputs.timer_d_fired, InviteClientInputs.timer_m_fired)
ignore(completed, InviteClientInputs.timer_m_fired)
ignore(accepted, InviteClientInputs.timer_d_fired)

# The end: whatever was still in the queue finds nobody in.
ignore(
    terminated,
    InviteClientInputs.provisional_received,
    InviteClientInputs.success_received,
    InviteClientInputs.failure_received,
    InviteClientInputs.transport_failed,
    InviteClientInputs.cancel_sent,
    InviteClientInputs.timer_a_fired,
    InviteClientInputs.timer_b_fired,
    InviteClientInputs.timer_d_fired,
    InviteClientInputs.timer_m_fired,
    InviteClientInputs.timer_cancelled_fired,
)

MACHINE = build(_builder)
"""Makes the machine inside a transaction; `transitions(MACHINE)` is its table."""
