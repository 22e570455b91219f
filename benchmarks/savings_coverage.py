"""Do our intervals cover the truth? ``python -m benchmarks.savings_coverage [--seeds 100] [--json]``.

A made-up plant with a known law and autocorrelated noise is run twice with the same noise: as found and
with a known saving at the cooling plant. The 90 % interval of each method must cover the true saving in at
least 90 of 100 worlds, and where nothing was changed (A/A) it must not find a saving oftener than it may.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plant.history import History
from plant.points import PointId
from plant.site import Site
from plant.site_file import load_site
from reports.baseline import fit_baseline
from reports.baseline_model import MeterName
from reports.statistics import CONFIDENCE, guideline_half_width, saving_half_width
from reports.switchback import Arm, draw_schedule
from reports.switchback_analysis import analyze

Array = NDArray[np.float64]

FIRST_DAY = date(2026, 7, 6)
FITTED_DAYS, REPORTED_DAYS, SWITCHED_DAYS = 28, 14, 56
METER = PointId("utility-meter.power")
SEEDS = 100


@dataclass(frozen=True)
class World:
    """A plant with a known law; noise is AR(1) on cooling, weather drifts from day to day."""

    site: Site
    seed: int
    noise: float = 0.05
    rho: float = 0.8

    def facility(self, start: datetime, hours: int, saving: Array | float) -> History:
        """Hourly history; `saving` is the share of cooling power taken away, hour by hour."""
        rng = np.random.default_rng(self.seed)
        h = np.arange(hours, dtype=float)
        fronts = np.repeat(rng.normal(0, 1.5, hours // 24 + 1), 24)[:hours]
        wet_bulb = 18 + 5 * np.sin(2 * np.pi * (h - 9) / 24) + fronts
        days = np.repeat(rng.normal(0, 0.03, hours // 24 + 1), 24)[:hours]
        use = 0.55 + 0.15 * np.sin(2 * np.pi * (h - 8) / 24) + days
        it = sum(z.it_design_kw for z in self.site.zones) * (0.3 + 0.6 * use)
        disturbed = 1 + self.noise * _ar1(rng, hours, self.rho)
        cooling = (40 + 0.12 * it + 5.0 * np.maximum(wet_bulb - 16, 0)) * disturbed
        left = cooling * (1 - np.asarray(saving))
        columns: dict[str, Array] = {
            METER: 1.06 * it + left + 15,
            "it-meter.power": it,
            "cooling-meter.power": left,
            "outdoor.wet-bulb": wet_bulb,
            **{f"{z.id}.utilization": use for z in self.site.zones},
        }
        touched = np.broadcast_to(np.asarray(saving) != 0, hours)
        for lever in self.site.levers:
            moved = lever.as_found + np.where(touched, 2 * lever.resolution, 0.0)
            columns |= dict.fromkeys(lever.points, moved)
        index = pd.date_range(start, periods=hours, freq="h")
        values = pd.DataFrame(columns, index=index)
        return History(self.site, 3600, values, pd.DataFrame(1.0, index=index, columns=values.columns))


def _ar1(rng: np.random.Generator, n: int, rho: float) -> Array:
    out, fresh = np.zeros(n), rng.normal(size=n)
    out[0] = fresh[0]
    for i in range(1, n):
        out[i] = rho * out[i - 1] + math.sqrt(1 - rho**2) * fresh[i]
    return out


@dataclass(frozen=True)
class Trial:
    """One world, one method: the true saving and what the method said. [kWh or kW]"""

    truth: float
    saving: float
    half: float

    @property
    def covers(self) -> bool:
        """Whether the interval holds the truth."""
        return abs(self.saving - self.truth) <= self.half

    @property
    def finds(self) -> bool:
        """Whether the interval excludes zero."""
        return abs(self.saving) > self.half


def regression_trial(world: World, saving: float) -> tuple[Trial, Trial]:
    """Fit on weeks as found, then account for weeks with a saving: our interval, and OpenDSM's."""
    fitted_h, hours = FITTED_DAYS * 24, (FITTED_DAYS + REPORTED_DAYS) * 24
    start = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
    share = np.where(np.arange(hours) >= fitted_h, saving, 0.0)
    actual, untouched = world.facility(start, hours, share), world.facility(start, hours, 0.0)
    before = _part(actual, slice(0, fitted_h))
    after = _part(actual, slice(fitted_h, hours))
    model = fit_baseline(before, at=before.end)
    fit = model.statistics[MeterName.FACILITY]
    energy = float(model.estimate(after).facility_kw.sum())
    found = energy - float(after.column(METER).sum())
    truth = float((untouched.column(METER) - actual.column(METER))[fitted_h:].sum())
    reported_h = float(REPORTED_DAYS * 24)
    ours, theirs = saving_half_width(energy, reported_h, fit), guideline_half_width(energy, reported_h, fit)
    return Trial(truth, found, ours), Trial(truth, found, theirs)


def switchback_trial(world: World, saving: float) -> Trial:
    """Draw a schedule, run it, analyze it."""
    schedule = draw_schedule(FIRST_DAY, SWITCHED_DAYS, world.site.timezone, seed=world.seed)
    start, hours = schedule.blocks[0].start, SWITCHED_DAYS * 24
    times = [t.to_pydatetime() for t in pd.date_range(start, periods=hours, freq="h")]
    on = np.array([schedule.arm_at(t) is Arm.CONTROL for t in times])
    counted = np.array([schedule.counts(t) for t in times])
    actual = world.facility(start, hours, np.where(on, saving, 0.0))
    untouched = world.facility(start, hours, 0.0)
    result = analyze(actual, schedule)
    truth = float((untouched.column(METER) - actual.column(METER))[on & counted].mean())
    return Trial(truth, result.saving_kw, (result.high_kw - result.low_kw) / 2)


def _part(history: History, rows: slice) -> History:
    return replace(
        history, values=history.values.iloc[rows], measured_share=history.measured_share.iloc[rows]
    )


@dataclass(frozen=True)
class Score:
    """One line of the table."""

    method: str
    saving: float
    seeds: int
    covered: int
    found: int
    relative_half_width: float


def scores(seeds: int = SEEDS, savings: tuple[float, ...] = (0.0, 0.1)) -> Iterator[Score]:
    """Every method in every world."""
    site = load_site(Path(__file__).parents[1] / "examples" / "demo.yaml")
    for saving in savings:
        worlds = [World(site, seed) for seed in range(seeds)]
        pairs = [regression_trial(world, saving) for world in worlds]
        yield _score("regression (ours)", saving, [ours for ours, _ in pairs])
        yield _score("regression (OpenDSM's width)", saving, [theirs for _, theirs in pairs])
        yield _score("switchback", saving, [switchback_trial(world, saving) for world in worlds])


def _score(method: str, saving: float, trials: list[Trial]) -> Score:
    truth = float(np.mean([abs(t.truth) for t in trials]))
    width = float(np.mean([t.half for t in trials])) / truth if truth else math.nan
    return Score(
        method, saving, len(trials), sum(t.covers for t in trials), sum(t.finds for t in trials), width
    )


def main() -> int:
    """Print the table; exit 1 if one of our own intervals covers too rarely."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = list(scores(given.seeds))
    if given.json:
        plain = [{**vars_of(s), "coverage": s.covered / s.seeds} for s in found]
        print(json.dumps({"confidence": CONFIDENCE, "scores": plain}))
    else:
        print(f"{'method':30} {'true saving':>12} {'covers':>8} {'finds one':>10} {'half/true':>10}")
        for s in found:
            width = "-" if math.isnan(s.relative_half_width) else f"{s.relative_half_width:.0%}"
            share = "none (A/A)" if s.saving == 0 else f"{s.saving:.0%} cool."
            print(f"{s.method:30} {share:>12} {s.covered:>4}/{s.seeds} {s.found:>6}/{s.seeds} {width:>10}")
    ours = [s for s in found if "OpenDSM" not in s.method]
    return 0 if all(s.covered >= CONFIDENCE * s.seeds for s in ours) else 1


def vars_of(score: Score) -> dict[str, str | float | None]:
    """A score as plain values."""
    width = None if math.isnan(score.relative_half_width) else score.relative_half_width
    return {
        "method": score.method,
        "saving": score.saving,
        "seeds": score.seeds,
        "covered": score.covered,
        "found": score.found,
        "relative_half_width": width,
    }


if __name__ == "__main__":
    sys.exit(main())
