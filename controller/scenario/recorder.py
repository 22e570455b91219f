"""The recorder: watches a replay and keeps what the run folder will hold. No wall time comes in here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from controller.actions import ActionRecord
from controller.audit import AuditRecord
from controller.canonical import Json, plain, stamp
from controller.cycle import CycleRecord
from controller.knowledge import Knowledge
from controller.wiring import Controller
from plant.forecast import Forecast
from plant.plan import NoPlan, Plan
from plant.ports import Advice
from plant.setpoints import LeverId
from plant.site import Site
from plant.snapshot import Snapshot
from sim.plant import SimulatedPlant

_RANDOM_ID = re.compile(r"^[A-Z]-[0-9a-f]{8}$")
"""Identifiers drawn at random (alarms, holds): they say nothing, and differ from run to run."""
HISTOGRAM_STEP_C = 0.1


@dataclass
class Recorder:
    """Satisfies `controller.replay.Observer`."""

    site: Site
    body: SimulatedPlant | None
    tick_s: float
    decisions: list[dict[str, Json]] = field(default_factory=list)
    solver: list[dict[str, Json]] = field(default_factory=list)
    stages: list[dict[str, Json]] = field(default_factory=list)
    """Wall seconds of the solver's stages: kept apart from everything else."""
    events: list[dict[str, Json]] = field(default_factory=list)
    learned: dict[str, Knowledge] = field(default_factory=dict)
    """What was known at the decisions, by the version of its model: it is learned anew each day."""
    _controller: Controller | None = None
    _rows: list[list[float]] = field(default_factory=list)
    _times: list[datetime] = field(default_factory=list)
    _inlets: list[np.ndarray] = field(default_factory=list)
    _readings: list[pd.DataFrame] = field(default_factory=list)
    _forecasts: list[pd.DataFrame] = field(default_factory=list)
    _requested: dict[LeverId, float] = field(default_factory=dict)

    def began(self, controller: Controller) -> None:
        """Listen to the audit log: it is the record of everything that was done."""
        controller.parts.authority.audit.listen(self._heard)
        self._controller = controller

    def thought(self, record: CycleRecord) -> None:
        """Keep the decision, and all that it was made from."""
        number = len(self.decisions) + 1
        identity = f"D-{number:06d}"
        answer = record.answer
        plan = answer.plan if isinstance(answer, Advice) else None
        self.decisions.append({**_decision(identity, record, plan), "model": self._model()})
        facts = answer.solver if isinstance(answer, NoPlan) else plan.solver if plan else None
        if facts is not None:
            gap = None if facts.gap is None else round(facts.gap, 9)
            self.solver.append(
                {
                    "decision": identity,
                    "solver": facts.solver,
                    "termination": facts.termination,
                    "gap": gap,
                    "variables": facts.variables,
                    "constraints": facts.constraints,
                }
            )
            self.stages.append({"decision": identity, "stage_s": plain(dict(facts.stage_s))})
        if isinstance(answer, Advice):
            self._requested.update(answer.setpoints)
        self._readings.append(readings_frame(identity, record.snapshot))
        self._forecasts.append(forecast_frame(identity, record.outlook))

    def acted(self, record: ActionRecord, before: Snapshot) -> None:
        """The audit log tells of it."""

    def passed(self, snapshot: Snapshot) -> None:
        """One row of the trajectory."""
        self._times.append(snapshot.time)
        values = [snapshot.reading(p.id).value for p in self.site.points]
        for lever in self.site.levers:
            values += [self._requested.get(lever.id, np.nan), snapshot.lever_value(lever)]
        if self.body is None:
            worst = [snapshot.inlets_c(z.id) for z in self.site.zones]
            groups = max((len(w) for w in worst), default=1)
            inlets = np.array([np.pad(w, (0, groups - len(w)), constant_values=np.nan) for w in worst])
        else:
            inlets = self.body.true_inlets_c()
            totals = self.body.totals()
            values += [float(inlets[z].max()) for z in range(len(self.site.zones))]
            values += [totals.facility_kwh, totals.it_kwh, totals.cooling_kwh, totals.water_l]
        self._inlets.append(inlets)
        self._rows.append(values)

    def trajectory(self) -> pd.DataFrame:
        """One row a tick, units in the column names."""
        frame = pd.DataFrame(self._rows, columns=trajectory_columns(self.site, self.body is not None))
        frame.insert(0, "time [UTC]", pd.DatetimeIndex(self._times).as_unit("ms"))
        return frame

    def readings(self) -> pd.DataFrame:
        """Every reading of every decision."""
        return pd.concat(self._readings, ignore_index=True)

    def forecasts(self) -> pd.DataFrame:
        """The outlook of every decision."""
        return pd.concat(self._forecasts, ignore_index=True)

    def histogram(self) -> pd.DataFrame:
        """Hours each zone's rack inlets spent in bins of 0.1 °C, each rack group counted alone."""
        stacked = np.stack(self._inlets)
        known = stacked[np.isfinite(stacked)]
        low = np.floor(known.min() * 10) / 10
        bins = round((np.ceil(known.max() * 10 + 1e-6) / 10 - low) / HISTOGRAM_STEP_C) + 1
        edges = low + HISTOGRAM_STEP_C * np.arange(bins + 1)
        table = {"inlet from [degC]": np.round(edges[:-1], 1)}
        for z, zone in enumerate(self.site.zones):
            values = stacked[:, z][np.isfinite(stacked[:, z])]
            counts, _ = np.histogram(values, edges)
            table[f"{zone.id} [h]"] = np.round(counts * self.tick_s / 3600, 6)
        return pd.DataFrame(table)

    def note(self, at: datetime, kind: str, what: dict[str, Json]) -> None:
        """Something the scenario did, between what the controller did."""
        self.events.append({"at": stamp(at), "kind": kind, "who": "scenario", "what": what})

    def _model(self) -> str | None:
        """The version of the model the controller goes by now, which is kept."""
        known = None if self._controller is None else self._controller.knowledge
        if known is None or known.model is None:
            return None
        self.learned.setdefault(known.model.version, known)
        return known.model.version

    def _heard(self, record: AuditRecord) -> None:
        what = {k: v for k, v in record.what.items() if not (isinstance(v, str) and _RANDOM_ID.match(v))}
        what.pop("digest", None)
        self.events.append({"at": stamp(record.at), "kind": record.kind, "who": record.who, "what": what})


def trajectory_columns(site: Site, true: bool) -> list[str]:
    """Names of the trajectory's columns after the time."""
    names = [f"{p.id} [{p.facts.inside_unit}]" for p in site.points]
    for lever in site.levers:
        unit = site.point_by_id[lever.points[0]].facts.inside_unit
        names += [f"{lever.id} requested [{unit}]", f"{lever.id} applied [{unit}]"]
    if true:
        names += [f"true worst inlet {z.id} [degC]" for z in site.zones]
        names += ["true facility energy [kWh]", "true it energy [kWh]", "true cooling energy [kWh]"]
        names += ["true water [L]"]
    return names


def _decision(identity: str, record: CycleRecord, plan: Plan | None) -> dict[str, Json]:
    answer, outlook = record.answer, record.outlook
    told: dict[str, object] = {
        "id": identity,
        "at": record.snapshot.time,
        "held": sorted(record.snapshot.held),
        "sentence": record.sentence,
        "proposal": None if record.proposal is None else record.proposal.id,
        "outlook": outlook_facts(outlook),
    }
    if isinstance(answer, NoPlan):
        told |= {"outcome": "no plan", "cause": str(answer.cause), "reason": answer.reason}
    else:
        told |= {"outcome": "advice", "reason": answer.reason, "requested": dict(answer.setpoints)}
    if record.verdict is not None:
        told["verdict"] = {
            "outcome": str(record.verdict.outcome),
            "reasons": list(record.verdict.reasons),
            "allowed": {k: c.after for k, c in record.verdict.changes.items()},
        }
    if plan is not None:
        told["plan"] = plan_facts(plan)
    described = plain(told)
    return described if isinstance(described, dict) else {}


def plan_facts(plan: Plan) -> dict[str, object]:
    """A plan in short: what was chosen, against what, and what is expected of it."""
    hours = plan.grid.step_h
    return {
        "id": plan.id,
        "status": str(plan.status),
        "chosen": plan.chosen,
        "model_version": plan.model_version,
        "binding": list(plan.binding),
        "facility_kwh": float(plan.prediction.facility_kw.sum() * hours),
        "hold_facility_kwh": float(plan.hold.facility_kw.sum() * hours),
        "cost": float(plan.prediction.cost.sum()),
        "worst_inlet_c": {z: float(v.max()) for z, v in plan.prediction.worst_inlet_c.items()},
        "candidates": [
            {
                "name": c.name,
                "cost": c.cost,
                "facility_kwh": c.facility_kwh,
                "worst_excess_k": c.worst_excess_k,
            }
            for c in plan.candidates
        ],
    }


def outlook_facts(outlook: Forecast) -> dict[str, object]:
    """What a forecast is besides its arrays: enough to make it again from `forecasts.parquet`."""
    return {
        "issued_at": outlook.issued_at,
        "start": outlook.grid.start,
        "step_s": outlook.grid.step_s,
        "steps": outlook.grid.steps,
        "carbon_kind": str(outlook.carbon.kind),
        "carbon_provider": outlook.carbon.provider,
        "carbon_synthetic": outlook.carbon.synthetic,
        "currency": outlook.price.currency,
        "price_provider": outlook.price.provider,
        "month_peak_kw": outlook.month_peak_kw,
        "ordinary_peak_kw": outlook.ordinary_peak_kw,
        "waiting_kwh": dict(outlook.waiting_kwh),
    }


def readings_frame(identity: str, snapshot: Snapshot) -> pd.DataFrame:
    """A snapshot, one row a point, in the site's order of what was read."""
    held = snapshot.readings.values()
    return pd.DataFrame(
        {
            "decision": identity,
            "point": [str(r.point) for r in held],
            "time": pd.DatetimeIndex([r.time for r in held]).as_unit("us"),
            "value": np.array([r.value for r in held], float),
            "quality": [str(r.quality) for r in held],
        }
    )


def forecast_frame(identity: str, outlook: Forecast) -> pd.DataFrame:
    """A forecast's arrays, one row a step."""
    columns: dict[str, object] = {"decision": identity, "step": np.arange(outlook.grid.steps)}
    for zone, band in outlook.it_reference_kw.items():
        columns[f"{zone} it mean [kW]"], columns[f"{zone} it std [kW]"] = band.mean, band.std
    for name, band in (("dry bulb", outlook.dry_bulb_c), ("wet bulb", outlook.wet_bulb_c)):
        columns[f"{name} mean [degC]"], columns[f"{name} std [K]"] = band.mean, band.std
    columns["carbon [g/kWh]"] = outlook.carbon.g_per_kwh
    columns["price [1/kWh]"] = outlook.price.per_kwh
    return pd.DataFrame(columns)
