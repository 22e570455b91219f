"""Days at the edge on the paper plant: nothing to cool, a machine out, strange weather, changing clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from CoolProp.CoolProp import HAPropsSI
from paper_plant import limited, paper_day, paper_plant, quiet_site, standing
from scheduled_site import CHILLERS, seen, with_levers
from scipy.optimize import brentq

from optimizer.forecast import Forecaster
from optimizer.identify.auxiliaries import PolynomialLaw
from optimizer.identify.economizer import EconomizerLaw
from optimizer.identify.outdoor_air import OutdoorAirLaw
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from plant.forecast import CarbonKind, CarbonSeries, Forecast
from plant.history import History
from plant.plan import NoPlan, NoPlanCause, Plan
from plant.points import PointId
from plant.ports import Advice
from plant.readings import missing
from plant.setpoints import LeverId
from plant.site import Site, TariffPeriod
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid
from telemetry.feeds.price import TariffPrice

STEPS = 24
BUSY = np.full(STEPS, 300.0)


def planned(site: Site, model: PlantModel, snapshot: Snapshot, forecast: Forecast) -> Plan:
    answer = MpcPolicy(site, model).decide(snapshot, forecast)
    assert isinstance(answer, Advice), answer
    assert answer.plan is not None
    assert any(c.name == "solver" for c in answer.plan.candidates), "the program has numbers"
    for values in (answer.plan.prediction.cost, *answer.plan.trajectory.values()):
        assert np.isfinite(values).all()
    return answer.plan


def saturated(c: float) -> float:
    return float(HAPropsSI("H", "T", c + 273.15, "P", 101_325, "R", 1)) / 1000


def room_on_paper(load_kw: float, chw_c: float, cw_c: float, wet_c: float) -> float:
    """The paper plant's plant room by its laws, with CoolProp's moist air. [kW]"""
    number, rejected = (1 if load_kw <= 720 else 2), 1.1 * load_kw
    for _ in range(20):
        half = rejected / (2 * 293 * number / 2)
        force = saturated(wet_c) + rejected / 40
        coldest = float(brentq(lambda c, h=force: saturated(c) - h, -40, 70)) - half
        cw = max(cw_c, coldest, wet_c + 0.5)
        chiller = 10 * number + load_kw * (0.1 + 0.002 * max(cw - 12, 0) + 0.002 * (18 - chw_c))
        rejected = load_kw + chiller
    tower = min(rejected / max(saturated(cw + half) - saturated(wet_c), 1.0), 40.0)
    return chiller + tower + 5 + 10 * number


def cooling_on_paper(plan: Plan, k: int, wet_c: float) -> float:
    """Fans and plant room at a step of a plan, all racks cool. [kW]"""
    path = {str(name): values[k] for name, values in plan.trajectory.items()}
    fans = sum(8 * path[f"zone-{z}.fan-speed"] ** 3 for z in "abcd")
    load = 20 + plan.prediction.it_kw[k] + fans
    return fans + room_on_paper(load, path["plant.chilled-water"], path["plant.condenser-water"], wet_c)


# -- load and machines ------------------------------------------------------------------------------


def test_without_any_load_fans_go_as_slow_as_they_may() -> None:
    site = quiet_site()
    plan = planned(site, paper_plant(site), standing(site), paper_day(site, np.zeros(STEPS)))
    assert plan.prediction.it_kw == pytest.approx(np.zeros(STEPS), abs=1e-9)
    # 20 kW of gains and some 2 kW of fans, on one chiller and one pump; 10 kW of losses on top.
    assert plan.trajectory[LeverId("zone-a.fan-speed")][-1] == pytest.approx(0.4)
    paper = cooling_on_paper(plan, -1, 20.0)
    assert 20 < paper < 40
    assert plan.prediction.cooling_kw[-1] == pytest.approx(paper, abs=0.1)
    assert plan.prediction.facility_kw[-1] == pytest.approx(paper + 10, abs=0.1)


def outdoors(site: Site) -> PlantModel:
    """Dampers in every zone that let all of its heat out, and a chilled water that gains nothing."""
    model = paper_plant(site)
    law = OutdoorAirLaw(60.0, 0.0, -30.0, 30.0)
    zones = tuple(replace(z, outdoor=law) for z in model.zones)
    return replace(model, zones=zones, gains=PolynomialLaw(1000.0, (0.0, 1000.0)))


def test_where_outdoor_air_takes_everything_nothing_is_asked_of_the_plant_room() -> None:
    # At 6 °C outdoors all day 60 kW/K let out more than there is, and coils are asked for nothing at all.
    site = quiet_site()
    plan = planned(site, outdoors(site), standing(site), paper_day(site, np.full(STEPS, 200.0), wet_c=0.0))
    assert plan.prediction.chillers_on is not None
    assert plan.prediction.chillers_on.max() == 0.0
    fans = sum(8 * plan.trajectory[LeverId(f"zone-{z}.fan-speed")] ** 3 for z in "abcd")
    # (The tower is reckoned with a kilowatt at least: 1 / 66 kW of its fans.)
    assert plan.prediction.cooling_kw == pytest.approx(fans + 5.0, abs=0.02)


@pytest.mark.parametrize("levers", [(), (CHILLERS,)])
def test_where_the_exchanger_takes_everything_no_chiller_runs(levers: tuple[()]) -> None:
    # 98 % of the way to tower water of 13 °C is all of the load once chilled water is a little warmer.
    site = with_levers(quiet_site(), *levers)
    able = replace(paper_plant(site), economizer=EconomizerLaw(True, 0.98, 0.0, 100.0, False, 3.0, 1.0))
    plan = planned(site, able, seen(standing(site), site), paper_day(site, np.full(STEPS, 200.0), wet_c=0.0))
    assert plan.prediction.chillers_on is not None
    assert plan.prediction.chillers_on[8:].max() == 0.0
    assert plan.trajectory[LeverId("plant.chilled-water")][8:].min() > 13.0
    # Neither their own 10 kW nor their pump's: fans, 5 kW of pump and the tower's.
    assert plan.prediction.cooling_kw[-1] < 5 + 40 + 4 * 8 * 0.6**3


def test_one_machine_of_two_carries_what_it_can_and_the_rest_is_told() -> None:
    # Some 1,235 kW, and 800 of them can be carried: 435 kW short, at 100 a kilowatt-hour.
    wide = with_levers(quiet_site(), CHILLERS)
    site = replace(
        wide, levers=tuple(replace(lv, high=1.0) if lv.id == CHILLERS.id else lv for lv in wide.levers)
    )
    now = seen(standing(site), site, plant_chillers_setpoint=1.0)
    answer = MpcPolicy(site, paper_plant(site)).decide(now, paper_day(site, BUSY))
    plan = answer.plan if isinstance(answer, Advice) else answer.advice
    assert plan is not None
    assert plan.prediction.chillers_on is not None
    assert plan.prediction.chillers_on.max() == 1.0
    fans = sum(8 * plan.trajectory[LeverId(f"zone-{z}.fan-speed")] ** 3 for z in "abcd")
    short = (20 + plan.prediction.it_kw + fans - 800.0).sum() / 4
    (told,) = [v for v in plan.violations if "cooling short" in v.limit]
    assert told.amount == pytest.approx(short, rel=1e-3)
    assert told.penalty == pytest.approx(100 * short, rel=1e-3)


# -- weather ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wet_c", "warmest_c"), [(-25.0, 30.0), (36.0, 45.0)])
def test_in_weather_nobody_has_seen_the_plan_is_that_of_the_laws(wet_c: float, warmest_c: float) -> None:
    site = quiet_site()
    plan = planned(site, paper_plant(site), standing(site), paper_day(site, BUSY, wet_c=wet_c))
    paper = cooling_on_paper(plan, -1, wet_c)
    assert plan.prediction.cooling_kw[-1] == pytest.approx(paper, rel=0.005)


# -- what is not known ------------------------------------------------------------------------------


def blinded(snapshot: Snapshot, *points: str) -> Snapshot:
    lost = {PointId(p): missing(PointId(p), snapshot.time) for p in points}
    return replace(snapshot, readings={**snapshot.readings, **lost})


def test_a_lost_inlet_stands_where_the_warmest_of_its_zone_does() -> None:
    site = quiet_site()
    values = standing(site)
    warm = {
        PointId(f"zone-a.inlet-{k}"): replace(values.readings[PointId(f"zone-a.inlet-{k}")], value=c)
        for k, c in ((1, 23.0), (3, 25.5))
    }
    now = blinded(replace(values, readings={**values.readings, **warm}), "zone-a.inlet-2")
    problem = pose(site, paper_plant(site), PlannerSettings(), now, paper_day(site, BUSY))
    assert isinstance(problem, Problem)
    # The model knows inlets 1 and 2; the third, 25.5 °C, is the zone's warmest all the same.
    assert problem.world.inlets_c[0, :2] == pytest.approx([23.0, 25.5])
    assert problem.world.inlets_c[1, :2] == pytest.approx([22.0, 22.0])


def test_a_zone_of_which_nothing_is_seen_is_named_and_nothing_planned() -> None:
    site = quiet_site()
    now = blinded(standing(site), *(f"zone-c.inlet-{k}" for k in range(1, 7)))
    answer = MpcPolicy(site, paper_plant(site)).decide(now, paper_day(site, BUSY))
    assert isinstance(answer, NoPlan)
    assert answer.cause is NoPlanCause.NO_DATA
    assert answer.reason == "no usable rack inlet in zone-c"


def test_outdoor_air_that_is_not_foretold_is_missed_only_where_a_law_asks_for_it() -> None:
    site = quiet_site()
    day = paper_day(site, BUSY)
    holed = np.where(np.arange(STEPS) == 9, np.nan, day.dry_bulb_c.mean)
    gap = replace(day, dry_bulb_c=replace(day.dry_bulb_c, mean=holed))
    planned(site, paper_plant(site), standing(site), gap)
    answer = MpcPolicy(site, outdoors(site)).decide(standing(site), gap)
    assert isinstance(answer, NoPlan)
    assert answer.reason == "the forecast of dry bulb has gaps"


# -- clocks -----------------------------------------------------------------------------------------


def lived(site: Site, until: datetime) -> History:
    """Two days up to a time: 200 kW a zone, and a meter that showed 1,500 kW in the last local December
    (2,500 at noon of its 30th) and 900 since."""
    times = pd.date_range(until - timedelta(days=2), until, freq="300s", inclusive="left")
    local = times.tz_convert(site.timezone)
    meter = np.where(local.month == 12, 1500.0, 900.0)
    meter = np.where((local.month == 12) & (local.day == 30) & (local.hour == 12), 2500.0, meter)
    columns = {f"{z.id}.it-power": np.full(len(times), 200.0) for z in site.zones}
    columns |= {"utility-meter.power": meter, "outdoor.wet-bulb": np.full(len(times), 10.0)}
    columns |= {"outdoor.dry-bulb": np.full(len(times), 15.0)}
    frame = pd.DataFrame(columns, index=times)
    return History(site, 300, frame, frame.notna().astype(float))


async def foretold(site: Site, start: datetime) -> tuple[Snapshot, Forecast]:
    grid = TimeGrid(start, 900, 48)
    carbon = CarbonSeries(grid, np.full(48, 350.0), CarbonKind.AVERAGE, "flat", True)
    price = await TariffPrice(site.tariff, site.timezone).price(grid)
    now = replace(standing(site), time=start)
    forecaster = Forecaster(site, paper_plant(site))
    return now, forecaster.forecast(lived(site, start), now, carbon, price, grid)


@pytest.mark.parametrize(
    ("start", "hour", "dear"),
    [
        # New York, 2 November 2025: one o'clock comes twice, at 5 and at 6 UTC.
        (datetime(2025, 11, 1, 20, tzinfo=UTC), 1, [5, 6]),
        # 8 March 2026: two o'clock does not come at all; three does, at 7 UTC.
        (datetime(2026, 3, 7, 20, tzinfo=UTC), 2, []),
        (datetime(2026, 3, 7, 20, tzinfo=UTC), 3, [7]),
        # New Year: midnight is at 5 UTC.
        (datetime(2025, 12, 31, 20, tzinfo=UTC), 0, [5]),
    ],
)
async def test_a_plan_pays_the_dear_hour_as_often_as_the_clock_shows_it(
    start: datetime, hour: int, dear: list[int]
) -> None:
    site = quiet_site()
    period = TariffPeriod("dear", 0.5, (hour,), (0, 1, 2, 3, 4, 5, 6))
    site = replace(site, tariff=replace(site.tariff, price_per_kwh=0.1, periods=(period,)))
    now, forecast = await foretold(site, start)
    plan = planned(site, paper_plant(site), now, forecast)
    at = (start.hour + np.arange(48) // 4) % 24
    price = np.where(np.isin(at, dear), 0.5, 0.1)
    assert plan.costs is not None
    assert plan.costs.energy == pytest.approx((plan.prediction.facility_kw * price).sum() / 4)
    assert plan.grid.start == start


@pytest.mark.parametrize(
    ("start", "billed_kw", "first", "paid_kw"),
    [
        # 23:30 of the old year in New York: January is two steps away, and has paid for nothing.
        (datetime(2026, 1, 1, 4, 30, tzinfo=UTC), 2500.0, 2, 0.0),
        (datetime(2026, 1, 1, 5, 30, tzinfo=UTC), 900.0, 0, 900.0),  # half an hour of the new one
    ],
)
async def test_a_peak_is_billed_until_the_month_ends_where_the_site_is(
    start: datetime, billed_kw: float, first: int, paid_kw: float
) -> None:
    # Some 1,000 kW are used: below the peak of December, above that of a January of half an hour.
    site = limited(with_levers(quiet_site(), demand_charge=10.0), 27.0)
    now, forecast = await foretold(site, start)
    assert forecast.month_peak_kw == pytest.approx(billed_kw)
    # The 30th of December came to 2,500 kW and the 31st to 1,500: other days were seen for half an hour.
    assert forecast.ordinary_peak_kw == pytest.approx(2000.0)
    plan = planned(site, paper_plant(site), now, forecast)
    assert plan.costs is not None
    # January will come to an ordinary day's 2,000 kW in any case.
    assert plan.costs.demand == 0.0
    # With nothing known of ordinary days only the meter counts.
    plan = planned(site, paper_plant(site), now, replace(forecast, ordinary_peak_kw=0.0))
    assert plan.costs is not None
    above = float(plan.prediction.facility_kw[first:].max()) - paid_kw
    assert above > 50
    assert plan.costs.demand == pytest.approx(10 * above)
