"""The telephone for code that waits: what test authors use.

    with Pstn().start() as pstn, pstn.phone() as phone:
        call = phone.dial("+33199000003")
        assert call.heard("busy", country="fr")
        assert call.cause == 17

What a call is asked about it waits for: `status` for the final response, `heard` until it has been heard or can no
longer be. Its answers say what was heard instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cache
from types import TracebackType
from typing import Any, Final, Unpack

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from twisted.internet.defer import TimeoutError as DeferredTimeout

from gateway.testing.call import (
    ANSWERED,
    ENDED,
    FINAL,
    Milestone,
    NeverHappenedError,
    PhoneCall,
    Provisional,
    ReceivedInfo,
)
from gateway.testing.lab import Holdings, Pstn
from gateway.testing.listener import SURE, described, plans_at
from gateway.testing.phone import DialOptions, Phone
from gateway.testing.rtp import Arrival
from gateway.trace.journal import Sound
from tones.announcement import available_announcements, available_languages, find_recording
from tones.detect import Heard, Kind, listen
from tones.plan import GENERIC, TonePlan, UnknownToneError, all_plans, load_plan
from tones.user_announcement import UserAnnouncement

Pcm = NDArray[np.int16]

LOOK_EVERY_S: Final = 0.25
LETS_GO_WITHIN_S: Final = 1.0
NOTHING: Final = "nothing"
_SHOWN_SOUNDS: Final = 4


class CallFailureError(AssertionError):
    """A call did not do what was waited for; the message says what it did."""


@frozen(repr=False)
class Hearing:
    """Whether something was heard: true if it was.

    Args:
        wanted: what was asked for, in words.
        found: the sound that was it; None: it was not heard.
        sounds: everything that was heard, in order.
        waited_s: how long it took.
    """

    wanted: str
    found: Heard | None
    sounds: tuple[Heard, ...]
    waited_s: float

    def __bool__(self) -> bool:
        return self.found is not None

    def __repr__(self) -> str:
        if self.found is not None:
            return f"<heard {self.wanted}: {self.found}>"
        return f"<{self.wanted} not heard in {self.waited_s:.1f} s, but {summary(self.sounds)}>"

    @property
    def onset_s(self) -> float:
        """When it began, in seconds from the first RTP packet."""
        return self._sound.onset_s

    @property
    def duration_s(self) -> float:
        """How long it was heard, as far as has been waited for."""
        return self._sound.duration_s

    @property
    def level_dbm0(self) -> float:
        """Its total power while it sounds."""
        return self._sound.level_dbm0

    @property
    def countries(self) -> tuple[str, ...]:
        """Of a tone, the countries whose tone of that name it can be."""
        return self._sound.countries

    @property
    def language(self) -> str:
        """Of an announcement or a spoken number, the language (ISO 639-1)."""
        return self._sound.language

    @property
    def _sound(self) -> Heard:
        if self.found is None:
            raise CallFailureError(repr(self))
        return self.found


def summary(sounds: Iterable[Heard]) -> str:
    """What was heard, in one line: "0.0 s ringback (us), 3.0 s announcement hello"; "nothing"."""
    named = [f"{each.onset_s:.1f} s {described(each)[0]}" for each in sounds]
    more = [f"and {len(named) - _SHOWN_SOUNDS} more"] if len(named) > _SHOWN_SOUNDS else []
    return ", ".join([*named[:_SHOWN_SOUNDS], *more]) or NOTHING


@cache
def _names() -> frozenset[str]:
    tones = {tone for plan in all_plans() for tone in plan.tones}
    return frozenset({*tones, *available_announcements(), *map(str, Kind)})


def _check_name(name: str, own: Iterable[str]) -> None:
    __tracebackhide__ = True
    known = _names() | set(own)
    if name in known or name.endswith(" Hz") or name.strip("0123456789*#ABCD") == "":
        return
    close = get_close_matches(name, known, 3)
    perhaps = f"; did you mean {' or '.join(close)}?" if close else ""
    raise ValueError(f"{name!r} is no tone of any plan, no announcement and no sort of sound{perhaps}")


def _plans_of(name: str, country: str) -> tuple[TonePlan, ...]:
    """A country's tones; where the one asked for is not among them, the generic ones stand in."""
    plan = load_plan(country)
    try:
        return (plan,) if plan.find(name).plan is plan else (plan, load_plan(GENERIC))
    except UnknownToneError:
        return (plan,)


def _is_spoken(name: str) -> bool:
    """Whether it is a recording of ours, or a number."""
    return name in available_announcements() or name.strip("0123456789*#") == ""


def _language_in(name: str, country: str) -> str:
    """What an announcement, or a number, is spoken in in a country."""
    recording = name if name in available_announcements() else "digit-0"
    return find_recording(recording, load_plan(country).language).language


@frozen
class _Question:
    """What is listened for.

    Args:
        wanted: in words.
        fits: whether a sound is it.
        plans: the tone plans to tell sounds by; None is every one.
    """

    wanted: str
    fits: Callable[[Heard], bool]
    plans: tuple[TonePlan, ...] | None


class SyncCall:
    """A call, for code that waits; made by `SyncPhone.dial`."""

    def __init__(self, pstn: Pstn, call: PhoneCall, patience_s: float) -> None:
        self._pstn = pstn
        self._patience_s = patience_s
        self.call = call

    def __repr__(self) -> str:
        return repr(self.call)

    # ---- signalling

    @property
    def number(self) -> str:
        """What was dialled."""
        return self.call.number

    @property
    def state(self) -> str:
        """Where the call stands now, in words."""
        return self.call.state

    @property
    def status(self) -> int:
        """The final response to the INVITE; waits for it.

        Raises:
            CallFailureError: there was none.
        """
        __tracebackhide__ = True
        self.wait_for(FINAL)
        assert self.call.status is not None
        return self.call.status

    @property
    def cause(self) -> int | None:
        """The Q.850 cause value that the network ended the call with, None if it gave none; waits for the end.

        Raises:
            CallFailureError: the call has not ended.
        """
        __tracebackhide__ = True
        self.wait_for(ENDED)
        return self.call.cause

    @property
    def answered(self) -> bool:
        """Whether the call has been answered by now."""
        return self.call.answered

    @property
    def ended(self) -> bool:
        """Whether the call is over by now."""
        return self.call.ended

    @property
    def provisionals(self) -> list[Provisional]:
        """The provisional responses above 100 by now, in order."""
        return list(self.call.provisionals)

    @property
    def statuses(self) -> list[int]:
        """The responses above 100 by now, in order: [183, 200]."""
        return [response.status for response in self.call.responses]

    @property
    def infos(self) -> list[ReceivedInfo]:
        """Each INFO that has come by now."""
        return list(self.call.infos)

    def wait_for(self, what: Milestone, timeout: float | None = None) -> float:
        """Wait for a status, or for "media" (the first RTP packet), "answered", "final" (response) or "ended".

        Args:
            what: 183, or one of these words.
            timeout: seconds from now.

        Returns:
            When it happened, in seconds since the call was dialled.

        Raises:
            CallFailureError: it did not, and what did.
        """
        __tracebackhide__ = True
        patience_s = self._patience_s if timeout is None else timeout
        try:
            happened: float = self._pstn.call(self._when, what, patience_s)
        except DeferredTimeout:
            raise CallFailureError(
                f"{what} has not come within {patience_s:g} s; the call to {self.number} is: {self.state}"
            ) from None
        except NeverHappenedError as error:
            raise CallFailureError(str(error)) from None
        return happened

    def _when(self, what: Milestone, patience_s: float) -> Any:
        waiting = self.call.when(what)
        if not waiting.called:
            waiting.addTimeout(patience_s, self._pstn.thread.reactor)
        return waiting

    def cancel(self) -> None:
        """Give up before the answer; after it, hang up."""
        self._pstn.call(self.call.cancel)

    def hang_up(self) -> None:
        """Hang up: BYE, or CANCEL before the answer; nothing where the call is over already."""
        self._pstn.call(self.call.hang_up)

    def send_digit(self, digit: str, duration_ms: int = 160) -> None:
        """Press a digit, sent as INFO."""
        self._pstn.call(self.call.send_digit, digit, duration_ms)

    def send_info(self, content_type: str, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Send INFO."""
        self._pstn.call(self.call.send_info, content_type, body, headers)

    def press_digit(self, digit: str, duration_ms: int = 160) -> None:
        """Press a digit, sent in RTP as a telephone-event; waits until it is sent."""
        self._pstn.call(self.call.press_digit, digit, duration_ms)

    def speak(self, pcm: Pcm) -> None:
        """Say something, `int16` at 8000 Hz; waits until it is said."""
        self._pstn.call(self.call.speak, pcm)

    # ---- sound

    @property
    def audio(self) -> Pcm:
        """What has been heard by now: `int16` at 8000 Hz, from the first RTP packet on."""
        heard: Pcm = self._pstn.call(lambda: self.call.audio)
        return heard

    @property
    def arrivals(self) -> list[Arrival]:
        """The RTP packets that have come by now."""
        return list(self.call.arrivals)

    @property
    def sounds(self) -> list[Heard]:
        """Everything that has been heard by now, named by the tones of the country that was called."""
        return listen(self.audio, self.plans, own=self._own)

    @property
    def _own(self) -> tuple[UserAnnouncement, ...]:
        return self._pstn.settings.exchange.own_announcements

    @property
    def plans(self) -> tuple[TonePlan, ...]:
        """The tone plans that the number can be expected to sound by."""
        settings = self._pstn.settings
        return plans_at(self.number, settings.numbers.country, everywhere=settings.exchange.country)

    def heard(
        self, name: str, country: str | None = None, *, language: str | None = None, timeout: float | None = None
    ) -> Hearing:
        """Wait until something is heard.

        Args:
            name: of a tone ("busy", "ringback", "special-information"), an announcement ("number-not-in-service", or
                one of your configuration's), a frequency ("1004 Hz"), a spoken number ("12125550100") or a sort of
                sound ("speech", "silence").
            country: whose tone: the name of a tone plan. Where that has none of its own, the generic one is right. For
                an announcement or a number: in the language of that country, or in English where that lacks it.
            language: of an announcement or a number: ISO 639-1.
            timeout: seconds from now.

        Returns:
            True if it was heard. False as soon as the call is over without it, or time is up.

        Raises:
            ValueError: there is no such sound, no such country, or no recording in that language.
        """
        __tracebackhide__ = True
        _check_name(name, (each.name for each in self._own))
        if language is not None and language not in available_languages():
            raise ValueError(f"nothing is said in {language!r}; there are: {', '.join(available_languages())}")
        spoken = _is_spoken(name)
        if country is not None:
            plans: tuple[TonePlan, ...] | None = _plans_of(name, country)
            language = language or (_language_in(name, country) if spoken else None)
        else:
            # A frequency is asked for as such, whatever tones some country may make of it.
            plans = () if name.endswith(" Hz") else self.plans if spoken else None
        of = country or language
        question = _Question(
            f"{name} ({of})" if of else name,
            lambda each: each.fits(name) and language in (None, each.language),
            plans,
        )
        return self._wait_to_hear(question, timeout)

    def heard_digit(self, digit: str, *, timeout: float | None = None) -> Hearing:
        """Wait until a DTMF digit, or several in a row, are heard: "5", "512"."""
        wanted = digit.upper()
        question = _Question(f"digit {digit}", lambda each: each.kind is Kind.DTMF and wanted in each.name, self.plans)
        return self._wait_to_hear(question, timeout)

    def heard_silence(self, at_least_s: float = 1.0, *, timeout: float | None = None) -> Hearing:
        """Wait for a silence of some length."""
        question = _Question(
            f"silence of {at_least_s:g} s",
            lambda each: each.kind is Kind.SILENCE and each.duration_s >= at_least_s,
            self.plans,
        )
        return self._wait_to_hear(question, timeout)

    def _wait_to_hear(self, question: _Question, timeout: float | None) -> Hearing:
        began_s = time.monotonic()
        until_s = began_s + (self._patience_s if timeout is None else timeout)
        while True:
            closed, pcm = self._pstn.call(self._snapshot)
            looked_s = time.monotonic()
            sounds = listen(pcm, question.plans, language=self.plans[0].language, own=self._own)
            now_s = time.monotonic()
            over = closed or now_s >= until_s
            for number, each in enumerate(sounds):
                if question.fits(each) and (over or number < len(sounds) - 1 or _is_sure(each)):
                    return Hearing(question.wanted, each, tuple(sounds), now_s - began_s)
            if over:
                return Hearing(question.wanted, None, tuple(listen(pcm, self.plans, own=self._own)), now_s - began_s)
            # Looking must not take the processor away from what is looked at.
            time.sleep(min(max(LOOK_EVERY_S, 2 * (now_s - looked_s)), max(0.0, until_s - now_s)))

    def _snapshot(self) -> tuple[bool, Pcm]:
        return self.call.rtp.is_closed, self.call.audio

    def ladder(self) -> str:
        """The call so far: SIP, ISUP, what was heard, and why."""
        return self._pstn.ladder(self.call.call_id, tuple(self._sounds_for_the_ladder()))

    def _sounds_for_the_ladder(self) -> Iterable[Sound]:
        arrivals = self.arrivals
        if not arrivals:
            return
        began_s = arrivals[0].at_s - self._pstn.epoch_s
        name = self._pstn.name_of(self.call.call_id)
        for each in self.sounds:
            if each.kind is not Kind.SILENCE:
                text, detail = described(each)
                yield Sound(began_s + each.onset_s, name, "caller", text, detail)


def _is_sure(heard: Heard) -> bool:
    """Whether it is what it is named, although it goes on."""
    match heard.kind:
        case Kind.TONE:
            return heard.confidence >= SURE
        case Kind.RECORDING:
            return not heard.alternatives
        case Kind.NUMBER:
            return False
    return True


class SyncPhone:
    """A telephone, for code that waits.

    Args:
        pstn: the network to dial into.
        patience_s: how long its calls wait for what they are asked about, unless told otherwise.

    Attributes:
        phone: the telephone itself, in the reactor's thread.
        calls: all that it has dialled.
    """

    def __init__(self, pstn: Pstn, patience_s: float = 15.0) -> None:
        self._patience_s = patience_s
        self._before = pstn.holdings()
        self.phone: Phone = pstn.call(Phone, pstn.thread.reactor, pstn.address)
        self._closed = False
        self.pstn = pstn
        self.calls: list[SyncCall] = []

    def __enter__(self) -> SyncPhone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def dial(
        self,
        number: str,
        *,
        until: Milestone | None = None,
        timeout: float | None = None,
        **options: Unpack[DialOptions],
    ) -> SyncCall:
        """Place a call.

        Args:
            number: "+33199000003", "90017", or a whole "sip:" or "tel:" URI.
            until: come back only when this has happened: see `SyncCall.wait_for`.
            timeout: how long to wait for that.
            options: see `DialOptions`.
        """
        __tracebackhide__ = True
        call = SyncCall(self.pstn, self.pstn.call(self.phone.dial, number, **options), self._patience_s)
        self.calls.append(call)
        if until is not None:
            call.wait_for(until, timeout)
        return call

    def hang_up(self) -> None:
        """Hang up every call."""
        self.pstn.call(self.phone.hang_up)

    def let_go(self) -> str:
        """Hang up every call, and wait until the network holds nothing for them any more.

        Returns:
            What it still holds after a second that it did not hold when the phone was made; "" for nothing.
        """
        self.hang_up()
        until_s = time.monotonic() + LETS_GO_WITHIN_S
        while True:
            held = self.pstn.holdings()
            left = held.beyond(self._before)
            if "mishaps" in left or not left or time.monotonic() >= until_s:
                break
            time.sleep(0.01)
        said = ", ".join(f"{name}: {count}" for name, count in left.items())
        if self.phone.mishaps:
            said = f"{said}, " * bool(said) + f"mishaps in the phone: {self.phone.mishaps}"
        return said

    def close(self) -> None:
        """Hang up every call, and close every socket."""
        if not self._closed:
            self._closed = True
            self.pstn.call(self.phone.stop)


__all__ = ["ANSWERED", "ENDED", "FINAL", "CallFailureError", "Hearing", "Holdings", "SyncCall", "SyncPhone", "summary"]
