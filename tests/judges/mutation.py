"""Messages gone wrong: good ones of every kind, and what chance makes of them; the same for the same seed."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen

SDP: Final = (
    "v=0\r\no=judge 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {rtp} RTP/AVP 0 8 101\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
)
NUMBERS: Final = ("90017", "90034", "90001", "+33199000002", "+12125550199", "2125550102")
"""What mutated calls dial: it ends at once, so that the storm is one of messages and not of calls."""


@frozen
class Peer:
    """Who sends: its address, where its RTP goes, the gateway, and the tag that the gateway has given its call."""

    host: str
    port: int
    rtp: int
    gateway: str
    transport: str = "UDP"
    call_id: str = "dialog@judge"
    tag: str = "judge"
    remote_tag: str = ""
    uri: str = ""

    def request(
        self,
        method: str,
        *,
        number: str = "90017",
        call_id: str = "",
        cseq: int = 1,
        branch: str = "",
        body: str = "",
        content_type: str = "application/sdp",
        headers: Sequence[str] = (),
        in_dialog: bool = False,
        uri: str = "",
    ) -> bytes:
        """A good request."""
        tag = f";tag={self.remote_tag}" if in_dialog and self.remote_tag else ""
        target = uri or (self.uri if in_dialog else "") or f"sip:{number}@{self.gateway}"
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {self.host}:{self.port};rport;branch=z9hG4bK{branch or call_id}{method}",
            "Max-Forwards: 70",
            f'From: "A Judge" <sip:+12125550199@{self.host}:{self.port}>;tag={self.tag}',
            f"To: <sip:{number}@{self.gateway}>{tag}",
            f"Call-ID: {call_id or self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:judge@{self.host}:{self.port};transport={self.transport.lower()}>",
            *headers,
        ]
        if body:
            lines.append(f"Content-Type: {content_type}")
        return "\r\n".join([*lines, f"Content-Length: {len(body.encode())}", "", body]).encode()

    @property
    def sdp(self) -> str:
        """A good offer."""
        return SDP.format(host=self.host, rtp=self.rtp)


def sip_message(chance: random.Random, peer: Peer, number: int) -> bytes:
    """A good request of any method; those in a dialog are in the peer's, if it has one."""
    call_id = f"{number}-{chance.getrandbits(40):x}@judge"
    dialled = chance.choice(NUMBERS)
    extra = chance.choice(
        ((), ("Supported: 100rel, timer",), ("Require: 100rel",), ("Accept: application/sdp, application/ISUP",))
    )
    match chance.choice(("INVITE",) * 4 + ("ACK", "BYE", "CANCEL", "INFO", "OPTIONS", "PRACK", "UPDATE", "REGISTER")):
        case "INVITE":
            return peer.request("INVITE", number=dialled, call_id=call_id, body=peer.sdp, headers=extra)
        case "INFO":
            body = f"Signal={chance.choice('0123456789*#ABCD')}\r\nDuration=160\r\n"
            return peer.request("INFO", cseq=number, body=body, content_type="application/dtmf-relay", in_dialog=True)
        case "PRACK":
            rack = (f"RAck: {chance.randrange(1, 99)} 1 INVITE",)
            return peer.request("PRACK", cseq=number, headers=rack, in_dialog=True, branch=f"{number}")
        case "UPDATE":
            return peer.request("UPDATE", cseq=number, body=peer.sdp, in_dialog=True, branch=f"{number}")
        case "OPTIONS" | "REGISTER" | "CANCEL" as method:
            return peer.request(method, number=dialled, call_id=call_id)
        case method:
            return peer.request(method, cseq=number, in_dialog=True, branch=f"{number}")


# --- mutations of text ------------------------------------------------------------------------------------------------

MONSTROUS: Final = 65536
ODD_VALUES: Final = (
    b"",
    b" ",
    b"\x00",
    b"\xff\xfe",
    b"0",
    b"-1",
    b"4294967296",
    b"99999999999999999999999",
    b"1e9",
    b"\r\n ",
    b'"',
    b"<",
    b"<sip:",
    b";;;",
    b",,,",
    b"%00%zz",
    b"\xe2\x82\xac",
    b"sip:@",
    b"[::1",
    b"A" * 300,
    b"(((((",
    b"\\",
    b"tel:",
    b"=;=",
)
ODD_LINES: Final = (
    b"Content-Length: 10",
    b"Content-Length: -5",
    b"Content-Length: many",
    b"l: 0",
    b"CSeq: 1 BYE",
    b"CSeq: x INVITE",
    b"CSeq: 99999999999 INVITE",
    b"Via: nonsense",
    b"v: SIP/3.0/UDP x",
    b"Via: SIP/2.0/UDP 1.2.3.4:99999;branch=x",
    b"To: x",
    b"From: <sip:a@b",
    b"Max-Forwards: -1",
    b"Max-Forwards: 0",
    b"Require: nothing-known",
    b"Content-Type: x",
    b":",
    b"NoColon",
    b"Content-Type: multipart/mixed;boundary=x",
    b"Content-Encoding: gzip",
    b"Call-ID: other",
    b"Contact: *",
    b"RAck: x y z",
    b"Route: <sip:nowhere;lr>",
    b"Record-Route: <sip:[::",
    b" folded",
    b"\tfolded",
    b"Expires: 0",
    b"Reason: Q.850;cause=999",
    b"Reason: ;;",
    b"Contact: <sip:a@[::1]:0>",
    b"P-Asserted-Identity: <tel:+>",
    b"Privacy: id;header;x",
    b"Supported: " + b"x," * 99,
)
ODD_SDP: Final = (
    b"m=audio 99999 RTP/AVP 0",
    b"m=audio -1 RTP/AVP",
    b"m=",
    b"m=audio 0 RTP/AVP 0",
    b"c=IN IP4 256.1.1.1",
    b"c=IN IP4 example.invalid",
    b"c=IN IP6 ::1",
    b"c=IN IP4 0.0.0.0",
    b"c=IN IP4 224.1.1.1/1",
    b"a=rtpmap:0 PCMU/0",
    b"a=rtpmap:999 x/y/z",
    b"a=ptime:0",
    b"a=ptime:999999999",
    b"v=1",
    b"o=-",
    b"t=",
    b"a=sendonly",
    b"a=inactive",
    b"a=fmtp:101 0-999",
    b"m=audio 4000 RTP/SAVP 0",
    b"m=audio 4000/9 RTP/AVP 0",
    b"a=rtpmap:101 telephone-event/0",
    b"b=AS:-1",
    b"c=IN IP4 255.255.255.255",
    b"c=IN IP4 127.0.0.1\x00",
)


def _flip(chance: random.Random, octets: bytes) -> bytes:
    out = bytearray(octets)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def _truncate(chance: random.Random, octets: bytes) -> bytes:
    return octets[: chance.randrange(len(octets))]


def _cut_out(chance: random.Random, octets: bytes) -> bytes:
    start = chance.randrange(len(octets))
    return octets[:start] + octets[start + chance.randrange(1, 40) :]


def _insert(chance: random.Random, octets: bytes) -> bytes:
    at = chance.randrange(len(octets))
    return octets[:at] + chance.choice((chance.randbytes(chance.randrange(1, 20)), *ODD_VALUES)) + octets[at:]


def _lines(octets: bytes) -> list[bytes]:
    return octets.split(b"\r\n")


def _some_line(chance: random.Random, lines: list[bytes]) -> int:
    return chance.randrange(len(lines))


def _double_line(chance: random.Random, octets: bytes) -> bytes:
    lines = _lines(octets)
    at = _some_line(chance, lines)
    return b"\r\n".join(lines[:at] + [lines[at]] * chance.choice((2, 2, 3, 300)) + lines[at + 1 :])


def _drop_line(chance: random.Random, octets: bytes) -> bytes:
    lines = _lines(octets)
    del lines[_some_line(chance, lines)]
    return b"\r\n".join(lines)


def _swap_lines(chance: random.Random, octets: bytes) -> bytes:
    lines = _lines(octets)
    one, other = _some_line(chance, lines), _some_line(chance, lines)
    lines[one], lines[other] = lines[other], lines[one]
    return b"\r\n".join(lines)


def _odd_line(chance: random.Random, octets: bytes) -> bytes:
    lines = _lines(octets)
    lines.insert(chance.randrange(1, len(lines) + 1), chance.choice(ODD_LINES))
    return b"\r\n".join(lines)


def _odd_sdp(chance: random.Random, octets: bytes) -> bytes:
    head, end, body = octets.partition(b"\r\n\r\n")
    lines = _lines(body)
    at = _some_line(chance, lines)
    lines[at : at + chance.randrange(2)] = [chance.choice(ODD_SDP)]
    body = b"\r\n".join(lines)
    heads = [line for line in _lines(head) if not line.startswith(b"Content-Length")]
    return b"\r\n".join([*heads, b"Content-Length: %d" % len(body)]) + end + body


def _odd_value(chance: random.Random, octets: bytes) -> bytes:
    lines = _lines(octets)
    at = _some_line(chance, lines)
    name, colon, value = lines[at].partition(b":")
    words = value.split(b";")
    words[chance.randrange(len(words))] = chance.choice(ODD_VALUES)
    lines[at] = name + colon + b" " + b";".join(words)
    return b"\r\n".join(lines)


def _wrong_length(chance: random.Random, octets: bytes) -> bytes:
    number = chance.choice((0, 1, 100, 65535, 1 << 20, 1 << 31, 1 << 70, -1))
    lines = [b"Content-Length: %d" % number if line.startswith(b"Content-L") else line for line in _lines(octets)]
    return b"\r\n".join(lines)


def _odd_start(chance: random.Random, octets: bytes) -> bytes:
    starts = (
        b"INVITE sip:90017@x SIP/9.0",
        b"invite sip:90017@x SIP/2.0",
        b"INVITE  sip:90017@x  SIP/2.0",
        b"INVITE",
        b"SIP/2.0 200 OK",
        b"FOO sip:90017@x SIP/2.0",
        b"SIP/2.0 99 x",
        b"SIP/2.0 abc",
        b"INVITE http://x/ SIP/2.0",
        b"INVITE tel:+;x SIP/2.0",
        b"INVITE sip:%39%30%30%31%37@x SIP/2.0",
        b"GET / HTTP/1.1",
        b"INVITE sip:" + b"9" * 500 + b"@x SIP/2.0",
        b"INVITE <sip:1@x> SIP/2.0",
    )
    lines = _lines(octets)
    lines[0] = chance.choice(starts)
    return b"\r\n".join(lines)


def _monster(chance: random.Random, octets: bytes) -> bytes:
    lines = _lines(octets)
    kind = chance.randrange(4)
    if kind == 0:
        lines.insert(1, b"X-Monster: " + b"x" * (MONSTROUS - len(octets) - 600))
    elif kind == 1:
        lines[1:1] = [b"X-Monster-%d: x" % number for number in range(1500)]
    elif kind == 2:
        lines.insert(1, b"Subject: a\r\n" + b" folded\r\n" * 2000 + b" end")
    else:
        lines.insert(1, b"Via: " + b", ".join([b"SIP/2.0/UDP h;branch=z9hG4bKx"] * 900))
    return b"\r\n".join(lines)[:65000]


def _noise(chance: random.Random, octets: bytes) -> bytes:
    return chance.randbytes(chance.choice((0, 1, 2, 4, 20, 200, 1400)))


_TEXT: Final[tuple[Callable[[random.Random, bytes], bytes], ...]] = (
    _flip,
    _flip,
    _truncate,
    _cut_out,
    _insert,
    _double_line,
    _drop_line,
    _swap_lines,
    _odd_line,
    _odd_line,
    _odd_sdp,
    _odd_sdp,
    _odd_value,
    _odd_value,
    _wrong_length,
    _odd_start,
    _noise,
)


def mutated_sip(chance: random.Random, octets: bytes) -> bytes:
    """One to three mutations; one message in 150 becomes a monster."""
    if chance.random() < 1 / 150:
        return _monster(chance, octets)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        octets = chance.choice(_TEXT)(chance, octets) or b"\r\n"
    return octets[:65000]


# --- mutations of octets ----------------------------------------------------------------------------------------------


def mutated_octets(chance: random.Random, octets: bytes) -> bytes:
    """Flips, cuts, insertions and lies about lengths in a binary message."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        match chance.randrange(8):
            case 0 | 1:
                octets = _flip(chance, octets or b"\0")
            case 2:
                octets = _truncate(chance, octets or b"\0")
            case 3:
                octets = _cut_out(chance, octets or b"\0")
            case 4:
                octets = _insert(chance, octets or b"\0")
            case 5:
                octets += chance.randbytes(chance.randrange(1, 300))
            case 6 if octets:
                out = bytearray(octets)
                out[chance.randrange(len(out))] = chance.choice((0, 1, 2, 127, 128, 254, 255))
                octets = bytes(out)
            case _:
                if chance.random() < 0.1:
                    octets = chance.randbytes(chance.randrange(300))
    return octets


ISUP: Final = tuple(
    bytes.fromhex(text)
    for text in (
        "01 00 20 01 0a 03 02 0a 08 84 10 33 91 09 00 00 03 0a 07 03 13 21 52 55 10 99 00",  # IAM
        "01 00 20 01 0a 03 02 00 04 84 10 33 91",  # IAM, no optional part
        "02 02 00 03 81 10 0f",  # SAM
        "06 12 04 01 29 01 01 00",  # ACM
        "06 12 04 00",
        "07 16 14 01 29 01 01 00",  # CON
        "2c 03 00",  # CPG
        "2c 01 01 29 01 01 00",
        "09 00",  # ANM
        "09 01 11 02 12 04 00",
        "0c 02 00 02 84 91",  # REL
        "0c 02 00 02 80 90",
        "10 00",  # RLC
        "0d 01 00",  # SUS
        "0e 01 00",  # RES
        "12",  # RSC
        "13",  # BLO
        "14",  # UBL
        "15",  # BLA
        "16",  # UBA
        "11",  # CCR
        "05 01 00",  # COT
        "17 01 01 05",  # GRS
        "18 00 01 01 02 05 00",  # CGB
        "19 00 01 01 02 05 00",  # CGU
        "2f 02 02 84 e1 00",  # CFN
        "2e",  # UCIC
        "33 33 00 00 00",  # FAC
        "2d 05 01 20 01 61 00",  # USR
        "fe 01 02 03",
    )
)
"""Good messages and some strange ones, from the message type on."""


def isup_transfer(chance: random.Random, origin: int, destination: int, cics: Sequence[int]) -> bytes:
    """A good message from its service information octet on (ITU-T Q.704 §2.2, §14.2)."""
    label = destination | origin << 14 | chance.randrange(16) << 28
    cic = chance.choice(cics) if chance.random() < 0.97 else chance.randrange(4096)
    return b"\x85" + struct.pack("<IH", label, cic) + chance.choice(ISUP)


def rtp_packet(chance: random.Random, number: int, payload_type: int = 0) -> bytes:
    """A good RTP packet: audio, a telephone-event, comfort noise, or RTCP."""
    sequence, timestamp = number & 0xFFFF, number * 160 & 0xFFFFFFFF
    match chance.randrange(8):
        case 0:
            event = struct.pack(">BBH", chance.randrange(16), chance.choice((10, 0x8A)), chance.randrange(4000))
            return struct.pack(">BBHII", 0x80, 101, sequence, timestamp, 0xCA11E4) + event
        case 1:
            return (
                struct.pack(">BBHII", 0x90, payload_type, sequence, timestamp, 0xCA11E4)
                + b"\xbe\xde\0\1abcd"
                + b"\xff" * 160
            )
        case 2:
            return (
                struct.pack(">BBHII", 0xA0, payload_type, sequence, timestamp, 0xCA11E4) + b"\xff" * 156 + b"\0\0\0\4"
            )
        case 3:
            return (
                struct.pack(">BBHII", 0x82, payload_type, sequence, timestamp, 0xCA11E4) + b"csrc" * 2 + b"\xff" * 160
            )
        case 4:
            return struct.pack(">BBHIIIIII", 0x80, 200, 6, 0xCA11E4, 1, 2, timestamp, number & 0xFFFFFFFF, 0)
        case _:
            return struct.pack(">BBHII", 0x80, payload_type, sequence, timestamp, 0xCA11E4) + chance.randbytes(160)
