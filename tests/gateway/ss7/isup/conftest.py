"""A node on a bench: a manual clock, a scripted far end, users that write down what they are told."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import pytest

from gateway.core.effects import Effect, Machine, StartTimer, StopTimer
from gateway.core.pump import Pump
from gateway.ss7.effects import Transfer
from gateway.ss7.isup import codec
from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    CallingPartysCategory,
    EventInformation,
    ForwardCallIndicators,
    NatureOfConnectionIndicators,
    SuspendResumeIndicators,
    TransmissionMediumRequirement,
)
from gateway.ss7.isup.cause import CauseIndicators
from gateway.ss7.isup.incoming import IncomingCall
from gateway.ss7.isup.messages import MESSAGES, Message, MessageType
from gateway.ss7.isup.node import Node, NodeSettings
from gateway.ss7.isup.outgoing import OutgoingCall
from gateway.ss7.isup.parameter import Parameter, UnknownParameter
from gateway.ss7.isup.party_numbers import CalledPartyNumber, SubsequentNumber
from gateway.ss7.isup.timers import IsupTimers
from gateway.ss7.mtp3 import Mtp3Message, RoutingLabel, ServiceIndicator

NEAR = 200
FAR = 100

MANDATORY: dict[MessageType, tuple[Parameter, ...]] = {
    MessageType.IAM: (
        NatureOfConnectionIndicators(),
        ForwardCallIndicators(),
        CallingPartysCategory(),
        TransmissionMediumRequirement(),
        CalledPartyNumber(digits="33199000003"),
    ),
    MessageType.SAM: (SubsequentNumber(digits="12"),),
    MessageType.ACM: (BackwardCallIndicators(),),
    MessageType.CPG: (EventInformation(),),
    MessageType.CON: (BackwardCallIndicators(),),
    MessageType.REL: (CauseIndicators(16),),
    MessageType.SUS: (SuspendResumeIndicators(),),
    MessageType.RES: (SuspendResumeIndicators(),),
    MessageType.CFN: (CauseIndicators(97),),
}


def parameters_of(message_type: MessageType) -> tuple[Parameter, ...]:
    """The least that a message of this type must have; zeros where call control does not look at them."""
    layout = MESSAGES.get(message_type)
    if message_type in MANDATORY or layout is None:
        return MANDATORY.get(message_type, ())
    return (
        *(UnknownParameter(code, bytes(length)) for code, length in layout.fixed),
        *(UnknownParameter(code, b"\x80\x90") for code in layout.variable),
    )


class Simulation:
    """A pump with a clock that only moves when told."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.mishaps: list[Exception] = []
        self.pump = Pump(self._perform, self._mishap)
        self.on_transfer: Callable[[Machine | None, bytes], None] = lambda owner, octets: None
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self.running: dict[tuple[int, str], tuple[int, Machine, float]] = {}

    def at(self, delay_s: float, action: Callable[[], None]) -> int:
        """Do something later; the ticket that `_perform` compares."""
        self._serial += 1
        heapq.heappush(self._agenda, (self.now_s + delay_s, self._serial, action))
        return self._serial

    def _perform(self, owner: Machine | None, effect: Effect) -> None:
        match effect:
            case StartTimer(name, seconds):
                assert owner is not None
                key = (id(owner), name)
                ticket = self.at(seconds, lambda: self._fire(key, ticket))
                self.running[key] = (ticket, owner, seconds)
            case StopTimer(name):
                self.running.pop((id(owner), name), None)
            case Transfer(octets):
                self.on_transfer(owner, octets)
            case _:
                raise AssertionError(effect)

    def _mishap(self, owner: Machine | None, effect: Effect, error: Exception) -> None:
        self.mishaps.append(error)

    def _fire(self, key: tuple[int, str], ticket: int) -> None:
        running = self.running.get(key)
        if running is not None and running[0] == ticket:
            del self.running[key]
            self.pump.deliver(running[1].timer_fired, key[1])

    def timers(self) -> dict[str, float]:
        """The timers that run, and what each was started with."""
        return {name: seconds for (_, name), (_, _, seconds) in self.running.items()}

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now_s + seconds
        while self._agenda and self._agenda[0][0] <= end:
            self.now_s, _, action = heapq.heappop(self._agenda)
            action()
        self.now_s = end


class Notebook:
    """Writes down what it is told; takes any role."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, object]] = []
        self.seized: list[OutgoingCall] = []
        self.offered: list[IncomingCall] = []

    def names(self) -> list[str]:
        """What came, without the particulars, and forget it."""
        names = [name for name, _ in self.notes]
        self.notes.clear()
        return names

    def events(self) -> list[str]:
        """The circuit events, and forget everything."""
        events = [f"{note}" for name, note in self.notes if name == "circuit_event"]
        self.notes.clear()
        return events

    def call_offered(self, call: IncomingCall, message: Message) -> None:
        self.offered.append(call)
        self.notes.append(("call_offered", message))

    def circuit_event(self, cic: int, event: str) -> None:
        self.notes.append(("circuit_event", f"{cic} {event}"))

    def circuit_seized(self, call: OutgoingCall) -> None:
        self.seized.append(call)
        self.notes.append(("circuit_seized", call))

    def circuit_changed(self, call: OutgoingCall) -> None:
        self.notes.append(("circuit_changed", call))

    def no_circuit_available(self) -> None:
        self.notes.append(("no_circuit_available", None))

    def address_complete(self, message: Message) -> None:
        self.notes.append(("address_complete", message))

    def call_progress(self, message: Message) -> None:
        self.notes.append(("call_progress", message))

    def answered(self, message: Message) -> None:
        self.notes.append(("answered", message))

    def awaiting_address_complete_timed_out(self) -> None:
        self.notes.append(("awaiting_address_complete_timed_out", None))

    def awaiting_answer_timed_out(self) -> None:
        self.notes.append(("awaiting_answer_timed_out", None))

    def subsequent_address(self, message: Message) -> None:
        self.notes.append(("subsequent_address", message))

    def released(self, message: Message) -> None:
        self.notes.append(("released", message))

    def call_failed(self, cause: int, why: str) -> None:
        self.notes.append(("call_failed", (cause, why)))

    def circuit_released(self) -> None:
        self.notes.append(("circuit_released", None))

    def suspended(self, message: Message) -> None:
        self.notes.append(("suspended", message))

    def resumed(self, message: Message) -> None:
        self.notes.append(("resumed", message))


class Bench(Simulation):
    """One node; the far end is the test."""

    def __init__(self, settings: NodeSettings) -> None:
        super().__init__()
        self.sent: list[Message] = []
        self.on_transfer = self._transfer
        self.user = Notebook()
        self.node = Node(settings, self.user, self.pump.outbox())

    def _transfer(self, owner: Machine | None, octets: bytes) -> None:
        envelope = Mtp3Message.parse(octets)
        message = codec.parse(envelope.data)
        assert envelope.label == RoutingLabel(FAR, NEAR, message.cic & 15)
        self.sent.append(message)

    def said(self) -> list[str]:
        """What the node sent since last asked: "IAM 2"."""
        said = [f"{message.name} {message.cic}" for message in self.sent]
        self.sent.clear()
        return said

    def of(self, message_type: MessageType) -> tuple[Parameter, ...]:
        """Parameters for a request."""
        return parameters_of(message_type)

    def octets(self, message_type: MessageType, cic: int, *parameters: Parameter) -> bytes:
        """A message from the far end."""
        message = Message.of(message_type, cic, *(parameters or parameters_of(message_type)))
        label = RoutingLabel(NEAR, FAR, cic & 15)
        return Mtp3Message(ServiceIndicator.ISUP, 2, 0, label, codec.serialize(message)).serialize()

    def receive(self, message_type: MessageType, cic: int, *parameters: Parameter) -> None:
        """Let a message come from the far end."""
        self.pump.deliver(self.node.transfer_received, self.octets(message_type, cic, *parameters))

    def seize(self) -> tuple[OutgoingCall, Notebook]:
        """Take a circuit for a call."""
        user = Notebook()
        self.pump.deliver(self.node.seize, user)
        assert user.names() == ["circuit_seized"]
        return user.seized[0], user

    def call_out(self, *, state: str = "WaitForAcm") -> tuple[OutgoingCall, Notebook]:
        """An outgoing call, brought to a state."""
        call, user = self.seize()
        if state != "WaitForSetup":
            self.request(call.setup, *self.of(MessageType.IAM))
        if state in ("WaitForAnm", "Answered"):
            self.receive(MessageType.ACM, call.cic)
        if state == "Answered":
            self.receive(MessageType.ANM, call.cic)
        if state == "Idle":
            self.receive(MessageType.REL, call.cic)
        assert call.state == f"outgoing: {state}"
        self.sent.clear()
        user.notes.clear()
        self.user.notes.clear()
        return call, user

    def call_in(self, cic: int, *, state: str = "WaitForAcm") -> tuple[IncomingCall, Notebook]:
        """An incoming call, brought to a state."""
        self.receive(MessageType.IAM, cic)
        call, user = self.user.offered[-1], Notebook()
        self.request(call.attach, user)
        if state in ("WaitForAnm", "Answered"):
            self.request(call.address_complete, *self.of(MessageType.ACM))
        if state == "Answered":
            self.request(call.answer)
        if state == "Idle":
            self.receive(MessageType.REL, cic)
        assert call.state == f"incoming: {state}"
        self.sent.clear()
        user.notes.clear()
        self.user.notes.clear()
        return call, user

    def notebook(self) -> Notebook:
        """Another user."""
        return Notebook()

    def request(self, method: Callable[..., None], *arguments: object) -> None:
        """Give our own side's input and pass on what it raises."""
        self.pump.deliver(method, *arguments)
        if self.mishaps:
            raise self.mishaps.pop()

    def state(self, cic: int) -> str:
        """Of a circuit."""
        return self.node.circuits[cic].state


def settings(**changes: object) -> NodeSettings:
    """Circuits 1 to 4; this end has the higher point code and so controls the even ones."""
    values: dict[str, object] = {
        "own_point_code": NEAR,
        "peer_point_code": FAR,
        "cics": (1, 2, 3, 4),
        "timers": IsupTimers(),
        **changes,
    }
    return NodeSettings(**values)  # type: ignore[arg-type]


@pytest.fixture
def make_bench() -> Callable[..., Bench]:
    """Make a bench with changed settings."""
    return lambda **changes: Bench(settings(**changes))


@pytest.fixture
def bench() -> Bench:
    """A bench with four circuits."""
    return Bench(settings())


@pytest.fixture(scope="session")
def new_simulation() -> Callable[[], Simulation]:
    """Make a clock with a pump."""
    return Simulation


@pytest.fixture(scope="session")
def parameters() -> Callable[[MessageType], tuple[Parameter, ...]]:
    """The least parameters of a message type."""
    return parameters_of
