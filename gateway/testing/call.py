"""One call of the test telephone: what came of it, step by step, and what may be done in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from twisted.internet.defer import Deferred

from gateway.core.errors import GatewayError, ParseError, RemoteProtocolError
from gateway.net.runner import Runner
from gateway.sdp.model import SessionDescription
from gateway.sdp.offer_answer import Agreed, LocalMedia, agreed_from_answer, answer, offer
from gateway.sip.dialog.client_session import ClientSession
from gateway.sip.dialog.content import session_description
from gateway.sip.dialog.reliable import is_reliable
from gateway.sip.fields.reason import Reason
from gateway.sip.message import Response
from gateway.sip.transaction.user import ServerTransaction
from gateway.testing.rtp import Arrival, RtpSocket
from tones.detect import Heard, listen
from tones.plan import TonePlan
from tones.user_announcement import UserAnnouncement

Pcm = NDArray[np.int16]

ANSWERED: Final = "answered"
ENDED: Final = "ended"
FINAL: Final = "final"
"""A final response has come."""
MEDIA: Final = "media"
"""The first RTP packet has come."""
MILESTONES: Final = (MEDIA, ANSWERED, FINAL, ENDED)
DTMF_RELAY: Final = "application/dtmf-relay"
RTP_LINGERS_S: Final = 0.2
"""How long the RTP port stays open after the call: what is still on its way is not another call's."""

Milestone = int | str


class NeverHappenedError(GatewayError):
    """The call ended without what was waited for."""


@frozen
class Provisional:
    """A provisional response above 100.

    Args:
        at_s: seconds since the call was dialled.
        status: 101 to 199.
        had_sdp: whether it carried a session description.
        reliable: whether it asked for PRACK.
    """

    at_s: float
    status: int
    had_sdp: bool
    reliable: bool = False


@frozen
class ReceivedInfo:
    """An INFO in the call.

    Args:
        at_s: seconds since the call was dialled.
        content_type: of its body, as it was written; "" for none.
        body: its octets.
        headers: all its header fields.
    """

    at_s: float
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class PhoneCall:
    """A call that a `Phone` has dialled; made by `Phone.dial`. Everything here belongs to the reactor's thread.

    Attributes:
        number: what was dialled.
        uri: the Request-URI.
        status: the final response to the INVITE, None while there is none.
        responses: every response above 100 to the INVITE, in order, repeated ones too.
        provisionals: those from 101 to 199.
        descriptions: the session descriptions that came, in order.
        answered, ended: whether the call was answered; whether it is over, in whatever way.
        answered_at_s, ended_at_s: when, in seconds since it was dialled; None before.
        reasons: the Reason values of what ended it: a final response or a BYE.
        failure: why there was no final response ("no response", ...); "" where there was.
        infos: each INFO that came.
        refused_requests: (method, status) of each request of ours in the call that was refused.
        agreed: what session description offer and answer came to; None before.
        rtp: the sound.
    """

    def __init__(
        self,
        reactor: Any,
        runner: Runner,
        number: str,
        uri: str,
        rtp: RtpSocket,
        local: LocalMedia,
        *,
        offers: bool,
        acknowledges_reliable: bool,
        accepts_isup: bool,
        on_end: Callable[[PhoneCall], None],
    ) -> None:
        self._reactor = reactor
        self._runner = runner
        self._local = local
        self._offer = offer(local) if offers else b""
        self._own_description = self._offer
        self._acknowledges_reliable = acknowledges_reliable
        self._accepts_isup = accepts_isup
        self._on_end = on_end
        self._session: ClientSession | None = None
        self._dialled_s = float(reactor.seconds())
        self._waiting: dict[Milestone, list[Deferred[float]]] = {}
        self._reached: dict[Milestone, float] = {}
        self.number = number
        self.uri = uri
        self.rtp = rtp
        rtp.first_heard = lambda: self._reach(MEDIA)
        self.status: int | None = None
        self.responses: list[Response] = []
        self.provisionals: list[Provisional] = []
        self.descriptions: list[bytes] = []
        self.answered = False
        self.ended = False
        self.answered_at_s: float | None = None
        self.ended_at_s: float | None = None
        self.reasons: tuple[str, ...] = ()
        self.failure = ""
        self.infos: list[ReceivedInfo] = []
        self.refused_requests: list[tuple[str, int]] = []
        self.agreed: Agreed | None = None

    def __repr__(self) -> str:
        return f"<call to {self.number}: {self.state}>"

    @property
    def state(self) -> str:
        """Where the call stands, in words: "ringing (183)", "answered", "ended: 486, cause 17"."""
        if self.ended:
            how = self.failure or (str(self.status) if self.status is not None else "")
            if self.answered:
                how = "after the answer"
            return f"ended: {how}" + ("" if self.cause is None else f", cause {self.cause}")
        if self.answered:
            return "answered"
        return f"ringing ({self.provisionals[-1].status})" if self.provisionals else "dialled"

    @property
    def call_id(self) -> str:
        """The SIP Call-ID."""
        return "" if self._session is None else self._session.call_id

    @property
    def offer(self) -> bytes:
        """The session description of the INVITE, b"" if it had none."""
        return self._offer

    @property
    def session(self) -> ClientSession:
        """The SIP session below, for what this class does not offer."""
        assert self._session is not None
        return self._session

    @property
    def cause(self) -> int | None:
        """The ITU-T Q.850 cause value of what ended the call (Reason header: RFC 3326), if it gave one."""
        for value in self.reasons:
            try:
                reason = Reason.parse(value)
            except ParseError:
                continue
            if reason.protocol.upper() == "Q.850" and reason.cause is not None:
                return reason.cause
        return None

    # ---- what the caller hears

    @property
    def audio(self) -> Pcm:
        """What has been heard: `int16` at 8000 Hz, from the first packet on, without gaps."""
        return self.rtp.audio

    @property
    def arrivals(self) -> list[Arrival]:
        """The RTP packets that came, each with its time on the reactor's clock."""
        return self.rtp.arrivals

    def heard(self, plans: Sequence[TonePlan] | None = None, own: Sequence[UserAnnouncement] = ()) -> list[Heard]:
        """Names everything that has been heard; seconds are those of `audio`. Takes some 10 ms a second of speech.

        Args:
            plans: where to look for tones: `listener.plans_at` knows which a number sounds by. None is every plan.
            own: announcements of the user's own to know.
        """
        return listen(self.audio, plans, own=own)

    # ---- when

    def when_status(self, status: int) -> Deferred[float]:
        """Fires when a response of that status has come, at once if it has; gives the seconds since dialling.

        Fails with `NeverHappenedError` if the call ends without it; so do the others.
        """
        return self._when(status)

    def when_answered(self) -> Deferred[float]:
        """Fires when the call is answered."""
        return self._when(ANSWERED)

    def when_ended(self) -> Deferred[float]:
        """Fires when the call is over."""
        return self._when(ENDED)

    def when(self, milestone: Milestone) -> Deferred[float]:
        """Fires when a status has come, or one of `MILESTONES` is reached.

        Raises:
            ValueError: there is no such milestone.
        """
        if milestone not in MILESTONES and not (isinstance(milestone, int) and 101 <= milestone <= 699):
            raise ValueError(f"{milestone!r} is neither a status (101 to 699) nor one of {', '.join(MILESTONES)}")
        return self._when(milestone)

    def _when(self, milestone: Milestone) -> Deferred[float]:
        waiting: Deferred[float] = Deferred()
        if milestone in self._reached:
            waiting.callback(self._reached[milestone])
        elif self.ended:
            waiting.errback(self._never(milestone))
        else:
            self._waiting.setdefault(milestone, []).append(waiting)
        return waiting

    def _never(self, milestone: Milestone) -> NeverHappenedError:
        what = f"a {milestone} response" if isinstance(milestone, int) else f"{milestone!r}"
        came = ", ".join(str(response.status) for response in self.responses) or "none"
        return NeverHappenedError(f"{what} never came; the call to {self.number} {self.state}; responses: {came}")

    def _reach(self, milestone: Milestone) -> None:
        if milestone not in self._reached:
            now_s = self._reached[milestone] = self._now_s()
            for waiting in self._waiting.pop(milestone, ()):
                waiting.callback(now_s)

    def _now_s(self) -> float:
        return float(self._reactor.seconds()) - self._dialled_s

    # ---- what may be done

    def start(self, session: ClientSession) -> None:
        """Given its session; the phone does this."""
        self._session = session

    def cancel(self, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Give up before the answer: CANCEL. The call is over when its final response has come.

        After the answer it is `hang_up`.
        """
        if self.answered:
            self.hang_up(headers)
            return
        self._runner.deliver(self.session.cancel, headers)

    def hang_up(self, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Hang up: BYE after the answer, CANCEL before it; nothing where the call is over already."""
        if self.ended:
            return
        if not self.answered:
            self.cancel(headers)
            return
        self._runner.deliver(self.session.bye, headers)
        self._end()

    def send_digit(self, digit: str, duration_ms: int = 160) -> None:
        """Press a digit, sent as INFO with `application/dtmf-relay`."""
        self.send_info(DTMF_RELAY, f"Signal={digit}\r\nDuration={duration_ms}\r\n".encode())

    def send_info(self, content_type: str, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Send INFO in the call; a refusal is in `refused_requests`."""
        self._runner.deliver(self.session.info, content_type, body, headers)

    def press_digit(self, digit: str, duration_ms: int = 160) -> Deferred[None]:
        """Press a digit, sent in RTP as a telephone-event (RFC 4733); fires once it is sent.

        Raises:
            LocalProtocolError: telephone-event was not agreed upon (yet).
        """
        return self.rtp.press(digit, duration_ms)

    def speak(self, pcm: Pcm) -> Deferred[None]:
        """Say something, `int16` at 8000 Hz, a packet every 20 ms; fires once it is said.

        Raises:
            LocalProtocolError: the gateway has not told yet where to.
        """
        return self.rtp.speak(pcm)

    # ---- from the SIP session

    def progress_received(self, response: Response) -> None:
        """A provisional response above 100."""
        sdp = session_description(response)
        self._take(response, sdp)
        reliable = is_reliable(response)
        self.provisionals.append(Provisional(self._now_s(), response.status, bool(sdp), reliable))
        if sdp and not self._offer and reliable and self._acknowledges_reliable and self.agreed is None:
            self._answer(sdp)
        self._reach(response.status)

    def answered_with(self, response: Response) -> None:
        """The 2xx."""
        sdp = session_description(response)
        self._take(response, sdp)
        self.status = response.status
        self.answered, self.answered_at_s = True, self._now_s()
        if sdp and not self._offer and self.agreed is None:
            self._answer(sdp)
        self._reach(response.status)
        self._reach(FINAL)
        self._reach(ANSWERED)

    def rejected(self, response: Response) -> None:
        """A final response of 300 or more."""
        self._take(response, b"")
        self.status = response.status
        self.reasons = tuple(response.headers.values("Reason"))
        self._reach(response.status)
        self._reach(FINAL)
        self._end()

    def failed(self, why: str) -> None:
        """No final response."""
        self.failure = why
        self._end()

    def bye_received(self, reasons: tuple[str, ...]) -> None:
        """The other side hung up."""
        self.reasons = reasons
        self._end()

    def info_received(self, transaction: ServerTransaction) -> None:
        """INFO: kept; refused with 415 if it carries ISUP and the phone takes none."""
        request = transaction.request
        written = request.headers.get("Content-Type") or ""
        self.infos.append(ReceivedInfo(self._now_s(), written, request.body, tuple(request.headers)))
        refused = written.lower().startswith("application/isup") and not self._accepts_isup
        self._runner.deliver(self.session.respond, transaction, 415 if refused else 200)

    def offer_received(self, transaction: ServerTransaction) -> None:
        """A re-INVITE or UPDATE: answered as the first offer was."""
        try:
            sdp = session_description(transaction.request)
            if sdp:
                self._agree(answer(sdp, self._local, self._own_description))
                body = self._own_description
            else:
                body = offer(self._local, self._own_description) if transaction.request.method == "INVITE" else b""
        except (ParseError, RemoteProtocolError) as error:
            self._runner.deliver(self.session.respond, transaction, 488, str(error))
            return
        self._runner.deliver(self.session.respond, transaction, 200, "", (), body)

    def answer_received(self, sdp: bytes) -> None:
        """The answer to an offer of ours in the call."""
        if sdp:
            self.descriptions.append(sdp)

    def request_failed(self, method: str, status: int) -> None:
        """A request of ours was refused, or not answered."""
        self.refused_requests.append((method, status))

    def _take(self, response: Response, sdp: bytes) -> None:
        self.responses.append(response)
        if not sdp:
            return
        self.descriptions.append(sdp)
        if self._offer and self.agreed is None:
            try:
                self._agree(agreed_from_answer(self._offer, sdp, self._local))
            except (ParseError, RemoteProtocolError) as error:
                self.failure = f"the answer in the {response.status} cannot be used: {error}"

    def _answer(self, sdp: bytes) -> None:
        try:
            self._agree(answer(SessionDescription.parse(sdp), self._local))
        except (ParseError, RemoteProtocolError) as error:
            self.failure = f"the offer cannot be used: {error}"
            self._runner.deliver(self.session.bye)
            return
        self._runner.deliver(self.session.acknowledge, self._own_description)

    def _agree(self, agreed: Agreed) -> None:
        self.agreed = agreed
        self._own_description = agreed.sdp
        self.rtp.aim(agreed)

    def _end(self) -> None:
        if self.ended:
            return
        self.ended, self.ended_at_s = True, self._now_s()
        self._reach(ENDED)
        waiting, self._waiting = self._waiting, {}
        for milestone, each in waiting.items():
            for one in each:
                one.errback(self._never(milestone))
        self._on_end(self)


class SessionListener:
    """What a SIP session tells, passed on to its call: the session's word for the 2xx is a property of the call."""

    def __init__(self, call: PhoneCall) -> None:
        self._call = call
        self.progress_received = call.progress_received
        self.rejected = call.rejected
        self.failed = call.failed
        self.bye_received = call.bye_received
        self.info_received = call.info_received
        self.offer_received = call.offer_received
        self.answer_received = call.answer_received
        self.request_failed = call.request_failed

    def answered(self, response: Response) -> None:
        """The first 2xx."""
        self._call.answered_with(response)
