"""What an answer can be asked."""

from __future__ import annotations

from tones.detect.heard import Heard, Kind, Match

BUSY = Heard(
    Kind.TONE,
    "busy",
    1.0,
    2.0,
    -10.0,
    0.9,
    countries=("fr",),
    matches=(Match("fr", "busy"), Match("fr", "release"), Match("cm", "congestion")),
    alternatives=("congestion", "release"),
)


def test_a_tone_fits_every_tone_of_its_class() -> None:
    assert BUSY.fits("busy")
    assert BUSY.fits("busy", "fr")
    assert BUSY.fits("congestion", "cm")


def test_a_tone_fits_no_other() -> None:
    assert not BUSY.fits("busy", "cm")
    assert not BUSY.fits("ringback")


def test_what_is_no_tone_fits_its_name_its_kind_and_its_alternatives() -> None:
    recording = Heard(Kind.RECORDING, "hello", 0.0, 1.0, -16.0, 0.5, alternatives=("echo",))
    assert recording.fits("hello")
    assert recording.fits("echo")
    assert recording.fits("recording")
    assert not recording.fits("hello", "fr")


def test_it_reads_as_a_line() -> None:
    assert BUSY.end_s == 3.0
    assert str(BUSY) == "1.00-3.00 s tone busy (fr) -10.0 dBm0"


def test_words_have_the_other_names_of_the_same_sound() -> None:
    matches = tuple(Match(country, tone) for country, tone in (("fr", "busy"), ("fr", "congestion"), ("xx", "dial")))
    assert Heard(Kind.TONE, "busy", 0, 1, -10, 1.0, ("fr",), matches).words == "busy or congestion"
    assert Heard(Kind.DTMF, "12", 0, 1, -10, 1.0).words == "dtmf 12"
    assert Heard(Kind.SILENCE, "silence", 0, 1, -90, 1.0).words == "silence"
