"""Whatever a peer sends: a clear answer or silence, nothing lost, and the next call is good (on a simulated clock)."""

from __future__ import annotations

import heapq
import os
import random
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs
import pytest
from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.logger import globalLogPublisher

from gateway.config.settings import IsupSettings, MediaSettings, Settings, SipSettings
from gateway.core.effects import Machine
from gateway.service.compose import Lab, compose
from gateway.sip.effects import Flow, Transmit, Transport
from gateway.sip.framing import StreamFramer
from gateway.sip.message import Request, Response, parse_message
from tests.judges.ear import Ear
from tests.judges.mutation import Peer, isup_transfer, mutated_octets, mutated_sip, rtp_packet, sip_message
from tests.judges.service import own_address

SHARE: Final = max(1, int(os.environ.get("BAD_INPUT_SHARE", "1")))
MESSAGES: Final = 20_000 // SHARE
LINGERING_S: Final = 45.0
CIRCUITS: Final = 60


class Reactor:
    """Time turned by hand; thousands of timers are no trouble. Names are looked up in vain, for half a second."""

    def __init__(self) -> None:
        self._readers: list[Any] = []
        self._now_s = 0.0
        self._due: list[DelayedCall] = []

    def seconds(self) -> float:
        return self._now_s

    def addReader(self, reader: Any) -> None:
        if reader not in self._readers:
            self._readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        if reader in self._readers:
            self._readers.remove(reader)

    def read(self) -> None:
        """Everybody who waits for a socket looks at it."""
        for reader in list(self._readers):
            reader.doRead()

    def callLater(self, delay: float, what: Callable[..., Any], *args: Any, **keywords: Any) -> DelayedCall:
        due = DelayedCall(self._now_s + delay, what, args, keywords, lambda _: None, self._put, self.seconds)
        self._put(due)
        return due

    def _put(self, call: DelayedCall) -> None:
        heapq.heappush(self._due, call)

    def advance(self, seconds: float) -> None:
        until_s = self._now_s + seconds
        while self._due and self._due[0].time <= until_s:
            call = heapq.heappop(self._due)
            if call.cancelled or call.called:
                continue
            if call.delayed_time:
                call.activate_delay()
                self._put(call)
                continue
            self._now_s = max(self._now_s, call.time)
            call.called = 1
            call.func(*call.args, **call.kw)
        self._now_s = until_s

    def resolve(self, name: str, timeout: object = None) -> Deferred[str]:
        waiting: Deferred[str] = Deferred()
        self.callLater(0.5, waiting.errback, DNSLookupError(name))
        return waiting


class Bench:
    """A gateway and an exchange on a clock turned by hand; SIP and ISUP go in as octets, RTP through real sockets."""

    def __init__(self) -> None:
        self.reactor: Any = Reactor()
        self.host = own_address()
        settings = Settings(
            sip=SipSettings(listen=(self.host, 5060)),
            media=MediaSettings(rtp_ports=(16384, 17384)),
            isup=IsupSettings(circuits=(1, CIRCUITS), t9=15.0),
        )
        self.lab: Lab = compose(attrs.evolve(settings), self.reactor)
        self.sent: list[tuple[Flow, bytes]] = []
        self.lab.runner.performs(Transmit, self._transmitted)
        self.local = (self.host, 5060)
        self.peer = Peer(own_address(), 5062, 4000, self.host)
        self.failures: list[str] = []
        self._connections = 0
        self._ears: list[Ear] = []
        self._observer: Any = self._logged
        publisher: Any = globalLogPublisher
        publisher.addObserver(self._observer)

    def ear(self) -> Ear:
        """A socket for RTP; closed with the bench."""
        ear = Ear(self.peer.host)
        self._ears.append(ear)
        return ear

    def close(self) -> None:
        for ear in self._ears:
            ear.socket.close()
        globalLogPublisher.removeObserver(self._observer)
        self.lab.media.stop()
        self.lab.runner.stop()

    def _logged(self, event: Any) -> None:
        if "log_failure" in event or getattr(event.get("log_level"), "name", "") == "critical":
            failure = event.get("log_failure")
            self.failures.append("" if failure is None else failure.getTraceback())

    def _transmitted(self, owner: Machine | None, effect: Transmit) -> None:
        self.sent.append((effect.flow, effect.octets))

    def run(self, seconds: float) -> None:
        self.reactor.advance(seconds)

    def sip(self, octets: bytes, transport: Transport = Transport.UDP, connection: int = 0) -> None:
        flow = Flow(transport, self.local, (self.peer.host, self.peer.port), connection)
        self.lab.runner.deliver(self.lab.layer.octets_received, octets, flow)

    def stream(self, octets: bytes) -> None:
        """One TCP connection: its octets in pieces, as the transport treats them, and its end."""
        framer, layer, deliver = StreamFramer(), self.lab.layer, self.lab.runner.deliver
        self._connections += 1
        flow = Flow(Transport.TCP, self.local, (self.peer.host, 40000), self._connections)
        for at in range(0, len(octets), 1460):
            for message in framer.feed(octets[at : at + 1460]):
                deliver(layer.octets_received, message, flow)
            if framer.error is not None:
                deliver(layer.broken_received, framer.broken, flow, framer.error)
                break
        deliver(layer.transport_failed, flow, "closed")

    def answers(self) -> list[Response | Request]:
        sent, self.sent = self.sent, []
        return [parse_message(octets) for _, octets in sent]

    def ask(self, octets: bytes, transport: Transport = Transport.UDP) -> list[Response]:
        """The final responses to a message."""
        self.answers()
        self.sip(octets, transport)
        return [each for each in self.answers() if isinstance(each, Response) and each.status >= 200]

    def call(self, number: str, rtp: int) -> Peer:
        """An answered call."""
        call_id = f"call-{self.reactor.seconds()}@judge"
        peer = attrs.evolve(self.peer, rtp=rtp, call_id=call_id)
        found = self.ask(peer.request("INVITE", number=number, body=peer.sdp, branch=call_id))
        assert [each.status for each in found] == [200], found
        peer = attrs.evolve(peer, remote_tag=found[0].to.tag or "", uri=f"sip:{number}@{self.host}")
        self.sip(peer.request("ACK", number=number, in_dialog=True, branch=f"{call_id}a"))
        return peer

    def good_call(self) -> None:
        """A call to a busy number is set up and heard."""
        ear = self.ear()
        peer = attrs.evolve(self.peer, rtp=ear.port, call_id=f"good-{self.reactor.seconds()}@judge")
        self.answers()
        invite = peer.request("INVITE", number="+33199000003", body=peer.sdp, branch=peer.call_id)
        self.sip(invite)
        statuses = [each.status for each in self.answers() if isinstance(each, Response)]
        assert 183 in statuses, statuses
        for _ in range(30):
            self.run(0.1)
            ear.read()
        heard = ear.heard()
        assert len(heard) == 1 and heard[0].fits("busy", "fr"), [str(each) for each in heard]
        cancel = invite.replace(b"INVITE sip", b"CANCEL sip", 1).replace(b"1 INVITE", b"1 CANCEL")
        self.sip(cancel.split(b"Content-Type")[0] + b"Content-Length: 0\r\n\r\n")
        assert {487, 200} <= {each.status for each in self.answers() if isinstance(each, Response)}
        self.sip(invite.split(b"Content-Type")[0].replace(b"INVITE sip", b"ACK sip", 1).replace(b"1 INVITE", b"1 ACK")
                 + b"Content-Length: 0\r\n\r\n")  # fmt: skip

    def reset_circuits(self) -> None:
        """Maintenance at both ends: what the peer has blocked or taken by itself is nobody's any more."""
        for cic in range(1, CIRCUITS + 1):
            self.lab.runner.deliver(self.lab.exchange_node.unblock, cic)
            self.lab.runner.deliver(self.lab.exchange_node.reset, cic)
            self.lab.runner.deliver(self.lab.node.reset, cic)

    def assert_nothing_lost(self) -> None:
        """After what may linger has had its time, there is nothing: no call, circuit, port, session or timer."""
        self.run(LINGERING_S)
        lab = self.lab
        assert not self.failures, self.failures[0]
        assert lab.runner.mishaps == 0
        assert lab.user_agent.open_sessions == 0
        assert lab.layer.open_transactions == 0
        assert lab.gateway.calls == {}
        assert lab.media.ports_in_use == 0
        assert lab.media.circuits_in_use == 0
        assert len(lab.node.idle_circuits) == CIRCUITS
        assert len(lab.exchange_node.idle_circuits) == CIRCUITS
        assert lab.runner.running_timers == 0

    def progress(self, what: str, number: int, every: int = 5000) -> None:
        if number % every == 0:
            print(f"{what}: {number} of {MESSAGES} messages", flush=True)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def _storm(bench: Bench, what: str, throw: Callable[[random.Random, int], None]) -> None:
    chance = random.Random(f"{what} 1")
    for number in range(1, MESSAGES + 1):
        throw(chance, number)
        if number % 100 == 0:
            bench.run(0.2)
            bench.sent.clear()
        bench.progress(what, number)
        assert not bench.failures, f"{what} {number}: {bench.failures[0]}"


def test_a_good_call_is_heard_before_anything_bad_came(bench: Bench) -> None:
    bench.good_call()
    bench.assert_nothing_lost()


class TestStorms:
    def test_of_sip_datagrams(self, bench: Bench) -> None:
        peer = bench.peer

        def throw(chance: random.Random, number: int) -> None:
            nonlocal peer
            if number % 500 == 1:
                peer = bench.call("+12125550109", 4000)
            bench.sip(mutated_sip(chance, sip_message(chance, peer, number)))

        _storm(bench, "SIP datagrams", throw)
        bench.run(40)
        bench.good_call()
        bench.assert_nothing_lost()

    def test_of_sip_streams(self, bench: Bench) -> None:
        peer = attrs.evolve(bench.peer, transport="TCP")
        pieces: list[bytes] = []

        def throw(chance: random.Random, number: int) -> None:
            octets = sip_message(chance, peer, number)
            pieces.append(mutated_sip(chance, octets) if chance.random() < 0.5 else octets)
            if chance.random() < 0.2:
                stream = b"".join(pieces)
                bench.stream(stream[: chance.randrange(1, len(stream) + 1)] if chance.random() < 0.3 else stream)
                pieces.clear()

        _storm(bench, "SIP streams", throw)
        bench.run(40)
        bench.good_call()
        bench.assert_nothing_lost()

    @pytest.mark.parametrize("end", ["gateway", "exchange"])
    def test_of_isup_messages(self, bench: Bench, end: str) -> None:
        lab = bench.lab
        own, peer = lab.node.settings.own_point_code, lab.node.settings.peer_point_code
        node, origin, destination = (lab.node, peer, own) if end == "gateway" else (lab.exchange_node, own, peer)
        cics = range(1, 25)

        def throw(chance: random.Random, number: int) -> None:
            if number % 200 == 1 and len(lab.node.idle_circuits) > 20:
                dialled = chance.choice(("+12125550109", "+33199000001", "+33199000007", "+33199000013"))
                call_id = f"{number}@isup"
                bench.sip(bench.peer.request("INVITE", number=dialled, call_id=call_id, body=bench.peer.sdp))
            octets = isup_transfer(chance, origin, destination, cics)
            octets = mutated_octets(chance, octets) if chance.random() < 0.8 else octets
            lab.runner.deliver(node.transfer_received, octets)

        _storm(bench, f"ISUP messages to the {end}", throw)
        bench.run(60)
        bench.reset_circuits()
        bench.run(1)
        bench.good_call()
        bench.assert_nothing_lost()

    def test_of_rtp_datagrams(self, bench: Bench) -> None:
        lab, ear = bench.lab, bench.ear()
        peer = bench.call("+12125550110", ear.port)
        bench.run(0.2)
        ear.read()
        assert ear.source is not None

        def throw(chance: random.Random, number: int) -> None:
            assert ear.source is not None
            octets = rtp_packet(chance, number)
            ear.socket.sendto(mutated_octets(chance, octets) if chance.random() < 0.8 else octets, ear.source)
            if number % 20 == 0:
                bench.reactor.read()
                bench.run(0.02)
                ear.read()

        _storm(bench, "RTP datagrams", throw)
        assert lab.media.ports_in_use == 1
        assert [each.status for each in bench.ask(peer.request("BYE", cseq=2, in_dialog=True, branch="bye"))] == [200]
        bench.good_call()
        bench.assert_nothing_lost()


# --- answers ----------------------------------------------------------------------------------------------------------

Change = Callable[[bytes], bytes]


def _replaced(old: bytes, new: bytes) -> Change:
    return lambda octets: octets.replace(old, new, 1)


def _line(name: bytes, line: bytes) -> Change:
    def change(octets: bytes) -> bytes:
        lines = [line if each.startswith(name + b":") else each for each in octets.split(b"\r\n")]
        return b"\r\n".join(each for each in lines if each != b"-")

    return change


def _sdp(sdp: str) -> Change:
    def change(octets: bytes) -> bytes:
        head = octets.partition(b"\r\n\r\n")[0]
        body = sdp.encode()
        return _line(b"Content-Length", b"Content-Length: %d" % len(body))(head + b"\r\n\r\n") + body

    return change


ANSWERS: Final = {
    "CSeq is no number": (_line(b"CSeq", b"CSeq: x INVITE"), 400, "CSeq"),
    "CSeq too great": (_line(b"CSeq", b"CSeq: 4294967296 INVITE"), 400, "CSeq"),
    "CSeq of another method": (_line(b"CSeq", b"CSeq: 1 BYE"), 400, "CSeq"),
    "no Call-ID": (_line(b"Call-ID", b"-"), 400, "Call-ID"),
    "no From": (_line(b"From", b"-"), 400, "From"),
    "no To": (_line(b"To", b"-"), 400, "To"),
    "no CSeq": (_line(b"CSeq", b"-"), 400, "CSeq"),
    "From unclosed": (_line(b"From", b"From: <sip:a@b;tag=x"), 400, "From"),
    "two different Call-IDs": (_line(b"Call-ID", b"Call-ID: a@b\r\nCall-ID: c@d"), 400, "Call-ID"),
    "body too short": (_line(b"Content-Length", b"Content-Length: 9999"), 400, "Content-Length"),
    "Content-Length is no number": (_line(b"Content-Length", b"Content-Length: ten"), 400, "Content-Length"),
    "Content-Length negative": (_line(b"Content-Length", b"Content-Length: -1"), 400, "Content-Length"),
    "no Contact": (_line(b"Contact", b"-"), 400, "Contact"),
    "too many headers": (_line(b"Contact", b"\r\n".join([b"X: y"] * 1500)), 413, "header"),
    "a monstrous line": (_line(b"Max-Forwards", b"X: " + b"y" * 60000), 413, ""),
    "version 3": (_replaced(b"SIP/2.0\r\n", b"SIP/3.0\r\n"), 505, ""),
    "unknown method": (lambda octets: octets.replace(b"INVITE", b"FROBNICATE"), 405, ""),
    "unknown scheme": (_replaced(b"INVITE sip:90017@", b"INVITE http://"), 416, ""),
    "unknown extension": (_line(b"Max-Forwards", b"Require: telepathy"), 420, ""),
    "unknown body": (_replaced(b"application/sdp", b"text/plain"), 415, ""),
    "nothing usable": (
        _sdp("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\n"),
        488,
        "",
    ),
    "video only": (_replaced(b"m=audio", b"m=video"), 488, ""),
    "SDP nonsense": (_sdp("v=0\r\nnonsense\r\n"), 400, ""),
    "empty version of SDP": (_sdp("v=\r\n"), 400, ""),
    "BYE out of the blue": (lambda octets: octets.replace(b"INVITE", b"BYE"), 481, ""),
    "CANCEL out of the blue": (lambda octets: octets.replace(b"INVITE", b"CANCEL"), 481, ""),
    "PRACK out of the blue": (lambda octets: octets.replace(b"INVITE", b"PRACK"), 481, ""),
    "a dialog that is not": (_replaced(b">\r\nCall-ID", b">;tag=gone\r\nCall-ID"), 481, ""),
}


@pytest.mark.parametrize(("change", "status", "says"), list(ANSWERS.values()), ids=list(ANSWERS))
def test_the_answer_says_what_and_where(bench: Bench, change: Change, status: int, says: str) -> None:
    found = bench.ask(change(bench.peer.request("INVITE", body=bench.peer.sdp)))
    assert [each.status for each in found] == [status]
    assert says.lower() in found[0].reason.lower(), found[0].reason
    headers = found[0].headers
    wanted = {405: "Allow", 420: "Unsupported", 415: "Accept", 488: "Warning"}.get(status)
    assert wanted is None or wanted in headers
    bench.assert_nothing_lost()


def test_the_same_request_by_two_ways_is_merged(bench: Bench) -> None:
    invite = bench.peer.request("INVITE", number="+33199000001", body=bench.peer.sdp)
    assert bench.ask(invite) == []
    other = bench.ask(invite.replace(b"z9hG4bK", b"z9hG4bKother"))
    assert [each.status for each in other] == [482]


def test_a_header_section_of_64_kib_in_a_stream_is_too_large(bench: Bench) -> None:
    invite = bench.peer.request("INVITE", body=bench.peer.sdp)
    bench.stream(invite.replace(b"Contact", b"X-Monster: " + b"x" * 70000 + b"\r\nContact", 1))
    assert [each.status for each in bench.answers() if isinstance(each, Response)] == [413]


@pytest.mark.parametrize(
    "octets", [b"", b"\r\n\r\n", b"\0", b"\x80\x00" * 80, b"SIP/2.0 200 OK\r\n\r\n", b"ACK sip:x SIP/2.0\r\n\r\n"]
)
def test_what_cannot_be_answered_is_passed_over(bench: Bench, octets: bytes) -> None:
    bench.sip(octets)
    assert bench.sent == []


def test_a_broken_ack_is_never_answered(bench: Bench) -> None:
    assert bench.ask(bench.peer.request("ACK").replace(b"CSeq: 1 ACK", b"CSeq: x ACK")) == []
