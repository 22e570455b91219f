"""What a run is worth: key figures from the plant's true amounts, and the scenario's own criteria."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from controller.canonical import Json, instant
from controller.feeds import Feeds
from plant.forecast import Array
from plant.kpi import DEFINITIONS_VERSION, Kpi, cue, pue, wue
from plant.points import SITE
from plant.quantities import Quantity
from plant.site import Site
from plant.timegrid import TimeGrid
from sim.scenario import Criteria


@dataclass(frozen=True)
class Amounts:
    """What was used over a run, and how warm racks got. NaN where it cannot be told."""

    seconds: float
    facility_kwh: float
    it_kwh: float
    cooling_kwh: float
    water_l: float
    carbon_kg: float
    cost: float
    worst_inlet_c: float
    violation_minutes: Mapping[str, float]

    @property
    def total_violation_minutes(self) -> float:
        """All zones together."""
        return sum(self.violation_minutes.values())

    def as_dict(self) -> dict[str, object]:
        """By name, with units in the names."""
        return {
            "hours": self.seconds / 3600,
            "facility_kwh": self.facility_kwh,
            "it_kwh": self.it_kwh,
            "cooling_kwh": self.cooling_kwh,
            "water_l": self.water_l,
            "carbon_kg": self.carbon_kg,
            "cost": self.cost,
            "worst_inlet_c": self.worst_inlet_c,
            "violation_minutes": dict(self.violation_minutes),
            "violation_minutes_total": self.total_violation_minutes,
        }


def kpis(amounts: Amounts, site: Site) -> tuple[Kpi, ...]:
    """PUE, WUE and CUE of the run."""
    period = timedelta(seconds=amounts.seconds)
    return (
        pue(amounts.facility_kwh, amounts.it_kwh, period, site.pue_category),
        wue(amounts.water_l, amounts.it_kwh),
        cue(amounts.carbon_kg, amounts.it_kwh),
    )


async def valued(facility_kwh: Array, start: datetime, tick_s: float, feeds: Feeds) -> tuple[float, float]:
    """Carbon [kg] and cost [currency] of energy used tick by tick; NaN where a price has a gap."""
    grid = TimeGrid(start, round(tick_s), len(facility_kwh))
    carbon, price = await feeds.carbon.intensity(grid), await feeds.price.price(grid)
    return (
        float((facility_kwh * carbon.g_per_kwh).sum() / 1000),
        float((facility_kwh * price.per_kwh).sum()),
    )


def measured_amounts(trajectory: pd.DataFrame, site: Site, tick_s: float) -> tuple[Amounts, Array]:
    """Amounts of a plant that keeps no true ones: its own meters, tick by tick."""

    def meter(quantity: Quantity) -> Array:
        points = [p for p in site.points_with(quantity) if p.owner == SITE]
        if not points:
            return np.full(len(trajectory), np.nan)
        return trajectory[f"{points[0].id} [{points[0].facts.inside_unit}]"].to_numpy(float)

    hours = tick_s / 3600
    facility = meter(Quantity.FACILITY_POWER) * hours
    violation, worst = {}, -math.inf
    for zone in site.zones:
        columns = [f"{p.id} [degC]" for p in site.points_of(zone.id, Quantity.INLET_TEMPERATURE)]
        warmest = trajectory[columns].max(axis=1).to_numpy(float)
        violation[str(zone.id)] = float((warmest > zone.limits.recommended_max_c).sum() * tick_s / 60)
        worst = max(worst, float(np.nanmax(warmest)))
    amounts = Amounts(
        seconds=len(trajectory) * tick_s,
        facility_kwh=float(facility.sum()),
        it_kwh=float((meter(Quantity.IT_POWER) * hours).sum()),
        cooling_kwh=float((meter(Quantity.COOLING_POWER) * hours).sum()),
        water_l=float((meter(Quantity.WATER_FLOW) * tick_s * 1000).sum()),
        carbon_kg=math.nan,
        cost=math.nan,
        worst_inlet_c=worst,
        violation_minutes=violation,
    )
    return amounts, facility


@dataclass(frozen=True, slots=True)
class Finding:
    """One criterion and whether the run met it. `met` is None where it cannot be told."""

    criterion: str
    asked: str
    found: str
    met: bool | None


def judge(
    criteria: Criteria,
    amounts: Amounts,
    baseline: Amounts | None,
    events: Sequence[Mapping[str, Json]],
    proposals: Mapping[str, int],
    end: datetime,
    policy: str = "",
) -> list[Finding]:
    """Every criterion of the scenario against the run. What lies after its end is not asked."""
    found = _amount_findings(criteria, amounts, baseline)
    raised = [e for e in events if e["kind"] == "alarm.raised"]
    for alarm in criteria.alarms:
        if alarm.after + alarm.within > end or (alarm.of and policy not in alarm.of):
            continue
        at = next(
            (_at(e) for e in raised if _fits(e, alarm.kind, alarm.source) and _at(e) >= alarm.after), None
        )
        late = at is None or at - alarm.after > alarm.within
        said = "not raised" if at is None else f"after {_minutes(at - alarm.after)}"
        name = f"alarm {alarm.kind} from {alarm.source}"
        found.append(Finding(name, f"within {_minutes(alarm.within)}", said, not late))
    for kind in criteria.quiet:
        count = sum(_fits(e, kind, "*") for e in raised)
        found.append(Finding(f"no alarm {kind}", "none", str(count), count == 0))
    if criteria.least_verified is not None:
        verified = proposals.get("verified", 0)
        found.append(
            Finding(
                "proposals verified",
                f"at least {criteria.least_verified}",
                str(verified),
                verified >= criteria.least_verified,
            )
        )
    return found


def _amount_findings(criteria: Criteria, amounts: Amounts, baseline: Amounts | None) -> list[Finding]:
    found = []
    if criteria.max_violation_minutes is not None:
        minutes, most = amounts.total_violation_minutes, criteria.max_violation_minutes
        found.append(
            Finding("minutes above recommended", f"at most {most:g}", f"{minutes:.1f}", minutes <= most)
        )
    if criteria.worst_inlet_c is not None:
        worst, limit = amounts.worst_inlet_c, criteria.worst_inlet_c
        found.append(Finding("warmest inlet", f"at most {limit:g} °C", f"{worst:.2f} °C", worst <= limit))
    share = criteria.facility_kwh_over_baseline
    if share is not None:
        name, asked = "facility energy over as found", f"at most {share:g}"
        if baseline is None:
            found.append(Finding(name, asked, "there is no baseline", None))
        else:
            ratio = amounts.facility_kwh / baseline.facility_kwh
            # A tenth of a watt-hour a megawatt-hour is rounding, not use.
            found.append(Finding(name, asked, f"{ratio:.4f}", ratio <= share + 1e-7))
    return found


def _fits(event: Mapping[str, Json], kind: str, source: str) -> bool:
    what = event["what"]
    if not isinstance(what, dict):
        return False
    return what.get("kind") == kind and fnmatchcase(str(what.get("source")), source)


def _at(event: Mapping[str, Json]) -> datetime:
    return instant(str(event["at"]))


def _minutes(length: timedelta) -> str:
    return f"{length.total_seconds() / 60:.0f} min"


def kpi_document(
    amounts: Amounts,
    baseline: Amounts | None,
    site: Site,
    findings: Sequence[Finding],
    counts: Mapping[str, object],
) -> dict[str, object]:
    """``kpis.json``: amounts, ratios with their definitions, criteria."""
    return {
        "definitions_version": DEFINITIONS_VERSION,
        "currency": site.tariff.currency,
        "amounts": amounts.as_dict(),
        "as_found": None if baseline is None else baseline.as_dict(),
        "saving_facility_share": (
            None if baseline is None else 1 - amounts.facility_kwh / baseline.facility_kwh
        ),
        "kpis": [
            {"name": k.name, "value": k.value, "unit": k.unit, "definition": k.definition}
            for k in kpis(amounts, site)
        ],
        "counts": dict(counts),
        "criteria": [
            {"criterion": f.criterion, "asked": f.asked, "found": f.found, "met": f.met} for f in findings
        ],
        "passed": all(f.met is not False for f in findings),
    }
