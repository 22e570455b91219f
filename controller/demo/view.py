"""The demo on a terminal: temperatures against limits, power, the proposal and why, what was saved."""

from __future__ import annotations

import asyncio
import math

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from controller.proposal_record import Proposal
from controller.service import Service
from controller.status import Saving, SiteStatus
from plant.quantities import FACTS

REFRESH_S = 0.5


async def show(service: Service, console: Console, footer: str) -> None:
    """Draw until the service is stopping."""
    with Live(console=console, auto_refresh=False, screen=False) as live:
        while not service.stopping.is_set():
            live.update(_page(service, footer), refresh=True)
            try:
                await asyncio.wait_for(service.stopping.wait(), REFRESH_S)
            except TimeoutError:
                continue


def _page(service: Service, footer: str) -> RenderableType:
    status = service.status()
    if status is None:
        return Text("waiting for the plant's first readings")
    parts = service.controller.parts
    pending = parts.authority.desk.pending(parts.clock.now())
    return Group(
        _header(status),
        _zones(status),
        _proposal(service, pending, status),
        _saving(status.saving),
        Text(footer, style="dim"),
    )


def _header(status: SiteStatus) -> RenderableType:
    stopped = f"  STOPPED by {status.stopped}" if status.stopped else ""
    return Text.assemble(
        (f"{status.site}  ", "bold"),
        f"{status.at:%Y-%m-%d %H:%M} UTC (simulated)   ",
        (f"mode {status.mode}{stopped}   ", "yellow" if status.stopped else "cyan"),
        f"facility {_n(status.facility_kw)} kW   IT {_n(status.it_kw)} kW   "
        f"cooling {_n(status.cooling_kw)} kW",
    )


def _zones(status: SiteStatus) -> RenderableType:
    table = Table(expand=False, title="Rack inlets against their limits", title_justify="left")
    for name in ("zone", "worst inlet °C", "limit °C", "margin K", "supply air °C", "IT kW", "sensors"):
        table.add_column(name, justify="left" if name == "zone" else "right")
    for zone in status.zones:
        margin = zone.recommended_max_c - zone.worst_inlet_c
        color = "red" if not margin > 0 else "yellow" if margin < 1 else "green"
        table.add_row(
            zone.zone,
            Text(_n(zone.worst_inlet_c, 1), style=color),
            _n(zone.recommended_max_c, 1),
            Text(_n(margin, 1), style=color),
            _n(zone.supply_air_c, 1),
            _n(zone.it_kw),
            f"{zone.sensors_usable}/{zone.sensors}",
        )
    return table


def _proposal(service: Service, pending: Proposal | None, status: SiteStatus) -> RenderableType:
    counts = service.controller.parts.authority.desk.counts()
    so_far = ", ".join(f"{n} {s}" for s, n in counts.items()) or "none yet"
    if pending is None:
        return Panel(f"{status.plan}\nproposals so far: {so_far}", title="No proposal is waiting")
    levers = service.controller.parts.site.lever_by_id
    moves = "\n".join(
        f"  {name}: {change.before:g} → {change.after:g} {FACTS[levers[name].quantity].inside_unit}"
        for name, change in pending.changes.items()
    )
    warmest = max((i.after_c for i in pending.inlets if i.after_c == i.after_c), default=math.nan)
    effect = pending.effect
    synthetic = " (synthetic carbon data)" if effect.carbon_synthetic else ""
    return Panel(
        f"{pending.reason}\n{moves}\n"
        f"expected: {_n(effect.power_kw.value, 1, sign=True)} kW over the next hour, "
        f"{_n(effect.carbon_kg.value, 1, sign=True)} kg CO2e{synthetic}, "
        f"{_n(effect.cost.value, 2, sign=True)} {effect.currency}; warmest inlet then {_n(warmest, 1)} °C\n"
        f"proposals so far: {so_far}",
        title=f"Proposal {pending.id} is waiting for an operator",
        border_style="yellow",
    )


def _saving(saving: Saving | None) -> RenderableType:
    if saving is None:
        return Panel("the first accounted interval has not closed yet", title="Saved so far")
    synthetic = ", synthetic carbon data" if saving.carbon_synthetic else ""
    return Panel(
        f"{_n(saving.facility_kwh)} kWh   {_n(saving.carbon_kg)} kg CO2e{synthetic}   "
        f"{_n(saving.cost, 2)} {saving.currency}   {_n(saving.water_l)} L water\n"
        f"since {saving.since:%Y-%m-%d %H:%M} UTC, against: {saving.baseline} (negative is a loss)",
        title="Saved so far",
    )


def _n(value: float, digits: int = 0, *, sign: bool = False) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:{'+' if sign else ''},.{digits}f}"
