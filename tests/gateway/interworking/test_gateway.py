"""Calls from the PSTN."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.gateway.interworking.conftest import Ladder


def test_an_iam_from_the_pstn_finds_nobody(ladder: Ladder) -> None:
    class Far:
        def circuit_seized(self, call: object) -> None:
            self.call = call

        def __getattr__(self, name: str) -> object:
            return lambda *arguments: told.append((name, arguments))

    from gateway.interworking.setup import SetupSettings, called_number, initial_address

    told: list[tuple[str, tuple[object, ...]]] = []
    invite = ladder.caller.compose("INVITE")
    settings = SetupSettings("1")
    far = Far()
    ladder.do(ladder.far_node.seize, far)
    ladder.do(far.call.setup, *initial_address(invite, called_number(invite, settings), settings))  # type: ignore[attr-defined]
    ladder.shows("""
        <= IAM
        . IAM from the PSTN: REL 3: no route into SIP [ITU-T Q.850]
        => REL 3
        <= RLC
    """)
    assert [name for name, _ in told] == ["released"]
    assert not ladder.left()
