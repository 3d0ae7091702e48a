"""Who sits above ISUP call control (ITU-T Q.764 §2.1 to §2.3): the words between a node and whoever makes the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from gateway.ss7.isup.messages import Message

if TYPE_CHECKING:
    from gateway.ss7.isup.incoming import IncomingCall
    from gateway.ss7.isup.outgoing import OutgoingCall


NO_CIRCUIT: Final = -1
"""In place of a CIC: an event that belongs to no circuit."""


class NodeUser(Protocol):
    """Whoever takes calls that arrive over the circuits of a node."""

    def call_offered(self, call: IncomingCall, message: Message) -> None:
        """An IAM seized a circuit: `call.attach(user)`, then answer it."""

    def circuit_event(self, cic: int, event: str) -> None:
        """Blocked, unblocked, reset, alarm (T5, T17, ...): in words, for the trace.

        `cic` is `NO_CIRCUIT` for a message that could not be read that far or was not for this node.
        """


class CallUser(Protocol):
    """What either side of a call is told."""

    def released(self, message: Message) -> None:
        """REL came: RLC is sent, the circuit is idle. The cause stands in `message`."""

    def call_failed(self, cause: int, why: str) -> None:
        """The call is gone without REL from the peer: RSC, blocking while waiting, unexpected message. Q.850 cause."""

    def circuit_released(self) -> None:
        """Our REL was answered by RLC (or T5 gave up): nothing of the call is left."""

    def suspended(self, message: Message) -> None:
        """SUS came."""

    def resumed(self, message: Message) -> None:
        """RES came."""


class OutgoingUser(CallUser, Protocol):
    """What the calling side is told besides."""

    def circuit_seized(self, call: OutgoingCall) -> None:
        """A circuit is ours: `call.cic`. Send the IAM by `call.setup(...)`."""

    def circuit_changed(self, call: OutgoingCall) -> None:
        """The call goes on over another circuit: `call.cic`; any IAM is sent again there. Move the bearer.

        Dual seizure, RSC, BLO or UCIC before the first backward message; see `OutgoingCall`.
        """

    def no_circuit_available(self) -> None:
        """All circuits are busy or blocked."""

    def address_complete(self, message: Message) -> None:
        """ACM: T7 is stopped, T9 runs."""

    def call_progress(self, message: Message) -> None:
        """CPG."""

    def answered(self, message: Message) -> None:
        """ANM, or CON where no ACM came before: T7 and T9 are stopped."""

    def awaiting_address_complete_timed_out(self) -> None:
        """T7: neither ACM nor CON came. The user decides; normally `call.release(102)`."""

    def awaiting_answer_timed_out(self) -> None:
        """T9: no answer came. The user decides; normally `call.release(19)`."""


class IncomingUser(CallUser, Protocol):
    """What the called side is told besides."""

    def subsequent_address(self, message: Message) -> None:
        """SAM: more digits."""

    def call_progress(self, message: Message) -> None:
        """CPG after the answer: the caller has put the call on hold, say (ITU-T Q.733.2)."""
