"""A ceiling's run, day after day: the best path found, which survives its trips, is followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from benchmarks.ceiling import Effort, Question, best_path
from benchmarks.ceiling_rollout import PERIOD_S, Array, Money, Rollouts
from benchmarks.ceiling_room import TripPrice, trips_along
from benchmarks.savings_record import Recorded
from optimizer.model import PlantModel
from sim.plant import SimulatedPlant

AFTER_H = 2
"""Hours the ceiling looks beyond each day."""
_DAY = 86_400 // PERIOD_S
_TURNS = 4
"""How often at most a ceiling is searched on because a trip along it went too far."""
_SEEDS_APART = 1000


@dataclass(frozen=True)
class Days:
    """What is to be searched: days from a start, at what they cost, with room by a learned law or none."""

    start: datetime
    days: int
    money: Callable[[datetime, int], Money]
    """Of so many periods from an instant."""
    law: PlantModel | None


def run_ceiling(plant: SimulatedPlant, asked: Days, others: Sequence[Recorded], effort: Effort) -> Recorded:
    """The best found with the plant itself as the model, day after day, from what the others did."""
    done = Recorded(plant.copy())
    length = _DAY + AFTER_H * 3600 // PERIOD_S
    for day in range(asked.days):
        rollouts = Rollouts(done.plant, length)
        starts = [_day_of(run, day, length) for run in others]
        room = None if asked.law is None else TripPrice(done.plant, asked.law, length)
        money = asked.money(asked.start + timedelta(days=day), length)
        question = Question(rollouts, money, room)
        final = replace(question, rollouts=Rollouts(done.plant, length, done.plant.physics_step_s))
        path, _ = best_path(question, starts, effort, day, final)
        if room is not None:
            path = _surviving(path, done.plant, final, room, effort, day)
        done.follow(path[:_DAY])
    return done


def _surviving(
    path: Array, plant: SimulatedPlant, question: Question, room: TripPrice, effort: Effort, seed: int
) -> Array:
    """The path, searched on for as long as a machine that is tripped along it takes an inlet too far."""
    again = replace(effort, constant=0, each_start=0, best=effort.best // 3)
    for turn in range(_TURNS):
        if not room.grown(path, trips_along(plant, path)):
            break
        path, _ = best_path(question, [path], again, seed + _SEEDS_APART * (turn + 1))
    return path


def _day_of(run: Recorded, day: int, length: int) -> Array:
    """What somebody did on one day and a little after; the last setpoints where the run ends."""
    path = np.stack(run.paths)[day * _DAY : day * _DAY + length]
    return np.concatenate([path, np.repeat(path[-1:], length - len(path), axis=0)])
