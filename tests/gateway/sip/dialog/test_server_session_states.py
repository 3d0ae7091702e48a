"""Every input in every state of a called session (RFC 5407 figure 1 and what it leaves out): nothing surprises it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.sip.dialog.reliable import Provisional
from gateway.sip.dialog.server_session import ServerSession, ServerSessionInputs
from gateway.sip.transaction.user import ServerTransaction
from tests.gateway.sip.dialog.ladder import ANSWER, SUPPORTED, Asked, Ladder


def _preparative(ladder: Ladder) -> ServerSession:
    return ladder.call(headers=SUPPORTED)


def _early(ladder: Ladder) -> ServerSession:
    session = ladder.call(headers=SUPPORTED)
    ladder.do(session.progress, 183, sdp=ANSWER)
    return session


def _accepting(ladder: Ladder) -> ServerSession:
    session = _early(ladder)
    ladder.do(session.answer)
    return session


def _moratorium(ladder: Ladder) -> ServerSession:
    session = ladder.call()
    ladder.do(session.answer, ANSWER)
    return session


def _hanging_up(ladder: Ladder) -> ServerSession:
    session = _moratorium(ladder)
    ladder.do(session.bye)
    return session


def _mortal(ladder: Ladder) -> ServerSession:
    session = ladder.established()
    ladder.do(session.bye)
    return session


def _rejected(ladder: Ladder) -> ServerSession:
    session = _early(ladder)
    ladder.do(session.reject, 486)
    return session


def _morgue(ladder: Ladder) -> ServerSession:
    session = ladder.call()
    ladder.do(session.reject, 486)
    return session


STATES: dict[str, Callable[[Ladder], ServerSession]] = {
    "Preparative": _preparative,
    "Early": _early,
    "Accepting": _accepting,
    "Moratorium": _moratorium,
    "HangingUp": _hanging_up,
    "Established": Ladder.established,
    "Mortal": _mortal,
    "Rejected": _rejected,
    "Morgue": _morgue,
}
INPUTS = [name for name in vars(ServerSessionInputs) if not name.startswith("_")]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", INPUTS)
def test_no_input_surprises_in_any_state(state: str, name: str) -> None:
    ladder = Ladder()
    session = STATES[state](ladder)
    assert session.state == state
    transaction: ServerTransaction = Asked(
        ladder.alice.compose("BYE" if name == "bye_received" else "INFO"), session.flow
    )
    arguments: dict[str, tuple[object, ...]] = {
        "progress": (Provisional(180),),
        "answer": (ANSWER, ()),
        "answer_withheld": (ANSWER, ()),
        "reject": (486, "", ()),
        "bye": ((),),
        "send": ("INFO", (), b"x", "text/plain"),
        "cancel_received": ((),),
        "bye_received": (transaction,),
        "request_received": (transaction, session._dialog),
        "ack_received": (b"",),
    }
    ladder.do(getattr(session._inputs, name), *arguments.get(name, ()))
    assert session.state in STATES
    assert isinstance(transaction, Asked)
    if name == "bye_received":
        assert transaction.answers == [481 if state in ("Preparative", "Morgue") else 200]
    elif name == "request_received" and state in ("Preparative", "HangingUp", "Mortal", "Rejected", "Morgue"):
        assert transaction.answers == [481]
    # The wind-up: whatever happened, nothing is left at the end.
    ladder.do(session.bye)
    ladder.rest()
    assert session.state == "Morgue"
