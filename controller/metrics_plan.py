"""What a plan and what it was asked with look like as metrics."""

from __future__ import annotations

import math
from datetime import datetime

from controller.metrics_plant import setpoint_samples
from controller.metrics_sample import JOULES_PER_KWH, Sample, Samples
from plant.data_quality import DataQuality
from plant.forecast import CarbonSeries, Forecast, PriceSeries
from plant.plan import Plan
from plant.site import Site

INTENSITY = "carbon_intensity_grams_per_joule"


def plan_samples(site: Site, plan: Plan) -> Samples:
    """What a plan wants now and expects over its horizon."""
    yield from setpoint_samples(site, "plan", plan.first())
    yield Sample("plan_timestamp_seconds", (), plan.made_at.timestamp())
    if plan.solver.gap is not None and math.isfinite(plan.solver.gap):
        yield Sample("plan_gap_ratio", (), plan.solver.gap)
    yield from _input_samples(plan.data_quality)
    for zone, inlet in plan.prediction.worst_inlet_c.items():
        yield Sample("plan_worst_inlet_celsius", (str(zone),), float(inlet.max()))
    for name, prediction in (("chosen", plan.prediction), ("hold", plan.hold)):
        kwh = float(prediction.facility_kw.sum()) * plan.grid.step_h
        yield Sample("plan_energy_joules", (name,), kwh * JOULES_PER_KWH)


def _input_samples(found: DataQuality) -> Samples:
    """What the plan was made from: how many readings of which standing, and the age of the oldest used."""
    for standing, count in (
        ("measured", found.measured),
        ("substituted", len(found.substituted)),
        ("suspect", len(found.suspect)),
        ("missing", len(found.missing)),
    ):
        yield Sample("plan_inputs", (standing,), float(count))
    if not math.isnan(found.oldest_s):
        yield Sample("plan_oldest_input_seconds", (), found.oldest_s)


def feed_samples(outlook: Forecast) -> Samples:
    """Whose carbon and weather a plan was asked with, and of what nature they are."""
    carbon, weather = outlook.carbon, outlook.weather
    yield Sample("feed_info", ("carbon", carbon.provider, carbon.nature.value, carbon.unit), 1.0)
    yield Sample("feed_info", ("weather", weather.provider, weather.nature.value, "°C"), 1.0)


def market_samples(at: datetime, carbon: CarbonSeries, price: PriceSeries) -> Samples:
    """Carbon intensity and price at an instant; absent where the feeds have a gap."""
    kind = (carbon.kind.value, carbon.provider, str(carbon.synthetic).lower())
    for name, labels, grid, values in (
        (INTENSITY, kind, carbon.grid, carbon.g_per_kwh),
        ("energy_price_per_joule", (price.currency,), price.grid, price.per_kwh),
    ):
        step = math.floor((at - grid.start).total_seconds() / grid.step_s)
        if 0 <= step < grid.steps and not math.isnan(values[step]):
            yield Sample(name, labels, float(values[step]) / JOULES_PER_KWH)
