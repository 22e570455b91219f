"""What a planning cycle costs, against the solver alone: ``python -m benchmarks.plan_cycle [--json]``.

For sites of growing size: `solver_s` is one pass of the linear program as the planner runs it (bring
in the numbers, solve, read the path), `bare_s` the same matrix handed to a fresh HiGHS in the same
process, `ratio` the one over the other; `cycle_s` is the whole decision (search, passes, rollouts).
Times are medians. The sites are made up from the demo site's zones with nameplate submodels: what
is measured is work, not wisdom.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import highspy
import numpy as np
import pandas as pd

from optimizer import candidates
from optimizer.identify import identify
from optimizer.identify.evidence import Origin
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.plan import compare
from optimizer.problem import PlannerSettings, Problem, Unready, pose
from optimizer.program import LinearPlan
from optimizer.static import tabulate
from optimizer.zones import ZoneModel
from plant.forecast import Band, CarbonKind, CarbonSeries, Forecast, PriceSeries
from plant.history import History
from plant.points import OwnerId, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.setpoints import LeverId
from plant.site import Equipment, EquipmentKind, Site
from plant.site_file import load_site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid

CASES = {"small": (2, 2), "medium": (16, 4), "large": (100, 8)}
START = datetime(2025, 7, 8, 12, tzinfo=UTC)


def grown(site: Site, zones: int, chillers: int) -> Site:
    """A site with copies of the demo's zones, and machines in proportion."""
    pattern = site.zones[0]
    names = [OwnerId(f"zone-{k}") for k in range(zones)]
    crahs = [e for e in site.equipment if e.zone == pattern.id]
    own = {pattern.id, *(e.id for e in crahs)}

    def renamed(name: str, k: int) -> str:
        for old in own:
            if name == old or name.startswith(f"{old}."):
                return f"z{k}-{name}"
        return name

    def rename(name: str, k: int) -> OwnerId:
        return names[k] if name == pattern.id else OwnerId(renamed(name, k))

    kept = [p for p in site.points if not _in_a_zone(site, p.owner) and not p.owner.startswith("chiller")]
    machines = [e for e in site.equipment if e.zone is None and e.kind is not EquipmentKind.CHILLER]
    scale = zones / len(site.zones)
    machines = [_scaled(e, scale) for e in machines]
    unit = next(e for e in site.equipment if e.kind is EquipmentKind.CHILLER)
    machines += [
        replace(_scaled(unit, 2 * scale / chillers), id=OwnerId(f"chiller-{k}")) for k in range(chillers)
    ]
    zone_points = [
        replace(p, id=PointId(f"z{k}-{p.id}"), owner=rename(p.owner, k), address=None)
        for k in range(zones)
        for p in site.points
        if p.owner in own
    ]
    levers = [
        replace(
            lv,
            id=LeverId(f"z{k}-{lv.id}"),
            owner=names[k],
            points=tuple(PointId(f"z{k}-{p}") for p in lv.points),
        )
        for k in range(zones)
        for lv in site.levers
        if lv.owner == pattern.id
    ]
    return replace(
        site,
        zones=tuple(replace(pattern, id=n) for n in names),
        equipment=(
            *machines,
            *(replace(e, id=rename(e.id, k), zone=names[k]) for k in range(zones) for e in crahs),
        ),
        points=(*kept, *zone_points),
        levers=(*levers, *(lv for lv in site.levers if lv.owner == "site")),
    )


def _in_a_zone(site: Site, owner: OwnerId) -> bool:
    return any(owner == z.id for z in site.zones) or any(e.id == owner and e.zone for e in site.equipment)


def _scaled(e: Equipment, scale: float) -> Equipment:
    plate = e.nameplate
    grow = {
        name: value * scale
        for name in ("capacity_kw", "power_kw", "water_flow_m3_s")
        if (value := getattr(plate, name)) is not None
    }
    return replace(e, nameplate=replace(plate, **grow))


def nameplate_model(site: Site) -> PlantModel:
    """Submodels from nameplates, taken as if they had been learned."""
    index = pd.date_range(START, periods=200, freq="300s")
    empty = History(site, 300, pd.DataFrame(index=index), pd.DataFrame(index=index))
    found = identify(empty, at=START)
    trusted = tuple(replace(e, origin=Origin.LEARNED, disqualified=()) for e in found.evidence)
    return replace(found, evidence=trusted, zones=tuple(_unlike(z, k) for k, z in enumerate(found.zones)))


def _unlike(zone: ZoneModel, number: int) -> ZoneModel:
    """A zone with laws of its own: no two are alike, so nothing can be solved once for many."""
    draw = np.random.default_rng(number).uniform(-1.0, 1.0, 5)
    air, mixing, coil, fans, lag = 1 + np.array([0.1, 0.3, 0.15, 0.2, 0.3]) * draw
    inlets, coils = zone.inlets, zone.coil
    return replace(
        zone,
        inlets=replace(
            inlets,
            coefficients=tuple(
                tuple(c * mixing * (1 + 0.05 * s) for c in row) for s, row in enumerate(inlets.coefficients)
            ),
            tau_s=inlets.tau_s * lag,
            air_kw_k=inlets.air_kw_k * air,
        ),
        coil=replace(coils, air_kw_k=coils.air_kw_k * air, ua_kw_k=coils.ua_kw_k * coil),
        fans=replace(zone.fans, coefficients=tuple(c * fans for c in zone.fans.coefficients)),
    )


def snapshot(site: Site) -> Snapshot:
    """Everything as found, racks at 19 °C and seven tenths of design load."""
    typical = {
        Quantity.INLET_TEMPERATURE: 19.0,
        Quantity.SUPPLY_AIR_TEMPERATURE: 18.0,
        Quantity.FAN_SPEED: 0.9,
        Quantity.OUTDOOR_WET_BULB: 20.0,
        Quantity.OUTDOOR_DRY_BULB: 26.0,
    }
    values = {p.id: typical[p.quantity] for p in site.points if p.quantity in typical}
    values |= {
        p.id: 0.7 * site.zone_by_id[p.owner].it_design_kw
        for p in site.points
        if p.quantity is Quantity.IT_POWER and p.owner in site.zone_by_id
    }
    values |= {point: lv.as_found for lv in site.levers for point in lv.points}
    return Snapshot(site, START, {k: Reading(k, START, v, Quality.GOOD) for k, v in values.items()})


def outlook(site: Site, hour: int) -> Forecast:
    """A daily wave of load and weather, begun at an hour of the day."""
    grid = TimeGrid(START, 900, 96)
    day = 2 * np.pi * (np.arange(96) / 96 + hour / 24)
    wave = np.sin(day)
    own = [np.random.default_rng(1000 + k).uniform(-1.0, 1.0, 2) for k in range(len(site.zones))]
    return Forecast(
        issued_at=START,
        grid=grid,
        it_reference_kw={
            z.id: Band(
                z.it_design_kw * (0.65 + 0.1 * level + 0.12 * np.sin(day + late)),
                np.full(96, 0.02 * z.it_design_kw),
            )
            for z, (level, late) in zip(site.zones, own, strict=True)
        },
        dry_bulb_c=Band(26 + 5 * wave, np.ones(96)),
        wet_bulb_c=Band(20 + 3 * wave, np.ones(96)),
        carbon=CarbonSeries(grid, 350 + 100 * wave, CarbonKind.AVERAGE, "made up", True),
        price=PriceSeries(grid, np.full(96, 0.1), site.tariff.currency, "made up"),
    )


def measure(name: str, site: Site, repeats: int) -> dict[str, float | int | str]:
    """One row of the table."""
    model, settings = nameplate_model(site), PlannerSettings()
    now = snapshot(site)
    planner = MpcPolicy(site, model, settings)
    planner.decide(now, outlook(site, 0))
    cycles, passes, bare = [], [], []
    problem = _posed(site, model, settings, now, 0)
    linear = LinearPlan.build(problem)
    _pass(linear, problem)
    for hour in range(1, repeats + 1):
        began = time.perf_counter()
        planner.decide(now, outlook(site, hour))
        cycles.append(time.perf_counter() - began)
        problem = _posed(site, model, settings, now, hour)
        around = _around(problem)
        began = time.perf_counter()
        linear.solve(problem, around)
        passes.append(time.perf_counter() - began)
        bare.append(_bare(linear))
    rows, columns = linear.matrix().num_row_, linear.matrix().num_col_
    solver_s, bare_s = float(np.median(passes)), float(np.median(bare))
    return {
        "name": name,
        "zones": len(site.zones),
        "rows": rows,
        "columns": columns,
        "ratio": solver_s / bare_s,
        "solver_s": solver_s,
        "bare_s": bare_s,
        "cycle_s": float(np.median(cycles)),
        "cycle_p95_s": float(np.percentile(cycles, 95)),
    }


def _posed(site: Site, model: PlantModel, settings: PlannerSettings, now: Snapshot, hour: int) -> Problem:
    problem = pose(site, model, settings, now, outlook(site, hour))
    if isinstance(problem, Unready):
        raise SystemExit(problem.reason)
    return problem


def _around(problem: Problem) -> np.ndarray:
    contest = compare(problem, {"optimum": candidates.optimum(problem, tabulate(problem))})
    return np.asarray(contest.paths[0])


def _pass(linear: LinearPlan, problem: Problem) -> None:
    linear.solve(problem, _around(problem))


def _bare(linear: LinearPlan) -> float:
    """Seconds of a fresh HiGHS on the matrix the planner's one now holds."""
    matrix = linear.matrix()
    began = time.perf_counter()
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.passModel(matrix)
    solver.run()
    return time.perf_counter() - began


def main() -> None:
    """Print the table, or one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cases", default="small,medium")
    parser.add_argument("--repeats", type=int, default=7)
    asked = parser.parse_args()
    demo = load_site(Path("examples/demo.yaml"))
    rows = [measure("demo", demo, asked.repeats)]
    rows += [measure(name, grown(demo, *CASES[name]), asked.repeats) for name in asked.cases.split(",")]
    if asked.json:
        print(json.dumps({"benchmark": "plan_cycle", "cases": rows}))
        return
    print(
        f"{'case':8}{'zones':>6}{'rows':>8}{'columns':>9}{'pass s':>9}{'bare s':>9}{'ratio':>7}{'cycle s':>9}"
    )
    for r in rows:
        print(
            f"{r['name']:8}{r['zones']:6}{r['rows']:8}{r['columns']:9}{r['solver_s']:9.3f}{r['bare_s']:9.3f}"
            f"{r['ratio']:7.2f}{r['cycle_s']:9.3f}"
        )


if __name__ == "__main__":
    main()
