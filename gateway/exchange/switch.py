"""The exchange takes calls: an ISUP node's user that looks up the number and lets a `CalledParty` play it."""

from __future__ import annotations

from gateway.core.clause import Clause, Decision
from gateway.core.effects import Outbox, Record, tell
from gateway.exchange.called_party import CalledParty
from gateway.exchange.numbering import NumberPlan
from gateway.ss7.isup.incoming import IncomingCall
from gateway.ss7.isup.messages import Message
from gateway.ss7.isup.numbers import NatureOfAddress
from gateway.ss7.isup.party_numbers import CalledPartyNumber

_NUMBERS = Clause("ITU-T E.164")


class Exchange:
    """The far exchange; implements `NodeUser`.

    Args:
        numbers: the number plan.
        outbox: the pump's.
    """

    def __init__(self, numbers: NumberPlan, outbox: Outbox) -> None:
        self._numbers = numbers
        self._outbox = outbox.fork(self)

    def call_offered(self, call: IncomingCall, message: Message) -> None:
        """An IAM arrived: find out what its number does, and do it."""
        number = message[CalledPartyNumber]
        international = number.nature_of_address == NatureOfAddress.INTERNATIONAL
        destination = self._numbers.find(number.digits.rstrip("F"), international)
        name = f"circuit {call.cic}"
        facts = (("called", ("+" if international else "") + number.digits), ("tones", destination.country))
        decision = Decision("number plan", destination.title, _NUMBERS, facts)
        self._outbox.append(Record(name, decision))
        party = CalledParty(call, destination, name, self._outbox)
        self._outbox.append(tell(call.attach, party))
        self._outbox.append(tell(party.start))

    def circuit_event(self, cic: int, event: str) -> None:
        """Nothing to do: the trace has it from the node."""

    def timer_fired(self, name: str) -> None:
        """The exchange itself starts no timer."""
