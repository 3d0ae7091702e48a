"""A text in a configuration file is spoken by espeak-ng, once, and heard in a call."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.toml import ConfigErrors, load_settings
from gateway.testing.lab import Pstn
from tones.detect import Kind

pytestmark = pytest.mark.judge

LAB = """
[exchange.behaviours.42]
steps = [
    { send = "CON" },
    { play = "text Nous sommes fermés aujourd'hui.", language = "fr", times = 1, fade = 20 },
    { wait = "sound" },
    { send = "REL", cause = 16 },
]
"""


def test_a_text_is_spoken_once_kept_and_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "lab.toml").write_text(LAB, encoding="utf-8")
    settings = load_settings(tmp_path / "lab.toml")
    (kept,) = (tmp_path / "cache").rglob("*.wav")
    assert kept.stat().st_size > 8000
    with Pstn(settings).start() as pstn, pstn.phone() as phone:
        call = phone.dial("+33199000042", until="ended", timeout=20.0)
        assert call.cause == 16
        speech = [each for each in call.sounds if each.kind is Kind.SPEECH]
        assert sum(each.duration_s for each in speech) > 1.0


def test_without_espeak_the_file_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "lab.toml").write_text(LAB.replace("aujourd'hui", "demain"), encoding="utf-8")
    with pytest.raises(ConfigErrors, match=r"lab.toml:3: exchange.behaviours.42.steps\[2\]: .*apt install espeak-ng"):
        load_settings(tmp_path / "lab.toml")
