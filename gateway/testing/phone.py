"""A SIP telephone on Twisted, for tests, demonstrations and scripts: real sockets, real signalling, real sound.

    phone = Phone(reactor, ("127.0.0.1", 5060))
    call = phone.dial("+33199000003")
    call.when_ended().addCallback(lambda _: print(call.status, call.cause, call.heard()))

It speaks SIP on UDP and TCP ports of its own, and each call has an RTP port of its own.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from typing import Any, Final, Literal, TypedDict, Unpack

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater

from gateway.net.runner import Runner
from gateway.net.sip_transport import SipTransport
from gateway.sdp.offer_answer import PCMA, PCMU, Codec, LocalMedia
from gateway.sip.dialog.server_session import ServerSession
from gateway.sip.dialog.settings import Reliability, UserAgentSettings
from gateway.sip.effects import Flow, Transmit, Transport
from gateway.sip.transaction.layer import TransactionLayer, TransactionSettings
from gateway.sip.user_agent import UserAgent
from gateway.testing.call import RTP_LINGERS_S, PhoneCall, SessionListener
from gateway.testing.rtp import RtpSocket
from tones.g711 import Law

Address = tuple[str, int]
Reliable = Literal["required", "supported", "none"]

CODECS: Final[dict[str, Codec]] = {
    "PCMU": PCMU,
    "PCMA": PCMA,
    # Only to be offered (RFC 3551 §6, table 4): the phone itself understands G.711 alone.
    "GSM": Codec("GSM", 3, Law.MULAW),
    "G729": Codec("G729", 18, Law.MULAW),
}
CALLER: Final = "+12125550199"
CLEARING_S: Final = 2.0
LOOKING_AGAIN_S: Final = 0.02


class DialOptions(TypedDict, total=False):
    """How a call is placed; what is left out is the first thing said of each.

    codecs: ("PCMU", "PCMA"), in the order of preference.
    reliable: provisional responses (100rel, RFC 3262): "supported", "required" or "none".
    offers: True; False leaves the session description out of the INVITE.
    transport: "udp" or "tcp".
    telephone_event: True; False offers no telephone-event.
    accept_isup: False; True says by Accept that `application/ISUP` is welcome.
    headers: further header fields of the INVITE.
    caller: the user part of the From URI.
    scheme: "sip" or "tel": what sort of URI a bare number becomes.
    """

    codecs: Sequence[str]
    reliable: Reliable
    offers: bool
    transport: Literal["udp", "tcp"]
    telephone_event: bool
    accept_isup: bool
    headers: tuple[tuple[str, str], ...]
    caller: str
    scheme: Literal["sip", "tel"]


class _Line:
    """One SIP user agent with sockets of its own; a phone has one for each way to treat reliable responses."""

    def __init__(self, reactor: Any, host: str, reliability: Reliability) -> None:
        self.runner = Runner(reactor)
        outbox = self.runner.outbox()
        settings = UserAgentSettings(
            random.SystemRandom().randint,
            product="pstn-gateway test phone",
            reliability=reliability,
            accept=("application/sdp", "multipart/mixed", "application/isup"),
        )
        self.user_agent = UserAgent(settings, self, _identifier, outbox)
        self.layer = TransactionLayer(TransactionSettings(), self.user_agent, _identifier, outbox)
        self.user_agent.layer = self.layer
        self.transport = SipTransport(reactor, self.runner, self.layer)
        self.runner.performs(Transmit, self.transport.perform)
        self.local: Address = (host, self.transport.listen(host, 0))

    def session_offered(self, session: ServerSession) -> None:
        """A call to the phone: it takes none."""
        self.runner.deliver(session.reject, 480)


class Phone:
    """A telephone beside a gateway.

    Args:
        reactor: Twisted's.
        gateway: the host and port that calls go to.
        host: the address of the phone itself.
    """

    def __init__(self, reactor: Any, gateway: Address, host: str = "127.0.0.1") -> None:
        self._reactor = reactor
        self._host = host
        self._lines: dict[Reliability, _Line] = {}
        self._closing: dict[RtpSocket, Any] = {}
        self.gateway = gateway
        self.calls: list[PhoneCall] = []

    def dial(self, number: str, **options: Unpack[DialOptions]) -> PhoneCall:
        """Place a call.

        Args:
            number: "+33199000003", "90017", or a whole "sip:" or "tel:" URI.
            options: see `DialOptions`.
        """
        reliable = options.get("reliable", "supported")
        line = self._line(Reliability.NEVER if reliable == "none" else Reliability.WHEN_SUPPORTED)
        transport = Transport[options.get("transport", "udp").upper()]
        telephone_event = 101 if options.get("telephone_event", True) else None
        rtp = RtpSocket(self._reactor, self._host, telephone_event)
        local = LocalMedia(
            self._host,
            rtp.open(),
            session_id=random.SystemRandom().getrandbits(31),
            codecs=tuple(CODECS[name.upper()] for name in options.get("codecs", ("PCMU", "PCMA"))),
            telephone_event=telephone_event,
        )
        uri = self._uri(number, options.get("scheme", "sip"))
        call = PhoneCall(
            self._reactor,
            line.runner,
            number,
            uri,
            rtp,
            local,
            offers=options.get("offers", True),
            acknowledges_reliable=reliable != "none",
            accepts_isup=options.get("accept_isup", False),
            on_end=self._call_ended,
        )
        headers = list(options.get("headers", ()))
        if reliable == "required":
            headers.append(("Require", "100rel"))
        if options.get("accept_isup", False):
            headers.append(("Accept", "application/sdp, application/ISUP"))
        session = line.user_agent.client_session(SessionListener(call))
        call.start(session)
        self.calls.append(call)
        host, port = line.local
        line.runner.deliver(
            session.invite,
            uri,
            Flow(transport, line.local, self.gateway),
            f"<sip:{options.get('caller', CALLER)}@{host}:{port}>",
            f"<{uri}>",
            sdp=call.offer,
            headers=tuple(headers),
        )
        return call

    @property
    def open_sessions(self) -> int:
        """Calls of which something is left to be said, a BYE without its answer for one."""
        return sum(line.user_agent.open_sessions for line in self._lines.values())

    @property
    def mishaps(self) -> int:
        """Exceptions in the phone's own machines; the log has them."""
        return sum(line.runner.mishaps for line in self._lines.values())

    def hang_up(self) -> None:
        """Hang up every call."""
        for call in self.calls:
            call.hang_up()

    def stop(self) -> Deferred[None]:
        """Hang up every call, wait for the answers (two seconds at most), and close every socket."""
        self.hang_up()
        return self._when_cleared(self._reactor.seconds() + CLEARING_S).addCallback(self._close)

    def _when_cleared(self, until_s: float) -> Deferred[Any]:
        waiting: Deferred[Any] = deferLater(self._reactor, LOOKING_AGAIN_S, lambda: None)
        if self.open_sessions and self._reactor.seconds() < until_s:
            waiting.addCallback(lambda _: self._when_cleared(until_s))
        return waiting

    def _close(self, _: object) -> Deferred[None]:
        for rtp, closing in list(self._closing.items()):
            closing.cancel()
            rtp.close()
        self._closing.clear()
        for call in self.calls:
            call.rtp.close()
        closed = []
        for line in self._lines.values():
            line.runner.stop()
            closed += [stopping for stopping in line.transport.stop() if stopping is not None]
        return DeferredList(closed).addCallback(lambda _: None)

    def _line(self, reliability: Reliability) -> _Line:
        line = self._lines.get(reliability)
        if line is None:
            line = self._lines[reliability] = _Line(self._reactor, self._host, reliability)
        return line

    def _uri(self, number: str, scheme: str) -> str:
        if number.lower().startswith(("sip:", "sips:", "tel:")):
            return number
        if scheme == "tel":
            return f"tel:{number}"
        host, port = self.gateway
        return f"sip:{number}@{f'[{host}]' if ':' in host else host}:{port}"

    def _call_ended(self, call: PhoneCall) -> None:
        self._closing[call.rtp] = self._reactor.callLater(RTP_LINGERS_S, self._close_rtp, call.rtp)

    def _close_rtp(self, rtp: RtpSocket) -> None:
        del self._closing[rtp]
        rtp.close()


def _identifier() -> str:
    return secrets.token_hex(8)
