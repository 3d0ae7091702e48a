"""Anything at all, in any order, at the layer: nothing is raised, and in the end nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.sip.effects import Flow
from gateway.sip.message import Request, parse_message, respond
from gateway.sip.transaction.layer import TransactionSettings

if TYPE_CHECKING:
    from tests.gateway.sip.transaction.conftest import Lab

METHODS = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO"]
VIAS = [
    "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKone",
    "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKtwo;rport",
    "SIP/2.0/UDP nat.example;branch=z9hG4bKone;maddr=192.0.2.200",
    "SIP/2.0/UDP 192.0.2.9:5070",
    "SIP/2.0/TCP 192.0.2.9:5070;branch=old",
]
STATUSES = [100, 180, 183, 199, 200, 202, 301, 404, 408, 486, 487, 503, 600]

methods = st.sampled_from(METHODS)
statuses = st.sampled_from(STATUSES)
way = st.booleans()
some = st.integers(0, 50)
edits = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 255), st.sampled_from(["put", "cut", "insert"])), max_size=6
)

steps = st.one_of(
    st.tuples(st.just("receive"), methods, st.sampled_from(VIAS), st.sampled_from(["", "ours", "other"]), way),
    st.tuples(st.just("mutated"), methods, edits, way),
    st.tuples(st.just("garbage"), st.binary(max_size=40), way),
    st.tuples(st.just("respond"), some, statuses),
    st.tuples(st.just("send"), methods, way),
    st.tuples(st.just("answered"), some, statuses, way),
    st.tuples(st.just("fail"), way),
    st.tuples(st.just("advance"), st.sampled_from([0.0, 0.1, 0.5, 3.0, 5.0, 33.0])),
)

relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def mutate(data: bytes, changes: list[tuple[int, int, str]]) -> bytes:
    """The octets with some overwritten, cut out or put in between."""
    octets = bytearray(data)
    for place, octet, how in changes:
        at = place % (len(octets) + 1)
        if how == "put":
            octets[at : at + 1] = bytes([octet])
        elif how == "cut":
            del octets[at : at + octet % 32]
        else:
            octets.insert(at, octet)
    return bytes(octets)


class Run:
    """One run of steps in one laboratory."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.requests: list[Request] = []

    def take(self, step: tuple[object, ...]) -> None:
        kind, *arguments = step
        getattr(self, str(kind))(*arguments)

    def receive(self, method: str, via: str, to_tag: str, tcp: bool) -> None:
        self.lab.receive(self.lab.octets(method, via=via, to_tag=to_tag), self.way(tcp))

    def mutated(self, method: str, changes: list[tuple[int, int, str]], tcp: bool) -> None:
        self.lab.receive(mutate(self.lab.octets(method), changes), self.way(tcp))

    def garbage(self, data: bytes, tcp: bool) -> None:
        self.lab.receive(data, self.way(tcp))

    def respond(self, which: int, status: int) -> None:
        if self.lab.user.transactions:
            transaction = self.lab.user.transactions[which % len(self.lab.user.transactions)]
            self.lab.do(transaction.respond, respond(transaction.request, status, to_tag="ours"))

    def send(self, method: str, tcp: bool) -> None:
        request = parse_message(self.lab.octets(method, without="Via"))
        assert isinstance(request, Request)
        invites = [one for one in self.requests if one.method == "INVITE"]
        cancelled = [one for one in self.requests if one.method == "CANCEL"]
        branch = invites[-1].via.branch if method == "CANCEL" and invites else None
        if branch is not None and any(one.via.branch == branch for one in cancelled):
            return
        self.requests.append(request)
        self.lab.do(self.lab.layer.send_request, request, self.way(tcp), self.lab.user, branch or "")

    def answered(self, which: int, status: int, tcp: bool) -> None:
        if self.requests:
            self.lab.receive(self.lab.response_to(self.requests[which % len(self.requests)], status), self.way(tcp))

    def fail(self, tcp: bool) -> None:
        self.lab.do(self.lab.layer.transport_failed, self.way(tcp), "port unreachable")

    def advance(self, seconds: float) -> None:
        self.lab.advance(seconds)

    def way(self, tcp: bool) -> Flow:
        return self.lab.tcp if tcp else self.lab.udp

    def end(self) -> None:
        """All that may wait without limit is given its final response; then the clock does the rest."""
        for transaction in list(self.lab.user.transactions):
            self.lab.do(transaction.respond, respond(transaction.request, 500, to_tag="ours"))
        for request in self.requests:
            for tcp in (False, True):
                if request.method == "INVITE":
                    self.lab.receive(self.lab.response_to(request, 500), self.way(tcp))
        self.lab.run_out()


@relaxed
@given(st.lists(steps, max_size=30))
def test_any_order_of_messages_timers_and_answers(
    make_lab: Callable[[TransactionSettings], Lab], taken: list[tuple[object, ...]]
) -> None:
    lab = make_lab(TransactionSettings())
    run = Run(lab)
    for step in taken:
        run.take(step)
    run.end()
    assert lab.layer.open_transactions == 0
    assert not lab.timers


@relaxed
@given(methods, edits, way)
def test_every_answer_to_a_mutated_request_is_a_response_that_can_be_read(
    make_lab: Callable[[TransactionSettings], Lab], method: str, changes: list[tuple[int, int, str]], tcp: bool
) -> None:
    lab = make_lab(TransactionSettings())
    lab.user.answers = dict.fromkeys(METHODS, 200)
    lab.receive(mutate(lab.octets(method), changes), lab.tcp if tcp else lab.udp)
    for _, octets, _ in lab.wire:
        if octets != b"\r\n":
            message = parse_message(octets)
            assert not isinstance(message, Request)
            assert message.reason.isprintable()
