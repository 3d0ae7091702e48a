"""A gateway and its exchange as `twistd` runs them, with one more UDP port: ISUP octets go in, figures come out.

    python running_lab.py --sip HOST:PORT --rtp-ports A-B --capture FILE

On HOST:PORT+1: `gateway OCTETS` and `exchange OCTETS` are given to that node as if the link had brought them; `reset`
resets every circuit from both ends; `figures` is answered with what is in use, as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.protocol import DatagramProtocol
from twisted.python import log

from gateway.service.compose import Lab, compose
from gateway.service.plugin import Options

reactor: Any = installed


class Door(DatagramProtocol):
    """The other port."""

    transport: Any

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.isup_messages = 0

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        lab, (word, _, octets) = self._lab, datagram.partition(b" ")
        if word == b"figures":
            self.transport.write(json.dumps(self.figures()).encode(), addr)
        elif word == b"reset":
            for cic in lab.node.circuits:
                lab.runner.deliver(lab.exchange_node.unblock, cic)
                lab.runner.deliver(lab.exchange_node.reset, cic)
                lab.runner.deliver(lab.node.reset, cic)
            self.transport.write(b"done", addr)
        else:
            self.isup_messages += 1
            node = lab.node if word == b"gateway" else lab.exchange_node
            lab.runner.deliver(node.transfer_received, octets)

    def figures(self) -> dict[str, int]:
        """What is in use, and what went wrong."""
        lab = self._lab
        circuits = len(lab.node.circuits)
        return {
            "calls": len(lab.gateway.calls),
            "sessions": lab.user_agent.open_sessions,
            "transactions": lab.layer.open_transactions,
            "gateway's circuits": circuits - len(lab.node.idle_circuits),
            "exchange's circuits": circuits - len(lab.exchange_node.idle_circuits),
            "RTP ports": lab.media.ports_in_use,
            "bearers": lab.media.circuits_in_use,
            "timers": lab.runner.running_timers,
            "connections": len(lab.transport.connections),
            "mishaps": lab.runner.mishaps,
            "ISUP messages": self.isup_messages,
        }


def main() -> None:
    """Run until SIGTERM."""
    log.startLogging(sys.stdout, setStdout=False)  # type: ignore[no-untyped-call]
    options: Any = Options()  # type: ignore[no-untyped-call]
    options.parseOptions(sys.argv[1:])
    lab = compose(options["settings"], reactor)
    lab.start()
    host, port = lab.sip_address
    reactor.listenUDP(port + 1, Door(lab), interface=host, maxPacketSize=65535)
    reactor.addSystemEventTrigger("before", "shutdown", lab.stop)
    reactor.run()


if __name__ == "__main__":
    main()
