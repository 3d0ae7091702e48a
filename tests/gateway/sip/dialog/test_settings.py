from __future__ import annotations

import pytest

from gateway.sip.dialog.settings import Reliability, UserAgentSettings
from gateway.sip.effects import Flow, Transport

UDP = Flow(Transport.UDP, ("192.0.2.1", 5062), ("192.0.2.2", 5060))
TCP = Flow(Transport.TCP, ("192.0.2.1", 5062), ("192.0.2.2", 5060), 3)


def settings(contact_uri: str = "", reliability: Reliability = Reliability.WHEN_SUPPORTED) -> UserAgentSettings:
    return UserAgentSettings(random_int=lambda least, most: least, contact_uri=contact_uri, reliability=reliability)


class TestContact:
    """RFC 3261 §12.1.1."""

    def test_without_a_uri_it_is_the_local_address(self) -> None:
        assert settings().contact(UDP) == "<sip:192.0.2.1:5062>"

    @pytest.mark.clause("RFC 3261", "8.1.1.8")
    def test_a_dialog_over_tcp_stays_there(self) -> None:
        assert settings("sip:gw@192.0.2.1").contact(TCP) == "<sip:gw@192.0.2.1;transport=tcp>"
        assert settings("sip:gw@192.0.2.1;transport=udp").contact(TCP) == "<sip:gw@192.0.2.1;transport=udp>"
        assert settings("sip:gw@192.0.2.1").contact(UDP) == "<sip:gw@192.0.2.1>"


class TestCapabilities:
    """RFC 3261 §20.5, §20.37."""

    def test_allow_and_supported(self) -> None:
        assert settings().capabilities == (
            ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE"),
            ("Supported", "100rel"),
        )

    def test_without_100rel_nothing_is_supported(self) -> None:
        assert [name for name, _ in settings(reliability=Reliability.NEVER).capabilities] == ["Allow"]


def test_intervals_are_positive() -> None:
    with pytest.raises(ValueError, match="progress_interval_s"):
        UserAgentSettings(random_int=lambda least, most: least, progress_interval_s=0)
