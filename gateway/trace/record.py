"""What became of a call, as one frozen record made from its journal."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve, frozen

from gateway.core.errors import ParseError
from gateway.sip.message import Request, Response, parse_message
from gateway.sip.uri import Uri
from gateway.ss7.isup import codec
from gateway.ss7.isup.cause import CauseIndicators
from gateway.ss7.mtp3 import Mtp3Message
from gateway.trace.journal import Event, IsupMessage, SipMessage, Sound


@frozen
class CallRecord:
    """A call from its first INVITE or IAM to its end. What has not happened (yet) is None, or "".

    Args:
        call: the gateway's name for it.
        from_: who called: the user part of the From URI, or its host.
        to: who was called: the user part of the Request-URI, or its host.
        cic: the circuit it took last.
        started_s: the first INVITE or IAM, in seconds since the lab started; so are the other times.
        answered_s: the first ANM, CON or 2xx to the INVITE.
        ended_s: the first BYE, REL or other final response.
        cause: the ITU-T Q.850 value of the first REL, from whichever side.
        sip_status: the final response to the first INVITE.
        heard: what the caller heard, in order.
    """

    call: str
    from_: str = ""
    to: str = ""
    cic: int | None = None
    started_s: float | None = None
    answered_s: float | None = None
    ended_s: float | None = None
    cause: int | None = None
    sip_status: int | None = None
    heard: tuple[str, ...] = ()

    @classmethod
    def of(cls, call: str, events: Iterable[Event]) -> CallRecord:
        """The record of a call from its events, in order; those of other calls are passed over."""
        record = cls(call)
        for event in events:
            record = record.after(event)
        return record

    @property
    def duration_s(self) -> float | None:
        """Seconds from answer to end; None for a call that was not answered or has not ended."""
        if self.answered_s is None or self.ended_s is None:
            return None
        return self.ended_s - self.answered_s

    def after(self, event: Event) -> CallRecord:
        """The record with one more event."""
        if event.call != self.call:
            return self
        match event:
            case SipMessage():
                return self._after_sip(event)
            case IsupMessage():
                return self._after_isup(event)
            case Sound(side="caller", text=text):
                return evolve(self, heard=(*self.heard, text))
        return self

    def _after_sip(self, event: SipMessage) -> CallRecord:
        try:
            message = parse_message(event.octets)
            match message:
                case Request(method="INVITE") if not self.to:
                    return evolve(
                        self._started(event.at_s), from_=_who(message.from_.uri), to=_who(message.request_uri)
                    )
                case Request(method="BYE"):
                    return self._ended(event.at_s)
                case Response(status=status) if (
                    status >= 200 and self.sip_status is None and message.cseq.method == "INVITE"
                ):
                    record = evolve(self, sip_status=status)
                    return record._answered(event.at_s) if status < 300 else record._ended(event.at_s)
        except ParseError:
            pass
        return self

    def _after_isup(self, event: IsupMessage) -> CallRecord:
        match event.name:
            case "IAM":
                return evolve(self._started(event.at_s), cic=event.cic)
            case "ANM" | "CON":
                return self._answered(event.at_s)
            case "REL":
                record = self._ended(event.at_s)
                return record if record.cause is not None else evolve(record, cause=_cause(event.octets))
        return self

    def _started(self, at_s: float) -> CallRecord:
        return self if self.started_s is not None else evolve(self, started_s=at_s)

    def _answered(self, at_s: float) -> CallRecord:
        return self if self.answered_s is not None else evolve(self, answered_s=at_s)

    def _ended(self, at_s: float) -> CallRecord:
        return self if self.ended_s is not None else evolve(self, ended_s=at_s)


def _who(uri: Uri) -> str:
    return uri.user or uri.host or ""


def _cause(octets: bytes) -> int | None:
    try:
        indicators = codec.parse(Mtp3Message.parse(octets).data).get(CauseIndicators)
    except ParseError:
        return None
    return None if indicators is None else int(indicators.value)
