"""WAV files: what was heard comes back sample for sample."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from gateway.trace.wav import read_wav, write_wav

PCM = np.array([0, 1, -1, 32767, -32768, 1000], dtype=np.int16)


class TestWav:
    def test_another_reader_sees_one_channel_of_16_bit_at_8000_hz(self, tmp_path: Path) -> None:
        write_wav(tmp_path / "heard.wav", PCM)
        rate_hz, samples = wavfile.read(tmp_path / "heard.wav")
        assert rate_hz == 8000
        assert samples.dtype == np.int16
        assert samples.tolist() == PCM.tolist()

    def test_what_was_written_is_read_back(self, tmp_path: Path) -> None:
        write_wav(tmp_path / "heard.wav", PCM, 16000)
        samples, rate_hz = read_wav(tmp_path / "heard.wav")
        assert (samples.tolist(), samples.dtype.name, rate_hz) == (PCM.tolist(), "int16", 16000)

    def test_nothing_heard_is_a_file_without_samples(self) -> None:
        file = io.BytesIO()
        write_wav(file, np.zeros(0, dtype=np.int16))
        file.seek(0)
        samples, _ = read_wav(file)
        assert samples.shape == (0,)

    def test_a_file_object_stays_open(self) -> None:
        file = io.BytesIO()
        write_wav(file, PCM)
        assert len(file.getvalue()) == 44 + 2 * len(PCM)

    def test_other_samples_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"wanted one row of int16 samples, got float64 of shape \(3,\)"):
            write_wav(io.BytesIO(), np.zeros(3))  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"got int16 of shape \(2, 2\)"):
            write_wav(io.BytesIO(), np.zeros((2, 2), dtype=np.int16))

    def test_stereo_is_refused(self) -> None:
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setparams((2, 2, 8000, 0, "NONE", ""))
            out.writeframes(bytes(8))
        file.seek(0)
        with pytest.raises(ValueError, match="got 2 channels of 16 bit"):
            read_wav(file)
