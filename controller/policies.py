"""Policies by the names users type, in a worker process or in this one."""

from __future__ import annotations

from controller.knowledge import Knowledge
from controller.planner import InlinePlanner, Planner, WorkerPlanner
from controller.room_keeper import with_room_kept
from controller.settings import Settings
from controller.untaught import Untaught
from optimizer.baselines import FixedPolicy, TrimAndRespondPolicy
from optimizer.commissioning import CommissioningPolicy, commissioning_plan
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from plant.errors import ConfigError
from plant.ports import Policy
from plant.site import Site

POLICIES = ("mpc", "trim-and-respond", "fixed")
COMMISSIONING = "commissioning"
"""Not a rival but a lesson: small steps that teach the plant's answer."""


def make_policy(name: str, site: Site, model: PlantModel | None) -> Policy:
    """A policy by the name users type.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    match name:
        case "fixed":
            return FixedPolicy(site)
        case "trim-and-respond":
            return with_room_kept(site, TrimAndRespondPolicy(site), model)
        case "mpc":
            return Untaught() if model is None else MpcPolicy(site, model)
        case "commissioning":
            return CommissioningPolicy(site, commissioning_plan(site, model))
        case _:
            known = ", ".join((*POLICIES, COMMISSIONING))
            raise ConfigError(f"policy {name!r}", "is not known", f"use one of {known}")


def start_planner(policy: str, site: Site, knowledge: Knowledge, settings: Settings) -> Planner:
    """A worker process that is already loading its solver."""
    planner = WorkerPlanner(make_policy(policy, site, knowledge.model), settings.plan_deadline_s)
    planner.start()
    return planner


def inline_planner(policy: str, site: Site, knowledge: Knowledge) -> Planner:
    """Planning in this process, for replays."""
    return InlinePlanner(make_policy(policy, site, knowledge.model))
