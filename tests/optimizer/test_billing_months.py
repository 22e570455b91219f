"""A horizon across a month's end: each month pays for its own highest quarter hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from analytic_plant import demo_site, outlook, snapshot_at
from paper_plant import paper_problem
from scheduled_site import CHILLERS, ECONOMIZER, TANK, day, seen, with_levers, with_tank

from optimizer.billing import BillingMonth, DemandBill
from optimizer.forecast.peaks import month_so_far_kw, ordinary_day_kw
from optimizer.forecast.seasonal import Past
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.pose import pose
from optimizer.problem import Problem
from optimizer.program import LinearPlan, solver_options
from optimizer.schedule import Configurations, Moves, Standing
from optimizer.schedule_tables import Tables
from optimizer.scheduling import _under_caps
from optimizer.solve import Solved, Solver
from plant.forecast import Array, Forecast
from plant.history import History
from plant.plan import Plan
from plant.ports import Advice
from plant.site import Site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid

NEW_YORK = ZoneInfo("America/New_York")
LAST_EVENING = datetime(2025, 6, 30, 20, tzinfo=UTC)
"""16:00 in New York: July begins in eight hours."""
JULY = 32
"""The first step of it."""


# -- whose peak a step counts for -------------------------------------------------------------------


def test_each_month_pays_for_what_its_own_peak_is_above_what_it_pays_in_any_case() -> None:
    # 130 - 110 = 20 and 120 - 105 = 15 kW at 4 a kilowatt.
    months = BillingMonth("old", slice(0, 3), 110.0), BillingMonth("new", slice(3, 6), 105.0)
    bill = DemandBill(4.0, months)
    day = np.array([100.0, 130.0, 90.0, 80.0, 120.0, 110.0])
    assert bill.cost(day) == pytest.approx(140.0)
    # The same power the other way round: 120 - 110 and 130 - 105.
    assert bill.cost(np.stack([day, day[::-1]])) == pytest.approx([140.0, 4 * 35.0])
    assert bill.cost(np.full((2, 6), 100.0)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("zone", "start", "first"),
    [
        # 22:00 of 31 January in New York: two hours are eight quarters.
        ("America/New_York", datetime(2026, 2, 1, 3, 0, tzinfo=UTC), [0, 8, 96]),
        ("America/New_York", datetime(2026, 2, 1, 5, 0, tzinfo=UTC), [0, 96]),
        ("America/New_York", datetime(2026, 1, 31, 5, 0, tzinfo=UTC), [0, 96]),
        # Ten minutes of a step are still October's: it is October's.
        ("America/New_York", datetime(2026, 11, 1, 3, 50, tzinfo=UTC), [0, 1, 96]),
        # The year ends at 13:30 UTC in Adelaide, at midnight in UTC.
        ("Australia/Adelaide", datetime(2025, 12, 31, 12, 0, tzinfo=UTC), [0, 6, 96]),
        ("UTC", datetime(2025, 12, 31, 12, 0, tzinfo=UTC), [0, 48, 96]),
    ],
)
def test_a_month_ends_when_it_does_where_the_site_is(zone: str, start: datetime, first: list[int]) -> None:
    site = demo_site()
    site = replace(site, timezone=zone, tariff=replace(site.tariff, demand_charge_per_kw_month=9.5))
    bill = DemandBill.of(site, replace(outlook(site, start), month_peak_kw=700.0, ordinary_peak_kw=600.0))
    assert [m.steps for m in bill.months] == [slice(a, b) for a, b in pairwise(first)]
    assert [m.paid_kw for m in bill.months] == [700.0, 600.0][: len(first) - 1]
    free = replace(site, tariff=replace(site.tariff, demand_charge_per_kw_month=0.0))
    assert DemandBill.of(free, outlook(free, start)).months == ()


@pytest.mark.parametrize(
    ("start", "so_far", "ordinary", "paid"),
    [
        # 3 June: 27 ordinary days are still to come, which draw 600 whatever is done today.
        (datetime(2025, 6, 3, 12, tzinfo=UTC), 450.0, 600.0, [600.0]),
        (datetime(2025, 6, 3, 12, tzinfo=UTC), 700.0, 600.0, [700.0]),
        # From the last afternoon none is: June is billed what its meter showed, July what is usual.
        (LAST_EVENING, 450.0, 600.0, [450.0, 600.0]),
    ],
)
def test_a_month_that_goes_on_pays_for_an_ordinary_day_in_any_case(
    start: datetime, so_far: float, ordinary: float, paid: list[float]
) -> None:
    site = demo_site()
    site = replace(site, timezone=NEW_YORK.key, tariff=replace(site.tariff, demand_charge_per_kw_month=9.5))
    known = replace(outlook(site, start), month_peak_kw=so_far, ordinary_peak_kw=ordinary)
    assert [m.paid_kw for m in DemandBill.of(site, known).months] == paid


# -- what a month will pay in any case --------------------------------------------------------------


def metered(start: str, hours: int, by_day: dict[str, float]) -> Past:
    """100 kW, and a quarter hour of more at local noon of some days."""
    times = pd.date_range(start, periods=hours * 4, freq="900s", tz=NEW_YORK)
    power = np.full(len(times), 100.0)
    for date, kw in by_day.items():
        power[times == pd.Timestamp(f"{date} 12:00", tz=NEW_YORK)] = kw
    middle = times.tz_convert("UTC").as_unit("s").asi8 + 450.0
    return Past(middle.astype(float), power)


def test_an_ordinary_day_s_peak_is_the_middle_one_of_days_seen_whole() -> None:
    until = datetime(2026, 3, 31, 20, tzinfo=UTC)  # 16:00 in New York: two thirds of the day
    # 27 March at 8:00 to 31 March at 16:00. The 27th and the 31st were seen for 16 hours of 24 each; of the
    # three days between them 300 is in the middle.
    peaks = {"2026-03-27": 900.0, "2026-03-28": 300.0, "2026-03-29": 200.0, "2026-03-30": 800.0}
    past = metered("2026-03-27 08:00", 104, peaks)
    assert ordinary_day_kw(past, 900, until, NEW_YORK) == 300.0
    assert month_so_far_kw(past, until, NEW_YORK) == 900.0
    # Two hours later today counts: 18 of 24 hours, in which there was nothing but 100.
    assert ordinary_day_kw(metered("2026-03-27 08:00", 106, peaks), 900, until, NEW_YORK) == 250.0
    # Gaps are not zeros, and a day with many of them says nothing.
    holed = np.where((past.value < 200) & (past.time_s > past.time_s[64 + 192]), np.nan, past.value)
    assert ordinary_day_kw(Past(past.time_s, holed), 900, until, NEW_YORK) == 250.0


def test_with_less_than_a_day_seen_it_is_the_highest_there_was_and_with_nothing_none() -> None:
    until = datetime(2026, 3, 31, 20, tzinfo=UTC)
    morning = metered("2026-03-31 08:00", 8, {"2026-03-31": 420.0})
    assert ordinary_day_kw(morning, 900, until, NEW_YORK) == 420.0
    nothing = Past(morning.time_s, np.full(len(morning.time_s), np.nan))
    assert ordinary_day_kw(nothing, 900, until, NEW_YORK) == 0.0
    assert month_so_far_kw(nothing, until, NEW_YORK) == 0.0
    assert ordinary_day_kw(Past(np.zeros(0), np.zeros(0)), 900, until, NEW_YORK) == 0.0


def test_five_weeks_ago_says_nothing_of_an_ordinary_day() -> None:
    past = metered("2026-02-20 00:00", 39 * 24, {f"2026-02-{d}": 999.0 for d in range(20, 29)})
    assert ordinary_day_kw(past, 900, datetime(2026, 3, 31, 4, tzinfo=UTC), NEW_YORK) == 100.0


# -- schedules and plans ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def row(history: History) -> Snapshot:
    return replace(snapshot_at(history, 700), time=LAST_EVENING)


@pytest.mark.parametrize(
    ("paid", "drawn"),
    [((200.0, 0.0), [5]), ((0.0, 200.0), [1]), ((0.0, 0.0), [1, 5]), ((200.0, 200.0), [])],
)
def test_a_tank_is_drawn_on_in_the_busy_step_of_the_month_that_pays_for_it(
    paid: tuple[float, float], drawn: list[int]
) -> None:
    # 100 kW but for 130 in the second step of each month; a level of cold is 20 kW less, and 0.1 to move.
    problem = replace(
        paper_problem(100.0),
        grid=TimeGrid(LAST_EVENING, 3600, 8),
        bill=DemandBill(
            10.0, (BillingMonth("old", slice(0, 4), paid[0]), BillingMonth("new", slice(4, 8), paid[1]))
        ),
    )
    by = np.array([-1, 0, 1])
    power = np.tile([100.0, 130.0, 100.0, 100.0], 2)[:, None, None] + 20.0 * by
    money = np.tile(0.1 * np.abs(by), (8, 1, 1))
    none = Configurations(np.zeros(1), np.zeros(1))
    found = _under_caps(
        problem, Tables(none, Moves(by, levels=3), 20.0, money, power, 0.0), Standing(0, level=2)
    )
    assert found is not None
    assert np.flatnonzero(by[found.rate] < 0).tolist() == drawn


def busy(outlook: Forecast, around: int) -> Forecast:
    """Two busy hours: what a tank can shave."""
    more = np.where(np.abs(np.arange(96) - around) < 4, 1.15, 1.0)
    loads = {z: replace(b, mean=b.mean * more) for z, b in outlook.it_reference_kw.items()}
    return replace(outlook, it_reference_kw=loads)


def planned(
    history: History, model: PlantModel, row: Snapshot, charge: float, paid: tuple[float, float], around: int
) -> Plan:
    site = with_levers(history.site, TANK, demand_charge=charge)
    now = seen(row, site)
    asked = replace(busy(day(site, now, dear=0.12), around), month_peak_kw=paid[0], ordinary_peak_kw=paid[1])
    answer = MpcPolicy(site, with_tank(model)).decide(now, asked)
    assert isinstance(answer, Advice)
    assert answer.plan is not None
    return answer.plan


def peaks(plan: Plan) -> tuple[float, float]:
    power = plan.prediction.facility_kw
    return float(power[:JULY].max()), float(power[JULY:].max())


def test_the_busy_hours_of_a_new_month_are_lowered_though_the_old_one_has_paid_for_more(
    history: History, model: PlantModel, row: Snapshot
) -> None:
    free = planned(history, model, row, 0.0, (5000.0, 0.0), around=60)
    usual = peaks(free)[1] - 25.0
    counted = planned(history, model, row, 12.0, (5000.0, usual), around=60)
    assert peaks(counted)[1] < peaks(free)[1] - 10
    assert counted.costs is not None
    assert counted.hold_costs is not None
    assert counted.costs.demand == pytest.approx(12.0 * max(peaks(counted)[1] - usual, 0.0))
    held = float(counted.hold.facility_kw[JULY:].max())
    assert counted.hold_costs.demand == pytest.approx(12.0 * max(held - usual, 0.0))
    # Where July will come to more in any case, its first hours are planned as if nobody billed them.
    ordinary = planned(history, model, row, 12.0, (5000.0, 5000.0), around=60)
    assert peaks(ordinary)[1] == pytest.approx(peaks(free)[1], abs=0.01)
    assert ordinary.costs is not None
    assert ordinary.costs.demand == 0.0


def test_machines_are_scheduled_under_both_months_peaks(
    history: History, model: PlantModel, row: Snapshot
) -> None:
    site = with_levers(history.site, CHILLERS, ECONOMIZER, TANK, demand_charge=12.0)
    now = seen(row, site)
    # Busy at 20:00 of the last evening, and at 7:00 of the first morning.
    asked = busy(busy(day(site, now, dear=0.12), 16), 60)
    unbilled = replace(site, tariff=replace(site.tariff, demand_charge_per_kw_month=0.0))
    free = peaks(decided(unbilled, model, now, asked))
    both = replace(asked, month_peak_kw=free[0] - 20.0, ordinary_peak_kw=free[1] - 20.0)
    plan = decided(site, model, now, both)
    lowered = peaks(plan)
    assert lowered[0] < free[0] - 5
    assert lowered[1] < free[1] - 5
    above = [max(peak - (before - 20.0), 0.0) for peak, before in zip(lowered, free, strict=True)]
    assert plan.costs is not None
    assert plan.costs.demand == pytest.approx(12.0 * sum(above))


def decided(site: Site, model: PlantModel, now: Snapshot, asked: Forecast) -> Plan:
    answer = MpcPolicy(site, with_tank(model)).decide(replace(now, site=site), asked)
    assert isinstance(answer, Advice)
    assert answer.plan is not None
    return answer.plan


def test_shadow_prices_tell_the_months_apart(history: History, model: PlantModel, row: Snapshot) -> None:
    # By finite differences of the same program: a kilowatt more that either month pays for in any case.
    site = with_levers(history.site, TANK, demand_charge=10.0)
    now = seen(row, site)
    asked = replace(day(site, now), month_peak_kw=0.0, ordinary_peak_kw=100.0)
    settings = MpcPolicy(site, with_tank(model)).settings
    problem = pose(site, with_tank(model), settings, now, asked)
    assert isinstance(problem, Problem)
    around = np.tile(problem.board.present, (problem.grid.steps, 1))
    program = LinearPlan(problem)
    solved = program.solve(problem, around)
    assert isinstance(solved, Solved)
    said = {p.limit: p.saving for p in solved.prices}

    def money(changed: Problem) -> float:
        matrix = program.matrices(program.numbers(changed, around))[0]
        ended = Solver(solver_options(settings)).run(matrix)
        assert ended.values is not None
        return float(matrix.cost @ ended.values + matrix.offset)

    base, small = money(problem), 0.01
    for k, month in enumerate(problem.bill.months):
        months = list(problem.bill.months)
        months[k] = replace(month, paid_kw=month.paid_kw + small)
        saved = (base - money(replace(problem, bill=replace(problem.bill, months=tuple(months))))) / small
        assert saved == pytest.approx(10.0, rel=1e-3)
        assert said[month.name] == pytest.approx(saved, rel=1e-3)
    assert {"the month's peak so far", "the next month's ordinary peak"} <= said.keys()


def test_the_program_s_blocks_are_in_the_month_most_of_them_is_in(
    history: History, model: PlantModel, row: Snapshot
) -> None:
    # Eight steps singly, then four together. July begins 31 steps after 20:15: the block of steps 28 to 31
    # is June's but for its last.
    site = with_levers(history.site, TANK, demand_charge=10.0)
    quarter_past = replace(seen(row, site), time=datetime(2025, 6, 30, 20, 15, tzinfo=UTC))
    asked = replace(day(site, quarter_past), month_peak_kw=1.0, ordinary_peak_kw=2.0)
    problem = pose(site, with_tank(model), MpcPolicy(site, model).settings, quarter_past, asked)
    assert isinstance(problem, Problem)
    around = np.tile(problem.board.present, (problem.grid.steps, 1))
    demand = LinearPlan(problem).numbers(problem, around).beyond.demand
    june: Array = (np.arange(30) < 8 + 6).astype(float)
    np.testing.assert_array_equal(demand.within, np.column_stack([june, 1 - june]))
    np.testing.assert_array_equal(demand.paid_kw, np.where(june > 0, 1.0, 2.0))
