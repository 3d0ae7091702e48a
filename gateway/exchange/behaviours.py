"""What happens when a number is called, as data: steps read from TOML (`behaviours.toml`, or the user's own)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import field, frozen
from attrs.validators import ge, in_, instance_of, le

from gateway.core.errors import ConfigError
from gateway.exchange.own_sounds import NoOwnSounds, OwnSounds
from tones.announcement import DIGIT_NAMES, available_announcements, available_languages
from tones.dtmf import DIGITS as DTMF_PAIRS
from tones.plan import GENERIC, UnknownToneError, all_plans, load_plan
from tones.user_announcement import UserAnnouncement

CALLED_PARTY = ("no indication", "subscriber free", "connect when free")
EVENTS = {
    "alerting": 1,
    "progress": 2,
    "in-band": 3,
    "forwarded on busy": 4,
    "forwarded on no reply": 5,
    "forwarded unconditional": 6,
}
LOCATIONS = {"user": 0, "local": 2, "transit": 3, "remote": 4, "international": 7, "beyond": 10}
SOUND_WORDS = {"tone": 2, "say": 2, "digits": 2, "sine": 3, "dtmf": 2, "pause": 2}
"""The first word of a `play` part that is not one of the user's own, and how many words there are."""
CALLS_NUMBERS = ("called", "new", "heard")
"""What `digits` knows besides digits: the numbers of the call."""
DTMF_DIGITS = "".join(DTMF_PAIRS)
MOST_TIMES = 100
LONGEST_WAIT_S = 86_400
LONGEST_PAUSE_MS = 60_000


_MAY_BE_SENT = {
    "ACM": ("ACM", "CON", "REL"),
    "ANM": ("CPG", "ANM", "REL"),
    "answered": ("CPG", "SUS", "RES", "REL"),
}
"""What may be sent while a call waits for its ACM, for its ANM, and after the answer."""
_STAGE_AFTER = {"ACM": "ANM", "ANM": "answered", "CON": "answered", "REL": "REL"}


@frozen
class Send:
    """Send an ISUP message backwards; which options count depends on the message."""

    message: str = field(validator=in_(("ACM", "CPG", "ANM", "CON", "SUS", "RES", "REL")))
    called_party: str = field(default="no indication", validator=in_(CALLED_PARTY))
    in_band: bool = field(default=False, validator=instance_of(bool))
    diversion: bool = field(default=False, validator=instance_of(bool))
    interworking: bool = field(default=False, validator=instance_of(bool))
    event: str = field(default="progress", validator=in_(EVENTS))
    cause: int = field(default=16, validator=[instance_of(int), ge(1), le(127)])
    location: str = field(default="remote", validator=in_(LOCATIONS))


@frozen
class Play:
    """Put a sound on the circuit.

    Args:
        parts: what follows what: "tone busy", "say hello", "digits new", "sine 1004 -13".
        own: the parts that are announcements of the user's own, and what they are.
        times: how often; 0 for ever.
        gap: between parts, ms, unless one of them is a pause; twice as long between repetitions.
        fade: how long the whole takes to come and to go, ms.
        language: of what is spoken; "" for that of the country that is called.
        barge_in: whether a digit of the caller's ends it.
    """

    parts: tuple[str, ...] = field()
    times: int = field(default=0, validator=[instance_of(int), ge(0), le(MOST_TIMES)])
    gap: int = field(default=500, validator=[instance_of(int), ge(0), le(LONGEST_PAUSE_MS)])
    fade: int = field(default=0, validator=[instance_of(int), ge(0), le(LONGEST_PAUSE_MS)])
    language: str = field(default="", validator=instance_of(str))
    barge_in: bool = field(default=False, validator=instance_of(bool))
    own: tuple[tuple[str, UserAnnouncement], ...] = field(default=(), kw_only=True)

    @parts.validator
    def _check(self, attribute: object, value: tuple[str, ...]) -> None:
        if not value:
            raise ValueError("play: an empty list; there has to be something to play")
        own = dict(self.own)
        for part in value:
            if part not in own:
                check_sound(part)

    @language.validator
    def _spoken(self, attribute: object, value: str) -> None:
        recorded = [part for part in self.parts if part not in dict(self.own) and part.startswith(("say ", "digits "))]
        if value and recorded and value not in available_languages():
            raise ValueError(f"language: there are recordings in {', '.join(available_languages())}, not in {value!r}")

    @fade.validator
    def _ends(self, attribute: object, value: int) -> None:
        if value and not self.times and len(self.parts) == 1 and str(self.parts[0]).startswith(("tone", "sine")):
            raise ValueError("fade: a single tone that is played for ever does not come and go; give times")


@frozen
class Wait:
    """Let time pass."""

    seconds: float = field()

    @seconds.validator
    def _check(self, attribute: object, value: object) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= LONGEST_WAIT_S:
            raise ValueError(f'wait: {value!r} is neither a number of seconds, 0 to {LONGEST_WAIT_S}, nor "sound"')


@frozen
class WaitForSound:
    """Until the last `Play` has been heard to its end."""


@frozen
class Echo:
    """Give the caller back what the caller says."""


@frozen
class Stay:
    """Until the caller hangs up."""


@frozen
class Handset:
    """Ring the local handset and, once it has answered, let both talk; the call's last step.

    Args:
        no_answer: seconds until the caller is released with cause 19.
    """

    no_answer: float = field(default=60.0)

    @no_answer.validator
    def _check(self, attribute: object, value: object) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool) or not 1 <= value <= LONGEST_WAIT_S:
            raise ValueError(f"no_answer: {value!r} is not a number of seconds, 1 to {LONGEST_WAIT_S}")


Step = Send | Play | Wait | WaitForSound | Echo | Stay | Handset


@frozen
class Behaviour:
    """What one number does.

    Args:
        ending: the last two digits that choose it.
        title: in a few words.
        steps: in order; after the last one the call stays as it is.
    """

    ending: str
    title: str
    steps: tuple[Step, ...]


def read_behaviour(ending: str, table: Mapping[str, Any], key: str = "", own: OwnSounds | None = None) -> Behaviour:
    """A behaviour from its TOML table.

    Args:
        ending: the two digits.
        table: its title and steps.
        key: the dotted key of the table.
        own: where the user's own announcements come from.

    Raises:
        ConfigError: what is wrong, under the dotted key `key`.
    """
    key = key or ending
    if not isinstance(table, Mapping):
        raise ConfigError("a table with title and steps is needed", key=key)
    if len(ending) != 2 or not ending.isascii() or not ending.isdigit():
        raise ConfigError(f"{ending!r} is not two digits", key=key)
    unknown = set(table) - {"title", "steps"}
    if unknown:
        raise ConfigError("there is no such key here; there are title and steps", key=f"{key}.{min(unknown)}")
    steps = table.get("steps")
    if not isinstance(steps, list) or not steps:
        raise ConfigError("a list of at least one step is needed", key=f"{key}.steps")
    read = tuple(_step(step, f"{key}.steps[{number}]", own or NoOwnSounds()) for number, step in enumerate(steps, 1))
    _check_order(read, key)
    return Behaviour(ending, str(table.get("title", f"as configured for {ending}")), read)


def _check_order(steps: Iterable[Step], key: str) -> None:
    """Whether each message may be sent where it stands (ITU-T Q.764 §2.1), and each sound that is waited for ends.

    Raises:
        ConfigError: one may not, or does not.
    """
    stage = "ACM"
    ends = False
    for number, step in enumerate(steps, 1):
        if stage in ("REL", "handset"):
            raise ConfigError(f"nothing can follow {stage}", key=f"{key}.steps[{number}]")
        match step:
            case Send(message):
                if message not in _MAY_BE_SENT[stage]:
                    allowed = ", ".join(_MAY_BE_SENT[stage])
                    raise ConfigError(f"{message} cannot be sent here, but {allowed}", key=f"{key}.steps[{number}]")
                stage = _STAGE_AFTER.get(message, stage)
            case Play(times=times, barge_in=barge_in):
                ends = times > 0 or barge_in
                if barge_in and stage != "answered":
                    raise ConfigError(
                        "barge_in: no digit comes before ANM or CON; the forward direction is closed",
                        key=f"{key}.steps[{number}]",
                    )
            case WaitForSound() if not ends:
                raise ConfigError("nothing that ends is played before", key=f"{key}.steps[{number}]")
            case Echo():
                ends = False
            case Handset():
                if stage != "ACM":
                    raise ConfigError(
                        "handset cannot follow ACM or CON: it sends its own", key=f"{key}.steps[{number}]"
                    )
                stage = "handset"


def _step(step: object, key: str, own: OwnSounds) -> Step:
    if not isinstance(step, dict) or not step:
        raise ConfigError("a step is a table such as { wait = 3.0 }", key=key)
    try:
        match step:
            case {"send": message, **options}:
                return Send(message, **options)
            case {"play": sound, **options}:
                return _play(tuple(sound) if isinstance(sound, list) else (sound,), options, own)
            case {"wait": "sound", **options} if not options:
                return WaitForSound()
            case {"wait": seconds, **options} if not options:
                return Wait(seconds)
            case {"echo": True, **options} if not options:
                return Echo()
            case {"stay": True, **options} if not options:
                return Stay()
            case {"handset": True, **options}:
                return Handset(**options)
    except (TypeError, ValueError) as error:
        raise ConfigError(_plain(error), key=key) from None
    raise ConfigError(f"{step} is no step; there are send, play, wait, and echo, stay and handset = true", key=key)


def _play(parts: tuple[Any, ...], options: Mapping[str, Any], own: OwnSounds) -> Play:
    if "own" in options:
        raise TypeError("play got an unexpected keyword argument 'own'")
    found = {part: own.find(part, str(options.get("language", ""))) for part in parts if isinstance(part, str)}
    theirs = tuple((part, each) for part, each in found.items() if each is not None)
    return Play(parts, own=theirs, **options)


def check_sound(part: object) -> None:
    """Whether a `play` part can be a sound at all, and none of the user's own.

    Raises:
        ValueError: it cannot, and why.
    """
    words = part.split() if isinstance(part, str) else []
    kind, word = [*words, "", ""][:2]
    if not word or len(words) != SOUND_WORDS.get(kind):
        raise ValueError(
            f'{part!r} is no sound; write "tone NAME", "say NAME", "digits new", "sine HZ DBM0", "dtmf DIGITS", '
            '"pause MS", "wav FILE" or "text WORDS"'
        )
    match kind:
        case "tone" if not _is_tone(word):
            raise ValueError(f"{part!r}: no tone plan has such a tone")
        case "say" if word not in available_announcements():
            raise ValueError(f"{part!r}: there are the recordings {', '.join(available_announcements())}")
        case "digits" if word not in CALLS_NUMBERS and not set(word) <= set(DIGIT_NAMES):
            wanted = ", ".join(f'"digits {each}"' for each in CALLS_NUMBERS)
            raise ValueError(f"{part!r}: there are {wanted}, and a number of {''.join(DIGIT_NAMES)}")
        case "dtmf" if word.strip(DTMF_DIGITS):
            raise ValueError(f"{part!r}: the digits are {DTMF_DIGITS}")
        case "pause" if not (word.isascii() and word.isdecimal() and 1 <= int(word) <= LONGEST_PAUSE_MS):
            raise ValueError(f"{part!r}: 1 to {LONGEST_PAUSE_MS} ms")
        case "sine" if not (20 <= float(word) <= 3900 and -70 <= float(words[2]) <= 3):
            raise ValueError(f"{part!r}: 20 to 3900 Hz and -70 to 3 dBm0")


def _is_tone(name: str) -> bool:
    try:
        load_plan(GENERIC).find(name)
    except UnknownToneError:
        return any(plan.get(name) is not None for plan in all_plans())
    return True


def _plain(error: Exception) -> str:
    """attrs puts more into the arguments than a person wants to read."""
    text = str(error.args[0]) if error.args else str(error)
    text = text.split(" (got ", 1)[0]
    for step in (Send, Play, Handset):
        text = text.replace(f"{step.__name__}.__init__() ", f"{step.__name__.lower()} ")
    return text


@cache
def built_in_behaviours() -> Mapping[str, Behaviour]:
    """The endings that come with the exchange."""
    data = tomllib.loads((files("gateway.exchange") / "behaviours.toml").read_text(encoding="utf-8"))
    return {ending: read_behaviour(ending, table) for ending, table in data.items()}


@cache
def built_in_treatments() -> Mapping[int, tuple[str, ...]]:
    """Cause value to sound parts; key 0 holds the default."""
    data = tomllib.loads((files("gateway.exchange") / "treatments.toml").read_text(encoding="utf-8"))
    pairs = {int(cause): tuple(parts) for cause, parts in data["causes"].items()}
    return {0: tuple(data["default"]), **pairs}
