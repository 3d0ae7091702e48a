"""What SS7 machines want done."""

from __future__ import annotations

from gateway.core.effects import Effect
from gateway.core.values import value


@value
class Transfer(Effect):
    """MTP-TRANSFER request (ITU-T Q.704): service information octet, routing label and user data, as sent on a link."""

    octets: bytes
