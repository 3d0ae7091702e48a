"""The handset's line: what the exchange asks of it, what the handset does, and the frames between the two."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import testing
from twisted.internet.task import Clock

from gateway.core.effects import Effect
from gateway.core.errors import ParseError
from gateway.exchange.effects import ConnectHandset, ReleaseHandset, RingHandset
from gateway.net.circuit import Speaking
from gateway.net.handset import (
    ABSENT,
    MOST_OCTETS,
    UNPLUGGED,
    Frame,
    Frames,
    HandsetConnection,
    HandsetLine,
    HandsetRefusedError,
    Kind,
)
from gateway.net.runner import Runner
from tones.g711 import Law

StringTransport: Any = testing.StringTransportWithDisconnection


class Circuits:
    """A media plane: notes what is said on which circuit."""

    def __init__(self) -> None:
        self.hears: dict[int, Speaking] = {}
        self.said: list[tuple[int, Law, bytes]] = []

    def converse(self, cic: int, hear: Speaking) -> Speaking:
        self.hears[cic] = hear
        return lambda law, octets: self.said.append((cic, law, octets))


class CalledParty:
    """Whom the exchange lets call the handset: notes what it is told."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.told: list[str] = []

    def ask(self, effect: Effect) -> list[str]:
        """What it is told at once."""
        before = len(self.told)
        self.runner.ask(self, effect)
        return self.told[before:]

    def handset_ringing(self) -> None:
        self.told.append("ringing")

    def handset_busy(self) -> None:
        self.told.append("busy")

    def handset_absent(self, why: str) -> None:
        self.told.append(why)

    def handset_answered(self) -> None:
        self.told.append("answered")

    def handset_hung_up(self) -> None:
        self.told.append("hung up")

    def timer_fired(self, name: str) -> None:
        """It starts none."""


class Bench:
    """A line with a handset in it, and a call to come."""

    def __init__(self) -> None:
        self.runner = Runner(Clock())
        circuits: Any = Circuits()
        self.circuits: Circuits = circuits
        self.line = HandsetLine(self.runner, circuits)
        self.transport = StringTransport()
        self.transport.protocol = self
        self.handset = HandsetConnection(self.line, self.transport)
        self.party = CalledParty(self.runner)

    def connectionLost(self, reason: object) -> None:
        """As a protocol of Twisted's."""
        self.handset.lost()

    def sent(self) -> list[Frame]:
        """What the handset has been sent since the last time."""
        frames = list(Frames().feed(self.transport.value()))
        self.transport.clear()
        return frames

    def does(self, *frames: Frame) -> None:
        """What the handset does."""
        self.handset.data_received(b"".join(frame.serialize() for frame in frames))


@pytest.fixture
def bench() -> Bench:
    """One whose handset does not ring."""
    return Bench()


def ringing(bench: Bench) -> None:
    assert bench.party.ask(RingHandset(7, "fr")) == ["ringing"]
    assert bench.sent() == [Frame(Kind.RING, b"fr")]


class TestACall:
    def test_it_rings_answers_talks_and_hangs_up(self, bench: Bench) -> None:
        ringing(bench)
        bench.does(Frame(Kind.LIFTED))
        assert bench.party.ask(ConnectHandset(7)) == []
        assert bench.sent() == [Frame(Kind.CONNECTED)]
        bench.circuits.hears[7](Law.MULAW, b"from the caller")
        bench.circuits.hears[7](Law.ALAW, b"after a new offer")
        assert bench.sent() == [Frame(Kind.PCMU, b"from the caller"), Frame(Kind.PCMA, b"after a new offer")]
        bench.does(Frame(Kind.PCMA, b"to the caller"), Frame(Kind.PCMU, b"in another law"), Frame(Kind.HUNG_UP))
        assert bench.circuits.said == [(7, Law.ALAW, b"to the caller"), (7, Law.MULAW, b"in another law")]
        assert bench.party.told == ["ringing", "answered", "hung up"]
        bench.party.ask(ReleaseHandset(7))
        assert bench.sent() == [Frame(Kind.OVER)]

    def test_what_it_says_before_the_answer_is_not_heard(self, bench: Bench) -> None:
        ringing(bench)
        bench.does(Frame(Kind.PCMA, b"hello?"))
        assert bench.circuits.said == []

    def test_without_a_call_nothing_that_it_does_counts(self, bench: Bench) -> None:
        bench.does(Frame(Kind.LIFTED), Frame(Kind.HUNG_UP), Frame(Kind.PCMA, b"hello?"), Frame(Kind.OVER))
        assert (bench.sent(), bench.circuits.said, bench.transport.connected) == ([], [], True)

    def test_a_second_call_finds_it_busy_and_does_not_end_the_first(self, bench: Bench) -> None:
        ringing(bench)
        second = CalledParty(bench.runner)
        assert second.ask(RingHandset(8, "de")) == ["busy"]
        second.ask(ReleaseHandset(8))
        assert bench.sent() == []
        bench.does(Frame(Kind.LIFTED))
        assert bench.party.told == ["ringing", "answered"]
        bench.party.ask(ReleaseHandset(7))
        assert second.ask(RingHandset(8, "de")) == ["ringing"]


class TestPlugging:
    def test_without_a_handset_the_subscriber_is_absent(self, bench: Bench) -> None:
        bench.handset.lost()
        assert bench.party.ask(RingHandset(7, "fr")) == [ABSENT]
        bench.party.ask(ReleaseHandset(7))
        assert bench.sent() == []

    @pytest.mark.parametrize("answered", [False, True])
    def test_it_is_pulled_out_during_a_call(self, bench: Bench, answered: bool) -> None:
        ringing(bench)
        if answered:
            bench.does(Frame(Kind.LIFTED))
            bench.party.ask(ConnectHandset(7))
        bench.handset.lost()
        assert bench.party.told[-1] == UNPLUGGED
        bench.party.ask(ReleaseHandset(7))
        HandsetConnection(bench.line, StringTransport())
        assert bench.party.ask(RingHandset(7, "fr")) == ["ringing"]

    def test_there_is_one_line(self, bench: Bench) -> None:
        with pytest.raises(HandsetRefusedError, match="another handset is connected"):
            HandsetConnection(bench.line, StringTransport())

    @pytest.mark.parametrize("octets", [b"GET / HTTP/1.1", b"\x09\x00\x00", Frame(Kind.PCMA, bytes(1601)).serialize()])
    def test_nonsense_pulls_it_out(self, bench: Bench, octets: bytes) -> None:
        ringing(bench)
        bench.handset.data_received(octets)
        assert not bench.transport.connected
        assert bench.party.told[-1] == UNPLUGGED


class TestFrames:
    def test_their_octets(self) -> None:
        assert Frame(Kind.RING, b"fr").serialize().hex() == "5200026672"
        assert Frame(Kind.PCMA, b"\xd5" * 160).serialize()[:4].hex() == "0800a0d5"

    @given(
        st.lists(st.builds(Frame, st.sampled_from(Kind), st.binary(max_size=300)), max_size=5),
        st.integers(1, 100),
    )
    def test_they_come_out_as_they_went_in_however_they_are_cut(self, frames: list[Frame], step: int) -> None:
        octets = b"".join(frame.serialize() for frame in frames)
        taken = Frames()
        found = [frame for at in range(0, len(octets), step) for frame in taken.feed(octets[at : at + step])]
        assert found == frames

    @given(st.binary(max_size=2000))
    def test_any_octets_are_frames_or_an_error(self, octets: bytes) -> None:
        try:
            for frame in Frames().feed(octets):
                assert len(frame.payload) <= MOST_OCTETS
        except ParseError as error:
            assert "frame" in error.message
