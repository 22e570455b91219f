"""Do our intervals cover the truth? ``python -m benchmarks.savings_coverage [--on both] [--seeds 100]``.

Each world is run twice with the same weather, work and noise: as found, and with a saving that is so known.
The 90 % interval of each method must cover the true saving in at least 90 of 100 worlds, and where nothing
was changed (A/A) it must not find a saving oftener than it may. Worlds are made up (a known law with
autocorrelated noise) or simulated (`savings_worlds`: the simulator's physics and local controllers, each
site in another season). A site is looked at every week too: does the anytime interval ever miss?

The worlds printed by default are not those the methods were chosen on; `--first-seed` and `--weather` give
other ones.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.savings_made_up import METER, WET_BULB, World
from benchmarks.savings_worlds import STEP_S, Sites, simulate
from plant.history import History
from plant.site import Site
from plant.site_file import load_site
from reports.baseline import fit_baseline
from reports.baseline_model import MeterName
from reports.statistics import CONFIDENCE, guideline_half_width, saving_half_width
from reports.switchback import Arm, Schedule, draw_schedule
from reports.switchback_analysis import analyze
from sim.weather import load_weather

Array = NDArray[np.float64]

FIRST_DAY = date(2026, 7, 6)
FITTED_DAYS, REPORTED_DAYS, SWITCHED_DAYS = 28, 14, 56
WASHOUT_H = 2.5
SEEDS, FIRST_SEED = 100, 20_260_000
WEATHER = "greensboro"
MADE_UP, SIMULATOR = "made-up", "simulator"
NOTHING = "none (A/A)"


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
    truth = float((untouched.column(METER) - actual.column(METER))[fitted_h:].sum())
    return _regressed(before, after, truth)


def switched(world: World, saving: float) -> tuple[History, Schedule, Array]:
    """Draw a schedule and run it: what the meters said, and what was truly saved hour by hour."""
    schedule = draw_schedule(FIRST_DAY, SWITCHED_DAYS, world.site.timezone, seed=world.seed)
    start, hours = schedule.blocks[0].start, SWITCHED_DAYS * 24
    times = [t.to_pydatetime() for t in pd.date_range(start, periods=hours, freq="h")]
    on = np.array([schedule.arm_at(t) is Arm.CONTROL for t in times])
    actual = world.facility(start, hours, np.where(on, saving, 0.0))
    untouched = world.facility(start, hours, 0.0)
    return actual, schedule, np.asarray(untouched.column(METER) - actual.column(METER))


def switchback_trial(world: World, saving: float) -> Trial:
    """Analyze a switchback at its end."""
    return _analyzed(*switched(world, saving))


def _part(history: History, rows: slice) -> History:
    return replace(
        history, values=history.values.iloc[rows], measured_share=history.measured_share.iloc[rows]
    )


def simulated_trials(
    sites: Sites, schedules: Sequence[Schedule], fitted_h: int, saving: bool, *, looks: bool = True
) -> Trials:
    """Both methods on every simulated site, with the saving or (A/A) without; `looks`: weekly ones too."""
    found = Trials([], [], [], [])
    hours = len(sites.use)
    late, drawn = (sites.later, sites.switched) if saving else (sites.as_found, sites.as_found)
    for k, schedule in enumerate(schedules):
        before = sites.history(k, sites.as_found, slice(0, fitted_h))
        after = sites.history(k, late, slice(fitted_h, hours))
        truth = float((sites.as_found.facility - late.facility)[fitted_h:, k].sum())
        ours, theirs = _regressed(before, after, truth)
        found.ours.append(ours)
        found.theirs.append(theirs)
        run = sites.history(k, drawn, slice(0, hours))
        saved = (sites.as_found.facility - drawn.facility)[:, k]
        found.switchback.append(_analyzed(run, schedule, saved))
        if looks:
            found.peeked.append(_peeked(run, schedule, saved))
    return found


def _regressed(before: History, after: History, truth: float) -> tuple[Trial, Trial]:
    model = fit_baseline(before, at=before.end)
    fit, hours = model.statistics[MeterName.FACILITY], float(len(after.values))
    expected = model.estimate(after).facility_kw
    energy, found = float(expected.sum()), float((expected - after.column(METER)).sum())
    fitted = model.fitted_range
    assert fitted is not None
    sparse = float(expected[fitted.sparse(after.column(WET_BULB))].sum())
    ours = saving_half_width(energy, hours, fit, sparse)
    return Trial(truth, found, ours), Trial(truth, found, guideline_half_width(energy, hours, fit))


def _analyzed(run: History, schedule: Schedule, saved: Array) -> Trial:
    result = analyze(run, schedule)
    return Trial(
        _mean_of_control(run, schedule, saved), result.saving_kw, (result.high_kw - result.low_kw) / 2
    )


def _peeked(run: History, schedule: Schedule, saved: Array) -> Trial:
    """The worst of a look every week: an interval that holds at every look must hold at this one."""
    looks = []
    for hours in range(3 * 168, len(run.values) + 1, 168):
        part = _part(run, slice(0, hours))
        result = analyze(part, schedule)
        truth = _mean_of_control(part, schedule, saved[:hours])
        half = (result.anytime_high_kw - result.anytime_low_kw) / 2
        if math.isfinite(half):
            looks.append(Trial(truth, result.saving_kw, half))
    return max(looks, key=lambda t: abs(t.saving - t.truth) / t.half)


def _mean_of_control(run: History, schedule: Schedule, saved: Array) -> float:
    times = [t.to_pydatetime() for t in run.values.index]
    on = np.array([schedule.arm_at(t) is Arm.CONTROL and schedule.counts(t) for t in times])
    return float(saved[on].mean())


def simulated_sites(
    seeds: Sequence[int],
    fitted_days: int,
    reported_days: int,
    block_h: int = 24,
    step_s: float = STEP_S,
    climate: str = WEATHER,
) -> tuple[Sites, list[Schedule]]:
    """Simulate a site for each seed: weeks as found, weeks under control, and a switchback over both."""
    site, days = _site(), fitted_days + reported_days
    schedules = [
        draw_schedule(FIRST_DAY, days, site.timezone, seed=s, block_h=block_h, washout_h=WASHOUT_H)
        for s in seeds
    ]
    start = schedules[0].blocks[0].start
    weather = load_weather(climate)
    return simulate(site, weather, seeds, schedules, start, days * 24, fitted_days * 24, step_s), schedules


@dataclass(frozen=True)
class Trials:
    """What each method said, world by world."""

    ours: list[Trial]
    theirs: list[Trial]
    switchback: list[Trial]
    peeked: list[Trial]


@dataclass(frozen=True)
class Score:
    """One line of the table."""

    worlds: str
    method: str
    saving: str
    seeds: int
    covered: int
    found: int
    relative_half_width: float


def scores(
    seeds: Sequence[int], savings: tuple[float, ...] = (0.0, 0.1), *, looks: bool = True
) -> Iterator[Score]:
    """Every method in every made-up world; `looks`: with weekly ones too."""
    site = _site()
    for saving in savings:
        worlds = [World(site, seed) for seed in seeds]
        pairs = [regression_trial(world, saving) for world in worlds]
        runs = [switched(world, saving) for world in worlds]
        name = NOTHING if saving == 0 else f"{saving:.0%} of cooling"
        yield _score(MADE_UP, "regression (ours)", name, [ours for ours, _ in pairs])
        yield _score(MADE_UP, "regression (OpenDSM's width)", name, [theirs for _, theirs in pairs])
        yield _score(MADE_UP, "switchback", name, [_analyzed(*run) for run in runs])
        if looks:
            yield _score(MADE_UP, "switchback, looked at weekly", name, [_peeked(*run) for run in runs])


def simulated_scores(seeds: Sequence[int], climate: str = WEATHER) -> Iterator[Score]:
    """Every method on every simulated site."""
    sites, schedules = simulated_sites(seeds, FITTED_DAYS, REPORTED_DAYS, climate=climate)
    for saving in (False, True):
        trials = simulated_trials(sites, schedules, FITTED_DAYS * 24, saving)
        name = "4 K, 20 % fan, 5 K water" if saving else NOTHING
        yield _score(SIMULATOR, "regression (ours)", name, trials.ours)
        yield _score(SIMULATOR, "regression (OpenDSM's width)", name, trials.theirs)
        yield _score(SIMULATOR, "switchback", name, trials.switchback)
        yield _score(SIMULATOR, "switchback, looked at weekly", name, trials.peeked)


def _site() -> Site:
    return load_site(Path(__file__).parents[1] / "examples" / "demo.yaml")


def _score(worlds: str, method: str, saving: str, trials: list[Trial]) -> Score:
    truth = float(np.mean([abs(t.truth) for t in trials]))
    width = float(np.mean([t.half for t in trials])) / truth if truth else math.nan
    covered, found = sum(t.covers for t in trials), sum(t.finds for t in trials)
    return Score(worlds, method, saving, len(trials), covered, found, width)


def main() -> int:
    """Print the table; exit 1 if one of our own intervals covers too rarely."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on", choices=(MADE_UP, SIMULATOR, "both"), default=MADE_UP)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many worlds")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--weather", default=WEATHER, help="of the simulated sites: a name or a file")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    found = [*(scores(seeds) if given.on != SIMULATOR else ())]
    found += simulated_scores(seeds, given.weather) if given.on != MADE_UP else ()
    if given.json:
        plain = [{**vars_of(s), "coverage": s.covered / s.seeds} for s in found]
        print(json.dumps({"confidence": CONFIDENCE, "scores": plain}))
    else:
        head = f"{'worlds':10} {'method':30} {'true saving':>26}"
        print(f"{head} {'covers':>8} {'finds one':>10} {'half/true':>10}")
        for s in found:
            width = "-" if math.isnan(s.relative_half_width) else f"{s.relative_half_width:.0%}"
            line = f"{s.worlds:10} {s.method:30} {s.saving:>26}"
            print(f"{line} {s.covered:>4}/{s.seeds} {s.found:>6}/{s.seeds} {width:>10}")
    ours = [s for s in found if "OpenDSM" not in s.method]
    return 0 if all(s.covered >= CONFIDENCE * s.seeds for s in ours) else 1


def vars_of(score: Score) -> dict[str, str | float | None]:
    """A score as plain values."""
    plain: dict[str, str | float | None] = asdict(score)
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in plain.items()}


if __name__ == "__main__":
    sys.exit(main())
