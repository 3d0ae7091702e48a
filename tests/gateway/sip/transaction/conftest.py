"""A laboratory for transactions: a clock turned by hand, a wire that keeps what was sent, a TU that writes all down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count

import pytest

from gateway.core.effects import Effect, Machine, Outbox, StartTimer, StopTimer, tell
from gateway.core.pump import Pump
from gateway.sip.effects import Flow, Transmit, Transport
from gateway.sip.message import Message, Request, Response, parse_message, respond
from gateway.sip.transaction.base import Direction, Surroundings, Transaction
from gateway.sip.transaction.layer import TransactionLayer, TransactionSettings
from gateway.sip.transaction.timers import TransactionTimers
from gateway.sip.transaction.user import ServerTransaction

UDP = Flow(Transport.UDP, ("192.0.2.1", 5060), ("192.0.2.9", 5070))
TCP = Flow(Transport.TCP, ("192.0.2.1", 5060), ("192.0.2.9", 41000), connection=7)


def octets_of(
    method: str,
    *,
    branch: str | None = "z9hG4bKone",
    transport: str = "UDP",
    sent_by: str = "192.0.2.9:5070",
    via: str | None = None,
    to_tag: str = "",
    cseq: str = "",
    number: int = 1,
    extra: Iterable[str] = (),
    without: str = "",
) -> bytes:
    """A plain good request, or one that differs from it by what is asked for."""
    if via is None:
        via = f"SIP/2.0/{transport} {sent_by}" + ("" if branch is None else f";branch={branch}")
    fields = {
        "Via": via,
        "Max-Forwards": "70",
        "From": "<sip:caller@192.0.2.9>;tag=from",
        "To": "<sip:+33199000000@192.0.2.1>" + (f";tag={to_tag}" if to_tag else ""),
        "Call-ID": "call@192.0.2.9",
        "CSeq": cseq or f"{number} {method}",
        "Contact": "<sip:caller@192.0.2.9:5070>",
    }
    lines = [f"{method} sip:+33199000000@192.0.2.1 SIP/2.0"]
    lines += [f"{name}: {value}" for name, value in fields.items() if name != without]
    return "\r\n".join([*lines, *extra, "Content-Length: 0", "", ""]).encode()


class Notes:
    """A TransactionUser and ClientUser that writes down what it is told and answers what it is taught to."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.transactions: list[ServerTransaction] = []
        self.invites: list[ServerTransaction | None] = []
        self.responses: list[Response] = []
        self.acks: list[Request] = []
        self.answers: dict[str, int] = {}
        self.later: Outbox | None = None

    def request_received(self, transaction: ServerTransaction) -> None:
        self.told.append(f"request {transaction.request.method}")
        self.transactions.append(transaction)
        self._answer(transaction)

    def cancel_received(self, transaction: ServerTransaction, invite: ServerTransaction | None) -> None:
        self.told.append("cancel" if invite is not None else "cancel of nothing")
        self.transactions.append(transaction)
        self.invites.append(invite)
        self._answer(transaction)

    def _answer(self, transaction: ServerTransaction) -> None:
        status = self.answers.get(transaction.request.method)
        if status is not None:
            response = respond(transaction.request, status, to_tag="ours")
            if self.later is None:
                transaction.respond(response)
            else:
                self.later.append(tell(transaction.respond, response))

    def ack_received(self, request: Request, flow: Flow) -> None:
        self.told.append("ack")
        self.acks.append(request)

    def stray_response_received(self, response: Response, flow: Flow) -> None:
        self.told.append(f"stray {response.status}")

    def transaction_failed(self, transaction: ServerTransaction, why: str) -> None:
        self.told.append(f"failed: {why}")

    def response_received(self, response: Response) -> None:
        self.told.append(f"response {response.status}")
        self.responses.append(response)

    def request_timed_out(self) -> None:
        self.told.append("timed out")

    def transport_failed(self, why: str) -> None:
        self.told.append(f"transport failed: {why}")

    def take(self) -> list[str]:
        """What has been told since the last time."""
        told, self.told = self.told, []
        return told


class Lab:
    """One layer, run on a clock that only `advance` turns."""

    udp = UDP
    tcp = TCP
    octets = staticmethod(octets_of)

    def __init__(self, settings: TransactionSettings) -> None:
        self.now = 0.0
        self.timers: dict[tuple[int, str], tuple[float, int, Machine]] = {}
        self.wire: list[tuple[float, bytes, Flow]] = []
        self.seen: list[tuple[Direction, Message, Flow, bytes]] = []
        self.mishaps: list[Exception] = []
        self.started: list[str] = []
        self.user = Notes()
        self._order = count()
        self.pump = Pump(self._perform, lambda _owner, _effect, error: self.mishaps.append(error))
        identifiers = count(1)
        self.layer = TransactionLayer(
            settings,
            self.user,
            lambda: f"id{next(identifiers)}",
            self.pump.outbox(),
            lambda *seen: self.seen.append(seen),
        )

    def _perform(self, owner: Machine | None, effect: Effect) -> None:
        if isinstance(effect, Transmit):
            self.wire.append((self.now, effect.octets, effect.flow))
            return
        assert owner is not None
        if isinstance(effect, StartTimer):
            assert effect.seconds > 0
            self.started.append(effect.name)
            self.timers[id(owner), effect.name] = (self.now + effect.seconds, next(self._order), owner)
        elif isinstance(effect, StopTimer):
            self.timers.pop((id(owner), effect.name), None)
        else:
            raise AssertionError(f"nobody performs {effect!r}")

    def receive(self, data: bytes, flow: Flow = UDP) -> None:
        """Octets come in; whatever goes wrong within is raised here."""
        self.pump.deliver(self.layer.octets_received, data, flow)
        self.check()

    def do(self, method: Callable[..., None], *arguments: object) -> None:
        """Give any machine an input."""
        self.pump.deliver(method, *arguments)
        self.check()

    def check(self) -> None:
        """Raise what a machine has raised."""
        if self.mishaps:
            raise self.mishaps.pop()

    def advance(self, seconds: float) -> None:
        """Turn the clock, letting the timers on the way run out in their order."""
        until = self.now + seconds
        while self.timers:
            due, _, _ = least = min(self.timers.values(), key=lambda timer: timer[:2])
            if due > until:
                break
            key = next(key for key, timer in self.timers.items() if timer is least)
            owner = self.timers.pop(key)[2]
            self.now = due
            self.do(owner.timer_fired, key[1])
        self.now = until

    def run_out(self) -> None:
        """Turn the clock until no timer is left."""
        for _ in range(1000):
            if not self.timers:
                return
            self.advance(600.0)
        raise AssertionError(f"timers without end: {sorted(name for _, name in self.timers)}")

    def sent(self) -> list[str]:
        """What went out since the last time: method or status of each."""
        return [name for _, name in self.schedule()]

    def schedule(self) -> list[tuple[float, str]]:
        """What went out since the last time, and when."""
        taken, self.wire = self.wire, []
        return [(at, _name(octets)) for at, octets, _ in taken]

    def last(self) -> Request | Response:
        """The last message that went out."""
        return parse_message(self.wire[-1][1])

    def response_to(self, request: Request, status: int, *, to_tag: str = "theirs") -> bytes:
        """The octets of a peer's response to a request of ours."""
        return respond(request, status, to_tag=to_tag).serialize()


def _name(octets: bytes) -> str:
    if not octets.strip(b"\r\n"):
        return "CRLF"
    message = parse_message(octets)
    return message.method if isinstance(message, Request) else str(message.status)


class Bench:
    """One machine by itself: what it put into its outbox, and what state it is in."""

    udp = UDP
    tcp = TCP
    octets = staticmethod(octets_of)

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.user = Notes()
        self.ended: list[Transaction] = []
        self.surroundings = Surroundings(TransactionTimers(), 0.2, self.ended.append)

    def request(self, method: str, flow: Flow = UDP) -> Request:
        """A good request, parsed."""
        request = parse_message(octets_of(method, transport=flow.transport.value))
        assert isinstance(request, Request)
        return request


@pytest.fixture
def lab() -> Lab:
    """A laboratory with the settings a gateway has by default."""
    return Lab(TransactionSettings())


@pytest.fixture
def make_lab() -> Callable[[TransactionSettings], Lab]:
    """Laboratories with other settings."""
    return Lab


@pytest.fixture
def bench() -> Bench:
    """A place to try one machine."""
    return Bench()


@pytest.fixture
def make_bench() -> Callable[[], Bench]:
    """Such places, one for each try."""
    return Bench
