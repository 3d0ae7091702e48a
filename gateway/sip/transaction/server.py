"""What the two server transactions share: the request and the responses, and how little of them is kept.

Once a final response has been sent, a server transaction only waits, for 32 s mostly: for the same request, which gets
the same octets again. Of both messages it then keeps nothing but octets; who still wants to read them, reads them anew.
"""

from __future__ import annotations

from typing import cast

from gateway.core.effects import Outbox
from gateway.sip.effects import Flow, Transmit
from gateway.sip.message import Request, Response, parse_message
from gateway.sip.transaction.base import Direction, Surroundings, Transaction
from gateway.sip.transaction.routing import mark_source


class ServerSide(Transaction):
    """The root of the two server transactions.

    Args:
        request: what began it.
        flow: where it came from.
        reply_flow: where responses go (RFC 3261 §18.2.2, RFC 3581 §4).
        surroundings: what it shares with its layer.
        outbox: the layer's.

    Attributes:
        received: the request's octets, as they came; b"" if they are not known: then the request itself is kept.
        last_status: of the latest response that was sent, 0 before the first.
    """

    __slots__ = ("_octets", "last_status", "received", "reply_flow")

    def __init__(
        self, request: Request, flow: Flow, reply_flow: Flow, surroundings: Surroundings, outbox: Outbox
    ) -> None:
        super().__init__(request, flow, surroundings, outbox)
        self.reply_flow = reply_flow
        self.received = b""
        self.last_status = 0
        self._octets = b""

    @property
    def request(self) -> Request:
        """What began it."""
        if self._request is not None:
            return self._request
        request = cast("Request", parse_message(self.received))
        mark_source(request, self.flow)
        return request

    @property
    def way(self) -> Flow:
        """Along which its messages go out."""
        return self.reply_flow

    @property
    def last_response(self) -> Response | None:
        """The latest response that was sent, read anew from its octets."""
        return cast("Response", parse_message(self._octets)) if self._octets else None

    def _send(self, response: Response) -> None:
        self.last_status = response.status
        self._octets = response.serialize()
        self._transmit(response, self._octets, self.reply_flow)
        if self._request is not None and 100 < response.status < 200:
            # The next response may be minutes away.
            self._request.headers.rest()

    def _send_again(self) -> None:
        if self._octets:
            self._outbox.append(Transmit(self._octets, self.reply_flow))
            observer, response = self._surroundings.observer, self.last_response
            if observer is not None and response is not None:
                observer(Direction.SENT, response, self.reply_flow, self._octets)

    def _only_wait(self) -> None:
        """The final response has been sent."""
        if self.received:
            self._request = None
