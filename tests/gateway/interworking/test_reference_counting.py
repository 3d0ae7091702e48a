"""Finished calls are gone at once, by reference counting alone: the garbage collector has nothing left to do."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING

import pytest

from gateway.exchange.called_party import CalledParty
from gateway.interworking.sip_to_pstn.call import Call
from gateway.sip.dialog.acceptance import Acceptance
from gateway.sip.dialog.dialog import Dialog
from gateway.sip.dialog.reliable import ReliableProvisionals
from gateway.sip.dialog.sent_request import SentRequest
from gateway.sip.dialog.session import Session
from gateway.sip.fields.memory import forget_values
from gateway.sip.message import Message
from gateway.sip.transaction.base import Transaction
from gateway.ss7.isup.incoming import IncomingCall
from gateway.ss7.isup.outgoing import OutgoingCall
from gateway.ss7.isup.release import Release

if TYPE_CHECKING:
    from tests.gateway.interworking.conftest import Ladder, World

RELIABLE = (("Supported", "100rel"),)
OF_A_CALL = (
    Call,
    Session,
    Dialog,
    Acceptance,
    ReliableProvisionals,
    SentRequest,
    Transaction,
    Message,
    IncomingCall,
    OutgoingCall,
    CalledParty,
    Release,
)
OBJECTS_TOLERATED = 10


def answered_and_hung_up(ladder: Ladder) -> None:
    ladder.invite("+12125550100")
    ladder.run(5.0)
    ladder.request("BYE")


def busy(ladder: Ladder) -> None:
    ladder.invite("+12125550102")


def heard_busy(ladder: Ladder) -> None:
    ladder.invite("+12125550103")
    ladder.run(20.0)


def early_media_and_cancelled(ladder: Ladder) -> None:
    invite = ladder.invite("+12125550101")
    ladder.run(2.0)
    ladder.caller.cancel(invite)


def hung_up_in_early_dialog(ladder: Ladder) -> None:
    ladder.invite("+12125550101")
    ladder.request("BYE")


def released_by_the_callee(ladder: Ladder) -> None:
    ladder.invite("+12125550110")
    ladder.run(1.0)
    party = next(each for each in ladder.sounding.values() if isinstance(each, CalledParty))
    ladder.sim.deliver(party.release, 16, 0)
    ladder.run(0.1)
    ladder.caller.answer(ladder.caller.got("BYE"), 200)


def released_while_the_caller_is_dead(ladder: Ladder) -> None:
    ladder.invite("+12125550110")
    ladder.run(1.0)
    ladder.sim.deliver(ladder.gateway.clear)


def never_acknowledged(ladder: Ladder) -> None:
    ladder.caller.acknowledges = False
    ladder.invite("+12125550109")
    ladder.run(40.0)
    ladder.caller.acknowledges = True


def digits_by_info(ladder: Ladder) -> None:
    ladder.invite("+12125550110")
    ladder.run(1.0)
    assert ladder.info("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n") == 200
    ladder.request("BYE")


def acknowledged_provisionally(ladder: Ladder) -> None:
    ladder.invite("+12125550100", headers=RELIABLE)
    ladder.run(1.0)
    ladder.prack()
    ladder.run(5.0)
    ladder.request("BYE")


def provisionals_never_acknowledged(ladder: Ladder) -> None:
    ladder.invite("+12125550101", headers=RELIABLE)
    ladder.run(40.0)


def held_and_retrieved(ladder: Ladder) -> None:
    ladder.invite("+12125550110")
    ladder.run(1.0)
    ladder.request("INVITE", ladder.described(direction="sendonly"))
    ladder.request("INVITE", ladder.described())
    ladder.request("BYE")


def no_codec_in_common(ladder: Ladder) -> None:
    ladder.invite("+12125550100", sdp=ladder.described("G729"))


CALLS = (
    answered_and_hung_up,
    busy,
    heard_busy,
    early_media_and_cancelled,
    hung_up_in_early_dialog,
    released_by_the_callee,
    released_while_the_caller_is_dead,
    never_acknowledged,
    digits_by_info,
    acknowledged_provisionally,
    provisionals_never_acknowledged,
    held_and_retrieved,
    no_codec_in_common,
)


@pytest.fixture
def world(ladder_world: type[World]) -> World:
    return ladder_world(far_end="exchange")


@pytest.fixture
def collector_off() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


_numbers = count(1)


def begin(ladder: Ladder) -> None:
    """The caller forgets what it knew, and what has been noted down is thrown away."""
    caller = ladder.caller
    caller.call_id, caller.remote_tag, caller.cseq = f"call-{next(_numbers)}", "", 0
    caller.received.clear()
    vars(caller).pop("invite", None)
    for noted in (ladder.sim.network.sent, ladder.sim.records, ladder.lines, ladder.decisions, ladder.connected):
        noted.clear()


def go_through(ladder: Ladder, call: Callable[[Ladder], None]) -> None:
    """One call, past the last timer."""
    begin(ladder)
    call(ladder)
    assert ladder.left() == []
    begin(ladder)


def tracked() -> int:
    forget_values()
    return len(gc.get_objects())


@pytest.mark.usefixtures("collector_off")
class TestWithTheCollectorOff:
    @pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
    def test_nothing_is_left_of_a_call(self, ladder: Ladder, call: Callable[[Ladder], None]) -> None:
        before = [weakref.ref(each) for each in gc.get_objects() if isinstance(each, OF_A_CALL)]
        known = {id(each()) for each in before}
        go_through(ladder, call)
        left = [each for each in gc.get_objects() if isinstance(each, OF_A_CALL) and id(each) not in known]
        assert Counter(type(each).__name__ for each in left) == {}

    @pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
    def test_the_number_of_objects_does_not_grow(self, ladder: Ladder, call: Callable[[Ladder], None]) -> None:
        for _ in range(3):
            go_through(ladder, call)
        before = tracked()
        for _ in range(25):  # with the thirteen kinds, 325 calls
            go_through(ladder, call)
        assert tracked() - before <= OBJECTS_TOLERATED

    @pytest.mark.parametrize("number", ["+12125550101", "+12125550110"], ids=["early media", "answered"])
    def test_what_a_held_call_costs(
        self, ladder: Ladder, number: str, record_property: Callable[[str, object], None]
    ) -> None:
        for _ in range(3):
            go_through(ladder, early_media_and_cancelled)
        before = tracked()
        ladder.invite(number)
        ladder.run(2.0)
        ladder.caller.received.clear()
        for noted in (ladder.sim.network.sent, ladder.sim.records, ladder.lines, ladder.decisions):
            noted.clear()
        objects = tracked() - before
        record_property("objects", objects)
        print(f"{objects} objects for a call held at {number}")
        assert objects <= 200
