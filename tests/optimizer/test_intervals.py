"""90 % intervals hold what the analytic plant was built with: its coefficients, and where the form of a law
is not the plant's, the plant's own curve at named places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import Truth, make_history
from scipy.optimize import minimize
from scipy.signal import lfilter

from optimizer.identify.auxiliaries import learn_losses
from optimizer.identify.chillers import learn_chillers
from optimizer.identify.crah_fans import learn_crah_fans
from optimizer.identify.evidence import Evidence
from optimizer.identify.furthest import Valley, furthest
from optimizer.identify.intervals import Data, Told, places_seen
from optimizer.identify.signals import STATIC_STEP_S, Signals
from plant.forecast import Array
from plant.history import History

TRUTH = Truth()
SEEDS, COLD_SEEDS = range(32), range(20)
ENOUGH = 0.84
"""Of so many trials, of which 90 % should hold."""


@pytest.fixture(scope="module")
def histories() -> list[History]:
    """Two days each, with meters that scatter: every other one with errors that last."""
    return [metered(make_history(days=2.0, seed=seed), seed, 0.8 * (seed % 2)) for seed in SEEDS]


def metered(history: History, seed: int, follows: float) -> History:
    """Plant meters err by 1 % a sample, the building's by 1 kW."""
    rng, values = np.random.default_rng(1000 + seed), history.values.copy()

    def error() -> Array:
        shock = rng.normal(0, np.sqrt(1 - follows**2), len(values) + 100)
        return np.asarray(lfilter([1.0], [1.0, -follows], shock)[100:])

    for point in ("chiller-1.power", "chiller-2.power"):
        values[point] = values[point] * (1 + 0.01 * error())
    values["utility-meter.power"] = values["utility-meter.power"] + error()
    return replace(history, values=values)


def fans_of(history: History) -> Evidence:
    return learn_crah_fans(Signals.of(history).coarse(STATIC_STEP_S), history.site.zones[0].id)[1]


def chillers_of(history: History) -> Evidence:
    return learn_chillers(Signals.of(history).coarse(STATIC_STEP_S), Signals.of(history))[1]


def losses_of(history: History) -> Evidence:
    return learn_losses(Signals.of(history).coarse(STATIC_STEP_S))[1]


def held(records: list[Evidence], truths: list[Mapping[str, float]]) -> dict[str, float]:
    """How often each number's interval held the truth. What is not stated anywhere is not there."""
    inside: dict[str, list[bool]] = {}
    for record, truth in zip(records, truths, strict=True):
        for e in record.estimates:
            if e.name in truth:
                # An end that is open excludes nothing.
                inside.setdefault(e.name, []).append(not (truth[e.name] < e.low or truth[e.name] > e.high))
    return {name: float(np.mean(found)) for name, found in inside.items()}


def widths(records: list[Evidence], name: str) -> float:
    """The middle interval's half width over its number."""
    found = [(e.high - e.low) / 2 / e.value for r in records for e in r.estimates if e.name == name]
    return float(np.median(found))


def fan_kw(share: float) -> float:
    return TRUTH.fan_static_kw + TRUTH.fan_cube_kw * share**3


def chiller_kw(load: float, chw: float, cw: float) -> float:
    rise = TRUTH.chiller_per_kw + TRUTH.chiller_per_cw_k * (cw - 12) + TRUTH.chiller_per_chw_k * (18 - chw)
    return TRUTH.chiller_fixed_kw + load * rise + TRUTH.chiller_bend * load**2 / 800


def at_middle(record: Evidence, kw: Callable[[float, float, float], float]) -> dict[str, float]:
    """One machine of 800 kW, both waters in the middle of what the record says was seen."""
    middle = {c.name: (c.low + c.high) / 2 for c in record.coverage}
    return {
        f"at_{percent}_percent_kw": kw(8.0 * percent, middle["chw_c"], middle["cw_c"])
        for percent in (50, 75, 100)
    }


# -- the law has the truth's form -------------------------------------------------------------------


def test_fans_are_what_they_are_said_to_be(histories: list[History]) -> None:
    records = [fans_of(h) for h in histories]
    truth = {"constant_kw": TRUTH.fan_static_kw, "cube_kw": TRUTH.fan_cube_kw}
    truth |= {"linear_kw": 0.0, "square_kw": 0.0, "fifth_kw": 0.0}
    truth |= {"at_75_percent_kw": fan_kw(0.75), "at_100_percent_kw": fan_kw(1.0)}
    found = held(records, [truth] * len(records))
    assert found.keys() == truth.keys()
    assert min(found.values()) >= ENOUGH, found
    # r, r², r³ and r⁵ stand in for each other, so single numbers are told badly; the curve is told well.
    assert widths(records, "at_75_percent_kw") < 0.01
    assert widths(records, "at_100_percent_kw") < 0.015


def test_chillers_are_what_they_are_said_to_be(histories: list[History]) -> None:
    records = [chillers_of(h) for h in histories]
    truth = {
        "each_kw": TRUTH.chiller_fixed_kw,
        "per_load": TRUTH.chiller_per_kw,
        "per_cw": 10 * TRUTH.chiller_per_cw_k,
        "per_warm_cw": 0.0,
        "per_cold_chw": 10 * TRUTH.chiller_per_chw_k,
        "bend": TRUTH.chiller_bend,
        "bend_per_cw": 0.0,
    }
    found = held(records, [truth | at_middle(r, chiller_kw) for r in records])
    assert found.keys() >= {*truth, "at_50_percent_kw"}
    assert min(found.values()) >= ENOUGH, found
    assert widths(records, "per_cold_chw") < 0.1
    assert widths(records, "at_50_percent_kw") < 0.02


def test_losses_are_what_they_are_said_to_be(histories: list[History]) -> None:
    records = [losses_of(h) for h in histories]
    design = sum(z.it_design_kw for z in histories[0].site.zones)
    truth = {"constant_kw": 0.0, "linear_kw": TRUTH.loss_share * design, "square_kw": 0.0}
    truth |= {"at_75_percent_kw": 0.75 * TRUTH.loss_share * design}
    found = held(records, [truth] * len(records))
    assert found.keys() == truth.keys()
    assert min(found.values()) >= ENOUGH, found
    assert widths(records, "at_75_percent_kw") < 0.03


# -- the law has another form than the truth ----------------------------------------------------------


def plug_fan_kw(share: Array) -> Array:
    """Flat, then steep: a parabola that starts at 30 % speed, which no sum of whole powers is."""
    return np.asarray(9 * (0.15 + 0.85 * np.maximum(share - 0.3, 0) ** 2 / 0.49))


def test_the_curve_of_fans_of_another_form_is_in_its_intervals(histories: list[History]) -> None:
    rng, records = np.random.default_rng(3), []
    for h in histories:
        power = plug_fan_kw(h.values["crah-1.fan-speed"].to_numpy())
        scatter = {f"crah-{u}.power": power * (1 + 0.01 * rng.normal(size=len(power))) for u in (1, 2)}
        records.append(fans_of(replace(h, values=h.values.assign(**scatter))))
    truth = {f"at_{p}_percent_kw": float(plug_fan_kw(np.array(p / 100))) for p in (75, 100)}
    found = held(records, [truth] * len(records))
    assert found.keys() == truth.keys()
    assert min(found.values()) >= ENOUGH, found
    assert widths(records, "at_100_percent_kw") < 0.02


def doe2_kw(load: Array, chw: Array, cw: Array, count: Array | float = 1.0) -> Array:
    """A machine with DOE-2's curves: quadratic in both temperatures with a cross term, cubic in load."""
    part = load / (count * 800)
    lift = 0.9 + 0.028 * (cw - 29.4) - 0.022 * (chw - 6.7) + 0.0006 * (cw - 29.4) ** 2
    lift = lift + 0.0004 * (cw - 29.4) * (chw - 6.7)
    return np.asarray(count * 800 / 5.4 * lift * (0.1 + 0.62 * part - 0.1 * part**2 + 0.38 * part**3))


def test_the_curve_of_chillers_of_another_form_is_in_its_intervals() -> None:
    rng, records = np.random.default_rng(4), []
    for seed in COLD_SEEDS:
        h = make_history(days=2.0, seed=seed, wet_c=4.0, cw_c=(14.0, 20.0))
        signals, values = Signals.of(h), h.values.copy()
        count = (values["chiller-1.run"] + values["chiller-2.run"]).to_numpy()
        load = signals.cooling_load_kw - signals.economizer_kw
        waters = (values[f"plant.{which}-supply"].to_numpy() for which in ("chw", "cw"))
        power = doe2_kw(load, *waters, count) * (1 + 0.01 * rng.normal(size=len(load)))
        values["chiller-1.power"], values["chiller-2.power"] = power / count, power * (count - 1) / count
        records.append(chillers_of(replace(h, values=values)))
    found = held(
        records, [at_middle(r, lambda *at: float(doe2_kw(*(np.array(x) for x in at)))) for r in records]
    )
    assert found.keys() >= {"at_50_percent_kw", "at_75_percent_kw"}
    assert min(found.values()) >= ENOUGH, found
    assert widths(records, "at_75_percent_kw") < 0.03


def test_a_hump_that_no_curve_of_losses_has_is_in_its_interval(histories: list[History]) -> None:
    rng = np.random.default_rng(5)
    design = sum(z.it_design_kw for z in histories[0].site.zones)

    def hump_kw(share: Array) -> Array:
        return np.asarray(design * (0.03 + 0.03 * share) + 4 * np.exp(-(((share - 0.72) / 0.06) ** 2)))

    records = []
    for h in histories:
        it, cooling = (h.values[f"{meter}-meter.power"].to_numpy() for meter in ("it", "cooling"))
        facility = it + cooling + hump_kw(it / design) + rng.normal(size=len(it))
        records.append(losses_of(replace(h, values=h.values.assign(**{"utility-meter.power": facility}))))
    truth = {"at_75_percent_kw": float(hump_kw(np.array(0.75)))}
    assert held(records, [truth] * len(records))["at_75_percent_kw"] >= ENOUGH
    assert widths(records, "at_75_percent_kw") < 0.03


# -- how an interval is found ---------------------------------------------------------------------------


def valley(r: Array, z: Array, lowest: Array, high: Array) -> Valley:
    return Valley(r.T @ r, lowest, r.T @ (r @ lowest - z), np.zeros(len(z)), high)


def test_a_coefficient_on_its_bound_reaches_as_far_as_on_paper() -> None:
    # |u - (1, -1/2)|² with u ≥ 0 is least, 1/4, at (1, 0). One more: u₁ up to 2; u₂ to (u₂ + 1/2)² = 5/4.
    made = valley(np.eye(2), np.array([1.0, -0.5]), np.array([1.0, 0.0]), np.full(2, np.inf))
    assert furthest(made, np.array([1.0, 0.0]), 1.0).value == pytest.approx(2.0)
    assert furthest(made, np.array([0.0, 1.0]), 1.0).value == pytest.approx(np.sqrt(1.25) - 0.5)
    assert -furthest(made, np.array([-1.0, 0.0]), 4.0).value == pytest.approx(0.0)


@pytest.mark.parametrize("seed", range(6))
def test_the_walk_ends_where_a_general_solver_ends(seed: int) -> None:
    rng = np.random.default_rng(seed)
    r, high = np.triu(rng.normal(size=(4, 4))) + 2 * np.eye(4), np.array([np.inf, 0.6, np.inf, 0.6])
    z, limits = rng.normal(size=4), list(zip(np.zeros(4), high, strict=True))

    def squares(u: Array) -> float:
        return float(np.sum((r @ u - z) ** 2))

    lowest = minimize(squares, np.full(4, 0.3), bounds=limits, method="SLSQP", options={"ftol": 1e-14}).x
    for goal in (*np.eye(4), rng.normal(size=4)):
        # Squares may grow by one.
        fence = {"type": "ineq", "fun": lambda u: squares(lowest) + 1.0 - squares(u)}
        found = minimize(
            lambda u, g=goal: -float(g @ u), lowest, bounds=limits, constraints=fence, method="SLSQP"
        )
        walked = furthest(valley(r, z, lowest, high), goal, 1.0).value
        assert walked == pytest.approx(-float(found.fun), abs=1e-4)


def test_what_the_data_never_showed_has_no_interval_and_an_estimate_is_always_in_its_own() -> None:
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(100), rng.uniform(0, 1, 100), np.zeros(100)])
    told = Told.of(Data(x, 5 + rng.normal(0, 0.1, 100), np.zeros(3), np.full(3, np.inf)))
    never = told.coefficient("never", 2, 7.0)
    assert np.isnan([never.low, never.high]).all()
    pulled = told.coefficient("slope", 1, 3.0)
    assert pulled.low == 0.0
    assert pulled.high == 3.0


def test_two_that_only_moved_together_reach_from_none_of_it_to_all_of_it() -> None:
    # 30 kW that is either constant or 15 kW for each of two machines: both were always on.
    x = np.column_stack([np.ones(100), np.full(100, 2.0)])
    told = Told.of(Data(x, np.full(100, 30.0), np.zeros(2), np.full(2, np.inf)))
    either = [told.coefficient("", k, 0.0) for k in (0, 1)]
    assert [e.low for e in either] == [0.0, 0.0]
    assert [e.high for e in either] == pytest.approx([30.0, 15.0], rel=0.01)


def test_places_are_told_only_where_the_data_went() -> None:
    seen = np.linspace(0.6, 0.9, 50)
    assert places_seen(seen, lambda s: np.array([s])).keys() == {"at_75_percent_kw"}
    assert not places_seen(np.full(50, np.nan), lambda s: np.array([s]))
