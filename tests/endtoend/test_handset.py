"""The local handset from end to end: a SIP phone, the network, the control socket, and a sound card that is not one."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.cli.handset import NoLineError, Telephone
from gateway.exchange.ringer import ringing
from gateway.testing.lab import Pstn
from gateway.testing.sync import SyncPhone
from tones.detect.dtmf import detect
from tones.dtmf import render_digits
from tones.notation import Signal
from tones.oscillator import oscillate
from tones.units import to_pcm

Pcm = NDArray[np.int16]
FR = "+33199000020"
PACKET_S = 0.02
PATIENCE_S = 5.0
WORKERS = "[media]\nworkers = 1\n"
ONLY = "[handset]\nnumber = '+493023125000'\n"
IMPATIENT = "[exchange.behaviours.20]\nsteps = [{ handset = true, no_answer = 1 }]\n"


class Pace:
    """Lets 20 ms pass between packets, as a sound card does."""

    def __init__(self) -> None:
        self._due_s = time.monotonic()

    def wait(self) -> None:
        """Until the next is due."""
        now_s = time.monotonic()
        self._due_s = max(self._due_s + PACKET_S, now_s - 0.1)
        time.sleep(max(0.0, self._due_s - now_s))


class FakeLoudspeaker:
    """Keeps what is played, at the speed of a real one."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._lock = threading.Lock()
        self._played: list[bytes] = []

    def play(self, pcm: bytes) -> None:
        self._pace.wait()
        with self._lock:
            self._played.append(pcm)

    @property
    def pcm(self) -> Pcm:
        """What was played."""
        with self._lock:
            return np.frombuffer(b"".join(self._played), np.int16)


class FakeMicrophone:
    """Hears the same sound over and over, at the speed of a real one."""

    def __init__(self, pcm: Pcm) -> None:
        self._pace = Pace()
        self._pcm = pcm
        self._at = 0

    def record(self) -> bytes:
        self._pace.wait()
        places = (self._at + np.arange(160)) % len(self._pcm)
        self._at += 160
        return self._pcm[places].tobytes()


class Handset:
    """A telephone with a sound card that is not one."""

    def __init__(self, control: Path) -> None:
        self.loudspeaker = FakeLoudspeaker()
        self.microphone = FakeMicrophone(to_pcm(oscillate(Signal.parse("1004"), -13.0, 2000)))
        self.said: list[str] = []
        self.telephone = Telephone(control, self.loudspeaker, self.microphone, self.said.append)

    def answers(self) -> None:
        """When it rings."""
        assert self.telephone.wait_for("ringing", PATIENCE_S)
        self.telephone.lift()
        assert self.telephone.wait_for("talking", PATIENCE_S)

    def has_played(self, samples: int) -> bool:
        """Whether it plays so many before long."""
        return self._before_long(lambda: len(self.loudspeaker.pcm) >= samples)

    def heard(self, digits: str) -> bool:
        """Whether it plays these before long."""
        return self._before_long(lambda: digits == "".join(each.digit for each in detect(self.loudspeaker.pcm)))

    @staticmethod
    def _before_long(condition: Callable[[], bool]) -> bool:
        until_s = time.monotonic() + PATIENCE_S
        while not condition() and time.monotonic() < until_s:
            time.sleep(PACKET_S)
        return condition()


@pytest.fixture(scope="module")
def controls(pstn_for: Callable[[str], Pstn]) -> Iterator[Callable[[str], Path]]:
    """The control socket of the network with that configuration."""
    opened: dict[str, Path] = {}
    with ExitStack() as left:
        # Not the folder of pytest: the path of such a socket has to be short.
        folder = Path(left.enter_context(tempfile.TemporaryDirectory(prefix="pstn-")))

        def control(toml: str) -> Path:
            if toml not in opened:
                network = pstn_for(toml)
                opened[toml] = folder / str(len(opened))
                network.call(network.lab.monitor.listen, opened[toml])
                left.callback(network.call, network.lab.monitor.stop)
            return opened[toml]

        yield control


@pytest.fixture
def handset(request: pytest.FixtureRequest, controls: Callable[[str], Path]) -> Iterator[Handset]:
    """Plugged in, until the test is over."""
    marker = request.node.get_closest_marker("pstn")
    made = Handset(controls("" if marker is None else marker.kwargs["toml"]))
    yield made
    made.telephone.close()
    assert made.telephone.state == "unplugged"


def both_hear_each_other(phone: SyncPhone, handset: Handset) -> None:
    call = phone.dial(FR)
    assert call.heard("ringback", country="fr")
    assert call.statuses == [183]
    assert not call.answered
    assert handset.telephone.state == "ringing"
    handset.answers()
    call.wait_for("answered")
    assert call.heard("1004 Hz")
    call.speak(render_digits("159"))
    assert handset.heard("159")
    assert "♪ the handset's" in call.ladder()
    assert handset.telephone.hang_up()
    call.wait_for("ended")
    assert call.cause == 16
    assert handset.telephone.wait_for("idle", PATIENCE_S)
    assert handset.said == ["ringing (fr): Enter answers, q rejects", "connected: q hangs up", "the call is over"]


@pytest.mark.pstn(toml="")
class TestACall:
    def test_it_rings_is_answered_and_both_hear_each_other(self, phone: SyncPhone, handset: Handset) -> None:
        both_hear_each_other(phone, handset)

    def test_it_rings_as_telephones_there_do(self, phone: SyncPhone, handset: Handset) -> None:
        call = phone.dial("+442079460020")
        assert handset.telephone.wait_for("ringing", PATIENCE_S)
        assert call.heard("ringback", country="gb")
        assert handset.has_played(8000)
        call.hang_up()
        assert handset.telephone.wait_for("idle", PATIENCE_S)
        played = handset.loudspeaker.pcm
        assert np.array_equal(played, np.resize(ringing("gb"), len(played)))

    def test_the_caller_hangs_up(self, phone: SyncPhone, handset: Handset) -> None:
        call = phone.dial(FR)
        handset.answers()
        call.wait_for("answered")
        call.hang_up()
        assert handset.telephone.wait_for("idle", PATIENCE_S)
        assert not handset.telephone.hang_up()

    def test_it_is_rejected(self, phone: SyncPhone, handset: Handset) -> None:
        call = phone.dial(FR)
        assert handset.telephone.wait_for("ringing", PATIENCE_S)
        handset.telephone.hang_up()
        call.wait_for("ended")
        assert call.cause == 21

    def test_a_second_caller_finds_it_busy(self, phone: SyncPhone, handset: Handset) -> None:
        first = phone.dial(FR)
        handset.answers()
        second = phone.dial(FR, until="ended")
        assert (second.status, second.cause) == (486, 17)
        assert first.answered
        assert handset.telephone.state == "talking"
        first.hang_up()

    def test_it_is_unplugged_during_a_call(self, phone: SyncPhone, controls: Callable[[str], Path]) -> None:
        handset = Handset(controls(""))
        call = phone.dial(FR)
        handset.answers()
        call.wait_for("answered")
        handset.telephone.close()
        call.wait_for("ended")
        assert call.cause == 27


@pytest.mark.pstn(toml="")
class TestWithout:
    def test_no_handset_is_a_subscriber_who_is_absent(self, phone: SyncPhone) -> None:
        call = phone.dial(FR, until="ended")
        assert (call.status, call.cause) == (480, 20)
        assert "no handset is connected" in call.ladder()

    def test_a_second_handset_is_refused(self, handset: Handset, controls: Callable[[str], Path]) -> None:
        with pytest.raises(NoLineError, match="another handset is connected"):
            Handset(controls(""))

    def test_no_gateway_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(NoLineError, match="start one: twistd -n pstn-gateway"):
            Handset(tmp_path / "s")


@pytest.mark.pstn(toml=IMPATIENT)
def test_nobody_answers(phone: SyncPhone, handset: Handset) -> None:
    call = phone.dial(FR, until="ended")
    assert (call.status, call.cause) == (480, 19)
    assert handset.telephone.wait_for("idle", PATIENCE_S)


@pytest.mark.pstn(toml=ONLY)
def test_it_has_the_number_of_the_configuration(phone: SyncPhone, handset: Handset) -> None:
    assert phone.dial(FR, until="ended").status == 404
    call = phone.dial("+493023125000")
    assert call.heard("ringback", country="de")
    assert handset.telephone.state == "ringing"
    call.hang_up()


@pytest.mark.pstn(toml=WORKERS)
def test_it_works_with_media_in_another_process(phone: SyncPhone, handset: Handset) -> None:
    both_hear_each_other(phone, handset)
