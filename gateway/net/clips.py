"""Sounds in words to clips in the store: rendered when they are first asked for, and the rare ones forgotten again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Set
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.exchange.effects import Sound
from gateway.exchange.sounds import may_have_digits, render_sound
from gateway.media.store import LAWS, Clip, SoundStore
from tones.detect.dtmf import DtmfReceiver
from tones.dtmf import render_digit
from tones.g711 import Law, encode

RARE_SOUNDS_KEPT: Final = 128
"""Sounds that few calls share: spoken numbers, digits of an unusual length."""
DIGIT_PAUSE_MS: Final = 60

Pcm = NDArray[np.int16]


class Clips:
    """The clips of one media plane.

    Args:
        store: where they are.
        carried: asked which sounds circuits carry now, by name: those are not forgotten.
    """

    def __init__(self, store: SoundStore, carried: Callable[[], Set[str]]) -> None:
        self._store = store
        self._carried = carried
        self._rare: OrderedDict[str, None] = OrderedDict()
        self._have_digits: dict[str, bool] = {}

    def of_sound(self, sound: Sound) -> Clip:
        """What the exchange plays."""
        name = repr(sound)
        clip = self._known(name)
        if clip is None:
            pcm, repeat, introduction = render_sound(sound)
            rare = any(part.startswith("digits") for part in sound.parts)
            clip = self._add(name, pcm, repeat, rare, introduction)
            known = may_have_digits(sound)
            if known is not None:
                self._have_digits[name] = known
        return clip

    def of_digit(self, digit: str, duration_ms: int) -> Clip:
        """A DTMF digit, and the pause behind it."""
        name = f"dtmf {digit} {duration_ms} ms"
        clip = self._known(name)
        if clip is None:
            tone = render_digit(digit, duration_ms)
            pause = np.zeros(DIGIT_PAUSE_MS * 8, np.int16)
            clip = self._add(name, np.concatenate([tone, pause]), repeat=False, rare=True)
        return clip

    def has_digits(self, clip: Clip) -> bool:
        """Whether DTMF digits are heard in it; where its words do not say, it is listened to, once."""
        known = self._have_digits.get(clip.name)
        if known is None:
            heard = DtmfReceiver(Law.ALAW).feed(self._store.read(clip, Law.ALAW))
            known = self._have_digits[clip.name] = bool(heard)
        return known

    def _known(self, name: str) -> Clip | None:
        clip = self._store.get(name)
        if clip is not None and name in self._rare:
            self._rare.move_to_end(name)
        return clip

    def _add(self, name: str, pcm: Pcm, repeat: bool, rare: bool, introduction: int = 0) -> Clip:
        if rare:
            self._rare[name] = None
            if len(self._rare) > RARE_SOUNDS_KEPT:
                self._forget_rare_ones()
        return self._store.add(name, {law: encode(pcm, law) for law in LAWS}, repeat, introduction)

    def _forget_rare_ones(self) -> None:
        """Take those that were played longest ago out of the store, but none that some circuit carries."""
        carried = self._carried()
        idle = [name for name in self._rare if name not in carried and self._store.get(name) is not None]
        for name in idle[: len(self._rare) - RARE_SOUNDS_KEPT]:
            del self._rare[name]
            self._have_digits.pop(name, None)
            self._store.remove(name)
