"""The capture of a journal: messages become packets, decisions their comments."""

from __future__ import annotations

from io import BytesIO

from gateway.core.clause import Clause, Decision
from gateway.sip.effects import Flow, Transport
from gateway.trace.capture import Capture
from gateway.trace.journal import Decided, IsupMessage, Journal, Note, SipMessage, Sound
from gateway.trace.pcapng import CapturedPacket, LinkType, PcapngWriter, read_pcapng

UDP = Flow(Transport.UDP, ("127.0.0.1", 5060), ("127.0.0.1", 5070))
TCP = Flow(Transport.TCP, ("127.0.0.1", 5060), ("127.0.0.1", 40000), 3)
DECISION = Decision("invite-to-iam", "IAM", Clause("RFC 3398", "7.2.1"), (("called", "+331"), ("medium", "speech")))


class Lab:
    """A journal with a capture that can be read at any time."""

    def __init__(self) -> None:
        self.file = BytesIO()
        self.journal = Journal()
        self.capture = Capture(PcapngWriter(self.file))
        self.journal.observe(self.capture)

    def packets(self) -> list[CapturedPacket]:
        return read_pcapng(self.file.getvalue())


class TestCapture:
    def test_every_message_is_a_packet_of_its_own_link(self) -> None:
        lab = Lab()
        lab.journal.append(SipMessage(0.5, "c1", False, "INVITE", b"INVITE", UDP))
        lab.journal.append(IsupMessage(0.6, "c1", True, 1, "IAM", "IAM", b"\x85\x00"))
        lab.capture.rtp(0.7, ("127.0.0.1", 4000), ("127.0.0.1", 4002), b"\x80\x00")
        sip, isup, rtp = lab.packets()
        assert (sip.link_type, sip.at_ns, sip.outbound) == (LinkType.RAW, 500_000_000, False)
        assert sip.octets[20:24] == (5070).to_bytes(2, "big") + (5060).to_bytes(2, "big")
        assert (isup.link_type, isup.octets, isup.outbound) == (LinkType.MTP3, b"\x85\x00", True)
        assert (rtp.link_type, rtp.octets[28:]) == (LinkType.RAW, b"\x80\x00")

    def test_sip_over_tcp_gets_a_connection(self) -> None:
        lab = Lab()
        lab.journal.append(SipMessage(0.0, "c1", False, "INVITE", b"INVITE", TCP))
        lab.capture.tcp_closed(1.0, ("127.0.0.1", 40000), ("127.0.0.1", 5060))
        assert [packet.octets[9] for packet in lab.packets()] == [6] * 9

    def test_what_was_decided_and_heard_is_the_comment_of_the_next_packet_of_that_call(self) -> None:
        lab = Lab()
        lab.journal.append(Decided(0.0, "c1", DECISION))
        lab.journal.append(Sound(0.1, "c1", "caller", "busy (fr)", "-13.0 dBm0"))
        lab.journal.append(Note(0.2, "c1", "T9 ran out"))
        lab.journal.append(SipMessage(0.3, "c2", True, "100 Trying", b"SIP", UDP))
        lab.journal.append(IsupMessage(0.3, "c1", True, 1, "IAM", "IAM", b"\x85\x00"))
        lab.journal.append(IsupMessage(0.4, "c1", False, 1, "ACM", "ACM", b"\x85\x00"))
        assert [packet.comments for packet in lab.packets()] == [
            (),
            (
                "invite-to-iam: IAM [RFC 3398 §7.2.1] (called: +331, medium: speech)",
                "0.100 s: the caller hears: busy (fr) (-13.0 dBm0)",
                "0.200 s: T9 ran out",
            ),
            (),
        ]

    def test_comments_that_wait_are_bounded(self) -> None:
        lab = Lab()
        for index in range(100):
            lab.journal.append(Note(0.0, "c0", f"remark {index}"))
        for call in range(1100):
            lab.journal.append(Note(0.0, f"c{call}", "remark"))
        lab.journal.append(SipMessage(0.0, "c0", True, "BYE", b"BYE", UDP))
        lab.journal.append(SipMessage(0.0, "c1099", True, "BYE", b"BYE", UDP))
        assert [packet.comments for packet in lab.packets()] == [(), ("0.000 s: remark",)]

    def test_a_message_that_no_datagram_holds_is_left_out_and_counted(self) -> None:
        lab = Lab()
        lab.journal.append(SipMessage(0.0, "c1", True, "INVITE", bytes(70000), UDP))
        assert lab.packets() == []
        assert lab.capture.left_out == 1

    def test_a_full_disk_ends_the_capture_and_not_the_call(self) -> None:
        class FullDisk(BytesIO):
            full = False

            def write(self, octets: object, /) -> int:
                if self.full:
                    raise OSError(28, "No space left on device")
                return 0

        disk = FullDisk()
        capture = Capture(PcapngWriter(disk))
        disk.full = True
        capture(SipMessage(0.0, "c1", True, "BYE", b"BYE", UDP))
        assert capture.failure is not None
        assert capture.failure.errno == 28
        disk.full = False
        capture(SipMessage(0.0, "c1", True, "BYE", b"BYE", UDP))
        capture.rtp(0.0, ("127.0.0.1", 1), ("127.0.0.1", 2), b"\x80")
        capture.tcp_closed(0.0, ("127.0.0.1", 1), ("127.0.0.1", 2))
        assert capture.failure.errno == 28
