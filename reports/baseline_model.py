"""A baseline model: what it is, what it predicts, and its form as JSON.

`baseline.fit_baseline` makes one from history; why it is explained by utilization is said there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plant.history import History
from plant.points import SITE, OwnerId
from plant.quantities import Quantity
from reports.regression import ChangePointFit, ChangePointForm, LinearFit
from reports.series import read_series, zone_series
from reports.statistics import FitStatistics

Array = NDArray[np.float64]

METHOD = "regression"
METHOD_VERSION = "regression/1"


class Basis(StrEnum):
    """What the IT power of the baseline is explained by."""

    UTILIZATION = "utilization"
    IT_POWER = "it_power"
    """No utilization is measured: present IT power stands in, so a server-fan effect of our air is
    part of the baseline and of the actual alike and cannot be seen in the saving."""


class MeterName(StrEnum):
    """The metered rates a baseline predicts, with their units."""

    IT = "it_kw"
    COOLING = "cooling_kw"
    FACILITY = "facility_kw"
    WATER = "water_l_h"


@dataclass(frozen=True)
class BaselineEstimate:
    """Baseline rates. Shapes (steps,)."""

    it_kw: Array
    cooling_kw: Array
    facility_kw: Array
    water_l_h: Array

    @property
    def powers(self) -> tuple[Array, Array, Array, Array]:
        """Facility, IT and cooling power [kW] and water [L/h]."""
        return (self.facility_kw, self.it_kw, self.cooling_kw, self.water_l_h)


@dataclass(frozen=True, slots=True)
class FittedRange:
    """Where the baseline was fitted: outside it a prediction is an extrapolation."""

    start: datetime
    end: datetime
    wet_bulb_low_c: float
    wet_bulb_high_c: float
    it_low_kw: float
    it_high_kw: float
    usual_low_c: float = math.nan
    usual_high_c: float = math.nan
    """The middle 90 % of the fitted hours' wet bulb; beyond it few hours tell anything. NaN: not kept."""

    def contains(self, it_kw: Array, wet_bulb_c: Array) -> NDArray[np.bool_]:
        """Whether each step lies inside, with a twentieth of the range to spare."""
        spare_c = 0.05 * (self.wet_bulb_high_c - self.wet_bulb_low_c)
        spare_kw = 0.05 * (self.it_high_kw - self.it_low_kw)
        return np.asarray(
            (wet_bulb_c >= self.wet_bulb_low_c - spare_c)
            & (wet_bulb_c <= self.wet_bulb_high_c + spare_c)
            & (it_kw >= self.it_low_kw - spare_kw)
            & (it_kw <= self.it_high_kw + spare_kw)
        )

    def sparse(self, wet_bulb_c: Array) -> NDArray[np.bool_]:
        """Which steps have weather the baseline saw little of, or none. NaN is not known to have."""
        low = self.wet_bulb_low_c if math.isnan(self.usual_low_c) else self.usual_low_c
        high = self.wet_bulb_high_c if math.isnan(self.usual_high_c) else self.usual_high_c
        return np.asarray((wet_bulb_c < low) | (wet_bulb_c > high))


@dataclass(frozen=True)
class BaselineModel:
    """A fitted baseline, or the reasons why there is none.

    Attributes
    ----------
    weights_kw : mapping
        What each driver weighs in the one-number load: design IT power of the zone for
        utilization, 1 for IT power.
    it : LinearFit or None
        IT power on the drivers; columns "1" and either "load" or one for each driver.
    meters : mapping
        The meters there is a fit for; a site without a water meter has no water baseline.
    qualified : bool
        Whether the facility fit passes ASHRAE Guideline 14 (hourly) on enough hours.
    reasons : tuple of str
        What is wrong or worth knowing, in plain words; present on a qualified model too.
    """

    id: str
    site_id: str
    fitted_at: datetime
    basis: Basis
    weights_kw: Mapping[OwnerId, float]
    it: LinearFit | None
    meters: Mapping[MeterName, ChangePointFit]
    statistics: Mapping[MeterName, FitStatistics]
    fitted_range: FittedRange | None
    qualified: bool
    reasons: tuple[str, ...]
    method_version: str = METHOD_VERSION

    def predict(self, utilization: Mapping[OwnerId, Array], wet_bulb_c: Array) -> BaselineEstimate:
        """What the site as found would draw.

        Parameters
        ----------
        utilization : mapping of driver to ndarray, shape (steps,)
            Zone utilization 0 to 1; where `basis` is `it_power`, IT power in kW (of zones, or of
            `site`). `drivers` reads the right ones from a history. A driver left out is NaN.
        wet_bulb_c : ndarray, shape (steps,)
            Outdoor wet bulb. [°C]

        Returns
        -------
        BaselineEstimate
            NaN where an input is, and for meters without a fit.
        """
        wet_bulb = np.asarray(wet_bulb_c, dtype=float)
        nothing = np.full(wet_bulb.shape, np.nan)
        if self.it is None:
            return BaselineEstimate(*(nothing for _ in range(4)))
        columns = {d: np.asarray(utilization.get(d, nothing), dtype=float) for d in self.weights_kw}
        design = it_design(self.it.names, columns, self.weights_kw)
        it_kw = self.it.predict(design)

        def rate(name: MeterName) -> Array:
            fit = self.meters.get(name)
            return nothing if fit is None else fit.predict(it_kw, wet_bulb)

        return BaselineEstimate(
            it_kw=it_kw,
            cooling_kw=rate(MeterName.COOLING),
            facility_kw=rate(MeterName.FACILITY),
            water_l_h=np.maximum(rate(MeterName.WATER), 0),
        )

    def drivers(self, history: History) -> Mapping[OwnerId, Array]:
        """What `predict` wants, read from a history."""
        return drivers_of(history, self.basis)

    def estimate(self, history: History) -> BaselineEstimate:
        """`predict` on a history's own steps."""
        return self.predict(self.drivers(history), read_series(history).wet_bulb_c.values)

    def to_json(self) -> str:
        """The whole model as JSON text; `from_json` reads it back equal."""
        return json.dumps(_plain(asdict(self)), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> BaselineModel:
        """Read what `to_json` wrote."""
        return _from_dict(json.loads(text))


def drivers_of(history: History, basis: Basis) -> Mapping[OwnerId, Array]:
    """What a baseline of this basis is driven by, on the history's steps."""
    if basis is Basis.UTILIZATION:
        return zone_series(history, Quantity.UTILIZATION)
    zones = zone_series(history, Quantity.IT_POWER)
    if len(zones) == len(history.site.zones):
        return zones
    return {SITE: read_series(history).it_kw.values}


def it_design(
    names: tuple[str, ...], drivers: Mapping[OwnerId, Array], weights: Mapping[OwnerId, float]
) -> Array:
    """Columns of the IT regression: "1", then the weighted load or one column a driver."""
    one = np.ones_like(next(iter(drivers.values())))
    load = np.sum([weights[d] * drivers[d] for d in weights], axis=0)
    columns = {"1": one, "load": load, **{str(d): drivers[d] for d in weights}}
    return np.column_stack([columns[name] for name in names])


def _plain(value: Any) -> Any:
    """Values JSON has: no NaN (null), no datetimes (ISO 8601)."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and math.isnan(value) else value


def _from_dict(d: Mapping[str, Any]) -> BaselineModel:
    def linear(part: Mapping[str, Any]) -> LinearFit:
        covariance = tuple(tuple(row) for row in part["covariance"])
        return LinearFit(tuple(part["names"]), tuple(part["coefficients"]), covariance, part["sigma"])

    def change_points(part: Mapping[str, Any]) -> ChangePointFit:
        form = part["form"]
        return ChangePointFit(
            ChangePointForm(tuple(form["terms"]), form["high_c"], form["low_c"]), linear(part["linear"])
        )

    fitted = d["fitted_range"]
    times = {k: datetime.fromisoformat(fitted[k]) for k in ("start", "end")} if fitted else {}
    return BaselineModel(
        id=d["id"],
        site_id=d["site_id"],
        fitted_at=datetime.fromisoformat(d["fitted_at"]),
        basis=Basis(d["basis"]),
        weights_kw={OwnerId(k): v for k, v in d["weights_kw"].items()},
        it=linear(d["it"]) if d["it"] else None,
        meters={MeterName(k): change_points(v) for k, v in d["meters"].items()},
        statistics={MeterName(k): _statistics(v) for k, v in d["statistics"].items()},
        fitted_range=FittedRange(**{**_numbers(fitted), **times}) if fitted else None,
        qualified=d["qualified"],
        reasons=tuple(d["reasons"]),
        method_version=d["method_version"],
    )


def _statistics(part: Mapping[str, Any]) -> FitStatistics:
    return FitStatistics(**_numbers(part))


def _numbers(part: Mapping[str, Any]) -> dict[str, Any]:
    return {k: math.nan if v is None else v for k, v in part.items()}
