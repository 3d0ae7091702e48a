"""What breaks in a call ends that call and leaves nothing behind; the next one is as good as ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.interworking.sip_to_pstn import clearing, establishment
from gateway.sip.dialog.server_session import ServerSession
from gateway.ss7.isup.call_indicators import BackwardCallIndicators, OptionalBackwardCallIndicators
from gateway.ss7.isup.node import Node
from gateway.ss7.isup.outgoing import OutgoingCall

if TYPE_CHECKING:
    from tests.gateway.interworking.conftest import Ladder

PLACES = [
    (establishment, "called_number"),
    (establishment, "answer"),
    (establishment, "initial_address"),
    (establishment, "rule_for"),
    (establishment, "CutThroughForward"),
    (clearing, "cause_from_reasons"),
    (Node, "seize"),
    (OutgoingCall, "setup"),
    (ServerSession, "progress"),
    (ServerSession, "answer"),
]


def break_(*arguments: object, **keywords: object) -> None:
    """What should not happen."""
    raise ArithmeticError("broken")


def go_through(ladder: Ladder, name: str) -> None:
    """A whole call, as far as it gets."""
    ladder.caller.call_id, ladder.caller.remote_tag = name, ""
    ladder.invite()
    far = getattr(ladder.far, "calls", [])
    if far:
        ladder.do(
            far[-1].address_complete, BackwardCallIndicators(), OptionalBackwardCallIndicators(in_band_information=True)
        )
        ladder.do(far[-1].answer)
    ladder.caller.request("BYE")
    for each in ladder.caller.take():
        if getattr(each, "method", "") == "BYE":
            ladder.caller.answer(each, 200)  # type: ignore[arg-type]
    far.clear()


@pytest.mark.parametrize(("place", "name"), PLACES, ids=lambda each: getattr(each, "__name__", each))
def test_nothing_is_left(ladder: Ladder, monkeypatch: pytest.MonkeyPatch, place: object, name: str) -> None:
    ladder.sim.forgives = True
    with monkeypatch.context() as patch:
        patch.setattr(place, name, break_)
        go_through(ladder, "broken")
        assert [str(each) for each in ladder.sim.mishaps] == ["broken"]
        assert not ladder.left()
    ladder.take()
    go_through(ladder, "good")
    assert "~ CIC" in ladder.take()
    assert len(ladder.sim.mishaps) == 1
    assert not ladder.left()
