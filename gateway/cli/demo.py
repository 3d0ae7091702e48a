"""`python -m gateway demo`: real calls to the built-in network over loopback, and what is signalled and heard in them.

It ends with exit status 0 only if what was heard - named by a detector from the RTP that was received - is what the
exchange meant to be heard.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from attrs import define, field, frozen
from rich.console import Console
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import deferLater

from gateway.cli.ladder_view import LadderView
from gateway.config.settings import Settings
from gateway.exchange.effects import ECHO, Sound
from gateway.net.sound_card import Loudspeaker, NoSoundCardError
from gateway.service.compose import Lab, compose
from gateway.testing.call import PhoneCall
from gateway.testing.listener import Listener, plans_at
from gateway.testing.meaning import not_heard
from gateway.testing.phone import Phone
from gateway.trace.journal import Sound as SoundEvent
from gateway.trace.wav import write_wav
from tones.detect import Heard, Kind
from tones.plan import TonePlan
from tones.plot import PictureError, draw
from tones.wav import read_wav

DIGIT = "5"
LONGEST_CALL_S = 60.0


@frozen
class Dialled:
    """One call of the demonstration.

    Args:
        number: what is dialled.
        title: in a few words.
        status: the final response that is meant.
        act: what the caller does once the call is answered, if it is; it then hangs up.
    """

    number: str
    title: str
    status: int
    act: Callable[[Any, PhoneCall], Deferred[Any]] | None = None


def _listen_for(seconds: float) -> Callable[[Any, PhoneCall], Deferred[Any]]:
    return lambda reactor, call: deferLater(reactor, seconds, lambda: None)


@inlineCallbacks
def _press(reactor: Any, call: PhoneCall) -> Generator[Deferred[Any], Any, None]:
    yield deferLater(reactor, 0.5, lambda: None)
    call.send_digit(DIGIT)
    yield deferLater(reactor, 1.5, lambda: None)


CALLS = (
    Dialled("+12125550100", "The United States: it rings, and somebody answers", 200, _listen_for(5.0)),
    Dialled("+33199000003", "France: busy, in band", 486),
    Dialled("+442079460004", "The United Kingdom: no such number", 404),
    Dialled("+81312340005", "Japan: congestion", 503),
    Dialled("+12125550102", "Busy at once, nothing in band", 486),
    Dialled(
        "+12125550110", f"A digit sent in INFO is heard as a tone on the far side, and echoed: {DIGIT}", 200, _press
    ),
)


@define
class Outcome:
    """What came of a call."""

    dialled: Dialled
    name: str = ""
    meant: list[Sound] = field(factory=list)
    heard: list[Heard] = field(factory=list)
    wrong: list[str] = field(factory=list)
    wav: Path | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the files go."""
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for capture and WAVs (%(default)s)")
    parser.add_argument("--audio", action="store_true", help="play what the caller hears on the sound card")


def run(arguments: argparse.Namespace) -> int:
    """0: everything that was meant was heard; 1: something was not."""
    from twisted.internet import reactor

    console = Console()
    loudspeaker = None
    if arguments.audio:
        try:
            loudspeaker = Loudspeaker()
        except NoSoundCardError as error:
            console.print(f"No sound: {error}", highlight=False)
    arguments.out.mkdir(parents=True, exist_ok=True)
    demo = Demo(reactor, arguments.out, LadderView(console, facts=False), loudspeaker)
    clock: Any = reactor
    clock.callWhenRunning(demo.start)
    clock.run()
    return demo.report()


class Demo:
    """The calls, one after the other, beside a lab in the same process; SIP and RTP go over loopback UDP."""

    def __init__(self, reactor: Any, folder: Path, view: LadderView, loudspeaker: Loudspeaker | None) -> None:
        self._reactor = reactor
        self._folder = folder
        self._view = view
        self._loudspeaker = loudspeaker
        self._outcomes: list[Outcome] = []
        self._failure = ""
        settings = Settings()
        # A call is shown as RFC 3398's figures draw it: with 100 at once, though this PSTN answers within the 200 ms.
        settings = attrs.evolve(settings, sip=attrs.evolve(settings.sip, listen=("127.0.0.1", 0), trying_after=0.0))
        settings = attrs.evolve(settings, trace=attrs.evolve(settings.trace, control="off"))
        self._lab: Lab = compose(settings, reactor)
        self._lab.sound_observer = self._sound_played
        self._lab.journal.observe(view)
        self._lab.capture_to((folder / "capture.pcapng").open("wb"))

    def start(self) -> None:
        """Place the calls, then end the reactor."""
        self._all_calls().addErrback(self._failed).addBoth(lambda _: self._reactor.stop())

    def _failed(self, failure: Any) -> None:
        self._failure = failure.getTraceback()

    @inlineCallbacks
    def _all_calls(self) -> Generator[Deferred[Any], Any, None]:
        self._lab.start()
        host, port = self._lab.sip_address
        self._view.remark(f"Gateway and exchange run in this process; SIP on {host}:{port}. The phone is beside them.")
        phone = Phone(self._reactor, self._lab.sip_address)
        for dialled in CALLS:
            yield self._one_call(phone, dialled)
        yield phone.stop()
        yield self._lab.stop()

    @inlineCallbacks
    def _one_call(self, phone: Phone, dialled: Dialled) -> Generator[Deferred[Any], Any, None]:
        outcome = Outcome(dialled)
        self._outcomes.append(outcome)
        self._view.title(f"{dialled.number}  {dialled.title}")
        call = phone.dial(dialled.number)
        ended = call.when_ended()
        watchdog = self._reactor.callLater(LONGEST_CALL_S, call.hang_up)
        plans = plans_at(dialled.number, self._lab.settings.numbers.country)
        listener = Listener(self._reactor, call, partial(self._heard, outcome), plans=plans)
        listening = listener.start()
        if dialled.act is not None:
            call.when_answered().addCallback(lambda _: self._act(dialled, call)).addErrback(lambda _: None)
        yield ended
        if watchdog.active():
            watchdog.cancel()
        yield listening
        self._view.finish(outcome.name)
        self._judge(outcome, call, plans)

    def _act(self, dialled: Dialled, call: PhoneCall) -> Deferred[Any]:
        assert dialled.act is not None
        return dialled.act(self._reactor, call).addCallback(lambda _: call.hang_up())

    def _sound_played(self, call: str, sound: Sound) -> None:
        self._outcomes[-1].name = call
        self._outcomes[-1].meant.append(sound)

    def _heard(self, outcome: Outcome, onset_s: float, text: str, detail: str) -> None:
        name = outcome.name or self._lab.journal.calls[-1]
        self._lab.journal.append(SoundEvent(self._lab.now_s(), name, "caller", text, f"{detail}, from {onset_s:.1f} s"))

    def _judge(self, outcome: Outcome, call: PhoneCall, plans: Sequence[TonePlan]) -> None:
        outcome.heard = [heard for heard in call.heard(plans) if heard.kind is not Kind.SILENCE]
        if call.status != outcome.dialled.status:
            outcome.wrong.append(f"the final response was {call.status}, not {outcome.dialled.status}")
        meant = [sound for sound in outcome.meant if sound is not ECHO]
        if ECHO in outcome.meant:
            meant.append(Sound((f"dtmf {DIGIT}",), ""))
        outcome.wrong += [f"not heard: {missing}" for missing in not_heard(meant, outcome.heard)]
        if not meant and outcome.heard:
            outcome.wrong.append("something was heard where nothing was meant")
        if call.audio.size:
            name = outcome.dialled.number.lstrip("+")
            outcome.wav = self._folder / f"call-{len(self._outcomes)}-{name}.wav"
            write_wav(outcome.wav, call.audio)
            if self._loudspeaker is not None:
                self._loudspeaker.play(call.audio.tobytes())

    def _draw(self) -> str:
        """A picture beside each WAV; in words, which, or why there is none."""
        drawn = 0
        for outcome in self._outcomes:
            if outcome.wav is not None:
                title = f"{outcome.dialled.number}: {outcome.dialled.title}"
                try:
                    draw(read_wav(outcome.wav), outcome.wav.with_suffix(".png"), title, outcome.heard)
                except PictureError as error:
                    return f"no pictures of them: {error}"
                drawn += 1
        return f"{self._folder / 'call-*.png'}  {drawn} pictures: waveform, spectrum with the sounds named, cadence"

    def report(self) -> int:
        """Say what was heard, and where the files are; the exit status."""
        show = self._view.remark
        self._view.title("What the caller heard")
        for outcome in self._outcomes:
            heard = "; ".join(str(heard) for heard in outcome.heard) or "nothing"
            show(f"{'ok' if not outcome.wrong else 'WRONG':6}{outcome.dialled.number}  {heard}")
            for wrong in outcome.wrong:
                show(f"      {wrong}", "bold red")
        show("")
        show(f"{self._folder / 'capture.pcapng'}  SIP, ISUP and RTP of all calls; opens in Wireshark")
        for outcome in self._outcomes:
            if outcome.wav is not None:
                show(f"{outcome.wav}  {outcome.dialled.title}")
        show(self._draw())
        if self._failure:
            show(self._failure, "bold red")
        complete = len(self._outcomes) == len(CALLS) and not self._failure
        return 0 if complete and not any(outcome.wrong for outcome in self._outcomes) else 1
