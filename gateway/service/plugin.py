"""`twistd pstn-gateway`: options, and the service that they make."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import attrs
from twisted.application.service import IServiceMaker, Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.plugin import IPlugin
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError
from zope.interface import implementer

from gateway.config.settings import Settings, home_country, host_port, port_range
from gateway.config.toml import ConfigErrors, load_settings
from gateway.core.collector import let_the_collector_rest
from gateway.service.compose import Lab, compose
from tones.plan import load_plan


class Options(UsageOptions):
    """The command line of `twistd pstn-gateway`."""

    synopsis = "[options]"
    longdesc = "A PSTN behind a SIP trunk. Without options it listens on 127.0.0.1:5060 and prints what can be dialled."
    optParameters = [  # noqa: N815, RUF012  # Twisted's way
        ["config", "c", None, "a TOML file; `python -m gateway check-config FILE` tells what is wrong in it"],
        ["sip", None, None, "HOST:PORT for SIP on UDP and TCP"],
        ["rtp-ports", None, None, "FIRST-LAST, UDP ports for RTP"],
        ["country", None, None, 'the country whose national numbers are dialled without "+": us, gb, fr, de, jp, ...'],
        ["capture", None, None, "write SIP, ISUP and RTP to this pcapng file"],
    ]

    def settings(self) -> Settings:
        """What the file and the command line say.

        Raises:
            twisted.python.usage.UsageError: a mistake in either.
        """
        try:
            settings = load_settings(Path(self["config"])) if self["config"] else Settings()
        except ConfigErrors as error:
            raise UsageError(str(error)) from None
        try:
            if self["sip"]:
                settings = attrs.evolve(settings, sip=attrs.evolve(settings.sip, listen=host_port(self["sip"])))
            if self["rtp-ports"]:
                ports = port_range(self["rtp-ports"])
                settings = attrs.evolve(settings, media=attrs.evolve(settings.media, rtp_ports=ports))
            if self["country"]:
                country = home_country(self["country"])
                settings = attrs.evolve(settings, numbers=attrs.evolve(settings.numbers, country=country))
            if self["capture"]:
                settings = attrs.evolve(settings, trace=attrs.evolve(settings.trace, capture=self["capture"]))
        except ValueError as error:
            raise UsageError(str(error)) from None
        return settings

    def postOptions(self) -> None:
        """Mistakes are told before anything starts."""
        self["settings"] = self.settings()


class GatewayService(Service):
    """The laboratory as a Twisted service.

    Args:
        lab: made, not started.
    """

    name = "pstn-gateway"
    log = Logger()

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def privilegedStartService(self) -> None:
        """Take the port; where it cannot be had, say so and end."""
        try:
            self.lab.start()
        except CannotListenError as error:
            host, port = self.lab.settings.sip.listen
            sys.exit(f"pstn-gateway: SIP cannot listen on {host}:{port}: {error.socketError}; choose another by --sip")

    def startService(self) -> None:
        """Say what can be dialled."""
        let_the_collector_rest()
        super().startService()  # type: ignore[no-untyped-call]
        for line in invitation(self.lab):
            self.log.info("{line}", line=line)

    def stopService(self) -> Deferred[Any]:
        """Clear every call, then close."""
        super().stopService()  # type: ignore[no-untyped-call]
        return self.lab.stop()


def invitation(lab: Lab) -> list[str]:
    """What can be dialled, in lines."""
    host, port = lab.sip_address
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    plan = load_plan(lab.settings.numbers.country)
    code = plan.calling_codes[0]
    example = {"1": "12125550100"}.get(code, code + "555501000"[: 10 - len(code)])
    behaviours = lab.settings.exchange.behaviours
    return [
        f"SIP on UDP and TCP {where}; dial sip:+{example}@{where} (the country code chooses how it sounds, the last "
        f"two digits what happens; without + a national number of {plan.name}):",
        *(f"  ...{ending}  {behaviour.title}" for ending, behaviour in sorted(behaviours.items())),
        "  90ccc  released at once with cause ccc, 91ccc  the tone or announcement of cause ccc, then released",
    ]


@implementer(IServiceMaker, IPlugin)
class ServiceMaker:
    """What `twistd` finds."""

    tapname = "pstn-gateway"
    description = "A PSTN interworking gateway with 183 early media, and a simulated telephone network behind it."
    options = Options

    def makeService(self, options: Options) -> GatewayService:
        """A service from its options."""
        from twisted.internet import reactor

        return GatewayService(compose(options["settings"], reactor))
