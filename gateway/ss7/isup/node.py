"""A signalling point with ISUP: octets from the link in, octets to the link out (ITU-T Q.764).

A `Node` owns the circuits towards one other signalling point. It reads what the link brings, gives each message to
its circuit, finds circuits for calls, and is where maintenance blocks and resets them. A peer cannot make it raise:

    not a message of MTP level 3, or not for us      dropped, `circuit_event`
    not an ISUP message                              dropped, `circuit_event`
    a message type that is unknown                   dropped, CFN with cause 97 (Q.764 §2.9.5.2)
    a circuit that is not equipped                   UCIC
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

from attrs import field, frozen

from gateway.core.effects import Outbox, tell
from gateway.core.errors import LocalProtocolError, ParseError
from gateway.ss7.effects import Transfer
from gateway.ss7.isup import codec
from gateway.ss7.isup.cause import Cause, CauseIndicators, Location
from gateway.ss7.isup.circuit import Circuit
from gateway.ss7.isup.hunting import Hunting, controls, idle_circuits
from gateway.ss7.isup.incoming import IncomingCall
from gateway.ss7.isup.messages import GREATEST_CIC, Message, MessageType
from gateway.ss7.isup.occupant import Prepared
from gateway.ss7.isup.outgoing import OutgoingCall
from gateway.ss7.isup.timers import IsupTimers
from gateway.ss7.isup.user import NO_CIRCUIT, NodeUser, OutgoingUser
from gateway.ss7.mtp3 import Mtp3Message, NetworkIndicator, RoutingLabel, ServiceIndicator
from gateway.ss7.point_code import GREATEST

Direction = Literal["received", "sent"]
Observer = Callable[[Direction, Message, bytes], None]


def _numbers(cics: Iterable[int]) -> tuple[int, ...]:
    return tuple(cics)


def _within(name: str, value: int, greatest: int) -> None:
    if not 0 <= value <= greatest:
        raise ValueError(f"{name} {value}: 0 to {greatest}")


@frozen(kw_only=True)
class NodeSettings:
    """What a node is told about itself and its peer.

    Args:
        own_point_code: ours, 14 bits.
        peer_point_code: that of the signalling point at the other end of the circuits.
        cics: the circuits that are equipped at this end.
        network_indicator: which network the point codes belong to.
        law: what the octets on the circuits are, "a-law" or "mu-law" (ITU-T G.711): for users and bearers.
        timers: of call control and supervision.
        hunting: the order in which idle circuits are taken.
        repeat_attempts: how often a call may be tried again on another circuit.
    """

    own_point_code: int
    peer_point_code: int
    cics: tuple[int, ...] = field(converter=_numbers)
    network_indicator: int = NetworkIndicator.NATIONAL
    law: Literal["a-law", "mu-law"] = "a-law"
    timers: IsupTimers = field(factory=IsupTimers)
    hunting: Hunting = Hunting.CONTROLLED_FIRST
    repeat_attempts: int = 3

    def __attrs_post_init__(self) -> None:
        _within("own point code", self.own_point_code, GREATEST)
        _within("peer point code", self.peer_point_code, GREATEST)
        if self.own_point_code == self.peer_point_code:
            raise ValueError(f"point code {self.own_point_code} at both ends")
        _within("network indicator", self.network_indicator, 3)
        for cic in self.cics:
            _within("CIC", cic, GREATEST_CIC)
        if len(set(self.cics)) != len(self.cics):
            raise ValueError(f"{len(self.cics)} CICs, {len(set(self.cics))} different ones")
        if self.law not in ("a-law", "mu-law"):
            raise ValueError(f"law {self.law!r}: a-law or mu-law")
        if self.repeat_attempts < 0:
            raise ValueError(f"repeat attempts {self.repeat_attempts}: 0 or more")


@frozen
class CircuitStatus:
    """How a circuit stands, for consoles and tests.

    Args:
        cic: its identification code.
        state: "Idle", or who has it and in which state: "outgoing: WaitForAcm".
        locally_blocked: state of blocking from this end: "Unblocked", "WaitForBla", "Blocked", "WaitForUba".
        remotely_blocked: the far end has blocked it.
        unequipped: the far end says that it has no such circuit.
    """

    cic: int
    state: str
    locally_blocked: str
    remotely_blocked: bool
    unequipped: bool


class Node:
    """One end of the circuits between two signalling points.

    Args:
        settings: point codes, circuits, timers.
        user: whoever takes incoming calls.
        outbox: of the parent.
        observer: told of each ISUP message of this node, sent or received, with its octets from the service
            information octet on.
    """

    def __init__(
        self, settings: NodeSettings, user: NodeUser, outbox: Outbox, observer: Observer | None = None
    ) -> None:
        self.settings: Final = settings
        self._user = user
        self._outbox = outbox.fork(self)
        self._observer = observer
        own, peer = settings.own_point_code, settings.peer_point_code
        self._idle = idle_circuits(settings.hunting, own, peer)
        self._headers = self._headers_between(own, peer)
        self._usual_headers = frozenset(self._headers_between(peer, own))
        self._circuits = {
            cic: Circuit(cic, controls(own, peer, cic), self, settings.timers, self._outbox) for cic in settings.cics
        }

    def _headers_between(self, origin: int, destination: int) -> list[bytes]:
        """What stands before a message from one to the other, by the link that it takes."""
        indicator = self.settings.network_indicator
        labels = [RoutingLabel(destination, origin, selection) for selection in range(16)]
        return [Mtp3Message(ServiceIndicator.ISUP, indicator, 0, label, b"").serialize() for label in labels]

    # For users

    def seize(self, user: OutgoingUser) -> None:
        """Find a circuit for a call: `user.circuit_seized` or `user.no_circuit_available` follows."""
        circuit = self._choose()
        if circuit is None:
            self._outbox.append(tell(user.no_circuit_available))
            return
        call = OutgoingCall(circuit, user, self._choose, self.settings.repeat_attempts, self._outbox)
        circuit.hand_over(call)
        self._outbox.append(tell(user.circuit_seized, call))

    def _choose(self) -> Circuit | None:
        cic = self._idle.choose()
        return None if cic is None else self._circuits[cic]

    # For maintenance

    def block(self, cic: int) -> None:
        """Keep calls off a circuit; one that is on it goes on (ITU-T Q.764 §2.8.2).

        Raises:
            LocalProtocolError: there is no such circuit.
        """
        self._equipped(cic).blocking.block()

    def unblock(self, cic: int) -> None:
        """Let calls take it again.

        Raises:
            LocalProtocolError: there is no such circuit.
        """
        self._equipped(cic).blocking.unblock()

    def reset(self, cic: int) -> None:
        """Drop what is on a circuit and bring both ends to idle (ITU-T Q.764 §2.9.3.1).

        Raises:
            LocalProtocolError: there is no such circuit.
        """
        self._equipped(cic).reset_by_maintenance()

    def _equipped(self, cic: int) -> Circuit:
        circuit = self._circuits.get(cic)
        if circuit is None:
            raise LocalProtocolError(f"CIC {cic} is not among the {len(self._circuits)} circuits of this node")
        return circuit

    @property
    def circuits(self) -> Mapping[int, CircuitStatus]:
        """How every circuit stands now, by CIC."""
        return {
            cic: CircuitStatus(cic, circuit.state, circuit.blocking.state, circuit.remotely_blocked, circuit.unequipped)
            for cic, circuit in self._circuits.items()
        }

    @property
    def idle_circuits(self) -> tuple[int, ...]:
        """The circuits that nothing has: no call, no release or reset under way. Blocked ones may be among them."""
        return tuple(cic for cic, circuit in self._circuits.items() if circuit.idle)

    # From the link

    def transfer_received(self, octets: bytes) -> None:
        """MTP-TRANSFER indication: a message from its service information octet on."""
        if octets[:_HEADER_OCTETS] not in self._usual_headers:
            try:
                stray = self._stray(Mtp3Message.parse(octets))
            except ParseError as error:
                stray = str(error)
            if stray:
                self.circuit_event(NO_CIRCUIT, f"dropped: {stray}")
                return
        data = octets[_HEADER_OCTETS:]
        try:
            message = codec.parse(data)
        except ParseError as error:
            self.circuit_event(_cic_of(data), f"dropped: {error}")
            return
        if self._observer is not None:
            self._outbox.append(tell(self._observer, "received", message, octets))
        circuit = self._circuits.get(message.cic)
        if not isinstance(message.type, MessageType):
            self._unknown_type_received(message)
        elif circuit is None:
            self._unequipped_received(message)
        else:
            circuit.message_received(message)

    def _stray(self, envelope: Mtp3Message) -> str:
        """What is wrong with where a message comes from or goes to; "" if nothing is."""
        settings = self.settings
        if envelope.service_indicator != ServiceIndicator.ISUP:
            return f"service indicator {envelope.service_indicator}, ISUP is {ServiceIndicator.ISUP}"
        if envelope.network_indicator != settings.network_indicator:
            return f"network indicator {envelope.network_indicator}, ours is {settings.network_indicator}"
        if envelope.label.destination != settings.own_point_code:
            return f"destination point code {envelope.label.destination}, ours is {settings.own_point_code}"
        if envelope.label.origin != settings.peer_point_code:
            return f"originating point code {envelope.label.origin}, the peer's is {settings.peer_point_code}"
        return ""

    def _unknown_type_received(self, message: Message) -> None:
        self.circuit_event(message.cic, f"dropped: {message.name} is unknown")
        diagnostic = bytes((message.type,))
        self._send(
            Message.of(
                MessageType.CFN,
                message.cic,
                CauseIndicators(Cause.MESSAGE_TYPE_NON_EXISTENT, Location.TRANSIT_NETWORK, diagnostic),
            )
        )

    def _unequipped_received(self, message: Message) -> None:
        self.circuit_event(message.cic, f"{message.name} for a circuit that is not equipped")
        if message.type not in _NEVER_ANSWERED:
            self._send(Message.of(MessageType.UCIC, message.cic))

    # For circuits

    def prepare(self, message: Message) -> Prepared:
        """See `CircuitOwner`. The link is chosen by the circuit, so that its messages stay in order (Q.704)."""
        return Prepared(message, self._headers[message.cic & 15] + codec.serialize(message))

    def transmit(self, prepared: Prepared) -> None:
        """See `CircuitOwner`."""
        self._outbox.append(Transfer(prepared.octets))
        if self._observer is not None:
            self._outbox.append(tell(self._observer, "sent", prepared.message, prepared.octets))

    def _send(self, message: Message) -> None:
        self.transmit(self.prepare(message))

    def call_offered(self, call: IncomingCall, message: Message) -> None:
        """See `CircuitOwner`."""
        self._outbox.append(tell(self._user.call_offered, call, message))

    def circuit_event(self, cic: int, event: str) -> None:
        """See `CircuitOwner`."""
        self._outbox.append(tell(self._user.circuit_event, cic, event))

    def circuit_available(self, cic: int, available: bool) -> None:
        """See `CircuitOwner`."""
        if available:
            self._idle.add(cic)
        else:
            self._idle.discard(cic)

    def timer_fired(self, name: str) -> None:
        """No timer is the node's own."""


_HEADER_OCTETS: Final = 5
"""Of service information octet and routing label."""

_NEVER_ANSWERED: Final = frozenset({MessageType.UCIC, MessageType.CFN})
"""Or two nodes that disagree would answer each other for ever."""


def _cic_of(data: bytes) -> int:
    return int.from_bytes(data[:2], "little") & GREATEST_CIC if len(data) >= 2 else NO_CIRCUIT
