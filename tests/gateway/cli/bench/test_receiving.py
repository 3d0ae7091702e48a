"""The receiver of the media bench, on real sockets."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator

import pytest

from gateway.cli.bench.receiving import BATCH, ArrivalRecorder


@pytest.fixture
def recorder() -> Iterator[ArrivalRecorder]:
    made = ArrivalRecorder(2, 2000)
    yield made
    made.close()


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        yield made


def packet(sequence: int, timestamp: int) -> bytes:
    return struct.pack(">BBHII", 0x80, 8, sequence, timestamp, 0x12345678) + bytes(160)


def test_a_packet_is_noted_with_its_time_source_and_numbers(recorder: ArrivalRecorder, sender: socket.socket) -> None:
    before = time.time_ns()
    sender.sendto(packet(65535, 4_000_000_000), ("127.0.0.1", recorder.ports[1]))
    recorder.read()
    after = time.time_ns()
    [noted] = recorder.arrivals().tolist()
    assert before <= noted[0] <= after
    assert noted[1:] == (sender.getsockname()[1], 65535, 4_000_000_000)


def test_more_than_a_batch_is_read_in_order(recorder: ArrivalRecorder, sender: socket.socket) -> None:
    count = BATCH + 10
    for sequence in range(count):
        sender.sendto(packet(sequence, 0), ("127.0.0.1", recorder.ports[0]))
        if sequence % 50 == 0:
            recorder.read()
    recorder.read()
    assert recorder.arrivals()["sequence"].tolist() == list(range(count))
    assert recorder.drops == 0


def test_start_forgets_what_has_come(recorder: ArrivalRecorder, sender: socket.socket) -> None:
    sender.sendto(packet(1, 0), ("127.0.0.1", recorder.ports[0]))
    recorder.start()
    sender.sendto(packet(2, 0), ("127.0.0.1", recorder.ports[0]))
    recorder.read()
    assert recorder.arrivals()["sequence"].tolist() == [2]


def test_what_there_is_no_room_for_is_counted_as_dropped(sender: socket.socket) -> None:
    small = ArrivalRecorder(1, 1)
    sender.sendto(packet(1, 0), ("127.0.0.1", small.ports[0]))
    small.read()
    sender.sendto(packet(2, 0), ("127.0.0.1", small.ports[0]))
    small.read()
    assert small.arrivals()["sequence"].tolist() == [1]
    assert small.drops == 1
    small.close()
