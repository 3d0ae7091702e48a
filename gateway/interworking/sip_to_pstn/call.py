"""One call from SIP to the PSTN: the state machine of RFC 3398 §7.2, and everything around it.

      Reserving --media_reserved--> Seizing --circuit_seized--> Trying --ACM--> NotAlerting --alerting--> Alerting
                                       ^--cause 44, another circuit--'  |               |                    |
                                                                  ANM/CON -----------> WaitingForAck --ACK--> Connected
      any state --CANCEL, BYE, REL, T7, T9, no ACK, ...--> Over

`Reserving` and `Seizing` stand before the figure's `Trying`: the RTP port and the circuit are had before the IAM is
sent (§7.2.1). The other states are the figure's; note that the figure cites sections 6.x and 9.x for 7.x and 10.x.
`Over` still answers: a circuit or port that arrives late is given back.

This file is the table. What its rows do stands in `establishment`, `information`, `offers` and `clearing`.
"""

from __future__ import annotations

from collections.abc import Callable

from automat import TypeMachineBuilder

from gateway.core.clause import Clause, Decision
from gateway.core.effects import Outbox
from gateway.core.machine import build
from gateway.interworking.effects import CircuitTaken
from gateway.interworking.release import Refusal
from gateway.interworking.ringback import RingbackOwner
from gateway.interworking.sip_to_pstn import clearing, establishment, information, offers
from gateway.interworking.sip_to_pstn.core import CallCore, CallInputs, CallSettings
from gateway.sip.dialog.server_session import ServerSession
from gateway.sip.transaction.user import ServerTransaction
from gateway.ss7.isup.cause import Cause
from gateway.ss7.isup.messages import Message
from gateway.ss7.isup.node import Node
from gateway.ss7.isup.outgoing import OutgoingCall

_In = CallInputs
_builder = TypeMachineBuilder(CallInputs, CallCore)
_reserving = _builder.state("Reserving")
_seizing = _builder.state("Seizing")
_trying = _builder.state("Trying")
_not_alerting = _builder.state("NotAlerting")
_alerting = _builder.state("Alerting")
_waiting_for_ack = _builder.state("WaitingForAck")
_connected = _builder.state("Connected")
_over = _builder.state("Over")

_PENDING = (_trying, _not_alerting, _alerting)
_UNANSWERED = (_reserving, _seizing, *_PENDING)
_ANSWERED = (_waiting_for_ack, _connected)

_reserving.upon(_In.start).loop()(establishment.start)
_reserving.upon(_In.media_reserved).to(_seizing)(establishment.media_reserved)
_reserving.upon(_In.media_refused).loop()(establishment.media_refused)

_seizing.upon(_In.circuit_seized).to(_trying)(establishment.circuit_seized)
_seizing.upon(_In.no_circuit_available).loop()(establishment.no_circuit_available)

_trying.upon(_In.address_complete).to(_not_alerting)(establishment.progress)
_trying.upon(_In.t7_expired).loop()(clearing.t7_expired)
_trying.upon(_In.released).loop()(clearing.released_while_trying)
_trying.upon(_In.try_another_circuit).to(_seizing)(establishment.try_another_circuit)

_not_alerting.upon(_In.alerting).to(_alerting).returns(None)

for _state in (_not_alerting, _alerting):
    _state.upon(_In.call_progress).loop()(establishment.progress)
    _state.upon(_In.t9_expired).loop()(clearing.t9_expired)
    _state.upon(_In.interwork_timer_expired).loop()(clearing.interwork_timer_expired)
    _state.upon(_In.released).loop()(clearing.released)

for _state in _PENDING:
    _state.upon(_In.pstn_answered).to(_waiting_for_ack)(establishment.answered)

for _state in _UNANSWERED:
    _state.upon(_In.info_received).loop()(information.information_too_early)
    _state.upon(_In.offer_received).loop()(offers.offer_before_answer)
    _state.upon(_In.hung_up).loop()(clearing.hung_up_before_answer)
    _state.upon(_In.invitation_expired).loop()(clearing.invitation_expired)
    _state.upon(_In.give_up).to(_over)(clearing.refuse)
for _state in (_seizing, *_PENDING):
    _state.upon(_In.answer_received).loop()(offers.early_answer_received)

_waiting_for_ack.upon(_In.acknowledged).to(_connected)(establishment.acknowledged)
_waiting_for_ack.upon(_In.call_progress).loop()(offers.notified)
_connected.upon(_In.call_progress).loop()(offers.notified_when_connected)

for _state in _ANSWERED:
    _state.upon(_In.info_received).loop()(information.information)
    _state.upon(_In.suspension).loop()(information.suspension)
    _state.upon(_In.offer_received).loop()(offers.new_offer)
    _state.upon(_In.answer_received).loop()(offers.answer_received)
    _state.upon(_In.offer_refused).loop()(offers.offer_refused)
    _state.upon(_In.dialog_lost).loop()(clearing.dialog_lost)
    _state.upon(_In.hung_up).loop()(clearing.hung_up_after_answer)
    _state.upon(_In.released).loop()(clearing.released_after_answer)
    _state.upon(_In.give_up).to(_over)(clearing.hang_up)

for _state in (*_PENDING, *_ANSWERED):
    _state.upon(_In.call_failed).loop()(clearing.call_failed)
for _state in (*_UNANSWERED, *_ANSWERED):
    _state.upon(_In.sip_side_failed).loop()(clearing.sip_side_failed)
    _state.upon(_In.clear).loop()(clearing.clear)

_over.upon(_In.circuit_seized).loop()(clearing.circuit_too_late)
_over.upon(_In.media_reserved).loop()(clearing.port_too_late)
_over.upon(_In.info_received).loop()(clearing.nobody_there)
_over.upon(_In.offer_received).loop()(clearing.nobody_there)

_INPUTS = [name for name in vars(CallInputs) if not name.startswith("_")]
_TAKEN: dict[str, tuple[object, ...]] = {
    "start": (_reserving,),
    "media_reserved": (_reserving, _over),
    "media_refused": (_reserving,),
    "circuit_seized": (_seizing, _over),
    "no_circuit_available": (_seizing,),
    "address_complete": (_trying,),
    "call_progress": (_not_alerting, _alerting, *_ANSWERED),
    "pstn_answered": _PENDING,
    "t7_expired": (_trying,),
    "t9_expired": (_not_alerting, _alerting),
    "released": (*_PENDING, *_ANSWERED),
    "call_failed": (*_PENDING, *_ANSWERED),
    "suspension": _ANSWERED,
    "answer_received": (*_UNANSWERED[1:], *_ANSWERED),
    "offer_refused": _ANSWERED,
    "hung_up": (*_UNANSWERED, *_ANSWERED),
    "invitation_expired": _UNANSWERED,
    "acknowledged": (_waiting_for_ack,),
    "sip_side_failed": (*_UNANSWERED, *_ANSWERED),
    "dialog_lost": _ANSWERED,
    "info_received": (*_UNANSWERED, *_ANSWERED, _over),
    "offer_received": (*_UNANSWERED, *_ANSWERED, _over),
    "clear": (*_UNANSWERED, *_ANSWERED),
    "interwork_timer_expired": (_not_alerting, _alerting),
    "alerting": (_not_alerting,),
    "try_another_circuit": (_trying,),
    "give_up": (*_UNANSWERED, *_ANSWERED),
}
"""Which states take which input; in every other state it is ignored, on purpose."""

for _name in _INPUTS:
    for _state in (*_UNANSWERED, *_ANSWERED, _over):
        if _state not in _TAKEN[_name]:
            _state.upon(getattr(CallInputs, _name)).loop().returns(None)

_machine = build(_builder)


class Call:
    """A call from SIP to the PSTN; implements `ServerSessionUser` and `OutgoingUser`.

    Args:
        name: in the trace.
        session: the SIP side.
        node: where circuits are had.
        settings: what all calls share.
        number: a number of the call's own, for the o= line.
        ended: an input to tell, once, with this call, when nothing more will come of it.
        outbox: the gateway's.
    """

    def __init__(
        self,
        name: str,
        session: ServerSession,
        node: Node,
        settings: CallSettings,
        number: int,
        ended: Callable[[Call], None],
        outbox: Outbox,
    ) -> None:
        own = outbox.fork(self)
        self._core = CallCore(name, session, node, settings, own, self, RingbackOwner(name, own), number, ended)
        self._inputs = _machine(self._core)

    @property
    def name(self) -> str:
        """The call in the trace."""
        return self._core.name

    @property
    def ringback_owner(self) -> str:
        """Who makes the ringing tone now."""
        return self._core.ringback.owner

    def start(self) -> None:
        """The session has been offered and attached to."""
        self._inputs.start()

    # --- the media plane

    def media_reserved(self, address: str, port: int) -> None:
        """An RTP port is the call's."""
        self._inputs.media_reserved(address, port)

    def media_refused(self, why: str) -> None:
        """There is no RTP port."""
        self._inputs.media_refused(why)

    # --- the PSTN

    def circuit_seized(self, call: OutgoingCall) -> None:
        """A circuit is the call's."""
        self._inputs.circuit_seized(call)

    def no_circuit_available(self) -> None:
        """All circuits are busy."""
        self._inputs.no_circuit_available()

    def address_complete(self, message: Message) -> None:
        """ACM."""
        self._inputs.address_complete(message)

    def call_progress(self, message: Message) -> None:
        """CPG."""
        self._inputs.call_progress(message)

    def answered(self, message: Message) -> None:
        """ANM or CON."""
        self._inputs.pstn_answered(message)

    def awaiting_address_complete_timed_out(self) -> None:
        """Neither ACM nor CON in T7."""
        self._inputs.t7_expired()

    def awaiting_answer_timed_out(self) -> None:
        """No ANM in T9."""
        self._inputs.t9_expired()

    def released(self, message: Message) -> None:
        """REL."""
        self._inputs.released(message)

    def call_failed(self, cause: int, why: str) -> None:
        """The circuit is lost."""
        self._inputs.call_failed(cause, why)

    def suspended(self, message: Message) -> None:
        """SUS."""
        self._inputs.suspension(message)

    def resumed(self, message: Message) -> None:
        """RES."""
        self._inputs.suspension(message)

    def circuit_changed(self, call: OutgoingCall) -> None:
        """The call has moved to another circuit; no sound was on the old one yet."""
        self._core.outbox.append(CircuitTaken(self._core.name, call.cic))

    def circuit_released(self) -> None:
        """RLC came: nothing more to do."""

    # --- SIP

    def answer_received(self, sdp: bytes) -> None:
        """The answer to an offer of ours."""
        self._inputs.answer_received(sdp)

    def invitation_expired(self) -> None:
        """The INVITE's Expires has run out."""
        self._inputs.invitation_expired()

    def acknowledged(self) -> None:
        """The ACK to our 200."""
        self._inputs.acknowledged()

    def info_received(self, transaction: ServerTransaction) -> None:
        """INFO, to be answered."""
        self._inputs.info_received(transaction)

    def offer_received(self, transaction: ServerTransaction) -> None:
        """A request with an offer, or a re-INVITE without one, to be answered."""
        self._inputs.offer_received(transaction)

    def cancel_received(self, reasons: tuple[str, ...]) -> None:
        """The caller gave up."""
        self._inputs.hung_up(reasons, "CANCEL")

    def bye_received(self, reasons: tuple[str, ...]) -> None:
        """The caller hung up."""
        self._inputs.hung_up(reasons, "BYE")

    def response_undeliverable(self) -> None:
        """A response to the INVITE could not be delivered; the session has given up (500)."""
        why = Decision("SIP", "a response to the INVITE could not be delivered", Clause("RFC 6026", "8.8"))
        self._inputs.sip_side_failed(Refusal(500, (), why), Cause.TEMPORARY_FAILURE)

    def acknowledgement_timed_out(self) -> None:
        """No ACK came for the 200; the session sends BYE."""
        why = Decision("SIP", "not acknowledged within 64*T1", Clause("RFC 3398", "7.1.4"))
        self._inputs.sip_side_failed(Refusal(0, (), why), Cause.RECOVERY_ON_TIMER_EXPIRY)

    def acceptance_timed_out(self) -> None:
        """No PRACK came for a reliable 18x; the session sends 504."""
        why = Decision("SIP", "not acknowledged within 64*T1", Clause("RFC 3262", "3"))
        self._inputs.sip_side_failed(Refusal(504, (), why), Cause.RECOVERY_ON_TIMER_EXPIRY)

    def request_failed(self, method: str, status: int) -> None:
        """A request of ours was refused: by 408 and 481 the dialog is lost (RFC 3261 §12.2.1.2), by others nothing.

        RFC 3398 §5.6: gateways "MUST accept "405 Method Not Allowed" and "501 Not Implemented" as non-fatal responses
        to INFO requests".
        """
        if method == "BYE":
            return
        if status in (408, 481):
            self._inputs.dialog_lost(method, status)
        elif method == "INVITE":
            self._inputs.offer_refused(status)
        else:
            self._core.decide(f"{status} to {method}", "the call goes on", Clause("RFC 3398", "5.6"))

    # --- this side

    def clear(self, cause: int, why: str = "the gateway is cleared") -> None:
        """End the call from here, in whatever state it is."""
        self._inputs.clear(cause, why)

    def abandon(self, why: str) -> None:
        """Something here broke: this call ends, the others go on."""
        self._inputs.clear(Cause.TEMPORARY_FAILURE, why)

    def timer_fired(self, name: str) -> None:
        """The interwork timer; ISUP's and SIP's machines have their own."""
        self._inputs.interwork_timer_expired()
