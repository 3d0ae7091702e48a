"""The RTP and RTCP sockets of one call: whom they hear, where they send, what they report (RFC 3550, RFC 4961).

    Aiming      nobody is known yet, or none may be: nothing is sent or heard
    Latching    the socket is not connected: each packet's source is looked at, and answered where it is heard
    Connected   the kernel sees to it that only the one source is heard

A call whose signalling comes from the address that its description names is connected at once, and latches only if it
is silent for a while after the answer; one that seems to sit behind an address translation latches from the beginning
(`gateway.media.latching`).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from attrs import field, frozen
from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from gateway.media.latching import LatchSettings, LatchState, SourceLatch
from gateway.media.reporting import Reporting
from gateway.net.addresses import dissolve
from gateway.sdp.offer_answer import Agreed

NOWHERE: Final = ("", 0)
READS_AT_ONCE: Final = 32
PATIENCE_S: Final = 0.3
"""After the answer a caller is waited for so long before it is looked for elsewhere."""
DATAGRAM_OCTETS: Final = 2048

Address = tuple[str, int]


class Latching(Enum):
    """When a source other than the negotiated one may be heard."""

    AUTO = "auto"
    """From the beginning where the description names another address than signalling comes from; else once the call is
    answered and the caller silent."""
    ALWAYS = "always"
    NEVER = "never"


@frozen
class PortSettings:
    """What all calls share.

    Args:
        latching: when to latch.
        latch: how.
        rtcp: whether reports are sent and read.
    """

    latching: Latching = Latching.AUTO
    latch: LatchSettings = field(factory=LatchSettings)
    rtcp: bool = True


@implementer(IReadDescriptor)
class _Reader:
    """A socket in the reactor, for what comes seldom."""

    __slots__ = ("_received", "socket")

    def __init__(self, opened: socket.socket, received: Callable[[bytes, Address], None]) -> None:
        self.socket = opened
        self._received = received

    def fileno(self) -> int:
        return self.socket.fileno()

    def logPrefix(self) -> str:
        return "rtp"

    def connectionLost(self, reason: Any) -> None:
        """The reactor stops."""

    def doRead(self) -> None:
        for _ in range(READS_AT_ONCE):
            try:
                datagram, source = self.socket.recvfrom(DATAGRAM_OCTETS)
            except BlockingIOError:
                return
            except OSError:
                continue
            self._received(datagram, source[:2])


class CallPort:
    """One call's sockets.

    Args:
        reactor: Twisted's.
        settings: what all calls share.
        opened: the bound RTP socket.
        local: its address and port.
        owner: whose media it is.
        heard: told of each datagram that was read here and may be heard: Latching only.
        aimed: told whenever the way changed: sources, destinations, connected or not.
        has_heard: asked whether the caller has been heard at all.

    Attributes:
        row: the receiver's row, once the call has a description; -1 before.
        circuit: whose sound the caller hears, once it is cut through; the media plane's.
        attached: whether packets are made of it.
        agreed: what the latest offer and answer came to.
        remote: where packets go; `NOWHERE` while they go nowhere.
        connected: whether the socket is.
        reporting: the call's RTCP, once its media has begun.
    """

    __slots__ = (
        "_aimed",
        "_expected",
        "_has_heard",
        "_heard",
        "_latch",
        "_reactor",
        "_reader",
        "_rtcp",
        "_settings",
        "_window",
        "agreed",
        "attached",
        "circuit",
        "closed",
        "connected",
        "local",
        "owner",
        "remote",
        "reporting",
        "row",
        "socket",
    )

    def __init__(
        self,
        reactor: Any,
        settings: PortSettings,
        opened: socket.socket,
        local: Address,
        owner: Any,
        heard: Callable[[CallPort, bytes], None],
        aimed: Callable[[CallPort], None],
        has_heard: Callable[[CallPort], bool],
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self.socket = opened
        self.local = local
        self.owner = owner
        self._heard = heard
        self._aimed = aimed
        self._has_heard = has_heard
        self.row = -1
        self.circuit: Any = None
        self.attached = False
        self.agreed: Agreed | None = None
        self.remote = NOWHERE
        self.connected = False
        self.closed = False
        self.reporting: Reporting | None = None
        self._latch: SourceLatch | None = None
        self._reader: _Reader | None = None
        self._rtcp: _Reader | None = None
        self._window: Any = None
        self._expected = False

    @property
    def is_latching(self) -> bool:
        """Whether packets have to be sent and read one by one."""
        return self._reader is not None

    @property
    def foreign(self) -> int:
        """Datagrams from sources that were not heard."""
        return 0 if self._latch is None else self._latch.refused

    def aim(self, remote: Address, signalled_from: str) -> None:
        """Hear and send to an address.

        Args:
            remote: what was negotiated.
            signalled_from: the address that the description came from, "" if it is not known.

        Raises:
            OSError: it cannot be sent to.
        """
        mode = self._settings.latching
        latches = mode is Latching.ALWAYS or (
            mode is Latching.AUTO and signalled_from not in ("", remote[0]) and not self._settings.latch.strict
        )
        if latches:
            self._look_for(remote)
        else:
            self._connect(remote)

    def _look_for(self, remote: Address) -> None:
        """Hear whom the latch lets be heard."""
        if self._latch is None:
            self._latch = SourceLatch(self._settings.latch)
        self._latch.negotiated(remote, self._reactor.seconds())
        if self._latch.state is LatchState.OPEN and not self.is_latching:
            if self.connected:
                dissolve(self.socket)
                self.connected = False
            self._reader = _Reader(self.socket, self._received)
            self._reactor.addReader(self._reader)
            self._begin_window()
        if self.is_latching:
            self._go_to(self._latch.source)

    def expect(self) -> None:
        """The call is answered: a caller that has not been heard of may be, for as long as the window lasts."""
        self._expected = True
        if self._latch is not None:
            self._latch.extend(self._reactor.seconds())
        if self.is_latching:
            self._begin_window()
        elif self._settings.latching is Latching.AUTO and self._latch is None and self._window is None:
            self._window = self._reactor.callLater(PATIENCE_S, self._is_silent)

    def _is_silent(self) -> None:
        """Long enough for the one who was named to speak up."""
        self._window = None
        if self.connected and self.remote[1] and not self._has_heard(self):
            self._look_for(self.remote)

    def aim_nowhere(self) -> None:
        """Send nothing until the next `aim`."""
        self._go_to(NOWHERE)

    def send(self, packet: bytes) -> bool:
        """Send one packet of a socket that is not connected. Returns whether it left."""
        try:
            self.socket.sendto(packet, self.remote)
        except OSError:
            return False
        return True

    def open_rtcp(self, opened: socket.socket) -> None:
        """Reports come and go by this socket, bound to the port above that of RTP (RFC 3550 §11)."""
        self._rtcp = _Reader(opened, self._report_received)
        self._reactor.addReader(self._rtcp)

    @property
    def has_rtcp(self) -> bool:
        """Whether the reports have their socket."""
        return self._rtcp is not None

    def send_report(self, report: bytes) -> None:
        """To the port above the one that RTP goes to."""
        if self._rtcp is not None and self.remote[1]:
            try:
                self._rtcp.socket.sendto(report, (self.remote[0], self.remote[1] + 1))
            except OSError:
                return

    def close(self) -> None:
        """Close what is open but the RTP socket, which is the pool's."""
        self.closed = True
        self._stop_latching()
        if self._rtcp is not None:
            if self.reporting is not None:
                self.send_report(self.reporting.goodbye())
            self._reactor.removeReader(self._rtcp)
            self._rtcp.socket.close()
            self._rtcp = None

    def let_go(self) -> None:
        """Know nobody any more: a report may still be due of a call that has ended, which shall not stay for that."""
        self.owner = self.circuit = self.agreed = self.reporting = None

    def _connect(self, remote: Address) -> None:
        latched = self.is_latching
        self._stop_latching()
        self.socket.connect(remote)
        self.connected = True
        if latched:
            self._take_what_came_before(remote)
        self._go_to(remote)

    def _take_what_came_before(self, remote: Address) -> None:
        """What is in the socket already may be from anybody; what comes from now on is not."""
        while True:
            try:
                datagram, source = self.socket.recvfrom(DATAGRAM_OCTETS)
            except BlockingIOError:
                return
            except OSError:
                continue
            if source[:2] == remote:
                self._heard(self, datagram)

    def _go_to(self, remote: Address) -> None:
        self.remote = remote
        self._aimed(self)

    def _received(self, datagram: bytes, source: Address) -> None:
        latch, now_s = self._latch, self._reactor.seconds()
        assert latch is not None
        if not self._expected:
            latch.extend(now_s)
        if self.closed or not latch.packet_received(source, now_s):
            return
        self._heard(self, datagram)
        if latch.state is LatchState.CONFIRMED:
            self._settle()
        elif self.remote not in (NOWHERE, latch.source):
            self._go_to(latch.source)

    def _begin_window(self) -> None:
        if self._expected and self._window is None:
            self._window = self._reactor.callLater(self._settings.latch.window_s, self._window_is_over)

    def _window_is_over(self) -> None:
        """Whoever was heard is heard from now on; nobody: the negotiated one."""
        self._window = None
        self._settle()

    def _settle(self) -> None:
        latch = self._latch
        assert latch is not None
        try:
            self._connect(latch.source)
        except OSError:
            self.aim_nowhere()

    def _stop_latching(self) -> None:
        if self._window is not None:
            self._window.cancel()
            self._window = None
        if self._reader is not None:
            reader, self._reader = self._reader, None
            self._reactor.removeReader(reader)

    def _report_received(self, datagram: bytes, source: Address) -> None:
        if self.reporting is not None and source[0] == self.remote[0]:
            self.reporting.received(datagram, self._reactor.seconds(), self.wallclock_s())

    @staticmethod
    def wallclock_s() -> float:
        """Seconds since 1970, for reports."""
        return time.time()
