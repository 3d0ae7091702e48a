"""A world in which SIP machines run without a clock and without sockets: simulated time, and a network that loses,
repeats and reorders what is sent, the same way for the same seed.

    world = Simulation(seed=1, loss=0.2)
    alice = SimulatedUserAgent(world, "alice", ("192.0.2.1", 5060))
    bob = SimulatedUserAgent(world, "bob", ("192.0.2.2", 5060))
    session = alice.call(bob, sdp=b"v=0...")
    world.run(1.0)
    bob.session.progress(180)
    world.run_to_rest()
    assert alice.heard == ["progress_received", ...]

`Simulation` is a pump with a performer: it obeys StartTimer and StopTimer, carries Transmit over its network, and
keeps Records. Whoever has other effects adds performers with `Simulation.perform`. An exception that a machine raises
comes out of `run` at once.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from attrs import field, frozen
from attrs.validators import and_, ge, le

from gateway.core.clause import Decision
from gateway.core.effects import Effect, Machine, Outbox, Record, StartTimer, StopTimer
from gateway.core.pump import Pump
from gateway.sip.dialog.client_session import ClientSession
from gateway.sip.dialog.server_session import ServerSession
from gateway.sip.dialog.settings import Reliability, UserAgentSettings
from gateway.sip.effects import Flow, Transmit, Transport
from gateway.sip.message import Request, Response, parse_message
from gateway.sip.transaction.layer import TransactionLayer, TransactionSettings
from gateway.sip.transaction.user import ServerTransaction
from gateway.sip.user_agent import UserAgent

P = ParamSpec("P")
E = TypeVar("E", bound=Effect)

Address = tuple[str, int]
Callback = Callable[[], None]


class SimulatedClock:
    """Time that passes only when it is told to; what is due at the same moment happens in the order of the asking."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._heap: list[tuple[float, int, Callback]] = []
        self._cancelled: set[int] = set()
        self._order = itertools.count()
        self._timers: dict[tuple[int, str], tuple[int, Machine]] = {}

    def call_later(self, seconds: float, callback: Callback) -> int:
        """Call back after so many seconds; the number returned is for `cancel`."""
        number = next(self._order)
        heapq.heappush(self._heap, (self.now_s + max(0.0, seconds), number, callback))
        return number

    def cancel(self, number: int) -> None:
        """Do not call back."""
        self._cancelled.add(number)

    def start(self, owner: Machine, name: str, seconds: float, fire: Callback) -> None:
        """Obey a StartTimer; a timer of that name that runs starts afresh."""
        self.stop(owner, name)

        def due() -> None:
            del self._timers[id(owner), name]
            fire()

        self._timers[id(owner), name] = (self.call_later(seconds, due), owner)

    def stop(self, owner: Machine, name: str) -> None:
        """Obey a StopTimer."""
        running = self._timers.pop((id(owner), name), None)
        if running is not None:
            self.cancel(running[0])

    @property
    def running(self) -> list[tuple[str, str]]:
        """The timers that run: the owner's class and the timer's name."""
        return sorted((type(owner).__name__, name) for (_, name), (_, owner) in self._timers.items())

    def next_due_s(self) -> float | None:
        """When the next thing is due, None when nothing is."""
        while self._heap and self._heap[0][1] in self._cancelled:
            self._cancelled.discard(heapq.heappop(self._heap)[1])
        return self._heap[0][0] if self._heap else None

    def step(self) -> bool:
        """Let time pass until the next thing that is due, and do that; False when there is none."""
        due = self.next_due_s()
        if due is None:
            return False
        self.now_s = due
        heapq.heappop(self._heap)[2]()
        return True

    def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.now_s + seconds
        while (due := self.next_due_s()) is not None and due <= end:
            self.step()
        self.now_s = end


@frozen
class Sent:
    """One message on the simulated network, as it was sent.

    Args:
        at_s: when.
        octets: the message.
        flow: the sender's.
        copies: how many arrive: 0 if it was lost, 2 if it was repeated.
    """

    at_s: float
    octets: bytes
    flow: Flow
    copies: int

    @property
    def message(self) -> Request | Response:
        """The message, parsed."""
        return parse_message(self.octets)

    @property
    def summary(self) -> str:
        """Method, or status and method: "INVITE", "180 INVITE"."""
        message = self.message
        return message.method if isinstance(message, Request) else f"{message.status} {message.cseq.method}"


@frozen
class Weather:
    """How bad a simulated network is; TCP suffers none of it but the least delay.

    Args:
        loss: the share of messages that do not arrive, 0 to 1.
        duplication: the share that arrives twice, 0 to 1.
        least_delay_s: how long a message takes at least.
        most_delay_s: how long at most; messages overtake each other if it is more.
    """

    loss: float = field(default=0.0, validator=and_(ge(0.0), le(1.0)))
    duplication: float = field(default=0.0, validator=and_(ge(0.0), le(1.0)))
    least_delay_s: float = 0.001
    most_delay_s: float = 0.001


class SimulatedNetwork:
    """Carries SIP messages between addresses.

    Args:
        clock: whose time it takes.
        chance: decides what is lost, repeated and late.
        weather: how much of that.
    """

    def __init__(self, clock: SimulatedClock, chance: random.Random, weather: Weather) -> None:
        self.weather = weather
        self.sent: list[Sent] = []
        """Everything that was sent, in order."""
        self.lose: Callable[[Sent], bool] | None = None
        """Decides besides `weather` what is lost: a test that needs one certain loss puts a function here."""
        self._clock = clock
        self._chance = chance
        self._receivers: dict[Address, Callable[[bytes, Flow], None]] = {}

    def attach(self, address: Address, receive: Callable[[bytes, Flow], None]) -> None:
        """Whatever is sent to the address goes to `receive`, with the flow as the receiver sees it."""
        self._receivers[address] = receive

    def transmit(self, octets: bytes, flow: Flow) -> None:
        """Send one message. What goes to an address where nobody is attached is lost."""
        weather = self.weather
        copies = 1
        if not flow.transport.reliable:
            if self._chance.random() < weather.loss:
                copies = 0
            elif self._chance.random() < weather.duplication:
                copies = 2
        sent = Sent(self._clock.now_s, octets, flow, copies)
        if self.lose is not None and self.lose(sent):
            copies, sent = 0, Sent(self._clock.now_s, octets, flow, 0)
        self.sent.append(sent)
        receive = self._receivers.get(flow.remote)
        if receive is None:
            return
        backwards = Flow(flow.transport, flow.remote, flow.local, flow.connection)
        for _ in range(copies):
            delay_s = weather.least_delay_s
            if not flow.transport.reliable and weather.most_delay_s > delay_s:
                delay_s = self._chance.uniform(delay_s, weather.most_delay_s)
            self._clock.call_later(delay_s, lambda: receive(octets, backwards))

    def summaries(self, sender: Address | None = None) -> list[str]:
        """What was sent, by one address or by all, in words: ["INVITE", "100 INVITE", ...]."""
        return [sent.summary for sent in self.sent if sender is None or sent.flow.local == sender]


class Simulation:
    """A pump, a clock and a network.

    Args:
        seed: of all chance.
        weather: how bad the network is.
    """

    def __init__(self, seed: int = 0, weather: Weather | None = None) -> None:
        self.chance = random.Random(seed)
        self.clock = SimulatedClock()
        self.network = SimulatedNetwork(self.clock, self.chance, weather or Weather())
        self.records: list[tuple[str, Decision]] = []
        """The decisions recorded: the call and the decision."""
        self._performers: dict[type[Effect], Callable[[Machine | None, Effect], None]] = {}
        self.pump = Pump(self._perform, self._mishap)

    def outbox(self) -> Outbox:
        """The root outbox: fork it for each machine."""
        return self.pump.outbox()

    def deliver(self, method: Callable[P, None], *arguments: P.args, **keywords: P.kwargs) -> None:
        """Give a machine an input and run everything that follows from it at once."""
        self.pump.deliver(method, *arguments, **keywords)

    def perform(self, kind: type[E], performer: Callable[[Machine | None, E], None]) -> None:
        """Have effects of another kind performed: by the machine that asked and the effect."""
        self._performers[kind] = performer  # type: ignore[assignment]

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        self.clock.advance(seconds)

    def run_to_rest(self, limit_s: float = 3600.0) -> float:
        """Let time pass until nothing is due any more.

        Returns:
            How many seconds that took.

        Raises:
            AssertionError: something is still due after `limit_s`.
        """
        began_s = self.clock.now_s
        while (due := self.clock.next_due_s()) is not None:
            if due - began_s > limit_s:
                raise AssertionError(f"not at rest after {limit_s} s; timers running: {self.clock.running}")
            self.clock.step()
        return self.clock.now_s - began_s

    def _perform(self, owner: Machine | None, effect: Effect) -> None:
        if type(effect) is Transmit:
            self.network.transmit(effect.octets, effect.flow)
        elif type(effect) is StartTimer and owner is not None:
            name = effect.name
            self.clock.start(owner, name, effect.seconds, lambda: self.pump.deliver(owner.timer_fired, name))
        elif type(effect) is StopTimer and owner is not None:
            self.clock.stop(owner, effect.name)
        elif type(effect) is Record:
            self.records.append((effect.call, effect.decision))
        elif (performer := self._performers.get(type(effect))) is not None:
            performer(owner, effect)
        else:
            raise AssertionError(f"nobody performs {effect!r}, asked for by {owner!r}")

    def _mishap(self, owner: Machine | None, effect: Effect, error: Exception) -> None:
        raise error


class SimulatedUserAgent:
    """A user agent with its transaction layer on a simulated network, and a user that notes what it is told.

    Args:
        world: where it lives.
        name: begins all its identifiers, and is the user part of its URI.
        address: its address.
        reliability: its use of 100rel.
        transport: what it calls over.
    """

    def __init__(
        self,
        world: Simulation,
        name: str,
        address: Address,
        reliability: Reliability = Reliability.WHEN_SUPPORTED,
        transport: Transport = Transport.UDP,
    ) -> None:
        self.world = world
        self.address = address
        self.uri = f"sip:{name}@{address[0]}:{address[1]}"
        self.told: list[tuple[str, tuple[object, ...]]] = []
        """What its user was told: the name of the method and its arguments."""
        self.sessions: list[ServerSession] = []
        """The sessions that were offered to it."""
        self._transport = transport
        numbers = itertools.count(1)
        outbox = world.outbox()

        def identify() -> str:
            return f"{name}-{next(numbers)}"

        settings = UserAgentSettings(
            random_int=world.chance.randint,
            contact_uri=self.uri,
            product=f"{name}/1",
            reliability=reliability,
        )
        self.agent = UserAgent(settings, self, identify, outbox)
        self.layer = TransactionLayer(TransactionSettings(), self.agent, identify, outbox)
        self.agent.layer = self.layer
        self.on: dict[str, Callable[..., None]] = {}
        """What its user does when it is told something: by the method's name, with the method's arguments."""
        world.network.attach(address, lambda data, flow: world.deliver(self.layer.octets_received, data, flow))

    @property
    def heard(self) -> list[str]:
        """The names of what its user was told."""
        return [name for name, _ in self.told]

    @property
    def session(self) -> ServerSession:
        """The latest session that was offered to it."""
        return self.sessions[-1]

    @property
    def at_rest(self) -> bool:
        """Whether it has no session, dialog or transaction left."""
        return not (self.agent.open_sessions or self.agent.open_dialogs or self.layer.open_transactions)

    def call(
        self, to: SimulatedUserAgent | str, sdp: bytes = b"", headers: Iterable[tuple[str, str]] = ()
    ) -> ClientSession:
        """Call another one, or a URI with its host's address."""
        uri = to if isinstance(to, str) else to.uri
        host, _, port = uri.partition("@")[2].partition(":")
        flow = Flow(self._transport, self.address, (host, int(port or 5060)))
        session = self.agent.client_session(self)
        self.world.deliver(session.invite, uri, flow, f"<{self.uri}>", f"<{uri}>", "", sdp, tuple(headers))
        return session

    def do(self, method: Callable[P, None], *arguments: P.args, **keywords: P.kwargs) -> None:
        """Let its user ask a session for something."""
        self.world.deliver(method, *arguments, **keywords)

    def _tell(self, name: str, *arguments: object) -> None:
        self.told.append((name, arguments))
        then = self.on.get(name)
        if then is not None:
            then(*arguments)

    def session_offered(self, session: ServerSession) -> None:
        """As UserAgentUser."""
        session.attach(self)
        self.sessions.append(session)
        self._tell("session_offered", session)

    def bye_received(self, reasons: tuple[str, ...]) -> None:
        """As SessionUser."""
        self._tell("bye_received", reasons)

    def info_received(self, transaction: ServerTransaction) -> None:
        """As SessionUser."""
        self._tell("info_received", transaction)

    def offer_received(self, transaction: ServerTransaction) -> None:
        """As SessionUser."""
        self._tell("offer_received", transaction)

    def answer_received(self, sdp: bytes) -> None:
        """As SessionUser."""
        self._tell("answer_received", sdp)

    def request_failed(self, method: str, status: int) -> None:
        """As SessionUser."""
        self._tell("request_failed", method, status)

    def cancel_received(self, reasons: tuple[str, ...]) -> None:
        """As ServerSessionUser."""
        self._tell("cancel_received", reasons)

    def acknowledged(self) -> None:
        """As ServerSessionUser."""
        self._tell("acknowledged")

    def acknowledgement_timed_out(self) -> None:
        """As ServerSessionUser."""
        self._tell("acknowledgement_timed_out")

    def acceptance_timed_out(self) -> None:
        """As ServerSessionUser."""
        self._tell("acceptance_timed_out")

    def progress_received(self, response: Response) -> None:
        """As ClientSessionUser."""
        self._tell("progress_received", response)

    def answered(self, response: Response) -> None:
        """As ClientSessionUser."""
        self._tell("answered", response)

    def rejected(self, response: Response) -> None:
        """As ClientSessionUser."""
        self._tell("rejected", response)

    def failed(self, why: str) -> None:
        """As ClientSessionUser."""
        self._tell("failed", why)


class ScriptedPeer:
    """A peer without any logic: a test writes its messages and reads what it gets.

    Args:
        world: where it lives.
        address: its address.
        towards: the address that it sends to.
        transport: what it sends over.
    """

    def __init__(
        self, world: Simulation, address: Address, towards: Address, transport: Transport = Transport.UDP
    ) -> None:
        self.received: list[Request | Response] = []
        """What has come, retransmissions too."""
        self._world = world
        self._flow = Flow(transport, address, towards)
        world.network.attach(address, lambda data, flow: self.received.append(parse_message(data)))

    def send(self, message: Request | Response | bytes) -> None:
        """Send a message, and let it arrive."""
        octets = message if isinstance(message, bytes) else message.serialize()
        self._world.network.transmit(octets, self._flow)
        self._world.run(self._world.network.weather.most_delay_s)
        self._world.run(self._world.network.weather.most_delay_s)

    def take(self) -> list[Request | Response]:
        """What has come since the last time."""
        taken, self.received = self.received, []
        return taken

    def take_summaries(self) -> list[str]:
        """What has come since the last time, in words."""
        return [
            message.method if isinstance(message, Request) else f"{message.status} {message.cseq.method}"
            for message in self.take()
        ]

    def requests(self, method: str) -> list[Request]:
        """The requests of this method that have come and have not been taken."""
        return [each for each in self.received if isinstance(each, Request) and each.method == method]

    def response(self, status: int) -> Response:
        """The latest response of this status that has come and has not been taken.

        Raises:
            AssertionError: there is none.
        """
        for each in reversed(self.received):
            if isinstance(each, Response) and each.status == status:
                return each
        raise AssertionError(f"no {status} among {[each.serialize()[:40] for each in self.received]}")
