"""What moves a call from SIP to the PSTN, and what it knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from attrs import define, frozen

from gateway.core.clause import Clause, Decision
from gateway.core.effects import Outbox, Record
from gateway.interworking.causes import Profile
from gateway.interworking.numbers import TelephoneNumber
from gateway.interworking.release import Refusal
from gateway.interworking.ringback import RingbackOwner
from gateway.interworking.setup import SetupSettings
from gateway.sdp.model import Direction
from gateway.sdp.offer_answer import Agreed, LocalMedia
from gateway.sip.dialog.server_session import ServerSession
from gateway.sip.transaction.user import ServerTransaction
from gateway.ss7.isup.cause import CauseIndicators
from gateway.ss7.isup.messages import Message
from gateway.ss7.isup.node import Node
from gateway.ss7.isup.outgoing import OutgoingCall

if TYPE_CHECKING:
    from gateway.interworking.sip_to_pstn.call import Call

INTERWORK_TIMER = "interwork"
"""How long the caller may hear why the call fails (RFC 3398 §7.1.6)."""


@frozen
class CallSettings:
    """What all calls share.

    Args:
        setup: for the IAM.
        profile: the cause tables.
        agent: our host, for Warning headers.
        interwork_s: how long, in seconds, the caller may hear why the call fails after an ACM with a cause.
    """

    setup: SetupSettings
    profile: Profile
    agent: str = "127.0.0.1"
    interwork_s: float = 30.0


class CallInputs(Protocol):
    """What moves a call, grouped by who says it. Last, what the machine says to itself."""

    def start(self) -> None: ...
    def media_reserved(self, address: str, port: int) -> None: ...
    def media_refused(self, why: str) -> None: ...

    # the PSTN
    def circuit_seized(self, circuit: OutgoingCall) -> None: ...
    def no_circuit_available(self) -> None: ...
    def address_complete(self, message: Message) -> None: ...
    def call_progress(self, message: Message) -> None: ...
    def pstn_answered(self, message: Message) -> None: ...
    def t7_expired(self) -> None: ...
    def t9_expired(self) -> None: ...
    def released(self, message: Message) -> None: ...
    def call_failed(self, cause: int, why: str) -> None: ...
    def suspension(self, message: Message) -> None: ...

    # SIP
    def answer_received(self, sdp: bytes) -> None: ...
    def offer_refused(self, status: int) -> None: ...
    def hung_up(self, reasons: tuple[str, ...], method: str) -> None: ...
    def invitation_expired(self) -> None: ...
    def acknowledged(self) -> None: ...
    def sip_side_failed(self, refusal: Refusal, cause: int) -> None: ...
    def dialog_lost(self, method: str, status: int) -> None: ...
    def info_received(self, transaction: ServerTransaction) -> None: ...
    def offer_received(self, transaction: ServerTransaction) -> None: ...
    def clear(self, cause: int, why: str) -> None: ...

    # itself
    def interwork_timer_expired(self) -> None: ...
    def alerting(self) -> None: ...
    def try_another_circuit(self) -> None: ...
    def give_up(self, refusal: Refusal, cause: int) -> None: ...


@define
class CallCore:
    """What a call knows.

    Args:
        name: in the trace.
        session: the SIP side.
        node: where circuits are had.
        settings: what all calls share.
        outbox: the call's.
        user: the call itself, to be told of; gone once it is over.
        ringback: who makes the ringing tone.
        session_number: for the o= line.
        ended: to be told, once, that the call is over.
        called: the number in the Request-URI.
        local: our side of the media, once the RTP port is had.
        local_sdp: our latest session description.
        agreed: what the latest offer and answer came to.
        circuit: the PSTN side, while a circuit is ours.
        circuits_tried: how many IAMs went out.
        in_band: whether the caller hears the circuit.
        announced: the cause that an ACM brought.
        sip_over: whether the session has ended by itself, or is about to.
        by_caller: whether it was the caller that ended the call.
        isup_peer: whether the caller takes ISUP bodies.
        held: whether the PSTN has been told that the caller has put the call on hold.
        offered: the offer in a re-INVITE of ours that has no answer yet.
        asked: the direction that our latest re-INVITE asked for.
    """

    name: str
    session: ServerSession
    node: Node
    settings: CallSettings
    outbox: Outbox
    user: Call
    ringback: RingbackOwner
    session_number: int
    ended: Callable[[Call], None]
    called: TelephoneNumber | None = None
    local: LocalMedia | None = None
    local_sdp: bytes = b""
    agreed: Agreed | None = None
    circuit: OutgoingCall | None = None
    circuits_tried: int = 0
    in_band: bool = False
    announced: CauseIndicators | None = None
    sip_over: bool = False
    by_caller: bool = False
    isup_peer: bool = False
    held: bool = False
    offered: bytes = b""
    asked: Direction = Direction.SENDRECV

    def decide(self, rule: str, outcome: str, clause: Clause, *facts: tuple[str, str]) -> None:
        """Record a decision of this call."""
        self.outbox.append(Record(self.name, Decision(rule, outcome, clause, facts)))

    @property
    def cic(self) -> int:
        """The circuit, 0 while there is none."""
        return 0 if self.circuit is None else self.circuit.cic
