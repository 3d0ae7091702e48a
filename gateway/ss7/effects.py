"""What SS7 machines want done."""

from __future__ import annotations

from attrs import frozen

from gateway.core.effects import Effect


@frozen
class Transfer(Effect):
    """MTP-TRANSFER request (ITU-T Q.704): service information octet, routing label and user data, as sent on a link."""

    octets: bytes
