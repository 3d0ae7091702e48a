"""Non-INVITE client transaction (RFC 3261 §17.1.2, Figure 6).

It sends the request and, over UDP, repeats it by timer E until the final response has come or timer F gives up;
a provisional response only slows it down, since the server never repeats its final response of its own accord.

               +--------+  timer E: request again
               | Trying |---------------------------+
               +--------+                           |
        200-699 |    | 1xx                          | timer F, transport error: inform TU
                |    v                              |
                |  +------------+  timer E: again   |
                |  | Proceeding |------------------>|
                |  +------------+  1xx: to TU       |
                v    v 200-699                      |
            +-----------+                           |
            | Completed |  absorbs repeated finals  |
            +-----------+                           |
                  | timer K                         |
                  v                                 v
            +-----------------------------------------+
            |                Terminated               |
            +-----------------------------------------+
"""

from __future__ import annotations

from typing import Protocol

from automat import TypeMachineBuilder

from gateway.core.effects import Outbox, tell
from gateway.core.errors import LocalProtocolError
from gateway.core.machine import build, ignore, state_name
from gateway.sip.effects import Flow
from gateway.sip.message import Request, Response
from gateway.sip.transaction.base import Surroundings, Transaction
from gateway.sip.transaction.user import ClientUser


class NonInviteClientInputs(Protocol):
    """What can happen to it."""

    def provisional_received(self, response: Response) -> None:
        """From the network: 100 to 199."""

    def final_received(self, response: Response) -> None:
        """From the network: 200 to 699."""

    def transport_failed(self, why: str) -> None:
        """From the network: the request could not be sent."""

    def timer_e_fired(self) -> None:
        """Retransmit the request."""

    def timer_f_fired(self) -> None:
        """No final response came."""

    def timer_k_fired(self) -> None:
        """No more retransmitted responses are to be expected."""


class NonInviteClientTransaction(Transaction):
    """One request of ours other than INVITE and ACK. Made, it has sent it.

    Args:
        request: the request, with its top Via.
        flow: where it goes.
        user: who wants to know what comes of it.
        surroundings: what it shares with its layer.
        outbox: the layer's.
    """

    __slots__ = ("_inputs", "_interval", "_octets", "_user")

    def __init__(
        self, request: Request, flow: Flow, user: ClientUser, surroundings: Surroundings, outbox: Outbox
    ) -> None:
        super().__init__(request, flow, surroundings, outbox)
        self._user = user
        self._octets = request.serialize()
        self._interval = self._timers.E
        self._inputs = MACHINE(self)
        # §17.1.2.2: "The request MUST be passed to the transport layer for transmission"
        self._transmit(request, self._octets, flow)
        # "If an unreliable transport is in use, the client transaction MUST set timer E to fire in T1 seconds"
        if not self.reliable:
            self._start("E", self._interval)
        # "the client transaction SHOULD set timer F to fire in 64*T1 seconds"
        self._start("F", self._timers.F)

    @property
    def state(self) -> str:
        """Trying, Proceeding, Completed or Terminated."""
        return state_name(self._inputs)

    def response_received(self, response: Response) -> None:
        """A response that matches (§17.1.3)."""
        if response.status < 200:
            self._inputs.provisional_received(response)
        else:
            self._inputs.final_received(response)

    def transport_failed(self, why: str) -> None:
        """The request could not be sent."""
        self._inputs.transport_failed(why)

    def timer_fired(self, name: str) -> None:
        """E, F or K."""
        match name:
            case "E":
                self._inputs.timer_e_fired()
            case "F":
                self._inputs.timer_f_fired()
            case "K":
                self._inputs.timer_k_fired()
            case _:
                raise LocalProtocolError(f"a non-INVITE client transaction has no timer {name!r}")

    def _request_again(self, interval: float) -> None:
        self._interval = interval
        self._transmit(self.request, self._octets, self.flow)
        self._start("E", interval)

    def _pass_up(self, response: Response) -> None:
        self._outbox.append(tell(self._user.response_received, response))

    def _stop_asking(self) -> None:
        if self.reliable:
            self._stop("F")
        else:
            self._stop("E", "F")


_builder = TypeMachineBuilder(NonInviteClientInputs, NonInviteClientTransaction)
trying = _builder.state("Trying")
proceeding = _builder.state("Proceeding")
completed = _builder.state("Completed")
terminated = _builder.state("Terminated")


@trying.upon(NonInviteClientInputs.timer_e_fired).loop()
def _e_fired(_: NonInviteClientInputs, self: NonInviteClientTransaction) -> None:
    # "the timer is reset, but this time with a value of MIN(2*T1, T2). When the timer fires again, it is reset to a
    # MIN(4*T1, T2)."
    self._request_again(self._timers.doubled(self._interval))


@proceeding.upon(NonInviteClientInputs.timer_e_fired).loop()
def _e_fired_proceeding(_: NonInviteClientInputs, self: NonInviteClientTransaction) -> None:
    # "the request MUST be passed to the transport layer for retransmission, and Timer E MUST be reset with a value of
    # T2 seconds"
    self._request_again(self._timers.T2)


@trying.upon(NonInviteClientInputs.provisional_received).to(proceeding)
@proceeding.upon(NonInviteClientInputs.provisional_received).loop()
def _provisional(_: NonInviteClientInputs, self: NonInviteClientTransaction, response: Response) -> None:
    # "the response MUST be passed to the TU"
    self._pass_up(response)


@trying.upon(NonInviteClientInputs.final_received).to(completed)
@proceeding.upon(NonInviteClientInputs.final_received).to(completed)
def _final(_: NonInviteClientInputs, self: NonInviteClientTransaction, response: Response) -> None:
    # "the response MUST be passed to the TU, and the client transaction MUST transition to the "Completed" state"
    self._stop_asking()
    self._pass_up(response)
    # "it MUST set Timer K to fire in T4 seconds for unreliable transports, and zero seconds for reliable transports"
    self._start("K", 0.0 if self.reliable else self._timers.K)


@trying.upon(NonInviteClientInputs.timer_f_fired).to(terminated)
@proceeding.upon(NonInviteClientInputs.timer_f_fired).to(terminated)
def _f_fired(_: NonInviteClientInputs, self: NonInviteClientTransaction) -> None:
    # "the TU MUST be informed of a timeout, and the client transaction MUST transition to the terminated state"
    if not self.reliable:
        self._stop("E")
    self._outbox.append(tell(self._user.request_timed_out))
    self._end()


@trying.upon(NonInviteClientInputs.transport_failed).to(terminated)
@proceeding.upon(NonInviteClientInputs.transport_failed).to(terminated)
def _transport_failed(_: NonInviteClientInputs, self: NonInviteClientTransaction, why: str) -> None:
    # §17.1.4: "SHOULD inform the TU that a transport failure has occurred"
    self._stop_asking()
    self._outbox.append(tell(self._user.transport_failed, why))
    self._end()


@completed.upon(NonInviteClientInputs.timer_k_fired).to(terminated)
def _k_fired(_: NonInviteClientInputs, self: NonInviteClientTransaction) -> None:
    self._end()


# "The "Completed" state exists to buffer any additional response retransmissions that may be received"; and nothing is
# sent there.
ignore(
    completed,
    NonInviteClientInputs.provisional_received,
    NonInviteClientInputs.final_received,
    NonInviteClientInputs.transport_failed,
)

# Timers of other states, which fired as they were being stopped.
ignore(trying, NonInviteClientInputs.timer_k_fired)
ignore(proceeding, NonInviteClientInputs.timer_k_fired)
ignore(completed, NonInviteClientInputs.timer_e_fired, NonInviteClientInputs.timer_f_fired)

# The end: whatever was still in the queue finds nobody in.
ignore(
    terminated,
    NonInviteClientInputs.provisional_received,
    NonInviteClientInputs.final_received,
    NonInviteClientInputs.transport_failed,
    NonInviteClientInputs.timer_e_fired,
    NonInviteClientInputs.timer_f_fired,
    NonInviteClientInputs.timer_k_fired,
)

MACHINE = build(_builder)
"""Makes the machine inside a transaction; `transitions(MACHINE)` is its table."""
