"""Listening while a call goes on: what is told, once, and when."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from twisted.internet.task import Clock

from gateway.exchange.effects import Sound
from gateway.exchange.sounds import render_sound
from gateway.testing.listener import Listener, SoundNamer, plans_at
from tones.detect import Match
from tones.dtmf import render_digits
from tones.plan import load_plan
from tones.user_announcement import UserAnnouncement

Pcm = NDArray[np.int16]
RATE = 8000


def sound(*parts: str, country: str = "us", seconds: float, times: int = 0) -> Pcm:
    pcm, repeats, _ = render_sound(Sound(parts, country, times))
    if repeats:
        pcm = np.tile(pcm, int(np.ceil(seconds * RATE / pcm.size)))
    return pcm[: int(seconds * RATE)]


def silence(seconds: float) -> Pcm:
    return np.zeros(int(seconds * RATE), np.int16)


def told(pcm: Pcm, country: str = "us") -> list[tuple[float, str]]:
    """What a namer tells that looks twice a second."""
    namer = SoundNamer([load_plan(country)])
    recognised = [each for end in range(RATE // 2, pcm.size, RATE // 2) for each in namer.look(pcm[:end])]
    recognised += namer.look(pcm, over=True)
    return [(round(each.onset_s, 1), each.text) for each in recognised]


class TestEachSoundIsToldOnce:
    @pytest.mark.parametrize(
        ("tone", "country", "seconds", "text"),
        [
            ("ringback", "us", 40.0, "ringback (us)"),
            ("ringback", "fr", 40.0, "ringback (fr)"),
            ("ringback", "gb", 12.0, "ringback (gb)"),
            ("busy", "fr", 10.0, "busy (fr)"),
            ("congestion", "us", 20.0, "congestion (us)"),
        ],
    )
    def test_a_tone_however_long(self, tone: str, country: str, seconds: float, text: str) -> None:
        assert told(sound(f"tone {tone}", country=country, seconds=seconds), country) == [(0.0, text)]

    def test_a_tone_of_many_countries_names_a_few(self) -> None:
        namer = SoundNamer()
        ((text, matches),) = [(each.text, each.heard.matches) for each in namer.look(sound("tone busy", seconds=3.0))]
        assert re.fullmatch(r"busy \((\w+, ){3}\w+ and [0-9]+ more\)", text)
        assert Match("us", "busy") in matches

    def test_ringback_and_the_voice_that_answers(self) -> None:
        pcm = [sound("tone ringback", seconds=3.0), sound("say hello", seconds=9.0, times=1), silence(2.0)]
        assert told(np.concatenate(pcm)) == [(0.0, "ringback (us)"), (3.0, "announcement hello (en)")]

    def test_an_announcement_in_the_language_of_the_country(self) -> None:
        pcm = sound("say number-changed", "digits 33199000000", country="fr", seconds=20.0, times=1)
        assert [text for _, text in told(pcm, "fr")] == [
            "announcement number-changed (fr)",
            "spoken number 33199000000 (fr)",
        ]

    def test_one_of_the_users_own(self) -> None:
        tune = UserAnnouncement("tune", sound("say echo", seconds=9.0, times=1)[::-1].copy())
        namer = SoundNamer([load_plan("us")], [tune])
        pcm = np.concatenate([silence(1.0), tune.pcm, silence(2.0)])
        recognised = [each for end in range(RATE // 2, pcm.size, RATE // 2) for each in namer.look(pcm[:end])]
        assert [each.text for each in recognised] == ["announcement tune"]

    def test_special_information_and_announcement_twice(self) -> None:
        pcm = sound("tone special-information", "say number-not-in-service", seconds=20.0, times=2)
        texts = [text.split(" (")[0] for _, text in told(pcm)]
        assert texts == ["special-information", "announcement number-not-in-service"] * 2

    def test_a_spoken_number_is_told_when_it_is_complete(self) -> None:
        pcm = sound("say number-changed", "digits 12125550100", seconds=20.0, times=1)
        assert told(pcm) == [
            (0.0, "announcement number-changed (en)"),
            (4.7, "spoken number 12125550100 (en)"),
        ]

    def test_digits_one_by_one(self) -> None:
        pcm = [silence(1), render_digits("5"), silence(0.5), render_digits("12"), silence(4), render_digits("9")]
        assert told(np.concatenate(pcm)) == [
            (1.0, "digit 5"),
            (1.7, "digit 1"),
            (1.9, "digit 2"),
            (6.1, "digit 9"),
        ]

    def test_a_tone_of_no_plan_by_its_frequency(self) -> None:
        assert told(sound("sine 1004 -13", seconds=25.0)) == [(0.0, "1004 Hz")]

    def test_silence_is_not_told(self) -> None:
        assert told(silence(30.0)) == []


class TestHowSoon:
    def test_a_tone_is_told_when_it_is_sure_and_not_before(self) -> None:
        pcm = sound("tone ringback", country="fr", seconds=5.0)
        namer = SoundNamer([load_plan("fr")])
        looks = [[each.text for each in namer.look(pcm[:end])] for end in range(RATE // 2, 3 * RATE, RATE // 2)]
        assert looks[:2] == [[], []]
        assert list(chain.from_iterable(looks)) == ["ringback (fr)"]

    def test_what_never_became_sure_is_told_in_the_end(self) -> None:
        pcm = sound("tone ringback", country="fr", seconds=0.9)
        namer = SoundNamer([load_plan("fr")])
        assert namer.look(pcm) == []
        assert [each.text for each in namer.look(pcm, over=True)] == ["ringback (fr)"]

    def test_the_window_stays_short(self) -> None:
        pcm = sound("tone ringback", seconds=60.0)
        namer = SoundNamer()
        for end in range(RATE // 2, pcm.size, RATE // 2):
            namer.look(pcm[:end])
            assert end - namer._start <= 8.6 * RATE


class TestPlansAt:
    @pytest.mark.parametrize(
        ("number", "countries"),
        [
            ("+33199000003", ["fr", "e180"]),
            ("2125550100", ["gb", "e180"]),
            ("90017", ["gb", "e180"]),
            ("tel:+81-3-5555-0100", ["jp", "e180"]),
            ("sip:+12125550100@127.0.0.1:5060", ["us", "e180"]),
        ],
    )
    def test_a_number_sounds_as_its_country_does(self, number: str, countries: list[str]) -> None:
        assert [plan.country for plan in plans_at(number, "gb")] == countries

    def test_unless_the_exchange_has_one_plan_for_all(self) -> None:
        assert [plan.country for plan in plans_at("+33199000003", "gb", everywhere="de")] == ["de", "e180"]
        assert [plan.country for plan in plans_at("+33199000003", "gb", everywhere="e180")] == ["e180"]


class _Threads:
    """A thread pool that does the work at once."""

    def callInThreadWithCallback(
        self, told: Callable[[bool, Any], None], function: Callable[..., Any], *arguments: Any, **keywords: Any
    ) -> None:
        told(True, function(*arguments, **keywords))


class _Reactor(Clock):
    def getThreadPool(self) -> _Threads:
        return _Threads()

    def callFromThread(self, function: Callable[..., Any], *arguments: Any) -> None:
        function(*arguments)


class _Call:
    def __init__(self, pcm: Pcm, reactor: _Reactor) -> None:
        self._pcm, self._reactor = pcm, reactor

    @property
    def audio(self) -> Pcm:
        return self._pcm[: int(self._reactor.seconds() * RATE)]

    @property
    def ended(self) -> bool:
        return bool(self._reactor.seconds() * RATE >= self._pcm.size)


class TestListener:
    def test_it_tells_while_the_call_goes_on_and_finishes_with_it(self) -> None:
        reactor, heard = _Reactor(), list[tuple[float, str, str]]()
        call = _Call(sound("tone busy", country="fr", seconds=4.0), reactor)
        finished = Listener(reactor, call, lambda *each: heard.append(each), plans=[load_plan("fr")]).start()
        reactor.pump([0.5] * 3)
        assert [(round(onset_s, 2), *words) for onset_s, *words in heard] == [(0.0, "busy (fr)", "440 Hz, -10.0 dBm0")]
        assert not finished.called
        reactor.pump([0.5] * 6)
        assert finished.called
        assert len(heard) == 1
        assert reactor.getDelayedCalls() == []

    def test_it_can_be_stopped(self) -> None:
        reactor = _Reactor()
        listener = Listener(reactor, _Call(silence(9), reactor), lambda *each: None)
        finished = listener.start()
        listener.stop()
        listener.stop()
        assert finished.called
        assert reactor.getDelayedCalls() == []
