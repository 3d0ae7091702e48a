"""At least 20,000 mutated messages of each kind at a running gateway; after each kind a good call is heard."""

from __future__ import annotations

import json
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from gateway.config.settings import Settings
from gateway.sip.message import Response, parse_message
from tests.judges.ear import Ear
from tests.judges.mutation import Peer, isup_transfer, mutated_octets, mutated_sip, rtp_packet, sip_message
from tests.judges.service import SIP_PORT, Service, answers_options, options_request, own_address

pytestmark = pytest.mark.judge

MESSAGES: Final = 20_000
ANSWER_WITHIN_S: Final = 5.0
RECOVERED_WITHIN_S: Final = 15.0
PACKETS_HEARD: Final = 55
BATCH: Final = 40
BATCH_OCTETS: Final = 60_000
CLEARED_WITHIN_S: Final = 100.0
"""64*T1 for the ACK that nobody sends, and as long again for the answer to the BYE."""
CONFIGURATION: Final = """\
[isup]
circuits = "1-2000"
t9 = 10.0
"""


class Caller:
    """A telephone without any wits: one UDP socket, and whatever is put on it."""

    def __init__(self, gateway: tuple[str, int]) -> None:
        self.gateway = gateway
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((own_address(), 5062))
        self.socket.settimeout(ANSWER_WITHIN_S)
        host = self.socket.getsockname()[0]
        self.ear = Ear(host)
        self.peer = Peer(host, 5062, self.ear.port, gateway[0])
        self.statuses: Counter[int] = Counter()
        self._calls = 0

    def close(self) -> None:
        self.socket.close()
        self.ear.socket.close()

    def send(self, octets: bytes) -> None:
        self.socket.sendto(octets, self.gateway)

    def until(self, call_id: str, *statuses: int) -> Response:
        """Read until one of these responses comes for this call."""
        until_s = time.monotonic() + ANSWER_WITHIN_S
        while time.monotonic() < until_s:
            octets = self.socket.recv(65535)
            if not octets.startswith(b"SIP/2.0 "):
                continue
            response = parse_message(octets)
            assert isinstance(response, Response)
            self.statuses[response.status] += 1
            if response.headers.get("Call-ID") == call_id and response.status in statuses:
                return response
        raise AssertionError(f"none of {statuses} within {ANSWER_WITHIN_S} s")

    def alive(self) -> None:
        """Wait until the gateway has read all that was sent."""
        asking = options_request((self.peer.host, self.peer.port), self.gateway)
        call_id = asking.partition(b"Call-ID: ")[2].partition(b"\r\n")[0].decode()
        self.send(asking)
        self.until(call_id, 200)

    def call(self, number: str, ear: Ear | None = None) -> Peer:
        """An answered call; a gateway that is busy with what it was sent may say 503 for some seconds."""
        rtp = (ear or self.ear).port
        until_s = time.monotonic() + RECOVERED_WITHIN_S
        while True:
            self._calls += 1
            peer = attrs.evolve(self.peer, call_id=f"call-{self._calls}@judge", rtp=rtp)
            self.send(peer.request("INVITE", number=number, body=peer.sdp, branch=peer.call_id))
            answer = self.until(peer.call_id, 200, 503)
            if answer.status == 200:
                break
            assert time.monotonic() < until_s, f"503 still after {RECOVERED_WITHIN_S} s: {answer.headers}"
            ack = peer.request("ACK", number=number, branch=peer.call_id)
            self.send(ack.replace(b"judgeACK", b"judgeINVITE", 1))
            time.sleep(0.5)
        peer = attrs.evolve(peer, remote_tag=answer.to.tag or "", uri=f"sip:{number}@{self.gateway[0]}:{SIP_PORT}")
        self.send(peer.request("ACK", number=number, in_dialog=True, branch=f"{peer.call_id}a"))
        return peer

    def hang_up(self, peer: Peer) -> None:
        self.send(peer.request("BYE", cseq=900_000, in_dialog=True, branch=f"{peer.call_id}bye"))
        self.until(peer.call_id, 200, 481)

    def good_call(self) -> None:
        """A call that is answered, brings 1004 Hz, and ends."""
        ear = Ear(self.peer.host)
        try:
            peer = self.call("+12125550111", ear)
            until_s = time.monotonic() + RECOVERED_WITHIN_S
            while len(ear.arrivals) < PACKETS_HEARD and time.monotonic() < until_s:
                time.sleep(0.1)
                ear.read()
            self.hang_up(peer)
        finally:
            ear.socket.close()
        heard = ear.heard()
        assert [each.name for each in heard] == ["1004 Hz"], [str(each) for each in heard]
        assert heard[0].level_dbm0 == pytest.approx(-13.0, abs=0.5)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("bad-input")
    (folder / "lab.toml").write_text(CONFIGURATION)
    program = (sys.executable, str(Path(__file__).with_name("running_lab.py")))
    made = Service(folder / "service", ("--config", str(folder / "lab.toml")), program)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def caller(service: Service) -> Iterator[Caller]:
    made = Caller(service.sip)
    yield made
    made.close()


class Door:
    """The port for ISUP octets and figures."""

    def __init__(self, service: Service) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((own_address(), 0))
        self._socket.connect((service.host, SIP_PORT + 1))
        self._socket.settimeout(ANSWER_WITHIN_S)

    def close(self) -> None:
        self._socket.close()

    def ask(self, words: bytes) -> bytes:
        self._socket.send(words)
        return self._socket.recv(65535)

    def tell(self, words: bytes) -> None:
        self._socket.send(words)

    def figures(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self.ask(b"figures"))
        return found


@pytest.fixture
def door(service: Service) -> Iterator[Door]:
    made = Door(service)
    yield made
    made.close()


def _said(note: list[str], what: str, began_s: float, statuses: Counter[int] | None = None) -> None:
    line = f"{MESSAGES} mutated {what} in {time.monotonic() - began_s:.0f} s"
    if statuses:
        line += "; answers: " + ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    note.append(line)
    print(line, flush=True)


def test_sip_datagrams(service: Service, caller: Caller, judge_note: list[str]) -> None:
    chance, peer, began_s, octets_sent = random.Random("datagrams"), caller.peer, time.monotonic(), 0
    for number in range(1, MESSAGES + 1):
        if number % 1000 == 1:
            peer = caller.call("+12125550109")
        octets = mutated_sip(chance, sip_message(chance, peer, number))
        caller.send(octets)
        octets_sent += len(octets) + 800
        if number % BATCH == 0 or octets_sent > BATCH_OCTETS:
            caller.alive()
            octets_sent = 0
        assert number % 1000 or not service.troubles, service.troubles[0]
    _said(judge_note, "SIP datagrams", began_s, caller.statuses)
    caller.good_call()
    assert {200, 400, 404, 405, 413, 415, 420, 481, 486, 488, 503, 505} <= set(caller.statuses)
    assert not service.troubles, service.troubles[0]


def test_sip_streams(service: Service, caller: Caller, door: Door, judge_note: list[str]) -> None:
    chance, began_s = random.Random("streams"), time.monotonic()
    peer = attrs.evolve(caller.peer, transport="TCP")
    statuses: Counter[int] = Counter()
    number = 0
    while number < MESSAGES:
        pieces = []
        for _ in range(chance.randrange(1, 16)):
            number += 1
            octets = sip_message(chance, peer, number)
            pieces.append(mutated_sip(chance, octets) if chance.random() < 0.5 else octets)
        stream = b"".join(pieces)
        if chance.random() < 0.3:
            stream = stream[: chance.randrange(1, len(stream) + 1)]
        with socket.create_connection(service.sip, ANSWER_WITHIN_S, (caller.peer.host, 0)) as connection:
            _send_in_pieces(chance, connection, stream)
            if chance.random() < 0.25:
                statuses += _statuses(connection)
        if number % 50 == 0:
            caller.alive()
    caller.alive()
    _said(judge_note, "SIP messages in TCP streams", began_s, statuses)
    caller.good_call()
    assert {400, 413, 481} <= set(statuses)
    assert door.figures()["connections"] < 50
    assert not service.troubles, service.troubles[0]


def _send_in_pieces(chance: random.Random, connection: socket.socket, stream: bytes) -> None:
    at = 0
    try:
        while at < len(stream):
            size = chance.choice((1, 10, 500, 5000, 65536))
            connection.sendall(stream[at : at + size])
            at += size
    except (BrokenPipeError, ConnectionResetError):
        pass  # the gateway has refused the rest, as it may


def _statuses(connection: socket.socket) -> Counter[int]:
    """What is answered soon."""
    octets = b""
    connection.settimeout(0.2)
    try:
        while more := connection.recv(65536):
            octets += more
            connection.settimeout(0.02)
    except (TimeoutError, ConnectionResetError):
        pass
    lines = [line for line in octets.split(b"\r\n") if line.startswith(b"SIP/2.0 ")]
    return Counter(int(line[8:11]) for line in lines)


@pytest.mark.parametrize("end", ["gateway", "exchange"])
def test_isup_messages(service: Service, caller: Caller, door: Door, judge_note: list[str], end: str) -> None:
    chance, began_s = random.Random(f"ISUP to the {end}"), time.monotonic()
    isup = Settings().isup
    codes = (isup.exchange_point_code, isup.own_point_code)
    origin, destination = codes if end == "gateway" else (codes[1], codes[0])
    before = door.figures()["ISUP messages"]
    cics = range(1, 400)
    for number in range(1, MESSAGES + 1):
        if number % 500 == 1:
            dialled = chance.choice(("+12125550109", "+33199000001", "+33199000007", "+33199000013"))
            call_id = f"{number}@{end}"
            caller.send(caller.peer.request("INVITE", number=dialled, call_id=call_id, body=caller.peer.sdp))
        octets = isup_transfer(chance, origin, destination, cics)
        octets = mutated_octets(chance, octets) if chance.random() < 0.8 else octets
        door.tell(end.encode() + b" " + octets)
        if number % 50 == 0:
            door.figures()
    assert door.figures()["ISUP messages"] - before == MESSAGES
    _said(judge_note, f"ISUP messages to the {end}", began_s)
    assert door.ask(b"reset") == b"done"
    caller.good_call()
    assert not service.troubles, service.troubles[0]


def test_rtp_datagrams(service: Service, caller: Caller, judge_note: list[str]) -> None:
    chance, ear = random.Random("RTP"), caller.ear
    peer = caller.call("+12125550110")
    while ear.source is None:
        time.sleep(0.02)
        ear.read()
    began_s = time.monotonic()
    for number in range(1, MESSAGES + 1):
        octets = rtp_packet(chance, number)
        ear.socket.sendto(mutated_octets(chance, octets) if chance.random() < 0.8 else octets, ear.source)
        if number % 20 == 0:
            caller.alive()
            ear.read()
    _said(judge_note, "RTP datagrams", began_s)
    caller.hang_up(peer)
    caller.good_call()
    assert not service.troubles, service.troubles[0]


def test_nothing_is_left_when_everything_has_had_its_time(service: Service, door: Door, judge_note: list[str]) -> None:
    began_s = time.monotonic()
    assert door.ask(b"reset") == b"done"
    until_s = began_s + CLEARED_WITHIN_S
    while any(left := _in_use(door)) and time.monotonic() < until_s:
        time.sleep(0.5)
    assert left == {}, left
    assert door.figures()["mishaps"] == 0
    judge_note.append(f"after bad input nothing was left within {time.monotonic() - began_s:.0f} s")
    assert answers_options(service.sip, ANSWER_WITHIN_S)
    service.assert_ended_well()


def _in_use(door: Door) -> dict[str, Any]:
    return {name: count for name, count in door.figures().items() if count and name != "ISUP messages"}
