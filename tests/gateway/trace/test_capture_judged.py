"""tshark reads the capture: right names, addresses and checksums, nothing malformed, no TCP trouble."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from gateway.core.clause import Clause, Decision
from gateway.sip.effects import Flow, Transport
from gateway.trace.capture import Capture
from gateway.trace.journal import Decided, Journal
from gateway.trace.pcapng import PcapngWriter
from gateway.trace.summary import isup_message, sip_message

pytestmark = pytest.mark.judge

FIELDS = (
    "frame.protocols",
    "sip.Method",
    "sip.Status-Code",
    "isup.message_type",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "frame.comment",
    "frame.packet_flags_direction",
    "frame.time_epoch",
    "rtp.seq",
    "isup.cic",
    "isup.called",
    "isup.cause_indicator",
    "mtp3.opc",
    "mtp3.dpc",
)

# Service information octet and label for 1 -> 2 and 2 -> 1, then the message from its CIC on.
FORTH, BACK = "8502400010", "8501800010"
ISUP = [
    (True, FORTH + "01000100" + "20000a03" + "020a" + "088410339109000003" + "0a088411212155050100" + "00"),
    (False, BACK + "010006" + "1204" + "01" + "290101" + "00"),
    (False, BACK + "01002c" + "03" + "00"),
    (False, BACK + "010009" + "00"),
    (False, BACK + "01000c" + "0200" + "028491"),
    (True, FORTH + "010010" + "00"),
]

NAMES = {1: "IAM", 6: "ACM", 9: "ANM", 12: "REL", 16: "RLC", 44: "CPG"}


def sdp(host: str, port: int) -> str:
    version = 6 if ":" in host else 4
    return (
        f"v=0\r\no=- 1 1 IN IP{version} {host}\r\ns=-\r\nc=IN IP{version} {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    )


def message(start_line: str, method: str, via: str, body: str = "", padding: int = 0) -> bytes:
    headers = [
        start_line,
        f"Via: {via};branch=z9hG4bK{method}1",
        "Max-Forwards: 70",
        "From: <sip:+12125550100@example.com>;tag=1",
        "To: <sip:+33199000003@example.com>;tag=2",
        "Call-ID: judged@example.com",
        f"CSeq: 1 {method}",
        "Contact: <sip:gateway@127.0.0.1>",
    ]
    headers += [f"X-Padding: {'x' * 100}"] * (padding // 113)
    headers += ["Content-Type: application/sdp"] if body else []
    return ("\r\n".join([*headers, f"Content-Length: {len(body)}"]) + "\r\n\r\n" + body).encode()


def write_call(path: Path, transport: Transport, host: str, padding: int = 0) -> None:
    """A whole call: SIP one way or the other, ISUP, and 50 packets of early media."""
    reference = f"[{host}]" if ":" in host else host
    via = f"SIP/2.0/{transport.value} {reference}:5070"
    flow = Flow(transport, (host, 5060), (host, 5070), 1)
    uri = f"sip:+33199000003@{reference}"
    with path.open("wb") as file:
        journal = Journal(started_epoch_s=1_700_000_000.0)
        capture = Capture(PcapngWriter(file, journal.started_epoch_s, comment="a judged call"))
        journal.observe(capture)

        def sip(at_s: float, sent: bool, octets: bytes) -> None:
            journal.append(sip_message(journal, at_s, sent, octets, flow))

        journal.bind("judged@example.com", "call-1")
        journal.bind_circuit(1, "call-1")
        sip(0.0, False, message(f"INVITE {uri} SIP/2.0", "INVITE", via, sdp(host, 4000), padding))
        sip(0.001, True, message("SIP/2.0 100 Trying", "INVITE", via))
        for index, (sent, octets) in enumerate(ISUP[:3]):
            if index == 0:
                decision = Decision("invite-to-iam", "IAM", Clause("RFC 3398", "7.2.1"))
                journal.append(Decided(0.002, "call-1", decision))
            journal.append(isup_message(journal, 0.002 + index / 1000, sent, bytes.fromhex(octets)))
        sip(0.01, True, message("SIP/2.0 183 Session Progress", "INVITE", via, sdp(host, 6000), padding))
        for index in range(50):
            header = bytes((0x80, 0x88 if index == 0 else 0x08)) + index.to_bytes(2, "big")
            header += (160 * index).to_bytes(4, "big") + b"\x12\x34\x56\x78"
            capture.rtp(0.02 * index + 0.02, (host, 6000), (host, 4000), header + bytes([0xD5]) * 160)
        journal.append(isup_message(journal, 1.1, *ISUP[3][:1], bytes.fromhex(ISUP[3][1])))
        sip(1.1, True, message("SIP/2.0 200 OK", "INVITE", via, sdp(host, 6000)))
        sip(1.2, False, message(f"ACK {uri} SIP/2.0", "ACK", via))
        for sent, octets in ISUP[4:]:
            journal.append(isup_message(journal, 2.0, sent, bytes.fromhex(octets)))
        sip(2.1, True, message(f"BYE {uri} SIP/2.0", "BYE", via))
        sip(2.2, False, message("SIP/2.0 200 OK", "BYE", via))
        if transport is Transport.TCP:
            capture.tcp_closed(3.0, flow.remote, flow.local)


def tshark(path: Path, *arguments: str) -> list[str]:
    checked = [f"{protocol}.check_checksum:TRUE" for protocol in ("ip", "udp", "tcp")]
    options = [option for preference in checked for option in ("-o", preference)]
    run = subprocess.run(
        ["tshark", "-n", "-r", str(path), *options, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def dissected(path: Path) -> list[dict[str, str]]:
    wanted = [option for field in FIELDS for option in ("-e", field)]
    lines = tshark(path, "-T", "fields", "-E", "separator=\t", "-E", "aggregator=|", *wanted)
    return [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in lines]


TROUBLE = "_ws.malformed || tcp.analysis.flags || _ws.expert.severity >= 0x600000"
"""Anything that Wireshark calls malformed, a warning or an error."""

CASES = [
    pytest.param(Transport.UDP, "127.0.0.1", 0, id="UDP-IPv4"),
    pytest.param(Transport.UDP, "::1", 0, id="UDP-IPv6"),
    pytest.param(Transport.UDP, "127.0.0.1", 40000, id="UDP-larger-than-MTU"),
    pytest.param(Transport.TCP, "127.0.0.1", 0, id="TCP-IPv4"),
    pytest.param(Transport.TCP, "::1", 0, id="TCP-IPv6"),
    pytest.param(Transport.TCP, "127.0.0.1", 60000, id="TCP-many-segments"),
]


@pytest.mark.parametrize(("transport", "host", "padding"), CASES)
def test_tshark_finds_what_was_written_and_nothing_wrong(
    tmp_path: Path, transport: Transport, host: str, padding: int
) -> None:
    path = tmp_path / "capture.pcapng"
    write_call(path, transport, host, padding)
    packets = dissected(path)

    sip = [packet["sip.Method"] or packet["sip.Status-Code"] for packet in packets]
    assert [name for name in sip if name] == ["INVITE", "100", "183", "200", "ACK", "BYE", "200"]
    isup = [packet for packet in packets if packet["isup.message_type"]]
    names = [NAMES[int(packet["isup.message_type"], 0)] for packet in isup]
    assert names == ["IAM", "ACM", "CPG", "ANM", "REL", "RLC"]
    assert {packet["isup.cic"] for packet in isup} == {"1"}
    assert [(packet["mtp3.opc"], packet["mtp3.dpc"]) for packet in isup[:2]] == [("1", "2"), ("2", "1")]
    assert isup[0]["isup.called"].rstrip("F") == "33199000003"
    assert isup[4]["isup.cause_indicator"] == "17"
    rtp = [int(packet["rtp.seq"]) for packet in packets if packet["rtp.seq"]]
    assert rtp == list(range(50))

    hosts = {packet["ip.src"] or packet["ipv6.src"] for packet in packets if not packet["isup.message_type"]}
    assert hosts == {host}
    assert float(packets[0]["frame.time_epoch"]) == 1_700_000_000.0
    assert isup[0]["frame.comment"] == "invite-to-iam: IAM [RFC 3398 §7.2.1]"
    # 1: inbound, 2: outbound
    directions = [int(packet["frame.packet_flags_direction"], 0) for packet in isup]
    assert directions == [2, 1, 1, 1, 1, 2]

    assert tshark(path, "-Y", TROUBLE) == []
    checksums = Counter(
        tshark(path, "-Y", "not isup", "-T", "fields", "-e", "ip.checksum.status", "-e", "udp.checksum.status")
        + tshark(path, "-Y", "tcp", "-T", "fields", "-e", "tcp.checksum.status")
    )
    assert not any("0" in statuses.split("\t") for statuses in checksums)
    good = sum(count for statuses, count in checksums.items() if "1" in statuses.split("\t"))
    assert good >= 57


def test_tshark_would_find_one_octet_wrong(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcapng"
    write_call(path, Transport.UDP, "127.0.0.1")
    octets = path.read_bytes()
    path.write_bytes(octets.replace(b"183 Session Progress", b"183 Session progress"))
    assert len(tshark(path, "-Y", TROUBLE)) == 1


def test_tshark_would_find_a_segment_missing(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcapng"
    write_call(path, Transport.TCP, "127.0.0.1")
    octets = path.read_bytes()
    at = octets.index(b"SIP/2.0 100 Trying")
    start = octets.rindex(b"\x06\0\0\0", 0, at - 40)
    length = int.from_bytes(octets[start + 4 : start + 8], "little")
    path.write_bytes(octets[:start] + octets[start + length :])
    assert tshark(path, "-Y", TROUBLE) != []


def test_tshark_resolves_the_name_of_an_endpoint(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcapng"
    with path.open("wb") as file:
        octets = message("OPTIONS sip:proxy.example.com SIP/2.0", "OPTIONS", "SIP/2.0/UDP 127.0.0.1:5060")
        PcapngWriter(file).sip_udp(0.0, ("127.0.0.1", 5060), ("proxy.example.com", 5060), octets)
    run = subprocess.run(
        ["tshark", "-N", "n", "-r", str(path), "-T", "fields", "-e", "ip.dst_host", "-e", "sip.Method"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout.split() == ["proxy.example.com", "OPTIONS"]
