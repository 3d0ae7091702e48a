"""The reports of one call: what to say, when, and what the other side says (RFC 3550 §6.2 to §6.4, §A.7).

Two parties, unicast: such an implementation "SHOULD still use randomization of the RTCP transmission interval [...] but
MAY omit the 'timer reconsideration' and 'reverse reconsideration' algorithms" (§6.3). They are omitted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import frozen

from gateway.core.errors import ParseError
from gateway.media.phase_group import StreamNumbers
from gateway.media.reception import ReceptionStatistics
from gateway.media.rtcp import (
    Goodbye,
    OtherPacket,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SdesChunk,
    SdesType,
    SenderReport,
    SourceDescription,
    parse_compound,
    serialize_compound,
)

MINIMUM_INTERVAL_S: Final = 5.0
SENDER_SHARE: Final = 0.25
COMPENSATION: Final = 2.71828 - 1.5
"""What the interval is divided by, because reconsideration makes it longer on average (§6.3.1)."""
RTCP_OCTETS_A_SECOND: Final = 0.05 * 2 * 80_000 / 8
"""5 % of the session's bandwidth (§6.2): both directions of G.711 with IP, UDP and RTP headers at 20 ms."""
NTP_EPOCH_S: Final = 2_208_988_800
"""From 1900, where NTP counts from, to 1970 (§4)."""
_LOWER_LAYERS_OCTETS: Final = 28
_REPORT_OCTETS: Final = 120
_MOST_LOST: Final = (1 << 23) - 1


def rtcp_interval_s(
    members: int,
    senders: int,
    octets_a_second: float,
    average_octets: float,
    random: float,
    *,
    we_sent: bool,
    initial: bool,
) -> float:
    """The time to the next report (RFC 3550 §6.3.1, `rtcp_interval` in §A.7).

    Args:
        members: participants, we too.
        senders: of these, who sends data.
        octets_a_second: the RTCP bandwidth.
        average_octets: of a compound packet, with IP and UDP headers.
        random: evenly distributed in [0, 1).
        we_sent: whether we are a sender.
        initial: whether we have not sent a report yet.
    """
    least_s = MINIMUM_INTERVAL_S / 2 if initial else MINIMUM_INTERVAL_S
    sharing = members
    if senders <= members * SENDER_SHARE:
        octets_a_second *= SENDER_SHARE if we_sent else 1 - SENDER_SHARE
        sharing = senders if we_sent else members - senders
    return max(average_octets * sharing / octets_a_second, least_s) * (random + 0.5) / COMPENSATION


def first_report_after_s(random: float) -> float:
    """How long after its media has begun a call's first report is due (§6.3.1).

    Args:
        random: evenly distributed in [0, 1).
    """
    return rtcp_interval_s(2, 2, RTCP_OCTETS_A_SECOND, _REPORT_OCTETS, random, we_sent=True, initial=True)


def ntp_timestamp(wallclock_s: float) -> int:
    """Seconds since 1970 -> the 64-bit NTP timestamp (§4)."""
    return round((wallclock_s + NTP_EPOCH_S) * (1 << 32)) % (1 << 64)


def middle_32(ntp: int) -> int:
    """The middle 32 bits of a 64-bit NTP timestamp: 65536ths of a second (§4)."""
    return (ntp >> 16) & 0xFFFFFFFF


def round_trip_s(received_ntp: int, block: ReportBlock) -> float | None:
    """The round trip that a report block on us shows: A - LSR - DLSR (RFC 3550 §6.4.1, figure 2).

    Args:
        received_ntp: when the block came, as NTP timestamp on the clock of our own SRs.
        block: the report on what we send.

    Returns:
        Seconds; None: the other side had no SR of ours, or says what cannot be.
    """
    if not block.last_sr:
        return None
    units = (middle_32(received_ntp) - block.last_sr - block.delay) % (1 << 32)
    return units / 65536 if units < 1 << 31 else None


@frozen
class RemoteView:
    """How the other side receives us, by its latest report.

    Args:
        at_s: when the report came.
        fraction_lost: 0 to 1, in its last interval.
        lost: packets, since the beginning.
        jitter_s: interarrival jitter.
        round_trip_s: None: not known yet.
    """

    at_s: float
    fraction_lost: float
    lost: int
    jitter_s: float
    round_trip_s: float | None


class Reporting:
    """The RTCP of one call.

    Args:
        cname: our canonical name, constant for the call (§6.5.1).
        random: gives numbers evenly distributed in [0, 1).
        now_s: the call's media begins.

    Attributes:
        next_s: when the next report is due.
        remote_view: what the other side says of our stream; None: nothing yet.
        remote_cname: its canonical name, "" before it is known.
        left: whether it has said goodbye.
        malformed: datagrams that could not be read.
        reports_sent, reports_received: compound packets.
    """

    __slots__ = (
        "_average_octets",
        "_cname",
        "_last_sr",
        "_packets_reported",
        "_random",
        "_ssrc",
        "left",
        "malformed",
        "next_s",
        "remote_cname",
        "remote_view",
        "reports_received",
        "reports_sent",
    )

    def __init__(self, cname: str, random: Callable[[], float], now_s: float) -> None:
        self._cname = cname.encode()[:255]
        self._random = random
        self._average_octets: float = _REPORT_OCTETS
        self._last_sr: tuple[int, int, float] | None = None
        self._packets_reported = 0
        self._ssrc = 0
        self.remote_view: RemoteView | None = None
        self.remote_cname = ""
        self.left = False
        self.malformed = self.reports_sent = self.reports_received = 0
        self.next_s = now_s + self._interval_s(we_sent=True)

    def report(
        self,
        now_s: float,
        wallclock_s: float,
        sent: StreamNumbers | None,
        heard: int | None = None,
        statistics: ReceptionStatistics | None = None,
    ) -> bytes:
        """The report that is due; the next one is then, too.

        Args:
            now_s: on the clock of `received`.
            wallclock_s: seconds since 1970.
            sent: where our stream stands; None: we have none (then RR under the SSRC 0, or the last one).
            heard: the SSRC that is heard; None: none.
            statistics: of that SSRC.

        Returns:
            The compound packet: SR, or RR if nothing was sent since the last report; and SDES.
        """
        reports: tuple[ReportBlock, ...] = ()
        if heard is not None and statistics is not None and statistics.expected:
            reports = (self._block(heard, statistics, now_s),)
        we_sent = sent is not None and sent.packets > self._packets_reported
        first: RtcpPacket
        if sent is not None:
            if sent.ssrc != self._ssrc:
                we_sent = sent.packets > 0
            self._ssrc, self._packets_reported = sent.ssrc, sent.packets
        if sent is not None and we_sent:
            counts = sent.packets % (1 << 32), sent.octets % (1 << 32)
            first = SenderReport(sent.ssrc, ntp_timestamp(wallclock_s), sent.timestamp, *counts, reports)
        else:
            first = ReceiverReport(self._ssrc, reports)
        data = serialize_compound((first, self._description()))
        self.reports_sent += 1
        self._average(len(data))
        self.next_s = now_s + self._interval_s(we_sent=we_sent)
        return data

    def goodbye(self) -> bytes:
        """The last compound packet: RR, SDES, BYE (§6.6)."""
        return serialize_compound((ReceiverReport(self._ssrc), self._description(), Goodbye((self._ssrc,))))

    def received(self, data: bytes, now_s: float, wallclock_s: float) -> None:
        """A datagram came on the RTCP port; what cannot be read is counted."""
        try:
            packets = parse_compound(data)
        except ParseError:
            self.malformed += 1
            return
        self.reports_received += 1
        self._average(len(data))
        for packet in packets:
            match packet:
                case SenderReport() | ReceiverReport():
                    if isinstance(packet, SenderReport):
                        self._last_sr = packet.ssrc, middle_32(packet.ntp), now_s
                    for block in packet.reports:
                        if block.ssrc == self._ssrc and self.reports_sent:
                            self._viewed(block, now_s, wallclock_s)
                case SourceDescription():
                    self.remote_cname = next((each.cname for each in packet.chunks), "") or self.remote_cname
                case Goodbye():
                    self.left = True
                case OtherPacket():
                    pass

    def _block(self, ssrc: int, statistics: ReceptionStatistics, now_s: float) -> ReportBlock:
        last_sr, delay = 0, 0
        if self._last_sr is not None and self._last_sr[0] == ssrc:
            last_sr = self._last_sr[1]
            delay = min(round((now_s - self._last_sr[2]) * 65536), 0xFFFFFFFF)
        return ReportBlock(
            ssrc,
            statistics.fraction_lost(),
            min(max(statistics.lost, -_MOST_LOST - 1), _MOST_LOST),
            statistics.extended_highest % (1 << 32),
            min(int(statistics.jitter_samples), 0xFFFFFFFF),
            last_sr,
            delay,
        )

    def _viewed(self, block: ReportBlock, now_s: float, wallclock_s: float) -> None:
        round_trip = round_trip_s(ntp_timestamp(wallclock_s), block)
        self.remote_view = RemoteView(now_s, block.fraction_lost / 256, block.lost, block.jitter / 8000, round_trip)

    def _description(self) -> SourceDescription:
        return SourceDescription((SdesChunk(self._ssrc, ((SdesType.CNAME, self._cname),)),))

    def _average(self, octets: int) -> None:
        """`avg_rtcp_size` (§6.3.3)."""
        self._average_octets += (octets + _LOWER_LAYERS_OCTETS - self._average_octets) / 16

    def _interval_s(self, *, we_sent: bool) -> float:
        return rtcp_interval_s(
            2,
            2 if we_sent else 1,
            RTCP_OCTETS_A_SECOND,
            self._average_octets,
            self._random(),
            we_sent=we_sent,
            initial=self.reports_sent == 0,
        )
