"""INVITE server transaction (RFC 3261 §17.2.1, Figure 7, as replaced by RFC 6026 §8.6).

An INVITE takes as long as a person takes to answer. So the request is quenched at once by a provisional response
(of ours, 100, if the TU is not quicker), and the final response has its own three-way handshake:

- a failure (300 to 699) is this machine's to deliver: over UDP it is retransmitted by timer G until the ACK comes
  or timer H gives up; then timer I soaks up what ACKs are still under way;
- a success (2xx) is the TU's to deliver, end to end: the machine only stays in Accepted, absorbing retransmitted
  INVITEs and letting through the TU's own retransmissions and the ACKs, until timer L.

            INVITE                 +------------+  101-199 from TU
          (pass to TU) ----------> | Proceeding |  INVITE: the last provisional again
                                   +------------+  transport error: inform TU
                 300-699 from TU     |        |    2xx from TU
                   +-----------------+        +-----------------+
                   v                                            v
             +-----------+  INVITE, timer G:              +----------+  INVITE: absorbed
             | Completed |  the response again            | Accepted |  2xx from TU: sent
             +-----------+  transport error: inform TU    +----------+  ACK: to TU; transport error: inform TU
           ACK |      | timer H: inform TU                      | timer L
               v      |                                         |
        +-----------+ |                                         |
        | Confirmed | |                                         |
        +-----------+ |                                         |
      timer I  |      v                                         v
               +--> +----------------------------------------------+
                    |                  Terminated                  |
                    +----------------------------------------------+

What the figure does not draw is ignored, and written down as ignored. A transport error never ends the transaction
(RFC 6026 §7.1): else the next retransmitted INVITE would ring the phone again.
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
"""The timer until the transaction's own 100 (Trying)."""


class InviteServerInputs(Protocol):
    """What can happen to it."""

    def invite_received(self) -> None:
        """From the network: the INVITE again."""

    def ack_received(self, request: Request, flow: Flow) -> None:
        """From the network: an ACK that matches."""

    def transport_failed(self, why: str) -> None:
        """From the network: a response could not be delivered."""

    def passed_up(self) -> None:
        """From the layer: the TU has been given the INVITE and has had its first turn."""

    def provisional_from_tu(self, response: Response) -> None:
        """From the TU: 100 to 199."""

    def success_from_tu(self, response: Response) -> None:
        """From the TU: 200 to 299."""

    def failure_from_tu(self, response: Response) -> None:
        """From the TU: 300 to 699."""

    def timer_trying_fired(self) -> None:
        """The TU has not sent anything in time: 100."""

    def timer_g_fired(self) -> None:
        """Retransmit the response."""

    def timer_h_fired(self) -> None:
        """The ACK never came."""

    def timer_i_fired(self) -> None:
        """No more retransmitted ACKs are to be expected."""

    def timer_l_fired(self) -> None:
        """No more retransmitted INVITEs are to be expected."""


class InviteServerTransaction(ServerSide):
    """One INVITE that somebody sent us, and the way to answer it.

    Args:
        request: the INVITE.
        flow: where it came from.
        reply_flow: where responses go (RFC 3261 §18.2.2, RFC 3581 §4).
        user: is told of the ACK to a 2xx, and of failure.
        surroundings: what it shares with its layer.
        outbox: the layer's.
    """

    __slots__ = ("_inputs", "_interval", "_trying_started", "_user")

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
        self._interval = 0.0
        self._trying_started = False
        self._user = user
        self._inputs = MACHINE(self)

    @property
    def state(self) -> str:
        """Proceeding, Completed, Accepted, Confirmed or Terminated."""
        return state_name(self._inputs)

    def request_received(self) -> None:
        """The INVITE came again."""
        self._inputs.invite_received()

    def ack_received(self, request: Request, flow: Flow) -> None:
        """An ACK that matches (RFC 3261 §17.2.3)."""
        self._inputs.ack_received(request, flow)

    def passed_up(self) -> None:
        """The TU has been given the INVITE and has had its first turn; if it has sent nothing, 100 is due."""
        self._inputs.passed_up()

    def respond(self, response: Response) -> None:
        """Send a response. A second final response is discarded, but for the TU's retransmissions of its 2xx."""
        if response.status < 200:
            self._inputs.provisional_from_tu(response)
        elif response.status < 300:
            self._inputs.success_from_tu(response)
        else:
            self._inputs.failure_from_tu(response)

    def transport_failed(self, why: str) -> None:
        """A response could not be delivered."""
        self._inputs.transport_failed(why)

    def timer_fired(self, name: str) -> None:
        """G, H, I, L, or 100: the time until our own 100 (Trying)."""
        match name:
            case "G":
                self._inputs.timer_g_fired()
            case "H":
                self._inputs.timer_h_fired()
            case "I":
                self._inputs.timer_i_fired()
            case "L":
                self._inputs.timer_l_fired()
            case "100":
                self._inputs.timer_trying_fired()
            case _:
                raise LocalProtocolError(f"an INVITE server transaction has no timer {name!r}")

    def _send_trying(self) -> None:
        self._send(respond(self.request, 100))

    def _start_trying(self) -> None:
        self._trying_started = True
        self._start(TRYING, self._surroundings.trying_after_s)

    def _stop_trying(self) -> None:
        if self._trying_started:
            self._trying_started = False
            self._stop(TRYING)

    def _retransmit_later(self, interval: float) -> None:
        self._interval = interval
        self._start("G", interval)

    def _inform(self, why: str) -> None:
        self._outbox.append(tell(self._user.transaction_failed, self, why))

    def _acknowledge(self, request: Request, flow: Flow) -> None:
        self._outbox.append(tell(self._user.ack_received, request, flow))


_builder = TypeMachineBuilder(InviteServerInputs, InviteServerTransaction)
proceeding = _builder.state("Proceeding")
completed = _builder.state("Completed")
accepted = _builder.state("Accepted")
confirmed = _builder.state("Confirmed")
terminated = _builder.state("Terminated")


@proceeding.upon(InviteServerInputs.passed_up).loop()
def _passed_up(_: InviteServerInputs, self: InviteServerTransaction) -> None:
    # §17.2.1: "MUST generate a 100 (Trying) response unless it knows that the TU will generate a provisional or
    # final response within 200 ms"
    if not self.last_status:
        if self._surroundings.trying_after_s > 0:
            self._start_trying()
        else:
            self._send_trying()


@proceeding.upon(InviteServerInputs.timer_trying_fired).loop()
def _trying_due(_: InviteServerInputs, self: InviteServerTransaction) -> None:
    if not self.last_status:
        self._send_trying()


@proceeding.upon(InviteServerInputs.invite_received).loop()
def _invite_again(_: InviteServerInputs, self: InviteServerTransaction) -> None:
    # "the most recent provisional response that was received from the TU MUST be passed to the transport layer for
    # retransmission"
    if not self.last_status:
        self._send_trying()
    else:
        self._send_again()


@proceeding.upon(InviteServerInputs.provisional_from_tu).loop()
def _provisional(_: InviteServerInputs, self: InviteServerTransaction, response: Response) -> None:
    # "each of these MUST be passed to the transport layer for transmission"
    self._stop_trying()
    self._send(response)


@proceeding.upon(InviteServerInputs.success_from_tu).to(accepted)
def _success(_: InviteServerInputs, self: InviteServerTransaction, response: Response) -> None:
    self._stop_trying()
    self._send(response)
    # RFC 6026 §8.7: "Timer L MUST be set to fire in 64*T1 for all transports"
    self._start("L", self._timers.L)
    self._only_wait()


@proceeding.upon(InviteServerInputs.failure_from_tu).to(completed)
def _failure(_: InviteServerInputs, self: InviteServerTransaction, response: Response) -> None:
    self._stop_trying()
    self._send(response)
    # "For unreliable transports, timer G is set to fire in T1 seconds, and is not set to fire for reliable transports"
    if not self.reliable:
        self._retransmit_later(self._timers.G)
    # "timer H MUST be set to fire in 64*T1 seconds for all transports"
    self._start("H", self._timers.H)
    self._only_wait()


@completed.upon(InviteServerInputs.invite_received).loop()
def _invite_after_failure(_: InviteServerInputs, self: InviteServerTransaction) -> None:
    # "if a request retransmission is received, the server SHOULD pass the response to the transport"
    self._send_again()


@completed.upon(InviteServerInputs.timer_g_fired).loop()
def _g_fired(_: InviteServerInputs, self: InviteServerTransaction) -> None:
    self._send_again()
    # "timer G is set to fire in MIN(2*T1, T2) seconds. From then on, ... a value that doubles, unless that value
    # exceeds T2"
    self._retransmit_later(self._timers.doubled(self._interval))


@completed.upon(InviteServerInputs.ack_received).to(confirmed)
def _ack(_: InviteServerInputs, self: InviteServerTransaction, request: Request, flow: Flow) -> None:
    if self.reliable:
        self._stop("H")
    else:
        self._stop("G", "H")
    # "timer I is set to fire in T4 seconds for unreliable transports, and zero seconds for reliable transports"
    self._start("I", 0.0 if self.reliable else self._timers.I)


@completed.upon(InviteServerInputs.timer_h_fired).to(terminated)
def _h_fired(_: InviteServerInputs, self: InviteServerTransaction) -> None:
    # "MUST transition to the "Terminated" state, and MUST indicate to the TU that a transaction failure has occurred"
    if not self.reliable:
        self._stop("G")
    self._inform(f"no ACK to the {self.last_status} within {self._timers.H:g} s (timer H)")
    self._end()


@accepted.upon(InviteServerInputs.success_from_tu).loop()
def _success_again(_: InviteServerInputs, self: InviteServerTransaction, response: Response) -> None:
    # RFC 6026 §7.1: "Any retransmission of the 2xx response passed from the TU ... MUST be passed to the transport"
    self._send(response)


@accepted.upon(InviteServerInputs.ack_received).loop()
def _ack_to_success(_: InviteServerInputs, self: InviteServerTransaction, request: Request, flow: Flow) -> None:
    # RFC 6026 §7.1: "Any ACKs received ... while in the "Accepted" state MUST be passed directly to the TU"
    self._acknowledge(request, flow)


@confirmed.upon(InviteServerInputs.timer_i_fired).to(terminated)
@accepted.upon(InviteServerInputs.timer_l_fired).to(terminated)
def _waited_long_enough(_: InviteServerInputs, self: InviteServerTransaction) -> None:
    self._end()


@proceeding.upon(InviteServerInputs.transport_failed).loop()
@completed.upon(InviteServerInputs.transport_failed).loop()
@accepted.upon(InviteServerInputs.transport_failed).loop()
def _transport_failed(_: InviteServerInputs, self: InviteServerTransaction, why: str) -> None:
    # RFC 6026 §8.8: "SHOULD inform the TU that a failure has occurred, and MUST remain in the current state"
    self._inform(why)


# An ACK before any final response acknowledges nothing.
ignore(proceeding, InviteServerInputs.ack_received)

# A final response is given once (a 487 may cross a 486; §17.2.2 says so for the other requests), and provisional ones
# after it come too late.
for _state in (completed, confirmed):
    ignore(
        _state,
        InviteServerInputs.provisional_from_tu,
        InviteServerInputs.success_from_tu,
        InviteServerInputs.failure_from_tu,
    )
ignore(accepted, InviteServerInputs.provisional_from_tu, InviteServerInputs.failure_from_tu)

# Absorbed: that is what these states are for.
ignore(accepted, InviteServerInputs.invite_received)
ignore(confirmed, InviteServerInputs.invite_received, InviteServerInputs.ack_received)

# Nothing is sent in Confirmed: the news is of a response that has meanwhile been acknowledged.
ignore(confirmed, InviteServerInputs.transport_failed)

# The TU answered within its first turn.
for _state in (completed, accepted, confirmed):
    ignore(_state, InviteServerInputs.passed_up, InviteServerInputs.timer_trying_fired)

# Timers of other states, which fired as they were being stopped.
ignore(
    proceeding,
    InviteServerInputs.timer_g_fired,
    InviteServerInputs.timer_h_fired,
    InviteServerInputs.timer_i_fired,
    InviteServerInputs.timer_l_fired,
)
ignore(completed, InviteServerInputs.timer_i_fired, InviteServerInputs.timer_l_fired)
ignore(accepted, InviteServerInputs.timer_g_fired, InviteServerInputs.timer_h_fired, InviteServerInputs.timer_i_fired)
ignore(confirmed, InviteServerInputs.timer_g_fired, InviteServerInputs.timer_h_fired, InviteServerInputs.timer_l_fired)

# The end: whatever was still in the queue finds nobody in.
ignore(
    terminated,
    InviteServerInputs.invite_received,
    InviteServerInputs.ack_received,
    InviteServerInputs.transport_failed,
    InviteServerInputs.passed_up,
    InviteServerInputs.provisional_from_tu,
    InviteServerInputs.success_from_tu,
    InviteServerInputs.failure_from_tu,
    InviteServerInputs.timer_trying_fired,
    InviteServerInputs.timer_g_fired,
    InviteServerInputs.timer_h_fired,
    InviteServerInputs.timer_i_fired,
    InviteServerInputs.timer_l_fired,
)

MACHINE = build(_builder)
"""Makes the machine inside a transaction; `transitions(MACHINE)` is its table."""
