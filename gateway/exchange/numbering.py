"""What a called number means here (the country: ITU-T E.164 country code; what happens: its last two digits)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from attrs import frozen

from gateway.core.values import value
from gateway.exchange.behaviours import Behaviour, Handset, Play, Send, Step, Wait, WaitForSound
from tones.plan import plan_for_country_code

UNALLOCATED = 1
SHORTEST, LONGEST = 8, 15
SIP_USERS_PREFIX = "999"
HANDSET_ENDING = "20"


@value
class Destination:
    """Where a number leads.

    Args:
        digits: international, without "+"; or the five digits of a short number.
        country: whose sounds are heard: the name of a tone plan.
        title: in a few words, for the trace.
        steps: what happens.
    """

    digits: str
    country: str
    title: str
    steps: tuple[Step, ...]


@frozen
class NumberPlan:
    """The default number plan of the exchange.

    Args:
        country_code: the E.164 code of the country that the exchange stands in.
        behaviours: by the last two digits.
        treatments: cause value to sound parts; 0: the default.
        country: the tone plan to use whatever the number says, or "" to go by the country code.
        handset: the only number of the local handset, international, without "+"; it does what ending 20 does. "":
            every number whose behaviour has the step.
    """

    country_code: str
    behaviours: Mapping[str, Behaviour]
    treatments: Mapping[int, tuple[str, ...]]
    country: str = ""
    handset: str = ""

    def find(self, digits: str, international: bool) -> Destination:
        """The destination of a called party number.

        Args:
            digits: as the address signals have them, without the ST signal.
            international: whether the nature of address says so; else a national number of our country.
        """
        if not international and len(digits) == 5 and digits.isdigit() and digits[:2] in ("90", "91"):
            return self._short_number(digits)
        number = digits if international else self.country_code + digits
        country = self.country or _country_of(number)
        is_handset = bool(self.handset) and number == self.handset
        behaviour = self.behaviours.get(HANDSET_ENDING if is_handset else number[-2:])
        if behaviour is None or not SHORTEST <= len(number) <= LONGEST or not number.isdigit():
            return self._vacant(number, country)
        if number.startswith(SIP_USERS_PREFIX):
            return self._vacant(number, country)
        if self.handset and not is_handset and any(isinstance(step, Handset) for step in behaviour.steps):
            return self._vacant(number, country)
        return Destination(number, country, behaviour.title, behaviour.steps)

    def _short_number(self, digits: str) -> Destination:
        cause, country = int(digits[2:]), self.country or _country_of(self.country_code)
        if not 1 <= cause <= 127:
            return self._vacant(digits, country)
        release = Send("REL", cause=cause)
        if digits[:2] == "90":
            return Destination(digits, country, f"released at once with cause {cause}", (release,))
        parts = self.treatments.get(cause, self.treatments[0])
        announced = any(part.startswith("say") for part in parts)
        heard: tuple[Step, ...] = (Play(parts, 1), WaitForSound()) if announced else (Play(parts), Wait(10.0))
        return Destination(digits, country, f"treatment of cause {cause}", (Send("ACM", in_band=True), *heard, release))

    @staticmethod
    def _vacant(digits: str, country: str) -> Destination:
        return Destination(digits, country, "no such number", (Send("REL", cause=UNALLOCATED),))


@lru_cache(maxsize=4096)
def _country_of(number: str) -> str:
    return plan_for_country_code(number).country


def changed_number(digits: str) -> str:
    """The new number of one that has changed: the same, ending in 00, which answers."""
    return digits[:-2] + "00"
