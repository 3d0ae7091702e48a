"""A text in a configuration file is spoken by espeak-ng, once, and heard in a call."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.toml import ConfigErrors, load_settings
from gateway.testing.lab import Pstn
from tones.detect import Kind

pytestmark = pytest.mark.judge

LAB = """
[exchange.announcements]
closed = { text = "We are closed today.", language = "en" }

[exchange.behaviours.42]
steps = [
    { send = "CON" },
    { play = ["text Nous sommes fermés aujourd'hui.", "say closed"], language = "fr", times = 1, fade = 20 },
    { wait = "sound" },
    { send = "REL", cause = 16 },
]
"""


def test_texts_are_spoken_once_kept_and_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "lab.toml").write_text(LAB, encoding="utf-8")
    settings = load_settings(tmp_path / "lab.toml")
    kept = sorted((tmp_path / "cache").rglob("*.wav"))
    assert len(kept) == 2
    assert all(each.stat().st_size > 8000 for each in kept)
    with Pstn(settings).start() as pstn, pstn.phone() as phone:
        call = phone.dial("+33199000042", until="ended", timeout=20.0)
        assert call.cause == 16
        assert call.heard("Nous sommes fermés aujourd'hui.")
        assert call.heard("closed")
        said = [(each.name, each.language) for each in call.sounds if each.kind is Kind.RECORDING]
        assert said == [("Nous sommes fermés aujourd'hui.", "fr"), ("closed", "en")]
        assert '"We are closed today."' in call.ladder()


def test_what_was_spoken_needs_no_espeak_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "lab.toml").write_text(LAB, encoding="utf-8")
    first = load_settings(tmp_path / "lab.toml")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert load_settings(tmp_path / "lab.toml").exchange.announcements == first.exchange.announcements


def test_without_espeak_the_file_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "lab.toml").write_text(LAB, encoding="utf-8")
    with pytest.raises(ConfigErrors) as caught:
        load_settings(tmp_path / "lab.toml")
    named, in_step = (str(error).partition("lab.toml:")[2] for error in caught.value.errors)
    assert named.startswith("3: exchange.announcements.closed: espeak-ng, which speaks texts, is not installed")
    assert in_step.startswith("6: exchange.behaviours.42.steps[2]: ")
    assert "apt install espeak-ng" in in_step
