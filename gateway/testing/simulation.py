"""A world in which SIP machines run without a clock and without sockets: simulated time, and a network that loses,
repeats and reorders what is sent, the same way for the same seed.

    world = Simulation(seed=1, weather=Weather(loss=0.2))
    machine = SomeMachine(..., world.outbox())
    world.network.attach(("192.0.2.1", 5060), lambda octets, flow: world.deliver(machine.octets_received, octets, flow))
    world.deliver(machine.some_input, "argument")
    world.run(1.0)
    world.run_to_rest()
    assert world.network.summaries() == ["INVITE", "100 INVITE", ...]

`gateway.testing.user_agents` has whole SIP user agents for it.

`Simulation` is a pump with a performer: it obeys StartTimer and StopTimer, carries Transmit over its network, and
keeps Records. Whoever has other effects adds performers with `Simulation.perform`. An exception that a machine raises
comes out of `run` at once.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from attrs import field, frozen
from attrs.validators import and_, ge, le

from gateway.core.clause import Decision
from gateway.core.effects import Effect, Machine, Outbox, Record, StartTimer, StopTimer
from gateway.core.pump import Pump
from gateway.sip.effects import Flow, Transmit
from gateway.sip.message import Request, Response, parse_message

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
