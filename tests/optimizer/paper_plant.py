"""A plant whose laws are round numbers, so that what the optimizer makes of them can be reckoned on paper.

Its four zones are alike. Each has two inlets, half a kelvin apart until recirculation sets in:

    servers   2 kW a kelvin above 24 °C (mean of the inlets); fans 8 r³ kW; air 40 r kW/K
    inlet 1   supply + 0.5 + 0.1 d        inlet 2   supply + 0.1 d + 0.5 (d − 8)⁺,   d = IT / (40 r)
    lag       a quarter of a difference is left after 900 s
    coil      counterflow, 80 kW/K of water, 60 kW/K of conductance at full flow of both

and the plant room, with condenser water C, chilled water W and wet bulb B:

    load      20 + heat                   chillers   10 n + Q (0.1 + 0.002 (C − 12) + 0.002 (18 − W))
    tower     Q / (h(C + range / 2) − h(B)), at most 40 kW;  293 kW/K of water with both pumps
    pumps     5 kW + 10 kW a chiller      losses     10 kW + 4 % of IT; 1.8 L of water a kWh rejected
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
from analytic_plant import START, demo_site, outlook

from optimizer.identify.auxiliaries import CondenserPumpLaw, PolynomialLaw, WaterLaw
from optimizer.identify.chillers import ChillerLaw
from optimizer.identify.coils import CoilLaw
from optimizer.identify.crah_fans import FanLaw
from optimizer.identify.economizer import EconomizerLaw
from optimizer.identify.evidence import Coverage, Evidence, Origin
from optimizer.identify.inlets import RISE_KNOTS_K, InletLaw
from optimizer.identify.it_power import KNOTS_C, ItCurve
from optimizer.identify.staging import StagingLaw
from optimizer.identify.tower import TowerLaw
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.zones import ZoneModel
from plant.forecast import Array, Band, Forecast
from plant.plan import Plan
from plant.points import PointId
from plant.ports import Advice
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.site import Site, Zone
from plant.snapshot import Snapshot

KEEP = 0.25
"""What is left of a difference after a step of 900 s."""


def paper_zone(zone: Zone) -> ZoneModel:
    """One of the zones, all alike."""
    hinge, short = list(RISE_KNOTS_K).index(0.0), list(RISE_KNOTS_K).index(8.0)
    one, two = np.zeros((2, len(RISE_KNOTS_K) + 2))
    one[0], one[1 + hinge] = 0.5, 0.1
    two[1 + hinge], two[1 + short] = 0.1, 0.5
    fixed = tuple(0.005 if knot == 24.0 else 0.0 for knot in KNOTS_C)
    return ZoneModel(
        zone.id,
        ItCurve(400.0, 0.4, 0.6, fixed, (0.0,) * len(KNOTS_C)),
        InletLaw(
            sensors=(PointId(f"{zone.id}.inlet-1"), PointId(f"{zone.id}.inlet-2")),
            coefficients=(tuple(one), tuple(two)),
            std_k=(0.2, 0.2),
            tau_s=900.0 / np.log(1 / KEEP),
            air_kw_k=40.0,
            gain_k=Coverage("air_gain_k", 0.0, 40.0),
        ),
        CoilLaw(40.0, 80.0, 60.0, 1.0),
        FanLaw(2, (0.0, 0.0, 0.0, 4.0, 0.0)),
    )


def paper_plant(site: Site) -> PlantModel:
    """All of it, without an economizer."""
    names = (*(f"{z.id}.inlets" for z in site.zones), "coils", "tower")
    return PlantModel(
        site_id=site.id,
        learned_at=START,
        data_from=START - timedelta(days=7),
        data_until=START,
        zones=tuple(paper_zone(z) for z in site.zones),
        gains=PolynomialLaw(1000.0, (20.0, 1000.0)),
        chillers=ChillerLaw((10.0, 0.1, 0.02, 0.0, 0.02, 0.0, 0.0), StagingLaw(2, 800.0)),
        economizer=EconomizerLaw(False, 0.7, 0.0, 100.0, False, 3.0, 1.0),
        tower=TowerLaw(40.0, 293.0, (0.0, 1.0, 1.0)),
        chw_pump=PolynomialLaw(400.0, (5.0,)),
        cw_pump=CondenserPumpLaw((0.0, 10.0, 0.0, 0.0), 20.0),
        it_meter=PolynomialLaw(1000.0, (0.0, 1000.0)),
        losses=PolynomialLaw(1000.0, (10.0, 40.0)),
        water=WaterLaw(1.8, 0.0),
        evidence=tuple(Evidence(n, Origin.LEARNED, 500, 0.1, 0.01, 0.0) for n in names),
    )


def standing(site: Site, inlet_c: float = 22.0) -> Snapshot:
    """The site as found: every lever at its place, every inlet alike, supply air and fans unknown."""
    values = {p: lever.as_found for lever in site.levers for p in lever.points}
    values |= {p.id: inlet_c for p in site.points_with(Quantity.INLET_TEMPERATURE)}
    readings = {p: Reading(PointId(p), START, v, Quality.GOOD) for p, v in values.items()}
    return Snapshot(site, START, readings)


def paper_problem(it_kw: float, wet_c: float = 20.0, site: Site | None = None) -> Problem:
    """A day in which each zone is asked for ``it_kw`` and nothing changes; nothing is kept for trips."""
    site = site or quiet_site()
    forecast = paper_day(site, np.full(96, it_kw), wet_c)
    posed = pose(site, paper_plant(site), PlannerSettings(), standing(site), forecast)
    assert isinstance(posed, Problem), posed
    return posed


def path(problem: Problem, supply_c: float, speed: float, chw_c: float, cw_c: float) -> Array:
    """Every lever at one place all day. Shape (steps, axes)."""
    zones = len(problem.site.zones)
    stands = [*[supply_c] * zones, *[speed] * zones, chw_c, cw_c]
    return np.tile(stands, (problem.grid.steps, 1))


def paper_day(site: Site, it_kw: Array, wet_c: float = 20.0) -> Forecast:
    """The forecast of a known day: each zone asks for ``it_kw`` (steps,), and nothing else changes."""
    flat = outlook(site, START, wet_c=wet_c, steps=len(it_kw))
    return replace(flat, it_reference_kw={z.id: Band(it_kw, np.zeros(len(it_kw))) for z in site.zones})


def limited(site: Site, recommended_c: float) -> Site:
    """The same site with other inlet limits: a plan stays half a kelvin below them, and 0.4 K for doubt."""
    limits = [replace(z.limits, recommended_max_c=recommended_c) for z in site.zones]
    zones = tuple(replace(z, limits=each) for z, each in zip(site.zones, limits, strict=True))
    return replace(site, zones=zones)


def ranged(site: Site, name: str, **changes: float) -> Site:
    """The same site with other numbers for the levers whose names end like this."""
    levers = tuple(replace(lv, **changes) if lv.id.endswith(name) else lv for lv in site.levers)  # type: ignore[arg-type]
    return replace(site, levers=levers)


def quiet_site() -> Site:
    """The demo's site; nothing is kept for trips, so that a test sees one thing."""
    site = demo_site()
    return replace(site, safety=replace(site.safety, n_minus_one=()))


def planned(
    site: Site, forecast: Forecast, snapshot: Snapshot | None = None, settings: PlannerSettings | None = None
) -> Plan:
    """What the planner makes of it."""
    answer = MpcPolicy(site, paper_plant(site), settings).decide(snapshot or standing(site), forecast)
    assert isinstance(answer, Advice), answer
    assert answer.plan is not None
    return answer.plan
