"""The supervisor's second look: an answer that rests on a plan it does not believe is no plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from controller.contingency import TripCheck
from controller.nearest import nearest_changes
from controller.rollout_check import edge_rollout
from controller.verify import check_plan
from optimizer.model import PlantModel
from plant.forecast import Forecast
from plant.plan import NoPlan, NoPlanCause
from plant.ports import PolicyAnswer
from plant.site import Site
from plant.snapshot import Snapshot


@dataclass(frozen=True)
class SecondLook:
    """Checks plans by code of its own, with the limits in force and what was learned of the plant."""

    site: Site
    model: PlantModel | None
    period_s: float

    def at(
        self, answer: PolicyAnswer, outlook: Forecast, snapshot: Snapshot, instant: datetime
    ) -> PolicyAnswer:
        """The answer, unless it rests on a plan that fails.

        The check makes its own rollout at the pessimistic edge of the forecast, and asks for every
        step soon to come what would be if a machine tripped then.
        """
        if isinstance(answer, NoPlan):
            return self._with_nearest(answer, snapshot)
        if answer.plan is None:
            return answer
        plan = answer.plan
        edge = None if self.model is None else edge_rollout(self.site, self.model, plan, outlook, snapshot)
        check = check_plan(plan, self.site, at=instant, edge=edge, period_s=self.period_s)
        trips = TripCheck(self.site, self.model).broken_by(plan, outlook, snapshot)
        if check.passed and not trips:
            return answer
        reason = "; ".join((*(f"{f.about}: {f.problem}" for f in check.findings), *trips))
        return NoPlan(plan.made_at, NoPlanCause.FAILED_CHECK, reason, plan.solver, conflict=trips)

    def _with_nearest(self, answer: NoPlan, snapshot: Snapshot) -> NoPlan:
        """Where nothing is feasible, what the nearest change would be, by our own reckoning."""
        if answer.cause is not NoPlanCause.INFEASIBLE:
            return answer
        nearest = tuple(n.sentence for n in nearest_changes(self.site, self.model, snapshot))
        return replace(answer, conflict=(*answer.conflict, *nearest))
