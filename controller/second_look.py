"""The supervisor's second look: an answer that rests on a plan it does not believe is no plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

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

        The check makes its own rollout at the pessimistic edge of the forecast. Room for a trip is
        asked of what is about to be written, before it is proposed and when it is carried out
        (`spare_room`): a warming move is narrowed there, which a whole plan could only be thrown away for.
        """
        if isinstance(answer, NoPlan):
            return self._with_nearest(answer, snapshot)
        if answer.plan is None:
            return answer
        plan = answer.plan
        edge = None if self.model is None else edge_rollout(self.site, self.model, plan, outlook, snapshot)
        check = check_plan(plan, self.site, at=instant, edge=edge, period_s=self.period_s)
        if check.passed:
            return answer
        reason = "; ".join(f"{f.about}: {f.problem}" for f in check.findings)
        return NoPlan(plan.made_at, NoPlanCause.FAILED_CHECK, reason, plan.solver)

    def _with_nearest(self, answer: NoPlan, snapshot: Snapshot) -> NoPlan:
        """Where nothing is feasible, what the nearest change would be, by our own reckoning."""
        if answer.cause is not NoPlanCause.INFEASIBLE:
            return answer
        nearest = tuple(n.sentence for n in nearest_changes(self.site, self.model, snapshot))
        return replace(answer, conflict=(*answer.conflict, *nearest))
