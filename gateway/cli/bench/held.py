"""Calls that are placed one after the other and then held in early media: as little of a caller as that takes.

Everything is done by the one who asks, in his own time: there is no thread and no reactor. A call that is refused for
now (503) is placed again a little later; after some refusals in a row those that there are must do.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections import Counter, deque
from itertools import cycle, islice
from typing import Final

from attrs import define, field

AGAIN_AFTER_S: Final = 0.25
REFUSALS_TAKEN: Final = 8
RETRANSMIT_AFTER_S: Final = 0.5
PATIENCE_S: Final = 8.0
BUFFER_OCTETS: Final = 4 << 20
LONGEST_DATAGRAM: Final = 65535
UNAVAILABLE: Final = 503

_STATUS: Final = re.compile(rb"SIP/2\.0 (\d{3})")
_CALL_ID: Final = re.compile(rb"\n(?:Call-ID|i) *: *held-(\d+)-(\d+)", re.IGNORECASE)
_TO: Final = re.compile(rb"\n(?:To|t) *: *([^\r\n]*)", re.IGNORECASE)


@define
class HeldCall:
    """One of them.

    Args:
        number: which is dialled.
        rtp_port: where it wants to hear.
        attempts: how often it was placed.
        sent_s: when it was last.
        heard: whether anything was answered to that.
        early: whether a 18x has come; that there is media, only its packets tell.
        final: the final status; 0: none yet.
    """

    number: str
    rtp_port: int
    attempts: int = 0
    sent_s: float = 0.0
    heard: bool = False
    early: bool = False
    final: int = 0


@define
class Placing:
    """How it went.

    Args:
        refused: how many attempts got which final status instead of early media.
        retransmissions: INVITEs that had to be sent again.
    """

    refused: Counter[str] = field(factory=Counter)
    retransmissions: int = 0


class HeldCalls:
    """A caller with a socket of its own.

    Args:
        remote: who is called.
        numbers: that are dialled in turn.
        rtp_ports: where the calls want to hear, in turn.
        count: how many calls.
    """

    def __init__(self, remote: tuple[str, int], numbers: list[str], rtp_ports: list[int], count: int) -> None:
        self._remote = remote
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_OCTETS)
        self._socket.bind((remote[0], 0))
        self._socket.connect(remote)
        self._local: tuple[str, int] = self._socket.getsockname()
        self.calls = [HeldCall(*each) for each in islice(zip(cycle(numbers), cycle(rtp_ports), strict=False), count)]
        self.placing = Placing()
        self._again: deque[int] = deque()
        self._refusals = 0

    @property
    def early(self) -> int:
        """How many are in early media."""
        return sum(call.early and not call.final for call in self.calls)

    @property
    def ended(self) -> dict[str, int]:
        """How many that were in early media have got which final status since."""
        return dict(sorted(Counter(str(call.final) for call in self.calls if call.early and call.final).items()))

    def place(self, rate: float) -> None:
        """Place them all, `rate` a second, and wait until each is in early media or given up."""
        waiting = deque(range(len(self.calls)))
        due = time.monotonic()
        until = due + len(self.calls) / rate + PATIENCE_S
        while (now := time.monotonic()) < until and self._refusals <= REFUSALS_TAKEN:
            if waiting and now >= due:
                self._invite(waiting.popleft(), now)
                due += 1 / rate
            elif not waiting and all(call.early or call.final for call in self.calls):
                return
            self.listen(max(min(due - now, 0.05), 0.0) if waiting else 0.05)
            if self._again:
                waiting += self._again
                self._again.clear()
                due = time.monotonic() + AGAIN_AFTER_S
            if not waiting:
                self._retransmit(now)

    def listen(self, wait_s: float = 0.0) -> None:
        """Take what has come."""
        if not select.select([self._socket], [], [], wait_s)[0]:
            return
        while True:
            try:
                self._received(self._socket.recv(LONGEST_DATAGRAM))
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue

    def close(self) -> None:
        """Close the socket; the calls are left to whoever has them."""
        self._socket.close()

    def _invite(self, index: int, now: float) -> None:
        call = self.calls[index]
        call.attempts += 1
        call.heard, call.final, call.sent_s = False, 0, now
        self._send(self._invitation(index))

    def _retransmit(self, now: float) -> None:
        for index, call in enumerate(self.calls):
            if call.attempts and not call.heard and now - call.sent_s >= RETRANSMIT_AFTER_S:
                call.sent_s = now
                self.placing.retransmissions += 1
                self._send(self._invitation(index))

    def _received(self, datagram: bytes) -> None:
        status, call_id = _STATUS.match(datagram), _CALL_ID.search(datagram)
        if status is None or call_id is None:
            return
        index, attempt, code = int(call_id[1]), int(call_id[2]), int(status[1])
        call = self.calls[index]
        if code >= 300 and (to := _TO.search(datagram)):
            self._send(self._request("ACK", index, attempt, to[1].decode(errors="replace")))
        if attempt != call.attempts or call.final:
            return
        call.heard = True
        if 100 < code < 200:
            call.early = True
            self._refusals = 0
        elif code >= 200:
            call.final = code
            if not call.early:
                self._refused(index, code)

    def _refused(self, index: int, code: int) -> None:
        self.placing.refused[str(code)] += 1
        if code == UNAVAILABLE:
            self._refusals += 1
            self._again.append(index)

    def _send(self, message: str) -> None:
        try:
            self._socket.send(message.encode())
        except (BlockingIOError, ConnectionRefusedError):
            return

    def _request(self, method: str, index: int, attempt: int, to: str, body: str = "") -> str:
        host, port = self._local
        lines = [
            f"{method} sip:{self.calls[index].number}@{self._remote[0]}:{self._remote[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKheld{port}-{index}-{attempt}",
            "Max-Forwards: 70",
            f"From: <sip:held@{host}:{port}>;tag=held{index}",
            f"To: {to}",
            f"Call-ID: held-{index}-{attempt}-{port}@{host}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:held@{host}:{port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return "".join(f"{line}\r\n" for line in [*lines, ""]) + body

    def _invitation(self, index: int) -> str:
        call, host = self.calls[index], self._local[0]
        codecs = ["8 0", "0 8"][index // 2 % 2]
        offer = [
            "v=0",
            f"o=held {index + 1} 1 IN IP4 {host}",
            "s=-",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=audio {call.rtp_port} RTP/AVP {codecs} 101",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            "a=ptime:20",
        ]
        to = f"<sip:{call.number}@{self._remote[0]}:{self._remote[1]}>"
        return self._request("INVITE", index, call.attempts, to, "".join(f"{line}\r\n" for line in offer))
