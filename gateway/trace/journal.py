"""The journal: what happened to each call, in order, as frozen events with their time.

Everybody who sees something appends it here: the network layer each SIP message, the link each ISUP message, the
pump each decision with its clause, the listeners what they heard. Ladder, capture and call records only read.

Time is `at_s`, seconds since the lab started, on whatever clock the lab runs; `Journal.started_epoch_s` turns it
into wall time. A call is a name that the gateway gave it. Observers that only know a SIP Call-ID or a circuit
find the name through `bind` and `bind_circuit`. What belongs to no call (OPTIONS, circuit supervision) has the
call `NO_CALL`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

from attrs import field, frozen, validators

from gateway.core.clause import Decision
from gateway.core.values import value
from gateway.sip.effects import Flow

NO_CALL = ""

K = TypeVar("K", str, int)

Side = Literal["caller", "exchange", "network"]


@value
class SipMessage:
    """One SIP message as it was on the wire.

    Args:
        at_s: when.
        call: whose.
        sent: by the gateway; else it was received.
        summary: for people, "183 Session Progress (SDP)"; "" has it read from the octets when asked for.
        octets: the whole message.
        flow: the gateway's address is `flow.local`, the peer's `flow.remote`.
    """

    at_s: float
    call: str
    sent: bool
    _summary: str
    octets: bytes = field(repr=False)
    flow: Flow

    @property
    def summary(self) -> str:
        """The message in one line."""
        return self._summary or _summaries().sip_summary(self.octets)

    def in_call(self, call: str) -> SipMessage:
        """The same, once it is known whose it is."""
        return SipMessage(self.at_s, call, self.sent, self._summary, self.octets, self.flow)

    @property
    def source(self) -> tuple[str, int]:
        """Host and port that the message came from."""
        return self.flow.local if self.sent else self.flow.remote

    @property
    def destination(self) -> tuple[str, int]:
        """Host and port that the message went to."""
        return self.flow.remote if self.sent else self.flow.local


@value
class IsupMessage:
    """One ISUP message as it was on the link.

    Args:
        at_s: when.
        call: whose.
        sent: by the gateway; else it was received.
        cic: circuit identification code.
        name: the acronym of ITU-T Q.763, "ACM".
        summary: for people, "ACM subscriber free"; "" has it read from the octets when asked for.
        octets: the whole MTP3 message, from the service information octet on.
    """

    at_s: float
    call: str
    sent: bool
    cic: int
    name: str
    _summary: str
    octets: bytes = field(repr=False)

    @property
    def summary(self) -> str:
        """The message in one line."""
        return self._summary or _summaries().isup_summary(self.octets) or self.name


@value
class Decided:
    """A rule was chosen; it explains the step of the same call that follows."""

    at_s: float
    call: str
    decision: Decision


@value
class Sound:
    """Something was heard, or began to sound.

    Args:
        at_s: when it began.
        call: whose.
        side: "caller": the caller heard it (found in the RTP that the caller received); "exchange": the far side
            heard it on the circuit; "network": the network put it on the circuit (its intent, heard or not).
        text: what, "ringback (us) 440+480 Hz".
        detail: level, duration, confidence, as text.
    """

    at_s: float
    call: str
    side: Side
    text: str
    detail: str = ""


@frozen
class Note:
    """A remark: a timer ran out, a limit was reached, a scenario begins."""

    at_s: float
    call: str
    text: str


def _summaries() -> Any:
    """Of `trace.summary`, which makes events and so imports this module."""
    from gateway.trace import summary

    return summary


Event = SipMessage | IsupMessage | Decided | Sound | Note
Observer = Callable[[Event], None]


@frozen
class JournalSettings:
    """How much is kept.

    Args:
        calls_kept: how many calls; beyond that the call that has been quiet longest is dropped whole.
        events_per_call: how many events of one call; beyond that its oldest are dropped. Also for `NO_CALL`.
    """

    calls_kept: int = field(default=1000, validator=validators.ge(1))
    events_per_call: int = field(default=500, validator=validators.ge(1))


class _Bindings(Generic[K]):
    """Which call a key belongs to, and which keys a call has."""

    def __init__(self) -> None:
        self._calls: dict[K, str] = {}
        self._keys: dict[str, list[K]] = {}

    def bind(self, key: K, call: str) -> None:
        self.unbind(key)
        self._calls[key] = call
        self._keys.setdefault(call, []).append(key)

    def unbind(self, key: K) -> None:
        call = self._calls.pop(key, None)
        if call is not None:
            keys = self._keys[call]
            keys.remove(key)
            if not keys:
                del self._keys[call]

    def unbind_call(self, call: str) -> None:
        for key in self._keys.pop(call, ()):
            del self._calls[key]

    def call(self, key: K) -> str:
        return self._calls.get(key, NO_CALL)


class Journal:
    """Keeps the events of the newest calls and tells its observers of each at once.

    Args:
        settings: how much is kept.
        started_epoch_s: the wall time, in seconds since 1970 UTC, at which `at_s` was 0.
    """

    def __init__(self, settings: JournalSettings | None = None, started_epoch_s: float = 0.0) -> None:
        self.settings = settings or JournalSettings()
        self.started_epoch_s = started_epoch_s
        self.dropped_calls = 0
        self.dropped_events = 0
        self._events: OrderedDict[str, list[Event]] = OrderedDict()
        self._outside: list[Event] = []
        self._observers: tuple[Observer, ...] = ()
        self._sip_call_ids: _Bindings[str] = _Bindings()
        self._circuits: _Bindings[int] = _Bindings()

    def append(self, event: Event) -> None:
        """Keep an event and tell the observers. What an observer raises comes out here; the event is kept."""
        call = event.call
        if call == NO_CALL:
            events = self._outside
        else:
            found = self._events.get(call)
            if found is None:
                events = self._events[call] = []
                if len(self._events) > self.settings.calls_kept:
                    self._drop_quietest()
            else:
                events = found
                self._events.move_to_end(call)
        events.append(event)
        if len(events) > self.settings.events_per_call:
            del events[0]
            self.dropped_events += 1
        for observer in self._observers:
            observer(event)

    def _drop_quietest(self) -> None:
        _, events = self._events.popitem(last=False)
        self.dropped_calls += 1
        self.dropped_events += len(events)

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Tell `observer` of every event from now on; returns what ends that. Ending it twice does no harm."""
        self._observers = (*self._observers, observer)

        def stop() -> None:
            self._observers = tuple(other for other in self._observers if other is not observer)

        return stop

    @property
    def calls(self) -> tuple[str, ...]:
        """The calls kept, the one that has been quiet longest first."""
        return tuple(self._events)

    def events(self, call: str) -> tuple[Event, ...]:
        """The events of one call in the order they were appended; none for a call that is not (or no longer) kept."""
        return tuple(self._outside if call == NO_CALL else self._events.get(call, ()))

    def wall_s(self, at_s: float) -> float:
        """Seconds since 1970 UTC at the lab's time `at_s`."""
        return self.started_epoch_s + at_s

    def bind(self, sip_call_id: str, call: str) -> None:
        """From now on SIP messages with this Call-ID belong to `call`; one call may have several (both its sides)."""
        self._sip_call_ids.bind(sip_call_id, call)

    def unbind(self, sip_call_id: str) -> None:
        """Forget a Call-ID; no harm if it is not bound."""
        self._sip_call_ids.unbind(sip_call_id)

    def bind_circuit(self, cic: int, call: str) -> None:
        """From now on ISUP messages on this circuit belong to `call`; a former binding of the circuit ends."""
        self._circuits.bind(cic, call)

    def unbind_circuit(self, cic: int, call: str | None = None) -> None:
        """Forget a circuit; with `call` only if it is still that call's. No harm if it is not bound."""
        if call is None or self._circuits.call(cic) == call:
            self._circuits.unbind(cic)

    def unbind_call(self, call: str) -> None:
        """Forget all Call-IDs and circuits of a call that is over; its events stay."""
        self._sip_call_ids.unbind_call(call)
        self._circuits.unbind_call(call)

    def call_of(self, sip_call_id: str) -> str:
        """The call that a SIP Call-ID belongs to, or `NO_CALL`."""
        return self._sip_call_ids.call(sip_call_id)

    def call_on(self, cic: int) -> str:
        """The call on a circuit, or `NO_CALL`."""
        return self._circuits.call(cic)
