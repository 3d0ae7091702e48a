"""Calls that are held: placed in turn, counted by what they come to, and asked again where refused for now."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gateway.cli.bench.held import REFUSALS_TAKEN, HeldCalls
from gateway.sdp.model import SessionDescription
from gateway.sip.message import Request, parse_message, respond

RATE = 1000
NUMBERS = ["+12125550131", "+12125550132"]


@contextmanager
def answering(statuses: Callable[[Request, int], list[int]]) -> Iterator[tuple[tuple[str, int], list[Request]]]:
    """A server that gives each request the statuses which a function of it and of the count so far says."""
    heard: list[Request] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while (received := server.recvfrom(65535))[0]:
                request = parse_message(received[0])
                assert isinstance(request, Request)
                heard.append(request)
                for status in [] if request.method == "ACK" else statuses(request, len(heard)):
                    server.sendto(respond(request, status, to_tag="far").serialize(), received[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname(), heard
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"", server.getsockname())
            thread.join()


@contextmanager
def held(remote: tuple[str, int], count: int) -> Iterator[HeldCalls]:
    """Calls, and their end."""
    calls = HeldCalls(remote, NUMBERS, [40000, 40002, 40004], count)
    try:
        yield calls
    finally:
        calls.close()


def test_numbers_and_ports_are_taken_in_turn() -> None:
    with answering(lambda request, count: [100, 183]) as (remote, heard), held(remote, 6) as calls:
        calls.place(RATE)
        assert calls.early == 6
        assert calls.ended == {}
        ports = [SessionDescription.parse(request.body).media[0].port for request in heard]
        assert ports == [40000, 40002, 40004] * 2
        assert [request.request_uri.user for request in heard] == NUMBERS * 3


def test_a_call_that_is_refused_for_now_is_placed_again() -> None:
    with answering(lambda request, count: [503] if count == 1 else [183]) as (remote, heard), held(remote, 1) as calls:
        calls.place(RATE)
        assert calls.early == 1
        assert calls.placing.refused == {"503": 1}
        first, ack, second = heard
        assert (first.method, ack.method, second.method) == ("INVITE", "ACK", "INVITE")
        assert ack.via.branch == first.via.branch != second.via.branch
        assert ack.to.tag == "far"
        assert first.call_id != second.call_id


@pytest.mark.parametrize(("status", "attempts"), [(486, 1), (503, REFUSALS_TAKEN + 1)])
def test_a_call_that_is_always_refused_is_given_up(status: int, attempts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cli.bench.held.AGAIN_AFTER_S", 0.01)
    with answering(lambda request, count: [status]) as (remote, _), held(remote, 1) as calls:
        calls.place(RATE)
        assert calls.early == 0
        assert calls.placing.refused == {str(status): attempts}


def test_an_unanswered_invite_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cli.bench.held.RETRANSMIT_AFTER_S", 0.05)
    with answering(lambda request, count: [183] if count > 1 else []) as (remote, heard), held(remote, 1) as calls:
        calls.place(RATE)
        assert calls.early == 1
        assert calls.placing.retransmissions >= 1
        assert heard[0].serialize() == heard[1].serialize()


def test_calls_that_end_while_they_are_held_are_told_by_status() -> None:
    with answering(lambda request, count: [183, 480] if count == 1 else [183]) as (remote, _), held(remote, 3) as calls:
        calls.place(RATE)
        calls.listen(1.0)
        assert calls.early == 2
        assert calls.ended == {"480": 1}


def test_an_invitation_is_a_request_like_others() -> None:
    with answering(lambda request, count: [183]) as (remote, heard), held(remote, 1) as calls:
        calls.place(RATE)
    [invite] = heard
    assert (invite.method, invite.cseq.number, invite.content_length) == ("INVITE", 1, len(invite.body))
    assert re.fullmatch(r"z9hG4bK\S+", invite.via.branch or "")
    assert "100rel" not in invite.supported
