"""Non-INVITE server transaction (RFC 3261 §17.2.2, Figure 8; RFC 4320).

Any request but INVITE and ACK is answered at once, so there is no handshake: the client repeats the request until it
has an answer, and this machine answers each repetition with what it said last.

            +--------+  request: discarded
            | Trying |
            +--------+
        100 |      | 200-699 from TU
            v      |
      +------------+  request: 100 again
      | Proceeding |
      +------------+
             |     |
             v     v
            +-----------+  request: the final response again
            | Completed |
            +-----------+
                  | timer J
                  v
            +------------+
            | Terminated |
            +------------+

A transport error in Proceeding or Completed informs the TU and ends the transaction.

RFC 4320 has changed what may be said. No provisional response but 100; a 100 over UDP not before the client's timer E
has reached T2; then, whatever the transport, a 100 must go out. A 408 is never sent: the client's own timer F has then
run out, so that nobody listens any more, and a proxy that heard it would think the next hop dead. So where the TU
says 408, or says nothing for 64*T1, the transaction ends without a word.
"""

from __future__ import annotations

from typing import Protocol

from automat import TypeMachineBuilder

from gateway.core.effects import Outbox, tell
from gateway.core.errors import LocalProtocolError
from gateway.core.machine import build, ignore, state_name
from gateway.sip.effects import Flow
from gateway.sip.message import Request, Response, respond
from gateway.sip.transaction.base import Surroundings
from gateway.sip.transaction.server import ServerSide
from gateway.sip.transaction.user import TransactionUser

TRYING = "100"
"""The timer until the 100 that RFC 4320 §4.1 asks for."""
UNANSWERED = "F"
"""The timer from then on until the client's timer F has run out."""


class NonInviteServerInputs(Protocol):
    """What can happen to it."""

    def request_received(self) -> None:
        """From the network: the request again."""

    def transport_failed(self, why: str) -> None:
        """From the network: a response could not be delivered."""

    def passed_up(self) -> None:
        """From the layer: the TU has been given the request and has had its first turn."""

    def trying_from_tu(self, response: Response) -> None:
        """From the TU: a 100, at a time when it is allowed."""

    def forbidden_from_tu(self) -> None:
        """From the TU: 101 to 199, or a 100 too early (RFC 4320 §4.1)."""

    def timeout_from_tu(self) -> None:
        """From the TU: 408 (RFC 4320 §4.2)."""

    def final_from_tu(self, response: Response) -> None:
        """From the TU: 200 to 699 but 408."""

    def timer_trying_fired(self) -> None:
        """The client's timer E has reached T2."""

    def timer_f_fired(self) -> None:
        """The client's timer F has run out."""

    def timer_j_fired(self) -> None:
        """No more retransmitted requests are to be expected."""


class NonInviteServerTransaction(ServerSide):
    """One request other than INVITE and ACK that somebody sent us, and the way to answer it.

    Args:
        request: the request.
        flow: where it came from.
        reply_flow: where responses go (RFC 3261 §18.2.2, RFC 3581 §4).
        user: is told of failure.
        surroundings: what it shares with its layer.
        outbox: the layer's.
    """

    __slots__ = ("_inputs", "_trying_allowed", "_user", "_waiting")

    def __init__(
        self,
        request: Request,
        flow: Flow,
        reply_flow: Flow,
        user: TransactionUser,
        surroundings: Surroundings,
        outbox: Outbox,
    ) -> None:
        super().__init__(request, flow, reply_flow, surroundings, outbox)
        # RFC 4320 §4.1: "MAY respond to a non-INVITE request with a Status-Code of 100 over a reliable transport at
        # any time"
        self._trying_allowed = self.reliable
        self._waiting = ""
        self._user = user
        self._inputs = MACHINE(self)

    @property
    def state(self) -> str:
        """Trying, Proceeding, Completed or Terminated."""
        return state_name(self._inputs)

    def request_received(self) -> None:
        """The request came again."""
        self._inputs.request_received()

    def passed_up(self) -> None:
        """The TU has been given the request and has had its first turn; the clock of RFC 4320 starts."""
        self._inputs.passed_up()

    def respond(self, response: Response) -> None:
        """Send a response; a second final one is discarded, and what RFC 4320 forbids is not sent."""
        if response.status >= 200:
            if response.status == 408:
                self._inputs.timeout_from_tu()
            else:
                self._inputs.final_from_tu(response)
        elif response.status == 100 and self._trying_allowed:
            self._inputs.trying_from_tu(response)
        else:
            self._inputs.forbidden_from_tu()

    def transport_failed(self, why: str) -> None:
        """A response could not be delivered."""
        self._inputs.transport_failed(why)

    def timer_fired(self, name: str) -> None:
        """J; 100: a 100 is due; F: the client has given up."""
        match name:
            case "J":
                self._inputs.timer_j_fired()
            case "100":
                self._trying_allowed = True
                self._inputs.timer_trying_fired()
            case "F":
                self._inputs.timer_f_fired()
            case _:
                raise LocalProtocolError(f"a non-INVITE server transaction has no timer {name!r}")

    def _wait(self, timer: str, seconds: float) -> None:
        self._waiting = timer
        self._start(timer, seconds)

    def _wait_on(self) -> None:
        self._wait(UNANSWERED, self._timers.F - self._timers.E_reaches_T2)

    def _stop_waiting(self) -> None:
        if self._waiting:
            self._stop(self._waiting)
            self._waiting = ""

    def _inform(self, why: str) -> None:
        self._outbox.append(tell(self._user.transaction_failed, self, why))


_builder = TypeMachineBuilder(NonInviteServerInputs, NonInviteServerTransaction)
trying = _builder.state("Trying")
proceeding = _builder.state("Proceeding")
completed = _builder.state("Completed")
terminated = _builder.state("Terminated")


@trying.upon(NonInviteServerInputs.passed_up).loop()
@proceeding.upon(NonInviteServerInputs.passed_up).loop()
def _passed_up(_: NonInviteServerInputs, self: NonInviteServerTransaction) -> None:
    self._wait(TRYING, self._timers.E_reaches_T2)


@trying.upon(NonInviteServerInputs.trying_from_tu).to(proceeding)
@proceeding.upon(NonInviteServerInputs.trying_from_tu).loop()
def _trying_given(_: NonInviteServerInputs, self: NonInviteServerTransaction, response: Response) -> None:
    # "The response MUST be passed to the transport layer for transmission"
    self._send(response)


@trying.upon(NonInviteServerInputs.timer_trying_fired).to(proceeding)
def _trying_due(_: NonInviteServerInputs, self: NonInviteServerTransaction) -> None:
    # RFC 4320 §4.1: "MUST respond to a non-INVITE request with a Status-Code of 100 if it has not otherwise responded
    # after the amount of time it takes a client transaction's Timer E to be reset to T2"
    self._send(respond(self.request, 100))
    self._wait_on()


@proceeding.upon(NonInviteServerInputs.timer_trying_fired).loop()
def _trying_given_before(_: NonInviteServerInputs, self: NonInviteServerTransaction) -> None:
    self._wait_on()


@trying.upon(NonInviteServerInputs.final_from_tu).to(completed)
@proceeding.upon(NonInviteServerInputs.final_from_tu).to(completed)
def _final(_: NonInviteServerInputs, self: NonInviteServerTransaction, response: Response) -> None:
    self._stop_waiting()
    self._send(response)
    # "it MUST set Timer J to fire in 64*T1 seconds for unreliable transports, and zero seconds for reliable transports"
    self._start("J", 0.0 if self.reliable else self._timers.J)
    self._only_wait()


@proceeding.upon(NonInviteServerInputs.request_received).loop()
@completed.upon(NonInviteServerInputs.request_received).loop()
def _request_again(_: NonInviteServerInputs, self: NonInviteServerTransaction) -> None:
    # "the most recently sent provisional response MUST be passed to the transport layer for retransmission"; in
    # Completed: "MUST pass the final response to the transport layer"
    self._send_again()


@trying.upon(NonInviteServerInputs.timeout_from_tu).to(terminated)
@proceeding.upon(NonInviteServerInputs.timeout_from_tu).to(terminated)
def _timeout(_: NonInviteServerInputs, self: NonInviteServerTransaction) -> None:
    # RFC 4320 §4.2: "MUST NOT send a response with Status-Code of 408 to a non-INVITE request"
    self._stop_waiting()
    self._end()


@proceeding.upon(NonInviteServerInputs.timer_f_fired).to(terminated)
def _never_answered(_: NonInviteServerInputs, self: NonInviteServerTransaction) -> None:
    # RFC 4320 §4.2: "an element that cannot respond before the transaction expires will not send a final response at
    # all"
    self._inform(f"{self.request.method} not answered within {self._timers.F:g} s")
    self._end()


@proceeding.upon(NonInviteServerInputs.transport_failed).to(terminated)
@completed.upon(NonInviteServerInputs.transport_failed).to(terminated)
def _transport_failed(_: NonInviteServerInputs, self: NonInviteServerTransaction, why: str) -> None:
    # §17.2.4: "SHOULD inform the TU that a failure has occurred, and SHOULD transition to the terminated state"
    self._stop_waiting()
    if self.last_status >= 200:
        self._stop("J")
    self._inform(why)
    self._end()


@completed.upon(NonInviteServerInputs.timer_j_fired).to(terminated)
def _j_fired(_: NonInviteServerInputs, self: NonInviteServerTransaction) -> None:
    self._end()


# "any further request retransmissions are discarded"; nothing has been sent, so nothing can have failed.
ignore(trying, NonInviteServerInputs.request_received, NonInviteServerInputs.transport_failed)

# RFC 4320 §4.1: "MUST NOT send any provisional response with a Status-Code other than 100 to a non-INVITE request".
ignore(trying, NonInviteServerInputs.forbidden_from_tu)
ignore(proceeding, NonInviteServerInputs.forbidden_from_tu)

# "Any other final responses passed by the TU to the server transaction MUST be discarded while in the "Completed"
# state".
ignore(
    completed,
    NonInviteServerInputs.final_from_tu,
    NonInviteServerInputs.timeout_from_tu,
    NonInviteServerInputs.trying_from_tu,
    NonInviteServerInputs.forbidden_from_tu,
)

# The TU answered within its first turn.
ignore(completed, NonInviteServerInputs.passed_up)

# Timers of other states, which fired as they were being stopped.
ignore(trying, NonInviteServerInputs.timer_f_fired, NonInviteServerInputs.timer_j_fired)
ignore(proceeding, NonInviteServerInputs.timer_j_fired)
ignore(completed, NonInviteServerInputs.timer_trying_fired, NonInviteServerInputs.timer_f_fired)

# The end: whatever was still in the queue finds nobody in.
ignore(
    terminated,
    NonInviteServerInputs.request_received,
    NonInviteServerInputs.transport_failed,
    NonInviteServerInputs.passed_up,
    NonInviteServerInputs.trying_from_tu,
    NonInviteServerInputs.forbidden_from_tu,
    NonInviteServerInputs.timeout_from_tu,
    NonInviteServerInputs.final_from_tu,
    NonInviteServerInputs.timer_trying_fired,
    NonInviteServerInputs.timer_f_fired,
    NonInviteServerInputs.timer_j_fired,
)

MACHINE = build(_builder)
"""Makes the machine inside a transaction; `transitions(MACHINE)` is its table."""
