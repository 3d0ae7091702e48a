"""Who makes the ringing tone that the caller hears (RFC 3398 §7.2.6, RFC 3960 §3.2).

At every moment exactly one party owns ringback: nobody, the caller's own phone (on a 180 without media), or the
network (in band, behind a session description). Two owners are two tones at once; none is silence: both are among the
faults most often reported of gateways. So ownership is a machine of its own and every change of it a decision.

      Nobody --subscriber_free--> CallersPhone --in_band--> Network
         `----------in_band-----------------------------------^
      any --over--> Over (answered or released: nobody may ring any more)

Once in-band media flows it stays with the network: a later "subscriber free" does not hand ringback to the phone
(RFC 3960 §3.2: no local ringing is generated while media is received).
"""

from __future__ import annotations

from typing import Protocol

from attrs import define
from automat import TypeMachineBuilder

from gateway.core.clause import Clause, Decision
from gateway.core.effects import Outbox, Record
from gateway.core.machine import build

_RINGING = Clause("RFC 3398", "7.2.6")
_IN_BAND = Clause("RFC 3960", "3.2")


class RingbackInputs(Protocol):
    """What moves ownership."""

    def subscriber_free(self) -> None:
        """The called party is being alerted (ACM or CPG), and nothing says that the tone is in band."""

    def in_band(self) -> None:
        """Backward media is through: what is on the circuit is heard."""

    def over(self) -> None:
        """Answered or released."""


@define
class _Core:
    call: str
    outbox: Outbox
    owner: str = "nobody"


_builder = TypeMachineBuilder(RingbackInputs, _Core)
_nobody = _builder.state("Nobody")
_phone = _builder.state("CallersPhone")
_network = _builder.state("Network")
_over = _builder.state("Over")


def _own(core: _Core, owner: str, clause: Clause) -> None:
    facts = (("before", core.owner),)
    core.owner = owner
    core.outbox.append(Record(core.call, Decision("ringback", f"{owner} owns ringback", clause, facts)))


@_nobody.upon(RingbackInputs.subscriber_free).to(_phone)
def _phone_rings(inputs: RingbackInputs, core: _Core) -> None:
    _own(core, "the caller's phone", _RINGING)


@_nobody.upon(RingbackInputs.in_band).to(_network)
def _network_rings(inputs: RingbackInputs, core: _Core) -> None:
    _own(core, "the network", _RINGING)


@_phone.upon(RingbackInputs.in_band).to(_network)
def _network_takes_over(inputs: RingbackInputs, core: _Core) -> None:
    _own(core, "the network", _IN_BAND)


@_nobody.upon(RingbackInputs.over).to(_over)
@_phone.upon(RingbackInputs.over).to(_over)
@_network.upon(RingbackInputs.over).to(_over)
def _silence(inputs: RingbackInputs, core: _Core) -> None:
    core.owner = "nobody"


_phone.upon(RingbackInputs.subscriber_free).loop().returns(None)
_network.upon(RingbackInputs.subscriber_free).loop().returns(None)
_network.upon(RingbackInputs.in_band).loop().returns(None)
_over.upon(RingbackInputs.subscriber_free).loop().returns(None)
_over.upon(RingbackInputs.in_band).loop().returns(None)
_over.upon(RingbackInputs.over).loop().returns(None)

_build = build(_builder)


class RingbackOwner:
    """The ringback machine of one call.

    Args:
        call: the call's name in the trace.
        outbox: where decisions go.
    """

    def __init__(self, call: str, outbox: Outbox) -> None:
        self._core = _Core(call, outbox)
        self._inputs = _build(self._core)

    @property
    def owner(self) -> str:
        """ "nobody", "the caller's phone" or "the network"."""
        return self._core.owner

    def subscriber_free(self) -> None:
        """The called party is being alerted, and nothing says that the tone is in band."""
        self._inputs.subscriber_free()

    def in_band(self) -> None:
        """Backward media is through."""
        self._inputs.in_band()

    def over(self) -> None:
        """Answered or released."""
        self._inputs.over()
