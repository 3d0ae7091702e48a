"""Every tone of every plan, through a real call: rendered, sent as RTP over loopback, received, decoded and measured.

Two judgements of what was received, for each of the tones: octet for octet it is the tone, from its first sample on;
and, measured without anything of the synthesis, its frequencies, its level and its pauses are those of the plan.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain, cycle
from typing import Final

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.config.settings import ExchangeSettings, IsupSettings, Settings
from gateway.exchange.behaviours import Behaviour, read_behaviour
from gateway.media.rtp import PACKET_SAMPLES
from gateway.testing.lab import Pstn
from gateway.testing.sync import SyncCall
from tones.cadence import render
from tones.g711 import Law, decode, encode, idle_octet
from tones.notation import Segment
from tones.plan import Tone, TonePlan, all_plans
from tones.units import SAMPLE_RATE_HZ, level_dbm0

pytestmark = pytest.mark.judge

AT_ONCE: Final = 250
HEARD_S: Final = 8.0
"""How much of each is listened to: a whole period of nine in ten, the beginning of the others."""
LEVEL_TOLERANCE_DB: Final = 0.5
FREQUENCY_TOLERANCE_HZ: Final = 0.5
SILENCE_DBM0: Final = -55.0
EDGE_SAMPLES: Final = 40
"""So near to the ends of a burst nothing is measured: the ramps."""
SHORTEST_MEASURED: Final = 320

Pcm = NDArray[np.int16]


def endings() -> dict[str, str]:
    """An ending for each name that any plan has."""
    names = sorted({name for plan in all_plans() for name in plan.tones})
    assert len(names) <= 100
    return {name: f"{number:02}" for number, name in enumerate(names)}


def behaviours() -> dict[str, Behaviour]:
    """At each ending one tone, which begins once the caller can hear it."""
    return {
        ending: read_behaviour(
            ending,
            {
                "title": name,
                "steps": [{"send": "ACM", "in_band": True}, {"wait": 0.3}, {"play": f"tone {name}"}, {"stay": True}],
            },
            name,
        )
        for name, ending in endings().items()
    }


def network(country: str = "") -> Pstn:
    """A network whose numbers play tones; of one country, or of that which is dialled."""
    settings = attrs.evolve(Settings(), isup=IsupSettings(circuits=(1, 2 * AT_ONCE)))
    exchange = ExchangeSettings(country=country, behaviours=behaviours())
    return Pstn(attrs.evolve(settings, exchange=exchange))


def timeline(tone: Tone, until: int) -> Iterator[tuple[Segment, int, int, int]]:
    """Each segment with the samples where it begins, where its pause begins, and where that ends."""
    at, segments = 0, chain(tone.introduction, cycle(tone.cycle) if tone.cycle else ())
    for segment in segments:
        if at >= until:
            return
        on = until - at if segment.on_ms is None else round(segment.on_ms * SAMPLE_RATE_HZ / 1000)
        pause = at + on
        end = pause + round(segment.off_ms * SAMPLE_RATE_HZ / 1000)
        yield segment, at, min(pause, until), min(end, until)
        at = end


def peaks_hz(sound: NDArray[np.float64], near: tuple[float, ...]) -> list[float]:
    """The strongest frequency near each of these."""
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    step = SAMPLE_RATE_HZ / size
    width = max(2.0, 0.6 * SAMPLE_RATE_HZ / len(sound))
    found = []
    for hz in near:
        low, high = max(int((hz - width) / step), 0), int((hz + width) / step) + 2
        found.append((low + int(np.argmax(spectrum[low:high]))) * step)
    return found


def complaints(heard: Pcm, tone: Tone) -> list[str]:
    """What is not as the plan has it.

    Args:
        heard: from the tone's first sample on.
        tone: what it should be.
    """
    found = []
    for segment, begin, pause, end in timeline(tone, len(heard)):
        signal = segment.signal
        sound = heard[begin + EDGE_SAMPLES : pause - EDGE_SAMPLES].astype(np.float64)
        silence = heard[pause + EDGE_SAMPLES : end - EDGE_SAMPLES]
        where = f"{segment} at {begin / SAMPLE_RATE_HZ:.3f} s"
        if silence.size and level_dbm0(silence) > SILENCE_DBM0:
            found.append(f"{where}: its pause is at {level_dbm0(silence):.1f} dBm0")
        if signal.silent or sound.size < SHORTEST_MEASURED:
            continue
        whole = _whole_beats(sound, signal.frequencies_hz, signal.modulation_hz)
        if whole.size and abs(level_dbm0(whole) - tone.level_dbm0) > LEVEL_TOLERANCE_DB:
            found.append(f"{where}: {level_dbm0(whole):.2f} dBm0, not {tone.level_dbm0:.2f}")
        spacing = min(np.diff(signal.frequencies_hz), default=1000.0)
        if sound.size * spacing < 4 * SAMPLE_RATE_HZ:
            continue  # too short to tell its frequencies apart
        tolerance = max(FREQUENCY_TOLERANCE_HZ, 0.05 * SAMPLE_RATE_HZ / sound.size)
        for wanted, measured in zip(signal.frequencies_hz, peaks_hz(sound, signal.frequencies_hz), strict=True):
            if abs(measured - wanted) > tolerance:
                found.append(f"{where}: {measured:.2f} Hz, not {wanted:g}")
    return found


def _whole_beats(sound: NDArray[np.float64], frequencies_hz: tuple[float, ...], modulation_hz: float | None) -> Pcm:
    """As much of a burst as holds whole beats, so that its mean power is that of the tone; nothing: too short."""
    beat_hz = modulation_hz or min(np.diff(frequencies_hz), default=frequencies_hz[0])
    beats = int(sound.size * beat_hz / SAMPLE_RATE_HZ)
    return sound[: round(beats * SAMPLE_RATE_HZ / beat_hz)].astype(np.int16)


def _heard_s(call: SyncCall) -> float:
    return call.call.rtp.heard_s


def listened_to(pstn: Pstn, numbers: list[tuple[TonePlan, Tone, str]], tries: int = 3) -> list[str]:
    """Dial all of them at once, listen, and say what is wrong with any; whom a busy machine refuses dials again."""
    wrong = []
    again = []
    with pstn.phone() as phone:
        calls: list[tuple[TonePlan, Tone, SyncCall]] = []
        for plan, tone, number in numbers:
            calls.append(
                (plan, tone, phone.dial(number, codecs=("PCMU", "PCMA")[len(calls) % 2 :], telephone_event=False))
            )
        until_s = time.monotonic() + HEARD_S + 60.0
        while time.monotonic() < until_s and any(pstn.call(_heard_s, call) < HEARD_S for _, _, call in calls):
            time.sleep(0.2)
        for plan, tone, call in calls:
            name = f"{plan.country} {tone.name}"
            receiver = call.call.rtp.receiver
            if receiver is None and call.status == 503 and tries > 1:
                again.append((plan, tone, call.number))
                continue
            if receiver is None:
                wrong.append(f"{name}: nothing was heard ({call.status})")
                continue
            if receiver.statistics.missing:
                wrong.append(f"{name}: {receiver.statistics.missing} packets missing")
                continue
            law = Law.MULAW if call.call.arrivals[0].packet.payload_type == 0 else Law.ALAW
            octets = receiver.heard
            # A tone begins with a packet; some begin with silence.
            silence = int(np.argmax(encode(render(tone).take(SAMPLE_RATE_HZ), law) != idle_octet(law)))
            begin = int(np.argmax(octets != idle_octet(law))) - silence
            begin -= begin % PACKET_SAMPLES
            # One that ends begins anew after a pause.
            sound = render(tone)
            octets = octets[begin:] if sound.repeats else octets[begin : begin + len(sound.introduction)]
            rendered = encode(sound.take(len(octets)), law)
            if not np.array_equal(octets, rendered):
                wrong.append(f"{name}: not the tone from sample {int(np.argmax(octets != rendered))} on")
            wrong += [f"{name}: {each}" for each in complaints(decode(octets, law), tone)]
            call.hang_up()
        assert phone.let_go() == ""
    return wrong + (listened_to(pstn, again, tries - 1) if again else [])


def test_every_tone_of_every_plan() -> None:
    ending = endings()
    numbers: list[tuple[TonePlan, Tone, str]] = []
    apart: dict[str, list[tuple[TonePlan, Tone, str]]] = {}
    for plan in all_plans():
        for name, tone in plan.tones.items():
            if plan.calling_codes:
                code = plan.calling_codes[0]
                numbers.append((plan, tone, f"+{code}{'5' * (10 - len(code))}{ending[name]}"))
            else:
                apart.setdefault(plan.country, []).append((plan, tone, f"+12125550{ending[name]}"))
    wrong: list[str] = []
    with network().start() as pstn:
        for at in range(0, len(numbers), AT_ONCE):
            wrong += listened_to(pstn, numbers[at : at + AT_ONCE])
    for country, few in apart.items():
        with network(country).start() as pstn:
            wrong += listened_to(pstn, few)
    assert not wrong, "\n".join([f"{len(wrong)} complaints", *wrong[:40]])
