"""How much of what could be saved does mpc save? Against trim-and-respond, and against a ceiling.

    python -m benchmarks.savings [--json] [--days 7] [--climates tampa,…] [--seasons 1,4,7,10] [--workers 2]

It takes hours. With ``--into FOLDER`` every run is kept there, and who asks again goes on from there.

For each climate and season the simulator makes days of history, the plant is learned from that
telemetry alone, and fixed setpoints, trim-and-respond and mpc run the same days; fixed and mpc through
the production cycle (``--quick``: the bare policies in a loop). The ceiling has a perfect forecast and a
perfect model: the day's true weather and work, and the simulator itself, searched as a black box
(`benchmarks.ceiling`). It keeps the same ranges, ramps and planning limit of the true inlets, but no
margin for uncertainty, no resolution of registers, and pays no wear: it is a little out of anybody's reach.

The site file demands room for a trip, so trim-and-respond, mpc and the ceiling all keep it
(`controller.room_keeper`). Trim-and-respond runs once more and keeps none, which is cheaper and fails
trips; with ``--without-room`` so do mpc and the ceiling.

The flat signal has the solar grid's mean carbon at all hours. Under the solar signal, "mpc (energy only)"
is the mpc that saw the flat one: what the carbon-aware one does better is what carbon-awareness adds.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.ceiling import Effort
from benchmarks.savings_cell import CEILING, ENERGY_ONLY, NO_ROOM, RIVAL, Asked, run_cell
from benchmarks.savings_kept import claim, slug
from benchmarks.savings_record import PARTS, Recorded, Row
from plant.errors import ConfigError

CLIMATES = {"las-vegas": "hot-dry", "tampa": "hot-humid", "san-francisco": "mild"}
SEASONS = (1, 4, 7, 10)
_QUICK = Effort(each_start=30, best=150)


@dataclass(frozen=True)
class Folders:
    """Where runs are kept to go on from, and trajectories to look at; None for not at all."""

    into: Path | None
    traces: Path | None


def campaign(asked: Asked, cells: Sequence[tuple[str, int]], workers: int, folders: Folders) -> list[Row]:
    """Every cell, each in one process; progress on standard error."""
    rows: list[Row] = []
    with ProcessPoolExecutor(workers) as pool:
        running = {pool.submit(_cell, asked, climate, month, folders): 0 for climate, month in cells}
        for count, done in enumerate(as_completed(running), 1):
            rows += done.result()
            say(f"[{count}/{len(cells)}]")
    return rows


def _cell(asked: Asked, climate: str, month: int, folders: Folders) -> list[Row]:
    rows, runs = run_cell(asked, climate, month, say, folders.into)
    if folders.traces is not None:
        for name, run in runs.items():
            _keep(folders.traces / f"{climate}-{month}-{slug(name)}.npz", run)
    return rows


def _keep(file: Path, run: Recorded) -> None:
    """A run's trajectories, for whoever wants to know why."""
    np.savez_compressed(
        file, paths=np.stack(run.paths), amounts=np.stack(run.amounts),
        inlets=np.stack(run.inlets).max(axis=-1), running=np.stack(run.running), parts=np.stack(run.parts),
    )  # fmt: skip


# -- the figures -------------------------------------------------------------------------------------


def of(rows: Iterable[Row], policy: str, signal: str = "flat") -> list[Row]:
    """A policy's rows under a signal."""
    return [r for r in rows if r.policy == policy and r.signal == signal]


def captured(rows: Sequence[Row], signal: str = "flat", figure: str = "cost", ending: str = "") -> float:
    """Share of the gap between trim-and-respond and the ceiling that mpc captures, summed over cells.

    ``ending`` tells those apart that kept no room for a trip. A search may end above what mpc did: then mpc
    is the best that anybody found.
    """
    found = [of(rows, p + ending, signal) for p in (RIVAL, "mpc", CEILING)]
    by_cell = [{(r.climate, r.season): float(getattr(r, figure)) for r in each} for each in found]
    rivals, mpcs, ceilings = by_cell
    if not all(by_cell):
        return float("nan")
    gained = sum(rivals.values()) - sum(mpcs.values())
    gap = sum(rivals.values()) - sum(min(cost, mpcs[cell]) for cell, cost in ceilings.items())
    return gained / gap if gap > 0 else float("nan")


def told_share(rows: Sequence[Row], *of_what: str, **how: str) -> float | None:
    """`captured`; None where one of the three was not run."""
    share = captured(rows, *of_what, **how)
    return share if share == share else None


def report(rows: Sequence[Row], days: int) -> dict[str, object]:
    """All figures, for machines."""
    cells = sorted({(r.climate, r.season) for r in rows})
    by_cell = {" ".join(c): told_share([r for r in rows if (r.climate, r.season) == c]) for c in cells}
    aware, blind = of(rows, "mpc", "solar"), of(rows, ENERGY_ONLY, "solar")
    adds = None
    if aware:
        adds = {
            "carbon_kg": sum(r.carbon_kg for r in blind) - sum(r.carbon_kg for r in aware),
            "carbon_share": 1 - sum(r.carbon_kg for r in aware) / sum(r.carbon_kg for r in blind),
            "cost": sum(r.cost for r in blind) - sum(r.cost for r in aware),
        }
    return {
        "captured_share": told_share(rows),
        "captured_share_facility": told_share(rows, figure="facility_kwh"),
        "captured_share_solar": told_share(rows, "solar"),
        "captured_share_without_room": told_share(rows, ending=NO_ROOM),
        "captured_by_cell": by_cell,
        "violation_minutes": sum(r.violation_minutes for r in rows if r.policy.startswith("mpc")),
        "carbon_awareness_adds": adds,
        "days": days,
        "rows": [asdict(r) for r in rows],
    }


def table(rows: Sequence[Row], signal: str) -> str:
    """For people: Markdown."""
    lines = [
        "| climate | season | policy | facility kWh | cooling kWh | IT kWh | carbon kg | cost | water m³ "
        "| to T&R | to T&R, no room | captured | warmest °C | viol. min | after a trip °C | trips survived "
        "| moves | starts |",
        "|" + " --- |" * 3 + " ---: |" * 15,
    ]
    for r in (r for r in rows if r.signal == signal):
        cell = [x for x in rows if (x.climate, x.season) == (r.climate, r.season)]
        ending = NO_ROOM if r.policy.endswith(NO_ROOM) else ""
        rival = of(cell, RIVAL + ending, signal)[0].cost
        gambler = of(cell, RIVAL + NO_ROOM)
        against = f"{r.cost / gambler[0].cost - 1:+.2%}" if gambler and signal == "flat" else "–"
        share = f"{captured(cell, signal, ending=ending):.0%}" if r.policy == "mpc" + ending else ""
        lines.append(
            f"| {r.climate} ({CLIMATES.get(r.climate, '–')}) | {r.season} | {r.policy} "
            f"| {r.facility_kwh:,.0f} | {r.cooling_kwh:,.0f} | {r.it_kwh:,.0f} | {r.carbon_kg:,.0f} "
            f"| {r.cost:,.2f} | {r.water_l / 1000:,.1f} | {r.cost / rival - 1:+.2%} | {against} | {share} "
            f"| {r.worst_inlet_c:.2f} | {r.violation_minutes:.0f} | {told(r.warmest_after_trip_c, '.1f')} "
            f"| {told(r.trips_survived, '.0%')} | {r.moves} "
            f"| {r.chiller_starts + r.economizer_starts} |"
        )
    return "\n".join(lines)


def told(value: float | None, form: str) -> str:
    """A figure as it is printed; a dash where there is none."""
    return "–" if value is None else format(value, form)


def parts_table(rows: Sequence[Row]) -> str:
    """Where the energy goes, and where the levers stood on average."""
    levers = list(rows[0].mean_setpoints) if rows else []
    lines = [
        f"| climate | season | policy | {' | '.join(PARTS)} | chiller h | econ. h | {' | '.join(levers)} |",
        "|" + " --- |" * 3 + " ---: |" * (len(PARTS) + 2 + len(levers)),
    ]
    for r in (r for r in rows if r.signal == "flat"):
        spent = " | ".join(f"{r.parts_kwh[p]:,.0f}" for p in PARTS)
        stood = " | ".join(f"{r.mean_setpoints[v]:.2f}" for v in levers)
        lines.append(
            f"| {r.climate} | {r.season} | {r.policy} | {spent} "
            f"| {r.chiller_hours:.1f} | {r.economizer_hours:.1f} | {stood} |"
        )
    return "\n".join(lines)


def inlet_table(rows: Sequence[Row]) -> str:
    """Hours of the mean rack group by inlet temperature, summed over the cells, by policy."""
    flat = [r for r in rows if r.signal == "flat"]
    policies = list(dict.fromkeys(r.policy for r in flat))
    bins = sorted({float(b) for r in flat for b in r.inlet_hours})
    lines = [f"| inlet from °C | {' | '.join(policies)} |", "| ---: |" + " ---: |" * len(policies)]
    for low in bins:
        hours = [sum(r.inlet_hours.get(f"{low:.1f}", 0.0) for r in of(flat, p)) for p in policies]
        lines.append(f"| {low:.1f} | {' | '.join(f'{h:.1f}' for h in hours)} |")
    return "\n".join(lines)


def all_tables(rows: Sequence[Row], days: int) -> str:
    """Every table and the figures below them."""
    figures = report(rows, days)
    parts = [table(rows, "flat"), parts_table(rows), inlet_table(rows)]
    if of(rows, "mpc", "solar"):
        parts.append("Solar-grid carbon signal\n\n" + table(rows, "solar"))
        parts.append(f"carbon-awareness adds {json.dumps(figures['carbon_awareness_adds'])}")
    parts.append(
        f"{days} day(s) a season: mpc captures {captured(rows):.0%} of the gap in cost "
        f"({captured(rows, figure='facility_kwh'):.0%} in facility energy; goal 80 %), "
        f"{figures['violation_minutes']:.0f} minutes above the recommended maximum (goal 0)"
    )
    return "\n\n".join(parts)


def say(text: str) -> None:
    """Progress, apart from the result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--site", type=Path, default=Path("examples/demo.yaml"))
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--climates", default=",".join(CLIMATES))
    parser.add_argument("--seasons", default=",".join(map(str, SEASONS)), help="months by number")
    parser.add_argument("--cycle-s", type=float, default=300.0)
    parser.add_argument("--as-found-days", type=float, default=8.0)
    parser.add_argument("--excitation-days", type=float, default=4.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="policies without the production cycle around them, and a shorter search",
    )
    parser.add_argument("--no-solar", action="store_true", help="leave out the solar carbon signal")
    parser.add_argument("--without-room", action="store_true", help="also mpc and the ceiling with no room")
    parser.add_argument("--into", type=Path, help="a folder in which runs are kept, and found again")
    parser.add_argument("--traces", type=Path, help="a folder for trajectories (npz)")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Run the campaign and print it."""
    o = _options()
    asked = Asked(
        o.site, o.days, o.cycle_s, o.as_found_days, o.excitation_days,
        _QUICK if o.quick else Effort(), not o.no_solar, o.without_room, not o.quick,
    )  # fmt: skip
    cells = list(product(o.climates.split(","), (int(m) for m in o.seasons.split(","))))
    if o.into is not None:
        try:
            claim(o.into, repr(replace(asked, solar=False, without_room=False)))
        except ConfigError as mistake:
            say(str(mistake))
            raise SystemExit(2) from None
    rows = campaign(asked, cells, o.workers, Folders(o.into, o.traces))
    print(json.dumps(report(rows, o.days)) if o.json else all_tables(rows, o.days))


if __name__ == "__main__":
    main()
