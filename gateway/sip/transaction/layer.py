"""The transaction layer: octets in, transactions found or made, octets out (RFC 3261 §17, §18; RFC 6026).

What comes in goes through five doors, and is turned away at the first that it cannot pass:

1. it is a message (else: a request that still shows who sent it gets 400 or 413; the rest is dropped and counted);
2. a response is to something we sent: the top Via's sent-by is ours (§18.1.2; else dropped and counted);
3. it belongs to a transaction: the transaction deals with it, and a retransmission ends here;
4. it is a good message (else 400 or 505 without any state; an ACK is never answered);
5. it is new: a request makes a server transaction and goes to the TU with it; an ACK or a stray response goes to the
   TU alone.

The layer holds the machines and calls them; they never call it, nor the TU, but by effects. It is not itself a
machine: it has no states but the tables of who is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from attrs import field, frozen

from gateway.core.effects import Outbox, tell
from gateway.core.errors import GatewayError, LocalProtocolError, ParseError
from gateway.sip.effects import Flow, Transmit
from gateway.sip.fields.parameters import Parameters
from gateway.sip.fields.via import MAGIC_COOKIE, Via
from gateway.sip.message import Request, Response, parse_message, respond, salvage, validate
from gateway.sip.transaction.base import Direction, Observer, Surroundings, Transaction
from gateway.sip.transaction.invite_client import InviteClientTransaction
from gateway.sip.transaction.invite_server import InviteServerTransaction
from gateway.sip.transaction.matching import (
    ClientKey,
    ServerKey,
    ack_keys,
    acknowledges,
    client_key,
    is_rfc3261,
    server_key,
)
from gateway.sip.transaction.non_invite_client import NonInviteClientTransaction
from gateway.sip.transaction.non_invite_server import NonInviteServerTransaction
from gateway.sip.transaction.rejection import rejection
from gateway.sip.transaction.routing import host_text, is_sent_by, mark_source, reply_flow
from gateway.sip.transaction.timers import TransactionTimers
from gateway.sip.transaction.user import ClientUser, TransactionUser

PING = b"\r\n\r\n"
PONG = b"\r\n"

AnyServerTransaction = InviteServerTransaction | NonInviteServerTransaction
AnyClientTransaction = InviteClientTransaction | NonInviteClientTransaction


@frozen
class TransactionSettings:
    """What can be chosen.

    Args:
        timers: T1, T2, T4.
        sent_by: host and port that we write into Via; None for the flow's own local address.
        trying_after_s: how long the TU may take before a 100 goes out for an INVITE, at most 0.2 s. 0: if the TU has
            sent nothing in its first turn, 100 follows at once.
    """

    timers: TransactionTimers = field(factory=TransactionTimers)
    sent_by: tuple[str, int] | None = None
    trying_after_s: float = field(default=0.0)

    @trying_after_s.validator
    def _within_200_ms(self, _: object, value: float) -> None:
        # RFC 3261 §17.2.1: "unless it knows that the TU will generate a provisional or final response within 200 ms"
        if not 0 <= value <= 0.2:
            raise ValueError(f"trying_after_s must be 0 to 0.2, not {value}")


@frozen
class TransactionCounts:
    """What has come to nothing, for the console.

    Args:
        unreadable: octets dropped without an answer: no message, or one that has no answer.
        rejected: requests answered 400, 413 or 505 without a transaction.
        foreign: responses whose sent-by is not ours, or that have passed elsewhere.
        stray: responses and ACKs without a transaction, given to the TU.
        keepalives: empty datagrams and pings.
    """

    unreadable: int = 0
    rejected: int = 0
    foreign: int = 0
    stray: int = 0
    keepalives: int = 0


class TransactionLayer:
    """All the transactions of one element.

    Args:
        settings: timers and names.
        user: who gets what arrives unasked.
        identifiers: makes a new random word, unique for good, at each call: for branches and tags.
        outbox: where effects go.
        observer: told of each message that comes and goes.
    """

    __slots__ = (
        "__weakref__",
        "_by_connection",
        "_client_surroundings",
        "_clients",
        "_counts",
        "_identifiers",
        "_observer",
        "_outbox",
        "_server_count",
        "_server_surroundings",
        "_servers",
        "_settings",
        "_user",
    )

    def __init__(
        self,
        settings: TransactionSettings,
        user: TransactionUser,
        identifiers: Callable[[], str],
        outbox: Outbox,
        observer: Observer | None = None,
    ) -> None:
        self._settings = settings
        self._user = user
        self._identifiers = identifiers
        self._outbox = outbox.fork(self)
        self._observer = observer
        self._clients: dict[ClientKey, AnyClientTransaction] = {}
        self._servers: dict[ServerKey, dict[str, AnyServerTransaction]] = {}
        self._server_count = 0
        self._by_connection: dict[int, dict[Transaction, None]] = {}
        self._client_surroundings = Surroundings(settings.timers, settings.trying_after_s, self._client_ended, observer)
        self._server_surroundings = Surroundings(settings.timers, settings.trying_after_s, self._server_ended, observer)
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> TransactionCounts:
        """What has come to nothing so far."""
        return TransactionCounts(**self._counts)

    @property
    def open_transactions(self) -> int:
        """How many transactions there are, of all four kinds."""
        return len(self._clients) + self._server_count

    def timer_fired(self, name: str) -> None:
        """The layer starts no timers: its transactions have their own.

        Raises:
            LocalProtocolError: always.
        """
        raise LocalProtocolError(f"the transaction layer has no timer {name!r}")

    # ---- from the network

    def octets_received(self, data: bytes, flow: Flow) -> None:
        """A datagram, or one message of a stream.

        Args:
            data: its octets.
            flow: the way it came.
        """
        try:
            message = parse_message(data)
        except ParseError as error:
            if data.strip(b"\r\n\0 \t"):
                self.broken_received(data, flow, error)
            elif flow.transport.reliable and PING in data:
                self.ping_received(flow)
            else:
                # RFC 5626 §4.4.1: CRLF as a ping "MUST NOT be used with connection-less transports such as UDP"; it
                # keeps an address translation open there, and wants no answer.
                self._count(keepalives=1)
            return
        self.message_received(message, flow, data)

    def ping_received(self, flow: Flow) -> None:
        """A double CRLF between the messages of a stream (RFC 5626 §4.4.1): 'the server "pong" is a single CRLF'."""
        self._count(keepalives=1)
        self._outbox.append(Transmit(PONG, flow))

    def broken_received(self, data: bytes, flow: Flow, error: GatewayError) -> None:
        """Octets that are no message, or, in a stream, whose end cannot be known.

        Args:
            data: the octets, as far as they are known.
            flow: the way they came.
            error: what is wrong with them; a `RemoteProtocolError` says which status to answer.
        """
        request = salvage(data)
        if request is None:
            self._count(unreadable=1)
            return
        if self._observer is not None:
            self._observer(Direction.RECEIVED, request, flow, data)
        mark_source(request, flow)
        self._reject(request, flow, error)

    def message_received(self, message: Request | Response, flow: Flow, octets: bytes = b"") -> None:
        """A message that has been parsed already.

        Args:
            message: the layer's from now on: a request's top Via gets received and rport.
            flow: the way it came.
            octets: as it was on the wire, for the observer.
        """
        if self._observer is not None:
            self._observer(Direction.RECEIVED, message, flow, octets or message.serialize())
        if isinstance(message, Response):
            self._response_received(message, flow)
        elif message.method == "ACK":
            self._ack_received(message, flow)
        else:
            self._request_received(message, flow, octets)

    def transport_failed(self, flow: Flow, why: str) -> None:
        """What was to be sent along this flow could not be (§18.4).

        Of a connection its number tells, whatever its far end is called. What has no connection fails seldom: then all
        transactions are walked through.
        """
        if flow.connection:
            for transaction in list(self._by_connection.get(flow.connection, ())):
                transaction.transport_failed(why)
            return
        servers = [server for same_key in self._servers.values() for server in same_key.values()]
        for one in (*self._clients.values(), *servers):
            if one.way == flow:
                one.transport_failed(why)

    def _request_received(self, request: Request, flow: Flow, octets: bytes) -> None:
        try:
            key = server_key(request)
        except ParseError as error:
            self._refuse(request, flow, error)
            return
        same_key = self._servers.get(key)
        if same_key is not None and (known := same_key.get(request.method)) is not None:
            known.request_received()
            return
        mark_source(request, flow)
        try:
            validate(request)
        except ParseError as error:
            self._reject(request, flow, error)
            return
        transaction = self._open(request, flow, key, same_key)
        transaction.received = octets

    def _open(
        self, request: Request, flow: Flow, key: ServerKey, same_key: dict[str, AnyServerTransaction] | None
    ) -> AnyServerTransaction:
        kind = InviteServerTransaction if request.method == "INVITE" else NonInviteServerTransaction
        way_back = reply_flow(request.via, flow)
        transaction = kind(request, flow, way_back, self._user, self._server_surroundings, self._outbox)
        transaction.key = key
        if same_key is None:
            same_key = self._servers[key] = {}
        if request.method == "CANCEL":
            self._pass_cancel_up(transaction, same_key)
        else:
            self._outbox.append(tell(self._user.request_received, transaction))
        same_key[request.method] = transaction
        self._server_count += 1
        self._goes_by_connection(transaction)
        if request.method == "INVITE":
            self._outbox.append(tell(transaction.passed_up))
        else:
            # The TU's answer may itself be an effect in the queue; timers need not start only to be stopped by it.
            self._outbox.append(tell(self._passed_up, transaction))
        return transaction

    def _passed_up(self, transaction: AnyServerTransaction) -> None:
        self._outbox.append(tell(transaction.passed_up))

    def _pass_cancel_up(self, cancel: AnyServerTransaction, same_key: dict[str, AnyServerTransaction]) -> None:
        # §9.2: "taking the CANCEL request, and then assuming that the request method is anything but CANCEL or ACK and
        # applying the transaction matching procedures of Section 17.2.3"
        invite = same_key.get("INVITE")
        if invite is None and same_key:
            # "Regardless of the method of the original request, as long as the CANCEL matched an existing transaction,
            # the UAS answers the CANCEL request itself with a 200 (OK) response"; and it "has no impact" otherwise.
            answer = respond(cancel.request, 200, to_tag=self._identifiers())
            self._outbox.append(tell(cancel.respond, answer))
            return
        self._outbox.append(tell(self._user.cancel_received, cancel, invite))

    def _ack_received(self, request: Request, flow: Flow) -> None:
        try:
            invite = self._acknowledged(request)
            if invite is None or invite.state == "Accepted":
                validate(request)
        except ParseError:
            # §17 names "a response to ACK" among what is disallowed: there is nobody to tell.
            self._count(unreadable=1)
            return
        if invite is not None:
            invite.ack_received(request, flow)
        else:
            self._count(stray=1)
            self._outbox.append(tell(self._user.ack_received, request, flow))

    def _acknowledged(self, request: Request) -> InviteServerTransaction | None:
        for key in ack_keys(request):
            invite = self._servers.get(key, {}).get("INVITE")
            if isinstance(invite, InviteServerTransaction) and (
                is_rfc3261(request.via) or acknowledges(request, invite.last_response)
            ):
                return invite
        return None

    def _response_received(self, response: Response, flow: Flow) -> None:
        try:
            client = self._clients.get(client_key(response))
            # §18.1.2: "If the value of the "sent-by" parameter ... does not correspond to a value that the client
            # transport is configured to insert into requests, the response MUST be silently discarded."
            if not is_sent_by(response.via, *self._sent_by(flow if client is None else client.flow)):
                self._count(foreign=1)
                return
            validate(response)
        except ParseError:
            self._count(unreadable=1)
            return
        if client is None:
            self._count(stray=1)
            self._outbox.append(tell(self._user.stray_response_received, response, flow))
        elif len(response.vias) != len(client.request.headers.values("Via")):
            # §8.1.3.3: "If more than one Via header field value is present in a response, the UAC SHOULD discard the
            # message."
            self._count(foreign=1)
        else:
            client.response_received(response)

    # ---- from the TU

    def new_branch(self) -> str:
        """A branch for a request, for whoever wants to know it before the request is sent (§8.1.1.7)."""
        return MAGIC_COOKIE + self._identifiers()

    def send_request(self, request: Request, flow: Flow, user: ClientUser, branch: str = "") -> None:
        """Send a request: put our Via on top and begin a client transaction; an ACK to a 2xx is only sent (§17.1).

        Args:
            request: the layer's from now on; afterwards `request.via.branch` is there to be read.
            flow: where to. Whether a request of more than 1300 octets may go by UDP (§18.1.1) the caller decides.
            user: is told what comes of it; nothing, for an ACK.
            branch: for a CANCEL that of the INVITE (§9.1); else "" for a new one, or one of `new_branch`.

        Raises:
            LocalProtocolError: there is such a transaction already.
        """
        branch = branch or self.new_branch()
        key = branch, request.method
        if key in self._clients:
            raise LocalProtocolError(f"a {request.method} with branch {branch} is under way")
        host, port = self._sent_by(flow)
        parameters = Parameters((("branch", branch), ("rport", None)))
        request.push_via(Via(flow.transport.value, host_text(host), port, parameters))
        if request.method == "ACK":
            self.repeat_ack(request, flow)
        elif request.method == "INVITE":
            self._clients[key] = invite = InviteClientTransaction(
                request, flow, user, self._client_surroundings, self._outbox
            )
            invite.key = key
            self._goes_by_connection(invite)
        else:
            self._clients[key] = client = NonInviteClientTransaction(
                request, flow, user, self._client_surroundings, self._outbox
            )
            client.key = key
            self._goes_by_connection(client)
            cancelled = self._clients.get((branch, "INVITE")) if request.method == "CANCEL" else None
            if isinstance(cancelled, InviteClientTransaction):
                self._outbox.append(tell(cancelled.cancel_sent))

    def repeat_ack(self, request: Request, flow: Flow) -> None:
        """Send an ACK that `send_request` has sent before, as it was: the 2xx came again (§13.2.2.4)."""
        self._transmit(request, flow)

    # ---- within

    def _sent_by(self, flow: Flow) -> tuple[str, int]:
        return self._settings.sent_by or flow.local

    def _transmit(self, message: Request | Response, flow: Flow) -> None:
        octets = message.serialize()
        self._outbox.append(Transmit(octets, flow))
        if self._observer is not None:
            self._observer(Direction.SENT, message, flow, octets)

    def _refuse(self, request: Request, flow: Flow, error: ParseError) -> None:
        """A request that was read, but not so far as to find its transaction."""
        try:
            mark_source(request, flow)
        except ParseError:
            # Without a Via that can be read there is no way back.
            self._count(unreadable=1)
            return
        self._reject(request, flow, error)

    def _reject(self, request: Request, flow: Flow, error: GatewayError) -> None:
        if request.method == "ACK":
            self._count(unreadable=1)
            return
        self._count(rejected=1)
        self._transmit(rejection(request, error), reply_flow(request.via, flow))

    def _count(self, **more: int) -> None:
        self._counts.update(more)

    def _goes_by_connection(self, transaction: Transaction) -> None:
        if transaction.way.connection:
            self._by_connection.setdefault(transaction.way.connection, {})[transaction] = None

    def _leaves_connection(self, transaction: Transaction) -> None:
        connection = transaction.way.connection
        others = self._by_connection.get(connection, {})
        others.pop(transaction, None)
        if not others:
            self._by_connection.pop(connection, None)

    def _client_ended(self, transaction: Transaction) -> None:
        self._leaves_connection(transaction)
        self._clients.pop((transaction.key[0], transaction.key[1]), None)

    def _server_ended(self, transaction: Transaction) -> None:
        self._leaves_connection(transaction)
        same_key = self._servers.get(transaction.key)
        if same_key is not None and same_key.pop(transaction.method, None) is not None:
            self._server_count -= 1
            if not same_key:
                del self._servers[transaction.key]
