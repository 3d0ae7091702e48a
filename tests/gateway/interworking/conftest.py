"""A gateway between a caller that the test speaks for and a PSTN, on simulated time; all that happens is one ladder.

-> INVITE sdp             from the caller          => IAM        to the PSTN
<- 183 sdp                to the caller            <= ACM        from the PSTN
~ ...                     what the media plane is asked for
. rule: outcome [clause]  a decision of the gateway
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from textwrap import dedent

import pytest
from attrs import field, frozen

from gateway.core.clause import Decision
from gateway.core.effects import Effect, Machine, Record
from gateway.core.pump import abandonment
from gateway.exchange.behaviours import built_in_behaviours, built_in_treatments
from gateway.exchange.called_party import CalledParty
from gateway.exchange.effects import (
    EchoCircuit,
    LeaveCircuit,
    ListenToCircuit,
    PlaySound,
    ReleaseHandset,
    RingHandset,
)
from gateway.exchange.numbering import NumberPlan
from gateway.exchange.switch import Exchange
from gateway.interworking.causes import load_profile
from gateway.interworking.effects import (
    CallEnded,
    CallStarted,
    CircuitTaken,
    ConnectMedia,
    CutThroughBackward,
    CutThroughForward,
    PlayDigit,
    ReleaseMedia,
    ReserveMedia,
)
from gateway.interworking.gateway import Gateway
from gateway.interworking.setup import SetupSettings
from gateway.interworking.sip_to_pstn.call import Call
from gateway.interworking.sip_to_pstn.core import CallSettings
from gateway.sdp.offer_answer import PCMA, PCMU, Codec, LocalMedia, offer
from gateway.sip.dialog.settings import UserAgentSettings
from gateway.sip.effects import Flow
from gateway.sip.message import Message as AnyMessage
from gateway.sip.message import Request, Response
from gateway.sip.transaction.base import Direction
from gateway.sip.transaction.layer import TransactionLayer, TransactionSettings
from gateway.sip.user_agent import UserAgent
from gateway.ss7.effects import Transfer
from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    CalledPartyStatus,
    GenericNotificationIndicator,
    OptionalBackwardCallIndicators,
)
from gateway.ss7.isup.cause import CauseIndicators
from gateway.ss7.isup.incoming import IncomingCall
from gateway.ss7.isup.messages import Message, message_name
from gateway.ss7.isup.node import Node, NodeSettings
from gateway.ss7.isup.timers import IsupTimers
from gateway.testing.simulation import Simulation
from gateway.testing.user_agents import ScriptedPeer

GATEWAY, CALLER = ("192.0.2.1", 5060), ("192.0.2.9", 5060)
OURS, THEIRS = 1001, 2002
SOUND_S = 4.0
HeaderFields = tuple[tuple[str, str], ...]


@frozen
class World:
    """What a ladder is set up with.

    Args:
        cics: the circuits.
        ports: how many RTP ports there are.
        far_end: "exchange": the simulated one; "script": the test speaks for it.
        timers: of ISUP.
        settings: of calls.
    """

    cics: tuple[int, ...] = (1, 2, 3)
    ports: int = 10
    far_end: str = "script"
    timers: IsupTimers = field(factory=IsupTimers)
    settings: CallSettings = field(factory=lambda: CallSettings(SetupSettings("1"), load_profile()))


class _Simulation(Simulation):
    """One in which a broken call is abandoned, as it is in a running gateway."""

    def __init__(self) -> None:
        super().__init__()
        self.mishaps: list[Exception] = []
        self.forgives = False
        self.record: Callable[[Record], None] = lambda effect: None

    def _perform(self, owner: Machine | None, effect: Effect) -> None:
        if isinstance(effect, Record):
            self.record(effect)
        else:
            super()._perform(owner, effect)

    def _mishap(self, owner: Machine | None, effect: Effect, error: Exception) -> None:
        if not self.forgives:
            raise error
        self.mishaps.append(error)
        abandon = abandonment(owner, effect)
        if abandon is not None:
            self.deliver(abandon, str(error))


class Caller(ScriptedPeer):
    """The caller's side, spoken for by the test; it sends the ACKs by itself, unless it is told not to."""

    number = "sip:+12125550103@192.0.2.1"
    originator = "<sip:+12125550199@192.0.2.9>"
    destination = ""

    acknowledges = True
    late_answer = b""
    """What its ACK to a 200 brings."""

    def compose(self, method: str, body: bytes = b"", headers: HeaderFields = (), **options: object) -> Request:  # type: ignore[override]
        """As `ScriptedPeer`, with the numbers of this caller."""
        request = super().compose(method, body, headers, **options)  # type: ignore[arg-type]
        tag = request.to.tag
        request.uri = self.number
        request.headers.set("From", f"{self.originator};tag={self.tag}")
        request.headers.set("To", f"<{self.destination or self.number}>" + (f";tag={tag}" if tag else ""))
        if method == "INVITE":
            self.invite = request
        return request

    def _receive(self, data: bytes, flow: Flow) -> None:
        super()._receive(data, flow)
        response = self.received[-1]
        if not self.acknowledges or not isinstance(response, Response) or response.cseq.method != "INVITE":
            return
        if response.status >= 200 and response.cseq == self.invite.cseq:
            self._world.clock.call_later(0.001, lambda: self._acknowledge(response))

    def _acknowledge(self, response: Response) -> None:
        accepted = response.status < 300
        branch = "" if accepted else self.invite.via.branch or ""
        ack = self.compose("ACK", self.late_answer if accepted else b"", branch=branch)
        ack.headers.set("CSeq", f"{response.cseq.number} ACK")
        self._world.network.transmit(ack.serialize(), self._flow)


class Ladder:
    """The whole, and what has happened."""

    def __init__(self, world: World) -> None:
        self.sim = _Simulation()
        self.world = world
        self.lines: list[str] = []
        self.decisions: list[Decision] = []
        outbox = self.sim.outbox()
        self.gateway = Gateway(world.settings, outbox)
        self.node = Node(
            NodeSettings(own_point_code=OURS, peer_point_code=THEIRS, cics=world.cics, timers=world.timers),
            self.gateway,
            outbox,
            self._isup,
        )
        self.gateway.node = self.node
        behaviours = built_in_behaviours()
        exchange = Exchange(NumberPlan("1", behaviours, built_in_treatments()), outbox)
        self.far = Script() if world.far_end == "script" else exchange
        self.far_node = Node(
            NodeSettings(own_point_code=THEIRS, peer_point_code=OURS, cics=world.cics, timers=world.timers),
            self.far,
            outbox,
        )
        identifiers = itertools.count(1)

        def identify() -> str:
            return f"gw{next(identifiers)}"

        self.user_agent = UserAgent(
            UserAgentSettings(
                self.sim.chance.randint, accept=("application/sdp", "multipart/mixed", "application/isup")
            ),
            self.gateway,
            identify,
            outbox,
        )
        self.layer = TransactionLayer(TransactionSettings(), self.user_agent, identify, outbox, self._sip)
        self.user_agent.layer = self.layer
        self.sim.network.attach(GATEWAY, lambda data, flow: self.sim.deliver(self.layer.octets_received, data, flow))
        self.caller = Caller(self.sim, CALLER, GATEWAY)
        self.ports: dict[int, Machine | None] = {}
        self.connected: list[ConnectMedia] = []
        self.sounding: dict[int, Machine | None] = {}
        self.link_up = True
        self.sim.record = self._record
        self._perform()

    # --- the ladder

    def _sip(self, direction: Direction, message: AnyMessage, flow: Flow, octets: bytes) -> None:
        arrow = "<-" if direction is Direction.SENT else "->"
        name = message.method if isinstance(message, Request) else octets.split(b" ", 2)[1].decode()
        body = " sdp" if message.body.startswith(b"v=0") else " body" if message.body else ""
        self.lines.append(f"{arrow} {name}{body}")

    def _isup(self, direction: str, message: Message, octets: bytes) -> None:
        cause = message.get(CauseIndicators)
        arrow = "=>" if direction == "sent" else "<="
        shown = "" if cause is None else f" {int(cause.value)}"
        self.lines.append(f"{arrow} {message_name(message.type)}{shown}")

    def take(self, *, decisions: bool = True) -> str:
        """What has happened since the last time; `decisions=False` leaves those out."""
        self.run(0.01)
        taken, self.lines = self.lines, []
        return "\n".join(line for line in taken if decisions or not line.startswith(". "))

    def shows(self, expected: str, *, decisions: bool = True) -> None:
        """Just this has happened since the last time."""
        assert self.take(decisions=decisions) == dedent(expected).strip()

    # --- the world

    def _perform(self) -> None:
        perform = self.sim.perform
        perform(Transfer, self._transfer)
        perform(ReserveMedia, self._reserve)
        perform(ReleaseMedia, self._release)
        perform(ConnectMedia, lambda owner, effect: self.connected.append(effect))
        perform(CutThroughBackward, lambda owner, effect: self.lines.append(f"~ caller hears CIC {effect.cic}"))
        perform(CutThroughForward, lambda owner, effect: self.lines.append(f"~ CIC {effect.cic} hears caller"))
        perform(PlayDigit, lambda owner, effect: self.lines.append(f"~ digit {effect.digit} on CIC {effect.cic}"))
        perform(CallStarted, lambda owner, effect: None)
        perform(CircuitTaken, lambda owner, effect: None)
        perform(CallEnded, lambda owner, effect: None)
        perform(PlaySound, self._play)
        perform(EchoCircuit, lambda owner, effect: self.sounding.update({effect.cic: owner}))
        perform(ListenToCircuit, lambda owner, effect: None)
        perform(RingHandset, self._ring_handset)
        perform(ReleaseHandset, lambda owner, effect: None)
        perform(LeaveCircuit, lambda owner, effect: self.sounding.update({effect.cic: None}))

    def _record(self, effect: Record) -> None:
        if not effect.call.startswith("circuit"):
            self.decisions.append(effect.decision)
            self.lines.append(f". {effect.decision}")

    def _transfer(self, owner: Machine | None, effect: Transfer) -> None:
        receiver = self.far_node if owner is self.node else self.node
        if self.link_up:
            self.sim.deliver(receiver.transfer_received, effect.octets)

    def _ring_handset(self, owner: Machine | None, effect: RingHandset) -> None:
        assert isinstance(owner, CalledParty)
        self.sim.deliver(owner.handset_absent, "there is none")

    def _reserve(self, owner: Machine | None, effect: ReserveMedia) -> None:
        assert isinstance(owner, Call)
        if len(self.ports) >= self.world.ports:
            self.sim.deliver(owner.media_refused, "all RTP ports are in use")
            return
        self.ports[id(owner)] = owner
        self.sim.deliver(owner.media_reserved, GATEWAY[0], 16384)

    def _release(self, owner: Machine | None, effect: ReleaseMedia) -> None:
        if self.ports.pop(id(owner), None) is not None:
            self.lines.append("~ media released")

    def _play(self, owner: Machine | None, effect: PlaySound) -> None:
        self.sounding[effect.cic] = owner
        self.lines.append(f"~ {', '.join(effect.sound.parts)} ({effect.sound.country}) on CIC {effect.cic}")
        if effect.sound.times:
            ended = getattr(owner, "sound_ended")  # noqa: B009  # whoever plays has it
            self.sim.clock.call_later(SOUND_S, lambda: self.sim.deliver(ended))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.sim.run(seconds)

    def left(self) -> list[str]:
        """Run to rest, and say what is left of any call."""
        self.sim.run_to_rest()
        cics = self.world.cics
        things = {
            "calls": list(self.gateway.calls),
            "sessions": self.user_agent.open_sessions,
            "dialogs": self.user_agent.open_dialogs,
            "transactions": self.layer.open_transactions,
            "circuits": sorted(set(cics) - set(self.node.idle_circuits)),
            "far circuits": sorted(set(cics) - set(self.far_node.idle_circuits)),
            "ports": list(self.ports.values()),
            "sounds": [cic for cic, owner in self.sounding.items() if owner is not None],
            "timers": self.sim.clock.running,
        }
        return [f"{name}: {what}" for name, what in things.items() if what]

    # --- the caller

    def invite(
        self, number: str = "+12125550103", *, sdp: bytes | None = None, headers: HeaderFields = (), **options: object
    ) -> Request:
        """The caller dials: a number, or a whole URI."""
        self.caller.number = number if ":" in number else f"sip:{number}@192.0.2.1"
        body = description() if sdp is None else sdp
        return self.caller.request("INVITE", body, headers, **options)

    def prack(self, body: bytes = b"") -> Response:
        """The caller acknowledges the latest reliable provisional response."""
        reliable = next(
            each for each in reversed(self.caller.received) if isinstance(each, Response) and each.headers.get("RSeq")
        )
        rack = f"{reliable.headers.get('RSeq')} {reliable.cseq.number} INVITE"
        self.caller.request("PRACK", body, (("RAck", rack),))
        return reliable

    def info(self, content_type: str, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> int:
        """The caller sends INFO; the status of the answer is returned."""
        return self.request("INFO", body, tuple(headers), content_type=content_type).status

    def request(self, method: str, body: bytes = b"", headers: HeaderFields = (), **options: object) -> Response:
        """The caller sends a request in the dialog and gets its answer."""
        request = self.caller.request(method, body, headers, **options)
        answers = [each for each in self.caller.received if isinstance(each, Response) and each.cseq == request.cseq]
        return answers[-1]

    @staticmethod
    def described(
        codec: str = "PCMU", port: int = 40000, direction: str = "sendrecv", address: str = CALLER[0]
    ) -> bytes:
        """A caller's session description with one codec."""
        number = {"PCMU": 0, "PCMA": 8, "G729": 18}[codec]
        return (
            f"v=0\r\no=- 7 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {number}\r\na=rtpmap:{number} {codec}/8000\r\na={direction}\r\n"
        ).encode()

    @property
    def final(self) -> Response:
        """The final response to the INVITE."""
        found = [each for each in self.caller.received if isinstance(each, Response) and each.cseq.method == "INVITE"]
        assert found[-1].status >= 200
        return found[-1]

    # --- whole passages

    def ring(self) -> None:
        """A call whose called party is alerted, in band."""
        self.invite()
        self.do(
            self.pstn.address_complete,
            BackwardCallIndicators(),
            OptionalBackwardCallIndicators(in_band_information=True),
        )

    def connect(self, **options: object) -> None:
        """A call that is up; what led to it is not shown."""
        self.invite(**options)  # type: ignore[arg-type]
        self.do(self.pstn.connect, BackwardCallIndicators(called_party_status=CalledPartyStatus.SUBSCRIBER_FREE))
        self.take()

    # --- the PSTN, where the test speaks for it

    @property
    def pstn(self) -> IncomingCall:
        """The far end of the latest call."""
        assert isinstance(self.far, Script)
        return self.far.calls[-1]

    @property
    def iam(self) -> Message:
        """The latest IAM."""
        assert isinstance(self.far, Script)
        return self.far.messages[-1]

    def do(self, method: object, *arguments: object) -> None:
        """The far end does something."""
        self.sim.deliver(method, *arguments)  # type: ignore[arg-type]
        self.run(0.01)


class Script:
    """The far node's user, and all its calls': notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[IncomingCall] = []
        self.messages: list[Message] = []
        self.told: list[str] = []

    def call_offered(self, call: IncomingCall, message: Message) -> None:
        """As NodeUser."""
        call.attach(self)
        self.calls.append(call)
        self.messages.append(message)

    def circuit_event(self, cic: int, event: str) -> None:
        """As NodeUser."""

    def released(self, message: Message) -> None:
        """As IncomingUser."""
        cause = message[CauseIndicators]
        self.told.append(f"released {int(cause.value)} by {cause.location!r}")

    def call_failed(self, cause: int, why: str) -> None:
        """As IncomingUser."""

    def circuit_released(self) -> None:
        """As IncomingUser."""

    def suspended(self, message: Message) -> None:
        """As IncomingUser."""

    def resumed(self, message: Message) -> None:
        """As IncomingUser."""

    def subsequent_address(self, message: Message) -> None:
        """As IncomingUser."""

    def call_progress(self, message: Message) -> None:
        """As IncomingUser."""
        told = message.get(GenericNotificationIndicator)
        self.told.append(f"CPG {'' if told is None else told.brief()}")


def description(port: int = 40000, codecs: tuple[Codec, ...] = (PCMU, PCMA), address: str = CALLER[0]) -> bytes:
    """A caller's session description."""
    return offer(LocalMedia(address, port, session_id=7, codecs=codecs))


@pytest.fixture
def ladder_world() -> type[World]:
    """For tests that need another world."""
    return World


@pytest.fixture
def world() -> World:
    """What `ladder` is made of; a file that needs another one overrides it."""
    return World()


@pytest.fixture
def ladder(world: World) -> Ladder:
    """A ladder in which nothing has happened."""
    return Ladder(world)
