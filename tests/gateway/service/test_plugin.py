"""`twistd pstn-gateway`: what its command line takes, what it says, and what it does when the port is taken."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import IService, IServiceMaker
from twisted.internet.error import CannotListenError
from twisted.logger import capturedLogs, formatEvent
from twisted.plugin import IPlugin, getPlugins
from twisted.python.usage import UsageError

from gateway.config.settings import Settings
from gateway.core import collector
from gateway.service import plugin
from gateway.service.plugin import GatewayService, Options, ServiceMaker, invitation

LAB = """
[sip]
listen = "127.0.0.9:5090"

[numbers]
country = "gb"
"""


def settings_of(*arguments: str) -> Settings:
    """What this command line comes to."""
    options: Any = Options()  # type: ignore[no-untyped-call]  # Twisted's
    options.parseOptions(list(arguments))
    settings: Settings = options["settings"]
    return settings


class Lab:
    """As much of one as the service asks for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sip_address = settings.sip.listen


class TestOptions:
    def test_nothing_at_all_is_the_built_in_configuration(self) -> None:
        assert settings_of() == Settings()

    def test_each_sets_its_own(self) -> None:
        settings = settings_of(
            "--sip", "127.0.0.2:5062", "--rtp-ports", "20000-20099", "--country", "fr", "--capture", "lab.pcapng"
        )
        assert settings.sip.listen == ("127.0.0.2", 5062)
        assert settings.media.rtp_ports == (20000, 20099)
        assert settings.numbers.country == "fr"
        assert settings.trace.capture == "lab.pcapng"

    def test_they_come_before_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "lab.toml").write_text(LAB)
        file = str(tmp_path / "lab.toml")
        assert settings_of("-c", file).sip.listen == ("127.0.0.9", 5090)
        assert settings_of("--config", file).numbers.country == "gb"
        both = settings_of("--config", file, "--country", "jp")
        assert (both.sip.listen, both.numbers.country) == (("127.0.0.9", 5090), "jp")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("--sip", "here"), "'here' is no address and port; write \"127.0.0.1:5060\""),
            (("--sip", "127.0.0.1:66000"), "no address and port"),
            (("--rtp-ports", "20000"), "'20000' is no range; write it \"first-last\""),
            (("--rtp-ports", "80-90"), "ports are 1024 to 65535"),
            (("--country", "atlantis"), "atlantis"),
            (("--country", "e180"), "has no country code"),
            (("--confg", "x"), "confg"),
            (("stray",), "Wrong number of arguments"),
        ],
    )
    def test_a_mistake_is_named(self, arguments: tuple[str, ...], said: str) -> None:
        with pytest.raises(UsageError) as raised:
            settings_of(*arguments)
        assert said in str(raised.value)

    def test_mistakes_in_the_file_are_named_with_line_and_key(self, tmp_path: Path) -> None:
        file = tmp_path / "lab.toml"
        file.write_text('[sip]\nlisten = "here"\n\n[isup]\nt9 = "soon"\n')
        with pytest.raises(UsageError) as raised:
            settings_of("--config", str(file))
        first, second = str(raised.value).splitlines()
        assert first.startswith(f"{file}:2: sip.listen: ")
        assert second.startswith(f"{file}:5: isup.t9: ")

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"lab\.toml"):
            settings_of("--config", str(tmp_path / "lab.toml"))


class TestService:
    def test_twistd_finds_it(self) -> None:
        (found,) = (each for each in getPlugins(IServiceMaker) if each.tapname == "pstn-gateway")
        assert isinstance(found, ServiceMaker)
        assert IPlugin.providedBy(found)

    def test_it_is_made_and_takes_no_port_yet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[Settings] = []
        monkeypatch.setattr(plugin, "compose", lambda settings, reactor: made.append(settings))
        options: Any = Options()  # type: ignore[no-untyped-call]
        options.parseOptions(["--country", "de"])
        service = ServiceMaker().makeService(options)
        assert IService.providedBy(service)
        assert [each.numbers.country for each in made] == ["de"]

    def test_a_port_that_is_taken_is_said_and_ends_it(self) -> None:
        class Taken(Lab):
            def start(self) -> None:
                host, port = self.settings.sip.listen
                raise CannotListenError(host, port, OSError(98, "Address already in use"))  # type: ignore[no-untyped-call]

        lab: Any = Taken(Settings())
        with pytest.raises(SystemExit) as raised:
            GatewayService(lab).privilegedStartService()
        said = raised.value.code
        assert isinstance(said, str)
        assert said.startswith("pstn-gateway: SIP cannot listen on 127.0.0.1:5060: [Errno 98] Address already in use")
        assert said.endswith("choose another by --sip")

    def test_starting_says_what_can_be_dialled(self) -> None:
        frozen, thresholds = gc.get_freeze_count(), gc.get_threshold()
        lab: Any = Lab(Settings())
        try:
            with capturedLogs() as logged:
                GatewayService(lab).startService()
            assert gc.get_threshold() == collector.COLLECTIONS
            assert gc.get_freeze_count() > frozen
        finally:
            gc.unfreeze()
            gc.set_threshold(*thresholds)
        assert [formatEvent(event) for event in logged] == invitation(lab)


class TestInvitation:
    def text(self, settings: Settings) -> list[str]:
        lab: Any = Lab(settings)
        return invitation(lab)

    def test_it_says_where_and_what(self) -> None:
        first, *endings, last = self.text(Settings())
        assert "SIP on UDP and TCP 127.0.0.1:5060; dial sip:+12125550100@127.0.0.1:5060" in first
        assert "without + a national number of United States" in first
        assert [line.split()[0] for line in endings] == [
            f"...{ending}" for ending in sorted(Settings().exchange.behaviours)
        ]
        assert all(len(line.split("  ", 2)[-1]) > 5 for line in endings)
        assert "90ccc" in last
        assert "91ccc" in last

    @pytest.mark.parametrize("country", ["us", "fr", "gb", "de", "jp"])
    def test_the_number_to_try_is_one_of_the_country(self, country: str) -> None:
        first = self.text(settings_of("--country", country))[0]
        number = first.split("sip:+")[1].split("@")[0]
        assert number.endswith("00")
        assert 10 <= len(number) <= 15

    def test_an_address_of_ipv6_stands_in_brackets(self) -> None:
        assert "sip:+12125550100@[::1]:5062" in self.text(settings_of("--sip", "[::1]:5062"))[0]

    def test_endings_of_the_users_own_are_listed(self, tmp_path: Path) -> None:
        (tmp_path / "lab.toml").write_text(
            '[exchange.behaviours.42]\ntitle = "my own"\nsteps = [{ send = "REL", cause = 42 }]\n'
        )
        assert "  ...42  my own" in self.text(settings_of("--config", str(tmp_path / "lab.toml")))
