"""The messages that `send` steps send; what they carry is seen in `test_called_party`, too."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.effects import Tell
from gateway.exchange.backward import backward_message
from gateway.exchange.behaviours import Send
from gateway.ss7.isup.call_indicators import BackwardCallIndicators, CalledPartyStatus


class IncomingCall:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.asked.append((name, arguments))


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        ("ACM", "address_complete"),
        ("CPG", "progress"),
        ("ANM", "answer"),
        ("CON", "connect"),
        ("SUS", "suspend"),
        ("RES", "resume"),
    ],
)
def test_each_message_is_one_request(message: str, asked: str) -> None:
    call: Any = IncomingCall()
    effect = backward_message(Send(message), call)
    assert isinstance(effect, Tell)
    effect.give()
    assert [name for name, _ in call.asked] == [asked]


def test_con_says_that_the_subscriber_is_free() -> None:
    call: Any = IncomingCall()
    effect = backward_message(Send("CON"), call)
    assert isinstance(effect, Tell)
    effect.give()
    ((_, (indicators,)),) = call.asked
    assert isinstance(indicators, BackwardCallIndicators)
    assert indicators.called_party_status == CalledPartyStatus.SUBSCRIBER_FREE


def test_rel_is_not_sent_this_way() -> None:
    call: Any = IncomingCall()
    with pytest.raises(ValueError, match="REL is not sent by a step alone"):
        backward_message(Send("REL"), call)
