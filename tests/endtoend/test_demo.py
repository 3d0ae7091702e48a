"""The demonstration, as `make demo` runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gateway.trace.pcapng import read_pcapng
from gateway.trace.wav import read_wav
from tones.detect import listen
from tones.plan import load_plan


def test_it_hears_what_the_exchange_means_and_names_its_files(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gateway", "demo", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WRONG" not in done.stdout
    for message in ("IAM called +33199000003", "183 Session Progress", "486 Busy Here (cause 17)", "RFC 3398 §7.2.6"):
        assert message in done.stdout
    for wav in tmp_path.glob("*.wav"):
        assert str(wav) in done.stdout
    assert str(tmp_path / "capture.pcapng") in done.stdout
    pcm, _ = read_wav(next(tmp_path.glob("*33199000003.wav")))
    assert any(heard.fits("busy", "fr") for heard in listen(pcm, [load_plan("fr")]))
    assert len(read_pcapng((tmp_path / "capture.pcapng").read_bytes())) > 1000
