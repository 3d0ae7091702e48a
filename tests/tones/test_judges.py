"""Programs that others wrote agree: multimon-ng on digits, sox on levels and frequencies, espeak-ng speaks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tones.cadence import render
from tones.detect.dtmf import detect
from tones.dtmf import DIGITS, render_digits
from tones.g711 import Law, decode, encode
from tones.plan import Tone, load_plan
from tones.talk_off import false_digits
from tones.units import REFERENCE_AMPLITUDE
from tones.user_announcement import announcement_from_text
from tones.wav import read_wav, write_wav

pytestmark = pytest.mark.judge


def said(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


class TestMultimon:
    @pytest.mark.parametrize("law", Law)
    def test_hears_every_digit_that_we_make(self, tmp_path: Path, law: Law) -> None:
        digits = "".join(DIGITS) * 3
        pcm = decode(encode(render_digits(digits, 80, 80), law), law)
        write_wav(tmp_path / "x.wav", np.concatenate([pcm, np.zeros(8000, np.int16)]))
        text = said("multimon-ng", "-q", "-a", "DTMF", "-t", "wav", tmp_path / "x.wav")
        heard = [line.removeprefix("DTMF: ") for line in text.splitlines() if line.startswith("DTMF: ")]
        assert "".join(heard) == digits

    def test_agrees_that_tones_have_no_digit(self, tmp_path: Path) -> None:
        for country in ("us", "gb", "fr", "jp"):
            write_wav(tmp_path / "x.wav", render(load_plan(country).tones["ringback"]).take(40_000))
            assert "DTMF:" not in said("multimon-ng", "-q", "-a", "DTMF", "-t", "wav", tmp_path / "x.wav")


class TestSox:
    @pytest.mark.parametrize("level", [0.0, -10.0, -20.0, -30.0])
    def test_measures_the_level_that_we_say(self, tmp_path: Path, level: float) -> None:
        write_wav(tmp_path / "x.wav", render(Tone.parse("x", "425/*/0", level)).take(16_000))
        lines = said("sox", tmp_path / "x.wav", "-n", "stats").splitlines()
        decibels = float(next(line for line in lines if line.startswith("RMS lev dB")).split()[3])
        below_full = 20 * np.log10(REFERENCE_AMPLITUDE / 32768 / 2**0.5) + level
        assert decibels == pytest.approx(below_full, abs=0.02)

    @pytest.mark.parametrize(("bits", "coding"), [(8, "unsigned"), (24, "signed"), (32, "signed"), (32, "float")])
    @pytest.mark.parametrize("rate_hz", [11025, 48000, 96000])
    def test_writes_files_that_we_read(self, tmp_path: Path, bits: int, coding: str, rate_hz: int) -> None:
        pcm = render(load_plan("fr").tones["ringback"]).take(16_000)
        write_wav(tmp_path / "x.wav", pcm)
        kind = {"unsigned": "unsigned-integer", "signed": "signed-integer", "float": "floating-point"}[coding]
        said("sox", tmp_path / "x.wav", "-r", str(rate_hz), "-b", str(bits), "-e", kind, "-c", "2", tmp_path / "y.wav")
        back = read_wav(tmp_path / "y.wav")
        size = min(back.size, pcm.size)
        assert abs(back.size - pcm.size) <= 2
        assert np.sqrt(np.mean(np.square(back[:size].astype(float) - pcm[:size]))) < (200 if bits == 8 else 60)

    @pytest.mark.parametrize("law", Law)
    def test_reads_the_laws_as_we_write_them(self, tmp_path: Path, law: Law) -> None:
        pcm = render(load_plan("us").tones["ringback"]).take(16_000)
        write_wav(tmp_path / "x.wav", encode(pcm, law), law)
        said("sox", tmp_path / "x.wav", "-b", "16", "-e", "signed-integer", tmp_path / "y.wav")
        assert np.abs(read_wav(tmp_path / "y.wav").astype(int) - decode(encode(pcm, law), law)).max() <= 8

    @pytest.mark.parametrize("pair", DIGITS.items(), ids=lambda pair: pair[0])
    def test_makes_digits_that_we_hear(self, tmp_path: Path, pair: tuple[str, tuple[float, float]]) -> None:
        digit, (low_hz, high_hz) = pair
        path = tmp_path / "x.wav"
        synth = ["synth", "0.1", "sine", f"{low_hz:g}", "sine", f"{high_hz:g}", "remix", "-", "pad", "0.1", "0.1"]
        said("sox", "-n", "-r", "8000", "-b", "16", "-c", "2", path, *synth, "vol", "0.5")
        assert [each.digit for each in detect(read_wav(path))] == [digit]


class TestEspeak:
    def test_ten_minutes_of_speech_and_music_have_no_digit(self) -> None:
        spoken, played, digits = false_digits(10.0, seed=17)
        assert spoken + played >= 10
        assert digits == 0

    @pytest.mark.parametrize("language", ["en", "fr", "de", "sv"])
    def test_speaks_texts(self, tmp_path: Path, language: str) -> None:
        clip = announcement_from_text("One two three four.", tmp_path, language)
        assert 0.5 < clip.size / 8000 < 5
