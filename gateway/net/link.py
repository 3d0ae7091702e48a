"""A signalling link inside one process: what one ISUP node transfers, the other receives (ITU-T Q.704)."""

from __future__ import annotations

from collections.abc import Callable

from gateway.core.effects import Machine
from gateway.net.runner import Runner
from gateway.ss7.effects import Transfer


class InProcessLink:
    """Two ends, joined; each end's `Transfer` becomes the other's `transfer_received`.

    Args:
        runner: of the machines at both ends.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._far: dict[int, Callable[[bytes], None]] = {}

    def join(
        self,
        one: Machine,
        one_receives: Callable[[bytes], None],
        other: Machine,
        other_receives: Callable[[bytes], None],
    ) -> None:
        """Join the two nodes; `one` and `other` are the owners of their `Transfer` effects."""
        self._far[id(one)] = other_receives
        self._far[id(other)] = one_receives
        self._runner.performs(Transfer, self._transfer)

    def _transfer(self, owner: Machine | None, effect: Transfer) -> None:
        self._runner.deliver(self._far[id(owner)], effect.octets)
