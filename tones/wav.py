"""WAV files of any kind as 8 kHz PCM, block by block, so that hours are not held in memory; and PCM as WAV.

    RIFF | size | WAVE | chunk*             a chunk is 4 octets of name, 4 of size (little endian), its octets, and a
                                            zero octet if the size is odd
    "fmt " = tag, channels, rate, octets a second, octets a frame, bits     tag 1: PCM, 3: float, 6: A-law, 7: mu-law,
                                            0xFFFE: the tag is at octet 24 of the chunk

Channels are averaged. Other rates are brought to 8 kHz by a polyphase low-pass filter whose output does not depend on
how the file is cut into blocks.
"""

from __future__ import annotations

import math
import struct
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy import signal

from tones.g711 import Law, decode
from tones.units import SAMPLE_RATE_HZ, to_pcm

Pcm = NDArray[np.int16]
Samples = NDArray[np.float64]

BLOCK_S: Final = 10.0
"""How much is read at a time."""

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_RATES_HZ: Final = (1000, 768_000)
_MOST_CHANNELS: Final = 64
_HALF_FILTER: Final = 10
"""Half the length of the filter, in samples at the lower of the two rates; `scipy.signal.resample_poly` has this."""


class WavError(ValueError):
    """A file that is no WAV file, or a broken one; the text names the file and says what is wrong with it."""


@frozen
class WavFormat:
    """What the header says.

    Args:
        tag: 1 for PCM, 3 for float, 6 for A-law, 7 for mu-law.
        channels, rate_hz, bits: of a sample.
        data_start, data_octets: where the samples are.
    """

    tag: int
    channels: int
    rate_hz: int
    bits: int
    data_start: int
    data_octets: int

    @property
    def frame_octets(self) -> int:
        return self.channels * self.bits // 8

    @property
    def frames(self) -> int:
        return self.data_octets // self.frame_octets

    @property
    def duration_s(self) -> float:
        return self.frames / self.rate_hz


def read_format(stream: BinaryIO, where: str) -> WavFormat:
    """Read the header of a WAV file.

    Raises:
        WavError: it is not one, or not one that can be read.
    """
    head = stream.read(12)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        raise WavError(f"{where}: not a WAV file: it begins with {head[:12]!r}")
    size = stream.seek(0, 2)
    position, form = 12, b""
    while position + 8 <= size:
        stream.seek(position)
        name, octets = struct.unpack("<4sI", stream.read(8))
        position += 8
        if name == b"fmt ":
            form = stream.read(min(octets, 64))
        elif name == b"data":
            # A recorder that was interrupted, or that wrote into a pipe, leaves a wrong size behind: what is there
            # counts.
            left = size - position
            never_set = octets == 0 and int.from_bytes(head[4:8], "little") + 8 < size
            return _format(form, position, left if never_set else min(octets, left), where)
        position += octets + octets % 2
    raise WavError(f"{where}: there is no data chunk in {size} octets")


def _format(form: bytes, data_start: int, data_octets: int, where: str) -> WavFormat:
    if len(form) < 16:
        raise WavError(f"{where}: the fmt chunk before the data has {len(form)} octets; it needs 16")
    tag, channels, rate_hz, _, frame_octets, bits = struct.unpack("<HHIIHH", form[:16])
    if tag == _EXTENSIBLE:
        if len(form) < 26:
            raise WavError(f"{where}: the extensible fmt chunk has {len(form)} octets; it needs 40")
        (tag,) = struct.unpack("<H", form[24:26])
    widths = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64), _ALAW: (8,), _MULAW: (8,)}.get(tag)
    if widths is None:
        raise WavError(f"{where}: coding {tag} is not read; PCM (1), float (3), A-law (6) and mu-law (7) are")
    if bits not in widths:
        raise WavError(f"{where}: {bits} bits a sample are not read; with coding {tag}, {widths} are")
    if not 1 <= channels <= _MOST_CHANNELS:
        raise WavError(f"{where}: {channels} channels; 1 to {_MOST_CHANNELS} are read")
    if not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
        raise WavError(f"{where}: {rate_hz} samples a second; {_RATES_HZ[0]} to {_RATES_HZ[1]} are read")
    if frame_octets != channels * bits // 8:
        raise WavError(f"{where}: {frame_octets} octets a frame do not hold {channels} channels of {bits} bits")
    return WavFormat(tag, channels, rate_hz, bits, data_start, data_octets)


def _samples(octets: bytes, form: WavFormat) -> Samples:
    """One channel in 16-bit PCM units."""
    match form.tag, form.bits:
        case (1, 8):
            flat = (np.frombuffer(octets, np.uint8).astype(np.float64) - 128) * 256
        case (1, 16):
            flat = np.frombuffer(octets, "<i2").astype(np.float64)
        case (1, 24):
            three = np.frombuffer(octets, np.uint8).reshape(-1, 3)
            four = np.zeros((len(three), 4), np.uint8)
            four[:, 1:] = three
            flat = four.view("<i4")[:, 0].astype(np.float64) / 65536
        case (1, 32):
            flat = np.frombuffer(octets, "<i4").astype(np.float64) / 65536
        case (3, bits):
            flat = np.frombuffer(octets, f"<f{bits // 8}").astype(np.float64) * 32768
            flat = np.nan_to_num(flat, nan=0.0, posinf=32767.0, neginf=-32768.0)
        case (tag, _):
            law = Law.ALAW if tag == _ALAW else Law.MULAW
            flat = decode(np.frombuffer(octets, np.uint8), law).astype(np.float64)
    mean: Samples = flat.reshape(-1, form.channels).mean(axis=1)
    return mean


def read_blocks(path: str | Path, block_s: float = BLOCK_S) -> Iterator[Pcm]:
    """The sound of a WAV file as `int16` at 8 kHz, in blocks of about `block_s` seconds.

    Raises:
        WavError: it cannot be read.
        OSError: it cannot be opened.
    """
    where = str(path)
    with Path(path).open("rb") as stream:
        form = read_format(stream, where)
        if form.frames == 0:
            return
        common = math.gcd(SAMPLE_RATE_HZ, form.rate_hz)
        up, down = SAMPLE_RATE_HZ // common, form.rate_hz // common
        # Whole periods of the two rates, with as much on both sides as the filter looks at.
        step = max(1, round(block_s * form.rate_hz / down)) * down
        margin = 0 if up == down else -(-(_HALF_FILTER * max(up, down) // up + 1) // down) * down
        for begin in range(0, form.frames, step):
            first, last = max(0, begin - margin), min(form.frames, begin + step + margin)
            stream.seek(form.data_start + first * form.frame_octets)
            octets = stream.read((last - first) * form.frame_octets)
            heard = _samples(octets[: len(octets) // form.frame_octets * form.frame_octets], form)
            if up != down:
                heard = signal.resample_poly(heard, up, down)
            skip = (begin - first) * up // down
            yield to_pcm(heard[skip : skip + step * up // down])


def read_wav(path: str | Path, most_s: float = 3600.0) -> Pcm:
    """The whole sound of a WAV file as `int16` at 8 kHz.

    Raises:
        WavError: it cannot be read, or is longer than `most_s` seconds.
        OSError: it cannot be opened.
    """
    with Path(path).open("rb") as stream:
        form = read_format(stream, str(path))
    if form.duration_s > most_s:
        raise WavError(f"{path}: {form.duration_s:.0f} s long; at most {most_s:.0f} s are taken here")
    return np.concatenate([np.zeros(0, np.int16), *read_blocks(path)])


def write_wav(path: str | Path, pcm: Pcm | NDArray[np.uint8], law: Law | None = None) -> None:
    """Write 8 kHz mono: `int16` samples, or octets of a law."""
    if law is None:
        with wave.open(str(path), "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(SAMPLE_RATE_HZ)
            writer.writeframes(pcm.astype("<i2").tobytes())
        return
    octets = pcm.astype(np.uint8).tobytes()
    tag = _ALAW if law is Law.ALAW else _MULAW
    form = struct.pack("<HHIIHHH", tag, 1, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ, 1, 8, 0)
    fact = struct.pack("<I", len(octets))
    padding = b"\0" * (len(octets) % 2)
    chunks = b"".join(
        name + struct.pack("<I", len(body)) + body + (padding if name == b"data" else b"")
        for name, body in ((b"fmt ", form), (b"fact", fact), (b"data", octets))
    )
    Path(path).write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
