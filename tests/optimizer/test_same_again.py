"""The same input gives the same plan: after other questions, from a fresh planner, in another process."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from analytic_plant import snapshot_at
from scheduled_site import CHILLERS, DEFERRAL, ECONOMIZER, TANK, day, seen, with_levers, with_tank

from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from plant.history import History
from plant.plan import Plan
from plant.ports import Advice, PolicyAnswer


def plan_of(answer: PolicyAnswer) -> Plan:
    assert isinstance(answer, Advice)
    assert answer.plan is not None
    return answer.plan


def test_a_scheduled_plan_is_the_same_bit_for_bit_from_a_used_a_fresh_and_another_process_s_planner(
    history: History, model: PlantModel
) -> None:
    site = with_levers(history.site, CHILLERS, ECONOMIZER, TANK, DEFERRAL, demand_charge=5.0)
    stored = with_tank(model)
    now = seen(snapshot_at(history, 700), site, 0.4)
    asked, other = day(site, now, wet_c=14.0), day(site, now, load=0.5, wet_c=20.0, dear=0.15)
    used = MpcPolicy(site, stored)
    first = plan_of(used.decide(now, asked))
    unlike = plan_of(used.decide(now, other))
    again = plan_of(used.decide(now, asked))
    fresh = plan_of(MpcPolicy(site, stored).decide(now, asked))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        elsewhere = plan_of(pool.submit(MpcPolicy(site, stored).decide, now, asked).result())
    assert unlike.id != first.id
    for plan in (again, fresh, elsewhere):
        assert plan.id == first.id
        assert plan.trajectory.keys() == first.trajectory.keys()
        for lever, path in first.trajectory.items():
            np.testing.assert_array_equal(plan.trajectory[lever], path)
        np.testing.assert_array_equal(plan.prediction.cost, first.prediction.cost)
        assert plan.shadow_prices == first.shadow_prices
