"""The gateway: takes calls from SIP (and, so far, none from the PSTN), and knows which are up."""

from __future__ import annotations

from gateway.core.clause import Clause, Decision
from gateway.core.effects import Outbox, Record, tell
from gateway.interworking.effects import CallEnded, CallStarted
from gateway.interworking.sip_to_pstn.call import Call
from gateway.interworking.sip_to_pstn.core import CallSettings
from gateway.sip.dialog.server_session import ServerSession
from gateway.ss7.isup.cause import Cause
from gateway.ss7.isup.incoming import IncomingCall
from gateway.ss7.isup.messages import Message
from gateway.ss7.isup.node import Node


class Gateway:
    """Implements `UserAgentUser` towards SIP and `NodeUser` towards the PSTN. Set `node` before the first call.

    Args:
        settings: what all calls share.
        outbox: the pump's.
    """

    node: Node

    def __init__(self, settings: CallSettings, outbox: Outbox) -> None:
        self._settings = settings
        self._outbox = outbox.fork(self)
        self._number = 0
        self.calls: dict[str, Call] = {}

    def session_offered(self, session: ServerSession) -> None:
        """An INVITE: a call begins."""
        self._number += 1
        name = f"call-{self._number}"
        self._outbox.append(CallStarted(name, session.call_id))
        call = Call(name, session, self.node, self._settings, self._number, self._ended, self._outbox)
        self.calls[name] = call
        self._outbox.append(tell(session.attach, call))
        self._outbox.append(tell(call.start))

    def clear(self, cause: int = Cause.TEMPORARY_FAILURE) -> None:
        """End every call: 503 or BYE to SIP, REL to the PSTN."""
        for call in list(self.calls.values()):
            self._outbox.append(tell(call.clear, cause))

    def _ended(self, call: Call) -> None:
        self.calls.pop(call.name, None)
        self._outbox.append(CallEnded(call.name))

    def call_offered(self, call: IncomingCall, message: Message) -> None:
        """An IAM from the PSTN: there is nobody on the SIP side to call yet."""
        clause = Clause("ITU-T Q.850")
        self._outbox.append(Record("", Decision("IAM from the PSTN", "REL 3: no route into SIP", clause)))
        self._outbox.append(tell(call.release, int(Cause.NO_ROUTE_TO_DESTINATION)))

    def circuit_event(self, cic: int, event: str) -> None:
        """The trace has it from the node."""

    def timer_fired(self, name: str) -> None:
        """The gateway itself starts no timer."""
