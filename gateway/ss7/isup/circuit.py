"""One circuit: who has it, whether it may be seized, and its supervision messages (ITU-T Q.764 §2.8, §2.9).

A circuit is idle, or it has exactly one *occupant*: an outgoing call, an incoming call, a release that waits for RLC,
or a reset that waits for RLC. Occupants change at once, within one input, so that the next message from the link can
never meet a circuit between two of them; for the same reason the circuit gives messages to its occupant directly and
only what lies outside the node is told things by way of the outbox.

What an unreasonable message leads to (§2.9.5.1) depends on the occupant:

    nobody      REL: RLC. RLC: discarded. A message that belongs to a call: RSC
    a call      before a backward message: RSC, and the call is tried again elsewhere (outgoing) or released (incoming);
                after one: discarded. RLC without REL: REL
    a release   REL: RLC. Everything else crossed our REL: discarded
    a reset     REL: RLC. Everything else: discarded
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from gateway.core.effects import Outbox
from gateway.ss7.isup.blocking import LocalBlocking
from gateway.ss7.isup.incoming import IncomingCall
from gateway.ss7.isup.messages import Message, MessageType
from gateway.ss7.isup.occupant import Occupant, Prepared
from gateway.ss7.isup.parameter import Parameter
from gateway.ss7.isup.reset import Reset
from gateway.ss7.isup.timers import IsupTimers

_OF_A_CALL: Final = frozenset(
    {
        MessageType.SAM,
        MessageType.ACM,
        MessageType.CPG,
        MessageType.ANM,
        MessageType.CON,
        MessageType.SUS,
        MessageType.RES,
    }
)


class CircuitOwner(Protocol):
    """What a circuit needs of its node."""

    def prepare(self, message: Message) -> Prepared:
        """Encode a message for the peer."""

    def transmit(self, prepared: Prepared) -> None:
        """Send it."""

    def call_offered(self, call: IncomingCall, message: Message) -> None:
        """An IAM seized a circuit."""

    def circuit_event(self, cic: int, event: str) -> None:
        """Something for the trace."""

    def circuit_available(self, cic: int, available: bool) -> None:
        """Calls of ours may take the circuit, or may no longer."""


class Circuit:
    """One circuit of a node.

    Args:
        cic: its circuit identification code.
        controlled: this end wins a dual seizure of it (ITU-T Q.764 §2.9.1.4).
        owner: the node.
        timers: for whatever happens on it.
        outbox: the node's.
    """

    __slots__ = (
        "_available",
        "_occupant",
        "_outbox",
        "_owner",
        "blocking",
        "cic",
        "controlled",
        "remotely_blocked",
        "timers",
        "unequipped",
    )

    def __init__(self, cic: int, controlled: bool, owner: CircuitOwner, timers: IsupTimers, outbox: Outbox) -> None:
        self.cic = cic
        self.controlled = controlled
        self.timers = timers
        self._owner = owner
        self._outbox = outbox
        self._occupant: Occupant | None = None
        self._available = False
        self.remotely_blocked = False
        self.unequipped = False
        self.blocking = LocalBlocking(self, outbox)
        self.availability_changed()

    @property
    def idle(self) -> bool:
        """Whether nothing has the circuit: no call, no release under way, no reset under way."""
        return self._occupant is None

    @property
    def state(self) -> str:
        """The occupant's state, or "Idle"."""
        return "Idle" if self._occupant is None else self._occupant.state

    # For occupants and blocking

    def prepare(self, message_type: int, *parameters: Parameter) -> Prepared:
        """Make a message for this circuit, and its octets."""
        return self._owner.prepare(Message.of(message_type, self.cic, *parameters))

    def transmit(self, prepared: Prepared) -> None:
        """Send a message that was prepared for this circuit."""
        self._owner.transmit(prepared)

    def send(self, message_type: MessageType, *parameters: Parameter) -> None:
        """Prepare and transmit."""
        self._owner.transmit(self.prepare(message_type, *parameters))

    def event(self, event: str) -> None:
        """Something for the trace."""
        self._owner.circuit_event(self.cic, event)

    def discarded(self, message: Message) -> None:
        """Say that a message was unreasonable here and that nothing came of it."""
        self.event(f"{message.name} discarded in {self.state}")

    def hand_over(self, occupant: Occupant) -> None:
        """From now on the circuit is `occupant`'s."""
        self._occupant = occupant
        self.availability_changed()

    def vacate(self) -> None:
        """Nobody has the circuit any longer."""
        self._occupant = None
        self.availability_changed()

    def accept(self, message: Message) -> None:
        """An IAM: the circuit is an incoming call's from now on, and the node's user is offered it."""
        call = IncomingCall(self, self._outbox)
        self.hand_over(call)
        self._owner.call_offered(call, message)

    def reset(self, why: str, after_t5: bool = False) -> None:
        """Send RSC and hold the circuit until RLC comes; whoever had it must know already (§2.9.3.1).

        The far end no longer blocks the circuit, or it will send BLO before its RLC.
        """
        self.event(f"reset: {why}")
        self.remotely_blocked = False
        self.hand_over(Reset(self, after_t5, self._outbox))

    def reset_confirmed(self) -> None:
        """RLC answered RSC. The far end has forgotten that we blocked the circuit, if we did."""
        self.event("reset confirmed")
        self.blocking.assert_again()

    def availability_changed(self) -> None:
        """Let the node know whether its calls may take the circuit, if that has changed."""
        available = (
            self._occupant is None and not self.remotely_blocked and not self.unequipped and self.blocking.unblocked
        )
        if available != self._available:
            self._available = available
            self._owner.circuit_available(self.cic, available)

    # For maintenance

    def reset_by_maintenance(self) -> None:
        """Take the circuit from whoever has it, and reset it."""
        self.unequipped = False
        if self._occupant is not None:
            self._occupant.circuit_withdrawn("circuit reset by maintenance")
        self.reset("by maintenance")

    # From the link

    def message_received(self, message: Message) -> None:
        """A message with this circuit's CIC came."""
        if self.unequipped and message.type is not MessageType.UCIC:
            self.unequipped = False
            self.availability_changed()
        supervision = _SUPERVISION.get(message.type)
        if supervision is not None:
            supervision(self, message)
        elif self._occupant is not None:
            self._occupant.message_received(message)
        else:
            self._received_while_idle(message)

    def _received_while_idle(self, message: Message) -> None:
        if message.type is MessageType.IAM:
            self._seized(message)
        elif message.type is MessageType.REL:
            self.send(MessageType.RLC)
        elif message.type in _OF_A_CALL:
            self.reset(f"{message.name} on an idle circuit")
        else:
            self.discarded(message)

    def _seized(self, message: Message) -> None:
        if self.blocking.blocks:
            self.event("IAM discarded: the circuit is blocked by this end")
            self.blocking.assert_again()
            return
        if self.remotely_blocked:
            self.remotely_blocked = False
            self.event("unblocked by the far end's IAM")
        self.accept(message)

    def _reset_circuit_received(self, message: Message) -> None:
        self.event("reset by the far end")
        self.remotely_blocked = False
        self.blocking.assert_again()
        self.send(MessageType.RLC)
        if self._occupant is not None:
            self._occupant.circuit_reset()
        self.availability_changed()

    def _blocking_received(self, message: Message) -> None:
        self.send(MessageType.BLA)
        if self.remotely_blocked:
            return
        self.remotely_blocked = True
        self.availability_changed()
        self.event("blocked by the far end")
        if self._occupant is not None:
            self._occupant.circuit_blocked()

    def _unblocking_received(self, message: Message) -> None:
        self.send(MessageType.UBA)
        if self.remotely_blocked:
            self.remotely_blocked = False
            self.event("unblocked by the far end")
            self.availability_changed()

    def _blocking_acknowledged(self, message: Message) -> None:
        self.blocking.blocking_acknowledged()

    def _unblocking_acknowledged(self, message: Message) -> None:
        self.blocking.unblocking_acknowledged()

    def _unequipped_circuit_received(self, message: Message) -> None:
        self.unequipped = True
        self.event("alarm: the far end has no such circuit (UCIC)")
        if self._occupant is not None:
            self._occupant.circuit_unequipped()
        self.availability_changed()

    def _confusion_received(self, message: Message) -> None:
        self.event("the far end is confused (CFN)")


_SUPERVISION: Final[Mapping[int, Callable[[Circuit, Message], None]]] = {
    MessageType.RSC: Circuit._reset_circuit_received,
    MessageType.BLO: Circuit._blocking_received,
    MessageType.BLA: Circuit._blocking_acknowledged,
    MessageType.UBL: Circuit._unblocking_received,
    MessageType.UBA: Circuit._unblocking_acknowledged,
    MessageType.UCIC: Circuit._unequipped_circuit_received,
    MessageType.CFN: Circuit._confusion_received,
}
"""Messages about the circuit (or from a peer that did not understand us), whoever has it."""
