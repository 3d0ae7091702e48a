"""What `bench mixed` found, as values, as a table, in words and as data."""

from __future__ import annotations

from typing import Any, Final

import attrs
from attrs import frozen
from rich.table import Table

from gateway.cli.bench.arrivals import DEFINITION, GapFigures
from gateway.cli.bench.figures import figures_table
from gateway.cli.bench.machine import Machine
from gateway.cli.bench.sipp import Load

CORES: Final = "one core: the gateway and its workers; the other: those who call and receive"


@frozen
class Side:
    """What one side did: the gateway, or the C sender and SIPp's user agent server.

    Args:
        gaps: how the packets of the held streams came.
        receiver_drops: packets that were not read in time: above 0 the receiver has spoiled the figures.
        load: the calls that came and went.
        cpu: of each process, in shares of a core, by its name.
        waited: for the core while another process had it, in shares of the time: above a hundredth or so in a process
            that has the core for itself, others are in the figures.
    """

    gaps: GapFigures
    receiver_drops: int
    load: Load
    cpu: dict[str, float]
    waited: dict[str, float]

    @property
    def cpu_share(self) -> float:
        """Of a core, all processes."""
        return sum(self.cpu.values())


@frozen
class Holding:
    """The calls that were held.

    Args:
        streams: that were asked for.
        early: of them, those that came to early media and were measured.
        refused: attempts that did not, by their status; a 503 was tried again.
        retransmissions: INVITEs that had to be sent again to place them.
        ended: calls that were ended while they were measured, by their status.
        octets_a_call: memory of the gateway and its workers for each, all included; None where there is none.
    """

    streams: int
    early: int
    refused: dict[str, int]
    retransmissions: int
    ended: dict[str, int]
    octets_a_call: float | None


@frozen
class Figures:
    """All of a run; the yardstick is None where it could not be measured, and the remark says why."""

    workers: int
    seconds: float
    holding: Holding
    gateway: Side
    yardstick: Side | None
    remark: str = ""


def table(figures: Figures) -> Table:
    """The figures, one column for each side."""
    title = f"{figures.holding.early} streams held, {figures.gateway.load.rate} calls a second beside"
    made = figures_table(f"{title}, {figures.seconds:g} s each", f"{DEFINITION}; {CORES}")
    made.add_column("")
    made.add_column("gateway" + (f", {figures.workers} workers" if figures.workers != 1 else ", 1 worker"))
    columns = [_cells(figures.gateway)]
    if figures.yardstick is not None:
        made.add_column("C sender, SIPp's server")
        columns.append(_cells(figures.yardstick))
    for name in columns[0]:
        made.add_row(name, *(cells[name] for cells in columns))
    return made


def _cells(side: Side) -> dict[str, str]:
    gaps, load = side.gaps, side.load
    first = load.progress
    missing = load.planned - load.successful
    on_time = f"{100 * gaps.on_time_share:.2f} %"
    return {
        "streams on time": on_time if gaps.held else f"[red]{on_time}[/red]",
        "|gap - 20 ms| p50": f"{gaps.p50_ms:.2f} ms",
        "  p99": f"{gaps.p99_ms:.2f} ms",
        "  max": f"{gaps.max_ms:.2f} ms",
        "packets lost": str(gaps.lost),
        "INVITE -> 18x p50": _ms(first.p50_ms),
        "           p99": _ms(first.p99_ms),
        "retransmissions": f"[red]{load.retransmissions}[/red]" if load.retransmissions else "0",
        "calls failed": f"[red]{missing}[/red] of {load.planned}" if missing else f"0 of {load.planned}",
        "of a core": f"{100 * side.cpu_share:.0f} %",
    }


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} ms"


def summary(figures: Figures) -> list[str]:
    """In words."""
    holding, gateway, yardstick = figures.holding, figures.gateway, figures.yardstick
    lines = []
    if holding.octets_a_call is not None:
        lines.append(f"memory for each call held in early media, all included: {holding.octets_a_call / 1024:.1f} KB")
    lines += [
        f"CPU, of a core: {_shares(side.cpu)}; waited for the core: {_shares(side.waited)}"
        for side in (gateway, yardstick)
        if side is not None
    ]
    if holding.early < holding.streams:
        lines.append(f"{holding.early} of {holding.streams} calls came to early media")
    lines += [f"placing them: {count} were refused by {status}" for status, count in holding.refused.items()]
    if holding.retransmissions:
        lines.append(f"placing them: {holding.retransmissions} INVITEs had to be sent again")
    lines += [f"{count} held calls were ended by {status}" for status, count in holding.ended.items()]
    lines += [f"{count} calls that came were refused by {status}" for status, count in gateway.load.refused.items()]
    for name, side in (("gateway", gateway), ("yardstick", yardstick)):
        if side is not None and side.receiver_drops:
            lines.append(
                f"{name}: the receiver dropped {side.receiver_drops} packets; its figures are not the sender's"
            )
    return lines + [figures.remark] * bool(figures.remark)


def _shares(of: dict[str, float]) -> str:
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in of.items())


def as_data(machine: Machine, figures: Figures) -> dict[str, Any]:
    """Everything, for JSON."""
    data = attrs.asdict(figures)
    for name, side in (("gateway", figures.gateway), ("yardstick", figures.yardstick)):
        if side is not None:
            data[name]["gaps"]["on_time_share"] = side.gaps.on_time_share
            data[name]["load"]["sustained"] = side.load.sustained
            data[name]["cpu_share"] = side.cpu_share
    return {"bench": "mixed", "machine": attrs.asdict(machine), "definition": DEFINITION, **data}
