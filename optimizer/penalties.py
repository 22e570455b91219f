"""The preferences a plan may break, each by its name, its price, and by how much a plan breaks it.

Physics is not among them: the rollout obeys it. A penalty is exact: its price is far above what
keeping the limit can cost, so it is paid only where the limit cannot be kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.contingency import keeps_room, trip_room
from optimizer.costs import SHORT_PRICE
from optimizer.letting_in import humidity_excess_kh
from optimizer.plan import Contest
from plant.plan import Violation

_WORTH_SAYING = 0.01


def violations(contest: Contest, i: int) -> tuple[Violation, ...]:
    """What the plan breaks over the horizon; empty where it keeps everything."""
    return tuple(v for v in _all(contest, i) if v.amount > _WORTH_SAYING)


def _all(contest: Contest, i: int) -> Iterator[Violation]:
    problem, rolled = contest.problem, contest.rolled
    settings, hours = problem.settings, problem.grid.step_h
    margin = problem.margin_k(rolled.worst_inlet_std_k[i])
    over = np.maximum(rolled.worst_inlet_c[i] - problem.limit_c, 0.0).sum(axis=0) * hours
    into = np.maximum(rolled.worst_inlet_c[i] + margin - problem.limit_c, 0.0).sum(axis=0) * hours
    for z, zone in enumerate(problem.site.zones):
        yield _priced(f"{zone.id} planning limit", over[z], "K·h", settings.violation_cost_per_k_h)
        yield _priced(f"{zone.id} margin for uncertainty", into[z], "K·h", settings.margin_cost_per_k_h)
    if keeps_room(problem):
        room = np.maximum(trip_room(problem, contest.paths[i : i + 1]).excess_k[0], 0.0).sum(axis=0) * hours
        for z, zone in enumerate(problem.site.zones):
            yield _priced(f"{zone.id} room for a trip", room[z], "K·h", settings.violation_cost_per_k_h)
    humid = humidity_excess_kh(problem, contest.paths[i : i + 1], contest.schedules[i : i + 1])[0]
    for z, zone in enumerate(problem.site.zones):
        yield _priced(f"{zone.id} humidity limits", humid[z], "K·h", settings.margin_cost_per_k_h)
    short = float(rolled.short_kw[i].sum()) * hours
    yield _priced("cooling short of the machines asked for", short, "kWh", SHORT_PRICE)
    cap = problem.carbon_cap_kg
    if cap is not None:
        carbon = rolled.facility_kw[i] * hours * np.nan_to_num(problem.carbon_g_per_kwh) / 1000
        yield _priced("carbon cap", float(carbon.sum()) - cap, "kg", settings.cap_price_per_kg)


def _priced(limit: str, amount: float, unit: str, price: float) -> Violation:
    return Violation(limit, float(amount), unit, float(amount) * price)
