"""WAV files of any rate, width and channels, whole and broken."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tones.cadence import render
from tones.detect.spectrum import lines
from tones.detect.stream import listen_to_stream
from tones.g711 import Law, encode
from tones.plan import Tone, load_plan
from tones.units import level_dbm0
from tones.wav import WavError, read_blocks, read_wav, write_wav

Samples = NDArray[np.float64]


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def wav(data: bytes, rate_hz: int, bits: int, channels: int = 1, tag: int = 1, *before: bytes) -> bytes:
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame, frame, bits)
    body = b"WAVE" + chunk(b"fmt ", form) + b"".join(before) + chunk(b"data", data)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def sine(rate_hz: int, seconds: float = 1.0, hz: float = 1000.0) -> Samples:
    return 0.25 * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)


def coded(signal: Samples, tag: int, bits: int) -> bytes:
    match tag, bits:
        case (1, 8):
            return (np.rint(signal * 127) + 128).astype(np.uint8).tobytes()
        case (1, 16):
            return np.rint(signal * 32767).astype("<i2").tobytes()
        case (1, 24):
            whole = np.rint(signal * (2**23 - 1)).astype("<i4")
            return whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
        case (1, 32):
            return np.rint(signal * (2**31 - 1)).astype("<i4").tobytes()
        case (3, _):
            return signal.astype(f"<f{bits // 8}").tobytes()
    law = Law.ALAW if tag == 6 else Law.MULAW
    return encode(np.rint(signal * 32767).astype(np.int16), law).tobytes()


@pytest.mark.parametrize(("tag", "bits"), [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64), (6, 8), (7, 8)])
@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 44100, 48000, 96000, 7333])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_kind_gives_the_same_sound(tmp_path: Path, tag: int, bits: int, rate_hz: int, channels: int) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(wav(coded(np.repeat(sine(rate_hz), channels), tag, bits), rate_hz, bits, channels, tag))
    pcm = read_wav(path)
    assert abs(pcm.size - 8000) <= 1
    heard = lines(pcm[1000:5000].astype(np.float64))
    assert heard.frequencies_hz == pytest.approx((1000.0,), abs=0.1)
    assert level_dbm0(pcm[1000:7000]) == pytest.approx(-8.9, abs=0.2)
    assert pcm.dtype == np.int16


class TestBlocks:
    @pytest.mark.parametrize("rate_hz", [8000, 44100, 48000, 22051])
    def test_how_a_file_is_cut_does_not_matter(self, tmp_path: Path, rate_hz: int) -> None:
        path = tmp_path / "x.wav"
        noise = np.random.default_rng(1).normal(0, 0.1, 7 * rate_hz + 13)
        path.write_bytes(wav(coded(noise, 1, 16), rate_hz, 16))
        whole = np.concatenate(list(read_blocks(path, 100.0)))
        parts = list(read_blocks(path, 1.0))
        assert len(parts) >= 2
        assert np.abs(np.concatenate(parts).astype(int) - whole).max() <= 1

    def test_an_hour_is_never_held_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "x.wav"
        path.write_bytes(wav(bytes(2 * 8000 * 3600), 8000, 16))
        sizes = [block.size for block in read_blocks(path)]
        assert max(sizes) <= 80_000
        assert sum(sizes) == 8000 * 3600
        with pytest.raises(WavError, match="3600 s long; at most 600 s"):
            read_wav(path, 600.0)

    def test_two_hours_are_named_in_little_memory(self, tmp_path: Path) -> None:
        """A stereo file of 230 MB, most of it a hole in the disk."""
        path = tmp_path / "x.wav"
        busy = np.repeat(render(load_plan("fr").tones["busy"]).take(10 * 8000), 2).astype("<i2").tobytes()
        frames = 2 * 3600 * 8000
        with path.open("wb") as file:
            file.write(wav(b"", 8000, 16, 2)[:-4] + struct.pack("<I", 4 * frames) + busy)
            file.truncate(44 + 4 * frames - len(busy))
            file.seek(0, 2)
            file.write(busy)
        tracemalloc.start()
        heard = list(listen_to_stream(read_blocks(path), [load_plan("fr")]))
        _, peak_octets = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert [(each.name, round(each.onset_s), round(each.end_s)) for each in heard] == [
            ("busy", 0, 10),
            ("silence", 10, 7190),
            ("busy", 7190, 7200),
        ]
        assert peak_octets < 24 << 20


class TestHeaders:
    def test_other_chunks_are_passed_over(self, tmp_path: Path) -> None:
        path = tmp_path / "x.wav"
        path.write_bytes(wav(coded(sine(8000), 1, 16), 8000, 16, 1, 1, chunk(b"LIST", b"odd"), chunk(b"fact", b"1234")))
        assert read_wav(path).size == 8000

    def test_extensible(self, tmp_path: Path) -> None:
        path = tmp_path / "x.wav"
        form = struct.pack("<HHIIHH", 0xFFFE, 1, 8000, 24000, 3, 24) + struct.pack("<HHIH", 22, 24, 4, 1) + bytes(14)
        body = b"WAVE" + chunk(b"fmt ", form) + chunk(b"data", coded(sine(8000), 1, 24))
        path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
        assert level_dbm0(read_wav(path)) == pytest.approx(-8.9, abs=0.1)

    def test_a_recording_that_was_interrupted_counts_as_far_as_it_goes(self, tmp_path: Path) -> None:
        path = tmp_path / "x.wav"
        octets = wav(coded(sine(8000), 1, 16), 8000, 16)
        path.write_bytes(octets[:-4001])
        assert read_wav(path).size == 8000 - 2001

    @pytest.mark.parametrize(
        ("riff_size", "data_size"),
        [(0, 0), (36, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFFFFF, 0x7FFFFFDB), (16_036, 1 << 31), (0, 16_000)],
    )
    def test_a_header_that_lies_about_its_length(self, tmp_path: Path, riff_size: int, data_size: int) -> None:
        path = tmp_path / "x.wav"
        octets = wav(coded(sine(8000), 1, 16), 8000, 16)
        path.write_bytes(
            octets[:4] + struct.pack("<I", riff_size) + octets[8:40] + struct.pack("<I", data_size) + octets[44:]
        )
        assert read_wav(path).size == 8000

    def test_a_chunk_that_lies_about_its_length_hides_the_data(self, tmp_path: Path) -> None:
        path = tmp_path / "x.wav"
        octets = wav(coded(sine(8000), 1, 16), 8000, 16, 1, 1, b"LIST\xff\xff\xff\x7f")
        path.write_bytes(octets)
        with pytest.raises(WavError, match=r"there is no data chunk in 16052 octets"):
            read_wav(path)

    def test_rf64(self, tmp_path: Path) -> None:
        path = tmp_path / "x.wav"
        octets = wav(coded(sine(8000), 1, 16), 8000, 16)
        ds64 = chunk(b"ds64", struct.pack("<QQQI", 16_072, 16_000, 8000, 0))
        lying = b"\xff\xff\xff\xff"
        path.write_bytes(b"RF64" + lying + b"WAVE" + ds64 + octets[12:40] + lying + octets[44:])
        assert read_wav(path).size == 8000

    def test_no_samples_are_no_sound(self, tmp_path: Path) -> None:
        path = tmp_path / "x.wav"
        path.write_bytes(wav(b"", 8000, 16))
        assert read_wav(path).size == 0

    def test_floats_that_are_no_numbers_are_silence(self, tmp_path: Path) -> None:
        path = tmp_path / "x.wav"
        path.write_bytes(wav(np.full(800, np.nan, "<f4").tobytes(), 8000, 32, 1, 3))
        assert not read_wav(path).any()

    @pytest.mark.parametrize(
        ("octets", "complaint"),
        [
            (b"", "not a WAV file: it begins with b''"),
            (b"ID3\x04" + bytes(40), "not a WAV file: it begins with b'ID3"),
            (b"RIFF\x04\0\0\0WAVE", "there is no data chunk in 12 octets"),
            (b"RIFF\x04\0\0\0WAVE" + chunk(b"data", b"1234"), "the fmt chunk before the data has 0 octets"),
            (wav(b"12", 8000, 16, 1, 85), r"coding 85 is not read; PCM \(1\)"),
            (wav(b"12", 8000, 12), "12 bits a sample are not read"),
            (wav(b"12", 8000, 16, 0), "0 channels; 1 to 64 are read"),
            (wav(b"12", 10, 16), "10 samples a second; 1000 to 768000 are read"),
            (
                wav(b"12", 8000, 16)[:32] + b"\7\0" + wav(b"12", 8000, 16)[34:],
                "7 octets a frame do not hold 1 channels",
            ),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path: Path, octets: bytes, complaint: str) -> None:
        path = tmp_path / "broken.wav"
        path.write_bytes(octets)
        with pytest.raises(WavError, match=complaint) as caught:
            read_wav(path)
        assert str(caught.value).startswith(str(path))

    def test_nonsense_is_an_error_or_sound(self, tmp_path: Path) -> None:
        path = tmp_path / "x.wav"
        rng = np.random.default_rng(1)
        octets = np.frombuffer(wav(coded(sine(8000, 0.05), 1, 16), 8000, 16), np.uint8)
        for _ in range(500):
            broken = octets.copy()
            broken[rng.integers(0, 48, 3)] = rng.integers(0, 256, 3)
            path.write_bytes(broken.tobytes())
            try:
                assert read_wav(path).size < 8000
            except WavError as error:
                assert str(error).startswith(str(path))

    def test_every_prefix_is_an_error_or_less_sound(self, tmp_path: Path) -> None:
        path = tmp_path / "x.wav"
        octets = wav(coded(sine(8000, 0.01), 1, 16), 8000, 16)
        for size in range(len(octets)):
            path.write_bytes(octets[:size])
            try:
                assert read_wav(path).size < 80
            except WavError:
                assert size < 44


@pytest.mark.parametrize("law", [None, *Law])
def test_what_is_written_can_be_read(tmp_path: Path, law: Law | None) -> None:
    pcm = render(Tone.parse("x", "440/1500/3500")).take(8001)
    path = tmp_path / "x.wav"
    write_wav(path, pcm if law is None else encode(pcm, law), law)
    back = read_wav(path)
    assert back.size == pcm.size
    assert np.abs(back.astype(int) - pcm).max() <= (0 if law is None else 600)
