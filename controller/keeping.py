"""Keeping what a cycle saw and planned, compactly, so that it can be looked at after a restart."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from controller.cycle import CycleRecord
from controller.store import Store, StoreUnavailable
from plant.data_quality import DataQuality
from plant.plan import Plan, Prediction
from plant.ports import Advice
from plant.snapshot import Snapshot

_DIGITS = 4


def keep(record: CycleRecord, store: Store) -> bool:
    """Write down a cycle's snapshot and plan; False if the database cannot be reached."""
    at = record.snapshot.time
    try:
        with store.transaction():
            store.save_snapshot(at, snapshot_record(record.snapshot))
            if isinstance(record.answer, Advice) and record.answer.plan is not None:
                store.save_plan(record.answer.plan.id, at, plan_record(record.answer.plan))
    except StoreUnavailable:
        return False
    return True


def snapshot_record(snapshot: Snapshot) -> dict[str, object]:
    """Each reading's value and, where it is not good, its quality."""
    return {
        "values": {p: r.value for p, r in snapshot.readings.items()},
        "not_good": {p: str(r.quality) for p, r in snapshot.readings.items() if str(r.quality) != "good"},
        "held": sorted(snapshot.held),
    }


def plan_record(plan: Plan) -> dict[str, object]:
    """A plan as it was: trajectory, prediction, prediction of holding, candidates and solver."""
    solver = plan.solver
    return {
        "made_at": plan.made_at,
        "grid": {"start": plan.grid.start, "step_s": plan.grid.step_s, "steps": plan.grid.steps},
        "status": str(plan.status),
        "chosen": plan.chosen,
        "reason": plan.reason,
        "binding": list(plan.binding),
        "model_version": plan.model_version,
        "trajectory": _arrays(plan.trajectory.items()),
        "prediction": _prediction(plan.prediction),
        "hold": _prediction(plan.hold),
        "alone": None if plan.alone is None else _prediction(plan.alone),
        "candidates": [
            {"name": c.name, "cost": c.cost, "facility_kwh": c.facility_kwh, "excess_k": c.worst_excess_k}
            for c in plan.candidates
        ],
        "data_quality": _quality(plan.data_quality),
        "solver": {"name": solver.solver, "termination": solver.termination, "gap": solver.gap},
    }


def _quality(found: DataQuality) -> dict[str, object]:
    """Of every reading that was not measured, its name; `canonical` writes NaN as nothing."""
    return {
        "measured": found.measured,
        "substituted": list(found.substituted),
        "suspect": list(found.suspect),
        "missing": list(found.missing),
        "oldest_s": found.oldest_s,
        "carbon_gap_steps": found.carbon_gap_steps,
        "carbon": str(found.carbon),
        "weather": str(found.weather),
    }


def _prediction(p: Prediction) -> dict[str, object]:
    amounts = {
        "it_kw": p.it_kw,
        "cooling_kw": p.cooling_kw,
        "facility_kw": p.facility_kw,
        "water_l": p.water_l,
        "carbon_kg": p.carbon_kg,
        "cost": p.cost,
    }
    return {**_arrays(amounts.items()), "worst_inlet_c": _arrays(p.worst_inlet_c.items())}


def _arrays(named: Iterable[tuple[str, np.ndarray]]) -> dict[str, object]:
    return {str(name): np.round(values, _DIGITS).tolist() for name, values in named}
