"""The whole simulated telephone network on loopback, for code that blocks."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import attrs
from attrs import frozen
from twisted.internet.error import CannotListenError
from twisted.logger import globalLogPublisher

from gateway.config.settings import Settings
from gateway.core.errors import ParseError
from gateway.service.compose import Lab, compose
from gateway.sip.message import parse_message
from gateway.testing.reactor_thread import ReactorThread
from gateway.trace.journal import NO_CALL, Event, Journal, SipMessage, Sound
from gateway.trace.ladder import Layout, ladder

if TYPE_CHECKING:
    from gateway.testing.sync import SyncPhone

P = ParamSpec("P")
T = TypeVar("T")

TRIES_FOR_A_PORT: Final = 5
LADDER_COLUMNS: Final = 118


@frozen
class Holdings:
    """What a network holds for its calls: nothing, once they are over.

    Args:
        calls: the gateway's calls.
        sessions: SIP sessions, until the last answer to BYE.
        circuits: circuits that are not idle, as the gateway's node has it.
        exchange_circuits: the same, as the exchange's node has it.
        ports: RTP ports.
        sounding: circuits in the media plane.
        mishaps: exceptions that machines have raised since the network began; each is in the log.
    """

    calls: int = 0
    sessions: int = 0
    circuits: int = 0
    exchange_circuits: int = 0
    ports: int = 0
    sounding: int = 0
    mishaps: int = 0

    def beyond(self, other: Holdings) -> dict[str, int]:
        """What is more here than there, by name."""
        mine, theirs = attrs.asdict(self), attrs.asdict(other)
        return {name: mine[name] - theirs[name] for name in mine if mine[name] > theirs[name]}


class Pstn:
    """A gateway and a simulated exchange on free ports of the loopback interface.

    Args:
        settings: as `gateway.config` read them; what says where to listen, and the control socket, is set aside.
        thread: where it all runs.

    Attributes:
        lab: the parts; they belong to the reactor's thread: reach them by `call`.
        failures: tracebacks that were logged while it ran.
    """

    def __init__(self, settings: Settings | None = None, thread: ReactorThread | None = None) -> None:
        self.thread = thread or ReactorThread.shared()
        settings = settings or Settings()
        host = settings.sip.listen[0]
        self.settings = attrs.evolve(
            settings,
            sip=attrs.evolve(settings.sip, listen=(host, 0)),
            trace=attrs.evolve(settings.trace, control="off"),
        )
        self.lab: Lab = self.call(compose, self.settings, self.thread.reactor)
        self.failures: list[str] = []
        # Any function is an observer (twisted.logger), although the type asks for one that says so.
        self._log_observer: Any = self._logged
        self._names: dict[str, str] = {}
        self._known: set[str] = set()

    def call(self, function: Callable[P, Any], *arguments: P.args, **keywords: P.kwargs) -> Any:
        """Call a function in the reactor's thread and wait for it."""
        return self.thread.call(function, *arguments, **keywords)

    def start(self) -> Pstn:
        """Listen on a port that is free for both UDP and TCP."""
        for _ in range(TRIES_FOR_A_PORT - 1):
            try:
                self.call(self._start)
                return self
            except CannotListenError:
                # Free for UDP, taken for TCP: another will be free for both.
                self.call(self.lab.transport.stop)
                self.lab = self.call(compose, self.settings, self.thread.reactor)
        self.call(self._start)
        return self

    def _start(self) -> None:
        self.lab.start()
        self.lab.journal.observe(self._happened)
        globalLogPublisher.addObserver(self._log_observer)

    def stop(self) -> None:
        """Clear every call, and close everything."""
        self.call(self.lab.stop)
        globalLogPublisher.removeObserver(self._log_observer)

    @property
    def address(self) -> tuple[str, int]:
        """The host and port that take SIP, over UDP and TCP."""
        host, port = self.lab.sip_address
        return host, port

    @property
    def journal(self) -> Journal:
        """Everything that happened, call by call."""
        return self.lab.journal

    def phone(self, patience_s: float = 15.0) -> SyncPhone:
        """A telephone; `close` it in the end, or use it in a `with` statement.

        Args:
            patience_s: how long its calls wait for what they are asked about, unless told otherwise.
        """
        from gateway.testing.sync import SyncPhone

        return SyncPhone(self, patience_s)

    def holdings(self) -> Holdings:
        """What it holds for its calls now."""
        held: Holdings = self.call(self._holdings)
        return held

    def _holdings(self) -> Holdings:
        lab = self.lab
        first, last = self.settings.isup.circuits
        circuits = last - first + 1
        return Holdings(
            calls=len(lab.gateway.calls),
            sessions=lab.user_agent.open_sessions,
            circuits=circuits - len(lab.node.idle_circuits),
            exchange_circuits=circuits - len(lab.exchange_node.idle_circuits),
            ports=lab.media.ports_in_use,
            sounding=lab.media.circuits_in_use,
            mishaps=lab.runner.mishaps,
        )

    def events(self, call_id: str) -> tuple[Event, ...]:
        """What happened to the call with that SIP Call-ID, in order."""
        name = self._names.get(call_id)
        return () if name is None else self.call(self.journal.events, name)

    def ladder(self, call_id: str, heard: tuple[Sound, ...] = ()) -> str:
        """The call as a ladder: SIP, ISUP, what the caller heard, and why.

        Args:
            call_id: its SIP Call-ID.
            heard: what the caller heard, to be put among the rest.
        """
        events = [event for event in self.events(call_id) if not (isinstance(event, Sound) and event.side == "caller")]
        rows = ladder(sorted([*events, *heard], key=lambda event: event.at_s))
        return Layout(LADDER_COLUMNS).text(rows) if rows else f"nothing is known of a call {call_id}\n"

    @property
    def epoch_s(self) -> float:
        """The reactor's time at which the journal's was 0."""
        began_s: float = self.call(lambda: self.thread.reactor.seconds() - self.lab.now_s())
        return began_s

    def __enter__(self) -> Pstn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def name_of(self, call_id: str) -> str:
        """The gateway's name for the call with that SIP Call-ID; "" for none."""
        return self._names.get(call_id, "")

    def _happened(self, event: Event) -> None:
        if isinstance(event, SipMessage) and event.call != NO_CALL and event.call not in self._known:
            self._known.add(event.call)
            try:
                self._names[parse_message(event.octets).call_id] = event.call
            except ParseError:
                self._known.discard(event.call)

    def _logged(self, event: dict[str, Any]) -> None:
        failure = event.get("log_failure")
        if failure is not None:
            self.failures.append(failure.getTraceback())
