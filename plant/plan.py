"""A plan: a setpoint trajectory over the horizon and what is predicted to come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from plant.data_quality import DataQuality
from plant.forecast import Array
from plant.points import OwnerId
from plant.setpoints import LeverId, Setpoints
from plant.timegrid import TimeGrid

_NOT_LOOKED_AT = DataQuality()


class PlanStatus(StrEnum):
    """How the solver ended where there is a plan."""

    OPTIMAL = "optimal"
    INCUMBENT = "incumbent"
    """Stopped at a limit with a feasible answer; `gap` says how far it may be from the best."""
    HEURISTIC = "heuristic"
    """The solver gave nothing better than a rule's own trajectory, which is used."""


@dataclass(frozen=True)
class Prediction:
    """What a trajectory leads to, per step. Arrays have shape (steps,).

    Powers are means over the step [kW]; `water_l`, `carbon_kg` and `cost` are amounts per step.
    `cost` is energy + carbon price + water, in the site's currency.
    """

    worst_inlet_c: Mapping[OwnerId, Array]
    worst_inlet_std_k: Mapping[OwnerId, Array]
    it_kw: Array
    cooling_kw: Array
    facility_kw: Array
    water_l: Array
    carbon_kg: Array
    cost: Array
    chillers_on: Array | None = None
    """Machines running; None where the site has no chillers."""
    stored_kwh: Array | None = None
    """Cold in the tank at the end of each step; None without a tank."""


@dataclass(frozen=True)
class CostParts:
    """What a trajectory costs over the horizon, by what it is paid for. [site's currency]

    `demand` is what the peaks of its months rise by, beyond what they pay in any case; `wear` moves of
    levers and starts of machines; `stored` what the cold taken out of a tank is worth (negative: cold was
    put by for later).
    """

    energy: float
    carbon: float
    water: float
    demand: float = 0.0
    wear: float = 0.0
    stored: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.energy + self.carbon + self.water + self.demand + self.wear + self.stored


@dataclass(frozen=True)
class ShadowPrice:
    """What one more `unit` of room at a binding limit would save over the horizon. [currency]"""

    limit: str
    unit: str
    saving: float


@dataclass(frozen=True)
class Violation:
    """A preference a plan could not keep: by how much over the horizon, and the penalty it paid."""

    limit: str
    amount: float
    unit: str
    penalty: float


@dataclass(frozen=True)
class Candidate:
    """One trajectory that was rolled out and compared: its name, money and worst excess."""

    name: str
    cost: float
    facility_kwh: float
    worst_excess_k: float
    """Largest predicted inlet above the planning limit; ≤ 0 is within it. [K]"""


@dataclass(frozen=True)
class SolverFacts:
    """What the solver did. `gap` is relative; seconds are wall time by stage."""

    solver: str
    termination: str
    gap: float | None
    variables: int
    constraints: int
    stage_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A trajectory for every lever, its prediction, and the prediction of leaving all as it is."""

    id: str
    made_at: datetime
    grid: TimeGrid
    status: PlanStatus
    chosen: str
    trajectory: Mapping[LeverId, Array]
    prediction: Prediction
    hold: Prediction
    candidates: tuple[Candidate, ...]
    binding: tuple[str, ...]
    reason: str
    model_version: str
    solver: SolverFacts
    data_quality: DataQuality = _NOT_LOOKED_AT
    """Of the readings and feeds it was made from; whoever asks the policy fills it in."""

    costs: CostParts | None = None
    hold_costs: CostParts | None = None
    """The same if everything stays as it is."""
    shadow_prices: tuple[ShadowPrice, ...] = ()
    """Of the limits that bind, dearest first; of the linear program around the plan."""
    violations: tuple[Violation, ...] = ()
    alone: Prediction | None = None
    """If its first move were made and nothing after it: what whoever approves that move agrees to."""

    def first(self) -> Setpoints:
        """The setpoints for now."""
        return Setpoints({lever: float(values[0]) for lever, values in self.trajectory.items()})


class NoPlanCause(StrEnum):
    """Why there is no plan. A closed set."""

    NO_DATA = "no_data"
    NO_MODEL = "no_model"
    INFEASIBLE = "infeasible"
    DEADLINE = "deadline"
    SOLVER_ERROR = "solver_error"
    FAILED_CHECK = "failed_check"


@dataclass(frozen=True)
class NoPlan:
    """There is no plan, why, and in plant words what stands in the way. Never a command.

    Where limits cannot be kept together, `conflict` names them (any one of them, widened, would
    help) and `advice` is the plan that breaks them least: for a person to read, not to be written.
    """

    made_at: datetime
    cause: NoPlanCause
    reason: str
    solver: SolverFacts | None = None
    conflict: tuple[str, ...] = ()
    advice: Plan | None = None


PlanOutcome: TypeAlias = Plan | NoPlan
