"""Listening while a call goes on: each sound is told once, as soon as it is sure what it is.

`SoundNamer` looks at what has come so far and says what is new; it keeps its window short, so that a look costs no more
after an hour than after ten seconds. `Listener` looks twice a second, in a thread, so that nothing else has to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from tones.detect import Heard, Kind, dtmf, listen
from tones.plan import GENERIC, TonePlan, load_plan, plan_for_country_code
from tones.units import SAMPLE_RATE_HZ
from tones.user_announcement import UserAnnouncement

Pcm = NDArray[np.int16]
Told = Callable[[float, str, str], None]

LOOK_EVERY_S: Final = 0.5
SURE: Final = 0.7
STEADY_LOOKS: Final = 3
FEW_ALTERNATIVES: Final = 2
CONFUSABLE: Final = {"busy", "congestion"}
"""In many countries these are the same tone, and which was meant matters."""
MOST_COUNTRIES: Final = 4
_LONGEST_WINDOW_S: Final = 8.0
_KEPT_WINDOW_S: Final = 5.0
_SPEECH_GROWS_S: Final = 1.0
_SAME_ONSET_S: Final = 0.15
_MARGIN: Final = SAMPLE_RATE_HZ // 5
_TONE_OVER_S: Final = 1.0
_OVER_S: Final = {Kind.NUMBER: 0.8, Kind.SPEECH: 0.8, Kind.NOISE: 0.8, Kind.DTMF: 2.2}
"""A sound is over when something else, or silence, has been heard for so long."""
_VOICED: Final = (Kind.SPEECH, Kind.RECORDING, Kind.NUMBER)


@frozen
class Recognised:
    """A sound, told once.

    Args:
        onset_s: when it began, in seconds from the first sample of the call's audio.
        text: what it is: "ringback (us)", "1004 Hz", "digit 5", "announcement hello (en)".
        detail: frequencies and level; for an announcement, what it says.
        heard: what the detector said.
    """

    onset_s: float
    text: str
    detail: str
    heard: Heard


def described(heard: Heard) -> tuple[str, str]:
    """A sound in words: what it is, and more about it; what is spoken, with its language."""
    level = f"{heard.level_dbm0:.1f} dBm0"
    spoken_in = f" ({heard.language})" if heard.language else ""
    match heard.kind:
        case Kind.TONE:
            first, rest = heard.countries[:MOST_COUNTRIES], heard.countries[MOST_COUNTRIES:]
            where = ", ".join(first) + (f" and {len(rest)} more" if rest else "")
            same = {match.tone for match in heard.matches if match.country in heard.countries} & CONFUSABLE
            name = " or ".join([heard.name, *sorted(same - {heard.name})])
            hertz = "+".join(f"{hz:.0f}" for hz in heard.frequencies_hz)
            return f"{name} ({where})" if where else name, f"{hertz} Hz, {level}"
        case Kind.DTMF:
            return f"digit{'s' if len(heard.name) > 1 else ''} {heard.name}", level
        case Kind.RECORDING:
            return f"announcement {heard.name}{spoken_in}", f'"{heard.text}"' if heard.text else level
        case Kind.NUMBER:
            return f"spoken number {heard.name}{spoken_in}", level
        case Kind.SPEECH:
            return "a voice", level
    return heard.name, level


def plans_at(number: str, country: str, *, everywhere: str = "") -> tuple[TonePlan, ...]:
    """The tone plans that a number can be expected to sound by: that of its country, and the generic one.

    Args:
        number: as dialled, or a URI; without "+" it is a national number.
        country: where the gateway stands: the country of national numbers.
        everywhere: the plan of every number, where the exchange has been set so.
    """
    digits = "".join(char for char in number.partition("@")[0].partition(":")[2] or number if char in "+0123456789")
    if everywhere or not digits.startswith("+"):
        own = load_plan(everywhere or country)
    else:
        own = plan_for_country_code(digits[1:])
    return (own,) if own.generic else (own, load_plan(GENERIC))


class SoundNamer:
    """Says what is new in a recording that grows.

    Args:
        plans: where to look for tones; None is every plan there is, and then most tones are those of many countries.
        own: announcements of the user's own to know.
    """

    def __init__(self, plans: Sequence[TonePlan] | None = None, own: Sequence[UserAnnouncement] = ()) -> None:
        self._plans = plans
        self._own = own
        self._start = 0
        self._not_before = 0
        self._told: Heard | None = None
        self._going_on: Heard | None = None
        self._candidate: tuple[str, float] = ("", 0.0)
        self._looks = 0
        self._last_digit_s = -1.0

    def look(self, pcm: Pcm, *, over: bool = False) -> list[Recognised]:
        """Look at all that has come so far.

        Args:
            pcm: the whole recording, `int16` at 8000 Hz.
            over: nothing more will come: say also what is not sure.

        Returns:
            The sounds that have been recognised since the last look, in order.
        """
        if pcm.size <= self._start or (pcm.size < self._not_before and not over):
            return []
        offset_s = self._start / SAMPLE_RATE_HZ
        size_s = (pcm.size - self._start) / SAMPLE_RATE_HZ
        sounds = [
            each for each in listen(pcm[self._start :], self._plans, own=self._own) if each.kind is not Kind.SILENCE
        ]
        told: list[Recognised] = []
        unsettled: Heard | None = None
        for number, each in enumerate(sounds):
            quiet_s = size_s - each.end_s
            settled = over or quiet_s >= _OVER_S.get(each.kind, _TONE_OVER_S)
            if unsettled is None and not settled:
                unsettled = each
            if number == 0 and self._going_on is not None:
                if self._continues(each):
                    continue
                self._going_on = None
            if each.kind is Kind.DTMF:
                self._tell_digits(each, pcm, told)
            elif settled or self._is_sure(each, offset_s, quiet_s):
                self._tell(each, offset_s, told)
        self._move_on(sounds, unsettled, pcm.size)
        return told

    def _continues(self, each: Heard) -> bool:
        """Whether the window's first sound is the one that was being heard when the window was cut."""
        before = self._going_on
        return (
            before is not None
            and each.kind is before.kind
            and not {each.name, *each.alternatives}.isdisjoint({before.name, *before.alternatives})
        )

    def _is_sure(self, each: Heard, offset_s: float, quiet_s: float) -> bool:
        """Whether it can be told although it goes on: what it is will not change any more."""
        match each.kind:
            case Kind.NUMBER | Kind.SPEECH | Kind.NOISE:
                return False
            case Kind.RECORDING:
                return not each.alternatives and each.confidence >= SURE
        if each.confidence >= SURE:
            return True
        candidate = (each.name, offset_s + each.onset_s)
        same = candidate[0] == self._candidate[0] and abs(candidate[1] - self._candidate[1]) < _SAME_ONSET_S
        few = len(each.alternatives) <= FEW_ALTERNATIVES
        self._looks = self._looks + 1 if same and few else int(few)
        self._candidate = candidate
        return self._looks >= STEADY_LOOKS

    def _tell(self, each: Heard, offset_s: float, told: list[Recognised]) -> None:
        onset_s = offset_s + each.onset_s
        before = self._told
        if before is not None and before.kind is each.kind and abs(before.onset_s - onset_s) < _SAME_ONSET_S:
            if each.name == before.name or before.name in each.alternatives or each.name in before.alternatives:
                self._remember(each, offset_s)
                return
        elif before is not None and onset_s < before.onset_s:
            return
        self._remember(each, offset_s)
        text, detail = described(each)
        told.append(Recognised(onset_s, text, detail, each))

    def _remember(self, each: Heard, offset_s: float) -> None:
        self._told = evolve(each, onset_s=each.onset_s + offset_s)

    def _tell_digits(self, each: Heard, pcm: Pcm, told: list[Recognised]) -> None:
        """Digits are told one by one."""
        first = self._start + max(0, int(each.onset_s * SAMPLE_RATE_HZ) - _MARGIN)
        for digit in dtmf.detect(pcm[first:]):
            onset_s = first / SAMPLE_RATE_HZ + digit.onset_s
            if onset_s > self._last_digit_s:
                self._last_digit_s = onset_s + digit.duration_s
                heard = evolve(each, name=digit.digit, onset_s=digit.onset_s, duration_s=digit.duration_s)
                text, detail = described(heard)
                told.append(Recognised(onset_s, text, detail, heard))

    def _move_on(self, sounds: list[Heard], unsettled: Heard | None, size: int) -> None:
        """Begin the next look where something may still change."""
        start = self._start
        self._not_before = 0
        if not sounds:
            self._start = max(start, size - _MARGIN)
            return
        last = sounds[-1]
        onset_s = start / SAMPLE_RATE_HZ + last.onset_s
        told = self._told
        is_told = self._going_on is not None or (
            told is not None and told.kind is last.kind and abs(told.onset_s - onset_s) < _SAME_ONSET_S
        )
        steady = last.kind in (Kind.TONE, Kind.FREQUENCY)
        if unsettled is None:
            self._start, self._going_on = max(start, size - _MARGIN), last if steady else None
        elif unsettled is not sounds[0]:
            self._start, self._going_on = start + max(0, int(unsettled.onset_s * SAMPLE_RATE_HZ) - _MARGIN // 4), None
        elif last is unsettled and is_told and steady and (size - start) / SAMPLE_RATE_HZ > _LONGEST_WINDOW_S:
            self._start, self._going_on = size - int(_KEPT_WINDOW_S * SAMPLE_RATE_HZ), last
        if last.kind is Kind.RECORDING and is_told:
            self._not_before = int((onset_s + last.whole_s) * SAMPLE_RATE_HZ)
        elif last.kind in _VOICED and unsettled is not None:
            self._not_before = size + int(_SPEECH_GROWS_S * SAMPLE_RATE_HZ)


class Listened(Protocol):
    """A call that can be listened to."""

    @property
    def audio(self) -> Pcm:
        """All that has been heard so far."""

    @property
    def ended(self) -> bool:
        """Whether it is over."""


class Listener:
    """Listens to a call until it ends.

    Args:
        reactor: Twisted's; its thread pool does the looking.
        call: whose audio.
        told: told of each sound once: when it began, in seconds from the first sample; what; and more about it.
        every_s: how often to look.
        plans: where to look for tones; None is every plan there is.
        own: announcements of the user's own to know.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        call: Listened,
        told: Told,
        every_s: float = LOOK_EVERY_S,
        plans: Sequence[TonePlan] | None = None,
        own: Sequence[UserAnnouncement] = (),
    ) -> None:
        self._reactor = reactor
        self._call = call
        self._told = told
        self._every_s = every_s
        self._namer = SoundNamer(plans, own)
        self._next: Any = None
        self._stopped = False
        self.finished: Deferred[None] = Deferred()

    def start(self) -> Deferred[None]:
        """Begin; fires when the call has ended and everything in it has been told."""
        self._next = self._reactor.callLater(self._every_s, self._look)
        return self.finished

    def stop(self) -> None:
        """Listen no longer; `finished` fires."""
        if self._stopped:
            return
        self._stopped = True
        if self._next is not None and self._next.active():
            self._next.cancel()
        self.finished.callback(None)

    def _look(self) -> None:
        over = self._call.ended
        looking = deferToThreadPool(
            self._reactor, self._reactor.getThreadPool(), self._namer.look, self._call.audio, over=over
        )
        looking.addCallback(self._looked, over).addErrback(self._went_wrong)

    def _looked(self, recognised: list[Recognised], over: bool) -> None:
        if self._stopped:
            return
        for each in recognised:
            self._told(each.onset_s, each.text, each.detail)
        if over:
            self.stop()
        else:
            self._next = self._reactor.callLater(self._every_s, self._look)

    def _went_wrong(self, failure: Failure) -> None:
        self.log.failure("listening went wrong", failure)
        self.stop()
