"""What a calibration says of itself: intervals, errors ahead, reasons, drift, and what is left to learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from analytic_plant import START, Truth, make_history, outlook, snapshot_at

from optimizer.commissioning import CommissioningPolicy, commissioning_plan
from optimizer.forecast import Forecaster
from optimizer.forecast.skill import skill
from optimizer.identify import identify
from optimizer.identify.auxiliaries import learn_gains, learn_it_meter, learn_water
from optimizer.identify.chillers import learn_chillers
from optimizer.identify.drift import drift, widened
from optimizer.identify.evidence import Evidence
from optimizer.identify.horizon import calibrate, parted
from optimizer.identify.it_power import learn_it_power
from optimizer.identify.regression import Bounds, Prior, collinear, fit
from optimizer.identify.signals import STATIC_STEP_S, Signals
from optimizer.model import PlantModel
from plant.errors import ConfigError
from plant.history import History
from plant.ports import Advice
from plant.quantities import Quantity

TRUTH = Truth()


def changed(history: History, **columns: object) -> History:
    """The history with some columns replaced; names with '_' for '-' and '__' for '.'."""
    named = {k.replace("__", ".").replace("_", "-"): v for k, v in columns.items()}
    return replace(history, values=history.values.assign(**named))


@pytest.mark.parametrize("follows", [0.0, 0.8])
def test_ninety_percent_intervals_hold_the_truth_nine_times_in_ten(follows: float) -> None:
    """Also where each residual resembles the one before: that is what telemetry is like."""
    inside = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        shock = rng.normal(0, 1, 600)
        noise = np.empty(600)
        noise[0] = shock[0]
        for k in range(1, 600):
            noise[k] = follows * noise[k - 1] + shock[k]
        x = np.column_stack([np.ones(600), np.repeat(rng.uniform(0, 10, 50), 12)])
        found = fit(x, x @ [20.0, 3.0] + noise, Bounds.nonnegative(2), Prior(x[:2], x[:2] @ [20.0, 3.0], 0.1))
        inside.append(np.abs(found.coefficients - [20.0, 3.0]) <= found.half_width)
    assert np.mean(inside, axis=0) == pytest.approx([0.9, 0.9], abs=0.1)


def test_known_parameters_lie_in_their_intervals() -> None:
    """Idle 0.4 and 0.6 per utilization were put in; the IT meter reads the zones' sum, and chilled water
    takes 1.04 of their heat; a kilowatt-hour rejected takes 1.8 L whatever the wet bulb."""
    found: dict[str, list[bool]] = {}
    for seed in range(6):
        still = Signals.of(make_history(days=2.0, seed=seed)).coarse(STATIC_STEP_S)
        design = sum(z.it_design_kw for z in still.site.zones)
        servers = learn_it_power(still, still.site.zones[0].id)[1]
        # The IT curve bends at other knots than the truth's, and priors pull a little, which no interval
        # knows: a thousandth of design is not an error.
        truths = {
            "idle": (servers, TRUTH.idle, 1e-3),
            "per_utilization": (servers, TRUTH.per_utilization, 1e-3),
            "at_design_kw": (learn_it_meter(still)[1], design, 0.0),
            "gains at_design_kw": (learn_gains(still)[1], TRUTH.gain * design, 1e-3 * design),
            "dry_l_kwh": (learn_water(still)[1], 1.8, 1e-3),
        }
        for name, (record, truth, slack) in truths.items():
            e = next(e for e in record.estimates if e.name == name.split()[-1])
            found.setdefault(name, []).append(e.low - slack <= truth <= e.high + slack)
    for name, inside in found.items():
        assert np.mean(inside) >= 0.8, name


def test_a_coefficient_on_its_bound_has_no_interval() -> None:
    x = np.column_stack([np.ones(100), np.linspace(0, 1, 100)])
    found = fit(x, 5 - 3 * x[:, 1], Bounds.nonnegative(2), Prior(np.array([[1.0, 0.0]]), np.array([3.5])))
    assert np.isnan(found.half_width[1])
    assert np.isfinite(found.half_width[0])


def test_levers_that_only_moved_together_are_a_reason() -> None:
    rng = np.random.default_rng(1)
    chw = rng.uniform(7, 15, 200)
    assert "cannot be told apart" in collinear(chw_c=chw, cw_c=chw + 15)[0]
    assert not collinear(chw_c=chw, cw_c=rng.uniform(20, 29, 200))
    assert not collinear(chw_c=chw, cw_c=np.full(200, 25.0)), "an input that stood still misleads nobody"


def test_water_temperatures_moved_together_disqualify_the_chillers(history: History) -> None:
    joined = changed(history, plant__cw_supply=history.values["plant.chw-supply"] + 16)
    record = learn_chillers(Signals.of(joined).coarse(STATIC_STEP_S), Signals.of(joined))[1]
    assert any("only moved together" in reason for reason in record.disqualified)


def test_scrambled_inlets_are_not_trusted(history: History) -> None:
    rng = np.random.default_rng(2)
    columns = [f"zone-a.inlet-{s}" for s in range(1, 7)]
    garbage = history.values.assign(**{c: rng.uniform(15, 30, len(history.values)) for c in columns})
    record = evidence_of(identify(replace(history, values=garbage), at=history.end), "zone-a.inlets")
    assert not record.trusted
    assert any("scatter" in reason for reason in record.disqualified)


def evidence_of(model: PlantModel, name: str) -> Evidence:
    return next(e for e in model.evidence if e.name == name)


@pytest.fixture(scope="module")
def calibrated(history: History) -> PlantModel:
    return calibrate(history, at=history.end)


def test_inlets_left_to_themselves_stay_near_their_noise(calibrated: PlantModel) -> None:
    """Sensor noise is 0.1 K; the warmest of six reads about 1.27 of it high (order statistics)."""
    errors = evidence_of(calibrated, "zone-b.inlets").horizon
    assert [e.ahead_s for e in errors] == [900, 3600, 21_600]
    assert all(e.rmse < 0.3 for e in errors)


def test_errors_ahead_are_of_data_the_model_had_not_seen(history: History) -> None:
    """Fans that draw a kilowatt more in the last quarter only: the trial cannot know."""
    short = replace(
        history, values=history.values.iloc[:600], measured_share=history.measured_share.iloc[:600]
    )
    _, later = parted(short)
    fans = short.values["crah-1.power"].copy()
    fans.loc[later.values.index] += 2.0  # the mean unit of two: 1 kW
    found = evidence_of(calibrate(changed(short, crah_1__power=fans), at=short.end), "zone-a.fans")
    assert found.horizon[0].bias == pytest.approx(-1.0, abs=0.15)


def test_less_than_a_day_cannot_be_parted(history: History) -> None:
    with pytest.raises(ConfigError, match="less than a day"):
        parted(replace(history, values=history.values.iloc[:200]))


def test_only_the_law_that_changed_has_drifted(history: History, model: PlantModel) -> None:
    last = slice(-288, None)
    recent = replace(
        history, values=history.values.iloc[last], measured_share=history.measured_share.iloc[last]
    )
    assert not [d.name for d in drift(model, recent) if d.drifted]
    worn = changed(recent, chw_pumps__power=recent.values["chw-pumps.power"] * 1.15)
    found = [d for d in drift(model, worn) if d.drifted]
    assert [d.name for d in found] == ["chilled-water pump"]
    assert "mostly below what is measured" in found[0].sentence


def test_a_site_that_stood_still_is_stepped_and_one_that_moved_is_not(model: PlantModel) -> None:
    still = make_history(days=2, still=True)
    plan = commissioning_plan(still.site, identify(still, at=still.end))
    assert set(plan.lessons) >= {lever.id for lever in still.site.levers if "zone" in lever.id}
    assert commissioning_plan(still.site, seen_to_start(model)).empty


def seen_to_start(model: PlantModel, starts: int = 3) -> PlantModel:
    law = replace(model.economizer.switching, starts_seen=starts)
    return replace(model, economizer=replace(model.economizer, switching=law))


def test_an_economizer_never_seen_to_start_gets_warm_water_with_all_air_at_the_end(history: History) -> None:
    cold = make_history(days=3, seed=5, wet_c=8.0)
    plan = commissioning_plan(history.site, seen_to_start(identify(cold, at=cold.end), 0))
    assert not plan.empty
    assert any("never seen to start" in why for why in plan.lessons.values())
    last = (plan.hours - 1.0) * 3600
    for lever in history.site.levers:
        at = plan.target(lever, last)
        warm = lever.quantity in {
            Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT,
            Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT,
        }
        assert at > lever.as_found + 4 if warm else at == lever.as_found
        assert at <= lever.high
    # In air that no water we can make is warm enough for, nobody is asked to try.
    hot = make_history(days=3, seed=5, wet_c=24.0)
    assert not commissioning_plan(history.site, seen_to_start(identify(hot, at=hot.end), 0)).warm_end


def test_a_law_that_drifted_is_planned_by_with_the_wider_margin(history: History, model: PlantModel) -> None:
    warmer = {f"zone-a.inlet-{s}": history.values[f"zone-a.inlet-{s}"] + 3.0 for s in range(1, 7)}
    changed_air = replace(history, values=history.values.assign(**warmer))
    found = drift(model, changed_air)
    assert {d.name for d in found if d.drifted} == {"zone-a.inlets"}
    unsure = widened(model, found)
    assert unsure.version != model.version
    assert unsure.bank.std_k[0] == pytest.approx(3.0, abs=0.3)
    np.testing.assert_array_equal(unsure.bank.std_k[1:], model.bank.std_k[1:])
    assert widened(model, drift(model, history)) is model


def test_steps_stay_in_range_and_never_pair_warm_air_with_little_of_it(history: History) -> None:
    plan = commissioning_plan(history.site, None)
    minutes = np.arange(0, plan.hours * 60, 5) * 60.0
    for lever in history.site.levers:
        targets = [plan.target(lever, t) for t in minutes]
        assert lever.low <= min(targets) <= max(targets) <= lever.high
        assert len(set(targets)) >= 3, "two levels teach a line, not a curve"
    for zone in history.site.zones:
        air = history.site.lever(zone.id, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)
        fan = history.site.lever(zone.id, Quantity.FAN_SPEED_SETPOINT)
        assert air is not None
        assert fan is not None
        warm = [(plan.target(air, t) - air.as_found) / 3.0 for t in minutes]
        less = [(fan.as_found - plan.target(fan, t)) / 0.3 for t in minutes]
        assert max(w + s for w, s in zip(warm, less, strict=True)) <= 1.0 + 1e-6


def test_steps_move_slowly_and_a_warm_zone_goes_back(history: History) -> None:
    site = history.site
    policy = CommissioningPolicy(site, commissioning_plan(site, None))
    row = len(history.values) - 1
    forecast = outlook(site, START)
    cool = {
        f"{z.id}.inlet-{s}".replace("-", "__").replace(".", "_"): 22.0
        for z in site.zones
        for s in range(1, 7)
    }
    snapshot = snapshot_at(history, row, **cool)
    now = snapshot.setpoints()
    first = policy.decide(snapshot, forecast)
    assert isinstance(first, Advice)
    for lever in site.levers:
        assert abs(first.setpoints[lever.id] - now[lever.id]) <= lever.max_move + 1e-6
    warm = snapshot_at(history, row, **(cool | {"zone__a_inlet__1": 26.3}))
    eased = policy.decide(warm, forecast)
    assert isinstance(eased, Advice)
    assert "zone-a back to as found" in eased.reason
    lever = site.lever(site.zones[0].id, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)
    assert lever is not None
    toward = np.sign(lever.as_found - now[lever.id])
    assert np.sign(eased.setpoints[lever.id] - now[lever.id]) in (toward, 0)


def test_a_daily_wave_beats_persistence_and_noise_does_not(history: History, model: PlantModel) -> None:
    index = pd.date_range(START, periods=7 * 288, freq="300s")
    hours = np.arange(len(index)) / 12
    walk = 10 + np.cumsum(np.random.default_rng(4).normal(0, 0.05, len(index)))
    wave = 20 + 5 * np.sin(2 * np.pi * hours / 24)
    long = history.values.reindex(index, method="nearest").assign(
        **{"outdoor.dry-bulb": wave, "outdoor.wet-bulb": walk}
    )
    past = History(history.site, 300, long, long.notna().astype(float))
    found = {(s.what, s.ahead_s): s for s in skill(Forecaster(history.site, model), past)}
    assert found["outdoor dry bulb", 21_600].over_persistence > 0.9
    # Nobody beats the last value of a random walk; a little is lost in trying.
    assert -0.6 < found["outdoor wet bulb", 3600].over_persistence < 0.1
    assert found["outdoor wet bulb", 3600].origins == 8 * 3
