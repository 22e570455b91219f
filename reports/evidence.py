"""The evidence of a report: every step's samples, factors and rates, and how the rates follow from them.

Kept with a closed report as Parquet, so that each cell can be recomputed long after the historian has
forgotten the samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from reports.baseline_model import MeterName
from reports.figures import Figure
from reports.rates import StepRates
from reports.series import Meter

RATE = {
    Figure.FACILITY: "facility_kw",
    Figure.IT: "it_kw",
    Figure.COOLING: "cooling_kw",
    Figure.WATER: "water_l_per_h",
    Figure.CARBON: "carbon_kg_per_h",
    Figure.COST: "cost_per_h",
}
"""Column of each figure's rate."""
BASELINE = {figure: f"baseline_{column}" for figure, column in RATE.items()}
SPARSE = {figure: f"sparse_{column}" for figure, column in BASELINE.items()}
"""The baseline's rate in weather it was hardly fitted on, zero in other weather."""
STAKE = {
    MeterName.FACILITY: "baseline_energy_cost_magnitude_per_h",
    MeterName.WATER: "baseline_water_cost_magnitude_per_h",
}
"""Magnitude of the baseline's cost by the meter it rides on."""
SPARSE_STAKE = {meter: f"sparse_{column}" for meter, column in STAKE.items()}
INTENSITY, PRICE, MARGINAL = "intensity_g_per_kwh", "price_per_kwh", "marginal_g_per_kwh"
MARGINAL_RATE, MARGINAL_BASELINE = "marginal_carbon_kg_per_h", "baseline_marginal_carbon_kg_per_h"
_METERED = {Figure.FACILITY: "facility_kw", Figure.IT: "it_kw", Figure.COOLING: "cooling_kw",
            Figure.WATER: "water_l_h"}  # fmt: skip


def pair_columns(key: str) -> tuple[str, str]:
    """Columns of a pair's numerator and denominator rates."""
    return f"{key} numerator", f"{key} denominator"


def share_column(column: str) -> str:
    """Column with the measured share of a metered rate, or of a pair."""
    return f"measured_share of {column}"


def sample_column(point: str) -> str:
    """Column with a point's own step means, in its inside unit."""
    return f"sample {point}"


@dataclass
class EvidenceBook:
    """Collects pieces as a report is made: `keep` is what `energy_report` calls."""

    frames: list[pd.DataFrame] = field(default_factory=list)
    derived: dict[str, Any] = field(default_factory=dict)
    step_h: float = 0.0

    def keep(self, steps: StepRates, marginal: StepRates | None) -> None:
        """Write down one piece."""
        self.frames.append(_frame(steps, marginal))
        self.derived = _derived(steps, marginal is not None)
        self.step_h = steps.step_h

    def frame(self) -> pd.DataFrame:
        """All pieces; index the step starts (UTC), `piece` the number of the piece."""
        numbered = [frame.assign(piece=float(i)) for i, frame in enumerate(self.frames)]
        return pd.concat(numbered).rename_axis("step_start")


def _frame(steps: StepRates, marginal: StepRates | None) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    for figure, attribute in _METERED.items():
        meter: Meter = getattr(steps.series, attribute)
        columns[share_column(RATE[figure])] = meter.measured_share
        columns |= {sample_column(p): steps.history.column(p) for p in meter.points}
    columns[INTENSITY] = steps.factors.intensity_g_per_kwh
    columns[PRICE] = steps.factors.price_per_kwh
    columns |= {RATE[figure]: steps.actual[figure] for figure in Figure}
    columns |= {BASELINE[figure]: steps.expected[figure] for figure in Figure}
    rare = np.where(steps.sparse, 1.0, 0.0)
    columns |= {SPARSE[figure]: rare * steps.expected[figure] for figure in Figure}
    for name, stake in steps.cost_stakes.items():
        columns |= {STAKE[name]: stake, SPARSE_STAKE[name]: rare * stake}
    for key, pair in steps.pairs.items():
        top, bottom = pair_columns(key)
        columns |= {top: pair.numerator, bottom: pair.denominator, share_column(key): pair.measured_share}
    if marginal is not None:
        columns[MARGINAL] = marginal.factors.intensity_g_per_kwh
        columns[MARGINAL_RATE] = marginal.actual[Figure.CARBON]
        columns[MARGINAL_BASELINE] = marginal.expected[Figure.CARBON]
    columns["inside_fitted_range"] = steps.inside.astype(float)
    return pd.DataFrame({k: np.asarray(v, dtype=float) for k, v in columns.items()},
                        index=steps.history.values.index)  # fmt: skip


def _derived(steps: StepRates, marginal: bool) -> dict[str, Any]:
    """How each rate follows from samples and factors, as data: what `explain` gives along."""
    factors = steps.factors
    found: dict[str, Any] = {}
    for figure, attribute in _METERED.items():
        meter: Meter = getattr(steps.series, attribute)
        found[RATE[figure]] = {
            "op": "total",
            "groups": [[sample_column(p) for p in group] for group in meter.groups],
            "factors": [1000.0, 3600.0] if figure is Figure.WATER else [],
            "says": "mean of the known samples of each group, summed over groups, times the factors",
        }
    for rate, facility, water in (
        (RATE, RATE[Figure.FACILITY], RATE[Figure.WATER]),
        (BASELINE, BASELINE[Figure.FACILITY], BASELINE[Figure.WATER]),
    ):
        carbon, cost = rate[Figure.CARBON], rate[Figure.COST]
        found[carbon] = _product(facility, INTENSITY)
        terms: list[list[Any]] = [[facility, PRICE]]
        terms += [[carbon, factors.carbon_price_per_kg]] if factors.carbon_price_per_kg else []
        priced = [[water, factors.water_price_per_l]] if factors.water_price_per_l else []
        found[cost] = {"op": "linear", "terms": terms + priced, "says": "Σ rate · price"}
        if rate is BASELINE:
            found |= {
                STAKE[m]: _magnitude(t) for m, t in zip(steps.cost_stakes, (terms, priced), strict=False)
            }
    if marginal:
        found[MARGINAL_RATE] = _product(RATE[Figure.FACILITY], MARGINAL)
        found[MARGINAL_BASELINE] = _product(BASELINE[Figure.FACILITY], MARGINAL)
    return found


def _magnitude(terms: list[list[Any]]) -> Mapping[str, Any]:
    return {"op": "magnitude", "terms": terms, "says": "|Σ rate · price|"}


def _product(power: str, intensity: str) -> Mapping[str, Any]:
    return {"op": "carbon", "of": [power, intensity], "says": f"{power} · {intensity} / 1000"}
