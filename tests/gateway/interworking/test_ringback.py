"""Ringback has exactly one owner at every moment."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.core.effects import Outbox, Record
from gateway.interworking.ringback import RingbackOwner

INPUTS = ("subscriber_free", "in_band", "over")


def owner_after(*inputs: str) -> tuple[str, list[str]]:
    outbox = Outbox()
    ringback = RingbackOwner("call-1", outbox)
    for name in inputs:
        getattr(ringback, name)()
    decisions = [str(effect.decision) for effect in outbox.drain() if isinstance(effect, Record)]
    return ringback.owner, decisions


def test_a_180_lets_the_phone_ring() -> None:
    owner, decisions = owner_after("subscriber_free")
    assert owner == "the caller's phone"
    assert decisions == ["ringback: the caller's phone owns ringback [RFC 3398 §7.2.6]"]


def test_in_band_media_takes_ringback_from_the_phone() -> None:
    owner, decisions = owner_after("subscriber_free", "in_band")
    assert owner == "the network"
    assert decisions[-1].endswith("[RFC 3960 §3.2]")


def test_ringback_never_goes_back_to_the_phone() -> None:
    assert owner_after("in_band", "subscriber_free")[0] == "the network"


def test_after_the_answer_nobody_rings() -> None:
    assert owner_after("in_band", "over", "subscriber_free", "in_band")[0] == "nobody"


@pytest.mark.parametrize("inputs", list(product(INPUTS, repeat=4)))
def test_every_order_of_inputs_leaves_one_owner_and_no_decision_without_a_change(inputs: tuple[str, ...]) -> None:
    owner, decisions = owner_after(*inputs)
    assert owner in {"nobody", "the caller's phone", "the network"}
    assert len(decisions) == len(set(decisions)) <= 2
    if "over" in inputs:
        assert owner == "nobody"
